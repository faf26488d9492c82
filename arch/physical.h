/* The parts that cost providers are put together from: matrix products, lanes, links. Private to arch/ and its tests.
 */
#ifndef ARCH_PHYSICAL_H
#define ARCH_PHYSICAL_H

#include "arch/cost.h"

/* A tensor op on `n_cores` tensor cores, with the lane time of its fused followers on as many vector cores beside it
 * (0: none; UINT64_MAX: they cannot run). */
void tensor_cost(const struct machine *machine, const struct op *op, uint64_t follower_cycles, uint64_t n_cores,
                 struct op_cost *cost);
/* `follower_cycles`: on one vector core. */
void tensor_floor(const struct machine *machine, const struct op *op, uint64_t follower_cycles, struct op_floor *floor);
/* Cycles of the array alone on one core, and the dataflow that takes the fewest; UINT64_MAX: no array, or too large. */
uint64_t tensor_array_cycles(const struct machine *machine, const struct op *op, struct mapping *mapping);
/* Largest tiles along M, N and K of the mapping of a tensor op, of one core, in elements; 0 where there are none. */
struct tensor_tiles {
  uint64_t glb[3], l2[3];
};
void tensor_tiles(const struct machine *machine, const struct op *op, const struct mapping *mapping,
                  struct tensor_tiles *tiles);
/* Cycles that the arrays need for `cycles` of modelled work of this op: what real ones lose, 8-bit operands gain. */
uint64_t tensor_paced_cycles(const struct machine *machine, const struct op *op, uint64_t cycles);
/* Each operand of a tensor op once, and what its followers and biases bring. */
uint64_t tensor_compulsory_bytes(const struct op *op);

/* The op itself; a transposed convolution as the pass of another convolution that it is. What takes tensor ops here
 * wants them so. */
struct op tensor_plain_op(const struct op *op);

/* Lane time on `n_cores` vector cores: of one vector op; of fused followers; of the softmax of fused attention. */
uint64_t vector_op_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores);
uint64_t vector_followers_cycles(const struct machine *machine, const struct op *op,
                                 const struct op_follower *followers, uint64_t n_cores);
uint64_t vector_attention_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores);
void vector_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                 uint64_t n_cores, struct op_cost *cost);
void vector_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                  struct op_floor *floor);

/* A tensor op on lanes: time on `n_cores` vector cores; bytes; whether one vector core computes it in fewer cycles than
 * one array, followers included and memories aside. */
uint64_t lanes_product_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores);
void lanes_product_bytes(const struct machine *machine, const struct op *op, uint64_t n_cores, uint64_t *hbm_bytes,
                         uint64_t *glb_bytes);
bool lanes_are_sooner(const struct machine *machine, const struct op *op, uint64_t follower_cycles);
/* Steps in which lanes combine what they hold of each row. */
uint64_t lanes_reduction_cycles(uint64_t rows, uint64_t row, uint64_t lanes, uint64_t n_cores);

/* Fused attention on `n_cores` tensor cores and as many vector cores. */
void attention_cost(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                    uint64_t n_cores, struct op_cost *cost);
void attention_floor(const struct machine *machine, const struct op *op, const struct op_follower *followers,
                     struct op_floor *floor);

/* A collective over the machine's network; over a ring of its links where there is none. */
void link_cost(const struct machine *machine, const struct op *op, struct op_cost *cost);
/* Over a ring, whatever the network; `latency_cycles` a step. */
void link_ring_cost(const struct machine *machine, const struct op *op, uint64_t latency_cycles, struct op_cost *cost);
void link_floor(const struct machine *machine, const struct op *op, struct op_floor *floor);

/* The op's cycles against its floor: a provider that beats a roofline is a bug, in release builds too. */
void cost_check(const struct op *op, const struct op_cost *cost);

static inline bool op_is_backward(const struct op *op) {
  return op->phase == PHASE_BACKWARD_DATA || op->phase == PHASE_BACKWARD_WEIGHT;
}

#endif
