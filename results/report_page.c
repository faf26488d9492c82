/* How do the page's own files (style sheet, programs, chart library, licences) come into the program?
 *
 * As bytes at build time, so that an installed program needs no folder beside it: the assembler reads them from
 * results/page/, which the compiler looks for from the project's root. What is in them is said in
 * results/page/README.md. Left out: compression, which a page that asks for nothing could not undo everywhere. */
#include "results/report_parts.h"

#define EMBED(name, file)                                                                                              \
  __asm__(".pushsection .rodata\n"                                                                                     \
          ".balign 16\n"                                                                                               \
          ".globl page_" #name "_start\npage_" #name "_start:\n"                                                       \
          ".incbin \"results/page/" file "\"\n"                                                                        \
          ".globl page_" #name "_end\npage_" #name "_end:\n"                                                           \
          ".byte 0\n"                                                                                                  \
          ".popsection\n");                                                                                            \
  extern const char page_##name##_start[], page_##name##_end[];

EMBED(css, "page.css")
EMBED(charts, "charts.min.js")
EMBED(licences, "LICENSE-echarts")
EMBED(base, "base.js")
EMBED(tables, "tables.js")
EMBED(design, "design.js")
EMBED(front, "front.js")
EMBED(parallel, "parallel.js")
EMBED(convergence, "convergence.js")
EMBED(timeline, "timeline.js")
EMBED(start, "start.js")

static void write(struct writer *writer, const char *start, const char *end) {
  writer_bytes(writer, start, (size_t)(end - start));
}

void report_write_style(struct writer *writer) { write(writer, page_css_start, page_css_end); }

void report_write_charts(struct writer *writer) { write(writer, page_charts_start, page_charts_end); }

void report_write_licences(struct writer *writer) { writer_html_lines(writer, page_licences_start); }

void report_write_script(struct writer *writer) {
  writer_raw(writer, "'use strict';\n(() => {\n");
  write(writer, page_base_start, page_base_end);
  write(writer, page_tables_start, page_tables_end);
  write(writer, page_design_start, page_design_end);
  write(writer, page_front_start, page_front_end);
  write(writer, page_parallel_start, page_parallel_end);
  write(writer, page_convergence_start, page_convergence_end);
  write(writer, page_timeline_start, page_timeline_end);
  write(writer, page_start_start, page_start_end);
  writer_raw(writer, "})();\n");
}
