/* Which shapes do operators put out that move data: join, split, turn, pad, repeat, pick?
 *
 * Source: ONNX operator specification, sets 7–24: arguments that moved from attributes to operands are read from
 * either. Left out: what is picked. */
#include "base/checked.h"
#include "workloads/onnx_shape.h"
#include <string.h>

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

bool onnx_infer_concat(struct onnx_inference *inference) {
  if (!onnx_need(inference, inference->node->n_inputs) || !onnx_need(inference, 1)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  size_t axis;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 1), out.rank, &axis)) return false;
  for (size_t i = 1; i < inference->node->n_inputs; i++) {
    const struct onnx_shape *const x = onnx_shape_of(inference, i);
    if (x->rank != out.rank) return REJECT("its operands differ in rank");
    for (size_t k = 0; k < out.rank; k++) {
      if (k == axis || x->dims[k] == out.dims[k]) continue;
      /* A weight that was expanded to the batch of the export, beside data. */
      if (onnx_is_rebatched(inference->graph, out.dims[k], x->dims[k]))
        out.dims[k] = x->dims[k];
      else if (!onnx_is_rebatched(inference->graph, x->dims[k], out.dims[k]))
        return REJECT("its operands differ in dimension %zu: %lld against %lld", k, (long long)x->dims[k],
                      (long long)out.dims[k]);
    }
    out.dims[axis] += x->dims[axis];
  }
  return onnx_set_like(inference, &out, 0);
}

bool onnx_infer_reshape(struct onnx_inference *inference) {
  const int64_t *list;
  size_t n;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "shape", 1, &list, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const uint64_t elements = onnx_operand(inference->graph, inference->node, 0)->elements;
  const bool zeros = onnx_int(inference->node, "allowzero", 0) != 0;
  struct onnx_shape shape;
  if (onnx_rebatch(inference, &shape)) return onnx_set_like(inference, &shape, 0);
  if (n > ONNX_MAX_RANK) return REJECT("asks for %zu dimensions, allowed are %d", n, ONNX_MAX_RANK);
  int64_t dims[ONNX_MAX_RANK];
  uint64_t known = 1;
  size_t open = n;
  for (size_t k = 0; k < n; k++) {
    dims[k] = list[k];
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
    const int64_t start = onnx_clamp(starts[k] < 0 ? starts[k] + size : starts[k], 0, step > 0 ? size : size - 1);
    const int64_t end =
        onnx_clamp(ends[k] < 0 ? onnx_clamp(ends[k], -size - 1, -1) + size : ends[k], step > 0 ? 0 : -1, size);
    const int64_t way = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    out.dims[axis] = way > 0 ? (way + stride - 1) / stride : 0;
  }
  return onnx_set_like(inference, &out, 0);
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
  return onnx_need(inference, 2) && onnx_set_like(inference, onnx_shape_of(inference, 1), 0);
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
    if (a != b && onnx_is_rebatched(inference->graph, b, a)) {
      dims[k] = a;
      continue;
    }
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
  return onnx_set_like(inference, &out, 0);
}
bool onnx_infer_pad(struct onnx_inference *inference) {
  const int64_t *list, *axes;
  size_t n, n_axes;
  if (!onnx_need(inference, 1) || !onnx_list(inference, "pads", 1, &list, &n) ||
      !onnx_list(inference, "", 3, &axes, &n_axes))
    return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  const size_t n_padded = n_axes > 0 ? n_axes : out.rank;
  if (n != 2 * n_padded || n_padded > out.rank) return REJECT("has %zu pads for %zu dimensions", n, n_padded);
  for (size_t k = 0; k < n_padded; k++) {
    const int64_t begin = list[k], end = list[k + n_padded];
    size_t axis = k;
    if (begin < -INT32_MAX || begin > INT32_MAX || end < -INT32_MAX || end > INT32_MAX)
      return REJECT("its pads are too large");
    if (n_axes > 0 && !onnx_axis(inference, axes[k], out.rank, &axis)) return false;
    out.dims[axis] += begin + end;
  }
  return onnx_set_like(inference, &out, 0);
}
bool onnx_infer_center_crop_pad(struct onnx_inference *inference) {
  const int64_t *sizes;
  size_t n;
  if (!onnx_need(inference, 2) || !onnx_list(inference, "", 1, &sizes, &n)) return false;
  const struct onnx_attribute *const axes = onnx_attribute(inference->node, "axes");
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  if (n != (axes != NULL ? axes->n_ints : out.rank)) return REJECT("has %zu sizes for other axes", n);
  for (size_t k = 0; k < n; k++) {
    size_t axis;
    if (!onnx_axis(inference, axes != NULL ? axes->ints[k] : (int64_t)k, out.rank, &axis)) return false;
    out.dims[axis] = sizes[k];
  }
  return onnx_set_like(inference, &out, 0);
}

/* The last axis of the indices picks along as many axes behind those of the batch. */
bool onnx_infer_gather_nd(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const at = onnx_shape_of(inference, 1);
  const int64_t n_batch = onnx_int(inference->node, "batch_dims", 0);
  if (at->rank < 1 || n_batch < 0 || n_batch >= at->rank || n_batch + at->dims[at->rank - 1] > x->rank)
    return REJECT("its indices do not fit its operand");
  int64_t dims[2 * ONNX_MAX_RANK];
  size_t n = 0;
  for (size_t k = 0; k + 1 < at->rank; k++) dims[n++] = at->dims[k];
  for (size_t k = (size_t)(n_batch + at->dims[at->rank - 1]); k < x->rank; k++) dims[n++] = x->dims[k];
  return onnx_set_shape(inference, 0, dims, n, 0);
}

/* As many elements as the values of the data say: nobody can know, unless the file states it. */
bool onnx_infer_open(struct onnx_inference *inference) {
  return onnx_take_stated(inference, "how much it puts out depends on the data, and the file does not state it");
}
/* The places of what is not zero, of a constant; of data as above. */
bool onnx_infer_non_zero(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_value *const x = onnx_operand(inference->graph, inference->node, 0);
  if (x->ints == NULL && x->reals == NULL) return onnx_infer_open(inference);
  int64_t dims[] = {x->shape.rank > 0 ? x->shape.rank : 1, 0};
  for (size_t i = 0; i < x->elements; i++) dims[1] += x->ints != NULL ? x->ints[i] != 0 : x->reals[i] != 0;
  return onnx_set_shape(inference, 0, dims, 2, ONNX_INT64);
}
bool onnx_infer_sequence(struct onnx_inference *inference) {
  return REJECT("handles lists of tensors or tensors that may be missing, allowed are tensors");
}

/* One slice of a scanned operand: without that axis. */
bool onnx_infer_take_slice(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  int64_t dims[ONNX_MAX_RANK];
  size_t axis, n = 0;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 0), x->rank, &axis)) return false;
  for (size_t k = 0; k < x->rank; k++)
    if (k != axis) dims[n++] = x->dims[k];
  return onnx_set_shape(inference, 0, dims, n, 0);
}
/* What the trips of a loop put out, along a new axis. */
bool onnx_infer_stack_slices(struct onnx_inference *inference) {
  if (!onnx_need(inference, inference->node->n_inputs)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  size_t axis;
  if (x->rank == ONNX_MAX_RANK) return REJECT("puts out more than %d dimensions", ONNX_MAX_RANK);
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 0), x->rank + 1u, &axis)) return false;
  for (size_t i = 1; i < inference->node->n_inputs; i++) {
    const struct onnx_shape *const y = onnx_shape_of(inference, i);
    if (y->rank != x->rank || memcmp(y->dims, x->dims, x->rank * sizeof *x->dims) != 0)
      return REJECT("its trips put out tensors of different shapes");
  }
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0, from = 0; k <= x->rank; k++)
    dims[k] = k == axis ? (int64_t)inference->node->n_inputs : x->dims[from++];
  return onnx_set_shape(inference, 0, dims, x->rank + 1u, 0);
}
