/* Which graphs does a strategy need, and what does each of their phases take on a design? See system.h.
 *
 * A microbatch and the degrees that change operators (tensor, sequence, context, experts) make a cut: a chain of blocks
 * with a stage for every phase. Strategies that differ in anything else share it. */
#include "dse/system/system_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

const char *const system_partition_names[] = {"balanced", "equal", NULL};
const char *const system_part_names[N_SYSTEM_PARTS] = {"compute", "collectives", "bubble",
                                                       "data",    "update",      "overhead"};

#define LAW(member) offsetof(struct system_law, member)
static const struct field law_field_list[] = {
    {"overlap_data", FIELD_BOOL, "", 0, 0, "true",
     "whether gradients are reduced behind the backward pass of the last microbatch", LAW(overlap_data), ROLE_ANSWER,
     NULL},
    {"overlap_share", FIELD_REAL, "", 0, 1, "1.0", "of the time that could hide such traffic, what does",
     LAW(overlap_share), ROLE_ANSWER, NULL},
    {"iteration_overhead", FIELD_REAL, "", 0, 1, "0.0", "of an iteration's time, what is added to it",
     LAW(iteration_overhead), ROLE_ANSWER, NULL},
    {"op_overhead_us", FIELD_REAL, "us", 0, 1000, "0.0", "added to every operator's time", LAW(op_overhead_us),
     ROLE_ANSWER, NULL},
    {"accumulation_share", FIELD_REAL, "", 0, 1, "0.0",
     "of an update's time, what adding up a microbatch's gradients takes where there are several",
     LAW(accumulation_share), ROLE_ANSWER, NULL},
    {"overlap_tensor", FIELD_REAL, "", 0, 1, "0.0",
     "of the time of collectives inside blocks, what can hide behind the blocks' operators", LAW(overlap_tensor),
     ROLE_ANSWER, NULL},
    {"scatter_sends", FIELD_BOOL, "", 0, 0, "false",
     "whether tensor ranks that hold a stage's output whole send a part each, which the next stage's ranks gather",
     LAW(scatter_sends), ROLE_ANSWER, NULL},
};
const struct field_table system_law_fields = {"law", "what a system loses beside its operators and messages",
                                              law_field_list, sizeof law_field_list / sizeof *law_field_list};

/* devices = tensor · context · data · pipeline */
static uint64_t strategy_devices(const struct strategy *strategy) {
  const struct split_degrees *degrees = &strategy->degrees;
  return sat_mul(sat_mul(degrees->tensor, degrees->context), sat_mul(degrees->data, degrees->pipeline));
}

const char *strategy_text(const struct strategy *strategy, struct arena *arena) {
  const struct split_degrees *degrees = &strategy->degrees;
  const char *text =
      arena_printf(arena, "t%llu%s p%llu d%llu", (unsigned long long)degrees->tensor, degrees->sequence ? "s" : "",
                   (unsigned long long)degrees->pipeline, (unsigned long long)degrees->data);
  if (degrees->context > 1) text = arena_printf(arena, "%s c%llu", text, (unsigned long long)degrees->context);
  if (degrees->expert > 1) text = arena_printf(arena, "%s x%llu", text, (unsigned long long)degrees->expert);
  text = arena_printf(arena, "%s b%llu %s", text, (unsigned long long)strategy->microbatch,
                      pipeline_schedule_names[strategy->schedule]);
  if (strategy->n_chunks > 1) text = arena_printf(arena, "%s v%llu", text, (unsigned long long)strategy->n_chunks);
  return arena_printf(arena, "%s %s zero%llu", text, recompute_names[strategy->recompute],
                      (unsigned long long)strategy->zero);
}

struct system *system_new(const struct system_model *model, struct arena *arena, struct arena *scratch) {
  struct system *system = ARENA_NEW(arena, struct system, 1);
  system->model = *model;
  system->arena = arena;
  system->scratch = scratch;
  arena_init(&system->own, 1 << 16);
  return system;
}

void system_release(struct system *system) {
  for (size_t u = 0; u < system->n_units; u++) stage_scratch_release(system->units[u]->scratch);
  arena_release(&system->own);
}

void system_refresh(struct system *system) {
  for (size_t u = 0; u < system->n_units; u++) {
    struct unit *unit = system->units[u];
    energy_model_init(&unit->stage.energy, system->model.technology,
                      (enum energy_detail)system->model.cost->energy_detail);
    stage_scratch_refresh(unit->scratch, &unit->stage);
  }
}

/* --- units ----------------------------------------------------------------------------------------------------------
 */

static void hold_unit(struct system *system, struct unit *unit) {
  if (system->n_units == system->units_held) {
    const size_t held = system->units_held < 32 ? 32 : 2 * system->units_held;
    struct unit **units = ARENA_NEW(system->arena, struct unit *, held);
    if (system->n_units > 0) memcpy(units, system->units, system->n_units * sizeof(struct unit *));
    system->units = units;
    system->costs = ARENA_NEW(system->arena, struct unit_cost, held);
    system->units_held = held;
  }
  system->units[system->n_units++] = unit;
}

static bool unit_of(struct system *system, const struct op_graph *graph, uint32_t *index, struct error *error) {
  static const struct stage_contracted nothing;
  const struct system_model *model = &system->model;
  *index = NO_UNIT;
  if (graph->n_ops == 0) return true;
  for (size_t u = 0; u < system->n_units; u++) {
    if (!digest_equal(system->units[u]->graph.digest, graph->digest)) continue;
    system->units[u]->n_uses++;
    *index = (uint32_t)u;
    return true;
  }
  struct unit *unit = ARENA_NEW(system->arena, struct unit, 1);
  unit->graph = *graph;
  unit->n_uses = 1;
  if (!cost_load(model->cost, &unit->graph, system->arena, error)) return false;
  unit->stage = (struct stage){.settings = model->schedule,
                               .cost = model->cost,
                               .technology = model->technology,
                               .provider = cost_providers[model->cost->provider],
                               .samples = 1};
  stage_init(&unit->stage, &unit->graph, model->training, &nothing, system->arena);
  unit->scratch = system->n_units == 0 ? stage_scratch_new(system->arena, &unit->stage, true)
                                       : stage_scratch_beside(system->arena, &unit->stage, system->units[0]->scratch);
  *index = (uint32_t)system->n_units;
  hold_unit(system, unit);
  return true;
}

void system_price_unit(const struct system *system, struct unit *unit, const struct accelerator *accelerator,
                       const struct stage_cost_of_design *design, struct unit_cost *cost) {
  struct stage_result *result = &unit->result;
  stage_evaluate(&unit->stage, accelerator, design, unit->scratch, result, NULL, NULL);
  const bool counted = result->cycles != UINT64_MAX;
  const double overhead_s = 1e-6 * system->model.law->op_overhead_us * (double)unit->graph.n_ops;
  *cost = (struct unit_cost){
      .seconds = counted ? result->iteration_s + overhead_s : (double)INFINITY,
      .energy_j = result->energy_j,
      .link_s = (double)result->busy_cycles[CORE_LINK] / stage_clock_hz(&unit->stage, accelerator),
  };
}

void system_bound_unit(const struct system *system, struct unit *unit, const struct accelerator *accelerator,
                       struct unit_cost *cost) {
  struct stage_closest closest;
  stage_bound_closest(&unit->stage, accelerator, unit->scratch, &closest);
  const double clock_hz = stage_clock_hz(&unit->stage, accelerator);
  const double overhead_s = 1e-6 * system->model.law->op_overhead_us * (double)unit->graph.n_ops;
  const bool counted = closest.cycles != UINT64_MAX;
  cost->seconds = counted ? (double)closest.cycles / clock_hz + overhead_s : (double)INFINITY;
  cost->link_s = (double)closest.link_cycles / clock_hz;
}

/* --- cuts -----------------------------------------------------------------------------------------------------------
 */

static bool same_split(const struct split_degrees *a, const struct split_degrees *b) {
  return a->tensor == b->tensor && a->context == b->context && a->expert == b->expert && a->sequence == b->sequence &&
         a->pad_heads == b->pad_heads;
}

static bool expand_cut(struct system *system, struct cut *cut, struct error *error) {
  struct workload_request request = system->model.workload;
  struct workload workload;
  struct op_graph rank;
  request.batch = cut->microbatch;
  if (!workload_load(&request, system->scratch, system->arena, &workload, error)) return false;
  if (!split_apply(&workload.graph, &cut->degrees, system->scratch, system->arena, &rank, NULL, error)) return false;
  return block_chain_make(&rank, system->model.training, cut->torn, system->arena, system->scratch, &cut->chain, error);
}

static bool make_units(struct system *system, struct cut *cut, struct error *error) {
  const struct block_chain *chain = &cut->chain;
  cut->unit = ARENA_NEW(system->arena, uint32_t, chain->n_blocks * N_BLOCK_PHASES);
  cut->macs = ARENA_NEW(system->arena, double, chain->n_blocks);
  cut->n_of = ARENA_NEW(system->arena, uint32_t, chain->n_blocks);
  for (size_t i = 0; i < chain->n_places; i++) cut->n_of[chain->block_at[i]]++;
  for (size_t b = 0; b < chain->n_blocks; b++) {
    for (unsigned phase = 0; phase < N_BLOCK_PHASES; phase++) {
      if (!unit_of(system, &chain->blocks[b].phase[phase], &cut->unit[b * N_BLOCK_PHASES + phase], error)) return false;
    }
    for (unsigned phase = 0; phase < N_PHASES; phase++) cut->macs[b] += (double)chain->blocks[b].macs[phase];
  }
  return true;
}

static struct cut *cut_of(struct system *system, const struct strategy *strategy, bool torn) {
  struct cut **end = &system->cuts;
  for (; *end != NULL; end = &(*end)->next) {
    const struct cut *cut = *end;
    if (cut->microbatch == strategy->microbatch && same_split(&cut->degrees, &strategy->degrees) &&
        (cut->torn || !torn)) {
      return *end;
    }
  }
  struct cut *cut = *end = ARENA_NEW(system->arena, struct cut, 1);
  cut->degrees = strategy->degrees;
  cut->degrees.data = cut->degrees.expert; /* experts lie within data */
  cut->degrees.pipeline = 1;
  cut->microbatch = strategy->microbatch;
  cut->torn = torn;
  cut->why_not = ARENA_NEW(system->arena, struct error, 1);
  const struct arena_mark mark = arena_get_mark(system->scratch);
  cut->legal = expand_cut(system, cut, cut->why_not) && make_units(system, cut, cut->why_not);
  arena_rewind(system->scratch, mark);
  return cut;
}

/* --- plans ----------------------------------------------------------------------------------------------------------
 */

static bool divides(const char *what, uint64_t part, uint64_t whole, const char *of, struct error *error) {
  if (part > 0 && whole % part == 0) return true;
  return error_add(error, STATUS_INPUT, "%s: %llu does not divide %s (%llu)", what, (unsigned long long)part, of,
                   (unsigned long long)whole);
}

static bool check_strategy(const struct strategy *strategy, const struct pipeline_schedule *schedule,
                           struct error *error) {
  const struct split_degrees *degrees = &strategy->degrees;
  if (!divides("data · microbatch", sat_mul(degrees->data, strategy->microbatch), strategy->global_batch,
               "the global batch", error) ||
      !divides("expert", degrees->expert, degrees->data, "the data degree", error)) {
    return false;
  }
  if (strategy->n_chunks > 1 && !schedule->has_chunks) {
    return error_add(error, STATUS_INPUT, "chunks: schedule %s has one a device, not %llu", schedule->name,
                     (unsigned long long)strategy->n_chunks);
  }
  return true;
}

static struct system_plan *new_plan(struct system *system, const struct strategy *strategy, struct block_table *table) {
  struct system_plan *own = ARENA_NEW(system->arena, struct system_plan, 1);
  own->strategy = *strategy;
  own->cut = table->cut;
  own->schedule = pipeline_schedules[strategy->schedule];
  own->is_torn = table->is_torn;
  own->table = table;
  own->n_microbatches = strategy->global_batch / (strategy->degrees.data * strategy->microbatch);
  own->n_devices = strategy_devices(strategy);
  return own;
}

bool system_prepare(struct system *system, const struct strategy *strategy, const struct system_plan **plan,
                    struct error *error) {
  const struct pipeline_schedule *schedule = pipeline_schedules[strategy->schedule];
  if (!check_strategy(strategy, schedule, error)) return false;
  const bool is_torn = schedule->tears && strategy->degrees.pipeline > 1;
  struct cut *cut = cut_of(system, strategy, is_torn);
  if (!cut->legal) return error_add(error, cut->why_not->status, "%s", cut->why_not->text);
  struct block_table *table = system_table_of(system, cut, (enum recompute)strategy->recompute, is_torn);
  struct system_plan *own = new_plan(system, strategy, table);
  if (!system_lay_out(system, own, NULL, error)) return false;
  system->n_plans++;
  *plan = own;
  return true;
}

bool system_move_layers(struct system *system, const struct system_plan *plan, const uint32_t *end,
                        const struct system_plan **moved, struct error *error) {
  const size_t n = plan->cut->chain.n_places;
  struct system_plan *own = new_plan(system, &plan->strategy, plan->table);
  const struct arena_mark mark = arena_get_mark(system->scratch);
  uint32_t *stage_of = ARENA_NEW(system->scratch, uint32_t, n);
  for (size_t place = 0, stage = 0; place < n; place++) {
    while (place >= end[stage]) stage++;
    stage_of[place] = (uint32_t)stage;
  }
  const bool good = system_lay_out(system, own, stage_of, error);
  arena_rewind(system->scratch, mark);
  own->moved_from = plan;
  *moved = own;
  return good;
}

uint64_t system_plan_memory_bytes(const struct system_plan *plan) { return plan->runs[plan->fullest].memory_bytes; }

bool system_runs_phase(const struct system_plan *plan, size_t block, unsigned phase) {
  const bool half = phase == BLOCK_BACKWARD_DATA || phase == BLOCK_BACKWARD_WEIGHT;
  if (half && !plan->is_torn) return false;
  if (phase == BLOCK_BACKWARD && plan->is_torn) return false;
  if (phase == BLOCK_SELECTIVE && plan->strategy.recompute != RECOMPUTE_SELECTIVE) return false;
  return plan->cut->unit[block * N_BLOCK_PHASES + phase] != NO_UNIT;
}

void system_visit_units(const struct system_plan *plan, const struct device_run *run,
                        void (*visit)(void *context, uint32_t unit), void *context) {
  for (size_t b = 0; b < plan->cut->chain.n_blocks; b++) {
    if (run != NULL && run->blocks[b] == 0) continue;
    for (unsigned phase = 0; phase < N_BLOCK_PHASES; phase++) {
      if (system_runs_phase(plan, b, phase)) visit(context, plan->cut->unit[b * N_BLOCK_PHASES + phase]);
    }
  }
}

/* --- one design -----------------------------------------------------------------------------------------------------
 */

struct pricing_all {
  struct system *system;
  const struct accelerator *accelerator;
  const struct stage_cost_of_design *design;
};

static void price(void *context, uint32_t index) {
  const struct pricing_all *pricing = context;
  struct unit *unit = pricing->system->units[index];
  if (unit->evaluated) return;
  unit->evaluated = true;
  system_price_unit(pricing->system, unit, pricing->accelerator, pricing->design, &pricing->system->costs[index]);
}

void system_evaluate(struct system *system, const struct system_plan *plan, const struct accelerator *accelerator,
                     struct system_result *result) {
  struct stage_cost_of_design design;
  struct network network;
  for (size_t u = 0; u < system->n_units; u++) system->units[u]->evaluated = false;
  stage_design(&system->units[0]->stage, accelerator, &design);
  network_init(&network, system->model.network, accelerator);
  struct pricing_all pricing = {system, accelerator, &design};
  system_visit_units(plan, NULL, price, &pricing);
  const struct stage_costs stages = {.costs = system->costs, .network = &network};
  system_time(system, plan, &stages, result, NULL);
  result->hbm_bytes = design.hbm_bytes;
  result->fits = result->memory_bytes <= result->hbm_bytes;
  const struct energy_traffic idle = {.seconds = 1};
  const double waiting_w = energy_model_j(&system->units[0]->stage.energy, accelerator, &design.area, &idle);
  result->energy_j = system_energy_j(system, plan, system->costs) + waiting_w * result->waiting_device_s;
}
