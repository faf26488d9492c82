/* Does a probe foretell what branch and bound will do? Against branch and bound itself, on spaces small enough to end:
 * the very numbers where every box stands for itself alone, in the mean where one stands for many. */
#include "search/space/boxes.h"

#include "base/error.h"
#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_AXES = 4, N_VALUES = 7, N_TASKS = 8, N_PROBES = 4000 };
static const uint64_t seed = 2385;
static const struct objective objectives[] = {{"rate", "1/s", "", true}};
static const struct reason_name reasons[] = {{"", ""}, {"area", "mm2"}};
static const uint64_t values[N_VALUES] = {1, 2, 4, 8, 16, 32, 64};

struct problem {
  struct space space;
  struct axis axes[N_AXES];
  double weight[N_AXES], best;
  unsigned most; /* sum of indices that the limit allows */
  unsigned looks, most_looks;
};

static double rate(const struct problem *problem, const struct point *point) {
  double sum = 1;
  for (size_t a = 0; a < N_AXES; a++) sum += problem->weight[a] * point->index[a];
  return sum;
}

static unsigned sum_of(const struct point *point) {
  unsigned sum = 0;
  for (size_t a = 0; a < N_AXES; a++) sum += point->index[a];
  return sum;
}

static void bound_box(void *context, struct point *low, struct point *high, uint64_t *excluded, struct score *score) {
  const struct problem *problem = context;
  (void)excluded;
  score->reason = sum_of(low) > problem->most ? 1 : SCORE_FEASIBLE;
  score->bound = 1.3 * rate(problem, high);
}

static void refine(void *context, const struct point *point, struct score *score) {
  const struct problem *problem = context;
  score->reason = SCORE_FEASIBLE;
  score->bound = 1.1 * rate(problem, point);
}

static bool admits(void *context, double bound, const struct point *first) {
  (void)first;
  return bound > ((const struct problem *)context)->best;
}

static bool interrupted(void *context) {
  struct problem *problem = context;
  return ++problem->looks > problem->most_looks;
}

static double clock_s(void) {
  static double now_s;
  return now_s += 0.5; /* of two looks, half a second lies between them */
}

static void draw(struct problem *problem, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 0, task);
  *problem = (struct problem){.most = 9 + (unsigned)rng_below(&rng, 6), .most_looks = UINT32_MAX};
  double all = 1;
  for (size_t a = 0; a < N_AXES; a++) {
    problem->axes[a] = (struct axis){"axis", "", AXIS_GROW, N_VALUES, values, NULL};
    problem->weight[a] = 0.1 + rng_unit(&rng);
    all += problem->weight[a] * (N_VALUES - 1);
  }
  problem->best = (0.35 + 0.2 * rng_unit(&rng)) * all;
  problem->space = (struct space){.n_axes = N_AXES,
                                  .n_objectives = 1,
                                  .axes = problem->axes,
                                  .objectives = objectives,
                                  .n_reasons = 2,
                                  .reasons = reasons,
                                  .context = problem,
                                  .refine = refine,
                                  .bound_box = bound_box};
}

static struct boxes_counts branch_and_bound(const struct problem *problem, const struct boxes_filter *filter,
                                            struct arena *arena) {
  struct boxes *boxes = boxes_new(&problem->space, arena);
  struct point points[16];
  while (boxes_ask(boxes, filter, points, 16) > 0) continue;
  return *boxes_counts(boxes);
}

static void test_foretells(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 20);
  uint64_t n_asked = 0;
  for (uint64_t task = 0; task < N_TASKS; task++) {
    struct problem problem;
    draw(&problem, task);
    const struct boxes_filter filter = {.admits = admits, .context = &problem};
    const struct boxes_counts counts = branch_and_bound(&problem, &filter, &arena);
    n_asked += counts.asked;
    double mean[3] = {0};
    struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
    struct boxes_probing probing = {&rng, &arena, 1, clock_s, problem.best};
    struct boxes_work work;
    for (unsigned i = 0; i < N_PROBES; i++) {
      assert_true(boxes_probe(&problem.space, &filter, &probing, &work));
      mean[0] += work.n_bounded / N_PROBES;
      mean[1] += work.n_refined / N_PROBES;
      mean[2] += work.n_asked / N_PROBES;
      assert_true(work.seconds > 0 || counts.n_bounded == 1);
    }
    const double wanted[3] = {(double)counts.n_bounded, (double)counts.n_refined, (double)counts.asked};
    for (size_t i = 0; i < 3; i++) {
      if (fabs(mean[i] - wanted[i]) > 0.1 * wanted[i] + 0.5) {
        fail_msg("task %u, number %zu: %g instead of %g in the mean", (unsigned)task, i, mean[i], wanted[i]);
      }
    }
  }
  assert_true(n_asked > 100);
  arena_release(&arena);
}

static void test_exact_where_all_are_kept(void **state) {
  (void)state;
  struct arena arena;
  struct problem problem;
  arena_init(&arena, 1 << 20);
  draw(&problem, 0);
  problem.best = 1.1 * rate(&problem, &(struct point){{6, 6, 6, 4}}); /* few boxes */
  problem.most = 24;
  const struct boxes_filter filter = {.admits = admits, .context = &problem};
  const struct boxes_counts counts = branch_and_bound(&problem, &filter, &arena);
  struct rng rng = rng_stream(seed, RNG_TEST, 2, 0);
  const struct boxes_probing probing = {&rng, &arena, BOXES_MAX_KEPT, clock_s, problem.best};
  struct boxes_work work;
  assert_true(boxes_probe(&problem.space, &filter, &probing, &work));
  assert_true(counts.asked > 0);
  assert_true(work.n_bounded == (double)counts.n_bounded);
  assert_true(work.n_refined == (double)counts.n_refined);
  assert_true(work.n_asked == (double)counts.asked);
  arena_release(&arena);
}

static void test_interrupted(void **state) {
  (void)state;
  struct arena arena;
  struct problem problem;
  arena_init(&arena, 1 << 20);
  draw(&problem, 1);
  problem.most_looks = 3;
  const struct boxes_filter filter = {
      .admits = admits, .context = &problem, .interrupted = interrupted, .interrupted_context = &problem};
  struct rng rng = rng_stream(seed, RNG_TEST, 3, 0);
  const struct boxes_probing probing = {&rng, &arena, 2, clock_s, problem.best};
  struct boxes_work work;
  assert_false(boxes_probe(&problem.space, &filter, &probing, &work));
  assert_int_equal(problem.looks, 4);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_foretells),
      cmocka_unit_test(test_exact_where_all_are_kept),
      cmocka_unit_test(test_interrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
