/* How does a problem get in? As a JSON object, with lines in what is said of its keys; its tables stand in it, or
 * beside it as CSV files. For the readers of the problems here: each mistake is added, and reading goes on. */
#ifndef SEARCH_READER_H
#define SEARCH_READER_H

#include "base/arena.h"
#include "base/csv.h"
#include "base/error.h"
#include <jansson.h>
#include <stdint.h>

enum { READER_SHOWN_BYTES = 80 };
/* Begun with `arena` and `error`, and of a text in memory with its n bytes; the rest is the reader's. Not to be copied:
 * it points into itself. */
struct reader {
  const char *path; /* NULL: none, so there are no files beside it */
  const char *file; /* the same, or a text's name, fit to be shown */
  const char *text;
  size_t n;
  json_t *root;
  struct arena *arena; /* for what stays */
  struct arena *scratch, own;
  struct error *error;
};
/* The object, in the file or in the text of that name. `format`: an example of the key that must say what it is, for
 * the message. Whatever comes of it, reader_end gives back the text and all that lies in `scratch`. */
bool reader_begin_file(struct reader *r, const char *path, size_t most_bytes, const char *format);
bool reader_begin_text(struct reader *r, const char *name, const char *format);
void reader_end(struct reader *r);

/* What numbers are allowed. */
enum reader_range { READER_AMOUNT, READER_RATE, READER_SHARE, READER_WHOLE, READER_COUNT, READER_N_RANGES };
extern const char *const reader_range_texts[READER_N_RANGES];
bool reader_in_range(double value, enum reader_range range);

/* Has its key `format` this value? */
bool reader_is_of(const struct reader *r, const char *format);
/* Line of a key of the outermost object, or 1. */
unsigned reader_line_of(const struct reader *r, const char *name);
/* Lines of the elements of the list `name`, or of the list `rows` in the object `name`. */
uint32_t *reader_lines_of(const struct reader *r, const char *name, bool rows, size_t n);
bool reader_complain(const struct reader *r, unsigned line, const char *key, const char *what);
bool reader_complain_of(const struct reader *r, unsigned line, const char *key, const json_t *value,
                        const char *wanted);
/* Each leaves its value as it is if the key is missing, numbers also if it is null. */
bool reader_number(const struct reader *r, const json_t *object, unsigned line, const char *key,
                   enum reader_range range, double *value);
bool reader_whole(const struct reader *r, const json_t *object, unsigned line, const char *key, enum reader_range range,
                  uint64_t *value);
bool reader_flag(const struct reader *r, const json_t *object, unsigned line, const char *key, bool *flag);
bool reader_name(const struct reader *r, const json_t *object, unsigned line, const char *key, bool needed,
                 const char **name);
/* A word of a list that ends with NULL; its number goes to `choice`. */
bool reader_choice(const struct reader *r, const json_t *object, unsigned line, const char *key,
                   const char *const *words, int *choice);
/* Keys that nobody knows are notes, unless they look like a slip. line 0: each key's own. */
bool reader_check_keys(const struct reader *r, json_t *object, unsigned line, const char *const *known, size_t n);
/* `table` is {"columns": […], "rows": […]} or the name of a CSV file; n_columns 0: it is NULL and not needed. */
bool reader_table(const struct reader *r, const char *key, const json_t *table, bool needed, size_t max_rows,
                  struct csv *csv);
/* A name of a layer, board, …: not empty, without control characters. */
bool reader_is_name(const char *text);

/* key=value of the command line, one of `keys` each, put into the root: JSON, or a plain word. */
bool reader_take_sets(const struct reader *r, const char *const *keys, size_t n_keys, const char *const *sets,
                      size_t n_sets);

#endif
