/* How well do the jobs go onto one platform, found by one rank alone? So that many platforms are mapped side by side,
 * each with the same answer wherever it runs. */
#ifndef DSE_TENANCY_ALONE_H
#define DSE_TENANCY_ALONE_H

#include "search/tenancy/tenancy_algorithm.h"
#include "search/tenancy/tenancy_compose.h"

struct tenancy_alone_settings {
  const struct tenancy_algorithm *algorithm;
  const void *algorithm_settings;
  const struct tenancy_bounds_settings *bounds;
  uint64_t seed, samples;
};
/* A search on one island, as any rank does it alike. */
struct tenancy_alone {
  struct tenancy_problem problem;
  struct tenancy_bounds bounds;
  struct tenancy_queues queues;
  struct tenancy_answer answer;
  struct tenancy_verdict verdict;
  tenancy_cost cost;
  uint64_t n_samples;
};
/* All of `alone` lies in the arena. Some core of the composition must run each job. */
void tenancy_map_alone(const struct tenancy_parts *parts, const uint32_t *count,
                       const struct tenancy_alone_settings *settings, struct arena *arena, struct arena *scratch,
                       struct tenancy_alone *alone);
/* Of `best`, with fewer steps of its relaxation, in proportion to the samples. */
void *tenancy_screening_settings(const struct tenancy_algorithm *algorithm, uint64_t samples, struct arena *arena);

#endif
