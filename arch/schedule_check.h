/* Is this schedule one? The independent judge: shares no code with what makes schedules. */
#ifndef ARCH_SCHEDULE_CHECK_H
#define ARCH_SCHEDULE_CHECK_H

#include "arch/schedule.h"
#include "base/error.h"

/* Every op once, durations as costed for its width, precedence, no core twice at once, cores exist, classes and widths
 * right, makespan = last finish. Adds a message per violation (at most 20) and returns false. Needs detail. */
bool schedule_check(const struct schedule_problem *problem, const struct schedule *schedule, struct arena *scratch,
                    struct error *error);

#endif
