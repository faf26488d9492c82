/* Which designs does a run file not want: by ranges of objectives, by conditions between keys, by the price of their
 * dies? And what of that excludes whole boxes? See design_private.h; budgets and the order of judgement are in
 * design_score.c. */
#include "dse/design/design_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* --- prices ---------------------------------------------------------------------------------------------------------
 */

/* Providers without a TDP have their area at 22 nm whatever the node, and nobody's wafer price for that. */
static uint64_t priced_nm(const struct stage *stage, const struct accelerator *accelerator) {
  return stage->provider->has_tdp ? accelerator->node_nm : 22;
}

double design_core_l2_mm2(const struct stage *stage, const struct accelerator *accelerator,
                          const struct area_breakdown *area) {
  if (stage->provider->has_tdp) return area->core_l2;
  struct area_breakdown part;
  struct accelerator buffer = *accelerator;
  buffer.tc_count = buffer.vc_count = 0;
  compat_area(&buffer, &part, NULL);
  return area->sram - part.sram;
}

bool design_money(const struct design_space *designs, const struct accelerator *accelerator,
                  const struct stage_cost_of_design *design, struct money *money, struct error *error) {
  struct accelerator priced = *accelerator;
  priced.node_nm = priced_nm(designs->stage, accelerator);
  const double l2_mm2 = design_core_l2_mm2(designs->stage, accelerator, &design->area);
  return money_of(&designs->settings->money, &priced, &design->area, l2_mm2, money, error);
}

double design_die_cost(const struct design_space *designs, const struct accelerator *accelerator,
                       const struct stage_cost_of_design *design) {
  struct money money;
  struct error ignored;
  ignored.status = STATUS_OK;
  ignored.n_messages = ignored.length = 0;
  if (!designs->asks_die_cost) return 0;
  if (!design_money(designs, accelerator, design, &money, &ignored)) return (double)INFINITY;
  return (double)max_u64(accelerator->dies, 1) * money.die_usd;
}

double design_least_die_cost(const struct design_space *designs, const struct accelerator *accelerator,
                             const struct stage_cost_of_design *design) {
  return designs->asks_die_cost ? design_least_dies_usd(designs, accelerator, design) : 0;
}

double design_least_dies_usd(const struct design_space *designs, const struct accelerator *accelerator,
                             const struct stage_cost_of_design *design) {
  const double dies = (double)max_u64(accelerator->dies, 1);
  return dies * money_least_die_usd(&designs->settings->money, priced_nm(designs->stage, accelerator),
                                    design->area.total / dies);
}

/* --- ranges ---------------------------------------------------------------------------------------------------------
 */

double design_range_excess(const struct design_space *designs, size_t objective, double value, bool is_bound) {
  const double least = designs->settings->minimum.of[objective], most = designs->settings->maximum.of[objective];
  const bool maximise = designs->space.objectives[objective].maximise;
  double excess = 0;
  /* The best that a design can be says nothing of how bad it will be. */
  if (least > 0 && (maximise || !is_bound)) excess = fmax(excess, least - value);
  if (most > 0 && (!maximise || !is_bound)) excess = fmax(excess, value - most);
  return excess;
}

enum reason design_judge(const struct design_space *designs, const double *objective, bool are_bounds) {
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    if (design_range_excess(designs, o, objective[o], are_bounds) > 0) return (enum reason)(REASON_RANGE + o);
  }
  return objective[OBJECTIVE_THROUGHPUT] < designs->floor_throughput ? REASON_THROUGHPUT_FLOOR : REASON_NONE;
}

double design_judged_excess(const struct design_space *designs, const double *objective, enum reason reason) {
  if (reason == REASON_THROUGHPUT_FLOOR) return designs->floor_throughput - objective[OBJECTIVE_THROUGHPUT];
  return design_range_excess(designs, (size_t)(reason - REASON_RANGE), objective[reason - REASON_RANGE], false);
}

/* --- reasons --------------------------------------------------------------------------------------------------------
 */

bool design_reason_applies(const struct design_space *designs, enum reason reason) {
  if (reason == REASON_CONSTRAINT) return designs->rules.n_constraints > 0;
  if (reason == REASON_SYSTEM_POWER) return designs->system != NULL && designs->system->settings->power_w > 0;
  if (reason == REASON_SYSTEM_MONEY) return designs->system != NULL && designs->system->settings->money_usd > 0;
  if (reason < REASON_RANGE || reason >= REASON_RANGE + N_OBJECTIVES) return true;
  const size_t o = (size_t)(reason - REASON_RANGE);
  return designs->settings->minimum.of[o] > 0 || designs->settings->maximum.of[o] > 0;
}

void design_name_ranges(const struct design_space *designs, struct reason_name *reasons, struct arena *arena) {
  for (size_t o = 0; o < N_OBJECTIVES; o++) {
    const bool least = designs->settings->minimum.of[o] > 0, most = designs->settings->maximum.of[o] > 0;
    const struct objective *objective = &designs->space.objectives[o];
    const char *which = least && most ? "minimum/maximum" : least ? "minimum" : "maximum";
    reasons[REASON_RANGE + o] =
        (struct reason_name){arena_printf(arena, "limits.%s.%s", which, objective->name), objective->unit};
  }
}

/* --- boxes ----------------------------------------------------------------------------------------------------------
 */

/* Area and TDP rise with every number; 1e-9 is for what rounding may do. */
static struct interval between(double low, double high) {
  return (struct interval){low * (1 - 1e-9), high * (1 + 1e-9), false};
}

static void bound_costs(const struct design_space *designs, const struct accelerator *least,
                        const struct accelerator *greatest, struct rules_costs *costs) {
  const struct interval unknown = {0, (double)INFINITY, false};
  *costs = (struct rules_costs){unknown, unknown, unknown, unknown, unknown};
  /* They need not rise with a category. */
  if (least->node_nm != greatest->node_nm || least->hbm_generation != greatest->hbm_generation) return;
  if (!technology_knows_node(least->node_nm)) return;
  struct stage_cost_of_design low, high;
  design_cost(designs, least, &low);
  design_cost(designs, greatest, &high);
  costs->area_mm2 = between(low.area.total, high.area.total);
  costs->tdp_w = between(low.tdp.total, high.tdp.total);
  costs->memory_bytes = between((double)low.memory_bytes, (double)high.memory_bytes);
  costs->hbm_bytes = between((double)low.hbm_bytes, (double)high.hbm_bytes);
  if (!designs->rules.see_compat_area) return;
  struct area_breakdown smallest, largest;
  compat_area(least, &smallest, NULL);
  compat_area(greatest, &largest, NULL);
  costs->compat_area_mm2 = between(smallest.total, largest.total);
}

bool design_box_excluded(const struct design_space *designs, const struct point *low, const struct point *high,
                         enum reason *reason) {
  struct rules_box box;
  struct rules_costs costs;
  struct accelerator least, greatest;
  if (designs->rules.n_rules == 0 && designs->rules.n_constraints == 0) return false;
  rules_box_init(&box, &designs->fixed);
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    const struct axis *axis = &designs->axes[a];
    rules_box_widen(&box, config_find_field(&accelerator_fields, axis->key), (double)axis->values[low->index[a]],
                    (double)axis->values[high->index[a]]);
  }
  if (!rules_box_close(&designs->rules, &box, &least, &greatest)) return *reason = REASON_IMPOSSIBLE, true;
  if (designs->rules.n_constraints == 0) return false;
  bound_costs(designs, &least, &greatest, &costs);
  if (!rules_box_broken(&designs->rules, &box, &costs)) return false;
  return *reason = REASON_CONSTRAINT, true;
}
