/* Does the scheduler give the numbers of the worked example?
 *
 * Values: accelerator-search §6, "Golden example" (measured with an independent implementation; optima confirmed there
 * with a mixed-integer model): T*, mobilities, list makespans 39, 27, 25 on 1, 2, 3 tensor cores, optima 39, 26, 25,
 * delays 35, 2, 0, bounds 36, 25, 25, the starts on 2 cores, and the optima 22, 17, 14 with spreading on 2, 3, 4 cores,
 * which no list schedule may beat and no bound may exceed. The starts on 1 core and the delays per op follow from the
 * rule by hand. */
#include "arch/schedule_check.h"
#include "arch/schedule_exact.h"
#include "arch/schedule_model.h"
#include "tests/schedule_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_OPS = 11 };

struct fixture {
  struct arena arena, scratch;
  struct op_graph graph;
};

static int set_up(void **state) {
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  arena_init(&fixture.scratch, 1 << 16);
  case_example(&fixture.arena, &fixture.graph);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
  return 0;
}

static void assert_times(const uint64_t *times, const uint64_t *expected) {
  for (size_t i = 0; i < N_OPS; i++) assert_int_equal(times[i], expected[i]);
}

static void build(struct fixture *fixture, const struct schedule_problem *problem, struct schedule *schedule) {
  schedule_build(problem, &fixture->scratch, &fixture->arena, true, schedule);
  struct error error = {0};
  if (!schedule_check(problem, schedule, &fixture->scratch, &error)) fail_msg("%s", error.text);
}

static void list_makespans_delays_and_bounds(void **state) {
  static const uint64_t makespans[] = {39, 27, 25}, delays[] = {35, 2, 0}, bounds[] = {36, 25, 25};
  static const uint64_t mobilities[N_OPS] = {0, 0, 3, 0, 0, 0, 5, 3, 8, 0, 0};
  for (uint32_t n = 1; n <= 3; n++) {
    struct fixture *const fixture = *state;
    const struct schedule_problem problem = case_problem(&fixture->graph, 1, n, 1, 0, &fixture->arena);
    struct schedule schedule;
    build(fixture, &problem, &schedule);
    assert_int_equal(schedule.makespan_cycles, makespans[n - 1]);
    assert_int_equal(schedule.critical_path_cycles, 25);
    assert_int_equal(schedule.delay_cycles[CORE_TENSOR], delays[n - 1]);
    assert_int_equal(schedule.delay_cycles[CORE_VECTOR], 0);
    assert_int_equal(schedule.delay_cycles[CORE_LINK], 0);
    assert_int_equal(schedule.busy_cycles[CORE_TENSOR], 35);
    assert_int_equal(schedule.busy_cycles[CORE_VECTOR], 5);
    assert_int_equal(schedule.busy_cycles[CORE_LINK], 0);
    assert_times(schedule.mobility_cycles, mobilities);
    enum schedule_bound_kind kind;
    assert_int_equal(schedule_lower_bound(&problem, &fixture->scratch, &kind), bounds[n - 1]);
    assert_int_equal(kind, n == 1 ? BOUND_ENDS : BOUND_CRITICAL_PATH);
  }
}

static void starts(void **state) {
  static const uint64_t on_one[N_OPS] = {0, 4, 10, 13, 15, 17, 26, 23, 36, 26, 32};
  static const uint64_t on_two[N_OPS] = {0, 4, 4, 10, 12, 14, 17, 14, 20, 20, 23};
  /* On one core: f3 starts at 10, due at 7; w2 at 26, due at 19; b3 at 23, due at 17; w3 at 36, due at 22; w1 at 32,
   * ready at 27. */
  static const uint64_t delays_on_one[N_OPS] = {0, 0, 3, 0, 0, 0, 7, 6, 14, 0, 5};
  struct fixture *const fixture = *state;
  struct schedule schedule;
  struct schedule_problem problem = case_problem(&fixture->graph, 1, 1, 1, 0, &fixture->arena);
  build(fixture, &problem, &schedule);
  assert_times(schedule.start_cycles, on_one);
  assert_times(schedule.delay_op_cycles, delays_on_one);
  problem.n_cores[CORE_TENSOR] = 2;
  build(fixture, &problem, &schedule);
  assert_times(schedule.start_cycles, on_two);
}

static void optima(void **state) {
  static const uint64_t expected[] = {39, 26, 25};
  struct fixture *const fixture = *state;
  for (uint32_t n = 1; n <= 3; n++) {
    const struct schedule_problem problem = case_problem(&fixture->graph, 1, n, 1, 0, &fixture->arena);
    struct schedule schedule;
    uint64_t n_nodes;
    assert_true(schedule_exact(&problem, 100000, &fixture->scratch, &fixture->arena, &schedule, &n_nodes));
    assert_int_equal(schedule.makespan_cycles, expected[n - 1]);
    struct error error = {0};
    assert_true(schedule_check(&problem, &schedule, &fixture->scratch, &error));
  }
}

static void spreading_brackets_the_optimum(void **state) {
  static const uint64_t expected[] = {22, 17, 14};
  struct fixture *const fixture = *state;
  for (uint32_t n = 2; n <= 4; n++) {
    const struct schedule_problem problem = case_problem(&fixture->graph, 3, n, 1, 0, &fixture->arena);
    struct schedule schedule;
    build(fixture, &problem, &schedule);
    assert_int_equal(schedule.critical_path_cycles, 1 + 2 + 2 + 2 + 2 + 1 + 1); /* f1 f2 f4 b4 b2 s1 w1 on four cores */
    enum schedule_bound_kind kind;
    assert_true(schedule_lower_bound(&problem, &fixture->scratch, &kind) <= expected[n - 2]);
    assert_true(schedule.makespan_cycles >= expected[n - 2]);
    assert_int_equal(schedule.width_log2[0], n == 4 ? 2 : 1); /* f1 is alone and critical */
    assert_int_equal(schedule.width_log2[1], 0);              /* f2 is critical, but f3 is ready too */
  }
}

/* All six optima, by three methods: one pass of improvement, our branch and bound, and GLPK's of the model with and
 * without rules 7, 9 and 10, and with matched pairs, of which this example has none. */
static void six_optima_by_three_methods(void **state) {
  static const uint64_t expected[2][4] = {{39, 26, 25, 0}, {39, 22, 17, 14}};
  struct fixture *const fixture = *state;
  for (unsigned spread = 0; spread < 2; spread++)
    for (uint32_t n = 1; n <= 4; n++) {
      if (expected[spread][n - 1] == 0) continue;
      struct schedule_problem problem = case_problem(&fixture->graph, spread == 0 ? 1 : 3, n, 1, 0, &fixture->arena);
      struct schedule list, improved, best;
      uint64_t n_nodes;
      build(fixture, &problem, &list);
      assert_true(schedule_exact(&problem, 100000, &fixture->scratch, &fixture->arena, &best, &n_nodes));
      assert_int_equal(best.makespan_cycles, expected[spread][n - 1]);
      problem.passes = 1;
      build(fixture, &problem, &improved);
      assert_int_equal(improved.makespan_cycles, expected[spread][n - 1]);
      problem.passes = 0;
      for (unsigned rules = 0; rules < 3; rules++) {
        const struct schedule_model_options options = {
            .tight = rules == 1 || n == 4, .matched = rules == 2, .max_nodes = 100000};
        struct schedule_plan plan = {list.makespan_cycles, list.start_cycles, list.width_log2};
        struct schedule_model_answer answer;
        struct error error = {0};
        assert_true(schedule_model_solve(&problem, &options, &fixture->scratch, &plan, &answer, &error));
        assert_true(answer.proven);
        assert_int_equal(answer.best_cycles, expected[spread][n - 1]);
        assert_int_equal(answer.bound_cycles, expected[spread][n - 1]);
        build(fixture, &problem, &list); /* the plan lay in its arrays */
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(list_makespans_delays_and_bounds, set_up, tear_down),
      cmocka_unit_test_setup_teardown(starts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(optima, set_up, tear_down),
      cmocka_unit_test_setup_teardown(spreading_brackets_the_optimum, set_up, tear_down),
      cmocka_unit_test_setup_teardown(six_optima_by_three_methods, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
