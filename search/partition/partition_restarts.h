/* How is a budget of samples climbed with? Tasks of equal size in rounds, shared over ranks; between rounds some go on
 * from the best of all. The same bytes on any number of ranks. */
#ifndef SEARCH_PARTITION_PARTITION_RESTARTS_H
#define SEARCH_PARTITION_PARTITION_RESTARTS_H

#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_exact.h"

struct partition_restarts {
  uint64_t tasks;        /* most of a round */
  uint64_t samples_each; /* of a task in a round; there are as many rounds as samples allow */
  uint64_t samples;      /* of all together; what the meter has left if that is less */
  uint64_t first_round;  /* number of the first round among all of a run: its random numbers */
  double enough;         /* a value at which to stop */
  /* Neighbourhoods solved exactly where a climb gets stuck; limits.pairs 0: none. */
  struct partition_limits limits;
};
/* From the meter's answer and the fixed orders; the best goes to the meter's result. The number of the next round. */
uint64_t partition_restarts_run(struct partition_meter *meter, const struct partition_restarts *restarts);
/* Slicing of the fixed orders, a sample each, as far as the meter allows. */
void partition_try_fixed_orders(struct partition_meter *meter);

#endif
