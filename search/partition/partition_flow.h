/* What is the least that must be cut to part two nodes of a network? Maximum flow (Dinic, Soviet Math. Doklady 1970):
 * levels by breadth-first search from the sink, then blocking flows along them.
 *
 * Capacities are doubles ≥ 0, INFINITY among them. Every augmentation empties its narrowest arc exactly, so no
 * tolerance is needed to end; the value is right but for the rounding of the sums. Deterministic: arcs are tried in the
 * order in which they were added. */
#ifndef SEARCH_PARTITION_PARTITION_FLOW_H
#define SEARCH_PARTITION_PARTITION_FLOW_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct partition_flow;
/* Room for nodes 0 … n_nodes - 1 and max_arcs arcs. Nothing allocates later. */
struct partition_flow *partition_flow_new(size_t n_nodes, size_t max_arcs, struct arena *arena);
/* No arcs again, and nodes 0 … n_nodes - 1 of those that there is room for. */
void partition_flow_clear(struct partition_flow *flow, size_t n_nodes);
/* Inside the room, capacity ≥ 0. Arcs of capacity 0 and from a node to itself are left out. */
void partition_flow_arc(struct partition_flow *flow, uint32_t from, uint32_t to, double capacity);
/* Arcs that all runs from now on may look at; any number without it. A run that none are left for returns what flows so
 * far: at most the least cut. Sides say nothing then. */
void partition_flow_limit(struct partition_flow *flow, uint64_t steps);
/* The maximum flow = the least cut; INFINITY: they cannot be parted (partition_flow_side says nothing then). All arcs
 * are as new before it: it may run again, between others. */
double partition_flow_run(struct partition_flow *flow, uint32_t source, uint32_t sink);
/* After a run: what the arc that was added as the i-th (of those not left out) still lets through. */
double partition_flow_left(const struct partition_flow *flow, size_t i);
/* After a run: is the node on the source's side? The side is the smallest of the least cuts. */
bool partition_flow_side(const struct partition_flow *flow, uint32_t node);

#endif
