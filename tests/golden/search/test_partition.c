/* Are periods and verdicts those that others have found? tests/data/partition: the worked example (by brute force over
 * all assignments), optimal answers of two public graphs, answers to be refused, and what the filling of chips one
 * after another gives on eight (partition §11, by a program of our own that is not in this repository). */
#include "search/partition/partition_algorithm.h"
#include "search/partition/partition_read.h"
#include "tests/two_arenas.h"

#include "base/csv.h"
#include "base/text.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "tests/data/partition/"

static struct partition_problem read_problem(const char *path, const char *const *sets, size_t n_sets) {
  struct partition_problem problem;
  struct error error = {0};
  if (!partition_read(path, sets, n_sets, &arena, &problem, &error)) fail_msg("%s", error.text);
  return problem;
}
static struct partition_graph contract(const struct partition_problem *problem) {
  struct partition_graph graph;
  struct error error = {0};
  if (!partition_contract(problem, &arena, &graph, &error)) fail_msg("%s", error.text);
  return graph;
}
static bool is_near(double value, double wanted, double tolerance) {
  return fabs(value - wanted) <= tolerance * fabs(wanted);
}

/* Chips by group of chips by node. */
static uint32_t *by_group(const struct partition_graph *graph, const uint32_t *node_chip) {
  uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph->n);
  for (size_t v = 0; v < graph->problem->n_nodes; v++) chip[graph->group_of[v]] = node_chip[v];
  return chip;
}

/* By the evaluator and by the judge, both as `wanted`. */
static void expect_period(const struct partition_row *row, double wanted, double tolerance) {
  const char *reason;
  double judged;
  if (!partition_check(&row->problem, &row->claim, &arena, &judged, &reason))
    fail_msg("line %zu: %s", row->line, reason);
  const struct partition_graph graph = contract(&row->problem);
  const double value = partition_value(&graph, by_group(&graph, row->claim.chip), partition_work_new(&graph, &arena));
  if (!is_near(judged, wanted, tolerance) || !is_near(value, judged, 1e-12))
    fail_msg("line %zu: %.12g is wanted, judged %.12g, evaluated %.12g", row->line, wanted, judged, value);
  assert_string_equal(reason, "");
}

/* The assignments of the statement's table; no assignment is better (all are tried). */
static void test_example(void **state) {
  (void)state;
  struct csv csv;
  struct error error = {0};
  assert_true(csv_read(DATA "example/expected.csv", 100, &arena, &csv, &error));
  assert_int_equal(csv.n_rows, 19);
  for (size_t r = 0; r < csv.n_rows; r++) {
    const char *sets[4], *const names[] = {"chips", "cost", "triangle", "memory_bytes"};
    for (size_t i = 0; i < 4; i++) sets[i] = arena_printf(&arena, "%s=%s", names[i], csv_cell(&csv, r, i));
    struct partition_row row = {.line = csv.line[r], .claim = {.n_said = 6, .claim_ms = NAN}};
    row.problem = read_problem(DATA "example/instance.json", sets, 4);
    const struct partition_graph graph = contract(&row.problem);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t chip[6] = {1, 1, 1, 1, 1, 1};
    double best = INFINITY, wanted = INFINITY;
    do {
      best = fmin(best, partition_value(&graph, chip, work));
      size_t at = 6;
      while (at > 0 && chip[at - 1] == row.problem.n_chips) chip[--at] = 1;
      if (at == 0) break;
      chip[at - 1]++;
    } while (true);
    if (text_to_double(csv_cell(&csv, r, 4), &wanted)) {
      for (size_t v = 0; v < 6; v++) chip[v] = (uint32_t)(csv_cell(&csv, r, 5)[2 * v] - '0');
      row.claim.chip = chip;
      expect_period(&row, wanted, 0);
    }
    if (!(best >= wanted && best <= wanted)) fail_msg("line %u: %g, not %g", csv.line[r], best, wanted);
  }
}

static void test_answers(void **state) {
  (void)state;
  static const char *const names[] = {"layer_bert24-clone-bw32", "op_bert_l-3-clone-bw32"};
  for (size_t i = 0; i < 2; i++) {
    const struct partition_problem problem =
        read_problem(arena_printf(&arena, DATA "instances/%s.json", names[i]), NULL, 0);
    struct partition_row *rows;
    size_t n;
    struct error error = {0};
    if (!partition_read_answers(&problem, arena_printf(&arena, DATA "answers/%s.csv", names[i]), &arena, &rows, &n,
                                &error))
      fail_msg("%s", error.text);
    assert_int_equal(n, 12);
    for (size_t r = 0; r < n; r++) expect_period(&rows[r], rows[r].claim.claim_ms, 1e-8);
  }
}

/* Each of reject.csv for what its last column says. */
static void test_refused(void **state) {
  (void)state;
  struct csv csv;
  struct error error = {0};
  assert_true(csv_read(DATA "answers/reject.csv", 100, &arena, &csv, &error));
  const size_t instance = csv_column(&csv, "instance"), why = csv_column(&csv, "why");
  size_t n_judged = 0;
  for (size_t r = 0; r < csv.n_rows; r++) {
    const struct partition_problem problem =
        read_problem(arena_printf(&arena, DATA "instances/%s.json", csv_cell(&csv, r, instance)), NULL, 0);
    struct partition_row *rows;
    size_t n;
    assert_true(partition_read_answers(&problem, DATA "answers/reject.csv", &arena, &rows, &n, &error));
    for (size_t i = 0; i < n; i++) {
      if (rows[i].line != csv.line[r]) continue;
      const char *reason, *const wanted = csv_cell(&csv, r, why);
      double value;
      n_judged++;
      assert_false(partition_check(&rows[i].problem, &rows[i].claim, &arena, &value, &reason));
      assert_true(isnan(value));
      const bool chips = strcmp(wanted, "chip range or skipped chip") == 0;
      if (strstr(reason, chips ? "range" : wanted) == NULL && strstr(reason, chips ? "skipped chip" : wanted) == NULL)
        fail_msg("line %zu: %s, not for %s", rows[i].line, wanted, reason);
    }
  }
  assert_int_equal(n_judged, 7);
}

static void test_greedy(void **state) {
  (void)state;
  static const struct {
    const char *instance;
    double value[3]; /* 4, 8, 16 chips, ring; as printed, four digits behind the point */
  } rows[] = {{"layer_bert24-clone-bw32", {25.4621, 14.5681, 7.4401}},
              {"op_bert_l-3-clone-bw32", {26.0739, 22.6018, 22.6018}},
              {"op_bert_l-12-clone-bw32", {171.5783, 94.1439, 54.8065}},
              {"pd_gnmt-clone-bw32", {10.2834, 5.7883, 5.7963}},
              {"pd_vgg16-bw32", {143.7423, 146.3591, 141.9041}},
              {"pd_resnet101-bw32", {57.0349, 36.6215, 28.6766}},
              {"pd_resnext50-bw32", {86.6405, 70.6341, 55.2731}}};
  static const char *const chips[] = {"chips=4", "chips=8", "chips=16"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (size_t c = 0; c < 3; c++) {
      const char *const path = arena_printf(&arena, DATA "instances/%s.json", rows[i].instance);
      const struct partition_problem problem = read_problem(path, &chips[c], 1);
      const struct partition_graph graph = contract(&problem);
      struct partition_work *work = partition_work_new(&graph, &arena);
      uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph.n);
      partition_greedy(&graph, chip, work);
      const double value = partition_value(&graph, chip, work);
      if (!(fabs(value - rows[i].value[c]) <= 5.1e-5))
        fail_msg("%s, %s: %.6f, not %.4f", rows[i].instance, chips[c], value, rows[i].value[c]);
    }
  }
}

/* Groups by colocation and cycles: as counted in partition §11. */
static void test_groups(void **state) {
  (void)state;
  static const struct {
    const char *instance;
    size_t n_groups;
  } rows[] = {{"layer_bert24-clone-bw32", 32}, {"op_bert_l-3-clone-bw32", 128}, {"op_bert_l-12-clone-bw32", 424},
              {"pd_gnmt-clone-bw32", 48},      {"pd_vgg16-bw32", 41},           {"pd_resnet101-bw32", 347},
              {"pd_resnext50-bw32", 177},      {"pd_nasnetamobile-bw32", 921}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct partition_problem problem =
        read_problem(arena_printf(&arena, DATA "instances/%s.json", rows[i].instance), NULL, 0);
    assert_int_equal(contract(&problem).n, rows[i].n_groups);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_example, setup, teardown),
      cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(test_greedy, setup, teardown),
      cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
  };
  return cmocka_run_group_tests_name("partition against published values", tests, NULL, NULL);
}
