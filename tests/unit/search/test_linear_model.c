/* Does the linear model solve the normal equations of its prior?
 *
 * Against Gauss–Jordan elimination of (XᵀX + ratio·1)·w = Xᵀy over features that the test standardises itself;
 * predictions and conditioned ones against the same with one row more. */
#include "search/space/linear_model.h"

#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 60, D = 5, Q = 9 };

struct problem {
  double x[N][D], y[N], queries[Q][D];
  double centre[D], width[D], y_mean;
};

static void draw(struct problem *problem, double noise) {
  struct rng rng = rng_stream(2385, RNG_TEST, 51, 0);
  memset(problem, 0, sizeof *problem);
  for (unsigned i = 0; i < N + Q; i++) {
    double *x = i < N ? problem->x[i] : problem->queries[i - N];
    for (unsigned f = 0; f < D - 1; f++) x[f] = (f + 1) * 100 * rng_unit(&rng) - 17;
    x[D - 1] = 4711; /* says nothing */
    if (i < N) problem->y[i] = 3 * x[0] - 0.5 * x[1] + 2385 + noise * (rng_unit(&rng) - 0.5);
  }
  for (unsigned f = 0; f < D; f++) {
    for (unsigned i = 0; i < N; i++) problem->centre[f] += problem->x[i][f] / N;
    for (unsigned i = 0; i < N; i++) problem->width[f] += pow(problem->x[i][f] - problem->centre[f], 2) / N;
    problem->width[f] = sqrt(problem->width[f]);
  }
  for (unsigned i = 0; i < N; i++) problem->y_mean += problem->y[i] / N;
}

/* The last feature, which does not vary, is 0. */
static void standardised(const struct problem *problem, const double *x, double *z) {
  for (unsigned f = 0; f < D; f++) z[f] = f + 1 < D ? (x[f] - problem->centre[f]) / problem->width[f] : 0;
}

/* (XᵀX + ratio·1)⁻¹ over the points and, if not NULL, one row more. */
static void inverse_of(const struct problem *problem, double ratio, const double *more, double inverse[D][D]) {
  double m[D][2 * D], z[D];
  memset(m, 0, sizeof m);
  for (unsigned i = 0; i < N + (more != NULL); i++) {
    standardised(problem, i < N ? problem->x[i] : more, z);
    for (unsigned f = 0; f < D; f++) {
      for (unsigned g = 0; g < D; g++) m[f][g] += z[f] * z[g];
    }
  }
  for (unsigned f = 0; f < D; f++) m[f][f] += ratio, m[f][D + f] = 1;
  for (unsigned f = 0; f < D; f++) {
    const double pivot = m[f][f];
    for (unsigned g = 0; g < 2 * D; g++) m[f][g] /= pivot;
    for (unsigned r = 0; r < D; r++) {
      const double factor = m[r][f];
      for (unsigned g = 0; r != f && g < 2 * D; g++) m[r][g] -= factor * m[f][g];
    }
  }
  for (unsigned f = 0; f < D; f++) memcpy(inverse[f], m[f] + D, sizeof inverse[f]);
}

static void predict(const struct problem *problem, double inverse[D][D], const double *more, double more_y,
                    const double *x, double *mean, double *leverage) {
  double moment[D] = {0}, z[D], at[D];
  for (unsigned i = 0; i < N + (more != NULL); i++) {
    standardised(problem, i < N ? problem->x[i] : more, z);
    for (unsigned f = 0; f < D; f++) moment[f] += z[f] * ((i < N ? problem->y[i] : more_y) - problem->y_mean);
  }
  standardised(problem, x, at);
  *mean = problem->y_mean;
  *leverage = 0;
  for (unsigned f = 0; f < D; f++) {
    for (unsigned g = 0; g < D; g++) {
      *mean += at[f] * inverse[f][g] * moment[g];
      *leverage += at[f] * inverse[f][g] * at[g];
    }
  }
}

static void it_solves_the_normal_equations(void **state) {
  (void)state;
  struct problem problem;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  draw(&problem, 40);
  struct linear_model *model = linear_new(D, Q, &arena);
  assert_true(linear_fit(model, problem.x[0], problem.y, N));
  double inverse[D][D], mean, leverage;
  inverse_of(&problem, linear_ratio(model), NULL, inverse);
  linear_query(model, problem.queries[0], Q);
  for (unsigned q = 0; q < Q; q++) {
    predict(&problem, inverse, NULL, 0, problem.queries[q], &mean, &leverage);
    assert_true(fabs(linear_mean(model)[q] - mean) < 1e-8 * fabs(mean));
    const double variance = linear_noise(model) * (1 + leverage);
    assert_true(fabs(linear_variance(model)[q] - variance) < 1e-8 * variance);
  }
  const double lie = 1234.5;
  linear_condition(model, 3, lie);
  inverse_of(&problem, linear_ratio(model), problem.queries[3], inverse);
  for (unsigned q = 0; q < Q; q++) {
    predict(&problem, inverse, problem.queries[3], lie, problem.queries[q], &mean, &leverage);
    assert_true(fabs(linear_mean(model)[q] - mean) < 1e-8 * fabs(mean));
    const double variance = linear_noise(model) * (1 + leverage);
    assert_true(fabs(linear_variance(model)[q] - variance) < 1e-8 * variance);
  }
  arena_release(&arena);
}

/* A sum of features is found, its noise measured: 40 wide and even has a variance of 40²/12. */
static void a_sum_is_found(void **state) {
  (void)state;
  struct problem problem;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  draw(&problem, 40);
  struct linear_model *model = linear_new(D, Q, &arena);
  assert_true(linear_fit(model, problem.x[0], problem.y, N));
  double constant;
  const double *weights = linear_weights(model, &constant);
  assert_true(fabs(weights[0] - 3) < 0.3 && fabs(weights[1] + 0.5) < 0.15 && fabs(weights[2]) < 0.1);
  assert_true(fabs(weights[4]) < 1e-12);
  assert_true(fabs(constant - 2385) < 30);
  assert_true(linear_noise(model) > 0.6 * 1600 / 12 && linear_noise(model) < 1.5 * 1600 / 12);
  draw(&problem, 0);
  assert_true(linear_fit(model, problem.x[0], problem.y, N));
  weights = linear_weights(model, &constant);
  assert_true(fabs(weights[0] - 3) < 1e-4 && fabs(weights[1] + 0.5) < 1e-4);
  arena_release(&arena);
}

/* Pure noise wants a strong prior, a clear sum a weak one. */
static void evidence_weighs_the_prior(void **state) {
  (void)state;
  struct problem problem;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  draw(&problem, 0);
  struct linear_model *model = linear_new(D, Q, &arena);
  assert_true(linear_fit(model, problem.x[0], problem.y, N));
  const double clear = linear_ratio(model);
  struct rng rng = rng_stream(2385, RNG_TEST, 51, 1);
  for (unsigned i = 0; i < N; i++) problem.y[i] = rng_unit(&rng);
  assert_true(linear_fit(model, problem.x[0], problem.y, N));
  assert_true(linear_ratio(model) > 100 * clear);
  arena_release(&arena);
}

static void nothing_to_learn_is_no_harm(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  static const double x[4] = {1, 1, 1, 1}, y[2] = {5, 5};
  struct linear_model *none = linear_new(0, Q, &arena), *flat = linear_new(2, Q, &arena);
  assert_false(linear_fit(none, x, y, 2));
  assert_true(linear_fit(flat, x, y, 2));
  linear_query(flat, x, 2);
  assert_true(fabs(linear_mean(flat)[0] - 5) < 1e-12 && isfinite(linear_variance(flat)[0]));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_solves_the_normal_equations),
      cmocka_unit_test(a_sum_is_found),
      cmocka_unit_test(evidence_weighs_the_prior),
      cmocka_unit_test(nothing_to_learn_is_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
