/* See set_report.h. */
#include "dse/output/set_report.h"

#include <string.h>

static void fill_row(const struct run *run, size_t i, const struct accelerator *accelerator,
                     const struct stage_cost_of_design *design, struct set_row *row) {
  const struct run_member *member = &run->members[i];
  const struct workload_set *set = run->designs.set;
  struct stage_scratch *scratch = design_scratch(&run->designs, i);
  struct stage_result result;
  struct stage_floor floor;
  stage_evaluate(member->stage, accelerator, design, scratch, &result, NULL, NULL);
  stage_bound(member->stage, accelerator, design, scratch, &floor);
  const uint64_t least_cycles = result.bound_cycles > floor.cycles ? result.bound_cycles : floor.cycles;
  const double samples = (double)member->stage->samples;
  *row = (struct set_row){.workload = member->workload->name,
                          .batch = member->workload->batch,
                          .weight = set->weight[i],
                          .iteration_s = result.iteration_s,
                          .throughput = samples / result.iteration_s,
                          .bound = samples / ((double)least_cycles / ((double)accelerator->clock_mhz * 1e6)),
                          .reference = set->reference_throughput[i],
                          .energy_j = result.energy_j,
                          .memory_bytes = stage_memory_bytes(member->stage),
                          .binding = result.binding};
  row->speedup = row->throughput / row->reference;
}

void set_report_of(const struct run *run, const struct accelerator *accelerator, struct set_report *report,
                   struct arena *arena) {
  const struct workload_set *set = run->designs.set;
  struct stage_cost_of_design design;
  double throughput[RUN_MAX_WORKLOADS], energy_j[RUN_MAX_WORKLOADS];
  REQUIRE(set != NULL);
  design_cost(&run->designs, accelerator, &design);
  report->rows = ARENA_NEW(arena, struct set_row, run->n_members);
  for (size_t i = 0; i < run->n_members; i++) {
    fill_row(run, i, accelerator, &design, &report->rows[i]);
    throughput[i] = report->rows[i].throughput;
    energy_j[i] = report->rows[i].energy_j;
  }
  report->value = workload_set_value(set, throughput);
  report->energy_j = workload_set_mean(set, energy_j);
}

static double gap_of(const struct set_row *row) { return row->bound > 0 ? 1 - row->throughput / row->bound : 0; }

struct table *set_report_table(const struct run *run, const struct set_report *report, struct arena *arena) {
  static const struct table_column columns[] = {
      {"workload", "", "", "workload of the list; the rows are of the best design"},
      {"batch", "samples", "", "samples that one iteration trains on"},
      {"weight", "", "", "part in the objective; all add up to 1"},
      {"throughput_samples_per_s", "1/s", "max", "training samples a second"},
      {"speedup", "", "max", "throughput over that of limits.reference"},
      {"bound_throughput_samples_per_s", "1/s", "max", "no schedule of this design is faster"},
      {"gap", "", "min", "relative distance of the throughput from its bound"},
      {"iteration_s", "s", "min", "one iteration: forward, backward, update"},
      {"energy_j", "J", "min", "energy of one iteration"},
      {"memory_bytes", "bytes", "min", "needed by one iteration"},
      {"binding", "", "", "resource that stops the design here"},
  };
  struct table *table = table_new(arena, "workloads.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; report != NULL && i < run->n_members; i++) {
    const struct set_row *row = &report->rows[i];
    table_text(table, row->workload);
    table_u64(table, row->batch);
    table_double(table, row->weight);
    table_double(table, row->throughput);
    table_double(table, row->speedup);
    table_double(table, row->bound);
    table_double(table, gap_of(row));
    table_double(table, row->iteration_s);
    table_double(table, row->energy_j);
    table_u64(table, row->memory_bytes);
    table_text(table, stage_binding_names[row->binding]);
  }
  return table;
}

void set_report_say(const struct run *run, const struct set_report *report) {
  static const char *const shown[] = {"workload", "batch", "weight",   "throughput_samples_per_s",
                                      "speedup",  "gap",   "energy_j", "binding"};
  struct arena *arena = run->invocation->arena;
  const struct objective *objective = &run->designs.space.objectives[OBJECTIVE_THROUGHPUT];
  char *text;
  table_print(set_report_table(run, report, arena), shown, sizeof shown / sizeof *shown, run->n_members, &text, arena);
  say(run->invocation, "  %s %.6g (%s: %.6g) over %zu workload%s:\n\n%s\n", objective->name, report->value,
      run->settings.limits.reference, run->designs.reference_throughput, run->n_members, run->n_members > 1 ? "s" : "",
      text);
}

json_t *set_report_json(const struct run *run, const struct set_report *report) {
  json_t *array = json_array();
  for (size_t i = 0; i < run->n_members; i++) {
    const struct set_row *row = &report->rows[i];
    json_t *object = json_pack("{ss sI sf sf sf sf sf sf sf sf sI ss}", "workload", row->workload, "batch",
                               (json_int_t)row->batch, "weight", row->weight, "throughput_samples_per_s",
                               row->throughput, "speedup", row->speedup, "bound_throughput_samples_per_s", row->bound,
                               "gap", gap_of(row), "reference_throughput_samples_per_s", row->reference, "iteration_s",
                               row->iteration_s, "energy_j", row->energy_j, "memory_bytes",
                               (json_int_t)row->memory_bytes, "binding", stage_binding_names[row->binding]);
    REQUIRE(object != NULL);
    json_array_append_new(array, object);
  }
  return array;
}

const struct report_table *set_report_page(const struct run *run, const struct set_report *report,
                                           struct arena *arena) {
  static const struct report_column columns[] = {
      {"workload", "", "", true},      {"batch", "samples", "", false},
      {"weight", "", "", false},       {"throughput_samples_per_s", "samples/s", "max", false},
      {"speedup", "", "max", false},   {"gap", "", "min", false},
      {"energy_j", "J", "min", false}, {"binding", "", "", true}};
  enum { N_COLUMNS = sizeof columns / sizeof *columns };
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, run->n_members * N_COLUMNS);
  for (size_t i = 0; i < run->n_members; i++) {
    const struct set_row *row = &report->rows[i];
    struct report_cell *cell = cells + i * N_COLUMNS;
    (cell++)->text = row->workload;
    (cell++)->number = (double)row->batch;
    (cell++)->number = row->weight;
    (cell++)->number = row->throughput;
    (cell++)->number = row->speedup;
    (cell++)->number = gap_of(row);
    (cell++)->number = row->energy_j;
    cell->text = stage_binding_names[row->binding];
  }
  struct report_table *table = ARENA_NEW(arena, struct report_table, 1);
  *table = (struct report_table){"The best design by workload",
                                 arena_printf(arena, "Speed-ups are over %s; the gap is to what no schedule exceeds.",
                                              run->settings.limits.reference),
                                 "workloads.csv",
                                 columns,
                                 N_COLUMNS,
                                 cells,
                                 run->n_members};
  return table;
}
