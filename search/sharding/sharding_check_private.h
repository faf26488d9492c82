/* What the judge of sharding and its simulator know of a layer on a set: slices, rings, cycles, in words of their own.
 * Nothing of it is shared with the evaluator or a search. */
#ifndef SEARCH_SHARDING_SHARDING_CHECK_PRIVATE_H
#define SEARCH_SHARDING_SHARDING_CHECK_PRIVATE_H

#include "search/sharding/sharding.h"

enum judged_tensor { JUDGED_WEIGHTS, JUDGED_INPUT, JUDGED_OUTPUT, JUDGED_N_TENSORS };

/* A layer on the p boards of a set by one strategy. */
struct judged_layer {
  const struct sharding_problem *problem;
  uint32_t layer, p;
  const struct sharding_strategy *strategy;
};

static inline const struct sharding_kind *judged_kind(const struct judged_layer *l) {
  return &sharding_kinds[l->problem->layers[l->layer].kind];
}

/* Which loops a tensor depends on; those that are one loop with another are named by that one. */
uint8_t judged_dims(const struct judged_layer *l, enum judged_tensor tensor);
/* Place of the board in the grid of exclusive shards: mixed radix, the last dimension fastest. */
void judged_place(const struct judged_layer *l, uint32_t board, uint32_t place[SHARDING_N_DIMS]);
uint32_t judged_board(const struct judged_layer *l, const uint32_t place[SHARDING_N_DIMS]);
/* What the board has of loop d. */
void judged_slice(const struct judged_layer *l, enum sharding_dim d, uint32_t place, uint64_t *low, uint64_t *high);
/* Boards that hold the same slice of a tensor, and the board's number among them. */
uint32_t judged_copies(const struct judged_layer *l, enum judged_tensor tensor);
uint32_t judged_copy(const struct judged_layer *l, enum judged_tensor tensor, uint32_t board);
/* The board that has copy `copy` of what `board` has. */
uint32_t judged_holder(const struct judged_layer *l, enum judged_tensor tensor, uint32_t board, uint32_t copy);
/* Is the tensor cut along the shared loop and passed round? */
bool judged_rotates(const struct judged_layer *l, enum judged_tensor tensor);
/* Into how many pieces, hence how many phases; 1 without. */
uint32_t judged_phases(const struct judged_layer *l);

/* Extents and elements of the first board of the grid, which no board exceeds; rows of an input are stride times the
 * output's. Held: one piece of what is passed round. sharding_check_times.c. */
void judged_extents(const struct judged_layer *l, uint64_t extent[SHARDING_N_DIMS]);
uint64_t judged_elements(const struct judged_layer *l, enum judged_tensor tensor);
uint64_t judged_held(const struct judged_layer *l, enum judged_tensor tensor);

/* Cycles of loops of these extents (sharding §4). */
double judged_cycles(const struct judged_layer *l, const struct sharding_design *design,
                     const uint64_t extent[SHARDING_N_DIMS]);

/* --- what moves: sharding_check_boxes.c -----------------------------------------------------------------------------
 */

/* Most bytes that a board lacks of what an edge brings; `from` NULL: it comes from elsewhere, all is lacking. Element
 * by element where there are few, else box by box; `elements` says which (for tests): 0 as said, 1 the one, 2 the
 * other. */
uint64_t judged_reshard_bytes(const struct sharding_problem *problem, uint32_t edge, const struct judged_layer *from,
                              const struct judged_layer *to, int how);
/* Does each board need of the edge no more than its own piece of the partial sums, dealt out along one axis? */
bool judged_scatters(const struct sharding_problem *problem, uint32_t edge, const struct judged_layer *from,
                     const struct judged_layer *to);
uint64_t judged_host_bytes(const struct judged_layer *l, bool output);
/* Slowest link of boards in a ring, in this order; between two sets. */
double judged_ring(const struct sharding_problem *problem, const uint32_t *boards, size_t n);
double judged_between(const struct sharding_problem *problem, const uint32_t *a, size_t n_a, const uint32_t *b,
                      size_t n_b);

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

struct judged_set {
  const struct sharding_set *set;
  const uint32_t *boards; /* by group, then number */
  double ring_bytes_per_s;
};
struct judge {
  const struct sharding_problem *problem;
  const struct sharding_claim *claim;
  struct arena *arena;
  struct error *error;
  uint32_t *set_of; /* [n_layers] */
  struct judged_set *sets;
  double *start_s, *end_s; /* [n_layers] the truth */
  double latency_s;
};
struct judged_layer judged_at(const struct judge *j, uint32_t layer);
const char *sharding_judged_name(const struct judge *j, uint32_t layer);
const char *judged_board_name(const struct judge *j, uint32_t board);
void judge_times(struct judge *j);
bool judge_memory(struct judge *j); /* every board that lacks some goes to the error */

#endif
