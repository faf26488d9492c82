/* Do the four steps and the list schedulers reach what is published?
 *
 * Source: tests/data/placement (see its README). Steps 1 to 3 on chains: the authors' program; all else of
 * expected.csv: a program that is not in this repository. HEFT and PEFT on seven task graphs: optima.csv. The whole
 * schedule of HEFT's ten-task example: Topcuoglu, Hariri and Wu, IEEE TPDS 2002, figure 3(a), makespan 80. PEFT's own
 * example: Arabnejad and Barbosa, IEEE TPDS 2014: PEFT 122, HEFT 133. */
#include "base/csv.h"
#include "search/placement/h2h.h"
#include "search/placement/placement_read.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/data/placement/"
static const uint64_t enough = 1000000;

static void expect_close(const char *what, const char *name, double value, double wanted, double tolerance) {
  if (fabs(value / wanted - 1) <= tolerance) return;
  fail_msg("%s: %s: %.17g was expected, it is %.17g", name, what, wanted, value);
}

static void read_problem(const char *folder, const char *name, struct placement_problem *problem) {
  struct error error = {0};
  const char *path = arena_printf(&arena, FOLDER "%s/%s.json", folder, name);
  if (!placement_read(path, &arena, problem, &error)) fail_msg("%s", error.text);
}

static const char *cell(const struct csv *csv, size_t row, const char *column) {
  const size_t at = csv_column(csv, column);
  assert_true(at != SIZE_MAX);
  return csv_cell(csv, row, at);
}

static double number(const struct csv *csv, size_t row, const char *column) {
  return strtod(cell(csv, row, column), NULL);
}

static struct placement_result run(const struct placement_problem *problem, const char *name) {
  const struct placement_algorithm *algorithm = placement_find_algorithm(name);
  assert_non_null(algorithm);
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  const struct placement_request request = {
      .problem = problem, .settings = settings, .samples = enough, .arena = &arena, .scratch = &scratch};
  struct placement_result result;
  algorithm->run(&request, &result);
  return result;
}

static void check_steps(const char *folder, size_t n_wanted) {
  struct csv csv;
  struct error error = {0};
  assert_true(csv_read(arena_printf(&arena, FOLDER "%s/expected.csv", folder), 100, &arena, &csv, &error));
  assert_int_equal(csv.n_rows, n_wanted);
  for (size_t row = 0; row < csv.n_rows; row++) {
    const char *name = cell(&csv, row, "problem");
    struct placement_problem problem;
    read_problem(folder, name, &problem);
    struct h2h_settings settings;
    config_defaults(&h2h_fields, &arena, &settings);
    const struct placement_request request = {
        .problem = &problem, .settings = &settings, .samples = enough, .arena = &arena, .scratch = &scratch};
    struct placement_result result;
    struct h2h_report report;
    h2h_run(&request, 4, &result, &report);
    for (int step = 0; step < 4; step++) {
      const char *seconds = arena_printf(&arena, "step%d_s", step + 1);
      const char *joules = arena_printf(&arena, "step%d_j", step + 1);
      expect_close(seconds, name, report.step[step].makespan_s, number(&csv, row, seconds), 1e-12);
      expect_close(joules, name, report.step[step].energy_j, number(&csv, row, joules), 1e-12);
    }
    assert_int_equal(report.n_tried, strtoull(cell(&csv, row, "step4_evaluations"), NULL, 10));
    assert_int_equal(report.n_accepted, strtoull(cell(&csv, row, "step4_accepted"), NULL, 10));
    assert_int_equal(result.samples, report.n_tried + 1);
    /* The records say the same. */
    const struct placement_result first = run(&problem, "h2h-step1"), herald = run(&problem, "herald-like");
    expect_close("stated", name, first.stated_s, number(&csv, row, "step1_s"), 1e-12);
    expect_close("stated", name, first.stated_j, number(&csv, row, "step1_j"), 1e-12);
    expect_close("stated", name, herald.stated_s, number(&csv, row, "step2_s"), 1e-12);
    expect_close("stated", name, herald.stated_j, number(&csv, row, "step2_j"), 1e-12);
    expect_close("value", name, run(&problem, "h2h-step3").value, number(&csv, row, "step3_s"), 1e-12);
    expect_close("value", name, run(&problem, "h2h-step4").value, number(&csv, row, "step4_s"), 1e-12);
  }
}

static void steps_on_chains(void **state) {
  (void)state;
  check_steps("chains", 4);
}

static void steps_on_boards(void **state) {
  (void)state;
  check_steps("boards", 8);
}

static void list_schedulers_on_task_graphs(void **state) {
  (void)state;
  struct csv csv;
  struct error error = {0};
  assert_true(csv_read(FOLDER "dags/optima.csv", 100, &arena, &csv, &error));
  assert_int_equal(csv.n_rows, 7);
  for (size_t row = 0; row < csv.n_rows; row++) {
    const char *name = cell(&csv, row, "problem");
    struct placement_problem problem;
    read_problem("dags", name, &problem);
    expect_close("heft", name, run(&problem, "heft").value, number(&csv, row, "heft_s"), 1e-15);
    expect_close("peft", name, run(&problem, "peft").value, number(&csv, row, "peft_s"), 1e-15);
    assert_true(run(&problem, "anneal").value >= number(&csv, row, "optimum_s"));
  }
}

/* Tasks t0 to t9 here are 1 to 10 there, p0 to p2 processors 1 to 3. */
static void heft_schedules_its_example_as_published(void **state) {
  (void)state;
  static const struct {
    uint32_t device;
    double start_s, end_s;
  } published[] = {{2, 0, 9},   {0, 27, 40}, {2, 9, 28},  {1, 18, 26}, {2, 28, 38},
                   {1, 26, 42}, {2, 38, 49}, {0, 57, 62}, {1, 56, 68}, {1, 73, 80}};
  struct placement_problem problem;
  read_problem("dags", "ilavarasan", &problem);
  const struct placement_result result = run(&problem, "heft");
  struct placement_schedule schedule = placement_schedule_new(&problem, &arena);
  placement_evaluate(&problem, &result.answer, &scratch, &schedule);
  for (uint32_t d = 0; d < problem.n_devices; d++) {
    for (uint32_t i = result.answer.start[d]; i < result.answer.start[d + 1]; i++) {
      const uint32_t l = result.answer.layer[i];
      assert_int_equal(published[l].device, d);
      assert_true(schedule.start_s[l] == published[l].start_s && schedule.end_s[l] == published[l].end_s);
    }
  }
}

static void peft_beats_heft_on_its_example(void **state) {
  (void)state;
  struct placement_problem problem;
  read_problem("dags", "arabnejad", &problem);
  assert_true(run(&problem, "peft").value == 122);
  assert_true(run(&problem, "heft").value == 133);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(steps_on_chains, setup, teardown),
      cmocka_unit_test_setup_teardown(steps_on_boards, setup, teardown),
      cmocka_unit_test_setup_teardown(list_schedulers_on_task_graphs, setup, teardown),
      cmocka_unit_test_setup_teardown(heft_schedules_its_example_as_published, setup, teardown),
      cmocka_unit_test_setup_teardown(peft_beats_heft_on_its_example, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
