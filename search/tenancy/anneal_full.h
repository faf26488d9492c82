/* Annealing of whatever tenancy_evaluate counts: every move is evaluated in full. For goals and jobs that wait, where
 * no part of a schedule can be kept (tenancy_anneal.h keeps it, for makespans of independent jobs). */
#ifndef SEARCH_TENANCY_ANNEAL_FULL_H
#define SEARCH_TENANCY_ANNEAL_FULL_H

#include "base/rng.h"
#include "search/tenancy/tenancy_algorithm.h"

/* Rules that order jobs by a key and place them one by one, on the meter: each is a sample. The best lies in the
 * meter. */
void anneal_full_starts(const struct tenancy_problem *problem, struct tenancy_meter *meter, struct arena *scratch);
/* A round of an algorithm: goes on from the population's first, or from the starts, with the temperature that the
 * progress of the search demands; leaves one answer. */
void anneal_full_round(struct tenancy_request *request, struct tenancy_meter *meter);
/* A whole search from the starts; what it costs at the end. */
tenancy_cost anneal_full_alone(const struct tenancy_problem *problem, uint64_t samples, struct rng *rng,
                               struct arena *scratch);

/* A whole search from an answer, which becomes the best found. */
tenancy_cost anneal_full_from(const struct tenancy_problem *problem, uint64_t samples, struct rng *rng,
                              struct arena *scratch, struct tenancy_answer *answer);

/* Changes places of jobs: one goes elsewhere, two change places, or one moves inside its queue. `queues` may lose its
 * feasibility where queues are strict. False: nothing could be changed. */
bool anneal_full_change(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_queues *queues);

#endif
