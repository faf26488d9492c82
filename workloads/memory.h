/* What must one device hold of the parameters that it trains, whatever runs through them?
 *
 * Weights, gradients, the optimizer's state, and buffers for what devices send each other; with ZeRO each rank of a
 * data group holds a shard of some of them. Activations are block.h's. (accelerator-search §9, "Memory"; workloads §6,
 * §8; arXiv 1910.02054.) */
#ifndef WORKLOADS_MEMORY_H
#define WORKLOADS_MEMORY_H

#include "workloads/training.h"

enum { MEMORY_MAX_ZERO = 3 };

struct memory_share {
  uint64_t parameters;         /* that the device trains, before ZeRO spreads them; experts and copies of tables too */
  uint64_t expert_parameters;  /* of them, those of experts */
  uint64_t frozen_parameters;  /* besides them: weights alone */
  uint64_t largest_parameters; /* of its largest block: ZeRO brings those of a block together at once */
  uint64_t largest_held;       /* of the block with most of both, frozen ones among them */
  uint64_t data;               /* ranks that train the same parameters: data · context */
  uint64_t expert_data;        /* ranks that train the same experts: data · context / expert */
  uint64_t zero;               /* 0: each rank holds all; 1: the optimizer's state is spread; 2: gradients too;
                                  3: weights too */
};
struct memory_state {
  uint64_t weights_bytes, gradients_bytes, optimizer_bytes, buffers_bytes;
};
/* A shard is ⌈parameters / ranks⌉, as flat buffers are padded to the ranks. Saturates. */
void memory_of_state(const struct training_settings *settings, uint64_t weight_bytes, const struct memory_share *share,
                     struct memory_state *state);

#endif
