/* Does exact level 1 give the optima of the worked example? Values: the specification's section 7, found there by
 * enumerating 5,475 configurations of two groups of two boards. */
#include "search/sharding/sharding_branch.h"
#include "tests/sharding_made.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(double value, double wanted, double within) {
  if (fabs(value - wanted) <= within * fabs(wanted)) return;
  fail_msg("%.12g was expected, it is %.12g", wanted, value);
}

static struct branch_result solve(const struct sharding_problem *problem) {
  const struct branch_limits limits = {.max_nodes = 100000};
  struct branch_result result = {.value_s = INFINITY};
  assert_true(sharding_branch(problem, &limits, &scratch, &arena, &result));
  expect(result.bound_s, result.value_s, 1e-12);
  expect(sharding_evaluate(problem, &result.answer, &scratch, NULL), result.value_s, 1e-12);
  return result;
}

static void test_t14(void **state) {
  (void)state;
  static const struct {
    double intra, inter, serial_ms, overlap_ms, only_ms[2];
  } rows[] = {{1e9, 0.25e9, 0.75776, 0.75776, {2.600528, 1.88476}}, {12e9, 6e9, 0.69888, 0.69632, {1.5092, 1.6175813}}};
  for (size_t i = 0; i < 2; i++) {
    struct sharding_problem problem = made_chain(&arena, 4, made_t14, 2, 2, rows[i].intra, rows[i].inter);
    made_finish(&problem, &arena);
    const struct branch_result result = solve(&problem);
    expect(1e3 * result.value_s, rows[i].serial_ms, 1e-9);
    assert_int_equal(result.answer.n_sets, 1);
    assert_int_equal(result.answer.sets[0].design, 2);
    problem.overlap = true;
    expect(1e3 * solve(&problem).value_s, rows[i].overlap_ms, 1e-9);
    problem.overlap = false, problem.n_designs = 1;
    for (uint32_t d = 0; d < 2; d++) {
      problem.designs = &made_designs[d];
      /* Sets of three boards are free to choose from here: never above the published optimum without them. */
      const double value_ms = 1e3 * solve(&problem).value_s;
      if (value_ms > rows[i].only_ms[d] * (1 + 1e-7)) fail_msg("%.9g is above %.9g", value_ms, rows[i].only_ms[d]);
      printf("%s only, %g GB/s: %.9g ms (of four, two or one boards: %.9g)\n", made_designs[d].name,
             rows[i].inter / 1e9, value_ms, rows[i].only_ms[d]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_t14, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
