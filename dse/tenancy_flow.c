/* From the best designs to platforms, mapped. See tenancy_flow.h. */
#include "dse/tenancy_flow.h"

#include "base/checked.h"
#include "dse/design_space.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND = 32, MOST_NODES = 2000 };
static const double nj_per_j = 1e9;

/* --- 9. jobs × designs ----------------------------------------------------------------------------------------------
 */

static bool check_room(const struct tenants *tenants, struct error *error) {
  const bool whole = tenants->jobs.draw == TENANCY_WHOLE;
  const uint64_t n_jobs = whole ? tenants->pool.n_layers : tenants->jobs.group_size;
  const uint64_t most = max_u64(tenants->settings->cores, tenants->settings->designs);
  if (sat_mul(n_jobs, most) <= TENANCY_MAX_ROWS) return true;
  return error_add(error, STATUS_INPUT, "%s: %llu jobs on %llu cores are more than %d pairs",
                   tenancy_place(&tenants->world, whole ? "models" : "group_size"), (unsigned long long)n_jobs,
                   (unsigned long long)most, TENANCY_MAX_ROWS);
}

bool tenants_open(struct run *run, const char *path, struct error *error) {
  struct run_settings *const settings = &run->settings;
  struct invocation *const invocation = run->invocation;
  if (!tenants_are_asked_for(&settings->tenants)) return true;
  struct tenants *const tenants = run->tenants = ARENA_NEW(invocation->arena, struct tenants, 1);
  tenants->settings = &settings->tenants;
  tenants->jobs = settings->tenants.table;
  tenants->jobs.n_groups = 1;
  tenants->jobs.bandwidth_bytes_per_cycle = (struct real_list){1, &tenants->bandwidth_bytes_per_cycle};
  tenants->world = (struct tenancy_world){.data_folder = invocation->data_folder,
                                          .path = path,
                                          .cores_key = "designs",
                                          .cost = &settings->cost,
                                          .technology = &settings->technology,
                                          .training = &settings->training,
                                          .arena = invocation->arena,
                                          .scratch = invocation->scratch};
  const uint64_t element_bytes = settings->axes[RUN_AXIS_element_bytes].values[0];
  const char *const key = tenants->jobs.models.n > 0 ? "models" : "task";
  return tenancy_check_provider(&tenants->jobs, &tenants->world, key, error) &&
         tenancy_pool_open(&tenants->jobs, &tenants->world, element_bytes, &tenants->pool, error) &&
         check_room(tenants, error);
}

static double limit_or_any(double limit) { return limit > 0 ? limit : (double)INFINITY; }

/* The best design of the search first, then the next best, or the front in its order. */
static const struct record **choose_records(const struct run *run, struct tenants *tenants) {
  const struct topk *const topk = run->rounds.topk;
  const struct pareto *const front = run->rounds.front;
  const bool of_front = tenants->settings->from == TENANTS_FROM_FRONT;
  const size_t n_more = of_front ? pareto_count(front) : topk_count(topk);
  const struct record **const records = ARENA_NEW(run->invocation->arena, const struct record *, n_more + 1);
  records[tenants->n_designs++] = topk_at(topk, 0);
  for (size_t i = 0; i < n_more && tenants->n_designs < tenants->settings->designs; i++) {
    const struct record *const record = of_front ? pareto_at(front, i) : topk_at(topk, i);
    if (point_compare(&record->point, &records[0]->point) != 0) records[tenants->n_designs++] = record;
  }
  return records;
}

/* What one device of each is. */
static void take_designs(const struct run *run, struct tenants *tenants) {
  struct arena *const arena = run->invocation->arena;
  const struct record *const *const records = choose_records(run, tenants);
  const size_t n = tenants->n_designs;
  double *const area_mm2 = ARENA_NEW(arena, double, n), *const power_w = ARENA_NEW(arena, double, n);
  tenants->designs = ARENA_NEW(arena, struct accelerator, n);
  tenants->names = ARENA_NEW(arena, const char *, n);
  tenants->training = ARENA_NEW(arena, double, n);
  for (size_t d = 0; d < n; d++) {
    const struct record *const record = records[d];
    struct stage_cost_of_design cost;
    char name[17];
    REQUIRE(design_at(&run->designs, &record->point, &tenants->designs[d]));
    design_cost(&run->designs, &tenants->designs[d], &cost);
    design_name(&tenants->designs[d], name);
    tenants->names[d] = arena_copy_text(arena, name);
    tenants->training[d] = record->score.objective[OBJECTIVE_THROUGHPUT];
    area_mm2[d] = cost.area.total;
    power_w[d] = cost.tdp.total;
  }
  const bool has_tdp = run->stage.provider->has_tdp;
  tenants->parts = (struct tenancy_parts){.jobs = &tenants->instance.problem,
                                          .area_mm2 = area_mm2,
                                          .power_w = has_tdp ? power_w : NULL,
                                          .most_area_mm2 = limit_or_any(tenants->settings->area_mm2),
                                          .most_power_w = limit_or_any(tenants->settings->power_w),
                                          .most_cores = (uint32_t)tenants->settings->cores};
}

/* What a core draws while it waits for the others. */
static const double *idle_of(const struct tenants *tenants, struct arena *arena) {
  double *const idle = ARENA_NEW(arena, double, tenants->n_designs);
  for (size_t d = 0; d < tenants->n_designs; d++) {
    const struct tenancy_core_kind *const kind = &tenants->table.cores.kinds[d];
    const struct energy_traffic nothing = {.seconds = 1 / ((double)tenants->jobs.clock_mhz * 1e6)};
    idle[d] = nj_per_j * energy_model_j(&kind->energy, &kind->accelerator, &kind->area, &nothing);
  }
  return idle;
}

/* False: tenants->reason. */
static bool make_table(const struct run *run, struct tenants *tenants) {
  struct arena *const arena = run->invocation->arena;
  struct tenancy_cores cores;
  struct error *const why = ARENA_NEW(arena, struct error, 1);
  const double own = tenants->settings->bandwidth_bytes_per_cycle;
  tenants->bandwidth_bytes_per_cycle =
      own > 0 ? own : accelerator_hbm_bytes_per_s(&tenants->designs[0]) / ((double)tenants->jobs.clock_mhz * 1e6);
  tenancy_cores_of(&tenants->jobs, &tenants->world, tenants->n_designs, tenants->designs, tenants->names, &cores);
  if (!tenancy_table_of(&tenants->jobs, &tenants->world, &cores, &tenants->pool, &tenants->table, why) ||
      !tenancy_table_build(&tenants->table, 0, arena, &tenants->instance, why)) {
    tenants->reason = why->text;
    return false;
  }
  tenants->parts.idle_nj_per_cycle = idle_of(tenants, arena);
  return true;
}

/* --- platforms ------------------------------------------------------------------------------------------------------
 */

static void add_platform(struct tenants *tenants, const uint32_t *count) {
  struct tenants_platform *const platform = &tenants->platforms[tenants->n_platforms++];
  *platform = (struct tenants_platform){.count = count, .only = SIZE_MAX};
  platform->n_cores = tenancy_composition_cores(count, tenants->n_designs);
  platform->power_w = tenancy_composition_power_w(&tenants->parts, count);
  platform->least.area_mm2 = platform->worth.area_mm2 = tenancy_composition_area_mm2(&tenants->parts, count);
  for (size_t d = 0; d < tenants->n_designs; d++) {
    if (count[d] == platform->n_cores) platform->only = d;
  }
}

static bool is_listed(const struct tenants *tenants, const uint32_t *count) {
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    if (memcmp(tenants->platforms[i].count, count, tenants->n_designs * sizeof *count) == 0) return true;
  }
  return false;
}

/* All within the limits; where they are too many, also as many copies of each design alone as there may be, and what
 * the program over all of them thinks best. The best of one design, which the others must beat, come first. */
static void list_platforms(struct tenants *tenants, struct arena *arena) {
  const size_t n_designs = tenants->n_designs;
  struct tenancy_compositions list;
  tenancy_compositions_list(&tenants->parts, tenants->settings->compositions, arena, &list);
  tenants->n_mixed = list.n_mixed;
  tenants->platforms = ARENA_NEW(arena, struct tenants_platform, list.n + n_designs + 1);
  for (size_t d = 0; d < n_designs; d++) {
    const uint32_t most = tenancy_composition_most(&tenants->parts, d);
    uint32_t *const count = ARENA_NEW(arena, uint32_t, n_designs);
    count[d] = most;
    if (most > 0) add_platform(tenants, count);
  }
  uint32_t *const best = ARENA_NEW(arena, uint32_t, n_designs);
  tenants->bound_cycles = tenancy_compositions_bound(&tenants->parts, MOST_NODES, arena, best);
  if (tenancy_composition_fits(&tenants->parts, best) && !is_listed(tenants, best)) add_platform(tenants, best);
  const size_t n_first = tenants->n_platforms;
  for (size_t i = 0; i < list.n; i++) {
    const uint32_t *const count = list.count + i * n_designs;
    bool first = false;
    for (size_t k = 0; k < n_first && !first; k++) {
      first = memcmp(tenants->platforms[k].count, count, n_designs * sizeof *count) == 0;
    }
    if (!first) add_platform(tenants, count);
  }
}

/* --- on the ranks ---------------------------------------------------------------------------------------------------
 */

/* What travels: a platform bounded, or mapped as well. */
struct outcome {
  uint64_t runs;
  double bound_cycles, makespan_cycles, energy_nj;
};

struct work {
  const struct run *run;
  struct tenants *tenants;
  const size_t *platforms; /* of the round */
  const struct tenancy_algorithm *algorithm;
  const void *algorithm_settings;
  struct arena arena; /* of one platform at a time */
};

/* B1 and B2 alone: some milliseconds less than with whole jobs, for each of thousands. */
static void bound_task(void *context, size_t index, void *record) {
  static const struct tenancy_bounds_settings simple = {0};
  struct work *const work = context;
  struct outcome *const outcome = record;
  const struct arena_mark mark = arena_get_mark(&work->arena);
  struct error why = {0};
  struct tenancy_problem problem;
  struct tenancy_bounds bounds;
  const uint32_t *const count = work->tenants->platforms[index].count;
  outcome->runs = tenancy_compose(&work->tenants->parts, count, &work->arena, &problem, &why) &&
                  tenancy_bounds(&problem, &simple, NULL, &work->arena, &bounds, &why);
  if (outcome->runs) outcome->bound_cycles = bounds.best_cycles;
  arena_rewind(&work->arena, mark);
}

/* A search on one island, as any rank does it alike. */
struct alone {
  struct tenancy_problem problem;
  struct tenancy_bounds bounds;
  struct tenancy_queues queues;
  struct tenancy_answer answer;
  struct tenancy_verdict verdict;
  tenancy_cost cost;
  uint64_t n_samples;
};

static void map_alone(struct work *work, const uint32_t *count, struct alone *alone) {
  struct arena *const arena = &work->arena;
  struct error why = {0};
  struct tenancy_islands islands;
  const struct tenancy_islands_settings settings = {.seed = work->tenants->jobs.seed,
                                                    .samples = work->tenants->settings->samples,
                                                    .n_islands = 1,
                                                    .gap_target = 1e-9};
  REQUIRE(tenancy_compose(&work->tenants->parts, count, arena, &alone->problem, &why));
  if (!tenancy_bounds(&alone->problem, &tenancy_bounds_quick, NULL, arena, &alone->bounds, &why)) BUG("%s", why.text);
  tenancy_islands_init(&islands, &alone->problem, &alone->bounds, work->algorithm, work->algorithm_settings, &settings,
                       arena);
  while (!tenancy_islands_over(&islands)) {
    tenancy_islands_clear(&islands);
    tenancy_islands_run(&islands, 0, work->run->invocation->scratch);
    tenancy_islands_turn(&islands);
  }
  alone->queues = islands.islands[0].best;
  alone->cost = islands.islands[0].best_cost;
  alone->n_samples = tenancy_islands_samples(&islands);
  alone->answer = tenancy_answer_new(&alone->problem, arena);
  tenancy_write_down(&alone->problem, &alone->queues, &alone->answer);
  if (!tenancy_judge(&alone->problem, &alone->answer, arena, &alone->verdict, &why)) BUG("%s", why.text);
}

static void map_task(void *context, size_t index, void *record) {
  struct work *const work = context;
  struct outcome *const outcome = record;
  const struct arena_mark mark = arena_get_mark(&work->arena);
  struct alone alone;
  const uint32_t *const count = work->tenants->platforms[work->platforms[index]].count;
  map_alone(work, count, &alone);
  outcome->runs = 1;
  outcome->bound_cycles = alone.bounds.best_cycles;
  outcome->makespan_cycles = alone.verdict.makespan_cycles;
  outcome->energy_nj = tenancy_composition_energy_nj(&work->tenants->parts, count, &alone.problem, alone.answer.core,
                                                     alone.verdict.makespan_cycles);
  arena_rewind(&work->arena, mark);
}

static bool is_interrupted(void *context) {
  const struct rounds *const rounds = &((const struct work *)context)->run->rounds;
  return rounds->interrupted != NULL && rounds->interrupted(rounds->stop_context);
}

/* False: failed, or run->rounds.stopped. */
static bool on_ranks(struct run *run, struct work *work, void (*task)(void *, size_t, void *), size_t n,
                     struct outcome *outcomes, struct error *error) {
  struct rounds *const rounds = &run->rounds;
  if (rounds->progress != NULL) rounds->progress(rounds->progress_context, rounds);
  rounds->stopped = cluster_any(rounds->cluster, rounds->stop != NULL && rounds->stop(rounds->stop_context));
  if (rounds->stopped) return false;
  const struct cluster_tasks tasks = {
      .n_tasks = n, .record_bytes = sizeof *outcomes, .task = task, .interrupted = is_interrupted, .context = work};
  const enum cluster_end end = cluster_map(rounds->cluster, &tasks, outcomes, error);
  rounds->stopped = end == CLUSTER_DROPPED;
  return end == CLUSTER_DONE;
}

/* --- 10. which to map, and how well ---------------------------------------------------------------------------------
 */

static void take_bound(struct tenants *tenants, struct tenants_platform *platform, double bound_cycles) {
  platform->least.cycles = bound_cycles;
  platform->least.energy_nj = tenancy_composition_least_nj(&tenants->parts, platform->count, bound_cycles);
}

static bool bound_all(struct run *run, struct work *work, struct error *error) {
  struct tenants *const tenants = work->tenants;
  struct outcome *const outcomes = ARENA_NEW(run->invocation->arena, struct outcome, tenants->n_platforms);
  if (!on_ranks(run, work, bound_task, tenants->n_platforms, outcomes, error)) return false;
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    tenants->platforms[i].runs = outcomes[i].runs != 0;
    if (outcomes[i].runs) take_bound(tenants, &tenants->platforms[i], outcomes[i].bound_cycles);
  }
  return true;
}

struct place {
  double cycles, area_mm2;
  size_t platform;
};

static int by_place(const void *a, const void *b) {
  const struct place *const x = a, *const y = b;
  if (x->cycles < y->cycles || x->cycles > y->cycles) return x->cycles < y->cycles ? -1 : 1;
  if (x->area_mm2 < y->area_mm2 || x->area_mm2 > y->area_mm2) return x->area_mm2 < y->area_mm2 ? -1 : 1;
  return (x->platform > y->platform) - (x->platform < y->platform);
}

/* As many copies of one design as there may be first, then by their bounds; those that cannot run last. */
static const struct place *order_of_mapping(const struct tenants *tenants, struct arena *arena) {
  struct place *const places = ARENA_NEW(arena, struct place, tenants->n_platforms);
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[i];
    const bool first =
        platform->only != SIZE_MAX && platform->n_cores == tenancy_composition_most(&tenants->parts, platform->only);
    places[i] = (struct place){first ? 0 : platform->least.cycles, platform->least.area_mm2, i};
    if (!platform->runs) places[i].cycles = (double)INFINITY;
  }
  qsort(places, tenants->n_platforms, sizeof *places, by_place);
  return places;
}

/* The next in order that what was found does not beat; at most ROUND. */
static size_t next_round(struct tenants *tenants, const struct place *places, size_t *at,
                         const struct tenancy_worth *found, size_t *platforms) {
  size_t n = 0;
  for (; *at < tenants->n_platforms && n < ROUND; ++*at) {
    const struct tenants_platform *const platform = &tenants->platforms[places[*at].platform];
    if (!platform->runs) continue;
    if (tenancy_worth_beaten(found, tenants->n_mapped, &platform->least)) {
      tenants->n_beaten++;
    } else {
      platforms[n++] = places[*at].platform;
    }
  }
  return n;
}

static bool map_all(struct run *run, struct work *work, struct error *error) {
  struct tenants *const tenants = work->tenants;
  struct arena *const arena = run->invocation->arena;
  const struct place *const places = order_of_mapping(tenants, arena);
  struct tenancy_worth *const found = ARENA_NEW(arena, struct tenancy_worth, tenants->n_platforms);
  size_t at = 0, n, platforms[ROUND];
  struct outcome outcomes[ROUND];
  work->platforms = platforms;
  while ((n = next_round(tenants, places, &at, found, platforms)) > 0) {
    run->mapping.n_done = at - n, run->mapping.n_total = tenants->n_platforms;
    memset(outcomes, 0, sizeof outcomes);
    if (!on_ranks(run, work, map_task, n, outcomes, error)) return false;
    for (size_t i = 0; i < n; i++) {
      struct tenants_platform *const platform = &tenants->platforms[platforms[i]];
      platform->mapped = true;
      take_bound(tenants, platform, fmax(platform->least.cycles, outcomes[i].bound_cycles));
      platform->worth.cycles = outcomes[i].makespan_cycles, platform->worth.energy_nj = outcomes[i].energy_nj;
      if (platform->worth.cycles < platform->least.cycles * (1 - 1e-9)) {
        BUG("a mapping takes %.17g cycles, its bound %.17g", platform->worth.cycles, platform->least.cycles);
      }
      found[tenants->n_mapped++] = platform->worth;
    }
  }
  return true;
}

/* Does it end sooner, or as soon on less area, or come first in the list? NULL: there is none yet. */
static bool is_better(const struct tenants_platform *a, const struct tenants_platform *b) {
  if (b == NULL) return true;
  if (a->worth.cycles < b->worth.cycles || a->worth.cycles > b->worth.cycles) return a->worth.cycles < b->worth.cycles;
  if (a->worth.area_mm2 < b->worth.area_mm2 || a->worth.area_mm2 > b->worth.area_mm2) {
    return a->worth.area_mm2 < b->worth.area_mm2;
  }
  return a < b; /* of one list */
}

static const struct tenants_final *final_of(const struct tenants *tenants, const struct tenants_platform *platform) {
  for (size_t i = 0; i < tenants->n_finals; i++) {
    if (tenants->finals[i].platform == platform) return &tenants->finals[i];
  }
  return NULL;
}

/* The best of those mapped, the first in the list of equal ones: of one design, or of several beside those among the
 * finals. */
static struct tenants_platform *best_platform(struct tenants *tenants, bool of_one) {
  struct tenants_platform *best = NULL;
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    struct tenants_platform *const platform = &tenants->platforms[i];
    if (!platform->mapped || (platform->only != SIZE_MAX) != of_one) continue;
    if (!of_one && final_of(tenants, platform) != NULL) continue;
    if (is_better(platform, best)) best = platform;
  }
  return best;
}

/* The better of the first search's answer and the longer one's; the first where they are equal. */
static bool take_better(const struct tenants_final *final, const struct alone *alone, struct tenancy_result *result,
                        struct arena *arena, struct error *error) {
  result->samples += alone->n_samples;
  if (result->cost < alone->cost) return true;
  tenancy_queues_copy(&final->problem, &alone->queues, &result->queues);
  tenancy_answer_copy(&final->problem, &alone->answer, &result->answer);
  result->cost = alone->cost;
  if (!tenancy_judge(&final->problem, &result->answer, arena, &result->verdict, error)) return false;
  result->gap = tenancy_gap(result->verdict.makespan_cycles, final->bounds.best_cycles);
  result->proven_optimal = result->gap <= 1e-9;
  return true;
}

/* Lets the run know why, as between rounds. False, for callers to return. */
static bool stop_run(struct run *run) {
  run->rounds.stopped = true;
  if (run->rounds.stop != NULL) run->rounds.stop(run->rounds.stop_context);
  return false;
}

/* A platform bounded by everything there is, and searched for longer. */
static bool add_final(struct run *run, struct work *work, struct tenants_platform *platform, struct error *error) {
  struct tenants *const tenants = work->tenants;
  struct arena *const arena = run->invocation->arena;
  if (platform == NULL || final_of(tenants, platform) != NULL) return true;
  struct tenants_final *const final = &tenants->finals[tenants->n_finals++];
  struct tenancy_keys *const keys = ARENA_NEW(arena, struct tenancy_keys, 1);
  void *const settings = arena_alloc(arena, 1, work->algorithm->settings_bytes);
  config_defaults(&tenancy_key_fields, arena, keys);
  config_defaults(work->algorithm->table, arena, settings);
  final->platform = platform;
  const struct tenancy_job job = {.problem = &final->problem,
                                  .bounds = &final->bounds,
                                  .algorithm = work->algorithm,
                                  .algorithm_settings = settings,
                                  .keys = keys,
                                  .seed = tenants->jobs.seed,
                                  .samples = tenants->settings->final_samples};
  if (!tenancy_compose(&tenants->parts, platform->count, arena, &final->problem, error) ||
      !tenancy_bounds(&final->problem, &tenancy_bounds_full, NULL, arena, &final->bounds, error) ||
      !tenancy_search(run->invocation, &job, &final->result, error)) {
    return false;
  }
  if (final->result.stopped != NULL) return stop_run(run);
  const struct arena_mark mark = arena_get_mark(&work->arena);
  struct alone alone;
  map_alone(work, platform->count, &alone);
  const bool judged = take_better(final, &alone, &final->result, arena, error);
  arena_rewind(&work->arena, mark);
  if (!judged) return false;
  take_bound(tenants, platform, fmax(platform->least.cycles, final->bounds.best_cycles));
  platform->worth.cycles = final->result.verdict.makespan_cycles;
  platform->worth.energy_nj = tenancy_composition_energy_nj(&tenants->parts, platform->count, &final->problem,
                                                            final->result.answer.core, platform->worth.cycles);
  return true;
}

/* Copies of the search's best design; NULL: not one fits. */
static struct tenants_platform *platform_of_search(const struct tenants *tenants) {
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    struct tenants_platform *const platform = &tenants->platforms[i];
    const bool most = platform->only == 0 && platform->n_cores == tenancy_composition_most(&tenants->parts, 0);
    if (most && platform->mapped) return platform;
  }
  return NULL;
}

/* The best of one design and the best of several are searched alike, so that neither wins by its samples alone. */
static bool compare_finals(struct run *run, struct work *work, struct error *error) {
  struct tenants *const tenants = work->tenants;
  struct tenants_platform *const by_search = platform_of_search(tenants), *const single = best_platform(tenants, true);
  if (!add_final(run, work, by_search, error) || !add_final(run, work, single, error)) return false;
  for (size_t i = 0; i < TENANTS_MIXED_FINALS; i++) {
    if (!add_final(run, work, best_platform(tenants, false), error)) return false;
  }
  for (size_t i = 0; i < tenants->n_finals; i++) {
    const struct tenants_final *const final = &tenants->finals[i];
    const struct tenants_platform *const platform = final->platform;
    if (platform == by_search) tenants->by_search = final;
    if (tenants->best == NULL || is_better(platform, tenants->best->platform)) tenants->best = final;
    if (platform->only == SIZE_MAX) continue;
    if (tenants->single == NULL || is_better(platform, tenants->single->platform)) tenants->single = final;
  }
  return true;
}

static void rank_platforms(struct tenants *tenants, struct arena *arena) {
  struct place *const places = ARENA_NEW(arena, struct place, tenants->n_mapped);
  struct tenancy_worth *const worth = ARENA_NEW(arena, struct tenancy_worth, tenants->n_mapped);
  bool *const on_front = ARENA_NEW(arena, bool, tenants->n_mapped);
  double least_cycles = (double)INFINITY;
  size_t n = 0;
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[i];
    if (platform->runs) least_cycles = fmin(least_cycles, platform->least.cycles);
    if (platform->mapped) places[n++] = (struct place){platform->worth.cycles, platform->worth.area_mm2, i};
  }
  qsort(places, n, sizeof *places, by_place);
  tenants->order = ARENA_NEW(arena, size_t, n);
  for (size_t i = 0; i < n; i++) {
    tenants->order[i] = places[i].platform;
    worth[i] = tenants->platforms[places[i].platform].worth;
  }
  tenancy_worth_front(worth, n, on_front);
  for (size_t i = 0; i < n; i++) tenants->platforms[tenants->order[i]].on_front = on_front[i];
  /* Where every platform was looked at, the least of their own bounds holds for all, too. */
  if (tenants->n_mixed == tenants->n_designs) tenants->bound_cycles = fmax(tenants->bound_cycles, least_cycles);
}

/* `best` with fewer steps of its relaxation, in proportion to the samples. */
static void *screening_settings(const struct tenants *tenants, const struct tenancy_algorithm *algorithm,
                                struct arena *arena) {
  struct error why = {0};
  void *const settings = arena_alloc(arena, 1, algorithm->settings_bytes);
  config_defaults(algorithm->table, arena, settings);
  const struct field *const steps = config_find_field(algorithm->table, "assign_steps");
  REQUIRE(steps != NULL);
  const uint64_t few = min_u64(200000, sat_mul(10, tenants->settings->samples));
  const char *const value = arena_printf(arena, "%llu", (unsigned long long)few);
  if (!config_set_field(steps, settings, value, "screening", arena, &why)) BUG("%s", why.text);
  return settings;
}

bool tenants_map(struct run *run, struct error *error) {
  struct tenants *const tenants = run->tenants;
  if (tenants == NULL || topk_count(run->rounds.topk) == 0) return true;
  struct arena *const arena = run->invocation->arena;
  take_designs(run, tenants);
  if (!make_table(run, tenants)) return true;
  list_platforms(tenants, arena);
  if (tenants->n_platforms == 0) {
    tenants->reason = "not one device of the best designs fits tenancy.area_mm2 and tenancy.power_w";
    return true;
  }
  struct work work = {.run = run, .tenants = tenants, .algorithm = tenancy_find_algorithm("best")};
  work.algorithm_settings = screening_settings(tenants, work.algorithm, arena);
  arena_init(&work.arena, 1 << 20);
  bool done = bound_all(run, &work, error) && map_all(run, &work, error);
  if (done && tenants->n_mapped == 0) tenants->reason = "no platform of them can run every job";
  done = done && (tenants->reason != NULL || compare_finals(run, &work, error));
  if (done && tenants->reason == NULL) rank_platforms(tenants, arena);
  run->mapping.n_total = 0;
  arena_release(&work.arena);
  return done || run->rounds.stopped;
}
