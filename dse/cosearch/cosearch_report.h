/* What people and programs see of a co-search: tables, text, JSON, files, a chapter of the page. */
#ifndef DSE_COSEARCH_REPORT_H
#define DSE_COSEARCH_REPORT_H

#include "dse/cosearch/cosearch.h"
#include "results/report.h"
#include "results/table.h"
#include <jansson.h>

/* cosearch.csv: a row a platform that was mapped; cosearch-designs.csv: what these are made of. Of a run that has not
 * come to it, the headers. */
struct table *cosearch_report_table(const struct run *run, struct arena *arena);
struct table *cosearch_report_designs(const struct run *run, struct arena *arena);
/* Both files, and of the best platform what tenancy_report_mapping writes. Rank 0. */
bool cosearch_report_publish(const struct run *run, struct error *error);
/* For summary.json. */
json_t *cosearch_report_json(const struct run *run);
/* The end of a run, in words. */
void cosearch_report_say(const struct run *run);
/* A chapter and a fact. Nothing without a co-search. */
void cosearch_report_fill(const struct run *run, struct report *report, struct arena *arena);

#endif
