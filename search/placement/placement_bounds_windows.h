/* What waits for others, and what others wait for, cannot fill a device from the first moment to the last. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BOUNDS_WINDOWS_H
#define SEARCH_PLACEMENT_PLACEMENT_BOUNDS_WINDOWS_H

#include "search/placement/placement_bounds_private.h"

enum { PLACEMENT_MOST_WINDOWS = 240 };

/* Of one device: all layers that it cannot start before `head_s`, and behind whose end at least `tail_s` follows. */
struct placement_window {
  uint32_t device;
  double head_s, tail_s;
};
struct placement_windows {
  const struct placement_problem *problem;
  const double *head_s, *tail_s; /* [n_layers * n_devices] of the time that a device spends on a layer */
  double floor_s;                /* no makespan is below: head_s + tail_s of no window is above */
  double without_s;              /* out: what the load bound is without windows */
  size_t n;
  struct placement_window *window; /* [PLACEMENT_MOST_WINDOWS] */
  /* Room for a search. */
  double *load_s; /* [n_layers * n_devices] */
  uint32_t *by_head, *by_tail;
  struct arena *scratch;
};
/* `heads_s`, `tails_s`: of placement_heads and placement_tails. */
struct placement_windows *placement_windows_new(const struct placement_costs *costs, const double *heads_s,
                                                const double *tails_s, double floor_s, struct arena *arena);
static inline bool placement_window_has(const struct placement_windows *windows, size_t window, size_t layer) {
  const struct placement_window *w = &windows->window[window];
  const size_t at = placement_at(windows->problem, layer, w->device);
  return windows->head_s[at] >= w->head_s && windows->tail_s[at] >= w->tail_s;
}
/* Adds, of each device, the window that is longest when load_s stands on the devices, if it is longer than `than_s`;
 * how many. */
size_t placement_windows_add(struct placement_windows *windows, double than_s);

#endif
