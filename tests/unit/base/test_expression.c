/* Does an expression mean what C would make of it, and what does each mistake read like? */
#include "base/expression.h"

#include "base/error.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"tc_rows", "tc_cols", "vc_count", "area_mm2"};
enum { N_NAMES = sizeof names / sizeof *names };
static const double values[N_NAMES] = {23, 85, 0, 52.5};

static struct arena arena;

static int start(void **state) {
  (void)state;
  arena_init(&arena, 1 << 16);
  return 0;
}

static int finish(void **state) {
  (void)state;
  arena_release(&arena);
  return 0;
}

static const struct expression *parse(const char *text) {
  char problem[EXPRESSION_PROBLEM_BYTES];
  const struct expression *expression = expression_parse(text, names, N_NAMES, &arena, problem);
  if (expression == NULL) fail_msg("%s: %s", text, problem);
  return expression;
}

static void gives_what_c_gives(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } cases[] = {
      {"2385", 2385},
      {" .5 ", 0.5},
      {"2.5e-1", 0.25},
      {"1 + 2 * 3", 7},
      {"(1 + 2) * 3", 9},
      {"10 - 4 - 3", 3},
      {"96 / 4 / 3", 8},
      {"17 % 5", 2},
      {"-17 % 5", -2},
      {"2 * 17 % 5", 4},
      {"- 3 + 5", 2},
      {"--3", 3},
      {"7 - -2", 9},
      {"!0 + !7", 1},
      {"tc_rows*tc_cols/64", 23 * 85 / 64.0},
      {"max(1, tc_rows*tc_cols/64)", 23 * 85 / 64.0},
      {"max(1, vc_count)", 1},
      {"min(tc_rows, 7, tc_cols)", 7},
      {"min(tc_cols, 7 + 30, tc_rows)", 23},
      {"max(2, 3, 1)", 3},
      {"abs(tc_rows - tc_cols)", 62},
      {"floor(7.9) + ceil(7.1)", 15},
      {"floor(-7.5)", -8},
      {"1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2 && 2 == 2 && 1 != 2", 1},
      {"2 < 2 || 3 <= 2 || 2 > 2 || 1 >= 2 || 1 == 2 || 2 != 2", 0},
      {"1 || 0 && 0", 1},
      {"(1 || 0) && 0", 0},
      {"1 + 1 == 2", 1},
      {"(1 < 2) == (3 < 4)", 1},
      {"area_mm2 >= 52.5", 1},
      {"area_mm2 >= 83.6 || vc_count == 0", 1},
      {"5 && 0.25", 1},
      {"vc_count == 0 || tc_rows / vc_count > 2", 1}, /* whoever is right needs no other side */
      {"tc_rows / vc_count > 2 || vc_count == 0", 1},
      {"vc_count != 0 && tc_rows / vc_count > 2", 0},
      {"tc_rows / vc_count > 2 && 0", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct expression *expression = parse(cases[i].text);
    const double value = expression_value(expression, values);
    if (value != cases[i].value) fail_msg("%s: %.17g, not %.17g", cases[i].text, value, cases[i].value);
    /* At a point, an interval is the point. */
    struct interval at[N_NAMES];
    for (size_t v = 0; v < N_NAMES; v++) at[v] = (struct interval){values[v], values[v], false};
    const struct interval range = expression_range(expression, at);
    if (range.low != value || range.high != value || range.can_fail) {
      fail_msg("%s: %.17g to %.17g%s", cases[i].text, range.low, range.high, range.can_fail ? ", can fail" : "");
    }
  }
}

static void some_have_no_value(void **state) {
  (void)state;
  static const char *const texts[] = {
      "1 / vc_count", "1 % vc_count",  "1e300 * 1e300",         "-1e308 - 1e308",    "0 * (1 / 0)",    "!(1 / 0)",
      "1 / 0 > 2",    "max(1, 1 / 0)", "1 / vc_count > 2 || 0", "min(1/0, 2)",       "1 / 0 == 1 / 0", "1 && 1 / 0",
      "1 / 0 != 1",   "abs(1/0)",      "floor(1e308*10)",       "(1 / 0) / (1 / 0)",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const struct expression *expression = parse(texts[i]);
    if (!isnan(expression_value(expression, values))) fail_msg("%s has a value", texts[i]);
    struct interval at[N_NAMES];
    for (size_t v = 0; v < N_NAMES; v++) at[v] = (struct interval){values[v], values[v], false};
    if (!expression_range(expression, at).can_fail) fail_msg("%s: its range cannot fail", texts[i]);
  }
}

static void names_that_it_uses(void **state) {
  (void)state;
  const struct expression *expression = parse("tc_cols + 0 * area_mm2");
  assert_false(expression_uses(expression, 0));
  assert_true(expression_uses(expression, 1));
  assert_false(expression_uses(expression, 2));
  assert_true(expression_uses(expression, 3));
}

static void mistakes_are_named(void **state) {
  (void)state;
  static const struct {
    const char *text, *problem;
  } cases[] = {
      {"", "a number or a name is expected, found the end"},
      {"1 +", "a number or a name is expected, found the end"},
      {"1 2", "an operation is expected, found 2"},
      {"tc_row", "unknown name tc_row; did you mean tc_rows?"},
      {"zebra", "unknown name zebra"},
      {"(1 + 2", "')' is expected, found the end"},
      {"1 + 2)", "an operation is expected, found )"},
      {"max(1)", "',' is expected, found )"},
      {"abs(1, 2)", "')' is expected, found , 2)"},
      {"sqrt(2)", "no function sqrt; there are min, max, abs, floor and ceil"},
      {"tc_rows = 2", "an operation is expected, found = 2; write == to compare"},
      {"1 & 2", "an operation is expected, found & 2"},
      {"1 < 2 < 3", "comparisons do not chain; write a < b && b < c"},
      {"1 == 1 != 0", "comparisons do not chain"},
      {"1..2", "1..2 is no number"},
      {"0x10", "0x10 is no number"},
      {"1e999", "1e999 is no number"},
      {"12kib", "12kib is no number"},
      {"1e", "1e is no number"},
      {"* 2", "a number or a name is expected, found * 2"},
      {"\xff", "a number or a name is expected, found \\xFF"},
      {"a\x01", "unknown name a"},
  };
  char problem[EXPRESSION_PROBLEM_BYTES];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (expression_parse(cases[i].text, names, N_NAMES, &arena, problem) != NULL) fail_msg("%s passes", cases[i].text);
    if (strncmp(problem, cases[i].problem, strlen(cases[i].problem)) != 0) {
      fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, problem, cases[i].problem);
    }
  }
}

/* Exactly as deep, as long and as wide as is allowed; then one more. */
static const char *repeated(const char *before, size_t n, const char *middle, const char *behind) {
  char *text = arena_alloc(&arena, n * (strlen(before) + strlen(behind)) + strlen(middle) + 1, 1), *at = text;
  for (size_t i = 0; i < n; i++) at = stpcpy(at, before);
  at = stpcpy(at, middle);
  for (size_t i = 0; i < n; i++) at = stpcpy(at, behind);
  return text;
}

static void limits_hold(void **state) {
  (void)state;
  static const struct {
    const char *before, *middle, *behind, *problem;
  } cases[] = {
      {"(", "1", ")", "more than 32 deep"},    {"-", "1", "", "more than 32 deep"},
      {"1+(", "1", ")", "more than 32 deep"},  {"abs(", "1", ")", "more than 32 deep"},
      {"2<(1+(", "1", "))", "more than 32 d"}, {"min(1,", "1", ")", "more than 32 deep"},
  };
  char problem[EXPRESSION_PROBLEM_BYTES];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t n = 1;
    const char *text;
    do {
      text = repeated(cases[i].before, n++, cases[i].middle, cases[i].behind);
    } while (expression_parse(text, names, N_NAMES, &arena, problem) != NULL);
    if (strncmp(problem, cases[i].problem, strlen(cases[i].problem)) != 0) fail_msg("%s: %s", text, problem);
    assert_true(n > 8 && n < 40);
    const double value =
        expression_value(parse(repeated(cases[i].before, n - 2, cases[i].middle, cases[i].behind)), values);
    assert_true(isfinite(value));
  }
  const char *longest = repeated("1+", (EXPRESSION_MAX_BYTES - 2) / 2, "11", "");
  assert_int_equal(strlen(longest), EXPRESSION_MAX_BYTES);
  assert_true(expression_value(parse(longest), values) == (EXPRESSION_MAX_BYTES - 2) / 2 + 11);
  assert_null(expression_parse(repeated("1+", EXPRESSION_MAX_BYTES / 2, "1", ""), names, N_NAMES, &arena, problem));
  assert_string_equal(problem, "more than 1024 characters, which is the most");
}

/* Ranges by hand. */
static void ranges(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double low, high;
    bool can_fail;
  } cases[] = {
      /* tc_rows 4 … 64, tc_cols −3 … 5, vc_count 0 … 8, area_mm2 from 10 on */
      {"tc_rows + tc_cols", 1, 69, false},
      {"tc_rows - tc_cols", -1, 67, false},
      {"tc_rows * tc_cols", -192, 320, false},
      {"tc_cols * tc_cols", -15, 25, false}, /* a name that stands twice */
      {"tc_cols / tc_rows", -0.75, 1.25, false},
      {"tc_rows / vc_count", 0.5, (double)INFINITY, true},
      {"-tc_rows / vc_count", -(double)INFINITY, -0.5, true},
      {"1 / tc_cols", -(double)INFINITY, (double)INFINITY, true},
      {"1 / area_mm2", 0, 0.1, false},
      {"tc_rows % 7", 0, 7, false},
      {"tc_cols % 6", -3, 5, false},
      {"tc_cols % 4", -3, 4, false},
      {"min(tc_rows, 7)", 4, 7, false},
      {"max(tc_cols, 0)", 0, 5, false},
      {"abs(tc_cols)", 0, 5, false},
      {"abs(tc_cols - 6)", 1, 9, false},
      {"floor(tc_rows / 3)", 1, 21, false},
      {"tc_rows > tc_cols", 0, 1, false},
      {"tc_rows > -tc_cols", 1, 1, false},
      {"tc_cols > tc_rows + 2", 0, 0, false},
      {"tc_cols == 7", 0, 0, false},
      {"tc_cols != 7", 1, 1, false},
      {"area_mm2 >= 9 || vc_count == 1", 1, 1, false},
      {"area_mm2 >= 11 || vc_count == 9", 0, 1, false},
      {"area_mm2 < 10 && vc_count == 0", 0, 0, false},
      {"vc_count == 0 || tc_rows / vc_count > 2", 0, 1, true},
      {"!(tc_rows > 3)", 0, 0, false},
      {"area_mm2 * 0", 0, 0, false},
  };
  static const struct interval at[N_NAMES] = {
      {4, 64, false}, {-3, 5, false}, {0, 8, false}, {10, (double)INFINITY, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct interval range = expression_range(parse(cases[i].text), at);
    if (range.low != cases[i].low || range.high != cases[i].high || range.can_fail != cases[i].can_fail) {
      fail_msg("%s: %g to %g%s", cases[i].text, range.low, range.high, range.can_fail ? ", can fail" : "");
    }
  }
  const struct interval always_fails = expression_range(parse("1 / (vc_count * 0)"), at);
  assert_true(always_fails.low > always_fails.high && always_fails.can_fail);
}

static void truths(void **state) {
  (void)state;
  const struct interval zero = {0, 0, false}, both = {0, 1, false}, one = {1, 1, false}, perhaps = {1, 1, true},
                        none = {1, 0, true}, signs = {-2, 3, false}, below = {-2, -1, false};
  assert_int_equal(interval_truth(&zero), NEVER_TRUE);
  assert_int_equal(interval_truth(&both), SOMETIMES_TRUE);
  assert_int_equal(interval_truth(&one), ALWAYS_TRUE);
  assert_int_equal(interval_truth(&perhaps), SOMETIMES_TRUE);
  assert_int_equal(interval_truth(&none), NEVER_TRUE);
  assert_int_equal(interval_truth(&signs), SOMETIMES_TRUE);
  assert_int_equal(interval_truth(&below), ALWAYS_TRUE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_what_c_gives),
      cmocka_unit_test(some_have_no_value),
      cmocka_unit_test(names_that_it_uses),
      cmocka_unit_test(mistakes_are_named),
      cmocka_unit_test(limits_hold),
      cmocka_unit_test(ranges),
      cmocka_unit_test(truths),
  };
  return cmocka_run_group_tests_name("base/expression", tests, start, finish);
}
