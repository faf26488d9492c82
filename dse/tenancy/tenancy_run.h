/* One search for a mapping of jobs, on all ranks: bounds, rounds of islands, the judge's word on the answer.
 * See search/tenancy/. */
#ifndef DSE_TENANCY_RUN_H
#define DSE_TENANCY_RUN_H

#include "dse/map/map_algorithms.h"
#include "search/tenancy/tenancy_goal.h"
#include "search/tenancy/tenancy_islands.h"

enum tenancy_bounds_choice { TENANCY_BOUNDS_QUICK, TENANCY_BOUNDS_FULL, TENANCY_BOUNDS_PROOF };

/* Group "tenancy" of --set: of every algorithm. */
struct tenancy_keys {
  uint64_t islands, round_samples, migrants, bounds;
  double gap_target;
  struct tenancy_goal_settings goal;
  uint64_t remap_every_cycles, remap_samples; /* where jobs arrive */
};
extern const struct field_table tenancy_key_fields;
bool tenancy_algorithm_at(size_t i, struct map_algorithm *algorithm); /* as in struct map_problem */
/* All algorithms, each for every problem, and --set of the command line, read into `keys`. */
struct map_offer tenancy_offer(const struct invocation *invocation, struct tenancy_keys *keys);
/* The keys, and those of every algorithm with a table (group NAME, dashes as underscores), from --set alone.
 * settings[i] is for tenancy_algorithms[i]. */
bool tenancy_read_keys(const struct invocation *invocation, struct tenancy_keys *keys, const void ***settings,
                       struct error *error);

struct tenancy_job {
  const struct tenancy_problem *problem;
  const struct tenancy_bounds *bounds; /* of a goal: as tenancy_goal_target has it */
  struct tenancy_goal *goal;           /* what answers are judged by; NULL: the makespan */
  double goal_bound;                   /* of its objective */
  const struct tenancy_algorithm *algorithm;
  const void *algorithm_settings;
  const struct tenancy_keys *keys;
  uint64_t seed, samples; /* samples 0: searches of 10,000, 20,000, 40,000 … samples one after another, until time_s */
  double time_s;          /* looked at between rounds; 0: no limit */
  size_t n_warm;
  const struct tenancy_answer *warm;
  const char *state_path; /* where a stopped search is kept and found again; NULL: nowhere */
  size_t n_marks;
  const uint64_t *marks;
};

struct tenancy_result {
  struct tenancy_answer answer;
  struct tenancy_queues queues;
  tenancy_cost cost;
  struct tenancy_verdict verdict;
  double value;                         /* of the objective; without a goal the makespan */
  double figures[TENANCY_N_OBJECTIVES]; /* with a goal */
  double gap;
  bool proven_optimal;
  uint64_t samples, rounds;
  size_t n_islands;
  double wall_s, cpu_s;
  const char *stopped; /* a signal, "time"; NULL: went to its end */
  tenancy_cost *at;    /* [n_marks] best at these counts of one island's samples; all ones: not reached */
  size_t n_population; /* of the best island, best first */
  const struct tenancy_answer *population;
};
/* Collective. The result lies in the arena. */
bool tenancy_search(const struct invocation *invocation, const struct tenancy_job *job, struct tenancy_result *result,
                    struct error *error);

#endif
