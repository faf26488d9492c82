/* What is an algorithm for sharding? One record, one file, one line in algorithms.def. */
#ifndef SEARCH_SHARDING_SHARDING_ALGORITHM_H
#define SEARCH_SHARDING_SHARDING_ALGORITHM_H

#include "base/config.h"
#include "search/sharding/sharding.h"
#include "search/sharding/sharding_bounds.h"

struct sharding_request {
  const struct sharding_problem *problem;
  struct sharding_bounds *bounds;     /* at least the quick ones */
  const void *settings;               /* of the algorithm's own table */
  uint64_t seed, samples;             /* most answers evaluated */
  bool (*interrupted)(void *context); /* NULL: never */
  void *context;
  struct arena *arena, *scratch;
};
struct sharding_result {
  bool found;
  struct sharding_answer answer; /* in the request's arena; the best found */
  double value_s;                /* INFINITY: none found */
  uint64_t samples;
  bool proven;
  double bound_s; /* what an exact method has shown; 0: nothing */
};
struct sharding_algorithm {
  const char *name, *doc, *source;
  const struct field_table *table;
  size_t settings_bytes;
  bool one_shot;                                           /* a rule: no random numbers, no budget */
  bool (*applies)(const struct sharding_problem *problem); /* NULL: to all */
  void (*run)(const struct sharding_request *request, struct sharding_result *result);
};
/* Random numbers: rng_stream(seed, RNG_SHARDING, round, this << 32 | task). */
enum sharding_stream { SHARDING_STREAM_RANDOM = 1, SHARDING_STREAM_GA2, SHARDING_STREAM_BEST, SHARDING_STREAM_CASES };
extern const struct sharding_algorithm *const sharding_algorithms[];
extern const size_t n_sharding_algorithms;
const struct sharding_algorithm *sharding_find_algorithm(const char *name); /* NULL: none */

struct sharding_meter {
  const struct sharding_request *request;
  struct sharding_result *result;
};
void sharding_meter_init(struct sharding_meter *meter, const struct sharding_request *request,
                         struct sharding_result *result);
bool sharding_meter_full(const struct sharding_meter *meter);
/* sharding_evaluate; one sample. Only while the meter is not full. */
double sharding_meter_try(struct sharding_meter *meter, const struct sharding_answer *answer);

#endif
