/* Which operators make Transformer-XL?
 *
 * Dai et al., arXiv 1901.02860, after the authors' code (github.com/kimiyoung/transformer-xl, pytorch/): a segment
 * attends to itself and to a memory of the segment before, whose products with the matrices are computed anew; scores
 * are those of contents, and those of relative positions, shifted row by row; two biases of queries that all layers
 * share. Adaptive softmax in four groups of the vocabulary with one tied table (div_val = 1): every token chooses among
 * the frequent words and the groups, those whose word lies in a group choose there. How many those are depends on the
 * text: `tail_percent` says it. Left out: making sinusoids and their dropout, masks of equal length. */
#include "base/checked.h"
#include "workloads/transformer_block.h"

enum { GROUP_CONTENT_BIAS = TRANSFORMER_GROUPS, GROUP_POSITION_BIAS, PERCENT = 100 };

static uint64_t n_keys(const struct transformer_build *build) { return build->sequence + build->model->memory; }

/* Queries with a bias that all layers share. */
static struct tensor biased(struct transformer_build *build, const char *name, struct tensor query, uint32_t group,
                            bool borrowed) {
  const struct transformer *const model = build->model;
  const uint64_t width = emit_product(&build->emit, model->heads, model->head_size);
  const struct vector_op add = {.kind = OP_ADD,
                                .n_parameters = width,
                                .n_weights = width,
                                .group = group,
                                .borrowed = borrowed,
                                .out = transformer_rows(build, width)};
  return emit_vector(&build->emit, name, &add, &query, 1);
}

/* Scores of each query with the vectors of the distances to all keys, each row moved to where its distances begin. */
static struct tensor position_scores(struct transformer_build *build, struct tensor query, uint64_t width) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const struct tensor distances =
      emit_input(emit, "attention.distances", emit_product(emit, n_keys(build), model->hidden), model->hidden,
                 (uint8_t)emit->element_bytes);
  const struct tensor vectors = transformer_linear(build, "attention.distance", distances, width, false);
  const struct gemm gemm = {.reps = emit_product(emit, emit->batch, model->heads),
                            .m = build->sequence,
                            .n = n_keys(build),
                            .k = model->head_size,
                            .group = OP_ABSENT,
                            .rank = TRANSFORMER_RANK_SCORES};
  const struct tensor scores = emit_matmul(emit, "attention.query_distance", query, vectors, &gemm);
  return emit_map(emit, OP_CONCAT, "attention.shift", scores);
}

static struct tensor attend(struct transformer_build *build, struct tensor x, bool first) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t width = emit_product(emit, model->heads, model->head_size);
  const uint64_t n_remembered = emit_product(emit, emit->batch, model->memory);
  const struct tensor memory = emit_input(emit, "attention.memory", emit_product(emit, n_remembered, model->hidden),
                                          model->hidden, (uint8_t)emit->element_bytes);
  const struct vector_op join = {
      .kind = OP_CONCAT,
      .group = OP_ABSENT,
      .out = {.rank = TRANSFORMER_RANK_TOKENS,
              .elements = emit_product(emit, emit_product(emit, emit->batch, n_keys(build)), model->hidden),
              .row = model->hidden}};
  const struct tensor read = emit_vector(emit, "attention.concat", &join, (struct tensor[2]){memory, x}, 2);
  const struct tensor packed = transformer_linear(build, "attention.qkv", read, 3 * width, false);
  struct tensor query = packed;
  query.elements = emit_product(emit, build->tokens, width);
  query.row = width;
  struct transformer_heads heads = {
      .part = "attention", .key = packed, .n_queries = build->sequence, .n_keys = n_keys(build), .causal = true};
  heads.key.elements = packed.elements / 3;
  heads.value = heads.key;
  heads.query = biased(build, "attention.content_bias", query, GROUP_CONTENT_BIAS, !first);
  const struct tensor contents = transformer_scores(build, &heads);
  query = biased(build, "attention.position_bias", query, GROUP_POSITION_BIAS, !first);
  const struct tensor positions = position_scores(build, query, width);
  const struct tensor scores = emit_join(emit, OP_ADD, "attention.add_position", contents, positions);
  const struct tensor context = transformer_weigh(build, &heads, scores);
  const struct tensor out = transformer_linear(build, "attention.projection", context, model->hidden, false);
  return transformer_dropout(build, "attention.dropout", out);
}

static struct tensor block(struct transformer_build *build, struct tensor x, bool first) {
  struct emitter *const emit = &build->emit;
  x = emit_join(emit, OP_ADD, "attention.residual", x, attend(build, x, first));
  x = transformer_norm(build, "attention.norm", x);
  x = emit_join(emit, OP_ADD, "feed_forward.residual", x, transformer_feed_forward(build, x));
  return transformer_norm(build, "feed_forward.norm", x);
}

/* --- adaptive softmax ------------------------------------------------------------------------------------------ */

/* Rows `from`… of the tied table, with their biases, and `n_groups` vectors that stand for the groups behind. */
static void choose(struct transformer_build *build, struct tensor x, uint64_t n_words, uint64_t n_groups) {
  struct emitter *const emit = &build->emit;
  const uint64_t n_rows = x.elements / x.row;
  const struct gemm gemm = {.reps = 1,
                            .m = n_rows,
                            .n = n_words + n_groups,
                            .k = x.row,
                            .n_bias = n_words + n_groups,
                            .n_borrowed = emit_product(emit, n_words, x.row),
                            .group = TRANSFORMER_GROUP_EMBEDDING,
                            .rank = TRANSFORMER_RANK_TOKENS};
  transformer_loss(build, x, &gemm, n_rows);
}

static void predict(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t *const cutoffs = model->cutoffs.values;
  const size_t n = model->cutoffs.n;
  choose(build, x, n > 0 ? cutoffs[0] : model->vocab, n);
  for (uint32_t i = 0; i < n; i++) {
    emit_enter(emit, OP_ABSENT, "tail", i);
    struct tensor rows = x;
    rows.elements =
        emit_product(emit, ceil_div(emit_product(emit, build->tokens, model->tail_percent.values[i]), PERCENT), x.row);
    const struct vector_op gather = {.kind = OP_GATHER, .group = OP_ABSENT, .out = rows};
    rows = emit_vector(emit, "rows", &gather, &x, 1);
    choose(build, rows, (i + 1 < n ? cutoffs[i + 1] : model->vocab) - cutoffs[i], 0);
  }
  emit_leave(emit);
}

static bool check(const struct generation *generation, const struct transformer *model, struct error *error) {
  const size_t n_before = error->n_messages;
  uint64_t before = 0;
  for (size_t i = 0; i < model->cutoffs.n; i++) {
    if (model->cutoffs.values[i] <= before || model->cutoffs.values[i] >= model->vocab) {
      generation_reject(generation, "cutoffs", error,
                        "do not rise from 1 to below vocab = %llu, which alone is allowed",
                        (unsigned long long)model->vocab);
      break;
    }
    before = model->cutoffs.values[i];
  }
  if (model->tail_percent.n != model->cutoffs.n)
    generation_reject(generation, "tail_percent", error, "has %zu values, allowed are as many as cutoffs has: %zu",
                      (size_t)model->tail_percent.n, (size_t)model->cutoffs.n);
  return error->n_messages == n_before;
}

static bool generate_transformer_xl(struct generation *generation, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, &transformer_xl_fields, model, NULL, 0, error) ||
      !transformer_check(generation, model, error) || !check(generation, model, error))
    return false;
  model->bias = model->tied = true;
  model->activation = ACTIVATION_RELU;
  model->position = POSITION_NONE;
  model->inner_dropout = model->dropout;
  struct transformer_build build = {.model = model, .sequence = model->sequence};
  transformer_start(&build, generation);
  struct tensor x =
      transformer_embed(&build, "tokens", "embedding.token", model->vocab, model->embedding_width, SPLIT_TABLE);
  x = transformer_dropout(&build, "embedding.dropout", x);
  for (uint32_t i = 0; i < model->layers; i++) {
    emit_enter(&build.emit, i, "layer", i);
    x = block(&build, x, i == 0);
    if (build.emit.overflow || graph_builder_count(build.emit.builder) >= OP_GRAPH_MAX_OPS) break;
  }
  emit_leave(&build.emit);
  predict(&build, transformer_dropout(&build, "head.dropout", x));
  return emitter_finish(&build.emit, generation, error);
}

const struct workload_generator transformer_xl_generator = {
    "transformer_xl", "Transformers that remember the segment before (Transformer-XL).", "segment",
    &transformer_xl_fields, generate_transformer_xl};
