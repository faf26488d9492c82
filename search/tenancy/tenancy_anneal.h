/* Annealing of one schedule: moves drawn at random, thresholds drawn before a move is tried. (tenancy §10, 3.)
 *
 * Metropolis' rule (Kirkpatrick, Gelatt, Vecchi 1983) accepts a move that costs d more with probability exp(−d/T); with
 * u drawn first that is: if d ≤ −T ln u, so that a trial can stop as soon as it is known to cost more. Every trial,
 * also one refused by the loads alone, is a sample. */
#ifndef SEARCH_TENANCY_TENANCY_ANNEAL_H
#define SEARCH_TENANCY_TENANCY_ANNEAL_H

#include "base/rng.h"
#include "search/tenancy/tenancy_algorithm.h"
#include "search/tenancy/tenancy_move.h"

enum tenancy_move_kind {
  TENANCY_RELOCATE,      /* a job to any place on another core */
  TENANCY_SWAP,          /* two jobs of two cores */
  TENANCY_SWAP_WITHIN,   /* two jobs of a core */
  TENANCY_INSERT_WITHIN, /* a job to another place on its core */
  TENANCY_TAILS,         /* what two cores do from some time on */
  TENANCY_BESIDE,        /* a job to another core at about the same time */
  TENANCY_N_MOVE_KINDS,
};

enum { TENANCY_N_QUANTILES = 4096 };
struct tenancy_annealing {
  struct tenancy_timeline timeline;
  struct tenancy_meter *meter;
  struct rng rng;
  tenancy_cost target;                     /* stop at or below: nothing is better */
  uint64_t unreported;                     /* trials that the meter does not know of yet */
  struct tenancy_queues queues;            /* room */
  uint64_t up_to[TENANCY_N_MOVE_KINDS];    /* of 2³² draws, by kind */
  uint32_t quantiles[TENANCY_N_QUANTILES]; /* −ln u in 2⁻²⁴, at the middles of equal parts of (0, 1) */
  uint64_t n_tried[TENANCY_N_MOVE_KINDS], n_taken[TENANCY_N_MOVE_KINDS];
};

/* Shares of the kinds, measured over the published and drawn instances: results hardly depend on them. */
extern const double tenancy_move_weights[TENANCY_N_MOVE_KINDS];
/* weight[kind] ≥ 0, not all 0. Everything lies in the arena. */
void tenancy_annealing_init(struct tenancy_annealing *annealing, const struct tenancy_problem *problem,
                            const double *weight, struct tenancy_meter *meter, struct arena *arena);
/* The temperature falls by equal factors from `hot` at the first sample of the search to `cold` at its last; both are
 * costs, in units of tenancy_cost, above 0. */
struct tenancy_cooling {
  double hot, cold;
  uint64_t total; /* samples of the search, all rounds together */
};
double tenancy_cooling_at(const struct tenancy_cooling *cooling, uint64_t sample);
/* Goes on from the timeline's schedule: `n` trials, or until the meter is full or the target reached. */
void tenancy_annealing_run(struct tenancy_annealing *annealing, uint64_t n, const struct tenancy_cooling *cooling);

#endif
