/* Are fronts peeled and crowding summed as on paper? */
#include "search/dominance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 6 };

/* Cost down, speed up: 0 (1, 5), 1 (2, 9), 2 (4, 10) are a front; 3 (3, 9) is beaten by 1, 4 (5, 9) by 3 too; 5 cannot
 * be had. */
static void test_fronts(void **state) {
  (void)state;
  static const double value[] = {1, 5, 2, 9, 4, 10, 3, 9, 5, 9, 0, 99};
  static const bool maximise[] = {false, true}, feasible[] = {true, true, true, true, true, false};
  static const size_t number[] = {0, 1, 2, 3, 4, 5}, expected[] = {0, 0, 0, 1, 2, 3};
  size_t front[N], room[N], n_dominators[N];
  double crowding[N];
  struct dominance dominance = {N, 2, value, maximise, feasible, number, front, crowding, room, n_dominators};
  dominance_rank(&dominance);
  dominance_crowd(&dominance);
  assert_memory_equal(front, expected, sizeof front);
  assert_true(isinf(crowding[0]) && isinf(crowding[2]) && isinf(crowding[3]) && isinf(crowding[4]));
  assert_true(fabs(crowding[1] - 2) < 1e-12); /* (4 − 1) / 3 + (10 − 5) / 5 */
  assert_true(crowding[5] == 0);
}

/* Of equal values the smaller number stands first, so it is an end of the front, and the other is not. */
static void test_ties(void **state) {
  (void)state;
  static const double value[] = {1, 3, 1, 3, 2, 2, 3, 1};
  static const bool maximise[] = {false, false};
  static const size_t number[] = {7, 4, 5, 6};
  size_t front[4], room[4], n_dominators[4];
  double crowding[4];
  struct dominance dominance = {4, 2, value, maximise, NULL, number, front, crowding, room, n_dominators};
  dominance_rank(&dominance);
  dominance_crowd(&dominance);
  for (size_t i = 0; i < 4; i++) assert_int_equal(front[i], 0);
  assert_true(isinf(crowding[1]) && isinf(crowding[3]));
  assert_true(isinf(crowding[0])); /* last in the second objective */
  assert_true(isfinite(crowding[2]));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_fronts), cmocka_unit_test(test_ties)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
