/* Do dies cost what their published formula says?
 *
 * Values: cost-model §7 ("Check"): 814 mm² at 7 nm yields 0.36 and costs 410 dollars, at 5 nm 0.27 and 982. Carbon:
 * ACT's formula by hand. Harvesting: the closed form of the same law, an alternating sum that is exact for few spares.
 */
#include "arch/money.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct money_settings shipped(void) {
  struct money_settings settings;
  struct arena arena;
  arena_init(&arena, 4096);
  config_defaults(&money_fields, &arena, &settings);
  arena_release(&arena);
  return settings;
}

static void assert_near(double value, double expected, double relative) {
  if (!(fabs(value - expected) <= relative * fabs(expected))) fail_msg("%.12g, expected %.12g", value, expected);
}

/* A chip of that area, half of it 23 cores. */
static struct money money_at(const struct money_settings *settings, uint64_t nm, double mm2) {
  const struct accelerator accelerator = {
      .tc_count = 23, .vc_count = 23, .node_nm = nm, .hbm_stacks = 5, .hbm_gib_per_stack = 16};
  const struct area_breakdown area = {.tensor = 0.3 * mm2, .vector = 0.1 * mm2, .fill = 0.2 * mm2, .total = mm2};
  struct money money;
  struct error error = {0};
  assert_true(money_of(settings, &accelerator, &area, 0, &money, &error));
  return money;
}

/* By hand: a chiplet of 200 mm² with a stack of HBM covers 310 mm² at 0.1 $ each; of four one in 1 − 0.97^4 packages
 * is lost. A single die loses none. */
static void packages(void **state) {
  (void)state;
  struct money_settings settings = shipped();
  struct accelerator chiplet = {
      .tc_count = 4, .vc_count = 4, .node_nm = 7, .hbm_stacks = 1, .hbm_gib_per_stack = 16, .chiplets = 1};
  const struct area_breakdown area = {.tensor = 60, .vector = 40, .fill = 20, .total = 200};
  struct money one, four;
  struct error error = {0};
  assert_true(money_of(&settings, &chiplet, &area, 0, &one, &error));
  assert_true(one.package_usd == 0 && one.total_usd == one.die_usd + one.hbm_usd);
  settings.package_usd_per_mm2 = 0.1;
  settings.bond_yield = 0.97;
  assert_true(money_of(&settings, &chiplet, &area, 0, &one, &error));
  assert_near(one.total_usd, one.die_usd + 112 + 31, 1e-12);
  chiplet.chiplets = 4;
  assert_true(money_of(&settings, &chiplet, &area, 0, &four, &error));
  assert_near(four.total_usd, one.total_usd / (0.97 * 0.97 * 0.97 * 0.97), 1e-12);
  assert_near(four.package_usd, four.total_usd - four.die_usd - 112, 1e-12);
  const double before_usd = four.total_usd;
  settings.socket_usd = 500;
  assert_true(money_of(&settings, &chiplet, &area, 0, &four, &error));
  assert_near(four.total_usd, before_usd + 125, 1e-12);
}

static void published_dies(void **state) {
  (void)state;
  const struct money_settings settings = shipped();
  const struct money n7 = money_at(&settings, 7, 814), n5 = money_at(&settings, 5, 814);
  assert_near(n7.yield, 0.36, 0.005);
  assert_near(n7.die_usd, 410, 0.0015);
  assert_near(n5.yield, 0.27, 0.01);
  assert_near(n5.die_usd, 982, 0.001);
  assert_near(n7.hbm_usd, 5 * 16 * 7, 1e-12);
  assert_near(n7.total_usd, n7.die_usd + 560, 1e-12);
  assert_near(n7.dies_per_wafer, 63.48, 1e-3);
  assert_near(n7.die_carbon_kg, 8.14 * (2.15 * 0.583 + 0.35 + 0.5) / n7.yield, 1e-12);
  /* The other view of 7 nm that the same section quotes. */
  struct money_settings other = settings;
  other.wafer_usd = 10000;
  other.defects_per_mm2 = 0.001;
  other.clustering = 10;
  assert_near(money_at(&other, 7, 814).yield, pow(1.0814, -10), 1e-12);
  assert_near(money_at(&other, 7, 814).die_usd, 10000 / (63.48 * pow(1.0814, -10)), 1e-3);
}

/* What nobody has published is unknown, and never 0. */
static void unknown_nodes(void **state) {
  (void)state;
  struct money_settings settings = shipped();
  const uint64_t unpriced[] = {4, 3, 22, 2385};
  for (size_t i = 0; i < 4; i++) {
    const struct money money = money_at(&settings, unpriced[i], 814);
    assert_true(isnan(money.die_usd) && isnan(money.total_usd) && isnan(money.yield) && isnan(money.wafer_usd));
    assert_true(isnan(money.die_carbon_kg) && isnan(money.carbon_kg));
    assert_true(money.hbm_usd > 0 && money.dies_per_wafer > 0);
  }
  settings.wafer_usd = 16988;
  settings.defects_per_mm2 = 0.002;
  assert_near(money_at(&settings, 4, 814).die_usd, 982, 0.001);
  assert_true(isnan(money_at(&settings, 4, 814).carbon_kg));
  assert_true(money_at(&settings, 3, 814).carbon_kg > 0);
  settings.spare_cores = 2;
  settings.defects_per_mm2 = 0;
  assert_true(isnan(money_at(&settings, 4, 814).yield));
  /* 16, 14 and 12 nm are one line of the list. */
  settings = shipped();
  assert_near(money_at(&settings, 12, 600).die_usd, money_at(&settings, 16, 600).die_usd, 0);
  assert_near(money_at(&settings, 14, 600).die_usd, money_at(&settings, 16, 600).die_usd, 0);
  const struct money large = money_at(&settings, 7, 80000);
  assert_true(large.dies_per_wafer <= 0 && isnan(large.die_usd));
}

static double binomial(unsigned n, unsigned k) {
  double value = 1;
  for (unsigned i = 0; i < k; i++) value = value * (n - i) / (i + 1);
  return value;
}

/* E[e^(−λA)] = (1 + A·D0/α)^−α, and (1 − e^(−λa))^j multiplied out. */
static double closed_form(double area, double unit, unsigned n, unsigned spares, double defects, double alpha) {
  double sum = 0;
  for (unsigned j = 0; j <= spares; j++) {
    for (unsigned i = 0; i <= j; i++) {
      const double mm2 = area - unit * n + unit * (n - j + i);
      const double term = binomial(n, j) * binomial(j, i) * pow(1 + mm2 * defects / alpha, -alpha);
      sum += i % 2 ? -term : term;
    }
  }
  return sum;
}

static void harvesting(void **state) {
  (void)state;
  const double alphas[] = {0.3, 1, 3, 10, 200}, units[] = {0.5, 23.85};
  for (size_t a = 0; a < 5; a++) {
    for (size_t u = 0; u < 2; u++) {
      double before = money_yield(814, units[u], 31, 0, 0.0015, alphas[a]);
      assert_near(before, pow(1 + 814 * 0.0015 / alphas[a], -alphas[a]), 1e-12);
      for (unsigned spares = 1; spares <= 5; spares++) {
        const double yield = money_yield(814, units[u], 31, spares, 0.0015, alphas[a]);
        assert_near(yield, closed_form(814, units[u], 31, spares, 0.0015, alphas[a]), 1e-7);
        assert_true(yield > before);
        before = yield;
      }
    }
  }
  /* All cores but one may be bad: the rest of the die and at least one core must work. Few defects: all dies do. */
  const double one_left = money_yield(814, 26, 31, 30, 0.0015, 3);
  assert_true(one_left > 0.98 * pow(1 + (814 - 26 * 31) * 0.0015 / 3, -3) && one_left < 1);
  assert_near(money_yield(814, 26, 31, 3, 1e-12, 3), 1, 1e-8);
  /* Thousands of small cores at a density at which each has its chance. */
  const double many = money_yield(814, 0.19, 4096, 10, 0.0015, 3);
  assert_true(many > 0.93 && many < 1);
  assert_true(money_yield(80000, 19, 4096, 4000, 1, 3) < 1e-3);
}

static void spare_cores(void **state) {
  (void)state;
  struct money_settings settings = shipped();
  settings.spare_cores = 3;
  const struct money money = money_at(&settings, 7, 814);
  /* Cores are (0.3 + 0.1) of the 0.8 that is used. */
  assert_near(money.yield, money_yield(814, 814 * 0.5 / 23, 23, 3, 0.0015, 3), 1e-12);
  assert_true(money.yield > money.yield_without_spares);
  assert_near(money.yield_without_spares, 0.36, 0.005);
  settings.spare_cores = 23;
  const struct accelerator accelerator = {.tc_count = 46, .dies = 2, .node_nm = 7};
  const struct area_breakdown area = {.tensor = 300, .total = 800};
  struct money two;
  struct error error = {0};
  assert_false(money_of(&settings, &accelerator, &area, 0, &two, &error));
  assert_non_null(strstr(error.text, "money.spare_cores: 23 cores of a die may be bad, but it has only 23"));
  assert_int_equal(error.status, STATUS_INPUT);
  settings.spare_cores = 22;
  error = (struct error){0};
  assert_true(money_of(&settings, &accelerator, &area, 0, &two, &error));
  /* Two dies of half the area. */
  assert_near(two.die_mm2, 400, 1e-15);
  assert_near(two.total_usd, 2 * two.die_usd, 1e-12);
  assert_near(two.carbon_kg, 2 * two.die_carbon_kg, 1e-12);
}

/* No die that is no smaller costs less, with or without spares; without them it is the very price. */
static void the_least_price_is_one(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct money_settings settings;
  config_defaults(&money_fields, &arena, &settings);
  struct error *error = ARENA_NEW(&arena, struct error, 1);
  for (uint64_t spares = 0; spares < 3; spares++) {
    settings.spare_cores = spares;
    double before = 0;
    for (double mm2 = 23; mm2 < 2000; mm2 *= 1.3) {
      const struct accelerator accelerator = {.tc_count = 8, .vc_count = 8, .node_nm = 7};
      const struct area_breakdown area = {.total = mm2, .tensor = 0.5 * mm2, .vector = 0.1 * mm2};
      struct money money;
      assert_true(money_of(&settings, &accelerator, &area, 0.05 * mm2, &money, error));
      const double least = money_least_die_usd(&settings, 7, mm2);
      assert_true(least > before && (spares > 0 ? least < money.die_usd : least == money.die_usd));
      before = least;
    }
  }
  assert_true(isinf(money_least_die_usd(&settings, 7, 1e6)));
  assert_true(money_knows_node(&settings, 7) && money_knows_node(&settings, 28));
  assert_false(money_knows_node(&settings, 3) || money_knows_node(&settings, 4) || money_knows_node(&settings, 22));
  settings.wafer_usd = 17000;
  assert_false(money_knows_node(&settings, 22));
  settings.defects_per_mm2 = 0.001;
  assert_true(money_knows_node(&settings, 22));
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published_dies), cmocka_unit_test(packages),
                                     cmocka_unit_test(unknown_nodes),  cmocka_unit_test(harvesting),
                                     cmocka_unit_test(spare_cores),    cmocka_unit_test(the_least_price_is_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
