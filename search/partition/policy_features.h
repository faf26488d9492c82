/* What does the network know of a group? 16 numbers that mean the same in any graph. (partition §8.)
 *
 * log1p of compute, weights and output over their means, of both degrees; levels from both ends; shares of all compute
 * among ancestors and descendants; what crosses a link behind the group in two orders, in periods of an even split
 * (log1p); source, sink, cloneable; chips over 64; all transfers over all compute (log1p). */
#ifndef SEARCH_PARTITION_POLICY_FEATURES_H
#define SEARCH_PARTITION_POLICY_FEATURES_H

#include "search/partition/policy_net.h"

/* features [n × POLICY_FEATURES], in the arena. */
struct policy_view policy_view_of(const struct partition_graph *graph, struct arena *arena, struct arena *scratch);
/* For tests: sums of compute over all ancestors (or descendants) of each group, exact sets; sum [n]. */
void policy_reach_ms(const struct partition_graph *graph, bool descendants, struct arena *scratch, double *sum);
/* Takes the ready group that makes the least more wait on links, ties by number. */
void policy_least_growth_order(const struct partition_graph *graph, struct arena *scratch, uint32_t *order);
/* cut[n] by group: ms of tensors that wait when the group has run, in the order. */
void policy_cuts_ms(const struct partition_graph *graph, const uint32_t *order, struct arena *scratch, double *cut);

#endif
