/* Are the ranges of constants sane, and do draws keep to them?
 *
 * The triangular law is checked against what it must be: its ends, its top, the share of it that lies below. That every
 * row names keys that exist shows in tests/cli/evaluate.sh, where each draw uses them all. */
#include "base/num.h"
#include "dse/design/uncertainty.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct range {
  const char *name, *target, *keys;
  double low, high;
  const char *source;
} ranges[] = {
#define UNCERTAIN(name, target, keys, low, high, source) {#name, #target, keys, low, high, source},
#include "arch/uncertainty.def"
};
enum { N_RANGES = sizeof ranges / sizeof *ranges, N_POINTS = 2385 };

static bool is(const struct range *range, const char *target) { return strcmp(range->target, target) == 0; }

static void table(void **state) {
  (void)state;
  assert_int_equal(uncertainty_n_constants(), N_RANGES);
  for (size_t i = 0; i < N_RANGES; i++) {
    const struct range *range = &ranges[i];
    assert_string_equal(uncertainty_constant_name(i), range->name);
    double low, high;
    uncertainty_range(i, &low, &high);
    if (!(low > 0.1 && low < 1 && high > 1 && high < 10))
      fail_msg("%s: the default is not well inside %g to %g", range->name, range->low, range->high);
    if (!is(range, "TECHNOLOGY")) assert_true(low >= range->low && low <= range->low && high >= range->high);
    if (strlen(range->source) < 2) fail_msg("%s: no source", range->name);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(ranges[j].name, range->name);
    if (is(range, "TECHNOLOGY")) assert_non_null(config_find_field(&technology_fields, range->keys));
    if (is(range, "COST")) assert_non_null(config_find_field(&cost_fields, range->keys));
    char list[256];
    strcpy(list, range->keys);
    for (char *word = strtok(list, " "), *end; word != NULL; word = strtok(NULL, " ")) {
      if (!is(range, "LOGIC") && !is(range, "ENERGY")) continue;
      if (!technology_knows_node(strtoull(word, &end, 10))) fail_msg("%s: no such node: %s", range->name, word);
    }
  }
}

static void draws(void **state) {
  (void)state;
  double u[N_RANGES], factor[N_RANGES], twice[N_RANGES], none[N_RANGES], before[N_RANGES];
  double low[N_RANGES], high[N_RANGES];
  size_t below[N_RANGES] = {0};
  for (size_t i = 0; i < N_RANGES; i++) uncertainty_range(i, &low[i], &high[i]);
  for (size_t i = 0; i < N_RANGES; i++) before[i] = 0;
  for (unsigned p = 0; p < N_POINTS; p++) {
    for (size_t i = 0; i < N_RANGES; i++) u[i] = (p + 0.5) / N_POINTS;
    uncertainty_factors(u, 1, factor);
    uncertainty_factors(u, 2, twice);
    uncertainty_factors(u, 0, none);
    for (size_t i = 0; i < N_RANGES; i++) {
      assert_true(factor[i] >= low[i] && factor[i] <= high[i] && factor[i] > before[i]);
      assert_true(fabs(twice[i] / (factor[i] * factor[i]) - 1) < 1e-12);
      assert_true(!(none[i] > 1) && !(none[i] < 1));
      below[i] += factor[i] < 1;
      before[i] = factor[i];
    }
  }
  for (size_t i = 0; i < N_RANGES; i++) {
    const double a = num_log(low[i]), b = num_log(high[i]);
    assert_true(fabs((double)below[i] / N_POINTS - a / (a - b)) < 1.5 / N_POINTS);
    /* Half way to an end lies three quarters of that side. */
    u[i] = 1 - 0.25 * b / (b - a);
    uncertainty_factors(u, 1, factor);
    assert_true(fabs(num_log(factor[i]) - b / 2) < 1e-12);
    u[i] = 0.25 * -a / (b - a);
    uncertainty_factors(u, 1, factor);
    assert_true(fabs(num_log(factor[i]) - a / 2) < 1e-12);
    u[i] = 0;
    uncertainty_factors(u, 1, factor);
    assert_true(fabs(factor[i] - low[i]) < 1e-12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(draws)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
