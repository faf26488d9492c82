/* The master program over configurations, and the rounds that generate them. Private to the bounds.
 *
 * Minimise Σ_K z_K max(1, R_K/B) so that every job is done: Σ_K z_K Σ_g K_kg / l_kg ≥ n_k for every kind (tenancy §4;
 * jobs of a kind share a row, for an optimum treats them alike; ≥ for =, because doing less of a configuration never
 * costs more), and so that low ≤ x_kg ≤ high jobs of kind k are done on group g, where a box says so. */
#ifndef SEARCH_TENANCY_TENANCY_COLUMNS_H
#define SEARCH_TENANCY_TENANCY_COLUMNS_H

#include "search/tenancy/tenancy_lp.h"
#include "search/tenancy/tenancy_pricing.h"

struct tenancy_columns;
/* Holds GLPK problems: free it. `unit_cycles`: about the makespan, as a scale; at most `limit` columns at a time. NULL
 * if pricing is not possible. */
struct tenancy_columns *tenancy_columns_new(const struct tenancy_kinds *kinds, double unit_cycles, size_t limit,
                                            struct arena *arena);
void tenancy_columns_free(struct tenancy_columns *columns);

/* Raises what `proven` proves for this box, until nothing is missing but `tolerance` (relative), or `enough_cycles` are
 * proven, or the work or the columns are used up. `proven` starts with any multipliers and what they prove. True if the
 * master program was solved at least once: then the functions below speak of its last solution. */
bool tenancy_columns_generate(struct tenancy_columns *columns, const struct tenancy_box *box, double tolerance,
                              double enough_cycles, uint64_t *work, struct tenancy_multipliers *proven);
/* Jobs of each kind on each group, fractions, [n_kinds * n_groups]. */
void tenancy_columns_jobs(const struct tenancy_columns *columns, double *jobs);
/* Configurations used, and for how long without stall; longest first. `z_cycles` and `of` have room for n_kinds + pairs
 * with a box. */
size_t tenancy_columns_used(const struct tenancy_columns *columns, struct arena *arena, const double **z_cycles,
                            const struct tenancy_configuration *const **of);

#endif
