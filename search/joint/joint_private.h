/* What the files of the joint search share. */
#ifndef SEARCH_JOINT_JOINT_PRIVATE_H
#define SEARCH_JOINT_JOINT_PRIVATE_H

#include "search/joint/joint.h"

/* --- bounds of a set of designs, whatever their counts (joint.c) ---
 */

/* Of all jobs, each where it needs least. INFINITY: a job runs on none of the set. */
struct joint_needs {
  double load; /* times its design's multiplier */
  double bytes, longest_cycles;
};
void joint_set_needs(const struct joint_problem *problem, const uint32_t *design, const double *multiplier,
                     uint32_t n_kinds, struct joint_needs *needs);
double joint_needed_cycles(const struct joint_problem *problem, const struct joint_platform *platform,
                           const double *multiplier, const struct joint_needs *needs);

/* --- every platform (joint_list.c) ---
 */

/* Takes a platform with its bound; false if nobody wants one of so low a bound. */
typedef void joint_take(void *context, const struct joint_platform *platform);
struct joint_listing {
  const struct joint_problem *problem;
  const uint32_t *order;    /* designs, the ones that mix first */
  const double *multiplier; /* [n_designs] */
  double *room;             /* [3 * n_jobs * (JOINT_MAX_KINDS + 1)], for the lists alone */
  joint_take *take;
  void *context;
};
/* Those of one design, for every design of which one fits. */
void joint_list_single(const struct joint_listing *listing);
/* Those of exactly so many different designs among the first `n_mixed` of the order. */
void joint_list_mixed(const struct joint_listing *listing, uint32_t n_kinds, size_t n_mixed);
/* The largest number of designs that have at most so many sets of n_kinds. */
size_t joint_mixed_designs(size_t n_designs, uint32_t n_kinds, uint64_t most_sets);

#endif
