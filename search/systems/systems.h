/* Which design for which stage?
 *
 * Stages in a row, each with candidate designs of known load (how long the pipeline's beat would be with it) and cost.
 * A system takes one design for every stage; its load is the largest, its costs add up. Loads separate, so the front
 * of load against cost is exact: for every load τ each stage takes the cheapest design that keeps it.
 * (accelerator-search §9, "Choice".) Knows neither graphs nor hardware. */
#ifndef SEARCH_SYSTEMS_H
#define SEARCH_SYSTEMS_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYSTEMS_MAX_COSTS = 4 };

struct systems_problem {
  size_t n_stages, n_designs, n_costs; /* cost 0 is minimised; all of them have limits */
  const double *load;                  /* [n_stages * n_designs]; INFINITY: the design does not fit the stage */
  const double *cost;                  /* [n_stages * n_designs * n_costs], ≥ 0: per stage (all its devices) */
  double limit[SYSTEMS_MAX_COSTS];     /* on each sum; INFINITY: none */
  size_t max_designs;                  /* distinct designs in one system; 0: any; 1: homogeneous */
};
struct systems_choice {
  double load, cost[SYSTEMS_MAX_COSTS];
  uint32_t *design; /* [n_stages] */
};
struct systems_front {
  size_t n;
  struct systems_choice *choices; /* ascending load, descending cost 0; none dominates another */
};
/* The exact front; ties by the smaller design numbers, stage after stage. With further costs' limits or max_designs in
 * between it is exact up to `max_nodes` nodes of a branch and bound; *proven says whether. */
bool systems_solve(const struct systems_problem *problem, uint64_t max_nodes, struct arena *arena,
                   struct arena *scratch, struct systems_front *front, bool *proven, struct error *error);

#endif
