/* Which op is a node of a traced graph?
 *
 * Its name gives the kind and the rule (traced_names.def), its shapes the bounds. Shapes of operands (`inp`) stand in
 * call order, predecessors in edge order, so products take their bounds from the former. A parameter that is a node of
 * its own belongs to the op that uses it; if several do, they form a weight group. Source: workloads §5. Left out:
 * strides and paddings, which traces do not have (they are chosen to meet the shapes). */
#include "workloads/traced_op.h"
#include "base/checked.h"
#include "base/text.h"
#include <ctype.h>
#include <string.h>

enum trace_rule {
  TRACE_ENDS,
  TRACE_ATTRIBUTE,
  TRACE_FACT,
  TRACE_PASS,
  TRACE_PRODUCT,
  TRACE_LINEAR,
  TRACE_OUTER,
  TRACE_FILTER,
  TRACE_ELEMENTS,
  TRACE_ROWS,
  TRACE_CHANNELS,
  TRACE_REDUCTION,
  TRACE_WINDOWS,
  TRACE_CONSTANT,
  TRACE_TABLE,
  TRACE_COLLECTIVE
};

static const struct traced_name {
  const char *name;
  enum op_kind kind;
  enum trace_rule rule;
} traced_names[] = {
#define TRACED(name, kind, rule) {name, OP_##kind, TRACE_##rule},
#include "workloads/traced_names.def"
#undef TRACED
};

enum { ESCAPED_BYTES = 96, LOWER_BYTES = 64 };

bool traced_error(const struct traced_graph *graph, const struct traced_node *node, const char *what,
                  struct error *error) {
  char name[ESCAPED_BYTES], op[ESCAPED_BYTES];
  text_escape(node->name, name, sizeof name);
  text_escape(node->op, op, sizeof op);
  return error_add(error, STATUS_INPUT, "%s: node %lld '%s' (%s): %s", graph->file, (long long)node->id, name, op,
                   what);
}

static const struct traced_name *find_name(const char *op) {
  char lower[LOWER_BYTES];
  size_t n = 0;
  for (; op[n] != '\0'; n++) {
    if (n + 1 >= sizeof lower) return NULL;
    lower[n] = (char)tolower((unsigned char)op[n]);
  }
  lower[n] = '\0';
  for (size_t i = 0; i < sizeof traced_names / sizeof *traced_names; i++)
    if (strcmp(traced_names[i].name, lower) == 0) return &traced_names[i];
  return NULL;
}

/* --- bounds ---------------------------------------------------------------------------------------------------- */

static uint64_t list_elements(const struct shape_list *list) {
  uint64_t elements = 0;
  for (size_t i = 0; i < list->n; i++) elements = sat_add(elements, list->shapes[i].elements);
  return elements;
}

/* Traces slice tensors down to nothing, so any dimension may be 0. */
static uint64_t quotient(uint64_t elements, uint64_t divisor) { return divisor == 0 ? 0 : elements / divisor; }

static uint64_t last_dim(const struct tensor_shape *shape) {
  return shape->rank == 0 ? 1 : shape->dims[shape->rank - 1];
}

/* The dimension before the last, 1 if there is none. */
static uint64_t row_dim(const struct tensor_shape *shape) { return shape->rank < 2 ? 1 : shape->dims[shape->rank - 2]; }

/* Product of the dimensions before the last two. */
static uint64_t n_matrices(const struct tensor_shape *shape) {
  return quotient(shape->elements, sat_mul(row_dim(shape), last_dim(shape)));
}

static bool linear_bounds(const struct traced_node *node, struct op *op) {
  const struct tensor_shape *const weight = node->weight.n > 0 ? &node->weight.shapes[0]
                                            : node->inp.n > 1  ? &node->inp.shapes[1]
                                                               : NULL;
  if (node->inp.n == 0 || weight == NULL || weight->rank != 2) return false;
  op->dim[DIM_REPS] = 1;
  op->dim[DIM_N] = weight->dims[0];
  op->dim[DIM_K] = weight->dims[1];
  op->dim[DIM_M] = quotient(node->inp.shapes[0].elements, weight->dims[1]);
  return sat_mul(op->dim[DIM_M], weight->dims[1]) == node->inp.shapes[0].elements;
}

/* x[…,M,K] · y[…,K,N]; a bias or an addend may come first. A second factor of rank 2 is used by all rows of the first.
 * Sharded traces may disagree about the contraction; then the weight's is true. */
static bool product_bounds(const struct traced_node *node, struct op *op) {
  if (node->inp.n < 2) return false;
  const struct tensor_shape *x = &node->inp.shapes[node->inp.n - 2], *y = &node->inp.shapes[node->inp.n - 1];
  if (x->rank < 1 || y->rank < 1) return false;
  const uint64_t contraction = y->rank == 1 ? y->dims[0] : row_dim(y);
  const bool agree = last_dim(x) == contraction;
  if (!agree && !op->weighted) return false;
  op->dim[DIM_K] = contraction;
  op->dim[DIM_N] = y->rank == 1 ? 1 : last_dim(y);
  if (y->rank <= 2) {
    op->dim[DIM_REPS] = 1;
    op->dim[DIM_M] = quotient(x->elements, last_dim(x));
    return true;
  }
  op->dim[DIM_M] = row_dim(x);
  op->dim[DIM_REPS] = max_u64(n_matrices(x), n_matrices(y)); /* one may be repeated */
  return true;
}

static bool outer_bounds(const struct traced_node *node, struct op *op) {
  if (node->inp.n != 2) return false;
  op->dim[DIM_REPS] = op->dim[DIM_K] = 1;
  op->dim[DIM_M] = node->inp.shapes[0].elements;
  op->dim[DIM_N] = node->inp.shapes[1].elements;
  return true;
}

/* Stride and padding that turn `in` positions into `out` by a filter of `filter`; false if no padding below the
 * filter does. */
static bool fit_axis(uint64_t in, uint64_t out, uint64_t filter, uint64_t *stride, uint64_t *pad) {
  if (out == 0 || filter == 0) return false;
  if (*stride == 0) *stride = max_u64(1, (in + out / 2) / out);
  const uint64_t reach = sat_add(sat_mul(out - 1, *stride), filter);
  *pad = reach > in ? (reach - in + 1) / 2 : 0;
  return *pad < filter && in + 2 * *pad >= filter && (in + 2 * *pad - filter) / *stride + 1 == out;
}

static bool filter_bounds(const struct traced_node *node, struct op *op) {
  if (node->inp.n == 0 || node->out.n == 0) return false;
  const struct tensor_shape *const in = &node->inp.shapes[0], *const out = &node->out.shapes[0];
  const struct tensor_shape *const filter = node->weight.n > 0 ? &node->weight.shapes[0]
                                            : node->inp.n > 1  ? &node->inp.shapes[1]
                                                               : NULL;
  if (filter == NULL || in->rank < 3 || in->rank > 4 || out->rank != in->rank || filter->rank != in->rank) return false;
  const bool flat = in->rank == 3;
  uint64_t *const dim = op->dim;
  dim[DIM_IMAGES] = in->dims[0];
  dim[DIM_IN_CHANNELS] = in->dims[1];
  dim[DIM_IN_HEIGHT] = flat ? 1 : in->dims[2];
  dim[DIM_IN_WIDTH] = last_dim(in);
  dim[DIM_OUT_CHANNELS] = filter->dims[0];
  dim[DIM_FILTER_HEIGHT] = flat ? 1 : filter->dims[2];
  dim[DIM_FILTER_WIDTH] = last_dim(filter);
  dim[DIM_DILATION] = 1;
  if (filter->dims[1] == 0 || in->dims[1] % filter->dims[1] != 0 || out->dims[1] != filter->dims[0]) return false;
  dim[DIM_GROUPS] = in->dims[1] / filter->dims[1];
  const uint64_t out_height = flat ? 1 : out->dims[2];
  if (!fit_axis(dim[DIM_IN_WIDTH], last_dim(out), dim[DIM_FILTER_WIDTH], &dim[DIM_STRIDE], &dim[DIM_PAD_WIDTH]))
    return false;
  if (!flat &&
      !fit_axis(dim[DIM_IN_HEIGHT], out_height, dim[DIM_FILTER_HEIGHT], &dim[DIM_STRIDE], &dim[DIM_PAD_HEIGHT]))
    return false;
  if (dim[DIM_GROUPS] > 1 && dim[DIM_GROUPS] == dim[DIM_IN_CHANNELS] && dim[DIM_GROUPS] == dim[DIM_OUT_CHANNELS])
    op->kind = OP_DEPTHWISE;
  return true;
}

/* Sizes and ranks of the operands as the public costs see them: predecessors of the same layer, in edge order. */
static void operand_bounds(const struct traced_graph *graph, const struct traced_node *node, const uint32_t *preds,
                           size_t n_preds, struct op *op) {
  static const size_t elements[] = {DIM_X_ELEMENTS, DIM_Y_ELEMENTS}, ranks[] = {DIM_X_RANK, DIM_Y_RANK};
  uint64_t n = 0;
  for (size_t i = 0; i < n_preds; i++) {
    const struct traced_node *const pred = graph->nodes[preds[i]];
    if (pred->layer != node->layer) continue;
    if (n < 2 && pred->out.n > 0) {
      op->dim[elements[n]] = pred->out.shapes[0].elements;
      op->dim[ranks[n]] = pred->out.shapes[0].rank;
    }
    n++;
  }
  op->dim[DIM_OPERANDS] = n;
}

static void vector_bounds(const struct traced_node *node, enum trace_rule rule, struct op *op) {
  if (node->out.n == 0) return; /* arguments of inference and the like: nothing to do */
  const struct tensor_shape *const out = &node->out.shapes[0];
  const struct tensor_shape *const in = node->inp.n > 0 ? &node->inp.shapes[0] : out;
  op->dim[DIM_ELEMENTS] = out->elements;
  if (rule == TRACE_ROWS || rule == TRACE_TABLE) op->dim[DIM_ROW] = last_dim(out);
  if (rule == TRACE_CHANNELS && out->rank > 1) op->dim[DIM_ROW] = quotient(out->elements, out->dims[1]);
  if (rule == TRACE_REDUCTION) {
    op->dim[DIM_ELEMENTS] = max_u64(in->elements, out->elements);
    op->dim[DIM_ROW] = last_dim(in);
  }
  if (rule == TRACE_WINDOWS) op->dim[DIM_WINDOW] = out->elements == 0 ? 0 : ceil_div(in->elements, out->elements);
}

static bool op_bounds(const struct traced_graph *graph, const struct traced_node *node, enum trace_rule rule,
                      struct op *op) {
  switch (rule) {
  case TRACE_LINEAR:
    return linear_bounds(node, op);
  case TRACE_PRODUCT:
    return product_bounds(node, op);
  case TRACE_OUTER:
    return outer_bounds(node, op);
  case TRACE_FILTER:
    return filter_bounds(node, op);
  case TRACE_COLLECTIVE:
    op->dim[DIM_BYTES] = max_u64(op->in_bytes, op->out_bytes);
    op->dim[DIM_RANKS] = graph->ranks;
    return true;
  case TRACE_ELEMENTS:
  case TRACE_ROWS:
  case TRACE_CHANNELS:
  case TRACE_REDUCTION:
  case TRACE_WINDOWS:
  case TRACE_CONSTANT:
  case TRACE_TABLE:
    vector_bounds(node, rule, op);
    return true;
  case TRACE_ENDS:
  case TRACE_ATTRIBUTE:
  case TRACE_FACT:
  case TRACE_PASS:
    return true;
  }
  BUG("rule %d", (int)rule);
}

/* --- parameters ------------------------------------------------------------------------------------------------ */

static bool is_free(const struct op *op) { return op_kinds[op->kind].class == CLASS_NONE && op->kind != OP_COPY; }

/* The parameter that a view passes on: that of its only operand that is not a fact. */
static uint32_t viewed_parameter(const struct traced_graph *graph, const uint32_t *preds, size_t n_preds) {
  uint32_t parameter = OP_ABSENT;
  size_t n = 0;
  for (size_t i = 0; i < n_preds; i++) {
    if (graph_builder_op(graph->builder, preds[i])->kind == OP_SHAPE) continue;
    parameter = graph->parameter[preds[i]];
    n++;
  }
  return n == 1 ? parameter : OP_ABSENT;
}

/* The op at `index` uses a parameter: it owns it if it is the first, else both share it. */
static void use_parameter(struct traced_graph *graph, uint32_t index, uint32_t parameter) {
  struct op *const user = graph_builder_op(graph->builder, index);
  struct op *const weight = graph_builder_op(graph->builder, parameter);
  if (graph->owner[parameter] == OP_ABSENT) {
    graph->owner[parameter] = index;
    user->n_parameters = sat_add(user->n_parameters, weight->n_parameters);
    weight->n_parameters = 0;
    return;
  }
  struct op *const owner = graph_builder_op(graph->builder, graph->owner[parameter]);
  if (owner == user || user->weight_group != OP_ABSENT) return;
  if (owner->weight_group == OP_ABSENT) owner->weight_group = graph->n_groups++;
  user->weight_group = owner->weight_group;
}

/* --- the op ---------------------------------------------------------------------------------------------------- */

/* A traced `getattr` is a parameter, a constant, the transpose `.T`, or a fact. */
static enum op_kind attribute_kind(const struct traced_node *node) {
  if (node->is_attribute) return node->weight.n + node->bias.n > 0 ? OP_WEIGHT : OP_FREE;
  if (node->inp.n != 1 || node->out.n != 1) return OP_SHAPE;
  const struct tensor_shape *const in = &node->inp.shapes[0], *const out = &node->out.shapes[0];
  const bool turned = in->rank > 1 && in->rank == out->rank && in->elements == out->elements &&
                      in->dims[0] == last_dim(out) && last_dim(in) == out->dims[0] && in->dims[0] != last_dim(in);
  return turned ? OP_VIEW : OP_SHAPE;
}

/* Bytes read: every operand once; parameters go to weight_bytes, facts nowhere. */
static void operand_bytes(const struct traced_graph *graph, const uint32_t *preds, size_t n_preds, struct op *op) {
  for (size_t i = 0; i < n_preds; i++) {
    const struct op *const pred = graph_builder_op(graph->builder, preds[i]);
    if (pred->kind == OP_SHAPE) continue;
    const uint64_t bytes = sat_mul(list_elements(&graph->nodes[preds[i]]->out), op->element_bytes);
    if (graph->parameter[preds[i]] == OP_ABSENT) {
      op->in_bytes = sat_add(op->in_bytes, bytes);
      continue;
    }
    op->weight_bytes = sat_add(op->weight_bytes, bytes);
    if (op->kind == OP_GEMM && graph_builder_op(graph->builder, graph->parameter[preds[i]])->weighted)
      op->weighted = true;
  }
}

static void written_bytes(const struct traced_node *node, struct op *op) {
  if (op->kind == OP_SHAPE) return; /* traces give the shape of the tensor it is about */
  op->out_bytes = sat_mul(list_elements(&node->out), op->element_bytes);
  if (op_kinds[op->kind].keep == KEEP_MASK) op->out_bytes = sat_add(op->out_bytes, list_elements(&node->out));
}

static void own_parameters(const struct traced_node *node, struct op *op) {
  const uint64_t elements = sat_add(list_elements(&node->weight), list_elements(&node->bias));
  op->n_parameters = elements;
  if (op->kind == OP_WEIGHT) {
    op->weighted = node->weight.n > 0;
    return;
  }
  op->weight_bytes = sat_mul(elements, op->element_bytes);
  if (op->kind == OP_GEMM && node->weight.n > 0) op->weighted = true;
}

bool traced_op_add(struct traced_graph *graph, const struct traced_node *node, const uint32_t *preds, size_t n_preds,
                   struct arena *scratch, struct error *error) {
  const struct traced_name *const name = find_name(node->op);
  if (name == NULL)
    return traced_error(graph, node, "unknown op, allowed are those of the public operator table", error);
  struct op op = op_new(name->rule == TRACE_ATTRIBUTE ? attribute_kind(node) : name->kind, graph->element_bytes);
  op.layer = node->layer;
  own_parameters(node, &op);
  if (!is_free(&op) && name->rule != TRACE_CONSTANT) operand_bytes(graph, preds, n_preds, &op);
  written_bytes(node, &op);
  if (!op_bounds(graph, node, name->rule, &op))
    return traced_error(graph, node, "its shapes do not make such an op", error);
  if (op_macs(&op) == UINT64_MAX) return traced_error(graph, node, "it has 2^64 multiply-accumulates or more", error);
  if (op_kinds[op.kind].family == FAMILY_VECTOR) operand_bounds(graph, node, preds, n_preds, &op);
  const char *const text =
      arena_printf(scratch, "%s#%lld", node->name[0] != '\0' ? node->name : node->op, (long long)node->id);
  const uint32_t index = graph_builder_add(graph->builder, &op, text, preds, n_preds);
  graph->nodes[index] = node;
  graph->owner[index] = OP_ABSENT;
  graph->parameter[index] = op.kind == OP_WEIGHT ? index : OP_ABSENT;
  if (op.kind == OP_VIEW || op.kind == OP_FREE) graph->parameter[index] = viewed_parameter(graph, preds, n_preds);
  if (is_free(&op)) return true;
  for (size_t i = 0; i < n_preds; i++)
    if (graph->parameter[preds[i]] != OP_ABSENT) use_parameter(graph, index, graph->parameter[preds[i]]);
  return true;
}
