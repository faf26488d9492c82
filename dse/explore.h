/* The main job, as explore and resume start it. */
#ifndef DSE_EXPLORE_H
#define DSE_EXPLORE_H

#include "dse/output/outputs.h"

/* Collective. */
enum status explore_run(struct invocation *invocation, const char *path, const struct folder_request *request,
                        struct error *error);
/* 6 … 10 of a run whose problem is made and whose rounds are begun: until all is found, or rounds.stopped. Collective.
 */
bool explore_search(struct run *run, struct error *error);
/* What a person sees at the end: the front as a table, the best design, its proven gap, the folder. */
void explore_report(const struct run *run);
/* --json of a run that is complete already: its summary as it lies in the folder. */
bool explore_report_again(const struct run *run, struct error *error);
/* Nothing fits: adds which limits stand in the way, and by how much (STATUS_INFEASIBLE). */
void explore_explain(const struct run *run, struct error *error);

#endif
