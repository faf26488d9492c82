/* How do measures with intervals look? Two bars a thing, a whisker over each, as SVG that needs no script.
 *
 * The scale runs from 0 (or the least that is shown) to 1 (or the most), so that charts of shares compare by eye. Left
 * out: a table beside it, which the caller adds to the report's tables. */
#include "results/report_parts.h"
#include <math.h>

enum { LABEL_PX = 190, WIDTH_PX = 560, ROW_PX = 30, BAR_PX = 9, TOP_PX = 22, RIGHT_PX = 60, N_TICKS = 4 };

struct scale {
  double low, high;
};

static double at_px(struct scale scale, double value) {
  return LABEL_PX + (value - scale.low) / (scale.high - scale.low) * WIDTH_PX;
}

static struct scale scale_of(const struct report_bars *bars) {
  struct scale scale = {0, 1};
  for (size_t i = 0; i < bars->n_bars; i++) {
    for (unsigned s = 0; s < 2; s++) {
      const struct report_bar *bar = &bars->bars[i];
      if (isfinite(bar->low[s])) scale.low = fmin(scale.low, bar->low[s]);
      if (isfinite(bar->high[s])) scale.high = fmax(scale.high, bar->high[s]);
      if (isfinite(bar->value[s])) scale.high = fmax(scale.high, bar->value[s]);
    }
  }
  return scale;
}

static void write_ticks(struct writer *writer, struct scale scale, double bottom_px) {
  for (int t = 0; t <= N_TICKS; t++) {
    const double value = (double)t / N_TICKS, x = at_px(scale, value);
    writer_format(writer, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\" stroke=\"var(--line)\"/>", x, x, TOP_PX,
                  bottom_px);
    writer_format(writer,
                  "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"var(--soft)\" font-size=\"12\">%g</text>\n",
                  x, TOP_PX - 7, value);
  }
}

static void write_measure(struct writer *writer, struct scale scale, const struct report_bar *bar, unsigned series,
                          double top_px) {
  const double value = bar->value[series], low = bar->low[series], high = bar->high[series];
  if (!isfinite(value)) return;
  const double zero = at_px(scale, 0), end = at_px(scale, value), middle = top_px + BAR_PX / 2.0;
  writer_format(writer, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"var(--c%u)\"/>",
                fmin(zero, end), top_px, fabs(end - zero), BAR_PX, series);
  if (!isfinite(low) || !isfinite(high)) return;
  writer_format(writer, "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fv6M%.1f %.1fv6\" stroke=\"var(--ink)\" fill=\"none\"/>",
                at_px(scale, low), middle, at_px(scale, high), at_px(scale, low), middle - 3, at_px(scale, high),
                middle - 3);
}

void report_write_bars(struct writer *writer, const struct report_bars *bars, size_t number) {
  const struct scale scale = scale_of(bars);
  const double height_px = TOP_PX + (double)bars->n_bars * ROW_PX + 6;
  writer_format(writer, "<section id=\"bars-%zu\"><h2>", number);
  report_write_tagged(writer, "", bars->title, "</h2>\n");
  if (bars->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", bars->sentence, "</p>\n");
  writer_raw(writer, "<div class=\"legend\">");
  for (unsigned s = 0; s < 2; s++) {
    writer_format(writer, "<span><i style=\"background:var(--c%u)\"></i>", s);
    report_write_tagged(writer, "", bars->series[s], "</span>");
  }
  writer_format(writer,
                "</div>\n<figure><svg viewBox=\"0 0 %d %.0f\" role=\"img\" style=\"width:100%%;max-width:%dpx\"",
                LABEL_PX + WIDTH_PX + RIGHT_PX, height_px, LABEL_PX + WIDTH_PX + RIGHT_PX);
  report_write_tagged(writer, " aria-label=\"", bars->title, "; the numbers are in the tables below\">\n");
  write_ticks(writer, scale, height_px);
  for (size_t i = 0; i < bars->n_bars; i++) {
    const struct report_bar *bar = &bars->bars[i];
    const double top = TOP_PX + (double)i * ROW_PX + 5;
    writer_format(writer, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"var(--ink)\" font-size=\"13\">",
                  LABEL_PX - 8, top + BAR_PX + 4);
    report_write_tagged(writer, "", bar->name, "</text>\n");
    for (unsigned s = 0; s < 2; s++) write_measure(writer, scale, bar, s, top + s * (BAR_PX + 1));
    writer_raw(writer, "\n");
  }
  writer_raw(writer, "</svg></figure></section>\n");
}
