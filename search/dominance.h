/* Who is beaten by whom, and who is lonely? The sorting of NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE Trans.
 * Evolutionary Computation 6(2), 2002), over plain numbers: for points of a space and for mappings of jobs alike. */
#ifndef SEARCH_DOMINANCE_H
#define SEARCH_DOMINANCE_H

#include <stdbool.h>
#include <stddef.h>

struct dominance {
  size_t n, n_objectives;
  const double *value;  /* [n * n_objectives], a row each; no NaN but of infeasible ones */
  const bool *maximise; /* [n_objectives] */
  const bool *feasible; /* [n]: these dominate the others; NULL: all */
  const size_t *number; /* [n]: of equal values the smaller number comes first */
  /* Filled. */
  size_t *front;    /* [n]: 0: dominated by nobody here */
  double *crowding; /* [n]: how far apart neighbours in the front are, as a share of its extent; ends: INFINITY */
  /* Room. */
  size_t *room, *n_dominators; /* [n] each */
};

/* Peels one front after the other off. */
void dominance_rank(struct dominance *dominance);
/* Behind dominance_rank; crowding of infeasible ones is 0. */
void dominance_crowd(struct dominance *dominance);

#endif
