/* What do baselines share: sets made by a rule, strategies chosen layer by layer. */
#ifndef SEARCH_SHARDING_SHARDING_RULES_H
#define SEARCH_SHARDING_SHARDING_RULES_H

#include "search/sharding/sharding_algorithm.h"

/* Boards by group, then number; boards of a system that is not adaptive by design first, the design with most boards
 * first: *n of the first design (adaptive: all boards). */
uint32_t *sharding_sorted_boards(const struct sharding_problem *problem, struct arena *arena, uint32_t *n);
/* Legal strategies without a shared shard that split... */
struct sharding_strategy sharding_two_longest(const struct sharding_problem *problem, uint32_t layer, uint32_t p,
                                              struct arena *scratch);
/* ... this loop alone if that is legal, else the two longest. */
struct sharding_strategy sharding_one_loop(const struct sharding_problem *problem, uint32_t layer, uint32_t p,
                                           enum sharding_dim dim, struct arena *scratch);
/* One set of all boards (that share a design), each layer split on `dim`, the best design of all. */
void sharding_run_one_set(const struct sharding_request *request, enum sharding_dim dim,
                          struct sharding_result *result);
/* Tries the answer with each design for all sets (boards of a system that is not adaptive: with their own). */
void sharding_try_designs(struct sharding_meter *meter, struct sharding_answer *answer);

#endif
