/* The operators of MAGMA's genetic algorithm, one by one, for its tests and for whoever breeds with them. (tenancy §7.)
 */
#ifndef SEARCH_TENANCY_MAGMA_H
#define SEARCH_TENANCY_MAGMA_H

#include "search/tenancy/evolution.h"

struct magma_settings {
  uint64_t population, rg_cuts, selection, init;
  double elite_fraction, parent_fraction, gen_rate, rg_rate, accel_rate, mutation_rate, mutation_decay;
};
extern const struct field_table magma_fields;

/* a and b exchange the genes before (or, if that is shorter, from) a pivot, in one row only: cores or priorities. */
void magma_crossover_gen(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_answer *a,
                         struct tenancy_answer *b);
/* a and b exchange a range of jobs, core and priority. One cut: the range begins at job 0; two: anywhere. */
void magma_crossover_rg(const struct tenancy_problem *problem, uint64_t n_cuts, struct rng *rng,
                        struct tenancy_answer *a, struct tenancy_answer *b);
/* `child`, a copy of dad, gets all of mom's jobs of one core with their priorities; dad's other jobs there go anywhere.
 */
void magma_crossover_accel(const struct tenancy_problem *problem, struct rng *rng, const struct tenancy_answer *mom,
                           struct tenancy_answer *child);
/* Every gene afresh with probability `rate`. */
void magma_mutate(const struct tenancy_problem *problem, double rate, struct rng *rng, struct tenancy_answer *child);

#endif
