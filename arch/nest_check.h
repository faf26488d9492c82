/* Does a mapping move what its cost says? The independent judge: shares no code with what makes costs. */
#ifndef ARCH_NEST_CHECK_H
#define ARCH_NEST_CHECK_H

#include "arch/cost.h"
#include "base/error.h"

/* What running the loops of a mapping counts; the first four as in struct op_cost. */
struct nest_count {
  uint64_t hbm_bytes, glb_bytes, array_bytes, cycles;
  uint64_t glb_tiles, l2_tiles, folds; /* of one product on one core: tiles come by; folds of the array */
  uint64_t glb_slides, l2_slides;      /* times that a window kept what it still saw */
};

/* Multiply-accumulates of one product that are walked at most. */
enum { NEST_MACS = 1 << 22 };

/* Runs the loops that a matrix product on tensor cores was mapped to (`cost`: by provider `physical`, on a `machine`
 * that has the rates that the op had) and adds a message for each law that they break: every multiply-accumulate
 * exactly once, every tile fits its memory, bytes of each level and cycles as the cost says. Returns false if there is
 * any, or if the loops cannot be walked: more than NEST_MACS, shares of cores that differ. */
bool nest_check(const struct machine *machine, const struct op *op, const struct op_cost *cost, struct arena *scratch,
                struct nest_count *count, struct error *error);

#endif
