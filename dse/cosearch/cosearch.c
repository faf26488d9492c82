/* The designs that platforms are made of, with what bounds need to know of them. See cosearch.h. */
#include "dse/cosearch/cosearch_private.h"

#include "base/checked.h"
#include "dse/run/on_ranks.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_GENERATIONS = 24, SCREENED = 512, PRICED = 256 }; /* points, jobs a task: a record of 4 KiB */

const char *cosearch_text(const struct cosearch *cosearch, const struct joint_platform *platform, struct arena *arena) {
  const char *text = "";
  for (uint32_t k = 0; k < platform->n_kinds; k++) {
    text = arena_printf(arena, "%s%s%u x %s", text, k > 0 ? " + " : "", (unsigned)platform->count[k],
                        cosearch->designs[platform->design[k]].name);
  }
  return text;
}

bool cosearch_leads(const struct run *run) {
  return run->cosearch != NULL && run->cosearch->settings->way == COSEARCH_TOGETHER;
}

bool cosearch_mixes(const struct run *run) {
  return cosearch_leads(run) && run->cosearch->settings->mixed && run->system != NULL;
}

bool cosearch_open(struct run *run, struct error *error) {
  const struct cosearch_settings *const settings = &run->settings.co_search;
  (void)error;
  if (!cosearch_is_asked_for(settings)) return true;
  run->cosearch = ARENA_NEW(run->invocation->arena, struct cosearch, 1);
  run->cosearch->settings = settings;
  return true;
}

/* --- one design -----------------------------------------------------------------------------------------------------
 */

bool cosearch_take_design(const struct run *run, const struct point *point, struct cosearch_design *design) {
  struct stage_cost_of_design cost;
  struct money money;
  struct error why = {0};
  *design = (struct cosearch_design){.point = *point};
  if (!design_at(&run->designs, point, &design->accelerator)) return false;
  design_cost(&run->designs, &design->accelerator, &cost);
  design_name(&design->accelerator, design->name);
  design->area_mm2 = cost.area.total;
  design->power_w = cost.tdp.total;
  const bool asks = run->cosearch->settings->money_usd > 0;
  design->usd = asks && design_money(&run->designs, &design->accelerator, &cost, &money, &why) ? money.total_usd : NAN;
  return true;
}

/* --- all of the space -----------------------------------------------------------------------------------------------
 */

/* What no training on a design exceeds; 0: limits exclude it. */
static void screen_task(void *context, size_t index, void *record) {
  const struct run *const run = context;
  const struct space *const space = &run->designs.space;
  double *const training = record;
  const uint64_t first = (uint64_t)index * SCREENED, end = min_u64(first + SCREENED, space_size(space));
  for (uint64_t i = first; i < end; i++) {
    const struct point point = space_point(space, i);
    struct score score;
    space->screen(space->context, &point, &score);
    if (score.reason == REASON_NONE) training[i - first] = score.objective[OBJECTIVE_THROUGHPUT];
  }
}

/* A design of the space before it has a place among those that are looked at. */
struct candidate {
  double promise, training;
  uint64_t index;
};
static int by_promise(const void *a, const void *b) {
  const struct candidate *const x = a, *const y = b;
  if (x->promise < y->promise || x->promise > y->promise) return x->promise > y->promise ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}
static int by_index(const void *a, const void *b) {
  const struct candidate *const x = a, *const y = b;
  return (x->index > y->index) - (x->index < y->index);
}

double cosearch_promise(const struct run *run, const struct cosearch_design *design, uint32_t most, double training) {
  const struct accelerator *const part = &design->accelerator;
  const double n = run->cosearch->problem.adds_up ? most : 1;
  const double peak = (double)part->tc_count * (double)part->tc_rows * (double)part->tc_cols * (double)part->clock_mhz;
  const double weight = run->cosearch->settings->metric == COSEARCH_JOINT ? run->cosearch->settings->weight : 0.5;
  return weight * log(n * training) + (1 - weight) * log(most * peak);
}

/* A problem of this one design, to ask how many of it fit. */
uint32_t cosearch_most(const struct cosearch *cosearch, const struct cosearch_design *design) {
  struct joint_problem alone = cosearch->problem;
  const double cost[JOINT_N_LIMITS] = {design->area_mm2, design->power_w, design->usd};
  for (size_t limit = 0; limit < JOINT_N_LIMITS; limit++) {
    if (alone.cost[limit] != NULL) alone.cost[limit] = &cost[limit];
  }
  return joint_most(&alone, 0);
}

void cosearch_add(struct run *run, const struct cosearch_design *design, double training, bool trained) {
  struct cosearch *const own = run->cosearch;
  const size_t d = own->n_designs++;
  own->designs[d] = *design;
  own->problem.training[d] = training;
  own->problem.trained[d] = trained;
  REQUIRE(point_set_add(own->points, &design->point));
}

void cosearch_make_room(struct run *run, size_t n) {
  struct arena *const arena = run->invocation->arena;
  struct cosearch *const own = run->cosearch;
  own->n_designs = 0;
  own->designs = ARENA_NEW(arena, struct cosearch_design, n);
  own->problem.training = ARENA_NEW(arena, double, n);
  own->problem.trained = ARENA_NEW(arena, bool, n);
  own->points = point_set_new(arena);
}

void cosearch_join(struct run *run, const struct point *points, size_t n, size_t room, uint32_t *number) {
  struct cosearch *const own = run->cosearch;
  const struct cosearch before = *own;
  cosearch_make_room(run, before.n_designs + n);
  for (size_t d = 0; d < before.n_designs; d++) {
    cosearch_add(run, &before.designs[d], before.problem.training[d], before.problem.trained[d]);
  }
  for (size_t i = 0; i < n; i++) {
    struct cosearch_design design;
    size_t d = point_set_number(own->points, &points[i]);
    if (d == SIZE_MAX && own->n_designs < room && cosearch_take_design(run, &points[i], &design)) {
      d = own->n_designs;
      cosearch_add(run, &design, 0, false);
    }
    number[i] = d != SIZE_MAX ? (uint32_t)d : UINT32_MAX;
  }
}

static bool screen_space(struct run *run, double **training, struct error *error) {
  const uint64_t n_tasks = ceil_div(space_size(&run->designs.space), SCREENED);
  *training = ARENA_NEW(run->invocation->arena, double, n_tasks *SCREENED);
  const struct rank_work work = {
      .task = screen_task, .context = run, .n = n_tasks, .record_bytes = SCREENED * sizeof(double)};
  return on_ranks(run, &work, *training, error);
}

static bool take_space(struct run *run, struct error *error) {
  struct cosearch *const own = run->cosearch;
  struct arena *const arena = run->invocation->arena;
  const struct space *const space = &run->designs.space;
  double *training;
  if (!screen_space(run, &training, error)) return false;
  size_t n = 0;
  for (uint64_t i = 0; i < own->n_points; i++) n += training[i] > 0;
  struct candidate *const all = ARENA_NEW(arena, struct candidate, n);
  struct cosearch_design design;
  for (uint64_t i = 0; i < own->n_points; i++) {
    const struct point point = space_point(space, i);
    if (!(training[i] > 0) || !cosearch_take_design(run, &point, &design)) continue;
    const uint32_t most = cosearch_most(own, &design);
    if (most == 0) continue;
    all[own->n_allowed++] = (struct candidate){cosearch_promise(run, &design, most, training[i]), training[i], i};
  }
  size_t kept = min_u64(own->n_allowed, own->settings->designs);
  kept = min_u64(kept, TENANCY_MAX_ROWS / max_u64(own->n_layers, 1) + 1);
  qsort(all, own->n_allowed, sizeof *all, by_promise);
  qsort(all, kept, sizeof *all, by_index);
  cosearch_make_room(run, kept);
  for (size_t i = 0; i < kept; i++) {
    const struct point point = space_point(space, all[i].index);
    REQUIRE(cosearch_take_design(run, &point, &design));
    cosearch_add(run, &design, all[i].training, false);
  }
  return true;
}

/* The sequential way: those that the run's own search likes best, trained already. */
static void take_best(struct run *run) {
  struct cosearch *const own = run->cosearch;
  const struct topk *const topk = run->rounds.topk;
  const size_t n = min_u64(topk_count(topk), run->settings.tenants.designs);
  cosearch_make_room(run, n);
  for (size_t i = 0; i < n; i++) {
    const struct record *const record = topk_at(topk, i);
    struct cosearch_design design;
    REQUIRE(cosearch_take_design(run, &record->point, &design));
    if (cosearch_most(own, &design) == 0) continue;
    cosearch_add(run, &design, record->score.objective[OBJECTIVE_THROUGHPUT], true);
  }
  own->n_allowed = own->n_designs;
}

/* --- prices of the jobs ---------------------------------------------------------------------------------------------
 */

/* Ops of one shape cost the same. */
static bool same_shape(const struct tenancy_pool *pool, uint32_t a, uint32_t b) {
  const struct tenancy_layer *const x = &pool->layers[a], *const y = &pool->layers[b];
  return x->model == y->model &&
         pool->models[x->model].graph.ops[x->op].shape == pool->models[y->model].graph.ops[y->op].shape;
}

static void list_layers(struct run *run) {
  struct cosearch *const own = run->cosearch;
  struct arena *const arena = run->invocation->arena;
  const struct tenancy_pool *const pool = &run->tenants->pool;
  size_t n;
  const uint32_t *const drawn = tenancy_draw(&run->tenants->jobs, pool, 0, &n, arena);
  uint32_t *const layers = ARENA_NEW(arena, uint32_t, n);
  double *const alike = ARENA_NEW(arena, double, n);
  uint32_t *const place = ARENA_NEW(arena, uint32_t, pool->n_layers); /* from 1, of the first layer of a shape */
  uint32_t *const first_of = ARENA_NEW(arena, uint32_t, pool->n_layers);
  for (uint32_t i = 0; i < pool->n_layers; i++) { /* models one after the other, so that the search back is short */
    first_of[i] = i;
    for (uint32_t k = i; k > 0 && pool->layers[k - 1].model == pool->layers[i].model; k--) {
      if (same_shape(pool, k - 1, i)) first_of[i] = first_of[k - 1];
      if (first_of[i] != i) break;
    }
  }
  for (size_t j = 0; j < n; j++) {
    uint32_t *const own_place = &place[first_of[drawn[j]]];
    if (*own_place == 0) {
      layers[own->n_layers] = first_of[drawn[j]];
      *own_place = (uint32_t)++own->n_layers;
    }
    alike[*own_place - 1]++;
  }
  own->layers = layers;
  own->problem.n_jobs = own->n_layers;
  own->problem.alike = alike;
  own->problem.n_all_jobs = (double)n;
}

struct pricing {
  struct run *run;
  size_t n_parts; /* tasks a design */
  struct arena arena;
};
struct price {
  double latency_cycles, bytes;
};

static void price_task(void *context, size_t index, void *record) {
  struct pricing *const pricing = context;
  const struct cosearch *const own = pricing->run->cosearch;
  const struct tenants *const tenants = pricing->run->tenants;
  const struct cosearch_design *const design = &own->designs[own->n_priced + index / pricing->n_parts];
  const size_t first = index % pricing->n_parts * PRICED, end = min_u64(first + PRICED, own->n_layers);
  const struct arena_mark mark = arena_get_mark(&pricing->arena);
  struct tenancy_world world = tenants->world;
  struct tenancy_cores cores;
  struct price *const prices = record;
  const char *const name = design->name;
  world.arena = &pricing->arena;
  tenancy_cores_of(&tenants->jobs, &world, 1, &design->accelerator, &name, &cores);
  for (size_t j = first; j < end; j++) {
    const struct tenancy_layer *const layer = &tenants->pool.layers[own->layers[j]];
    const struct op_graph *const graph = &tenants->pool.models[layer->model].graph;
    const struct op *const op = &graph->ops[layer->op];
    struct tenancy_price price;
    tenancy_price_physical(&cores.kinds[0], tenants->jobs.clock_mhz, op, graph->followers + op->first_follower, &price);
    const bool runs = price.latency_cycles > 0;
    prices[j - first].latency_cycles = runs ? (double)price.latency_cycles : (double)INFINITY;
    prices[j - first].bytes = runs ? (double)price.latency_cycles * price.bytes_per_cycle : (double)INFINITY;
  }
  arena_rewind(&pricing->arena, mark);
}

/* Bytes a cycle of the jobs' clock that a device brings. */
static double bandwidth_of(const struct run *run, const struct cosearch_design *design) {
  return accelerator_hbm_bytes_per_s(&design->accelerator) / ((double)run->tenants->jobs.clock_mhz * 1e6);
}

bool cosearch_price_jobs(struct run *run, struct error *error) {
  struct cosearch *const own = run->cosearch;
  struct arena *const arena = run->invocation->arena;
  struct pricing pricing = {.run = run, .n_parts = ceil_div(own->n_layers, PRICED)};
  const size_t n_priced = own->n_priced, n = own->n_layers;
  const size_t n_tasks = (own->n_designs - n_priced) * pricing.n_parts;
  struct price *const prices = ARENA_NEW(arena, struct price, n_tasks * PRICED);
  double *const latency = ARENA_NEW(arena, double, own->n_designs *n);
  double *const bytes = ARENA_NEW(arena, double, own->n_designs *n);
  double *const bandwidth = ARENA_NEW(arena, double, own->n_designs);
  const struct rank_work work = {
      .task = price_task, .context = &pricing, .n = n_tasks, .record_bytes = PRICED * sizeof *prices};
  arena_init(&pricing.arena, 1 << 16);
  const bool done = on_ranks(run, &work, prices, error);
  arena_release(&pricing.arena);
  if (!done) return false;
  if (n_priced > 0) { /* the set has grown behind these */
    memcpy(latency, own->problem.latency_cycles, n_priced * n * sizeof *latency);
    memcpy(bytes, own->problem.bytes, n_priced * n * sizeof *bytes);
  }
  for (size_t d = 0; d < own->n_designs; d++) {
    for (size_t j = 0; j < n && d >= n_priced; j++) {
      const struct price *const price = &prices[(d - n_priced) * pricing.n_parts * PRICED + j];
      latency[d * n + j] = price->latency_cycles;
      bytes[d * n + j] = price->bytes;
    }
    bandwidth[d] = bandwidth_of(run, &own->designs[d]);
  }
  own->problem.latency_cycles = latency;
  own->problem.bytes = bytes;
  own->problem.bandwidth = bandwidth;
  own->n_priced = own->n_designs;
  return true;
}

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

/* Limits first; what depends on designs is filled in behind. `cost` is not NULL where a limit is set. */
static void state_problem(struct run *run) {
  static const double none;
  struct cosearch *const own = run->cosearch;
  const struct cosearch_settings *const settings = own->settings;
  const struct tenants_settings *const tenants = &run->settings.tenants;
  struct joint_problem *const problem = &own->problem;
  problem->most[JOINT_AREA] = tenants->area_mm2 > 0 ? tenants->area_mm2 : (double)INFINITY;
  problem->cost[JOINT_AREA] = &none; /* always known: orders equal platforms */
  if (tenants->power_w > 0 && run->stage.provider->has_tdp) {
    problem->most[JOINT_POWER] = tenants->power_w;
    problem->cost[JOINT_POWER] = &none;
  }
  if (settings->money_usd > 0) {
    problem->most[JOINT_MONEY] = settings->money_usd;
    problem->cost[JOINT_MONEY] = &none;
  }
  problem->adds_up = run->system == NULL;
  problem->most_cores = (uint32_t)tenants->cores;
  problem->most_kinds = problem->adds_up ? (uint32_t)settings->kinds : 1;
  problem->own_bandwidth = tenants->bandwidth_bytes_per_cycle;
  problem->cycles_per_s = (double)run->tenants->jobs.clock_mhz * 1e6;
  problem->metric = settings->metric == COSEARCH_TRAINING  ? JOINT_TRAINING
                    : settings->metric == COSEARCH_TENANTS ? JOINT_TENANTS
                                                           : JOINT_GEOMEAN;
  problem->weight = settings->weight;
  problem->most_makespan_cycles =
      settings->makespan_s > 0 ? settings->makespan_s * problem->cycles_per_s : (double)INFINITY;
  problem->least_training = settings->training_floor;
}

void cosearch_fill_costs(struct run *run) {
  struct cosearch *const own = run->cosearch;
  struct joint_problem *const problem = &own->problem;
  problem->n_designs = own->n_designs;
  for (enum joint_limit limit = 0; limit < JOINT_N_LIMITS; limit++) {
    if (problem->cost[limit] == NULL) continue;
    double *const cost = ARENA_NEW(run->invocation->arena, double, own->n_designs);
    for (size_t d = 0; d < own->n_designs; d++) {
      const struct cosearch_design *const design = &own->designs[d];
      cost[d] = limit == JOINT_AREA ? design->area_mm2 : limit == JOINT_POWER ? design->power_w : design->usd;
    }
    problem->cost[limit] = cost;
  }
}

bool cosearch_find(struct run *run, struct error *error) {
  struct cosearch *const own = run->cosearch;
  state_problem(run);
  list_layers(run);
  own->n_points = space_size(&run->designs.space);
  if (!cosearch_leads(run)) {
    take_best(run);
  } else if (own->grows) {
    cosearch_take_heard(run);
  } else if (!take_space(run, error)) {
    return run->rounds.stopped;
  }
  if (own->n_designs == 0) {
    own->reason = "no device of an allowed design fits tenancy.area_mm2, tenancy.power_w and co_search.money_usd";
    return true;
  }
  for (size_t g = 0;; g++) {
    own->n_listed = own->n_designs;
    cosearch_fill_costs(run);
    if (!cosearch_price_jobs(run, error) || !cosearch_rounds(run, error)) return run->rounds.stopped;
    if (!own->grows || g == MOST_GENERATIONS || !cosearch_grow(run)) break;
  }
  return true;
}

bool cosearch_search(struct run *run, struct error *error) {
  const struct cosearch *const own = run->cosearch;
  if (!cosearch_find(run, error)) return false;
  /* The winner comes with cosearch_mix. */
  if (cosearch_mixes(run)) return run->rounds.stopped || cosearch_train_first(run, error) || run->rounds.stopped;
  return run->rounds.stopped || own->best == NULL || cosearch_map_winner(run, error);
}
