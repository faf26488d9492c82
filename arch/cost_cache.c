/* How are costs kept between designs? See cost_cache.h.
 *
 * Source: cost-model §1 ("cached by digest"). Keys are compared in full: two that share a place replace each other and
 * are never taken for each other. Left out: sharing between ranks, and keeping anything between runs. */
#include "arch/cost_cache.h"

#include "base/error.h"
#include "base/memo.h"
#include <string.h>

/* --- digests --------------------------------------------------------------------------------------------------------
 */

struct digest cost_op_digest(const struct op *op, const struct op_follower *followers) {
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_u64(&stream, (uint64_t)op->kind << 24 | (uint64_t)op->phase << 16 | (uint64_t)op->element_bytes << 8 |
                              op->weighted);
  digest_add_bytes(&stream, op->dim, sizeof op->dim);
  digest_add_u64(&stream, op->n_parameters);
  digest_add_u64(&stream, op->in_bytes);
  digest_add_u64(&stream, op->weight_bytes);
  digest_add_u64(&stream, op->out_bytes);
  for (size_t i = 0; i < op->n_followers; i++) {
    digest_add_u64(&stream, (uint64_t)followers[i].kind << 8 | followers[i].phase);
    digest_add_u64(&stream, followers[i].elements);
    digest_add_u64(&stream, followers[i].row);
  }
  return digest_end(&stream);
}

struct digest cost_rules_digest(const struct cost_provider *provider, const struct cost_settings *settings,
                                const struct technology *technology) {
  struct cost_settings cost = *settings; /* sections point to what they could also fill */
  struct technology constants = *technology;
  const struct config_section sections[] = {{"cost", &cost_fields, &cost, false},
                                            {"technology", &technology_fields, &constants, false}};
  struct digest_stream stream;
  digest_begin(&stream);
  digest_add_text(&stream, provider->name);
  config_digest(&stream, sections, sizeof sections / sizeof *sections);
  if (settings->network != NULL) {
    struct network_settings links = *settings->network;
    const struct config_section network = {"network", &network_fields, &links, false};
    config_digest(&stream, &network, 1);
  }
  return digest_end(&stream);
}

/* All of the machine goes in but what is put to zero here, so that a new member counts without anybody thinking of it.
 * Digests never leave the process, so the order of bytes does not matter, and unnamed padding could only cost a miss.
 */
struct digest cost_machine_digest(struct digest rules, const struct machine *machine, bool lanes_only) {
  struct {
    struct digest rules;
    struct machine machine;
  } seen;
  memset(&seen, 0, sizeof seen);
  seen.rules = rules;
  memcpy(&seen.machine, machine, sizeof seen.machine);
  seen.machine.settings = NULL; /* in the rules */
  seen.machine.technology = NULL;
  seen.machine.tilings = NULL; /* no price hangs on it */
  seen.machine.n_tensor = seen.machine.n_vector = 0;
  if (lanes_only) {
    seen.machine.rows = seen.machine.cols = 0;
    seen.machine.tensor_l2_bytes = seen.machine.glb_share_bytes = 0;
  }
  return digest_of(&seen, sizeof seen);
}

/* --- the table ------------------------------------------------------------------------------------------------------
 */

struct cost_cache {
  struct memo *memo; /* NULL: keeps nothing */
  struct cost_cache_counts counts;
};

struct cost_cache *cost_cache_new(struct arena *arena, size_t n_entries) {
  struct cost_cache *cache = ARENA_NEW(arena, struct cost_cache, 1);
  if (n_entries > 0) cache->memo = memo_new(arena, n_entries, sizeof(struct cost_key), sizeof(struct op_cost));
  return cache;
}

/* Digests are spread as they are; only the few numbers of cores must be. */
static uint64_t spread_of(const struct cost_key *key) {
  const uint64_t mixed = (key->op.low ^ key->machine.low) + key->n_cores * UINT64_C(0x9e3779b97f4a7c15);
  return mixed ^ mixed >> 32;
}

const struct op_cost *cost_cache_find(struct cost_cache *cache, const struct cost_key *key) {
  REQUIRE(key->n_cores >= 1);
  const struct op_cost *known = cache->memo != NULL ? memo_find(cache->memo, spread_of(key), key) : NULL;
  if (known != NULL) {
    cache->counts.hits++;
  } else {
    cache->counts.misses++;
  }
  return known;
}

void cost_cache_keep(struct cost_cache *cache, const struct cost_key *key, const struct op_cost *cost) {
  REQUIRE(key->n_cores >= 1);
  if (cache->memo == NULL) return;
  struct op_cost *const kept = memo_place(cache->memo, spread_of(key), key);
  *kept = *cost;
}

struct cost_cache_counts cost_cache_counts(const struct cost_cache *cache) {
  return cache->counts;
}
