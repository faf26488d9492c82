/* What is "max(1, tc_rows*tc_cols/64)" for these rows and columns, and what can it be for all of a range of them?
 *
 * Numbers, names, + - * / %, comparisons, && || !, parentheses, min, max, abs, floor, ceil, with the precedence of C.
 * Read once, out of texts that may be hostile (bounded in length, depth and stack), then evaluated without allocation:
 * at a point, or over an interval for each name. Everything is computed in doubles; truth is 1 or 0, and whatever is
 * not 0 is true. A division by zero and what exceeds the doubles have no value (NaN); `false && x` and `true || x` have
 * one even if x has none. Left out: assignments, functions of one's own, texts. */
#ifndef BASE_EXPRESSION_H
#define BASE_EXPRESSION_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  EXPRESSION_MAX_BYTES = 1024,  /* of a text */
  EXPRESSION_MAX_DEPTH = 32,    /* of parentheses, signs and calls; operands that wait at a time */
  EXPRESSION_MAX_NAMES = 65535, /* that can be known */
  EXPRESSION_PROBLEM_BYTES = 256,
};

struct expression; /* const once parsed, in the arena */

/* Reads a text whose names are numbered by `names`. NULL, and why in `problem`, if it is none. */
const struct expression *expression_parse(const char *text, const char *const *names, size_t n_names,
                                          struct arena *arena, char problem[EXPRESSION_PROBLEM_BYTES]);
/* Does its value depend on this name? */
bool expression_uses(const struct expression *expression, size_t name);

/* The value where each name has the value values[its number]; NaN: it has none there. */
double expression_value(const struct expression *expression, const double *values);

/* Finite values from `low` to `high`, and perhaps none at all (`can_fail`). low > high: never any. */
struct interval {
  double low, high;
  bool can_fail;
};
/* Holds the value at every point whose names lie in these intervals (ends may be infinite), and can_fail if one of
 * these points has none. Sound for the very doubles that expression_value gives, since rounding keeps order; a name
 * that stands twice makes it wider than need be. */
struct interval expression_range(const struct expression *expression, const struct interval *values);

/* Is something of this interval, taken as a condition, true? No value is as good as false. */
enum interval_truth { NEVER_TRUE, SOMETIMES_TRUE, ALWAYS_TRUE };
enum interval_truth interval_truth(const struct interval *interval);

#endif
