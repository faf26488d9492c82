/* What is the shortest schedule of a small graph? The exact answer that heuristic and bound are judged by. */
#ifndef ARCH_SCHEDULE_EXACT_H
#define ARCH_SCHEDULE_EXACT_H

#include "arch/schedule_improve.h"

enum { SCHEDULE_EXACT_MAX_OPS = 64 };

/* The shortest schedule over all orders and widths, in detail, in `arena`; its delays are 0. Searches at most
 * `max_nodes` nodes and counts them in *n_nodes. True: proven optimal; false: the search ended early, or the graph has
 * more than SCHEDULE_EXACT_MAX_OPS ops or as many useful cores in a class, or no schedule fits, and the best schedule
 * found (at least the list's) is given. Scratch holds up to some 100 MB for a hard search and is rewound. */
bool schedule_exact(const struct schedule_problem *problem, uint64_t max_nodes, struct arena *scratch,
                    struct arena *arena, struct schedule *schedule, uint64_t *n_nodes);

/* The same for a valid plan, which is replaced if a shorter one is found; no schedule is shorter than `least_cycles`,
 * which may be 0. True: the plan is now one of the shortest. */
bool schedule_shorten(const struct schedule_problem *problem, uint64_t max_nodes, uint64_t least_cycles,
                      struct arena *scratch, struct schedule_plan *plan, uint64_t *n_nodes);

#endif
