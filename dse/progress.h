/* How far is it? One moving line on a terminal, a plain line now and then elsewhere; and when to stop: a time limit or
 * a signal, looked at between rounds. */
#ifndef DSE_PROGRESS_H
#define DSE_PROGRESS_H

#include "dse/run.h"

struct progress {
  struct run *run;
  double last_s, published_s, deadline_s; /* deadline 0: none */
  bool moving;                            /* a terminal of our own */
  const char *reason;                     /* why the run stopped */
};

/* --max-time in seconds, negative if there is none; false with a message if it is no number. */
bool progress_limit(const struct invocation *invocation, double *limit_s, struct error *error);
/* Reads --max-time, installs the handlers and hangs itself into run->rounds. */
bool progress_init(struct progress *progress, struct run *run, struct error *error);
/* Ends the moving line. */
void progress_end(struct progress *progress);

#endif
