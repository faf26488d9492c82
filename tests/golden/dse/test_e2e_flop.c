/* Do our FLOP formulas meet what papers print of their own runs?
 *
 * Source of every value: workloads §10, whose table recomputes figures of arXiv 2402.15627 (MegaScale), 2205.05198
 * (table 5; the model and hardware FLOP of Megatron-LM's README) and BigScience's chronicles of 104B to 176B models. */
#include "dse/e2e/e2e.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const double a100_flops = 312e12;

static struct e2e_row gpt(uint64_t layers, uint64_t hidden, uint64_t heads, uint64_t vocab, const char *recompute) {
  return (struct e2e_row){.layers = layers,
                          .hidden = hidden,
                          .heads = heads,
                          .kv_heads = heads,
                          .head_size = hidden / heads,
                          .ffn = 4 * hidden,
                          .vocab = vocab,
                          .sequence = 2048,
                          .recompute = recompute};
}

/* TFLOP/s of a device. */
static double rate_of(const struct e2e_row *row, uint64_t batch, double devices, double seconds, bool executed) {
  struct e2e_work work = {0};
  work.forward_flop = e2e_forward_flop(row, &work.head_flop);
  return 1e-12 * e2e_iteration_flop(row, &work, batch, executed) / (seconds * devices);
}

static void expect(double found, double wanted, double tolerance) {
  if (fabs(found - wanted) > tolerance) fail_msg("%.4f, not %.4f", found, wanted);
}

static void megascale(void **state) {
  (void)state;
  const struct e2e_row row = gpt(96, 12288, 128, 64000, "");
  expect(100e12 * rate_of(&row, 768, 256, 40.0, false) / a100_flops, 53.04, 0.006);
}

static void selective_recomputation(void **state) {
  (void)state;
  const struct e2e_row small = gpt(96, 12288, 96, 51200, "selective+sequence-parallel");
  const struct e2e_row large = gpt(105, 20480, 128, 51200, "selective+sequence-parallel");
  expect(100e12 * rate_of(&small, 64, 64, 13.75, false) / a100_flops, 51.39, 0.006);
  expect(100e12 * rate_of(&small, 64, 64, 13.75, true) / a100_flops, 52.77, 0.006);
  expect(100e12 * rate_of(&large, 280, 280, 37.83, false) / a100_flops, 56.05, 0.006);
  expect(100e12 * rate_of(&large, 280, 280, 37.83, true) / a100_flops, 56.96, 0.006);
}

static void full_recomputation(void **state) {
  (void)state;
  const struct e2e_row wide = gpt(72, 14336, 64, 250000, "full"), deep = gpt(84, 13824, 64, 250000, "full");
  expect(rate_of(&wide, 2048, 384, 143.31, true), 112.49, 0.006);
  expect(rate_of(&wide, 2048, 384, 134.02, true), 120.29, 0.006);
  expect(rate_of(&wide, 2048, 384, 129.26, true), 124.71, 0.006);
  expect(rate_of(&deep, 2048, 384, 133.12, true), 131.27, 0.006);
}

/* 72·s·L·h²·(1 + s/6h + V/12Lh) and 96·s·L·h²·(1 + s/6h + V/16Lh): arXiv 2104.04473. */
static void closed_forms(void **state) {
  (void)state;
  const struct e2e_row row = gpt(40, 6144, 48, 51200, "full");
  const double s = 2048, layers = 40, h = 6144, v = 51200, devices = 1e-12; /* one sample a second */
  const double f72 = 72 * s * layers * h * h * (1 + s / (6 * h) + v / (12 * layers * h));
  const double f96 = 96 * s * layers * h * h * (1 + s / (6 * h) + v / (16 * layers * h));
  expect(rate_of(&row, 1, devices, 1, false) / f72, 1, 1e-12);
  expect(rate_of(&row, 1, devices, 1, true) / f96, 1, 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(megascale),
      cmocka_unit_test(selective_recomputation),
      cmocka_unit_test(full_recomputation),
      cmocka_unit_test(closed_forms),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
