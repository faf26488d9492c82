/* What the files of a run's tenants share: tenancy_flow.c leads, tenancy_rounds.c maps platforms on the ranks. */
#ifndef DSE_TENANCY_PRIVATE_H
#define DSE_TENANCY_PRIVATE_H

#include "dse/tenancy/tenancy_flow.h"

/* A platform in an order by cycles, then area, then as it was listed: for qsort. */
struct tenants_place {
  double cycles, area_mm2;
  size_t platform;
};
int tenants_by_place(const void *a, const void *b);

/* Bounds all platforms, maps those that may win, compares the finals. False: failed, or run->rounds.stopped.
 * Collective. */
bool tenants_map_platforms(struct run *run, struct error *error);

#endif
