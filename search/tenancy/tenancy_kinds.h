/* What do the bounds see of a problem? Kinds of jobs and groups of cores, in doubles.
 *
 * Jobs with equal latencies and bandwidths are one kind, however else they differ (energy, tenant, deadline): no bound
 * on the makespan can tell them apart. Private to the bounds. */
#ifndef SEARCH_TENANCY_TENANCY_KINDS_H
#define SEARCH_TENANCY_TENANCY_KINDS_H

#include "search/tenancy/tenancy.h"

struct tenancy_kinds {
  const struct tenancy_problem *problem;
  size_t n_kinds, n_groups;
  uint32_t *kind_of; /* [n_jobs] */
  uint32_t *n_of;    /* [n_kinds] jobs of the kind */
  uint32_t *start;   /* [n_kinds + 1] into `job` */
  uint32_t *job;     /* [n_jobs] by kind, then ascending */
  /* [n_kinds * n_groups]; latency 0: cannot run there. */
  double *latency; /* l, cycles */
  double *share;   /* b / B: the part of the bandwidth that it needs */
  double *excess;  /* l (b/B − 1)⁺: stall that it causes even alone, cycles */
  double *busy;    /* a / B = l b / B: cycles of the whole bandwidth */
};
/* Of a finished problem; lies in the arena. */
void tenancy_kinds_init(struct tenancy_kinds *kinds, const struct tenancy_problem *problem, struct arena *arena);
static inline size_t kinds_at(const struct tenancy_kinds *kinds, size_t kind, size_t group) {
  return kind * kinds->n_groups + group;
}
static inline bool kinds_can(const struct tenancy_kinds *kinds, size_t kind, size_t group) {
  return kinds->latency[kinds_at(kinds, kind, group)] > 0;
}

/* A sum of `n_terms` terms ≥ 0, lowered by more than the rounding of terms and additions could have raised it. */
double tenancy_round_down(double sum, size_t n_terms);

#endif
