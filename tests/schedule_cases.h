/* Small and random scheduling problems, shared by the tests and the benchmark of the scheduler. An op carries its set
 * of classes, its cycles on one core and how it spreads as loop bounds, so that shapes tell different ones apart. */
#ifndef TESTS_SCHEDULE_CASES_H
#define TESTS_SCHEDULE_CASES_H

#include "arch/schedule.h"
#include "base/checked.h"
#include "base/rng.h"
#include <stdlib.h>

enum { CASE_CLASSES = DIM_REPS, CASE_CYCLES = DIM_M, CASE_SPREAD = DIM_N };
/* How cycles change with the width: evenly; with a loss per doubling; only up to two cores; not at all. */
enum case_spread { SPREAD_EVEN, SPREAD_LOSSY, SPREAD_TWO, SPREAD_NONE, N_CASE_SPREADS };

static inline uint32_t case_add(struct graph_builder *builder, unsigned classes, uint64_t cycles,
                                enum case_spread spread, const uint32_t *preds, size_t n_preds) {
  struct op op = op_new(OP_GEMM, 2);
  op.dim[CASE_CLASSES] = classes;
  op.dim[CASE_CYCLES] = cycles;
  op.dim[CASE_SPREAD] = spread;
  return graph_builder_add(builder, &op, "op", preds, n_preds);
}

static inline uint64_t case_cycles(const struct op *op, unsigned width) {
  const uint64_t cycles = op->dim[CASE_CYCLES];
  switch (op->dim[CASE_SPREAD]) {
  case SPREAD_EVEN:
    return ceil_div(cycles, UINT64_C(1) << width);
  case SPREAD_LOSSY:
    return ceil_div(cycles, UINT64_C(1) << width) + 3 * width;
  case SPREAD_TWO:
    return width <= 1 ? ceil_div(cycles, UINT64_C(1) << width) : UINT64_MAX;
  default:
    return cycles;
  }
}

/* Tables for a finished graph. */
static inline struct schedule_problem case_problem(const struct op_graph *graph, unsigned n_widths, uint32_t n_tensor,
                                                   uint32_t n_vector, uint32_t n_link, struct arena *arena) {
  uint8_t *const classes = ARENA_NEW(arena, uint8_t, graph->n_shapes);
  uint64_t *const cycles = ARENA_NEW(arena, uint64_t, graph->n_shapes * n_widths);
  for (size_t s = 0; s < graph->n_shapes; s++) {
    const struct op *const op = &graph->ops[graph->shape_op[s]];
    classes[s] = (uint8_t)op->dim[CASE_CLASSES];
    for (unsigned w = 0; w < n_widths; w++) cycles[s * n_widths + w] = case_cycles(op, w);
  }
  return (struct schedule_problem){.graph = graph,
                                   .shape_classes = classes,
                                   .shape_cycles = cycles,
                                   .n_widths = n_widths,
                                   .n_cores = {n_tensor, n_vector, n_link}};
}

static inline void case_finish(struct graph_builder *builder, struct arena *arena, struct op_graph *graph) {
  static struct error error;
  if (!graph_builder_finish(builder, arena, graph, &error)) abort();
}

/* The example of accelerator-search §6. */
static inline void case_example(struct arena *arena, struct op_graph *graph) {
  struct graph_builder *const builder = graph_builder_new(arena);
  const unsigned tc = 1 << CORE_TENSOR, vc = 1 << CORE_VECTOR;
  const uint32_t f1 = case_add(builder, tc, 4, SPREAD_EVEN, NULL, 0);
  const uint32_t f2 = case_add(builder, tc, 6, SPREAD_EVEN, &f1, 1);
  const uint32_t f3 = case_add(builder, tc, 3, SPREAD_EVEN, &f1, 1);
  const uint32_t f4 = case_add(builder, vc, 2, SPREAD_NONE, (const uint32_t[]){f2, f3}, 2);
  const uint32_t b4 = case_add(builder, vc, 2, SPREAD_NONE, &f4, 1);
  const uint32_t b2 = case_add(builder, tc, 6, SPREAD_EVEN, &b4, 1);
  case_add(builder, tc, 6, SPREAD_EVEN, &b4, 1); /* w2 */
  const uint32_t b3 = case_add(builder, tc, 3, SPREAD_EVEN, &b4, 1);
  case_add(builder, tc, 3, SPREAD_EVEN, &b4, 1); /* w3 */
  const uint32_t s1 = case_add(builder, vc, 1, SPREAD_NONE, (const uint32_t[]){b2, b3}, 2);
  case_add(builder, tc, 4, SPREAD_EVEN, &s1, 1); /* w1 */
  case_finish(builder, arena, graph);
}

/* Mostly tensor or vector; some on a link; some on two or three classes. */
static inline unsigned case_random_classes(struct rng *rng) {
  static const uint8_t sets[] = {1, 1, 1, 1, 2, 2, 2, 4, 3, 3, 5, 6, 7};
  return sets[rng_below(rng, sizeof sets)];
}

static inline uint64_t case_random_cycles(struct rng *rng, uint64_t most_cycles) {
  return rng_below(rng, 17) == 0 ? 0 : 1 + rng_below(rng, most_cycles);
}

/* Layers of random width up to 2·mean − 1; an op has 1 to 3 predecessors in the two layers before. */
static inline void case_layered(struct rng *rng, size_t n_ops, size_t mean, uint64_t most_cycles, struct arena *arena,
                                struct op_graph *graph) {
  struct graph_builder *const builder = graph_builder_new(arena);
  size_t start = 0, previous = 0, before = 0; /* of this layer, the last one, the one before that */
  while (graph_builder_count(builder) < n_ops) {
    const size_t width = 1 + rng_below(rng, 2 * mean - 1), end = min_u64(start + width, n_ops);
    for (size_t i = start; i < end; i++) {
      uint32_t preds[3];
      const size_t n_preds = start == 0 ? 0 : 1 + rng_below(rng, 3);
      for (size_t k = 0; k < n_preds; k++) {
        const size_t low = k == 0 ? previous : before; /* twice the same is allowed: both operands */
        preds[k] = (uint32_t)(low + rng_below(rng, start - low));
      }
      const unsigned classes = case_random_classes(rng);
      const uint64_t cycles = case_random_cycles(rng, most_cycles);
      case_add(builder, classes, cycles, (enum case_spread)rng_below(rng, N_CASE_SPREADS), preds, n_preds);
    }
    before = previous;
    previous = start;
    start = end;
  }
  case_finish(builder, arena, graph);
}

/* Series-parallel: chains side by side between a fork and a join, one such block after the other. */
static inline void case_series_parallel(struct rng *rng, size_t n_blocks, size_t most_chains, uint64_t most_cycles,
                                        struct arena *arena, struct op_graph *graph) {
  struct graph_builder *const builder = graph_builder_new(arena);
  uint32_t joint = case_add(builder, 1, 1 + rng_below(rng, most_cycles), SPREAD_EVEN, NULL, 0);
  uint32_t *const ends = ARENA_NEW(arena, uint32_t, most_chains);
  for (size_t block = 0; block < n_blocks; block++) {
    const size_t n_chains = 1 + rng_below(rng, most_chains);
    for (size_t chain = 0; chain < n_chains; chain++) {
      ends[chain] = joint;
      for (size_t left = 1 + rng_below(rng, 3); left > 0; left--) {
        const unsigned classes = case_random_classes(rng);
        ends[chain] = case_add(builder, classes, case_random_cycles(rng, most_cycles),
                               (enum case_spread)rng_below(rng, N_CASE_SPREADS), &ends[chain], 1);
      }
    }
    joint = case_add(builder, 2, 1 + rng_below(rng, most_cycles), SPREAD_NONE, ends, n_chains);
  }
  case_finish(builder, arena, graph);
}

#endif
