/* Which operators make a transformer?
 *
 * Decoder, encoder and vision transformer from one set of keys: embedding, equal blocks of attention and feed-forward
 * (transformer_block.c), head and loss. Source: workloads §2.1. */
#include "base/checked.h"
#include "workloads/transformer_block.h"

/* --- language -------------------------------------------------------------------------------------------------- */

static struct tensor language_embedding(struct transformer_build *build) {
  const struct transformer *const model = build->model;
  struct tensor x =
      transformer_embed(build, "tokens", "embedding.token", model->vocab, model->embedding_width, SPLIT_TABLE);
  if (model->embedding_width != model->hidden)
    x = transformer_linear(build, "embedding.projection", x, model->hidden, false);
  if (model->position == POSITION_LEARNED)
    x = transformer_positions(build, "embedding.position", x, build->sequence + model->position_extra_rows);
  if (model->token_types > 0) {
    const struct tensor types = transformer_embed(build, "token_types", "embedding.token_type", model->token_types,
                                                  model->hidden, SPLIT_TOKENS);
    x = emit_join(&build->emit, OP_ADD, "embedding.add_type", x, types);
  }
  if (model->embedding_norm) x = transformer_norm(build, "embedding.norm", x);
  return transformer_dropout(build, "embedding.dropout", x);
}

/* The pooler has parameters, but no masked token passes through it. */
static void idle_pooler(struct transformer_build *build, uint64_t width) {
  struct op pooler = op_new(OP_WEIGHT, build->emit.element_bytes);
  pooler.weighted = true;
  pooler.n_parameters = emit_product(&build->emit, width, width + 1);
  emit_op(&build->emit, "pooler", &pooler, NULL, 0);
}

static void language_head(struct transformer_build *build, struct tensor x) {
  const struct transformer *const model = build->model;
  if (model->pooler) idle_pooler(build, x.row);
  if (model->embedding_width != model->hidden)
    x = transformer_linear(build, "head.projection", x, model->embedding_width, false);
  transformer_vocabulary(build, x);
}

static bool generate_language(struct generation *generation, const struct field_table *table, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, table, model, NULL, 0, error) || !transformer_check(generation, model, error))
    return false;
  model->score_dropout = model->dropout;
  struct transformer_build build = {.model = model, .sequence = model->sequence, .known = true};
  transformer_start(&build, generation);
  language_head(&build, transformer_blocks(&build, language_embedding(&build)));
  uint64_t flop = emit_product(&build.emit, 2 * model->sequence, model->layers - model->dense_layers);
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

static struct tensor image_embedding(struct transformer_build *build) {
  const struct transformer *const model = build->model;
  const struct tensor patches = transformer_patches(build, model->image, model->channels, model->patch, true);
  const struct vector_op class_token = {.kind = OP_CONCAT,
                                        .n_parameters = model->hidden,
                                        .n_weights = model->hidden,
                                        .group = OP_ABSENT,
                                        .out = transformer_rows(build, model->hidden)};
  const struct tensor x = emit_vector(&build->emit, "embedding.class_token", &class_token, &patches, 1);
  return transformer_dropout(build, "embedding.dropout",
                             transformer_positions(build, "embedding.position", x, build->sequence));
}

/* The classifier reads the class token of each image. */
static void image_head(struct transformer_build *build, struct tensor x) {
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
  transformer_loss(build, token, &gemm, emit->batch);
}

static bool generate_vit(struct generation *generation, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, &vit_fields, model, NULL, 0, error) ||
      !transformer_check(generation, model, error))
    return false;
  model->score_dropout = model->dropout;
  const uint64_t side = model->image / model->patch;
  struct transformer_build build = {.model = model, .sequence = side * side + 1, .known = true};
  transformer_start(&build, generation);
  image_head(&build, transformer_blocks(&build, image_embedding(&build)));
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
