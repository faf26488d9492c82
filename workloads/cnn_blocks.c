/* Which layers make a block of a convolutional network?
 *
 * One function a kind of block; a new kind is a function and a row of cnn_block_kinds. Source: workloads §2.2 (ResNet,
 * ResNeXt, VGG, MobileNetV3, Inception) and, for the others, torchvision 0.14.1. Left out: stochastic depth. */
#include "workloads/cnn.h"

/* What the block says, else what the model says. */
static enum cnn_activation activation_of(const struct cnn_build *build, const struct cnn_block *block) {
  return (enum cnn_activation)(block->activation == CNN_DEFAULT ? build->model->activation : block->activation);
}

static uint64_t element(const struct uint_list *list, size_t i) { return list->values[i < list->n ? i : list->n - 1]; }

/* Kernel, padding and stride of a block. */
static struct cnn_conv window(const struct cnn_block *block) {
  const uint64_t height = element(&block->kernel, 0), width = element(&block->kernel, 1);
  const bool half = block->pad.n == 0;
  return (struct cnn_conv){.width = block->width,
                           .height_filter = height,
                           .width_filter = width,
                           .stride = block->stride,
                           .pad_height = half ? height / 2 : element(&block->pad, 0),
                           .pad_width = half ? width / 2 : element(&block->pad, 1),
                           .groups = block->groups};
}

static struct map conv_block(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  struct cnn_conv conv = window(block);
  const uint64_t norm = block->norm == CNN_NORM_DEFAULT ? build->model->norm : block->norm;
  conv.norm = norm == CNN_NORM_BATCH;
  conv.bias = block->bias == CNN_BIAS_DEFAULT ? !conv.norm : block->bias == CNN_BIAS_YES;
  conv.activation = activation_of(build, block);
  return cnn_conv(build, "conv", *x, &conv);
}

static struct map max_pool(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const struct cnn_conv pool = window(block);
  return cnn_pool(build, OP_MAX_POOL, *x, &pool, block->ceil);
}

static struct map average_pool(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const struct cnn_conv pool = window(block);
  return cnn_pool(build, OP_AVERAGE_POOL, *x, &pool, block->ceil);
}

static struct map global_pool(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  (void)block;
  return cnn_global_pool(build, "pool", *x);
}

/* The other way around a residual block: nothing, or a convolution where the shape changes. */
static struct map shortcut(struct cnn_build *build, struct map x, uint64_t width, uint64_t stride) {
  const struct cnn_conv conv = cnn_square(width, 1, stride, CNN_NONE);
  return stride == 1 && x.channels == width ? x : cnn_conv(build, "shortcut", x, &conv);
}

static struct map basic(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const enum cnn_activation activation = activation_of(build, block);
  const struct cnn_conv first = cnn_square(block->width, 3, block->stride, activation);
  const struct cnn_conv second = cnn_square(block->width, 3, 1, CNN_NONE);
  struct map y = cnn_conv(build, "conv1", *x, &first);
  y = cnn_conv(build, "conv2", y, &second);
  y = cnn_add(build, "residual", y, shortcut(build, *x, block->width, block->stride));
  return cnn_activate(build, "activation", y, activation);
}

/* Narrow to `inner` channels (in groups), widen to `width`; the stride is on the 3×3. */
static struct map bottleneck(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const enum cnn_activation activation = activation_of(build, block);
  const uint64_t inner = block->inner > 0 ? block->inner : block->width / 4;
  const struct cnn_conv reduce = cnn_square(inner, 1, 1, activation);
  struct cnn_conv middle = cnn_square(inner, 3, block->stride, activation);
  const struct cnn_conv expand = cnn_square(block->width, 1, 1, CNN_NONE);
  middle.groups = block->groups;
  struct map y = cnn_conv(build, "reduce", *x, &reduce);
  y = cnn_conv(build, "middle", y, &middle);
  y = cnn_conv(build, "expand", y, &expand);
  y = cnn_add(build, "residual", y, shortcut(build, *x, block->width, block->stride));
  return cnn_activate(build, "activation", y, activation);
}

/* Widen to `expand` channels, filter each alone, squeeze and excite, narrow to `width`. */
static struct map inverted(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const enum cnn_activation activation = activation_of(build, block);
  const uint64_t inner = block->expand > 0 ? block->expand : x->channels;
  const struct cnn_conv expand = cnn_square(inner, 1, 1, activation);
  struct cnn_conv depthwise = window(block);
  const struct cnn_conv project = cnn_square(block->width, 1, 1, CNN_NONE);
  depthwise.width = depthwise.groups = inner;
  depthwise.norm = true;
  depthwise.activation = activation;
  struct map y = inner == x->channels ? *x : cnn_conv(build, "expand", *x, &expand);
  y = cnn_conv(build, "depthwise", y, &depthwise);
  if (block->squeeze > 0) y = cnn_squeeze(build, y, block);
  y = cnn_conv(build, "project", y, &project);
  const bool residual = block->stride == 1 && x->channels == block->width;
  return residual ? cnn_add(build, "residual", y, *x) : y;
}

/* The same with one full convolution in place of the depthwise one and what widens before it (EfficientNetV2). */
static struct map fused(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const uint64_t inner = block->expand > 0 ? block->expand : x->channels;
  const bool narrows = inner != x->channels;
  struct cnn_conv filter = window(block);
  const struct cnn_conv project = cnn_square(block->width, 1, 1, CNN_NONE);
  filter.width = narrows ? inner : block->width;
  filter.norm = true;
  filter.activation = activation_of(build, block);
  struct map y = cnn_conv(build, "filter", *x, &filter);
  if (narrows) y = cnn_conv(build, "project", y, &project);
  const bool residual = block->stride == 1 && x->channels == block->width;
  return residual ? cnn_add(build, "residual", y, *x) : y;
}

/* Filter each channel alone, norm each pixel, widen to `expand` (four times as many) and narrow, scale (ConvNeXt, Liu
 * et al., arXiv 2201.03545, as torchvision has it). */
static struct map convnext(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  struct cnn_conv depthwise = window(block);
  struct cnn_conv widen =
      cnn_square(block->expand > 0 ? block->expand : 4 * x->channels, 1, 1, activation_of(build, block));
  struct cnn_conv narrow = cnn_square(x->channels, 1, 1, CNN_NONE);
  depthwise.width = depthwise.groups = x->channels;
  depthwise.activation = CNN_NONE;
  widen.norm = narrow.norm = false;
  depthwise.bias = widen.bias = narrow.bias = true;
  struct map y = cnn_conv(build, "depthwise", *x, &depthwise);
  y = cnn_layer_norm(build, "norm", y);
  y = cnn_conv(build, "widen", y, &widen);
  y = cnn_conv(build, "narrow", y, &narrow);
  return cnn_add(build, "residual", *x, cnn_scale(build, "scale", y));
}

static struct map layer_norm(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  (void)block;
  return cnn_layer_norm(build, "norm", *x);
}

/* Norms before convolutions; `width` new channels beside the old. */
static struct map dense(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const enum cnn_activation activation = activation_of(build, block);
  struct cnn_conv reduce = cnn_square(block->inner > 0 ? block->inner : 4 * block->width, 1, 1, activation);
  struct cnn_conv grow = cnn_square(block->width, 3, 1, CNN_NONE);
  grow.norm = false;
  struct map y = cnn_batch_norm(build, "norm", *x);
  y = cnn_activate(build, "activation", y, activation);
  y = cnn_conv(build, "reduce", y, &reduce);
  y = cnn_conv(build, "grow", y, &grow);
  return cnn_concat(build, "concat", (struct map[2]){*x, y}, 2);
}

/* The filtered way of a shuffle unit. */
static struct map shuffle_branch(struct cnn_build *build, struct map x, const struct cnn_conv *point,
                                 const struct cnn_conv *depthwise) {
  x = cnn_conv(build, "reduce", x, point);
  x = cnn_conv(build, "depthwise", x, depthwise);
  return cnn_conv(build, "expand", x, point);
}

/* ShuffleNet v2: half of the channels pass by, or, where the image shrinks, both halves are made of all channels. The
 * shuffle itself is part of the concatenation's write. */
static struct map shuffle(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const enum cnn_activation activation = activation_of(build, block);
  const struct cnn_conv point = cnn_square(block->width / 2, 1, 1, activation);
  struct cnn_conv depthwise = cnn_square(block->width / 2, 3, block->stride, CNN_NONE);
  depthwise.groups = block->width / 2;
  struct map pass = *x;
  if (block->stride == 1) {
    if (x->channels % 2 != 0 && build->problem == NULL) build->problem = "an odd number of channels has no halves";
    pass.channels /= 2;
    pass.tensor.elements /= 2;
    const struct map half = pass;
    pass.tensor = emit_view(&build->emit, "pass", pass.tensor, &x->tensor, 1);
    struct map work = half;
    work.tensor = emit_view(&build->emit, "work", half.tensor, &x->tensor, 1);
    work = shuffle_branch(build, work, &point, &depthwise);
    return cnn_concat(build, "concat", (struct map[2]){pass, work}, 2);
  }
  struct cnn_conv shrink = depthwise;
  shrink.width = shrink.groups = x->channels;
  pass = cnn_conv(build, "pass.depthwise", *x, &shrink);
  pass = cnn_conv(build, "pass.expand", pass, &point);
  const struct map work = shuffle_branch(build, *x, &point, &depthwise);
  return cnn_concat(build, "concat", (struct map[2]){pass, work}, 2);
}

static struct map linear(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const struct map y = cnn_linear(build, "linear", *x, block->width, block->bias != CNN_BIAS_NO);
  if (block->activation == CNN_DEFAULT) return y;
  return cnn_activate(build, "activation", y, (enum cnn_activation)block->activation);
}

static struct map dropout(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  (void)block;
  struct map y = *x;
  y.tensor = emit_map(&build->emit, OP_DROPOUT, "dropout", y.tensor);
  return y;
}

static struct map norm(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)n;
  const struct map y = cnn_batch_norm(build, "norm", *x);
  return cnn_activate(build, "activation", y, activation_of(build, block));
}

static struct map add(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  struct map y = x[0];
  for (size_t i = 1; i < n; i++) y = cnn_add(build, "add", y, x[i]);
  if (block->activation == CNN_DEFAULT) return y;
  return cnn_activate(build, "activation", y, (enum cnn_activation)block->activation);
}

static struct map concat(struct cnn_build *build, const struct cnn_block *block, const struct map *x, size_t n) {
  (void)block;
  return cnn_concat(build, "concat", x, n);
}

#define KINDS(KIND)                                                                                                    \
  KIND("conv", "width kernel stride pad groups activation norm bias", false, conv_block)                               \
  KIND("max_pool", "kernel stride pad ceil", false, max_pool)                                                          \
  KIND("average_pool", "kernel stride pad ceil", false, average_pool)                                                  \
  KIND("global_pool", "", false, global_pool)                                                                          \
  KIND("basic", "width stride activation", false, basic)                                                               \
  KIND("bottleneck", "width stride groups inner activation", false, bottleneck)                                        \
  KIND("inverted", "width kernel stride pad expand squeeze activation squeeze_activation gate", false, inverted)       \
  KIND("fused", "width kernel stride pad expand activation", false, fused)                                             \
  KIND("convnext", "kernel expand activation", false, convnext)                                                        \
  KIND("layer_norm", "", false, layer_norm)                                                                            \
  KIND("dense", "width inner activation", false, dense)                                                                \
  KIND("shuffle", "width stride activation", false, shuffle)                                                           \
  KIND("linear", "width activation bias", false, linear)                                                               \
  KIND("dropout", "", false, dropout)                                                                                  \
  KIND("norm", "activation", false, norm)                                                                              \
  KIND("add", "activation", true, add)                                                                                 \
  KIND("concat", "", true, concat)
#define RECORD(name, keys, many, build) {name, keys, many, build},
#define NAME(name, keys, many, build) name,
const struct cnn_block_kind cnn_block_kinds[] = {KINDS(RECORD)};
const char *const cnn_block_names[] = {KINDS(NAME) NULL};
