/* What does one device of a group compute?
 *
 * A strategy rewrites the forward graph of a whole model into the forward graph of one device of its group, with the
 * collectives that the group needs as operators of their own (FAMILY_LINK), forward; training_expand gives each its
 * mirror in the backward pass. Strategies rewrite in any legal order to the same graph; degree 1 leaves it as it is.
 * Pipeline and data parallelism leave operators alone: they are records here for their requirements, and the system
 * model's business. Sources: workloads §8 (Megatron, sequence and context parallel, experts), accelerator-search §9. */
#ifndef WORKLOADS_SPLIT_H
#define WORKLOADS_SPLIT_H

#include "base/config.h"
#include "workloads/op_graph.h"

/* How a job is spread over its devices: tensor · context · data · pipeline of them, experts inside data.
 * A device's number counts tensor fastest, then context, data (experts fastest in it), pipeline slowest: so the stride
 * of a group is the product of the degrees before it. */
struct split_degrees {
  uint64_t tensor, context, expert, data, pipeline; /* ≥ 1; expert divides data · context */
  bool sequence;                                    /* norms, dropout, residuals by sequence within a tensor group */
  bool pad_heads;                                   /* heads that do not divide are padded, and reported */
};

extern const struct field_table split_fields; /* group "split" */

/* What a split adds to the whole model's work and parameters, over all ranks of the group. */
struct split_extras {
  uint64_t
      copied_parameters; /* held by several ranks alike: norms, row biases, routers, shared K/V, counted beyond 1 */
  uint64_t padded_parameters, padded_macs; /* forward */
  uint64_t copied_macs;  /* forward: routers and projections of embeddings that every rank of a tensor group computes
                            alike, shared keys and values */
  uint64_t dropped_rows; /* tokens · top_k beyond an expert's capacity */
};

struct split_strategy {
  const char *name, *doc;
  uint64_t (*degree)(const struct split_degrees *degrees);
  /* STATUS_INPUT with what the model requires of the degree ("tensor: 8 does not divide 25 heads, …"). */
  bool (*applies)(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error);
  /* NULL: operators stay as they are. One rank's graph of a degree > 1. */
  bool (*split)(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error);
};
#define SPLIT(name) extern const struct split_strategy split_##name;
#include "workloads/splits.def"
#undef SPLIT
extern const struct split_strategy *const split_strategies[];
extern const size_t n_split_strategies;

/* All strategies, in the list's order. `extras` may be NULL. */
bool split_apply(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                 struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error);

#endif
