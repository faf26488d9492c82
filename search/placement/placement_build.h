/* How is an answer put together that keeps what the problem demands besides times: devices that can run a layer, groups
 * that share one, hard memory, pieces of a chain, and weights that lie somewhere already? What all baselines share.
 *
 * Layers are placed one by one. Where memory is hard or devices take pieces of a chain, that can come to a dead end:
 * placement_build_fill then makes some answer. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BUILD_H
#define SEARCH_PLACEMENT_PLACEMENT_BUILD_H

#include "search/placement/placement_algorithm.h"

struct placement_build {
  const struct placement_problem *problem;
  struct arena *scratch;
  bool constrained;     /* groups, hard memory or pieces of a chain: a choice for one layer binds others */
  const uint32_t *must; /* [n_layers] the device a layer is bound to by weights that lie there; PLACEMENT_NONE: none */
  const bool *can;      /* [n_layers * n_devices] the layer, all of its group, and what it must */
  const uint64_t *unit_bytes; /* [n_layers] weights of the layer's whole group */
  const bool *held;           /* [n_layers] pinned whatever step 2 says */
  /* As step 2 sees it: held weights have taken their room already. */
  struct placement_problem pinning;
  /* Layers that hang together, by groups and circles of groups: pieces of a chain, in the chain's order. Only where
   * pieces are wanted. */
  size_t n_pieces;
  const uint32_t *piece_start, *piece_layer;

  uint32_t *device;     /* [n_layers] so far; PLACEMENT_NONE: not placed */
  uint32_t *home;       /* [n_groups] */
  uint64_t *room_bytes; /* [n_devices] under hard memory */
  bool *reaches;        /* [n_devices * n_devices] pieces: data go from row to column */
};
/* All memory from request->arena. */
void placement_build_init(struct placement_build *build, const struct placement_request *request);
void placement_build_reset(struct placement_build *build);
static inline bool placement_build_can(const struct placement_build *build, size_t layer, size_t device) {
  return build->can[placement_at(build->problem, layer, device)];
}
/* May it go there now? Predecessors should have been placed before. */
bool placement_build_allows(const struct placement_build *build, uint32_t layer, uint32_t device);
void placement_build_place(struct placement_build *build, uint32_t layer, uint32_t device);

/* Orders from devices (all placed) and one order of all layers, predecessors first; pins by step 2. */
void placement_build_answer(const struct placement_build *build, const uint32_t *order,
                            struct placement_answer *answer);
/* Step 2, held weights first; of all devices, or of one. */
void placement_build_pin(const struct placement_build *build, struct placement_answer *answer);
void placement_build_pin_device(const struct placement_build *build, uint32_t device, struct placement_answer *answer);
/* Any answer: heavy groups first to where most room is left, or pieces of the chain to devices in turn, evenly; then
 * one by one with steps back. Uses the build's state. */
enum placement_filled { PLACEMENT_FILLED, PLACEMENT_IMPOSSIBLE /* there is none */, PLACEMENT_GAVE_UP };
enum placement_filled placement_build_try_fill(struct placement_build *build, struct placement_answer *answer);
bool placement_build_fill(struct placement_build *build, struct placement_answer *answer);

/* An answer changed in place: takes what stands at `at` (of device `from`) and puts it before what stands at `before`
 * (device `to`), both counted through all devices before the change. */
void placement_move_layer(struct placement_answer *answer, uint32_t at, uint32_t from, uint32_t before, uint32_t to);
/* Where a layer of `device` stands, counted through all devices. */
uint32_t placement_find_layer(const struct placement_answer *answer, uint32_t layer, uint32_t device);

/* Layers by descending priority, the smaller number first among equals, but none before a predecessor. */
void placement_sort_by_priority(const struct placement_problem *problem, const double *priority, struct arena *scratch,
                                uint32_t *order);
/* A heap of layers by descending priority, ties by number. */
struct placement_heap {
  const double *priority;
  uint32_t *layer;
  size_t n;
};
void placement_heap_push(struct placement_heap *heap, uint32_t layer);
uint32_t placement_heap_pop(struct placement_heap *heap);

#endif
