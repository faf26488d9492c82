/* Which limit of a co-search's platforms, moved by how little, lets a platform in?
 *
 * Limits of what a platform costs (area, power, money) are held against one device of every allowed design: where none
 * fits, the nearest says by how much, exactly. Where devices fit and the metric asks for more than any platform gives
 * (makespan_s, training_floor), the search itself is asked: the best makespan or training within the limits says how
 * far that limit is to move, and each of the others is halved towards the least with which a platform keeps the metric.
 */
#ifndef DSE_COSEARCH_WHY_H
#define DSE_COSEARCH_WHY_H

#include "dse/cosearch/cosearch.h"

enum cosearch_limit {
  COSEARCH_AREA,
  COSEARCH_POWER,
  COSEARCH_MONEY,
  COSEARCH_CORES,
  COSEARCH_MAKESPAN,
  COSEARCH_FLOOR,
  COSEARCH_N_LIMITS,
  COSEARCH_N_COSTS = COSEARCH_CORES /* the first ones are sums over devices */
};
struct cosearch_move {
  bool exists;
  const char *key; /* as --set takes it */
  double from, to, share;
  const char *admits; /* a platform that is allowed then */
};
struct cosearch_moves {
  const char *best; /* a platform is allowed as it stands; NULL: none */
  double value;     /* its, by the metric */
  struct cosearch_move single[COSEARCH_N_LIMITS];
  enum cosearch_limit smallest;                  /* of these; COSEARCH_N_LIMITS: there is none */
  struct cosearch_move joint[COSEARCH_N_LIMITS]; /* where no single one helps: all of these together, by one factor */
  bool needs_joint;
};

/* The parts of it that cosearch_win.h shares: a limit, its key, and a search within limits as they stand. */
double cosearch_limit_now(struct run *run, enum cosearch_limit limit);
void cosearch_set_limit(struct run *run, enum cosearch_limit limit, double to);
const char *cosearch_limit_key(enum cosearch_limit limit);
/* Is a platform allowed? run->cosearch says which. Collective. */
bool cosearch_look(struct run *run, bool *allowed, struct error *error);

/* Of a run with a co-search whose space is looked through. Collective; the settings are as they were afterwards. */
bool cosearch_relax(struct run *run, struct cosearch_moves *moves, struct error *error);

#endif
