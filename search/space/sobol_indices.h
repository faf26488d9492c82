/* Which inputs move a result, alone and together with others? Sobol' indices, with intervals.
 *
 * First order: Var(E(f | x_i)) / Var(f), what of the variance goes if x_i alone is fixed. Total effect: E(Var(f | all
 * but x_i)) / Var(f), what is left if all but x_i are fixed. (Sobol' 1993; Homma & Saltelli 1996.)
 *
 * Independent inputs: two matrices A and B of n rows, and for each input A with that column of B; first order after
 * Saltelli et al. 2010 (Computer Physics Communications 181, table 2 b) on centred values, total effect after Jansen
 * 1999 (f). n (d + 2) evaluations.
 * Inputs tied together by limits (points uniform over those that limits allow): first order from the means over each
 * value that an input takes, without the share that chance alone gives (epsilon squared, Kelley 1935); total effect
 * after Jansen, one input drawn anew among the values that limits allow beside the others (Kucherenko, Klymenko & Shah
 * 2017). n (d + 1) evaluations. Such indices need not add up, and a total effect may be below the first order: a tied
 * input tells about the others.
 *
 * Intervals are percentiles of a bootstrap over rows, less its bias. The sample is a shifted Sobol' sequence (GSL),
 * inputs in groups of 8, each group of A and B in up to 16 dimensions in a random order of its own (Latin supercube,
 * Owen 1998): GSL's has 40 dimensions, and d inputs want 2 d. Left out: second-order indices. */
#ifndef SEARCH_SPACE_SOBOL_INDICES_H
#define SEARCH_SPACE_SOBOL_INDICES_H

#include "base/arena.h"
#include <stdint.h>

/* What a stream of random numbers is for: the caller numbers its analyses. */
struct sobol_stream {
  uint64_t seed, number;
};

/* A, B: [n × d] in [0, 1), in the arena. */
struct sobol_sample {
  size_t n, d;
  const double *a, *b;
};
void sobol_sample_make(struct sobol_sample *sample, size_t n, size_t d, struct sobol_stream stream,
                       struct arena *arena);
/* Row `row` of block 0: A, 1: B, 2 + i: A with column i of B. */
void sobol_sample_row(const struct sobol_sample *sample, size_t block, size_t row, double *u);
size_t sobol_sample_blocks(const struct sobol_sample *sample); /* d + 2 */

struct sobol_estimate {
  double value, low, high; /* 2.5 and 97.5 % */
};
struct sobol_indices {
  double mean, variance;                /* of the result; variance 0: nothing moves it, and the indices are NaN */
  struct sobol_estimate *first, *total; /* [d], in the arena */
};

/* Of values f[row × (d + 2) + block]; n ≥ 2. */
void sobol_independent(const double *f, size_t n, size_t d, struct sobol_stream stream, struct arena *arena,
                       struct sobol_indices *indices);

/* Of values f[row × (d + 1)], and [row × (d + 1) + 1 + i] with input i drawn anew; level[row × d + i] < n_levels[i] is
 * the value that input i has in the row; n ≥ 2. */
struct sobol_tied {
  const double *f;
  const uint16_t *level;
  const size_t *n_levels;
  size_t n, d;
};
void sobol_dependent(const struct sobol_tied *tied, struct sobol_stream stream, struct arena *arena,
                     struct sobol_indices *indices);

#endif
