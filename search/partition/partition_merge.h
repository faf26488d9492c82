/* What must share a chip if the period is to stay at T, whatever else is chosen? (partition §9, bisection.)
 *
 * A tensor that is cut costs its time on the producer's chip and on the chip of whoever reads it elsewhere: beside the
 * least compute that must lie there too this may be more than T already. Then both ends are one group, and what lies
 * between them as well; larger groups force more. The result is a partition_graph again, whose answers are answers of
 * the former one. */
#ifndef SEARCH_PARTITION_PARTITION_MERGE_H
#define SEARCH_PARTITION_PARTITION_MERGE_H

#include "search/partition/partition.h"

/* Classes by any number below n: class_of[n] (groups of equal number are merged, and then cycles among classes). In the
 * arena; `now_in` [n] gets each group's group in `merged`, whose members are as in any partition_graph but for the
 * blocker, which is PARTITION_NONE, and the topological order, which is some. */
void partition_merge(const struct partition_graph *graph, const uint32_t *class_of, struct arena *arena,
                     struct partition_graph *merged, uint32_t *now_in);
/* Everything that periods of at most T force, to the fixed point. False: nothing was forced, `merged` is a copy of the
 * struct and now_in the identity. */
bool partition_merge_at(const struct partition_graph *graph, double period_ms, struct arena *arena,
                        struct partition_graph *merged, uint32_t *now_in);

#endif
