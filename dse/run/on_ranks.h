/* Work of a flow between two rounds of evaluations, handed out to the ranks: is it to go on, and what came of it? */
#ifndef DSE_ON_RANKS_H
#define DSE_ON_RANKS_H

#include "dse/run/run.h"

struct rank_work {
  void (*task)(void *context, size_t index, void *record); /* as of struct cluster_tasks */
  void *context;
  size_t n, record_bytes;
};
/* False: failed, or run->rounds.stopped. Nothing of it is in the journal: who goes on does it again. Collective. */
bool on_ranks(struct run *run, const struct rank_work *work, void *records, struct error *error);

#endif
