/* When is a search to stop that looks after itself: at a signal, or after some time? For flows without rounds; those
 * with rounds ask progress.c. */
#ifndef DSE_WATCH_H
#define DSE_WATCH_H

#include "cluster/cluster.h"

struct watch {
  struct cluster *cluster;
  double until_s;      /* 0: no limit */
  const char *of_time; /* why it stops then, "time" */
  const char *stopped; /* "signal SIGTERM", …, or of_time; NULL: it goes on */
  double began_s, began_processor_s;
};
/* From now on; limit_s 0: none. */
void watch_begin(struct watch *watch, struct cluster *cluster, double limit_s, const char *of_time);
/* Is it stopped? One rank alone looks whenever it is asked. Several that do the same must stop at the same place: they
 * only learn what they have agreed on. For requests of searches: the context is a watch. */
bool watch_interrupted(void *watch);
/* The same, between two parts of the work: the ranks look and agree. Collective. */
bool watch_agree(struct watch *watch);
/* What it took until now. */
double watch_wall_s(const struct watch *watch);
double watch_processor_s(const struct watch *watch);

#endif
