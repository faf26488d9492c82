/* What does a device take for its share of a layer? Sharding's layers at the prices of the cost model: for each pass
 * the operator is made anew with the loops that the device has of it, and priced as every other one. */
#ifndef DSE_SHARD_PRICES_H
#define DSE_SHARD_PRICES_H

#include "arch/cost.h"
#include "arch/stage.h"
#include "dse/sharding/sharding_table.h"

struct shard_prices; /* of one network on one design */
/* What prices depend on beside the design; all of it outlives the prices. */
struct shard_price_rules {
  const struct sharding_network *network; /* of a graph of operators */
  const struct cost_settings *cost;
  const struct technology *technology;
  const struct stage_settings *schedule; /* how an operator spreads over cores */
  double op_overhead_s;                  /* added to each operator */
};
struct shard_prices *shard_prices_new(const struct shard_price_rules *rules, const struct accelerator *accelerator,
                                      struct arena *arena);
/* A sharding_price with these prices as its context: cycles of the design's clock; INFINITY: nothing fits. */
double shard_price(void *prices, uint32_t layer, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS],
                   uint32_t p);

#endif
