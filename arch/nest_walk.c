/* What do the loops of a mapping do, step by step? (cost-model §2, "Traffic at a level", "Array time")
 *
 * Runs over the tiles of the GLB, over the tiles of each in L2, over the folds of these in the array. Each memory holds
 * one tile of A, B and C; what the next one lacks is fetched, a tile of C that is left goes back, as partial sums while
 * some of K is missing. Every multiply-accumulate is ticked off. Shares no code with what makes costs, and uses no
 * closed form: positions, elements, tiles and folds are counted one by one.
 *
 * A product of plain matrices is read as a 1×1 convolution of M images of one pixel each. What the loops mean:
 * - cores first take equal shares of M, N, K; pixels are shared out as images, or as bands of rows of one image;
 * - a dimension is cut in units: as many steps as fill an edge of the array that folds it (single steps where it
 *   streams past); patches, and pixels that a strided gradient computes together, stay whole;
 * - units into almost equal groups (GLB), larger ones first, and each group into parts (L2) likewise;
 * - pixels run over images, then rows, then columns;
 * - A is what windows see, padding excluded: from the first position to the last that any window can read; where
 *   windows do not touch each other, those under their taps. A window that moves on along rows or along columns, all
 *   else unchanged, keeps what it still sees;
 * - L2 is empty whenever the GLB's tiles move on;
 * - without an order no tile is kept.
 *
 * Products are alike and nothing is kept from one to the next, so that one is walked. Left out: shares that differ. */
#include "arch/nest_walk.h"
#include "base/checked.h"
#include <string.h>

/* --- sizes and elements -------------------------------------------------------------------------------------------*/

static uint64_t n_pixels(const struct nest *nest, bool share) {
  uint64_t n = 1;
  for (unsigned a = IMAGES; a <= COLS; a++) n *= share ? nest->axis[a].length : nest->axis[a].whole;
  return n;
}
static uint64_t n_deep(const struct nest *nest, bool share) {
  return (share ? nest->axis[DEPTH].length : nest->axis[DEPTH].whole) * nest->taps;
}
uint64_t nest_m(const struct nest *nest, bool share) {
  return nest->pixels_on_k ? n_deep(nest, share) : n_pixels(nest, share);
}
uint64_t nest_k(const struct nest *nest, bool share) {
  return nest->pixels_on_k ? n_pixels(nest, share) : n_deep(nest, share);
}
uint64_t nest_ticks(const struct nest *nest) {
  return n_pixels(nest, false) * n_deep(nest, false) * nest->axis[WIDTH].whole;
}

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

uint64_t nest_channel_rows(const struct nest *nest) {
  const struct mapping *const mapping = nest->mapping;
  if (nest->patch > 1)
    return patch_inputs(&nest->rows, mapping->patch_rows) * patch_inputs(&nest->cols, mapping->patch_cols);
  return nest->decomposed ? 1 : nest->taps;
}

/* Positions that all windows step over are no part of A. */
static uint64_t lattice_step(const struct sight *sight) {
  if (sight->fractional) return 1;
  if (sight->filter == 1) return sight->stride;
  uint64_t step = sight->stride;
  while (sight->stride % step != 0 || sight->dilation % step != 0) step--;
  return step;
}

/* Is position p under the windows of the outputs `run`? */
static bool sees(const struct sight *sight, struct nest_range run, uint64_t p) {
  const uint64_t span = (sight->filter - 1) * sight->dilation + 1, step = lattice_step(sight);
  const uint64_t at = p + sight->pad;
  if (sight->fractional) { /* does the window that input p stands for reach the run? */
    const uint64_t low = p * sight->stride;
    return low < run.end + sight->pad && low + span > run.first + sight->pad;
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
static uint64_t n_seen(const struct sight *sight, struct nest_range run, const struct nest_range *kept) {
  uint64_t n = 0;
  for (uint64_t p = 0; p < sight->in; p++) n += sees(sight, run, p) && (kept == NULL || !sees(sight, *kept, p));
  return n;
}

static uint64_t size_of(struct nest_range range) { return range.end - range.first; }

static uint64_t a_in(const struct nest *nest, const struct nest_box *box, const struct nest_range *kept_rows,
                     const struct nest_range *kept_cols) {
  return size_of(box->at[IMAGES]) * size_of(box->at[DEPTH]) * n_seen(&nest->rows, box->at[ROWS], kept_rows) *
         n_seen(&nest->cols, box->at[COLS], kept_cols);
}
static uint64_t pixels_in(const struct nest_box *box) {
  return size_of(box->at[IMAGES]) * size_of(box->at[ROWS]) * size_of(box->at[COLS]);
}
static uint64_t deep_in(const struct nest *nest, const struct nest_box *box) {
  return size_of(box->at[DEPTH]) * nest->taps;
}
static uint64_t m_in(const struct nest *nest, const struct nest_box *box) {
  return nest->pixels_on_k ? deep_in(nest, box) : pixels_in(box);
}
static uint64_t k_in(const struct nest *nest, const struct nest_box *box) {
  return nest->pixels_on_k ? pixels_in(box) : deep_in(nest, box);
}

uint64_t nest_a_elements(const struct nest *nest) {
  struct nest_box whole;
  for (unsigned a = 0; a < NEST_AXES; a++) whole.at[a] = (struct nest_range){0, nest->axis[a].whole};
  return a_in(nest, &whole, NULL, NULL);
}

static bool same(const struct nest_box *a, const struct nest_box *b, unsigned axis) {
  return a->at[axis].first == b->at[axis].first && a->at[axis].end == b->at[axis].end;
}
static bool same_pixels(const struct nest_box *a, const struct nest_box *b) {
  return same(a, b, IMAGES) && same(a, b, ROWS) && same(a, b, COLS);
}
static bool same_b(const struct nest *nest, const struct nest_box *a, const struct nest_box *b) {
  return same(a, b, WIDTH) && (nest->pixels_on_k ? same_pixels(a, b) : same(a, b, DEPTH));
}
static bool same_c(const struct nest *nest, const struct nest_box *a, const struct nest_box *b) {
  return same(a, b, WIDTH) && (nest->pixels_on_k ? same(a, b, DEPTH) : same_pixels(a, b));
}

/* --- progress -----------------------------------------------------------------------------------------------------*/

/* Elements of C in a tile, by how much of this core's K is done. */
struct progress {
  uint64_t none, partial, finished;
};

static void add_progress(const struct nest *nest, uint64_t m, uint64_t n, struct progress *progress) {
  const uint64_t done = nest->done[m * nest->axis[WIDTH].whole + n];
  progress->none += done == 0;
  progress->finished += done == nest_k(nest, true);
  progress->partial += done != 0 && done != nest_k(nest, true);
}

/* Calls for each pixel of the box: ticks it off, or (`progress`) asks how far its elements of C are. */
static void visit_pixel(struct nest *nest, const struct nest_box *box, uint64_t pixel, struct progress *progress) {
  const uint64_t width = nest->axis[WIDTH].whole, deep = n_deep(nest, false);
  for (uint64_t n = box->at[WIDTH].first; n < box->at[WIDTH].end; n++) {
    if (progress != NULL) {
      add_progress(nest, pixel, n, progress);
      continue;
    }
    for (uint64_t d = box->at[DEPTH].first * nest->taps; d < box->at[DEPTH].end * nest->taps; d++) {
      uint8_t *const tick = &nest->ticks[(pixel * deep + d) * width + n];
      if (*tick < UINT8_MAX) ++*tick;
      nest->done[(nest->pixels_on_k ? d : pixel) * width + n]++;
    }
  }
}

static void visit_pixels(struct nest *nest, const struct nest_box *box, struct progress *progress) {
  const uint64_t rows = nest->axis[ROWS].whole, cols = nest->axis[COLS].whole;
  for (uint64_t i = box->at[IMAGES].first; i < box->at[IMAGES].end; i++)
    for (uint64_t y = box->at[ROWS].first; y < box->at[ROWS].end; y++)
      for (uint64_t x = box->at[COLS].first; x < box->at[COLS].end; x++)
        visit_pixel(nest, box, (i * rows + y) * cols + x, progress);
}

static struct progress progress_of(struct nest *nest, const struct nest_box *box) {
  struct progress progress = {0};
  if (!nest->pixels_on_k) {
    visit_pixels(nest, box, &progress);
    return progress;
  }
  for (uint64_t d = box->at[DEPTH].first * nest->taps; d < box->at[DEPTH].end * nest->taps; d++)
    for (uint64_t n = box->at[WIDTH].first; n < box->at[WIDTH].end; n++) add_progress(nest, d, n, &progress);
  return progress;
}

/* --- memories -----------------------------------------------------------------------------------------------------*/

/* The axis along which the window has moved on, all else of A unchanged; NEST_AXES: none. */
static unsigned slides_along(const struct nest_box *from, const struct nest_box *to) {
  if (!same(from, to, IMAGES) || !same(from, to, DEPTH)) return NEST_AXES;
  const bool rows = same(from, to, ROWS), cols = same(from, to, COLS);
  if (cols && !rows && to->at[ROWS].first > from->at[ROWS].first) return ROWS;
  if (rows && !cols && to->at[COLS].first > from->at[COLS].first) return COLS;
  return NEST_AXES;
}

static uint64_t a_missing(const struct nest *nest, struct nest_memory *memory, const struct nest_box *box) {
  const struct nest_box *const held = &memory->box;
  if (!memory->filled) return a_in(nest, box, NULL, NULL);
  if (same_pixels(held, box) && same(held, box, DEPTH)) return 0;
  const unsigned along = slides_along(held, box);
  memory->slides += along != NEST_AXES;
  return a_in(nest, box, along == ROWS ? &held->at[ROWS] : NULL, along == COLS ? &held->at[COLS] : NULL);
}

/* C leaves: what is finished as elements, the rest as partial sums. */
static void give_back(struct nest *nest, struct nest_memory *memory) {
  if (!memory->filled) return;
  const struct progress progress = progress_of(nest, &memory->box);
  memory->moved.finished += progress.finished * nest->element_bytes;
  memory->moved.partial += (progress.none + progress.partial) * nest->sum_bytes;
}

static void empty(struct nest *nest, struct nest_memory *memory) {
  give_back(nest, memory);
  memory->filled = false;
}

static void move_to(struct nest *nest, struct nest_memory *memory, const struct nest_box *box) {
  const uint64_t e = nest->element_bytes, width = size_of(box->at[WIDTH]);
  memory->tiles++;
  memory->moved.a += a_missing(nest, memory, box) * e;
  if (!memory->filled || !same_b(nest, &memory->box, box)) memory->moved.b += k_in(nest, box) * width * e;
  if (!memory->filled || !same_c(nest, &memory->box, box)) {
    give_back(nest, memory);
    const struct progress progress = progress_of(nest, box);
    memory->moved.partial += (progress.partial + progress.finished) * nest->sum_bytes;
  }
  const uint64_t need = a_in(nest, box, NULL, NULL) * e * memory->a_places +
                        k_in(nest, box) * width * e * memory->b_places +
                        m_in(nest, box) * width * nest->sum_bytes * memory->c_places;
  memory->peak_bytes = max_u64(memory->peak_bytes, need);
  memory->box = *box;
  memory->filled = true;
}

/* --- the array ----------------------------------------------------------------------------------------------------*/

/* What the array works on at a time: all of a tile, or one of the dense parts of a strided gradient. */
struct block {
  uint64_t m, n, k;
  bool begun, finishing; /* is there some of K before, none after it? */
};

struct fold {
  uint64_t a, b, c, stream; /* elements; cycles */
  bool first, last;         /* of K within the block */
};

static void run_fold(struct nest *nest, const struct block *block, const struct fold *fold) {
  struct moved *const words = &nest->words;
  words->a += fold->a * nest->element_bytes;
  words->b += fold->b * nest->element_bytes;
  if (block->begun || !fold->first) words->partial += fold->c * nest->sum_bytes;
  if (block->finishing && fold->last)
    words->finished += fold->c * nest->element_bytes;
  else
    words->partial += fold->c * nest->sum_bytes;
  nest->folds++;
  nest->streams += fold->stream;
  nest->padded_streams += max_u64(fold->stream, nest->array_rows);
  nest->last_stream = fold->stream;
}

/* One dimension lies along the rows, another along the columns, the third streams past. */
static void run_block(struct nest *nest, const struct block *block) {
  const unsigned dataflow = nest->mapping->dataflow;
  const bool os = dataflow == DATAFLOW_OS, ws = dataflow == DATAFLOW_WS;
  const uint64_t down = os ? block->m : block->k, across = ws || os ? block->n : block->m;
  const uint64_t stream = os ? block->k : ws ? block->m : block->n;
  const uint64_t row_edge = nest->array_rows / nest->mapping->abreast;
  const uint64_t col_edge = nest->array_cols / nest->patch / nest->mapping->abreast;
  for (uint64_t r = 0; r < down; r += row_edge) {
    for (uint64_t c = 0; c < across; c += col_edge) {
      const uint64_t rows = min_u64(row_edge, down - r), cols = min_u64(col_edge, across - c) * nest->patch;
      const struct fold fold = {.a = ws || os ? rows * stream : rows * cols,
                                .b = ws   ? rows * cols
                                     : os ? cols * stream
                                          : rows * stream,
                                .c = os ? rows * cols : cols * stream,
                                .stream = stream,
                                .first = os || r == 0,
                                .last = os || r + rows == down};
      run_fold(nest, block, &fold);
    }
  }
}

/* The array works on whole units of pixels, also where they reach beyond the border. */
static uint64_t units_in(const struct nest *nest, const struct nest_box *box) {
  return size_of(box->at[IMAGES]) * ceil_div(size_of(box->at[ROWS]), nest->axis[ROWS].unit) *
         ceil_div(size_of(box->at[COLS]), nest->axis[COLS].unit);
}

/* Outputs of one residue of a strided gradient are a dense product with every stride-th tap. Most taps last. */
static void run_parts(struct nest *nest, const struct nest_box *box, struct block block) {
  block.m = units_in(nest, box);
  for (uint64_t y = nest->stride; y-- > 0;) {
    for (uint64_t x = nest->stride; x-- > 0;) {
      uint64_t taps = 0;
      for (uint64_t i = y; i < nest->rows.filter; i += nest->stride)
        for (uint64_t j = x; j < nest->cols.filter; j += nest->stride) taps++;
      block.k = size_of(box->at[DEPTH]) * taps;
      if (taps > 0) run_block(nest, &block);
    }
  }
}

static void run_array(struct nest *nest, const struct nest_box *box) {
  struct block block = {.m = m_in(nest, box), .n = size_of(box->at[WIDTH]), .k = k_in(nest, box)};
  block.begun = progress_of(nest, box).none == 0;
  visit_pixels(nest, box, NULL);
  block.finishing = progress_of(nest, box).partial == 0;
  if (nest->patch > 1) {
    block.m = units_in(nest, box);
    block.k = size_of(box->at[DEPTH]) * nest_channel_rows(nest);
  }
  if (nest->decomposed)
    run_parts(nest, box, block);
  else
    run_block(nest, &block);
}

/* --- the loops ----------------------------------------------------------------------------------------------------*/

/* The i-th of n almost equal shares, larger ones first. */
static struct nest_range share(uint64_t units, uint64_t n, uint64_t i) {
  struct nest_range range = {0, 0};
  for (uint64_t j = 0; j <= i; j++) {
    range.first = range.end;
    range.end += units / n + (j < units % n);
  }
  return range;
}

static struct nest_range steps_of(const struct nest_axis *axis, struct nest_range units) {
  return (struct nest_range){axis->start + units.first * axis->unit,
                             axis->start + min_u64(units.end * axis->unit, axis->length)};
}

/* A nest over the tiles of one memory: axes outermost first, and the units that each runs over. */
struct loops {
  unsigned axis[NEST_AXES];
  bool inner;
  struct nest_range units[NEST_AXES]; /* by axis: of all the share, or of the GLB's tile */
};

static void list_axes(const struct nest *nest, const char *order, struct loops *loops) {
  unsigned n = 0;
  for (order = order[0] == '\0' ? "mnk" : order; *order != '\0'; order++) {
    const bool pixels = *order == (nest->pixels_on_k ? 'k' : 'm');
    for (unsigned a = IMAGES; a <= COLS && pixels; a++) loops->axis[n++] = a;
    if (!pixels) loops->axis[n++] = *order == 'n' ? WIDTH : DEPTH;
  }
}

static void run_loops(struct nest *nest, const struct loops *loops, unsigned depth, struct nest_range units[NEST_AXES]);

static void visit_glb(struct nest *nest, const struct nest_box *box, const struct nest_range units[NEST_AXES]) {
  const char *const order = nest->mapping->l2.order;
  struct loops inner = {.inner = true};
  struct nest_range at[NEST_AXES];
  memcpy(inner.units, units, sizeof inner.units);
  move_to(nest, &nest->glb, box);
  list_axes(nest, order, &inner);
  run_loops(nest, &inner, 0, at);
  empty(nest, &nest->l2);
}

static void visit_l2(struct nest *nest, const struct nest_box *box) {
  if (nest->mapping->l2.order[0] != '\0') move_to(nest, &nest->l2, box);
  run_array(nest, box);
}

static void run_loops(struct nest *nest, const struct loops *loops, unsigned depth,
                      struct nest_range units[NEST_AXES]) {
  if (depth == NEST_AXES) {
    struct nest_box box;
    for (unsigned a = 0; a < NEST_AXES; a++) box.at[a] = steps_of(&nest->axis[a], units[a]);
    if (loops->inner)
      visit_l2(nest, &box);
    else
      visit_glb(nest, &box, units);
    return;
  }
  const unsigned a = loops->axis[depth];
  const uint64_t n_units = size_of(loops->units[a]), first = loops->units[a].first;
  const uint64_t n = min_u64(loops->inner ? nest->axis[a].parts : nest->axis[a].groups, n_units);
  for (uint64_t i = 0; i < n; i++) {
    const struct nest_range part = share(n_units, n, i);
    units[a] = (struct nest_range){first + part.first, first + part.end};
    run_loops(nest, loops, depth + 1, units);
  }
}

/* Where the share of a core starts. */
static void place(struct nest *nest, const struct core_grid *core) {
  struct nest_axis *const axis = nest->axis;
  const uint64_t by_pixels = nest->pixels_on_k ? core->k : core->m;
  axis[IMAGES].start = by_pixels / axis[ROWS].cores * axis[IMAGES].length;
  axis[ROWS].start = by_pixels % axis[ROWS].cores * axis[ROWS].length;
  axis[DEPTH].start = (nest->pixels_on_k ? core->m : core->k) * axis[DEPTH].length;
  axis[WIDTH].start = core->n * axis[WIDTH].length;
}

void nest_run(struct nest *nest, const struct core_grid *core) {
  struct loops outer = {.inner = false};
  struct nest_range at[NEST_AXES];
  place(nest, core);
  memset(nest->done, 0, nest_m(nest, false) * nest->axis[WIDTH].whole * sizeof *nest->done);
  struct nest_box whole;
  for (unsigned a = 0; a < NEST_AXES; a++) {
    outer.units[a] = (struct nest_range){0, ceil_div(nest->axis[a].length, nest->axis[a].unit)};
    whole.at[a] = steps_of(&nest->axis[a], outer.units[a]);
  }
  if (nest->mapping->glb.order[0] == '\0') {
    run_array(nest, &whole);
    return;
  }
  list_axes(nest, nest->mapping->glb.order, &outer);
  run_loops(nest, &outer, 0, at);
  empty(nest, &nest->glb);
}
