/* Do features of designs say what they claim, on real networks and any design?
 *
 * Finite and the same every time for all designs that a template allows; utilisation and fractions are shares; loads
 * are floors, so that no bound of the screen lies below one of them; and what is doubled in a design rises by one. */
#include "arch/stage_features.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_DESIGNS = 400 };

#define SPACE                                                                                                          \
  "space = { tc_count = [1, 2, 4, 61]; tc_rows = [1, 8, 31, 128]; tc_cols = [2, 16, 37, 128]; vc_count = [1, 2, 7];\n" \
  "vc_width = [1, 128, 2048]; glb_mib = [1, 2, 17, 128]; hbm_stacks = [1, 2, 8]; clock_mhz = [100, 940]; };\n"         \
  "limits = { area_mm2 = 9000.0; tdp_w = 9000.0; w_per_mm2 = 99.0; memory = false; };\n"

static const char *const cases[] = {
    "workload = \"resnet18\"; batch = 3;" SPACE,
    "workload = \"bert-base\"; batch = 1; model = [\"sequence=39\"]; schedule = { spread = \"off\"; };" SPACE,
    "workload = \"mobilenet_v3_small\"; batch = 2; cost = { provider = \"compat\"; };" SPACE,
    "workload = \"dlrm-criteo\"; batch = 237;" SPACE,
};
enum { N_CASES = sizeof cases / sizeof *cases };

static void check(const struct design_space *designs, const struct point *point) {
  const struct space *space = &designs->space;
  double features[SPACE_MAX_FEATURES], again[SPACE_MAX_FEATURES];
  struct accelerator accelerator;
  struct score score;
  space->describe(space->context, point, features);
  for (size_t f = 0; f < space->n_features; f++) assert_true(isfinite(features[f]) && fabs(features[f]) <= 64);
  space->describe(space->context, point, again);
  assert_memory_equal(features, again, space->n_features * sizeof *features);
  if (!design_at(designs, point, &accelerator)) return;
  static const enum stage_feature shares[] = {STAGE_FEATURE_ARRAY_UTILISATION, STAGE_FEATURE_CRITICAL_FRACTION};
  for (unsigned s = 0; s < 2; s++) assert_true(features[shares[s]] >= 0 && features[shares[s]] <= 1);
  space->screen(space->context, point, &score);
  if (score.reason != REASON_NONE) return;
  /* Cycles of the bound: no load of a class that a design has is above it. */
  const double cycles =
      (double)designs->stage->samples / score.objective[OBJECTIVE_THROUGHPUT] * (double)accelerator.clock_mhz * 1e6;
  static const enum stage_feature loads[] = {STAGE_FEATURE_TENSOR_LOAD, STAGE_FEATURE_VECTOR_LOAD,
                                             STAGE_FEATURE_LINK_LOAD};
  for (unsigned l = 0; l < 3; l++) assert_true(exp2(features[loads[l]]) <= cycles * (1 + 1e-9) + 1);
  const double whole = (double)(accelerator.tc_count * accelerator.tc_rows * accelerator.tc_cols);
  assert_true(fabs(features[STAGE_FEATURE_MAC_RATE] - log2(whole)) < 1e-9);
  assert_true(fabs(features[STAGE_FEATURE_LANE_RATE] - log2((double)(accelerator.vc_count * accelerator.vc_width))) <
              1e-9);
}

/* The point with its axis `key` at the value `to`. */
static struct point with(const struct space *space, struct point point, const char *key, uint64_t to) {
  for (size_t a = 0; a < space->n_axes; a++) {
    for (size_t v = 0; v < space->axes[a].n; v++) {
      if (strcmp(space->axes[a].key, key) == 0 && space->axes[a].values[v] == to) point.index[a] = (uint16_t)v;
    }
  }
  return point;
}

static void check_doubled(const struct space *space, const struct point *point, const char *key,
                          enum stage_feature feature, double rise) {
  double one[SPACE_MAX_FEATURES], two[SPACE_MAX_FEATURES];
  const struct point first = with(space, *point, key, 1), second = with(space, *point, key, 2);
  space->describe(space->context, &first, one);
  space->describe(space->context, &second, two);
  assert_true(fabs(two[feature] - one[feature] - rise) < 1e-6);
}

static void features_say_what_they_claim(void **state) {
  print_message("seed %" PRIu64 ", %d networks, %d designs each\n", seed, N_CASES, N_DESIGNS);
  for (size_t c = 0; c < N_CASES; c++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct run *run = case_run(cases[c], *state, &arena, &scratch);
    const struct space *space = &run->designs.space;
    assert_non_null(space->describe);
    assert_int_equal(space->n_features, N_STAGE_FEATURES);
    for (size_t f = 0; f < space->n_features; f++) assert_true(space->features[f].name[0] != 0);
    struct rng rng = rng_stream(seed, RNG_TEST, 60, c);
    for (size_t i = 0; i < N_DESIGNS; i++) {
      const struct point point = case_random_point(space, &rng);
      check(&run->designs, &point);
      check_doubled(space, &point, "tc_count", STAGE_FEATURE_MAC_RATE, 1);
      check_doubled(space, &point, "vc_count", STAGE_FEATURE_LANE_RATE, 1);
      check_doubled(space, &point, "glb_mib", STAGE_FEATURE_GLB, 1);
      check_doubled(space, &point, "hbm_stacks", STAGE_FEATURE_HBM_RATE, 1);
      check_doubled(space, &point, "hbm_stacks", STAGE_FEATURE_HBM_LOAD, -1);
    }
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(features_say_what_they_claim)};
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
