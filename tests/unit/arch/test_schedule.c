/* Does the scheduler do the right thing at its edges: nothing to do, no core, times that do not fit, two classes? */
#include "arch/schedule_check.h"
#include "arch/schedule_exact.h"
#include "arch/schedule_model.h"
#include "tests/schedule_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TENSOR = 1 << CORE_TENSOR, VECTOR = 1 << CORE_VECTOR, LINK = 1 << CORE_LINK };

struct fixture {
  struct arena arena, scratch;
  struct graph_builder *builder;
  struct op_graph graph;
};

static int set_up(void **state) {
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  arena_init(&fixture.scratch, 1 << 16);
  fixture.builder = graph_builder_new(&fixture.arena);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
  return 0;
}

static struct schedule_problem finish(struct fixture *fixture, unsigned n_widths, uint32_t n_tensor,
                                      uint32_t n_vector) {
  case_finish(fixture->builder, &fixture->arena, &fixture->graph);
  return case_problem(&fixture->graph, n_widths, n_tensor, n_vector, 1, &fixture->arena);
}

static void build(struct fixture *fixture, const struct schedule_problem *problem, struct schedule *schedule) {
  schedule_build(problem, &fixture->scratch, &fixture->arena, true, schedule);
  struct error error = {0};
  if (!schedule_check(problem, schedule, &fixture->scratch, &error)) fail_msg("%s", error.text);
}

static void no_op(void **state) {
  struct fixture *const fixture = *state;
  const struct schedule_problem problem = finish(fixture, 1, 0, 0);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.makespan_cycles, 0);
  enum schedule_bound_kind kind;
  assert_int_equal(schedule_lower_bound(&problem, &fixture->scratch, &kind), 0);
  assert_int_equal(kind, BOUND_CRITICAL_PATH);
  uint64_t n_nodes;
  assert_true(schedule_exact(&problem, 100, &fixture->scratch, &fixture->arena, &schedule, &n_nodes));
}

static void no_core_of_a_class(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t first = case_add(fixture->builder, TENSOR, 23, SPREAD_EVEN, NULL, 0);
  case_add(fixture->builder, VECTOR | TENSOR, 85, SPREAD_EVEN, &first, 1);
  struct schedule_problem problem = finish(fixture, 3, 2, 0);
  struct schedule schedule;
  schedule_build(&problem, &fixture->scratch, &fixture->arena, true, &schedule);
  assert_int_equal(schedule.makespan_cycles, UINT64_MAX);
  assert_int_equal(schedule.start_cycles[0], UINT64_MAX);
  assert_int_equal(schedule.core[CORE_TENSOR][0], UINT32_MAX);
  struct error error = {0};
  assert_false(schedule_check(&problem, &schedule, &fixture->scratch, &error));
  enum schedule_bound_kind kind;
  assert_int_equal(schedule_lower_bound(&problem, &fixture->scratch, &kind), UINT64_MAX);
  assert_int_equal(kind, BOUND_VECTOR_LOAD);
  uint64_t n_nodes;
  assert_false(schedule_exact(&problem, 100, &fixture->scratch, &fixture->arena, &schedule, &n_nodes));
  problem.n_cores[CORE_VECTOR] = 1; /* and none of the link class, which nobody needs */
  problem.n_cores[CORE_LINK] = 0;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.makespan_cycles, 12 + 85); /* the first op takes both tensor cores */
}

static void times_that_do_not_fit(void **state) {
  struct fixture *const fixture = *state;
  uint32_t last = case_add(fixture->builder, TENSOR, UINT64_MAX / 3, SPREAD_NONE, NULL, 0);
  for (int i = 0; i < 4; i++) last = case_add(fixture->builder, TENSOR, UINT64_MAX / 3, SPREAD_NONE, &last, 1);
  for (int i = 0; i < 9; i++) case_add(fixture->builder, TENSOR, UINT64_MAX - 5, SPREAD_NONE, NULL, 0);
  const struct schedule_problem problem = finish(fixture, 1, 2, 0);
  struct schedule schedule;
  schedule_build(&problem, &fixture->scratch, &fixture->arena, true, &schedule);
  assert_int_equal(schedule.makespan_cycles, UINT64_MAX);
  assert_int_equal(schedule.critical_path_cycles, UINT64_MAX);
  assert_int_equal(schedule.busy_cycles[CORE_TENSOR], UINT64_MAX);
  enum schedule_bound_kind kind;
  assert_int_equal(schedule_lower_bound(&problem, &fixture->scratch, &kind), UINT64_MAX);
}

/* An op of two classes waits for both; the class that was full to the end is charged, the first if both were. */
static void two_classes_wait_for_both(void **state) {
  struct fixture *const fixture = *state;
  case_add(fixture->builder, TENSOR, 100, SPREAD_NONE, NULL, 0);
  case_add(fixture->builder, VECTOR, 37, SPREAD_NONE, NULL, 0);
  case_add(fixture->builder, TENSOR | VECTOR, 23, SPREAD_NONE, NULL, 0); /* slack 77 */
  const uint32_t third = case_add(fixture->builder, VECTOR, 50, SPREAD_NONE, NULL, 0);
  case_add(fixture->builder, LINK, 50, SPREAD_NONE, &third, 1);
  const struct schedule_problem problem = finish(fixture, 1, 1, 1);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  /* Ops 0 and 3 are critical and start first; at 50 op 1 (slack 63) goes before op 2 (slack 77), whose cores are free
   * at 87 and 100. */
  static const uint64_t starts[] = {0, 50, 100, 0, 50};
  for (size_t i = 0; i < 5; i++) assert_int_equal(schedule.start_cycles[i], starts[i]);
  assert_int_equal(schedule.delay_op_cycles[2], 23);
  assert_int_equal(schedule.delay_cycles[CORE_TENSOR], 23);
  assert_int_equal(schedule.delay_cycles[CORE_VECTOR], 0);
}

static void vector_pays_when_it_freed_last(void **state) {
  struct fixture *const fixture = *state;
  case_add(fixture->builder, VECTOR, 85, SPREAD_NONE, NULL, 0);
  case_add(fixture->builder, TENSOR, 85, SPREAD_NONE, NULL, 0);
  case_add(fixture->builder, VECTOR | TENSOR, 85, SPREAD_NONE, NULL, 0);
  const struct schedule_problem problem = finish(fixture, 1, 2, 1);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.delay_cycles[CORE_TENSOR], 0);
  assert_int_equal(schedule.delay_cycles[CORE_VECTOR], 85);
}

static void op_prefers_the_core_of_its_mirror(void **state) {
  struct fixture *const fixture = *state;
  case_add(fixture->builder, TENSOR, 2385, SPREAD_NONE, NULL, 0);
  const uint32_t forward = case_add(fixture->builder, TENSOR, 10, SPREAD_NONE, NULL, 0);
  const uint32_t other = case_add(fixture->builder, TENSOR, 11, SPREAD_NONE, NULL, 0);
  const uint32_t preds[] = {forward, other};
  case_add(fixture->builder, TENSOR, 7, SPREAD_NONE, preds, 2);
  const uint32_t backward = case_add(fixture->builder, TENSOR, 9, SPREAD_NONE, preds, 2);
  graph_builder_op(fixture->builder, backward)->mirror = forward;
  const struct schedule_problem problem = finish(fixture, 1, 3, 0);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  const uint32_t *const core = schedule.core[CORE_TENSOR];
  assert_int_equal(core[0], 0);
  assert_int_equal(core[forward], 1);
  assert_int_equal(core[other], 2);
  assert_int_equal(core[backward], 1);
  graph_builder_op(fixture->builder, backward)->mirror = other;
  const struct schedule_problem turned = finish(fixture, 1, 3, 0);
  build(fixture, &turned, &schedule);
  assert_int_equal(schedule.core[CORE_TENSOR][backward], 2);
}

static void ops_without_duration_take_turns(void **state) {
  struct fixture *const fixture = *state;
  uint32_t last = case_add(fixture->builder, TENSOR, 0, SPREAD_NONE, NULL, 0);
  for (int i = 0; i < 23; i++) last = case_add(fixture->builder, TENSOR, i % 3 == 0 ? 5 : 0, SPREAD_NONE, &last, 1);
  for (int i = 0; i < 23; i++) case_add(fixture->builder, TENSOR, 0, SPREAD_NONE, NULL, 0);
  const struct schedule_problem problem = finish(fixture, 1, 1, 0);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.makespan_cycles, 8 * 5);
}

/* The search must stop when told, and say that it did. */
static void exact_search_can_be_cut_short(void **state) {
  struct fixture *const fixture = *state;
  case_example(&fixture->arena, &fixture->graph);
  const struct schedule_problem problem = case_problem(&fixture->graph, 1, 2, 1, 0, &fixture->arena);
  struct schedule schedule;
  uint64_t n_nodes;
  assert_false(schedule_exact(&problem, 1, &fixture->scratch, &fixture->arena, &schedule, &n_nodes));
  assert_int_equal(n_nodes, 1);
  assert_int_equal(schedule.makespan_cycles, 27); /* the list's */
}

static void exact_search_refuses_large_graphs(void **state) {
  struct fixture *const fixture = *state;
  for (int i = 0; i <= SCHEDULE_EXACT_MAX_OPS; i++) case_add(fixture->builder, TENSOR, 5, SPREAD_NONE, NULL, 0);
  const struct schedule_problem problem = finish(fixture, 1, 3, 0);
  struct schedule schedule;
  uint64_t n_nodes;
  assert_false(schedule_exact(&problem, 1000, &fixture->scratch, &fixture->arena, &schedule, &n_nodes));
  assert_int_equal(schedule.makespan_cycles, 22 * 5);
}

/* What fits 64 bits on four cores, but not on one: trying that would wrap and look short. */
static void improvement_leaves_alone_what_it_cannot_add(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t first = case_add(fixture->builder, VECTOR, 2385, SPREAD_NONE, NULL, 0);
  case_add(fixture->builder, TENSOR, UINT64_MAX - 103, SPREAD_EVEN, &first, 1);
  struct schedule_problem problem = finish(fixture, 3, 4, 1);
  problem.share = true;
  struct schedule schedule;
  problem.passes = 3;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.makespan_cycles, 2385 + (UINT64_MAX - 103) / 4);
}

/* A list starts what is ready: here an op of ten cycles that blocks the core which a critical one needs a cycle later.
 */
static void improvement_waits_where_that_pays(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t vector = case_add(fixture->builder, 1 << CORE_VECTOR, 1, SPREAD_NONE, NULL, 0);
  const uint32_t critical = case_add(fixture->builder, TENSOR, 20, SPREAD_NONE, &vector, 1);
  case_add(fixture->builder, 1 << CORE_VECTOR, 20, SPREAD_NONE, &critical, 1);
  case_add(fixture->builder, TENSOR, 10, SPREAD_NONE, NULL, 0);
  struct schedule_problem problem = finish(fixture, 1, 1, 1);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.makespan_cycles, 50);
  assert_int_equal(schedule.delay_cycles[CORE_TENSOR], 9);
  problem.passes = 1;
  build(fixture, &problem, &schedule);
  assert_int_equal(schedule.makespan_cycles, 41);
  assert_int_equal(schedule.start_cycles[3], 21);
  assert_int_equal(schedule.delay_cycles[CORE_TENSOR], 0); /* its slack covers the wait */
}

static void model_is_written_or_says_why_not(void **state) {
  struct fixture *const fixture = *state;
  case_example(&fixture->arena, &fixture->graph);
  const struct schedule_problem problem = case_problem(&fixture->graph, 1, 2, 1, 0, &fixture->arena);
  struct schedule schedule;
  build(fixture, &problem, &schedule);
  struct schedule_plan plan = {schedule.makespan_cycles, schedule.start_cycles, schedule.width_log2};
  struct schedule_model_options options = {.max_nodes = 0, .lp_path = "/nonexistent/model.lp"};
  struct schedule_model_answer answer;
  struct error error = {0};
  assert_false(schedule_model_solve(&problem, &options, &fixture->scratch, &plan, &answer, &error));
  assert_non_null(strstr(error.text, "/nonexistent/model.lp: cannot be written"));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
  char path[] = "/tmp/test_schedule.XXXXXX", line[256] = "";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  options.lp_path = path;
  error = (struct error){0};
  assert_true(schedule_model_solve(&problem, &options, &fixture->scratch, &plan, &answer, &error));
  assert_false(answer.proven); /* it was only written */
  assert_int_equal(answer.best_cycles, UINT64_MAX);
  assert_true(read(file, line, sizeof line - 1) > 0);
  assert_non_null(strstr(line, "Minimize"));
  close(file);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(no_op, set_up, tear_down),
      cmocka_unit_test_setup_teardown(no_core_of_a_class, set_up, tear_down),
      cmocka_unit_test_setup_teardown(times_that_do_not_fit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(two_classes_wait_for_both, set_up, tear_down),
      cmocka_unit_test_setup_teardown(vector_pays_when_it_freed_last, set_up, tear_down),
      cmocka_unit_test_setup_teardown(op_prefers_the_core_of_its_mirror, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ops_without_duration_take_turns, set_up, tear_down),
      cmocka_unit_test_setup_teardown(exact_search_can_be_cut_short, set_up, tear_down),
      cmocka_unit_test_setup_teardown(exact_search_refuses_large_graphs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(improvement_leaves_alone_what_it_cannot_add, set_up, tear_down),
      cmocka_unit_test_setup_teardown(improvement_waits_where_that_pays, set_up, tear_down),
      cmocka_unit_test_setup_teardown(model_is_written_or_says_why_not, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
