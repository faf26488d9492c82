/* How does a problem or an answer get out? As a text that is made in memory and published whole or not at all: JSON and
 * CSV with as many digits as a number needs, 17 at most, so that it reads back equal. */
#ifndef SEARCH_TEXT_FILE_H
#define SEARCH_TEXT_FILE_H

#include "base/error.h"
#include <stdio.h>

struct text_file {
  FILE *out; /* to be written to */
  const char *path;
  char *text; /* the rest is the file's */
  size_t n;
};
/* `path`: where it shall be; must live as long. text_file_publish is due if this is true. */
bool text_file_open(struct text_file *file, const char *path, struct error *error);
bool text_file_publish(struct text_file *file, struct error *error);

/* The shortest form that reads back equal. */
void text_file_number(FILE *out, double value);
/* A JSON string, ASCII alone. */
void text_file_json(FILE *out, const char *text);
/* A cell of RFC 4180: quoted if it must be. */
void text_file_cell(FILE *out, const char *text);

#endif
