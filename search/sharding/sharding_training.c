/* What does a training step add to a layer on a set? (Ours: the paper trains nothing.)
 *
 * Behind the forward pass, layer by layer backwards: the gradient of the input (products with the channels swapped,
 * the same shards and, under a shared shard, the same round: pieces of the gradient gather sums where pieces of the
 * input went), not for layers that read from the host; the gradient of the weights (as many cycles and as long a round
 * as forward), of attention's second operand likewise. Boards that hold the same slice of an input for different
 * outputs sum its gradient by all-reduce, boards that hold the same weights theirs; a tensor that goes round is summed
 * on its way. Norm and softmax sum two values a row once more. As many bytes go back along an edge as came. Left out:
 * the optimizer's time, recomputation, gradient exchange under computation. */
#include "search/sharding/sharding_training.h"

#include "search/sharding/sharding_private.h"
#include <string.h>

/* Seconds of a phase of a backward pass. Designs that only know layers forward take the gradient of the input for the
 * same layer with its channels exchanged, that of the weights for as long as the layer forward. */
static double phase_s_of(const struct sharding_problem *problem, uint32_t layer, const struct sharding_design *design,
                         uint32_t p, enum sharding_pass pass, const struct sharding_cost *cost) {
  if (design->model == SHARDING_PRICED) {
    return design->price(design->price_context, layer, pass, cost->local, p) / design->clock_hz;
  }
  if (pass == SHARDING_BACKWARD_WEIGHT) return cost->phase_s;
  uint64_t swapped[SHARDING_N_DIMS];
  memcpy(swapped, cost->local, sizeof swapped);
  if (!sharding_kind_of(problem, layer)->channels_tied) {
    swapped[SHARDING_COUT] = cost->local[SHARDING_CIN];
    swapped[SHARDING_CIN] = cost->local[SHARDING_COUT];
  }
  double cycles = sharding_cycles(problem, design, layer, swapped, p);
  if (design->model == SHARDING_TABLE) cycles /= cost->phases;
  return cycles / design->clock_hz;
}

void sharding_add_backward(const struct sharding_problem *problem, uint32_t layer, const struct sharding_design *design,
                           uint32_t p, double bandwidth, const struct sharding_strategy *strategy,
                           struct sharding_cost *cost) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const struct sharding_rotation rotation = sharding_rotation_of(kind, strategy);
  const bool has_producer = problem->in_start[layer + 1] > problem->in_start[layer];
  const bool second = kind->weight_dims != 0 && (kind->has_weights || has_producer);
  uint64_t exclusive[SHARDING_N_DIMS];
  sharding_local(problem, layer, strategy, exclusive);
  if (has_producer) {
    const double phase_s = phase_s_of(problem, layer, design, p, SHARDING_BACKWARD_DATA, cost);
    cost->total_s += sharding_phases_s(problem, phase_s, cost->shift_s, cost->phases);
    if (!rotation.input) {
      cost->total_s += sharding_all_reduce_s(problem, (double)sharding_input_elements(problem, layer, exclusive),
                                             sharding_replication(strategy, kind->input_dims), bandwidth);
    }
    if (kind->reduced < SHARDING_N_DIMS) cost->total_s += cost->all_reduce_s;
  }
  if (design->model == SHARDING_PRICED && (has_producer || second)) {
    cost->total_s +=
        design->price(design->price_context, layer, SHARDING_BACKWARD_EPILOGUE, exclusive, p) / design->clock_hz;
  }
  if (second) {
    const double phase_s = phase_s_of(problem, layer, design, p, SHARDING_BACKWARD_WEIGHT, cost);
    cost->total_s += sharding_phases_s(problem, phase_s, cost->shift_s, cost->phases);
    if (!rotation.weights) {
      cost->total_s += sharding_all_reduce_s(problem, (double)sharding_weight_elements(kind, exclusive),
                                             sharding_replication(strategy, kind->weight_dims), bandwidth);
    }
  }
}

uint64_t sharding_lasting_bytes(const struct sharding_problem *problem, const struct sharding_cost *cost) {
  if (!problem->training) return cost->weight_bytes;
  const double states = (double)(cost->gradient_bytes / problem->element_bytes) * problem->optimizer_bytes_per_weight;
  return sat_add(sat_add(cost->weight_bytes, cost->gradient_bytes),
                 sat_add(states < 0x1p63 ? (uint64_t)states : UINT64_MAX / 2, cost->kept_bytes));
}
