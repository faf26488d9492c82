/* How does a forward graph become that of one device?
 *
 * One walk that strategies share: ops are resized to the new facts, links are put where the strategy asks for them. */
#ifndef WORKLOADS_SPLIT_REWRITE_H
#define WORKLOADS_SPLIT_REWRITE_H

#include "workloads/split.h"

/* What a strategy puts between the ops: kind, part, dimensions DIM_RANKS and DIM_RANK_STRIDE; the rest is filled in. */
struct split_link {
  const char *suffix; /* of its name */
  enum op_kind kind;
  enum op_split split;
  uint64_t bytes; /* of the full tensor */
  uint64_t ranks, stride;
};
struct split_links {
  /* Whether a link stands before operand j of the (resized) op; readers of one tensor share it. NULL: none. */
  bool (*before)(const struct op *reader, size_t j, const struct split_degrees *degrees, struct split_link *link);
  /* The k-th link behind the (resized) op, k = 0, 1, …; false: no more. NULL: none. */
  bool (*behind)(const struct op *writer, size_t k, const struct split_degrees *degrees, struct split_link *link);
};

/* `facts`: those of the result. */
bool split_rewrite(const struct op_graph *forward, const struct split_facts *facts, const struct split_degrees *degrees,
                   const struct split_links *links, struct arena *arena, struct arena *scratch, struct op_graph *rank,
                   struct error *error);

/* What `rank` adds to `forward`, over the ranks of the group. */
void split_extras_between(const struct op_graph *forward, const struct op_graph *rank, struct split_extras *extras);

/* False, with a message, unless the graph is a transformer's that knows its parts and has not been split this way yet.
 */
bool split_known(const struct op_graph *forward, const char *name, uint64_t degree, uint64_t done, struct error *error);

#endif
