/* See picture.h. */
#include "dse/picture.h"

#include "arch/schedule_check.h"
#include "base/file.h"
#include "results/report.h"
#include "results/trace.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* From `dse calibrate chips` (results/published/chips): the shipped law against ten real chips. */
const char *const model_band =
    "model band: the area law is within 6.3 % and the TDP law within 7.2 % of ten real HBM "
    "training chips on average (leave-one-out, to 2022; with the choice of the law left out, "
    "too: 10.0 % and 8.0 %); single chips up to 15 % off, parts of 2024 further";

/* --- the schedule as bars -------------------------------------------------------------------------------------------
 */

static uint32_t first_lane(const struct stage_detail *detail, enum core_class class) {
  uint32_t lane = 0;
  for (unsigned c = 0; c < (unsigned)class; c++) lane += detail->problem.n_cores[c];
  return lane;
}

static void name_lanes(const struct stage_detail *detail, struct timeline *timeline, struct arena *arena) {
  static const char *const names[N_CORE_CLASSES] = {"tensor core", "vector core", "link"};
  timeline->n_lanes = first_lane(detail, N_CORE_CLASSES);
  const char **lanes = ARENA_NEW(arena, const char *, timeline->n_lanes);
  uint32_t lane = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    for (uint32_t i = 0; i < detail->problem.n_cores[c]; i++) lanes[lane++] = arena_printf(arena, "%s %u", names[c], i);
  }
  timeline->lanes = lanes;
}

static void schedule_timeline(const struct run *run, const struct stage_detail *detail, double clock_hz,
                              struct timeline *timeline, struct arena *arena) {
  const struct op_graph *graph = detail->problem.graph;
  const struct schedule *schedule = &detail->schedule;
  size_t n_bars = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) n_bars += schedule->core_list_start[c][graph->n_ops];
  struct timeline_bar *bars = ARENA_NEW(arena, struct timeline_bar, n_bars);
  size_t n = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    const uint32_t *start = schedule->core_list_start[c];
    for (size_t i = 0; i < graph->n_ops; i++) {
      for (uint32_t k = start[i]; k < start[i + 1]; k++) {
        bars[n++] = (struct timeline_bar){
            op_name(graph, i),          schedule->start_cycles[i],
            schedule->finish_cycles[i], first_lane(detail, (enum core_class)c) + schedule->core_list[c][k],
            graph->ops[i].phase,        schedule->mobility_cycles[i] == 0};
      }
    }
  }
  name_lanes(detail, timeline, arena);
  timeline->title = arena_printf(arena, "One iteration of %s on the best design", run->workload.name);
  timeline->phases = op_phase_names;
  timeline->n_phases = N_PHASES;
  timeline->bars = bars;
  timeline->n_bars = n;
  timeline->us_per_cycle = 1e6 / clock_hz;
}

/* --- tables of the page ---------------------------------------------------------------------------------------------
 */

struct page_columns {
  struct report_column columns[8 + POINT_MAX_AXES];
  size_t n;
};

static void add_column(struct page_columns *page, const char *name, const char *unit, const char *better, bool text) {
  page->columns[page->n++] = (struct report_column){name, unit, better, text};
}

/* The axes that vary, the objectives, what binds: columns that both tables share. */
static void shared_columns(const struct run *run, struct page_columns *page) {
  page->n = 0;
  add_column(page, "design", "", "", true);
  add_column(page, "throughput_samples_per_s", "1/s", "max", false);
  add_column(page, "area_mm2", "mm2", "min", false);
  add_column(page, "tdp_w", "W", "min", false);
  add_column(page, "energy_j", "J", "min", false);
  add_column(page, "throughput_per_tdp", "1/(s W)", "max", false);
  for (size_t a = 0; a < run->designs.space.n_axes; a++) {
    add_column(page, run->designs.axes[a].key, run->designs.axes[a].unit, "", run->designs.axes[a].labels != NULL);
  }
  add_column(page, "binding", "", "", true);
}

static const char *name_of(const struct run *run, const struct record *record, struct arena *arena) {
  struct accelerator accelerator;
  REQUIRE(design_at(&run->designs, &record->point, &accelerator));
  char name[17];
  design_name(&accelerator, name);
  return arena_copy_text(arena, name);
}

static void fill_row(const struct run *run, const struct record *record, struct report_cell *cell,
                     struct arena *arena) {
  const double *objective = record->score.objective;
  (cell++)->text = name_of(run, record, arena);
  (cell++)->number = objective[OBJECTIVE_THROUGHPUT];
  (cell++)->number = objective[OBJECTIVE_AREA];
  (cell++)->number = objective[OBJECTIVE_TDP];
  (cell++)->number = objective[OBJECTIVE_ENERGY];
  (cell++)->number = objective[OBJECTIVE_THROUGHPUT_PER_TDP];
  for (size_t a = 0; a < run->designs.space.n_axes; a++, cell++) {
    const struct axis *axis = &run->designs.axes[a];
    const uint64_t value = axis->values[record->point.index[a]];
    if (axis->labels != NULL) {
      cell->text = axis->labels[value];
    } else {
      cell->number = (double)value;
    }
  }
  cell->text = stage_binding_names[record->score.binding];
}

static struct report_table *record_table(const struct run *run, const struct page_columns *page, bool front,
                                         struct arena *arena) {
  const size_t n = front ? pareto_count(run->rounds.front) : topk_count(run->rounds.topk);
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, n * page->n);
  for (size_t i = 0; i < n; i++) {
    fill_row(run, front ? pareto_at(run->rounds.front, i) : topk_at(run->rounds.topk, i), cells + i * page->n, arena);
  }
  struct report_table *table = ARENA_NEW(arena, struct report_table, 1);
  *table = (struct report_table){front ? "Pareto front" : "Best designs",
                                 front ? "No design of the run is better than one of these in every respect."
                                       : "Ordered by the run's metric.",
                                 front ? "front.csv" : "topk.csv",
                                 page->columns,
                                 page->n,
                                 cells,
                                 n};
  return table;
}

static struct report_table *infeasible_table(const struct run *run, struct arena *arena) {
  static const struct report_column columns[] = {{"limit", "", "", true},
                                                 {"designs", "", "", false},
                                                 {"alone", "", "", false},
                                                 {"nearest_miss", "", "min", false},
                                                 {"unit", "", "", true}};
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, (size_t)N_REASONS * 5);
  size_t n = 0;
  for (size_t r = REASON_NONE + 1; r < N_REASONS; r++) {
    if (run->proof.exclusions.n[r] == 0) continue;
    struct report_cell *row = cells + n++ * 5;
    row[0].text = run->designs.space.reasons[r].name;
    row[1].number = (double)run->proof.exclusions.n[r];
    row[2].number = (double)run->proof.exclusions.alone[r];
    row[3].number = run->proof.exclusions.nearest[r];
    row[4].text = run->designs.space.reasons[r].unit;
  }
  struct report_table *table = ARENA_NEW(arena, struct report_table, 1);
  *table = (struct report_table){"What the limits exclude",
                                 "Designs of the whole space that break a limit; a design may break several.",
                                 "infeasible.csv",
                                 columns,
                                 5,
                                 cells,
                                 n};
  return table;
}

/* --- breakdowns and facts -------------------------------------------------------------------------------------------
 */

static const struct report_breakdown *breakdowns(const struct stage_cost_of_design *design, bool has_tdp, size_t *n,
                                                 struct arena *arena) {
  const struct area_breakdown *area = &design->area;
  const struct power_breakdown *power = &design->tdp;
  const struct report_part areas[] = {
      {"tensor cores", area->tensor}, {"vector cores", area->vector}, {"SRAM", area->sram}, {"wiring", area->noc},
      {"HBM PHYs", area->hbm},        {"links", area->links},         {"misc", area->misc}, {"fill", area->fill}};
  const struct report_part powers[] = {
      {"tensor cores", power->tensor}, {"vector cores", power->vector}, {"HBM", power->hbm},
      {"links", power->links},         {"leakage", power->leakage},     {"misc", power->misc},
      {"supply", power->supply}};
  struct report_part *kept = ARENA_NEW(arena, struct report_part, 15);
  memcpy(kept, areas, sizeof areas);
  memcpy(kept + 8, powers, sizeof powers);
  struct report_breakdown *list = ARENA_NEW(arena, struct report_breakdown, 2);
  list[0] = (struct report_breakdown){"Area of the best design", "mm2", kept, 8};
  list[1] = (struct report_breakdown){"TDP of the best design", "W", kept + 8, 7};
  *n = has_tdp ? 2 : 1;
  return list;
}

/* What the best design reaches; where scores are bounds, what its schedule does beside it. */
static const char *throughput_text(const struct run *run, const struct record *best, const struct stage_result *result,
                                   struct arena *arena) {
  const double value = best->score.objective[OBJECTIVE_THROUGHPUT];
  const char *times =
      arena_printf(arena, "%.3g times %s", value / run->designs.reference_throughput, run->settings.limits.reference);
  if (run->settings.search.score == SCORE_SCHEDULE) return arena_printf(arena, "%.6g samples/s, %s", value, times);
  return arena_printf(arena, "at most %.6g samples/s, %s (scores are bounds); %.6g by its schedule", value, times,
                      (double)run->stage.samples / result->iteration_s);
}

static const struct report_fact *facts(const struct run *run, const struct record *best,
                                       const struct stage_result *result, size_t *n, struct arena *arena) {
  const struct proof *proof = &run->proof;
  const struct report_fact list[] = {
      {"Workload", arena_printf(arena, "%s, %" PRIu64 " samples an iteration, %zu operators", run->workload.name,
                                run->stage.samples, run->graph.n_ops)},
      {"Best design", design_text(&run->designs, &best->point, arena)},
      {"Throughput", throughput_text(run, best, result, arena)},
      {"Stopped by", stage_binding_names[best->score.binding]},
      {"Proof", proof->optimal ? arena_printf(arena, "optimal over all %" PRIu64 " designs", proof->points)
                               : arena_printf(arena, "within %.3g %% of the best of %" PRIu64 " designs",
                                              100 * proof->gap, proof->points)},
      {"Evaluations", arena_printf(arena, "%" PRIu64 ", %" PRIu64 " of them to close the proof",
                                   run->rounds.evaluations, proof->evaluated)},
  };
  struct report_fact *kept = ARENA_NEW(arena, struct report_fact, sizeof list / sizeof *list);
  memcpy(kept, list, sizeof list);
  *n = sizeof list / sizeof *list;
  return kept;
}

static const struct report_step *steps(const struct run *run, struct arena *arena) {
  struct report_step *list = ARENA_NEW(arena, struct report_step, run->rounds.n_convergence);
  for (size_t i = 0; i < run->rounds.n_convergence; i++) {
    const struct convergence *row = &run->rounds.convergence[i];
    list[i].evaluations = (double)row->evaluations;
    list[i].best = row->has_best ? row->best : NAN;
    list[i].bound = run->proof.complete ? run->proof.bound : NAN;
  }
  return list;
}

static const struct report_fact *commands_of(const struct run *run, struct arena *arena) {
  const size_t n = pareto_count(run->rounds.front);
  struct report_fact *list = ARENA_NEW(arena, struct report_fact, n);
  for (size_t i = 0; i < n; i++) {
    const struct record *record = pareto_at(run->rounds.front, i);
    list[i].key = name_of(run, record, arena);
    list[i].value =
        arena_printf(arena, "dse evaluate run.cfg --design %s", design_text(&run->designs, &record->point, arena));
  }
  return list;
}

static size_t row_of(const struct run *run, const struct point *point) {
  for (size_t i = 0; i < pareto_count(run->rounds.front); i++) {
    if (point_compare(&pareto_at(run->rounds.front, i)->point, point) == 0) return i;
  }
  return SIZE_MAX;
}

/* --- publishing -----------------------------------------------------------------------------------------------------
 */

bool picture_publish(struct run *run, struct error *error) {
  struct arena *arena = run->invocation->arena;
  const struct record *best = topk_at(run->rounds.topk, 0);
  struct accelerator accelerator;
  REQUIRE(design_at(&run->designs, &best->point, &accelerator));
  struct stage_cost_of_design design;
  struct stage_result result;
  struct stage_detail detail;
  struct score score;
  design_evaluate(&run->designs, &accelerator, &design, &result, &score, &detail, arena);
  struct error broken = {0};
  if (!schedule_check(&detail.problem, &detail.schedule, run->invocation->scratch, &broken)) {
    BUG("a schedule broke its rules: %s", broken.text);
  }

  struct timeline timeline;
  schedule_timeline(run, &detail, (double)accelerator.clock_mhz * 1e6, &timeline, arena);
  struct page_columns page;
  shared_columns(run, &page);
  const bool has_tdp = run->stage.provider->has_tdp;
  const struct objective *metric = &run->designs.space.objectives[run->designs.space.metric];
  struct report report = {
      .title = arena_printf(arena, "Accelerators for training %s", run->workload.name),
      .headline = arena_printf(
          arena, "%s reaches %s%.6g samples/s in %.4g mm² and %.4g W; %s.",
          design_text(&run->designs, &best->point, arena), run->settings.search.score == SCORE_BOUND ? "at most " : "",
          best->score.objective[OBJECTIVE_THROUGHPUT], best->score.objective[OBJECTIVE_AREA],
          best->score.objective[OBJECTIVE_TDP],
          run->proof.optimal ? "no design of the space is better (proven)" : "the proof leaves a gap, stated below"),
      .model_band = has_tdp ? model_band : NULL,
      .front = record_table(run, &page, true, arena),
      .front_x = 2,
      .front_y = 1,
      .front_size = has_tdp ? 3 : SIZE_MAX,
      .best_row = row_of(run, &best->point),
      .topk = record_table(run, &page, false, arena),
      .infeasible = infeasible_table(run, arena),
      .steps = steps(run, arena),
      .n_steps = run->rounds.n_convergence,
      .metric = metric->name,
      .metric_unit = metric->unit,
      .timelines = &timeline,
      .n_timelines = 1,
      .commands = commands_of(run, arena),
      .n_commands = pareto_count(run->rounds.front),
      .settings = run->settings_text,
  };
  report.facts = facts(run, best, &result, &report.n_facts, arena);
  report.breakdowns = breakdowns(&design, has_tdp, &report.n_breakdowns, arena);
  const char *bytes;
  size_t n;
  report_write(&report, arena, &bytes, &n);
  if (!file_publish(run_path(run, "report.html"), bytes, n, error)) return false;
  trace_write(&timeline, arena, &bytes, &n);
  return file_publish(run_path(run, "trace-best.json"), bytes, n, error);
}
