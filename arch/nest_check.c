/* Does a mapping move what its cost says? (cost-model §2, "Traffic at a level", "Array time")
 *
 * Reads a mapping as loops and runs them: over the tiles of the GLB, over the tiles of each in L2, over the folds of
 * these in the array. Each memory holds one tile of A, B and C; what the next one lacks is fetched, a tile of C that is
 * left goes back, as a partial sum while some of K is missing. Every multiply-accumulate is ticked off. It shares no
 * code with what makes costs, and uses no closed form: positions, elements, tiles and folds are counted one by one.
 *
 * A product of plain matrices is read as a 1×1 convolution of m images of one pixel each. What the loops mean:
 * - a dimension is cut in units: as many steps as fill an edge of the array that folds it (single steps where it
 *   streams past); patches, and pixels that a strided gradient computes together, stay whole;
 * - units into almost equal groups (GLB), larger ones first, and each group into parts (L2) likewise;
 * - pixels run over images, then rows, then columns;
 * - A is what windows see, padding excluded: from the first position to the last that any window can read; where
 *   windows do not touch each other, those under their taps. A window that moves on along rows or along columns, all
 *   else unchanged, keeps what it still sees;
 * - L2 is empty whenever the GLB's tiles move on;
 * - without an order no tile is kept and the array's own words move; or, where the GLB's tiles fit an L2 as they are,
 *   L2 holds them and is filled through the GLB.
 * - products are alike and nothing is kept from one to the next, so that one is walked.
 *
 * Left out: several cores; fused attention; lanes; whether another mapping would be better (property tests). */
#include "arch/nest_check.h"
#include "base/checked.h"
#include <inttypes.h>
#include <string.h>

/* The loops' axes. Depth: channels of one group, or K of a plain product. */
enum { IMAGES, ROWS, COLS, DEPTH, WIDTH, N_AXES };

struct axis {
  uint64_t length, unit; /* in steps */
  uint64_t groups, parts;
};

/* Along one axis of an image. `fractional`: the gradient of the window, where inputs and outputs change places. */
struct sight {
  uint64_t out, in, filter, stride, dilation, pad;
  bool fractional;
};

struct range {
  uint64_t first, end;
};
struct box {
  struct range at[N_AXES];
};

struct memory {
  struct box box;
  bool filled;
  uint64_t bytes;      /* in and out so far */
  uint64_t peak_bytes; /* needed at most */
  uint64_t tiles, slides;
  uint64_t a_places, b_places;
};

struct nest {
  const struct machine *machine;
  const struct mapping *mapping;
  struct axis axis[N_AXES];
  struct sight rows, cols;
  uint64_t reps, taps, stride, element_bytes, sum_bytes;
  bool pixels_on_k, decomposed;
  uint64_t array_rows, array_cols, patch; /* the array as it lies; pixels of a patch */
  uint8_t *ticks;                         /* multiply-accumulates done, [pixel][channel and tap][width] */
  uint32_t *done;                         /* of each element of C */
  struct memory glb, l2;
  uint64_t folds, words_bytes; /* of one product */
  uint64_t streams, padded_streams, last_stream;
};

/* --- what the op is
 * -------------------------------------------------------------------------------------------------*/

static struct sight sight_of(const struct op *op, bool fractional, uint64_t size, uint64_t filter, uint64_t pad,
                             uint64_t positions) {
  const uint64_t dilation = max_u64(op->dim[DIM_DILATION], 1);
  return (struct sight){.out = fractional ? size : positions,
                        .in = fractional ? positions : size,
                        .filter = filter,
                        .stride = op->dim[DIM_STRIDE],
                        .dilation = dilation,
                        .pad = pad,
                        .fractional = fractional};
}

static void read_conv(const struct op *op, struct nest *nest) {
  const uint64_t *const dim = op->dim;
  const enum op_phase phase = op_conv_phase(op);
  const bool data = phase == PHASE_BACKWARD_DATA;
  const uint64_t in = dim[DIM_IN_CHANNELS] / dim[DIM_GROUPS], out = dim[DIM_OUT_CHANNELS] / dim[DIM_GROUPS];
  nest->rows =
      sight_of(op, data, dim[DIM_IN_HEIGHT], dim[DIM_FILTER_HEIGHT], dim[DIM_PAD_HEIGHT], op_conv_out_height(op));
  nest->cols = sight_of(op, data, dim[DIM_IN_WIDTH], dim[DIM_FILTER_WIDTH], dim[DIM_PAD_WIDTH], op_conv_out_width(op));
  nest->reps = dim[DIM_GROUPS];
  nest->taps = dim[DIM_FILTER_HEIGHT] * dim[DIM_FILTER_WIDTH];
  nest->stride = dim[DIM_STRIDE];
  nest->pixels_on_k = phase == PHASE_BACKWARD_WEIGHT;
  nest->decomposed =
      data && nest->stride > 1 && nest->rows.dilation == 1 && nest->machine->settings->deconv == DECONV_DECOMPOSED;
  nest->axis[IMAGES].length = dim[DIM_IMAGES];
  nest->axis[ROWS].length = nest->rows.out;
  nest->axis[COLS].length = nest->cols.out;
  nest->axis[DEPTH].length = data ? out : in;
  nest->axis[WIDTH].length = data ? in : out;
}

static void read_gemm(const struct op *op, struct nest *nest) {
  static const struct sight pixel = {.out = 1, .in = 1, .filter = 1, .stride = 1, .dilation = 1};
  nest->rows = nest->cols = pixel;
  nest->reps = op->dim[DIM_REPS];
  nest->taps = nest->stride = 1;
  nest->axis[IMAGES].length = op->dim[DIM_M];
  nest->axis[ROWS].length = nest->axis[COLS].length = 1;
  nest->axis[DEPTH].length = op->dim[DIM_K];
  nest->axis[WIDTH].length = op->dim[DIM_N];
}

static uint64_t n_pixels(const struct nest *nest) {
  return nest->axis[IMAGES].length * nest->axis[ROWS].length * nest->axis[COLS].length;
}
static uint64_t n_deep(const struct nest *nest) { return nest->axis[DEPTH].length * nest->taps; }
static uint64_t length_m(const struct nest *nest) { return nest->pixels_on_k ? n_deep(nest) : n_pixels(nest); }
static uint64_t length_k(const struct nest *nest) { return nest->pixels_on_k ? n_pixels(nest) : n_deep(nest); }

/* Different inputs under the windows of a patch's outputs, along one axis. */
static uint64_t patch_inputs(const struct sight *sight, uint64_t outputs) {
  const uint64_t stride = sight->fractional ? 1 : sight->stride;
  uint64_t n = 0;
  for (uint64_t x = 0; x <= (outputs - 1) * stride + (sight->filter - 1) * sight->dilation; x++) {
    bool seen = false;
    for (uint64_t y = 0; y < outputs; y++)
      for (uint64_t j = 0; j < sight->filter; j++) seen = seen || y * stride + j * sight->dilation == x;
    n += seen;
  }
  return n;
}

/* Rows of the array that one channel takes (or one step of a plain dimension). */
static uint64_t channel_rows(const struct nest *nest) {
  const struct mapping *const mapping = nest->mapping;
  if (nest->patch > 1)
    return patch_inputs(&nest->rows, mapping->patch_rows) * patch_inputs(&nest->cols, mapping->patch_cols);
  return nest->decomposed ? 1 : nest->taps;
}

/* The fewest steps that fill whole edges; the parts of a strided gradient differ in taps: an edge of steps suits all.
 */
static uint64_t edge_steps(uint64_t edge, uint64_t per_step) {
  uint64_t steps = 1;
  while (steps * per_step % edge != 0) steps++;
  return steps;
}

static void cut(struct axis *axis, uint64_t groups, uint64_t parts) {
  axis->groups = groups;
  axis->parts = parts;
}

static void read_loops(const struct op *op, struct nest *nest) {
  const struct mapping *const mapping = nest->mapping;
  const struct tile_loops *const glb = &mapping->glb, *const l2 = &mapping->l2;
  const bool gemm = op_kinds[op->kind].family == FAMILY_GEMM;
  const bool ws = mapping->dataflow == DATAFLOW_WS, os = mapping->dataflow == DATAFLOW_OS;
  const uint64_t by_cols = nest->array_cols / nest->patch, by_rows = nest->array_rows;
  const uint64_t m_edge = ws ? 0 : os ? by_rows : by_cols, n_edge = ws || os ? by_cols : 0, k_edge = os ? 0 : by_rows;
  const uint64_t deep_edge = nest->pixels_on_k ? m_edge : k_edge;
  const uint64_t step = nest->rows.fractional ? nest->stride : 1;
  struct axis *const axis = nest->axis;
  axis[IMAGES].unit = gemm && m_edge > 0 ? m_edge : 1;
  axis[ROWS].unit = mapping->patch_rows * step;
  axis[COLS].unit = mapping->patch_cols * step;
  axis[DEPTH].unit = deep_edge > 0 ? edge_steps(deep_edge, channel_rows(nest)) : 1;
  axis[WIDTH].unit = n_edge > 0 ? n_edge : 1;
  cut(&axis[IMAGES], gemm ? glb->m : glb->images, gemm ? l2->m : l2->images);
  cut(&axis[ROWS], glb->rows, l2->rows);
  cut(&axis[COLS], glb->cols, l2->cols);
  cut(&axis[DEPTH], nest->pixels_on_k ? glb->m : glb->k, nest->pixels_on_k ? l2->m : l2->k);
  cut(&axis[WIDTH], glb->n, l2->n);
}

/* --- elements
 * -------------------------------------------------------------------------------------------------------*/

/* Positions that all windows step over are no part of A. */
static uint64_t lattice_step(const struct sight *sight) {
  if (sight->fractional) return 1;
  if (sight->filter == 1) return sight->stride;
  uint64_t step = sight->stride;
  while (sight->stride % step != 0 || sight->dilation % step != 0) step--;
  return step;
}

/* Is position p under the windows of outputs `run`? */
static bool sees(const struct sight *sight, struct range run, uint64_t p) {
  const uint64_t span = (sight->filter - 1) * sight->dilation + 1, step = lattice_step(sight);
  const uint64_t at = p + sight->pad;
  if (sight->fractional) { /* does the window of input p reach the run? at = p·stride then */
    const uint64_t low = p * sight->stride, first = run.first + sight->pad, end = run.end + sight->pad;
    return low < end && low + span > first;
  }
  if (at % step != 0) return false;
  const bool apart = (span - 1) / step + 1 < sight->stride / step;
  if (!apart) return at >= run.first * sight->stride && at < (run.end - 1) * sight->stride + span;
  for (uint64_t y = run.first; y < run.end; y++)
    for (uint64_t j = 0; j < sight->filter; j++)
      if (y * sight->stride + j * sight->dilation == at) return true;
  return false;
}

/* Positions under the windows of `run` that are not under those of `kept` (NULL: all). */
static uint64_t n_seen(const struct sight *sight, struct range run, const struct range *kept) {
  uint64_t n = 0;
  for (uint64_t p = 0; p < sight->in; p++) n += sees(sight, run, p) && (kept == NULL || !sees(sight, *kept, p));
  return n;
}

static uint64_t size_of(struct range range) { return range.end - range.first; }

static uint64_t a_elements(const struct nest *nest, const struct box *box) {
  return size_of(box->at[IMAGES]) * size_of(box->at[DEPTH]) * n_seen(&nest->rows, box->at[ROWS], NULL) *
         n_seen(&nest->cols, box->at[COLS], NULL);
}
static uint64_t pixels_in(const struct box *box) {
  return size_of(box->at[IMAGES]) * size_of(box->at[ROWS]) * size_of(box->at[COLS]);
}
static uint64_t deep_in(const struct nest *nest, const struct box *box) { return size_of(box->at[DEPTH]) * nest->taps; }
static uint64_t m_in(const struct nest *nest, const struct box *box) {
  return nest->pixels_on_k ? deep_in(nest, box) : pixels_in(box);
}
static uint64_t k_in(const struct nest *nest, const struct box *box) {
  return nest->pixels_on_k ? pixels_in(box) : deep_in(nest, box);
}

static bool same_range(struct range a, struct range b) { return a.first == b.first && a.end == b.end; }
static bool same_axis(const struct box *a, const struct box *b, unsigned axis) {
  return same_range(a->at[axis], b->at[axis]);
}
static bool same_pixels(const struct box *a, const struct box *b) {
  return same_axis(a, b, IMAGES) && same_axis(a, b, ROWS) && same_axis(a, b, COLS);
}
static bool same_a(const struct box *a, const struct box *b) { return same_pixels(a, b) && same_axis(a, b, DEPTH); }
static bool same_b(const struct nest *nest, const struct box *a, const struct box *b) {
  return same_axis(a, b, WIDTH) && (nest->pixels_on_k ? same_pixels(a, b) : same_axis(a, b, DEPTH));
}
static bool same_c(const struct nest *nest, const struct box *a, const struct box *b) {
  return same_axis(a, b, WIDTH) && (nest->pixels_on_k ? same_axis(a, b, DEPTH) : same_pixels(a, b));
}

/* --- visits to elements --------------------------------------------------------------------------------------------
 */

typedef void visit_pixel(struct nest *nest, const struct box *box, uint64_t pixel);

static void for_pixels(struct nest *nest, const struct box *box, visit_pixel *visit) {
  const struct axis *const axis = nest->axis;
  for (uint64_t i = box->at[IMAGES].first; i < box->at[IMAGES].end; i++)
    for (uint64_t y = box->at[ROWS].first; y < box->at[ROWS].end; y++)
      for (uint64_t x = box->at[COLS].first; x < box->at[COLS].end; x++)
        visit(nest, box, (i * axis[ROWS].length + y) * axis[COLS].length + x);
}

/* Everything that the tiles hold is multiplied once. */
static void tick_pixel(struct nest *nest, const struct box *box, uint64_t pixel) {
  const uint64_t width = nest->axis[WIDTH].length, deep = n_deep(nest);
  for (uint64_t d = box->at[DEPTH].first * nest->taps; d < box->at[DEPTH].end * nest->taps; d++) {
    for (uint64_t n = box->at[WIDTH].first; n < box->at[WIDTH].end; n++) {
      uint8_t *const tick = &nest->ticks[(pixel * deep + d) * width + n];
      if (*tick < UINT8_MAX) ++*tick;
      nest->done[(nest->pixels_on_k ? d : pixel) * width + n]++;
    }
  }
}

struct sums {
  uint64_t none, partial, finished; /* elements of C by how much of K is done */
};

static void add_sum(const struct nest *nest, uint64_t m, uint64_t n, struct sums *sums) {
  const uint64_t done = nest->done[m * nest->axis[WIDTH].length + n];
  if (done == 0)
    sums->none++;
  else if (done < length_k(nest))
    sums->partial++;
  else
    sums->finished++;
}

static struct sums sums_in(const struct nest *nest, const struct box *box) {
  const struct axis *const axis = nest->axis;
  struct sums sums = {0};
  for (uint64_t n = box->at[WIDTH].first; n < box->at[WIDTH].end; n++) {
    if (nest->pixels_on_k) {
      for (uint64_t d = box->at[DEPTH].first * nest->taps; d < box->at[DEPTH].end * nest->taps; d++)
        add_sum(nest, d, n, &sums);
      continue;
    }
    for (uint64_t i = box->at[IMAGES].first; i < box->at[IMAGES].end; i++)
      for (uint64_t y = box->at[ROWS].first; y < box->at[ROWS].end; y++)
        for (uint64_t x = box->at[COLS].first; x < box->at[COLS].end; x++)
          add_sum(nest, (i * axis[ROWS].length + y) * axis[COLS].length + x, n, &sums);
  }
  return sums;
}

/* --- memories ------------------------------------------------------------------------------------------------------
 */

/* The axis along which the window has moved on, all else unchanged; N_AXES: none. */
static unsigned slides_along(const struct box *from, const struct box *to) {
  if (!same_axis(from, to, IMAGES) || !same_axis(from, to, DEPTH)) return N_AXES;
  const bool rows = same_axis(from, to, ROWS), cols = same_axis(from, to, COLS);
  if (cols && !rows && to->at[ROWS].first > from->at[ROWS].first) return ROWS;
  if (rows && !cols && to->at[COLS].first > from->at[COLS].first) return COLS;
  return N_AXES;
}

static uint64_t a_missing(const struct nest *nest, struct memory *memory, const struct box *box) {
  if (!memory->filled) return a_elements(nest, box);
  if (same_a(&memory->box, box)) return 0;
  const unsigned along = slides_along(&memory->box, box);
  if (along == N_AXES) return a_elements(nest, box);
  const struct range *const rows = along == ROWS ? &memory->box.at[ROWS] : NULL;
  const struct range *const cols = along == COLS ? &memory->box.at[COLS] : NULL;
  memory->slides++;
  return size_of(box->at[IMAGES]) * size_of(box->at[DEPTH]) * n_seen(&nest->rows, box->at[ROWS], rows) *
         n_seen(&nest->cols, box->at[COLS], cols);
}

/* C leaves: what is finished as elements, the rest as partial sums. */
static void give_back(const struct nest *nest, struct memory *memory) {
  if (!memory->filled) return;
  const struct sums sums = sums_in(nest, &memory->box);
  memory->bytes += sums.finished * nest->element_bytes + (sums.none + sums.partial) * nest->sum_bytes;
}

static void move_to(const struct nest *nest, struct memory *memory, const struct box *box) {
  const uint64_t e = nest->element_bytes, width = size_of(box->at[WIDTH]);
  memory->tiles++;
  memory->bytes += a_missing(nest, memory, box) * e;
  if (!memory->filled || !same_b(nest, &memory->box, box)) memory->bytes += k_in(nest, box) * width * e;
  if (!memory->filled || !same_c(nest, &memory->box, box)) {
    give_back(nest, memory);
    const struct sums sums = sums_in(nest, box);
    memory->bytes += (sums.partial + sums.finished) * nest->sum_bytes;
  }
  const uint64_t need = a_elements(nest, box) * e * memory->a_places + k_in(nest, box) * width * e * memory->b_places +
                        m_in(nest, box) * width * nest->sum_bytes;
  memory->peak_bytes = max_u64(memory->peak_bytes, need * nest->mapping->abreast);
  memory->box = *box;
  memory->filled = true;
}

static void empty(const struct nest *nest, struct memory *memory) {
  give_back(nest, memory);
  memory->filled = false;
}

/* --- the array -----------------------------------------------------------------------------------------------------*/

/* What the array works on at a time: all of a tile, or one of the dense parts of a strided gradient. */
struct block {
  uint64_t m, n, k;
  uint64_t c_per_m; /* pixels of a patch */
  bool begun, finishing;
};

struct fold {
  uint64_t operands, sums, stream;
  bool first, last; /* of K within the block */
};

static void run_fold(struct nest *nest, const struct block *block, const struct fold *fold) {
  const uint64_t read = block->begun || !fold->first ? nest->sum_bytes : 0;
  const uint64_t written = block->finishing && fold->last ? nest->element_bytes : nest->sum_bytes;
  nest->words_bytes += fold->operands * nest->element_bytes + fold->sums * (read + written);
  nest->folds++;
  nest->streams += fold->stream;
  nest->padded_streams += max_u64(fold->stream, nest->array_rows);
  nest->last_stream = fold->stream;
}

/* One dimension lies along the rows, another along the columns, the third streams past. */
static void run_block(struct nest *nest, const struct block *block) {
  const unsigned dataflow = nest->mapping->dataflow;
  const bool os = dataflow == DATAFLOW_OS;
  const uint64_t down = os ? block->m : block->k, across = dataflow == DATAFLOW_IS ? block->m : block->n;
  const uint64_t stream = os ? block->k : dataflow == DATAFLOW_WS ? block->m : block->n;
  const uint64_t row_edge = nest->array_rows / nest->mapping->abreast;
  const uint64_t col_edge = nest->array_cols / nest->patch / nest->mapping->abreast;
  for (uint64_t r = 0; r < down; r += row_edge) {
    for (uint64_t c = 0; c < across; c += col_edge) {
      const uint64_t rows = min_u64(row_edge, down - r), cols = min_u64(col_edge, across - c);
      struct fold fold = {.stream = stream, .first = os || r == 0, .last = os || r + rows == down};
      if (os) { /* both operands stream past */
        fold.operands = (rows + cols) * stream;
        fold.sums = rows * cols;
      } else {
        fold.operands = rows * cols * block->c_per_m + rows * stream;
        fold.sums = cols * block->c_per_m * stream;
      }
      run_fold(nest, block, &fold);
    }
  }
}

static uint64_t units_in(const struct nest *nest, const struct box *box, unsigned axis) {
  return ceil_div(size_of(box->at[axis]), nest->axis[axis].unit);
}

/* A strided gradient's outputs of one residue are a dense product with every stride-th tap. The array works on whole
 * units, also where they reach beyond the border. Most taps last. */
static void run_parts(struct nest *nest, const struct box *box, struct block block) {
  const uint64_t depth = size_of(box->at[DEPTH]);
  block.m = size_of(box->at[IMAGES]) * units_in(nest, box, ROWS) * units_in(nest, box, COLS);
  for (uint64_t y = nest->stride; y-- > 0;) {
    for (uint64_t x = nest->stride; x-- > 0;) {
      uint64_t taps = 0;
      for (uint64_t i = y; i < nest->rows.filter; i += nest->stride)
        for (uint64_t j = x; j < nest->cols.filter; j += nest->stride) taps++;
      block.k = depth * taps;
      if (taps > 0) run_block(nest, &block);
    }
  }
}

static void run_array(struct nest *nest, const struct box *box) {
  const struct sums before = sums_in(nest, box);
  struct block block = {
      .m = m_in(nest, box), .n = size_of(box->at[WIDTH]), .k = k_in(nest, box), .c_per_m = nest->patch};
  for_pixels(nest, box, tick_pixel);
  const struct sums after = sums_in(nest, box);
  block.begun = before.none == 0;
  block.finishing = after.partial == 0;
  if (nest->decomposed) {
    run_parts(nest, box, block);
    return;
  }
  if (nest->patch > 1) {
    block.m = size_of(box->at[IMAGES]) * units_in(nest, box, ROWS) * units_in(nest, box, COLS);
    block.k = size_of(box->at[DEPTH]) * channel_rows(nest);
  }
  run_block(nest, &block);
}

/* --- the loops -----------------------------------------------------------------------------------------------------*/

/* The i-th of n almost equal shares, larger ones first. */
static struct range share(uint64_t units, uint64_t n, uint64_t i) {
  struct range range = {0, 0};
  for (uint64_t j = 0; j <= i; j++) {
    range.first = range.end;
    range.end += units / n + (j < units % n);
  }
  return range;
}

static uint64_t units_of(const struct axis *axis) { return ceil_div(axis->length, axis->unit); }

static struct range steps_of(const struct axis *axis, struct range units) {
  return (struct range){units.first * axis->unit, min_u64(units.end * axis->unit, axis->length)};
}

/* A loop nest over the tiles of one memory: axes outermost first, and the units that each runs over. */
struct loops {
  unsigned axis[N_AXES];
  bool inner;
  struct range units[N_AXES]; /* by axis: all, or those of the GLB's tile */
};

static void list_axes(const struct nest *nest, const char *order, struct loops *loops) {
  unsigned n = 0;
  for (; *order != '\0'; order++) {
    const bool pixels = *order == (nest->pixels_on_k ? 'k' : 'm');
    if (*order == 'n') {
      loops->axis[n++] = WIDTH;
    } else if (!pixels) {
      loops->axis[n++] = DEPTH;
    } else {
      loops->axis[n++] = IMAGES;
      loops->axis[n++] = ROWS;
      loops->axis[n++] = COLS;
    }
  }
}

static void visit_l2(struct nest *nest, const struct box *box) {
  if (nest->mapping->l2.order[0] != '\0') move_to(nest, &nest->l2, box);
  run_array(nest, box);
}

static void run_loops(struct nest *nest, const struct loops *loops, unsigned depth, struct range units[N_AXES]);

static void visit_glb(struct nest *nest, const struct box *box, const struct range units[N_AXES]) {
  struct loops inner = {.inner = true};
  struct range at[N_AXES];
  memcpy(inner.units, units, sizeof inner.units);
  move_to(nest, &nest->glb, box);
  const char *const order = nest->mapping->l2.order;
  list_axes(nest, order[0] == '\0' ? "mnk" : order, &inner);
  run_loops(nest, &inner, 0, at);
  if (order[0] != '\0') empty(nest, &nest->l2);
}

static void run_loops(struct nest *nest, const struct loops *loops, unsigned depth, struct range units[N_AXES]) {
  if (depth == N_AXES) {
    struct box box;
    for (unsigned a = 0; a < N_AXES; a++) box.at[a] = steps_of(&nest->axis[a], units[a]);
    if (loops->inner)
      visit_l2(nest, &box);
    else
      visit_glb(nest, &box, units);
    return;
  }
  const unsigned a = loops->axis[depth];
  const uint64_t n_units = size_of(loops->units[a]);
  const uint64_t n = min_u64(loops->inner ? nest->axis[a].parts : nest->axis[a].groups, n_units);
  for (uint64_t i = 0; i < n; i++) {
    const struct range part = share(n_units, n, i);
    units[a] = (struct range){loops->units[a].first + part.first, loops->units[a].first + part.end};
    run_loops(nest, loops, depth + 1, units);
  }
}

static void run_nest(struct nest *nest) {
  struct loops outer = {.inner = false};
  struct range at[N_AXES];
  struct box whole;
  for (unsigned a = 0; a < N_AXES; a++) {
    outer.units[a] = (struct range){0, units_of(&nest->axis[a])};
    whole.at[a] = (struct range){0, nest->axis[a].length};
  }
  if (nest->mapping->glb.order[0] == '\0') {
    run_array(nest, &whole);
    return;
  }
  list_axes(nest, nest->mapping->glb.order, &outer);
  run_loops(nest, &outer, 0, at);
  empty(nest, &nest->glb);
}

/* --- what it adds up to --------------------------------------------------------------------------------------------*/

struct judge {
  struct nest *nest;
  const struct op *op;
  const struct op_cost *cost;
  struct nest_count *count;
  struct error *error;
  uint64_t ab_bytes, c_bytes; /* of all products, each operand once */
  uint64_t extra_bytes, compulsory_bytes;
};

/* What the op names beyond its products' operands is moved as it is; what windows step over is not. */
static void count_operands(struct judge *judge) {
  const struct nest *const nest = judge->nest;
  const struct op *const op = judge->op;
  const uint64_t each = nest->reps * nest->element_bytes;
  struct box whole;
  for (unsigned a = 0; a < N_AXES; a++) whole.at[a] = (struct range){0, nest->axis[a].length};
  const uint64_t b = length_k(nest) * nest->axis[WIDTH].length, c = length_m(nest) * nest->axis[WIDTH].length;
  const uint64_t image = nest->rows.in * nest->cols.in;
  const uint64_t input = nest->axis[IMAGES].length * nest->axis[DEPTH].length * image;
  const uint64_t declared = op->in_bytes + op->weight_bytes + op->out_bytes, named = each * (input + b + c);
  judge->ab_bytes = each * (a_elements(nest, &whole) + b);
  judge->c_bytes = each * c;
  const uint64_t touched = judge->ab_bytes + judge->c_bytes;
  judge->extra_bytes = declared > named ? declared - named : 0;
  judge->compulsory_bytes = declared >= named ? touched + judge->extra_bytes : min_u64(declared, touched);
}

static uint64_t array_cycles(const struct nest *nest) {
  const uint64_t rounds = ceil_div(nest->reps, nest->mapping->abreast);
  const uint64_t down = nest->mapping->dataflow == DATAFLOW_OS ? nest->array_rows : 2 * nest->array_rows;
  const uint64_t fill = down + nest->array_cols - 2;
  switch (nest->machine->settings->array_overlap) {
  case OVERLAP_NONE:
    return rounds * (nest->streams + nest->folds * fill);
  case OVERLAP_IDEAL:
    return rounds * nest->streams;
  default: /* the next block loads, a cycle a row, while this one works; nothing follows the last fold */
    return rounds * nest->padded_streams - max_u64(nest->last_stream, nest->array_rows) + nest->last_stream + fill;
  }
}

/* The first blocks in and the last out, of an edge of the array. */
static uint64_t edge_cycles(const struct judge *judge, bool followed) {
  const struct nest *const nest = judge->nest;
  const struct machine *const machine = nest->machine;
  if (machine->settings->array_overlap == OVERLAP_IDEAL) return 0;
  const uint64_t m = min_u64(length_m(nest), machine->rows), k = min_u64(length_k(nest), machine->rows);
  const uint64_t n = min_u64(nest->axis[WIDTH].length, machine->cols), e = nest->element_bytes;
  return cycles_for_bytes(min_u64((m + n) * k * e, judge->ab_bytes), machine->hbm_bytes_per_cycle) +
         cycles_for_bytes(min_u64(m * n * e, judge->c_bytes), machine->hbm_bytes_per_cycle) +
         (followed ? machine->cols : 0);
}

static void count_cycles(struct judge *judge, uint64_t core_bytes) {
  const struct machine *const machine = judge->nest->machine;
  const struct cost_settings *const settings = machine->settings;
  struct nest_count *const count = judge->count;
  const uint64_t followers = machine->lanes > 0 ? judge->cost->lane_cycles / machine->lanes : 0;
  const uint64_t glb = count->glb_bytes + (settings->glb_ports == 1 ? count->hbm_bytes : 0);
  const uint64_t l2 = core_bytes + (settings->l2_ports == 1 ? count->array_bytes : 0);
  uint64_t cycles = max_u64(array_cycles(judge->nest), followers);
  cycles = max_u64(cycles, cycles_for_bytes(count->hbm_bytes, machine->hbm_bytes_per_cycle));
  cycles = max_u64(cycles, cycles_for_bytes(glb, machine->glb_bytes_per_cycle));
  cycles = max_u64(cycles, cycles_for_bytes(l2, machine->l2_bytes_per_cycle));
  if (settings->l2_read_bytes_per_cycle > 0)
    cycles = max_u64(cycles, ceil_div(count->array_bytes, settings->l2_read_bytes_per_cycle));
  count->cycles = cycles + edge_cycles(judge, followers > 0);
}

static void count_all(struct judge *judge, bool through) {
  const struct nest *const nest = judge->nest;
  struct nest_count *const count = judge->count;
  const bool tiled = nest->mapping->glb.order[0] != '\0', twice = nest->mapping->l2.order[0] != '\0';
  const uint64_t words = nest->words_bytes * nest->reps;
  *count = (struct nest_count){.glb_tiles = nest->glb.tiles,
                               .l2_tiles = nest->l2.tiles,
                               .glb_slides = nest->glb.slides,
                               .l2_slides = nest->l2.slides,
                               .folds = nest->folds,
                               .through = through,
                               .array_bytes = words};
  count->hbm_bytes = tiled ? nest->glb.bytes * nest->reps + judge->extra_bytes
                           : max_u64(words + judge->extra_bytes, judge->compulsory_bytes);
  const uint64_t own = (twice ? nest->l2.bytes * nest->reps : words) + judge->extra_bytes;
  const uint64_t core = through ? count->hbm_bytes : own;
  count->glb_bytes = max_u64(core, count->hbm_bytes); /* nothing bypasses the GLB */
  count_cycles(judge, core);
}

/* Without loops of its own, L2 holds nothing, or what comes through the GLB if that fits: the mapping does not say. */
static void count_either(struct judge *judge) {
  const struct nest *const nest = judge->nest;
  const bool tiled = nest->mapping->glb.order[0] != '\0', twice = nest->mapping->l2.order[0] != '\0';
  count_all(judge, false);
  if (!tiled || twice || nest->glb.peak_bytes > nest->machine->tensor_l2_bytes) return;
  const bool fits = nest->glb.peak_bytes <= nest->machine->glb_share_bytes;
  const bool agrees = judge->count->glb_bytes == judge->cost->glb_bytes && judge->count->cycles == judge->cost->cycles;
  if (!fits || !agrees) count_all(judge, true);
}

/* --- the verdict ---------------------------------------------------------------------------------------------------*/

static void compare(struct judge *judge, const char *what, uint64_t walked, uint64_t claimed) {
  if (walked != claimed)
    error_add(judge->error, STATUS_INPUT, "%s: walking the loops gives %" PRIu64 ", the cost says %" PRIu64, what,
              walked, claimed);
}

static void check_ticks(struct judge *judge) {
  const struct nest *const nest = judge->nest;
  const uint64_t n = n_pixels(nest) * n_deep(nest) * nest->axis[WIDTH].length;
  uint64_t missed = 0, repeated = 0;
  for (uint64_t i = 0; i < n; i++) {
    missed += nest->ticks[i] == 0;
    repeated += nest->ticks[i] > 1;
  }
  if (missed + repeated > 0)
    error_add(judge->error, STATUS_INPUT,
              "loops: of %" PRIu64 " multiply-accumulates of a product %" PRIu64 " are missed, %" PRIu64
              " done more than once",
              n, missed, repeated);
}

static void check_capacity(struct judge *judge) {
  const struct nest *const nest = judge->nest;
  const struct machine *const machine = nest->machine;
  if (!judge->count->through && nest->glb.peak_bytes > machine->glb_share_bytes)
    error_add(judge->error, STATUS_INPUT, "GLB: tiles need %" PRIu64 " bytes of %" PRIu64, nest->glb.peak_bytes,
              machine->glb_share_bytes);
  if (nest->l2.peak_bytes > machine->tensor_l2_bytes)
    error_add(judge->error, STATUS_INPUT, "L2: tiles need %" PRIu64 " bytes of %" PRIu64, nest->l2.peak_bytes,
              machine->tensor_l2_bytes);
}

static bool is_order(const char order[4]) {
  if (order[0] == '\0') return true;
  return memchr(order, 'm', 3) != NULL && memchr(order, 'n', 3) != NULL && memchr(order, 'k', 3) != NULL &&
         order[3] == '\0';
}

static bool is_loops(const struct tile_loops *loops, bool pixels_on_k, bool conv) {
  const uint64_t pixels = (uint64_t)loops->images * loops->rows * loops->cols;
  if (loops->m == 0 || loops->n == 0 || loops->k == 0 || pixels == 0) return false;
  return is_order(loops->order) && pixels == (!conv ? 1 : pixels_on_k ? loops->k : loops->m);
}

/* Loops that can be run at all. */
static bool is_sound(const struct judge *judge) {
  const struct nest *const nest = judge->nest;
  const struct mapping *const mapping = nest->mapping;
  const bool conv = op_kinds[judge->op->kind].family == FAMILY_CONV;
  if (mapping->on_vector || mapping->dataflow >= DATAFLOW_ALL || mapping->split != '-' || mapping->abreast == 0 ||
      mapping->patch_rows * mapping->patch_cols == 0)
    return error_add(judge->error, STATUS_INPUT, "mapping: not one of a matrix product on one tensor core");
  if (!is_loops(&mapping->glb, nest->pixels_on_k, conv) || !is_loops(&mapping->l2, nest->pixels_on_k, conv))
    return error_add(judge->error, STATUS_INPUT, "mapping: loops without trips, or an order that is none");
  if (nest->patch > 1 && (mapping->dataflow != DATAFLOW_WS || !conv || nest->pixels_on_k))
    return error_add(judge->error, STATUS_INPUT, "mapping: patches where the array holds no filter");
  if (nest->array_rows < mapping->abreast || nest->array_cols / nest->patch < mapping->abreast)
    return error_add(judge->error, STATUS_INPUT, "mapping: more side by side than the array is wide");
  return true;
}

static void places(struct nest *nest, struct memory *memory, bool inner) {
  const struct cost_settings *const settings = nest->machine->settings;
  const uint64_t copies = settings->array_overlap == OVERLAP_IDEAL ? 1 : settings->buffering;
  uint64_t tiles[N_AXES];
  for (unsigned a = 0; a < N_AXES; a++) tiles[a] = nest->axis[a].groups * (inner ? nest->axis[a].parts : 1);
  const uint64_t pixels = tiles[IMAGES] * tiles[ROWS] * tiles[COLS];
  const bool alone = nest->reps <= nest->mapping->abreast;
  memory->a_places = alone && pixels * tiles[DEPTH] == 1 ? 1 : copies;
  memory->b_places = alone && (nest->pixels_on_k ? pixels : tiles[DEPTH]) * tiles[WIDTH] == 1 ? 1 : copies;
}

static bool read_op(const struct op *op, struct nest *nest, struct error *error) {
  const enum op_family family = op_kinds[op->kind].family;
  if (family == FAMILY_CONV && op->dim[DIM_GROUPS] > 0 && op->dim[DIM_STRIDE] > 0)
    read_conv(op, nest);
  else if (family == FAMILY_GEMM)
    read_gemm(op, nest);
  else
    return error_add(error, STATUS_INPUT, "op: not a matrix product");
  uint64_t macs = nest->taps;
  for (unsigned a = 0; a < N_AXES; a++) macs = sat_mul(macs, nest->axis[a].length);
  if (macs == 0 || nest->reps == 0 || macs > NEST_MACS)
    return error_add(error, STATUS_INPUT,
                     "op: %" PRIu64 " multiply-accumulates in a product, from 1 to %d can be walked", macs, NEST_MACS);
  return true;
}

bool nest_check(const struct machine *machine, const struct op *op, const struct op_cost *cost, struct arena *scratch,
                struct nest_count *count, struct error *error) {
  const struct mapping *const mapping = &cost->mapping;
  const bool ideal = machine->settings->array_overlap == OVERLAP_IDEAL;
  struct nest nest = {.machine = machine,
                      .mapping = mapping,
                      .element_bytes = op->element_bytes,
                      .sum_bytes = ideal ? op->element_bytes : machine->settings->accumulator_bytes,
                      .array_rows = mapping->transposed ? machine->cols : machine->rows,
                      .array_cols = mapping->transposed ? machine->rows : machine->cols,
                      .patch = (uint64_t)mapping->patch_rows * mapping->patch_cols};
  struct judge judge = {.nest = &nest, .op = op, .cost = cost, .count = count, .error = error};
  const size_t n_before = error->n_messages;
  *count = (struct nest_count){0};
  if (!read_op(op, &nest, error) || !is_sound(&judge)) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  const uint64_t width = nest.axis[WIDTH].length;
  nest.ticks = ARENA_NEW(scratch, uint8_t, n_pixels(&nest) * n_deep(&nest) * width);
  nest.done = ARENA_NEW(scratch, uint32_t, length_m(&nest) * width);
  read_loops(op, &nest);
  places(&nest, &nest.glb, false);
  places(&nest, &nest.l2, true);
  count_operands(&judge);
  run_nest(&nest);
  count_either(&judge);
  check_ticks(&judge);
  check_capacity(&judge);
  compare(&judge, "HBM bytes", count->hbm_bytes, cost->hbm_bytes);
  compare(&judge, "GLB bytes", count->glb_bytes, cost->glb_bytes);
  compare(&judge, "array bytes", count->array_bytes, cost->array_bytes);
  compare(&judge, "cycles", count->cycles, cost->cycles);
  arena_rewind(scratch, mark);
  return error->n_messages == n_before;
}
