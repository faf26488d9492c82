/* See tenancy_report.h. The rows are platforms; what is said of the best one comes from its longer search. */
#include "dse/tenancy/tenancy_report.h"

#include "base/file.h"
#include "dse/tenancy/tenancy_page.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const double nj_per_j = 1e9;
enum { ROWS_SHOWN = 8 };

static bool has_result(const struct run *run) {
  return run->tenants != NULL && run->tenants->reason == NULL && run->tenants->best != NULL;
}

/* --- the table ------------------------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"platform", "", "", "by makespan, then area, from 1"},
    {"designs", "", "", "how many cores of which design; the jobs' cores are in this order"},
    {"cores", "", "", "devices that share one memory"},
    {"different_designs", "", "", "of them"},
    {"makespan_cycles", "cycles", "min", "until all jobs are done, by the judge, in cycles of tenancy.clock_mhz"},
    {"lower_bound_cycles", "cycles", "max", "no mapping on this platform ends earlier"},
    {"gap", "", "min", "makespan over its bound, less 1"},
    {"energy_j", "J", "min", "of all jobs, and of cores that wait for others"},
    {"area_mm2", "mm2", "min", "of all dies"},
    {"tdp_w", "W", "min", "of all devices"},
    {"throughput_macs_per_s", "1/s", "max", "multiply-accumulates of the jobs over the makespan"},
    {"training_throughput", "", "max", "of one device on the run's own workload, where all are of one design"},
    {"on_front", "", "", "1: none has less makespan, area and energy"},
    {"best_by_search", "", "", "1: copies of the design that the search thinks best"},
    {"best_of_one_design", "", "", "1: of platforms of one design the one with the least makespan"},
    {"best", "", "", "1: the least makespan of all"},
};

static const char *designs_text(const struct tenants *tenants, const struct tenants_platform *platform,
                                struct arena *arena) {
  const char *text = "";
  for (size_t d = 0; d < tenants->n_designs; d++) {
    if (platform->count[d] == 0) continue;
    text = arena_printf(arena, "%s%s%u x %s", text, text[0] != '\0' ? " + " : "", (unsigned)platform->count[d],
                        tenants->names[d]);
  }
  return text;
}

static size_t count_different(const struct tenants *tenants, const struct tenants_platform *platform) {
  size_t n = 0;
  for (size_t d = 0; d < tenants->n_designs; d++) n += platform->count[d] > 0;
  return n;
}

static double macs_per_s(const struct tenants *tenants, const struct tenants_platform *platform) {
  const struct tenancy_problem *const jobs = &tenants->instance.problem;
  double macs = 0; /* whole numbers in the table's order */
  for (size_t j = 0; j < jobs->n_jobs; j++) macs += (double)jobs->macs[j];
  return macs / platform->worth.cycles * (double)tenants->jobs.clock_mhz * 1e6;
}

static bool is_platform_of(const struct tenants_final *final, const struct tenants_platform *platform) {
  return final != NULL && final->platform == platform;
}

struct table *tenancy_report_table(const struct run *run, struct arena *arena) {
  const struct tenants *const tenants = run->tenants;
  struct table *const table = table_new(arena, "tenancy.csv", columns, sizeof columns / sizeof *columns);
  for (size_t i = 0; has_result(run) && i < tenants->n_mapped; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[tenants->order[i]];
    table_u64(table, i + 1);
    table_text(table, designs_text(tenants, platform, arena));
    table_u64(table, platform->n_cores);
    table_u64(table, count_different(tenants, platform));
    table_double(table, platform->worth.cycles);
    table_double(table, platform->least.cycles);
    table_double(table, tenancy_gap(platform->worth.cycles, platform->least.cycles));
    table_double(table, platform->worth.energy_nj / nj_per_j);
    table_double(table, platform->worth.area_mm2);
    table_double(table, tenants->parts.power_w != NULL ? platform->power_w : NAN);
    table_double(table, macs_per_s(tenants, platform));
    table_double(table, platform->only != SIZE_MAX ? tenants->training[platform->only] : NAN);
    table_u64(table, platform->on_front);
    table_u64(table, is_platform_of(tenants->by_search, platform));
    table_u64(table, is_platform_of(tenants->single, platform));
    table_u64(table, is_platform_of(tenants->best, platform));
  }
  return table;
}

/* --- files ----------------------------------------------------------------------------------------------------------
 */

/* The best platform's own table, whose cores are the composition's. */
static bool publish_instance(const struct run *run, struct error *error) {
  const struct tenants *const tenants = run->tenants;
  struct arena *const arena = run->invocation->arena;
  struct tenancy_table table = tenants->table;
  struct tenancy_instance instance = tenants->instance;
  instance.problem = tenants->best->problem;
  table.cores.n_cores = instance.problem.n_cores;
  table.cores.kind_of = tenancy_composition_designs(&tenants->parts, tenants->best->platform->count, arena);
  return tenancy_table_write(&table, &instance, run_path(run, "tenancy"), arena, error);
}

static struct tenancy_shown shown_of(const struct tenants_final *final) {
  return (struct tenancy_shown){&final->problem, &final->bounds, &final->result, "best", NULL};
}

bool tenancy_report_publish(const struct run *run, struct error *error) {
  if (run->tenants == NULL || run->cosearch != NULL) return true;
  struct arena *const arena = run->invocation->arena;
  size_t n;
  const char *const bytes = table_bytes(tenancy_report_table(run, arena), &n);
  return file_publish(run_path(run, "tenancy.csv"), bytes, n, error) &&
         (!has_result(run) || tenancy_report_mapping(run, error));
}

bool tenancy_report_mapping(const struct run *run, struct error *error) {
  struct arena *const arena = run->invocation->arena;
  const struct tenants_final *const best = run->tenants->best;
  const struct tenancy_shown shown = shown_of(best);
  return publish_instance(run, error) &&
         tenancy_publish_answer(&best->problem, &best->result.answer, run_path(run, "mapping.csv"), arena, error) &&
         tenancy_publish_trace(&shown, run_path(run, "trace-tenancy.json"), arena, error);
}

/* --- for a program --------------------------------------------------------------------------------------------------
 */

static json_t *platform_json(const struct run *run, const struct tenants_platform *platform) {
  const struct tenants *const tenants = run->tenants;
  json_t *const object = json_object(), *const counts = json_object();
  for (size_t d = 0; d < tenants->n_designs; d++) {
    if (platform->count[d] > 0) json_object_set_new(counts, tenants->names[d], json_integer(platform->count[d]));
  }
  json_object_set_new(object, "designs", counts);
  json_object_set_new(object, "cores", json_integer(platform->n_cores));
  const struct {
    const char *key;
    double value;
  } numbers[] = {{"makespan_cycles", platform->worth.cycles},
                 {"lower_bound_cycles", platform->least.cycles},
                 {"gap", tenancy_gap(platform->worth.cycles, platform->least.cycles)},
                 {"energy_j", platform->worth.energy_nj / nj_per_j},
                 {"area_mm2", platform->worth.area_mm2},
                 {"tdp_w", tenants->parts.power_w != NULL ? platform->power_w : NAN},
                 {"throughput_macs_per_s", macs_per_s(tenants, platform)},
                 {"training_throughput", platform->only != SIZE_MAX ? tenants->training[platform->only] : NAN}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    json_object_set_new(object, numbers[i].key, isfinite(numbers[i].value) ? json_real(numbers[i].value) : json_null());
  }
  return object;
}

static json_t *final_json(const struct run *run, const struct tenants_final *final) {
  if (final == NULL) return json_null();
  json_t *const object = platform_json(run, final->platform);
  json_object_set_new(object, "binding", json_string(tenancy_bound_names[final->bounds.binding]));
  json_object_set_new(object, "reason", final->bounds.reason != NULL ? json_string(final->bounds.reason) : json_null());
  json_object_set_new(object, "proven_optimal", json_boolean(final->result.proven_optimal));
  json_object_set_new(object, "samples", json_integer((json_int_t) final->result.samples));
  json_object_set_new(object, "core_util", json_real(final->result.verdict.core_util));
  json_object_set_new(object, "bw_util", json_real(final->result.verdict.bw_util));
  return object;
}

json_t *tenancy_report_winner_json(const struct run *run) { return final_json(run, run->tenants->best); }

json_t *tenancy_report_json(const struct run *run) {
  const struct tenants *const tenants = run->tenants;
  if (tenants == NULL) return json_null();
  json_t *const object = json_object(), *const front = json_array();
  json_object_set_new(object, "jobs_of", json_string(tenants->pool.name));
  json_object_set_new(object, "reason", tenants->reason != NULL ? json_string(tenants->reason) : json_null());
  if (!has_result(run)) {
    json_decref(front);
    return object;
  }
  for (size_t i = 0; i < tenants->n_mapped; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[tenants->order[i]];
    if (platform->on_front) json_array_append_new(front, platform_json(run, platform));
  }
  const double best_cycles = tenants->best->platform->worth.cycles;
  json_object_set_new(object, "jobs", json_integer((json_int_t)tenants->instance.problem.n_jobs));
  json_object_set_new(object, "bandwidth_bytes_per_cycle", json_real(tenants->bandwidth_bytes_per_cycle));
  json_object_set_new(object, "designs_looked_at", json_integer((json_int_t)tenants->n_designs));
  json_object_set_new(object, "designs_mixed", json_integer((json_int_t)tenants->n_mixed));
  json_object_set_new(object, "platforms", json_integer((json_int_t)tenants->n_platforms));
  json_object_set_new(object, "platforms_mapped", json_integer((json_int_t)tenants->n_mapped));
  json_object_set_new(object, "platforms_beaten_by_bounds", json_integer((json_int_t)tenants->n_beaten));
  json_object_set_new(object, "lower_bound_of_all_cycles", json_real(tenants->bound_cycles));
  json_object_set_new(object, "gap_to_all", json_real(tenancy_gap(best_cycles, tenants->bound_cycles)));
  json_object_set_new(object, "gain_over_one_design",
                      json_real(tenants->single->platform->worth.cycles / best_cycles - 1));
  json_object_set_new(object, "best_by_search", final_json(run, tenants->by_search));
  json_object_set_new(object, "best_of_one_design", final_json(run, tenants->single));
  json_object_set_new(object, "best", final_json(run, tenants->best));
  json_object_set_new(object, "front", front);
  return object;
}

/* --- for a person ---------------------------------------------------------------------------------------------------
 */

static void say_final(const struct run *run, const char *word, const struct tenants_final *final) {
  const struct tenants *const tenants = run->tenants;
  struct arena *const arena = run->invocation->arena;
  if (final == NULL) {
    say(run->invocation, "  %-20s not one device of it fits the limits\n", word);
    return;
  }
  const struct tenants_platform *const platform = final->platform;
  const double gap = tenancy_gap(platform->worth.cycles, platform->least.cycles);
  say(run->invocation, "  %-20s %s: %.10g cycles, %s; %.5g mm2, %.4g J\n", word, designs_text(tenants, platform, arena),
      platform->worth.cycles,
      final->result.proven_optimal ? "proven optimal for it" : arena_printf(arena, "gap %.3g %%", 100 * gap),
      platform->worth.area_mm2, platform->worth.energy_nj / nj_per_j);
}

void tenancy_report_say(const struct run *run) {
  const struct invocation *const invocation = run->invocation;
  const struct tenants *const tenants = run->tenants;
  if (tenants == NULL || run->cosearch != NULL) return;
  if (!has_result(run)) {
    say(invocation, "\ntenants: nothing was mapped: %s\n", tenants->reason != NULL ? tenants->reason : "no designs");
    return;
  }
  static const char *const shown[] = {"platform", "designs",  "makespan_cycles", "gap",
                                      "energy_j", "area_mm2", "tdp_w",           "on_front"};
  char *text;
  const double single = tenants->single->platform->worth.cycles, best = tenants->best->platform->worth.cycles;
  table_print(tenancy_report_table(run, invocation->arena), shown, sizeof shown / sizeof *shown, ROWS_SHOWN, &text,
              invocation->arena);
  say(invocation,
      "\ntenants: %zu jobs of %s on platforms of %zu designs with one memory of %.6g bytes/cycle\n"
      "%zu platforms within the limits: %zu mapped, %zu out by bounds\n\n%s\n",
      tenants->instance.problem.n_jobs, tenants->pool.name, tenants->n_designs, tenants->bandwidth_bytes_per_cycle,
      tenants->n_platforms, tenants->n_mapped, tenants->n_beaten, text);
  if (tenants->n_mixed < tenants->n_designs) {
    say(invocation, "more platforms than tenancy.compositions: only the first %zu of %zu designs were mixed\n",
        tenants->n_mixed, tenants->n_designs);
  }
  say_final(run, "best by the search", tenants->by_search);
  say_final(run, "best of one design", tenants->single);
  say_final(run, "best of all", tenants->best);
  const double gap = tenancy_gap(best, tenants->bound_cycles);
  say(invocation, "  %-20s %.10g cycles: no platform within the limits ends earlier, %s\n", "bound of all",
      tenants->bound_cycles, gap <= 1e-9 ? "proven" : arena_printf(invocation->arena, "gap %.3g %%", 100 * gap));
  if (tenants->best != tenants->single) {
    say(invocation, "  %-20s %.3g %% sooner than copies of one design\n", "mixing designs ends",
        100 * (1 - best / single));
  }
  if (tenants->best->bounds.reason != NULL) {
    say(invocation, "  %-20s %s\n", "what binds", tenants->best->bounds.reason);
  }
}

/* --- the page -------------------------------------------------------------------------------------------------------
 */

static const char *const kinds[] = {"one design", "several designs"};

static const struct report_points *points_of(const struct tenants *tenants, struct arena *arena) {
  struct report_point *const list = ARENA_NEW(arena, struct report_point, tenants->n_mapped);
  struct report_points *const points = ARENA_NEW(arena, struct report_points, 1);
  *points = (struct report_points){.title = "Platforms: makespan against area",
                                   .sentence = "Further down and to the left is better. The dashed line: no platform "
                                               "within the limits ends earlier. Marked: the best.",
                                   .x_name = "mm²",
                                   .y_name = "cycles",
                                   .kinds = kinds,
                                   .n_kinds = 2,
                                   .points = list,
                                   .n_points = tenants->n_mapped,
                                   .chosen = SIZE_MAX,
                                   .y_bound = tenants->bound_cycles,
                                   .bound_name = "bound of all platforms"};
  for (size_t i = 0; i < tenants->n_mapped; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[tenants->order[i]];
    list[i] = (struct report_point){designs_text(tenants, platform, arena), platform->worth.area_mm2,
                                    platform->worth.cycles, platform->only == SIZE_MAX};
    if (tenants->best->platform == platform) points->chosen = i;
  }
  return points;
}

static const char *sentence_of(const struct tenants *tenants, struct arena *arena) {
  const double best = tenants->best->platform->worth.cycles;
  return arena_printf(
      arena,
      "%zu jobs of %s share one memory of %.6g bytes a cycle. Of %zu platforms of %zu designs within the limits %zu "
      "were "
      "mapped, bounds showed of %zu that they cannot be on the front of makespan, area and energy. The best ends after "
      "%.10g cycles, at most %.3g %% above what its own bound allows, %.3g %% above the bound of all; copies of one "
      "design alone after %.10g cycles.",
      tenants->instance.problem.n_jobs, tenants->pool.name, tenants->bandwidth_bytes_per_cycle, tenants->n_platforms,
      tenants->n_designs, tenants->n_mapped, tenants->n_beaten, best,
      100 * tenancy_gap(best, tenants->best->platform->least.cycles), 100 * tenancy_gap(best, tenants->bound_cycles),
      tenants->single->platform->worth.cycles);
}

static void add_chapter(struct report *report, const struct report_chapter *chapter, struct arena *arena) {
  if (report->chapter == NULL) {
    report->chapter = chapter;
    return;
  }
  struct report_chapter *const first = ARENA_NEW(arena, struct report_chapter, 1);
  *first = *report->chapter;
  first->next = chapter;
  report->chapter = first;
}

static void add_fact(const char *key, const char *value, struct report *report, struct arena *arena) {
  struct report_fact *const facts = ARENA_NEW(arena, struct report_fact, report->n_facts + 1);
  if (report->n_facts > 0) memcpy(facts, report->facts, report->n_facts * sizeof *facts);
  facts[report->n_facts].key = key;
  facts[report->n_facts].value = value;
  report->facts = facts;
  report->n_facts++;
}

void tenancy_report_add(struct report *report, const struct report_chapter *chapter, const char *key, const char *value,
                        struct arena *arena) {
  add_chapter(report, chapter, arena);
  add_fact(key, value, report, arena);
}

void tenancy_report_tables(const struct run *run, struct report_table tables[2], struct arena *arena) {
  const struct tenancy_shown shown = shown_of(run->tenants->best);
  tenancy_list_bounds(&shown, arena, &tables[0]);
  tenancy_list_cores(&shown, arena, &tables[1]);
}

void tenancy_report_pictures(const struct run *run, struct report *report, struct arena *arena) {
  const struct tenancy_shown shown = shown_of(run->tenants->best);
  struct timeline *const timelines = ARENA_NEW(arena, struct timeline, report->n_timelines + 1);
  struct report_profile *const profile = ARENA_NEW(arena, struct report_profile, 1);
  memcpy(timelines, report->timelines, report->n_timelines * sizeof *timelines);
  tenancy_timeline(&shown, arena, &timelines[report->n_timelines]);
  timelines[report->n_timelines].title = "Tenants: queues of the best platform's cores";
  report->timelines = timelines;
  report->n_timelines++;
  tenancy_needed(&shown, arena, profile);
  report->profiles = profile;
  report->n_profiles = 1;
}

void tenancy_report_fill(const struct run *run, struct report *report, struct arena *arena) {
  if (!has_result(run) || run->cosearch != NULL) return;
  const struct tenants *const tenants = run->tenants;
  struct report_chapter *const chapter = ARENA_NEW(arena, struct report_chapter, 1);
  struct report_table *const tables = ARENA_NEW(arena, struct report_table, 3);
  table_page(tenancy_report_table(run, arena), NULL, &tables[0], arena);
  tables[0].title = "Platforms that were mapped";
  tables[0].sentence = "The best by the search, the best of one design and the best of all are marked in columns of "
                       "their own.";
  tables[0].file = "tenancy.csv";
  tenancy_report_tables(run, &tables[1], arena);
  *chapter = (struct report_chapter){.title = "Tenants",
                                     .sentence = sentence_of(tenants, arena),
                                     .points = points_of(tenants, arena),
                                     .tables = tables,
                                     .n_tables = 3};
  tenancy_report_add(report, chapter, "Tenants",
                     arena_printf(arena, "%zu jobs of %s end soonest on %s", tenants->instance.problem.n_jobs,
                                  tenants->pool.name, designs_text(tenants, tenants->best->platform, arena)),
                     arena);
  tenancy_report_pictures(run, report, arena);
}
