/* Sets, designs and ranges chosen: which strategies are best for them? Private to exact methods and searches. */
#ifndef SEARCH_SHARDING_SHARDING_CHOICE_H
#define SEARCH_SHARDING_SHARDING_CHOICE_H

#include "search/sharding/sharding_ranges.h"

enum { CHOICE_MAX_SETS = 64, CHOICE_MEMORY_WORK = 7 /* of solving, where labels count bytes */ };

struct choice {
  uint32_t n_sets;
  struct ranges_choice sets[CHOICE_MAX_SETS]; /* in order; the last ends with the last layer */
};
struct choice_context {
  const struct sharding_sets *sets;
  struct sharding_store *store;
  size_t max_width; /* of level 2's labels */
  struct arena *scratch, *arena;
};
struct choice_value {
  double value_s;                /* in: only what is less is wanted; out: as it was, or what was found */
  double bound_s;                /* of one set, no strategies are below this, up to what was wanted; several: 0 */
  bool memory;                   /* out: labels had to count bytes, which takes longer */
  struct sharding_answer answer; /* in the context's arena; written if something was found */
};
/* Level 2 set by set, what comes before and after seen from each; several rounds. True: something better was found. */
bool choice_solve(const struct choice_context *context, const struct choice *choice, struct choice_value *value);
/* No strategies of several sets take less than what is returned, up to `cutoff_s`, or do not fit. */
double choice_bound(const struct choice_context *context, const struct choice *choice, double cutoff_s);

#endif
