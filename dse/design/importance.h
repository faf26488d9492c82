/* What of a run's axes moves its metric, for the run's own report: Sobol' indices (first order and total effect, with
 * intervals) over the designs that limits allow, as `dse sensitivity` computes them with as many samples. (ux.md §5)
 *
 * Only designs of the space that area, power and memory allow are drawn; a limit that only a schedule can break (the
 * throughput floor) is set aside. Of whole systems, designs with a strategy each, whose degrees are inputs too
 * (dse/system/joint_space.h). The journal, the counts and the front know nothing of these evaluations: they are made
 * behind the search, again by who resumes a run that was stopped meanwhile, and by `dse report`. Left out: systems of
 * unlike designs. */
#ifndef DSE_IMPORTANCE_H
#define DSE_IMPORTANCE_H

#include "dse/run/run.h"
#include "results/report.h"

/* Fills run->importance, unless report.sensitivity_samples is 0, or nothing is feasible, or there is nothing to choose,
 * or the run was stopped (run->rounds.stopped). Collective; the same on any number of ranks. */
bool importance_compute(struct run *run, struct error *error);
/* Puts it onto the page: bars, and a table behind the others. */
void importance_fill(const struct run *run, struct report *report, struct arena *arena);

#endif
