/* Does the systolic provider say what SCALE-Sim v2 says?
 *
 * Values: tests/data/opcost/systolic_closed_form.csv (its README names tool and commit): stall-free cycles, folds and
 * SRAM words of 44 operators on 4 arrays in 3 dataflows, all 528 rows; the anchor of cost-model §2 (1024³ on 128²,
 * weight stationary, 89,984 cycles) and shares of it, worked out by hand from the formulas there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/systolic.h"
#include "tests/opcost_fixture.h"

static uint64_t dataflow_of(const char *name) {
  static const char *const names[] = {"ws", "os", "is"};
  uint64_t d = 0;
  while (d < DATAFLOW_ALL && strcmp(names[d], name) != 0) d++;
  assert_true(d < DATAFLOW_ALL);
  return d;
}

static void test_rows(void **state) {
  struct fixture *fixture = *state;
  struct opcost *const opcost = &fixture->opcost;
  struct csv csv;
  if (!csv_read("tests/data/opcost/systolic_closed_form.csv", 100000, &fixture->arena, &csv, &fixture->error))
    fail_msg("%s", fixture->error.text);
  size_t n_equal = 0;
  for (size_t i = 0; i < csv.n_rows; i++) {
    const struct opcost_op *const op = opcost_find(opcost, opcost_text(&csv, i, "layer"));
    const size_t hardware = opcost_hardware(opcost, opcost_text(&csv, i, "hw"));
    assert_non_null(op);
    assert_true(hardware != SIZE_MAX);
    opcost->settings.dataflow = dataflow_of(opcost_text(&csv, i, "dataflow"));
    const struct machine machine = opcost_machine(opcost, hardware);
    const struct systolic_array array = {machine.rows, machine.cols, opcost->settings.dataflow};
    struct systolic_counts ours;
    struct op_cost cost;
    systolic_count(&op->op, &array, DECONV_DENSE, &ours);
    systolic_provider.op_cost(&machine, &op->op, NULL, 1, &cost);
    const uint64_t sram_words = ours.a_words + ours.b_words + ours.c_words;
    const bool equal = ours.cycles == opcost_number(&csv, i, "compute_cycles") &&
                       ours.folds == opcost_number(&csv, i, "folds") &&
                       ours.a_words == opcost_number(&csv, i, "sram_ifmap_reads") &&
                       ours.b_words == opcost_number(&csv, i, "sram_filter_reads") &&
                       ours.c_words == opcost_number(&csv, i, "sram_ofmap_writes") && cost.cycles == ours.cycles &&
                       cost.array_bytes == sram_words && cost.glb_bytes == sram_words &&
                       cost.mapping.dataflow == opcost->settings.dataflow;
    n_equal += equal;
    if (!equal)
      print_message("%s on %s, %s: %llu cycles, %llu folds, %llu %llu %llu words\n", op->name,
                    opcost_text(&csv, i, "hw"), opcost_text(&csv, i, "dataflow"), (unsigned long long)ours.cycles,
                    (unsigned long long)ours.folds, (unsigned long long)ours.a_words, (unsigned long long)ours.b_words,
                    (unsigned long long)ours.c_words);
  }
  print_message("equal in cycles, folds and three word counts: %zu of %zu rows\n", n_equal, csv.n_rows);
  assert_int_equal(n_equal, 528);
  assert_int_equal(csv.n_rows, 528);
}

/* `all` takes the dataflow of least cycles, row by row of the same table. */
static void test_best_dataflow(void **state) {
  struct fixture *fixture = *state;
  struct opcost *const opcost = &fixture->opcost;
  size_t chosen[DATAFLOW_ALL] = {0};
  for (size_t h = 0; h < opcost->hardware.n_rows; h++) {
    const struct machine machine = opcost_machine(opcost, h);
    for (size_t i = 0; i < opcost->n_ops; i++) {
      uint64_t least = UINT64_MAX;
      for (uint64_t dataflow = 0; dataflow < DATAFLOW_ALL; dataflow++) {
        const struct systolic_array array = {machine.rows, machine.cols, dataflow};
        struct systolic_counts counts;
        systolic_count(&opcost->ops[i].op, &array, DECONV_DENSE, &counts);
        least = min_u64(least, counts.cycles);
      }
      struct op_cost cost;
      opcost->settings.dataflow = DATAFLOW_ALL;
      systolic_provider.op_cost(&machine, &opcost->ops[i].op, NULL, 1, &cost);
      assert_int_equal(cost.cycles, least);
      chosen[cost.mapping.dataflow]++;
    }
  }
  print_message("least cycles: ws %zu, os %zu, is %zu\n", chosen[0], chosen[1], chosen[2]);
  for (size_t d = 0; d < DATAFLOW_ALL; d++) assert_true(chosen[d] > 0);
}

static struct op square(uint64_t reps, uint64_t edge) {
  struct op op = op_new(OP_GEMM, 2);
  const uint64_t dims[] = {reps, edge, edge, edge};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = op.weight_bytes = op.out_bytes = 2 * reps * edge * edge;
  return op;
}

/* 1024³ on 128²: 64 folds of 1024 + 382 cycles. Two cores share out N (32 folds each), three M (shares of 342) or N
 * (⌈342/128⌉ = 3 of 8 columns of folds), seven a batch of five (one each, two idle). */
static void test_cores(void **state) {
  struct fixture *fixture = *state;
  struct opcost *const opcost = &fixture->opcost;
  opcost->settings.dataflow = DATAFLOW_WS;
  struct machine machine = opcost_machine(opcost, opcost_hardware(opcost, "tpu128"));
  machine.hbm_bytes_per_cycle = 1e-9; /* memory never stalls */
  struct op_cost cost;
  const struct op one = square(1, 1024), five = square(5, 1024);
  systolic_provider.op_cost(&machine, &one, NULL, 1, &cost);
  assert_int_equal(cost.cycles, 89984);
  assert_int_equal(cost.glb_bytes, 2 * (UINT64_C(1024) * 1024 * (8 + 1 + 8)));
  assert_int_equal(cost.hbm_bytes, 3 * 2 * 1024 * 1024);
  assert_int_equal(cost.macs, UINT64_C(1) << 30);
  systolic_provider.op_cost(&machine, &one, NULL, 2, &cost);
  assert_int_equal(cost.cycles, 89984 / 2);
  assert_int_equal(cost.mapping.split, 'n');
  /* Each reads all of A for its own columns, so that the words are those of one core. */
  assert_int_equal(cost.glb_bytes, 2 * (UINT64_C(1024) * 1024 * (8 + 1 + 8)));
  systolic_provider.op_cost(&machine, &one, NULL, 3, &cost);
  assert_int_equal(cost.cycles, 3 * 8 * (1024 + 382));
  systolic_provider.op_cost(&machine, &five, NULL, 1, &cost);
  assert_int_equal(cost.cycles, 5 * 89984);
  systolic_provider.op_cost(&machine, &five, NULL, 7, &cost);
  /* Sevenths of N take ⌈147/128⌉ = 2 of 8 columns of folds in each of the five; the batch shared out, one whole. */
  assert_int_equal(cost.cycles, 89984);
  assert_int_equal(cost.mapping.split, 'b');
  assert_int_equal(cost.glb_bytes, 5 * 2 * (UINT64_C(1024) * 1024 * (8 + 1 + 8)));
}

/* Of 1024 rows, seven cores take 147 and the last 142: words of the whole, B once a core. */
static void test_uneven_shares(void **state) {
  struct fixture *fixture = *state;
  struct opcost *const opcost = &fixture->opcost;
  opcost->settings.dataflow = DATAFLOW_WS;
  struct machine machine = opcost_machine(opcost, opcost_hardware(opcost, "tpu128"));
  struct op op = square(1, 1024);
  op.dim[DIM_N] = 128;
  op.weight_bytes = 2 * 1024 * 128;
  op.out_bytes = 2 * 1024 * 128;
  struct op_cost cost;
  systolic_provider.op_cost(&machine, &op, NULL, 7, &cost);
  /* M: 8 folds of 147 + 382 cycles; N: shares of 19 columns, 8 folds of 1024 + 382. */
  assert_int_equal(cost.cycles, 8 * (147 + 382));
  assert_int_equal(cost.mapping.split, 'm');
  assert_int_equal(cost.glb_bytes, 2 * (1024 * 1024 + 7 * 1024 * 128 + 8 * 1024 * 128));
}

/* Lanes and links as in `physical` where memory is no limit: ⌈2385/128⌉ strides, a ring of 2·7 steps over 8 ranks. */
static void test_lanes_and_links(void **state) {
  struct fixture *const fixture = *state;
  struct machine machine = opcost_machine(&fixture->opcost, opcost_hardware(&fixture->opcost, "tpu128"));
  machine.lanes = 128;
  machine.n_vector = 1;
  machine.link_bytes_per_cycle = 2;
  machine.hbm_bytes_per_cycle = machine.glb_bytes_per_cycle = machine.l2_bytes_per_cycle = 1e-9;
  struct op op = op_new(OP_RELU, 2);
  op.dim[DIM_ELEMENTS] = 2385;
  op.in_bytes = op.out_bytes = 2 * 2385;
  struct op_cost cost;
  systolic_provider.op_cost(&machine, &op, NULL, 1, &cost);
  assert_int_equal(cost.cycles, 19);
  op = square(1, 1024);
  op.n_followers = 1;
  const struct op_follower follower = {OP_GELU, PHASE_BACKWARD_DATA, 1024 * 1024, 1024};
  systolic_provider.op_cost(&machine, &op, &follower, 1, &cost);
  assert_int_equal(cost.cycles, 8192 * fixture->opcost.settings.lane_cycles[OP_GELU][1]); /* more than the array's */
  op = op_new(OP_ALL_REDUCE, 2);
  op.dim[DIM_BYTES] = op.in_bytes = op.out_bytes = 8000;
  op.dim[DIM_RANKS] = 8;
  systolic_provider.op_cost(&machine, &op, NULL, 1, &cost);
  assert_int_equal(cost.cycles, 14 * 1000 / 2 + 14 * fixture->opcost.settings.collective_latency_cycles);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_best_dataflow, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_cores, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_uneven_shares, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_lanes_and_links, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
