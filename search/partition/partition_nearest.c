/* Which valid partition is nearest to a proposal, all groups weighed at once? With z[v][c] = "v is on chip c or later",
 * monotone and path are implications between two z, so the cheapest partition is a closure of least weight: one minimum
 * cut (Picard, Management Science 1976; partition §6). Whereas FIX depends on the order in which it keeps and drops. */
#include "search/partition/partition_flow.h"
#include "search/partition/partition_solver.h"

#include <math.h>

/* What an infinite cost is above the least of its group: more than all that any partition can save. */
static double forbidden_cost(const double *cost, size_t n, size_t n_chips) {
  double sum = 1;
  for (size_t v = 0; v < n; v++) {
    double least = INFINITY, most = -INFINITY;
    for (size_t c = 0; c < n_chips; c++) {
      const double one = cost[v * n_chips + c];
      if (!(one < INFINITY)) continue;
      least = fmin(least, one), most = fmax(most, one);
    }
    if (least <= most) sum += most - least;
  }
  return sum;
}

/* A group's costs without infinite ones. */
static void bound_costs(const double *cost, size_t n_chips, double forbidden, double *row) {
  double least = INFINITY;
  for (size_t c = 0; c < n_chips; c++) least = fmin(least, cost[c]);
  for (size_t c = 0; c < n_chips; c++) row[c] = cost[c] < INFINITY ? cost[c] : least < INFINITY ? least + forbidden : 0;
}

/* Implication: a closure with `if_so` has `then` too. */
static void imply(struct partition_flow *flow, uint32_t if_so, uint32_t then) {
  partition_flow_arc(flow, if_so, then, INFINITY);
}

/* Steps 2 … C of a group are nodes group × (C - 1) …; the last two nodes are source and sink. */
static void build(const struct partition_graph *graph, const double *cost, double *row, struct partition_flow *flow) {
  const uint32_t n_steps = graph->problem->n_chips - 1;
  const size_t n_chips = graph->problem->n_chips;
  const uint32_t source = (uint32_t)graph->n * n_steps, sink = source + 1;
  const bool path = graph->problem->triangle == PARTITION_PATH;
  const double forbidden = forbidden_cost(cost, graph->n, n_chips);
  for (uint32_t v = 0; v < graph->n; v++) {
    bound_costs(&cost[v * n_chips], n_chips, forbidden, row);
    for (uint32_t k = 0; k < n_steps; k++) {
      const double more = row[k + 1] - row[k];
      if (more < 0) partition_flow_arc(flow, source, v * n_steps + k, -more);
      if (more > 0) partition_flow_arc(flow, v * n_steps + k, sink, more);
      if (k > 0) imply(flow, v * n_steps + k, v * n_steps + k - 1);
      for (uint32_t i = graph->out_start[v]; i < graph->out_start[v + 1]; i++) {
        const uint32_t to = graph->out[i];
        imply(flow, v * n_steps + k, to * n_steps + k);
        if (path && k + 1 < n_steps) imply(flow, to * n_steps + k + 1, v * n_steps + k);
      }
    }
  }
}

bool partition_nearest(const struct partition_graph *graph, const double *cost, struct arena *scratch, uint32_t *chip) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const uint32_t n_steps = graph->problem->n_chips - 1;
  if (graph->problem->triangle == PARTITION_GENERAL) return false;
  const size_t n_nodes = graph->n * n_steps + 2, n_arcs = 2 * graph->n * n_steps + 2 * graph->n_arcs * n_steps;
  if (n_nodes >= UINT32_MAX || n_arcs >= UINT32_MAX / 2) return false;
  struct partition_flow *flow = partition_flow_new(n_nodes, n_arcs, scratch);
  build(graph, cost, ARENA_NEW(scratch, double, n_steps + 1), flow);
  partition_flow_run(flow, (uint32_t)n_nodes - 2, (uint32_t)n_nodes - 1);
  for (uint32_t v = 0; v < graph->n; v++) {
    chip[v] = 1;
    for (uint32_t k = 0; k < n_steps; k++) chip[v] += partition_flow_side(flow, v * n_steps + k);
  }
  arena_rewind(scratch, mark);
  return true;
}
