/* Can a schedule be made shorter by moving and resizing its ops? */
#ifndef ARCH_SCHEDULE_IMPROVE_H
#define ARCH_SCHEDULE_IMPROVE_H

#include "arch/schedule.h"

/* Replaces the plan by a shorter one if `problem->passes` passes find it, else perhaps by one as long; true: shorter.
 * Deterministic; `scratch` is rewound. */
bool schedule_improve(const struct schedule_problem *problem, struct schedule_plan *plan, struct arena *scratch);

#endif
