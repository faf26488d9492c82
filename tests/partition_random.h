/* Random partition problems that brute force can solve, and brute force. */
#ifndef TESTS_PARTITION_RANDOM_H
#define TESTS_PARTITION_RANDOM_H

#include "base/rng.h"
#include "search/partition/partition.h"
#include "tests/partition_small.h"

#include <math.h>
#include <stdio.h>

/* Up to `most` nodes on 2 to most_chips chips. Edges run anyhow, some nodes share a chip, some cost nothing, some have
 * a copy everywhere; memory 0: unlimited. */
struct partition_kind {
  enum partition_cost cost;
  enum partition_triangle triangle;
  bool memory, live;
  size_t most;
  uint32_t most_chips;
};

static inline struct partition_problem partition_random(struct rng *rng, const struct partition_kind *kind,
                                                        struct arena *to) {
  const size_t n = 1 + rng_below(rng, kind->most);
  const char **names = ARENA_NEW(to, const char *, n);
  double *compute_ms = ARENA_NEW(to, double, n);
  uint64_t *weight_bytes = ARENA_NEW(to, uint64_t, n), *out_bits = ARENA_NEW(to, uint64_t, n), total_bytes = 0;
  uint32_t *colocate = ARENA_NEW(to, uint32_t, n), *number = ARENA_NEW(to, uint32_t, n);
  bool *cloneable = ARENA_NEW(to, bool, n);
  struct partition_edge *edges = ARENA_NEW(to, struct partition_edge, n * n);
  size_t n_edges = 0;
  const uint64_t slow = 1 + rng_below(rng, 400), together = rng_below(rng, 3);
  for (uint32_t v = 0; v < n; v++) {
    names[v] = "x", number[v] = v;
    compute_ms[v] = rng_below(rng, 4) == 0 ? 0 : rng_unit(rng) * 9;
    weight_bytes[v] = rng_below(rng, 20), out_bits[v] = rng_below(rng, 8 * slow), total_bytes += weight_bytes[v];
    colocate[v] = together == 2 && rng_below(rng, 3) == 0 ? (uint32_t)rng_below(rng, 3) : PARTITION_NONE;
    cloneable[v] = rng_below(rng, 8) == 0;
    const size_t k = rng_below(rng, v + 1);
    number[v] = number[k], number[k] = v;
  }
  const uint64_t density = 1 + rng_below(rng, 6);
  for (uint32_t u = 0; u < n; u++) {
    for (uint32_t v = u + 1; v < n; v++) {
      if (rng_below(rng, 10) < density) edges[n_edges++] = (struct partition_edge){number[u], number[v]};
    }
  }
  struct partition_problem problem = {.name = "random",
                                      .n_chips = 2 + (uint32_t)rng_below(rng, kind->most_chips - 1),
                                      .link_bytes_per_s = 100000,
                                      .cost = kind->cost,
                                      .triangle = kind->triangle,
                                      .memory_rule = kind->live ? PARTITION_LIVE : PARTITION_WEIGHTS,
                                      .clone = rng_below(rng, 2) == 0,
                                      .n_nodes = n,
                                      .n_edges = n_edges,
                                      .node_names = names,
                                      .compute_ms = compute_ms,
                                      .weight_bytes = weight_bytes,
                                      .out_bits = out_bits,
                                      .colocate = colocate,
                                      .cloneable = cloneable,
                                      .edges = edges};
  if (kind->memory) {
    problem.memory_bytes = 1 + total_bytes / problem.n_chips + rng_below(rng, 20);
    if (kind->live) problem.memory_bytes += slow + rng_below(rng, 2 * slow);
  }
  return problem;
}

/* The least value over all assignments, INFINITY: none is valid; along `order` (NULL: all) only those whose chips never
 * fall. `best` [n] or NULL. */
static inline double partition_brute_force(const struct partition_graph *graph, const uint32_t *order,
                                           struct partition_work *work, struct arena *scratch, uint32_t *best) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *chip = ARENA_NEW(scratch, uint32_t, graph->n);
  double least = INFINITY;
  for (size_t g = 0; g < graph->n; g++) chip[g] = 1;
  do {
    bool along = true;
    for (size_t i = 1; order != NULL && i < graph->n; i++) along = along && chip[order[i]] >= chip[order[i - 1]];
    const double value = along ? partition_value(graph, chip, work) : INFINITY;
    if (!(value < least)) continue;
    least = value;
    for (size_t g = 0; best != NULL && g < graph->n; g++) best[g] = chip[g];
  } while (partition_next_assignment(chip, graph->n, graph->problem->n_chips));
  arena_rewind(scratch, mark);
  return least;
}

#endif
