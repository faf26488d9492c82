/* Can an answer be improved a step at a time? Private to exact methods and searches. See sharding_improve.c. */
#ifndef SEARCH_SHARDING_SHARDING_IMPROVE_H
#define SEARCH_SHARDING_SHARDING_IMPROVE_H

#include "search/sharding/sharding_choice.h"

struct improve_limits {
  uint64_t max_samples;   /* choices or answers, in either */
  uint64_t max_solved;    /* choices of sets whose strategies are solved; labels that count bytes count several times */
  uint64_t max_evaluated; /* answers that are valued, strategies changed one by one */
  double tolerance;       /* what gains less than this share is no step */
  struct ranges *ranges;  /* says of a choice of sets that it cannot be better; NULL: each is solved */
  bool (*interrupted)(void *context);
  void *context;
};
/* Steps of sets, designs and ranges from a choice and its value, or a better one. Returns how many were solved. */
uint64_t sharding_improve_sets(const struct choice_context *context, const struct improve_limits *limits,
                               struct choice *choice, struct choice_value *value);
/* Steps of strategies from the value's answer; a better one goes to the arena. Returns how many were valued. */
uint64_t sharding_improve_strategies(const struct sharding_problem *problem, const struct improve_limits *limits,
                                     struct arena *scratch, struct arena *arena, struct choice_value *value);

#endif
