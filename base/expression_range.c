/* What can an expression be over intervals? See expression.h.
 *
 * Intervals follow the textbook (Moore 1966), but with the ends rounded as the values themselves: x + y of doubles is a
 * monotone function of x and y also after rounding, so that the sum of the lower ends is below every sum. Left out:
 * what becomes narrower when a name stands twice. */
#include "base/expression_private.h"

#include "base/error.h"
#include <math.h>

static const struct interval never = {1, 0, true};

static bool is_empty(const struct interval *x) { return x->low > x->high; }
static bool can_be_true(const struct interval *x) { return !is_empty(x) && (x->low != 0 || x->high != 0); }
static bool can_be_false(const struct interval *x) { return x->low <= 0 && x->high >= 0; }

/* Values beyond the doubles are none. */
static struct interval between(double low, double high, bool can_fail) {
  if (low == (double)INFINITY || high == -(double)INFINITY) return never;
  return (struct interval){low, high, can_fail || isinf(low) || isinf(high)};
}

static struct interval truth_of(bool can_hold, bool can_break, bool can_fail) {
  return (struct interval){can_break ? 0 : 1, can_hold ? 1 : 0, can_fail};
}

/* An infinite end stands for values without limit, not for infinity: 0 times any of them is 0. */
static double product(double x, double y) { return x == 0 || y == 0 ? 0 : x * y; }
static double quotient(double x, double y) { return isinf(y) ? 0 : x / y; }

static struct interval of_corners(const double corner[4], bool can_fail) {
  double low = corner[0], high = corner[0];
  for (size_t i = 1; i < 4; i++) {
    low = fmin(low, corner[i]);
    high = fmax(high, corner[i]);
  }
  return between(low, high, can_fail);
}

static struct interval divided(const struct interval *x, const struct interval *y, bool can_fail) {
  if (y->low == 0 && y->high == 0) return never;
  if (y->low > 0 || y->high < 0) {
    return of_corners((const double[]){quotient(x->low, y->low), quotient(x->low, y->high), quotient(x->high, y->low),
                                       quotient(x->high, y->high)},
                      can_fail);
  }
  double low = -(double)INFINITY, high = (double)INFINITY;
  if (y->low == 0) { /* then y is positive or there is no value */
    if (x->low >= 0) low = quotient(x->low, y->high);
    if (x->high <= 0) high = quotient(x->high, y->high);
  }
  return between(low, high, true);
}

static struct interval remainder_of(const struct interval *x, const struct interval *y, bool can_fail) {
  if (y->low == 0 && y->high == 0) return never;
  const bool fails = can_fail || (y->low <= 0 && y->high >= 0);
  if (x->low == x->high && y->low == y->high) {
    const double value = fmod(x->low, y->low);
    return between(value, value, fails);
  }
  const double least = y->low > 0 ? y->low : y->high < 0 ? -y->high : 0, most = fmax(-y->low, y->high);
  if (x->low > -least && x->high < least) return between(x->low, x->high, fails);
  return between(x->low >= 0 ? 0 : fmax(x->low, -most), x->high <= 0 ? 0 : fmin(x->high, most), fails);
}

static struct interval compared(enum operation operation, const struct interval *x, const struct interval *y,
                                bool can_fail) {
  const bool meet = x->low <= y->high && y->low <= x->high;
  const bool one = x->low == x->high && y->low == y->high && x->low == y->low;
  switch (operation) {
  case LESS:
    return truth_of(x->low < y->high, x->high >= y->low, can_fail);
  case LESS_EQUAL:
    return truth_of(x->low <= y->high, x->high > y->low, can_fail);
  case GREATER:
    return truth_of(x->high > y->low, x->low <= y->high, can_fail);
  case GREATER_EQUAL:
    return truth_of(x->high >= y->low, x->low < y->high, can_fail);
  case EQUAL:
    return truth_of(meet, !one, can_fail);
  case NOT_EQUAL:
    return truth_of(!one, meet, can_fail);
  default:
    BUG("operation %d compares nothing", (int)operation);
  }
}

static struct interval both(const struct interval *x, const struct interval *y) {
  const bool fails = (x->can_fail && (can_be_true(y) || y->can_fail)) || (y->can_fail && can_be_true(x));
  return truth_of(can_be_true(x) && can_be_true(y), can_be_false(x) || can_be_false(y), fails);
}

static struct interval either(const struct interval *x, const struct interval *y) {
  const bool fails = (x->can_fail && (can_be_false(y) || y->can_fail)) || (y->can_fail && can_be_false(x));
  return truth_of(can_be_true(x) || can_be_true(y), can_be_false(x) && can_be_false(y), fails);
}

static struct interval range_of_two(enum operation operation, const struct interval *x, const struct interval *y) {
  const bool can_fail = x->can_fail || y->can_fail;
  if (operation == AND) return both(x, y);
  if (operation == OR) return either(x, y);
  if (is_empty(x) || is_empty(y)) return never;
  switch (operation) {
  case ADD:
    return between(x->low + y->low, x->high + y->high, can_fail);
  case SUBTRACT:
    return between(x->low - y->high, x->high - y->low, can_fail);
  case MULTIPLY:
    return of_corners((const double[]){product(x->low, y->low), product(x->low, y->high), product(x->high, y->low),
                                       product(x->high, y->high)},
                      can_fail);
  case DIVIDE:
    return divided(x, y, can_fail);
  case MODULO:
    return remainder_of(x, y, can_fail);
  case MIN:
    return between(fmin(x->low, y->low), fmin(x->high, y->high), can_fail);
  case MAX:
    return between(fmax(x->low, y->low), fmax(x->high, y->high), can_fail);
  default:
    return compared(operation, x, y, can_fail);
  }
}

static struct interval range_of_one(enum operation operation, const struct interval *x) {
  if (is_empty(x)) return never;
  switch (operation) {
  case NEGATE:
    return between(-x->high, -x->low, x->can_fail);
  case NOT:
    return truth_of(can_be_false(x), can_be_true(x), x->can_fail);
  case ABS:
    return between(x->low > 0 ? x->low : x->high < 0 ? -x->high : 0, fmax(-x->low, x->high), x->can_fail);
  case FLOOR:
    return between(floor(x->low), floor(x->high), x->can_fail);
  case CEIL:
    return between(ceil(x->low), ceil(x->high), x->can_fail);
  default:
    BUG("operation %d of one operand", (int)operation);
  }
}

struct interval expression_range(const struct expression *expression, const struct interval *values) {
  struct interval stack[EXPRESSION_MAX_DEPTH];
  stack[0] = never;
  size_t n = 0;
  for (size_t i = 0; i < expression->n_steps; i++) {
    const struct step *step = &expression->steps[i];
    const enum operation operation = step->operation;
    if (operation == PUSH_NUMBER) {
      stack[n++] = (struct interval){step->number, step->number, false};
    } else if (operation == PUSH_NAME) {
      stack[n++] = values[step->name];
    } else if (operation < ADD) {
      stack[n - 1] = range_of_one(operation, &stack[n - 1]);
    } else {
      n--;
      stack[n - 1] = range_of_two(operation, &stack[n - 1], &stack[n]);
    }
  }
  return stack[0];
}

enum interval_truth interval_truth(const struct interval *interval) {
  if (!can_be_true(interval)) return NEVER_TRUE;
  return can_be_false(interval) || interval->can_fail ? SOMETIMES_TRUE : ALWAYS_TRUE;
}
