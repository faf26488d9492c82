/* What does the `delay` rule say of the others' makespans? See placement_bounds_limit.h.
 *
 * Under every rule a device computes one layer at a time, and what crosses from one device to another is written to the
 * host behind the producer's computation and read from it before the reader's. If transfers occupied nobody, and
 * weights, inputs and results of the whole network took no time, no order would end later: that is `delay`, for which
 * there is an exact search. Tight where tensors are cut between devices; what every tensor costs that must cross
 * anyway is left out. */
#include "base/checked.h"
#include "search/placement/placement_bounds_limit.h"
#include <math.h>

enum { MOST_PLACES = 100000 };

static bool has_host(const struct placement_problem *p) {
  for (size_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d].host) return true;
  }
  return false;
}

/* Edges count in their order until input_bytes are used up: are they all read in full? */
static bool reads_all(const struct placement_problem *p, size_t layer) {
  uint64_t sum = 0;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    sum = sat_add(sum, p->edges[p->in_edge[i]].bytes);
  }
  return sum <= p->input_bytes[layer];
}

/* The least that is waited for along an edge between two devices. */
static struct placement_edge delay_edge(const struct placement_problem *p, const struct placement_edge *edge,
                                        bool host) {
  struct placement_edge delayed = *edge;
  const bool given = !isnan(p->read_s[edge->from]), cut = p->transfers == PLACEMENT_CUT;
  const bool known = !given || (!isnan(edge->transfer_s) && p->timing == PLACEMENT_SERIAL && !host);
  if (!known || (!cut && !reads_all(p, edge->to))) {
    delayed.bytes = 0, delayed.transfer_s = NAN;
  } else if (!cut) {
    delayed.bytes = min_u64(edge->bytes, p->output_bytes[edge->from]);
  }
  return delayed;
}

bool placement_as_delay(const struct placement_problem *problem, struct arena *arena, struct placement_problem *delay) {
  if (problem->objective != PLACEMENT_MAKESPAN || problem->timing == PLACEMENT_DELAY) return false;
  if (problem->mesh_bytes_per_s != NULL || problem->contiguous) return false;
  if (problem->n_layers * problem->n_devices > MOST_PLACES) return false; /* bounds alone would take long */
  struct placement_edge *edges = ARENA_NEW(arena, struct placement_edge, problem->n_edges);
  const bool host = has_host(problem);
  for (size_t e = 0; e < problem->n_edges; e++) edges[e] = delay_edge(problem, &problem->edges[e], host);
  struct error error = {0};
  *delay = *problem;
  delay->edges = edges;
  delay->timing = PLACEMENT_DELAY, delay->transfers = PLACEMENT_CUT;
  if (delay->memory == PLACEMENT_PIN) delay->memory = PLACEMENT_UNLIMITED;
  return placement_finish(delay, arena, &error);
}
