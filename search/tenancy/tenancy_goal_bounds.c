/* What can no answer beat, beyond the makespan of independent jobs? (tenancy §12; declared in tenancy_goal.h.)
 *
 * Dependencies and releases only take answers away: B1 to B5 stay valid, and no job ends before the longest path to it.
 * Under another rule of sharing the running jobs no longer slow down by one factor; then a job still takes at least
 * max(l, a/B) of its core and a/B of the bandwidth, which are the rows of B2 with l for max(l, a/B) and no excess: the
 * bounds of a problem that is changed so. From the makespan follow throughput, energy and EDP; from the k smallest
 * jobs, when k jobs can have ended at the soonest, hence means, percentiles and deadlines. */
#include "search/tenancy/tenancy_goal.h"

#include "search/tenancy/genome.h"
#include "search/tenancy/tenancy_kinds.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* --- the makespan ---------------------------------------------------------------------------------------------------
 */

/* Latency ⌊max(l, a/B)⌋, bandwidth at most B: every row of B1, B2 and B3 is at most what it should be. */
static bool stretch(const struct tenancy_problem *problem, struct arena *arena, struct tenancy_problem *stretched,
                    struct error *error) {
  const size_t n = problem->n_jobs * problem->n_cores;
  const double bandwidth = problem->bandwidth_bytes_per_cycle;
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n);
  double *need = ARENA_NEW(arena, double, n);
  for (size_t at = 0; at < n; at++) {
    if (problem->latency_cycles[at] == 0) continue;
    const double bytes = (double)problem->latency_cycles[at] * problem->bytes_per_cycle[at];
    const double cycles = fmin(floor(bytes / bandwidth), (double)TENANCY_END_CYCLES);
    latency[at] = cycles > (double)problem->latency_cycles[at] ? (uint64_t)cycles : problem->latency_cycles[at];
    need[at] = fmin(bytes / (double)latency[at] * (1 - 4 * DBL_EPSILON), bandwidth);
  }
  *stretched = *problem;
  stretched->latency_cycles = latency, stretched->bytes_per_cycle = need;
  stretched->allocation = TENANCY_PROPORTIONAL, stretched->goal = NULL;
  return tenancy_finish(stretched, arena, error);
}

static bool other_sharing(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                          struct arena *arena, struct tenancy_bounds *bounds, struct error *error) {
  /* Starts come from the problem as it is, bounds from the changed one. */
  if (!tenancy_bounds(problem, &tenancy_bounds_quick, NULL, arena, bounds, error)) return false;
  struct tenancy_problem stretched;
  struct tenancy_bounds valid;
  const struct tenancy_bounds_settings few = {.mip_nodes = settings->mip_nodes};
  if (!stretch(problem, arena, &stretched, error)) return false;
  if (!tenancy_bounds(&stretched, &few, NULL, arena, &valid, error)) return false;
  memcpy(bounds->cycles, valid.cycles, sizeof bounds->cycles);
  bounds->binding = valid.binding, bounds->best_cycles = valid.best_cycles, bounds->reason = valid.reason;
  return true;
}

static void add_critical_path(const struct tenancy_problem *problem, struct arena *arena,
                              struct tenancy_bounds *bounds) {
  if (problem->pred_start == NULL && problem->release_cycles == NULL) return;
  const struct arena_mark mark = arena_get_mark(arena);
  double *end = ARENA_NEW(arena, double, problem->n_jobs);
  tenancy_earliest_ends(problem, arena, end);
  size_t last = 0;
  for (size_t j = 1; j < problem->n_jobs; j++) last = end[j] > end[last] ? j : last;
  const double cycles = end[last];
  arena_rewind(arena, mark);
  if (cycles <= bounds->cycles[TENANCY_B1_SINGLE_JOB]) return;
  bounds->cycles[TENANCY_B1_SINGLE_JOB] = cycles;
  if (cycles <= bounds->best_cycles) return;
  bounds->binding = TENANCY_B1_SINGLE_JOB, bounds->best_cycles = cycles;
  bounds->reason = arena_printf(arena, "the critical path: all that job %zu waits for, and itself", last);
}

bool tenancy_makespan_bounds(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                             struct arena *arena, struct tenancy_bounds *bounds, struct error *error) {
  const bool alike = problem->allocation == TENANCY_PROPORTIONAL;
  if (alike ? !tenancy_bounds(problem, settings, NULL, arena, bounds, error)
            : !other_sharing(problem, settings, arena, bounds, error)) {
    return false;
  }
  add_critical_path(problem, arena, bounds);
  return true;
}

/* --- the other objectives -------------------------------------------------------------------------------------------
 */

/* When some jobs have ended, Σ l cycles of the cores and Σ a of the bandwidth have passed: at least any mean of Σ l / C
 * and Σ a/B. Several such mixes are tried. */
enum { N_MIXES = 9 };

struct least {
  double *end;            /* [n_jobs] of every job */
  double *kth;            /* [n_jobs] of the k-th that ends, whichever it is */
  double *cost[N_MIXES];  /* [n_jobs] each: the least of a mix over the cores */
  double energy[N_MIXES]; /* Σ min (e + static power × mix) */
  double energy_alone;    /* Σ min e */
};

static double mixed(const struct tenancy_problem *problem, size_t at, size_t mix) {
  const double latency = (double)problem->latency_cycles[at], load = (double)mix / (N_MIXES - 1);
  const double busy = latency * problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle;
  return load * (latency / (double)problem->n_cores) + (1 - load) * busy;
}

static void find_least(const struct tenancy_goal *goal, struct arena *arena, struct least *least) {
  const struct tenancy_problem *problem = goal->problem;
  const size_t n = problem->n_jobs;
  *least = (struct least){.end = ARENA_NEW(arena, double, n), .kth = ARENA_NEW(arena, double, n)};
  for (size_t m = 0; m < N_MIXES; m++) least->cost[m] = ARENA_NEW(arena, double, n);
  for (size_t j = 0; j < n; j++) {
    double alone = INFINITY;
    for (size_t m = 0; m < N_MIXES; m++) {
      double cost = INFINITY, energy = INFINITY;
      for (size_t c = 0; c < problem->n_cores; c++) {
        if (!tenancy_can_run(problem, j, c)) continue;
        const size_t at = tenancy_at(problem, j, c);
        const double nj = problem->energy_nj == NULL ? 0 : problem->energy_nj[at], mix = mixed(problem, at, m);
        cost = fmin(cost, mix), energy = fmin(energy, nj + goal->static_nj_per_cycle * mix), alone = fmin(alone, nj);
      }
      least->cost[m][j] = cost, least->energy[m] += energy;
    }
    least->energy_alone += alone;
  }
  tenancy_earliest_ends(problem, arena, least->end);
}

static void sort_reals(double *values, size_t n, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  tenancy_sort_values(values, n, ARENA_NEW(scratch, double, n));
  arena_rewind(scratch, mark);
}

/* The k-th job ends no sooner than the k smallest can all have ended. */
static void find_kth(const struct tenancy_problem *problem, struct least *least, struct arena *scratch) {
  const size_t n = problem->n_jobs;
  memcpy(least->kth, least->end, n * sizeof *least->kth);
  sort_reals(least->kth, n, scratch);
  for (size_t m = 0; m < N_MIXES; m++) {
    double sum = 0;
    sort_reals(least->cost[m], n, scratch);
    for (size_t k = 0; k < n; k++) {
      sum += least->cost[m][k];
      least->kth[k] = fmax(least->kth[k], tenancy_round_down(sum, k + 8));
    }
  }
}

/* `deadline`: ascending; the k-th to end is paired with the k-th deadline, which costs least. */
static double bound_tardiness(const struct tenancy_problem *problem, const struct least *least,
                              const double *deadline) {
  double own = 0, paired = 0, weight = INFINITY;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const double of_job = problem->weight == NULL ? 1 : problem->weight[j];
    weight = fmin(weight, of_job);
    if (problem->deadline_cycles[j] == UINT64_MAX) continue;
    own += of_job * fmax(0, least->end[j] - (double)problem->deadline_cycles[j]);
  }
  for (size_t k = 0; k < problem->n_jobs; k++) paired += fmax(0, least->kth[k] - deadline[k]);
  return tenancy_round_down(fmax(own, weight * paired), problem->n_jobs + 2);
}

/* If m jobs are in time, the i-th of them to end does so at kth[i] at the soonest, and at best they are those of the m
 * latest deadlines. */
static double bound_missed(const struct tenancy_problem *problem, const struct least *least, const double *deadline) {
  const size_t n = problem->n_jobs;
  size_t own = 0, in_time = 0, too_many = n + 1;
  for (size_t j = 0; j < n; j++) {
    const uint64_t due = problem->deadline_cycles[j];
    own += due != UINT64_MAX && least->end[j] > (double)due * (1 + 1e-9);
  }
  while (in_time + 1 < too_many) { /* what is possible for m is so for fewer */
    const size_t m = in_time + (too_many - in_time) / 2;
    bool possible = true;
    for (size_t i = 0; i < m && possible; i++) possible = least->kth[i] <= deadline[n - m + i] * (1 + 1e-9);
    if (possible) {
      in_time = m;
    } else {
      too_many = m;
    }
  }
  return fmax((double)own, (double)(n - in_time));
}

static void bound_deadlines(const struct tenancy_problem *problem, const struct least *least, struct arena *scratch,
                            double *value) {
  double *deadline = ARENA_NEW(scratch, double, problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint64_t due = problem->deadline_cycles[j];
    deadline[j] = due == UINT64_MAX ? INFINITY : (double)due;
  }
  sort_reals(deadline, problem->n_jobs, scratch);
  value[TENANCY_TARDINESS] = bound_tardiness(problem, least, deadline);
  value[TENANCY_MISSED] = bound_missed(problem, least, deadline);
}

/* Of any tenants, the last to end does so when all their jobs have ended: at least their bound over the largest of
 * their times alone. Tried: those of the
 * smallest times alone, however many. */
static double bound_slowdown(const struct tenancy_goal *goal, const struct least *least, double makespan,
                             struct arena *scratch) {
  const struct tenancy_problem *problem = goal->problem;
  const size_t n = problem->n_tenants;
  double *own = ARENA_NEW(scratch, double, n *N_MIXES), *end = ARENA_NEW(scratch, double, n);
  double all[N_MIXES] = {0}, latest = 0, most = 0;
  uint32_t *order = ARENA_NEW(scratch, uint32_t, n);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const uint32_t t = problem->tenant[j];
    for (size_t m = 0; m < N_MIXES; m++) own[t * N_MIXES + m] += least->cost[m][j];
    end[t] = fmax(end[t], least->end[j]);
  }
  genome_rank_reals(goal->alone_cycles, n, order);
  for (size_t i = 0; i < n; i++) {
    const uint32_t t = order[i];
    latest = fmax(latest, end[t]);
    double cycles = fmax(latest, i + 1 == n ? makespan : 0);
    for (size_t m = 0; m < N_MIXES; m++) {
      all[m] += own[t * N_MIXES + m];
      cycles = fmax(cycles, all[m]);
    }
    most = fmax(most, cycles / goal->alone_cycles[t]);
  }
  return tenancy_round_down(most, problem->n_jobs + 8);
}

static void bound_one(const struct tenancy_goal *goal, double makespan, struct arena *scratch, double *value) {
  const struct tenancy_problem *problem = goal->problem;
  const size_t n = problem->n_jobs;
  struct least least;
  find_least(goal, scratch, &least);
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) value[o] = NAN;
  value[TENANCY_MAKESPAN] = makespan;
  if (problem->macs != NULL) value[TENANCY_THROUGHPUT] = goal->total_macs / makespan * (1 + 4 * DBL_EPSILON);
  if (problem->tenant != NULL && goal->alone_cycles != NULL) {
    value[TENANCY_FAIRNESS] = bound_slowdown(goal, &least, makespan, scratch);
    value[TENANCY_JAIN] = 1;
  }
  find_kth(problem, &least, scratch);
  if (problem->energy_nj != NULL) {
    double sum = least.energy_alone + goal->static_nj_per_cycle * makespan;
    for (size_t m = 0; m < N_MIXES; m++) sum = fmax(sum, least.energy[m]);
    value[TENANCY_ENERGY] = tenancy_round_down(sum, n + 4);
    value[TENANCY_EDP] = tenancy_round_down(value[TENANCY_ENERGY] * makespan, 2);
  }
  if (problem->deadline_cycles != NULL) bound_deadlines(problem, &least, scratch, value);
  double sum = 0;
  for (size_t k = 0; k < n; k++) sum += least.kth[k];
  value[TENANCY_MEAN_FINISH] = tenancy_round_down(sum / (double)n, n + 2);
  value[TENANCY_P95_FINISH] = least.kth[(95 * n + 99) / 100 - 1];
  value[TENANCY_P99_FINISH] = least.kth[(99 * n + 99) / 100 - 1];
}

/* Scenarios: what holds for each holds for the mean. Their makespans: by the k-th end alone, and by the linear
 * program. */
static bool bound_scenarios(const struct tenancy_goal *goal, struct arena *scratch, double *value,
                            struct error *error) {
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) value[o] = 0;
  for (size_t s = 0; s < goal->n_scenarios; s++) {
    const struct arena_mark mark = arena_get_mark(scratch);
    struct tenancy_bounds makespan;
    double one[TENANCY_N_OBJECTIVES];
    if (!tenancy_makespan_bounds(&goal->scenarios[s], &tenancy_bounds_quick, scratch, &makespan, error)) return false;
    bound_one(goal->of_scenario[s], makespan.best_cycles, scratch, one);
    for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) value[o] += one[o] / (double)goal->n_scenarios;
    arena_rewind(scratch, mark);
  }
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    value[o] = tenancy_objectives[o].maximise ? value[o] * (1 + 64 * DBL_EPSILON)
                                              : tenancy_round_down(value[o], goal->n_scenarios);
  }
  return true;
}

bool tenancy_objective_bounds(const struct tenancy_goal *goal, const struct tenancy_bounds *makespan,
                              struct arena *scratch, struct tenancy_goal_bounds *bounds, struct error *error) {
  const struct arena_mark mark = arena_get_mark(scratch);
  bool fine = true;
  if (goal->n_scenarios > 0) {
    fine = bound_scenarios(goal, scratch, bounds->value, error);
  } else {
    bound_one(goal, makespan->best_cycles, scratch, bounds->value);
  }
  arena_rewind(scratch, mark);
  return fine;
}

struct tenancy_bounds tenancy_goal_target(const struct tenancy_goal *goal, const struct tenancy_bounds *makespan,
                                          const struct tenancy_goal_bounds *bounds) {
  struct tenancy_bounds target = *makespan;
  const bool as_makespan = goal->objective == TENANCY_MAKESPAN || goal->objective == TENANCY_THROUGHPUT;
  /* Costs are rounded down to whole steps. */
  const double step = 2 / (double)goal->problem->scaled_bandwidth;
  const double value =
      as_makespan ? bounds->value[TENANCY_MAKESPAN] : bounds->value[goal->objective] / goal->unit - step;
  target.best_cycles = fmax(value, 0);
  return target;
}
