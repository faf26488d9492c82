/* How do ops become a const graph?
 *
 * A builder grows flat arrays in a scratch arena. Since an op comes after its predecessors, the rows of predecessors
 * are already compressed when the last op is in; finishing copies them, counts out the rows of successors, numbers the
 * distinct shapes and digests. Left out: removal of ops (a new graph is built instead, as graph_contract does). */
#include "workloads/op_graph.h"
#include "base/checked.h"
#include <string.h>

struct graph_builder {
  struct arena *scratch;
  size_t n_ops, n_edges, n_followers, n_name_bytes, n_tied_followers;
  size_t ops_held, edges_held, followers_held, name_bytes_held;
  struct op *ops;
  size_t *edge_end; /* of each op, in preds */
  uint32_t *preds;
  uint64_t *pred_bytes;
  struct op_follower *followers;
  char *names;
  struct split_facts facts;
  bool too_large;
};

struct graph_builder *graph_builder_new(struct arena *scratch) {
  struct graph_builder *const builder = ARENA_NEW(scratch, struct graph_builder, 1);
  builder->scratch = scratch;
  return builder;
}

/* A block of at least `needed` elements that starts with the `n` old ones; doubles, so that adding stays linear. */
static void *grown(struct arena *arena, const void *old, size_t n, size_t *held, size_t needed, size_t size) {
  size_t more = *held < 16 ? 16 : *held;
  while (more < needed) more *= 2;
  void *const block = arena_alloc(arena, more, size);
  if (n > 0) memcpy(block, old, n * size);
  *held = more;
  return block;
}

static void reserve(struct graph_builder *builder, size_t more_edges, size_t more_name_bytes) {
  struct arena *const scratch = builder->scratch;
  if (builder->n_ops + 1 > builder->ops_held) {
    size_t held = builder->ops_held;
    builder->edge_end =
        grown(scratch, builder->edge_end, builder->n_ops, &held, builder->n_ops + 1, sizeof *builder->edge_end);
    builder->ops =
        grown(scratch, builder->ops, builder->n_ops, &builder->ops_held, builder->n_ops + 1, sizeof *builder->ops);
  }
  const size_t edges = builder->n_edges + more_edges;
  if (edges > builder->edges_held) {
    size_t held = builder->edges_held;
    builder->preds = grown(scratch, builder->preds, builder->n_edges, &held, edges, sizeof *builder->preds);
    builder->pred_bytes =
        grown(scratch, builder->pred_bytes, builder->n_edges, &builder->edges_held, edges, sizeof *builder->pred_bytes);
  }
  const size_t name_bytes = builder->n_name_bytes + more_name_bytes;
  if (name_bytes > builder->name_bytes_held)
    builder->names = grown(scratch, builder->names, builder->n_name_bytes, &builder->name_bytes_held, name_bytes, 1);
}

/* `bytes` NULL: each edge carries its predecessor's out_bytes. */
static uint32_t add_op(struct graph_builder *builder, const struct op *op, const char *name, const uint32_t *preds,
                       const uint64_t *bytes, size_t n_preds) {
  const size_t name_bytes = strlen(name) + 1;
  if (builder->n_ops >= OP_GRAPH_MAX_OPS || n_preds > OP_GRAPH_MAX_EDGES - builder->n_edges ||
      name_bytes > UINT32_MAX - builder->n_name_bytes) {
    builder->too_large = true; /* graph_builder_finish says so; until then any op will do */
    return builder->n_ops > 0 ? (uint32_t)(builder->n_ops - 1) : 0;
  }
  reserve(builder, n_preds, name_bytes);
  const size_t index = builder->n_ops;
  for (size_t i = 0; i < n_preds; i++) {
    REQUIRE(preds[i] < index);
    builder->preds[builder->n_edges + i] = preds[i];
    builder->pred_bytes[builder->n_edges + i] = bytes != NULL ? bytes[i] : builder->ops[preds[i]].out_bytes;
  }
  struct op *const added = &builder->ops[index];
  *added = *op;
  REQUIRE(op->kind < N_OP_KINDS && op->phase < N_PHASES);
  REQUIRE(op->mirror == OP_ABSENT || op->mirror < index);
  added->name = (uint32_t)builder->n_name_bytes;
  added->first_follower = (uint32_t)builder->n_tied_followers;
  added->n_followers = (uint32_t)(builder->n_followers - builder->n_tied_followers);
  memcpy(builder->names + builder->n_name_bytes, name, name_bytes);
  builder->n_tied_followers = builder->n_followers;
  builder->n_name_bytes += name_bytes;
  builder->n_edges += n_preds;
  builder->edge_end[index] = builder->n_edges;
  builder->n_ops++;
  return (uint32_t)index;
}

uint32_t graph_builder_add(struct graph_builder *builder, const struct op *op, const char *name, const uint32_t *preds,
                           size_t n_preds) {
  return add_op(builder, op, name, preds, NULL, n_preds);
}

struct op *graph_builder_op(struct graph_builder *builder, uint32_t index) {
  REQUIRE(index < builder->n_ops);
  return &builder->ops[index];
}

void graph_builder_set_facts(struct graph_builder *builder, const struct split_facts *facts) {
  builder->facts = *facts;
}

size_t graph_builder_count(const struct graph_builder *builder) { return builder->n_ops; }

void graph_builder_follow(struct graph_builder *builder, const struct op_follower *follower) {
  if (builder->n_followers >= OP_GRAPH_MAX_OPS) {
    builder->too_large = true;
    return;
  }
  if (builder->n_followers == builder->followers_held)
    builder->followers = grown(builder->scratch, builder->followers, builder->n_followers, &builder->followers_held,
                               builder->n_followers + 1, sizeof *builder->followers);
  builder->followers[builder->n_followers++] = *follower;
}

static void add_follower_digest(struct digest_stream *stream, const struct op_follower *follower) {
  digest_add_u64(stream, (uint64_t)follower->kind << 8 | follower->phase);
  digest_add_u64(stream, follower->elements);
  digest_add_u64(stream, follower->row);
}

/* What an op's cost may depend on: neither where it stands nor what it keeps. */
static struct digest shape_digest(const struct op *op, const struct op_follower *followers) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, (uint64_t)op->kind << 24 | (uint64_t)op->phase << 16 | (uint64_t)op->element_bytes << 8 |
                              op->weighted);
  for (size_t i = 0; i < OP_DIMS; i++) digest_add_u64(&stream, op->dim[i]);
  digest_add_u64(&stream, op->in_bytes);
  digest_add_u64(&stream, op->weight_bytes);
  digest_add_u64(&stream, op->out_bytes);
  for (size_t i = 0; i < op->n_followers; i++) add_follower_digest(&stream, &followers[op->first_follower + i]);
  return digest_end(&stream);
}

/* Numbers the distinct shapes in order of first appearance, by an open hash table; two 128-bit digests that agree are
 * taken as the same shape. Returns the ops' shape digests. */
static const struct digest *number_shapes(struct arena *arena, struct arena *scratch, struct op *ops,
                                          struct op_graph *graph) {
  struct digest *const digests = ARENA_NEW(scratch, struct digest, graph->n_ops);
  uint32_t *const first = ARENA_NEW(scratch, uint32_t, graph->n_ops);
  size_t n_slots = 16, n_shapes = 0;
  while (n_slots < 2 * graph->n_ops) n_slots *= 2;
  uint32_t *const slots = ARENA_NEW(scratch, uint32_t, n_slots); /* shape + 1; 0: free */
  for (size_t i = 0; i < graph->n_ops; i++) {
    digests[i] = shape_digest(&ops[i], graph->followers);
    size_t slot = digests[i].low & (n_slots - 1);
    while (slots[slot] != 0 && !digest_equal(digests[first[slots[slot] - 1]], digests[i]))
      slot = (slot + 1) & (n_slots - 1);
    if (slots[slot] == 0) {
      first[n_shapes++] = (uint32_t)i;
      slots[slot] = (uint32_t)n_shapes;
    }
    ops[i].shape = slots[slot] - 1;
  }
  uint32_t *const shape_op = ARENA_NEW(arena, uint32_t, n_shapes);
  if (n_shapes > 0) memcpy(shape_op, first, n_shapes * sizeof *first);
  graph->n_shapes = n_shapes;
  graph->shape_op = shape_op;
  return digests;
}

static struct digest graph_digest(const struct op_graph *graph, const struct digest *shapes) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    digest_add_u64(&stream, shapes[i].high);
    digest_add_u64(&stream, shapes[i].low);
    digest_add_u64(&stream, (uint64_t)op->layer << 32 | op->mirror);
    digest_add_u64(&stream, (uint64_t)op->weight_group << 32 | op->n_followers);
    digest_add_u64(&stream, op->n_parameters);
    if (op->n_frozen > 0) digest_add_u64(&stream, op->n_frozen);
    digest_add_u64(&stream, op->kept_bytes);
    digest_add_u64(&stream, graph->pred_start[i + 1]);
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      digest_add_u64(&stream, graph->preds[e]);
      digest_add_u64(&stream, graph->pred_bytes[e]);
    }
  }
  return digest_end(&stream);
}

static void lay_out_successors(struct arena *arena, struct op_graph *graph) {
  uint32_t *const start = ARENA_NEW(arena, uint32_t, graph->n_ops + 1);
  uint32_t *const succs = ARENA_NEW(arena, uint32_t, graph->n_edges);
  for (size_t e = 0; e < graph->n_edges; e++) start[graph->preds[e] + 1]++;
  for (size_t i = 0; i < graph->n_ops; i++) start[i + 1] += start[i];
  /* start[i] serves as the fill position of row i, and ends as the start of row i + 1 … */
  for (size_t i = 0; i < graph->n_ops; i++)
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      succs[start[graph->preds[e]]++] = (uint32_t)i;
  /* … so shift back. */
  for (size_t i = graph->n_ops; i > 0; i--) start[i] = start[i - 1];
  start[0] = 0;
  graph->succ_start = start;
  graph->succs = succs;
}

static void *copied(struct arena *arena, const void *from, size_t n, size_t size) {
  void *const block = arena_alloc(arena, n, size);
  if (n > 0) memcpy(block, from, n * size);
  return block;
}

bool graph_builder_finish(struct graph_builder *builder, struct arena *arena, struct op_graph *graph,
                          struct error *error) {
  if (builder->too_large)
    return error_add(error, STATUS_INPUT, "the operator graph is too large, allowed are %d ops and %d edges",
                     OP_GRAPH_MAX_OPS, OP_GRAPH_MAX_EDGES);
  REQUIRE(builder->n_tied_followers == builder->n_followers);
  *graph = (struct op_graph){.n_ops = builder->n_ops, .n_edges = builder->n_edges, .n_followers = builder->n_followers};
  struct op *const ops = copied(arena, builder->ops, builder->n_ops, sizeof *ops);
  graph->ops = ops;
  graph->followers = copied(arena, builder->followers, builder->n_followers, sizeof *graph->followers);
  graph->preds = copied(arena, builder->preds, builder->n_edges, sizeof *graph->preds);
  graph->pred_bytes = copied(arena, builder->pred_bytes, builder->n_edges, sizeof *graph->pred_bytes);
  graph->names = copied(arena, builder->names, builder->n_name_bytes, 1);
  uint32_t *const pred_start = ARENA_NEW(arena, uint32_t, builder->n_ops + 1);
  for (size_t i = 0; i < builder->n_ops; i++) pred_start[i + 1] = (uint32_t)builder->edge_end[i];
  graph->pred_start = pred_start;
  lay_out_successors(arena, graph);
  graph->facts = builder->facts;
  graph->digest = graph_digest(graph, number_shapes(arena, builder->scratch, ops, graph));
  return true;
}

void graph_totals(const struct op_graph *graph, struct graph_totals *totals) {
  *totals = (struct graph_totals){0};
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    if (op->phase == PHASE_FORWARD) totals->parameters = sat_add(totals->parameters, op->n_parameters);
    if (op->phase == PHASE_FORWARD) totals->frozen_parameters = sat_add(totals->frozen_parameters, op->n_frozen);
    totals->macs[op->phase] = sat_add(totals->macs[op->phase], op_macs(op));
    totals->stash_bytes = sat_add(totals->stash_bytes, op->kept_bytes);
    totals->ops[op->phase] += op_kinds[op->kind].class != CLASS_NONE;
  }
}

/* --- contraction ----------------------------------------------------------------------------------------------- */

/* For each old op the new ops that stand for it: itself, or what a contracted op passes on. */
struct contraction {
  struct arena *scratch;
  struct graph_builder *builder;
  size_t *start, *end; /* of each old op's row */
  size_t n, held;
  uint32_t *source;
  uint64_t *bytes;
  uint32_t *stamp; /* of each new op: the last old op (+ 1) whose row it joined */
};

static void push_source(struct contraction *contraction, uint32_t source, uint64_t bytes) {
  if (contraction->n == contraction->held) {
    size_t held = contraction->held;
    contraction->source =
        grown(contraction->scratch, contraction->source, contraction->n, &held, contraction->n + 1, sizeof(uint32_t));
    contraction->bytes = grown(contraction->scratch, contraction->bytes, contraction->n, &contraction->held,
                               contraction->n + 1, sizeof(uint64_t));
  }
  contraction->source[contraction->n] = source;
  contraction->bytes[contraction->n++] = bytes;
}

/* Gathers the sources of op i at the end of the rows. A contracted op passes each on once; for a kept op, operands
 * stay as many as they are. */
static void gather_sources(struct contraction *contraction, const struct op_graph *graph, size_t i, bool once) {
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
    const uint32_t pred = graph->preds[e];
    for (size_t s = contraction->start[pred]; s < contraction->end[pred]; s++) {
      const uint32_t source = contraction->source[s];
      if (contraction->n >= OP_GRAPH_MAX_EDGES) return; /* more than a graph may hold: reported by the caller */
      if (once && contraction->stamp[source] == i + 1) continue;
      contraction->stamp[source] = (uint32_t)(i + 1);
      const uint64_t limit = once ? min_u64(graph->pred_bytes[e], graph->ops[i].out_bytes) : graph->pred_bytes[e];
      push_source(contraction, source, min_u64(contraction->bytes[s], limit));
    }
  }
}

static void contract_op(struct contraction *contraction, const struct op_graph *graph, size_t i, uint32_t *place,
                        uint64_t *free_kept_bytes) {
  const struct op *const op = &graph->ops[i];
  const bool contracted = op_kinds[op->kind].class == CLASS_NONE;
  contraction->start[i] = contraction->n;
  gather_sources(contraction, graph, i, contracted);
  contraction->end[i] = contraction->n;
  if (contracted) {
    place[i] = OP_ABSENT;
    *free_kept_bytes = sat_add(*free_kept_bytes, op->kept_bytes);
    return;
  }
  struct op moved = *op;
  if (op->mirror != OP_ABSENT) moved.mirror = place[op->mirror];
  for (size_t f = 0; f < op->n_followers; f++)
    graph_builder_follow(contraction->builder, &graph->followers[op->first_follower + f]);
  const size_t start = contraction->start[i];
  place[i] = add_op(contraction->builder, &moved, op_name(graph, i), contraction->source + start,
                    contraction->bytes + start, contraction->n - start);
  contraction->n = start; /* the operands are in the builder; from here on the op stands for itself */
  push_source(contraction, place[i], op->out_bytes);
  contraction->end[i] = contraction->n;
}

bool graph_contract(const struct op_graph *graph, struct arena *arena, struct arena *scratch, struct op_graph *out,
                    uint64_t *free_kept_bytes, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct contraction contraction = {
      .scratch = scratch,
      .builder = graph_builder_new(scratch),
      .start = ARENA_NEW(scratch, size_t, graph->n_ops),
      .end = ARENA_NEW(scratch, size_t, graph->n_ops),
      .held = 1, /* so that rows are never NULL */
      .source = ARENA_NEW(scratch, uint32_t, 1),
      .bytes = ARENA_NEW(scratch, uint64_t, 1),
      .stamp = ARENA_NEW(scratch, uint32_t, graph->n_ops),
  };
  uint32_t *const place = ARENA_NEW(scratch, uint32_t, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    contract_op(&contraction, graph, i, place, free_kept_bytes);
    if (contraction.n >= OP_GRAPH_MAX_EDGES) contraction.builder->too_large = true;
  }
  const bool finished = graph_builder_finish(contraction.builder, arena, out, error);
  arena_rewind(scratch, mark);
  return finished;
}
