/* Fused attention, transposed convolutions and matrix products on lanes: values worked out by hand from cost-model §2,
 * and what must be equal to what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/physical.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "tests/machine_fixture.h"
#include <string.h>

static int set_up(void **state) {
  static struct fixture fixture;
  fixture_init(&fixture, &(struct accelerator){.tc_count = 4,
                                               .tc_rows = 16,
                                               .tc_cols = 16,
                                               .tc_l2_kib = 64,
                                               .vc_count = 4,
                                               .vc_width = 128,
                                               .vc_l2_kib = 16,
                                               .glb_mib = 2,
                                               .clock_mhz = 700,
                                               .hbm_bytes_per_cycle = 100});
  fixture.settings.array_overlap = OVERLAP_IDEAL;
  *state = &fixture;
  return 0;
}

static struct op_cost price(const struct fixture *fixture, const struct op *op, uint64_t n_cores) {
  struct op_cost cost;
  physical_provider.op_cost(&fixture->machine, op, NULL, n_cores, &cost);
  return cost;
}

/* --- attention ----------------------------------------------------------------------------------------------------*/

enum { REPS = 6, M = 160, N = 96, K = 48 };

static struct op attention(enum op_phase phase, uint64_t m, uint64_t n, uint64_t sharers) {
  struct op op = op_new(OP_ATTENTION, 2);
  op.phase = (uint8_t)phase;
  const uint64_t dims[OP_DIMS] = {REPS, m, n, K, 0, sharers};
  memcpy(op.dim, dims, sizeof dims);
  const uint64_t queries = 2 * REPS * m * K, keys = 2 * 2 * (REPS / sharers) * n * K;
  op.in_bytes = queries + keys + (phase == PHASE_FORWARD ? 0 : 2 * queries + 4 * REPS * m);
  op.out_bytes = queries + (phase == PHASE_FORWARD ? 0 : keys);
  return op;
}

/* Both products fill the array: 2·M·N·K multiply-accumulates a head at 256 a cycle; bytes of Q, K, V, O alone. */
static void test_forward(void **state) {
  struct fixture *fixture = *state;
  const struct op op = attention(PHASE_FORWARD, M, N, 1);
  fixture->machine.hbm_bytes_per_cycle = 1e9;
  fixture->settings.lane_cycles[OP_SOFTMAX][0] = 0;
  const struct op_cost cost = price(fixture, &op, 1);
  assert_int_equal(cost.macs, 2 * REPS * M * N * K);
  assert_int_equal(cost.cycles, 2 * REPS * M * N * K / 256);
  assert_int_equal(cost.hbm_bytes, 2 * REPS * (2 * M + 2 * N) * K);
  assert_true(cost.glb_bytes >= cost.hbm_bytes && cost.array_bytes > cost.glb_bytes);
  assert_int_equal(cost.bound_cycles, cost.cycles);
  const struct op back = attention(PHASE_BACKWARD_DATA, M, N, 1);
  fixture->settings.lane_cycles[OP_SOFTMAX][1] = fixture->settings.lane_cycles[OP_EXP][0] = 0;
  const struct op_cost backward = price(fixture, &back, 1);
  assert_int_equal(backward.macs, 5 * REPS * M * N * K);
  assert_int_equal(backward.cycles, 5 * REPS * M * N * K / 256);
  assert_int_equal(backward.hbm_bytes, 2 * REPS * (4 * M + 4 * N) * K + 4 * REPS * M);
}

static void test_memory_or_lanes(void **state) {
  struct fixture *fixture = *state;
  const struct op op = attention(PHASE_FORWARD, M, N, 1);
  fixture->machine.hbm_bytes_per_cycle = 0.5;
  assert_int_equal(price(fixture, &op, 1).cycles, 2 * 2 * REPS * (2 * M + 2 * N) * K);
  fixture->machine.hbm_bytes_per_cycle = 1e9;
  fixture->settings.lane_cycles[OP_SOFTMAX][0] = 999;
  /* 720 lanes' worth of scores at 999 and the rescaling */
  assert_int_equal(price(fixture, &op, 1).cycles, REPS * M * N / 128 * 1000);
  struct op dropped = op;
  dropped.dim[DIM_ADDENDS] = 2;
  dropped.dim[DIM_DROPOUT] = 1;
  assert_int_equal(price(fixture, &dropped, 1).cycles, REPS * M * N / 128 * (1000 + 2 + 2));
  /* a machine without lanes has nobody for the softmax */
  fixture->machine.lanes = 0;
  assert_true(price(fixture, &op, 1).cycles == UINT64_MAX);
}

static void test_filling(void **state) {
  struct fixture *fixture = *state;
  const struct op op = attention(PHASE_FORWARD, M, N, 1);
  const uint64_t ideal = price(fixture, &op, 1).cycles;
  fixture->settings.array_overlap = OVERLAP_DOUBLE;
  const uint64_t filled = price(fixture, &op, 1).cycles;
  assert_true(filled > ideal && filled < ideal + ideal / 8);
}

/* A head's K and V take 2·1536·48·2 = 294,912 bytes, a query 48·(2+4) + 8 + 16·2 = 328. A share that holds both moves
 * each once; one that does not, K and V a tile: as many queries as fit beside two blocks of 16 keys. */
static void test_keys_that_do_not_fit(void **state) {
  struct fixture *fixture = *state;
  enum { KEYS = 1536, HEAD = 2 * KEYS * K * 2, ROW = 328, BLOCKS = 2 * 2 * 16 * K * 2 };
  const struct op op = attention(PHASE_FORWARD, M, KEYS, 1);
  const uint64_t once = 2 * REPS * (2 * M + 2 * KEYS) * K;
  fixture->machine.hbm_bytes_per_cycle = 1; /* so that bytes decide */
  fixture->machine.glb_share_bytes = HEAD + ROW;
  assert_int_equal(price(fixture, &op, 1).hbm_bytes, once);
  fixture->machine.glb_share_bytes = HEAD + ROW - 1; /* now all queries are one tile */
  assert_int_equal(price(fixture, &op, 1).hbm_bytes, once);
  for (uint64_t tiles = 2; tiles <= 4; tiles++) { /* 80, 54, 40 queries */
    fixture->machine.glb_share_bytes = BLOCKS + ROW * ceil_div(M, tiles);
    assert_int_equal(price(fixture, &op, 1).hbm_bytes, once + REPS * (tiles - 1) * HEAD);
  }
  fixture->machine.glb_share_bytes = BLOCKS + ROW * 80; /* two cores bring two shares, but a head is one core's */
  assert_int_equal(price(fixture, &op, 2).hbm_bytes, once + REPS * HEAD);
  /* three heads share a key: 480 queries pass in tiles of 80 */
  const struct op shared = attention(PHASE_FORWARD, M, KEYS, 3);
  assert_int_equal(price(fixture, &shared, 1).hbm_bytes, 2 * REPS * 2 * M * K + REPS / 3 * HEAD + REPS / 3 * 5 * HEAD);
}

/* Few keys and many queries: keys stay, and tiles of ten queries cost nothing more. */
static void test_keys_that_fit(void **state) {
  struct fixture *fixture = *state;
  enum { KEYS = 32, HEAD = 2 * KEYS * K * 2, ROW = 328 };
  const struct op op = attention(PHASE_FORWARD, M, KEYS, 1);
  fixture->machine.hbm_bytes_per_cycle = 1;
  fixture->machine.glb_share_bytes = HEAD + 10 * ROW;
  assert_int_equal(price(fixture, &op, 1).hbm_bytes, op.in_bytes + op.out_bytes);
  fixture->machine.glb_share_bytes = HEAD + ROW - 1; /* not even one query beside them */
  assert_true(price(fixture, &op, 1).hbm_bytes > op.in_bytes + op.out_bytes);
}

/* Backward partial sums of dK and dV pass as well: out and back, 4 bytes each, but for the first and last time. */
static void test_backward_passes(void **state) {
  struct fixture *fixture = *state;
  enum { KEYS = 1536, ROW = 2 * K * 2 + K * 4 + 8 + 2 * 16 * 2, BLOCKS = 2 * 16 * K * 2 * (2 + 4) };
  const struct op op = attention(PHASE_BACKWARD_DATA, M, KEYS, 1);
  const uint64_t once = op.in_bytes + op.out_bytes;
  fixture->machine.hbm_bytes_per_cycle = 1;
  fixture->machine.glb_share_bytes = BLOCKS + ROW * 80;
  assert_int_equal(price(fixture, &op, 1).hbm_bytes, once + REPS * KEYS * K * (2 * 2 + 4 * 4));
  fixture->machine.glb_share_bytes = UINT64_C(1) << 30;
  assert_int_equal(price(fixture, &op, 1).hbm_bytes, once);
}

/* Tiles of 16 queries meet 16, 32, … keys: 36/64 of the square for eight tiles. */
static void test_causal(void **state) {
  struct fixture *fixture = *state;
  struct op op = attention(PHASE_FORWARD, 128, 128, 1);
  fixture->machine.hbm_bytes_per_cycle = 1e9;
  fixture->settings.lane_cycles[OP_SOFTMAX][0] = 0;
  const uint64_t full = price(fixture, &op, 1).cycles;
  op.dim[DIM_CAUSAL] = 1;
  const struct op_cost cost = price(fixture, &op, 1);
  assert_int_equal(cost.macs, 2 * REPS * (128 * 129 / 2) * K);
  assert_int_equal(full, 2 * REPS * 128 * 128 * K / 256);
  /* 72 keys on average, in folds of 16 columns or rows */
  assert_true(cost.cycles >= full * 36 / 64 && cost.cycles <= full * 40 / 64);
}

/* Heads first, then rows of a head. */
static void test_cores(void **state) {
  struct fixture *fixture = *state;
  const struct op op = attention(PHASE_FORWARD, M, N, 1);
  fixture->machine.hbm_bytes_per_cycle = fixture->machine.glb_bytes_per_cycle = 1e9;
  fixture->settings.lane_cycles[OP_SOFTMAX][0] = 0;
  const uint64_t head = 2 * M * N * K / 256;
  assert_int_equal(price(fixture, &op, 1).mapping.split, '-');
  assert_int_equal(price(fixture, &op, 2).cycles, 3 * head);
  assert_int_equal(price(fixture, &op, 4).cycles, 2 * head);
  assert_int_equal(price(fixture, &op, 6).cycles, head);
  assert_int_equal(price(fixture, &op, 6).mapping.split, 'b');
  assert_int_equal(price(fixture, &op, 12).cycles, head / 2);
  assert_int_equal(price(fixture, &op, 12).mapping.split, 'm');
  assert_int_equal(price(fixture, &op, 12).hbm_bytes, price(fixture, &op, 1).hbm_bytes);
}

static void test_classes_and_ends(void **state) {
  struct fixture *fixture = *state;
  struct op op = attention(PHASE_FORWARD, M, N, 1);
  assert_int_equal(physical_provider.op_classes(&fixture->machine, &op, NULL), 1u << CORE_TENSOR | 1u << CORE_VECTOR);
  op.dim[DIM_N] = 0; /* nothing to multiply: bytes alone */
  assert_int_equal(price(fixture, &op, 1).cycles, ceil_div(op.in_bytes + op.out_bytes, 100));
  op.dim[DIM_M] = op.dim[DIM_N] = UINT64_C(1) << 26; /* counts its multiplications, but not every byte */
  assert_true(op_macs(&op) < UINT64_MAX && price(fixture, &op, 1).cycles == UINT64_MAX);
  for (int i = 0; i < 4; i++) op.dim[i] = UINT64_C(1) << 40;
  struct op_floor floor;
  assert_true(price(fixture, &op, 1).cycles == UINT64_MAX);
  physical_provider.op_floor(&fixture->machine, &op, NULL, &floor);
  assert_true(floor.compute_cycles == UINT64_MAX);
}

/* Scores that stay on the chip cannot cost more than scores that cross it four times. */
static void test_against_separate(void **state) {
  struct fixture *fixture = *state;
  fixture->settings.array_overlap = OVERLAP_DOUBLE;
  fixture->settings.tensor_on = DEPTHWISE_TC;
  const struct op fused = attention(PHASE_FORWARD, 1024, 1024, 1);
  struct op first = op_new(OP_GEMM, 2), softmax = op_new(OP_SOFTMAX, 2);
  const uint64_t dims[] = {REPS, 1024, 1024, K}, scores = UINT64_C(2) * REPS * 1024 * 1024;
  memcpy(first.dim, dims, sizeof dims);
  first.in_bytes = 2 * 2 * REPS * 1024 * K;
  first.out_bytes = softmax.in_bytes = softmax.out_bytes = scores;
  softmax.dim[DIM_ELEMENTS] = REPS * 1024 * 1024;
  softmax.dim[DIM_ROW] = 1024;
  struct op second = first;
  second.dim[DIM_N] = K;
  second.dim[DIM_K] = 1024;
  second.in_bytes = scores + 2 * REPS * 1024 * K;
  second.out_bytes = 2 * REPS * 1024 * K;
  const uint64_t apart =
      price(fixture, &first, 1).cycles + price(fixture, &softmax, 1).cycles + price(fixture, &second, 1).cycles;
  assert_true(price(fixture, &fused, 1).cycles < apart);
  assert_true(price(fixture, &fused, 1).hbm_bytes + 4 * scores <=
              price(fixture, &first, 1).hbm_bytes + 2 * scores + price(fixture, &second, 1).hbm_bytes);
}

/* --- transposed convolutions --------------------------------------------------------------------------------------*/

static void test_transposed(void **state) {
  struct fixture *fixture = *state;
  const uint64_t dims[OP_DIMS] = {5, 24, 33, 31, 40, 4, 3, 2, 1, 1, 2, 1};
  static const enum op_phase phases[][2] = {{PHASE_FORWARD, PHASE_BACKWARD_DATA},
                                            {PHASE_BACKWARD_DATA, PHASE_FORWARD},
                                            {PHASE_BACKWARD_WEIGHT, PHASE_BACKWARD_WEIGHT}};
  for (size_t i = 0; i < 3; i++) {
    struct op transposed = op_new(OP_TRANSPOSED_CONV, 2), conv = op_new(OP_CONV, 2);
    memcpy(transposed.dim, dims, sizeof dims);
    transposed.in_bytes = 77777;
    transposed.out_bytes = 88888;
    transposed.weight_bytes = 9999;
    transposed.phase = (uint8_t)phases[i][0];
    conv = transposed;
    conv.kind = OP_CONV;
    conv.phase = (uint8_t)phases[i][1];
    const struct op_cost a = price(fixture, &transposed, 2), b = price(fixture, &conv, 2);
    assert_memory_equal(&a, &b, sizeof a);
    struct op_floor p, q;
    physical_provider.op_floor(&fixture->machine, &transposed, NULL, &p);
    physical_provider.op_floor(&fixture->machine, &conv, NULL, &q);
    assert_memory_equal(&p, &q, sizeof p);
    assert_int_equal(op_macs(&transposed), op_macs(&conv));
  }
}

/* --- lanes --------------------------------------------------------------------------------------------------------*/

static struct op gemm(uint64_t reps, uint64_t m, uint64_t n, uint64_t k) {
  struct op op = op_new(OP_GEMM, 2);
  const uint64_t dims[] = {reps, m, n, k};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = 2 * reps * m * k;
  op.weight_bytes = 2 * reps * k * n;
  op.out_bytes = 2 * reps * m * n;
  return op;
}

static void test_lanes_time(void **state) {
  struct fixture *fixture = *state;
  struct op op = gemm(1, 3, 100, 77); /* 300 outputs on 128 lanes, 77 deep */
  assert_int_equal(lanes_product_cycles(&fixture->machine, &op, 1), 3 * 77);
  assert_int_equal(lanes_product_cycles(&fixture->machine, &op, 2), 2 * 77);
  op = gemm(1, 1, 3, 2385); /* all lanes on one output: ⌈2385/128⌉ and a tree of 7 */
  assert_int_equal(lanes_product_cycles(&fixture->machine, &op, 1), 3 * (19 + 7));
  assert_int_equal(lanes_product_cycles(&fixture->machine, &op, 2), 2 * (19 + 7));
}

static void test_lanes_bytes(void **state) {
  struct fixture *fixture = *state;
  uint64_t hbm, glb;
  fixture->machine.vector_l2_bytes = 0;
  fixture->machine.glb_share_bytes = 2 * 2 * 64 * 10; /* half of it holds ten rows of A or columns of B */
  struct op op = gemm(3, 50, 200, 64);
  lanes_product_bytes(&fixture->machine, &op, 1, &hbm, &glb);
  /* A stays in blocks of ten, B passes five times; or columns stay, and A passes twenty times; or 17 × 17 outputs */
  assert_int_equal(hbm, 3 * 2 * (50 * 64 + 5 * 64 * 200 + 50 * 200));
  assert_true(glb > hbm);
  fixture->machine.vector_l2_bytes = fixture->machine.glb_share_bytes = 1 << 20;
  lanes_product_bytes(&fixture->machine, &op, 1, &hbm, &glb);
  assert_int_equal(hbm, op.in_bytes + op.weight_bytes + op.out_bytes);
  assert_int_equal(glb, hbm);
  lanes_product_bytes(&fixture->machine, &op, 3, &hbm, &glb); /* a head each */
  assert_int_equal(glb, hbm);
  op = gemm(1, 50, 200, 64);
  lanes_product_bytes(&fixture->machine, &op, 2, &hbm, &glb); /* columns shared out, A goes to both */
  assert_int_equal(hbm, op.in_bytes + op.weight_bytes + op.out_bytes);
  assert_int_equal(glb, hbm + op.in_bytes);
}

static unsigned classes(const struct fixture *fixture, const struct op *op) {
  return physical_provider.op_classes(&fixture->machine, op, NULL);
}

static void test_lanes_choice(void **state) {
  struct fixture *fixture = *state;
  const struct op vector = gemm(1, 1, 4096, 512), matrix = gemm(1, 512, 4096, 512);
  fixture->settings.array_overlap = OVERLAP_DOUBLE;
  assert_int_equal(classes(fixture, &vector), 1u << CORE_VECTOR); /* the array streams one row past each block */
  assert_int_equal(classes(fixture, &matrix), 1u << CORE_TENSOR);
  assert_true(price(fixture, &vector, 1).mapping.on_vector && !price(fixture, &matrix, 1).mapping.on_vector);
  fixture->settings.tensor_on = DEPTHWISE_TC;
  assert_int_equal(classes(fixture, &vector), 1u << CORE_TENSOR);
  fixture->settings.tensor_on = DEPTHWISE_VC;
  assert_int_equal(classes(fixture, &matrix), 1u << CORE_VECTOR);
  assert_int_equal(price(fixture, &matrix, 1).cycles, UINT64_C(512) * 4096 * 512 / 128);
  fixture->settings.tensor_on = DEPTHWISE_AUTO;
  fixture->machine.lanes = 0;
  assert_int_equal(classes(fixture, &vector), 1u << CORE_TENSOR);
  fixture->machine.lanes = 128;
  fixture->machine.rows = fixture->machine.cols = 0; /* lanes alone do it all */
  assert_int_equal(classes(fixture, &matrix), 1u << CORE_VECTOR);
}

static void check_choice(const struct fixture *fixture, const struct op *op, unsigned count[2]) {
  struct mapping mapping;
  const uint64_t lanes = lanes_product_cycles(&fixture->machine, op, 1);
  const bool sooner = lanes < tensor_array_cycles(&fixture->machine, op, &mapping);
  assert_int_equal(lanes_are_sooner(&fixture->machine, op, 0), sooner);
  count[sooner]++;
}

/* The quick test before the array's plans are made must never change the choice. */
static void test_choice_is_by_cycles(void **state) {
  struct fixture *fixture = *state;
  unsigned count[2] = {0};
  for (fixture->settings.dataflow = 0; fixture->settings.dataflow <= DATAFLOW_ALL; fixture->settings.dataflow++) {
    for (uint64_t m = 1; m <= 40; m += 3) {
      for (uint64_t n = 1; n <= 3000; n = 3 * n + 1) {
        for (uint64_t k = 1; k <= 3000; k = 4 * k + 3) {
          const struct op op = gemm(1 + m % 3, m, n, k);
          check_choice(fixture, &op, count);
        }
      }
    }
    for (uint64_t channels = 1; channels <= 40; channels += 3) {
      for (uint64_t stride = 1; stride <= 3; stride++) {
        struct op op = op_new(OP_CONV, 2);
        const uint64_t dims[OP_DIMS] = {2, channels, 31, 29, 41 - channels, 5, 3, stride, 1, 1, 1, 1};
        memcpy(op.dim, dims, sizeof dims);
        for (op.phase = 0; op.phase < PHASE_UPDATE; op.phase++) check_choice(fixture, &op, count);
      }
    }
  }
  assert_true(count[0] > 100 && count[1] > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_forward, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_memory_or_lanes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_filling, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_keys_that_do_not_fit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_keys_that_fit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_backward_passes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_causal, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_cores, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_classes_and_ends, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_against_separate, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_transposed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_lanes_time, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_lanes_bytes, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_lanes_choice, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_choice_is_by_cycles, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
