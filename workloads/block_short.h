/* The same model with fewer of its equal places. Used by block.c alone. */
#ifndef WORKLOADS_BLOCK_SHORT_H
#define WORKLOADS_BLOCK_SHORT_H

#include "workloads/block_cut.h"

struct block_short {
  struct op_graph graph;
  struct block_cut cut;     /* of it */
  const uint32_t *place_of; /* [n_places of the long model] the place of `cut` that stands for each */
};
/* `forward` and `cut` themselves where nothing can be left out. Everything lives in `arena`. */
bool block_shorten(const struct op_graph *forward, const struct block_cut *cut, struct arena *arena,
                   struct arena *scratch, struct block_short *out, struct error *error);

#endif
