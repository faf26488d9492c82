/* Pricing and scheduling a stage on a design. See stage.h. */
#include "arch/stage_bound.h"
#include "arch/stage_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

static const char *const spread_names[] = {"off", "power_of_two", "shared", NULL};
static const char *const hbm_sharing_names[] = {"isolated", "floor", NULL};

#define OFFSET(member) offsetof(struct stage_settings, member)
static const struct field stage_field_list[] = {
    {"spread", FIELD_CHOICE, "", 0, 0, "\"shared\"",
     "which operators take several cores: off: none; power_of_two: a critical one when no other of its class is ready; "
     "shared: free cores are divided among the ready ones",
     OFFSET(spread), ROLE_ANSWER, spread_names},
    {"hbm_sharing", FIELD_CHOICE, "", 0, 0, "\"floor\"",
     "isolated: each operator sees the full HBM bandwidth; floor: and the iteration takes at least all bytes / "
     "bandwidth",
     OFFSET(hbm_sharing), ROLE_ANSWER, hbm_sharing_names},
    {"passes", FIELD_UINT, "", 0, 4096, "1",
     "effort to shorten the list schedule by moving and resizing operators: how often all of them are placed anew "
     "(512 operators at least; up to 64 operators 50,000 and, far from the lower bound, 130,000); 0: none",
     OFFSET(passes), ROLE_ANSWER, NULL},
};
const struct field_table stage_fields = {"schedule", "how operators share cores and memory", stage_field_list,
                                         sizeof stage_field_list / sizeof *stage_field_list};

const char *const stage_binding_names[N_BINDINGS] = {"none",         "critical_path", "tensor_cores",
                                                     "vector_cores", "links",         "hbm_bandwidth"};

/* --- the stage ------------------------------------------------------------------------------------------------------
 */

void stage_init(struct stage *stage, const struct op_graph *graph, const struct training_settings *training,
                const struct stage_contracted *contracted, struct arena *arena) {
  stage->graph = graph;
  energy_model_init(&stage->energy, stage->technology, (enum energy_detail)stage->cost->energy_detail);
  uint32_t *shape_ops = ARENA_NEW(arena, uint32_t, graph->n_shapes);
  uint32_t *op_shapes = ARENA_NEW(arena, uint32_t, graph->n_ops);
  stage->working_bytes = stage->macs = 0;
  stage->stash_bytes = contracted->kept_bytes;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *op = &graph->ops[i];
    shape_ops[op->shape]++;
    op_shapes[i] = op->shape;
    stage->stash_bytes = sat_add(stage->stash_bytes, op->kept_bytes);
    stage->macs = sat_add(stage->macs, op_macs(op));
    /* An update streams through parameters and state that state_bytes already holds. */
    if (op->phase == PHASE_UPDATE) continue;
    const uint64_t bytes = sat_add(op->in_bytes, sat_add(op->weight_bytes, op->out_bytes));
    stage->working_bytes = max_u64(stage->working_bytes, bytes);
  }
  stage->shape_ops = shape_ops;
  stage->op_shapes = op_shapes;
  const uint64_t element_bytes = graph->n_ops > 0 ? graph->ops[0].element_bytes : 2;
  stage->state_bytes = sat_add(sat_mul(contracted->parameters, training_bytes_per_parameter(training, element_bytes)),
                               sat_mul(contracted->frozen, element_bytes));
}

uint64_t stage_memory_bytes(const struct stage *stage) {
  return sat_add(stage->state_bytes, sat_add(stage->stash_bytes, stage->working_bytes));
}

void stage_design(const struct stage *stage, const struct accelerator *accelerator,
                  struct stage_cost_of_design *design) {
  memset(design, 0, sizeof *design);
  if (stage->provider->has_tdp) {
    const struct technology *technology = stage->technology;
    const struct stage_derating *derating = stage->derating;
    physical_area(technology, accelerator, &design->area);
    if (derating != NULL) {
      design->area.total += (derating->hbm_area - 1) * design->area.hbm / technology->fill_fraction;
    }
    physical_tdp(technology, accelerator, design->area.total, &design->tdp);
    if (derating != NULL) {
      design->tdp.total += (derating->hbm_power - 1) * design->tdp.hbm / technology->supply_efficiency;
    }
  } else {
    compat_area(accelerator, &design->area, NULL);
  }
  design->memory_bytes = stage_memory_bytes(stage);
  design->hbm_bytes = accelerator_hbm_bytes(accelerator);
}

/* --- a rank's scratch: tables by shape, and the cost cache ----------------------------------------------------------
 */

enum { CACHE_ENTRIES = 1 << 17, SCHEDULE_ENTRIES = 1 << 15 };

/* What stages that price side by side share. */
struct shared {
  struct cost_cache *cache;
  struct tilings *tilings;
  struct memo *schedules;
  struct stage_seen *seen;
};

static struct stage_scratch *scratch_with(struct arena *arena, const struct stage *stage, struct shared shared) {
  struct stage_scratch *scratch = ARENA_NEW(arena, struct stage_scratch, 1);
  const size_t n = stage->graph->n_shapes;
  arena_init(&scratch->arena, 1 << 20);
  scratch->classes = ARENA_NEW(arena, uint8_t, n);
  scratch->cycles = ARENA_NEW(arena, uint64_t, n * SCHEDULE_MAX_WIDTHS);
  scratch->costs = ARENA_NEW(arena, struct op_cost, n * SCHEDULE_MAX_WIDTHS);
  scratch->finish = ARENA_NEW(arena, uint64_t, stage->graph->n_ops);
  scratch->least_cycles = ARENA_NEW(arena, uint64_t, n);
  scratch->floors = floor_sets_new(arena, stage);
  scratch->cache = shared.cache;
  scratch->tilings = shared.tilings;
  scratch->schedules = shared.schedules;
  scratch->seen = shared.seen;
  scratch->structure = schedule_structure(stage->graph);
  scratch->rules = cost_rules_digest(stage->provider, stage->cost, stage->technology);
  scratch->shapes = ARENA_NEW(arena, struct digest, n);
  for (size_t s = 0; s < n; s++) {
    const struct op *op = &stage->graph->ops[stage->graph->shape_op[s]];
    scratch->shapes[s] = cost_op_digest(op, stage->graph->followers + op->first_follower);
  }
  return scratch;
}

struct stage_scratch *stage_scratch_new(struct arena *arena, const struct stage *stage, bool cache) {
  const struct shared shared = {.cache = cost_cache_new(arena, cache ? CACHE_ENTRIES : 0),
                                .tilings = cache ? machine_tilings_new(arena) : NULL,
                                .schedules = cache ? schedule_memo_new(arena, SCHEDULE_ENTRIES) : NULL,
                                .seen = ARENA_NEW(arena, struct stage_seen, 1)};
  return scratch_with(arena, stage, shared);
}

struct stage_scratch *stage_scratch_beside(struct arena *arena, const struct stage *stage,
                                           const struct stage_scratch *first) {
  /* Entries are told apart by operator, machine and rules; tilings and schedules by all that they depend on. */
  return scratch_with(arena, stage, (struct shared){first->cache, first->tilings, first->schedules, first->seen});
}

void stage_scratch_refresh(struct stage_scratch *scratch, const struct stage *stage) {
  scratch->rules = cost_rules_digest(stage->provider, stage->cost, stage->technology);
  floor_sets_clear(scratch->floors);
}

void stage_scratch_release(struct stage_scratch *scratch) { arena_release(&scratch->arena); }

struct stage_cache_counts stage_cache_counts(const struct stage_scratch *scratch) {
  const struct cost_cache_counts counts = cost_cache_counts(scratch->cache);
  return (struct stage_cache_counts){counts.hits, counts.misses};
}

struct pricing {
  const struct stage *stage;
  const struct stage_seen *seen;
  const struct machine *machine;
  struct stage_scratch *scratch;
};

static struct pricing pricing_of(const struct stage *stage, const struct accelerator *running,
                                 struct stage_scratch *scratch) {
  struct stage_seen *seen = stage_see(stage, running, scratch);
  if (!seen->has_prices) {
    seen->full = cost_machine_digest(scratch->rules, &seen->machine, false);
    seen->lanes_only = cost_machine_digest(scratch->rules, &seen->machine, true);
    seen->has_prices = true;
  }
  return (struct pricing){stage, seen, &seen->machine, scratch};
}

static void price(const struct pricing *pricing, uint32_t shape, unsigned width_log2, struct op_cost *cost) {
  const struct stage *stage = pricing->stage;
  const struct op *op = &stage->graph->ops[stage->graph->shape_op[shape]];
  struct stage_scratch *scratch = pricing->scratch;
  /* Tensor operators see lanes where followers or a fallback to lanes do. */
  const bool lanes_only = scratch->classes[shape] == 1 << CORE_VECTOR && op_kinds[op->kind].class == CLASS_VECTOR;
  const struct cost_key key = {.op = scratch->shapes[shape],
                               .machine = lanes_only ? pricing->seen->lanes_only : pricing->seen->full,
                               .n_cores = UINT64_C(1) << width_log2};
  const struct op_cost *known = cost_cache_find(scratch->cache, &key);
  if (known != NULL) {
    *cost = *known;
    return;
  }
  stage->provider->op_cost(pricing->machine, op, stage->graph->followers + op->first_follower, key.n_cores, cost);
  cost_cache_keep(scratch->cache, &key, cost);
}

/* --- evaluation -----------------------------------------------------------------------------------------------------
 */

/* What all operators of a shape move and do, each on one core. */
static void add_totals(const struct pricing *pricing, uint32_t shape, const struct op_cost *cost,
                       struct stage_result *result) {
  const struct stage *stage = pricing->stage;
  const struct op *op = &stage->graph->ops[stage->graph->shape_op[shape]];
  const uint64_t n = stage->shape_ops[shape];
  result->hbm_bytes = sat_add(result->hbm_bytes, sat_mul(n, cost->hbm_bytes));
  result->glb_bytes = sat_add(result->glb_bytes, sat_mul(n, cost->glb_bytes));
  result->l2_bytes = sat_add(result->l2_bytes, sat_mul(n, cost->l2_bytes));
  result->array_bytes = sat_add(result->array_bytes, sat_mul(n, cost->array_bytes));
  result->macs = sat_add(result->macs, sat_mul(n, cost->macs));
  result->lane_cycles = sat_add(result->lane_cycles, sat_mul(n, cost->lane_cycles));
  const uint64_t memory = cycles_for_bytes(cost->hbm_bytes, pricing->machine->hbm_bytes_per_cycle);
  const uint64_t array = pricing->machine->rows * pricing->machine->cols;
  const uint64_t compute =
      op_macs(op) > 0 && array > 0 ? cost->macs / array : cost->lane_cycles / max_u64(pricing->machine->lanes, 1);
  if (memory > compute) {
    result->memory_excess_cycles = sat_add(result->memory_excess_cycles, sat_mul(n, memory - compute));
  }
}

/* Fills the schedule problem's tables and the totals that follow from prices alone. */
static void price_all(const struct pricing *pricing, struct schedule_problem *problem, struct stage_result *result) {
  const struct stage *stage = pricing->stage;
  const struct op_graph *graph = stage->graph;
  struct stage_scratch *scratch = pricing->scratch;
  problem->n_widths = 1;
  for (uint32_t s = 0; s < graph->n_shapes; s++) {
    const struct op *op = &graph->ops[graph->shape_op[s]];
    scratch->classes[s] = stage_classes_of(stage, pricing->machine, op);
    const unsigned widths = pricing->seen->widths[scratch->classes[s]];
    if (widths > problem->n_widths) problem->n_widths = widths;
  }
  for (uint32_t s = 0; s < graph->n_shapes; s++) {
    const unsigned widths = pricing->seen->widths[scratch->classes[s]];
    uint64_t *cycles = scratch->cycles + (size_t)s * problem->n_widths;
    struct op_cost *costs = scratch->costs + (size_t)s * problem->n_widths;
    for (unsigned w = 0; w < problem->n_widths; w++) {
      cycles[w] = UINT64_MAX;
      if (w >= widths) continue;
      price(pricing, s, w, &costs[w]);
      cycles[w] = costs[w].cycles;
    }
    add_totals(pricing, s, &costs[0], result);
  }
  problem->graph = graph;
  problem->shape_classes = scratch->classes;
  problem->shape_cycles = scratch->cycles;
  problem->share = stage->settings->spread == SPREAD_SHARED;
}

static enum stage_binding binding_of(enum schedule_bound_kind kind) {
  switch (kind) {
  case BOUND_TENSOR_LOAD:
    return BINDING_TENSOR_CORES;
  case BOUND_VECTOR_LOAD:
    return BINDING_VECTOR_CORES;
  case BOUND_LINK_LOAD:
    return BINDING_LINKS;
  case BOUND_CRITICAL_PATH:
  case BOUND_ENDS:
  case N_SCHEDULE_BOUNDS:
    break;
  }
  return BINDING_CRITICAL_PATH;
}

void stage_traffic(const struct stage_result *result, struct energy_traffic *traffic) {
  *traffic = (struct energy_traffic){
      .macs = result->macs,
      .idle_mac_cycles = result->array_mac_cycles > result->macs ? result->array_mac_cycles - result->macs : 0,
      .lane_cycles = result->lane_cycles,
      .array_bytes = result->array_bytes,
      .l2_bytes = result->l2_bytes,
      .glb_bytes = result->glb_bytes,
      .hbm_bytes = result->hbm_bytes,
      .seconds = result->iteration_s};
}

static void account_energy(const struct pricing *pricing, const struct accelerator *accelerator,
                           const struct stage_cost_of_design *design, struct stage_result *result) {
  result->iteration_s = (double)result->cycles / ((double)accelerator->clock_mhz * 1e6);
  result->array_mac_cycles = sat_mul(result->busy_cycles[CORE_TENSOR], pricing->machine->rows * pricing->machine->cols);
  struct energy_traffic traffic;
  stage_traffic(result, &traffic);
  result->energy_j = energy_model_j(&pricing->stage->energy, accelerator, &design->area, &traffic) +
                     stage_derated_hbm_j(pricing->stage, accelerator, result->hbm_bytes);
}

/* Copies what the schedule's judge and the reports need out of the scratch tables. */
static void keep_detail(const struct stage_scratch *scratch, const struct schedule_problem *problem,
                        struct stage_detail *detail, struct arena *arena) {
  const size_t n = problem->graph->n_shapes, widths = problem->n_widths;
  uint8_t *classes = ARENA_NEW(arena, uint8_t, n);
  uint64_t *cycles = ARENA_NEW(arena, uint64_t, n * widths);
  detail->shape_costs = ARENA_NEW(arena, struct op_cost, n * widths);
  memcpy(classes, scratch->classes, n);
  memcpy(cycles, scratch->cycles, n * widths * sizeof *cycles);
  memcpy(detail->shape_costs, scratch->costs, n * widths * sizeof *detail->shape_costs);
  detail->problem = *problem;
  detail->problem.shape_classes = classes;
  detail->problem.shape_cycles = cycles;
}

static uint64_t bound_of(struct stage_scratch *scratch, const struct schedule_problem *problem,
                         enum schedule_bound_kind *kind) {
  return schedule_known_bound(scratch->schedules, scratch->structure, problem, &scratch->arena, kind);
}

/* Prices, and what follows from them without a schedule; the bound is the schedule's alone, without bandwidth. */
static void price_and_bound(const struct pricing *pricing, const struct accelerator *running,
                            struct schedule_problem *problem, struct stage_result *result) {
  enum schedule_bound_kind kind;
  memset(result, 0, sizeof *result);
  stage_count_cores(running, problem->n_cores);
  price_all(pricing, problem, result);
  result->bound_cycles = bound_of(pricing->scratch, problem, &kind);
  result->binding = binding_of(kind);
  result->hbm_cycles = cycles_for_bytes(result->hbm_bytes, pricing->machine->hbm_bytes_per_cycle);
}

void stage_evaluate(const struct stage *stage, const struct accelerator *accelerator,
                    const struct stage_cost_of_design *design, struct stage_scratch *scratch,
                    struct stage_result *result, struct stage_detail *detail, struct arena *arena) {
  struct accelerator running;
  stage_running(stage, accelerator, &running);
  const struct pricing pricing = pricing_of(stage, &running, scratch);
  struct schedule_problem problem = {0};
  price_and_bound(&pricing, &running, &problem, result);
  problem.passes = (unsigned)stage->settings->passes;
  problem.enough_cycles = max_u64(result->bound_cycles, stage_shares_hbm(stage) ? result->hbm_cycles : 0);

  struct schedule local = {0};
  struct schedule *schedule = detail != NULL ? &detail->schedule : &local;
  if (detail != NULL) {
    schedule_build(&problem, &scratch->arena, arena, true, schedule);
    keep_detail(scratch, &problem, detail, arena);
  } else {
    schedule_known_build(scratch->schedules, scratch->structure, &problem, &scratch->arena, schedule);
  }
  result->list_cycles = schedule->makespan_cycles;
  result->critical_path_cycles = schedule->critical_path_cycles;
  memcpy(result->delay_cycles, schedule->delay_cycles, sizeof result->delay_cycles);
  memcpy(result->busy_cycles, schedule->busy_cycles, sizeof result->busy_cycles);
  result->cycles = result->list_cycles;
  if (stage_shares_hbm(stage)) {
    result->cycles = max_u64(result->cycles, result->hbm_cycles);
    if (result->hbm_cycles > result->bound_cycles) {
      result->bound_cycles = result->hbm_cycles;
      result->binding = BINDING_HBM;
    }
  }
  account_energy(&pricing, &running, design, result);
}

void stage_bound_closest(const struct stage *stage, const struct accelerator *accelerator,
                         struct stage_scratch *scratch, struct stage_closest *closest) {
  struct accelerator running;
  stage_running(stage, accelerator, &running);
  const struct pricing pricing = pricing_of(stage, &running, scratch);
  struct schedule_problem problem = {0};
  struct stage_result result;
  price_and_bound(&pricing, &running, &problem, &result);
  *closest = (struct stage_closest){.cycles = result.bound_cycles};
  if (stage_shares_hbm(stage)) closest->cycles = max_u64(closest->cycles, result.hbm_cycles);
  for (uint32_t s = 0; s < stage->graph->n_shapes; s++) {
    if ((scratch->classes[s] & 1U << CORE_LINK) == 0) continue;
    const uint64_t cycles = sat_mul(stage->shape_ops[s], scratch->cycles[(size_t)s * problem.n_widths]);
    closest->link_cycles = sat_add(closest->link_cycles, cycles);
  }
}

/* Bytes, work and lane time of each operator on one core, without a schedule. */
static void price_narrowly(const struct pricing *pricing, struct stage_result *result) {
  const struct stage *stage = pricing->stage;
  for (uint32_t s = 0; s < stage->graph->n_shapes; s++) {
    struct op_cost cost;
    pricing->scratch->classes[s] =
        stage_classes_of(stage, pricing->machine, &stage->graph->ops[stage->graph->shape_op[s]]);
    price(pricing, s, 0, &cost);
    add_totals(pricing, s, &cost, result);
  }
}

void stage_refine(const struct stage *stage, const struct accelerator *accelerator,
                  const struct stage_cost_of_design *design, struct stage_scratch *scratch, struct stage_floor *floor) {
  struct stage_result result = {0};
  struct accelerator running;
  stage_running(stage, accelerator, &running);
  const struct pricing pricing = pricing_of(stage, &running, scratch);
  stage_bound(stage, accelerator, design, scratch, floor);
  if (stage->settings->spread == SPREAD_OFF) {
    struct schedule_problem problem = {0};
    enum schedule_bound_kind kind;
    stage_count_cores(accelerator, problem.n_cores);
    price_all(&pricing, &problem, &result);
    const uint64_t bound = bound_of(scratch, &problem, &kind);
    if (bound > floor->cycles) floor->cycles = bound, floor->binding = binding_of(kind);
  } else {
    price_narrowly(&pricing, &result);
  }
  const uint64_t hbm_cycles = cycles_for_bytes(result.hbm_bytes, pricing.machine->hbm_bytes_per_cycle);
  if (stage_shares_hbm(stage) && hbm_cycles > floor->cycles) floor->cycles = hbm_cycles, floor->binding = BINDING_HBM;
  floor->likely_cycles = max_u64(floor->likely_cycles, floor->cycles);
  result.iteration_s = (double)floor->cycles / ((double)running.clock_mhz * 1e6);
  struct energy_traffic traffic;
  stage_traffic(&result, &traffic); /* no MAC slot idle: array_mac_cycles are 0 */
  const double energy_j = energy_model_j(&stage->energy, &running, &design->area, &traffic) +
                          stage_derated_hbm_j(stage, &running, result.hbm_bytes);
  if (energy_j > floor->energy_j) floor->energy_j = energy_j;
}

uint64_t stage_price(const struct stage *stage, const struct accelerator *accelerator, struct stage_scratch *scratch) {
  const struct stage_cache_counts before = stage_cache_counts(scratch);
  const struct pricing pricing = pricing_of(stage, accelerator, scratch);
  struct schedule_problem problem = {0};
  struct stage_result result = {0};
  stage_count_cores(accelerator, problem.n_cores);
  price_all(&pricing, &problem, &result);
  const struct stage_cache_counts after = stage_cache_counts(scratch);
  return after.hits + after.misses - before.hits - before.misses;
}
