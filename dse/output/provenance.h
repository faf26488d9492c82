/* Where a report comes from: program, settings, seed. No time, host or number of ranks, so that the same run has the
 * same bytes wherever it ran; manifest.json has those. */
#ifndef DSE_PROVENANCE_H
#define DSE_PROVENANCE_H

#include "dse/run/run.h"
#include "results/report.h"

/* A table behind the others of the page. */
void provenance_fill(const struct run *run, struct report *report, struct arena *arena);

#endif
