/* One search for a partition as commands run it: with a clock, a stop, tasks shared over the ranks, and the independent
 * checker behind it. */
#ifndef DSE_PARTITION_RUN_H
#define DSE_PARTITION_RUN_H

#include "dse/commands/command.h"
#include "search/partition/partition_algorithm.h"

struct partition_job {
  const struct partition_graph *graph;
  const struct partition_bounds *bounds;
  const struct partition_algorithm *algorithm;
  const void *settings;   /* of its table */
  uint64_t seed, samples; /* samples 0: no limit but time, by searches of 5,000, 10,000, 20,000, … */
  double time_s;          /* 0: no limit */
  /* NULL, or called with every sample's period in order, as in a request. */
  void (*sampled)(void *context, uint64_t sample, double period_ms);
  void *sampled_context;
};
struct partition_outcome {
  bool found;
  uint32_t *chip, *node_chip; /* by group, by node */
  double value, gap;          /* ms; share of the value */
  double *load_ms;            /* [C] */
  uint32_t n_used;            /* chips */
  uint64_t samples;
  double bound;        /* of an exact method, ms; 0: none */
  bool proven_optimal; /* by the algorithm, or the gap is closed; without found: proven that there is none */
  double wall_s, cpu_s;
  const char *stopped; /* NULL: ended by itself; "time", or a signal */
};
/* All ranks do the same and get the same. The checker must agree with the evaluator: anything else is a bug and aborts.
 * False with a message if a setting or a file is wrong. With several ranks clock and signals are looked at between
 * rounds of shared tasks. Collective. */
bool partition_search(const struct invocation *invocation, const struct partition_job *job,
                      struct partition_outcome *outcome, struct error *error);
/* What was proven is a bound too: into `bounds` and the outcome's gap. */
void partition_take_proof(struct partition_outcome *outcome, struct partition_bounds *bounds);
/* A pool whose tasks are shared over the ranks; `error` gets what fails. Tasks are pure, their scratch is their own. */
struct partition_ranks {
  struct cluster *cluster;
  struct arena *arena;
  struct error *error;
};
void partition_run_on_ranks(void *ranks, size_t n_tasks, size_t result_bytes,
                            void (*task)(void *argument, size_t i, void *result), void *argument, void *results);

#endif
