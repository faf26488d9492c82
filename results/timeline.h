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

/* What a trace says of a bar beside its name. */
struct timeline_note {
  const char *tile;  /* how it is cut into tiles; NULL: nothing to say */
  const char *waits; /* what it waited for last: an input, a core; NULL: for nothing */
  uint64_t waited_cycles;
};

/* Something that is counted over time, such as bytes that are held. */
struct timeline_sample {
  uint64_t at_cycles, value; /* from then on */
};
struct timeline_counter {
  const char *name; /* with its unit */
  uint32_t lane;    /* whose chip counts it */
  const struct timeline_sample *samples;
  size_t n_samples;
};
struct timeline_change {
  uint64_t at_cycles;
  int64_t by;
};

struct timeline {
  const char *title;
  const char *const *lanes; /* names: one core or device each */
  uint32_t n_lanes;
  const char *const *phases; /* names: forward, backward, … */
  uint16_t n_phases;
  const struct timeline_bar *bars; /* in any order; none overlaps another of its lane */
  size_t n_bars;
  double us_per_cycle;               /* > 0 */
  bool in_cycles;                    /* the clock is not known: pages count cycles at 1 GHz instead of time */
  const char *note;                  /* how to read it; NULL: nothing to say */
  const struct timeline_note *notes; /* [n_bars]; NULL: none */
  const struct timeline_counter *counters;
  size_t n_counters;
  bool chips;  /* every lane is a chip of its own; else they are cores of one */
  bool steady; /* of too many bars those in the middle are shown, which repeat; else the longest */
};

/* Indices of at most `cap` bars, ordered by start, lane, index: the critical path first, then the longest;
 * of a steady one those in the middle. */
void timeline_choose(const struct timeline *timeline, size_t cap, struct arena *arena, uint32_t **chosen,
                     size_t *n_chosen);
/* A counter that begins at 0 and changes so; the changes are sorted. */
void timeline_count(struct timeline_counter *counter, struct timeline_change *changes, size_t n, struct arena *arena);
/* What pages count in: ns, µs, ms or s, so that the end has at most four digits before its point; or cycles. */
struct timeline_unit {
  const char *name;
  double us; /* that make one */
};
struct timeline_unit timeline_unit_of(const struct timeline *timeline);
/* The same for a span of time that ends then. */
struct timeline_unit timeline_unit_until(double end_us);
/* The latest finish; 0 without bars. */
uint64_t timeline_end_cycles(const struct timeline *timeline);
/* Indices of the critical path in order of start, an op on several lanes once. */
void timeline_critical(const struct timeline *timeline, struct arena *arena, uint32_t **path, size_t *n_path);

#endif
