/* Which matrix products is a tensor op made of? (cost-model §2, first table) Private to arch/ and its tests. */
#ifndef ARCH_PRODUCT_H
#define ARCH_PRODUCT_H

#include "arch/cost.h"
#include "arch/tiling.h"

/* `times` products of m × n × k, with the n of the whole. */
struct product_part {
  uint64_t times, m, k;
};

/* reps × C[m,n] = A[m,k]·B[k,n], where A of a convolution is seen through a window. A strided backward-data
 * convolution falls into up to four kinds of dense parts. */
struct product {
  uint64_t reps, m, n, k, element_bytes;
  uint32_t n_parts;
  bool is_conv, pixels_on_k; /* weight gradient: the window slides along K */
  bool decomposed;           /* a strided gradient in parts, be it one kind of them */
  struct product_part part[4];
  uint64_t depth, taps;                            /* of a convolution; depth: channels of one group */
  uint64_t in_rows, in_cols, step_rows, step_cols; /* its input, and outputs that belong together: see decompose */
  struct tile_pixels pixels;
};

/* False if there is nothing to compute. */
bool product_init(const struct op *op, uint64_t deconv, struct product *product);
/* All multiply-accumulates of the parts; UINT64_MAX if that does not fit. */
uint64_t product_macs(const struct product *product);
/* A, B and C once, in bytes: what the windows touch; saturating. */
uint64_t product_bytes(const struct product *product);
/* The largest share of one core of a grid. */
void product_share(const struct product *whole, const struct core_grid *grid, struct product *share);
/* The same when `n_cores` share out 'm', 'n', 'k' or 'b' (reps) alone. */
void product_split(const struct product *whole, char split, uint64_t n_cores, struct product *share);

/* Bytes of an op: compulsory, and those beside A, B, C that followers and biases bring. */
struct product_traffic {
  uint64_t compulsory_bytes, extra_bytes;
};
void product_traffic(const struct op *op, const struct product *product, struct product_traffic *traffic);

#endif
