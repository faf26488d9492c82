/* Where does the batch lie in a shape that an exporter wrote for another one?
 *
 * A file without a symbol for its batch holds the number that it was exported for, also in the shapes that Reshape asks
 * for. All shapes are therefore found for that number first; for another one, the dimension of a reshaped tensor that
 * the batch has gone into is told by its stride, and grows in proportion. Of two that could be, the order is: the one
 * that the file leaves open (-1), one that was 1, the last but for the very last. Left out: shapes that depend on the
 * batch in other ways; then some operator does not fit, and the batch is refused. */
#include "workloads/onnx_shape.h"

/* The axis of x that has become another, ONNX_MAX_RANK if there is none or several. */
static size_t changed_axis(const struct onnx_graph *graph, const struct onnx_shape *x,
                           const struct onnx_shape *traced) {
  size_t axis = ONNX_MAX_RANK, n = 0;
  if (x->rank != traced->rank) return ONNX_MAX_RANK;
  for (size_t k = 0; k < x->rank; k++) {
    if (x->dims[k] == traced->dims[k]) continue;
    if (!onnx_is_rebatched(graph, traced->dims[k], x->dims[k])) return ONNX_MAX_RANK;
    axis = k;
    n++;
  }
  return n == 1 ? axis : ONNX_MAX_RANK;
}

/* How good a home for the batch dimension k is; 0: it is none. The batch counted `file_batch` steps of `stride`. */
static unsigned fitness(const struct onnx_inference *inference, const struct onnx_shape *out, size_t k,
                        uint64_t stride) {
  uint64_t inner = 1;
  for (size_t i = k + 1; i < out->rank; i++) inner = sat_mul(inner, (uint64_t)out->dims[i]);
  const uint64_t size = (uint64_t)out->dims[k], batch = (uint64_t)inference->graph->file_batch;
  const uint64_t whole = sat_mul(inner, size), block = sat_mul(stride, batch);
  if (size % batch != 0 || stride % inner != 0 || whole % block != 0) return 0;
  const struct onnx_value *const asked = onnx_operand(inference->graph, inference->node, 1);
  if (asked != NULL && asked->ints != NULL && k < asked->elements && asked->ints[k] == -1) return 4;
  return size == batch ? 3 : k + 1 < out->rank ? 2 : 1;
}

bool onnx_rebatch(const struct onnx_inference *inference, struct onnx_shape *shape) {
  const struct onnx_graph *const graph = inference->graph;
  const struct onnx_node *const node = inference->node;
  if (graph->traced == NULL || node->outputs[0] == ONNX_NONE) return false;
  if (node->inputs[0] >= graph->n_traced || node->outputs[0] >= graph->n_traced) return false; /* another branch */
  const struct onnx_shape *const x = onnx_shape_of(inference, 0), *const was = &graph->traced[node->inputs[0]].shape;
  const struct onnx_shape *const out = &graph->traced[node->outputs[0]].shape;
  const size_t axis = changed_axis(graph, x, was);
  if (axis == ONNX_MAX_RANK || !out->known) return false;
  /* In an axis that it shares with something else, the batch is the outer part or the inner one. */
  uint64_t inner = 1;
  for (size_t k = axis + 1; k < was->rank; k++) inner = sat_mul(inner, (uint64_t)was->dims[k]);
  const uint64_t strides[] = {sat_mul(inner, (uint64_t)(was->dims[axis] / graph->file_batch)), inner};
  size_t best = 0;
  unsigned most = 0;
  for (size_t s = 0; s < 2; s++)
    for (size_t k = 0; k < out->rank; k++) {
      const unsigned fit = fitness(inference, out, k, strides[s]);
      if (fit == 0 || fit < most || (s > 0 && fit == most)) continue;
      most = fit;
      best = k;
    }
  if (most == 0) return false;
  *shape = *out;
  const uint64_t grown = sat_mul((uint64_t)(out->dims[best] / graph->file_batch), (uint64_t)graph->asked_batch);
  shape->dims[best] = grown > INT32_MAX ? (int64_t)INT32_MAX + 1 : (int64_t)grown;
  return true;
}
