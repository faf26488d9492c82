/* What does every algorithm of partition promise? All on the list, on random problems under every cost and rule.
 *
 * An answer that the judge accepts, with the value that the evaluator gives; no better than brute force finds, and
 * equal to it where it says so; bounds never above; no more samples than allowed; the same twice, and the same whoever
 * runs the tasks; scratch memory left as it was. */
#include "search/partition/partition_algorithm.h"
#include "tests/partition_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_INSTANCES = 108, N_REPEATED = 36, SAMPLES = 60 };

struct drawn {
  struct partition_problem problem;
  struct partition_graph graph;
  struct partition_bounds bounds;
  struct partition_work *work;
};

static void draw(uint64_t instance, size_t most, uint32_t most_chips, struct drawn *drawn) {
  struct rng rng = rng_stream(seed, RNG_TEST, most, instance);
  const struct partition_kind kind = {.cost = (enum partition_cost)(instance % 4),
                                      .triangle = (enum partition_triangle)(instance / 4 % 3),
                                      .memory = instance / 12 % 3 > 0,
                                      .live = instance / 12 % 3 == 2,
                                      .most = most,
                                      .most_chips = most_chips};
  struct error error = {0};
  drawn->problem = partition_random(&rng, &kind, &arena);
  if (!partition_contract(&drawn->problem, &arena, &drawn->graph, &error)) fail_msg("%s", error.text);
  partition_bounds(&drawn->graph, false, &scratch, &drawn->bounds);
  drawn->work = partition_work_new(&drawn->graph, &arena);
}

/* Samples come in order; those that tasks elsewhere used are left out. */
struct counted {
  uint64_t next;
  double least;
};
static void count(void *context, uint64_t sample, double period_ms) {
  struct counted *counted = context;
  assert_true(sample >= counted->next);
  counted->next = sample + 1;
  counted->least = fmin(counted->least, period_ms);
}

/* The last task first: results must not depend on it. */
static void backwards(void *context, size_t n_tasks, size_t result_bytes,
                      void (*task)(void *argument, size_t i, void *result), void *argument, void *results) {
  (void)context;
  for (size_t i = n_tasks; i-- > 0;) task(argument, i, (char *)results + i * result_bytes);
}

static void run(const struct drawn *drawn, const struct partition_algorithm *algorithm, uint64_t samples,
                const struct partition_pool *pool, struct partition_result *result) {
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  struct counted counted = {.least = INFINITY};
  struct partition_request request = {.graph = &drawn->graph,
                                      .bounds = &drawn->bounds,
                                      .settings = settings,
                                      .seed = seed,
                                      .samples = samples,
                                      .pool = pool,
                                      .data_folder = ".",
                                      .sampled = count,
                                      .sampled_context = &counted,
                                      .arena = &arena,
                                      .scratch = &scratch};
  struct error error = {0};
  if (!algorithm->run(&request, result, &error)) fail_msg("%s: %s", algorithm->name, error.text);
}

static void expect_answer(const struct drawn *drawn, const struct partition_algorithm *algorithm, uint64_t instance,
                          const struct partition_result *result) {
  const char *const name = algorithm->name, *reason;
  double judged;
  if (result->found != isfinite(result->value)) fail_msg("%s, %d: found and no value", name, (int)instance);
  if (!algorithm->one_shot && result->samples > SAMPLES) fail_msg("%s, %d: too many samples", name, (int)instance);
  if (!result->found) return;
  uint32_t *nodes = ARENA_NEW(&arena, uint32_t, drawn->problem.n_nodes);
  partition_to_nodes(&drawn->graph, result->chip, nodes);
  const struct partition_claim claim = {nodes, drawn->problem.n_nodes, NAN};
  if (!partition_check(&drawn->problem, &claim, &arena, &judged, &reason))
    fail_msg("%s, %d: %s", name, (int)instance, reason);
  const double value = partition_value(&drawn->graph, result->chip, drawn->work);
  if (!(fabs(judged - result->value) <= 1e-9 * judged) || !(fabs(value - result->value) <= 1e-9 * value))
    fail_msg("%s, %d: %.17g, judged %.17g", name, (int)instance, result->value, judged);
}

static void test_small(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  for (uint64_t instance = 0; instance < N_INSTANCES; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct drawn drawn;
    draw(instance, 6, 4, &drawn);
    const double best = partition_brute_force(&drawn.graph, NULL, drawn.work, &scratch, NULL);
    if (drawn.bounds.infeasible != isinf(best) && drawn.bounds.infeasible)
      fail_msg("%d: there is a partition", (int)instance);
    if (drawn.bounds.best > best) fail_msg("%d: a bound of %.17g above %.17g", (int)instance, drawn.bounds.best, best);
    for (size_t a = 0; a < n_partition_algorithms; a++) {
      const struct partition_algorithm *algorithm = partition_algorithms[a];
      if (algorithm->applies != NULL && !algorithm->applies(&drawn.graph)) continue;
      const struct arena_mark used = arena_get_mark(&scratch);
      struct partition_result result;
      run(&drawn, algorithm, SAMPLES, NULL, &result);
      arena_rewind(&scratch, used);
      expect_answer(&drawn, algorithm, instance, &result);
      const double rounding = isfinite(best) ? 1e-9 * best : 0;
      if (result.value < best - rounding) fail_msg("%s, %d: below the optimum", algorithm->name, (int)instance);
      if (result.proven && isfinite(best) && !(result.value <= best + rounding))
        fail_msg("%s, %d: %.17g proven, the optimum is %.17g", algorithm->name, (int)instance, result.value, best);
      if (result.proven && isinf(best) && result.found) fail_msg("%s, %d: found", algorithm->name, (int)instance);
      if (result.bound > best + rounding) fail_msg("%s, %d: bound above", algorithm->name, (int)instance);
    }
    arena_rewind(&arena, mark);
  }
}

static void test_same_again(void **state) {
  (void)state;
  const struct partition_pool other = {backwards, NULL};
  for (uint64_t instance = 0; instance < N_REPEATED; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct drawn drawn;
    draw(instance, 20, 5, &drawn);
    for (size_t a = 0; a < n_partition_algorithms; a++) {
      const struct partition_algorithm *algorithm = partition_algorithms[a];
      if (algorithm->applies != NULL && !algorithm->applies(&drawn.graph)) continue;
      struct partition_result first, second;
      run(&drawn, algorithm, SAMPLES, NULL, &first);
      run(&drawn, algorithm, SAMPLES, &other, &second);
      expect_answer(&drawn, algorithm, instance, &first);
      if (first.found != second.found || first.samples != second.samples || first.proven != second.proven ||
          (first.found && (memcmp(&first.value, &second.value, sizeof first.value) != 0 ||
                           partition_compare(&drawn.graph, first.chip, second.chip) != 0)))
        fail_msg("%s, %d: another answer the second time", algorithm->name, (int)instance);
    }
    arena_rewind(&arena, mark);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_small, setup, teardown),
      cmocka_unit_test_setup_teardown(test_same_again, setup, teardown),
  };
  return cmocka_run_group_tests_name("algorithms of partition", tests, NULL, NULL);
}
