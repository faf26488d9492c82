/* Into which tiles may a dimension of a product be cut? Private to tiling.c. */
#ifndef ARCH_CUTS_H
#define ARCH_CUTS_H

#include "arch/tiling.h"

/* One way to cut a dimension. What A occupies is the product of its `a_tile` over M and K; all of A, fetched once with
 * the halos of these tiles (or without, where windows slide), the product of `a_pass` (`a_slide`). */
struct cut {
  uint64_t size, trips, total; /* elements of the largest tile; trips in a group, in all groups */
  uint64_t a_tile, a_pass, a_slide;
  uint32_t parts, images, rows, cols;
};

/* Extents multiply to less than 2⁵⁹ (see in_range of physical_tensor.c): three lists of 16, and 11.5 an octave. */
enum { CUTS_MAX = 768 };

/* Largest tiles first: sizes and a_tile fall, trips, a_pass and a_slide never fall along the list. */
struct cuts {
  uint32_t n;
  struct cut cut[CUTS_MAX];
};

/* The cuts of a dimension that keep the array's folds whole and its loads hidden. `loops`: what the outer memory has
 * cut, into `groups` along this dimension; NULL: the cuts are for the outer memory. `first_only`: no cut at all. */
void cuts_list(const struct tile_dim *dim, const struct tile_loops *loops, uint64_t groups, bool first_only,
               struct cuts *cuts);

/* Whole lists of before, at most `n_lists` (a power of two): products of one extent on arrays of one shape share them,
 * so that an exploration asks for some thousand different ones hundreds of times each. In the arena. */
struct cuts_known;
struct cuts_known *cuts_known_new(struct arena *arena, size_t n_lists);
/* As cuts_list without `first_only`; `known` NULL: made anew. */
void cuts_list_known(struct cuts_known *known, const struct tile_dim *dim, const struct tile_loops *loops,
                     uint64_t groups, struct cuts *cuts);

/* Units of the largest group, and of its largest part. */
uint64_t cuts_largest_part(const struct partition *partition);

#endif
