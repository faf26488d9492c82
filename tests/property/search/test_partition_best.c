/* Do our searches only return what is valid, never below a bound, the same whoever runs their tasks; and is what `best`
 * calls proven the optimum? Small random problems of every cost, rule and memory against brute force. */
#include "search/partition/partition_algorithm.h"
#include "tests/partition_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 360, SAMPLES = 500 };
static const uint64_t seed = 2385;
static const double rounding = 1e-9;

/* Tasks from the last to the first: an order that no rank count would give. */
static void run_backwards(void *context, size_t n_tasks, size_t result_bytes,
                          void (*task)(void *argument, size_t i, void *result), void *argument, void *results) {
  (void)context;
  for (size_t i = n_tasks; i-- > 0;) task(argument, i, (char *)results + i * result_bytes);
}

static struct partition_result run(const char *name, const struct partition_graph *graph,
                                   const struct partition_pool *pool) {
  const struct partition_algorithm *algorithm = partition_find_algorithm(name);
  struct partition_bounds bounds;
  struct partition_result result;
  struct error error = {0};
  unsigned char *settings = arena_alloc(&arena, 1, algorithm->settings_bytes + 16);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  partition_bounds(graph, false, &scratch, &bounds);
  const struct partition_request request = {.graph = graph,
                                            .bounds = &bounds,
                                            .settings = settings,
                                            .seed = seed,
                                            .samples = SAMPLES,
                                            .pool = pool,
                                            .arena = &arena,
                                            .scratch = &scratch};
  assert_true(algorithm->run(&request, &result, &error));
  return result;
}

static void best_is_right(void **state) {
  (void)state;
  static const char *const names[] = {"best", "slice", "orders"};
  const struct partition_pool backwards = {run_backwards, NULL};
  size_t n_proven = 0, n_optimal = 0, n_none = 0;
  printf("seed %llu\n", (unsigned long long)seed);
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena), other = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 4);
    const struct partition_kind kind = {.cost = (enum partition_cost)(round % 4),
                                        .triangle = (enum partition_triangle)(round / 4 % 3),
                                        .memory = round / 12 % 3 > 0,
                                        .live = round / 12 % 3 == 2,
                                        .most = 7,
                                        .most_chips = 3};
    const struct partition_problem problem = partition_random(&rng, &kind, &arena);
    struct partition_graph graph;
    struct error error = {0};
    assert_true(partition_contract(&problem, &arena, &graph, &error));
    struct partition_work *work = partition_work_new(&graph, &arena);
    const double least = partition_brute_force(&graph, NULL, work, &scratch, NULL);
    n_none += !isfinite(least);
    for (size_t a = 0; a < sizeof names / sizeof *names; a++) {
      const struct partition_result result = run(names[a], &graph, NULL), again = run(names[a], &graph, &backwards);
      assert_true(result.samples <= SAMPLES && result.found == isfinite(result.value));
      if (result.found) {
        assert_true(partition_value(&graph, result.chip, work) == result.value && result.value >= least);
        assert_memory_equal(result.chip, again.chip, graph.n * sizeof *result.chip);
      }
      assert_true(result.samples == again.samples && result.found == again.found);
      assert_true(result.bound <= least * (1 + rounding));
      if (result.proven) assert_true(isfinite(least) ? result.value <= least * (1 + rounding) : !result.found);
      if (a > 0) continue;
      n_proven += result.proven, n_optimal += result.found && result.value <= least * (1 + rounding);
    }
    arena_rewind(&arena, mark), arena_rewind(&scratch, other);
  }
  printf("best: %zu proven, %zu optimal, %zu without an answer, of %d\n", n_proven, n_optimal, n_none, ROUNDS);
  assert_true(n_proven > ROUNDS * 3 / 4 && n_optimal > ROUNDS * 3 / 4 && n_none > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(best_is_right, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
