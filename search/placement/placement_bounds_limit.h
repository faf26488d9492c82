/* Bounds by way of other problems: of answers below a limit, and under a rule that asks for less. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BOUNDS_LIMIT_H
#define SEARCH_PLACEMENT_PLACEMENT_BOUNDS_LIMIT_H

#include "search/placement/placement_bounds_private.h"

/* The problem without the places that no answer of this value or less can use (NAN in a compute_s of its own, in
 * `arena`). False: there is no such answer. */
bool placement_below(const struct placement_problem *problem, double limit, struct arena *arena,
                     struct placement_problem *below);
/* A bound from `low`, which must be one, up to `high`, the value of an answer (INFINITY: none; then `low`). */
double placement_bound_by_limits(const struct placement_problem *problem, double low, double high, struct arena *arena);

/* A problem of `delay` whose makespan is no later, whichever the order; edges and all that is derived in `arena`.
 * False: it is one already, or of another kind. */
bool placement_as_delay(const struct placement_problem *problem, struct arena *arena, struct placement_problem *delay);

#endif
