/* Does our algorithm reach what is to be reached?
 *
 * Source: tests/data/placement (see its README). Best known values of chains and boards: a program that is not in this
 * repository, at least 15 million evaluations each (placement §10: at most 1.001 times those of chains and 1.02 times
 * those of boards). Task graphs and periods: proven optima. */
#include "base/csv.h"
#include "search/placement/placement_algorithm.h"
#include "search/placement/placement_read.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER "tests/data/placement/"
static const double rounding = 1e-9;

static const char *cell(const struct csv *csv, size_t row, const char *column) {
  const size_t at = csv_column(csv, column);
  assert_true(at != SIZE_MAX);
  return csv_cell(csv, row, at);
}

static struct placement_result run_best(const struct placement_problem *problem, uint64_t samples) {
  const struct placement_algorithm *best = placement_find_algorithm("best");
  void *settings = arena_alloc(&arena, 1, best->settings_bytes);
  config_defaults(best->table, &arena, settings);
  struct placement_bounds bounds;
  struct error error = {0};
  if (!placement_bounds(problem, &arena, &bounds, &error)) fail_msg("%s", error.text);
  const struct placement_request request = {.problem = problem,
                                            .bounds = &bounds,
                                            .settings = settings,
                                            .seed = 2385,
                                            .samples = samples,
                                            .arena = &arena,
                                            .scratch = &scratch};
  struct placement_result result;
  best->run(&request, &result);
  assert_true(result.samples <= samples);
  assert_true(result.value >= bounds.best * (1 - rounding));
  return result;
}

/* No accepted answer, no value: the judge shares no code with what is judged. */
static void judge(const struct placement_problem *problem, const struct placement_result *result) {
  const struct placement_claim claim = {.answer = result->answer,
                                        .makespan_s = problem->objective == PLACEMENT_MAKESPAN ? result->value : NAN};
  struct placement_schedule truth = placement_schedule_new(problem, &arena);
  struct error error = {0};
  if (!placement_check(problem, &claim, &arena, &truth, &error)) fail_msg("%s", error.text);
}

struct goal {
  const char *folder, *table, *column, *below; /* a column that is to be undercut; NULL: none */
  double factor;
  uint64_t samples;
};

static void reach(const struct goal *goal, size_t n_wanted) {
  struct csv csv;
  struct error error = {0};
  const char *table = arena_printf(&arena, FOLDER "%s/%s", goal->folder, goal->table);
  if (!csv_read(table, 1000, &arena, &csv, &error)) fail_msg("%s", error.text);
  assert_int_equal(csv.n_rows, n_wanted);
  for (size_t row = 0; row < csv.n_rows; row++) {
    struct placement_problem problem;
    const char *path = arena_printf(&arena, FOLDER "%s/%s.json", goal->folder, cell(&csv, row, "problem"));
    if (!placement_read(path, &arena, &problem, &error)) fail_msg("%s", error.text);
    const struct placement_result result = run_best(&problem, goal->samples);
    const double known = strtod(cell(&csv, row, goal->column), NULL);
    printf("%s: %.10g, %.6f times the value known%s\n", path, result.value, result.value / known,
           result.proven ? ", proven" : "");
    if (!(result.value <= known * goal->factor)) fail_msg("%s: %.10g, known %.10g", path, result.value, known);
    if (goal->below != NULL) assert_true(result.value <= strtod(cell(&csv, row, goal->below), NULL) * (1 + rounding));
    judge(&problem, &result);
  }
}

static void test_chains(void **state) {
  (void)state;
  reach(&(struct goal){"chains", "expected.csv", "best_known_s", "step4_s", 1.001, 200000}, 4);
}

static void test_boards(void **state) {
  (void)state;
  reach(&(struct goal){"boards", "expected.csv", "best_known_s", "step4_s", 1.02, 400000}, 8);
}

static void test_dags(void **state) {
  (void)state;
  reach(&(struct goal){"dags", "optima.csv", "optimum_s", "heft_s", 1 + 1e-9, 20000}, 7);
}

static void test_periods(void **state) {
  (void)state;
  reach(&(struct goal){"star", "optima.csv", "optimal_period_s", NULL, 1 + 1e-9, 100000}, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_chains, setup, teardown),
      cmocka_unit_test_setup_teardown(test_boards, setup, teardown),
      cmocka_unit_test_setup_teardown(test_dags, setup, teardown),
      cmocka_unit_test_setup_teardown(test_periods, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
