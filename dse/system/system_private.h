/* What the files of the system model share among themselves: system.c prepares graphs and stages, system_plan.c lays
 * them out over devices, system_time.c makes seconds of them. */
#ifndef DSE_SYSTEM_PRIVATE_H
#define DSE_SYSTEM_PRIVATE_H

#include "arch/stage_bound.h"
#include "dse/system/system.h"

/* One phase of one block as a stage of its own; equal graphs are one unit. */
struct unit {
  struct op_graph graph;
  struct stage stage;
  struct stage_scratch *scratch;
  uint64_t n_uses;
  bool bounded, evaluated;    /* for the design at hand: its prices are known, its schedule is */
  struct stage_result result; /* then */
};

/* What a unit takes on a design, or at least. */
struct unit_cost {
  double seconds, energy_j;
  double link_s; /* of the seconds, what its collectives occupy the links */
};

#define NO_UNIT UINT32_MAX

struct phase_times { /* of some blocks, a microbatch; update_s an iteration */
  double forward_s, backward_s, data_s, weight_s, update_s, link_s;
};

/* How often an iteration runs a unit: each microbatch, twice each, by a device's share of what is updated. */
enum term_times { TERM_MICROBATCHES, TERM_TWICE, TERM_UPDATED, N_TERM_TIMES };

/* The units of a block that an iteration runs. */
struct block_terms {
  uint32_t n, unit[N_BLOCK_PHASES];
  uint8_t times[N_BLOCK_PHASES]; /* enum term_times */
};

/* What plans have in common that cut and compute again alike. */
struct block_table {
  const struct cut *cut;
  enum recompute recompute;
  bool is_torn;
  struct block_terms *terms; /* [n_blocks] */
  struct phase_times *times; /* [n_blocks] scratch: of the costs that it was filled from last */
  struct block_table *next;
};

/* A workload at one microbatch, split in one way, cut into blocks. */
struct cut {
  struct split_degrees degrees; /* data and pipeline 1 */
  uint64_t microbatch;
  bool torn; /* phases BACKWARD_DATA and _WEIGHT are there */
  bool legal;
  struct error *why_not;
  struct block_chain chain;
  uint32_t *unit; /* [n_blocks * N_BLOCK_PHASES] or NO_UNIT */
  double *macs;   /* [n_blocks] of all phases */
  uint32_t *n_of; /* [n_blocks] places of the chain */
  struct block_table *tables;
  struct cut *next;
};

struct system {
  struct system_model model;
  struct arena *arena, *scratch;
  struct arena own; /* of simulations */
  struct cut *cuts;
  struct unit **units;
  size_t n_units, units_held;
  struct unit_cost *costs; /* [units_held] of the design at hand */
  uint64_t n_plans;
};

/* Seconds of a device's traffic, of one bandwidth of the design's links. */
struct run_links {
  double reduce_s, gather_s; /* of data parallelism: gradients, weights */
  double send_forward_s, send_backward_s;
};
enum { LINK_SLOTS = 4 }; /* bandwidths that are remembered: searches come back to few */

/* Devices in a row with the same layers. */
struct device_run {
  uint32_t first, n;
  uint32_t *blocks;       /* [n_blocks] how many of each, all chunks together */
  uint32_t *first_blocks; /* [n_blocks] in its first chunk: what the ramp waits for */
  uint64_t dense_parameters, expert_parameters, frozen_parameters;
  uint64_t send_forward_bytes, send_backward_bytes; /* from its first chunk to the next device, and back */
  uint64_t fixed_bytes, memory_bytes;
  struct system_memory memory;
  double last_bucket;   /* the share of its last block in what is reduced */
  double updated_share; /* of its parameters: with ZeRO its shard, of experts among the ranks that hold them */
  struct run_links links[LINK_SLOTS];
};

struct plan_links {
  size_t n_timed, now;           /* ever; the slot of the design at hand */
  struct network of[LINK_SLOTS]; /* that a slot's seconds hold for */
  double tied_s[LINK_SLOTS];     /* reduction of what first and last stage share */
};

struct system_plan {
  struct strategy strategy;
  const struct system_plan *moved_from; /* whose layers were moved along; NULL: they lie as the strategy says */
  const struct cut *cut;
  struct block_table *table; /* of the cut */
  bool is_torn;              /* backward passes run in halves */
  const struct pipeline_schedule *schedule;
  uint64_t n_microbatches, n_devices;
  size_t n_parts;        /* devices in a row · chunks */
  uint32_t *blocks;      /* [n_parts * n_blocks], of the part at each place of the chain */
  uint32_t *first_place; /* [n_parts] of the chain */
  uint64_t *in_bytes;    /* [n_parts] that a microbatch brings from the part before */
  size_t n_runs;
  struct device_run *runs;
  uint32_t *run_of;         /* [pipeline] */
  size_t fullest;           /* run */
  uint64_t tied_bytes;      /* gradients of a table that first and last stage share; 0: none */
  struct plan_links *links; /* scratch */
  struct pipeline_problem problem;
  struct pipeline_stage *stages; /* [n_parts] scratch of evaluations */
};

/* `stage_of` (may be NULL): where each place of the chain goes, instead of as the strategy says; one chunk a device. */
bool system_lay_out(struct system *system, struct system_plan *plan, const uint32_t *stage_of, struct error *error);

/* What a stage of a pipeline could hold: every piece of the chain, those that nothing tells apart once. */
struct system_pieces {
  struct system_plan plan; /* its runs are the pieces, of one device each: for system_load_s and the like */
  uint32_t *piece_of;      /* [n_places * n_places]: first * n_places + last */
  uint64_t *kept_bytes;    /* [n_runs] a microbatch */
  uint64_t *bytes;         /* [pipeline * n_runs] that a device of the stage needs with the piece */
};
/* Of a plan with one chunk a device. In the system's arena. */
bool system_list_pieces(struct system *system, const struct system_plan *plan, struct system_pieces *pieces,
                        struct error *error);
/* The plan's strategy with other layers on its stages: stage s ends before place end[s]. */
bool system_move_layers(struct system *system, const struct system_plan *plan, const uint32_t *end,
                        const struct system_plan **moved, struct error *error);

/* Prices of one unit on one design. */
void system_price_unit(const struct system *system, struct unit *unit, const struct accelerator *accelerator,
                       const struct stage_cost_of_design *design, struct unit_cost *cost);
/* What no schedule of these prices beats: a floor of the seconds, with the link's own; no energy. */
void system_bound_unit(const struct system *system, struct unit *unit, const struct accelerator *accelerator,
                       struct unit_cost *cost);
/* A floor of a unit's seconds as unit_cost has it, which does not say what of it are links: of any time at most
 * share/(1 + share) hides behind the rest. */
static inline double system_floor_s(const struct system_law *law, double seconds) {
  return seconds / (1 + law->overlap_tensor);
}
/* Does the plan run this phase of the block, on devices that have it? */
bool system_runs_phase(const struct system_plan *plan, size_t block, unsigned phase);
/* Which units a plan needs, or (run not NULL) the devices of one run: calls `visit` with each. */
void system_visit_units(const struct system_plan *plan, const struct device_run *run,
                        void (*visit)(void *context, uint32_t unit), void *context);

/* The cut's table for plans of this kind, made when first asked for. */
struct block_table *system_table_of(struct system *system, struct cut *cut, enum recompute recompute, bool is_torn);
/* Times the plan's blocks, or those of all plans, in their tables: stale as soon as costs change. */
void system_table(const struct system *system, const struct system_plan *plan, const struct unit_cost *costs);
void system_table_all(const struct system *system, const struct unit_cost *costs);
/* So many of each of the plan's blocks, from its table. */
void system_time_blocks(const struct system *system, const struct system_plan *plan, const uint32_t *blocks,
                        struct phase_times *times);

/* Seconds of an iteration that no schedule of these units' costs beats, in time that depends on runs alone; costs may
 * be floors. */
double system_bound_s(const struct system *system, const struct system_plan *plan, const struct unit_cost *costs,
                      const struct network *network);
/* The same from a table that is up to date. */
double system_tabled_bound_s(const struct system *system, const struct system_plan *plan,
                             const struct network *network);
/* The same by simulation, which knows the bubbles of every schedule: closer, and dearer. 0: nothing is known. */
double system_simulated_bound_s(struct system *system, const struct system_plan *plan, const struct unit_cost *costs,
                                const struct network *network);
/* What one device of a run is busy for with an iteration's microbatches: a pipeline's beat, times their number. */
double system_beat_s(const struct system *system, const struct system_plan *plan, const struct device_run *run,
                     const struct unit_cost *costs, const struct network *network);
/* What one device of a run is busy for in an iteration, with what of its gradients nothing hides, and its update: no
 * system that has it is faster. Costs may be floors. */
double system_load_s(const struct system *system, const struct system_plan *plan, const struct device_run *run,
                     const struct unit_cost *costs, const struct network *network);
/* Joules of an iteration but for what flows while devices wait. */
double system_energy_j(const struct system *system, const struct system_plan *plan, const struct unit_cost *costs);
double system_run_energy_j(const struct system_plan *plan, const struct device_run *run, const struct unit_cost *costs);
/* Of one design on all devices, or of one for each: costs and network by device in a row. */
struct stage_costs {
  const struct unit_cost *costs, *const *costs_of; /* the second where it is not NULL: [pipeline] */
  const struct network *network, *const *network_of;
};
/* By simulation, in full. `pipeline` (may be NULL): its tasks too. */
void system_time(struct system *system, const struct system_plan *plan, const struct stage_costs *stages,
                 struct system_result *result, struct pipeline_result *pipeline);

#endif
