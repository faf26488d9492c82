/* See simplex.h. */
#include "dse/calibrate/simplex.h"

#include "base/error.h"

double simplex_descend(gsl_multimin_function *function, const struct simplex_steps *steps, gsl_vector *at) {
  gsl_vector *const first = gsl_vector_alloc(function->n);
  gsl_multimin_fminimizer *const simplex =
      gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, function->n);
  REQUIRE(first != NULL && simplex != NULL);
  gsl_vector_set_all(first, steps->first);
  for (int restart = 0; restart < steps->n_restarts; restart++) {
    REQUIRE(gsl_multimin_fminimizer_set(simplex, function, at, first) == 0);
    for (int step = 0; step < steps->most_steps; step++)
      if (gsl_multimin_fminimizer_iterate(simplex) != 0 || gsl_multimin_fminimizer_size(simplex) < steps->last) break;
    gsl_vector_memcpy(at, gsl_multimin_fminimizer_x(simplex));
  }
  const double least = gsl_multimin_fminimizer_minimum(simplex);
  gsl_multimin_fminimizer_free(simplex);
  gsl_vector_free(first);
  return least;
}
