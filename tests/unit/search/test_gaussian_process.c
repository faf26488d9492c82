/* Does the process say what kriging's equations say?
 *
 * Three points by hand (Cramer's rule on the 3 × 3 system); what is appended against what is fitted at once; what is
 * conditioned against what is fitted with one point more; length scales against functions whose dimensions matter
 * differently. */
#include "search/space/gaussian_process.h"

#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const double nugget = 1e-6;

static struct gaussian_process *new_process(size_t n_dims, const bool *category, struct arena *arena) {
  const struct gp_shape shape = {
      .n_dims = n_dims, .category = category, .most_points = 150, .most_queries = 37, .nugget = nugget};
  arena_init(arena, 1 << 18);
  return gp_new(&shape, arena);
}

static void the_kernel_is_matern(void **state) {
  (void)state;
  for (double s = 0; s < 3000; s = s * 1.3 + 0.001) {
    const double r = sqrt(5 * s);
    assert_true(fabs(gp_matern52(s) - (1 + r + 5 * s / 3) * exp(-r)) < 1e-11 * gp_matern52(s) + 1e-300);
  }
}

/* --- three points ---------------------------------------------------------------------------------------------------
 */

static double correlation(double distance, double length) {
  const double r = sqrt(5) * fabs(distance) / length;
  return (1 + r + r * r / 3) * exp(-r);
}

static double determinant(const double m[3][3]) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/* m·solution = right */
static void cramer(const double m[3][3], const double right[3], double solution[3]) {
  for (unsigned c = 0; c < 3; c++) {
    double with[3][3];
    memcpy(with, m, sizeof with);
    for (unsigned r = 0; r < 3; r++) with[r][c] = right[r];
    solution[c] = determinant((const double(*)[3])with) / determinant(m);
  }
}

static double dot3(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void three_points_by_hand(void **state) {
  (void)state;
  static const double x[3] = {0, 0.4, 1}, y[3] = {2, 5, -1}, one[3] = {1, 1, 1}, lengths[GP_MAX_DIMS] = {0.3};
  static const double queries[5] = {0, 0.2, 0.4, 0.77, 1.5};
  struct arena arena;
  struct gaussian_process *gp = new_process(1, NULL, &arena);
  double padded[GP_MAX_DIMS], matrix[3][3], solved_one[3], solved_y[3], weights[3];
  for (unsigned i = 0; i < GP_MAX_DIMS; i++) padded[i] = lengths[0];
  for (unsigned i = 0; i < 3; i++) {
    for (unsigned j = 0; j < 3; j++) matrix[i][j] = correlation(x[i] - x[j], lengths[0]) + (i == j ? nugget : 0);
  }
  cramer((const double(*)[3])matrix, one, solved_one);
  cramer((const double(*)[3])matrix, y, solved_y);
  const double mean = dot3(one, solved_y) / dot3(one, solved_one);
  const double rest[3] = {y[0] - mean, y[1] - mean, y[2] - mean};
  cramer((const double(*)[3])matrix, rest, weights);
  const double scale = dot3(rest, weights) / 3;
  /* Lengths are not looked for again while there are few points more than at the last time: fitted once to get there.
   */
  assert_true(gp_fit(gp, x, y, 3, false));
  gp_set_lengths(gp, padded);
  assert_true(gp_fit(gp, x, y, 3, true));
  assert_true(fabs(gp_lengths(gp)[0] - lengths[0]) < 1e-15);
  gp_query(gp, queries, 5);
  for (unsigned q = 0; q < 5; q++) {
    double to[3], solved[3];
    for (unsigned i = 0; i < 3; i++) to[i] = correlation(queries[q] - x[i], lengths[0]);
    cramer((const double(*)[3])matrix, to, solved);
    assert_true(fabs(gp_mean(gp)[q] - (mean + dot3(to, weights))) < 1e-8);
    assert_true(fabs(gp_variance(gp)[q] - scale * (1 - dot3(to, solved))) < 1e-8);
  }
  /* −½·(3·log scale + log determinant) */
  const double expected = -0.5 * (3 * log(scale) + log(determinant((const double(*)[3])matrix)));
  assert_true(fabs(gp_log_likelihood(gp, x, y, 3) - expected) < 1e-8);
  arena_release(&arena);
}

/* --- many points ----------------------------------------------------------------------------------------------------
 */

enum { N = 100, D = 3, Q = 37 };

static void draw(uint64_t task, double *x, double *y, size_t n) {
  struct rng rng = rng_stream(2385, RNG_TEST, 50, task);
  for (size_t i = 0; i < n * D; i++) x[i] = rng_unit(&rng);
  for (size_t i = 0; y != NULL && i < n; i++) y[i] = sin(4 * x[i * D]) + 0.5 * x[i * D + 1];
}

static void appending_is_fitting(void **state) {
  (void)state;
  struct arena arena, other_arena;
  struct gaussian_process *gp = new_process(D, NULL, &arena), *other = new_process(D, NULL, &other_arena);
  double x[N * D], y[N], queries[Q * D];
  draw(1, x, y, N);
  draw(2, queries, NULL, Q);
  assert_true(gp_fit(gp, x, y, N - 7, false));
  assert_true(gp_fit(gp, x, y, N, true));
  assert_true(gp_fit(other, x, y, N - 7, false)); /* the same lengths */
  double lengths[GP_MAX_DIMS];
  memcpy(lengths, gp_lengths(gp), sizeof lengths);
  gp_set_lengths(other, lengths);
  assert_true(gp_fit(other, x, y, N, true));
  gp_query(gp, queries, Q);
  gp_query(other, queries, Q);
  for (unsigned q = 0; q < Q; q++) {
    assert_true(fabs(gp_mean(gp)[q] - gp_mean(other)[q]) < 1e-6);
    assert_true(fabs(gp_variance(gp)[q] - gp_variance(other)[q]) < 1e-6);
    const double truth = sin(4 * queries[q * D]) + 0.5 * queries[q * D + 1];
    assert_true(fabs(gp_mean(gp)[q] - truth) < 0.1);
  }
  arena_release(&arena);
  arena_release(&other_arena);
}

/* A conditioned process is that of one point more, but for mean and scale, which stay. */
static void conditioning_is_one_point_more(void **state) {
  (void)state;
  struct arena arena;
  struct gaussian_process *gp = new_process(D, NULL, &arena);
  double x[(N + 2) * D], y[N + 2], queries[Q * D], variance[Q];
  draw(3, x, y, N);
  draw(4, queries, NULL, Q);
  assert_true(gp_fit(gp, x, y, N, false));
  double lengths[GP_MAX_DIMS];
  for (unsigned i = 0; i < GP_MAX_DIMS; i++) lengths[i] = 0.15; /* so short that much is left open */
  gp_set_lengths(gp, lengths);
  assert_true(gp_fit(gp, x, y, N, true));
  gp_query(gp, queries, Q);
  const double scale = gp_variance(gp)[5];
  gp_condition(gp, 5, 3.25);
  assert_true(fabs(gp_mean(gp)[5] - 3.25) < 1e-3);
  gp_condition(gp, 11, -2);
  assert_true(fabs(gp_mean(gp)[11] + 2) < 1e-3);
  memcpy(variance, gp_variance(gp), sizeof variance);
  assert_true(scale > 0.01 && variance[5] < 1e-3 * scale);
  for (unsigned i = 0; i < 2; i++) {
    memcpy(x + (N + i) * D, queries + (i == 0 ? 5 : 11) * D, D * sizeof *x);
    y[N + i] = i == 0 ? 3.25 : -2;
  }
  assert_true(gp_fit(gp, x, y, N + 2, true));
  gp_query(gp, queries, Q);
  /* Variances differ by the factor of the scales alone. */
  const double factor = gp_variance(gp)[0] / variance[0];
  for (unsigned q = 0; q < Q; q++) assert_true(fabs(gp_variance(gp)[q] - factor * variance[q]) < 1e-4 * factor * scale);
  arena_release(&arena);
}

static void lengths_follow_what_matters(void **state) {
  (void)state;
  struct arena arena;
  struct gaussian_process *gp = new_process(D, NULL, &arena);
  double x[N * D], y[N];
  draw(5, x, y, N);
  assert_true(gp_fit(gp, x, y, N, false));
  const double *lengths = gp_lengths(gp);
  assert_true(lengths[0] < lengths[1] && lengths[1] < lengths[2] + 1e-12 && lengths[2] > 2 * lengths[0]);
  arena_release(&arena);
}

/* Values of a category are equal or not: what is learnt at one says the same of all others. */
static void categories_have_no_order(void **state) {
  (void)state;
  static const bool category[2] = {false, true};
  static const double x[4][2] = {{0, 0}, {0.5, 0}, {1, 0}, {0.5, 0.25}}, y[4] = {1, 2, 3, 7};
  static const double queries[2][2] = {{0.2, 0.5}, {0.2, 1}};
  struct arena arena;
  struct gaussian_process *gp = new_process(2, category, &arena);
  assert_true(gp_fit(gp, x[0], y, 4, false));
  gp_query(gp, queries[0], 2);
  assert_true(fabs(gp_mean(gp)[0] - gp_mean(gp)[1]) < 1e-12);
  gp_condition(gp, 0, 4);
  assert_true(fabs(gp_mean(gp)[0] - gp_mean(gp)[1]) > 1e-3);
  /* By hand with two points: another category is as far as one length. A point far away has the whole variance. */
  static const double pair[2][2] = {{0, 0}, {1, 0}}, asked[2][2] = {{0.3, 1}, {1e6, 0}}, values[2] = {1, 2};
  double lengths[GP_MAX_DIMS];
  for (unsigned i = 0; i < GP_MAX_DIMS; i++) lengths[i] = i == 0 ? 0.6 : 1.7;
  gp_set_lengths(gp, lengths);
  assert_true(gp_fit(gp, pair[0], values, 2, true));
  gp_query(gp, asked[0], 2);
  const double away = 1 / (1.7 * 1.7), own = 1 + nugget, between = correlation(1, 0.6);
  const double a = correlation(sqrt(pow(0.3 / 0.6, 2) + away), 1), b = correlation(sqrt(pow(0.7 / 0.6, 2) + away), 1);
  const double share = 1 - (own * (a * a + b * b) - 2 * between * a * b) / (own * own - between * between);
  assert_true(fabs(gp_variance(gp)[0] / gp_variance(gp)[1] - share) < 1e-9);
  arena_release(&arena);
}

static void equal_points_do_no_harm(void **state) {
  (void)state;
  struct arena arena;
  struct gaussian_process *gp = new_process(D, NULL, &arena);
  double x[N * D], y[N];
  draw(6, x, y, N);
  for (unsigned i = 1; i < N; i++) memcpy(x + i * D, x + i % 3 * D, D * sizeof *x);
  assert_true(gp_fit(gp, x, y, 40, false));
  assert_true(gp_fit(gp, x, y, N, true));
  gp_query(gp, x, Q);
  for (unsigned q = 0; q < Q; q++) assert_true(isfinite(gp_mean(gp)[q]) && gp_variance(gp)[q] >= 0);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_kernel_is_matern),        cmocka_unit_test(three_points_by_hand),
      cmocka_unit_test(appending_is_fitting),        cmocka_unit_test(conditioning_is_one_point_more),
      cmocka_unit_test(lengths_follow_what_matters), cmocka_unit_test(categories_have_no_order),
      cmocka_unit_test(equal_points_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
