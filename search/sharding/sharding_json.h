/* JSON with lines in its messages, and tables that stand in it or beside it as CSV. Private to the readers here. */
#ifndef SEARCH_SHARDING_SHARDING_JSON_H
#define SEARCH_SHARDING_SHARDING_JSON_H

#include "base/arena.h"
#include "base/csv.h"
#include "base/error.h"
#include <jansson.h>
#include <stdint.h>

enum { SHARDING_SHOWN_BYTES = 80 };
struct sharding_json {
  const char *path; /* NULL: none, so there are no files beside it */
  const char *file; /* the same, fit to be shown */
  const char *text;
  size_t n;
  json_t *root;
  struct arena *arena, *scratch;
  struct error *error;
};
/* What numbers are allowed. */
enum sharding_range { SHARDING_AMOUNT, SHARDING_RATE, SHARDING_WHOLE, SHARDING_COUNT, SHARDING_N_RANGES };
extern const char *const sharding_range_texts[SHARDING_N_RANGES];
bool sharding_in_range(double value, enum sharding_range range);

/* Line of a key of the outermost object, or 1. */
unsigned sharding_line_of(const struct sharding_json *r, const char *name);
/* Lines of the elements of the list `name`, or of the list `rows` in the object `name`. */
uint32_t *sharding_lines_of(const struct sharding_json *r, const char *name, bool rows, size_t n);
bool sharding_complain(const struct sharding_json *r, unsigned line, const char *key, const char *what);
bool sharding_complain_of(const struct sharding_json *r, unsigned line, const char *key, const json_t *value,
                          const char *wanted);
/* Each leaves its value as it is if the key is missing. */
bool sharding_read_number(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                          enum sharding_range range, double *value);
bool sharding_read_whole(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                         enum sharding_range range, uint64_t *value);
bool sharding_read_flag(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                        bool *flag);
bool sharding_read_name(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                        bool needed, const char **name);
/* Keys that nobody knows are notes, unless they look like a slip. line 0: each key's own. */
bool sharding_check_keys(const struct sharding_json *r, json_t *object, unsigned line, const char *const *known,
                         size_t n);
/* `table` is {"columns": […], "rows": […]} or the name of a CSV file; n_columns 0: it is NULL and not needed. */
bool sharding_read_table(const struct sharding_json *r, const char *key, const json_t *table, bool needed,
                         size_t max_rows, struct csv *csv);
/* A name of a layer, board, …: not empty, without control characters. */
bool sharding_is_name(const char *text);

#endif
