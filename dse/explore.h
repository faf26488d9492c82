/* The main job, as explore and resume start it. */
#ifndef DSE_EXPLORE_H
#define DSE_EXPLORE_H

#include "dse/outputs.h"

/* Collective. */
enum status explore_run(struct invocation *invocation, const char *path, const struct folder_request *request,
                        struct error *error);
/* What a person sees at the end: the front as a table, the best design, its proven gap, the folder. */
void explore_report(const struct run *run);

#endif
