/* See acquisition.h. The normal distribution after Hart 1968 as published by West 2005, "Better approximations to
 * cumulative normal functions": 14 digits. In the tail the continued fraction of Mills' ratio, for
 * φ(z) + z·Φ(z) would cancel there (Ament et al. 2023, arXiv 2310.20708, on why the logarithm). */
#include "search/space/acquisition.h"

#include "base/num.h"
#include <math.h>

static const double log_sqrt_two_pi = 0.91893853320467274178;

double normal_density(double z) { return num_exp(-0.5 * z * z - log_sqrt_two_pi); }

/* Φ(−x)/e^(−x²/2) for x ≥ 0. */
static double hart(double x) {
  static const double above[] = {0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383,
                                 112.079291497871,   221.213596169931,  220.206867912376};
  static const double below[] = {0.0883883476483184, 1.75566716318264, 16.064177579207,  86.7807322029461,
                                 296.564248779674,   637.333633378831, 793.826512519948, 440.413735824752};
  double numerator = 0, denominator = 0;
  for (unsigned i = 0; i < sizeof above / sizeof *above; i++) numerator = numerator * x + above[i];
  for (unsigned i = 0; i < sizeof below / sizeof *below; i++) denominator = denominator * x + below[i];
  return numerator / denominator;
}

/* t = 1/(x + 2/(x + 3/(x + …))), with which Mills' ratio Φ(−x)/φ(x) is 1/(x + t). */
static double mills_rest(double x) {
  enum { TERMS = 40 };
  double t = 0;
  for (int k = TERMS; k > 0; k--) t = k / (x + t);
  return t;
}

static const double tail_from = 4;

double normal_below(double z) {
  const double x = fabs(z);
  const double tail = x < tail_from ? num_exp(-0.5 * x * x) * hart(x) : normal_density(x) / (x + mills_rest(x));
  return z > 0 ? 1 - tail : tail;
}

double log_expected_improvement(double mean, double deviation, double best) {
  const double gain = mean - best;
  if (!(deviation > 0)) return gain > 0 ? num_log(gain) : -(double)INFINITY;
  const double z = gain / deviation;
  if (z > -tail_from) return num_log(deviation * (normal_density(z) + z * normal_below(z)));
  const double t = mills_rest(-z), share = t / (t - z); /* 1 − x/(x + t), x = −z */
  return num_log(deviation) - 0.5 * z * z - log_sqrt_two_pi + num_log(share);
}
