/* Does `compat` follow each public rule for vector cores, also those that no shared table row exercises?
 *
 * Values: tests/data/wham/op_table.csv (its README names source and commit), lane cycles of every operator alone and as
 * follower of a fused head, by the names that traces use, which go through our reader of graphs; and the laws of
 * cost-model §4.1 worked out by hand: pairs of operands, softmax, mean, pooling, updates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/cost.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "base/csv.h"
#include "base/text.h"
#include "workloads/json_graph.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* L = 2 × 128 lanes; 1,500 elements take 6 of its strides, 23·101 = 2,323 take 10, 101 take 1. */
enum { LANES = 128, N_CORES = 2, ELEMENTS = 1500, STRIDES = 6 };

struct fixture {
  struct arena arena, scratch;
  struct error error;
  struct cost_settings settings;
  struct technology technology;
  struct machine machine;
};

static int set_up(void **state) {
  static struct fixture fixture;
  memset(&fixture, 0, sizeof fixture);
  *state = &fixture;
  arena_init(&fixture.arena, 1 << 18);
  arena_init(&fixture.scratch, 1 << 18);
  config_defaults(&cost_fields, &fixture.arena, &fixture.settings);
  config_defaults(&technology_fields, &fixture.arena, &fixture.technology);
  const struct accelerator accelerator = {.vc_count = N_CORES, .vc_width = LANES, .clock_mhz = 700};
  machine_init(&fixture.machine, &fixture.settings, &fixture.technology, &accelerator);
  return 0;
}

static int tear_down(void **state) {
  struct fixture *fixture = *state;
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
  return 0;
}

static uint64_t cycles_of(const struct fixture *fixture, const struct op *op, const struct op_follower *followers,
                          enum op_phase phase) {
  struct op turned = *op;
  struct op_cost cost;
  turned.phase = (uint8_t)phase;
  compat_provider.op_cost(&fixture->machine, &turned, followers, N_CORES, &cost);
  return cost.cycles;
}

static void expect(const struct fixture *fixture, const struct op *op, uint64_t forward, uint64_t backward) {
  const uint64_t ours[] = {cycles_of(fixture, op, NULL, PHASE_FORWARD),
                           cycles_of(fixture, op, NULL, PHASE_BACKWARD_DATA)};
  if (ours[0] != forward || ours[1] != backward)
    fail_msg("%s: %llu and %llu cycles, expected %llu and %llu", op_kinds[op->kind].name, (unsigned long long)ours[0],
             (unsigned long long)ours[1], (unsigned long long)forward, (unsigned long long)backward);
}

/* --- the table of rules --------------------------------------------------------------------------------------------*/

/* The op that a trace with this name becomes: 6 × 250 elements in and out. False if our reader does not know it. */
static bool trace_op(struct fixture *fixture, const char *name, struct op *op) {
  static const char form[] = "{\"nodes\": [{\"id\": 1, \"layer\": 0, \"op\": \"input\", \"out\": [[6, 250]]}, "
                             "{\"id\": 2, \"layer\": 0, \"op\": \"%s\", \"inp\": [[6, 250]], \"out\": [[6, 250]]}], "
                             "\"edges\": [[1, 2]]}";
  char text[512];
  const int n = snprintf(text, sizeof text, form, name);
  struct op_graph graph;
  struct error error = {0};
  if (!json_graph_parse("trace", text, (size_t)n, 2, &fixture->arena, &fixture->scratch, &graph, &error)) return false;
  assert_int_equal(graph.n_ops, 2);
  *op = graph.ops[1];
  return true;
}

/* "10;11" → 10, the cycles for the first operand; false for "" and "rule" (laws by hand, below). */
static bool lane_cycles(const char *cell, uint64_t *cycles) {
  char digits[16];
  const size_t n = strcspn(cell, ";");
  assert_true(n < sizeof digits);
  snprintf(digits, sizeof digits, "%.*s", (int)n, cell);
  return text_to_u64(digits, cycles);
}

struct checked {
  size_t names, alone, followers, free;
};

static void check_name(struct fixture *fixture, const struct csv *csv, size_t row, const char *name,
                       struct checked *checked) {
  static const char *const alone[] = {"alone_fwd_lane_cycles", "alone_bwd_lane_cycles"};
  static const char *const follow[] = {"follower_fwd_lane_cycles", "follower_bwd_lane_cycles"};
  const char *const class = csv_cell(csv, row, csv_column(csv, "class"));
  struct op op;
  if (!trace_op(fixture, name, &op)) return;
  checked->names++;
  if (strcmp(class, "none") == 0) {
    checked->free++;
    if (compat_provider.op_classes(&fixture->machine, &op, NULL) != 0) fail_msg("%s owns a core", name);
  }
  for (unsigned backward = 0; backward < 2; backward++) {
    const enum op_phase phase = backward ? PHASE_BACKWARD_DATA : PHASE_FORWARD;
    uint64_t each;
    if (lane_cycles(csv_cell(csv, row, csv_column(csv, alone[backward])), &each)) {
      const uint64_t ours = cycles_of(fixture, &op, NULL, phase);
      if (ours != each * STRIDES)
        fail_msg("%s alone, %s: %llu cycles, not %llu", name, op_phase_names[phase], (unsigned long long)ours,
                 (unsigned long long)each * STRIDES);
      checked->alone++;
    }
    if (lane_cycles(csv_cell(csv, row, csv_column(csv, follow[backward])), &each)) {
      struct op head = op_new(OP_ADD, 2);
      head.dim[DIM_ELEMENTS] = ELEMENTS;
      head.n_followers = 1;
      const struct op_follower follower = {.kind = op.kind, .phase = (uint8_t)phase, .elements = ELEMENTS};
      const uint64_t ours = cycles_of(fixture, &head, &follower, phase);
      if (ours != each * STRIDES)
        fail_msg("%s as follower, %s: %llu cycles, not %llu", name, op_phase_names[phase], (unsigned long long)ours,
                 (unsigned long long)each * STRIDES);
      checked->followers++;
    }
  }
}

static void test_table(void **state) {
  struct fixture *const fixture = *state;
  struct csv csv;
  if (!csv_read("tests/data/wham/op_table.csv", 1000, &fixture->arena, &csv, &fixture->error))
    fail_msg("%s", fixture->error.text);
  struct checked checked = {0};
  size_t n_vector = 0, n_silent = 0;
  for (size_t i = 0; i < csv.n_rows; i++) {
    const char *const class = csv_cell(&csv, i, csv_column(&csv, "class"));
    if (strcmp(class, "VC") != 0 && strcmp(class, "none") != 0) continue;
    const size_t before = checked.names;
    char list[512], own[64];
    snprintf(list, sizeof list, "%s", csv_cell(&csv, i, csv_column(&csv, "traced_names")));
    for (char *name = strtok(list, " "); name != NULL; name = strtok(NULL, " "))
      check_name(fixture, &csv, i, name, &checked);
    if (list[0] == '\0' && strcmp(class, "VC") == 0) { /* our reader may know the operator's own name */
      snprintf(own, sizeof own, "%s", csv_cell(&csv, i, csv_column(&csv, "op")));
      for (char *c = own; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
      check_name(fixture, &csv, i, own, &checked);
    }
    n_vector += strcmp(class, "VC") == 0;
    if (strcmp(class, "VC") == 0 && checked.names == before)
      print_message("no trace of %s\n", csv_cell(&csv, i, csv_column(&csv, "op"))), n_silent++;
  }
  print_message("VC operators: %zu, %zu without a name in traces; names %zu, prices alone %zu, as followers %zu\n",
                n_vector, n_silent, checked.names, checked.alone, checked.followers);
  assert_true(checked.alone >= 100 && checked.followers >= 136 && checked.free >= 50);
}

/* --- laws by hand --------------------------------------------------------------------------------------------------*/

static struct op pair(enum op_kind kind, uint64_t n_operands, uint64_t x, uint64_t x_rank, uint64_t y,
                      uint64_t y_rank) {
  struct op op = op_new(kind, 2);
  op.dim[DIM_ELEMENTS] = ELEMENTS;
  op.dim[DIM_OPERANDS] = n_operands;
  op.dim[DIM_X_ELEMENTS] = x;
  op.dim[DIM_X_RANK] = x_rank;
  op.dim[DIM_Y_ELEMENTS] = y;
  op.dim[DIM_Y_RANK] = y_rank;
  return op;
}

static void test_pairs(void **state) {
  const struct fixture *const fixture = *state;
  static const enum op_kind ones[] = {OP_ADD, OP_SUB, OP_MUL};
  for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
    struct op op = pair(ones[i], 2, 2323, 2, 101, 2);
    expect(fixture, &op, 10, 10 + 1);
    op = pair(ones[i], 2, 101, 2, 2323, 2);
    expect(fixture, &op, 10, 2 * 10); /* the smaller one first: the larger one counts twice */
    op = pair(ones[i], 2, 101, 3, 2323, 1);
    expect(fixture, &op, 1, 2 * 10); /* the size is that of the higher rank */
    op = pair(ones[i], 2, 2323, 1, 101, 3);
    expect(fixture, &op, 1, 10 + 1);
    op = pair(ones[i], 2, 1, 0, 1, 0);
    expect(fixture, &op, 0, 0); /* two scalars */
    op = pair(ones[i], 1, 2323, 2, 0, 0);
    expect(fixture, &op, 10, 10);
    op = pair(ones[i], 3, 101, 2, 2323, 2);
    expect(fixture, &op, 1, 1);
    op = pair(ones[i], 0, 0, 0, 0, 0);
    expect(fixture, &op, STRIDES, STRIDES); /* none: the output */
  }
  struct op op = pair(OP_DIV, 2, 2323, 2, 101, 2);
  expect(fixture, &op, 10 * 10, 10 * 10 + 11);
  op = pair(OP_DIV, 2, 101, 2, 2323, 2);
  expect(fixture, &op, 10 * 10, 21 * 10);
  op = pair(OP_DIV, 1, 2323, 2, 0, 0);
  expect(fixture, &op, 10 * 10, 10 * 10);
}

/* 23 rows of 1,000: 23,000 elements, 90 strides; a row takes 4. */
static void test_rows(void **state) {
  const struct fixture *const fixture = *state;
  struct op op = op_new(OP_SOFTMAX, 2);
  op.dim[DIM_ELEMENTS] = 23000;
  op.dim[DIM_ROW] = 1000;
  expect(fixture, &op, 23 * 4 + 10 + 10 * 90, 2 * 90);
  op.kind = OP_LOG_SOFTMAX;
  expect(fixture, &op, 23 * 4 + 10 + 13 * 90, 2 * 90);
  /* The public rule for means divides the number of *results* by the length of a row: ⌈23/1000⌉ and ⌈2300/1000⌉. */
  op.kind = OP_MEAN;
  op.in_bytes = 2 * 23000;
  op.out_bytes = 2 * 23;
  expect(fixture, &op, 4 + 10, 4 + 10);
  op.out_bytes = 2 * 2300;
  expect(fixture, &op, 3 * (4 + 10), 3 * (4 + 10));
}

/* 3 × 3 windows, stride 2, over 7 × 64 images of 112 × 112 with a border of 1: 56² outputs, of which
 * ⌈(112 − 3 + 1)/2⌉² = 55² lie inside. */
static void test_pools(void **state) {
  const struct fixture *const fixture = *state;
  static const enum op_kind kinds[] = {OP_MAX_POOL, OP_AVERAGE_POOL};
  for (size_t i = 0; i < 2; i++) {
    struct op op = op_new(kinds[i], 2);
    op.dim[DIM_ELEMENTS] = 7 * 64 * 56 * 56;
    op.dim[DIM_WINDOW] = 3 * 3;
    const uint64_t outputs = ceil_div(7 * 64 * 56 * 56, N_CORES * LANES);
    expect(fixture, &op, 9 * outputs, outputs);
    op.dim[DIM_INSIDE] = 7 * 64 * 55 * 55;
    expect(fixture, &op, 9 * ceil_div(7 * 64 * 55 * 55, N_CORES * LANES), outputs);
  }
}

static void test_losses_and_updates(void **state) {
  const struct fixture *const fixture = *state;
  struct op op = op_new(OP_CROSS_ENTROPY, 2);
  op.dim[DIM_ELEMENTS] = ELEMENTS;
  expect(fixture, &op, 2 * STRIDES, 2 * STRIDES);
  op = op_new(OP_MOMENTUM, 2);
  op.dim[DIM_ELEMENTS] = ELEMENTS;
  assert_int_equal(cycles_of(fixture, &op, NULL, PHASE_UPDATE), 2 * STRIDES);
  op = op_new(OP_LAYER_NORM, 2); /* a weight gradient: a lane cycle a weight */
  op.dim[DIM_ELEMENTS] = 23000;
  op.n_parameters = 2323;
  assert_int_equal(cycles_of(fixture, &op, NULL, PHASE_BACKWARD_WEIGHT), 10);
}

/* (Σ follower lane cycles)·⌈n_head/L⌉; the head itself is free. */
static void test_chain(void **state) {
  const struct fixture *const fixture = *state;
  struct op op = op_new(OP_POW, 2);
  op.dim[DIM_ELEMENTS] = ELEMENTS;
  op.n_followers = 3;
  struct op_follower followers[] = {
      {OP_MEAN, PHASE_FORWARD, 23, 65}, {OP_ADD, PHASE_FORWARD, 23, 1}, {OP_RSQRT, PHASE_FORWARD, 23, 1}};
  assert_int_equal(cycles_of(fixture, &op, followers, PHASE_FORWARD), (10 + 1 + 15) * STRIDES);
  for (size_t f = 0; f < 3; f++) followers[f].phase = PHASE_BACKWARD_DATA;
  assert_int_equal(cycles_of(fixture, &op, followers, PHASE_BACKWARD_DATA), (10 + 1 + 16) * STRIDES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_pairs, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_pools, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_losses_and_updates, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_chain, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
