/* A mapping of jobs as a Gantt chart in real time, the bandwidth it needs below, and a page around both. See
 * tenancy_page.h.
 *
 * Times are those of the judge. A cycle is shown as a nanosecond (1 GHz), a thousandth of it is a picosecond; charts
 * count in cycles. */
#include "dse/tenancy/tenancy_page.h"
#include "dse/map/map_page.h"

#include "base/file.h"
#include "dse/output/pipeline_picture.h"
#include "results/writer.h"
#include "search/tenancy/list.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const phases[] = {"job"};

static const char *core_name(const struct tenancy_problem *problem, size_t c, struct arena *arena) {
  const char *style = problem->core_styles != NULL ? problem->core_styles[c] : NULL;
  if (style == NULL) return arena_printf(arena, "core %zu", c);
  if (problem->core_pes == NULL) return arena_printf(arena, "core %zu: %s", c, style);
  return arena_printf(arena, "core %zu: %s, %llu PEs", c, style, (unsigned long long)problem->core_pes[c]);
}

/* The core that ends last is what everybody waits for: its jobs are marked. */
static size_t last_core(const struct tenancy_shown *shown) {
  const struct tenancy_verdict *verdict = &shown->result->verdict;
  size_t last = 0;
  for (size_t c = 1; c < shown->problem->n_cores; c++) {
    if (verdict->finish_cycles[c] > verdict->finish_cycles[last]) last = c;
  }
  return last;
}

void tenancy_timeline(const struct tenancy_shown *shown, struct arena *arena, struct timeline *timeline) {
  const struct tenancy_problem *problem = shown->problem;
  const struct tenancy_result *result = shown->result;
  const size_t n = problem->n_jobs, last = last_core(shown);
  struct timeline_bar *bars = ARENA_NEW(arena, struct timeline_bar, n);
  const char **lanes = ARENA_NEW(arena, const char *, problem->n_cores);
  for (size_t c = 0; c < problem->n_cores; c++) lanes[c] = core_name(problem, c, arena);
  for (size_t j = 0; j < n; j++) {
    const uint32_t core = result->answer.core[j];
    const char *tenant =
        problem->tenant != NULL && problem->tenants != NULL ? problem->tenants[problem->tenant[j]] : NULL;
    bars[j] = (struct timeline_bar){.label = tenant != NULL ? arena_printf(arena, "job %zu of %s", j, tenant)
                                                            : arena_printf(arena, "job %zu", j),
                                    .start_cycles = (uint64_t)llround(1000 * result->verdict.start_of[j]),
                                    .finish_cycles = (uint64_t)llround(1000 * result->verdict.end_of[j]),
                                    .lane = core,
                                    .critical = core == last};
  }
  *timeline = (struct timeline){.chips = true,
                                .title = "Queues of the cores",
                                .lanes = lanes,
                                .n_lanes = (uint32_t)problem->n_cores,
                                .phases = phases,
                                .n_phases = 1,
                                .bars = bars,
                                .n_bars = n,
                                .us_per_cycle = 1e-6,
                                .in_cycles = true,
                                .note = "A job is as long as it takes with what bandwidth it gets. "
                                        "Marked: the core that ends last."};
}

static bool ends_in(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

bool tenancy_publish_answer(const struct tenancy_problem *problem, const struct tenancy_answer *answer,
                            const char *path, struct arena *arena, struct error *error) {
  const bool json = ends_in(path, ".json");
  struct writer writer;
  writer_init(&writer, arena);
  writer_raw(&writer, json ? "{\"core\": [" : "core,priority\n");
  for (int part = 0; part < 2; part++) {
    if (part == 1) writer_raw(&writer, json ? "],\n \"priority\": [" : ",");
    for (size_t j = 0; j < problem->n_jobs; j++) {
      char number[32];
      snprintf(number, sizeof number, "%s%.17g",
               j == 0 ? ""
               : json ? ", "
                      : " ",
               part == 0 ? (double)answer->core[j] : answer->priority[j]);
      writer_raw(&writer, number);
    }
  }
  writer_raw(&writer, json ? "]}\n" : "\n");
  return file_publish(path, writer.text, writer.length, error);
}

bool tenancy_publish_trace(const struct tenancy_shown *shown, const char *path, struct arena *arena,
                           struct error *error) {
  struct timeline timeline;
  tenancy_timeline(shown, arena, &timeline);
  return pipeline_picture_publish(path, &timeline, arena, error);
}

/* --- bandwidth needed over time ---
 */

void tenancy_needed(const struct tenancy_shown *shown, struct arena *arena, struct report_profile *profile) {
  const struct tenancy_problem *problem = shown->problem;
  const struct tenancy_result *result = shown->result;
  const size_t n = problem->n_jobs;
  struct report_change *changes = ARENA_NEW(arena, struct report_change, 2 * n);
  for (size_t j = 0; j < n; j++) {
    const double need = problem->bytes_per_cycle[tenancy_at(problem, j, result->answer.core[j])];
    changes[2 * j] = (struct report_change){result->verdict.start_of[j], need};
    changes[2 * j + 1] = (struct report_change){result->verdict.end_of[j], -need};
  }
  *profile = (struct report_profile){
      .title = "Bandwidth needed",
      .sentence = "What the running jobs need together, and what there is. Above the dashed line all slow down by one "
                  "factor; a mapping is good where the outline stays just below it.",
      .x_name = "time (cycles)",
      .y_name = "bytes per cycle",
      .limit_name = arena_printf(arena, "shared bandwidth %.6g bytes/cycle", problem->bandwidth_bytes_per_cycle),
      .limit = problem->bandwidth_bytes_per_cycle,
      .spans_decades = true};
  report_profile_fill(changes, 2 * n, arena, profile);
}

/* --- tables ---
 */

static const struct report_column bound_columns[] = {
    {"bound", "", "", true}, {"cycles", "cycles", "max", false}, {"of the makespan", "%", "", false}};

void tenancy_list_bounds(const struct tenancy_shown *shown, struct arena *arena, struct report_table *table) {
  const struct map_page_bounds bounds = {
      TENANCY_N_BOUNDS, tenancy_bound_names, shown->bounds->cycles, shown->result->verdict.makespan_cycles,
      "mapping",        bound_columns};
  map_page_bounds(&bounds, arena, table);
}

static const struct report_column core_columns[] = {
    {"core", "", "", true},        {"jobs", "", "", false},
    {"load", "cycles", "", false}, {"ends at", "cycles", "min", false},
    {"bytes", "bytes", "", false},
};

void tenancy_list_cores(const struct tenancy_shown *shown, struct arena *arena, struct report_table *table) {
  const struct tenancy_problem *problem = shown->problem;
  const struct tenancy_queues *queues = &shown->result->queues;
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, 5 * problem->n_cores);
  for (size_t c = 0; c < problem->n_cores; c++) {
    double load = 0, bytes = 0;
    for (size_t k = queues->start[c]; k < queues->start[c + 1]; k++) {
      const size_t at = tenancy_at(problem, queues->job[k], c);
      load += (double)problem->latency_cycles[at];
      bytes += (double)problem->latency_cycles[at] * problem->bytes_per_cycle[at];
    }
    struct report_cell *cell = &cells[5 * c];
    cell[0] = (struct report_cell){NAN, core_name(problem, c, arena)};
    cell[1].number = queues->start[c + 1] - queues->start[c];
    cell[2].number = load;
    cell[3].number = shown->result->verdict.finish_cycles[c];
    cell[4].number = bytes;
  }
  *table = (struct report_table){.title = "Cores",
                                 .sentence = "Load: run time without waiting for bandwidth.",
                                 .columns = core_columns,
                                 .n_columns = 5,
                                 .cells = cells,
                                 .n_rows = problem->n_cores};
}

/* By arrival, each job to the core where it would end first. */
static double first_come_cycles(const struct tenancy_problem *problem, struct arena *arena) {
  static const struct list_settings first_come = {LIST_FCFS, LIST_EFT, LIST_IN_TABLE_ORDER};
  struct tenancy_answer answer = tenancy_answer_new(problem, arena);
  struct tenancy_verdict verdict;
  struct error none = {0};
  list_answer(problem, &first_come, NULL, arena, &answer); /* nothing of this rule is drawn */
  return tenancy_judge(problem, &answer, arena, &verdict, &none) ? verdict.makespan_cycles : INFINITY;
}

bool tenancy_publish_page(const struct tenancy_shown *shown, const char *path, struct arena *arena,
                          struct error *error) {
  const struct tenancy_problem *problem = shown->problem;
  const struct tenancy_result *result = shown->result;
  struct timeline timeline;
  struct report_profile profile;
  struct report_table tables[3];
  tenancy_timeline(shown, arena, &timeline);
  tenancy_needed(shown, arena, &profile);
  tenancy_list_bounds(shown, arena, &tables[0]);
  tenancy_list_cores(shown, arena, &tables[1]);
  if (shown->aim != NULL) tenancy_figures_table(shown->aim, result->figures, arena, &tables[2]);
  const struct report_fact facts[] = {
      {"makespan", arena_printf(arena, "%.10g cycles", result->verdict.makespan_cycles)},
      {"no mapping is below", arena_printf(arena, "%.10g cycles (%s)", shown->bounds->best_cycles,
                                           tenancy_bound_names[shown->bounds->binding])},
      {"what binds", shown->bounds->reason != NULL ? shown->bounds->reason : "not said"},
      {"a first-come list takes", map_page_rule(first_come_cycles(problem, arena), result->verdict.makespan_cycles,
                                                "cycles", "earliest end, by arrival", arena)},
      {"found by", arena_printf(arena, "%s, %llu sample%s", shown->algorithm, (unsigned long long)result->samples,
                                result->samples == 1 ? "" : "s")},
      {"cores busy", arena_printf(arena, "%.1f %%", 100 * result->verdict.core_util)},
      {"bandwidth used", arena_printf(arena, "%.1f %%", 100 * result->verdict.bw_util)},
  };
  const bool other = shown->aim != NULL && shown->aim->goal->objective != TENANCY_MAKESPAN;
  const struct tenancy_objective_kind *kind =
      other ? &tenancy_objectives[shown->aim->goal->objective] : &tenancy_objectives[TENANCY_MAKESPAN];
  const struct report report = {
      .title = arena_printf(arena, "Jobs to cores: %s", problem->name),
      .headline =
          other
              ? arena_printf(arena, "%zu jobs on %zu cores: %s %.10g %s; no mapping is %s %.10g.", problem->n_jobs,
                             problem->n_cores, kind->name, result->value, kind->unit,
                             kind->maximise ? "above" : "below", shown->aim->bounds.value[shown->aim->goal->objective])
          : result->proven_optimal
              ? arena_printf(arena, "%zu jobs on %zu cores end after %.10g cycles: proven optimal.", problem->n_jobs,
                             problem->n_cores, result->verdict.makespan_cycles)
              : arena_printf(arena, "%zu jobs on %zu cores end after %.10g cycles, at most %.3f %% above the optimum.",
                             problem->n_jobs, problem->n_cores, result->verdict.makespan_cycles, 100 * result->gap),
      .facts = facts,
      .n_facts = sizeof facts / sizeof *facts,
      .best_row = SIZE_MAX,
      .timelines = &timeline,
      .n_timelines = 1,
      .profiles = &profile,
      .n_profiles = 1,
      .tables = tables,
      .n_tables = shown->aim != NULL ? 3 : 2};
  return report_publish(&report, path, arena, error);
}
