/* The pieces of the page that report.c puts together; for it alone. */
#ifndef RESULTS_REPORT_PARTS_H
#define RESULTS_REPORT_PARTS_H

#include "results/report.h"
#include "results/writer.h"

/* The page's own files, without their tags: style sheet, program, chart library, the library's licences as HTML text.
 */
void report_write_style(struct writer *writer);
void report_write_script(struct writer *writer);
void report_write_charts(struct writer *writer);
void report_write_licences(struct writer *writer);
/* How many designs of the front and of the cloud the charts show. */
size_t report_front_shown(const struct report *report);
size_t report_cloud_shown(const struct report *report);
/* What the charts show, as one JSON object. */
void report_write_data(struct writer *writer, const struct report *report, struct arena *arena);

/* `before` and `after` are ours, `text` (NULL: nothing) is escaped. */
void report_write_tagged(struct writer *writer, const char *before, const char *text, const char *after);
void report_open_section(struct writer *writer, const char *id, const char *title);
/* As people read it; NaN: nothing. */
void report_write_number(struct writer *writer, double value);
/* At a tick of an axis: 10 k, 1.5 M. */
void report_write_tick(struct writer *writer, double value);
/* 1, 2 or 5 times a power of ten, the least of them of which `n_ticks` cover the width (> 0); the same bytes on any
 * processor's libm. */
double report_tick_step(double width, unsigned n_ticks);
/* The rows, each with an id "<prefix>-row-N"; `best` is marked (SIZE_MAX: none). */
void report_write_table(struct writer *writer, const struct report_table *table, const char *prefix, size_t best);
/* A section each, or nothing if the report has nothing for it. */
void report_write_table_section(struct writer *writer, const struct report_table *table, const char *id,
                                const char *none);
/* `number` from 0: the first chapter's id is "chapter", the next one's "chapter-b". */
void report_chapter_id(size_t number, char id[16]);
void report_write_chapter(struct writer *writer, const struct report_chapter *chapter, size_t number);
void report_write_front(struct writer *writer, const struct report *report);
void report_write_parallel(struct writer *writer, const struct report *report);
void report_write_breakdowns(struct writer *writer, const struct report *report);
void report_write_bars(struct writer *writer, const struct report_bars *bars, size_t number);
void report_write_timeline(struct writer *writer, const struct timeline *timeline, size_t number, struct arena *arena);
void report_write_profile(struct writer *writer, const struct report_profile *profile, size_t number);
void report_write_steps(struct writer *writer, const struct report *report);
void report_write_curves(struct writer *writer, const struct report *report);

#endif
