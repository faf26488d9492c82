/* Cells of a CSV table whose columns are known by name: read as what they must be, or complained of at their place. Of
 * a hostile table's complaints no more are made than an error keeps. */
#ifndef BASE_CSV_CELLS_H
#define BASE_CSV_CELLS_H

#include "base/csv.h"

/* The caller moves `row` on. A complaint does not stop the reading: all of a file come at once. */
struct csv_cells {
  struct csv csv;
  const char *const *names; /* of the columns, by the caller's numbers */
  size_t *column;           /* where they are */
  size_t row;
  struct error *error;
};

/* Reads the file and finds the columns of cells->names (set by the caller, n_names of them), of which none may be
 * missing; complaints go to `error`, now and later. */
bool csv_cells_open(struct csv_cells *cells, const char *path, size_t most_rows, size_t n_names, struct arena *arena,
                    struct error *error);
const char *csv_cells_text(const struct csv_cells *cells, int column);
/* `wanted`: what is allowed, "a whole number from 1 to 8". */
void csv_cells_complain(const struct csv_cells *cells, int column, const char *wanted);
/* `least` where the cell is no whole number in that range. */
uint64_t csv_cells_whole(const struct csv_cells *cells, int column, uint64_t least, uint64_t most, const char *wanted);

/* --- of any table; the first three return false ---
 */
enum { CSV_ENOUGH_MESSAGES = 1000 };
/* "FILE:LINE: column: what" */
bool csv_complain(const struct csv *csv, size_t row, const char *column, const char *what, struct error *error);
/* "FILE:LINE: column: "CELL" what"; the column is there. */
bool csv_complain_of_cell(const struct csv *csv, size_t row, const char *column, const char *what, struct error *error);
/* Of n rows that must be there for these keys, one is not: "FILE: column: "KEY" is missing". */
bool csv_complain_of_missing(const struct csv *csv, const char *column, const char *key, struct error *error);
/* Are all of these columns there? `line`: of the header, for messages; 0: none, the table may lie in another file. */
bool csv_has_columns(const struct csv *csv, unsigned line, const char *const *names, size_t n, struct error *error);
/* NULL: an empty cell, or (column SIZE_MAX) no such column. */
const char *csv_filled_cell(const struct csv *csv, size_t row, size_t column);

#endif
