/* One search for a sharding as commands run it: with a clock, a stop, and the independent checker behind it. */
#ifndef DSE_SHARDING_RUN_H
#define DSE_SHARDING_RUN_H

#include "dse/commands/command.h"
#include "search/sharding/sharding_algorithm.h"

struct sharding_job {
  const struct sharding_problem *problem;
  struct sharding_bounds *bounds; /* the quick ones; what a search leaves open asks for the others */
  const struct sharding_algorithm *algorithm;
  const void *settings;   /* of its table */
  uint64_t seed, samples; /* samples 0: no limit but time, by searches of 4,000, 8,000, 16,000, … */
  double time_s;          /* 0: no limit */
};
struct sharding_outcome {
  bool found;
  struct sharding_answer answer;
  struct sharding_schedule schedule;
  double value_s, gap; /* latency; how far above the bound, at most */
  uint64_t samples;
  double bound_s;      /* of an exact method that did not end; 0: none */
  bool proven_optimal; /* by the algorithm, or the gap is closed */
  double wall_s, cpu_s;
  const char *stopped; /* NULL: ended by itself; "time", or a signal */
};
/* All ranks do the same. The checker must agree with the evaluator: anything else is a bug and aborts. found = false:
 * the algorithm has no answer that fits. */
void sharding_search(const struct invocation *invocation, const struct sharding_job *job,
                     struct sharding_outcome *outcome);
/* What was proven is a bound too: into `bounds` and the outcome's gap. */
void sharding_take_proof(struct sharding_outcome *outcome, struct sharding_bounds *bounds);
/* value ÷ bound − 1, as every command prints a gap. */
double sharding_gap_over(double value_s, double bound_s);

#endif
