/* Which operators make a transformer that takes noise out of an image?
 *
 * `dit`: Peebles & Xie, arXiv 2212.09748 (github.com/facebookresearch/DiT models.py): blocks over the patches of a
 * latent image whose norms are scaled and shifted, and whose parts are weighed, by what a network of the time and the
 * class says. `mmdit`: Flux.1 (github.com/black-forest-labs/flux, as torchtitan trains it for MLPerf): blocks in which
 * text and image have matrices of their own but attend to each other, then blocks over both in which attention and
 * feed-forward stand side by side. Left out: the encoders of text and image, which do not learn; sines of time; the
 * guidance of distilled versions; a variance that DiT puts out besides is put out, but its loss is as the noise's. */
#include "base/checked.h"
#include "workloads/transformer_block.h"
#include <stdio.h>

struct diffusion {
  const char *kind;
  uint64_t layers, hidden, heads, ffn, image, patch, channels, classes, time_size, out_channels;
  uint64_t joint_layers, text_tokens, text_width, vector_width;
};

#define NUMBER(name, least, default_text, doc)                                                                         \
  {                                                                                                                    \
#name, FIELD_UINT, "", least, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct diffusion, name),             \
        ROLE_ANSWER, NULL                                                                                              \
  }
#define COMMON                                                                                                         \
  {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct diffusion, kind), ROLE_ANSWER, NULL},         \
      NUMBER(hidden, 1, NULL, "Width between blocks."), NUMBER(heads, 1, NULL, "Heads, which must divide it."),        \
      NUMBER(ffn, 0, "0", "Width inside the feed-forward part; 0: four times hidden."),                                \
      NUMBER(image, 1, "32", "Height and width of a latent image."),                                                   \
      NUMBER(patch, 1, "2", "Height and width of a patch, which must divide it."),                                     \
      NUMBER(channels, 1, "4", "Channels of a latent image."), NUMBER(time_size, 1, "256", "Sines of the time.")

static const struct field dit_field_list[] = {
    COMMON,
    NUMBER(layers, 1, NULL, "Blocks of attention and feed-forward."),
    NUMBER(classes, 1, "1001", "Rows of the table of classes, one of them for none."),
    NUMBER(out_channels, 1, "8", "Channels put out: noise and variance."),
};
static const struct field_table dit_fields = {"dit", "A diffusion transformer.", dit_field_list,
                                              sizeof dit_field_list / sizeof *dit_field_list};
static const struct field mmdit_field_list[] = {
    COMMON,
    NUMBER(joint_layers, 1, NULL, "Blocks with matrices of their own for text and image."),
    NUMBER(layers, 1, NULL, "Blocks over both behind them."),
    NUMBER(text_tokens, 1, "256", "Tokens of the text."),
    NUMBER(text_width, 1, "4096", "Width of one."),
    NUMBER(vector_width, 1, "768", "Width of the vector of the whole text."),
};
static const struct field_table mmdit_fields = {"mmdit", "A diffusion transformer of text and image.", mmdit_field_list,
                                                sizeof mmdit_field_list / sizeof *mmdit_field_list};

struct work {
  struct transformer_build build;
  const struct diffusion *model;
  struct tensor condition; /* a row a sample, bent by silu */
};

static const char *named(char name[EMIT_NAME_BYTES], const char *part, const char *what) {
  snprintf(name, EMIT_NAME_BYTES, "%s.%s", part, what);
  return name;
}

static struct tensor rows(struct work *work, uint64_t n_tokens, uint64_t width) {
  struct emitter *const emit = &work->build.emit;
  return (struct tensor){.rank = TRANSFORMER_RANK_TOKENS,
                         .elements = emit_product(emit, emit_product(emit, emit->batch, n_tokens), width),
                         .row = width};
}

static struct tensor input(struct work *work, const char *name, uint64_t n_tokens, uint64_t width) {
  struct tensor x = rows(work, n_tokens, width);
  const uint8_t rank = x.rank;
  x = emit_input(&work->build.emit, name, x.elements, width, (uint8_t)work->build.emit.element_bytes);
  x.rank = rank;
  return x;
}

/* Two matrices with silu between them. */
static struct tensor embed(struct work *work, const char *part, uint64_t width) {
  char name[EMIT_NAME_BYTES];
  struct transformer_build *const build = &work->build;
  struct tensor x = input(work, named(name, part, "input"), 1, width);
  x = transformer_linear(build, named(name, part, "first"), x, work->model->hidden, true);
  x = emit_map(&build->emit, OP_SILU, named(name, part, "silu"), x);
  return transformer_linear(build, named(name, part, "second"), x, work->model->hidden, true);
}

/* `n` vectors a sample, all of one product; one of them is looked at as `vector`. */
static struct tensor modulation(struct work *work, const char *part, uint64_t n) {
  char name[EMIT_NAME_BYTES];
  return transformer_linear(&work->build, named(name, part, "modulation"), work->condition,
                            emit_product(&work->build.emit, n, work->model->hidden), true);
}
static struct tensor vector(struct work *work, struct tensor all) {
  all.elements = emit_product(&work->build.emit, work->build.emit.batch, work->model->hidden);
  all.row = work->model->hidden;
  return all;
}

/* A norm without weights, scaled and shifted by what the modulation says. */
static struct tensor modulate(struct work *work, const char *part, struct tensor x, struct tensor all) {
  char name[EMIT_NAME_BYTES];
  struct emitter *const emit = &work->build.emit;
  x = emit_norm(emit, OP_LAYER_NORM, named(name, part, "norm"), x, 0);
  x = emit_join(emit, OP_MUL, named(name, part, "scale"), x, vector(work, all));
  return emit_join(emit, OP_ADD, named(name, part, "shift"), x, vector(work, all));
}

/* x + gate · y */
static struct tensor gated(struct work *work, const char *part, struct tensor x, struct tensor y, struct tensor all) {
  char name[EMIT_NAME_BYTES];
  struct emitter *const emit = &work->build.emit;
  y = emit_join(emit, OP_MUL, named(name, part, "gate"), y, vector(work, all));
  return emit_join(emit, OP_ADD, named(name, part, "residual"), x, y);
}

static struct tensor feed_forward(struct work *work, const char *part, struct tensor x) {
  char name[EMIT_NAME_BYTES];
  struct transformer_build *const build = &work->build;
  x = transformer_linear(build, named(name, part, "up"), x, work->model->ffn, true);
  x = emit_map(&build->emit, OP_GELU, named(name, part, "activation"), x);
  return transformer_linear(build, named(name, part, "down"), x, work->model->hidden, true);
}

/* Of packed queries, keys and values, of so many tokens each. */
static struct tensor attend(struct work *work, struct tensor packed, uint64_t n_tokens) {
  struct transformer_heads heads = {.part = "attention", .n_queries = n_tokens, .n_keys = n_tokens};
  heads.query = packed;
  heads.query.elements = rows(work, n_tokens, work->model->hidden).elements;
  heads.key = heads.value = heads.query;
  return transformer_weigh(&work->build, &heads, transformer_scores(&work->build, &heads));
}

/* Scales of the last norm, pixels of each patch, and how far they are from what they should be. */
static void predict(struct work *work, struct tensor x, uint64_t out_channels) {
  const struct diffusion *const model = work->model;
  struct emitter *const emit = &work->build.emit;
  const uint64_t width = emit_product(emit, emit_product(emit, model->patch, model->patch), out_channels);
  x = modulate(work, "head", x, modulation(work, "head", 2));
  x = transformer_linear(&work->build, "head.pixels", x, width, true);
  const struct tensor target = emit_input(emit, "targets", x.elements, x.row, (uint8_t)emit->element_bytes);
  struct tensor loss = emit_join(emit, OP_SUB, "loss.difference", x, target);
  loss = emit_join(emit, OP_MUL, "loss.square", loss, loss);
  const struct vector_op sum = {.kind = OP_REDUCE,
                                .n_lanes = loss.elements,
                                .group = OP_ABSENT,
                                .out = {.rank = 1, .bytes = EMIT_LOSS_BYTES, .elements = emit->batch, .row = 1}};
  emit_vector(emit, "loss", &sum, &loss, 1);
}

static bool begin(struct work *work, struct transformer *heads, struct diffusion *model, struct generation *generation,
                  struct error *error) {
  const size_t n_before = error->n_messages;
  if (model->hidden % model->heads != 0)
    generation_reject(generation, "heads", error, "%llu does not divide hidden = %llu, allowed are its divisors",
                      (unsigned long long)model->heads, (unsigned long long)model->hidden);
  if (model->image % model->patch != 0)
    generation_reject(generation, "patch", error, "%llu does not divide image = %llu, allowed are its divisors",
                      (unsigned long long)model->patch, (unsigned long long)model->image);
  if (error->n_messages > n_before) return false;
  if (model->ffn == 0) model->ffn = 4 * model->hidden;
  *heads = (struct transformer){.hidden = model->hidden,
                                .heads = model->heads,
                                .kv_heads = model->heads,
                                .head_size = model->hidden / model->heads,
                                .position = POSITION_NONE};
  *work = (struct work){.build = {.model = heads}, .model = model};
  transformer_start(&work->build, generation);
  return true;
}

static uint64_t n_patches(const struct diffusion *model) {
  const uint64_t side = model->image / model->patch;
  return side * side;
}

/* What goes from block to block: the tokens, and with them the condition, of which each block takes its own and hands
 * one on. So a pipeline may cut between any two. */
static struct tensor carry(struct work *work, const struct tensor *sides, size_t n_sides) {
  struct tensor parts[3], out = sides[0];
  REQUIRE(n_sides < 3);
  for (size_t s = 0; s < n_sides; s++) parts[s] = sides[s];
  parts[n_sides] = work->condition;
  for (size_t s = 1; s <= n_sides; s++) out.elements = sat_add(out.elements, parts[s].elements);
  return emit_view(&work->build.emit, "carry", out, parts, n_sides + 1);
}

static struct tensor take(struct work *work, const char *name, struct tensor carried, uint64_t n_tokens) {
  struct tensor part = rows(work, n_tokens, work->model->hidden);
  part.bytes = carried.bytes;
  return emit_view(&work->build.emit, name, part, &carried, 1);
}

static struct tensor take_condition(struct work *work, struct tensor carried) {
  return take(work, "condition", carried, 1);
}

static bool full(const struct work *work) {
  return work->build.emit.overflow || graph_builder_count(work->build.emit.builder) >= OP_GRAPH_MAX_OPS;
}

/* --- DiT ---------------------------------------------------------------------------------------------------------- */

static struct tensor dit_block(struct work *work, struct tensor x) {
  const uint64_t n = n_patches(work->model), hidden = work->model->hidden;
  struct transformer_build *const build = &work->build;
  const struct tensor all = modulation(work, "block", 6);
  struct tensor part =
      transformer_linear(build, "attention.qkv", modulate(work, "attention", x, all), 3 * hidden, true);
  part = transformer_linear(build, "attention.projection", attend(work, part, n), hidden, true);
  x = gated(work, "attention", x, part, all);
  part = feed_forward(work, "feed_forward", modulate(work, "feed_forward", x, all));
  return gated(work, "feed_forward", x, part, all);
}

static bool generate_dit(struct generation *generation, struct error *error) {
  struct diffusion *const model = ARENA_NEW(generation->arena, struct diffusion, 1);
  struct transformer heads;
  struct work work;
  if (!generation_settings(generation, &dit_fields, model, NULL, 0, error) ||
      !begin(&work, &heads, model, generation, error))
    return false;
  struct emitter *const emit = &work.build.emit;
  const uint64_t n = n_patches(model), hidden = model->hidden;
  const uint64_t width = emit_product(emit, emit_product(emit, model->patch, model->patch), model->channels);
  struct tensor x = transformer_linear(&work.build, "embedding.patch", input(&work, "patches", n, width), hidden, true);
  const struct vector_op positions = {
      .kind = OP_ADD, .n_constants = emit_product(emit, n, hidden), .group = OP_ABSENT, .out = x};
  x = emit_vector(emit, "embedding.position", &positions, &x, 1);
  const struct tensor time = embed(&work, "time", model->time_size);
  const struct tensor labels = emit_input(emit, "classes", emit->batch, 1, EMIT_INDEX_BYTES);
  const struct vector_op table = {.kind = OP_EMBEDDING,
                                  .n_parameters = emit_product(emit, model->classes, hidden),
                                  .n_weights = time.elements,
                                  .group = OP_ABSENT,
                                  .out = time};
  const struct tensor label = emit_vector(emit, "embedding.class", &table, &labels, 1);
  work.condition = emit_map(emit, OP_SILU, "condition.silu", emit_join(emit, OP_ADD, "condition", time, label));
  struct tensor carried = carry(&work, &x, 1);
  for (uint32_t i = 0; i < model->layers && !full(&work); i++) {
    emit_enter(emit, i, "layer", i);
    x = take(&work, "tokens", carried, n);
    work.condition = take_condition(&work, carried);
    x = dit_block(&work, x);
    carried = carry(&work, &x, 1);
  }
  emit_leave(emit);
  x = take(&work, "head.tokens", carried, n);
  work.condition = take(&work, "head.condition", carried, 1);
  predict(&work, x, model->out_channels);
  return emitter_finish(emit, generation, error);
}

/* --- Flux --------------------------------------------------------------------------------------------------------- */

/* Queries and keys, each head normed; values pass by. */
static struct tensor norm_heads(struct work *work, const char *part, struct tensor packed, uint64_t n_tokens) {
  char name[EMIT_NAME_BYTES];
  const uint64_t head = work->build.model->head_size;
  struct emitter *const emit = &work->build.emit;
  struct tensor heads = packed;
  heads.elements = rows(work, n_tokens, 2 * work->model->hidden).elements;
  heads.row = head;
  const struct vector_op norm = {
      .kind = OP_RMS_NORM, .n_parameters = 2 * head, .n_weights = 2 * head, .group = OP_ABSENT, .out = heads};
  heads = emit_vector(emit, named(name, part, "head_norm"), &norm, &heads, 1);
  struct tensor view = rows(work, n_tokens, 3 * work->model->hidden);
  view.bytes = packed.bytes;
  return emit_view(emit, named(name, part, "packed"), view, (struct tensor[2]){heads, packed}, 2);
}

static struct tensor rotate(struct work *work, struct tensor packed, uint64_t n_tokens) {
  const struct vector_op rotary = {.kind = OP_ROTARY,
                                   .n_lanes = rows(work, n_tokens, 2 * work->model->hidden).elements,
                                   .group = OP_ABSENT,
                                   .out = packed};
  return emit_vector(&work->build.emit, "attention.rotary", &rotary, &packed, 1);
}

/* Text and image, whose tokens see each other. */
static void joint_block(struct work *work, struct tensor sides[2]) {
  static const char *const parts[][4] = {{"text", "text.attention", "text.feed_forward", "text.heads"},
                                         {"image", "image.attention", "image.feed_forward", "image.heads"}};
  const uint64_t n[] = {work->model->text_tokens, n_patches(work->model)}, hidden = work->model->hidden;
  struct transformer_build *const build = &work->build;
  struct tensor all[2], packed[2];
  char name[EMIT_NAME_BYTES];
  for (size_t s = 0; s < 2; s++) {
    all[s] = modulation(work, parts[s][0], 6);
    packed[s] = transformer_linear(build, named(name, parts[s][1], "qkv"),
                                   modulate(work, parts[s][1], sides[s], all[s]), 3 * hidden, true);
    packed[s] = norm_heads(work, parts[s][3], packed[s], n[s]);
  }
  const struct vector_op join = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = rows(work, n[0] + n[1], 3 * hidden)};
  struct tensor both = emit_vector(&build->emit, "attention.concat", &join, packed, 2);
  both = attend(work, rotate(work, both, n[0] + n[1]), n[0] + n[1]);
  for (size_t s = 0; s < 2; s++) {
    struct tensor part = both;
    part.elements = rows(work, n[s], hidden).elements;
    part = transformer_linear(build, named(name, parts[s][1], "projection"), part, hidden, true);
    sides[s] = gated(work, parts[s][1], sides[s], part, all[s]);
    part = feed_forward(work, parts[s][2], modulate(work, parts[s][2], sides[s], all[s]));
    sides[s] = gated(work, parts[s][2], sides[s], part, all[s]);
  }
}

/* One matrix makes queries, keys, values and the inside of the feed-forward; one takes both back. */
static struct tensor single_block(struct work *work, struct tensor x, uint64_t n_tokens) {
  const uint64_t hidden = work->model->hidden, ffn = work->model->ffn;
  struct transformer_build *const build = &work->build;
  struct emitter *const emit = &build->emit;
  const struct tensor all = modulation(work, "block", 3);
  const struct tensor wide =
      transformer_linear(build, "block.first", modulate(work, "block", x, all), 3 * hidden + ffn, true);
  struct tensor inner = wide;
  inner.elements = rows(work, n_tokens, ffn).elements;
  inner.row = ffn;
  inner = emit_map(emit, OP_GELU, "feed_forward.activation", inner);
  const struct tensor context =
      attend(work, rotate(work, norm_heads(work, "heads", wide, n_tokens), n_tokens), n_tokens);
  const struct vector_op join = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = rows(work, n_tokens, hidden + ffn)};
  const struct tensor both = emit_vector(emit, "block.concat", &join, (struct tensor[2]){context, inner}, 2);
  return gated(work, "block", x, transformer_linear(build, "block.second", both, hidden, true), all);
}

static bool generate_mmdit(struct generation *generation, struct error *error) {
  struct diffusion *const model = ARENA_NEW(generation->arena, struct diffusion, 1);
  struct transformer heads;
  struct work work;
  if (!generation_settings(generation, &mmdit_fields, model, NULL, 0, error) ||
      !begin(&work, &heads, model, generation, error))
    return false;
  struct emitter *const emit = &work.build.emit;
  const uint64_t n = n_patches(model), hidden = model->hidden, n_text = model->text_tokens;
  const uint64_t width = emit_product(emit, emit_product(emit, model->patch, model->patch), model->channels);
  struct tensor sides[2];
  sides[0] =
      transformer_linear(&work.build, "embedding.text", input(&work, "text", n_text, model->text_width), hidden, true);
  sides[1] = transformer_linear(&work.build, "embedding.patch", input(&work, "patches", n, width), hidden, true);
  const struct tensor time = embed(&work, "time", model->time_size), whole = embed(&work, "whole", model->vector_width);
  work.condition = emit_map(emit, OP_SILU, "condition.silu", emit_join(emit, OP_ADD, "condition", time, whole));
  struct tensor carried = carry(&work, sides, 2);
  for (uint32_t i = 0; i < model->joint_layers && !full(&work); i++) {
    emit_enter(emit, i, "joint", i);
    sides[0] = take(&work, "text", carried, n_text);
    sides[1] = take(&work, "image", carried, n);
    work.condition = take_condition(&work, carried);
    joint_block(&work, sides);
    if (i + 1 < model->joint_layers) carried = carry(&work, sides, 2);
  }
  const struct vector_op join = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = rows(&work, n_text + n, hidden)};
  struct tensor x = emit_vector(emit, "both", &join, sides, 2);
  carried = carry(&work, &x, 1);
  for (uint32_t i = 0; i < model->layers && !full(&work); i++) {
    emit_enter(emit, (uint32_t)model->joint_layers + i, "layer", i);
    x = take(&work, "tokens", carried, n_text + n);
    work.condition = take_condition(&work, carried);
    x = single_block(&work, x, n_text + n);
    carried = carry(&work, &x, 1);
  }
  emit_leave(emit);
  x = take(&work, "head.tokens", carried, n); /* the image's part */
  work.condition = take(&work, "head.condition", carried, 1);
  predict(&work, x, model->channels);
  return emitter_finish(emit, generation, error);
}

const struct workload_generator dit_generator = {"dit", "Diffusion transformers over a latent image (DiT).", "image",
                                                 &dit_fields, generate_dit};
const struct workload_generator mmdit_generator = {"mmdit", "Diffusion transformers of text and image (Flux.1).",
                                                   "image", &mmdit_fields, generate_mmdit};
