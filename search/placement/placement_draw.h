/* What is a random placement? A device for every group or free layer, drawn among those that can run it, and an order
 * by random priorities, predecessors first. The genes of placement's genetic algorithm, and all there is to random
 * search. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_DRAW_H
#define SEARCH_PLACEMENT_PLACEMENT_DRAW_H

#include "base/rng.h"
#include "search/placement/placement_build.h"

struct placement_genes {
  uint32_t *device; /* [n_layers] of a group, its first layer's counts */
  double *priority; /* [n_layers] in [0, 1), high first */
};
struct placement_genes placement_genes_new(const struct placement_problem *problem, struct arena *arena);
uint32_t placement_draw_device(const struct placement_build *build, uint32_t layer, struct rng *rng);
void placement_draw(const struct placement_build *build, struct rng *rng, struct placement_genes *genes);
/* Devices as the genes say, whatever memory holds; uses the build's state. */
void placement_decode(struct placement_build *build, const struct placement_genes *genes,
                      struct placement_answer *answer);
struct rng placement_rng(const struct placement_request *request, enum placement_stream stream, uint64_t round,
                         uint64_t task);

#endif
