/* On which problems is the scheduler judged? */
#ifndef DSE_SCHEDULE_CASES_H
#define DSE_SCHEDULE_CASES_H

#include "dse/run/run.h"

enum { SCHEDULE_CASE_MAX_OPS = 64 };

struct schedule_case {
  const char *set, *name;
  struct schedule_problem problem; /* passes and enough_cycles are 0 */
};

struct schedule_cases {
  struct schedule_case *list;
  size_t n, n_allocated;
  size_t n_cut; /* layers of more than SCHEDULE_CASE_MAX_OPS ops, of which only the first so many were taken */
};

/* Every distinct layer of the run's training graph (all ops that carry one layer number, edges from elsewhere left out;
 * distinct in costs or edges) on designs with 1, 2 and 4 tensor and vector cores of 128 x 128 and their own width, as
 * priced for the run's settings, with spreading as set and without; and the whole graph. The rest of a design is the
 * run's reference. Everything is in `arena`. */
bool schedule_cases_of_layers(struct run *run, struct arena *arena, struct schedule_cases *cases, struct error *error);

/* Random graphs of at most 30 ops, half series-parallel, half layered, on 1 to 4 cores a class; every second one with
 * ops that can be spread over 1, 2 and 4. */
void schedule_cases_at_random(uint64_t seed, size_t n, struct arena *arena, struct schedule_cases *cases);

#endif
