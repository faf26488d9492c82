/* What is the shortest schedule, by somebody else's solver? The mixed-integer model of accelerator-search §7. */
#ifndef ARCH_SCHEDULE_MODEL_H
#define ARCH_SCHEDULE_MODEL_H

#include "arch/schedule.h"
#include "base/error.h"

struct schedule_model_options {
  bool tight;          /* rules 7, 9 and 10, which cut off no shortest schedule */
  bool matched;        /* rule 8: an op on tensor and vector cores has cores of the same numbers of both */
  uint64_t max_nodes;  /* of the solver's tree; 0: the model is only written */
  const char *lp_path; /* write the model there, in CPLEX LP format; NULL: nowhere */
};

struct schedule_model_answer {
  bool proven;           /* best_cycles is the optimum */
  uint64_t bound_cycles; /* no schedule is shorter, by the solver */
  uint64_t best_cycles;  /* of the best schedule found; UINT64_MAX: none */
  uint64_t n_nodes;
};

/* Solves the problem for schedules of at most `plan->makespan_cycles`, which some schedule must reach; the plan is
 * replaced by what is found. Durations should be small (some thousands): the solver computes in floating point, so
 * that proofs are good to its tolerances. Uses the heap. False with a message if the file cannot be written. */
bool schedule_model_solve(const struct schedule_problem *problem, const struct schedule_model_options *options,
                          struct arena *scratch, struct schedule_plan *plan, struct schedule_model_answer *answer,
                          struct error *error);

#endif
