/* Step 1 of H2H: where does each layer end first, if nothing stays anywhere? (placement §4.)
 *
 * Layers that could start are placed kind by kind: every choice of as many layers as there are devices, and every
 * assignment of them, is tried, and the first one with the least end of all devices is kept. What cannot become the
 * least any more is not followed to its end: ends only grow. Where there are more than max_trials, and where a choice
 * binds others (groups, hard memory, pieces of a chain), layers are placed one at a time. */
#include "search/placement/h2h.h"

#include "base/checked.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct placing {
  struct placement_build *build;
  uint64_t max_trials;
  double *free_s; /* [n_devices] */
  double *end_s;  /* [n_layers] */
  uint32_t *order, n_placed;
};

/* --- what one layer takes -------------------------------------------------------------------------------------------
 */

static double latencies_s(const struct placement_problem *problem, size_t layer, size_t device, uint64_t weight_bytes) {
  const int n = (weight_bytes > 0) + (problem->input_bytes[layer] > 0) + (problem->output_bytes[layer] > 0);
  return problem->devices[device].link_latency_s * n;
}

/* Everything crosses, as if there were no neighbours. */
static double duration_s(const struct placement_problem *problem, size_t layer, size_t device) {
  const double compute_s = problem->compute_s[placement_at(problem, layer, device)];
  if (problem->timing == PLACEMENT_DELAY || problem->devices[device].host) return compute_s;
  const uint64_t weight_bytes = problem->memory == PLACEMENT_PIN ? problem->weight_bytes[layer] : 0;
  const double rate = problem->devices[device].link_bytes_per_s;
  if (problem->transfers == PLACEMENT_ALL) {
    const uint64_t bytes = weight_bytes + problem->input_bytes[layer] + problem->output_bytes[layer];
    return compute_s + ((double)bytes / rate + latencies_s(problem, layer, device, weight_bytes));
  }
  double transfer_s = (double)weight_bytes / rate;
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    const struct placement_edge *edge = &problem->edges[problem->in_edge[i]];
    transfer_s += isnan(edge->transfer_s) ? (double)edge->bytes / rate : edge->transfer_s;
  }
  const double write_s = problem->read_s[layer];
  return compute_s + transfer_s + (isnan(write_s) ? (double)problem->read_bytes[layer] / rate : write_s);
}

static double ready_s(const struct placing *p, size_t layer, uint32_t device) {
  const struct placement_problem *problem = p->build->problem;
  double time_s = 0;
  for (uint32_t i = problem->in_start[layer]; i < problem->in_start[layer + 1]; i++) {
    const uint32_t from = problem->predecessor[i];
    double arrives_s = p->end_s[from];
    if (problem->timing == PLACEMENT_DELAY && p->build->device[from] != device) {
      const struct placement_edge *edge = &problem->edges[problem->in_edge[i]];
      const double rate = problem->devices[device].link_bytes_per_s;
      arrives_s += isnan(edge->transfer_s) ? 2 * (double)edge->bytes / rate : edge->transfer_s;
    }
    time_s = fmax(time_s, arrives_s);
  }
  return time_s;
}

static void commit(struct placing *p, uint32_t layer, uint32_t device, double end_s) {
  p->free_s[device] = p->end_s[layer] = end_s;
  p->order[p->n_placed++] = layer;
  placement_build_place(p->build, layer, device);
}

static bool place_one(struct placing *p, uint32_t layer) {
  uint32_t best = PLACEMENT_NONE;
  double best_s = INFINITY;
  for (uint32_t d = 0; d < p->build->problem->n_devices; d++) {
    if (!placement_build_allows(p->build, layer, d)) continue;
    const double end_s = fmax(p->free_s[d], ready_s(p, layer, d)) + duration_s(p->build->problem, layer, d);
    if (end_s < best_s) best = d, best_s = end_s;
  }
  if (best == PLACEMENT_NONE) return false;
  commit(p, layer, best, best_s);
  return true;
}

/* --- all assignments ------------------------------------------------------------------------------------------------
 */

enum { MOST_DEPTH = 64 };

struct trials {
  size_t n_front, n_devices, depth;
  const uint32_t *front, *devices;    /* layers, devices that run the kind */
  const double *ready_s, *duration_s; /* [n_front * n_devices]; duration NAN: not there */
  double free_s[MOST_DEPTH];
  size_t pick[MOST_DEPTH], choice[MOST_DEPTH]; /* the front's layers, and their devices */
  double end_s[MOST_DEPTH];
  double best_s;
  size_t best_pick[MOST_DEPTH], best_choice[MOST_DEPTH];
  double best_end_s[MOST_DEPTH];
};

static void try_from(struct trials *t, size_t depth, double most_s) {
  if (depth == t->depth) {
    t->best_s = most_s;
    memcpy(t->best_pick, t->pick, depth * sizeof *t->pick);
    memcpy(t->best_choice, t->choice, depth * sizeof *t->choice);
    memcpy(t->best_end_s, t->end_s, depth * sizeof *t->end_s);
    return;
  }
  for (size_t a = 0; a < t->n_devices; a++) {
    const size_t at = t->pick[depth] * t->n_devices + a;
    const double before_s = t->free_s[a];
    const double end_s = fmax(before_s, t->ready_s[at]) + t->duration_s[at];
    if (!(fmax(most_s, end_s) < t->best_s) || isnan(end_s)) continue;
    t->choice[depth] = a;
    t->end_s[depth] = t->free_s[a] = end_s;
    try_from(t, depth + 1, fmax(most_s, end_s));
    t->free_s[a] = before_s;
  }
}

static bool next_pick(struct trials *t) {
  size_t i = t->depth;
  while (i > 0 && t->pick[i - 1] == t->n_front - t->depth + i - 1) i--;
  if (i == 0) return false;
  t->pick[i - 1]++;
  for (; i < t->depth; i++) t->pick[i] = t->pick[i - 1] + 1;
  return true;
}

/* How many there are: choices of layers times assignments. */
static uint64_t count_trials(size_t n_front, size_t n_devices, size_t depth) {
  uint64_t n = 1;
  for (size_t i = 0; i < depth; i++) {
    n = sat_mul(n, n_front - i);
    if (n == UINT64_MAX) return n;
    n /= i + 1;
  }
  for (size_t i = 0; i < depth; i++) n = sat_mul(n, n_devices);
  return n;
}

static void try_all(struct placing *p, struct trials *t) {
  const struct placement_problem *problem = p->build->problem;
  double *ready = ARENA_NEW(p->build->scratch, double, t->n_front * t->n_devices);
  double *duration = ARENA_NEW(p->build->scratch, double, t->n_front * t->n_devices), most_s = 0;
  for (size_t i = 0; i < t->n_front; i++) {
    for (size_t a = 0; a < t->n_devices; a++) {
      const bool can = placement_build_can(p->build, t->front[i], t->devices[a]);
      ready[i * t->n_devices + a] = can ? ready_s(p, t->front[i], t->devices[a]) : 0;
      duration[i * t->n_devices + a] = can ? duration_s(problem, t->front[i], t->devices[a]) : NAN;
    }
  }
  t->ready_s = ready, t->duration_s = duration;
  for (size_t a = 0; a < t->n_devices; a++) t->free_s[a] = p->free_s[t->devices[a]];
  for (size_t d = 0; d < problem->n_devices; d++) most_s = fmax(most_s, p->free_s[d]);
  for (size_t i = 0; i < t->depth; i++) t->pick[i] = i;
  t->best_s = INFINITY;
  do try_from(t, 0, most_s);
  while (t->best_s > most_s && next_pick(t)); /* nothing ends before what stands there already */
  for (size_t i = 0; i < t->depth; i++) {
    commit(p, t->front[t->best_pick[i]], t->devices[t->best_choice[i]], t->best_end_s[i]);
  }
}

static bool place_kind(struct placing *p, const uint32_t *front, size_t n_front, const uint32_t *devices,
                       size_t n_devices) {
  const size_t depth = n_front < n_devices ? n_front : n_devices;
  if (p->build->constrained || depth > MOST_DEPTH || n_devices > MOST_DEPTH ||
      count_trials(n_front, n_devices, depth) > p->max_trials) {
    for (size_t i = 0; i < n_front; i++) {
      if (!place_one(p, front[i])) return false;
    }
    return true;
  }
  const struct arena_mark mark = arena_get_mark(p->build->scratch);
  struct trials *t = ARENA_NEW(p->build->scratch, struct trials, 1);
  t->n_front = n_front, t->front = front;
  t->n_devices = n_devices, t->devices = devices;
  t->depth = depth;
  try_all(p, t);
  arena_rewind(p->build->scratch, mark);
  return true;
}

/* --- kinds ----------------------------------------------------------------------------------------------------------
 */

struct kinds {
  uint32_t *turn;    /* [n_kinds] kinds in the order of their turns */
  uint32_t *start;   /* [n_kinds + 1] into device, by kind */
  uint32_t *devices; /* those that run some layer of a kind */
};

static struct kinds sort_kinds(const struct placement_problem *problem, struct arena *scratch) {
  static const char *const first[] = {"conv", "lstm", "fc"};
  enum { N_FIRST = sizeof first / sizeof *first };
  const size_t n = problem->n_kinds, n_devices = problem->n_devices;
  struct kinds kinds = {ARENA_NEW(scratch, uint32_t, n), ARENA_NEW(scratch, uint32_t, n + 1),
                        ARENA_NEW(scratch, uint32_t, n * n_devices)};
  size_t n_turns = 0;
  for (size_t rank = 0; rank <= N_FIRST; rank++) {
    for (uint32_t k = 0; k < n; k++) {
      size_t its = 0;
      while (its < N_FIRST && strcmp(problem->kinds[k], first[its]) != 0) its++;
      if (its == rank) kinds.turn[n_turns++] = k;
    }
  }
  bool *runs = ARENA_NEW(scratch, bool, n *n_devices);
  for (size_t l = 0; l < problem->n_layers; l++) {
    for (size_t d = 0; d < n_devices; d++) runs[problem->kind[l] * n_devices + d] |= placement_can_run(problem, l, d);
  }
  for (size_t k = 0, at = 0; k < n; k++) {
    for (uint32_t d = 0; d < n_devices; d++) {
      if (runs[k * n_devices + d]) kinds.devices[at++] = d;
    }
    kinds.start[k + 1] = (uint32_t)at;
  }
  return kinds;
}

/* Layers whose predecessors are placed, in the file's order. */
struct front {
  uint32_t *layer, n;
  uint32_t *waits_for; /* [n_layers] */
};

static int by_number(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Takes out what has been placed since `from`, and lets in what waited for it. */
static void advance(const struct placing *p, struct front *front, uint32_t from) {
  const struct placement_problem *problem = p->build->problem;
  uint32_t n = 0;
  for (uint32_t i = 0; i < front->n; i++) {
    if (p->build->device[front->layer[i]] == PLACEMENT_NONE) front->layer[n++] = front->layer[i];
  }
  for (uint32_t i = from; i < p->n_placed; i++) {
    for (uint32_t j = problem->out_start[p->order[i]]; j < problem->out_start[p->order[i] + 1]; j++) {
      if (--front->waits_for[problem->successor[j]] == 0) front->layer[n++] = problem->successor[j];
    }
  }
  qsort(front->layer, n, sizeof *front->layer, by_number);
  front->n = n;
}

static struct front front_new(const struct placement_problem *problem, struct arena *scratch) {
  struct front front = {ARENA_NEW(scratch, uint32_t, problem->n_layers), 0,
                        ARENA_NEW(scratch, uint32_t, problem->n_layers)};
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    front.waits_for[l] = problem->in_start[l + 1] - problem->in_start[l];
    if (front.waits_for[l] == 0) front.layer[front.n++] = l;
  }
  return front;
}

bool h2h_place(struct placement_build *build, uint64_t max_trials, uint32_t *order) {
  const struct placement_problem *problem = build->problem;
  const struct arena_mark mark = arena_get_mark(build->scratch);
  struct placing p = {.build = build,
                      .max_trials = max_trials,
                      .free_s = ARENA_NEW(build->scratch, double, problem->n_devices),
                      .end_s = ARENA_NEW(build->scratch, double, problem->n_layers),
                      .order = order};
  const struct kinds kinds = sort_kinds(problem, build->scratch);
  struct front front = front_new(problem, build->scratch);
  uint32_t *its = ARENA_NEW(build->scratch, uint32_t, problem->n_layers);
  placement_build_reset(build);
  bool fine = true;
  while (fine && p.n_placed < problem->n_layers) {
    const uint32_t before = p.n_placed;
    for (size_t i = 0; fine && i < problem->n_kinds; i++) {
      const uint32_t k = kinds.turn[i];
      size_t n = 0;
      for (uint32_t j = 0; j < front.n; j++) {
        if (problem->kind[front.layer[j]] == k) its[n++] = front.layer[j];
      }
      if (n == 0) continue;
      fine = place_kind(&p, its, n, kinds.devices + kinds.start[k], kinds.start[k + 1] - kinds.start[k]);
    }
    advance(&p, &front, before);
  }
  arena_rewind(build->scratch, mark);
  return fine;
}
