/* What do layers take at least that wait for each other? For any number of boards and links. */
#ifndef SEARCH_SHARDING_SHARDING_PAIRS_H
#define SEARCH_SHARDING_SHARDING_PAIRS_H

#include "search/sharding/sharding.h"

double sharding_pairs_bound(const struct sharding_problem *problem, struct arena *scratch);

#endif
