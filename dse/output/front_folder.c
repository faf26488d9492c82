/* See front_folder.h. Files are read one after the other while a run may publish: front.csv alone changes in a run, and
 * each of its versions appears whole. */
#include "dse/output/front_folder.h"

#include "base/file.h"
#include "base/text.h"
#include "dse/output/folder.h"
#include <string.h>

enum { MOST_ROWS = 1000000 };

/* Cells of columns.csv. */
enum { CELL_FILE, CELL_COLUMN, CELL_UNIT, CELL_BETTER, CELL_MEANING, N_CELLS };

static bool read_columns(struct front_folder *folder, const char *path, struct arena *arena, struct error *error) {
  static const char *const names[N_CELLS] = {"file", "column", "unit", "better", "meaning"};
  size_t cell[N_CELLS];
  struct csv csv;
  if (!csv_read(path, MOST_ROWS, arena, &csv, error)) return false;
  for (size_t i = 0; i < N_CELLS; i++) {
    cell[i] = csv_column(&csv, names[i]);
    if (cell[i] == SIZE_MAX)
      return error_add(error, STATUS_INPUT, "%s:1: %s: no such column; is this a results folder?", path, names[i]);
  }
  folder->columns = ARENA_NEW(arena, struct table_column, folder->front.n_columns);
  for (size_t c = 0; c < folder->front.n_columns; c++) {
    struct table_column *column = &folder->columns[c];
    column->name = folder->front.header[c];
    for (size_t r = 0; r < csv.n_rows && column->unit == NULL; r++) {
      if (strcmp(csv_cell(&csv, r, cell[CELL_FILE]), "front.csv") != 0) continue;
      if (strcmp(csv_cell(&csv, r, cell[CELL_COLUMN]), column->name) != 0) continue;
      column->unit = csv_cell(&csv, r, cell[CELL_UNIT]);
      column->better = csv_cell(&csv, r, cell[CELL_BETTER]);
      column->doc = csv_cell(&csv, r, cell[CELL_MEANING]);
    }
    if (column->unit == NULL)
      return error_add(error, STATUS_INPUT, "%s: says nothing of the column %s of front.csv", path, column->name);
  }
  return true;
}

bool front_folder_read(struct front_folder *folder, const char *path, struct arena *arena, struct error *error) {
  struct status_facts facts;
  char *shown = arena_alloc(arena, 4 * strlen(path) + 1, 1);
  text_escape(path, shown, 4 * strlen(path) + 1);
  *folder = (struct front_folder){.name = shown};
  const char *front = arena_printf(arena, "%s/front.csv", path);
  const char *const names[] = {"front.csv", "columns.csv"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (file_exists(arena_printf(arena, "%s/%s", path, names[i]))) continue;
    return error_add(error, STATUS_ENVIRONMENT, "%s: no %s there; the folder of a run that has begun was expected",
                     shown, names[i]);
  }
  status_read(path, arena, &facts, NULL);
  folder->state = facts.state[0] != '\0' ? arena_copy_text(arena, facts.state) : "unknown";
  struct error *ignored = ARENA_NEW(arena, struct error, 1);
  folder->has_settings =
      run_settings_load(arena_printf(arena, "%s/run.cfg", path), NULL, 0, arena, &folder->settings, ignored);
  return csv_read(front, MOST_ROWS, arena, &folder->front, error) &&
         read_columns(folder, arena_printf(arena, "%s/columns.csv", path), arena, error);
}

bool front_folder_compare(const struct front_folder *one, const struct front_folder *other, struct error *error) {
  const size_t n = one->front.n_columns > other->front.n_columns ? one->front.n_columns : other->front.n_columns;
  for (size_t c = 0; c < n; c++) {
    const char *a = c < one->front.n_columns ? one->front.header[c] : "nothing";
    const char *b = c < other->front.n_columns ? other->front.header[c] : "nothing";
    if (strcmp(a, b) != 0) {
      return error_add(error, STATUS_INPUT, "%s: other columns than in %s: column %zu is %s there, %s here",
                       other->name, one->name, c + 1, a, b);
    }
    const struct table_column *x = &one->columns[c], *y = &other->columns[c];
    if (strcmp(x->unit, y->unit) == 0 && strcmp(x->better, y->better) == 0) continue;
    return error_add(error, STATUS_INPUT,
                     "%s: %s is in another unit or sense than in %s: \"%s\" %s there, \"%s\" %s here", other->name, a,
                     one->name, x->unit, x->better, y->unit, y->better);
  }
  return true;
}
