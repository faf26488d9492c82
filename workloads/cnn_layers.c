/* Which operators make a layer of a convolutional network?
 *
 * Source: workloads §2.2; padding and rounding as torchvision has them. Left out: dilation, which no shipped network
 * uses. */
#include "base/checked.h"
#include "workloads/cnn.h"
#include <stdio.h>

/* The name of a part of a layer, e.g. "expand" + ".norm". */
struct part_name {
  char text[EMIT_NAME_BYTES];
};

static struct part_name part(const char *name, const char *ending) {
  struct part_name joined;
  snprintf(joined.text, sizeof joined.text, "%s%s", name, ending);
  return joined;
}

static void complain(struct cnn_build *build, const char *problem) {
  if (build->problem == NULL) build->problem = problem;
}

static struct tensor shape(struct cnn_build *build, const struct map *map) {
  struct emitter *const emit = &build->emit;
  const uint64_t plane = emit_product(emit, map->height, map->width);
  const uint64_t image = emit_product(emit, map->channels, plane);
  return (struct tensor){.rank = 4,
                         .bytes = (uint8_t)emit->element_bytes,
                         .elements = emit_product(emit, emit->batch, image),
                         .row = map->width};
}

struct map cnn_activate(struct cnn_build *build, const char *name, struct map x, enum cnn_activation activation) {
  static const enum op_kind kinds[] = {[CNN_RELU] = OP_RELU,
                                       [CNN_RELU6] = OP_HARDTANH,
                                       [CNN_HARDSWISH] = OP_HARDSWISH,
                                       [CNN_HARDSIGMOID] = OP_HARDSIGMOID,
                                       [CNN_SIGMOID] = OP_SIGMOID,
                                       [CNN_SILU] = OP_SILU,
                                       [CNN_GELU] = OP_GELU};
  REQUIRE(activation != CNN_DEFAULT && activation <= CNN_GELU);
  if (activation != CNN_NONE) x.tensor = emit_map(&build->emit, kinds[activation], name, x.tensor);
  return x;
}

static struct map by_channel(struct cnn_build *build, const char *name, struct map x, enum op_kind kind,
                             uint64_t n_vectors) {
  const uint64_t n_parameters = emit_product(&build->emit, n_vectors, x.channels);
  struct vector_op op = {
      .kind = kind, .n_parameters = n_parameters, .n_weights = n_parameters, .group = OP_ABSENT, .out = x.tensor};
  op.out.row = x.channels;
  x.tensor = emit_vector(&build->emit, name, &op, &x.tensor, 1);
  return x;
}

static struct map frozen_norm(struct cnn_build *build, const char *name, struct map x) {
  struct emitter *const emit = &build->emit;
  const bool frozen = emit->frozen;
  emit->frozen = true;
  x = by_channel(build, part(name, ".scale").text, x, OP_SCALE, 1);
  x = by_channel(build, part(name, ".shift").text, x, OP_ADD, 1);
  emit->frozen = frozen;
  return x;
}

struct map cnn_batch_norm(struct cnn_build *build, const char *name, struct map x) {
  if (build->frozen_norms) return frozen_norm(build, name, x);
  x.tensor = emit_batch_norm(&build->emit, name, x.tensor, x.channels);
  return x;
}

struct map cnn_layer_norm(struct cnn_build *build, const char *name, struct map x) {
  return by_channel(build, name, x, OP_LAYER_NORM, 2);
}

struct map cnn_scale(struct cnn_build *build, const char *name, struct map x) {
  return by_channel(build, name, x, OP_MUL, 1);
}

struct cnn_conv cnn_square(uint64_t width, uint64_t filter, uint64_t stride, enum cnn_activation activation) {
  return (struct cnn_conv){.width = width,
                           .height_filter = filter,
                           .width_filter = filter,
                           .stride = stride,
                           .pad_height = filter / 2,
                           .pad_width = filter / 2,
                           .groups = 1,
                           .norm = true,
                           .activation = activation};
}

struct map cnn_conv(struct cnn_build *build, const char *name, struct map x, const struct cnn_conv *conv) {
  if (conv->width == 0 || conv->groups == 0) {
    complain(build, "a convolution has no output channels");
    return x;
  }
  if (x.channels % conv->groups != 0 || conv->width % conv->groups != 0) {
    complain(build, "groups do not divide the channels");
    return x;
  }
  struct op bounds = op_new(OP_CONV, build->emit.element_bytes);
  const uint64_t dim[OP_DIMS] = {[DIM_IMAGES] = build->emit.batch,
                                 [DIM_IN_CHANNELS] = x.channels,
                                 [DIM_IN_HEIGHT] = x.height,
                                 [DIM_IN_WIDTH] = x.width,
                                 [DIM_OUT_CHANNELS] = conv->width,
                                 [DIM_FILTER_HEIGHT] = conv->height_filter,
                                 [DIM_FILTER_WIDTH] = conv->width_filter,
                                 [DIM_STRIDE] = conv->stride,
                                 [DIM_PAD_HEIGHT] = conv->pad_height,
                                 [DIM_PAD_WIDTH] = conv->pad_width,
                                 [DIM_GROUPS] = conv->groups,
                                 [DIM_DILATION] = 1};
  for (size_t i = 0; i < OP_DIMS; i++) bounds.dim[i] = dim[i];
  struct map out = {
      .channels = conv->width, .height = op_conv_out_height(&bounds), .width = op_conv_out_width(&bounds)};
  if (out.height == 0 || out.width == 0) {
    complain(build, "the kernel does not fit the padded image");
    return x;
  }
  out.tensor = emit_conv(&build->emit, name, x.tensor, dim, conv->bias);
  if (conv->norm) out = cnn_batch_norm(build, part(name, ".norm").text, out);
  return cnn_activate(build, part(name, ".activation").text, out, conv->activation);
}

struct map cnn_concat(struct cnn_build *build, const char *name, const struct map *maps, size_t n) {
  enum { MOST = 64 };
  struct map out = maps[0];
  struct tensor operands[MOST];
  if (n > MOST) {
    complain(build, "takes at most 64 inputs");
    return out;
  }
  out.channels = 0;
  for (size_t i = 0; i < n; i++) {
    if (maps[i].height != out.height || maps[i].width != out.width) complain(build, "inputs differ in height or width");
    operands[i] = maps[i].tensor;
    out.channels = sat_add(out.channels, maps[i].channels);
  }
  const struct vector_op concat = {.kind = OP_CONCAT, .group = OP_ABSENT, .out = shape(build, &out)};
  out.tensor = emit_vector(&build->emit, name, &concat, operands, n);
  return out;
}

struct map cnn_add(struct cnn_build *build, const char *name, struct map x, struct map y) {
  if (x.channels != y.channels || x.height != y.height || x.width != y.width) complain(build, "inputs differ in shape");
  x.tensor = emit_join(&build->emit, OP_ADD, name, x.tensor, y.tensor);
  return x;
}

struct map cnn_linear(struct cnn_build *build, const char *name, struct map x, uint64_t width, bool bias) {
  struct emitter *const emit = &build->emit;
  const struct gemm gemm = {.reps = 1,
                            .m = emit->batch,
                            .n = width,
                            .k = emit_product(emit, emit_product(emit, x.height, x.width), x.channels),
                            .n_bias = bias ? width : 0,
                            .group = OP_ABSENT,
                            .rank = 2};
  return (struct map){.tensor = emit_gemm(emit, name, x.tensor, &gemm), .channels = width, .height = 1, .width = 1};
}

/* ⌊or⌈(size + 2·pad − filter)/stride⌉⌋ + 1; a window that would begin behind the image is left out. */
static uint64_t positions(uint64_t size, uint64_t pad, uint64_t filter, uint64_t stride, bool ceil) {
  const uint64_t padded = size + 2 * pad;
  if (padded < filter) return 0;
  uint64_t n = (ceil ? ceil_div(padded - filter, stride) : (padded - filter) / stride) + 1;
  if (ceil && (n - 1) * stride >= size + pad) n--;
  return n;
}

struct map cnn_pool(struct cnn_build *build, enum op_kind kind, struct map x, const struct cnn_conv *window,
                    bool ceil) {
  struct map out = x;
  out.height = positions(x.height, window->pad_height, window->height_filter, window->stride, ceil);
  out.width = positions(x.width, window->pad_width, window->width_filter, window->stride, ceil);
  if (out.height == 0 || out.width == 0) {
    complain(build, "the kernel does not fit the padded image");
    return x;
  }
  struct map inside = out; /* as the public costs count: no padding, ⌈(size − filter + 1)/stride⌉ */
  inside.height = positions(x.height, 0, window->height_filter, window->stride, false);
  inside.width = positions(x.width, 0, window->width_filter, window->stride, false);
  const struct vector_op pool = {.kind = kind,
                                 .n_inside = shape(build, &inside).elements,
                                 .window = emit_product(&build->emit, window->height_filter, window->width_filter),
                                 .group = OP_ABSENT,
                                 .out = shape(build, &out)};
  out.tensor = emit_vector(&build->emit, "pool", &pool, &x.tensor, 1);
  return out;
}

struct map cnn_global_pool(struct cnn_build *build, const char *name, struct map x) {
  struct map out = {.channels = x.channels, .height = 1, .width = 1};
  const struct vector_op pool = {.kind = OP_AVERAGE_POOL,
                                 .window = emit_product(&build->emit, x.height, x.width),
                                 .group = OP_ABSENT,
                                 .out = shape(build, &out)};
  out.tensor = emit_vector(&build->emit, name, &pool, &x.tensor, 1);
  return out;
}

struct map cnn_squeeze(struct cnn_build *build, struct map x, const struct cnn_block *block) {
  struct cnn_conv conv = cnn_square(block->squeeze, 1, 1, (enum cnn_activation)block->squeeze_activation);
  conv.norm = false;
  conv.bias = true;
  struct map gate = cnn_global_pool(build, "squeeze.mean", x);
  gate = cnn_conv(build, "squeeze.reduce", gate, &conv);
  conv.width = x.channels;
  conv.activation = (enum cnn_activation)block->gate;
  gate = cnn_conv(build, "squeeze.expand", gate, &conv);
  x.tensor = emit_join(&build->emit, OP_MUL, "squeeze.scale", x.tensor, gate.tensor);
  return x;
}
