/* See csv_cells.h. */
#include "base/csv_cells.h"

#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>

enum { SHOWN_BYTES = 80, FILE_BYTES = 4 * SHOWN_BYTES };

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
  char shown[SHOWN_BYTES];
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

/* --- of any table ---------------------------------------------------------------------------------------------------
 */

bool csv_complain(const struct csv *csv, size_t row, const char *column, const char *what, struct error *error) {
  if (error->n_messages > CSV_ENOUGH_MESSAGES) return false;
  char file[FILE_BYTES];
  text_escape(csv->path, file, sizeof file);
  return error_add(error, STATUS_INPUT, "%s:%" PRIu32 ": %s: %s", file, csv->line[row], column, what);
}

bool csv_complain_of_cell(const struct csv *csv, size_t row, const char *column, const char *what,
                          struct error *error) {
  if (error->n_messages > CSV_ENOUGH_MESSAGES) return false;
  char file[FILE_BYTES], shown[SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  text_escape(csv_cell(csv, row, csv_column(csv, column)), shown, sizeof shown);
  return error_add(error, STATUS_INPUT, "%s:%" PRIu32 ": %s: \"%s\" %s", file, csv->line[row], column, shown, what);
}

bool csv_complain_of_missing(const struct csv *csv, const char *column, const char *key, struct error *error) {
  if (error->n_messages > CSV_ENOUGH_MESSAGES) return false;
  char file[FILE_BYTES], shown[SHOWN_BYTES];
  text_escape(csv->path, file, sizeof file);
  text_escape(key, shown, sizeof shown);
  return error_add(error, STATUS_INPUT, "%s: %s: \"%s\" is missing", file, column, shown);
}

bool csv_has_columns(const struct csv *csv, unsigned line, const char *const *names, size_t n, struct error *error) {
  char file[FILE_BYTES], place[FILE_BYTES + 16];
  bool fine = true;
  text_escape(csv->path, file, sizeof file);
  if (line > 0) {
    snprintf(place, sizeof place, "%s:%u", file, line);
  } else {
    snprintf(place, sizeof place, "%s", file);
  }
  for (size_t i = 0; i < n; i++) {
    if (csv_column(csv, names[i]) != SIZE_MAX) continue;
    fine = error_add(error, STATUS_INPUT, "%s: %s: this column is missing", place, names[i]);
  }
  return fine;
}

const char *csv_filled_cell(const struct csv *csv, size_t row, size_t column) {
  if (column == SIZE_MAX) return NULL;
  const char *const text = csv_cell(csv, row, column);
  return *text != '\0' ? text : NULL;
}
