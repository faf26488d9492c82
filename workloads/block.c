/* Which pieces does a model fall into, what does each compute in every phase of training, and what does it keep?
 *
 * block_cut.c says where the model may be cut, block_graphs.c what each piece's graphs are; this file counts their
 * bytes and finds equal ones. Kept bytes (workloads §6–7): a tensor that only the next block keeps is counted there,
 * where a pipeline would send it: so a GPT layer keeps the published 34sbh + 5as²b, its input among them. Selective
 * recomputation drops what selective.c says (between QKᵀ and AV, arXiv 2205.05198), full recomputation everything but
 * the block's input. What comes last in the model is not recomputed in full (its backward pass follows at once, and
 * Megatron does not do it either), nor what keeps less than its input (pooling). */
#include "workloads/block.h"
#include "base/checked.h"
#include "workloads/block_graphs.h"
#include "workloads/block_short.h"
#include "workloads/selective.h"
#include <string.h>

const char *const recompute_names[] = {"none", "selective", "full", NULL};
const char *const block_phase_names[N_BLOCK_PHASES] = {"forward",         "backward", "backward-data",
                                                       "backward-weight", "update",   "selective"};

struct builder {
  struct block_source source;
  const struct training_settings *settings;
  bool keep_all_phases;
  struct arena *arena, *scratch;
  uint64_t moved_bytes; /* kept by the place before only because the next one wants it */
  struct error *error;
};

/* --- bytes ------------------------------------------------------------------------------------------------------ */

/* Σ kept bytes of the block, what is dropped by each kind of recomputation, and what the next block has to count. */
static void count_kept(struct builder *builder, size_t place, const struct block_forward *forward,
                       struct block *block) {
  const struct block_source *const source = &builder->source;
  const uint64_t *const alone =
      rules_kept_bytes(&forward->graph, forward->flags, builder->settings->keep_statistics, builder->scratch);
  uint64_t own = builder->moved_bytes, dropped = 0, inputs = 0, moved = 0;
  for (size_t i = 0; i < forward->graph.n_ops; i++) {
    const uint32_t op = forward->from[i];
    if (op == OP_ABSENT) continue;
    const uint64_t whole = source->training.ops[op].kept_bytes, here = min_u64(alone[i], whole);
    own = sat_add(own, here);
    moved = sat_add(moved, whole - here);
    if (source->dropped.inner[op]) dropped = sat_add(dropped, here);
    if (!source->cut.flows[op]) inputs = sat_add(inputs, here);
  }
  const uint64_t entering = forward->entering == OP_ABSENT ? 0 : alone[forward->entering];
  block->shared_bytes = entering > builder->moved_bytes ? entering - builder->moved_bytes : 0;
  const uint64_t whole_bytes = sat_add(own, block->shared_bytes), input_bytes = sat_add(block->in_bytes, inputs);
  const bool is_last = place + 1 == source->cut.n_places && place > 0;
  block->recomputes = !is_last && input_bytes < whole_bytes;
  block->kept_bytes[RECOMPUTE_NONE] = own;
  block->kept_bytes[RECOMPUTE_SELECTIVE] = own - dropped;
  block->kept_bytes[RECOMPUTE_FULL] = block->recomputes ? input_bytes : whole_bytes;
  /* What comes back for the backward pass lives beside it; the input is there already. */
  block->working_bytes[RECOMPUTE_SELECTIVE] = dropped;
  const uint64_t there = sat_add(builder->moved_bytes, inputs);
  block->working_bytes[RECOMPUTE_FULL] = block->recomputes && own > there ? own - there : 0;
  builder->moved_bytes = moved;
}

/* The most that one op reads and writes, besides parameters and their gradients, which are there anyway. */
static uint64_t largest_op_bytes(const struct block *block) {
  static const enum block_phase phases[] = {BLOCK_FORWARD, BLOCK_BACKWARD};
  uint64_t bytes = 0;
  for (size_t p = 0; p < sizeof phases / sizeof *phases; p++)
    for (size_t i = 0; i < block->phase[phases[p]].n_ops; i++) {
      const struct op *const op = &block->phase[phases[p]].ops[i];
      const uint64_t written = op->phase == PHASE_BACKWARD_WEIGHT ? 0 : op->out_bytes;
      bytes = max_u64(bytes, sat_add(op->in_bytes, written));
    }
  return bytes;
}

/* --- parameters and work ---------------------------------------------------------------------------------------- */

/* What the first op of each group owns, over all places. */
static const uint64_t *group_parameters(const struct block_source *source, struct arena *arena) {
  uint64_t *const parameters = ARENA_NEW(arena, uint64_t, source->n_groups);
  for (size_t i = 0; i < source->forward->n_ops; i++)
    if (source->group_of_forward[i] != OP_ABSENT)
      parameters[source->group_of_forward[i]] =
          sat_add(parameters[source->group_of_forward[i]], source->forward->ops[i].n_parameters);
  return parameters;
}

/* `of_group`: what each group owns, over all places; `here`: all 0, and again afterwards. */
static void count_parameters(const struct block_source *source, size_t place, const uint64_t *of_group, uint64_t *here,
                             struct block *block) {
  const uint32_t *const members = source->cut.members, *const start = source->cut.member_start;
  for (size_t m = start[place]; m < start[place + 1]; m++) {
    const struct op *const op = &source->forward->ops[members[m]];
    const uint32_t group = source->group_of_forward[members[m]];
    block->parameters = sat_add(block->parameters, op->n_parameters);
    block->frozen_parameters = sat_add(block->frozen_parameters, op->n_frozen);
    if (op_is_expert(op)) block->expert_parameters = sat_add(block->expert_parameters, op->n_parameters);
    if (group != OP_ABSENT) here[group] = sat_add(here[group], op->n_parameters);
  }
  for (size_t m = start[place]; m < start[place + 1]; m++) {
    const uint32_t group = source->group_of_forward[members[m]];
    if (group == OP_ABSENT) continue;
    block->borrowed_parameters = sat_add(block->borrowed_parameters, of_group[group] - here[group]);
    here[group] = of_group[group];
  }
  for (size_t m = start[place]; m < start[place + 1]; m++)
    if (source->group_of_forward[members[m]] != OP_ABSENT) here[source->group_of_forward[members[m]]] = 0;
}

static void count_macs(const struct block_source *source, size_t place, struct block *block) {
  for (size_t m = source->member_start[place]; m < source->member_start[place + 1]; m++) {
    const struct op *const op = &source->fused.ops[source->members[m]];
    block->macs[op->phase] = sat_add(block->macs[op->phase], op_macs(op));
  }
}

/* --- one block -------------------------------------------------------------------------------------------------- */

static const char *block_name(const struct block_source *source, size_t place) {
  const struct block_cut *const cut = &source->cut;
  uint32_t first = cut->members[cut->member_start[place]];
  bool in_layer = false;
  for (size_t m = cut->member_start[place + 1]; m-- > cut->member_start[place];) {
    if (cut->flows[cut->members[m]]) first = cut->members[m];
    in_layer |= source->forward->ops[cut->members[m]].layer != OP_ABSENT;
  }
  if (!cut->layered) return op_name(source->forward, first);
  return in_layer ? "layer" : place == 0 ? "embedding" : "head";
}

static bool make_block(struct builder *builder, size_t place, struct block *block) {
  struct block_source *const source = &builder->source;
  const struct block_cut *const cut = &source->cut;
  struct block_forward forward;
  if (!block_forward_cut(source, place, builder->arena, builder->scratch, &forward, builder->error)) return false;
  block->name = arena_copy_text(builder->arena, block_name(source, place));
  block->forward = forward.graph;
  if (place > 0) block->in_bytes = rules_tensor_bytes(&source->forward->ops[cut->leaving[place - 1]]);
  if (place + 1 < cut->n_places) block->out_bytes = rules_tensor_bytes(&source->forward->ops[cut->leaving[place]]);
  for (enum block_phase phase = 0; phase < N_BLOCK_PHASES; phase++) {
    if (!builder->keep_all_phases && (phase == BLOCK_BACKWARD_DATA || phase == BLOCK_BACKWARD_WEIGHT)) continue;
    if (!block_phase_cut(source, place, phase, (enum fusion)builder->settings->fusion, builder->arena, builder->scratch,
                         &block->phase[phase], builder->error))
      return false;
  }
  count_macs(source, place, block);
  count_kept(builder, place, &forward, block);
  const uint64_t largest = largest_op_bytes(block);
  for (size_t r = 0; r < N_RECOMPUTES; r++) block->working_bytes[r] = sat_add(block->working_bytes[r], largest);
  return true;
}

static void add_digest(struct digest_stream *stream, struct digest digest) {
  digest_add_u64(stream, digest.high);
  digest_add_u64(stream, digest.low);
}

/* All but the name. */
static struct digest block_digest(const struct block *block) {
  struct digest_stream stream;
  digest_begin(&stream);
  add_digest(&stream, block->forward.digest);
  for (size_t p = 0; p < N_BLOCK_PHASES; p++) add_digest(&stream, block->phase[p].digest);
  for (size_t p = 0; p < N_PHASES; p++) digest_add_u64(&stream, block->macs[p]);
  for (size_t r = 0; r < N_RECOMPUTES; r++) {
    digest_add_u64(&stream, block->kept_bytes[r]);
    digest_add_u64(&stream, block->working_bytes[r]);
  }
  const uint64_t rest[] = {block->in_bytes,          block->out_bytes,           block->parameters,
                           block->expert_parameters, block->borrowed_parameters, block->shared_bytes,
                           block->recomputes};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) digest_add_u64(&stream, rest[i]);
  return digest_end(&stream);
}

/* --- the chain -------------------------------------------------------------------------------------------------- */

/* Distinct blocks by digest, in an open hash table. */
struct distinct {
  struct digest *digests;
  uint32_t *slots; /* block + 1; 0: free */
  size_t n_slots;
};

/* The block of this digest, or OP_ABSENT: then it is block number `next` from now on. */
static uint32_t find_block(struct distinct *distinct, struct digest digest, uint32_t next) {
  size_t slot = digest.low & (distinct->n_slots - 1);
  while (distinct->slots[slot] != 0 && !digest_equal(distinct->digests[distinct->slots[slot] - 1], digest))
    slot = (slot + 1) & (distinct->n_slots - 1);
  if (distinct->slots[slot] != 0) return distinct->slots[slot] - 1;
  distinct->slots[slot] = next + 1;
  distinct->digests[next] = digest;
  return OP_ABSENT;
}

static bool make_places(struct builder *builder, struct arena *work, struct block_chain *chain) {
  const struct block_source *const source = &builder->source;
  const size_t n_places = source->cut.n_places;
  struct distinct distinct = {.digests = ARENA_NEW(work, struct digest, n_places), .n_slots = 16};
  while (distinct.n_slots < 2 * n_places) distinct.n_slots *= 2;
  distinct.slots = ARENA_NEW(work, uint32_t, distinct.n_slots);
  const uint64_t *const of_group = group_parameters(source, work);
  uint64_t *const here = ARENA_NEW(work, uint64_t, source->n_groups);
  struct block *const blocks = ARENA_NEW(work, struct block, n_places);
  uint32_t *const block_at = ARENA_NEW(builder->arena, uint32_t, n_places);
  uint32_t n = 0;
  for (size_t k = 0; k < n_places; k++) {
    const struct arena_mark mark = arena_get_mark(builder->arena), scratch_mark = arena_get_mark(builder->scratch);
    blocks[n] = (struct block){0};
    count_parameters(source, k, of_group, here, &blocks[n]);
    const bool made = make_block(builder, k, &blocks[n]);
    arena_rewind(builder->scratch, scratch_mark);
    if (!made) return false;
    const uint32_t known = find_block(&distinct, block_digest(&blocks[n]), n);
    block_at[k] = known == OP_ABSENT ? n : known;
    if (known == OP_ABSENT)
      n++;
    else
      arena_rewind(builder->arena, mark);
  }
  struct block *const kept = ARENA_NEW(builder->arena, struct block, n);
  if (n > 0) memcpy(kept, blocks, n * sizeof *kept);
  *chain = (struct block_chain){.n_blocks = n, .blocks = kept, .n_places = n_places, .block_at = block_at};
  return true;
}

/* From the places of the shortened model to those of the whole. */
static void stretch(struct block_chain *chain, const uint32_t *place_of, size_t n_places, struct arena *arena) {
  uint32_t *const block_at = ARENA_NEW(arena, uint32_t, n_places);
  for (size_t k = 0; k < n_places; k++) block_at[k] = chain->block_at[place_of[k]];
  chain->block_at = block_at;
  chain->n_places = n_places;
}

static bool make_chain(struct builder *builder, const struct op_graph *forward, struct arena *work,
                       struct block_chain *chain) {
  struct training_settings settings = *builder->settings;
  struct op_graph fused;
  builder->source.forward = forward;
  if (settings.attention != ATTENTION_SEPARATE) { /* here already, so that cut and expansion see the same ops */
    if (!attention_fuse(forward, settings.attention == ATTENTION_CAUSAL, work, &fused, builder->error)) return false;
    settings.attention = ATTENTION_SEPARATE;
    builder->source.forward = &fused;
  }
  struct block_cut cut;
  struct block_short shorter;
  block_cut_make(builder->source.forward, rules_flags_new(builder->source.forward, work), work, &cut);
  if (!block_shorten(builder->source.forward, &cut, work, builder->scratch, &shorter, builder->error)) return false;
  builder->source.forward = &shorter.graph;
  builder->source.cut = shorter.cut;
  builder->source.flags = rules_flags_new(builder->source.forward, work);
  builder->source.dropped =
      selective_mark(builder->source.forward, (enum selective)settings.selective, &builder->source.cut, work);
  if (!block_source_expand(&builder->source, &settings, work, builder->scratch, builder->error) ||
      !make_places(builder, work, chain))
    return false;
  stretch(chain, shorter.place_of, cut.n_places, builder->arena);
  return true;
}

bool block_chain_make(const struct op_graph *forward, const struct training_settings *settings, bool keep_all_phases,
                      struct arena *arena, struct arena *scratch, struct block_chain *chain, struct error *error) {
  for (size_t i = 0; i < forward->n_ops; i++)
    if (forward->ops[i].phase != PHASE_FORWARD || forward->ops[i].n_followers > 0)
      return error_add(error, STATUS_INPUT, "blocks: the graph must be a forward graph without fused operators");
  struct builder builder = {
      .settings = settings, .keep_all_phases = keep_all_phases, .arena = arena, .scratch = scratch, .error = error};
  struct arena work; /* the whole model's graphs, which are large and gone afterwards */
  arena_init(&work, 1 << 20);
  const struct arena_mark mark = arena_get_mark(scratch);
  const bool made = make_chain(&builder, forward, &work, chain);
  arena_rewind(scratch, mark);
  arena_release(&work);
  return made;
}
