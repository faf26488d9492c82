/* See text_file.h. */
#include "search/text_file.h"

#include "base/file.h"
#include "base/text.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 32 };

static bool no_memory(const char *path, struct error *error) {
  return error_add(error, STATUS_ENVIRONMENT, "%s: no memory for the file", path);
}

bool text_file_open(struct text_file *file, const char *path, struct error *error) {
  *file = (struct text_file){.path = path};
  file->out = open_memstream(&file->text, &file->n);
  return file->out != NULL || no_memory(path, error);
}

bool text_file_publish(struct text_file *file, struct error *error) {
  const bool written = !ferror(file->out);
  const bool closed = fclose(file->out) == 0;
  const bool fine =
      written && closed ? file_publish(file->path, file->text, file->n, error) : no_memory(file->path, error);
  free(file->text);
  return fine;
}

void text_file_number(FILE *out, double value) {
  char text[NUMBER_BYTES];
  text_from_double(value, text);
  fputs(text, out);
}

void text_file_json(FILE *out, const char *text) {
  json_t *const string = json_string(text);
  char *quoted = string != NULL ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
  fputs(quoted != NULL ? quoted : "\"?\"", out);
  free(quoted);
  json_decref(string);
}

void text_file_cell(FILE *out, const char *text) {
  if (text[strcspn(text, ",\"\r\n")] == '\0') {
    fputs(text, out);
    return;
  }
  putc('"', out);
  for (; *text != '\0'; text++) {
    if (*text == '"') putc('"', out);
    putc(*text, out);
  }
  putc('"', out);
}
