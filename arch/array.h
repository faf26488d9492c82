/* How does a matrix product lie on a systolic array, and how long does the array take? (cost-model §2, "Array time")
 *
 * Closed forms over folds; memories never stall them. Private to arch/ and its tests. */
#ifndef ARCH_ARRAY_H
#define ARCH_ARRAY_H

#include "arch/product.h"
#include "base/checked.h"

/* One way to put a product on an array: what is stationary, which way the array lies, and what stands side by side. */
struct array_plan {
  uint8_t dataflow;
  bool transposed;
  uint64_t rows, cols;             /* of the array, as it lies */
  uint64_t patch_rows, patch_cols; /* output pixels side by side on the columns */
  uint64_t abreast;                /* groups on the diagonal */
};

struct array_time {
  struct array_plan plan;
  uint64_t cycles;
};

enum { ARRAY_PLANS = 6 }; /* at most: three dataflows, two orientations */

/* The fastest plan of each enabled dataflow and orientation, fastest first; ties: WS, OS, IS, upright before turned,
 * small patches first. Returns how many. Whether a plan exists depends on `whole` alone, so that shares of it have the
 * same choice. */
unsigned array_plans(const struct machine *machine, const struct product *whole, const struct product *share,
                     uint64_t overlap, struct array_time plans[ARRAY_PLANS]);

/* The tiles that keep the plan's folds whole, of `share` and of the `whole` that `grid` shares out. */
void array_tiles(const struct machine *machine, const struct array_plan *plan, const struct product *whole,
                 const struct product *share, const struct core_grid *grid, struct tile_problem *tiles);

/* Bytes between one core's L2 and its array for a whole share, cut into trips[3] tiles along M, N and K: operands once
 * a fold or a stream, partial sums out and back. */
struct operand_bytes {
  uint64_t a, b, c;
};
static inline uint64_t operand_bytes_total(const struct operand_bytes *bytes) {
  return sat_add(sat_add(bytes->a, bytes->b), bytes->c);
}
void array_bytes(const struct machine *machine, const struct array_plan *plan, const struct product *share,
                 const uint64_t trips[3], struct operand_bytes *bytes);

/* Setting `ideal` counts as the published mappers do: one copy of a tile, partial sums as wide as elements. */
uint64_t array_accumulator_bytes(const struct machine *machine, const struct product *product);

#endif
