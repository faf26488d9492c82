/* Are the shapes that an ONNX file states believed where they must be, and contradicted where they are wrong? And what
 * becomes of batches, of quantised weights and of values that decide shapes?
 *
 * Files are written here field by field, as onnx.proto numbers them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/workloads/onnx_file.h"

enum { FIELD_INPUT = 11, FIELD_OUTPUT = 12, FIELD_INFO = 13, REAL = 1, BYTE = 2, WHOLE = 7 };

static void must_parse(int opset) {
  if (!parse(&graph, opset, false, NULL)) fail_msg("%s", trial.error.text);
}

static void test_contradictions(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_node(&graph, "Relu x -> between", NULL);
  put_node(&graph, "Relu between -> y", NULL);
  const size_t good = graph.n;
  put_value(&graph, FIELD_INFO, "between", REAL, "5,8");
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (Relu): the file says that dimension 1 of tensor 'between' is 8, but 7 follows");
  graph.n = good;
  put_value(&graph, FIELD_INFO, "between", REAL, "5,7,1");
  assert_false(parse(&graph, 13, false, NULL));
  says("the file says that tensor 'between' has 3 dimensions, but 2 follow");
  graph.n = good;
  put_value(&graph, FIELD_INFO, "between", REAL, "rows,7"); /* a stray symbol says nothing */
  must_parse(13);
  end();
  graph.n = good;
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "6,7");
  assert_false(parse(&graph, 13, false, NULL));
  says("tensor 'y' is 6, but 5 follows");
  /* Exporters leave the traced number in outputs whose inputs have symbols. */
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "n,7");
  put_node(&graph, "Relu x -> y", NULL);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "6,7");
  asked_batch = 3;
  must_parse(13);
  assert_string_equal(trial.notes.outputs[0], "y [3,7]");
  end();
  start();
  put_initializer(&graph, "w", REAL, 1, (const int64_t[]){7}, 0, NULL);
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_value(&graph, FIELD_INPUT, "w", REAL, "8");
  put_node(&graph, "Add x w -> y", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("tensor 'w': is stated with another shape than it has as an initializer");
  start();
  put_initializer(&graph, "w", REAL, 1, (const int64_t[]){7}, 0, NULL);
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_value(&graph, FIELD_INFO, "w", REAL, "7,1");
  put_node(&graph, "Add x w -> y", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("tensor 'w': is stated with another number of dimensions than it has as an initializer");
}

/* What depends on the data is as the file says, if it says so. */
static void test_stated_shapes(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_node(&graph, "NonZero x -> y", NULL);
  put_node(&graph, "Relu y -> z", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (NonZero): how much it puts out depends on the data, and the file does not state it");
  put_value(&graph, FIELD_INFO, "y", WHOLE, "2,11");
  must_parse(13);
  assert_int_equal(trial.notes.n_stated, 1);
  assert_int_equal(trial.workload.graph.ops[2].dim[DIM_ELEMENTS], 22);
  end();
}

/* Of a constant NonZero counts, and its places pick. */
static void test_non_zero_of_a_constant(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_initializer(&graph, "c", WHOLE, 1, (const int64_t[]){4}, 4, (const int64_t[]){0, 3, 0, 2});
  put_node(&graph, "NonZero c -> at", NULL);  /* [1,2]: 1, 3 */
  put_node(&graph, "Gather x at -> y", NULL); /* [1,2,7] */
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "1,2,7");
  must_parse(13);
  assert_int_equal(trial.notes.n_stated, 0);
  end();
}

static void test_lists_of_tensors(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_node(&graph, "SplitToSequence x -> y", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (SplitToSequence): handles lists of tensors");
}

/* Weights of a quantised product are parameters, scales and zero points are not; through DequantizeLinear, too. */
static void test_quantised(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", BYTE, "1,3,6,6");
  put_initializer(&graph, "s", REAL, 0, NULL, 0, NULL);
  put_initializer(&graph, "z", BYTE, 0, NULL, 0, NULL);
  put_initializer(&graph, "ws", REAL, 1, (const int64_t[]){4}, 0, NULL);
  put_initializer(&graph, "w", 3, 4, (const int64_t[]){4, 3, 3, 3}, 0, NULL);
  put_initializer(&graph, "b", 6, 1, (const int64_t[]){4}, 0, NULL);
  put_node(&graph, "QLinearConv x s z w ws z s z b -> y", NULL);
  must_parse(13);
  assert_true(trial.notes.quantised);
  assert_int_equal(trial.totals.parameters, 4 * 27 + 4);
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 16 * 4 * 27);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_initializer(&graph, "ws", REAL, 1, (const int64_t[]){3}, 0, NULL);
  put_initializer(&graph, "z", 3, 1, (const int64_t[]){3}, 0, NULL);
  put_initializer(&graph, "w", 3, 2, (const int64_t[]){7, 3}, 0, NULL);
  put_node(&graph, "DequantizeLinear w ws z -> d", NULL);
  put_node(&graph, "MatMul x d -> y", NULL);
  must_parse(13);
  assert_true(trial.notes.quantised);
  assert_int_equal(trial.totals.parameters, 21);
  end();
}

/* [2, T·h] → [2, T, h] → [2·T, h]: the batch of the export, 2, becomes 6 wherever it went. */
static void test_another_batch(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,15");
  put_initializer(&graph, "s1", WHOLE, 1, (const int64_t[]){3}, 3, (const int64_t[]){2, 5, 3});
  put_initializer(&graph, "s2", WHOLE, 1, (const int64_t[]){2}, 2, (const int64_t[]){10, 3});
  put_initializer(&graph, "w", REAL, 2, (const int64_t[]){3, 4}, 0, NULL);
  put_initializer(&graph, "s3", WHOLE, 1, (const int64_t[]){3}, 3, (const int64_t[]){2, -1, 4});
  put_node(&graph, "Reshape x s1 -> a", NULL);
  put_node(&graph, "Reshape a s2 -> b", NULL);
  put_node(&graph, "MatMul b w -> c", NULL);
  put_node(&graph, "Reshape c s3 -> y", NULL);
  put_value(&graph, FIELD_INFO, "b", REAL, "10,3"); /* as traced: no contradiction */
  must_parse(13);
  assert_string_equal(trial.notes.outputs != NULL && trial.notes.own_batch == 2 ? "own" : "none", "own");
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 2 * 5 * 12);
  end();
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "2,5,4");
  asked_batch = 6;
  must_parse(13);
  assert_string_equal(trial.notes.inputs[0], "x [6,15]");
  assert_string_equal(trial.notes.outputs[0], "y [6,5,4]");
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 6 * 5 * 12);
  end();
}

/* The batch in the midst, [T, 1, h] → [T, heads, h/heads] and back, and beside a token that is a weight. */
static void test_batch_in_the_midst(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "1,9,12");
  put_initializer(&graph, "token", REAL, 3, (const int64_t[]){1, 1, 12}, 0, NULL);
  put_initializer(&graph, "heads", WHOLE, 1, (const int64_t[]){3}, 3, (const int64_t[]){10, 4, 3});
  put_initializer(&graph, "flat", WHOLE, 1, (const int64_t[]){2}, 2, (const int64_t[]){10, 12});
  put_initializer(&graph, "back", WHOLE, 1, (const int64_t[]){3}, 3, (const int64_t[]){10, 1, 12});
  put_ints(&attributes, "axis", 1, (const int64_t[]){1});
  put_node(&graph, "Concat token x -> a", &attributes);
  attributes.n = 0;
  put_ints(&attributes, "perm", 3, (const int64_t[]){1, 0, 2});
  put_node(&graph, "Transpose a -> b", &attributes); /* [10, 1, 12] */
  put_node(&graph, "Reshape b heads -> c", NULL);    /* [10, 4, 3] */
  put_node(&graph, "Reshape c flat -> d", NULL);     /* [10, 12] */
  put_node(&graph, "Reshape d back -> y", NULL);
  put_node(&graph, "Add b y -> z", NULL);
  put_value(&graph, FIELD_INFO, "c", REAL, "10,4,3");
  put_value(&graph, FIELD_OUTPUT, "c", REAL, "10,4,3");
  put_value(&graph, FIELD_OUTPUT, "d", REAL, "10,12");
  put_value(&graph, FIELD_OUTPUT, "z", REAL, "10,1,12");
  asked_batch = 8;
  must_parse(13);
  assert_string_equal(trial.notes.outputs[0], "c [10,32,3]");
  assert_string_equal(trial.notes.outputs[1], "d [80,12]");
  assert_string_equal(trial.notes.outputs[2], "z [10,8,12]");
  end();
  /* A shape that no dimension of grows: said, with what is allowed. */
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "1,12");
  put_initializer(&graph, "w", REAL, 2, (const int64_t[]){5, 12}, 0, NULL);
  put_ints(&attributes, "axis", 1, (const int64_t[]){1});
  put_initializer(&graph, "b", REAL, 2, (const int64_t[]){3, 12}, 0, NULL);
  put_ints(&attributes, "transB", 1, (const int64_t[]){1});
  put_node(&graph, "MatMul w x -> y", NULL);
  asked_batch = 8;
  assert_false(parse(&graph, 13, false, NULL));
  end();
}

static void test_mixed_batches(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "2,7");
  put_value(&graph, FIELD_INPUT, "y", REAL, "3,7");
  put_ints(&attributes, "axis", 1, (const int64_t[]){0});
  put_node(&graph, "Concat x y -> z", &attributes);
  asked_batch = 4;
  assert_false(parse(&graph, 13, false, &(const struct config_set){"inputs", "x,y"}));
  says("batch: is 4, but the first dimensions of the inputs are different numbers");
}

/* "...ij,...jk" without an arrow, and a diagonal. */
static void test_einsum(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,5,7");
  put_initializer(&graph, "w", REAL, 3, (const int64_t[]){1, 7, 11}, 0, NULL);
  put_attribute(&attributes, "equation", 4, "...ij, ...jk", 12);
  put_node(&graph, "Einsum x w -> y", &attributes);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "3,5,11");
  must_parse(13);
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 3 * 5 * 7 * 11);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,5,5");
  put_attribute(&attributes, "equation", 4, "Bii->Bi", 7);
  put_node(&graph, "Einsum x -> y", &attributes);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "3,5");
  must_parse(13);
  end();
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "3,5,5");
  put_attribute(&attributes, "equation", 4, "bij->bk", 7);
  put_node(&graph, "Einsum x -> y", &attributes);
  assert_false(parse(&graph, 13, false, NULL));
  says("its equation puts out a letter that no operand has");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_contradictions),
      cmocka_unit_test(test_stated_shapes),
      cmocka_unit_test(test_lists_of_tensors),
      cmocka_unit_test(test_non_zero_of_a_constant),
      cmocka_unit_test(test_quantised),
      cmocka_unit_test(test_another_batch),
      cmocka_unit_test(test_batch_in_the_midst),
      cmocka_unit_test(test_mixed_batches),
      cmocka_unit_test(test_einsum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
