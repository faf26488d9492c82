/* How few bytes cross into a memory of a given size while a matrix product is computed? (cost-model §2, "Traffic at a
 * level", "Search")
 *
 * C[M,N] = A[M,K]·B[K,N] in tiles and one of three innermost loops. Tiles nest: a dimension is cut into groups for the
 * outer memory, and each of these into parts for the inner one, always as equal as whole units allow. A unit is what
 * the array folds at a time, so that no fold is cut in two and tiles cost the array nothing. The cuts to choose from
 * are fixed lists that depend on the product and the array alone, never on the memory, and the least over *all* their
 * triples that fit is found, so a larger memory never needs more bytes. Private to arch/ and its tests. */
#ifndef ARCH_TILING_H
#define ARCH_TILING_H

#include "arch/cost.h"
#include "arch/window.h"

/* Pixels of the outputs of a convolution: images × rows × columns, along which A is seen through windows. */
struct tile_pixels {
  uint64_t images;
  struct window rows, cols;
};

/* One dimension of a product. `share` is the largest share of a core where cores share it out, else the whole. */
struct tile_dim {
  bool is_pixels;
  uint64_t cores;                 /* that work on different shares of it at the same time */
  uint64_t least;                 /* a tile has at least so many elements (units of pixels), or the whole share */
  uint64_t length, share;         /* plain: steps, of which one is `scale` elements of the dimension */
  uint64_t scale, unit;           /* plain: steps that the array folds together */
  struct tile_pixels whole, part; /* pixels: `part` is the share */
  uint64_t unit_rows, unit_cols;  /* pixels that belong together */
  uint64_t multiple;              /* a tile has a multiple of so many units of pixels, or the whole share; 1: any */
};

struct tile_problem {
  struct tile_dim m, n, k;
  bool pixels_on_k;
  uint64_t element_bytes, accumulator_bytes, buffering;
  uint64_t rounds; /* independent products, as many as `abreast` at a time on each of `rep_cores` cores */
  uint64_t abreast, rep_cores;
  struct tilings *known; /* of before; NULL: none */
};

/* Traffic of one product at one level. */
struct tiling {
  uint64_t bytes;            /* UINT64_MAX: nothing fits */
  uint64_t a_bytes, b_bytes; /* of them; the rest is C */
  struct tile_loops loops;
};

/* A table of so many tilings (a power of two), and of lists of cuts, for machines that price with it. Designs whose
 * arrays and memories look alike to an operator share its tilings, whatever else they differ in. */
struct tilings *tilings_new(struct arena *arena, size_t n_entries);

/* From the memory above into `capacity_bytes` that all cores share: the whole product. `whole_k`: K is not cut, so that
 * no partial sum leaves the tiles. */
void tiling_outer(const struct tile_problem *problem, uint64_t capacity_bytes, bool whole_k, struct tiling *tiling);
/* From tiles that `outer` has cut into `capacity_bytes` of one core: its largest share. */
void tiling_inner(const struct tile_problem *problem, const struct tile_loops *outer, uint64_t capacity_bytes,
                  struct tiling *tiling);

/* Trips of the loops over M, N and K, all groups together, down to the parts of `inner` (NULL: groups of `outer`). */
void tiling_trips(const struct tile_problem *problem, const struct tile_loops *outer, const struct tile_loops *inner,
                  uint64_t trips[3]);
/* Elements of the largest tile along M, N and K, of one core. */
void tiling_sizes(const struct tile_problem *problem, const struct tile_loops *outer, const struct tile_loops *inner,
                  uint64_t size[3]);

#endif
