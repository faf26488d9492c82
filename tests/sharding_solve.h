/* An algorithm of sharding run with its default settings. */
#ifndef TESTS_SHARDING_SOLVE_H
#define TESTS_SHARDING_SOLVE_H

#include "search/sharding/sharding_algorithm.h"
#include "tests/two_arenas.h"

static inline struct sharding_result sharding_solve(const struct sharding_problem *problem,
                                                    struct sharding_bounds *bounds,
                                                    const struct sharding_algorithm *algorithm, uint64_t seed,
                                                    uint64_t samples) {
  void *settings = algorithm->table != NULL ? arena_alloc(&arena, 1, algorithm->settings_bytes) : NULL;
  if (settings != NULL) config_defaults(algorithm->table, &arena, settings);
  const struct sharding_request request = {.problem = problem,
                                           .bounds = bounds,
                                           .settings = settings,
                                           .seed = seed,
                                           .samples = samples,
                                           .arena = &arena,
                                           .scratch = &scratch};
  struct sharding_result result;
  algorithm->run(&request, &result);
  return result;
}

#endif
