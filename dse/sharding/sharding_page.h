/* What a sharding looks like: sets over time, what each layer's time is made of, who is cut how, what travels where. */
#ifndef DSE_SHARDING_PAGE_H
#define DSE_SHARDING_PAGE_H

#include "dse/sharding/sharding_run.h"
#include "results/timeline.h"

struct sharding_shown {
  const struct sharding_problem *problem;
  const struct sharding_bounds *bounds;
  const struct sharding_outcome *outcome;
  const char *algorithm;
};
/* Lanes are sets; bars are what a layer does one after another (waiting for its inputs, computation, shards going
 * round, all-reduce, backward part), to a picosecond. */
void sharding_timeline(const struct sharding_shown *shown, struct arena *arena, struct timeline *timeline);
/* The same for a terminal: a line a set, `width` moments wide: "#" runs a layer. */
const char *sharding_gantt(const struct sharding_shown *shown, size_t width, struct arena *arena);
bool sharding_publish_trace(const struct sharding_shown *shown, const char *path, struct arena *arena,
                            struct error *error);
/* One page, the same bytes for the same answer. */
bool sharding_publish_page(const struct sharding_shown *shown, const char *path, struct arena *arena,
                           struct error *error);

#endif
