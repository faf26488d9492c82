/* In which ways can a layer's loops be split over p boards? (sharding §3; a reconstruction.)
 *
 * Exclusive shards put factors of p on one or two loops; a shared shard lets what several boards need alike be stored
 * once among them and go round. Their order is fixed: loops in the order of ties, one loop before two, small factors
 * first; behind each exclusive shard its shared ones. Left out: uneven shards, and shared shards of the output. */
#include "search/sharding/sharding_private.h"
#include <stdio.h>
#include <string.h>

const char *const sharding_dim_names[SHARDING_N_DIMS] = {"Cout", "Cin", "H", "W", "Kh", "Kw", "B"};

struct sharding_rotation sharding_rotation_of(const struct sharding_kind *kind,
                                              const struct sharding_strategy *strategy) {
  struct sharding_rotation rotation = {.g = 1};
  if (strategy->shared >= SHARDING_N_DIMS) return rotation;
  const bool weights = sharding_has(kind->weight_dims, strategy->shared);
  const bool input = sharding_has(kind->input_dims, strategy->shared);
  const uint32_t r_weights = weights ? sharding_replication(strategy, kind->weight_dims) : 1;
  const uint32_t r_input = input ? sharding_replication(strategy, kind->input_dims) : 1;
  rotation.g = r_weights > r_input ? r_weights : r_input;
  rotation.weights = rotation.g > 1 && r_weights == rotation.g;
  rotation.input = rotation.g > 1 && r_input == rotation.g;
  return rotation;
}

struct listing {
  const struct sharding_problem *problem;
  const struct sharding_kind *kind;
  const struct sharding_layer *layer;
  unsigned loops; /* that may be split */
  bool beyond;    /* factors beyond a loop's extent are allowed */
  uint32_t n_split;
  struct sharding_strategy *list; /* NULL: only count */
  size_t n;
};

static void add(struct listing *l, const struct sharding_strategy *strategy) {
  if (l->list != NULL) l->list[l->n] = *strategy;
  l->n++;
}

/* The exclusive shard, and each shared shard on top of it. */
static void add_shared(struct listing *l, const struct sharding_strategy *exclusive) {
  struct sharding_strategy strategy = *exclusive;
  strategy.shared = SHARDING_N_DIMS;
  add(l, &strategy);
  const bool halo = l->layer->size[SHARDING_KH] > 1 || l->layer->size[SHARDING_KW] > 1;
  for (unsigned s = 0; s < SHARDING_N_DIMS; s++) {
    const bool row = s == SHARDING_H || s == SHARDING_W;
    if (!sharding_has(l->problem->ss_dims, s) || strategy.factor[s] > 1 || (row && halo)) continue;
    strategy.shared = (uint8_t)s;
    if (sharding_rotation_of(l->kind, &strategy).g > 1) add(l, &strategy);
  }
}

/* Puts factors with product `rest` on n more loops from `first` on. */
static void split_on(struct listing *l, struct sharding_strategy *strategy, unsigned first, uint32_t n, uint32_t rest) {
  if (n == 0) {
    if (rest == 1) add_shared(l, strategy);
    return;
  }
  for (unsigned d = first; rest > 1 && d < SHARDING_N_DIMS; d++) {
    if (!sharding_has(l->loops, d)) continue;
    const uint64_t most = l->beyond ? rest : min_u64(rest, l->layer->size[d]);
    for (uint32_t f = n == 1 ? rest : 2; f <= most; f++) {
      if (rest % f != 0) continue;
      strategy->factor[d] = f;
      split_on(l, strategy, d + 1, n - 1, rest / f);
    }
    strategy->factor[d] = 1;
  }
}

static void list_all(struct listing *l, uint32_t p) {
  struct sharding_strategy strategy = {.shared = SHARDING_N_DIMS};
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) strategy.factor[d] = 1;
  l->n = 0;
  if (p == 1) add(l, &strategy);
  for (uint32_t n = 1; p > 1 && n <= l->problem->max_es_dims; n++) split_on(l, &strategy, 0, n, p);
}

size_t sharding_strategies(const struct sharding_problem *problem, uint32_t layer, uint32_t p, struct arena *arena,
                           const struct sharding_strategy **list) {
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  struct listing l = {.problem = problem, .kind = kind, .layer = &problem->layers[layer]};
  const unsigned loops = kind->weight_dims | kind->input_dims | kind->output_dims;
  l.loops = loops & problem->es_dims;
  list_all(&l, p);
  if (l.n == 0) {
    l.beyond = true;
    if (l.loops == 0) l.loops = 1U << SHARDING_COUT;
    list_all(&l, p);
  }
  l.list = ARENA_NEW(arena, struct sharding_strategy, l.n);
  list_all(&l, p);
  *list = l.list;
  return l.n;
}

const char *sharding_es_text(const struct sharding_strategy *strategy, struct arena *arena) {
  const char *text = "";
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (strategy->factor[d] == 1) continue;
    text = arena_printf(arena, "%s%s%s:%u", text, *text != '\0' ? "+" : "", sharding_dim_names[d], strategy->factor[d]);
  }
  return *text != '\0' ? text : "-";
}

const char *sharding_ss_text(const struct sharding_strategy *strategy) {
  return strategy->shared < SHARDING_N_DIMS ? sharding_dim_names[strategy->shared] : "-";
}
