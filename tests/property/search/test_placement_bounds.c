/* Is no bound of a placement ever above the best answer, and do the tight ones touch it?
 *
 * And the bounds that start from the value of an answer; and is some answer found wherever there is one? Random small
 * problems of every rule and objective with pins, hard memory, links between devices, given times, hosts,
 * groups, latencies; the best answer by trying all placements, orders and pins. */
#include "search/placement/placement_bounds_limit.h"
#include "search/placement/placement_build.h"
#include "tests/placement_small.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
static const double slack = 1e-9;

enum { N_EACH = 120, N_CHAINS = 40 };

/* Bounds from the value of an answer, the best or a worse one, and by way of the rule that asks for less. */
static void judge_by_limits(const struct placement_problem *problem, double value, double bound, struct arena *arena) {
  struct placement_problem other;
  assert_true(placement_below(problem, value * (1 + slack), arena, &other));
  for (double high = value; high < 2.5 * value; high *= 1.3) {
    const double raised = placement_bound_by_limits(problem, bound, high, arena);
    if (raised < bound || raised > value * (1 + slack)) fail_msg("%.12g, from %.12g, best %.12g", raised, bound, value);
  }
  if (!placement_as_delay(problem, arena, &other)) return;
  struct placement_answer best;
  const double least = small_best(&other, arena, &best);
  if (least > value * (1 + slack)) fail_msg("delay takes %.12g, the rule %.12g", least, value);
}

/* An answer if and only if there is one. */
static void judge_fill(const struct placement_problem *problem, double value, struct arena *arena) {
  struct arena scratch;
  struct placement_build build;
  arena_init(&scratch, 1 << 16);
  const struct placement_request request = {.problem = problem, .arena = arena, .scratch = &scratch};
  struct placement_answer answer = placement_answer_new(problem, arena);
  placement_build_init(&build, &request);
  const enum placement_filled filled = placement_build_try_fill(&build, &answer);
  assert_int_equal(filled, value < INFINITY ? PLACEMENT_FILLED : PLACEMENT_IMPOSSIBLE);
  if (filled == PLACEMENT_FILLED) assert_true(placement_evaluate(problem, &answer, &scratch, NULL) < INFINITY);
  arena_release(&scratch);
}

static void judge(const struct small_shape *shape, uint64_t round, uint64_t task, size_t *n_judged, double *touched) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct rng rng = rng_stream(seed, RNG_TEST, round, task);
  struct placement_problem problem;
  if (small_draw(shape, &rng, &arena, &problem)) {
    struct placement_answer best;
    struct placement_bounds bounds;
    struct error error = {0};
    const double value = small_best(&problem, &arena, &best);
    assert_true(placement_bounds(&problem, &arena, &bounds, &error));
    for (int b = 0; value < INFINITY && b < PLACEMENT_N_BOUNDS; b++) {
      if (bounds.value[b] > value * (1 + slack)) {
        fail_msg("seed %" PRIu64 ", round %" PRIu64 ", task %" PRIu64 ": the %s bound %.12g is above %.12g", seed,
                 round, task, placement_bound_names[b], bounds.value[b], value);
      }
    }
    assert_true(bounds.best >= bounds.value[bounds.binding]);
    assert_non_null(bounds.reason);
    if (value < INFINITY && value > 0) judge_by_limits(&problem, value, bounds.best, &arena);
    judge_fill(&problem, value, &arena);
    *n_judged += value < INFINITY;
    *touched += value < INFINITY && bounds.best >= value * (1 - 1e-6);
  }
  arena_release(&arena);
}

static void no_bound_is_above_the_best(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t kind = 0; kind < 18; kind++) {
    size_t n_judged = 0;
    double touched = 0;
    for (uint64_t task = 0; task < N_EACH; task++) {
      const struct small_shape shape = {.n_layers = 1 + (task % 4),
                                        .n_devices = 1 + (task / 4) % 3,
                                        .timing = (enum placement_timing)(kind % 3),
                                        .objective = (enum placement_objective)(kind / 3 % 3),
                                        .plain = kind >= 9,
                                        .roomy = task % 3 == 0};
      judge(&shape, kind, task, &n_judged, &touched);
    }
    print_message("  rule %d, objective %d, %s: %zu judged, %g touched\n", (int)(kind % 3), (int)(kind / 3 % 3),
                  kind >= 9 ? "plain" : "any", n_judged, touched);
    assert_true(n_judged > N_EACH / 2);
    assert_true(touched > N_EACH / 20.0);
  }
}

/* Exact on a single chain with devices for all (placement §7). */
static void the_path_bound_of_one_chain_is_exact(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_CHAINS; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 100, task);
    const struct small_shape shape = {
        .n_layers = 1 + task % 4, .n_devices = 3, .plain = true, .chains = true, .roomy = true};
    struct placement_problem problem;
    assert_true(small_draw(&shape, &rng, &arena, &problem));
    bool whole = problem.n_edges + 1 == problem.n_layers;
    for (size_t e = 0; e < problem.n_edges; e++) whole = whole && problem.edges[e].bytes > 0;
    if (whole) {
      struct placement_answer best;
      struct placement_bounds bounds;
      struct error error = {0};
      const double value = small_best(&problem, &arena, &best);
      assert_true(placement_bounds(&problem, &arena, &bounds, &error));
      assert_true(fabs(bounds.value[PLACEMENT_BOUND_PATH] - value) <= slack * value);
    }
    arena_release(&arena);
  }
}

/* Hard memory that is nearly full, groups, pieces of a chain. */
static void where_hardly_anything_fits(void **state) {
  (void)state;
  size_t n_judged = 0;
  double touched = 0;
  for (uint64_t task = 0; task < 4 * N_EACH; task++) {
    const struct small_shape shape = {.n_layers = 2 + (task % 4),
                                      .n_devices = 2 + (task / 4) % 2,
                                      .timing = (enum placement_timing)(task % 3),
                                      .objective = (enum placement_objective)(task / 3 % 3),
                                      .split = task % 2 == 0};
    judge(&shape, 150, task, &n_judged, &touched);
  }
  assert_true(n_judged > N_EACH);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_bound_is_above_the_best),
      cmocka_unit_test(the_path_bound_of_one_chain_is_exact),
      cmocka_unit_test(where_hardly_anything_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
