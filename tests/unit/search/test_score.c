/* Does the judge of scores see every promise that a score can break? */
#include "search/space/space.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_TEST_OBJECTIVES = 2, N_TEST_REASONS = 3, N_AXES = 3, LAST_STEP = 4 };

static const struct objective objectives[N_TEST_OBJECTIVES] = {{"rate", "1/s", "", true}, {"cost", "mm2", "", false}};
static const uint64_t values[LAST_STEP + 1] = {1, 2, 4, 8, 2385};
static const struct axis axes[N_AXES] = {{.n = LAST_STEP + 1, .values = values},
                                         {.n = LAST_STEP + 1, .values = values},
                                         {.n = LAST_STEP + 1, .values = values}};

static struct space space_of(size_t metric) {
  return (struct space){.n_axes = N_AXES,
                        .n_objectives = N_TEST_OBJECTIVES,
                        .n_front_objectives = N_TEST_OBJECTIVES,
                        .axes = axes,
                        .objectives = objectives,
                        .metric = metric,
                        .n_reasons = N_TEST_REASONS,
                        .n_bindings = 1};
}

static void expect_bad(const struct space *space, const struct score *score) {
  const char *what = NULL;
  assert_false(space_check_score(space, score, &what));
  assert_non_null(what);
}

static void expect_good(const struct space *space, const struct score *score) {
  const char *what = NULL;
  assert_true(space_check_score(space, score, &what));
}

#define EXPECT_BAD_WITH(member, value)                                                                                 \
  do {                                                                                                                 \
    struct score changed = good;                                                                                       \
    changed.member = value;                                                                                            \
    expect_bad(space, &changed);                                                                                       \
  } while (0)

static void broken_promises_are_seen(void **state) {
  (void)state;
  for (size_t metric = 0; metric < N_TEST_OBJECTIVES; metric++) {
    const struct space one = space_of(metric), *space = &one;
    const double worse = metric == 0 ? 22.9 : 23.9, better = metric == 0 ? 23.9 : 22.9;
    struct score good = {.objective = {23.85, 23.85}, .n_moves = SCORE_MAX_MOVES};
    for (size_t m = 0; m < SCORE_MAX_MOVES; m++)
      good.moves[m] = (struct move){2.385, N_AXES - 1, m % 2 == 0 ? LAST_STEP : -LAST_STEP, 0};
    good.bound = better;
    expect_good(space, &good);
    good.bound = 23.85;
    expect_good(space, &good);
    EXPECT_BAD_WITH(bound, worse);
    EXPECT_BAD_WITH(bound, (double)NAN);
    EXPECT_BAD_WITH(reason, N_TEST_REASONS);
    EXPECT_BAD_WITH(binding, 1);
    EXPECT_BAD_WITH(n_moves, SCORE_MAX_MOVES + 1);
    EXPECT_BAD_WITH(moves[3].axis, N_AXES);
    EXPECT_BAD_WITH(moves[3].step, LAST_STEP + 1);
    EXPECT_BAD_WITH(moves[3].step, -LAST_STEP - 1);
    EXPECT_BAD_WITH(moves[3].step, INT16_MIN);
    EXPECT_BAD_WITH(moves[3].step, 0);
    EXPECT_BAD_WITH(moves[3].worth, (double)NAN);
    EXPECT_BAD_WITH(excess, (double)NAN);
    EXPECT_BAD_WITH(excess, -0.2385);
    for (size_t o = 0; o < N_TEST_OBJECTIVES; o++) {
      EXPECT_BAD_WITH(objective[o], (double)NAN);
      EXPECT_BAD_WITH(objective[o], (double)INFINITY);
      EXPECT_BAD_WITH(objective[o], -0.2385);
    }
  }
}

/* Objectives and bounds mean nothing where a design is infeasible; what is left must still make sense. */
static void infeasible_scores_need_a_reason_and_an_excess(void **state) {
  (void)state;
  const struct space one = space_of(0), *space = &one;
  const struct score good = {.reason = 2, .excess = 2.385, .objective = {(double)NAN}, .bound = (double)NAN};
  expect_good(space, &good);
  EXPECT_BAD_WITH(reason, N_TEST_REASONS);
  EXPECT_BAD_WITH(excess, (double)INFINITY);
  EXPECT_BAD_WITH(excess, -2.385);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(broken_promises_are_seen),
      cmocka_unit_test(infeasible_scores_need_a_reason_and_an_excess),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
