/* Do the one-shot rules find what the released scheduler's heuristics find?
 *
 * On the published instances of tests/data/tenancy. Values are makespans in cycles of the released program's
 * heuristics (maestro-project/magma, commit f25ef66, judged by its evaluator), and of a Python version of our readings
 * of Herald and AI-MT written from their description alone. The closed form may differ from the judge by its rounding
 * of bandwidths. */
#include "search/tenancy/tenancy_read.h"

#include "tests/tenancy_rounds.h"
#include "tests/two_arenas.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double tolerance = 1e-9;
enum { N_INSTANCES = 3, N_RULES = 11 };
static const char *const folders[N_INSTANCES] = {"s2_lang_i7_bw1", "s4_mix_i6_bw1", "s6_recom_i3_bw16"};

static const struct {
  const char *algorithm, *order, *rule;
  double makespan_cycles[N_INSTANCES];
} rules[N_RULES] = {
    {"list", "fcfs", "greedy", {4757185.879874948, 1069007.743182809, 33581460.83673768}},
    {"list", "fcfs", "rr", {122582285.93727885, 20829485.30534827, 76173606.88699904}},
    {"list", "fcfs", "heft", {1727509.2871207343, 994831.1649724523, 36358.04860229492}},
    {"list", "sjf", "greedy", {3464291.360664945, 1478431.0040039616, 33588278.41513353}},
    {"list", "sjf", "rr", {152609896.44735518, 29185151.880750187, 76207777.01366043}},
    {"list", "sjf", "heft", {1865571.216840278, 1043653.6409832281, 43751.3583984375}},
    {"list", "heft", "greedy", {4771737.300723389, 1068261.9139966827, 33581522.8169598}},
    {"list", "heft", "rr", {122591663.28216045, 20855014.309046112, 76174515.18189096}},
    {"list", "heft", "heft", {1734969.9785232681, 984944.6067694337, 36492.75270385742}},
    {"herald-like", NULL, NULL, {1727509.2871207343, 994831.1649724523, 36358.04860229492}},
    {"ai-mt-like", NULL, NULL, {113283097.5435355, 13139338.770064928, 67131200.86531825}},
};

static double found_by(const struct tenancy_problem *problem, size_t rule) {
  const struct tenancy_algorithm *algorithm = tenancy_find_algorithm(rules[rule].algorithm);
  assert_non_null(algorithm);
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  struct error error = {0};
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  const char *const keys[] = {"order", "rule"}, *const values[] = {rules[rule].order, rules[rule].rule};
  for (size_t k = 0; k < 2 && rules[rule].order != NULL; k++) {
    const struct field *field = config_find_field(algorithm->table, keys[k]);
    assert_true(config_set_field(field, settings, values[k], "", &arena, &error));
  }
  const struct rounds rounds = {
      .problem = problem, .algorithm = algorithm, .settings = settings, .total_samples = 1, .round_samples = 1};
  return tenancy_cycles(problem, rounds_run(&rounds, &arena).best_cost);
}

static void rules_find_what_was_published(void **state) {
  (void)state;
  unsigned n_bad = 0;
  for (size_t i = 0; i < N_INSTANCES; i++) {
    struct tenancy_problem problem;
    struct error error = {0};
    const char *folder = arena_printf(&arena, "tests/data/tenancy/%s", folders[i]);
    const bool fine = tenancy_read(folder, &arena, &problem, &error);
    if (!fine) print_message("%s", error.text);
    assert_true(fine);
    for (size_t r = 0; r < N_RULES; r++) {
      const double found = found_by(&problem, r), expected = rules[r].makespan_cycles[i];
      if (fabs(found / expected - 1) <= tolerance) continue;
      n_bad++;
      print_message("%s: %s %s %s: %.17g instead of %.17g\n", folders[i], rules[r].algorithm,
                    rules[r].order != NULL ? rules[r].order : "", rules[r].rule != NULL ? rules[r].rule : "", found,
                    expected);
    }
  }
  assert_int_equal(n_bad, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(rules_find_what_was_published, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
