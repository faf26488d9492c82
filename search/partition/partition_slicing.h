/* What is the best partition along one order of the groups, and which order is good? (partition §10.) */
#ifndef SEARCH_PARTITION_PARTITION_SLICING_H
#define SEARCH_PARTITION_PARTITION_SLICING_H

#include "search/partition/partition_algorithm.h"

struct partition_slicer;
struct partition_slicer *partition_slicer_new(const struct partition_graph *graph, struct arena *arena);
/* The least period of consecutive pieces of order[n] (a topological order), by the problem's cost and rules; INFINITY:
 * none keeps them. chip NULL: the value alone. Stops early with INFINITY if nothing is below `better_than`. */
double partition_slice(struct partition_slicer *slicer, const uint32_t *order, double better_than, uint32_t *chip);
/* Topological order that takes the ready group of least key first; ties by number. */
void partition_order_by_key(const struct partition_graph *graph, const double *key, uint32_t *order,
                            struct arena *scratch);
/* Slicing of a dozen fixed orders: a start for everybody, deterministic. */
double partition_quick(const struct partition_graph *graph, struct arena *scratch, uint32_t *chip);

#endif
