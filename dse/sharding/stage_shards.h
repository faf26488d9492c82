/* How would the layers of each stage of the chosen system be sharded within its tensor groups, instead of Megatron's
 * columns and rows? A report on the winner of a training run (`dse explore --shards`); nothing that the search decides.
 */
#ifndef DSE_STAGE_SHARDS_H
#define DSE_STAGE_SHARDS_H

#include "dse/run/run.h"
#include "results/table.h"

/* Of one microbatch, forward and backward: all stages together, and the slowest of each kind. */
struct stage_shards_sums {
  size_t n_stages;
  double best_s, bound_s, megatron_s;
  double slowest_best_s, slowest_megatron_s;
};
/* shards.csv: a row a layer, stage by stage. Without rows where nothing is chosen (NULL run->global), the group has one
 * device, or the network has operators that sharding does not know (then `why` says so). */
struct table *stage_shards_new(struct arena *arena); /* its columns alone */
struct table *stage_shards_table(const struct run *run, struct stage_shards_sums *sums, const char **why);

#endif
