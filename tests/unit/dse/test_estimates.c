/* Is a table of published costs read as it stands, and every broken cell named? What do its lists of followers and its
 * products mean? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dse/calibrate/estimates.h"
#include "workloads/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena arena;
static struct error error;

static int set_up(void **state) {
  (void)state;
  arena_init(&arena, 1 << 14);
  error = (struct error){0};
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

#define HEADER                                                                                                         \
  "setup,graph,layer,op_id,op,unit,cores,fwd_BxNxMxC,bwd_BxNxMxC,fused_ops,out_shape,tensor_parallel,fwd_cycles,"      \
  "bwd_cycles\n"

static bool read_text(const char *text, struct estimates *estimates) {
  char path[] = "/tmp/dse_estimates_XXXXXX";
  const int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  error = (struct error){0};
  const bool read = estimates_read(path, &arena, estimates, &error);
  unlink(path);
  return read;
}

static void test_rows(void **state) {
  (void)state;
  struct estimates table;
  if (!read_text(HEADER "x7,net,3,17,fused ~~ Linear,TC,5,1x12x13x14,1x12x14x13,\"Silu ~~ [] ~~ [[2, 12, 13]]\","
                        "\"[[2, 12, 13], [5]]\",1,576.5,512.125\n"
                        "x7,net,-1,18,Relu,VC,1,,,,[[]],1,3,4\n"
                        "x7,net,0,19,AllReduce,AR,,,,,[[9]],8,0.25,0\n",
                 &table))
    fail_msg("%s", error.text);
  assert_int_equal(table.n, 3);
  const struct estimate *row = table.rows;
  assert_string_equal(row->op, "Linear");
  assert_true(row->fused && row->unit == UNIT_TENSOR && row->id == 17 && row->cores == 5 && row->layer == 3);
  assert_int_equal(row->shape[TRACED_FORWARD][SHAPE_COLUMNS], 13);
  assert_int_equal(row->shape[TRACED_BACKWARD][SHAPE_COLUMNS], 14);
  assert_true(row->out_elements == 2 * 12 * 13 && row->out_rows == 12 && row->out_columns == 13);
  assert_true(row->cycles[TRACED_FORWARD] == 576.5 && row->cycles[TRACED_BACKWARD] == 512.125);
  assert_true(!row[1].fused && row[1].layer == -1 && row[1].out_elements == 1 && row[1].unit == UNIT_VECTOR);
  assert_true(row[2].unit == UNIT_LINK && row[2].tensor_parallel == 8 && row[2].cores == 0);
  assert_true(estimates_find(&table, "net", 17, 5, TRACED_BACKWARD) == 512.125);
  assert_true(estimates_find(&table, "net", 17, 1, TRACED_FORWARD) < 0);
  assert_true(estimates_find(&table, "ned", 17, 5, TRACED_FORWARD) < 0);
}

/* The second row of each is good: a mistake must be named at its own line. */
static void test_mistakes(void **state) {
  (void)state;
  static const char *const rows[][2] = {
      {",net,0,1,Relu,VC,1,,,,[[5]],1,1,1", ":2: setup: \"\""},
      {"x,,0,1,Relu,VC,1,,,,[[5]],1,1,1", ":2: graph: \"\""},
      {"x,net,-2,1,Relu,VC,1,,,,[[5]],1,1,1", ":2: layer: \"-2\""},
      {"x,net,0,-1,Relu,VC,1,,,,[[5]],1,1,1", ":2: op_id: \"-1\""},
      {"x,net,0,1,,VC,1,,,,[[5]],1,1,1", ":2: op: \"\""},
      {"x,net,0,1,Relu,XC,1,,,,[[5]],1,1,1", ":2: unit: \"XC\", TC, VC or AR"},
      {"x,net,0,1,Relu,VC,0,,,,[[5]],1,1,1", ":2: cores: \"0\""},
      {"x,net,0,1,Relu,VC,9999,,,,[[5]],1,1,1", ":2: cores: \"9999\""},
      {"x,net,0,1,Mm,TC,1,1x2x3,1x2x3x4,,[[5]],1,1,1", ":2: fwd_BxNxMxC: \"1x2x3\""},
      {"x,net,0,1,Mm,TC,1,1x2x3x4,1x2x3x4x5,,[[5]],1,1,1", ":2: bwd_BxNxMxC: \"1x2x3x4x5\""},
      {"x,net,0,1,Mm,TC,1,1x2x0x4,1x2x3x4,,[[5]],1,1,1", ":2: fwd_BxNxMxC: \"1x2x0x4\""},
      {"x,net,0,1,Mm,TC,1,1x2x99999999999x4,1x2x3x4,,[[5]],1,1,1", ":2: fwd_BxNxMxC"},
      {"x,net,0,1,Mm,TC,1,-1x2x3x4,1x2x3x4,,[[5]],1,1,1", ":2: fwd_BxNxMxC"},
      {"x,net,0,1,Relu,VC,1,,,,5,1,1,1", ":2: out_shape: \"5\""},
      {"x,net,0,1,Relu,VC,1,,,,[[5,1,1,1", ":2: "},
      {"x,net,0,1,Relu,VC,1,,,,\"[[5,6]]\",1,1,1", ":2: out_shape"},
      {"x,net,0,1,Relu,VC,1,,,,[[-5]],1,1,1", ":2: out_shape"},
      {"x,net,0,1,Relu,VC,1,,,,\"[[2000000000, 2000000000]]\",1,1,1", ":2: out_shape"},
      {"x,net,0,1,Relu,VC,1,,,,[[5]],0,1,1", ":2: tensor_parallel: \"0\""},
      {"x,net,0,1,Relu,VC,1,,,,[[5]],1,nan,1", ":2: fwd_cycles: \"nan\""},
      {"x,net,0,1,Relu,VC,1,,,,[[5]],1,1,-1", ":2: bwd_cycles: \"-1\""},
  };
  struct estimates table;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[1024];
    snprintf(text, sizeof text, HEADER "%s\nx,net,0,1,Relu,VC,1,,,,[[5]],1,1,1\n", rows[i][0]);
    assert_false(read_text(text, &table));
    assert_int_equal(error.status, STATUS_INPUT);
    if (strstr(error.text, rows[i][1]) == NULL) fail_msg("%s: %s", rows[i][0], error.text);
    assert_null(strstr(error.text, ":3: "));
  }
  assert_false(read_text("setup,graph\nx,y\n", &table));
  assert_non_null(strstr(error.text, ":1: layer: this column is missing"));
  assert_non_null(strstr(error.text, ":1: bwd_cycles: this column is missing"));
}

/* A product of 12 × 13 with two followers. */
static void fused_graph(struct op_graph *graph, struct op *op, struct op_follower followers[2]) {
  *op = op_new(OP_GEMM, 2);
  op->n_followers = 2;
  followers[0] = (struct op_follower){.kind = OP_MEAN, .elements = 12 * 13, .row = 13};
  followers[1] = (struct op_follower){.kind = OP_RSQRT, .elements = 12};
  *graph = (struct op_graph){.n_ops = 1, .n_followers = 2, .ops = op, .followers = followers};
}

static void test_followers(void **state) {
  (void)state;
  struct op_graph graph;
  struct op op;
  struct op_follower followers[2];
  fused_graph(&graph, &op, followers);
  static const struct {
    const char *list;
    bool same;
  } rows[] = {
      {"Mean ~~ [] ~~ [[12, 1]] ~~ Sqrt ~~ [] ~~ [[12, 1]]", true},
      {"Mean ~~ [] ~~ [[12, 1]]", false},
      {"Mean ~~ [] ~~ [[12, 1]] ~~ Sqrt ~~ [] ~~ [[12, 1]] ~~ Add ~~ [] ~~ [[12, 1]]", false},
      {"Sqrt ~~ [] ~~ [[12, 1]] ~~ Mean ~~ [] ~~ [[12, 1]]", false},
      {"Mean ~~ [] ~~ [[12, 1]] ~~ Sqrt ~~ [] ~~ [[13, 1]]", false},
      {"Mean ~~ [] ~~ [[12, 13]] ~~ Sqrt ~~ [] ~~ [[12, 1]]", false},
      {"Mean ~~ [] ~~ [[12, 1]] ~~ Sqrt ~~ []", false},
      {"Mean ~~ [] ~~ [[12, 1]] ~~ Sqrt", false},
      {"Mean ~~ [] ~~ 12 ~~ Sqrt ~~ [] ~~ [[12, 1]]", false},
      {" ~~  ~~ ", false},
      {"", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct estimate row = {.followers = rows[i].list};
    if (estimate_same_followers(&row, &graph, 0) != rows[i].same) fail_msg("%s", rows[i].list);
  }
  op.n_followers = 0;
  assert_true(estimate_same_followers(&(struct estimate){.followers = ""}, &graph, 0));
  assert_true(estimate_is_kind("Relu", OP_GELU) && !estimate_is_kind("Relu", OP_SILU));
  assert_false(estimate_is_kind("Rel", OP_RELU));
}

/* 3 × 12 × 13 outputs of depth 14, by the names that have a defect and by one that has none. */
static void test_products(void **state) {
  (void)state;
  struct op op = op_new(OP_GEMM, 2);
  op.dim[DIM_K] = 14;
  static const struct {
    const char *name;
    uint64_t forward[N_SHAPE_DIMS], backward[N_SHAPE_DIMS];
  } rows[] = {{"Mm", {3, 12, 13, 14}, {3, 12, 14, 13}},
              {"Linear", {1, 12, 13, 14}, {1, 12, 14, 13}},
              {"Bmm", {3, 12, 13, 13}, {3, 12, 13, 13}}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct estimate row = {.op = rows[i].name, .out_elements = 3 * 12 * 13, .out_rows = 12, .out_columns = 13};
    uint64_t shape[N_SHAPE_DIMS];
    estimate_expected_shape(&row, &op, TRACED_FORWARD, shape);
    assert_memory_equal(shape, rows[i].forward, sizeof shape);
    estimate_expected_shape(&row, &op, TRACED_BACKWARD, shape);
    assert_memory_equal(shape, rows[i].backward, sizeof shape);
  }
}

/* 2(n−1)/n of the bytes, in the pass that has the traffic. */
static void test_links(void **state) {
  (void)state;
  struct op op = op_new(OP_ALL_REDUCE, 2);
  op.dim[DIM_BYTES] = 4096;
  op.dim[DIM_RANKS] = 8;
  assert_int_equal(traced_link_cycles(&op, TRACED_FORWARD, 4), 1792);
  assert_int_equal(traced_link_cycles(&op, TRACED_FORWARD, 5), 1434);
  assert_int_equal(traced_link_cycles(&op, TRACED_BACKWARD, 4), 0);
  op.kind = OP_COPY;
  assert_int_equal(traced_link_cycles(&op, TRACED_FORWARD, 4), 0);
  assert_int_equal(traced_link_cycles(&op, TRACED_BACKWARD, 4), 1792);
  op.kind = OP_ALL_TO_ALL;
  assert_int_equal(traced_link_cycles(&op, TRACED_BACKWARD, 4), 1792);
  op.dim[DIM_RANKS] = 1;
  assert_int_equal(traced_link_cycles(&op, TRACED_FORWARD, 4), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_mistakes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_followers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_products, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
