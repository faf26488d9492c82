/* Does level 2 give the optima of sharding's worked examples, and what else it promises for chains? The values are
 * those of the specification's sections 7 and 8, found there by full enumeration (p = 2) or shortest path. */
#include "search/sharding/sharding_level2.h"
#include "tests/sharding_made.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(double value, double wanted) {
  if (fabs(value - wanted) <= 1e-9 * fabs(wanted)) return;
  fail_msg("%.12g was expected, it is %.12g", wanted, value);
}

static struct sharding_level2 solve(const struct sharding_problem *problem, uint32_t design, double bandwidth) {
  const struct sharding_shape shape = {(uint32_t)problem->n_boards, bandwidth, UINT64_C(1) << 40};
  struct sharding_tables *tables = sharding_tables_new(problem, shape, design, &arena);
  const struct sharding_range range = {0, (uint32_t)problem->n_layers - 1, INFINITY};
  struct sharding_level2 result;
  sharding_level2_solve(tables, &range, &scratch, &arena, &result);
  assert_true(result.proven);
  const struct sharding_answer answer = made_one_set(problem, design, result.strategies, &arena);
  expect(result.value_s, sharding_evaluate(problem, &answer, &scratch, NULL));
  double best_s[16];
  sharding_level2_forward(tables, 0, INFINITY, &scratch, best_s);
  expect(best_s[problem->n_layers - 1], result.value_s);
  return result;
}

static void test_t14(void **state) {
  (void)state;
  static const struct {
    uint32_t design;
    size_t p;
    double bandwidth, serial_ms, overlap_ms;
  } rows[] = {{0, 2, 1e9, 3.09288, 2.905112},     {0, 4, 1e9, 1.810256, 1.628172},
              {1, 2, 1e9, 3.204696, 3.204696},    {1, 4, 1e9, 1.718104, 1.665306},
              {0, 8, 1e9, 1.099952, 1.03292},     {0, 2, 0.25e9, 3.770256, 3.322788},
              {0, 4, 0.25e9, 2.600528, 2.089164}, {1, 2, 0.25e9, 3.247704, 3.247704},
              {1, 4, 0.25e9, 1.88476, 1.88476},   {2, 2, 1e9, 1.406976, 1.39264}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sharding_problem problem =
        made_chain(&arena, 4, made_t14, 1, rows[i].p, rows[i].bandwidth, rows[i].bandwidth);
    made_finish(&problem, &arena);
    expect(1e3 * solve(&problem, rows[i].design, rows[i].bandwidth).value_s, rows[i].serial_ms);
    problem.overlap = true;
    expect(1e3 * solve(&problem, rows[i].design, rows[i].bandwidth).value_s, rows[i].overlap_ms);
  }
}

/* Strategies as the specification names them. */
static void test_t14_strategies(void **state) {
  (void)state;
  struct sharding_problem problem = made_chain(&arena, 4, made_t14, 1, 4, 1e9, 1e9);
  problem.overlap = true;
  made_finish(&problem, &arena);
  const struct sharding_level2 result = solve(&problem, 0, 1e9);
  for (size_t l = 0; l < 4; l++) {
    assert_int_equal(result.strategies[l].factor[SHARDING_COUT], 4);
    assert_int_equal(result.strategies[l].shared, l == 0 ? SHARDING_N_DIMS : SHARDING_CIN);
  }
}

static void test_transformer(void **state) {
  (void)state;
  static const uint64_t rows[][6] = {{4096, 1024, 128, 1, 1, 1}, {1024, 4096, 128, 1, 1, 1}};
  static const struct {
    double bandwidth, serial_ms, overlap_ms;
  } wanted[] = {{1e9, 3.408172, 3.27755}, {0.25e9, 3.801388, 3.801388}};
  for (size_t i = 0; i < 2; i++) {
    struct sharding_problem problem = made_chain(&arena, 2, rows, 1, 4, wanted[i].bandwidth, wanted[i].bandwidth);
    made_finish(&problem, &arena);
    expect(1e3 * solve(&problem, 1, wanted[i].bandwidth).value_s, wanted[i].serial_ms);
    problem.overlap = true;
    expect(1e3 * solve(&problem, 1, wanted[i].bandwidth).value_s, wanted[i].overlap_ms);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_t14, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_t14_strategies, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_transformer, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
