/* ZB-H1: zero-bubble pipeline with no more memory than 1F1B.
 *
 * Source: Qi et al., "Zero Bubble Pipeline Parallelism" (arXiv 2401.10241 §2.3), the handcrafted schedule: the gradient
 * of the weights waits s microbatches and fills the gaps of draining. Order, time and where it holds: workloads §9.
 * What a microbatch keeps is freed after its weight task; that the backward task could free part of it is left out. */
#include "arch/pipeline_private.h"

size_t pipeline_zero_bubble_order(const struct pipeline_problem *problem, uint64_t ahead, uint64_t lag,
                                  struct pipeline_task *order) {
  const uint64_t m = problem->n_microbatches;
  uint64_t n_forward = min_u64(m, ahead), n_weight = 0;
  size_t n = 0;
  for (uint64_t i = 0; i < n_forward; i++) n = pipeline_put(order, n, PIPELINE_FORWARD, 0, i);
  for (uint64_t i = 0; i < m; i++) {
    n = pipeline_put(order, n, PIPELINE_BACKWARD, 0, i);
    if (i >= lag) n = pipeline_put(order, n, PIPELINE_WEIGHT, 0, n_weight++);
    if (n_forward < m) n = pipeline_put(order, n, PIPELINE_FORWARD, 0, n_forward++);
  }
  while (n_weight < m) n = pipeline_put(order, n, PIPELINE_WEIGHT, 0, n_weight++);
  return n;
}

static size_t order_of(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  return pipeline_zero_bubble_order(problem, problem->n_devices - device, device, order);
}

static bool is_filled(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const stage = problem->stages;
  return problem->n_microbatches >= 2 * problem->n_devices - 1 && stage->backward_weight_ps <= stage->forward_ps;
}

/* m(F + B + W) + (p − 1)(F + B − W) */
static uint64_t closed_ps(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const stage = problem->stages;
  if (!is_filled(problem)) return 0;
  const uint64_t bubble_ps = sat_add(stage->forward_ps - stage->backward_weight_ps, stage->backward_data_ps);
  return sat_add(
      pipeline_times(problem->n_microbatches, stage->forward_ps, stage->backward_data_ps, stage->backward_weight_ps),
      sat_mul(problem->n_devices - 1, bubble_ps));
}

static uint64_t closed_kept(const struct pipeline_problem *problem, uint64_t device) {
  (void)device;
  return problem->n_microbatches >= 2 * problem->n_devices - 1 ? problem->n_devices : 0;
}

static uint64_t period_of(const struct pipeline_problem *problem) {
  (void)problem;
  return 1;
}

static uint64_t reach_of(const struct pipeline_problem *problem) { return problem->n_devices; }

const struct pipeline_schedule pipeline_zb_h1 = {
    .name = "zb_h1",
    .doc = "weight gradients fill the gaps of 1f1b; keeps as many microbatches as devices",
    .tears = true,
    .uses_span = true,
    .order = order_of,
    .closed_ps = closed_ps,
    .closed_kept = closed_kept,
    .period = period_of,
    .reach = reach_of,
};
