/* What the solver's parts share. */
#ifndef SEARCH_SYSTEMS_PRIVATE_H
#define SEARCH_SYSTEMS_PRIVATE_H

#include "search/systems/systems.h"

static const uint32_t SYSTEMS_NO_DESIGN = UINT32_MAX;

static inline double systems_load(const struct systems_problem *problem, size_t stage, size_t design) {
  return problem->load[stage * problem->n_designs + design];
}
static inline const double *systems_costs(const struct systems_problem *problem, size_t stage, size_t design) {
  return &problem->cost[(stage * problem->n_designs + design) * problem->n_costs];
}
/* Load and costs of what `choice->design` says. */
void systems_add_up(const struct systems_problem *problem, struct systems_choice *choice);
bool systems_within_limits(const struct systems_problem *problem, const struct systems_choice *choice);
/* Distinct designs, counted no further than `most` + 1. `marks` [n_designs] are false, and are again afterwards. */
size_t systems_count_designs(const struct systems_problem *problem, const uint32_t *design, size_t most, bool *marks);

/* The front with neither limits nor a number of designs. Its designs are in the arena. */
void systems_sweep(const struct systems_problem *problem, struct arena *arena, struct arena *scratch,
                   struct systems_front *front);

/* A growing list of feasible choices, from which the front is taken. */
struct systems_archive {
  const struct systems_problem *problem;
  struct arena *arena;
  struct systems_choice *choices;
  size_t n, room;
};

/* A branch and bound under way: all of it in scratch. */
struct systems_bb {
  const struct systems_problem *problem;
  struct arena *scratch;
  uint64_t n_nodes, max_nodes;
  double below;                  /* loads must be */
  bool found;                    /* `best` is one */
  struct systems_choice best;    /* least cost 0 so far */
  struct systems_choice trial;   /* room */
  const uint32_t *by_cost;       /* [n_stages * n_designs], each stage's designs by ascending cost 0 */
  bool *marks, *banned, *in_set; /* [n_designs] */
  size_t n_set, n_bans;
  uint32_t *bans; /* [n_designs], in the order of banning */
};
static inline bool systems_gave_up(const struct systems_bb *bb) { return bb->n_nodes >= bb->max_nodes; }
/* Takes over the trial if it is feasible and cheaper. */
void systems_offer(struct systems_bb *bb);
/* Cheapest choice within all limits of designs that are neither banned nor (only_set) outside the set: a knapsack of
 * choices. Offers whatever it finds. */
void systems_pick(struct systems_bb *bb, bool only_set);
/* The same under a number of designs, too. */
void systems_pick_sets(struct systems_bb *bb);

#endif
