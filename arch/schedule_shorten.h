/* Is there a shorter schedule of a small graph? Branch and bound. */
#ifndef ARCH_SCHEDULE_SHORTEN_H
#define ARCH_SCHEDULE_SHORTEN_H

#include "arch/schedule.h"

enum { SCHEDULE_EXACT_MAX_OPS = 64 };

/* Replaces a valid plan if a shorter one is found, over all orders and widths; no schedule is shorter than
 * `least_cycles`, which may be 0. Searches at most `max_nodes` nodes and counts them in *n_nodes. True: the plan is now
 * one of the shortest; false: the search ended early, or the graph has more than SCHEDULE_EXACT_MAX_OPS ops or as many
 * useful cores in a class. Scratch holds up to some 100 MB for a hard search and is rewound. */
bool schedule_shorten(const struct schedule_problem *problem, uint64_t max_nodes, uint64_t least_cycles,
                      struct arena *scratch, struct schedule_plan *plan, uint64_t *n_nodes);

#endif
