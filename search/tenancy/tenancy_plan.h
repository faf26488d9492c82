/* When would B4's configurations start every job, one after the other?
 *
 * The configurations say what runs together and for how long, not in which order. They are put in a row so that jobs
 * persist from one to the next and cores fall empty at the end rather than at the start; a job's place in that row is
 * when it is due. (tenancy §10, 2.) */
#ifndef SEARCH_TENANCY_TENANCY_PLAN_H
#define SEARCH_TENANCY_TENANCY_PLAN_H

#include "search/tenancy/tenancy_bounds.h"

struct tenancy_plan {
  uint32_t *group;  /* [n_jobs] */
  double *due;      /* [n_jobs] virtual time at which the job would start, in cycles */
  double *due_back; /* [n_jobs] likewise with the row turned round */
};
/* False if there are no configurations, or too many to be put in a row. In the arena. */
bool tenancy_plan(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds, struct arena *arena,
                  struct tenancy_plan *plan);

#endif
