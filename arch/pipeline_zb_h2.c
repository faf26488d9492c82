/* ZB-H2: zero-bubble pipeline that fills with forward tasks until the first gradient is back.
 *
 * Source: Qi et al., "Zero Bubble Pipeline Parallelism" (arXiv 2401.10241 §2.3), the handcrafted schedule. No bubble if
 * F = B = W, for nearly twice the memory. Its time is the period between iterations, for which optimizers must not wait
 * for each other (§4 there: they validate after the fact); from first start to last end it takes longer. Order, time
 * and where it holds: workloads §9. */
#include "arch/pipeline_private.h"

static size_t order_of(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  return pipeline_zero_bubble_order(problem, 2 * (problem->n_devices - 1 - device) + 1, 2 * device, order);
}

/* m(F + B + W) + (p − 1)(F + B − 2W) */
static uint64_t closed_ps(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const stage = problem->stages;
  const uint64_t forward_ps = stage->forward_ps, data_ps = stage->backward_data_ps;
  const uint64_t weight_ps = stage->backward_weight_ps;
  if (problem->n_microbatches < 2 * problem->n_devices - 1 || weight_ps > forward_ps || weight_ps > data_ps) return 0;
  return sat_add(pipeline_times(problem->n_microbatches, forward_ps, data_ps, weight_ps),
                 sat_mul(problem->n_devices - 1, sat_add(forward_ps - weight_ps, data_ps - weight_ps)));
}

static uint64_t closed_kept(const struct pipeline_problem *problem, uint64_t device) {
  (void)device;
  const uint64_t most = 2 * problem->n_devices - 1;
  return problem->n_microbatches >= most ? most : 0;
}

static uint64_t period_of(const struct pipeline_problem *problem) {
  (void)problem;
  return 1;
}

static uint64_t reach_of(const struct pipeline_problem *problem) { return 2 * problem->n_devices - 1; }

const struct pipeline_schedule pipeline_zb_h2 = {
    .name = "zb_h2",
    .doc = "no bubble if F = B = W and optimizers do not wait; keeps nearly twice as many microbatches as devices",
    .tears = true,
    .uses_span = true,
    .order = order_of,
    .closed_ps = closed_ps,
    .closed_kept = closed_kept,
    .period = period_of,
    .reach = reach_of,
};
