/* How does a forward graph become a training step?
 *
 * One walk backwards. Every op that passes gradients collects them from its consumers (a sum where there are several),
 * hands them on through a backward op of its own or unchanged (views, adds), and leaves them for its weight gradient.
 * Ops of one weight group get their weight gradient together when the walk has passed the first of them; updates come
 * last. A backward op has edges from the gradients it reads; what it reads of the forward pass is older than those on
 * any path, so no edge is needed for order. What a split gathers from several devices is gathered once more for the ops
 * that read it backwards. Sources: accelerator-search §3, workloads §6. Left out: recomputation,
 * gradient clipping, accumulation over microbatches (U is there or not, `update`). */
#include "workloads/training.h"
#include "base/checked.h"
#include "workloads/attention_fusion.h"
#include "workloads/training_rules.h"
#include "workloads/training_weights.h"
#include <string.h>

static const char *const optimizer_choices[] = {"sgd", "momentum", "adam", NULL};
static const char *const fusion_choices[] = {"off", "compat", "kernels", NULL};
static const char *const attention_choices[] = {"separate", "fused", "causal", NULL};
static const char *const selective_choices[] = {"attention", "operators", NULL};

static const struct field training_field_list[] = {
    {"optimizer", FIELD_CHOICE, "", 0, 0, "\"adam\"", "How parameters are updated.",
     offsetof(struct training_settings, optimizer), ROLE_ANSWER, optimizer_choices},
    {"fusion", FIELD_CHOICE, "", 0, 0, "\"compat\"", "Which chains of operators run as one.",
     offsetof(struct training_settings, fusion), ROLE_ANSWER, fusion_choices},
    {"attention", FIELD_CHOICE, "", 0, 0, "\"separate\"",
     "separate: scores of attention go through memory and are kept; fused: they stay on the chip and are computed "
     "again "
     "backwards; causal: and where they are masked, not computed above the diagonal.",
     offsetof(struct training_settings, attention), ROLE_ANSWER, attention_choices},
    {"selective", FIELD_CHOICE, "", 0, 0, "\"attention\"",
     "What selective recomputation computes again: attention: from the scores to the output; operators: every second "
     "product with weights of a layer, and what is elementwise.",
     offsetof(struct training_settings, selective), ROLE_ANSWER, selective_choices},
    {"keep_statistics", FIELD_BOOL, "", 0, 0, "false", "Whether norms also keep two fp32 a row or channel.",
     offsetof(struct training_settings, keep_statistics), ROLE_ANSWER, NULL},
    {"update", FIELD_BOOL, "", 0, 0, "true", "Whether the step ends with the update of the parameters.",
     offsetof(struct training_settings, update), ROLE_ANSWER, NULL},
    {"gradient_bytes", FIELD_UINT, "bytes", 2, 4, "2", "Bytes of a parameter's gradient.",
     offsetof(struct training_settings, gradient_bytes), ROLE_ANSWER, NULL},
    {"master_bytes", FIELD_UINT, "bytes", 2, 8, "4", "Bytes of the copy of a parameter that is updated.",
     offsetof(struct training_settings, master_bytes), ROLE_ANSWER, NULL},
    {"moment_bytes", FIELD_UINT, "bytes", 1, 8, "4", "Bytes of one moment of a parameter.",
     offsetof(struct training_settings, moment_bytes), ROLE_ANSWER, NULL},
    {"accumulate_bytes", FIELD_UINT, "bytes", 2, 4, "4",
     "Bytes of a parameter's gradient as a device of a distributed system sums it over microbatches; at least "
     "gradient_bytes.",
     offsetof(struct training_settings, accumulate_bytes), ROLE_ANSWER, NULL},
    {"bucket_mib", FIELD_UINT, "MiB", 0, 65536, "25",
     "Gradients that devices of a distributed system reduce together; two such buffers are held.",
     offsetof(struct training_settings, bucket_mib), ROLE_ANSWER, NULL},
};
const struct field_table training_fields = {"training", "From the forward graph to a training step.",
                                            training_field_list,
                                            sizeof training_field_list / sizeof *training_field_list};

static uint64_t n_moments(const struct training_settings *settings) {
  return settings->optimizer == OPTIMIZER_ADAM ? 2 : settings->optimizer == OPTIMIZER_MOMENTUM ? 1 : 0;
}

uint64_t training_optimizer_bytes(const struct training_settings *settings, uint64_t weight_bytes) {
  const uint64_t master = weight_bytes >= settings->master_bytes ? 0 : settings->master_bytes; /* is the weight */
  return master + n_moments(settings) * settings->moment_bytes;
}

uint64_t training_bytes_per_parameter(const struct training_settings *settings, uint64_t weight_bytes) {
  return weight_bytes + settings->gradient_bytes + training_optimizer_bytes(settings, weight_bytes);
}

/* --- gradients on their way back ------------------------------------------------------------------------------- */

/* More slices than this are gathered by a copy before anybody reads them. */
enum { MAX_SLICES = 128 };

uint32_t expansion_add(struct expansion *x, const struct op *op, size_t forward, const char *suffix,
                       struct link_list preds) {
  const size_t n = preds.n;
  uint32_t *const row = ARENA_NEW(x->scratch, uint32_t, n + 1);
  size_t k = 0;
  for (uint32_t l = n > 0 ? preds.first : OP_ABSENT; l != OP_ABSENT; l = x->links[l].next) row[k++] = x->links[l].op;
  REQUIRE(k == n);
  if (n == 0) row[k++] = (uint32_t)forward; /* the gradient comes from outside, once the forward op is done */
  return graph_builder_add(x->builder, op, arena_printf(x->scratch, "%s.%s", op_name(x->forward, forward), suffix), row,
                           k);
}

struct op expansion_op(const struct expansion *x, enum op_kind kind, enum op_phase phase, size_t forward) {
  const struct op *const from = &x->forward->ops[forward];
  struct op op = op_new(kind, from->element_bytes);
  op.phase = (uint8_t)phase;
  op.layer = from->layer;
  op.mirror = (uint32_t)forward;
  return op;
}

void expansion_link(struct expansion *x, struct link_list *list, uint32_t op, bool partial) {
  if (x->n_links == x->links_held) {
    const size_t held = x->links_held < 64 ? 64 : 2 * x->links_held;
    struct link *const links = ARENA_NEW(x->scratch, struct link, held);
    if (x->n_links > 0) memcpy(links, x->links, x->n_links * sizeof *links);
    x->links = links;
    x->links_held = held;
  }
  x->links[x->n_links] = (struct link){op, OP_ABSENT, partial};
  if (list->n == 0)
    list->first = (uint32_t)x->n_links;
  else
    x->links[list->last].next = (uint32_t)x->n_links;
  list->last = (uint32_t)x->n_links++;
  list->n++;
}

static bool has_slice(const struct expansion *x, const struct link_list *list, uint32_t op) {
  for (uint32_t l = list->n > 0 ? list->first : OP_ABSENT; l != OP_ABSENT; l = x->links[l].next)
    if (x->links[l].op == op && x->links[l].partial) return true;
  return false;
}

/* `op` makes a gradient of `elements` elements for the tensor of forward op `to`. A slice counts once, whatever the
 * number of views it came through. */
static void contribute(struct expansion *x, uint32_t to, uint32_t op, uint64_t elements, bool partial) {
  struct link_list *const list = &x->gradients[to];
  partial |= elements < rules_out_elements(&x->forward->ops[to]);
  if (partial && list->n <= MAX_SLICES && has_slice(x, list, op)) return;
  expansion_link(x, list, op, partial);
}

/* Makes one gradient of several: slices lie side by side, whole ones are summed. */
static void join_gradients(struct expansion *x, size_t i) {
  struct link_list *const list = &x->gradients[i];
  size_t n_slices = 0;
  for (uint32_t l = list->n > 0 ? list->first : OP_ABSENT; l != OP_ABSENT; l = x->links[l].next)
    n_slices += x->links[l].partial;
  const uint64_t n_terms = list->n - n_slices + (n_slices > 0);
  if (n_terms < 2 && n_slices <= MAX_SLICES) return;
  const uint64_t elements = rules_out_elements(&x->forward->ops[i]);
  struct op sum = expansion_op(x, n_terms < 2 ? OP_CONCAT : OP_ADD, PHASE_BACKWARD_DATA, i);
  sum.dim[DIM_ELEMENTS] = n_terms < 2 ? elements : sat_mul(elements, n_terms - 1);
  sum.dim[DIM_OPERANDS] = n_terms;
  sum.dim[DIM_X_ELEMENTS] = sum.dim[DIM_Y_ELEMENTS] = elements;
  sum.dim[DIM_X_RANK] = sum.dim[DIM_Y_RANK] = 1;
  sum.out_bytes = sat_mul(elements, sum.element_bytes);
  sum.in_bytes = sat_mul(sum.out_bytes, n_terms);
  const uint32_t added = expansion_add(x, &sum, i, "sum", *list);
  *list = (struct link_list){0};
  expansion_link(x, list, added, false);
}

void expansion_gather_again(struct expansion *x, size_t i, enum op_phase phase, struct link_list *list) {
  const struct op_graph *const graph = x->forward;
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
    const uint32_t pred = graph->preds[e];
    const struct op *const from = &graph->ops[pred];
    if (!rules_is_gathered_again(from) || (e > graph->pred_start[i] && graph->preds[e - 1] == pred)) continue;
    if (x->gathered[pred] == OP_ABSENT) {
      struct op op = expansion_op(x, OP_ALL_GATHER, phase, pred);
      memcpy(op.dim, from->dim, sizeof op.dim);
      op.in_bytes = from->in_bytes;
      op.out_bytes = from->out_bytes;
      x->gathered[pred] = expansion_add(x, &op, pred, "again", x->gradients[i]);
    }
    expansion_link(x, list, x->gathered[pred], false);
  }
}

/* --- backward ops ---------------------------------------------------------------------------------------------- */

static uint32_t pred_of(const struct expansion *x, size_t i, size_t j) {
  return x->forward->preds[x->forward->pred_start[i] + j];
}

static size_t n_preds(const struct expansion *x, size_t i) {
  return x->forward->pred_start[i + 1] - x->forward->pred_start[i];
}

static uint64_t gradient_bytes_of(const struct expansion *x, size_t i) {
  return sat_mul(rules_out_elements(&x->forward->ops[i]), x->forward->ops[i].element_bytes);
}

/* One backward op that makes the gradients of all operands. */
static void backward_one(struct expansion *x, size_t i, struct op *op) {
  bool any = false;
  op->out_bytes = 0;
  for (size_t j = 0; j < n_preds(x, i); j++) {
    if (!x->flags[pred_of(x, i, j)].requires) continue;
    any = true;
    op->out_bytes =
        sat_add(op->out_bytes, sat_mul(rules_operand_elements(x->forward, i, j), x->forward->ops[i].element_bytes));
  }
  if (!any) return;
  const uint32_t added = expansion_add(x, op, i, "dX", x->gradients[i]);
  for (size_t j = 0; j < n_preds(x, i); j++)
    if (x->flags[pred_of(x, i, j)].requires)
      contribute(x, pred_of(x, i, j), added, rules_operand_elements(x->forward, i, j), false);
}

/* dA = dC·Bᵀ or dB = Aᵀ·dC. */
static void backward_factor(struct expansion *x, size_t i, size_t j, bool second, uint64_t other_bytes) {
  const struct op *const from = &x->forward->ops[i];
  struct op op = expansion_op(x, OP_GEMM, PHASE_BACKWARD_DATA, i);
  op.dim[DIM_REPS] = from->dim[DIM_REPS];
  op.dim[DIM_M] = second ? from->dim[DIM_K] : from->dim[DIM_M];
  op.dim[DIM_N] = second ? from->dim[DIM_N] : from->dim[DIM_K];
  op.dim[DIM_K] = second ? from->dim[DIM_M] : from->dim[DIM_N];
  op.in_bytes = sat_add(gradient_bytes_of(x, i), other_bytes);
  const uint32_t pred = pred_of(x, i, j);
  const uint64_t elements = min_u64(rules_out_elements(&op), rules_out_elements(&x->forward->ops[pred]));
  op.out_bytes = sat_mul(elements, op.element_bytes);
  contribute(x, pred, expansion_add(x, &op, i, second ? "dB" : "dA", x->gradients[i]), elements, false);
}

static uint64_t factor_bytes(const struct expansion *x, size_t i, size_t j, bool second) {
  const struct op *const op = &x->forward->ops[i];
  const uint64_t rows = op->dim[second ? DIM_K : DIM_M], columns = op->dim[second ? DIM_N : DIM_K];
  const uint64_t elements = sat_mul(op->dim[DIM_REPS], sat_mul(rows, columns));
  return sat_mul(min_u64(elements, rules_out_elements(&x->forward->ops[pred_of(x, i, j)])), op->element_bytes);
}

static void backward_gemm(struct expansion *x, size_t i) {
  const struct op *const from = &x->forward->ops[i];
  if (from->weighted) {
    struct op op = expansion_op(x, OP_GEMM, PHASE_BACKWARD_DATA, i);
    op.weighted = true;
    op.dim[DIM_REPS] = from->dim[DIM_REPS];
    op.dim[DIM_M] = from->dim[DIM_M];
    op.dim[DIM_N] = from->dim[DIM_K];
    op.dim[DIM_K] = from->dim[DIM_N];
    op.in_bytes = gradient_bytes_of(x, i);
    op.weight_bytes = from->weight_bytes;
    backward_one(x, i, &op);
    return;
  }
  size_t factor[2];
  if (!rules_factors(x->forward, x->flags, i, factor)) return;
  expansion_gather_again(x, i, PHASE_BACKWARD_DATA, &x->gradients[i]);
  const uint64_t a_bytes = factor_bytes(x, i, factor[0], false), b_bytes = factor_bytes(x, i, factor[1], true);
  if (x->flags[pred_of(x, i, factor[0])].requires) backward_factor(x, i, factor[0], false, b_bytes);
  if (x->flags[pred_of(x, i, factor[1])].requires) backward_factor(x, i, factor[1], true, a_bytes);
}

static void backward_link(struct expansion *x, size_t i, enum op_kind kind) {
  const struct op *const from = &x->forward->ops[i];
  struct op op = expansion_op(x, kind, PHASE_BACKWARD_DATA, i);
  memcpy(op.dim, from->dim, sizeof op.dim);
  op.in_bytes = from->out_bytes;
  backward_one(x, i, &op);
}

static void backward_vector(struct expansion *x, size_t i, enum op_kind kind) {
  const struct op *const from = &x->forward->ops[i];
  struct op op = expansion_op(x, kind, PHASE_BACKWARD_DATA, i);
  memcpy(op.dim, from->dim, sizeof op.dim);
  op.in_bytes = rules_backward_in_bytes(x->forward, i);
  if (op_kinds[kind].family == FAMILY_CONV) {
    op.in_bytes = gradient_bytes_of(x, i);
    op.weight_bytes = from->weight_bytes;
  }
  backward_one(x, i, &op);
}

/* dQ, dK and dV in one op, from Q, K, V, the output, its gradient and the statistics of the rows. */
static void backward_attention(struct expansion *x, size_t i) {
  const struct op *const from = &x->forward->ops[i];
  struct op op = expansion_op(x, OP_ATTENTION, PHASE_BACKWARD_DATA, i);
  memcpy(op.dim, from->dim, sizeof op.dim);
  op.in_bytes = sat_add(sat_mul(2, gradient_bytes_of(x, i)), rules_attention_statistics_bytes(from));
  expansion_gather_again(x, i, PHASE_BACKWARD_DATA, &x->gradients[i]);
  for (size_t j = 0; j < n_preds(x, i) && j < RULES_ATTENTION_FACTORS; j++)
    op.in_bytes = sat_add(op.in_bytes, sat_mul(rules_operand_elements(x->forward, i, j), from->element_bytes));
  backward_one(x, i, &op);
}

/* Hands the gradients of op i to operand j as they are. */
static void pass_on(struct expansion *x, size_t i, size_t j) {
  const struct link_list list = x->gradients[i];
  const uint64_t elements = min_u64(rules_operand_elements(x->forward, i, j), rules_out_elements(&x->forward->ops[i]));
  for (uint32_t l = list.n > 0 ? list.first : OP_ABSENT; l != OP_ABSENT; l = x->links[l].next)
    contribute(x, pred_of(x, i, j), x->links[l].op, elements, x->links[l].partial);
}

/* The gradient of an operand that was repeated to fit is summed down to its size. */
static void reduce_on(struct expansion *x, size_t i, size_t j, uint64_t operand_elements) {
  struct op op = expansion_op(x, OP_REDUCE, PHASE_BACKWARD_DATA, i);
  op.dim[DIM_ELEMENTS] = op.dim[DIM_X_ELEMENTS] = rules_out_elements(&x->forward->ops[i]);
  op.dim[DIM_X_RANK] = op.dim[DIM_OPERANDS] = 1;
  op.in_bytes = gradient_bytes_of(x, i);
  op.out_bytes = sat_mul(operand_elements, op.element_bytes);
  contribute(x, pred_of(x, i, j), expansion_add(x, &op, i, "dX", x->gradients[i]), operand_elements, false);
}

/* Views, adds, concatenations, sums over ranks. */
static void backward_alias(struct expansion *x, size_t i) {
  const enum op_kind kind = x->forward->ops[i].kind;
  const uint64_t out_elements = rules_out_elements(&x->forward->ops[i]);
  uint64_t data_elements = 0;
  for (size_t j = 0; j < n_preds(x, i); j++)
    if (rules_is_data(x->forward, x->flags, i, j))
      data_elements = sat_add(data_elements, rules_operand_elements(x->forward, i, j));
  for (size_t j = 0; j < n_preds(x, i); j++) {
    if (!x->flags[pred_of(x, i, j)].requires) continue;
    const uint64_t elements = rules_operand_elements(x->forward, i, j);
    const bool adds = kind == OP_ADD || kind == OP_SUB;
    if (kind != OP_CONCAT && (adds ? elements : data_elements) < out_elements)
      reduce_on(x, i, j, elements);
    else
      pass_on(x, i, j);
  }
}

static void backward_of(struct expansion *x, size_t i) {
  const enum op_kind kind = x->forward->ops[i].kind;
  switch (kind) {
  case OP_INPUT:
  case OP_SHAPE:
  case OP_WEIGHT:
  case OP_EMBEDDING:
    return;
  case OP_VIEW:
  case OP_FREE:
  case OP_ADD:
  case OP_SUB:
  case OP_CONCAT:
  case OP_ALL_REDUCE:
    backward_alias(x, i);
    return;
  case OP_GEMM:
    backward_gemm(x, i);
    return;
  case OP_ATTENTION:
    backward_attention(x, i);
    return;
  case OP_COPY:
    backward_link(x, i, OP_ALL_REDUCE);
    return;
  case OP_ALL_GATHER:
    backward_link(x, i, OP_REDUCE_SCATTER);
    return;
  case OP_REDUCE_SCATTER:
    backward_link(x, i, OP_ALL_GATHER);
    return;
  case OP_ALL_TO_ALL:
    backward_link(x, i, OP_ALL_TO_ALL);
    return;
  case OP_GATHER:
    backward_vector(x, i, OP_SCATTER);
    return;
  case OP_SCATTER:
    backward_vector(x, i, OP_GATHER);
    return;
  default:
    backward_vector(x, i, kind);
    return;
  }
}

/* --- the whole ------------------------------------------------------------------------------------------------- */

static void copy_forward(struct expansion *x, bool keep_statistics) {
  const struct op_graph *const graph = x->forward;
  const uint64_t *const kept = rules_kept_bytes(graph, x->flags, keep_statistics, x->scratch);
  for (size_t i = 0; i < graph->n_ops; i++) {
    struct op op = graph->ops[i];
    op.kept_bytes = kept[i];
    for (size_t f = 0; f < op.n_followers; f++)
      graph_builder_follow(x->builder, &graph->followers[op.first_follower + f]);
    graph_builder_add(x->builder, &op, op_name(graph, i), graph->preds + graph->pred_start[i], n_preds(x, i));
  }
}

static bool is_forward(const struct op_graph *graph) {
  for (size_t i = 0; i < graph->n_ops; i++)
    if (graph->ops[i].phase != PHASE_FORWARD || graph->ops[i].n_followers > 0) return false;
  return true;
}

bool training_expand(const struct op_graph *forward, const struct training_settings *settings, struct arena *arena,
                     struct arena *scratch, struct op_graph *training, struct error *error) {
  if (!is_forward(forward))
    return error_add(error, STATUS_INPUT, "training: the graph must be a forward graph without fused operators");
  const struct arena_mark mark = arena_get_mark(scratch);
  struct op_graph fused;
  if (settings->attention != ATTENTION_SEPARATE) {
    if (!attention_fuse(forward, settings->attention == ATTENTION_CAUSAL, scratch, &fused, error)) {
      arena_rewind(scratch, mark);
      return false;
    }
    forward = &fused;
  }
  struct expansion x = {
      .forward = forward,
      .settings = settings,
      .scratch = scratch,
      .builder = graph_builder_new(scratch),
      .flags = rules_flags_new(forward, scratch),
      .gradients = ARENA_NEW(scratch, struct link_list, forward->n_ops),
      .finals = ARENA_NEW(scratch, struct link_list, forward->n_ops),
      .gathered = ARENA_NEW(scratch, uint32_t, forward->n_ops),
  };
  for (size_t i = 0; i < forward->n_ops; i++) x.gathered[i] = OP_ABSENT;
  copy_forward(&x, settings->keep_statistics);
  weight_groups_init(&x);
  for (size_t i = forward->n_ops; i-- > 0;) {
    if (!x.flags[i].active) continue;
    if (x.gradients[i].n == 0) expansion_link(&x, &x.gradients[i], (uint32_t)i, false); /* an end of the graph */
    join_gradients(&x, i);
    backward_of(&x, i);
    weight_gradients(&x, i);
  }
  if (settings->update) weight_updates(&x);
  const bool finished = graph_builder_finish(x.builder, arena, training, error);
  arena_rewind(scratch, mark);
  return finished;
}
