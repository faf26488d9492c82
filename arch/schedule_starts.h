/* Which schedules from scratch are worth improving? */
#ifndef ARCH_SCHEDULE_STARTS_H
#define ARCH_SCHEDULE_STARTS_H

#include "arch/schedule.h"
#include "arch/schedule_place.h"

/* Ops are placed by latest starts or latest finishes on their widths; backward: from the end, by the same of the
 * reversed graph. */
enum start_rule { START_BY_START, START_BACK_BY_START, START_BY_FINISH, START_BACK_BY_FINISH, N_START_RULES };

/* Places all ops on the plan's widths; true, and the plan is filled in, if the makespan is within the limit. */
bool start_place(struct placer *placer, enum start_rule rule, uint64_t limit_cycles, struct schedule_plan *plan);

/* Every op on its widest useful choice of at most 2^caps[class] cores, for each of its classes. */
void start_capped_widths(const struct placer *placer, const unsigned *caps, uint8_t *width_log2);

/* Widths as they grow from one core to all useful ones, always where that shortens the critical path most for its work:
 * steps[k] is the op that gets wider in step k. After `n_balanced` steps, path and work per core balance best. */
struct start_growth {
  uint32_t *steps; /* in the scratch arena */
  size_t n_steps, n_balanced;
};

/* In time of the square of the ops. */
void start_grow(const struct placer *placer, struct arena *scratch, struct start_growth *growth);

/* The widths after that many steps. */
void start_grown_widths(const struct placer *placer, const struct start_growth *growth, size_t n_steps,
                        uint8_t *width_log2);

#endif
