/* The worked examples of sharding: the chain T14 and the two layers of a transformer, on boards in groups. */
#ifndef TESTS_SHARDING_MADE_H
#define TESTS_SHARDING_MADE_H

#include "base/error.h"
#include "search/sharding/sharding.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Designs of sharding §4: near-equal numbers of multipliers, none best everywhere. */
static const struct sharding_design made_designs[] = {
    {.name = "D1", .model = SHARDING_TILED, .clock_hz = 200e6, .tm = 64, .tn = 8, .tr = 14, .tc = 14, .ports = 8},
    {.name = "D2", .model = SHARDING_SYSTOLIC, .clock_hz = 200e6, .rows = 16, .columns = 14, .vector = 2},
    {.name = "D3", .model = SHARDING_WINOGRAD, .clock_hz = 200e6, .pm = 4, .pn = 4}};

/* `rows`: cout, cin, h, w, k, stride of each layer of a chain. */
static inline struct sharding_problem made_chain(struct arena *arena, size_t n, const uint64_t (*rows)[6],
                                                 size_t n_groups, size_t n_in_group, double intra, double inter) {
  struct sharding_layer *layers = ARENA_NEW(arena, struct sharding_layer, n);
  struct sharding_edge *edges = ARENA_NEW(arena, struct sharding_edge, n);
  struct sharding_board *boards = ARENA_NEW(arena, struct sharding_board, n_groups * n_in_group);
  for (uint32_t l = 0; l < n; l++) {
    const uint64_t *r = rows[l];
    layers[l] = (struct sharding_layer){.name = arena_printf(arena, "c%u", l),
                                        .size = {r[0], r[1], r[2], r[3], r[4], r[4], 1},
                                        .stride = r[5],
                                        .pad = r[4] / 2};
    if (l > 0) edges[l - 1] = (struct sharding_edge){l - 1, l};
  }
  for (size_t b = 0; b < n_groups * n_in_group; b++) {
    boards[b] = (struct sharding_board){arena_printf(arena, "b%zu", b), arena_printf(arena, "g%zu", b / n_in_group),
                                        UINT64_C(1) << 40, SHARDING_NONE};
  }
  uint32_t *board_group = ARENA_NEW(arena, uint32_t, n_groups * n_in_group);
  const char **groups = ARENA_NEW(arena, const char *, n_groups);
  for (size_t b = 0; b < n_groups * n_in_group; b++) {
    board_group[b] = (uint32_t)(b / n_in_group), groups[b / n_in_group] = boards[b].group;
  }
  struct sharding_problem problem = {.name = "made",
                                     .element_bytes = 2,
                                     .adaptive = true,
                                     .double_buffer = true,
                                     .max_es_dims = 2,
                                     .es_dims = 15,
                                     .ss_dims = 15,
                                     .optimizer_bytes_per_weight = 8,
                                     .n_boards = n_groups * n_in_group,
                                     .n_designs = 3,
                                     .n_layers = n,
                                     .n_edges = n - 1,
                                     .n_groups = n_groups,
                                     .boards = boards,
                                     .board_group = board_group,
                                     .groups = groups,
                                     .designs = made_designs,
                                     .layers = layers,
                                     .edges = edges,
                                     .intra_bytes_per_s = intra,
                                     .inter_bytes_per_s = inter,
                                     .host_bytes_per_s = inter};
  return problem;
}

static inline void made_finish(struct sharding_problem *problem, struct arena *arena) {
  struct error error = {0};
  if (sharding_finish(problem, arena, &error)) return;
  fputs(error.text, stderr);
  abort();
}

static const uint64_t made_t14[][6] = {
    {256, 128, 14, 14, 3, 1}, {512, 256, 14, 14, 1, 1}, {512, 512, 14, 14, 3, 1}, {256, 512, 14, 14, 1, 1}};

/* One set of all boards. */
static inline struct sharding_answer made_one_set(const struct sharding_problem *problem, uint32_t design,
                                                  const struct sharding_strategy *by_place, struct arena *arena) {
  struct sharding_answer answer = {1, ARENA_NEW(arena, struct sharding_set, 1),
                                   ARENA_NEW(arena, struct sharding_strategy, problem->n_layers)};
  uint32_t *boards = ARENA_NEW(arena, uint32_t, problem->n_boards);
  size_t n = 0;
  for (uint32_t g = 0; g < problem->n_groups; g++) {
    for (uint32_t b = 0; b < problem->n_boards; b++) {
      if (problem->board_group[b] == g) boards[n++] = b;
    }
  }
  answer.sets[0] =
      (struct sharding_set){design, (uint32_t)problem->n_boards, boards, 0, (uint32_t)problem->n_layers - 1};
  for (size_t i = 0; i < problem->n_layers; i++) answer.strategies[problem->topological[i]] = by_place[i];
  return answer;
}

#endif
