/* Is every graph file read as it should be, and every broken one refused with its place? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/workload_bench.h"
#include "workloads/json_graph.h"
#include "workloads/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse(struct bench *bench, const char *text) {
  bench->error = (struct error){0};
  return json_graph_parse("g.json", text, strlen(text), 2, &bench->arena, &bench->scratch, &bench->graph,
                          &bench->error);
}

static const struct op *find(const struct bench *bench, const char *name) {
  for (size_t i = 0; i < bench->graph.n_ops; i++)
    if (strcmp(op_name(&bench->graph, i), name) == 0) return &bench->graph.ops[i];
  fail_msg("no op %s", name);
  return NULL;
}

static void test_errors(void **state) {
  struct bench *const bench = *state;
  static const struct {
    const char *text, *message;
  } rows[] = {
      {"{", "g.json:1: is not JSON: "},
      {"[]", "g.json: must be a group"},
      {"{\"nodes\":[],\"edges\":[]}", "nodes: must be a list of 1 to 1000000"},
      {"{\"nodes\":[3],\"edges\":[]}", "nodes[0]: must be a group with an integer `id`"},
      {"{\"nodes\":[{\"id\":4,\"name\":\"n\"}],\"edges\":[]}", "node 4 'n': op: is missing"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\",\"layer\":-2}],\"edges\":[]}", "layer: must be an integer in -1"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\",\"out\":3}],\"edges\":[]}", "out: must be a list of shapes"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\",\"out\":[3]}],\"edges\":[]}", "a shape must be a list of at most 16"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\",\"out\":[[-7]]}],\"edges\":[]}", "a dimension must be an integer in 0"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\",\"out\":[[2147483647,2147483647]]}],\"edges\":[]}", "at most 2^48"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"},{\"id\":4,\"op\":\"relu\"}],\"edges\":[]}",
       "node 4 '': id: is not uniq"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"}]}", "edges: must be a list"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"}],\"edges\":[[4]]}", "edges[0]: must be [from, to]"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"}],\"edges\":[[4,5]]}", "edges[0]: its end 1 is not the id of a node"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"}],\"edges\":[[4,4]]}", "node 4 '': edges: lies on a cycle"},
      {"{\"nodes\":[{\"id\":1,\"op\":\"relu\"},{\"id\":4,\"op\":\"relu\"},{\"id\":9,\"op\":\"relu\"}],"
       "\"edges\":[[1,4],[4,1],[4,9]]}",
       "edges: lies on a cycle"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"frob\",\"name\":\"a\\u0007\"}],\"edges\":[]}",
       "node 4 'a\\x07' (frob): unknown op"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"linear\",\"inp\":[[3,5]],\"weight\":[[7,4]]}],\"edges\":[]}",
       "node 4 '' (linear): its shapes do not make such an op"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"bmm\",\"inp\":[[2,3,5],[2,4,7]]}],\"edges\":[]}", "its shapes do not make"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"conv2d\",\"inp\":[[1,4,9,9]],\"weight\":[[8,3,3,3]],\"out\":[[1,8,9,9]]}],"
       "\"edges\":[]}",
       "its shapes do not make"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"bmm\",\"inp\":[[4194304,4194304],[4194304,4194304]]}],\"edges\":[]}",
       "2^64 multiply-accumulates"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"relu\"}],\"edges\":[],\"tmp_width\":0}", "tmp_width: must be an integer in 1"},
      {"{\"nodes\":[{\"id\":4,\"op\":\"gemm\",\"dse\":{}}],\"edges\":[]}", "dse: is not an exported operator"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    assert_false(parse(bench, rows[i].text));
    assert_int_equal(bench->error.status, STATUS_INPUT);
    if (strstr(bench->error.text, rows[i].message) == NULL)
      fail_msg("for %s\n expected %s\n got %s", rows[i].text, rows[i].message, bench->error.text);
  }
}

static void test_limits(void **state) {
  struct bench *const bench = *state;
  char deep[200];
  memset(deep, '[', sizeof deep - 1);
  deep[sizeof deep - 1] = '\0';
  assert_false(parse(bench, deep));
  assert_non_null(strstr(bench->error.text, "nested too deeply, allowed are 64"));
  const size_t n = 9000000;
  char *const wide = malloc(n);
  assert_non_null(wide);
  memset(wide, ',', n);
  bench->error = (struct error){0};
  assert_false(json_graph_parse("g.json", wide, n, 2, &bench->arena, &bench->scratch, &bench->graph, &bench->error));
  assert_non_null(strstr(bench->error.text, "too many values"));
  free(wide);
  bench->error = (struct error){0};
  assert_false(json_graph_parse("g.json", deep, (size_t)JSON_GRAPH_MAX_BYTES + 1, 2, &bench->arena, &bench->scratch,
                                &bench->graph, &bench->error));
  assert_non_null(strstr(bench->error.text, "bytes are too many"));
  assert_false(
      json_graph_load("tests/data/none.json", 2, &bench->arena, &bench->scratch, &bench->graph, &bench->error));
}

/* The weight as a node of its own, seen through `t`; first in the row of predecessors, as traces have it; tied. */
static void test_weights(void **state) {
  struct bench *const bench = *state;
  assert_true(
      parse(bench,
            "{\"tmp_width\":8,\"nodes\":["
            "{\"id\":7,\"op\":\"matmul\",\"name\":\"head\",\"inp\":[[5,3,11],[11,13]],\"out\":[[5,3,13]]},"
            "{\"id\":1,\"op\":\"getattr\",\"kind\":\"get_attr\",\"name\":\"w\",\"weight\":[[13,11]],\"out\":[[13,11]]},"
            "{\"id\":2,\"op\":\"t\",\"inp\":[[13,11]],\"out\":[[11,13]]},"
            "{\"id\":3,\"op\":\"input\",\"out\":[[5,3]]},"
            "{\"id\":4,\"op\":\"embedding\",\"inp\":[[5,3],[13,11]],\"out\":[[5,3,11]]},"
            "{\"id\":5,\"op\":\"size\",\"inp\":[[13,11]],\"out\":[[13,11]]},"
            "{\"id\":9,\"layer\":0,\"op\":\"reduce_from_tensor_model_parallel_region\",\"out\":[[5,3,13]]}],"
            "\"edges\":[[1,2],[2,7],[4,7],[3,4],[1,4],[1,5],[7,9]]}"));
  assert_int_equal(bench->graph.n_ops, 7);
  const struct op *const head = find(bench, "head#7"), *const table = find(bench, "embedding#4");
  assert_true(head->weighted);
  assert_int_equal(head->dim[DIM_M], 15);
  assert_int_equal(head->dim[DIM_N], 13);
  assert_int_equal(head->dim[DIM_K], 11);
  assert_int_equal(head->in_bytes, 15 * 11 * 2);
  assert_int_equal(head->weight_bytes, 13 * 11 * 2);
  assert_int_equal(table->n_parameters, 143); /* the first that uses it */
  assert_int_equal(head->n_parameters, 0);
  assert_true(head->weight_group != OP_ABSENT && head->weight_group == table->weight_group);
  const struct op *const link = find(bench, "reduce_from_tensor_model_parallel_region#9");
  assert_int_equal(link->kind, OP_ALL_REDUCE);
  assert_int_equal(link->dim[DIM_RANKS], 8);
  assert_int_equal(link->dim[DIM_BYTES], 15 * 13 * 2);
  assert_int_equal(link->layer, 0);
  assert_true(head->layer == OP_ABSENT);
}

static void test_bounds(void **state) {
  struct bench *const bench = *state;
  assert_true(parse(
      bench, "{\"nodes\":["
             "{\"id\":1,\"op\":\"Conv2d\",\"inp\":[[2,6,17,13],[6,1,3,3]],\"weight\":[[6,1,3,3]],\"out\":[[2,6,9,7]]},"
             "{\"id\":2,\"op\":\"bmm\",\"inp\":[[3,5,7],[3,7,11]],\"out\":[[3,5,11]]},"
             "{\"id\":3,\"op\":\"matmul\",\"inp\":[[2,1,5,7],[3,7,11]],\"out\":[[2,3,5,11]]},"
             "{\"id\":4,\"op\":\"mean\",\"inp\":[[3,5]],\"out\":[[3,1]]},"
             "{\"id\":5,\"op\":\"outer\",\"inp\":[[5],[7]],\"out\":[[5,7]]},"
             "{\"id\":6,\"op\":\"mul\",\"inp\":[[3,1],[3,5,11]],\"out\":[[3,5,11]]},"
             "{\"id\":7,\"op\":\"getitem\",\"out\":[[5,0]]},"
             "{\"id\":8,\"op\":\"softmax\",\"out\":[[5,3,7]]},"
             "{\"id\":9,\"op\":\"batchnorm2d\",\"inp\":[[2,6,9,7]],\"out\":[[2,6,9,7]]}],"
             "\"edges\":[[4,6],[2,6]]}"));
  const struct op *const conv = find(bench, "Conv2d#1");
  assert_int_equal(conv->kind, OP_DEPTHWISE);
  assert_int_equal(conv->dim[DIM_STRIDE], 2);
  assert_int_equal(conv->dim[DIM_PAD_HEIGHT], 1);
  assert_int_equal(op_macs(conv), 2 * 6 * 9 * 7 * 9);
  assert_int_equal(conv->n_parameters, 54);
  assert_int_equal(op_macs(find(bench, "bmm#2")), 3 * 5 * 7 * 11);
  assert_int_equal(find(bench, "matmul#3")->dim[DIM_REPS], 3);
  assert_int_equal(find(bench, "mean#4")->dim[DIM_ELEMENTS], 15);
  assert_int_equal(find(bench, "mean#4")->dim[DIM_ROW], 5);
  assert_int_equal(op_macs(find(bench, "outer#5")), 35);
  const struct op *const mul = find(bench, "mul#6");
  assert_int_equal(mul->dim[DIM_OPERANDS], 2);
  assert_int_equal(mul->dim[DIM_X_ELEMENTS], 3); /* in the order of the edges */
  assert_int_equal(mul->dim[DIM_X_RANK], 2);
  assert_int_equal(mul->dim[DIM_Y_ELEMENTS], 165);
  assert_int_equal(mul->dim[DIM_Y_RANK], 3);
  assert_int_equal(find(bench, "getitem#7")->out_bytes, 0);
  assert_int_equal(find(bench, "softmax#8")->dim[DIM_ROW], 7);
  assert_int_equal(find(bench, "batchnorm2d#9")->dim[DIM_ROW], 2 * 9 * 7); /* a channel of both images */
}

/* Counts of workloads §5, and weights of the 7B model with one traced layer by hand. */
static void test_public_graphs(void **state) {
  struct bench *const bench = *state;
  static const struct {
    const char *name;
    size_t n_ops, n_edges;
    uint64_t parameters;
  } rows[] = {
      {"bertlarge_mbs_1_sl_512", 1020, 1242, 335141888},
      {"llama2_mbs_4_sl_4096", 158, 205, 2 * 32000 * 4096 + 4 * 4096 * 4096 + 3 * 11008 * 4096 + 3 * 4096},
      {"llama2_mbs_1_sl_4096", 158, 205, 2 * 32000 * 4096 + 4 * 4096 * 4096 + 3 * 11008 * 4096 + 3 * 4096},
      {"megatrongpt3_mbs_1_sl_2048_tmp_8_ep_1_cp_1", 156, 203,
       6400 * 12288 + 2048 * 12288 + 3 * 2 * 12288 + 4608 * 12289 + 1536 * 12288 + 12288 + 6144 * 12289 + 6144 * 12288 +
           12288},
      {"mixtral_mbs_1_sl_4096_tmp_1_ep_4_cp_1", 345, 467, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[128];
    snprintf(path, sizeof path, "tests/data/wham/graphs/%s.json", rows[i].name);
    if (!json_graph_load(path, 2, &bench->arena, &bench->scratch, &bench->graph, &bench->error))
      fail_msg("%s", bench->error.text);
    assert_int_equal(bench->graph.n_ops, rows[i].n_ops);
    assert_int_equal(bench->graph.n_edges, rows[i].n_edges);
    struct graph_totals totals, trained;
    graph_totals(&bench->graph, &totals);
    if (rows[i].parameters > 0) assert_int_equal(totals.parameters, rows[i].parameters);
    /* And through the whole flow. */
    const struct training_settings settings = {OPTIMIZER_ADAM,     FUSION_COMPAT,       false, true, 2, 4, 4,
                                               ATTENTION_SEPARATE, SELECTIVE_ATTENTION, 4,     25};
    struct op_graph training, fused, contracted;
    uint64_t kept = 0;
    assert_true(training_expand(&bench->graph, &settings, &bench->arena, &bench->scratch, &training, &bench->error));
    assert_true(fusion_apply(&training, &bench->arena, &bench->scratch, &fused, &bench->error));
    assert_true(graph_contract(&fused, &bench->arena, &bench->scratch, &contracted, &kept, &bench->error));
    graph_totals(&contracted, &trained);
    assert_int_equal(trained.macs[PHASE_FORWARD], totals.macs[PHASE_FORWARD]);
    assert_true(trained.macs[PHASE_BACKWARD_WEIGHT] > 0);
  }
}

static void round_trip(struct bench *bench, const char *path) {
  struct op_graph again;
  const char *text;
  size_t n;
  assert_true(json_graph_load(path, 2, &bench->arena, &bench->scratch, &bench->graph, &bench->error));
  assert_true(json_graph_write(&bench->graph, "odd \x01 name", &bench->arena, &text, &n, &bench->error));
  if (!json_graph_parse("export", text, n, 4, &bench->arena, &bench->scratch, &again, &bench->error))
    fail_msg("%s", bench->error.text);
  assert_true(digest_equal(bench->graph.digest, again.digest));
  assert_string_equal(op_name(&bench->graph, 17), op_name(&again, 17));
}

static void test_export(void **state) {
  struct bench *const bench = *state;
  round_trip(bench, "tests/data/wham/graphs/megatrongpt3_mbs_1_sl_2048_tmp_8_ep_1_cp_1.json");
  round_trip(bench, "tests/data/wham/graphs/bertlarge_mbs_1_sl_512.json");
  struct op_graph fused;
  const char *text;
  size_t n;
  assert_true(fusion_apply(&bench->graph, &bench->arena, &bench->scratch, &fused, &bench->error));
  assert_false(json_graph_write(&fused, "fused", &bench->arena, &text, &n, &bench->error));
  assert_non_null(strstr(bench->error.text, "cannot be written, allowed are forward operators, not fused"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_errors), TEST(test_limits),        TEST(test_weights),
                                     TEST(test_bounds), TEST(test_public_graphs), TEST(test_export)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
