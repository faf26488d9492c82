/* Several curves with bands on logarithmic axes, as one picture of a report: how do searches get nearer, step by step?
 */
#ifndef RESULTS_CURVES_H
#define RESULTS_CURVES_H

#include <stdbool.h>
#include <stddef.h>

enum { CURVES_MAX = 64 };

struct curve {
  const char *name;
  const double *low, *middle, *high; /* a value for each x; low and high bound the band */
};

struct curves {
  const char *title, *sentence; /* the sentence says how to read it */
  const char *x_name, *y_name;
  const double *x; /* ascending, > 0 */
  size_t n_x;
  const struct curve *curves; /* in the order of the legend; at most CURVES_MAX are drawn */
  size_t n_curves;
  double y_least, y_most; /* of the axis, > 0: what lies beyond is drawn at its edge */
  bool percent;           /* values are shares, shown as percent */
};

#endif
