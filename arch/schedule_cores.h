/* Which of the cores of a class does each op get, once the times are known? */
#ifndef ARCH_SCHEDULE_CORES_H
#define ARCH_SCHEDULE_CORES_H

#include "arch/schedule.h"

/* Fills core, core_list and core_list_start (in `arena`) from start_cycles, finish_cycles and width_log2, which must
 * never need more cores than there are. An op takes the cores of its mirror where they are free, else the lowest free
 * ids. `scratch` is rewound. */
void schedule_assign_cores(const struct schedule_problem *problem, struct arena *scratch, struct arena *arena,
                           struct schedule *schedule);

#endif
