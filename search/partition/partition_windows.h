/* On which chips can a group be if the period is to stay at T, and what must cross the boundaries? (partition §10.)
 *
 * All that comes before a group must be computed up to its chip, all that follows from its chip on: a window of chips.
 * Between what must be on this side of a boundary and what must be on the other lies a minimum cut: traffic that no
 * partition avoids. Traffic takes time of chips, so windows become narrower, and then cuts larger: to the fixed point.
 * A window without a chip, or more work than chips have time for, refutes T. Sums are rounded in favour of T: it is
 * never refuted falsely. A cut that would take too long counts as far as it was found. */
#ifndef SEARCH_PARTITION_PARTITION_WINDOWS_H
#define SEARCH_PARTITION_PARTITION_WINDOWS_H

#include "search/partition/partition.h"

struct partition_windows {
  const struct partition_graph *graph;
  uint32_t n_chips;
  double *before_ms, *after_ms;         /* [n] of a group with all its ancestors; with all its descendants; large
                                         * graphs: at least with those that are soon found */
  uint64_t *before_bytes, *after_bytes; /* likewise, weights; NULL without a limit of memory */
  uint32_t *low, *high;                 /* [n] the windows at the period asked last; empty ones if it was refuted */
  double *cut_ms;                       /* [n_chips + 1] least that crosses behind chip c; 0: nothing known */
};
/* O(n·arcs/64) up to 65,536 groups, a fixed number of steps and O(arcs) beyond. */
void partition_windows_init(struct partition_windows *windows, const struct partition_graph *graph,
                            struct arena *arena);
/* False: refuted. */
bool partition_windows_fit(struct partition_windows *windows, double period_ms, struct arena *scratch);

#endif
