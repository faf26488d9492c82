/* Which shapes do the joined and packed operators of com.microsoft put out?
 *
 * Source: microsoft/onnxruntime, its list of contrib operators. Left out: attention (onnx_shape_attention.c). */
#include "base/checked.h"
#include "workloads/onnx_shape.h"

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

/* Weights of less than eight bits: K and N are attributes, for the bytes do not show them. */
bool onnx_infer_matmul_bits(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  const int64_t k = onnx_int(inference->node, "K", 0), n = onnx_int(inference->node, "N", 0);
  if (out.rank < 1 || k < 1 || n < 1) return REJECT("needs an operand with dimensions, and K and N above 0");
  if (out.dims[out.rank - 1] != k)
    return REJECT("K is %lld, but its operand has rows of %lld", (long long)k, (long long)out.dims[out.rank - 1]);
  out.dims[out.rank - 1] = n;
  return onnx_set_like(inference, &out, 0);
}

/* A norm of the sum of two operands; the sum is put out, too. */
bool onnx_infer_skip_norm(struct onnx_inference *inference) {
  if (!onnx_need(inference, 3)) return false;
  const struct onnx_shape *const x = onnx_shape_of(inference, 0);
  struct onnx_shape rows = *x;
  if (x->rank < 1) return REJECT("its operand has no dimension");
  rows.dims[x->rank - 1] = 1;
  return onnx_set_like(inference, x, 0) && onnx_set_shape(inference, 1, rows.dims, rows.rank, ONNX_FLOAT) &&
         onnx_set_shape(inference, 2, rows.dims, rows.rank, ONNX_FLOAT) &&
         onnx_set_shape(inference, 3, x->dims, x->rank, 0);
}

/* A norm of the sum of words, positions and segments. */
bool onnx_infer_embed_norm(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const ids = onnx_shape_of(inference, 0), *const words = onnx_shape_of(inference, 2);
  if (ids->rank != 2 || words == NULL || words->rank != 2 || onnx_shape_of(inference, 3) == NULL)
    return REJECT("its operands are not tokens [batch,tokens], segments, words [words,width] and positions");
  const int64_t dims[] = {ids->dims[0], ids->dims[1], words->dims[1]};
  const int32_t type = onnx_operand(inference->graph, inference->node, 2)->type;
  return onnx_set_shape(inference, 0, dims, 3, type) && onnx_set_shape(inference, 1, dims, 1, ONNX_INT32) &&
         onnx_set_shape(inference, 2, dims, 3, type);
}

bool onnx_infer_halves(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  struct onnx_shape out = *onnx_shape_of(inference, 0);
  if (out.rank < 1 || out.dims[out.rank - 1] % 2 != 0) return REJECT("the last dimension of its operand has no halves");
  out.dims[out.rank - 1] /= 2;
  return onnx_set_like(inference, &out, 0);
}

/* A, its scale and zero point, B: broadcast. */
bool onnx_infer_quantised_pair(struct onnx_inference *inference) {
  if (!onnx_need(inference, 1)) return false;
  const struct onnx_shape *const a = onnx_shape_of(inference, 0), *const b = onnx_shape_of(inference, 3);
  if (b == NULL) return REJECT("operand 3 is missing");
  struct onnx_shape out = a->rank >= b->rank ? *a : *b;
  const struct onnx_shape *const other = a->rank >= b->rank ? b : a;
  for (size_t k = 0; k < other->rank; k++) {
    int64_t *const dim = &out.dims[out.rank - other->rank + k];
    if (*dim != other->dims[k] && *dim != 1 && other->dims[k] != 1)
      return REJECT("its operands do not broadcast: %lld against %lld", (long long)*dim, (long long)other->dims[k]);
    if (*dim == 1) *dim = other->dims[k];
  }
  return onnx_set_like(inference, &out, 0);
}

/* Scale and zero point of the output, then operands with theirs. */
bool onnx_infer_quantised_concat(struct onnx_inference *inference) {
  const size_t n = inference->node->n_inputs;
  if (n < 5 || n % 3 != 2 || onnx_shape_of(inference, 2) == NULL)
    return REJECT("has %zu operands, allowed are a scale, a zero point and three for each tensor", n);
  struct onnx_shape out = *onnx_shape_of(inference, 2);
  size_t axis;
  if (!onnx_axis(inference, onnx_int(inference->node, "axis", 1), out.rank, &axis)) return false;
  for (size_t i = 5; i < n; i += 3) {
    const struct onnx_shape *const x = onnx_shape_of(inference, i);
    if (x == NULL || x->rank != out.rank) return REJECT("its operands differ in rank");
    out.dims[axis] += x->dims[axis];
  }
  return onnx_set_shape(inference, 0, out.dims, out.rank, onnx_operand(inference->graph, inference->node, 2)->type);
}

/* Rows of a table whose last dimension holds several weights a byte. */
bool onnx_infer_gather_packed(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_value *const table = onnx_operand(inference->graph, inference->node, 0);
  const struct onnx_shape *const x = &table->shape, *const at = onnx_shape_of(inference, 1);
  const int64_t bits = onnx_int(inference->node, "bits", 4),
                a_byte = table->type == ONNX_UINT8 ? 8 / (bits > 0 ? bits : 8) : 1;
  if (x->rank != 2 || onnx_int(inference->node, "gather_axis", 0) != 0 || a_byte < 1 || at->rank >= ONNX_MAX_RANK ||
      x->dims[1] > INT32_MAX / a_byte)
    return REJECT("allowed are rows of a matrix (gather_axis 0)");
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k < at->rank; k++) dims[k] = at->dims[k];
  dims[at->rank] = x->dims[1] * a_byte;
  const struct onnx_value *const scales = onnx_operand(inference->graph, inference->node, 2);
  return onnx_set_shape(inference, 0, dims, at->rank + 1u, scales != NULL ? scales->type : ONNX_FLOAT);
}

const char *onnx_read_experts(const struct onnx_graph *graph, const struct onnx_node *node,
                              struct onnx_experts *experts) {
  static const char *const wrong = "its operands are not rows, scores of experts and matrices [experts,rows,columns]";
  const bool packed = node->type[0] == 'Q'; /* each matrix is followed by its scales */
  const size_t step = packed ? 3 : 2;
  const int64_t bits = onnx_int(node, "expert_weight_bits", 4);
  *experts = (struct onnx_experts){.chosen = onnx_int(node, "k", 1), .packed = 1};
  if (packed && bits != 4 && bits != 8) return "has experts of neither 4 nor 8 bits";
  if (packed) experts->packed = (uint64_t)(8 / bits);
  const struct onnx_value *const x = onnx_operand(graph, node, 0);
  if (x == NULL || x->shape.rank < 1 || onnx_operand(graph, node, 1) == NULL) return wrong;
  experts->hidden = x->shape.dims[x->shape.rank - 1];
  if (experts->hidden < 1) return wrong;
  for (size_t i = 0; i < 3; i++) {
    const size_t at = 2 + i * step;
    const struct onnx_value *const matrix = onnx_operand(graph, node, at);
    experts->matrices[i] = matrix != NULL ? at : ONNX_LEFT_OUT;
    experts->biases[i] = onnx_operand(graph, node, at + step - 1) != NULL ? at + step - 1 : ONNX_LEFT_OUT;
    if (matrix == NULL && i == 2) break;
    if (matrix == NULL || matrix->shape.rank != 3 || matrix->shape.dims[0] < 1) return wrong;
    experts->experts = onnx_operand(graph, node, 2)->shape.dims[0];
    if (matrix->shape.dims[0] != experts->experts) return wrong;
    const uint64_t weights = sat_mul(matrix->elements, experts->packed) / (uint64_t)experts->experts;
    const uint64_t rows = (uint64_t)(i == 1 ? experts->inner : experts->hidden);
    /* The second matrix reads what the gate leaves: half of the first's columns where gate and values are one. */
    if (i == 0 && rows > 0 && weights % rows == 0 && weights / rows <= INT32_MAX) {
      experts->widths[0] = (int64_t)(weights / rows);
      const struct onnx_value *const down = onnx_operand(graph, node, 2 + step);
      const uint64_t down_weights =
          down != NULL ? sat_mul(down->elements, experts->packed) / (uint64_t)experts->experts : 0;
      experts->inner = (int64_t)(down_weights / (uint64_t)experts->hidden);
      if (experts->inner < 1 || (experts->inner != experts->widths[0] && 2 * experts->inner != experts->widths[0]))
        return wrong;
      continue;
    }
    if (i == 0 || rows == 0 || weights % rows != 0 || weights / rows > INT32_MAX) return wrong;
    experts->widths[i] = (int64_t)(weights / rows);
  }
  return experts->chosen >= 1 && experts->chosen <= experts->experts ? NULL : "sends a row to more experts than it has";
}

bool onnx_infer_experts(struct onnx_inference *inference) {
  struct onnx_experts experts;
  const char *const wrong = onnx_read_experts(inference->graph, inference->node, &experts);
  if (wrong != NULL) return REJECT("%s", wrong);
  return onnx_set_like(inference, onnx_shape_of(inference, 0), 0);
}
