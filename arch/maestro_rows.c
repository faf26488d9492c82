/* Operators as rows of MAESTRO's tables. See maestro_rows.h. */
#include "arch/maestro_rows.h"

#include "base/checked.h"

static struct maestro_row product(uint64_t m, uint64_t n, uint64_t k) {
  if (m == 1) return (struct maestro_row){MAESTRO_FC, {n, k, 1, 1, 1, 1}, 1};
  return (struct maestro_row){MAESTRO_GEMM, {m, n, k, 1, 1, 1}, 1};
}

static struct maestro_row convolution(const struct op *op) {
  const uint64_t *const dim = op->dim;
  const uint64_t groups = max_u64(dim[DIM_GROUPS], 1), r = dim[DIM_FILTER_HEIGHT], s = dim[DIM_FILTER_WIDTH];
  const uint64_t y = max_u64(dim[DIM_IN_HEIGHT], r), x = max_u64(dim[DIM_IN_WIDTH], s);
  const uint64_t inputs = dim[DIM_IN_CHANNELS], outputs = dim[DIM_OUT_CHANNELS], images = dim[DIM_IMAGES];
  const bool depthwise = op->kind == OP_DEPTHWISE;
  switch (op_conv_phase(op)) {
  case PHASE_BACKWARD_WEIGHT:
    return product(sat_mul(inputs / groups, r * s), outputs, sat_mul(images, sat_mul(y - r + 1, x - s + 1)));
  case PHASE_BACKWARD_DATA:
    if (depthwise) return (struct maestro_row){MAESTRO_DEPTHWISE, {1, inputs, y + r - 1, x + s - 1, r, s}, images};
    return (struct maestro_row){MAESTRO_CONV, {inputs, outputs / groups, y + r - 1, x + s - 1, r, s}, images};
  default:
    if (depthwise) return (struct maestro_row){MAESTRO_DEPTHWISE, {1, inputs, y, x, r, s}, images};
    return (struct maestro_row){MAESTRO_CONV, {outputs, inputs / groups, y, x, r, s}, images};
  }
}

bool maestro_row_of(const struct op *op, struct maestro_row *row, struct maestro_layer *layer) {
  switch (op_kinds[op->kind].family) {
  case FAMILY_GEMM:
    *row = product(sat_mul(op->dim[DIM_REPS], op->dim[DIM_M]), op->dim[DIM_N], op->dim[DIM_K]);
    break;
  case FAMILY_CONV:
    *row = convolution(op);
    break;
  case FAMILY_NONE:
  case FAMILY_ATTENTION:
  case FAMILY_VECTOR:
  case FAMILY_LINK:
    return false;
  }
  return maestro_layer_init(layer, row->type, row->dims, row->images);
}
