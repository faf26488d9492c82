/* Small placement problems drawn at random, and their best answers by trying all: what bounds and exact methods are
 * judged by. */
#ifndef TESTS_PLACEMENT_SMALL_H
#define TESTS_PLACEMENT_SMALL_H

#include "base/rng.h"
#include "search/placement/placement.h"
#include <math.h>

enum { SMALL_LAYERS = 8 };
struct small_shape {
  size_t n_layers, n_devices;
  enum placement_timing timing;
  enum placement_objective objective;
  bool plain;  /* a star, all bytes, no given times, no latencies, no groups */
  bool chains; /* every layer has at most one predecessor and one follower */
  bool roomy;  /* all weights may stay */
  bool star;   /* no links between devices */
  bool split;  /* pieces of a chain, tensors cut between them, as in `star` */
};

static inline uint64_t small_bytes(struct rng *rng) { return rng_below(rng, 4) == 0 ? 0 : 1 + rng_below(rng, 500); }

static inline void small_edges(const struct small_shape *shape, struct rng *rng, struct placement_edge *edges,
                               size_t *n_edges) {
  const uint64_t thinness = 1 + rng_below(rng, 3);
  for (uint32_t to = 1; to < shape->n_layers; to++) {
    for (uint32_t from = shape->chains ? to - 1 : 0; from < to; from++) {
      if (rng_below(rng, 2 + thinness) >= 2) continue;
      struct placement_edge *edge = &edges[(*n_edges)++];
      *edge = (struct placement_edge){from, to, small_bytes(rng), NAN};
      if (!shape->plain && rng_below(rng, 4) == 0) edge->transfer_s = 3 * rng_unit(rng);
    }
  }
}

static inline void small_devices(const struct small_shape *shape, struct rng *rng, struct placement_problem *problem,
                                 struct arena *arena) {
  const size_t n = shape->n_devices;
  struct placement_device *devices = ARENA_NEW(arena, struct placement_device, n);
  for (size_t d = 0; d < n; d++) {
    devices[d] = (struct placement_device){.name = arena_printf(arena, "d%zu", d),
                                           .class_name = arena_printf(arena, "d%zu", d),
                                           .dram_bytes = shape->roomy ? UINT64_MAX : 200 + rng_below(rng, 2000),
                                           .pin_share = 0.5,
                                           .link_bytes_per_s = 50 + (double)rng_below(rng, 200),
                                           .active_w = 1 + (double)rng_below(rng, 20),
                                           .idle_w = rng_below(rng, 2) == 0 ? 0 : 0.5};
    if (shape->split && d == 1) devices[d] = devices[0]; /* two that cannot be told apart but by name */
    if (shape->plain) continue;
    devices[d].host = rng_below(rng, 6) == 0;
    devices[d].link_latency_s = rng_below(rng, 3) == 0 ? rng_unit(rng) : 0;
  }
  problem->devices = devices, problem->n_devices = n;
  if (shape->plain || shape->split || shape->star || rng_below(rng, 3) > 0) return;
  double *rate = ARENA_NEW(arena, double, n *n), *latency = ARENA_NEW(arena, double, n *n);
  for (size_t i = 0; i < n * n; i++) {
    if (i % (n + 1) == 0 || rng_below(rng, 2) == 0) continue;
    rate[i] = 50 + (double)rng_below(rng, 400);
    latency[i] = rng_below(rng, 3) == 0 ? rng_unit(rng) : 0;
  }
  problem->mesh_bytes_per_s = rate, problem->mesh_latency_s = latency;
}

static inline void small_layers(const struct small_shape *shape, struct rng *rng, struct placement_problem *problem,
                                struct arena *arena) {
  const size_t n = shape->n_layers;
  uint64_t *weight = ARENA_NEW(arena, uint64_t, n), *input = ARENA_NEW(arena, uint64_t, n);
  uint64_t *output = ARENA_NEW(arena, uint64_t, n);
  uint32_t *kind = ARENA_NEW(arena, uint32_t, n), *group = ARENA_NEW(arena, uint32_t, n);
  double *compute_s = ARENA_NEW(arena, double, n * shape->n_devices), *energy_j = NULL;
  if (rng_below(rng, 3) == 0) energy_j = ARENA_NEW(arena, double, n * shape->n_devices);
  const char **names = ARENA_NEW(arena, const char *, n);
  for (size_t e = 0; e < problem->n_edges; e++) input[problem->edges[e].to] += problem->edges[e].bytes;
  const bool groups = !shape->plain && rng_below(rng, 4) == 0;
  for (size_t l = 0; l < n; l++) {
    names[l] = arena_printf(arena, "l%zu", l);
    weight[l] = small_bytes(rng), output[l] = small_bytes(rng);
    if (rng_below(rng, 2) == 0) input[l] += small_bytes(rng);
    if (rng_below(rng, 6) == 0) input[l] /= 2;
    group[l] = groups && rng_below(rng, 2) == 0 ? 0 : PLACEMENT_NONE;
    const size_t sure = rng_below(rng, shape->n_devices);
    for (size_t d = 0; d < shape->n_devices; d++) {
      const size_t at = l * shape->n_devices + d;
      const bool can = d == sure || groups || rng_below(rng, 5) > 0;
      compute_s[at] = can ? (double)(1 + rng_below(rng, 6)) + rng_unit(rng) : NAN;
      if (shape->split && d == 1) compute_s[at] = compute_s[at - 1]; /* a device like the one before */
      if (energy_j != NULL) energy_j[at] = can ? 10 * rng_unit(rng) : NAN;
    }
  }
  problem->weight_bytes = weight, problem->input_bytes = input, problem->output_bytes = output;
  problem->kind = kind, problem->group = groups ? group : NULL, problem->n_groups = groups;
  problem->compute_s = compute_s, problem->energy_j = energy_j, problem->layer_names = names;
}

/* False: what was drawn is impossible (hard memory). */
static inline bool small_draw(const struct small_shape *shape, struct rng *rng, struct arena *arena,
                              struct placement_problem *problem) {
  static const char *const kinds[] = {"any"};
  *problem = (struct placement_problem){.name = "drawn",
                                        .timing = shape->timing,
                                        .objective = shape->objective,
                                        .granule_bytes = 1 + rng_below(rng, 40),
                                        .n_layers = shape->n_layers,
                                        .n_kinds = 1,
                                        .kinds = kinds};
  if (!shape->plain && rng_below(rng, 2) == 0) problem->transfers = PLACEMENT_CUT;
  if (shape->timing == PLACEMENT_DELAY) problem->transfers = PLACEMENT_CUT;
  if (!shape->plain) problem->memory = (enum placement_memory)rng_below(rng, 3);
  if (shape->split) {
    problem->transfers = PLACEMENT_CUT, problem->contiguous = true;
    problem->memory = rng_below(rng, 2) == 0 ? PLACEMENT_HARD : PLACEMENT_UNLIMITED;
  }
  const bool limited = !shape->split && rng_below(rng, 2) == 0;
  problem->host.out_bytes_per_s = limited ? 100 + (double)rng_below(rng, 200) : INFINITY;
  problem->host.in_bytes_per_s = limited ? 100 + (double)rng_below(rng, 200) : INFINITY;
  problem->host.prefetch_layers = rng_below(rng, 3);
  problem->host.half_duplex = rng_below(rng, 3) == 0;
  problem->host.transfer_j_per_byte = rng_below(rng, 2) == 0 ? 0 : 0.01;
  struct placement_edge *edges = ARENA_NEW(arena, struct placement_edge, shape->n_layers * shape->n_layers);
  small_edges(shape, rng, edges, &problem->n_edges);
  problem->edges = edges;
  small_devices(shape, rng, problem, arena);
  small_layers(shape, rng, problem, arena);
  struct error error = {0};
  return placement_finish(problem, arena, &error);
}

/* --- the best of all answers ----------------------------------------------------------------------------------------
 */

struct small_brute {
  const struct placement_problem *problem;
  struct arena *arena;
  struct placement_answer answer, best;
  double value;
  uint32_t device[SMALL_LAYERS], order[SMALL_LAYERS];
  bool placed[SMALL_LAYERS];
};

static inline void small_try_pins(struct small_brute *brute) {
  const struct placement_problem *p = brute->problem;
  uint32_t at = 0;
  for (uint32_t d = 0; d < p->n_devices; d++) {
    brute->answer.start[d] = at;
    for (size_t k = 0; k < p->n_layers; k++) {
      if (brute->device[brute->order[k]] == d) brute->answer.layer[at++] = brute->order[k];
    }
  }
  brute->answer.start[p->n_devices] = at;
  const unsigned n_pins = p->memory == PLACEMENT_PIN ? 1U << p->n_layers : 1;
  for (unsigned pins = n_pins; pins-- > 0;) {
    for (size_t l = 0; l < p->n_layers; l++) brute->answer.pinned[l] = pins >> l & 1;
    const double value = placement_evaluate(p, &brute->answer, brute->arena, NULL);
    if (!(value < brute->value)) {
      /* All pinned and possible: fewer pins are no better where nothing else needs the room. */
      if (pins + 1 == n_pins && value < INFINITY && p->timing != PLACEMENT_CONTENTION) return;
      continue;
    }
    brute->value = value;
    placement_answer_copy(p, &brute->answer, &brute->best);
    if (pins + 1 == n_pins && p->timing != PLACEMENT_CONTENTION) return;
  }
}

static inline void small_try_orders(struct small_brute *brute, size_t k) {
  const struct placement_problem *p = brute->problem;
  if (k == p->n_layers) {
    small_try_pins(brute);
    return;
  }
  for (uint32_t l = 0; l < p->n_layers; l++) {
    bool ready = !brute->placed[l];
    for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
      ready = ready && brute->placed[p->edges[p->in_edge[i]].from];
    }
    if (!ready) continue;
    brute->placed[l] = true, brute->order[k] = l;
    for (uint32_t d = 0; d < p->n_devices; d++) {
      if (!placement_can_run(p, l, d)) continue;
      /* The same orders of devices come from many orders of all layers: only ascending neighbours on other devices. */
      if (k > 0 && brute->order[k - 1] > l && brute->device[brute->order[k - 1]] != d) {
        bool follows = false;
        for (uint32_t i = p->in_start[l]; i < p->in_start[l + 1]; i++) {
          follows = follows || p->edges[p->in_edge[i]].from == brute->order[k - 1];
        }
        if (!follows) continue;
      }
      brute->device[l] = d;
      small_try_orders(brute, k + 1);
    }
    brute->placed[l] = false;
  }
}

/* INFINITY: there is no answer. */
static inline double small_best(const struct placement_problem *problem, struct arena *arena,
                                struct placement_answer *best) {
  struct small_brute brute = {.problem = problem,
                              .arena = arena,
                              .answer = placement_answer_new(problem, arena),
                              .best = placement_answer_new(problem, arena),
                              .value = INFINITY};
  small_try_orders(&brute, 0);
  *best = brute.best;
  return brute.value;
}

#endif
