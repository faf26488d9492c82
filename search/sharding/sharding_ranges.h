/* What can no choice of sets, designs and ranges beat, and which promises most? Private to exact methods.
 *
 * A relaxation over all ways to cut the order into ranges and give each a set and a design that the boards left allow:
 * within a set, from the layer through which an input comes to each layer behind it, time is at least that of the
 * shortest path over strategies; along an edge to another set the rest needs at least what it needs alone. On chains
 * that is the optimum itself (memory aside). Branches on different sets each bound the latency by themselves. */
#ifndef SEARCH_SHARDING_SHARDING_RANGES_H
#define SEARCH_SHARDING_SHARDING_RANGES_H

#include "search/sharding/sharding_level2_private.h"
#include "search/sharding/sharding_sets.h"

struct ranges_choice { /* the next set */
  uint32_t form, design, last;
};
struct ranges;
struct ranges_limits {
  double cutoff_s;  /* what takes longer is of no interest and counts as endless */
  const bool *cuts; /* [n_layers] by place: may a range end here? NULL: anywhere */
};
/* NULL: too large. */
struct ranges *ranges_new(const struct sharding_sets *sets, struct sharding_store *store, struct ranges_limits limits,
                          struct arena *arena);
/* Layers from `place` on, boards `used` taken: least time from the start (at the earliest) to the very end. */
double ranges_rest(struct ranges *ranges, uint32_t place, uint32_t used, struct ranges_choice *choice);
/* The same from the end of the producer of an edge on, that ran on a set of this contact. */
double ranges_tail(struct ranges *ranges, uint32_t edge, uint32_t used, uint32_t contact, struct ranges_choice *choice);
struct ranges_row { /* shortest paths of a form and a design from an entry, by place less the entry's */
  double *end_s;    /* [n_layers - entry] least end of each layer from there on */
  double *out_s;    /* the greatest least end of outputs up to there */
};
/* From a place at the start; from the end of the producer of an edge, that ran on a set of this contact. */
const struct ranges_row *ranges_row_of_place(struct ranges *ranges, uint32_t form, uint32_t design, uint32_t place);
const struct ranges_row *ranges_row_of_edge(struct ranges *ranges, uint32_t form, uint32_t design, uint32_t edge,
                                            uint32_t contact);
/* Is the form free beside what is used, and may it carry the design? */
bool ranges_carries(const struct ranges *ranges, uint32_t used, uint32_t form, uint32_t design);
/* Edges over the cut behind a place; returns how many. */
uint32_t ranges_crossing(const struct ranges *ranges, uint32_t last, const uint32_t **edges);
/* Forgets all values, which plans that know more or a lower cutoff may change. */
void ranges_restart(struct ranges *ranges, double cutoff_s);
/* These sets take at least so long together, up to the cutoff: by shortest paths, what comes over edges between sets
 * waits for their ends. */
double ranges_floor(struct ranges *ranges, const struct ranges_choice *sets, uint32_t n_sets, struct arena *scratch);
struct level2_plan *ranges_plan(struct ranges *ranges, uint32_t form, uint32_t design);
uint32_t ranges_used(const struct ranges *ranges, uint32_t used, uint32_t form);

#endif
