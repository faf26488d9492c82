/* How good are the found designs for many tenants at once, and how many of which should share one memory? The arrows 9
 * and 10 of a run: jobs × the best designs → a table → platforms → mappings. (tenancy §13)
 *
 * Every platform within the limits that the run file sets is bounded; those that could be on the front of makespan,
 * area and energy are mapped, in rounds whose answers depend on no rank; those that are compared in the end are
 * searched longer. Nothing of it is in the journal: a launch that goes on does it again, with the same bytes. */
#ifndef DSE_TENANCY_FLOW_H
#define DSE_TENANCY_FLOW_H

#include "dse/run/run.h"
#include "dse/tenancy/tenancy_alone.h"
#include "dse/tenancy/tenancy_run.h"
#include "dse/tenancy/tenants.h"
#include "search/joint/joint.h"
#include "search/tenancy/tenancy_compose.h"

/* So many cores of each design. */
struct tenants_platform {
  const uint32_t *count; /* [n_designs] */
  uint32_t n_cores;
  size_t only; /* the design, where all cores are of one; SIZE_MAX */
  double power_w;
  bool runs; /* every job runs on some core */
  bool mapped, on_front;
  struct tenancy_worth least, worth; /* no mapping does with less; the one found */
};

/* A platform that is compared in the end. */
struct tenants_final {
  struct tenants_platform *platform;
  struct tenancy_problem problem;
  struct tenancy_bounds bounds;
  struct tenancy_result result;
};
enum { TENANTS_MIXED_FINALS = 3, TENANTS_MOST_FINALS = 2 + TENANTS_MIXED_FINALS };

struct tenants {
  const struct tenants_settings *settings;
  struct tenancy_table_settings jobs; /* of the settings, with the bandwidth */
  double bandwidth_bytes_per_cycle;
  struct tenancy_world world;
  struct tenancy_pool pool;
  /* What came of it. */
  const char *reason; /* why there is nothing; NULL: there is */
  size_t n_designs;   /* the first is the best of the search */
  struct accelerator *designs;
  const char **names;
  double *training; /* [n_designs] throughput of the run's own workload */
  struct tenancy_table table;
  struct tenancy_instance instance; /* one core of each design */
  struct tenancy_parts parts;
  size_t n_mixed; /* of the designs, that were mixed with others */
  size_t n_platforms, n_mapped, n_beaten;
  struct tenants_platform *platforms;
  size_t *order; /* [n_mapped] platforms by makespan, area, and as they were listed */
  size_t n_finals;
  struct tenants_final finals[TENANTS_MOST_FINALS];
  /* Of them: copies of the search's best design (NULL: they do not fit), the best platform of one design, the
   * best of all. */
  const struct tenants_final *by_search, *single, *best;
  double bound_cycles; /* no platform within the limits ends earlier */
};

/* The networks of the group, if it is there: run->tenants. Mistakes are found here, before any folder is made. */
bool tenants_open(struct run *run, const char *path, struct error *error);
/* Collective. run->rounds.stopped: a signal or limit ended it. Nothing to do without tenants or designs. */
bool tenants_map(struct run *run, struct error *error);

/* A platform that another search has chosen and mapped (cosearch.h): it becomes the only one. */
struct tenants_winner {
  size_t n_designs;
  const uint32_t *count;
  struct accelerator design[JOINT_MAX_KINDS];
  double area_mm2[JOINT_MAX_KINDS], power_w[JOINT_MAX_KINDS], training[JOINT_MAX_KINDS]; /* of one device */
  double bandwidth;
  const struct tenancy_alone *alone;
  const struct tenancy_bounds *bounds; /* the tightest of it */
  uint64_t n_samples;                  /* of all searches for its mapping */
};
/* Copies what it needs. */
bool tenants_take_winner(struct run *run, const struct tenants_winner *winner, struct error *error);

#endif
