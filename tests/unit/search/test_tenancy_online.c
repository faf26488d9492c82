/* Do traces say what arrives, and is what is wrong with them said at its place? Is a small one run as on paper? */
#include "search/tenancy/tenancy_online.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct tenancy_problem problem;
static struct tenancy_trace trace;
static struct error error;

/* Jobs 0, 2 and 3 are "net", each waits for the one before; job 1 is "other". */
static const uint64_t cycles[] = {100, 150, 60, 60, 40, 80, 20, 30};
static const double bytes[] = {2, 2, 2, 2, 3, 3, 1, 1};
static const uint32_t tenant[] = {0, 1, 0, 0}, pred_start[] = {0, 0, 0, 1, 2}, preds[] = {0, 2};
static const char *const names[] = {"net", "other"};

static int open_four(void **state) {
  setup(state);
  problem = (struct tenancy_problem){.name = "four",
                                     .n_jobs = 4,
                                     .n_cores = 2,
                                     .bandwidth_bytes_per_cycle = 100,
                                     .latency_cycles = cycles,
                                     .bytes_per_cycle = bytes,
                                     .tenant = tenant,
                                     .n_tenants = 2,
                                     .tenants = names,
                                     .pred_start = pred_start,
                                     .preds = preds};
  assert_true(tenancy_finish(&problem, &arena, &error));
  return 0;
}

static bool parse(const char *text) {
  memset(&error, 0, sizeof error);
  struct tenancy_text given = {"trace.csv", arena_copy_text(&arena, text), strlen(text)};
  return tenancy_trace_parse(&problem, &given, &arena, &trace, &error);
}

static void expect(const char *text, const char *message) {
  assert_false(parse(text));
  assert_string_equal(error.text, message);
  assert_int_equal(error.status, STATUS_INPUT);
}

static void test_mistakes(void **state) {
  (void)state;
  expect("arrival_cycles,job\n", "trace.csv: nothing arrives\n");
  expect("job\n1\n", "trace.csv:1: arrival_cycles: this column is missing\n");
  expect("arrival_cycles\n1\n", "trace.csv:1: job: this column, or model, is missing\n");
  expect("arrival_cycles,job\n0,1\n-1,4\n", "trace.csv:3: arrival_cycles: \"-1\" is no whole number below 2^55\n"
                                            "trace.csv:3: job: \"4\" is no job; the instance has jobs 0 to 3\n");
  expect("arrival_cycles,model\n0,nets\n", "trace.csv:2: model: \"nets\" is no tenant of the instance\n");
  expect("arrival_cycles,job\n0,\n", "trace.csv:2: job: \"\" is no tenant of the instance\n");
  expect("arrival_cycles,job,deadline_cycles\n0,1,soon\n",
         "trace.csv:2: deadline_cycles: \"soon\" is no whole number\n");
  problem.tenant = NULL, problem.tenants = NULL, problem.n_tenants = 0;
  expect("arrival_cycles,model\n0,net\n", "trace.csv:1: model: the instance's jobs.csv has no column tenant\n");
}

/* By time of arrival; a model brings all its jobs, with what waits for what. */
static void test_jobs(void **state) {
  (void)state;
  assert_true(parse("arrival_cycles,job,model,deadline_cycles,tenant\n70,,net,300,x\n0,1,,,y\n"));
  assert_int_equal(trace.n_arrivals, 2);
  const struct tenancy_problem *jobs = &trace.jobs;
  static const uint64_t expected[] = {60, 60, 100, 150, 40, 80, 20, 30}, release[] = {0, 70, 70, 70},
                        deadline[] = {UINT64_MAX, 300, 300, 300};
  static const uint32_t first[] = {0, 1, 4}, starts[] = {0, 0, 0, 1, 2};
  assert_int_equal(jobs->n_jobs, 4);
  assert_memory_equal(jobs->latency_cycles, expected, sizeof expected);
  assert_memory_equal(jobs->release_cycles, release, sizeof release);
  assert_memory_equal(jobs->deadline_cycles, deadline, sizeof deadline);
  assert_memory_equal(trace.first_job, first, sizeof first);
  assert_memory_equal(jobs->pred_start, starts, sizeof starts);
  assert_true(jobs->preds[0] == 1 && jobs->preds[1] == 2);
  assert_string_equal(jobs->tenants[jobs->tenant[0]], "y");
  assert_string_equal(jobs->tenants[jobs->tenant[1]], "x");
}

/* Job 1 (60 cycles) at 0, the net at 70: 0 on core 0 (100), then 2 and 3 there (40, 20): ends 60, 170, 210, 230. A
 * second job 1 at 200 finds core 1 free. A period of 100 lets it wait until then, and the net as well: at 100. */
static void test_by_hand(void **state) {
  (void)state;
  static const char text[] = "arrival_cycles,job,model,deadline_cycles\n0,1,,60\n70,,net,205\n200,1,,\n";
  assert_true(parse(text));
  struct tenancy_online online;
  struct tenancy_online_settings settings = {.remap_samples = 50};
  assert_true(tenancy_run_online(&trace, &settings, &arena, &online, &error));
  static const double ends[] = {60, 170, 210, 230, 260}, latency[] = {60, 160, 60};
  for (size_t j = 0; j < 5; j++) assert_true(fabs(online.end_cycles[j] - ends[j]) < 1e-9);
  for (size_t a = 0; a < 3; a++) assert_true(fabs(online.latency_cycles[a] - latency[a]) < 1e-9);
  assert_int_equal(online.n_missed, 1);
  assert_int_equal(online.n_remaps, 3);
  assert_true(online.makespan_cycles > 260 - 1e-9 && online.most_samples <= 50);
  assert_true(tenancy_latency_percentile(&trace, &online, 50, &arena) < 61);
  assert_true(tenancy_latency_percentile(&trace, &online, 95, &arena) > 159);
  settings.remap_every_cycles = 100;
  assert_true(tenancy_run_online(&trace, &settings, &arena, &online, &error));
  static const double later[] = {60, 200, 240, 260, 260};
  for (size_t j = 0; j < 5; j++) assert_true(fabs(online.end_cycles[j] - later[j]) < 1e-9);
  settings.goal.objective = TENANCY_FAIRNESS;
  assert_false(tenancy_run_online(&trace, &settings, &arena, &online, &error));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_four, teardown)
  const struct CMUnitTest tests[] = {TEST(test_mistakes), TEST(test_jobs), TEST(test_by_hand)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
