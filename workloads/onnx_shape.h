/* Shapes of one node's outputs. Used by onnx_infer.c, onnx_shape*.c and onnx_window.c alone. */
#ifndef WORKLOADS_ONNX_SHAPE_H
#define WORKLOADS_ONNX_SHAPE_H

#include "base/checked.h"
#include "workloads/onnx_graph.h"
#include <string.h>

/* A symbolic dimension of an input and what it is bound to. */
struct onnx_symbol {
  const char *name;
  int64_t value;
};

/* A node at work: its outputs' shapes are set by onnx_set_shape. */
struct onnx_inference {
  struct onnx_graph *graph;
  const struct onnx_node *node;
  struct error *error;
  const struct onnx_symbol *symbols; /* that are bound */
  size_t n_symbols;
  bool stated; /* the shapes are the file's: what they depend on is not known */
};

#define ONNX_INFER(rule) bool onnx_infer_##rule(struct onnx_inference *inference);
#include "workloads/onnx_rules.def"
#undef ONNX_INFER

/* The shape of operand i, NULL if it is left out. */
const struct onnx_shape *onnx_shape_of(const struct onnx_inference *inference, size_t i);
/* Sets output i (nothing if it is left out): dimensions and their product must be in range. */
bool onnx_set_shape(struct onnx_inference *inference, size_t i, const int64_t *dims, size_t rank, int32_t type);
/* Output 0 like `shape`; type 0: that of operand 0. */
bool onnx_set_like(struct onnx_inference *inference, const struct onnx_shape *shape, int32_t type);
/* `value`, or the end of the range that it lies beyond. */
static inline int64_t onnx_clamp(int64_t value, int64_t least, int64_t most) {
  return value < least ? least : value > most ? most : value;
}
/* The shape that the file states of output i, its symbols bound; false if it states none, or one that stays open. */
bool onnx_stated_shape(const struct onnx_inference *inference, size_t i, struct onnx_shape *shape);
/* For a shape that depends on values which are not known: takes those that the file states, or rejects the node with
 * the message. Always false; sets `stated`. */
bool onnx_take_stated(struct onnx_inference *inference, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* --- another batch than the file was exported for (onnx_batch.c) --- */

/* Whether `now` is what a dimension of `then` in the export has become. */
static inline bool onnx_is_rebatched(const struct onnx_graph *graph, int64_t then, int64_t now) {
  return graph->traced != NULL && then > 0 && now > 0 && then % graph->file_batch == 0 &&
         sat_mul((uint64_t)(then / graph->file_batch), (uint64_t)graph->asked_batch) == (uint64_t)now;
}
/* The shape that operand 0 must be given in place of the one that output 0 had in the export; false if none is right.
 */
bool onnx_rebatch(const struct onnx_inference *inference, struct onnx_shape *shape);

/* An axis that may count from behind; false, with a message, if it is out of range. */
bool onnx_axis(const struct onnx_inference *inference, int64_t given, size_t rank, size_t *axis);
/* The integers that are attribute `name`, or operand i in newer operator sets; `n` 0 if there are none. False, with a
 * message, if the operand's values are not known. */
bool onnx_list(struct onnx_inference *inference, const char *name, size_t i, const int64_t **list, size_t *n);
/* Operand i must be there; with its shape. */
bool onnx_need(const struct onnx_inference *inference, size_t n_operands);
/* An equation of einsum, "bhid,bhjd->bhij": labels 0 to 51 are letters, further ones the ellipsis'. */
enum { ONNX_EINSUM_LABELS = 52 + ONNX_MAX_RANK, ONNX_EINSUM_OPERANDS = 16 };
struct onnx_term {
  size_t n, n_covered; /* dimensions in all, of the ellipsis */
  uint8_t labels[ONNX_MAX_RANK];
};
struct onnx_einsum {
  size_t n_operands;
  struct onnx_term operands[ONNX_EINSUM_OPERANDS], out;
  int64_t size[ONNX_EINSUM_LABELS];
};
/* What is wrong with the node's equation, NULL if nothing. */
const char *onnx_read_einsum(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_einsum *einsum);
/* The second factor of a product or filter: behind scale and zero point in the quantised form. */
static inline size_t onnx_second_factor(const struct onnx_node *node) {
  return strncmp(node->type, "QLinear", 7) == 0 || strcmp(node->type, "QGemm") == 0 ? 3 : 1;
}
/* Whether a recurrence has its matrices turned, [directions, inputs, gates]: DynamicQuantizeLSTM. */
static inline bool onnx_turned_gates(const struct onnx_node *node) { return node->type[0] == 'D'; }
/* Attention in any of its forms. Operands are numbers of the node's, ONNX_LEFT_OUT: there is none. */
#define ONNX_LEFT_OUT SIZE_MAX
enum { ONNX_MASKS = 2 };
struct onnx_attention {
  int64_t batch, queries, keys, past; /* of one sample; keys: those of the past among them */
  int64_t heads, kv_heads, head, value_head;
  bool causal, rotary, capped;
  bool apart;                  /* heads stand in front of the tokens: [batch, heads, tokens, head] */
  bool packed;                 /* queries, keys and values are one tensor; `joined`: keys and values are */
  bool joined;                 /* behind each other in one operand */
  size_t query, key, value;    /* key ONNX_LEFT_OUT: packed; value so: joined */
  size_t weights, bias;        /* the matrix that makes them, and their bias, which may come without a matrix */
  size_t past_key, past_value; /* the same if both lie in one tensor */
  size_t masks[ONNX_MASKS];    /* added to the scores */
};
/* What is wrong with the node, NULL if nothing. */
const char *onnx_read_attention(const struct onnx_graph *graph, const struct onnx_node *node,
                                struct onnx_attention *attention);
/* Experts of MoE and QMoE: widths of the matrices as they are multiplied. */
struct onnx_experts {
  int64_t experts, chosen, hidden, inner;
  size_t matrices[3], biases[3]; /* operands; the third may be left out */
  uint64_t packed;               /* weights that an element of a matrix holds */
  int64_t widths[3];             /* of what they put out */
};
const char *onnx_read_experts(const struct onnx_graph *graph, const struct onnx_node *node,
                              struct onnx_experts *experts);
/* The effective padding, stride and output of a window along spatial axis k, of `size` elements; −1: does not fit. */
struct onnx_window {
  int64_t size, filter, stride, dilation, pad_begin, pad_end, out;
};
struct onnx_window onnx_window_of(const struct onnx_node *node, size_t k, size_t n_axes, int64_t size, int64_t filter);

#endif
