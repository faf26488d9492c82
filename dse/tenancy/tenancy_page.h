/* What a mapping of jobs looks like: queues over time, bandwidth needed below, what binds. */
#ifndef DSE_TENANCY_PAGE_H
#define DSE_TENANCY_PAGE_H

#include "dse/tenancy/tenancy_beyond.h"
#include "dse/tenancy/tenancy_run.h"
#include "results/report.h"
#include "results/timeline.h"

struct tenancy_shown {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds;
  const struct tenancy_result *result;
  const char *algorithm;
  const struct tenancy_aim *aim; /* NULL: the makespan was searched for */
};
/* The answer as dse judge reads it: JSON if the name ends so, else a CSV row. */
bool tenancy_publish_answer(const struct tenancy_problem *problem, const struct tenancy_answer *answer,
                            const char *path, struct arena *arena, struct error *error);
/* Lanes are cores, bars are jobs in real time (stalls included), to a thousandth of a cycle. */
void tenancy_timeline(const struct tenancy_shown *shown, struct arena *arena, struct timeline *timeline);
/* The bandwidth that the running jobs need, against what there is; bounds; cores. */
void tenancy_needed(const struct tenancy_shown *shown, struct arena *arena, struct report_profile *profile);
void tenancy_list_bounds(const struct tenancy_shown *shown, struct arena *arena, struct report_table *table);
void tenancy_list_cores(const struct tenancy_shown *shown, struct arena *arena, struct report_table *table);
bool tenancy_publish_trace(const struct tenancy_shown *shown, const char *path, struct arena *arena,
                           struct error *error);
/* One page, the same bytes for the same answer. */
bool tenancy_publish_page(const struct tenancy_shown *shown, const char *path, struct arena *arena,
                          struct error *error);

#endif
