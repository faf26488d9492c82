/* See acquisition.h. The normal distribution after Hart 1968 as published by West 2005, "Better approximations to
 * cumulative normal functions": 14 digits. Far in the tail the asymptotic series of φ(z) + z·Φ(z), whose difference
 * would cancel (Ament et al. 2023, arXiv 2310.20708, on why the logarithm). */
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

double normal_below(double z) {
  const double x = fabs(z);
  if (isnan(z)) return z;
  double tail = 0;
  if (x <= 37) {
    const double fraction = 1 / (x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 0.65))))) / 2.506628274631;
    tail = num_exp(-0.5 * x * x) * (x < 7.07106781186547 ? hart(x) : fraction);
  }
  return z > 0 ? 1 - tail : tail;
}

double log_expected_improvement(double mean, double deviation, double best) {
  const double gain = mean - best;
  if (!(deviation > 0)) return gain > 0 ? num_log(gain) : -(double)INFINITY;
  const double z = gain / deviation;
  if (z > -8) return num_log(deviation * (normal_density(z) + z * normal_below(z)));
  const double t = 1 / (z * z); /* h(z) = φ(z)/z²·(1 − 3/z² + 15/z⁴ − 105/z⁶ + …) */
  const double series = 1 - t * (3 - t * (15 - t * (105 - t * 945)));
  return num_log(deviation) - 0.5 * z * z - log_sqrt_two_pi + num_log(t * series);
}
