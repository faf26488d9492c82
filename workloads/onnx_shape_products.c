/* Which shapes do matrix products and contractions put out?
 *
 * Source: ONNX operator specification, sets 7–24, and numpy's rules of broadcasting and of einsum. Left out: nothing
 * that those operators can say about shapes. */
#include "workloads/onnx_shape.h"
#include <ctype.h>
#include <string.h>

#define REJECT(...) onnx_reject(inference->graph, inference->node, inference->error, __VA_ARGS__)

bool onnx_infer_gemm(struct onnx_inference *inference) {
  const size_t at = onnx_second_factor(inference->node);
  if (!onnx_need(inference, at + 1)) return false;
  const struct onnx_shape *const a = onnx_shape_of(inference, 0), *const b = onnx_shape_of(inference, at);
  if (a->rank != 2 || b->rank != 2) return REJECT("its operands must be matrices");
  const bool turn_a = onnx_int(inference->node, "transA", 0) != 0, turn_b = onnx_int(inference->node, "transB", 0) != 0;
  if (a->dims[!turn_a] != b->dims[turn_b])
    return REJECT("inner dimensions differ: %lld against %lld", (long long)a->dims[!turn_a],
                  (long long)b->dims[turn_b]);
  const int64_t dims[] = {a->dims[turn_a], b->dims[!turn_b]};
  return onnx_set_shape(inference, 0, dims, 2, 0);
}

/* The last two axes change places. */
static void turn(struct onnx_shape *x) {
  const int64_t last = x->dims[x->rank - 1];
  x->dims[x->rank - 1] = x->dims[x->rank - 2];
  x->dims[x->rank - 2] = last;
}

bool onnx_infer_matmul(struct onnx_inference *inference) {
  const size_t at = onnx_second_factor(inference->node);
  if (!onnx_need(inference, at + 1)) return false;
  struct onnx_shape a = *onnx_shape_of(inference, 0), b = *onnx_shape_of(inference, at);
  const bool real = strcmp(inference->node->type, "MatMulIntegerToFloat") == 0;
  if (a.rank == 0 || b.rank == 0) return REJECT("its operands must not be scalars");
  const bool row = a.rank == 1, column = b.rank == 1;
  if (row) a = (struct onnx_shape){.known = true, .rank = 2, .dims = {1, a.dims[0]}};
  if (column) b = (struct onnx_shape){.known = true, .rank = 2, .dims = {b.dims[0], 1}};
  /* Of the fused form alone. */
  if (onnx_int(inference->node, "transBatchA", 0) != 0 || onnx_int(inference->node, "transBatchB", 0) != 0)
    return REJECT("turns the axes of the batch, allowed are transA and transB");
  if (onnx_int(inference->node, "transA", 0) != 0) turn(&a);
  if (onnx_int(inference->node, "transB", 0) != 0) turn(&b);
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
  return onnx_set_shape(inference, 0, dims, n, at == 3 ? ONNX_INT8 : real ? ONNX_FLOAT : 0);
}

/* --- einsum ----------------------------------------------------------------------------------------------------- */

/* The letters of one operand, from `*at` to the next ',' or '-'; an ellipsis stands for the dimensions that no letter
 * has, counted from behind. What is wrong, NULL if nothing. */
static const char *read_term(const char **at, const struct onnx_shape *shape, struct onnx_term *term) {
  size_t n_letters = 0, ellipses = 0;
  const char *const start = *at;
  for (; **at != '\0' && **at != ',' && **at != '-'; (*at)++) {
    if (strncmp(*at, "...", 3) == 0) {
      *at += 2;
      ellipses++;
    } else if (isalpha((unsigned char)**at)) {
      n_letters++;
    } else if (**at != ' ') {
      return "allowed in its equation are letters, '...', ',' and '->'";
    }
  }
  if (ellipses > 1 || n_letters > ONNX_MAX_RANK || (shape != NULL && n_letters > shape->rank) ||
      (shape != NULL && ellipses == 0 && n_letters < shape->rank))
    return "its equation does not fit its operands";
  const size_t n_covered = shape != NULL ? shape->rank - n_letters : term->n_covered;
  term->n = 0;
  term->n_covered = ellipses > 0 ? n_covered : 0;
  for (const char *c = start; c < *at; c++) {
    if (*c == '.') {
      c += 2;
      for (size_t k = 0; k < n_covered && term->n < ONNX_MAX_RANK; k++)
        term->labels[term->n++] = (uint8_t)(ONNX_EINSUM_LABELS - n_covered + k);
    } else if (*c != ' ' && term->n < ONNX_MAX_RANK) {
      term->labels[term->n++] = (uint8_t)(*c >= 'a' ? *c - 'a' + 26 : *c - 'A');
    }
  }
  return NULL;
}

static const char *size_labels(struct onnx_einsum *einsum, const struct onnx_term *term,
                               const struct onnx_shape *shape) {
  for (size_t k = 0; k < term->n; k++) {
    int64_t *const size = &einsum->size[term->labels[k]];
    if (*size != 0 && *size != 1 && shape->dims[k] != 1 && *size != shape->dims[k])
      return "its equation does not fit its operands";
    if (*size == 0 || *size == 1) *size = shape->dims[k];
  }
  return NULL;
}

/* Without "->": the ellipsis and, in the order of the alphabet, what stands once in all operands. */
static void default_output(struct onnx_einsum *einsum) {
  size_t uses[ONNX_EINSUM_LABELS] = {0};
  struct onnx_term *const out = &einsum->out;
  for (size_t i = 0; i < einsum->n_operands; i++)
    for (size_t k = 0; k < einsum->operands[i].n; k++) uses[einsum->operands[i].labels[k]]++;
  for (size_t i = 0; i < ONNX_EINSUM_LABELS; i++) {
    const size_t label = (i + 52) % ONNX_EINSUM_LABELS; /* those of the ellipsis first */
    if ((label >= 52 ? uses[label] > 0 : uses[label] == 1) && out->n < ONNX_MAX_RANK)
      out->labels[out->n++] = (uint8_t)label;
  }
}

const char *onnx_read_einsum(const struct onnx_graph *graph, const struct onnx_node *node, struct onnx_einsum *einsum) {
  const struct onnx_attribute *const equation = onnx_attribute(node, "equation");
  *einsum = (struct onnx_einsum){.n_operands = node->n_inputs};
  if (equation == NULL || equation->s == NULL || node->n_inputs < 1 || node->n_inputs > ONNX_EINSUM_OPERANDS)
    return "allowed are equations of 1 to 16 operands";
  const char *at = equation->s, *wrong = NULL;
  size_t n_covered = 0;
  for (size_t i = 0; i < einsum->n_operands && wrong == NULL; i++) {
    const struct onnx_value *const x = onnx_operand(graph, node, i);
    if (x == NULL || (i > 0 && *at++ != ',')) return "its equation does not fit its operands";
    wrong = read_term(&at, &x->shape, &einsum->operands[i]);
    if (wrong == NULL) wrong = size_labels(einsum, &einsum->operands[i], &x->shape);
    if (einsum->operands[i].n_covered > n_covered) n_covered = einsum->operands[i].n_covered;
  }
  if (wrong != NULL) return wrong;
  if (*at == '\0') {
    default_output(einsum);
    return NULL;
  }
  if (at[0] != '-' || at[1] != '>') return "its equation does not fit its operands";
  at += 2;
  einsum->out.n_covered = n_covered;
  wrong = read_term(&at, NULL, &einsum->out);
  if (wrong != NULL || *at != '\0') return wrong != NULL ? wrong : "its equation does not fit its operands";
  for (size_t k = 0; k < einsum->out.n; k++)
    if (einsum->size[einsum->out.labels[k]] == 0) return "its equation puts out a letter that no operand has";
  return NULL;
}

bool onnx_infer_einsum(struct onnx_inference *inference) {
  struct onnx_einsum einsum;
  const char *const wrong = onnx_read_einsum(inference->graph, inference->node, &einsum);
  if (wrong != NULL) return REJECT("%s", wrong);
  int64_t dims[ONNX_MAX_RANK];
  for (size_t k = 0; k < einsum.out.n; k++) dims[k] = einsum.size[einsum.out.labels[k]];
  return onnx_set_shape(inference, 0, dims, einsum.out.n, 0);
}
