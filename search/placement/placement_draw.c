/* Random placements, and what genes stand for. See placement_draw.h. */
#include "search/placement/placement_draw.h"

struct placement_genes placement_genes_new(const struct placement_problem *problem, struct arena *arena) {
  return (struct placement_genes){ARENA_NEW(arena, uint32_t, problem->n_layers),
                                  ARENA_NEW(arena, double, problem->n_layers)};
}

uint32_t placement_draw_device(const struct placement_build *build, uint32_t layer, struct rng *rng) {
  uint32_t n = 0, d = 0;
  for (size_t i = 0; i < build->problem->n_devices; i++) n += placement_build_can(build, layer, i);
  for (uint32_t pick = (uint32_t)rng_below(rng, n);; d++) {
    if (placement_build_can(build, layer, d) && pick-- == 0) return d;
  }
}

void placement_draw(const struct placement_build *build, struct rng *rng, struct placement_genes *genes) {
  for (uint32_t l = 0; l < build->problem->n_layers; l++) {
    genes->device[l] = placement_draw_device(build, l, rng);
    genes->priority[l] = rng_unit(rng);
  }
}

void placement_decode(struct placement_build *build, const struct placement_genes *genes,
                      struct placement_answer *answer) {
  const struct placement_problem *problem = build->problem;
  const struct arena_mark mark = arena_get_mark(build->scratch);
  uint32_t *order = ARENA_NEW(build->scratch, uint32_t, problem->n_layers);
  placement_sort_by_priority(problem, genes->priority, build->scratch, order);
  for (size_t g = 0; g < problem->n_groups; g++) build->home[g] = PLACEMENT_NONE;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    const uint32_t g = problem->group != NULL ? problem->group[l] : PLACEMENT_NONE;
    if (g != PLACEMENT_NONE && build->home[g] == PLACEMENT_NONE) build->home[g] = genes->device[l];
    build->device[l] = g != PLACEMENT_NONE ? build->home[g] : genes->device[l];
  }
  placement_build_answer(build, order, answer);
  arena_rewind(build->scratch, mark);
}

struct rng placement_rng(const struct placement_request *request, enum placement_stream stream, uint64_t round,
                         uint64_t task) {
  return rng_stream(request->seed, RNG_PLACEMENT, round, (uint64_t)stream << 32 | task);
}
