/* How does the makespan grow when jobs are put behind each other, one after another? The bandwidth needed along
 * virtual time, kept as steps; a job appended to a queue changes only the time that it runs in. (tenancy §3.) */
#ifndef SEARCH_TENANCY_TENANCY_PROFILE_H
#define SEARCH_TENANCY_TENANCY_PROFILE_H

#include "search/tenancy/tenancy.h"

struct tenancy_profile {
  const struct tenancy_problem *problem;
  size_t n_steps;
  uint64_t *from_cycles, *needed; /* step k: from here to the next step's, and what is needed then; the last: 0 */
  uint64_t *load_cycles;          /* [n_cores] */
  uint64_t longest_cycles;
  tenancy_cost cost; /* of the jobs so far, as tenancy_evaluate */
};
struct tenancy_profile tenancy_profile_new(const struct tenancy_problem *problem, struct arena *arena);
void tenancy_profile_clear(struct tenancy_profile *profile);
/* Appends the job to the core's queue; returns by how much the cost grew. */
tenancy_cost tenancy_profile_append(struct tenancy_profile *profile, uint32_t job, uint32_t core);
/* What the jobs so far need at a time. */
uint64_t tenancy_profile_at(const struct tenancy_profile *profile, uint64_t cycles);

#endif
