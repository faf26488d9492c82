/* Which loops are an op and its mapping? (cost-model §2, first table) Shares no code with what makes costs; what loops
 * mean says nest_walk.c. */
#include "arch/nest_check.h"
#include "arch/nest_walk.h"
#include "base/checked.h"
#include <inttypes.h>
#include <string.h>

static void read_conv(const struct op *op, struct nest *nest) {
  const uint64_t *const dim = op->dim;
  const enum op_phase phase = op_conv_phase(op);
  const bool data = phase == PHASE_BACKWARD_DATA;
  const uint64_t in = dim[DIM_IN_CHANNELS] / dim[DIM_GROUPS], out = dim[DIM_OUT_CHANNELS] / dim[DIM_GROUPS];
  const uint64_t high = op_conv_out_height(op), wide = op_conv_out_width(op);
  struct sight *const rows = &nest->rows, *const cols = &nest->cols;
  rows->stride = cols->stride = nest->stride = dim[DIM_STRIDE];
  rows->dilation = cols->dilation = max_u64(dim[DIM_DILATION], 1);
  rows->fractional = cols->fractional = data;
  rows->filter = dim[DIM_FILTER_HEIGHT];
  cols->filter = dim[DIM_FILTER_WIDTH];
  rows->pad = dim[DIM_PAD_HEIGHT];
  cols->pad = dim[DIM_PAD_WIDTH];
  rows->in = data ? high : dim[DIM_IN_HEIGHT];
  cols->in = data ? wide : dim[DIM_IN_WIDTH];
  rows->out = data ? dim[DIM_IN_HEIGHT] : high;
  cols->out = data ? dim[DIM_IN_WIDTH] : wide;
  nest->reps = dim[DIM_GROUPS];
  nest->taps = rows->filter * cols->filter;
  nest->is_conv = true;
  nest->pixels_on_k = phase == PHASE_BACKWARD_WEIGHT;
  nest->decomposed =
      data && nest->stride > 1 && rows->dilation == 1 && nest->machine->settings->deconv == DECONV_DECOMPOSED;
  nest->axis[IMAGES].whole = dim[DIM_IMAGES];
  nest->axis[ROWS].whole = rows->out;
  nest->axis[COLS].whole = cols->out;
  nest->axis[DEPTH].whole = data ? out : in;
  nest->axis[WIDTH].whole = data ? in : out;
}

static void read_gemm(const struct op *op, struct nest *nest) {
  static const struct sight pixel = {.out = 1, .in = 1, .filter = 1, .stride = 1, .dilation = 1};
  nest->rows = nest->cols = pixel;
  nest->reps = op->dim[DIM_REPS];
  nest->taps = nest->stride = 1;
  nest->axis[IMAGES].whole = op->dim[DIM_M];
  nest->axis[ROWS].whole = nest->axis[COLS].whole = 1;
  nest->axis[DEPTH].whole = op->dim[DIM_K];
  nest->axis[WIDTH].whole = op->dim[DIM_N];
}

/* The fewest steps that fill whole edges; single steps if nothing folds them (edge 0). */
static uint64_t unit_steps(uint64_t edge, uint64_t per_step) {
  uint64_t steps = 1;
  while (edge > 0 && steps * per_step % edge != 0) steps++;
  return steps;
}

static void cut(struct nest_axis *axis, uint64_t groups, uint64_t parts) {
  axis->groups = groups;
  axis->parts = parts;
}

static void read_loops(struct nest *nest) {
  const struct mapping *const mapping = nest->mapping;
  const struct tile_loops *const glb = &mapping->glb, *const l2 = &mapping->l2;
  const bool ws = mapping->dataflow == DATAFLOW_WS, os = mapping->dataflow == DATAFLOW_OS;
  const uint64_t by_cols = nest->array_cols / nest->patch, by_rows = nest->array_rows;
  const uint64_t m_edge = ws ? 0 : os ? by_rows : by_cols, n_edge = ws || os ? by_cols : 0, k_edge = os ? 0 : by_rows;
  const uint64_t step = nest->rows.fractional ? nest->stride : 1;
  struct nest_axis *const axis = nest->axis;
  axis[IMAGES].unit = nest->is_conv ? 1 : unit_steps(m_edge, 1);
  axis[ROWS].unit = mapping->patch_rows * step;
  axis[COLS].unit = mapping->patch_cols * step;
  axis[DEPTH].unit = unit_steps(nest->pixels_on_k ? m_edge : k_edge, nest_channel_rows(nest));
  axis[WIDTH].unit = unit_steps(n_edge, 1);
  cut(&axis[IMAGES], nest->is_conv ? glb->images : glb->m, nest->is_conv ? l2->images : l2->m);
  cut(&axis[ROWS], glb->rows, l2->rows);
  cut(&axis[COLS], glb->cols, l2->cols);
  cut(&axis[DEPTH], nest->pixels_on_k ? glb->m : glb->k, nest->pixels_on_k ? l2->m : l2->k);
  cut(&axis[WIDTH], glb->n, l2->n);
}

/* Cores that share out pixels take images; if there are too few, bands of rows of one. */
static bool read_cores(struct nest *nest) {
  const struct core_grid *const cores = &nest->mapping->cores;
  const uint64_t by_pixels = nest->pixels_on_k ? cores->k : cores->m;
  struct nest_axis *const axis = nest->axis;
  const uint64_t images = nest->is_conv ? min_u64(by_pixels, axis[IMAGES].whole) : by_pixels;
  for (unsigned a = 0; a < NEST_AXES; a++) axis[a].cores = 1;
  if (images == 0 || by_pixels % images != 0) return false;
  axis[IMAGES].cores = images;
  axis[ROWS].cores = by_pixels / images;
  axis[DEPTH].cores = nest->pixels_on_k ? cores->m : cores->k;
  axis[WIDTH].cores = cores->n;
  for (unsigned a = 0; a < NEST_AXES; a++) {
    if (axis[a].cores == 0 || axis[a].whole % axis[a].cores != 0) return false;
    axis[a].length = axis[a].whole / axis[a].cores;
  }
  const bool bands = axis[ROWS].cores == 1 || axis[ROWS].length % axis[ROWS].unit == 0;
  return bands && cores->b > 0 && nest->reps % cores->b == 0;
}

static bool is_order(const char order[4]) {
  if (order[0] == '\0') return true;
  return memchr(order, 'm', 3) != NULL && memchr(order, 'n', 3) != NULL && memchr(order, 'k', 3) != NULL &&
         order[3] == '\0';
}

static bool is_loops(const struct nest *nest, const struct tile_loops *loops) {
  const uint64_t pixels = (uint64_t)loops->images * loops->rows * loops->cols;
  if (loops->m == 0 || loops->n == 0 || loops->k == 0 || pixels == 0) return false;
  return is_order(loops->order) && pixels == (!nest->is_conv ? 1 : nest->pixels_on_k ? loops->k : loops->m);
}

/* Loops that can be run at all. */
static bool is_sound(const struct nest *nest, struct error *error) {
  const struct mapping *const mapping = nest->mapping;
  if (mapping->on_vector || mapping->dataflow >= DATAFLOW_ALL || mapping->abreast == 0 || nest->patch == 0)
    return error_add(error, STATUS_INPUT, "mapping: not one of a matrix product on tensor cores");
  if (!is_loops(nest, &mapping->glb) || !is_loops(nest, &mapping->l2))
    return error_add(error, STATUS_INPUT, "mapping: loops without trips, or an order that is none");
  if (nest->patch > 1 && (mapping->dataflow != DATAFLOW_WS || !nest->is_conv || nest->pixels_on_k))
    return error_add(error, STATUS_INPUT, "mapping: patches where the array holds no filter");
  if (nest->array_rows < mapping->abreast || nest->array_cols / nest->patch < mapping->abreast)
    return error_add(error, STATUS_INPUT, "mapping: more side by side than the array is wide");
  return true;
}

/* An operand that never changes needs one place, all others as many as are buffered. */
static void give_places(struct nest *nest, struct nest_memory *memory, bool inner) {
  const struct cost_settings *const settings = nest->machine->settings;
  const struct core_grid one = {1, 1, 1, 1}, *const cores = inner ? &one : &nest->mapping->cores;
  const uint64_t copies = settings->array_overlap == OVERLAP_IDEAL ? 1 : settings->buffering;
  const uint64_t side = (uint64_t)nest->mapping->abreast * cores->b * cores->k;
  uint64_t tiles[NEST_AXES];
  for (unsigned a = 0; a < NEST_AXES; a++) tiles[a] = nest->axis[a].groups * (inner ? nest->axis[a].parts : 1);
  const uint64_t pixels = tiles[IMAGES] * tiles[ROWS] * tiles[COLS];
  const bool alone = nest->reps / nest->mapping->cores.b <= nest->mapping->abreast;
  memory->a_places = side * cores->m * (alone && pixels * tiles[DEPTH] == 1 ? 1 : copies);
  memory->b_places =
      side * cores->n * (alone && (nest->pixels_on_k ? pixels : tiles[DEPTH]) * tiles[WIDTH] == 1 ? 1 : copies);
  memory->c_places = side * cores->m * cores->n;
}

bool nest_read(const struct machine *machine, const struct op *op, const struct mapping *mapping, struct nest *nest,
               struct arena *scratch, struct error *error) {
  const enum op_family family = op_kinds[op->kind].family;
  const bool ideal = machine->settings->array_overlap == OVERLAP_IDEAL;
  *nest = (struct nest){.machine = machine,
                        .mapping = mapping,
                        .element_bytes = op->element_bytes,
                        .sum_bytes = ideal ? op->element_bytes : machine->settings->accumulator_bytes,
                        .array_rows = mapping->transposed ? machine->cols : machine->rows,
                        .array_cols = mapping->transposed ? machine->rows : machine->cols,
                        .patch = (uint64_t)mapping->patch_rows * mapping->patch_cols};
  if (family == FAMILY_CONV && op->dim[DIM_GROUPS] > 0 && op->dim[DIM_STRIDE] > 0)
    read_conv(op, nest);
  else if (family == FAMILY_GEMM)
    read_gemm(op, nest);
  else
    return error_add(error, STATUS_INPUT, "op: not a matrix product");
  uint64_t macs = nest->taps;
  for (unsigned a = 0; a < NEST_AXES; a++) macs = sat_mul(macs, nest->axis[a].whole);
  if (macs == 0 || nest->reps == 0 || macs > NEST_MACS)
    return error_add(error, STATUS_INPUT, "op: a product of %" PRIu64 " multiply-accumulates, 1 to %d can be walked",
                     macs, NEST_MACS);
  if (!is_sound(nest, error)) return false;
  read_loops(nest);
  if (!read_cores(nest)) return error_add(error, STATUS_INPUT, "mapping: shares of cores that differ are not walked");
  give_places(nest, &nest->glb, false);
  give_places(nest, &nest->l2, true);
  nest->ticks = ARENA_NEW(scratch, uint8_t, nest_ticks(nest));
  nest->done = ARENA_NEW(scratch, uint32_t, nest_m(nest, false) * nest->axis[WIDTH].whole);
  return true;
}
