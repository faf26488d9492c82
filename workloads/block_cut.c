/* Where may a model be cut into pieces that stand in a row?
 *
 * First every op gets a place of its own: with layers, what lies before them, each layer, what lies behind; without,
 * its number in topological order. Then neighbours are merged wherever the cut between them is none: unless exactly one
 * tensor goes across, and that one comes from the place right before, the pieces are no chain. Several ops may read
 * that tensor, directly or through views. A cut inside a fused chain (fusion.c) would tear it, so there is none.
 *
 * What wants no gradient does not count: inputs, targets, parameters that are nodes of their own, facts about shapes,
 * and masks made of them are small or come with the batch. They belong to the first place that reads them.
 * (accelerator-search §9, "Stages"; workloads §8, "contiguous layers".) Left out: cuts through which several tensors
 * go, as of an encoder whose output every layer of the decoder reads. */
#include "workloads/block_cut.h"

struct cutter {
  const struct op_graph *graph;
  const struct rules_flags *flags;
  struct arena *arena;
  bool *flows;
  uint32_t *root;  /* of each op: the op whose tensor it shows; itself unless it is a view of one tensor */
  uint32_t *place; /* the first guess, later the answer */
  uint32_t n_places;
  /* Of the boundary between places b and b + 1, as differences until they are summed up: tensors across, the sum of
   * their roots, and what forbids it. */
  int64_t *n_across, *roots_across, *forbidden;
};

static size_t n_preds(const struct op_graph *graph, size_t i) {
  return graph->pred_start[i + 1] - graph->pred_start[i];
}

/* A graph in which nothing is learned has no gradients to tell by: there all but its ends flows. */
static void find_flows(struct cutter *cutter) {
  const struct op_graph *const graph = cutter->graph;
  bool learns = false;
  for (size_t i = 0; i < graph->n_ops; i++) learns |= cutter->flags[i].requires;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const bool computed = n_preds(graph, i) > 0 && !cutter->flags[i].weight && graph->ops[i].kind != OP_SHAPE;
    cutter->flows[i] = learns ? cutter->flags[i].requires : computed;
  }
}

static void find_roots(struct cutter *cutter) {
  const struct op_graph *const graph = cutter->graph;
  for (uint32_t i = 0; i < graph->n_ops; i++) {
    cutter->root[i] = i;
    if (op_kinds[graph->ops[i].kind].class != CLASS_NONE) continue;
    uint32_t only = OP_ABSENT;
    bool several = false;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      const uint32_t pred = graph->preds[e];
      if (!cutter->flows[pred] || cutter->root[pred] == only) continue;
      several |= only != OP_ABSENT;
      only = cutter->root[pred];
    }
    if (only != OP_ABSENT && !several) cutter->root[i] = only;
  }
}

/* --- the first guess ------------------------------------------------------------------------------------------- */

/* Place of each layer, 1 for the first one met; returns how many there are. */
static uint32_t number_layers(const struct op_graph *graph, struct arena *arena, const uint32_t **place_of_layer) {
  uint32_t n = 0, n_layers = 0;
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].layer != OP_ABSENT && graph->ops[i].layer >= n) n = graph->ops[i].layer + 1;
  REQUIRE(n <= OP_GRAPH_MAX_OPS);
  uint32_t *const place = ARENA_NEW(arena, uint32_t, n);
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].layer != OP_ABSENT && place[graph->ops[i].layer] == 0) place[graph->ops[i].layer] = ++n_layers;
  *place_of_layer = place;
  return n_layers;
}

/* Ops outside layers: behind them all unless a layer reads what they make; then with the layer they read, or before the
 * layer that reads them first (another table, beside the second half of a model). */
static void guess_by_layers(struct cutter *cutter, const uint32_t *place_of_layer, uint32_t n_layers) {
  const struct op_graph *const graph = cutter->graph;
  uint32_t *const after = ARENA_NEW(cutter->arena, uint32_t, graph->n_ops); /* last layer before it, 0: none */
  uint32_t *const until = ARENA_NEW(cutter->arena, uint32_t, graph->n_ops); /* first layer behind it, or OP_ABSENT */
  size_t last_layered = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const bool layered = graph->ops[i].layer != OP_ABSENT;
    if (layered) after[i] = place_of_layer[graph->ops[i].layer];
    if (layered) last_layered = i;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1] && !layered; e++)
      if (cutter->flows[graph->preds[e]] && after[graph->preds[e]] > after[i]) after[i] = after[graph->preds[e]];
  }
  for (size_t i = graph->n_ops; i-- > 0;) {
    const bool layered = graph->ops[i].layer != OP_ABSENT;
    until[i] = layered ? place_of_layer[graph->ops[i].layer] : OP_ABSENT;
    for (size_t e = graph->succ_start[i]; e < graph->succ_start[i + 1] && !layered; e++)
      if (until[graph->succs[e]] < until[i]) until[i] = until[graph->succs[e]];
  }
  for (size_t i = 0; i < graph->n_ops; i++) {
    const bool is_behind = until[i] == OP_ABSENT && (after[i] > 0 || i > last_layered);
    if (graph->ops[i].layer != OP_ABSENT)
      cutter->place[i] = place_of_layer[graph->ops[i].layer];
    else if (is_behind)
      cutter->place[i] = n_layers + 1;
    else if (after[i] > 0)
      cutter->place[i] = after[i];
    else
      cutter->place[i] = until[i] == OP_ABSENT || until[i] == 1 ? 0 : until[i];
  }
  cutter->n_places = n_layers + 2;
}

/* --- which boundaries are cuts ---------------------------------------------------------------------------------- */

/* Adds to all boundaries between places `from` and `to` > from. */
static void add_between(int64_t *differences, uint32_t from, uint32_t to, int64_t what) {
  differences[from] += what;
  differences[to] -= what;
}

static void judge_tensors(struct cutter *cutter) {
  const struct op_graph *const graph = cutter->graph;
  uint32_t *const last = ARENA_NEW(cutter->arena, uint32_t, graph->n_ops); /* place that reads a root's tensor last */
  for (size_t i = 0; i < graph->n_ops; i++) last[i] = cutter->place[i];
  for (size_t i = 0; i < graph->n_ops; i++) {
    const uint32_t here = cutter->place[i];
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      const uint32_t pred = graph->preds[e], root = cutter->root[pred];
      if (!cutter->flows[pred] || !cutter->flows[i]) continue;
      if (cutter->place[pred] > here) add_between(cutter->forbidden, here, cutter->place[pred], 1);
      if (here > last[root]) last[root] = here;
    }
  }
  for (uint32_t i = 0; i < graph->n_ops; i++) {
    if (last[i] == cutter->place[i]) continue;
    add_between(cutter->n_across, cutter->place[i], last[i], 1);
    add_between(cutter->roots_across, cutter->place[i], last[i], i);
  }
}

static void judge_chains(struct cutter *cutter) {
  const uint32_t *const head = fusion_heads(cutter->graph, cutter->arena);
  for (size_t i = 0; i < cutter->graph->n_ops; i++) {
    const uint32_t here = cutter->place[i], there = cutter->place[head[i]];
    if (there != here) add_between(cutter->forbidden, here < there ? here : there, here < there ? there : here, 1);
  }
}

/* The number of each place after merging, in the old number's place. Returns how many are left. */
static uint32_t merge_places(const struct cutter *cutter, uint32_t *merged) {
  int64_t n_across = 0, roots = 0, forbidden = 0;
  uint32_t n = 0, first = 0; /* first old place of the merged one */
  for (uint32_t b = 0; b < cutter->n_places; b++) {
    merged[b] = n;
    n_across += cutter->n_across[b];
    roots += cutter->roots_across[b];
    forbidden += cutter->forbidden[b];
    if (n_across != 1 || forbidden > 0 || cutter->place[roots] < first) continue;
    first = b + 1;
    n++;
  }
  return n + 1;
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

/* What flows nowhere in particular goes to its first reader. */
static void place_sources(struct cutter *cutter) {
  const struct op_graph *const graph = cutter->graph;
  for (size_t i = graph->n_ops; i-- > 0;) {
    if (cutter->flows[i] || graph->succ_start[i] == graph->succ_start[i + 1]) continue;
    uint32_t first = OP_ABSENT;
    for (size_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      if (cutter->place[graph->succs[e]] < first) first = cutter->place[graph->succs[e]];
    cutter->place[i] = first;
  }
}

static const uint32_t *find_leaving(const struct cutter *cutter) {
  const struct op_graph *const graph = cutter->graph;
  uint32_t *const leaving = ARENA_NEW(cutter->arena, uint32_t, cutter->n_places);
  for (uint32_t k = 0; k < cutter->n_places; k++) leaving[k] = OP_ABSENT;
  for (size_t i = 0; i < graph->n_ops; i++)
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      const uint32_t pred = graph->preds[e], from = cutter->place[pred];
      if (!cutter->flows[pred] || !cutter->flows[i] || from == cutter->place[i]) continue;
      REQUIRE(from + 1 == cutter->place[i]);
      /* A slice that all readers take is all that goes; else the whole tensor does. */
      leaving[from] = leaving[from] == OP_ABSENT || leaving[from] == pred ? pred : cutter->root[pred];
    }
  return leaving;
}

static void sort_members(const struct cutter *cutter, struct block_cut *cut) {
  const size_t n = cutter->graph->n_ops;
  uint32_t *const start = ARENA_NEW(cutter->arena, uint32_t, cutter->n_places + 1);
  uint32_t *const members = ARENA_NEW(cutter->arena, uint32_t, n);
  for (size_t i = 0; i < n; i++) start[cutter->place[i]]++;
  for (uint32_t k = 0, sum = 0; k <= cutter->n_places; k++) {
    const uint32_t held = start[k];
    start[k] = sum;
    sum += held;
  }
  for (uint32_t i = 0; i < n; i++) members[start[cutter->place[i]]++] = i;
  for (uint32_t k = cutter->n_places; k > 0; k--) start[k] = start[k - 1];
  start[0] = 0;
  cut->member_start = start;
  cut->members = members;
}

void block_cut_make(const struct op_graph *forward, const struct rules_flags *flags, struct arena *arena,
                    struct block_cut *cut) {
  const size_t n = forward->n_ops;
  struct cutter cutter = {.graph = forward,
                          .flags = flags,
                          .arena = arena,
                          .flows = ARENA_NEW(arena, bool, n),
                          .root = ARENA_NEW(arena, uint32_t, n),
                          .place = ARENA_NEW(arena, uint32_t, n)};
  find_flows(&cutter);
  find_roots(&cutter);
  const uint32_t *place_of_layer;
  const uint32_t n_layers = number_layers(forward, arena, &place_of_layer);
  if (n_layers > 0) {
    guess_by_layers(&cutter, place_of_layer, n_layers);
  } else {
    for (uint32_t i = 0; i < n; i++) cutter.place[i] = i;
    cutter.n_places = (uint32_t)n;
  }
  cutter.n_across = ARENA_NEW(arena, int64_t, cutter.n_places + 1);
  cutter.roots_across = ARENA_NEW(arena, int64_t, cutter.n_places + 1);
  cutter.forbidden = ARENA_NEW(arena, int64_t, cutter.n_places + 1);
  judge_tensors(&cutter);
  judge_chains(&cutter);
  uint32_t *const merged = ARENA_NEW(arena, uint32_t, cutter.n_places);
  cutter.n_places = n == 0 ? 0 : merge_places(&cutter, merged);
  for (size_t i = 0; i < n; i++) cutter.place[i] = merged[cutter.place[i]];
  place_sources(&cutter);
  *cut = (struct block_cut){.n_places = cutter.n_places,
                            .place_of = cutter.place,
                            .leaving = find_leaving(&cutter),
                            .flows = cutter.flows,
                            .layered = n_layers > 0};
  sort_members(&cutter, cut);
}
