/* What is the cheapest system that keeps a load and the limits on every cost? See systems_private.h.
 *
 * A knapsack with one choice a stage and up to three limits. Multipliers on the limits (subgradient steps, Held, Wolfe,
 * Crowder 1974) give a bound that takes stages apart again, and good systems on the way. Then stage by stage all sums
 * that are neither dominated nor beyond the bound (Nemhauser and Ullmann 1969). Sums within a billionth of a bound are
 * kept, so rounding never cuts off an answer. Left out: loads, which the caller limits, and equal sums' other choices.
 */
#include "base/checked.h"
#include "search/systems/systems_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  N_STEPS = 60,    /* of the subgradient */
  PATIENCE = 5,    /* steps without a better bound before they are halved */
  N_RISES = 30,    /* doublings of the multipliers, for something feasible */
  LOOK_BACK = 256, /* sums that a sum is compared with */
};
static const double SLACK = 1e-9; /* of what is added up */

struct option {
  double cost[SYSTEMS_MAX_COSTS];
  uint32_t design;
};
struct options {
  const struct option *options; /* ascending cost 0, none dominated */
  size_t n;
};
/* Some first stages' choices. */
struct label {
  double cost[SYSTEMS_MAX_COSTS];
  uint32_t parent, design;
};
struct labels {
  struct label *labels;
  size_t n, room;
};

struct picking {
  struct systems_bb *bb;
  size_t n_costs;
  bool limited[SYSTEMS_MAX_COSTS];  /* further costs with a limit */
  struct options *stages;           /* [n_stages] */
  double *rest[SYSTEMS_MAX_COSTS];  /* [n_stages + 1]: least cost of the stages from here on */
  double *weighted_rest;            /* the same of the weighted cost */
  double weight[SYSTEMS_MAX_COSTS]; /* of cost 0: 1 */
  double weighted_limit;            /* Σ weight · limit */
  double most;                      /* cost 0 that no choice exceeds */
};

/* --- options --------------------------------------------------------------------------------------------------------
 */

static bool is_dominated(const struct picking *picking, const struct option *options, size_t n, const double *cost) {
  for (size_t o = 0; o < n; o++) {
    bool dominated = options[o].cost[0] <= cost[0];
    for (size_t c = 1; c < picking->n_costs && dominated; c++) {
      dominated = !picking->limited[c] || options[o].cost[c] <= cost[c];
    }
    if (dominated) return true;
  }
  return false;
}

static void list_options(struct picking *picking, size_t stage, bool only_set) {
  const struct systems_bb *bb = picking->bb;
  const struct systems_problem *problem = bb->problem;
  struct option *options = ARENA_NEW(bb->scratch, struct option, problem->n_designs);
  size_t n = 0;
  for (size_t i = 0; i < problem->n_designs; i++) {
    const uint32_t design = bb->by_cost[stage * problem->n_designs + i];
    const double *cost = systems_costs(problem, stage, design);
    if (!(systems_load(problem, stage, design) < bb->below) || bb->banned[design]) continue;
    if ((only_set && !bb->in_set[design]) || is_dominated(picking, options, n, cost)) continue;
    memcpy(options[n].cost, cost, picking->n_costs * sizeof *cost);
    options[n++].design = design;
  }
  picking->stages[stage] = (struct options){options, n};
}

/* Sums of the least from each stage on; false: a stage has no option, or the limits are out of reach. */
static bool add_up_rests(struct picking *picking) {
  const struct systems_problem *problem = picking->bb->problem;
  for (size_t c = 0; c < picking->n_costs; c++) {
    picking->rest[c] = ARENA_NEW(picking->bb->scratch, double, problem->n_stages + 1);
    for (size_t i = problem->n_stages; i-- > 0;) {
      const struct options *stage = &picking->stages[i];
      double least = INFINITY;
      for (size_t o = 0; o < stage->n; o++) least = fmin(least, stage->options[o].cost[c]);
      picking->rest[c][i] = picking->rest[c][i + 1] + least;
    }
    if (!(picking->rest[c][0] * (1 - SLACK) <= problem->limit[c]) || isinf(picking->rest[c][0])) return false;
  }
  for (size_t i = 0; i < problem->n_stages; i++) {
    picking->most += picking->stages[i].options[picking->stages[i].n - 1].cost[0];
  }
  return true;
}

/* --- multipliers ----------------------------------------------------------------------------------------------------
 */

static double weighted(const struct picking *picking, const double *cost) {
  double sum = cost[0];
  for (size_t c = 1; c < picking->n_costs; c++) {
    if (picking->limited[c]) sum += picking->weight[c] * cost[c];
  }
  return sum;
}

/* The bound under the present weights; its choices are offered, their costs are `used`. */
static double relax(struct picking *picking, double used[SYSTEMS_MAX_COSTS]) {
  struct systems_bb *bb = picking->bb;
  const struct systems_problem *problem = bb->problem;
  double bound = 0;
  for (size_t c = 0; c < SYSTEMS_MAX_COSTS; c++) used[c] = 0;
  for (size_t i = 0; i < problem->n_stages; i++) {
    const struct options *stage = &picking->stages[i];
    size_t best = 0;
    double least = INFINITY;
    for (size_t o = 0; o < stage->n; o++) {
      const double cost = weighted(picking, stage->options[o].cost);
      if (!(cost < least)) continue;
      least = cost;
      best = o;
    }
    bound += least;
    for (size_t c = 0; c < picking->n_costs; c++) used[c] += stage->options[best].cost[c];
    bb->trial.design[i] = stage->options[best].design;
  }
  systems_offer(bb);
  for (size_t c = 1; c < picking->n_costs; c++) {
    if (picking->limited[c]) bound -= picking->weight[c] * problem->limit[c];
  }
  return bound;
}

/* One cost's overuse as a share of its limit. */
static double overuse(const struct systems_problem *problem, size_t c, const double *used) {
  return (used[c] - problem->limit[c]) / (problem->limit[c] > 0 ? problem->limit[c] : 1);
}

static void step(struct picking *picking, const double *used, double bound, double share) {
  const struct systems_bb *bb = picking->bb;
  const struct systems_problem *problem = bb->problem;
  /* Without a best one the bound may have to show that there is none: that it is beyond every choice's cost. */
  const double target = bb->found ? bb->best.cost[0] : 1.5 * picking->most;
  double square = 0;
  for (size_t c = 1; c < picking->n_costs; c++) {
    if (picking->limited[c]) square += overuse(problem, c, used) * overuse(problem, c, used);
  }
  if (!(square > 0) || !(target > bound)) return;
  for (size_t c = 1; c < picking->n_costs; c++) {
    if (!picking->limited[c]) continue;
    const double unit = problem->limit[c] > 0 ? problem->limit[c] : 1;
    const double moved = picking->weight[c] + share * (target - bound) / square * overuse(problem, c, used) / unit;
    picking->weight[c] = fmax(0, moved);
  }
}

/* Raises the multipliers until something is feasible. */
static void raise_weights(struct picking *picking) {
  double used[SYSTEMS_MAX_COSTS];
  const struct systems_problem *problem = picking->bb->problem;
  for (size_t c = 1; c < picking->n_costs; c++) {
    const double unit = problem->limit[c] > 0 ? problem->limit[c] : 1;
    if (picking->limited[c]) picking->weight[c] = fmax(picking->weight[c], 1e-3 * picking->most / unit);
  }
  for (size_t k = 0; k < N_RISES && !picking->bb->found; k++) {
    relax(picking, used);
    for (size_t c = 1; c < picking->n_costs; c++) {
      if (picking->limited[c] && used[c] > problem->limit[c]) picking->weight[c] *= 2;
    }
  }
}

/* The best weights found, and the rests under them. */
static void find_weights(struct picking *picking) {
  const struct systems_bb *bb = picking->bb;
  double best_weight[SYSTEMS_MAX_COSTS] = {1}, best_bound = -INFINITY, share = 1.5;
  unsigned n_idle = 0;
  for (unsigned k = 0; k < N_STEPS; k++) {
    double used[SYSTEMS_MAX_COSTS];
    const double bound = relax(picking, used);
    if (bound > best_bound) {
      best_bound = bound;
      memcpy(best_weight, picking->weight, sizeof best_weight);
      n_idle = 0;
    } else if (++n_idle == PATIENCE) {
      share /= 2;
      n_idle = 0;
    }
    step(picking, used, bound, share);
  }
  if (!bb->found) raise_weights(picking);
  memcpy(picking->weight, best_weight, sizeof best_weight);
  picking->weighted_limit = 0;
  for (size_t c = 1; c < picking->n_costs; c++) {
    if (picking->limited[c]) picking->weighted_limit += best_weight[c] * bb->problem->limit[c];
  }
  picking->weighted_rest = ARENA_NEW(bb->scratch, double, bb->problem->n_stages + 1);
  for (size_t i = bb->problem->n_stages; i-- > 0;) {
    double least = INFINITY;
    for (size_t o = 0; o < picking->stages[i].n; o++) {
      least = fmin(least, weighted(picking, picking->stages[i].options[o].cost));
    }
    picking->weighted_rest[i] = picking->weighted_rest[i + 1] + least;
  }
}

/* --- sums -----------------------------------------------------------------------------------------------------------
 */

/* Can the first `n` stages' sums still become a feasible system that is cheaper than the best? */
static bool is_open(const struct picking *picking, size_t n, const double *cost) {
  const struct systems_bb *bb = picking->bb;
  for (size_t c = 0; c < picking->n_costs; c++) {
    if ((cost[c] + picking->rest[c][n]) * (1 - SLACK) > bb->problem->limit[c]) return false;
  }
  if (bb->found && (cost[0] + picking->rest[0][n]) * (1 - SLACK) >= bb->best.cost[0]) return false;
  const double sum = weighted(picking, cost) + picking->weighted_rest[n];
  const double bound = sum - picking->weighted_limit - SLACK * (sum + picking->weighted_limit);
  return bb->found ? bound < bb->best.cost[0] : bound <= picking->most;
}

static int compare_labels(const void *left, const void *right) {
  const struct label *a = left, *b = right;
  for (size_t c = 0; c < SYSTEMS_MAX_COSTS; c++) {
    if (a->cost[c] != b->cost[c]) return a->cost[c] < b->cost[c] ? -1 : 1;
  }
  if (a->parent != b->parent) return a->parent < b->parent ? -1 : 1;
  return (a->design > b->design) - (a->design < b->design);
}

static void append(struct labels *labels, const struct label *label, struct arena *scratch) {
  if (labels->n == labels->room) {
    labels->room = 2 * labels->room + 64;
    struct label *const grown = ARENA_NEW(scratch, struct label, labels->room);
    if (labels->n > 0) memcpy(grown, labels->labels, labels->n * sizeof *grown);
    labels->labels = grown;
  }
  labels->labels[labels->n++] = *label;
}

/* Every label with every option of the stage, as far as that is open. */
static void extend(struct picking *picking, const struct labels *from, size_t stage, struct labels *to) {
  struct systems_bb *bb = picking->bb;
  for (size_t l = 0; l < from->n; l++) {
    for (size_t o = 0; o < picking->stages[stage].n && !systems_gave_up(bb); o++) {
      const struct option *option = &picking->stages[stage].options[o];
      struct label label = {.parent = (uint32_t)l, .design = option->design};
      for (size_t c = 0; c < picking->n_costs; c++) label.cost[c] = from->labels[l].cost[c] + option->cost[c];
      if (!is_open(picking, stage + 1, label.cost)) continue;
      bb->n_nodes++;
      append(to, &label, bb->scratch);
    }
  }
}

/* Sums that another is nowhere above are of no use; of those before, the last LOOK_BACK are asked. */
static void drop_dominated(const struct picking *picking, struct labels *labels) {
  if (labels->n > 1) qsort(labels->labels, labels->n, sizeof *labels->labels, compare_labels);
  size_t n = 0;
  for (size_t l = 0; l < labels->n; l++) {
    bool dominated = false;
    for (size_t k = n; k-- > (n > LOOK_BACK ? n - LOOK_BACK : 0) && !dominated;) {
      dominated = true;
      for (size_t c = 1; c < picking->n_costs && dominated; c++) {
        dominated = !picking->limited[c] || labels->labels[k].cost[c] <= labels->labels[l].cost[c];
      }
    }
    if (!dominated) labels->labels[n++] = labels->labels[l];
  }
  labels->n = n;
}

static void offer_label(struct picking *picking, const struct labels *stages, size_t l) {
  struct systems_bb *bb = picking->bb;
  for (size_t i = bb->problem->n_stages; i-- > 0;) {
    bb->trial.design[i] = stages[i + 1].labels[l].design;
    l = stages[i + 1].labels[l].parent;
  }
  systems_offer(bb);
}

static void search_sums(struct picking *picking) {
  struct systems_bb *bb = picking->bb;
  const size_t n_stages = bb->problem->n_stages;
  struct labels *stages = ARENA_NEW(bb->scratch, struct labels, n_stages + 1);
  append(&stages[0], &(struct label){0}, bb->scratch);
  for (size_t i = 0; i < n_stages && !systems_gave_up(bb); i++) {
    extend(picking, &stages[i], i, &stages[i + 1]);
    drop_dominated(picking, &stages[i + 1]);
  }
  if (systems_gave_up(bb)) return;
  for (size_t l = 0; l < stages[n_stages].n; l++) offer_label(picking, stages, l);
}

void systems_pick(struct systems_bb *bb, bool only_set) {
  const struct systems_problem *problem = bb->problem;
  const struct arena_mark mark = arena_get_mark(bb->scratch);
  struct picking picking = {.bb = bb, .n_costs = problem->n_costs, .weight = {1}};
  for (size_t c = 1; c < problem->n_costs; c++) picking.limited[c] = isfinite(problem->limit[c]);
  picking.stages = ARENA_NEW(bb->scratch, struct options, problem->n_stages);
  for (size_t i = 0; i < problem->n_stages; i++) list_options(&picking, i, only_set);
  if (add_up_rests(&picking)) {
    find_weights(&picking);
    search_sums(&picking);
  }
  arena_rewind(bb->scratch, mark);
}
