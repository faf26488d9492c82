/* What the files of the global search share among themselves: global.c leads, global_stages.c searches every stage by
 * itself, global_choice.c puts designs on stages. */
#ifndef DSE_GLOBAL_PRIVATE_H
#define DSE_GLOBAL_PRIVATE_H

#include "dse/design/design_private.h"
#include "dse/system/global.h"

enum { MOST_PLANS = 3, MOST_CANDIDATES = 2000, MOST_MEMORIES = 64, MOST_WHOLE_SPACE = 4096 };

/* Of each amount of memory that designs of the space have, the one with the least TDP. */
struct coolest_design {
  uint64_t hbm_bytes;
  double tdp_w;
  struct point point;
};
struct coolest_designs {
  size_t n;
  struct coolest_design of[MOST_MEMORIES]; /* by memory */
};

struct candidate {
  struct point point;
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct network network;
  double device_usd;
  struct unit_cost *costs; /* [n_units], of those that any plan needs */
};

struct choosing {
  struct run *run;
  struct global *global;
  struct system_search *search;
  const struct system_plan *plans[MOST_PLANS];
  size_t n_plans;
  struct candidate **candidates;
  size_t n_candidates, most_candidates, systems_held; /* room for so many systems */
  const struct global_listener *listener;             /* NULL: nobody */
  double *worth, most_worth;                          /* [n_candidates] to the listener, of a device; the largest */
  struct coolest_designs coolest;                     /* where no design alone is within the power limit */
  struct arena *arena;
};

/* Within the limits of a device, but for its memory, which is each stage's to judge. */
bool global_is_built(const struct design_space *designs, const struct accelerator *accelerator,
                     const struct stage_cost_of_design *design);
/* Strategies whose stages fit coolest designs within the power limit; finds these. None: nothing can. */
void global_choose_mixed(struct choosing *choosing);
/* Every different stage of the plans, for the least load, then the least power at the slowest one's pace. Collective;
 * run->rounds.stopped says if it was stopped. */
bool global_search_stages(struct choosing *choosing, struct error *error);
/* The search that was made for stages like this one; pace 0: for the least load. NULL: none. */
const struct global_stage *global_searched(const struct choosing *choosing, const struct system_plan *plan,
                                           const struct device_run *run, double pace_s);
/* Its number among the candidates, where it may stand already; SIZE_MAX: there is no room, or no such design. */
size_t global_candidate(struct choosing *choosing, const struct point *point);
/* Costs of the units that a run of the plan's devices needs (NULL: all of them). */
void global_price(struct choosing *choosing, const struct system_plan *plan, const struct device_run *run,
                  struct candidate *own);
/* What a device of the run is busy for with an iteration on the candidate; INFINITY: it does not fit. */
double global_load_s(struct choosing *choosing, const struct system_plan *plan, const struct device_run *run,
                     struct candidate *own);
/* A system of one candidate for each device in a row, simulated, and kept if it belongs on the front. */
void global_add_system(struct choosing *choosing, const struct system_plan *plan, const uint32_t *design);
/* May layers of the plan go elsewhere with other designs on its stages? */
bool global_moves_layers(const struct choosing *choosing, const struct system_plan *plan);
/* Of whole systems of the plan, what a sum over devices may be that the run and the listener limit, INFINITY: nothing.
 */
enum { GLOBAL_AREA, GLOBAL_POWER, GLOBAL_MONEY, GLOBAL_N_LIMITS };
double global_wanted_limit(const struct choosing *choosing, const struct system_plan *plan, size_t limit);
/* Of all devices of a stage: what it costs, and what it lacks to the worthiest candidate. */
double global_stage_cost(const struct choosing *choosing, const struct system_plan *plan, size_t limit, size_t c);
double global_stage_lack(const struct choosing *choosing, const struct system_plan *plan, size_t c);
/* As many different designs as the listener wants, and the run allows; 0: any. */
size_t global_wanted_designs(const struct choosing *choosing);
/* Systems of the plan, its layers where they are, by load against what they lack. */
bool global_choose_wanted(struct choosing *choosing, const struct system_plan *plan, struct error *error);
/* Layers and designs of a plan's stages chosen together. `bound_s`: no device of any such system of the candidates is
 * busy for less than this with an iteration, INFINITY: none is within the limits. */
bool global_choose_joint(struct choosing *choosing, const struct system_plan *plan, double *bound_s,
                         struct error *error);
/* From candidates to the front of systems, and the table of what k changes. */
bool global_choose(struct choosing *choosing, struct error *error);

#endif
