/* Does a simulated pipeline become bars, a path and a trace? */
#include "dse/output/pipeline_picture.h"

#include "base/file.h"
#include "tests/pipeline_cases.h"
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;

static void picture_of(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                       struct pipeline_result *result, struct timeline *timeline) {
  assert_true(pipeline_simulate(schedule, problem, true, &arena, result));
  pipeline_timeline(schedule, problem, result, &arena, timeline);
  assert_int_equal(timeline->n_bars, result->n_tasks);
}

/* Equal stages of 1F1B: the path goes down through the first microbatch, stays on the last device, and comes up. */
static void bars(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {10, 13, 7};
  const struct pipeline_problem problem = case_equal(3, 1, 4, phase_ps, &arena);
  struct pipeline_result result;
  struct timeline timeline;
  picture_of(&pipeline_1f1b, &problem, &result, &timeline);
  assert_int_equal(timeline.n_lanes, 3);
  assert_string_equal(timeline.lanes[2], "stage 2");
  assert_string_equal(timeline.phases[timeline.bars[0].phase], "forward");
  assert_string_equal(timeline.title, "One iteration of the pipeline: 1f1b, 4 microbatches");
  assert_int_equal(timeline_end_cycles(&timeline), (4 + 3 - 1) * 30);
  uint32_t *path;
  size_t n;
  timeline_critical(&timeline, &arena, &path, &n);
  static const char *const expected[] = {"F0", "F0", "F0", "B0", "F1", "B1", "F2", "B2", "F3", "B3", "B3", "B3"};
  assert_int_equal(n, sizeof expected / sizeof *expected);
  for (size_t i = 0; i < n; i++) assert_string_equal(timeline.bars[path[i]].label, expected[i]);
}

static void chunks_are_named(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {10, 13, 7};
  const struct pipeline_problem problem = case_equal(2, 2, 3, phase_ps, &arena);
  struct pipeline_result result;
  struct timeline timeline;
  picture_of(&pipeline_zb_v, &problem, &result, &timeline);
  assert_string_equal(timeline.bars[0].label, "F0.0");
  size_t n = 0;
  for (size_t i = 0; i < timeline.n_bars; i++) n += strcmp(timeline.bars[i].label, "W2.1") == 0;
  assert_int_equal(n, 2); /* one a device */
}

/* The path is one without gaps but messages, from 0 to the end. */
static void critical_path(void **state) {
  (void)state;
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (uint64_t task = 0; task < 20; task++) {
      const struct pipeline_schedule *const schedule = pipeline_schedules[i];
      struct rng rng = rng_stream(2385, RNG_TEST, i, task);
      const uint64_t p = 1 + rng_below(&rng, 5), v = schedule->has_chunks ? 2 : 1;
      const uint64_t m = p * (1 + rng_below(&rng, 4)), send_ps = task % 2 * 7;
      const struct pipeline_problem problem = case_unequal(p, v, m, 30, send_ps, &rng, &arena);
      struct pipeline_result result;
      struct timeline timeline;
      picture_of(schedule, &problem, &result, &timeline);
      uint32_t *path;
      size_t n;
      timeline_critical(&timeline, &arena, &path, &n);
      assert_true(n > 0);
      uint64_t end_ps = 0;
      for (size_t k = 0; k < n; k++) {
        const struct timeline_bar *const bar = &timeline.bars[path[k]];
        assert_true(bar->start_cycles >= end_ps);
        assert_true(bar->start_cycles - end_ps <= (k > 0 ? send_ps : 0));
        end_ps = bar->finish_cycles;
      }
      assert_int_equal(end_ps, result.makespan_ps);
      arena_rewind(&arena, (struct arena_mark){0});
    }
}

static void trace(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {2385000, 13, 7};
  const struct pipeline_problem problem = case_equal(2, 1, 3, phase_ps, &arena);
  struct pipeline_result result;
  struct timeline timeline;
  struct error error = {0};
  char folder[] = "/tmp/test-pipeline-picture-XXXXXX";
  assert_non_null(mkdtemp(folder));
  const char *const path = arena_printf(&arena, "%s/trace-pipeline.json", folder);
  picture_of(&pipeline_zb_h1, &problem, &result, &timeline);
  assert_true(pipeline_picture_publish(path, &timeline, &arena, &error));
  json_t *const root = json_load_file(path, 0, NULL);
  assert_non_null(root);
  size_t n_bars = 0, i;
  json_t *event;
  json_array_foreach(json_object_get(root, "traceEvents"), i, event) {
    if (strcmp(json_string_value(json_object_get(event, "ph")), "X") != 0) continue;
    if (n_bars++ > 0) continue;
    assert_string_equal(json_string_value(json_object_get(event, "name")), "F0");
    assert_true(json_number_value(json_object_get(event, "dur")) == 2.385);
  }
  assert_int_equal(n_bars, 18);
  json_decref(root);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(rmdir(folder), 0);
  assert_false(pipeline_picture_publish(path, &timeline, &arena, &error));
  assert_int_equal(error.status, STATUS_ENVIRONMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bars),
      cmocka_unit_test(chunks_are_named),
      cmocka_unit_test(critical_path),
      cmocka_unit_test(trace),
  };
  arena_init(&arena, 1 << 16);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&arena);
  return failed;
}
