/* What does a trace say beside its operators? Sizes by layer of a small trace, and what is no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/workload_bench.h"
#include "workloads/json_graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const marks[] = {"head", "norm", NULL};

static bool facts_of(struct bench *bench, const char *text, struct trace_facts *facts) {
  char path[] = "/tmp/dse_facts_XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  bench->error = (struct error){0};
  const bool read = json_graph_facts(path, marks, &bench->arena, &bench->scratch, facts, &bench->error);
  unlink(path);
  return read;
}

/* Two layers behind an embedding: the first output is read twice by layer 0 and once by layer 1; a view and a fact
 * count; layer 2 has nothing in it. */
static const char trace[] = "{\"model\":\"tiny\",\"tmp_width\":3,\"nodes\":["
                            "{\"id\":9,\"layer\":-1,\"op\":\"input\",\"out\":[[5,7]]},"
                            "{\"id\":2,\"layer\":-1,\"op\":\"embedding\",\"out\":[[5,7,11]]},"
                            "{\"id\":3,\"layer\":0,\"op\":\"relu\",\"out\":[[5,7,11]]},"
                            "{\"id\":4,\"layer\":0,\"op\":\"add\",\"name\":\"head\",\"out\":[[5,7,11],[2]]},"
                            "{\"id\":5,\"layer\":1,\"op\":\"size\",\"out\":[[]]},"
                            "{\"id\":6,\"layer\":1,\"op\":\"add\",\"out\":[[5,7,11]]},"
                            "{\"id\":7,\"layer\":3,\"op\":\"view\",\"out\":[[385]]}],"
                            "\"edges\":[[9,2],[2,3],[2,4],[3,4],[4,5],[4,6],[2,6],[6,7]]}";

static void test_layers(void **state) {
  struct bench *bench = *state;
  struct trace_facts facts;
  if (!facts_of(bench, trace, &facts)) fail_msg("%s", bench->error.text);
  assert_string_equal(facts.model, "tiny");
  assert_int_equal(facts.ranks, 3);
  assert_int_equal(facts.samples, 5);
  assert_int_equal(facts.n_layers, 4);
  assert_int_equal(facts.outside->n_nodes, 2);
  assert_int_equal(facts.outside->output_elements, 35 + 385);
  assert_int_equal(facts.outside->input_elements, 0);
  static const uint64_t wanted[4][3] = {{2, 385 + 387, 385}, {2, 1 + 385, 387 + 385}, {0, 0, 0}, {1, 385, 385}};
  for (size_t l = 0; l < 4; l++) {
    assert_int_equal(facts.layers[l].n_nodes, wanted[l][0]);
    assert_int_equal(facts.layers[l].output_elements, wanted[l][1]);
    assert_int_equal(facts.layers[l].input_elements, wanted[l][2]);
  }
  assert_int_equal(facts.n_once, 0); /* several layers: nothing is repeated */
}

/* Of a single layer, a marked norm and all that depends on it; the weight of a marked name too. */
static void test_once(void **state) {
  struct bench *bench = *state;
  struct trace_facts facts;
  if (!facts_of(bench,
                "{\"nodes\":[{\"id\":1,\"layer\":-1,\"op\":\"input\",\"name\":\"head\",\"out\":[[3,5]]},"
                "{\"id\":2,\"layer\":0,\"op\":\"relu\",\"out\":[[3,7]]},"
                "{\"id\":3,\"layer\":0,\"op\":\"layernorm\",\"name\":\"a.norm\",\"out\":[[3,11]]},"
                "{\"id\":4,\"layer\":0,\"op\":\"relu\",\"out\":[[3,13]]},"
                "{\"id\":5,\"layer\":0,\"op\":\"relu\",\"name\":\"b.head\",\"out\":[[3,17]]},"
                "{\"id\":6,\"layer\":0,\"op\":\"relu\",\"out\":[[3,19]]}],"
                "\"edges\":[[1,2],[2,3],[2,6],[3,4],[5,4]]}",
                &facts))
    fail_msg("%s", bench->error.text);
  assert_int_equal(facts.n_layers, 1);
  static const int64_t wanted[] = {3, 4, 5};
  assert_int_equal(facts.n_once, 3);
  assert_memory_equal(facts.once_ids, wanted, sizeof wanted);
  assert_int_equal(facts.once->n_nodes, 3);
  assert_int_equal(facts.once->output_elements, 3 * (11 + 13 + 17));
  assert_int_equal(facts.once->input_elements, 21);
  assert_int_equal(facts.layers[0].output_elements, 3 * (7 + 19));
  assert_int_equal(facts.layers[0].input_elements, 15);
  assert_int_equal(facts.outside->n_nodes, 1);
}

static void test_nothing_said(void **state) {
  struct bench *bench = *state;
  struct trace_facts facts;
  assert_true(facts_of(bench, "{\"nodes\":[{\"id\":4,\"op\":\"relu\"}],\"edges\":[]}", &facts));
  assert_string_equal(facts.model, "");
  assert_int_equal(facts.ranks, 1);
  assert_int_equal(facts.samples, 1);
  assert_int_equal(facts.n_layers, 0);
  assert_int_equal(facts.outside->n_nodes, 1);
}

static void test_errors(void **state) {
  struct bench *bench = *state;
  struct trace_facts facts;
  static const char *const rows[][2] = {
      {"{", "is not JSON"},
      {"[]", "must be a group"},
      {"{\"nodes\":[],\"edges\":[]}", "nodes: must be a list"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"}]}", "edges: must be a list"},
      {"{\"tmp_width\":0,\"nodes\":[{\"id\":4,\"op\":\"relu\"}],\"edges\":[]}", "tmp_width: must be"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\",\"dse\":{}}],\"edges\":[]}", "is an export of this program"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_false(facts_of(bench, rows[i][0], &facts));
    assert_int_equal(bench->error.status, STATUS_INPUT);
    if (strstr(bench->error.text, rows[i][1]) == NULL) fail_msg("%s: %s", rows[i][1], bench->error.text);
  }
  bench->error = (struct error){0};
  assert_false(json_graph_facts("/nowhere/at/all.json", NULL, &bench->arena, &bench->scratch, &facts, &bench->error));
  assert_int_equal(bench->error.status, STATUS_ENVIRONMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_layers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_once, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nothing_said, setup, teardown),
      cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
