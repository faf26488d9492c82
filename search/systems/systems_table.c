/* See systems_table.h. The format is ours. */
#include "search/systems/systems_table.h"

#include "base/text.h"
#include "search/names.h"
#include <math.h>
#include <string.h>

enum { SHOWN_BYTES = 64 };
static const char cost_prefix[] = "cost:";
static const char limit_row[] = "limit";

struct reading {
  const struct csv *csv;
  struct systems_table *table;
  struct arena *arena;
  struct error *error;
  size_t stage_column, design_column, load_column, cost_column[SYSTEMS_MAX_COSTS];
  struct names stages, designs;
  double *load, *cost;
  uint32_t *line; /* [n_stages * n_designs] of the row that says it; 0: none */
  uint32_t limit_line;
};

static bool complain(const struct reading *reading, uint32_t line, const char *column, const char *what) {
  char file[4 * SHOWN_BYTES], name[SHOWN_BYTES];
  text_escape(reading->csv->path, file, sizeof file);
  text_escape(column, name, sizeof name);
  return error_add(reading->error, STATUS_INPUT, "%s:%u: %s: %s", file, line, name, what);
}

static bool complain_of_cell(const struct reading *reading, size_t row, size_t column, const char *what) {
  char text[SHOWN_BYTES];
  text_escape(csv_cell(reading->csv, row, column), text, sizeof text);
  return complain(reading, reading->csv->line[row], reading->csv->header[column],
                  arena_printf(reading->arena, "\"%s\" %s", text, what));
}

/* --- columns --------------------------------------------------------------------------------------------------------
 */

static void take_cost(struct reading *reading, size_t column) {
  struct systems_table *table = reading->table;
  const char *header = reading->csv->header[column], *name = header + strlen(cost_prefix);
  if (table->problem.n_costs == SYSTEMS_MAX_COSTS) {
    complain(reading, 1, header, arena_printf(reading->arena, "more than %d costs", SYSTEMS_MAX_COSTS));
    return;
  }
  if (name[0] == 0) complain(reading, 1, header, "a cost without a name, write cost:NAME");
  reading->cost_column[table->problem.n_costs] = column;
  table->costs[table->problem.n_costs++] = name;
}

static size_t need_column(const struct reading *reading, const char *name) {
  const size_t column = csv_column(reading->csv, name);
  if (column == SIZE_MAX) complain(reading, 1, name, "is missing, every row has one");
  return column;
}

static bool find_columns(struct reading *reading) {
  const struct csv *csv = reading->csv;
  reading->stage_column = need_column(reading, "stage");
  reading->design_column = need_column(reading, "design");
  reading->load_column = need_column(reading, "load");
  for (size_t c = 0; c < csv->n_columns; c++) {
    if (strncmp(csv->header[c], cost_prefix, strlen(cost_prefix)) == 0) {
      take_cost(reading, c);
    } else if (c != reading->stage_column && c != reading->design_column && c != reading->load_column) {
      complain(reading, 1, csv->header[c], "unknown column; there are stage, design, load and cost:NAME");
    }
  }
  if (reading->table->problem.n_costs == 0) complain(reading, 1, "cost:NAME", "is missing, there is at least one cost");
  return !error_is_set(reading->error);
}

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

static bool is_limit(const struct reading *reading, size_t row) {
  return strcmp(csv_cell(reading->csv, row, reading->stage_column), limit_row) == 0 &&
         csv_cell(reading->csv, row, reading->design_column)[0] == 0;
}

static bool read_number(const struct reading *reading, size_t row, size_t column, double *number) {
  if (text_to_double(csv_cell(reading->csv, row, column), number) && *number >= 0) return true;
  return complain_of_cell(reading, row, column, "is no number of at least 0");
}

static bool number_names(struct reading *reading) {
  const struct csv *csv = reading->csv;
  for (size_t row = 0; row < csv->n_rows; row++) {
    const char *stage = csv_cell(csv, row, reading->stage_column);
    const char *design = csv_cell(csv, row, reading->design_column);
    if (is_limit(reading, row)) continue;
    if (stage[0] == 0) complain_of_cell(reading, row, reading->stage_column, "is no name of a stage");
    if (design[0] == 0) complain_of_cell(reading, row, reading->design_column, "is no name of a design");
    names_add(&reading->stages, stage);
    names_add(&reading->designs, design);
  }
  const size_t n_stages = reading->stages.n, n_designs = reading->designs.n;
  if (n_stages == 0) return complain(reading, 1, "stage", "no rows");
  if (n_stages <= SYSTEMS_MAX_STAGES && n_stages * n_designs <= SYSTEMS_TABLE_MAX_PAIRS) {
    return !error_is_set(reading->error);
  }
  return complain(reading, 1, "stage",
                  arena_printf(reading->arena, "%zu stages and %zu designs, at most %d stages and %d pairs are allowed",
                               n_stages, n_designs, SYSTEMS_MAX_STAGES, SYSTEMS_TABLE_MAX_PAIRS));
}

static void read_limits(struct reading *reading, size_t row) {
  struct systems_problem *problem = &reading->table->problem;
  if (reading->limit_line > 0) complain_of_cell(reading, row, reading->stage_column, "is there twice");
  reading->limit_line = reading->csv->line[row];
  if (csv_cell(reading->csv, row, reading->load_column)[0] != 0) {
    complain_of_cell(reading, row, reading->load_column, "is no limit, only costs have them");
  }
  for (size_t c = 0; c < problem->n_costs; c++) {
    if (csv_cell(reading->csv, row, reading->cost_column[c])[0] == 0) continue;
    read_number(reading, row, reading->cost_column[c], &problem->limit[c]);
  }
}

static void read_pair(struct reading *reading, size_t row) {
  const struct csv *csv = reading->csv;
  const size_t n_costs = reading->table->problem.n_costs;
  const size_t stage = names_find(&reading->stages, csv_cell(csv, row, reading->stage_column));
  const size_t at =
      stage * reading->designs.n + names_find(&reading->designs, csv_cell(csv, row, reading->design_column));
  if (reading->line[at] > 0) {
    complain_of_cell(reading, row, reading->design_column,
                     arena_printf(reading->arena, "is on this stage in line %u already", reading->line[at]));
    return;
  }
  reading->line[at] = csv->line[row];
  if (csv_cell(csv, row, reading->load_column)[0] == 0) return; /* whatever it costs */
  if (!read_number(reading, row, reading->load_column, &reading->load[at])) return;
  for (size_t c = 0; c < n_costs; c++) {
    read_number(reading, row, reading->cost_column[c], &reading->cost[at * n_costs + c]);
  }
}

bool systems_table_read(const struct csv *csv, struct arena *arena, struct systems_table *table, struct error *error) {
  struct reading reading = {.csv = csv, .table = table, .arena = arena, .error = error};
  struct systems_problem *problem = &table->problem;
  *table = (struct systems_table){0};
  names_init(&reading.stages, arena);
  names_init(&reading.designs, arena);
  if (!find_columns(&reading) || !number_names(&reading)) return false;
  problem->n_stages = reading.stages.n;
  problem->n_designs = reading.designs.n;
  const size_t n_pairs = problem->n_stages * problem->n_designs;
  reading.load = ARENA_NEW(arena, double, n_pairs);
  reading.cost = ARENA_NEW(arena, double, n_pairs * problem->n_costs);
  reading.line = ARENA_NEW(arena, uint32_t, n_pairs);
  for (size_t i = 0; i < n_pairs; i++) reading.load[i] = INFINITY;
  for (size_t c = 0; c < SYSTEMS_MAX_COSTS; c++) problem->limit[c] = INFINITY;
  for (size_t row = 0; row < csv->n_rows; row++) {
    if (is_limit(&reading, row)) {
      read_limits(&reading, row);
    } else {
      read_pair(&reading, row);
    }
  }
  problem->load = reading.load;
  problem->cost = reading.cost;
  table->stages = reading.stages.names;
  table->designs = reading.designs.names;
  return !error_is_set(error);
}

/* --- writing --------------------------------------------------------------------------------------------------------
 */

static void write_costs(const struct systems_problem *problem, const double *costs, struct table *out) {
  for (size_t c = 0; c < problem->n_costs; c++) {
    table_double(out, costs[c]); /* infinity: left empty */
  }
}

struct table *systems_table_write(const struct systems_table *table, struct arena *arena) {
  const struct systems_problem *problem = &table->problem;
  struct table_column *const columns = ARENA_NEW(arena, struct table_column, 3 + SYSTEMS_MAX_COSTS);
  columns[0] = (struct table_column){"stage", "", "", "name of the stage"};
  columns[1] = (struct table_column){"design", "", "", "name of the design"};
  columns[2] = (struct table_column){"load", "", "min", "of the stage with the design; empty: it does not fit"};
  for (size_t c = 0; c < problem->n_costs; c++) {
    columns[3 + c] = (struct table_column){arena_printf(arena, "%s%s", cost_prefix, table->costs[c]), "", "min",
                                           "of the stage with the design"};
  }
  struct table *const out = table_new(arena, "systems.csv", columns, 3 + problem->n_costs);
  for (size_t i = 0; i < problem->n_stages; i++) {
    for (size_t d = 0; d < problem->n_designs; d++) {
      const size_t at = i * problem->n_designs + d;
      table_text(out, table->stages[i]);
      table_text(out, table->designs[d]);
      table_double(out, problem->load[at]);
      write_costs(problem, &problem->cost[at * problem->n_costs], out);
    }
  }
  table_text(out, limit_row);
  table_empty(out);
  table_empty(out);
  write_costs(problem, problem->limit, out);
  return out;
}
