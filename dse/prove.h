/* How far can the best design be from the best there is?
 *
 * Bounds every design of the space (cheaply, folded over the ranks), counts what limits exclude, and evaluates the
 * designs whose bound says that they could still win, best bound first, until none is left (the best is proven) or the
 * budget is spent (the gap is proven). With search.prove_front it goes on until no design is left whose bounds, taken
 * together, no member of the front beats: then the Pareto front is complete. */
#ifndef DSE_PROVE_H
#define DSE_PROVE_H

#include "dse/rounds.h"
#include "search/space/exclusions.h"

struct proof {
  uint64_t points;              /* of the space */
  uint64_t allowed;             /* by limits known without a schedule */
  struct exclusions exclusions; /* by each limit */
  uint64_t pruned;              /* allowed, but never evaluated: bounds exclude them */
  uint64_t open;                /* left out although bounds do not exclude them: the budget was spent */
  uint64_t evaluated;           /* to close the gaps */
  uint64_t evaluated_best;      /* of them, those that could have been better than the best */
  uint64_t searched;            /* evaluations of the search before */
  double bound;                 /* no design of the space has a better metric */
  double gap;                   /* relative distance of the best from it; 0: proven optimal */
  bool complete, optimal;       /* bounds were taken; no design that could be better is left */
  bool front_complete;          /* no design that could lie on the Pareto front is left */
};

/* Collective. With search.prove off nothing is evaluated to close the gap. */
bool prove(struct rounds *rounds, struct proof *proof, struct error *error);

#endif
