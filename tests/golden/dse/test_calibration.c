/* Do the fits of `dse calibrate chips` give what is expected of them?
 *
 * Values: the table "How good it is" of cost-model §6 and the averages under it (§8 asks for half a point), which come
 * from another program with another optimiser; for the shipped law the targets of this project: left out, dies within
 * 8 % and TDPs within 10 % on average. The program's defaults must be what the shipped law's fit gives. */
#include "dse/calibrate/chip_fit.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
  struct arena arena;
  struct error error;
  struct technology shipped;
  struct chip_table chips;
};

static int set_up(void **state) {
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  config_defaults(&technology_fields, &fixture.arena, &fixture.shipped);
  if (!chip_table_read("arch/chips.csv", &fixture.arena, &fixture.chips, &fixture.error)) return -1;
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  arena_release(&fixture->arena);
  return 0;
}

static struct chip_fit fit_of(struct fixture *fixture, const char *law) {
  struct chip_fit fit;
  assert_non_null(chip_law_find(law));
  assert_true(chip_fit(chip_law_find(law), &fixture->chips, &fixture->shipped, &fixture->arena, &fit, &fixture->error));
  return fit;
}

/* Left out, mm² and W, as the specification prints them; 0: not there. */
static const struct {
  const char *name;
  double left_out[N_CHIP_QUANTITIES];
} expected[] = {
    {"TPUv2", {554, 224}},      {"TPUv3", {761, 460}},          {"TPUv4i", {405, 210}},    {"TPUv4", {603, 0}},
    {"V100 SXM2", {975, 342}},  {"A100 SXM4 80GB", {780, 383}}, {"H100 SXM5", {731, 634}}, {"NNP-T 1400", {633, 368}},
    {"NNP-T 1300", {633, 335}}, {"Ascend 910", {521, 316}},     {"Gaudi2", {0, 559}},      {"TPUv1", {463, 107}},
    {"Groq TSP", {1263, 404}},  {"GC2 (IPU Mk1)", {816, 366}},  {"Gaudi3", {0, 1350}},     {"B200 SXM", {0, 1434}},
};

static void specification_chip_by_chip(void **state) {
  struct fixture *const fixture = *state;
  const struct chip_fit fit = fit_of(fixture, "specification");
  for (size_t e = 0; e < sizeof expected / sizeof *expected; e++) {
    size_t r = 0;
    while (r < fixture->chips.n && strcmp(fixture->chips.rows[r].name, expected[e].name) != 0) r++;
    assert_true(r < fixture->chips.n);
    for (size_t q = 0; q < N_CHIP_QUANTITIES; q++) {
      if (!(expected[e].left_out[q] > 0)) continue;
      const double off = fit.predicted[q][r].left_out / expected[e].left_out[q] - 1;
      if (!(fabs(off) < 0.005))
        fail_msg("%s: %.1f, specification %.0f", expected[e].name, fit.predicted[q][r].left_out,
                 expected[e].left_out[q]);
    }
  }
}

/* Outside the class the specification prints percent; 100: nothing. */
static const struct {
  const char *name;
  double off_pct[N_CHIP_QUANTITIES];
} expected_outside[] = {{"GC200 (IPU Mk2)", {-1, 100}}, {"Dojo D1", {-5, 18}}, {"WSE-1 (per die of 84)", {6, -29}}};

static void specification_outside(void **state) {
  struct fixture *const fixture = *state;
  const struct chip_fit fit = fit_of(fixture, "specification");
  for (size_t e = 0; e < sizeof expected_outside / sizeof *expected_outside; e++) {
    size_t r = 0;
    while (r < fixture->chips.n && strcmp(fixture->chips.rows[r].name, expected_outside[e].name) != 0) r++;
    assert_true(r < fixture->chips.n);
    for (size_t q = 0; q < N_CHIP_QUANTITIES; q++) {
      const double wanted_pct = expected_outside[e].off_pct[q];
      const double off_pct = 100 * (fit.predicted[q][r].left_out / fixture->chips.rows[r].real[q] - 1);
      if (wanted_pct < 100 && !(fabs(off_pct - wanted_pct) < 0.6))
        fail_msg("%s: %.1f %%, specification %.0f %%", expected_outside[e].name, off_pct, wanted_pct);
    }
  }
}

static void close_to(double value, double wanted, double tolerance) {
  if (!(fabs(value - wanted) <= tolerance)) fail_msg("%.3f, expected %.3f within %.3f", value, wanted, tolerance);
}

static void specification_averages(void **state) {
  struct fixture *const fixture = *state;
  const struct chip_fit fit = fit_of(fixture, "specification");
  struct chip_errors area, tdp;
  chip_errors(&fit, &fixture->chips, CHIP_AREA, true, &area);
  chip_errors(&fit, &fixture->chips, CHIP_TDP, true, &tdp);
  print_message("area %.2f %% prior, %.2f %% fitted, %.2f %% left out; TDP %.2f, %.2f, %.2f %%\n", area.prior_pct,
                area.fit_pct, area.left_out_pct, tdp.prior_pct, tdp.fit_pct, tdp.left_out_pct);
  assert_int_equal(area.n, 10);
  assert_int_equal(tdp.n, 10);
  close_to(area.prior_pct, 12.5, 0.5);
  close_to(area.fit_pct, 4.5, 0.5);
  close_to(area.left_out_pct, 8.6, 0.5);
  close_to(tdp.prior_pct, 9.3, 0.5);
  close_to(tdp.fit_pct, 7.2, 0.5);
  close_to(tdp.left_out_pct, 10.0, 0.5);
  /* Fitted constants of §6; one of them on its bound. */
  static const double fitted[N_CHIP_CONSTANTS] = {658,   26500, 1.756, 0.48,  0.331, 0.80,
                                                  0.698, 1.634, 12.9,  0.053, 0.784};
  for (size_t i = 0; i < N_CHIP_CONSTANTS; i++) close_to(fit.constants[i] / fitted[i], 1, 0.01);
  assert_true(fit.constants[CONSTANT_FILL] == chip_constants[CONSTANT_FILL].low ||
              fit.constants[CONSTANT_FILL] / chip_constants[CONSTANT_FILL].low - 1 < 1e-9);
}

static void shipped_law_meets_its_targets(void **state) {
  struct fixture *const fixture = *state;
  const struct chip_fit fit = fit_of(fixture, "lanes");
  struct chip_errors area, tdp;
  chip_errors(&fit, &fixture->chips, CHIP_AREA, true, &area);
  chip_errors(&fit, &fixture->chips, CHIP_TDP, true, &tdp);
  print_message("left out: area %.2f %%, TDP %.2f %%\n", area.left_out_pct, tdp.left_out_pct);
  assert_int_equal(area.n, 10);
  assert_int_equal(tdp.n, 10);
  assert_true(area.left_out_pct <= 8 && tdp.left_out_pct <= 10);
}

static void defaults_are_the_fit(void **state) {
  struct fixture *const fixture = *state;
  const struct chip_fit fit = fit_of(fixture, chip_laws[0].name);
  size_t n = 0;
  for (enum chip_constant_index i = 0; i < N_CHIP_CONSTANTS; i++) {
    const struct field *const field = config_find_field(&technology_fields, chip_constants[i].key);
    if (field == NULL) {
      assert_false(chip_law_uses(&chip_laws[0], i));
      continue;
    }
    const double shipped = *(const double *)(const void *)((const char *)&fixture->shipped + field->offset);
    if (!(fabs(shipped / fit.constants[i] - 1) < 0.005))
      fail_msg("%s: default %g, fit %g", chip_constants[i].key, shipped, fit.constants[i]);
    n++;
  }
  assert_int_equal(n, 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(specification_chip_by_chip), cmocka_unit_test(specification_outside),
      cmocka_unit_test(specification_averages),     cmocka_unit_test(shipped_law_meets_its_targets),
      cmocka_unit_test(defaults_are_the_fit),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
