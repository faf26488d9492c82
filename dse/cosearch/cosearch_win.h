/* What would have to move, by how little, so that a given platform of a co-search wins? Or by how much is it behind?
 *
 * The platform is trained, bounded and mapped with the effort of a finalist. Limits that it breaks are moved as far as
 * it needs, exactly. If another one is better then, each limit, price and weight alone is moved until nothing better is
 * left: a limit towards the platform's own figure, a price up to where money still buys it, the weight of training
 * either way. Every step is a search, and the next step puts out exactly what won it; so a move that is found is the
 * least one, as far as the search itself finds the best. */
#ifndef DSE_COSEARCH_WIN_H
#define DSE_COSEARCH_WIN_H

#include "dse/cosearch/cosearch_why.h"

enum cosearch_knob { /* behind the limits */
                     COSEARCH_WEIGHT = COSEARCH_N_LIMITS,
                     COSEARCH_HBM_USD,
                     COSEARCH_WAFER_USD,
                     COSEARCH_N_KNOBS
};
struct cosearch_win {
  const char *name;                              /* as cosearch_text */
  const char *broken;                            /* a limit of one device that it breaks, with the design; NULL: none */
  struct cosearch_move needs[COSEARCH_N_LIMITS]; /* to be allowed, all of them; then: */
  bool is_allowed;                               /* as limits stand */
  double value, training, makespan_s, least_makespan_s; /* value 0: it misses what the metric asks for */
  const char *best;                                     /* of the search within those limits; NULL: none is allowed */
  double best_value;
  bool wins;                                    /* nothing better was found */
  struct cosearch_move moves[COSEARCH_N_KNOBS]; /* behind `needs`: each alone lets it win */
  size_t n_searches;
};

/* "3 x DESIGN + 1 x DESIGN", a DESIGN being a name as cosearch.csv has it or K=V,… of the space. Of a run with a
 * co-search whose space is looked through, of devices or of systems of one design. STATUS_INPUT: no such platform.
 * Collective; the settings are as they were afterwards. */
bool cosearch_win(struct run *run, const char *text, struct cosearch_win *win, struct error *error);

#endif
