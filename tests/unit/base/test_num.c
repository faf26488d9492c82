/* Are num_exp, num_log and num_pow within one ulp of the long double libm, up to the edges of double? */
#include "base/num.h"
#include "base/rng.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

_Static_assert(LDBL_MANT_DIG >= 64, "the judge must be finer than what it judges");

enum { N_ARGUMENTS = 200001 };

static struct rng start(uint64_t seed) {
  print_message("seed %llu\n", (unsigned long long)seed);
  return rng_stream(seed, RNG_TEST, 0, 0);
}

/* |got − wanted| in units of the last place of `wanted` as a double. */
static double ulps(double got, long double wanted) {
  const double nearest = (double)wanted;
  if (!isfinite(nearest) || nearest == 0) return got == nearest ? 0 : HUGE_VAL;
  const int exponent = ilogb(nearest) < DBL_MIN_EXP - 1 ? DBL_MIN_EXP - 1 : ilogb(nearest);
  return (double)(fabsl(got - wanted) / ldexpl(1, exponent - (DBL_MANT_DIG - 1)));
}

/* 0.5 ulp is the unavoidable rounding; the series adds up to 0.17. A subnormal is rounded twice. */
static void check(double got, long double wanted) {
  const double allowed = fabsl(wanted) < (long double)DBL_MIN ? 1.0 : 0.7;
  if (!(ulps(got, wanted) <= allowed)) fail_msg("%a should be %La: %g ulp", got, wanted, ulps(got, wanted));
}

static void exp_is_within_an_ulp(void **state) {
  (void)state;
  struct rng rng = start(31337);
  for (int i = 0; i < N_ARGUMENTS; i++) {
    const double wide = (rng_unit(&rng) - 0.5) * 1500, near = ldexp(rng_unit(&rng) - 0.5, -(int)rng_below(&rng, 60));
    check(num_exp(wide), expl((long double)wide));
    check(num_exp(near), expl((long double)near));
  }
}

static void log_is_within_an_ulp(void **state) {
  (void)state;
  struct rng rng = start(27183);
  for (int i = 0; i < N_ARGUMENTS; i++) {
    const double wide = ldexp(0.5 + rng_unit(&rng) / 2, (int)rng_below(&rng, 2098) - 1073);
    const double near = 1 + ldexp(rng_unit(&rng) - 0.5, -(int)rng_below(&rng, 53));
    check(num_log(wide), logl((long double)wide));
    check(num_log(near), logl((long double)near));
  }
}

static void pow_is_within_an_ulp(void **state) {
  (void)state;
  struct rng rng = start(16180);
  for (int i = 0; i < N_ARGUMENTS; i++) {
    const double wide = ldexp(0.5 + rng_unit(&rng) / 2, (int)rng_below(&rng, 2098) - 1073);
    const double near = 1 + ldexp(rng_unit(&rng) - 0.5, -(int)rng_below(&rng, 53));
    /* Exponents that spread the results over all doubles, and a little beyond both ends. */
    const double to = (rng_unit(&rng) - 0.5) * 1500, small = (rng_unit(&rng) - 0.5) * 6;
    if (wide != 1) check(num_pow(wide, to / log(wide)), powl((long double)wide, (long double)(to / log(wide))));
    if (near != 1) check(num_pow(near, to / log(near)), powl((long double)near, (long double)(to / log(near))));
    check(num_pow(near, small), powl((long double)near, (long double)small));
  }
}

static void exact_results_are_exact(void **state) {
  (void)state;
  assert_true(num_exp(0) == 1 && num_exp(-0.0) == 1);
  assert_true(num_exp(1) == 0x1.5bf0a8b145769p+1); /* e, rounded */
  assert_true(num_log(1) == 0);
  assert_true(num_log(2) == 0x1.62e42fefa39efp-1); /* ln 2, rounded */
  assert_true(num_pow(3, 33) == 5559060566555523);
  assert_true(num_pow(10, 22) == 1e22);
  assert_true(num_pow(2385, 4) == 32355903650625);
  for (int i = DBL_MIN_EXP - DBL_MANT_DIG; i < DBL_MAX_EXP; i++) assert_true(num_pow(2, i) == ldexp(1, i));
  for (int i = 1; i < 999; i += 7) assert_true(num_pow((double)i * i, 0.5) == i);
}

static void edges_of_exp_and_log(void **state) {
  (void)state;
  assert_true(isnan(num_exp((double)NAN)) && isnan(num_log((double)NAN)) && isnan(num_log(-2385)));
  assert_true(num_exp(HUGE_VAL) == HUGE_VAL && num_exp(-HUGE_VAL) == 0);
  assert_true(num_log(0) == -HUGE_VAL && num_log(-0.0) == -HUGE_VAL && num_log(HUGE_VAL) == HUGE_VAL);
  /* ln(DBL_MAX) and ln(2^−1075) and their neighbours decide between finite, infinite and zero. */
  static const double edges[] = {0x1.62e42fefa39efp+9, -0x1.74910d52d3051p+9, 709.8, -745.2, 0x1p-1074, -0x1p-54};
  for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
    for (int side = -1; side <= 1; side++) {
      const double x = side ? nextafter(edges[i], side * HUGE_VAL) : edges[i];
      check(num_exp(x), expl((long double)x));
    }
  check(num_log(0x1p-1074), logl(0x1p-1074L));
  check(num_log(DBL_MIN), logl((long double)DBL_MIN));
  check(num_log(DBL_MAX), logl((long double)DBL_MAX));
}

static void edges_of_pow(void **state) {
  (void)state;
  assert_true(num_pow(1, HUGE_VAL) == 1 && num_pow(1, (double)NAN) == 1 && num_pow((double)NAN, 0) == 1);
  assert_true(isnan(num_pow((double)NAN, 2)) && isnan(num_pow(2, (double)NAN)) && isnan(num_pow(-2, 2)));
  assert_true(num_pow(0, 3) == 0 && num_pow(0, -3) == HUGE_VAL);
  assert_true(num_pow(HUGE_VAL, 3) == HUGE_VAL && num_pow(HUGE_VAL, -3) == 0);
  assert_true(num_pow(2, HUGE_VAL) == HUGE_VAL && num_pow(2, -HUGE_VAL) == 0);
  assert_true(num_pow(0.5, HUGE_VAL) == 0 && num_pow(0.5, -HUGE_VAL) == HUGE_VAL);
  assert_true(num_pow(2, 1024) == HUGE_VAL && num_pow(2, -1076) == 0);
  assert_true(num_pow(nextafter(1, 2), DBL_MAX) == HUGE_VAL && num_pow(nextafter(1, 0), DBL_MAX) == 0);
  assert_true(num_pow(DBL_MAX, 0x1p-1074) == 1);
  check(num_pow(nextafter(1, 2), 3e18), powl(1 + 0x1p-52L, 3e18L));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exp_is_within_an_ulp), cmocka_unit_test(log_is_within_an_ulp),
      cmocka_unit_test(pow_is_within_an_ulp), cmocka_unit_test(exact_results_are_exact),
      cmocka_unit_test(edges_of_exp_and_log), cmocka_unit_test(edges_of_pow),
  };
  return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
