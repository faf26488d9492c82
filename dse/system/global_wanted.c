/* Which systems does somebody want who uses their devices for more than training? See global_listener.
 *
 * Of a device of each candidate its worth is known; what a stage lacks to the worthiest one adds up over stages, so
 * that load against lack is a front like that of load against power. The node that they use is a part of the system:
 * with n devices at most on a node there are as many nodes as that takes, and limits on one of them hold for all of
 * them together. (A node may be smaller yet: what then keeps its limits comes from the other fronts.) */
#include "dse/system/global_private.h"

#include "base/checked.h"
#include "search/systems/systems.h"
#include <math.h>

enum { MOST_NODES = 200000 };

static double side_by_side(const struct system_plan *plan) {
  return (double)plan->n_devices / (double)plan->problem.n_devices;
}

double global_wanted_limit(const struct choosing *choosing, const struct system_plan *plan, size_t limit) {
  const struct global_listener *listener = choosing->listener;
  const struct system_settings *settings = choosing->search->settings;
  const double n_nodes = (double)ceil_div(plan->n_devices, listener->most_devices);
  if (limit == GLOBAL_AREA) return n_nodes * listener->most_area_mm2;
  const double own = limit == GLOBAL_POWER ? settings->power_w : settings->money_usd;
  const double of_nodes = n_nodes * (limit == GLOBAL_POWER ? listener->most_power_w : listener->most_money_usd);
  return own > 0 ? fmin(own, of_nodes) : of_nodes;
}

double global_stage_cost(const struct choosing *choosing, const struct system_plan *plan, size_t limit, size_t c) {
  const struct candidate *own = choosing->candidates[c];
  const double cost = limit == GLOBAL_AREA    ? own->design.area.total
                      : limit == GLOBAL_POWER ? own->design.tdp.total
                                              : own->device_usd;
  return side_by_side(plan) * cost;
}

double global_stage_lack(const struct choosing *choosing, const struct system_plan *plan, size_t c) {
  return side_by_side(plan) * (choosing->most_worth - choosing->worth[c]);
}

size_t global_wanted_designs(const struct choosing *choosing) {
  const size_t own = choosing->search->settings->max_designs, wanted = choosing->listener->most_designs;
  return own > 0 && own < wanted ? own : wanted;
}

bool global_choose_wanted(struct choosing *choosing, const struct system_plan *plan, struct error *error) {
  const uint64_t p = plan->problem.n_devices;
  const size_t n = choosing->n_candidates, n_costs = 1 + GLOBAL_N_LIMITS;
  double *load = ARENA_NEW(choosing->arena, double, p *n), *cost = ARENA_NEW(choosing->arena, double, p *n *n_costs);
  struct systems_problem problem = {.n_stages = p,
                                    .n_designs = n,
                                    .n_costs = n_costs,
                                    .load = load,
                                    .cost = cost,
                                    .limit = {(double)INFINITY},
                                    .max_designs = global_wanted_designs(choosing)};
  for (size_t l = 0; l < GLOBAL_N_LIMITS; l++) problem.limit[1 + l] = global_wanted_limit(choosing, plan, l);
  for (uint64_t s = 0; s < p; s++) {
    for (size_t c = 0; c < n; c++) {
      double *own = cost + (s * n + c) * n_costs;
      load[s * n + c] = global_load_s(choosing, plan, &plan->runs[plan->run_of[s]], choosing->candidates[c]);
      own[0] = global_stage_lack(choosing, plan, c);
      for (size_t l = 0; l < GLOBAL_N_LIMITS; l++) {
        const double known = isfinite(problem.limit[1 + l]) ? global_stage_cost(choosing, plan, l, c) : 0;
        if (!isfinite(known)) load[s * n + c] = (double)INFINITY; /* nobody's price must not pass for a low one */
        own[1 + l] = isfinite(known) ? known : 0;
      }
    }
  }
  struct systems_front front;
  bool proven;
  if (!systems_solve(&problem, MOST_NODES, choosing->arena, choosing->run->invocation->scratch, &front, &proven,
                     error)) {
    return false;
  }
  uint32_t *design = ARENA_NEW(choosing->arena, uint32_t, p);
  for (size_t i = 0; i < front.n; i++) {
    for (uint64_t s = 0; s < p; s++) design[s] = front.choices[i].design[s];
    global_add_system(choosing, plan, design);
  }
  return true;
}
