/* Do strategies, costs, re-sharded bytes and values give the worked examples of the reconstruction (sharding §3, §6 to
 * §8), by hand and by trying all? Values come from there, to 1e-9. */
#include "search/sharding/sharding_private.h"
#include "search/sharding/sharding_reshard.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sharding_cases.h"
#include "tests/two_arenas.h"

static void expect(const char *what, double value, double wanted) {
  if (fabs(value - wanted) <= 1e-9 * fabs(wanted)) return;
  fail_msg("%s: %.12g was expected, it is %.12g", what, wanted, value);
}

static struct sharding_problem finished(struct sharding_problem problem) {
  struct error error = {0};
  if (!sharding_finish(&problem, &arena, &error)) fail_msg("%s", error.text);
  return problem;
}

static size_t n_strategies(const struct case_layer *layer, uint32_t p) {
  const struct sharding_problem problem = finished(case_problem(layer, 1, p, p, &arena));
  const struct sharding_strategy *list;
  return sharding_strategies(&problem, 0, p, &arena, &list);
}

/* Counts of sharding §3 and §8. */
static void test_counts(void **state) {
  (void)state;
  const struct case_layer k1 = {256, 128, 56, 56, 1}, flat = {4096, 1024, 128, 1, 1};
  assert_int_equal(n_strategies(case_single, 1), 1);
  assert_int_equal(n_strategies(case_single, 2), 9);
  assert_int_equal(n_strategies(case_single, 4), 21);
  assert_int_equal(n_strategies(case_single, 8), 33);
  assert_int_equal(n_strategies(&k1, 4), 27);
  assert_int_equal(n_strategies(&k1, 8), 43);
  assert_int_equal(n_strategies(&flat, 4), 16);
  const struct case_layer tiny = {3, 2, 1, 1, 1}; /* too small for seven boards: some get nothing */
  assert_true(n_strategies(&tiny, 7) > 0);
}

/* One-board cycles of sharding §4. */
static void test_cycles(void **state) {
  (void)state;
  const double wanted[2][CASE_DESIGNS] = {{1809668, 2064414, 401408}, {202468, 229406, 401408}};
  for (int i = 0; i < 2; i++) {
    struct case_layer layer = case_single[0];
    layer.k = i == 0 ? 3 : 1;
    const struct sharding_problem problem = finished(case_problem(&layer, 1, 1, 1, &arena));
    for (int d = 0; d < CASE_DESIGNS; d++) {
      expect(case_designs[d].name, sharding_cycles(&problem, &case_designs[d], 0, problem.layers[0].size, 1),
             wanted[i][d]);
    }
  }
}

/* The table of sharding §6; ms. */
static void test_strategies_cost(void **state) {
  (void)state;
  static const struct {
    const char *strategy;
    double cycles, phases, shift_ms, reduce_ms, serial_ms, overlap_ms;
    uint64_t single_bytes, double_bytes;
  } rows[] = {
      {"Cout:4", 454916, 1, 0, 0, 2.27458, 2.27458, 1351680, 1351680},
      {"Cout:4 SS Cin", 116228, 4, 0.200704, 0, 2.926672, 2.32456, 749568, 950272},
      {"Cin:4", 454916, 1, 0, 2.408448, 4.683028, 4.683028, 1953792, 1953792},
      {"Cin:2+Cout:2", 454916, 1, 0, 0.802816, 3.077396, 3.077396, 1351680, 1351680},
      {"Cout:2+W:2", 454916, 1, 0, 0, 2.27458, 2.27458, 1097728, 1097728},
      {"Cout:2+W:2 SS Cin", 229124, 2, 0.348160, 0, 2.6394, 2.29124, 749568, 1097728},
      {"W:4", 454916, 1, 0, 0, 2.27458, 2.27458, 1191936, 1191936},
      {"W:4 SS Cout", 116228, 4, 0.147456, 0, 2.766928, 2.32456, 749568, 897024},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct sharding_problem problem = finished(case_problem(case_single, CASE_SINGLE, 4, 4, &arena));
    const struct sharding_strategy strategy = case_strategy(rows[i].strategy);
    for (int variant = 0; variant < 4; variant++) {
      struct sharding_cost cost;
      problem.overlap = variant & 1, problem.double_buffer = (variant & 2) != 0;
      sharding_cost(&problem, 0, &case_designs[CASE_D1], 4, 1e9, &strategy, &cost);
      expect(rows[i].strategy, cost.cycles, rows[i].cycles);
      expect(rows[i].strategy, cost.phases, rows[i].phases);
      expect(rows[i].strategy, cost.shift_s * 1e3, rows[i].shift_ms);
      expect(rows[i].strategy, cost.all_reduce_s * 1e3, rows[i].reduce_ms);
      expect(rows[i].strategy, cost.total_s * 1e3, problem.overlap ? rows[i].overlap_ms : rows[i].serial_ms);
      assert_int_equal(cost.weight_bytes + cost.input_bytes + cost.output_bytes,
                       problem.double_buffer ? rows[i].double_bytes : rows[i].single_bytes);
      const uint32_t boards[] = {0, 1, 2, 3};
      const struct sharding_set set = {.design = CASE_D1, .n_boards = 4, .boards = boards};
      assert_int_equal(sharding_set_bytes(&problem, &set, &strategy, &scratch),
                       problem.double_buffer ? rows[i].double_bytes : rows[i].single_bytes);
    }
  }
}

/* Re-shards of sharding §6: into (256,256,56,56). */
static void test_reshard(void **state) {
  (void)state;
  static const struct {
    const char *from, *to;
    uint64_t k, bytes;
  } rows[] = {
      {"Cout:4", "W:4", 1, 301056},
      {"Cout:4", "W:4", 3, 344064},
      {"W:4", "W:4", 3, 57344},
      {"Cout:4", "Cout:4", 3, 1204224},
      {"Cout:4", "Cout:4 SS Cin", 3, 0},
      {"W:4", "Cout:4", 3, 1204224},
      {"Cout:2+W:2", "Cout:2+W:2", 3, 430080},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct case_layer layers[] = {case_single[0], {256, 256, 56, 56, rows[i].k}};
    const struct sharding_problem problem = finished(case_problem(layers, 2, 4, 4, &arena));
    const struct sharding_strategy from = case_strategy(rows[i].from), to = case_strategy(rows[i].to);
    assert_int_equal(sharding_reshard_bytes(&problem, 0, 4, &from, 4, &to), rows[i].bytes);
    const struct sharding_strategy *list, *others;
    const size_t n = sharding_strategies(&problem, 0, 4, &arena, &list);
    const size_t m = sharding_strategies(&problem, 1, 4, &arena, &others);
    uint64_t *table = ARENA_NEW(&arena, uint64_t, n * m);
    sharding_reshard_table(&problem, 0, 4, list, n, others, m, &scratch, table);
    for (size_t f = 0; f < n; f++) {
      for (size_t t = 0; t < m; t++) {
        assert_int_equal(table[f * m + t], sharding_reshard_bytes(&problem, 0, 4, &list[f], 4, &others[t]));
      }
    }
  }
}

/* --- chains ---------------------------------------------------------------------------------------------------------
 */

struct chain {
  struct sharding_problem problem;
  struct sharding_set set;
  struct sharding_answer answer;
};

static struct chain chain_of(const struct case_layer *layers, size_t n, uint32_t p, int design, double bandwidth,
                             bool overlap) {
  struct chain c = {.problem = case_problem(layers, n, p, p, &arena)};
  c.problem.intra_bytes_per_s = bandwidth, c.problem.overlap = overlap;
  c.problem = finished(c.problem);
  assert_true(c.problem.chain);
  uint32_t *boards = ARENA_NEW(&arena, uint32_t, p);
  for (uint32_t b = 0; b < p; b++) boards[b] = b;
  c.set = (struct sharding_set){(uint32_t)design, p, boards, 0, (uint32_t)n - 1};
  c.answer = (struct sharding_answer){1, NULL, ARENA_NEW(&arena, struct sharding_strategy, n)};
  return c;
}

static double chain_ms(struct chain *c) {
  c->answer.sets = &c->set;
  return 1e3 * sharding_evaluate(&c->problem, &c->answer, &scratch, NULL);
}

/* The least over all strategies of all layers. */
static double least_by_all_ms(struct chain *c, uint32_t layer) {
  if (layer == c->problem.n_layers) return chain_ms(c);
  const struct sharding_strategy *list;
  const size_t n = sharding_strategies(&c->problem, layer, c->set.n_boards, &arena, &list);
  double least = INFINITY;
  for (size_t i = 0; i < n; i++) {
    c->answer.strategies[layer] = list[i];
    least = fmin(least, least_by_all_ms(c, layer + 1));
  }
  return least;
}

/* The same as a shortest path. */
static double least_by_path_ms(struct chain *c) {
  const struct sharding_problem *p = &c->problem;
  const struct sharding_strategy *before = NULL, *list;
  double *least = NULL;
  size_t n_before = 0;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    const size_t n = sharding_strategies(p, l, c->set.n_boards, &arena, &list);
    double *next = ARENA_NEW(&arena, double, n);
    for (size_t i = 0; i < n; i++) {
      struct sharding_cost cost;
      sharding_cost(p, l, &p->designs[c->set.design], c->set.n_boards, p->intra_bytes_per_s, &list[i], &cost);
      next[i] = l == 0 ? 0 : INFINITY;
      for (size_t j = 0; j < n_before; j++) {
        const uint64_t bytes = sharding_reshard_bytes(p, l - 1, c->set.n_boards, &before[j], c->set.n_boards, &list[i]);
        next[i] = fmin(next[i], least[j] + (double)bytes / p->intra_bytes_per_s);
      }
      next[i] += cost.total_s;
    }
    least = next, before = list, n_before = n;
  }
  double value = INFINITY;
  for (size_t i = 0; i < n_before; i++) value = fmin(value, least[i]);
  return 1e3 * value;
}

/* Optima of sharding §7; ms. */
static void test_chain_optima(void **state) {
  (void)state;
  static const struct {
    int design;
    uint32_t p;
    double bandwidth, serial_ms, overlap_ms;
  } rows[] = {
      {CASE_D1, 2, 1e9, 3.09288, 2.905112},  {CASE_D1, 2, 0.25e9, 3.770256, 3.322788},
      {CASE_D1, 4, 1e9, 1.810256, 1.628172}, {CASE_D1, 4, 0.25e9, 2.600528, 2.089164},
      {CASE_D2, 2, 1e9, 3.204696, 3.204696}, {CASE_D2, 2, 0.25e9, 3.247704, 3.247704},
      {CASE_D2, 4, 1e9, 1.718104, 1.665306}, {CASE_D2, 4, 0.25e9, 1.88476, 1.88476},
      {CASE_D1, 8, 1e9, 1.099952, 1.03292},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (int overlap = 0; overlap < 2; overlap++) {
      struct chain c = chain_of(case_t14, CASE_T14, rows[i].p, rows[i].design, rows[i].bandwidth, overlap);
      expect("optimum", least_by_path_ms(&c), overlap ? rows[i].overlap_ms : rows[i].serial_ms);
    }
  }
  struct chain c = chain_of(case_t14, CASE_T14, 2, CASE_D1, 1e9, false);
  expect("by all", least_by_all_ms(&c, 0), 3.09288);
}

/* Fixed strategies of sharding §7: D1, p = 4, serial; ms. */
static void test_chain_fixed(void **state) {
  (void)state;
  static const struct {
    const char *strategy[CASE_T14];
    double bandwidth, ms;
    bool overlap;
  } rows[] = {
      {{"Cout:4", "Cout:4", "Cout:4", "Cout:4"}, 1e9, 1.8228, false},
      {{"Cout:4", "Cout:4", "Cout:4", "Cout:4"}, 0.25e9, 2.95176, false},
      {{"Cin:4", "Cin:4", "Cin:4", "Cin:4"}, 1e9, 2.349648, false},
      {{"Cin:4", "Cin:4", "Cin:4", "Cin:4"}, 0.25e9, 5.059152, false},
      {{"W:4", "W:4", "W:4", "W:4"}, 1e9, 5.661712, false},
      {{"W:4", "W:4", "W:4", "W:4"}, 0.25e9, 5.747728, false},
      {{"Cout:2+Cin:2", "Cout:2+Cin:2", "Cout:2+Cin:2", "Cout:2+Cin:2"}, 1e9, 1.998416, false},
      {{"Cout:2+Cin:2", "Cout:2+Cin:2", "Cout:2+Cin:2", "Cout:2+Cin:2"}, 0.25e9, 3.654224, false},
      {{"Cout:4", "Cout:4 SS Cin", "Cout:4 SS Cin", "Cout:4 SS Cin"}, 1e9, 1.628172, true},
      {{"Cout:4", "Cout:4", "Cout:4", "Cout:2+H:2"}, 1e9, 1.810256, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct chain c = chain_of(case_t14, CASE_T14, 4, CASE_D1, rows[i].bandwidth, rows[i].overlap);
    for (size_t l = 0; l < CASE_T14; l++) c.answer.strategies[l] = case_strategy(rows[i].strategy[l]);
    expect(rows[i].strategy[3], chain_ms(&c), rows[i].ms);
  }
}

/* Two sets of sharding §7: layer 1 on a group, layers 2 to 4 on the other; each with its best strategies. */
static void test_two_sets(void **state) {
  (void)state;
  struct sharding_problem problem = finished(case_problem(case_t14, CASE_T14, 4, 2, &arena));
  const uint32_t boards[] = {0, 1, 2, 3};
  struct sharding_set sets[] = {{CASE_D3, 2, boards, 0, 0}, {CASE_D3, 2, boards + 2, 1, 3}};
  struct sharding_answer answer = {2, sets, ARENA_NEW(&arena, struct sharding_strategy, CASE_T14)};
  const struct sharding_strategy *list[CASE_T14];
  size_t n[CASE_T14];
  for (uint32_t l = 0; l < CASE_T14; l++) n[l] = sharding_strategies(&problem, l, 2, &arena, &list[l]);
  double least = INFINITY;
  for (size_t i = 0; i < n[0] * n[1] * n[2] * n[3]; i++) {
    answer.strategies[0] = list[0][i % n[0]];
    answer.strategies[1] = list[1][i / n[0] % n[1]];
    answer.strategies[2] = list[2][i / n[0] / n[1] % n[2]];
    answer.strategies[3] = list[3][i / n[0] / n[1] / n[2]];
    least = fmin(least, sharding_evaluate(&problem, &answer, &scratch, NULL));
  }
  expect("two sets", least * 1e3, 1.60768);
}

/* Products of sharding §8. */
static void test_products(void **state) {
  (void)state;
  struct chain c = chain_of(case_products, CASE_PRODUCTS, 4, CASE_D2, 1e9, false);
  c.answer.strategies[0] = case_strategy("Cout:4");
  c.answer.strategies[1] = case_strategy("Cin:4");
  expect("Cout:4, Cin:4", chain_ms(&c), 3.670316);
  struct sharding_cost cost;
  sharding_cost(&c.problem, 1, &case_designs[CASE_D2], 4, 1e9, &c.answer.strategies[1], &cost);
  expect("all-reduce", cost.all_reduce_s * 1e3, 0.393216);
  expect("phase", cost.phase_s * 1e3, 1.63855);
  expect("serial", least_by_path_ms(&c), 3.408172);
  c = chain_of(case_products, CASE_PRODUCTS, 4, CASE_D2, 1e9, true);
  expect("overlap", least_by_path_ms(&c), 3.27755);
  for (int overlap = 0; overlap < 2; overlap++) {
    c = chain_of(case_products, CASE_PRODUCTS, 4, CASE_D2, 0.25e9, overlap);
    expect("0.25 GB/s", least_by_path_ms(&c), 3.801388);
  }
}

/* Where inputs of several producers stand: one behind the other in a concat and where they add up, alike in a sum. */
static void test_several_inputs(void **state) {
  (void)state;
  const struct case_layer list[] = {{4, 3, 6, 6, 1}, {5, 3, 6, 6, 1}, {2, 9, 6, 6, 1}, {4, 9, 6, 6, 1}};
  static const char *const kinds[] = {"conv", "concat", "add"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    struct sharding_problem problem = case_problem(list, 3, 2, 2, &arena);
    struct sharding_layer layers[3];
    const struct sharding_edge edges[] = {{1, 2}, {0, 2}}; /* the file's order is that of the inputs */
    memcpy(layers, problem.layers, sizeof layers);
    while (strcmp(sharding_kinds[layers[2].kind].name, kinds[i]) != 0) layers[2].kind++;
    if (i > 0) layers[2].size[SHARDING_COUT] = 9;
    problem.layers = layers, problem.edges = edges, problem.n_edges = 2;
    problem = finished(problem);
    assert_false(problem.chain);
    assert_int_equal(problem.concat_first[0], 0);
    assert_int_equal(problem.concat_first[1], i < 2 ? 5 : 0);
    const struct sharding_strategy halves = case_strategy("Cout:2"), rows = case_strategy("H:2");
    /* Rows of all nine channels against the channels that a board has of one producer: half of the rows of the rest. */
    if (i < 2) assert_int_equal(sharding_reshard_bytes(&problem, 1, 2, &halves, 2, &rows), 2 * 2 * 3 * 6);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counts),   cmocka_unit_test(test_cycles),       cmocka_unit_test(test_strategies_cost),
      cmocka_unit_test(test_reshard),  cmocka_unit_test(test_chain_optima), cmocka_unit_test(test_chain_fixed),
      cmocka_unit_test(test_two_sets), cmocka_unit_test(test_products),     cmocka_unit_test(test_several_inputs),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
