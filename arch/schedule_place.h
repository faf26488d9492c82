/* When do the ops of a schedule start, given their order and widths? The step that improvement repeats. */
#ifndef ARCH_SCHEDULE_PLACE_H
#define ARCH_SCHEDULE_PLACE_H

#include "arch/schedule.h"

struct timeline_moment;
struct timeline_instant;

struct placer_entry {
  uint64_t key;
  uint32_t op;
};

/* Arrays are by op unless said otherwise; all lie in the scratch arena. */
struct placer {
  const struct schedule_problem *problem;
  size_t n_ops;
  const uint32_t *shapes;               /* as ops themselves are wide */
  const uint16_t *choices;              /* [n_shapes]: bit w: 2^w cores are allowed and faster than fewer */
  uint64_t *bottom_cycles, *top_cycles; /* least time from an op's start to the end, from the beginning to its finish */
  struct placer_entry *order, *spare;   /* ops in the order in which they are placed; room to sort them */
  uint64_t *finish_cycles;              /* of the placement made last, in its direction */
  uint64_t n_left;                      /* ops that may still be placed: the effort */
  struct timeline_moment *moments;
  struct timeline_instant *instants; /* NULL: no op can be without duration */
  size_t n_moments;
  uint64_t cores; /* of all classes, packed */
};

/* Everything but the effort. False if times could outgrow their type: nothing may be placed then. */
bool placer_init(struct placer *placer, const struct schedule_problem *problem, struct arena *scratch);

static inline uint64_t placer_cycles(const struct placer *placer, size_t op, unsigned width_log2) {
  const struct schedule_problem *const problem = placer->problem;
  return problem->shape_cycles[(size_t)placer->shapes[op] * problem->n_widths + width_log2];
}

static inline unsigned placer_choices(const struct placer *placer, size_t op) {
  return placer->choices[placer->shapes[op]];
}

/* Sorts `order` by (key, op): fast if it is nearly in order. */
void placer_sort(struct placer *placer);

/* The same by the leading bits of the keys, the largest of which is given, and then as they are: in time linear in the
 * ops. Rising keys stay rising, so a topological order stays one. */
void placer_sort_coarsely(struct placer *placer, uint64_t most_key);

/* Turns `order` round. */
void placer_reverse(struct placer *placer);

/* Places the ops in `order`, predecessors first, each in the earliest interval in which its cores are free; backward:
 * successors first, and time runs from the end. Returns the makespan, or UINT64_MAX as soon as it must exceed the
 * limit. */
uint64_t placer_place(struct placer *placer, const uint8_t *width_log2, bool backward, uint64_t limit_cycles);

#endif
