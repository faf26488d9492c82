/* Which transfers does a layer need, where it stands? Weights that are not pinned, inputs that are not on its device
 * already, its output if somebody elsewhere wants it. (placement §3.1, §3.3, §3.4.) Shared by the rules that have more
 * to look at than bytes and rates: links between devices, latencies, given times, what stays in memory. */
#include "base/checked.h"
#include "search/placement/placement_private.h"
#include <math.h>
#include <string.h>

/* --- what stays -----------------------------------------------------------------------------------------------------
 * Under `contention` an output stays for later readers on its device while there is room for it beside the weights, all
 * the time from its layer's place to the last reader's: producers in the device's order, each for as many of its
 * readers as go. A device computes one layer at a time, so places stand for times. */

static uint64_t room_beside_weights(const struct placement_problem *problem, const struct placement_answer *answer,
                                    size_t device) {
  const struct placement_device *d = &problem->devices[device];
  if (d->host || problem->memory == PLACEMENT_UNLIMITED || d->dram_bytes == UINT64_MAX) return UINT64_MAX;
  uint64_t weights = 0;
  for (uint32_t i = answer->start[device]; i < answer->start[device + 1]; i++) {
    const uint32_t l = answer->layer[i];
    if (problem->memory == PLACEMENT_HARD || answer->pinned[l]) weights = sat_add(weights, problem->weight_bytes[l]);
  }
  return d->dram_bytes > weights ? d->dram_bytes - weights : 0;
}

/* The next place behind `after` where a layer on the same device reads `layer`; PLACEMENT_NONE: there is none. */
static uint32_t next_reader(const struct placement_routes *routes, uint32_t layer, uint32_t after) {
  const struct placement_problem *p = routes->problem;
  uint32_t next = PLACEMENT_NONE;
  for (uint32_t i = p->out_start[layer]; i < p->out_start[layer + 1]; i++) {
    const uint32_t reader = p->successor[i];
    if (p->edges[p->out_edge[i]].bytes == 0 || routes->device[reader] != routes->device[layer]) continue;
    const uint32_t place = routes->place[reader];
    if (place > after && (next == PLACEMENT_NONE || place < next)) next = place;
  }
  return next;
}

/* Holds `layer`'s output for as many readers as room allows; `used` by place on the device. */
static void hold(struct placement_routes *routes, uint32_t layer, uint64_t room, uint64_t *used) {
  const uint64_t bytes = routes->problem->output_bytes[layer];
  uint32_t until = routes->place[layer];
  for (uint32_t next; (next = next_reader(routes, layer, until)) != PLACEMENT_NONE; until = next) {
    const uint32_t first = until == routes->place[layer] ? until : until + 1; /* its own place counts too */
    for (uint32_t i = first; i <= next; i++) {
      if (sat_add(used[i], bytes) > room) return;
    }
    for (uint32_t i = first; i <= next; i++) used[i] += bytes;
    routes->stays_until[layer] = next;
  }
}

static void hold_all(struct placement_routes *routes, size_t device, struct arena *scratch) {
  const struct placement_problem *problem = routes->problem;
  const struct placement_answer *answer = routes->answer;
  const uint32_t *layers = answer->layer + answer->start[device];
  const uint32_t n = answer->start[device + 1] - answer->start[device];
  const uint64_t room = room_beside_weights(problem, answer, device);
  uint64_t all = 0;
  for (uint32_t i = 0; i < n; i++) all = sat_add(all, problem->output_bytes[layers[i]]);
  if (all <= room) { /* nothing to pack */
    for (uint32_t i = 0; i < n; i++) routes->stays_until[layers[i]] = PLACEMENT_NONE;
    return;
  }
  const struct arena_mark mark = arena_get_mark(scratch);
  uint64_t *used = ARENA_NEW(scratch, uint64_t, n);
  for (uint32_t i = 0; i < n; i++) hold(routes, layers[i], room, used);
  arena_rewind(scratch, mark);
}

void placement_routes_init(struct placement_routes *routes, const struct placement_problem *problem,
                           const struct placement_answer *answer, struct arena *scratch) {
  const size_t n = problem->n_layers;
  *routes = (struct placement_routes){.problem = problem,
                                      .answer = answer,
                                      .device = ARENA_NEW(scratch, uint32_t, n),
                                      .place = ARENA_NEW(scratch, uint32_t, n),
                                      .stays_until = ARENA_NEW(scratch, uint32_t, n),
                                      .read_on = ARENA_NEW(scratch, uint32_t, n)};
  memset(routes->read_on, 0xff, n * sizeof *routes->read_on);
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const uint32_t l = answer->layer[i];
      routes->device[l] = d;
      routes->place[l] = i - answer->start[d];
      routes->stays_until[l] = problem->transfers == PLACEMENT_CUT ? PLACEMENT_NONE : routes->place[l] + 1;
    }
  }
  if (problem->timing != PLACEMENT_CONTENTION || problem->adjacent_residency || problem->transfers == PLACEMENT_CUT) {
    return;
  }
  for (uint32_t d = 0; d < problem->n_devices; d++) {
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const uint32_t l = answer->layer[i];
      routes->stays_until[l] = routes->place[l];
    }
    hold_all(routes, d, scratch);
  }
}

/* Does `reader` find the output of `layer`, before it in the order, on its own device? */
static bool finds(const struct placement_routes *routes, uint32_t layer, uint32_t reader) {
  return routes->device[layer] == routes->device[reader] && routes->place[reader] > routes->place[layer] &&
         routes->place[reader] <= routes->stays_until[layer];
}

/* --- transfers ------------------------------------------------------------------------------------------------------
 */

static bool is_linked(const struct placement_problem *problem, uint32_t from, uint32_t to) {
  return problem->mesh_bytes_per_s != NULL && problem->mesh_bytes_per_s[from * problem->n_devices + to] > 0;
}

static struct placement_move move_between(const struct placement_problem *problem, uint32_t device, int what,
                                          uint32_t edge, uint64_t bytes) {
  const struct placement_device *d = &problem->devices[device];
  return (struct placement_move){.edge = edge,
                                 .what = what,
                                 .bytes = bytes,
                                 .bytes_per_s = d->link_bytes_per_s,
                                 .latency_s = d->link_latency_s,
                                 .fixed_s = NAN};
}

/* Of edge number `edge` from a layer elsewhere. */
static struct placement_move read_move(const struct placement_routes *routes, uint32_t edge, uint64_t bytes,
                                       double fixed_s) {
  const struct placement_problem *problem = routes->problem;
  const uint32_t from = routes->device[problem->edges[edge].from], to = routes->device[problem->edges[edge].to];
  struct placement_move move = move_between(problem, to, PLACEMENT_FLOW_INPUT, edge, bytes);
  move.fixed_s = fixed_s;
  if (is_linked(problem, from, to)) {
    move.direct = true;
    move.bytes_per_s = problem->mesh_bytes_per_s[from * problem->n_devices + to];
    move.latency_s = problem->mesh_latency_s[from * problem->n_devices + to];
  }
  return move;
}

static bool is_empty(const struct placement_move *move) {
  return isnan(move->fixed_s) ? move->bytes == 0 : move->fixed_s <= 0;
}

static size_t read_all(const struct placement_routes *routes, uint32_t layer, struct placement_move *moves) {
  const struct placement_problem *p = routes->problem;
  uint64_t rest = p->input_bytes[layer];
  size_t n = 0;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint64_t bytes = p->edges[p->in_edge[i]].bytes;
    if (finds(routes, p->predecessor[i], layer)) rest -= min_u64(rest, bytes);
  }
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint32_t e = p->in_edge[i];
    if (p->edges[e].bytes > 0 && finds(routes, p->predecessor[i], layer)) continue;
    moves[n] = read_move(routes, e, min_u64(rest, p->edges[e].bytes), p->edges[e].transfer_s);
    rest -= moves[n].bytes;
    n += !is_empty(&moves[n]);
  }
  if (rest > 0) {
    moves[n++] = move_between(p, routes->device[layer], PLACEMENT_FLOW_INPUT, PLACEMENT_NONE, rest);
  }
  return n;
}

/* What comes from elsewhere, unless a layer before on this device read it. */
static size_t read_cut(struct placement_routes *routes, uint32_t layer, struct placement_move *moves) {
  const struct placement_problem *p = routes->problem;
  size_t n = 0;
  for (uint32_t i = p->in_start[layer]; i < p->in_start[layer + 1]; i++) {
    const uint32_t from = p->predecessor[i], device = routes->device[layer];
    if (routes->device[from] == device || routes->read_on[from] == device) continue;
    routes->read_on[from] = device;
    moves[n] = read_move(routes, p->in_edge[i], p->read_bytes[from], p->read_s[from]);
    n += !is_empty(&moves[n]);
  }
  return n;
}

size_t placement_reads(struct placement_routes *routes, uint32_t layer, struct placement_move *moves) {
  const struct placement_problem *p = routes->problem;
  const uint32_t device = routes->device[layer];
  if (p->devices[device].host) return 0;
  size_t n = 0;
  if (p->memory == PLACEMENT_PIN && !routes->answer->pinned[layer] && p->weight_bytes[layer] > 0) {
    moves[n++] = move_between(p, device, PLACEMENT_FLOW_WEIGHT, PLACEMENT_NONE, p->weight_bytes[layer]);
  }
  return n + (p->transfers == PLACEMENT_ALL ? read_all(routes, layer, moves + n) : read_cut(routes, layer, moves + n));
}

bool placement_write_back(const struct placement_routes *routes, uint32_t layer, struct placement_move *move) {
  const struct placement_problem *p = routes->problem;
  const uint32_t device = routes->device[layer];
  const bool cut = p->transfers == PLACEMENT_CUT;
  bool wanted = !cut && !p->is_read[layer];
  for (uint32_t i = p->out_start[layer]; !wanted && i < p->out_start[layer + 1]; i++) {
    const struct placement_edge *edge = &p->edges[p->out_edge[i]];
    if (edge->bytes == 0 && !(edge->transfer_s > 0)) continue;
    wanted = !(edge->bytes > 0 || cut ? finds(routes, layer, edge->to) : false) &&
             !is_linked(p, device, routes->device[edge->to]);
  }
  if (!wanted || p->devices[device].host) return false;
  const uint64_t bytes = cut ? p->read_bytes[layer] : p->output_bytes[layer];
  *move = move_between(p, device, PLACEMENT_FLOW_OUTPUT, PLACEMENT_NONE, bytes);
  move->fixed_s = p->read_s[layer];
  return !is_empty(move);
}
