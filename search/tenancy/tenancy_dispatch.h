/* In which order do jobs start, so that the bandwidth needed is as flat as it gets? List scheduling along virtual time.
 *
 * Jobs lie in pools, and every core takes from one pool: from its own jobs (the assignment stays), or from those of its
 * group of equal cores (whichever falls free takes). (tenancy §10, 2.) */
#ifndef SEARCH_TENANCY_TENANCY_DISPATCH_H
#define SEARCH_TENANCY_TENANCY_DISPATCH_H

#include "search/tenancy/tenancy.h"

/* The jobs of every pool, equal ones counted together, sorted by the bandwidth they need there. */
struct tenancy_pools {
  const struct tenancy_problem *problem;
  size_t n_pools, n_kinds;
  uint32_t *pool_of_core;    /* [n_cores] */
  uint32_t *n_cores_of;      /* [n_pools] cores that take from it */
  uint32_t *kind_start;      /* [n_pools + 1] */
  uint32_t *first;           /* [n_kinds + 1] places in `job` */
  uint32_t *job;             /* [n_jobs] */
  uint32_t *by_length;       /* [n_kinds] kinds of a pool, the longest first */
  double *due;               /* [n_jobs] by place in `job`: virtual time at which a plan starts it; 0: no plan */
  double *need, *length;     /* [n_kinds] in 2⁻³² B/cycle and in cycles */
  double *work;              /* [n_pools] sum of the lengths */
  double *fill;              /* [n_kinds] need, at most what there is */
  double area, longest_load; /* Σ fill × length; largest mean load of a pool's cores */
};
/* pool[j] of job j, pool_of_core[c] of core c; cores of one pool must be equal for its jobs. due[j]: when a plan starts
 * job j; NULL: there is none. In the arena. */
struct tenancy_pooling {
  const uint32_t *pool, *pool_of_core;
  const double *due;
};
void tenancy_pools_fill(struct tenancy_pools *pools, const struct tenancy_problem *problem,
                        const struct tenancy_pooling *pooling, struct arena *arena);

struct tenancy_rule {
  double over;     /* what it costs to exceed the wanted bandwidth, against 1 for staying below */
  double length;   /* what a long job is worth, against a bandwidth missed by a core's mean share */
  double headroom; /* factor of the target */
  double plan;  /* no core is closed if the rest would then take longer than this many times the largest mean load; 0:
                   never */
  bool dynamic; /* the target follows what is left, instead of the mean of all */
  double due;   /* what it is worth that a job is overdue by the largest mean load; 0: follow no plan */
};
/* No core waits while its pool has jobs. */
void tenancy_dispatch(const struct tenancy_pools *pools, const struct tenancy_rule *rule, struct arena *scratch,
                      struct tenancy_queues *queues);

#endif
