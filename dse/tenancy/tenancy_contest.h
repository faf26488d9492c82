/* Every algorithm of multi-tenant mapping on one instance, sample for sample. See map_tenancy.c. */
#ifndef DSE_TENANCY_CONTEST_H
#define DSE_TENANCY_CONTEST_H

#include "dse/output/tables.h"
#include "dse/tenancy/tenancy_run.h"

struct tenancy_contest {
  const struct invocation *invocation;
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds; /* of a goal: as tenancy_goal_target has it */
  double unit;                         /* of a goal's values: costs are multiplied by it */
  const struct tenancy_keys *keys;
  size_t n_algorithms;
  const struct tenancy_algorithm *const *algorithms;
  const void *const *settings; /* of each */
  uint64_t seed, n_seeds, samples;
};
/* A row an algorithm, best first; NULL with an error. Searches are handed out to the ranks, one seed each on one
 * island. Collective. */
const struct table *tenancy_contest_run(const struct tenancy_contest *contest, struct error *error);

#endif
