/* Which strategies are best for a range of layers on one set? (sharding §5, level 2.) Exact: shortest path on chains,
 * elimination on graphs of small width; see sharding_level2.c. */
#ifndef SEARCH_SHARDING_SHARDING_LEVEL2_H
#define SEARCH_SHARDING_SHARDING_LEVEL2_H

#include "search/sharding/sharding.h"

/* Boards of a set by what counts: so many, on a ring of this bandwidth. Memory by the smallest board. */
struct sharding_shape {
  uint32_t p;
  double bandwidth;
  uint64_t dram_bytes;
};
/* Tables of costs by (layer, strategy) and (edge, strategy, strategy) of a shape and design, made when first wanted. */
struct sharding_tables;
struct sharding_tables *sharding_tables_new(const struct sharding_problem *problem, struct sharding_shape shape,
                                            uint32_t design, struct arena *arena);
/* Tables of one problem share what they have in common: strategies and bytes by number of boards. */
struct sharding_store;
struct sharding_store *sharding_store_new(const struct sharding_problem *problem, struct arena *arena);
struct sharding_tables *sharding_store_tables(struct sharding_store *store, struct sharding_shape shape,
                                              uint32_t design);
struct sharding_range {
  uint32_t first, last; /* places in the topological order */
  /* What comes from outside: nothing is there of it (have = empty). inter: of the slowest link that brings it;
   * INFINITY: does not count. host: of inputs without a producer. */
  double inbound_bytes_per_s;
};
struct sharding_level2 {
  double value_s; /* from the set's start to its last end, inputs of the range loaded first; INFINITY: no memory */
  double bound_s; /* value if proven */
  bool proven;
  struct sharding_strategy *strategies; /* [last - first + 1] by place */
};
void sharding_level2_solve(struct sharding_tables *tables, const struct sharding_range *range, struct arena *scratch,
                           struct arena *arena, struct sharding_level2 *result);
/* The same value for given strategies, legal ones, by place from range->first on; memory is not looked at. */
double sharding_level2_value(struct sharding_tables *tables, const struct sharding_range *range,
                             const struct sharding_strategy *strategies, struct arena *scratch);
/* Chains: best[last - first] for every last from `first` on, in one pass: value and bound at once (memory aside). */
void sharding_level2_forward(struct sharding_tables *tables, uint32_t first, double inbound_bytes_per_s,
                             struct arena *scratch, double *best_s);

#endif
