/* Where arch/ and search/ meet: the designs of a run file as a space, a stage's evaluation as its score. */
#ifndef DSE_DESIGN_SPACE_H
#define DSE_DESIGN_SPACE_H

#include "arch/stage_bound.h"
#include "dse/design/rules.h"
#include "dse/run/workload_set.h"
#include "dse/system/system_search.h"

/* Why a design is out. The order is the order of judgement: the first that applies is the reason. */
enum reason {
  REASON_NONE,
  REASON_IMPOSSIBLE, /* the template or a rule forbids the combination, or no such die can be made */
  REASON_AREA,
  REASON_RETICLE,
  REASON_TDP,
  REASON_POWER_DENSITY,
  REASON_MEMORY,
  REASON_CONSTRAINT, /* limits.constraints; the excess is how many are broken */
#define OBJECTIVE(name, word, key, unit, maximise, doc, shown) REASON_RANGE_##name, /* limits.minimum, .maximum */
#include "dse/design/objectives.def"
#undef OBJECTIVE
  REASON_SYSTEM_POWER, /* of all devices: system.power_w, system.money_usd */
  REASON_SYSTEM_MONEY,
  REASON_THROUGHPUT_FLOOR,
  REASON_TOO_LONG, /* cycles do not fit 64 bits */
  REASON_INVALID,  /* a score broke its promises; a bug, counted and shown */
  N_REASONS,
  REASON_RANGE = REASON_RANGE_THROUGHPUT, /* the first of them */
  REASON_LAST_RANGE = REASON_RANGE + N_OBJECTIVES - 1
};

struct design_boxes; /* design_box.c */

struct design_space {
  struct space space;
  struct axis axes[POINT_MAX_AXES];
  size_t field_offset[POINT_MAX_AXES]; /* in struct accelerator */
  struct accelerator fixed;            /* values of the keys that are not axes */
  struct reason_name reasons[N_REASONS];
  size_t front_objectives[N_OBJECTIVES];
  struct rules rules;
  bool asks_die_cost; /* else it is 0 everywhere */
  const struct run_settings *settings;
  const struct stage *stage; /* of the only workload, or of the first */
  struct stage_scratch *scratch;
  size_t n_stages;
  const struct stage *const *stages; /* of all workloads; read by design_stage */
  struct stage_scratch *const *scratches;
  struct system_search *system;   /* of many devices: its units are the stages; NULL: one device */
  struct workload_set *set;       /* what several throughputs are worth; NULL: one workload, in samples per second */
  struct stage_result *results;   /* [n_stages], of the design evaluated last: scratch */
  struct stage_floor *floors;     /* the same, of the design bounded last */
  const bool *needed;             /* [n_stages] of a system: units that count; NULL: all */
  double *shares, *seconds;       /* [n_stages]: scratch */
  uint64_t *path_cycles;          /* the same */
  struct design_boxes *boxes;     /* scratch of bounds over boxes */
  struct design_forward *forward; /* forward passes alone; NULL: there are none */
  double floor_throughput;        /* in the unit of the first objective; 0: none */
  double reference_throughput;
  uint64_t *n_refinements; /* scratch: a count of this rank's work, no part of an answer */
};

/* Samples of an iteration: of the whole system, or of the only workload. */
static inline uint64_t design_samples(const struct design_space *designs) {
  return designs->system != NULL ? designs->system->samples : designs->stage->samples;
}
/* The mean duration of an iteration, of what has been scored. */
static inline double design_iteration_s(const struct design_space *designs, const double *objective) {
  const double energy_j = objective[OBJECTIVE_ENERGY];
  if (designs->set != NULL) return energy_j > 0 ? objective[OBJECTIVE_EDP] / energy_j : 0;
  return (double)design_samples(designs) / objective[OBJECTIVE_THROUGHPUT];
}

/* Lays out the axes (lists with more than one value); a run has at most POINT_MAX_AXES of them. With `system` its units
 * are the stages, and `stages` is not looked at. */
bool design_space_init(struct design_space *designs, const struct run_settings *settings,
                       const struct stage *const *stages, size_t n_stages, struct system_search *system,
                       struct arena *arena, struct error *error);
void design_space_release(struct design_space *designs);
/* How many schedules of the forward pass alone were made for advice; each is about a third of an evaluation. */
uint64_t design_suggestions(const struct design_space *designs);
/* How many designs were bounded closely (`refine`), by searches and proofs; each is about a tenth of one. */
uint64_t design_refinements(const struct design_space *designs);
/* Does the stage count? */
static inline bool design_needs(const struct design_space *designs, size_t i) {
  return designs->needed == NULL || designs->needed[i];
}
static inline const struct stage *design_stage(const struct design_space *designs, size_t i) {
  return i == 0 ? designs->stage : designs->stages[i];
}
static inline struct stage_scratch *design_scratch(const struct design_space *designs, size_t i) {
  return i == 0 ? designs->scratch : designs->scratches[i];
}
/* The design at a point; false if the template forbids it. */
bool design_at(const struct design_space *designs, const struct point *point, struct accelerator *accelerator);
/* What limits can judge before any schedule; its memory is the largest need of a workload. */
void design_cost(const struct design_space *designs, const struct accelerator *accelerator,
                 struct stage_cost_of_design *design);
/* By how much a design exceeds a limit known without a schedule (0: it does not), in the limit's unit. */
double design_excess(const struct design_space *designs, const struct accelerator *accelerator,
                     const struct stage_cost_of_design *design, enum reason reason);
/* One design in full, with everything a report wants; `detail` may be NULL. Result and detail are the first workload's,
 * score and cost all workloads'. */
void design_evaluate(const struct design_space *designs, const struct accelerator *accelerator,
                     struct stage_cost_of_design *design, struct stage_result *result, struct score *score,
                     struct stage_detail *detail, struct arena *arena);
/* What a design is as the device of a whole system, limits of the device aside. */
void design_system_of(const struct design_space *designs, const struct accelerator *accelerator,
                      struct system_score *score, struct system_result *result);
/* Prices of a design; the L2 of all its cores, which a law may not tell from the GLB: then what a chip without cores
 * has is the GLB. */
bool design_money(const struct design_space *designs, const struct accelerator *accelerator,
                  const struct stage_cost_of_design *design, struct money *money, struct error *error);
double design_core_l2_mm2(const struct stage *stage, const struct accelerator *accelerator,
                          const struct area_breakdown *area);
/* Can this be a reason in this run? */
bool design_reason_applies(const struct design_space *designs, enum reason reason);
/* Do constraints or rules exclude every design of low ≤ point ≤ high, and why? */
bool design_box_excluded(const struct design_space *designs, const struct point *low, const struct point *high,
                         enum reason *reason);
/* "tc_count=8,tc_rows=128,…" of the axes at a point (into the arena), as `--design` takes it. */
const char *design_text(const struct design_space *designs, const struct point *point, struct arena *arena);
/* The 16 hexadecimal digits that name a design across runs. */
void design_name(const struct accelerator *accelerator, char name[17]);
/* "k=v,k=v" on top of the first values of the run; keys that it leaves out follow their rules. */
bool design_parse(const struct design_space *designs, const char *text, struct accelerator *accelerator,
                  struct arena *arena, struct error *error);

#endif
