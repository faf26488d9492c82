/* Which layers keep a device busy that must start late, or end early? See placement_bounds_windows.h.
 *
 * The bound of one machine with heads and tails (Jackson 1955; Carlier 1982): of any layers on one device, the least
 * head, the sum of their durations and the least tail follow each other. Which layers stand on the device is open here,
 * so each such sum is one more row of the load bound's master program, found when a mean of placements breaks it.
 * Leaves out gaps between the layers. */
#include "search/placement/placement_bounds_windows.h"

#include <math.h>
#include <stdlib.h>

/* --- heads and tails ------------------------------------------------------------------------------------------------
 */

/* Behind the time that the device spends on the layer before: so much earlier than its computation may end the layer's
 * own time begin, for its inputs are read in it. */
static double fused_head(const struct placement_costs *costs, const double *heads_s, size_t layer, size_t device) {
  const struct placement_problem *p = costs->problem;
  double head_s = 0;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint32_t e = p->in_edge[i], from = p->predecessor[i];
    const double *before = heads_s + placement_at(p, from, 0);
    double left_s = INFINITY;
    for (size_t d = 0; d < p->n_devices; d++) {
      if (before[d] < INFINITY) left_s = fmin(left_s, before[d] + placement_leave_s(costs, e, d));
    }
    if (p->edges[e].bytes > 0 && before[device] < INFINITY) {
      const double write_s = p->only_reader[from] == layer ? 0 : placement_write_s(costs, from, device);
      left_s = fmin(left_s, before[device] + write_s);
    }
    head_s = fmax(head_s, left_s);
  }
  return head_s;
}

/* Behind the layer's write, if there is one. */
static double fused_tail(const struct placement_costs *costs, const double *tails_s, size_t layer, size_t device) {
  const struct placement_problem *p = costs->problem;
  double tail_s = 0;
  for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
    const uint32_t e = p->out_edge[i], to = p->successor[i];
    double least_s = INFINITY;
    for (size_t d = 0; d < p->n_devices; d++) {
      const double after_s = tails_s[placement_at(p, to, d)];
      if (!(after_s < INFINITY)) continue;
      const double own_s = after_s + placement_own_s(costs, to, d);
      least_s = fmin(least_s, own_s + placement_arrive_s(costs, e, d));
      if (d != device || p->edges[e].bytes == 0) continue;
      least_s = fmin(least_s, own_s + placement_rest_s(costs, &costs->with[e], d));
    }
    tail_s = fmax(tail_s, least_s);
  }
  return tail_s;
}

struct placement_windows *placement_windows_new(const struct placement_costs *costs, const double *heads_s,
                                                const double *tails_s, double floor_s, struct arena *arena) {
  const struct placement_problem *p = costs->problem;
  const size_t size = p->n_layers * p->n_devices;
  const bool fuses = costs->coupling == PLACEMENT_FUSES;
  double *head_s = ARENA_NEW(arena, double, size), *tail_s = ARENA_NEW(arena, double, size);
  struct placement_windows *windows = ARENA_NEW(arena, struct placement_windows, 1);
  for (size_t l = 0; l < p->n_layers; l++) {
    for (size_t d = 0; d < p->n_devices; d++) {
      const size_t at = placement_at(p, l, d);
      if (!placement_can_run(p, l, d)) continue;
      /* Without fusion the computation alone is counted, and what surrounds it is in heads and tails. */
      head_s[at] = fuses ? fused_head(costs, heads_s, l, d) : fmax(0, heads_s[at] - placement_own_s(costs, l, d));
      tail_s[at] = fuses ? fused_tail(costs, tails_s, l, d) : tails_s[at];
    }
  }
  *windows = (struct placement_windows){.problem = p,
                                        .head_s = head_s,
                                        .tail_s = tail_s,
                                        .floor_s = floor_s,
                                        .window = ARENA_NEW(arena, struct placement_window, PLACEMENT_MOST_WINDOWS),
                                        .load_s = ARENA_NEW(arena, double, size),
                                        .by_head = ARENA_NEW(arena, uint32_t, p->n_layers),
                                        .by_tail = ARENA_NEW(arena, uint32_t, p->n_layers),
                                        .scratch = arena};
  return windows;
}

/* --- the longest ----------------------------------------------------------------------------------------------------
 */

/* The layers on the device, latest heads first. */
static size_t list_layers(struct placement_windows *windows, uint32_t device) {
  const struct placement_problem *p = windows->problem;
  size_t n = 0;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    const size_t at = placement_at(p, l, device);
    if (!(windows->load_s[at] > 0)) continue;
    size_t i = n++;
    for (; i > 0; i--) {
      const uint32_t before = windows->by_head[i - 1];
      if (windows->head_s[placement_at(p, before, device)] >= windows->head_s[at]) break;
      windows->by_head[i] = before;
    }
    windows->by_head[i] = l;
  }
  return n;
}

/* Layers join by falling heads and are kept by falling tails: of each head the best tail. */
static double find_longest(struct placement_windows *windows, uint32_t device, struct placement_window *longest) {
  const struct placement_problem *p = windows->problem;
  const size_t n = list_layers(windows, device);
  double longest_s = 0;
  for (size_t k = 0; k < n; k++) {
    const uint32_t l = windows->by_head[k];
    const size_t at = placement_at(p, l, device);
    size_t i = k;
    for (; i > 0; i--) {
      const uint32_t before = windows->by_tail[i - 1];
      if (windows->tail_s[placement_at(p, before, device)] >= windows->tail_s[at]) break;
      windows->by_tail[i] = before;
    }
    windows->by_tail[i] = l;
    double sum_s = 0;
    for (i = 0; i <= k; i++) {
      const size_t its = placement_at(p, windows->by_tail[i], device);
      const double head_s = windows->head_s[at], tail_s = windows->tail_s[its];
      sum_s += windows->load_s[its];
      /* Where none of the layers stands on the device, nothing but the floor is known. */
      if (!(sum_s + head_s + tail_s > longest_s) || !(head_s + tail_s <= windows->floor_s)) continue;
      longest_s = sum_s + head_s + tail_s;
      *longest = (struct placement_window){device, head_s, tail_s};
    }
  }
  return longest_s;
}

size_t placement_windows_add(struct placement_windows *windows, double than_s) {
  size_t n = 0;
  for (uint32_t d = 0; d < windows->problem->n_devices && windows->n < PLACEMENT_MOST_WINDOWS; d++) {
    struct placement_window window;
    if (!(find_longest(windows, d, &window) > than_s)) continue;
    windows->window[windows->n++] = window, n++;
  }
  return n;
}
