/* How does a population of answers go from generation to generation? What the genetic algorithms share; what they do
 * to a pair of children is theirs (`breed`). (tenancy §7 and §9.)
 *
 * A generation: rank; the best few stay as they are, neither evaluated again nor counted; the rest are children of the
 * best few parents, each evaluated once. The state between rounds holds the population, the children of the unfinished
 * generation and their costs, and every pair of children has a random stream of its own: a search in several rounds
 * equals one in a single round. Answers of other islands take the places of the worst. */
#ifndef SEARCH_TENANCY_EVOLUTION_H
#define SEARCH_TENANCY_EVOLUTION_H

#include "search/tenancy/genome.h"

/* Who may breed: the best answers of the last generation. */
struct evolution_parents {
  const struct tenancy_problem *problem;
  uint64_t generation;                  /* of the children, ≥ 1 */
  size_t n;                             /* ≥ 2 */
  const struct tenancy_answer *answers; /* best first */
  const double *weight;                 /* for evolution_pick */
};

struct evolution {
  size_t n_population; /* ≥ 2 */
  size_t n_elites;     /* 1 … n_population − 1 */
  size_t n_parents;    /* 2 … n_population */
  const void *settings;
  /* The weight of each parent [n_parents] from costs, best first. */
  void (*weigh)(const struct evolution *evolution, const struct tenancy_problem *problem, const tenancy_cost *cost,
                double *weight);
  /* Makes both children, from nothing. */
  void (*breed)(const struct evolution *evolution, const struct evolution_parents *parents, struct rng *rng,
                struct tenancy_answer *children);
  enum rng_purpose purpose;
  uint64_t task; /* of its random streams: the island, and a baseline's number */
  bool seeded;   /* the first answer is the best seed instead of a draw */
};

/* Two different parents, each drawn by weight. */
void evolution_pick(const struct evolution_parents *parents, struct rng *rng, size_t pick[2]);
/* As `n_elites` and `n_parents` go: the fraction rounded down, within what a population allows. */
size_t evolution_share(size_t n_population, double fraction, size_t least, size_t most);

size_t evolution_state_bytes(size_t n_population, const struct tenancy_problem *problem);
/* One round, as the record's `run`; leaves the best of all answers that it holds. */
void evolution_run(const struct evolution *evolution, struct tenancy_request *request, struct tenancy_meter *meter);

#endif
