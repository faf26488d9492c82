/* How early can a layer end, and how long does what follows take, if nobody else uses the devices? (placement §7,
 * path.)
 *
 * One pass over the graph in either direction: a layer waits for the worst of its predecessors, and each of these may
 * stand where that wait is shortest. Leaves out that one placement must serve all of them. */
#include "search/placement/placement_bounds_private.h"
#include <math.h>

/* What a layer must read though nobody before it made it, until its computation can start. */
static double first_s(const struct placement_costs *costs, size_t layer, size_t device) {
  const struct placement_problem *p = costs->problem;
  if (p->timing == PLACEMENT_DELAY) return 0;
  if (costs->coupling == PLACEMENT_FUSES) {
    return p->in_start[layer] == p->in_start[layer + 1] ? placement_rest_s(costs, &costs->none[layer], device) : 0;
  }
  if (p->timing == PLACEMENT_SERIAL || p->devices[device].host) return 0;
  double bytes = costs->granules[layer] > costs->room[device] ? (double)p->weight_bytes[layer] : 0;
  if (p->transfers == PLACEMENT_CUT) return bytes * costs->link_s_per_byte[device];
  double edges = 0;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) edges += (double)p->edges[p->in_edge[i]].bytes;
  bytes += fmax(0, (double)p->input_bytes[layer] - edges);
  return bytes * costs->link_s_per_byte[device];
}

void placement_heads(const struct placement_costs *costs, double *heads_s) {
  const struct placement_problem *p = costs->problem;
  const size_t n_devices = p->n_devices;
  for (size_t k = 0; k < p->n_layers; k++) {
    const uint32_t l = p->topological[k];
    double *head = heads_s + placement_at(p, l, 0);
    for (size_t d = 0; d < n_devices; d++) head[d] = first_s(costs, l, d);
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      const uint32_t e = p->in_edge[i];
      const double *before = heads_s + placement_at(p, p->edges[e].from, 0);
      double left = INFINITY;
      for (size_t d = 0; d < n_devices; d++) {
        if (before[d] < INFINITY) left = fmin(left, before[d] + placement_leave_s(costs, e, d));
      }
      for (size_t d = 0; d < n_devices; d++) {
        const double same = before[d] < INFINITY ? before[d] + placement_same_s(costs, e, d) : INFINITY;
        head[d] = fmax(head[d], fmin(same, left + placement_arrive_s(costs, e, d)));
      }
    }
    for (size_t d = 0; d < n_devices; d++) {
      head[d] = placement_can_run(p, l, d) ? head[d] + placement_own_s(costs, l, d) : INFINITY;
    }
  }
}

void placement_tails(const struct placement_costs *costs, struct arena *scratch, double *tails_s) {
  const struct placement_problem *p = costs->problem;
  const size_t n_devices = p->n_devices;
  double *after = ARENA_NEW(scratch, double, n_devices);
  for (size_t k = p->n_layers; k-- > 0;) {
    const uint32_t l = p->topological[k];
    double *tail = tails_s + placement_at(p, l, 0);
    for (size_t d = 0; d < n_devices; d++) tail[d] = placement_last_s(costs, l, d);
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      const uint32_t e = p->out_edge[i], to = p->edges[e].to;
      double arrived = INFINITY;
      for (size_t d = 0; d < n_devices; d++) {
        after[d] = tails_s[placement_at(p, to, d)];
        if (!(after[d] < INFINITY)) continue;
        after[d] += placement_own_s(costs, to, d);
        arrived = fmin(arrived, after[d] + placement_arrive_s(costs, e, d));
      }
      for (size_t d = 0; d < n_devices; d++) {
        if (!placement_can_run(p, l, d)) continue;
        const double same = after[d] < INFINITY ? after[d] + placement_same_s(costs, e, d) : INFINITY;
        tail[d] = fmax(tail[d], fmin(same, arrived + placement_leave_s(costs, e, d)));
      }
    }
    for (size_t d = 0; d < n_devices; d++) {
      if (!placement_can_run(p, l, d)) tail[d] = INFINITY;
    }
  }
}

double placement_least_tail(const struct placement_costs *costs, const double *tails_s, size_t layer) {
  double least_s = INFINITY;
  for (size_t d = 0; d < costs->problem->n_devices; d++) {
    least_s = fmin(least_s, tails_s[placement_at(costs->problem, layer, d)]);
  }
  return least_s;
}
