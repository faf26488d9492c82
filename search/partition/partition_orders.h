/* In which orders can the groups be sliced? Topological orders by key, by how much stays alive, last come first taken;
 * each along the arcs or, reversed, against them. */
#ifndef SEARCH_PARTITION_PARTITION_ORDERS_H
#define SEARCH_PARTITION_PARTITION_ORDERS_H

#include "search/partition/partition_slicing.h"

enum { PARTITION_N_FIXED_ORDERS = 12 };
/* The i-th of the fixed orders; O(n log n). */
void partition_fixed_order(const struct partition_graph *graph, size_t i, struct arena *scratch, uint32_t *order);
/* Groups by chip, within a chip as they are in `base` (topological): an order whose slices are no worse than chip[n].
 */
void partition_order_by_chip(const struct partition_graph *graph, const uint32_t *base, const uint32_t *chip,
                             struct arena *scratch, uint32_t *order);

#endif
