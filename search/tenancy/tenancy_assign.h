/* Which core for every job, if the order did no harm? Assignments from a relaxation, as a start for a search.
 *
 * With the cores of all jobs known, no order ends before max(τ_max + Σ l·(b/B − 1)⁺, Σ l·b / B): B3's rows (tenancy §4)
 * with each core for itself. Annealing makes the larger of the two small, the second times a factor: below 1 it
 * prefers short queues to few bytes, which leaves less bandwidth unused later. No answer is judged on the way: as with
 * the linear programs, the work is no sample. */
#ifndef SEARCH_TENANCY_TENANCY_ASSIGN_H
#define SEARCH_TENANCY_TENANCY_ASSIGN_H

#include "base/rng.h"
#include "search/tenancy/tenancy.h"

/* Improves core[n_jobs] (on which the jobs can run) by n_steps moves and swaps. Returns the relaxation's value, in
 * cycles. */
double tenancy_assign(const struct tenancy_problem *problem, double bytes_factor, uint64_t n_steps, struct rng *rng,
                      struct arena *scratch, uint32_t *core);

#endif
