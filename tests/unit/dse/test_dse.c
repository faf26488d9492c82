/* Does the library keep what dse.h promises? The same front as the program's own flow, every kind of failure as a
 * message and never an exit, other locales, other threads, nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "dse/dse.h"
#include <cmocka.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char small[] = "workload = \"bert-base\"; batch = 4; limits = { area_mm2 = 500.0; };\n"
                            "space = { tc_count = [1, 2, 4]; tc_rows = [32, 64, 128]; tc_cols = [64, 128];\n"
                            "vc_count = [1, 2]; vc_width = [256, 1024]; glb_mib = [16, 64]; hbm_stacks = [2, 4]; };\n"
                            "search = { top_k = 7; seed = 2385; };\n";

static struct dse *open_here(void) {
  struct dse *dse = dse_open("."); /* tests run from the sources' root */
  assert_non_null(dse);
  return dse;
}

static struct dse_run *run_of(struct dse *dse, const char *const *sets, size_t n) {
  struct dse_run *run = dse_run_text(dse, "small.cfg", small, sets, n);
  if (run == NULL) fail_msg("%s", dse_message(dse));
  return run;
}

static void refuses(struct dse *dse, enum dse_status status, const char *text) {
  assert_int_equal(dse_status(dse), status);
  if (strstr(dse_message(dse), text) == NULL) fail_msg("\"%s\" is not in: %s", text, dse_message(dse));
}

static void lists(void **state) {
  (void)state;
  struct dse *dse = open_here();
  bool bert = false, tpu = false;
  const char *last = "";
  for (size_t i = 0; dse_workload(dse, i) != NULL; i++) {
    assert_true(strcmp(last, dse_workload(dse, i)) < 0);
    last = dse_workload(dse, i);
    bert |= strcmp(last, "bert-base") == 0;
  }
  for (size_t i = 0; dse_part(dse, i) != NULL; i++) tpu |= strcmp(dse_part(dse, i), "tpuv4") == 0;
  assert_true(bert && tpu);
  assert_int_equal(dse_status(dse), DSE_OK);
  assert_string_equal(dse_message(dse), "");
  assert_string_equal(dse_data_folder(dse), ".");
  dse_close(dse);

  dse = dse_open("/nonexistent/folder");
  assert_non_null(dse);
  assert_null(dse_workload(dse, 0));
  refuses(dse, DSE_ENVIRONMENT, "/nonexistent/folder");
  dse_close(dse);
  dse_close(NULL);
  dse = dse_open(NULL); /* the build tree's own: the test lies in it */
  assert_non_null(dse_workload(dse, 0));
  dse_close(dse);
}

static void says_what_is_wrong(void **state) {
  (void)state;
  struct dse *dse = open_here();
  assert_null(dse_run_file(dse, "/nonexistent.cfg", NULL, 0));
  refuses(dse, DSE_ENVIRONMENT, "/nonexistent.cfg");
  assert_null(dse_run_text(dse, "mine", "workload = \"bert-base\";\nbach = 4;\nlimits = { tdp = 3.0; };\n", NULL, 0));
  refuses(dse, DSE_INPUT, "mine:2: bach: unknown key; did you mean batch?");
  refuses(dse, DSE_INPUT, "mine:3: limits.tdp");
  assert_null(dse_run_text(dse, "mine", "workload = \"bert-bse\";", NULL, 0));
  refuses(dse, DSE_INPUT, "bert-base");
  assert_null(dse_run_text(dse, "mine", "workload = ", NULL, 0));
  refuses(dse, DSE_INPUT, "mine:1");
  const char *bad[] = {"batch"}, *worse[] = {"batch=x"};
  assert_null(dse_run_text(dse, "mine", small, bad, 1));
  refuses(dse, DSE_INPUT, "write path=value");
  assert_null(dse_run_text(dse, "mine", small, worse, 1));
  refuses(dse, DSE_INPUT, "batch");
  assert_null(dse_run_text(dse, "mine", small, bad, 100000));
  refuses(dse, DSE_INPUT, "100000");

  struct dse_run *run = run_of(dse, NULL, 0);
  struct dse_design design;
  assert_string_equal(dse_message(dse), "");
  assert_false(dse_evaluate(run, "tpuv44", &design));
  refuses(dse, DSE_INPUT, "tpuv4");
  assert_false(dse_evaluate(run, "tc_cuont=4", &design));
  refuses(dse, DSE_INPUT, "tc_count");
  assert_false(dse_evaluate(run, "tc_count=4,element_bytes=4", &design));
  refuses(dse, DSE_INPUT, "element_bytes");
  assert_true(dse_evaluate(run, "tc_count=4", &design));
  assert_string_equal(dse_message(dse), "");
  dse_run_free(run);
  dse_run_free(NULL);
  dse_close(dse);
}

static void judges_designs(void **state) {
  (void)state;
  struct dse *dse = open_here();
  const char *sets[] = {"limits.tdp_w=300", "batch=8"};
  struct dse_run *run = run_of(dse, sets, 2);
  assert_int_equal(dse_run_points(run), 3 * 3 * 2 * 2 * 2 * 2 * 2);
  assert_non_null(strstr(dse_run_settings(run), "tdp_w = 300"));
  assert_non_null(strstr(dse_run_settings(run), "batch = 8"));
  struct dse_design part, own, again;
  assert_true(dse_evaluate(run, "tpuv4", &part));
  assert_false(part.feasible); /* 595 mm2 of our area law */
  assert_string_equal(part.reason, "limits.area_mm2");
  assert_string_equal(part.excess_unit, "mm2");
  assert_float_equal(part.area_mm2 - 500, part.excess, 1e-9);
  assert_true(part.throughput_samples_per_s > 0 && part.iteration_s > 0); /* all the same */
  assert_true(dse_evaluate(run, "tc_count=2,tc_rows=128,tc_cols=128,vc_width=1024", &own));
  assert_true(own.feasible);
  assert_string_equal(own.reason, "");
  assert_float_equal(own.throughput_samples_per_s * own.iteration_s, 8, 1e-9);
  assert_true(own.floor_iteration_s > 0 && own.floor_iteration_s <= own.bound_iteration_s);
  assert_true(own.bound_iteration_s <= own.iteration_s);
  assert_true(own.memory_bytes > 0 && own.memory_bytes < own.hbm_bytes);
  assert_int_equal(strlen(own.name), 16);
  for (int i = 0; i < 3; i++) {
    assert_true(dse_evaluate(run, "tc_count=2,tc_rows=128,tc_cols=128,vc_width=1024", &again));
    assert_memory_equal(&own.throughput_samples_per_s, &again.throughput_samples_per_s, 9 * sizeof(double));
    assert_string_equal(own.name, again.name);
  }
  dse_run_free(run);
  dse_close(dse);
}

/* Of a system and of several workloads there is one number for all. */
static void judges_wholes(void **state) {
  (void)state;
  static const char several[] =
      "workloads = ( { workload = \"resnet18\"; batch = 8; }, { workload = \"bert-base\"; batch = 4; } );\n"
      "space = { tc_count = [2, 4]; tc_rows = [128]; tc_cols = [128]; vc_count = [2]; vc_width = [512];\n"
      "glb_mib = [16]; hbm_stacks = [2]; };";
  struct dse *dse = open_here();
  const char *texts[] = {several, several};
  const char *system[] = {"workloads.[0].batch=16"};
  struct dse_run *run = dse_run_text(dse, "several", texts[0], system, 1);
  if (run == NULL) fail_msg("%s", dse_message(dse));
  struct dse_design design;
  assert_true(dse_evaluate(run, "tc_count=4", &design));
  assert_true(design.feasible && design.throughput_samples_per_s > 0 && design.iteration_s > 0);
  assert_true(design.bound_iteration_s == 0 && design.floor_iteration_s == 0);
  struct dse_front *front = dse_explore(run, NULL);
  assert_non_null(front);
  assert_true(dse_front_summary(front).best >= design.throughput_samples_per_s);
  dse_front_free(front);
  dse_run_free(run);

  const char *devices[] = {"system.devices=[8]", "system.global_batch=16", "system.tensor=[1, 2]",
                           "system.pipeline=[1, 2]", "space.hbm_stacks=[4]"};
  run = run_of(dse, devices, 5);
  assert_true(dse_evaluate(run, "tc_count=4,tc_rows=128,tc_cols=128", &design));
  if (!design.feasible) fail_msg("%s", design.reason);
  assert_float_equal(design.throughput_samples_per_s * design.iteration_s, 16, 1e-9);
  dse_run_free(run);
  dse_close(dse);
}

static void explores(void **state) {
  (void)state;
  struct dse *dse = open_here();
  struct dse_run *run = run_of(dse, NULL, 0);
  struct dse_front *front = dse_explore(run, NULL), *second = dse_explore(run, NULL);
  if (front == NULL || second == NULL) fail_msg("%s", dse_message(dse));
  const struct dse_summary summary = dse_front_summary(front);
  assert_true(summary.proven_optimal && summary.front_complete && summary.gap == 0);
  assert_string_equal(summary.metric, "throughput_samples_per_s");
  assert_true(summary.best == summary.bound && summary.evaluations >= summary.feasible);
  const size_t n = dse_front_size(front);
  assert_true(n > 2 && n == dse_front_size(second));
  struct dse_design design, same, named;
  const char *text;
  for (size_t i = 0; i < n; i++) {
    assert_true(dse_front_design(front, i, &design, &text));
    assert_true(dse_front_design(second, i, &same, NULL));
    assert_true(design.feasible);
    assert_string_equal(design.name, same.name);
    assert_true(dse_evaluate(run, text, &named)); /* what it says can be said again */
    assert_string_equal(design.name, named.name);
    assert_memory_equal(&design.throughput_samples_per_s, &named.throughput_samples_per_s, 9 * sizeof(double));
    if (i == 0) assert_true(design.throughput_samples_per_s == summary.best);
  }
  assert_false(dse_front_design(front, n, &design, &text));
  refuses(dse, DSE_INPUT, "front: design");
  dse_front_free(front);
  dse_front_free(second);
  dse_front_free(NULL);
  dse_run_free(run);
  dse_close(dse);
}

static bool after_some(void *context) { return ++*(size_t *)context > 23; }

static void ends_early(void **state) {
  (void)state;
  struct dse *dse = open_here();
  const char *sets[] = {"search.algorithm=\"random\"", "search.prove_front=false", "search.round_size=8"};
  struct dse_run *run = run_of(dse, sets, 3);
  const struct dse_search few = {.max_evaluations = 16};
  struct dse_front *front = dse_explore(run, &few);
  assert_non_null(front);
  assert_true(dse_front_summary(front).evaluations <= 2 * 16);
  dse_front_free(front);
  size_t n_asked = 0;
  const struct dse_search stopped = {.stop = after_some, .context = &n_asked};
  assert_null(dse_explore(run, &stopped));
  refuses(dse, DSE_STOPPED, "stopped by the caller");
  assert_true(n_asked > 23 && n_asked < 100);
  front = dse_explore(run, NULL); /* and nothing is broken by it */
  assert_non_null(front);
  dse_front_free(front);
  dse_run_free(run);

  const char *narrow[] = {"limits.area_mm2=20"};
  run = run_of(dse, narrow, 1);
  assert_null(dse_explore(run, NULL));
  refuses(dse, DSE_INFEASIBLE, "nothing feasible among 288 designs");
  refuses(dse, DSE_INFEASIBLE, "limits.area_mm2 binds");
  dse_run_free(run);
  dse_close(dse);
}

/* A comma in numbers is what a German program has. Where no such locale is installed, the C locale must do. */
static void minds_no_locale(void **state) {
  (void)state;
  static const char *const others[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  for (size_t i = 0; i < sizeof others / sizeof *others && setlocale(LC_NUMERIC, others[i]) == NULL; i++) continue;
  char before[32], after[32];
  snprintf(before, sizeof before, "%.1f", 2.5);
  struct dse *dse = open_here();
  const char *sets[] = {"limits.tdp_w=287.5"};
  struct dse_run *run = run_of(dse, sets, 1);
  assert_non_null(strstr(dse_run_settings(run), "287.5"));
  dse_run_free(run);
  dse_close(dse);
  snprintf(after, sizeof after, "%.1f", 2.5);
  assert_string_equal(before, after);
  setlocale(LC_NUMERIC, "C");
}

static void *explore_alone(void *best) {
  struct dse *dse = dse_open(".");
  struct dse_run *run = dse_run_text(dse, "small.cfg", small, NULL, 0);
  struct dse_front *front = dse_explore(run, NULL);
  if (front != NULL) *(double *)best = dse_front_summary(front).best;
  dse_front_free(front);
  dse_run_free(run);
  dse_close(dse);
  return NULL;
}

static void threads_have_sessions(void **state) {
  (void)state;
  enum { N_THREADS = 4 };
  pthread_t threads[N_THREADS];
  double best[N_THREADS + 1] = {0};
  explore_alone(&best[N_THREADS]);
  assert_true(best[N_THREADS] > 0);
  for (size_t i = 0; i < N_THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, explore_alone, &best[i]), 0);
  }
  for (size_t i = 0; i < N_THREADS; i++) pthread_join(threads[i], NULL);
  for (size_t i = 0; i < N_THREADS; i++) assert_true(best[i] == best[N_THREADS]);
}

/* Memory that cannot be had is a message like any other. (A sanitizer's own address space has no such limit.) */
static void survives_without_memory(void **state) {
  (void)state;
#if !defined(__SANITIZE_ADDRESS__)
  struct rlimit old, tight = {.rlim_cur = (rlim_t)1 << 20, .rlim_max = RLIM_INFINITY};
  assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
  struct dse *dse = open_here();
  tight.rlim_max = old.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
  struct dse_run *run = dse_run_text(dse, "small.cfg", small, NULL, 0);
  assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
  assert_null(run);
  refuses(dse, DSE_ENVIRONMENT, "no memory");
  run = run_of(dse, NULL, 0); /* with memory again, it goes */
  dse_run_free(run);
  dse_close(dse);
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(survives_without_memory),
      cmocka_unit_test(lists),
      cmocka_unit_test(says_what_is_wrong),
      cmocka_unit_test(judges_designs),
      cmocka_unit_test(judges_wholes),
      cmocka_unit_test(explores),
      cmocka_unit_test(ends_early),
      cmocka_unit_test(minds_no_locale),
      cmocka_unit_test(threads_have_sessions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
