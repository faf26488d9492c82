/* Re-sharded bytes of an edge for all pairs of strategies at once. */
#ifndef SEARCH_SHARDING_SHARDING_RESHARD_H
#define SEARCH_SHARDING_SHARDING_RESHARD_H

#include "search/sharding/sharding.h"

/* bytes[i * n_to + j]: sharding_reshard_bytes of from[i], to[j], both on the same p boards. */
void sharding_reshard_table(const struct sharding_problem *problem, uint32_t edge, uint32_t p,
                            const struct sharding_strategy *from, size_t n_from, const struct sharding_strategy *to,
                            size_t n_to, struct arena *scratch, uint64_t *bytes);
/* The same as far as some of the boards lack it: a bound where there are many. */
struct sharding_boards {
  uint32_t n;
  const uint32_t *which; /* [n] numbers in the set; NULL: the first n */
};
void sharding_reshard_some(const struct sharding_problem *problem, uint32_t edge, const struct sharding_boards *boards,
                           const struct sharding_strategy *from, size_t n_from, const struct sharding_strategy *to,
                           size_t n_to, struct arena *scratch, uint64_t *bytes);
/* With problem->reduce_scatter: the producer's partial sums need only be scattered, at half the all-reduce's time,
 * since its one reader on the same set needs of the sums just what a board is left with: pieces of the board's output
 * slice along Cout, H or W, dealt out by the board's place among those that sum. */
bool sharding_scatters(const struct sharding_problem *problem, uint32_t edge, uint32_t p,
                       const struct sharding_strategy *from, const struct sharding_strategy *to);

#endif
