/* Which bars of a schedule are shown when there are too many?
 *
 * Source: ux.md §5 and §6 (caps, and that what was cut is said). Left out: judging a schedule, which is
 * arch/schedule_check's. */
#include "results/timeline.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

static int by_u64(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int by_worth(const void *a, const void *b, void *bars_of) {
  const struct timeline_bar *const bars = bars_of;
  const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
  if (bars[i].critical != bars[k].critical) return bars[i].critical ? -1 : 1;
  const uint64_t x = bars[i].finish_cycles - bars[i].start_cycles, y = bars[k].finish_cycles - bars[k].start_cycles;
  return x != y ? by_u64(y, x) : by_u64(i, k);
}

static int by_start(const void *a, const void *b, void *bars_of) {
  const struct timeline_bar *const bars = bars_of;
  const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
  if (bars[i].start_cycles != bars[k].start_cycles) return by_u64(bars[i].start_cycles, bars[k].start_cycles);
  return bars[i].lane != bars[k].lane ? by_u64(bars[i].lane, bars[k].lane) : by_u64(i, k);
}

typedef int index_order(const void *a, const void *b, void *bars_of);

static void sort(const struct timeline *timeline, uint32_t *indices, size_t n, index_order *order) {
  union { /* qsort_r hands on a pointer to what may be written; the orders do not write */
    const struct timeline_bar *read;
    void *any;
  } bars = {.read = timeline->bars};
  qsort_r(indices, n, sizeof *indices, order, bars.any);
}

void timeline_choose(const struct timeline *timeline, size_t cap, struct arena *arena, uint32_t **chosen,
                     size_t *n_chosen) {
  REQUIRE(timeline->n_bars <= UINT32_MAX);
  uint32_t *const indices = ARENA_NEW(arena, uint32_t, timeline->n_bars);
  for (size_t i = 0; i < timeline->n_bars; i++) {
    const struct timeline_bar *const bar = &timeline->bars[i];
    REQUIRE(bar->lane < timeline->n_lanes && bar->phase < timeline->n_phases);
    REQUIRE(bar->start_cycles <= bar->finish_cycles);
    indices[i] = (uint32_t)i;
  }
  *n_chosen = timeline->n_bars < cap ? timeline->n_bars : cap;
  *chosen = indices;
  if (*n_chosen < timeline->n_bars && timeline->steady) {
    sort(timeline, indices, timeline->n_bars, by_start);
    *chosen = indices + (timeline->n_bars - *n_chosen) / 2;
    return;
  }
  if (*n_chosen < timeline->n_bars) sort(timeline, indices, timeline->n_bars, by_worth);
  sort(timeline, indices, *n_chosen, by_start);
}

uint64_t timeline_end_cycles(const struct timeline *timeline) {
  uint64_t end_cycles = 0;
  for (size_t i = 0; i < timeline->n_bars; i++)
    if (timeline->bars[i].finish_cycles > end_cycles) end_cycles = timeline->bars[i].finish_cycles;
  return end_cycles;
}

struct timeline_unit timeline_unit_until(double end_us) {
  static const struct timeline_unit units[] = {{"s", 1e6}, {"ms", 1e3}, {"µs", 1}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (end_us >= 10 * units[i].us) return units[i];
  }
  return end_us >= 1 ? units[2] : (struct timeline_unit){"ns", 1e-3};
}

struct timeline_unit timeline_unit_of(const struct timeline *timeline) {
  static const struct timeline_unit cycle = {"cycles", 1e-3};
  if (timeline->in_cycles) return cycle;
  return timeline_unit_until((double)timeline_end_cycles(timeline) * timeline->us_per_cycle);
}

void timeline_critical(const struct timeline *timeline, struct arena *arena, uint32_t **path, size_t *n_path) {
  uint32_t *const indices = ARENA_NEW(arena, uint32_t, timeline->n_bars);
  size_t n = 0;
  for (size_t i = 0; i < timeline->n_bars; i++)
    if (timeline->bars[i].critical) indices[n++] = (uint32_t)i;
  sort(timeline, indices, n, by_start);
  size_t n_kept = 0;
  for (size_t i = 0; i < n; i++) {
    const struct timeline_bar *const bar = &timeline->bars[indices[i]];
    const struct timeline_bar *const last = n_kept > 0 ? &timeline->bars[indices[n_kept - 1]] : NULL;
    const bool again = last != NULL && last->start_cycles == bar->start_cycles &&
                       last->finish_cycles == bar->finish_cycles && strcmp(last->label, bar->label) == 0;
    if (!again) indices[n_kept++] = indices[i];
  }
  *path = indices;
  *n_path = n_kept;
}

static int by_moment(const void *a, const void *b) {
  const struct timeline_change *const x = a, *const y = b;
  if (x->at_cycles != y->at_cycles) return by_u64(x->at_cycles, y->at_cycles);
  return x->by < y->by ? -1 : x->by > y->by;
}

void timeline_count(struct timeline_counter *counter, struct timeline_change *changes, size_t n, struct arena *arena) {
  struct timeline_sample *const samples = ARENA_NEW(arena, struct timeline_sample, n);
  uint64_t value = 0;
  qsort(changes, n, sizeof *changes, by_moment);
  counter->n_samples = 0;
  for (size_t i = 0; i < n; i++) {
    value += (uint64_t)changes[i].by; /* in the ring of 64 bits: a sum that ends above 0 is right */
    if (i + 1 < n && changes[i + 1].at_cycles == changes[i].at_cycles) continue;
    samples[counter->n_samples++] = (struct timeline_sample){changes[i].at_cycles, value};
  }
  counter->samples = samples;
}
