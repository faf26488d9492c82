/* Does the front keep what is not beaten, in order, and is its hypervolume what a ruler says? */
#include "results/pareto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct objective objectives[] = {
    {"throughput", "1/s", "", true}, {"tdp", "W", "", false}, {"area", "mm2", "", false}, {"energy", "J", "", false}};

struct fixture {
  struct arena arena, scratch;
  struct pareto *front;
};

/* In place: the front keeps the address of its arena. */
static void begin(struct fixture *fixture, size_t n_objectives) {
  arena_init(&fixture->arena, 4096);
  arena_init(&fixture->scratch, 4096);
  fixture->front = pareto_new(&fixture->arena, objectives, n_objectives);
}

static void end(struct fixture *fixture) {
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

static bool add(struct fixture *fixture, uint16_t index, double a, double b, double c, double d) {
  struct record record = {.score.objective = {a, b, c, d}};
  record.point.index[15] = index;
  return pareto_add(fixture->front, &record);
}

static void assert_points(const struct fixture *fixture, const uint16_t *expected, size_t n) {
  assert_int_equal(pareto_count(fixture->front), n);
  for (size_t i = 0; i < n; i++) assert_int_equal(pareto_at(fixture->front, i)->point.index[15], expected[i]);
}

static void keeps_what_is_not_beaten(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  assert_true(add(&fixture, 1, 50, 285, 0, 0));
  assert_true(add(&fixture, 2, 23, 85, 0, 0));  /* less, but cheaper */
  assert_false(add(&fixture, 3, 23, 86, 0, 0)); /* beaten by 2 */
  assert_false(add(&fixture, 4, 22, 85, 0, 0)); /* beaten by 2 */
  assert_true(add(&fixture, 5, 38, 185, 0, 0));
  assert_points(&fixture, (const uint16_t[]){1, 5, 2}, 3);
  assert_true(add(&fixture, 6, 39, 85, 0, 0)); /* beats 2 and 5 */
  assert_points(&fixture, (const uint16_t[]){1, 6}, 2);
  assert_true(add(&fixture, 7, 51, 84, 0, 0)); /* beats all */
  assert_points(&fixture, (const uint16_t[]){7}, 1);
  end(&fixture);
}

static void equals_are_represented_by_the_first_point(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  assert_true(add(&fixture, 23, 38, 52, 1, 0));
  assert_false(add(&fixture, 85, 38, 52, 2, 0));
  assert_false(add(&fixture, 23, 38, 52, 1, 0));
  assert_true(add(&fixture, 22, 38, 52, 3, 0)); /* the third objective does not count here */
  assert_points(&fixture, (const uint16_t[]){22}, 1);
  end(&fixture);
}

/* The third objective (less is better) first, then the first (more is); the others do not count. */
static void any_objectives_in_any_order(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 1);
  fixture.front = pareto_new_of(&fixture.arena, objectives, (const size_t[]){2, 0}, 2);
  assert_true(add(&fixture, 23, 38, 7, 50, 0));
  assert_true(add(&fixture, 24, 30, 1, 40, 1));  /* smaller and slower */
  assert_false(add(&fixture, 25, 38, 1, 51, 0)); /* better where nobody looks */
  assert_true(add(&fixture, 26, 52, 9, 85, 9));
  assert_points(&fixture, (const uint16_t[]){24, 23, 26}, 3);
  struct point point = {{0}};
  point.index[15] = 99;
  assert_true(pareto_covers(fixture.front, (const double[]){38, 0, 50, 0}, &point));
  assert_false(pareto_covers(fixture.front, (const double[]){38.5, 0, 50, 0}, &point));
  assert_false(pareto_covers(fixture.front, (const double[]){38, 0, 49.5, 0}, &point));
  /* Steps against 100 mm² and 20 a second: 60 × 10, then 50 × 8 more, then 15 × 14 more. */
  assert_true(pareto_hypervolume(fixture.front, (const double[]){100, 20}, &fixture.scratch) == 600 + 400 + 210);
  end(&fixture);
}

static void infeasible_records_stay_out(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  struct record record = {.score = {.objective = {99, 1}, .reason = 3}};
  assert_false(pareto_add(fixture.front, &record));
  assert_int_equal(pareto_count(fixture.front), 0);
  assert_true(pareto_hypervolume(fixture.front, (const double[]){0, 100}, &fixture.scratch) == 0);
  end(&fixture);
}

static void grows(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  for (uint16_t i = 0; i < 2385; i++) {
    const uint16_t k = (uint16_t)(i * 1999u % 2385u); /* all of them, in another order */
    assert_true(add(&fixture, k, 1 + k, 1 + k, 0, 0));
  }
  assert_int_equal(pareto_count(fixture.front), 2385);
  for (size_t i = 0; i < 2385; i++) assert_int_equal(pareto_at(fixture.front, i)->point.index[15], 2384 - i);
  end(&fixture);
}

static void one_objective(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 1);
  assert_true(add(&fixture, 1, 23, 0, 0, 0));
  assert_true(add(&fixture, 2, 85, 0, 0, 0));
  assert_false(add(&fixture, 3, 84, 0, 0, 0));
  assert_points(&fixture, (const uint16_t[]){2}, 1);
  assert_true(pareto_hypervolume(fixture.front, (const double[]){23.5}, &fixture.scratch) == 61.5);
  end(&fixture);
}

static bool covers(const struct fixture *fixture, uint16_t index, double a, double b) {
  struct point point = {{0}};
  point.index[15] = index;
  return pareto_covers(fixture->front, (const double[]){a, b}, &point);
}

/* What is nowhere better than a design of the front; of equals, what is a later point. Asked in an order in which the
 * memory of the last cover helps, does not help, and would mislead. */
static void covers_what_cannot_enter(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  assert_false(covers(&fixture, 85, 0, 1e300));
  assert_true(add(&fixture, 23, 50, 285, 0, 0));
  assert_true(add(&fixture, 38, 30, 185, 0, 0));
  assert_true(add(&fixture, 52, 10, 85, 0, 0));
  for (unsigned repeat = 0; repeat < 2; repeat++) {
    assert_true(covers(&fixture, 7, 9, 86));
    assert_true(covers(&fixture, 7, 49, 286));
    assert_true(covers(&fixture, 7, 29.5, 185)); /* no worse in one, worse in the other */
    assert_false(covers(&fixture, 7, 31, 284));  /* between two */
    assert_false(covers(&fixture, 7, 51, 1e300));
    assert_false(covers(&fixture, 7, 0, 84));
    assert_false(covers(&fixture, 37, 30, 185)); /* may be equal, and then comes first */
    assert_true(covers(&fixture, 39, 30, 185));
    assert_true(covers(&fixture, 60, 10, 85)); /* the last remembers the last */
    assert_false(covers(&fixture, 60, 30.5, 184));
  }
  /* The design that covered last is no longer there, and another is in its place. */
  assert_true(covers(&fixture, 60, 10, 85));
  assert_true(add(&fixture, 6, 11, 84, 0, 0));
  assert_points(&fixture, (const uint16_t[]){23, 38, 6}, 3);
  assert_true(covers(&fixture, 60, 10, 85));
  assert_false(covers(&fixture, 5, 11, 84));
  end(&fixture);
}

/* A design that is asked for enters exactly if it is not covered. */
static void covers_is_the_opposite_of_add(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  unsigned n_entered = 0, n_covered = 0;
  for (unsigned i = 0; i < 2385; i++) {
    const uint16_t index = (uint16_t)(i * 1999u % 2385u);
    const double a = i * 7919u % 101, b = a + i * 104729u % 7; /* many ties */
    const bool covered = covers(&fixture, index, a, b);
    assert_int_equal(add(&fixture, index, a, b, 0, 0), !covered);
    n_entered += !covered;
    n_covered += covered;
  }
  assert_true(n_entered > 20 && n_covered > 2000);
  end(&fixture);
}

static void a_cleared_front_is_a_new_one(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  assert_true(add(&fixture, 23, 50, 85, 0, 0));
  assert_true(add(&fixture, 38, 30, 25, 0, 0));
  assert_true(covers(&fixture, 60, 30, 25));
  pareto_clear(fixture.front);
  assert_int_equal(pareto_count(fixture.front), 0);
  assert_false(covers(&fixture, 60, 30, 25));
  assert_true(pareto_hypervolume(fixture.front, (const double[]){0, 100}, &fixture.scratch) == 0);
  assert_true(add(&fixture, 52, 20, 35, 0, 0)); /* beaten by what was there */
  assert_false(covers(&fixture, 60, 30, 25));   /* the memory of the last cover points to where now another is */
  assert_points(&fixture, (const uint16_t[]){52}, 1);
  end(&fixture);
}

/* Boxes by hand; all numbers are exact in binary. */
static void hypervolume_in_the_plane(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 2);
  add(&fixture, 1, 5, 9, 0, 0);
  add(&fixture, 2, 3, 7, 0, 0);
  add(&fixture, 3, 2, 2, 0, 0);
  /* From (1, 10): 4 × 1 + 2 × 2 + 1 × 5. */
  assert_true(pareto_hypervolume(fixture.front, (const double[]){1, 10}, &fixture.scratch) == 13);
  /* From (2, 10) the third gains nothing; from (1, 9) the first does not. */
  assert_true(pareto_hypervolume(fixture.front, (const double[]){2, 10}, &fixture.scratch) == 5);
  assert_true(pareto_hypervolume(fixture.front, (const double[]){1, 9}, &fixture.scratch) == 9);
  end(&fixture);
}

static void hypervolume_in_space(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 3);
  add(&fixture, 1, 3, 9, 9, 0); /* gains 3 1 1 from (0, 10, 10) */
  add(&fixture, 2, 1, 7, 9, 0); /* 1 3 1 */
  add(&fixture, 3, 1, 9, 7, 0); /* 1 1 3: a corner with three arms */
  assert_true(pareto_hypervolume(fixture.front, (const double[]){0, 10, 10}, &fixture.scratch) == 1 + 3 * 2);
  end(&fixture);
}

static void hypervolume_in_four_objectives(void **state) {
  (void)state;
  struct fixture fixture;
  begin(&fixture, 4);
  add(&fixture, 1, 3, 9, 9, 9);
  add(&fixture, 2, 1, 7, 9, 9);
  add(&fixture, 3, 1, 9, 7, 9);
  add(&fixture, 4, 1, 9, 9, 7);
  assert_true(pareto_hypervolume(fixture.front, (const double[]){0, 10, 10, 10}, &fixture.scratch) == 1 + 4 * 2);
  add(&fixture, 5, 2, 8, 8, 8); /* 2⁴, of which it takes 1 + 4 from the others */
  assert_true(pareto_hypervolume(fixture.front, (const double[]){0, 10, 10, 10}, &fixture.scratch) == 4 + 16);
  end(&fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keeps_what_is_not_beaten),
      cmocka_unit_test(equals_are_represented_by_the_first_point),
      cmocka_unit_test(any_objectives_in_any_order),
      cmocka_unit_test(infeasible_records_stay_out),
      cmocka_unit_test(grows),
      cmocka_unit_test(one_objective),
      cmocka_unit_test(covers_what_cannot_enter),
      cmocka_unit_test(covers_is_the_opposite_of_add),
      cmocka_unit_test(a_cleared_front_is_a_new_one),
      cmocka_unit_test(hypervolume_in_the_plane),
      cmocka_unit_test(hypervolume_in_space),
      cmocka_unit_test(hypervolume_in_four_objectives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
