/* Which constants fit measured runs best, and what are they worth on a group that was left out? See e2e.h.
 *
 * Source: workloads §12: the least Σ over groups of the mean ln² of predicted over measured + 0.02·Σ((θ −
 * prior)/range)² by simplex (GSL), from the priors and Halton points. A run's time is evaluated on a grid of the
 * constants once and taken between its points by products of linear terms in the reciprocals of efficiencies, in which
 * time is nearly linear (an operator takes its bytes over a bandwidth or its products over a rate); so leaving out
 * groups costs no evaluation. The constants found are evaluated in full by the caller. Left out: weights of rows. */
#include "dse/e2e/e2e.h"

#include "base/num.h"
#include "dse/calibrate/simplex.h"
#include <gsl/gsl_qrng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_STARTS = 6, MOST_LEVELS = 4 };
static const double straight_from = 0.1; /* ln of a ratio */
static const double penalty = 0.02, outside_price = 10;

const struct e2e_constant_info e2e_constants[N_E2E_CONSTANTS] = {
#define E2E_CONSTANT(id_, key_, unit_, prior_, low_, high_, shipped_, fitted_, doc_)                                   \
  [E2E_##id_] = {.key = key_,                                                                                          \
                 .unit = unit_,                                                                                        \
                 .doc = doc_,                                                                                          \
                 .prior = prior_,                                                                                      \
                 .low = low_,                                                                                          \
                 .high = high_,                                                                                        \
                 .shipped = shipped_,                                                                                  \
                 .fitted = fitted_},
#include "dse/e2e/e2e_constants.def"
#undef E2E_CONSTANT
};

/* --- the grid ---------------------------------------------------------------------------------------------------- */

/* Efficiencies divide; what is added or shared is itself. */
static bool divides(enum e2e_constant constant) { return e2e_constants[constant].low > 0; }

static double bent(enum e2e_constant constant, double value) { return divides(constant) ? 1 / value : value; }

static size_t levels_of(const struct e2e_grid *grid, size_t i) {
  return grid->n_fitted <= 3 || divides(grid->fitted[i]) ? MOST_LEVELS : 3;
}

/* Even in the bent value, between the bounds. */
static double level(const struct e2e_grid *grid, size_t i, size_t at) {
  const struct e2e_constant_info *const info = &e2e_constants[grid->fitted[i]];
  const double share = (double)at / (double)(levels_of(grid, i) - 1);
  const double low = bent(grid->fitted[i], info->low), high = bent(grid->fitted[i], info->high);
  const double value = low + share * (high - low);
  return divides(grid->fitted[i]) ? 1 / value : value;
}

void e2e_grid_make(const struct e2e_constants *base, const enum e2e_constant *fitted, size_t n_fitted,
                   struct e2e_grid *grid) {
  REQUIRE(n_fitted <= E2E_MAX_FITTED);
  *grid = (struct e2e_grid){.n_fitted = n_fitted, .base = *base};
  memcpy(grid->fitted, fitted, n_fitted * sizeof *fitted);
  size_t n = 1;
  for (size_t i = 0; i < n_fitted; i++) n *= levels_of(grid, i);
  REQUIRE(n < E2E_MAX_POINTS);
  grid->points[0] = *base;
  for (size_t i = 0; i < n_fitted; i++) grid->points[0].of[fitted[i]] = e2e_constants[fitted[i]].prior;
  grid->corner[0] = true;
  for (size_t p = 0; p < n; p++) {
    struct e2e_constants *const point = &grid->points[1 + p];
    size_t rest = p;
    *point = *base;
    grid->corner[1 + p] = true;
    for (size_t i = n_fitted; i-- > 0;) {
      const size_t at = rest % levels_of(grid, i);
      point->of[grid->fitted[i]] = level(grid, i, at);
      grid->corner[1 + p] = grid->corner[1 + p] && (at == 0 || at + 1 == levels_of(grid, i));
      rest /= levels_of(grid, i);
    }
  }
  grid->n_points = 1 + n;
}

double e2e_grid_s(const struct e2e_grid *grid, const double *predicted_s, const struct e2e_constants *constants) {
  size_t at[E2E_MAX_FITTED];
  double share[E2E_MAX_FITTED], seconds = 0;
  for (size_t i = 0; i < grid->n_fitted; i++) {
    const struct e2e_constant_info *const info = &e2e_constants[grid->fitted[i]];
    const double low = bent(grid->fitted[i], info->low), high = bent(grid->fitted[i], info->high);
    const double place =
        (bent(grid->fitted[i], constants->of[grid->fitted[i]]) - low) / (high - low) * (double)(levels_of(grid, i) - 1);
    const double below = fmin(fmax(floor(place), 0), (double)(levels_of(grid, i) - 2));
    at[i] = (size_t)below;
    share[i] = place - below;
  }
  for (size_t corner = 0; corner < (size_t)1 << grid->n_fitted; corner++) {
    double weight = 1;
    size_t point = 0;
    for (size_t i = 0; i < grid->n_fitted; i++) {
      const size_t up = corner >> i & 1;
      weight *= up == 1 ? share[i] : 1 - share[i];
      point = point * levels_of(grid, i) + at[i] + up;
    }
    if (weight != 0) seconds += weight * predicted_s[1 + point];
  }
  return seconds;
}

/* --- the fit ----------------------------------------------------------------------------------------------------- */

struct problem {
  const struct e2e_grid *grid;
  const struct e2e_fit_row *rows;
  size_t n_rows, n_groups, left_out;
};

/* The vector holds places between the bounds, 0 to 1; what lies outside counts as the bound, at a price. */
static double place(const struct problem *problem, const gsl_vector *at, struct e2e_constants *constants) {
  double price = 0;
  *constants = problem->grid->base;
  for (size_t i = 0; i < problem->grid->n_fitted; i++) {
    const enum e2e_constant constant = problem->grid->fitted[i];
    const struct e2e_constant_info *const info = &e2e_constants[constant];
    const double wanted = gsl_vector_get(at, i), inside = fmin(fmax(wanted, 0), 1), range = info->high - info->low;
    const double value = info->low + inside * range, moved = (value - info->prior) / range;
    price += outside_price * (wanted - inside) * (wanted - inside) + penalty * moved * moved;
    constants->of[constant] = value;
  }
  return price;
}

/* Half-squares near, straight lines far (Huber, Ann. Math. Statist. 35:73, 1964): runs of software that no constant
 * describes do not drag those of all others. */
static double robust(double off) {
  const double far = fabs(off);
  return far <= straight_from ? off * off : straight_from * (2 * far - straight_from);
}

static double price_of(const gsl_vector *at, void *of) {
  const struct problem *const problem = of;
  struct e2e_constants constants;
  double price = place(problem, at, &constants);
  for (size_t g = 0; g < problem->n_groups; g++) {
    double sum = 0, n = 0;
    for (size_t r = 0; r < problem->n_rows; r++) {
      const struct e2e_fit_row *const row = &problem->rows[r];
      if (row->group != g || g == problem->left_out) continue;
      const double off = num_log(e2e_grid_s(problem->grid, row->predicted_s, &constants) / row->measured_s);
      sum += robust(off);
      n++;
    }
    if (n > 0) price += sum / n;
  }
  return price;
}

/* From one start; returns the price and leaves the best place in `at`. */
static double descend(struct problem *problem, gsl_vector *at) {
  static const struct simplex_steps steps = {.first = 0.15, .last = 1e-5, .n_restarts = 2, .most_steps = 1500};
  gsl_multimin_function function = {price_of, problem->grid->n_fitted, problem};
  return simplex_descend(&function, &steps, at);
}

double e2e_fit(const struct e2e_grid *grid, const struct e2e_fit_row *rows, size_t n_rows, size_t n_groups,
               size_t left_out, struct e2e_constants *constants) {
  struct problem problem = {grid, rows, n_rows, n_groups, left_out};
  double best = INFINITY, share[E2E_MAX_FITTED];
  *constants = grid->base;
  if (grid->n_fitted == 0) return 0;
  gsl_vector *const at = gsl_vector_alloc(grid->n_fitted);
  gsl_qrng *const halton = gsl_qrng_alloc(gsl_qrng_halton, (unsigned)grid->n_fitted);
  REQUIRE(at != NULL && halton != NULL);
  for (int start = 0; start < N_STARTS; start++) {
    gsl_qrng_get(halton, share);
    for (size_t i = 0; i < grid->n_fitted; i++) {
      const struct e2e_constant_info *const info = &e2e_constants[grid->fitted[i]];
      gsl_vector_set(at, i, start == 0 ? (info->prior - info->low) / (info->high - info->low) : share[i]);
    }
    const double price = descend(&problem, at);
    if (!(price < best)) continue;
    best = price;
    place(&problem, at, constants);
  }
  gsl_qrng_free(halton);
  gsl_vector_free(at);
  for (size_t i = 0; i < grid->n_fitted; i++) /* what the file shows is what counts */
    constants->of[grid->fitted[i]] = calibrate_round(constants->of[grid->fitted[i]], 4);
  return best;
}

/* --- statistics -------------------------------------------------------------------------------------------------- */

static int compare_values(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double e2e_median(double *values, size_t n) {
  if (n == 0) return NAN;
  qsort(values, n, sizeof *values, compare_values);
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* 1 + how many are smaller, and half of those that are equal. */
static void rank(const double *values, size_t n, double *ranks) {
  for (size_t i = 0; i < n; i++) {
    ranks[i] = 0.5;
    for (size_t j = 0; j < n; j++) ranks[i] += values[j] < values[i] ? 1 : values[j] == values[i] ? 0.5 : 0;
  }
}

double e2e_rank_correlation(const double *x, const double *y, size_t n, struct arena *scratch) {
  if (n < 2) return NAN;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *const a = ARENA_NEW(scratch, double, n), *const b = ARENA_NEW(scratch, double, n);
  const double mean = ((double)n + 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  rank(x, n, a);
  rank(y, n, b);
  for (size_t i = 0; i < n; i++) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  arena_rewind(scratch, mark);
  return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}
