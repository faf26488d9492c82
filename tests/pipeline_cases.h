/* Pipelines that several tests share. */
#ifndef TESTS_PIPELINE_CASES_H
#define TESTS_PIPELINE_CASES_H

#include "arch/pipeline_check.h"
#include "base/rng.h"

/* v chunks each of p devices, all alike; backward_ps is the sum of the torn ones. */
static inline struct pipeline_problem case_equal(uint64_t p, uint64_t v, uint64_t m, const uint64_t phase_ps[3],
                                                 struct arena *arena) {
  struct pipeline_stage *const stages = ARENA_NEW(arena, struct pipeline_stage, p * v);
  for (uint64_t i = 0; i < p * v; i++)
    stages[i] = (struct pipeline_stage){.forward_ps = phase_ps[0],
                                        .backward_ps = phase_ps[1] + phase_ps[2],
                                        .backward_data_ps = phase_ps[1],
                                        .backward_weight_ps = phase_ps[2],
                                        .kept_bytes = 2385};
  return (struct pipeline_problem){.n_devices = p, .n_chunks = v, .n_microbatches = m, .stages = stages};
}

/* Between 1 and most_ps for a task, up to most_send_ps for a message. */
static inline struct pipeline_problem case_unequal(uint64_t p, uint64_t v, uint64_t m, uint64_t most_ps,
                                                   uint64_t most_send_ps, struct rng *rng, struct arena *arena) {
  struct pipeline_stage *const stages = ARENA_NEW(arena, struct pipeline_stage, p * v);
  for (uint64_t i = 0; i < p * v; i++) {
    stages[i] = (struct pipeline_stage){.forward_ps = 1 + rng_below(rng, most_ps),
                                        .backward_ps = 1 + rng_below(rng, most_ps),
                                        .backward_data_ps = 1 + rng_below(rng, most_ps),
                                        .backward_weight_ps = 1 + rng_below(rng, most_ps),
                                        .kept_bytes = rng_below(rng, 5000)};
    stages[i].send_forward_ps = rng_below(rng, most_send_ps + 1);
    stages[i].send_backward_ps = rng_below(rng, most_send_ps + 1);
  }
  return (struct pipeline_problem){.n_devices = p, .n_chunks = v, .n_microbatches = m, .stages = stages};
}

#endif
