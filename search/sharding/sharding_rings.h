/* How fast can a ring of so many boards be at best, and how fast can two sets of so many reach each other? Private to
 * bounds and searches on systems whose sets are too many to list. */
#ifndef SEARCH_SHARDING_SHARDING_RINGS_H
#define SEARCH_SHARDING_SHARDING_RINGS_H

#include "search/sharding/sharding.h"

struct sharding_rings {
  uint32_t n;              /* of boards to choose from */
  double *bandwidth;       /* [n + 1] by number of boards: no ring is faster; INFINITY: one board */
  const uint32_t **boards; /* [n + 1] so many, in an answer's order; few: their ring is as fast as that */
};
/* boards: in an answer's order; of up to `most` of them at once. */
void sharding_rings_make(const struct sharding_problem *problem, const uint32_t *boards, uint32_t n, uint32_t most,
                         struct arena *arena, struct sharding_rings *rings);
/* rate[(x - 1) * n_boards + y - 1]: from a set of x boards no set of y others is reached faster; x + y <= n_boards. */
const double *sharding_rates_make(const struct sharding_problem *problem, struct arena *arena);

#endif
