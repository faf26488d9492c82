/* What becomes of each ONNX operator that there is a rule for?
 *
 * The rows of onnx_ops.def and onnx_contrib.def in words, and those that onnx_inline.c writes out. For `dse list onnx`.
 */
#include "workloads/onnx_graph.h"

static const char *const work[] = {
    [EMIT_NOTHING] = "a fact or a constant: no work",
    [EMIT_VIEW] = "a view: no work",
    [EMIT_MAP] = "elementwise over what it puts out",
    [EMIT_PLAIN] = "elementwise over what it puts out",
    [EMIT_QUANTISE] = "elementwise over what it puts out",
    [EMIT_OVER] = "over its first operand",
    [EMIT_MOVE] = "moves what it puts out",
    [EMIT_FILTER] = "a convolution",
    [EMIT_UNFILTER] = "a transposed convolution",
    [EMIT_PRODUCT] = "a matrix product",
    [EMIT_NORM] = "a norm of its first operand",
    [EMIT_POOL] = "windows over what it puts out",
    [EMIT_TABLE] = "rows of a table of weights; moves what it picks of data",
    [EMIT_RECURRENT] = "a product for all inputs, then steps of a product and a cell",
    [EMIT_FOURIER] = "a fast transform: a pass for every doubling of its length",
    [EMIT_ATTENTION] = "its own matrix where it has one, two products, scale, masks, softmax",
    [EMIT_SKIP_NORM] = "a sum and a norm",
    [EMIT_EMBED_NORM] = "tables, sums and a norm",
    [EMIT_EXPERTS] = "a choice, matrices of all experts on equal shares of the rows, a sum",
};

static const struct onnx_known written_out[] = {
    {"", "If", "the branch of its condition; if data decide, the one with more nodes"},
    {"", "Loop", "its body, as often as its trip count says"},
    {"", "Scan", "its body, once a slice"},
};
enum { N_WRITTEN_OUT = sizeof written_out / sizeof *written_out };

bool onnx_known_operator(size_t i, struct onnx_known *known) {
  size_t n, n_standard;
  const struct onnx_operator *const operators = onnx_operators(&n, &n_standard);
  if (i >= n + N_WRITTEN_OUT) return false;
  if (i >= n) {
    *known = written_out[i - n];
    return true;
  }
  const struct onnx_operator *const op = &operators[i];
  *known = (struct onnx_known){i < n_standard ? "" : "com.microsoft", op->name, work[op->emit]};
  if (op->infer == INFER_sequence) known->does = "refused: lists of tensors, or tensors that may be missing";
  if (op->infer == INFER_text) known->does = "refused: texts or image files";
  return true;
}
