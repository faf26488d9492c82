/* What must one device hold of the parameters that it trains?
 *
 * Per parameter: the weight (2 bytes in 16 bit), its gradient as microbatches accumulate it, master copy and moments
 * (Adam: 12 bytes). ZeRO-1 spreads master and moments over the ranks of a data group, ZeRO-2 gradients as well, ZeRO-3
 * weights as well; those of experts over the ranks that hold the same experts. Frozen parameters are weights alone.
 * Sources: accelerator-search §9,
 * "Memory"; arXiv 1910.02054 (120, 31.4, 16.6, 1.88 GB for 7.5 B parameters on 64 ranks).
 *
 * Buffers are ours: two buckets of gradients (one fills while the other is reduced), of 25 MiB as in PyTorch's
 * DistributedDataParallel, but no more than there are gradients; from ZeRO-2 on the whole gradient of the block that
 * runs, which only then is spread; with ZeRO-3 the whole weights of that block and of the next, which is on its way.
 * Left out: fragmentation, the runtime's and the collectives library's own memory. */
#include "workloads/memory.h"
#include "base/checked.h"

enum { BUCKETS = 2, BLOCKS_AT_ONCE = 2, MIB_SHIFT = 20 };

/* Bytes of all parameters, of which each rank holds its shard if `spread`. */
static uint64_t held_bytes(const struct memory_share *share, bool spread, uint64_t bytes_each) {
  const uint64_t experts = min_u64(share->expert_parameters, share->parameters);
  const uint64_t others = share->parameters - experts;
  if (!spread) return sat_mul(share->parameters, bytes_each);
  const uint64_t shard =
      sat_add(ceil_div(others, max_u64(share->data, 1)), ceil_div(experts, max_u64(share->expert_data, 1)));
  return sat_mul(shard, bytes_each);
}

static uint64_t buffers_bytes(const struct training_settings *settings, uint64_t weight_bytes,
                              const struct memory_share *share) {
  if (share->data <= 1 && share->expert_data <= 1) return 0;
  const uint64_t gradients = sat_mul(share->parameters, settings->gradient_bytes);
  uint64_t bytes = min_u64(sat_mul(BUCKETS, settings->bucket_mib << MIB_SHIFT), gradients);
  if (share->zero >= 2) bytes = sat_add(bytes, sat_mul(share->largest_parameters, settings->gradient_bytes));
  if (share->zero >= 3) bytes = sat_add(bytes, sat_mul(BLOCKS_AT_ONCE, sat_mul(share->largest_held, weight_bytes)));
  return bytes;
}

void memory_of_state(const struct training_settings *settings, uint64_t weight_bytes, const struct memory_share *share,
                     struct memory_state *state) {
  REQUIRE(share->zero <= MEMORY_MAX_ZERO);
  const uint64_t frozen =
      share->zero >= 3 ? ceil_div(share->frozen_parameters, max_u64(share->data, 1)) : share->frozen_parameters;
  const uint64_t gradient_bytes = max_u64(settings->gradient_bytes, settings->accumulate_bytes);
  *state = (struct memory_state){
      .weights_bytes = sat_add(held_bytes(share, share->zero >= 3, weight_bytes), sat_mul(frozen, weight_bytes)),
      .gradients_bytes = held_bytes(share, share->zero >= 2, gradient_bytes),
      .optimizer_bytes = held_bytes(share, share->zero >= 1, training_optimizer_bytes(settings, weight_bytes)),
      .buffers_bytes = buffers_bytes(settings, weight_bytes, share),
  };
}
