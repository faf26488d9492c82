/* What can a function be that is known at some points and is as smooth as it looks? Gaussian process regression with a
 * constant mean and a Matérn-5/2 kernel with a length scale for each dimension (Rasmussen and Williams 2006, ch. 2, 4,
 * 5; the mean by generalised least squares, as in ordinary kriging).
 *
 * The scale of the kernel and the mean follow from the data in closed form. Length scales are those of the largest
 * marginal likelihood on a grid of ratios, by coordinate ascent with a fixed number of steps, so that every processor
 * finds the same. Left out: noise (evaluations have none) but for a small nugget on the diagonal; the uncertainty of
 * mean and scale. */
#ifndef SEARCH_SPACE_GAUSSIAN_PROCESS_H
#define SEARCH_SPACE_GAUSSIAN_PROCESS_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

enum { GP_MAX_DIMS = 32 };

struct gaussian_process;

struct gp_shape {
  size_t n_dims;        /* ≤ GP_MAX_DIMS */
  const bool *category; /* [n_dims] two values of such a dimension are equal or not, and never near; NULL: none is */
  size_t most_points;   /* ever fitted at once, conditioned ones included */
  size_t most_queries;
  double nugget; /* variance of the diagonal's excess, in units of the kernel's: 1e-6 */
};
/* Everything in the arena. */
struct gaussian_process *gp_new(const struct gp_shape *shape, struct arena *arena);

/* Fits n points x[n][n_dims], of values y. If `appended`, the rows fitted last time come first and are the same, which
 * saves most of the work. Length scales are looked for again whenever there are a quarter more points, or other ones.
 * False: the numbers do not allow it (never with finite y). */
bool gp_fit(struct gaussian_process *gp, const double *x, const double *y, size_t n, bool appended);
/* Mean and variance at n ≤ most_queries points, which condition() then keeps up to date. */
void gp_query(struct gaussian_process *gp, const double *x, size_t n);
const double *gp_mean(const struct gaussian_process *gp);
const double *gp_variance(const struct gaussian_process *gp);
/* What if the function is `y` at query number `chosen`? */
void gp_condition(struct gaussian_process *gp, size_t chosen, double y);

/* Length scales, and log marginal likelihood (the scale at its best) under them: for tests and reports. */
const double *gp_lengths(const struct gaussian_process *gp);
void gp_set_lengths(struct gaussian_process *gp, const double *lengths);
double gp_log_likelihood(struct gaussian_process *gp, const double *x, const double *y, size_t n);
/* The kernel's value at squared scaled distance s. */
double gp_matern52(double s);

#endif
