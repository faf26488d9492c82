/* Are bounds of windows and cuts at least those that others have found, and never above an optimum; does slicing reach
 * what it is said to?
 *
 * Source: tests/data/partition/reference.csv (see its README): lower_windowcut_ms by a program that is not in this
 * repository, optima by a dynamic programme over all order ideals. The environment variable DSE_PARTITION_DATA names a
 * folder of the same form. */
#include "search/partition/partition_bounds.h"
#include "search/partition/partition_read.h"
#include "search/partition/partition_slicing.h"
#include "tests/two_arenas.h"

#include "base/csv.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ROWS = 10000 };

static const char *cell(const struct csv *csv, size_t row, const char *column) {
  const size_t at = csv_column(csv, column);
  assert_true(at != SIZE_MAX);
  return csv_cell(csv, row, at);
}

/* What slicing takes over the optimum, relative; 0 where there is no optimum to compare with. */
static double check(const char *folder, const struct csv *csv, size_t row) {
  const char *const sets[] = {arena_printf(&arena, "chips=%s", cell(csv, row, "chips")),
                              arena_printf(&arena, "memory_bytes=%s", cell(csv, row, "memory_bytes")),
                              arena_printf(&arena, "cost=%s", cell(csv, row, "cost")),
                              arena_printf(&arena, "triangle=%s", cell(csv, row, "triangle"))};
  const char *path = arena_printf(&arena, "%s/instances/%s.json", folder, cell(csv, row, "instance"));
  struct partition_problem problem;
  struct partition_graph graph;
  struct error error = {0};
  if (!partition_read(path, sets, 4, &arena, &problem, &error)) fail_msg("%s", error.text);
  if (!partition_contract(&problem, &arena, &graph, &error)) fail_msg("%s", error.text);
  struct partition_bounds bounds;
  partition_bounds(&graph, false, &scratch, &bounds);
  const char *said = cell(csv, row, "lower_windowcut_ms"), *value = cell(csv, row, "value_ms");
  if (*said != 0 && bounds.best < strtod(said, NULL) - 1e-6) {
    fail_msg("row %zu: bound %.12g, %s was found", row, bounds.best, said);
  }
  if (*value == 0) return 0;
  const double wanted = strtod(value, NULL);
  if (bounds.infeasible || bounds.best > wanted * (1 + 1e-8)) {
    fail_msg("row %zu: bound %.12g is above %s", row, bounds.best, value);
  }
  uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph.n);
  const double quick = partition_quick(&graph, &scratch, chip);
  assert_true(partition_value(&graph, chip, partition_work_new(&graph, &arena)) == quick);
  if (strcmp(cell(csv, row, "status"), "proven") != 0) return 0;
  assert_true(quick >= wanted * (1 - 1e-8));
  return quick / wanted - 1;
}

static void check_folder(const char *folder) {
  struct csv csv;
  struct error error = {0};
  if (!csv_read(arena_printf(&arena, "%s/reference.csv", folder), MOST_ROWS, &arena, &csv, &error)) {
    fail_msg("%s", error.text);
  }
  size_t n_optimal = 0;
  for (size_t row = 0; row < csv.n_rows; row++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    n_optimal += check(folder, &csv, row) < 1e-8;
    arena_rewind(&arena, mark);
  }
  printf("%s: slicing of fixed orders is optimal in %zu of %zu rows\n", folder, n_optimal, csv.n_rows);
  assert_true(n_optimal > csv.n_rows / 2);
}

static void test_published(void **state) {
  (void)state;
  check_folder("tests/data/partition");
  const char *more = getenv("DSE_PARTITION_DATA");
  if (more != NULL) check_folder(more);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_published, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
