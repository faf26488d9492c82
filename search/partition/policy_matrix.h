/* Products of dense matrices to the same bit on every machine. (partition §8.)
 *
 * Every element is one sum in the order of its terms, whatever the blocks and the width of the processor's registers,
 * and nothing is contracted. GSL's CBLAS is the oracle of the test, and a setting. */
#ifndef SEARCH_PARTITION_POLICY_MATRIX_H
#define SEARCH_PARTITION_POLICY_MATRIX_H

#include "search/partition/policy_real.h"
#include <stdbool.h>
#include <stddef.h>

/* c = a b, or c += a b: element (i, t) of a is a[i * a_row + t * a_column], so that a transposed left side costs
 * nothing; b and c are stored by rows. */
struct policy_product {
  size_t rows, columns, terms;
  const real *a;
  size_t a_row, a_column;
  const real *b;
  size_t b_row;
  real *c;
  size_t c_row;
  bool add;
};
void policy_multiply(const struct policy_product *product);
/* The same by GSL's CBLAS, in its own order of terms. a_row or a_column must be 1. */
void policy_multiply_gsl(const struct policy_product *product);
/* to[columns × rows] = the transpose of from[rows × columns]. */
void policy_transpose(const real *from, size_t rows, size_t columns, real *to);

/* --- rows -----------------------------------------------------------------------------------------------------------
 */

/* to += factor × from. */
void policy_row_add(real *to, const real *from, real factor, size_t n);
/* In a fixed order of their own. */
real policy_row_sum(const real *row, size_t n);
real policy_row_dot(const real *a, const real *b, size_t n);

#endif
