/* What the files of a co-search share: cosearch.c prepares, cosearch_rounds.c searches. */
#ifndef DSE_COSEARCH_PRIVATE_H
#define DSE_COSEARCH_PRIVATE_H

#include "dse/cosearch.h"

/* Bytes a cycle of the jobs' clock that a device brings. */
double cosearch_bandwidth(const struct run *run, const struct cosearch_design *design);
/* The search itself, of a problem that is stated; what came of it is in run->cosearch, and the winner's mapping in
 * run->tenants. False: failed, or run->rounds.stopped. Collective. */
bool cosearch_rounds(struct run *run, struct error *error);

#endif
