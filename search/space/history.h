/* What has a search been told so far, and which were the best? */
#ifndef SEARCH_SPACE_HISTORY_H
#define SEARCH_SPACE_HISTORY_H

#include "search/space/space.h"

struct told {
  struct point point;
  double utility; /* what is maximised, whatever the metric's direction; -INFINITY: infeasible */
};

struct history {
  const struct space *space;
  struct arena *arena;
  bool logarithmic; /* utilities are of the metric's logarithm; what is below a tiny number counts as that */
  struct point_set *points;
  struct told *told; /* in the order of the evaluations */
  size_t n_told, capacity;
  size_t *elite; /* places in `told` of the best feasible ones, best first; equals in the order of points */
  size_t n_elite, most_elites;
};

void history_init(struct history *history, const struct search_request *request, size_t most_elites, bool logarithmic);
void history_tell(struct history *history, const struct record *records, size_t n);
/* The place of a point in `told`; SIZE_MAX: it is not there. */
size_t history_find(const struct history *history, const struct point *point);
/* Total order of places: higher utility first, then points. */
bool history_better(const struct history *history, size_t a, size_t b);

#endif
