/* What does an op keep and move for its backward pass?
 *
 * Sources: workloads §6 (kept bytes, by op), cost-model §3 (tensors read and written backwards), accelerator-search §3
 * (which op has a backward at all). Two refinements of the kept bytes: a product keeps a factor only if the other one
 * needs a gradient, and does not keep an activation that it can recompute from that activation's kept input (gated
 * MLPs: 6sbf instead of 8sbf). Left out: recomputation. */
#include "workloads/training_rules.h"
#include "base/checked.h"

enum { FP32_BYTES = 4, STATISTICS_BYTES = 2 * FP32_BYTES };

/* Values a unit that a recurrent cell keeps for itself, its output among them: four gates, cell, output; three gates,
 * the candidate's recurrent part, output. A plain cell keeps its output as any tanh does. */
static const uint8_t cell_keeps[N_OP_KINDS] = {[OP_LSTM_CELL] = 6, [OP_GRU_CELL] = 5};

/* Tensors of the op's size that its backward reads besides the gradient: its kept input or output. */
static const uint8_t backward_reads[N_OP_KINDS] = {
    [OP_RELU] = 1,        [OP_GELU] = 1,      [OP_SILU] = 1,       [OP_SIGMOID] = 1,  [OP_TANH] = 1,
    [OP_HARDSIGMOID] = 1, [OP_HARDSWISH] = 1, [OP_EXP] = 1,        [OP_LOG] = 1,      [OP_SQRT] = 1,
    [OP_RSQRT] = 1,       [OP_POW] = 1,       [OP_SIN] = 1,        [OP_COS] = 1,      [OP_ERF] = 1,
    [OP_NEG] = 1,         [OP_CAST] = 1,      [OP_MASK] = 1,       [OP_SOFTMAX] = 1,  [OP_LOG_SOFTMAX] = 1,
    [OP_LAYER_NORM] = 1,  [OP_RMS_NORM] = 1,  [OP_BATCH_NORM] = 3, [OP_RNN_CELL] = 1, [OP_HARDTANH] = 1,
};

static uint64_t conv_out_elements(const struct op *op) {
  return sat_mul(sat_mul(op->dim[DIM_IMAGES], op->dim[DIM_OUT_CHANNELS]),
                 sat_mul(op_conv_out_height(op), op_conv_out_width(op)));
}

/* What a transposed convolution writes is what its mirror image calls the input. */
static uint64_t conv_in_elements(const struct op *op) {
  return sat_mul(sat_mul(op->dim[DIM_IMAGES], op->dim[DIM_IN_CHANNELS]),
                 sat_mul(op->dim[DIM_IN_HEIGHT], op->dim[DIM_IN_WIDTH]));
}

enum attention_tensor { ATTENTION_QUERY, ATTENTION_KEY, ATTENTION_VALUE, ATTENTION_OUT };
static uint64_t attention_elements(const struct op *op, enum attention_tensor tensor) {
  const bool of_keys = tensor == ATTENTION_KEY || tensor == ATTENTION_VALUE;
  const uint64_t sharers = max_u64(op->dim[DIM_KEY_SHARERS], 1);
  const uint64_t heads = of_keys ? ceil_div(op->dim[DIM_REPS], sharers) : op->dim[DIM_REPS];
  const uint64_t width = tensor <= ATTENTION_KEY ? op->dim[DIM_K] : op_value_size(op);
  return sat_mul(heads, sat_mul(op->dim[of_keys ? DIM_N : DIM_M], width));
}

uint64_t rules_out_elements(const struct op *op) {
  const struct op_kind_info *const info = &op_kinds[op->kind];
  if (info->family == FAMILY_GEMM) return sat_mul(op->dim[DIM_REPS], sat_mul(op->dim[DIM_M], op->dim[DIM_N]));
  if (info->family == FAMILY_CONV) return op->kind == OP_TRANSPOSED_CONV ? conv_in_elements(op) : conv_out_elements(op);
  if (info->family == FAMILY_ATTENTION) return attention_elements(op, ATTENTION_OUT);
  if (info->keep == KEEP_MASK) return op->dim[DIM_ELEMENTS];
  return op->element_bytes == 0 ? 0 : op->out_bytes / op->element_bytes;
}

uint64_t rules_tensor_bytes(const struct op *op) {
  if (op_kinds[op->kind].family == FAMILY_ATTENTION)
    return sat_mul(attention_elements(op, ATTENTION_OUT), op->element_bytes);
  return op_kinds[op->kind].keep == KEEP_MASK ? sat_mul(op->dim[DIM_ELEMENTS], op->element_bytes) : op->out_bytes;
}

static uint64_t gemm_operand_elements(const struct op *op, bool second) {
  const uint64_t rows = second ? op->dim[DIM_K] : op->dim[DIM_M], columns = second ? op->dim[DIM_N] : op->dim[DIM_K];
  return sat_mul(op->dim[DIM_REPS], sat_mul(rows, columns));
}

static const struct op *operand(const struct op_graph *graph, size_t i, size_t j) {
  return &graph->ops[graph->preds[graph->pred_start[i] + j]];
}

static size_t n_operands(const struct op_graph *graph, size_t i) {
  return graph->pred_start[i + 1] - graph->pred_start[i];
}

uint64_t rules_operand_elements(const struct op_graph *graph, size_t i, size_t j) {
  const struct op *const op = &graph->ops[i];
  const uint64_t written = rules_out_elements(operand(graph, i, j));
  const size_t n = n_operands(graph, i);
  uint64_t read = 0; /* 0: all of it */
  switch (op_kinds[op->kind].family) {
  case FAMILY_GEMM:
    read = gemm_operand_elements(op, !op->weighted && n > 1 && j == n - 1);
    break;
  case FAMILY_VECTOR:
    if (op->dim[DIM_OPERANDS] == n && n == 2) read = j == 0 ? op->dim[DIM_X_ELEMENTS] : op->dim[DIM_Y_ELEMENTS];
    if (n == 1 && op->element_bytes > 0) read = op->in_bytes / op->element_bytes;
    break;
  case FAMILY_ATTENTION: /* Q, K, V; what comes behind carries no gradient */
    if (j < RULES_ATTENTION_FACTORS) read = attention_elements(op, (enum attention_tensor)j);
    break;
  case FAMILY_LINK: /* keys and values of packed ones */
    if (op_is_split_link(op)) read = op->in_bytes / op->element_bytes;
    break;
  case FAMILY_CONV:
  case FAMILY_NONE:
    break;
  }
  return read == 0 ? written : min_u64(read, written);
}

uint64_t rules_weights(const struct op *op) {
  if (op_kinds[op->kind].family == FAMILY_GEMM) return gemm_operand_elements(op, true);
  const uint64_t groups = max_u64(op->dim[DIM_GROUPS], 1);
  return sat_mul(sat_mul(op->dim[DIM_OUT_CHANNELS], op->dim[DIM_IN_CHANNELS] / groups),
                 sat_mul(op->dim[DIM_FILTER_HEIGHT], op->dim[DIM_FILTER_WIDTH]));
}

/* --- who has a gradient ---------------------------------------------------------------------------------------- */

bool rules_is_data(const struct op_graph *graph, const struct rules_flags *flags, size_t i, size_t j) {
  const uint32_t pred = graph->preds[graph->pred_start[i] + j];
  return !flags[pred].weight && graph->ops[pred].kind != OP_SHAPE;
}

/* A view of parameters alone is a parameter still. */
static bool is_weight(const struct op_graph *graph, const struct rules_flags *flags, size_t i) {
  if (graph->ops[i].kind == OP_WEIGHT) return true;
  if (op_kinds[graph->ops[i].kind].class != CLASS_NONE || graph->ops[i].kind == OP_SHAPE) return false;
  bool any = false;
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
    if (graph->ops[graph->preds[e]].kind == OP_SHAPE) continue;
    if (!flags[graph->preds[e]].weight) return false;
    any = true;
  }
  return any;
}

static bool requires_gradient(const struct op_graph *graph, const struct rules_flags *flags, size_t i) {
  const struct op *const op = &graph->ops[i];
  if (op->kind == OP_SHAPE || op->kind == OP_INPUT || flags[i].weight) return false;
  if (op->kind == OP_MASK && op->in_bytes == 0) return false; /* fills a constant */
  if (rules_owns_weights(op)) return true;
  for (size_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
    if (flags[graph->preds[e]].requires) return true;
  return false;
}

struct rules_flags *rules_flags_new(const struct op_graph *graph, struct arena *scratch) {
  struct rules_flags *const flags = ARENA_NEW(scratch, struct rules_flags, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    flags[i].weight = is_weight(graph, flags, i);
    flags[i].requires = requires_gradient(graph, flags, i);
  }
  for (size_t i = graph->n_ops; i-- > 0;) {
    if (!flags[i].requires) continue;
    flags[i].active = graph->succ_start[i] == graph->succ_start[i + 1];
    for (size_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      flags[i].active |= flags[graph->succs[e]].active;
  }
  return flags;
}

bool rules_factors(const struct op_graph *graph, const struct rules_flags *flags, size_t i, size_t factor[2]) {
  const size_t n = n_operands(graph, i);
  size_t n_data = 0;
  for (size_t j = 0; j < n; j++) {
    if (!rules_is_data(graph, flags, i, j)) continue;
    factor[0] = n_data == 0 ? j : factor[1]; /* the last two: what comes before is added (baddbmm) */
    factor[1] = j;
    n_data++;
  }
  if (n_data == 0) return false;
  if (n_data == 1) { /* the other one is a fact, or the tensor itself */
    for (size_t j = 0; j < n; j++)
      if (j != factor[0] && operand(graph, i, j)->kind == OP_SHAPE) {
        factor[j < factor[0] ? 0 : 1] = j;
        break;
      }
    return true;
  }
  /* Traces sort predecessors by number: tell the factors by their sizes where those differ. */
  const struct op *const op = &graph->ops[i];
  const uint64_t a = gemm_operand_elements(op, false), b = gemm_operand_elements(op, true);
  const uint64_t first = rules_out_elements(operand(graph, i, factor[0]));
  const uint64_t second = rules_out_elements(operand(graph, i, factor[1]));
  if (a != b && first == b && second == a) {
    const size_t swap = factor[0];
    factor[0] = factor[1];
    factor[1] = swap;
  }
  return true;
}

/* --- what is kept ---------------------------------------------------------------------------------------------- */

struct keeping {
  const struct op_graph *graph;
  const struct rules_flags *flags;
  bool *kept;      /* the tensor stays */
  uint32_t *stack; /* of views to look through; each op enters once */
};

/* Keeps the tensor of an op; a view has none of its own, so that of whoever wrote it. So does what is gathered again.
 */
static void keep_tensor(struct keeping *keeping, uint32_t start) {
  const struct op_graph *const graph = keeping->graph;
  size_t n = 0;
  if (!keeping->kept[start]) keeping->stack[n++] = start;
  keeping->kept[start] = true;
  while (n > 0) {
    const uint32_t i = keeping->stack[--n];
    if (op_kinds[graph->ops[i].kind].class != CLASS_NONE && !rules_is_gathered_again(&graph->ops[i])) continue;
    for (size_t j = 0; j < n_operands(graph, i); j++) {
      const uint32_t pred = graph->preds[graph->pred_start[i] + j];
      if (!rules_is_data(graph, keeping->flags, i, j) || keeping->kept[pred]) continue;
      keeping->kept[pred] = true;
      keeping->stack[n++] = pred;
    }
  }
}

static void keep_operand(struct keeping *keeping, size_t i, size_t j) {
  if (rules_is_data(keeping->graph, keeping->flags, i, j))
    keep_tensor(keeping, keeping->graph->preds[keeping->graph->pred_start[i] + j]);
}

static bool operand_requires(const struct keeping *keeping, size_t i, size_t j) {
  return keeping->flags[keeping->graph->preds[keeping->graph->pred_start[i] + j]].requires;
}

static void keep_gemm_operands(struct keeping *keeping, size_t i) {
  const struct op *const op = &keeping->graph->ops[i];
  if (op->n_frozen > 0 && !rules_owns_weights(op)) return; /* only a weight gradient reads the input */
  if (op->weighted) {
    for (size_t j = 0; j < n_operands(keeping->graph, i); j++) keep_operand(keeping, i, j);
    return;
  }
  size_t factor[2];
  if (!rules_factors(keeping->graph, keeping->flags, i, factor)) return;
  for (size_t k = 0; k < 2; k++)
    if (operand_requires(keeping, i, factor[1 - k])) keep_operand(keeping, i, factor[k]);
}

/* An activation whose input is kept anyway and that only this product reads: its backward recomputes it. */
static bool is_recomputable(const struct op_graph *graph, uint32_t i) {
  const struct op_kind_info *const info = &op_kinds[graph->ops[i].kind];
  return info->keep == KEEP_INPUT && info->fusion == FUSE_ACTIVATION &&
         graph->succ_start[i + 1] - graph->succ_start[i] == 1;
}

/* x·y: dx needs y, dy needs x. x/y: dx needs y, dy needs both. */
static void keep_product_operands(struct keeping *keeping, size_t i) {
  const struct op_graph *const graph = keeping->graph;
  const size_t n = n_operands(graph, i);
  const bool divides = graph->ops[i].kind == OP_DIV;
  for (size_t j = 0; j < n; j++) {
    bool needed = rules_owns_weights(&graph->ops[i]) || (divides && n > 1 && j + 1 == n);
    for (size_t k = 0; k < n; k++) needed |= k != j && operand_requires(keeping, i, k);
    if (needed && !is_recomputable(graph, graph->preds[graph->pred_start[i] + j])) keep_operand(keeping, i, j);
  }
}

static void keep_first_data(struct keeping *keeping, size_t i) {
  for (size_t j = 0; j < n_operands(keeping->graph, i); j++) {
    if (!rules_is_data(keeping->graph, keeping->flags, i, j)) continue;
    keep_operand(keeping, i, j);
    return;
  }
}

static void keep_for(struct keeping *keeping, size_t i) {
  const struct op *const op = &keeping->graph->ops[i];
  switch (op_kinds[op->kind].keep) {
  case KEEP_INPUT:
    if (op->kind != OP_CROSS_ENTROPY) keep_first_data(keeping, i);
    break;
  case KEEP_OPERANDS:
    if (op->kind == OP_GEMM)
      keep_gemm_operands(keeping, i);
    else
      keep_product_operands(keeping, i);
    break;
  case KEEP_OUTPUT:
    if (cell_keeps[op->kind] == 0) keep_tensor(keeping, (uint32_t)i);
    break;
  case KEEP_ALL:
    keep_tensor(keeping, (uint32_t)i);
    for (size_t j = 0; j < RULES_ATTENTION_FACTORS && j < n_operands(keeping->graph, i); j++)
      keep_operand(keeping, i, j);
    break;
  case KEEP_MASK:
  case KEEP_NONE:
    break;
  }
}

uint64_t rules_attention_statistics_bytes(const struct op *op) {
  return sat_mul(FP32_BYTES, sat_mul(op->dim[DIM_REPS], op->dim[DIM_M]));
}

/* What an op keeps besides tensors that somebody reads or wrote: masks, fp32 copies, gates, statistics. */
static uint64_t own_bytes(const struct op *op, bool keep_statistics) {
  if (op_kinds[op->kind].keep == KEEP_MASK) return op->dim[DIM_ELEMENTS];
  if (op->kind == OP_CROSS_ENTROPY) return sat_mul(FP32_BYTES, op->dim[DIM_ELEMENTS]);
  if (op_kinds[op->kind].family == FAMILY_ATTENTION) return rules_attention_statistics_bytes(op);
  if (cell_keeps[op->kind] > 0) return sat_mul(cell_keeps[op->kind], sat_mul(op->dim[DIM_ELEMENTS], op->element_bytes));
  if (!keep_statistics || op_kinds[op->kind].fusion != FUSE_NORM) return 0;
  if (op->kind == OP_BATCH_NORM) return sat_mul(STATISTICS_BYTES, op->n_parameters / 2); /* a scale, a shift each */
  return op->dim[DIM_ROW] == 0 ? 0 : sat_mul(STATISTICS_BYTES, op->dim[DIM_ELEMENTS] / op->dim[DIM_ROW]);
}

uint64_t *rules_kept_bytes(const struct op_graph *graph, const struct rules_flags *flags, bool keep_statistics,
                           struct arena *scratch) {
  struct keeping keeping = {graph, flags, ARENA_NEW(scratch, bool, graph->n_ops),
                            ARENA_NEW(scratch, uint32_t, graph->n_ops + 1)};
  uint64_t *const bytes = ARENA_NEW(scratch, uint64_t, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++)
    if (flags[i].active) keep_for(&keeping, i);
  for (size_t i = 0; i < graph->n_ops; i++) {
    const struct op *const op = &graph->ops[i];
    const bool is_view =
        (op_kinds[op->kind].class == CLASS_NONE || rules_is_gathered_again(op)) && n_operands(graph, i) > 0;
    const bool has_own = flags[i].active && cell_keeps[op->kind] > 0; /* its output is among its own bytes */
    if (keeping.kept[i] && !is_view && !has_own) bytes[i] = rules_tensor_bytes(op);
    if (flags[i].active) bytes[i] = sat_add(bytes[i], own_bytes(op, keep_statistics));
  }
  return bytes;
}

uint64_t rules_backward_in_bytes(const struct op_graph *graph, size_t i) {
  const struct op *const op = &graph->ops[i];
  const uint64_t gradient = sat_mul(rules_out_elements(op), op->element_bytes);
  const uint64_t size = sat_mul(op->dim[DIM_ELEMENTS], op->element_bytes);
  if (op->kind == OP_CROSS_ENTROPY) return own_bytes(op, false);
  if (cell_keeps[op->kind] > 0) return sat_add(gradient, own_bytes(op, false));
  uint64_t bytes = sat_add(gradient, sat_mul(backward_reads[op->kind], size));
  if (op_kinds[op->kind].keep == KEEP_MASK) bytes = sat_add(bytes, own_bytes(op, false));
  if (op_kinds[op->kind].keep != KEEP_OPERANDS) return bytes;
  for (size_t j = 0; j < n_operands(graph, i); j++) /* a product reads its factors again */
    if (n_operands(graph, i) > 1 && graph->ops[graph->preds[graph->pred_start[i] + j]].kind != OP_SHAPE)
      bytes = sat_add(bytes, sat_mul(rules_operand_elements(graph, i, j), op->element_bytes));
  return bytes;
}
