/* The pieces of the page that report.c puts together; for it alone. */
#ifndef RESULTS_REPORT_PARTS_H
#define RESULTS_REPORT_PARTS_H

#include "results/report.h"
#include "results/writer.h"

/* The style sheet and the program of the page, without their tags. */
void report_write_style(struct writer *writer);
void report_write_script(struct writer *writer);
/* What the charts show, as one JSON object. */
void report_write_data(struct writer *writer, const struct report *report, struct arena *arena);

/* `before` and `after` are ours, `text` (NULL: nothing) is escaped. */
void report_write_tagged(struct writer *writer, const char *before, const char *text, const char *after);
void report_open_section(struct writer *writer, const char *id, const char *title);
/* As people read it; NaN: nothing. */
void report_write_number(struct writer *writer, double value);
/* The rows, each with an id "<prefix>-row-N"; `best` is marked (SIZE_MAX: none). */
void report_write_table(struct writer *writer, const struct report_table *table, const char *prefix, size_t best);
/* A section each, or nothing if the report has nothing for it. */
void report_write_table_section(struct writer *writer, const struct report_table *table, const char *id,
                                const char *none);
/* `number` from 0: the first chapter's id is "chapter", the next one's "chapter-b". */
void report_chapter_id(size_t number, char id[16]);
void report_write_chapter(struct writer *writer, const struct report_chapter *chapter, size_t number);
void report_write_front(struct writer *writer, const struct report *report);
void report_write_breakdowns(struct writer *writer, const struct report *report);
void report_write_bars(struct writer *writer, const struct report_bars *bars, size_t number);
void report_write_timeline(struct writer *writer, const struct timeline *timeline, size_t number, struct arena *arena);
void report_write_profile(struct writer *writer, const struct report_profile *profile, size_t number);
void report_write_steps(struct writer *writer, const struct report *report);
void report_write_curves(struct writer *writer, const struct report *report);

#endif
