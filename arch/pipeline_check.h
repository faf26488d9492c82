/* Is this what a pipeline does? The independent judge: shares no code with the simulation. */
#ifndef ARCH_PIPELINE_CHECK_H
#define ARCH_PIPELINE_CHECK_H

#include "arch/pipeline.h"

/* Every task once, as long as its stage says, after its inputs and what it takes to send them, no device in two tasks
 * at once, the claimed times and peaks right. Needs the result's tasks. Adds a message per violation (at most 20) and
 * returns false. */
bool pipeline_check(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                    const struct pipeline_result *result, struct arena *scratch, struct error *error);

#endif
