/* What an op of the forward graph means for the backward pass: sizes of tensors, which operands carry gradients, what
 * is kept, how much the backward op moves. Used by training.c alone; apart from it because these are tables and facts,
 * and that is a walk over a graph. */
#ifndef WORKLOADS_TRAINING_RULES_H
#define WORKLOADS_TRAINING_RULES_H

#include "workloads/training.h"

/* Elements of the tensor an op writes, masks not counted; and its bytes. */
uint64_t rules_out_elements(const struct op *op);
uint64_t rules_tensor_bytes(const struct op *op);
/* Elements of what op i reads through its operand `j` (place in its row of predecessors): no more than its predecessor
 * wrote, less if it reads a slice. */
uint64_t rules_operand_elements(const struct op_graph *graph, size_t i, size_t j);

struct rules_flags {
  bool weight;   /* the tensor is a parameter, or a view of one */
  bool requires; /* its gradient is of use: some parameter lies before it */
  bool active;   /* and it reaches an end of the graph through ops that pass gradients */
};
/* n_ops flags, in `scratch`. */
struct rules_flags *rules_flags_new(const struct op_graph *graph, struct arena *scratch);
static inline bool rules_owns_weights(const struct op *op) {
  return op->kind != OP_WEIGHT && (op->n_parameters > 0 || op->weight_group != OP_ABSENT);
}
/* Whether operand j of op i is a tensor of activations at all (no parameter, no fact about a shape). */
bool rules_is_data(const struct op_graph *graph, const struct rules_flags *flags, size_t i, size_t j);
/* The two factors of a product of activations as places in the row of predecessors: A, then B. They may coincide.
 * False if there is no data operand. */
bool rules_factors(const struct op_graph *graph, const struct rules_flags *flags, size_t i, size_t factor[2]);
/* Whether op i gathers what a split has shared out: kept is only the part that was here before, and its readers gather
 * it once more for the backward pass (arXiv 2205.05198, sequence parallelism). */
static inline bool rules_is_gathered_again(const struct op *op) {
  return op->kind == OP_ALL_GATHER && op_is_split_link(op);
}
/* Bytes each op keeps for the backward pass (workloads §6), n_ops of them, in `scratch`. */
uint64_t *rules_kept_bytes(const struct op_graph *graph, const struct rules_flags *flags, bool keep_statistics,
                           struct arena *scratch);
/* Bytes that the backward op of vector op i reads: the gradient and what was kept for it. */
uint64_t rules_backward_in_bytes(const struct op_graph *graph, size_t i);
/* Of a FAMILY_ATTENTION op: the operands Q, K, V that come first and carry gradients; the logarithm of each row's sum
 * of exponentials, in fp32, from which the backward pass makes the scores again. */
enum { RULES_ATTENTION_FACTORS = 3 };
uint64_t rules_attention_statistics_bytes(const struct op *op);
/* Weights proper of a TENSOR op: what it owns beyond is bias. */
uint64_t rules_weights(const struct op *op);

#endif
