/* Which shapes do operators put out whose shape is a value: constants, ranges, counts?
 *
 * Source: ONNX operator specification, sets 7–24. Left out: the values themselves (onnx_fold.c). */
#include "workloads/onnx_shape.h"
#include <math.h>
#include <string.h>

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

bool onnx_infer_shape(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const int64_t rank = onnx_shape_of(inference, 0)->rank;
  int64_t start = onnx_int(inference->node, "start", 0), end = onnx_int(inference->node, "end", rank);
  start = onnx_clamp(start < 0 ? start + rank : start, 0, rank);
  end = onnx_clamp(end < 0 ? end + rank : end, start, rank);
  const int64_t dims[] = {end - start};
  return onnx_set_shape(inference, 0, dims, 1, ONNX_INT64);
}
bool onnx_infer_size(struct onnx_inference *inference) {
  return onnx_need(inference, 1) && onnx_set_shape(inference, 0, NULL, 0, ONNX_INT64);
}

bool onnx_infer_constant(struct onnx_inference *inference) {
  for (size_t i = 0; i < inference->node->n_attributes; i++) {
    const struct onnx_attribute *const attribute = &inference->node->attributes[i];
    if (attribute->tensor != ONNX_NONE) {
      const struct onnx_value *const value = &inference->graph->values[attribute->tensor];
      return onnx_set_like(inference, &value->shape, value->type);
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
      return onnx_take_stated(inference, "its limits depend on the data, or lie in an external file");
    v[i] = value->ints != NULL ? (double)value->ints[0] : value->reals[0];
  }
  const double n = ceil((v[1] - v[0]) / v[2]);
  if (!(n <= INT32_MAX)) return REJECT("counts more than 2147483647 numbers, or has step 0");
  const int64_t dims[] = {n > 0 ? (int64_t)n : 0};
  return onnx_set_shape(inference, 0, dims, 1, 0);
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
  return onnx_set_like(inference, &out, 0) && onnx_set_shape(inference, 1, out.dims, out.rank, ONNX_INT64);
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

bool onnx_infer_shaped(struct onnx_inference *inference) {
  const struct onnx_attribute *const shape = onnx_attribute(inference->node, "shape");
  if (shape == NULL) return REJECT("has no shape");
  return onnx_set_shape(inference, 0, shape->ints, shape->n_ints,
                        (int32_t)onnx_int(inference->node, "dtype", ONNX_FLOAT));
}

bool onnx_infer_text(struct onnx_inference *inference) {
  return REJECT(
      "works on texts or on image files, which come before the network; allowed are graphs of numbers: cut the "
      "file behind it (onnx.utils.extract_model)");
}

/* --- signals ---------------------------------------------------------------------------------------------------- */

/* The only number of operand i, `fallback` if it is left out; false, with a message, if it is not known. */
static bool only_number(struct onnx_inference *inference, size_t i, int64_t fallback, int64_t *number) {
  const struct onnx_value *const value = onnx_operand(inference->graph, inference->node, i);
  *number = fallback;
  if (value == NULL) return true;
  if (value->ints == NULL || value->elements != 1)
    return onnx_take_stated(inference, "its operand %zu depends on the data, or lies in an external file", i);
  *number = value->ints[0];
  return true;
}

bool onnx_infer_window(struct onnx_inference *inference) {
  int64_t n;
  return onnx_need(inference, 1) && only_number(inference, 0, 0, &n) &&
         onnx_set_shape(inference, 0, &n, 1, (int32_t)onnx_int(inference->node, "output_datatype", ONNX_FLOAT));
}

bool onnx_infer_mel_weights(struct onnx_inference *inference) {
  int64_t n_bins, length;
  if (!onnx_need(inference, 2) || !only_number(inference, 0, 0, &n_bins) || !only_number(inference, 1, 0, &length))
    return false;
  const int64_t dims[] = {length / 2 + 1, n_bins};
  return onnx_set_shape(inference, 0, dims, 2, (int32_t)onnx_int(inference->node, "output_datatype", ONNX_FLOAT));
}

/* Along an axis, of real or complex numbers (last dimension 1 or 2); from set 20 on the axis is an operand. */
bool onnx_infer_fourier(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  int64_t given = onnx_int(inference->node, "axis", inference->graph->opset < 20 ? 1 : -2), length;
  size_t axis;
  if (!only_number(inference, 2, given, &given) || !onnx_axis(inference, given, out.rank, &axis)) return false;
  if (out.rank < 2 || axis + 1 == out.rank) return REJECT("turns the axis of real and imaginary parts");
  if (!only_number(inference, 1, out.dims[axis], &length)) return false;
  if (length < 1) return REJECT("has length %lld, allowed is at least 1", (long long)length);
  const bool half = onnx_int(inference->node, "onesided", 0) != 0,
             inverse = onnx_int(inference->node, "inverse", 0) != 0;
  out.dims[axis] = half && !inverse ? length / 2 + 1 : length;
  out.dims[out.rank - 1] = half && inverse ? 1 : 2;
  return onnx_set_like(inference, &out, 0);
}

/* Frames of a signal [batch, length, 1 or 2], each transformed. */
bool onnx_infer_short_fourier(struct onnx_inference *inference) {
  int64_t step, length;
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const window = onnx_shape_of(inference, 2);
  if (!only_number(inference, 1, 0, &step) ||
      !only_number(inference, 3, window != NULL && window->rank == 1 ? window->dims[0] : 0, &length))
    return false;
  if ((x->rank != 2 && x->rank != 3) || step < 1 || length < 1 || length > x->dims[1])
    return REJECT("its step or length do not fit its signal");
  const bool half = onnx_int(inference->node, "onesided", 1) != 0;
  const int64_t dims[] = {x->dims[0], (x->dims[1] - length) / step + 1, half ? length / 2 + 1 : length, 2};
  return onnx_set_shape(inference, 0, dims, 4, 0);
}

/* Of each image the two or three coordinates of every pixel. */
bool onnx_infer_affine_grid(struct onnx_inference *inference) {
  const int64_t *size;
  size_t n;
  if (!onnx_need(inference, 2) || !onnx_list(inference, "", 1, &size, &n)) return false;
  if (n != 4 && n != 5) return REJECT("has a size of %zu numbers, allowed are 4 and 5", n);
  int64_t dims[5] = {size[0]};
  for (size_t k = 2; k < n; k++) dims[k - 1] = size[k];
  dims[n - 1] = (int64_t)n - 2;
  return onnx_set_shape(inference, 0, dims, n, 0);
}
