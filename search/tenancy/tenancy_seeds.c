/* Seeds of multi-tenant mapping. See tenancy_seeds.h. */
#include "search/tenancy/tenancy_seeds.h"

#include "base/checked.h"
#include "search/tenancy/tenancy_dispatch.h"
#include "search/tenancy/tenancy_groups.h"
#include <string.h>

/* Queues from a core and a place in the order for every job. */
static void write_queues(const struct tenancy_problem *problem, const uint32_t *core, const uint32_t *order,
                         struct tenancy_queues *queues) {
  uint32_t fill[TENANCY_MAX_CORES] = {0};
  for (size_t j = 0; j < problem->n_jobs; j++) fill[core[j]]++;
  queues->start[0] = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    queues->start[c + 1] = queues->start[c] + fill[c];
    fill[c] = queues->start[c];
  }
  for (size_t i = 0; i < problem->n_jobs; i++) queues->job[fill[core[order[i]]]++] = order[i];
}

/* --- earliest finish ------------------------------------------------------------------------------------------------
 */

/* Each job in turn to the core where load + bytes_weight × (bytes / B) ends up least. */
static void earliest_finish(const struct tenancy_problem *problem, const uint32_t *first, double bytes_weight,
                            struct arena *scratch, struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  uint32_t *core = ARENA_NEW(scratch, uint32_t, n), *order = ARENA_NEW(scratch, uint32_t, n);
  if (first != NULL) {
    memcpy(order, first, n * sizeof *order);
  } else {
    tenancy_sort_longest(problem, scratch, order);
  }
  uint64_t load[TENANCY_MAX_CORES] = {0};
  for (size_t i = 0; i < n; i++) {
    const size_t job = order[i];
    size_t best = n_cores;
    double least = 0;
    for (size_t c = 0; c < n_cores; c++) {
      const size_t at = tenancy_at(problem, job, c);
      if (problem->latency_cycles[at] == 0) continue;
      const double latency = (double)problem->latency_cycles[at];
      const double bytes_cycles = latency * problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle;
      const double end = (double)load[c] + latency + bytes_weight * bytes_cycles;
      if (best == n_cores || end < least) best = c, least = end;
    }
    core[job] = (uint32_t)best;
    load[best] += problem->latency_cycles[tenancy_at(problem, job, best)];
  }
  write_queues(problem, core, order, queues);
  arena_rewind(scratch, mark);
}

void tenancy_seed_earliest_finish(const struct tenancy_problem *problem, const uint32_t *first, struct arena *scratch,
                                  struct tenancy_queues *queues) {
  earliest_finish(problem, first, 0, scratch, queues);
}

/* --- longest processing time inside the groups ----------------------------------------------------------------------
 */

void tenancy_seed_groups(const struct tenancy_problem *problem, const uint32_t *group, struct arena *scratch,
                         struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = problem->n_jobs;
  uint32_t *core = ARENA_NEW(scratch, uint32_t, n), *order = ARENA_NEW(scratch, uint32_t, n);
  tenancy_sort_grouped(problem, group, scratch, order);
  uint64_t load[TENANCY_MAX_CORES] = {0};
  for (size_t i = 0; i < n; i++) {
    const size_t job = order[i];
    size_t best = problem->n_cores;
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (problem->group_of[c] == group[job] && (best == problem->n_cores || load[c] < load[best])) best = c;
    }
    core[job] = (uint32_t)best;
    load[best] += problem->latency_cycles[tenancy_at(problem, job, best)];
  }
  tenancy_balance(problem, core, scratch);
  write_queues(problem, core, order, queues);
  arena_rewind(scratch, mark);
}

/* --- orders along virtual time --------------------------------------------------------------------------------------
 */

/* Corners of the space of rules from which the best is refined. (over, length, headroom, plan, dynamic) */
static const struct tenancy_rule corners[] = {
    {1, 0.3, 1, 0, true}, {3, 1, 1, 0, true},      {100, 1, 1, 0, true},    {3, 3, 1, 0, true},
    {1, 10, 1, 0, true},  {1, 0.1, 1, 0, false},   {10, 0.1, 0.9, 0, true}, {10, 1, 0.9, 0, true},
    {1, 0.3, 1, 1, true}, {3, 0.3, 1.1, 1, false}, {1, 0.3, 0.9, 1, false}, {1, 1, 1.1, 1, false},
    {10, 3, 1, 1, true},  {1, 30, 1, 0, false},    {3, 3, 1, 1, false},     {1, 3, 1.1, 1, true},
};
enum { N_CORNERS = sizeof corners / sizeof *corners };

/* The best answer so far and where the next one is tried. */
struct contest {
  const struct tenancy_problem *problem;
  struct arena *scratch;
  struct tenancy_queues *best;
  tenancy_cost cost;
  struct tenancy_queues trial;
};

static bool enter(struct contest *contest) {
  const tenancy_cost cost = tenancy_evaluate(contest->problem, &contest->trial);
  if (cost >= contest->cost) return false;
  contest->cost = cost;
  tenancy_queues_copy(contest->problem, &contest->trial, contest->best);
  return true;
}

static bool try_rule(struct contest *contest, const struct tenancy_pools *pools, const struct tenancy_rule *rule) {
  tenancy_dispatch(pools, rule, contest->scratch, &contest->trial);
  return enter(contest);
}

/* Goes on from the best corner, one property of the rule at a time. */
static void refine(struct contest *contest, const struct tenancy_pools *pools, struct tenancy_rule rule) {
  static const double steps[] = {0.5, 2, 0.8, 1.25};
  for (size_t round = 0; round < 2; round++) {
    for (size_t property = 0; property < 4; property++) {
      for (size_t s = 0; s < 4; s++) {
        struct tenancy_rule other = rule;
        if (property == 0) other.over *= steps[s];
        if (property == 1) other.length *= steps[s];
        if (property == 2) other.headroom *= 1 + (steps[s] - 1) / 10;
        if (property == 3) other.plan *= 1 + (steps[s] - 1) / 20;
        if (property == 3 && !(rule.plan > 0)) continue;
        if (try_rule(contest, pools, &other)) rule = other;
      }
    }
  }
}

static void try_pools(struct contest *contest, const struct tenancy_pools *pools) {
  size_t best = N_CORNERS;
  for (size_t r = 0; r < N_CORNERS; r++) {
    if (try_rule(contest, pools, &corners[r])) best = r;
  }
  if (best < N_CORNERS) refine(contest, pools, corners[best]);
}

static void own_pools(const struct tenancy_problem *problem, const struct tenancy_queues *queues, struct arena *arena,
                      struct tenancy_pools *pools) {
  uint32_t *core = ARENA_NEW(arena, uint32_t, problem->n_jobs), each[TENANCY_MAX_CORES];
  for (size_t c = 0; c < problem->n_cores; c++) {
    each[c] = (uint32_t)c;
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) core[queues->job[i]] = (uint32_t)c;
  }
  tenancy_pools_fill(pools, problem, core, each, arena);
}

static void flatten(struct contest *contest) {
  struct tenancy_pools pools;
  own_pools(contest->problem, contest->best, contest->scratch, &pools);
  try_pools(contest, &pools);
}

static struct contest new_contest(const struct tenancy_problem *problem, struct arena *scratch,
                                  struct tenancy_queues *queues) {
  return (struct contest){.problem = problem,
                          .scratch = scratch,
                          .best = queues,
                          .cost = ~(tenancy_cost)0,
                          .trial = tenancy_queues_new(problem, scratch)};
}

void tenancy_seed_flatten(const struct tenancy_problem *problem, struct arena *scratch, struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct contest contest = new_contest(problem, scratch, queues);
  contest.cost = tenancy_evaluate(problem, queues);
  flatten(&contest);
  arena_rewind(scratch, mark);
}

/* --- configurations -------------------------------------------------------------------------------------------------
 */

bool tenancy_seed_configurations(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                                 struct arena *scratch, struct tenancy_queues *queues) {
  (void)problem, (void)scratch, (void)queues;
  return bounds != NULL && bounds->n_configurations > 0 && false;
}

/* --- the best -------------------------------------------------------------------------------------------------------
 */

static void try_groups(struct contest *contest, const uint32_t *group) {
  const struct arena_mark mark = arena_get_mark(contest->scratch);
  tenancy_seed_groups(contest->problem, group, contest->scratch, &contest->trial);
  enter(contest);
  struct tenancy_pools pools;
  own_pools(contest->problem, &contest->trial, contest->scratch, &pools);
  try_pools(contest, &pools);
  tenancy_pools_fill(&pools, contest->problem, group, contest->problem->group_of, contest->scratch);
  try_pools(contest, &pools);
  arena_rewind(contest->scratch, mark);
}

enum { MOST_GROUPINGS = 4 };
struct groupings {
  size_t n;
  uint32_t *group[MOST_GROUPINGS];
  double cycles[MOST_GROUPINGS];
};

/* Improves a copy, and adds it unless there is an equal one. */
static void add_grouping(const struct tenancy_problem *problem, const uint32_t *group, struct arena *scratch,
                         struct groupings *list) {
  uint32_t *copy = ARENA_NEW(scratch, uint32_t, problem->n_jobs);
  memcpy(copy, group, problem->n_jobs * sizeof *copy);
  const double cycles = tenancy_improve_groups(problem, copy, scratch);
  for (size_t i = 0; i < list->n; i++) {
    if (memcmp(list->group[i], copy, problem->n_jobs * sizeof *copy) == 0) return;
  }
  list->group[list->n] = copy, list->cycles[list->n++] = cycles;
}

tenancy_cost tenancy_seed_best(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                               struct arena *scratch, struct tenancy_queues *queues) {
  static const double bytes_weights[] = {0, 1};
  const struct arena_mark mark = arena_get_mark(scratch);
  struct contest contest = new_contest(problem, scratch, queues);
  struct groupings list = {0};
  uint32_t *group = ARENA_NEW(scratch, uint32_t, problem->n_jobs);
  if (bounds != NULL && bounds->mip_group != NULL) add_grouping(problem, bounds->mip_group, scratch, &list);
  if (bounds != NULL && bounds->lp_group != NULL) add_grouping(problem, bounds->lp_group, scratch, &list);
  for (size_t w = 0; w < sizeof bytes_weights / sizeof *bytes_weights; w++) {
    earliest_finish(problem, NULL, bytes_weights[w], scratch, &contest.trial);
    enter(&contest);
    for (size_t c = 0; c < problem->n_cores; c++) {
      for (size_t i = contest.trial.start[c]; i < contest.trial.start[c + 1]; i++) {
        group[contest.trial.job[i]] = problem->group_of[c];
      }
    }
    add_grouping(problem, group, scratch, &list);
  }
  for (size_t i = 0; i < list.n; i++) try_groups(&contest, list.group[i]);
  if (tenancy_seed_configurations(problem, bounds, scratch, &contest.trial)) enter(&contest);
  flatten(&contest);
  arena_rewind(scratch, mark);
  return contest.cost;
}
