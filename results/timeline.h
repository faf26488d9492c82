/* Who was busy when? Bars on lanes, in plain words: what a trace and a report show of a schedule, a pipeline or a
 * mapping of jobs. */
#ifndef RESULTS_TIMELINE_H
#define RESULTS_TIMELINE_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

struct timeline_bar {
  const char *label; /* the op, tile or job */
  uint64_t start_cycles, finish_cycles;
  uint32_t lane;
  uint16_t phase;
  bool critical; /* on the critical path; an op on several lanes is a bar on each */
};

struct timeline {
  const char *title;
  const char *const *lanes; /* names: one core or device each */
  uint32_t n_lanes;
  const char *const *phases; /* names: forward, backward, … */
  uint16_t n_phases;
  const struct timeline_bar *bars; /* in any order; none overlaps another of its lane */
  size_t n_bars;
  double us_per_cycle; /* > 0 */
  const char *note;    /* how to read it; NULL: nothing to say */
};

/* Indices of at most `cap` bars, ordered by start, lane, index: the critical path first, then the longest. */
void timeline_choose(const struct timeline *timeline, size_t cap, struct arena *arena, uint32_t **chosen,
                     size_t *n_chosen);
/* The latest finish; 0 without bars. */
uint64_t timeline_end_cycles(const struct timeline *timeline);
/* Indices of the critical path in order of start, an op on several lanes once. */
void timeline_critical(const struct timeline *timeline, struct arena *arena, uint32_t **path, size_t *n_path);

#endif
