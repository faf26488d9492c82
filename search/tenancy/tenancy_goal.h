/* What else than the makespan can a mapping be good at? (tenancy §12.)
 *
 * A goal hangs at a problem (problem->goal): tenancy_evaluate then gives its cost, so that whatever searches by
 * evaluating works on any of them. A cost is the objective's value over `unit`, times scaled_bandwidth: of equal
 * meaning for makespans, and tenancy_cycles(…) × unit is the value again. What an answer is worth for people comes from
 * the judge's times, through the same figures. Left out: several objectives at once (tenancy_front.h), and moves that
 * are evaluated in part (tenancy_move.h knows makespans of independent jobs alone). */
#ifndef SEARCH_TENANCY_TENANCY_GOAL_H
#define SEARCH_TENANCY_TENANCY_GOAL_H

#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_schedule.h"

/* All are minimised but throughput. */
enum tenancy_objective {
  TENANCY_MAKESPAN,
  TENANCY_ENERGY,      /* Σ of the runs + static power × makespan */
  TENANCY_EDP,         /* energy × makespan */
  TENANCY_THROUGHPUT,  /* Σ MACs over the makespan */
  TENANCY_TARDINESS,   /* Σ weight × (end − deadline)⁺ */
  TENANCY_MISSED,      /* jobs that end behind their deadline */
  TENANCY_MEAN_FINISH, /* of the jobs; likewise p95 and p99: the least time by which so many have ended */
  TENANCY_P95_FINISH,
  TENANCY_P99_FINISH,
  TENANCY_FAIRNESS, /* the largest slowdown: a tenant's end over its end alone on the empty platform */
  TENANCY_JAIN,     /* 1 / Jain's index of the tenants' slowdowns: n Σs² / (Σs)² */
  TENANCY_N_OBJECTIVES,
};
struct tenancy_objective_kind {
  const char *name, *unit, *doc;
  bool maximise;
};
extern const struct tenancy_objective_kind tenancy_objectives[TENANCY_N_OBJECTIVES];
extern const char *const tenancy_objective_names[]; /* closed by NULL */
extern const char *const tenancy_queue_names[];     /* released, strict, NULL */

struct tenancy_goal_settings {
  uint64_t objective, allocation, queue; /* queue: index into tenancy_queue_names */
  double static_nj_per_cycle;
  double makespan_slack; /* ε: the makespan may be this share above the best found; below 0: any (the caller searches
                            for the best and sets limit_cycles) */
  uint64_t
      alone_samples;  /* annealed for each tenant alone, for slowdowns; of many tenants only where they are asked for */
  uint64_t scenarios; /* of latencies; 0: what the table says is sure */
  double sigma;       /* of the latencies' logarithms */
  bool mean;          /* search for the mean over the scenarios, not for the value of the table */
};

struct tenancy_goal {
  const struct tenancy_problem *problem; /* without the goal: its schedule */
  enum tenancy_objective objective;
  double static_nj_per_cycle, total_macs;
  const double *alone_cycles; /* [n_tenants]; NULL: not found yet */
  double unit;                /* of the value, a power of two */
  double limit_cycles;        /* a makespan above it costs more than anything; INFINITY: none */
  struct tenancy_schedule *schedule;
  bool plain;                        /* the makespan alone needs no schedule */
  size_t n_scenarios;                /* 0: none */
  struct tenancy_problem *scenarios; /* the cost is their mean */
  struct tenancy_goal **of_scenario; /* [n_scenarios] */
  /* Room. */
  uint32_t *core_of;
  double *tenant_cycles, *sorted; /* [2 * n_jobs] */
};

/* Lays the settings on the problem (allocation, queues) and makes a goal of it; hangs it at the problem unless the
 * closed form says all. False with STATUS_INPUT if the instance does not hold what the objective needs (energies, MACs,
 * deadlines, tenants). */
bool tenancy_goal_open(struct tenancy_problem *problem, const struct tenancy_goal_settings *settings, uint64_t seed,
                       struct arena *arena, struct tenancy_goal **goal, struct error *error);
/* The problem's evaluations are the goal's from now on, unless the closed form says the same. */
void tenancy_goal_hang(struct tenancy_goal *goal, struct tenancy_problem *problem);
/* Does the instance hold what the objective needs? */
bool tenancy_goal_check(const struct tenancy_problem *problem, enum tenancy_objective objective, struct error *error);
/* The same goal with another objective, whose room is shared. */
struct tenancy_goal *tenancy_goal_turn(const struct tenancy_goal *goal, enum tenancy_objective objective,
                                       struct arena *arena);
/* The problem with latencies times exp(sigma × a standard normal), one draw a job. */
bool tenancy_scenario(const struct tenancy_problem *problem, uint64_t seed, size_t number, double sigma,
                      struct arena *arena, struct tenancy_problem *scenario, struct error *error);

/* Where circular waiting keeps jobs from ever beginning, or a limit is broken: above all others. */
tenancy_cost tenancy_goal_cost(struct tenancy_goal *goal, const struct tenancy_queues *queues);
#define TENANCY_COST_INFEASIBLE ((tenancy_cost)1 << 124)
/* Values of all objectives that the instance has data for, the rest NaN: one schedule, whatever the goal (one for each
 * scenario). False: circular waiting. */
bool tenancy_goal_figures(struct tenancy_goal *goal, const struct tenancy_queues *queues,
                          double value[TENANCY_N_OBJECTIVES]);
/* The same of times that somebody found, e.g. the judge. */
void tenancy_figures(struct tenancy_goal *goal, const uint32_t *core, double makespan_cycles, const double *end_cycles,
                     double value[TENANCY_N_OBJECTIVES]);
/* What the answer is worth by the judge's word: the verdict on the problem as the table has it, and the figures, over
 * the goal's scenarios their means. False as tenancy_judge. */
bool tenancy_goal_judge(struct tenancy_goal *goal, const struct tenancy_answer *answer, struct arena *arena,
                        struct tenancy_verdict *verdict, double value[TENANCY_N_OBJECTIVES], struct error *error);
/* How far a value is from its bound: value / bound − 1, of throughput bound / value − 1, at least 0. */
double tenancy_goal_gap(enum tenancy_objective objective, double value, double bound);

/* Ascending; room for n more. */
void tenancy_sort_values(double *values, size_t n, double *room);

/* --- what no answer can beat (tenancy_goal_bounds.c) ---------------------------------------------------------------
 */
struct tenancy_goal_bounds {
  double value[TENANCY_N_OBJECTIVES]; /* of each objective: at least that, throughput: at most; NaN: no data */
};
/* The makespan's bounds with what §12 adds: the critical path of jobs that wait, and only what stays valid under
 * another rule of sharing. For all settings and problems; as tenancy_bounds where the problem is plain. */
bool tenancy_makespan_bounds(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                             struct arena *arena, struct tenancy_bounds *bounds, struct error *error);
/* Of all objectives, from the makespan's; `goal`: of any objective. Scenarios count as the goal says. */
bool tenancy_objective_bounds(const struct tenancy_goal *goal, const struct tenancy_bounds *makespan,
                              struct arena *scratch, struct tenancy_goal_bounds *bounds, struct error *error);
/* What a search for the goal takes for bounds: the makespan's, but best_cycles in units of the goal's costs. */
struct tenancy_bounds tenancy_goal_target(const struct tenancy_goal *goal, const struct tenancy_bounds *makespan,
                                          const struct tenancy_goal_bounds *bounds);

#endif
