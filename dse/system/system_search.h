/* What is a design worth that stands on every stage of a whole system, spread in the way that suits it best?
 *
 * Strategies that the model or the memory of every design forbids are left out at once. A design is judged by the best
 * of the rest: they are taken up by their bounds, until no bound is better than what has been found. Floors of the
 * units give the bound of a design, or of a whole box of them. */
#ifndef DSE_SYSTEM_SEARCH_H
#define DSE_SYSTEM_SEARCH_H

#include "arch/money.h"
#include "dse/system/strategies.h"
#include "dse/system/system_private.h"

struct system_score {
  const struct system_plan *plan; /* NULL: none is allowed */
  double seconds, throughput, energy_j, throughput_per_w;
  uint64_t n_devices;
  double power_excess_w, money_excess_usd; /* of the plan that misses its limit by least, if that is why none is */
  bool too_large;                          /* none fits the memory */
  bool unpriced;                           /* money is limited, and nobody knows what the design costs */
};

struct plan_bound {
  double seconds; /* INFINITY: not allowed with this design */
  uint32_t plan;
};

/* Why strategies of the lists are not among the plans. */
struct system_left_out {
  uint64_t n_illegal, n_too_large, n_double;
  const char *first_illegal; /* the first message */
};

/* One stage of one plan alone, instead of whole systems: a local search's question. */
struct system_focus {
  const struct system_plan *plan; /* NULL: whole systems */
  size_t run;                     /* of its devices */
};

struct system_search {
  struct system_focus focus;
  struct system *system;
  const struct system_settings *settings;
  const struct money_settings *money;
  const struct system_plan **plans;
  size_t n_plans;
  uint64_t n_strategies;
  struct system_left_out left_out;
  uint64_t samples;            /* of an iteration */
  uint64_t least_memory_bytes; /* of any plan */
  bool ignores_memory;         /* limits.memory is off */
  uint64_t most_hbm_bytes;     /* of any design of the space; 0: not known */
  bool none_fits;              /* any design of the space; then the plan that needs least is kept, to say so */
  uint32_t representative;     /* the unit that is shown as a schedule: the most frequent block's backward pass */
  const char *representative_name;
  /* scratch of one design */
  struct system_score *bound; /* of what was bounded last, by design_fill_bounds */
  struct unit_cost *floors;   /* [n_units] */
  struct plan_bound *bounds;  /* [n_plans] */
  uint32_t won_last;          /* the plan that the design judged last was best with */
  uint64_t n_simulated;
};

/* Most memory of a device that a plan may need; 0: any. */
struct system_room {
  uint64_t designs_bytes; /* most that any design of the space has */
  uint64_t others_bytes;  /* of designs beside the space that will be judged: plans that fit these are kept, too */
};
/* STATUS_INPUT if no strategy is legal. */
bool system_search_init(struct system_search *search, const struct system_model *model,
                        const struct system_settings *settings, const struct money_settings *money,
                        const struct strategies *strategies, const struct system_room *room, struct arena *arena,
                        struct error *error);
/* Which device of which stage misses what of so much memory, and by how many bytes, with the strategy that needs least:
 * STATUS_INFEASIBLE. */
bool system_search_say_too_large(const struct system_search *search, uint64_t hbm_bytes, struct error *error);
/* Does a device have the memory that the plan (or one run of its devices: `run` not NULL) needs? */
bool system_search_fits(const struct system_search *search, const struct system_plan *plan,
                        const struct device_run *run, uint64_t hbm_bytes);

/* A design in front of the plans: what it may be part of, and what its devices draw and cost. */
struct system_design {
  const struct accelerator *accelerator;
  const struct stage_cost_of_design *cost;
  double device_usd; /* 0: nobody asks; not finite: nobody knows, and a limit on money is not kept */
};

/* From search->floors: no plan is better in any of the numbers. */
void system_search_bound(struct system_search *search, const struct system_design *design, struct system_score *score);
/* In full, from search->floors and schedules of what could still win. */
void system_search_best(struct system_search *search, const struct system_design *design, struct system_score *score,
                        struct system_result *result);
/* Each unit's part of the plan's iteration (of one stage's, if that is the question), from the costs of the design
 * judged last: share[n_units]. */
void system_search_shares(const struct system_search *search, const struct system_plan *plan, double *share);

#endif
