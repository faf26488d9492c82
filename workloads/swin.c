/* Which operators make a Swin Transformer?
 *
 * Liu et al., arXiv 2103.14030, as torchvision has it: patches of an image, stages of blocks whose attention stays
 * inside of windows, every second time moved by half of one; a learned bias of scores by the distance of two patches, a
 * table a block; between stages four patches become one of twice the width. Left out: the factor of the scores (folded
 * into the queries), masks of moved windows, stochastic depth, windows that do not divide their stage. */
#include "workloads/transformer_block.h"

enum { MAX_STAGES = 16, MERGED = 4 /* patches become one */ };

struct swin {
  const char *kind;
  uint64_t image, patch, channels, classes, hidden, window;
  struct uint_list depths, heads;
};

#define NUMBER(name, least, default_text, doc)                                                                         \
  {                                                                                                                    \
#name, FIELD_UINT, "", least, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct swin, name), ROLE_ANSWER,     \
        NULL                                                                                                           \
  }
#define LIST(name, default_text, doc)                                                                                  \
  {                                                                                                                    \
#name, FIELD_UINT_LIST, "", 1, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct swin, name), ROLE_ANSWER,    \
        NULL                                                                                                           \
  }
static const struct field swin_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct swin, kind), ROLE_ANSWER, NULL},
    NUMBER(image, 1, "224", "Height and width of an image."),
    NUMBER(patch, 1, "4", "Height and width of a patch, which must divide the image."),
    NUMBER(channels, 1, "3", "Colours of an image."),
    NUMBER(classes, 1, "1000", "Outputs of the classifier."),
    NUMBER(hidden, 1, "96", "Width of the first stage; each has twice that of the one before."),
    NUMBER(window, 1, "7", "Height and width of a window in patches, which must divide every stage."),
    LIST(depths, "[2, 2, 6, 2]", "Blocks of each stage."),
    LIST(heads, "[3, 6, 12, 24]", "Heads of each stage, which must divide its width."),
};
static const struct field_table swin_fields = {"swin", "Attention inside of windows of an image.", swin_field_list,
                                               sizeof swin_field_list / sizeof *swin_field_list};

static struct tensor stem(struct transformer_build *build, const struct swin *model) {
  const struct tensor patches = transformer_patches(build, model->image, model->channels, model->patch, true);
  return transformer_norm(build, "embedding.norm", patches);
}

/* Rows and columns of patches go around; back again behind the attention. */
static struct tensor move(struct transformer_build *build, const char *name, struct tensor x, bool moved) {
  return moved ? emit_map(&build->emit, OP_GATHER, name, x) : x;
}

static struct tensor block(struct transformer_build *build, struct tensor x, bool moved) {
  struct emitter *const emit = &build->emit;
  build->bias_group = OP_ABSENT; /* each block has a table of its own */
  build->bias_borrowed = false;
  struct tensor part = move(build, "attention.move", transformer_norm(build, "attention.norm", x), moved);
  part = move(build, "attention.move_back", transformer_attention(build, part), moved);
  x = emit_join(emit, OP_ADD, "attention.residual", x, part);
  part = transformer_feed_forward(build, transformer_norm(build, "feed_forward.norm", x));
  return emit_join(emit, OP_ADD, "feed_forward.residual", x, part);
}

/* Four patches side by side, normed, half as wide. */
static struct tensor merge(struct transformer_build *build, struct tensor x) {
  struct emitter *const emit = &build->emit;
  struct tensor wide = x;
  wide.row = emit_product(emit, MERGED, x.row);
  wide = emit_map(emit, OP_GATHER, "merge.patches", wide);
  wide = transformer_norm(build, "merge.norm", wide);
  return transformer_linear(build, "merge.reduce", wide, 2 * x.row, false);
}

static void classify(struct transformer_build *build, const struct swin *model, struct tensor x) {
  struct emitter *const emit = &build->emit;
  x = transformer_norm(build, "final_norm", x);
  const struct vector_op mean = {.kind = OP_MEAN,
                                 .n_lanes = x.elements,
                                 .group = OP_ABSENT,
                                 .out = {.rank = 2, .elements = emit_product(emit, emit->batch, x.row), .row = x.row}};
  const struct tensor image = emit_vector(emit, "head.mean", &mean, &x, 1);
  const struct gemm gemm = {.reps = 1,
                            .m = emit->batch,
                            .n = model->classes,
                            .k = x.row,
                            .n_bias = model->classes,
                            .group = OP_ABSENT,
                            .rank = 2};
  transformer_loss(build, image, &gemm, emit->batch);
}

static bool check(const struct generation *generation, const struct swin *model, struct error *error) {
  const size_t n_before = error->n_messages, n = model->depths.n;
  if (n < 1 || n > MAX_STAGES)
    generation_reject(generation, "depths", error, "has %zu values, allowed are 1 to %d", n, MAX_STAGES);
  if (model->heads.n != n)
    generation_reject(generation, "heads", error, "has %zu values, allowed are as many as depths has: %zu",
                      (size_t)model->heads.n, n);
  if (model->image % model->patch != 0)
    generation_reject(generation, "patch", error, "%llu does not divide image = %llu, allowed are its divisors",
                      (unsigned long long)model->patch, (unsigned long long)model->image);
  if (error->n_messages > n_before) return false;
  uint64_t side = model->image / model->patch;
  for (size_t s = 0; s < n; s++, side /= 2) {
    if (side == 0 || side % model->window != 0 || (s + 1 < n && side % 2 != 0))
      return generation_reject(generation, "window", error,
                               "%llu does not divide the %llu patches of a side of stage %zu",
                               (unsigned long long)model->window, (unsigned long long)side, s);
    if ((model->hidden << s) % model->heads.values[s] != 0)
      return generation_reject(generation, "heads", error, "%llu does not divide the width %llu of stage %zu",
                               (unsigned long long)model->heads.values[s], (unsigned long long)(model->hidden << s), s);
  }
  return true;
}

/* What the blocks of a stage look like. */
static struct transformer stage_of(const struct swin *model, size_t s) {
  const uint64_t span = 2 * model->window - 1;
  const uint64_t hidden = model->hidden << s, heads = model->heads.values[s];
  return (struct transformer){.hidden = hidden,
                              .heads = heads,
                              .kv_heads = heads,
                              .head_size = hidden / heads,
                              .ffn = 4 * hidden,
                              .bias = true,
                              .position = POSITION_RELATIVE,
                              .position_buckets = span * span};
}

static bool generate_swin(struct generation *generation, struct error *error) {
  struct swin *const model = ARENA_NEW(generation->arena, struct swin, 1);
  if (!generation_settings(generation, &swin_fields, model, NULL, 0, error) || !check(generation, model, error))
    return false;
  struct transformer stage = stage_of(model, 0);
  struct transformer_build build = {.model = &stage, .sequence = model->window * model->window};
  transformer_start(&build, generation);
  const uint64_t batch = build.emit.batch;
  uint64_t side = model->image / model->patch;
  uint32_t layer = 0;
  struct tensor x = stem(&build, model);
  for (size_t s = 0; s < model->depths.n && !build.emit.overflow; s++, side /= 2) {
    if (s > 0) {
      emit_enter(&build.emit, layer - 1, "stage", (uint32_t)s);
      x = merge(&build, x);
    }
    stage = stage_of(model, s);
    const uint64_t windows = (side / model->window) * (side / model->window);
    build.tokens = emit_product(&build.emit, batch, side * side);
    build.emit.batch = emit_product(&build.emit, batch, windows); /* attention sees one window at a time */
    for (uint64_t i = 0; i < model->depths.values[s] && !build.emit.overflow; i++, layer++) {
      emit_enter(&build.emit, layer, "layer", layer);
      x = block(&build, x, i % 2 == 1 && windows > 1);
      if (graph_builder_count(build.emit.builder) >= OP_GRAPH_MAX_OPS) break;
    }
    build.emit.batch = batch;
  }
  emit_leave(&build.emit);
  classify(&build, model, x);
  return emitter_finish(&build.emit, generation, error);
}

const struct workload_generator swin_generator = {"swin", "Transformers whose attention stays in windows of an image.",
                                                  "image", &swin_fields, generate_swin};
