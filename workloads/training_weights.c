/* What does a training step do for its parameters?
 *
 * W: a GEMM's dB = Aᵀ·dC, a convolution of input and gradient, a scatter into a table, a column sum for everything
 * else (norms, biases, scales). Ops that share a parameter share one W: of GEMMs of one shape the sums over M become
 * one K (all steps of a recurrence at once); contributions of different kinds are added (tied tables). U: once a
 * parameter. Sources: accelerator-search §3, workloads §6 (LSTM, tied tables, traffic of updates). */
#include "workloads/training_weights.h"
#include "base/checked.h"
#include <stdlib.h>
#include <string.h>

struct owner {
  uint32_t group, op;
};

static int compare_owners(const void *a, const void *b) {
  const struct owner *const x = a, *const y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->op < y->op ? -1 : x->op > y->op;
}

static bool has_weights(const struct op *op) { return op->n_parameters > 0 || op->weight_group != OP_ABSENT; }

void weight_groups_init(struct expansion *x) {
  const struct op_graph *const graph = x->forward;
  struct owner *const owners = ARENA_NEW(x->scratch, struct owner, graph->n_ops);
  uint32_t n = 0;
  for (size_t i = 0; i < graph->n_ops; i++)
    if (has_weights(&graph->ops[i])) owners[n++] = (struct owner){graph->ops[i].weight_group, (uint32_t)i};
  if (n > 0) qsort(owners, n, sizeof *owners, compare_owners);
  x->n_members = n;
  x->members = ARENA_NEW(x->scratch, uint32_t, n);
  x->group_end = ARENA_NEW(x->scratch, uint32_t, n);
  x->group_start = ARENA_NEW(x->scratch, uint32_t, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) x->group_start[i] = OP_ABSENT;
  for (uint32_t m = 0, start = 0; m < n; m++) {
    x->members[m] = owners[m].op;
    const bool alone = owners[m].group == OP_ABSENT;
    if (alone || m == 0 || owners[m].group != owners[m - 1].group) start = m;
    x->group_start[owners[m].op] = start;
    x->group_end[start] = m + 1;
  }
}

static uint64_t group_parameters(const struct expansion *x, uint32_t start) {
  uint64_t parameters = 0;
  for (uint32_t m = start; m < x->group_end[start]; m++)
    parameters = sat_add(parameters, x->forward->ops[x->members[m]].n_parameters);
  return parameters;
}

/* Whether the weight gradients of both come from one op. */
static bool merge(const struct op *a, const struct op *b) {
  const enum op_family family = op_kinds[a->kind].family;
  if (family != op_kinds[b->kind].family) return false;
  if (family == FAMILY_GEMM)
    return a->dim[DIM_REPS] == b->dim[DIM_REPS] && a->dim[DIM_N] == b->dim[DIM_N] && a->dim[DIM_K] == b->dim[DIM_K];
  if (family == FAMILY_VECTOR) return (a->kind == OP_EMBEDDING) == (b->kind == OP_EMBEDDING);
  return false; /* shared filters: one product a use */
}

static uint64_t gradient_in_bytes(const struct op *from) {
  return sat_mul(rules_out_elements(from), from->element_bytes);
}

/* The first member's share of a weight gradient, without its output. */
static struct op weight_op(const struct expansion *x, size_t i) {
  const struct op *const from = &x->forward->ops[i];
  const enum op_family family = op_kinds[from->kind].family;
  struct op op =
      expansion_op(x, family == FAMILY_VECTOR ? OP_REDUCE : (enum op_kind)from->kind, PHASE_BACKWARD_WEIGHT, i);
  if (from->kind == OP_EMBEDDING) op.kind = OP_SCATTER;
  if (family == FAMILY_GEMM) {
    op.dim[DIM_REPS] = from->dim[DIM_REPS];
    op.dim[DIM_M] = from->dim[DIM_K];
    op.dim[DIM_N] = from->dim[DIM_N];
  } else if (family == FAMILY_CONV) {
    memcpy(op.dim, from->dim, sizeof op.dim);
  } else {
    op.dim[DIM_OPERANDS] = op.dim[DIM_X_RANK] = 1;
    if (from->kind == OP_EMBEDDING) op.dim[DIM_ROW] = from->dim[DIM_ROW];
  }
  return op;
}

/* Adds what one more member brings: rows to sum over, its input and its gradient. */
static void join_member(const struct expansion *x, struct op *op, size_t i) {
  const struct op *const from = &x->forward->ops[i];
  op->in_bytes = sat_add(op->in_bytes, gradient_in_bytes(from));
  switch (op_kinds[from->kind].family) {
  case FAMILY_GEMM:
    op->dim[DIM_K] = sat_add(op->dim[DIM_K], from->dim[DIM_M]);
    op->in_bytes = sat_add(op->in_bytes, from->in_bytes);
    break;
  case FAMILY_VECTOR: {
    /* Scale and shift are two sums over the same rows; a scale reads the input again, a shift does not. */
    const bool reads_input = op_kinds[from->kind].keep != KEEP_NONE;
    const bool two_sums = from->kind == OP_LAYER_NORM || from->kind == OP_BATCH_NORM;
    const uint64_t elements = sat_mul(rules_out_elements(from), two_sums ? 2 : 1);
    op->dim[DIM_ELEMENTS] = sat_add(op->dim[DIM_ELEMENTS], elements);
    op->dim[DIM_X_ELEMENTS] = sat_add(op->dim[DIM_X_ELEMENTS], rules_out_elements(from));
    if (reads_input) op->in_bytes = sat_add(op->in_bytes, from->in_bytes);
    break;
  }
  case FAMILY_CONV:
  case FAMILY_ATTENTION:
  case FAMILY_LINK:
  case FAMILY_NONE:
    op->in_bytes = sat_add(op->in_bytes, from->in_bytes);
    break;
  }
}

static void link_gradients(struct expansion *x, struct link_list *preds, size_t i) {
  const struct link_list gradients = x->gradients[i];
  for (uint32_t l = gradients.n > 0 ? gradients.first : OP_ABSENT; l != OP_ABSENT; l = x->links[l].next)
    expansion_link(x, preds, x->links[l].op, false);
}

/* The column sums of dC for the biases of a GEMM or convolution; 0 parameters if it has none. */
static void bias_gradient(struct expansion *x, size_t i, uint64_t elements, uint64_t n_biases, struct link_list preds) {
  struct op op = expansion_op(x, OP_REDUCE, PHASE_BACKWARD_WEIGHT, i);
  op.dim[DIM_ELEMENTS] = op.dim[DIM_X_ELEMENTS] = elements;
  op.dim[DIM_X_RANK] = op.dim[DIM_OPERANDS] = 1;
  op.in_bytes = sat_mul(elements, op.element_bytes);
  op.out_bytes = sat_mul(n_biases, x->settings->gradient_bytes);
  expansion_link(x, &x->finals[x->members[x->group_start[i]]], expansion_add(x, &op, i, "db", preds), false);
}

/* Biases of op i, whose matrices have `weights`: what its group has besides them; where several ops own parts of one
 * parameter (logits by a part of a table), what it reads besides them. */
static uint64_t n_biases(const struct expansion *x, uint32_t start, size_t i, uint64_t weights, uint64_t parameters) {
  const struct op *const from = &x->forward->ops[i];
  size_t n_owners = 0;
  for (uint32_t m = start; m < x->group_end[start]; m++) n_owners += x->forward->ops[x->members[m]].n_parameters > 0;
  const uint64_t all = n_owners > 1 ? from->weight_bytes / from->element_bytes : parameters;
  return all > weights ? all - weights : 0;
}

/* One W for member m and those after it that merge with it; marks them done. */
static uint32_t merged_gradient(struct expansion *x, uint32_t start, uint32_t m, bool *done, uint64_t parameters) {
  const size_t leader = x->members[m];
  const struct op *const from = &x->forward->ops[leader];
  struct op op = weight_op(x, leader);
  struct link_list preds = {0}, bias_preds = {0};
  uint64_t out_elements = 0;
  for (uint32_t k = m; k < x->group_end[start]; k++) {
    const size_t i = x->members[k];
    if (done[k - start] || !x->flags[i].active || (k > m && !merge(from, &x->forward->ops[i]))) continue;
    done[k - start] = true;
    join_member(x, &op, i);
    link_gradients(x, &preds, i);
    link_gradients(x, &bias_preds, i);
    expansion_gather_again(x, i, PHASE_BACKWARD_WEIGHT, &preds);
    out_elements = sat_add(out_elements, rules_out_elements(&x->forward->ops[i]));
  }
  const bool has_filter = op_kinds[from->kind].class == CLASS_TENSOR;
  const uint64_t weights = has_filter ? min_u64(rules_weights(from), parameters) : parameters;
  op.out_bytes = sat_mul(weights, x->settings->gradient_bytes);
  if (op.kind == OP_SCATTER) op.out_bytes = sat_mul(op.dim[DIM_ELEMENTS], x->settings->gradient_bytes); /* its rows */
  const uint32_t added = expansion_add(x, &op, leader, "dW", preds);
  const uint64_t biases = has_filter ? n_biases(x, start, leader, weights, parameters) : 0;
  if (biases > 0) bias_gradient(x, leader, out_elements, biases, bias_preds);
  return added;
}

/* Several contributions to one parameter (a tied table) are summed. */
static void finish_gradient(struct expansion *x, uint32_t start, struct link_list parts, uint64_t parameters) {
  const size_t first = x->members[start];
  uint32_t result = x->links[parts.first].op;
  if (parts.n > 1) {
    struct op sum = expansion_op(x, OP_ADD, PHASE_BACKWARD_WEIGHT, first);
    sum.dim[DIM_ELEMENTS] = sat_mul(parameters, parts.n - 1);
    sum.dim[DIM_X_ELEMENTS] = sum.dim[DIM_Y_ELEMENTS] = parameters;
    sum.dim[DIM_X_RANK] = sum.dim[DIM_Y_RANK] = 1;
    sum.dim[DIM_OPERANDS] = parts.n;
    sum.out_bytes = sat_mul(parameters, x->settings->gradient_bytes);
    sum.in_bytes = sat_mul(sum.out_bytes, parts.n);
    result = expansion_add(x, &sum, first, "dW.sum", parts);
  }
  expansion_link(x, &x->finals[first], result, false);
}

void weight_gradients(struct expansion *x, size_t i) {
  const uint32_t start = x->group_start[i];
  if (start == OP_ABSENT || x->forward->ops[i].kind == OP_WEIGHT) return;
  for (uint32_t m = start; x->members[m] != i; m++)
    if (x->flags[x->members[m]].active) return; /* an earlier member comes later in the walk */
  const uint64_t parameters = group_parameters(x, start);
  bool *const done = ARENA_NEW(x->scratch, bool, x->group_end[start] - start);
  struct link_list parts = {0};
  for (uint32_t m = start; m < x->group_end[start]; m++)
    if (!done[m - start] && x->flags[x->members[m]].active)
      expansion_link(x, &parts, merged_gradient(x, start, m, done, parameters), false);
  finish_gradient(x, start, parts, parameters);
}

/* Bytes a parameter's update moves besides its gradient: the master copy and the moments are read and written; Adam
 * is counted with the 16-bit copy that it writes, as cost-model §3 does (10, 18, 28 bytes in all). */
static uint64_t update_bytes(const struct training_settings *settings, uint64_t element_bytes) {
  const bool copies = settings->optimizer == OPTIMIZER_ADAM && element_bytes < settings->master_bytes;
  const uint64_t moments = settings->optimizer == OPTIMIZER_ADAM ? 2 : settings->optimizer == OPTIMIZER_MOMENTUM;
  return 2 * settings->master_bytes + 2 * moments * settings->moment_bytes + (copies ? element_bytes : 0);
}

static void update_group(struct expansion *x, uint32_t start) {
  static const enum op_kind kinds[] = {
      [OPTIMIZER_SGD] = OP_SGD, [OPTIMIZER_MOMENTUM] = OP_MOMENTUM, [OPTIMIZER_ADAM] = OP_ADAM};
  const uint64_t parameters = group_parameters(x, start);
  if (parameters == 0) return;
  uint32_t owner = x->members[start];
  for (uint32_t m = x->group_end[start]; m-- > start;)
    if (x->forward->ops[x->members[m]].n_parameters > 0) owner = x->members[m];
  struct op op = expansion_op(x, kinds[x->settings->optimizer], PHASE_UPDATE, owner);
  op.dim[DIM_ELEMENTS] = op.dim[DIM_X_ELEMENTS] = parameters;
  op.dim[DIM_X_RANK] = op.dim[DIM_OPERANDS] = 1;
  op.in_bytes = sat_mul(parameters, x->settings->gradient_bytes);
  op.weight_bytes = sat_mul(parameters, update_bytes(x->settings, x->forward->ops[owner].element_bytes));
  expansion_add(x, &op, owner, "update", x->finals[x->members[start]]);
}

void weight_updates(struct expansion *x) {
  /* In the order of the forward ops, whatever the numbers of the groups. */
  for (size_t i = 0; i < x->forward->n_ops; i++) {
    const uint32_t start = x->group_start[i];
    if (start != OP_ABSENT && x->members[start] == i) update_group(x, start);
  }
}
