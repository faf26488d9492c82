/* How much work comes before each group, and how much follows from it? Sums over all its ancestors or descendants,
 * which windows of chips stand on (partition §10).
 *
 * Exactly that takes steps in the square of a large graph. What is asked for in fewer steps is at most the sum, and
 * usually all but what lies close by: a longest way through the graph is laid down, and as soon as a block of groups is
 * seen to come before one group of that way, it is known to come before all that follows from there. */
#ifndef SEARCH_PARTITION_PARTITION_CONES_H
#define SEARCH_PARTITION_PARTITION_CONES_H

#include "search/partition/partition.h"

/* Adds to ms[n], and to bytes[n] unless it is NULL, compute and weights of every group with its ancestors (`forward`)
 * or its descendants. `most_steps` 0: exactly, in n·arcs/64 steps; otherwise at most about so many groups are looked
 * at, and sums may be too small. */
void partition_cones_add(const struct partition_graph *graph, bool forward, uint64_t most_steps, struct arena *scratch,
                         double *ms, uint64_t *bytes);

#endif
