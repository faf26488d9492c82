/* What can no placement beat? (placement §7.) Every bound is valid for the problem's rule and objective. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BOUNDS_H
#define SEARCH_PLACEMENT_PLACEMENT_BOUNDS_H

#include "search/placement/placement.h"

enum placement_bound {
  PLACEMENT_BOUND_PATH,
  PLACEMENT_BOUND_LOAD,
  PLACEMENT_BOUND_ANCESTOR,
  PLACEMENT_BOUND_WINDOW, /* loads between heads and tails */
  PLACEMENT_BOUND_HOST,
  PLACEMENT_BOUND_EXACT, /* a search that ended, or its open bound */
  PLACEMENT_N_BOUNDS
};
extern const char *const placement_bound_names[PLACEMENT_N_BOUNDS];
struct placement_bounds {
  double value[PLACEMENT_N_BOUNDS]; /* in the objective's unit; 0: not computed */
  enum placement_bound binding;
  double best;
  const char *reason; /* for people: which path, which device */
};
bool placement_bounds(const struct placement_problem *problem, struct arena *arena, struct placement_bounds *bounds,
                      struct error *error);
/* The least energy, orders and memory aside; devices for it [n_layers] (NULL: not wanted). */
double placement_cheapest(const struct placement_problem *problem, struct arena *arena, uint32_t *device);
double placement_gap(double value, double bound);

/* A unit of work of exact methods is less than a microsecond: so many pairs of a layer and a device looked at. */
enum { PLACEMENT_LOOKS_PER_WORK = 100 };
/* Exact methods: branch and bound (delay, small), mixed-integer program (GLPK; counted nodes), labels over prefixes of
 * few chains (serial), order ideals (period). Whichever fits the problem; false: none does, or `max_work` is used up.
 * `best` may hold an answer known already and gets the optimal one. */
bool placement_exact(const struct placement_problem *problem, uint64_t max_work, struct arena *arena,
                     struct placement_answer *best, double *value, double *bound);
/* The MIP as an LP file (CPLEX format) for GLPK, CBC and others. */
bool placement_write_lp(const struct placement_problem *problem, const char *path, struct arena *arena,
                        struct error *error);

#endif
