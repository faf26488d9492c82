/* What a mapping of jobs looks like: queues over time, bandwidth needed below, what binds. */
#ifndef DSE_TENANCY_PAGE_H
#define DSE_TENANCY_PAGE_H

#include "dse/tenancy_beyond.h"
#include "results/timeline.h"

struct tenancy_shown {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds;
  const struct tenancy_result *result;
  const char *algorithm;
  const struct tenancy_aim *aim; /* NULL: the makespan was searched for */
};
/* Lanes are cores, bars are jobs in real time (stalls included), to a thousandth of a cycle. */
void tenancy_timeline(const struct tenancy_shown *shown, struct arena *arena, struct timeline *timeline);
bool tenancy_publish_trace(const struct tenancy_shown *shown, const char *path, struct arena *arena,
                           struct error *error);
/* One page, the same bytes for the same answer. */
bool tenancy_publish_page(const struct tenancy_shown *shown, const char *path, struct arena *arena,
                          struct error *error);

#endif
