/* Cells of a CSV table whose columns are known by name: read as what they must be, or complained of at their place. */
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

#endif
