/* What is a design worth that stands on every stage of a whole system, spread in the way that suits it best?
 *
 * Strategies that the model or the memory of every design forbids are left out at once. A design is judged by the best
 * of the rest: they are taken up by their bounds, until no bound is better than what has been found. Floors of the
 * units give the bound of a design, or of a whole box of them. */
#ifndef DSE_SYSTEM_SEARCH_H
#define DSE_SYSTEM_SEARCH_H

#include "arch/money.h"
#include "dse/strategies.h"
#include "dse/system_private.h"

struct plan_bound {
  double seconds; /* INFINITY: not allowed with this design */
  uint32_t plan;
};

/* Why strategies of the lists are not among the plans. */
struct system_left_out {
  uint64_t n_illegal, n_too_large, n_double;
  const char *first_illegal; /* the first message */
  const char *least_text;    /* of those too large the one that needs least */
  uint64_t least_bytes;
  struct system_memory least_memory;
  size_t least_stage;
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
  uint32_t representative;     /* the unit that is shown as a schedule: the most frequent block's backward pass */
  const char *representative_name;
  /* scratch of one design */
  struct unit_cost *floors;  /* [n_units] */
  struct plan_bound *bounds; /* [n_plans] */
  uint64_t n_simulated;
};

/* `hbm_bytes`: the most that any design has. STATUS_INPUT if no strategy is legal; STATUS_INFEASIBLE if none fits. */
bool system_search_init(struct system_search *search, const struct system_model *model,
                        const struct system_settings *settings, const struct money_settings *money,
                        const struct strategies *strategies, uint64_t hbm_bytes, struct arena *arena,
                        struct error *error);

/* A design in front of the plans: what it may be part of, and what its devices draw and cost. */
struct system_design {
  const struct accelerator *accelerator;
  const struct stage_cost_of_design *cost;
  double device_usd; /* NaN or 0: nobody asks */
};

struct system_score {
  const struct system_plan *plan; /* NULL: none is allowed */
  double seconds, throughput, energy_j, throughput_per_w;
  uint64_t n_devices;
  double power_excess_w, money_excess_usd; /* of the plan that misses its limit by least, if that is why none is */
  bool too_large;                          /* none fits the memory */
};
/* From search->floors: no plan is better in any of the numbers. */
void system_search_bound(struct system_search *search, const struct system_design *design, struct system_score *score);
/* In full, from search->floors and schedules of what could still win. */
void system_search_best(struct system_search *search, const struct system_design *design, struct system_score *score,
                        struct system_result *result);
/* Each unit's part of the best plan's iteration: share[n_units], from the costs of the design judged last. */
void system_search_shares(const struct system_search *search, const struct system_plan *plan, double *share);

#endif
