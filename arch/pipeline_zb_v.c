/* ZB-V: zero-bubble pipeline with two chunks a device in the shape of a V, at the memory of 1F1B.
 *
 * Source: Qi et al., "Zero Bubble Pipeline Parallelism" (arXiv 2401.10241 §6): device s holds places s and 2p − 1 − s
 * of the chain, so the first device has the loss too and what a microbatch keeps is freed early and evenly. The order
 * here is ours, after that paper's picture for F = B = W, whatever the times: forward tasks of the first chunk until
 * the second one's begin, both in turn, then the steady state F0 B0 W0 F1 B1 W1, and a drain in which weight tasks
 * wait. Left out: the paper's search for an order by times and memory, which helps where F, B and W differ. */
#include "arch/pipeline_private.h"

#include <inttypes.h>

static bool applies(const struct pipeline_problem *problem, struct error *error) {
  if (problem->n_chunks == 2) return true;
  return error_add(error, STATUS_INPUT, "zb_v: %" PRIu64 " chunks a device; allowed are two", problem->n_chunks);
}

static uint64_t place_of(const struct pipeline_problem *problem, uint64_t chunk, uint64_t device) {
  return chunk == 0 ? device : 2 * problem->n_devices - 1 - device;
}

/* An order in the making: the next microbatch of every phase and chunk. Those from m on are none. */
struct making {
  struct pipeline_task *order;
  size_t n;
  uint64_t m, next[N_PIPELINE_PHASES][2];
};

static void put(struct making *making, enum pipeline_phase phase, uint64_t chunk) {
  const uint64_t microbatch = making->next[phase][chunk]++;
  if (microbatch < making->m) making->n = pipeline_put(making->order, making->n, phase, chunk, microbatch);
}

static void put_both_gradients(struct making *making, uint64_t chunk) {
  put(making, PIPELINE_BACKWARD, chunk);
  put(making, PIPELINE_WEIGHT, chunk);
}

static void drain(struct making *making, uint64_t p, uint64_t device) {
  for (uint64_t i = 0; i < device; i++) {
    put(making, PIPELINE_BACKWARD, 0);
    put(making, PIPELINE_BACKWARD, 1);
  }
  for (uint64_t i = device; i < p; i++) put_both_gradients(making, 0);
  for (uint64_t chunk = 2; chunk-- > 0;)
    while (making->next[PIPELINE_WEIGHT][chunk] < making->next[PIPELINE_BACKWARD][chunk])
      put(making, PIPELINE_WEIGHT, chunk);
}

static size_t order_of(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  const uint64_t p = problem->n_devices;
  const uint64_t m = max_u64(problem->n_microbatches, 2 * p - 1); /* fewer: the order of more without their tasks */
  struct making making = {.order = order, .m = problem->n_microbatches};
  const uint64_t *const n_forward = making.next[PIPELINE_FORWARD];
  for (uint64_t i = 2 * (p - device) - 1; i > 0; i--) put(&making, PIPELINE_FORWARD, 0);
  for (uint64_t i = 0; i < device; i++) {
    put(&making, PIPELINE_FORWARD, 1);
    put(&making, PIPELINE_FORWARD, 0);
  }
  for (uint64_t i = device; i < p; i++) {
    put(&making, PIPELINE_FORWARD, 1);
    put_both_gradients(&making, 1);
  }
  while (n_forward[1] < n_forward[0] || n_forward[0] < m) {
    if (n_forward[0] < m) put(&making, PIPELINE_FORWARD, 0);
    put_both_gradients(&making, 0);
    put(&making, PIPELINE_FORWARD, 1);
    put_both_gradients(&making, 1);
  }
  drain(&making, p, device);
  return making.n;
}

static uint64_t closed_ps(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const chunk = problem->stages;
  if (problem->n_microbatches < 2 * problem->n_devices - 1 || chunk->forward_ps != chunk->backward_data_ps ||
      chunk->forward_ps != chunk->backward_weight_ps)
    return 0;
  return sat_mul(sat_mul(6, problem->n_microbatches), chunk->forward_ps);
}

static uint64_t closed_kept(const struct pipeline_problem *problem, uint64_t device) {
  (void)device;
  return problem->n_microbatches >= 2 * problem->n_devices - 1 ? 2 * problem->n_devices : 0;
}

static uint64_t period_of(const struct pipeline_problem *problem) {
  (void)problem;
  return 1;
}

static uint64_t reach_of(const struct pipeline_problem *problem) { return 2 * problem->n_devices; }

const struct pipeline_schedule pipeline_zb_v = {
    .name = "zb_v",
    .doc = "two chunks a device in a V: no bubble if F = B = W, at the memory of 1f1b",
    .has_chunks = true,
    .tears = true,
    .uses_span = true,
    .applies = applies,
    .place = place_of,
    .order = order_of,
    .closed_ps = closed_ps,
    .closed_kept = closed_kept,
    .period = period_of,
    .reach = reach_of,
};
