/* A random graph for tests of the policy's network, without a problem behind it. */
#ifndef TESTS_UNIT_SEARCH_POLICY_GRAPH_H
#define TESTS_UNIT_SEARCH_POLICY_GRAPH_H

#include "base/arena.h"
#include "base/rng.h"
#include "search/partition/partition.h"
#include <string.h>

/* n groups; arcs go from smaller to larger numbers, about three into each, some groups without any. */
static inline struct partition_graph policy_graph_draw(size_t n, struct rng *rng, struct arena *memory) {
  struct partition_graph graph = {.n = n};
  bool *const arc = ARENA_NEW(memory, bool, n *n);
  for (size_t i = 0; i < 3 * n; i++) {
    const size_t to = 1 + (size_t)rng_below(rng, n - 1), from = (size_t)rng_below(rng, to);
    if (to % 7 != 3 && from % 11 != 5) arc[from * n + to] = true;
  }
  uint32_t *const in_start = ARENA_NEW(memory, uint32_t, n + 1), *const in = ARENA_NEW(memory, uint32_t, 3 * n);
  uint32_t *const out_start = ARENA_NEW(memory, uint32_t, n + 1), *const out = ARENA_NEW(memory, uint32_t, 3 * n);
  uint32_t *const order = ARENA_NEW(memory, uint32_t, n);
  for (size_t v = 0; v < n; v++) {
    order[v] = (uint32_t)v;
    in_start[v + 1] = in_start[v];
    out_start[v + 1] = out_start[v];
    for (size_t u = 0; u < n; u++) {
      if (arc[u * n + v]) in[in_start[v + 1]++] = (uint32_t)u;
      if (arc[v * n + u]) out[out_start[v + 1]++] = (uint32_t)u;
    }
  }
  graph.in_start = in_start;
  graph.in = in;
  graph.out_start = out_start;
  graph.out = out;
  graph.n_arcs = in_start[n];
  graph.topological = graph.place = order;
  return graph;
}

#endif
