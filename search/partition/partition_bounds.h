/* What can no partition beat? (partition §10.) Valid for the problem's cost and rules. */
#ifndef SEARCH_PARTITION_PARTITION_BOUNDS_H
#define SEARCH_PARTITION_PARTITION_BOUNDS_H

#include "search/partition/partition.h"

enum partition_bound {
  PARTITION_BOUND_LOAD,   /* all work over all chips, the largest group */
  PARTITION_BOUND_WINDOW, /* windows of groups and minimum cuts between them; ring and what is no less */
  PARTITION_BOUND_EXACT,  /* a search that ended, or what it left open */
  PARTITION_N_BOUNDS
};
extern const char *const partition_bound_names[PARTITION_N_BOUNDS];
struct partition_bounds {
  double value[PARTITION_N_BOUNDS]; /* ms; 0: not computed */
  enum partition_bound binding;
  double best;
  bool infeasible;    /* proven: no assignment fits the memory */
  const char *reason; /* for people; NULL: nothing to say */
};
/* `quick`: the first bound alone. */
void partition_bounds(const struct partition_graph *graph, bool quick, struct arena *scratch,
                      struct partition_bounds *bounds);
void partition_bounds_take(struct partition_bounds *bounds, enum partition_bound which, double value_ms);
/* (value − bound)/value. */
double partition_gap(double value, double bound);
/* The bound of windows and cuts at a period: true: no assignment is as fast as T. */
bool partition_refutes(const struct partition_graph *graph, double period_ms, struct arena *scratch);

#endif
