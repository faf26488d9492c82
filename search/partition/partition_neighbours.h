/* Where climbing is stuck, is there something better within a few chips? Their groups are placed anew, exactly.
 * (partition §10, large neighbourhoods.) */
#ifndef SEARCH_PARTITION_PARTITION_NEIGHBOURS_H
#define SEARCH_PARTITION_PARTITION_NEIGHBOURS_H

#include "search/partition/partition_exact.h"

struct partition_neighbours {
  const struct partition_graph *graph;
  struct partition_limits limits; /* of one neighbourhood; pairs 0: there are none */
  struct partition_work *work;
  double *load_ms; /* [C] */
  uint32_t *trial; /* [n] */
};
void partition_neighbours_init(struct partition_neighbours *neighbours, const struct partition_graph *graph,
                               const struct partition_limits *limits, struct arena *arena);
/* Runs of 2 to 4 chips with the most loaded one among them, as long as that helps; at most `most` searches, and none
 * after the request was interrupted. chip[n] with its period gets better. How many searches there were. */
uint64_t partition_neighbours_improve(struct partition_neighbours *neighbours, uint32_t *chip, double *value,
                                      uint64_t most, const struct partition_request *request);

#endif
