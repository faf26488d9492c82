/* What stands at a tick of a picture's axis, and how far apart are ticks?
 *
 * As short as it can be read: 10 k, 1.5 M. The charts of results/page/ write the same. */
#include "results/report_parts.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void report_write_tick(struct writer *writer, double value) {
  static const struct {
    double from, size;
    const char *letter;
  } sizes[] = {{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}};
  const double size = fabs(value);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes && size < 1e12; i++) {
    if (size < sizes[i].from) continue;
    writer_format(writer, "%.6g %s", value / sizes[i].size, sizes[i].letter);
    return;
  }
  if (size < 1e12) {
    writer_format(writer, "%.6g", value);
    return;
  }
  char text[32];
  snprintf(text, sizeof text, "%.0e", value);
  char *const sign = strchr(text, '+');
  if (sign != NULL) memmove(sign, sign + 1, strlen(sign));
  writer_raw(writer, text);
}

double report_tick_step(double width, unsigned n_ticks) {
  static const double factors[] = {2, 2.5, 2};
  double step = 1;
  while (step * n_ticks > width) step /= 10;
  while (step * 10 * n_ticks <= width) step *= 10;
  for (size_t i = 0; step * n_ticks < width; i++) step *= factors[i % 3];
  return step;
}
