/* Which mappings are beaten by no other in two or three objectives at once? (tenancy §12.)
 *
 * NSGA-II (search/dominance.h; Deb et al. 2002) over answers, bred with MAGMA's operators and with moves of annealing;
 * and the ε-constraint method (Haimes, Lasdon, Wismer 1971): the least of one objective among the mappings whose
 * makespan is at most (1 + ε) times the best. Left out: proofs that a front is whole; each objective has its bound. */
#ifndef SEARCH_TENANCY_TENANCY_FRONT_H
#define SEARCH_TENANCY_TENANCY_FRONT_H

#include "search/tenancy/tenancy_goal.h"

enum { TENANCY_FRONT_MOST = 3 };

struct tenancy_front_settings {
  size_t n_objectives; /* 2 or 3, no two alike */
  enum tenancy_objective objectives[TENANCY_FRONT_MOST];
  size_t population;
  uint64_t seed, samples; /* of mappings evaluated */
};

struct tenancy_front_member {
  struct tenancy_answer answer;
  double value[TENANCY_FRONT_MOST];
  const char *found_by; /* search, nsga2, epsilon */
};
struct tenancy_front {
  size_t n;
  struct tenancy_front_member *members; /* by the first objective, best first; lies in the arena */
  uint64_t samples;
};

/* Breeds from `warm` (e.g. the best of each objective alone); these belong to the front like all others. */
void tenancy_front_breed(struct tenancy_goal *goal, const struct tenancy_front_settings *settings, size_t n_warm,
                         const struct tenancy_answer *warm, struct arena *arena, struct tenancy_front *front);
/* Where makespan is the first objective: for each of `n_steps` limits between the front's ends the least of the second
 * one, annealed from the front's best within the limit; what is new joins the front. */
void tenancy_front_constrain(struct tenancy_goal *goal, const struct tenancy_front_settings *settings, size_t n_steps,
                             struct arena *arena, struct tenancy_front *front);

#endif
