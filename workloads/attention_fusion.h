/* Which parts of a forward graph are attention, as one operator? */
#ifndef WORKLOADS_ATTENTION_FUSION_H
#define WORKLOADS_ATTENTION_FUSION_H

#include "workloads/op_graph.h"

/* `forward` with every QKᵀ → scale, mask, bias → softmax → dropout → AV that nobody else reads replaced by one
 * OP_ATTENTION, in `arena`, which also holds what is needed on the way. `causal`: masks are taken to be causal, and
 * what they hide is not computed. False if the graph grows too large, which it cannot. */
bool attention_fuse(const struct op_graph *forward, bool causal, struct arena *arena, struct op_graph *out,
                    struct error *error);

/* Attention as attention_fuse would find it, for who computes it twice. */
struct attention_marks {
  bool *inner; /* [n_ops] from QKᵀ to what weighs V: the tensors as large as the scores */
  bool *again; /* [n_ops] these and AV: what runs from Q, K, V to the output */
};
/* In `arena`, which also holds what is needed on the way. */
struct attention_marks attention_mark(const struct op_graph *forward, struct arena *arena);

#endif
