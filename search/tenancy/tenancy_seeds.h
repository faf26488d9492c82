/* Where does a search begin? Answers that cost no sample: assignments from relaxations, orders along virtual time.
 * (tenancy §10, 1 and 2.) */
#ifndef SEARCH_TENANCY_TENANCY_SEEDS_H
#define SEARCH_TENANCY_TENANCY_SEEDS_H

#include "base/rng.h"
#include "search/tenancy/tenancy.h"
#include "search/tenancy/tenancy_bounds.h"

/* Answers built and evaluated in full on the way to one seed, at most: none is counted as a sample. */
enum { TENANCY_SEED_TRIES = 128 };

/* Earliest finish: jobs in order of `first` (NULL: longest mean latency first), each to the core where it would end
 * first without stall. */
void tenancy_seed_earliest_finish(const struct tenancy_problem *problem, const uint32_t *first, struct arena *scratch,
                                  struct tenancy_queues *queues);
/* A group for every job (of the LP or the MIP): inside a group the longest job first to the least loaded core. */
void tenancy_seed_groups(const struct tenancy_problem *problem, const uint32_t *group, struct arena *scratch,
                         struct tenancy_queues *queues);
/* Keeps who runs where and builds the order along τ anew, so that the bandwidth needed is as flat as it gets:
 * whenever a core falls free, of its own jobs that which brings R nearest to the mean (tenancy §10, 2). */
void tenancy_seed_flatten(const struct tenancy_problem *problem, struct arena *scratch, struct tenancy_queues *queues);
/* Follows B4's configurations; false if there are none. */
bool tenancy_seed_configurations(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                                 struct arena *scratch, struct tenancy_queues *queues);
/* The best of all the above, in cost; the answer "without samples". */
tenancy_cost tenancy_seed_best(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                               struct arena *scratch, struct tenancy_queues *queues);
/* Goes on from there: `n_samples` more answers, built by rules that are drawn or varied from the best. These count as
 * samples. */
tenancy_cost tenancy_seed_search(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                                 size_t n_samples, struct rng *rng, struct arena *scratch,
                                 struct tenancy_queues *queues);

#endif
