/* See table_space.h.
 *
 * The format is ours. Left out: bounds and advice, which a table does not have, and points between its rows. */
#include "search/space/table_space.h"

#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 64 };

/* A cell of an axis: its text, and the number that it may be. */
struct cell {
  double number;
  const char *text;
  size_t row;
};

struct reading {
  const struct csv *csv;
  struct table_space *table;
  struct arena *arena;
  struct error *error;
  size_t axis_column[POINT_MAX_AXES], objective_column[SCORE_MAX_OBJECTIVES];
  size_t infeasible_column; /* SIZE_MAX: none */
  struct record *records;
};

static bool complain(const struct reading *reading, uint32_t line, size_t column, const char *what) {
  char file[4 * SHOWN_BYTES], name[SHOWN_BYTES];
  text_escape(reading->csv->path, file, sizeof file);
  text_escape(reading->csv->header[column], name, sizeof name);
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: %s", file, line, name, what);
}

static bool complain_of_cell(const struct reading *reading, size_t row, size_t column, const char *what) {
  char text[SHOWN_BYTES];
  text_escape(csv_cell(reading->csv, row, column), text, sizeof text);
  return complain(reading, reading->csv->line[row], column, arena_printf(reading->arena, "\"%s\" %s", text, what));
}

/* --- columns --------------------------------------------------------------------------------------------------------
 */

static bool is_objective(const char *name) { return strncmp(name, "max:", 4) == 0 || strncmp(name, "min:", 4) == 0; }

static void take_objective(struct reading *reading, size_t column, struct objective *objectives) {
  struct space *space = &reading->table->space;
  const char *name = reading->csv->header[column];
  if (space->n_objectives == SCORE_MAX_OBJECTIVES) {
    complain(reading, 1, column, arena_printf(reading->arena, "more than %d objectives", SCORE_MAX_OBJECTIVES));
    return;
  }
  if (name[4] == 0) complain(reading, 1, column, "an objective without a name, write max:NAME or min:NAME");
  reading->objective_column[space->n_objectives] = column;
  objectives[space->n_objectives++] = (struct objective){name + 4, "", "", name[1] == 'a'};
}

static bool read_header(struct reading *reading, struct objective *objectives) {
  struct space *space = &reading->table->space;
  reading->infeasible_column = csv_column(reading->csv, "infeasible");
  for (size_t c = 0; c < reading->csv->n_columns; c++) {
    if (is_objective(reading->csv->header[c])) {
      take_objective(reading, c, objectives);
    } else if (c != reading->infeasible_column) {
      if (space->n_axes == POINT_MAX_AXES) {
        return complain(reading, 1, c, arena_printf(reading->arena, "more than %d axes", POINT_MAX_AXES));
      }
      reading->axis_column[space->n_axes++] = c;
    }
  }
  space->n_front_objectives = space->n_objectives;
  space->objectives = objectives;
  if (space->n_objectives == 0) complain(reading, 1, 0, "no column is an objective, name one max:NAME or min:NAME");
  if (space->n_axes == 0) complain(reading, 1, 0, "no column is an axis");
  if (reading->csv->n_rows == 0) complain(reading, 1, 0, "no rows");
  return !error_is_set(reading->error);
}

/* --- axes -----------------------------------------------------------------------------------------------------------
 */

static int compare_numbers(const void *left, const void *right) {
  const struct cell *a = left, *b = right;
  return (a->number > b->number) - (a->number < b->number);
}

static int compare_texts(const void *left, const void *right) {
  return strcmp(((const struct cell *)left)->text, ((const struct cell *)right)->text);
}

/* Sorts the cells of a column; equal ones (of numbers: "1" and "1.0") are one value. `cells` has room for all rows. */
static bool read_axis(struct reading *reading, size_t a, struct cell *cells, struct axis *axis) {
  const struct csv *csv = reading->csv;
  const size_t column = reading->axis_column[a];
  bool numbers = true, whole = true;
  for (size_t r = 0; r < csv->n_rows; r++) {
    uint64_t value;
    cells[r] = (struct cell){0, csv_cell(csv, r, column), r};
    if (cells[r].text[0] == 0) return complain_of_cell(reading, r, column, "is empty, give every axis a value");
    numbers = numbers && text_to_double(cells[r].text, &cells[r].number);
    /* Beyond 2^53 two whole numbers may be one as doubles. */
    whole = whole && text_to_u64(cells[r].text, &value) && value <= UINT64_C(1) << 53;
  }
  int (*const compare)(const void *, const void *) = numbers ? compare_numbers : compare_texts;
  qsort(cells, csv->n_rows, sizeof *cells, compare);
  size_t n = 0;
  for (size_t r = 0; r < csv->n_rows; r++) n += r == 0 || compare(&cells[r - 1], &cells[r]) != 0;
  if (n > TABLE_SPACE_MAX_VALUES) {
    return complain(reading, 1, column, arena_printf(reading->arena, "more than %d values", TABLE_SPACE_MAX_VALUES));
  }
  uint64_t *values = ARENA_NEW(reading->arena, uint64_t, n);
  const char **labels = ARENA_NEW(reading->arena, const char *, n);
  size_t v = 0;
  for (size_t r = 0; r < csv->n_rows; r++) {
    if (r > 0 && compare(&cells[r - 1], &cells[r]) != 0) v++;
    values[v] = numbers && whole ? (uint64_t)cells[r].number : v;
    labels[v] = cells[r].text;
    reading->records[cells[r].row].point.index[a] = (uint16_t)v;
  }
  *axis = (struct axis){.key = csv->header[column],
                        .unit = "",
                        .role = numbers ? AXIS_SHAPE : AXIS_CHOICE,
                        .n = n,
                        .values = values,
                        .labels = numbers && whole ? NULL : labels};
  return true;
}

static bool read_axes(struct reading *reading) {
  struct space *space = &reading->table->space;
  struct axis *axes = ARENA_NEW(reading->arena, struct axis, space->n_axes);
  struct arena scratch;
  arena_init(&scratch, 1 << 16);
  struct cell *cells = ARENA_NEW(&scratch, struct cell, reading->csv->n_rows);
  for (size_t a = 0; a < space->n_axes; a++) read_axis(reading, a, cells, &axes[a]);
  arena_release(&scratch);
  space->axes = axes;
  return !error_is_set(reading->error);
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static void read_score(const struct reading *reading, size_t row, struct score *score) {
  const struct space *space = &reading->table->space;
  const struct csv *csv = reading->csv;
  if (reading->infeasible_column != SIZE_MAX && csv_cell(csv, row, reading->infeasible_column)[0] != 0) {
    score->reason = TABLE_INFEASIBLE; /* whatever its objectives say */
    return;
  }
  for (size_t o = 0; o < space->n_objectives; o++) {
    const size_t column = reading->objective_column[o];
    if (!text_to_double(csv_cell(csv, row, column), &score->objective[o])) {
      complain_of_cell(reading, row, column, "is no number, which an objective of a feasible point must be");
    } else if (score->objective[o] < 0) {
      complain_of_cell(reading, row, column, "is negative, objectives are at least 0");
    }
    if (score->objective[o] == 0) score->objective[o] = 0; /* no −0 */
  }
}

static bool read_rows(struct reading *reading) {
  struct point_set *rows = point_set_new(reading->arena);
  for (size_t r = 0; r < reading->csv->n_rows; r++) {
    struct record *record = &reading->records[r];
    if (point_set_add(rows, &record->point)) {
      read_score(reading, r, &record->score);
      continue;
    }
    /* Numbers of the set are those of the rows as long as there were no duplicates: else the first one's is said. */
    char file[4 * SHOWN_BYTES];
    text_escape(reading->csv->path, file, sizeof file);
    error_add(reading->error, STATUS_INPUT, "%s:%u: the axes have the values of an earlier row%s, which must differ",
              file, reading->csv->line[r],
              error_is_set(reading->error) ? ""
                                           : arena_printf(reading->arena, " (line %u)",
                                                          reading->csv->line[point_set_number(rows, &record->point)]));
  }
  reading->table->rows = rows;
  reading->table->records = reading->records;
  reading->table->n_rows = reading->csv->n_rows;
  return !error_is_set(reading->error);
}

/* --- the space ------------------------------------------------------------------------------------------------------
 */

static void evaluate(void *context, const struct point *point, struct score *score) {
  const struct table_space *table = context;
  const size_t row = point_set_number(table->rows, point);
  *score = (struct score){.reason = TABLE_MISSING};
  if (row == SIZE_MAX) return;
  *score = table->records[row].score;
  if (score->reason == TABLE_FEASIBLE) score->bound = score->objective[table->space.metric];
}

bool table_space_init(struct table_space *table, const struct csv *csv, struct arena *arena, struct error *error) {
  static const struct reason_name reasons[N_TABLE_REASONS] = {
      [TABLE_FEASIBLE] = {"feasible", ""},
      [TABLE_MISSING] = {"missing", ""},
      [TABLE_INFEASIBLE] = {"infeasible", ""},
      [TABLE_INVALID] = {"invalid", ""},
  };
  static const struct reason_name bindings[] = {{"none", ""}};
  struct reading reading = {.csv = csv, .table = table, .arena = arena, .error = error};
  *table = (struct table_space){.space = {.n_reasons = N_TABLE_REASONS,
                                          .reasons = reasons,
                                          .n_bindings = 1,
                                          .bindings = bindings,
                                          .context = table,
                                          .evaluate = evaluate}};
  struct objective *objectives = ARENA_NEW(arena, struct objective, SCORE_MAX_OBJECTIVES);
  reading.records = ARENA_NEW(arena, struct record, csv->n_rows);
  return read_header(&reading, objectives) && read_axes(&reading) && read_rows(&reading);
}
