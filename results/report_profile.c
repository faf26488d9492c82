/* How does a quantity that changes in steps look beside its limit? As a filled outline in SVG that needs no script.
 *
 * Both axes are linear and start at 0, so that areas compare by eye: what lies above the limit is what is lacking. Left
 * out: a table beside it, which the caller adds to the report's tables. */
#include "results/report_parts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 1040, HEIGHT = 260, LEFT = 78, RIGHT = 16, TOP = 12, BOTTOM = 46, N_TICKS = 5 };

static int by_time(const void *a, const void *b) {
  const struct report_change *const x = a, *const y = b;
  if (x->at < y->at || x->at > y->at) return x->at < y->at ? -1 : 1;
  return (x->by > y->by) - (x->by < y->by);
}

void report_profile_fill(struct report_change *changes, size_t n, struct arena *arena, struct report_profile *profile) {
  double *const x = ARENA_NEW(arena, double, n), *const y = ARENA_NEW(arena, double, n), sum = 0;
  size_t k = 0;
  qsort(changes, n, sizeof *changes, by_time);
  for (size_t i = 0; i < n; i++) {
    if (k == 0 || changes[i].at > x[k - 1] + 1e-9) x[k++] = changes[i].at;
    sum += changes[i].by;
    y[k - 1] = fmax(sum, 0);
  }
  profile->x = x, profile->y = y, profile->n = k;
}

static double x_of(const struct report_profile *profile, double x) {
  const double span = profile->x[profile->n - 1] > 0 ? profile->x[profile->n - 1] : 1;
  return floor(10 * (LEFT + x / span * (WIDTH - LEFT - RIGHT)) + 0.5) / 10;
}

static double y_of(double most, double y) {
  return floor(10 * (HEIGHT - BOTTOM - fmin(y / most, 1) * (HEIGHT - BOTTOM - TOP)) + 0.5) / 10;
}

/* 1, 2 or 5 times a power of ten, so that at most N_TICKS fit. */
static double tick_step(double most) {
  double step = pow(10, floor(log10(most / N_TICKS)));
  while (most / step > N_TICKS) {
    const double digit = floor(step / pow(10, floor(log10(step) + 1e-9)) + 0.5);
    step *= digit < 1.5 ? 2 : digit < 2.5 ? 2.5 : 2;
  }
  return step;
}

static void write_axes(struct writer *writer, const struct report_profile *profile, double most) {
  const double last = profile->x[profile->n - 1], step = tick_step(most);
  for (int t = 0; t * step <= most; t++) {
    const double at = y_of(most, t * step);
    writer_format(writer, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" style=\"stroke:var(--line)\"/>", LEFT,
                  WIDTH - RIGHT, at, at);
    writer_format(writer, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", LEFT - 8, at + 4, t * step);
  }
  const double across = last > 0 ? tick_step(last) : 1;
  for (int t = 0; last > 0 && t * across <= last; t++) {
    writer_format(writer, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.6g</text>\n", x_of(profile, t * across),
                  HEIGHT - BOTTOM + 18, t * across);
  }
  writer_format(writer, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
  report_write_tagged(writer, "", profile->x_name, "</text>\n");
  writer_format(writer, "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">",
                (TOP + HEIGHT - BOTTOM) / 2);
  report_write_tagged(writer, "", profile->y_name, "</text>\n");
}

/* Steps closer than what can be seen become one, as high as the highest of them. */
static void write_outline(struct writer *writer, const struct report_profile *profile, double most) {
  const size_t stride = profile->n / REPORT_MAX_STEPS + 1;
  writer_format(writer,
                "<path style=\"fill:var(--c0);fill-opacity:.25;stroke:var(--c0);stroke-width:1.5\" d=\"M%.1f %.1f",
                x_of(profile, profile->x[0]), y_of(most, 0));
  for (size_t i = 0; i + 1 < profile->n; i += stride) {
    double highest = 0;
    size_t end = i;
    for (; end + 1 < profile->n && end < i + stride; end++) highest = fmax(highest, profile->y[end]);
    writer_format(writer, "V%.1fH%.1f", y_of(most, highest), x_of(profile, profile->x[end]));
  }
  writer_format(writer, "V%.1fZ\"/>\n", y_of(most, 0));
}

void report_write_profile(struct writer *writer, const struct report_profile *profile, size_t number) {
  if (profile->n < 2) return;
  double most = profile->limit;
  for (size_t i = 0; i + 1 < profile->n; i++) most = fmax(most, profile->y[i]);
  most = most > 0 ? 1.05 * most : 1;
  char id[48];
  snprintf(id, sizeof id, "profile-%zu", number);
  report_open_section(writer, id, profile->title);
  if (profile->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", profile->sentence, "</p>\n");
  writer_format(writer, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  writer_html(writer, profile->title);
  writer_raw(writer, "\" style=\"width:100%;fill:var(--ink);font-size:13px\">\n");
  write_axes(writer, profile, most);
  write_outline(writer, profile, most);
  if (profile->limit > 0) {
    const double at = y_of(most, profile->limit);
    writer_format(writer,
                  "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" style=\"stroke:var(--c1);stroke-width:2;"
                  "stroke-dasharray:7 4\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                  LEFT, WIDTH - RIGHT, at, at, WIDTH - RIGHT - 4, at - 5);
    report_write_tagged(writer, "", profile->limit_name, "</text>\n");
  }
  writer_raw(writer, "</svg></figure></section>\n");
}
