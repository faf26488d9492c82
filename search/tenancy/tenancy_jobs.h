/* How do the tables of an instance get in? Rows of jobs.csv and edges.csv, a part of tenancy_read.c. */
#ifndef SEARCH_TENANCY_TENANCY_JOBS_H
#define SEARCH_TENANCY_TENANCY_JOBS_H

#include "search/tenancy/tenancy_read.h"

/* Fills what jobs.csv says into a problem whose sizes are known. `scratch` is rewound by the caller. */
bool tenancy_read_jobs(const struct tenancy_text *text, struct arena *arena, struct arena *scratch,
                       struct tenancy_problem *problem, struct error *error);
/* Fills pred_start and preds, each job's predecessors ascending; what is no order is an error that names a circle. */
bool tenancy_read_edges(const struct tenancy_text *text, struct arena *arena, struct arena *scratch,
                        struct tenancy_problem *problem, struct error *error);

#endif
