/* Do our operator costs agree with what published tools and our specification say?
 *
 * Values: tests/data/opcost (its README names tools and commits); anchors of cost-model §2 (1024³ on 128², weight
 * stationary; 12 MiB of traffic), all worked out by hand from the formulas there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/physical.h"
#include "arch/tiling.h"
#include "tests/opcost_fixture.h"
#include <math.h>

static struct csv table(struct fixture *fixture, const char *path) {
  struct csv csv;
  if (!csv_read(path, 100000, &fixture->arena, &csv, &fixture->error)) fail_msg("%s", fixture->error.text);
  return csv;
}

static struct op gemm(uint64_t m, uint64_t n, uint64_t k, uint8_t element_bytes) {
  struct op op = op_new(OP_GEMM, element_bytes);
  const uint64_t dims[] = {1, m, n, k};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = m * k * element_bytes;
  op.weight_bytes = k * n * element_bytes;
  op.out_bytes = m * n * element_bytes;
  return op;
}

static void test_array_anchor(void **state) {
  struct fixture *fixture = *state;
  struct cost_settings *settings = &fixture->opcost.settings;
  struct machine machine = opcost_machine(&fixture->opcost, opcost_hardware(&fixture->opcost, "tpu128"));
  const struct op op = gemm(1024, 1024, 1024, 2);
  struct mapping mapping;
  settings->dataflow = DATAFLOW_WS;
  settings->array_overlap = OVERLAP_NONE;
  assert_int_equal(tensor_array_cycles(&machine, &op, &mapping), 89984);
  settings->array_overlap = OVERLAP_DOUBLE;
  assert_int_equal(tensor_array_cycles(&machine, &op, &mapping), 65918);
  settings->array_overlap = OVERLAP_IDEAL;
  assert_int_equal(tensor_array_cycles(&machine, &op, &mapping), 65536);
}

/* 1024³, 2 B, tiles 256 × 256 × 1024, N inside M: 2 + 8 + 2 MiB. Units leave the search these tiles alone. */
static void test_traffic_anchor(void **state) {
  (void)state;
  struct tile_problem problem = {.m = {.cores = 1, .length = 1024, .share = 1024, .scale = 1, .unit = 256},
                                 .n = {.cores = 1, .length = 1024, .share = 1024, .scale = 1, .unit = 256},
                                 .k = {.cores = 1, .length = 1024, .share = 1024, .scale = 1, .unit = 1024},
                                 .element_bytes = 2,
                                 .accumulator_bytes = 4,
                                 .buffering = 2,
                                 .rounds = 1,
                                 .abreast = 1,
                                 .rep_cores = 1};
  struct tiling tiling;
  uint64_t size[3];
  tiling_outer(&problem, 2 * (256 * 1024 * 2 + 1024 * 256 * 2) + 256 * 256 * 4, false, &tiling);
  tiling_sizes(&problem, &tiling.loops, NULL, size);
  assert_int_equal(tiling.bytes, 12 << 20);
  assert_int_equal(size[0], 256);
  assert_int_equal(size[1], 256);
  assert_int_equal(size[2], 1024);
  assert_string_equal(tiling.loops.order, "kmn");
}

static void test_scale_sim(void **state) {
  struct fixture *fixture = *state;
  struct opcost *opcost = &fixture->opcost;
  static const char *const names[] = {"ws", "os", "is"};
  const struct csv csv = table(fixture, "tests/data/opcost/systolic_closed_form.csv");
  opcost->settings.array_overlap = OVERLAP_NONE;
  opcost->settings.array_mapping = ARRAY_PLAIN;
  assert_int_equal(csv.n_rows, 528);
  for (size_t i = 0; i < csv.n_rows; i++) {
    const struct opcost_op *op = opcost_find(opcost, opcost_text(&csv, i, "layer"));
    const size_t hardware = opcost_hardware(opcost, opcost_text(&csv, i, "hw"));
    assert_non_null(op);
    assert_true(hardware != SIZE_MAX);
    opcost->settings.dataflow = DATAFLOW_ALL;
    for (uint64_t d = 0; d < 3; d++)
      if (strcmp(names[d], opcost_text(&csv, i, "dataflow")) == 0) opcost->settings.dataflow = d;
    assert_true(opcost->settings.dataflow != DATAFLOW_ALL);
    const struct machine machine = opcost_machine(opcost, hardware);
    struct mapping mapping;
    const uint64_t ours = tensor_array_cycles(&machine, &op->op, &mapping);
    if (ours != opcost_number(&csv, i, "compute_cycles"))
      fail_msg("%s on %s, %s: %llu, SCALE-Sim %s", op->name, opcost_text(&csv, i, "hw"),
               opcost_text(&csv, i, "dataflow"), (unsigned long long)ours, opcost_text(&csv, i, "compute_cycles"));
  }
}

static void test_bound(void **state) {
  struct fixture *fixture = *state;
  struct opcost *opcost = &fixture->opcost;
  const struct csv csv = table(fixture, "tests/data/opcost/bound.csv");
  assert_int_equal(csv.n_rows, 176);
  for (uint64_t overlap = OVERLAP_NONE; overlap <= OVERLAP_IDEAL; overlap++) {
    opcost->settings.array_overlap = overlap;
    for (size_t i = 0; i < csv.n_rows; i++) {
      const struct opcost_op *op = opcost_find(opcost, opcost_text(&csv, i, "layer"));
      const struct machine machine = opcost_machine(opcost, opcost_hardware(opcost, opcost_text(&csv, i, "hw")));
      struct op_cost cost;
      struct op_floor floor;
      physical_provider.op_cost(&machine, &op->op, NULL, 1, &cost);
      physical_provider.op_floor(&machine, &op->op, NULL, &floor);
      assert_int_equal(cost.bound_cycles, opcost_number(&csv, i, "lower_bound_cycles"));
      assert_int_equal(floor.hbm_bytes, opcost_number(&csv, i, "bytes_min"));
      assert_int_equal(cost.macs, opcost_number(&csv, i, "macs"));
      assert_true(cost.cycles >= cost.bound_cycles);
      assert_true(cost.hbm_bytes >= floor.hbm_bytes);
    }
  }
}

static bool cell_real(const struct csv *csv, size_t row, const char *column, double *value) {
  const char *cell = opcost_text(csv, row, column);
  return cell[0] != '\0' && text_to_double(cell, value);
}

struct tally {
  double log_peers, log_bound, log_double, worst;
  size_t n;
};

static void print_tally(const char *kind, const struct tally *tally) {
  const double n = (double)tally->n;
  print_message("%s, %zu rows: over min(Timeloop, ZigZag) geomean %.4f, worst %.4f; over the bound, ideal %.4f, with "
                "fill and drain %.4f\n",
                kind, tally->n, exp(tally->log_peers / n), tally->worst, exp(tally->log_bound / n),
                exp(tally->log_double / n));
}

/* Best of Timeloop and ZigZag, on the mapper's own terms (no fill, drain, first load, as they count). A row where a
 * peer claims less than the physical floor (one of ZigZag's: compulsory bytes over bandwidth) is judged by the floor.
 */
static void test_peers(void **state) {
  struct fixture *fixture = *state;
  struct opcost *opcost = &fixture->opcost;
  const struct csv csv = table(fixture, "tests/data/opcost/best.csv");
  static const char *const kinds[] = {"gemm", "conv", "dw"};
  struct tally tallies[3] = {0}, all = {0};
  size_t n_impossible = 0;
  for (size_t i = 0; i < csv.n_rows; i++) {
    double best = INFINITY, cycles, bound;
    if (cell_real(&csv, i, "timeloop_cycles", &cycles)) best = cycles;
    if (cell_real(&csv, i, "zigzag_cycles", &cycles)) best = fmin(best, cycles);
    assert_true(cell_real(&csv, i, "lower_bound_cycles", &bound));
    if (best < bound) n_impossible++;
    best = fmax(best, bound);
    const struct opcost_op *op = opcost_find(opcost, opcost_text(&csv, i, "layer"));
    const struct machine machine = opcost_machine(opcost, opcost_hardware(opcost, opcost_text(&csv, i, "hw")));
    struct op_cost ideal, full;
    opcost->settings.array_overlap = OVERLAP_IDEAL;
    physical_provider.op_cost(&machine, &op->op, NULL, 1, &ideal);
    opcost->settings.array_overlap = OVERLAP_DOUBLE;
    physical_provider.op_cost(&machine, &op->op, NULL, 1, &full);
    size_t k = 0;
    while (k < 3 && strcmp(kinds[k], opcost_text(&csv, i, "kind")) != 0) k++;
    assert_true(k < 3);
    struct tally *const both[] = {&tallies[k], &all};
    for (int t = 0; t < 2; t++) {
      both[t]->log_peers += log((double)ideal.cycles / best);
      both[t]->log_bound += log((double)ideal.cycles / bound);
      both[t]->log_double += log((double)full.cycles / bound);
      both[t]->worst = fmax(both[t]->worst, (double)ideal.cycles / best);
      both[t]->n++;
    }
  }
  for (size_t k = 0; k < 3; k++) {
    print_tally(kinds[k], &tallies[k]);
    assert_true(exp(tallies[k].log_peers / (double)tallies[k].n) <= 1.00);
    assert_true(tallies[k].worst <= 1.05);
  }
  print_tally("all", &all);
  print_message("%zu rows of peers lie below the physical floor\n", n_impossible);
  assert_true(exp(all.log_double / (double)all.n) <= 1.15);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_array_anchor, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_traffic_anchor, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_scale_sim, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_peers, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
