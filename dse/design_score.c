/* What does a design score, what excludes it before a schedule, and what can it reach at best? See design_space.h. */
#include "dse/design_private.h"

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

/* Limits whose excess is known without a schedule lie between REASON_AREA and REASON_LAST_RANGE. */
static bool is_known_first(enum reason reason) {
  return (reason >= REASON_AREA && reason <= REASON_CONSTRAINT) || reason == REASON_RANGE_AREA ||
         reason == REASON_RANGE_TDP || reason == REASON_RANGE_DIE_COST;
}

/* Everything known before a schedule. Returns false, with reason and excess, if a limit excludes the design. */
static bool within_limits(const struct design_space *designs, const struct accelerator *accelerator,
                          struct stage_cost_of_design *design, double *die_cost_usd, struct score *score) {
  stage_design(designs->stage, accelerator, design);
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

static void fill_objectives(const struct design_space *designs, const struct stage_cost_of_design *design,
                            double die_cost_usd, double seconds, double energy_j, double *objective) {
  const double throughput = (double)designs->stage->samples / seconds;
  objective[OBJECTIVE_THROUGHPUT] = throughput;
  objective[OBJECTIVE_ENERGY] = energy_j;
  objective[OBJECTIVE_AREA] = design->area.total;
  objective[OBJECTIVE_TDP] = design->tdp.total;
  objective[OBJECTIVE_THROUGHPUT_PER_TDP] = design->tdp.total > 0 ? throughput / design->tdp.total : 0;
  objective[OBJECTIVE_EDP] = energy_j * seconds;
  objective[OBJECTIVE_DIE_COST] = die_cost_usd;
}

void design_fill_bounds(const struct design_space *designs, const struct accelerator *accelerator,
                        const struct stage_cost_of_design *design, double die_cost_usd, const struct stage_floor *floor,
                        double *objective) {
  const double seconds = (double)max_u64(floor->cycles, 1) / stage_clock_hz(designs->stage, accelerator);
  fill_objectives(designs, design, die_cost_usd, seconds, floor->energy_j, objective);
}

/* --- evaluation -----------------------------------------------------------------------------------------------------
 */

void design_evaluate(const struct design_space *designs, const struct accelerator *accelerator,
                     struct stage_cost_of_design *design, struct stage_result *result, struct score *score,
                     struct stage_detail *detail, struct arena *arena) {
  memset(score, 0, sizeof *score);
  memset(result, 0, sizeof *result);
  double die_cost_usd, bounds[N_OBJECTIVES];
  if (!within_limits(designs, accelerator, design, &die_cost_usd, score) && detail == NULL) return;
  stage_evaluate(designs->stage, accelerator, design, designs->scratch, result, detail, arena);
  score->binding = (uint16_t)result->binding;
  if (score->reason != REASON_NONE) return;
  if (result->cycles == 0 || result->cycles == UINT64_MAX) {
    score->reason = REASON_TOO_LONG;
    return;
  }
  fill_objectives(designs, design, die_cost_usd, result->iteration_s, result->energy_j, score->objective);
  struct stage_floor floor;
  stage_bound(designs->stage, accelerator, design, designs->scratch, &floor);
  /* What the screen excludes is excluded for the same reason here. */
  design_fill_bounds(designs, accelerator, design, die_cost_usd, &floor, bounds);
  enum reason reason = design_judge(designs, bounds, true);
  if (reason == REASON_NONE) reason = design_judge(designs, score->objective, false);
  floor.cycles = max_u64(result->bound_cycles, floor.cycles);
  design_fill_bounds(designs, accelerator, design, die_cost_usd, &floor, bounds);
  score->bound = bounds[designs->space.metric];
  score->reason = (uint16_t)reason;
  if (reason != REASON_NONE) score->excess = design_judged_excess(designs, score->objective, reason);
}

void design_space_excesses(void *context, const struct point *point, const struct score *screened, double *excess) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  if (!is_known_first((enum reason)screened->reason)) return;
  if (!design_at(designs, point, &accelerator)) return;
  stage_design(designs->stage, &accelerator, &design);
  for (enum reason reason = REASON_AREA; reason <= REASON_LAST_RANGE; reason++) {
    excess[reason] = design_excess(designs, &accelerator, &design, reason);
  }
}

typedef void floor_function(const struct stage *stage, const struct accelerator *accelerator,
                            const struct stage_cost_of_design *design, struct stage_scratch *scratch,
                            struct stage_floor *floor);

static void bound_point(void *context, const struct point *point, floor_function *floor_of, struct score *score) {
  const struct design_space *designs = context;
  struct accelerator accelerator;
  *score = (struct score){.reason = REASON_IMPOSSIBLE};
  struct stage_cost_of_design design;
  double die_cost_usd;
  if (!design_at(designs, point, &accelerator)) return;
  if (!within_limits(designs, &accelerator, &design, &die_cost_usd, score)) return;
  struct stage_floor floor;
  floor_of(designs->stage, &accelerator, &design, designs->scratch, &floor);
  if (floor.cycles == UINT64_MAX) {
    score->reason = REASON_TOO_LONG;
    return;
  }
  score->binding = (uint16_t)floor.binding;
  design_fill_bounds(designs, &accelerator, &design, die_cost_usd, &floor, score->objective);
  score->bound = score->objective[designs->space.metric];
  const enum reason reason = design_judge(designs, score->objective, true);
  if (reason == REASON_NONE) return;
  score->reason = (uint16_t)reason;
  score->excess = design_judged_excess(designs, score->objective, reason);
}

void design_space_screen(void *context, const struct point *point, struct score *score) {
  bound_point(context, point, stage_bound, score);
}

void design_space_refine(void *context, const struct point *point, struct score *score) {
  bound_point(context, point, stage_refine, score);
}

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
  if (score->reason == REASON_NONE) design_advise(designs, point, &accelerator, &design, &result, score);
  const char *what;
  if (!space_check_score(&designs->space, score, &what)) *score = (struct score){.reason = REASON_INVALID};
  if (score->reason != REASON_NONE) strip(score);
}
