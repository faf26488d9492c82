/* What does every algorithm of placement promise? All on the list, on random problems under every rule.
 *
 * An answer that the judge accepts, with the value that the evaluator gives; never more evaluations than allowed; the
 * same twice; scratch memory left as it was; thousands of layers unless it says slow_start. For the four steps: weights
 * that lie somewhere stay there; none is worse than the step before. */
#include "search/placement/h2h.h"
#include "tests/placement_random.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_INSTANCES = 400, N_REPEATED = 60, N_HELD = 400, SAMPLES = 43 };

/* Device 0 can run all and, where memory is hard, hold all: there is an answer to every one. */
static void draw_shape(struct rng *rng, struct placement_shape shape, struct placement_problem *problem) {
  struct error error = {0};
  while (!placement_random_problem(rng, &shape, &arena, problem, &error)) {
    memset(&error, 0, sizeof error);
    shape.groups = false;
  }
}

static void draw(uint64_t purpose, uint64_t instance, struct placement_problem *problem) {
  struct rng rng = rng_stream(seed, RNG_TEST, purpose, instance);
  const struct placement_shape shape = placement_random_shape(&rng, instance % 16 > 0 ? 11 : 60, 5);
  draw_shape(&rng, shape, problem);
}

/* Layers that take no time, or next to none: whoever stands first then can only be told from the order. */
static void stop_the_clock(uint64_t instance, struct placement_problem *problem) {
  const size_t n = problem->n_layers * problem->n_devices;
  double *compute_s = ARENA_NEW(&arena, double, n);
  for (size_t i = 0; i < n; i++) compute_s[i] = problem->compute_s[i] * (instance % 2 == 0 ? 0 : 1e-17);
  problem->compute_s = compute_s;
}

static struct placement_request request_of(const struct placement_problem *problem,
                                           const struct placement_algorithm *algorithm, uint64_t samples) {
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  struct placement_bounds *bounds = ARENA_NEW(&arena, struct placement_bounds, 1);
  return (struct placement_request){.problem = problem,
                                    .bounds = bounds,
                                    .settings = settings,
                                    .seed = seed,
                                    .samples = samples,
                                    .arena = &arena,
                                    .scratch = &scratch};
}

static void expect_answer(const struct placement_problem *problem, const struct placement_algorithm *algorithm,
                          uint64_t instance, const struct placement_result *result) {
  struct error error = {0};
  const struct placement_claim claim = {.answer = result->answer, .makespan_s = NAN};
  struct placement_schedule truth = placement_schedule_new(problem, &arena);
  if (!(result->value < INFINITY)) {
    fail_msg("seed %" PRIu64 ", instance %" PRIu64 ": %s finds nothing", seed, instance, algorithm->name);
  }
  if (!placement_check(problem, &claim, &arena, &truth, &error)) {
    fail_msg("seed %" PRIu64 ", instance %" PRIu64 ": %s: %s", seed, instance, algorithm->name, error.text);
  }
  assert_true(result->value == placement_evaluate(problem, &result->answer, &scratch, NULL));
}

static void answers_are_answers(void **state) {
  (void)state;
  for (uint64_t instance = 0; instance < N_INSTANCES; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct placement_problem problem;
    draw(0, instance, &problem);
    if (instance % 4 == 3) stop_the_clock(instance / 4, &problem);
    for (size_t i = 0; i < n_placement_algorithms; i++) {
      const struct placement_algorithm *algorithm = placement_algorithms[i];
      const uint64_t samples = instance % 5 == 0 ? 1 : SAMPLES;
      const struct placement_request request = request_of(&problem, algorithm, samples);
      struct placement_result result;
      const struct arena_mark before = arena_get_mark(&scratch);
      algorithm->run(&request, &result);
      const struct arena_mark after = arena_get_mark(&scratch);
      assert_ptr_equal(before.chunk, after.chunk);
      assert_int_equal(before.used_bytes, after.used_bytes);
      assert_true(result.samples <= samples);
      expect_answer(&problem, algorithm, instance, &result);
    }
    arena_rewind(&arena, mark);
  }
}

static bool same(const struct placement_problem *problem, const struct placement_result *a,
                 const struct placement_result *b) {
  return placement_compare(problem, &a->answer, &b->answer) == 0 && a->value == b->value && a->samples == b->samples;
}

static void the_same_twice_and_another_with_another_seed(void **state) {
  (void)state;
  bool *differs = ARENA_NEW(&arena, bool, n_placement_algorithms);
  for (uint64_t instance = 0; instance < N_REPEATED; instance++) {
    struct placement_problem problem;
    draw(1, instance, &problem);
    for (size_t i = 0; i < n_placement_algorithms; i++) {
      const struct placement_algorithm *algorithm = placement_algorithms[i];
      struct placement_request request = request_of(&problem, algorithm, SAMPLES);
      struct placement_result a, b, c;
      algorithm->run(&request, &a);
      algorithm->run(&request, &b);
      if (!same(&problem, &a, &b)) fail_msg("instance %" PRIu64 ": %s differs", instance, algorithm->name);
      request.seed++;
      algorithm->run(&request, &c);
      differs[i] = differs[i] || !same(&problem, &a, &c);
    }
  }
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    if (differs[i] == placement_algorithms[i]->one_shot) fail_msg("%s and its seed", placement_algorithms[i]->name);
  }
}

/* With neither crossovers nor mutation children are their parents: nothing better than the first generation is found.
 * With either, something is. */
static void children_differ_by_what_is_set(void **state) {
  (void)state;
  static const char *const rates[] = {"crossover_gen_rate", "crossover_rg_rate", "crossover_accel_rate",
                                      "mutation_rate"};
  enum { N_RATES = sizeof rates / sizeof *rates, N_FIRST = 12 };
  const struct placement_algorithm *algorithm = placement_find_algorithm("magma-like");
  size_t n_better[N_RATES + 1] = {0};
  for (uint64_t instance = 0; instance < N_REPEATED; instance++) {
    struct placement_problem problem;
    draw(6, instance, &problem);
    for (size_t on = 0; on <= N_RATES; on++) {
      struct placement_request request = request_of(&problem, algorithm, N_FIRST);
      void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
      struct error error = {0};
      config_defaults(algorithm->table, &arena, settings);
      for (size_t i = 0; i < N_RATES; i++) {
        const struct field *field = config_find_field(algorithm->table, rates[i]);
        assert_true(config_set_field(field, settings, i == on ? "0.5" : "0", "test", &arena, &error));
      }
      const struct field *population = config_find_field(algorithm->table, "population");
      const struct field *parents = config_find_field(algorithm->table, "parent_fraction");
      assert_true(config_set_field(population, settings, "10", "test", &arena, &error));
      assert_true(config_set_field(parents, settings, "0.5", "test", &arena, &error));
      request.settings = settings;
      struct placement_result first, all;
      algorithm->run(&request, &first);
      request.samples = 200;
      algorithm->run(&request, &all);
      n_better[on] += all.value < first.value;
    }
  }
  for (size_t on = 0; on < N_RATES; on++) assert_true(n_better[on] > 0);
  assert_int_equal(n_better[N_RATES], 0);
}

static bool stop_at_once(void *context) {
  (void)context;
  return true;
}

static void interrupted_at_once(void **state) {
  (void)state;
  struct placement_problem problem;
  draw(1, 3, &problem);
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    struct placement_request request = request_of(&problem, placement_algorithms[i], SAMPLES);
    struct placement_result result;
    request.interrupted = stop_at_once;
    placement_algorithms[i]->run(&request, &result);
    assert_true(result.samples <= 1 && (result.samples == 1) == (result.value < INFINITY));
  }
}

/* --- the four steps -------------------------------------------------------------------------------------------------
 */

static void run_named(const struct placement_problem *problem, const char *name, uint64_t samples, const uint32_t *held,
                      struct placement_result *result) {
  const struct placement_algorithm *algorithm = placement_find_algorithm(name);
  struct placement_request request = request_of(problem, algorithm, samples);
  request.held = held;
  algorithm->run(&request, result);
}

static void later_steps_and_searches_are_not_worse(void **state) {
  (void)state;
  size_t n_better[4] = {0};
  for (uint64_t instance = 0; instance < N_HELD; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct placement_problem problem;
    draw(2, instance, &problem);
    static const char *const pairs[][2] = {
        {"h2h-step3", "h2h-step4"}, {"heft", "anneal"}, {"random", "random"}, {"magma-like", "magma-like"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
      struct placement_result first, second;
      run_named(&problem, pairs[i][0], 8, NULL, &first);
      run_named(&problem, pairs[i][1], 160, NULL, &second);
      assert_true(second.value <= first.value);
      n_better[i] += second.value < first.value;
    }
    arena_rewind(&arena, mark);
  }
  for (size_t i = 0; i < 4; i++) assert_true(n_better[i] > N_HELD / 16);
}

/* Modality switching: the weights of a former answer lie where they lie. */
static void held_weights_stay(void **state) {
  (void)state;
  static const char *const steps[] = {"h2h-step1", "h2h-step2", "h2h-step3", "h2h-step4"};
  size_t n_held = 0, n_kept = 0, n_moved = 0;
  for (uint64_t instance = 0; instance < N_HELD; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, instance);
    struct placement_shape shape = placement_random_shape(&rng, 14, 4);
    struct placement_problem problem;
    shape.memory = PLACEMENT_PIN, shape.groups = false;
    draw_shape(&rng, shape, &problem);
    if (problem.contiguous) continue;
    struct placement_answer former;
    placement_random_answer(&rng, &problem, true, &arena, &former);
    uint32_t *held = ARENA_NEW(&arena, uint32_t, problem.n_layers);
    for (size_t l = 0; l < problem.n_layers; l++) held[l] = PLACEMENT_NONE;
    for (uint32_t d = 0; d < problem.n_devices; d++) {
      for (uint32_t i = former.start[d]; i < former.start[d + 1]; i++) {
        if (former.pinned[former.layer[i]]) held[former.layer[i]] = d, n_held++;
      }
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
      struct placement_result result, without;
      run_named(&problem, steps[i], 200, held, &result);
      run_named(&problem, steps[i], 200, NULL, &without);
      expect_answer(&problem, placement_find_algorithm(steps[i]), instance, &result);
      n_moved += placement_compare(&problem, &result.answer, &without.answer) != 0;
      for (uint32_t d = 0; d < problem.n_devices; d++) {
        for (uint32_t k = result.answer.start[d]; k < result.answer.start[d + 1]; k++) {
          const uint32_t l = result.answer.layer[k];
          if (held[l] == PLACEMENT_NONE) continue;
          assert_int_equal(held[l], d);
          assert_true(result.answer.pinned[l]);
          n_kept++;
        }
      }
    }
    arena_rewind(&arena, mark);
  }
  assert_true(n_held > N_HELD && n_kept == 4 * n_held && n_moved > N_HELD);
}

/* Step 4 leaves out candidates that cannot be better only where times follow from neighbours alone. Said otherwise, it
 * evaluates every one, and must end with the same answer. */
static void what_step_4_leaves_out_is_not_missed(void **state) {
  (void)state;
  size_t n_accepted = 0;
  for (uint64_t instance = 0; instance < N_HELD; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 7, instance);
    struct placement_shape shape = placement_random_shape(&rng, 50, 5);
    shape.plain = true, shape.groups = false;
    shape.timing = instance % 4 < 2 ? PLACEMENT_SERIAL : instance % 4 == 2 ? PLACEMENT_DELAY : PLACEMENT_CONTENTION;
    shape.transfers = PLACEMENT_ALL, shape.objective = PLACEMENT_MAKESPAN;
    struct placement_problem problem;
    draw_shape(&rng, shape, &problem);
    assert_true(problem.plain);
    struct placement_request request = request_of(&problem, placement_find_algorithm("h2h-step4"), 10000);
    struct placement_result some, all;
    struct h2h_report report_some, report_all;
    h2h_run(&request, 4, &some, &report_some);
    problem.plain = false;
    h2h_run(&request, 4, &all, &report_all);
    assert_int_equal(placement_compare(&problem, &some.answer, &all.answer), 0);
    assert_int_equal(some.samples, all.samples);
    assert_int_equal(report_some.n_tried, report_all.n_tried);
    assert_int_equal(report_some.n_accepted, report_all.n_accepted);
    n_accepted += report_some.n_accepted;
    arena_rewind(&arena, mark);
  }
  assert_true(n_accepted > N_HELD);
}

/* One trial allowed, or none: layers are placed one at a time. */
static void fewer_trials_still_make_an_answer(void **state) {
  (void)state;
  size_t n_other = 0;
  for (uint64_t instance = 0; instance < N_HELD; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct placement_problem problem;
    draw(4, instance, &problem);
    const struct placement_algorithm *algorithm = placement_find_algorithm("h2h-step3");
    struct placement_request request = request_of(&problem, algorithm, 1);
    struct placement_result all, none;
    algorithm->run(&request, &all);
    const struct h2h_settings settings = {.max_trials = instance % 2};
    request.settings = &settings;
    algorithm->run(&request, &none);
    expect_answer(&problem, algorithm, instance, &none);
    n_other += placement_compare(&problem, &all.answer, &none.answer) != 0;
    arena_rewind(&arena, mark);
  }
  assert_true(n_other > N_HELD / 16);
}

/* --- thousands of layers --------------------------------------------------------------------------------------------
 */

static void large_graphs(void **state) {
  (void)state;
  struct rng rng = rng_stream(seed, RNG_TEST, 5, 0);
  const struct placement_shape shape = {.n_layers = 10000, .n_devices = 64, .plain = true};
  struct placement_problem problem;
  draw_shape(&rng, shape, &problem);
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    const struct placement_algorithm *algorithm = placement_algorithms[i];
    if (algorithm->slow_start) continue;
    const struct arena_mark mark = arena_get_mark(&arena);
    const struct placement_request request = request_of(&problem, algorithm, 2);
    struct placement_result result;
    algorithm->run(&request, &result);
    expect_answer(&problem, algorithm, 0, &result);
    arena_rewind(&arena, mark);
  }
}

int main(void) {
  print_message("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(answers_are_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(the_same_twice_and_another_with_another_seed, setup, teardown),
      cmocka_unit_test_setup_teardown(children_differ_by_what_is_set, setup, teardown),
      cmocka_unit_test_setup_teardown(interrupted_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(later_steps_and_searches_are_not_worse, setup, teardown),
      cmocka_unit_test_setup_teardown(held_weights_stay, setup, teardown),
      cmocka_unit_test_setup_teardown(what_step_4_leaves_out_is_not_missed, setup, teardown),
      cmocka_unit_test_setup_teardown(fewer_trials_still_make_an_answer, setup, teardown),
      cmocka_unit_test_setup_teardown(large_graphs, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
