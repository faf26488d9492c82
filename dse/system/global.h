/* Which design on which stage? The global search of a system: from the best designs of every stage's own search to
 * whole systems, one design for all or one for each. (accelerator-search §9, "Choice") */
#ifndef DSE_GLOBAL_H
#define DSE_GLOBAL_H

#include "dse/run/prove.h"
#include "dse/run/run.h"
#include "results/table.h"

struct global_system { /* a row of systems.csv */
  const struct system_plan *plan;
  bool heterogeneous;
  const struct accelerator **designs; /* [pipeline] */
  struct system_result result;
  double throughput, power_w, area_mm2, money_usd;
  size_t n_different;
};

struct global_stage { /* a row of stages.csv: a stage's own search */
  const struct system_plan *plan;
  size_t run;
  uint64_t n_evaluations;
  bool proven;
  double pace_s;          /* 0: the least load was looked for; else the least TDP with no more load than this */
  double load_s, bound_s; /* of its best design; no design has less (0 where TDP was looked for) */
  double tdp_w;           /* of its best design */
  const struct topk *topk;
  const struct pareto *front;
};

struct global_k { /* a row of k.csv: what so many designs of each stage lead to */
  uint64_t k;
  double homogeneous, heterogeneous; /* samples a second, of the first strategy */
};

struct global {
  size_t n_systems, n_stages, n_k;
  struct global_system *systems; /* the front of throughput against power, fastest first */
  struct global_stage *stages;
  struct global_k *k;
  /* Samples a second: no system of these strategies has more, with any designs on its stages; where layers move along,
   * with any of the candidates, within the limits on power and money. */
  double bound;
  size_t n_plans, n_candidates;
  bool has_all_designs;    /* of the space, among the candidates */
  double fastest[N_KINDS]; /* samples a second within the limits: of one design, of several, with layers moved along */
};

/* Somebody who wants systems for more than training: what a device is worth to them beside it. Systems are then also
 * looked for by load against the worth of their devices, and every one that was simulated and is within the limits is
 * told: run->systems_wanted. */
struct global_listener {
  void *context;
  /* Of what they use, a node of the system: limits (INFINITY: none), and different designs at most. */
  uint64_t most_devices;
  double most_area_mm2, most_power_w, most_money_usd;
  size_t most_designs;
  /* What a device of each candidate is worth, ≥ 0: worth[n]. Collective; run->rounds.stopped as ever. */
  bool (*value)(void *context, const struct point *candidates, size_t n, double *worth, struct error *error);
  /* A system, with the candidate on each stage instead of its designs. Lives no longer than the call; its plan does. */
  void (*hear)(void *context, const struct global_system *system, const uint32_t *candidate);
};

/* The stages' own searches, in rounds that go into the journal behind those of the run, then the choice. Collective.
 * Nothing to do without a system. */
bool global_search(struct run *run, struct global *global, struct error *error);
/* systems.csv, stages.csv, k.csv; NULL: there is none. */
struct table *global_systems_table(const struct run *run, const struct global *global);
struct table *global_stages_table(const struct run *run, const struct global *global);
struct table *global_k_table(const struct run *run, const struct global *global);

#endif
