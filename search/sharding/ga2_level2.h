/* Level 2 of the two-level genetic algorithm: strategies of a range's layers on one set. Private to ga2. */
#ifndef SEARCH_SHARDING_GA2_LEVEL2_H
#define SEARCH_SHARDING_GA2_LEVEL2_H

#include "base/rng.h"
#include "search/sharding/sharding_algorithm.h"
#include "search/sharding/sharding_level2.h"

struct ga2_settings {
  uint64_t population, patience, inner_population, inner_patience;
  double elite, parents, crossover, mutation;
};
/* How many of a population, at least `least`. */
size_t ga2_share(size_t population, double share, size_t least);
/* Two different of the n best. */
void ga2_pick(struct rng *rng, size_t n, size_t pick[2]);

/* Which range on which set: what level 2 sees. */
struct ga2_key {
  uint32_t first, last; /* places */
  uint32_t design;
  struct sharding_shape shape;
  double inbound_bytes_per_s;
};
/* Answers of level 2, kept by key. */
struct ga2_cache;
struct ga2_cache *ga2_cache_new(const struct sharding_request *request, const struct ga2_settings *settings);
/* The best strategies that a search of its own finds, from the first layer's on; by place. In the request's arena. */
const struct sharding_strategy *ga2_strategies(struct ga2_cache *cache, const struct ga2_key *key);

#endif
