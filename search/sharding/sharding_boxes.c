/* Which indices of a tensor does each board need, and which has it? (sharding §3, re-shard; a reconstruction.)
 *
 * Boards have coordinates by mixed radix over the split loops in their order, the last fastest. A reader's rows are
 * [low·stride − pad, (high − 1)·stride + K − pad), clipped to the producer's. Beyond the reconstruction's plain case,
 * ours: a product behind a convolution reads channels, rows and columns as one row; heads of attention are channels
 * regrouped. Tensors whose extents meet in neither way count as not there at all. */
#include "search/sharding/sharding_boxes.h"

/* --- slices ---------------------------------------------------------------------------------------------------------
 */

/* Coordinates of board `board` on the loops of `dims`, taken as one number (the last fastest). */
uint32_t sharding_ring_place(const struct sharding_strategy *strategy, uint32_t board, unsigned dims) {
  uint32_t coordinate[SHARDING_N_DIMS], place = 0;
  for (unsigned d = SHARDING_N_DIMS; d-- > 0;) {
    coordinate[d] = board % strategy->factor[d];
    board /= strategy->factor[d];
  }
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (sharding_has(dims, d)) place = place * strategy->factor[d] + coordinate[d];
  }
  return place;
}

void sharding_slices(const struct sharding_problem *problem, uint32_t layer, const struct sharding_strategy *strategy,
                     uint32_t board, uint64_t low[SHARDING_N_DIMS], uint64_t high[SHARDING_N_DIMS]) {
  for (unsigned d = SHARDING_N_DIMS; d-- > 0;) {
    const uint64_t n = problem->layers[layer].size[d], local = ceil_div(n, strategy->factor[d]);
    low[d] = min_u64(n, local * (board % strategy->factor[d]));
    high[d] = min_u64(n, low[d] + local);
    board /= strategy->factor[d];
  }
}

/* The board's own piece of a tensor that goes round and depends on `dims`. */
static void cut_piece(const struct sharding_problem *problem, uint32_t layer, const struct sharding_strategy *strategy,
                      uint32_t board, unsigned dims, uint32_t g, uint64_t *low, uint64_t *high) {
  const unsigned s = strategy->shared;
  const uint64_t piece = ceil_div(ceil_div(problem->layers[layer].size[s], strategy->factor[s]), g);
  const uint64_t at = sharding_ring_place(strategy, board, ~dims);
  const uint64_t end = high[s];
  low[s] = min_u64(end, low[s] + at * piece);
  high[s] = min_u64(end, low[s] + piece);
}

struct sharding_area sharding_output_area(const struct sharding_problem *problem, uint32_t layer,
                                          const struct sharding_strategy *strategy, uint32_t board) {
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
  sharding_slices(problem, layer, strategy, board, low, high);
  return (struct sharding_area){{low[SHARDING_B], low[SHARDING_COUT], low[SHARDING_H], low[SHARDING_W]},
                                {high[SHARDING_B], high[SHARDING_COUT], high[SHARDING_H], high[SHARDING_W]}};
}

/* --- how tensors meet -----------------------------------------------------------------------------------------------
 */

/* Rows of the input that outputs [low, high) read, clipped to `extent`. */
static void rows_of(const struct sharding_layer *layer, uint64_t kernel, uint64_t extent, uint64_t *low,
                    uint64_t *high) {
  if (*high <= *low) {
    *low = *high = min_u64(*low * layer->stride, extent);
    return;
  }
  const uint64_t from = *low * layer->stride, to = (*high - 1) * layer->stride + kernel;
  *low = min_u64(from > layer->pad ? from - layer->pad : 0, extent);
  *high = max_u64(*low, min_u64(to > layer->pad ? to - layer->pad : 0, extent));
}

static uint64_t input_extent(const struct sharding_layer *layer, enum sharding_dim dim) {
  const uint64_t n = layer->size[dim], kernel = layer->size[dim == SHARDING_H ? SHARDING_KH : SHARDING_KW];
  const uint64_t reach = (n - 1) * layer->stride + kernel;
  return max_u64(n * layer->stride, reach > 2 * layer->pad ? reach - 2 * layer->pad : 0);
}

static uint64_t channels_in(const struct sharding_problem *problem, uint32_t layer) {
  return problem->layers[layer].size[sharding_kind_of(problem, layer)->channels_tied ? SHARDING_COUT : SHARDING_CIN];
}

/* A product: a single point of the plane. What reads a plane cannot read it as one row. */
static bool is_point(const struct sharding_layer *reader) {
  const uint64_t *n = reader->size;
  return n[SHARDING_H] == 1 && n[SHARDING_W] == 1 && n[SHARDING_KH] == 1 && n[SHARDING_KW] == 1;
}

/* Of an activation that lies as batch, channels, rows, columns. */
static enum sharding_fold fold_of(const struct sharding_pairing *p, const struct sharding_layer *reader,
                                  uint64_t channels, bool shifted) {
  const uint64_t *from = p->from;
  if (from[SHARDING_AXIS_B] == p->to[SHARDING_AXIS_B] && (shifted || from[SHARDING_AXIS_C] == channels)) {
    return SHARDING_SAME;
  }
  const uint64_t flat = from[SHARDING_AXIS_C] * from[SHARDING_AXIS_H] * from[SHARDING_AXIS_W];
  if (from[SHARDING_AXIS_B] == p->to[SHARDING_AXIS_B] && channels == flat && is_point(reader)) {
    return SHARDING_FLAT;
  }
  const uint64_t heads = from[SHARDING_AXIS_B] * from[SHARDING_AXIS_C];
  return heads == p->to[SHARDING_AXIS_B] * channels ? SHARDING_HEADS : SHARDING_APART;
}

static bool is_second_operand(const struct sharding_problem *problem, uint32_t edge) {
  const uint32_t to = problem->edges[edge].to;
  if (sharding_kind_of(problem, to)->inputs != SHARDING_INPUTS_OPERANDS) return false;
  return problem->in_edge[problem->in_start[to]] != edge;
}

struct sharding_pairing sharding_pair(const struct sharding_problem *problem, uint32_t edge) {
  const uint32_t to = problem->edges[edge].to;
  const struct sharding_layer *from = &problem->layers[problem->edges[edge].from], *reader = &problem->layers[to];
  struct sharding_pairing p = {
      .from = {from->size[SHARDING_B], from->size[SHARDING_COUT], from->size[SHARDING_H], from->size[SHARDING_W]},
      .first_channel = problem->concat_first[edge],
      .second = is_second_operand(problem, edge)};
  p.to[SHARDING_AXIS_B] = reader->size[SHARDING_B];
  if (p.second) {
    const uint64_t heads = p.from[SHARDING_AXIS_B] * p.from[SHARDING_AXIS_C];
    p.transpose = p.from[SHARDING_AXIS_H] == reader->size[SHARDING_COUT] &&
                  heads == p.to[SHARDING_AXIS_B] * reader->size[SHARDING_CIN];
    p.to[SHARDING_AXIS_C] = reader->size[p.transpose ? SHARDING_CIN : SHARDING_COUT];
    p.to[SHARDING_AXIS_H] = reader->size[p.transpose ? SHARDING_COUT : SHARDING_CIN];
    p.to[SHARDING_AXIS_W] = 1;
    p.fold = fold_of(&p, reader, p.to[SHARDING_AXIS_C], false);
    if (p.fold == SHARDING_FLAT || p.to[SHARDING_AXIS_H] != p.from[SHARDING_AXIS_H] || p.from[SHARDING_AXIS_W] != 1) {
      p.fold = SHARDING_APART;
    }
    return p;
  }
  p.to[SHARDING_AXIS_C] = channels_in(problem, to);
  p.to[SHARDING_AXIS_H] = p.from[SHARDING_AXIS_H];
  p.to[SHARDING_AXIS_W] = p.from[SHARDING_AXIS_W];
  const bool shifted = problem->concat_first[edge] > 0 || p.from[SHARDING_AXIS_C] < p.to[SHARDING_AXIS_C];
  p.fold = fold_of(&p, reader, p.to[SHARDING_AXIS_C], false);
  if (p.fold == SHARDING_APART && shifted) p.fold = fold_of(&p, reader, p.to[SHARDING_AXIS_C], true);
  if (p.fold == SHARDING_FLAT || p.fold == SHARDING_APART) {
    p.to[SHARDING_AXIS_H] = input_extent(reader, SHARDING_H);
    p.to[SHARDING_AXIS_W] = input_extent(reader, SHARDING_W);
  }
  return p;
}

/* --- needs ----------------------------------------------------------------------------------------------------------
 */

/* Of the input proper, rows and columns clipped to these extents. */
static struct sharding_area input_area(const struct sharding_problem *problem, uint32_t layer,
                                       const struct sharding_strategy *strategy, uint32_t board, uint64_t extent_h,
                                       uint64_t extent_w) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const struct sharding_rotation rotation = sharding_rotation_of(kind, strategy);
  const struct sharding_layer *l = &problem->layers[layer];
  const unsigned channel = kind->channels_tied ? SHARDING_COUT : SHARDING_CIN;
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
  sharding_slices(problem, layer, strategy, board, low, high);
  if (rotation.input) cut_piece(problem, layer, strategy, board, kind->input_dims, rotation.g, low, high);
  rows_of(l, l->size[SHARDING_KH], extent_h, &low[SHARDING_H], &high[SHARDING_H]);
  rows_of(l, l->size[SHARDING_KW], extent_w, &low[SHARDING_W], &high[SHARDING_W]);
  return (struct sharding_area){{low[SHARDING_B], low[channel], low[SHARDING_H], low[SHARDING_W]},
                                {high[SHARDING_B], high[channel], high[SHARDING_H], high[SHARDING_W]}};
}

struct sharding_area sharding_first_area(const struct sharding_problem *problem, uint32_t layer,
                                         const struct sharding_strategy *strategy, uint32_t board) {
  const struct sharding_layer *l = &problem->layers[layer];
  return input_area(problem, layer, strategy, board, input_extent(l, SHARDING_H), input_extent(l, SHARDING_W));
}

static struct sharding_area second_area(const struct sharding_problem *problem, uint32_t layer,
                                        const struct sharding_strategy *strategy, uint32_t board, bool transpose) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const struct sharding_rotation rotation = sharding_rotation_of(kind, strategy);
  const unsigned channel = transpose ? SHARDING_CIN : SHARDING_COUT, row = transpose ? SHARDING_COUT : SHARDING_CIN;
  uint64_t low[SHARDING_N_DIMS], high[SHARDING_N_DIMS];
  sharding_slices(problem, layer, strategy, board, low, high);
  if (rotation.weights) cut_piece(problem, layer, strategy, board, kind->weight_dims, rotation.g, low, high);
  return (struct sharding_area){{low[SHARDING_B], low[channel], low[row], 0},
                                {high[SHARDING_B], high[channel], high[row], 1}};
}

struct sharding_area sharding_need_area(const struct sharding_problem *problem, uint32_t edge,
                                        const struct sharding_pairing *pairing,
                                        const struct sharding_strategy *strategy, uint32_t board) {
  const uint32_t to = problem->edges[edge].to;
  if (pairing->second) return second_area(problem, to, strategy, board, pairing->transpose);
  struct sharding_area area =
      input_area(problem, to, strategy, board, pairing->to[SHARDING_AXIS_H], pairing->to[SHARDING_AXIS_W]);
  if (pairing->fold != SHARDING_SAME) return area;
  /* Channels that this edge brings, in the producer's count. */
  const uint64_t first = pairing->first_channel, n = pairing->from[SHARDING_AXIS_C];
  uint64_t *low = &area.low[SHARDING_AXIS_C], *high = &area.high[SHARDING_AXIS_C];
  *low = min_u64(*low > first ? *low - first : 0, n);
  *high = max_u64(*low, min_u64(*high > first ? *high - first : 0, n));
  return area;
}

/* --- what is there already ------------------------------------------------------------------------------------------
 */

/* Indices below `x` in the row of a box with n axes of these extents. */
static uint64_t below(uint64_t x, const uint64_t *extent, const uint64_t *low, const uint64_t *high, int n) {
  uint64_t inner = 1, inner_all = 1, count = 0;
  for (int a = 1; a < n; a++) inner *= high[a] - low[a], inner_all *= extent[a];
  for (int a = 0; a < n; a++) {
    const uint64_t at = x / inner_all; /* the index on this axis that x stands at */
    if (at > low[a]) count += (min_u64(at, high[a]) - low[a]) * inner;
    if (at < low[a] || at >= high[a]) return count;
    x %= inner_all;
    if (a + 1 < n) inner /= high[a + 1] - low[a + 1], inner_all /= extent[a + 1];
  }
  return count;
}

uint64_t sharding_common(const struct sharding_pairing *pairing, const struct sharding_area *need,
                         const struct sharding_area *have) {
  uint64_t n = 1;
  if (pairing->fold == SHARDING_SAME) {
    for (int a = 0; a < SHARDING_N_AXES; a++) {
      n *= sharding_overlap(need->low[a], need->high[a], have->low[a], have->high[a]);
    }
    return n;
  }
  if (pairing->fold == SHARDING_APART || sharding_area_size(need) == 0 || sharding_area_size(have) == 0) return 0;
  const int b = SHARDING_AXIS_B, c = SHARDING_AXIS_C;
  if (pairing->fold == SHARDING_FLAT) {
    const int n_axes = SHARDING_N_AXES - c;
    n = sharding_overlap(need->low[b], need->high[b], have->low[b], have->high[b]);
    return n * (below(need->high[c], pairing->from + c, have->low + c, have->high + c, n_axes) -
                below(need->low[c], pairing->from + c, have->low + c, have->high + c, n_axes));
  }
  for (int a = SHARDING_AXIS_H; a < SHARDING_N_AXES; a++) {
    n *= sharding_overlap(need->low[a], need->high[a], have->low[a], have->high[a]);
  }
  if (n == 0) return 0;
  uint64_t rows = 0;
  const uint64_t channels = pairing->to[c];
  const bool whole = need->high[c] - need->low[c] == channels; /* then all its heads are one piece of the row */
  for (uint64_t i = need->low[b]; i < need->high[b]; i = whole ? need->high[b] : i + 1) {
    const uint64_t first = i * channels + need->low[c];
    const uint64_t end = whole ? need->high[b] * channels : i * channels + need->high[c];
    rows += below(end, pairing->from, have->low, have->high, 2) - below(first, pairing->from, have->low, have->high, 2);
  }
  return n * rows;
}
