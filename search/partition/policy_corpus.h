/* On which graphs is a policy trained? Drawn ones of five families of networks, and those that a user gives.
 * (partition §8.)
 *
 * Compute and output of an operator are log-normal; outputs are scaled so that all transfers take 0.02 to 2 times as
 * long as all compute; in a tenth of the graphs one operator without work feeds many, as a mask does. Split by family,
 * never by graph. */
#ifndef SEARCH_PARTITION_POLICY_CORPUS_H
#define SEARCH_PARTITION_POLICY_CORPUS_H

#include "base/digest.h"
#include "search/partition/partition.h"

enum policy_family {
  POLICY_CHAIN,
  POLICY_RESIDUAL,
  POLICY_BRANCHES,
  POLICY_LONG_SKIPS, /* encoder and decoder */
  POLICY_ATTENTION,
  POLICY_N_FAMILIES
};
extern const char *const policy_family_names[POLICY_N_FAMILIES];

enum { POLICY_LEAST_NODES = 20, POLICY_MOST_NODES = 300, POLICY_N_CHIPS = 5 };
extern const uint32_t policy_corpus_chips[POLICY_N_CHIPS];

/* Graph `number` of a corpus: family, chips and rules go in turn. */
void policy_corpus_draw(uint64_t seed, uint64_t number, struct arena *arena, struct partition_problem *problem);
enum policy_family policy_corpus_family(uint64_t number);
/* Everything of a problem that a policy can learn from. */
void policy_corpus_digest(const struct partition_problem *problem, struct digest_stream *stream);

#endif
