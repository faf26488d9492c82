/* Operators of a device's share of a layer, and their prices. See shard_prices.h.
 *
 * Products and convolutions keep their loops, cut to the share; operators by element, rows of norms and the like keep
 * their kind and have as many elements as the share has of the layer's output, moving bytes in proportion. An operator
 * takes as many cores as are best for it, a power of two, alone on the device. Left out: chains of fused operators
 * (each is priced with its own way to memory), operators side by side, gradients of the weights of norms and tables,
 * an attention kernel (its products and softmax are layers). */
#include "dse/sharding/shard_prices.h"

#include "arch/cost_cache.h"
#include "base/checked.h"
#include "workloads/training_rules.h"
#include <math.h>

enum { CACHE_ENTRIES = 1 << 14 };

struct shard_prices {
  struct shard_price_rules rules;
  const struct cost_provider *provider;
  struct machine machine;
  uint32_t n_cores[N_CORE_CLASSES];
  struct digest full, lanes_only;
  struct cost_cache *cache;
  double overhead_cycles;
  const uint32_t *fused_start, *fused; /* operators that went into each layer */
};

/* In order of the layers, so that each has its own side by side. */
static void find_fused(struct shard_prices *prices, struct arena *arena) {
  const struct sharding_network *network = prices->rules.network;
  uint32_t *start = ARENA_NEW(arena, uint32_t, network->n_layers + 1);
  uint32_t *next = ARENA_NEW(arena, uint32_t, network->n_layers);
  uint32_t *fused = ARENA_NEW(arena, uint32_t, network->graph->n_ops);
  for (size_t i = 0; i < network->graph->n_ops; i++) {
    if (network->fused_into[i] != SHARDING_NONE) start[network->fused_into[i] + 1]++;
  }
  for (size_t l = 0; l < network->n_layers; l++) next[l] = start[l], start[l + 1] += start[l];
  for (size_t i = 0; i < network->graph->n_ops; i++) {
    if (network->fused_into[i] != SHARDING_NONE) fused[next[network->fused_into[i]]++] = (uint32_t)i;
  }
  prices->fused_start = start, prices->fused = fused;
}

struct shard_prices *shard_prices_new(const struct shard_price_rules *rules, const struct accelerator *accelerator,
                                      struct arena *arena) {
  struct shard_prices *prices = ARENA_NEW(arena, struct shard_prices, 1);
  prices->rules = *rules;
  prices->provider = cost_providers[rules->cost->provider];
  machine_init(&prices->machine, rules->cost, rules->technology, accelerator);
  prices->n_cores[CORE_TENSOR] = (uint32_t)accelerator->tc_count;
  prices->n_cores[CORE_VECTOR] = (uint32_t)accelerator->vc_count;
  prices->n_cores[CORE_LINK] = 1;
  const struct digest digest = cost_rules_digest(prices->provider, rules->cost, rules->technology);
  prices->full = cost_machine_digest(digest, &prices->machine, false);
  prices->lanes_only = cost_machine_digest(digest, &prices->machine, true);
  prices->cache = cost_cache_new(arena, CACHE_ENTRIES);
  prices->overhead_cycles = rules->op_overhead_s * prices->machine.clock_hz;
  find_fused(prices, arena);
  return prices;
}

/* --- operators of a share -------------------------------------------------------------------------------------------
 */

static uint64_t bytes_of(const struct op *op, uint64_t a, uint64_t b, uint64_t c) {
  return sat_mul(sat_mul(sat_mul(a, b), c), op->element_bytes);
}

/* C = A·B of the forward pass, dA = dC·Bᵀ, dB = Aᵀ·dC. */
static void share_product(struct op *op, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS]) {
  const bool samples = op->weighted && op->dim[DIM_REPS] == 1; /* they share their weights: rows of one product */
  const uint64_t reps = samples ? 1 : local[SHARDING_B];
  const uint64_t m = samples ? sat_mul(local[SHARDING_B], local[SHARDING_H]) : local[SHARDING_H];
  const uint64_t n = local[SHARDING_COUT], k = local[SHARDING_CIN];
  const bool data = pass == SHARDING_BACKWARD_DATA, weight = pass == SHARDING_BACKWARD_WEIGHT;
  op->dim[DIM_REPS] = reps;
  op->dim[DIM_M] = weight ? k : m;
  op->dim[DIM_N] = data ? k : n;
  op->dim[DIM_K] = weight ? m : data ? n : k;
  op->phase = data || (weight && !op->weighted) ? PHASE_BACKWARD_DATA : weight ? PHASE_BACKWARD_WEIGHT : PHASE_FORWARD;
  op->weighted = op->weighted && !weight;
  const uint64_t second_bytes = bytes_of(op, reps, op->dim[DIM_K], op->dim[DIM_N]);
  op->in_bytes = bytes_of(op, reps, op->dim[DIM_M], op->dim[DIM_K]);
  op->weight_bytes = op->weighted ? second_bytes : 0;
  if (!op->weighted) op->in_bytes = sat_add(op->in_bytes, second_bytes);
  op->out_bytes = bytes_of(op, reps, op->dim[DIM_M], op->dim[DIM_N]);
}

/* Rows and columns that the share reads, without padding. */
static void share_convolution(struct op *op, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS],
                              bool depthwise) {
  const uint64_t stride = op->dim[DIM_STRIDE];
  op->dim[DIM_IMAGES] = local[SHARDING_B];
  op->dim[DIM_OUT_CHANNELS] = local[SHARDING_COUT];
  op->dim[DIM_IN_CHANNELS] = depthwise ? local[SHARDING_COUT] : local[SHARDING_CIN];
  op->dim[DIM_GROUPS] = depthwise ? local[SHARDING_COUT] : 1;
  op->dim[DIM_FILTER_HEIGHT] = local[SHARDING_KH], op->dim[DIM_FILTER_WIDTH] = local[SHARDING_KW];
  op->dim[DIM_IN_HEIGHT] = (local[SHARDING_H] - 1) * stride + local[SHARDING_KH];
  op->dim[DIM_IN_WIDTH] = (local[SHARDING_W] - 1) * stride + local[SHARDING_KW];
  op->dim[DIM_PAD_HEIGHT] = op->dim[DIM_PAD_WIDTH] = 0;
  const uint64_t in =
      bytes_of(op, local[SHARDING_B], op->dim[DIM_IN_CHANNELS], sat_mul(op->dim[DIM_IN_HEIGHT], op->dim[DIM_IN_WIDTH]));
  const uint64_t out =
      bytes_of(op, local[SHARDING_B], local[SHARDING_COUT], sat_mul(local[SHARDING_H], local[SHARDING_W]));
  const uint64_t weights = bytes_of(op, local[SHARDING_COUT], depthwise ? 1 : local[SHARDING_CIN],
                                    sat_mul(local[SHARDING_KH], local[SHARDING_KW]));
  op->phase = pass == SHARDING_BACKWARD_DATA     ? PHASE_BACKWARD_DATA
              : pass == SHARDING_BACKWARD_WEIGHT ? PHASE_BACKWARD_WEIGHT
                                                 : PHASE_FORWARD;
  op->in_bytes = pass == SHARDING_FORWARD ? in : pass == SHARDING_BACKWARD_DATA ? out : sat_add(in, out);
  op->weight_bytes = pass == SHARDING_BACKWARD_WEIGHT ? 0 : weights;
  op->out_bytes = pass == SHARDING_FORWARD ? out : pass == SHARDING_BACKWARD_DATA ? in : weights;
}

static uint64_t scaled(uint64_t value, double share) {
  return value > 0 ? max_u64(1, (uint64_t)ceil((double)value * share * (1 - 0x1p-40))) : 0;
}

/* `share`: of the elements of the layer's output. `row_share`: of a row's. */
static void share_elements(struct op *op, uint64_t backward_in_bytes, bool backward, double share, double row_share) {
  static const unsigned counts[] = {DIM_ELEMENTS, DIM_X_ELEMENTS, DIM_Y_ELEMENTS, DIM_INSIDE};
  const uint64_t forward_in_bytes = op->in_bytes;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) op->dim[counts[i]] = scaled(op->dim[counts[i]], share);
  op->dim[DIM_ROW] = scaled(op->dim[DIM_ROW], row_share);
  op->phase = backward ? PHASE_BACKWARD_DATA : PHASE_FORWARD;
  op->in_bytes = scaled(backward ? backward_in_bytes : forward_in_bytes, share);
  op->out_bytes = scaled(backward ? forward_in_bytes : op->out_bytes, share);
  op->weight_bytes = scaled(op->weight_bytes, row_share);
}

/* --- prices ---------------------------------------------------------------------------------------------------------
 */

/* On the best number of cores. */
static double cycles_of(const struct shard_prices *prices, const struct op *op) {
  unsigned classes = prices->provider->op_classes(&prices->machine, op, NULL);
  if (classes == 0) return 0;
  uint32_t most = UINT32_MAX;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if (classes & 1U << c && prices->n_cores[c] < most) most = prices->n_cores[c];
  }
  if (prices->rules.schedule->spread == SPREAD_OFF) most = 1;
  const bool lanes_only = classes == 1U << CORE_VECTOR && op_kinds[op->kind].class == CLASS_VECTOR;
  const struct digest digest = cost_op_digest(op, NULL);
  uint64_t least = UINT64_MAX;
  for (uint64_t n = 1; n <= most; n *= 2) {
    const struct cost_key key = {digest, lanes_only ? prices->lanes_only : prices->full, n};
    const struct op_cost *known = cost_cache_find(prices->cache, &key);
    struct op_cost cost = {0};
    if (known == NULL) {
      prices->provider->op_cost(&prices->machine, op, NULL, n, &cost);
      cost_cache_keep(prices->cache, &key, &cost);
    }
    least = min_u64(least, known != NULL ? known->cycles : cost.cycles);
  }
  return least == UINT64_MAX ? INFINITY : (double)least + prices->overhead_cycles;
}

/* An operator as the graph has it, of which nothing runs along. */
static struct op alone(const struct op_graph *graph, uint32_t i) {
  struct op op = graph->ops[i];
  op.first_follower = op.n_followers = 0;
  return op;
}

static double elements_of(const uint64_t size[SHARDING_N_DIMS]) {
  return (double)size[SHARDING_COUT] * (double)size[SHARDING_H] * (double)size[SHARDING_W] * (double)size[SHARDING_B];
}

double shard_price(void *context, uint32_t layer, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS],
                   uint32_t p) {
  const struct shard_prices *prices = context;
  const struct sharding_network *network = prices->rules.network;
  const struct sharding_layer *of = &network->layers[layer];
  const struct sharding_kind *kind = &sharding_kinds[of->kind];
  const double share = elements_of(local) / elements_of(of->size);
  const double row_share = (double)local[SHARDING_COUT] / (double)of->size[SHARDING_COUT];
  (void)p;
  if (pass == SHARDING_EPILOGUE || pass == SHARDING_BACKWARD_EPILOGUE) {
    double cycles = 0;
    for (uint32_t j = prices->fused_start[layer]; j < prices->fused_start[layer + 1]; j++) {
      struct op op = alone(network->graph, prices->fused[j]);
      share_elements(&op, rules_backward_in_bytes(network->graph, prices->fused[j]), pass != SHARDING_EPILOGUE, share,
                     row_share);
      cycles += cycles_of(prices, &op);
    }
    return cycles;
  }
  struct op op = alone(network->graph, network->op_of[layer]);
  if (op_kinds[op.kind].family == FAMILY_GEMM)
    share_product(&op, pass, local);
  else if (op_kinds[op.kind].family == FAMILY_CONV)
    share_convolution(&op, pass, local, kind->channels_tied);
  else
    share_elements(&op, rules_backward_in_bytes(network->graph, network->op_of[layer]), pass != SHARDING_FORWARD, share,
                   row_share);
  return cycles_of(prices, &op);
}
