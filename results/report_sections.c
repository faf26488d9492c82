/* How does each part of the report say in a table and in words what its chart shows?
 *
 * Source: ux.md §5: every chart has a text summary and a table beside it. The charts themselves are drawn by
 * the programs in results/page/ from report_data.c; without scripts the tables, the bars of the breakdowns and the
 * sentences remain. Left out: rows beyond REPORT_MAX_ROWS, which the CSV files have. */
#include "base/error.h"
#include "results/report_parts.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_STEP_ROWS = 40, N_PATH_ROWS = 100, N_HUES = 8, LONG_CELL = 44 };

void report_write_number(struct writer *writer, double value) {
  if (isnan(value)) return;
  char text[32];
  const double size = fabs(value);
  /* Whole numbers below a thousand million stay whole (bytes, cycles), and from a million on no fraction tells
   * anything; else six digits, as people read them. */
  const bool whole = (size < 1e9 && size == floor(size)) || (size >= 1e6 && size < 1e12);
  snprintf(text, sizeof text, whole ? "%.0f" : "%.6g", value == 0 ? 0.0 : value);
  writer_raw(writer, text);
}

void report_write_tagged(struct writer *writer, const char *before, const char *text, const char *after) {
  writer_raw(writer, before);
  if (text != NULL) writer_html(writer, text);
  writer_raw(writer, after);
}

void report_open_section(struct writer *writer, const char *id, const char *title) {
  writer_format(writer, "<section id=\"%s\"><h2>", id);
  writer_html(writer, title);
  writer_raw(writer, "</h2>\n");
}

/* A chart's place, up to where its summary for those who do not see it begins; "\"></div>" ends it. */
static void open_chart(struct writer *writer, const char *name) {
  writer_format(writer, "<figure><div class=\"chart\" id=\"chart-%s\" tabindex=\"0\" role=\"img\" aria-label=\"", name);
}

/* --- tables --- */

/* A column without any value (the strategy, where devices do not work together) only takes room. The first stays. */
static bool says_something(const struct report_table *table, size_t column) {
  bool something = column == 0 || table->n_rows == 0;
  for (size_t row = 0; row < table->n_rows && !something; row++) {
    const struct report_cell *const cell = &table->cells[row * table->n_columns + column];
    something = table->columns[column].is_text ? cell->text != NULL && cell->text[0] != '\0' : !isnan(cell->number);
  }
  return something;
}

static void write_table_head(struct writer *writer, const struct report_table *table, const bool *shown) {
  writer_raw(writer, "<thead><tr>");
  for (size_t i = 0; i < table->n_columns; i++) {
    if (!shown[i]) continue;
    const struct report_column *const column = &table->columns[i];
    report_write_tagged(writer, column->is_text ? "<th class=\"t\" scope=\"col\">" : "<th scope=\"col\">", column->name,
                        "");
    const bool has_unit = column->unit != NULL && column->unit[0] != '\0';
    const bool has_better = column->better != NULL && column->better[0] != '\0';
    if (has_unit || has_better) {
      report_write_tagged(writer, "<small>", has_unit ? column->unit : "", "");
      if (has_better) writer_raw(writer, strcmp(column->better, "max") == 0 ? " ↑" : " ↓");
      writer_raw(writer, "</small>");
    }
    writer_raw(writer, "</th>");
  }
  writer_raw(writer, "</tr></thead>\n");
}

/* What is too long for a line is broken, never cut: nobody could read the rest. */
static void write_text_cell(struct writer *writer, const char *text) {
  const bool is_long = text != NULL && strlen(text) > LONG_CELL;
  writer_raw(writer, is_long ? "<td class=\"t long\">" : "<td class=\"t\">");
  if (is_long) writer_html_breakable(writer, text);
  if (text != NULL && !is_long) writer_html(writer, text);
}

void report_write_table(struct writer *writer, const struct report_table *table, const char *prefix, size_t best) {
  bool *const says = ARENA_NEW(writer->arena, bool, table->n_columns);
  for (size_t i = 0; i < table->n_columns; i++) says[i] = says_something(table, i);
  const size_t shown = table->n_rows < REPORT_MAX_ROWS ? table->n_rows : REPORT_MAX_ROWS;
  writer_raw(writer, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
  writer_html(writer, table->title);
  writer_raw(writer, "\"><table>");
  if (shown < table->n_rows) {
    writer_format(writer, "<caption>The first %zu of %zu rows", shown, table->n_rows);
    if (table->file != NULL) report_write_tagged(writer, "; all are in ", table->file, "");
    writer_raw(writer, ".</caption>");
  }
  write_table_head(writer, table, says);
  writer_raw(writer, "<tbody>\n");
  for (size_t row = 0; row < shown; row++) {
    writer_format(writer, "<tr id=\"%s-row-%zu\"%s>", prefix, row, row == best ? " class=\"best\"" : "");
    for (size_t i = 0; i < table->n_columns; i++) {
      const struct report_cell *const cell = &table->cells[row * table->n_columns + i];
      if (!says[i]) continue;
      if (table->columns[i].is_text) {
        write_text_cell(writer, cell->text);
      } else {
        writer_raw(writer, "<td>");
        report_write_number(writer, cell->number);
      }
      writer_raw(writer, "</td>");
    }
    writer_raw(writer, "</tr>\n");
  }
  writer_raw(writer, "</tbody></table></div>\n");
}

void report_write_table_section(struct writer *writer, const struct report_table *table, const char *id,
                                const char *none) {
  if (table == NULL) return;
  report_open_section(writer, id, table->title);
  if (table->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", table->sentence, "</p>\n");
  if (table->n_rows > 0)
    report_write_table(writer, table, id, SIZE_MAX);
  else
    report_write_tagged(writer, "<p>", none, "</p>\n");
  writer_raw(writer, "</section>\n");
}

/* --- the front --- */

static void write_front_tools(struct writer *writer, bool has_cloud) {
  writer_raw(writer, "<div class=\"tools needs-script\" hidden>"
                     "<label>across <select id=\"front-x\"></select></label>"
                     "<label><input type=\"checkbox\" id=\"front-logx\"> log</label>"
                     "<label>up <select id=\"front-y\"></select></label>"
                     "<label><input type=\"checkbox\" id=\"front-logy\"> log</label>"
                     "<label>size <select id=\"front-size\"></select></label>"
                     "<label>colour <select id=\"front-colour\"></select></label>");
  if (has_cloud) writer_raw(writer, "<label><input type=\"checkbox\" id=\"front-cloud\" checked> evaluated</label>");
  writer_raw(writer, "</div>\n<p class=\"matches\" id=\"front-matches\" role=\"status\" hidden><span></span>"
                     "<button type=\"button\">show all</button></p>\n");
}

/* The chart's summary for those who do not see it, as its label and its caption. */
static void write_front_summary(struct writer *writer, const struct report *report) {
  const struct report_table *const table = report->front;
  const size_t axes[] = {report->front_x, report->front_y};
  writer_format(writer, "%zu design%s", table->n_rows, table->n_rows == 1 ? "" : "s");
  for (size_t k = 0; k < 2; k++) {
    double low = INFINITY, high = -INFINITY;
    for (size_t row = 0; row < table->n_rows; row++) {
      const double value = table->cells[row * table->n_columns + axes[k]].number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low > high) continue;
    report_write_tagged(writer, k == 0 ? "; " : " and ", table->columns[axes[k]].name, " from ");
    report_write_number(writer, low);
    writer_raw(writer, " to ");
    report_write_number(writer, high);
    report_write_tagged(writer, " ", table->columns[axes[k]].unit, "");
  }
  if (table->n_rows > report_front_shown(report))
    writer_format(writer, "; the chart shows %zu of them, evenly chosen", report_front_shown(report));
  writer_raw(writer, ".");
  if (report->cloud != NULL && report_cloud_shown(report) > 0)
    writer_format(writer, " Behind them %zu of the %zu feasible designs that were evaluated.",
                  report_cloud_shown(report), report->n_evaluated);
}

void report_write_front(struct writer *writer, const struct report *report) {
  const struct report_table *const table = report->front;
  if (table == NULL) return;
  report_open_section(writer, "front", table->title);
  if (table->sentence != NULL) report_write_tagged(writer, "<p class=\"note\">", table->sentence, "</p>\n");
  if (table->n_rows == 0) {
    writer_raw(writer, "<p>No design is feasible.</p></section>\n");
    return;
  }
  REQUIRE(report->front_x < table->n_columns && report->front_y < table->n_columns);
  REQUIRE(!table->columns[report->front_x].is_text && !table->columns[report->front_y].is_text);
  write_front_tools(writer, report->cloud != NULL && report->cloud->n_rows > 0);
  open_chart(writer, "front");
  write_front_summary(writer, report);
  writer_raw(writer, " Arrow keys walk along the designs, Enter opens one.\"></div><figcaption class=\"note\">");
  write_front_summary(writer, report);
  writer_raw(writer, " Dashed: the designs that none beats in the two measures shown. Point at a design to read it, "
                     "click to open it; Ctrl and the wheel zoom.</figcaption></figure>\n"
                     "<div id=\"design\" aria-live=\"polite\" hidden></div>\n"
                     "<details open><summary>Table of the front</summary>\n");
  report_write_table(writer, table, "front", report->best_row);
  writer_raw(writer, "</details></section>\n");
}

void report_write_parallel(struct writer *writer, const struct report *report) {
  const struct report_table *const table = report->front;
  if (table == NULL || table->n_rows < 2) return;
  report_open_section(writer, "parallel", "What the designs of the front have in common");
  writer_raw(writer, "<div class=\"needs-script\" hidden><p class=\"note\">A line is a design. Drag along an axis to "
                     "choose a range: the front's chart and table show what lies within. A click on an axis frees it."
                     "</p>\n");
  open_chart(writer, "parallel");
  writer_format(writer,
                "%zu designs as lines across their axes and measures, coloured by the measure of the front's "
                "upward axis. The numbers are in the table of the front.",
                table->n_rows);
  writer_raw(writer,
             "\"></div></figure>\n<div class=\"tools\"><label>keep <select id=\"parallel-axis\"></select></label>"
             "<label>from <select id=\"parallel-low\"></select></label>"
             "<label>to <select id=\"parallel-high\"></select></label>"
             "<button type=\"button\" id=\"parallel-apply\">choose</button>"
             "<button type=\"button\" id=\"parallel-clear\">free all axes</button></div></div>\n"
             "<noscript><p class=\"note\">The table of the front says the same.</p></noscript></section>\n");
}

/* --- area and power --- */

static void write_breakdown(struct writer *writer, const struct report_breakdown *breakdown) {
  double sum = 0, largest = 0;
  for (size_t i = 0; i < breakdown->n_parts; i++) {
    sum += breakdown->parts[i].value;
    if (breakdown->parts[i].value > largest) largest = breakdown->parts[i].value;
  }
  report_write_tagged(writer, "<div><h3>", breakdown->title, ": ");
  report_write_number(writer, sum);
  report_write_tagged(writer, " ", breakdown->unit, "</h3><div class=\"bars\">\n");
  for (size_t i = 0; i < breakdown->n_parts; i++) {
    const double value = breakdown->parts[i].value;
    report_write_tagged(writer, "<span>", breakdown->parts[i].name, "</span>");
    writer_format(writer, "<span><b style=\"width:%.1f%%;background:var(--c%zu)\"></b></span><span>",
                  largest > 0 ? 100 * value / largest : 0, i % N_HUES);
    report_write_number(writer, value);
    report_write_tagged(writer, " ", breakdown->unit, "</span>");
    writer_format(writer, "<span>%.1f %%</span>\n", sum > 0 ? 100 * value / sum : 0);
  }
  writer_raw(writer, "</div></div>\n");
}

void report_write_breakdowns(struct writer *writer, const struct report *report) {
  if (report->n_breakdowns == 0) return;
  report_open_section(writer, "breakdown", "Where area and power go");
  writer_raw(writer, "<div class=\"two\">\n");
  for (size_t i = 0; i < report->n_breakdowns; i++) write_breakdown(writer, &report->breakdowns[i]);
  writer_raw(writer, "</div></section>\n");
}

/* --- timelines --- */

static void write_timeline_tools(struct writer *writer, size_t number) {
  static const struct {
    const char *key, *text, *label;
  } buttons[] = {{"+", "+", "zoom in"},
                 {"-", "−", "zoom out"},
                 {"ArrowLeft", "◀", "earlier"},
                 {"ArrowRight", "▶", "later"},
                 {"0", "all", "show all"}};
  writer_raw(writer, "<div class=\"tools needs-script\" hidden>");
  for (size_t i = 0; i < sizeof buttons / sizeof buttons[0]; i++)
    writer_format(writer, "<button type=\"button\" data-timeline=\"%zu\" data-key=\"%s\" aria-label=\"%s\">%s</button>",
                  number, buttons[i].key, buttons[i].label, buttons[i].text);
  writer_format(writer,
                "<label><input type=\"checkbox\" id=\"timeline-critical-%zu\" checked> critical path</label>"
                "<span>drag to move, Ctrl + wheel to zoom</span></div>\n",
                number);
}

static void write_timeline_summary(struct writer *writer, const struct timeline *timeline, size_t n_path) {
  writer_format(writer, "%zu bar%s on %" PRIu32 " lane%s, ", timeline->n_bars, timeline->n_bars == 1 ? "" : "s",
                timeline->n_lanes, timeline->n_lanes == 1 ? "" : "s");
  const struct timeline_unit unit = timeline_unit_of(timeline);
  report_write_number(writer, (double)timeline_end_cycles(timeline) * timeline->us_per_cycle / unit.us);
  writer_format(writer, " %s in all; %zu on the critical path.", unit.name, n_path);
  if (timeline->n_bars > REPORT_MAX_BARS)
    writer_format(writer, " The chart shows %d of them: the critical path first, then the longest.", REPORT_MAX_BARS);
}

static void write_lanes(struct writer *writer, const struct timeline *timeline, struct arena *arena) {
  uint64_t *const busy_cycles = ARENA_NEW(arena, uint64_t, timeline->n_lanes);
  size_t *const n_bars = ARENA_NEW(arena, size_t, timeline->n_lanes);
  const uint64_t end_cycles = timeline_end_cycles(timeline);
  const struct timeline_unit unit = timeline_unit_of(timeline);
  for (size_t i = 0; i < timeline->n_bars; i++) {
    const struct timeline_bar *const bar = &timeline->bars[i];
    busy_cycles[bar->lane] += bar->finish_cycles - bar->start_cycles;
    n_bars[bar->lane]++;
  }
  writer_format(writer,
                "<details><summary>Table of the lanes</summary><div class=\"scroll\" tabindex=\"0\"><table><thead>"
                "<tr><th class=\"t\" scope=\"col\">lane</th><th scope=\"col\">bars</th><th scope=\"col\">busy"
                "<small>%s</small></th><th scope=\"col\">busy<small>%%</small></th></tr></thead><tbody>\n",
                unit.name);
  for (uint32_t lane = 0; lane < timeline->n_lanes; lane++) {
    report_write_tagged(writer, "<tr><td class=\"t\">", timeline->lanes[lane], "</td>");
    writer_format(writer, "<td>%zu</td><td>", n_bars[lane]);
    report_write_number(writer, (double)busy_cycles[lane] * timeline->us_per_cycle / unit.us);
    writer_format(writer, "</td><td>%.1f</td></tr>\n",
                  end_cycles > 0 ? 100 * (double)busy_cycles[lane] / (double)end_cycles : 0);
  }
  writer_raw(writer, "</tbody></table></div></details>\n");
}

static void write_path(struct writer *writer, const struct timeline *timeline, const uint32_t *path, size_t n_path) {
  if (n_path == 0) return;
  const size_t shown = n_path < N_PATH_ROWS ? n_path : N_PATH_ROWS;
  writer_raw(writer,
             "<details><summary>Table of the critical path</summary><div class=\"scroll\" tabindex=\"0\"><table>");
  if (shown < n_path) writer_format(writer, "<caption>The first %zu of %zu.</caption>", shown, n_path);
  const struct timeline_unit unit = timeline_unit_of(timeline);
  writer_format(writer,
                "<thead><tr><th class=\"t\" scope=\"col\">what</th><th class=\"t\" scope=\"col\">phase</th>"
                "<th class=\"t\" scope=\"col\">lane</th><th scope=\"col\">start<small>%s</small></th>"
                "<th scope=\"col\">takes<small>%s</small></th></tr></thead><tbody>\n",
                unit.name, unit.name);
  for (size_t i = 0; i < shown; i++) {
    const struct timeline_bar *const bar = &timeline->bars[path[i]];
    report_write_tagged(writer, "<tr><td class=\"t\">", bar->label, "</td>");
    report_write_tagged(writer, "<td class=\"t\">", timeline->phases[bar->phase], "</td>");
    report_write_tagged(writer, "<td class=\"t\">", timeline->lanes[bar->lane], "</td><td>");
    report_write_number(writer, (double)bar->start_cycles * timeline->us_per_cycle / unit.us);
    writer_raw(writer, "</td><td>");
    report_write_number(writer, (double)(bar->finish_cycles - bar->start_cycles) * timeline->us_per_cycle / unit.us);
    writer_raw(writer, "</td></tr>\n");
  }
  writer_raw(writer, "</tbody></table></div></details>\n");
}

void report_write_timeline(struct writer *writer, const struct timeline *timeline, size_t number, struct arena *arena) {
  uint32_t *path;
  size_t n_path;
  char id[48];
  snprintf(id, sizeof id, "timeline-%zu", number);
  timeline_critical(timeline, arena, &path, &n_path);
  report_open_section(writer, id, timeline->title);
  if (timeline->note != NULL) report_write_tagged(writer, "<p class=\"note\">", timeline->note, "</p>\n");
  write_timeline_tools(writer, number);
  writer_format(writer, "<div class=\"legend\" id=\"timeline-legend-%zu\">", number);
  for (uint16_t phase = 0; phase < timeline->n_phases; phase++) {
    writer_format(writer, "<span data-phase=\"%d\"><i style=\"background:var(--c%d)\"></i>", phase, phase % N_HUES);
    report_write_tagged(writer, "", timeline->phases[phase], "</span>");
  }
  writer_raw(writer,
             "<span><i style=\"background:var(--critical);height:4px;vertical-align:2px\"></i>critical path</span>"
             "</div>\n");
  open_chart(writer, id);
  write_timeline_summary(writer, timeline, n_path);
  writer_raw(writer, " Plus and minus zoom, arrow keys move.\"></div><figcaption class=\"note\">");
  write_timeline_summary(writer, timeline, n_path);
  writer_raw(writer, "</figcaption></figure>\n");
  write_path(writer, timeline, path, n_path);
  write_lanes(writer, timeline, arena);
  writer_raw(writer, "</section>\n");
}

/* --- convergence --- */

static void write_steps_summary(struct writer *writer, const struct report *report) {
  const struct report_step *const last = &report->steps[report->n_steps - 1];
  writer_raw(writer, "After ");
  report_write_number(writer, last->evaluations);
  report_write_tagged(writer, " evaluations, ", report->metric, "");
  writer_raw(writer, isnan(last->best) ? " is not known: nothing feasible yet" : " is ");
  report_write_number(writer, last->best);
  if (!isnan(last->best)) report_write_tagged(writer, " ", report->metric_unit, "");
  if (!isnan(last->bound)) {
    writer_raw(writer, "; no design can be better than ");
    report_write_number(writer, last->bound);
    report_write_tagged(writer, " ", report->metric_unit, "");
  }
  writer_raw(writer, ".");
}

void report_write_steps(struct writer *writer, const struct report *report) {
  if (report->n_steps == 0) return;
  report_open_section(writer, "convergence", "How the search got there");
  writer_raw(writer, "<div class=\"tools needs-script\" hidden><label><input type=\"checkbox\" id=\"convergence-log\"> "
                     "log</label></div>\n");
  open_chart(writer, "convergence");
  write_steps_summary(writer, report);
  writer_raw(writer, "\"></div><figcaption class=\"note\">");
  write_steps_summary(writer, report);
  writer_raw(writer, "</figcaption></figure>\n<details><summary>Table of the rounds</summary>"
                     "<div class=\"scroll\" tabindex=\"0\"><table>");
  const size_t every = (report->n_steps + N_STEP_ROWS - 1) / N_STEP_ROWS;
  if (every > 1) writer_format(writer, "<caption>One round in %zu, and the last.</caption>", every);
  writer_raw(writer, "<thead><tr><th scope=\"col\">evaluations</th><th scope=\"col\">best<small>");
  report_write_tagged(writer, "", report->metric_unit, "</small></th><th scope=\"col\">bound<small>");
  report_write_tagged(writer, "", report->metric_unit, "</small></th></tr></thead><tbody>\n");
  for (size_t i = 0; i < report->n_steps; i++) {
    if (i % every != 0 && i + 1 < report->n_steps) continue;
    writer_raw(writer, "<tr><td>");
    report_write_number(writer, report->steps[i].evaluations);
    writer_raw(writer, "</td><td>");
    report_write_number(writer, report->steps[i].best);
    writer_raw(writer, "</td><td>");
    report_write_number(writer, report->steps[i].bound);
    writer_raw(writer, "</td></tr>\n");
  }
  writer_raw(writer, "</tbody></table></div></details></section>\n");
}
