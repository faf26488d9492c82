/* What does a shorter inference cost in energy? The front of makespan and energy by epsilon constraint (placement
 * §8.5): of all answers that take at most so much longer than the shortest known, the one that needs least energy. The
 * period of a stream of inputs stands beside (placement §8.6). */
#ifndef SEARCH_PLACEMENT_PLACEMENT_FRONT_H
#define SEARCH_PLACEMENT_PLACEMENT_FRONT_H

#include "search/placement/placement_algorithm.h"

struct placement_front_point {
  double slack; /* (1 + slack) × the shortest makespan was allowed; INFINITY: any */
  double makespan_s, energy_j, period_s;
  struct placement_answer answer;
};
struct placement_front {
  struct placement_front_point *points; /* by ascending makespan, descending energy: none beats another */
  size_t n_points;
  double shortest_s; /* from which slacks count; the search for less energy may happen upon something shorter */
  uint64_t samples;
};
/* `slacks` ascending and not negative; NULL: 0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, any. The request's samples are
 * shared by the shortest makespan and each slack; its settings are those of `best`, and its problem's objective does
 * not matter. In the request's arena. False: no answer was found. */
bool placement_find_front(const struct placement_request *request, const double *slacks, size_t n_slacks,
                          struct placement_front *front);

#endif
