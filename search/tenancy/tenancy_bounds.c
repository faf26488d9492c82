/* Which bound binds, and why? B1 here, the others by their files. See tenancy_bounds.h. */
#include "search/tenancy/tenancy_bounds.h"

#include "search/tenancy/tenancy_bounds_private.h"
#include <math.h>

const char *const tenancy_bound_names[TENANCY_N_BOUNDS] = {"single_job",       "lp",          "grouped_mip",
                                                           "configuration_lp", "branched_lp", "exact"};
const struct tenancy_bounds_settings tenancy_bounds_quick = {.mip_nodes = 200};
const struct tenancy_bounds_settings tenancy_bounds_full = {
    .mip_nodes = 2000, .columns = 20000, .price_work = 20000000, .exact_nodes = 200000};
const struct tenancy_bounds_settings tenancy_bounds_proof = {
    .mip_nodes = 4000, .columns = 20000, .branch_nodes = 4000, .price_work = 40000000, .exact_nodes = 20000000};

/* An answer this near to its bound is optimal (tenancy §4). */
static const double proof = 1e-9;
/* What needs in whole multiples of 2^-32 B/cycle can be off by, relative to a makespan: measured 6.3e-11 at most. */
static const double rounding = 5e-10;
enum { GUESS_ROUNDS = 100 };

/* The shortest time that a job of the kind can take, whatever the others do. */
static double least_cycles(const struct tenancy_kinds *kinds, size_t kind) {
  double least = INFINITY;
  for (size_t g = 0; g < kinds->n_groups; g++) {
    const size_t at = kinds_at(kinds, kind, g);
    if (kinds->latency[at] > 0) least = fmin(least, fmax(kinds->latency[at], kinds->busy[at]));
  }
  return least;
}

/* The longest job, or with dependencies and release times the longest chain: when job j can be done at the earliest.
 * `which` is where it ends. False if the dependencies are circular. */
static bool single_job(const struct tenancy_kinds *kinds, struct arena *scratch, double *cycles, size_t *which) {
  const struct tenancy_problem *problem = kinds->problem;
  const size_t n = problem->n_jobs;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *end = ARENA_NEW(scratch, double, n);
  uint32_t *waits = ARENA_NEW(scratch, uint32_t, n), *ready = ARENA_NEW(scratch, uint32_t, n);
  uint32_t *first = ARENA_NEW(scratch, uint32_t, n + 2);
  const size_t n_edges = problem->pred_start == NULL ? 0 : problem->pred_start[n];
  uint32_t *after = ARENA_NEW(scratch, uint32_t, n_edges);
  for (size_t e = 0; e < n_edges; e++) first[problem->preds[e] + 2]++;
  for (size_t j = 0; j < n; j++) first[j + 2] += first[j + 1];
  size_t n_ready = 0, n_done = 0;
  for (size_t j = 0; j < n; j++) {
    waits[j] = n_edges == 0 ? 0 : problem->pred_start[j + 1] - problem->pred_start[j];
    for (uint32_t e = 0; e < waits[j]; e++)
      after[first[problem->preds[problem->pred_start[j] + e] + 1]++] = (uint32_t)j;
    end[j] = problem->release_cycles == NULL
                 ? 0
                 : (double)problem->release_cycles[j]; /* its start: its own time is added when its turn comes */
    if (waits[j] == 0) ready[n_ready++] = (uint32_t)j;
  }
  *cycles = -1, *which = 0;
  for (; n_done < n_ready; n_done++) {
    const uint32_t j = ready[n_done];
    end[j] += least_cycles(kinds, kinds->kind_of[j]);
    const bool as_late = end[j] >= *cycles;
    if (end[j] > *cycles || (as_late && j < *which)) *cycles = end[j], *which = j;
    for (uint32_t s = first[j]; s < first[j + 1]; s++) {
      end[after[s]] = fmax(end[after[s]], end[j]);
      if (--waits[after[s]] == 0) ready[n_ready++] = after[s];
    }
  }
  arena_rewind(scratch, mark);
  *cycles = tenancy_round_down(*cycles, n_edges == 0 ? 2 : n);
  return n_done == n;
}

double tenancy_gap(double value_cycles, double bound_cycles) {
  if (value_cycles <= bound_cycles) return 0;
  if (!(bound_cycles > 0)) return INFINITY;
  return fmax(0, value_cycles / bound_cycles - 1);
}

static void choose_binding(struct tenancy_bounds *bounds) {
  bounds->binding = TENANCY_B1_SINGLE_JOB;
  for (int b = 1; b < TENANCY_N_BOUNDS; b++) {
    if (bounds->cycles[b] > bounds->cycles[bounds->binding]) bounds->binding = (enum tenancy_bound)b;
  }
  bounds->best_cycles = bounds->cycles[bounds->binding];
}

static const char *explain(const struct tenancy_kinds *kinds, const struct tenancy_bounds *bounds, size_t longest,
                           const struct tenancy_weights *weights, struct arena *arena) {
  const struct tenancy_problem *problem = kinds->problem;
  if (bounds->binding == TENANCY_B1_SINGLE_JOB) {
    const bool chain = problem->pred_start != NULL || problem->release_cycles != NULL;
    return arena_printf(arena, chain ? "job %zu cannot end earlier" : "job %zu alone takes as long", longest);
  }
  if (bounds->binding == TENANCY_EXACT) return "nothing alone: every mapping was looked at or excluded";
  size_t heaviest = 0;
  for (size_t g = 1; g <= kinds->n_groups; g++) heaviest = weights->of[g] > weights->of[heaviest] ? g : heaviest;
  if (heaviest == kinds->n_groups) return "the bandwidth: all bytes must pass";
  size_t first = 0;
  while (problem->group_of[first] != heaviest) first++;
  if (problem->group_size[heaviest] == 1) return arena_printf(arena, "the load of core %zu", first);
  return arena_printf(arena, "the load of the %u cores like core %zu", (unsigned)problem->group_size[heaviest], first);
}

/* With other rules than the proportional one, a job still takes max(l, a/B) on its core, but nobody else need stall. */
static void forget_stalls(struct tenancy_kinds *kinds) {
  for (size_t at = 0; at < kinds->n_kinds * kinds->n_groups; at++) {
    if (!(kinds->latency[at] > 0)) continue;
    kinds->latency[at] = fmax(kinds->latency[at], kinds->busy[at]);
    kinds->excess[at] = 0;
  }
}

static void bound_lp(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                     struct tenancy_lp *lp, struct tenancy_weights *weights, struct tenancy_multipliers *proven,
                     struct arena *arena, struct tenancy_bounds *bounds) {
  const size_t n_jobs = kinds->problem->n_jobs;
  tenancy_weights_guess(kinds, lp == NULL ? GUESS_ROUNDS : 1, proven, weights);
  uint64_t work = UINT64_MAX;
  const bool solved = lp != NULL && tenancy_lp_solve(lp, NULL, &work, weights);
  tenancy_weights_prove(kinds, weights, NULL, proven);
  bounds->cycles[TENANCY_B2_LP] = proven->cycles;
  if (!solved) return;
  double *jobs = ARENA_NEW(arena, double, kinds->n_kinds * kinds->n_groups);
  uint32_t *lp_group = ARENA_NEW(arena, uint32_t, n_jobs);
  tenancy_lp_jobs(lp, jobs);
  tenancy_lp_spread(kinds, jobs, lp_group, arena);
  bounds->lp_group = lp_group;
  if (settings->mip_nodes == 0) return;
  uint32_t *mip_group = ARENA_NEW(arena, uint32_t, n_jobs);
  bool found;
  const double whole = tenancy_lp_whole(lp, settings->mip_nodes, mip_group, &found);
  if (found) bounds->mip_group = mip_group;
  bounds->cycles[TENANCY_B3_GROUPED_MIP] = fmax(proven->cycles, whole);
}

/* The optimum as a bound, less what the rounding of bandwidths may have added to it. */
static void solve_exactly(const struct tenancy_problem *problem, uint64_t max_nodes, struct arena *arena,
                          struct tenancy_bounds *bounds) {
  if (max_nodes == 0) return;
  struct tenancy_queues best = tenancy_queues_new(problem, arena);
  tenancy_cost cost;
  if (!tenancy_exact(problem, max_nodes, arena, &best, &cost)) return;
  bounds->exact = best;
  bounds->cycles[TENANCY_EXACT] = tenancy_cycles(problem, cost) * (1 - rounding);
}

bool tenancy_bounds(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                    const struct tenancy_queues *upper, struct arena *arena, struct tenancy_bounds *bounds,
                    struct error *error) {
  *bounds = (struct tenancy_bounds){0};
  struct tenancy_kinds kinds;
  tenancy_kinds_init(&kinds, problem, arena);
  bounds->n_kinds = kinds.n_kinds, bounds->kind_of = kinds.kind_of;
  size_t longest;
  if (!single_job(&kinds, arena, &bounds->cycles[TENANCY_B1_SINGLE_JOB], &longest))
    return error_add(error, STATUS_INPUT, "%s: the dependencies are circular", problem->name);
  const bool proportional = settings->allocation == TENANCY_PROPORTIONAL;
  if (!proportional) forget_stalls(&kinds);
  struct tenancy_weights weights = {.of = ARENA_NEW(arena, double, kinds.n_groups + 1)};
  struct tenancy_multipliers proven = {.of_kind = ARENA_NEW(arena, double, kinds.n_kinds),
                                       .of_pair = ARENA_NEW(arena, double, kinds.n_kinds *kinds.n_groups)};
  struct tenancy_lp *lp = tenancy_lp_new(&kinds, arena);
  bound_lp(&kinds, settings, lp, &weights, &proven, arena, bounds);
  const double known_cycles = upper == NULL ? INFINITY : tenancy_cycles(problem, tenancy_evaluate(problem, upper));
  if (proportional) tenancy_bound_columns(&kinds, settings, lp, &proven, known_cycles * (1 - proof), arena, bounds);
  tenancy_lp_free(lp);
  if (proportional) solve_exactly(problem, settings->exact_nodes, arena, bounds);
  choose_binding(bounds);
  bounds->reason = explain(&kinds, bounds, longest, &weights, arena);
  return true;
}
