/* Interleaved 1F1B: v chunks of layers a device, so that a microbatch passes every device v times and filling the
 * pipeline takes a v-th of the time.
 *
 * Source: Narayanan et al. (arXiv 2104.04473 §2.2.2), the order of Megatron-LM: microbatches go in groups of p through
 * the first chunk, then the second, …; backward with the chunks reversed. As there, p must divide m. */
#include "arch/pipeline_private.h"

#include <inttypes.h>

static bool applies(const struct pipeline_problem *problem, struct error *error) {
  if (problem->n_microbatches % problem->n_devices == 0) return true;
  return error_add(error, STATUS_INPUT,
                   "interleaved: %" PRIu64 " microbatches are no multiple of %" PRIu64
                   " devices; allowed are multiples",
                   problem->n_microbatches, problem->n_devices);
}

/* Forward tasks of a device before its first backward task, less one. */
static uint64_t ahead_of(const struct pipeline_problem *problem, uint64_t device) {
  const uint64_t p = problem->n_devices, v = problem->n_chunks;
  return min_u64(problem->n_microbatches * v, 2 * (p - 1 - device) + (v - 1) * p);
}

static size_t put(const struct pipeline_problem *problem, enum pipeline_phase phase, uint64_t i, size_t n,
                  struct pipeline_task *order) {
  const uint64_t p = problem->n_devices, v = problem->n_chunks;
  const uint64_t chunk = i % (p * v) / p;
  return pipeline_put(order, n, phase, phase == PIPELINE_FORWARD ? chunk : v - 1 - chunk, p * (i / (p * v)) + i % p);
}

static size_t order_of(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  const uint64_t n_forward = problem->n_microbatches * problem->n_chunks, ahead = ahead_of(problem, device);
  size_t n = 0;
  for (uint64_t i = 0; i < ahead; i++) n = put(problem, PIPELINE_FORWARD, i, n, order);
  for (uint64_t i = 0; i < n_forward; i++) {
    if (i + ahead < n_forward) n = put(problem, PIPELINE_FORWARD, i + ahead, n, order);
    n = put(problem, PIPELINE_BACKWARD, i, n, order);
  }
  return n;
}

/* The times of a stage are those of a chunk: (m + (p − 1)/v) times all chunks of a device. */
static uint64_t closed_ps(const struct pipeline_problem *problem) {
  const struct pipeline_stage *const chunk = problem->stages;
  return pipeline_times(problem->n_microbatches * problem->n_chunks + problem->n_devices - 1, chunk->forward_ps,
                        chunk->backward_ps, 0);
}

static uint64_t closed_kept(const struct pipeline_problem *problem, uint64_t device) {
  return min_u64(problem->n_microbatches * problem->n_chunks, ahead_of(problem, device) + 1);
}

static uint64_t period_of(const struct pipeline_problem *problem) { return problem->n_devices; }

/* Forward tasks are at most (v + 1)p − 2 tasks ahead: one group of p·v, or two where they are of its first p. */
static uint64_t reach_of(const struct pipeline_problem *problem) { return 2 * problem->n_devices; }

const struct pipeline_schedule pipeline_interleaved = {
    .name = "interleaved",
    .doc = "1f1b over several chunks of layers a device; fills faster, sends more; microbatches a multiple of devices",
    .has_chunks = true,
    .applies = applies,
    .order = order_of,
    .closed_ps = closed_ps,
    .closed_kept = closed_kept,
    .period = period_of,
    .reach = reach_of,
};
