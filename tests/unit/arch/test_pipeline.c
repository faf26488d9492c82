/* Does the simulation of pipelines do what a small drawing says, and does it say why it cannot? */
#include "tests/pipeline_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena scratch;

static void registry(void **state) {
  (void)state;
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    assert_string_equal(pipeline_schedules[i]->name, pipeline_schedule_names[i]);
    assert_true(strlen(pipeline_schedules[i]->doc) > 10);
    assert_non_null(pipeline_schedules[i]->order);
    assert_true((pipeline_schedules[i]->period == NULL) == (pipeline_schedules[i]->reach == NULL));
  }
  assert_null(pipeline_schedule_names[n_pipeline_schedules]);
}

static void assert_refused(const struct pipeline_schedule *schedule, uint64_t p, uint64_t v, uint64_t m,
                           const char *message) {
  const struct pipeline_problem problem = {.n_devices = p, .n_chunks = v, .n_microbatches = m};
  struct error error = {0};
  assert_false(pipeline_applies(schedule, &problem, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  if (strstr(error.text, message) == NULL) fail_msg("'%s' is not in: %s", message, error.text);
}

static void refusals(void **state) {
  (void)state;
  assert_refused(&pipeline_interleaved, 4, 2, 10, "interleaved: 10 microbatches are no multiple of 4 devices");
  assert_refused(&pipeline_zb_v, 4, 3, 10, "zb_v: 3 chunks a device; allowed are two");
  assert_refused(&pipeline_zb_v, 4, 1, 10, "zb_v: 1 chunks a device; allowed are two");
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    const struct pipeline_schedule *const schedule = pipeline_schedules[i];
    assert_refused(schedule, 0, 2, 7, "0 devices, 2 chunks, 7 microbatches; each must be at least 1");
    assert_refused(schedule, 3, 0, 7, "each must be at least 1");
    assert_refused(schedule, 3, 2, 0, "each must be at least 1");
    assert_refused(schedule, 65537, 2, 7, "too many to simulate");
    assert_refused(schedule, 3, 256, 7, "too many to simulate");
    assert_refused(schedule, 1, 1, 4194304, "too many to simulate; allowed are 65536, 255, 4194303, and 268435456");
    assert_refused(schedule, 65536, 2, 4096, "too many to simulate");
    if (!schedule->has_chunks) assert_refused(schedule, 4, 3, 8, "3 chunks a device; allowed is one");
  }
}

/* Two devices, forward 3 and 5, backward 7 and 11, sending takes 2 forward and 13 backward. */
static struct pipeline_problem two_devices(uint64_t m) {
  static const struct pipeline_stage stages[2] = {
      {.forward_ps = 3, .backward_ps = 7, .send_forward_ps = 2, .send_backward_ps = 1000, .kept_bytes = 100},
      {.forward_ps = 5, .backward_ps = 11, .send_forward_ps = 1000, .send_backward_ps = 13, .kept_bytes = 1000}};
  return (struct pipeline_problem){.n_devices = 2, .n_chunks = 1, .n_microbatches = m, .stages = stages};
}

/* What the ends of the chain would send goes nowhere. */
static void one_microbatch_walks_the_chain(void **state) {
  (void)state;
  const struct pipeline_problem problem = two_devices(1);
  struct pipeline_result result;
  assert_true(pipeline_simulate(&pipeline_1f1b, &problem, true, &scratch, &result));
  assert_int_equal(result.makespan_ps, 3 + 2 + 5 + 11 + 13 + 7);
  assert_int_equal(result.span_ps, 41);
  assert_int_equal(result.busy_ps, 16);
  assert_int_equal(pipeline_bound_ps(&problem), 41);
  assert_int_equal(result.n_tasks, 4);
  const struct pipeline_task expected[] = {
      {0, 3, 0, 0, 0, PIPELINE_FORWARD},
      {5, 10, 1, 0, 0, PIPELINE_FORWARD},
      {10, 21, 1, 0, 0, PIPELINE_BACKWARD},
      {34, 41, 0, 0, 0, PIPELINE_BACKWARD},
  };
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(result.tasks[i].start_ps, expected[i].start_ps);
    assert_int_equal(result.tasks[i].end_ps, expected[i].end_ps);
    assert_int_equal(result.tasks[i].device, expected[i].device);
    assert_int_equal(result.tasks[i].phase, expected[i].phase);
  }
}

/* 1F1B: device 0 F 0–3, 3–6; device 1 F 5–10, B 10–21 (at device 0: 34), F 21–26, B 26–37 (50); B 34–41, 50–57.
 * GPipe: F 5–10, 10–15, B 15–26 (39), 26–37 (50); device 0 B 39–46, 50–57. */
static void two_microbatches(void **state) {
  (void)state;
  const struct pipeline_problem problem = two_devices(2);
  struct pipeline_result result;
  assert_true(pipeline_simulate(&pipeline_1f1b, &problem, false, &scratch, &result));
  assert_int_equal(result.makespan_ps, 57);
  assert_int_equal(result.span_ps, 57);
  assert_int_equal(result.busy_ps, 32);
  assert_int_equal(result.peak_kept[0], 2);
  assert_int_equal(result.peak_bytes[0], 200);
  assert_int_equal(result.peak_kept[1], 1);
  assert_int_equal(result.peak_bytes[1], 1000);
  assert_null(result.tasks);
  assert_true(pipeline_simulate(&pipeline_gpipe, &problem, false, &scratch, &result));
  assert_int_equal(result.makespan_ps, 57);
  assert_int_equal(result.peak_bytes[1], 2000);
}

/* One device with chunks: nothing to wait for. */
static void one_device(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {3, 5, 7};
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    const struct pipeline_problem problem =
        case_equal(1, pipeline_schedules[i]->has_chunks ? 2 : 1, 11, phase_ps, &scratch);
    struct pipeline_result result;
    assert_true(pipeline_simulate(pipeline_schedules[i], &problem, false, &scratch, &result));
    assert_int_equal(result.makespan_ps, 11 * 15 * problem.n_chunks);
    assert_int_equal(result.span_ps, result.busy_ps);
  }
}

static size_t circular_order(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  (void)problem;
  for (uint32_t i = 0; i < 2; i++) {
    const uint32_t microbatch = device == 0 ? i : 1 - i; /* device 1 wants the second microbatch first */
    order[2 * i] = (struct pipeline_task){.phase = PIPELINE_FORWARD, .microbatch = microbatch};
    order[2 * i + 1] = (struct pipeline_task){.phase = PIPELINE_BACKWARD, .microbatch = microbatch};
  }
  return 4;
}

static size_t weight_first_order(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  (void)problem, (void)device;
  order[0] = (struct pipeline_task){.phase = PIPELINE_FORWARD};
  order[1] = (struct pipeline_task){.phase = PIPELINE_WEIGHT};
  order[2] = (struct pipeline_task){.phase = PIPELINE_BACKWARD};
  return 3;
}

static void circular_waits(void **state) {
  (void)state;
  const struct pipeline_schedule circular = {.name = "circular", .doc = "", .order = circular_order};
  const struct pipeline_schedule weight_first = {
      .name = "weight_first", .doc = "", .tears = true, .order = weight_first_order};
  struct pipeline_problem problem = two_devices(2);
  struct pipeline_result result;
  assert_false(pipeline_simulate(&circular, &problem, true, &scratch, &result));
  assert_false(pipeline_simulate(&circular, &problem, false, &scratch, &result));
  problem.n_microbatches = 1;
  assert_false(pipeline_simulate(&weight_first, &problem, false, &scratch, &result));
}

/* Times that do not fit stick instead of wrapping. */
static void endless_stages(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {UINT64_MAX / 3, UINT64_MAX / 7, UINT64_MAX / 5};
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    const uint64_t v = pipeline_schedules[i]->has_chunks ? 2 : 1;
    const struct pipeline_problem problem = case_equal(3, v, 240, phase_ps, &scratch);
    struct pipeline_result result;
    assert_true(pipeline_simulate(pipeline_schedules[i], &problem, false, &scratch, &result));
    assert_true(pipeline_time_ps(pipeline_schedules[i], &result) == UINT64_MAX);
    assert_true(result.busy_ps == UINT64_MAX);
  }
}

/* --- long pipelines -------------------------------------------------------------------------------------------------
 */

static uint64_t n_asked; /* microbatches of all orders asked for, first device */
static const struct pipeline_schedule *asked;

static size_t counting_order(const struct pipeline_problem *problem, uint64_t device, struct pipeline_task *order) {
  if (device == 0) n_asked += problem->n_microbatches;
  return asked->order(problem, device, order);
}

/* Rounds that repeat are recognised, also where messages make them as long as all devices together. */
static void long_pipelines_are_cut_short(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {1009, 1013, 997};
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (uint64_t send_ps = 0; send_ps < 1000; send_ps += 499) {
      asked = pipeline_schedules[i];
      if (asked->period == NULL) continue;
      struct pipeline_schedule counting = *asked;
      const uint64_t p = 7, v = asked->has_chunks ? 2 : 1, m = 7 * 341;
      struct pipeline_problem problem = case_equal(p, v, m, phase_ps, &scratch);
      struct pipeline_stage *const stages = ARENA_NEW(&scratch, struct pipeline_stage, p * v);
      for (size_t k = 0; k < p * v; k++) {
        stages[k] = problem.stages[k];
        stages[k].send_forward_ps = send_ps;
        stages[k].send_backward_ps = send_ps + 1;
      }
      problem.stages = stages;
      counting.order = counting_order;
      struct pipeline_result result, whole;
      n_asked = 0;
      assert_true(pipeline_simulate(&counting, &problem, false, &scratch, &result));
      assert_true(n_asked < m / 2);
      assert_true(pipeline_simulate(asked, &problem, true, &scratch, &whole));
      assert_int_equal(result.makespan_ps, whole.makespan_ps);
      assert_int_equal(result.span_ps, whole.span_ps);
    }
}

static void leaves_nothing_in_scratch(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {3, 5, 7};
  const struct pipeline_problem problem = case_equal(5, 1, 2000, phase_ps, &scratch);
  struct pipeline_result result;
  struct arena arena;
  arena_init(&arena, 1 << 12);
  assert_true(pipeline_simulate(&pipeline_zb_h1, &problem, false, &arena, &result));
  const size_t held_bytes = arena_held_bytes(&arena);
  for (size_t i = 0; i < 10; i++) assert_true(pipeline_simulate(&pipeline_zb_h1, &problem, false, &arena, &result));
  assert_int_equal(arena_held_bytes(&arena), held_bytes);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(registry),
      cmocka_unit_test(refusals),
      cmocka_unit_test(one_microbatch_walks_the_chain),
      cmocka_unit_test(two_microbatches),
      cmocka_unit_test(one_device),
      cmocka_unit_test(circular_waits),
      cmocka_unit_test(endless_stages),
      cmocka_unit_test(long_pipelines_are_cut_short),
      cmocka_unit_test(leaves_nothing_in_scratch),
  };
  arena_init(&scratch, 1 << 16);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&scratch);
  return failed;
}
