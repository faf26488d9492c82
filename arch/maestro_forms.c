/* MAESTRO's counts in closed form. See maestro_forms.h. Letters as in the published dataflows: K, C, Y, X, R, S, with
 * Yo and Xo the output's height and width. */
#include "arch/maestro_forms.h"

#include "base/checked.h"
#include "base/error.h"

const char *const maestro_style_names[] = {"dla", "shi", "eye", NULL};
const char *const maestro_bandwidth_names[] = {"tile", "traffic", NULL};

static const uint64_t largest_bound = INT32_MAX;
static const uint64_t flexible_l2_bytes = UINT64_C(2) << 20; /* of the released search over clusters */

bool maestro_layer_init(struct maestro_layer *layer, enum maestro_layer_type type, const uint64_t dims[MAESTRO_DIMS],
                        uint64_t images) {
  *layer = (struct maestro_layer){1, 1, 1, 1, 1, 1, images, false};
  switch (type) {
  case MAESTRO_FC:
    layer->k = dims[0];
    layer->c = dims[1];
    break;
  case MAESTRO_GEMM: /* rows of A are pixels */
    layer->k = dims[1];
    layer->c = dims[2];
    layer->y = dims[0];
    break;
  case MAESTRO_CONV:
  case MAESTRO_DEPTHWISE:
    layer->depthwise = type == MAESTRO_DEPTHWISE;
    layer->k = layer->depthwise ? 1 : dims[0];
    layer->c = dims[1];
    layer->y = dims[2];
    layer->x = dims[3];
    layer->r = dims[4];
    layer->s = dims[5];
    break;
  case N_MAESTRO_LAYER_TYPES:
  default:
    return false;
  }
  const uint64_t bounds[] = {layer->k, layer->c, layer->y, layer->x, layer->r, layer->s, layer->images};
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
    if (bounds[i] == 0 || bounds[i] > largest_bound) return false;
  return layer->r <= layer->y && layer->s <= layer->x;
}

static uint64_t out_height(const struct maestro_layer *layer) { return layer->y - layer->r + 1; }
static uint64_t out_width(const struct maestro_layer *layer) { return layer->x - layer->s + 1; }
static uint64_t product3(uint64_t a, uint64_t b, uint64_t c) { return sat_mul(sat_mul(a, b), c); }
static uint64_t outputs_of(const struct maestro_layer *layer) {
  return product3(layer->depthwise ? layer->c : layer->k, out_height(layer), out_width(layer));
}

uint64_t maestro_macs(const struct maestro_layer *layer) {
  const uint64_t depth = product3(layer->depthwise ? 1 : layer->c, layer->r, layer->s);
  return product3(outputs_of(layer), depth, layer->images);
}

uint64_t maestro_traffic_bytes(const struct maestro_layer *layer) {
  const uint64_t weights = sat_mul(product3(layer->k, layer->c, layer->r), layer->s);
  const uint64_t inputs = product3(layer->c, layer->y, layer->x);
  return sat_add(weights, sat_mul(layer->images, sat_add(inputs, outputs_of(layer))));
}

/* --- one dataflow each: cycles behind the first, of one image, and a tile of all operands ----------------------------
 */

struct counts {
  uint64_t cycles, tile_bytes;
};

/* K over clusters, C inside. */
static struct counts count_dla(const struct maestro_layer *layer, uint64_t n_pes, uint64_t q) {
  const uint64_t n_clusters = n_pes / q, filter = layer->r * layer->s;
  const uint64_t folds = sat_mul(ceil_div(layer->k, n_clusters), ceil_div(layer->c, q));
  const uint64_t k = min_u64(layer->k, n_clusters), c = min_u64(layer->c, q);
  const uint64_t outputs = layer->k >= n_clusters ? n_clusters : max_u64(1, layer->k - 1);
  return (struct counts){sat_mul(product3(folds, out_height(layer), out_width(layer)), sat_add(filter, 1)),
                         sat_add(product3(k, c, filter), sat_add(sat_mul(c, filter), outputs))};
}

/* One filter, and the pixels that the outputs of a tile need and are. */
static uint64_t window_bytes(const struct maestro_layer *layer, uint64_t rows, uint64_t cols, uint64_t folds) {
  const uint64_t in_rows = sat_add(rows, sat_mul(folds, layer->r - 1));
  return sat_add(sat_mul(layer->r, layer->s), sat_add(sat_mul(in_rows, cols + layer->s - 1), sat_mul(rows, cols)));
}

/* Rows of the output over clusters, R at a time; columns inside. */
static struct counts count_shi(const struct maestro_layer *layer, uint64_t n_pes, uint64_t q) {
  const uint64_t n_clusters = n_pes / q, height = out_height(layer), width = out_width(layer);
  const uint64_t folds = sat_mul(ceil_div(ceil_div(height, layer->r), n_clusters), ceil_div(width, q));
  const uint64_t step = sat_add(product3(min_u64(height, layer->r), layer->r, layer->s), 1);
  const uint64_t rows = min_u64(height, sat_mul(layer->r, n_clusters));
  return (struct counts){sat_mul(product3(layer->k, layer->c, folds), step),
                         window_bytes(layer, rows, min_u64(q, width), ceil_div(rows, layer->r))};
}

/* Pairs of an output row and a filter row inside clusters, S columns at a time. */
static struct counts count_eye(const struct maestro_layer *layer, uint64_t n_pes, uint64_t q) {
  const uint64_t n_clusters = n_pes / q, height = out_height(layer), width = out_width(layer);
  const uint64_t folds = sat_mul(ceil_div(height, sat_mul(q, n_clusters)), ceil_div(width, layer->s));
  const uint64_t rows = min_u64(height, sat_mul(q, n_clusters));
  return (struct counts){sat_mul(product3(layer->k, layer->c, folds), sat_add(sat_mul(layer->r, layer->s), 1)),
                         window_bytes(layer, rows, min_u64(layer->s, width), ceil_div(rows, q))};
}

/* Channels inside clusters; the clusters themselves only as one more factor. */
static struct counts count_depthwise(const struct maestro_layer *layer, uint64_t n_pes, uint64_t q) {
  const uint64_t filter = layer->r * layer->s, c = layer->c;
  const uint64_t folds = sat_mul(ceil_div(c, sat_mul(q, n_pes)), min_u64(c, q));
  const uint64_t outputs = c % q == 0 && c > q ? c - q : c;
  return (struct counts){sat_mul(product3(out_height(layer), out_width(layer), folds), filter),
                         sat_add(product3(2, c, filter), outputs)};
}

static struct counts count(const struct maestro_array *array, const struct maestro_layer *layer, uint64_t q) {
  static struct counts (*const styles[N_MAESTRO_STYLES])(const struct maestro_layer *, uint64_t, uint64_t) = {
      [MAESTRO_DLA] = count_dla, [MAESTRO_SHI] = count_shi, [MAESTRO_EYE] = count_eye};
  return (layer->depthwise ? count_depthwise : styles[array->style])(layer, array->n_pes, q);
}

/* --- clusters -------------------------------------------------------------------------------------------------------
 */

static bool cost_with(const struct maestro_array *array, const struct maestro_layer *layer,
                      enum maestro_bandwidth bandwidth, uint64_t q, struct maestro_cost *cost) {
  const struct counts counts = count(array, layer, q);
  const uint64_t cycles = sat_mul(layer->images, counts.cycles); /* behind the first */
  const uint64_t bytes = bandwidth == MAESTRO_TILE ? counts.tile_bytes : maestro_traffic_bytes(layer);
  *cost = (struct maestro_cost){.latency_cycles = sat_add(cycles, 1),
                                .l2_bytes = sat_mul(2, counts.tile_bytes),
                                .bytes_per_cycle = (double)bytes / (double)cycles,
                                .cluster_pes = q};
  return cost->latency_cycles != UINT64_MAX && cost->l2_bytes != UINT64_MAX && bytes != UINT64_MAX;
}

static bool better(const struct maestro_cost *a, const struct maestro_cost *b) {
  if (a->latency_cycles != b->latency_cycles) return a->latency_cycles < b->latency_cycles;
  return a->bytes_per_cycle < b->bytes_per_cycle;
}

/* Are clusters of q PEs a candidate of this flexible array? */
static bool tries(const struct maestro_array *array, const struct maestro_layer *layer, uint64_t q) {
  if (q == MAESTRO_CLUSTER_PES) return true;
  if (array->style == MAESTRO_DLA) return layer->c % q == 0;
  return array->style == MAESTRO_SHI && q >= 2 && q <= out_width(layer);
}

bool maestro_cost(const struct maestro_array *array, const struct maestro_layer *layer,
                  enum maestro_bandwidth bandwidth, struct maestro_cost *cost) {
  REQUIRE(array->cluster_pes >= 1 && array->cluster_pes <= array->n_pes && array->n_pes <= largest_bound);
  const bool fits = cost_with(array, layer, bandwidth, array->cluster_pes, cost);
  if (!array->flexible) return fits;
  const uint64_t widest = array->style == MAESTRO_DLA ? layer->c : out_width(layer);
  const uint64_t last = min_u64(max_u64(widest, MAESTRO_CLUSTER_PES), array->n_pes - 1);
  bool found = false;
  for (uint64_t q = 1; q <= last; q++) {
    struct maestro_cost tried;
    if (!tries(array, layer, q) || !cost_with(array, layer, bandwidth, q, &tried)) continue;
    if (tried.l2_bytes > flexible_l2_bytes || (found && !better(&tried, cost))) continue;
    *cost = tried;
    found = true;
  }
  return found || fits;
}
