/* Are nodes contracted as the statement says, and do periods and rules agree with what was worked out by hand? Random
 * instances are in tests/property, published values in tests/golden. */
#include "search/partition/partition.h"
#include "tests/partition_small.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct partition_graph contract(const struct partition_problem *problem) {
  struct partition_graph graph;
  struct error error = {0};
  if (!partition_contract(problem, &arena, &graph, &error)) fail_msg("%s", error.text);
  return graph;
}
static void expect_refusal(const struct partition_problem *problem, const char *words) {
  struct partition_graph graph;
  struct error error = {0};
  assert_false(partition_contract(problem, &arena, &graph, &error));
  if (strstr(error.text, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.text, words);
}

/* --- the worked example (partition §2: 729 assignments, loads of four of them, optima) --- */

static void test_counts_of_rules(void **state) {
  (void)state;
  struct partition_problem problem = partition_example();
  const enum partition_triangle triangles[] = {PARTITION_ANY, PARTITION_GENERAL, PARTITION_PATH};
  const int valid[] = {27, 14, 12};
  for (int t = 0; t < 3; t++) {
    problem.triangle = triangles[t];
    const struct partition_graph graph = contract(&problem);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t chip[6] = {1, 1, 1, 1, 1, 1};
    int n_monotone = 0, n_valid = 0;
    do {
      const enum partition_rule rule = partition_rules(&graph, chip, work);
      assert_int_not_equal(rule, PARTITION_RANGE);
      n_monotone += rule != PARTITION_MONOTONE;
      n_valid += rule == PARTITION_FINE;
    } while (partition_next_assignment(chip, 6, 3));
    assert_int_equal(n_monotone, 43);
    assert_int_equal(n_valid, valid[t]);
  }
}

static void test_loads(void **state) {
  (void)state;
  static const struct {
    uint32_t chip[6];
    double ring[3], p2p[3];
  } rows[] = {{{1, 1, 2, 2, 3, 3}, {8, 10, 7}, {8, 9, 7}},
              {{1, 1, 1, 2, 3, 3}, {10, 10, 7}, {10, 8, 7}},
              {{1, 1, 1, 2, 2, 3}, {10, 11, 4}, {10, 11, 4}},
              {{1, 1, 1, 1, 2, 3}, {12, 5, 4}, {12, 4, 4}}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    for (int p2p = 0; p2p < 2; p2p++) {
      struct partition_problem problem = partition_example();
      problem.cost = p2p ? PARTITION_P2P : PARTITION_RING;
      const struct partition_graph graph = contract(&problem);
      const double *wanted = p2p ? rows[r].p2p : rows[r].ring;
      double load[3];
      const double period = partition_period(&graph, rows[r].chip, partition_work_new(&graph, &arena), load);
      assert_memory_equal(load, wanted, sizeof load);
      assert_true(period == fmax(fmax(wanted[0], wanted[1]), wanted[2]));
    }
  }
}

static void test_optima(void **state) {
  (void)state;
  static const struct {
    enum partition_cost cost;
    enum partition_triangle triangle;
    uint64_t memory_bytes;
    double value;
  } rows[] = {{PARTITION_RING, PARTITION_ANY, 0, 10},         {PARTITION_P2P, PARTITION_ANY, 0, 9},
              {PARTITION_RING, PARTITION_PATH, 0, 11},        {PARTITION_P2P, PARTITION_GENERAL, 0, 11},
              {PARTITION_RING_OVERLAP, PARTITION_ANY, 0, 5},  {PARTITION_P2P_OVERLAP, PARTITION_ANY, 0, 5},
              {PARTITION_RING, PARTITION_ANY, 40, 10},        {PARTITION_RING, PARTITION_PATH, 60, 11},
              {PARTITION_RING, PARTITION_PATH, 40, INFINITY}, {PARTITION_P2P, PARTITION_ANY, 40, 10}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct partition_problem problem = partition_example();
    problem.cost = rows[r].cost;
    problem.triangle = rows[r].triangle;
    problem.memory_bytes = rows[r].memory_bytes;
    const struct partition_graph graph = contract(&problem);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t chip[6] = {1, 1, 1, 1, 1, 1};
    double best = INFINITY;
    do best = fmin(best, partition_value(&graph, chip, work));
    while (partition_next_assignment(chip, 6, 3));
    if (best != rows[r].value) fail_msg("row %zu: %g, not %g", r, best, rows[r].value);
  }
}

static void test_greedy(void **state) {
  (void)state;
  /* Shares of 5 ms: 0 and 1 (5), 2 (0.5 beyond), 3 to chip 3 since 6 + 2 > 5 and 2 is there already … by hand:
   * a + p/2 = 1, 3.5, 5.5 > 5 → 2, 8 ≤ 10, 11 > 10 → 3, 13.5. */
  const struct partition_problem problem = partition_example();
  const struct partition_graph graph = contract(&problem);
  uint32_t chip[6];
  partition_greedy(&graph, chip, partition_work_new(&graph, &arena));
  assert_memory_equal(chip, ((uint32_t[]){1, 1, 2, 2, 3, 3}), sizeof chip);
}

static void test_renumber(void **state) {
  (void)state;
  const struct partition_problem problem = partition_example();
  const struct partition_graph graph = contract(&problem);
  struct partition_work *work = partition_work_new(&graph, &arena);
  uint32_t chip[6] = {2, 2, 2, 2, 3, 3};
  assert_int_equal(partition_rules(&graph, chip, work), PARTITION_SKIPPED);
  partition_renumber(&graph, chip, work);
  assert_memory_equal(chip, ((uint32_t[]){1, 1, 1, 1, 2, 2}), sizeof chip);
  assert_int_equal(partition_rules(&graph, chip, work), PARTITION_FINE);
  chip[3] = 4;
  assert_int_equal(partition_rules(&graph, chip, work), PARTITION_RANGE);
  assert_true(isinf(partition_value(&graph, chip, work)));
}

/* --- what is contracted --- */

/* Nodes 0 and 4 are colocated, and so 1, 2 and 3 lie on a cycle of groups with them: 0→1→3→4 and 0→2→3. */
static void test_cycle_of_groups(void **state) {
  (void)state;
  struct partition_problem problem = partition_example();
  const uint32_t together[] = {7, PARTITION_NONE, 3, 9, 7, PARTITION_NONE};
  problem.colocate = together;
  const struct partition_graph graph = contract(&problem);
  assert_int_equal(graph.n, 2);
  assert_memory_equal(graph.group_of, ((uint32_t[]){0, 0, 0, 0, 0, 1}), 6 * sizeof(uint32_t));
  assert_true(graph.compute_ms[0] == 12 && graph.weight_bytes[0] == 100 && graph.total_ms == 15);
  assert_int_equal(graph.n_arcs, 1);
  /* Only node 3's tensor leaves the group. */
  assert_int_equal(graph.n_tensors, 1);
  assert_int_equal(graph.tensors[0].bits, 800);
  assert_true(graph.tensors[0].ms == 1);
}

/* 1 and 2 are one group, both read by 3 alone: one tensor of 300 bytes; 0 is read by {1,2} and 4: consumers ascend. */
static void test_tensors_are_merged(void **state) {
  (void)state;
  struct partition_problem problem = partition_example();
  const uint32_t together[] = {0, 1, 1, 3, 4, 5};
  problem.colocate = together;
  const struct partition_graph graph = contract(&problem);
  assert_int_equal(graph.n, 5);
  assert_int_equal(graph.n_arcs, 5); /* 0 to 1 and 2, and those to 3, are one each */
  assert_int_equal(graph.n_tensors, 3);
  assert_int_equal(graph.tensors[0].end - graph.tensors[0].first, 2);
  assert_int_equal(graph.consumer[graph.tensors[0].first], 1);
  assert_int_equal(graph.consumer[graph.tensors[0].first + 1], 3);
  assert_int_equal(graph.tensors[1].bits, 2400);
  assert_int_equal(graph.read_start[4] - graph.read_start[3], 2); /* node 4 reads 0 and 3 */
  assert_int_equal(graph.read[graph.read_start[3]], 0);
  assert_int_equal(graph.read[graph.read_start[3] + 1], 2);
}

static void test_edges_that_do_not_exist(void **state) {
  (void)state;
  struct partition_problem problem = partition_example();
  const struct partition_edge drop[] = {{3, 5}, {0, 4}};
  problem.drops = drop;
  problem.n_drops = 2;
  const struct partition_graph graph = contract(&problem);
  assert_int_equal(graph.n_arcs, 5);
  const bool cloneable[6] = {true};
  problem.cloneable = cloneable;
  problem.clone = true;
  const struct partition_graph cloned = contract(&problem);
  assert_int_equal(cloned.n_arcs, 3);
  assert_int_equal(cloned.n_tensors, 3);
  const struct partition_edge none[] = {{3, 5}, {5, 3}};
  problem.drops = none;
  expect_refusal(&problem, "there is no edge 5,3");
}

static void test_mistakes(void **state) {
  (void)state;
  struct partition_problem problem = partition_example();
  struct partition_edge edges[] = {{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}, {4, 1}, {3, 5}};
  problem.edges = edges;
  expect_refusal(&problem, "4 nodes lie on a cycle or behind one");
  edges[5] = (struct partition_edge){4, 4};
  expect_refusal(&problem, "from a node to itself");
  edges[5] = (struct partition_edge){4, 6};
  expect_refusal(&problem, "a node that there is not");
  problem = partition_example();
  const uint64_t many[] = {UINT64_MAX, 1, 0, 0, 0, 0};
  problem.weight_bytes = many;
  expect_refusal(&problem, "weight_bytes of all nodes");
  problem = partition_example();
  const uint64_t bits[] = {UINT64_C(1) << 61, UINT64_C(1) << 61, 0, 0, 0, 0};
  problem.out_bits = bits;
  expect_refusal(&problem, "2^59");
  problem = partition_example();
  const double slow[] = {1, -1, 0, 0, 0, 0};
  problem.compute_ms = slow;
  expect_refusal(&problem, "compute_ms of node 1 is -1");
}

/* --- memory by what lives at once (partition §3.2) --- */

/* On one chip, by number: node 0 makes 100; 1 makes 200 (300 live); 2 makes 100 (400), 0 stays for 4; 3 makes 100 (500,
 * then 1 and 2 end); weights are 110. On two chips, 0 1 2 3 | 4 5: 3 and 0 leave, so that 500 stands; the second chip
 * holds 0's and 3's 100 each. */
static void test_live(void **state) {
  (void)state;
  struct partition_problem problem = partition_example();
  problem.memory_rule = PARTITION_LIVE;
  const uint32_t one[] = {1, 1, 1, 1, 1, 1}, two[] = {1, 1, 1, 1, 2, 2}, three[] = {1, 1, 1, 2, 2, 2};
  const struct {
    const uint32_t *chip;
    uint64_t least_bytes;
  } rows[] = {{one, 110 + 500}, {two, 80 + 500}, {three, 70 + 500}};
  for (size_t r = 0; r < 3; r++) {
    for (uint64_t less = 0; less < 2; less++) {
      problem.memory_bytes = rows[r].least_bytes - less;
      const struct partition_graph graph = contract(&problem);
      const enum partition_rule rule = partition_rules(&graph, rows[r].chip, partition_work_new(&graph, &arena));
      assert_int_equal(rule, less == 0 ? PARTITION_FINE : PARTITION_MEMORY);
    }
  }
}

static bool wants_one_chip(void *context, const uint32_t *chip) {
  ++*(int *)context;
  return chip[5] == 1;
}
static void test_black_box(void **state) {
  (void)state;
  int asked = 0;
  struct partition_problem problem = partition_example();
  problem.accepts = wants_one_chip;
  problem.accepts_context = &asked;
  const struct partition_graph graph = contract(&problem);
  struct partition_work *work = partition_work_new(&graph, &arena);
  assert_int_equal(partition_rules(&graph, (uint32_t[]){1, 1, 1, 1, 1, 1}, work), PARTITION_FINE);
  assert_int_equal(partition_rules(&graph, (uint32_t[]){1, 1, 1, 1, 1, 2}, work), PARTITION_REFUSED);
  assert_int_equal(partition_rules(&graph, (uint32_t[]){2, 1, 1, 1, 1, 2}, work), PARTITION_MONOTONE);
  assert_int_equal(asked, 2);
}

/* A mask that feeds every layer of a chain holds all of them on two chips under `path`. */
static void test_blocker(void **state) {
  (void)state;
  enum { LAYERS = 9 };
  struct partition_edge edges[2 * LAYERS];
  double ms[LAYERS + 1] = {0};
  uint64_t zero[LAYERS + 1] = {0};
  uint32_t alone[LAYERS + 1];
  bool cloneable[LAYERS + 1] = {true};
  const char *names[LAYERS + 1];
  size_t n_edges = 0;
  for (uint32_t v = 0; v <= LAYERS; v++) {
    alone[v] = PARTITION_NONE;
    names[v] = "layer";
    if (v == 0) continue;
    ms[v] = 1;
    edges[n_edges++] = (struct partition_edge){0, v};
    if (v > 1) edges[n_edges++] = (struct partition_edge){v - 1, v};
  }
  struct partition_problem problem = {.name = "mask",
                                      .n_chips = 4,
                                      .link_bytes_per_s = 1,
                                      .n_nodes = LAYERS + 1,
                                      .n_edges = n_edges,
                                      .node_names = names,
                                      .compute_ms = ms,
                                      .weight_bytes = zero,
                                      .out_bits = zero,
                                      .colocate = alone,
                                      .cloneable = cloneable,
                                      .edges = edges};
  assert_int_equal(contract(&problem).blocker, 0);
  problem.clone = true;
  assert_int_equal(contract(&problem).blocker, PARTITION_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_counts_of_rules, setup, teardown),
      cmocka_unit_test_setup_teardown(test_loads, setup, teardown),
      cmocka_unit_test_setup_teardown(test_optima, setup, teardown),
      cmocka_unit_test_setup_teardown(test_greedy, setup, teardown),
      cmocka_unit_test_setup_teardown(test_renumber, setup, teardown),
      cmocka_unit_test_setup_teardown(test_cycle_of_groups, setup, teardown),
      cmocka_unit_test_setup_teardown(test_tensors_are_merged, setup, teardown),
      cmocka_unit_test_setup_teardown(test_edges_that_do_not_exist, setup, teardown),
      cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_live, setup, teardown),
      cmocka_unit_test_setup_teardown(test_black_box, setup, teardown),
      cmocka_unit_test_setup_teardown(test_blocker, setup, teardown),
  };
  return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
