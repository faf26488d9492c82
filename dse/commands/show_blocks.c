/* dse show workload --blocks: which pieces a network falls into, how often each occurs, and what it keeps.
 *
 * Megabytes are 10⁶ bytes, of one device and one pass. */
#include "dse/commands/show_blocks.h"

#include <inttypes.h>

static const double mega = 1e6, giga = 1e9;

static size_t n_places_of(const struct block_chain *chain, size_t block) {
  size_t n = 0;
  for (size_t k = 0; k < chain->n_places; k++) n += chain->block_at[k] == block;
  return n;
}

static size_t first_place_of(const struct block_chain *chain, size_t block) {
  size_t k = 0;
  while (k < chain->n_places && chain->block_at[k] != block) k++;
  return k;
}

void show_blocks(const struct invocation *invocation, const struct block_chain *chain) {
  say(invocation, "\n%zu blocks in %zu places; kept for the backward pass and the largest working set, in MB\n\n",
      chain->n_blocks, chain->n_places);
  say(invocation, "%-32s %5s %6s %16s %14s %12s %12s %12s %12s %10s\n", "block", "first", "places", "parameters",
      "forward GFLOP", "kept", "selective", "full", "working", "output");
  for (size_t b = 0; b < chain->n_blocks; b++) {
    const struct block *const block = &chain->blocks[b];
    say(invocation, "%-32s %5zu %6zu %16" PRIu64 " %14.3f %12.3f %12.3f %12.3f %12.3f %10.3f\n", block->name,
        first_place_of(chain, b), n_places_of(chain, b), block->parameters,
        2 * (double)block->macs[PHASE_FORWARD] / giga, (double)block->kept_bytes[RECOMPUTE_NONE] / mega,
        (double)block->kept_bytes[RECOMPUTE_SELECTIVE] / mega, (double)block->kept_bytes[RECOMPUTE_FULL] / mega,
        (double)block->working_bytes[RECOMPUTE_NONE] / mega, (double)block->out_bytes / mega);
  }
}

static json_t *by_recompute(const uint64_t bytes[N_RECOMPUTES]) {
  json_t *const object = json_object();
  for (size_t r = 0; r < N_RECOMPUTES; r++)
    json_object_set_new(object, recompute_names[r], json_integer((json_int_t)bytes[r]));
  return object;
}

static json_t *block_json(const struct block *block, size_t n_places) {
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = {{"places", n_places},
                 {"parameters", block->parameters},
                 {"expert_parameters", block->expert_parameters},
                 {"borrowed_parameters", block->borrowed_parameters},
                 {"forward_flops", 2 * block->macs[PHASE_FORWARD]},
                 {"backward_flops", 2 * (block->macs[PHASE_BACKWARD_DATA] + block->macs[PHASE_BACKWARD_WEIGHT])},
                 {"in_bytes", block->in_bytes},
                 {"out_bytes", block->out_bytes},
                 {"shared_bytes", block->shared_bytes}};
  json_t *const object = json_object(), *const ops = json_object();
  json_object_set_new(object, "name", json_string(block->name));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    json_object_set_new(object, numbers[i].name, json_integer((json_int_t)numbers[i].value));
  json_object_set_new(object, "kept_bytes", by_recompute(block->kept_bytes));
  json_object_set_new(object, "working_bytes", by_recompute(block->working_bytes));
  json_object_set_new(object, "recomputes", json_boolean(block->recomputes));
  for (size_t p = 0; p < N_BLOCK_PHASES; p++)
    json_object_set_new(ops, block_phase_names[p], json_integer((json_int_t)block->phase[p].n_ops));
  json_object_set_new(object, "ops", ops);
  return object;
}

json_t *show_blocks_json(const struct block_chain *chain) {
  json_t *const object = json_object(), *const blocks = json_array(), *const places = json_array();
  for (size_t b = 0; b < chain->n_blocks; b++)
    json_array_append_new(blocks, block_json(&chain->blocks[b], n_places_of(chain, b)));
  for (size_t k = 0; k < chain->n_places; k++) json_array_append_new(places, json_integer(chain->block_at[k]));
  json_object_set_new(object, "distinct", blocks);
  json_object_set_new(object, "block_at", places);
  return object;
}
