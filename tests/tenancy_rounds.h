/* An algorithm of multi-tenant mapping going through its rounds on one island, as any driver must: for tests. Every
 * round has an arena of its own, so that nothing but answers and state can travel. */
#ifndef TESTS_TENANCY_ROUNDS_H
#define TESTS_TENANCY_ROUNDS_H

#include "base/rng.h"
#include "search/tenancy/tenancy_algorithm.h"
#include <stdlib.h>
#include <string.h>

struct rounds {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds;
  const struct tenancy_algorithm *algorithm;
  const void *settings; /* NULL: the defaults */
  uint64_t seed, island, total_samples, round_samples;
  size_t n_given;
  const struct tenancy_answer *given; /* what the first round starts from */
  size_t n_marks;
  const uint64_t *marks;
  tenancy_cost *at;
  /* Of other islands: handed over behind the kept answers before round 1. */
  size_t n_migrants;
  const struct tenancy_answer *migrants;
};
struct rounds_end {
  uint64_t n_samples, n_rounds;
  size_t n_passed;
  struct tenancy_queues best;
  tenancy_cost best_cost;
  size_t n_kept, n_state;
  struct tenancy_answer *kept;
  unsigned char *state;
};

static inline struct rounds_end rounds_run(const struct rounds *rounds, struct arena *arena) {
  const struct tenancy_problem *problem = rounds->problem;
  const struct tenancy_algorithm *algorithm = rounds->algorithm;
  void *defaults = arena_alloc(arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, arena, defaults);
  const void *settings = rounds->settings != NULL ? rounds->settings : defaults;
  const size_t keep = algorithm->keep_of != NULL ? algorithm->keep_of(settings, problem) : algorithm->keeps;
  struct rounds_end end = {.best = tenancy_queues_new(problem, arena), .best_cost = ~(tenancy_cost)0};
  end.n_state = algorithm->state_bytes != NULL ? algorithm->state_bytes(settings, problem) : 0;
  end.state = ARENA_NEW(arena, unsigned char, end.n_state);
  end.kept = ARENA_NEW(arena, struct tenancy_answer, keep);
  for (size_t i = 0; i < keep; i++) end.kept[i] = tenancy_answer_new(problem, arena);
  struct arena room;
  arena_init(&room, 1 << 18);
  while (end.n_samples < rounds->total_samples) {
    const struct arena_mark mark = arena_get_mark(&room);
    const uint64_t left = rounds->total_samples - end.n_samples;
    struct tenancy_meter meter;
    tenancy_meter_init(&meter, problem, left < rounds->round_samples ? left : rounds->round_samples, &room);
    meter.before = end.n_samples;
    meter.best_cost = end.best_cost;
    tenancy_queues_copy(problem, &end.best, &meter.best);
    meter.n_marks = rounds->n_marks, meter.marks = rounds->marks, meter.at = rounds->at, meter.n_passed = end.n_passed;
    struct tenancy_answer *out = ARENA_NEW(&room, struct tenancy_answer, keep);
    for (size_t i = 0; i < keep; i++) out[i] = tenancy_answer_new(problem, &room);
    const size_t n_more = end.n_rounds == 0 ? rounds->n_given : end.n_rounds == 1 ? rounds->n_migrants : 0;
    const struct tenancy_answer *more = end.n_rounds == 0 ? rounds->given : rounds->migrants;
    struct tenancy_answer *population = ARENA_NEW(&room, struct tenancy_answer, end.n_kept + n_more);
    for (size_t i = 0; i < end.n_kept + n_more; i++) {
      population[i] = tenancy_answer_new(problem, &room);
      tenancy_answer_copy(problem, i < end.n_kept ? &end.kept[i] : &more[i - end.n_kept], &population[i]);
    }
    unsigned char *state_out = ARENA_NEW(&room, unsigned char, end.n_state);
    struct tenancy_request request = {.problem = problem,
                                      .bounds = rounds->bounds,
                                      .settings = settings,
                                      .seed = rounds->seed,
                                      .island = rounds->island,
                                      .round = end.n_rounds,
                                      .total_samples = rounds->total_samples,
                                      .n_population = end.n_kept + n_more,
                                      .population = population,
                                      .keep = keep,
                                      .kept = out,
                                      .n_state = end.n_state,
                                      .state = end.state,
                                      .state_out = state_out,
                                      .arena = &room};
    algorithm->run(&request, &meter);
    end.n_kept = request.n_kept;
    for (size_t i = 0; i < end.n_kept; i++) tenancy_answer_copy(problem, &out[i], &end.kept[i]);
    memcpy(end.state, state_out, end.n_state);
    end.n_samples += meter.n_samples;
    end.n_passed = meter.n_passed;
    end.n_rounds++;
    end.best_cost = meter.best_cost;
    tenancy_queues_copy(problem, &meter.best, &end.best);
    arena_rewind(&room, mark);
    if (algorithm->one_shot || meter.n_samples == 0) break;
  }
  arena_release(&room);
  return end;
}

#endif
