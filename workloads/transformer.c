/* Which operators make a transformer?
 *
 * Decoder, encoder and vision transformer from one set of keys: embedding, equal blocks of attention and feed-forward
 * (dense or experts), head and loss. Source: workloads §2.1; the order of ops in a block gives the kept bytes of §6
 * (34sbh + 5as²b for GPT). Full attention squares are counted, causal or not. Left out: fused attention, and experts
 * that are loaded unevenly. */
#include "workloads/transformer.h"
#include "base/checked.h"
#include "workloads/emit.h"
#include "workloads/split_sizes.h"

enum { GROUP_EMBEDDING, RANK_TOKENS = 3, RANK_SCORES = 4 };

struct build {
  struct emitter emit;
  const struct transformer *model;
  uint64_t tokens, sequence; /* of the batch; of one sample */
};

/* For splits, which cannot read them off the ops. */
static struct split_facts facts_of(const struct build *build) {
  const struct transformer *const model = build->model;
  return (struct split_facts){.layers = model->layers,
                              .samples = build->emit.batch,
                              .sequence = build->sequence,
                              .hidden = model->hidden,
                              .heads = model->heads,
                              .kv_heads = model->kv_heads,
                              .head_size = model->head_size,
                              .ffn = model->ffn,
                              .vocab = model->image > 0 ? model->classes : model->vocab,
                              .experts = model->experts,
                              .top_k = model->top_k,
                              .capacity_factor = model->capacity_factor,
                              .image = model->image > 0};
}

/* What every generator of this file starts with. */
static void start(struct build *build, struct generation *generation) {
  emitter_init(&build->emit, generation);
  build->tokens = emit_product(&build->emit, build->emit.batch, build->sequence);
  build->emit.split = SPLIT_TOKENS;
  const struct split_facts facts = facts_of(build);
  graph_builder_set_facts(generation->builder, &facts);
}

/* Rows of `width` elements, one a token. */
static struct tensor token_shape(struct build *build, uint64_t width) {
  return (struct tensor){
      .rank = RANK_TOKENS, .elements = emit_product(&build->emit, build->tokens, width), .row = width};
}

/* The ops to come are split like this. */
static void tag(struct build *build, enum op_split split) { build->emit.split = split; }

/* Every token through a matrix n_in × n. */
static struct tensor linear(struct build *build, const char *name, struct tensor x, uint64_t n, bool bias) {
  const struct gemm gemm = {.reps = 1,
                            .m = build->tokens,
                            .n = n,
                            .k = x.row,
                            .n_bias = bias ? n : 0,
                            .group = OP_ABSENT,
                            .rank = RANK_TOKENS};
  return emit_gemm(&build->emit, name, x, &gemm);
}

static struct tensor norm(struct build *build, const char *name, struct tensor x) {
  if (build->model->norm == NORM_RMS) return emit_norm(&build->emit, OP_RMS_NORM, name, x, x.row);
  return emit_norm(&build->emit, OP_LAYER_NORM, name, x, 2 * x.row);
}

static struct tensor dropout(struct build *build, const char *name, struct tensor x) {
  return build->model->dropout ? emit_map(&build->emit, OP_DROPOUT, name, x) : x;
}

static struct tensor activate(struct build *build, struct tensor x) {
  struct emitter *const emit = &build->emit;
  switch ((enum transformer_activation)build->model->activation) {
  case ACTIVATION_GELU:
    return emit_map(emit, OP_GELU, "feed_forward.activation", x);
  case ACTIVATION_SILU:
    return emit_map(emit, OP_SILU, "feed_forward.activation", x);
  case ACTIVATION_RELU:
    return emit_map(emit, OP_RELU, "feed_forward.activation", x);
  case ACTIVATION_RELU2:
    x = emit_map(emit, OP_RELU, "feed_forward.activation", x);
    return emit_join(emit, OP_MUL, "feed_forward.square", x, x);
  }
  BUG("activation %llu", (unsigned long long)build->model->activation);
}

/* --- attention ------------------------------------------------------------------------------------------------- */

/* Queries and keys turn in place inside the packed product; values pass by. So the packed tensor is kept once. */
static struct tensor rotate(struct build *build, struct tensor packed) {
  const struct transformer *const model = build->model;
  const uint64_t width = emit_product(&build->emit, model->heads + model->kv_heads, model->head_size);
  const struct vector_op rotary = {.kind = OP_ROTARY,
                                   .n_lanes = emit_product(&build->emit, build->tokens, width),
                                   .group = OP_ABSENT,
                                   .out = packed};
  return emit_vector(&build->emit, "attention.rotary", &rotary, &packed, 1);
}

/* Scores of all pairs of tokens, ready to weigh the values. */
static struct tensor attention_weights(struct build *build, struct tensor scores) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  scores = emit_map(emit, OP_SCALE, "attention.scale", scores);
  if (model->position == POSITION_ALIBI) {
    const struct vector_op slopes = {.kind = OP_ADD,
                                     .n_constants = emit_product(emit, model->heads, build->sequence),
                                     .group = OP_ABSENT,
                                     .out = scores};
    scores = emit_vector(emit, "attention.alibi", &slopes, &scores, 1);
  }
  if (model->causal) scores = emit_map(emit, OP_MASK, "attention.mask", scores);
  scores = emit_map(emit, OP_SOFTMAX, "attention.softmax", scores);
  return dropout(build, "attention.score_dropout", scores);
}

static struct tensor attention(struct build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t query_width = emit_product(emit, model->heads, model->head_size);
  const uint64_t key_width = emit_product(emit, model->kv_heads, model->head_size);
  tag(build, SPLIT_QKV);
  struct tensor packed = linear(build, "attention.qkv", x, query_width + 2 * key_width, model->bias);
  tag(build, SPLIT_ROTARY);
  if (model->position == POSITION_ROTARY) packed = rotate(build, packed);
  struct tensor query = packed, key = packed;
  query.elements = emit_product(emit, build->tokens, query_width);
  key.elements = emit_product(emit, build->tokens, key_width); /* and as many values */

  struct gemm gemm = {.reps = emit_product(emit, emit->batch, model->heads),
                      .m = build->sequence,
                      .n = build->sequence,
                      .k = model->head_size,
                      .group = OP_ABSENT,
                      .rank = RANK_SCORES};
  tag(build, SPLIT_SCORES);
  const struct tensor scores = emit_matmul(emit, "attention.query_key", query, key, &gemm);
  tag(build, SPLIT_WEIGHTS);
  const struct tensor weights = attention_weights(build, scores);
  gemm.n = model->head_size;
  gemm.k = build->sequence;
  tag(build, SPLIT_VALUES);
  struct tensor context = emit_matmul(emit, "attention.context", weights, key, &gemm);
  context.rank = RANK_TOKENS;
  context.row = query_width;
  tag(build, SPLIT_PROJECTION);
  const struct tensor projected = linear(build, "attention.projection", context, model->hidden, model->bias);
  tag(build, SPLIT_TOKENS);
  return dropout(build, "attention.dropout", projected);
}

/* --- feed-forward ---------------------------------------------------------------------------------------------- */

/* The matrices of one expert, or of a dense block: `gemm` has experts and rows. */
static struct tensor matrices(struct build *build, struct tensor x, struct gemm gemm) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const bool expert = model->experts > 0;
  const enum op_split column = expert ? SPLIT_EXPERT_COLUMN : SPLIT_COLUMN;
  const enum op_split elementwise = expert ? SPLIT_EXPERT_INNER : SPLIT_INNER;
  gemm.n = model->ffn;
  gemm.k = model->hidden;
  gemm.n_bias = model->bias ? model->ffn : 0;
  struct tensor inner;
  tag(build, column);
  inner = emit_gemm(emit, model->gated ? "feed_forward.gate" : "feed_forward.up", x, &gemm);
  tag(build, elementwise);
  inner = activate(build, inner);
  if (model->gated) {
    gemm.n_bias = 0; /* the first matrix has the bias (workloads §2.1, the formula of P) */
    tag(build, column);
    const struct tensor up = emit_gemm(emit, "feed_forward.up", x, &gemm);
    tag(build, elementwise);
    inner = emit_join(emit, OP_MUL, "feed_forward.product", inner, up);
  }
  gemm.n = model->hidden;
  gemm.k = model->ffn;
  gemm.n_bias = model->bias ? model->hidden : 0;
  tag(build, expert ? SPLIT_EXPERT_ROW : SPLIT_ROW);
  const struct tensor out = emit_gemm(emit, "feed_forward.down", inner, &gemm);
  tag(build, SPLIT_TOKENS);
  return out;
}

static struct tensor combine(struct build *build, struct tensor expert_out, struct tensor choice) {
  struct emitter *const emit = &build->emit;
  const struct tensor out = token_shape(build, build->model->hidden);
  struct tensor sent = out;
  sent.elements = emit_product(emit, out.elements, build->model->top_k);
  const struct vector_op gather = {.kind = OP_GATHER, .group = OP_ABSENT, .out = sent};
  tag(build, SPLIT_RETURN);
  const struct tensor returned =
      emit_vector(emit, "experts.return", &gather, (struct tensor[2]){expert_out, choice}, 2);
  tag(build, SPLIT_TOKENS);
  const struct tensor weighed = emit_join(emit, OP_MUL, "experts.weigh", returned, choice);
  const struct vector_op sum = {.kind = OP_REDUCE, .n_lanes = sent.elements, .group = OP_ABSENT, .out = out};
  return emit_vector(emit, "experts.combine", &sum, &weighed, 1);
}

static struct tensor experts(struct build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  struct tensor router = linear(build, "experts.router", x, model->experts, false);
  router = emit_map(emit, OP_SOFTMAX, "experts.softmax", router);
  const struct vector_op top_k = {.kind = OP_TOP_K,
                                  .n_lanes = router.elements,
                                  .group = OP_ABSENT,
                                  /* each choice is a weight and an index */
                                  .out = {.rank = RANK_TOKENS,
                                          .bytes = (uint8_t)(emit->element_bytes + EMIT_INDEX_BYTES),
                                          .elements = emit_product(emit, build->tokens, model->top_k),
                                          .row = model->top_k}};
  const struct tensor choice = emit_vector(emit, "experts.top_k", &top_k, &router, 1);

  const struct split_facts facts = facts_of(build);
  const uint64_t rows = split_expert_rows(&facts, build->tokens);
  const struct tensor sent = {.rank = RANK_TOKENS,
                              .elements = emit_product(emit, emit_product(emit, model->experts, rows), model->hidden),
                              .row = model->hidden};
  const struct vector_op dispatch = {.kind = OP_GATHER, .group = OP_ABSENT, .out = sent};
  tag(build, SPLIT_DISPATCH);
  const struct tensor dispatched = emit_vector(emit, "experts.dispatch", &dispatch, (struct tensor[2]){x, choice}, 2);
  const struct gemm gemm = {.reps = model->experts, .m = rows, .group = OP_ABSENT, .rank = RANK_TOKENS};
  return combine(build, matrices(build, dispatched, gemm), choice);
}

static struct tensor feed_forward(struct build *build, struct tensor x) {
  const struct gemm gemm = {.reps = 1, .m = build->tokens, .group = OP_ABSENT, .rank = RANK_TOKENS};
  const struct tensor out = build->model->experts > 0 ? experts(build, x) : matrices(build, x, gemm);
  return dropout(build, "feed_forward.dropout", out);
}

/* --- blocks ---------------------------------------------------------------------------------------------------- */

static struct tensor block(struct build *build, struct tensor x) {
  struct emitter *const emit = &build->emit;
  const bool pre = build->model->norm_place == PLACE_PRE;
  const struct tensor attended = attention(build, pre ? norm(build, "attention.norm", x) : x);
  struct tensor y = emit_join(emit, OP_ADD, "attention.residual", x, attended);
  if (!pre) y = norm(build, "attention.norm", y);
  const struct tensor read = build->model->parallel_block ? x : y;
  const struct tensor fed = feed_forward(build, pre ? norm(build, "feed_forward.norm", read) : read);
  y = emit_join(emit, OP_ADD, "feed_forward.residual", y, fed);
  return pre ? y : norm(build, "feed_forward.norm", y);
}

static struct tensor blocks(struct build *build, struct tensor x) {
  for (uint32_t i = 0; i < build->model->layers; i++) {
    emit_enter(&build->emit, i, "layer", i);
    x = block(build, x);
    if (build->emit.overflow || graph_builder_count(build->emit.builder) >= OP_GRAPH_MAX_OPS) break;
  }
  emit_leave(&build->emit);
  if (build->model->final_norm) x = norm(build, "final_norm", x);
  return x;
}

/* A table of `n_rows` positions on top of `x`, the same for every sample. */
static struct tensor add_positions(struct build *build, struct tensor x, uint64_t n_rows) {
  const struct vector_op add = {.kind = OP_ADD,
                                .n_parameters = emit_product(&build->emit, n_rows, x.row),
                                .n_weights = emit_product(&build->emit, build->sequence, x.row),
                                .group = OP_ABSENT,
                                .out = x};
  return emit_vector(&build->emit, "embedding.position", &add, &x, 1);
}

static struct tensor embed(struct build *build, const char *input, const char *name, uint64_t n_rows, uint64_t width,
                           enum op_split table_split) {
  struct emitter *const emit = &build->emit;
  const bool by_rows = table_split == SPLIT_TABLE;
  tag(build, by_rows ? SPLIT_TOKEN_IDS : SPLIT_TOKENS);
  const struct tensor ids = emit_input(emit, input, build->tokens, 1, EMIT_INDEX_BYTES);
  const bool shared = build->model->tied && n_rows == build->model->vocab;
  const struct tensor out = token_shape(build, width);
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, n_rows, width),
                                  .n_weights = out.elements,
                                  .group = shared ? GROUP_EMBEDDING : OP_ABSENT,
                                  .out = out};
  tag(build, table_split);
  const struct tensor looked_up = emit_vector(emit, name, &table, &ids, 1);
  tag(build, SPLIT_TOKENS);
  return looked_up;
}

/* --- language -------------------------------------------------------------------------------------------------- */

static struct tensor language_embedding(struct build *build) {
  const struct transformer *const model = build->model;
  struct tensor x = embed(build, "tokens", "embedding.token", model->vocab, model->embedding_width, SPLIT_TABLE);
  if (model->embedding_width != model->hidden) x = linear(build, "embedding.projection", x, model->hidden, false);
  if (model->position == POSITION_LEARNED) x = add_positions(build, x, build->sequence + model->position_extra_rows);
  if (model->token_types > 0) {
    const struct tensor types =
        embed(build, "token_types", "embedding.token_type", model->token_types, model->hidden, SPLIT_TOKENS);
    x = emit_join(&build->emit, OP_ADD, "embedding.add_type", x, types);
  }
  if (model->embedding_norm) x = norm(build, "embedding.norm", x);
  return dropout(build, "embedding.dropout", x);
}

/* The pooler has parameters, but no masked token passes through it. */
static void idle_pooler(struct build *build, uint64_t width) {
  struct op pooler = op_new(OP_WEIGHT, build->emit.element_bytes);
  pooler.weighted = true;
  pooler.n_parameters = emit_product(&build->emit, width, width + 1);
  emit_op(&build->emit, "pooler", &pooler, NULL, 0);
}

static void logits_and_loss(struct build *build, struct tensor x, const struct gemm *gemm, uint64_t n_targets) {
  tag(build, SPLIT_LOGITS);
  const struct tensor logits = emit_gemm(&build->emit, "head.logits", x, gemm);
  tag(build, SPLIT_LOSS);
  emit_loss(&build->emit, logits, n_targets);
  tag(build, SPLIT_TOKENS);
}

static void language_head(struct build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  if (model->pooler) idle_pooler(build, x.row);
  if (model->embedding_width != model->hidden) x = linear(build, "head.projection", x, model->embedding_width, false);
  const struct gemm gemm = {.reps = 1,
                            .m = build->tokens,
                            .n = model->vocab,
                            .k = model->embedding_width,
                            .group = model->tied ? GROUP_EMBEDDING : OP_ABSENT,
                            .borrowed = model->tied,
                            .rank = RANK_TOKENS};
  logits_and_loss(build, x, &gemm, build->tokens);
}

static bool generate_language(struct generation *generation, const struct field_table *table, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, table, model, NULL, 0, error) || !transformer_check(generation, model, error))
    return false;
  struct build build = {.model = model, .sequence = model->sequence};
  start(&build, generation);
  language_head(&build, blocks(&build, language_embedding(&build)));
  uint64_t flop = emit_product(&build.emit, 2 * model->sequence, model->layers);
  flop = emit_product(&build.emit, flop, model->hidden);
  generation->workload->router_flop = emit_product(&build.emit, flop, model->experts);
  return emitter_finish(&build.emit, generation, error);
}

static bool generate_decoder(struct generation *generation, struct error *error) {
  return generate_language(generation, &decoder_fields, error);
}

static bool generate_encoder(struct generation *generation, struct error *error) {
  return generate_language(generation, &encoder_fields, error);
}

/* --- images ---------------------------------------------------------------------------------------------------- */

/* Patches by a convolution as wide as its stride. */
static struct tensor image_patches(struct build *build) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t pixels = emit_product(emit, emit_product(emit, emit->batch, model->image), model->image);
  const struct tensor images = emit_input(emit, "images", emit_product(emit, pixels, model->channels), model->image,
                                          (uint8_t)emit->element_bytes);
  const uint64_t dim[OP_DIMS] = {[DIM_IMAGES] = emit->batch,
                                 [DIM_IN_CHANNELS] = model->channels,
                                 [DIM_IN_HEIGHT] = model->image,
                                 [DIM_IN_WIDTH] = model->image,
                                 [DIM_OUT_CHANNELS] = model->hidden,
                                 [DIM_FILTER_HEIGHT] = model->patch,
                                 [DIM_FILTER_WIDTH] = model->patch,
                                 [DIM_STRIDE] = model->patch,
                                 [DIM_GROUPS] = 1,
                                 [DIM_DILATION] = 1};
  struct tensor patches = emit_conv(emit, "embedding.patch", images, dim, true);
  patches.rank = RANK_TOKENS;
  patches.row = model->hidden;
  return patches;
}

static struct tensor image_embedding(struct build *build) {
  const struct transformer *const model = build->model;
  const struct tensor patches = image_patches(build);
  const struct vector_op class_token = {.kind = OP_CONCAT,
                                        .n_parameters = model->hidden,
                                        .n_weights = model->hidden,
                                        .group = OP_ABSENT,
                                        .out = token_shape(build, model->hidden)};
  const struct tensor x = emit_vector(&build->emit, "embedding.class_token", &class_token, &patches, 1);
  return dropout(build, "embedding.dropout", add_positions(build, x, build->sequence));
}

/* The classifier reads the class token of each image. */
static void image_head(struct build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  struct tensor token = x;
  token.rank = 2;
  token.elements = emit_product(emit, emit->batch, model->hidden);
  token = emit_view(emit, "head.class_token", token, &x, 1);
  const struct gemm gemm = {.reps = 1,
                            .m = emit->batch,
                            .n = model->classes,
                            .k = model->hidden,
                            .n_bias = model->classes,
                            .group = OP_ABSENT,
                            .rank = 2};
  logits_and_loss(build, token, &gemm, emit->batch);
}

static bool generate_vit(struct generation *generation, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, &vit_fields, model, NULL, 0, error) ||
      !transformer_check(generation, model, error))
    return false;
  const uint64_t side = model->image / model->patch;
  struct build build = {.model = model, .sequence = side * side + 1};
  start(&build, generation);
  image_head(&build, blocks(&build, image_embedding(&build)));
  if (!emitter_finish(&build.emit, generation, error)) return false;
  generation->workload->router_flop =
      sat_mul(sat_mul(2 * build.sequence, model->layers), sat_mul(model->hidden, model->experts));
  return true;
}

const struct workload_generator decoder_generator = {"decoder", "Transformers that predict the next token.", "sequence",
                                                     &decoder_fields, generate_decoder};
const struct workload_generator encoder_generator = {"encoder", "Transformers that fill in masked tokens.", "sequence",
                                                     &encoder_fields, generate_encoder};
const struct workload_generator vit_generator = {"vit", "Transformers over the patches of an image.", "image",
                                                 &vit_fields, generate_vit};
