/* Which accelerators, how many of each, and spread how, train well *and* serve many tenants well? Group `co_search` of
 * a run file of `dse explore`. (accelerator-search §9 and tenancy §13 in one search; nobody else's that we know of.)
 *
 * A platform of devices is judged by both: the throughput with which they train the run's own workloads, and the
 * makespan of the jobs of group `tenancy` that share their memory. Every design of the space and every mixture of few
 * kinds within the limits is bounded in both; training is evaluated, and jobs are mapped, only for those whose bounds
 * say that they could still win: inside of the search, not behind it. The mapping is that of group `tenancy`: few
 * samples for each platform in front, many for the finalists. Training evaluations are rounds of the journal; bounds
 * and mappings depend on no rank and are done again by a launch that goes on.
 *
 * Of one device its training throughputs add up over a platform's devices, each with its own memory. Of whole systems
 * (group `system`) the platform is a node of the system, and the throughput is that of the system in its best strategy.
 * All devices are then of one kind; with `mixed` also systems of several designs are looked at, which the choice of
 * designs by stage makes (cosearch_mixed.c). Left out: training and tenants at the same time. */
#ifndef DSE_COSEARCH_H
#define DSE_COSEARCH_H

#include "dse/cosearch/cosearch_settings.h"
#include "dse/run/run.h"
#include "dse/system/global.h"
#include "dse/tenancy/tenancy_flow.h"
#include "search/joint/joint.h"

struct cosearch_design {
  struct point point;
  struct accelerator accelerator;
  char name[17];
  double area_mm2, power_w, usd;      /* usd NaN: nobody knows */
  const struct tenancy_price *prices; /* of the tenants' pool, once this rank needed them; NULL */
};

/* What a search before it has evaluated. */
struct cosearch_heard {
  struct point point;
  double training; /* 0: not allowed */
};

/* A system of several designs, or of one whose layers were moved along, and the node of it that tenants have. */
struct cosearch_system {
  struct joint_platform node; /* as it was offered */
  struct global_system system;
};

struct cosearch {
  const struct cosearch_settings *settings;
  /* Spaces of more than search.bound_points are not looked through: the run's own search tells of designs, from which
   * the set grows by neighbours of those that stand on the best platforms. */
  bool grows;
  size_t n_heard, heard_room;
  struct cosearch_heard *heard;
  struct point_set *heard_points; /* theirs, numbered alike */
  double last_value;              /* of the best before the set grew last */
  int reach;                      /* values of an axis that it grew by */
  const char *reason;             /* why there is nothing; NULL: there is */
  uint64_t n_points;              /* of the space */
  size_t n_allowed; /* designs of which limits allow a platform, of them n_designs were looked at; 0: not known */
  size_t n_designs, n_priced; /* the jobs on the first so many are priced */
  size_t n_listed;            /* of them, whose own platforms were listed: all but those that only mixed systems have */
  struct cosearch_design *designs;
  struct point_set *points; /* theirs, numbered alike */
  size_t n_layers;          /* different jobs, by layer of the pool */
  const uint32_t *layers;
  struct joint_problem problem;
  struct joint_search *search;
  uint64_t n_samples;      /* of mappings, all platforms together */
  uint64_t n_trained;      /* designs evaluated for the search */
  uint64_t n_systems_made; /* of several designs or of one, simulated and within the system's limits */
  size_t n_systems;        /* of them, with nodes that differ, the fastest of each */
  struct cosearch_system *systems;
  /* What came of it, best first. */
  size_t n_found;
  struct joint_platform **found;
  const struct joint_platform *best; /* the first one, where its value is > 0; NULL */
  double bound;                      /* no platform of those designs has a higher value */
  bool proven;                       /* the best has it, of all platforms of so many kinds in the space */
};

/* Names of a platform's designs with their numbers, as "3 x … + 1 x …". */
const char *cosearch_text(const struct cosearch *cosearch, const struct joint_platform *platform, struct arena *arena);
/* Prepares run->cosearch, if the group is there. Behind tenants_open. */
bool cosearch_open(struct run *run, struct error *error);
/* Does it look for designs itself (else it takes those that the run's own search likes best)? */
bool cosearch_leads(const struct run *run);
/* Does it look at systems of several designs? */
bool cosearch_mixes(const struct run *run);
/* Must the run's own search come first, and who listens to it? */
bool cosearch_listens(struct run *run);
/* Collective. run->rounds.stopped: a signal or a limit ended it. */
bool cosearch_search(struct run *run, struct error *error);
/* Behind it: who listens to the choice of designs by stage (NULL: nobody), and behind that, what came of it. */
const struct global_listener *cosearch_wants_systems(struct run *run);
bool cosearch_mix(struct run *run, struct error *error);

#endif
