/* Answers put together layer by layer. See placement_build.h; the answer of last resort is in placement_fill.c. */
#include "search/placement/placement_build.h"

#include "base/checked.h"
#include <string.h>

/* --- what binds -----------------------------------------------------------------------------------------------------
 */

static uint32_t group_of(const struct placement_problem *problem, size_t layer) {
  return problem->group != NULL ? problem->group[layer] : PLACEMENT_NONE;
}

/* A former place counts while the layer can run there, its weights fit beside those before, and its group agrees. */
static void hold(struct placement_build *build, const struct placement_request *request, uint32_t *must, bool *held) {
  const struct placement_problem *problem = build->problem;
  uint64_t *granules = ARENA_NEW(request->arena, uint64_t, problem->n_layers);
  uint64_t *room = ARENA_NEW(request->arena, uint64_t, problem->n_devices);
  uint32_t *home = ARENA_NEW(request->arena, uint32_t, problem->n_groups);
  memcpy(granules, problem->weight_granules, problem->n_layers * sizeof *granules);
  memcpy(room, problem->pin_granules, problem->n_devices * sizeof *room);
  for (size_t g = 0; g < problem->n_groups; g++) home[g] = PLACEMENT_NONE;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    const uint32_t d = request->held != NULL ? request->held[l] : PLACEMENT_NONE, g = group_of(problem, l);
    must[l] = PLACEMENT_NONE;
    if (d >= problem->n_devices || problem->memory != PLACEMENT_PIN || granules[l] == 0 || granules[l] > room[d]) {
      continue;
    }
    if (!placement_build_can(build, l, d) || (g != PLACEMENT_NONE && home[g] != PLACEMENT_NONE && home[g] != d))
      continue;
    if (g != PLACEMENT_NONE) home[g] = d;
    must[l] = d;
    held[l] = true;
    if (room[d] != UINT64_MAX) room[d] -= granules[l];
    granules[l] = 0;
  }
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    if (group_of(problem, l) != PLACEMENT_NONE) must[l] = home[group_of(problem, l)];
  }
  build->pinning = *problem;
  build->pinning.weight_granules = granules;
  build->pinning.pin_granules = room;
}

/* A group can run where all of its layers can. */
static void unite_groups(const struct placement_problem *problem, struct arena *arena, bool *can) {
  const size_t n = problem->n_devices;
  bool *all = ARENA_NEW(arena, bool, problem->n_groups *n);
  memset(all, true, problem->n_groups * n);
  for (int pass = 0; pass < 2; pass++) {
    for (size_t l = 0; l < problem->n_layers; l++) {
      const uint32_t g = group_of(problem, l);
      if (g == PLACEMENT_NONE) continue;
      for (size_t d = 0; d < n; d++) {
        if (pass == 0) all[g * n + d] &= can[l * n + d];
        if (pass == 1) can[l * n + d] = all[g * n + d];
      }
    }
  }
}

static const uint64_t *weigh_units(const struct placement_problem *problem, struct arena *arena) {
  uint64_t *bytes = ARENA_NEW(arena, uint64_t, problem->n_layers), *sum = ARENA_NEW(arena, uint64_t, problem->n_groups);
  memcpy(bytes, problem->weight_bytes, problem->n_layers * sizeof *bytes);
  for (size_t l = 0; l < problem->n_layers; l++) {
    const uint32_t g = group_of(problem, l);
    if (g != PLACEMENT_NONE) sum[g] = sat_add(sum[g], bytes[l]);
  }
  for (size_t l = 0; l < problem->n_layers; l++) {
    if (group_of(problem, l) != PLACEMENT_NONE) bytes[l] = sum[group_of(problem, l)];
  }
  return bytes;
}

/* --- pieces ---------------------------------------------------------------------------------------------------------
 * Layers of one group, and all between them, belong to one piece: strongly connected parts of the graph with a ring of
 * edges through each group (Tarjan 1972, without recursion). Parts come out last first. */

struct tarjan {
  const struct placement_problem *problem;
  const uint32_t *ring; /* [n_layers] the next of its group */
  uint32_t *low, *number, *at, *stack, *path, *layers;
  bool *on_stack;
  uint32_t n_numbered, n_stack, n_path, n_layers;
};

/* Successors of `layer` as numbers 0 …: edges, then the ring. */
static uint32_t follower(const struct tarjan *t, uint32_t layer, uint32_t i) {
  const uint32_t first = t->problem->out_start[layer], n = t->problem->out_start[layer + 1] - first;
  return i < n ? t->problem->successor[first + i] : i == n ? t->ring[layer] : PLACEMENT_NONE;
}

static void enter(struct tarjan *t, uint32_t layer) {
  t->low[layer] = t->number[layer] = ++t->n_numbered;
  t->stack[t->n_stack++] = layer;
  t->on_stack[layer] = true;
  t->path[t->n_path++] = layer;
}

/* All parts that can be reached from `root`; how many there are then. */
static size_t walk(struct tarjan *t, uint32_t root, uint32_t *start, size_t n_parts) {
  for (enter(t, root); t->n_path > 0;) {
    const uint32_t l = t->path[t->n_path - 1], next = follower(t, l, t->at[l]++);
    if (next != PLACEMENT_NONE) {
      if (t->number[next] == 0) {
        enter(t, next);
      } else if (t->on_stack[next] && t->number[next] < t->low[l]) {
        t->low[l] = t->number[next];
      }
      continue;
    }
    t->n_path--;
    if (t->n_path > 0 && t->low[l] < t->low[t->path[t->n_path - 1]]) t->low[t->path[t->n_path - 1]] = t->low[l];
    if (t->low[l] != t->number[l]) continue;
    for (uint32_t member = PLACEMENT_NONE; member != l;) {
      member = t->stack[--t->n_stack];
      t->on_stack[member] = false;
      t->layers[t->n_layers++] = member;
    }
    start[++n_parts] = t->n_layers;
  }
  return n_parts;
}

static const uint32_t *ring_of(const struct placement_problem *problem, struct arena *arena) {
  uint32_t *ring = ARENA_NEW(arena, uint32_t, problem->n_layers);
  uint32_t *first = ARENA_NEW(arena, uint32_t, problem->n_groups); /* + 1 */
  for (uint32_t l = (uint32_t)problem->n_layers; l-- > 0;) {
    const uint32_t g = group_of(problem, l);
    ring[l] = PLACEMENT_NONE;
    if (g == PLACEMENT_NONE) continue;
    if (first[g] != 0) ring[l] = first[g] - 1;
    first[g] = l + 1;
  }
  uint32_t *last = ARENA_NEW(arena, uint32_t, problem->n_groups);
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    if (group_of(problem, l) != PLACEMENT_NONE) last[group_of(problem, l)] = l;
  }
  for (size_t g = 0; g < problem->n_groups; g++) {
    if (first[g] != 0 && last[g] != first[g] - 1) ring[last[g]] = first[g] - 1;
  }
  return ring;
}

static void cut_pieces(struct placement_build *build, struct arena *arena) {
  const size_t n = build->problem->n_layers;
  struct tarjan t = {.problem = build->problem,
                     .ring = ring_of(build->problem, arena),
                     .low = ARENA_NEW(arena, uint32_t, n),
                     .number = ARENA_NEW(arena, uint32_t, n),
                     .at = ARENA_NEW(arena, uint32_t, n),
                     .stack = ARENA_NEW(arena, uint32_t, n),
                     .path = ARENA_NEW(arena, uint32_t, n),
                     .layers = ARENA_NEW(arena, uint32_t, n),
                     .on_stack = ARENA_NEW(arena, bool, n)};
  uint32_t *ends = ARENA_NEW(arena, uint32_t, n + 1), *start = ARENA_NEW(arena, uint32_t, n + 1);
  uint32_t *layers = ARENA_NEW(arena, uint32_t, n);
  size_t n_parts = 0;
  for (size_t i = n; i-- > 0;) { /* the last first, so that the chain follows the topological order where it may */
    if (t.number[build->problem->topological[i]] == 0) {
      n_parts = walk(&t, build->problem->topological[i], ends, n_parts);
    }
  }
  for (size_t i = 0, at = 0; i < n_parts; i++) {
    const size_t part = n_parts - 1 - i;
    for (uint32_t j = ends[part]; j < ends[part + 1]; j++) layers[at++] = t.layers[j];
    start[i + 1] = (uint32_t)at;
  }
  build->n_pieces = n_parts;
  build->piece_start = start;
  build->piece_layer = layers;
}

/* --- the state ------------------------------------------------------------------------------------------------------
 */

void placement_build_init(struct placement_build *build, const struct placement_request *request) {
  const struct placement_problem *problem = request->problem;
  const size_t n = problem->n_layers, n_devices = problem->n_devices;
  struct arena *arena = request->arena;
  *build = (struct placement_build){.problem = problem, .scratch = request->scratch};
  build->constrained = problem->group != NULL || problem->memory == PLACEMENT_HARD || problem->contiguous;
  bool *can = ARENA_NEW(arena, bool, n *n_devices), *held = ARENA_NEW(arena, bool, n);
  uint32_t *must = ARENA_NEW(arena, uint32_t, n);
  for (size_t l = 0; l < n; l++) {
    for (size_t d = 0; d < n_devices; d++) can[l * n_devices + d] = placement_can_run(problem, l, d);
  }
  if (problem->group != NULL) unite_groups(problem, arena, can);
  build->can = can, build->must = must, build->held = held;
  hold(build, request, must, held);
  for (size_t l = 0; l < n; l++) {
    for (size_t d = 0; d < n_devices; d++) {
      can[l * n_devices + d] &= must[l] == PLACEMENT_NONE || must[l] == d;
    }
  }
  build->unit_bytes = weigh_units(problem, arena);
  build->device = ARENA_NEW(arena, uint32_t, n);
  build->home = ARENA_NEW(arena, uint32_t, problem->n_groups);
  build->room_bytes = ARENA_NEW(arena, uint64_t, n_devices);
  if (problem->contiguous) {
    build->reaches = ARENA_NEW(arena, bool, n_devices *n_devices);
    cut_pieces(build, arena);
  }
  placement_build_reset(build);
}

void placement_build_reset(struct placement_build *build) {
  const struct placement_problem *problem = build->problem;
  const size_t n = problem->n_devices;
  for (size_t l = 0; l < problem->n_layers; l++) build->device[l] = PLACEMENT_NONE;
  for (size_t g = 0; g < problem->n_groups; g++) build->home[g] = PLACEMENT_NONE;
  for (size_t d = 0; d < n; d++) {
    const struct placement_device *device = &problem->devices[d];
    build->room_bytes[d] = problem->memory != PLACEMENT_HARD || device->host ? UINT64_MAX : device->dram_bytes;
  }
  if (problem->contiguous) memset(build->reaches, false, n * n * sizeof *build->reaches);
}

bool placement_build_allows(const struct placement_build *build, uint32_t layer, uint32_t device) {
  if (!placement_build_can(build, layer, device)) return false;
  if (!build->constrained) return true;
  const struct placement_problem *problem = build->problem;
  const uint32_t g = group_of(problem, layer);
  const bool settled = g != PLACEMENT_NONE && build->home[g] != PLACEMENT_NONE;
  if (settled ? build->home[g] != device : build->unit_bytes[layer] > build->room_bytes[device]) return false;
  if (!problem->contiguous) return true;
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    const uint32_t from = build->device[problem->predecessor[i]];
    if (from != PLACEMENT_NONE && from != device && build->reaches[device * problem->n_devices + from]) return false;
  }
  for (uint32_t i = problem->out_start[layer]; i < problem->out_start[layer + 1]; i++) {
    const uint32_t to = build->device[problem->successor[i]];
    if (to != PLACEMENT_NONE && to != device && build->reaches[to * problem->n_devices + device]) return false;
  }
  return true;
}

static void join(struct placement_build *build, uint32_t from, uint32_t to) {
  const size_t n = build->problem->n_devices;
  if (from == to || from == PLACEMENT_NONE || to == PLACEMENT_NONE || build->reaches[from * n + to]) return;
  for (size_t a = 0; a < n; a++) {
    if ((a != from && !build->reaches[a * n + from]) || build->reaches[a * n + to]) continue;
    for (size_t b = 0; b < n; b++) build->reaches[a * n + b] |= b == to || build->reaches[to * n + b];
  }
}

void placement_build_place(struct placement_build *build, uint32_t layer, uint32_t device) {
  const struct placement_problem *problem = build->problem;
  const uint32_t g = group_of(problem, layer);
  if (build->room_bytes[device] != UINT64_MAX && (g == PLACEMENT_NONE || build->home[g] == PLACEMENT_NONE)) {
    build->room_bytes[device] -= build->unit_bytes[layer];
  }
  build->device[layer] = device;
  if (g != PLACEMENT_NONE) build->home[g] = device;
  if (!problem->contiguous) return;
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    join(build, build->device[problem->predecessor[i]], device);
  }
  for (uint32_t i = problem->out_start[layer]; i < problem->out_start[layer + 1]; i++) {
    join(build, device, build->device[problem->successor[i]]);
  }
}

/* --- answers --------------------------------------------------------------------------------------------------------
 */

void placement_build_answer(const struct placement_build *build, const uint32_t *order,
                            struct placement_answer *answer) {
  const struct placement_problem *problem = build->problem;
  const struct arena_mark mark = arena_get_mark(build->scratch);
  uint32_t *fill = ARENA_NEW(build->scratch, uint32_t, problem->n_devices + 1);
  for (size_t l = 0; l < problem->n_layers; l++) fill[build->device[l] + 1]++;
  for (size_t d = 0; d < problem->n_devices; d++) fill[d + 1] += fill[d];
  memcpy(answer->start, fill, (problem->n_devices + 1) * sizeof *fill);
  for (size_t i = 0; i < problem->n_layers; i++) answer->layer[fill[build->device[order[i]]]++] = order[i];
  arena_rewind(build->scratch, mark);
  placement_build_pin(build, answer);
}

void placement_build_pin_device(const struct placement_build *build, uint32_t device, struct placement_answer *answer) {
  struct placement_problem one = build->pinning; /* as if there were this device alone */
  one.n_devices = 1;
  one.devices += device;
  one.pin_granules += device;
  struct placement_answer its = {answer->start + device, answer->layer, answer->pinned};
  placement_pin(&one, build->scratch, &its);
  for (uint32_t i = answer->start[device]; i < answer->start[device + 1]; i++) {
    if (build->held[answer->layer[i]]) answer->pinned[answer->layer[i]] = true;
  }
}

void placement_build_pin(const struct placement_build *build, struct placement_answer *answer) {
  for (uint32_t d = 0; d < build->problem->n_devices; d++) placement_build_pin_device(build, d, answer);
}

void placement_move_layer(struct placement_answer *answer, uint32_t at, uint32_t from, uint32_t before, uint32_t to) {
  const uint32_t layer = answer->layer[at];
  if (at < before) {
    memmove(answer->layer + at, answer->layer + at + 1, (before - 1 - at) * sizeof *answer->layer);
    answer->layer[before - 1] = layer;
  } else {
    memmove(answer->layer + before + 1, answer->layer + before, (at - before) * sizeof *answer->layer);
    answer->layer[before] = layer;
  }
  for (uint32_t d = from + 1; d <= to; d++) answer->start[d]--;
  for (uint32_t d = to + 1; d <= from; d++) answer->start[d]++;
}

uint32_t placement_find_layer(const struct placement_answer *answer, uint32_t layer, uint32_t device) {
  uint32_t at = answer->start[device];
  while (answer->layer[at] != layer) at++;
  return at;
}

/* --- orders ---------------------------------------------------------------------------------------------------------
 */

static bool is_before(const struct placement_heap *heap, uint32_t a, uint32_t b) {
  if (heap->priority[a] > heap->priority[b]) return true;
  return !(heap->priority[a] < heap->priority[b]) && a < b;
}

void placement_heap_push(struct placement_heap *heap, uint32_t layer) {
  size_t at = heap->n++;
  for (; at > 0 && is_before(heap, layer, heap->layer[(at - 1) / 2]); at = (at - 1) / 2) {
    heap->layer[at] = heap->layer[(at - 1) / 2];
  }
  heap->layer[at] = layer;
}

uint32_t placement_heap_pop(struct placement_heap *heap) {
  const uint32_t first = heap->layer[0], moved = heap->layer[--heap->n];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < heap->n; at = child) {
    if (child + 1 < heap->n && is_before(heap, heap->layer[child + 1], heap->layer[child])) child++;
    if (!is_before(heap, heap->layer[child], moved)) break;
    heap->layer[at] = heap->layer[child];
  }
  heap->layer[at] = moved;
  return first;
}

void placement_sort_by_priority(const struct placement_problem *problem, const double *priority, struct arena *scratch,
                                uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct placement_heap heap = {priority, ARENA_NEW(scratch, uint32_t, problem->n_layers), 0};
  uint32_t *waits_for = ARENA_NEW(scratch, uint32_t, problem->n_layers);
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    waits_for[l] = problem->in_start[l + 1] - problem->in_start[l];
    if (waits_for[l] == 0) placement_heap_push(&heap, l);
  }
  for (size_t n = 0; heap.n > 0; n++) {
    const uint32_t l = order[n] = placement_heap_pop(&heap);
    for (uint32_t i = problem->out_start[l]; i < problem->out_start[l + 1]; i++) {
      if (--waits_for[problem->successor[i]] == 0) placement_heap_push(&heap, problem->successor[i]);
    }
  }
  arena_rewind(scratch, mark);
}
