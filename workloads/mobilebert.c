/* Which operators make MobileBERT?
 *
 * Sun et al., arXiv 2004.02984, and its public configuration: blocks 512 wide whose inside is 128 wide (bottlenecks in
 * front of queries and keys, in front of the residual, and behind), four feed-forward networks a block, a scale and a
 * shift of each channel in place of norms, trigrams of narrow embeddings. Masked-token head: a layer with a norm, and
 * logits by the embedding's table beside a second one. Left out: the pooler, which masked tokens do not pass. */
#include "workloads/transformer_block.h"
#include <stdio.h>

enum { N_GRAMS = 3 };

/* A scale and a shift of each channel. */
static struct tensor affine(struct transformer_build *build, const char *part, struct tensor x) {
  char name[2 * EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.scale", part);
  x = emit_norm(&build->emit, OP_MUL, name, x, x.row);
  snprintf(name, sizeof name, "%s.shift", part);
  return emit_norm(&build->emit, OP_ADD, name, x, x.row);
}

/* A layer of the width inside, with its scale and shift. */
static struct tensor narrow(struct transformer_build *build, const char *part, struct tensor x) {
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.linear", part);
  return affine(build, part, transformer_linear(build, name, x, build->model->bottleneck, true));
}

/* What `x` became, on top of what it was. */
static struct tensor residual(struct transformer_build *build, const char *part, struct tensor x, struct tensor was) {
  char name[2 * EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "%s.residual", part);
  return affine(build, part, emit_join(&build->emit, OP_ADD, name, x, was));
}

static struct tensor attend(struct transformer_build *build, struct tensor x, struct tensor inside) {
  const uint64_t width = build->model->bottleneck;
  const struct tensor shared = narrow(build, "attention.bottleneck", x);
  struct transformer_heads heads = {.part = "attention", .n_queries = build->sequence, .n_keys = build->sequence};
  heads.query = transformer_linear(build, "attention.query", shared, width, true);
  heads.key = transformer_linear(build, "attention.key", shared, width, true);
  heads.value = transformer_linear(build, "attention.value", x, width, true);
  const struct tensor context = transformer_weigh(build, &heads, transformer_scores(build, &heads));
  return residual(build, "attention", transformer_linear(build, "attention.projection", context, width, true), inside);
}

static struct tensor feed_forward(struct transformer_build *build, uint32_t i, struct tensor x) {
  char name[EMIT_NAME_BYTES];
  snprintf(name, sizeof name, "feed_forward%u.up", i);
  struct tensor inner = transformer_linear(build, name, x, build->model->ffn, true);
  snprintf(name, sizeof name, "feed_forward%u.activation", i);
  inner = emit_map(&build->emit, OP_RELU, name, inner);
  snprintf(name, sizeof name, "feed_forward%u.down", i);
  const struct tensor out = transformer_linear(build, name, inner, x.row, true);
  snprintf(name, sizeof name, "feed_forward%u", i);
  return residual(build, name, out, x);
}

static struct tensor block(struct transformer_build *build, struct tensor x) {
  struct tensor inside = attend(build, x, narrow(build, "bottleneck", x));
  for (uint32_t i = 0; i < build->model->feed_forwards; i++) inside = feed_forward(build, i, inside);
  const struct tensor wide = transformer_linear(build, "output.linear", inside, build->model->hidden, true);
  return residual(build, "output", transformer_dropout(build, "output.dropout", wide), x);
}

/* A token beside its neighbours. */
static struct tensor embed(struct transformer_build *build) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const struct tensor token =
      transformer_embed(build, "tokens", "embedding.token", model->vocab, model->embedding_width, SPLIT_TABLE);
  const struct vector_op shift = {
      .kind = OP_CONCAT, .group = OP_ABSENT, .out = transformer_rows(build, N_GRAMS * model->embedding_width)};
  struct tensor x =
      emit_vector(emit, "embedding.trigram", &shift, (struct tensor[N_GRAMS]){token, token, token}, N_GRAMS);
  x = transformer_linear(build, "embedding.linear", x, model->hidden, true);
  const struct vector_op positions = {.kind = OP_ADD,
                                      .n_parameters = emit_product(emit, build->sequence, x.row),
                                      .n_weights = emit_product(emit, build->sequence, x.row),
                                      .group = OP_ABSENT,
                                      .out = x};
  x = emit_vector(emit, "embedding.position", &positions, &x, 1);
  const struct tensor types =
      transformer_embed(build, "token_types", "embedding.token_type", model->token_types, model->hidden, SPLIT_TOKENS);
  x = affine(build, "embedding", emit_join(emit, OP_ADD, "embedding.add_type", x, types));
  return transformer_dropout(build, "embedding.dropout", x);
}

/* Logits of all columns: as many as the embedding has by its table, the others by one of their own. */
static void predict(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  x = emit_map(emit, OP_RELU, "head.activation", transformer_linear(build, "head.linear", x, model->hidden, true));
  x = emit_norm(emit, OP_LAYER_NORM, "head.norm", x, 2 * model->hidden);
  const struct gemm gemm = {.reps = 1,
                            .m = build->tokens,
                            .n = model->vocab,
                            .k = model->hidden,
                            .n_bias = model->vocab,
                            .n_borrowed = emit_product(emit, model->embedding_width, model->vocab),
                            .group = TRANSFORMER_GROUP_EMBEDDING,
                            .rank = TRANSFORMER_RANK_TOKENS};
  transformer_loss(build, x, &gemm, build->tokens);
}

static bool generate_mobilebert(struct generation *generation, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, &mobilebert_fields, model, NULL, 0, error)) return false;
  if (model->embedding_width >= model->hidden)
    return generation_reject(generation, "embedding_width", error, "%llu is not below hidden = %llu",
                             (unsigned long long)model->embedding_width, (unsigned long long)model->hidden);
  if (model->bottleneck % model->heads != 0)
    return generation_reject(generation, "heads", error,
                             "%llu does not divide bottleneck = %llu, allowed are its divisors",
                             (unsigned long long)model->heads, (unsigned long long)model->bottleneck);
  model->head_size = model->bottleneck / model->heads;
  model->tied = true;
  model->position = POSITION_LEARNED;
  struct transformer_build build = {.model = model, .sequence = model->sequence};
  transformer_start(&build, generation);
  struct tensor x = embed(&build);
  for (uint32_t i = 0; i < model->layers; i++) {
    emit_enter(&build.emit, i, "layer", i);
    x = block(&build, x);
    if (build.emit.overflow || graph_builder_count(build.emit.builder) >= OP_GRAPH_MAX_OPS) break;
  }
  emit_leave(&build.emit);
  predict(&build, x);
  return emitter_finish(&build.emit, generation, error);
}

const struct workload_generator mobilebert_generator = {"mobilebert",
                                                        "BERT whose blocks are narrow inside (MobileBERT).", "sequence",
                                                        &mobilebert_fields, generate_mobilebert};
