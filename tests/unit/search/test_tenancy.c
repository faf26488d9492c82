/* Is a statement checked, are cores and jobs grouped, and does the judge say what people would work out on paper? */
#include "search/tenancy/tenancy_bounds.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tenancy_problem problem;
static struct tenancy_verdict verdict;
static struct error error;

/* Three jobs on two cores; job 2 runs on core 1 alone. */
static const uint64_t cycles[] = {10, 20, 30, 40, 0, 50};
static const double bytes[] = {1, 2, 3, 4, 0, 0.5};

static struct tenancy_problem three_jobs(void) {
  return (struct tenancy_problem){.name = "three",
                                  .n_jobs = 3,
                                  .n_cores = 2,
                                  .bandwidth_bytes_per_cycle = 2,
                                  .latency_cycles = cycles,
                                  .bytes_per_cycle = bytes};
}

static bool finish(struct tenancy_problem stated) {
  memset(&error, 0, sizeof error);
  problem = stated;
  return tenancy_finish(&problem, &arena, &error);
}

static void expect(struct tenancy_problem stated, const char *message) {
  assert_false(finish(stated));
  assert_string_equal(error.text, message);
  assert_int_equal(error.status, STATUS_INPUT);
}

static void test_statement(void **state) {
  (void)state;
  assert_true(finish(three_jobs()));
  struct tenancy_problem p = three_jobs();
  p.n_jobs = 0;
  expect(p, "three: 0 jobs: 1 to 1048576 are allowed\n");
  p = three_jobs(), p.n_cores = 257;
  expect(p, "three: 257 cores: 1 to 256 are allowed\n");
  p = three_jobs(), p.bandwidth_bytes_per_cycle = 0;
  expect(p, "three: bandwidth 0 bytes/cycle: a finite number above 0 is allowed\n");
  p.bandwidth_bytes_per_cycle = (double)INFINITY;
  expect(p, "three: bandwidth inf bytes/cycle: a finite number above 0 is allowed\n");
  p.bandwidth_bytes_per_cycle = 1e-300;
  expect(p, "three: bandwidth 1e-300 bytes/cycle is too small for needs of up to 7\n");
  p = three_jobs();
  static const double negative[] = {1, 2, 3, 4, 0, -0.5}, none[] = {1, 2, 3, 4, 0, (double)NAN},
                      large[] = {1, 536870912, 1, 1, 1, 1}, together[] = {268435456, 1, 1, 1, 1, 268435456};
  p.bytes_per_cycle = negative;
  expect(p, "three: job 2 on core 1: bandwidth -0.5: a finite number ≥ 0 is allowed\n");
  p.bytes_per_cycle = none;
  assert_false(finish(p)); /* the sign of a NaN is nobody's business */
  p.bytes_per_cycle = large;
  expect(p, "three: job 0 on core 1: bandwidth 5.36871e+08 is too large (below 2^29 is allowed)\n");
  p.bytes_per_cycle = together;
  expect(p, "three: the largest bandwidths of all cores sum to 5.36871e+08 bytes/cycle (below 2^29 is allowed)\n");
  p = three_jobs();
  static const uint64_t nowhere[] = {10, 20, 0, 0, 0, 0}, long_ones[] = {10, 20, 30, 40, 0, UINT64_C(1) << 55};
  p.latency_cycles = nowhere;
  expect(p, "three: job 1 can run on no core\nthree: job 2 can run on no core\n");
  p.latency_cycles = long_ones;
  expect(p, "three: the latencies of all jobs sum to 2^55 cycles or more, which is too much\n");
}

static void test_extras(void **state) {
  (void)state;
  struct tenancy_problem p = three_jobs();
  static const double energy[] = {1, 2, 3, (double)INFINITY, 5, 6}, weight[] = {1, 0, 2};
  static const uint32_t tenant[] = {0, 1, 2}, far[] = {0, 0, 1, 1}, far_preds[] = {3}, own[] = {0, 1, 1, 1},
                        own_preds[] = {0}, circle[] = {0, 1, 2, 3}, circle_preds[] = {2, 0, 1};
  p.energy_nj = energy;
  expect(p, "three: job 1 on core 1: energy inf: a finite number is allowed\n");
  p = three_jobs(), p.weight = weight;
  expect(p, "three: job 1: weight 0: a finite number above 0 is allowed\n");
  p = three_jobs(), p.tenant = tenant, p.n_tenants = 2;
  expect(p, "three: job 2: tenant 2: there are 2\n");
  p = three_jobs(), p.pred_start = far, p.preds = far_preds;
  expect(p, "three: job 1 waits for job 3: another one of jobs 0 to 2 is allowed\n");
  p.pred_start = own, p.preds = own_preds;
  expect(p, "three: job 0 waits for job 0: another one of jobs 0 to 2 is allowed\n");
  p.pred_start = circle, p.preds = circle_preds;
  expect(p, "three: job 0 before 1 before 2 before 0: jobs that wait for each other in a circle can never start\n");
}

/* A circle of 20 is named by its first jobs. */
static void test_long_circle(void **state) {
  (void)state;
  uint64_t latency[20];
  double need[20];
  uint32_t pred_start[21], preds[20];
  for (uint32_t j = 0; j < 20; j++) {
    latency[j] = 1, need[j] = 1, pred_start[j] = j, preds[j] = (j + 19) % 20;
  }
  pred_start[20] = 20;
  expect((struct tenancy_problem){.name = "long",
                                  .n_jobs = 20,
                                  .n_cores = 1,
                                  .bandwidth_bytes_per_cycle = 1,
                                  .latency_cycles = latency,
                                  .bytes_per_cycle = need,
                                  .pred_start = pred_start,
                                  .preds = preds},
         "long: job 0 before 1 before 2 before 3 before 4 before 5 before 6 before 7 before 8 before …: jobs that wait "
         "for each other in a circle can never start\n");
}

/* Steps of 2^-32, finer below one byte a cycle; a bandwidth that nobody can use up is the largest number. */
static void test_scale(void **state) {
  (void)state;
  assert_true(finish(three_jobs()));
  assert_true(problem.scaled_bandwidth == UINT64_C(2) << 32);
  assert_true(problem.scaled[5] == UINT64_C(1) << 31);
  assert_true(problem.runs[1 * 3 + 2].latency_cycles == 50);
  assert_true(problem.runs[1 * 3 + 2].scaled == UINT64_C(1) << 31);
  struct tenancy_problem p = three_jobs();
  p.bandwidth_bytes_per_cycle = 0.25;
  assert_true(finish(p));
  assert_true(problem.scaled_bandwidth == UINT64_C(1) << 32);
  assert_true(problem.scaled[5] == UINT64_C(1) << 33);
  p.bandwidth_bytes_per_cycle = 1e30;
  assert_true(finish(p));
  assert_true(problem.scaled_bandwidth == (UINT64_C(1) << 61) - 1);
  /* Without a limit the makespan is the largest load: 10 + 30 on core 0, 50 on core 1. */
  uint32_t core[] = {0, 0, 1};
  double priority[] = {0, 0, 0};
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &(struct tenancy_answer){core, priority}, &queues);
  assert_true(tenancy_cycles(&problem, tenancy_evaluate(&problem, &queues)) == 50);
}

/* Cores 0 and 2 are equal, 1 needs more energy; jobs 0 and 3 are equal, 1 has another deadline. */
static void test_groups(void **state) {
  (void)state;
  static const uint64_t latency[] = {5, 5, 5, 5, 5, 5, 6, 6, 6, 5, 5, 5}, deadline[] = {9, 8, 9, 9};
  static const double need[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, energy[] = {1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1};
  struct tenancy_problem p = {.name = "groups",
                              .n_jobs = 4,
                              .n_cores = 3,
                              .bandwidth_bytes_per_cycle = 2,
                              .latency_cycles = latency,
                              .bytes_per_cycle = need,
                              .energy_nj = energy,
                              .deadline_cycles = deadline};
  assert_true(finish(p));
  static const uint32_t groups[] = {0, 1, 0}, sizes[] = {2, 1}, classes[] = {0, 1, 2, 0};
  assert_int_equal(problem.n_groups, 2);
  assert_memory_equal(problem.group_of, groups, sizeof groups);
  assert_memory_equal(problem.group_size, sizes, sizeof sizes);
  assert_int_equal(problem.n_classes, 3);
  assert_memory_equal(problem.class_of, classes, sizeof classes);
  static const uint32_t pred_start[] = {0, 0, 1, 1, 1}, preds[] = {0};
  p.pred_start = pred_start, p.preds = preds; /* equal rows have different places */
  assert_true(finish(p));
  assert_int_equal(problem.n_classes, 4);
}

/* A million jobs that differ in their deadline alone are told apart before this test is given up. */
static void test_many_classes(void **state) {
  (void)state;
  const size_t n = 1000000;
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, n), *deadline = ARENA_NEW(&arena, uint64_t, n);
  double *need = ARENA_NEW(&arena, double, n);
  for (size_t j = 0; j < n; j++) latency[j] = 7, need[j] = 1, deadline[j] = j / 2;
  assert_true(finish((struct tenancy_problem){.name = "many",
                                              .n_jobs = n,
                                              .n_cores = 1,
                                              .bandwidth_bytes_per_cycle = 1,
                                              .latency_cycles = latency,
                                              .bytes_per_cycle = need,
                                              .deadline_cycles = deadline}));
  assert_int_equal(problem.n_classes, n / 2);
}

static bool judge(uint32_t *core, double *priority) {
  memset(&error, 0, sizeof error);
  return tenancy_judge(&problem, &(struct tenancy_answer){core, priority}, &arena, &verdict, &error);
}

static void assert_times(const double *times, const double *expected, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (!(fabs(times[i] - expected[i]) < 1e-9)) fail_msg("time %zu: %.17g, not %g", i, times[i], expected[i]);
  }
}

static void test_no_answer(void **state) {
  (void)state;
  assert_true(finish(three_jobs()));
  uint32_t core[] = {0, 2, 0};
  double priority[] = {0, 0, (double)INFINITY};
  assert_false(judge(core, priority));
  assert_string_equal(error.text, "three: job 1: core 2: there are cores 0 to 1\n"
                                  "three: job 2 cannot run on core 0\n"
                                  "three: job 2: priority inf: a finite number is allowed\n");
  uint32_t good[] = {0, 0, 1};
  double zero[] = {0, 0, 0};
  problem.allocation = (enum tenancy_allocation)99;
  assert_false(judge(good, zero));
  assert_string_equal(error.text, "three: this rule of sharing the bandwidth is not known yet\n");
}

/* Job 2 needs 0.5 for 50 cycles; before it on core 1 nothing. Core 0: job 1 (3 B/cycle, 30) then job 0 (1, 10).
 * R = 3.5 for 30 cycles of virtual time: 52.5 cycles; then 1.5 for 10, then 0.5 for 10: 72.5. */
static void test_by_hand(void **state) {
  (void)state;
  assert_true(finish(three_jobs()));
  uint32_t core[] = {0, 0, 1};
  double priority[] = {2, 1, 0};
  assert_true(judge(core, priority));
  assert_false(verdict.closed_form);
  assert_times(&verdict.makespan_cycles, &(double){72.5}, 1);
  assert_times(verdict.finish_cycles, (double[]){62.5, 72.5}, 2);
  assert_times(verdict.start_of, (double[]){52.5, 0, 0}, 3);
  assert_times(verdict.end_of, (double[]){62.5, 52.5, 72.5}, 3);
  assert_times(&verdict.core_util, &(double){(62.5 + 72.5) / (2 * 72.5)}, 1);
  /* All 10 + 90 + 25 bytes of 145 that could have been moved. */
  assert_times(&verdict.bw_util, &(double){125 / 145.0}, 1);
}

/* The same with a job that needs nothing: it slows down with the rest, as all do. 30 cycles at 3 / 2, then 10 and 10.
 */
static void test_needs_nothing(void **state) {
  (void)state;
  static const double some[] = {1, 2, 3, 4, 0, 0};
  struct tenancy_problem p = three_jobs();
  p.bytes_per_cycle = some;
  assert_true(finish(p));
  uint32_t core[] = {0, 0, 1};
  double priority[] = {2, 1, 0};
  assert_true(judge(core, priority));
  assert_true(verdict.closed_form);
  assert_times(&verdict.makespan_cycles, &(double){65}, 1);
  assert_times(verdict.finish_cycles, (double[]){55, 65}, 2);
  assert_times(&verdict.bw_util, &(double){100 / 130.0}, 1);
  /* So few bytes that the released program would take the job for done at the first event. */
  static const double few[] = {1, 2, 3, 4, 0, 1e-15};
  p.bytes_per_cycle = few;
  assert_true(finish(p));
  assert_true(judge(core, priority));
  assert_true(verdict.closed_form);
  assert_times(&verdict.makespan_cycles, &(double){65}, 1);
  /* Nobody needs anything. */
  static const double none[6] = {0};
  p.bytes_per_cycle = none;
  assert_true(finish(p));
  assert_true(judge(core, priority));
  assert_true(verdict.makespan_cycles == 50 && verdict.bw_util == 0);
}

/* Core 0 has jobs 0 (10 cycles), then 1 (30); job 0 waits for job 2 (50 on core 1), so 1 goes first, and 0 starts at
 * the end of 2. Bandwidth 4: nothing is slowed down. */
static void test_dependency(void **state) {
  (void)state;
  static const uint32_t pred_start[] = {0, 1, 1, 1}, preds[] = {2};
  struct tenancy_problem p = three_jobs();
  p.bandwidth_bytes_per_cycle = 4, p.pred_start = pred_start, p.preds = preds;
  assert_true(finish(p));
  uint32_t core[] = {0, 0, 1};
  double priority[] = {0, 1, 0};
  assert_true(judge(core, priority));
  assert_times(verdict.start_of, (double[]){50, 0, 0}, 3);
  assert_times(verdict.end_of, (double[]){60, 30, 50}, 3);
  assert_times(verdict.finish_cycles, (double[]){60, 50}, 2);
  /* Bandwidth 2: 30 cycles at 3.5 / 2, 20 alone, 10 alone. */
  problem.bandwidth_bytes_per_cycle = 2;
  assert_true(judge(core, priority));
  assert_times(verdict.end_of, (double[]){82.5, 52.5, 72.5}, 3);
}

/* Job 1 arrives at 20, while 2 is at work (0.5 B/cycle); both need 3.5 of 2: 30 cycles of each in 52.5. Job 0 arrives
 * at 100, when nothing runs. */
static void test_release(void **state) {
  (void)state;
  static const uint64_t release[] = {100, 20, 0};
  struct tenancy_problem p = three_jobs();
  p.release_cycles = release;
  assert_true(finish(p));
  uint32_t core[] = {0, 0, 1};
  double priority[] = {0, 1, 0};
  assert_true(judge(core, priority));
  assert_times(verdict.start_of, (double[]){100, 20, 0}, 3);
  assert_times(verdict.end_of, (double[]){110, 72.5, 72.5}, 3);
  assert_times(verdict.finish_cycles, (double[]){110, 72.5}, 2);
  assert_times(&verdict.bw_util, &(double){125 / 220.0}, 1);
}

/* Who finds what he needs first is who comes first by priority, once several wait. */
static void test_released_order(void **state) {
  (void)state;
  static const uint64_t latency[] = {5, 6, 7, 8, 9}, release[] = {3, 2, 1, 0, 30};
  static const double need[] = {1, 1, 1, 1, 1};
  assert_true(finish((struct tenancy_problem){.name = "line",
                                              .n_jobs = 5,
                                              .n_cores = 1,
                                              .bandwidth_bytes_per_cycle = 2,
                                              .latency_cycles = latency,
                                              .bytes_per_cycle = need,
                                              .release_cycles = release}));
  uint32_t core[] = {0, 0, 0, 0, 0};
  double priority[] = {2, 1, 3, 4, 0};
  assert_true(judge(core, priority)); /* 3 alone at 0; then 1, 0, 2 by priority; 4 is late */
  assert_times(verdict.start_of, (double[]){14, 8, 19, 0, 30}, 5);
  assert_times(&verdict.makespan_cycles, &(double){39}, 1);
}

static void test_exact_refuses(void **state) {
  (void)state;
  assert_true(finish(three_jobs()));
  struct tenancy_queues best = tenancy_queues_new(&problem, &arena);
  tenancy_cost cost = 7;
  static const uint64_t release[] = {0, 0, 1};
  static const uint32_t pred_start[] = {0, 0, 0, 0};
  struct tenancy_problem p = problem;
  p.n_cores = 5;
  assert_false(tenancy_exact(&p, 1000, &arena, &best, &cost));
  p = problem, p.n_jobs = 13;
  assert_false(tenancy_exact(&p, 1000, &arena, &best, &cost));
  p = problem, p.release_cycles = release;
  assert_false(tenancy_exact(&p, 1000, &arena, &best, &cost));
  p = problem, p.pred_start = pred_start;
  assert_false(tenancy_exact(&p, 1000, &arena, &best, &cost));
  assert_true(cost == 7);
  assert_true(tenancy_exact(&problem, 1000, &arena, &best, &cost));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_statement),    TEST(test_extras),  TEST(test_long_circle),
                                     TEST(test_scale),        TEST(test_groups),  TEST(test_many_classes),
                                     TEST(test_no_answer),    TEST(test_by_hand), TEST(test_needs_nothing),
                                     TEST(test_dependency),   TEST(test_release), TEST(test_released_order),
                                     TEST(test_exact_refuses)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
