/* What does a design score, what excludes it before a schedule, and what can it reach at best? See design_space.h. */
#include "dse/design/design_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

double design_excess(const struct design_space *designs, const struct accelerator *accelerator,
                     const struct stage_cost_of_design *design, enum reason reason) {
  const struct run_limits *limits = &designs->settings->limits;
  const bool has_tdp = designs->stage->provider->has_tdp;
  double excess = 0;
  switch (reason) {
  case REASON_AREA:
    excess = design->area.total - limits->area_mm2;
    break;
  case REASON_RETICLE:
    if (has_tdp) {
      excess = design->area.total - designs->settings->technology.reticle_mm2 * (double)max_u64(accelerator->dies, 1);
    }
    break;
  case REASON_TDP:
    if (has_tdp) excess = design->tdp.total - limits->tdp_w;
    break;
  case REASON_POWER_DENSITY:
    if (has_tdp) excess = design->tdp.total / design->area.total - limits->w_per_mm2;
    break;
  case REASON_MEMORY:
    if (limits->memory && design->memory_bytes > design->hbm_bytes) {
      excess = (double)(design->memory_bytes - design->hbm_bytes);
    }
    break;
  case REASON_CONSTRAINT:
    excess = (double)rules_broken(&designs->rules, accelerator, design);
    break;
  case REASON_RANGE_AREA:
    excess = design_range_excess(designs, OBJECTIVE_AREA, design->area.total, false);
    break;
  case REASON_RANGE_TDP:
    excess = design_range_excess(designs, OBJECTIVE_TDP, design->tdp.total, false);
    break;
  case REASON_RANGE_DIE_COST:
    if (!design_reason_applies(designs, reason)) break;
    excess = design_range_excess(designs, OBJECTIVE_DIE_COST, design_die_cost(designs, accelerator, design), false);
    break;
  default:
    break;
  }
  return excess > 0 ? excess : 0;
}

void design_cost(const struct design_space *designs, const struct accelerator *accelerator,
                 struct stage_cost_of_design *design) {
  stage_design(designs->stage, accelerator, design);
  if (designs->system != NULL) {
    const struct system_focus *focus = &designs->system->focus;
    design->memory_bytes =
        focus->plan != NULL ? focus->plan->runs[focus->run].memory_bytes : designs->system->least_memory_bytes;
    return;
  }
  for (size_t i = 1; i < designs->n_stages; i++) {
    design->memory_bytes = max_u64(design->memory_bytes, stage_memory_bytes(design_stage(designs, i)));
  }
}

/* Limits whose excess is known without a schedule lie between REASON_AREA and REASON_LAST_RANGE. */
static bool is_known_first(enum reason reason) {
  return (reason >= REASON_AREA && reason <= REASON_CONSTRAINT) || reason == REASON_RANGE_AREA ||
         reason == REASON_RANGE_TDP || reason == REASON_RANGE_DIE_COST;
}

/* Everything known before a schedule. Returns false, with reason and excess, if a limit excludes the design. */
static bool within_limits(const struct design_space *designs, const struct accelerator *accelerator,
                          struct stage_cost_of_design *design, double *die_cost_usd, struct score *score) {
  design_cost(designs, accelerator, design);
  *die_cost_usd = design_die_cost(designs, accelerator, design);
  score->reason = REASON_IMPOSSIBLE;
  if (!isfinite(*die_cost_usd)) return false;
  for (enum reason reason = REASON_AREA; reason <= REASON_LAST_RANGE; reason++) {
    score->excess = design_excess(designs, accelerator, design, reason);
    score->reason = (uint16_t)reason;
    if (score->excess > 0) return false;
  }
  score->reason = REASON_NONE;
  return true;
}

/* --- objectives -----------------------------------------------------------------------------------------------------
 */

/* What an iteration of each workload takes; exact, or at least. */
struct iterations {
  double seconds[RUN_MAX_WORKLOADS], energy_j[RUN_MAX_WORKLOADS];
};

static void fill_throughputs(const struct design_space *designs, const double *seconds, double *throughput) {
  for (size_t i = 0; i < designs->n_stages; i++) {
    throughput[i] = (double)design_stage(designs, i)->samples / seconds[i];
  }
}

static void fill_objectives(const struct design_space *designs, const struct stage_cost_of_design *design,
                            double die_cost_usd, const struct iterations *iterations, bool are_floors,
                            double *objective) {
  const struct workload_set *set = designs->set;
  double throughputs[RUN_MAX_WORKLOADS];
  double seconds = iterations->seconds[0], energy_j = iterations->energy_j[0];
  fill_throughputs(designs, iterations->seconds, throughputs);
  double throughput = throughputs[0];
  if (set != NULL) {
    throughput = are_floors ? workload_set_bound(set, throughputs) : workload_set_value(set, throughputs);
    seconds = workload_set_mean(set, iterations->seconds);
    energy_j = workload_set_mean(set, iterations->energy_j);
  }
  objective[OBJECTIVE_THROUGHPUT] = throughput;
  objective[OBJECTIVE_ENERGY] = energy_j;
  objective[OBJECTIVE_AREA] = design->area.total;
  objective[OBJECTIVE_TDP] = design->tdp.total;
  objective[OBJECTIVE_THROUGHPUT_PER_TDP] = design->tdp.total > 0 ? throughput / design->tdp.total : 0;
  objective[OBJECTIVE_EDP] = energy_j * seconds;
  objective[OBJECTIVE_DIE_COST] = die_cost_usd;
}

void design_shares(const struct design_space *designs, const double *seconds, double *share) {
  double throughput[RUN_MAX_WORKLOADS];
  share[0] = 1;
  if (designs->set == NULL) return;
  fill_throughputs(designs, seconds, throughput);
  workload_set_shares(designs->set, throughput, share);
}

/* The resource that stops most of the first objective; the earlier one of two that stop as much. */
static enum stage_binding binding_of(const struct design_space *designs, const double *seconds,
                                     const enum stage_binding *bindings) {
  double share[RUN_MAX_WORKLOADS], stopped[N_BINDINGS] = {0};
  enum stage_binding most = BINDING_NONE;
  design_shares(designs, seconds, share);
  for (size_t i = 0; i < designs->n_stages; i++) stopped[bindings[i]] += share[i];
  for (enum stage_binding b = 0; b < N_BINDINGS; b++) {
    if (stopped[b] > stopped[most]) most = b;
  }
  return most;
}

static enum stage_binding system_fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                                             const struct stage_cost_of_design *design, double die_cost_usd,
                                             double *objective);

enum stage_binding design_fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                                      const struct stage_cost_of_design *design, double die_cost_usd,
                                      double *objective) {
  struct iterations least;
  if (designs->system != NULL) return system_fill_bounds(designs, accelerator, design, die_cost_usd, objective);
  least.seconds[0] = least.energy_j[0] = 0; /* there is always a first */
  enum stage_binding bindings[RUN_MAX_WORKLOADS];
  for (size_t i = 0; i < designs->n_stages; i++) {
    const struct stage_floor *floor = &designs->floors[i];
    least.seconds[i] = (double)max_u64(floor->cycles, 1) / stage_clock_hz(design_stage(designs, i), accelerator);
    least.energy_j[i] = floor->energy_j;
    bindings[i] = floor->binding;
  }
  fill_objectives(designs, design, die_cost_usd, &least, true, objective);
  return binding_of(designs, least.seconds, bindings);
}

typedef void floor_function(const struct stage *stage, const struct accelerator *accelerator,
                            const struct stage_cost_of_design *design, struct stage_scratch *scratch,
                            struct stage_floor *floor);

/* Floors of all workloads. False if one of them cannot be counted; a system may do without such a unit. */
static bool floor_all(const struct design_space *designs, const struct accelerator *accelerator,
                      const struct stage_cost_of_design *design, floor_function *floor_of) {
  bool counted = true;
  for (size_t i = 0; i < designs->n_stages; i++) {
    if (!design_needs(designs, i)) continue;
    floor_of(design_stage(designs, i), accelerator, design, design_scratch(designs, i), &designs->floors[i]);
    counted = counted && designs->floors[i].cycles != UINT64_MAX;
  }
  return counted || designs->system != NULL;
}

/* --- whole systems --------------------------------------------------------------------------------------------------
 */

/* What its device costs, if a limit asks for it. */
static struct system_design system_design_of(const struct design_space *designs, const struct accelerator *accelerator,
                                             const struct stage_cost_of_design *design) {
  struct system_design own = {accelerator, design, 0};
  struct money money;
  struct error ignored;
  ignored.status = STATUS_OK;
  ignored.n_messages = ignored.length = 0;
  if (!(designs->system->settings->money_usd > 0)) return own;
  const bool known = design_money(designs, accelerator, design, &money, &ignored);
  own.device_usd = known ? money.total_usd : (double)INFINITY;
  return own;
}

/* What no device of a box costs less than: the memory and the least die of its smallest design. */
static double least_device_usd(const struct design_space *designs, const struct accelerator *accelerator,
                               const struct stage_cost_of_design *smallest) {
  const struct money_settings *money = &designs->settings->money;
  if (!(designs->system->settings->money_usd > 0)) return 0;
  const double bare_usd = (double)smallest->hbm_bytes / (1 << 30) * money->hbm_usd_per_gib +
                          design_least_dies_usd(designs, accelerator, smallest);
  return bare_usd + money_package_usd(money, accelerator->chiplets, smallest->area.total, bare_usd);
}

static void fill_system_objectives(const struct stage_cost_of_design *design, const struct system_score *score,
                                   double die_cost_usd, double *objective) {
  objective[OBJECTIVE_THROUGHPUT] = score->throughput;
  objective[OBJECTIVE_ENERGY] = score->energy_j;
  objective[OBJECTIVE_AREA] = design->area.total;
  objective[OBJECTIVE_TDP] = design->tdp.total;
  objective[OBJECTIVE_THROUGHPUT_PER_TDP] = score->throughput_per_w;
  objective[OBJECTIVE_EDP] = score->energy_j * score->seconds;
  objective[OBJECTIVE_DIE_COST] = die_cost_usd;
}

/* Why no strategy is allowed. Of a design without a price nobody knows by how much it is too dear. */
static enum reason system_reason(const struct system_score *score, double *excess) {
  const bool power = isfinite(score->power_excess_w), money = isfinite(score->money_excess_usd);
  *excess = power ? score->power_excess_w : money ? score->money_excess_usd : 0;
  if (power) return REASON_SYSTEM_POWER;
  if (money) return REASON_SYSTEM_MONEY;
  return score->unpriced ? REASON_IMPOSSIBLE : REASON_TOO_LONG;
}

enum reason design_judge_bounds(const struct design_space *designs, const double *objective, double *excess) {
  const struct system_search *system = designs->system;
  *excess = 0;
  if (system != NULL && system->bound->plan == NULL) return system_reason(system->bound, excess);
  const enum reason reason = design_judge(designs, objective, true);
  if (reason != REASON_NONE) *excess = design_judged_excess(designs, objective, reason);
  return reason;
}

/* The floors of the units as the system counts them. */
static void take_floors(const struct design_space *designs, const struct accelerator *accelerator) {
  struct system_search *search = designs->system;
  const struct system_law *law = search->system->model.law;
  const double overhead_s = 1e-6 * law->op_overhead_us;
  for (size_t u = 0; u < designs->n_stages; u++) {
    if (!design_needs(designs, u)) continue;
    const struct stage_floor *floor = &designs->floors[u];
    const struct stage *stage = design_stage(designs, u);
    const bool counted = floor->cycles != UINT64_MAX;
    const double seconds =
        counted ? (double)max_u64(floor->cycles, 1) / stage_clock_hz(stage, accelerator) : (double)INFINITY;
    search->floors[u] =
        (struct unit_cost){.seconds = system_floor_s(law, seconds + overhead_s * (double)stage->graph->n_ops),
                           .energy_j = floor->energy_j};
  }
}

/* The resource that stops most of the plan's time. */
static enum stage_binding system_binding(const struct design_space *designs, const struct system_plan *plan) {
  double stopped[N_BINDINGS] = {0};
  enum stage_binding most = BINDING_NONE;
  if (plan == NULL) return most;
  system_search_shares(designs->system, plan, designs->shares);
  for (size_t u = 0; u < designs->n_stages; u++) stopped[designs->floors[u].binding] += designs->shares[u];
  for (enum stage_binding b = 0; b < N_BINDINGS; b++) {
    if (stopped[b] > stopped[most]) most = b;
  }
  return most;
}

/* At a design or at the corners of a box: `design` is its smallest and coolest. */
static enum stage_binding system_fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                                             const struct stage_cost_of_design *design, double die_cost_usd,
                                             double *objective) {
  struct system_score score;
  struct stage_cost_of_design roomy = *design;
  roomy.hbm_bytes = accelerator_hbm_bytes(accelerator);
  take_floors(designs, accelerator);
  const struct system_design own = {accelerator, &roomy, least_device_usd(designs, accelerator, design)};
  system_search_bound(designs->system, &own, &score);
  *designs->system->bound = score;
  if (score.plan == NULL) score.energy_j = score.seconds = 0;
  fill_system_objectives(design, &score, die_cost_usd, objective);
  for (size_t u = 0; u < designs->n_stages; u++) designs->system->system->costs[u] = designs->system->floors[u];
  return system_binding(designs, score.plan);
}

void design_system_of(const struct design_space *designs, const struct accelerator *accelerator,
                      struct system_score *score, struct system_result *result) {
  struct stage_cost_of_design design;
  design_cost(designs, accelerator, &design);
  floor_all(designs, accelerator, &design, stage_bound);
  take_floors(designs, accelerator);
  const struct system_design own = system_design_of(designs, accelerator, &design);
  system_search_best(designs->system, &own, score, result);
}

static void score_system(const struct design_space *designs, const struct accelerator *accelerator,
                         const struct stage_cost_of_design *design, double die_cost_usd, struct score *score) {
  double bounds[N_OBJECTIVES];
  struct system_score own;
  struct system_result result;
  floor_all(designs, accelerator, design, stage_bound);
  score->binding = (uint16_t)design_fill_bounds(designs, accelerator, design, die_cost_usd, bounds);
  enum reason reason = design_judge(designs, bounds, true);
  const struct system_design judged = system_design_of(designs, accelerator, design);
  system_search_best(designs->system, &judged, &own, &result);
  if (own.plan == NULL) {
    score->reason = (uint16_t)system_reason(&own, &score->excess);
    return;
  }
  fill_system_objectives(design, &own, die_cost_usd, score->objective);
  if (reason == REASON_NONE) reason = design_judge(designs, score->objective, false);
  for (size_t u = 0; u < designs->n_stages; u++) {
    if (!designs->system->system->units[u]->evaluated) continue;
    designs->results[u] = designs->system->system->units[u]->result;
    designs->floors[u].binding = designs->results[u].binding;
  }
  score->binding = (uint16_t)system_binding(designs, own.plan);
  score->bound = bounds[designs->space.metric];
  score->reason = (uint16_t)reason;
  if (reason != REASON_NONE) score->excess = design_judged_excess(designs, score->objective, reason);
}

/* --- evaluation -----------------------------------------------------------------------------------------------------
 */

/* Objectives and the metric's bound, once all workloads are scheduled. */
static void score_results(const struct design_space *designs, const struct accelerator *accelerator,
                          const struct stage_cost_of_design *design, double die_cost_usd, struct score *score) {
  struct iterations iterations;
  iterations.seconds[0] = iterations.energy_j[0] = 0; /* there is always a first */
  enum stage_binding bindings[RUN_MAX_WORKLOADS];
  double bounds[N_OBJECTIVES];
  floor_all(designs, accelerator, design, stage_bound);
  /* What the screen excludes is excluded for the same reason here. */
  design_fill_bounds(designs, accelerator, design, die_cost_usd, bounds);
  enum reason reason = design_judge(designs, bounds, true);
  for (size_t i = 0; i < designs->n_stages; i++) {
    const struct stage_result *result = &designs->results[i];
    iterations.seconds[i] = result->iteration_s;
    iterations.energy_j[i] = result->energy_j;
    bindings[i] = result->binding;
    designs->floors[i].cycles = max_u64(result->bound_cycles, designs->floors[i].cycles);
  }
  fill_objectives(designs, design, die_cost_usd, &iterations, false, score->objective);
  if (reason == REASON_NONE) reason = design_judge(designs, score->objective, false);
  score->binding = (uint16_t)binding_of(designs, iterations.seconds, bindings);
  design_fill_bounds(designs, accelerator, design, die_cost_usd, bounds);
  score->bound = bounds[designs->space.metric];
  score->reason = (uint16_t)reason;
  if (reason != REASON_NONE) score->excess = design_judged_excess(designs, score->objective, reason);
}

void design_evaluate(const struct design_space *designs, const struct accelerator *accelerator,
                     struct stage_cost_of_design *design, struct stage_result *result, struct score *score,
                     struct stage_detail *detail, struct arena *arena) {
  memset(score, 0, sizeof *score);
  memset(result, 0, sizeof *result);
  double die_cost_usd;
  if (!within_limits(designs, accelerator, design, &die_cost_usd, score) && detail == NULL) return;
  const bool allowed = score->reason == REASON_NONE;
  if (designs->system != NULL) {
    if (detail != NULL) { /* a schedule to look at: that of the stage which stands for all */
      const struct unit *shown = designs->system->system->units[designs->system->representative];
      stage_evaluate(&shown->stage, accelerator, design, shown->scratch, result, detail, arena);
    }
    if (allowed) score_system(designs, accelerator, design, die_cost_usd, score);
    return;
  }
  for (size_t i = 0; i < designs->n_stages && (i == 0 || allowed); i++) {
    struct stage_result *own = &designs->results[i];
    stage_evaluate(design_stage(designs, i), accelerator, design, design_scratch(designs, i), own,
                   i == 0 ? detail : NULL, arena);
    if (i == 0) *result = *own;
    if (i == 0) score->binding = (uint16_t)own->binding;
    if (!allowed || (own->cycles != 0 && own->cycles != UINT64_MAX)) continue;
    score->reason = REASON_TOO_LONG;
    return;
  }
  if (allowed) score_results(designs, accelerator, design, die_cost_usd, score);
}

void design_space_excesses(void *context, const struct point *point, const struct score *screened, double *excess) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  if (!is_known_first((enum reason)screened->reason)) return;
  if (!design_at(designs, point, &accelerator)) return;
  design_cost(designs, &accelerator, &design);
  for (enum reason reason = REASON_AREA; reason <= REASON_LAST_RANGE; reason++) {
    excess[reason] = design_excess(designs, &accelerator, &design, reason);
  }
}

/* What the metric is likely to be, of a design whose floors were taken: that of the floors in time as it is guessed. */
static double likely_metric(const struct design_space *designs, const struct accelerator *accelerator,
                            const struct stage_cost_of_design *design, double die_cost_usd) {
  struct iterations likely;
  double objective[N_OBJECTIVES];
  if (designs->system != NULL) {
    for (size_t i = 0; i < designs->n_stages; i++) designs->floors[i].cycles = designs->floors[i].likely_cycles;
    design_fill_bounds(designs, accelerator, design, die_cost_usd, objective);
    return objective[designs->space.metric];
  }
  likely.seconds[0] = likely.energy_j[0] = 0; /* there is always a first */
  for (size_t i = 0; i < designs->n_stages; i++) {
    const struct stage_floor *floor = &designs->floors[i];
    likely.seconds[i] =
        (double)max_u64(floor->likely_cycles, 1) / stage_clock_hz(design_stage(designs, i), accelerator);
    likely.energy_j[i] = floor->energy_j;
  }
  fill_objectives(designs, design, die_cost_usd, &likely, false, objective);
  return objective[designs->space.metric];
}

/* `likely`: NULL if nobody asks. */
static void bound_point(const struct design_space *designs, const struct point *point, floor_function *floor_of,
                        struct score *score, double *likely) {
  struct accelerator accelerator;
  *score = (struct score){.reason = REASON_IMPOSSIBLE};
  struct stage_cost_of_design design;
  double die_cost_usd;
  if (!design_at(designs, point, &accelerator)) return;
  if (!within_limits(designs, &accelerator, &design, &die_cost_usd, score)) return;
  if (!floor_all(designs, &accelerator, &design, floor_of)) {
    score->reason = REASON_TOO_LONG;
    return;
  }
  score->binding = (uint16_t)design_fill_bounds(designs, &accelerator, &design, die_cost_usd, score->objective);
  score->bound = score->objective[designs->space.metric];
  score->reason = (uint16_t)design_judge_bounds(designs, score->objective, &score->excess);
  /* Behind the judge, which sees what a system's bound has left: a guess replaces it. */
  if (likely != NULL && score->reason == REASON_NONE) {
    *likely = likely_metric(designs, &accelerator, &design, die_cost_usd);
  }
}

void design_space_screen(void *context, const struct point *point, struct score *score) {
  bound_point(context, point, stage_bound, score, NULL);
}

void design_space_refine(void *context, const struct point *point, struct score *score) {
  ++*((const struct design_space *)context)->n_refinements;
  bound_point(context, point, stage_refine, score, NULL);
}

double design_space_guess(void *context, const struct point *point, bool closely, struct score *score) {
  const struct design_space *designs = context;
  double likely = 0;
  if (closely) ++*designs->n_refinements;
  bound_point(designs, point, closely ? stage_refine : stage_bound, score, &likely);
  return likely;
}

uint64_t design_refinements(const struct design_space *designs) { return *designs->n_refinements; }

/* What an infeasible score leaves behind: the reason and its excess alone, so that records stay comparable. */
static void strip(struct score *score) {
  const struct score kept = {.reason = score->reason, .excess = score->excess};
  *score = kept;
}

void design_space_evaluate(void *context, const struct point *point, struct score *score) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  if (!design_at(designs, point, &accelerator)) {
    *score = (struct score){.reason = REASON_IMPOSSIBLE};
    return;
  }
  if (designs->settings->search.score == SCORE_BOUND) {
    design_space_screen(context, point, score);
    if (score->reason == REASON_NONE) {
      const enum reason reason = design_judge(designs, score->objective, false);
      score->reason = (uint16_t)reason;
      if (reason != REASON_NONE) score->excess = design_judged_excess(designs, score->objective, reason);
    }
    if (score->reason != REASON_NONE) strip(score);
    return;
  }
  struct stage_cost_of_design design;
  struct stage_result result;
  design_evaluate(designs, &accelerator, &design, &result, score, NULL, NULL);
  if (score->reason == REASON_NONE) design_advise(designs, point, &accelerator, &design, score);
  const char *what;
  if (!space_check_score(&designs->space, score, &what)) *score = (struct score){.reason = REASON_INVALID};
  if (score->reason != REASON_NONE) strip(score);
}
