/* What does a training step add to a layer? Ours; no paper's. */
#ifndef SEARCH_SHARDING_SHARDING_TRAINING_H
#define SEARCH_SHARDING_SHARDING_TRAINING_H

#include "search/sharding/sharding.h"

/* Adds the backward pass of the layer to cost->total_s. */
void sharding_add_backward(const struct sharding_problem *problem, uint32_t layer, const struct sharding_design *design,
                           uint32_t p, double bandwidth, const struct sharding_strategy *strategy,
                           struct sharding_cost *cost);
/* Bytes of a board that one more layer takes for good: weights, and in training their gradients, what the optimizer
 * keeps, and the input kept for the backward pass. */
uint64_t sharding_lasting_bytes(const struct sharding_problem *problem, const struct sharding_cost *cost);
/* Serial or overlapped phases (sharding §3). */
double sharding_phases_s(const struct sharding_problem *problem, double phase_s, double shift_s, uint32_t g);

#endif
