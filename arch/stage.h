/* How good is one design for one stage of a training job?
 *
 * A stage is a training graph (one device's share of one iteration) under cost, scheduling and technology settings;
 * evaluating a design prices every distinct operator shape once, schedules the graph, and adds area, TDP, memory and
 * energy. Pure: const inputs and the rank's own scratch. What no mapping and schedule can beat: stage_bound.h.
 * (accelerator-search §5–8; cost-model.) */
#ifndef ARCH_STAGE_H
#define ARCH_STAGE_H

#include "arch/cost.h"
#include "arch/energy.h"
#include "arch/schedule.h"
#include "arch/technology.h"
#include "workloads/training.h"

enum spread { SPREAD_OFF, SPREAD_POWER_OF_TWO, SPREAD_SHARED };
enum hbm_sharing { HBM_ISOLATED, HBM_FLOOR };

/* Group "schedule" of run files. */
struct stage_settings {
  uint64_t spread, hbm_sharing, passes;
};
extern const struct field_table stage_fields;

/* How far a design falls short of (or exceeds) what it was built for: factors. Rates are lost while it runs; the
 * silicon is paid for in full. */
struct stage_derating {
  double hbm_area, hbm_power;        /* on the mm² and the joules of the HBM interface */
  double hbm_rate, lane_rate, clock; /* on what is kept up of the built rates */
};

struct stage {
  const struct op_graph *graph; /* training graph, contracted */
  const struct stage_settings *settings;
  const struct cost_settings *cost;
  const struct technology *technology;
  const struct cost_provider *provider;
  struct energy_model energy;            /* of technology and cost->energy_detail, by stage_init */
  uint64_t samples;                      /* in one iteration */
  const uint32_t *shape_ops;             /* [n_shapes]: how many ops have the shape */
  const uint32_t *op_shapes;             /* [n_ops]: ops[i].shape, side by side */
  uint64_t state_bytes;                  /* parameters, gradients, optimizer state */
  uint64_t stash_bytes;                  /* kept for the backward pass */
  uint64_t working_bytes;                /* largest inputs + weights + outputs of one op */
  uint64_t macs;                         /* of one iteration */
  const struct stage_derating *derating; /* NULL: designs run as they are built */
};

/* What contraction takes out of the graph but not out of memory. */
struct stage_contracted {
  uint64_t parameters; /* of the whole graph, those of ops without work included (graph_totals before graph_contract) */
  uint64_t frozen;     /* besides them, parameters that are not trained */
  uint64_t kept_bytes; /* of contracted ops */
};

void stage_init(struct stage *stage, const struct op_graph *graph, const struct training_settings *training,
                const struct stage_contracted *contracted, struct arena *arena);

/* A design as it runs on this stage: itself, or derated. Cycles of results and floors are of its clock. */
void stage_running(const struct stage *stage, const struct accelerator *built, struct accelerator *running);
double stage_clock_hz(const struct stage *stage, const struct accelerator *built);

/* A rank's memory for evaluations: scratch arena and a cache of operator costs, which changes speed and no answer. */
struct stage_scratch;
struct stage_scratch *stage_scratch_new(struct arena *arena, const struct stage *stage, bool cache);
/* Another stage of the same run: what one of them has priced the other need not, in the memory of one cache. */
struct stage_scratch *stage_scratch_beside(struct arena *arena, const struct stage *stage,
                                           const struct stage_scratch *first);
/* After a change of the cost settings or the technology that `stage` points to. */
void stage_scratch_refresh(struct stage_scratch *scratch, const struct stage *stage);
void stage_scratch_release(struct stage_scratch *scratch); /* what it holds outside the arena */
struct stage_cache_counts {
  uint64_t hits, misses;
};
struct stage_cache_counts stage_cache_counts(const struct stage_scratch *scratch);

enum stage_binding {
  BINDING_NONE,
  BINDING_CRITICAL_PATH,
  BINDING_TENSOR_CORES,
  BINDING_VECTOR_CORES,
  BINDING_LINKS,
  BINDING_HBM,
  N_BINDINGS
};
extern const char *const stage_binding_names[N_BINDINGS];

struct stage_cost_of_design { /* what limits can judge before any schedule */
  struct area_breakdown area;
  struct power_breakdown tdp;
  uint64_t memory_bytes; /* needed by the stage */
  uint64_t hbm_bytes;    /* there is */
};
/* What one iteration of the stage must hold at once, whatever the design. */
uint64_t stage_memory_bytes(const struct stage *stage);
/* `needs_tdp` of compat: has none, all zero. */
void stage_design(const struct stage *stage, const struct accelerator *accelerator,
                  struct stage_cost_of_design *design);

struct stage_result {
  uint64_t cycles;               /* of one iteration; UINT64_MAX: it does not fit some number or memory */
  uint64_t bound_cycles;         /* no schedule of these costs is shorter */
  enum stage_binding binding;    /* which bound that is */
  uint64_t list_cycles;          /* makespan of the schedule; cycles = max(this, HBM floor) */
  uint64_t critical_path_cycles; /* T*: with unlimited cores */
  uint64_t hbm_bytes, hbm_cycles, memory_excess_cycles; /* Σ over ops of memory time beyond compute time */
  uint64_t delay_cycles[N_CORE_CLASSES], busy_cycles[N_CORE_CLASSES];
  uint64_t macs, lane_cycles, array_mac_cycles; /* array_mac_cycles: MAC slots in busy arrays */
  uint64_t glb_bytes, l2_bytes, array_bytes;    /* as hbm_bytes: of each op on one core */
  double iteration_s, energy_j;
};

/* `detail`: also the schedule per op (in `arena`), and the problem it solves, for the judge and the reports. */
struct stage_detail {
  struct schedule_problem problem;
  struct schedule schedule;
  struct op_cost *shape_costs; /* [n_shapes * problem.n_widths] */
};
/* What an iteration moves and does, for its energy by level. */
void stage_traffic(const struct stage_result *result, struct energy_traffic *traffic);
void stage_evaluate(const struct stage *stage, const struct accelerator *accelerator,
                    const struct stage_cost_of_design *design, struct stage_scratch *scratch,
                    struct stage_result *result, struct stage_detail *detail, struct arena *arena);

/* Prices every shape on every width that the design allows, as stage_evaluate does first, and returns how many prices
 * that were: for benchmarks. */
uint64_t stage_price(const struct stage *stage, const struct accelerator *accelerator, struct stage_scratch *scratch);

#endif
