/* What is the cheapest system of at most q different designs that keeps a load? See systems_private.h.
 *
 * Depth first over sets of designs. At a node some designs are in the set and some are banned; each stage's cheapest
 * design among the set and, while the set may grow, what is not banned, bounds the cost from below, and is the answer
 * where it needs no more than q designs and is within the limits. Else a stage is taken that the set does not serve so
 * cheaply: its designs, ascending in cost, enter the set one after another, each with the cheaper ones banned, so that
 * no set is met twice. Within a full set further limits leave a knapsack of choices (systems_pick.c). Left out: bounds
 * that look at several stages at once (k-median relaxations). */
#include "search/systems/systems_private.h"
#include <math.h>

static bool allowed(const struct systems_bb *bb, size_t stage, uint32_t design, bool may_grow) {
  if (!(systems_load(bb->problem, stage, design) < bb->below)) return false;
  return bb->in_set[design] || (may_grow && !bb->banned[design]);
}

/* The stage's cheapest design, from the set alone or also from outside. */
static uint32_t cheapest(const struct systems_bb *bb, size_t stage, bool may_grow) {
  const size_t n = bb->problem->n_designs;
  for (size_t i = 0; i < n; i++) {
    const uint32_t design = bb->by_cost[stage * n + i];
    if (allowed(bb, stage, design, may_grow)) return design;
  }
  return SYSTEMS_NO_DESIGN;
}

/* Fills the trial with each stage's cheapest design; false: a stage has none, or nothing below can be cheaper than the
 * best or within the limit. */
static bool relax(struct systems_bb *bb, bool may_grow) {
  const struct systems_problem *problem = bb->problem;
  for (size_t i = 0; i < problem->n_stages; i++) {
    bb->trial.design[i] = cheapest(bb, i, may_grow);
    if (bb->trial.design[i] == SYSTEMS_NO_DESIGN) return false;
  }
  systems_add_up(problem, &bb->trial);
  return bb->trial.cost[0] <= problem->limit[0] && !(bb->found && bb->trial.cost[0] >= bb->best.cost[0]);
}

/* The stage that gains most from a design outside the set; n_stages: none does. Looks at the trial. */
static size_t worst_served(const struct systems_bb *bb) {
  const struct systems_problem *problem = bb->problem;
  size_t worst = problem->n_stages;
  double most = -1;
  for (size_t i = 0; i < problem->n_stages; i++) {
    if (bb->in_set[bb->trial.design[i]]) continue;
    const uint32_t served = cheapest(bb, i, false);
    const double cost = systems_costs(problem, i, bb->trial.design[i])[0];
    const double gain = served == SYSTEMS_NO_DESIGN ? INFINITY : systems_costs(problem, i, served)[0] - cost;
    if (gain <= most) continue;
    most = gain;
    worst = i;
  }
  return worst;
}

static void search_sets(struct systems_bb *bb);

static void enter_and_search(struct systems_bb *bb, uint32_t design) {
  bb->in_set[design] = true;
  bb->n_set++;
  search_sets(bb);
  bb->n_set--;
  bb->in_set[design] = false;
}

static void ban(struct systems_bb *bb, uint32_t design) {
  bb->banned[design] = true;
  bb->bans[bb->n_bans++] = design;
}

static void lift_bans(struct systems_bb *bb, size_t n_bans) {
  while (bb->n_bans > n_bans) bb->banned[bb->bans[--bb->n_bans]] = false;
}

/* A stage's designs enter one after another, up to the cheapest one of the set. */
static void branch_on_stage(struct systems_bb *bb, size_t stage) {
  const size_t n = bb->problem->n_designs, n_bans = bb->n_bans;
  for (size_t i = 0; i < n && !systems_gave_up(bb); i++) {
    const uint32_t design = bb->by_cost[stage * n + i];
    if (!allowed(bb, stage, design, true)) continue;
    if (bb->in_set[design]) {
      search_sets(bb);
      break;
    }
    enter_and_search(bb, design);
    ban(bb, design);
  }
  lift_bans(bb, n_bans);
}

/* The set serves every stage as cheaply as any design, but not within the limits: it alone, and with each other one. */
static void branch_on_design(struct systems_bb *bb) {
  const size_t n_bans = bb->n_bans;
  systems_pick(bb, true);
  if (bb->n_set == bb->problem->max_designs) return;
  for (uint32_t design = 0; design < bb->problem->n_designs && !systems_gave_up(bb); design++) {
    if (bb->in_set[design] || bb->banned[design]) continue;
    enter_and_search(bb, design);
    ban(bb, design);
  }
  lift_bans(bb, n_bans);
}

/* Even the least of every further cost, each stage on its own, may be too much. */
static bool may_meet_limits(const struct systems_bb *bb, bool may_grow) {
  const struct systems_problem *problem = bb->problem;
  for (size_t c = 1; c < problem->n_costs; c++) {
    if (isinf(problem->limit[c])) continue;
    double sum = 0;
    for (size_t i = 0; i < problem->n_stages; i++) {
      double least = INFINITY;
      for (uint32_t d = 0; d < problem->n_designs; d++) {
        if (allowed(bb, i, d, may_grow)) least = fmin(least, systems_costs(problem, i, d)[c]);
      }
      sum += least;
    }
    if (sum > problem->limit[c]) return false;
  }
  return true;
}

static void search_sets(struct systems_bb *bb) {
  const struct systems_problem *problem = bb->problem;
  const bool may_grow = bb->n_set < problem->max_designs;
  if (systems_gave_up(bb)) return;
  bb->n_nodes++;
  if (!relax(bb, may_grow)) return;
  if (systems_count_designs(problem, bb->trial.design, problem->max_designs, bb->marks) <= problem->max_designs &&
      systems_within_limits(problem, &bb->trial)) {
    systems_offer(bb);
    return;
  }
  if (!may_meet_limits(bb, may_grow)) return;
  const size_t stage = worst_served(bb);
  if (stage < problem->n_stages) {
    branch_on_stage(bb, stage);
  } else {
    branch_on_design(bb);
  }
}

void systems_pick_sets(struct systems_bb *bb) {
  REQUIRE(bb->n_set == 0 && bb->n_bans == 0);
  search_sets(bb);
}
