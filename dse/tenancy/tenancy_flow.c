/* From the best designs to platforms; what mapping them came to. See tenancy_flow.h. */
#include "dse/tenancy/tenancy_private.h"

#include "base/checked.h"
#include "dse/design/design_space.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 2000 };
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
                                          .tilings = machine_tilings_new(invocation->arena),
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

/* Room for so many designs, and the limits of their platforms. */
static void make_parts(const struct run *run, struct tenants *tenants, size_t n, double *area_mm2, double *power_w) {
  struct arena *const arena = run->invocation->arena;
  tenants->n_designs = n;
  tenants->designs = ARENA_NEW(arena, struct accelerator, n);
  tenants->names = ARENA_NEW(arena, const char *, n);
  tenants->training = ARENA_NEW(arena, double, n);
  tenants->parts = (struct tenancy_parts){.jobs = &tenants->instance.problem,
                                          .area_mm2 = area_mm2,
                                          .power_w = run->stage.provider->has_tdp ? power_w : NULL,
                                          .most_area_mm2 = limit_or_any(tenants->settings->area_mm2),
                                          .most_power_w = limit_or_any(tenants->settings->power_w),
                                          .most_cores = (uint32_t)tenants->settings->cores};
}

static void name_design(const struct run *run, struct tenants *tenants, size_t d) {
  char name[17];
  design_name(&tenants->designs[d], name);
  tenants->names[d] = arena_copy_text(run->invocation->arena, name);
}

/* What one device of each is. */
static void take_designs(const struct run *run, struct tenants *tenants) {
  struct arena *const arena = run->invocation->arena;
  const struct record *const *const records = choose_records(run, tenants);
  const size_t n = tenants->n_designs;
  double *const area_mm2 = ARENA_NEW(arena, double, n), *const power_w = ARENA_NEW(arena, double, n);
  make_parts(run, tenants, n, area_mm2, power_w);
  for (size_t d = 0; d < n; d++) {
    const struct record *const record = records[d];
    struct stage_cost_of_design cost;
    REQUIRE(design_at(&run->designs, &record->point, &tenants->designs[d]));
    design_cost(&run->designs, &tenants->designs[d], &cost);
    name_design(run, tenants, d);
    tenants->training[d] = record->score.objective[OBJECTIVE_THROUGHPUT];
    area_mm2[d] = cost.area.total;
    power_w[d] = cost.tdp.total;
  }
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
  tenancy_cores_of(&tenants->jobs, &tenants->world, tenants->n_designs, tenants->designs, tenants->names, &cores);
  if (!tenancy_table_of(&tenants->jobs, &tenants->world, &cores, &tenants->pool, NULL, &tenants->table, why) ||
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

/* --- what it came to ------------------------------------------------------------------------------------------------
 */

static void rank_platforms(struct tenants *tenants, struct arena *arena) {
  struct tenants_place *const places = ARENA_NEW(arena, struct tenants_place, tenants->n_mapped);
  struct tenancy_worth *const worth = ARENA_NEW(arena, struct tenancy_worth, tenants->n_mapped);
  bool *const on_front = ARENA_NEW(arena, bool, tenants->n_mapped);
  double least_cycles = (double)INFINITY;
  size_t n = 0;
  for (size_t i = 0; i < tenants->n_platforms; i++) {
    const struct tenants_platform *const platform = &tenants->platforms[i];
    if (platform->runs) least_cycles = fmin(least_cycles, platform->least.cycles);
    if (platform->mapped) places[n++] = (struct tenants_place){platform->worth.cycles, platform->worth.area_mm2, i};
  }
  qsort(places, n, sizeof *places, tenants_by_place);
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

bool tenants_map(struct run *run, struct error *error) {
  struct tenants *const tenants = run->tenants;
  if (tenants == NULL || topk_count(run->rounds.topk) == 0) return true;
  struct arena *const arena = run->invocation->arena;
  take_designs(run, tenants);
  const double own = tenants->settings->bandwidth_bytes_per_cycle;
  tenants->bandwidth_bytes_per_cycle =
      own > 0 ? own : accelerator_hbm_bytes_per_s(&tenants->designs[0]) / ((double)tenants->jobs.clock_mhz * 1e6);
  if (!make_table(run, tenants)) return true;
  list_platforms(tenants, arena);
  if (tenants->n_platforms == 0) {
    tenants->reason = "not one device of the best designs fits tenancy.area_mm2 and tenancy.power_w";
    return true;
  }
  const bool done = tenants_map_platforms(run, error);
  if (done && tenants->reason == NULL) rank_platforms(tenants, arena);
  return done || run->rounds.stopped;
}

/* --- chosen and mapped by others ------------------------------------------------------------------------------------
 */

static void take_result(const struct tenants_winner *winner, struct tenants_final *final, struct arena *arena) {
  const struct tenancy_alone *const alone = winner->alone;
  struct tenancy_result *const result = &final->result;
  result->queues = tenancy_queues_new(&final->problem, arena);
  result->answer = tenancy_answer_new(&final->problem, arena);
  tenancy_queues_copy(&final->problem, &alone->queues, &result->queues);
  tenancy_answer_copy(&final->problem, &alone->answer, &result->answer);
  result->cost = alone->cost;
  result->samples = winner->n_samples;
  result->n_islands = 1;
  final->bounds =
      (struct tenancy_bounds){.binding = winner->bounds->binding, .best_cycles = winner->bounds->best_cycles};
  memcpy(final->bounds.cycles, winner->bounds->cycles, sizeof final->bounds.cycles);
  if (winner->bounds->reason != NULL) final->bounds.reason = arena_copy_text(arena, winner->bounds->reason);
}

bool tenants_take_winner(struct run *run, const struct tenants_winner *winner, struct error *error) {
  struct tenants *const tenants = run->tenants;
  struct arena *const arena = run->invocation->arena;
  const size_t n = winner->n_designs;
  double *const area_mm2 = ARENA_NEW(arena, double, n), *const power_w = ARENA_NEW(arena, double, n);
  uint32_t *const count = ARENA_NEW(arena, uint32_t, n);
  make_parts(run, tenants, n, area_mm2, power_w);
  for (size_t d = 0; d < n; d++) {
    tenants->designs[d] = winner->design[d];
    name_design(run, tenants, d);
    tenants->training[d] = winner->training[d];
    area_mm2[d] = winner->area_mm2[d];
    power_w[d] = winner->power_w[d];
    count[d] = winner->count[d];
  }
  tenants->bandwidth_bytes_per_cycle = winner->bandwidth;
  if (!make_table(run, tenants)) BUG("%s", tenants->reason);
  tenants->platforms = ARENA_NEW(arena, struct tenants_platform, 1);
  add_platform(tenants, count);
  struct tenants_final *const final = &tenants->finals[tenants->n_finals++];
  struct tenants_platform *const platform = final->platform = tenants->platforms;
  if (!tenancy_compose(&tenants->parts, count, arena, &final->problem, error)) return false;
  take_result(winner, final, arena);
  struct tenancy_result *const result = &final->result;
  if (!tenancy_judge(&final->problem, &result->answer, arena, &result->verdict, error)) return false;
  result->value = result->verdict.makespan_cycles;
  result->gap = tenancy_gap(result->value, final->bounds.best_cycles);
  result->proven_optimal = result->gap <= 1e-9;
  platform->runs = platform->mapped = platform->on_front = true;
  platform->worth.cycles = result->value;
  platform->worth.energy_nj =
      tenancy_composition_energy_nj(&tenants->parts, count, &final->problem, result->answer.core, result->value);
  platform->least.cycles = tenants->bound_cycles = final->bounds.best_cycles;
  platform->least.energy_nj = tenancy_composition_least_nj(&tenants->parts, count, platform->least.cycles);
  tenants->n_mapped = 1;
  tenants->n_mixed = n;
  tenants->order = ARENA_NEW(arena, size_t, 1);
  tenants->single = tenants->best = final;
  return true;
}
