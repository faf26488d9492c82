/* A problem with a structure that baselines are made for: shared by the tests of searches.
 *
 * Four resources, each a count and a shape of cores: more of either is faster, takes area, and with larger shapes
 * energy. A limit on area is known without an evaluation and excludes most of the points, so the best designs are
 * trades between axes. The advice is to grow the count of the busiest resource. Everything is fixed by the case's
 * number. Left out: holes and bounds, for which there is tests/synthetic_space.h. */
#ifndef TESTS_SMOOTH_SPACE_H
#define TESTS_SMOOTH_SPACE_H

#include "base/error.h"
#include "base/rng.h"
#include "results/pareto.h"
#include "search/space/space.h"
#include <math.h>
#include <string.h>

enum { SMOOTH_RATE, SMOOTH_AREA, SMOOTH_ENERGY, N_SMOOTH_OBJECTIVES };
enum { SMOOTH_RESOURCES = 4, SMOOTH_AXES = 2 * SMOOTH_RESOURCES, SMOOTH_VALUES = 6 };

struct smooth {
  struct space space;
  struct axis axes[SMOOTH_AXES];
  double work[SMOOTH_RESOURCES], price[SMOOTH_RESOURCES], most_area;
};

static const uint64_t smooth_values[SMOOTH_VALUES] = {1, 2, 3, 4, 5, 6};
static const struct objective smooth_objectives[N_SMOOTH_OBJECTIVES] = {
    {"rate", "1/s", "", true}, {"area_mm2", "mm2", "", false}, {"energy", "J", "", false}};
static const struct reason_name smooth_names[2] = {{"", ""}, {"area", "mm2"}};

static inline double smooth_area(const struct smooth *smooth, const struct point *point) {
  double area = 1;
  for (size_t r = 0; r < SMOOTH_RESOURCES; r++) {
    area += smooth->price[r] * (point->index[2 * r] + 1.0) * (point->index[2 * r + 1] + 1.0);
  }
  return area;
}

static inline void smooth_screen(void *context, const struct point *point, struct score *score) {
  const struct smooth *smooth = context;
  const double area = smooth_area(smooth, point);
  memset(score, 0, sizeof *score);
  score->reason = area > smooth->most_area;
  score->excess = score->reason ? area - smooth->most_area : 0;
  score->objective[SMOOTH_RATE] = score->bound = (double)INFINITY;
  score->objective[SMOOTH_AREA] = area;
  if (smooth->space.metric != SMOOTH_RATE) score->bound = score->objective[smooth->space.metric];
}

static inline void smooth_evaluate(void *context, const struct point *point, struct score *score) {
  const struct smooth *smooth = context;
  smooth_screen(context, point, score);
  if (score->reason != SCORE_FEASIBLE) return;
  double seconds = 0, energy = 0;
  for (size_t r = 0; r < SMOOTH_RESOURCES; r++) {
    const double count = point->index[2 * r] + 1.0, shape = point->index[2 * r + 1] + 1.0;
    const double busy = smooth->work[r] / (count * sqrt(shape));
    if (point->index[2 * r] + 1 < SMOOTH_VALUES && !(score->n_moves > 0 && score->moves[0].worth >= busy)) {
      score->moves[0] = (struct move){busy, (uint16_t)(2 * r), 1, 0};
      score->n_moves = 1;
    }
    seconds += busy;
    energy += smooth->work[r] * (1 + 0.2 * (shape - 2.5) * (shape - 2.5));
  }
  score->objective[SMOOTH_RATE] = 1 / seconds;
  score->objective[SMOOTH_ENERGY] = energy + 0.1 * score->objective[SMOOTH_AREA] * seconds;
}

static inline void smooth_draw(struct smooth *smooth, uint64_t seed, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 20, task);
  memset(smooth, 0, sizeof *smooth);
  struct point half = {{0}};
  for (size_t a = 0; a < SMOOTH_AXES; a++) {
    const enum axis_role role = a % 2 == 0 ? AXIS_GROW : AXIS_SHAPE;
    smooth->axes[a] = (struct axis){"a", "", role, SMOOTH_VALUES, smooth_values, NULL};
    half.index[a] = SMOOTH_VALUES / 2;
  }
  for (size_t r = 0; r < SMOOTH_RESOURCES; r++) {
    smooth->work[r] = 0.2 + rng_unit(&rng);
    smooth->price[r] = 0.2 + rng_unit(&rng);
  }
  smooth->most_area = (double)INFINITY;
  smooth->most_area = 0.8 * smooth_area(smooth, &half);
  smooth->space = (struct space){.n_axes = SMOOTH_AXES,
                                 .n_objectives = N_SMOOTH_OBJECTIVES,
                                 .n_front_objectives = N_SMOOTH_OBJECTIVES,
                                 .axes = smooth->axes,
                                 .objectives = smooth_objectives,
                                 .metric = SMOOTH_RATE,
                                 .n_reasons = 2,
                                 .n_bindings = 1,
                                 .reasons = smooth_names,
                                 .bindings = smooth_names,
                                 .context = smooth,
                                 .evaluate = smooth_evaluate,
                                 .screen = smooth_screen};
}

#endif
