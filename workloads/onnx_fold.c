/* What are the values of a constant that later shapes may need?
 *
 * Integers, truths and numbers of at most 1,024 elements, by the operators that exporters use to compute shapes
 * (workloads §4). What is not known stays unknown: whoever needs it says so. Left out: everything larger. */
#include "workloads/onnx_graph.h"
#include <math.h>
#include <string.h>

/* Indices of element i of `out` in an operand that is broadcast to it. */
static size_t source_index(const struct onnx_shape *out, const struct onnx_shape *x, size_t i) {
  size_t index = 0, stride = 1;
  for (size_t k = 0; k < out->rank; k++) {
    const size_t axis = out->rank - 1u - k, dim = (size_t)out->dims[axis], at = i % dim;
    i /= dim;
    if (k >= x->rank) break;
    const size_t size = (size_t)x->dims[x->rank - 1u - k];
    index += (size == 1 ? 0 : at) * stride;
    stride *= size;
  }
  return index;
}

struct number {
  int64_t i;
  double f;
};

static struct number number_at(const struct onnx_value *x, const struct onnx_shape *out, size_t i) {
  const size_t at = source_index(out, &x->shape, i);
  if (x->ints != NULL) return (struct number){x->ints[at], (double)x->ints[at]};
  return (struct number){0, x->reals[at]};
}

static bool has_values(const struct onnx_value *x) { return x != NULL && (x->ints != NULL || x->reals != NULL); }

/* Two's complement, as the operators wrap. */
static int64_t wrap_add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t wrap_sub(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
static int64_t wrap_mul(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/* False if the operator is none of those. */
static bool calculate(const char *type, struct number a, struct number b, bool real, struct number *out) {
  const double x = a.f, y = b.f;
  if (strcmp(type, "Add") == 0)
    *out = (struct number){wrap_add(a.i, b.i), x + y};
  else if (strcmp(type, "Sub") == 0)
    *out = (struct number){wrap_sub(a.i, b.i), x - y};
  else if (strcmp(type, "Mul") == 0)
    *out = (struct number){wrap_mul(a.i, b.i), x * y};
  else if (strcmp(type, "Div") == 0 || strcmp(type, "Mod") == 0) {
    if (!real && (b.i == 0 || b.i == -1)) {
      if (b.i == 0) return false;
      *out = (struct number){type[0] == 'D' ? wrap_sub(0, a.i) : 0, 0};
    } else {
      const int64_t quotient = real ? 0 : a.i / b.i;
      *out = (struct number){type[0] == 'D' ? quotient : real ? 0 : a.i % b.i, x / y};
      if (type[0] == 'M' && real) return false;
    }
  } else if (strcmp(type, "Pow") == 0 && real)
    *out = (struct number){0, pow(x, y)};
  else if (strcmp(type, "Min") == 0)
    *out = (struct number){a.i < b.i ? a.i : b.i, x < y ? x : y};
  else if (strcmp(type, "Max") == 0)
    *out = (struct number){a.i > b.i ? a.i : b.i, x > y ? x : y};
  else if (strcmp(type, "Equal") == 0)
    out->i = real ? x == y : a.i == b.i;
  else if (strcmp(type, "Less") == 0)
    out->i = real ? x < y : a.i < b.i;
  else if (strcmp(type, "Greater") == 0)
    out->i = real ? x > y : a.i > b.i;
  else if (strcmp(type, "LessOrEqual") == 0)
    out->i = real ? x <= y : a.i <= b.i;
  else if (strcmp(type, "GreaterOrEqual") == 0)
    out->i = real ? x >= y : a.i >= b.i;
  else if (strcmp(type, "And") == 0)
    out->i = a.i != 0 && b.i != 0;
  else if (strcmp(type, "Or") == 0)
    out->i = a.i != 0 || b.i != 0;
  else if (strcmp(type, "Not") == 0)
    out->i = a.i == 0;
  else if (strcmp(type, "Neg") == 0)
    *out = (struct number){wrap_sub(0, a.i), -x};
  else if (strcmp(type, "Floor") == 0)
    out->f = floor(x);
  else if (strcmp(type, "Ceil") == 0)
    out->f = ceil(x);
  else if (strcmp(type, "Sqrt") == 0)
    out->f = sqrt(x);
  else
    return false;
  return true;
}

static bool put(struct onnx_value *out, int64_t *ints, double *reals) {
  if (onnx_is_real(out->type))
    out->reals = reals;
  else
    out->ints = ints;
  return true;
}

/* Which element of operand 0 each element of the output is; false if this operator is none of those that only move. */
static bool moved_from(const struct onnx_graph *graph, const struct onnx_node *node, const struct onnx_value *out,
                       size_t i, size_t *from) {
  const struct onnx_value *const x = onnx_operand(graph, node, 0);
  const char *const type = node->type;
  if (strcmp(type, "Expand") == 0) {
    *from = source_index(&out->shape, &x->shape, i);
    return true;
  }
  if (strcmp(type, "Slice") == 0) {
    const struct onnx_value *const starts = onnx_operand(graph, node, 1), *const steps = onnx_operand(graph, node, 4);
    if (x->shape.rank != 1 || (starts != NULL && (starts->ints == NULL || starts->elements != 1))) return false;
    const int64_t size = x->shape.dims[0];
    int64_t start = starts != NULL ? starts->ints[0] : onnx_ints_at(node, "starts", 0, 0);
    const int64_t step = steps != NULL && steps->ints != NULL && steps->elements == 1 ? steps->ints[0] : 1;
    if (start < 0) start += size;
    start = start < 0 ? 0 : start >= size ? size - 1 : start;
    *from = (size_t)(start + step * (int64_t)i);
    return *from < x->elements;
  }
  if (strcmp(type, "Gather") == 0) {
    const struct onnx_value *const at = onnx_operand(graph, node, 1);
    if (x->shape.rank != 1 || at->ints == NULL) return false;
    const int64_t index = at->ints[i] < 0 ? at->ints[i] + x->shape.dims[0] : at->ints[i];
    *from = (size_t)index;
    return index >= 0 && index < x->shape.dims[0];
  }
  *from = i;
  return strcmp(type, "Identity") == 0 || strcmp(type, "Bind") == 0 || strcmp(type, "Unsqueeze") == 0 ||
         strcmp(type, "Squeeze") == 0 || strcmp(type, "Reshape") == 0 || strcmp(type, "Flatten") == 0 ||
         strcmp(type, "Cast") == 0;
}

static bool fold_shape(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_value *out,
                       int64_t *ints) {
  const struct onnx_value *const x = onnx_operand(graph, node, 0);
  if (strcmp(node->type, "Size") == 0) {
    ints[0] = (int64_t)x->elements;
  } else {
    int64_t start = onnx_int(node, "start", 0);
    if (start < 0) start += x->shape.rank;
    if (start < 0 || start > x->shape.rank) start = 0;
    for (size_t i = 0; i < out->elements; i++) ints[i] = x->shape.dims[(size_t)start + i];
  }
  out->ints = ints;
  return true;
}

static bool fold_constant(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_value *out,
                          int64_t *ints, double *reals) {
  for (size_t a = 0; a < node->n_attributes; a++) {
    const struct onnx_attribute *const attribute = &node->attributes[a];
    if (attribute->tensor != ONNX_NONE) {
      const struct onnx_value *const value = &graph->values[attribute->tensor];
      const bool fill = strcmp(node->type, "ConstantOfShape") == 0;
      if (!has_values(value) || (fill && value->elements != 1)) return false;
      for (size_t i = 0; i < out->elements; i++) {
        if (value->ints != NULL)
          ints[i] = value->ints[fill ? 0 : i];
        else
          reals[i] = value->reals[fill ? 0 : i];
      }
      return put(out, ints, reals);
    }
    if (strcmp(attribute->name, "value_int") == 0)
      ints[0] = attribute->i;
    else if (strcmp(attribute->name, "value_float") == 0)
      reals[0] = attribute->f;
    else if (strcmp(attribute->name, "value_ints") == 0)
      memcpy(ints, attribute->ints, out->elements * sizeof *ints);
    else
      continue;
    return put(out, ints, reals);
  }
  return strcmp(node->type, "ConstantOfShape") == 0 && put(out, ints, reals); /* zeros */
}

static bool fold_concat(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_value *out,
                        int64_t *ints, double *reals) {
  size_t n = 0;
  if (out->shape.rank != 1) return false;
  for (size_t i = 0; i < node->n_inputs; i++) {
    const struct onnx_value *const x = onnx_operand(graph, node, i);
    if (!has_values(x) || (x->ints != NULL) != !onnx_is_real(out->type)) return false;
    for (size_t k = 0; k < x->elements && n < out->elements; k++, n++) {
      if (x->ints != NULL)
        ints[n] = x->ints[k];
      else
        reals[n] = x->reals[k];
    }
  }
  return put(out, ints, reals);
}

static bool fold_range(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_value *out,
                       int64_t *ints, double *reals) {
  const struct onnx_value *const start = onnx_operand(graph, node, 0), *const step = onnx_operand(graph, node, 2);
  for (size_t i = 0; i < out->elements; i++) {
    if (start->ints != NULL && step->ints != NULL)
      ints[i] = wrap_add(start->ints[0], wrap_mul(step->ints[0], (int64_t)i));
    else if (start->reals != NULL && step->reals != NULL)
      reals[i] = start->reals[0] + step->reals[0] * (double)i;
    else
      return false;
  }
  return put(out, ints, reals);
}

/* Axis by axis, the indices of what is not zero. */
static bool fold_non_zero(const struct onnx_value *x, struct onnx_value *out, int64_t *ints) {
  const size_t rank = x->shape.rank, n = (size_t)out->shape.dims[1];
  size_t found = 0;
  for (size_t i = 0; i < x->elements; i++) {
    if (x->ints != NULL ? x->ints[i] == 0 : x->reals[i] == 0) continue;
    size_t rest = i;
    for (size_t k = rank; k-- > 0; rest /= (size_t)x->shape.dims[k])
      ints[k * n + found] = (int64_t)(rest % (size_t)x->shape.dims[k]);
    found++;
  }
  out->ints = ints;
  return true;
}

/* The whole of it, into one element. */
static bool fold_reduce(const struct onnx_node *node, const struct onnx_value *x, struct onnx_value *out,
                        int64_t *ints) {
  const bool product = strcmp(node->type, "ReduceProd") == 0, sum = strcmp(node->type, "ReduceSum") == 0;
  const bool most = strcmp(node->type, "ReduceMax") == 0;
  if (!(product || sum || most) || x->ints == NULL || out->elements != 1 || x->elements == 0) return false;
  ints[0] = x->ints[0];
  for (size_t i = 1; i < x->elements; i++)
    ints[0] = product ? wrap_mul(ints[0], x->ints[i])
              : sum   ? wrap_add(ints[0], x->ints[i])
                      : (x->ints[i] > ints[0] ? x->ints[i] : ints[0]);
  out->ints = ints;
  return true;
}

static int64_t whole(double value) { return value > -9e18 && value < 9e18 ? (int64_t)value : 0; }

/* Element by element. */
static bool fold_elements(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_value *out,
                          int64_t *ints, double *reals) {
  const struct onnx_value *const x = onnx_operand(graph, node, 0), *const y = onnx_operand(graph, node, 1);
  const bool real = onnx_is_real(out->type);
  if (strcmp(node->type, "Where") == 0) {
    const struct onnx_value *const z = onnx_operand(graph, node, 2);
    if (!has_values(y) || !has_values(z) || x->ints == NULL || (y->ints != NULL) != (z->ints != NULL)) return false;
    for (size_t i = 0; i < out->elements; i++) {
      const struct number value = number_at(number_at(x, &out->shape, i).i != 0 ? y : z, &out->shape, i);
      ints[i] = value.i;
      reals[i] = value.f;
    }
    return (y->ints != NULL) == !real && put(out, ints, reals);
  }
  size_t from;
  for (size_t i = 0; i < out->elements; i++) {
    struct number value = {0, 0};
    if (moved_from(graph, node, out, i, &from)) {
      if (from >= x->elements) return false;
      if (x->ints != NULL)
        value = (struct number){x->ints[from], (double)x->ints[from]};
      else
        value = (struct number){whole(x->reals[from]), x->reals[from]};
    } else {
      const struct number a = number_at(x, &out->shape, i);
      if (y != NULL && !has_values(y)) return false;
      const struct number b = y != NULL ? number_at(y, &out->shape, i) : a;
      if (!calculate(node->type, a, b, x->reals != NULL, &value)) return false;
    }
    if (out->type == ONNX_BOOL) value.i = value.i != 0;
    ints[i] = value.i;
    reals[i] = value.f;
  }
  return put(out, ints, reals);
}

void onnx_fold(struct onnx_graph *graph, const struct onnx_node *node) {
  if (node->op == NULL || node->n_outputs != 1 || node->outputs[0] == ONNX_NONE) return;
  struct onnx_value *const out = &graph->values[node->outputs[0]];
  const struct onnx_value *const x = onnx_operand(graph, node, 0);
  if (!out->shape.known || out->elements > ONNX_MAX_FOLDED) return;
  const struct arena_mark mark = arena_get_mark(graph->arena);
  int64_t *const ints = ARENA_NEW(graph->arena, int64_t, out->elements);
  double *const reals = ARENA_NEW(graph->arena, double, out->elements);
  bool folded;
  if (node->op->infer == INFER_shape || node->op->infer == INFER_size)
    folded = fold_shape(graph, node, out, ints);
  else if (node->op->infer == INFER_constant || node->op->infer == INFER_constant_of_shape)
    folded = fold_constant(graph, node, out, ints, reals);
  else if (!has_values(x))
    folded = false;
  else if (node->op->infer == INFER_concat)
    folded = fold_concat(graph, node, out, ints, reals);
  else if (node->op->infer == INFER_range)
    folded = fold_range(graph, node, out, ints, reals);
  else if (node->op->infer == INFER_non_zero)
    folded = fold_non_zero(x, out, ints);
  else if (node->op->infer == INFER_reduce)
    folded = fold_reduce(node, x, out, ints);
  else
    folded = fold_elements(graph, node, out, ints, reals);
  if (!folded) arena_rewind(graph->arena, mark);
}
