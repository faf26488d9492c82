/* Does the fit find the constants that made the chips, and leave out what it says it leaves out?
 *
 * Real chips get areas and TDPs that random constants predict; without a penalty every law must then find constants
 * that predict them again, whatever the start, and those constants themselves where the chips determine them. */
#include "base/rng.h"
#include "dse/calibrate/chip_fit.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 20261121;
enum { N_DRAWS = 7 };

struct fixture {
  struct arena arena;
  struct error error;
  struct technology shipped;
  struct chip_table chips;
};

static int set_up(void **state) {
  static struct fixture fixture;
  memset(&fixture, 0, sizeof fixture);
  arena_init(&fixture.arena, 1 << 16);
  config_defaults(&technology_fields, &fixture.arena, &fixture.shipped);
  if (!chip_table_read("arch/chips.csv", &fixture.arena, &fixture.chips, &fixture.error)) return -1;
  print_message("seed %llu\n", (unsigned long long)seed);
  *state = &fixture;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *const fixture = *state;
  arena_release(&fixture->arena);
  return 0;
}

/* Constants well inside their ranges, priors where the law fits none; chips that are what they predict. */
static void make_chips(struct fixture *fixture, const struct chip_law *law, struct rng *rng, double *constants) {
  for (enum chip_constant_index i = 0; i < N_CHIP_CONSTANTS; i++) {
    const struct chip_constant *const constant = &chip_constants[i];
    const double share = 0.2 + 0.6 * rng_unit(rng);
    constants[i] = chip_law_fits(law, i) ? constant->low * pow(constant->high / constant->low, share) : constant->prior;
  }
  for (enum chip_quantity q = 0; q < N_CHIP_QUANTITIES; q++) {
    for (size_t r = 0; r < fixture->chips.n; r++) {
      struct chip_row *const row = &fixture->chips.rows[r];
      if (row->skipped[q] == NULL) row->real[q] = chip_predict(law, constants, &fixture->shipped, row, q);
    }
  }
}

static void finds_what_made_the_chips(void **state) {
  struct fixture *const fixture = *state;
  for (size_t l = 0; l < n_chip_laws; l++) {
    for (uint64_t draw = 0; draw < (l == 0 ? N_DRAWS : 1); draw++) {
      struct rng rng = rng_stream(seed, RNG_TEST, l, draw);
      double constants[N_CHIP_CONSTANTS];
      struct chip_law law = chip_laws[l];
      law.ridge = true;
      law.strength = 1e-9;
      make_chips(fixture, &law, &rng, constants);
      struct chip_fit fit;
      assert_true(chip_fit(&law, &fixture->chips, &fixture->shipped, &fixture->arena, &fit, &fixture->error));
      for (enum chip_quantity q = 0; q < N_CHIP_QUANTITIES; q++) {
        struct chip_errors errors;
        chip_errors(&fit, &fixture->chips, q, true, &errors);
        if (!(errors.fit_pct < 0.2))
          fail_msg("law %s, draw %llu: mean error %.3f %%", law.name, (unsigned long long)draw, errors.fit_pct);
      }
      if (l > 0) continue; /* the shipped law has few constants, which chips without errors determine */
      for (size_t i = 0; i < N_CHIP_CONSTANTS; i++)
        if (!(fabs(fit.constants[i] / constants[i] - 1) < 0.01))
          fail_msg("draw %llu: %s is %g, made with %g", (unsigned long long)draw, chip_constants[i].key,
                   fit.constants[i], constants[i]);
    }
  }
}

/* A chip that is left out has no say in what is predicted of it, nor has its twin of the same die; every other has. */
static void a_chip_left_out_has_no_say(void **state) {
  struct fixture *const fixture = *state;
  const struct chip_law *const law = &chip_laws[0];
  struct rng rng = rng_stream(seed, RNG_TEST, 1000, 0);
  double constants[N_CHIP_CONSTANTS];
  make_chips(fixture, law, &rng, constants);
  struct chip_fit before, after;
  assert_true(chip_fit(law, &fixture->chips, &fixture->shipped, &fixture->arena, &before, &fixture->error));
  size_t n_twins = 0;
  for (size_t changed = 0; changed < fixture->chips.n; changed++) {
    struct chip_row *const row = &fixture->chips.rows[changed];
    if (!row->in_fit[CHIP_AREA]) continue;
    const double real = row->real[CHIP_AREA];
    row->real[CHIP_AREA] = 1.37 * real;
    assert_true(chip_fit(law, &fixture->chips, &fixture->shipped, &fixture->arena, &after, &fixture->error));
    row->real[CHIP_AREA] = real;
    for (size_t r = 0; r < fixture->chips.n; r++) {
      if (!fixture->chips.rows[r].in_fit[CHIP_AREA]) continue;
      const bool same = fixture->chips.rows[r].die == row->die;
      n_twins += same && r != changed;
      const double was = before.predicted[CHIP_AREA][r].left_out, is = after.predicted[CHIP_AREA][r].left_out;
      if (same != (was == is))
        fail_msg("%s moved: %s was %.6f, is %.6f", row->name, fixture->chips.rows[r].name, was, is);
    }
  }
  assert_int_equal(n_twins, 2); /* NNP-T 1300 and 1400 of each other */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(finds_what_made_the_chips, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_chip_left_out_has_no_say, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
