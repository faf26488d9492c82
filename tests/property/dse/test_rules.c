/* Is what rules and conditions exclude as a box excluded point by point? Random boxes of random spaces under random
 * conditions on keys and costs: no design of an excluded box may follow its rules and meet every condition. The rest of
 * the bounds is test_boxes.c's. */
#include "tests/run_cases.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 60, N_BOXES = 150, N_POINTS = 25 };

static const char *draw_condition(struct rng *rng, struct arena *arena) {
  static const struct {
    const char *what;
    double most;
  } sides[] = {{"area_mm2", 600},
               {"tdp_w", 500},
               {"tc_l2_kib", 600},
               {"vc_l2_kib", 20},
               {"tc_rows * tc_cols", 9000},
               {"hbm_bytes", 9e10},
               {"vc_width", 900},
               {"tdp_w / area_mm2", 0.7},
               {"clock_mhz - 10 * node_nm", 1400},
               {"tc_count / vc_count", 5}};
  static const char *const signs[] = {"<", ">=", "<=", ">", "==", "!="};
  const size_t s = rng_below(rng, sizeof sides / sizeof *sides);
  const char *one = arena_printf(arena, "%s %s %.0f / 1000", sides[s].what, signs[rng_below(rng, 6)],
                                 1000 * rng_unit(rng) * sides[s].most);
  switch (rng_below(rng, 4)) {
  case 0:
    return arena_printf(arena, "%s || tc_count == 1", one);
  case 1:
    return arena_printf(arena, "!(%s && glb_mib > 8)", one);
  default:
    return one;
  }
}

static const char *draw_text(struct rng *rng, struct arena *arena) {
  static const char *const widths[] = {"[1, 5, 128, 1000]", "\"= tc_cols\"", "\"= 300 - tc_rows\"",
                                       "\"= 500 / vc_count - tc_count\""};
  static const char *const l2s[] = {"[0]", "[0, 17, 2000]", "[3, 400]", "\"= max(0, tc_rows - 30)\""};
  static const char *const stacks[] = {"[0, 1, 3, 8]", "\"= 12 % (vc_count + 1)\"", "\"= vc_count - 1\""};
  const char *space = arena_printf(
      arena,
      "space = { tc_count = [0, 1, 2, 8, 61]; tc_rows = [1, 8, 31, 256]; tc_cols = [2, 37, 128]; tc_l2_kib = %s;\n"
      "vc_count = [0, 1, 7, 64]; vc_width = %s; vc_l2_kib = %s; glb_mib = [1, 17, 128]; hbm_stacks = %s;\n"
      "hbm_generation = [\"2\", \"3e\"]; hbm_gib_per_stack = [1, 24]; clock_mhz = [235, 1513]; node_nm = [5, 7, 28]; "
      "};\n",
      l2s[rng_below(rng, 4)], widths[rng_below(rng, 4)], rng_below(rng, 2) == 0 ? "[0]" : "[0, 3]",
      stacks[rng_below(rng, 3)]);
  return arena_printf(arena,
                      "workload = \"alexnet\"; batch = 2; cost = { provider = \"%s\"; };\n%s"
                      "limits = { constraints = [\"%s\", \"%s\"]; };\n",
                      rng_below(rng, 4) == 0 ? "compat" : "physical", space, draw_condition(rng, arena),
                      draw_condition(rng, arena));
}

static bool is_met(const struct design_space *designs, const struct point *point) {
  struct accelerator accelerator;
  struct stage_cost_of_design cost;
  if (!design_at(designs, point, &accelerator)) return false;
  stage_design(designs->stage, &accelerator, &cost);
  return rules_broken(&designs->rules, &accelerator, &cost) == 0;
}

static void excluded_boxes_hold_nothing(void **state) {
  struct cluster *cluster = *state;
  uint64_t n_excluded[N_REASONS] = {0}, n_left = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct rng rng = rng_stream(seed, RNG_TEST, 31, task);
    const char *text = draw_text(&rng, &arena);
    struct run *run = case_run(text, cluster, &arena, &scratch);
    const struct space *space = &run->designs.space;
    for (size_t b = 0; b < N_BOXES; b++) {
      struct point low = case_random_point(space, &rng), high = low;
      const uint64_t wideness = 1 + rng_below(&rng, 5);
      for (size_t a = 0; a < space->n_axes; a++) {
        if (rng_below(&rng, 6) >= wideness) continue;
        high.index[a] = (uint16_t)(low.index[a] + rng_below(&rng, space->axes[a].n - low.index[a]));
      }
      enum reason reason = REASON_NONE;
      const bool excluded = design_box_excluded(&run->designs, &low, &high, &reason);
      n_left += !excluded;
      if (!excluded) continue;
      n_excluded[reason]++;
      for (size_t p = 0; p < N_POINTS; p++) {
        struct point point = low;
        for (size_t a = 0; a < space->n_axes; a++) {
          const uint64_t extent = (uint64_t)(high.index[a] - low.index[a]);
          const uint64_t kind = rng_below(&rng, 3);
          point.index[a] = (uint16_t)(low.index[a] + (kind == 0   ? 0
                                                      : kind == 1 ? extent
                                                                  : rng_below(&rng, extent + 1)));
        }
        if (is_met(&run->designs, &point))
          fail_msg("task %" PRIu64 ": %s%s", task, text, design_text(&run->designs, &point, &arena));
      }
    }
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
  print_message("%" PRIu64 " boxes broken, %" PRIu64 " impossible, %" PRIu64 " left\n", n_excluded[REASON_CONSTRAINT],
                n_excluded[REASON_IMPOSSIBLE], n_left);
  assert_true(n_excluded[REASON_CONSTRAINT] > 500 && n_excluded[REASON_IMPOSSIBLE] > 50 && n_left > 500);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(excluded_boxes_hold_nothing)};
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
