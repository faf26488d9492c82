/* How few bytes cross into a memory of a given size while a matrix product is computed?
 *
 * Source: cost-model §2. An operand is fetched once for each trip of the loops that do not index it and lie outside its
 * innermost loop, so only the innermost loop matters and each of the three orders is monotone in its tiles:
 *
 *   K innermost   A·n_N + B·n_M + C              wants small T_K, so that T_M and T_N have the room
 *   N innermost   A + B·n_M + C + psum(n_K)      wants small T_N
 *   M innermost   A·n_N + B + C + psum(n_K)      wants small T_M (halos aside)
 *
 * Hence one sweep an order over the lists finds the least over all triples: some hundred evaluations instead of tens of
 * thousands. Left out: reuse of halos between neighbouring tiles, tiles of several images with part of their rows. */
#include "arch/tiling.h"
#include "base/checked.h"
#include "base/error.h"
#include <string.h>

/* --- lists of tiles ------------------------------------------------------------------------------------------------*/

static void push(struct tile_axis *axis, struct tile tile) {
  REQUIRE(axis->n < TILES_MAX);
  if (axis->n > 0) { /* the sweeps below rely on the order; rounding of halos at borders may break it by a little */
    const struct tile *last = &axis->tile[axis->n - 1];
    tile.a_tile = min_u64(tile.a_tile, last->a_tile);
    tile.a_pass = max_u64(tile.a_pass, last->a_pass);
  }
  axis->tile[axis->n++] = tile;
}

/* The largest part when `extent` is cut into a few more than *parts equal ones: every number of parts up to 16, then
 * at least eight an octave, at last single elements. 0 behind the last. */
static uint64_t next_size(uint64_t extent, uint64_t size, uint64_t *parts) {
  enum { DENSE_PARTS = 16 };
  while (size > 1) {
    *parts = min_u64(*parts + 1 + *parts / DENSE_PARTS, extent);
    const uint64_t part = ceil_div(extent, *parts);
    if (part < size) return part;
  }
  return 0;
}

void tile_axis_plain(struct tile_axis *axis, uint64_t units, uint64_t unit_size) {
  uint64_t parts = 1;
  axis->n = 0;
  push(axis, (struct tile){units * unit_size, 1, units, units});
  for (uint64_t size = next_size(units, units, &parts); size > 0; size = next_size(units, size, &parts))
    push(axis, (struct tile){size * unit_size, ceil_div(units, size), size, units});
}

static uint64_t reach(const struct tile_window *window) { return (window->filter - 1) * window->dilation + 1; }

/* Before the input's border cuts it. */
static uint64_t raw_extent(const struct tile_window *window, uint64_t out) {
  if (window->fractional) return (out + reach(window) - 2) / window->stride + 1;
  return min_u64((out - 1) * window->stride + reach(window), out * window->filter);
}

uint64_t tile_window_extent(const struct tile_window *window, uint64_t out) {
  return min_u64(raw_extent(window, out), window->in);
}

/* Input positions fetched by all tiles of `size` outputs together: overlaps count, the border's padding does not. */
static uint64_t pass_extent(const struct tile_window *window, uint64_t size, uint64_t trips) {
  const uint64_t whole = tile_window_extent(window, window->out);
  if (trips == 1) return whole;
  const uint64_t last = window->out - (trips - 1) * size;
  const uint64_t sum = (trips - 1) * tile_window_extent(window, size) + tile_window_extent(window, last);
  const uint64_t raw = raw_extent(window, window->out);
  const uint64_t padding = raw > window->in ? raw - window->in : 0;
  return max_u64(whole, sum > padding ? sum - padding : 0);
}

void tile_axis_pixels(struct tile_axis *axis, uint64_t images, const struct tile_window *rows,
                      const struct tile_window *cols) {
  const uint64_t in_cols = tile_window_extent(cols, cols->out), in_rows = tile_window_extent(rows, rows->out);
  const uint64_t image = in_rows * in_cols, pixels = rows->out * cols->out;
  uint64_t parts = 1;
  axis->n = 0;
  push(axis, (struct tile){images * pixels, 1, images * image, images * image});
  for (uint64_t size = next_size(images, images, &parts); size > 0; size = next_size(images, size, &parts))
    push(axis, (struct tile){size * pixels, ceil_div(images, size), size * image, images * image});
  parts = 1;
  for (uint64_t size = next_size(rows->out, rows->out, &parts); size > 0; size = next_size(rows->out, size, &parts)) {
    const uint64_t trips = ceil_div(rows->out, size), pass = pass_extent(rows, size, trips);
    push(axis, (struct tile){size * cols->out, images * trips, tile_window_extent(rows, size) * in_cols,
                             images * pass * in_cols});
  }
  parts = 1;
  const uint64_t row = tile_window_extent(rows, 1), row_pass = pass_extent(rows, 1, rows->out);
  for (uint64_t size = next_size(cols->out, cols->out, &parts); size > 0; size = next_size(cols->out, size, &parts)) {
    const uint64_t trips = ceil_div(cols->out, size), pass = pass_extent(cols, size, trips);
    push(axis, (struct tile){size, images * rows->out * trips, row * tile_window_extent(cols, size),
                             images * row_pass * pass});
  }
}

/* --- the sweeps ----------------------------------------------------------------------------------------------------*/

struct sweep {
  const struct tile_problem *problem;
  uint64_t capacity_bytes, operand_scale; /* buffering × element bytes */
  uint64_t b_bytes, c_bytes, psum_bytes;  /* B, C once; partial sums of one more trip of K, out and back */
  uint64_t best_bytes;
  uint32_t i, j, k; /* the best: places in the lists of M, N, K */
  const char *order;
};

static inline bool fits(const struct sweep *sweep, const struct tile *m, const struct tile *n, const struct tile *k) {
  return sweep->operand_scale * (m->a_tile * k->a_tile + k->size * n->size) +
             m->size * n->size * sweep->problem->accumulator_bytes <=
         sweep->capacity_bytes;
}

/* A once, with the halos of these tiles. */
static inline uint64_t a_bytes(const struct sweep *sweep, const struct tile *m, const struct tile *k) {
  return m->a_pass * k->a_pass * sweep->problem->element_bytes;
}

static inline void offer(struct sweep *sweep, uint64_t bytes, uint32_t i, uint32_t j, uint32_t k, const char *order) {
  if (bytes >= sweep->best_bytes) return;
  sweep->best_bytes = bytes;
  sweep->i = i;
  sweep->j = j;
  sweep->k = k;
  sweep->order = order;
}

/* Does the next smaller tile fetch A just as often? Then it is at least as good wherever trips do not count. */
static inline bool same_pass_below(const struct tile_axis *axis, uint32_t i) {
  return i + 1 < axis->n && axis->tile[i + 1].a_pass == axis->tile[i].a_pass;
}

static void sweep_k_innermost(struct sweep *sweep) {
  const struct tile_axis *const m = &sweep->problem->m, *const n = &sweep->problem->n, *const k = &sweep->problem->k;
  for (uint32_t kk = 0; kk < k->n; kk++) {
    if (same_pass_below(k, kk)) continue;
    const struct tile *const tk = &k->tile[kk];
    if (a_bytes(sweep, m->tile, tk) + sweep->b_bytes + sweep->c_bytes >= sweep->best_bytes) return;
    uint32_t j = n->n - 1;
    for (uint32_t i = 0; i < m->n; i++) {
      const struct tile *const tm = &m->tile[i];
      while (j > 0 && fits(sweep, tm, &n->tile[j - 1], tk)) j--;
      if (!fits(sweep, tm, &n->tile[j], tk)) continue;
      const uint64_t b = sweep->b_bytes * tm->trips;
      if (b + sweep->c_bytes >= sweep->best_bytes) break; /* trips only grow */
      offer(sweep, a_bytes(sweep, tm, tk) * n->tile[j].trips + b + sweep->c_bytes, i, j, kk, "mnk");
      if (j == 0) break; /* smaller T_M gains nothing more */
    }
  }
}

/* The largest T_N that fits: its place in the list, or n if none does. */
static uint32_t largest_n(const struct sweep *sweep, const struct tile *tm, const struct tile *tk) {
  const struct tile_axis *const n = &sweep->problem->n;
  uint32_t low = 0, high = n->n;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (fits(sweep, tm, &n->tile[middle], tk))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static void sweep_n_and_m_innermost(struct sweep *sweep) {
  const struct tile_axis *const m = &sweep->problem->m, *const n = &sweep->problem->n, *const k = &sweep->problem->k;
  const uint32_t last = n->n - 1;
  uint32_t largest = m->n; /* place of the largest T_M that fits beside the smallest T_N */
  for (uint32_t kk = 0; kk < k->n; kk++) {
    const struct tile *const tk = &k->tile[kk];
    const uint64_t c = sweep->c_bytes + sweep->psum_bytes * (tk->trips - 1);
    if (a_bytes(sweep, m->tile, tk) + sweep->b_bytes + c >= sweep->best_bytes) return; /* only grows from here */
    while (largest > 0 && fits(sweep, &m->tile[largest - 1], &n->tile[last], tk)) largest--;
    if (largest == m->n) continue;
    const struct tile *const tm = &m->tile[largest];
    offer(sweep, a_bytes(sweep, tm, tk) + sweep->b_bytes * tm->trips + c, largest, last, kk, "mkn");
    for (uint32_t i = largest; i < m->n; i++) {
      if (same_pass_below(m, i)) continue;
      const uint64_t a = a_bytes(sweep, &m->tile[i], tk);
      if (a + sweep->b_bytes + c >= sweep->best_bytes) break;
      const uint32_t j = largest_n(sweep, &m->tile[i], tk);
      if (j < n->n) offer(sweep, a * n->tile[j].trips + sweep->b_bytes + c, i, j, kk, "nkm");
    }
  }
}

/* K innermost leaves T_K open: report the largest that fits and fetches A as often. */
static uint32_t widest_k(const struct sweep *sweep) {
  const struct tile_axis *const k = &sweep->problem->k;
  const struct tile *const tm = &sweep->problem->m.tile[sweep->i], *const tn = &sweep->problem->n.tile[sweep->j];
  uint32_t kk = sweep->k;
  while (kk > 0 && same_pass_below(k, kk - 1) && fits(sweep, tm, tn, &k->tile[kk - 1])) kk--;
  return kk;
}

void tiling_least(const struct tile_problem *problem, uint64_t capacity_bytes, struct tiling *tiling) {
  const struct tile *const m = problem->m.tile, *const n = problem->n.tile, *const k = problem->k.tile;
  const uint64_t e = problem->element_bytes;
  const uint64_t c_elements = m->size * n->size;
  struct sweep sweep = {.problem = problem,
                        .capacity_bytes = capacity_bytes,
                        .operand_scale = problem->buffering * e,
                        .b_bytes = k->size * n->size * e,
                        .c_bytes = c_elements * e,
                        .psum_bytes = 2 * c_elements * problem->accumulator_bytes,
                        .best_bytes = UINT64_MAX};
  if (fits(&sweep, m, n, k)) {
    offer(&sweep, a_bytes(&sweep, m, k) + sweep.b_bytes + sweep.c_bytes, 0, 0, 0, "mnk");
  } else {
    sweep_k_innermost(&sweep);
    sweep_n_and_m_innermost(&sweep);
  }
  if (sweep.order == NULL) { /* every multiply fetches its operands */
    *tiling = (struct tiling){2 * c_elements * k->size * e + sweep.c_bytes, "mnk", 1, 1, 1};
    return;
  }
  if (sweep.order[2] == 'k') sweep.k = widest_k(&sweep);
  *tiling = (struct tiling){
      .bytes = sweep.best_bytes, .tile_m = m[sweep.i].size, .tile_n = n[sweep.j].size, .tile_k = k[sweep.k].size};
  memcpy(tiling->order, sweep.order, sizeof tiling->order);
}
