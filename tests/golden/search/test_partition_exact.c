/* Are optima the proven ones of the public graphs?
 *
 * Source: tests/data/partition/reference.csv (see its README): optima by a dynamic programme over all order ideals that
 * is not in this repository, 9 digits; for the open instances the best that an order search has found, which nothing
 * that is proven may exceed. Rows that take longer than a second are left out here; the environment variable
 * DSE_PARTITION_DATA names a folder of the same form, of which all rows are asked. */
#include "search/partition/partition_exact.h"
#include "search/partition/partition_read.h"
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

enum { MOST_ROWS = 10000, FEW_PAIRS = 2000000, MANY_PAIRS = 300000000, MANY_IDEALS = 3000000 };

static const char *cell(const struct csv *csv, size_t row, const char *column) {
  const size_t at = csv_column(csv, column);
  assert_true(at != SIZE_MAX);
  return csv_cell(csv, row, at);
}

/* Closed roads: a tied embedding holds the path at one long period, so all ideals that it leaves are asked. */
static bool is_slow(const struct csv *csv, size_t row) {
  return strncmp(cell(csv, row, "graph"), "op_bert", 7) == 0 && strcmp(cell(csv, row, "triangle"), "path") == 0;
}

static void check(const char *folder, const struct csv *csv, size_t row, uint64_t pairs) {
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
  uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph.n);
  double value = INFINITY, bound = 0;
  const struct partition_limits limits = {MANY_IDEALS, pairs, false};
  const struct partition_request request = {.graph = &graph, .arena = &arena, .scratch = &scratch};
  const bool proven = partition_exact(&graph, &limits, &request, chip, &value, &bound);
  const char *status = cell(csv, row, "status"), *said = cell(csv, row, "value_ms");
  const double wanted = *said != 0 ? strtod(said, NULL) : INFINITY;
  if (strcmp(status, "infeasible") == 0) {
    if (!proven || value < INFINITY) fail_msg("row %zu: not proven infeasible, %.12g", row, value);
  } else if (strcmp(status, "proven") == 0) {
    if (!proven || !(fabs(value - wanted) <= 1e-8 * wanted)) {
      fail_msg("row %zu: %s %.12g, bound %.12g; %.12g is wanted", row, proven ? "proven" : "open", value, bound,
               wanted);
    }
  } else if (bound > wanted * (1 + 1e-8)) {
    fail_msg("row %zu: bound %.12g is above %.12g", row, bound, wanted);
  }
  if (value < INFINITY) {
    const double truth = partition_value(&graph, chip, partition_work_new(&graph, &arena));
    if (!(fabs(truth - value) <= 1e-12 * truth)) fail_msg("row %zu: %.12g is %.12g", row, value, truth);
  }
}

static size_t check_folder(const char *folder, bool all) {
  struct csv csv;
  struct error error = {0};
  const char *path = arena_printf(&arena, "%s/reference.csv", folder);
  if (!csv_read(path, MOST_ROWS, &arena, &csv, &error)) fail_msg("%s", error.text);
  size_t n = 0;
  for (size_t row = 0; row < csv.n_rows; row++) {
    const bool open = strcmp(cell(&csv, row, "value_ms"), "") != 0 && strcmp(cell(&csv, row, "status"), "proven") != 0;
    if (!all && is_slow(&csv, row)) continue;
    const struct arena_mark mark = arena_get_mark(&arena);
    check(folder, &csv, row, open ? FEW_PAIRS : MANY_PAIRS);
    arena_rewind(&arena, mark);
    n++;
  }
  return n;
}

static void test_published(void **state) {
  (void)state;
  assert_true(check_folder("tests/data/partition", false) > 300);
  const char *more = getenv("DSE_PARTITION_DATA");
  if (more != NULL) assert_true(check_folder(more, true) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_published, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
