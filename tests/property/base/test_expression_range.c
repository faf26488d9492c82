/* Does a range hold every value that it promises to hold? Random expressions over random boxes: whatever comes out at a
 * point of the box must lie in the range of the box, and where nothing comes out the range must have said so. */
#include "base/expression.h"

#include "base/error.h"
#include "base/rng.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_NAMES = 5, N_CASES = 20000, N_POINTS = 40 };
static const char *const names[N_NAMES] = {"a", "b", "c", "d", "e"};

static const char *draw_text(struct rng *rng, unsigned depth, struct arena *arena) {
  static const char *const operations[] = {"+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "&&", "||", "*"};
  static const char *const functions[] = {"min", "max", "abs", "floor", "ceil"};
  static const char *const numbers[] = {"0", "1", "2", "0.3", "64", "7", "1e300", "1e-300", "83.648002893648"};
  const uint64_t kind = depth == 0 ? rng_below(rng, 3) : 3 + rng_below(rng, 8);
  if (kind == 0) return numbers[rng_below(rng, sizeof numbers / sizeof *numbers)];
  if (kind < 3) return names[rng_below(rng, N_NAMES)];
  const char *left = draw_text(rng, depth - 1, arena);
  if (kind == 3) return arena_printf(arena, "%s(%s)", rng_below(rng, 2) == 0 ? "-" : "!", left);
  const char *right = draw_text(rng, (unsigned)rng_below(rng, depth), arena);
  if (kind == 4) {
    const uint64_t f = rng_below(rng, 5);
    return f < 2 ? arena_printf(arena, "%s(%s, %s)", functions[f], left, right)
                 : arena_printf(arena, "%s(%s)", functions[f], left);
  }
  return arena_printf(arena, "(%s) %s (%s)", left, operations[rng_below(rng, sizeof operations / sizeof *operations)],
                      right);
}

/* Whole or not, of either sign, often with 0 in it or at its end, sometimes a point or without end. */
static struct interval draw_interval(struct rng *rng) {
  const double scale = rng_below(rng, 8) == 0 ? 1e200 : rng_below(rng, 4) == 0 ? 4096 : 8;
  double x = (rng_unit(rng) - 0.3) * scale, y = (rng_unit(rng) - 0.3) * scale;
  if (rng_below(rng, 2) == 0) {
    x = floor(x);
    y = floor(y);
  }
  if (rng_below(rng, 5) == 0) x = 0;
  if (rng_below(rng, 5) == 0) y = x;
  struct interval interval = {fmin(x, y), fmax(x, y), rng_below(rng, 16) == 0};
  if (rng_below(rng, 12) == 0) interval.high = (double)INFINITY;
  if (rng_below(rng, 24) == 0) interval.low = -(double)INFINITY;
  return interval;
}

/* An end, something between, or a whole number between; NaN where that may be. */
static double draw_value(struct rng *rng, const struct interval *interval) {
  const double low = fmax(interval->low, -1e306), high = fmin(interval->high, 1e306);
  if (interval->can_fail && rng_below(rng, 4) == 0) return (double)NAN;
  switch (rng_below(rng, 4)) {
  case 0:
    return low;
  case 1:
    return high;
  case 2:
    return fmin(fmax(floor(low + rng_unit(rng) * (high - low)), low), high);
  default:
    return fmin(fmax(low + rng_unit(rng) * fmin(high - low, 100), low), high);
  }
}

static void ranges_hold_every_value(void **state) {
  (void)state;
  uint64_t n_values = 0, n_without = 0, n_never = 0, n_always = 0, n_narrow = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 14);
    struct rng rng = rng_stream(seed, RNG_TEST, 21, task);
    char problem[EXPRESSION_PROBLEM_BYTES];
    const char *text = draw_text(&rng, 1 + (unsigned)rng_below(&rng, 4), &arena);
    const struct expression *expression = expression_parse(text, names, N_NAMES, &arena, problem);
    if (expression == NULL) fail_msg("%s: %s", text, problem);
    struct interval box[N_NAMES];
    for (size_t v = 0; v < N_NAMES; v++) box[v] = draw_interval(&rng);
    const struct interval range = expression_range(expression, box);
    const enum interval_truth truth = interval_truth(&range);
    n_never += truth == NEVER_TRUE;
    n_always += truth == ALWAYS_TRUE;
    n_narrow += isfinite(range.low) && isfinite(range.high) && range.low < range.high;
    for (size_t p = 0; p < N_POINTS; p++) {
      double values[N_NAMES];
      for (size_t v = 0; v < N_NAMES; v++) values[v] = draw_value(&rng, &box[v]);
      const double value = expression_value(expression, values);
      const bool is_held = isnan(value) ? range.can_fail : value >= range.low && value <= range.high;
      if (!is_held) {
        fail_msg("task %" PRIu64 ": %s at %.17g %.17g %.17g %.17g %.17g is %.17g, not in %.17g to %.17g%s", task, text,
                 values[0], values[1], values[2], values[3], values[4], value, range.low, range.high,
                 range.can_fail ? " or none" : "");
      }
      if (truth == ALWAYS_TRUE) assert_true(value != 0 && !isnan(value));
      if (truth == NEVER_TRUE) assert_true(value == 0 || isnan(value));
      n_values += !isnan(value);
      n_without += isnan(value);
    }
    arena_release(&arena);
  }
  print_message("%" PRIu64 " values, %" PRIu64 " times none; %" PRIu64 " always, %" PRIu64 " never, %" PRIu64
                " narrow ranges of %d\n",
                n_values, n_without, n_always, n_never, n_narrow, N_CASES);
  assert_true(n_values > 100000 && n_without > 10000 && n_never > 500 && n_always > 500 && n_narrow > 2000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_hold_every_value)};
  return cmocka_run_group_tests_name("base/expression_range", tests, NULL, NULL);
}
