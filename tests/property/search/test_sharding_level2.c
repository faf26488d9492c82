/* Is level 2 exact? Random layers on one set against all strategies, valued by the evaluator: chains and branches,
 * hidden and visible moves, tight memory, reduce-scatter, training. */
#include "search/sharding/sharding_level2_private.h"
#include "tests/sharding_made.h"
#include "tests/sharding_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_CASES = 200, MAX_CHOICES = 20000, N_LONG = 300, N_DEEP = 1500 };

/* Least value of all strategies; NAN: too many. */
static double enumerate(const struct sharding_problem *problem, uint32_t design) {
  const uint32_t p = (uint32_t)problem->n_boards;
  const struct sharding_strategy **lists = ARENA_NEW(&arena, const struct sharding_strategy *, problem->n_layers);
  size_t *n = ARENA_NEW(&arena, size_t, problem->n_layers), *at = ARENA_NEW(&arena, size_t, problem->n_layers);
  struct sharding_strategy *chosen = ARENA_NEW(&arena, struct sharding_strategy, problem->n_layers);
  double choices = 1, least = INFINITY;
  for (size_t i = 0; i < problem->n_layers; i++) {
    n[i] = sharding_strategies(problem, problem->topological[i], p, &arena, &lists[i]);
    choices *= (double)n[i];
  }
  if (choices > MAX_CHOICES) return NAN;
  for (size_t i = 0; i < problem->n_layers;) {
    for (size_t k = 0; k < problem->n_layers; k++) chosen[k] = lists[k][at[k]];
    const struct arena_mark mark = arena_get_mark(&arena);
    const struct sharding_answer answer = made_one_set(problem, design, chosen, &arena);
    least = fmin(least, sharding_evaluate(problem, &answer, &scratch, NULL));
    arena_rewind(&arena, mark);
    for (i = 0; i < problem->n_layers && ++at[i] == n[i]; i++) at[i] = 0;
  }
  return least;
}

static struct sharding_shape shape_of(const struct sharding_problem *problem) {
  struct sharding_shape shape = {(uint32_t)problem->n_boards, 0, UINT64_MAX};
  struct sharding_strategy none[64];
  memset(none, 0, sizeof none);
  const struct sharding_answer answer = made_one_set(problem, 0, none, &arena);
  shape.bandwidth = sharding_ring_bandwidth(problem, answer.sets[0].boards, shape.p);
  for (size_t b = 0; b < problem->n_boards; b++) {
    if (problem->boards[b].dram_bytes < shape.dram_bytes) shape.dram_bytes = problem->boards[b].dram_bytes;
  }
  return shape;
}

static void check(const struct sharding_problem *problem, uint64_t number, size_t *n_checked, size_t *n_proven) {
  const double least_s = enumerate(problem, 0);
  if (isnan(least_s)) return;
  struct sharding_tables *tables = sharding_tables_new(problem, shape_of(problem), 0, &arena);
  const struct sharding_range range = {0, (uint32_t)problem->n_layers - 1, INFINITY};
  struct sharding_level2 result;
  sharding_level2_solve(tables, &range, &scratch, &arena, &result);
  (*n_checked)++;
  *n_proven += result.proven;
  if (result.bound_s > least_s * (1 + 1e-12)) {
    fail_msg("case %lu: bound %.17g above the optimum %.17g", (unsigned long)number, result.bound_s, least_s);
  }
  if (result.proven && isinf(least_s) != isinf(result.value_s)) {
    fail_msg("case %lu: %g, the optimum is %g", (unsigned long)number, result.value_s, least_s);
  }
  if (isinf(result.value_s)) return;
  const struct sharding_answer answer = made_one_set(problem, 0, result.strategies, &arena);
  const double value_s = sharding_evaluate(problem, &answer, &scratch, NULL);
  const bool surrogate = problem->reduce_scatter; /* what later readers save is only bounded */
  if (surrogate ? value_s > result.value_s * (1 + 1e-12) : fabs(value_s - result.value_s) > 1e-12 * value_s) {
    fail_msg("case %lu: promised %.17g, it is %.17g", (unsigned long)number, result.value_s, value_s);
  }
  if (result.proven && fabs(value_s - least_s) > 1e-12 * least_s) {
    fail_msg("case %lu: %.17g, the optimum is %.17g", (unsigned long)number, value_s, least_s);
  }
}

static void run(const char *what, bool chain, bool training, bool tight, double wanted_share) {
  size_t n_checked = 0, n_proven = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 90 + chain + 2 * training + 4 * tight, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, chain ? 4 : 6, 3);
    shape.chain = chain, shape.training = training, shape.tight = tight, shape.fixed = false;
    if (shape.n_boards < 2) shape.n_boards = 2;
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    check(&problem, i, &n_checked, &n_proven);
    arena_rewind(&arena, mark);
  }
  printf("%s: seed %lu, %zu cases checked, %zu proven\n", what, (unsigned long)seed, n_checked, n_proven);
  assert_true(n_checked > N_CASES / 4);
  assert_true((double)n_proven >= wanted_share * (double)n_checked);
}

static void test_chains(void **state) {
  (void)state;
  run("chains", true, false, false, 1);
}
static void test_graphs(void **state) {
  (void)state;
  run("graphs", false, false, false, 0.9);
}
static void test_training(void **state) {
  (void)state;
  run("training", false, true, false, 0.5);
}
/* Two strategies a layer, so that ten layers can be tried out: many choices meet in the same strategies at the end. */
static void test_long_graphs(void **state) {
  (void)state;
  size_t n_checked = 0, n_proven = 0;
  for (uint64_t i = 0; i < N_LONG; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 89, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 10, 2);
    shape.chain = shape.training = shape.tight = shape.fixed = false;
    shape.n_boards = 2, shape.n_layers = 10;
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    problem.es_dims = 1U << SHARDING_COUT | 1U << SHARDING_H, problem.ss_dims = 0, problem.reduce_scatter = false;
    problem.intra_bytes_per_s *= i % 3 == 0 ? 0.1 : i % 3 == 1 ? 0.3 : 1; /* moves that stick out, or hide */
    check(&problem, i, &n_checked, &n_proven);
    arena_rewind(&arena, mark);
  }
  printf("long graphs: seed %lu, %zu cases checked, %zu proven\n", (unsigned long)seed, n_checked, n_proven);
  assert_true(n_checked > N_LONG / 2 && n_proven == n_checked);
}

/* Skips of different lengths over slow links, from producers that end at different times: of labels with the same
 * strategies, one that ends sooner may have a producer that ends later. */
static void test_deep_skips(void **state) {
  (void)state;
  size_t n_checked = 0, n_proven = 0;
  for (uint64_t i = 0; i < N_DEEP; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 86, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 10, 2);
    shape.chain = shape.training = shape.tight = shape.fixed = shape.tables = false;
    shape.n_boards = 2, shape.n_layers = 8 + rng_below(&rng, 3);
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    problem.es_dims = 1U << SHARDING_COUT | 1U << SHARDING_H, problem.ss_dims = 0, problem.reduce_scatter = false;
    problem.intra_bytes_per_s *= 0.02 + rng_unit(&rng), problem.inter_bytes_per_s = problem.intra_bytes_per_s;
    check(&problem, i, &n_checked, &n_proven);
    arena_rewind(&arena, mark);
  }
  printf("deep skips: seed %lu, %zu cases checked, %zu proven\n", (unsigned long)seed, n_checked, n_proven);
  assert_true(n_checked > N_DEEP / 2 && n_proven == n_checked);
}

/* Whatever the strategies, layers between two marks take no less than their window. */
static void test_windows(void **state) {
  (void)state;
  size_t n_windows = 0, n_tight = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 88, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 8, 3);
    shape.training = shape.fixed = false;
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    problem.reduce_scatter = false, problem.host_io = true;
    struct sharding_tables *tables = sharding_tables_new(&problem, shape_of(&problem), 0, &arena);
    const struct level2_outside outside = {.inbound_bytes_per_s = INFINITY};
    struct level2_plan plan;
    level2_plan_make(tables, 0, (uint32_t)problem.n_layers - 1, &outside, &arena, &plan);
    level2_windows_make(&plan, 1 << 10, &scratch, &arena);
    struct sharding_schedule schedule = sharding_schedule_new(&problem, &arena);
    struct sharding_strategy *chosen = ARENA_NEW(&arena, struct sharding_strategy, problem.n_layers);
    for (int draw = 0; draw < 20; draw++) {
      for (size_t k = 0; k < problem.n_layers; k++) {
        const uint32_t layer = problem.topological[k];
        sharding_tables_layer(tables, layer);
        chosen[k] = tables->bytes->list[layer][rng_below(&rng, tables->bytes->n[layer])];
      }
      const struct sharding_answer answer = made_one_set(&problem, 0, chosen, &arena);
      sharding_evaluate(&problem, &answer, &scratch, &schedule);
      for (uint32_t a = 0; a < plan.n_marks; a++) {
        for (uint32_t b = a + 1; b < plan.n_marks; b++, n_windows++) {
          const double window_s = plan.window_s[a * plan.n_marks + b];
          const double end_s = schedule.end_s[problem.topological[plan.marks[b]]];
          const double took_s = end_s - schedule.end_s[problem.topological[plan.marks[a]]];
          n_tight += took_s <= window_s + 1e-9 * end_s;
          if (took_s < window_s - 1e-12 * end_s) {
            fail_msg("case %lu: %.17g is below the window's %.17g", (unsigned long)i, took_s, window_s);
          }
        }
      }
    }
    arena_rewind(&arena, mark);
  }
  printf("windows: seed %lu, %zu looked at, %zu reached\n", (unsigned long)seed, n_windows, n_tight);
  assert_true(n_windows > N_CASES && n_tight > 0);
}

static void test_memory(void **state) {
  (void)state;
  run("tight memory", false, false, true, 0.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_chains, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_graphs, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_training, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_long_graphs, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_deep_skips, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_memory, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
