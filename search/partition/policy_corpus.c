/* See policy_corpus.h. */
#include "search/partition/policy_corpus.h"

#include "base/num.h"
#include "base/rng.h"
#include "search/partition/partition_algorithm.h"
#include <string.h>

static const double compute_sigma = 1.2, out_sigma = 1.0;
static const double least_traffic = 0.02, most_traffic = 2; /* transfers over compute */
static const double weight_bytes = 4e6, out_bytes = 1e5;    /* medians; only their ratios matter */
static const double link_bytes_per_s = 34359738368.0;       /* 32 GiB/s */
enum { MASK_IN = 10, EDGES_A_NODE = 4 };

const char *const policy_family_names[POLICY_N_FAMILIES] = {"chain", "residual", "branches", "long-skips", "attention"};
const uint32_t policy_corpus_chips[POLICY_N_CHIPS] = {2, 4, 8, 16, 36};

struct growing {
  struct rng rng;
  size_t n, n_edges, most, edge_room;
  struct partition_edge *edges;
};

static uint32_t below(struct growing *g, uint32_t bound) { return (uint32_t)rng_below(&g->rng, bound); }

static void join(struct growing *g, uint32_t from, uint32_t to) {
  REQUIRE(g->n_edges < g->edge_room);
  g->edges[g->n_edges++] = (struct partition_edge){from, to};
}

/* A new node behind `from`. */
static uint32_t behind(struct growing *g, uint32_t from) {
  const uint32_t node = (uint32_t)g->n++;
  join(g, from, node);
  return node;
}
static uint32_t line(struct growing *g, uint32_t from, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) from = behind(g, from);
  return from;
}
static bool has_room(const struct growing *g, size_t n) { return g->n + n <= g->most; }

/* --- families -------------------------------------------------------------------------------------------------------
 */

static void grow_chain(struct growing *g) { line(g, 0, (uint32_t)(g->most - 1)); }

static void grow_residual(struct growing *g) {
  const uint32_t length = 2 + below(g, 4);
  for (uint32_t at = 0; has_room(g, length + 1);) {
    const uint32_t end = behind(g, line(g, at, length));
    join(g, at, end);
    at = end;
  }
}

static void grow_branches(struct growing *g) {
  enum { BRANCHES = 5, LENGTH = 4 };
  for (uint32_t at = 0; has_room(g, BRANCHES * LENGTH + 1);) {
    uint32_t ends[BRANCHES];
    const uint32_t n = 2 + below(g, BRANCHES - 1);
    for (uint32_t b = 0; b < n; b++) ends[b] = line(g, at, 1 + below(g, LENGTH));
    at = behind(g, ends[0]);
    for (uint32_t b = 1; b < n; b++) join(g, ends[b], at);
  }
}

static void grow_long_skips(struct growing *g) {
  enum { MOST_DEPTH = 8 };
  uint32_t skips[MOST_DEPTH], at = 0;
  const uint32_t depth = 2 + below(g, MOST_DEPTH - 1);
  uint32_t length = (uint32_t)(g->most / (2 * depth + 1));
  length = length < 2 ? 1 : length - 1;
  for (uint32_t i = 0; i < depth; i++) at = skips[i] = line(g, at, length);
  at = line(g, at, length);
  for (uint32_t i = depth; i-- > 0;) {
    const uint32_t joined = behind(g, at);
    join(g, skips[i], joined);
    at = line(g, joined, length);
  }
}

static void grow_attention(struct growing *g) {
  enum { MOST_HEADS = 4, BLOCK = 5 * MOST_HEADS + 8 };
  const uint32_t heads = 1 + below(g, MOST_HEADS);
  const bool normed = below(g, 2) == 0;
  for (uint32_t at = 0; has_room(g, BLOCK);) {
    const uint32_t x = normed ? behind(g, at) : at;
    uint32_t out[MOST_HEADS];
    for (uint32_t h = 0; h < heads; h++) {
      const uint32_t query = behind(g, x), key = behind(g, x), value = behind(g, x);
      const uint32_t scores = behind(g, query);
      join(g, key, scores);
      out[h] = behind(g, scores);
      join(g, value, out[h]);
    }
    const uint32_t mixed = behind(g, out[0]);
    for (uint32_t h = 1; h < heads; h++) join(g, out[h], mixed);
    const uint32_t added = behind(g, mixed);
    join(g, at, added);
    const uint32_t end = behind(g, line(g, added, normed ? 4 : 3));
    join(g, added, end);
    at = end;
  }
}

static void (*const grow[POLICY_N_FAMILIES])(struct growing *) = {grow_chain, grow_residual, grow_branches,
                                                                  grow_long_skips, grow_attention};

/* One more node, without work, that every so many read. */
static uint32_t add_mask(struct growing *g) {
  const uint32_t mask = (uint32_t)g->n++, every = 2 + below(g, 12);
  for (uint32_t v = every; v < mask; v += every) join(g, mask, v);
  return mask;
}

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

/* exp(sigma x), x of a standard normal distribution as far as twelve uniform numbers give one. */
static double log_normal(struct rng *rng, double sigma) {
  double x = -6;
  for (int i = 0; i < 12; i++) x += rng_unit(rng);
  return num_exp(sigma * x);
}

static void fill_nodes(struct growing *g, struct arena *arena, uint32_t mask, struct partition_problem *problem) {
  const size_t n = g->n;
  const char **const names = ARENA_NEW(arena, const char *, n);
  double *const compute_ms = ARENA_NEW(arena, double, n), total_ms = 0, total_out = 0;
  uint64_t *const weights = ARENA_NEW(arena, uint64_t, n), *const out_bits = ARENA_NEW(arena, uint64_t, n);
  uint32_t *const colocate = ARENA_NEW(arena, uint32_t, n);
  bool *const cloneable = ARENA_NEW(arena, bool, n), *const feeds = ARENA_NEW(arena, bool, n);
  double *const out = ARENA_NEW(arena, double, n);
  for (size_t e = 0; e < g->n_edges; e++) feeds[g->edges[e].from] = true;
  for (size_t v = 0; v < n; v++) {
    names[v] = "";
    colocate[v] = PARTITION_NONE;
    compute_ms[v] = v == mask ? 0 : log_normal(&g->rng, compute_sigma);
    weights[v] = v == mask ? 0 : (uint64_t)(weight_bytes * log_normal(&g->rng, compute_sigma));
    out[v] = out_bytes * log_normal(&g->rng, out_sigma);
    total_ms += compute_ms[v];
    if (feeds[v]) total_out += out[v];
  }
  const double traffic = least_traffic * num_pow(most_traffic / least_traffic, rng_unit(&g->rng));
  const double scale = traffic * total_ms / (1000 * total_out / link_bytes_per_s);
  for (size_t v = 0; v < n; v++) out_bits[v] = (uint64_t)(8 * out[v] * scale) + 1;
  problem->n_nodes = n;
  problem->n_edges = g->n_edges;
  problem->node_names = names;
  problem->compute_ms = compute_ms;
  problem->weight_bytes = weights;
  problem->out_bits = out_bits;
  problem->colocate = colocate;
  problem->cloneable = cloneable;
  problem->edges = g->edges;
}

enum policy_family policy_corpus_family(uint64_t number) { return (enum policy_family)(number % POLICY_N_FAMILIES); }

void policy_corpus_draw(uint64_t seed, uint64_t number, struct arena *arena, struct partition_problem *problem) {
  const enum policy_family family = policy_corpus_family(number);
  const uint64_t turn = number / POLICY_N_FAMILIES;
  struct growing g = {.rng = rng_stream(seed, RNG_PARTITION, number, (uint64_t)PARTITION_STREAM_CORPUS << 32), .n = 1};
  g.most = POLICY_LEAST_NODES + (size_t)rng_below(&g.rng, POLICY_MOST_NODES - POLICY_LEAST_NODES);
  g.edge_room = EDGES_A_NODE * (g.most + 1);
  g.edges = ARENA_NEW(arena, struct partition_edge, g.edge_room);
  grow[family](&g);
  line(&g, (uint32_t)g.n - 1, g.n < POLICY_LEAST_NODES ? (uint32_t)(POLICY_LEAST_NODES - g.n) : 0);
  const uint32_t mask = below(&g, MASK_IN) == 0 ? add_mask(&g) : PARTITION_NONE;
  /* Of eight graphs, one may cut by path, one pays for each chip that a tensor enters. */
  *problem = (struct partition_problem){
      .name = arena_printf(arena, "%s-%llu", policy_family_names[family], (unsigned long long)number),
      .n_chips = policy_corpus_chips[turn % POLICY_N_CHIPS],
      .link_bytes_per_s = (uint64_t)link_bytes_per_s,
      .cost = turn % 8 == 5 ? PARTITION_P2P : PARTITION_RING,
      .triangle = turn % 8 == 2 ? PARTITION_PATH : PARTITION_ANY};
  fill_nodes(&g, arena, mask, problem);
}

void policy_corpus_digest(const struct partition_problem *problem, struct digest_stream *stream) {
  digest_add_u64(stream, problem->n_chips);
  digest_add_u64(stream, problem->link_bytes_per_s);
  digest_add_u64(stream, problem->memory_bytes);
  digest_add_u64(stream, (uint64_t)problem->cost << 8 | (uint64_t)problem->triangle << 4 | problem->clone);
  digest_add_u64(stream, problem->n_nodes);
  for (size_t v = 0; v < problem->n_nodes; v++) {
    digest_add_double(stream, problem->compute_ms[v]);
    digest_add_u64(stream, problem->weight_bytes[v]);
    digest_add_u64(stream, problem->out_bits[v]);
    digest_add_u64(stream, (uint64_t)problem->colocate[v] << 1 | problem->cloneable[v]);
  }
  digest_add_u64(stream, problem->n_edges);
  for (size_t e = 0; e < problem->n_edges; e++) {
    digest_add_u64(stream, (uint64_t)problem->edges[e].from << 32 | problem->edges[e].to);
  }
  digest_add_u64(stream, problem->n_drops);
  for (size_t e = 0; e < problem->n_drops; e++) {
    digest_add_u64(stream, (uint64_t)problem->drops[e].from << 32 | problem->drops[e].to);
  }
}
