/* How far is it? One moving line on a terminal, a plain line now and then elsewhere, and the folder's files; and when
 * to stop: a time limit or a signal, looked at between any two evaluations. (ux.md §7, reliability §4) */
#ifndef DSE_PROGRESS_H
#define DSE_PROGRESS_H

#include "dse/run/run.h"

struct progress {
  struct run *run;
  double looked_s, shown_s, published_s, deadline_s; /* deadline 0: none */
  struct pace evaluations, points;                   /* of the whole run; of the fold under way */
  bool moving;                                       /* a terminal of our own */
  bool drawn;                                        /* something of the moving line stands there */
  const char *reason;                                /* why the run stopped; the same on all ranks after progress_end */
};

/* --max-time in seconds, negative if there is none; false with a message if it is no number. */
bool progress_limit(const struct invocation *invocation, double *limit_s, struct error *error);
/* Reads --max-time and hangs itself into run->rounds. */
bool progress_init(struct progress *progress, struct run *run, struct error *error);
/* Ends the moving line; if the run was stopped, all ranks learn why. Collective. */
void progress_end(struct progress *progress);

/* What the search and the proof may evaluate, at most. */
uint64_t progress_most_evaluations(const struct rounds *rounds);

#endif
