/* What can no sharding beat? (sharding §5, lower bounds.) */
#ifndef SEARCH_SHARDING_SHARDING_BOUNDS_H
#define SEARCH_SHARDING_SHARDING_BOUNDS_H

#include "search/sharding/sharding.h"

enum sharding_bound {
  SHARDING_BOUND_WORK,  /* least work of each layer by any design, over all boards */
  SHARDING_BOUND_PATH,  /* the longest path, each layer on all boards */
  SHARDING_BOUND_SPLIT, /* the longest path: each two layers' best strategies, and what moves between */
  SHARDING_BOUND_EXACT, /* a search that ended, or what it left open */
  SHARDING_N_BOUNDS
};
extern const char *const sharding_bound_names[SHARDING_N_BOUNDS];
struct sharding_bounds {
  double value_s[SHARDING_N_BOUNDS]; /* 0: not computed */
  enum sharding_bound binding;
  double best_s;
  const char *reason;
  bool split_known;
};
/* All but the exact one. */
void sharding_bounds(const struct sharding_problem *problem, struct arena *scratch, struct sharding_bounds *bounds);
/* Work and path alone; the split one when it is wanted, once: it takes longer than many an exact search. */
void sharding_bounds_quick(const struct sharding_problem *problem, struct arena *scratch,
                           struct sharding_bounds *bounds);
void sharding_bounds_split(const struct sharding_problem *problem, struct arena *scratch,
                           struct sharding_bounds *bounds);
void sharding_bounds_take(struct sharding_bounds *bounds, enum sharding_bound which, double value_s);
/* (value − bound)/value. */
double sharding_gap(double value, double bound);

#endif
