/* See cosearch_report.h. Rows are platforms that were mapped, by what was searched for. */
#include "dse/cosearch/cosearch_report.h"

#include "base/file.h"
#include "base/text.h"
#include "dse/system/system_report.h"
#include "dse/tenancy/tenancy_report.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { ROWS_SHOWN = 8 };

/* A run that is looked at between its rounds may know its best platform before that platform's jobs are mapped for
 * good: then there is no result yet. */
static bool has_result(const struct run *run) {
  return run->cosearch != NULL && run->cosearch->reason == NULL && run->cosearch->best != NULL &&
         run->tenants != NULL && run->tenants->best != NULL;
}

/* --- figures of a platform ------------------------------------------------------------------------------------------
 */

static double jobs_per_s(const struct cosearch *own, double makespan_cycles) {
  return own->problem.n_all_jobs * own->problem.cycles_per_s / makespan_cycles;
}

static double gap_of(const struct cosearch *own) { return own->bound / own->best->value - 1; }

static double sum_of(const struct cosearch *own, const struct joint_platform *platform, char what) {
  double sum = 0;
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    const struct cosearch_design *const design = &own->designs[platform->design[k]];
    sum += platform->count[k] * (what == 'w' ? design->power_w : design->usd);
  }
  return sum;
}

/* The system that the platform is a node of, where it is not of its only design as its strategy has it; NULL. */
static const struct global_system *system_of(const struct cosearch *own, const struct joint_platform *platform) {
  return platform->training > 0 ? &own->systems[platform->system].system : NULL;
}

/* How the system is spread that is made of the platform's designs; empty: one device. */
static const char *strategy_of(const struct run *run, const struct joint_platform *platform, struct arena *arena) {
  struct system_score score;
  struct system_result result;
  const struct global_system *const mixed = system_of(run->cosearch, platform);
  if (mixed != NULL) return strategy_text(&mixed->plan->strategy, arena);
  if (run->system == NULL) return "";
  design_system_of(&run->designs, &run->cosearch->designs[platform->design[0]].accelerator, &score, &result);
  return score.plan != NULL ? strategy_text(&score.plan->strategy, arena) : "";
}

/* --- the tables -----------------------------------------------------------------------------------------------------
 */

static const char *training_unit(const struct run *run) {
  const struct objective *const throughput = &run->designs.space.objectives[OBJECTIVE_THROUGHPUT];
  return text_unit_shown(throughput->name, throughput->unit);
}

static const struct table_column columns[] = {
    {"platform", "", "", "by value, then area, from 1"},
    {"designs", "", "", "how many devices of which design; the jobs' cores are in this order"},
    {"strategy", "", "", "of a system of this design, in short; empty: one device"},
    {"kinds", "", "", "different designs"},
    {"cores", "", "", "devices that share one memory"},
    {"value", "", "max", "by co_search.metric; 0: not allowed by it"},
    {"value_bound", "", "min", "no mapping on this platform gives more"},
    {"training_throughput", "", "max", "of all its devices, or of the system; in the unit of the run's throughput"},
    {"jobs_per_s", "1/s", "max", "of the tenants: all jobs over the makespan"},
    {"makespan_cycles", "cycles", "min", "until all jobs are done, by the judge, in cycles of tenancy.clock_mhz"},
    {"lower_bound_cycles", "cycles", "max", "no mapping on this platform ends earlier"},
    {"bandwidth_bytes_per_cycle", "B", "", "of the memory that its devices share"},
    {"area_mm2", "mm2", "min", "of all dies"},
    {"tdp_w", "W", "min", "of all devices"},
    {"money_usd", "USD", "min", "of all dies and memory; empty: not asked for"},
    {"finalist", "", "", "1: mapped again with tenancy.final_samples"},
    {"on_front", "", "", "1: of those mapped none trains as fast and ends as early"},
    {"best", "", "", "1: the highest value"},
    {"stages", "", "", "of a mixed system its designs by stage: \"first-last: key=value,…\"; empty: of one design"},
    {"layers", "", "",
     "of a mixed system by stage: how many pieces of the model it holds; empty: as the strategy says"},
};

struct table *cosearch_report_table(const struct run *run, struct arena *arena) {
  const struct cosearch *const own = run->cosearch;
  const bool mixes = cosearch_mixes(run);
  const size_t n_columns = sizeof columns / sizeof *columns - (mixes ? 0 : 2);
  struct table *const table = table_new(arena, "cosearch.csv", columns, n_columns);
  const bool has_tdp = run->stage.provider->has_tdp;
  for (size_t i = 0; i < own->n_found; i++) {
    const struct joint_platform *const platform = own->found[i];
    table_u64(table, i + 1);
    table_text(table, cosearch_text(own, platform, arena));
    table_text(table, strategy_of(run, platform, arena));
    table_u64(table, platform->n_kinds);
    table_u64(table, joint_cores(platform));
    table_double(table, platform->value);
    table_double(table, platform->bound);
    table_double(table, joint_training(&own->problem, platform));
    table_double(table, jobs_per_s(own, platform->makespan_cycles));
    table_double(table, platform->makespan_cycles);
    table_double(table, platform->least_cycles);
    table_double(table, joint_bandwidth(&own->problem, platform));
    table_double(table, platform->area_mm2);
    table_double(table, has_tdp ? sum_of(own, platform, 'w') : NAN);
    table_double(table, sum_of(own, platform, '$'));
    table_u64(table, platform->refined);
    table_u64(table, platform->on_front);
    table_u64(table, platform == own->best);
    const struct global_system *const mixed = system_of(own, platform);
    if (mixes) table_text(table, mixed != NULL ? system_report_designs_by_stage(run, mixed) : "");
    if (mixes) table_text(table, mixed != NULL ? system_report_layers(mixed, arena) : "");
  }
  return table;
}

static const struct table_column design_columns[] = {
    {"design", "", "", "name across runs"},
    {"axes", "", "", "its keys, as dse evaluate --design takes them"},
    {"training_throughput", "", "max",
     "of one device, or of a system of them, as evaluated; empty: part of mixed systems alone"},
    {"area_mm2", "mm2", "min", "of one device"},
    {"tdp_w", "W", "min", "of one device"},
    {"money_usd", "USD", "min", "of one device; empty: not asked for"},
    {"platforms", "", "", "that were mapped and have it"},
    {"best", "", "", "how many of it the best platform has"},
};

struct table *cosearch_report_designs(const struct run *run, struct arena *arena) {
  const struct cosearch *const own = run->cosearch;
  struct table *const table =
      table_new(arena, "cosearch-designs.csv", design_columns, sizeof design_columns / sizeof *design_columns);
  uint64_t *const n_platforms = ARENA_NEW(arena, uint64_t, own->n_designs + 1), *const in_best =
                                                                                    ARENA_NEW(arena, uint64_t,
                                                                                              own->n_designs + 1);
  for (size_t i = 0; i < own->n_found; i++) {
    const struct joint_platform *const platform = own->found[i];
    for (uint32_t k = 0; k < platform->n_kinds; k++) {
      n_platforms[platform->design[k]]++;
      if (platform == own->best) in_best[platform->design[k]] = platform->count[k];
    }
  }
  for (size_t d = 0; d < own->n_designs; d++) {
    const struct cosearch_design *const design = &own->designs[d];
    if (n_platforms[d] == 0) continue;
    table_text(table, design->name);
    table_text(table, design_text(&run->designs, &design->point, arena));
    table_double(table, own->problem.trained[d] ? own->problem.training[d] : NAN);
    table_double(table, design->area_mm2);
    table_double(table, run->stage.provider->has_tdp ? design->power_w : NAN);
    table_double(table, design->usd);
    table_u64(table, n_platforms[d]);
    table_u64(table, in_best[d]);
  }
  return table;
}

bool cosearch_report_publish(const struct run *run, struct error *error) {
  if (run->cosearch == NULL) return true;
  struct arena *const arena = run->invocation->arena;
  size_t n;
  const char *bytes = table_bytes(cosearch_report_table(run, arena), &n);
  if (!file_publish(run_path(run, "cosearch.csv"), bytes, n, error)) return false;
  bytes = table_bytes(cosearch_report_designs(run, arena), &n);
  return file_publish(run_path(run, "cosearch-designs.csv"), bytes, n, error) &&
         (!has_result(run) || tenancy_report_mapping(run, error));
}

/* --- for a program --------------------------------------------------------------------------------------------------
 */

static void set_real(json_t *object, const char *key, double value) {
  json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static void set_count(json_t *object, const char *key, uint64_t value) {
  json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *platform_json(const struct run *run, const struct joint_platform *platform) {
  const struct cosearch *const own = run->cosearch;
  struct arena *const arena = run->invocation->arena;
  json_t *const object = json_object(), *const designs = json_object();
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    set_count(designs, own->designs[platform->design[k]].name, platform->count[k]);
  }
  json_object_set_new(object, "designs", designs);
  json_object_set_new(object, "strategy", json_string(strategy_of(run, platform, arena)));
  const struct global_system *const mixed = system_of(own, platform);
  if (mixed != NULL) {
    json_object_set_new(object, "stages", json_string(system_report_designs_by_stage(run, mixed)));
    json_object_set_new(object, "layers", json_string(system_report_layers(mixed, arena)));
  }
  set_count(object, "cores", joint_cores(platform));
  set_real(object, "value", platform->value);
  set_real(object, "value_bound", platform->bound);
  set_real(object, "training_throughput", joint_training(&own->problem, platform));
  set_real(object, "jobs_per_s", jobs_per_s(own, platform->makespan_cycles));
  set_real(object, "makespan_cycles", platform->makespan_cycles);
  set_real(object, "lower_bound_cycles", platform->least_cycles);
  set_real(object, "bandwidth_bytes_per_cycle", joint_bandwidth(&own->problem, platform));
  set_real(object, "area_mm2", platform->area_mm2);
  set_real(object, "tdp_w", run->stage.provider->has_tdp ? sum_of(own, platform, 'w') : NAN);
  set_real(object, "money_usd", sum_of(own, platform, '$'));
  return object;
}

json_t *cosearch_report_json(const struct run *run) {
  const struct cosearch *const own = run->cosearch;
  json_t *const object = json_object(), *const front = json_array();
  json_object_set_new(object, "metric", json_string(cosearch_metric_names[own->settings->metric]));
  json_object_set_new(object, "way", json_string(cosearch_way_names[own->settings->way]));
  json_object_set_new(object, "jobs_of", json_string(run->tenants->pool.name));
  json_object_set_new(object, "reason", own->reason != NULL ? json_string(own->reason) : json_null());
  set_count(object, "points", own->n_points);
  json_object_set_new(object, "designs_allowed", own->grows ? json_null() : json_integer((json_int_t)own->n_allowed));
  set_count(object, "designs_looked_at", own->n_designs);
  if (cosearch_mixes(run)) {
    set_count(object, "systems_made", own->n_systems_made);
    set_count(object, "systems_offered", own->n_systems);
  }
  if (own->search != NULL) {
    const struct joint_counts *const counts = joint_counts(own->search);
    set_count(object, "platforms", counts->n_platforms);
    set_count(object, "platforms_beaten_by_bounds", counts->n_beaten);
    set_count(object, "platforms_bounded_closely", counts->n_bounded);
    set_count(object, "platforms_mapped", counts->n_mapped);
    set_count(object, "platforms_left_out", counts->n_left_out);
    set_count(object, "training_evaluations", own->n_trained);
    set_count(object, "mapping_samples", own->n_samples);
  }
  for (size_t i = 0; i < own->n_found; i++) {
    if (own->found[i]->on_front) json_array_append_new(front, platform_json(run, own->found[i]));
  }
  json_object_set_new(object, "front", front);
  if (!has_result(run)) return object;
  json_object_set_new(object, "best", platform_json(run, own->best));
  set_real(object, "bound", own->bound);
  set_real(object, "gap", gap_of(own));
  json_object_set_new(object, "proven_optimal", json_boolean(own->proven));
  json_object_set_new(object, "mapping", tenancy_report_winner_json(run));
  return object;
}

/* --- for a person ---------------------------------------------------------------------------------------------------
 */

static const char *of_what(const struct cosearch *own, struct arena *arena) {
  if (own->settings->metric == COSEARCH_TRAINING) return "throughput";
  if (own->settings->metric == COSEARCH_TENANTS) return "jobs a second";
  return arena_printf(arena, "throughput^%.3g · (jobs a second)^%.3g", own->settings->weight,
                      1 - own->settings->weight);
}

static const char *proof_text(const struct run *run, struct arena *arena) {
  const struct cosearch *const own = run->cosearch;
  const struct joint_counts *const counts = joint_counts(own->search);
  const double gap = gap_of(own);
  if (own->proven) return "proven: no platform within the limits has more";
  const char *text = arena_printf(arena, "gap %.3g %%", 100 * gap);
  if (own->grows) {
    text = arena_printf(arena, "%s among the %zu designs looked at", text, own->n_designs);
  } else if (own->n_listed < own->n_allowed) {
    text = arena_printf(arena, "%s among the %zu of %zu designs looked at", text, own->n_listed, own->n_allowed);
  } else if (own->settings->way == COSEARCH_SEQUENTIAL) {
    text = arena_printf(arena, "%s among platforms of the %zu best designs", text, own->n_designs);
  }
  if (cosearch_mixes(run)) {
    text =
        arena_printf(arena, "%s; of systems of several designs among the %" PRIu64 " made", text, own->n_systems_made);
  }
  for (uint32_t k = 2; k <= own->problem.most_kinds; k++) {
    if (counts->n_mixed[k] == own->n_designs) continue;
    text = arena_printf(arena, "%s; mixtures of %u kinds: of %" PRIu64 " designs alone", text, (unsigned)k,
                        counts->n_mixed[k]);
  }
  return text;
}

void cosearch_report_say(const struct run *run) {
  const struct invocation *const invocation = run->invocation;
  const struct cosearch *const own = run->cosearch;
  struct arena *const arena = invocation->arena;
  if (own == NULL) return;
  if (!has_result(run)) return; /* the error says why */
  static const char *const shown[] = {"platform",        "designs",  "value", "training_throughput",
                                      "makespan_cycles", "area_mm2", "tdp_w", "on_front"};
  const struct joint_counts *const counts = joint_counts(own->search);
  const struct joint_platform *const best = own->best;
  char *text;
  table_print(cosearch_report_table(run, arena), shown, sizeof shown / sizeof *shown, ROWS_SHOWN, &text, arena);
  say(invocation,
      "\nco-search: %.0f jobs of %s on platforms of %zu designs, by %s\n"
      "%" PRIu64 " platforms within the limits: %" PRIu64 " out by bounds, %" PRIu64 " mapped with %" PRIu64
      " samples; %" PRIu64 " designs trained\n\n%s\n",
      own->problem.n_all_jobs, run->tenants->pool.name, own->n_designs, of_what(own, arena), counts->n_platforms,
      counts->n_beaten, counts->n_mapped, own->n_samples, own->n_trained, text);
  say(invocation, "  %-20s %s: %.6g, %s\n", "best platform", cosearch_text(own, best, arena), best->value,
      proof_text(run, arena));
  const char *const strategy = strategy_of(run, best, arena);
  if (strategy[0] != '\0') say(invocation, "  %-20s %s\n", "strategy", strategy);
  if (system_of(own, best) != NULL) {
    say(invocation, "  %-20s %s\n  %-20s %s\n", "its system", system_report_designs(run, system_of(own, best)),
        "layers by stage", system_report_layers(system_of(own, best), arena));
  }
  say(invocation, "  %-20s %.6g %s together\n", "it trains", joint_training(&own->problem, best), training_unit(run));
  say(invocation, "  %-20s %.10g cycles, %.6g jobs a second; %.3g %% above its bound\n", "its tenants end after",
      best->makespan_cycles, jobs_per_s(own, best->makespan_cycles),
      100 * (best->makespan_cycles / best->least_cycles - 1));
}

/* --- the page -------------------------------------------------------------------------------------------------------
 */

static const char *const kinds[] = {"one design", "several designs"};

static const struct report_points *points_of(const struct run *run, struct arena *arena) {
  const struct cosearch *const own = run->cosearch;
  struct report_point *const list = ARENA_NEW(arena, struct report_point, own->n_found);
  struct report_points *const points = ARENA_NEW(arena, struct report_points, 1);
  *points = (struct report_points){.title = "Platforms: makespan against training",
                                   .sentence = "Further down and to the right is better. Marked: the best.",
                                   .x_name = arena_printf(arena, "training throughput (%s)", training_unit(run)),
                                   .y_name = "makespan of the tenants (cycles)",
                                   .kinds = kinds,
                                   .n_kinds = 2,
                                   .points = list,
                                   .n_points = own->n_found,
                                   .chosen = 0,
                                   .y_bound = NAN};
  for (size_t i = 0; i < own->n_found; i++) {
    const struct joint_platform *const platform = own->found[i];
    list[i] = (struct report_point){cosearch_text(own, platform, arena), joint_training(&own->problem, platform),
                                    platform->makespan_cycles, platform->n_kinds > 1};
  }
  return points;
}

/* What was asked for stands first: not the design that trains best alone, but what to build, by axes, not by digests.
 */
static const char *headline(const struct run *run, struct arena *arena) {
  const struct cosearch *const own = run->cosearch;
  const struct joint_platform *const best = own->best;
  const char *what = "";
  for (uint32_t k = 0; k < best->n_kinds; k++)
    what = arena_printf(arena, "%s%s%u of %s", what, k > 0 ? " and " : "", (unsigned)best->count[k],
                        design_text(&run->designs, &own->designs[best->design[k]].point, arena));
  return arena_printf(arena,
                      "%s: together they train at %.6g %s, and %.0f jobs of %s end on them after %.6g cycles; %s.",
                      what, joint_training(&own->problem, best),
                      run->designs.set != NULL ? run->designs.space.objectives[OBJECTIVE_THROUGHPUT].name : "samples/s",
                      own->problem.n_all_jobs, run->tenants->pool.name, best->makespan_cycles, proof_text(run, arena));
}

void cosearch_report_fill(const struct run *run, struct report *report, struct arena *arena) {
  if (!has_result(run)) return;
  const struct cosearch *const own = run->cosearch;
  report->title = arena_printf(arena, "Accelerators for training %s and for tenants", run->title);
  report->headline = headline(run, arena);
  const struct joint_counts *const counts = joint_counts(own->search);
  struct report_chapter *const chapter = ARENA_NEW(arena, struct report_chapter, 1);
  struct report_table *const tables = ARENA_NEW(arena, struct report_table, 4);
  table_page(cosearch_report_table(run, arena), NULL, &tables[0], arena);
  tables[0].title = "Platforms that were mapped";
  tables[0].sentence = "By value; a finalist was mapped with more samples.";
  tables[0].file = "cosearch.csv";
  table_page(cosearch_report_designs(run, arena), NULL, &tables[1], arena);
  tables[1].title = "Designs of these platforms";
  tables[1].sentence = "Of one device each.";
  tables[1].file = "cosearch-designs.csv";
  tenancy_report_tables(run, &tables[2], arena);
  *chapter = (struct report_chapter){
      .title = "Co-search",
      .sentence = arena_printf(
          arena,
          "Designs judged by what they train and by %.0f jobs of %s that share their memory: %s. Of %" PRIu64
          " platforms of %zu designs bounds put out %" PRIu64 ", %" PRIu64 " were mapped, %" PRIu64
          " designs trained. The best is %s with %.6g, %s.",
          own->problem.n_all_jobs, run->tenants->pool.name, of_what(own, arena), counts->n_platforms, own->n_designs,
          counts->n_beaten, counts->n_mapped, own->n_trained, cosearch_text(own, own->best, arena), own->best->value,
          proof_text(run, arena)),
      .points = points_of(run, arena),
      .tables = tables,
      .n_tables = 4};
  tenancy_report_add(report, chapter, "Co-search",
                     arena_printf(arena, "trains and serves best: %s", cosearch_text(own, own->best, arena)), arena);
  tenancy_report_pictures(run, report, arena);
}
