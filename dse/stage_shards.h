/* How would the layers of the chosen system be sharded within its tensor groups, instead of Megatron's columns and
 * rows? A report on the winner of a training run (`dse explore --shards`); nothing that the search decides. */
#ifndef DSE_STAGE_SHARDS_H
#define DSE_STAGE_SHARDS_H

#include "dse/run.h"
#include "results/table.h"

/* shards.csv: a row a layer. Without rows where nothing is chosen (NULL run->global), the group has one device, or the
 * network has operators that sharding does not know (then `why` says so). */
struct table *stage_shards_new(struct arena *arena); /* its columns alone */
struct table *stage_shards_table(const struct run *run, const char **why);

#endif
