/* Designs priced from outside and messages with a start-up time: is each pass asked for as often as it runs, with the
 * loops that a board has? Numbers by hand from the layer of sharding's worked example (256 x 128 channels, 56 x 56,
 * K = 3, four boards). */
#include "search/sharding/sharding_level2.h"
#include "tests/sharding_made.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(double value, double wanted) {
  if (fabs(value - wanted) <= 1e-12 * fabs(wanted)) return;
  fail_msg("%.17g was expected, it is %.17g", wanted, value);
}

/* --- the same formula from outside ----------------------------------------------------------------------------------
 */

struct outside {
  const struct sharding_problem *problem;
  uint32_t design; /* whose formula it is */
};

static double by_formula(void *context, uint32_t layer, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS],
                         uint32_t p) {
  const struct outside *outside = context;
  uint64_t loops[SHARDING_N_DIMS];
  memcpy(loops, local, sizeof loops);
  if (pass == SHARDING_EPILOGUE || pass == SHARDING_BACKWARD_EPILOGUE) return 0;
  if (pass == SHARDING_BACKWARD_DATA)
    loops[SHARDING_COUT] = local[SHARDING_CIN], loops[SHARDING_CIN] = local[SHARDING_COUT];
  return sharding_cycles(outside->problem, &outside->problem->designs[outside->design], layer, loops, p);
}

static void test_same_formula(void **state) {
  (void)state;
  for (int training = 0; training < 2; training++) {
    struct sharding_problem known = made_chain(&arena, 4, made_t14, 1, 4, 1e9, 1e9);
    known.training = training, known.overlap = true;
    made_finish(&known, &arena);
    struct outside outside = {&known, 1};
    const struct sharding_design priced = {
        .name = "P", .model = SHARDING_PRICED, .clock_hz = 200e6, .price = by_formula, .price_context = &outside};
    struct sharding_problem problem = known;
    problem.designs = &priced, problem.n_designs = 1;
    made_finish(&problem, &arena);
    const struct sharding_shape shape = {4, 1e9, UINT64_C(1) << 40};
    const struct sharding_range range = {0, 3, INFINITY};
    struct sharding_level2 ours, theirs;
    struct sharding_tables *tables = sharding_tables_new(&problem, shape, 0, &arena);
    sharding_level2_solve(tables, &range, &scratch, &arena, &ours);
    sharding_level2_solve(sharding_tables_new(&known, shape, 1, &arena), &range, &scratch, &arena, &theirs);
    assert_true(ours.value_s == theirs.value_s && ours.bound_s == theirs.bound_s);
    if (!training) expect(1e3 * ours.value_s, 1.665306);
    assert_true(sharding_level2_value(tables, &range, ours.strategies, &scratch) == ours.value_s);
    for (int i = 0; i < 4; i++) ours.strategies[i] = (struct sharding_strategy){{4, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
    const struct sharding_answer all_cout = made_one_set(&problem, 0, ours.strategies, &arena);
    expect(sharding_level2_value(tables, &range, ours.strategies, &scratch),
           sharding_evaluate(&problem, &all_cout, &scratch, NULL));
  }
}

/* --- what is asked for ----------------------------------------------------------------------------------------------
 */

static uint64_t asked[5][SHARDING_N_DIMS];

static double by_pass(void *context, uint32_t layer, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS],
                      uint32_t p) {
  static const double cycles[] = {1, 10, 100, 1000, 10000};
  (void)context, (void)layer;
  assert_int_equal(p, 4);
  memcpy(asked[pass], local, sizeof asked[pass]);
  return cycles[pass];
}
static const struct sharding_design passes[] = {
    {.name = "P", .model = SHARDING_PRICED, .clock_hz = 1, .price = by_pass}};

/* Two such layers, so that the second has a producer. */
static struct sharding_problem made_two(void) {
  static const uint64_t rows[][6] = {{128, 128, 56, 56, 3, 1}, {256, 128, 56, 56, 3, 1}};
  struct sharding_problem problem = made_chain(&arena, 2, rows, 1, 4, 1e9, 1e9);
  problem.designs = passes, problem.n_designs = 1;
  made_finish(&problem, &arena);
  return problem;
}

static void test_passes(void **state) {
  (void)state;
  struct sharding_problem problem = made_two();
  const struct sharding_strategy shared = {{4, 1, 1, 1, 1, 1, 1}, SHARDING_CIN};
  const double shift_s = 0.200704e-3; /* the worked example's */
  struct sharding_cost cost;
  sharding_cost(&problem, 1, passes, 4, 1e9, &shared, &cost);
  expect(cost.forward_s, 4 * 1 + 3 * shift_s + 1000); /* four phases, what works by element once */
  assert_true(asked[SHARDING_FORWARD][SHARDING_COUT] == 64 && asked[SHARDING_FORWARD][SHARDING_CIN] == 32);
  assert_true(asked[SHARDING_EPILOGUE][SHARDING_COUT] == 64 && asked[SHARDING_EPILOGUE][SHARDING_CIN] == 128);
  problem.training = true;
  sharding_cost(&problem, 1, passes, 4, 1e9, &shared, &cost);
  expect(cost.total_s - cost.forward_s,
         4 * 10 + 3 * shift_s + 10000 + 4 * 100 + 3 * shift_s); /* no weights in common */
  assert_true(asked[SHARDING_BACKWARD_DATA][SHARDING_COUT] == 64 && asked[SHARDING_BACKWARD_DATA][SHARDING_CIN] == 32);
  sharding_cost(&problem, 0, passes, 4, 1e9, &shared, &cost); /* reads from the host: no gradient of its input */
  expect(cost.total_s - cost.forward_s, 10000 + 4 * 100 + 3 * shift_s);
}

/* --- messages -------------------------------------------------------------------------------------------------------
 */

static void test_messages(void **state) {
  (void)state;
  struct sharding_problem problem = made_two();
  const double message_s = 0.01;
  problem.message_s = message_s;
  struct sharding_strategy by_place[2] = {{{1, 4, 1, 1, 1, 1, 1}, SHARDING_N_DIMS},
                                          {{4, 1, 1, 1, 1, 1, 1}, SHARDING_CIN}};
  struct sharding_cost cost;
  sharding_cost(&problem, 1, passes, 4, 1e9, &by_place[0], &cost);
  expect(cost.all_reduce_s, 2.408448e-3 + 6 * message_s); /* three steps there, three back */
  sharding_cost(&problem, 1, passes, 4, 1e9, &by_place[1], &cost);
  expect(cost.shift_s, 0.200704e-3 + message_s);
  by_place[0] = (struct sharding_strategy){{1, 1, 1, 4, 1, 1, 1}, SHARDING_N_DIMS}; /* columns: all must be gathered */
  const struct sharding_answer answer = made_one_set(&problem, 0, by_place, &arena);
  const double with_s = sharding_evaluate(&problem, &answer, &scratch, NULL);
  const struct sharding_shape shape = {4, 1e9, UINT64_C(1) << 40};
  const struct sharding_range range = {0, 1, INFINITY};
  struct sharding_tables *tables = sharding_tables_new(&problem, shape, 0, &arena);
  expect(sharding_level2_value(tables, &range, by_place, &scratch), with_s);
  problem.message_s = 0;
  const double without_s = sharding_evaluate(&problem, &answer, &scratch, NULL);
  expect(with_s - without_s, 4 * message_s); /* a re-shard, three shifts */
}

static void test_errors(void **state) {
  (void)state;
  struct sharding_problem problem = made_two();
  struct error error = {0};
  problem.message_s = -2385;
  assert_false(sharding_finish(&problem, &arena, &error));
  assert_non_null(strstr(error.text, "message_s: a finite number of at least 0 is allowed"));
  problem = made_two();
  struct sharding_design design = passes[0];
  design.price = NULL, problem.designs = &design;
  error = (struct error){0};
  assert_false(sharding_finish(&problem, &arena, &error));
  assert_non_null(strstr(error.text, "a parameter of its model is missing"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_same_formula, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_passes, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_errors, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
