/* Has this operator been priced on such a core before?
 *
 * A cost is a pure function of the operator, of what it sees of a design, and of the rules; many designs look alike to
 * an operator. A key holds a digest of each (cost-model §1: op shape, followers, element bytes; core shape, memory
 * share, bandwidths; provider and its constants) and the number of cores. Digests of operators are made once per
 * shape, that of the rules once per run, that of a machine once per design, so that a look is a few instructions and a
 * memory access. Changes speed and no answer. */
#ifndef ARCH_COST_CACHE_H
#define ARCH_COST_CACHE_H

#include "arch/cost.h"
#include "base/arena.h"
#include "base/digest.h"

/* What an operator's cost depends on of the operator; `followers` are the op's own. */
struct digest cost_op_digest(const struct op *op, const struct op_follower *followers);
/* Of the rules: provider, cost settings, technology. */
struct digest cost_rules_digest(const struct cost_provider *provider, const struct cost_settings *settings,
                                const struct technology *technology);
/* Of a design, under rules. An operator of lanes alone (`lanes_only`) does not see the arrays, which is where designs
 * differ most; none sees how many cores there are, only how many it is given. */
struct digest cost_machine_digest(struct digest rules, const struct machine *machine, bool lanes_only);

struct cost_key {
  struct digest op, machine;
  uint64_t n_cores; /* ≥ 1 */
};

/* Counts of all looks so far. */
struct cost_cache_counts {
  uint64_t hits, misses;
};

/* Fixed size, direct-mapped: a newcomer replaces what is in its place. */
struct cost_cache;
/* A power of two of entries, or 0: one that keeps nothing and misses always. In the arena; nothing is allocated
 * later. */
struct cost_cache *cost_cache_new(struct arena *arena, size_t n_entries);
/* The cost kept under exactly this key, valid until the next cost_cache_keep; NULL if there is none. */
const struct op_cost *cost_cache_find(struct cost_cache *cache, const struct cost_key *key);
void cost_cache_keep(struct cost_cache *cache, const struct cost_key *key, const struct op_cost *cost);
struct cost_cache_counts cost_cache_counts(const struct cost_cache *cache);

#endif
