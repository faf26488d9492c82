/* List scheduling over guessed costs. See placement_list.h. */
#include "search/placement/placement_list.h"

#include "base/checked.h"
#include <math.h>

/* --- costs ----------------------------------------------------------------------------------------------------------
 */

/* Between two unlike devices. */
struct pair {
  double write_s, read_s; /* per byte */
  double latency_s, times;
};

static struct pair pair_of(const struct placement_costs *costs, size_t from, size_t to) {
  const struct placement_problem *problem = costs->problem;
  if (problem->mesh_bytes_per_s != NULL) {
    const size_t link = from * problem->n_devices + to;
    if (problem->mesh_bytes_per_s[link] > 0) {
      return (struct pair){0, 1 / problem->mesh_bytes_per_s[link], problem->mesh_latency_s[link], 1};
    }
  }
  const struct placement_device *a = &problem->devices[from], *b = &problem->devices[to];
  const double latency_s = (a->host ? 0 : a->link_latency_s) + (b->host ? 0 : b->link_latency_s);
  const double times = problem->timing == PLACEMENT_DELAY ? 1 : (a->host ? 0 : 1) + (b->host ? 0 : 1);
  return (struct pair){costs->bytes_s[from], costs->bytes_s[to], latency_s, times};
}

void placement_costs_init(struct placement_costs *costs, const struct placement_problem *problem, struct arena *arena) {
  const size_t n = problem->n_devices;
  double *bytes_s = ARENA_NEW(arena, double, n);
  for (size_t d = 0; d < n; d++) {
    bytes_s[d] = problem->devices[d].host ? 0 : 1 / problem->devices[d].link_bytes_per_s;
  }
  *costs = (struct placement_costs){.problem = problem, .bytes_s = bytes_s};
  if (n < 2) return;
  for (size_t a = 0; a < n; a++) {
    for (size_t b = 0; b < n; b++) {
      if (a == b) continue;
      const struct pair pair = pair_of(costs, a, b);
      costs->write_s += pair.write_s, costs->read_s += pair.read_s;
      costs->latency_s += pair.latency_s, costs->times += pair.times;
    }
  }
  const double n_pairs = (double)n * (double)(n - 1);
  costs->write_s /= n_pairs, costs->read_s /= n_pairs, costs->latency_s /= n_pairs, costs->times /= n_pairs;
}

double placement_costs_layer_s(const struct placement_costs *costs, size_t layer, size_t device) {
  const struct placement_problem *problem = costs->problem;
  const double compute_s = problem->compute_s[placement_at(problem, layer, device)];
  if (problem->timing == PLACEMENT_DELAY || problem->devices[device].host) return compute_s;
  uint64_t bytes = 0;
  if (problem->memory == PLACEMENT_PIN && problem->weight_granules[layer] > problem->pin_granules[device]) {
    bytes += problem->weight_bytes[layer];
  }
  if (problem->transfers == PLACEMENT_ALL) {
    uint64_t most = 0;
    for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
      most = max_u64(most, problem->edges[problem->in_edge[i]].bytes);
    }
    bytes += problem->input_bytes[layer] - min_u64(most, problem->input_bytes[layer]);
    if (!problem->is_read[layer]) bytes += problem->output_bytes[layer];
  }
  return compute_s + (double)bytes * costs->bytes_s[device];
}

static double edge_s(const struct placement_costs *costs, size_t edge, const struct pair *pair) {
  const struct placement_problem *problem = costs->problem;
  const struct placement_edge *e = &problem->edges[edge];
  if (!isnan(e->transfer_s)) return e->transfer_s * pair->times;
  if (e->bytes == 0) return 0;
  const bool writes_all = problem->timing != PLACEMENT_DELAY && problem->transfers == PLACEMENT_ALL;
  const uint64_t written = writes_all ? problem->output_bytes[e->from] : e->bytes;
  return (double)written * pair->write_s + (double)e->bytes * pair->read_s + pair->latency_s;
}

double placement_costs_edge_s(const struct placement_costs *costs, size_t edge, uint32_t from, uint32_t to) {
  if (from == to) return 0;
  const struct pair pair = pair_of(costs, from, to);
  return edge_s(costs, edge, &pair);
}

double placement_costs_mean_edge_s(const struct placement_costs *costs, size_t edge) {
  return edge_s(costs, edge, &(struct pair){costs->write_s, costs->read_s, costs->latency_s, costs->times});
}

double placement_costs_mean_layer_s(const struct placement_costs *costs, size_t layer) {
  double sum_s = 0, n = 0;
  for (size_t d = 0; d < costs->problem->n_devices; d++) {
    if (!placement_can_run(costs->problem, layer, d)) continue;
    sum_s += placement_costs_layer_s(costs, layer, d);
    n++;
  }
  return sum_s / n;
}

/* --- schedules ------------------------------------------------------------------------------------------------------
 * What stands on a device is a list from first to last. */

struct schedule {
  const struct placement_costs *costs;
  double *start_s, *end_s; /* [n_layers] */
  uint32_t *before, *after;
  uint32_t *first, *last; /* [n_devices] */
};

struct slot {
  double start_s, end_s;
  uint32_t before, device; /* stands before it; NONE: nobody */
};

static uint32_t behind(const struct schedule *s, uint32_t layer, uint32_t device) {
  return layer == PLACEMENT_NONE ? s->first[device] : s->after[layer];
}

/* The earliest gap from ready_s on, behind all that ends by then: layers that take no time so stand in the order in
 * which they were placed, and devices never wait for each other in a circle. */
static struct slot find_slot(const struct schedule *s, uint32_t device, double ready_s, double duration_s,
                             bool fills_gaps) {
  uint32_t before = s->last[device];
  if (fills_gaps) {
    while (before != PLACEMENT_NONE && s->end_s[before] > ready_s) before = s->before[before];
  }
  double start_s = before == PLACEMENT_NONE ? ready_s : fmax(ready_s, s->end_s[before]);
  for (uint32_t next; (next = behind(s, before, device)) != PLACEMENT_NONE; before = next) {
    if (start_s + duration_s <= s->start_s[next]) break;
    start_s = fmax(start_s, s->end_s[next]);
  }
  return (struct slot){start_s, start_s + duration_s, before, device};
}

static void take(struct schedule *s, uint32_t layer, const struct slot *slot) {
  const uint32_t next = behind(s, slot->before, slot->device);
  s->start_s[layer] = slot->start_s, s->end_s[layer] = slot->end_s;
  s->before[layer] = slot->before, s->after[layer] = next;
  *(slot->before == PLACEMENT_NONE ? &s->first[slot->device] : &s->after[slot->before]) = layer;
  *(next == PLACEMENT_NONE ? &s->last[slot->device] : &s->before[next]) = layer;
}

static double ready_at(const struct schedule *s, const struct placement_build *build, uint32_t layer, uint32_t device) {
  const struct placement_problem *problem = build->problem;
  double ready_s = 0;
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    const uint32_t from = problem->predecessor[i];
    const double wait_s = placement_costs_edge_s(s->costs, problem->in_edge[i], build->device[from], device);
    ready_s = fmax(ready_s, s->end_s[from] + wait_s);
  }
  return ready_s;
}

/* device PLACEMENT_NONE: nowhere. */
static struct slot find_best(const struct schedule *s, const struct placement_list *list,
                             const struct placement_build *build, uint32_t layer) {
  struct slot best = {.device = PLACEMENT_NONE};
  double best_s = INFINITY;
  for (uint32_t d = 0; d < build->problem->n_devices; d++) {
    if (!placement_build_allows(build, layer, d)) continue;
    const double duration_s = placement_costs_layer_s(s->costs, layer, d);
    const struct slot slot = find_slot(s, d, ready_at(s, build, layer, d), duration_s, list->fills_gaps);
    const double value_s =
        slot.end_s + (list->bias_s != NULL ? list->bias_s[placement_at(build->problem, layer, d)] : 0);
    if (value_s < best_s) best = slot, best_s = value_s;
  }
  return best;
}

static struct schedule schedule_new(const struct placement_costs *costs, struct arena *arena) {
  const size_t n = costs->problem->n_layers, n_devices = costs->problem->n_devices;
  struct schedule s = {costs,
                       ARENA_NEW(arena, double, n),
                       ARENA_NEW(arena, double, n),
                       ARENA_NEW(arena, uint32_t, n),
                       ARENA_NEW(arena, uint32_t, n),
                       ARENA_NEW(arena, uint32_t, n_devices),
                       ARENA_NEW(arena, uint32_t, n_devices)};
  for (size_t d = 0; d < n_devices; d++) s.first[d] = s.last[d] = PLACEMENT_NONE;
  return s;
}

bool placement_list_schedule(const struct placement_list *list, const struct placement_costs *costs,
                             struct placement_build *build, struct placement_answer *answer) {
  const struct placement_problem *problem = build->problem;
  const struct arena_mark mark = arena_get_mark(build->scratch);
  struct schedule s = schedule_new(costs, build->scratch);
  uint32_t *order = ARENA_NEW(build->scratch, uint32_t, problem->n_layers);
  placement_sort_by_priority(problem, list->priority, build->scratch, order);
  placement_build_reset(build);
  bool fine = true;
  for (size_t i = 0; fine && i < problem->n_layers; i++) {
    const struct slot slot = find_best(&s, list, build, order[i]);
    fine = slot.device != PLACEMENT_NONE;
    if (!fine) break;
    take(&s, order[i], &slot);
    placement_build_place(build, order[i], slot.device);
  }
  for (size_t d = 0, n = 0; fine && d < problem->n_devices; d++) {
    for (uint32_t l = s.first[d]; l != PLACEMENT_NONE; l = s.after[l]) order[n++] = l;
  }
  if (fine) placement_build_answer(build, order, answer);
  arena_rewind(build->scratch, mark);
  return fine;
}

void placement_list_run(const struct placement_list *list, const struct placement_costs *costs,
                        const struct placement_request *request, struct placement_result *result) {
  struct placement_meter meter;
  struct placement_build build;
  placement_meter_init(&meter, request, result);
  placement_build_init(&build, request);
  struct placement_answer answer = placement_answer_new(request->problem, request->arena);
  const bool fine = placement_list_schedule(list, costs, &build, &answer) || placement_build_fill(&build, &answer);
  if (fine && !placement_meter_full(&meter)) placement_meter_try(&meter, &answer);
}
