/* Which ops are the nodes that stand for several: a norm of a sum, an embedding with its norm, experts, a contraction
 * of more than two tensors?
 *
 * Experts get equal shares of the rows, as in transformer_block.c. A contraction multiplies two tensors at a time, data
 * before weights and else in their order [o]; a letter that neither a later tensor nor the output has is summed over.
 * Left out: better orders of a contraction. */
#include "base/checked.h"
#include "workloads/onnx_emit.h"
#include "workloads/onnx_shape.h"

/* --- what nodes of several ops share ---------------------------------------------------------------------------- */

static const char *name_of_part(struct onnx_build *build, const struct onnx_node *node, const char *part) {
  return arena_printf(build->graph->arena, "%.80s.%s", onnx_name_of(build, node), part);
}

struct tensor onnx_operand_tensor(struct onnx_build *build, const struct onnx_node *node, size_t i) {
  const uint32_t operand = node->inputs[i];
  struct onnx_weights weights = {.main = ONNX_NONE};
  if (onnx_value_at(build, operand)->source == SOURCE_DATA) return build->tensors[operand];
  onnx_add_weight(build, &weights, operand);
  struct tensor tensor = onnx_tensor_of(build, operand);
  if (onnx_value_at(build, operand)->source == SOURCE_CONSTANT) {
    const uint8_t rank = tensor.rank;
    tensor = emit_input(build->emit, name_of_part(build, node, "constant"), tensor.elements, tensor.row, tensor.bytes);
    tensor.rank = rank;
    return tensor;
  }
  struct op op = op_new(OP_WEIGHT, build->emit->element_bytes);
  op.weighted = true;
  op.n_parameters = weights.n_parameters;
  op.out_bytes = emit_product(build->emit, tensor.elements, tensor.bytes);
  tensor.op = emit_op(build->emit, name_of_part(build, node, "weight"), &op, NULL, 0);
  onnx_own_operands(build, tensor.op, &weights, &operand, 1);
  return tensor;
}

struct tensor onnx_emit_part(struct onnx_build *build, const struct onnx_node *node, const char *part,
                             const struct vector_op *vector, const struct tensor *tensors, size_t n_tensors,
                             const uint32_t *operands, size_t n_operands) {
  struct onnx_weights weights = {.main = ONNX_NONE};
  struct vector_op op = *vector;
  for (size_t i = 0; i < n_operands; i++) onnx_add_weight(build, &weights, operands[i]);
  op.n_parameters = weights.n_parameters;
  if (op.n_weights == 0) op.n_weights = weights.n_weights;
  op.n_constants = weights.n_constants;
  const struct tensor out = emit_vector(build->emit, name_of_part(build, node, part), &op, tensors, n_tensors);
  onnx_own_operands(build, out.op, &weights, operands, n_operands);
  return out;
}

struct tensor onnx_emit_matrix(struct onnx_build *build, const struct onnx_node *node, const char *part,
                               struct tensor x, const struct onnx_matrix *matrix) {
  struct emitter *const emit = build->emit;
  const uint32_t operands[] = {matrix->matrix, matrix->bias};
  struct onnx_weights of_matrix = {.main = ONNX_NONE}, of_bias = {.main = ONNX_NONE};
  onnx_add_weight(build, &of_matrix, matrix->matrix);
  onnx_add_weight(build, &of_bias, matrix->bias);
  const bool data = onnx_value_at(build, matrix->matrix)->source == SOURCE_DATA;
  struct op op = op_new(OP_GEMM, emit->element_bytes);
  op.dim[DIM_REPS] = matrix->reps;
  op.dim[DIM_M] = matrix->m;
  op.dim[DIM_N] = matrix->n;
  op.dim[DIM_K] = matrix->k;
  op.weighted = !data;
  op.n_parameters = sat_add(sat_mul(of_matrix.n_parameters, matrix->packed), of_bias.n_parameters);
  const uint64_t read = sat_mul(sat_add(of_matrix.n_weights, of_matrix.n_constants), matrix->packed);
  op.weight_bytes = emit_product(emit, sat_add(read, of_bias.n_weights), emit->element_bytes);
  struct tensor out = {.rank = matrix->rank, .bytes = op.element_bytes, .row = matrix->n};
  out.elements = emit_product(emit, emit_product(emit, matrix->reps, matrix->m), matrix->n);
  const struct tensor factors[] = {x, data ? build->tensors[matrix->matrix] : x};
  for (size_t i = 0; i < (data ? 2u : 1u); i++)
    op.in_bytes = sat_add(op.in_bytes, emit_product(emit, factors[i].elements, factors[i].bytes));
  op.out_bytes = emit_product(emit, out.elements, out.bytes);
  out.op = emit_op(emit, name_of_part(build, node, part), &op, factors, data ? 2 : 1);
  onnx_own_operands(build, out.op, &of_matrix, operands, 2);
  return out;
}

/* --- norms ------------------------------------------------------------------------------------------------------ */

static struct tensor norm_of(struct onnx_build *build, const struct onnx_node *node, struct tensor x, uint32_t scale,
                             uint32_t offset) {
  const struct vector_op norm = {.kind = node->op->kind, .group = OP_ABSENT, .out = x};
  return onnx_emit_part(build, node, "norm", &norm, &x, 1, (uint32_t[2]){scale, offset}, 2);
}

/* input, skip, scale, offset where the norm has one, bias */
void onnx_emit_skip_norm(struct onnx_build *build, const struct onnx_node *node) {
  const bool layer = node->op->kind == OP_LAYER_NORM;
  const struct tensor operands[] = {onnx_operand_tensor(build, node, 0), onnx_operand_tensor(build, node, 1)};
  const uint32_t bias = onnx_operand_number(node, layer ? 4 : 3);
  const struct vector_op add = {
      .kind = OP_ADD, .group = OP_ABSENT, .out = onnx_tensor_of(build, onnx_main_output(node))};
  const struct tensor sum = onnx_emit_part(build, node, "sum", &add, operands, 2, &bias, 1);
  const struct tensor out =
      norm_of(build, node, sum, onnx_operand_number(node, 2), layer ? onnx_operand_number(node, 3) : ONNX_NONE);
  onnx_set_outputs(build, node, out.op);
  onnx_set_output(build, node, 3, sum.op);
}

/* Rows of one table for the integers of an operand. */
static struct tensor look_up(struct onnx_build *build, const struct onnx_node *node, const char *part, size_t ids,
                             size_t table) {
  struct tensor out = onnx_tensor_of(build, node->outputs[0]);
  const struct tensor integers = onnx_operand_tensor(build, node, ids);
  const uint32_t operand = onnx_operand_number(node, table);
  const struct vector_op lookup = {.kind = OP_EMBEDDING, .n_weights = out.elements, .group = OP_ABSENT, .out = out};
  return onnx_emit_part(build, node, part, &lookup, &integers, 1, &operand, 1);
}

/* words, segments, tables of words, positions and segments, scale, offset */
void onnx_emit_embed_norm(struct onnx_build *build, const struct onnx_node *node) {
  struct tensor sum = look_up(build, node, "words", 0, 2);
  const uint32_t positions = onnx_operand_number(node, 3);
  const struct vector_op add = {.kind = OP_ADD, .n_weights = sum.elements, .group = OP_ABSENT, .out = sum};
  sum = onnx_emit_part(build, node, "positions", &add, &sum, 1, &positions, 1);
  if (onnx_operand(build->graph, node, 1) != NULL && onnx_operand(build->graph, node, 4) != NULL) {
    const struct tensor segments = look_up(build, node, "segments", 1, 4);
    const struct vector_op join = {.kind = OP_ADD, .group = OP_ABSENT, .out = sum};
    sum = onnx_emit_part(build, node, "sum", &join, (struct tensor[2]){sum, segments}, 2, NULL, 0);
  }
  const struct tensor out = norm_of(build, node, sum, onnx_operand_number(node, 5), onnx_operand_number(node, 6));
  onnx_set_outputs(build, node, out.op);
  onnx_set_output(build, node, 2, sum.op);
}

/* --- experts ---------------------------------------------------------------------------------------------------- */

static enum op_kind activation_of(const struct onnx_node *node) {
  const struct onnx_attribute *const type = onnx_attribute(node, "activation_type");
  const char *const name = type != NULL && type->s != NULL ? type->s : "relu";
  return strcmp(name, "gelu") == 0                                  ? OP_GELU
         : strcmp(name, "silu") == 0 || strcmp(name, "swiglu") == 0 ? OP_SILU
                                                                    : OP_RELU;
}

static struct tensor expert_matrix(struct onnx_build *build, const struct onnx_node *node, const char *part,
                                   const struct onnx_experts *experts, size_t i, struct tensor x) {
  const uint64_t k = (uint64_t)(i == 1 ? experts->inner : experts->hidden), n_experts = (uint64_t)experts->experts;
  const struct onnx_matrix matrix = {.reps = n_experts,
                                     .m = x.elements / k / n_experts,
                                     .n = (uint64_t)experts->widths[i],
                                     .k = k,
                                     .packed = experts->packed,
                                     .matrix = onnx_operand_number(node, experts->matrices[i]),
                                     .bias = onnx_operand_number(node, experts->biases[i]),
                                     .rank = 3};
  return onnx_emit_matrix(build, node, part, x, &matrix);
}

void onnx_emit_experts(struct onnx_build *build, const struct onnx_node *node) {
  struct onnx_experts experts;
  if (onnx_read_experts(build->graph, node, &experts) != NULL) return; /* has been read before */
  struct emitter *const emit = build->emit;
  const struct tensor x = onnx_operand_tensor(build, node, 0), scores = onnx_operand_tensor(build, node, 1);
  const uint64_t n_rows = x.elements / (uint64_t)experts.hidden, n_experts = (uint64_t)experts.experts;
  const uint64_t n_sent = emit_product(emit, n_rows, (uint64_t)experts.chosen);
  struct vector_op op = {.kind = OP_SOFTMAX, .group = OP_ABSENT, .out = scores};
  struct tensor choice = onnx_emit_part(build, node, "softmax", &op, &scores, 1, NULL, 0);
  op = (struct vector_op){.kind = OP_TOP_K, .n_lanes = scores.elements, .group = OP_ABSENT, .out = choice};
  op.out.elements = n_sent;
  choice = onnx_emit_part(build, node, "top_k", &op, &choice, 1, NULL, 0);
  op = (struct vector_op){.kind = OP_GATHER, .group = OP_ABSENT, .out = x};
  op.out.elements =
      emit_product(emit, emit_product(emit, ceil_div(n_sent, n_experts), n_experts), (uint64_t)experts.hidden);
  const struct tensor sent = onnx_emit_part(build, node, "dispatch", &op, (struct tensor[2]){x, choice}, 2, NULL, 0);
  struct tensor inner = expert_matrix(build, node, "up", &experts, 0, sent);
  struct tensor half = inner;
  half.elements = inner.elements / (uint64_t)experts.widths[0] * (uint64_t)experts.inner;
  op = (struct vector_op){.kind = activation_of(node), .group = OP_ABSENT, .out = half};
  const struct tensor gate = onnx_emit_part(build, node, "activation", &op, &half, 1, NULL, 0);
  const bool third = experts.matrices[2] != ONNX_LEFT_OUT;
  if (third) half = expert_matrix(build, node, "gate", &experts, 2, sent);
  op = (struct vector_op){.kind = OP_MUL, .group = OP_ABSENT, .out = gate};
  inner = third || experts.widths[0] != experts.inner
              ? onnx_emit_part(build, node, "product", &op, (struct tensor[2]){gate, half}, 2, NULL, 0)
              : gate;
  const struct tensor down = expert_matrix(build, node, "down", &experts, 1, inner);
  op = (struct vector_op){.kind = OP_GATHER, .group = OP_ABSENT, .out = x};
  op.out.elements = emit_product(emit, n_sent, (uint64_t)experts.hidden);
  const struct tensor back = onnx_emit_part(build, node, "return", &op, (struct tensor[2]){down, choice}, 2, NULL, 0);
  op = (struct vector_op){.kind = OP_MUL, .group = OP_ABSENT, .out = back};
  const struct tensor weighed = onnx_emit_part(build, node, "weigh", &op, (struct tensor[2]){back, choice}, 2, NULL, 0);
  op = (struct vector_op){.kind = OP_REDUCE, .n_lanes = back.elements, .group = OP_ABSENT, .out = x};
  onnx_set_outputs(build, node, onnx_emit_part(build, node, "combine", &op, &weighed, 1, NULL, 0).op);
}

/* --- contractions ----------------------------------------------------------------------------------------------- */

struct contraction {
  const struct onnx_einsum *einsum;
  bool left[ONNX_EINSUM_LABELS]; /* letters of what has been multiplied so far */
  bool kept[ONNX_EINSUM_LABELS]; /* that the output or a tensor still to come has */
};

static void find_kept(struct contraction *c, const size_t *order, size_t from) {
  memset(c->kept, 0, sizeof c->kept);
  for (size_t k = 0; k < c->einsum->out.n; k++) c->kept[c->einsum->out.labels[k]] = true;
  for (size_t i = from; i < c->einsum->n_operands; i++)
    for (size_t k = 0; k < c->einsum->operands[order[i]].n; k++)
      c->kept[c->einsum->operands[order[i]].labels[k]] = true;
}

/* Letters of both that are kept repeat, others of both are summed over; those of one alone are rows or columns. */
static void bound_step(const struct contraction *c, const bool *right, struct onnx_matrix *bounds) {
  bounds->reps = bounds->m = bounds->n = bounds->k = 1;
  for (size_t l = 0; l < ONNX_EINSUM_LABELS; l++) {
    if (!c->left[l] && !right[l]) continue;
    uint64_t *const bound = c->left[l] && right[l] ? (c->kept[l] ? &bounds->reps : &bounds->k)
                            : c->left[l]           ? &bounds->m
                                                   : &bounds->n;
    *bound = sat_mul(*bound, (uint64_t)c->einsum->size[l]);
  }
}

void onnx_emit_contraction(struct onnx_build *build, const struct onnx_node *node) {
  struct onnx_einsum einsum;
  if (onnx_read_einsum(build->graph, node, &einsum) != NULL) return; /* has been read before */
  struct contraction c = {.einsum = &einsum};
  size_t order[ONNX_EINSUM_OPERANDS], n = 0;
  for (size_t pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < einsum.n_operands; i++)
      if ((onnx_value_at(build, node->inputs[i])->source == SOURCE_DATA) == (pass == 0)) order[n++] = i;
  struct tensor left = onnx_operand_tensor(build, node, order[0]);
  for (size_t k = 0; k < einsum.operands[order[0]].n; k++) c.left[einsum.operands[order[0]].labels[k]] = true;
  for (size_t i = 1; i < einsum.n_operands; i++) {
    bool right[ONNX_EINSUM_LABELS] = {false};
    const struct onnx_term *const term = &einsum.operands[order[i]];
    for (size_t k = 0; k < term->n; k++) right[term->labels[k]] = true;
    struct onnx_matrix step = {
        .packed = 1, .matrix = onnx_operand_number(node, order[i]), .bias = ONNX_NONE, .rank = 3};
    find_kept(&c, order, i + 1);
    bound_step(&c, right, &step);
    left = onnx_emit_matrix(build, node, "product", left, &step);
    for (size_t l = 0; l < ONNX_EINSUM_LABELS; l++) c.left[l] = (c.left[l] || right[l]) && c.kept[l];
  }
  onnx_set_outputs(build, node, left.op);
}
