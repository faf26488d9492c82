/* Which indices of a tensor does each board need, and which has it? (sharding §3, re-shard; a reconstruction.)
 *
 * Boards have coordinates by mixed radix over the split loops in their order, the last fastest. A reader's rows are
 * [low·stride − pad, (high − 1)·stride + K − pad), clipped to the producer's. Beyond the reconstruction's plain case,
 * ours: a product behind a convolution reads channels, rows and columns as one row; heads of attention are channels
 * regrouped. Tensors whose extents meet in neither way count as not there at all. */
#include "search/sharding/sharding_boxes.h"

/* --- cutting --------------------------------------------------------------------------------------------------------
 */

/* Rows of the input that outputs [low, high) read, clipped to the extent. */
static void rows_of(const struct sharding_turn *turn, uint64_t *low, uint64_t *high) {
  if (*high <= *low) {
    *low = *high = min_u64(*low * turn->stride, turn->extent);
    return;
  }
  const uint64_t from = *low * turn->stride, to = (*high - 1) * turn->stride + turn->kernel;
  *low = min_u64(from > turn->pad ? from - turn->pad : 0, turn->extent);
  *high = max_u64(*low, min_u64(to > turn->pad ? to - turn->pad : 0, turn->extent));
}

static void turn_axis(const struct sharding_turn *turn, uint64_t *low, uint64_t *high) {
  if (turn->rows) rows_of(turn, low, high);
  *low = min_u64(*low > turn->first ? *low - turn->first : 0, turn->most);
  *high = max_u64(*low, min_u64(*high > turn->first ? *high - turn->first : 0, turn->most));
}

struct sharding_area sharding_cut(const struct sharding_cutter *cutter, uint32_t board) {
  struct sharding_area area = cutter->whole;
  uint64_t place = 0, weight = 1;
  for (uint32_t i = 0; i < cutter->n_splits; i++) {
    const struct sharding_split *split = &cutter->splits[i];
    const uint64_t at = board % split->factor;
    board /= split->factor;
    if (split->axis >= 0) {
      area.low[split->axis] = min_u64(split->size, split->n * at);
      area.high[split->axis] = min_u64(split->size, area.low[split->axis] + split->n);
    }
    if (split->ring) place += at * weight, weight *= split->factor;
  }
  if (cutter->shared >= 0) {
    const uint64_t end = area.high[cutter->shared];
    area.low[cutter->shared] = min_u64(end, area.low[cutter->shared] + place * cutter->piece);
    area.high[cutter->shared] = min_u64(end, area.low[cutter->shared] + cutter->piece);
  }
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    if (cutter->turns[a].cut) turn_axis(&cutter->turns[a], &area.low[a], &area.high[a]);
  }
  return area;
}

/* Which loop lies along each axis; SHARDING_N_DIMS: none, the axis is one wide. */
struct layout {
  unsigned dim[SHARDING_N_AXES];
};

static struct sharding_cutter cutter_of(const struct sharding_layer *layer, const struct sharding_strategy *strategy,
                                        struct layout layout, unsigned ring_dims) {
  struct sharding_cutter cutter = {.shared = -1};
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    cutter.whole.high[a] = layout.dim[a] < SHARDING_N_DIMS ? layer->size[layout.dim[a]] : 1;
    cutter.turns[a].most = UINT64_MAX;
  }
  for (unsigned d = SHARDING_N_DIMS; d-- > 0;) {
    if (strategy->factor[d] == 1) continue;
    struct sharding_split *split = &cutter.splits[cutter.n_splits++];
    *split = (struct sharding_split){strategy->factor[d], -1, sharding_has(ring_dims, d),
                                     ceil_div(layer->size[d], strategy->factor[d]), layer->size[d]};
    for (int a = 0; a < SHARDING_N_AXES; a++) {
      if (layout.dim[a] == d) split->axis = a, cutter.turns[a].cut = true;
    }
  }
  return cutter;
}

/* Each board keeps its piece of g along the axis on which the loop lies, of what its exclusive shard leaves. */
static void share(struct sharding_cutter *cutter, const struct sharding_layer *layer,
                  const struct sharding_strategy *strategy, struct layout layout, unsigned dim, uint32_t g) {
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    if (layout.dim[a] != dim) continue;
    cutter->shared = a, cutter->turns[a].cut = true;
    cutter->piece = ceil_div(ceil_div(layer->size[dim], strategy->factor[dim]), g);
  }
}

/* Axes on which all boards have the same are turned once and for all. */
static struct sharding_cutter finished(struct sharding_cutter cutter) {
  for (int a = 0; a < SHARDING_N_AXES; a++) {
    if (!cutter.turns[a].cut) turn_axis(&cutter.turns[a], &cutter.whole.low[a], &cutter.whole.high[a]);
  }
  return cutter;
}

static const struct layout output_layout = {{SHARDING_B, SHARDING_COUT, SHARDING_H, SHARDING_W}};

struct sharding_cutter sharding_output_cutter(const struct sharding_problem *problem, uint32_t layer,
                                              const struct sharding_strategy *strategy) {
  return finished(cutter_of(&problem->layers[layer], strategy, output_layout, 0));
}

struct sharding_cutter sharding_scatter_cutter(const struct sharding_problem *problem, uint32_t layer,
                                               const struct sharding_strategy *strategy, enum sharding_axis axis,
                                               uint32_t r) {
  const struct sharding_layer *l = &problem->layers[layer];
  const unsigned ring = ~(unsigned)sharding_kind_of(problem, layer)->output_dims;
  struct sharding_cutter cutter = cutter_of(l, strategy, output_layout, ring);
  share(&cutter, l, strategy, output_layout, output_layout.dim[axis], r);
  return finished(cutter);
}

/* --- how tensors meet -----------------------------------------------------------------------------------------------
 */

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

/* Of the input proper, rows and columns clipped to these extents, channels from `first` on. */
static struct sharding_cutter input_cutter(const struct sharding_problem *problem, uint32_t layer,
                                           const struct sharding_strategy *strategy, uint64_t extent_h,
                                           uint64_t extent_w, uint64_t first, uint64_t most) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const struct sharding_rotation rotation = sharding_rotation_of(kind, strategy);
  const struct sharding_layer *l = &problem->layers[layer];
  const struct layout layout = {
      {SHARDING_B, kind->channels_tied ? SHARDING_COUT : SHARDING_CIN, SHARDING_H, SHARDING_W}};
  struct sharding_cutter cutter = cutter_of(l, strategy, layout, ~(unsigned)kind->input_dims);
  if (rotation.input) share(&cutter, l, strategy, layout, strategy->shared, rotation.g);
  struct sharding_turn *turns = cutter.turns;
  for (int a = SHARDING_AXIS_H; a <= SHARDING_AXIS_W; a++) {
    turns[a].rows = true, turns[a].stride = l->stride, turns[a].pad = l->pad;
    turns[a].kernel = l->size[a == SHARDING_AXIS_H ? SHARDING_KH : SHARDING_KW];
    turns[a].extent = a == SHARDING_AXIS_H ? extent_h : extent_w;
  }
  turns[SHARDING_AXIS_C].first = first, turns[SHARDING_AXIS_C].most = most;
  return finished(cutter);
}

struct sharding_cutter sharding_first_cutter(const struct sharding_problem *problem, uint32_t layer,
                                             const struct sharding_strategy *strategy) {
  const struct sharding_layer *l = &problem->layers[layer];
  return input_cutter(problem, layer, strategy, input_extent(l, SHARDING_H), input_extent(l, SHARDING_W), 0,
                      UINT64_MAX);
}

static struct sharding_cutter second_cutter(const struct sharding_problem *problem, uint32_t layer,
                                            const struct sharding_strategy *strategy, bool transpose) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  const struct sharding_rotation rotation = sharding_rotation_of(kind, strategy);
  const struct sharding_layer *l = &problem->layers[layer];
  const struct layout layout = {{SHARDING_B, transpose ? SHARDING_CIN : SHARDING_COUT,
                                 transpose ? SHARDING_COUT : SHARDING_CIN, SHARDING_N_DIMS}};
  struct sharding_cutter cutter = cutter_of(l, strategy, layout, ~(unsigned)kind->weight_dims);
  if (rotation.weights) share(&cutter, l, strategy, layout, strategy->shared, rotation.g);
  return finished(cutter);
}

struct sharding_cutter sharding_need_cutter(const struct sharding_problem *problem, uint32_t edge,
                                            const struct sharding_pairing *pairing,
                                            const struct sharding_strategy *strategy) {
  const uint32_t to = problem->edges[edge].to;
  if (pairing->second) return second_cutter(problem, to, strategy, pairing->transpose);
  const bool same = pairing->fold == SHARDING_SAME;
  return input_cutter(problem, to, strategy, pairing->to[SHARDING_AXIS_H], pairing->to[SHARDING_AXIS_W],
                      same ? pairing->first_channel : 0, same ? pairing->from[SHARDING_AXIS_C] : UINT64_MAX);
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
