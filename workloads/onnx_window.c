/* Which shapes do convolutions, pooling, recurrences and resizing put out?
 *
 * Source: ONNX operator specification, sets 7–24. Left out: nothing that those operators can say about shapes. */
#include "base/checked.h"
#include "workloads/onnx_shape.h"
#include <math.h>
#include <string.h>

struct onnx_window onnx_window_of(const struct onnx_node *node, size_t k, size_t n_axes, int64_t size, int64_t filter) {
  const struct onnx_attribute *const mode = onnx_attribute(node, "auto_pad");
  const char *const auto_pad = mode != NULL && mode->s != NULL ? mode->s : "NOTSET";
  struct onnx_window window = {.size = size,
                               .filter = filter,
                               .stride = onnx_ints_at(node, "strides", k, 1),
                               .dilation = onnx_ints_at(node, "dilations", k, 1),
                               .pad_begin = onnx_ints_at(node, "pads", k, 0),
                               .pad_end = onnx_ints_at(node, "pads", k + n_axes, 0),
                               .out = -1};
  const int64_t most = (int64_t)1 << 31;
  if (window.stride < 1 || window.dilation < 1 || window.pad_begin < 0 || window.pad_end < 0 || filter < 1 ||
      window.stride >= most || window.dilation >= most || window.pad_begin >= most || window.pad_end >= most)
    return window;
  const int64_t reach = window.dilation * (filter - 1) + 1;
  if (strcmp(auto_pad, "VALID") == 0) window.pad_begin = window.pad_end = 0;
  if (strncmp(auto_pad, "SAME", 4) == 0) {
    window.out = (size + window.stride - 1) / window.stride;
    const int64_t pads = (window.out - 1) * window.stride + reach - size, all = pads > 0 ? pads : 0;
    const int64_t small = all / 2, large = all - all / 2;
    window.pad_begin = strcmp(auto_pad, "SAME_LOWER") == 0 ? large : small;
    window.pad_end = all - window.pad_begin;
    return window;
  }
  const int64_t room = size + window.pad_begin + window.pad_end - reach;
  if (room < 0) return window;
  const bool ceiling = onnx_int(node, "ceil_mode", 0) != 0;
  window.out = (ceiling ? (room + window.stride - 1) / window.stride : room / window.stride) + 1;
  /* A window that would begin behind the image and its first padding is none. */
  if (ceiling && (window.out - 1) * window.stride >= size + window.pad_begin) window.out--;
  return window;
}

static bool misfit(const struct onnx_inference *inference) {
  return onnx_reject(inference->graph, inference->node, inference->error,
                     "its filter, strides, pads or dilations do not fit the shape of its operand");
}

bool onnx_infer_conv(struct onnx_inference *inference) {
  const size_t at = onnx_second_factor(inference->node);
  if (!onnx_need(inference, at + 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const w = onnx_shape_of(inference, at);
  const int64_t groups = onnx_int(inference->node, "group", 1);
  if (x->rank < 3 || x->rank > 5 || w->rank != x->rank || groups < 1 || w->dims[1] > INT32_MAX / groups ||
      w->dims[1] * groups != x->dims[1] || w->dims[0] % groups != 0)
    return misfit(inference);
  int64_t dims[ONNX_MAX_RANK] = {x->dims[0], w->dims[0]};
  for (size_t k = 0; k + 2 < x->rank; k++) {
    dims[k + 2] = onnx_window_of(inference->node, k, x->rank - 2u, x->dims[k + 2], w->dims[k + 2]).out;
    if (dims[k + 2] < 1) return misfit(inference);
  }
  return onnx_set_shape(inference, 0, dims, x->rank, 0);
}

bool onnx_infer_conv_transpose(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_node *const node = inference->node;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const w = onnx_shape_of(inference, 1);
  const int64_t groups = onnx_int(node, "group", 1);
  if (x->rank < 3 || x->rank > 5 || w->rank != x->rank || groups < 1 || w->dims[1] > INT32_MAX / groups ||
      w->dims[0] != x->dims[1] || w->dims[0] % groups != 0)
    return misfit(inference);
  const size_t n_axes = x->rank - 2u;
  int64_t dims[ONNX_MAX_RANK] = {x->dims[0], w->dims[1] * groups};
  const struct onnx_attribute *const mode = onnx_attribute(node, "auto_pad");
  for (size_t k = 0; k < n_axes; k++) {
    const struct onnx_window window = onnx_window_of(node, k, n_axes, INT32_MAX, w->dims[k + 2]);
    const int64_t more = onnx_ints_at(node, "output_padding", k, 0);
    if (window.stride < 1 || window.dilation < 1 || window.stride > INT32_MAX || window.dilation > INT32_MAX ||
        more < 0 || more > INT32_MAX || w->dims[k + 2] < 1)
      return misfit(inference);
    dims[k + 2] = window.stride * (x->dims[k + 2] - 1) + more + (w->dims[k + 2] - 1) * window.dilation + 1 -
                  window.pad_begin - window.pad_end;
    if (mode != NULL && mode->s != NULL && strncmp(mode->s, "SAME", 4) == 0)
      dims[k + 2] = x->dims[k + 2] * window.stride;
    dims[k + 2] = onnx_ints_at(node, "output_shape", k, dims[k + 2]);
    if (dims[k + 2] < 1) return misfit(inference);
  }
  return onnx_set_shape(inference, 0, dims, x->rank, 0);
}

/* A layout of the quantised pools of com.microsoft. */
static bool channels_first(const struct onnx_inference *inference) {
  return onnx_int(inference->node, "channels_last", 0) == 0 ||
         onnx_reject(inference->graph, inference->node, inference->error,
                     "has its channels last, allowed are channels behind the batch");
}

bool onnx_infer_pool(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1) || !channels_first(inference)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  if (x->rank < 3) return misfit(inference);
  int64_t dims[ONNX_MAX_RANK] = {x->dims[0], x->dims[1]};
  for (size_t k = 0; k + 2 < x->rank; k++) {
    const int64_t filter = onnx_ints_at(inference->node, "kernel_shape", k, 0);
    if (filter > INT32_MAX) return misfit(inference);
    dims[k + 2] = onnx_window_of(inference->node, k, x->rank - 2u, x->dims[k + 2], filter).out;
    if (dims[k + 2] < 1) return misfit(inference);
  }
  return onnx_set_shape(inference, 0, dims, x->rank, 0) && onnx_set_shape(inference, 1, dims, x->rank, ONNX_INT64);
}

bool onnx_infer_global_pool(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1) || !channels_first(inference)) return false;
  struct onnx_shape shape = *onnx_shape_of(inference, 0);
  if (shape.rank < 3) return misfit(inference);
  for (size_t k = 2; k < shape.rank; k++) shape.dims[k] = 1;
  return onnx_set_shape(inference, 0, shape.dims, shape.rank, 0);
}

bool onnx_infer_recurrent(struct onnx_inference *inference) {
  if (!onnx_need(inference, 3)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const w = onnx_shape_of(inference, 1);
  const struct onnx_shape *const r = onnx_shape_of(inference, 2);
  const bool turned = onnx_turned_gates(inference->node);
  const size_t rows = turned ? 2 : 1, columns = turned ? 1 : 2;
  if (x->rank != 3 || w->rank != 3 || r->rank != 3 || w->dims[columns] != x->dims[2] ||
      r->dims[rows] != w->dims[rows] || r->dims[0] != w->dims[0] || w->dims[0] < 1 || w->dims[0] > 2)
    return onnx_reject(inference->graph, inference->node, inference->error,
                       "its operands are not X [steps,batch,inputs], W [directions,gates,inputs], R "
                       "[directions,gates,hidden]");
  const bool batch_first = onnx_int(inference->node, "layout", 0) != 0;
  const int64_t steps = x->dims[batch_first ? 1 : 0], batch = x->dims[batch_first ? 0 : 1], hidden = r->dims[columns];
  const int64_t y[] = {steps, w->dims[0], batch, hidden}, z[] = {batch, steps, w->dims[0], hidden};
  const int64_t last[] = {w->dims[0], batch, hidden}, end[] = {batch, w->dims[0], hidden};
  return onnx_set_shape(inference, 0, batch_first ? z : y, 4, 0) &&
         onnx_set_shape(inference, 1, batch_first ? end : last, 3, 0) &&
         onnx_set_shape(inference, 2, batch_first ? end : last, 3, 0);
}

/* From set 18 on sizes may be bounds of an image that keeps its proportions: one factor for all axes. */
static bool common_scale(const struct onnx_inference *inference, const struct onnx_shape *x,
                         const struct onnx_attribute *axes, const struct onnx_value *sizes, double *scale) {
  const struct onnx_attribute *const policy = onnx_attribute(inference->node, "keep_aspect_ratio_policy");
  if (policy == NULL || policy->s == NULL || strncmp(policy->s, "not_", 4) != 0 || sizes == NULL || sizes->ints == NULL)
    return false;
  const bool larger = strcmp(policy->s, "not_smaller") == 0;
  const size_t n = axes != NULL ? axes->n_ints : x->rank;
  if (sizes->elements != n || n == 0) return false;
  for (size_t k = 0; k < n; k++) {
    const int64_t given = axes == NULL ? (int64_t)k : axes->ints[k] < 0 ? axes->ints[k] + x->rank : axes->ints[k];
    if (given < 0 || given >= x->rank || x->dims[given] < 1 || sizes->ints[k] < 1 || sizes->ints[k] > INT32_MAX)
      return false;
    const double own = (double)sizes->ints[k] / (double)x->dims[given];
    if (k == 0 || (larger ? own > *scale : own < *scale)) *scale = own;
  }
  return *scale * INT32_MAX < 9e18; /* what is too large for a dimension is said where it is set */
}

bool onnx_infer_resize(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_node *const node = inference->node;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const bool scales_second = node->n_inputs == 2; /* Upsample, and Resize of set 10 */
  const struct onnx_value *const scales = onnx_operand(inference->graph, node, scales_second ? 1 : 2);
  const struct onnx_value *const sizes = onnx_operand(inference->graph, node, 3);
  const struct onnx_attribute *const axes = onnx_attribute(node, "axes");
  struct onnx_shape shape = *x;
  const size_t n = axes != NULL ? axes->n_ints : x->rank;
  double common = 0;
  if (common_scale(inference, x, axes, sizes, &common)) {
    for (size_t k = 0; k < n; k++) {
      const size_t axis = (size_t)(axes == NULL        ? (int64_t)k
                                   : axes->ints[k] < 0 ? axes->ints[k] + x->rank
                                                       : axes->ints[k]);
      shape.dims[axis] = (int64_t)floor((double)x->dims[axis] * common + 0.5);
    }
    return onnx_set_shape(inference, 0, shape.dims, shape.rank, 0);
  }
  for (size_t k = 0; k < n; k++) {
    size_t axis;
    if (!onnx_axis(inference, axes != NULL ? axes->ints[k] : (int64_t)k, x->rank, &axis)) return false;
    if (sizes != NULL && sizes->ints != NULL && k < sizes->elements) {
      shape.dims[axis] = sizes->ints[k];
    } else if (scales != NULL && scales->reals != NULL && k < scales->elements) {
      const double size = floor((double)x->dims[axis] * scales->reals[k]);
      if (!(size >= 1 && size <= INT32_MAX)) return misfit(inference);
      shape.dims[axis] = (int64_t)size;
    } else {
      return onnx_take_stated(inference, "its scales or sizes depend on the data, or lie in an external file");
    }
  }
  return onnx_set_shape(inference, 0, shape.dims, shape.rank, 0);
}

/* Of each region one window of channels. */
bool onnx_infer_roi_pool(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const rois = onnx_shape_of(inference, 1);
  if (x->rank != 4 || rois->rank != 2) return misfit(inference);
  const bool align = onnx_attribute(inference->node, "pooled_shape") == NULL;
  const int64_t dims[] = {
      rois->dims[0], x->dims[1],
      align ? onnx_int(inference->node, "output_height", 1) : onnx_ints_at(inference->node, "pooled_shape", 0, 1),
      align ? onnx_int(inference->node, "output_width", 1) : onnx_ints_at(inference->node, "pooled_shape", 1, 1)};
  return onnx_set_shape(inference, 0, dims, 4, 0);
}
bool onnx_infer_grid_sample(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const grid = onnx_shape_of(inference, 1);
  if (x->rank < 3 || grid->rank != x->rank) return misfit(inference);
  struct onnx_shape out = *x;
  for (size_t k = 2; k < x->rank; k++) out.dims[k] = grid->dims[k - 1];
  return onnx_set_like(inference, &out, 0);
}
bool onnx_infer_unpool(struct onnx_inference *inference) {
  const int64_t *sizes;
  size_t n;
  if (!onnx_need(inference, 2) || !onnx_list(inference, "", 2, &sizes, &n)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  if (n > 0) return onnx_set_shape(inference, 0, sizes, n, 0);
  if (x->rank < 3) return misfit(inference);
  struct onnx_shape out = *x;
  const size_t n_axes = x->rank - 2u;
  for (size_t k = 0; k < n_axes; k++) {
    const int64_t filter = onnx_ints_at(inference->node, "kernel_shape", k, 0);
    const int64_t stride = onnx_ints_at(inference->node, "strides", k, 1);
    const int64_t pads = onnx_clamp(onnx_ints_at(inference->node, "pads", k, 0), 0, INT32_MAX) +
                         onnx_clamp(onnx_ints_at(inference->node, "pads", k + n_axes, 0), 0, INT32_MAX);
    if (filter < 1 || filter > INT32_MAX || stride < 1 || stride > INT32_MAX) return misfit(inference);
    out.dims[k + 2] = (x->dims[k + 2] - 1) * stride - pads + filter;
  }
  return onnx_set_like(inference, &out, 0);
}
/* Columns of blocks become an image. */
bool onnx_infer_col2im(struct onnx_inference *inference) {
  const int64_t *image, *block;
  size_t n, n_block;
  if (!onnx_need(inference, 3) || !onnx_list(inference, "", 1, &image, &n) ||
      !onnx_list(inference, "", 2, &block, &n_block))
    return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  uint64_t area = 1;
  for (size_t k = 0; k < n_block; k++) area = block[k] > 0 ? sat_mul(area, (uint64_t)block[k]) : 0;
  if (x->rank != 3 || n + 2 > ONNX_MAX_RANK || area == 0 || (uint64_t)x->dims[1] % area != 0) return misfit(inference);
  int64_t dims[ONNX_MAX_RANK] = {x->dims[0], x->dims[1] / (int64_t)area};
  for (size_t k = 0; k < n; k++) dims[k + 2] = image[k];
  return onnx_set_shape(inference, 0, dims, n + 2, 0);
}

/* Blocks of b × b pixels become channels, or the other way round. */
static bool regroup(struct onnx_inference *inference, bool to_space) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  const int64_t block = onnx_int(inference->node, "blocksize", 0);
  if (x->rank != 4 || block < 1 || block > 46340) return misfit(inference);
  int64_t dims[4] = {x->dims[0], x->dims[1] * block * block, x->dims[2] / block, x->dims[3] / block};
  if (to_space) {
    dims[1] = x->dims[1] / (block * block);
    dims[2] = x->dims[2] * block;
    dims[3] = x->dims[3] * block;
  }
  if (dims[1] < 1 || dims[2] < 1 || dims[3] < 1) return misfit(inference);
  return onnx_set_shape(inference, 0, dims, 4, 0);
}
bool onnx_infer_depth_to_space(struct onnx_inference *inference) { return regroup(inference, true); }
bool onnx_infer_space_to_depth(struct onnx_inference *inference) { return regroup(inference, false); }
