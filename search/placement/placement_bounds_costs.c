/* What is the least that layers and edges cost under each rule of time? (placement §3, §7.)
 *
 * Latencies of single transfers are left out (delay apart), and links between devices count as the fastest one that
 * leads to a device: less than the truth, never more. */
#include "base/checked.h"
#include "search/placement/placement_bounds_private.h"
#include <math.h>

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

static bool is_given(const struct placement_edge *edge) { return edge->transfer_s == edge->transfer_s; }

static void add_device(struct placement_costs *costs, bool joules, size_t d) {
  const struct placement_problem *p = costs->problem;
  const struct placement_device *device = &p->devices[d];
  const double link = device->host ? 0 : joules ? p->host.transfer_j_per_byte : 1 / device->link_bytes_per_s;
  costs->link_s_per_byte[d] = costs->read_s_per_byte[d] = costs->write_s_per_byte[d] = link;
  costs->delay_s[d] = device->host ? 0 : device->link_latency_s;
  for (size_t other = 0; p->mesh_bytes_per_s != NULL && other < p->n_devices; other++) {
    const double in = p->mesh_bytes_per_s[other * p->n_devices + d];
    if (in > 0) costs->delay_s[d] = 0;
    if (in > 0 && !joules) costs->read_s_per_byte[d] = fmin(costs->read_s_per_byte[d], 1 / in);
    if (p->mesh_bytes_per_s[d * p->n_devices + other] > 0) costs->write_s_per_byte[d] = costs->delay_s[d] = 0;
  }
}

/* Inputs of one layer: what is left of them if nothing, one edge, or the best of the others is found. */
static void add_inputs(struct placement_costs *costs, bool joules, size_t l) {
  const struct placement_problem *p = costs->problem;
  const uint32_t first = p->in_start[l], end = p->in_start[l + 1];
  double fixed_s = 0, fixed_bytes = 0;
  for (uint32_t i = first; i < end; i++) {
    const struct placement_edge *edge = &p->edges[p->in_edge[i]];
    if (!joules && is_given(edge)) fixed_s += edge->transfer_s, fixed_bytes += (double)edge->bytes;
  }
  struct placement_rest least[2];
  costs->none[l] = (struct placement_rest){fixed_s, fmax(0, (double)p->input_bytes[l] - fixed_bytes)};
  least[0] = least[1] = costs->none[l];
  for (uint32_t i = first; i < end; i++) {
    const struct placement_edge *edge = &p->edges[p->in_edge[i]];
    const double bytes = (double)edge->bytes;
    const bool fixed = !joules && is_given(edge);
    struct placement_rest *with = &costs->with[p->in_edge[i]];
    *with = costs->none[l];
    if (edge->bytes == 0) continue;
    with->bytes = fmax(0, (double)p->input_bytes[l] - bytes - (fixed ? fixed_bytes - bytes : fixed_bytes));
    if (fixed) with->fixed_s = fmax(0, fixed_s - edge->transfer_s);
    /* The two least of either part; they may come from different edges. */
    if (with->bytes < least[0].bytes) {
      least[1].bytes = least[0].bytes, least[0].bytes = with->bytes;
    } else {
      least[1].bytes = fmin(least[1].bytes, with->bytes);
    }
    if (with->fixed_s < least[0].fixed_s) {
      least[1].fixed_s = least[0].fixed_s, least[0].fixed_s = with->fixed_s;
    } else {
      least[1].fixed_s = fmin(least[1].fixed_s, with->fixed_s);
    }
  }
  costs->best[l] = least[0];
  for (uint32_t i = first; i < end; i++) {
    const struct placement_rest *with = &costs->with[p->in_edge[i]];
    costs->away[p->in_edge[i]] =
        (struct placement_rest){.fixed_s = with->fixed_s > least[0].fixed_s ? least[0].fixed_s : least[1].fixed_s,
                                .bytes = with->bytes > least[0].bytes ? least[0].bytes : least[1].bytes};
  }
}

void placement_bounds_costs_init(struct placement_costs *costs, const struct placement_problem *problem, bool joules,
                                 struct arena *arena) {
  const size_t n = problem->n_layers, n_devices = problem->n_devices;
  *costs = (struct placement_costs){.problem = problem,
                                    .base = joules ? problem->energy_j : problem->compute_s,
                                    .link_s_per_byte = ARENA_NEW(arena, double, n_devices),
                                    .read_s_per_byte = ARENA_NEW(arena, double, n_devices),
                                    .write_s_per_byte = ARENA_NEW(arena, double, n_devices),
                                    .delay_s = ARENA_NEW(arena, double, n_devices),
                                    .none = ARENA_NEW(arena, struct placement_rest, n),
                                    .best = ARENA_NEW(arena, struct placement_rest, n),
                                    .with = ARENA_NEW(arena, struct placement_rest, problem->n_edges),
                                    .away = ARENA_NEW(arena, struct placement_rest, problem->n_edges),
                                    .granules = ARENA_NEW(arena, uint64_t, n),
                                    .room = ARENA_NEW(arena, uint64_t, n_devices)};
  costs->coupling = problem->timing != PLACEMENT_SERIAL   ? PLACEMENT_UNCOUPLED
                    : problem->transfers == PLACEMENT_ALL ? PLACEMENT_FUSES
                                                          : PLACEMENT_CUTS;
  for (size_t d = 0; d < n_devices; d++) {
    add_device(costs, joules, d);
    costs->room[d] = problem->memory == PLACEMENT_PIN ? placement_pin_granules(problem, d) : UINT64_MAX;
  }
  for (size_t l = 0; l < n; l++) {
    costs->granules[l] = ceil_div(problem->weight_bytes[l], problem->granule_bytes);
    add_inputs(costs, joules, l);
  }
}

/* --- layers ---------------------------------------------------------------------------------------------------------
 */

double placement_own_s(const struct placement_costs *costs, size_t layer, size_t device) {
  const double base = costs->base[placement_at(costs->problem, layer, device)];
  if (costs->problem->timing != PLACEMENT_SERIAL || costs->granules[layer] <= costs->room[device]) return base;
  return base + (double)costs->problem->weight_bytes[layer] * costs->link_s_per_byte[device];
}

double placement_write_s(const struct placement_costs *costs, size_t layer, size_t device) {
  const struct placement_problem *p = costs->problem;
  if (p->devices[device].host) return 0;
  const bool cut = p->transfers == PLACEMENT_CUT;
  if (cut && !p->is_read[layer]) return 0;
  const double bytes = (double)(cut ? p->read_bytes[layer] : p->output_bytes[layer]);
  const bool may_pass = p->is_read[layer] && costs->write_s_per_byte[device] < costs->link_s_per_byte[device];
  if (may_pass) return 0;
  if (p->read_s[layer] == p->read_s[layer] && costs->base == p->compute_s) return p->read_s[layer];
  return bytes * costs->link_s_per_byte[device];
}

double placement_least_s(const struct placement_costs *costs, size_t layer, size_t device) {
  double least_s = placement_own_s(costs, layer, device);
  if (costs->coupling != PLACEMENT_FUSES) return least_s;
  least_s += placement_rest_s(costs, &costs->best[layer], device);
  if (costs->problem->only_reader[layer] == PLACEMENT_NONE) least_s += placement_write_s(costs, layer, device);
  return least_s;
}

/* --- edges ----------------------------------------------------------------------------------------------------------
 */

/* Nothing travels along it. */
static bool is_bare(const struct placement_edge *edge) { return edge->bytes == 0 && !(edge->transfer_s > 0); }

double placement_same_s(const struct placement_costs *costs, size_t edge, size_t device) {
  const struct placement_problem *p = costs->problem;
  const struct placement_edge *e = &p->edges[edge];
  if (costs->coupling != PLACEMENT_FUSES) return 0;
  if (e->bytes == 0) return INFINITY;
  const double write_s = p->only_reader[e->from] == e->to ? 0 : placement_write_s(costs, e->from, device);
  return write_s + placement_rest_s(costs, &costs->with[edge], device);
}

double placement_leave_s(const struct placement_costs *costs, size_t edge, size_t device) {
  const struct placement_problem *p = costs->problem;
  const struct placement_edge *e = &p->edges[edge];
  if (costs->coupling == PLACEMENT_FUSES) {
    const bool unsure = e->bytes == 0 && p->only_reader[e->from] != PLACEMENT_NONE;
    return unsure ? 0 : placement_write_s(costs, e->from, device);
  }
  if (is_bare(e)) return 0;
  if (p->timing == PLACEMENT_DELAY) {
    if (is_given(e) || p->devices[device].host) return 0; /* counted where it arrives */
    return (double)e->bytes * costs->write_s_per_byte[device] + costs->delay_s[device];
  }
  /* Contention: how given times and shared channels go together is left open. */
  if (p->timing == PLACEMENT_CONTENTION && p->read_s[e->from] == p->read_s[e->from]) return 0;
  return placement_write_s(costs, e->from, device);
}

/* Edges count in their order until input_bytes are used up: do they all? */
static bool inputs_suffice(const struct placement_problem *p, size_t layer) {
  uint64_t sum = 0;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) sum += p->edges[p->in_edge[i]].bytes;
  return sum <= p->input_bytes[layer];
}

double placement_arrive_s(const struct placement_costs *costs, size_t edge, size_t device) {
  const struct placement_problem *p = costs->problem;
  const struct placement_edge *e = &p->edges[edge];
  if (costs->coupling == PLACEMENT_FUSES) return placement_rest_s(costs, &costs->away[edge], device);
  if (is_bare(e)) return 0;
  if (p->timing == PLACEMENT_DELAY && is_given(e)) return e->transfer_s;
  if (p->devices[device].host) return 0;
  if (p->timing == PLACEMENT_DELAY) return (double)e->bytes * costs->read_s_per_byte[device] + costs->delay_s[device];
  if (p->timing == PLACEMENT_CONTENTION && (is_given(e) || !inputs_suffice(p, e->to))) return 0;
  if (is_given(e)) return costs->base == p->compute_s ? e->transfer_s : 0; /* seconds say nothing of joules */
  const bool mixed = p->read_s[e->from] == p->read_s[e->from]; /* another edge of the producer's gives the time */
  return mixed ? 0 : (double)e->bytes * costs->read_s_per_byte[device];
}

double placement_last_s(const struct placement_costs *costs, size_t layer, size_t device) {
  const struct placement_problem *p = costs->problem;
  if (p->timing == PLACEMENT_DELAY || p->transfers == PLACEMENT_CUT) return 0;
  return p->only_reader[layer] != PLACEMENT_NONE || p->is_read[layer] ? 0 : placement_write_s(costs, layer, device);
}
