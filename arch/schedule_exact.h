/* What is the shortest schedule of a small graph? The exact answer that heuristic and bound are judged by. */
#ifndef ARCH_SCHEDULE_EXACT_H
#define ARCH_SCHEDULE_EXACT_H

#include "arch/schedule_shorten.h"

/* The shortest schedule over all orders and widths, in detail, in `arena`; its delays are 0. True: proven optimal;
 * false: as schedule_shorten says, or no schedule fits, and the best schedule found (at least the list's) is given. */
bool schedule_exact(const struct schedule_problem *problem, uint64_t max_nodes, struct arena *scratch,
                    struct arena *arena, struct schedule *schedule, uint64_t *n_nodes);

#endif
