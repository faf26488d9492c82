/* Does the judge of schedules see each way in which a schedule can be wrong, and say so? */
#include "arch/schedule_check.h"
#include "tests/schedule_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The worked example on three tensor cores where up to four cores may serve one op: f1 (op 0) takes two cores, f2 and
 * f3 run side by side, and so on. */
struct fixture {
  struct arena arena, scratch;
  struct op_graph graph;
  struct schedule_problem problem;
  struct schedule schedule;
};

static int set_up(void **state) {
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  arena_init(&fixture.scratch, 1 << 16);
  case_example(&fixture.arena, &fixture.graph);
  fixture.problem = case_problem(&fixture.graph, 3, 3, 2, 0, &fixture.arena);
  schedule_build(&fixture.problem, &fixture.scratch, &fixture.arena, true, &fixture.schedule);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
  return 0;
}

static void assert_caught(struct fixture *fixture, const char *message) {
  struct error error = {0};
  assert_false(schedule_check(&fixture->problem, &fixture->schedule, &fixture->scratch, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  if (strstr(error.text, message) == NULL) fail_msg("'%s' is not in: %s", message, error.text);
}

static void accepts_a_schedule(void **state) {
  struct fixture *const fixture = *state;
  struct error error = {0};
  assert_true(schedule_check(&fixture->problem, &fixture->schedule, &fixture->scratch, &error));
  assert_int_equal(error.n_messages, 0);
  assert_int_equal(fixture->schedule.width_log2[0], 1); /* what the other tests count on */
  assert_int_equal(fixture->schedule.start_cycles[1], 2);
  assert_int_equal(fixture->schedule.start_cycles[2], 2);
}

static void start_too_early(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.start_cycles[3]--;
  fixture->schedule.finish_cycles[3]--;
  assert_caught(fixture, "op 3: starts at 7 before its predecessor 1 finishes at 8");
}

static void wrong_duration(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.finish_cycles[2]++;
  assert_caught(fixture, "op 2: finishes at 6, but starts at 2 and takes 3 cycles");
}

static void width_that_was_not_priced(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.width_log2[2] = 3;
  assert_caught(fixture, "op 2: width 2^3 is not allowed");
  fixture->schedule.width_log2[2] = 200;
  assert_caught(fixture, "op 2: width 2^200 is not allowed");
}

static void width_that_is_forbidden(void **state) {
  struct fixture *const fixture = *state;
  uint64_t cycles[64];
  memcpy(cycles, fixture->problem.shape_cycles, fixture->graph.n_shapes * 3 * sizeof *cycles);
  cycles[fixture->graph.ops[0].shape * 3 + 1] = UINT64_MAX;
  fixture->problem.shape_cycles = cycles;
  assert_caught(fixture, "op 0: width 2^1 is not allowed");
}

static void width_without_its_cores(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.width_log2[2] = 1;
  fixture->schedule.finish_cycles[2] = fixture->schedule.start_cycles[2] + 2;
  fixture->schedule.busy_cycles[CORE_TENSOR]++; /* 2 × 2 for 3 */
  assert_caught(fixture, "op 2: has 1 tensor cores, its class and width ask for 2");
}

static void cores_of_a_class_it_does_not_use(void **state) {
  struct fixture *const fixture = *state;
  for (size_t i = 6; i <= 11; i++) fixture->schedule.core_list_start[CORE_VECTOR][i]++;
  assert_caught(fixture, "op 5: has 1 vector cores, its class and width ask for 0");
}

static void list_that_runs_backwards(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.core_list_start[CORE_TENSOR][3] = 0;
  assert_caught(fixture, "op 2: has -3 tensor cores, its class and width ask for 1");
  fixture->schedule.core_list_start[CORE_TENSOR][0] = 1;
  assert_caught(fixture, "schedule: the list of tensor cores does not start at 0");
}

static void two_ops_on_one_core(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t *const row = fixture->schedule.core_list_start[CORE_TENSOR];
  fixture->schedule.core_list[CORE_TENSOR][row[2]] = fixture->schedule.core_list[CORE_TENSOR][row[1]];
  fixture->schedule.core[CORE_TENSOR][2] = fixture->schedule.core[CORE_TENSOR][1];
  assert_caught(fixture, "op 1: starts on tensor core 0 at 2, which op 2 leaves at 5");
}

static void one_op_twice_on_a_core(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.core_list[CORE_TENSOR][1] = fixture->schedule.core_list[CORE_TENSOR][0];
  assert_caught(fixture, "op 0: is twice on tensor core 0");
}

static void core_that_does_not_exist(void **state) {
  struct fixture *const fixture = *state;
  const uint32_t *const row = fixture->schedule.core_list_start[CORE_TENSOR];
  fixture->schedule.core_list[CORE_TENSOR][row[2]] = fixture->schedule.core[CORE_TENSOR][2] = 3;
  assert_caught(fixture, "op 2: runs on tensor core 3, there are 3");
}

static void first_core_that_is_not_in_the_list(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.core[CORE_TENSOR][2] = 2;
  assert_caught(fixture, "op 2: its first tensor core is said to be 2, the list says 1");
}

static void core_without_need(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.core[CORE_LINK][4] = 0;
  assert_caught(fixture, "op 4: its first link core is said to be 0, the list says 4294967295");
}

static void wrong_makespan(void **state) {
  struct fixture *const fixture = *state;
  const uint64_t makespan_cycles = fixture->schedule.makespan_cycles;
  assert_int_equal(makespan_cycles, 21);
  fixture->schedule.makespan_cycles = 20;
  assert_caught(fixture, "schedule: makespan 20, but the last op finishes at 21");
  fixture->schedule.makespan_cycles = 22;
  assert_caught(fixture, "schedule: makespan 22, but the last op finishes at 21");
}

static void wrong_busy_cycles(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.busy_cycles[CORE_VECTOR] = 6;
  assert_caught(fixture, "schedule: vector cores are said to be busy for 6 cycles, the ops take 5");
}

static void times_that_do_not_fit(void **state) {
  struct fixture *const fixture = *state;
  fixture->schedule.start_cycles[10] = UINT64_MAX - 1;
  fixture->schedule.finish_cycles[10] = UINT64_MAX;
  assert_caught(fixture, "op 10: starts at 18446744073709551614 and takes 2 cycles, which does not fit");
}

static void brief_schedule(void **state) {
  struct fixture *const fixture = *state;
  schedule_build(&fixture->problem, &fixture->scratch, NULL, false, &fixture->schedule);
  assert_caught(fixture, "some array per op is missing");
}

static void every_shift_is_noticed(void **state) {
  struct fixture *const fixture = *state;
  struct error error = {0};
  /* A pure delay of the last op, with the makespan to match, is a worse schedule but still one. */
  fixture->schedule.start_cycles[10] += 7;
  fixture->schedule.finish_cycles[10] += 7;
  fixture->schedule.makespan_cycles += 7;
  assert_true(schedule_check(&fixture->problem, &fixture->schedule, &fixture->scratch, &error));
  for (size_t i = 0; i < 10; i++) {
    const uint64_t start_cycles = fixture->schedule.start_cycles[i], finish_cycles = fixture->schedule.finish_cycles[i];
    fixture->schedule.start_cycles[i] = 0;
    fixture->schedule.finish_cycles[i] = finish_cycles - start_cycles;
    if (i > 0) assert_caught(fixture, "op ");
    fixture->schedule.start_cycles[i] = start_cycles;
    fixture->schedule.finish_cycles[i] = finish_cycles;
  }
}

static void at_most_twenty_messages(void **state) {
  struct fixture *const fixture = *state;
  memset(fixture->schedule.start_cycles, 0xF0, 11 * sizeof *fixture->schedule.start_cycles);
  memset(fixture->schedule.width_log2, 0xF0, 11);
  struct error error = {0};
  assert_false(schedule_check(&fixture->problem, &fixture->schedule, &fixture->scratch, &error));
  assert_int_equal(error.n_messages, 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(accepts_a_schedule, set_up, tear_down),
      cmocka_unit_test_setup_teardown(start_too_early, set_up, tear_down),
      cmocka_unit_test_setup_teardown(wrong_duration, set_up, tear_down),
      cmocka_unit_test_setup_teardown(width_that_was_not_priced, set_up, tear_down),
      cmocka_unit_test_setup_teardown(width_that_is_forbidden, set_up, tear_down),
      cmocka_unit_test_setup_teardown(width_without_its_cores, set_up, tear_down),
      cmocka_unit_test_setup_teardown(cores_of_a_class_it_does_not_use, set_up, tear_down),
      cmocka_unit_test_setup_teardown(list_that_runs_backwards, set_up, tear_down),
      cmocka_unit_test_setup_teardown(two_ops_on_one_core, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_op_twice_on_a_core, set_up, tear_down),
      cmocka_unit_test_setup_teardown(core_that_does_not_exist, set_up, tear_down),
      cmocka_unit_test_setup_teardown(first_core_that_is_not_in_the_list, set_up, tear_down),
      cmocka_unit_test_setup_teardown(core_without_need, set_up, tear_down),
      cmocka_unit_test_setup_teardown(wrong_makespan, set_up, tear_down),
      cmocka_unit_test_setup_teardown(wrong_busy_cycles, set_up, tear_down),
      cmocka_unit_test_setup_teardown(times_that_do_not_fit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(brief_schedule, set_up, tear_down),
      cmocka_unit_test_setup_teardown(every_shift_is_noticed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(at_most_twenty_messages, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
