/* See picture.h. */
#include "dse/output/picture.h"

#include "arch/schedule_check.h"
#include "base/file.h"
#include "base/text.h"
#include "dse/cosearch/cosearch_report.h"
#include "dse/design/importance.h"
#include "dse/output/pipeline_picture.h"
#include "dse/output/provenance.h"
#include "dse/output/set_report.h"
#include "dse/study/schedule_notes.h"
#include "dse/system/system_page.h"
#include "dse/tenancy/tenancy_report.h"
#include "results/report.h"
#include "results/trace.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* From `dse calibrate chips` (results/published/chips): the shipped law against ten real chips. */
const char *const model_band =
    "the area law is within 6.3 % and the TDP law within 7.2 % of ten real HBM "
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
  timeline->title = run->system != NULL
                        ? arena_printf(arena, "On one device of the best design: %s", run->system->representative_name)
                        : arena_printf(arena, "One iteration of %s on the best design", run->workload.name);
  if (run->system != NULL) {
    timeline->note =
        "Operators of one block within one stage, of which an iteration consists; not the whole iteration.";
  }
  timeline->phases = op_phase_names;
  timeline->n_phases = N_PHASES;
  timeline->bars = bars;
  timeline->n_bars = n;
  timeline->us_per_cycle = 1e6 / clock_hz;
  schedule_notes(detail, timeline, arena);
}

/* --- tables of the page ---------------------------------------------------------------------------------------------
 */

struct page_columns {
  size_t first_axis;
  struct report_column columns[8 + N_OBJECTIVES + POINT_MAX_AXES];
  size_t n;
};

static void add_column(struct page_columns *page, const char *name, const char *unit, const char *better, bool text) {
  page->columns[page->n++] = (struct report_column){name, text_unit_shown(name, unit), better, text};
}

/* The axes that vary, the objectives, what binds: columns that both tables share. */
static const size_t usual[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_AREA, OBJECTIVE_TDP, OBJECTIVE_ENERGY,
                               OBJECTIVE_THROUGHPUT_PER_TDP};
enum { N_USUAL = sizeof usual / sizeof *usual };

/* Whose number the column 1 + i of both tables shows: the usual ones, and what else spans the front or orders it. */
static size_t objectives_shown(const struct run *run, size_t shown[N_OBJECTIVES]) {
  const struct space *space = &run->designs.space;
  size_t n = N_USUAL;
  memcpy(shown, usual, sizeof usual);
  for (size_t i = 0; i <= space->n_front_objectives; i++) {
    const size_t o = i < space->n_front_objectives ? space_front_objective(space, i) : space->metric;
    size_t at = 0;
    while (at < n && shown[at] != o) at++;
    if (at == n) shown[n++] = o;
  }
  return n;
}

static void shared_columns(const struct run *run, struct page_columns *page) {
  size_t shown[N_OBJECTIVES];
  const size_t n_shown = objectives_shown(run, shown);
  page->n = 0;
  add_column(page, "design", "", "", true);
  for (size_t i = 0; i < n_shown; i++) {
    const struct objective *objective = &run->designs.space.objectives[shown[i]];
    add_column(page, objective->name, objective->unit, objective->maximise ? "max" : "min", false);
  }
  page->first_axis = page->n;
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

static void fill_row(const struct run *run, const struct record *record, struct report_cell *cell) {
  const double *objective = record->score.objective;
  size_t shown[N_OBJECTIVES];
  const size_t n_shown = objectives_shown(run, shown);
  for (size_t i = 0; i < n_shown; i++) (cell++)->number = objective[shown[i]];
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
    const struct record *record = front ? pareto_at(run->rounds.front, i) : topk_at(run->rounds.topk, i);
    cells[i * page->n].text = name_of(run, record, arena);
    fill_row(run, record, cells + i * page->n + 1);
  }
  struct report_table *table = ARENA_NEW(arena, struct report_table, 1);
  const char *every = run->system != NULL ? " Each stands on all devices, in the strategy that suits it best; area and "
                                            "TDP are of one device."
                                          : "";
  const char *how =
      front ? "No design of the run is better than one of these in every respect." : "Ordered by the run's metric.";
  *table = (struct report_table){front ? "Pareto front" : "Best designs",
                                 arena_printf(arena, "%s%s", how, every),
                                 front ? "front.csv" : "topk.csv",
                                 page->columns,
                                 page->n,
                                 cells,
                                 n};
  return table;
}

/* What else was evaluated, in the columns of the front but for the name. */
static struct report_table *cloud_table(const struct run *run, const struct page_columns *page, struct arena *arena) {
  const size_t n = thinned_count(run->rounds.cloud), n_columns = page->n - 1;
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, n * n_columns);
  for (size_t i = 0; i < n; i++) fill_row(run, thinned_at(run->rounds.cloud, i), cells + i * n_columns);
  struct report_table *table = ARENA_NEW(arena, struct report_table, 1);
  *table = (struct report_table){
      .title = "Evaluated designs", .columns = page->columns + 1, .n_columns = n_columns, .cells = cells, .n_rows = n};
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
    row[4].text = text_unit_shown(run->designs.space.reasons[r].name, run->designs.space.reasons[r].unit);
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

/* What of the front the plot shows: throughput over area with TDP as size where they span it, else what comes first. */
struct plotted {
  size_t x, y, size; /* columns */
};

static struct plotted plotted_of(const struct run *run) {
  static const size_t preferred[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_AREA, OBJECTIVE_TDP};
  const struct space *space = &run->designs.space;
  size_t shown[N_OBJECTIVES], order[N_OBJECTIVES] = {0}, n = 0;
  const size_t n_shown = objectives_shown(run, shown);
  for (size_t p = 0; p < sizeof preferred / sizeof *preferred; p++) {
    for (size_t i = 0; i < space->n_front_objectives; i++) {
      if (space_front_objective(space, i) == preferred[p]) order[n++] = preferred[p];
    }
  }
  for (size_t i = 0; i < space->n_front_objectives; i++) {
    const size_t o = space_front_objective(space, i);
    if (o != OBJECTIVE_THROUGHPUT && o != OBJECTIVE_AREA && o != OBJECTIVE_TDP) order[n++] = o;
  }
  size_t column[3] = {1, 2, SIZE_MAX}; /* of a front of one objective: the usual picture */
  for (size_t i = 0; i < n && i < 3; i++) {
    for (size_t c = 0; c < n_shown; c++) {
      if (shown[c] == order[i]) column[i] = 1 + c;
    }
  }
  if (n == 1) column[1] = column[0] == 1 ? 2 : 1;
  if (n > 2 && order[2] == OBJECTIVE_TDP && !run->stage.provider->has_tdp) column[2] = SIZE_MAX;
  return (struct plotted){column[1], column[0], column[2]};
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

static const char *workload_text(const struct run *run, struct arena *arena) {
  if (run->designs.set != NULL) return arena_printf(arena, "%s: see the table by workload", run->title);
  if (run->system != NULL) {
    return arena_printf(arena, "%s, %" PRIu64 " samples an iteration", run->title, run->system->samples);
  }
  return arena_printf(arena, "%s, %" PRIu64 " samples an iteration, %zu operators", run->title, run->stage.samples,
                      run->graph.n_ops);
}

/* What the best design reaches; where scores are bounds, what its schedule does beside it. */
static const char *throughput_text(const struct run *run, const struct record *best, const struct stage_result *result,
                                   struct arena *arena) {
  const double value = best->score.objective[OBJECTIVE_THROUGHPUT];
  const double reference = run->designs.reference_throughput;
  const char *times = reference > 0
                          ? arena_printf(arena, "%.3g times %s", value / reference, run->settings.limits.reference)
                          : arena_printf(arena, "%s does not fit", run->settings.limits.reference);
  if (run->designs.set != NULL) {
    const struct objective *first = &run->designs.space.objectives[OBJECTIVE_THROUGHPUT];
    return arena_printf(arena, "%s%s %.6g, %s", run->settings.search.score == SCORE_BOUND ? "at most " : "",
                        first->name, value, times);
  }
  if (run->settings.search.score == SCORE_SCHEDULE) return arena_printf(arena, "%.6g samples/s, %s", value, times);
  if (run->system != NULL) return arena_printf(arena, "at most %.6g samples/s, %s (scores are bounds)", value, times);
  return arena_printf(arena, "at most %.6g samples/s, %s (scores are bounds); %.6g by its schedule", value, times,
                      (double)run->stage.samples / result->iteration_s);
}

/* The headline's last words. */
static const char *proof_text(const struct run *run, struct arena *arena) {
  if (run->unfinished) {
    return arena_printf(arena, "the run has not ended: the best of %" PRIu64 " evaluations so far",
                        run->rounds.evaluations);
  }
  return run->proof.optimal ? "no design of the space is better (proven)" : "the proof leaves a gap, stated below";
}

static const struct report_fact *facts(const struct run *run, const struct record *best,
                                       const struct stage_result *result, size_t *n, struct arena *arena) {
  const struct proof *proof = &run->proof;
  const struct report_fact list[] = {
      {"Workload", workload_text(run, arena)},
      {run->cosearch != NULL ? "Best design alone" : "Best design", design_text(&run->designs, &best->point, arena)},
      {run->cosearch != NULL ? "Its throughput" : "Throughput", throughput_text(run, best, result, arena)},
      {"Stopped by", stage_binding_names[best->score.binding]},
      {"Proof", run->unfinished  ? "none yet: the run has not ended"
                : proof->optimal ? arena_printf(arena, "optimal over all %" PRIu64 " designs", proof->points)
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

static const char design_command[] = "dse evaluate run.cfg --design ";

static const struct report_fact *commands_of(const struct run *run, struct arena *arena) {
  const size_t n = pareto_count(run->rounds.front);
  struct report_fact *list = ARENA_NEW(arena, struct report_fact, n);
  for (size_t i = 0; i < n; i++) {
    const struct record *record = pareto_at(run->rounds.front, i);
    list[i].key = name_of(run, record, arena);
    list[i].value = arena_printf(arena, "%s%s", design_command, design_text(&run->designs, &record->point, arena));
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

  struct timeline timelines[2] = {{0}}; /* of the pipeline, if there is one; of operators */
  const bool has_system = system_page_applies(run);
  struct timeline *timeline = &timelines[1];
  if (has_system) system_page_pipeline(run, &timelines[0], arena);
  schedule_timeline(run, &detail, (double)accelerator.clock_mhz * 1e6, timeline, arena);
  struct page_columns page;
  shared_columns(run, &page);
  const bool has_tdp = run->stage.provider->has_tdp;
  const struct plotted plotted = plotted_of(run);
  const struct objective *metric = &run->designs.space.objectives[run->designs.space.metric];
  struct report report = {
      .title = arena_printf(arena, "Accelerators for training %s", run->title),
      .headline = arena_printf(
          arena, "%s reaches %s%.6g %s in %.4g mm² and %.4g W; %s.", design_text(&run->designs, &best->point, arena),
          run->settings.search.score == SCORE_BOUND ? "at most " : "", best->score.objective[OBJECTIVE_THROUGHPUT],
          run->designs.set != NULL ? run->designs.space.objectives[OBJECTIVE_THROUGHPUT].name : "samples/s",
          best->score.objective[OBJECTIVE_AREA], best->score.objective[OBJECTIVE_TDP], proof_text(run, arena)),
      .model_band = has_tdp ? model_band : NULL,
      .front = record_table(run, &page, true, arena),
      .front_x = plotted.x,
      .front_y = plotted.y,
      .front_size = plotted.size,
      .best_row = row_of(run, &best->point),
      .first_axis = page.first_axis,
      .n_axes = run->designs.space.n_axes,
      .design_command = design_command,
      .cloud = cloud_table(run, &page, arena),
      .n_evaluated = (size_t)run->rounds.feasible,
      .topk = record_table(run, &page, false, arena),
      .infeasible = infeasible_table(run, arena),
      .steps = steps(run, arena),
      .n_steps = run->rounds.n_convergence,
      .metric = metric->name,
      .metric_unit = text_unit_shown(metric->name, metric->unit),
      .timelines = has_system ? timelines : timeline,
      .n_timelines = has_system ? 2 : 1,
      .commands = commands_of(run, arena),
      .n_commands = pareto_count(run->rounds.front),
      .settings = run->settings_text,
  };
  if (run->designs.set != NULL) {
    struct set_report by_workload;
    set_report_of(run, &accelerator, &by_workload, arena);
    report.tables = set_report_page(run, &by_workload, arena);
    report.n_tables = 1;
  }
  report.facts = facts(run, best, &result, &report.n_facts, arena);
  if (has_system) system_page_fill(run, &report, arena);
  tenancy_report_fill(run, &report, arena);
  cosearch_report_fill(run, &report, arena);
  importance_fill(run, &report, arena);
  provenance_fill(run, &report, arena);
  report.breakdowns = breakdowns(&design, has_tdp, &report.n_breakdowns, arena);
  const char *bytes;
  size_t n;
  if (!report_publish(&report, run_path(run, "report.html"), arena, error)) return false;
  trace_write(timeline, arena, &bytes, &n);
  if (!file_publish(run_path(run, "trace-best.json"), bytes, n, error)) return false;
  for (size_t t = has_system ? 0 : 1; t < 2; t++) {
    const size_t n_cut = trace_bars_cut(&timelines[t], arena);
    if (n_cut == 0) continue;
    remark(run->invocation, "%s: %zu of %zu bars were cut; its otherData says which\n",
           t == 0 ? "trace-pipeline.json" : "trace-best.json", n_cut, timelines[t].n_bars);
  }
  return !has_system || pipeline_picture_publish(run_path(run, "trace-pipeline.json"), &timelines[0], arena, error);
}
