/* From one start down to the nearest least value, without derivatives: Nelder and Mead's simplex (GSL's nmsimplex2),
 * begun again where it ended, since a simplex may collapse on the way. Deterministic. */
#ifndef DSE_SIMPLEX_H
#define DSE_SIMPLEX_H

#include <gsl/gsl_multimin.h>

struct simplex_steps {
  double first, last; /* sizes of a simplex: to begin with, to end with */
  int n_restarts, most_steps;
};
/* Returns the least value found and leaves its place in `at`, which holds the start. */
double simplex_descend(gsl_multimin_function *function, const struct simplex_steps *steps, gsl_vector *at);

#endif
