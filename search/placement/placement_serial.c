/* When does what end if a device loads, computes and stores one after another, and nothing is shared? (H2H's rule,
 * placement §3.1.) One pass in an order that respects edges and devices. The plain case, which searches evaluate
 * millions of times, does without a list of transfers. */
#include "search/placement/placement_private.h"
#include <math.h>

/* What the pass needs to know of a layer, side by side. */
struct node {
  double ready_s, duration_s;
  uint32_t waits_for, next; /* on its device */
};

static bool retime(const struct placement_problem *problem, struct node *nodes, uint32_t *ready, size_t n_ready,
                   struct placement_run *run) {
  const uint32_t *out_start = problem->out_start, *successor = problem->successor;
  double makespan_s = 0;
  for (size_t i = 0; i < n_ready; i++) {
    const uint32_t l = ready[i];
    const double end_s = nodes[l].ready_s + nodes[l].duration_s;
    if (run->start_s != NULL) run->start_s[l] = nodes[l].ready_s, run->end_s[l] = end_s;
    makespan_s = end_s > makespan_s ? end_s : makespan_s;
    for (uint32_t j = out_start[l]; j < out_start[l + 1]; j++) {
      struct node *const next = &nodes[successor[j]];
      if (end_s > next->ready_s) next->ready_s = end_s;
      if (--next->waits_for == 0) ready[n_ready++] = successor[j];
    }
    const uint32_t on_device = nodes[l].next;
    if (on_device == PLACEMENT_NONE) continue;
    if (end_s > nodes[on_device].ready_s) nodes[on_device].ready_s = end_s;
    if (--nodes[on_device].waits_for == 0) ready[n_ready++] = on_device;
  }
  run->makespan_s = makespan_s;
  return n_ready == problem->n_layers;
}

/* --- the plain case -------------------------------------------------------------------------------------------------
 */

/* Bytes that come from `last`, which stands immediately before. */
static inline uint64_t fused_bytes(const struct placement_problem *problem, uint32_t last, uint32_t layer) {
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    if (problem->predecessor[i] == last) return problem->edges[problem->in_edge[i]].bytes;
  }
  return 0;
}

bool placement_run_plain(const struct placement_problem *problem, const struct placement_answer *answer,
                         struct arena *scratch, struct placement_run *run) {
  struct node *nodes = ARENA_NEW(scratch, struct node, problem->n_layers);
  uint32_t *ready = ARENA_NEW(scratch, uint32_t, problem->n_layers);
  size_t n_ready = 0;
  for (size_t d = 0; d < problem->n_devices; d++) {
    const bool host = problem->devices[d].host;
    const double bytes_per_s = problem->devices[d].link_bytes_per_s;
    uint32_t last = PLACEMENT_NONE;
    for (uint32_t i = answer->start[d], end = answer->start[d + 1]; i < end; i++) {
      const uint32_t l = answer->layer[i], next = i + 1 < end ? answer->layer[i + 1] : PLACEMENT_NONE;
      const double compute_s = problem->compute_s[placement_at(problem, l, d)];
      if (!(compute_s >= 0)) return false;
      const uint64_t fused = last != PLACEMENT_NONE ? fused_bytes(problem, last, l) : 0;
      const uint64_t input = problem->input_bytes[l];
      const bool travels = problem->memory == PLACEMENT_PIN && !answer->pinned[l];
      const bool stays = next != PLACEMENT_NONE && problem->only_reader[l] == next;
      uint64_t out = (travels ? problem->weight_bytes[l] : 0) + (input > fused ? input - fused : 0);
      uint64_t in = stays ? 0 : problem->output_bytes[l];
      if (host) out = in = 0;
      const double transfer_s = (double)(out + in) / bytes_per_s;
      struct node *const node = &nodes[l];
      node->duration_s = compute_s + transfer_s;
      node->next = next;
      node->waits_for = problem->in_start[l + 1] - problem->in_start[l] + (last != PLACEMENT_NONE);
      if (node->waits_for == 0) ready[n_ready++] = l;
      run->busy_s[d] += node->duration_s;
      run->compute_s += compute_s, run->communication_s += transfer_s;
      run->out_bytes += out, run->in_bytes += in;
      last = l;
    }
    run->period_s = fmax(run->period_s, run->busy_s[d]);
  }
  run->period_s = fmax(run->period_s, placement_host_s(problem, run));
  return retime(problem, nodes, ready, n_ready, run);
}

/* --- any transfers --------------------------------------------------------------------------------------------------
 */

static double sum_moves(const struct placement_move *moves, size_t n, struct placement_run *run) {
  double sum_s = 0;
  for (size_t i = 0; i < n; i++) {
    sum_s += placement_move_s(&moves[i]);
    uint64_t *const bytes = moves[i].direct                          ? &run->direct_bytes
                            : moves[i].what == PLACEMENT_FLOW_OUTPUT ? &run->in_bytes
                                                                     : &run->out_bytes;
    *bytes += moves[i].bytes;
  }
  return sum_s;
}

bool placement_run_serial(const struct placement_problem *problem, const struct placement_answer *answer,
                          struct arena *scratch, struct placement_run *run) {
  struct node *nodes = ARENA_NEW(scratch, struct node, problem->n_layers);
  uint32_t *ready = ARENA_NEW(scratch, uint32_t, problem->n_layers);
  struct placement_move *moves = ARENA_NEW(scratch, struct placement_move, problem->n_edges + 2);
  struct placement_routes routes;
  placement_routes_init(&routes, problem, answer, scratch);
  size_t n_ready = 0;
  for (size_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d], end = answer->start[d + 1]; i < end; i++) {
      const uint32_t l = answer->layer[i];
      const double compute_s = problem->compute_s[placement_at(problem, l, d)];
      if (!(compute_s >= 0)) return false;
      double transfer_s = sum_moves(moves, placement_reads(&routes, l, moves), run);
      if (placement_write_back(&routes, l, moves)) transfer_s += sum_moves(moves, 1, run);
      struct node *const node = &nodes[l];
      node->duration_s = compute_s + transfer_s;
      node->next = i + 1 < end ? answer->layer[i + 1] : PLACEMENT_NONE;
      node->waits_for = problem->in_start[l + 1] - problem->in_start[l] + (i > answer->start[d]);
      if (node->waits_for == 0) ready[n_ready++] = l;
      run->busy_s[d] += node->duration_s;
      run->compute_s += compute_s, run->communication_s += transfer_s;
    }
    run->period_s = fmax(run->period_s, run->busy_s[d]);
  }
  run->period_s = fmax(run->period_s, placement_host_s(problem, run));
  return retime(problem, nodes, ready, n_ready, run);
}
