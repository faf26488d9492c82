/* What the schedules of a pipeline share: putting a task into an order, and the work of equal stages. */
#ifndef ARCH_PIPELINE_PRIVATE_H
#define ARCH_PIPELINE_PRIVATE_H

#include "arch/pipeline.h"
#include "base/checked.h"

/* Returns how many tasks there are now. */
static inline size_t pipeline_put(struct pipeline_task *order, size_t n, enum pipeline_phase phase, uint64_t chunk,
                                  uint64_t microbatch) {
  order[n] =
      (struct pipeline_task){.phase = (uint8_t)phase, .chunk = (uint32_t)chunk, .microbatch = (uint32_t)microbatch};
  return n + 1;
}

/* n · (a + b + c) */
static inline uint64_t pipeline_times(uint64_t n, uint64_t a, uint64_t b, uint64_t c) {
  return sat_mul(n, sat_add(sat_add(a, b), c));
}

/* The handcrafted zero-bubble schedules: `ahead` forward tasks, then for each microbatch its backward task, the weight
 * task of the one `lag` before it, and the next forward task; at the end the weight tasks left over. */
size_t pipeline_zero_bubble_order(const struct pipeline_problem *problem, uint64_t ahead, uint64_t lag,
                                  struct pipeline_task *order);

#endif
