/* What is an algorithm for placement? One record, one file, one line in algorithms.def. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_ALGORITHM_H
#define SEARCH_PLACEMENT_PLACEMENT_ALGORITHM_H

#include "base/config.h"
#include "search/placement/placement.h"
#include "search/placement/placement_bounds.h"

struct placement_request {
  const struct placement_problem *problem;
  const struct placement_bounds *bounds;
  const void *settings;   /* of the algorithm's own table */
  uint64_t seed, samples; /* most evaluations */
  /* What a former answer fixes (modality switching): the device on which a layer's weights lie already, or
   * PLACEMENT_NONE; NULL: nothing. */
  const uint32_t *held;
  bool (*interrupted)(void *context); /* NULL: never */
  void *context;
  struct arena *arena, *scratch;
};
struct placement_result {
  struct placement_answer answer; /* in the request's arena; the best found */
  double value;                   /* INFINITY: none found */
  uint64_t samples;               /* evaluations used */
  bool proven;
  double bound; /* what an exact method left open has shown; 0: nothing */
  /* Makespan and energy without the localities that a method stops short of (steps 1 and 2 of H2H, Herald-like): what
   * is published as theirs, never below what the answer takes by the rule on a single chain. NAN: no others. */
  double stated_s, stated_j;
  double stated_communication_s; /* of these, what devices spend on transfers */
};
struct placement_algorithm {
  const char *name, *doc, *source;
  const struct field_table *table;
  size_t settings_bytes;
  bool one_shot;   /* a rule: no random numbers, no budget */
  bool slow_start; /* not for thousands of layers */
  /* Which problems it can do; NULL: all. */
  bool (*applies)(const struct placement_problem *problem);
  void (*run)(const struct placement_request *request, struct placement_result *result);
};
/* Random numbers: rng_stream(seed, RNG_PLACEMENT, round, this << 32 | task). */
enum placement_stream {
  PLACEMENT_STREAM_RANDOM = 1,
  PLACEMENT_STREAM_ANNEAL,
  PLACEMENT_STREAM_MAGMA,
  PLACEMENT_STREAM_BEST,
  PLACEMENT_STREAM_FRONT
};

extern const struct placement_algorithm *const placement_algorithms[];
extern const size_t n_placement_algorithms;
const struct placement_algorithm *placement_find_algorithm(const char *name); /* NULL: none */

/* Counts evaluations and keeps the best answer: the first of equally good ones. */
struct placement_meter {
  const struct placement_request *request;
  struct placement_result *result;
};
/* A result without an answer yet. */
void placement_meter_init(struct placement_meter *meter, const struct placement_request *request,
                          struct placement_result *result);
/* No evaluation is left, or somebody interrupted. */
bool placement_meter_full(const struct placement_meter *meter);
/* Only while the meter is not full. */
double placement_meter_try(struct placement_meter *meter, const struct placement_answer *answer);

#endif
