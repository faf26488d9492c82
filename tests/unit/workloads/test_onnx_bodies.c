/* Do If, Loop, Scan and functions of an ONNX file become what they compute, and are those refused that nobody can
 * count?
 *
 * Files are written here field by field, as onnx.proto numbers them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/workloads/onnx_file.h"

enum { FIELD_NODE = 1, FIELD_INPUT = 11, FIELD_OUTPUT = 12, GRAPH_ATTRIBUTE = 6, TEXT_ATTRIBUTE = 4, REFERENCE = 21 };
enum { REAL = 1, WHOLE = 7, TRUTH = 9 };

static void must_parse(int opset) {
  if (!parse(&graph, opset, false, NULL)) fail_msg("%s", trial.error.text);
}
static size_t count(enum op_kind kind) {
  size_t n = 0;
  for (size_t i = 0; i < trial.workload.graph.n_ops; i++) n += trial.workload.graph.ops[i].kind == kind;
  return n;
}

/* --- If --------------------------------------------------------------------------------------------------------- */

/* then: one product with a weight from outside; otherwise: two Tanh. */
static void put_if(void) {
  static struct bytes branch;
  branch.n = 0;
  put_node(&branch, "MatMul x w -> t", NULL);
  put_value(&branch, FIELD_OUTPUT, "t", REAL, "5,7");
  put_attribute(&attributes, "then_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
  branch.n = 0;
  put_node(&branch, "Tanh x -> e", NULL);
  put_node(&branch, "Tanh e -> f", NULL);
  put_value(&branch, FIELD_OUTPUT, "f", REAL, "5,7");
  put_attribute(&attributes, "else_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
  put_node(&graph, "If c -> y", &attributes);
  put_node(&graph, "Relu y -> z", NULL);
}

static void start_if(int64_t condition) {
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_initializer(&graph, "w", REAL, 2, (const int64_t[]){7, 7}, 0, NULL);
  if (condition < 0)
    put_value(&graph, FIELD_INPUT, "c", TRUTH, "");
  else
    put_initializer(&graph, "c", WHOLE, 0, NULL, 1, &condition);
  put_if();
}

static void test_if(void **state) {
  (void)state;
  start_if(1);
  must_parse(13);
  assert_int_equal(count(OP_GEMM), 1);
  assert_int_equal(count(OP_TANH), 0);
  assert_int_equal(trial.totals.parameters, 49);
  assert_int_equal(trial.notes.n_inlined, 1);
  assert_int_equal(trial.notes.n_guessed, 0);
  end();
  start_if(0);
  must_parse(13);
  assert_int_equal(count(OP_GEMM), 0);
  assert_int_equal(count(OP_TANH), 2);
  end();
  start_if(-1); /* depends on the data: the branch with more nodes */
  must_parse(13);
  assert_int_equal(count(OP_TANH), 2);
  assert_int_equal(trial.notes.n_guessed, 1);
  end();
}

/* A branch that reads what a later node puts out: the file is put in order all the same. */
static void test_order_around_a_branch(void **state) {
  (void)state;
  static struct bytes branch;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_initializer(&graph, "c", WHOLE, 0, NULL, 1, (const int64_t[]){1});
  branch.n = 0;
  put_node(&branch, "Tanh later -> t", NULL);
  put_value(&branch, FIELD_OUTPUT, "t", REAL, "5,7");
  put_attribute(&attributes, "then_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
  put_attribute(&attributes, "else_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
  put_node(&graph, "If c -> y", &attributes);
  put_node(&graph, "Relu x -> later", NULL);
  must_parse(13);
  assert_int_equal(count(OP_TANH), 1);
  assert_int_equal(trial.workload.graph.ops[1].kind, OP_RELU);
  end();
}

static void test_branches_that_are_wrong(void **state) {
  (void)state;
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_node(&graph, "If x -> y", NULL);
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (If): lacks its graph");
  start();
  static struct bytes branch;
  branch.n = 0;
  put_node(&branch, "Tanh nothing -> t", NULL);
  put_value(&branch, FIELD_OUTPUT, "t", REAL, "5,7");
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_initializer(&graph, "c", WHOLE, 0, NULL, 1, (const int64_t[]){1});
  put_attribute(&attributes, "then_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
  put_attribute(&attributes, "else_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
  put_node(&graph, "If c -> y", &attributes);
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (Tanh), inside of node 'here': reads the tensor 'nothing'");
  start();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_attribute(&attributes, "body", GRAPH_ATTRIBUTE, branch.at, branch.n);
  put_node(&graph, "Relu x -> y", &attributes);
  assert_false(parse(&graph, 13, false, NULL));
  says("node 0 'here' (Relu): holds a graph of its own, allowed are those of If, Loop and Scan");
}

/* --- Loop ------------------------------------------------------------------------------------------------------- */

/* state ← state · w, `trips` times; each product is put out, too. */
static void start_loop(int64_t trips) {
  static struct bytes body;
  start();
  body.n = 0;
  put_value(&body, FIELD_INPUT, "i", WHOLE, "");
  put_value(&body, FIELD_INPUT, "go", TRUTH, "");
  put_value(&body, FIELD_INPUT, "s", REAL, "5,7");
  put_initializer(&body, "w", REAL, 2, (const int64_t[]){7, 7}, 0, NULL);
  put_node(&body, "Identity go -> on", NULL);
  put_node(&body, "MatMul s w -> p", NULL);
  put_node(&body, "Relu p -> q", NULL);
  put_value(&body, FIELD_OUTPUT, "on", TRUTH, "");
  put_value(&body, FIELD_OUTPUT, "p", REAL, "5,7");
  put_value(&body, FIELD_OUTPUT, "q", REAL, "5,7");
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  if (trips < 0)
    put_value(&graph, FIELD_INPUT, "m", WHOLE, "");
  else
    put_initializer(&graph, "m", WHOLE, 0, NULL, 1, &trips);
  put_initializer(&graph, "c", WHOLE, 0, NULL, 1, (const int64_t[]){1});
  put_attribute(&attributes, "body", GRAPH_ATTRIBUTE, body.at, body.n);
  put_node(&graph, "Loop m c x -> y all", &attributes);
  put_value(&graph, FIELD_OUTPUT, "y", REAL, "5,7");
  put_value(&graph, FIELD_OUTPUT, "all", REAL, "11,5,7");
}

static void test_loop(void **state) {
  (void)state;
  start_loop(11);
  must_parse(13);
  assert_int_equal(count(OP_GEMM), 11);
  assert_int_equal(count(OP_RELU), 11);
  assert_int_equal(trial.totals.parameters, 49); /* one weight in every trip */
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 11 * 5 * 49);
  assert_string_equal(trial.notes.outputs[1], "all [11,5,7]");
  end();
  start_loop(12);
  assert_false(parse(&graph, 13, false, NULL));
  says("the file says that dimension 0 of tensor 'all' is 11, but 12 follows from its operands");
  start_loop(-1);
  assert_false(parse(&graph, 13, false, &(const struct config_set){"inputs", "x,m"}));
  says("node 0 'here' (Loop): its trip count depends on the data");
  start_loop(5000);
  assert_false(parse(&graph, 13, false, NULL));
  says("makes 5000 trips, allowed are 4096");
  start_loop(0);
  assert_false(parse(&graph, 13, false, NULL));
  says("makes no trip, and so nothing of its output 1");
}

/* --- Scan ------------------------------------------------------------------------------------------------------- */

static void test_scan(void **state) {
  (void)state;
  static struct bytes body;
  start();
  body.n = 0;
  put_value(&body, FIELD_INPUT, "s", REAL, "4");
  put_value(&body, FIELD_INPUT, "slice", REAL, "4");
  put_node(&body, "Add s slice -> t", NULL);
  put_node(&body, "Tanh t -> u", NULL);
  put_value(&body, FIELD_OUTPUT, "t", REAL, "4");
  put_value(&body, FIELD_OUTPUT, "u", REAL, "4");
  put_value(&graph, FIELD_INPUT, "x", REAL, "4,9");
  put_value(&graph, FIELD_INPUT, "s0", REAL, "4");
  put_ints(&attributes, "num_scan_inputs", 1, (const int64_t[]){1});
  put_attribute(&attributes, "body", GRAPH_ATTRIBUTE, body.at, body.n);
  {
    struct bytes *const axis = calloc(1, sizeof *axis);
    assert_non_null(axis);
    put_text(axis, 1, "scan_input_axes");
    put_int(axis, 8, 1);
    put_bytes(&attributes, 5, axis->at, axis->n);
    free(axis);
  }
  put_node(&graph, "Scan s0 x -> last each", &attributes);
  put_value(&graph, FIELD_OUTPUT, "last", REAL, "4");
  put_value(&graph, FIELD_OUTPUT, "each", REAL, "9,4");
  const struct config_set inputs = {"inputs", "x,s0"};
  if (!parse(&graph, 11, false, &inputs)) fail_msg("%s", trial.error.text);
  assert_int_equal(count(OP_TANH), 9);
  assert_string_equal(trial.notes.outputs[1], "each [9,4]");
  end();
  assert_false(parse(&graph, 8, false, &inputs));
  says("is of operator set 8");
}

/* --- functions -------------------------------------------------------------------------------------------------- */

/* Dense(a, b) = LeakyRelu(Gemm(a, b; transB = the caller's)), in domain "mine". */
static void put_dense(void) {
  static struct bytes function, inside;
  function.n = inside.n = 0;
  put_text(&function, 1, "Dense");
  put_text(&function, 4, "a");
  put_text(&function, 4, "b");
  put_text(&function, 5, "y");
  put_attribute(&inside, "transB", REFERENCE, "turned", 6);
  static struct bytes nodes;
  nodes.n = 0;
  put_node(&nodes, "Gemm a b -> g", &inside);
  put_node(&nodes, "LeakyRelu g -> y", NULL);
  for (size_t at = 0; at < nodes.n;) { /* field 1 of a graph is field 7 of a function */
    size_t size = nodes.at[at + 1], head = 2;
    if (size > 127) size = (size & 127) + ((size_t)nodes.at[at + 2] << 7), head = 3;
    put_bytes(&function, 7, nodes.at + at + head, size);
    at += head + size;
  }
  put_text(&function, 10, "mine");
  put_bytes(&functions, 25, function.at, function.n);
}

static void put_call(const char *text, int64_t turned) {
  attributes.n = 0;
  put_ints(&attributes, "turned", 1, &turned);
  put_text(&attributes, 7, "mine");
  put_node(&graph, text, &attributes);
}

static void test_function(void **state) {
  (void)state;
  start();
  put_dense();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_initializer(&graph, "w", REAL, 2, (const int64_t[]){3, 7}, 0, NULL);
  put_initializer(&graph, "v", REAL, 2, (const int64_t[]){3, 13}, 0, NULL);
  put_call("Dense x w -> y", 1);
  put_call("Dense y v -> z", 0);
  put_value(&graph, FIELD_OUTPUT, "z", REAL, "5,13");
  must_parse(17);
  assert_int_equal(count(OP_GEMM), 2);
  assert_int_equal(trial.totals.parameters, 3 * 7 + 3 * 13);
  assert_int_equal(trial.totals.macs[PHASE_FORWARD], 5 * 3 * 7 + 5 * 3 * 13);
  assert_int_equal(trial.notes.n_unknown, 0);
  end();
  /* Without stored weights, what stands at the product is one, too. */
  start();
  put_dense();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_value(&graph, FIELD_INPUT, "w", REAL, "3,7");
  put_call("Dense x w -> y", 1);
  must_parse(17);
  assert_int_equal(trial.totals.parameters, 21);
  end();
  start(); /* the wrong turn */
  put_dense();
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_value(&graph, FIELD_INPUT, "w", REAL, "3,7");
  put_call("Dense x w -> y", 0);
  assert_false(parse(&graph, 17, false, NULL));
  says("node 0 'here' (Gemm), inside of node 'here': inner dimensions differ: 7 against 3");
}

/* f(x) = f(x) */
static void test_endless_function(void **state) {
  (void)state;
  static struct bytes function, node;
  start();
  function.n = node.n = 0;
  put_text(&node, 1, "x");
  put_text(&node, 2, "y");
  put_text(&node, 4, "f");
  put_text(&node, 7, "mine");
  put_text(&function, 1, "f");
  put_text(&function, 4, "x");
  put_text(&function, 5, "y");
  put_bytes(&function, 7, node.at, node.n);
  put_text(&function, 10, "mine");
  put_bytes(&functions, 25, function.at, function.n);
  put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
  put_bytes(&graph, FIELD_NODE, node.at, node.n);
  assert_false(parse(&graph, 17, false, NULL));
  says("graphs and functions lie more than 32 deep in each other");
}

/* A function whose second operand the caller leaves out, read by a branch inside, and put out by it. */
static void test_operand_left_out(void **state) {
  (void)state;
  static const char *const outputs[] = {"t", "b"};
  for (size_t i = 0; i < 2; i++) {
    static struct bytes function, branch, inside, nodes;
    start();
    function.n = branch.n = inside.n = nodes.n = 0;
    put_node(&branch, i == 0 ? "Clip a b -> t" : "Tanh a -> t", NULL);
    put_value(&branch, FIELD_OUTPUT, outputs[i], REAL, "5,7");
    put_attribute(&inside, "then_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
    put_attribute(&inside, "else_branch", GRAPH_ATTRIBUTE, branch.at, branch.n);
    put_node(&nodes, "If a -> y", &inside);
    put_text(&function, 1, "f");
    put_text(&function, 4, "a");
    put_text(&function, 4, "b");
    put_text(&function, 5, "y");
    put_bytes(&function, 7, nodes.at + 3, nodes.n - 3); /* behind its key and a length of two bytes */
    put_text(&function, 10, "mine");
    put_bytes(&functions, 25, function.at, function.n);
    put_value(&graph, FIELD_INPUT, "x", REAL, "5,7");
    put_text(&attributes, 7, "mine");
    put_node(&graph, "f x -> z", &attributes);
    if (i == 0) {
      must_parse(17);
      assert_int_equal(count(OP_HARDTANH), 1);
      end();
    } else {
      assert_false(parse(&graph, 17, false, NULL));
      says("puts out a tensor that nothing inside it makes");
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_if),
      cmocka_unit_test(test_order_around_a_branch),
      cmocka_unit_test(test_branches_that_are_wrong),
      cmocka_unit_test(test_loop),
      cmocka_unit_test(test_scan),
      cmocka_unit_test(test_function),
      cmocka_unit_test(test_endless_function),
      cmocka_unit_test(test_operand_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
