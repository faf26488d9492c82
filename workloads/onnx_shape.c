/* Which shapes do elementwise operators and reductions put out?
 *
 * And what every rule of a shape is written with: operands, axes, lists, outputs. Source: ONNX operator specification,
 * sets 7–24: arguments that moved from attributes to operands are read from either. Left out: shapes that depend on
 * values of the data (NonZero, Unique), which nothing can know. */
#include "workloads/onnx_shape.h"
#include "base/checked.h"
#include <stdarg.h>
#include <stdio.h>
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

bool onnx_stated_shape(const struct onnx_inference *inference, size_t i, struct onnx_shape *shape) {
  const uint32_t index = inference->node->outputs[i];
  if (index == ONNX_NONE) return false;
  *shape = inference->graph->values[index].declared;
  if (!shape->known || inference->graph->traced != NULL) return false;
  for (size_t k = 0; k < shape->rank; k++) {
    for (size_t s = 0; s < inference->n_symbols && shape->dims[k] < 0 && shape->symbols[k] != NULL; s++)
      if (inference->symbols[s].name != NULL && strcmp(inference->symbols[s].name, shape->symbols[k]) == 0)
        shape->dims[k] = inference->symbols[s].value;
    if (shape->dims[k] < 1) return false;
  }
  return true;
}

bool onnx_take_stated(struct onnx_inference *inference, const char *format, ...) {
  bool stated = true;
  for (size_t i = 0; i < inference->node->n_outputs && stated; i++) {
    struct onnx_shape shape;
    const uint32_t index = inference->node->outputs[i];
    if (index == ONNX_NONE) continue;
    stated = onnx_stated_shape(inference, i, &shape);
    const int32_t type = inference->graph->values[index].type;
    if (stated && !onnx_set_shape(inference, i, shape.dims, shape.rank, type)) return false;
  }
  inference->stated = stated;
  if (stated) return false;
  char message[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return REJECT("%s", message);
}

bool onnx_list(struct onnx_inference *inference, const char *name, size_t i, const int64_t **list, size_t *n) {
  const struct onnx_attribute *const attribute = onnx_attribute(inference->node, name);
  const struct onnx_value *const value = onnx_operand(inference->graph, inference->node, i);
  *list = NULL;
  *n = 0;
  if (attribute != NULL) {
    *list = attribute->ints;
    *n = attribute->n_ints;
  } else if (value != NULL) {
    if (value->ints == NULL)
      return onnx_take_stated(
          inference, "its operand %zu (%s) depends on the data, has more than %d elements, or lies in an external file",
          i, name, ONNX_MAX_FOLDED);
    *list = value->ints;
    *n = value->elements;
  }
  return true;
}

bool onnx_set_like(struct onnx_inference *inference, const struct onnx_shape *shape, int32_t type) {
  return onnx_set_shape(inference, 0, shape->dims, shape->rank, type);
}

bool onnx_infer_same(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  if (!onnx_set_like(inference, x, 0)) return false;
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
  return onnx_need(inference, 1) && broadcast(inference, 0, &out) && onnx_set_like(inference, &out, 0);
}
bool onnx_infer_truth(struct onnx_inference *inference) {
  struct onnx_shape out;
  return onnx_need(inference, 1) && broadcast(inference, 0, &out) && onnx_set_like(inference, &out, ONNX_BOOL);
}
bool onnx_infer_where(struct onnx_inference *inference) {
  struct onnx_shape out;
  return onnx_need(inference, 3) && broadcast(inference, 0, &out) &&
         onnx_set_like(inference, &out, onnx_operand(inference->graph, inference->node, 1)->type);
}
bool onnx_infer_cast(struct onnx_inference *inference) {
  return onnx_need(inference, 1) &&
         onnx_set_like(inference, onnx_shape_of(inference, 0), (int32_t)onnx_int(inference->node, "to", ONNX_FLOAT));
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

/* Running mean and variance of training. */
bool onnx_infer_batch_norm(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const int64_t channels[] = {x->rank > 1 ? x->dims[1] : 1};
  for (size_t i = 1; i < inference->node->n_outputs; i++)
    if (!onnx_set_shape(inference, i, channels, 1, 0)) return false;
  return onnx_set_like(inference, x, 0);
}
/* Mean and deviation of what is normalised at once. */
bool onnx_infer_layer_norm(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  struct onnx_shape rows = *x;
  size_t axis;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", -1), x->rank, &axis)) return false;
  for (size_t k = axis; k < x->rank; k++) rows.dims[k] = 1;
  for (size_t i = 1; i < inference->node->n_outputs; i++)
    if (!onnx_set_shape(inference, i, rows.dims, rows.rank, ONNX_FLOAT)) return false;
  return onnx_set_like(inference, x, 0);
}
bool onnx_infer_dtype_like(struct onnx_inference *inference) {
  return onnx_need(inference, 1) &&
         onnx_set_like(inference, onnx_shape_of(inference, 0), (int32_t)onnx_int(inference->node, "dtype", 0));
}

bool onnx_infer_det(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  if (x->rank < 2 || x->dims[x->rank - 1] != x->dims[x->rank - 2]) return REJECT("its operand must be square matrices");
  return onnx_set_shape(inference, 0, x->dims, x->rank - 2u, 0);
}
/* One number, or one a target; the logarithms of the probabilities besides. */
bool onnx_infer_loss(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_attribute *const reduction = onnx_attribute(inference->node, "reduction");
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const targets = onnx_shape_of(inference, 1);
  const bool each = reduction != NULL && reduction->s != NULL && strcmp(reduction->s, "none") == 0;
  const int32_t type = onnx_operand(inference->graph, inference->node, 0)->type;
  return onnx_set_shape(inference, 0, targets->dims, each ? targets->rank : 0, type) &&
         onnx_set_shape(inference, 1, x->dims, x->rank, type);
}
bool onnx_infer_multinomial(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const int64_t dims[] = {x->dims[0], onnx_int(inference->node, "sample_size", 1)};
  if (x->rank != 2) return REJECT("its operand must be a matrix");
  return onnx_set_shape(inference, 0, dims, 2, (int32_t)onnx_int(inference->node, "dtype", ONNX_INT32));
}
