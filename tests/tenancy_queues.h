/* Is every job of a problem in the queues of cores once, on a core that runs it? */
#ifndef TESTS_TENANCY_QUEUES_H
#define TESTS_TENANCY_QUEUES_H

#include "search/tenancy/tenancy.h"

/* `arena` is rewound. */
static inline bool tenancy_queues_are_valid(const struct tenancy_problem *problem, const struct tenancy_queues *queues,
                                            struct arena *arena) {
  const struct arena_mark mark = arena_get_mark(arena);
  bool *const seen = ARENA_NEW(arena, bool, problem->n_jobs);
  bool valid = queues->start[0] == 0 && queues->start[problem->n_cores] == problem->n_jobs;
  for (size_t c = 0; c < problem->n_cores && valid; c++) {
    valid = queues->start[c] <= queues->start[c + 1] && queues->start[c + 1] <= problem->n_jobs;
    for (size_t i = queues->start[c]; valid && i < queues->start[c + 1]; i++) {
      const uint32_t job = queues->job[i];
      valid = job < problem->n_jobs && !seen[job] && tenancy_can_run(problem, job, c);
      if (valid) seen[job] = true;
    }
  }
  arena_rewind(arena, mark);
  return valid;
}

#endif
