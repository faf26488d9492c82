/* What the exact methods share. Each takes its steps off `work` and says false when that was not enough, or when the
 * problem is not of its kind. `*value`: of `best`, INFINITY if there is none yet. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_EXACT_PRIVATE_H
#define SEARCH_PLACEMENT_PLACEMENT_EXACT_PRIVATE_H

#include "search/placement/placement_bounds_private.h"

/* What lies this near to a bound is as good as it. */
static const double placement_proof = 1e-9;

bool placement_exact_labels_applies(const struct placement_problem *problem);
bool placement_exact_labels(const struct placement_problem *problem, uint64_t *work, struct arena *arena,
                            struct placement_answer *best, double *value, double *bound);
bool placement_exact_ideals_applies(const struct placement_problem *problem);
bool placement_exact_ideals(const struct placement_problem *problem, uint64_t *work, struct arena *arena,
                            struct placement_answer *best, double *value, double *bound);
bool placement_exact_mip_applies(const struct placement_problem *problem);
bool placement_exact_mip(const struct placement_problem *problem, uint64_t *work, struct arena *arena,
                         struct placement_answer *best, double *value, double *bound);

#endif
