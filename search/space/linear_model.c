/* See linear_model.h. */
#include "search/space/linear_model.h"

#include "base/error.h"
#include "base/num.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

static const double ratios[] = {1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100}; /* the grid */

struct linear_model {
  size_t d, most_queries, n_queries;
  double *centre, *width; /* [d] of the features */
  double y_centre;
  double *gram, *factor, *inverse; /* [d][d]: XᵀX; scratch; (XᵀX + ratio·1)⁻¹ */
  double *moment, *weights;        /* [d]: Xᵀy; of the standardised features */
  double *plain;                   /* [d]: weights of the features as they came */
  double ratio, noise, constant;
  double *queries, *means, *leverages, *variances, *direction; /* leverage: xᵀ·inverse·x */
  double *row;                                                 /* [d]: scratch */
};

struct linear_model *linear_new(size_t n_features, size_t most_queries, struct arena *arena) {
  REQUIRE(n_features <= LINEAR_MAX_FEATURES);
  struct linear_model *model = ARENA_NEW(arena, struct linear_model, 1);
  const size_t d = n_features;
  *model = (struct linear_model){.d = d, .most_queries = most_queries};
  double **vectors[] = {&model->centre, &model->width, &model->moment,   &model->weights,
                        &model->plain,  &model->row,   &model->direction};
  for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) *vectors[v] = ARENA_NEW(arena, double, d);
  double **matrices[] = {&model->gram, &model->factor, &model->inverse};
  for (size_t m = 0; m < sizeof matrices / sizeof *matrices; m++) *matrices[m] = ARENA_NEW(arena, double, d *d);
  model->queries = ARENA_NEW(arena, double, most_queries *d);
  model->means = ARENA_NEW(arena, double, most_queries);
  model->leverages = ARENA_NEW(arena, double, most_queries);
  model->variances = ARENA_NEW(arena, double, most_queries);
  return model;
}

/* Mean 0 and deviation 1 over the points; a feature that does not vary says nothing. */
static void standardise(struct linear_model *model, const double *x, const double *y, size_t n) {
  const size_t d = model->d;
  model->y_centre = 0;
  for (size_t i = 0; i < n; i++) model->y_centre += y[i] / (double)n;
  for (size_t f = 0; f < d; f++) {
    double sum = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
      sum += x[i * d + f];
      largest = fmax(largest, fabs(x[i * d + f]));
    }
    model->centre[f] = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i * d + f] - model->centre[f]) * (x[i * d + f] - model->centre[f]);
    const double deviation = sqrt(squares / (double)n);
    model->width[f] = deviation > 1e-9 * largest ? deviation : 0;
  }
}

static void scale_row(const struct linear_model *model, const double *x, double *scaled) {
  for (size_t f = 0; f < model->d; f++) {
    scaled[f] = model->width[f] > 0 ? (x[f] - model->centre[f]) / model->width[f] : 0;
  }
}

/* Log evidence of a ratio, up to a constant, the noise at its best; leaves weights, noise and the factor behind. */
static double evidence(struct linear_model *model, double ratio, double y_squares, size_t n) {
  const size_t d = model->d;
  gsl_matrix_view factor = gsl_matrix_view_array(model->factor, d, d);
  gsl_vector_view weights = gsl_vector_view_array(model->weights, d);
  memcpy(model->factor, model->gram, d * d * sizeof *model->factor);
  memcpy(model->weights, model->moment, d * sizeof *model->weights);
  for (size_t f = 0; f < d; f++) model->factor[f * d + f] += ratio;
  if (gsl_linalg_cholesky_decomp1(&factor.matrix) != GSL_SUCCESS) return -(double)INFINITY;
  if (gsl_linalg_cholesky_svx(&factor.matrix, &weights.vector) != GSL_SUCCESS) return -(double)INFINITY;
  double explained = 0, log_determinant = 0;
  for (size_t f = 0; f < d; f++) {
    explained += model->weights[f] * model->moment[f];
    log_determinant += 2 * num_log(model->factor[f * d + f]);
  }
  /* Of n values around their mean; a noise of nothing would make every step beyond the data a certainty. */
  model->noise = fmax((y_squares - explained) / (double)n, 1e-9 * y_squares / (double)n);
  return -0.5 * ((double)n * num_log(fmax(model->noise, 1e-300)) + log_determinant - (double)d * num_log(ratio));
}

bool linear_fit(struct linear_model *model, const double *x, const double *y, size_t n) {
  const size_t d = model->d;
  REQUIRE(n > 0);
  if (d == 0) return false;
  standardise(model, x, y, n);
  memset(model->gram, 0, d * d * sizeof *model->gram);
  memset(model->moment, 0, d * sizeof *model->moment);
  gsl_matrix_view gram = gsl_matrix_view_array(model->gram, d, d);
  gsl_vector_view row = gsl_vector_view_array(model->row, d);
  double y_squares = 0;
  for (size_t i = 0; i < n; i++) {
    const double value = y[i] - model->y_centre;
    scale_row(model, x + i * d, model->row);
    gsl_blas_dsyr(CblasLower, 1, &row.vector, &gram.matrix);
    for (size_t f = 0; f < d; f++) model->moment[f] += model->row[f] * value;
    y_squares += value * value;
  }
  double best = -(double)INFINITY;
  model->ratio = 1;
  for (size_t r = 0; r < sizeof ratios / sizeof *ratios; r++) {
    const double reached = evidence(model, ratios[r], y_squares, n);
    if (reached > best) best = reached, model->ratio = ratios[r];
  }
  if (!isfinite(evidence(model, model->ratio, y_squares, n))) return false;
  memcpy(model->inverse, model->factor, d * d * sizeof *model->inverse);
  gsl_matrix_view inverse = gsl_matrix_view_array(model->inverse, d, d);
  if (gsl_linalg_cholesky_invert(&inverse.matrix) != GSL_SUCCESS) return false;
  model->constant = model->y_centre;
  for (size_t f = 0; f < d; f++) {
    model->plain[f] = model->width[f] > 0 ? model->weights[f] / model->width[f] : 0;
    model->constant -= model->plain[f] * model->centre[f];
  }
  return isfinite(model->constant);
}

/* --- queries --------------------------------------------------------------------------------------------------------
 */

static double dot(const double *a, const double *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* direction = inverse · x */
static void point_at(struct linear_model *model, const double *x) {
  for (size_t f = 0; f < model->d; f++) model->direction[f] = dot(model->inverse + f * model->d, x, model->d);
}

void linear_query(struct linear_model *model, const double *x, size_t n) {
  const size_t d = model->d;
  REQUIRE(n <= model->most_queries);
  model->n_queries = n;
  for (size_t i = 0; i < n; i++) {
    double *query = model->queries + i * d;
    scale_row(model, x + i * d, query);
    point_at(model, query);
    model->means[i] = model->y_centre + dot(model->weights, query, d);
    model->leverages[i] = dot(model->direction, query, d);
  }
}

const double *linear_mean(const struct linear_model *model) { return model->means; }

const double *linear_variance(const struct linear_model *model) {
  for (size_t i = 0; i < model->n_queries; i++) {
    model->variances[i] = model->noise * (1 + fmax(model->leverages[i], 0));
  }
  return model->variances;
}

void linear_condition(struct linear_model *model, size_t chosen, double y) {
  const size_t d = model->d;
  REQUIRE(chosen < model->n_queries);
  point_at(model, model->queries + chosen * d);
  const double pivot = 1 + fmax(model->leverages[chosen], 0), step = (y - model->means[chosen]) / pivot;
  for (size_t i = 0; i < model->n_queries; i++) {
    const double shared = dot(model->direction, model->queries + i * d, d);
    model->means[i] += shared * step;
    model->leverages[i] -= shared * shared / pivot;
  }
  for (size_t f = 0; f < d; f++) { /* Sherman and Morrison */
    for (size_t g = 0; g < d; g++) {
      model->inverse[f * d + g] -= model->direction[f] * model->direction[g] / pivot;
    }
  }
}

const double *linear_weights(const struct linear_model *model, double *constant) {
  *constant = model->constant;
  return model->plain;
}
double linear_ratio(const struct linear_model *model) { return model->ratio; }
double linear_noise(const struct linear_model *model) { return model->noise; }
