/* What can a function be that is a weighted sum of what an expert looks at? Bayesian linear regression with a
 * conjugate prior (Bishop 2006, "Pattern Recognition and Machine Learning", §3.3 and §3.5): weights of standardised
 * features are normal around 0, noise is what the sum leaves open.
 *
 * The ratio of the prior's precision to the noise's is the one of the largest evidence on a grid. Left out: the
 * uncertainty of the noise (a normal distribution stands for Student's). */
#ifndef SEARCH_SPACE_LINEAR_MODEL_H
#define SEARCH_SPACE_LINEAR_MODEL_H

#include "base/arena.h"
#include <stdbool.h>

enum { LINEAR_MAX_FEATURES = 160 };

struct linear_model;

/* Everything in the arena. */
struct linear_model *linear_new(size_t n_features, size_t most_queries, struct arena *arena);
/* Fits n points x[n][n_features] of values y, anew. False: the numbers do not allow it. */
bool linear_fit(struct linear_model *model, const double *x, const double *y, size_t n);
/* Mean and variance, the noise included, at n ≤ most_queries points, which condition() then keeps up to date. */
void linear_query(struct linear_model *model, const double *x, size_t n);
const double *linear_mean(const struct linear_model *model);
const double *linear_variance(const struct linear_model *model);
/* What if the function is `y` at query number `chosen`? */
void linear_condition(struct linear_model *model, size_t chosen, double y);

/* For tests: weights of the features as they came, the constant, prior precision over the noise's, noise variance. */
const double *linear_weights(const struct linear_model *model, double *constant);
double linear_ratio(const struct linear_model *model);
double linear_noise(const struct linear_model *model);

#endif
