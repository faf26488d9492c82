/* What is an algorithm for partitions? One record, one file, one line in algorithms.def. */
#ifndef SEARCH_PARTITION_PARTITION_ALGORITHM_H
#define SEARCH_PARTITION_PARTITION_ALGORITHM_H

#include "base/config.h"
#include "search/partition/partition.h"
#include "search/partition/partition_bounds.h"

/* Independent tasks of equal shape, shared over ranks by whoever has some; `results` holds n_tasks results of
 * result_bytes in task order, the same on every rank. */
struct partition_pool {
  void (*run)(void *context, size_t n_tasks, size_t result_bytes, void (*task)(void *argument, size_t i, void *result),
              void *argument, void *results);
  void *context;
};
/* `pool` NULL: one after another here. */
void partition_pool_run(const struct partition_pool *pool, size_t n_tasks, size_t result_bytes,
                        void (*task)(void *argument, size_t i, void *result), void *argument, void *results);

struct partition_request {
  const struct partition_graph *graph;
  const struct partition_bounds *bounds;
  const void *settings;   /* of the algorithm's own table */
  uint64_t seed, samples; /* most evaluations of a whole assignment */
  /* Looked at between samples; true: end now with what is there. NULL: never. */
  bool (*interrupted)(void *context);
  void *context;
  const struct partition_pool *pool; /* NULL: none */
  const char *data_folder;           /* where shipped files lie (weights of the policy) */
  /* NULL, or called with every sample's period in order (INFINITY: not valid): for convergence. */
  void (*sampled)(void *context, uint64_t sample, double period_ms);
  void *sampled_context;
  struct arena *arena, *scratch;
};
struct partition_result {
  bool found;
  uint32_t *chip;   /* [n] by group, in the request's arena; the best found, renumbered */
  double value;     /* ms; INFINITY: none found */
  uint64_t samples; /* evaluations used */
  bool proven;      /* value is optimal; without found: there is no partition at all */
  double bound;     /* what an exact method has shown, ms; 0: nothing */
};
struct partition_algorithm {
  const char *name, *doc, *source;
  const struct field_table *table; /* NULL: no keys */
  size_t settings_bytes;
  uint64_t default_samples; /* where it runs alone and nobody says how many; 0: what the command takes */
  bool one_shot;            /* a rule: no random numbers, no budget */
  bool (*applies)(const struct partition_graph *graph); /* NULL: to all */
  /* False with a message: a setting or a file (weights) is wrong. */
  bool (*run)(const struct partition_request *request, struct partition_result *result, struct error *error);
};
/* Random numbers: rng_stream(seed, RNG_PARTITION, round, this << 32 | task). */
enum partition_stream {
  PARTITION_STREAM_RANDOM = 1,
  PARTITION_STREAM_ANNEAL,
  PARTITION_STREAM_GENETIC,
  PARTITION_STREAM_ORDERS,
  PARTITION_STREAM_NEIGHBOURS,
  PARTITION_STREAM_POLICY,
  PARTITION_STREAM_CORPUS,
  PARTITION_STREAM_WEIGHTS
};
extern const struct partition_algorithm *const partition_algorithms[];
extern const size_t n_partition_algorithms;
const struct partition_algorithm *partition_find_algorithm(const char *name); /* NULL: none */

/* Counts samples and keeps the best: the first of equally good ones. */
struct partition_meter {
  const struct partition_request *request;
  struct partition_result *result;
  struct partition_work *work;
};
/* A result without an answer yet. */
void partition_meter_init(struct partition_meter *meter, const struct partition_request *request,
                          struct partition_result *result);
bool partition_meter_full(const struct partition_meter *meter);
/* partition_value of chip[n]; one sample. Only while the meter is not full. */
double partition_meter_try(struct partition_meter *meter, const uint32_t *chip);
/* What was valued elsewhere: a sample of that period; n samples that were no better; an answer that was counted. */
void partition_meter_pass(struct partition_meter *meter, double period_ms);
void partition_meter_skip(struct partition_meter *meter, uint64_t n);
void partition_meter_offer(struct partition_meter *meter, const uint32_t *chip, double period_ms);

#endif
