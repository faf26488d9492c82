/* Which operators make a transformer's block?
 *
 * Blocks of attention and feed-forward (dense or experts) from one set of keys. Source: workloads §2.1; the order of
 * ops in a block gives the kept bytes of §6 (34sbh + 5as²b for GPT). Full attention squares are counted, causal or not.
 * Left out: fused attention (attention_fusion.c finds it), and experts that are loaded unevenly. */
#include "workloads/transformer_block.h"
#include "base/checked.h"
#include "workloads/split_sizes.h"
#include <stdio.h>

/* For splits, which cannot read them off the ops. */
struct split_facts transformer_facts(const struct transformer_build *build) {
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
                              .image = model->image > 0,
                              .latent = model->key_value_rank > 0,
                              .dense_layers = model->dense_layers,
                              .dense_ffn = model->dense_layers > 0 ? model->dense_ffn : 0};
}

void transformer_start(struct transformer_build *build, struct generation *generation) {
  emitter_init(&build->emit, generation);
  build->emit.frozen = build->model->lora_rank > 0;
  build->tokens = emit_product(&build->emit, build->emit.batch, build->sequence);
  if (!build->known) return;
  transformer_tag(build, SPLIT_TOKENS);
  const struct split_facts facts = transformer_facts(build);
  graph_builder_set_facts(generation->builder, &facts);
}

void transformer_tag(struct transformer_build *build, enum op_split split) {
  if (build->known) build->emit.split = split;
}

struct tensor transformer_rows(struct transformer_build *build, uint64_t width) {
  return (struct tensor){
      .rank = TRANSFORMER_RANK_TOKENS, .elements = emit_product(&build->emit, build->tokens, width), .row = width};
}

struct tensor transformer_linear(struct transformer_build *build, const char *name, struct tensor x, uint64_t n,
                                 bool bias) {
  return transformer_product(build, name, x, n, bias ? n : 0);
}

struct tensor transformer_positions(struct transformer_build *build, const char *name, struct tensor x,
                                    uint64_t n_rows) {
  const uint64_t read = emit_product(&build->emit, build->sequence, x.row);
  const struct vector_op add = {.kind = OP_ADD,
                                .n_parameters = emit_product(&build->emit, n_rows, x.row),
                                .n_weights = n_rows > 0 ? read : 0,
                                .n_constants = n_rows > 0 ? 0 : read,
                                .group = OP_ABSENT,
                                .out = x};
  return emit_vector(&build->emit, name, &add, &x, 1);
}

struct tensor transformer_product(struct transformer_build *build, const char *name, struct tensor x, uint64_t n,
                                  uint64_t n_bias) {
  const struct gemm gemm = {.reps = 1,
                            .m = x.elements / x.row,
                            .n = n,
                            .k = x.row,
                            .n_bias = n_bias,
                            .group = OP_ABSENT,
                            .rank = TRANSFORMER_RANK_TOKENS};
  return emit_gemm(&build->emit, name, x, &gemm);
}

struct tensor transformer_patches(struct transformer_build *build, uint64_t image, uint64_t channels, uint64_t patch,
                                  bool bias) {
  struct emitter *const emit = &build->emit;
  const uint64_t width = build->model->hidden;
  const uint64_t pixels = emit_product(emit, emit_product(emit, emit->batch, image), image);
  const struct tensor images =
      emit_input(emit, "images", emit_product(emit, pixels, channels), image, (uint8_t)emit->element_bytes);
  const uint64_t dim[OP_DIMS] = {[DIM_IMAGES] = emit->batch, [DIM_IN_CHANNELS] = channels, [DIM_IN_HEIGHT] = image,
                                 [DIM_IN_WIDTH] = image,     [DIM_OUT_CHANNELS] = width,   [DIM_FILTER_HEIGHT] = patch,
                                 [DIM_FILTER_WIDTH] = patch, [DIM_STRIDE] = patch,         [DIM_GROUPS] = 1,
                                 [DIM_DILATION] = 1};
  struct tensor patches = emit_conv(emit, "embedding.patch", images, dim, bias);
  patches.rank = TRANSFORMER_RANK_TOKENS;
  patches.row = width;
  return patches;
}

struct tensor transformer_norm(struct transformer_build *build, const char *name, struct tensor x) {
  if (build->model->norm == NORM_RMS) return emit_norm(&build->emit, OP_RMS_NORM, name, x, x.row);
  return emit_norm(&build->emit, OP_LAYER_NORM, name, x, 2 * x.row);
}

struct tensor transformer_dropout(struct transformer_build *build, const char *name, struct tensor x) {
  return build->model->dropout ? emit_map(&build->emit, OP_DROPOUT, name, x) : x;
}

static struct tensor activate(struct transformer_build *build, struct tensor x) {
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

/* A norm of each head of the queries and keys, apart from the packed tensor, which the values stay in. */
static struct tensor norm_heads(struct transformer_build *build, struct tensor packed, uint64_t width) {
  const struct transformer *const model = build->model;
  struct tensor heads = packed;
  heads.elements = emit_product(&build->emit, build->tokens, width);
  heads.row = model->head_size;
  const struct vector_op norm = {.kind = OP_RMS_NORM,
                                 .n_parameters = 2 * model->head_size,
                                 .n_weights = 2 * model->head_size,
                                 .group = OP_ABSENT,
                                 .out = heads};
  heads = emit_vector(&build->emit, "attention.head_norm", &norm, &heads, 1);
  heads.row = width;
  return heads;
}

/* Queries and keys turn in place inside the packed product; values pass by. So the packed tensor is kept once. */
static struct tensor rotate(struct transformer_build *build, struct tensor packed, uint64_t width) {
  const struct vector_op rotary = {.kind = OP_ROTARY,
                                   .n_lanes = emit_product(&build->emit, build->tokens, width),
                                   .group = OP_ABSENT,
                                   .out = packed};
  return emit_vector(&build->emit, "attention.rotary", &rotary, &packed, 1);
}

/* What happens to queries and keys before they meet. */
static struct tensor prepare_heads(struct transformer_build *build, struct tensor packed) {
  const struct transformer *const model = build->model;
  const uint64_t width = emit_product(&build->emit, model->heads + model->kv_heads, model->head_size);
  const bool rotary = model->position == POSITION_ROTARY;
  transformer_tag(build, SPLIT_ROTARY);
  if (!model->query_key_norm) return rotary ? rotate(build, packed, width) : packed;
  struct tensor heads = norm_heads(build, packed, width);
  if (rotary) heads = rotate(build, heads, width);
  return emit_view(&build->emit, "attention.packed", packed, (struct tensor[2]){heads, packed}, 2);
}

static const char *part_name(char name[EMIT_NAME_BYTES], const char *part, const char *what) {
  snprintf(name, EMIT_NAME_BYTES, "%s.%s", part, what);
  return name;
}

/* A learned number a head for each distance between a query and a key, by buckets (T5, arXiv 1910.10683 §2.1). Every
 * layer looks them up anew in the one table of its stack, so that a pipeline may cut between any two; the published
 * implementation does it once. */
static struct tensor add_relative(struct transformer_build *build, const struct transformer_heads *heads,
                                  struct tensor scores) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  const uint64_t n_pairs = emit_product(emit, heads->n_queries, heads->n_keys);
  transformer_tag(build, SPLIT_DISTANCES);
  const struct tensor buckets = emit_input(emit, part_name(name, heads->part, "buckets"), n_pairs, 1, EMIT_INDEX_BYTES);
  const uint64_t n_elements = emit_product(emit, n_pairs, model->heads);
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, model->position_buckets, model->heads),
                                  .n_weights = n_elements,
                                  .group = build->bias_group,
                                  .borrowed = build->bias_borrowed,
                                  .out = {.rank = 3, .elements = n_elements, .row = heads->n_keys}};
  const struct tensor bias = emit_vector(emit, part_name(name, heads->part, "position_bias"), &table, &buckets, 1);
  build->bias_borrowed = true;
  transformer_tag(build, SPLIT_WEIGHTS);
  return emit_join(emit, OP_ADD, part_name(name, heads->part, "add_position"), scores, bias);
}

/* Scores of all pairs of tokens, ready to weigh the values. */
static struct tensor weights_of(struct transformer_build *build, const struct transformer_heads *heads,
                                struct tensor scores) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  if (heads->relative)
    scores = add_relative(build, heads, scores);
  else if (model->position != POSITION_RELATIVE)
    scores = emit_map(emit, OP_SCALE, part_name(name, heads->part, "scale"), scores);
  if (model->score_cap) scores = emit_map(emit, OP_TANH, part_name(name, heads->part, "cap"), scores);
  if (model->position == POSITION_ALIBI) {
    const struct vector_op slopes = {.kind = OP_ADD,
                                     .n_constants = emit_product(emit, model->heads, heads->n_keys),
                                     .group = OP_ABSENT,
                                     .out = scores};
    scores = emit_vector(emit, part_name(name, heads->part, "alibi"), &slopes, &scores, 1);
  }
  if (heads->causal) scores = emit_map(emit, OP_MASK, part_name(name, heads->part, "mask"), scores);
  scores = emit_map(emit, OP_SOFTMAX, part_name(name, heads->part, "softmax"), scores);
  if (!model->score_dropout) return scores;
  return emit_map(emit, OP_DROPOUT, part_name(name, heads->part, "score_dropout"), scores);
}

struct tensor transformer_scores(struct transformer_build *build, const struct transformer_heads *heads) {
  const struct gemm gemm = {.reps = emit_product(&build->emit, build->emit.batch, build->model->heads),
                            .m = heads->n_queries,
                            .n = heads->n_keys,
                            .k = build->model->head_size,
                            .group = OP_ABSENT,
                            .rank = TRANSFORMER_RANK_SCORES};
  char name[EMIT_NAME_BYTES];
  transformer_tag(build, SPLIT_SCORES);
  return emit_matmul(&build->emit, part_name(name, heads->part, "query_key"), heads->query, heads->key, &gemm);
}

struct tensor transformer_weigh(struct transformer_build *build, const struct transformer_heads *heads,
                                struct tensor scores) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  transformer_tag(build, SPLIT_WEIGHTS);
  const struct tensor weights = weights_of(build, heads, scores);
  const uint64_t value_size = model->value_size > 0 ? model->value_size : model->head_size;
  const struct gemm gemm = {.reps = emit_product(emit, emit->batch, model->heads),
                            .m = heads->n_queries,
                            .n = value_size,
                            .k = heads->n_keys,
                            .group = OP_ABSENT,
                            .rank = TRANSFORMER_RANK_SCORES};
  transformer_tag(build, SPLIT_VALUES);
  struct tensor context = emit_matmul(emit, part_name(name, heads->part, "context"), weights, heads->value, &gemm);
  context.rank = TRANSFORMER_RANK_TOKENS;
  context.row = emit_product(emit, model->heads, value_size);
  return context;
}

/* y + scale · B(A(dropout(x))), of which A and B alone are trained (LoRA, arXiv 2106.09685). The parts: of x, of A's
 * product, of B's, of y. */
static struct tensor adapt(struct transformer_build *build, const char *part, struct tensor x, struct tensor y,
                           const enum op_split splits[4]) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  char name[EMIT_NAME_BYTES];
  if (model->lora_rank == 0) return y;
  transformer_tag(build, splits[0]);
  if (model->lora_dropout) x = emit_map(emit, OP_DROPOUT, part_name(name, part, "dropout"), x);
  emit->frozen = false;
  transformer_tag(build, splits[1]);
  struct tensor added = transformer_linear(build, part_name(name, part, "down"), x, model->lora_rank, false);
  transformer_tag(build, splits[2]);
  added = transformer_linear(build, part_name(name, part, "up"), added, y.row, false);
  emit->frozen = true;
  transformer_tag(build, splits[3]);
  added = emit_map(emit, OP_SCALE, part_name(name, part, "scale"), added);
  return emit_join(emit, OP_ADD, part_name(name, part, "add"), y, added);
}

struct tensor transformer_project(struct transformer_build *build, const char *part, struct tensor context) {
  char name[EMIT_NAME_BYTES];
  transformer_tag(build, SPLIT_PROJECTION);
  struct tensor projected =
      transformer_linear(build, part_name(name, part, "projection"), context, build->model->hidden, build->model->bias);
  static const enum op_split splits[] = {SPLIT_HEADS, SPLIT_PROJECTION, SPLIT_TOKENS, SPLIT_TOKENS};
  projected = adapt(build, "attention.projection_adapter", context, projected, splits);
  transformer_tag(build, SPLIT_TOKENS);
  return transformer_dropout(build, part_name(name, part, "dropout"), projected);
}

struct tensor transformer_attention(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  if (model->key_value_rank > 0) return transformer_latent_attention(build, x);
  const uint64_t query_width = emit_product(emit, model->heads, model->head_size);
  const uint64_t key_width = emit_product(emit, model->kv_heads, model->head_size);
  transformer_tag(build, SPLIT_QKV);
  const uint64_t n = query_width + 2 * key_width, n_bias = model->no_key_bias ? n - key_width : n;
  struct tensor packed = transformer_product(build, "attention.qkv", x, n, model->bias || model->qkv_bias ? n_bias : 0);
  static const enum op_split splits[] = {SPLIT_TOKENS, SPLIT_TOKENS, SPLIT_QKV, SPLIT_PACKED};
  packed = prepare_heads(build, adapt(build, "attention.qkv_adapter", x, packed, splits));
  struct transformer_heads heads = {.part = "attention",
                                    .query = packed,
                                    .key = packed,
                                    .n_queries = build->sequence,
                                    .n_keys = build->sequence,
                                    .causal = model->causal,
                                    .relative = model->position == POSITION_RELATIVE};
  heads.query.elements = emit_product(emit, build->tokens, query_width);
  heads.key.elements = emit_product(emit, build->tokens, key_width);
  heads.value = heads.key; /* as many of them, of the same tensor */
  const struct tensor context = transformer_weigh(build, &heads, transformer_scores(build, &heads));
  return transformer_project(build, heads.part, context);
}

/* --- feed-forward ---------------------------------------------------------------------------------------------- */

/* The matrices of one expert, or of a dense block: `gemm` has experts and rows. */
static struct tensor matrices(struct transformer_build *build, struct tensor x, struct gemm gemm) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const bool expert = model->experts > 0;
  const enum op_split column = expert ? SPLIT_EXPERT_COLUMN : SPLIT_COLUMN;
  const enum op_split elementwise = expert ? SPLIT_EXPERT_INNER : SPLIT_INNER;
  gemm.n = model->ffn;
  gemm.k = model->hidden;
  gemm.n_bias = model->bias ? model->ffn : 0;
  struct tensor inner;
  transformer_tag(build, column);
  inner = emit_gemm(emit, model->gated ? "feed_forward.gate" : "feed_forward.up", x, &gemm);
  transformer_tag(build, elementwise);
  inner = activate(build, inner);
  if (model->gated) {
    gemm.n_bias = 0; /* the first matrix has the bias (workloads §2.1, the formula of P) */
    transformer_tag(build, column);
    const struct tensor up = emit_gemm(emit, "feed_forward.up", x, &gemm);
    transformer_tag(build, elementwise);
    inner = emit_join(emit, OP_MUL, "feed_forward.product", inner, up);
  }
  if (model->inner_dropout) inner = transformer_dropout(build, "feed_forward.inner_dropout", inner);
  gemm.n = model->hidden;
  gemm.k = model->ffn;
  gemm.n_bias = model->bias ? model->hidden : 0;
  transformer_tag(build, expert ? SPLIT_EXPERT_ROW : SPLIT_ROW);
  const struct tensor out = emit_gemm(emit, "feed_forward.down", inner, &gemm);
  transformer_tag(build, SPLIT_TOKENS);
  return out;
}

static struct tensor combine(struct transformer_build *build, struct tensor expert_out, struct tensor choice) {
  struct emitter *const emit = &build->emit;
  const struct tensor out = transformer_rows(build, build->model->hidden);
  struct tensor sent = out;
  sent.elements = emit_product(emit, out.elements, build->model->top_k);
  const struct vector_op gather = {.kind = OP_GATHER, .group = OP_ABSENT, .out = sent};
  transformer_tag(build, SPLIT_RETURN);
  const struct tensor returned =
      emit_vector(emit, "experts.return", &gather, (struct tensor[2]){expert_out, choice}, 2);
  transformer_tag(build, SPLIT_TOKENS);
  const struct tensor weighed = emit_join(emit, OP_MUL, "experts.weigh", returned, choice);
  const struct vector_op sum = {.kind = OP_REDUCE, .n_lanes = sent.elements, .group = OP_ABSENT, .out = out};
  return emit_vector(emit, "experts.combine", &sum, &weighed, 1);
}

static struct tensor experts(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  struct tensor router = transformer_linear(build, "experts.router", x, model->experts, model->router_bias);
  if (model->router == ROUTER_SIGMOID)
    router = emit_map(emit, OP_SIGMOID, "experts.sigmoid", router);
  else
    router = emit_map(emit, OP_SOFTMAX, "experts.softmax", router);
  const struct vector_op top_k = {.kind = OP_TOP_K,
                                  .n_lanes = router.elements,
                                  .group = OP_ABSENT,
                                  /* each choice is a weight and an index */
                                  .out = {.rank = TRANSFORMER_RANK_TOKENS,
                                          .bytes = (uint8_t)(emit->element_bytes + EMIT_INDEX_BYTES),
                                          .elements = emit_product(emit, build->tokens, model->top_k),
                                          .row = model->top_k}};
  const struct tensor choice = emit_vector(emit, "experts.top_k", &top_k, &router, 1);

  const struct split_facts facts = transformer_facts(build);
  const uint64_t rows = split_expert_rows(&facts, build->tokens);
  const struct tensor sent = {.rank = TRANSFORMER_RANK_TOKENS,
                              .elements = emit_product(emit, emit_product(emit, model->experts, rows), model->hidden),
                              .row = model->hidden};
  const struct vector_op dispatch = {.kind = OP_GATHER, .group = OP_ABSENT, .out = sent};
  transformer_tag(build, SPLIT_DISPATCH);
  const struct tensor dispatched = emit_vector(emit, "experts.dispatch", &dispatch, (struct tensor[2]){x, choice}, 2);
  const struct gemm gemm = {.reps = model->experts, .m = rows, .group = OP_ABSENT, .rank = TRANSFORMER_RANK_TOKENS};
  return combine(build, matrices(build, dispatched, gemm), choice);
}

/* A dense network of that width. */
static struct tensor beside_experts(struct transformer_build *build, struct tensor x, uint64_t ffn) {
  const struct gemm gemm = {.reps = 1, .m = build->tokens, .group = OP_ABSENT, .rank = TRANSFORMER_RANK_TOKENS};
  const struct transformer *const model = build->model;
  struct transformer dense = *model;
  dense.experts = 0;
  dense.ffn = ffn;
  build->model = &dense;
  const struct tensor out = matrices(build, x, gemm);
  build->model = model;
  return out;
}

struct tensor transformer_feed_forward(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  const struct gemm gemm = {.reps = 1, .m = build->tokens, .group = OP_ABSENT, .rank = TRANSFORMER_RANK_TOKENS};
  struct tensor out;
  if (model->experts > 0 && build->emit.layer < model->dense_layers) {
    out = beside_experts(build, x, model->dense_ffn);
  } else if (model->experts > 0) {
    out = experts(build, x);
    if (model->shared_experts > 0) {
      const uint32_t layer = build->emit.layer;
      char part[EMIT_NAME_BYTES];
      snprintf(part, sizeof part, "layer%u.shared", layer);
      emit_enter(&build->emit, layer, part, OP_ABSENT);
      const struct tensor shared =
          beside_experts(build, x, emit_product(&build->emit, model->shared_experts, model->ffn));
      emit_enter(&build->emit, layer, "layer", layer);
      out = emit_join(&build->emit, OP_ADD, "experts.add_shared", out, shared);
    }
  } else {
    out = matrices(build, x, gemm);
  }
  return transformer_dropout(build, "feed_forward.dropout", out);
}

/* --- blocks ---------------------------------------------------------------------------------------------------- */

static struct tensor block(struct transformer_build *build, struct tensor x) {
  struct emitter *const emit = &build->emit;
  const bool pre = build->model->norm_place != PLACE_POST, both = build->model->norm_place == PLACE_BOTH;
  struct tensor attended = transformer_attention(build, pre ? transformer_norm(build, "attention.norm", x) : x);
  if (both) attended = transformer_norm(build, "attention.norm_behind", attended);
  struct tensor y = emit_join(emit, OP_ADD, "attention.residual", x, attended);
  if (!pre) y = transformer_norm(build, "attention.norm", y);
  const struct tensor read = build->model->parallel_block ? x : y;
  struct tensor fed = transformer_feed_forward(build, pre ? transformer_norm(build, "feed_forward.norm", read) : read);
  if (both) fed = transformer_norm(build, "feed_forward.norm_behind", fed);
  y = emit_join(emit, OP_ADD, "feed_forward.residual", y, fed);
  return pre ? y : transformer_norm(build, "feed_forward.norm", y);
}

struct tensor transformer_blocks(struct transformer_build *build, struct tensor x) {
  for (uint32_t i = 0; i < build->model->layers; i++) {
    const uint32_t layer = (uint32_t)build->model->first_layer + i;
    emit_enter(&build->emit, layer, "layer", layer);
    x = block(build, x);
    if (build->emit.overflow || graph_builder_count(build->emit.builder) >= OP_GRAPH_MAX_OPS) break;
  }
  emit_leave(&build->emit);
  if (build->model->final_norm) x = transformer_norm(build, "final_norm", x);
  return x;
}

/* --- ends ------------------------------------------------------------------------------------------------------- */

struct tensor transformer_embed(struct transformer_build *build, const char *input, const char *name, uint64_t n_rows,
                                uint64_t width, enum op_split table_split) {
  struct emitter *const emit = &build->emit;
  const bool by_rows = table_split == SPLIT_TABLE;
  transformer_tag(build, by_rows ? SPLIT_TOKEN_IDS : SPLIT_TOKENS);
  const struct tensor ids = emit_input(emit, input, build->tokens, 1, EMIT_INDEX_BYTES);
  const bool shared = (build->model->tied || build->two_readers) && n_rows == build->model->vocab;
  const struct tensor out = transformer_rows(build, width);
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, n_rows, width),
                                  .n_weights = out.elements,
                                  .group = shared ? TRANSFORMER_GROUP_EMBEDDING : OP_ABSENT,
                                  .borrowed = build->two_readers && build->table_borrowed,
                                  .out = out};
  build->table_borrowed = true;
  transformer_tag(build, table_split);
  const struct tensor looked_up = emit_vector(emit, name, &table, &ids, 1);
  transformer_tag(build, SPLIT_TOKENS);
  return looked_up;
}

void transformer_loss(struct transformer_build *build, struct tensor x, const struct gemm *gemm, uint64_t n_targets) {
  transformer_tag(build, SPLIT_LOGITS);
  struct tensor logits = emit_gemm(&build->emit, "head.logits", x, gemm);
  transformer_tag(build, SPLIT_LOSS);
  if (build->model->logit_cap) logits = emit_map(&build->emit, OP_TANH, "head.cap", logits);
  emit_loss(&build->emit, logits, n_targets);
  transformer_tag(build, SPLIT_TOKENS);
}

void transformer_vocabulary(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  const struct gemm gemm = {.reps = 1,
                            .m = build->tokens,
                            .n = model->vocab,
                            .k = x.row,
                            .group = model->tied ? TRANSFORMER_GROUP_EMBEDDING : OP_ABSENT,
                            .borrowed = model->tied,
                            .rank = TRANSFORMER_RANK_TOKENS};
  transformer_loss(build, x, &gemm, build->tokens);
}
