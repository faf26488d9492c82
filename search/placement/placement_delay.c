/* When does what end if a transfer between two devices delays who reads it, and occupies nobody? (The classical rule of
 * scheduling heterogeneous task graphs, placement §3.2.) Energy and period count computation alone; communication_s is
 * the sum of delays between devices. */
#include "search/placement/placement_private.h"
#include <math.h>

/* Past the host if there is a link; else written to the host by one and read from it by the other. */
double placement_delay_s(const struct placement_problem *problem, const struct placement_edge *edge, uint32_t from,
                         uint32_t to) {
  if (from == to) return 0;
  if (!isnan(edge->transfer_s)) return edge->transfer_s;
  if (edge->bytes == 0) return 0;
  const double bytes = (double)edge->bytes;
  if (problem->mesh_bytes_per_s != NULL) {
    const size_t link = from * problem->n_devices + to;
    if (problem->mesh_bytes_per_s[link] > 0) {
      return bytes / problem->mesh_bytes_per_s[link] + problem->mesh_latency_s[link];
    }
  }
  const struct placement_device *a = &problem->devices[from], *b = &problem->devices[to];
  return (a->host ? 0 : bytes / a->link_bytes_per_s + a->link_latency_s) +
         (b->host ? 0 : bytes / b->link_bytes_per_s + b->link_latency_s);
}

struct node {
  double ready_s;
  uint32_t device, next, waits_for;
};

static void arrive(struct node *nodes, uint32_t layer, double time_s, uint32_t *ready, size_t *n_ready) {
  if (time_s > nodes[layer].ready_s) nodes[layer].ready_s = time_s;
  if (--nodes[layer].waits_for == 0) ready[(*n_ready)++] = layer;
}

/* As if all that crosses went through the host: for energy and the host's share of a period. */
static void count_bytes(const struct placement_problem *problem, const struct placement_edge *edge, uint32_t from,
                        uint32_t to, struct placement_run *run) {
  if (from == to) return;
  if (problem->mesh_bytes_per_s != NULL && problem->mesh_bytes_per_s[from * problem->n_devices + to] > 0) {
    run->direct_bytes += edge->bytes;
    return;
  }
  if (!problem->devices[from].host) run->in_bytes += edge->bytes;
  if (!problem->devices[to].host) run->out_bytes += edge->bytes;
}

bool placement_run_delay(const struct placement_problem *problem, const struct placement_answer *answer,
                         struct arena *scratch, struct placement_run *run) {
  struct node *nodes = ARENA_NEW(scratch, struct node, problem->n_layers);
  uint32_t *ready = ARENA_NEW(scratch, uint32_t, problem->n_layers);
  size_t n_ready = 0;
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d], end = answer->start[d + 1]; i < end; i++) {
      const uint32_t l = answer->layer[i];
      nodes[l].device = d;
      nodes[l].next = i + 1 < end ? answer->layer[i + 1] : PLACEMENT_NONE;
      nodes[l].waits_for = problem->in_start[l + 1] - problem->in_start[l] + (i > answer->start[d]);
      if (nodes[l].waits_for == 0) ready[n_ready++] = l;
      const double compute_s = problem->compute_s[placement_at(problem, l, d)];
      if (!(compute_s >= 0)) return false;
      run->busy_s[d] += compute_s;
      run->compute_s += compute_s;
    }
    run->period_s = fmax(run->period_s, run->busy_s[d]);
  }
  for (size_t i = 0; i < n_ready; i++) {
    const uint32_t l = ready[i], d = nodes[l].device;
    const double start_s = nodes[l].ready_s, end_s = start_s + problem->compute_s[placement_at(problem, l, d)];
    if (run->start_s != NULL) run->start_s[l] = start_s, run->end_s[l] = end_s;
    run->makespan_s = fmax(run->makespan_s, end_s);
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      const struct placement_edge *edge = &problem->edges[problem->out_edge[j]];
      const double wait_s = placement_delay_s(problem, edge, d, nodes[edge->to].device);
      run->communication_s += wait_s;
      count_bytes(problem, edge, d, nodes[edge->to].device, run);
      arrive(nodes, edge->to, end_s + wait_s, ready, &n_ready);
    }
    if (nodes[l].next != PLACEMENT_NONE) arrive(nodes, nodes[l].next, end_s, ready, &n_ready);
  }
  run->period_s = fmax(run->period_s, placement_host_s(problem, run));
  return n_ready == problem->n_layers;
}
