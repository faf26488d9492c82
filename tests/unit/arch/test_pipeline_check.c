/* Does the judge of pipelines see each way in which a result can be wrong, and say so? */
#include "tests/pipeline_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct arena scratch;
  const struct pipeline_schedule *schedule;
  struct pipeline_problem problem;
  struct pipeline_result result;
};

static int set_up(void **state) {
  static struct fixture fixture;
  arena_init(&fixture.scratch, 1 << 16);
  struct rng rng = rng_stream(2385, RNG_TEST, 0, 0);
  fixture.schedule = &pipeline_zb_v;
  fixture.problem = case_unequal(3, 2, 7, 20, 5, &rng, &fixture.scratch);
  assert_true(pipeline_simulate(fixture.schedule, &fixture.problem, true, &fixture.scratch, &fixture.result));
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  arena_release(&fixture->scratch);
  return 0;
}

static void assert_caught(struct fixture *fixture, const char *message) {
  struct error error = {0};
  assert_false(pipeline_check(fixture->schedule, &fixture->problem, &fixture->result, &fixture->scratch, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  if (strstr(error.text, message) == NULL) fail_msg("'%s' is not in: %s", message, error.text);
}

/* The task of chunk 1 (places 3 to 5) on device 0 of microbatch 2. */
static struct pipeline_task *find(struct fixture *fixture, enum pipeline_phase phase) {
  for (size_t i = 0; i < fixture->result.n_tasks; i++) {
    struct pipeline_task *const task = &fixture->result.tasks[i];
    if (task->device == 0 && task->chunk == 1 && task->microbatch == 2 && task->phase == phase) return task;
  }
  fail();
  return NULL;
}

static void accepts_a_pipeline(void **state) {
  struct fixture *const fixture = *state;
  struct error error = {0};
  assert_true(pipeline_check(fixture->schedule, &fixture->problem, &fixture->result, &fixture->scratch, &error));
  assert_int_equal(error.n_messages, 0);
}

static void too_early(void **state) {
  struct fixture *const fixture = *state;
  for (unsigned phase = 0; phase < N_PIPELINE_PHASES; phase++) {
    struct pipeline_task *const task = find(fixture, phase);
    const struct pipeline_task kept = *task;
    task->end_ps -= task->start_ps;
    task->start_ps = 0;
    assert_caught(fixture, "before its input is there");
    assert_caught(fixture, pipeline_phase_names[phase]);
    *task = kept;
  }
}

/* The delay counts, not only the end: one picosecond of it is missing. */
static void sent_too_fast(void **state) {
  struct fixture *const fixture = *state;
  struct pipeline_stage *const stages = ARENA_NEW(&fixture->scratch, struct pipeline_stage, 6);
  memcpy(stages, fixture->problem.stages, 6 * sizeof *stages);
  fixture->problem.stages = stages;
  for (size_t i = 0; i < 12; i++) {
    uint64_t *const send_ps = i < 6 ? &stages[i].send_forward_ps : &stages[i - 6].send_backward_ps;
    if (i == 3 || i == 6) continue; /* the ends of the V: chunk 1 of device 0, and chunk 0 backward */
    *send_ps += 1000;
    assert_caught(fixture, "+ 10");
    *send_ps -= 1000;
  }
  stages[3].send_forward_ps += 1000;
  stages[0].send_backward_ps += 1000;
  accepts_a_pipeline(state);
}

static void wrong_length(void **state) {
  struct fixture *const fixture = *state;
  find(fixture, PIPELINE_WEIGHT)->end_ps++;
  assert_caught(fixture, "instead of");
}

static void missing_and_twice(void **state) {
  struct fixture *const fixture = *state;
  fixture->result.tasks[5] = fixture->result.tasks[6];
  assert_caught(fixture, "is there twice");
  fixture->result.n_tasks--;
  assert_caught(fixture, "125 tasks, there should be 126");
}

static void unknown_task(void **state) {
  struct fixture *const fixture = *state;
  fixture->result.tasks[5].microbatch = 7;
  assert_caught(fixture, "task 5: there is no such");
}

static void two_at_once(void **state) {
  struct fixture *const fixture = *state;
  /* The weight task has no followers: later by one, it runs into the next one and is where it may be. */
  struct pipeline_task *const task = find(fixture, PIPELINE_WEIGHT);
  struct pipeline_task *next = task + 1;
  while (next->device != 0) next++;
  const uint64_t later_ps = next->start_ps - task->start_ps;
  task->start_ps += later_ps;
  task->end_ps += later_ps;
  assert_caught(fixture, "while another runs");
}

static void out_of_order(void **state) {
  struct fixture *const fixture = *state;
  struct pipeline_task *const tasks = fixture->result.tasks;
  const size_t last = fixture->result.n_tasks - 1;
  const struct pipeline_task swap = tasks[0];
  tasks[0] = tasks[last];
  tasks[last] = swap;
  assert_caught(fixture, "starts before the one before it");
}

static void wrong_sums(void **state) {
  struct fixture *const fixture = *state;
  uint64_t *const sums[] = {&fixture->result.makespan_ps, &fixture->result.span_ps, &fixture->result.busy_ps};
  for (size_t i = 0; i < 3; i++) {
    (*sums[i])++;
    assert_caught(fixture, "makespan, span, busiest");
    (*sums[i])--;
  }
  fixture->result.peak_kept[2]--;
  assert_caught(fixture, "device 2: keeps");
  fixture->result.peak_kept[2]++;
  fixture->result.peak_bytes[1]++;
  assert_caught(fixture, "device 1: keeps");
}

static uint64_t same_place(const struct pipeline_problem *problem, uint64_t chunk, uint64_t device) {
  (void)problem, (void)chunk;
  return device;
}

static void wrong_places(void **state) {
  struct fixture *const fixture = *state;
  struct pipeline_schedule schedule = *fixture->schedule;
  schedule.place = same_place;
  fixture->schedule = &schedule;
  assert_caught(fixture, "chunk 1 of device 0: place 0 is taken");
}

static void wants_tasks(void **state) {
  struct fixture *const fixture = *state;
  fixture->result.tasks = NULL;
  assert_caught(fixture, "needs the tasks");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(accepts_a_pipeline), TEST(too_early),    TEST(sent_too_fast), TEST(wrong_length),
      TEST(missing_and_twice),  TEST(unknown_task), TEST(two_at_once),   TEST(out_of_order),
      TEST(wrong_sums),         TEST(wrong_places), TEST(wants_tasks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
