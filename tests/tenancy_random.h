/* Random instances of multi-tenant mapping, small and large, with what real ones have: cores that are equal, jobs that
 * are equal, lengths over several orders of magnitude, needs from none to many times the bandwidth, missing pairs. */
#ifndef TESTS_TENANCY_RANDOM_H
#define TESTS_TENANCY_RANDOM_H

#include "base/rng.h"
#include "search/tenancy/tenancy.h"

/* The bytes that a job moves are about its own, whatever the core; a core of half the speed needs less bandwidth. */
static inline void tenancy_random_job(struct rng *rng, size_t n_groups, double bandwidth, uint64_t *length,
                                      double *need) {
  const uint64_t cycles = 1 + rng_below(rng, UINT64_C(1) << (1 + rng_below(rng, 16)));
  const double bytes = bandwidth * (double)cycles * 3 * rng_unit(rng) * rng_unit(rng);
  const bool whole = rng_below(rng, 3) == 0; /* so that events coincide */
  for (size_t g = 0; g < n_groups; g++) {
    length[g] = rng_below(rng, 12) == 0 ? 0 : cycles << (whole ? g % 3 : rng_below(rng, 3));
    need[g] = length[g] == 0 || rng_below(rng, 20) == 0 ? 0 : bytes / (double)length[g];
  }
  if (length[0] == 0) length[0] = cycles, need[0] = bytes / (double)cycles;
}

/* Up to most_jobs × most_cores (at most 32), finished. */
static inline bool tenancy_random_problem(struct rng *rng, size_t n, size_t n_cores, struct arena *arena,
                                          struct tenancy_problem *problem, struct error *error) {
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores), length[32];
  double *needs = ARENA_NEW(arena, double, n *n_cores), need[32];
  size_t group_of[32] = {0}, n_groups = 1;
  for (size_t c = 1; c < n_cores; c++) group_of[c] = rng_below(rng, 3) == 0 ? n_groups++ : rng_below(rng, n_groups);
  const double bandwidth = 0.5 + 100 * rng_unit(rng);
  for (size_t j = 0; j < n; j++) {
    if (j == 0 || rng_below(rng, 3) > 0) tenancy_random_job(rng, n_groups, bandwidth / (double)n_cores, length, need);
    for (size_t c = 0; c < n_cores; c++) {
      latency[j * n_cores + c] = length[group_of[c]], needs[j * n_cores + c] = need[group_of[c]];
    }
  }
  *problem = (struct tenancy_problem){.name = "random",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = bandwidth,
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = needs};
  return tenancy_finish(problem, arena, error);
}

static inline void tenancy_random_queues(struct rng *rng, const struct tenancy_problem *problem, struct arena *arena,
                                         struct tenancy_queues *queues) {
  struct tenancy_answer answer = tenancy_answer_new(problem, arena);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    do {
      answer.core[j] = (uint32_t)rng_below(rng, problem->n_cores);
    } while (!tenancy_can_run(problem, j, answer.core[j]));
    answer.priority[j] = rng_unit(rng);
  }
  *queues = tenancy_queues_new(problem, arena);
  tenancy_queue_up(problem, &answer, queues);
}

#endif
