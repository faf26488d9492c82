/* What are exp, log and pow, to the same bit on every processor?
 *
 * Only additions, multiplications and divisions of doubles, whose results IEEE 754 fixes, and exact scaling by powers
 * of two. What needs more than 53 bits is carried as an unevaluated sum of two doubles (Dekker 1971, "A Floating-Point
 * Technique for Extending the Available Precision"; two_sum is Knuth's). Series: Taylor for exp on |r| ≤ ln(2)/2,
 * log m = 2·atanh((m−1)/(m+1)) for m in [√½, √2). Errors stay under 0.7 ulp; pow carries its logarithm to about 2^−68.
 * Left out: speed at any price (no tables), errno and floating-point flags. */
#include "base/num.h"
#include <math.h>
#include <stddef.h>

/* hi + lo, with |lo| at most half an ulp of hi. */
struct pair {
  double hi, lo;
};

/* Constants as pairs; each is the nearest double and the nearest double to what is left. */
static const struct pair LN_2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
static const struct pair ONE = {1, 0};
static const struct pair ONE_THIRD = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
static const struct pair ONE_FIFTH = {0x1.999999999999ap-3, -0x1.999999999999ap-57};
static const double ONE_OVER_LN_2 = 0x1.71547652b82fep+0;
static const double SQRT_HALF = 0x1.6a09e667f3bcdp-1;

/* Arguments of exp from which on the result is infinite or zero: above ln(DBL_MAX) and below ln(2^−1075). */
static const double EXP_OVERFLOW = 709.8, EXP_UNDERFLOW = -745.2;

/* a + b exactly, for |a| ≥ |b| (or a = 0). */
static struct pair quick_sum(double a, double b) {
  const double sum = a + b;
  return (struct pair){sum, b - (sum - a)};
}

/* a + b exactly. */
static struct pair two_sum(double a, double b) {
  const double sum = a + b, b_part = sum - a;
  return (struct pair){sum, (a - (sum - b_part)) + (b - b_part)};
}

/* The upper 26 bits of a. */
static double upper_half(double a) {
  const double scaled = a * 134217729; /* 2^27 + 1 (Veltkamp) */
  return scaled - (scaled - a);
}

/* a × b exactly, unless it under- or overflows. */
static struct pair two_product(double a, double b) {
  const double product = a * b;
  const double a_hi = upper_half(a), a_lo = a - a_hi, b_hi = upper_half(b), b_lo = b - b_hi;
  return (struct pair){product, ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo};
}

static struct pair pair_sum(struct pair a, struct pair b) {
  const struct pair sum = two_sum(a.hi, b.hi);
  return quick_sum(sum.hi, sum.lo + (a.lo + b.lo));
}

static struct pair pair_product(struct pair a, struct pair b) {
  const struct pair product = two_product(a.hi, b.hi);
  return quick_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

/* exp(x.hi + x.lo) for EXP_UNDERFLOW ≤ x.hi ≤ EXP_OVERFLOW. */
static double exp_of_pair(struct pair x) {
  static const double inverse_factorial[] = {1. / 2,       1. / 6,        1. / 24,        1. / 120,
                                             1. / 720,     1. / 5040,     1. / 40320,     1. / 362880,
                                             1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800.};
  const int k = (int)(x.hi * ONE_OVER_LN_2 + (x.hi < 0 ? -0.5 : 0.5));
  struct pair shift = pair_product((struct pair){k, 0}, LN_2);
  shift = (struct pair){-shift.hi, -shift.lo};
  const struct pair r = pair_sum(x, shift);
  double series = 0;
  for (size_t i = sizeof inverse_factorial / sizeof *inverse_factorial; i-- > 0;)
    series = series * r.hi + inverse_factorial[i];
  const struct pair head = quick_sum(1, r.hi);
  return ldexp(head.hi + (head.lo + (r.lo + r.hi * r.hi * series)), k);
}

/* log x for finite x > 0, to about 68 bits. */
static struct pair log_to_pair(double x) {
  enum { LAST_TERM = 14 }; /* s^28/29 < 2^−74 for |s| ≤ 0.1716 */
  int k;
  double m = frexp(x, &k);
  if (m < SQRT_HALF) {
    m *= 2;
    k--;
  }
  /* s = (m − 1) / (m + 1): quotient, then what it misses. */
  const double above = m - 1;
  const struct pair below = two_sum(m, 1);
  const double quotient = above / below.hi;
  const struct pair back = two_product(quotient, below.hi);
  const struct pair s = quick_sum(quotient, ((above - back.hi) - back.lo - quotient * below.lo) / below.hi);
  /* atanh s = s (1 + z (1/3 + z (1/5 + z (1/7 + …)))), z = s²: the far terms weigh too little to need pairs. */
  const struct pair z = pair_product(s, s);
  double tail = 0;
  for (int term = LAST_TERM; term >= 3; term--) tail = tail * z.hi + 1. / (2 * term + 1);
  struct pair series = pair_sum(ONE_FIFTH, pair_product(z, (struct pair){tail, 0}));
  series = pair_sum(ONE_THIRD, pair_product(z, series));
  series = pair_sum(ONE, pair_product(z, series));
  series = pair_product(s, series);
  return pair_sum(pair_product((struct pair){k, 0}, LN_2), (struct pair){2 * series.hi, 2 * series.lo});
}

double num_exp(double x) {
  if (x != x) return x;
  if (x > EXP_OVERFLOW) return HUGE_VAL;
  if (x < EXP_UNDERFLOW) return 0;
  return exp_of_pair((struct pair){x, 0});
}

double num_log(double x) {
  if (x != x || x == HUGE_VAL) return x;
  if (x < 0) return (double)NAN;
  if (x == 0) return -HUGE_VAL;
  const struct pair log_x = log_to_pair(x);
  return log_x.hi + log_x.lo;
}

double num_pow(double x, double y) {
  if (x == 1 || y == 0) return 1;
  if (x != x || y != y || x < 0) return (double)NAN;
  if (x == 0) return y > 0 ? 0 : HUGE_VAL;
  if (x == HUGE_VAL) return y > 0 ? HUGE_VAL : 0;
  const struct pair log_x = log_to_pair(x);
  const double size = y * log_x.hi; /* decides first, because the exact product below must not overflow */
  if (size > EXP_OVERFLOW) return HUGE_VAL;
  if (size < EXP_UNDERFLOW) return 0;
  return exp_of_pair(pair_product(log_x, (struct pair){y, 0}));
}
