/* dse map placement --front: what does a shorter inference cost in energy? See search/placement/placement_front.h. */
#ifndef DSE_PLACEMENT_PARETO_H
#define DSE_PLACEMENT_PARETO_H

#include "dse/placement/placement_run.h"

/* A row a point on stdout, an answer each beside --out. All ranks do the same. */
enum status placement_print_front(const struct invocation *invocation, const struct placement_job *job,
                                  struct error *error);

#endif
