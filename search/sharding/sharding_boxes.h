/* Which indices of a tensor does each board need, and which has it? Shared by the files that count re-sharded bytes. */
#ifndef SEARCH_SHARDING_SHARDING_BOXES_H
#define SEARCH_SHARDING_SHARDING_BOXES_H

#include "search/sharding/sharding_private.h"

/* Axes of an activation. */
enum sharding_axis { SHARDING_AXIS_B, SHARDING_AXIS_C, SHARDING_AXIS_H, SHARDING_AXIS_W, SHARDING_N_AXES };
struct sharding_area {
  uint64_t low[SHARDING_N_AXES], high[SHARDING_N_AXES];
};
static inline uint64_t sharding_overlap(uint64_t low, uint64_t high, uint64_t other_low, uint64_t other_high) {
  const uint64_t from = max_u64(low, other_low), to = min_u64(high, other_high);
  return to > from ? to - from : 0;
}
static inline uint64_t sharding_area_size(const struct sharding_area *area) {
  uint64_t n = 1;
  for (int a = 0; a < SHARDING_N_AXES; a++) n *= area->high[a] > area->low[a] ? area->high[a] - area->low[a] : 0;
  return n;
}

/* How a reader's tensor lies on its producer's. */
enum sharding_fold {
  SHARDING_SAME,  /* axis by axis, channels shifted by the edge's first channel */
  SHARDING_FLAT,  /* the reader's channels are the producer's channels, rows and columns in a row */
  SHARDING_HEADS, /* batch and channels together are the same row, cut elsewhere: heads */
  SHARDING_APART  /* sizes do not meet: nothing of it is there */
};
struct sharding_pairing {
  uint64_t from[SHARDING_N_AXES], to[SHARDING_N_AXES]; /* extents; `to` in the reader's own indices */
  uint64_t first_channel;
  enum sharding_fold fold;
  bool second;    /* operand of attention */
  bool transpose; /* of it: its Cout, not its Cin, lies along the producer's rows */
};
struct sharding_pairing sharding_pair(const struct sharding_problem *problem, uint32_t edge);

/* Of one tensor under one strategy: everything that all boards share, so that a board's box takes a few steps. */
struct sharding_cutter {
  uint32_t n_splits;
  struct sharding_split {
    uint32_t factor;
    int axis;                /* of the tensor; -1: the loop is none of it */
    bool ring;               /* counts for the board's place on the ring */
    uint64_t n, size;        /* extent of a slice, of the loop */
  } splits[SHARDING_N_DIMS]; /* the last loop, which is the fastest, first */
  int shared;                /* axis along which pieces go round; -1: none do */
  uint64_t piece;
  struct sharding_area whole; /* of axes that are not cut as they are needed; of others in the layer's loops */
  struct sharding_turn {
    bool cut, rows;                       /* boards differ; outputs' rows or columns become inputs' */
    uint64_t stride, pad, kernel, extent; /* of rows */
    uint64_t first, most;                 /* of channels: what an edge brings, in its producer's count */
  } turns[SHARDING_N_AXES];
};
struct sharding_cutter sharding_output_cutter(const struct sharding_problem *problem, uint32_t layer,
                                              const struct sharding_strategy *strategy);
/* Of the input that the edge brings, in the reader's indices (rows and columns of the producer, clipped to it). */
struct sharding_cutter sharding_need_cutter(const struct sharding_problem *problem, uint32_t edge,
                                            const struct sharding_pairing *pairing,
                                            const struct sharding_strategy *strategy);
/* Of an input that no layer makes: rows and columns clipped to the larger of n·stride and what all outputs read. */
struct sharding_cutter sharding_first_cutter(const struct sharding_problem *problem, uint32_t layer,
                                             const struct sharding_strategy *strategy);
/* Of the sums that boards hold in common, the piece along an axis that a reduce-scatter leaves each of r. */
struct sharding_cutter sharding_scatter_cutter(const struct sharding_problem *problem, uint32_t layer,
                                               const struct sharding_strategy *strategy, enum sharding_axis axis,
                                               uint32_t r);
/* A board's box. */
struct sharding_area sharding_cut(const struct sharding_cutter *cutter, uint32_t board);
/* Elements of `need` that are in `have`. */
uint64_t sharding_common(const struct sharding_pairing *pairing, const struct sharding_area *need,
                         const struct sharding_area *have);

#endif
