/* Which operators make attention whose keys and values pass through a narrow vector?
 *
 * Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434 §2.1; V3, 2412.19437): a token's keys and values of all
 * heads are made of one normed vector of key_value_rank numbers, its queries of another (or of the token itself); a
 * part of each query turns with the position, and with it one part of the key that all heads share. As in training:
 * keys and values are written out for every head; inference would absorb the matrices. Ranks of a tensor group share
 * the heads, and all make the narrow vectors (split_tensor.c). Left out: fused attention, for keys are wider than
 * values. */
#include "workloads/transformer_block.h"

/* Elementwise, over a part of `x`. */
static struct tensor turn(struct transformer_build *build, const char *name, struct tensor x, uint64_t width) {
  x.elements = emit_product(&build->emit, build->tokens, width);
  x.row = width;
  return emit_map(&build->emit, OP_ROTARY, name, x);
}

/* Through a normed vector of `rank` numbers, whose matrix makes `more` besides; 0: straight. */
static struct tensor narrow(struct transformer_build *build, const char *down, const char *norm, struct tensor x,
                            uint64_t rank, uint64_t more, struct tensor *rest) {
  if (rank == 0) return x;
  struct tensor latent = transformer_linear(build, down, x, rank + more, false);
  *rest = latent;
  latent.elements = emit_product(&build->emit, build->tokens, rank);
  latent.row = rank;
  return emit_norm(&build->emit, OP_RMS_NORM, norm, latent, rank);
}

struct tensor transformer_latent_attention(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t heads = model->heads, still = model->head_size - model->rotary_size;
  struct tensor rest = x;
  struct transformer_heads sides = {
      .part = "attention", .n_queries = build->sequence, .n_keys = build->sequence, .causal = model->causal};
  struct tensor query = narrow(build, "attention.query_down", "attention.query_norm", x, model->query_rank, 0, &rest);
  transformer_tag(build, SPLIT_QUERY);
  query = transformer_linear(build, "attention.query", query, emit_product(emit, heads, model->head_size), false);
  transformer_tag(build, SPLIT_HEADS);
  const struct tensor turned =
      turn(build, "attention.query_rotary", query, emit_product(emit, heads, model->rotary_size));
  sides.query = emit_view(emit, "attention.query_heads", query, (struct tensor[2]){query, turned}, 2);
  transformer_tag(build, SPLIT_TOKENS);
  const struct tensor latent = narrow(build, "attention.key_value_down", "attention.key_value_norm", x,
                                      model->key_value_rank, model->rotary_size, &rest);
  transformer_tag(build, SPLIT_QUERY);
  const struct tensor packed = transformer_linear(build, "attention.key_value", latent,
                                                  emit_product(emit, heads, still + model->value_size), false);
  struct tensor own = packed;
  own.elements = emit_product(emit, build->tokens, emit_product(emit, heads, still));
  transformer_tag(build, SPLIT_TOKENS);
  const struct tensor shared = turn(build, "attention.key_rotary", rest, model->rotary_size);
  transformer_tag(build, SPLIT_HEADS);
  const struct vector_op join = {.kind = OP_CONCAT,
                                 .group = OP_ABSENT,
                                 .out = transformer_rows(build, emit_product(emit, heads, model->head_size))};
  sides.key = emit_vector(emit, "attention.key_heads", &join, (struct tensor[2]){own, shared}, 2);
  sides.value = packed;
  sides.value.elements = emit_product(emit, build->tokens, emit_product(emit, heads, model->value_size));
  const struct tensor context = transformer_weigh(build, &sides, transformer_scores(build, &sides));
  return transformer_project(build, sides.part, context);
}
