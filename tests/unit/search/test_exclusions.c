/* Is every limit that a point breaks counted, once, and how near the nearest miss was? And do numbered points keep
 * their numbers? */
#include "search/space/exclusions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NONE, AREA, POWER, SHAPE, N_REASONS };

/* The point says by how much it breaks area and power. */
static void excesses(void *context, const struct point *point, const struct score *screened, double *excess) {
  (void)context;
  assert_int_not_equal(screened->reason, NONE);
  excess[AREA] = point->index[0] / 4.0;
  excess[POWER] = point->index[1] / 4.0;
}

static const struct space measured = {.n_reasons = N_REASONS, .excesses = excesses};
static const struct space unmeasured = {.n_reasons = N_REASONS};

static void count(struct exclusions *exclusions, const struct space *space, uint16_t area, uint16_t power,
                  uint16_t reason, double excess) {
  const struct point point = {{area, power}};
  const struct score score = {.reason = reason, .excess = excess};
  exclusions_count(exclusions, space, &point, &score);
}

static void check(const struct exclusions *exclusions, size_t reason, uint64_t n, uint64_t alone, double nearest) {
  assert_int_equal(exclusions->n[reason], n);
  assert_int_equal(exclusions->alone[reason], alone);
  assert_true(exclusions->nearest[reason] == nearest);
}

static void every_broken_limit_counts(void **state) {
  (void)state;
  struct exclusions exclusions;
  memset(&exclusions, 0x23, sizeof exclusions);
  exclusions_clear(&exclusions);
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) check(&exclusions, r, 0, 0, -1);
  count(&exclusions, &measured, 23, 85, AREA, 23 / 4.0);
  check(&exclusions, AREA, 1, 0, 5.75);
  check(&exclusions, POWER, 1, 0, 21.25);
  count(&exclusions, &measured, 38, 0, AREA, 38 / 4.0);
  check(&exclusions, AREA, 2, 1, 5.75); /* alone, but not nearer */
  check(&exclusions, POWER, 1, 0, 21.25);
  count(&exclusions, &measured, 0, 3, POWER, 0.75);
  check(&exclusions, POWER, 2, 1, 0.75);
  count(&exclusions, &measured, 0, 0, SHAPE, 0); /* a limit without a measure */
  check(&exclusions, SHAPE, 1, 1, 0);
  count(&exclusions, &measured, 1, 0, SHAPE, 0); /* and more than that is broken */
  check(&exclusions, SHAPE, 2, 1, 0);
  check(&exclusions, AREA, 3, 1, 0.25);
  check(&exclusions, NONE, 0, 0, -1);
  check(&exclusions, N_REASONS, 0, 0, -1);
}

static void without_measures_the_screen_is_believed(void **state) {
  (void)state;
  struct exclusions exclusions;
  exclusions_clear(&exclusions);
  count(&exclusions, &unmeasured, 23, 85, POWER, 2.5);
  count(&exclusions, &unmeasured, 23, 85, POWER, 7.5);
  check(&exclusions, POWER, 2, 2, 2.5);
  check(&exclusions, AREA, 0, 0, -1);
}

static void merging_is_counting_together(void **state) {
  (void)state;
  struct exclusions whole, first, second, nothing;
  exclusions_clear(&whole);
  exclusions_clear(&first);
  exclusions_clear(&second);
  exclusions_clear(&nothing);
  static const uint16_t points[][2] = {{23, 85}, {38, 0}, {0, 52}, {2, 0}, {0, 3}, {85, 23}};
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    const uint16_t reason = points[i][0] > 0 ? AREA : POWER;
    count(&whole, &measured, points[i][0], points[i][1], reason, 1);
    count(i % 2 == 0 ? &first : &second, &measured, points[i][0], points[i][1], reason, 1);
  }
  struct exclusions backwards = second;
  exclusions_merge(&backwards, &first);
  exclusions_merge(&first, &second);
  assert_memory_equal(&first, &whole, sizeof whole);
  assert_memory_equal(&backwards, &whole, sizeof whole);
  exclusions_merge(&first, &nothing);
  exclusions_merge(&nothing, &whole);
  assert_memory_equal(&first, &whole, sizeof whole);
  assert_memory_equal(&nothing, &whole, sizeof whole);
}

/* In the order in which they came, also when the set has grown. */
static void points_keep_their_numbers(void **state) {
  (void)state;
  enum { N = 2385 }; /* more than the set begins with room for */
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct point_set *set = point_set_new(&arena);
  for (unsigned round = 0; round < 2; round++) {
    for (size_t i = 0; i < N; i++) {
      const struct point point = {{(uint16_t)(i * 1999u % N), [15] = (uint16_t)i}};
      if (round == 0) assert_int_equal(point_set_number(set, &point), SIZE_MAX);
      assert_int_equal(point_set_add(set, &point), round == 0);
      assert_int_equal(point_set_number(set, &point), i);
      assert_int_equal(point_set_count(set), round == 0 ? i + 1 : N);
    }
  }
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_broken_limit_counts),
      cmocka_unit_test(without_measures_the_screen_is_believed),
      cmocka_unit_test(merging_is_counting_together),
      cmocka_unit_test(points_keep_their_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
