/* Which group of equal cores for every job? Steps on the way from a relaxation to an answer: the relaxed cost of an
 * assignment to groups (tenancy §4, B2 with whole jobs), its improvement, and balance inside the groups. */
#ifndef SEARCH_TENANCY_TENANCY_GROUPS_H
#define SEARCH_TENANCY_TENANCY_GROUPS_H

#include "search/tenancy/tenancy.h"

/* The longest mean latency first, over the cores where the job can run; equal ones by number. order: [n_jobs]. */
void tenancy_sort_longest(const struct tenancy_problem *problem, struct arena *scratch, uint32_t *order);
/* The longest latency on its group first. */
void tenancy_sort_grouped(const struct tenancy_problem *problem, const uint32_t *group, struct arena *scratch,
                          uint32_t *order);
/* Moves and swaps between groups while B2's rows fall; returns the rows' maximum, in cycles: no answer with these
 * groups ends earlier. Judges no answer. */
double tenancy_improve_groups(const struct tenancy_problem *problem, double load_weight, uint32_t *group,
                              struct arena *scratch);
/* Moves and swaps between equal cores while the larger of two loads falls. core: [n_jobs]. */
void tenancy_balance(const struct tenancy_problem *problem, uint32_t *core);

#endif
