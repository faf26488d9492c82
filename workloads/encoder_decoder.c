/* Which operators make a transformer that reads one sequence and writes another?
 *
 * T5 (arXiv 1910.10683): an encoder whose output every layer of the decoder attends to, besides to its own tokens;
 * learned biases of scores by the distance of two tokens in place of positions and of a scale, one table a stack; no
 * biases of matrices; dropout also inside the feed-forward part. Version 1.1 and Flan-T5: gated, not tied. Whisper
 * (arXiv 2212.04356, github.com/openai/whisper model.py): bands of sound through two convolutions, sines as positions
 * of the encoder, learned ones of the decoder, biases of all matrices but keys. Left out: the factor before the tied
 * logits, and heads of which several share a key. */
#include "workloads/transformer_block.h"
#include <stdio.h>

enum { GROUP_ENCODER_BIAS = TRANSFORMER_GROUPS, GROUP_DECODER_BIAS };

/* One side: its tokens, and its table of distances. */
static struct transformer_build side_of(const struct transformer_build *build, const struct transformer *model,
                                        uint64_t length, uint32_t bias_group) {
  struct transformer_build side = *build;
  side.model = model;
  side.sequence = length;
  side.tokens = emit_product(&side.emit, side.emit.batch, length);
  side.bias_group = bias_group;
  return side;
}

static bool full(const struct transformer_build *build) {
  return build->emit.overflow || graph_builder_count(build->emit.builder) >= OP_GRAPH_MAX_OPS;
}

/* A convolution over time, which is the width of an image of height 1. */
static struct tensor convolve(struct transformer_build *build, const char *name, struct tensor x, uint64_t frames,
                              uint64_t channels, uint64_t stride) {
  const uint64_t dim[OP_DIMS] = {[DIM_IMAGES] = build->emit.batch,
                                 [DIM_IN_CHANNELS] = channels,
                                 [DIM_IN_HEIGHT] = 1,
                                 [DIM_IN_WIDTH] = frames,
                                 [DIM_FILTER_HEIGHT] = 1,
                                 [DIM_FILTER_WIDTH] = 3,
                                 [DIM_STRIDE] = stride,
                                 [DIM_PAD_WIDTH] = 1,
                                 [DIM_GROUPS] = 1,
                                 [DIM_OUT_CHANNELS] = build->model->hidden,
                                 [DIM_DILATION] = 1};
  x = emit_conv(&build->emit, name, x, dim, build->model->bias);
  x.rank = TRANSFORMER_RANK_TOKENS;
  x.row = build->model->hidden;
  char activation[EMIT_NAME_BYTES];
  snprintf(activation, sizeof activation, "%s.activation", name);
  return emit_map(&build->emit, OP_GELU, activation, x);
}

static struct tensor hear(struct transformer_build *build) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t frames = emit_product(emit, 2, model->source_length);
  const uint64_t bands = emit_product(emit, emit_product(emit, emit->batch, frames), model->mels);
  struct tensor x = emit_input(emit, "sound", bands, frames, (uint8_t)emit->element_bytes);
  x = convolve(build, "embedding.narrow", x, frames, model->mels, 1);
  x = convolve(build, "embedding.halve", x, frames, model->hidden, 2);
  return transformer_positions(build, "embedding.source_position", x, 0);
}

/* Its output goes to every layer of the decoder. */
static struct tensor encode(struct transformer_build *build) {
  const struct transformer *const model = build->model;
  struct tensor x = model->mels > 0 ? hear(build)
                                    : transformer_embed(build, "source", "embedding.source", model->vocab,
                                                        model->hidden, SPLIT_TABLE);
  x = transformer_blocks(build, transformer_dropout(build, "embedding.source_dropout", x));
  return transformer_dropout(build, "encoder.dropout", x);
}

/* Queries of the decoder's tokens, keys and values of the encoder's. */
static struct tensor attend_source(struct transformer_build *build, struct tensor x, struct tensor encoded) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const uint64_t width = emit_product(emit, model->heads, model->head_size);
  transformer_tag(build, SPLIT_QUERY);
  struct transformer_heads heads = {
      .part = "cross", .n_queries = build->sequence, .n_keys = model->source_length, .causal = false};
  heads.query = transformer_linear(build, "cross.query", x, width, model->bias);
  transformer_tag(build, SPLIT_KEY_VALUE);
  const uint64_t n_bias = model->no_key_bias ? width : 2 * width;
  heads.key = transformer_product(build, "cross.key_value", encoded, 2 * width, model->bias ? n_bias : 0);
  heads.key.elements /= 2;
  heads.value = heads.key;
  const struct tensor context = transformer_weigh(build, &heads, transformer_scores(build, &heads));
  return transformer_project(build, heads.part, context);
}

static struct tensor decoder_block(struct transformer_build *build, struct tensor x, struct tensor encoded) {
  struct emitter *const emit = &build->emit;
  struct tensor part = transformer_attention(build, transformer_norm(build, "attention.norm", x));
  x = emit_join(emit, OP_ADD, "attention.residual", x, part);
  part = attend_source(build, transformer_norm(build, "cross.norm", x), encoded);
  x = emit_join(emit, OP_ADD, "cross.residual", x, part);
  part = transformer_feed_forward(build, transformer_norm(build, "feed_forward.norm", x));
  return emit_join(emit, OP_ADD, "feed_forward.residual", x, part);
}

static struct tensor decode(struct transformer_build *build, struct tensor encoded) {
  const struct transformer *const model = build->model;
  struct tensor x = transformer_embed(build, "target", "embedding.target", model->vocab, model->hidden, SPLIT_TABLE);
  if (model->mels > 0) x = transformer_positions(build, "embedding.target_position", x, model->target_length);
  x = transformer_dropout(build, "embedding.target_dropout", x);
  for (uint32_t i = 0; i < model->decoder_layers && !full(build); i++) {
    emit_enter(&build->emit, (uint32_t)model->layers + i, "decoder", i);
    x = decoder_block(build, x, encoded);
  }
  emit_leave(&build->emit);
  return transformer_dropout(build, "decoder.dropout", transformer_norm(build, "decoder.norm", x));
}

static void say_facts(struct generation *generation, const struct transformer_build *build) {
  struct split_facts facts = transformer_facts(build);
  facts.layers += build->model->decoder_layers;
  facts.pair = true;
  graph_builder_set_facts(generation->builder, &facts);
}

static bool generate_encoder_decoder(struct generation *generation, struct error *error) {
  struct transformer *const model = ARENA_NEW(generation->arena, struct transformer, 1);
  if (!generation_settings(generation, &encoder_decoder_fields, model, NULL, 0, error)) return false;
  model->position = model->mels > 0 ? POSITION_LEARNED : POSITION_RELATIVE;
  model->final_norm = true;
  model->score_dropout = model->inner_dropout = model->dropout;
  if (model->decoder_layers == 0) model->decoder_layers = model->layers;
  if (!transformer_check(generation, model, error)) return false;
  struct transformer decoder = *model;
  decoder.causal = true;
  struct transformer_build build = {
      .model = model, .sequence = model->source_length, .known = true, .two_readers = model->mels == 0};
  transformer_start(&build, generation);
  say_facts(generation, &build);
  struct transformer_build encoding = side_of(&build, model, model->source_length, GROUP_ENCODER_BIAS);
  const struct tensor encoded = encode(&encoding);
  struct transformer_build decoding = side_of(&encoding, &decoder, model->target_length, GROUP_DECODER_BIAS);
  decoding.bias_borrowed = false;
  transformer_vocabulary(&decoding, decode(&decoding, encoded));
  return emitter_finish(&decoding.emit, generation, error);
}

const struct workload_generator encoder_decoder_generator = {
    "encoder_decoder", "Transformers that read one sequence and write another (T5, Whisper).", "sequence pair",
    &encoder_decoder_fields, generate_encoder_decoder};
