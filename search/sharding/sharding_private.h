/* What the files of the sharding evaluator share, and nobody else. */
#ifndef SEARCH_SHARDING_SHARDING_PRIVATE_H
#define SEARCH_SHARDING_SHARDING_PRIVATE_H

#include "base/checked.h"
#include "search/rows.h"
#include "search/sharding/sharding.h"

/* Where rows of tables stand, for messages. */
struct sharding_origin {
  struct rows_origin layers, edges, boards;
};
/* As sharding_finish; origin NULL: messages start with the problem's name. */
bool sharding_finish_at(struct sharding_problem *problem, const struct sharding_origin *origin, struct arena *arena,
                        struct error *error);

static inline const struct sharding_kind *sharding_kind_of(const struct sharding_problem *problem, uint32_t layer) {
  return &sharding_kinds[problem->layers[layer].kind];
}
static inline bool sharding_has(unsigned dims, unsigned dim) { return (dims >> dim & 1U) != 0; }
/* Product of the factors on loops that a tensor does not depend on: so many boards need the same slice. */
static inline uint32_t sharding_replication(const struct sharding_strategy *strategy, unsigned dims) {
  uint32_t boards = 1;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    if (!sharding_has(dims, d)) boards *= strategy->factor[d];
  }
  return boards;
}

/* Who goes round the ring under a shared shard: g boards each hold one piece along the shared loop. */
struct sharding_rotation {
  uint32_t g;
  bool weights, input; /* weights: of attention, its second operand */
};
struct sharding_rotation sharding_rotation_of(const struct sharding_kind *kind,
                                              const struct sharding_strategy *strategy);
/* Elements of a tensor with these loops in a box of `local` extents of the layer's loops. */
uint64_t sharding_weight_elements(const struct sharding_kind *kind, const uint64_t local[SHARDING_N_DIMS]);
uint64_t sharding_input_elements(const struct sharding_problem *problem, uint32_t layer,
                                 const uint64_t local[SHARDING_N_DIMS]);
uint64_t sharding_output_elements(const struct sharding_kind *kind, const uint64_t local[SHARDING_N_DIMS]);
/* Extents of exclusive shards: ⌈N/f⌉. */
void sharding_local(const struct sharding_problem *problem, uint32_t layer, const struct sharding_strategy *strategy,
                    uint64_t local[SHARDING_N_DIMS]);
/* Ring all-reduce of `elements` over `boards`, in seconds. */
double sharding_all_reduce_s(const struct sharding_problem *problem, double elements, uint32_t boards,
                             double bandwidth);

#endif
