/* What the report shows of a whole system: the one chosen, where its time and memory go, its pipeline, and what else
 * there was to choose from. */
#ifndef DSE_SYSTEM_PAGE_H
#define DSE_SYSTEM_PAGE_H

#include "dse/run/run.h"
#include "results/report.h"

/* Is there a system to show? Else the page is that of one device. */
bool system_page_applies(const struct run *run);
/* Title, headline, facts and chapter. Everything new is in `arena`. */
void system_page_fill(const struct run *run, struct report *report, struct arena *arena);
/* The chosen system's pipeline, of at most so many microbatches as a person looks at, which its note says. */
void system_page_pipeline(const struct run *run, struct timeline *timeline, struct arena *arena);

#endif
