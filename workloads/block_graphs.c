/* How do the graphs of one block come out of the model's?
 *
 * The model is expanded and fused once, as a whole, and what comes out belongs to the block of the forward op that it
 * mirrors. So the sum over all blocks is the whole by construction, tied tables included: each block that uses the
 * table has a weight gradient of its own, the owner's block their sum and the update. One kind of op moves: where
 * several ops of a block read the tensor that comes in, the sum of its gradients is theirs, since one gradient goes
 * back over the cut. Chains are fused before phases are taken apart (what another phase reads is written), but not
 * across a cut. Left out: gradients that merge over the steps of a recurrence, or of a table that is read in two
 * places, lie with the first of them. */
#include "workloads/block_graphs.h"
#include <stdlib.h>

static size_t n_preds(const struct op_graph *graph, size_t i) {
  return graph->pred_start[i + 1] - graph->pred_start[i];
}

/* --- the whole model ------------------------------------------------------------------------------------------- */

/* Numbers the layers of each place anew: labels of places do not meet, and equal places have equal ones but for where
 * they start. */
static void label_forward(struct block_source *source, struct arena *arena) {
  const struct op_graph *const graph = source->forward;
  size_t n_layers = 1; /* number 0: outside of them */
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].layer != OP_ABSENT && graph->ops[i].layer + 2 > n_layers) n_layers = graph->ops[i].layer + 2;
  uint32_t *const label_of_layer = ARENA_NEW(arena, uint32_t, n_layers);
  size_t *const stamp = ARENA_NEW(arena, size_t, n_layers);
  uint32_t *const label = ARENA_NEW(arena, uint32_t, graph->n_ops);
  uint32_t *const place_of_label = ARENA_NEW(arena, uint32_t, graph->n_ops + 1);
  uint32_t n = 0;
  for (size_t k = 0; k < source->cut.n_places; k++)
    for (size_t m = source->cut.member_start[k]; m < source->cut.member_start[k + 1]; m++) {
      const uint32_t op = source->cut.members[m];
      const size_t layer = graph->ops[op].layer == OP_ABSENT ? 0 : (size_t)graph->ops[op].layer + 1;
      if (stamp[layer] != k + 1) {
        stamp[layer] = k + 1;
        label_of_layer[layer] = n;
        place_of_label[n++] = (uint32_t)k;
      }
      label[op] = label_of_layer[layer];
    }
  source->label_of_forward = label;
  source->place_of_label = place_of_label;
}

struct group_member {
  uint32_t group, op;
};

static int compare_groups(const void *a, const void *b) {
  const struct group_member *const x = a, *const y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->op < y->op ? -1 : x->op > y->op;
}

static void number_groups(struct block_source *source, struct arena *arena) {
  const size_t n = source->forward->n_ops;
  struct group_member *const grouped = ARENA_NEW(arena, struct group_member, n);
  uint32_t *const group = ARENA_NEW(arena, uint32_t, n);
  size_t n_grouped = 0;
  for (uint32_t i = 0; i < n; i++) {
    group[i] = OP_ABSENT;
    if (source->forward->ops[i].weight_group == OP_ABSENT) continue;
    grouped[n_grouped++] = (struct group_member){source->forward->ops[i].weight_group, i};
  }
  if (n_grouped > 0) qsort(grouped, n_grouped, sizeof *grouped, compare_groups);
  uint32_t n_groups = 0;
  for (size_t g = 0; g < n_grouped; g++) {
    n_groups += g == 0 || grouped[g].group != grouped[g - 1].group;
    group[grouped[g].op] = n_groups - 1;
  }
  source->group_of_forward = group;
  source->n_groups = n_groups;
  source->group_number = ARENA_NEW(arena, uint32_t, n_groups);
  source->group_place = ARENA_NEW(arena, size_t, n_groups);
}

/* The sum of the gradients of a tensor that several ops read: the only ops of these kinds in a backward pass. */
static bool is_gradient_sum(const struct op *op) {
  return op->phase == PHASE_BACKWARD_DATA && (op->kind == OP_ADD || op->kind == OP_CONCAT);
}

/* Where the gradients come from that it sums, if that is one place; else where the tensor is. */
static uint32_t label_of_sum(const struct block_source *source, const struct op_graph *training, size_t i,
                             const uint32_t *label) {
  uint32_t first = OP_ABSENT;
  for (size_t e = training->pred_start[i]; e < training->pred_start[i + 1]; e++) {
    const uint32_t pred = training->preds[e];
    if (training->ops[pred].phase != PHASE_BACKWARD_DATA) return label[training->ops[i].mirror];
    if (first == OP_ABSENT || source->place_of_label[label[pred]] < source->place_of_label[first]) first = label[pred];
  }
  return first == OP_ABSENT ? label[training->ops[i].mirror] : first;
}

static bool relabel(const struct block_source *source, const struct op_graph *training, struct arena *arena,
                    struct arena *scratch, struct op_graph *out, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct graph_builder *const builder = graph_builder_new(scratch);
  uint32_t *const label = ARENA_NEW(scratch, uint32_t, training->n_ops);
  for (size_t i = 0; i < training->n_ops; i++) {
    struct op op = training->ops[i];
    if (op.phase == PHASE_FORWARD)
      label[i] = source->label_of_forward[i];
    else
      label[i] = is_gradient_sum(&op) ? label_of_sum(source, training, i, label) : label[op.mirror];
    op.layer = label[i];
    graph_builder_add(builder, &op, op_name(training, i), training->preds + training->pred_start[i],
                      n_preds(training, i));
  }
  const bool finished = graph_builder_finish(builder, arena, out, error);
  arena_rewind(scratch, mark);
  return finished;
}

static void sort_members(struct block_source *source, struct arena *arena) {
  const struct op_graph *const graph = &source->fused;
  const size_t n_places = source->cut.n_places;
  uint32_t *const start = ARENA_NEW(arena, uint32_t, n_places + 2);
  uint32_t *const members = ARENA_NEW(arena, uint32_t, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) start[source->place_of_label[graph->ops[i].layer] + 2]++;
  for (size_t k = 0; k < n_places; k++) start[k + 2] += start[k + 1];
  for (uint32_t i = 0; i < graph->n_ops; i++) members[start[source->place_of_label[graph->ops[i].layer] + 1]++] = i;
  source->member_start = start;
  source->members = members;
}

bool block_source_expand(struct block_source *source, const struct training_settings *settings, struct arena *arena,
                         struct arena *scratch, struct error *error) {
  struct op_graph expanded;
  label_forward(source, arena);
  if (!training_expand(source->forward, settings, arena, scratch, &expanded, error) ||
      !relabel(source, &expanded, arena, scratch, &source->training, error))
    return false;
  source->fused = source->training;
  if (settings->fusion != FUSION_OFF &&
      !fusion_apply_rule(&source->training, (enum fusion)settings->fusion, arena, scratch, &source->fused, error))
    return false;
  sort_members(source, arena);
  number_groups(source, arena);
  source->index = ARENA_NEW(arena, uint32_t, source->training.n_ops);
  for (size_t i = 0; i < source->training.n_ops; i++) source->index[i] = OP_ABSENT;
  return true;
}

/* --- forward --------------------------------------------------------------------------------------------------- */

struct cutting {
  struct block_source *source;
  size_t place;
  struct graph_builder *builder;
  struct block_forward *forward;
  uint32_t *from;
  uint32_t n_groups; /* of weights, met so far */
};

static uint32_t add_stand_in(struct cutting *cutting, uint32_t op) {
  const struct op_graph *const graph = cutting->source->forward;
  const struct op *const made = &graph->ops[op];
  const bool is_fact = made->kind == OP_SHAPE, is_weight = cutting->source->flags[op].weight;
  struct op input = op_new(is_fact ? OP_SHAPE : is_weight ? OP_WEIGHT : OP_INPUT, made->element_bytes);
  input.weighted = is_weight && made->weighted;
  input.out_bytes = is_fact ? 0 : rules_tensor_bytes(made);
  const uint32_t index = graph_builder_add(cutting->builder, &input, op_name(graph, op), NULL, 0);
  cutting->from[index] = OP_ABSENT;
  cutting->forward->flags[index] = cutting->source->flags[op];
  return index;
}

/* The operand's index in the block; OP_ABSENT for what is none (a fact about a tensor of a later place). */
static uint32_t operand_index(struct cutting *cutting, uint32_t pred) {
  const struct block_cut *const cut = &cutting->source->cut;
  uint32_t *const index = cutting->source->index;
  if (index[pred] != OP_ABSENT) return index[pred];
  if (cut->place_of[pred] >= cutting->place) return OP_ABSENT;
  if (cut->flows[pred]) return cutting->forward->entering;
  return index[pred] = add_stand_in(cutting, pred);
}

/* Groups are numbered anew in each block, so that equal blocks look equal. */
static uint32_t group_number(struct cutting *cutting, uint32_t group) {
  struct block_source *const source = cutting->source;
  if (group == OP_ABSENT) return OP_ABSENT;
  if (source->group_place[group] != cutting->place + 1) source->group_number[group] = cutting->n_groups++;
  source->group_place[group] = cutting->place + 1;
  return source->group_number[group];
}

static uint32_t first_label(const struct block_source *source, size_t place) {
  return source->label_of_forward[source->cut.members[source->cut.member_start[place]]];
}

static void cut_op(struct cutting *cutting, uint32_t i, uint32_t *row) {
  struct block_source *const source = cutting->source;
  const struct op_graph *const graph = source->forward;
  size_t n = 0;
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
    const uint32_t operand = operand_index(cutting, graph->preds[e]);
    if (operand != OP_ABSENT) row[n++] = operand;
  }
  struct op op = graph->ops[i];
  op.layer = source->label_of_forward[i] - first_label(source, cutting->place);
  op.weight_group = group_number(cutting, source->group_of_forward[i]);
  const uint32_t index = graph_builder_add(cutting->builder, &op, op_name(graph, i), row, n);
  source->index[i] = index;
  cutting->from[index] = i;
  cutting->forward->flags[index] = source->flags[i];
}

/* Leaves the shared rows as they were found. */
static void clear_indices(struct block_source *source, size_t place) {
  const struct op_graph *const graph = source->forward;
  for (size_t m = source->cut.member_start[place]; m < source->cut.member_start[place + 1]; m++) {
    const uint32_t i = source->cut.members[m];
    source->index[i] = OP_ABSENT;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) source->index[graph->preds[e]] = OP_ABSENT;
  }
}

bool block_forward_cut(struct block_source *source, size_t place, struct arena *arena, struct arena *scratch,
                       struct block_forward *forward, struct error *error) {
  const struct block_cut *const cut = &source->cut;
  const uint32_t first = cut->member_start[place], end = cut->member_start[place + 1];
  size_t n_edges = 0;
  for (uint32_t m = first; m < end; m++) n_edges += n_preds(source->forward, cut->members[m]);
  const size_t most = end - first + n_edges + 1;
  struct cutting cutting = {.source = source,
                            .place = place,
                            .builder = graph_builder_new(scratch),
                            .forward = forward,
                            .from = ARENA_NEW(scratch, uint32_t, most)};
  *forward = (struct block_forward){
      .from = cutting.from, .flags = ARENA_NEW(scratch, struct rules_flags, most), .entering = OP_ABSENT};
  if (place > 0) forward->entering = add_stand_in(&cutting, cut->leaving[place - 1]);
  uint32_t *const row = ARENA_NEW(scratch, uint32_t, n_edges + 1);
  for (uint32_t m = first; m < end; m++) cut_op(&cutting, cut->members[m], row);
  clear_indices(source, place);
  return graph_builder_finish(cutting.builder, arena, &forward->graph, error);
}

/* --- phases ---------------------------------------------------------------------------------------------------- */

static bool is_in_phase(const struct block_source *source, const struct op *op, uint32_t i, enum block_phase phase) {
  switch (phase) {
  case BLOCK_FORWARD:
    return op->phase == PHASE_FORWARD;
  case BLOCK_BACKWARD:
    return op->phase == PHASE_BACKWARD_DATA || op->phase == PHASE_BACKWARD_WEIGHT;
  case BLOCK_BACKWARD_DATA:
    return op->phase == PHASE_BACKWARD_DATA;
  case BLOCK_BACKWARD_WEIGHT:
    return op->phase == PHASE_BACKWARD_WEIGHT;
  case BLOCK_UPDATE:
    return op->phase == PHASE_UPDATE;
  case BLOCK_SELECTIVE: /* of the unfused graph, whose first ops are the forward ones */
    return op->phase == PHASE_FORWARD && source->dropped.again[i];
  case N_BLOCK_PHASES:
    break;
  }
  return false;
}

/* The members that are in the phase, with the edges among them. */
static struct graph_builder *select_ops(struct block_source *source, size_t place, enum block_phase phase,
                                        struct arena *scratch) {
  const bool again = phase == BLOCK_SELECTIVE;
  const struct op_graph *const graph = again ? &source->training : &source->fused;
  const uint32_t *const start = again ? source->cut.member_start : source->member_start;
  const uint32_t *const members = again ? source->cut.members : source->members;
  struct graph_builder *const builder = graph_builder_new(scratch);
  size_t most = 0;
  for (uint32_t m = start[place]; m < start[place + 1]; m++)
    most = most < n_preds(graph, members[m]) ? n_preds(graph, members[m]) : most;
  uint32_t *const row = ARENA_NEW(scratch, uint32_t, most + 1);
  for (uint32_t m = start[place]; m < start[place + 1]; m++) {
    const uint32_t i = members[m];
    if (!is_in_phase(source, &graph->ops[i], i, phase)) continue;
    size_t n = 0;
    for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      if (source->index[graph->preds[e]] != OP_ABSENT) row[n++] = source->index[graph->preds[e]];
    struct op op = graph->ops[i];
    op.layer -= first_label(source, place);
    op.mirror = op.weight_group = OP_ABSENT; /* of other phases and blocks, and not asked for any more */
    for (size_t f = 0; f < op.n_followers; f++) graph_builder_follow(builder, &graph->followers[op.first_follower + f]);
    source->index[i] = graph_builder_add(builder, &op, op_name(graph, i), row, n);
  }
  for (uint32_t m = start[place]; m < start[place + 1]; m++) source->index[members[m]] = OP_ABSENT;
  return builder;
}

bool block_phase_cut(struct block_source *source, size_t place, enum block_phase phase, enum fusion fusion,
                     struct arena *arena, struct arena *scratch, struct op_graph *graph, struct error *error) {
  *graph = (struct op_graph){0};
  const struct arena_mark mark = arena_get_mark(scratch);
  struct graph_builder *const builder = select_ops(source, place, phase, scratch);
  bool done = true;
  if (graph_builder_count(builder) > 0) {
    struct op_graph selected, fused;
    uint64_t free_kept_bytes = 0;
    done = graph_builder_finish(builder, scratch, &selected, error);
    fused = selected;
    /* Only what comes out of the unfused graph has chains left. */
    if (done && fusion != FUSION_OFF && phase == BLOCK_SELECTIVE)
      done = fusion_apply_rule(&selected, fusion, arena, scratch, &fused, error);
    done = done && graph_contract(&fused, arena, scratch, graph, &free_kept_bytes, error);
  }
  arena_rewind(scratch, mark);
  return done;
}
