/* GPipe: every forward task, then every backward task.
 *
 * Source: Huang et al., "GPipe" (arXiv 1811.06965); time and kept microbatches: workloads §9. It keeps every
 * microbatch, so it is there to be compared with. The order of the backward tasks is that of the forward ones; with
 * equal stages it makes no difference. */
#include "arch/pipeline_private.h"

static size_t order_of(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  (void)device;
  size_t n = 0;
  for (uint64_t i = 0; i < problem->n_microbatches; i++) n = pipeline_put(order, n, PIPELINE_FORWARD, 0, i);
  for (uint64_t i = 0; i < problem->n_microbatches; i++) n = pipeline_put(order, n, PIPELINE_BACKWARD, 0, i);
  return n;
}

static uint64_t closed_ps(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const stage = problem->stages;
  return pipeline_times(problem->n_microbatches + problem->n_devices - 1, stage->forward_ps, stage->backward_ps, 0);
}

static uint64_t closed_kept(const struct pipeline_problem *problem, uint64_t device) {
  (void)device;
  return problem->n_microbatches;
}

const struct pipeline_schedule pipeline_gpipe = {
    .name = "gpipe",
    .doc = "all forward passes, then all backward passes; keeps every microbatch",
    .order = order_of,
    .closed_ps = closed_ps,
    .closed_kept = closed_kept,
};
