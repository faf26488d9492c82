/* Is the space of configs/wham.cfg the public one: 75,712 points, of which the filter leaves the published 29,360?
 *
 * Values: accelerator-search §2 (counts), msr-fiddle/phaze (tests/data/wham/README.md: designs and areas, 8,808 of the
 * 29,360). The filter is asked point by point, as a search asks it, and box by box, as branch and bound does. */
#include "base/file.h"
#include "tests/run_cases.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

enum { N_POINTS = 75712, N_ALLOWED = 29360, N_PUBLISHED = 8808 };

static struct arena arena, scratch;
static struct run *run;

static int start(void **state) {
  struct error *error;
  char *text;
  size_t n;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  error = ARENA_NEW(&arena, struct error, 1);
  file_read("configs/wham.cfg", 1 << 20, &arena, &text, &n, error);
  case_check(error);
  case_start(state);
  /* One small layer: the filter does not ask what is trained. */
  text = arena_printf(&arena, "%.*s", (int)n, text);
  const char *model = "model = [\"layers=1\", \"sequence=16\"];\n";
  run = case_run(arena_printf(&arena, "%s%s", text, model), *state, &arena, &scratch);
  return 0;
}

static int finish(void **state) {
  run_release(run);
  arena_release(&arena);
  arena_release(&scratch);
  return case_finish(state);
}

static void screens_leave_29360(void **state) {
  (void)state;
  const struct space *space = &run->designs.space;
  uint64_t n_reasons[N_REASONS] = {0};
  assert_int_equal(space_size(space), N_POINTS);
  for (uint64_t i = 0; i < N_POINTS; i++) {
    const struct point point = space_point(space, i);
    struct accelerator accelerator;
    struct score score;
    assert_true(design_at(&run->designs, &point, &accelerator));
    assert_int_equal(accelerator.vc_width, accelerator.tc_cols);
    space->screen(space->context, &point, &score);
    n_reasons[score.reason]++;
  }
  assert_int_equal(n_reasons[REASON_NONE], N_ALLOWED);
  assert_int_equal(n_reasons[REASON_NONE] + n_reasons[REASON_AREA] + n_reasons[REASON_CONSTRAINT], N_POINTS);
}

static uint16_t index_of(const char *key, uint64_t value) {
  for (size_t a = 0; a < run->designs.space.n_axes; a++) {
    const struct axis *axis = &run->designs.axes[a];
    if (strcmp(axis->key, key) != 0) continue;
    for (size_t i = 0; i < axis->n; i++) {
      if (axis->values[i] == value) return (uint16_t)i;
    }
  }
  fail_msg("%s = %llu is not in the space", key, (unsigned long long)value);
  return 0;
}

static void set(struct point *point, const char *key, uint64_t value) {
  for (size_t a = 0; a < run->designs.space.n_axes; a++) {
    if (strcmp(run->designs.axes[a].key, key) == 0) point->index[a] = index_of(key, value);
  }
}

static void every_published_design_is_allowed(void **state) {
  (void)state;
  const struct space *space = &run->designs.space;
  gzFile file = gzopen("tests/data/wham/phaze_cores_area.csv.gz", "rb");
  assert_non_null(file);
  char line[256];
  assert_non_null(gzgets(file, line, sizeof line));
  size_t n_rows = 0;
  while (gzgets(file, line, sizeof line) != NULL) {
    unsigned long n_tc, n_vc, width, depth, lanes, glb_bytes;
    double um2;
    assert_int_equal(
        sscanf(line, "%lu,%lu,%lu,%lu,%lu,%lu,%lf", &n_tc, &n_vc, &width, &depth, &lanes, &glb_bytes, &um2), 7);
    struct point point = {{0}};
    set(&point, "tc_count", n_tc);
    set(&point, "vc_count", n_vc);
    set(&point, "tc_cols", width);
    set(&point, "tc_rows", depth);
    set(&point, "glb_mib", glb_bytes >> 20);
    assert_int_equal(lanes, width);
    struct score score;
    space->screen(space->context, &point, &score);
    assert_int_equal(score.reason, REASON_NONE);
    assert_true(fabs(score.objective[OBJECTIVE_AREA] * 1e6 - um2) <= 1e-12 * um2);
    n_rows++;
  }
  gzclose(file);
  assert_int_equal(n_rows, N_PUBLISHED);
}

/* Halves boxes until their points are few, and counts what constraints exclude as a whole. */
static void halve(const struct point *low, const struct point *high, uint64_t *excluded, uint64_t *boxes) {
  const struct space *space = &run->designs.space;
  uint64_t n = 1;
  size_t widest = 0;
  for (size_t a = 0; a < space->n_axes; a++) {
    n *= (uint64_t)(high->index[a] - low->index[a]) + 1;
    if (high->index[a] - low->index[a] > high->index[widest] - low->index[widest]) widest = a;
  }
  enum reason reason;
  ++*boxes;
  if (design_box_excluded(&run->designs, low, high, &reason)) {
    assert_int_equal(reason, REASON_CONSTRAINT);
    *excluded += n;
    return;
  }
  if (n == 1) return;
  struct point left = *high, right = *low;
  left.index[widest] = (uint16_t)((low->index[widest] + high->index[widest]) / 2);
  right.index[widest] = (uint16_t)(left.index[widest] + 1);
  halve(low, &left, excluded, boxes);
  halve(&right, high, excluded, boxes);
}

static void boxes_exclude_the_same(void **state) {
  (void)state;
  const struct space *space = &run->designs.space;
  uint64_t excluded = 0, boxes = 0, broken = 0;
  struct point low = {{0}}, high = {{0}};
  for (size_t a = 0; a < space->n_axes; a++) high.index[a] = (uint16_t)(space->axes[a].n - 1);
  halve(&low, &high, &excluded, &boxes);
  for (uint64_t i = 0; i < N_POINTS; i++) {
    const struct point point = space_point(space, i);
    struct accelerator accelerator;
    struct stage_cost_of_design cost;
    assert_true(design_at(&run->designs, &point, &accelerator));
    stage_design(&run->stage, &accelerator, &cost);
    const double most = 278.82667631216;
    broken += cost.area.total < 0.3 * most && accelerator.tc_count > 1 && accelerator.vc_count > 1;
  }
  print_message("%llu of %d points excluded by %llu boxes\n", (unsigned long long)excluded, N_POINTS,
                (unsigned long long)boxes);
  assert_int_equal(excluded, broken);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(screens_leave_29360),
      cmocka_unit_test(every_published_design_is_allowed),
      cmocka_unit_test(boxes_exclude_the_same),
  };
  return cmocka_run_group_tests(tests, start, finish);
}
