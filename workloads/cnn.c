/* Which operators make a convolutional network?
 *
 * The file lists blocks in order. A block reads the one before it, or those that `from` names; so branches, their
 * concatenation and further residuals need no kinds of their own. Blocks between which only one tensor passes are
 * numbered as layers, so that a network may be cut there. Source: workloads §2.2. */
#include "workloads/cnn.h"
#include <string.h>

static const char *const activations[] = {"default",     "none",    "relu", "relu6", "hardswish",
                                          "hardsigmoid", "sigmoid", "silu", "gelu",  NULL};
static const char *const norms[] = {"default", "batch", "none", NULL};
static const char *const biases[] = {"default", "yes", "no", NULL};

#define NUMBER(type, name, least, most, default_text, doc)                                                             \
  { #name, FIELD_UINT, "", least, EMIT_MAX_DIMENSION, default_text, doc, offsetof(type, name), ROLE_ANSWER, NULL }
#define LIST(name, least, default_text, doc)                                                                           \
  {                                                                                                                    \
#name, FIELD_UINT_LIST, "", least, EMIT_MAX_DIMENSION, default_text, doc, offsetof(struct cnn_block, name),        \
        ROLE_ANSWER, NULL                                                                                              \
  }
#define CHOICE(type, name, choices, default_text, doc)                                                                 \
  { #name, FIELD_CHOICE, "", 0, 0, default_text, doc, offsetof(type, name), ROLE_ANSWER, choices }

static const struct field model_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct cnn, kind), ROLE_ANSWER, NULL},
    NUMBER(struct cnn, image, 1, EMIT_MAX_DIMENSION, "224", "Height and width of an image."),
    NUMBER(struct cnn, channels, 1, EMIT_MAX_DIMENSION, "3", "Colours of an image."),
    NUMBER(struct cnn, classes, 1, EMIT_MAX_DIMENSION, "1000", "Outputs of the last block."),
    CHOICE(struct cnn, activation, activations, "\"relu\"", "Activation of blocks that do not name one."),
    CHOICE(struct cnn, norm, norms, "\"batch\"", "Norm behind convolutions that do not name one."),
};
static const struct field_table model_fields = {"cnn", "A convolutional network.", model_field_list,
                                                sizeof model_field_list / sizeof *model_field_list};

static const struct field block_field_list[] = {
    CHOICE(struct cnn_block, type, cnn_block_names, NULL, "Kind of block."),
    {"name", FIELD_TEXT, "", 0, 0, "\"\"", "For other blocks to name it.", offsetof(struct cnn_block, name),
     ROLE_ANSWER, NULL},
    {"from", FIELD_TEXT_LIST, "", 0, 0, "[]", "Names of the blocks it reads; empty: the block before it.",
     offsetof(struct cnn_block, from), ROLE_ANSWER, NULL},
    NUMBER(struct cnn_block, repeat, 1, 10000, "1", "Times in a row; only the first has the stride."),
    NUMBER(struct cnn_block, width, 0, EMIT_MAX_DIMENSION, "0",
           "Channels put out; 0: as many as come in (dense: channels added)."),
    LIST(kernel, 1, "[3]", "Height and width of the filter or window, or one for both."),
    NUMBER(struct cnn_block, stride, 1, EMIT_MAX_DIMENSION, "1", "Stride in both directions."),
    LIST(pad, 0, "[]", "Padding at top and left, and as much opposite; empty: half the kernel."),
    NUMBER(struct cnn_block, groups, 1, EMIT_MAX_DIMENSION, "1", "Groups of the filtering convolution."),
    NUMBER(struct cnn_block, inner, 0, EMIT_MAX_DIMENSION, "0",
           "Channels inside a bottleneck (0: width/4) or dense block (0: 4 width)."),
    NUMBER(struct cnn_block, expand, 0, EMIT_MAX_DIMENSION, "0",
           "Channels inside an inverted or fused block; 0: as many as come in (convnext: four times)."),
    NUMBER(struct cnn_block, squeeze, 0, EMIT_MAX_DIMENSION, "0", "Channels of squeeze and excitation; 0: none."),
    CHOICE(struct cnn_block, activation, activations, "\"default\"",
           "Activation; default: the model's, none for linear and add."),
    CHOICE(struct cnn_block, squeeze_activation, activations, "\"relu\"", "Activation inside squeeze and excitation."),
    CHOICE(struct cnn_block, gate, activations, "\"hardsigmoid\"", "Activation of the gate of squeeze and excitation."),
    CHOICE(struct cnn_block, norm, norms, "\"default\"", "Norm behind a convolution; default: the model's."),
    CHOICE(struct cnn_block, bias, biases, "\"default\"",
           "Bias of a convolution or linear block; default: where no norm follows."),
    {"ceil", FIELD_BOOL, "", 0, 0, "false", "Pooling also covers a last partial window.",
     offsetof(struct cnn_block, ceil), ROLE_ANSWER, NULL},
};
static const struct field_table block_fields = {"cnn block", "One block of a convolutional network.", block_field_list,
                                                sizeof block_field_list / sizeof *block_field_list};

enum { NO_BLOCK = -1 }; /* the images themselves */

/* The list of blocks with what each reads and what it put out. */
struct network {
  struct generation *generation;
  struct cnn model;
  struct cnn_build build;
  size_t n;
  struct cnn_block *blocks;
  const char **paths; /* "blocks.[3]" */
  int **inputs;       /* of each block: indices of blocks, or NO_BLOCK */
  size_t *n_inputs;
  struct map *outputs;
  struct map images;
  uint32_t layer, n_built; /* of the block at work; blocks built, repetitions counted */
};

static bool read_settings(struct network *network, struct error *error) {
  struct generation *const generation = network->generation;
  network->n = config_count(generation->config, "blocks");
  struct config_section *const sections = ARENA_NEW(generation->arena, struct config_section, network->n);
  network->blocks = ARENA_NEW(generation->arena, struct cnn_block, network->n);
  network->paths = ARENA_NEW(generation->arena, const char *, network->n);
  for (size_t i = 0; i < network->n; i++) {
    network->paths[i] = arena_printf(generation->arena, "blocks.[%zu]", i);
    sections[i] = (struct config_section){network->paths[i], &block_fields, &network->blocks[i], true};
  }
  if (!generation_settings(generation, &model_fields, &network->model, sections, network->n, error)) return false;
  if (network->n == 0)
    return generation_reject(generation, "blocks", error, "is missing or empty, allowed is a list of groups");
  return true;
}

/* The block before `i` of that name, NO_BLOCK if there is none. */
static int find_block(const struct network *network, size_t i, const char *name) {
  for (size_t j = i; j-- > 0;)
    if (strcmp(network->blocks[j].name, name) == 0) return (int)j;
  return NO_BLOCK;
}

/* Finds what each block reads. */
static void resolve_inputs(struct network *network, struct error *error) {
  struct arena *const arena = network->generation->arena;
  network->inputs = ARENA_NEW(arena, int *, network->n);
  network->n_inputs = ARENA_NEW(arena, size_t, network->n);
  for (size_t i = 0; i < network->n; i++) {
    const struct cnn_block *const block = &network->blocks[i];
    const char *const key = arena_printf(arena, "%s.from", network->paths[i]);
    const size_t n = block->from.n;
    network->inputs[i] = ARENA_NEW(arena, int, n + 1);
    network->n_inputs[i] = n > 0 ? n : 1;
    network->inputs[i][0] = (int)i - 1;
    for (size_t k = 0; k < n; k++) {
      network->inputs[i][k] = find_block(network, i, block->from.values[k]);
      if (network->inputs[i][k] == NO_BLOCK)
        generation_reject(network->generation, key, error,
                          "no earlier block is named '%s', allowed are names of earlier blocks", block->from.values[k]);
    }
    if (n > 1 && !cnn_block_kinds[block->type].many)
      generation_reject(network->generation, key, error, "names %zu blocks, allowed is 1 for a block of this type", n);
  }
}

/* Do tensors from before block `first` reach block `last` or what comes behind it, without passing `first`? */
static bool bypassed(const struct network *network, int first, size_t last) {
  for (size_t v = last; v < network->n; v++)
    for (size_t k = 0; k < network->n_inputs[v]; k++)
      if (network->inputs[v][k] < first) return true;
  return false;
}

/* Whether `key` is one of the words of `keys`. */
static bool has_word(const char *keys, const char *key) {
  const size_t n = strlen(key);
  for (const char *at = keys; (at = strstr(at, key)) != NULL; at += n)
    if ((at == keys || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return true;
  return false;
}

/* A key that a block of this type does not read is a mistake, not a wish. */
static void check_keys(const struct network *network, size_t i, struct error *error) {
  const struct generation *const generation = network->generation;
  const struct cnn_block_kind *const kind = &cnn_block_kinds[network->blocks[i].type];
  for (size_t f = 0; f < block_fields.n_fields; f++) {
    const char *const key = block_field_list[f].key;
    const char *const path = arena_printf(generation->arena, "%s.%s", network->paths[i], key);
    if (!config_has(generation->config, path) || has_word("type name from repeat", key) || has_word(kind->keys, key))
      continue;
    generation_reject(generation, path, error,
                      "a block of type '%s' does not read it, allowed are name, from, repeat%s%s", kind->name,
                      kind->keys[0] != '\0' ? " and " : "", kind->keys);
  }
}

static void check_block(const struct network *network, size_t i, struct error *error) {
  const struct cnn_block *const block = &network->blocks[i];
  struct arena *const arena = network->generation->arena;
  check_keys(network, i, error);
  if (block->kernel.n == 0 || block->kernel.n > 2)
    generation_reject(network->generation, arena_printf(arena, "%s.kernel", network->paths[i]), error,
                      "has %zu values, allowed are 1 and 2", block->kernel.n);
  if (block->pad.n > 2)
    generation_reject(network->generation, arena_printf(arena, "%s.pad", network->paths[i]), error,
                      "has %zu values, allowed are 0, 1 and 2", block->pad.n);
  if (block->squeeze_activation == CNN_DEFAULT || block->gate == CNN_DEFAULT)
    generation_reject(network->generation, arena_printf(arena, "%s.gate", network->paths[i]), error,
                      "it and squeeze_activation have no default to take, allowed are the named activations");
}

/* One block, `repeat` times; false if something in it does not fit. */
static bool build_block(struct network *network, size_t i, struct error *error) {
  struct cnn_block block = network->blocks[i];
  const struct cnn_block_kind *const kind = &cnn_block_kinds[block.type];
  struct cnn_build *const build = &network->build;
  struct map *inputs = ARENA_NEW(network->generation->arena, struct map, network->n_inputs[i]);
  for (size_t k = 0; k < network->n_inputs[i]; k++) {
    const int from = network->inputs[i][k];
    inputs[k] = from == NO_BLOCK ? network->images : network->outputs[from];
  }
  for (uint64_t r = 0; r < block.repeat; r++) {
    const bool cut = r == 0 ? !bypassed(network, (int)i - 1, i) : !bypassed(network, (int)i, i + 1);
    network->layer += cut && (i > 0 || r > 0);
    if (block.name[0] != '\0')
      emit_enter(&build->emit, network->layer, block.name, block.repeat > 1 ? (uint32_t)r : OP_ABSENT);
    else
      emit_enter(&build->emit, network->layer, kind->name, network->n_built);
    network->n_built++;
    if (network->blocks[i].width == 0) block.width = inputs[0].channels;
    inputs[0] = kind->build(build, &block, inputs, r == 0 ? network->n_inputs[i] : 1);
    block.stride = 1;
    if (build->problem != NULL)
      return generation_reject(network->generation, network->paths[i], error,
                               "%s (%llu channels of %llu x %llu), allowed is what fits", build->problem,
                               (unsigned long long)inputs[0].channels, (unsigned long long)inputs[0].height,
                               (unsigned long long)inputs[0].width);
    if (build->emit.overflow || graph_builder_count(build->emit.builder) >= OP_GRAPH_MAX_OPS) break;
  }
  network->outputs[i] = inputs[0];
  emit_leave(&build->emit);
  return true;
}

static bool build_network(struct network *network, struct error *error) {
  struct emitter *const emit = &network->build.emit;
  const struct cnn *const model = &network->model;
  network->outputs = ARENA_NEW(network->generation->arena, struct map, network->n);
  network->images = (struct map){.channels = model->channels, .height = model->image, .width = model->image};
  uint64_t elements = emit_product(emit, emit_product(emit, emit->batch, model->channels), model->image);
  elements = emit_product(emit, elements, model->image);
  network->images.tensor = emit_input(emit, "images", elements, model->image, (uint8_t)emit->element_bytes);
  network->images.tensor.rank = 4;
  for (size_t i = 0; i < network->n && !emit->overflow; i++)
    if (!build_block(network, i, error)) return false;
  if (!emitter_finish(emit, network->generation, error)) return false;
  const struct map logits = network->outputs[network->n - 1];
  const unsigned long long n_values = logits.channels * logits.height * logits.width;
  if (n_values != model->classes)
    return generation_reject(network->generation, "classes", error,
                             "is %llu, but the last block puts out %llu values an image, allowed is that number",
                             (unsigned long long)model->classes, n_values);
  emit_loss(emit, logits.tensor, emit->batch);
  return emitter_finish(emit, network->generation, error);
}

static bool generate_cnn(struct generation *generation, struct error *error) {
  struct network *const network = ARENA_NEW(generation->arena, struct network, 1);
  network->generation = generation;
  if (!read_settings(network, error)) return false;
  const size_t n_before = error->n_messages;
  resolve_inputs(network, error);
  for (size_t i = 0; i < network->n; i++) check_block(network, i, error);
  if (network->model.activation == CNN_DEFAULT)
    generation_reject(generation, "activation", error, "the model has no default to take, allowed are the others");
  if (network->model.norm == CNN_NORM_DEFAULT)
    generation_reject(generation, "norm", error, "the model has no default to take, allowed are batch and none");
  if (error->n_messages != n_before) return false;
  network->build.model = &network->model;
  emitter_init(&network->build.emit, generation);
  return build_network(network, error);
}

const struct workload_generator cnn_generator = {"cnn", "Convolutional networks, block by block.", "image",
                                                 &model_fields, generate_cnn};
