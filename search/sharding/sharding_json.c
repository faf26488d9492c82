/* See sharding_json.h. */
#include "search/sharding/sharding_json.h"

#include "base/json_lines.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 256, NUMBER_BYTES = 32 };

/* --- lines ----------------------------------------------------------------------------------------------------------
 */

unsigned sharding_line_of(const struct sharding_json *r, const char *name) {
  if (json_object_get(r->root, name) == NULL) return 1; /* saves the walk over a long text */
  const unsigned line = json_line_of((struct json_text){r->text, r->n}, name);
  return line > 0 ? line : 1;
}

uint32_t *sharding_lines_of(const struct sharding_json *r, const char *name, bool rows, size_t n) {
  return json_lines_of((struct json_text){r->text, r->n}, name, rows, n, r->arena);
}

/* --- values ---------------------------------------------------------------------------------------------------------
 */

bool sharding_complain(const struct sharding_json *r, unsigned line, const char *key, const char *what) {
  return error_add(r->error, STATUS_INPUT, "%s:%u: %s: %s", r->file, line, key, what);
}

bool sharding_complain_of(const struct sharding_json *r, unsigned line, const char *key, const json_t *value,
                          const char *wanted) {
  if (value == NULL)
    return sharding_complain(r, line, key, arena_printf(r->scratch, "is missing, %s was expected", wanted));
  char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17)), text[SHARDING_SHOWN_BYTES];
  text_escape(dump != NULL ? dump : "?", text, sizeof text);
  free(dump);
  return sharding_complain(r, line, key, arena_printf(r->scratch, "%s, %s was expected", text, wanted));
}

const char *const sharding_range_texts[SHARDING_N_RANGES] = {
    [SHARDING_AMOUNT] = "a finite number of at least 0",
    [SHARDING_RATE] = "a finite number above 0",
    [SHARDING_WHOLE] = "a whole number from 0 to 2^53",
    [SHARDING_COUNT] = "a whole number from 1 to 2^53",
};

bool sharding_in_range(double value, enum sharding_range range) {
  if (!isfinite(value) || value < 0 || (value <= 0 && (range == SHARDING_RATE || range == SHARDING_COUNT)))
    return false;
  return (range != SHARDING_WHOLE && range != SHARDING_COUNT) || (value <= 0x1p53 && trunc(value) >= value);
}

bool sharding_is_name(const char *text) {
  for (const char *c = text; *c != 0; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
  }
  return *text != 0;
}

/* `value` stays as it is if the key is missing or null. */
bool sharding_read_number(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                          enum sharding_range range, double *value) {
  const json_t *number = json_object_get(object, key);
  if (number == NULL || json_is_null(number)) return true;
  if (!json_is_number(number) || !sharding_in_range(json_number_value(number), range)) {
    return sharding_complain_of(r, line, key, number, sharding_range_texts[range]);
  }
  *value = json_number_value(number);
  return true;
}

bool sharding_read_whole(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                         enum sharding_range range, uint64_t *value) {
  double number = -1;
  const bool fine = sharding_read_number(r, object, line, key, range, &number);
  if (fine && number >= 0) *value = (uint64_t)number;
  return fine;
}

bool sharding_read_flag(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                        bool *flag) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL) return true;
  if (!json_is_boolean(value)) return sharding_complain_of(r, line, key, value, "true or false");
  *flag = json_is_true(value);
  return true;
}

bool sharding_read_name(const struct sharding_json *r, const json_t *object, unsigned line, const char *key,
                        bool needed, const char **name) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL && !needed) return true;
  if (!json_is_string(value) || !sharding_is_name(json_string_value(value))) {
    return sharding_complain_of(r, line, key, value, "a name");
  }
  *name = arena_copy_text(r->arena, json_string_value(value));
  return true;
}

/* Keys that nobody knows are notes, unless they look like a slip. */
bool sharding_check_keys(const struct sharding_json *r, json_t *object, unsigned line, const char *const *known,
                         size_t n) {
  bool fine = true;
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    bool is_known = false;
    for (size_t i = 0; i < n; i++) is_known = is_known || strcmp(key, known[i]) == 0;
    const char *nearest = is_known ? NULL : text_nearest(key, known, n);
    if (nearest == NULL) continue;
    char shown[SHARDING_SHOWN_BYTES];
    text_escape(key, shown, sizeof shown);
    fine = sharding_complain(r, line > 0 ? line : sharding_line_of(r, key), shown,
                             arena_printf(r->scratch, "is no key; did you mean %s?", nearest));
  }
  return fine;
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

/* A cell as a CSV file would have it; NULL: cannot be one. */
static const char *cell_text(const struct sharding_json *r, const json_t *value) {
  if (json_is_string(value)) return arena_copy_text(r->scratch, json_string_value(value));
  if (json_is_integer(value)) return arena_printf(r->scratch, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  if (json_is_real(value)) {
    char text[NUMBER_BYTES];
    text_from_double(json_real_value(value), text);
    return arena_copy_text(r->scratch, text);
  }
  return json_is_null(value) ? "" : NULL;
}

static bool read_inline(const struct sharding_json *r, const char *key, const json_t *table, size_t max_rows,
                        struct csv *csv) {
  const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows");
  const size_t n_columns = json_array_size(columns), n_rows = json_array_size(rows);
  if (n_columns < 1 || n_columns > MOST_COLUMNS || !json_is_array(rows)) {
    return sharding_complain(r, sharding_line_of(r, key), key, "{\"columns\": […], \"rows\": [[…], …]} was expected");
  }
  if (n_rows > max_rows) {
    return sharding_complain(r, sharding_line_of(r, key), key,
                             arena_printf(r->scratch, "more than %zu rows, which is the most", max_rows));
  }
  const char **header = ARENA_NEW(r->scratch, const char *, n_columns);
  const char **cells = ARENA_NEW(r->scratch, const char *, n_columns *n_rows);
  const uint32_t *lines = sharding_lines_of(r, key, true, n_rows);
  bool fine = true;
  for (size_t c = 0; c < n_columns; c++) {
    const json_t *name = json_array_get(columns, c);
    if (!json_is_string(name))
      return sharding_complain_of(r, sharding_line_of(r, key), key, name, "the name of a column");
    header[c] = arena_copy_text(r->scratch, json_string_value(name));
    for (size_t b = 0; b < c; b++) {
      if (strcmp(header[b], header[c]) == 0) {
        fine = sharding_complain_of(r, sharding_line_of(r, key), key, name, "the name of one column only");
      }
    }
  }
  for (size_t i = 0; i < n_rows; i++) {
    const json_t *row = json_array_get(rows, i);
    if (json_array_size(row) != n_columns) {
      fine = sharding_complain_of(r, lines[i], key, row, arena_printf(r->scratch, "a list of %zu", n_columns));
      continue;
    }
    for (size_t c = 0; c < n_columns; c++) {
      const char *text = cells[i * n_columns + c] = cell_text(r, json_array_get(row, c));
      if (text == NULL) fine = sharding_complain_of(r, lines[i], header[c], json_array_get(row, c), "a text or number");
    }
  }
  *csv = (struct csv){r->file, n_columns, n_rows, header, cells, lines};
  return fine;
}

bool sharding_read_table(const struct sharding_json *r, const char *key, const json_t *table, bool needed,
                         size_t max_rows, struct csv *csv) {
  *csv = (struct csv){0};
  if (table == NULL && !needed) return true;
  if (json_is_object(table)) return read_inline(r, key, table, max_rows, csv);
  if (!json_is_string(table) || (r->path == NULL && json_is_string(table))) {
    return sharding_complain_of(r, sharding_line_of(r, key), key, table,
                                r->path == NULL ? "a table" : "a table or the name of a CSV file");
  }
  const char *name = json_string_value(table), *slash = strrchr(r->path, '/');
  const int folder = slash == NULL || name[0] == '/' ? 0 : (int)(slash - r->path) + 1;
  const char *path = arena_printf(r->scratch, "%.*s%s", folder, r->path, name);
  struct error error = {0};
  if (csv_read(path, max_rows, r->scratch, csv, &error)) return true;
  if (error.status == STATUS_ENVIRONMENT)
    sharding_complain_of(r, sharding_line_of(r, key), key, table, "a file that can be read");
  error_join(r->error, &error);
  return false;
}
