/* Do estimated Sobol' indices agree with those that are known?
 *
 * Ishigami's function (a = 7, b = 0.1: Saltelli et al., Global Sensitivity Analysis, 2008, §4.3) and Sobol's g-function
 * (closed forms, Sobol' 2003; for a = (0, 1, 4.5, 9, 99, …) the published 0.716, 0.179, 0.024, 0.007 and totals 0.788,
 * 0.242, 0.034, 0.010: Saltelli et al. 2010, table 5) for independent inputs. For tied inputs every point of a
 * triangular grid is summed over exactly. */
#include "base/rng.h"
#include "search/space/sobol_indices.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 2385, MOST_INPUTS = 24 };
static const double pi = 3.141592653589793;

static struct arena arena;
static int set_up(void **state) {
  (void)state;
  arena_init(&arena, 1 << 20);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

static double ishigami(const double *u, size_t d) {
  (void)d;
  const double x = pi * (2 * u[0] - 1), y = pi * (2 * u[1] - 1), z = pi * (2 * u[2] - 1);
  return sin(x) + 7 * sin(y) * sin(y) + 0.1 * z * z * z * z * sin(x);
}

static double g_weights[MOST_INPUTS];
static double g_function(const double *u, size_t d) {
  double product = 1;
  for (size_t i = 0; i < d; i++) product *= (fabs(4 * u[i] - 2) + g_weights[i]) / (1 + g_weights[i]);
  return product;
}

static struct sobol_indices estimate(double (*f)(const double *, size_t), size_t n, size_t d) {
  struct sobol_sample sample;
  struct sobol_indices indices;
  const struct sobol_stream stream = {SEED, 7};
  double u[MOST_INPUTS];
  sobol_sample_make(&sample, n, d, stream, &arena);
  const size_t blocks = sobol_sample_blocks(&sample);
  assert_int_equal(blocks, d + 2);
  double *values = ARENA_NEW(&arena, double, n *blocks);
  for (size_t i = 0; i < n * blocks; i++) {
    sobol_sample_row(&sample, i % blocks, i / blocks, u);
    values[i] = f(u, d);
  }
  sobol_independent(values, n, d, stream, &arena, &indices);
  return indices;
}

static void expect(const char *what, size_t i, const struct sobol_estimate *estimate, double value, double within) {
  if (!(fabs(estimate->value - value) <= within)) {
    fail_msg("%s of input %zu: %g, known is %g", what, i, estimate->value, value);
  }
  if (!(estimate->low <= estimate->value + 0.02 && estimate->high >= estimate->value - 0.02 &&
        estimate->low < estimate->high + 1e-15)) {
    fail_msg("%s of input %zu: %g is outside %g to %g", what, i, estimate->value, estimate->low, estimate->high);
  }
  if (!(estimate->low - within <= value && value <= estimate->high + within)) {
    fail_msg("%s of input %zu: %g is far outside %g to %g", what, i, value, estimate->low, estimate->high);
  }
}

static void ishigamis(void **state) {
  (void)state;
  static const double first[] = {0.3139, 0.4424, 0}, total[] = {0.5576, 0.4424, 0.2437};
  const struct sobol_indices indices = estimate(ishigami, 8192, 3);
  assert_true(fabs(indices.mean - 3.5) < 0.02);
  assert_true(fabs(indices.variance - 13.8446) < 0.1); /* a²/8 + bπ⁴/5 + b²π⁸/18 + 1/2 */
  for (size_t i = 0; i < 3; i++) {
    expect("first order", i, &indices.first[i], first[i], 0.01);
    expect("total effect", i, &indices.total[i], total[i], 0.01);
  }
}

/* V_i = 1 / (3 (1 + a_i)²); V = Π (1 + V_j) − 1; S_i = V_i / V; T_i = V_i Π_{j≠i} (1 + V_j) / V. */
static void g_functions(size_t d, size_t n, double within) {
  double all = 1;
  for (size_t i = 0; i < d; i++) all *= 1 + 1 / (3 * (1 + g_weights[i]) * (1 + g_weights[i]));
  const struct sobol_indices indices = estimate(g_function, n, d);
  for (size_t i = 0; i < d; i++) {
    const double own = 1 / (3 * (1 + g_weights[i]) * (1 + g_weights[i]));
    expect("first order", i, &indices.first[i], own / (all - 1), within);
    expect("total effect", i, &indices.total[i], own * all / (1 + own) / (all - 1), within);
  }
}

static void published_g(void **state) {
  (void)state;
  static const double weights[] = {0, 1, 4.5, 9, 99, 99, 99, 99}, first[] = {0.716, 0.179, 0.024, 0.007},
                      total[] = {0.788, 0.242, 0.034, 0.010};
  memcpy(g_weights, weights, sizeof weights);
  g_functions(8, 4096, 0.02);
  const struct sobol_indices indices = estimate(g_function, 4096, 8);
  for (size_t i = 0; i < 4; i++) {
    expect("published first order", i, &indices.first[i], first[i], 0.02);
    expect("published total effect", i, &indices.total[i], total[i], 0.02);
  }
}

/* More inputs than one Sobol' sequence could take twice: groups, whose pairs must not be taken for one another. */
static void many_inputs(void **state) {
  (void)state;
  for (size_t i = 0; i < MOST_INPUTS; i++) g_weights[i] = i % 8 == 0 ? 1 : i % 8 == 3 ? 3 : 99;
  g_functions(MOST_INPUTS, 4096, 0.03);
}

/* The same bytes again; another stream, others. */
static void repeats(void **state) {
  (void)state;
  struct sobol_sample one, same, other;
  sobol_sample_make(&one, 71, 9, (struct sobol_stream){SEED, 1}, &arena);
  sobol_sample_make(&same, 71, 9, (struct sobol_stream){SEED, 1}, &arena);
  sobol_sample_make(&other, 71, 9, (struct sobol_stream){SEED, 2}, &arena);
  assert_memory_equal(one.a, same.a, 71 * 9 * sizeof *one.a);
  assert_memory_equal(one.b, same.b, 71 * 9 * sizeof *one.b);
  assert_memory_not_equal(one.a, other.a, 71 * 9 * sizeof *one.a);
  assert_memory_not_equal(one.a, one.b, 71 * 9 * sizeof *one.a);
  double u[9], mixed[9];
  sobol_sample_row(&one, 0, 37, u);
  sobol_sample_row(&one, 2 + 8, 37, mixed);
  for (size_t i = 0; i < 9; i++) {
    assert_true(u[i] >= 0 && u[i] < 1);
    assert_true(mixed[i] == (i == 8 ? one.b[37 * 9 + i] : u[i]));
  }
}

static double constant(const double *u, size_t d) {
  (void)u, (void)d;
  return 0.1; /* whose mean over many rows differs from it in the last bit */
}

static void nothing_moves(void **state) {
  (void)state;
  const struct sobol_indices indices = estimate(constant, 77, 3);
  assert_true(indices.variance == 0 && indices.mean == 0.1);
  for (size_t i = 0; i < 3; i++) {
    assert_true(isnan(indices.first[i].value) && isnan(indices.total[i].low) && isnan(indices.total[i].high));
  }
}

/* --- tied inputs ----------------------------------------------------------------------------------------------------
 */

enum { SIDE = 6, TIED = 2, ROWS = 8192 };

/* x + y ≤ SIDE − 1; the third of the corner is empty. */
static bool inside(int x, int y) { return x >= 0 && y >= 0 && x + y < SIDE; }
static double tied_function(int x, int y) { return 3 * x + y * y + 0.5 * x * y; }

/* E over the line on which one coordinate is fixed, and how much is left there. */
static void line(int fixed, bool along_x, double *mean, double *variance, int *n) {
  double sum = 0, squares = 0;
  *n = 0;
  for (int t = 0; t < SIDE; t++) {
    const int x = along_x ? t : fixed, y = along_x ? fixed : t;
    if (!inside(x, y)) continue;
    const double f = tied_function(x, y);
    sum += f, squares += f * f, ++*n;
  }
  *mean = sum / *n;
  *variance = squares / *n - *mean * *mean;
}

static void exact_indices(double *first, double *total) {
  double sum = 0, squares = 0, n = 0;
  for (int x = 0; x < SIDE; x++) {
    for (int y = 0; y < SIDE; y++) {
      if (!inside(x, y)) continue;
      sum += tied_function(x, y), squares += tied_function(x, y) * tied_function(x, y), n++;
    }
  }
  const double mean = sum / n, variance = squares / n - mean * mean;
  for (int input = 0; input < TIED; input++) {
    first[input] = total[input] = 0;
    for (int t = 0; t < SIDE; t++) {
      double line_mean, left;
      int on_line;
      line(t, input == 1, &line_mean, &left, &on_line); /* the input is fixed at t */
      first[input] += on_line * (line_mean - mean) * (line_mean - mean) / (n * variance);
      line(t, input == 0, &line_mean, &left, &on_line); /* all others are */
      total[input] += on_line * left / (n * variance);
    }
  }
}

static void tied(void **state) {
  (void)state;
  static double f[ROWS * (TIED + 1)];
  static uint16_t level[ROWS * TIED];
  const size_t n_levels[TIED] = {SIDE, SIDE};
  struct rng rng = rng_stream(SEED, RNG_TEST, 0, 0);
  for (size_t r = 0; r < ROWS; r++) {
    int x, y, again;
    do {
      x = (int)rng_below(&rng, SIDE), y = (int)rng_below(&rng, SIDE);
    } while (!inside(x, y));
    level[r * TIED] = (uint16_t)x, level[r * TIED + 1] = (uint16_t)y;
    f[r * (TIED + 1)] = tied_function(x, y);
    do again = (int)rng_below(&rng, SIDE);
    while (!inside(again, y));
    f[r * (TIED + 1) + 1] = tied_function(again, y);
    do again = (int)rng_below(&rng, SIDE);
    while (!inside(x, again));
    f[r * (TIED + 1) + 2] = tied_function(x, again);
  }
  struct sobol_indices indices;
  const struct sobol_tied input = {f, level, n_levels, ROWS, TIED};
  sobol_dependent(&input, (struct sobol_stream){SEED, 3}, &arena, &indices);
  double first[TIED], total[TIED];
  exact_indices(first, total);
  for (size_t i = 0; i < TIED; i++) {
    expect("tied first order", i, &indices.first[i], first[i], 0.02);
    expect("tied total effect", i, &indices.total[i], total[i], 0.02);
  }
  assert_true(fabs(first[0] + first[1] - 1) > 0.1); /* tied indeed */
}

/* What a useless input explains is nothing, though its many levels catch chance. */
static void chance_is_none(void **state) {
  (void)state;
  enum { N = 256, LEVELS = 64 };
  static double f[N * 2];
  static uint16_t level[N];
  const size_t n_levels = LEVELS;
  struct rng rng = rng_stream(SEED, RNG_TEST, 1, 0);
  for (size_t r = 0; r < N; r++) {
    f[2 * r] = f[2 * r + 1] = rng_unit(&rng);
    level[r] = (uint16_t)rng_below(&rng, LEVELS);
  }
  struct sobol_indices indices;
  const struct sobol_tied input = {f, level, &n_levels, N, 1};
  sobol_dependent(&input, (struct sobol_stream){SEED, 3}, &arena, &indices);
  assert_true(fabs(indices.first[0].value) < 0.12); /* the plain share would be a quarter */
  assert_true(indices.total[0].value == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ishigamis),     cmocka_unit_test(published_g),
                                     cmocka_unit_test(many_inputs),   cmocka_unit_test(repeats),
                                     cmocka_unit_test(nothing_moves), cmocka_unit_test(tied),
                                     cmocka_unit_test(chance_is_none)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
