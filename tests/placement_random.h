/* Random problems of placement under every rule, and random answers to them: chains, joins, pure precedence, groups,
 * links, hosts, tight memory, devices that cannot run a layer. */
#ifndef TESTS_PLACEMENT_RANDOM_H
#define TESTS_PLACEMENT_RANDOM_H

#include "base/rng.h"
#include "search/placement/placement.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct placement_shape {
  size_t n_layers, n_devices;
  enum placement_transfers transfers;
  enum placement_timing timing;
  enum placement_objective objective;
  enum placement_memory memory;
  bool plain;  /* a star without latencies or given times, bytes on edges */
  bool host;   /* the last device is the host */
  bool groups; /* some layers share a device */
  bool energy;
};

static inline struct placement_shape placement_random_shape(struct rng *rng, size_t most_layers, size_t most_devices) {
  return (struct placement_shape){.n_layers = 1 + rng_below(rng, most_layers),
                                  .n_devices = 1 + rng_below(rng, most_devices),
                                  .transfers = rng_below(rng, 2) == 0 ? PLACEMENT_ALL : PLACEMENT_CUT,
                                  .timing = (enum placement_timing)rng_below(rng, 3),
                                  .objective = (enum placement_objective)rng_below(rng, 3),
                                  .memory = (enum placement_memory)rng_below(rng, 3),
                                  .plain = rng_below(rng, 2) == 0,
                                  .host = rng_below(rng, 4) == 0,
                                  .groups = rng_below(rng, 4) == 0,
                                  .energy = rng_below(rng, 3) == 0};
}

static inline void placement_random_edges(struct rng *rng, const struct placement_shape *shape, struct arena *arena,
                                          struct placement_problem *problem) {
  struct placement_edge *edges = ARENA_NEW(arena, struct placement_edge, 3 * shape->n_layers);
  uint64_t *input = ARENA_NEW(arena, uint64_t, shape->n_layers);
  size_t n = 0;
  for (uint32_t l = 1; l < shape->n_layers; l++) {
    const size_t degree = rng_below(rng, 10) < 7 ? 1 : rng_below(rng, 4);
    uint32_t used[4];
    for (size_t i = 0; i < degree; i++) {
      uint32_t from = (uint32_t)(l - 1 - rng_below(rng, l < 4 || i > 0 ? l : 4));
      for (size_t k = 0; k < i; k++) from = used[k] == from ? PLACEMENT_NONE : from;
      used[i] = from;
      if (from == PLACEMENT_NONE) continue;
      const uint64_t bytes = rng_below(rng, 6) == 0 ? 0 : 1 + rng_below(rng, 1000);
      const bool timed = !shape->plain && rng_below(rng, 4) == 0;
      edges[n++] = (struct placement_edge){from, l, bytes, timed ? 3 * rng_unit(rng) : NAN};
      input[l] += bytes;
    }
  }
  for (size_t l = 0; l < shape->n_layers; l++) {
    if (input[l] == 0 || rng_below(rng, 3) == 0) input[l] += rng_below(rng, 300);
    if (rng_below(rng, 12) == 0) input[l] /= 2; /* a stride that skips */
  }
  problem->edges = edges, problem->n_edges = n, problem->input_bytes = input;
}

static inline void placement_random_devices(struct rng *rng, const struct placement_shape *shape, struct arena *arena,
                                            struct placement_problem *problem) {
  const size_t n = shape->n_devices;
  struct placement_device *devices = ARENA_NEW(arena, struct placement_device, n);
  double *mesh = ARENA_NEW(arena, double, n *n), *latency = ARENA_NEW(arena, double, n *n);
  for (size_t d = 0; d < n; d++) {
    char *name = arena_printf(arena, "d%zu", d);
    devices[d] = (struct placement_device){.name = name,
                                           .class_name = name,
                                           .host = shape->host && n > 1 && d == n - 1,
                                           .dram_bytes = rng_below(rng, 5) == 0 ? UINT64_MAX : rng_below(rng, 9000),
                                           .pin_share = rng_unit(rng),
                                           .link_bytes_per_s = 20 + 400 * rng_unit(rng),
                                           .link_latency_s = shape->plain ? 0 : rng_unit(rng),
                                           .active_w = 10 * rng_unit(rng),
                                           .idle_w = rng_unit(rng)};
    for (size_t other = 0; other < n; other++) {
      if (other == d || rng_below(rng, 3) > 0) continue;
      mesh[d * n + other] = 50 + 900 * rng_unit(rng);
      latency[d * n + other] = rng_below(rng, 2) == 0 ? rng_unit(rng) : 0;
    }
  }
  if (shape->memory == PLACEMENT_HARD) devices[0].dram_bytes = 1 << 24;
  problem->devices = devices, problem->n_devices = n;
  if (shape->plain || rng_below(rng, 2) == 0) return;
  problem->mesh_bytes_per_s = mesh, problem->mesh_latency_s = latency;
}

static inline void placement_random_costs(struct rng *rng, const struct placement_shape *shape, struct arena *arena,
                                          struct placement_problem *problem) {
  const size_t n = shape->n_layers, n_devices = shape->n_devices;
  double *compute_s = ARENA_NEW(arena, double, n *n_devices), *energy_j = ARENA_NEW(arena, double, n *n_devices);
  for (size_t i = 0; i < n * n_devices; i++) {
    const bool can = i % n_devices == 0 || rng_below(rng, 4) > 0;
    compute_s[i] = can ? 0.1 + 5 * rng_unit(rng) : NAN;
    energy_j[i] = 20 * rng_unit(rng);
  }
  problem->compute_s = compute_s;
  problem->energy_j = shape->energy ? energy_j : NULL;
}

static inline bool placement_random_problem(struct rng *rng, const struct placement_shape *shape, struct arena *arena,
                                            struct placement_problem *problem, struct error *error) {
  static const char *const kinds[] = {"conv", "lstm", "fc"};
  const size_t n = shape->n_layers;
  const char **names = ARENA_NEW(arena, const char *, n);
  uint32_t *kind = ARENA_NEW(arena, uint32_t, n), *group = ARENA_NEW(arena, uint32_t, n);
  uint64_t *weight = ARENA_NEW(arena, uint64_t, n), *output = ARENA_NEW(arena, uint64_t, n);
  for (size_t l = 0; l < n; l++) {
    names[l] = arena_printf(arena, "l%zu", l);
    kind[l] = (uint32_t)(l == 0 ? 0 : rng_below(rng, 3));
    group[l] = rng_below(rng, 3) == 0 ? (uint32_t)rng_below(rng, 2) : PLACEMENT_NONE;
    weight[l] = rng_below(rng, 8) == 0 ? 0 : rng_below(rng, 2000);
    output[l] = rng_below(rng, 10) == 0 ? 0 : rng_below(rng, 900);
  }
  *problem = (struct placement_problem){.name = "random",
                                        .transfers = shape->transfers,
                                        .timing = shape->timing,
                                        .objective = shape->objective,
                                        .memory = shape->memory,
                                        .granule_bytes = 1 + rng_below(rng, 40),
                                        .n_layers = n,
                                        .n_kinds = 3,
                                        .n_groups = shape->groups ? 2 : 0,
                                        .layer_names = names,
                                        .kinds = kinds,
                                        .kind = kind,
                                        .weight_bytes = weight,
                                        .output_bytes = output,
                                        .group = shape->groups ? group : NULL,
                                        .contiguous = rng_below(rng, 8) == 0,
                                        .adjacent_residency = rng_below(rng, 4) == 0};
  problem->host.out_bytes_per_s = rng_below(rng, 2) == 0 ? INFINITY : 30 + 600 * rng_unit(rng);
  problem->host.in_bytes_per_s = rng_below(rng, 2) == 0 ? INFINITY : 30 + 600 * rng_unit(rng);
  problem->host.transfer_j_per_byte = rng_below(rng, 2) == 0 ? 0 : 0.01 * rng_unit(rng);
  problem->host.prefetch_layers = rng_below(rng, 4);
  problem->host.half_duplex = rng_below(rng, 3) == 0;
  placement_random_edges(rng, shape, arena, problem);
  placement_random_devices(rng, shape, arena, problem);
  placement_random_costs(rng, shape, arena, problem);
  return placement_finish(problem, arena, error);
}

/* Layers in a random order that respects edges, each on a device that can run it; pins at random (true: no more than
 * step 2 would, so that they fit). */
static inline void placement_random_answer(struct rng *rng, const struct placement_problem *problem, bool fitting,
                                           struct arena *arena, struct placement_answer *answer) {
  const size_t n = problem->n_layers;
  uint32_t *ready = ARENA_NEW(arena, uint32_t, n), *waits = ARENA_NEW(arena, uint32_t, n), *order;
  uint32_t *device = ARENA_NEW(arena, uint32_t, n), home[2];
  order = ARENA_NEW(arena, uint32_t, n);
  size_t n_ready = 0, n_order = 0;
  *answer = placement_answer_new(problem, arena);
  for (size_t g = 0; g < 2; g++) home[g] = (uint32_t)(rng_below(rng, 2) == 0 ? 0 : rng_below(rng, problem->n_devices));
  for (uint32_t l = 0; l < n; l++) {
    waits[l] = problem->in_start[l + 1] - problem->in_start[l];
    if (waits[l] == 0) ready[n_ready++] = l;
    const uint32_t g = problem->group != NULL ? problem->group[l] : PLACEMENT_NONE;
    do {
      device[l] = (uint32_t)rng_below(rng, problem->n_devices);
      if (g != PLACEMENT_NONE) device[l] = placement_can_run(problem, l, home[g]) ? home[g] : 0;
    } while (!placement_can_run(problem, l, device[l]));
    answer->start[device[l] + 1]++;
  }
  for (size_t d = 0; d < problem->n_devices; d++) answer->start[d + 1] += answer->start[d];
  while (n_ready > 0) {
    const size_t at = rng_below(rng, 2) == 0 ? n_ready - 1 : rng_below(rng, n_ready);
    const uint32_t l = order[n_order++] = ready[at];
    ready[at] = ready[--n_ready];
    for (uint32_t i = problem->out_start[l]; i < problem->out_start[l + 1]; i++) {
      if (--waits[problem->successor[i]] == 0) ready[n_ready++] = problem->successor[i];
    }
  }
  uint32_t *fill = ARENA_NEW(arena, uint32_t, problem->n_devices);
  memcpy(fill, answer->start, problem->n_devices * sizeof *fill);
  for (size_t i = 0; i < n; i++) answer->layer[fill[device[order[i]]]++] = order[i];
  if (fitting) placement_pin(problem, arena, answer);
  for (size_t l = 0; l < n; l++) answer->pinned[l] = rng_below(rng, 3) > 0 && (!fitting || answer->pinned[l]);
}

#endif
