/* The worked cases of sharding (sharding §6, §7, §8): the layer, the chain T14, the two products, the three designs. */
#ifndef TESTS_SHARDING_CASES_H
#define TESTS_SHARDING_CASES_H

#include "search/sharding/sharding.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_D1, CASE_D2, CASE_D3, CASE_DESIGNS };
static const struct sharding_design case_designs[CASE_DESIGNS] = {
    {.name = "D1", .model = SHARDING_TILED, .clock_hz = 200e6, .tm = 64, .tn = 8, .tr = 14, .tc = 14, .ports = 8},
    {.name = "D2", .model = SHARDING_SYSTOLIC, .clock_hz = 200e6, .rows = 16, .columns = 14, .vector = 2},
    {.name = "D3", .model = SHARDING_WINOGRAD, .clock_hz = 200e6, .pm = 4, .pn = 4},
};

/* Cout, Cin, H, W, K; stride 1, pad K/2. */
struct case_layer {
  uint64_t cout, cin, h, w, k;
};
static const struct case_layer case_single[] = {{256, 128, 56, 56, 3}};
static const struct case_layer case_t14[] = {
    {256, 128, 14, 14, 3}, {512, 256, 14, 14, 1}, {512, 512, 14, 14, 3}, {256, 512, 14, 14, 1}};
static const struct case_layer case_products[] = {{4096, 1024, 128, 1, 1}, {1024, 4096, 128, 1, 1}};
enum { CASE_SINGLE = 1, CASE_T14 = 4, CASE_PRODUCTS = 2 };

/* Boards in groups of `per_group`; no memory limit, no host; the caller changes what it likes before it calls
 * sharding_finish again. */
static inline struct sharding_problem case_problem(const struct case_layer *list, size_t n, size_t n_boards,
                                                   size_t per_group, struct arena *arena) {
  struct sharding_problem p = {.name = "case",
                               .element_bytes = 2,
                               .adaptive = true,
                               .double_buffer = true,
                               .optimizer_bytes_per_weight = 8,
                               .max_es_dims = 2,
                               .es_dims = 15,
                               .ss_dims = 15,
                               .n_boards = n_boards,
                               .n_groups = (n_boards + per_group - 1) / per_group,
                               .n_designs = CASE_DESIGNS,
                               .designs = case_designs,
                               .n_layers = n,
                               .n_edges = n - 1,
                               .intra_bytes_per_s = 1e9,
                               .inter_bytes_per_s = 0.25e9,
                               .host_bytes_per_s = 0.25e9};
  struct sharding_board *boards = ARENA_NEW(arena, struct sharding_board, n_boards);
  uint32_t *group = ARENA_NEW(arena, uint32_t, n_boards);
  const char **groups = ARENA_NEW(arena, const char *, p.n_groups);
  for (size_t b = 0; b < n_boards; b++) {
    group[b] = (uint32_t)(b / per_group);
    groups[group[b]] = arena_printf(arena, "g%u", group[b]);
    boards[b] = (struct sharding_board){arena_printf(arena, "b%zu", b), groups[group[b]], UINT64_MAX, SHARDING_NONE};
  }
  struct sharding_layer *layers = ARENA_NEW(arena, struct sharding_layer, n);
  struct sharding_edge *edges = ARENA_NEW(arena, struct sharding_edge, n);
  for (uint32_t l = 0; l < n; l++) {
    layers[l] =
        (struct sharding_layer){.name = arena_printf(arena, "l%u", l + 1),
                                .size = {list[l].cout, list[l].cin, list[l].h, list[l].w, list[l].k, list[l].k, 1},
                                .stride = 1,
                                .pad = list[l].k / 2};
    if (l > 0) edges[l - 1] = (struct sharding_edge){l - 1, l};
  }
  p.boards = boards, p.board_group = group, p.groups = groups, p.layers = layers, p.edges = edges;
  return p;
}

/* "Cout:2+W:2 SS Cin"; "-" or "": one board. */
static inline struct sharding_strategy case_strategy(const char *text) {
  struct sharding_strategy strategy = {.shared = SHARDING_N_DIMS};
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) strategy.factor[d] = 1;
  const char *shared = strstr(text, " SS ");
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    const size_t length = strlen(sharding_dim_names[d]);
    for (const char *at = text; (at = strstr(at, sharding_dim_names[d])) != NULL; at += length) {
      if (at[length] == ':') strategy.factor[d] = (uint32_t)strtoul(at + length + 1, NULL, 10);
    }
    if (shared != NULL && strcmp(shared + 4, sharding_dim_names[d]) == 0) strategy.shared = (uint8_t)d;
  }
  return strategy;
}

#endif
