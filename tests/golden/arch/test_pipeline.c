/* Do the schedules take the published times, and keep as many microbatches?
 *
 * Values: workloads §9, "check values", where they were found with another simulator; kept counts from the table there,
 * by hand (arXiv 2104.04473, 2401.10241). Times are in units of that section; interleaved ones in quarters or thirds.
 */
#include "tests/pipeline_cases.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena scratch;

static struct pipeline_result run_of(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem) {
  struct pipeline_result result;
  struct error error = {0};
  assert_true(pipeline_applies(schedule, problem, &error));
  assert_true(pipeline_simulate(schedule, problem, true, &scratch, &result));
  if (!pipeline_check(schedule, problem, &result, &scratch, &error)) fail_msg("%s: %s", schedule->name, error.text);
  return result;
}

static void equal_stages(void **state) {
  (void)state;
  const struct {
    const struct pipeline_schedule *schedule;
    uint64_t p, v, m, phase_ps[3], ps, makespan_ps;
  } rows[] = {
      {&pipeline_gpipe, 4, 1, 8, {1, 1, 1}, 33, 33},
      {&pipeline_1f1b, 4, 1, 8, {1, 1, 1}, 33, 33},
      {&pipeline_interleaved, 4, 2, 8, {2, 2, 2}, 4 * 57 / 2, 4 * 57 / 2}, /* 28.5 of 4 quarters */
      {&pipeline_interleaved, 4, 4, 8, {1, 1, 1}, 105, 105},               /* 26.25 of 4 quarters */
      {&pipeline_interleaved, 8, 3, 32, {1, 1, 1}, 309, 309},
      {&pipeline_zb_h1, 4, 1, 8, {1, 1, 1}, 27, 0},
      {&pipeline_zb_h2, 4, 1, 8, {1, 1, 1}, 24, 27},
      {&pipeline_1f1b, 8, 1, 32, {1, 1, 1}, 117, 117},
      {&pipeline_zb_h1, 8, 1, 32, {1, 1, 1}, 103, 0},
      {&pipeline_zb_h2, 8, 1, 32, {1, 1, 1}, 96, 0},
      {&pipeline_zb_v, 4, 2, 8, {1, 1, 1}, 48, 0}, /* no bubble: 2·8·3 */
      {&pipeline_zb_v, 8, 2, 32, {1, 1, 1}, 192, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct pipeline_problem problem = case_equal(rows[i].p, rows[i].v, rows[i].m, rows[i].phase_ps, &scratch);
    const struct pipeline_result result = run_of(rows[i].schedule, &problem);
    assert_int_equal(pipeline_time_ps(rows[i].schedule, &result), rows[i].ps);
    if (rows[i].makespan_ps > 0) assert_int_equal(result.makespan_ps, rows[i].makespan_ps);
  }
}

static void unequal_stages(void **state) {
  (void)state;
  const struct {
    uint64_t forward_ps[4], backward_ps[4], one_ps, gpipe_ps;
  } rows[] = {{{1, 2, 1, 1}, {2, 4, 2, 2}, 53, 57}, {{3, 2, 2, 4}, {5, 4, 4, 9}, 124, 124}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct pipeline_stage stages[4] = {{0}};
    const struct pipeline_problem problem = {.n_devices = 4, .n_chunks = 1, .n_microbatches = 8, .stages = stages};
    for (size_t s = 0; s < 4; s++) {
      stages[s].forward_ps = rows[i].forward_ps[s];
      stages[s].backward_ps = rows[i].backward_ps[s];
    }
    assert_int_equal(run_of(&pipeline_1f1b, &problem).makespan_ps, rows[i].one_ps);
    assert_int_equal(run_of(&pipeline_gpipe, &problem).makespan_ps, rows[i].gpipe_ps);
  }
}

static void kept(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {7, 7, 7};
  const struct {
    const struct pipeline_schedule *schedule;
    uint64_t v, kept[4];
  } rows[] = {
      {&pipeline_gpipe, 1, {8, 8, 8, 8}},          {&pipeline_1f1b, 1, {4, 3, 2, 1}},
      {&pipeline_interleaved, 2, {11, 9, 7, 5}}, /* of halves: 5.5 = p + (p − 1)/v stages on the first */
      {&pipeline_interleaved, 3, {15, 13, 11, 9}}, {&pipeline_zb_h1, 1, {4, 4, 4, 4}},
      {&pipeline_zb_h2, 1, {7, 7, 7, 7}},          {&pipeline_zb_v, 2, {8, 8, 8, 8}}, /* of halves: p */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct pipeline_problem problem = case_equal(4, rows[i].v, 8, phase_ps, &scratch);
    const struct pipeline_result result = run_of(rows[i].schedule, &problem);
    for (size_t s = 0; s < 4; s++) {
      assert_int_equal(result.peak_kept[s], rows[i].kept[s]);
      assert_int_equal(result.peak_bytes[s], 2385 * rows[i].kept[s]);
    }
  }
}

/* Bubble as a share of the ideal time: (p − 1)/m, (p − 1)/(vm). */
static void bubbles(void **state) {
  (void)state;
  const uint64_t phase_ps[3] = {11, 13, 9}, sum_ps = 33, p = 6, m = 18;
  for (uint64_t v = 1; v <= 3; v++) {
    const struct pipeline_problem problem = case_equal(p, v, m, phase_ps, &scratch);
    const struct pipeline_schedule *const schedule = v == 1 ? &pipeline_1f1b : &pipeline_interleaved;
    const uint64_t ideal_ps = m * v * sum_ps;
    assert_int_equal(run_of(schedule, &problem).makespan_ps - ideal_ps, ideal_ps * (p - 1) / (v * m));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_stages),
      cmocka_unit_test(unequal_stages),
      cmocka_unit_test(kept),
      cmocka_unit_test(bubbles),
  };
  arena_init(&scratch, 1 << 16);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&scratch);
  return failed;
}
