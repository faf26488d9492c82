/* See gaussian_process.h. */
#include "search/space/gaussian_process.h"

#include "base/error.h"
#include "base/num.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

/* Queries are solved side by side, so many at a time: what the processor adds at once is contiguous. */
enum { LANES = 8 };
/* Points that the likelihood is computed from: its price grows with their cube. */
enum { LIKELIHOOD_POINTS = 96 };

static const double least_length = 0.05, most_length = 20, first_length = 0.5; /* of scaled indices, 0 … 1 */

struct gaussian_process {
  struct gp_shape shape;
  double lengths[GP_MAX_DIMS], inverse_squares[GP_MAX_DIMS];
  size_t n, n_tuned;
  bool tuned;
  double *x;              /* [most_points][n_dims]: of the factor's rows, scaled */
  double *factor;         /* [most_points][most_points]: lower triangle L, L·Lᵀ = R */
  double *ones, *weights; /* L⁻¹·1; L⁻¹·(y − mean) */
  double mean, scale;     /* the kernel is scale · Matérn */
  size_t n_queries, n_rows;
  double *queries;           /* blocks of LANES queries, scaled: [block][n_dims][LANES] */
  double *solved;            /* blocks of LANES queries: [block][most_points][LANES], L⁻¹·k(x) */
  double *means, *variances; /* variances in units of the kernel's scale */
  double *chosen, *scaled;   /* [most_points]: the column of a chosen query; [most_queries]: variances that go out */
  double *trial;             /* [LIKELIHOOD_POINTS²] */
  double *squares;           /* [LIKELIHOOD_POINTS²][n_dims]: squared differences */
};

struct gaussian_process *gp_new(const struct gp_shape *shape, struct arena *arena) {
  struct gaussian_process *gp = ARENA_NEW(arena, struct gaussian_process, 1);
  REQUIRE(shape->n_dims <= GP_MAX_DIMS);
  const size_t n = shape->most_points, d = shape->n_dims;
  const size_t padded = (shape->most_queries + LANES - 1) / LANES * LANES;
  gp->shape = *shape;
  gp->x = ARENA_NEW(arena, double, n *d);
  gp->factor = ARENA_NEW(arena, double, n *n);
  gp->ones = ARENA_NEW(arena, double, n);
  gp->weights = ARENA_NEW(arena, double, n);
  gp->queries = ARENA_NEW(arena, double, padded *d);
  gp->solved = ARENA_NEW(arena, double, padded *n);
  gp->means = ARENA_NEW(arena, double, padded);
  gp->variances = ARENA_NEW(arena, double, padded);
  gp->scaled = ARENA_NEW(arena, double, padded);
  gp->chosen = ARENA_NEW(arena, double, n);
  gp->trial = ARENA_NEW(arena, double, (size_t)LIKELIHOOD_POINTS *LIKELIHOOD_POINTS);
  gp->squares = ARENA_NEW(arena, double, (size_t)LIKELIHOOD_POINTS *LIKELIHOOD_POINTS *d);
  double lengths[GP_MAX_DIMS];
  for (size_t i = 0; i < GP_MAX_DIMS; i++) lengths[i] = first_length;
  gp_set_lengths(gp, lengths);
  gp->tuned = false;
  return gp;
}

/* --- the kernel -----------------------------------------------------------------------------------------------------
 */

/* e^−r for r ≥ 0 to 12 digits, in plain arithmetic that compilers can do side by side: hundreds of thousands of values
 * a round, of which none decides anything by its last digits. */
static inline double fall(double r) {
  static const double ln_2 = 0.69314718055994530942, one_over_ln_2 = 1.4426950408889634074, most = 700;
  const double bounded = r < most ? r : most;
  const int64_t halvings = (int64_t)(bounded * one_over_ln_2 + 0.5);
  const double f = (double)halvings * ln_2 - bounded; /* |f| ≤ ln(2)/2 */
  static const double terms[] = {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
                                 1.0 / 120,      1.0 / 24,      1.0 / 6,      0.5,         1,          1};
  double sum = 0;
  for (unsigned k = 0; k < sizeof terms / sizeof *terms; k++) sum = sum * f + terms[k];
  const uint64_t bits = (uint64_t)(1023 - halvings) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return sum * scale;
}

double gp_matern52(double s) {
  const double r = sqrt(5 * s);
  return (1 + r + r * r / 3) * fall(r);
}

static bool is_category(const struct gaussian_process *gp, size_t dim) {
  return gp->shape.category != NULL && gp->shape.category[dim];
}

static double square_of(const struct gaussian_process *gp, size_t dim, double a, double b) {
  if (is_category(gp, dim)) return a == b ? 0 : 1;
  return (a - b) * (a - b);
}

/* Coordinates over their lengths; those of categories stay. */
static void scale_row(const struct gaussian_process *gp, const double *x, double *scaled, size_t stride) {
  for (size_t i = 0; i < gp->shape.n_dims; i++) scaled[i * stride] = is_category(gp, i) ? x[i] : x[i] / gp->lengths[i];
}

/* Between two scaled rows. */
static double kernel(const struct gaussian_process *gp, const double *a, const double *b) {
  double sum = 0;
  for (size_t i = 0; i < gp->shape.n_dims; i++) {
    sum += square_of(gp, i, a[i], b[i]) * (is_category(gp, i) ? gp->inverse_squares[i] : 1);
  }
  return gp_matern52(sum);
}

/* Between a scaled row and LANES scaled queries side by side, [dim][LANES]. */
static void kernels(const struct gaussian_process *gp, const double *x, const double *queries, double *values) {
  double sum[LANES] = {0};
  for (size_t i = 0; i < gp->shape.n_dims; i++) {
    const double *query = queries + i * LANES;
    if (is_category(gp, i)) {
      for (unsigned l = 0; l < LANES; l++) sum[l] += query[l] == x[i] ? 0 : gp->inverse_squares[i];
    } else {
      for (unsigned l = 0; l < LANES; l++) sum[l] += (query[l] - x[i]) * (query[l] - x[i]);
    }
  }
  for (unsigned l = 0; l < LANES; l++) values[l] = gp_matern52(sum[l]);
}

const double *gp_lengths(const struct gaussian_process *gp) { return gp->lengths; }

void gp_set_lengths(struct gaussian_process *gp, const double *lengths) {
  for (size_t i = 0; i < GP_MAX_DIMS; i++) {
    gp->lengths[i] = lengths[i];
    gp->inverse_squares[i] = 1 / (lengths[i] * lengths[i]);
  }
  gp->n = 0; /* the factor is of other lengths */
  gp->tuned = true;
}

/* --- length scales --------------------------------------------------------------------------------------------------
 */

struct sample { /* of the points, for the likelihood */
  const double *y[LIKELIHOOD_POINTS];
  size_t n;
};

/* The latest points and, evenly spread, some of the others. */
static void take_sample(struct gaussian_process *gp, const double *x, const double *y, size_t n,
                        struct sample *sample) {
  size_t rows[LIKELIHOOD_POINTS];
  const size_t d = gp->shape.n_dims;
  sample->n = n < LIKELIHOOD_POINTS ? n : LIKELIHOOD_POINTS;
  for (size_t i = 0; i < sample->n; i++) {
    rows[i] = i * n / sample->n;
    sample->y[i] = &y[rows[i]];
  }
  for (size_t i = 0; i < sample->n; i++) {
    for (size_t j = 0; j < i; j++) {
      double *squares = &gp->squares[(i * LIKELIHOOD_POINTS + j) * d];
      for (size_t k = 0; k < d; k++) squares[k] = square_of(gp, k, x[rows[i] * d + k], x[rows[j] * d + k]);
    }
  }
}

/* Log marginal likelihood, up to a constant: −½·(n·log σ² + log |R|), σ² = rᵀR⁻¹r/n, r = y − the mean of generalised
 * least squares. */
static double likelihood(struct gaussian_process *gp, const struct sample *sample) {
  const size_t n = sample->n, d = gp->shape.n_dims;
  gsl_matrix_view matrix = gsl_matrix_view_array_with_tda(gp->trial, n, n, LIKELIHOOD_POINTS);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      const double *squares = &gp->squares[(i * LIKELIHOOD_POINTS + j) * d];
      double sum = 0;
      for (size_t k = 0; k < d; k++) sum += squares[k] * gp->inverse_squares[k];
      gp->trial[i * LIKELIHOOD_POINTS + j] = gp_matern52(sum);
    }
    gp->trial[i * LIKELIHOOD_POINTS + i] = 1 + gp->shape.nugget;
  }
  if (gsl_linalg_cholesky_decomp1(&matrix.matrix) != GSL_SUCCESS) return -(double)INFINITY;
  double one[LIKELIHOOD_POINTS], value[LIKELIHOOD_POINTS];
  double one_one = 0, one_value = 0, log_determinant = 0;
  for (size_t i = 0; i < n; i++) {
    const double *row = &gp->trial[i * LIKELIHOOD_POINTS];
    one[i] = 1;
    value[i] = *sample->y[i];
    for (size_t j = 0; j < i; j++) {
      one[i] -= row[j] * one[j];
      value[i] -= row[j] * value[j];
    }
    one[i] /= row[i];
    value[i] /= row[i];
    one_one += one[i] * one[i];
    one_value += one[i] * value[i];
    log_determinant += 2 * num_log(row[i]);
  }
  const double mean = one_value / one_one;
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (value[i] - mean * one[i]) * (value[i] - mean * one[i]);
  return -0.5 * ((double)n * num_log(fmax(sum / (double)n, 1e-300)) + log_determinant);
}

double gp_log_likelihood(struct gaussian_process *gp, const double *x, const double *y, size_t n) {
  struct sample sample;
  take_sample(gp, x, y, n, &sample);
  return likelihood(gp, &sample);
}

/* Lengths all alike before each by itself, and each time a step that pays is taken again. A weak prior (log-normal,
 * one unit a factor of e³) keeps a length that the data say nothing of from running away. */
static double posterior(struct gaussian_process *gp, const struct sample *sample, const double *lengths) {
  double prior = 0;
  for (size_t i = 0; i < gp->shape.n_dims; i++) {
    const double step = num_log(lengths[i] / first_length) / 3;
    prior -= 0.5 * step * step;
  }
  gp_set_lengths(gp, lengths);
  return likelihood(gp, sample) + prior;
}

/* Tries to multiply the lengths first … end − 1, as long as it pays. */
static double climb(struct gaussian_process *gp, const struct sample *sample, const size_t range[2], double *lengths,
                    double reached) {
  static const double ratios[] = {2, 0.5};
  for (unsigned r = 0; r < sizeof ratios / sizeof *ratios; r++) {
    for (unsigned steps = 0; steps < 4; steps++) {
      double trial[GP_MAX_DIMS];
      memcpy(trial, lengths, sizeof trial);
      for (size_t i = range[0]; i < range[1]; i++) {
        trial[i] = fmin(fmax(trial[i] * ratios[r], least_length), most_length);
      }
      const double there = posterior(gp, sample, trial);
      if (!(there > reached)) break;
      reached = there;
      memcpy(lengths, trial, sizeof trial);
    }
  }
  return reached;
}

static void tune(struct gaussian_process *gp, const double *x, const double *y, size_t n) {
  const size_t d = gp->shape.n_dims;
  struct sample sample;
  double lengths[GP_MAX_DIMS];
  const bool first = !gp->tuned;
  memcpy(lengths, gp->lengths, sizeof lengths);
  take_sample(gp, x, y, n, &sample);
  double reached = posterior(gp, &sample, lengths);
  if (first) reached = climb(gp, &sample, (const size_t[2]){0, d}, lengths, reached);
  for (size_t i = 0; i < d; i++) reached = climb(gp, &sample, (const size_t[2]){i, i + 1}, lengths, reached);
  gp_set_lengths(gp, lengths);
  gp->n_tuned = n;
}

/* --- fitting --------------------------------------------------------------------------------------------------------
 */

/* One more row of the factor. */
static void append(struct gaussian_process *gp, const double *x) {
  const size_t n = gp->n, d = gp->shape.n_dims, stride = gp->shape.most_points;
  double *row = gp->factor + n * stride, square = 1 + gp->shape.nugget, one = 1;
  scale_row(gp, x, gp->x + n * d, 1);
  for (size_t i = 0; i < n; i++) {
    const double *above = gp->factor + i * stride;
    double value = kernel(gp, gp->x + i * d, gp->x + n * d);
    for (size_t j = 0; j < i; j++) value -= above[j] * row[j];
    row[i] = value / above[i];
    square -= row[i] * row[i];
    one -= row[i] * gp->ones[i];
  }
  row[n] = sqrt(fmax(square, 0.5 * gp->shape.nugget)); /* less would be rounding: points of a grid differ */
  gp->ones[n] = one / row[n];
  gp->n = n + 1;
}

/* All rows at once, by GSL; row after row where that finds rounding in the way. */
static void factorise(struct gaussian_process *gp, const double *x, size_t n) {
  const size_t d = gp->shape.n_dims, stride = gp->shape.most_points;
  for (size_t i = 0; i < n; i++) scale_row(gp, x + i * d, gp->x + i * d, 1);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) gp->factor[i * stride + j] = kernel(gp, gp->x + i * d, gp->x + j * d);
    gp->factor[i * stride + i] = 1 + gp->shape.nugget;
  }
  gsl_matrix_view matrix = gsl_matrix_view_array_with_tda(gp->factor, n, n, stride);
  gp->n = 0;
  if (gsl_linalg_cholesky_decomp1(&matrix.matrix) != GSL_SUCCESS) {
    for (size_t i = 0; i < n; i++) append(gp, x + i * d);
    return;
  }
  for (size_t i = 0; i < n; i++) {
    double one = 1;
    for (size_t j = 0; j < i; j++) one -= gp->factor[i * stride + j] * gp->ones[j];
    gp->ones[i] = one / gp->factor[i * stride + i];
  }
  gp->n = n;
}

bool gp_fit(struct gaussian_process *gp, const double *x, const double *y, size_t n, bool appended) {
  REQUIRE(n <= gp->shape.most_points && n > 0);
  const size_t stride = gp->shape.most_points, d = gp->shape.n_dims;
  if (!appended || !gp->tuned || 4 * n >= 5 * gp->n_tuned) tune(gp, x, y, n);
  if (gp->n == 0 || !appended || gp->n > n) {
    factorise(gp, x, n);
  } else {
    while (gp->n < n) append(gp, x + gp->n * d);
  }
  double one_one = 0, one_value = 0, sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double *row = gp->factor + i * stride;
    double value = y[i];
    for (size_t j = 0; j < i; j++) value -= row[j] * gp->weights[j];
    gp->weights[i] = value / row[i];
    one_one += gp->ones[i] * gp->ones[i];
    one_value += gp->ones[i] * gp->weights[i];
  }
  gp->mean = one_value / one_one;
  for (size_t i = 0; i < n; i++) {
    gp->weights[i] -= gp->mean * gp->ones[i];
    sum += gp->weights[i] * gp->weights[i];
  }
  gp->scale = sum / (double)n;
  return isfinite(gp->mean) && isfinite(gp->scale);
}

/* --- queries --------------------------------------------------------------------------------------------------------
 */

/* Two queries in one register of any 64-bit processor; compilers that are left alone with loops over LANES keep the
 * sums in memory, at three times the price. */
typedef double pair __attribute__((vector_size(16)));
enum { PAIRS = LANES / 2 };

/* sum −= Σ_j row[j]·block[j], for LANES queries side by side. */
static void subtract_products(const double *row, const double *block, size_t n, double *sum) {
  pair s[PAIRS], v[PAIRS];
  memcpy(s, sum, sizeof s);
  pair s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
  for (size_t j = 0; j < n; j++) {
    const pair factor = {row[j], row[j]};
    memcpy(v, block + j * LANES, sizeof v);
    s0 -= factor * v[0];
    s1 -= factor * v[1];
    s2 -= factor * v[2];
    s3 -= factor * v[3];
  }
  s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3;
  memcpy(sum, s, sizeof s);
}

/* Solves L·v = k for LANES queries side by side. */
static void solve_block(const struct gaussian_process *gp, double *block, double *mean, double *variance) {
  for (size_t i = 0; i < gp->n; i++) {
    const double *row = gp->factor + i * gp->shape.most_points;
    double *value = block + i * LANES;
    subtract_products(row, block, i, value);
    for (unsigned l = 0; l < LANES; l++) {
      value[l] /= row[i];
      mean[l] += value[l] * gp->weights[i];
      variance[l] -= value[l] * value[l];
    }
  }
}

void gp_query(struct gaussian_process *gp, const double *x, size_t n) {
  const size_t d = gp->shape.n_dims, stride = gp->shape.most_points;
  REQUIRE(n <= gp->shape.most_queries);
  gp->n_queries = n;
  gp->n_rows = gp->n;
  for (size_t first = 0; first < n; first += LANES) {
    double *block = gp->solved + first * stride;
    for (unsigned l = 0; l < LANES; l++) { /* the last block repeats the last query */
      scale_row(gp, x + (first + l < n ? first + l : n - 1) * d, gp->queries + first * d + l, LANES);
      gp->means[first + l] = gp->mean;
      gp->variances[first + l] = 1;
    }
    for (size_t i = 0; i < gp->n; i++) kernels(gp, gp->x + i * d, gp->queries + first * d, block + i * LANES);
    solve_block(gp, block, gp->means + first, gp->variances + first);
  }
}

const double *gp_mean(const struct gaussian_process *gp) { return gp->means; }

const double *gp_variance(const struct gaussian_process *gp) {
  for (size_t i = 0; i < gp->n_queries; i++) gp->scaled[i] = gp->scale * fmax(gp->variances[i], 0);
  return gp->scaled;
}

void gp_condition(struct gaussian_process *gp, size_t chosen, double y) {
  const size_t d = gp->shape.n_dims, stride = gp->shape.most_points;
  REQUIRE(chosen < gp->n_queries && gp->n_rows < stride);
  const double *column = gp->solved + chosen / LANES * LANES * stride + chosen % LANES;
  const double pivot = sqrt(fmax(gp->variances[chosen], 0) + gp->shape.nugget);
  const double step = (y - gp->means[chosen]) / pivot;
  double query[GP_MAX_DIMS];
  for (size_t i = 0; i < d; i++) query[i] = gp->queries[(chosen / LANES * d + i) * LANES + chosen % LANES];
  for (size_t i = 0; i < gp->n_rows; i++) gp->chosen[i] = column[i * LANES];
  for (size_t first = 0; first < gp->n_queries; first += LANES) {
    double *block = gp->solved + first * stride, sum[LANES];
    kernels(gp, query, gp->queries + first * d, sum);
    subtract_products(gp->chosen, block, gp->n_rows, sum);
    for (unsigned l = 0; l < LANES; l++) {
      const double value = sum[l] / pivot;
      block[gp->n_rows * LANES + l] = value;
      gp->means[first + l] += value * step;
      gp->variances[first + l] -= value * value;
    }
  }
  gp->n_rows++;
}
