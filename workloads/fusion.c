/* Which chains of operators run as one?
 *
 * The public rule (accelerator-search §3, "Fusion"): inside a layer and a phase, repeated to a fixed point, a head
 * absorbs its only successor if it is that op's only predecessor but for weights. Edges from other layers are ignored
 * when neighbours are counted, but not when bytes are: what somebody outside still reads, or the backward pass keeps,
 * is written all the same. Left out there: softmax chains, attention.
 *
 * Rule `kernels` (ours) is what libraries and compilers for GPUs do: matrix products stay alone (their bias is part of
 * them), and elementwise work that follows elementwise work becomes one kernel, a softmax at its end at most: scale +
 * mask + softmax of Megatron-LM (arXiv 2104.04473, fused kernels), point-wise fusion of compilers. Left out there: sums
 * with a second operand of the same layer (dropout + residual sum), norms behind them.
 *
 * A group takes the place of its last member. That is a topological order if nobody outside reads an inner member
 * before that place, so an absorption that would break this is refused. */
#include "base/checked.h"
#include "workloads/training.h"
#include <string.h>

struct chains {
  const struct op_graph *graph;
  enum fusion rule;
  uint32_t *head; /* of each op: the head of its group, itself at first */
  uint32_t *next; /* next member, OP_ABSENT at the end */
  uint32_t *last; /* of each head: its last member */
};

/* Whether `to` is seen from `from` at all. Imported graphs keep what stands outside the layers together as a layer of
 * its own. */
static bool is_near(const struct op_graph *graph, uint32_t from, uint32_t to) {
  return graph->ops[from].layer == graph->ops[to].layer;
}

/* A parameter as an operand does not count; a bias that is a node of its own does, as in the published lists. */
static bool is_weight(const struct op *op) { return op->kind == OP_WEIGHT && op->weighted; }

/* The only op of this layer that reads op i, or OP_ABSENT. Several edges to one op count once. */
static uint32_t only_successor(const struct op_graph *graph, uint32_t i) {
  uint32_t only = OP_ABSENT;
  for (size_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++) {
    const uint32_t succ = graph->succs[e];
    if (!is_near(graph, i, succ) || succ == only) continue;
    if (only != OP_ABSENT) return OP_ABSENT;
    only = succ;
  }
  return only;
}

static bool is_only_predecessor(const struct op_graph *graph, uint32_t i, uint32_t succ) {
  for (size_t e = graph->pred_start[succ]; e < graph->pred_start[succ + 1]; e++) {
    const uint32_t pred = graph->preds[e];
    if (pred != i && is_near(graph, pred, succ) && !is_weight(&graph->ops[pred])) return false;
  }
  return true;
}

/* Work that a kernel does on each element by itself. */
static bool is_pointwise(const struct op *op) {
  const enum op_fusion fusion = op_kinds[op->kind].fusion;
  return fusion == FUSE_ACTIVATION || fusion == FUSE_ELEMENTWISE || fusion == FUSE_DROPOUT || op->kind == OP_MASK;
}

/* Rows meet in a softmax: forward it ends a chain, since what it is made of must be there before; backward it starts
 * one. */
static bool kernel_absorbs(const struct op *end, const struct op *op) {
  const bool softmax = op->kind == OP_SOFTMAX && op->phase == PHASE_FORWARD;
  const bool from_softmax = end->kind == OP_SOFTMAX && end->phase != PHASE_FORWARD;
  if (end->phase != op->phase) return false;
  return (is_pointwise(end) || from_softmax) && (is_pointwise(op) || (softmax && end->kind != OP_DROPOUT));
}

static bool absorbs(enum fusion rule, const struct op *head, const struct op *end, const struct op *op) {
  const enum op_fusion fusion = op_kinds[op->kind].fusion;
  if (rule == FUSION_KERNELS) return kernel_absorbs(end, op);
  if (head->phase != op->phase) return false;
  switch (op_kinds[head->kind].fusion) {
  case FUSE_COMPLEX:
    return fusion == FUSE_ACTIVATION || fusion == FUSE_ELEMENTWISE || fusion == FUSE_NORM || fusion == FUSE_DROPOUT ||
           fusion == FUSE_TRANSFORM;
  case FUSE_ELEMENTWISE:
    return fusion == FUSE_ELEMENTWISE || fusion == FUSE_REDUCTION || fusion == FUSE_DROPOUT;
  case FUSE_NONE:
  case FUSE_ACTIVATION:
  case FUSE_REDUCTION:
  case FUSE_NORM:
  case FUSE_DROPOUT:
  case FUSE_TRANSFORM:
    return false;
  }
  return false;
}

/* The first op but `next` that reads op i: one of another layer. */
static uint32_t first_other_reader(const struct op_graph *graph, uint32_t i, uint32_t next) {
  for (size_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
    if (graph->succs[e] != next) return graph->succs[e]; /* successors are sorted */
  return OP_ABSENT;
}

/* Grows the chain of one head as far as it goes. One pass over the heads in order is the fixed point: a chain only
 * depends on the edges at its own end, and an op that heads a chain is absorbed, if at all, by a head before it; then
 * its followers stay with it, so an elementwise op may only start a chain if nobody absorbs it. */
static void grow_chain(struct chains *chains, uint32_t head) {
  const struct op_graph *const graph = chains->graph;
  uint32_t first_reader = OP_ABSENT; /* outside the chain, of its inner members */
  for (;;) {
    const uint32_t end = chains->last[head], succ = only_successor(graph, end);
    if (succ == OP_ABSENT) return;
    if (!absorbs(chains->rule, &graph->ops[head], &graph->ops[end], &graph->ops[succ]) ||
        !is_only_predecessor(graph, end, succ))
      return;
    const uint32_t reader = first_other_reader(graph, end, succ);
    if (reader < first_reader) first_reader = reader;
    if (first_reader < succ) return;
    chains->head[succ] = head;
    chains->next[end] = succ;
    chains->last[head] = succ;
  }
}

/* Bytes of an inner member that go to memory although its follower takes them from the stream. */
static uint64_t written_bytes(const struct chains *chains, uint32_t member) {
  const struct op_graph *const graph = chains->graph;
  uint64_t bytes = graph->ops[member].kept_bytes;
  for (size_t e = graph->succ_start[member]; e < graph->succ_start[member + 1]; e++)
    if (chains->head[graph->succs[e]] != chains->head[member]) bytes = max_u64(bytes, graph->ops[member].out_bytes);
  return bytes;
}

static uint64_t follower_elements(const struct op *op) {
  if (op_kinds[op->kind].family == FAMILY_VECTOR) return op->dim[DIM_ELEMENTS];
  return op->element_bytes == 0 ? 0 : op->out_bytes / op->element_bytes; /* a view */
}

/* The head's op with what its followers add to it. */
static struct op fused_op(const struct chains *chains, uint32_t head, struct graph_builder *builder) {
  const struct op_graph *const graph = chains->graph;
  struct op fused = graph->ops[head];
  for (size_t f = 0; f < fused.n_followers; f++)
    graph_builder_follow(builder, &graph->followers[fused.first_follower + f]);
  uint64_t inner_bytes = 0;
  uint32_t before = head;
  for (uint32_t m = chains->next[head]; m != OP_ABSENT; before = m, m = chains->next[m]) {
    const struct op *const op = &graph->ops[m];
    const bool has_row = op_kinds[op->kind].family == FAMILY_VECTOR;
    graph_builder_follow(builder, &(struct op_follower){.kind = op->kind,
                                                        .phase = op->phase,
                                                        .elements = follower_elements(op),
                                                        .row = has_row ? op->dim[DIM_ROW] : 0});
    const uint64_t streamed = graph->ops[before].out_bytes;
    fused.in_bytes = sat_add(fused.in_bytes, op->in_bytes > streamed ? op->in_bytes - streamed : 0);
    fused.weight_bytes = sat_add(fused.weight_bytes, op->weight_bytes);
    fused.n_parameters = sat_add(fused.n_parameters, op->n_parameters);
    fused.n_frozen = sat_add(fused.n_frozen, op->n_frozen);
    fused.kept_bytes = sat_add(fused.kept_bytes, op->kept_bytes);
    if (fused.weight_group == OP_ABSENT) fused.weight_group = op->weight_group;
    inner_bytes = sat_add(inner_bytes, written_bytes(chains, before));
  }
  fused.out_bytes = sat_add(graph->ops[before].out_bytes, inner_bytes);
  return fused;
}

/* To whoever reads it, a group looks like its head: the public costs take the size of an operand from there. */
static void restate_operands(const struct chains *chains, uint32_t i, struct op *op) {
  const struct op_graph *const graph = chains->graph;
  if (op_kinds[op->kind].family != FAMILY_VECTOR) return;
  size_t operand = 0;
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1] && operand < 2; e++) {
    const uint32_t pred = graph->preds[e], head = chains->head[pred];
    if (!is_near(graph, pred, i)) continue;
    if (head != pred && head != chains->head[i])
      op->dim[operand == 0 ? DIM_X_ELEMENTS : DIM_Y_ELEMENTS] = follower_elements(&graph->ops[head]);
    operand++;
  }
}

/* Predecessors of a group, in the order of its members' operands, without its own members. */
static size_t gather_preds(const struct chains *chains, uint32_t head, const uint32_t *place, uint32_t *row) {
  const struct op_graph *const graph = chains->graph;
  size_t n = 0;
  for (uint32_t m = head; m != OP_ABSENT; m = chains->next[m])
    for (size_t e = graph->pred_start[m]; e < graph->pred_start[m + 1]; e++)
      if (chains->head[graph->preds[e]] != head) row[n++] = place[chains->head[graph->preds[e]]];
  return n;
}

static size_t n_group_preds(const struct chains *chains, uint32_t head) {
  size_t n = 0;
  for (uint32_t m = head; m != OP_ABSENT; m = chains->next[m])
    n += chains->graph->pred_start[m + 1] - chains->graph->pred_start[m];
  return n;
}

static struct chains find_chains(const struct op_graph *graph, enum fusion rule, struct arena *arena) {
  const size_t n = graph->n_ops;
  struct chains chains = {graph, rule, ARENA_NEW(arena, uint32_t, n), ARENA_NEW(arena, uint32_t, n),
                          ARENA_NEW(arena, uint32_t, n)};
  for (uint32_t i = 0; i < n; i++) {
    chains.head[i] = chains.last[i] = i;
    chains.next[i] = OP_ABSENT;
  }
  for (uint32_t i = 0; i < n; i++)
    if (chains.head[i] == i) grow_chain(&chains, i);
  return chains;
}

const uint32_t *fusion_heads(const struct op_graph *graph, struct arena *arena) {
  return find_chains(graph, FUSION_COMPAT, arena).head;
}

bool fusion_apply(const struct op_graph *graph, struct arena *arena, struct arena *scratch, struct op_graph *fused,
                  struct error *error) {
  return fusion_apply_rule(graph, FUSION_COMPAT, arena, scratch, fused, error);
}

bool fusion_apply_rule(const struct op_graph *graph, enum fusion rule, struct arena *arena, struct arena *scratch,
                       struct op_graph *fused, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = graph->n_ops;
  const struct chains chains = find_chains(graph, rule, scratch);
  struct graph_builder *const builder = graph_builder_new(scratch);
  uint32_t *const place = ARENA_NEW(scratch, uint32_t, n); /* of each head */
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t head = chains.head[i];
    if (chains.last[head] != i) continue;
    struct op op = fused_op(&chains, head, builder);
    restate_operands(&chains, head, &op);
    if (op.mirror != OP_ABSENT) op.mirror = place[chains.head[op.mirror]];
    uint32_t *const row = ARENA_NEW(scratch, uint32_t, n_group_preds(&chains, head));
    place[head] = graph_builder_add(builder, &op, op_name(graph, head), row, gather_preds(&chains, head, place, row));
  }
  const bool finished = graph_builder_finish(builder, arena, fused, error);
  arena_rewind(scratch, mark);
  return finished;
}
