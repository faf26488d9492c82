/* Which shapes do matrix products and contractions put out?
 *
 * Source: ONNX operator specification, sets 7–18, and numpy's rules of broadcasting and of einsum. Left out: nothing
 * that those operators can say about shapes. */
#include "workloads/onnx_shape.h"
#include <string.h>

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

bool onnx_infer_gemm(struct onnx_inference *inference) {
  if (!onnx_need(inference, 2)) return false;
  const struct onnx_shape *const a = onnx_shape_of(inference, 0), *const b = onnx_shape_of(inference, 1);
  if (a->rank != 2 || b->rank != 2) return REJECT("its operands must be matrices");
  const bool turn_a = onnx_int(inference->node, "transA", 0) != 0, turn_b = onnx_int(inference->node, "transB", 0) != 0;
  if (a->dims[!turn_a] != b->dims[turn_b])
    return REJECT("inner dimensions differ: %lld against %lld", (long long)a->dims[!turn_a],
                  (long long)b->dims[turn_b]);
  const int64_t dims[] = {a->dims[turn_a], b->dims[!turn_b]};
  return onnx_set_shape(inference, 0, dims, 2, 0);
}

bool onnx_infer_matmul(struct onnx_inference *inference) {
  const size_t at = strcmp(inference->node->type, "QLinearMatMul") == 0 ? 3 : 1;
  if (!onnx_need(inference, at + 1)) return false;
  struct onnx_shape a = *onnx_shape_of(inference, 0), b = *onnx_shape_of(inference, at);
  if (a.rank == 0 || b.rank == 0) return REJECT("its operands must not be scalars");
  const bool row = a.rank == 1, column = b.rank == 1;
  if (row) a = (struct onnx_shape){.known = true, .rank = 2, .dims = {1, a.dims[0]}};
  if (column) b = (struct onnx_shape){.known = true, .rank = 2, .dims = {b.dims[0], 1}};
  if (a.dims[a.rank - 1] != b.dims[b.rank - 2])
    return REJECT("inner dimensions differ: %lld against %lld", (long long)a.dims[a.rank - 1],
                  (long long)b.dims[b.rank - 2]);
  const size_t rank = a.rank > b.rank ? a.rank : b.rank;
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k + 2 < rank; k++) {
    const int64_t x = k + a.rank < rank ? 1 : a.dims[k + a.rank - rank],
                  y = k + b.rank < rank ? 1 : b.dims[k + b.rank - rank];
    if (x != y && x != 1 && y != 1)
      return REJECT("its operands do not broadcast: %lld against %lld", (long long)x, (long long)y);
    dims[k] = x == 1 ? y : x;
  }
  size_t n = rank - 2;
  if (!row) dims[n++] = a.dims[a.rank - 2];
  if (!column) dims[n++] = b.dims[b.rank - 1];
  return onnx_set_shape(inference, 0, dims, n, at == 3 ? ONNX_INT8 : 0);
}

/* "bhid,bhjd->bhij", two operands, explicit output. */
bool onnx_infer_einsum(struct onnx_inference *inference) {
  const struct onnx_attribute *const equation = onnx_attribute(inference->node, "equation");
  if (equation == NULL || equation->s == NULL || inference->node->n_inputs > 2)
    return REJECT("allowed are equations of one or two operands");
  int64_t size[26] = {0}, dims[ONNX_MAX_RANK];
  size_t operand = 0, k = 0, n = 0;
  bool arrow = false;
  if (!onnx_need(inference, inference->node->n_inputs)) return false;
  for (const char *at = equation->s; *at != '\0'; at++) {
    if (*at == ' ') continue;
    if (*at == ',' && !arrow) {
      operand++;
      k = 0;
    } else if (*at == '-' && at[1] == '>') {
      arrow = true;
      at++;
    } else if (*at < 'a' || *at > 'z') {
      return REJECT("allowed in its equation are small letters, ',' and '->'");
    } else if (arrow) {
      if (n == ONNX_MAX_RANK || size[*at - 'a'] == 0) return REJECT("its equation does not fit its operands");
      dims[n++] = size[*at - 'a'];
    } else {
      const struct onnx_shape *const x = onnx_shape_of(inference, operand);
      if (x == NULL || k >= x->rank || (size[*at - 'a'] != 0 && size[*at - 'a'] != x->dims[k]))
        return REJECT("its equation does not fit its operands");
      size[*at - 'a'] = x->dims[k++];
    }
  }
  if (!arrow) return REJECT("its equation has no '->'");
  return onnx_set_shape(inference, 0, dims, n, 0);
}
