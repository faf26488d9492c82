/* How does a forward graph become that of one device?
 *
 * A copy op by op. Links stand directly behind the op they belong to, or directly before the first reader, so that
 * strategies that know nothing of each other make the same graph in any order. Source: workloads §8. */
#include "workloads/split_rewrite.h"
#include "base/checked.h"
#include "workloads/split_sizes.h"

struct rewrite {
  const struct op_graph *graph;
  const struct split_facts *facts; /* of the result */
  const struct split_degrees *degrees;
  const struct split_links *links;
  struct arena *scratch;
  struct graph_builder *builder;
  uint32_t *place;   /* of each old op: where its tensor is in the new graph */
  uint32_t *entered; /* of each old op: the link before its readers; OP_ABSENT: none yet */
};

static size_t n_preds(const struct op_graph *graph, size_t i) {
  return graph->pred_start[i + 1] - graph->pred_start[i];
}

/* A link next to op i that passes on what stands at `from` in the new graph. */
static uint32_t add_link(const struct rewrite *rewrite, size_t i, uint32_t from, const struct split_link *link) {
  const struct op *const beside = &rewrite->graph->ops[i];
  struct op op = op_new(link->kind, beside->element_bytes);
  op.layer = beside->layer;
  op.split = (uint8_t)link->split;
  op.dim[DIM_BYTES] = link->bytes;
  op.dim[DIM_RANKS] = link->ranks;
  op.dim[DIM_RANK_STRIDE] = link->stride;
  op = split_resized(&op, rewrite->facts, rewrite->facts);
  const char *const name = arena_printf(rewrite->scratch, "%s.%s", op_name(rewrite->graph, i), link->suffix);
  return graph_builder_add(rewrite->builder, &op, name, &from, 1);
}

static uint32_t operand(const struct rewrite *rewrite, size_t i, size_t j, const struct op *reader) {
  const uint32_t pred = rewrite->graph->preds[rewrite->graph->pred_start[i] + j];
  struct split_link link = {0};
  if (rewrite->links->before == NULL || !rewrite->links->before(reader, j, rewrite->degrees, &link))
    return rewrite->place[pred];
  if (rewrite->entered[pred] == OP_ABSENT) rewrite->entered[pred] = add_link(rewrite, i, rewrite->place[pred], &link);
  return rewrite->entered[pred];
}

static void rewrite_op(const struct rewrite *rewrite, size_t i) {
  const struct op_graph *const graph = rewrite->graph;
  const struct op op = split_resized(&graph->ops[i], &graph->facts, rewrite->facts);
  uint32_t *const row = ARENA_NEW(rewrite->scratch, uint32_t, n_preds(graph, i) + 1);
  for (size_t j = 0; j < n_preds(graph, i); j++) row[j] = operand(rewrite, i, j, &op);
  rewrite->place[i] = graph_builder_add(rewrite->builder, &op, op_name(graph, i), row, n_preds(graph, i));
  struct split_link link = {0};
  for (size_t k = 0; rewrite->links->behind != NULL && rewrite->links->behind(&op, k, rewrite->degrees, &link); k++)
    rewrite->place[i] = add_link(rewrite, i, rewrite->place[i], &link);
}

bool split_rewrite(const struct op_graph *forward, const struct split_facts *facts, const struct split_degrees *degrees,
                   const struct split_links *links, struct arena *arena, struct arena *scratch, struct op_graph *rank,
                   struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct rewrite rewrite = {.graph = forward,
                                  .facts = facts,
                                  .degrees = degrees,
                                  .links = links,
                                  .scratch = scratch,
                                  .builder = graph_builder_new(scratch),
                                  .place = ARENA_NEW(scratch, uint32_t, forward->n_ops),
                                  .entered = ARENA_NEW(scratch, uint32_t, forward->n_ops)};
  graph_builder_set_facts(rewrite.builder, facts);
  for (size_t i = 0; i < forward->n_ops; i++) rewrite.entered[i] = OP_ABSENT;
  for (size_t i = 0; i < forward->n_ops; i++) rewrite_op(&rewrite, i);
  const bool finished = graph_builder_finish(rewrite.builder, arena, rank, error);
  arena_rewind(scratch, mark);
  return finished;
}

bool split_known(const struct op_graph *forward, const char *name, uint64_t degree, uint64_t done,
                 struct error *error) {
  if (forward->facts.heads == 0)
    return error_add(error, STATUS_INPUT,
                     "%s: is %llu, but nothing says how this graph's operators split (transformers of model files do), "
                     "allowed is 1",
                     name, (unsigned long long)degree);
  if (done > 1)
    return error_add(error, STATUS_INPUT, "%s: the graph is split %llu ways already, allowed is 1", name,
                     (unsigned long long)done);
  return true;
}

/* --- what a split adds ----------------------------------------------------------------------------------------- */

struct comparison {
  uint64_t tensor, context, expert;        /* ranks, new over old */
  uint64_t copied_columns, padded_columns; /* of a layer's packed QKV, over all ranks */
};

static uint64_t more(uint64_t ranks, uint64_t now, uint64_t before) {
  const uint64_t all = sat_mul(ranks, now);
  return all > before ? all - before : 0;
}

static void compare_columns(struct comparison *c, const struct op_graph *forward, const struct op_graph *rank) {
  struct split_sizes from, to;
  split_sizes_init(&from, &forward->facts);
  split_sizes_init(&to, &rank->facts);
  const uint64_t e = rank->facts.head_size, copied = to.kv_heads == 1 ? more(c->tensor, 1, from.kv_heads) : 0;
  const bool pads = from.heads == from.kv_heads; /* one key a head: more of them than there are heads is padding */
  c->copied_columns = pads ? 0 : 2 * copied * e;
  const uint64_t columns = c->tensor * (to.heads + 2 * to.kv_heads) * e;
  c->padded_columns = columns - (from.heads + 2 * from.kv_heads) * e - c->copied_columns;
}

/* How much of what all ranks have more than one is copied; the rest is padding. */
static uint64_t copied_share(const struct comparison *c, const struct op *now, const struct op *before, uint64_t n_more,
                             bool of_parameters) {
  const uint64_t columns = c->copied_columns + c->padded_columns;
  switch ((enum op_split)now->split) {
  case SPLIT_QKV: /* a matrix and its bias alike */
    return columns == 0 ? 0 : n_more / columns * c->copied_columns;
  case SPLIT_ROTARY:
  case SPLIT_TOKENS:
    return n_more;
  case SPLIT_PROJECTION:
  case SPLIT_ROW:
  case SPLIT_EXPERT_ROW:
  case SPLIT_EXPERT_COLUMN: {
    const uint64_t ranks = c->tensor * (op_is_expert(now) ? c->expert : 1);
    const uint64_t matrix = sat_mul(now->dim[DIM_REPS], sat_mul(now->dim[DIM_N], now->dim[DIM_K]));
    const uint64_t whole = sat_mul(before->dim[DIM_REPS], sat_mul(before->dim[DIM_N], before->dim[DIM_K]));
    return of_parameters ? n_more - min_u64(n_more, more(ranks, matrix, whole)) : 0;
  }
  default:
    return 0;
  }
}

static void compare(const struct comparison *c, const struct op *now, const struct op *before,
                    struct split_extras *extras) {
  const uint64_t holders = c->tensor * (op_is_expert(now) ? c->expert : 1);
  const uint64_t parameters = more(holders, now->n_parameters + now->n_frozen, before->n_parameters + before->n_frozen);
  const uint64_t macs = more(c->tensor * c->context, op_macs(now), op_macs(before));
  const uint64_t copied_parameters = copied_share(c, now, before, parameters, true);
  const uint64_t copied_macs = copied_share(c, now, before, macs, false);
  extras->copied_parameters = sat_add(extras->copied_parameters, copied_parameters);
  extras->padded_parameters = sat_add(extras->padded_parameters, parameters - copied_parameters);
  extras->copied_macs = sat_add(extras->copied_macs, copied_macs);
  extras->padded_macs = sat_add(extras->padded_macs, macs - copied_macs);
}

/* Of all layers with experts, on all ranks that send different tokens. */
static uint64_t dropped_rows(const struct op_graph *graph, uint64_t layers) {
  const struct split_facts *const facts = &graph->facts;
  struct split_sizes sizes;
  split_sizes_init(&sizes, facts);
  const uint64_t senders = split_context_ranks(facts) * (facts->sequence_parallel ? split_tensor_ranks(facts) : 1);
  const uint64_t choices = sat_mul(sizes.tokens, facts->top_k), taken = sat_mul(facts->experts, sizes.rows_sent);
  return choices > taken ? sat_mul(sat_mul(senders, layers), choices - taken) : 0;
}

void split_extras_between(const struct op_graph *forward, const struct op_graph *rank, struct split_extras *extras) {
  const struct split_facts *const from = &forward->facts, *const to = &rank->facts;
  struct comparison c = {split_tensor_ranks(to) / split_tensor_ranks(from),
                         split_context_ranks(to) / split_context_ranks(from),
                         split_expert_ranks(to) / split_expert_ranks(from), 0, 0};
  *extras = (struct split_extras){0};
  if (to->heads == 0) return;
  compare_columns(&c, forward, rank);
  size_t i = 0;
  for (size_t k = 0; k < rank->n_ops; k++) { /* the model's ops come in their old order */
    if (op_is_split_link(&rank->ops[k])) continue;
    while (op_is_split_link(&forward->ops[i])) i++;
    compare(&c, &rank->ops[k], &forward->ops[i++], extras);
  }
  extras->dropped_rows = dropped_rows(rank, to->layers - to->dense_layers);
}
