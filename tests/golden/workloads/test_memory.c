/* Does a device hold of its parameters what is published?
 *
 * Sources: ZeRO (arXiv 1910.02054, figure 1; workloads §8): 7.5 billion parameters with 16 bytes each on 64 ranks take
 * 120, 31.4, 16.6 and 1.88 GB (10⁹ bytes; three digits printed). Korthikanti et al. (arXiv 2205.05198; workloads §7):
 * weights and optimizer of the first stage, 18 bytes for each of 12h²L/(tp) parameters, in GiB, exactly. Experts and
 * buffers have no published figure: by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/memory.h"
#include <cmocka.h>
#include <math.h>

static struct arena arena;

static struct training_settings defaults(void) {
  struct training_settings settings;
  config_defaults(&training_fields, &arena, &settings);
  return settings;
}

static uint64_t total(const struct memory_state *state) {
  return state->weights_bytes + state->gradients_bytes + state->optimizer_bytes;
}

static void test_zero(void **state) {
  (void)state;
  static const double printed_gb[] = {120, 31.4, 16.6, 1.88}, half_digit[] = {0, 0.05, 0.05, 0.005};
  struct training_settings settings = defaults();
  settings.accumulate_bytes = 2;
  for (uint64_t zero = 0; zero <= MEMORY_MAX_ZERO; zero++) {
    const struct memory_share share = {.parameters = 7500000000, .data = 64, .expert_data = 64, .zero = zero};
    struct memory_state held;
    memory_of_state(&settings, 2, &share, &held);
    assert_true(fabs((double)total(&held) / 1e9 - printed_gb[zero]) <= half_digit[zero]);
  }
}

/* The formulas themselves, 16N → 4N + 12N/d → 2N + 14N/d → 16N/d, with a shard that does not divide. */
static void test_shards(void **state) {
  (void)state;
  struct training_settings settings = defaults();
  settings.accumulate_bytes = 2;
  const uint64_t n = 2385, d = 7, shard = 341; /* ⌈2385 / 7⌉ */
  const uint64_t expected[] = {16 * n, 4 * n + 12 * shard, 2 * n + 14 * shard, 16 * shard};
  for (uint64_t zero = 0; zero <= MEMORY_MAX_ZERO; zero++) {
    const struct memory_share share = {.parameters = n, .data = d, .expert_data = d, .zero = zero};
    struct memory_state held;
    memory_of_state(&settings, 2, &share, &held);
    assert_int_equal(total(&held), expected[zero]);
  }
}

/* Bytes a parameter by optimizer (workloads §6): Adam 16 or 18, momentum 12 or 14, SGD 8 or 10; pure fp32 Adam 16. */
static void test_optimizers(void **state) {
  (void)state;
  static const uint64_t expected[][2] = {{8, 10}, {12, 14}, {16, 18}};
  struct training_settings settings = defaults();
  const struct memory_share one = {.parameters = 1, .data = 1, .expert_data = 1};
  struct memory_state held;
  for (uint64_t optimizer = OPTIMIZER_SGD; optimizer <= OPTIMIZER_ADAM; optimizer++)
    for (size_t i = 0; i < 2; i++) {
      settings.optimizer = optimizer;
      settings.accumulate_bytes = i == 0 ? 2 : 4;
      memory_of_state(&settings, 2, &one, &held);
      assert_int_equal(total(&held), expected[optimizer][i]);
    }
  memory_of_state(&settings, 4, &one, &held);
  assert_int_equal(total(&held), 16);
  settings.accumulate_bytes = 2; /* gradients are not narrower than they are made */
  settings.gradient_bytes = 4;
  memory_of_state(&settings, 4, &one, &held);
  assert_int_equal(total(&held), 16);
}

static void test_korthikanti(void **state) {
  (void)state;
  static const struct {
    uint64_t layers, hidden, tensor, pipeline;
    double gib;
  } rows[] = {{48, 6144, 8, 1, 45.5625},
              {96, 12288, 8, 8, 45.5625},
              {105, 20480, 8, 35, 31.640625},
              {128, 25600, 8, 64, 32.958984375}};
  const struct training_settings settings = defaults();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const uint64_t parameters = 12 * rows[i].hidden * rows[i].hidden * rows[i].layers;
    const struct memory_share share = {
        .parameters = parameters / (rows[i].tensor * rows[i].pipeline), .data = 1, .expert_data = 1};
    struct memory_state held;
    memory_of_state(&settings, 2, &share, &held);
    assert_true((double)total(&held) / (1 << 30) == rows[i].gib);
    assert_int_equal(held.buffers_bytes, 0);
  }
}

/* 1000 parameters, 600 of them of experts, on 8 ranks of which 2 hold the same experts. */
static void test_experts(void **state) {
  (void)state;
  const struct training_settings settings = defaults();
  struct memory_share share = {.parameters = 1000, .expert_parameters = 600, .data = 8, .expert_data = 2, .zero = 1};
  struct memory_state held;
  memory_of_state(&settings, 2, &share, &held);
  assert_int_equal(held.weights_bytes, 2000);
  assert_int_equal(held.gradients_bytes, 4000);
  assert_int_equal(held.optimizer_bytes, 12 * (400 / 8 + 600 / 2));
  share.expert_data = 1; /* every expert on one rank alone: nothing to spread */
  share.zero = 3;
  memory_of_state(&settings, 2, &share, &held);
  assert_int_equal(held.weights_bytes, 2 * (400 / 8 + 600));
}

/* Two buckets, no more than there are gradients; whole gradients and weights of blocks. */
static void test_buffers(void **state) {
  (void)state;
  struct training_settings settings = defaults();
  struct memory_share share = {
      .parameters = 1u << 30, .largest_parameters = 3000, .largest_held = 3000, .data = 8, .expert_data = 8};
  const uint64_t buckets = 2ULL * 25 << 20;
  const uint64_t expected[] = {buckets, buckets, buckets + 3000 * 2, buckets + 3000 * 2 + 2 * 3000 * 2};
  struct memory_state held;
  for (share.zero = 0; share.zero <= MEMORY_MAX_ZERO; share.zero++) {
    memory_of_state(&settings, 2, &share, &held);
    assert_int_equal(held.buffers_bytes, expected[share.zero]);
  }
  share.zero = 0;
  share.parameters = 1000;
  memory_of_state(&settings, 2, &share, &held);
  assert_int_equal(held.buffers_bytes, 2 * 1000);
  settings.bucket_mib = 0;
  memory_of_state(&settings, 2, &share, &held);
  assert_int_equal(held.buffers_bytes, 0);
}

static int setup(void **state) {
  (void)state;
  arena_init(&arena, 1 << 16);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zero),        cmocka_unit_test(test_shards),  cmocka_unit_test(test_optimizers),
      cmocka_unit_test(test_korthikanti), cmocka_unit_test(test_experts), cmocka_unit_test(test_buffers),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
