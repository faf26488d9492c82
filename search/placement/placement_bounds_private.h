/* What the bounds and exact methods share: the least that layers and edges cost, whoever their neighbours are.
 *
 * Costs of an edge are separable: leaving the device of its producer, arriving on that of its reader, or both on one.
 * Times are seconds; for energy counted in `energy_j` the same tables hold joules. */
#ifndef SEARCH_PLACEMENT_PLACEMENT_BOUNDS_PRIVATE_H
#define SEARCH_PLACEMENT_PLACEMENT_BOUNDS_PRIVATE_H

#include "search/placement/placement.h"
#include "search/placement/placement_bounds.h"

/* What is left to read of a layer's inputs: seconds given by transfer_s, and bytes over some link. */
struct placement_rest {
  double fixed_s, bytes;
};
struct placement_costs {
  const struct placement_problem *problem;
  /* Whether a neighbour's device changes what a layer pays: H2H's fusion, tensors cut between devices, not at all. */
  enum { PLACEMENT_FUSES, PLACEMENT_CUTS, PLACEMENT_UNCOUPLED } coupling;
  const double *base;          /* [n_layers * n_devices] NAN: cannot run there */
  double *link_s_per_byte;     /* [n_devices] between host and device; 0 for a host */
  double *read_s_per_byte;     /* the same over the fastest link towards the device */
  double *write_s_per_byte;    /* of what others read; 0 where links between devices may save it */
  double *delay_s;             /* `delay`: latency beside the bytes */
  struct placement_rest *none; /* [n_layers] nothing is found on the device */
  struct placement_rest *best; /* [n_layers] the most is found that can be */
  struct placement_rest *with; /* [n_edges] what this edge carries is found */
  struct placement_rest *away; /* [n_edges] the most is found that can be without this edge */
  uint64_t *granules;          /* [n_layers] for pins */
  uint64_t *room;              /* [n_devices] granules */
};
/* Of seconds; `joules`: of what energy_j and transfer_j_per_byte count. */
void placement_bounds_costs_init(struct placement_costs *costs, const struct placement_problem *problem, bool joules,
                                 struct arena *arena);

static inline double placement_rest_s(const struct placement_costs *costs, const struct placement_rest *rest,
                                      size_t device) {
  if (costs->problem->devices[device].host) return 0;
  return rest->fixed_s + rest->bytes * costs->read_s_per_byte[device];
}
/* Computation and the weights that cannot stay. */
double placement_own_s(const struct placement_costs *costs, size_t layer, size_t device);
/* The write of a layer whose output cannot all be found where it is. */
double placement_write_s(const struct placement_costs *costs, size_t layer, size_t device);
/* The least that a layer occupies its device. */
double placement_least_s(const struct placement_costs *costs, size_t layer, size_t device);
double placement_same_s(const struct placement_costs *costs, size_t edge, size_t device); /* INFINITY: as if apart */
double placement_leave_s(const struct placement_costs *costs, size_t edge, size_t device);
double placement_arrive_s(const struct placement_costs *costs, size_t edge, size_t device);
/* What follows a layer that nobody waits for. */
double placement_last_s(const struct placement_costs *costs, size_t layer, size_t device);

/* When can a layer's computation on a device end at the earliest, and how long does all that follows it then take?
 * [n_layers * n_devices], INFINITY where it cannot run. */
void placement_heads(const struct placement_costs *costs, double *heads_s);
void placement_tails(const struct placement_costs *costs, struct arena *scratch, double *tails_s);
/* The least of a layer's tails, on whichever device. */
double placement_least_tail(const struct placement_costs *costs, const double *tails_s, size_t layer);

/* --- the load bound: placement_bounds_load.c --- */
/* What the best bound came from, for the exact methods; they sum to 1 over all devices and along any path. */
struct placement_multipliers {
  double *device; /* [n_devices] of each device's load */
  double *layer;  /* [n_layers] of the paths through each layer */
  double *memory; /* [n_devices] seconds per granule, or byte of hard memory */
  size_t n_paths;
  double *share;   /* of each path */
  uint32_t **path; /* how many layers, then these, first to last */
};
enum { PLACEMENT_MOST_PATHS = 60 };
struct placement_multipliers placement_multipliers_new(const struct placement_problem *problem, struct arena *arena);
struct placement_windows;
/* Of the layers with `member` (NULL: all), `last` being the one whose write does not count (PLACEMENT_NONE: none). */
struct placement_load {
  const bool *member;
  uint32_t last;
  bool memory; /* also what fits no memory must travel */
  bool paths;  /* also no path of layers can be longer than the makespan */
  size_t max_rounds;
  const struct placement_multipliers *start; /* NULL: all devices alike */
  struct placement_windows *windows;         /* NULL: none; of all layers only */
};
/* `best` NULL: not wanted. */
double placement_load_bound(const struct placement_costs *costs, const struct placement_load *load,
                            struct arena *scratch, struct placement_multipliers *best);
/* The least sum of what the members (`load.member`, which may change from call to call) cost under given multipliers,
 * if what else there is has been placed with `last_on` [n_devices] the last on each device. Memory is paid for, less
 * the price of all that there is. */
struct placement_forest;
struct placement_forest *placement_forest_new(const struct placement_costs *costs, const struct placement_load *load,
                                              const uint32_t *last_on, struct arena *arena);
double placement_forest_sum(struct placement_forest *forest, const struct placement_multipliers *multipliers);
/* Sum over layers at fixed prices per second on each device; the devices of that sum [n_layers] (NULL: not wanted). */
double placement_priced_sum(const struct placement_costs *costs, const double *price, struct arena *scratch,
                            uint32_t *device);

/* --- what bounds come from: placement_bounds.c --- */
struct placement_work {
  const struct placement_problem *problem;
  struct placement_costs costs;
  struct arena *arena; /* rewound at the end, but for the reason */
  double *heads_s, *tails_s;
  struct placement_multipliers multipliers;
  uint32_t path_layer, ancestor_layer;
  bool ancestor_after; /* its descendants, not its ancestors */
};
void placement_work_init(struct placement_work *work, const struct placement_problem *problem, struct arena *arena);
/* Of makespans; fills ancestor_layer and ancestor_after. */
double placement_bound_ancestor(struct placement_work *work);
double placement_ancestor_value(struct placement_work *work, uint32_t layer, size_t rounds, bool *member,
                                struct placement_multipliers *best);

/* A bound so much lower that rounding on its way cannot have lifted it above the truth. */
static inline double placement_round_down(double value) { return value > 0 ? value * (1 - 1e-12) : 0; }

#endif
