/* Does arithmetic on cycles and bytes notice every overflow, and only overflows? */
#include "base/checked.h"
#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void edges_of_sums(void **state) {
  (void)state;
  uint64_t r = 77;
  assert_true(checked_add(UINT64_MAX - 2385, 2385, &r));
  assert_true(r == UINT64_MAX);
  assert_false(checked_add(UINT64_MAX - 2384, 2385, &r));
  assert_true(sat_add(UINT64_MAX - 2385, 2384) == UINT64_MAX - 1);
  assert_true(sat_add(UINT64_MAX - 2385, 2386) == UINT64_MAX);
  assert_true(sat_add(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
}

static void edges_of_products(void **state) {
  (void)state;
  uint64_t r = 77;
  assert_true(checked_mul(4294967297, 4294967295, &r)); /* (2^32 + 1)(2^32 − 1) = 2^64 − 1 */
  assert_true(r == UINT64_MAX);
  assert_false(checked_mul(4294967296, 4294967296, &r));
  assert_true(checked_mul(0, UINT64_MAX, &r));
  assert_true(r == 0);
  assert_true(sat_mul(4294967296, 4294967295) == 18446744069414584320u);
  assert_true(sat_mul(4294967296, 4294967297) == UINT64_MAX);
  assert_true(sat_mul(UINT64_MAX, 0) == 0);
}

static void division_rounds_up_without_overflow(void **state) {
  (void)state;
  assert_true(ceil_div(0, 17) == 0);
  assert_true(ceil_div(2385, 17) == 141);
  assert_true(ceil_div(2397, 17) == 141);
  assert_true(ceil_div(2398, 17) == 142);
  assert_true(ceil_div(UINT64_MAX, 2) == 9223372036854775808u);
  assert_true(ceil_div(UINT64_MAX, UINT64_MAX) == 1);
  assert_true(min_u64(2385, UINT64_MAX) == 2385 && max_u64(2385, UINT64_MAX) == UINT64_MAX);
}

static void random_sums_and_products_agree_with_128_bits(void **state) {
  (void)state;
  const uint64_t seed = 77041;
  print_message("seed %llu\n", (unsigned long long)seed);
  struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
  unsigned n_overflows = 0;
  for (int i = 0; i < 20001; i++) {
    const uint64_t a = rng_next(&rng) >> rng_below(&rng, 64), b = rng_next(&rng) >> rng_below(&rng, 64);
    const rng_u128 sum = (rng_u128)a + b, product = (rng_u128)a * b;
    const bool sum_fits = sum <= UINT64_MAX, product_fits = product <= UINT64_MAX;
    uint64_t r;
    assert_int_equal(checked_add(a, b, &r), sum_fits);
    if (sum_fits) assert_true(r == (uint64_t)sum);
    assert_int_equal(checked_mul(a, b, &r), product_fits);
    if (product_fits) assert_true(r == (uint64_t)product);
    assert_true(sat_add(a, b) == (sum_fits ? (uint64_t)sum : UINT64_MAX));
    assert_true(sat_mul(a, b) == (product_fits ? (uint64_t)product : UINT64_MAX));
    if (b > 0) assert_true(ceil_div(a, b) == (uint64_t)(((rng_u128)a + b - 1) / b));
    n_overflows += !product_fits;
  }
  assert_in_range(n_overflows, 1000, 19000); /* both sides were tried */
}

static void cycles_of_a_transfer(void **state) {
  (void)state;
  assert_true(cycles_for_bytes(0, 0) == 0);
  assert_true(cycles_for_bytes(1, 0) == UINT64_MAX);
  assert_true(cycles_for_bytes(1, -3) == UINT64_MAX);
  assert_true(cycles_for_bytes(1, (double)NAN) == UINT64_MAX);
  assert_true(cycles_for_bytes(1, 1e-300) == UINT64_MAX);
  assert_true(cycles_for_bytes(2385, 1e300) == 1);
  assert_true(cycles_for_bytes(2385, 5) == 477);
  assert_true(cycles_for_bytes(2386, 5) == 478);
  assert_true(cycles_for_bytes(2385, 0.5) == 4770);
  assert_true(cycles_for_bytes(UINT64_MAX, 1) == UINT64_MAX);
  assert_true(cycles_for_bytes(UINT64_MAX, 4) == 4611686018427387904u);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(edges_of_sums),
      cmocka_unit_test(edges_of_products),
      cmocka_unit_test(division_rounds_up_without_overflow),
      cmocka_unit_test(random_sums_and_products_agree_with_128_bits),
      cmocka_unit_test(cycles_of_a_transfer),
  };
  return cmocka_run_group_tests_name("checked", tests, NULL, NULL);
}
