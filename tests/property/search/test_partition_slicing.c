/* Is slicing exact for its order, and is no bound above the optimum? Small random problems of every cost, rule and
 * memory against brute force. */
#include "search/partition/partition_bounds.h"
#include "search/partition/partition_merge.h"
#include "search/partition/partition_orders.h"
#include "tests/partition_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 1200 };
static const uint64_t seed = 2385;
static const double rounding = 1e-10;

static struct partition_graph draw(struct rng *rng, uint64_t round, struct partition_problem *problem) {
  const struct partition_kind kind = {.cost = (enum partition_cost)(round % 4),
                                      .triangle = (enum partition_triangle)(round / 4 % 3),
                                      .memory = round / 12 % 3 > 0,
                                      .live = round / 12 % 3 == 2,
                                      .most = 7,
                                      .most_chips = 3};
  struct partition_graph graph;
  struct error error = {0};
  *problem = partition_random(rng, &kind, &arena);
  assert_true(partition_contract(problem, &arena, &graph, &error));
  return graph;
}

static void assert_topological(const struct partition_graph *graph, const uint32_t *order) {
  uint32_t *place = ARENA_NEW(&scratch, uint32_t, graph->n);
  memset(place, 0xff, graph->n * sizeof *place);
  for (size_t i = 0; i < graph->n; i++) {
    assert_true(order[i] < graph->n && place[order[i]] == PARTITION_NONE);
    place[order[i]] = (uint32_t)i;
  }
  for (size_t g = 0; g < graph->n; g++) {
    for (uint32_t k = graph->out_start[g]; k < graph->out_start[g + 1]; k++) {
      assert_true(place[g] < place[graph->out[k]]);
    }
  }
}

static void random_order(const struct partition_graph *graph, struct rng *rng, uint32_t *order) {
  double *key = ARENA_NEW(&scratch, double, graph->n);
  for (size_t g = 0; g < graph->n; g++) key[g] = (double)rng_below(rng, 3); /* ties among them */
  partition_order_by_key(graph, key, order, &scratch);
}

static void slices_are_exact(void **state) {
  (void)state;
  printf("seed %llu\n", (unsigned long long)seed);
  size_t n_found = 0, n_none = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena), other = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 0);
    struct partition_problem problem;
    const struct partition_graph graph = draw(&rng, round, &problem);
    struct partition_slicer *slicer = partition_slicer_new(&graph, &arena);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t *order = ARENA_NEW(&arena, uint32_t, graph.n), *chip = ARENA_NEW(&arena, uint32_t, graph.n);
    random_order(&graph, &rng, order);
    assert_topological(&graph, order);
    const double least = partition_brute_force(&graph, order, work, &scratch, NULL);
    const double value = partition_slice(slicer, order, INFINITY, chip);
    if (isfinite(value)) assert_true(partition_value(&graph, chip, work) == value);
    if (problem.triangle != PARTITION_GENERAL) {
      assert_true(isfinite(least) ? fabs(value - least) <= rounding * least : !isfinite(value));
    } else { /* it knows some of the valid pieces only */
      assert_true(value >= least * (1 - rounding));
    }
    if (isfinite(value)) {
      n_found++;
      const double again = partition_slice(slicer, order, value + rounding * (1 + value), NULL);
      assert_true(fabs(again - value) <= rounding * (1 + value));
      assert_false(isfinite(partition_slice(slicer, order, value * (1 - rounding), NULL)) && value > 0);
    } else {
      n_none++;
    }
    arena_rewind(&arena, mark), arena_rewind(&scratch, other);
  }
  assert_true(n_found > ROUNDS / 2 && n_none > 20);
}

static void fixed_orders_are_topological(void **state) {
  (void)state;
  for (uint64_t round = 0; round < 100; round++) {
    const struct arena_mark mark = arena_get_mark(&arena), other = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 1);
    struct partition_problem problem;
    const struct partition_graph graph = draw(&rng, round, &problem);
    uint32_t *order = ARENA_NEW(&arena, uint32_t, graph.n);
    for (size_t i = 0; i < PARTITION_N_FIXED_ORDERS; i++) {
      partition_fixed_order(&graph, i, &scratch, order);
      assert_topological(&graph, order);
    }
    arena_rewind(&arena, mark), arena_rewind(&scratch, other);
  }
}

static void bounds_hold(void **state) {
  (void)state;
  size_t n_refused = 0, n_tight = 0, n_above_load = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena), other = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 2);
    struct partition_problem problem;
    const struct partition_graph graph = draw(&rng, round, &problem);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph.n), *best = ARENA_NEW(&arena, uint32_t, graph.n);
    const double least = partition_brute_force(&graph, NULL, work, &scratch, best);
    struct partition_bounds quick, bounds;
    partition_bounds(&graph, true, &scratch, &quick);
    partition_bounds(&graph, false, &scratch, &bounds);
    assert_true(bounds.best >= quick.best);
    if (bounds.infeasible) {
      assert_false(isfinite(least));
      n_refused++;
    }
    if (isfinite(least)) {
      assert_true(bounds.best <= least);
      n_tight += bounds.best >= least * (1 - rounding), n_above_load += bounds.best > quick.best * (1 + rounding);
      if (least > 0) assert_false(partition_refutes(&graph, least, &scratch));
    }
    const double value = partition_quick(&graph, &scratch, chip);
    if (isfinite(value)) assert_true(value == partition_value(&graph, chip, work) && value >= least);
    arena_rewind(&arena, mark), arena_rewind(&scratch, other);
  }
  printf("tight %zu, above the load %zu, infeasible %zu of %d\n", n_tight, n_above_load, n_refused, ROUNDS);
  assert_true(n_tight > ROUNDS / 4 && n_above_load > ROUNDS / 10 && n_refused > 10);
}

/* What the optimum's period forces together lies together in every optimal answer. */
static void merging_keeps_optima(void **state) {
  (void)state;
  size_t n_merged = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena), other = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 3);
    struct partition_problem problem;
    const struct partition_graph graph = draw(&rng, round, &problem);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t *best = ARENA_NEW(&arena, uint32_t, graph.n), *now_in = ARENA_NEW(&arena, uint32_t, graph.n);
    const double least = partition_brute_force(&graph, NULL, work, &scratch, best);
    struct partition_graph merged;
    if (isfinite(least) && partition_merge_at(&graph, least, &arena, &merged, now_in)) {
      n_merged++;
      uint32_t *chip = ARENA_NEW(&arena, uint32_t, merged.n);
      for (size_t g = 0; g < graph.n; g++) chip[now_in[g]] = best[g];
      for (size_t g = 0; g < graph.n; g++) assert_int_equal(chip[now_in[g]], best[g]);
      assert_topological(&merged, merged.topological);
      double sum_ms = 0;
      for (size_t g = 0; g < merged.n; g++) sum_ms += merged.compute_ms[g];
      assert_true(fabs(sum_ms - graph.total_ms) <= rounding * graph.total_ms);
    }
    arena_rewind(&arena, mark), arena_rewind(&scratch, other);
  }
  printf("merged %zu of %d\n", n_merged, ROUNDS);
  assert_true(n_merged > 30);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(slices_are_exact, setup, teardown),
      cmocka_unit_test_setup_teardown(fixed_orders_are_topological, setup, teardown),
      cmocka_unit_test_setup_teardown(bounds_hold, setup, teardown),
      cmocka_unit_test_setup_teardown(merging_keeps_optima, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
