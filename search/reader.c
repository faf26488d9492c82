/* See reader.h. */
#include "search/reader.h"

#include "base/file.h"
#include "base/json_lines.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 256, NUMBER_BYTES = 32 };
/* Some editors begin files with it; tables may, too. */
static const char byte_order_mark[] = "\xef\xbb\xbf";

/* --- the object ------------------------------------------------------------------------------------------------------
 */

static bool parse(struct reader *r, const char *name, const char *format) {
  char file[4 * READER_SHOWN_BYTES], shown[2 * READER_SHOWN_BYTES];
  text_escape(name, file, sizeof file);
  r->file = arena_copy_text(r->arena, file);
  json_error_t mistake;
  if (r->n >= strlen(byte_order_mark) && memcmp(r->text, byte_order_mark, strlen(byte_order_mark)) == 0) {
    r->text += strlen(byte_order_mark), r->n -= strlen(byte_order_mark);
  }
  r->root = json_loadb(r->text, r->n, JSON_REJECT_DUPLICATES, &mistake);
  if (json_is_object(r->root)) return true;
  if (r->root != NULL)
    return error_add(r->error, STATUS_INPUT, "%s:1: no object; {\"format\": \"%s\", …} was expected", file, format);
  text_escape(mistake.text, shown, sizeof shown);
  return error_add(r->error, STATUS_INPUT, "%s:%d: column %d: %s", file, mistake.line > 0 ? mistake.line : 1,
                   mistake.column > 0 ? mistake.column : 1, shown);
}

static void begin(struct reader *r) {
  r->scratch = &r->own;
  arena_init(r->scratch, 1 << 16);
}

bool reader_begin_file(struct reader *r, const char *path, size_t most_bytes, const char *format) {
  char *text = NULL;
  begin(r);
  if (!file_read(path, most_bytes, r->scratch, &text, &r->n, r->error)) return false;
  r->path = path, r->text = text;
  return parse(r, path, format);
}

bool reader_begin_text(struct reader *r, const char *name, const char *format) {
  begin(r);
  return parse(r, name, format);
}

void reader_end(struct reader *r) {
  json_decref(r->root);
  arena_release(r->scratch); /* as large as the files: given back at the end */
}

bool reader_is_of(const struct reader *r, const char *format) {
  const json_t *const value = json_object_get(r->root, "format");
  if (json_is_string(value) && strcmp(json_string_value(value), format) == 0) return true;
  return reader_complain_of(r, reader_line_of(r, "format"), "format", value,
                            arena_printf(r->scratch, "\"%s\"", format));
}

/* --- lines ----------------------------------------------------------------------------------------------------------
 */

unsigned reader_line_of(const struct reader *r, const char *name) {
  if (json_object_get(r->root, name) == NULL) return 1; /* saves the walk over a long text */
  const unsigned line = json_line_of((struct json_text){r->text, r->n}, name);
  return line > 0 ? line : 1;
}

uint32_t *reader_lines_of(const struct reader *r, const char *name, bool rows, size_t n) {
  return json_lines_of((struct json_text){r->text, r->n}, name, rows, n, r->arena);
}

/* --- values ---------------------------------------------------------------------------------------------------------
 */

bool reader_complain(const struct reader *r, unsigned line, const char *key, const char *what) {
  return error_add(r->error, STATUS_INPUT, "%s:%u: %s: %s", r->file, line, key, what);
}

bool reader_complain_of(const struct reader *r, unsigned line, const char *key, const json_t *value,
                        const char *wanted) {
  if (value == NULL)
    return reader_complain(r, line, key, arena_printf(r->scratch, "is missing, %s was expected", wanted));
  char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17)), text[READER_SHOWN_BYTES];
  text_escape(dump != NULL ? dump : "?", text, sizeof text);
  free(dump);
  return reader_complain(r, line, key, arena_printf(r->scratch, "%s, %s was expected", text, wanted));
}

const char *const reader_range_texts[READER_N_RANGES] = {
    [READER_AMOUNT] = "a finite number of at least 0", [READER_RATE] = "a finite number above 0",
    [READER_SHARE] = "a number from 0 to 1",           [READER_WHOLE] = "a whole number from 0 to 2^53",
    [READER_COUNT] = "a whole number from 1 to 2^53",
};

bool reader_in_range(double value, enum reader_range range) {
  if (!isfinite(value) || value < 0 || (value <= 0 && (range == READER_RATE || range == READER_COUNT))) return false;
  if (range == READER_SHARE) return value <= 1;
  return (range != READER_WHOLE && range != READER_COUNT) || (value <= 0x1p53 && trunc(value) >= value);
}

bool reader_is_name(const char *text) {
  for (const char *c = text; *c != 0; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
  }
  return *text != 0;
}

bool reader_number(const struct reader *r, const json_t *object, unsigned line, const char *key,
                   enum reader_range range, double *value) {
  const json_t *number = json_object_get(object, key);
  if (number == NULL || json_is_null(number)) return true;
  if (!json_is_number(number) || !reader_in_range(json_number_value(number), range)) {
    return reader_complain_of(r, line, key, number, reader_range_texts[range]);
  }
  *value = json_number_value(number);
  return true;
}

bool reader_whole(const struct reader *r, const json_t *object, unsigned line, const char *key, enum reader_range range,
                  uint64_t *value) {
  double number = -1;
  const bool fine = reader_number(r, object, line, key, range, &number);
  if (fine && number >= 0) *value = (uint64_t)number;
  return fine;
}

bool reader_flag(const struct reader *r, const json_t *object, unsigned line, const char *key, bool *flag) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL) return true;
  if (!json_is_boolean(value)) return reader_complain_of(r, line, key, value, "true or false");
  *flag = json_is_true(value);
  return true;
}

bool reader_choice(const struct reader *r, const json_t *object, unsigned line, const char *key,
                   const char *const *words, int *choice) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL) return true;
  const char *allowed = "one of";
  for (int i = 0; words[i] != NULL; i++) {
    if (json_is_string(value) && strcmp(json_string_value(value), words[i]) == 0) {
      *choice = i;
      return true;
    }
    allowed = arena_printf(r->scratch, "%s%s \"%s\"", allowed, i > 0 ? "," : "", words[i]);
  }
  return reader_complain_of(r, line, key, value, allowed);
}

bool reader_name(const struct reader *r, const json_t *object, unsigned line, const char *key, bool needed,
                 const char **name) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL && !needed) return true;
  if (!json_is_string(value) || !reader_is_name(json_string_value(value))) {
    return reader_complain_of(r, line, key, value, "a name");
  }
  *name = arena_copy_text(r->arena, json_string_value(value));
  return true;
}

bool reader_check_keys(const struct reader *r, json_t *object, unsigned line, const char *const *known, size_t n) {
  bool fine = true;
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    bool is_known = false;
    for (size_t i = 0; i < n; i++) is_known = is_known || strcmp(key, known[i]) == 0;
    const char *nearest = is_known ? NULL : text_nearest(key, known, n);
    if (nearest == NULL) continue;
    char shown[READER_SHOWN_BYTES];
    text_escape(key, shown, sizeof shown);
    fine = reader_complain(r, line > 0 ? line : reader_line_of(r, key), shown,
                           arena_printf(r->scratch, "is no key; did you mean %s?", nearest));
  }
  return fine;
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

/* A cell as a CSV file would have it; NULL: cannot be one. */
static const char *cell_text(const struct reader *r, const json_t *value) {
  if (json_is_string(value)) return arena_copy_text(r->scratch, json_string_value(value));
  if (json_is_integer(value)) return arena_printf(r->scratch, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
  if (json_is_real(value)) {
    char text[NUMBER_BYTES];
    text_from_double(json_real_value(value), text);
    return arena_copy_text(r->scratch, text);
  }
  return json_is_null(value) ? "" : NULL;
}

static bool read_inline(const struct reader *r, const char *key, const json_t *table, size_t max_rows,
                        struct csv *csv) {
  const json_t *columns = json_object_get(table, "columns"), *rows = json_object_get(table, "rows");
  const size_t n_columns = json_array_size(columns), n_rows = json_array_size(rows);
  if (n_columns < 1 || n_columns > MOST_COLUMNS || !json_is_array(rows)) {
    return reader_complain(r, reader_line_of(r, key), key, "{\"columns\": […], \"rows\": [[…], …]} was expected");
  }
  if (n_rows > max_rows) {
    return reader_complain(r, reader_line_of(r, key), key,
                           arena_printf(r->scratch, "more than %zu rows, which is the most", max_rows));
  }
  const char **header = ARENA_NEW(r->scratch, const char *, n_columns);
  const char **cells = ARENA_NEW(r->scratch, const char *, n_columns *n_rows);
  const uint32_t *lines = reader_lines_of(r, key, true, n_rows);
  bool fine = true;
  for (size_t c = 0; c < n_columns; c++) {
    const json_t *name = json_array_get(columns, c);
    if (!json_is_string(name)) return reader_complain_of(r, reader_line_of(r, key), key, name, "the name of a column");
    header[c] = arena_copy_text(r->scratch, json_string_value(name));
    for (size_t b = 0; b < c; b++) {
      if (strcmp(header[b], header[c]) == 0) {
        fine = reader_complain_of(r, reader_line_of(r, key), key, name, "the name of one column only");
      }
    }
  }
  for (size_t i = 0; i < n_rows; i++) {
    const json_t *row = json_array_get(rows, i);
    if (json_array_size(row) != n_columns) {
      fine = reader_complain_of(r, lines[i], key, row, arena_printf(r->scratch, "a list of %zu", n_columns));
      continue;
    }
    for (size_t c = 0; c < n_columns; c++) {
      const char *text = cells[i * n_columns + c] = cell_text(r, json_array_get(row, c));
      if (text == NULL) fine = reader_complain_of(r, lines[i], header[c], json_array_get(row, c), "a text or number");
    }
  }
  *csv = (struct csv){r->file, n_columns, n_rows, header, cells, lines};
  return fine;
}

bool reader_table(const struct reader *r, const char *key, const json_t *table, bool needed, size_t max_rows,
                  struct csv *csv) {
  *csv = (struct csv){0};
  if (table == NULL && !needed) return true;
  if (json_is_object(table)) return read_inline(r, key, table, max_rows, csv);
  if (!json_is_string(table) || (r->path == NULL && json_is_string(table))) {
    return reader_complain_of(r, reader_line_of(r, key), key, table,
                              r->path == NULL ? "a table" : "a table or the name of a CSV file");
  }
  const char *name = json_string_value(table), *slash = strrchr(r->path, '/');
  const int folder = slash == NULL || name[0] == '/' ? 0 : (int)(slash - r->path) + 1;
  const char *path = arena_printf(r->scratch, "%.*s%s", folder, r->path, name);
  struct error error = {0};
  if (csv_read(path, max_rows, r->scratch, csv, &error)) return true;
  if (error.status == STATUS_ENVIRONMENT)
    reader_complain_of(r, reader_line_of(r, key), key, table, "a file that can be read");
  error_join(r->error, &error);
  return false;
}

bool reader_take_sets(const struct reader *r, const char *const *keys, size_t n_keys, const char *const *sets,
                      size_t n_sets) {
  bool fine = true;
  for (size_t i = 0; i < n_sets; i++) {
    const char *equals = strchr(sets[i], '=');
    char *key = arena_copy_text(r->scratch, sets[i]), shown[READER_SHOWN_BYTES];
    if (equals != NULL) key[equals - sets[i]] = '\0';
    size_t k = 0;
    while (k < n_keys && strcmp(keys[k], key) != 0) k++;
    if (equals == NULL || k == n_keys) {
      text_escape(key, shown, sizeof shown);
      const char *nearest = text_nearest(key, keys, n_keys);
      fine = error_add(r->error, STATUS_INPUT, "--set: %s: is no key of the problem%s%s%s", shown,
                       nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                       nearest != NULL ? "?" : "");
      continue;
    }
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_object_set_new(r->root, key, value != NULL ? value : json_string(equals + 1));
  }
  return fine;
}
