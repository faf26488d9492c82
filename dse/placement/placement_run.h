/* One search for a placement as commands run it: with a clock, a stop, and the independent checker behind it. */
#ifndef DSE_PLACEMENT_RUN_H
#define DSE_PLACEMENT_RUN_H

#include "dse/commands/command.h"
#include "search/placement/placement_algorithm.h"

struct placement_job {
  const struct placement_problem *problem;
  const struct placement_bounds *bounds;
  const struct placement_algorithm *algorithm;
  const void *settings;   /* of its table */
  uint64_t seed, samples; /* samples 0: no limit but time, by searches of 25,000, 50,000, 100,000, … */
  double time_s;          /* 0: no limit */
  const uint32_t *held;   /* NULL: no weights lie anywhere yet */
};
struct placement_outcome {
  bool found;
  struct placement_answer answer;
  struct placement_schedule schedule; /* by the problem's rule */
  /* What the method states: of those that stop short of a locality which the rule grants to everybody (steps 1 and 2 of
   * H2H, Herald-like) more than the schedule says, of all others the same. */
  double value, gap, makespan_s, energy_j, communication; /* the last: share of what devices spend on layers */
  uint64_t samples;
  double bound;        /* of an exact method that did not end; 0: none */
  bool proven_optimal; /* by the algorithm, or the gap is closed */
  double wall_s, cpu_s;
  const char *stopped; /* NULL: ended by itself; "time", or a signal */
};
/* All ranks do the same. The checker must agree with the evaluator: anything else is a bug and aborts. found = false:
 * the algorithm has no answer. */
void placement_search(const struct invocation *invocation, const struct placement_job *job,
                      struct placement_outcome *outcome);
/* What was proven is a bound too: into `bounds` and the outcome's gap. */
void placement_take_proof(struct placement_outcome *outcome, struct placement_bounds *bounds);
/* Times as they are printed, judged by who shares no code with who found them; a bug aborts. */
void placement_require_valid(const struct invocation *invocation, const struct placement_problem *problem,
                             const struct placement_answer *answer, const struct placement_schedule *schedule);
/* "s" or "J". */
const char *placement_unit(const struct placement_problem *problem);
/* Share of transfers in what devices spend on layers, 0 to 1. */
double placement_share(double communication_s, double compute_s);

#endif
