/* Which ops are the nodes of an ONNX graph?
 *
 * Every node that depends on data becomes an op by the rule of its row in onnx_ops.def; its parameters are owned by the
 * first op that reads them, further readers share them by a weight group. A window with different strides or paddings
 * in its two directions gets the bounds of an equal convolution with as many outputs and products. Recurrences become
 * one product over all steps and a chain of steps, as in gnmt.c. Left out: what any of it costs. */
#include "base/checked.h"
#include "base/text.h"
#include "workloads/onnx_shape.h"
#include <stdio.h>
#include <string.h>

enum { MAX_STEPS = 2000 }; /* of a recurrence that becomes a chain; more: as many at once */

struct build {
  const struct onnx_graph *graph;
  struct emitter *emit;
  struct tensor *tensors; /* of each value of SOURCE_DATA */
  uint32_t *owner;        /* of each root: the op that owns the parameter, OP_ABSENT: none yet */
  struct error *error;
};

static const struct onnx_value *value_at(const struct build *build, uint32_t index) {
  return &build->graph->values[index];
}

static uint8_t bytes_of(const struct build *build, const struct onnx_value *value) {
  return onnx_is_real(value->type) || value->type == ONNX_INT8 || value->type == ONNX_UINT8
             ? (uint8_t)build->emit->element_bytes
             : EMIT_INDEX_BYTES;
}

static struct tensor shape_of(const struct build *build, uint32_t index) {
  const struct onnx_value *const value = value_at(build, index);
  const uint8_t rank = value->shape.rank;
  return (struct tensor){.rank = rank,
                         .bytes = bytes_of(build, value),
                         .elements = value->elements,
                         .row = rank > 0 ? (uint64_t)value->shape.dims[rank - 1] : 1};
}

/* What an op reads of weights and constants, and what it owns of them. */
struct weights {
  uint64_t n_parameters, n_weights, n_constants;
  uint32_t main; /* root of the first, ONNX_NONE: none */
  bool shared;
};

/* Operand `index` of an op to come. */
static void add_weight(const struct build *build, struct weights *weights, uint32_t index) {
  const struct onnx_value *const value = value_at(build, index);
  if (value->source == SOURCE_CONSTANT) {
    if (value->elements > 1) weights->n_constants = sat_add(weights->n_constants, value->elements);
    return;
  }
  if (value->source != SOURCE_WEIGHT) return;
  weights->n_weights = sat_add(weights->n_weights, value->elements);
  if (build->owner[value->root] == OP_ABSENT)
    weights->n_parameters = sat_add(weights->n_parameters, value_at(build, value->root)->elements);
  else
    weights->shared |= weights->main == ONNX_NONE;
  if (weights->main == ONNX_NONE) weights->main = value->root;
}

/* The op has been added: what it read first is its own; what another owns is shared with that one. */
static void own_weights(struct build *build, const struct onnx_node *node, uint32_t op, const struct weights *weights) {
  struct op *const made = graph_builder_op(build->emit->builder, op);
  if (weights->shared && weights->main != ONNX_NONE) {
    struct op *const first = graph_builder_op(build->emit->builder, build->owner[weights->main]);
    if (first->weight_group == OP_ABSENT) first->weight_group = weights->main;
    made->weight_group = first->weight_group;
  }
  for (size_t i = 0; i < node->n_inputs; i++) {
    const struct onnx_value *const value = onnx_operand(build->graph, node, i);
    if (value != NULL && value->source == SOURCE_WEIGHT && build->owner[value->root] == OP_ABSENT)
      build->owner[value->root] = op;
  }
  for (size_t i = 0; i < 2 && node->pattern != 0; i++)
    if (node->pattern_weights[i] != ONNX_NONE) build->owner[value_at(build, node->pattern_weights[i])->root] = op;
}

/* Data operands, in order; weights and constants go to `weights`. */
static size_t gather_operands(struct build *build, const struct onnx_node *node, struct tensor *operands,
                              struct weights *weights) {
  size_t n = 0;
  *weights = (struct weights){.main = ONNX_NONE};
  for (size_t i = 0; i < node->n_inputs; i++) {
    if (node->inputs[i] == ONNX_NONE) continue;
    if (value_at(build, node->inputs[i])->source == SOURCE_DATA)
      operands[n++] = build->tensors[node->inputs[i]];
    else
      add_weight(build, weights, node->inputs[i]);
  }
  return n;
}

static void set_outputs(struct build *build, const struct onnx_node *node, uint32_t op) {
  for (size_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] == ONNX_NONE) continue;
    struct tensor tensor = shape_of(build, node->outputs[i]);
    tensor.op = op;
    build->tensors[node->outputs[i]] = tensor;
  }
}

static const char *name_of(const struct build *build, const struct onnx_node *node) {
  char *const name = ARENA_NEW(build->graph->arena, char, EMIT_NAME_BYTES);
  if (node->name[0] != '\0') {
    text_escape(node->name, name, EMIT_NAME_BYTES);
  } else {
    char type[EMIT_NAME_BYTES / 2];
    text_escape(node->type, type, sizeof type);
    snprintf(name, EMIT_NAME_BYTES, "%s_%u", type, node->number);
  }
  return name;
}

/* Elementwise and the like. */
static void emit_lanes(struct build *build, const struct onnx_node *node, enum op_kind kind, uint64_t n_lanes) {
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct weights weights;
  const size_t n = gather_operands(build, node, operands, &weights);
  struct vector_op vector = {.kind = kind,
                             .n_lanes = n_lanes,
                             .n_parameters = weights.n_parameters,
                             .n_weights = weights.n_weights,
                             .n_constants = weights.n_constants,
                             .group = OP_ABSENT,
                             .out = shape_of(build, node->outputs[0])};
  const struct tensor out = emit_vector(build->emit, name_of(build, node), &vector, operands, n);
  own_weights(build, node, out.op, &weights);
  set_outputs(build, node, out.op);
}

static void emit_pattern(struct build *build, const struct onnx_node *node) {
  struct weights weights = {.main = ONNX_NONE};
  for (size_t i = 0; i < 2; i++)
    if (node->pattern_weights[i] != ONNX_NONE) add_weight(build, &weights, node->pattern_weights[i]);
  const struct vector_op vector = {.kind = (enum op_kind)node->pattern,
                                   .n_parameters = weights.n_parameters,
                                   .n_weights = weights.n_weights,
                                   .group = OP_ABSENT,
                                   .out = shape_of(build, node->outputs[0])};
  const struct tensor out =
      emit_vector(build->emit, name_of(build, node), &vector, &build->tensors[node->pattern_x], 1);
  own_weights(build, node, out.op, &weights);
  set_outputs(build, node, out.op);
}

static void emit_views(struct build *build, const struct onnx_node *node) {
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct weights weights;
  const size_t n = gather_operands(build, node, operands, &weights);
  for (size_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] == ONNX_NONE) continue;
    struct tensor out = shape_of(build, node->outputs[i]);
    build->tensors[node->outputs[i]] = emit_view(build->emit, name_of(build, node), out, operands, n);
  }
}

/* Batch norm has two trained vectors and two that are not; other norms scale and offset alone. */
static void emit_norms(struct build *build, const struct onnx_node *node) {
  struct weights weights = {.main = ONNX_NONE};
  for (size_t i = 1; i < node->n_inputs && i < 3; i++)
    if (node->inputs[i] != ONNX_NONE) add_weight(build, &weights, node->inputs[i]);
  const struct onnx_shape *const x = &onnx_operand(build->graph, node, 0)->shape;
  const bool by_channel = node->op->kind == OP_BATCH_NORM && x->rank > 1;
  const struct vector_op vector = {.kind = node->op->kind,
                                   .n_parameters = weights.n_parameters,
                                   .n_weights = weights.n_weights,
                                   .n_channels = by_channel ? (uint64_t)x->dims[1] : 0,
                                   .group = OP_ABSENT,
                                   .out = shape_of(build, node->outputs[0])};
  const bool data = value_at(build, node->inputs[0])->source == SOURCE_DATA;
  const struct tensor out =
      emit_vector(build->emit, name_of(build, node), &vector, &build->tensors[node->inputs[0]], data);
  own_weights(build, node, out.op, &weights);
  set_outputs(build, node, out.op);
}

static void emit_pools(struct build *build, const struct onnx_node *node) {
  const struct onnx_shape *const x = &onnx_operand(build->graph, node, 0)->shape;
  const bool global = node->op->infer == INFER_global_pool;
  uint64_t window = 1;
  for (size_t k = 0; k + 2 < x->rank; k++)
    window = emit_product(build->emit, window,
                          (uint64_t)(global ? x->dims[k + 2] : onnx_ints_at(node, "kernel_shape", k, 1)));
  const struct vector_op vector = {
      .kind = node->op->kind, .window = window, .group = OP_ABSENT, .out = shape_of(build, node->outputs[0])};
  const bool data = value_at(build, node->inputs[0])->source == SOURCE_DATA;
  const struct tensor out =
      emit_vector(build->emit, name_of(build, node), &vector, &build->tensors[node->inputs[0]], data);
  set_outputs(build, node, out.op);
}

/* Rows of a table of weights are an embedding; parts of data are gathered, or looked at if there is one alone. */
static void emit_table(struct build *build, const struct onnx_node *node) {
  const struct onnx_value *const table = onnx_operand(build->graph, node, 0), *const at =
                                                                                  onnx_operand(build->graph, node, 1);
  if (table->source == SOURCE_DATA && at->source != SOURCE_DATA && at->elements == 1) {
    emit_views(build, node);
    return;
  }
  if (table->source != SOURCE_WEIGHT || at->source != SOURCE_DATA) {
    emit_lanes(build, node, OP_GATHER, 0);
    return;
  }
  struct weights weights = {.main = ONNX_NONE};
  add_weight(build, &weights, node->inputs[0]);
  const struct tensor shape = shape_of(build, node->outputs[0]);
  const struct vector_op vector = {.kind = OP_EMBEDDING,
                                   .n_parameters = weights.n_parameters,
                                   .n_weights = shape.elements,
                                   .group = OP_ABSENT,
                                   .out = shape};
  const struct tensor out =
      emit_vector(build->emit, name_of(build, node), &vector, &build->tensors[node->inputs[1]], 1);
  own_weights(build, node, out.op, &weights);
  set_outputs(build, node, out.op);
}

/* --- convolutions ---------------------------------------------------------------------------------------------- */

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

static void emit_filter(struct build *build, const struct onnx_node *node) {
  const bool quantised = strcmp(node->type, "QLinearConv") == 0, turned = node->op->emit == EMIT_UNFILTER;
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct weights weights;
  const size_t n = gather_operands(build, node, operands, &weights);
  const struct onnx_shape *const x = &onnx_operand(build->graph, node, 0)->shape;
  const struct onnx_shape *const w = &onnx_operand(build->graph, node, quantised ? 3 : 1)->shape;
  const struct onnx_shape *const y = &value_at(build, node->outputs[0])->shape;
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
  const struct tensor out = shape_of(build, node->outputs[0]);
  op.out_bytes = emit_product(build->emit, out.elements, out.bytes);
  const uint32_t index = emit_op(build->emit, name_of(build, node), &op, operands, n);
  own_weights(build, node, index, &weights);
  set_outputs(build, node, index);
}

/* --- products -------------------------------------------------------------------------------------------------- */

/* reps, m, n, k of the product of operands a and b. `shared`: b is one matrix for all of a. */
static void product_bounds(const struct build *build, const struct onnx_node *node, const struct onnx_value *a,
                           const struct onnx_value *b, struct op *op) {
  const struct onnx_value *const out = value_at(build, node->outputs[0]);
  uint64_t k = (uint64_t)(a->shape.rank > 0 ? a->shape.dims[a->shape.rank - 1] : 1);
  if (strcmp(node->type, "Gemm") == 0 && onnx_int(node, "transA", 0) != 0) k = (uint64_t)a->shape.dims[0];
  uint64_t n = b->shape.rank > 1 && out->shape.rank > 0 ? (uint64_t)out->shape.dims[out->shape.rank - 1] : 1, reps = 1;
  for (size_t i = 0; i + 2 < b->shape.rank; i++) reps = sat_mul(reps, (uint64_t)b->shape.dims[i]);
  if (node->op->infer == INFER_einsum) {
    /* The letters of both operands that the output lacks are summed over; those of b and the output alone are its
     * columns; those of all three repeat. */
    const char *const text = onnx_attribute(node, "equation")->s, *const comma = strchr(text, ',');
    const char *const arrow = strstr(text, "->");
    k = n = reps = 1;
    size_t at = 0;
    for (const char *c = comma != NULL ? comma + 1 : arrow; c < arrow; c++) {
      if (*c == ' ') continue;
      const uint64_t size = (uint64_t)b->shape.dims[at++];
      const bool in_a = memchr(text, *c, (size_t)(comma - text)) != NULL, in_out = strchr(arrow, *c) != NULL;
      uint64_t *const bound = in_a && in_out ? &reps : in_out ? &n : &k;
      *bound = sat_mul(*bound, size);
    }
  }
  op->dim[DIM_REPS] = reps;
  op->dim[DIM_N] = n;
  op->dim[DIM_K] = k;
  const uint64_t rest = sat_mul(reps, n);
  op->dim[DIM_M] = rest > 0 ? max_u64(1, out->elements / rest) : 1;
}

static void emit_product_op(struct build *build, const struct onnx_node *node) {
  const bool quantised = strcmp(node->type, "QLinearMatMul") == 0;
  const struct onnx_value *const a = onnx_operand(build->graph, node, 0);
  const struct onnx_value *const b = onnx_operand(build->graph, node, quantised ? 3 : 1);
  struct tensor *const operands = ARENA_NEW(build->graph->arena, struct tensor, node->n_inputs);
  struct weights weights;
  const size_t n = gather_operands(build, node, operands, &weights);
  if (b == NULL) { /* a sum or a turn written as an equation */
    emit_lanes(build, node, OP_REDUCE, a->elements);
    return;
  }
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
  const struct tensor out = shape_of(build, node->outputs[0]);
  op.out_bytes = emit_product(build->emit, out.elements, out.bytes);
  const uint32_t index = emit_op(build->emit, name_of(build, node), &op, operands, min_u64(n, n_read));
  own_weights(build, node, index, &weights);
  set_outputs(build, node, index);
}

/* --- recurrences ----------------------------------------------------------------------------------------------- */

struct recurrence {
  const struct onnx_node *node;
  const char *name;
  uint64_t steps, batch, gates, hidden; /* gates: rows of a weight matrix, a multiple of hidden */
  uint64_t biases;                      /* of one direction */
  uint32_t group;
};

static struct tensor emit_step(struct build *build, const struct recurrence *r, uint64_t step, struct tensor before,
                               struct tensor input) {
  struct emitter *const emit = build->emit;
  char name[2 * EMIT_NAME_BYTES];
  const uint64_t width = emit_product(emit, r->batch, r->hidden);
  struct tensor output = before;
  output.elements = width;
  const struct gemm gemm = {.reps = 1,
                            .m = r->batch,
                            .n = r->gates,
                            .k = r->hidden,
                            .n_bias = r->biases / 2,
                            .group = r->group,
                            .borrowed = step > 0,
                            .rank = 2};
  snprintf(name, sizeof name, "%s.step%llu", r->name, (unsigned long long)step);
  const struct tensor recurrent = emit_gemm(emit, name, output, &gemm);
  const struct tensor slice = emit_view(emit, name, recurrent, &input, 1);
  const bool lstm = r->node->op->kind == OP_LSTM_CELL;
  const struct vector_op cell = {.kind = r->node->op->kind,
                                 .n_lanes = width,
                                 .group = OP_ABSENT,
                                 .out = {.rank = 2,
                                         .bytes = (uint8_t)emit->element_bytes,
                                         .elements = emit_product(emit, lstm ? 2 : 1, width),
                                         .row = r->hidden}};
  return emit_vector(emit, name, &cell, (struct tensor[3]){recurrent, slice, output}, 3);
}

static void emit_recurrence(struct build *build, const struct onnx_node *node) {
  struct emitter *const emit = build->emit;
  const struct onnx_value *const x = onnx_operand(build->graph, node, 0), *const bias =
                                                                              onnx_operand(build->graph, node, 3);
  const struct onnx_shape *const r = &onnx_operand(build->graph, node, 2)->shape;
  const bool batch_first = onnx_int(node, "layout", 0) != 0;
  const uint64_t n_directions = (uint64_t)r->dims[0];
  uint64_t steps = (uint64_t)x->shape.dims[batch_first ? 1 : 0], batch = (uint64_t)x->shape.dims[batch_first ? 0 : 1];
  if (steps > MAX_STEPS) { /* as many sequences of one step: the same products */
    batch = emit_product(emit, batch, steps);
    steps = 1;
  }
  struct recurrence recurrence = {node,
                                  name_of(build, node),
                                  steps,
                                  batch,
                                  (uint64_t)r->dims[1],
                                  (uint64_t)r->dims[2],
                                  bias != NULL ? bias->elements / n_directions : 0,
                                  0};
  struct tensor *const cells = ARENA_NEW(build->graph->arena, struct tensor, n_directions * steps);
  const struct tensor in =
      x->source == SOURCE_DATA ? build->tensors[node->inputs[0]] : shape_of(build, node->inputs[0]);
  for (uint64_t d = 0; d < n_directions; d++) {
    const struct gemm gemm = {.reps = 1,
                              .m = emit_product(emit, steps, batch),
                              .n = recurrence.gates,
                              .k = (uint64_t)x->shape.dims[2],
                              .n_bias = recurrence.biases - recurrence.biases / 2,
                              .group = OP_ABSENT,
                              .rank = 3};
    const struct tensor input = emit_gemm(emit, recurrence.name, in, &gemm);
    recurrence.group = node->outputs[0] != ONNX_NONE && d == 0 ? node->inputs[2] : node->inputs[1];
    struct tensor state = emit_input(emit, recurrence.name, emit_product(emit, batch, recurrence.hidden),
                                     recurrence.hidden, (uint8_t)emit->element_bytes);
    for (uint64_t step = 0; step < steps && !emit->overflow; step++)
      cells[d * steps + step] = state = emit_step(build, &recurrence, step, state, input);
  }
  for (size_t i = 0; i < node->n_outputs && !emit->overflow; i++)
    if (node->outputs[i] != ONNX_NONE)
      build->tensors[node->outputs[i]] =
          emit_view(emit, recurrence.name, shape_of(build, node->outputs[i]), cells, n_directions * steps);
}

/* --- all of it ------------------------------------------------------------------------------------------------- */

static void emit_node(struct build *build, const struct onnx_node *node) {
  const struct onnx_value *const x = onnx_operand(build->graph, node, 0);
  if (node->pattern != 0) {
    emit_pattern(build, node);
    return;
  }
  switch (node->op != NULL ? node->op->emit : EMIT_MAP) {
  case EMIT_NOTHING: /* of data: a fact */
  case EMIT_VIEW:
    emit_views(build, node);
    return;
  case EMIT_MAP:
    emit_lanes(build, node, node->op != NULL ? node->op->kind : OP_SCALE, 0);
    return;
  case EMIT_MOVE:
    emit_lanes(build, node, node->op->kind, 0);
    return;
  case EMIT_OVER:
    emit_lanes(build, node, node->op->kind, x->elements);
    return;
  case EMIT_FILTER:
  case EMIT_UNFILTER:
    emit_filter(build, node);
    return;
  case EMIT_PRODUCT:
    emit_product_op(build, node);
    return;
  case EMIT_NORM:
    emit_norms(build, node);
    return;
  case EMIT_POOL:
    emit_pools(build, node);
    return;
  case EMIT_TABLE:
    emit_table(build, node);
    return;
  case EMIT_RECURRENT:
    emit_recurrence(build, node);
    return;
  }
}

bool onnx_emit(const struct onnx_graph *graph, struct emitter *emitter, struct error *error) {
  struct build build = {.graph = graph, .emit = emitter, .error = error};
  build.tensors = ARENA_NEW(graph->arena, struct tensor, graph->n_values);
  build.owner = ARENA_NEW(graph->arena, uint32_t, graph->n_values);
  memset(build.owner, 0xff, graph->n_values * sizeof *build.owner); /* OP_ABSENT */
  for (size_t v = 0; v < graph->n_values; v++) {
    const struct onnx_value *const value = &graph->values[v];
    if (!value->is_input || value->source != SOURCE_DATA || value->is_initializer) continue;
    char name[EMIT_NAME_BYTES];
    text_escape(value->name, name, sizeof name);
    const struct tensor shape = shape_of(&build, (uint32_t)v);
    build.tensors[v] = emit_input(emitter, name, shape.elements, shape.row, shape.bytes);
    build.tensors[v].rank = shape.rank;
  }
  for (size_t n = 0; n < graph->n_nodes; n++) {
    const struct onnx_node *const node = &graph->nodes[n];
    bool data = false;
    for (size_t i = 0; i < node->n_outputs; i++)
      data |= node->outputs[i] != ONNX_NONE && value_at(&build, node->outputs[i])->source == SOURCE_DATA;
    if (!data || node->absorbed) continue;
    emit_node(&build, node);
    if (emitter->overflow || graph_builder_count(emitter->builder) >= OP_GRAPH_MAX_OPS) break;
  }
  return true;
}

bool onnx_parse(const char *file, const uint8_t *bytes, size_t n, const struct generation *generation,
                struct arena *scratch, struct onnx_notes *notes, struct error *error) {
  const struct workload_request *const asked = generation->request;
  const struct onnx_request request = {asked->batch, asked->sets, asked->n_sets, asked->strict};
  struct onnx_graph graph;
  struct emitter emitter;
  *notes = (struct onnx_notes){0};
  emitter_init(&emitter, generation);
  if (!onnx_read(file, bytes, n, scratch, &graph, error)) return false;
  const size_t n_before = error->n_messages;
  if (!onnx_infer(&graph, &request, notes, error)) {
    if (notes->forced_batch && error->n_messages == n_before + 1)
      error_add(error, STATUS_INPUT,
                "%s: batch: is %llu, but the file was exported for 1 and may hold that number elsewhere, too; allowed "
                "are 1, or an export with a symbol for it",
                file, (unsigned long long)request.batch);
    return false;
  }
  onnx_patterns(&graph, notes);
  return onnx_emit(&graph, &emitter, error) && emitter_finish(&emitter, generation, error);
}

void onnx_keep_notes(struct onnx_notes *notes, struct arena *arena) {
  const char **const inputs = ARENA_NEW(arena, const char *, notes->n_inputs);
  struct onnx_unknown *const unknown = ARENA_NEW(arena, struct onnx_unknown, notes->n_unknown);
  for (size_t i = 0; i < notes->n_inputs; i++) inputs[i] = arena_copy_text(arena, notes->inputs[i]);
  for (size_t i = 0; i < notes->n_unknown; i++)
    unknown[i] = (struct onnx_unknown){arena_copy_text(arena, notes->unknown[i].type),
                                       arena_copy_text(arena, notes->unknown[i].first), notes->unknown[i].n_nodes};
  notes->inputs = inputs;
  notes->unknown = unknown;
}
