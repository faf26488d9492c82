/* Does every algorithm of sharding give answers that the judge accepts, with the value that it says, none below the
 * bounds or what an exact method has proven, and the same with the same seed? And does the genetic algorithm come near
 * the optimum of the worked chain? */
#include "tests/sharding_cases.h"
#include "tests/sharding_random.h"
#include "tests/sharding_solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed = 2385, samples = 150;
static const double rounding = 1e-12, tolerance = 1e-9;
enum { N_CASES = 120, MOST_LAYERS = 6, MOST_BOARDS = 5 };

static void check_result(const struct sharding_problem *problem, const struct sharding_bounds *bounds,
                         const struct sharding_algorithm *algorithm, uint64_t number,
                         const struct sharding_result *result) {
  struct error *error = ARENA_NEW(&arena, struct error, 1);
  double truth_s = NAN;
  struct sharding_schedule schedule = sharding_schedule_new(problem, &arena);
  const double value_s = sharding_evaluate(problem, &result->answer, &scratch, &schedule);
  const struct sharding_claim claim = {.answer = result->answer};
  if (!sharding_check(problem, &claim, &arena, &truth_s, error)) {
    fail_msg("case %llu, %s: %s", (unsigned long long)number, algorithm->name, error->text);
  }
  if (!(fabs(value_s - result->value_s) <= tolerance * value_s) || !(fabs(value_s - truth_s) <= tolerance * value_s)) {
    fail_msg("case %llu, %s: says %.17g, is %.17g, judged %.17g", (unsigned long long)number, algorithm->name,
             result->value_s, value_s, truth_s);
  }
  if (schedule.period_s > value_s * (1 + rounding)) {
    fail_msg("case %llu, %s: a period of %.17g", (unsigned long long)number, algorithm->name, schedule.period_s);
  }
  if (value_s < bounds->best_s * (1 - rounding)) {
    fail_msg("case %llu, %s: %.17g is below the bound %.17g (%s)", (unsigned long long)number, algorithm->name, value_s,
             bounds->best_s, sharding_bound_names[bounds->binding]);
  }
}

static void test_registry(void **state) {
  (void)state;
  size_t n_answers = 0, n_proven = 0;
  printf("seed %llu\n", (unsigned long long)seed);
  for (uint64_t number = 0; number < N_CASES; number++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, number, 1);
    const struct sharding_shape_of_problem shape = sharding_random_shape(&rng, MOST_LAYERS, MOST_BOARDS);
    struct sharding_problem problem;
    struct sharding_bounds bounds;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    sharding_bounds(&problem, &scratch, &bounds);
    double proven_s = 0, best_s = INFINITY;
    for (size_t i = 0; i < n_sharding_algorithms; i++) {
      const struct sharding_algorithm *algorithm = sharding_algorithms[i];
      if (algorithm->applies != NULL && !algorithm->applies(&problem)) continue;
      const struct sharding_result result = sharding_solve(&problem, &bounds, algorithm, seed, samples);
      if (result.samples > samples)
        fail_msg("%s took %llu samples", algorithm->name, (unsigned long long)result.samples);
      if (result.found) check_result(&problem, &bounds, algorithm, number, &result);
      n_answers += result.found;
      if (result.found) best_s = fmin(best_s, result.value_s);
      if (result.proven) proven_s = fmax(proven_s, result.value_s);
      n_proven += result.proven;
      const struct sharding_result again = sharding_solve(&problem, &bounds, algorithm, seed, samples);
      assert_int_equal(again.samples, result.samples);
      assert_memory_equal(&again.value_s, &result.value_s, sizeof again.value_s);
      if (result.found) assert_int_equal(sharding_compare(&problem, &result.answer, &again.answer), 0);
    }
    if (best_s < proven_s * (1 - rounding)) {
      fail_msg("case %llu: %.17g is below what was proven, %.17g", (unsigned long long)number, best_s, proven_s);
    }
    arena_rewind(&arena, mark);
  }
  printf("%zu answers, %zu proven\n", n_answers, n_proven);
  assert_true(n_answers > N_CASES);
}

/* T14 on two groups of two boards (sharding §7), whose optima tests/unit gives; the genetic algorithm within 2 %. */
static void test_genetic_on_the_chain(void **state) {
  (void)state;
  static const struct {
    double intra, inter, best_ms[2]; /* serial, overlap */
  } rows[] = {{1e9, 0.25e9, {0.75776, 0.75776}}, {12e9, 6e9, {0.69888, 0.69632}}};
  static const double wanted = 0.02;
  const struct sharding_algorithm *ga2 = sharding_find_algorithm("ga2");
  assert_non_null(ga2);
  for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
    struct sharding_problem problem = case_problem(case_t14, CASE_T14, 4, 2, &arena);
    struct sharding_bounds bounds;
    struct error error = {0};
    problem.overlap = i % 2 == 1;
    problem.intra_bytes_per_s = rows[i / 2].intra, problem.inter_bytes_per_s = rows[i / 2].inter;
    if (!sharding_finish(&problem, &arena, &error)) fail_msg("%s", error.text);
    sharding_bounds(&problem, &scratch, &bounds);
    const struct sharding_result result = sharding_solve(&problem, &bounds, ga2, seed, 5000);
    const double best_s = 1e-3 * rows[i / 2].best_ms[i % 2];
    assert_true(result.found && result.value_s >= best_s * (1 - tolerance));
    if (result.value_s > best_s * (1 + wanted)) fail_msg("%.9g is above %.9g", result.value_s, best_s);
  }
}

/* The same with boards too small for its best strategies: beside what the exact method proves. */
static void test_genetic_in_little_memory(void **state) {
  (void)state;
  static const uint64_t dram_bytes[] = {3500000, 2500000};
  for (size_t i = 0; i < sizeof dram_bytes / sizeof *dram_bytes; i++) {
    struct sharding_problem problem = case_problem(case_t14, CASE_T14, 4, 2, &arena);
    struct sharding_board *boards = ARENA_NEW(&arena, struct sharding_board, problem.n_boards);
    struct sharding_bounds bounds;
    struct error error = {0};
    memcpy(boards, problem.boards, problem.n_boards * sizeof *boards);
    for (size_t b = 0; b < problem.n_boards; b++) boards[b].dram_bytes = dram_bytes[i];
    problem.boards = boards;
    if (!sharding_finish(&problem, &arena, &error)) fail_msg("%s", error.text);
    sharding_bounds(&problem, &scratch, &bounds);
    const struct sharding_result exact =
        sharding_solve(&problem, &bounds, sharding_find_algorithm("exact"), seed, 5000);
    const struct sharding_result ga2 = sharding_solve(&problem, &bounds, sharding_find_algorithm("ga2"), seed, 5000);
    assert_true(exact.found && exact.proven && ga2.found && ga2.value_s >= exact.value_s * (1 - tolerance));
    if (ga2.value_s > 1.05 * exact.value_s) fail_msg("%.9g is above %.9g", ga2.value_s, exact.value_s);
  }
}

/* As many sets as there are layers, and more boards than that: cuts at the very end, sets without boards. */
static void test_genetic_of_short_orders(void **state) {
  (void)state;
  for (size_t n_layers = 1; n_layers <= CASE_T14; n_layers++) {
    for (size_t n_boards = 1; n_boards <= 7; n_boards++) {
      struct sharding_problem problem = case_problem(case_t14, n_layers, n_boards, 3, &arena);
      struct sharding_bounds bounds;
      struct error error = {0};
      if (!sharding_finish(&problem, &arena, &error)) fail_msg("%s", error.text);
      sharding_bounds(&problem, &scratch, &bounds);
      const struct sharding_result result =
          sharding_solve(&problem, &bounds, sharding_find_algorithm("ga2"), seed, 400);
      assert_true(result.found);
      check_result(&problem, &bounds, sharding_find_algorithm("ga2"), n_boards, &result);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_registry, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_genetic_on_the_chain, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_genetic_in_little_memory, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_genetic_of_short_orders, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
