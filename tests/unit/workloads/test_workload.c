/* Is a workload found by what the user calls it, and is every wrong request refused? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/workload_bench.h"
#include "workloads/workload.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool load(struct bench *bench, struct workload_request request) {
  if (request.data_folder == NULL) request.data_folder = ".";
  bench->error = (struct error){0};
  return workload_load(&request, &bench->arena, &bench->scratch, &bench->workload, &bench->error);
}

static void refuse(struct bench *bench, struct workload_request request, const char *message) {
  assert_false(load(bench, request));
  if (strstr(bench->error.text, message) == NULL) fail_msg("expected %s\n got %s", message, bench->error.text);
}

static void test_model(void **state) {
  struct bench *const bench = *state;
  if (!load(bench, (struct workload_request){.name = "bert-base", .batch = 3, .element_bytes = 2}))
    fail_msg("%s", bench->error.text);
  assert_string_equal(bench->workload.name, "bert-base");
  assert_string_equal(bench->workload.kind, "encoder");
  assert_int_equal(bench->workload.batch, 3);
  assert_false(bench->workload.overridden);
  assert_true(bench->workload.check.present);
  assert_int_equal(bench->workload.check.parameters, 109482240); /* workloads §3 */
  /* The same by path, with a key overridden. */
  const struct config_set set = {"layers", "2"};
  assert_true(load(
      bench, (struct workload_request){
                 .name = "workloads/models/bert-base.cfg", .batch = 1, .element_bytes = 4, .sets = &set, .n_sets = 1}));
  assert_string_equal(bench->workload.name, "bert-base");
  assert_true(bench->workload.overridden);
}

static void test_refused(void **state) {
  struct bench *const bench = *state;
  const struct config_set set = {"layers", "2"};
  static const char graph[] = "tests/data/wham/graphs/llama2_mbs_1_sl_4096.json";
  refuse(bench, (struct workload_request){.name = "bert-base", .element_bytes = 2}, "batch: is 0");
  refuse(bench, (struct workload_request){.name = "bert-base", .batch = 1, .element_bytes = 3}, "element_bytes: is 3");
  refuse(bench, (struct workload_request){.name = "bert-bass", .batch = 1, .element_bytes = 2},
         "there is no model 'bert-bass', did you mean 'bert-base'?");
  refuse(bench, (struct workload_request){.name = "bert", .batch = 1, .element_bytes = 2},
         "there is no model 'bert', did you mean 'bert-base' or 'bert-large'?");
  refuse(bench, (struct workload_request){.name = "zzzzzzzzzzz\n", .batch = 1, .element_bytes = 2},
         "there is no model 'zzzzzzzzzzz\\x0A', allowed are");
  refuse(bench, (struct workload_request){.name = "../models/bert-base", .batch = 1, .element_bytes = 2},
         "there is no model");
  refuse(bench, (struct workload_request){.name = "m", .batch = 1, .element_bytes = 2, .data_folder = "tests/none"},
         "tests/none/workloads/models: cannot list the model files");
  refuse(bench, (struct workload_request){.name = graph, .batch = 7, .element_bytes = 2}, "batch: is 7, but the batch");
  refuse(bench, (struct workload_request){.name = graph, .batch = 1, .element_bytes = 2, .sets = &set, .n_sets = 1},
         "layers: a graph file has no keys to set");
  refuse(bench, (struct workload_request){.name = "none.cfg", .batch = 1, .element_bytes = 2}, "none.cfg");
}

static void test_unknown_kind(void **state) {
  struct bench *const bench = *state;
  char path[] = P_tmpdir "/dse-workload-XXXXXX.cfg";
  const int file = mkstemps(path, 4);
  assert_true(file >= 0);
  assert_int_equal(write(file, "\nkind = \"frob\";\n", 16), 16);
  close(file);
  refuse(bench, (struct workload_request){.name = path, .batch = 1, .element_bytes = 2},
         ":2: kind: there is no kind 'frob' of model, allowed are decoder, encoder");
  unlink(path);
}

static void test_graph(void **state) {
  struct bench *const bench = *state;
  static const char graph[] = "tests/data/wham/graphs/llama2_mbs_4_sl_4096.json";
  assert_true(load(bench, (struct workload_request){.name = graph, .batch = 1, .element_bytes = 2}));
  assert_string_equal(bench->workload.kind, "graph");
  assert_string_equal(bench->workload.sample, "trace");
  assert_string_equal(bench->workload.name, "llama2_mbs_4_sl_4096");
  /* Export, and back to the same digest: of a trace and of a generated graph. */
  char path[] = P_tmpdir "/dse-workload-XXXXXX.json";
  close(mkstemps(path, 5));
  for (size_t i = 0; i < 2; i++) {
    if (i == 1) assert_true(load(bench, (struct workload_request){.name = "gnmt4", .batch = 3, .element_bytes = 2}));
    const struct digest digest = bench->workload.graph.digest;
    assert_true(workload_export_json(&bench->workload.graph, "out", path, &bench->error));
    assert_true(load(bench, (struct workload_request){.name = path, .batch = 1, .element_bytes = 4}));
    assert_true(digest_equal(bench->workload.graph.digest, digest));
  }
  unlink(path);
}

static void test_list(void **state) {
  struct bench *const bench = *state;
  const char *const *names;
  size_t n;
  assert_true(workload_list(".", &bench->arena, &names, &n, &bench->error));
  assert_true(n >= 11);
  bool found = false;
  for (size_t i = 0; i < n; i++) {
    found |= strcmp(names[i], "llama3.1-405b") == 0;
    if (i > 0) assert_true(strcmp(names[i - 1], names[i]) < 0);
  }
  assert_true(found);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_model), TEST(test_refused), TEST(test_unknown_kind), TEST(test_graph),
                                     TEST(test_list)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
