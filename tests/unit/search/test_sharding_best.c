/* Does our own search reach the optimum where that is known, and an answer that the judge takes on a system too large
 * for exact search? */
#include "search/sharding/sharding_algorithm.h"
#include "tests/sharding_made.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sharding_result run(const char *name, const struct sharding_problem *problem) {
  const struct sharding_algorithm *algorithm = sharding_find_algorithm(name);
  struct sharding_bounds bounds;
  sharding_bounds(problem, &scratch, &bounds);
  unsigned char *settings = ARENA_NEW(&arena, unsigned char, algorithm->settings_bytes + 1);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  const struct sharding_request request = {.problem = problem,
                                           .bounds = &bounds,
                                           .settings = settings,
                                           .seed = 2385,
                                           .samples = 40000,
                                           .arena = &arena,
                                           .scratch = &scratch};
  struct sharding_result result;
  algorithm->run(&request, &result);
  assert_true(result.found);
  double latency_s;
  struct error error = {0};
  const struct sharding_claim claim = {result.answer, NULL, NULL};
  if (!sharding_check(problem, &claim, &arena, &latency_s, &error)) fail_msg("%s: %s", name, error.text);
  assert_true(fabs(latency_s - result.value_s) <= 1e-12 * latency_s);
  assert_true(result.value_s >= bounds.best_s * (1 - 1e-12));
  return result;
}

static void test_small(void **state) {
  (void)state;
  struct sharding_problem problem = made_chain(&arena, 4, made_t14, 2, 2, 1e9, 0.25e9);
  made_finish(&problem, &arena);
  const struct sharding_result best = run("best", &problem), exact = run("exact", &problem);
  assert_true(best.proven && exact.proven);
  assert_true(fabs(best.value_s - 0.75776e-3) <= 1e-12 && fabs(exact.value_s - 0.75776e-3) <= 1e-12);
}

/* Six racks of sixteen boards in two pods: no exact search, and more than a group's boards are worth while. */
static void test_hierarchy(void **state) {
  (void)state;
  enum { RACKS = 6, IN_RACK = 16 };
  struct sharding_problem problem = made_chain(&arena, 4, made_t14, RACKS, IN_RACK, 1e9, 0.25e9);
  struct sharding_board *boards = ARENA_NEW(&arena, struct sharding_board, problem.n_boards);
  const char *groups[RACKS];
  static const double level_bytes_per_s[] = {0.25e9, 1e9, 12e9};
  for (size_t b = 0; b < problem.n_boards; b++) {
    boards[b] = problem.boards[b];
    boards[b].group = groups[b / IN_RACK] = arena_printf(&arena, "pod%zu/rack%zu", b / IN_RACK / 3, b / IN_RACK % 3);
  }
  problem.boards = boards, problem.groups = groups;
  problem.level_bytes_per_s = level_bytes_per_s, problem.n_levels = 3;
  made_finish(&problem, &arena);
  const struct sharding_result best = run("best", &problem), baseline = run("baseline", &problem);
  printf("hierarchy: best %.6g ms on %zu sets, the first of %u boards; baseline %.6g ms\n", 1e3 * best.value_s,
         best.answer.n_sets, best.answer.sets[0].n_boards, 1e3 * baseline.value_s);
  assert_true(!best.proven);
  assert_true(best.value_s < baseline.value_s);
  assert_true(best.value_s < 0.75776e-3 / 2); /* of four boards */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_small, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_hierarchy, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
