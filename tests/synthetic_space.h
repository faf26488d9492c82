/* A problem that nobody knows: shared by the tests of searches over abstract spaces.
 *
 * Random spaces: axes of all roles, objectives without or with structure and with or without ties, limits that the
 * screen knows, holes that only an evaluation finds, bounds that are sound and more or less loose, advice that may be
 * nonsense. Everything is fixed by (seed, task) alone. Left out: what an algorithm should make of it. */
#ifndef TESTS_SYNTHETIC_SPACE_H
#define TESTS_SYNTHETIC_SPACE_H

#include "base/error.h"
#include "base/rng.h"
#include "search/space/space.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SYNTHETIC_MOST_VALUES = 9, SYNTHETIC_MOST_OBJECTIVES = 4 };
enum synthetic_reason { REASON_NONE, REASON_BUDGET, REASON_MASS, REASON_HOLE, REASON_INVALID, N_SYNTHETIC_REASONS };
enum { SYNTHETIC_BINDINGS = 3 };

struct synthetic {
  struct space space;
  struct objective objectives[SYNTHETIC_MOST_OBJECTIVES];
  struct reason_name reasons[N_SYNTHETIC_REASONS], bindings[SYNTHETIC_BINDINGS];
  struct axis axes[POINT_MAX_AXES];
  uint64_t values[POINT_MAX_AXES][SYNTHETIC_MOST_VALUES];
  double weight[POINT_MAX_AXES], price[POINT_MAX_AXES];
  double budget, most_mass; /* infinite: no limit */
  double looseness;         /* 0: bounds are exact */
  uint64_t silent_bounds;   /* bit O: the bound of objective O says nothing */
  uint64_t levels;          /* values that an objective takes, so that there are ties; 0: any */
  uint64_t salt, holes_of_16;
  bool structured, sane_moves, closed; /* closed: nobody may evaluate but the driver */
  uint64_t n_evaluated;
};

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

/* Uniform in [0, 1) and fixed by the point and what it is for. */
static inline double synthetic_chance(const struct synthetic *synthetic, const struct point *point, uint64_t purpose) {
  uint64_t hash = synthetic->salt ^ purpose * UINT64_C(0xd1342543de82ef95);
  for (size_t a = 0; a < POINT_MAX_AXES; a++) {
    hash = (hash ^ point->index[a]) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 31;
  }
  return (double)(hash >> 11) * 0x1p-53;
}

static inline double synthetic_cost(const struct synthetic *synthetic, const struct point *point) {
  double cost = 1;
  for (size_t a = 0; a < synthetic->space.n_axes; a++) cost += synthetic->price[a] * (point->index[a] + 1.0);
  return cost;
}

static inline double synthetic_rate(const struct synthetic *synthetic, const struct point *point) {
  if (!synthetic->structured) return 1000 * synthetic_chance(synthetic, point, 1);
  double time = 0.01;
  for (size_t a = 0; a < synthetic->space.n_axes; a++) time += synthetic->weight[a] / (point->index[a] + 1.0);
  return 1 / time;
}

/* Limited, but no objective. */
static inline double synthetic_mass(const struct synthetic *synthetic, const struct point *point) {
  return 100 * synthetic_chance(synthetic, point, 4);
}

static inline double synthetic_objective(const struct synthetic *synthetic, const struct point *point, size_t which) {
  static const double whole[SYNTHETIC_MOST_OBJECTIVES] = {1000, 150, 50, 7};
  const double value = which == 0   ? synthetic_rate(synthetic, point)
                       : which == 1 ? synthetic_cost(synthetic, point)
                                    : whole[which] * synthetic_chance(synthetic, point, 5 + which);
  if (synthetic->levels == 0) return value;
  const double step = whole[which] / (double)synthetic->levels;
  return step * floor(value / step); /* zeros too */
}

/* Every objective no better than this, the metric's twice. */
static inline void synthetic_bound(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  for (size_t o = 0; o < synthetic->space.n_objectives; o++) {
    const bool maximise = synthetic->objectives[o].maximise;
    const double slack = 1 + synthetic->looseness * synthetic_chance(synthetic, point, o == 0 ? 2 : 40 + o);
    const double value = synthetic_objective(synthetic, point, o);
    score->objective[o] = maximise ? value * slack : value / slack;
    if (synthetic->silent_bounds >> o & 1) score->objective[o] = maximise ? (double)INFINITY : 0;
  }
  score->bound = score->objective[synthetic->space.metric];
}

/* The first limit that is broken counts. */
static inline bool synthetic_within_limits(const struct synthetic *synthetic, const struct point *point,
                                           struct score *score) {
  const double over_budget = synthetic_cost(synthetic, point) - synthetic->budget;
  const double over_mass = synthetic_mass(synthetic, point) - synthetic->most_mass;
  memset(score, 0, sizeof *score);
  if (!(over_budget > 0) && !(over_mass > 0)) return true;
  score->reason = over_budget > 0 ? REASON_BUDGET : REASON_MASS;
  score->excess = over_budget > 0 ? over_budget : over_mass;
  return false;
}

static inline void synthetic_screen(void *context, const struct point *point, struct score *score) {
  const struct synthetic *synthetic = context;
  if (synthetic_within_limits(synthetic, point, score)) synthetic_bound(synthetic, point, score);
}

static inline void synthetic_excesses(void *context, const struct point *point, const struct score *screened,
                                      double *excess) {
  const struct synthetic *synthetic = context;
  REQUIRE(screened->reason == REASON_BUDGET || screened->reason == REASON_MASS);
  const double over_budget = synthetic_cost(synthetic, point) - synthetic->budget;
  const double over_mass = synthetic_mass(synthetic, point) - synthetic->most_mass;
  if (over_budget > 0) excess[REASON_BUDGET] = over_budget;
  if (over_mass > 0) excess[REASON_MASS] = over_mass;
}

static inline void synthetic_advise(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  const struct space *space = &synthetic->space;
  for (uint64_t m = 0; m < SCORE_MAX_MOVES && space->n_axes > 0; m++) {
    const size_t axis = (size_t)(synthetic_chance(synthetic, point, 10 + m) * (double)space->n_axes);
    const int n = (int)space->axes[axis].n, step = (int)(synthetic_chance(synthetic, point, 20 + m) * 7) - 3;
    if (n < 2) continue;
    if (synthetic->sane_moves && (space->axes[axis].role != AXIS_GROW || point->index[axis] + 1 >= n)) continue;
    const int16_t taken = (int16_t)(synthetic->sane_moves || step == 0 || abs(step) >= n ? 1 : step);
    score->moves[score->n_moves++] = (struct move){1, (uint16_t)axis, taken, 0};
  }
  score->saturated = synthetic_chance(synthetic, point, 30) < 0.05;
}

static inline void synthetic_judge(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  if (!synthetic_within_limits(synthetic, point, score)) return;
  if (synthetic_chance(synthetic, point, 3) * 16 < (double)synthetic->holes_of_16) {
    score->reason = REASON_HOLE;
    return;
  }
  struct score bounds = {0};
  synthetic_bound(synthetic, point, &bounds);
  for (size_t o = 0; o < synthetic->space.n_objectives; o++) {
    score->objective[o] = synthetic_objective(synthetic, point, o);
  }
  score->bound = bounds.bound;
  score->binding = (uint16_t)(synthetic_chance(synthetic, point, 31) * SYNTHETIC_BINDINGS);
  synthetic_advise(synthetic, point, score);
}

static inline void synthetic_evaluate(void *context, const struct point *point, struct score *score) {
  struct synthetic *synthetic = context;
  REQUIRE(!synthetic->closed); /* else an algorithm evaluates by itself */
  synthetic->n_evaluated++;
  synthetic_judge(synthetic, point, score);
}

/* --- drawing one ----------------------------------------------------------------------------------------------------
 */

static inline void synthetic_draw_axes(struct synthetic *synthetic, uint64_t most_points, struct rng *rng) {
  struct space *space = &synthetic->space;
  const size_t n_axes = rng_below(rng, POINT_MAX_AXES + 1);
  for (size_t a = 0; a < n_axes; a++) {
    struct axis *axis = &synthetic->axes[a];
    const enum axis_role role = (enum axis_role)rng_below(rng, 3);
    *axis = (struct axis){"a", "", role, 1 + rng_below(rng, SYNTHETIC_MOST_VALUES), synthetic->values[a], NULL};
    if (space_size(space) * axis->n > most_points) axis->n = 1;
    uint64_t value = 0;
    for (size_t v = 0; v < axis->n; v++) synthetic->values[a][v] = value += 1 + rng_below(rng, 100);
    synthetic->weight[a] = rng_unit(rng);
    synthetic->price[a] = rng_unit(rng);
    space->n_axes = a + 1;
  }
}

static inline void synthetic_draw(struct synthetic *synthetic, uint64_t seed, uint64_t task, uint64_t most_points) {
  struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
  *synthetic = (struct synthetic){
      .objectives = {{"rate", "1/s", "", true},
                     {"cost", "mm2", "", false},
                     {"heat", "W", "", false},
                     {"reuse", "", "", true}},
      .reasons = {{"", ""}, {"budget", "mm2"}, {"mass", "kg"}, {"hole", ""}, {"invalid", ""}},
      .bindings = {{"", ""}, {"compute", ""}, {"memory", ""}},
      .salt = rng_next(&rng),
      .most_mass = (double)INFINITY,
  };
  synthetic->space = (struct space){.n_objectives = 2,
                                    .n_front_objectives = 2,
                                    .axes = synthetic->axes,
                                    .objectives = synthetic->objectives,
                                    .metric = rng_below(&rng, 2),
                                    .n_reasons = N_SYNTHETIC_REASONS,
                                    .n_bindings = SYNTHETIC_BINDINGS,
                                    .reasons = synthetic->reasons,
                                    .bindings = synthetic->bindings,
                                    .context = synthetic,
                                    .evaluate = synthetic_evaluate};
  synthetic_draw_axes(synthetic, most_points, &rng);
  if (rng_below(&rng, 4) > 0) synthetic->space.screen = synthetic_screen;
  synthetic->structured = rng_below(&rng, 2) == 0;
  synthetic->sane_moves = rng_below(&rng, 3) > 0;
  synthetic->looseness = rng_below(&rng, 3) == 0 ? 0 : rng_unit(&rng);
  synthetic->holes_of_16 = rng_below(&rng, 10) == 0 ? 16 : rng_below(&rng, 3) == 0 ? rng_below(&rng, 16) : 0;
  struct point largest = {{0}};
  for (size_t a = 0; a < synthetic->space.n_axes; a++) largest.index[a] = (uint16_t)(synthetic->axes[a].n - 1);
  const bool unlimited = rng_below(&rng, 3) == 0;
  synthetic->budget = unlimited ? (double)INFINITY : synthetic_cost(synthetic, &largest) * (0.1 + rng_unit(&rng));
}

/* What only a sweep looks at: more objectives, ties, a second limit, bounds that say nothing. */
static inline void synthetic_draw_more(struct synthetic *synthetic, uint64_t seed, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
  struct space *space = &synthetic->space;
  space->n_objectives = 2 + rng_below(&rng, SYNTHETIC_MOST_OBJECTIVES - 1);
  space->n_front_objectives = 1 + rng_below(&rng, space->n_objectives);
  space->metric = rng_below(&rng, space->n_objectives);
  synthetic->levels = rng_below(&rng, 2) == 0 ? 0 : 2 + rng_below(&rng, 30);
  synthetic->silent_bounds = rng_below(&rng, 4) == 0 ? rng_below(&rng, 16) : 0;
  if (rng_below(&rng, 2) == 0) synthetic->most_mass = 100 * rng_unit(&rng);
  if (rng_below(&rng, 3) > 0) space->excesses = synthetic_excesses;
}

#endif
