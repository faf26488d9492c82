/* How long do waves of tiles take, on values worked out by hand from waves.c's source (NVIDIA's guide)? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/physical.h"
#include "arch/waves.h"
#include "base/checked.h"
#include "base/rng.h"
#include "tests/machine_fixture.h"
#include <stdio.h>

/* 128 cores that stand for 108 multiprocessors of 1024 multiply-accumulates a cycle, 64 lanes each. */
static int set_up(void **state) {
  static struct fixture fixture;
  fixture_init(&fixture, &(struct accelerator){.tc_count = 128,
                                               .tc_rows = 32,
                                               .tc_cols = 27,
                                               .tc_l2_kib = 162,
                                               .vc_count = 128,
                                               .vc_width = 54,
                                               .vc_l2_kib = 216,
                                               .glb_mib = 40,
                                               .clock_mhz = 1410,
                                               .hbm_bytes_per_cycle = 1446});
  fixture.settings.wave_cores = 108;
  *state = &fixture;
  return 0;
}

static struct op gemm_op(uint64_t reps, uint64_t m, uint64_t n, uint64_t k) {
  struct op op = op_new(OP_GEMM, 2);
  op.dim[DIM_REPS] = reps, op.dim[DIM_M] = m, op.dim[DIM_N] = n, op.dim[DIM_K] = k;
  op.in_bytes = 2 * reps * (m + n) * k;
  op.out_bytes = 2 * reps * m * n;
  return op;
}

static uint64_t waves_of(struct fixture *fixture, const struct op *op, uint64_t n_cores) {
  struct product product;
  assert_true(product_init(op, DECONV_DECOMPOSED, &product));
  return waves_cycles(&fixture->machine, op, &product, n_cores);
}

/* 128 × 256: 336 tiles, 4 waves of 131,072 cycles; 128 × 128: 672 tiles, 7 waves of 65,536. */
static void tiles_run_in_waves(void **state) {
  struct fixture *const fixture = *state;
  const struct op op = gemm_op(1, 2048, 5376, 4096), even = gemm_op(1, 108 * 128, 256, 4096);
  assert_int_equal(waves_of(fixture, &op, 128), 7 * 65536);
  assert_int_equal(waves_of(fixture, &even, 128), 131072);  /* one full wave */
  assert_int_equal(waves_of(fixture, &op, 64), 13 * 65536); /* half of them: 672 tiles over 54 */
  fixture->settings.wave_cores = 0;
  assert_int_equal(waves_of(fixture, &op, 128), 0);
}

/* A tile alone would take 128·128·65,536/1024 cycles; 64 parts of it a 64th, and their sums go through the buffer. */
static void few_tiles_cut_the_sum(void **state) {
  struct fixture *const fixture = *state;
  const struct op op = gemm_op(1, 128, 128, 65536);
  const uint64_t whole = 1048576, sums = 128 * 128 * 2 * 64 * 4 / 4096;
  assert_true(waves_of(fixture, &op, 128) <= whole / 64 + sums);
  assert_true(waves_of(fixture, &op, 128) > whole / 108);
}

static void rows_out_of_step_are_slow(void **state) {
  struct fixture *const fixture = *state;
  const struct op good = gemm_op(8, 2048, 2048, 224), odd = gemm_op(8, 2048, 2048, 225);
  const struct op halved = gemm_op(8, 2048, 2048, 226);
  struct op with_weights = odd, of_weights = odd;
  with_weights.weighted = true;
  of_weights.phase = PHASE_BACKWARD_WEIGHT;
  const uint64_t least = waves_of(fixture, &good, 128);
  assert_true(waves_of(fixture, &odd, 128) > 15 * least); /* 1024 of arrays, 64 lanes */
  assert_true(waves_of(fixture, &odd, 128) < 17 * least);
  assert_true(waves_of(fixture, &halved, 128) >= 2 * least && waves_of(fixture, &halved, 128) < 3 * least);
  assert_true(waves_of(fixture, &with_weights, 128) < 2 * least);
  assert_true(waves_of(fixture, &of_weights, 128) < 2 * least); /* its K is nobody's row */
}

static void what_has_kernels_of_its_own(void **state) {
  struct fixture *const fixture = *state;
  const struct op small = gemm_op(65536, 27, 27, 128);
  assert_int_equal(waves_of(fixture, &small, 128), 0);
}

/* Never sooner than the arrays at full rate; the op's cost never falls when waves are counted. */
static void waves_only_slow_down(void **state) {
  struct fixture *const fixture = *state;
  const uint64_t seed = 20231;
  struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
  printf("seed %llu\n", (unsigned long long)seed);
  for (int i = 0; i < 200; i++) {
    const struct op op = gemm_op(1 + rng_below(&rng, 9), 1 + rng_below(&rng, 4000), 1 + rng_below(&rng, 4000),
                                 1 + rng_below(&rng, 4000));
    const uint64_t n_cores = (uint64_t)1 << rng_below(&rng, 8), cycles = waves_of(fixture, &op, n_cores);
    struct op_cost with, without;
    if (cycles > 0) assert_true(cycles >= op_macs(&op) / (32 * 27 * n_cores));
    tensor_cost(&fixture->machine, &op, 0, n_cores, &with);
    fixture->settings.wave_cores = 0;
    tensor_cost(&fixture->machine, &op, 0, n_cores, &without);
    fixture->settings.wave_cores = 108;
    assert_int_equal(with.cycles, max_u64(without.cycles, cycles));
    assert_int_equal(with.hbm_bytes, without.hbm_bytes);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {TEST(tiles_run_in_waves), TEST(few_tiles_cut_the_sum),
                                     TEST(rows_out_of_step_are_slow), TEST(what_has_kernels_of_its_own),
                                     TEST(waves_only_slow_down)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
