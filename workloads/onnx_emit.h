/* Ops from nodes: what the rules of onnx_ops.def's last column share. Used by onnx_emit*.c alone. */
#ifndef WORKLOADS_ONNX_EMIT_H
#define WORKLOADS_ONNX_EMIT_H

#include "workloads/onnx_graph.h"

struct onnx_build {
  const struct onnx_graph *graph;
  struct emitter *emit;
  struct tensor *tensors; /* of each value of SOURCE_DATA */
  uint32_t *owner;        /* of each root: the op that owns the parameter, OP_ABSENT: none yet */
  struct error *error;
};

/* What an op reads of weights and constants, and what it owns of them. */
struct onnx_weights {
  uint64_t n_parameters, n_weights, n_constants;
  uint32_t main; /* root of the first, ONNX_NONE: none */
  bool shared;
};

static inline const struct onnx_value *onnx_value_at(const struct onnx_build *build, uint32_t index) {
  return &build->graph->values[index];
}
/* The first output that is not left out: one is there, or the node would make no op. */
static inline uint32_t onnx_main_output(const struct onnx_node *node) {
  size_t i = 0;
  while (i + 1 < node->n_outputs && node->outputs[i] == ONNX_NONE) i++;
  return node->outputs[i];
}
/* The shape of a value as a tensor that no op has put out yet. */
struct tensor onnx_tensor_of(const struct onnx_build *build, uint32_t index);
/* Its name, or "Type_3" of node 3 without one. */
const char *onnx_name_of(const struct onnx_build *build, const struct onnx_node *node);
/* Data operands, in order; weights and constants go to `weights`. */
size_t onnx_gather_operands(struct onnx_build *build, const struct onnx_node *node, struct tensor *operands,
                            struct onnx_weights *weights);
/* Operand `index` of an op to come. */
void onnx_add_weight(const struct onnx_build *build, struct onnx_weights *weights, uint32_t index);
/* The same for a few operands alone (ONNX_NONE: left out) of a node that becomes several ops. */
void onnx_own_operands(struct onnx_build *build, uint32_t op, const struct onnx_weights *weights,
                       const uint32_t *operands, size_t n);
/* The op has been added: what it read first is its own; what another owns is shared with that one. */
void onnx_own_weights(struct onnx_build *build, const struct onnx_node *node, uint32_t op,
                      const struct onnx_weights *weights);
/* Every output of the node is what `op` put out; output i alone, if it is there. */
void onnx_set_outputs(struct onnx_build *build, const struct onnx_node *node, uint32_t op);
void onnx_set_output(struct onnx_build *build, const struct onnx_node *node, size_t i, uint32_t op);
/* --- for nodes that become several ops ("NAME.part") --- */

/* The number of operand i, ONNX_NONE if it is left out. */
static inline uint32_t onnx_operand_number(const struct onnx_node *node, size_t i) {
  return i < node->n_inputs ? node->inputs[i] : ONNX_NONE;
}
/* Operand i as a tensor: what is no data becomes an op of its own (a parameter, or an input). */
struct tensor onnx_operand_tensor(struct onnx_build *build, const struct onnx_node *node, size_t i);
/* An elementwise op over `out` that reads tensors, and operands that are weights or constants. */
struct tensor onnx_emit_part(struct onnx_build *build, const struct onnx_node *node, const char *part,
                             const struct vector_op *vector, const struct tensor *tensors, size_t n_tensors,
                             const uint32_t *operands, size_t n_operands);
/* reps times m rows of x by a matrix and a bias (ONNX_NONE: none); `packed` weights lie in each element of it. */
struct onnx_matrix {
  uint64_t reps, m, n, k, packed;
  uint32_t matrix, bias;
  uint8_t rank;
};
struct tensor onnx_emit_matrix(struct onnx_build *build, const struct onnx_node *node, const char *part,
                               struct tensor x, const struct onnx_matrix *matrix);
/* Elementwise and the like. n_lanes 0: as many as it puts out. */
void onnx_emit_lanes(struct onnx_build *build, const struct onnx_node *node, enum op_kind kind, uint64_t n_lanes);

void onnx_emit_filter(struct onnx_build *build, const struct onnx_node *node);      /* onnx_emit_products.c */
void onnx_emit_product(struct onnx_build *build, const struct onnx_node *node);     /* onnx_emit_products.c */
void onnx_emit_contraction(struct onnx_build *build, const struct onnx_node *node); /* onnx_emit_joined.c */
void onnx_emit_recurrence(struct onnx_build *build, const struct onnx_node *node);  /* onnx_emit_steps.c */
void onnx_emit_attention(struct onnx_build *build, const struct onnx_node *node);   /* onnx_emit_attention.c */
void onnx_emit_skip_norm(struct onnx_build *build, const struct onnx_node *node);   /* onnx_emit_joined.c */
void onnx_emit_embed_norm(struct onnx_build *build, const struct onnx_node *node);  /* onnx_emit_joined.c */
void onnx_emit_experts(struct onnx_build *build, const struct onnx_node *node);     /* onnx_emit_joined.c */

#endif
