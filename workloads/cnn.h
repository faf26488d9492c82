/* What does a convolutional network's model file say, and what are its parts?
 *
 * A model is a list of blocks (workloads §2.2). cnn.c reads the list and joins blocks; cnn_blocks.c turns each kind of
 * block into layers; cnn_layers.c turns layers into ops. */
#ifndef WORKLOADS_CNN_H
#define WORKLOADS_CNN_H

#include "workloads/emit.h"

enum cnn_norm { CNN_NORM_DEFAULT, CNN_NORM_BATCH, CNN_NORM_NONE };
enum cnn_bias { CNN_BIAS_DEFAULT, CNN_BIAS_YES, CNN_BIAS_NO };
enum cnn_activation {
  CNN_DEFAULT,
  CNN_NONE,
  CNN_RELU,
  CNN_RELU6,
  CNN_HARDSWISH,
  CNN_HARDSIGMOID,
  CNN_SIGMOID,
  CNN_SILU,
  CNN_GELU
};

struct cnn {
  const char *kind;
  uint64_t image, channels, classes;
  uint64_t activation, norm; /* of blocks that do not say */
};

/* One group of the list `blocks`. */
struct cnn_block {
  uint64_t type; /* index into cnn_block_kinds */
  const char *name;
  struct text_list from;
  struct uint_list kernel, pad; /* one value, or height and width; pad empty: half the kernel */
  uint64_t repeat, width, stride, groups, inner, expand, squeeze, activation, squeeze_activation, gate, norm, bias;
  bool ceil;
};

/* Images between blocks. */
struct map {
  struct tensor tensor;
  uint64_t channels, height, width;
};

struct cnn_build {
  struct emitter emit;
  const struct cnn *model;
  bool frozen_norms;   /* a scale and a shift a channel that do not learn, no statistics */
  const char *problem; /* the first thing that does not fit in the block at work, or NULL */
};

/* Inputs (one but for "add" and "concat") to output. */
struct cnn_block_kind {
  const char *name, *keys; /* those it reads besides type, name, from and repeat */
  bool many;               /* takes several inputs */
  struct map (*build)(struct cnn_build *build, const struct cnn_block *block, const struct map *inputs, size_t n);
};
extern const struct cnn_block_kind cnn_block_kinds[];
extern const char *const cnn_block_names[]; /* NULL-terminated */

/* A convolution with what follows it. */
struct cnn_conv {
  uint64_t width, height_filter, width_filter, stride, pad_height, pad_width, groups;
  bool norm, bias;
  enum cnn_activation activation; /* not CNN_DEFAULT */
};
struct map cnn_conv(struct cnn_build *build, const char *name, struct map x, const struct cnn_conv *conv);
/* A square filter padded by half of it, batch norm, no bias. */
struct cnn_conv cnn_square(uint64_t width, uint64_t filter, uint64_t stride, enum cnn_activation activation);
struct map cnn_activate(struct cnn_build *build, const char *name, struct map x, enum cnn_activation activation);
struct map cnn_batch_norm(struct cnn_build *build, const char *name, struct map x);
/* A norm of each pixel's channels. */
struct map cnn_layer_norm(struct cnn_build *build, const char *name, struct map x);
/* A learned factor a channel. */
struct map cnn_scale(struct cnn_build *build, const char *name, struct map x);
struct map cnn_concat(struct cnn_build *build, const char *name, const struct map *maps, size_t n);
/* x + y; a problem if their shapes differ. */
struct map cnn_add(struct cnn_build *build, const char *name, struct map x, struct map y);
struct map cnn_linear(struct cnn_build *build, const char *name, struct map x, uint64_t width, bool bias);
struct map cnn_pool(struct cnn_build *build, enum op_kind kind, struct map x, const struct cnn_conv *window, bool ceil);
struct map cnn_global_pool(struct cnn_build *build, const char *name, struct map x);
/* Squeeze and excitation: each channel scaled by a gate that a small network computes from channel means. */
struct map cnn_squeeze(struct cnn_build *build, struct map x, const struct cnn_block *block);

#endif
