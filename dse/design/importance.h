/* What of a run's axes moves its metric, for the run's own report: Sobol' indices (first order and total effect, with
 * intervals) over the designs that limits allow, as `dse sensitivity` computes them with as many samples. (ux.md §5)
 *
 * Only designs of the space that area, power and memory allow are drawn; a limit that only a schedule can break (the
 * throughput floor) is set aside. The journal, the counts and the front know nothing of these evaluations: they are
 * made behind the search, and again by `dse report`. Left out: whole systems, and with several workloads nothing. */
#ifndef DSE_IMPORTANCE_H
#define DSE_IMPORTANCE_H

#include "dse/run/run.h"
#include "results/report.h"

/* Fills run->importance, unless report.sensitivity_samples is 0 or the run has a single design or many devices.
 * Collective; the same on any number of ranks. */
bool importance_compute(struct run *run, struct error *error);
/* Puts it onto the page: bars, and a table behind the others. */
void importance_fill(const struct run *run, struct report *report, struct arena *arena);

#endif
