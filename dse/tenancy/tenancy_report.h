/* What people and programs see of a run's tenants: tables, text, JSON, files, a chapter of the page. */
#ifndef DSE_TENANCY_REPORT_H
#define DSE_TENANCY_REPORT_H

#include "dse/tenancy/tenancy_flow.h"
#include "results/report.h"
#include "results/table.h"
#include <jansson.h>

/* tenancy.csv: a row a platform that was mapped; of a run that has not come to it, the header. */
struct table *tenancy_report_table(const struct run *run, struct arena *arena);
/* tenancy.csv, and of the best platform mapping.csv, trace-tenancy.json and the folder tenancy/ that they are of.
 * Rank 0. */
bool tenancy_report_publish(const struct run *run, struct error *error);
/* For summary.json; null: no tenants. */
json_t *tenancy_report_json(const struct run *run);
/* The end of a run, in words. */
void tenancy_report_say(const struct run *run);
/* A chapter and a fact; the best platform's queues and its bandwidth. Nothing without tenants. */
void tenancy_report_fill(const struct run *run, struct report *report, struct arena *arena);

/* --- parts of these, for a platform that a co-search has chosen (tenants_take_winner) ---
 */
/* mapping.csv, trace-tenancy.json and the folder tenancy/. */
bool tenancy_report_mapping(const struct run *run, struct error *error);
json_t *tenancy_report_winner_json(const struct run *run);
void tenancy_report_tables(const struct run *run, struct report_table tables[2], struct arena *arena);
void tenancy_report_pictures(const struct run *run, struct report *report, struct arena *arena);
void tenancy_report_add(struct report *report, const struct report_chapter *chapter, const char *key, const char *value,
                        struct arena *arena);

#endif
