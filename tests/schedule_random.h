/* Random scheduling problems with their arenas, drawn by number: what the property tests of the scheduler share. */
#ifndef TESTS_SCHEDULE_RANDOM_H
#define TESTS_SCHEDULE_RANDOM_H

#include "tests/schedule_cases.h"

static const uint64_t schedule_seed = 2385;

struct schedule_fixture {
  struct arena arena, scratch;
  struct rng rng;
  struct op_graph graph;
};

static inline void begin(struct schedule_fixture *fixture, uint64_t round, uint64_t task) {
  arena_init(&fixture->arena, 1 << 16);
  arena_init(&fixture->scratch, 1 << 16);
  fixture->rng = rng_stream(schedule_seed, RNG_TEST, round, task);
}

static inline void end(struct schedule_fixture *fixture) {
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

static inline void random_graph(struct schedule_fixture *fixture, size_t most_ops, uint64_t most_cycles) {
  struct rng *const rng = &fixture->rng;
  if (rng_below(rng, 3) == 0) {
    case_series_parallel(rng, 1 + rng_below(rng, 1 + most_ops / 8), 4, most_cycles, &fixture->arena, &fixture->graph);
  } else {
    const size_t n_ops = 1 + rng_below(rng, most_ops);
    case_layered(rng, n_ops, 1 + rng_below(rng, 9), most_cycles, &fixture->arena, &fixture->graph);
  }
}

static inline struct schedule_problem random_problem(struct schedule_fixture *fixture, unsigned most_widths,
                                                     uint32_t most_cores) {
  struct rng *const rng = &fixture->rng;
  const unsigned n_widths = 1 + (unsigned)rng_below(rng, most_widths);
  uint32_t n_cores[N_CORE_CLASSES];
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) n_cores[c] = 1 + (uint32_t)rng_below(rng, most_cores);
  struct schedule_problem problem =
      case_problem(&fixture->graph, n_widths, n_cores[0], n_cores[1], n_cores[2], &fixture->arena);
  problem.share = rng_below(rng, 2) == 1;
  return problem;
}

static inline unsigned classes_of(const struct schedule_problem *problem, size_t op) {
  return problem->shape_classes[problem->graph->ops[op].shape];
}

static inline uint64_t cycles_of(const struct schedule_problem *problem, size_t op, unsigned width) {
  return problem->shape_cycles[problem->graph->ops[op].shape * problem->n_widths + width];
}

#endif
