/* Does the builder lay out what it was given, and does contraction keep it together? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/workload_bench.h"
#include "workloads/op_graph.h"
#include <string.h>

static struct op relu(uint64_t elements) {
  struct op op = op_new(OP_RELU, 2);
  op.dim[DIM_ELEMENTS] = elements;
  op.in_bytes = op.out_bytes = 2 * elements;
  return op;
}

/* in(100 B) → a → b, in → view(40 B) → c reads a, view, view; b and c end. */
static void build(struct bench *bench, const char *name, uint64_t elements, struct op_graph *graph) {
  struct graph_builder *const builder = graph_builder_new(&bench->scratch);
  struct op input = op_new(OP_INPUT, 2), view = op_new(OP_VIEW, 2);
  input.out_bytes = 100;
  input.kept_bytes = 77;
  view.out_bytes = 40;
  view.layer = 3;
  const struct op a = relu(50), b = relu(elements), c = relu(50);
  const uint32_t in = graph_builder_add(builder, &input, "in", NULL, 0);
  const uint32_t at = graph_builder_add(builder, &a, name, &in, 1);
  const uint32_t seen = graph_builder_add(builder, &view, "view", &at, 1);
  graph_builder_follow(builder, &(struct op_follower){.kind = OP_TANH, .elements = 9});
  graph_builder_add(builder, &b, "b", &at, 1);
  graph_builder_add(builder, &c, "c", (const uint32_t[]){at, seen, seen}, 3);
  assert_int_equal(graph_builder_count(builder), 5);
  struct error error = {0};
  assert_true(graph_builder_finish(builder, &bench->arena, graph, &error));
}

static void test_layout(void **state) {
  struct op_graph graph;
  build(*state, "a", 23, &graph);
  assert_int_equal(graph.n_ops, 5);
  assert_int_equal(graph.n_edges, 6);
  assert_int_equal(graph.n_followers, 1);
  static const uint32_t pred_start[] = {0, 0, 1, 2, 3, 6}, preds[] = {0, 1, 1, 1, 2, 2};
  static const uint32_t succ_start[] = {0, 1, 4, 6, 6, 6}, succs[] = {1, 2, 3, 4, 4, 4};
  static const uint64_t bytes[] = {100, 100, 100, 100, 40, 40};
  assert_memory_equal(graph.pred_start, pred_start, sizeof pred_start);
  assert_memory_equal(graph.preds, preds, sizeof preds);
  assert_memory_equal(graph.succ_start, succ_start, sizeof succ_start);
  assert_memory_equal(graph.succs, succs, sizeof succs);
  assert_memory_equal(graph.pred_bytes, bytes, sizeof bytes);
  assert_string_equal(op_name(&graph, 2), "view");
  assert_int_equal(graph.ops[3].n_followers, 1);
  assert_int_equal(graph.ops[4].n_followers, 0);
  /* a and c cost the same; input, view and b do not. */
  assert_int_equal(graph.n_shapes, 4);
  assert_int_equal(graph.ops[4].shape, graph.ops[1].shape);
  assert_int_equal(graph.shape_op[graph.ops[4].shape], 1);
}

static void test_digest(void **state) {
  struct op_graph graph, renamed, other;
  build(*state, "a", 23, &graph);
  build(*state, "another name", 23, &renamed);
  build(*state, "a", 24, &other);
  assert_true(digest_equal(graph.digest, renamed.digest));
  assert_false(digest_equal(graph.digest, other.digest));
}

static void test_contract(void **state) {
  struct bench *const bench = *state;
  struct op_graph graph, out;
  struct error error = {0};
  uint64_t free_kept_bytes = 5;
  build(bench, "a", 23, &graph);
  assert_true(graph_contract(&graph, &bench->arena, &bench->scratch, &out, &free_kept_bytes, &error));
  assert_int_equal(free_kept_bytes, 82);
  assert_int_equal(out.n_ops, 3);
  static const uint32_t pred_start[] = {0, 0, 1, 4}, preds[] = {0, 0, 0, 0};
  static const uint64_t bytes[] = {100, 100, 40, 40}; /* through the view no more than the view */
  assert_memory_equal(out.pred_start, pred_start, sizeof pred_start);
  assert_memory_equal(out.preds, preds, sizeof preds);
  assert_memory_equal(out.pred_bytes, bytes, sizeof bytes);
  assert_string_equal(op_name(&out, 1), "b");
  assert_int_equal(out.ops[1].n_followers, 1);
}

static void test_macs(void **state) {
  (void)state;
  struct op op = op_new(OP_GEMM, 2);
  op.dim[DIM_REPS] = 3;
  op.dim[DIM_M] = 5;
  op.dim[DIM_N] = 7;
  op.dim[DIM_K] = 11;
  assert_int_equal(op_macs(&op), 3 * 5 * 7 * 11);
  op.dim[DIM_M] = UINT64_C(1) << 60;
  assert_true(op_macs(&op) == UINT64_MAX);
  op.dim[DIM_K] = 0;
  assert_int_equal(op_macs(&op), 0);
  /* ResNet's first convolution: 7×7/2 with padding 3 of 224×224×3 to 64 channels (workloads §6). */
  op = op_new(OP_CONV, 2);
  const uint64_t dims[OP_DIMS] = {1, 3, 224, 224, 64, 7, 7, 2, 3, 3, 1, 1};
  memcpy(op.dim, dims, sizeof dims);
  assert_int_equal(op_conv_out_height(&op), 112);
  assert_int_equal(op_macs(&op), 118013952);
  op.dim[DIM_FILTER_HEIGHT] = 231;
  assert_int_equal(op_conv_out_height(&op), 0);
  const struct op vector = relu(17);
  assert_int_equal(op_macs(&vector), 0);
}

static void test_too_large(void **state) {
  struct bench *const bench = *state;
  struct graph_builder *const builder = graph_builder_new(&bench->scratch);
  const struct op op = relu(3);
  uint32_t *const row = ARENA_NEW(&bench->scratch, uint32_t, 1 << 20);
  for (size_t i = 0; i < 10; i++) graph_builder_add(builder, &op, "wide", row, i == 0 ? 0 : 1 << 20);
  struct op_graph graph;
  struct error error = {0};
  assert_false(graph_builder_finish(builder, &bench->arena, &graph, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  assert_non_null(strstr(error.text, "too large"));
}

static void test_totals(void **state) {
  struct op_graph graph;
  struct graph_totals totals;
  build(*state, "a", 23, &graph);
  graph_totals(&graph, &totals);
  assert_int_equal(totals.ops[PHASE_FORWARD], 3);
  assert_int_equal(totals.stash_bytes, 77);
  assert_int_equal(totals.parameters, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {TEST(test_layout), TEST(test_digest),    TEST(test_contract),
                                     TEST(test_macs),   TEST(test_too_large), TEST(test_totals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
