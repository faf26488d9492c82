/* What a placement looks like: layers on devices over time, how many devices work, what binds. */
#ifndef DSE_PLACEMENT_PAGE_H
#define DSE_PLACEMENT_PAGE_H

#include "dse/placement/placement_run.h"
#include "results/timeline.h"

struct placement_shown {
  const struct placement_problem *problem;
  const struct placement_bounds *bounds;
  const struct placement_outcome *outcome;
  const char *algorithm;
};
/* Lanes are devices (under `contention` also their read and write channels), bars are layers with their transfers, to a
 * nanosecond. */
void placement_timeline(const struct placement_shown *shown, struct arena *arena, struct timeline *timeline);
/* The same for a terminal: a line a device that has layers, `width` moments wide; "#" computes or moves data. */
const char *placement_gantt(const struct placement_shown *shown, size_t width, struct arena *arena);
bool placement_publish_trace(const struct placement_shown *shown, const char *path, struct arena *arena,
                             struct error *error);
/* One page, the same bytes for the same answer. */
bool placement_publish_page(const struct placement_shown *shown, const char *path, struct arena *arena,
                            struct error *error);

#endif
