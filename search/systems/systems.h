/* Which design for which stage?
 *
 * Stages in a row, each with candidate designs of known load (how long the pipeline's beat would be with it) and cost.
 * A system takes one design for every stage; its load is the largest, its costs add up. Loads separate, so the front
 * of load against cost is exact: for every load τ each stage takes the cheapest design that keeps it.
 * (accelerator-search §9, "Choice".) Knows neither graphs nor hardware.
 *
 * Costs are added in the order of stages, by everyone: sums are equal to the last bit or not at all. */
#ifndef SEARCH_SYSTEMS_H
#define SEARCH_SYSTEMS_H

#include "base/arena.h"
#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYSTEMS_MAX_COSTS = 4, SYSTEMS_MAX_STAGES = 16384, SYSTEMS_MAX_DESIGNS = 1 << 20 };

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
/* The exact front of load and cost 0 within the limits; where nothing but cost 0 limits, ties by the smaller design
 * numbers, stage after stage, else the first found, the same one every time. With further costs' limits or max_designs
 * in between it is exact up to `max_nodes` nodes of a branch and bound; *proven says whether. The best homogeneous
 * systems are in it or dominated, proven or not. An empty front that is proven: nothing is feasible. */
bool systems_solve(const struct systems_problem *problem, uint64_t max_nodes, struct arena *arena,
                   struct arena *scratch, struct systems_front *front, bool *proven, struct error *error);

/* One design for every stage: least load, then cost 0, then number; false: none is within the limits. */
bool systems_homogeneous(const struct systems_problem *problem, struct arena *arena, struct systems_choice *choice);

/* No system's load is below: the largest of the stages' least ones, limits aside; INFINITY where a stage has no design
 * at all. */
double systems_lower_bound(const struct systems_problem *problem);
/* load / bound − 1, at least 0. */
double systems_gap(double load, double bound);

/* How much do the lists' lengths matter? The problem with fewer designs: the k of least load of each stage (ties by the
 * smaller number; those that do not fit are none), all stages' together, and the designs `always` in any case. A longer
 * list holds the shorter one, so the best value is monotone in k. */
struct systems_restriction {
  struct systems_problem problem; /* its designs in ascending original numbers */
  uint32_t *original;             /* [problem.n_designs] */
};
void systems_restrict(const struct systems_problem *problem, size_t k, const uint32_t *always, size_t n_always,
                      struct arena *arena, struct systems_restriction *restriction);

/* The judge, which shares no code with the solver: designs that fit, at most max_designs of them, sums as said and
 * within the limits. */
bool systems_check(const struct systems_problem *problem, const struct systems_choice *choice, struct error *error);

#endif
