/* How do devices share the experts of a layer?
 *
 * Each of x ranks holds experts/x of them and its own tokens: an all-to-all takes tokens to their experts, another one
 * takes the results back, the same backwards. A rank's share of the work stays what it was, since x ranks send. Routers
 * stay with the tokens. The ranks are those of data parallelism; where x does not divide them, those of context
 * parallelism too. Source: workloads §8 (uniform routing, capacity as in the model file). With a tensor group but
 * without sequence parallelism all its ranks have all tokens, and each sends all of them. */
#include "base/checked.h"
#include "workloads/split_rewrite.h"

static uint64_t degree(const struct split_degrees *degrees) { return degrees->expert; }

static bool applies(const struct op_graph *forward, const struct split_degrees *degrees, struct error *error) {
  const struct split_facts *const facts = &forward->facts;
  const unsigned long long x = degrees->expert, replicas = sat_mul(degrees->data, degrees->context);
  if (!split_known(forward, "expert", degrees->expert, facts->expert, error)) return false;
  const size_t n_before = error->n_messages;
  if (facts->experts == 0)
    error_add(error, STATUS_INPUT, "expert: is %llu, but the model has no experts, allowed is 1", x);
  else if (facts->experts % x != 0)
    error_add(error, STATUS_INPUT, "expert: %llu does not divide experts = %llu, allowed are its divisors", x,
              (unsigned long long)facts->experts);
  if (replicas % x != 0)
    error_add(error, STATUS_INPUT, "expert: %llu does not divide data · context = %llu, allowed are its divisors", x,
              replicas);
  return error->n_messages == n_before;
}

static void exchange(const struct split_degrees *degrees, struct split_link *link) {
  const uint64_t stride = degrees->data % degrees->expert == 0 ? degrees->tensor * degrees->context : degrees->tensor;
  *link = (struct split_link){"exchange", OP_ALL_TO_ALL, SPLIT_EXCHANGE, 0, degrees->expert, stride};
}

static bool go_back(const struct op *reader, size_t j, const struct split_degrees *degrees, struct split_link *link) {
  exchange(degrees, link);
  return reader->split == SPLIT_RETURN && j == 0;
}

static bool go(const struct op *writer, size_t k, const struct split_degrees *degrees, struct split_link *link) {
  exchange(degrees, link);
  return writer->split == SPLIT_DISPATCH && k == 0;
}

static bool split(const struct op_graph *forward, const struct split_degrees *degrees, struct arena *arena,
                  struct arena *scratch, struct op_graph *rank, struct split_extras *extras, struct error *error) {
  static const struct split_links links = {go_back, go};
  struct split_facts facts = forward->facts;
  facts.expert = degrees->expert;
  if (!split_rewrite(forward, &facts, degrees, &links, arena, scratch, rank, error)) return false;
  if (extras != NULL) split_extras_between(forward, rank, extras);
  return true;
}

const struct split_strategy split_expert = {"expert", "Experts of a layer, with an all-to-all before and behind them.",
                                            degree, applies, split};
