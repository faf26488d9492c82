/* What does a partition look like? A page for people, a trace for Perfetto. */
#ifndef DSE_PARTITION_PAGE_H
#define DSE_PARTITION_PAGE_H

#include "dse/partition/partition_run.h"

struct partition_shown {
  const struct partition_graph *graph;
  const struct partition_bounds *bounds;
  const struct partition_outcome *outcome;
  const char *algorithm;
};
/* One HTML file that works offline. */
bool partition_publish_page(const struct partition_shown *shown, const char *path, struct arena *arena,
                            struct error *error);
/* A few samples on their way through the chips, one after another (JSON for Perfetto). */
bool partition_publish_trace(const struct partition_shown *shown, const char *path, struct arena *arena,
                             struct error *error);

#endif
