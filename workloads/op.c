/* What are the fixed properties of a kind, and how much multiplying does an op do?
 *
 * Source: accelerator-search §3–4, cost-model §2 (bounds of convolutions). Left out: what any of it costs (arch/). */
#include "workloads/op.h"
#include "base/checked.h"
#include "base/error.h"

const struct op_kind_info op_kinds[N_OP_KINDS] = {
#define OP_KIND(id, name, class, family, keep, fusion) [OP_##id] = {name, class, family, keep, fusion},
#include "workloads/op_kinds.def"
#undef OP_KIND
};

const char *const op_phase_names[N_PHASES] = {
    [PHASE_FORWARD] = "forward",
    [PHASE_BACKWARD_DATA] = "backward-data",
    [PHASE_BACKWARD_WEIGHT] = "backward-weight",
    [PHASE_UPDATE] = "update",
};

struct op op_new(enum op_kind kind, uint64_t element_bytes) {
  REQUIRE(kind < N_OP_KINDS && element_bytes <= UINT8_MAX);
  return (struct op){
      .kind = (uint8_t)kind,
      .phase = PHASE_FORWARD,
      .element_bytes = (uint8_t)element_bytes,
      .layer = OP_ABSENT,
      .mirror = OP_ABSENT,
      .weight_group = OP_ABSENT,
  };
}

/* ⌊(size + 2·pad − dilation·(filter − 1) − 1)/stride⌋ + 1 */
static uint64_t positions(uint64_t size, uint64_t pad, uint64_t filter, const struct op *op) {
  const uint64_t stride = op->dim[DIM_STRIDE], dilation = op->dim[DIM_DILATION];
  if (filter == 0 || stride == 0) return 0;
  const uint64_t padded = sat_add(size, sat_mul(2, pad));
  const uint64_t reach = sat_add(sat_mul(dilation, filter - 1), 1);
  return padded < reach ? 0 : (padded - reach) / stride + 1;
}

uint64_t op_conv_out_height(const struct op *op) {
  return positions(op->dim[DIM_IN_HEIGHT], op->dim[DIM_PAD_HEIGHT], op->dim[DIM_FILTER_HEIGHT], op);
}

uint64_t op_conv_out_width(const struct op *op) {
  return positions(op->dim[DIM_IN_WIDTH], op->dim[DIM_PAD_WIDTH], op->dim[DIM_FILTER_WIDTH], op);
}

static uint64_t product(const uint64_t *factors, size_t n) {
  uint64_t result = 1;
  bool zero = false;
  for (size_t i = 0; i < n; i++) {
    zero |= factors[i] == 0;
    result = sat_mul(result, factors[i]);
  }
  return zero ? 0 : result; /* 2⁶⁴ · 0 is nothing, although the product stuck on its way */
}

enum op_phase op_conv_phase(const struct op *op) {
  const enum op_phase phase = op->phase;
  if (op->kind != OP_TRANSPOSED_CONV) return phase;
  if (phase == PHASE_BACKWARD_DATA) return PHASE_FORWARD;
  return phase == PHASE_FORWARD ? PHASE_BACKWARD_DATA : phase;
}

/* Query i of m sees the first i + 1 + n − m of n keys: m·n less a triangle above the diagonal. */
uint64_t op_attention_scores(const struct op *op) {
  const uint64_t reps = op->dim[DIM_REPS], m = op->dim[DIM_M], n = op->dim[DIM_N];
  const uint64_t causal = op->dim[DIM_CAUSAL] != 0 ? m < n ? m : n : 0; /* sides of the triangle */
  if (reps == 0 || m == 0 || n == 0) return 0;
  uint64_t scores = sat_mul(m, n);
  if (scores == UINT64_MAX) return scores;
  if (causal > 0) {
    const uint64_t pairs = causal % 2 == 0 ? sat_mul(causal / 2, causal - 1) : sat_mul((causal - 1) / 2, causal);
    scores -= pairs;
    if (m > n) scores -= (m - n) * n; /* the first queries see nothing */
  }
  return sat_mul(reps, scores);
}

uint64_t op_macs(const struct op *op) {
  const uint64_t *const dim = op->dim;
  switch (op_kinds[op->kind].family) {
  case FAMILY_GEMM:
    return product(dim, 4); /* reps, M, N, K */
  case FAMILY_CONV: {
    const uint64_t groups = dim[DIM_GROUPS];
    if (groups == 0) return 0;
    const uint64_t factors[] = {dim[DIM_IMAGES],       op_conv_out_height(op),        op_conv_out_width(op),
                                dim[DIM_OUT_CHANNELS], dim[DIM_IN_CHANNELS] / groups, dim[DIM_FILTER_HEIGHT],
                                dim[DIM_FILTER_WIDTH]};
    return product(factors, sizeof factors / sizeof *factors);
  }
  case FAMILY_ATTENTION: {
    /* Products as deep or as wide as keys, and as values: one each; backwards QKᵀ, dS·K, dSᵀ·Q and dO·Vᵀ, Pᵀ·dO. */
    const bool forward = op->phase == PHASE_FORWARD;
    const uint64_t keys[] = {forward ? 1 : 3, op_attention_scores(op), dim[DIM_K]};
    const uint64_t values[] = {forward ? 1 : 2, op_attention_scores(op), op_value_size(op)};
    return sat_add(product(keys, sizeof keys / sizeof *keys), product(values, sizeof values / sizeof *values));
  }
  case FAMILY_NONE:
  case FAMILY_VECTOR:
  case FAMILY_LINK:
    return 0;
  }
  BUG("kind %u has no family", op->kind);
}
