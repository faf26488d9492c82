/* See sobol_indices.h. */
#include "search/space/sobol_indices.h"

#include "base/rng.h"
#include <gsl/gsl_qrng.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

enum { GROUP = 8, N_RESAMPLES = 400, BOOTSTRAP_TASK = 1 << 20 };

/* --- the sample -----------------------------------------------------------------------------------------------------
 */

/* Columns first … first + width − 1 of both matrices. */
static void fill_group(const struct sobol_sample *sample, double *a, double *b, size_t first,
                       struct sobol_stream stream, struct arena *arena) {
  const size_t n = sample->n, d = sample->d, width = d - first < GROUP ? d - first : GROUP;
  const struct arena_mark mark = arena_get_mark(arena);
  size_t *order = ARENA_NEW(arena, size_t, n);
  struct rng rng = rng_stream(stream.seed, RNG_SENSITIVITY, stream.number, first);
  double shift[2 * GROUP], point[2 * GROUP];
  for (size_t i = 0; i < 2 * width; i++) shift[i] = rng_unit(&rng);
  for (size_t r = 0; r < n; r++) { /* a random order, by insertion (Fisher & Yates) */
    const size_t at = rng_below(&rng, r + 1);
    order[r] = order[at];
    order[at] = r;
  }
  gsl_qrng *sequence = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)(2 * width));
  if (sequence == NULL) arena_on_exhaustion(0);
  for (size_t r = 0; r < n; r++) {
    gsl_qrng_get(sequence, point);
    for (size_t i = 0; i < 2 * width; i++) {
      const double moved = point[i] + shift[i];
      double *matrix = i < width ? a : b;
      matrix[order[r] * d + first + i % width] = moved < 1 ? moved : moved - 1;
    }
  }
  gsl_qrng_free(sequence);
  arena_rewind(arena, mark);
}

void sobol_sample_make(struct sobol_sample *sample, size_t n, size_t d, struct sobol_stream stream,
                       struct arena *arena) {
  double *a = ARENA_NEW(arena, double, n *d), *b = ARENA_NEW(arena, double, n *d);
  *sample = (struct sobol_sample){n, d, a, b};
  for (size_t first = 0; first < d; first += GROUP) fill_group(sample, a, b, first, stream, arena);
}

void sobol_sample_row(const struct sobol_sample *sample, size_t block, size_t row, double *u) {
  const double *from = (block == 1 ? sample->b : sample->a) + row * sample->d;
  memcpy(u, from, sample->d * sizeof *u);
  if (block >= 2) u[block - 2] = sample->b[row * sample->d + block - 2];
}

size_t sobol_sample_blocks(const struct sobol_sample *sample) { return sample->d + 2; }

/* --- from values to indices -----------------------------------------------------------------------------------------
 */

/* One input's two indices over the rows listed (with repeats, for the bootstrap). */
struct pair {
  double first, total;
};

/* What both kinds of analysis have: `pairs` computes all inputs' indices from rows, *mean and *variance too. */
struct analysis {
  size_t n, d, n_values;
  void (*pairs)(const struct analysis *analysis, const size_t *rows, struct pair *pairs, double *mean,
                double *variance);
  const double *f;
  const struct sobol_tied *tied;
  double *sums, *counts; /* tied: scratch, a place per level */
};

static void independent_pairs(const struct analysis *analysis, const size_t *rows, struct pair *pairs, double *mean,
                              double *variance) {
  const size_t n = analysis->n, d = analysis->d, blocks = d + 2;
  double sum = 0, squares = 0;
  for (size_t r = 0; r < n; r++) sum += analysis->f[rows[r] * blocks] + analysis->f[rows[r] * blocks + 1];
  *mean = sum / (double)(2 * n);
  memset(pairs, 0, d * sizeof *pairs);
  for (size_t r = 0; r < n; r++) {
    const double *f = analysis->f + rows[r] * blocks;
    const double a = f[0] - *mean, b = f[1] - *mean;
    squares += a * a + b * b;
    for (size_t i = 0; i < d; i++) {
      const double mixed = f[2 + i] - *mean;
      pairs[i].first += b * (mixed - a);
      pairs[i].total += (a - mixed) * (a - mixed);
    }
  }
  *variance = squares / (double)(2 * n - 1);
  for (size_t i = 0; i < d; i++) {
    pairs[i].first /= (double)n * *variance;
    pairs[i].total /= 2 * (double)n * *variance;
  }
}

/* Epsilon squared: (between − (levels − 1) · mean square within) / all. */
static double share_between(const struct analysis *analysis, const size_t *rows, size_t input, double mean,
                            double all) {
  const struct sobol_tied *tied = analysis->tied;
  const size_t n = analysis->n, d = analysis->d, n_levels = tied->n_levels[input];
  double between = 0;
  size_t met = 0;
  memset(analysis->sums, 0, n_levels * sizeof *analysis->sums);
  memset(analysis->counts, 0, n_levels * sizeof *analysis->counts);
  for (size_t r = 0; r < n; r++) {
    const size_t level = tied->level[rows[r] * d + input];
    analysis->sums[level] += tied->f[rows[r] * (d + 1)] - mean;
    analysis->counts[level] += 1;
  }
  for (size_t l = 0; l < n_levels; l++) {
    if (!(analysis->counts[l] > 0)) continue;
    met++;
    between += analysis->sums[l] * analysis->sums[l] / analysis->counts[l];
  }
  if (met >= n) return NAN; /* nothing is left to tell chance by */
  const double within = (all - between) / (double)(n - met);
  return (between - (double)(met - 1) * within) / all;
}

static void dependent_pairs(const struct analysis *analysis, const size_t *rows, struct pair *pairs, double *mean,
                            double *variance) {
  const size_t n = analysis->n, d = analysis->d;
  double sum = 0, squares = 0;
  for (size_t r = 0; r < n; r++) sum += analysis->f[rows[r] * (d + 1)];
  *mean = sum / (double)n;
  memset(pairs, 0, d * sizeof *pairs);
  for (size_t r = 0; r < n; r++) {
    const double *f = analysis->f + rows[r] * (d + 1);
    squares += (f[0] - *mean) * (f[0] - *mean);
    for (size_t i = 0; i < d; i++) pairs[i].total += (f[0] - f[1 + i]) * (f[0] - f[1 + i]);
  }
  *variance = squares / (double)(n - 1);
  for (size_t i = 0; i < d; i++) {
    pairs[i].first = share_between(analysis, rows, i, *mean, squares);
    pairs[i].total /= 2 * (double)n * *variance;
  }
}

static struct sobol_estimate estimate_of(double value, double *resampled) {
  struct sobol_estimate estimate = {value, NAN, NAN};
  size_t n = 0;
  for (size_t k = 0; k < N_RESAMPLES; k++) {
    if (isfinite(resampled[k])) resampled[n++] = resampled[k];
  }
  if (!isfinite(value)) estimate.value = NAN;
  if (n == 0 || !isfinite(value)) return estimate;
  gsl_sort(resampled, 1, n);
  /* Rows drawn twice look alike, which the first order of tied inputs takes for an effect: off with the bias. */
  const double bias = gsl_stats_mean(resampled, 1, n) - value;
  estimate.low = gsl_stats_quantile_from_sorted_data(resampled, 1, n, 0.025) - bias;
  estimate.high = gsl_stats_quantile_from_sorted_data(resampled, 1, n, 0.975) - bias;
  return estimate;
}

static void estimate(const struct analysis *analysis, struct sobol_stream stream, struct arena *arena,
                     struct sobol_indices *indices) {
  const size_t n = analysis->n, d = analysis->d;
  indices->first = ARENA_NEW(arena, struct sobol_estimate, d);
  indices->total = ARENA_NEW(arena, struct sobol_estimate, d);
  double least, most;
  gsl_stats_minmax(&least, &most, analysis->f, 1, analysis->n_values);
  if (!(most > least)) { /* by comparison: a mean may differ from equal values in its last bit */
    *indices = (struct sobol_indices){least, isfinite(least) ? 0 : (double)NAN, indices->first, indices->total};
    for (size_t i = 0; i < d; i++) indices->first[i] = indices->total[i] = (struct sobol_estimate){NAN, NAN, NAN};
    return;
  }
  const struct arena_mark mark = arena_get_mark(arena);
  size_t *rows = ARENA_NEW(arena, size_t, n);
  struct pair *exact = ARENA_NEW(arena, struct pair, d), *pairs = ARENA_NEW(arena, struct pair, d);
  double *resampled = ARENA_NEW(arena, double, 2 * d * N_RESAMPLES), mean, variance;
  for (size_t r = 0; r < n; r++) rows[r] = r;
  analysis->pairs(analysis, rows, exact, &indices->mean, &indices->variance);
  for (size_t k = 0; k < N_RESAMPLES; k++) {
    struct rng rng = rng_stream(stream.seed, RNG_SENSITIVITY, stream.number, BOOTSTRAP_TASK + k);
    for (size_t r = 0; r < n; r++) rows[r] = rng_below(&rng, n);
    analysis->pairs(analysis, rows, pairs, &mean, &variance);
    for (size_t i = 0; i < d; i++) {
      resampled[2 * i * N_RESAMPLES + k] = pairs[i].first;
      resampled[(2 * i + 1) * N_RESAMPLES + k] = pairs[i].total;
    }
  }
  for (size_t i = 0; i < d; i++) {
    indices->first[i] = estimate_of(exact[i].first, resampled + 2 * i * N_RESAMPLES);
    indices->total[i] = estimate_of(exact[i].total, resampled + (2 * i + 1) * N_RESAMPLES);
  }
  arena_rewind(arena, mark);
}

void sobol_independent(const double *f, size_t n, size_t d, struct sobol_stream stream, struct arena *arena,
                       struct sobol_indices *indices) {
  const struct analysis analysis = {.n = n, .d = d, .n_values = n * (d + 2), .pairs = independent_pairs, .f = f};
  estimate(&analysis, stream, arena, indices);
}

void sobol_dependent(const struct sobol_tied *tied, struct sobol_stream stream, struct arena *arena,
                     struct sobol_indices *indices) {
  size_t most = 1;
  for (size_t i = 0; i < tied->d; i++) most = tied->n_levels[i] > most ? tied->n_levels[i] : most;
  const struct analysis analysis = {.n = tied->n,
                                    .d = tied->d,
                                    .n_values = tied->n * (tied->d + 1),
                                    .f = tied->f,
                                    .pairs = dependent_pairs,
                                    .tied = tied,
                                    .sums = ARENA_NEW(arena, double, most),
                                    .counts = ARENA_NEW(arena, double, most)};
  estimate(&analysis, stream, arena, indices);
}
