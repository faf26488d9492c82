/* See csv_cells.h. */
#include "base/csv_cells.h"

#include "base/text.h"

bool csv_cells_open(struct csv_cells *cells, const char *path, size_t most_rows, size_t n_names, struct arena *arena,
                    struct error *error) {
  cells->row = 0;
  cells->error = error;
  if (!csv_read(path, most_rows, arena, &cells->csv, error)) return false;
  cells->column = ARENA_NEW(arena, size_t, n_names);
  for (size_t c = 0; c < n_names; c++) {
    cells->column[c] = csv_column(&cells->csv, cells->names[c]);
    if (cells->column[c] == SIZE_MAX) {
      error_add(error, STATUS_INPUT, "%s:1: %s: this column is missing", path, cells->names[c]);
    }
  }
  return !error_is_set(error);
}

const char *csv_cells_text(const struct csv_cells *cells, int column) {
  return csv_cell(&cells->csv, cells->row, cells->column[column]);
}

void csv_cells_complain(const struct csv_cells *cells, int column, const char *wanted) {
  char shown[80];
  text_escape(csv_cells_text(cells, column), shown, sizeof shown);
  error_add(cells->error, STATUS_INPUT, "%s:%u: %s: \"%s\", %s was expected", cells->csv.path,
            cells->csv.line[cells->row], cells->names[column], shown, wanted);
}

uint64_t csv_cells_whole(const struct csv_cells *cells, int column, uint64_t least, uint64_t most, const char *wanted) {
  uint64_t value;
  if (text_to_u64(csv_cells_text(cells, column), &value) && value >= least && value <= most) return value;
  csv_cells_complain(cells, column, wanted);
  return least;
}
