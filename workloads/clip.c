/* Which operators make a pair of transformers that learn which text belongs to which image?
 *
 * CLIP (Radford et al., arXiv 2103.00020; github.com/openai/CLIP model.py): a tower of patches, a tower of words, a
 * projection of one token of each to a common width, and the products of all images with all texts of a batch, of which
 * each row and each column has one right answer. Left out: features of other devices. Each contrasts the pairs that it
 * holds itself; a gathering of features over devices would add 2 · width elements a pair. */
#include "base/checked.h"
#include "workloads/transformer_block.h"

struct clip {
  const char *kind;
  uint64_t image, patch, channels, image_layers, image_hidden, image_heads;
  uint64_t vocab, text_length, text_layers, text_hidden, text_heads, width;
};

#define NUMBER(name, default_text, doc)                                                                                \
  { #name, FIELD_UINT, "", 1, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct clip, name), ROLE_ANSWER, NULL }
static const struct field clip_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct clip, kind), ROLE_ANSWER, NULL},
    NUMBER(image, "224", "Height and width of an image."),
    NUMBER(patch, NULL, "Height and width of a patch, which must divide it."),
    NUMBER(channels, "3", "Colours of an image."),
    NUMBER(image_layers, NULL, "Blocks over the patches."),
    NUMBER(image_hidden, NULL, "Their width."),
    NUMBER(image_heads, NULL, "Their heads."),
    NUMBER(vocab, "49408", "Words."),
    NUMBER(text_length, "77", "Tokens of a text."),
    NUMBER(text_layers, "12", "Blocks over the tokens."),
    NUMBER(text_hidden, NULL, "Their width."),
    NUMBER(text_heads, NULL, "Their heads."),
    NUMBER(width, NULL, "Of the vectors of images and texts."),
};
static const struct field_table clip_fields = {"clip", "A pair of transformers for images and texts.", clip_field_list,
                                               sizeof clip_field_list / sizeof *clip_field_list};

static struct transformer tower_of(uint64_t layers, uint64_t hidden, uint64_t heads) {
  return (struct transformer){.layers = layers,
                              .hidden = hidden,
                              .heads = heads,
                              .activation = ACTIVATION_GELU,
                              .norm = NORM_LAYER,
                              .norm_place = PLACE_PRE,
                              .position = POSITION_LEARNED,
                              .bias = true,
                              .qkv_bias = true};
}

static struct transformer_build build_of(const struct emitter *emit, const struct transformer *model,
                                         uint64_t sequence) {
  struct transformer_build build = {.emit = *emit, .model = model, .sequence = sequence};
  build.tokens = emit_product(&build.emit, emit->batch, sequence);
  return build;
}

/* One token of each sample, normed if that is still to be done, as wide as the other tower's. */
static struct tensor feature(struct transformer_build *build, const char *part, struct tensor x, uint64_t width,
                             bool norm) {
  struct emitter *const emit = &build->emit;
  struct tensor token = x;
  token.rank = 2;
  token.elements = emit_product(emit, emit->batch, x.row);
  emit_enter(emit, OP_ABSENT, part, OP_ABSENT);
  token = emit_view(emit, "token", token, &x, 1);
  if (norm) token = transformer_norm(build, "norm", token);
  token = transformer_linear(build, "projection", token, width, false);
  token = emit_norm(emit, OP_RMS_NORM, "length", token, 0); /* all of length one */
  emit_leave(emit);
  return token;
}

/* Its norm is of the class token alone. */
static struct tensor see(struct transformer_build *build, const struct clip *clip) {
  const struct transformer *const model = build->model;
  struct emitter *const emit = &build->emit;
  const struct tensor patches = transformer_patches(build, clip->image, clip->channels, clip->patch, false);
  const struct vector_op class_token = {.kind = OP_CONCAT,
                                        .n_parameters = model->hidden,
                                        .n_weights = model->hidden,
                                        .group = OP_ABSENT,
                                        .out = transformer_rows(build, model->hidden)};
  struct tensor x = emit_vector(emit, "embedding.class_token", &class_token, &patches, 1);
  x = transformer_norm(build, "embedding.norm", transformer_positions(build, "embedding.position", x, build->sequence));
  return feature(build, "image", transformer_blocks(build, x), clip->width, true);
}

/* Its blocks are numbered behind those of the image. */
static struct tensor understand(struct transformer_build *build, const struct clip *clip) {
  struct tensor x =
      transformer_embed(build, "tokens", "embedding.word", clip->vocab, build->model->hidden, SPLIT_TABLE);
  x = transformer_positions(build, "embedding.word_position", x, build->sequence);
  return feature(build, "text", transformer_blocks(build, x), clip->width, false);
}

/* Rows: the text of an image; columns: the image of a text. */
static void contrast(struct emitter *emit, struct tensor image, struct tensor text, uint64_t width) {
  const struct gemm all = {.reps = 1, .m = emit->batch, .n = emit->batch, .k = width, .group = OP_ABSENT, .rank = 2};
  struct tensor logits = emit_matmul(emit, "contrast.products", image, text, &all);
  const struct vector_op scale = {.kind = OP_MUL, .n_parameters = 1, .n_weights = 1, .group = OP_ABSENT, .out = logits};
  logits = emit_vector(emit, "contrast.temperature", &scale, &logits, 1);
  emit_enter(emit, OP_ABSENT, "rows", OP_ABSENT);
  emit_loss(emit, logits, emit->batch);
  emit_enter(emit, OP_ABSENT, "columns", OP_ABSENT);
  emit_loss(emit, emit_view(emit, "turned", logits, &logits, 1), emit->batch);
  emit_leave(emit);
}

static bool check(const struct generation *generation, const struct clip *clip, struct error *error) {
  const struct {
    const char *key, *of;
    uint64_t divisor, whole;
  } rules[] = {{"patch", "image", clip->patch, clip->image},
               {"image_heads", "image_hidden", clip->image_heads, clip->image_hidden},
               {"text_heads", "text_hidden", clip->text_heads, clip->text_hidden}};
  const size_t n_before = error->n_messages;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].whole % rules[i].divisor != 0)
      generation_reject(generation, rules[i].key, error, "%llu does not divide %s = %llu, allowed are its divisors",
                        (unsigned long long)rules[i].divisor, rules[i].of, (unsigned long long)rules[i].whole);
  return error->n_messages == n_before;
}

static bool generate_clip(struct generation *generation, struct error *error) {
  struct clip *const clip = ARENA_NEW(generation->arena, struct clip, 1);
  if (!generation_settings(generation, &clip_fields, clip, NULL, 0, error) || !check(generation, clip, error))
    return false;
  struct transformer image = tower_of(clip->image_layers, clip->image_hidden, clip->image_heads);
  struct transformer text = tower_of(clip->text_layers, clip->text_hidden, clip->text_heads);
  image.image = clip->image;
  image.patch = clip->patch;
  text.vocab = clip->vocab;
  text.causal = text.final_norm = true;
  text.first_layer = clip->image_layers;
  if (!transformer_check(generation, &image, error) || !transformer_check(generation, &text, error)) return false;
  const uint64_t side = clip->image / clip->patch;
  struct emitter emit;
  emitter_init(&emit, generation);
  struct transformer_build seeing = build_of(&emit, &image, sat_add(sat_mul(side, side), 1));
  const struct tensor seen = see(&seeing, clip);
  struct transformer_build reading = build_of(&seeing.emit, &text, clip->text_length);
  const struct tensor read = understand(&reading, clip);
  contrast(&reading.emit, seen, read, clip->width);
  return emitter_finish(&reading.emit, generation, error);
}

const struct workload_generator clip_generator = {"clip", "Pairs of transformers for images and texts (CLIP).",
                                                  "image and text", &clip_fields, generate_clip};
