/* Which matrix products is a tensor op made of?
 *
 * Source: cost-model §2. GEMM ops carry their own bounds in every phase; a convolution carries its forward bounds and
 * the phase says which of its three products is meant:
 *
 *   forward          M = images·P·Q   N = Kout/g   K = R·S·C/g         A: input through the window
 *   backward-data    M = images·H·W   N = C/g      K = R·S·Kout/g      A: gradient; stride > 1: s² dense parts
 *   backward-weight  M = R·S·C/g      N = Kout/g   K = images·P·Q      A: input through the window
 *
 * each g times. Left out: dilated strided gradients are one dense product over the stuffed gradient. */
#include "arch/product.h"
#include "base/checked.h"

static void gemm_init(const struct op *op, struct product *product) {
  product->reps = op->dim[DIM_REPS];
  product->m = op->dim[DIM_M];
  product->n = op->dim[DIM_N];
  product->k = op->dim[DIM_K];
  product->n_parts = 1;
  product->part[0] = (struct product_part){1, product->m, product->k};
}

/* Along one axis the outputs of a strided gradient fall into residues that see ⌈R/s⌉ or ⌊R/s⌋ taps. */
struct residues {
  uint64_t times[2], taps[2], out;
};

static struct residues residues(const struct window *window) {
  const uint64_t stride = window->stride, more = window->filter % stride;
  return (struct residues){.times = {more, stride - more},
                           .taps = {window->filter / stride + 1, window->filter / stride},
                           .out = ceil_div(window->out, stride)};
}

static void decompose(struct product *product) {
  const struct residues rows = residues(&product->pixels.rows), cols = residues(&product->pixels.cols);
  product->n_parts = 0;
  product->decomposed = true;
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      const uint64_t times = rows.times[i] * cols.times[j], taps = rows.taps[i] * cols.taps[j];
      if (times == 0 || taps == 0) continue; /* residues without taps stay zero */
      product->part[product->n_parts++] = (struct product_part){
          times, sat_mul(product->pixels.images, sat_mul(rows.out, cols.out)), taps * product->depth};
    }
  }
}

static bool conv_init(const struct op *op, uint64_t deconv, struct product *product) {
  const uint64_t *const dim = op->dim;
  const uint64_t groups = dim[DIM_GROUPS], stride = dim[DIM_STRIDE], dilation = max_u64(dim[DIM_DILATION], 1);
  const uint64_t p = op_conv_out_height(op), q = op_conv_out_width(op);
  if (groups == 0 || stride == 0 || p == 0 || q == 0) return false;
  const uint64_t in = dim[DIM_IN_CHANNELS] / groups, out = dim[DIM_OUT_CHANNELS] / groups;
  const enum op_phase phase = op_conv_phase(op);
  const bool data = phase == PHASE_BACKWARD_DATA;
  product->is_conv = true;
  product->reps = groups;
  product->taps = sat_mul(dim[DIM_FILTER_HEIGHT], dim[DIM_FILTER_WIDTH]);
  product->depth = data ? out : in;
  product->in_rows = data ? p : dim[DIM_IN_HEIGHT];
  product->in_cols = data ? q : dim[DIM_IN_WIDTH];
  product->pixels.images = dim[DIM_IMAGES];
  window_init(&product->pixels.rows, &(struct window){.out = data ? dim[DIM_IN_HEIGHT] : p,
                                                      .in = product->in_rows,
                                                      .filter = dim[DIM_FILTER_HEIGHT],
                                                      .stride = stride,
                                                      .dilation = dilation,
                                                      .pad = dim[DIM_PAD_HEIGHT],
                                                      .fractional = data});
  window_init(&product->pixels.cols, &(struct window){.out = data ? dim[DIM_IN_WIDTH] : q,
                                                      .in = product->in_cols,
                                                      .filter = dim[DIM_FILTER_WIDTH],
                                                      .stride = stride,
                                                      .dilation = dilation,
                                                      .pad = dim[DIM_PAD_WIDTH],
                                                      .fractional = data});
  product->step_rows = product->step_cols = data ? stride : 1;
  const uint64_t pixels = sat_mul(product->pixels.images, sat_mul(product->pixels.rows.out, product->pixels.cols.out));
  const uint64_t deep = sat_mul(product->taps, product->depth);
  product->pixels_on_k = phase == PHASE_BACKWARD_WEIGHT;
  product->m = product->pixels_on_k ? deep : pixels;
  product->k = product->pixels_on_k ? pixels : deep;
  product->n = data ? in : out;
  product->n_parts = 1;
  product->part[0] = (struct product_part){1, product->m, product->k};
  if (data && stride > 1 && dilation == 1 && deconv == DECONV_DECOMPOSED && deep != 0) decompose(product);
  return true;
}

bool product_init(const struct op *op, uint64_t deconv, struct product *product) {
  product->element_bytes = op->element_bytes;
  product->is_conv = product->pixels_on_k = product->decomposed = false;
  if (op_kinds[op->kind].family == FAMILY_CONV) {
    if (!conv_init(op, deconv, product)) return false;
  } else {
    gemm_init(op, product);
  }
  return product->reps != 0 && product->m != 0 && product->n != 0 && product->k != 0;
}

uint64_t product_macs(const struct product *product) {
  uint64_t macs = 0;
  for (uint32_t i = 0; i < product->n_parts; i++) {
    const struct product_part *const part = &product->part[i];
    macs = sat_add(macs, sat_mul(part->times, sat_mul(part->m, part->k)));
  }
  return sat_mul(product->reps, sat_mul(product->n, macs));
}

static uint64_t bytes_with(const struct product *product, uint64_t a_elements) {
  const uint64_t b = sat_mul(product->k, product->n), c = sat_mul(product->m, product->n);
  return sat_mul(sat_mul(product->reps, product->element_bytes), sat_add(a_elements, sat_add(b, c)));
}

uint64_t product_bytes(const struct product *product) {
  if (!product->is_conv) return bytes_with(product, sat_mul(product->m, product->k));
  const struct tile_pixels *const pixels = &product->pixels;
  const uint64_t image =
      window_extent(&pixels->rows, 0, pixels->rows.out) * window_extent(&pixels->cols, 0, pixels->cols.out);
  return bytes_with(product, sat_mul(sat_mul(pixels->images, product->depth), image));
}

void product_traffic(const struct op *op, const struct product *product, struct product_traffic *traffic) {
  const uint64_t declared = sat_add(op->in_bytes, sat_add(op->weight_bytes, op->out_bytes));
  const uint64_t touched = product_bytes(product);
  uint64_t whole = touched;
  if (product->is_conv) /* a strided window may step over part of what the op names as its input */
    whole = bytes_with(
        product, sat_mul(sat_mul(product->pixels.images, product->depth), sat_mul(product->in_rows, product->in_cols)));
  traffic->extra_bytes = declared > whole ? declared - whole : 0;
  /* Operands that repetitions share are named once, so that an op may declare less than its products sum up to. */
  traffic->compulsory_bytes = declared >= whole ? sat_add(touched, traffic->extra_bytes) : min_u64(declared, touched);
}

/* Whole images if there are enough, else bands of rows of one image, else of columns of one row; in steps of what
 * belongs together. Cores beyond a whole number of bands an image stay idle. */
static void split_pixels(struct product *share, uint64_t n_cores) {
  struct tile_pixels *const pixels = &share->pixels;
  if (pixels->images >= n_cores) {
    pixels->images = ceil_div(pixels->images, n_cores);
    return;
  }
  const uint64_t bands = n_cores / pixels->images, rows = ceil_div(pixels->rows.out, share->step_rows);
  pixels->images = 1;
  pixels->rows.out = min_u64(ceil_div(rows, bands) * share->step_rows, pixels->rows.out);
  if (rows >= bands) return;
  const uint64_t cols = ceil_div(pixels->cols.out, share->step_cols);
  pixels->cols.out = min_u64(ceil_div(cols, bands / rows) * share->step_cols, pixels->cols.out);
}

/* A product's dimensions from those of its windows and channels. */
static void recount(const struct product *whole, struct product *share) {
  const struct tile_pixels *const pixels = &share->pixels;
  const uint64_t outputs = pixels->images * pixels->rows.out * pixels->cols.out;
  const uint64_t units =
      pixels->images * ceil_div(pixels->rows.out, share->step_rows) * ceil_div(pixels->cols.out, share->step_cols);
  share->m = share->pixels_on_k ? share->taps * share->depth : outputs;
  share->k = share->pixels_on_k ? outputs : share->taps * share->depth;
  for (uint32_t i = 0; i < whole->n_parts; i++) {
    struct product_part *const part = &share->part[i];
    part->m = whole->decomposed ? units : share->m;
    part->k = whole->decomposed ? whole->part[i].k / whole->depth * share->depth : share->k;
  }
}

void product_share(const struct product *whole, const struct core_grid *grid, struct product *share) {
  *share = *whole;
  share->n = ceil_div(whole->n, grid->n);
  share->reps = ceil_div(whole->reps, grid->b);
  if (!whole->is_conv) {
    share->m = share->part[0].m = ceil_div(whole->m, grid->m);
    share->k = share->part[0].k = ceil_div(whole->k, grid->k);
    return;
  }
  const uint64_t by_pixels = whole->pixels_on_k ? grid->k : grid->m, by_depth = whole->pixels_on_k ? grid->m : grid->k;
  if (by_pixels > 1) split_pixels(share, by_pixels);
  share->depth = ceil_div(whole->depth, by_depth);
  if (by_pixels > 1 || by_depth > 1) recount(whole, share);
}

void product_split(const struct product *whole, char split, uint64_t n_cores, struct product *share) {
  const struct core_grid grid = core_grid_along(split, n_cores);
  product_share(whole, &grid, share);
}
