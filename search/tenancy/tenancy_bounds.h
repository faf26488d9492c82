/* What can no answer beat? (tenancy §4.)
 *
 * B1 a single job, B2 a linear program, B3 the same with whole jobs, B4 a linear program over configurations of jobs
 * that run together, B5 (ours) B4 with whole jobs: branched. Limits are counted (iterations, nodes), never timed, so
 * that a bound is the same every time. GLPK is called here alone. Every bound is lowered by what rounding could have
 * added. All hold with dependencies and release times too: they bound what may run together, not when. */
#ifndef SEARCH_TENANCY_TENANCY_BOUNDS_H
#define SEARCH_TENANCY_TENANCY_BOUNDS_H

#include "search/tenancy/tenancy.h"

enum tenancy_bound {
  TENANCY_B1_SINGLE_JOB,
  TENANCY_B2_LP,
  TENANCY_B3_GROUPED_MIP,
  TENANCY_B4_CONFIGURATION_LP,
  TENANCY_B5_BRANCHED,
  TENANCY_EXACT /* of a few jobs: the optimum */
};
enum { TENANCY_N_BOUNDS = 6 };
extern const char *const tenancy_bound_names[TENANCY_N_BOUNDS]; /* single_job, lp, grouped_mip, configuration_lp,
 branched_lp, exact */

struct tenancy_bounds {
  double cycles[TENANCY_N_BOUNDS]; /* each valid; 0: not computed */
  enum tenancy_bound binding;      /* the largest, the first of equal ones */
  double best_cycles;
  const char *reason; /* what binds, for people: a job, a group of cores, the bandwidth */
  /* Group of cores of every job [n_jobs], as a start for a search: the LP's basic solution rounded, and the MIP's
   * incumbent; NULL: none. */
  const uint32_t *lp_group, *mip_group;
  /* And of B5's best node with whole jobs, whose configurations are below then; NULL: none. */
  const uint32_t *branched_group;
  /* Jobs with equal latencies and bandwidths are one kind: kind_of[n_jobs], numbered by first job. */
  size_t n_kinds;
  const uint32_t *kind_of;
  /* The configurations that B4's last master program uses, by descending length: in the part z_cycles of the schedule
   * (before it is stretched by max(1, R/B), in virtual time) job[first[k]] … job[first[k + 1] − 1] run together, on
   * groups group[…]. A job stands for its kind, is the kind's first, and appears as often as jobs of the kind run. The
   * time that a kind gets on a group over all configurations is about its latency there times how many of its jobs run
   * there, and may be a fraction of a job. 0: none. */
  size_t n_configurations;
  const double *z_cycles;
  const uint32_t *first, *job, *group;
  struct tenancy_queues exact; /* of cycles[TENANCY_EXACT]; job NULL: none */
};
struct tenancy_bounds_settings {
  uint64_t mip_nodes;                 /* of B3's branch and bound; 0: not at all */
  uint64_t columns;                   /* of B4 and B5, at most at a time; 0: not at all */
  uint64_t branch_nodes;              /* of B5; 0: not at all */
  uint64_t price_work;                /* of B4 and B5 together: labels of pricing, and simplex steps by their size */
  uint64_t exact_nodes;               /* of the exact search of a few jobs; 0: not at all */
  enum tenancy_allocation allocation; /* with another rule than proportional only B1, and B2 and B3 without stall */
};
/* Quick: B1 to B3, for a start at once. Full: B4 as well. Proof: all, seconds to a minute. */
extern const struct tenancy_bounds_settings tenancy_bounds_quick, tenancy_bounds_full, tenancy_bounds_proof;
/* B1 to B5 as far as the settings allow. `upper` (an answer known already; NULL: none) ends B5's branching where it is
 * proven optimal. False with STATUS_INPUT if the dependencies are circular. */
bool tenancy_bounds(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                    const struct tenancy_queues *upper, struct arena *arena, struct tenancy_bounds *bounds,
                    struct error *error);
/* value / bound − 1, at least 0. */
double tenancy_gap(double value_cycles, double bound_cycles);

/* Exact, for n ≤ 12 jobs and ≤ 4 cores: branch in chronological order. `best` comes with room (tenancy_queues_new) and
 * always gets an answer of `cost`; false: it is not proven, since more than `max_nodes` are needed. Larger problems,
 * and those with dependencies or releases, are refused: false, nothing filled. */
bool tenancy_exact(const struct tenancy_problem *problem, uint64_t max_nodes, struct arena *arena,
                   struct tenancy_queues *best, tenancy_cost *cost);

#endif
