/* What single operators cost, on values worked out by hand from cost-model §2–4 and accelerator-search §9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/physical.h"
#include "arch/product.h"
#include "arch/schedule.h"
#include "base/checked.h"
#include "tests/machine_fixture.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_up(void **state) {
  static struct fixture fixture;
  fixture_init(&fixture, &(struct accelerator){.tc_count = 4,
                                               .tc_rows = 32,
                                               .tc_cols = 16,
                                               .tc_l2_kib = 8,
                                               .vc_count = 3,
                                               .vc_width = 128,
                                               .vc_l2_kib = 2,
                                               .glb_mib = 2,
                                               .clock_mhz = 700,
                                               .link_gbytes_per_s = 35,
                                               .hbm_bytes_per_cycle = 100});
  *state = &fixture;
  return 0;
}

static struct op vector_op(enum op_kind kind, uint64_t elements, uint64_t row) {
  struct op op = op_new(kind, 2);
  op.dim[DIM_ELEMENTS] = elements;
  op.dim[DIM_ROW] = row;
  op.in_bytes = op.out_bytes = 2 * elements;
  return op;
}

static struct op gemm_op(uint64_t m, uint64_t n, uint64_t k) {
  struct op op = op_new(OP_GEMM, 2);
  const uint64_t dims[] = {1, m, n, k};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = 2 * m * k;
  op.weight_bytes = 2 * k * n;
  op.out_bytes = 2 * m * n;
  return op;
}

static struct op conv_op(enum op_kind kind, enum op_phase phase, uint64_t channels, uint64_t size, uint64_t out,
                         uint64_t stride) {
  struct op op = op_new(kind, 2);
  op.phase = (uint8_t)phase;
  const uint64_t dims[OP_DIMS] = {5, channels, size, size, out, 3, 3, stride, 1, 1, kind == OP_CONV ? 1 : channels, 1};
  memcpy(op.dim, dims, sizeof dims);
  op.in_bytes = 2 * 5 * channels * size * size;
  op.weight_bytes = 2 * 9 * (kind == OP_CONV ? channels : 1) * out;
  op.out_bytes = 2 * 5 * out * op_conv_out_height(&op) * op_conv_out_width(&op);
  return op;
}

static struct op_cost price(const struct fixture *fixture, const struct cost_provider *provider, const struct op *op,
                            const struct op_follower *followers, uint64_t n_cores) {
  struct op_cost cost;
  provider->op_cost(&fixture->machine, op, followers, n_cores, &cost);
  return cost;
}

static void test_providers(void **state) {
  (void)state;
  assert_int_equal(n_cost_providers, 4);
  assert_string_equal(cost_providers[0]->name, "physical");
  assert_string_equal(cost_providers[1]->name, "compat");
  assert_string_equal(cost_providers[2]->name, "systolic");
  assert_string_equal(cost_providers[3]->name, "table");
  for (size_t i = 0; i < n_cost_providers; i++) {
    assert_non_null(cost_providers[i]->doc);
    assert_string_equal(config_find_field(&cost_fields, "provider")->choices[i], cost_providers[i]->name);
  }
}

/* Every kind that runs on vector cores has its row, hence its keys. */
static void test_vector_kinds_complete(void **state) {
  struct fixture *fixture = *state;
  size_t n = 0;
  for (unsigned kind = 0; kind < N_OP_KINDS; kind++) {
    if (op_kinds[kind].class != CLASS_VECTOR) continue;
    const struct op op = vector_op((enum op_kind)kind, 2385, 53);
    assert_true(vector_op_cycles(&fixture->machine, &op, 1) > 0);
    const char *key = arena_printf(&fixture->arena, "%s_backward_cycles", op_kinds[kind].name);
    const bool updates = kind == OP_SGD || kind == OP_MOMENTUM || kind == OP_ADAM; /* these have no gradient */
    assert_true((config_find_field(&cost_fields, key) == NULL) == updates);
    key = arena_printf(&fixture->arena, "%s_forward_cycles", op_kinds[kind].name);
    assert_non_null(config_find_field(&cost_fields, key));
    n++;
  }
  assert_true(n > 40);
}

static void test_machine(void **state) {
  struct fixture *fixture = *state;
  const struct machine *machine = &fixture->machine;
  assert_int_equal(machine->glb_bytes, 2 << 20);
  assert_int_equal(machine->glb_share_bytes, 1 << 19);
  assert_int_equal(machine->tensor_l2_bytes, 8192);
  assert_float_equal(machine->link_bytes_per_cycle, 50, 1e-12);
  assert_float_equal(machine->hbm_bytes_per_cycle, 100, 1e-12);
  fixture->settings.glb_sharers = 2;
  fixture->accelerator.vc_count = 0;
  machine_init(&fixture->machine, &fixture->settings, &fixture->technology, &fixture->accelerator);
  assert_int_equal(machine->glb_share_bytes, 1 << 20);
  assert_int_equal(machine->lanes, 0);
  fixture->accelerator.tc_count = 0;
  machine_init(&fixture->machine, &fixture->settings, &fixture->technology, &fixture->accelerator);
  assert_int_equal(machine->rows + machine->cols, 0);
}

static void test_missing_cores(void **state) {
  struct fixture *fixture = *state;
  fixture->accelerator.vc_count = fixture->accelerator.tc_count = 0;
  machine_init(&fixture->machine, &fixture->settings, &fixture->technology, &fixture->accelerator);
  const struct op relu = vector_op(OP_RELU, 2385, 0), gemm = gemm_op(77, 33, 11);
  for (size_t i = 0; i < n_cost_providers; i++) {
    assert_true(price(fixture, cost_providers[i], &relu, NULL, 1).cycles == UINT64_MAX);
    assert_true(price(fixture, cost_providers[i], &gemm, NULL, 1).cycles == UINT64_MAX);
  }
}

static void test_too_large(void **state) {
  struct fixture *fixture = *state;
  const struct op op = gemm_op(UINT64_C(1) << 40, UINT64_C(1) << 20, 1 << 20);
  struct op_floor floor;
  assert_true(price(fixture, &physical_provider, &op, NULL, 1).cycles == UINT64_MAX);
  physical_provider.op_floor(&fixture->machine, &op, NULL, &floor);
  assert_true(floor.compute_cycles == UINT64_MAX);
}

static void test_vector(void **state) {
  struct fixture *fixture = *state;
  /* 4·2385 bytes at 100 a cycle against ⌈2385/128⌉ lanes' worth */
  struct op op = vector_op(OP_RELU, 2385, 0);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 96);
  fixture->machine.hbm_bytes_per_cycle = 1e6;
  fixture->machine.glb_bytes_per_cycle = 1e6;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 19);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 3).cycles, 7);
  op.kind = OP_GELU;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 9 * 19);
  op.phase = PHASE_BACKWARD_DATA;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 12 * 19);
  /* 45 rows of 53: six steps across lanes each */
  op = vector_op(OP_SOFTMAX, 2385, 53);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 7 * 19 + 45 * 6);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 2).cycles, 7 * 10 + 23 * 6);
  /* 9 channels of 265: seven steps across 128 lanes each, however many rows their images have */
  op = vector_op(OP_BATCH_NORM, 2385, 265);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 5 * 19 + 9 * 7);
  const struct op_follower norm = {OP_BATCH_NORM, PHASE_FORWARD, 2385, 265};
  struct op gemm = gemm_op(45, 53, 1);
  gemm.n_followers = 1;
  assert_int_equal(vector_followers_cycles(&fixture->machine, &gemm, &norm, 1), 5 * 19 + 9 * 7);
  op = vector_op(OP_MAX_POOL, 2385, 0);
  op.dim[DIM_WINDOW] = 9;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 9 * 19);
  fixture->settings.lane_cycles[OP_MAX_POOL][0] = 5;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 45 * 19);
}

static void test_rows_read_again(void **state) {
  struct fixture *fixture = *state;
  /* 2 KiB of L2 hold rows of 1024 elements of 2 bytes, no more */
  struct op op = vector_op(OP_SOFTMAX, 3 * 1024, 1024);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, 4 * 3 * 1024);
  op = vector_op(OP_SOFTMAX, 3 * 1025, 1025);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, 8 * 3 * 1025);
  op.kind = OP_BATCH_NORM; /* cost-model §3: two are read, one is written */
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, 6 * 3 * 1025);
  op.kind = OP_LAYER_NORM;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, 6 * 3 * 1025);
  op.phase = PHASE_BACKWARD_DATA;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, 4 * 3 * 1025);
}

static void test_gemm(void **state) {
  struct fixture *fixture = *state;
  const struct op op = gemm_op(64, 48, 96);
  fixture->settings.dataflow = DATAFLOW_WS;
  /* 9 folds: 8·64 + 64 + 64 + 16 − 2; first blocks (32+16)·32 in, last 32·16 out, 2 bytes, 100 a cycle */
  const struct op_cost cost = price(fixture, &physical_provider, &op, NULL, 1);
  assert_int_equal(cost.cycles, 8 * 64 + 64 + 78 + 31 + 11);
  assert_int_equal(cost.hbm_bytes, 2 * (64 * 96 + 96 * 48 + 64 * 48));
  assert_int_equal(cost.macs, 64 * 48 * 96);
  assert_int_equal(cost.bound_cycles, 64 * 48 * 96 / 512);
  assert_int_equal(cost.mapping.split, '-');
  fixture->settings.array_overlap = OVERLAP_IDEAL;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 9 * 64);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 2).cycles, 9 * 32);
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 2).mapping.split, 'm');
  fixture->settings.transpose = true; /* ⌈96/16⌉·⌈48/32⌉ = 12 folds are worse, so nothing changes */
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 9 * 64);
}

/* 3 bytes an element of M x K at 100 a cycle, behind the product; not before the gradient of weights, nor where both
 * operands are activations. */
static void test_casts(void **state) {
  struct fixture *fixture = *state;
  for (unsigned phase = PHASE_FORWARD; phase <= PHASE_BACKWARD_WEIGHT; phase++)
    for (unsigned weighted = 0; weighted < 2; weighted++) {
      struct op op = gemm_op(530, 212, 371);
      op.phase = (uint8_t)phase;
      op.weighted = weighted == 1;
      const struct op_cost without = price(fixture, cost_providers[0], &op, NULL, 4);
      fixture->settings.cast_bytes = 3;
      const struct op_cost with = price(fixture, cost_providers[0], &op, NULL, 4);
      fixture->settings.cast_bytes = 0;
      const bool casts = weighted == 1 && phase != PHASE_BACKWARD_WEIGHT;
      assert_int_equal(with.hbm_bytes - without.hbm_bytes, casts ? 3 * 530 * 371 : 0);
      assert_int_equal(with.cycles - without.cycles, casts ? ceil_div(3 * 530 * 371, 100) : 0);
      assert_int_equal(with.bound_cycles, without.bound_cycles);
    }
}

/* A share of the global buffer smaller than the core's own L2 is passed through. */
static void test_small_glb_share(void **state) {
  struct fixture *fixture = *state;
  const struct op op = gemm_op(333, 222, 111);
  fixture->machine.tensor_l2_bytes = 1 << 20;
  fixture->machine.glb_share_bytes = 1 << 19;
  const uint64_t once = price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes;
  assert_int_equal(once, 2 * (333 * 111 + 111 * 222 + 333 * 222));
  fixture->machine.glb_share_bytes = 999;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, once);
  fixture->machine.tensor_l2_bytes = 999;
  assert_true(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes > 4 * once);
}

static void test_followers(void **state) {
  struct fixture *fixture = *state;
  struct op op = gemm_op(64, 48, 96);
  fixture->settings.dataflow = DATAFLOW_WS;
  const struct op_follower followers[] = {{OP_GELU, PHASE_FORWARD, 64 * 48, 0}, {OP_ADD, PHASE_FORWARD, 64 * 48, 0}};
  op.n_followers = 2;
  const uint64_t alone = 8 * 64 + 64 + 78 + 31 + 11;
  struct op_cost cost = price(fixture, &physical_provider, &op, followers, 1);
  assert_int_equal(cost.cycles, alone + 16); /* 10 × 24 lane cycles hide behind the array; its fill of b does not */
  assert_int_equal(cost.lane_cycles, 240 * 128);
  assert_int_equal(physical_provider.op_classes(&fixture->machine, &op, followers),
                   1 << CORE_TENSOR | 1 << CORE_VECTOR);
  fixture->settings.lane_cycles[OP_GELU][0] = 99;
  cost = price(fixture, &physical_provider, &op, followers, 1);
  assert_int_equal(cost.cycles, 100 * 24 + 31 + 11 + 16);
  /* the public rule: a constant on top, no bandwidth of its own */
  const struct op plain = gemm_op(64, 48, 96);
  const uint64_t base = price(fixture, &compat_provider, &plain, NULL, 1).cycles;
  assert_int_equal(price(fixture, &compat_provider, &op, followers, 1).cycles, base + 2);
}

static void test_deconvolution_parts(void **state) {
  (void)state;
  struct op op = conv_op(OP_CONV, PHASE_BACKWARD_DATA, 7, 14, 11, 2);
  struct product product;
  assert_true(product_init(&op, DECONV_DECOMPOSED, &product));
  assert_int_equal(product.n_parts, 4);
  assert_int_equal(product_macs(&product), op_macs(&op)); /* 14 is even: residues are of equal size */
  assert_int_equal(product.m, 5 * 14 * 14);
  assert_int_equal(product.n, 7);
  assert_true(product_init(&op, DECONV_DENSE, &product));
  assert_int_equal(product_macs(&product), 4 * op_macs(&op));
  op.phase = PHASE_BACKWARD_WEIGHT;
  assert_true(product_init(&op, DECONV_DECOMPOSED, &product));
  assert_int_equal(product.m, 63);
  assert_int_equal(product.k, 5 * 7 * 7);
  op.phase = PHASE_FORWARD;
  op.dim[DIM_FILTER_HEIGHT] = 99; /* no output at all */
  assert_false(product_init(&op, DECONV_DECOMPOSED, &product));
}

static void test_depthwise_choice(void **state) {
  struct fixture *fixture = *state;
  const struct op op = conv_op(OP_DEPTHWISE, PHASE_FORWARD, 33, 14, 33, 1);
  assert_int_equal(physical_provider.op_classes(&fixture->machine, &op, NULL), 1 << CORE_VECTOR);
  struct op_cost cost = price(fixture, &physical_provider, &op, NULL, 1);
  assert_true(cost.mapping.on_vector);
  assert_int_equal(cost.cycles, 9 * 253); /* ⌈33·5·14·14/128⌉ · 9 */
  fixture->settings.depthwise_on = DEPTHWISE_TC;
  assert_int_equal(physical_provider.op_classes(&fixture->machine, &op, NULL), 1 << CORE_TENSOR);
  cost = price(fixture, &physical_provider, &op, NULL, 1);
  assert_false(cost.mapping.on_vector);
  assert_true(cost.cycles > 9 * 253);
}

static void test_links(void **state) {
  struct fixture *fixture = *state;
  struct op op = op_new(OP_ALL_REDUCE, 2);
  op.dim[DIM_BYTES] = 70000;
  op.dim[DIM_RANKS] = 7;
  /* 2·6/7·70000 bytes at 50 a cycle, 12 steps */
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 2400 + 12 * 1000);
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 2400);
  assert_int_equal(physical_provider.op_classes(&fixture->machine, &op, NULL), 1 << CORE_LINK);
  assert_int_equal(compat_provider.op_classes(&fixture->machine, &op, NULL), 1 << CORE_VECTOR);
  op.kind = OP_ALL_GATHER;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 1200 + 6 * 1000);
  struct op_floor floor;
  physical_provider.op_floor(&fixture->machine, &op, NULL, &floor);
  assert_int_equal(floor.memory_cycles, 1200);
  op.dim[DIM_RANKS] = 1;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 0);
  op.dim[DIM_RANKS] = 3;
  fixture->machine.link_bytes_per_cycle = 0;
  assert_true(price(fixture, &physical_provider, &op, NULL, 1).cycles == UINT64_MAX);
}

/* The same over a network: eight at the design's 47 GB/s, four at 100, the rest at 25. */
static void test_network(void **state) {
  struct fixture *fixture = *state;
  struct network_settings network;
  config_defaults(&network_fields, &fixture->arena, &network);
  fixture->settings.network = &network;
  fixture->accelerator.link_gbytes_per_s = 47;
  machine_init(&fixture->machine, &fixture->settings, &fixture->technology, &fixture->accelerator);
  const double clock_hz = (double)fixture->accelerator.clock_mhz * 1e6;
  struct op op = op_new(OP_ALL_REDUCE, 2);
  op.dim[DIM_BYTES] = 7000000;
  op.dim[DIM_RANKS] = 8;
  struct op_floor floor;
  const double wire_s = 2 * 7 / 8. * 7e6 / 47e9, outer_s = 2 * 7e6 / 25e9 * 3 / 4;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, ceil((6e-6 + wire_s) * clock_hz));
  assert_int_equal(price(fixture, &systolic_provider, &op, NULL, 1).cycles, ceil((6e-6 + wire_s) * clock_hz));
  physical_provider.op_floor(&fixture->machine, &op, NULL, &floor);
  assert_int_equal(floor.memory_cycles, ceil(wire_s * clock_hz * (1 - 1e-12)));
  op.dim[DIM_RANKS] = 4;
  op.dim[DIM_RANK_STRIDE] = 32;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, ceil((20e-6 + outer_s) * clock_hz));
  op.in_bytes = op.out_bytes = 7000000000; /* more than HBM moves meanwhile */
  const struct op_cost cost = price(fixture, &physical_provider, &op, NULL, 1);
  assert_int_equal(cost.hbm_bytes, 14000000000);
  assert_int_equal(cost.cycles, cycles_for_bytes(14000000000, fixture->machine.hbm_bytes_per_cycle));
  /* compat has no network but the ring of the design's links */
  op.dim[DIM_RANKS] = 1; /* nobody to talk to: nothing moves */
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).hbm_bytes, 0);
  op.dim[DIM_RANKS] = 4;
  op.in_bytes = op.out_bytes = 0;
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles,
                   ceil(1.5 * 7e6 / fixture->machine.link_bytes_per_cycle));
  op.dim[DIM_RANKS] = 1;
  assert_int_equal(price(fixture, &physical_provider, &op, NULL, 1).cycles, 0);
  op.dim[DIM_RANKS] = 4;
  op.dim[DIM_RANK_STRIDE] = 0;
  fixture->accelerator.link_gbytes_per_s = 0;
  machine_init(&fixture->machine, &fixture->settings, &fixture->technology, &fixture->accelerator);
  assert_true(price(fixture, &physical_provider, &op, NULL, 1).cycles == UINT64_MAX);
}

static void test_compat_vector(void **state) {
  struct fixture *fixture = *state;
  struct op op = vector_op(OP_TANH, 2385, 0);
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 27 * 19);
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 2).cycles, 27 * 10);
  op = vector_op(OP_SOFTMAX, 45 * 530, 530); /* rows · chunks + 10 + 10·⌈n/L⌉ */
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 45 * 5 + 10 + 10 * 187);
  op.phase = PHASE_BACKWARD_DATA;
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 2 * 187);
  /* div: x 300 of rank 1, y 1000 of rank 2 */
  op = vector_op(OP_DIV, 1000, 0);
  op.dim[DIM_OPERANDS] = 2;
  op.dim[DIM_X_ELEMENTS] = 300;
  op.dim[DIM_X_RANK] = 1;
  op.dim[DIM_Y_ELEMENTS] = 1000;
  op.dim[DIM_Y_RANK] = 2;
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 10 * 8);
  op.dim[DIM_X_RANK] = 3; /* the higher rank decides, though it is smaller */
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 10 * 3);
  op.phase = PHASE_BACKWARD_DATA; /* y larger: counted twice */
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 21 * 8);
  op.dim[DIM_X_ELEMENTS] = 2000;
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 10 * 16 + 11 * 8);
  op.dim[DIM_OPERANDS] = 1;
  assert_int_equal(price(fixture, &compat_provider, &op, NULL, 1).cycles, 10 * 16);
  /* a fused chain: followers alone, on the head's elements */
  const struct op_follower followers[] = {{OP_SQRT, PHASE_FORWARD, 9, 0}, {OP_SIGMOID, PHASE_FORWARD, 9, 0}};
  op = vector_op(OP_POW, 2385, 0);
  op.n_followers = 2;
  assert_int_equal(price(fixture, &compat_provider, &op, followers, 1).cycles, 27 * 19);
  op = vector_op(OP_EMBEDDING, 2385, 0);
  assert_int_equal(compat_provider.op_classes(&fixture->machine, &op, NULL), 0);
}

static void test_energy_prefers_fewer_bytes(void **state) {
  struct fixture *fixture = *state;
  const struct op op = gemm_op(999, 333, 777);
  const struct op_cost latency = price(fixture, &physical_provider, &op, NULL, 4);
  fixture->settings.map_objective = MAP_ENERGY;
  const struct op_cost energy = price(fixture, &physical_provider, &op, NULL, 4);
  fixture->settings.map_objective = MAP_EDP;
  const struct op_cost edp = price(fixture, &physical_provider, &op, NULL, 4);
  assert_true(latency.cycles <= edp.cycles);
  assert_true(latency.cycles <= energy.cycles);
  assert_true(energy.hbm_bytes <= latency.hbm_bytes);
}

/* A provider that beats a roofline is stopped, whatever the build. */
static void test_roofline_is_enforced(void **state) {
  (void)state;
  const struct op op = gemm_op(3, 5, 7);
  const struct op_cost cost = {.cycles = 2384, .bound_cycles = 2385};
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == NULL) _exit(2);
    signal(SIGABRT, SIG_DFL);
    cost_check(&op, &cost);
    _exit(0);
  }
  int status = 0;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_providers),
      cmocka_unit_test_setup_teardown(test_vector_kinds_complete, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_machine, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_missing_cores, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_too_large, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_vector, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_rows_read_again, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_gemm, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_casts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_small_glb_share, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_followers, set_up, tear_down),
      cmocka_unit_test(test_deconvolution_parts),
      cmocka_unit_test_setup_teardown(test_depthwise_choice, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_network, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_compat_vector, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_energy_prefers_fewer_bytes, set_up, tear_down),
      cmocka_unit_test(test_roofline_is_enforced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
