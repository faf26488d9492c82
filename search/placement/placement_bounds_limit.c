/* What do bounds say if nothing but answers below a limit is of interest? (Of machines that are unlike: Lenstra, Shmoys
 * and Tardos 1990.)
 *
 * A layer that would take the limit by itself on a device, or whose shortest way through the graph there is longer than
 * it, cannot stand there; what is left is bounded as a problem of its own. If its bound is above the limit, nothing
 * lies below the limit: so limits between a bound and the best known answer are tried by halves. */
#include "search/placement/placement_bounds_limit.h"

#include <math.h>
#include <string.h>

enum { MOST_HALVES = 10, MOST_WORK = 400000 /* layers × devices × limits tried */ };
static const double near_enough = 1e-3;

/* --- what can stand where -------------------------------------------------------------------------------------------
 */

/* At least so long the answer takes if the layer stands there. */
static double least_value(const struct placement_work *work, size_t layer, size_t device) {
  const size_t at = placement_at(work->problem, layer, device);
  if (work->problem->objective == PLACEMENT_PERIOD) return placement_least_s(&work->costs, layer, device);
  return work->heads_s[at] + work->tails_s[at];
}

/* Layers of a group stand together or nowhere. */
static void unite_groups(const struct placement_problem *p, double *compute_s, struct arena *arena) {
  if (p->group == NULL || p->n_groups == 0) return;
  const struct arena_mark mark = arena_get_mark(arena);
  bool *fails = ARENA_NEW(arena, bool, p->n_groups * p->n_devices);
  for (int pass = 0; pass < 2; pass++) {
    for (size_t l = 0; l < p->n_layers; l++) {
      if (p->group[l] == PLACEMENT_NONE) continue;
      for (size_t d = 0; d < p->n_devices; d++) {
        const size_t at = placement_at(p, l, d);
        bool *group_fails = &fails[p->group[l] * p->n_devices + d];
        if (pass == 0) *group_fails = *group_fails || !(compute_s[at] == compute_s[at]);
        if (pass == 1 && *group_fails) compute_s[at] = NAN;
      }
    }
  }
  arena_rewind(arena, mark);
}

static size_t count_places(const struct placement_problem *p) {
  size_t n = 0;
  for (size_t l = 0; l < p->n_layers; l++) {
    for (size_t d = 0; d < p->n_devices; d++) n += placement_can_run(p, l, d);
  }
  return n;
}

static bool all_have_a_place(const struct placement_problem *p) {
  for (size_t l = 0; l < p->n_layers; l++) {
    bool has = false;
    for (size_t d = 0; d < p->n_devices; d++) has = has || placement_can_run(p, l, d);
    if (!has) return false;
  }
  return true;
}

bool placement_below(const struct placement_problem *problem, double limit, struct arena *arena,
                     struct placement_problem *below) {
  const size_t size = problem->n_layers * problem->n_devices;
  double *compute_s = ARENA_NEW(arena, double, size);
  memcpy(compute_s, problem->compute_s, size * sizeof *compute_s);
  *below = *problem;
  below->compute_s = compute_s;
  unite_groups(below, compute_s, arena);
  if (problem->objective == PLACEMENT_ENERGY) return all_have_a_place(below);
  const struct arena_mark mark = arena_get_mark(arena);
  for (size_t before = size + 1, n = count_places(below); n < before && all_have_a_place(below);) {
    struct placement_work work;
    placement_work_init(&work, below, arena);
    for (size_t l = 0; l < problem->n_layers; l++) {
      for (size_t d = 0; d < problem->n_devices; d++) {
        if (placement_can_run(below, l, d) && placement_round_down(least_value(&work, l, d)) > limit) {
          compute_s[placement_at(below, l, d)] = NAN;
        }
      }
    }
    unite_groups(below, compute_s, arena);
    arena_rewind(arena, mark);
    before = n, n = count_places(below);
  }
  return all_have_a_place(below);
}

/* --- halves ---------------------------------------------------------------------------------------------------------
 */

/* A bound of all answers, from what is left below the limit. */
static double bound_at(const struct placement_problem *problem, double limit, struct arena *arena) {
  struct placement_problem below;
  struct placement_bounds bounds;
  struct error error = {0};
  const struct arena_mark mark = arena_get_mark(arena);
  double bound = limit;
  if (placement_below(problem, limit, arena, &below) && placement_bounds(&below, arena, &bounds, &error)) {
    bound = fmin(bounds.best, limit);
  }
  arena_rewind(arena, mark);
  return bound;
}

double placement_bound_by_limits(const struct placement_problem *problem, double low, double high,
                                 struct arena *arena) {
  if (problem->objective == PLACEMENT_ENERGY || !isfinite(high) || !(low > 0)) return low;
  const size_t tries = MOST_WORK / (problem->n_layers * problem->n_devices);
  if (tries == 0) return low;
  low = fmax(low, bound_at(problem, high, arena));
  for (size_t i = 1; i < MOST_HALVES && i < tries && low < high * (1 - near_enough); i++) {
    const double middle = low + (high - low) / 2, bound = bound_at(problem, middle, arena);
    if (bound < middle) high = middle;
    low = fmax(low, bound);
  }
  return low;
}
