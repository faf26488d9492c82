/* Do other objectives, rules of sharing and strict queues say what people would work out on paper? */
#include "search/tenancy/tenancy_goal.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tenancy_problem problem;
static struct tenancy_goal *goal;
static struct tenancy_verdict verdict;
static double value[TENANCY_N_OBJECTIVES];
static struct error error;

/* Three jobs, one a core. B = 12: needs 2, 8, 10 and lengths 100, 60, 40. */
static const uint64_t cycles[] = {100, 100, 100, 60, 60, 60, 40, 40, 40};
static const double bytes[] = {2, 2, 2, 8, 8, 8, 10, 10, 10};
static const struct tenancy_problem three = {.name = "three",
                                             .n_jobs = 3,
                                             .n_cores = 3,
                                             .bandwidth_bytes_per_cycle = 12,
                                             .latency_cycles = cycles,
                                             .bytes_per_cycle = bytes};
static uint32_t apart[] = {0, 1, 2};
static double zero[] = {0, 0, 0, 0};

static void open_problem(const struct tenancy_problem *stated, struct tenancy_goal_settings settings) {
  memset(&error, 0, sizeof error);
  problem = *stated;
  if (!tenancy_finish(&problem, &arena, &error) || !tenancy_goal_open(&problem, &settings, 7, &arena, &goal, &error)) {
    fail_msg("%s", error.text);
  }
}

static bool judge(uint32_t *core, double *priority) {
  memset(&error, 0, sizeof error);
  return tenancy_goal_judge(goal, &(struct tenancy_answer){core, priority}, &arena, &verdict, value, &error);
}

/* The judge and the schedule that searches go by. */
static void expect_ends(uint32_t *core, double *priority, const double *ends) {
  if (!judge(core, priority)) fail_msg("%s", error.text);
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &(struct tenancy_answer){core, priority}, &queues);
  assert_true(tenancy_schedule_run(goal->schedule, &queues));
  for (size_t j = 0; j < problem.n_jobs; j++) {
    if (!(fabs(verdict.end_of[j] - ends[j]) < 1e-9)) fail_msg("job %zu: %.17g", j, verdict.end_of[j]);
    if (!(fabs(goal->schedule->end_cycles[j] - ends[j]) < 1e-9)) {
      fail_msg("schedule: job %zu: %.17g", j, goal->schedule->end_cycles[j]);
    }
  }
}

/* Proportional: R = 20 of 12, all at 0.6: job 2 ends at 200/3. Then R = 10: all at full speed, job 1 has 20 left, job 0
 * 60. Water-filling: level 5: job 0 gets its 2, the others 5 each: job 1 runs at 5/8, job 2 at 1/2, so 2 ends at 80; by
 * then 1 has done 50 and gets all it needs: 90; 0 ends at 100, as if alone. */
static void test_sharing(void **state) {
  (void)state;
  open_problem(&three, (struct tenancy_goal_settings){.allocation = TENANCY_PROPORTIONAL});
  expect_ends(apart, zero, (double[]){200 / 3.0 + 60, 200 / 3.0 + 20, 200 / 3.0});
  assert_null(problem.goal); /* the closed form says all */
  open_problem(&three, (struct tenancy_goal_settings){.allocation = TENANCY_MAXMIN});
  expect_ends(apart, zero, (double[]){100, 90, 80});
  assert_non_null(problem.goal);
  /* All bytes but those that nobody could take: from 80 to 90 two are left, from 90 on ten. */
  assert_true(fabs(verdict.bw_util - (1 - (2 * 10 + 10 * 10) / 1200.0)) < 1e-12);
}

/* Weights 1, 1, 4: the level is 12 / 6 = 2 a weight: job 0 gets its 2 and job 2 no less than 8: then 1 is left with 2,
 * until job 2 ends at 400 / 8 = 50 with 1 at 50 × 2/8 = 12.5; 47.5 left of it. */
static void test_weighted(void **state) {
  (void)state;
  static const double weight[] = {1, 1, 4};
  struct tenancy_problem p = three;
  p.weight = weight;
  open_problem(&p, (struct tenancy_goal_settings){.allocation = TENANCY_WEIGHTED});
  expect_ends(apart, zero, (double[]){100, 97.5, 50});
}

/* Most work first: job 0 (100) gets 2, job 1 (60) gets 8, job 2 what is left, 2: at 60 it has done 12; then all it
 * needs: 88. With a queue of 100 more behind job 2 its core comes first: job 2 gets 10, then job 0, none is left for
 * job 1. */
static void test_critical(void **state) {
  (void)state;
  open_problem(&three, (struct tenancy_goal_settings){.allocation = TENANCY_CRITICAL});
  expect_ends(apart, zero, (double[]){100, 60, 88});
  static const uint64_t four[] = {100, 100, 100, 60, 60, 60, 40, 40, 40, 100, 100, 100};
  static const double needs[] = {2, 2, 2, 8, 8, 8, 10, 10, 10, 1, 1, 1};
  static uint32_t core[] = {0, 1, 2, 2};
  static double priority[] = {0, 0, 0, 1};
  struct tenancy_problem p = three;
  p.n_jobs = 4, p.latency_cycles = four, p.bytes_per_cycle = needs;
  open_problem(&p, (struct tenancy_goal_settings){.allocation = TENANCY_CRITICAL});
  expect_ends(core, priority, (double[]){100, 100, 40, 140});
}

/* Jobs 0 and 1 on core 0, 2 and 3 on core 1; 0 waits for 3, 2 for 1. Skipping, 1 (60) and 3 (100) begin, then 0 at 100
 * and 2 at 100 (its core is busy). Strict, heads 0 and 2 wait for each other. */
static void test_strict(void **state) {
  (void)state;
  static const uint64_t length[] = {100, 100, 60, 60, 40, 40, 100, 100};
  static const double need[] = {1, 1, 1, 1, 1, 1, 1, 1};
  static const uint32_t pred_start[] = {0, 1, 1, 2, 2}, preds[] = {3, 1};
  static uint32_t core[] = {0, 0, 1, 1};
  static double priority[] = {0, 1, 0, 1}, other[] = {1, 0, 1, 0};
  const struct tenancy_problem p = {.name = "circle",
                                    .n_jobs = 4,
                                    .n_cores = 2,
                                    .bandwidth_bytes_per_cycle = 12,
                                    .latency_cycles = length,
                                    .bytes_per_cycle = need,
                                    .pred_start = pred_start,
                                    .preds = preds};
  open_problem(&p, (struct tenancy_goal_settings){.queue = 0});
  expect_ends(core, priority, (double[]){200, 60, 140, 100});
  open_problem(&p, (struct tenancy_goal_settings){.queue = 1});
  assert_false(judge(core, priority));
  assert_string_equal(error.text, "circle: circular waiting: job 0 on core 0 for job 3 on core 1, job 2 on core 1 for "
                                  "job 1 on core 0; none of a strict queue may be skipped\n");
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &(struct tenancy_answer){core, priority}, &queues);
  assert_true(tenancy_evaluate(&problem, &queues) == TENANCY_COST_INFEASIBLE + 4);
  expect_ends(core, other, (double[]){200, 60, 140, 100});
}

/* Two jobs on core 0, one on core 1, enough bandwidth: ends 100, 160, 40. */
static void test_figures(void **state) {
  (void)state;
  static const double energy[] = {5, 9, 9, 7, 9, 9, 9, 11, 9}, weight[] = {1, 2, 3};
  static const uint64_t macs[] = {100, 200, 340}, deadline[] = {90, UINT64_MAX, 30};
  static const uint32_t tenant[] = {0, 1, 1};
  static uint32_t core[] = {0, 0, 1};
  static double priority[] = {0, 1, 0};
  struct tenancy_problem p = three;
  p.bandwidth_bytes_per_cycle = 100, p.energy_nj = energy, p.weight = weight, p.macs = macs;
  p.deadline_cycles = deadline, p.tenant = tenant, p.n_tenants = 2;
  open_problem(&p, (struct tenancy_goal_settings){.static_nj_per_cycle = 0.5, .alone_samples = 50});
  assert_true(judge(core, priority));
  /* Alone: job 0 takes 100; jobs 1 and 2 on two cores 60. */
  const double slow0 = 1, slow1 = 160 / 60.0, sum = slow0 + slow1;
  const double expected[TENANCY_N_OBJECTIVES] = {
      [TENANCY_MAKESPAN] = 160,
      [TENANCY_ENERGY] = 5 + 7 + 11 + 80,
      [TENANCY_EDP] = 103 * 160,
      [TENANCY_THROUGHPUT] = 4,
      [TENANCY_TARDINESS] = 1 * 10 + 3 * 10,
      [TENANCY_MISSED] = 2,
      [TENANCY_MEAN_FINISH] = 100,
      [TENANCY_P95_FINISH] = 160,
      [TENANCY_P99_FINISH] = 160,
      [TENANCY_FAIRNESS] = 160 / 60.0,
      [TENANCY_JAIN] = 2 * (slow0 * slow0 + slow1 * slow1) / (sum * sum),
  };
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    if (!(fabs(value[o] - expected[o]) < 1e-9 * (1 + expected[o]))) {
      fail_msg("%s: %.17g", tenancy_objectives[o].name, value[o]);
    }
  }
  /* One tenant is never slower than alone, and is treated as all are. */
  static const uint32_t one[] = {0, 0, 0};
  p.tenant = one, p.n_tenants = 1;
  open_problem(&p, (struct tenancy_goal_settings){.alone_samples = 50});
  assert_true(judge(apart, zero));
  assert_true(fabs(value[TENANCY_FAIRNESS] - 1) < 1e-12 && fabs(value[TENANCY_JAIN] - 1) < 1e-12);
}

/* What the instance does not say cannot be searched for. */
static void test_missing(void **state) {
  (void)state;
  open_problem(&three, (struct tenancy_goal_settings){0});
  static const struct {
    enum tenancy_objective objective;
    const char *message;
  } cases[] = {{TENANCY_EDP, "three: objective edp: jobs.csv has no column energy_nj\n"},
               {TENANCY_THROUGHPUT, "three: objective throughput: jobs.csv has no column macs\n"},
               {TENANCY_MISSED, "three: objective missed: jobs.csv has no column deadline_cycles\n"},
               {TENANCY_JAIN, "three: objective jain: jobs.csv has no column tenant\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    memset(&error, 0, sizeof error);
    assert_false(tenancy_goal_check(&problem, cases[i].objective, &error));
    assert_string_equal(error.text, cases[i].message);
  }
}

/* 0 before 1 before 2 on any cores: 100 + 60 + 40, more than any job and than the loads over three cores. */
static void test_critical_path(void **state) {
  (void)state;
  static const uint32_t pred_start[] = {0, 0, 1, 2}, preds[] = {0, 1};
  struct tenancy_problem p = three;
  p.pred_start = pred_start, p.preds = preds;
  open_problem(&p, (struct tenancy_goal_settings){0});
  struct tenancy_bounds bounds;
  assert_true(tenancy_makespan_bounds(&problem, &tenancy_bounds_quick, &arena, &bounds, &error));
  assert_true(fabs(bounds.best_cycles - 200) < 1e-9 && bounds.best_cycles <= 200);
  assert_string_equal(bounds.reason, "the critical path: all that job 2 waits for, and itself");
  /* With too little bandwidth for job 2: 40 × 10 / 4. */
  p.bandwidth_bytes_per_cycle = 4;
  open_problem(&p, (struct tenancy_goal_settings){0});
  assert_true(tenancy_makespan_bounds(&problem, &tenancy_bounds_quick, &arena, &bounds, &error));
  assert_true(fabs(bounds.best_cycles - (100 + 120 + 100)) < 1e-9);
}

/* No spread, no difference; with one, the mean of what each scenario gives. */
static void test_scenarios(void **state) {
  (void)state;
  open_problem(&three, (struct tenancy_goal_settings){.scenarios = 5, .sigma = 0, .mean = true});
  assert_true(judge(apart, zero));
  const double sure = value[TENANCY_MAKESPAN];
  assert_true(fabs(sure - (200 / 3.0 + 60)) < 1e-9);
  open_problem(&three, (struct tenancy_goal_settings){.scenarios = 5, .sigma = 0.3, .mean = true});
  assert_true(judge(apart, zero));
  double sum = 0;
  for (size_t s = 0; s < 5; s++) {
    struct tenancy_problem scenario;
    assert_true(tenancy_scenario(&problem, 7, s, 0.3, &arena, &scenario, &error));
    assert_true(tenancy_judge(&scenario, &(struct tenancy_answer){apart, zero}, &arena, &verdict, &error));
    sum += verdict.makespan_cycles;
  }
  assert_true(fabs(value[TENANCY_MAKESPAN] - sum / 5) < 1e-9);
  assert_true(fabs(value[TENANCY_MAKESPAN] - sure) > 0.1);
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &(struct tenancy_answer){apart, zero}, &queues);
  assert_true(fabs(tenancy_cycles(&problem, tenancy_evaluate(&problem, &queues)) - sum / 5) < 1e-6);
}

/* A limit on the makespan shuts answers out, whatever they are worth. */
static void test_limit(void **state) {
  (void)state;
  static const double energy[] = {1, 9, 9, 1, 9, 9, 1, 9, 9};
  static uint32_t together[] = {0, 0, 0};
  struct tenancy_problem p = three;
  p.energy_nj = energy, p.bandwidth_bytes_per_cycle = 100;
  open_problem(&p, (struct tenancy_goal_settings){.objective = TENANCY_ENERGY});
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_queue_up(&problem, &(struct tenancy_answer){together, zero}, &queues);
  const tenancy_cost cost = tenancy_evaluate(&problem, &queues);
  assert_true(fabs(tenancy_cycles(&problem, cost) * goal->unit - 3) < 1e-6);
  goal->limit_cycles = 199;
  assert_true(tenancy_evaluate(&problem, &queues) > TENANCY_COST_INFEASIBLE / 4);
  goal->limit_cycles = 200;
  assert_true(tenancy_evaluate(&problem, &queues) == cost);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_sharing),       TEST(test_weighted),  TEST(test_critical),
                                     TEST(test_strict),        TEST(test_figures),   TEST(test_missing),
                                     TEST(test_critical_path), TEST(test_scenarios), TEST(test_limit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
