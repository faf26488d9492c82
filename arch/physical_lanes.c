/* How long does a matrix product take on lanes, what does it move, and is it sooner done there? (provider `physical`)
 *
 * Source: cost-model §2 ("depthwise may also run on a VC: R·S lane cycles an output"), §3. A multiply-accumulate takes
 * a lane cycle. A lane makes an output of its own, or all lanes one output together, whose parts a tree adds up;
 * whichever takes fewer cycles. Worth it where an array would stand nearly empty: products with few rows (GEMV), first
 * layers, depthwise. Traffic: one block of A or B, or of outputs, stays in the memory while the rest streams past, the
 * best of three closed forms, in the GLB and again in each L2. Left out: splits of K over cores, banks. */
#include "arch/physical.h"
#include "arch/product.h"
#include "base/checked.h"

/* ⌈log₂ x⌉, x ≥ 1 */
static uint64_t log2_ceil(uint64_t x) { return x <= 1 ? 0 : 64 - (uint64_t)__builtin_clzll(x - 1); }

uint64_t lanes_reduction_cycles(uint64_t rows, uint64_t row, uint64_t lanes, uint64_t n_cores) {
  return sat_mul(ceil_div(rows, n_cores), log2_ceil(min_u64(row, lanes)));
}

/* R·S lane cycles an output; a weight gradient also combines lanes for each of its R·S·C outputs. */
static uint64_t depthwise_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores) {
  const uint64_t macs = op_macs(op), taps = sat_mul(op->dim[DIM_FILTER_HEIGHT], op->dim[DIM_FILTER_WIDTH]);
  if (macs == UINT64_MAX) return UINT64_MAX;
  if (macs == 0) return 0;
  const uint64_t cycles = sat_mul(ceil_div(macs / taps, sat_mul(machine->lanes, n_cores)), taps);
  if (op->phase != PHASE_BACKWARD_WEIGHT) return cycles;
  const uint64_t outputs = sat_mul(taps, op->dim[DIM_OUT_CHANNELS]);
  return sat_add(cycles, lanes_reduction_cycles(outputs, ceil_div(macs, outputs), machine->lanes, n_cores));
}

static uint64_t product_cycles(const struct product *product, uint64_t lanes, uint64_t n_cores) {
  uint64_t alone = 0, together = 0;
  for (uint32_t i = 0; i < product->n_parts; i++) {
    const struct product_part *const part = &product->part[i];
    const uint64_t outputs = sat_mul(sat_mul(part->times, product->reps), sat_mul(part->m, product->n));
    const uint64_t each = sat_add(ceil_div(part->k, lanes), log2_ceil(min_u64(part->k, lanes)));
    alone = sat_add(alone, sat_mul(ceil_div(outputs, sat_mul(lanes, n_cores)), part->k));
    together = sat_add(together, sat_mul(ceil_div(outputs, n_cores), each));
  }
  return min_u64(alone, together);
}

uint64_t lanes_product_cycles(const struct machine *machine, const struct op *op, uint64_t n_cores) {
  if (machine->lanes == 0) return UINT64_MAX;
  if (op->kind == OP_DEPTHWISE) return depthwise_cycles(machine, op, n_cores);
  struct product product;
  if (!product_init(op, machine->settings->deconv, &product)) return 0;
  return product_cycles(&product, machine->lanes, n_cores);
}

/* --- traffic
 * --------------------------------------------------------------------------------------------------------*/

static uint64_t square_root(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit /= 2)
    if ((root + bit) * (root + bit) <= x) root += bit;
  return root;
}

/* Bytes into a memory of which half holds what stays, the other half what streams. `a_bytes`: a pass over A. */
static uint64_t stream_bytes(const struct product *product, uint64_t a_bytes, uint64_t accumulator_bytes,
                             uint64_t capacity_bytes) {
  const uint64_t e = product->element_bytes, m = product->m, n = product->n, room = capacity_bytes / 2;
  const uint64_t b_bytes = sat_mul(sat_mul(product->k, n), e), c_bytes = sat_mul(sat_mul(m, n), e);
  const uint64_t depth_bytes = sat_mul(product->k, e), held = depth_bytes == 0 ? 0 : room / depth_bytes;
  /* rows of A stay; columns of B stay; a block of outputs stays */
  const uint64_t rows = min_u64(max_u64(held, 1), m), cols = min_u64(max_u64(held, 1), n);
  const uint64_t sums = max_u64(room / accumulator_bytes, 1), edge = max_u64(square_root(sums), 1);
  const uint64_t high = min_u64(n < edge ? sums / n : edge, m), wide = min_u64(m < edge ? sums / m : edge, n);
  uint64_t least = sat_add(sat_mul(a_bytes, ceil_div(n, wide)), sat_mul(b_bytes, ceil_div(m, high)));
  if (held > 0) {
    least = min_u64(least, sat_add(a_bytes, sat_mul(b_bytes, ceil_div(m, rows))));
    least = min_u64(least, sat_add(sat_mul(a_bytes, ceil_div(n, cols)), b_bytes));
  }
  return sat_add(least, c_bytes);
}

/* A pass over A: what its windows touch if the rows that they slide over fit, else every window's own. */
static uint64_t pass_bytes(const struct product *product, uint64_t capacity_bytes) {
  const uint64_t e = product->element_bytes, all = sat_mul(sat_mul(product->m, product->k), e);
  if (!product->is_conv) return all;
  const uint64_t others = sat_mul(sat_mul(product->n, sat_add(product->k, product->m)), sat_mul(product->reps, e));
  const uint64_t whole = product_bytes(product), touched = whole > others ? (whole - others) / product->reps : 0;
  const uint64_t line = sat_mul(sat_mul(product->in_cols, product->depth), e);
  const bool fits = sat_mul(line, product->pixels.rows.filter) <= capacity_bytes / 4;
  return fits ? min_u64(touched, all) : all;
}

static uint64_t product_traffic_bytes(const struct machine *machine, const struct product *product,
                                      uint64_t capacity_bytes) {
  return stream_bytes(product, pass_bytes(product, capacity_bytes), machine->settings->accumulator_bytes,
                      capacity_bytes);
}

void lanes_product_bytes(const struct machine *machine, const struct op *op, uint64_t n_cores, uint64_t *hbm_bytes,
                         uint64_t *glb_bytes) {
  struct product whole;
  struct product_traffic traffic;
  *hbm_bytes = *glb_bytes = tensor_compulsory_bytes(op);
  if (op->kind == OP_DEPTHWISE || !product_init(op, machine->settings->deconv, &whole)) return;
  product_traffic(op, &whole, &traffic);
  const uint64_t share_bytes = sat_mul(machine->glb_share_bytes, n_cores);
  const uint64_t outer =
      product_traffic_bytes(machine, &whole, max_u64(share_bytes, sat_mul(machine->vector_l2_bytes, n_cores)));
  *hbm_bytes = max_u64(*hbm_bytes, sat_add(sat_mul(outer, whole.reps), traffic.extra_bytes));
  struct product share;
  product_split(&whole, whole.reps >= n_cores ? 'b' : whole.m >= whole.n ? 'm' : 'n', n_cores, &share);
  const uint64_t inner = sat_mul(product_traffic_bytes(machine, &share, machine->vector_l2_bytes), share.reps);
  *glb_bytes = max_u64(*hbm_bytes, sat_add(sat_mul(inner, n_cores), traffic.extra_bytes));
}

/* --- the choice
 * -----------------------------------------------------------------------------------------------------*/

/* Folds one after the other: what the best plan of the array never exceeds, in a few operations. */
static uint64_t array_at_most(const struct machine *machine, const struct product *product) {
  const uint64_t rows = machine->rows, cols = machine->cols, dataflow = machine->settings->dataflow;
  uint64_t weights = 0, outputs = 0, inputs = 0;
  for (uint32_t i = 0; i < product->n_parts; i++) {
    const struct product_part *const part = &product->part[i];
    const uint64_t times = sat_mul(part->times, product->reps), fill = 2 * rows + cols;
    const uint64_t deep = ceil_div(part->k, rows), wide = ceil_div(product->n, cols);
    weights = sat_add(weights, sat_mul(times, sat_mul(sat_mul(deep, wide), sat_add(part->m, fill))));
    outputs = sat_add(outputs, sat_mul(times, sat_mul(sat_mul(ceil_div(part->m, rows), wide), sat_add(part->k, fill))));
    inputs =
        sat_add(inputs, sat_mul(times, sat_mul(sat_mul(deep, ceil_div(part->m, cols)), sat_add(product->n, fill))));
  }
  uint64_t least = UINT64_MAX;
  if (dataflow == DATAFLOW_ALL || dataflow == DATAFLOW_WS) least = min_u64(least, weights);
  if (dataflow == DATAFLOW_ALL || dataflow == DATAFLOW_OS) least = min_u64(least, outputs);
  if (dataflow == DATAFLOW_ALL || dataflow == DATAFLOW_IS) least = min_u64(least, inputs);
  return least;
}

bool lanes_are_sooner(const struct machine *machine, const struct op *op, uint64_t follower_cycles) {
  if (machine->lanes == 0) return false;
  if (machine->rows == 0 || machine->cols == 0) return true;
  const uint64_t lanes = sat_add(lanes_product_cycles(machine, op, 1), follower_cycles);
  struct product product;
  if (!product_init(op, machine->settings->deconv, &product)) return lanes < follower_cycles;
  if (lanes >= max_u64(array_at_most(machine, &product), follower_cycles)) return false;
  struct mapping mapping;
  return lanes < max_u64(tensor_array_cycles(machine, op, &mapping), follower_cycles);
}
