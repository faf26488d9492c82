/* Which chips are still possible for a group, given what is decided? (partition §6.) Domains, propagation to the fixed
 * point, a trail for undoing; SAMPLE draws valid partitions from probabilities, FIX repairs proposals. */
#ifndef SEARCH_PARTITION_PARTITION_SOLVER_H
#define SEARCH_PARTITION_PARTITION_SOLVER_H

#include "base/rng.h"
#include "search/partition/partition.h"

enum partition_order { PARTITION_ORDER_RANDOM, PARTITION_ORDER_TOPOLOGICAL };
struct partition_solver;
/* `period_ms`: only partitions whose loads may stay at or below it (rule 5); INFINITY: all. Its trail may grow in
 * `arena`, which nobody rewinds as long as the solver is used. */
struct partition_solver *partition_solver_new(const struct partition_graph *graph, double period_ms,
                                              struct arena *arena);
/* Back to nothing decided. */
void partition_solver_reset(struct partition_solver *solver);
/* Least and largest chip possible, and whether `chip` is. */
uint32_t partition_solver_low(const struct partition_solver *solver, uint32_t group);
uint32_t partition_solver_high(const struct partition_solver *solver, uint32_t group);
bool partition_solver_has(const struct partition_solver *solver, uint32_t group, uint32_t chip);
/* Decides group's chip and propagates; on failure undoes decisions, newest first, deleting each refuted value, until
 * propagation succeeds. The number of decisions still standing; SIZE_MAX: there is no partition at all. */
size_t partition_solver_decide(struct partition_solver *solver, uint32_t group, uint32_t chip);
/* Decisions that were refuted since the last reset. */
uint64_t partition_solver_failures(const struct partition_solver *solver);

/* Probabilities by group and chip: p[group * C + (chip - 1)] ≥ 0; NULL: uniform. */
struct partition_sample {
  uint32_t *chip;         /* [n] out: a valid partition by all static rules, renumbered if `no skip` was left to that */
  uint32_t *order;        /* [n] out: groups as they were decided */
  uint32_t *low, *high;   /* [n] out, by group: the ends of its domain when it was decided (without holes where rules
                             are monotone or path); NULL: not wanted */
  uint32_t *drawn;        /* [n] out: chips before renumbering, which domains and log_probability are about; NULL: not
                             wanted */
  uint64_t *domain;       /* [n × ⌈C/64⌉] out: whole domains, bit chip - 1; NULL: not wanted */
  bool go_on;             /* in: decisions that stand are kept, otherwise the solver is reset first */
  double log_probability; /* of the draws, given the order; of FIX: of what was drawn */
};
/* False: no sample after the solver's restarts. Mass below 1e-9 of p in a domain counts as uniform. */
bool partition_solver_draw(struct partition_solver *solver, const double *p, enum partition_order order,
                           struct rng *rng, struct partition_sample *sample);
/* Keeps what can be kept of proposal[n] (chip 0: nothing), in the order, then samples the rest from p (or takes its
 * most probable; p NULL: the first). */
bool partition_solver_fix(struct partition_solver *solver, const uint32_t *proposal, const double *p,
                          bool most_probable, enum partition_order order, struct rng *rng,
                          struct partition_sample *sample);
/* The valid partition of least Σ cost[group * C + chip - 1] under monotone or path: one minimum cut (partition §6).
 * The smallest chips of the cheapest; costs of INFINITY are avoided where possible; not renumbered. False under
 * `general`, and beyond 2^31 arcs. */
bool partition_nearest(const struct partition_graph *graph, const double *cost, struct arena *scratch, uint32_t *chip);

#endif
