/* What do the loops of a mapping do, step by step? Private to nest_check.c. */
#ifndef ARCH_NEST_WALK_H
#define ARCH_NEST_WALK_H

#include "arch/cost.h"
#include "base/error.h"

/* The loops' axes. Depth: channels of one group, or K of a plain product. */
enum { IMAGES, ROWS, COLS, DEPTH, WIDTH, NEST_AXES };

/* One axis as one core sees it, in steps of which `unit` stay together. */
struct nest_axis {
  uint64_t whole, cores;  /* of the product; shares of it */
  uint64_t start, length; /* of this core's share */
  uint64_t unit, groups, parts;
};

/* Along one axis of an image. `fractional`: the gradient of a window, where inputs and outputs change places. */
struct sight {
  uint64_t out, in, filter, stride, dilation, pad;
  bool fractional;
};

struct nest_range {
  uint64_t first, end;
};
struct nest_box {
  struct nest_range at[NEST_AXES];
};

/* Bytes by operand; C as partial sums, out and back, and finished. */
struct moved {
  uint64_t a, b, partial, finished;
};

/* One tile of A, B and C at a time; `places`, of how many copies there must be room for. */
struct nest_memory {
  struct nest_box box;
  bool filled;
  struct moved moved;
  uint64_t a_places, b_places, c_places;
  uint64_t peak_bytes, tiles, slides;
};

/* One product of an op, on one core of the mapping's grid at a time. */
struct nest {
  const struct machine *machine;
  const struct mapping *mapping;
  struct nest_axis axis[NEST_AXES];
  struct sight rows, cols;
  uint64_t reps, taps, stride, element_bytes, sum_bytes;
  bool is_conv, pixels_on_k, decomposed;
  uint64_t array_rows, array_cols, patch; /* the array as it lies; pixels of a patch */
  uint8_t *ticks;                         /* multiply-accumulates done, [pixel][channel and tap][width] */
  uint32_t *done;                         /* of this core, [M][width] */
  struct nest_memory glb, l2;
  struct moved words; /* between L2 and array */
  uint64_t folds, streams, padded_streams, last_stream;
};

/* Reads op and mapping as loops. False, with a message, if they are none that can be walked: no matrix product, too
 * large, shares of cores that differ. Tables come from `scratch`. */
bool nest_read(const struct machine *machine, const struct op *op, const struct mapping *mapping, struct nest *nest,
               struct arena *scratch, struct error *error);
/* Runs them for the core at `core` of the grid. */
void nest_run(struct nest *nest, const struct core_grid *core);

/* Rows of the array that one channel takes. The parts of a strided gradient differ in taps: edges of channels suit all
 * of them. */
uint64_t nest_channel_rows(const struct nest *nest);
/* Of the product, or of a core's share. */
uint64_t nest_m(const struct nest *nest, bool share);
uint64_t nest_k(const struct nest *nest, bool share);
uint64_t nest_ticks(const struct nest *nest);
/* Elements of A that all windows see together. */
uint64_t nest_a_elements(const struct nest *nest);

#endif
