/* Which row of a public table of jobs is an operator of ours? (tenancy §5)
 *
 * Products and convolutions alone have one. The rows know neither stride nor padding nor groups: inputs are as large as
 * the real ones (at least as the filter), and a filter sees the channels of its own group, so that a strided layer
 * counts stride² times its work, as in the public tables. Passes of training are rows of the same kinds (ours): the
 * gradient of inputs is the convolution of padded gradients with turned filters, that of weights one product over all
 * pixels; a batch of products is one product of all their rows. Left out: work of vector cores, fused attention. */
#ifndef ARCH_MAESTRO_ROWS_H
#define ARCH_MAESTRO_ROWS_H

#include "arch/maestro_forms.h"
#include "workloads/op.h"

struct maestro_row {
  enum maestro_layer_type type;
  uint64_t dims[MAESTRO_DIMS];
  uint64_t images;
};
/* False if there is none, or a bound does not fit. */
bool maestro_row_of(const struct op *op, struct maestro_row *row, struct maestro_layer *layer);

#endif
