/* What of a mapping is shown beyond its makespan: values and bounds of all objectives, scenarios, what another rule of
 * sharing gains. See search/tenancy/tenancy_goal.h. */
#ifndef DSE_TENANCY_BEYOND_H
#define DSE_TENANCY_BEYOND_H

#include "dse/tenancy/tenancy_run.h"
#include "results/report.h"
#include <jansson.h>

/* A problem with a goal, and everything that no answer can beat. */
struct tenancy_aim {
  struct tenancy_goal *goal;
  struct tenancy_bounds makespan, target; /* target: what searches take */
  struct tenancy_goal_bounds bounds;
};
bool tenancy_aim_open(const struct invocation *invocation, struct tenancy_problem *problem,
                      const struct tenancy_keys *keys, uint64_t seed, struct tenancy_aim *aim, struct error *error);

/* The ε-constraint, where the keys have one: a search for the best makespan comes first; its answer is where the job
 * starts from, and (1 + slack) times it the limit. Collective. */
bool tenancy_limit_makespan(const struct invocation *invocation, struct tenancy_job *job, struct tenancy_aim *aim,
                            struct error *error);

/* The objective by which latencies that are not sure turn out. */
struct tenancy_spread {
  size_t n; /* scenarios; 0: none */
  double mean, worst;
};
/* What sharing in proportion would do: the same answer, and one searched for under it. NaN: not asked for. */
struct tenancy_gain {
  double same_answer, searched;
};
bool tenancy_find_spread(const struct invocation *invocation, const struct tenancy_aim *aim,
                         const struct tenancy_keys *keys, uint64_t seed, const struct tenancy_answer *answer,
                         struct tenancy_spread *spread, struct error *error);
/* Collective. Only where another rule shares: else all NaN. */
bool tenancy_find_gain(const struct invocation *invocation, const struct tenancy_job *job,
                       const struct tenancy_answer *answer, struct tenancy_gain *gain, struct error *error);

/* {objective: {value, bound, unit}} of all that the instance has data for. */
json_t *tenancy_figures_json(const struct tenancy_aim *aim, const double *value);
void tenancy_figures_table(const struct tenancy_aim *aim, const double *value, struct arena *arena,
                           struct report_table *table);

#endif
