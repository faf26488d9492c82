/* Which order is worth slicing? One order is changed step by step; what is no worse stays. (partition §10, order
 * search.) */
#ifndef SEARCH_PARTITION_PARTITION_CLIMB_H
#define SEARCH_PARTITION_PARTITION_CLIMB_H

#include "base/rng.h"
#include "search/partition/partition_slicing.h"

struct partition_climb {
  const struct partition_graph *graph;
  struct partition_slicer *slicer; /* with the order as it is */
  struct rng rng;
  double value;     /* ms of `chip`; INFINITY: none */
  uint32_t *chip;   /* [n] the best so far */
  double period_ms; /* of the order as it is, by what is climbed; INFINITY: none */
  /* --- */
  uint32_t *kept;     /* [n] a stretch of the order before a step */
  uint32_t *aside;    /* [n] */
  bool *marked;       /* [n] */
  uint32_t from, end; /* the stretch that the step changed */
  double cover_ms;    /* how much of the order chips reach at a period that is a little too short */
};
struct partition_climb *partition_climb_new(const struct partition_graph *graph, struct rng rng, struct arena *arena);
/* Goes on from an order (a topological one); keeps its answer if it is better than the best so far. */
void partition_climb_start(struct partition_climb *climb, const uint32_t *order);
/* Goes on from an answer, which is kept if it is better than the best so far. */
void partition_climb_take(struct partition_climb *climb, const uint32_t *chip, double value, struct arena *scratch);
/* From now on, point to point: the loads of a ring, which are no less and much faster to find; or the true ones. Other
 * costs: nothing changes. To be followed by a start. */
void partition_climb_simplify(struct partition_climb *climb, bool simple);
/* One sample; true: a better answer was found. */
bool partition_climb_step(struct partition_climb *climb);

#endif
