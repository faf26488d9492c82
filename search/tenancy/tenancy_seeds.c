/* Seeds of multi-tenant mapping. See tenancy_seeds.h. */
#include "search/tenancy/tenancy_seeds.h"

#include "base/checked.h"
#include "base/num.h"
#include "search/tenancy/tenancy_assign.h"
#include "search/tenancy/tenancy_dispatch.h"
#include "search/tenancy/tenancy_groups.h"
#include "search/tenancy/tenancy_plan.h"
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
  tenancy_balance(problem, core);
  write_queues(problem, core, order, queues);
  arena_rewind(scratch, mark);
}

/* --- orders along virtual time --------------------------------------------------------------------------------------
 */

/* The best answer so far and where the next one is tried. */
struct contest {
  const struct tenancy_problem *problem;
  struct arena *scratch;
  struct tenancy_queues *best;
  tenancy_cost cost;
  struct tenancy_queues trial;
  size_t n_tries, limit;
};

/* A million jobs get fewer tries: a try costs as many steps as there are jobs, each times what is looked at for it. */
static size_t find_limit(const struct tenancy_problem *problem) {
  static const double most_steps = 4e8, looked_at = 128;
  const double tries = most_steps / ((double)problem->n_jobs * ((double)problem->n_cores + looked_at));
  if (tries >= TENANCY_SEED_TRIES) return TENANCY_SEED_TRIES;
  return tries < 4 ? 4 : (size_t)tries;
}

static struct contest new_contest(const struct tenancy_problem *problem, struct arena *scratch,
                                  struct tenancy_queues *queues) {
  return (struct contest){.problem = problem,
                          .scratch = scratch,
                          .best = queues,
                          .cost = ~(tenancy_cost)0,
                          .trial = tenancy_queues_new(problem, scratch),
                          .limit = find_limit(problem)};
}

static bool enter(struct contest *contest) {
  const tenancy_cost cost = tenancy_evaluate(contest->problem, &contest->trial);
  contest->n_tries++;
  if (cost >= contest->cost) return false;
  contest->cost = cost;
  tenancy_queues_copy(contest->problem, &contest->trial, contest->best);
  return true;
}

static bool try_rule(struct contest *contest, const struct tenancy_pools *pools, const struct tenancy_rule *rule) {
  if (contest->n_tries >= contest->limit) return false;
  tenancy_dispatch(pools, rule, contest->scratch, &contest->trial);
  return enter(contest);
}

/* One property of the rule at a time, by a factor; a step that helps is taken at once. */
static void refine(struct contest *contest, const struct tenancy_pools *pools, struct tenancy_rule *rule) {
  static const double factors[] = {0.5, 2, 0.8, 1.25};
  for (size_t property = 0; property < 5; property++) {
    if (property == 3 && !(rule->plan > 0)) continue;
    for (size_t f = 0; f < (property < 4 ? 4 : 1); f++) {
      struct tenancy_rule other = *rule;
      if (property == 0) other.over *= factors[f];
      if (property == 1) other.length *= factors[f];
      if (property == 2) other.headroom *= 1 + (factors[f] - 1) / 10;
      if (property == 3) other.plan *= 1 + (factors[f] - 1) / 20;
      if (property == 4) other.dynamic = !other.dynamic;
      if (try_rule(contest, pools, &other)) *rule = other;
    }
  }
}

/* Each core from its own jobs. */
static void own_pools(const struct tenancy_problem *problem, const struct tenancy_queues *queues, struct arena *arena,
                      struct tenancy_pools *pools) {
  uint32_t *core = ARENA_NEW(arena, uint32_t, problem->n_jobs), each[TENANCY_MAX_CORES];
  for (size_t c = 0; c < problem->n_cores; c++) {
    each[c] = (uint32_t)c;
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) core[queues->job[i]] = (uint32_t)c;
  }
  tenancy_pools_fill(pools, problem, &(struct tenancy_pooling){.pool = core, .pool_of_core = each}, arena);
}

static void flatten(struct contest *contest) {
  /* over, length, headroom, plan, dynamic, due */
  static const struct tenancy_rule rules[] = {{0.1, 0.3, 0.9, 0, true, 0},   {2, 3, 0.85, 0, true, 0},
                                              {0.7, 0.02, 0.9, 0, false, 0}, {5, 0.02, 0.9, 0, false, 0},
                                              {5, 0.1, 0.95, 0, false, 0},   {100, 0.02, 1, 0, true, 0},
                                              {1, 1, 1, 0, true, 0},         {3, 0.3, 1, 0, true, 0}};
  struct tenancy_pools pools;
  own_pools(contest->problem, contest->best, contest->scratch, &pools);
  const struct tenancy_rule *best = NULL;
  for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
    if (try_rule(contest, &pools, &rules[r])) best = &rules[r];
  }
  if (best == NULL) return;
  struct tenancy_rule rule = *best;
  refine(contest, &pools, &rule);
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

/* Jobs as they are due in B4's configurations, in either direction, as strictly as each rule says. */
static bool follow(struct contest *contest, const struct tenancy_bounds *bounds) {
  /* over, length, headroom, plan, dynamic, due */
  static const struct tenancy_rule rules[] = {
      {10, 0.1, 1.1, 1.01, false, 0.2}, {2, 2, 1, 1, true, 2}, {10, 3, 1.05, 1.05, true, 10}, {2, 1, 1, 0, true, 50}};
  struct tenancy_plan plan;
  if (!tenancy_plan(contest->problem, bounds, contest->scratch, &plan)) return false;
  for (size_t back = 0; back < 2; back++) {
    struct tenancy_pools pools;
    const struct tenancy_pooling pooling = {plan.group, contest->problem->group_of,
                                            back == 0 ? plan.due : plan.due_back};
    tenancy_pools_fill(&pools, contest->problem, &pooling, contest->scratch);
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) try_rule(contest, &pools, &rules[r]);
  }
  return true;
}

bool tenancy_seed_configurations(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                                 struct arena *scratch, struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct contest contest = new_contest(problem, scratch, queues);
  const bool followed = follow(&contest, bounds);
  arena_rewind(scratch, mark);
  return followed;
}

/* --- the best -------------------------------------------------------------------------------------------------------
 * Several assignments to groups, each with pools by group and by core, and rules that are spread over what they can be:
 * which of them suits depends on whether loads, bandwidth or single long jobs bind. Chosen by greedy covering over the
 * published instances at a quarter, once and four times their bandwidth; then what won is refined. */

enum grouping {
  RELAXED,
  IMPROVED,
  SLACK_5,
  SLACK_10,
  SLACK_15,
  SLACK_20,
  SLACK_30,
  SLACK_50,
  EARLIEST,
  ASSIGNED,
  N_GROUPINGS
};
/* How much more than their mean the loads count, so that whole jobs find room in queues that end together. */
static const double load_weights[N_GROUPINGS] = {0, 1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 1, 0};

struct attempt {
  enum grouping grouping;
  bool own; /* pools by core, else by group */
  struct tenancy_rule rule;
};
static const struct attempt attempts[] = {
    {SLACK_20, false, {2, 5, 1.1, 1, true, 0}},         {EARLIEST, true, {0.1, 0.3, 0.9, 0.98, true, 0}},
    {IMPROVED, false, {1, 3, 0.85, 1.05, true, 0}},     {SLACK_20, false, {20, 0.1, 1.1, 1.05, false, 0}},
    {SLACK_30, true, {2, 3, 0.85, 1, true, 0}},         {IMPROVED, false, {0.4, 3, 0.95, 0.98, true, 0}},
    {SLACK_20, false, {0.2, 0.3, 1.05, 1, true, 0}},    {RELAXED, true, {0.7, 0.02, 0.9, 1, false, 0}},
    {SLACK_10, false, {2, 30, 1.15, 1, false, 0}},      {SLACK_10, false, {0.7, 5, 0.95, 1.02, false, 0}},
    {RELAXED, false, {0.2, 3, 0.95, 1, true, 0}},       {SLACK_30, false, {5, 3, 1.15, 1.05, false, 0}},
    {RELAXED, false, {5, 3, 1.05, 0, false, 0}},        {IMPROVED, true, {5, 0.02, 0.9, 1, false, 0}},
    {SLACK_30, false, {0.7, 30, 0.85, 1.02, false, 0}}, {IMPROVED, true, {5, 0.1, 0.95, 0.98, false, 0}},
    {RELAXED, false, {5, 1, 0.85, 1.05, false, 0}},     {RELAXED, false, {2, 3, 0.9, 0, true, 0}},
    {SLACK_15, false, {5, 3, 1.1, 1.02, false, 0}},     {SLACK_10, false, {0.4, 1, 0.85, 1.02, true, 0}},
    {IMPROVED, true, {2, 0.1, 0.85, 0, false, 0}},      {IMPROVED, false, {1, 0.3, 1, 1, true, 0}},
    {IMPROVED, false, {3, 1, 1, 0, true, 0}},           {SLACK_50, false, {3, 1, 1, 1, false, 0}},
    {ASSIGNED, true, {0.7, 0.02, 0.9, 0, false, 0}},    {ASSIGNED, true, {5, 0.1, 0.95, 0, false, 0}},
    {ASSIGNED, true, {2, 3, 0.85, 0, true, 0}},         {ASSIGNED, true, {3, 0.3, 1, 0, true, 0}},
    {ASSIGNED, false, {3, 3, 1, 0, true, 0}},           {ASSIGNED, false, {3, 3, 1, 1, false, 0}},
};
enum { N_ATTEMPTS = sizeof attempts / sizeof *attempts };

struct best_seed {
  struct contest contest;
  const uint32_t *relaxed; /* [n_jobs] of the bounds; NULL: none */
  uint32_t *earliest;
  struct tenancy_pools pools[N_GROUPINGS][2]; /* by group, by core; n_kinds 0: not yet filled */
};

static void group_queues(const struct tenancy_problem *problem, const struct tenancy_queues *queues, uint32_t *group) {
  for (size_t c = 0; c < problem->n_cores; c++) {
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) group[queues->job[i]] = problem->group_of[c];
  }
}

/* From the relaxations' groups if there are bounds, else from those of earliest finish; weighed, those of a grouping.
 */
static uint32_t *new_groups(struct best_seed *best, enum grouping grouping) {
  const struct tenancy_problem *problem = best->contest.problem;
  uint32_t *group = ARENA_NEW(best->contest.scratch, uint32_t, problem->n_jobs);
  const bool relaxed = grouping != EARLIEST && best->relaxed != NULL;
  memcpy(group, relaxed ? best->relaxed : best->earliest, problem->n_jobs * sizeof *group);
  if (load_weights[grouping] > 0) {
    tenancy_improve_groups(problem, load_weights[grouping], group, best->contest.scratch);
  }
  return group;
}

/* The relaxation with whole jobs and each core for itself, annealed for a short time; leaves its cores in the trial. */
static uint32_t *new_assigned_groups(struct best_seed *best) {
  enum { STEPS_A_JOB = 200, MOST_STEPS = 1000000 };
  struct contest *contest = &best->contest;
  const struct tenancy_problem *problem = contest->problem;
  uint32_t *group = new_groups(best, IMPROVED);
  struct tenancy_answer answer = tenancy_answer_new(problem, contest->scratch);
  tenancy_seed_groups(problem, group, contest->scratch, &contest->trial);
  tenancy_write_down(problem, &contest->trial, &answer);
  struct rng rng = rng_stream(0, RNG_TENANCY_SEED, 0, 0);
  const uint64_t n_steps = min_u64(STEPS_A_JOB * problem->n_jobs, MOST_STEPS);
  tenancy_assign(problem, 1, n_steps, &rng, contest->scratch, answer.core);
  tenancy_queue_up(problem, &answer, &contest->trial);
  for (size_t j = 0; j < problem->n_jobs; j++) group[j] = problem->group_of[answer.core[j]];
  return group;
}

/* Both kinds of pools of a grouping at once. */
static const struct tenancy_pools *get_pools(struct best_seed *best, enum grouping grouping, bool own) {
  struct contest *contest = &best->contest;
  struct tenancy_pools *pools = best->pools[grouping];
  if (pools[own].n_kinds > 0) return &pools[own];
  uint32_t *group = grouping == ASSIGNED ? new_assigned_groups(best) : new_groups(best, grouping);
  if (grouping != ASSIGNED) tenancy_seed_groups(contest->problem, group, contest->scratch, &contest->trial);
  if (contest->n_tries < contest->limit) enter(contest);
  const struct tenancy_pooling pooling = {.pool = group, .pool_of_core = contest->problem->group_of};
  tenancy_pools_fill(&pools[false], contest->problem, &pooling, contest->scratch);
  own_pools(contest->problem, &contest->trial, contest->scratch, &pools[true]);
  return &pools[own];
}

static bool try_attempt(struct best_seed *best, const struct attempt *attempt) {
  if (best->contest.n_tries >= best->contest.limit) return false;
  return try_rule(&best->contest, get_pools(best, attempt->grouping, attempt->own), &attempt->rule);
}

static void try_earliest_finish(struct best_seed *best) {
  struct contest *contest = &best->contest;
  earliest_finish(contest->problem, NULL, 1, contest->scratch, &contest->trial);
  enter(contest);
  earliest_finish(contest->problem, NULL, 0, contest->scratch, &contest->trial);
  enter(contest);
  best->earliest = ARENA_NEW(contest->scratch, uint32_t, contest->problem->n_jobs);
  group_queues(contest->problem, &contest->trial, best->earliest);
}

/* Attempts, then what won with every grouping, then steps from there. */
static struct attempt hold(struct best_seed *best, const struct tenancy_bounds *bounds) {
  struct contest *contest = &best->contest;
  if (bounds != NULL) best->relaxed = bounds->mip_group != NULL ? bounds->mip_group : bounds->lp_group;
  try_earliest_finish(best);
  follow(contest, bounds);
  struct attempt won = attempts[0];
  for (size_t i = 0; i < N_ATTEMPTS; i++) {
    if (try_attempt(best, &attempts[i])) won = attempts[i];
  }
  for (size_t i = 0; i < N_GROUPINGS; i++) {
    const struct attempt other = {(enum grouping)i, won.own, won.rule};
    if (try_attempt(best, &other)) won = other;
  }
  for (size_t round = 0; round < 3; round++) {
    refine(contest, get_pools(best, won.grouping, won.own), &won.rule);
  }
  flatten(contest);
  return won;
}

tenancy_cost tenancy_seed_best(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                               struct arena *scratch, struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct best_seed best = {.contest = new_contest(problem, scratch, queues)};
  hold(&best, bounds);
  arena_rewind(scratch, mark);
  return best.contest.cost;
}

static double draw_scaled(struct rng *rng, double low, double factor) {
  return low * num_exp(rng_unit(rng) * num_log(factor));
}

static struct attempt draw_attempt(struct rng *rng) {
  struct attempt attempt = {.grouping = (enum grouping)rng_below(rng, N_GROUPINGS), .own = rng_below(rng, 4) == 0};
  attempt.rule = (struct tenancy_rule){.over = draw_scaled(rng, 0.1, 1000),
                                       .length = draw_scaled(rng, 0.01, 10000),
                                       .headroom = 0.8 + 0.4 * rng_unit(rng),
                                       .dynamic = rng_below(rng, 2) == 0};
  const double slack = rng_unit(rng);
  if (rng_below(rng, 10) >= 3) attempt.rule.plan = 0.98 + 0.2 * slack * slack;
  return attempt;
}

static struct attempt vary(struct rng *rng, struct attempt attempt) {
  if (rng_below(rng, 4) == 0) attempt.grouping = (enum grouping)rng_below(rng, N_GROUPINGS);
  if (rng_below(rng, 2) == 0) attempt.rule.over *= draw_scaled(rng, 0.5, 4);
  if (rng_below(rng, 2) == 0) attempt.rule.length *= draw_scaled(rng, 0.5, 4);
  if (rng_below(rng, 2) == 0) attempt.rule.headroom *= draw_scaled(rng, 0.96, 1.0816);
  if (rng_below(rng, 2) == 0) attempt.rule.plan *= draw_scaled(rng, 0.99, 1.0201);
  if (rng_below(rng, 8) == 0) attempt.rule.dynamic = !attempt.rule.dynamic;
  return attempt;
}

tenancy_cost tenancy_seed_search(const struct tenancy_problem *problem, const struct tenancy_bounds *bounds,
                                 size_t n_samples, struct rng *rng, struct arena *scratch,
                                 struct tenancy_queues *queues) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct best_seed best = {.contest = new_contest(problem, scratch, queues)};
  struct attempt won = hold(&best, bounds);
  best.contest.limit = best.contest.n_tries + n_samples;
  for (size_t i = 0; best.contest.n_tries < best.contest.limit; i++) {
    const struct attempt next = i % 2 == 0 ? vary(rng, won) : draw_attempt(rng);
    if (try_attempt(&best, &next)) won = next;
  }
  arena_rewind(scratch, mark);
  return best.contest.cost;
}
