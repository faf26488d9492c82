/* Which tenants will share what a search finds? Group `tenancy` of a run file of `dse explore`. (tenancy §13)
 *
 * The jobs are drawn as for `dse jobs`; the cores are copies of the best designs of the search. */
#ifndef DSE_TENANTS_H
#define DSE_TENANTS_H

#include "dse/tenancy/tenancy_table.h"

/* Of the search: the best by its metric, or the best one and then its Pareto front. */
enum tenants_from { TENANTS_FROM_TOPK, TENANTS_FROM_FRONT };

struct tenants_settings {
  struct tenancy_table_settings table; /* which jobs; its cores are not asked for */
  uint64_t from;                       /* enum tenants_from */
  uint64_t designs, cores, samples, final_samples, compositions;
  double area_mm2, power_w, bandwidth_bytes_per_cycle; /* 0: no limit; of the best design's memory */
};
/* Of the group: the keys of the jobs, and those of platforms. */
const struct field_table *tenants_fields(struct arena *arena);
bool tenants_are_asked_for(const struct tenants_settings *settings);

#endif
