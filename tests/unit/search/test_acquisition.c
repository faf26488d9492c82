/* Is the expected improvement the expectation of the improvement?
 *
 * Against Simpson's rule over the density of libm, and in the far tail against its logarithm. */
#include "search/space/acquisition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_distribution_is_normal(void **state) {
  (void)state;
  for (double z = -36; z <= 9; z += 0.173) {
    const double expected = 0.5 * erfc(-z / sqrt(2));
    assert_true(fabs(normal_below(z) - expected) <= 1e-10 * expected);
    assert_true(fabs(normal_density(z) - exp(-0.5 * z * z) / sqrt(2 * M_PI)) <= 1e-12 * normal_density(z));
  }
  assert_true(normal_below(-50) >= 0 && normal_below(-50) < 1e-300);
  assert_true(fabs(normal_below(50) - 1) < 1e-15);
}

/* ∫ from best to mean + 12 deviations of (x − best) times the density. */
static double improvement(double mean, double deviation, double best) {
  enum { N = 20000 };
  const double end = mean + 12 * deviation, step = (end - best) / N;
  double sum = 0;
  if (end <= best) return 0;
  for (int i = 0; i <= N; i++) {
    const double x = best + i * step, z = (x - mean) / deviation;
    const double value = (x - best) * exp(-0.5 * z * z) / (deviation * sqrt(2 * M_PI));
    sum += value * (i == 0 || i == N ? 1 : i % 2 == 1 ? 4 : 2);
  }
  return sum * step / 3;
}

static void it_is_the_integral(void **state) {
  (void)state;
  static const double means[] = {-3.7, -1, 0, 0.4, 2385}, deviations[] = {0.02, 0.7, 3};
  for (unsigned m = 0; m < sizeof means / sizeof *means; m++) {
    for (unsigned d = 0; d < sizeof deviations / sizeof *deviations; d++) {
      for (double z = -6; z < 5; z += 0.61) { /* the mean lies z deviations above the best */
        const double best = means[m] - z * deviations[d];
        const double expected = improvement(means[m], deviations[d], best);
        assert_true(fabs(exp(log_expected_improvement(means[m], deviations[d], best)) / expected - 1) < 1e-6);
      }
    }
  }
}

/* Mean −x, deviation 1, best 0: the integral of t·φ(x + t) over t > 0, e^(−x²/2) put outside. */
static double tail(double x) {
  enum { N = 20000 };
  const double step = 40 / x / N;
  double sum = 0;
  for (int i = 0; i <= N; i++) {
    const double t = i * step;
    sum += t * exp(-0.5 * t * t - t * x) * (i == 0 || i == N ? 1 : i % 2 == 1 ? 4 : 2);
  }
  return log(sum * step / 3) - 0.5 * x * x - 0.5 * log(2 * M_PI);
}

static void the_tail_goes_on(void **state) {
  (void)state;
  for (double x = 2.5; x < 60; x += 0.37) {
    assert_true(fabs(log_expected_improvement(-x, 1, 0) - tail(x)) < 1e-8);
    assert_true(log_expected_improvement(-x, 1, 0) > log_expected_improvement(-x - 0.01, 1, 0));
  }
  assert_true(isfinite(log_expected_improvement(-1e9, 1, 0)));
}

static void certainty_improves_or_not(void **state) {
  (void)state;
  assert_true(fabs(log_expected_improvement(5, 0, 3) - log(2)) < 1e-15);
  assert_true(isinf(log_expected_improvement(3, 0, 3)) && log_expected_improvement(3, 0, 3) < 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_distribution_is_normal),
      cmocka_unit_test(it_is_the_integral),
      cmocka_unit_test(the_tail_goes_on),
      cmocka_unit_test(certainty_improves_or_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
