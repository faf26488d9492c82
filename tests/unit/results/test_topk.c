/* Does the list of the best keep the order of records, its size, and nothing infeasible? */
#include "results/topk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct objective throughput = {"throughput", "1/s", "", true}, area = {"area", "mm2", "", false};

static struct record record_of(uint16_t index, double first, double second) {
  struct record record = {0};
  record.point.index[3] = index;
  record.score.objective[0] = first;
  record.score.objective[1] = second;
  return record;
}

static void assert_points(const struct topk *topk, const uint16_t *expected, size_t n) {
  assert_int_equal(topk_count(topk), n);
  for (size_t i = 0; i < n; i++) assert_int_equal(topk_at(topk, i)->point.index[3], expected[i]);
}

static void add(struct topk *topk, struct record record, bool expected) {
  assert_int_equal(topk_add(topk, &record), expected);
}

static void keeps_the_best_in_order(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct topk *const most = topk_new(&arena, &throughput, 0, 3), *const least = topk_new(&arena, &area, 1, 3);
  static const double values[] = {23.85, 85.23, 2.385, 52.38, 38.52};
  static const bool enters_most[] = {true, true, true, true, true}, enters_least[] = {true, true, true, false, false};
  for (uint16_t i = 0; i < 5; i++) {
    add(most, record_of(i, values[i], 7), enters_most[i]);
    add(least, record_of(i, 7, i == 3 ? 85.24 : i == 4 ? 99.9 : values[i]), enters_least[i]);
  }
  assert_points(most, (const uint16_t[]){1, 3, 4}, 3);
  assert_points(least, (const uint16_t[]){2, 0, 1}, 3);
  add(most, record_of(9, 38.519, 7), false);
  add(most, record_of(9, 85.24, 7), true);
  assert_points(most, (const uint16_t[]){9, 1, 3}, 3);
  arena_release(&arena);
}

static void ties_go_by_point(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct topk *const topk = topk_new(&arena, &throughput, 0, 2);
  add(topk, record_of(85, 2.5, 0), true);
  add(topk, record_of(23, 2.5, 0), true);
  add(topk, record_of(23, 2.5, 0), false); /* known */
  add(topk, record_of(86, 2.5, 0), false);
  add(topk, record_of(22, 2.5, 0), true);
  assert_points(topk, (const uint16_t[]){22, 23}, 2);
  arena_release(&arena);
}

static void infeasible_records_stay_out(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct topk *const topk = topk_new(&arena, &area, 0, 2);
  struct record record = record_of(5, 0.5, 0);
  record.score.reason = 7;
  add(topk, record, false);
  assert_int_equal(topk_count(topk), 0);
  arena_release(&arena);
}

static void room_for_none_is_allowed(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct topk *const none = topk_new(&arena, &area, 0, 0), *const one = topk_new(&arena, &area, 0, 1);
  add(none, record_of(5, 0.5, 0), false);
  add(one, record_of(5, 0.5, 0), true);
  topk_merge(none, one);
  topk_merge(one, none);
  topk_merge(one, one);
  assert_int_equal(topk_count(none), 0);
  assert_points(one, (const uint16_t[]){5}, 1);
  arena_release(&arena);
}

/* A full list admits what is better than its last, or as good and an earlier point: exactly what it would take. */
static void admits_what_it_would_take(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct topk *const most = topk_new(&arena, &throughput, 0, 2), *const least = topk_new(&arena, &area, 1, 2);
  const struct point at_85 = record_of(85, 0, 0).point, at_23 = record_of(23, 0, 0).point;
  assert_true(topk_admits(most, 0, &at_85)); /* there is room for anything */
  add(most, record_of(38, 5.5, 0), true);
  assert_true(topk_admits(most, 0, &at_85));
  add(most, record_of(52, 2.5, 0), true);
  assert_false(topk_admits(most, 2.4999, &at_23));
  assert_true(topk_admits(most, 2.5001, &at_85));
  assert_true(topk_admits(most, 2.5, &at_23));
  assert_false(topk_admits(most, 2.5, &at_85));
  const struct point at_52 = record_of(52, 0, 0).point;
  assert_false(topk_admits(most, 2.5, &at_52)); /* it is there */
  add(least, record_of(38, 0, 5.5), true);
  add(least, record_of(52, 0, 2.5), true);
  assert_true(topk_admits(least, 5.4999, &at_85));
  assert_false(topk_admits(least, 5.5001, &at_23));
  assert_true(topk_admits(least, 5.5, &at_23));
  assert_false(topk_admits(least, 5.5, &at_85));
  assert_false(topk_admits(topk_new(&arena, &area, 0, 0), 0, &at_23));
  arena_release(&arena);
}

static void a_cleared_list_is_a_new_one(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 4096);
  struct topk *const topk = topk_new(&arena, &throughput, 0, 2);
  add(topk, record_of(38, 5.5, 0), true);
  add(topk, record_of(52, 9.5, 0), true);
  topk_clear(topk);
  assert_int_equal(topk_count(topk), 0);
  const struct point at_85 = record_of(85, 0, 0).point;
  assert_true(topk_admits(topk, 0.5, &at_85));
  add(topk, record_of(52, 9.5, 0), true);
  add(topk, record_of(85, 0.5, 0), true);
  assert_points(topk, (const uint16_t[]){52, 85}, 2);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_the_best_in_order),     cmocka_unit_test(ties_go_by_point),
      cmocka_unit_test(infeasible_records_stay_out), cmocka_unit_test(room_for_none_is_allowed),
      cmocka_unit_test(admits_what_it_would_take),   cmocka_unit_test(a_cleared_list_is_a_new_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
