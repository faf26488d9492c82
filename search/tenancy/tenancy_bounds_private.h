/* What the files of the bounds share. */
#ifndef SEARCH_TENANCY_TENANCY_BOUNDS_PRIVATE_H
#define SEARCH_TENANCY_TENANCY_BOUNDS_PRIVATE_H

#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_kinds.h"

/* Multipliers ≥ 0 of the LP's rows, of sum 1: of each group's load, then of the bandwidth. */
struct tenancy_weights {
  double *of; /* [n_groups + 1] */
};
/* The bound that the weights prove, in cycles, rounded down. Any weights ≥ 0 do. */
double tenancy_weighted_bound(const struct tenancy_kinds *kinds, const struct tenancy_weights *weights);
/* B2 and, if the settings allow nodes, B3, with both starts. Leaves the LP's weights. */
void tenancy_bound_lp(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                      struct arena *arena, struct tenancy_bounds *bounds, struct tenancy_weights *weights);
/* What a job of the kind costs at these weights, on its cheapest group, cycles: B2's multiplier of its row. */
double tenancy_weighted_cost(const struct tenancy_kinds *kinds, const struct tenancy_weights *weights, size_t kind);
/* B4, if the settings allow columns. */
void tenancy_bound_columns(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                           const struct tenancy_weights *weights, struct arena *arena, struct tenancy_bounds *bounds);

#endif
