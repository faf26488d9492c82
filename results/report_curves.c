/* How do several curves with bands become a picture that needs no script?
 *
 * Source: ux.md §5: SVG in the page itself, its colours from the page's style (light and dark), dashes as the second
 * code, a table beside it. Left out: tooltips other than the curves' names, and zooming. */
#include "results/curves.h"
#include "results/report_parts.h"
#include <math.h>
#include <stdio.h>

enum { WIDTH = 1040, HEIGHT = 460, LEFT = 70, RIGHT = 16, TOP = 12, BOTTOM = 48, N_HUES = 8 };

static const char *const dashes[] = {"none", "7 4", "2 3", "10 3 2 3"};

struct frame {
  const struct curves *curves;
  double x_least, x_most;
};

/* Where a value lies, with one decimal: the same bytes on any processor's libm. */
static double place(double value, double least, double most, double from, double to) {
  const double inside = fmin(fmax(value, least), most);
  const double share = most > least ? log(inside / least) / log(most / least) : 0;
  return floor(10 * (from + share * (to - from)) + 0.5) / 10;
}

static double x_of(const struct frame *frame, size_t i) {
  return place(frame->curves->x[i], frame->x_least, frame->x_most, LEFT, WIDTH - RIGHT);
}

static double y_of(const struct frame *frame, double value) {
  return place(value, frame->curves->y_least, frame->curves->y_most, HEIGHT - BOTTOM, TOP);
}

/* --- axes ---
 */

static void write_tick(struct writer *writer, bool across, double at, const char *text) {
  if (across) {
    writer_format(writer, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" style=\"stroke:var(--line)\"/>", at, at,
                  TOP, HEIGHT - BOTTOM);
    writer_format(writer, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, HEIGHT - BOTTOM + 18,
                  text);
  } else {
    writer_format(writer, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" style=\"stroke:var(--line)\"/>", LEFT,
                  WIDTH - RIGHT, at, at);
    writer_format(writer, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 8, at + 4, text);
  }
}

static void write_axes(struct writer *writer, const struct frame *frame) {
  const struct curves *curves = frame->curves;
  char text[32];
  for (int power = -9; power <= 12; power++) {
    /* 1, 10 and 100 are exact; what pow gives for others may differ in the last bit, which no tick shows. */
    const double value = pow(10, power), share = curves->percent ? 100 * value : value;
    if (value >= frame->x_least * 0.999 && value <= frame->x_most * 1.001) {
      snprintf(text, sizeof text, "%.6g", value);
      write_tick(writer, true, place(value, frame->x_least, frame->x_most, LEFT, WIDTH - RIGHT), text);
    }
    if (value >= curves->y_least * 0.999 && value <= curves->y_most * 1.001) {
      snprintf(text, sizeof text, curves->percent ? "%.6g %%" : "%.6g", share);
      write_tick(writer, false, y_of(frame, value), text);
    }
  }
  writer_format(writer, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
  report_write_tagged(writer, "", curves->x_name, "</text>\n");
  writer_format(writer, "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">",
                (TOP + HEIGHT - BOTTOM) / 2);
  report_write_tagged(writer, "", curves->y_name, "</text>\n");
}

/* --- curves ---
 */

/* As steps: a value stays until the next one is known. */
static void write_steps(struct writer *writer, const struct frame *frame, const double *values, bool backwards) {
  const size_t n = frame->curves->n_x;
  for (size_t k = 0; k < n; k++) {
    const size_t i = backwards ? n - 1 - k : k;
    if (k == 0) {
      writer_format(writer, "%s%.1f %.1f", backwards ? "L" : "M", x_of(frame, i), y_of(frame, values[i]));
    } else if (backwards) {
      writer_format(writer, "V%.1fH%.1f", y_of(frame, values[i]), x_of(frame, i));
    } else {
      writer_format(writer, "H%.1fV%.1f", x_of(frame, i), y_of(frame, values[i]));
    }
  }
}

static void write_curve(struct writer *writer, const struct frame *frame, size_t c) {
  const struct curve *curve = &frame->curves->curves[c];
  const unsigned hue = (unsigned)(c % N_HUES);
  report_write_tagged(writer, "<g><title>", curve->name, "</title>");
  writer_format(writer, "<path style=\"fill:var(--c%u);opacity:.1\" d=\"", hue);
  write_steps(writer, frame, curve->high, false);
  write_steps(writer, frame, curve->low, true);
  writer_format(writer, "Z\"/><path style=\"fill:none;stroke:var(--c%u);stroke-width:2;stroke-dasharray:%s\" d=\"", hue,
                dashes[c / N_HUES % 4]);
  write_steps(writer, frame, curve->middle, false);
  writer_raw(writer, "\"/></g>\n");
}

static void write_legend(struct writer *writer, const struct curves *curves) {
  writer_raw(writer, "<p class=\"legend\">");
  for (size_t c = 0; c < curves->n_curves && c < CURVES_MAX; c++) {
    writer_format(writer,
                  "<span><svg width=\"30\" height=\"9\" aria-hidden=\"true\"><path d=\"M0 5H30\" style=\"stroke:"
                  "var(--c%u);stroke-width:2.5;stroke-dasharray:%s\"/></svg>",
                  (unsigned)(c % N_HUES), dashes[c / N_HUES % 4]);
    report_write_tagged(writer, " ", curves->curves[c].name, "</span>");
  }
  writer_raw(writer, "</p>\n");
}

void report_write_curves(struct writer *writer, const struct report *report) {
  const struct curves *curves = report->curves;
  if (curves == NULL || curves->n_x == 0 || curves->n_curves == 0) return;
  const struct frame frame = {curves, curves->x[0], curves->x[curves->n_x - 1]};
  report_open_section(writer, "curves", curves->title);
  if (curves->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", curves->sentence, "</p>\n");
  write_legend(writer, curves);
  writer_format(writer, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
  writer_html(writer, curves->title);
  writer_raw(writer, "\" style=\"width:100%;fill:var(--ink);font-size:13px\">\n");
  write_axes(writer, &frame);
  /* The first of the legend on top of the others. */
  for (size_t c = curves->n_curves < CURVES_MAX ? curves->n_curves : CURVES_MAX; c-- > 0;) {
    write_curve(writer, &frame, c);
  }
  writer_raw(writer, "</svg></figure></section>\n");
}
