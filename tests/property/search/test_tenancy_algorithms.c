/* What does every algorithm of multi-tenant mapping promise? All on the list, on random instances.
 *
 * The best answer is one, and costs what the closed form says; never more samples than allowed; the same twice; marks
 * are filled; a search cut into rounds equals one in a single round, state and all; and whatever learns does better
 * than chance. */
#include "search/tenancy/tenancy_seeds.h"

#include "tests/tenancy_queues.h"
#include "tests/tenancy_random.h"
#include "tests/tenancy_rounds.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_INSTANCES = 4, SAMPLES = 243, ROUND = 97 };

/* Small ones, a job alone, a core alone, and more jobs than an insertion sort is for. */
static void draw_problem(uint64_t task, struct tenancy_problem *problem) {
  struct error error = {0};
  struct rng rng = rng_stream(seed, RNG_TEST, 0, task);
  static const size_t n_jobs[N_INSTANCES] = {17, 1, 9, 66}, n_cores[N_INSTANCES] = {3, 2, 1, 9};
  assert_true(tenancy_random_problem(&rng, n_jobs[task], n_cores[task], &arena, problem, &error));
}

/* Those that search for themselves until their budget is used, in a time for tests. */
static struct rounds rounds_of(const struct tenancy_problem *problem, const struct tenancy_algorithm *algorithm,
                               struct tenancy_bounds *bounds) {
  struct error error = {0};
  const bool fine = tenancy_bounds(problem, &tenancy_bounds_quick, NULL, &arena, bounds, &error);
  if (!fine) print_message("%s", error.text);
  assert_true(fine);
  return (struct rounds){.problem = problem,
                         .bounds = bounds,
                         .algorithm = algorithm,
                         .seed = seed,
                         .island = 3,
                         .total_samples = SAMPLES,
                         .round_samples = SAMPLES};
}

static bool same_answer(const struct tenancy_problem *problem, const struct tenancy_answer *a,
                        const struct tenancy_answer *b) {
  return memcmp(a->core, b->core, problem->n_jobs * sizeof *a->core) == 0 &&
         memcmp(a->priority, b->priority, problem->n_jobs * sizeof *a->priority) == 0;
}

static bool same_end(const struct tenancy_problem *problem, const struct rounds_end *a, const struct rounds_end *b) {
  bool same = a->best_cost == b->best_cost && tenancy_compare(problem, &a->best, &b->best) == 0 &&
              a->n_samples == b->n_samples && a->n_kept == b->n_kept && a->n_state == b->n_state &&
              (a->n_state == 0 || memcmp(a->state, b->state, a->n_state) == 0);
  for (size_t i = 0; same && i < a->n_kept; i++) same = same_answer(problem, &a->kept[i], &b->kept[i]);
  return same;
}

static void best_is_an_answer_that_costs_what_it_says(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    struct tenancy_problem problem;
    draw_problem(task, &problem);
    for (size_t i = 0; i < n_tenancy_algorithms; i++) {
      struct tenancy_bounds bounds;
      struct rounds rounds = rounds_of(&problem, tenancy_algorithms[i], &bounds);
      const struct rounds_end end = rounds_run(&rounds, &arena);
      assert_true(tenancy_queues_are_valid(&problem, &end.best, &arena));
      assert_true(end.best_cost == tenancy_evaluate(&problem, &end.best));
      assert_true(tenancy_cycles(&problem, end.best_cost) >= bounds.best_cycles * (1 - 1e-9));
      assert_true(end.n_samples >= 1 && end.n_samples <= SAMPLES);
      if (tenancy_algorithms[i]->one_shot) assert_int_equal(end.n_samples, 1);
      /* What is left behind is valid, best first. */
      struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
      tenancy_cost before = 0;
      assert_true(end.n_kept >= 1);
      for (size_t k = 0; k < end.n_kept; k++) {
        for (size_t j = 0; j < problem.n_jobs; j++) {
          assert_true(end.kept[k].core[j] < problem.n_cores);
          assert_true(end.kept[k].priority[j] - end.kept[k].priority[j] == 0);
        }
        tenancy_queue_up(&problem, &end.kept[k], &queues);
        assert_true(tenancy_queues_are_valid(&problem, &queues, &arena));
        const tenancy_cost cost = tenancy_evaluate(&problem, &queues);
        assert_true(cost >= before);
        if (k == 0) assert_true(cost == end.best_cost);
        before = cost;
      }
    }
  }
}

static void the_same_twice_and_another_with_another_seed(void **state) {
  (void)state;
  struct tenancy_problem problem;
  draw_problem(3, &problem);
  struct tenancy_queues without_search = tenancy_queues_new(&problem, &arena);
  for (size_t i = 0; i < n_tenancy_algorithms; i++) {
    struct tenancy_bounds bounds;
    struct rounds rounds = rounds_of(&problem, tenancy_algorithms[i], &bounds);
    rounds.total_samples = rounds.round_samples = 150;
    tenancy_seed_best(&problem, &bounds, &arena, &without_search);
    const struct rounds_end a = rounds_run(&rounds, &arena), b = rounds_run(&rounds, &arena);
    assert_true(same_end(&problem, &a, &b));
    /* Nothing was drawn, or it did not help. */
    if (tenancy_algorithms[i]->one_shot || tenancy_compare(&problem, &a.best, &without_search) == 0) continue;
    rounds.seed++;
    const struct rounds_end c = rounds_run(&rounds, &arena);
    rounds.seed--, rounds.island++;
    const struct rounds_end d = rounds_run(&rounds, &arena);
    /* A seed may be better than all that so few samples find: then what is left behind must differ. */
    if (same_end(&problem, &a, &c) || same_end(&problem, &a, &d)) {
      print_message("%s draws nothing of its seed or island\n", tenancy_algorithms[i]->name);
      fail();
    }
  }
}

/* `best` draws by the round: the same rounds, the same answer. All others promise that rounds do not matter. */
static bool draws_by_round(const struct tenancy_algorithm *algorithm) { return strcmp(algorithm->name, "best") == 0; }

static void rounds_do_not_matter(void **state) {
  (void)state;
  static const uint64_t lengths[] = {ROUND, 50, 1};
  unsigned n_compared = 0;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    struct tenancy_problem problem;
    draw_problem(task, &problem);
    for (size_t i = 0; i < n_tenancy_algorithms; i++) {
      const struct tenancy_algorithm *algorithm = tenancy_algorithms[i];
      if (algorithm->one_shot || draws_by_round(algorithm)) continue;
      struct tenancy_bounds bounds;
      struct rounds rounds = rounds_of(&problem, algorithm, &bounds);
      for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        rounds.total_samples = lengths[l] == 1 ? 61 : SAMPLES;
        rounds.round_samples = rounds.total_samples;
        const struct rounds_end whole = rounds_run(&rounds, &arena);
        rounds.round_samples = lengths[l];
        const struct rounds_end parts = rounds_run(&rounds, &arena);
        assert_true(parts.n_rounds > 1);
        if (!same_end(&problem, &whole, &parts)) {
          print_message("%s with rounds of %" PRIu64 " on instance %" PRIu64 "\n", algorithm->name, lengths[l], task);
          fail();
        }
        n_compared++;
      }
    }
  }
  assert_true(n_compared >= 9 * 3 * N_INSTANCES);
}

static void marks_are_filled(void **state) {
  (void)state;
  static const uint64_t marks[] = {1, 7, 100, ROUND, ROUND + 1, SAMPLES};
  enum { N_MARKS = sizeof marks / sizeof *marks };
  struct tenancy_problem problem;
  draw_problem(0, &problem);
  for (size_t i = 0; i < n_tenancy_algorithms; i++) {
    struct tenancy_bounds bounds;
    struct rounds rounds = rounds_of(&problem, tenancy_algorithms[i], &bounds);
    tenancy_cost at[N_MARKS];
    rounds.round_samples = ROUND, rounds.n_marks = N_MARKS, rounds.marks = marks, rounds.at = at;
    const struct rounds_end end = rounds_run(&rounds, &arena);
    for (size_t m = 0; m < end.n_passed; m++) assert_true(at[m] <= at[m == 0 ? 0 : m - 1] && at[m] >= end.best_cost);
    if (end.n_samples < SAMPLES) continue;
    assert_int_equal(end.n_passed, N_MARKS);
    assert_true(at[N_MARKS - 1] == end.best_cost);
  }
}

/* Where it matters what runs where: cores of quite different speeds, and enough bandwidth for most of them. */
static void make_uneven(struct tenancy_problem *problem) {
  enum { N_JOBS = 40, N_CORES = 4 };
  static const uint64_t slower[N_CORES] = {1, 2, 4, 60};
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, N_JOBS * N_CORES);
  double *need = ARENA_NEW(&arena, double, N_JOBS *N_CORES);
  struct rng rng = rng_stream(seed, RNG_TEST, 1, 0);
  for (size_t j = 0; j < N_JOBS; j++) {
    const uint64_t cycles = 100 + rng_below(&rng, 5000), other = rng_below(&rng, 3);
    for (size_t c = 0; c < N_CORES; c++) {
      latency[j * N_CORES + c] = cycles * slower[(c + other) % N_CORES];
      need[j * N_CORES + c] = 2 * rng_unit(&rng);
    }
  }
  *problem = (struct tenancy_problem){.name = "uneven",
                                      .n_jobs = N_JOBS,
                                      .n_cores = N_CORES,
                                      .bandwidth_bytes_per_cycle = 4,
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need};
  struct error error = {0};
  assert_true(tenancy_finish(problem, &arena, &error));
}

/* Not rules, and not chance. */
static void who_learns_beats_chance(void **state) {
  (void)state;
  enum { N_SEEDS = 2, BUDGET = 2000 };
  struct tenancy_problem problem;
  make_uneven(&problem);
  double chance = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t i = 0; i < n_tenancy_algorithms; i++) {
      const bool is_chance = strcmp(tenancy_algorithms[i]->name, "random") == 0;
      if (tenancy_algorithms[i]->one_shot || is_chance != (pass == 0)) continue;
      struct tenancy_bounds bounds;
      struct rounds rounds = rounds_of(&problem, tenancy_algorithms[i], &bounds);
      rounds.total_samples = rounds.round_samples = BUDGET;
      double sum = 0;
      for (uint64_t s = 0; s < N_SEEDS; s++) {
        rounds.seed = s;
        sum += tenancy_cycles(&problem, rounds_run(&rounds, &arena).best_cost) / N_SEEDS;
      }
      if (is_chance) chance = sum;
      print_message("%-12s %.4f of chance\n", tenancy_algorithms[i]->name, sum / chance);
      if (!is_chance) assert_true(sum < chance);
    }
  }
}

int main(void) {
  printf("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(best_is_an_answer_that_costs_what_it_says, setup, teardown),
      cmocka_unit_test_setup_teardown(the_same_twice_and_another_with_another_seed, setup, teardown),
      cmocka_unit_test_setup_teardown(rounds_do_not_matter, setup, teardown),
      cmocka_unit_test_setup_teardown(marks_are_filled, setup, teardown),
      cmocka_unit_test_setup_teardown(who_learns_beats_chance, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
