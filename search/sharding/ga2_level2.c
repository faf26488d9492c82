/* Level 2 of the two-level genetic algorithm: which strategies of a range's layers on one set? (sharding §5; encoding,
 * operators and rates are a reconstruction.)
 *
 * A gene a layer: the number of its strategy. Seeds: the two longest loops, all output channels, all columns, and each
 * layer as the one before it, for every other of the first generation, from one strategy of the first layer each. What
 * takes more memory than a board has is worse than all that fits, by how much it lacks. A search depends on nothing but
 * its key and the seed. */
#include "search/sharding/ga2_level2.h"

#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"
#include "search/sharding/sharding_rules.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = 1 << 12 };

struct found {
  struct ga2_key key;
  const struct sharding_strategy *strategies;
  struct found *next;
};
struct ga2_cache {
  const struct sharding_request *request;
  const struct ga2_settings *settings;
  struct sharding_store *store;
  struct found *bucket[N_BUCKETS];
};

size_t ga2_share(size_t population, double share, size_t least) {
  const size_t n = (size_t)((double)population * share);
  return n > population ? population : n < least ? least : n;
}

void ga2_pick(struct rng *rng, size_t n, size_t pick[2]) {
  pick[0] = (size_t)rng_below(rng, n);
  pick[1] = (size_t)rng_below(rng, n > 1 ? n - 1 : 1);
  if (n > 1 && pick[1] >= pick[0]) pick[1]++;
}

/* --- one search -----------------------------------------------------------------------------------------------------
 */

struct inner {
  const struct ga2_cache *cache;
  const struct level2_plan *plan;
  bool tight; /* some choices do not fit */
  size_t n, n_population, n_elites, n_parents;
  uint16_t *genes, *children; /* [n_population * n] */
  double *value, *child_value;
  struct ranked {
    double value;
    size_t at;
  } * ranked;
};

static const uint16_t *genes_of(const struct inner *inner, size_t i) { return inner->genes + i * inner->n; }

/* Of the fullest board. */
static uint64_t bytes_of(const struct inner *inner, const uint16_t *choice, struct arena *scratch) {
  const struct level2_plan *plan = inner->plan;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint64_t *live = ARENA_NEW(scratch, uint64_t, plan->n), lasting = 0, most = 0;
  const bool training = plan->tables->store->problem->training;
  for (uint32_t i = 0; i < plan->n; i++) {
    const struct level2_layer *row = &plan->layers[i];
    lasting = sat_add(lasting, row->lasting_bytes[choice[i]]);
    live[i] = sat_add(live[i], row->io_bytes[choice[i]]);
    for (uint32_t t = i + 1; !training && t < row->last_reader; t++) {
      live[t] = sat_add(live[t], row->output_bytes[choice[i]]);
    }
    most = max_u64(most, live[i]);
  }
  arena_rewind(scratch, mark);
  return sat_add(lasting, most);
}

/* Would the largest choice of each layer fit? */
static bool is_tight(const struct level2_plan *plan) {
  uint64_t all = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    const struct level2_layer *row = &plan->layers[i];
    uint64_t most = 0;
    for (uint32_t s = 0; s < row->n; s++) most = max_u64(most, sat_add(row->lasting_bytes[s], row->io_bytes[s]));
    all = sat_add(all, most);
  }
  return all > plan->tables->shape.dram_bytes;
}

static double value_of(const struct inner *inner, const uint16_t *choice) {
  static const double misfit = 1e30; /* beyond any latency */
  struct arena *scratch = inner->cache->request->scratch;
  if (inner->tight) {
    const uint64_t bytes = bytes_of(inner, choice, scratch), room = inner->plan->tables->shape.dram_bytes;
    if (bytes > room) return misfit * (1 + (double)(bytes - room) / (double)max_u64(room, 1));
  }
  return level2_plan_value(inner->plan, choice, scratch);
}

static bool is_same(const struct sharding_strategy *a, const struct sharding_strategy *b) {
  return memcmp(a->factor, b->factor, sizeof a->factor) == 0 && a->shared == b->shared;
}

/* Its number among the layer's; the first if it is none of them. */
static uint16_t number_of(const struct inner *inner, uint32_t layer, const struct sharding_strategy *strategy,
                          bool *there) {
  const struct sharding_bytes *bytes = inner->plan->tables->bytes;
  for (uint32_t s = 0; s < bytes->n[layer]; s++) {
    if (is_same(&bytes->list[layer][s], strategy)) return (uint16_t)s;
  }
  *there = false;
  return 0;
}

enum { SEED_LONGEST, SEED_COUT, SEED_W, N_RULES };

static void seed(const struct inner *inner, int which, uint16_t *genes) {
  const struct sharding_problem *problem = inner->cache->request->problem;
  struct arena *scratch = inner->cache->request->scratch;
  const uint32_t p = inner->plan->tables->shape.p;
  for (uint32_t i = 0; i < inner->n; i++) {
    const uint32_t layer = inner->plan->layers[i].layer;
    const struct sharding_strategy strategy =
        which == SEED_LONGEST
            ? sharding_two_longest(problem, layer, p, scratch)
            : sharding_one_loop(problem, layer, p, which == SEED_W ? SHARDING_W : SHARDING_COUT, scratch);
    bool there = true;
    genes[i] = number_of(inner, layer, &strategy, &there);
  }
}

/* Each layer as the one before it, where that is legal; else its cheapest. */
static void seed_copies(const struct inner *inner, size_t which, uint16_t *genes) {
  genes[0] = (uint16_t)(which % inner->plan->layers[0].n);
  for (uint32_t i = 1; i < inner->n; i++) {
    const struct level2_layer *row = &inner->plan->layers[i];
    const struct sharding_strategy *before =
        &inner->plan->tables->bytes->list[inner->plan->layers[i - 1].layer][genes[i - 1]];
    bool there = true;
    genes[i] = number_of(inner, row->layer, before, &there);
    for (uint32_t s = 0; !there && s < row->n; s++) {
      if (row->cost_s[s] < row->cost_s[genes[i]]) genes[i] = (uint16_t)s;
    }
  }
}

static int by_value(const void *a, const void *b) {
  const struct ranked *x = a, *y = b;
  if (x->value < y->value || x->value > y->value) return x->value < y->value ? -1 : 1;
  return (x->at > y->at) - (x->at < y->at);
}

static void rank(struct inner *inner) {
  for (size_t i = 0; i < inner->n_population; i++) inner->ranked[i] = (struct ranked){inner->value[i], i};
  qsort(inner->ranked, inner->n_population, sizeof *inner->ranked, by_value);
}

static void breed(const struct inner *inner, struct rng *rng, uint16_t *child) {
  const struct ga2_settings *settings = inner->cache->settings;
  size_t pick[2];
  ga2_pick(rng, inner->n_parents, pick);
  const uint16_t *one = genes_of(inner, inner->ranked[pick[0]].at), *other = genes_of(inner, inner->ranked[pick[1]].at);
  memcpy(child, one, inner->n * sizeof *child);
  if (rng_unit(rng) < settings->crossover) {
    const bool uniform = rng_below(rng, 2) == 0;
    const size_t point = (size_t)rng_below(rng, inner->n);
    uint64_t bits = 0;
    for (size_t i = 0; i < inner->n; i++) {
      if (i % 64 == 0) bits = rng_next(rng);
      if (uniform ? (bits >> (i % 64) & 1) != 0 : i > point) child[i] = other[i];
    }
  }
  for (size_t i = 0; i < inner->n; i++) {
    if (rng_unit(rng) < settings->mutation) child[i] = (uint16_t)rng_below(rng, inner->plan->layers[i].n);
  }
  const size_t bytes = inner->n * sizeof *child;
  if (memcmp(child, one, bytes) != 0 && memcmp(child, other, bytes) != 0) return;
  /* A copy would only be counted twice: short lists see few mutations at so much a gene. */
  for (int times = 0; times < 2; times++) {
    const size_t i = (size_t)rng_below(rng, inner->n);
    child[i] = (uint16_t)rng_below(rng, inner->plan->layers[i].n);
  }
}

static void next_generation(struct inner *inner, struct rng *rng) {
  for (size_t i = 0; i < inner->n_population; i++) {
    uint16_t *child = inner->children + i * inner->n;
    if (i < inner->n_elites) {
      memcpy(child, genes_of(inner, inner->ranked[i].at), inner->n * sizeof *child);
      inner->child_value[i] = inner->ranked[i].value;
      continue;
    }
    breed(inner, rng, child);
    inner->child_value[i] = value_of(inner, child);
  }
  uint16_t *const genes = inner->genes;
  double *const value = inner->value;
  inner->genes = inner->children, inner->children = genes;
  inner->value = inner->child_value, inner->child_value = value;
  rank(inner);
}

static bool is_stopped(const struct sharding_request *request) {
  return request->interrupted != NULL && request->interrupted(request->context);
}

/* The best of a population that stands still for `patience` generations. */
static const uint16_t *search(struct inner *inner, uint64_t patience, struct rng rng) {
  for (size_t i = 0; i < inner->n_population; i++) {
    uint16_t *genes = inner->genes + i * inner->n;
    for (size_t g = 0; g < inner->n; g++) genes[g] = (uint16_t)rng_below(&rng, inner->plan->layers[g].n);
    if (i < N_RULES) seed(inner, (int)i, genes);
    if (i >= N_RULES && i % 2 == 0) seed_copies(inner, i / 2 - N_RULES / 2 - 1, genes);
    inner->value[i] = value_of(inner, genes);
  }
  rank(inner);
  double best = inner->ranked[0].value;
  for (uint64_t idle = 0; idle < patience && !is_stopped(inner->cache->request); idle++) {
    next_generation(inner, &rng);
    if (inner->ranked[0].value < best) best = inner->ranked[0].value, idle = 0;
  }
  return genes_of(inner, inner->ranked[0].at);
}

/* --- the cache ------------------------------------------------------------------------------------------------------
 */

struct ga2_cache *ga2_cache_new(const struct sharding_request *request, const struct ga2_settings *settings) {
  struct ga2_cache *cache = ARENA_NEW(request->arena, struct ga2_cache, 1);
  *cache = (struct ga2_cache){.request = request, .settings = settings};
  cache->store = sharding_store_new(request->problem, request->arena);
  return cache;
}

static bool is_key(const struct ga2_key *a, const struct ga2_key *b) {
  return a->first == b->first && a->last == b->last && a->design == b->design && a->shape.p == b->shape.p &&
         a->shape.dram_bytes == b->shape.dram_bytes &&
         memcmp(&a->shape.bandwidth, &b->shape.bandwidth, sizeof a->shape.bandwidth) == 0 &&
         memcmp(&a->inbound_bytes_per_s, &b->inbound_bytes_per_s, sizeof a->inbound_bytes_per_s) == 0;
}

/* FNV-1a over what tells keys apart. */
static uint64_t hash_of(const struct ga2_key *key) {
  static const uint64_t basis = UINT64_C(14695981039346656037), prime = UINT64_C(1099511628211);
  uint64_t bits[] = {key->first, key->last, key->design, key->shape.p, key->shape.dram_bytes, 0, 0}, hash = basis;
  memcpy(&bits[5], &key->shape.bandwidth, sizeof bits[5]);
  memcpy(&bits[6], &key->inbound_bytes_per_s, sizeof bits[6]);
  for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
    for (unsigned byte = 0; byte < sizeof *bits; byte++) hash = (hash ^ (bits[i] >> (8 * byte) & 0xff)) * prime;
  }
  return hash;
}

static const struct sharding_strategy *solve(struct ga2_cache *cache, const struct ga2_key *key, uint64_t hash) {
  const struct sharding_request *request = cache->request;
  const struct ga2_settings *settings = cache->settings;
  const struct arena_mark mark = arena_get_mark(request->scratch);
  const struct level2_outside outside = {.inbound_bytes_per_s = key->inbound_bytes_per_s};
  struct level2_plan plan;
  level2_plan_make(sharding_store_tables(cache->store, key->shape, key->design), key->first, key->last, &outside,
                   request->scratch, &plan);
  const size_t n = plan.n, n_population = settings->inner_population;
  struct inner inner = {.cache = cache,
                        .plan = &plan,
                        .tight = is_tight(&plan),
                        .n = n,
                        .n_population = n_population,
                        .n_elites = ga2_share(n_population, settings->elite, 1),
                        .n_parents = ga2_share(n_population, settings->parents, 2),
                        .genes = ARENA_NEW(request->scratch, uint16_t, n_population * n),
                        .children = ARENA_NEW(request->scratch, uint16_t, n_population * n),
                        .value = ARENA_NEW(request->scratch, double, n_population),
                        .child_value = ARENA_NEW(request->scratch, double, n_population),
                        .ranked = ARENA_NEW(request->scratch, struct ranked, n_population)};
  const uint64_t task = (uint64_t)SHARDING_STREAM_GA2 << 32 | 1;
  const uint16_t *best = search(&inner, settings->inner_patience, rng_stream(request->seed, RNG_SHARDING, hash, task));
  struct sharding_strategy *strategies = ARENA_NEW(request->arena, struct sharding_strategy, n);
  for (size_t i = 0; i < n; i++) strategies[i] = plan.tables->bytes->list[plan.layers[i].layer][best[i]];
  arena_rewind(request->scratch, mark);
  return strategies;
}

const struct sharding_strategy *ga2_strategies(struct ga2_cache *cache, const struct ga2_key *key) {
  const uint64_t hash = hash_of(key);
  struct found **bucket = &cache->bucket[hash % N_BUCKETS];
  for (const struct found *f = *bucket; f != NULL; f = f->next) {
    if (is_key(&f->key, key)) return f->strategies;
  }
  struct found *fresh = ARENA_NEW(cache->request->arena, struct found, 1);
  *fresh = (struct found){*key, solve(cache, key, hash), *bucket};
  *bucket = fresh;
  return fresh->strategies;
}
