/* Which shapes do elementwise operators, products, reductions and rearrangements put out?
 *
 * Source: ONNX operator specification, sets 7–18: arguments that moved from attributes to operands are read from
 * either. Left out: shapes that depend on values of the data (NonZero, Unique), which nothing can know. */
#include "workloads/onnx_shape.h"
#include "base/checked.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

const struct onnx_shape *onnx_shape_of(const struct onnx_inference *inference, size_t i) {
  const struct onnx_value *const value = onnx_operand(inference->graph, inference->node, i);
  return value != NULL ? &value->shape : NULL;
}

bool onnx_need(const struct onnx_inference *inference, size_t n_operands) {
  for (size_t i = 0; i < n_operands; i++)
    if (onnx_shape_of(inference, i) == NULL) return REJECT("operand %zu is missing", i);
  return true;
}

bool onnx_set_shape(struct onnx_inference *inference, size_t i, const int64_t *dims, size_t rank, int32_t type) {
  if (i >= inference->node->n_outputs || inference->node->outputs[i] == ONNX_NONE) return true;
  struct onnx_value *const value = &inference->graph->values[inference->node->outputs[i]];
  if (rank > ONNX_MAX_RANK) return REJECT("puts out %zu dimensions, allowed are %d", rank, ONNX_MAX_RANK);
  const struct onnx_value *const x = onnx_operand(inference->graph, inference->node, 0);
  value->type = type != 0 ? type : x != NULL ? x->type : ONNX_FLOAT;
  value->shape = (struct onnx_shape){.known = true, .rank = (uint8_t)rank};
  value->elements = 1;
  for (size_t k = 0; k < rank; k++) {
    const bool nothing = dims[k] == 0 && value->source != SOURCE_DATA;
    if ((dims[k] < 1 && !nothing) || dims[k] > INT32_MAX)
      return REJECT("dimension %zu of what it puts out is %lld, allowed are 1 to 2147483647", k, (long long)dims[k]);
    value->shape.dims[k] = dims[k];
    value->elements = sat_mul(value->elements, (uint64_t)dims[k]);
  }
  if (value->elements > ONNX_MAX_ELEMENTS) return REJECT("puts out more than 2^48 elements, allowed is that number");
  return true;
}

bool onnx_axis(const struct onnx_inference *inference, int64_t given, size_t rank, size_t *axis) {
  const int64_t least = -(int64_t)rank, most = (int64_t)rank - 1;
  if (given < least || given > most)
    return REJECT("axis %lld is out of range, allowed are %lld to %lld", (long long)given, (long long)least,
                  (long long)most);
  *axis = (size_t)(given < 0 ? given + (int64_t)rank : given);
  return true;
}

bool onnx_list(const struct onnx_inference *inference, const char *name, size_t i, const int64_t **list, size_t *n) {
  const struct onnx_attribute *const attribute = onnx_attribute(inference->node, name);
  const struct onnx_value *const value = onnx_operand(inference->graph, inference->node, i);
  *list = NULL;
  *n = 0;
  if (attribute != NULL) {
    *list = attribute->ints;
    *n = attribute->n_ints;
  } else if (value != NULL) {
    if (value->ints == NULL)
      return REJECT("its operand %zu (%s) depends on the data, has more than %d elements, or lies in an external file",
                    i, name, ONNX_MAX_FOLDED);
    *list = value->ints;
    *n = value->elements;
  }
  return true;
}

static bool set_like(struct onnx_inference *inference, const struct onnx_shape *shape, int32_t type) {
  return onnx_set_shape(inference, 0, shape->dims, shape->rank, type);
}

bool onnx_infer_same(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  if (!set_like(inference, x, 0)) return false;
  /* Further outputs: the mask of dropout; statistics of norms; scale and zero point of a quantisation. */
  for (size_t i = 1; i < inference->node->n_outputs; i++)
    if (!onnx_set_shape(inference, i, x->dims, strcmp(inference->node->type, "Dropout") == 0 ? x->rank : 0, ONNX_FLOAT))
      return false;
  return true;
}

/* All operands from `first` on, by numpy's rule. */
static bool broadcast(struct onnx_inference *inference, size_t first, struct onnx_shape *out) {
  *out = (struct onnx_shape){.known = true};
  for (size_t i = first; i < inference->node->n_inputs; i++) {
    const struct onnx_shape *const x = onnx_shape_of(inference, i);
    if (x == NULL) continue;
    struct onnx_shape joined = x->rank > out->rank ? *x : *out;
    const struct onnx_shape *const other = x->rank > out->rank ? out : x;
    for (size_t k = 0; k < other->rank; k++) {
      int64_t *const dim = &joined.dims[joined.rank - other->rank + k];
      if (*dim != other->dims[k] && *dim != 1 && other->dims[k] != 1)
        return REJECT("its operands do not broadcast: %lld against %lld", (long long)*dim, (long long)other->dims[k]);
      if (*dim == 1) *dim = other->dims[k];
    }
    *out = joined;
  }
  return true;
}

bool onnx_infer_broadcast(struct onnx_inference *inference) {
  struct onnx_shape out;
  return onnx_need(inference, 1) && broadcast(inference, 0, &out) && set_like(inference, &out, 0);
}
bool onnx_infer_truth(struct onnx_inference *inference) {
  struct onnx_shape out;
  return onnx_need(inference, 1) && broadcast(inference, 0, &out) && set_like(inference, &out, ONNX_BOOL);
}
bool onnx_infer_where(struct onnx_inference *inference) {
  struct onnx_shape out;
  return onnx_need(inference, 3) && broadcast(inference, 0, &out) &&
         set_like(inference, &out, onnx_operand(inference->graph, inference->node, 1)->type);
}
bool onnx_infer_cast(struct onnx_inference *inference) {
  return onnx_need(inference, 1) &&
         set_like(inference, onnx_shape_of(inference, 0), (int32_t)onnx_int(inference->node, "to", ONNX_FLOAT));
}

bool onnx_infer_gemm(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const a = onnx_shape_of(inference, 0), *const b = onnx_shape_of(inference, 1);
  if (a->rank != 2 || b->rank != 2) return REJECT("its operands must be matrices");
  const bool turn_a = onnx_int(inference->node, "transA", 0) != 0, turn_b = onnx_int(inference->node, "transB", 0) != 0;
  if (a->dims[!turn_a] != b->dims[turn_b])
    return REJECT("inner dimensions differ: %lld against %lld", (long long)a->dims[!turn_a],
                  (long long)b->dims[turn_b]);
  const int64_t dims[] = {a->dims[turn_a], b->dims[!turn_b]};
  return onnx_set_shape(inference, 0, dims, 2, 0);
}

bool onnx_infer_matmul(struct onnx_inference *inference) {
  const size_t at = strcmp(inference->node->type, "QLinearMatMul") == 0 ? 3 : 1;
  if (!onnx_need(inference, at + 1)) return false;
  struct onnx_shape a = *onnx_shape_of(inference, 0), b = *onnx_shape_of(inference, at);
  if (a.rank == 0 || b.rank == 0) return REJECT("its operands must not be scalars");
  const bool row = a.rank == 1, column = b.rank == 1;
  if (row) a = (struct onnx_shape){.known = true, .rank = 2, .dims = {1, a.dims[0]}};
  if (column) b = (struct onnx_shape){.known = true, .rank = 2, .dims = {b.dims[0], 1}};
  if (a.dims[a.rank - 1] != b.dims[b.rank - 2])
    return REJECT("inner dimensions differ: %lld against %lld", (long long)a.dims[a.rank - 1],
                  (long long)b.dims[b.rank - 2]);
  const size_t rank = a.rank > b.rank ? a.rank : b.rank;
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k + 2 < rank; k++) {
    const int64_t x = k + a.rank < rank ? 1 : a.dims[k + a.rank - rank],
                  y = k + b.rank < rank ? 1 : b.dims[k + b.rank - rank];
    if (x != y && x != 1 && y != 1)
      return REJECT("its operands do not broadcast: %lld against %lld", (long long)x, (long long)y);
    dims[k] = x == 1 ? y : x;
  }
  size_t n = rank - 2;
  if (!row) dims[n++] = a.dims[a.rank - 2];
  if (!column) dims[n++] = b.dims[b.rank - 1];
  return onnx_set_shape(inference, 0, dims, n, at == 3 ? ONNX_INT8 : 0);
}

/* "bhid,bhjd->bhij", two operands, explicit output. */
bool onnx_infer_einsum(struct onnx_inference *inference) {
  const struct onnx_attribute *const equation = onnx_attribute(inference->node, "equation");
  if (equation == NULL || equation->s == NULL || inference->node->n_inputs > 2)
    return REJECT("allowed are equations of one or two operands");
  int64_t size[26] = {0}, dims[ONNX_MAX_RANK];
  size_t operand = 0, k = 0, n = 0;
  bool arrow = false;
  if (!onnx_need(inference, inference->node->n_inputs)) return false;
  for (const char *at = equation->s; *at != '\0'; at++) {
    if (*at == ' ') continue;
    if (*at == ',' && !arrow) {
      operand++;
      k = 0;
    } else if (*at == '-' && at[1] == '>') {
      arrow = true;
      at++;
    } else if (*at < 'a' || *at > 'z') {
      return REJECT("allowed in its equation are small letters, ',' and '->'");
    } else if (arrow) {
      if (n == ONNX_MAX_RANK || size[*at - 'a'] == 0) return REJECT("its equation does not fit its operands");
      dims[n++] = size[*at - 'a'];
    } else {
      const struct onnx_shape *const x = onnx_shape_of(inference, operand);
      if (x == NULL || k >= x->rank || (size[*at - 'a'] != 0 && size[*at - 'a'] != x->dims[k]))
        return REJECT("its equation does not fit its operands");
      size[*at - 'a'] = x->dims[k++];
    }
  }
  if (!arrow) return REJECT("its equation has no '->'");
  return onnx_set_shape(inference, 0, dims, n, 0);
}

bool onnx_infer_reduce(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_node *const node = inference->node;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const bool arg = strncmp(node->type, "Arg", 3) == 0, keep = onnx_int(node, "keepdims", 1) != 0;
  const int64_t axis_of_arg = onnx_int(node, "axis", 0), *axes = &axis_of_arg;
  size_t n_axes = 1;
  if (!arg && !onnx_list(inference, "axes", 1, &axes, &n_axes)) return false;
  bool reduced[ONNX_MAX_RANK] = {false};
  const bool all = n_axes == 0 && onnx_int(node, "noop_with_empty_axes", 0) == 0;
  for (size_t k = 0; k < x->rank && all; k++) reduced[k] = true;
  for (size_t k = 0; k < n_axes; k++) {
    size_t axis;
    if (!onnx_axis(inference, axes[k], x->rank, &axis)) return false;
    reduced[axis] = true;
  }
  int64_t dims[ONNX_MAX_RANK];
  size_t n = 0;
  for (size_t k = 0; k < x->rank; k++)
    if (!reduced[k] || keep) dims[n++] = reduced[k] ? 1 : x->dims[k];
  return onnx_set_shape(inference, 0, dims, n, arg ? ONNX_INT64 : 0);
}

bool onnx_infer_concat(struct onnx_inference *inference) {
  if (!onnx_need(inference, inference->node->n_inputs) || !onnx_need(inference, 1)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  size_t axis;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 1), out.rank, &axis)) return false;
  for (size_t i = 1; i < inference->node->n_inputs; i++) {
    const struct onnx_shape *const x = onnx_shape_of(inference, i);
    if (x->rank != out.rank) return REJECT("its operands differ in rank");
    for (size_t k = 0; k < out.rank; k++)
      if (k != axis && x->dims[k] != out.dims[k])
        return REJECT("its operands differ in dimension %zu: %lld against %lld", k, (long long)x->dims[k],
                      (long long)out.dims[k]);
    out.dims[axis] += x->dims[axis];
  }
  return set_like(inference, &out, 0);
}

/* Whether the 1 in front of a shape that the file holds stands for a batch that has become another. */
static bool is_batched(const struct onnx_inference *inference, const struct onnx_shape *x) {
  const int64_t batch = inference->graph->forced_batch;
  return batch > 1 && x->rank > 0 && x->dims[0] == batch;
}

bool onnx_infer_reshape(struct onnx_inference *inference) {
  const int64_t *list;
  size_t n;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "shape", 1, &list, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const uint64_t elements = onnx_operand(inference->graph, inference->node, 0)->elements;
  const bool zeros = onnx_int(inference->node, "allowzero", 0) != 0;
  if (n > ONNX_MAX_RANK) return REJECT("asks for %zu dimensions, allowed are %d", n, ONNX_MAX_RANK);
  int64_t dims[ONNX_MAX_RANK];
  uint64_t known = 1;
  size_t open = n;
  for (size_t k = 0; k < n; k++) {
    dims[k] = list[k];
    if (k == 0 && dims[k] == 1 && is_batched(inference, x)) dims[k] = x->dims[0];
    if (dims[k] == 0 && !zeros) {
      if (k >= x->rank) return REJECT("copies dimension %zu, which its operand does not have", k);
      dims[k] = x->dims[k];
    }
    if (dims[k] < -1 || (dims[k] == -1 && open < n)) return REJECT("asks for an impossible shape");
    if (dims[k] == -1)
      open = k;
    else
      known = sat_mul(known, (uint64_t)dims[k]);
  }
  if (open < n) {
    if (known == 0 || elements % known != 0)
      return REJECT("%llu elements do not divide into the shape that it asks for", (unsigned long long)elements);
    dims[open] = (int64_t)(elements / known);
    known *= (uint64_t)dims[open];
  }
  if (known != elements)
    return REJECT("%llu elements do not fit the %llu of the shape that it asks for", (unsigned long long)elements,
                  (unsigned long long)known);
  return onnx_set_shape(inference, 0, dims, n, 0);
}

bool onnx_infer_flatten(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  int64_t axis = onnx_int(inference->node, "axis", 1), dims[] = {1, 1};
  if (axis < -(int64_t)x->rank || axis > x->rank) return REJECT("axis %lld is out of range", (long long)axis);
  if (axis < 0) axis += x->rank;
  for (size_t k = 0; k < x->rank; k++) {
    int64_t *const dim = &dims[(int64_t)k >= axis];
    if (*dim > INT32_MAX) return REJECT("a dimension of what it puts out is above 2147483647");
    *dim *= x->dims[k];
  }
  return onnx_set_shape(inference, 0, dims, 2, 0);
}

bool onnx_infer_transpose(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const struct onnx_attribute *const perm = onnx_attribute(inference->node, "perm");
  int64_t dims[ONNX_MAX_RANK];
  bool used[ONNX_MAX_RANK] = {false};
  if (perm != NULL && perm->n_ints != x->rank) return REJECT("its permutation is not as long as its operand's shape");
  for (size_t k = 0; k < x->rank; k++) {
    size_t axis = x->rank - 1u - k;
    if (perm != NULL && !onnx_axis(inference, perm->ints[k], x->rank, &axis)) return false;
    if (used[axis]) return REJECT("its permutation names an axis twice");
    used[axis] = true;
    dims[k] = x->dims[axis];
  }
  return onnx_set_shape(inference, 0, dims, x->rank, 0);
}

bool onnx_infer_squeeze(struct onnx_inference *inference) {
  const int64_t *axes;
  size_t n, n_out = 0;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "axes", 1, &axes, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  bool gone[ONNX_MAX_RANK] = {false};
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k < n; k++) {
    size_t axis;
    if (!onnx_axis(inference, axes[k], x->rank, &axis)) return false;
    if (x->dims[axis] != 1) return REJECT("axis %zu has %lld elements, allowed is 1", axis, (long long)x->dims[axis]);
    gone[axis] = true;
  }
  for (size_t k = 0; k < x->rank; k++)
    if (!(gone[k] || (n == 0 && x->dims[k] == 1))) dims[n_out++] = x->dims[k];
  return onnx_set_shape(inference, 0, dims, n_out, 0);
}

bool onnx_infer_unsqueeze(struct onnx_inference *inference) {
  const int64_t *axes;
  size_t n;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "axes", 1, &axes, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const size_t rank = x->rank + n;
  if (n > ONNX_MAX_RANK || rank > ONNX_MAX_RANK)
    return REJECT("puts out %zu dimensions, allowed are %d", rank, ONNX_MAX_RANK);
  bool made[ONNX_MAX_RANK] = {false};
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k < n; k++) {
    size_t axis;
    if (!onnx_axis(inference, axes[k], rank, &axis)) return false;
    if (made[axis]) return REJECT("names axis %zu twice", axis);
    made[axis] = true;
  }
  for (size_t k = 0, from = 0; k < rank; k++) dims[k] = made[k] ? 1 : x->dims[from++];
  return onnx_set_shape(inference, 0, dims, rank, 0);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most) {
  return value < least ? least : value > most ? most : value;
}

bool onnx_infer_slice(struct onnx_inference *inference) {
  const int64_t *starts, *ends, *axes, *steps;
  size_t n, n_ends, n_axes, n_steps;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "starts", 1, &starts, &n) ||
      !onnx_list(inference, "ends", 2, &ends, &n_ends) || !onnx_list(inference, "axes", 3, &axes, &n_axes) ||
      !onnx_list(inference, "steps", 4, &steps, &n_steps))
    return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  if (n_ends != n || (n_axes != 0 && n_axes != n) || (n_steps != 0 && n_steps != n))
    return REJECT("its starts, ends, axes and steps differ in number");
  for (size_t k = 0; k < n; k++) {
    size_t axis;
    if (!onnx_axis(inference, n_axes > 0 ? axes[k] : (int64_t)k, out.rank, &axis)) return false;
    const int64_t size = out.dims[axis], step = n_steps > 0 ? steps[k] : 1;
    if (step == 0 || step < -INT32_MAX || step > INT32_MAX) return REJECT("step %lld is not allowed", (long long)step);
    const int64_t start = clamp(starts[k] < 0 ? starts[k] + size : starts[k], 0, step > 0 ? size : size - 1);
    const int64_t end = clamp(ends[k] < 0 ? clamp(ends[k], -size - 1, -1) + size : ends[k], step > 0 ? 0 : -1, size);
    const int64_t way = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    out.dims[axis] = way > 0 ? (way + stride - 1) / stride : 0;
  }
  return set_like(inference, &out, 0);
}

bool onnx_infer_split(struct onnx_inference *inference) {
  const int64_t *parts;
  size_t n, axis;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "split", 1, &parts, &n)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  const int64_t n_outputs = (int64_t)inference->node->n_outputs;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 0), out.rank, &axis)) return false;
  if (n != 0 && (int64_t)n != n_outputs) return REJECT("has %lld outputs for %zu parts", (long long)n_outputs, n);
  const int64_t size = out.dims[axis], part = (size + n_outputs - 1) / n_outputs;
  int64_t rest = size;
  for (int64_t i = 0; i < n_outputs; i++) {
    out.dims[axis] = n > 0 ? parts[i] : part < rest ? part : rest;
    if (out.dims[axis] > rest)
      return REJECT("its parts are more than the %lld elements of axis %zu", (long long)size, axis);
    rest -= out.dims[axis];
    if (!onnx_set_shape(inference, (size_t)i, out.dims, out.rank, 0)) return false;
  }
  return true;
}

bool onnx_infer_gather(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const at = onnx_shape_of(inference, 1);
  size_t axis, n = 0;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 0), x->rank, &axis)) return false;
  if (x->rank + at->rank - 1u > ONNX_MAX_RANK) return REJECT("puts out more than %d dimensions", ONNX_MAX_RANK);
  int64_t dims[2 * ONNX_MAX_RANK];
  for (size_t k = 0; k < axis; k++) dims[n++] = x->dims[k];
  for (size_t k = 0; k < at->rank; k++) dims[n++] = at->dims[k];
  for (size_t k = axis + 1; k < x->rank; k++) dims[n++] = x->dims[k];
  return onnx_set_shape(inference, 0, dims, n, 0);
}
bool onnx_infer_gather_elements(struct onnx_inference *inference) {
  return onnx_need(inference, 2) && set_like(inference, onnx_shape_of(inference, 1), 0);
}

bool onnx_infer_shape(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const int64_t rank = onnx_shape_of(inference, 0)->rank;
  int64_t start = onnx_int(inference->node, "start", 0), end = onnx_int(inference->node, "end", rank);
  start = clamp(start < 0 ? start + rank : start, 0, rank);
  end = clamp(end < 0 ? end + rank : end, start, rank);
  const int64_t dims[] = {end - start};
  return onnx_set_shape(inference, 0, dims, 1, ONNX_INT64);
}
bool onnx_infer_size(struct onnx_inference *inference) { return onnx_set_shape(inference, 0, NULL, 0, ONNX_INT64); }

bool onnx_infer_constant(struct onnx_inference *inference) {
  for (size_t i = 0; i < inference->node->n_attributes; i++) {
    const struct onnx_attribute *const attribute = &inference->node->attributes[i];
    if (attribute->tensor != ONNX_NONE) {
      const struct onnx_value *const value = &inference->graph->values[attribute->tensor];
      return set_like(inference, &value->shape, value->type);
    }
    const bool many_reals = strcmp(attribute->name, "value_floats") == 0;
    const int64_t n[] = {(int64_t)(many_reals ? attribute->n_reals : attribute->n_ints)};
    if (strcmp(attribute->name, "value_float") == 0) return onnx_set_shape(inference, 0, NULL, 0, ONNX_FLOAT);
    if (strcmp(attribute->name, "value_int") == 0) return onnx_set_shape(inference, 0, NULL, 0, ONNX_INT64);
    if (many_reals || strcmp(attribute->name, "value_ints") == 0)
      return onnx_set_shape(inference, 0, n, 1, many_reals ? ONNX_FLOAT : ONNX_INT64);
  }
  return REJECT("has no number or tensor as its value");
}

bool onnx_infer_constant_of_shape(struct onnx_inference *inference) {
  const int64_t *list;
  size_t n;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "", 0, &list, &n)) return false;
  const struct onnx_attribute *const value = onnx_attribute(inference->node, "value");
  const int32_t type =
      value != NULL && value->tensor != ONNX_NONE ? inference->graph->values[value->tensor].type : ONNX_FLOAT;
  return onnx_set_shape(inference, 0, list, n, type);
}

bool onnx_infer_range(struct onnx_inference *inference) {
  if (!onnx_need(inference, 3)) return false;
  double v[3];
  for (size_t i = 0; i < 3; i++) {
    const struct onnx_value *const value = onnx_operand(inference->graph, inference->node, i);
    if (value->elements != 1 || (value->ints == NULL && value->reals == NULL))
      return REJECT("its limits depend on the data, or lie in an external file");
    v[i] = value->ints != NULL ? (double)value->ints[0] : value->reals[0];
  }
  const double n = ceil((v[1] - v[0]) / v[2]);
  if (!(n <= INT32_MAX)) return REJECT("counts more than 2147483647 numbers, or has step 0");
  const int64_t dims[] = {n > 0 ? (int64_t)n : 0};
  return onnx_set_shape(inference, 0, dims, 1, 0);
}

bool onnx_infer_expand(struct onnx_inference *inference) {
  const int64_t *list;
  size_t n;
  if (!onnx_need(inference, 2) || !onnx_list(inference, "", 1, &list, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const size_t rank = n > x->rank ? n : x->rank;
  if (rank > ONNX_MAX_RANK) return REJECT("puts out %zu dimensions, allowed are %d", rank, ONNX_MAX_RANK);
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k < rank; k++) {
    const int64_t a = k + x->rank < rank ? 1 : x->dims[k + x->rank - rank], b = k + n < rank ? 1 : list[k + n - rank];
    if (a != b && a != 1 && b != 1)
      return REJECT("its operand does not expand: %lld against %lld", (long long)a, (long long)b);
    dims[k] = a == 1 ? b : a;
  }
  return onnx_set_shape(inference, 0, dims, rank, 0);
}

/* x times or plus what operand 1 says of each axis. */
bool onnx_infer_tile(struct onnx_inference *inference) {
  const int64_t *list;
  size_t n;
  if (!onnx_need(inference, 2) || !onnx_list(inference, "", 1, &list, &n)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  if (n != out.rank) return REJECT("has %zu repeats for %u dimensions", n, out.rank);
  for (size_t k = 0; k < n; k++) {
    if (list[k] < 0 || list[k] > INT32_MAX) return REJECT("repeats %lld times", (long long)list[k]);
    out.dims[k] *= list[k];
  }
  return set_like(inference, &out, 0);
}
bool onnx_infer_pad(struct onnx_inference *inference) {
  const int64_t *list;
  size_t n;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "pads", 1, &list, &n)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  if (n != 2u * out.rank) return REJECT("has %zu pads for %u dimensions", n, out.rank);
  for (size_t k = 0; k < out.rank; k++) {
    const int64_t begin = list[k], end = list[k + out.rank];
    if (begin < -INT32_MAX || begin > INT32_MAX || end < -INT32_MAX || end > INT32_MAX)
      return REJECT("its pads are too large");
    out.dims[k] += begin + end;
  }
  return set_like(inference, &out, 0);
}

bool onnx_infer_top_k(struct onnx_inference *inference) {
  const int64_t *k_operand, old = onnx_int(inference->node, "k", 1), *k = &old;
  size_t n, axis;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "", 1, &k_operand, &n)) return false;
  if (n > 0) k = k_operand;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", -1), out.rank, &axis)) return false;
  if (*k > out.dims[axis]) return REJECT("takes %lld of %lld elements", (long long)*k, (long long)out.dims[axis]);
  out.dims[axis] = *k;
  return set_like(inference, &out, 0) && onnx_set_shape(inference, 1, out.dims, out.rank, ONNX_INT64);
}

bool onnx_infer_one_hot(struct onnx_inference *inference) {
  const int64_t *depth;
  size_t n, axis;
  if (!onnx_need(inference, 3) || !onnx_list(inference, "", 1, &depth, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  if (n != 1 || x->rank == ONNX_MAX_RANK ||
      !onnx_axis(inference, onnx_int(inference->node, "axis", -1), x->rank + 1u, &axis))
    return REJECT("its depth must be one number");
  int64_t dims[ONNX_MAX_RANK + 1];
  for (size_t k = 0, from = 0; k <= x->rank; k++) dims[k] = k == axis ? depth[0] : x->dims[from++];
  return onnx_set_shape(inference, 0, dims, x->rank + 1u, ONNX_FLOAT);
}
