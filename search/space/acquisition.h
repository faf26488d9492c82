/* How much is a point worth trying, if a model says what it may be? Expected improvement (Jones, Schonlau, Welch 1998,
 * "Efficient Global Optimization of Expensive Black-Box Functions"), for maximisation.
 *
 * With num_exp and num_log throughout, so that every processor chooses the same points. */
#ifndef SEARCH_SPACE_ACQUISITION_H
#define SEARCH_SPACE_ACQUISITION_H

/* Of the standard normal distribution. */
double normal_density(double z);
double normal_below(double z);
/* Natural logarithm of E[max(X − best, 0)], X normal with this mean and standard deviation (≥ 0): far from the best the
 * expectation underflows, its logarithm still says which point is nearer. −INFINITY if it is 0. */
double log_expected_improvement(double mean, double deviation, double best);

#endif
