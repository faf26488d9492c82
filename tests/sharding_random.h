/* Random problems of sharding of every kind, and random answers to them: chains and branches, joins of channels, layers
 * without weights, groups in a hierarchy, links of their own, fixed designs, tight memory, training. */
#ifndef TESTS_SHARDING_RANDOM_H
#define TESTS_SHARDING_RANDOM_H

#include "base/error.h"
#include "base/rng.h"
#include "search/sharding/sharding.h"
#include <math.h>
#include <string.h>

struct sharding_shape_of_problem {
  size_t n_layers, n_boards, n_groups;
  uint64_t most_channels, most_rows; /* extents are drawn up to these */
  bool chain;                        /* each layer reads the one before it, and that alone */
  bool products;                     /* convolutions and products alone */
  bool fixed;                        /* boards carry designs of their own */
  bool tight;                        /* memory that some answers do not fit */
  bool links;                        /* pairs of boards with links of their own */
  bool levels;                       /* groups in a hierarchy of three */
  bool tables;                       /* one of the designs is a table */
  bool training;
  bool rows; /* tensors of one column, as tokens have: attention may join them */
};

static inline struct sharding_shape_of_problem sharding_random_shape(struct rng *rng, size_t most_layers,
                                                                     size_t most_boards) {
  const size_t n_boards = 1 + rng_below(rng, most_boards);
  return (struct sharding_shape_of_problem){.n_layers = 1 + rng_below(rng, most_layers),
                                            .n_boards = n_boards,
                                            .n_groups = 1 + rng_below(rng, n_boards < 3 ? n_boards : 3),
                                            .most_channels = 1 + rng_below(rng, 40),
                                            .most_rows = 1 + rng_below(rng, 14),
                                            .chain = rng_below(rng, 3) == 0,
                                            .products = rng_below(rng, 3) == 0,
                                            .fixed = rng_below(rng, 4) == 0,
                                            .tight = rng_below(rng, 3) == 0,
                                            .links = rng_below(rng, 4) == 0,
                                            .levels = rng_below(rng, 4) == 0,
                                            .tables = rng_below(rng, 4) == 0,
                                            .training = rng_below(rng, 3) == 0,
                                            .rows = rng_below(rng, 3) == 0};
}

static inline uint32_t sharding_kind_named(const char *name) {
  for (uint32_t k = 0; k < n_sharding_kinds; k++) {
    if (strcmp(sharding_kinds[k].name, name) == 0) return k;
  }
  return 0;
}

/* A convolution or product of what `from` puts out; a layer of channels that go together; a join. */
static inline void sharding_random_layer(struct rng *rng, const struct sharding_shape_of_problem *shape,
                                         const struct sharding_layer *from, struct sharding_layer *layer) {
  static const char *const tied[] = {"depthwise", "pool", "elementwise", "norm", "softmax"};
  const bool same = !shape->products && rng_below(rng, 3) == 0;
  const char *const name = same ? tied[rng_below(rng, sizeof tied / sizeof *tied)] : "conv";
  uint64_t *n = layer->size;
  layer->kind = sharding_kind_named(name);
  layer->stride = 1, layer->pad = 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) n[d] = 1;
  const uint64_t cin = from != NULL ? from->size[SHARDING_COUT] : 1 + rng_below(rng, shape->most_channels);
  const uint64_t rows = from != NULL ? from->size[SHARDING_H] : 1 + rng_below(rng, shape->most_rows);
  const uint64_t columns = from != NULL  ? from->size[SHARDING_W]
                           : shape->rows ? 1
                                         : 1 + rng_below(rng, shape->most_rows);
  n[SHARDING_B] = from != NULL ? from->size[SHARDING_B] : rng_below(rng, 4) == 0 ? 1 + rng_below(rng, 3) : 1;
  n[SHARDING_CIN] = cin;
  n[SHARDING_COUT] = same ? cin : 1 + rng_below(rng, shape->most_channels);
  n[SHARDING_H] = rows, n[SHARDING_W] = columns;
  if (!same && from != NULL && rng_below(rng, 8) == 0) { /* a product of all there is */
    n[SHARDING_CIN] = cin * rows * columns;
    n[SHARDING_H] = n[SHARDING_W] = 1;
    return;
  }
  const bool windows = strcmp(name, "conv") == 0 || strcmp(name, "depthwise") == 0 || strcmp(name, "pool") == 0;
  if (!windows || rng_below(rng, 3) == 0) return;
  n[SHARDING_KH] = 1 + 2 * rng_below(rng, 2), n[SHARDING_KW] = rng_below(rng, 6) == 0 ? 1 : n[SHARDING_KH];
  layer->stride = 1 + rng_below(rng, 3) / 2;
  layer->pad = n[SHARDING_KW] / 2;
  if (n[SHARDING_KH] > rows + 2 * layer->pad) n[SHARDING_KH] = n[SHARDING_KW] = 1, layer->pad = 0;
  n[SHARDING_H] = (rows + 2 * layer->pad - n[SHARDING_KH]) / layer->stride + 1;
  n[SHARDING_W] = (columns + 2 * layer->pad - n[SHARDING_KW]) / layer->stride + 1;
}

static inline bool sharding_same_plane(const struct sharding_layer *a, const struct sharding_layer *b) {
  return a->size[SHARDING_H] == b->size[SHARDING_H] && a->size[SHARDING_W] == b->size[SHARDING_W] &&
         a->size[SHARDING_B] == b->size[SHARDING_B];
}

/* Product of two activations: of queries and keys by head, or of scores and values. */
static inline bool sharding_random_attention(struct rng *rng, const struct sharding_layer *one,
                                             const struct sharding_layer *other, struct sharding_layer *layer) {
  const uint64_t *a = one->size, *b = other->size, heads = 1 + rng_below(rng, 3);
  if (a[SHARDING_W] != 1 || b[SHARDING_W] != 1) return false;
  struct sharding_layer product = {.name = layer->name, .kind = sharding_kind_named("attention"), .stride = 1};
  uint64_t *n = product.size;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) n[d] = 1;
  n[SHARDING_H] = a[SHARDING_H];
  if (a[SHARDING_B] == b[SHARDING_B] && a[SHARDING_COUT] == b[SHARDING_COUT] && a[SHARDING_COUT] % heads == 0) {
    n[SHARDING_B] = a[SHARDING_B] * heads, n[SHARDING_CIN] = a[SHARDING_COUT] / heads, n[SHARDING_COUT] = b[SHARDING_H];
  } else if (a[SHARDING_COUT] == b[SHARDING_H] && b[SHARDING_B] * b[SHARDING_COUT] % a[SHARDING_B] == 0) {
    n[SHARDING_B] = a[SHARDING_B], n[SHARDING_CIN] = a[SHARDING_COUT];
    n[SHARDING_COUT] = b[SHARDING_B] * b[SHARDING_COUT] / a[SHARDING_B];
  } else {
    return false;
  }
  *layer = product;
  return true;
}

/* Joins layer `l` to what is like its producer: an add of equal shapes, else a concat of equal planes. */
static inline void sharding_random_join(struct rng *rng, uint32_t l, struct sharding_layer *layers,
                                        struct sharding_edge *edges, size_t *n_edges) {
  const uint32_t one = edges[*n_edges - 1].from;
  const uint32_t other = (uint32_t)rng_below(rng, l);
  struct sharding_layer *const layer = &layers[l];
  if (other != one && rng_below(rng, 2) == 0 && sharding_random_attention(rng, &layers[one], &layers[other], layer)) {
    edges[(*n_edges)++] = (struct sharding_edge){other, l};
    return;
  }
  if (other == one || !sharding_same_plane(&layers[one], &layers[other])) return;
  const bool add = layers[one].size[SHARDING_COUT] == layers[other].size[SHARDING_COUT] && rng_below(rng, 2) == 0;
  uint64_t channels = layers[one].size[SHARDING_COUT];
  if (!add) channels += layers[other].size[SHARDING_COUT];
  layer->kind = sharding_kind_named(add ? "add" : "concat");
  layer->stride = 1, layer->pad = 0;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) layer->size[d] = layers[one].size[d];
  layer->size[SHARDING_COUT] = layer->size[SHARDING_CIN] = channels;
  layer->size[SHARDING_KH] = layer->size[SHARDING_KW] = 1;
  edges[(*n_edges)++] = (struct sharding_edge){other, l};
}

static inline void sharding_random_layers(struct rng *rng, const struct sharding_shape_of_problem *shape,
                                          struct arena *arena, struct sharding_problem *problem) {
  struct sharding_layer *layers = ARENA_NEW(arena, struct sharding_layer, shape->n_layers);
  struct sharding_edge *edges = ARENA_NEW(arena, struct sharding_edge, 2 * shape->n_layers);
  size_t n_edges = 0;
  for (uint32_t l = 0; l < shape->n_layers; l++) {
    const bool source = l == 0 || (!shape->chain && rng_below(rng, 8) == 0);
    const uint32_t from = source ? 0 : shape->chain || rng_below(rng, 2) == 0 ? l - 1 : (uint32_t)rng_below(rng, l);
    layers[l].name = arena_printf(arena, "l%u", l);
    sharding_random_layer(rng, shape, source ? NULL : &layers[from], &layers[l]);
    if (source) continue;
    edges[n_edges++] = (struct sharding_edge){from, l};
    if (!shape->chain && !shape->products && rng_below(rng, 3) == 0) {
      sharding_random_join(rng, l, layers, edges, &n_edges);
    }
  }
  problem->layers = layers, problem->n_layers = shape->n_layers;
  problem->edges = edges, problem->n_edges = n_edges;
}

static inline void sharding_random_designs(struct rng *rng, const struct sharding_shape_of_problem *shape,
                                           struct arena *arena, struct sharding_problem *problem) {
  const size_t n = 1 + rng_below(rng, 3) + shape->tables;
  struct sharding_design *designs = ARENA_NEW(arena, struct sharding_design, n);
  for (size_t i = 0; i < n; i++) {
    designs[i] = (struct sharding_design){.name = arena_printf(arena, "D%zu", i),
                                          .model = (enum sharding_model)rng_below(rng, 3),
                                          .clock_hz = 1e6 * (double)(1 + rng_below(rng, 9)),
                                          .tm = 1 + rng_below(rng, 16),
                                          .tn = 1 + rng_below(rng, 8),
                                          .tr = 1 + rng_below(rng, 8),
                                          .tc = 1 + rng_below(rng, 8),
                                          .ports = 1 + rng_below(rng, 8),
                                          .rows = 1 + rng_below(rng, 16),
                                          .columns = 1 + rng_below(rng, 16),
                                          .vector = 1 + rng_below(rng, 3),
                                          .pm = 1 + rng_below(rng, 4),
                                          .pn = 1 + rng_below(rng, 4)};
  }
  if (shape->tables) {
    uint32_t *p = ARENA_NEW(arena, uint32_t, shape->n_boards);
    double *cycles = ARENA_NEW(arena, double, shape->n_boards * shape->n_layers);
    for (uint32_t i = 0; i < shape->n_boards; i++) p[i] = i + 1;
    for (size_t i = 0; i < shape->n_boards * shape->n_layers; i++) cycles[i] = (double)(1 + rng_below(rng, 5000));
    designs[n - 1].model = SHARDING_TABLE;
    designs[n - 1].n_ps = shape->n_boards, designs[n - 1].p = p, designs[n - 1].cycles = cycles;
  }
  problem->designs = designs, problem->n_designs = n;
}

/* Numbers groups by first appearance, as a file's reader does. */
static inline void sharding_number_groups(struct sharding_problem *problem, struct arena *arena) {
  uint32_t *number = ARENA_NEW(arena, uint32_t, problem->n_boards);
  const char **groups = ARENA_NEW(arena, const char *, problem->n_boards);
  problem->n_groups = 0;
  for (size_t b = 0; b < problem->n_boards; b++) {
    while (number[b] < problem->n_groups && strcmp(groups[number[b]], problem->boards[b].group) != 0) number[b]++;
    if (number[b] == problem->n_groups) groups[problem->n_groups++] = problem->boards[b].group;
  }
  problem->board_group = number, problem->groups = groups;
}

/* Groups in blocks of boards, or mixed. */
static inline void sharding_random_boards(struct rng *rng, const struct sharding_shape_of_problem *shape,
                                          struct arena *arena, struct sharding_problem *problem) {
  const size_t n = shape->n_boards;
  struct sharding_board *boards = ARENA_NEW(arena, struct sharding_board, n);
  const bool mixed = rng_below(rng, 4) == 0;
  const uint64_t base = 200 + rng_below(rng, 20000);
  for (size_t b = 0; b < n; b++) {
    const size_t g = mixed ? rng_below(rng, shape->n_groups) : b * shape->n_groups / n;
    boards[b].name = arena_printf(arena, "b%zu", b);
    boards[b].group = shape->levels ? arena_printf(arena, "pod%zu/rack%zu", g / 2, g) : arena_printf(arena, "g%zu", g);
    boards[b].dram_bytes = shape->tight ? base + rng_below(rng, base) : UINT64_C(1) << 40;
    boards[b].design = shape->fixed ? (uint32_t)rng_below(rng, problem->n_designs) : SHARDING_NONE;
  }
  problem->boards = boards, problem->n_boards = n;
  sharding_number_groups(problem, arena);
  problem->intra_bytes_per_s = 1e6 * (1 + rng_unit(rng)), problem->inter_bytes_per_s = 1e6 * (0.1 + rng_unit(rng));
  problem->host_bytes_per_s = 1e6 * (0.1 + rng_unit(rng));
  if (shape->levels) {
    double *level = ARENA_NEW(arena, double, 3);
    for (size_t k = 0; k < 3; k++) level[k] = 1e6 * (0.1 + (double)k + rng_unit(rng));
    problem->level_bytes_per_s = level, problem->n_levels = 3;
  }
  if (shape->links) {
    double *links = ARENA_NEW(arena, double, n *n);
    for (size_t i = 0; i < n * n; i++) links[i] = rng_below(rng, 4) == 0 ? 1e6 * (0.05 + rng_unit(rng)) : 0;
    problem->link_bytes_per_s = links;
  }
}

static inline void sharding_random_problem(struct rng *rng, const struct sharding_shape_of_problem *shape,
                                           struct arena *arena, struct sharding_problem *problem) {
  const unsigned usual = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W;
  const unsigned all = (1U << SHARDING_N_DIMS) - 1;
  *problem = (struct sharding_problem){.name = "random",
                                       .element_bytes = 1 + rng_below(rng, 4),
                                       .overlap = rng_below(rng, 2) == 0,
                                       .adaptive = !shape->fixed,
                                       .host_io = rng_below(rng, 2) == 0,
                                       .double_buffer = rng_below(rng, 3) > 0,
                                       .reduce_scatter = rng_below(rng, 3) == 0,
                                       .training = shape->training,
                                       .optimizer_bytes_per_weight = (double)(4 * rng_below(rng, 4)),
                                       .max_es_dims = 1 + (uint32_t)rng_below(rng, 3),
                                       .es_dims = (uint8_t)(rng_below(rng, 3) == 0 ? all : usual),
                                       .ss_dims = (uint8_t)(rng_below(rng, 4) == 0 ? 0 : usual)};
  sharding_random_layers(rng, shape, arena, problem);
  sharding_random_designs(rng, shape, arena, problem);
  sharding_random_boards(rng, shape, arena, problem);
  struct error error = {0};
  if (!sharding_finish(problem, arena, &error)) BUG("a random problem is none: %s", error.text);
}

/* Any ranges on any boards, strategies of the list. With fixed designs a set is of boards of one design. */
static inline void sharding_random_answer(struct rng *rng, const struct sharding_problem *problem, struct arena *arena,
                                          struct sharding_answer *answer) {
  const size_t n = problem->n_boards, n_layers = problem->n_layers;
  const size_t most = n < n_layers ? n : n_layers, wanted = 1 + rng_below(rng, most < 4 ? most : 4);
  uint32_t *label = ARENA_NEW(arena, uint32_t, n), *design = ARENA_NEW(arena, uint32_t, wanted);
  size_t *n_in = ARENA_NEW(arena, size_t, wanted), n_sets = 0;
  for (size_t s = 0; s < wanted; s++) design[s] = (uint32_t)rng_below(rng, problem->n_designs);
  for (size_t b = 0; b < n; b++) {
    label[b] = b < wanted ? (uint32_t)b : (uint32_t)rng_below(rng, wanted + 1); /* the last: idle */
    if (b < wanted && !problem->adaptive) design[b] = problem->boards[b].design;
    if (label[b] < wanted && !problem->adaptive && problem->boards[b].design != design[label[b]]) {
      label[b] = (uint32_t)wanted;
    }
    if (label[b] < wanted) n_in[label[b]]++;
  }
  answer->sets = ARENA_NEW(arena, struct sharding_set, wanted);
  answer->strategies = ARENA_NEW(arena, struct sharding_strategy, n_layers);
  for (size_t s = 0, first = 0; s < wanted; s++) {
    uint32_t *boards = ARENA_NEW(arena, uint32_t, n_in[s]);
    size_t filled = 0;
    for (uint32_t g = 0; g < problem->n_groups; g++) {
      for (uint32_t b = 0; b < n; b++) {
        if (label[b] == s && problem->board_group[b] == g) boards[filled++] = b;
      }
    }
    const size_t left = n_layers - first - (wanted - s - 1), take = s + 1 == wanted ? left : 1 + rng_below(rng, left);
    answer->sets[n_sets++] =
        (struct sharding_set){design[s], (uint32_t)filled, boards, (uint32_t)first, (uint32_t)(first + take - 1)};
    for (size_t place = first; place < first + take; place++) {
      const struct sharding_strategy *list;
      const uint32_t layer = problem->topological[place];
      const size_t n_list = sharding_strategies(problem, layer, (uint32_t)filled, arena, &list);
      answer->strategies[layer] = list[rng_below(rng, n_list)];
    }
    first += take;
  }
  answer->n_sets = n_sets;
}

#endif
