/* What the files of the judge share: an answer as it runs, core by core. No code of what searches includes it. */
#ifndef SEARCH_TENANCY_TENANCY_JUDGE_PRIVATE_H
#define SEARCH_TENANCY_TENANCY_JUDGE_PRIVATE_H

#include "search/tenancy/tenancy.h"

struct tenancy_judging {
  const struct tenancy_problem *problem;
  bool in_cycles; /* `left` counts cycles at full speed, not bytes */
  uint32_t *queue, start[TENANCY_MAX_CORES + 1];
  uint32_t next[TENANCY_MAX_CORES]; /* place in the queue, where jobs are free to start from the beginning */
  /* Where they are not: of every core a heap of released jobs, by place, in its part of `released`. */
  bool waits; /* for releases or predecessors */
  uint32_t *place, *released, n_released[TENANCY_MAX_CORES];
  uint32_t *n_preds, *succ_start, *succs; /* predecessors that run or wait; successors in compressed rows */
  uint32_t *arrivals;                     /* jobs by release time */
  size_t n_arrived;
  const uint32_t *core_of;
  /* Of every core: is it at work, on which job, what is left, what it needs, what it gets. */
  bool live[TENANCY_MAX_CORES];
  uint32_t job[TENANCY_MAX_CORES];
  double left[TENANCY_MAX_CORES], need[TENANCY_MAX_CORES], share[TENANCY_MAX_CORES], rate[TENANCY_MAX_CORES];
  double queued[TENANCY_MAX_CORES]; /* cycles of the core's jobs that have not begun */
  double now, waste;
  struct tenancy_verdict *verdict;
};

/* A rule shares the bandwidth out: fills judging->share in bytes per cycle, 0 where nothing runs, never more than is
 * needed, and more than 0 where something is. */
typedef void tenancy_judge_rule(struct tenancy_judging *judging);
/* By problem->allocation; NULL: that is none. */
tenancy_judge_rule *tenancy_judge_rule_of(const struct tenancy_problem *problem);
/* As numpy adds: fewer than 8 from left to right, blocks of up to 128 in eight partial sums, more by halves. */
double tenancy_judge_sum(const double *values, size_t n);

#endif
