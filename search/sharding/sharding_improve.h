/* Can an answer be improved a step at a time? Private to exact methods and searches. See sharding_improve.c. */
#ifndef SEARCH_SHARDING_SHARDING_IMPROVE_H
#define SEARCH_SHARDING_SHARDING_IMPROVE_H

#include "search/sharding/sharding_choice.h"

struct improve_limits {
  uint64_t max_samples;   /* of both together */
  uint64_t max_solved;    /* choices of sets whose strategies are solved */
  uint64_t max_evaluated; /* answers that are valued, strategies changed one by one */
  double tolerance;       /* what gains less than this share is no step */
  bool (*interrupted)(void *context);
  void *context;
};
/* From a choice and the best answer known: steps of sets, then of strategies. Improves all of them; counts what was
 * solved and valued to *n_samples. */
void sharding_improve(const struct choice_context *context, const struct improve_limits *limits, struct choice *choice,
                      struct choice_value *value, uint64_t *n_samples);

#endif
