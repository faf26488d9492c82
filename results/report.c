/* How do results become one page that says what was found, how good it is, and how to get it again?
 *
 * Source: ux.md §5. The order is an architect's: the answer, how far it may be trusted, the choices, where area and
 * power go, how it runs, how the search got there, how to repeat it. The page may load nothing (Content-Security-
 * Policy), so it works offline and tells nobody that it was read. What moves is drawn by the programs of results/page/;
 * without them tables, sentences and what is drawn as SVG here remain. */
#include "results/report.h"
#include "base/file.h"
#include "results/report_parts.h"
#include <stdio.h>
#include <string.h>

enum { MAX_COMMAND_ROWS = 100, LONG_FACT = 36 };

static void write_head(struct writer *writer, const struct report *report) {
  writer_raw(writer, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta name=\"referrer\" content=\"no-referrer\">\n");
  report_write_tagged(writer, "<title>", report->title, "</title>\n<style>\n");
  report_write_style(writer);
  writer_raw(writer, "</style></head>\n<body>\n");
}

static void write_headline(struct writer *writer, const struct report *report) {
  report_write_tagged(writer, "<header><h1>", report->title, "</h1>\n");
  writer_raw(writer, "<button type=\"button\" id=\"theme\" class=\"needs-script\" hidden "
                     "aria-label=\"switch between light and dark\">◐</button>\n");
  writer_raw(writer, "<p class=\"headline\">");
  if (report->headline != NULL) writer_html_breakable(writer, report->headline);
  writer_raw(writer, "</p>\n");
  if (report->model_band != NULL)
    report_write_tagged(writer, "<p class=\"band\"><b>Model band:</b> ", report->model_band, "</p>\n");
  if (report->n_facts > 0) writer_raw(writer, "<dl class=\"facts\">\n");
  for (size_t i = 0; i < report->n_facts; i++) {
    const bool is_long = report->facts[i].value != NULL && strlen(report->facts[i].value) > LONG_FACT;
    report_write_tagged(writer, is_long ? "<div class=\"long\"><dt>" : "<div><dt>", report->facts[i].key, "</dt>");
    writer_raw(writer, "<dd>");
    if (report->facts[i].value != NULL) writer_html_breakable(writer, report->facts[i].value);
    writer_raw(writer, "</dd></div>\n");
  }
  if (report->n_facts > 0) writer_raw(writer, "</dl>\n");
  writer_raw(writer, "</header>\n");
}

static void write_link(struct writer *writer, bool there, const char *id, const char *text) {
  if (!there) return;
  writer_format(writer, "<li><a href=\"#%s\">", id);
  report_write_tagged(writer, "", text, "</a></li>\n");
}

static void write_links(struct writer *writer, const struct report *report) {
  writer_raw(writer, "<nav aria-label=\"parts of the report\"><ul>\n");
  size_t n_chapters = 0;
  for (const struct report_chapter *chapter = report->chapter; chapter != NULL; chapter = chapter->next) {
    char id[16];
    report_chapter_id(n_chapters++, id);
    write_link(writer, true, id, chapter->title);
  }
  write_link(writer, report->front != NULL, "front", "Front");
  write_link(writer, report->front != NULL && report->front->n_rows > 1, "parallel", "Axes");
  write_link(writer, report->topk != NULL, "topk", "Best per stage");
  write_link(writer, report->n_breakdowns > 0, "breakdown", "Area and power");
  write_link(writer, report->n_bars > 0, "bars-0", "What moves it");
  write_link(writer, report->n_timelines > 0, "timeline-0", "Schedule");
  if (report->n_profiles > 0) write_link(writer, true, "profile-0", report->profiles[0].title);
  write_link(writer, report->n_steps > 0, "convergence", "Convergence");
  write_link(writer, report->curves != NULL, "curves", "Searches");
  write_link(writer, report->infeasible != NULL, "infeasible", "Infeasible");
  write_link(writer, report->n_tables > 0, "table-0", "More");
  write_link(writer, report->n_commands > 0, "commands", "Reproduce");
  write_link(writer, report->settings != NULL, "settings", "Settings");
  writer_raw(writer, "</ul></nav>\n");
}

static void write_commands(struct writer *writer, const struct report *report) {
  if (report->n_commands == 0) return;
  const size_t shown = report->n_commands < MAX_COMMAND_ROWS ? report->n_commands : MAX_COMMAND_ROWS;
  report_open_section(writer, "commands", "Get it again");
  writer_raw(writer, "<p class=\"note\">Each line computes one design in full. A click on a design in the chart of the "
                     "front shows its line too.</p>\n<div class=\"scroll\" tabindex=\"0\"><table>");
  if (shown < report->n_commands)
    writer_format(writer, "<caption>The first %zu of %zu.</caption>", shown, report->n_commands);
  writer_raw(writer, "<thead><tr><th class=\"t\" scope=\"col\">design</th>"
                     "<th class=\"t\" scope=\"col\">command</th></tr></thead><tbody>\n");
  for (size_t i = 0; i < shown; i++) {
    report_write_tagged(writer, "<tr><th class=\"t\" scope=\"row\">", report->commands[i].key, "</th>");
    report_write_tagged(writer, "<td class=\"t\"><code>", report->commands[i].value, "</code></td></tr>\n");
  }
  writer_raw(writer, "</tbody></table></div></section>\n");
}

static void write_settings(struct writer *writer, const char *settings) {
  if (settings == NULL) return;
  report_open_section(writer, "settings", "Settings");
  writer_raw(writer, "<p class=\"note\">As resolved: defaults filled in, includes expanded. It runs again as it is."
                     "</p>\n<details><summary>Run file</summary><pre>");
  writer_html_lines(writer, settings);
  writer_raw(writer, "</pre></details></section>\n");
}

/* Is there anything that the chart library draws? */
static bool has_charts(const struct report *report) {
  return (report->front != NULL && report->front->n_rows > 0) || report->n_steps > 0 || report->n_timelines > 0;
}

static void write_footer(struct writer *writer, const struct report *report) {
  writer_raw(writer, "<footer><p>This page is one file. It works offline and asks for nothing.</p>\n");
  if (has_charts(report)) {
    writer_raw(writer, "<details class=\"no-print\"><summary>Its charts are drawn by Apache ECharts: licences"
                       "</summary><pre>");
    report_write_licences(writer);
    writer_raw(writer, "</pre></details>");
  }
  writer_raw(writer, "</footer>\n</main>\n");
}

void report_write(const struct report *report, struct arena *arena, const char **html, size_t *n_bytes) {
  struct writer writer;
  writer_init(&writer, arena);
  write_head(&writer, report);
  write_headline(&writer, report);
  write_links(&writer, report);
  writer_raw(&writer, "<main>\n<noscript><p class=\"note\">Scripts are off: charts are missing, their tables and "
                      "sentences are all here.</p></noscript>\n");
  size_t n_chapters = 0;
  for (const struct report_chapter *chapter = report->chapter; chapter != NULL; chapter = chapter->next) {
    report_write_chapter(&writer, chapter, n_chapters++);
  }
  report_write_front(&writer, report);
  report_write_parallel(&writer, report);
  report_write_table_section(&writer, report->topk, "topk", "Nothing was kept.");
  report_write_breakdowns(&writer, report);
  for (size_t i = 0; i < report->n_bars; i++) report_write_bars(&writer, &report->bars[i], i);
  for (size_t i = 0; i < report->n_timelines; i++) report_write_timeline(&writer, &report->timelines[i], i, arena);
  for (size_t i = 0; i < report->n_profiles; i++) report_write_profile(&writer, &report->profiles[i], i);
  report_write_steps(&writer, report);
  report_write_curves(&writer, report);
  report_write_table_section(&writer, report->infeasible, "infeasible", "Every design tried was feasible.");
  for (size_t i = 0; i < report->n_tables; i++) {
    char id[48];
    snprintf(id, sizeof id, "table-%zu", i);
    report_write_table_section(&writer, &report->tables[i], id, "Nothing to show.");
  }
  write_commands(&writer, report);
  write_settings(&writer, report->settings);
  write_footer(&writer, report);
  writer_raw(&writer, "<script type=\"application/json\" id=\"data\">");
  report_write_data(&writer, report, arena);
  if (has_charts(report)) {
    writer_raw(&writer, "</script>\n<script id=\"library\">\n");
    report_write_charts(&writer);
  }
  writer_raw(&writer, "</script>\n<script id=\"program\">\n");
  report_write_script(&writer);
  writer_raw(&writer, "</script>\n</body></html>\n");
  *html = writer.text;
  *n_bytes = writer.length;
}

bool report_publish(const struct report *report, const char *path, struct arena *arena, struct error *error) {
  const char *html;
  size_t n;
  report_write(report, arena, &html, &n);
  return file_publish(path, html, n, error);
}
