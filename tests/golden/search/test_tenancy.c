/* Does the judge say what the released program says, in every bit?
 *
 * Source: tests/data/tenancy (see its README): mappings evaluated by the released G#/MAGMA evaluator, f25ef66, with
 * tables by MAESTRO e1d8efd. Makespan, both utilisations and all finish times are compared as doubles, without a
 * tolerance. The environment variable DSE_TENANCY_DATA names a folder with more instances. The small example is worked
 * out on paper: two equal cores, B = 10, four jobs; the released program gives its three figures too. */
#include "base/csv.h"
#include "base/file.h"
#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_read.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ROWS = 1000, MOST_INSTANCES = 256 };

static double exact(const struct csv *csv, size_t row, const char *column) {
  const size_t at = csv_column(csv, column);
  assert_true(at != SIZE_MAX);
  char *end;
  const double value = strtod(csv_cell(csv, row, at), &end);
  assert_int_equal(*end, 0);
  return value;
}

static void assert_same(const char *what, const char *name, size_t row, double ours, double theirs) {
  if (memcmp(&ours, &theirs, sizeof ours) == 0) return;
  fail_msg("%s, mapping %zu: %s is %a, published is %a", name, row, what, ours, theirs);
}

static void check_row(const struct tenancy_problem *problem, const struct csv *csv, size_t row,
                      const struct tenancy_answer *answer, struct arena *arena) {
  struct error error = {0};
  struct tenancy_verdict verdict;
  assert_true(tenancy_judge(problem, answer, arena, &verdict, &error));
  assert_false(verdict.closed_form);
  assert_same("makespan", problem->name, row, verdict.makespan_cycles, exact(csv, row, "makespan_hex"));
  assert_same("core_util", problem->name, row, verdict.core_util, exact(csv, row, "core_util"));
  assert_same("bw_util", problem->name, row, verdict.bw_util, exact(csv, row, "bw_util"));
  const char *at = csv_cell(csv, row, csv_column(csv, "finish_times"));
  for (size_t c = 0; c < problem->n_cores; c++) {
    char *end;
    assert_same("finish time", problem->name, row, verdict.finish_cycles[c], strtod(at, &end));
    assert_true(end != at);
    at = end;
  }
  struct tenancy_queues queues = tenancy_queues_new(problem, arena);
  tenancy_queue_up(problem, answer, &queues);
  const double closed = tenancy_cycles(problem, tenancy_evaluate(problem, &queues));
  assert_true(fabs(closed / verdict.makespan_cycles - 1) <= 1e-9);
}

static size_t check_instance(const char *folder) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  struct tenancy_problem problem;
  struct tenancy_answers answers;
  struct csv csv;
  const char *path = arena_printf(&arena, "%s/mappings.csv", folder);
  if (!tenancy_read(folder, &arena, &problem, &error) ||
      !tenancy_read_answers(&problem, path, &arena, &answers, &error) ||
      !csv_read(path, MOST_ROWS, &arena, &csv, &error)) {
    fail_msg("%s", error.text);
  }
  assert_int_equal(answers.n, csv.n_rows);
  for (size_t row = 0; row < answers.n; row++) check_row(&problem, &csv, row, &answers.answers[row], &arena);
  const size_t n = answers.n;
  arena_release(&arena);
  return n;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static size_t check_all(const char *path, size_t *n_instances) {
  struct arena arena;
  arena_init(&arena, 1 << 12);
  const char *folders[MOST_INSTANCES];
  size_t n = 0, n_mappings = 0;
  DIR *const list = opendir(path);
  if (list == NULL) fail_msg("%s cannot be opened", path);
  for (const struct dirent *entry; (entry = readdir(list)) != NULL && n < MOST_INSTANCES;) {
    const char *folder = arena_printf(&arena, "%s/%s", path, entry->d_name);
    if (entry->d_name[0] == '.' || !file_exists(arena_printf(&arena, "%s/mappings.csv", folder))) continue;
    folders[n++] = folder;
  }
  closedir(list);
  qsort(folders, n, sizeof *folders, by_name);
  for (size_t i = 0; i < n; i++) n_mappings += check_instance(folders[i]);
  *n_instances = n;
  arena_release(&arena);
  return n_mappings;
}

static void test_published(void **state) {
  (void)state;
  size_t n_instances;
  const size_t n_mappings = check_all("tests/data/tenancy", &n_instances);
  assert_int_equal(n_instances, 3);
  assert_int_equal(n_mappings, 48);
  const char *more = getenv("DSE_TENANCY_DATA");
  if (more == NULL) return;
  const size_t n_more = check_all(more, &n_instances);
  print_message("%s: %zu mappings of %zu instances are equal in every bit\n", more, n_more, n_instances);
  assert_true(n_instances > 0);
}

static const uint64_t example_cycles[] = {100, 100, 80, 80, 50, 50, 100, 100};
static const double example_bytes[] = {6, 6, 8, 8, 2, 2, 9, 9};

static void make_example(struct tenancy_problem *problem, struct arena *arena) {
  struct error error = {0};
  *problem = (struct tenancy_problem){.name = "example",
                                      .n_jobs = 4,
                                      .n_cores = 2,
                                      .bandwidth_bytes_per_cycle = 10,
                                      .latency_cycles = example_cycles,
                                      .bytes_per_cycle = example_bytes};
  assert_true(tenancy_finish(problem, arena, &error));
}

/* t = 0: A and B need 14: B's 640 bytes last 112, A keeps 120 bytes; A and D need 15: A ends after 30; C and D need 11:
 * C ends after 55; D alone 30 more. In virtual time 80 · 1.4 + 20 · 1.5 + 50 · 1.1 + 30 = 227. */
static void test_example(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 12);
  struct tenancy_problem problem;
  make_example(&problem, &arena);
  uint32_t core[] = {0, 1, 0, 1};
  double priority[] = {0, 0, 1, 1};
  const struct tenancy_answer answer = {core, priority};
  struct error error = {0};
  struct tenancy_verdict verdict;
  assert_true(tenancy_judge(&problem, &answer, &arena, &verdict, &error));
  assert_true(fabs(verdict.makespan_cycles - 227) < 1e-12 * 227);
  assert_true(fabs(verdict.finish_cycles[0] - 197) < 1e-12 * 197);
  assert_true(fabs(verdict.core_util - 424.0 / 454) < 1e-12);
  assert_true(fabs(verdict.bw_util - (1 - 30.0 / 2270)) < 1e-12);
  static const double start[] = {0, 0, 142, 112}, end[] = {142, 112, 197, 227};
  for (size_t j = 0; j < 4; j++) {
    assert_true(fabs(verdict.start_of[j] - start[j]) < 1e-9 && fabs(verdict.end_of[j] - end[j]) < 1e-9);
  }
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &answer, &queues);
  const tenancy_cost cost = tenancy_evaluate(&problem, &queues);
  assert_true(cost == (tenancy_cost)227 * problem.scaled_bandwidth);
  assert_true(tenancy_cycles(&problem, cost) == 227);
  assert_true(tenancy_load_cost(&problem, &queues) == (tenancy_cost)180 * problem.scaled_bandwidth);
  arena_release(&arena);
}

/* Enumeration says that 227 is optimal. */
static void test_exact_example(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 12);
  struct tenancy_problem problem;
  make_example(&problem, &arena);
  struct tenancy_queues best = tenancy_queues_new(&problem, &arena);
  tenancy_cost cost;
  assert_true(tenancy_exact(&problem, 1000, &arena, &best, &cost));
  assert_true(tenancy_cycles(&problem, cost) == 227);
  assert_true(tenancy_evaluate(&problem, &best) == cost);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_published), cmocka_unit_test(test_example),
                                     cmocka_unit_test(test_exact_example)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
