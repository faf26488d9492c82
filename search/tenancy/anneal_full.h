/* Annealing of whatever tenancy_evaluate counts: every move is evaluated in full. For goals and jobs that wait, where
 * no part of a schedule can be kept (tenancy_anneal.h keeps it, for makespans of independent jobs). */
#ifndef SEARCH_TENANCY_ANNEAL_FULL_H
#define SEARCH_TENANCY_ANNEAL_FULL_H

#include "base/rng.h"
#include "search/tenancy/tenancy_algorithm.h"

/* A round of an algorithm. It begins with rules that order jobs by a key and place them one by one, each a sample;
 * leaves the best answer and the one at work. */
void anneal_full_round(struct tenancy_request *request, struct tenancy_meter *meter);
/* A whole search, from those rules; what it costs at the end. `answer` NULL: not wanted. */
tenancy_cost anneal_full_alone(const struct tenancy_problem *problem, uint64_t samples, uint64_t seed,
                               struct tenancy_answer *answer, struct arena *scratch);
/* From an answer, which becomes the best found. */
tenancy_cost anneal_full_from(const struct tenancy_problem *problem, uint64_t samples, uint64_t seed,
                              struct tenancy_answer *answer, struct arena *scratch);

/* As both: the better of `answer` and the rules, where some jobs run already: first[core] heads its core's queue
 * whatever happens, and can run nowhere else; UINT32_MAX: none. The rules are samples; `answer` is none. */
struct anneal_full_search {
  const struct tenancy_problem *problem;
  const uint32_t *first; /* [n_cores]; NULL: nothing runs */
  uint64_t samples, seed;
};
tenancy_cost anneal_full_again(const struct anneal_full_search *search, struct tenancy_answer *answer,
                               struct arena *scratch, uint64_t *n_samples);

/* Changes places of jobs: one goes elsewhere, two change places, or one moves inside its queue. `queues` may lose its
 * feasibility where queues are strict. False: nothing could be changed. */
bool anneal_full_change(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_queues *queues);

#endif
