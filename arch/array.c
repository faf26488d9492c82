/* See array.h. Source: cost-model §2: SCALE-Sim v2's folds, with the next stationary block loading while one works.
 *
 * Plans beside the plain product (ours, `cost.array_mapping = flexible`), all of them ordinary matrix products, so that
 * the array needs nothing new:
 * - abreast: groups or batch members whose blocks leave most of the array empty stand on its diagonal, with zeros
 *   beside them (weights, outputs or inputs alike);
 * - patches (weight stationary): a column for each output pixel of a small patch, a row for each input of the window
 *   around it, and the filter in every column, shifted. Fills columns where there are fewer output channels, down to
 *   one: first layers, depthwise convolutions. Window overlap saves rows; zeros cost them.
 * Left out: patches with dilation or of strided gradients; K split over the diagonal. */
#include "arch/array.h"
#include "base/checked.h"

static uint64_t array_buffering(const struct machine *machine) {
  return machine->settings->array_overlap == OVERLAP_IDEAL ? 1 : machine->settings->buffering;
}

uint64_t array_accumulator_bytes(const struct machine *machine, const struct product *product) {
  if (machine->settings->array_overlap == OVERLAP_IDEAL) return product->element_bytes;
  return machine->settings->accumulator_bytes;
}

/* A product as the array sees it under a plan, times `rounds`. */
struct block {
  uint64_t rounds, m, n, k;
};

static uint64_t patch_inputs(const struct window *window, uint64_t outputs) {
  const uint64_t reach = (window->filter - 1) * window->dilation + 1;
  const uint64_t stride = window->fractional ? 1 : window->stride;
  return min_u64((outputs - 1) * stride + reach, outputs * window->filter);
}

static bool has_patch(const struct array_plan *plan) { return plan->patch_rows * plan->patch_cols > 1; }

/* Rows that one channel's patch takes. */
static uint64_t patch_rows(const struct product *product, const struct array_plan *plan) {
  return patch_inputs(&product->pixels.rows, plan->patch_rows) * patch_inputs(&product->pixels.cols, plan->patch_cols);
}

static struct block block_of(const struct product *share, const struct array_plan *plan, uint32_t part) {
  const struct product_part *const p = &share->part[part];
  struct block block = {
      .rounds = sat_mul(p->times, ceil_div(share->reps, plan->abreast)), .m = p->m, .n = share->n, .k = p->k};
  if (has_patch(plan)) {
    const struct tile_pixels *const pixels = &share->pixels;
    block.m =
        pixels->images * ceil_div(pixels->rows.out, plan->patch_rows) * ceil_div(pixels->cols.out, plan->patch_cols);
    block.k = share->depth * patch_rows(share, plan);
  }
  return block;
}

struct fold {
  uint64_t folds, stream, fill; /* cycles of what streams past, of filling and emptying */
};

static uint64_t n_folds(const struct block *block, const struct array_plan *plan) {
  const uint64_t rows = plan->rows, cols = plan->cols;
  switch (plan->dataflow) {
  case DATAFLOW_WS: /* a fold holds all pixels of its channels' patches */
    return ceil_div(block->k * plan->abreast, rows) *
           ceil_div(block->n * plan->abreast, cols / (plan->patch_rows * plan->patch_cols));
  case DATAFLOW_OS:
    return ceil_div(block->m * plan->abreast, rows) * ceil_div(block->n * plan->abreast, cols);
  default:
    return ceil_div(block->k * plan->abreast, rows) * ceil_div(block->m * plan->abreast, cols);
  }
}

static struct fold fold_of(const struct block *block, const struct array_plan *plan) {
  const uint64_t rows = plan->rows, cols = plan->cols;
  struct fold fold = {.folds = sat_mul(n_folds(block, plan), block->rounds)};
  fold.stream = plan->dataflow == DATAFLOW_WS ? block->m : plan->dataflow == DATAFLOW_OS ? block->k : block->n;
  fold.fill = (plan->dataflow == DATAFLOW_OS ? rows : 2 * rows) + cols - 2;
  return fold;
}

static uint64_t plan_cycles(const struct product *share, const struct array_plan *plan, uint64_t overlap) {
  uint64_t cycles = 0;
  for (uint32_t i = 0; i < share->n_parts; i++) {
    const struct block block = block_of(share, plan, i);
    const struct fold fold = fold_of(&block, plan);
    if (overlap == OVERLAP_NONE) {
      cycles = sat_add(cycles, sat_mul(fold.folds, fold.stream + fold.fill));
    } else if (overlap == OVERLAP_IDEAL) {
      cycles = sat_add(cycles, sat_mul(fold.folds, fold.stream));
    } else { /* the next stationary block loads (a cycle a row) while this one works; the last fold is not followed */
      cycles = sat_add(cycles, sat_mul(fold.folds - (i == 0), max_u64(fold.stream, plan->rows)));
      if (i == 0) cycles = sat_add(cycles, fold.stream + fold.fill);
    }
  }
  return cycles;
}

/* --- the choice ----------------------------------------------------------------------------------------------------*/

struct choice {
  const struct product *whole, *share;
  uint64_t overlap;
  struct array_time best;
};

static void try_plan(struct choice *choice, const struct array_plan *plan) {
  const uint64_t cycles = plan_cycles(choice->share, plan, choice->overlap);
  if (cycles < choice->best.cycles) choice->best = (struct array_time){*plan, cycles};
}

/* As many blocks as the array's diagonal holds. */
static void try_abreast(struct choice *choice, struct array_plan plan, uint64_t block_rows, uint64_t block_cols) {
  if (choice->whole->reps == 1 || choice->whole->decomposed) return;
  plan.abreast = min_u64(min_u64(plan.rows / block_rows, plan.cols / block_cols), choice->whole->reps);
  if (plan.abreast > 1) try_plan(choice, &plan);
}

static bool can_patch(const struct product *product) {
  const struct tile_pixels *const pixels = &product->pixels;
  return product->is_conv && !product->pixels_on_k && !product->decomposed && pixels->rows.dilation == 1 &&
         pixels->cols.dilation == 1 &&
         (!pixels->rows.fractional || (pixels->rows.stride == 1 && pixels->cols.stride == 1));
}

/* Edges of patches: enough to come within a few percent of any edge up to 16. */
static const uint8_t patch_edges[] = {1, 2, 3, 4, 6, 8, 12, 16};
enum { N_EDGES = sizeof patch_edges };

/* Patches pay only where channels leave columns free, so few products have any to try. */
static void try_patches(struct choice *choice, struct array_plan plan) {
  const struct product *const whole = choice->whole;
  if (!can_patch(whole)) return;
  const uint64_t room = plan.cols / min_u64(whole->n, plan.cols);
  for (unsigned i = 0; i < N_EDGES && patch_edges[i] <= min_u64(room, whole->pixels.rows.out); i++) {
    for (unsigned j = 0; j < N_EDGES && patch_edges[j] <= whole->pixels.cols.out; j++) {
      plan.patch_rows = patch_edges[i];
      plan.patch_cols = patch_edges[j];
      plan.abreast = 1;
      const uint64_t pixels = plan.patch_rows * plan.patch_cols, rows = whole->depth * patch_rows(whole, &plan);
      if (pixels > room) break;
      if (pixels == 1) continue;
      try_plan(choice, &plan);
      if (rows <= plan.rows) try_abreast(choice, plan, rows, whole->n * pixels);
    }
  }
}

static void try_all(const struct machine *machine, struct choice *choice, unsigned dataflow, bool turned) {
  const struct product *const whole = choice->whole;
  const struct array_plan plan = {.dataflow = (uint8_t)dataflow,
                                  .transposed = turned,
                                  .rows = turned ? machine->cols : machine->rows,
                                  .cols = turned ? machine->rows : machine->cols,
                                  .patch_rows = 1,
                                  .patch_cols = 1,
                                  .abreast = 1};
  try_plan(choice, &plan);
  if (machine->settings->array_mapping == ARRAY_PLAIN) return;
  if (dataflow == DATAFLOW_WS) {
    try_abreast(choice, plan, whole->k, whole->n);
    try_patches(choice, plan);
  } else {
    try_abreast(choice, plan, dataflow == DATAFLOW_OS ? whole->m : whole->k,
                dataflow == DATAFLOW_OS ? whole->n : whole->m);
  }
}

unsigned array_plans(const struct machine *machine, const struct product *whole, const struct product *share,
                     uint64_t overlap, struct array_time plans[ARRAY_PLANS]) {
  const uint64_t enabled = machine->settings->dataflow;
  const bool turn = machine->settings->transpose && machine->rows != machine->cols;
  unsigned n = 0;
  for (int turned = 0; turned <= (int)turn; turned++) {
    for (unsigned dataflow = DATAFLOW_WS; dataflow < DATAFLOW_ALL; dataflow++) {
      if (enabled != DATAFLOW_ALL && enabled != dataflow) continue;
      struct choice choice = {.whole = whole, .share = share, .overlap = overlap, .best.cycles = UINT64_MAX};
      try_all(machine, &choice, dataflow, turned != 0);
      if (choice.best.cycles == UINT64_MAX) continue;
      unsigned at = n++;
      for (; at > 0 && plans[at - 1].cycles > choice.best.cycles; at--) plans[at] = plans[at - 1];
      plans[at] = choice.best;
    }
  }
  return n;
}

/* --- tiles ---------------------------------------------------------------------------------------------------------*/

static uint64_t gcd(uint64_t a, uint64_t b) {
  while (b != 0) {
    const uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* What one dimension is to the array: folded by an edge of it, or streaming past. */
struct lie {
  bool folded;
  uint64_t edge; /* folded: how much of it at a time; else the shortest stream that hides a load */
};

static void plain_dim(struct tile_dim *dim, uint64_t whole, uint64_t share, uint64_t scale, const struct lie *lie) {
  dim->length = whole;
  dim->share = share;
  dim->scale = scale;
  dim->unit = 1;
  dim->least = 0;
  if (lie->folded)
    dim->unit = lie->edge / gcd(lie->edge, scale);
  else
    dim->least = min_u64(lie->edge, share * scale);
}

static void pixel_dim(struct tile_dim *dim, const struct product *whole, const struct product *share,
                      const struct array_plan *plan, const struct lie *lie) {
  dim->is_pixels = true;
  dim->whole = whole->pixels;
  dim->part = share->pixels;
  dim->unit_rows = plan->patch_rows * whole->step_rows;
  dim->unit_cols = plan->patch_cols * whole->step_cols;
  const uint64_t units = share->pixels.images * ceil_div(share->pixels.rows.out, dim->unit_rows) *
                         ceil_div(share->pixels.cols.out, dim->unit_cols);
  dim->multiple = lie->folded ? lie->edge : 1;
  dim->least = lie->folded ? 0 : min_u64(lie->edge, units);
  /* Units that the border cuts short hold fewer pixels, so that none but the whole is a multiple. */
  const bool cut_short = whole->pixels.rows.out % dim->unit_rows != 0 || whole->pixels.cols.out % dim->unit_cols != 0;
  if (lie->folded && lie->edge > 1 && !share->decomposed && cut_short) dim->least = units;
}

void array_tiles(const struct machine *machine, const struct array_plan *plan, const struct product *whole,
                 const struct product *share, const struct core_grid *grid, struct tile_problem *tiles) {
  const uint64_t rows = plan->rows, cols = plan->cols;
  /* Nothing to hide where loads are not counted; where nothing hides them, streams are not cut at all. */
  const uint64_t overlap = machine->settings->array_overlap;
  const uint64_t hide = overlap == OVERLAP_NONE ? UINT64_MAX : overlap == OVERLAP_DOUBLE ? rows : 1;
  const struct lie by_rows = {true, rows}, by_cols = {true, cols / (plan->patch_rows * plan->patch_cols)};
  const struct lie stream = {false, hide};
  const bool ws = plan->dataflow == DATAFLOW_WS, os = plan->dataflow == DATAFLOW_OS;
  const struct lie m = ws ? stream : os ? by_rows : by_cols, n = ws || os ? by_cols : stream;
  const struct lie k = os ? stream : by_rows;
  *tiles = (struct tile_problem){.pixels_on_k = share->is_conv && share->pixels_on_k,
                                 .element_bytes = share->element_bytes,
                                 .accumulator_bytes = array_accumulator_bytes(machine, share),
                                 .buffering = array_buffering(machine),
                                 .rounds = ceil_div(share->reps, plan->abreast),
                                 .abreast = plan->abreast,
                                 .rep_cores = grid->b,
                                 .known = machine->tilings};
  tiles->m.cores = grid->m;
  tiles->n.cores = grid->n;
  tiles->k.cores = grid->k;
  plain_dim(&tiles->n, whole->n, share->n, 1, &n);
  if (!share->is_conv) {
    plain_dim(&tiles->m, whole->m, share->m, 1, &m);
    plain_dim(&tiles->k, whole->k, share->k, 1, &k);
    return;
  }
  /* Parts of a strided gradient have fewer taps each: whole edges of channels suit all of them. */
  struct lie deep = share->pixels_on_k ? m : k;
  uint64_t scale = share->taps;
  if (has_patch(plan)) scale = patch_rows(share, plan);
  if (share->decomposed) scale = 1;
  struct tile_dim *const channels = share->pixels_on_k ? &tiles->m : &tiles->k;
  plain_dim(channels, whole->depth, share->depth, scale, &deep);
  channels->scale = share->taps;
  if (share->decomposed && !deep.folded) { /* the part with the fewest taps must hide its loads, too */
    uint64_t fewest = share->taps;
    for (uint32_t i = 0; i < share->n_parts; i++) fewest = min_u64(fewest, share->part[i].k / share->depth);
    channels->least = min_u64(ceil_div(deep.edge, fewest), share->depth) * share->taps;
  }
  pixel_dim(share->pixels_on_k ? &tiles->k : &tiles->m, whole, share, plan, share->pixels_on_k ? &k : &m);
}

void array_bytes(const struct machine *machine, const struct array_plan *plan, const struct product *share,
                 const uint64_t trips[3], struct operand_bytes *bytes) {
  const uint64_t cols = plan->cols / (plan->patch_rows * plan->patch_cols), rows = plan->rows;
  const uint64_t e = share->element_bytes, sum_bytes = 2 * array_accumulator_bytes(machine, share);
  *bytes = (struct operand_bytes){0};
  for (uint32_t i = 0; i < share->n_parts; i++) {
    const struct block block = block_of(share, plan, i);
    const uint64_t reps = sat_mul(share->reps, share->part[i].times);
    const uint64_t a = block.m * block.k, b = block.k * block.n * plan->patch_rows * plan->patch_cols;
    const uint64_t c = block.m * block.n * plan->patch_rows * plan->patch_cols;
    const uint64_t by_m = ceil_div(block.m * plan->abreast, plan->dataflow == DATAFLOW_OS ? rows : cols);
    const uint64_t by_n = ceil_div(block.n * plan->abreast, cols), by_k = ceil_div(block.k * plan->abreast, rows);
    const bool ws = plan->dataflow == DATAFLOW_WS, os = plan->dataflow == DATAFLOW_OS;
    /* How often each operand is read; how often a partial sum leaves the array. */
    const uint64_t read_a = ws || os ? by_n : trips[1], read_b = ws ? trips[0] : by_m, sums = os ? trips[2] : by_k;
    bytes->a = sat_add(bytes->a, sat_mul(sat_mul(a, read_a), sat_mul(e, reps)));
    bytes->b = sat_add(bytes->b, sat_mul(sat_mul(b, read_b), sat_mul(e, reps)));
    bytes->c = sat_add(bytes->c, sat_mul(sat_mul(c, e + sum_bytes * (sums - 1)), reps));
  }
}
