/* 1F1B: as many forward tasks as there are devices behind, then one forward and one backward task in turn.
 *
 * Source: Narayanan et al., PipeDream-Flush (arXiv 2006.09503), as in Megatron-LM (arXiv 2104.04473 §2.2.1). As fast as
 * GPipe with equal stages, and keeps p − s microbatches at most. */
#include "arch/pipeline_private.h"

static size_t order_of(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  const uint64_t m = problem->n_microbatches, ahead = min_u64(m, problem->n_devices - 1 - device);
  size_t n = 0;
  for (uint64_t i = 0; i < ahead; i++) n = pipeline_put(order, n, PIPELINE_FORWARD, 0, i);
  for (uint64_t i = 0; i < m; i++) {
    if (i + ahead < m) n = pipeline_put(order, n, PIPELINE_FORWARD, 0, i + ahead);
    n = pipeline_put(order, n, PIPELINE_BACKWARD, 0, i);
  }
  return n;
}

static uint64_t closed_ps(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const stage = problem->stages;
  return pipeline_times(problem->n_microbatches + problem->n_devices - 1, stage->forward_ps, stage->backward_ps, 0);
}

static uint64_t closed_kept(const struct pipeline_problem *problem, uint64_t device) {
  return min_u64(problem->n_microbatches, problem->n_devices - device);
}

static uint64_t period_of(const struct pipeline_problem *problem) {
  (void)problem;
  return 1;
}

static uint64_t reach_of(const struct pipeline_problem *problem) { return problem->n_devices; }

const struct pipeline_schedule pipeline_1f1b = {
    .name = "1f1b",
    .doc = "one forward, one backward pass in turn; keeps as many microbatches as devices follow",
    .order = order_of,
    .closed_ps = closed_ps,
    .closed_kept = closed_kept,
    .period = period_of,
    .reach = reach_of,
};
