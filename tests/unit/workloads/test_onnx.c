/* Does the ONNX importer say what is wrong with a file, and do its rules hold where real files do not go?
 *
 * Files are written here field by field, as onnx.proto numbers them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "tests/fuzz/fuzz_onnx.c"
#include "tests/fuzz_corpus.h"
#include "tests/unit/workloads/onnx_file.h"

static const int64_t filter[] = {6, 4, 3, 1};

static void test_broken_bytes(void **state) {
  (void)state;
  assert_false(parse_bytes(NULL, 0, false, NULL));
  says("is empty");
  assert_false(parse_bytes((const uint8_t[]){0x3a, 0x05, 0x0a}, 3, false, NULL));
  says("byte 0: a field is longer than what holds it");
  assert_false(parse_bytes((const uint8_t[]){0x08, 0xff}, 2, false, NULL));
  says("a number is cut off");
  assert_false(parse_bytes((const uint8_t[]){0x0b}, 1, false, NULL));
  says("of no type that ONNX has");
  assert_false(parse_bytes((const uint8_t[]){0x08, 0x07}, 2, false, NULL));
  says("has no graph");
}

/* graph → node → attribute → graph …, 60 kB of it. */
static void test_deep_nesting(void **state) {
  (void)state;
  static struct bytes inner, outer;
  inner.n = 0;
  for (size_t depth = 0; depth < 2001; depth++) {
    static const unsigned fields[] = {6, 5, 1};
    outer.n = 0;
    put_bytes(&outer, fields[depth % 3], inner.at, inner.n);
    inner = outer;
  }
  outer.n = 0;
  put_bytes(&outer, 7, inner.at, inner.n);
  assert_false(parse_bytes(outer.at, outer.n, false, NULL));
  says("messages lie more than 64 deep");
}

static void test_bad_graphs(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "1,4");
  put_node(&graph, "Add x b -> a", NULL);
  put_node(&graph, "Relu a -> b", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (Add): lies on or behind a cycle");
  start();
  put_value(&graph, 11, "x", 1, "1,4");
  put_node(&graph, "Add x nothing -> a", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("'nothing', which no node puts out");
  put_node(&graph, "Relu x -> a", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("'a': is put out twice");
  start();
  put_value(&graph, 11, "x", 1, "1,4000000000");
  put_node(&graph, "Relu x -> a", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("dimension below 1 or above 2147483647");
  start();
  put_value(&graph, 11, "x", 1, "1,2000000000,2000000000");
  put_node(&graph, "Relu x -> a", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("more than 2^48 elements");
  start();
  put_value(&graph, 11, "x", 1, "1,1,1,1,1,1,1,1,1");
  put_node(&graph, "Relu x -> a", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("more than 8 dimensions");
  start();
  put_value(&graph, 11, "x", 1, "2,3");
  put_value(&graph, 11, "y", 1, "2,5");
  put_node(&graph, "Add x y -> a", NULL);
  assert_false(parse(&graph, 13, false, &(const struct config_set){"inputs", "x,y"}));
  says("its operands do not broadcast: 3 against 5");
  assert_false(parse(&graph, 6, false, NULL));
  says("operator set 6, allowed are 7 to 24");
}

static void test_symbols(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "batch,sequence,7");
  put_node(&graph, "Relu x -> a", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("input 'x': dimension 1 is the symbol 'sequence'; write --set sequence=N");
  assert_true(parse(&graph, 13, false, &(const struct config_set){"seq", "11"}));
  assert_int_equal(trial.workload.graph.ops[1].dim[DIM_ELEMENTS], 77);
  assert_string_equal(trial.notes.inputs[0], "x [batch=1,sequence=11,7]");
  end();
  assert_false(parse(&graph, 13, false, &(const struct config_set){"length", "11"}));
  says("length: no input has such a symbol");
  /* Dimensions that have no name go by that of their input; -1 is none. */
  start();
  put_value(&graph, 11, "x", 1, "-1,-1,5");
  put_node(&graph, "Relu x -> y", NULL);
  put_value(&graph, 12, "y", 1, "-1,-1,5");
  assert_false(parse(&graph, 13, false, NULL));
  says("input 'x': dimension 1 is the symbol 'x.1'; write --set x.1=N");
  asked_batch = 3;
  assert_true(parse(&graph, 13, false, &(struct config_set){"x.1", "7"}));
  assert_int_equal(trial.workload.graph.ops[trial.workload.graph.n_ops - 1].dim[DIM_ELEMENTS], 3 * 7 * 5);
  end();
  start();
  put_value(&graph, 11, "x", 1, "-2,5");
  put_node(&graph, "Relu x -> y", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("dimension below 1 or above 2147483647");
}

/* Different strides and one-sided padding: outputs and products are the convolution's, whatever bounds stand for it. */
static void test_uneven_convolution(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "1,8,20,9");
  put_initializer(&graph, "w", 1, 4, filter, 0, NULL);
  put_ints(&attributes, "strides", 2, (const int64_t[]){3, 2});
  put_ints(&attributes, "pads", 4, (const int64_t[]){2, 0, 1, 1});
  put_ints(&attributes, "group", 1, (const int64_t[]){2});
  put_node(&graph, "Conv x w -> a", &attributes);
  if (!parse(&graph, 13, false, NULL)) fail_msg("%s", trial.error.text);
  const struct op *const conv = &trial.workload.graph.ops[1];
  assert_int_equal(op_conv_out_height(conv), 7); /* ⌊(20 + 3 − 3)/3⌋ + 1 */
  assert_int_equal(op_conv_out_width(conv), 5);  /* ⌊(9 + 1 − 1)/2⌋ + 1 */
  assert_int_equal(op_macs(conv), 7 * 5 * 6 * 4 * 3);
  assert_int_equal(trial.totals.parameters, 6 * 4 * 3);
  assert_int_equal(conv->out_bytes, 7 * 5 * 6 * 2);
  end();
}

/* One weight read by two products is one parameter, in one group. */
static void test_shared_weight(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "5,7");
  put_initializer(&graph, "w", 1, 2, (const int64_t[]){7, 7}, 0, NULL);
  put_node(&graph, "MatMul x w -> a", NULL);
  put_node(&graph, "MatMul a w -> b", NULL);
  if (!parse(&graph, 13, false, NULL)) fail_msg("%s", trial.error.text);
  const struct op *const ops = trial.workload.graph.ops;
  assert_int_equal(trial.totals.parameters, 49);
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 2 * 5 * 49);
  assert_int_not_equal(ops[1].weight_group, OP_ABSENT);
  assert_int_equal(ops[1].weight_group, ops[2].weight_group);
  end();
}

static void test_lstm(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "5,3,10");
  put_initializer(&graph, "w", 1, 3, (const int64_t[]){2, 28, 10}, 0, NULL);
  put_initializer(&graph, "r", 1, 3, (const int64_t[]){2, 28, 7}, 0, NULL);
  put_initializer(&graph, "b", 1, 2, (const int64_t[]){2, 56}, 0, NULL);
  put_node(&graph, "LSTM x w r b -> y", NULL);
  if (!parse(&graph, 14, false, NULL)) fail_msg("%s", trial.error.text);
  assert_int_equal(trial.totals.parameters, 2 * (28 * 17 + 56));
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 2 * 5 * 3 * 28 * 17); /* 4h(in + h) a token and direction */
  end();
}

static void test_unknown_operator(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "5,7");
  put_node(&graph, "Frobnicate x -> a", NULL);
  put_node(&graph, "Frobnicate a -> b", NULL);
  assert_true(parse(&graph, 13, false, NULL));
  assert_int_equal(trial.notes.n_unknown, 1);
  assert_string_equal(trial.notes.unknown[0].type, "Frobnicate");
  assert_string_equal(trial.notes.unknown[0].first, "here");
  assert_int_equal(trial.notes.unknown[0].n_nodes, 2);
  assert_int_equal(trial.workload.graph.ops[2].dim[DIM_ELEMENTS], 35);
  end();
  assert_false(parse(&graph, 13, true, NULL));
  says("node 0 'here' (Frobnicate): there is no rule for this operator");
}

/* A shape that depends on the data, and one whose numbers are given. */
static void test_reshape(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "4,6");
  put_value(&graph, 11, "s", 7, "2");
  put_node(&graph, "Reshape x s -> a", NULL);
  assert_false(parse(&graph, 13, false, &(const struct config_set){"inputs", "x,s"}));
  says("depends on the data");
  start();
  put_value(&graph, 11, "x", 1, "4,6");
  put_initializer(&graph, "s", 7, 1, (const int64_t[]){3}, 3, (const int64_t[]){2, -1, 3});
  put_node(&graph, "Reshape x s -> a", NULL);
  put_node(&graph, "Softmax a -> b", NULL);
  if (!parse(&graph, 13, false, NULL)) fail_msg("%s", trial.error.text);
  assert_int_equal(trial.workload.graph.ops[2].dim[DIM_ROW], 3);
  end();
}

/* Statistics of a batch norm are over a channel of all images. */
static void test_batch_norm(void **state) {
  (void)state;
  start();
  put_value(&graph, 11, "x", 1, "4,6,5,7");
  put_initializer(&graph, "s", 1, 1, (const int64_t[]){6}, 0, NULL);
  put_node(&graph, "BatchNormalization x s s s s -> a", NULL);
  put_node(&graph, "Relu a -> b", NULL);
  if (!parse(&graph, 13, false, NULL)) fail_msg("%s", trial.error.text);
  const struct op *const ops = trial.workload.graph.ops;
  assert_int_equal(ops[1].kind, OP_BATCH_NORM);
  assert_int_equal(ops[1].dim[DIM_ROW], 4 * 5 * 7);
  assert_int_equal(ops[2].dim[DIM_ROW], 7);
  end();
}

/* A real file with bytes changed, left out, cut off: an error or an answer, never a crash. */
static void test_mutations(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct error error = {0};
  char *bytes;
  size_t n;
  assert_true(file_read("tests/data/onnx/resnet50.onnx", 1 << 20, &arena, &bytes, &n, &error));
  uint8_t *const mutant = ARENA_NEW(&arena, uint8_t, n);
  static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, 2, 10};
  for (size_t i = 0; i < n; i += 61) {
    memcpy(mutant, bytes, n);
    mutant[i] = values[i % sizeof values];
    LLVMFuzzerTestOneInput(mutant, n);
    if (i % 4 == 0) LLVMFuzzerTestOneInput(mutant, i);
    memmove(mutant + i, bytes + i + 1, n - i - 1);
    if (i % 4 == 1) LLVMFuzzerTestOneInput(mutant, n - 1);
  }
  arena_release(&arena);
}

/* Every file that once hurt, or was made to, and one for each way through the importer. */
static void test_corpus(void **state) {
  (void)state;
  assert_true(replay_corpus("tests/fuzz/corpus/onnx") >= 19); /* the corpus is there */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_broken_bytes),
                                     cmocka_unit_test(test_deep_nesting),
                                     cmocka_unit_test(test_bad_graphs),
                                     cmocka_unit_test(test_symbols),
                                     cmocka_unit_test(test_uneven_convolution),
                                     cmocka_unit_test(test_shared_weight),
                                     cmocka_unit_test(test_lstm),
                                     cmocka_unit_test(test_unknown_operator),
                                     cmocka_unit_test(test_reshape),
                                     cmocka_unit_test(test_batch_norm),
                                     cmocka_unit_test(test_mutations),
                                     cmocka_unit_test(test_corpus)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
