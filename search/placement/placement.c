/* The statement checked and completed. See placement.h; answers are in placement_answer.c, rules of time in
 * placement_evaluate.c and beside it. */
#include "base/checked.h"
#include "base/number_heap.h"
#include "base/text.h"
#include "search/placement/placement_private.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Sums of three such numbers are exact in whole numbers, and each is exact as a double. */
static const uint64_t most_bytes = UINT64_C(1) << 53;
enum { SHOWN_BYTES = 80, SHOWN_CIRCLE = 8 };

struct finishing {
  struct placement_problem *problem;
  const struct placement_origin *origin; /* NULL: none */
  struct arena *arena;
  struct error *error;
};

/* --- messages -------------------------------------------------------------------------------------------------------
 */

/* "file:line" of a row, or the problem's name. */
static const char *place_of(const struct finishing *f, size_t table, size_t row) {
  if (f->origin == NULL) return f->problem->name;
  const struct rows_origin tables[] = {f->origin->layers, f->origin->edges, f->origin->devices};
  return rows_place(&tables[table], row, f->problem->name, f->arena);
}
enum { LAYERS, EDGES, DEVICES };

static const char *shown(const struct finishing *f, const char *name) {
  char text[SHOWN_BYTES];
  text_escape(name, text, sizeof text);
  return arena_copy_text(f->arena, text);
}

static const char *layer_name(const struct finishing *f, size_t layer) {
  return shown(f, f->problem->layer_names[layer]);
}

static bool complain_of_layer(const struct finishing *f, size_t layer, const char *what) {
  return error_add(f->error, STATUS_INPUT, "%s: layer \"%s\": %s", place_of(f, LAYERS, layer), layer_name(f, layer),
                   what);
}

static bool complain_of_edge(const struct finishing *f, size_t edge, const char *what) {
  const struct placement_edge *e = &f->problem->edges[edge];
  return error_add(f->error, STATUS_INPUT, "%s: edge \"%s\" to \"%s\": %s", place_of(f, EDGES, edge),
                   layer_name(f, e->from), layer_name(f, e->to), what);
}

static bool complain_of_device(const struct finishing *f, size_t device, const char *what) {
  return error_add(f->error, STATUS_INPUT, "%s: device \"%s\": %s", place_of(f, DEVICES, device),
                   shown(f, f->problem->devices[device].name), what);
}

/* --- numbers --------------------------------------------------------------------------------------------------------
 */

static bool check_sizes(const struct finishing *f) {
  const struct placement_problem *p = f->problem;
  bool fine = true;
  if (p->n_layers < 1 || p->n_layers > PLACEMENT_MAX_LAYERS) {
    fine = error_add(f->error, STATUS_INPUT, "%s: %zu layers: 1 to %d are allowed", p->name, p->n_layers,
                     PLACEMENT_MAX_LAYERS);
  }
  if (p->n_devices < 1 || p->n_devices > PLACEMENT_MAX_DEVICES) {
    fine = error_add(f->error, STATUS_INPUT, "%s: %zu devices: 1 to %d are allowed", p->name, p->n_devices,
                     PLACEMENT_MAX_DEVICES);
  }
  if (p->n_edges > PLACEMENT_MAX_EDGES) {
    fine = error_add(f->error, STATUS_INPUT, "%s: %zu edges: at most %d are allowed", p->name, p->n_edges,
                     PLACEMENT_MAX_EDGES);
  }
  if (p->granule_bytes < 1) {
    fine = error_add(f->error, STATUS_INPUT, "%s: granule_bytes 0: at least 1 is allowed", p->name);
  }
  return fine;
}

static bool is_amount(double value) { return value >= 0 && isfinite(value); }

static bool check_devices(const struct finishing *f) {
  bool fine = true;
  for (size_t d = 0; d < f->problem->n_devices; d++) {
    const struct placement_device *device = &f->problem->devices[d];
    if (!(device->pin_share >= 0 && device->pin_share <= 1)) {
      fine = complain_of_device(f, d, arena_printf(f->arena, "pin_share %g: 0 to 1 is allowed", device->pin_share));
    }
    if (!(device->link_bytes_per_s > 0)) {
      const char *what =
          arena_printf(f->arena, "link_bytes_per_s %g: a number above 0 is allowed", device->link_bytes_per_s);
      fine = complain_of_device(f, d, what);
    }
    if (!is_amount(device->link_latency_s) || !is_amount(device->active_w) || !is_amount(device->idle_w)) {
      const char *what = arena_printf(f->arena,
                                      "link_latency_s %g, active_w %g, idle_w %g: finite numbers of at least 0 are "
                                      "allowed",
                                      device->link_latency_s, device->active_w, device->idle_w);
      fine = complain_of_device(f, d, what);
    }
  }
  return fine;
}

static bool check_host(const struct finishing *f) {
  const struct placement_problem *p = f->problem;
  bool fine = true;
  if (!(p->host.out_bytes_per_s > 0) || !(p->host.in_bytes_per_s > 0)) {
    fine = error_add(f->error, STATUS_INPUT, "%s: host: %g bytes/s out, %g in: numbers above 0 are allowed", p->name,
                     p->host.out_bytes_per_s, p->host.in_bytes_per_s);
  }
  if (!is_amount(p->host.transfer_j_per_byte)) {
    fine =
        error_add(f->error, STATUS_INPUT, "%s: host: transfer_j_per_byte %g: a finite number of at least 0 is allowed",
                  p->name, p->host.transfer_j_per_byte);
  }
  for (size_t i = 0; p->mesh_bytes_per_s != NULL && i < p->n_devices * p->n_devices; i++) {
    if (p->mesh_bytes_per_s[i] >= 0 && is_amount(p->mesh_latency_s[i])) continue;
    fine = error_add(f->error, STATUS_INPUT,
                     "%s: link \"%s\" to \"%s\": %g bytes/s, latency %g s: numbers of at least 0 are allowed", p->name,
                     shown(f, p->devices[i / p->n_devices].name), shown(f, p->devices[i % p->n_devices].name),
                     p->mesh_bytes_per_s[i], p->mesh_latency_s[i]);
  }
  return fine;
}

static bool check_layer(const struct finishing *f, size_t l) {
  const struct placement_problem *p = f->problem;
  bool fine = true, runs = false;
  if (p->weight_bytes[l] > most_bytes || p->input_bytes[l] > most_bytes || p->output_bytes[l] > most_bytes) {
    fine = complain_of_layer(f, l, "more than 2^53 bytes, which is the most");
  }
  for (size_t d = 0; d < p->n_devices; d++) {
    if (!placement_can_run(p, l, d)) continue;
    runs = true;
    const size_t at = placement_at(p, l, d);
    if (is_amount(p->compute_s[at]) && (p->energy_j == NULL || is_amount(p->energy_j[at]))) continue;
    const char *what =
        arena_printf(f->arena, "compute_s %g on \"%s\"%s: finite numbers of at least 0 are allowed", p->compute_s[at],
                     shown(f, p->devices[d].name), p->energy_j != NULL ? " or its energy_j" : "");
    fine = complain_of_layer(f, l, what);
  }
  return runs ? fine : complain_of_layer(f, l, "no device can run it: there is no row of costs for any");
}

static bool check_layers(const struct finishing *f) {
  bool fine = true;
  for (size_t l = 0; l < f->problem->n_layers; l++) fine = check_layer(f, l) && fine;
  for (size_t e = 0; e < f->problem->n_edges; e++) {
    const struct placement_edge *edge = &f->problem->edges[e];
    if (edge->from >= f->problem->n_layers || edge->to >= f->problem->n_layers) {
      return error_add(f->error, STATUS_INPUT, "%s: edge %zu from layer %u to %u: there are %zu", f->problem->name, e,
                       edge->from, edge->to, f->problem->n_layers);
    }
    if (edge->bytes > most_bytes) fine = complain_of_edge(f, e, "more than 2^53 bytes, which is the most");
    if (!isnan(edge->transfer_s) && !is_amount(edge->transfer_s)) {
      fine = complain_of_edge(f, e, "transfer_s: a finite number of at least 0 is allowed");
    }
    if (edge->from == edge->to) fine = complain_of_edge(f, e, "a layer cannot wait for itself");
  }
  return fine;
}

/* --- groups and memory ----------------------------------------------------------------------------------------------
 */

static bool fits(const struct placement_problem *p, size_t device, uint64_t weight_bytes) {
  return p->memory != PLACEMENT_HARD || p->devices[device].host || weight_bytes <= p->devices[device].dram_bytes;
}

/* Each layer, or group, must find a device that can run all of it and, under `hard` memory, hold its weights. */
static bool check_groups(const struct finishing *f) {
  const struct placement_problem *p = f->problem;
  const size_t n = p->n_layers, most = p->group != NULL ? p->n_groups : 0;
  uint64_t *weights = ARENA_NEW(f->arena, uint64_t, most);
  uint32_t *first = ARENA_NEW(f->arena, uint32_t, most);
  bool *can = ARENA_NEW(f->arena, bool, most * p->n_devices), fine = true;
  memset(can, true, most * p->n_devices);
  for (size_t g = 0; g < most; g++) first[g] = PLACEMENT_NONE;
  for (uint32_t l = 0; l < n; l++) {
    const uint32_t g = p->group != NULL ? p->group[l] : PLACEMENT_NONE;
    if (g == PLACEMENT_NONE) {
      bool held = false;
      for (size_t d = 0; d < p->n_devices; d++) {
        held = held || (placement_can_run(p, l, d) && fits(p, d, p->weight_bytes[l]));
      }
      if (!held) fine = complain_of_layer(f, l, "hard memory: its weights fit no device that can run it");
      continue;
    }
    if (g >= most) return complain_of_layer(f, l, arena_printf(f->arena, "group %u: there are %zu", g, most));
    if (first[g] == PLACEMENT_NONE) first[g] = l;
    weights[g] = sat_add(weights[g], p->weight_bytes[l]);
    for (size_t d = 0; d < p->n_devices; d++) can[g * p->n_devices + d] &= placement_can_run(p, l, d);
  }
  for (size_t g = 0; g < most; g++) {
    bool runs = first[g] == PLACEMENT_NONE, held = runs;
    for (size_t d = 0; d < p->n_devices; d++) {
      runs = runs || can[g * p->n_devices + d];
      held = held || (can[g * p->n_devices + d] && fits(p, d, weights[g]));
    }
    if (!runs) fine = complain_of_layer(f, first[g], "no device can run all layers of its group");
    if (runs && !held) {
      fine = complain_of_layer(f, first[g], "hard memory: its group's weights fit no device that can run it");
    }
  }
  return fine;
}

static bool check_hard_memory(const struct finishing *f) {
  const struct placement_problem *p = f->problem;
  if (p->memory != PLACEMENT_HARD) return true;
  uint64_t weights = 0, room = 0;
  for (size_t l = 0; l < p->n_layers; l++) weights = sat_add(weights, p->weight_bytes[l]);
  for (size_t d = 0; d < p->n_devices; d++) {
    room = sat_add(room, p->devices[d].host ? UINT64_MAX : p->devices[d].dram_bytes);
  }
  if (weights <= room) return true;
  return error_add(f->error, STATUS_INPUT,
                   "%s: hard memory cannot be met: layers weigh %" PRIu64 " bytes, all devices hold %" PRIu64,
                   place_of(f, DEVICES, 0), weights, room);
}

/* --- rows and order -------------------------------------------------------------------------------------------------
 */

/* Rows by the end `to` (or `from`) of edges: starts, edge numbers and the layers at the other end. */
static void fill_rows(const struct finishing *f, bool to, const uint32_t **starts, const uint32_t **edge_numbers,
                      const uint32_t **others) {
  const struct placement_problem *p = f->problem;
  uint32_t *start = ARENA_NEW(f->arena, uint32_t, p->n_layers + 2), *fill = start + 1;
  uint32_t *number = ARENA_NEW(f->arena, uint32_t, p->n_edges), *other = ARENA_NEW(f->arena, uint32_t, p->n_edges);
  for (size_t e = 0; e < p->n_edges; e++) fill[(to ? p->edges[e].to : p->edges[e].from) + 1]++;
  for (size_t l = 0; l < p->n_layers; l++) fill[l + 1] += fill[l];
  for (uint32_t e = 0; e < p->n_edges; e++) {
    const uint32_t at = fill[to ? p->edges[e].to : p->edges[e].from]++;
    number[at] = e;
    other[at] = to ? p->edges[e].from : p->edges[e].to;
  }
  *starts = start, *edge_numbers = number, *others = other;
}

static bool check_twins(const struct finishing *f) {
  const struct placement_problem *p = f->problem;
  uint32_t *seen = ARENA_NEW(f->arena, uint32_t, p->n_layers); /* by whom, + 1 */
  bool fine = true;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      if (seen[p->successor[i]] == l + 1) fine = complain_of_edge(f, p->out_edge[i], "is there twice");
      seen[p->successor[i]] = l + 1;
    }
  }
  return fine;
}

static bool complain_of_circle(const struct finishing *f, const uint32_t *waits_for) {
  const struct placement_problem *p = f->problem;
  uint32_t l = 0, *seen = ARENA_NEW(f->arena, uint32_t, p->n_layers),
           *path = ARENA_NEW(f->arena, uint32_t, p->n_layers);
  uint32_t last_edge = 0, n = 0;
  while (waits_for[l] == 0) l++;
  for (; seen[l] == 0; n++) { /* who waits has a predecessor that waits, until one comes again */
    path[n] = l;
    seen[l] = n + 1;
    uint32_t i = p->in_start[l];
    while (waits_for[p->predecessor[i]] == 0) i++;
    last_edge = p->in_edge[i];
    l = p->predecessor[i];
  }
  const uint32_t first = seen[l] - 1;
  const char *text = arena_printf(f->arena, "\"%s\"", layer_name(f, l));
  for (uint32_t i = n; i-- > first && n - i <= SHOWN_CIRCLE;) {
    text = arena_printf(f->arena, "%s before \"%s\"", text, layer_name(f, path[i]));
  }
  return error_add(f->error, STATUS_INPUT, "%s: %s%s: layers that wait for each other in a circle can never start",
                   place_of(f, EDGES, last_edge), text, n - first > SHOWN_CIRCLE ? " before …" : "");
}

static bool sort_layers(const struct finishing *f) {
  struct placement_problem *p = f->problem;
  uint32_t *order = ARENA_NEW(f->arena, uint32_t, p->n_layers), *heap = ARENA_NEW(f->arena, uint32_t, p->n_layers);
  uint32_t *waits_for = ARENA_NEW(f->arena, uint32_t, p->n_layers);
  size_t n_heap = 0, n = 0;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    waits_for[l] = p->in_start[l + 1] - p->in_start[l];
    if (waits_for[l] == 0) number_heap_push(heap, &n_heap, l);
  }
  while (n_heap > 0) {
    const uint32_t l = order[n++] = number_heap_pop(heap, &n_heap);
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      if (--waits_for[p->successor[i]] == 0) number_heap_push(heap, &n_heap, p->successor[i]);
    }
  }
  p->topological = order;
  return n == p->n_layers || complain_of_circle(f, waits_for);
}

/* --- what evaluations look up ---------------------------------------------------------------------------------------
 */

uint64_t placement_pin_granules(const struct placement_problem *problem, size_t device) {
  const struct placement_device *d = &problem->devices[device];
  if (d->host || d->dram_bytes == UINT64_MAX) return UINT64_MAX;
  const double granules = ceil((double)d->dram_bytes * d->pin_share / (double)problem->granule_bytes);
  return granules < 0x1p63 ? (uint64_t)granules : UINT64_MAX;
}

static void derive(const struct finishing *f) {
  struct placement_problem *p = f->problem;
  uint64_t *granules = ARENA_NEW(f->arena, uint64_t, p->n_layers), *room = ARENA_NEW(f->arena, uint64_t, p->n_devices);
  uint64_t *bytes = ARENA_NEW(f->arena, uint64_t, p->n_layers);
  uint32_t *only = ARENA_NEW(f->arena, uint32_t, p->n_layers);
  double *seconds = ARENA_NEW(f->arena, double, p->n_layers);
  bool *is_read = ARENA_NEW(f->arena, bool, p->n_layers);
  p->plain = p->transfers == PLACEMENT_ALL && p->mesh_bytes_per_s == NULL;
  for (uint32_t l = 0; l < p->n_layers; l++) {
    granules[l] = ceil_div(p->weight_bytes[l], p->granule_bytes);
    only[l] = PLACEMENT_NONE;
    seconds[l] = NAN;
    size_t n_readers = 0;
    for (uint32_t i = p->out_start[l]; i < p->out_start[l + 1]; i++) {
      const struct placement_edge *edge = &p->edges[p->out_edge[i]];
      if (edge->bytes > 0) only[l] = n_readers++ == 0 ? edge->to : PLACEMENT_NONE;
      bytes[l] = max_u64(bytes[l], edge->bytes);
      is_read[l] = is_read[l] || edge->bytes > 0 || edge->transfer_s > 0;
      if (isnan(edge->transfer_s)) continue;
      p->plain = false;
      seconds[l] = fmax(seconds[l], edge->transfer_s);
    }
  }
  for (size_t d = 0; d < p->n_devices; d++) {
    room[d] = placement_pin_granules(p, d);
    if (p->devices[d].link_latency_s > 0) p->plain = false;
  }
  p->weight_granules = granules, p->pin_granules = room, p->only_reader = only, p->is_read = is_read;
  p->read_bytes = bytes, p->read_s = seconds;
}

bool placement_finish_at(struct placement_problem *problem, const struct placement_origin *origin, struct arena *arena,
                         struct error *error) {
  const struct finishing f = {problem, origin, arena, error};
  if (!check_sizes(&f)) return false;
  bool fine = check_devices(&f);
  fine = check_host(&f) && fine;
  fine = check_layers(&f) && fine;
  if (!fine || !check_groups(&f) || !check_hard_memory(&f)) return false;
  fill_rows(&f, true, &problem->in_start, &problem->in_edge, &problem->predecessor);
  fill_rows(&f, false, &problem->out_start, &problem->out_edge, &problem->successor);
  if (!check_twins(&f) || !sort_layers(&f)) return false;
  derive(&f);
  return true;
}

bool placement_finish(struct placement_problem *problem, struct arena *arena, struct error *error) {
  return placement_finish_at(problem, NULL, arena, error);
}
