/* Where may a model be cut into pieces that stand in a row? Used by block.c alone. */
#ifndef WORKLOADS_BLOCK_CUT_H
#define WORKLOADS_BLOCK_CUT_H

#include "workloads/op_graph.h"
#include "workloads/training_rules.h"

struct block_cut {
  size_t n_places;
  const uint32_t *place_of;     /* [n_ops] */
  const uint32_t *member_start; /* [n_places + 1], in members */
  const uint32_t *members;      /* [n_ops] ops of each place, in order */
  const uint32_t *leaving;      /* [n_places] the op whose tensor goes on to the next place; OP_ABSENT at the end */
  const bool *flows; /* [n_ops] its tensor belongs to one place. That of other ops (inputs, parameters, facts,
                        and what comes of them alone, such as masks) is there wherever it is read */
  bool layered;      /* by the layers of its ops */
};
/* `flags` of the forward graph. Everything lives in `arena`. Linear in the size of the graph. */
void block_cut_make(const struct op_graph *forward, const struct rules_flags *flags, struct arena *arena,
                    struct block_cut *cut);

#endif
