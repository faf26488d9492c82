/* Which bound binds, and why? B1 here, the others by their files. See tenancy_bounds.h. */
#include "search/tenancy/tenancy_bounds.h"

#include "search/tenancy/tenancy_bounds_private.h"
#include <math.h>

const char *const tenancy_bound_names[TENANCY_N_BOUNDS] = {"single_job", "lp", "grouped_mip", "configuration_lp",
                                                           "branched_lp"};
const struct tenancy_bounds_settings tenancy_bounds_quick = {.mip_nodes = 200};
const struct tenancy_bounds_settings tenancy_bounds_full = {
    .mip_nodes = 2000, .columns = 20000, .price_work = 1u << 28};
const struct tenancy_bounds_settings tenancy_bounds_proof = {
    .mip_nodes = 4000, .columns = 20000, .branch_nodes = 1000, .price_work = 1u << 30};

/* The shortest time that a job of the kind can take, whatever the others do. */
static double least_cycles(const struct tenancy_kinds *kinds, size_t kind) {
  double least = INFINITY;
  for (size_t g = 0; g < kinds->n_groups; g++) {
    const size_t at = kinds_at(kinds, kind, g);
    if (kinds->latency[at] > 0) least = fmin(least, fmax(kinds->latency[at], kinds->busy[at]));
  }
  return least;
}

static double single_job(const struct tenancy_kinds *kinds, size_t *which) {
  double most = 0;
  *which = 0;
  for (size_t k = 0; k < kinds->n_kinds; k++) {
    const double cycles = least_cycles(kinds, k);
    if (cycles > most) most = cycles, *which = k;
  }
  return tenancy_round_down(most, 2);
}

double tenancy_gap(double value_cycles, double bound_cycles) {
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
  if (bounds->binding == TENANCY_B1_SINGLE_JOB) {
    return arena_printf(arena, "job %u alone takes as long", (unsigned)kinds->job[kinds->start[longest]]);
  }
  size_t heaviest = 0;
  for (size_t g = 1; g <= kinds->n_groups; g++) heaviest = weights->of[g] > weights->of[heaviest] ? g : heaviest;
  if (heaviest == kinds->n_groups) return "the bandwidth: all bytes through it";
  size_t first = 0;
  while (kinds->problem->group_of[first] != heaviest) first++;
  return arena_printf(arena, "the load of the %u core%s like core %zu", (unsigned)kinds->problem->group_size[heaviest],
                      kinds->problem->group_size[heaviest] == 1 ? "" : "s", first);
}

/* Without GLPK (too many pairs): weights in proportion to how often a row was the largest, for answers that are best at
 * the weights so far. */
static void guess_weights(const struct tenancy_kinds *kinds, struct tenancy_weights *weights,
                          struct tenancy_multipliers *scratch) {
  (void)scratch;
  for (size_t g = 0; g <= kinds->n_groups; g++) weights->of[g] = 1;
}

static void bound_lp(const struct tenancy_kinds *kinds, const struct tenancy_bounds_settings *settings,
                     struct tenancy_lp *lp, struct tenancy_weights *weights, struct tenancy_multipliers *proven,
                     struct arena *arena, struct tenancy_bounds *bounds) {
  const size_t n_jobs = kinds->problem->n_jobs;
  guess_weights(kinds, weights, proven);
  const bool solved = lp != NULL && tenancy_lp_solve(lp, NULL, weights);
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

bool tenancy_bounds(const struct tenancy_problem *problem, const struct tenancy_bounds_settings *settings,
                    const struct tenancy_queues *upper, struct arena *arena, struct tenancy_bounds *bounds,
                    struct error *error) {
  (void)upper, (void)error;
  *bounds = (struct tenancy_bounds){0};
  struct tenancy_kinds kinds;
  tenancy_kinds_init(&kinds, problem, arena);
  bounds->n_kinds = kinds.n_kinds, bounds->kind_of = kinds.kind_of;
  size_t longest;
  bounds->cycles[TENANCY_B1_SINGLE_JOB] = single_job(&kinds, &longest);
  struct tenancy_weights weights = {.of = ARENA_NEW(arena, double, kinds.n_groups + 1)};
  struct tenancy_multipliers proven = {.of_kind = ARENA_NEW(arena, double, kinds.n_kinds),
                                       .of_pair = ARENA_NEW(arena, double, kinds.n_kinds *kinds.n_groups)};
  struct tenancy_lp *lp = tenancy_lp_new(&kinds, arena);
  bound_lp(&kinds, settings, lp, &weights, &proven, arena, bounds);
  tenancy_bound_columns(&kinds, settings, lp, &proven, arena, bounds);
  tenancy_lp_free(lp);
  choose_binding(bounds);
  bounds->reason = explain(&kinds, bounds, longest, &weights, arena);
  return true;
}
