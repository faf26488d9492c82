/* See tenancy_beyond.h. */
#include "dse/tenancy/tenancy_beyond.h"

#include <math.h>

static const struct tenancy_bounds_settings *chosen_bounds(const struct tenancy_keys *keys) {
  static const struct tenancy_bounds_settings *const settings[] = {
      [TENANCY_BOUNDS_QUICK] = &tenancy_bounds_quick,
      [TENANCY_BOUNDS_FULL] = &tenancy_bounds_full,
      [TENANCY_BOUNDS_PROOF] = &tenancy_bounds_proof,
  };
  return settings[keys->bounds];
}

bool tenancy_aim_open(const struct invocation *invocation, struct tenancy_problem *problem,
                      const struct tenancy_keys *keys, uint64_t seed, struct tenancy_aim *aim, struct error *error) {
  struct arena *arena = invocation->arena;
  if (keys->goal.mean && keys->goal.scenarios == 0) {
    return error_add(error, STATUS_INPUT, "--set scenario_mean: there are no scenarios (--set scenarios=N)");
  }
  if (!tenancy_goal_open(problem, &keys->goal, seed, arena, &aim->goal, error) ||
      !tenancy_makespan_bounds(problem, chosen_bounds(keys), arena, &aim->makespan, error) ||
      !tenancy_objective_bounds(aim->goal, &aim->makespan, arena, &aim->bounds, error)) {
    return false;
  }
  aim->target = tenancy_goal_target(aim->goal, &aim->makespan, &aim->bounds);
  return true;
}

bool tenancy_limit_makespan(const struct invocation *invocation, struct tenancy_job *job, struct tenancy_aim *aim,
                            struct error *error) {
  const double slack = job->keys->goal.makespan_slack;
  if (slack < 0) return true;
  const enum tenancy_objective objective = aim->goal->objective;
  if (objective == TENANCY_MAKESPAN || objective == TENANCY_THROUGHPUT || aim->goal->n_scenarios > 0) {
    return error_add(error, STATUS_INPUT,
                     "--set makespan_slack: means nothing for the makespan itself, throughput, or "
                     "the mean over scenarios");
  }
  struct tenancy_problem problem = *job->problem;
  struct tenancy_goal *goal = tenancy_goal_turn(aim->goal, TENANCY_MAKESPAN, invocation->arena);
  tenancy_goal_hang(goal, &problem);
  const struct tenancy_bounds target = tenancy_goal_target(goal, &aim->makespan, &aim->bounds);
  struct tenancy_job first = *job;
  struct tenancy_result *result = ARENA_NEW(invocation->arena, struct tenancy_result, 1);
  first.problem = &problem, first.goal = goal, first.bounds = &target;
  first.goal_bound = aim->bounds.value[TENANCY_MAKESPAN], first.state_path = NULL;
  if (!tenancy_search(invocation, &first, result, error)) return false;
  /* Rounding between the judge and the search must not shut out the answer itself. */
  aim->goal->limit_cycles = (1 + slack) * result->value * (1 + 1e-9);
  job->n_warm = 1, job->warm = &result->answer;
  return true;
}

/* --- latencies that are not sure ------------------------------------------------------------------------------------
 */

bool tenancy_find_spread(const struct invocation *invocation, const struct tenancy_aim *aim,
                         const struct tenancy_keys *keys, uint64_t seed, const struct tenancy_answer *answer,
                         struct tenancy_spread *spread, struct error *error) {
  const enum tenancy_objective objective = aim->goal->objective;
  const bool maximise = tenancy_objectives[objective].maximise;
  *spread = (struct tenancy_spread){.n = (size_t)keys->goal.scenarios};
  for (size_t s = 0; s < spread->n; s++) {
    const struct arena_mark mark = arena_get_mark(invocation->scratch);
    struct tenancy_problem scenario;
    struct tenancy_verdict verdict;
    if (!tenancy_scenario(aim->goal->problem, seed, s, keys->goal.sigma, invocation->scratch, &scenario, error) ||
        !tenancy_judge(&scenario, answer, invocation->scratch, &verdict, error)) {
      return false;
    }
    double value[TENANCY_N_OBJECTIVES];
    tenancy_figures(aim->goal, answer->core, verdict.makespan_cycles, verdict.end_of, value);
    spread->mean += value[objective] / (double)spread->n;
    if (s == 0 || (maximise ? value[objective] < spread->worst : value[objective] > spread->worst)) {
      spread->worst = value[objective];
    }
    arena_rewind(invocation->scratch, mark);
  }
  return true;
}

/* --- another rule of sharing ----------------------------------------------------------------------------------------
 */

bool tenancy_find_gain(const struct invocation *invocation, const struct tenancy_job *job,
                       const struct tenancy_answer *answer, struct tenancy_gain *gain, struct error *error) {
  *gain = (struct tenancy_gain){NAN, NAN};
  if (job->keys->goal.allocation == TENANCY_PROPORTIONAL) return true;
  struct tenancy_keys keys = *job->keys;
  struct tenancy_problem problem = *job->problem;
  struct tenancy_aim aim;
  struct tenancy_verdict verdict;
  struct tenancy_result result;
  double value[TENANCY_N_OBJECTIVES];
  keys.goal.allocation = TENANCY_PROPORTIONAL, keys.bounds = TENANCY_BOUNDS_QUICK;
  if (!tenancy_aim_open(invocation, &problem, &keys, job->seed, &aim, error)) return false;
  aim.goal->alone_cycles = job->goal->alone_cycles; /* slowdowns against the same */
  if (!tenancy_goal_judge(aim.goal, answer, invocation->arena, &verdict, value, error)) return false;
  gain->same_answer = value[aim.goal->objective];
  struct tenancy_job other = *job;
  other.problem = &problem, other.bounds = &aim.target, other.keys = &keys, other.goal = aim.goal;
  other.goal_bound = aim.bounds.value[aim.goal->objective];
  other.n_warm = 1, other.warm = answer, other.state_path = NULL, other.n_marks = 0;
  if (!tenancy_search(invocation, &other, &result, error)) return false;
  gain->searched = result.value;
  return true;
}

/* --- shown ----------------------------------------------------------------------------------------------------------
 */

json_t *tenancy_figures_json(const struct tenancy_aim *aim, const double *value) {
  json_t *object = json_object();
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    const double bound = aim->bounds.value[o];
    if (!isfinite(value[o]) || !isfinite(bound)) continue;
    json_object_set_new(object, tenancy_objectives[o].name,
                        json_pack("{sf sf ss}", "value", value[o], "bound", bound, "unit", tenancy_objectives[o].unit));
  }
  return object;
}

static const struct report_column figure_columns[] = {
    {"objective", "", "", true}, {"value", "", "", false}, {"bound", "", "", false}, {"unit", "", "", true}};

void tenancy_figures_table(const struct tenancy_aim *aim, const double *value, struct arena *arena,
                           struct report_table *table) {
  struct report_cell *cells = ARENA_NEW(arena, struct report_cell, 4 * TENANCY_N_OBJECTIVES);
  size_t n = 0;
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    if (isnan(value[o])) continue;
    struct report_cell *cell = &cells[4 * n++];
    cell[0] = (struct report_cell){NAN, tenancy_objectives[o].name};
    cell[1].number = value[o], cell[2].number = aim->bounds.value[o];
    cell[3] = (struct report_cell){NAN, tenancy_objectives[o].unit};
  }
  *table = (struct report_table){.title = "Objectives",
                                 .sentence = "What the mapping is worth by each, and what no mapping can beat.",
                                 .columns = figure_columns,
                                 .n_columns = 4,
                                 .cells = cells,
                                 .n_rows = n};
}
