/* How is something that designs are put together to (a system of many devices) told on the page?
 *
 * Source: ux.md §5. Stacked bars are boxes of the page itself, so that their words stay readable on narrow screens; the
 * picture of points is SVG in the page's colours, with shape as the second code. None of it needs scripts, and beside
 * each stands a table. Left out: zooming, and axes of one's choice, which the chart of the designs has. */
#include "base/error.h"
#include "results/report_parts.h"
#include <math.h>
#include <stdio.h>

enum { WIDTH = 660, HEIGHT = 400, LEFT = 76, RIGHT = 26, TOP = 14, BOTTOM = 50, N_HUES = 8, N_TICKS = 5 };
enum { MARK = 7, WORD_WIDTH = 46, WORD_HEIGHT = 12 }; /* half a mark, the word "chosen" */
/* A part narrower than this has no room for its percentage, or for a line behind it. */
static const double WORDS_SHARE = 0.06, LINE_SHARE = 0.008;

/* --- stacked bars ---------------------------------------------------------------------------------------------------
 */

static double total_of(const struct report_stacks *stacks, size_t row) {
  double total = 0;
  for (size_t i = 0; i < stacks->n_parts; i++) total += stacks->rows[row].values[i];
  return total;
}

static double full_scale(const struct report_stacks *stacks) {
  double most = 0;
  for (size_t row = 0; row < stacks->n_rows; row++) {
    most = fmax(most, total_of(stacks, row));
    if (stacks->rows[row].limit > 0) most = fmax(most, stacks->rows[row].limit);
  }
  return most > 0 ? most : 1;
}

static void write_share(struct writer *writer, const struct report_stacks *stacks, size_t row, size_t part,
                        double scale) {
  const double value = stacks->rows[row].values[part], total = total_of(stacks, row);
  if (!(value > 0)) return;
  writer_format(writer, "<b style=\"width:%.2f%%;background:var(--c%zu)%s\" title=\"", 100 * value / scale,
                part % N_HUES, value / scale < LINE_SHARE ? ";box-shadow:none" : "");
  report_write_tagged(writer, "", stacks->parts[part], ": ");
  report_write_number(writer, value);
  report_write_tagged(writer, " ", stacks->unit, "");
  writer_format(writer, ", %.1f %%\">", 100 * value / total);
  /* What is not all of it is not called 100 %. */
  if (value / scale >= WORDS_SHARE)
    writer_format(writer, "%.0f %%", value < total ? fmin(99, 100 * value / total) : 100);
  writer_raw(writer, "</b>");
}

static void write_stack(struct writer *writer, const struct report_stacks *stacks, size_t row, double scale) {
  const struct report_stack *stack = &stacks->rows[row];
  report_write_tagged(writer, "<div class=\"stack-name\"><span>", stack->name, "</span><span>");
  report_write_number(writer, total_of(stacks, row));
  if (stack->limit > 0) {
    writer_raw(writer, " of ");
    report_write_number(writer, stack->limit);
  }
  report_write_tagged(writer, " ", stacks->unit, "</span></div>\n<div class=\"stack\">");
  for (size_t i = 0; i < stacks->n_parts; i++) write_share(writer, stacks, row, i, scale);
  if (stack->limit > 0) writer_format(writer, "<i style=\"left:calc(%.2f%% - 3px)\"></i>", 100 * stack->limit / scale);
  writer_raw(writer, "</div>\n");
}

static void write_stacks_table(struct writer *writer, const struct report_stacks *stacks) {
  writer_raw(writer, "<details><summary>Table of the parts</summary><div class=\"scroll\" tabindex=\"0\"><table><thead>"
                     "<tr><th class=\"t\" scope=\"col\"></th>");
  for (size_t i = 0; i < stacks->n_parts; i++) {
    report_write_tagged(writer, "<th scope=\"col\">", stacks->parts[i], "");
    report_write_tagged(writer, "<small>", stacks->unit, "</small></th>");
  }
  writer_raw(writer, "</tr></thead><tbody>\n");
  for (size_t row = 0; row < stacks->n_rows; row++) {
    report_write_tagged(writer, "<tr><td class=\"t\">", stacks->rows[row].name, "</td>");
    for (size_t i = 0; i < stacks->n_parts; i++) {
      writer_raw(writer, "<td>");
      report_write_number(writer, stacks->rows[row].values[i]);
      writer_raw(writer, "</td>");
    }
    writer_raw(writer, "</tr>\n");
  }
  writer_raw(writer, "</tbody></table></div></details>\n");
}

static void write_stacks(struct writer *writer, const struct report_stacks *stacks) {
  const double scale = full_scale(stacks);
  report_write_tagged(writer, "<h3>", stacks->title, "</h3>\n");
  if (stacks->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", stacks->sentence, "</p>\n");
  writer_raw(writer, "<div class=\"legend\">");
  for (size_t i = 0; i < stacks->n_parts; i++) {
    bool there = false;
    for (size_t row = 0; row < stacks->n_rows; row++) there = there || stacks->rows[row].values[i] > 0;
    if (!there) continue;
    writer_format(writer, "<span><i style=\"background:var(--c%zu)\"></i>", i % N_HUES);
    report_write_tagged(writer, "", stacks->parts[i], "</span>");
  }
  writer_raw(writer, "</div>\n<figure>");
  for (size_t row = 0; row < stacks->n_rows; row++) write_stack(writer, stacks, row, scale);
  writer_raw(writer, "</figure>\n");
  write_stacks_table(writer, stacks);
}

/* --- points ---------------------------------------------------------------------------------------------------------
 */

struct extent {
  double least, most, step;
  bool whole; /* counts: only whole numbers */
};

static void take(struct extent *extent, double value) {
  if (!isfinite(value)) return;
  extent->least = fmin(extent->least, value);
  extent->most = fmax(extent->most, value);
  extent->whole = extent->whole && value >= floor(value) && value <= floor(value);
}

/* Steps of 1, 2 or 5 of some decade, and ends on them; nothing of it depends on a processor's libm. */
static void round_out(struct extent *extent) {
  if (extent->least > extent->most) *extent = (struct extent){0, 1, 0, false};
  double width = extent->most - extent->least;
  if (!(width > 0)) width = extent->most > 0 ? extent->most : 1;
  double step = report_tick_step(width, N_TICKS);
  if (extent->whole && step < 1) step = 1; /* there is no chip one and a half */
  extent->step = step;
  extent->least = step * floor(extent->least / step);
  extent->most = step * ceil(extent->most / step);
  if (extent->most <= extent->least) extent->most = extent->least + step;
}

static double place(const struct extent *extent, double value, double from, double to) {
  return floor(10 * (from + (value - extent->least) / (extent->most - extent->least) * (to - from)) + 0.5) / 10;
}
static double x_of(const struct extent *extent, double value) { return place(extent, value, LEFT, WIDTH - RIGHT); }
static double y_of(const struct extent *extent, double value) { return place(extent, value, HEIGHT - BOTTOM, TOP); }

/* A multiple of the step, so that zero is zero. */
static double tick_of(const struct extent *extent, int i) {
  return extent->step * (floor(extent->least / extent->step + 0.5) + i);
}

static void write_axes(struct writer *writer, const struct report_points *points, const struct extent *x,
                       const struct extent *y) {
  for (int i = 0; x->least + i * x->step <= x->most + x->step / 2; i++) {
    const double at = x_of(x, x->least + i * x->step);
    writer_format(writer, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"var(--line)\"/>", at, at, TOP,
                  HEIGHT - BOTTOM);
    writer_format(writer, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", at, HEIGHT - BOTTOM + 18);
    report_write_tick(writer, tick_of(x, i));
    writer_raw(writer, "</text>\n");
  }
  for (int i = 0; y->least + i * y->step <= y->most + y->step / 2; i++) {
    const double at = y_of(y, y->least + i * y->step);
    writer_format(writer, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--line)\"/>", LEFT,
                  WIDTH - RIGHT, at, at);
    writer_format(writer, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 8, at + 4);
    report_write_tick(writer, tick_of(y, i));
    writer_raw(writer, "</text>\n");
  }
  writer_format(writer, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
  report_write_tagged(writer, "", points->x_name, "</text>\n");
  writer_format(writer, "<text transform=\"translate(15 %d) rotate(-90)\" text-anchor=\"middle\">",
                (TOP + HEIGHT - BOTTOM) / 2);
  report_write_tagged(writer, "", points->y_name, "</text>\n");
}

/* Circle, diamond, square, triangle. */
static void write_shape(struct writer *writer, unsigned kind, double x, double y) {
  static const char *const shapes[] = {"m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0", "m0 -6.5l6.5 6.5l-6.5 6.5l-6.5 -6.5z",
                                       "m-5 -5h10v10h-10z", "m0 -6l6 11h-12z"};
  writer_format(writer, "<path d=\"M%.1f %.1f%s\" fill=\"var(--c%u)\" stroke=\"var(--card)\">", x, y, shapes[kind % 4],
                kind % N_HUES);
}

static void write_point(struct writer *writer, const struct report_points *points, size_t i, const struct extent *x,
                        const struct extent *y) {
  const struct report_point *point = &points->points[i];
  if (!isfinite(point->x) || !isfinite(point->y)) return;
  const double at_x = x_of(x, point->x), at_y = y_of(y, point->y);
  REQUIRE(point->kind < points->n_kinds);
  write_shape(writer, point->kind, at_x, at_y);
  report_write_tagged(writer, "<title>", point->name, ": ");
  report_write_number(writer, point->y);
  report_write_tagged(writer, " ", points->y_name, ", ");
  report_write_number(writer, point->x);
  report_write_tagged(writer, " ", points->x_name, "</title></path>\n");
}

/* Where the word hides the fewest of the other marks: around its mark, first the nearest places. */
static void write_chosen(struct writer *writer, const struct report_points *points, const struct extent *x,
                         const struct extent *y) {
  if (points->chosen >= points->n_points) return;
  const struct report_point *const chosen = &points->points[points->chosen];
  if (!isfinite(chosen->x) || !isfinite(chosen->y)) return;
  const double at_x = x_of(x, chosen->x), at_y = y_of(y, chosen->y);
  static const double away[][2] = {{14, 5},
                                   {-14 - WORD_WIDTH, 5},
                                   {14, 20},
                                   {14, -11},
                                   {-14 - WORD_WIDTH, 20},
                                   {-14 - WORD_WIDTH, -11},
                                   {-WORD_WIDTH / 2., 28},
                                   {-WORD_WIDTH / 2., -17},
                                   {-WORD_WIDTH / 2., 46},
                                   {-WORD_WIDTH / 2., -35}};
  double word_x = at_x, word_y = at_y;
  size_t fewest = SIZE_MAX;
  for (size_t k = 0; k < sizeof away / sizeof *away; k++) {
    const double left = at_x + away[k][0], base = at_y + away[k][1];
    if (left < LEFT || left + WORD_WIDTH > WIDTH || base - WORD_HEIGHT < TOP || base > HEIGHT - BOTTOM) continue;
    size_t n_hidden = 0;
    for (size_t i = 0; i < points->n_points; i++) {
      if (!isfinite(points->points[i].x) || !isfinite(points->points[i].y)) continue;
      const double other_x = x_of(x, points->points[i].x), other_y = y_of(y, points->points[i].y);
      n_hidden += other_x > left - MARK && other_x < left + WORD_WIDTH + MARK && other_y > base - WORD_HEIGHT - MARK &&
                  other_y < base + MARK;
    }
    if (isfinite(points->y_bound)) {
      const double bound_y = y_of(y, points->y_bound);
      n_hidden += bound_y > base - WORD_HEIGHT && bound_y < base + 2;
    }
    if (n_hidden >= fewest) continue;
    fewest = n_hidden, word_x = left, word_y = base;
  }
  writer_format(writer,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"10\" fill=\"none\" stroke=\"var(--mark)\" "
                "stroke-width=\"2.5\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"var(--mark)\">chosen</text>\n",
                at_x, at_y, word_x, word_y);
}

static void write_bound(struct writer *writer, const struct report_points *points, const struct extent *y) {
  if (!isfinite(points->y_bound)) return;
  const double at = y_of(y, points->y_bound);
  writer_format(writer,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"var(--mark)\" "
                "stroke-dasharray=\"6 4\" stroke-width=\"1.5\"/>",
                LEFT, WIDTH - RIGHT, at, at);
  writer_format(writer, "<text x=\"%d\" y=\"%.1f\" fill=\"var(--mark)\">", LEFT + 6, at + 15);
  report_write_tagged(writer, "", points->bound_name, "</text>\n");
}

static void write_kinds(struct writer *writer, const struct report_points *points) {
  static const char *const marks[] = {"●", "◆", "■", "▲"};
  writer_raw(writer, "<div class=\"legend\">");
  for (size_t i = 0; i < points->n_kinds; i++) {
    bool there = false;
    for (size_t k = 0; k < points->n_points && !there; k++) there = points->points[k].kind == i;
    if (!there) continue;
    writer_format(writer, "<span><span style=\"color:var(--c%zu)\">%s</span> ", i % N_HUES, marks[i % 4]);
    report_write_tagged(writer, "", points->kinds[i], "</span>");
  }
  writer_raw(writer, "</div>\n");
}

static void write_points(struct writer *writer, const struct report_points *points) {
  struct extent x = {INFINITY, -INFINITY, 0, true}, y = x;
  for (size_t i = 0; i < points->n_points; i++) {
    if (!isfinite(points->points[i].x) || !isfinite(points->points[i].y)) continue;
    take(&x, points->points[i].x);
    take(&y, points->points[i].y);
  }
  take(&y, points->y_bound);
  round_out(&x);
  round_out(&y);
  report_write_tagged(writer, "<h3>", points->title, "</h3>\n");
  if (points->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", points->sentence, "</p>\n");
  write_kinds(writer, points);
  writer_format(writer, "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" class=\"points\"", WIDTH, HEIGHT);
  report_write_tagged(writer, " aria-label=\"", points->title, "; the numbers are in the tables\">\n");
  write_axes(writer, points, &x, &y);
  write_bound(writer, points, &y);
  const size_t every = (points->n_points + REPORT_MAX_MARKS - 1) / REPORT_MAX_MARKS;
  for (size_t i = points->n_points; i-- > 0;) { /* the first on top */
    if (every <= 1 || i % every == 0 || i == points->chosen) write_point(writer, points, i, &x, &y);
  }
  write_chosen(writer, points, &x, &y);
  writer_raw(writer, "</svg></figure>\n");
  if (every > 1) writer_format(writer, "<p class=\"note\">One in %zu of %zu is shown.</p>\n", every, points->n_points);
}

/* --- the chapter ----------------------------------------------------------------------------------------------------
 */

void report_chapter_id(size_t number, char id[16]) {
  if (number == 0) {
    snprintf(id, 16, "chapter");
  } else {
    snprintf(id, 16, "chapter-%c", (char)('a' + number % 26));
  }
}

void report_write_chapter(struct writer *writer, const struct report_chapter *chapter, size_t number) {
  char id[16];
  report_chapter_id(number, id);
  report_open_section(writer, id, chapter->title);
  if (chapter->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", chapter->sentence, "</p>\n");
  for (size_t i = 0; i < chapter->n_stacks; i++) write_stacks(writer, &chapter->stacks[i]);
  if (chapter->points != NULL) write_points(writer, chapter->points);
  for (size_t i = 0; i < chapter->n_tables; i++) {
    const struct report_table *table = &chapter->tables[i];
    char prefix[48];
    snprintf(prefix, sizeof prefix, "%s-%zu", id, i);
    report_write_tagged(writer, "<h3>", table->title, "</h3>\n");
    if (table->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", table->sentence, "</p>\n");
    report_write_table(writer, table, prefix, SIZE_MAX);
  }
  writer_raw(writer, "</section>\n");
}
