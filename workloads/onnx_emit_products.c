/* Which ops are the convolutions and matrix products of an ONNX graph?
 *
 * A window with different strides or paddings in its two directions gets the bounds of an equal convolution with as
 * many outputs and products; a third spatial axis joins images and channels. Left out: what any of it costs. */
#include "base/checked.h"
#include "workloads/onnx_emit.h"
#include "workloads/onnx_shape.h"
#include <string.h>

/* Padding in front if it is the same behind and the bounds then give the right number of outputs; else the part of the
 * input that the filter reads. */
static void set_axis(struct op *op, const struct onnx_window *window, size_t in, size_t filter, size_t pad) {
  const uint64_t stride = op->dim[DIM_STRIDE], dilation = op->dim[DIM_DILATION];
  op->dim[in] = (uint64_t)window->size;
  op->dim[filter] = (uint64_t)window->filter;
  op->dim[pad] = (uint64_t)window->pad_begin;
  const uint64_t reach = sat_add(sat_mul(dilation, (uint64_t)window->filter - 1), 1);
  const uint64_t padded = sat_add(op->dim[in], 2 * op->dim[pad]);
  const bool same = (uint64_t)window->stride == stride && (uint64_t)window->dilation == dilation;
  if (same && padded >= reach && (padded - reach) / stride + 1 == (uint64_t)window->out) return;
  op->dim[in] = sat_add(sat_mul((uint64_t)window->out - 1, stride), reach);
  op->dim[pad] = 0;
}

/* Of one to three spatial axes: depth joins the images on the way out and the channels on the way in. */
static void set_bounds(struct op *op, const struct onnx_node *node, const struct onnx_shape *x,
                       const struct onnx_shape *y, const struct onnx_shape *w) {
  const size_t n_axes = x->rank - 2u;
  struct onnx_window windows[3];
  for (size_t k = 0; k < n_axes; k++) {
    windows[k] = onnx_window_of(node, k, n_axes, x->dims[k + 2], w->dims[k + 2]);
    windows[k].out = y->dims[k + 2];
  }
  static const struct onnx_window flat = {1, 1, 1, 1, 0, 0, 1};
  const struct onnx_window *const height = n_axes > 1 ? &windows[n_axes - 2] : &flat, *const width =
                                                                                          &windows[n_axes - 1];
  op->dim[DIM_IMAGES] = (uint64_t)x->dims[0];
  op->dim[DIM_IN_CHANNELS] = (uint64_t)x->dims[1];
  if (n_axes == 3) {
    op->dim[DIM_IMAGES] = sat_mul(op->dim[DIM_IMAGES], (uint64_t)windows[0].out);
    op->dim[DIM_IN_CHANNELS] = sat_mul(op->dim[DIM_IN_CHANNELS], (uint64_t)windows[0].filter);
  }
  op->dim[DIM_OUT_CHANNELS] = (uint64_t)y->dims[1];
  op->dim[DIM_GROUPS] = (uint64_t)onnx_int(node, "group", 1);
  op->dim[DIM_STRIDE] = (uint64_t)(n_axes > 1 ? height : width)->stride;
  op->dim[DIM_DILATION] = (uint64_t)(n_axes > 1 ? height : width)->dilation;
  set_axis(op, height, DIM_IN_HEIGHT, DIM_FILTER_HEIGHT, DIM_PAD_HEIGHT);
  set_axis(op, width, DIM_IN_WIDTH, DIM_FILTER_WIDTH, DIM_PAD_WIDTH);
}

void onnx_emit_filter(struct onnx_build *build, const struct onnx_node *node) {
  const bool turned = node->op->emit == EMIT_UNFILTER;
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct onnx_weights weights;
  const size_t n = onnx_gather_operands(build, node, operands, &weights);
  const struct onnx_shape *const x = &onnx_operand(build->graph, node, 0)->shape;
  const struct onnx_shape *const w = &onnx_operand(build->graph, node, onnx_second_factor(node))->shape;
  const struct onnx_shape *const y = &onnx_value_at(build, onnx_main_output(node))->shape;
  struct op op = op_new(node->op->kind, build->emit->element_bytes);
  /* A transposed convolution has the bounds of the one whose input it computes. */
  struct onnx_shape filter = *w;
  set_bounds(&op, node, turned ? y : x, turned ? x : y, &filter);
  if (!turned && op.dim[DIM_GROUPS] > 1 && op.dim[DIM_GROUPS] == op.dim[DIM_IN_CHANNELS] &&
      op.dim[DIM_OUT_CHANNELS] == op.dim[DIM_GROUPS])
    op.kind = OP_DEPTHWISE;
  op.n_parameters = weights.n_parameters;
  op.weight_bytes = emit_product(build->emit, weights.n_weights, build->emit->element_bytes);
  for (size_t i = 0; i < n; i++)
    op.in_bytes = sat_add(op.in_bytes, emit_product(build->emit, operands[i].elements, operands[i].bytes));
  const struct tensor out = onnx_tensor_of(build, onnx_main_output(node));
  op.out_bytes = emit_product(build->emit, out.elements, out.bytes);
  const uint32_t index = emit_op(build->emit, onnx_name_of(build, node), &op, operands, n);
  onnx_own_weights(build, node, index, &weights);
  onnx_set_outputs(build, node, index);
}

/* --- products -------------------------------------------------------------------------------------------------- */

static bool has_label(const struct onnx_term *term, uint8_t label) {
  return memchr(term->labels, label, term->n) != NULL;
}

/* The letters of both operands that the output lacks are summed over; those of b and the output alone are its columns;
 * those of all three repeat. */
static void einsum_bounds(const struct onnx_build *build, const struct onnx_node *node, uint64_t *reps, uint64_t *n,
                          uint64_t *k) {
  struct onnx_einsum einsum;
  *reps = *n = *k = 1;
  if (onnx_read_einsum(build->graph, node, &einsum) != NULL) return; /* has been read before */
  const struct onnx_term *const b = &einsum.operands[1];
  for (size_t i = 0; i < b->n; i++) {
    if (memchr(b->labels, b->labels[i], i) != NULL) continue; /* a diagonal */
    const bool in_a = has_label(&einsum.operands[0], b->labels[i]), in_out = has_label(&einsum.out, b->labels[i]);
    uint64_t *const bound = in_a && in_out ? reps : in_out ? n : k;
    *bound = sat_mul(*bound, (uint64_t)einsum.size[b->labels[i]]);
  }
}

/* Weights of less than eight bits count as what they stand for: N × K of the node's attributes. */
static void unpack_weights(const struct onnx_build *build, const struct onnx_node *node, struct onnx_weights *weights) {
  const struct onnx_value *const b = onnx_operand(build->graph, node, 1);
  const uint64_t real = sat_mul((uint64_t)onnx_int(node, "N", 0), (uint64_t)onnx_int(node, "K", 0));
  if (b->source == SOURCE_DATA) return;
  weights->n_constants = 0; /* scales and zero points */
  if (b->source != SOURCE_WEIGHT) {
    weights->n_constants = real;
    return;
  }
  weights->n_weights = sat_add(weights->n_weights - b->elements, real);
  if (build->owner[b->root] == OP_ABSENT) weights->n_parameters = sat_add(weights->n_parameters - b->elements, real);
}

/* reps, m, n, k of the product of operands a and b. `shared`: b is one matrix for all of a. */
static void product_bounds(const struct onnx_build *build, const struct onnx_node *node, const struct onnx_value *a,
                           const struct onnx_value *b, struct op *op) {
  const struct onnx_value *const out = onnx_value_at(build, onnx_main_output(node));
  uint64_t k = (uint64_t)(a->shape.rank > 0 ? a->shape.dims[a->shape.rank - 1] : 1);
  const bool turned = onnx_int(node, "transA", 0) != 0 && a->shape.rank > 1; /* of matrices, and of the fused form */
  if (turned) k = (uint64_t)a->shape.dims[a->shape.rank - 2];
  uint64_t n = b->shape.rank > 1 && out->shape.rank > 0 ? (uint64_t)out->shape.dims[out->shape.rank - 1] : 1, reps = 1;
  const bool packed = node->op->infer == INFER_matmul_bits; /* its shape is that of bytes */
  for (size_t i = 0; i + 2 < b->shape.rank && !packed; i++) reps = sat_mul(reps, (uint64_t)b->shape.dims[i]);
  if (node->op->infer == INFER_einsum) einsum_bounds(build, node, &reps, &n, &k);
  op->dim[DIM_REPS] = reps;
  op->dim[DIM_N] = n;
  op->dim[DIM_K] = k;
  const uint64_t rest = sat_mul(reps, n);
  op->dim[DIM_M] = rest > 0 ? max_u64(1, out->elements / rest) : 1;
}

void onnx_emit_product(struct onnx_build *build, const struct onnx_node *node) {
  const struct onnx_value *const a = onnx_operand(build->graph, node, 0);
  const struct onnx_value *const b = onnx_operand(build->graph, node, onnx_second_factor(node));
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct onnx_weights weights;
  const size_t n = onnx_gather_operands(build, node, operands, &weights);
  if (b == NULL) { /* a sum or a turn written as an equation */
    onnx_emit_lanes(build, node, OP_REDUCE, a->elements);
    return;
  }
  if (node->op->infer == INFER_einsum && node->n_inputs > 2) {
    onnx_emit_contraction(build, node);
    return;
  }
  if (node->op->infer == INFER_matmul_bits) unpack_weights(build, node, &weights);
  struct op op = op_new(OP_GEMM, build->emit->element_bytes);
  product_bounds(build, node, a, b, &op);
  if (a->source != SOURCE_DATA) { /* weight · data: the transposed product, whose second operand is the weight */
    const uint64_t m = op.dim[DIM_M];
    op.dim[DIM_M] = op.dim[DIM_N];
    op.dim[DIM_N] = m;
  }
  op.weighted = a->source != SOURCE_DATA || b->source != SOURCE_DATA;
  op.n_parameters = weights.n_parameters;
  op.weight_bytes =
      emit_product(build->emit, sat_add(weights.n_weights, weights.n_constants), build->emit->element_bytes);
  const size_t n_read = op.weighted ? 1 : 2; /* a bias that is data is added in passing */
  for (size_t i = 0; i < n && i < n_read; i++)
    op.in_bytes = sat_add(op.in_bytes, emit_product(build->emit, operands[i].elements, operands[i].bytes));
  const struct tensor out = onnx_tensor_of(build, onnx_main_output(node));
  op.out_bytes = emit_product(build->emit, out.elements, out.bytes);
  const uint32_t index = emit_op(build->emit, onnx_name_of(build, node), &op, operands, min_u64(n, n_read));
  onnx_own_weights(build, node, index, &weights);
  onnx_set_outputs(build, node, index);
}
