/* Every answer to a small problem of multi-tenant mapping: every job to every place of every core, one after another,
 * so that each comes once. */
#ifndef TESTS_TENANCY_EVERY_H
#define TESTS_TENANCY_EVERY_H

#include "search/tenancy/tenancy.h"
#include <string.h>

enum { EVERY_MOST_CORES = 4, EVERY_MOST_JOBS = 15 };

struct tenancy_every {
  const struct tenancy_problem *problem;
  struct tenancy_queues queues; /* the answer */
  void (*take)(void *context);  /* called for each */
  void *context;
  uint32_t list[EVERY_MOST_CORES][EVERY_MOST_JOBS + 1];
  size_t length[EVERY_MOST_CORES];
};

static inline void tenancy_every_take(struct tenancy_every *every) {
  uint32_t n = 0;
  for (size_t c = 0; c < every->problem->n_cores; c++) {
    every->queues.start[c] = n;
    memcpy(every->queues.job + n, every->list[c], every->length[c] * sizeof(uint32_t));
    n += (uint32_t)every->length[c];
  }
  every->queues.start[every->problem->n_cores] = n;
  every->take(every->context);
}

/* From this job on; 0: all. */
static inline void tenancy_every_answer(struct tenancy_every *every, uint32_t job) {
  const struct tenancy_problem *problem = every->problem;
  if (job == problem->n_jobs) {
    tenancy_every_take(every);
    return;
  }
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (!tenancy_can_run(problem, job, c)) continue;
    uint32_t *list = every->list[c];
    const size_t n = every->length[c]++;
    for (size_t at = 0; at <= n; at++) {
      memmove(list + at + 1, list + at, (n - at) * sizeof *list);
      list[at] = job;
      tenancy_every_answer(every, job + 1);
      memmove(list + at, list + at + 1, (n - at) * sizeof *list);
    }
    every->length[c]--;
  }
}

#endif
