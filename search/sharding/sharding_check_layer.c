/* What does each board of a set have of a layer, and how many cycles does that take? (sharding §3, §4, from the rules
 * alone.) Left out: what moves between layers, sharding_check_boxes.c. */
#include "base/checked.h"
#include "search/sharding/sharding_check_private.h"
#include <math.h>

/* --- the grid of exclusive shards -----------------------------------------------------------------------------------
 */

uint8_t judged_dims(const struct judged_layer *l, enum judged_tensor tensor) {
  const struct sharding_kind *kind = judged_kind(l);
  unsigned dims = tensor == JUDGED_WEIGHTS ? kind->weight_dims
                  : tensor == JUDGED_INPUT ? kind->input_dims
                                           : kind->output_dims;
  const unsigned both = 1U << SHARDING_COUT | 1U << SHARDING_CIN;
  if (kind->channels_tied && (dims & both) != 0) dims = (dims & ~both) | 1U << SHARDING_COUT;
  return (uint8_t)dims;
}

void judged_place(const struct judged_layer *l, uint32_t board, uint32_t place[SHARDING_N_DIMS]) {
  for (unsigned d = SHARDING_N_DIMS; d-- > 0;) {
    const uint32_t factor = l->strategy->factor[d];
    place[d] = board % factor;
    board /= factor;
  }
}

uint32_t judged_board(const struct judged_layer *l, const uint32_t place[SHARDING_N_DIMS]) {
  uint32_t board = 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) board = board * l->strategy->factor[d] + place[d];
  return board;
}

void judged_slice(const struct judged_layer *l, enum sharding_dim d, uint32_t place, uint64_t *low, uint64_t *high) {
  const uint64_t size = l->problem->layers[l->layer].size[d], each = ceil_div(size, l->strategy->factor[d]);
  *low = min_u64(size, place * each);
  *high = min_u64(size, (place + 1) * each);
}

uint32_t judged_copies(const struct judged_layer *l, enum judged_tensor tensor) {
  const unsigned dims = judged_dims(l, tensor);
  uint32_t n = 1;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) n *= (dims >> d & 1) != 0 ? 1 : l->strategy->factor[d];
  return n;
}

uint32_t judged_copy(const struct judged_layer *l, enum judged_tensor tensor, uint32_t board) {
  const unsigned dims = judged_dims(l, tensor);
  uint32_t place[SHARDING_N_DIMS], copy = 0;
  judged_place(l, board, place);
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if ((dims >> d & 1) == 0) copy = copy * l->strategy->factor[d] + place[d];
  }
  return copy;
}

uint32_t judged_holder(const struct judged_layer *l, enum judged_tensor tensor, uint32_t board, uint32_t copy) {
  const unsigned dims = judged_dims(l, tensor);
  uint32_t place[SHARDING_N_DIMS];
  judged_place(l, board, place);
  for (unsigned d = SHARDING_N_DIMS; d-- > 0;) {
    if ((dims >> d & 1) != 0) continue;
    place[d] = copy % l->strategy->factor[d];
    copy /= l->strategy->factor[d];
  }
  return judged_board(l, place);
}

/* Of what depends on the shared loop, that which most boards hold. */
uint32_t judged_phases(const struct judged_layer *l) {
  const unsigned shared = l->strategy->shared;
  uint32_t most = 1;
  if (shared >= SHARDING_N_DIMS) return 1;
  for (int t = JUDGED_WEIGHTS; t <= JUDGED_INPUT; t++) {
    const bool depends = (judged_dims(l, (enum judged_tensor)t) >> shared & 1) != 0;
    const uint32_t copies = judged_copies(l, (enum judged_tensor)t);
    if (depends && copies > most) most = copies;
  }
  return most;
}

bool judged_rotates(const struct judged_layer *l, enum judged_tensor tensor) {
  const uint32_t phases = judged_phases(l);
  return tensor != JUDGED_OUTPUT && phases > 1 && judged_copies(l, tensor) == phases &&
         (judged_dims(l, tensor) >> l->strategy->shared & 1) != 0;
}

/* --- cycles ---------------------------------------------------------------------------------------------------------
 */

static double tiled(const struct sharding_design *d, const uint64_t n[SHARDING_N_DIMS], double filter) {
  const double words = (double)d->ports, tile = (double)(d->tr * d->tc);
  const double read_input = ceil((double)d->tn * tile / words);
  const double read_weights = ceil((double)(d->tm * d->tn) * filter / words);
  const double write = ceil((double)d->tm * tile / words), compute = filter * tile;
  const double inner = fmax(read_input, fmax(read_weights, compute));
  const double outer = fmax((double)ceil_div(n[SHARDING_CIN], d->tn) * inner, write);
  const double tiles = (double)ceil_div(n[SHARDING_H], d->tr) * (double)ceil_div(n[SHARDING_W], d->tc) *
                       (double)ceil_div(n[SHARDING_COUT], d->tm);
  return tiles * outer + write + inner;
}

static double systolic(const struct sharding_design *d, const uint64_t n[SHARDING_N_DIMS], double filter) {
  const uint64_t pixels = n[SHARDING_H] * n[SHARDING_W];
  return (double)ceil_div(n[SHARDING_COUT], d->rows) * (double)ceil_div(pixels, d->columns) *
             (double)ceil_div(n[SHARDING_CIN], d->vector) * filter +
         (double)(d->rows + d->columns);
}

/* Tiles of 4×4 outputs by filters of 3×3; any other filter point by point. */
static double winograd(const struct sharding_design *d, const uint64_t n[SHARDING_N_DIMS], double filter, bool fits) {
  enum { TILE = 4 };
  return (double)ceil_div(n[SHARDING_H], TILE) * (double)ceil_div(n[SHARDING_W], TILE) *
         (double)ceil_div(n[SHARDING_COUT], d->pm) * (double)ceil_div(n[SHARDING_CIN], d->pn) * (fits ? 1 : filter);
}

/* The whole layer's cycles in equal phases; what the table has not takes for ever, but what multiplies nothing. */
static double tabulated(const struct judged_layer *l, const struct sharding_design *d) {
  for (size_t i = 0; i < d->n_ps; i++) {
    const double cycles = d->cycles[l->layer * d->n_ps + i];
    if (d->p[i] == l->p && !isnan(cycles)) return cycles / judged_phases(l);
  }
  return judged_kind(l)->products ? INFINITY : 0;
}

/* A batch repeats the whole. */
double judged_cycles(const struct judged_layer *l, const struct sharding_design *design,
                     const uint64_t extent[SHARDING_N_DIMS]) {
  const struct sharding_layer *layer = &l->problem->layers[l->layer];
  const double filter = (double)(extent[SHARDING_KH] * extent[SHARDING_KW]);
  const double batch = (double)extent[SHARDING_B];
  const bool square = extent[SHARDING_KH] == 3 && extent[SHARDING_KW] == 3 && layer->stride == 1;
  uint64_t n[SHARDING_N_DIMS];
  if (design->model == SHARDING_TABLE) return tabulated(l, design);
  if (design->model == SHARDING_PRICED) {
    return design->price(design->price_context, l->layer, SHARDING_FORWARD, extent, l->p);
  }
  if (!judged_kind(l)->products) return 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (extent[d] == 0) return 0;
    n[d] = extent[d];
  }
  if (judged_kind(l)->channels_tied) n[SHARDING_CIN] = 1;
  if (design->model == SHARDING_TILED) return batch * tiled(design, n, filter);
  if (design->model == SHARDING_SYSTOLIC) return batch * systolic(design, n, filter);
  return batch * winograd(design, n, filter, square);
}
