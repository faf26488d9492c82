/* How far can the best design be from the best there is?
 *
 * First the best: branch and bound over boxes of designs evaluates those whose bound says that they could still win,
 * best bound first, until none is left (the best is proven) or the budget is spent (the gap is proven), in spaces of
 * any size. Then, in spaces of up to search.bound_points, every design is bounded (folded over the ranks): what limits
 * exclude is counted, and with search.prove_front designs are evaluated until none is left whose bounds, taken
 * together, no member of the front beats: then the Pareto front is complete. */
#ifndef DSE_PROVE_H
#define DSE_PROVE_H

#include "dse/run/rounds.h"
#include "search/space/boxes.h"
#include "search/space/exclusions.h"

struct proof {
  uint64_t points;              /* of the space */
  struct boxes_counts boxes;    /* how branch and bound covered it: adds up to `points` */
  bool has_boxes;               /* it did; a sweep looks at every point instead */
  bool counted;                 /* every design was bounded: the next two are exact, else of whole boxes and none */
  uint64_t allowed;             /* by limits known without a schedule */
  struct exclusions exclusions; /* by each limit */
  uint64_t pruned;              /* allowed, but never evaluated: bounds exclude them */
  uint64_t open;                /* left out although bounds do not exclude them: the budget was spent */
  uint64_t evaluated;           /* to close the gaps */
  uint64_t evaluated_best;      /* of them, those that could have been better than the best */
  uint64_t searched;            /* evaluations of the search before */
  double ceiling;               /* no schedule on any design is better (of every design's own bound, the best) */
  bool has_ceiling;
  double bound;           /* no design of the space has a better metric */
  double gap;             /* relative distance of the best from it; 0: proven optimal */
  bool complete, optimal; /* there is a bound; no design that could be better is left */
  bool front_complete;    /* no design that could lie on the Pareto front is left */
};

/* Collective. With search.prove off nothing is evaluated to close the gap. */
bool prove(struct rounds *rounds, struct proof *proof, struct error *error);

#endif
