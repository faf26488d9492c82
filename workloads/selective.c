/* Which operators does selective recomputation run again?
 *
 * Of attention what lies between QKᵀ and AV (arXiv 2205.05198). By operators, as PyTorch's selective activation
 * checkpointing is set up in torchtitan (arXiv 2410.06511, its per-operator policy): outputs of products with weights
 * are kept, but of every second one of a layer; so are those of fused attention and of collectives that sum; all else
 * runs again, up to what leaves the block. Left out: operators outside of layers, which keep everything. */
#include "workloads/selective.h"

static bool sums_over_ranks(const struct op *op) { return op->kind == OP_ALL_REDUCE || op->kind == OP_REDUCE_SCATTER; }

static bool is_saved(const struct op *op, uint32_t *n_products) {
  switch (op_kinds[op->kind].family) {
  case FAMILY_GEMM:
  case FAMILY_CONV:
    if (op_kinds[op->kind].family == FAMILY_GEMM && !op->weighted) return false; /* of activations */
    return ++*n_products % 2 == 1;
  case FAMILY_ATTENTION:
    return true;
  case FAMILY_LINK:
    return sums_over_ranks(op);
  default:
    return false;
  }
}

static struct attention_marks mark_operators(const struct op_graph *forward, const struct block_cut *cut,
                                             struct arena *arena) {
  const struct attention_marks marks = {ARENA_NEW(arena, bool, forward->n_ops), ARENA_NEW(arena, bool, forward->n_ops)};
  uint32_t n_products = 0, layer = OP_ABSENT;
  for (size_t i = 0; i < forward->n_ops; i++) {
    const struct op *const op = &forward->ops[i];
    if (op->layer != layer) n_products = 0;
    layer = op->layer;
    if (op->layer == OP_ABSENT || op_kinds[op->kind].family == FAMILY_NONE) continue;
    marks.inner[i] = marks.again[i] =
        !is_saved(op, &n_products) && cut->flows[i] && cut->leaving[cut->place_of[i]] != i;
  }
  return marks;
}

struct attention_marks selective_mark(const struct op_graph *forward, enum selective rule, const struct block_cut *cut,
                                      struct arena *arena) {
  return rule == SELECTIVE_OPERATORS ? mark_operators(forward, cut, arena) : attention_mark(forward, arena);
}
