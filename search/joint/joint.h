/* Which designs, and how many of each, are best in two ways at once: at training, and for tenants that share them?
 *
 * A platform has so many devices of each of a few designs (its kinds), within limits of area, power and money. It
 * trains with a throughput, and a mapping of its tenants' jobs ends after a makespan; both make one value. Here is what
 * can be said without either: which platforms there are, what none of them can exceed, which is to be looked at next,
 * and when the best is proven. Whoever trains, bounds and maps (and on which ranks) is the caller's matter: ask → tell,
 * as for every search. Best first by bounds, as in Land and Doig's branch and bound; the bound over a platform's cores
 * is tenancy §4's B2 with one multiplier for each design. Knows neither graphs nor hardware.
 *
 * Every device more makes a platform better or leaves it as good (it may stay idle), so only platforms count that no
 * device of their kinds can be added to. Platforms that somebody else has put together, as parts of whole systems of
 * several designs, are offered: then their devices are given, and what their system trains. Left out: what the devices
 * draw from one another while they train. */
#ifndef SEARCH_JOINT_JOINT_H
#define SEARCH_JOINT_JOINT_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JOINT_MAX_KINDS = 4, JOINT_MAX_FINALISTS = 64 };
enum joint_limit { JOINT_AREA, JOINT_POWER, JOINT_MONEY, JOINT_N_LIMITS };

/* What makes one value of both; higher is better, and 0 is not allowed. */
enum joint_metric {
  JOINT_GEOMEAN,  /* throughput^weight · (jobs a second)^(1 − weight) */
  JOINT_TRAINING, /* throughput, where the makespan keeps its limit */
  JOINT_TENANTS   /* jobs a second, where the throughput keeps its floor */
};

struct joint_problem {
  size_t n_designs;
  size_t n_jobs;                      /* different ones … */
  const double *alike;                /* [n_jobs] … and how many there are of each */
  double n_all_jobs;                  /* all of them */
  const double *cost[JOINT_N_LIMITS]; /* [n_designs] of a device, ≥ 0; NULL: not limited */
  double most[JOINT_N_LIMITS];        /* of a platform */
  uint32_t most_cores, most_kinds;    /* ≥ 1; ≤ JOINT_MAX_KINDS */
  /* [n_designs] of a device, no training is faster; exact once `trained`. Where it adds up, devices train side by
   * side; else it is that of a whole system of the design, whatever the number on the platform (then most_kinds is 1).
   */
  double *training;
  bool *trained;
  bool adds_up;
  const double *latency_cycles, *bytes; /* [n_designs * n_jobs] of a job alone; INFINITY: cannot run there */
  const double *bandwidth;              /* [n_designs] bytes a cycle that a device brings to the shared memory … */
  double own_bandwidth;                 /* … unless it has its own; 0: it has not */
  double cycles_per_s;
  enum joint_metric metric;
  double weight;               /* 0 … 1 */
  double most_makespan_cycles; /* of JOINT_TRAINING */
  double least_training;       /* of JOINT_TENANTS */
};

enum joint_state { JOINT_LISTED, JOINT_BOUNDED, JOINT_MAPPED };
struct joint_platform {
  uint32_t design[JOINT_MAX_KINDS], count[JOINT_MAX_KINDS]; /* designs ascending */
  uint32_t n_kinds, state;
  double training; /* > 0: it was offered, and its whole system trains so fast; 0: what its designs do */
  size_t system;   /* of one that was offered: which, by the caller's numbers */
  double area_mm2; /* as JOINT_AREA counts */
  double least_cycles, makespan_cycles; /* no mapping ends before; the one found */
  double bound, value; /* no mapping has a higher value; the one found's, 0: none yet, or not allowed */
  bool refined, on_front;
};

double joint_value(const struct joint_problem *problem, double training, double makespan_cycles);
/* Throughput of the platform, at most; exact where all of its designs are trained. */
double joint_training(const struct joint_problem *problem, const struct joint_platform *platform);
bool joint_is_trained(const struct joint_problem *problem, const struct joint_platform *platform);
double joint_bandwidth(const struct joint_problem *problem, const struct joint_platform *platform);
double joint_cost(const struct joint_problem *problem, const struct joint_platform *platform, enum joint_limit limit);
uint32_t joint_cores(const struct joint_platform *platform);
bool joint_fits(const struct joint_problem *problem, const struct joint_platform *platform); /* the limits */
/* Within the limits, and no device of its kinds can be added. */
bool joint_is_maximal(const struct joint_problem *problem, const struct joint_platform *platform);
/* As many devices of one design as fit; 0: not even one. */
uint32_t joint_most(const struct joint_problem *problem, uint32_t design);
/* No mapping on the platform ends earlier, by what jobs take on its kinds: the longest job, the load of all cores under
 * one multiplier a design, the bytes. O(jobs · kinds). */
double joint_least_cycles(const struct joint_problem *problem, const struct joint_platform *platform);
/* One over what all jobs take on the design: two that are fast at the same jobs then share each of them alike. */
double joint_multiplier(const struct joint_problem *problem, uint32_t design);
/* Total orders: by what it can be at most, and by what was found; then less area, fewer kinds, designs, counts. */
bool joint_may_come_before(const struct joint_platform *a, const struct joint_platform *b);
bool joint_comes_before(const struct joint_platform *a, const struct joint_platform *b);

/* --- the search: ask → (somebody trains, bounds or maps) → tell ---
 */

struct joint_settings {
  size_t finalists;   /* 1 … JOINT_MAX_FINALISTS platforms that are mapped again, with more effort */
  uint64_t most_sets; /* of designs, for each number of kinds; where there are more, only the best designs alone mix */
  size_t most_platforms; /* kept at a time; of more, those with the lowest bounds are left out */
  bool front;            /* also what could lie on the front of throughput and makespan */
  bool offers_alone;     /* no platform is listed: only those that are offered */
};
enum joint_step { JOINT_DONE, JOINT_TRAIN, JOINT_BOUND, JOINT_MAP, JOINT_REFINE };
enum { JOINT_BATCH = 32, JOINT_MAPS = 8 };
struct joint_question {
  enum joint_step step;
  size_t n;
  uint32_t design[JOINT_BATCH];                         /* JOINT_TRAIN: not trained yet */
  struct joint_platform *platform[JOINT_MAX_FINALISTS]; /* the others */
};
struct joint_counts {
  uint64_t n_platforms; /* within the limits, of the sets looked at */
  uint64_t n_beaten;    /* out by bounds */
  uint64_t n_bounded, n_mapped, n_left_out;
  uint64_t n_mixed[JOINT_MAX_KINDS + 1]; /* designs that sets of so many kinds were made of */
};
struct joint_search;
/* In the arena, which grows with every step. The problem lives as long, and its training changes by tells alone. */
struct joint_search *joint_new(struct joint_problem *problem, const struct joint_settings *settings,
                               struct arena *arena);
/* What is to be done next; the same question until it is answered in full. */
void joint_ask(struct joint_search *search, struct joint_question *question);
void joint_tell_training(struct joint_search *search, uint32_t design, double training); /* 0: not allowed */
void joint_tell_bound(struct joint_search *search, struct joint_platform *platform, double least_cycles);
/* Of JOINT_MAP and JOINT_REFINE; the better of two makespans of one platform stays. */
void joint_tell_map(struct joint_search *search, struct joint_platform *platform, double makespan_cycles,
                    double least_cycles);
/* A platform that no list has: its designs (ascending), counts, training and system, within the limits; of any number
 * of kinds. Nothing happens where a job runs on none of them. The training of its designs is not asked for. A search
 * that was done goes on with the next ask. */
void joint_offer(struct joint_search *search, const struct joint_platform *offered);
/* No design will be trained any more: platforms of others are left out. */
void joint_stop_training(struct joint_search *search);
const struct joint_counts *joint_counts(const struct joint_search *search);
/* Those mapped, best first; at most `n` of them are of use to nobody but reports. */
size_t joint_found(struct joint_search *search, struct joint_platform ***found);
/* No platform of those looked at, or left out with a known bound, has a higher value. */
double joint_bound_of_all(const struct joint_search *search);

#endif
