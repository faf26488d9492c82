/* Who does the work between the matrices of a tensor group?
 *
 * Sequence parallelism: norms, dropout, residuals and routers by tokens, so that no rank repeats another's. Each copy
 * into a tensor-parallel part becomes an all-gather, each sum behind one a reduce-scatter: the volume of the
 * all-reduces they replace. Kept is the rank's own part; it is gathered once more for the weight gradient (training.c).
 * Source: arXiv 2205.05198; workloads §8. Left out: the sum of norms' gradients over the group, once an iteration. */
#include "workloads/split_rewrite.h"
#include "workloads/split_sizes.h"

static uint64_t degree(const struct split_degrees *degrees) { return degrees->sequence ? degrees->tensor : 1; }

static bool applies(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  const struct split_facts *const facts = &forward->facts;
  const uint64_t t = degrees->tensor, length = facts->sequence / (degrees->context > 0 ? degrees->context : 1);
  if (!split_known(forward, "sequence", t, facts->sequence_parallel ? split_tensor_ranks(facts) : 1, error))
    return false;
  if (facts->pair)
    return error_add(
        error, STATUS_INPUT,
        "sequence: sequences of two lengths, one attending to the other, are not shared, allowed is false");
  if (facts->image)
    return error_add(error, STATUS_INPUT,
                     "sequence: the tokens of an image cannot be shared, one of them is its class, allowed is false");
  if (length % t != 0)
    return error_add(error, STATUS_INPUT,
                     "sequence: tensor = %llu does not divide the %llu tokens of a sequence on a device, allowed are "
                     "their divisors",
                     (unsigned long long)t, (unsigned long long)length);
  return true;
}

static bool split(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                  struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error) {
  static const struct split_links none = {NULL, NULL}; /* those of the tensor split change */
  struct split_facts facts = forward->facts;
  facts.sequence_parallel = true;
  if (!split_rewrite(forward, &facts, degrees, &none, arena, scratch, rank, error)) return false;
  if (extras != NULL) split_extras_between(forward, rank, extras);
  return true;
}

const struct split_strategy split_sequence = {
    "sequence", "Norms, dropout and residuals by tokens within a tensor group (Megatron).", degree, applies, split};
