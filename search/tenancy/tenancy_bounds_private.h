/* What the files of the bounds share. */
#ifndef SEARCH_TENANCY_TENANCY_BOUNDS_PRIVATE_H
#define SEARCH_TENANCY_TENANCY_BOUNDS_PRIVATE_H

#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_lp.h"

/* B4, and B5 if the settings allow nodes. `proven`: B2's multipliers; `lp` NULL: none.
 * Branching ends where `enough_cycles` are proven. */
void tenancy_bound_columns(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                           struct tenancy_lp *lp, const struct tenancy_multipliers *proven, double enough_cycles,
                           struct arena *arena, struct tenancy_bounds *bounds);

#endif
