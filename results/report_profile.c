/* How does a quantity that changes in steps look beside its limit? As a filled outline in SVG that needs no script.
 *
 * Both axes are linear and start at 0, so that areas compare by eye: what lies above the limit is what is lacking.
 * Where a few peaks would press all the rest onto the lower edge, and the caller allows it, the upward axis is
 * logarithmic, which its name says. Left out: a table beside it, which the caller adds to the report's tables. */
#include "base/num.h"
#include "results/report_parts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 1040, HEIGHT = 260, LEFT = 78, RIGHT = 16, TOP = 12, BOTTOM = 46, N_TICKS = 5 };
/* A peak so many times what holds half of the time presses it flat; no more decades than these are shown. */
static const double FLAT = 50, SHOWN_DECADES = 1e4;

struct upward {
  double most, least; /* least: 0 if linear */
};

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

static double y_of(const struct upward *upward, double y) {
  double share = fmin(y / upward->most, 1);
  if (upward->least > 0) {
    share = y > upward->least ? fmin(num_log(y / upward->least) / num_log(upward->most / upward->least), 1) : 0;
  }
  return floor(10 * (HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)) + 0.5) / 10;
}

struct spell {
  double y, lasts;
};
static int by_level(const void *a, const void *b) {
  const struct spell *const x = a, *const y = b;
  return (x->y > y->y) - (x->y < y->y);
}

/* What holds half of the time in which there is anything. */
static double median_of(const struct report_profile *profile, struct arena *arena) {
  struct spell *const spells = ARENA_NEW(arena, struct spell, profile->n);
  size_t n = 0;
  double all = 0, sum = 0;
  for (size_t i = 0; i + 1 < profile->n; i++) {
    if (!(profile->y[i] > 0)) continue;
    spells[n] = (struct spell){profile->y[i], profile->x[i + 1] - profile->x[i]};
    all += spells[n++].lasts;
  }
  qsort(spells, n, sizeof *spells, by_level);
  for (size_t k = 0; k < n; k++) {
    sum += spells[k].lasts;
    if (2 * sum >= all) return spells[k].y;
  }
  return 0;
}

static struct upward upward_of(const struct report_profile *profile, struct arena *arena) {
  struct upward upward = {profile->limit, 0};
  double lowest = INFINITY;
  for (size_t i = 0; i + 1 < profile->n; i++) {
    upward.most = fmax(upward.most, profile->y[i]);
    if (profile->y[i] > 0) lowest = fmin(lowest, profile->y[i]);
  }
  const double median = profile->spans_decades ? median_of(profile, arena) : 0;
  if (median > 0 && upward.most > FLAT * median) {
    double decade = 1; /* the one below what is lowest, or below what is shown */
    lowest = fmax(profile->limit > 0 ? fmin(lowest, profile->limit / 10) : lowest, upward.most / SHOWN_DECADES);
    while (decade > lowest) decade /= 10;
    while (decade * 10 <= lowest) decade *= 10;
    return (struct upward){1.5 * upward.most, decade};
  }
  upward.most = upward.most > 0 ? 1.05 * upward.most : 1;
  return upward;
}

static void write_level(struct writer *writer, const struct upward *upward, double value) {
  const double at = y_of(upward, value);
  writer_format(writer, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" style=\"stroke:var(--line)\"/>", LEFT,
                WIDTH - RIGHT, at, at);
  writer_format(writer, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 8, at + 4);
  report_write_tick(writer, value);
  writer_raw(writer, "</text>\n");
}

static void write_axes(struct writer *writer, const struct report_profile *profile, const struct upward *upward) {
  const double last = profile->x[profile->n - 1];
  if (upward->least > 0) {
    for (double level = upward->least; level <= upward->most; level *= 10) write_level(writer, upward, level);
  } else {
    const double step = report_tick_step(upward->most, N_TICKS);
    for (int t = 0; t * step <= upward->most; t++) write_level(writer, upward, t * step);
  }
  const double across = last > 0 ? report_tick_step(last, N_TICKS) : 1;
  for (int t = 0; last > 0 && t * across <= last; t++) {
    writer_format(writer, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x_of(profile, t * across),
                  HEIGHT - BOTTOM + 18);
    report_write_tick(writer, t * across);
    writer_raw(writer, "</text>\n");
  }
  writer_format(writer, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
  report_write_tagged(writer, "", profile->x_name, "</text>\n");
  writer_format(writer, "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">",
                (TOP + HEIGHT - BOTTOM) / 2);
  report_write_tagged(writer, "", profile->y_name, upward->least > 0 ? ", logarithmic</text>\n" : "</text>\n");
}

/* Steps closer than what can be seen become one, as high as the highest of them. */
static void write_outline(struct writer *writer, const struct report_profile *profile, const struct upward *upward) {
  const size_t stride = profile->n / REPORT_MAX_STEPS + 1;
  writer_format(writer,
                "<path style=\"fill:var(--c0);fill-opacity:.25;stroke:var(--c0);stroke-width:1.5\" d=\"M%.1f %.1f",
                x_of(profile, profile->x[0]), y_of(upward, 0));
  for (size_t i = 0; i + 1 < profile->n; i += stride) {
    double highest = 0;
    size_t end = i;
    for (; end + 1 < profile->n && end < i + stride; end++) highest = fmax(highest, profile->y[end]);
    writer_format(writer, "V%.1fH%.1f", y_of(upward, highest), x_of(profile, profile->x[end]));
  }
  writer_format(writer, "V%.1fZ\"/>\n", y_of(upward, 0));
}

void report_write_profile(struct writer *writer, const struct report_profile *profile, size_t number) {
  if (profile->n < 2) return;
  const struct upward scale = upward_of(profile, writer->arena), *const upward = &scale;
  char id[48];
  snprintf(id, sizeof id, "profile-%zu", number);
  report_open_section(writer, id, profile->title);
  if (profile->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", profile->sentence, "</p>\n");
  writer_format(writer, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  writer_html(writer, profile->title);
  writer_raw(writer, "\" style=\"width:100%;fill:var(--ink);font-size:13px\">\n");
  write_axes(writer, profile, upward);
  write_outline(writer, profile, upward);
  if (profile->limit > 0) {
    const double at = y_of(upward, profile->limit);
    writer_format(writer,
                  "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" style=\"stroke:var(--c1);stroke-width:2;"
                  "stroke-dasharray:7 4\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                  LEFT, WIDTH - RIGHT, at, at, WIDTH - RIGHT - 4, at - 5);
    report_write_tagged(writer, "", profile->limit_name, "</text>\n");
  }
  writer_raw(writer, "</svg></figure></section>\n");
}
