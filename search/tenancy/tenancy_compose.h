/* How many cores of which design should a platform have? (tenancy §13.)
 *
 * Designs are columns of a table of jobs; a composition says how many cores of each there are, within limits of area
 * and power. What a composition can reach at best is bounded without mapping it; one program with whole numbers of
 * cores bounds all compositions at once. Whoever maps (and on which ranks) is the caller's matter. Left out: what cores
 * have in common beside the bandwidth, and energy as an aim of the mapping itself. */
#ifndef SEARCH_TENANCY_TENANCY_COMPOSE_H
#define SEARCH_TENANCY_TENANCY_COMPOSE_H

#include "search/tenancy/tenancy.h"

/* What platforms are put together from. */
struct tenancy_parts {
  const struct tenancy_problem *jobs; /* finished: one core of each design, by its number */
  const double *area_mm2, *power_w;   /* [n_designs] of one core, ≥ 0; power_w NULL: not known, not limited */
  const double *idle_nj_per_cycle;    /* [n_designs] of a core without a job; NULL: nothing */
  double most_area_mm2, most_power_w; /* INFINITY: any */
  uint32_t most_cores;                /* 1 … TENANCY_MAX_CORES */
};
static inline size_t tenancy_parts_n(const struct tenancy_parts *parts) { return parts->jobs->n_cores; }
/* Energy is known of jobs, and so of platforms. */
static inline bool tenancy_parts_have_energy(const struct tenancy_parts *parts) {
  return parts->jobs->energy_nj != NULL;
}

/* Is it a platform (a core at least) within the limits? */
bool tenancy_composition_fits(const struct tenancy_parts *parts, const uint32_t *count);
double tenancy_composition_area_mm2(const struct tenancy_parts *parts, const uint32_t *count);
double tenancy_composition_power_w(const struct tenancy_parts *parts, const uint32_t *count); /* 0: not known */
uint32_t tenancy_composition_cores(const uint32_t *count, size_t n_designs);
/* As many cores of one design alone as fit; 0: not even one. */
uint32_t tenancy_composition_most(const struct tenancy_parts *parts, size_t design);

struct tenancy_compositions {
  size_t n, n_designs; /* of the parts */
  size_t n_mixed;      /* the first so many designs alone stand in all of them; n_designs: nothing is left out */
  uint32_t *count;     /* [n * n_designs], in lexicographic order */
};
/* Every composition within the limits, at most `most` of them: where there are more, those of the first designs alone,
 * of as many designs as `most` allows (but all of one design). In the arena. */
void tenancy_compositions_list(const struct tenancy_parts *parts, size_t most, struct arena *arena,
                               struct tenancy_compositions *list);

/* The platform as a problem of its own: count[0] cores of design 0, then count[1] of design 1, …; it has the jobs of
 * the parts, number by number. False with STATUS_INPUT if a job runs on none of its cores. */
bool tenancy_compose(const struct tenancy_parts *parts, const uint32_t *count, struct arena *arena,
                     struct tenancy_problem *problem, struct error *error);
/* The design of each of its cores [n_cores]. */
const uint32_t *tenancy_composition_designs(const struct tenancy_parts *parts, const uint32_t *count,
                                            struct arena *arena);
/* Energy of a mapping of `platform` that ends after so many cycles: jobs, and cores while they have none. 0: not known.
 */
double tenancy_composition_energy_nj(const struct tenancy_parts *parts, const uint32_t *count,
                                     const struct tenancy_problem *platform, const uint32_t *core,
                                     double makespan_cycles);
/* No mapping of the composition takes less, if none ends before `bound_cycles`. 0: not known. */
double tenancy_composition_least_nj(const struct tenancy_parts *parts, const uint32_t *count, double bound_cycles);

/* No mapping of any composition within the limits ends earlier. `count` [n_designs]: the composition that the program
 * thinks best, all 0: it found none. 0: no bound was found. (A linear program in jobs a cycle, whole in the numbers of
 * cores; excess of single jobs beyond the bandwidth is left to the bounds of each composition.) Allocates. */
double tenancy_compositions_bound(const struct tenancy_parts *parts, uint64_t max_nodes, struct arena *arena,
                                  uint32_t *count);

/* What a platform costs in three ways, found or at least. */
struct tenancy_worth {
  double cycles, area_mm2, energy_nj;
};
/* Is `a` nowhere worse than `b`? */
static inline bool tenancy_worth_covers(const struct tenancy_worth *a, const struct tenancy_worth *b) {
  return a->cycles <= b->cycles && a->area_mm2 <= b->area_mm2 && a->energy_nj <= b->energy_nj;
}
/* Does one that was found cover what another would be at best? Then that one need not be mapped. */
bool tenancy_worth_beaten(const struct tenancy_worth *found, size_t n, const struct tenancy_worth *least);
/* on_front[n]: those that no other covers; of equal ones the first. */
void tenancy_worth_front(const struct tenancy_worth *worth, size_t n, bool *on_front);

#endif
