/* Reads a CSV table (RFC 4180, UTF-8, BOM and CRLF accepted) whose header names its columns. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/arena.h"
#include "base/error.h"
#include <stdint.h>

/* Limits: line 1 MiB, field 64 KiB, 256 columns. */
struct csv {
  const char *path;
  size_t n_columns, n_rows;
  const char *const *header; /* n_columns */
  const char *const *cells;  /* n_rows × n_columns, row by row */
  const uint32_t *line;      /* of each row in the file, from 1 */
};

/* Reads the whole table into the arena; at most `max_rows` rows. Messages: `file:line: column: …`. */
bool csv_read(const char *path, size_t max_rows, struct arena *arena, struct csv *csv, struct error *error);
bool csv_parse(const char *name, const char *text, size_t n, size_t max_rows, struct arena *arena, struct csv *csv,
               struct error *error);
/* The same a row at a time, for tables and lines too large to hold: memory does not grow with the rows. */
struct csv_walk {
  size_t max_rows, max_line_bytes, max_field_bytes; /* 0 bytes: csv_read's limits */
  /* Called once, before any row: what of the header is wrong is the caller's business; false ends the walk. */
  bool (*header)(void *context, const struct csv *csv);
  /* `csv` has one row; its cells are gone when this returns. */
  void (*row)(void *context, const struct csv *csv);
  void *context;
};
/* False if the text is no table or `header` said so. The n bytes of `text`, with a NUL behind them, are overwritten. */
bool csv_walk(const char *name, char *text, size_t n, const struct csv_walk *walk, struct arena *arena,
              struct error *error);
/* Index of a column, or SIZE_MAX. */
size_t csv_column(const struct csv *csv, const char *name);
static inline const char *csv_cell(const struct csv *csv, size_t row, size_t column) {
  return csv->cells[row * csv->n_columns + column];
}

#endif
