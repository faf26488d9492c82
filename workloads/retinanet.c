/* Which operators make a detector of one stage?
 *
 * RetinaNet (Lin et al., arXiv 1708.02002; torchvision 0.14.1 models/detection/retinanet.py): a residual network whose
 * last three resolutions go into a pyramid (each the sum of its own and of the coarser one, twice as large), two
 * coarser levels behind it, and on each level the same two heads: four convolutions and one that says a class, or a
 * box, for each anchor. Norms are a scale and a shift that do not learn, and the first stages do not learn either, as
 * when a trained backbone is refined. Left out: matching of anchors and true boxes; the focal loss and the distance of
 * boxes are priced as cross-entropies over a row of classes, and of four numbers. */
#include "base/checked.h"
#include "workloads/cnn.h"
#include <stdio.h>
#include <string.h>

enum { STAGES = 4, LEVELS = 5, HEAD_CONVS = 4, BOX_NUMBERS = 4, EXPANSION = 4 };
enum { FIRST_READ = 1 /* stage of the pyramid's finest level */, READ = STAGES - FIRST_READ };

struct retinanet {
  const char *kind;
  uint64_t image, channels, classes, anchors, width, groups, group_width, frozen_stages;
  struct uint_list depths;
};

#define NUMBER(name, least, most, default_text, doc)                                                                   \
  { #name, FIELD_UINT, "", least, most, default_text, doc, offsetof(struct retinanet, name), ROLE_ANSWER, NULL }
static const struct field retinanet_field_list[] = {
    {"kind", FIELD_TEXT, "", 0, 0, NULL, "Kind of model.", offsetof(struct retinanet, kind), ROLE_ANSWER, NULL},
    NUMBER(image, 1, EMIT_MAX_DIMENSION, "800", "Height and width of an image."),
    NUMBER(channels, 1, EMIT_MAX_DIMENSION, "3", "Colours of an image."),
    NUMBER(classes, 1, EMIT_MAX_DIMENSION, "91", "Classes of boxes."),
    NUMBER(anchors, 1, 1000, "9", "Anchors at a place."),
    NUMBER(width, 1, EMIT_MAX_DIMENSION, "256", "Channels of the pyramid and the heads."),
    {"depths", FIELD_UINT_LIST, "", 1, 1000, "[3, 4, 6, 3]", "Bottlenecks of each of the four stages.",
     offsetof(struct retinanet, depths), ROLE_ANSWER, NULL},
    NUMBER(groups, 1, EMIT_MAX_DIMENSION, "1", "Groups of the bottlenecks' filters."),
    NUMBER(group_width, 1, EMIT_MAX_DIMENSION, "64", "Channels of a group in the first stage; doubled by each other."),
    NUMBER(frozen_stages, 0, STAGES + 1, "2", "Parts at the front that do not learn: the first convolution, stages."),
};
static const struct field_table retinanet_fields = {"retinanet", "A detector of one stage.", retinanet_field_list,
                                                    sizeof retinanet_field_list / sizeof *retinanet_field_list};

struct work {
  struct cnn_build build;
  const struct retinanet *model;
  const struct cnn_block_kind *bottleneck;
  uint32_t layer;
};

/* --- the backbone ------------------------------------------------------------------------------------------------ */

static const struct cnn_block_kind *kind_of(const char *name) {
  size_t i = 0;
  while (cnn_block_names[i] != NULL && strcmp(cnn_block_names[i], name) != 0) i++;
  REQUIRE(cnn_block_names[i] != NULL);
  return &cnn_block_kinds[i];
}

static struct map stem(struct work *work, struct map images) {
  struct cnn_build *const build = &work->build;
  const struct cnn_conv conv = cnn_square(64, 7, 2, CNN_RELU), pool = cnn_square(0, 3, 2, CNN_NONE);
  build->emit.frozen = work->model->frozen_stages > 0;
  emit_enter(&build->emit, work->layer++, "stem", OP_ABSENT);
  return cnn_pool(build, OP_MAX_POOL, cnn_conv(build, "conv", images, &conv), &pool, false);
}

static void append(struct work *work, const struct cnn_block *block, struct map *x) {
  *x = work->bottleneck->build(&work->build, block, x, 1);
}

/* One tensor passes between blocks as long as the pyramid has read none: they are layers of their own. */
static struct map stage(struct work *work, uint32_t s, struct map x) {
  const struct retinanet *const model = work->model;
  struct emitter *const emit = &work->build.emit;
  char name[EMIT_NAME_BYTES];
  const uint64_t inner = emit_product(emit, emit_product(emit, model->groups, model->group_width), (uint64_t)1 << s);
  struct cnn_block block = {.width = (uint64_t)(64 * EXPANSION) << s,
                            .inner = inner,
                            .stride = s == 0 ? 1 : 2,
                            .groups = model->groups,
                            .activation = CNN_RELU};
  emit->frozen = model->frozen_stages > s + 1;
  snprintf(name, sizeof name, "stage%u.block", s);
  for (uint32_t i = 0; i < model->depths.values[s] && !emit->overflow; i++) {
    emit_enter(emit, work->layer, name, i);
    work->layer += s <= FIRST_READ;
    append(work, &block, &x);
    block.stride = 1;
  }
  return x;
}

/* --- the pyramid ------------------------------------------------------------------------------------------------- */

static struct map filter(struct work *work, const char *name, struct map x, uint64_t size, uint64_t stride) {
  struct cnn_conv conv = cnn_square(work->model->width, size, stride, CNN_NONE);
  conv.norm = false;
  conv.bias = true;
  return cnn_conv(&work->build, name, x, &conv);
}

/* Each pixel several times, until it is as large as `like`. */
static struct map enlarge(struct work *work, struct map x, const struct map *like) {
  struct emitter *const emit = &work->build.emit;
  struct map out = x;
  out.height = like->height;
  out.width = like->width;
  struct vector_op op = {.kind = OP_GATHER, .group = OP_ABSENT, .out = like->tensor};
  op.out.row = out.width;
  op.out.elements =
      emit_product(emit, emit_product(emit, emit->batch, x.channels), emit_product(emit, out.height, out.width));
  out.tensor = emit_vector(emit, "enlarge", &op, &x.tensor, 1);
  return out;
}

static void pyramid(struct work *work, const struct map *read, struct map *levels) {
  struct emitter *const emit = &work->build.emit;
  struct map coarser = {0};
  for (uint32_t i = READ; i-- > 0;) {
    emit_enter(emit, work->layer, "pyramid", i);
    struct map own = filter(work, "inner", read[i], 1, 1);
    if (i + 1 < READ) own = cnn_add(&work->build, "sum", own, enlarge(work, coarser, &own));
    coarser = own;
    levels[i] = filter(work, "outer", own, 3, 1);
  }
  for (uint32_t i = READ; i < LEVELS; i++) {
    emit_enter(emit, work->layer, "pyramid", i);
    const struct map bent =
        i == READ ? levels[i - 1] : cnn_activate(&work->build, "activation", levels[i - 1], CNN_RELU);
    levels[i] = filter(work, "outer", bent, 3, 2);
  }
}

/* --- the heads --------------------------------------------------------------------------------------------------- */

/* The filters of the finest level, on every level. */
static struct map shared(struct work *work, const char *name, struct map x, uint64_t width, uint32_t group,
                         bool borrowed) {
  const uint64_t dim[OP_DIMS] = {[DIM_IMAGES] = work->build.emit.batch,
                                 [DIM_IN_CHANNELS] = x.channels,
                                 [DIM_IN_HEIGHT] = x.height,
                                 [DIM_IN_WIDTH] = x.width,
                                 [DIM_OUT_CHANNELS] = width,
                                 [DIM_FILTER_HEIGHT] = 3,
                                 [DIM_FILTER_WIDTH] = 3,
                                 [DIM_STRIDE] = 1,
                                 [DIM_PAD_HEIGHT] = 1,
                                 [DIM_PAD_WIDTH] = 1,
                                 [DIM_GROUPS] = 1,
                                 [DIM_DILATION] = 1};
  x.tensor = emit_shared_conv(&work->build.emit, name, x.tensor, dim, true, group, borrowed);
  x.channels = width;
  return x;
}

/* What it says of all anchors of all levels, and what that costs. */
static void head(struct work *work, const char *part, const struct map *levels, uint64_t each, uint32_t first_group) {
  struct emitter *const emit = &work->build.emit;
  const uint64_t width = emit_product(emit, work->model->anchors, each);
  struct tensor said[LEVELS], all;
  all.elements = 0;
  for (uint32_t level = 0; level < LEVELS; level++) {
    char name[EMIT_NAME_BYTES];
    struct map x = levels[level];
    emit_enter(emit, work->layer, part, level);
    for (uint32_t i = 0; i < HEAD_CONVS; i++) {
      snprintf(name, sizeof name, "conv%u", i);
      x = shared(work, name, x, work->model->width, first_group + i, level > 0);
      snprintf(name, sizeof name, "activation%u", i);
      x = cnn_activate(&work->build, name, x, CNN_RELU);
    }
    said[level] = shared(work, "out", x, width, first_group + HEAD_CONVS, level > 0).tensor;
    const uint64_t elements = sat_add(all.elements, said[level].elements);
    all = said[level];
    all.elements = elements;
  }
  emit_enter(emit, work->layer, part, OP_ABSENT);
  all.rank = 2;
  all.row = each;
  const struct vector_op join = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = all};
  emit_loss(emit, emit_vector(emit, "anchors", &join, said, LEVELS), all.elements / each);
}

static bool check(const struct generation *generation, const struct retinanet *model, struct error *error) {
  if (model->depths.n == STAGES) return true;
  return generation_reject(generation, "depths", error, "has %zu values, allowed are four", model->depths.n);
}

static bool generate_retinanet(struct generation *generation, struct error *error) {
  struct retinanet *const model = ARENA_NEW(generation->arena, struct retinanet, 1);
  static const struct cnn styles = {.activation = CNN_RELU, .norm = CNN_NORM_BATCH};
  if (!generation_settings(generation, &retinanet_fields, model, NULL, 0, error) || !check(generation, model, error))
    return false;
  struct work work = {
      .build = {.model = &styles, .frozen_norms = true}, .model = model, .bottleneck = kind_of("bottleneck")};
  struct emitter *const emit = &work.build.emit;
  emitter_init(emit, generation);
  struct map x = {.channels = model->channels, .height = model->image, .width = model->image};
  const uint64_t pixels = emit_product(emit, emit_product(emit, emit->batch, model->image), model->image);
  x.tensor = emit_input(emit, "images", emit_product(emit, pixels, model->channels), model->image,
                        (uint8_t)emit->element_bytes);
  x.tensor.rank = 4;
  x = stem(&work, x);
  struct map read[READ] = {{{0}, 0, 0, 0}}, levels[LEVELS] = {{{0}, 0, 0, 0}};
  for (uint32_t s = 0; s < STAGES; s++) {
    x = stage(&work, s, x);
    if (s >= FIRST_READ) read[s - FIRST_READ] = x;
  }
  emit->frozen = false;
  pyramid(&work, read, levels);
  REQUIRE(work.build.problem == NULL); /* filters are padded by half of them, and groups divide what they make */
  head(&work, "class", levels, model->classes, 0);
  head(&work, "box", levels, BOX_NUMBERS, HEAD_CONVS + 1);
  emit_leave(emit);
  return emitter_finish(emit, generation, error);
}

const struct workload_generator retinanet_generator = {"retinanet", "Detectors of one stage (RetinaNet).", "image",
                                                       &retinanet_fields, generate_retinanet};
