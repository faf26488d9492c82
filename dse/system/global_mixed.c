/* Which strategies may a system of several designs follow, where no design on all stages keeps within the power limit?
 *
 * A stage that holds less can do with a design of less memory, which is cooler: a mixed system may fit where none of
 * one design does. For each amount of memory there is a coolest design of the space; with these on its stages a
 * strategy draws least, and if that is too much it is out. Of the others those with the least bound on one and the same
 * design, the coolest with the most memory, are taken. The order of strategies is ours, a guess; what they are worth
 * the searches of their stages say. Left out: spaces too large to be looked through, limits on money alone. */
#include "dse/system/global_private.h"

#include <math.h>

enum { MOST_LOOKED_AT = 1 << 20 };

bool global_is_built(const struct design_space *designs, const struct accelerator *accelerator,
                     const struct stage_cost_of_design *design) {
  for (enum reason reason = REASON_AREA; reason <= REASON_LAST_RANGE; reason++) {
    if (reason != REASON_MEMORY && design_excess(designs, accelerator, design, reason) > 0) return false;
  }
  return true;
}

/* Sorted by memory; of equally cool ones the first of the space. */
static void offer(struct coolest_designs *coolest, const struct coolest_design *own) {
  size_t at = 0;
  while (at < coolest->n && coolest->of[at].hbm_bytes < own->hbm_bytes) at++;
  if (at < coolest->n && coolest->of[at].hbm_bytes == own->hbm_bytes) {
    if (own->tdp_w < coolest->of[at].tdp_w) coolest->of[at] = *own;
    return;
  }
  if (coolest->n == MOST_MEMORIES) return;
  for (size_t i = coolest->n++; i > at; i--) coolest->of[i] = coolest->of[i - 1];
  coolest->of[at] = *own;
}

static void find_coolest(struct choosing *choosing) {
  const struct design_space *designs = &choosing->run->designs;
  const uint64_t n = space_size(&designs->space);
  for (uint64_t index = 0; index < n; index++) {
    struct coolest_design own = {.point = space_point(&designs->space, index)};
    struct accelerator accelerator;
    struct stage_cost_of_design design;
    if (!design_at(designs, &own.point, &accelerator)) continue;
    design_cost(designs, &accelerator, &design);
    if (!global_is_built(designs, &accelerator, &design)) continue;
    own.hbm_bytes = design.hbm_bytes;
    own.tdp_w = design.tdp.total;
    offer(&choosing->coolest, &own);
  }
}

/* INFINITY: some stage fits no design. */
static double least_power_w(const struct choosing *choosing, const struct system_plan *plan) {
  const double side_by_side = (double)plan->n_devices / (double)plan->problem.n_devices;
  double power_w = 0;
  for (size_t r = 0; r < plan->n_runs; r++) {
    double tdp_w = (double)INFINITY;
    for (size_t i = 0; i < choosing->coolest.n; i++) {
      const struct coolest_design *design = &choosing->coolest.of[i];
      const bool fits = system_search_fits(choosing->search, plan, &plan->runs[r], design->hbm_bytes);
      if (fits) tdp_w = fmin(tdp_w, design->tdp_w);
    }
    power_w += side_by_side * plan->runs[r].n * tdp_w;
  }
  return power_w;
}

/* Among those taken so far, by bound; the earlier of equal ones first. */
static void take(struct choosing *choosing, const struct system_plan *plan, double bound_s, double *bounds_s) {
  size_t at = choosing->n_plans;
  while (at > 0 && bounds_s[at - 1] > bound_s) at--;
  if (at == MOST_PLANS) return;
  if (choosing->n_plans < MOST_PLANS) choosing->n_plans++;
  for (size_t i = choosing->n_plans - 1; i > at; i--) {
    choosing->plans[i] = choosing->plans[i - 1];
    bounds_s[i] = bounds_s[i - 1];
  }
  choosing->plans[at] = plan;
  bounds_s[at] = bound_s;
}

void global_choose_mixed(struct choosing *choosing) {
  const struct design_space *designs = &choosing->run->designs;
  struct system_search *search = choosing->search;
  const double limit_w = search->settings->power_w;
  if (!(limit_w > 0) || !designs->stage->provider->has_tdp) return;
  if (space_size(&designs->space) > MOST_LOOKED_AT) return;
  find_coolest(choosing);
  if (choosing->coolest.n == 0) return;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct network network;
  double bounds_s[MOST_PLANS];
  REQUIRE(design_at(designs, &choosing->coolest.of[choosing->coolest.n - 1].point, &accelerator));
  design_cost(designs, &accelerator, &design);
  network_init(&network, search->system->model.network, &accelerator);
  for (size_t u = 0; u < search->system->n_units; u++) {
    system_price_unit(search->system, search->system->units[u], &accelerator, &design, &search->system->costs[u]);
  }
  for (size_t i = 0; i < search->n_plans; i++) {
    const struct system_plan *plan = search->plans[i];
    if (plan->n_runs < 2 || least_power_w(choosing, plan) > limit_w) continue;
    take(choosing, plan, system_bound_s(search->system, plan, search->system->costs, &network), bounds_s);
  }
  choosing->global->n_plans = choosing->n_plans;
}
