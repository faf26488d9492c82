/* Platforms bounded and mapped in rounds on all ranks, then the finals. See tenancy_flow.h.
 *
 * A round's platforms are chosen by what the rounds before it found, so that the rank count changes nothing; the first
 * ones are as many copies of each design alone as fit, which the others must beat. */
#include "dse/run/on_ranks.h"
#include "dse/tenancy/tenancy_alone.h"
#include "dse/tenancy/tenancy_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND = 32 };

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

static void map_alone(struct work *work, const uint32_t *count, struct tenancy_alone *alone) {
  const struct tenancy_alone_settings settings = {.algorithm = work->algorithm,
                                                  .algorithm_settings = work->algorithm_settings,
                                                  .bounds = &tenancy_bounds_quick,
                                                  .seed = work->tenants->jobs.seed,
                                                  .samples = work->tenants->settings->samples};
  tenancy_map_alone(&work->tenants->parts, count, &settings, &work->arena, work->run->invocation->scratch, alone);
}

static void map_task(void *context, size_t index, void *record) {
  struct work *const work = context;
  struct outcome *const outcome = record;
  const struct arena_mark mark = arena_get_mark(&work->arena);
  struct tenancy_alone alone;
  const uint32_t *const count = work->tenants->platforms[work->platforms[index]].count;
  map_alone(work, count, &alone);
  outcome->runs = 1;
  outcome->bound_cycles = alone.bounds.best_cycles;
  outcome->makespan_cycles = alone.verdict.makespan_cycles;
  outcome->energy_nj = tenancy_composition_energy_nj(&work->tenants->parts, count, &alone.problem, alone.answer.core,
                                                     alone.verdict.makespan_cycles);
  arena_rewind(&work->arena, mark);
}

/* False: failed, or run->rounds.stopped. */
static bool compute(struct run *run, struct work *work, void (*task)(void *, size_t, void *), size_t n,
                    struct outcome *outcomes, struct error *error) {
  const struct rank_work tasks = {.task = task, .context = work, .n = n, .record_bytes = sizeof *outcomes};
  return on_ranks(run, &tasks, outcomes, error);
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
  if (!compute(run, work, bound_task, tenants->n_platforms, outcomes, error)) return false;
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    tenants->platforms[i].runs = outcomes[i].runs != 0;
    if (outcomes[i].runs) take_bound(tenants, &tenants->platforms[i], outcomes[i].bound_cycles);
  }
  return true;
}

int tenants_by_place(const void *a, const void *b) {
  const struct tenants_place *const x = a, *const y = b;
  if (x->cycles < y->cycles || x->cycles > y->cycles) return x->cycles < y->cycles ? -1 : 1;
  if (x->area_mm2 < y->area_mm2 || x->area_mm2 > y->area_mm2) return x->area_mm2 < y->area_mm2 ? -1 : 1;
  return (x->platform > y->platform) - (x->platform < y->platform);
}

/* As many copies of one design as there may be first, then by their bounds; those that cannot run last. */
static const struct tenants_place *order_of_mapping(const struct tenants *tenants, struct arena *arena) {
  struct tenants_place *const places = ARENA_NEW(arena, struct tenants_place, tenants->n_platforms);
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[i];
    const bool first =
        platform->only != SIZE_MAX && platform->n_cores == tenancy_composition_most(&tenants->parts, platform->only);
    places[i] = (struct tenants_place){first ? 0 : platform->least.cycles, platform->least.area_mm2, i};
    if (!platform->runs) places[i].cycles = (double)INFINITY;
  }
  qsort(places, tenants->n_platforms, sizeof *places, tenants_by_place);
  return places;
}

/* The next in order that what was found does not beat; at most ROUND. */
static size_t next_round(struct tenants *tenants, const struct tenants_place *places, size_t *at,
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
  const struct tenants_place *const places = order_of_mapping(tenants, arena);
  struct tenancy_worth *const found = ARENA_NEW(arena, struct tenancy_worth, tenants->n_platforms);
  size_t at = 0, n, platforms[ROUND];
  struct outcome outcomes[ROUND];
  work->platforms = platforms;
  while ((n = next_round(tenants, places, &at, found, platforms)) > 0) {
    run->mapping.n_done = at - n, run->mapping.n_total = tenants->n_platforms;
    memset(outcomes, 0, sizeof outcomes);
    if (!compute(run, work, map_task, n, outcomes, error)) return false;
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
static bool take_better(const struct tenants_final *final, const struct tenancy_alone *alone,
                        struct tenancy_result *result, struct arena *arena, struct error *error) {
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
  struct tenancy_alone alone;
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

bool tenants_map_platforms(struct run *run, struct error *error) {
  struct tenants *const tenants = run->tenants;
  struct work work = {.run = run, .tenants = tenants, .algorithm = tenancy_find_algorithm("best")};
  work.algorithm_settings =
      tenancy_screening_settings(work.algorithm, tenants->settings->samples, run->invocation->arena);
  arena_init(&work.arena, 1 << 20);
  bool done = bound_all(run, &work, error) && map_all(run, &work, error);
  if (done && tenants->n_mapped == 0) tenants->reason = "no platform of them can run every job";
  done = done && (tenants->reason != NULL || compare_finals(run, &work, error));
  run->mapping.n_total = 0;
  arena_release(&work.arena);
  return done;
}
