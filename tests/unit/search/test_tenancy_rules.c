/* Do the one-shot rules give jobs where their rules say? On the example of the specification and a small platform with
 * unlike cores, by hand; and on published instances against the values that the released scheduler's heuristics have
 * there (tests/golden). */
#include "search/tenancy/list.h"

#include "tests/tenancy_rounds.h"
#include "tests/two_arenas.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_JOBS = 6, N_CORES = 3 };
/* Job 3 runs on core 1 alone. Arrival reverses the numbers, but for the last two. */
static const uint64_t latency_cycles[N_JOBS * N_CORES] = {
    10, 20, 30, /* */ 40, 10, 10, /* */ 5, 5, 50, /* */ 0, 60, 0, /* */ 7, 80, 9, /* */ 30, 20, 10,
};
static const double bytes_per_cycle[N_JOBS * N_CORES] = {
    1, 1, 1, /* */ 5, 2, 2, /* */ 3, 3, 3, /* */ 0, 4, 0, /* */ 2, 2, 2, /* */ 6, 6, 6,
};
static const uint64_t arrival[N_JOBS] = {5, 4, 3, 2, 0, 1};

static struct tenancy_problem make_problem(void) {
  struct tenancy_problem problem = {.name = "rules",
                                    .n_jobs = N_JOBS,
                                    .n_cores = N_CORES,
                                    .bandwidth_bytes_per_cycle = 8,
                                    .latency_cycles = latency_cycles,
                                    .bytes_per_cycle = bytes_per_cycle,
                                    .arrival = arrival};
  struct error error = {0};
  assert_true(tenancy_finish(&problem, &arena, &error));
  return problem;
}

static void orders_are_as_said(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  static const struct {
    enum list_order order;
    uint32_t jobs[N_JOBS];
  } cases[] = {
      {LIST_FCFS, {4, 5, 3, 2, 1, 0}},
      {LIST_SJF, {3, 4, 5, 1, 0, 2}},       /* core 2 alone: 0, 9, 10, 10, 30, 50; the earlier arrival first */
      {LIST_HEFT, {5, 2, 1, 0, 4, 3}},      /* means 20, 20, 20, 60, 32, 20: ties by arrival */
      {LIST_HEFT_DESC, {3, 4, 5, 2, 1, 0}}, /* ties by arrival here, too */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint32_t jobs[N_JOBS];
    list_sort(&problem, cases[i].order, NULL, jobs);
    assert_memory_equal(jobs, cases[i].jobs, sizeof jobs);
  }
  struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
  uint32_t jobs[N_JOBS], count[N_JOBS] = {0};
  for (unsigned i = 0; i < 600; i++) {
    list_sort(&problem, LIST_ORDER_RANDOM, &rng, jobs);
    count[jobs[0]]++;
  }
  for (size_t j = 0; j < N_JOBS; j++) assert_in_range(count[j], 60, 140);
}

static void cores_are_as_said(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  static const struct {
    struct list_settings settings;
    uint32_t core[N_JOBS];
  } cases[] = {
      /* By arrival 4, 5, 3, 2, 1, 0: loads 7 on core 0, 20 on 1, then 3 must go to core 1 … */
      {{LIST_FCFS, LIST_GREEDY, LIST_IN_TABLE_ORDER}, {0, 0, 2, 1, 0, 1}},
      {{LIST_FCFS, LIST_RR, LIST_IN_TABLE_ORDER}, {2, 1, 0, 1, 0, 1}},
      {{LIST_FCFS, LIST_EFT, LIST_IN_TABLE_ORDER}, {0, 2, 0, 1, 0, 2}},
      {{LIST_HEFT_DESC, LIST_EFT, LIST_IN_OWN_ORDER}, {0, 2, 0, 1, 0, 2}},
      {{LIST_SJF, LIST_RR, LIST_IN_TABLE_ORDER}, {1, 0, 2, 1, 1, 2}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    struct rng rng = rng_stream(1, RNG_TEST, 1, i);
    list_answer(&problem, &cases[i].settings, &rng, &scratch, &answer);
    assert_memory_equal(answer.core, cases[i].core, sizeof cases[i].core);
    uint32_t jobs[N_JOBS];
    list_sort(&problem, (enum list_order)cases[i].settings.order, &rng, jobs);
    for (size_t k = 1; k < N_JOBS; k++) assert_true(answer.priority[jobs[k - 1]] < answer.priority[jobs[k]]);
  }
}

static void the_fastest_core_and_ties_are_drawn(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  const struct list_settings settings = {LIST_FCFS, LIST_MET, LIST_IN_TABLE_ORDER};
  unsigned n_one = 0, n_zero = 0;
  for (uint64_t i = 0; i < 200; i++) {
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    struct rng rng = rng_stream(1, RNG_TEST, 2, i);
    list_answer(&problem, &settings, &rng, &scratch, &answer);
    assert_int_equal(answer.core[0], 0);
    assert_int_equal(answer.core[3], 1);
    assert_int_equal(answer.core[4], 0);
    assert_int_equal(answer.core[5], 2);
    assert_true(answer.core[1] == 1 || answer.core[1] == 2);
    assert_true(answer.core[2] == 0 || answer.core[2] == 1);
    n_one += answer.core[1] == 1, n_zero += answer.core[2] == 0;
  }
  assert_in_range(n_one, 70, 130);
  assert_in_range(n_zero, 70, 130);
}

static struct tenancy_queues found_by(const struct tenancy_problem *problem, const char *name, const char *key,
                                      const char *value) {
  const struct tenancy_algorithm *algorithm = tenancy_find_algorithm(name);
  assert_non_null(algorithm);
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  struct error error = {0};
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  if (key != NULL) {
    assert_true(config_set_field(config_find_field(algorithm->table, key), settings, value, "", &arena, &error));
  }
  const struct rounds rounds = {
      .problem = problem, .algorithm = algorithm, .settings = settings, .total_samples = 9, .round_samples = 9};
  const struct rounds_end end = rounds_run(&rounds, &arena);
  assert_int_equal(end.n_samples, 1);
  return end.best;
}

static void check_queues(const struct tenancy_queues *queues, const uint32_t start[N_CORES + 1],
                         const uint32_t job[N_JOBS]) {
  assert_memory_equal(queues->start, start, (N_CORES + 1) * sizeof *start);
  assert_memory_equal(queues->job, job, N_JOBS * sizeof *job);
}

static void likes_of_published_mappers(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  /* By arrival 4, 5, 3, 2, 1, 0 to the earliest end: 0, 2, 1, 0 (12), 2 (20), 0 (22). */
  const struct tenancy_queues earliest = found_by(&problem, "herald-like", NULL, NULL);
  check_queues(&earliest, (const uint32_t[]){0, 3, 4, 6}, (const uint32_t[]){4, 2, 0, 3, 5, 1});
  /* Needs on core 0 (3: core 1): 1 5 3 4 2 6, bandwidth 8, lengths 10 40 5 60 7 30. At 0: core 0 takes job 5 (6, until
   * 30), core 1 of the rest that fits into 2 job 4 (2, until 7), core 2 finds 0 left: the least hungry, job 0 (until
   * 10). At 7: 8 − 7 = 1 left: none fits, least hungry: job 2 (3, until 12). At 10, core 2: needs 9: least hungry that
   * it can run: job 1 (5), not 3. At 12, core 1: job 3. */
  const struct tenancy_queues hungry = found_by(&problem, "ai-mt-like", NULL, NULL);
  check_queues(&hungry, (const uint32_t[]){0, 1, 4, 6}, (const uint32_t[]){5, 4, 2, 3, 0, 1});
}

/* Three equal jobs, 10 cycles on core 0 and 14 on core 1. */
static void the_fastest_core_may_end_a_little_later(void **state) {
  (void)state;
  static const uint64_t latency[] = {10, 14, 10, 14, 10, 14};
  static const double need[6] = {0};
  struct tenancy_problem problem = {.name = "slack",
                                    .n_jobs = 3,
                                    .n_cores = 2,
                                    .bandwidth_bytes_per_cycle = 1,
                                    .latency_cycles = latency,
                                    .bytes_per_cycle = need};
  struct error error = {0};
  assert_true(tenancy_finish(&problem, &arena, &error));
  const struct tenancy_queues earliest = found_by(&problem, "herald-like", "variant", "earliest");
  assert_memory_equal(earliest.job, ((const uint32_t[]){0, 2, 1}), 3 * sizeof(uint32_t));
  /* 20 is within 1.5 × 14, 30 is not. */
  const struct tenancy_queues fastest = found_by(&problem, "herald-like", "variant", "fastest");
  assert_memory_equal(fastest.job, ((const uint32_t[]){0, 1, 2}), 3 * sizeof(uint32_t));
  assert_int_equal(fastest.start[1], 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(orders_are_as_said, setup, teardown),
      cmocka_unit_test_setup_teardown(cores_are_as_said, setup, teardown),
      cmocka_unit_test_setup_teardown(the_fastest_core_and_ties_are_drawn, setup, teardown),
      cmocka_unit_test_setup_teardown(likes_of_published_mappers, setup, teardown),
      cmocka_unit_test_setup_teardown(the_fastest_core_may_end_a_little_later, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
