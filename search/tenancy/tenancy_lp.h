/* The linear program of loads and bytes (B2), also within a box. Private to the bounds. */
#ifndef SEARCH_TENANCY_TENANCY_LP_H
#define SEARCH_TENANCY_TENANCY_LP_H

#include "search/tenancy/tenancy_kinds.h"

/* How many jobs of a kind run on a group, [n_kinds * n_groups] each. */
struct tenancy_box {
  uint32_t *low, *high;
};
/* Multipliers ≥ 0 of the rows: of each group's load, then of the bandwidth [n_groups + 1]. Their size does not matter.
 */
struct tenancy_weights {
  double *of;
};
/* What a job of a kind is worth, ≥ 0 [n_kinds], and what more on a group, of any sign [n_kinds * n_groups], cycles; and
 * the makespan that these prove. */
struct tenancy_multipliers {
  double *of_kind, *of_pair, cycles;
};

struct tenancy_lp;
/* Holds a GLPK problem: free it. NULL if there are too many pairs for GLPK. */
struct tenancy_lp *tenancy_lp_new(const struct tenancy_kinds *kinds, struct arena *arena);
void tenancy_lp_free(struct tenancy_lp *lp);
/* False if GLPK found no optimum (then the weights stay as they are). `box` NULL: none. Takes its steps off `work`. */
bool tenancy_lp_solve(struct tenancy_lp *lp, const struct tenancy_box *box, uint64_t *work,
                      struct tenancy_weights *weights);
/* Jobs of each kind on each group at the last optimum, fractions [n_kinds * n_groups]. */
void tenancy_lp_jobs(const struct tenancy_lp *lp, double *jobs);
/* The same with whole jobs, by GLPK's branch and cut of at most `max_nodes` nodes: behind a solved lp without box. A
 * bound in cycles, 0: none; and group[n_jobs] of its best answer, if `*found`. */
double tenancy_lp_whole(struct tenancy_lp *lp, uint64_t max_nodes, uint32_t *group, bool *found);
/* Groups of jobs [n_jobs] for given numbers of jobs of each kind on each group. */
void tenancy_lp_spread(const struct tenancy_kinds *kinds, const double *jobs, uint32_t *group, struct arena *scratch);

/* What the weights prove, by weak duality in our own arithmetic: whatever they are. Fills `multipliers`, which prove
 * the same; `box` NULL: none. */
void tenancy_weights_prove(const struct tenancy_kinds *kinds, const struct tenancy_weights *weights,
                           const struct tenancy_box *box, struct tenancy_multipliers *multipliers);

/* Weights without GLPK, by `n_rounds` rounds of fictitious play: for programs too large for it. */
void tenancy_weights_guess(const struct tenancy_kinds *kinds, size_t n_rounds, struct tenancy_multipliers *scratch,
                           struct tenancy_weights *weights);

/* Simplex steps are counted by how much each takes: one unit of work is about one label of pricing. */
static inline void tenancy_take_work(uint64_t *work, int n_steps, size_t size) {
  const uint64_t taken = (uint64_t)n_steps * (size / 4 + 1);
  *work -= taken < *work ? taken : *work;
}

#endif
