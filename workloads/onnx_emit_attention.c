/* Which ops is an attention operator of ONNX or com.microsoft?
 *
 * The same as a generator's attention, so that training can fuse them (attention_fusion.c): the product that makes
 * queries, keys and values where the node has its matrix; biases; rotary turns; the tokens of the past beside the new
 * ones; scores, scale, masks, softmax; what they make of the values. Left out: what onnx_shape_attention.c leaves out.
 */
#include "base/checked.h"
#include "workloads/onnx_emit.h"
#include "workloads/onnx_shape.h"

struct work {
  struct onnx_build *build;
  const struct onnx_node *node;
  struct onnx_attention of;
  struct tensor query, key, value;
};

static uint64_t elements(const struct work *work, int64_t heads, int64_t tokens, int64_t width) {
  struct emitter *const emit = work->build->emit;
  const uint64_t rows = emit_product(emit, (uint64_t)work->of.batch, (uint64_t)tokens);
  return emit_product(emit, rows, emit_product(emit, (uint64_t)heads, (uint64_t)width));
}

/* A part of what `x` has, as so many tokens of so many heads. */
static struct tensor part_of(const struct work *work, struct tensor x, int64_t heads, int64_t tokens, int64_t width) {
  x.elements = elements(work, heads, tokens, width);
  x.row = (uint64_t)width;
  x.rank = 4;
  return x;
}

static struct tensor map(const struct work *work, enum op_kind kind, const char *part, struct tensor x) {
  const struct vector_op vector = {.kind = kind, .group = OP_ABSENT, .out = x};
  return onnx_emit_part(work->build, work->node, part, &vector, &x, 1, NULL, 0);
}

/* Queries, keys and values before anything happens to them: perhaps three parts of one tensor. */
static void find_sides(struct work *work) {
  const struct onnx_attention *const of = &work->of;
  const int64_t fresh = of->keys - of->past > 0 && of->key != ONNX_LEFT_OUT ? of->keys - of->past : of->queries;
  struct tensor query = onnx_operand_tensor(work->build, work->node, of->query), key = query, value = query;
  if (of->weights != ONNX_LEFT_OUT) {
    const struct onnx_value *const x = onnx_operand(work->build->graph, work->node, of->query);
    const struct onnx_value *const w = onnx_operand(work->build->graph, work->node, of->weights);
    const struct onnx_matrix matrix = {.reps = 1,
                                       .m = x->elements / (uint64_t)w->shape.dims[0],
                                       .n = (uint64_t)w->shape.dims[1],
                                       .k = (uint64_t)w->shape.dims[0],
                                       .packed = 1,
                                       .matrix = onnx_operand_number(work->node, of->weights),
                                       .bias = onnx_operand_number(work->node, of->bias),
                                       .rank = 3};
    query = key = value = onnx_emit_matrix(work->build, work->node, "qkv", query, &matrix);
  } else if (!of->packed) {
    key = value = onnx_operand_tensor(work->build, work->node, of->key);
    if (of->value != ONNX_LEFT_OUT) value = onnx_operand_tensor(work->build, work->node, of->value);
  }
  work->query = part_of(work, query, of->heads, of->queries, of->head);
  work->key = part_of(work, key, of->kv_heads, fresh, of->head);
  work->value = part_of(work, value, of->kv_heads, fresh, of->value_head);
}

/* One vector of biases for all three, of which the first sum owns all. */
static void add_biases(struct work *work) {
  const uint32_t bias = onnx_operand_number(work->node, work->of.bias);
  if (work->of.bias == ONNX_LEFT_OUT || work->of.weights != ONNX_LEFT_OUT) return;
  struct tensor *const sides[] = {&work->query, &work->key, &work->value};
  for (size_t i = 0; i < 3; i++) {
    const struct vector_op add = {.kind = OP_ADD, .group = OP_ABSENT, .out = *sides[i]};
    *sides[i] = onnx_emit_part(work->build, work->node, "bias", &add, sides[i], 1, &bias, i == 0);
  }
}

/* Tokens of the past before the new ones, and what the node puts out of both. */
static struct tensor join_past(struct work *work, struct tensor side, size_t operand, int64_t width) {
  const struct onnx_attention *const of = &work->of;
  if (operand == ONNX_LEFT_OUT) return side;
  const struct tensor past =
      part_of(work, onnx_operand_tensor(work->build, work->node, operand), of->kv_heads, of->past, width);
  const struct tensor all = part_of(work, side, of->kv_heads, of->keys, width);
  const struct vector_op join = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = all};
  return onnx_emit_part(work->build, work->node, "past", &join, (struct tensor[2]){past, side}, 2, NULL, 0);
}

/* Scores of all pairs, ready to weigh the values. */
static struct tensor weigh(struct work *work, struct tensor scores) {
  const struct onnx_attention *const of = &work->of;
  scores = map(work, OP_SCALE, "scale", scores);
  if (of->capped) scores = map(work, OP_TANH, "cap", scores);
  for (size_t i = 0; i < ONNX_MASKS; i++) {
    if (of->masks[i] == ONNX_LEFT_OUT) continue;
    const uint32_t mask = onnx_operand_number(work->node, of->masks[i]);
    const bool data = onnx_value_at(work->build, mask)->source == SOURCE_DATA;
    const struct vector_op add = {.kind = OP_ADD, .group = OP_ABSENT, .out = scores};
    const struct tensor operands[] = {scores, data ? work->build->tensors[mask] : scores};
    scores = onnx_emit_part(work->build, work->node, "mask", &add, operands, data ? 2 : 1, &mask, !data);
  }
  if (of->causal) scores = map(work, OP_MASK, "causal", scores);
  return map(work, OP_SOFTMAX, "softmax", scores);
}

static struct tensor product(const struct work *work, const char *part, struct tensor a, struct tensor b, int64_t n,
                             int64_t k) {
  struct emitter *const emit = work->build->emit;
  const struct gemm gemm = {.reps = emit_product(emit, (uint64_t)work->of.batch, (uint64_t)work->of.heads),
                            .m = (uint64_t)work->of.queries,
                            .n = (uint64_t)n,
                            .k = (uint64_t)k,
                            .group = OP_ABSENT,
                            .rank = 4};
  const char *const name =
      arena_printf(work->build->graph->arena, "%.80s.%s", onnx_name_of(work->build, work->node), part);
  return emit_matmul(emit, name, a, b, &gemm);
}

void onnx_emit_attention(struct onnx_build *build, const struct onnx_node *node) {
  struct work work = {.build = build, .node = node};
  if (onnx_read_attention(build->graph, node, &work.of) != NULL) return; /* has been read before */
  const struct onnx_attention *const of = &work.of;
  find_sides(&work);
  add_biases(&work);
  if (of->rotary) {
    work.query = map(&work, OP_ROTARY, "rotary", work.query);
    work.key = map(&work, OP_ROTARY, "rotary", work.key);
  }
  work.key = join_past(&work, work.key, of->past_key, of->head);
  work.value = join_past(&work, work.value, of->past_value, of->value_head);
  const struct tensor scores = product(&work, "scores", work.query, work.key, of->keys, of->head);
  const struct tensor weights = weigh(&work, scores);
  const struct tensor context = product(&work, "context", weights, work.value, of->value_head, of->keys);
  const bool one_past = node->op->infer == INFER_packed_attention;
  onnx_set_output(build, node, 0, context.op);
  onnx_set_output(build, node, 1, work.key.op);
  onnx_set_output(build, node, 2, work.value.op);
  onnx_set_output(build, node, 3, one_past ? work.value.op : scores.op);
}
