/* How do devices share a sequence, attention included?
 *
 * Each of c ranks has s/c tokens and computes their queries against the keys of the whole sequence, which it gathers:
 * (c − 1)/c of K and V sent a layer, twice that backwards (gathered again, and the gradients' reduce-scatter), as much
 * as a ring passes on. Chunk i goes with chunk 2c − 1 − i, so that a causal mask leaves every rank the same work
 * (attention_fusion.c). Source: workloads §8. Keys and values of latent attention are
 * gathered as all heads' (Megatron Core), not as the narrow vectors they are made of. Choice: the gathering ends before
 * attention begins (as in the training of Llama 3), where a ring would hide it behind attention. */
#include "base/checked.h"
#include "workloads/split_rewrite.h"

static uint64_t degree(const struct split_degrees *degrees) { return degrees->context; }

static bool applies(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  const struct split_facts *const facts = &forward->facts;
  if (!split_known(forward, "context", degrees->context, facts->context, error)) return false;
  if (facts->pair)
    return error_add(error, STATUS_INPUT,
                     "context: sequences of two lengths, one attending to the other, are not shared, allowed is 1");
  if (facts->image)
    return error_add(error, STATUS_INPUT,
                     "context: the tokens of an image cannot be shared, one of them is its class, allowed is 1");
  if (facts->sequence % degrees->context != 0)
    return error_add(error, STATUS_INPUT, "context: %llu does not divide sequence = %llu, allowed are its divisors",
                     (unsigned long long)degrees->context, (unsigned long long)facts->sequence);
  return true;
}

static bool gather(const struct op *reader, size_t j, const struct split_degrees *degrees, struct split_link *link) {
  const uint64_t *const dim = reader->dim; /* of latent attention, whose keys and values are tensors of their own */
  const uint64_t bytes = sat_mul(sat_mul(dim[DIM_REPS], reader->element_bytes), sat_mul(dim[DIM_N], dim[DIM_K]));
  *link = (struct split_link){"keys", OP_ALL_GATHER, SPLIT_KEYS, bytes, degrees->context, degrees->tensor};
  return j == 1 && (reader->split == SPLIT_SCORES || reader->split == SPLIT_VALUES);
}

static bool split(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                  struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error) {
  static const struct split_links links = {gather, NULL};
  struct split_facts facts = forward->facts;
  facts.context = degrees->context;
  if (!split_rewrite(forward, &facts, degrees, &links, arena, scratch, rank, error)) return false;
  if (extras != NULL) split_extras_between(forward, rank, extras);
  return true;
}

const struct split_strategy split_context = {
    "context", "The sequence, with keys and values of all of it gathered in each layer.", degree, applies, split};
