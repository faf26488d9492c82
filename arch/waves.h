/* How long do the multiprocessors of a GPU take for a matrix product that they cut into tiles? (waves.c) Private to
 * arch/ and its tests. */
#ifndef ARCH_WAVES_H
#define ARCH_WAVES_H

#include "arch/product.h"

/* Cycles of all waves on `n_cores` of the machine's tensor cores, at the modelled rate of these (settings->wave_cores
 * of them where all work); 0: no waves, or a product that is not run so. Never less than MACs over that rate. */
uint64_t waves_cycles(const struct machine *machine, const struct op *op, const struct product *product,
                      uint64_t n_cores);

#endif
