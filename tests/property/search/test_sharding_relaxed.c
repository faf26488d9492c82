/* Do sets of so many boards bound all sets of boards? Rings and links against every subset of small systems with links
 * of their own; what the relaxation proves against the exact search over real sets; its answers before the judge. */
#include "search/sharding/sharding_branch.h"
#include "search/sharding/sharding_rings.h"
#include "search/sharding/sharding_room.h"
#include "tests/sharding_random.h"
#include "tests/sharding_solve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed = 2386;
static const double rounding = 1e-12, tolerance = 1e-9;
enum { N_SYSTEMS = 60, N_CASES = 200, N_MEDIUM = 12, MOST_LAYERS = 7, MOST_BOARDS = 6 };

static void draw(uint64_t number, uint64_t stream, size_t most_boards, struct sharding_problem *problem) {
  struct rng rng = rng_stream(seed, RNG_TEST, stream, number);
  struct sharding_shape_of_problem shape = sharding_random_shape(&rng, MOST_LAYERS, most_boards);
  shape.links = number % 3 != 0;
  sharding_random_problem(&rng, &shape, &arena, problem);
}

static uint32_t subset(const uint32_t *order, uint32_t n, unsigned mask, uint32_t *boards) {
  uint32_t p = 0;
  for (uint32_t i = 0; i < n; i++) {
    if ((mask >> i & 1) != 0) boards[p++] = order[i];
  }
  return p;
}

static void check_system(const struct sharding_problem *problem) {
  const uint32_t n = (uint32_t)problem->n_boards;
  uint32_t order[MOST_BOARDS], m = 0, one[MOST_BOARDS], two[MOST_BOARDS];
  double best[MOST_BOARDS + 1] = {0};
  for (uint32_t g = 0; g < problem->n_groups; g++) {
    for (uint32_t b = 0; b < n; b++) {
      if (problem->board_group[b] == g) order[m++] = b;
    }
  }
  struct sharding_rings rings;
  sharding_rings_make(problem, order, n, n, &arena, &rings);
  const double *rate = sharding_rates_make(problem, &arena);
  for (unsigned mask = 1; mask < 1U << n; mask++) {
    const uint32_t p = subset(order, n, mask, one);
    best[p] = fmax(best[p], sharding_ring_bandwidth(problem, one, p));
    for (unsigned other = 1; other < 1U << n; other++) {
      if ((mask & other) != 0) continue;
      const uint32_t q = subset(order, n, other, two);
      assert_true(sharding_between_bandwidth(problem, one, p, two, q) <= rate[(p - 1) * n + q - 1]);
    }
  }
  for (uint32_t p = 1; p <= n; p++) {
    assert_true(rings.bandwidth[p] == best[p]);
    assert_true(sharding_ring_bandwidth(problem, rings.boards[p], p) == best[p]);
  }
}

static void test_rings(void **state) {
  (void)state;
  for (uint64_t number = 0; number < N_SYSTEMS; number++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_problem problem;
    draw(number, 81, MOST_BOARDS, &problem);
    check_system(&problem);
    arena_rewind(&arena, mark);
  }
}

static void judge(const struct sharding_problem *problem, uint64_t number, const struct sharding_answer *answer,
                  double value_s) {
  struct error *error = ARENA_NEW(&arena, struct error, 1);
  double truth_s = NAN;
  const struct sharding_claim claim = {.answer = *answer};
  if (!sharding_check(problem, &claim, &arena, &truth_s, error)) {
    fail_msg("case %lu: %s", (unsigned long)number, error->text);
  }
  if (!(fabs(value_s - truth_s) <= tolerance * truth_s)) {
    fail_msg("case %lu: says %.17g, judged %.17g", (unsigned long)number, value_s, truth_s);
  }
}

/* Real sets by exact search, few boards; the relaxation knows none of them. */
static void test_bound(void **state) {
  (void)state;
  size_t n_met = 0, n_proven = 0, n_lacking = 0, n_fitting = 0;
  for (uint64_t number = 0; number < N_CASES; number++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_problem problem;
    struct sharding_sets sets;
    draw(number, 82, 4, &problem);
    const struct branch_limits limits = {.max_nodes = 3000, .max_solved = 300};
    struct branch_limits relaxed_limits = limits;
    struct branch_result exact = {.value_s = INFINITY}, relaxed = {.value_s = INFINITY};
    assert_true(sharding_branch(&problem, &limits, &scratch, &arena, &exact));
    assert_true(sharding_sets_relax(&problem, 512, &arena, &sets));
    relaxed_limits.sets = &sets, relaxed_limits.max_improved = 500;
    assert_true(sharding_branch(&problem, &relaxed_limits, &scratch, &arena, &relaxed));
    if (relaxed.bound_s > exact.value_s * (1 + rounding)) {
      fail_msg("case %lu: a bound of %.17g, an answer of %.17g", (unsigned long)number, relaxed.bound_s, exact.value_s);
    }
    if (exact.bound_s > relaxed.value_s * (1 + rounding)) {
      fail_msg("case %lu: %.17g, nothing is below %.17g", (unsigned long)number, relaxed.value_s, exact.bound_s);
    }
    if (isfinite(relaxed.value_s)) judge(&problem, number, &relaxed.answer, relaxed.value_s);
    struct sharding_room room;
    sharding_room(&problem, &scratch, &room);
    if (room.lacks && isfinite(exact.value_s))
      fail_msg("case %lu: an answer where there is none", (unsigned long)number);
    n_lacking += room.lacks, n_fitting += isfinite(exact.value_s);
    n_proven += isfinite(exact.value_s) && exact.bound_s >= exact.value_s * (1 - rounding);
    n_met += isfinite(relaxed.value_s) && relaxed.bound_s >= relaxed.value_s * (1 - rounding);
    arena_rewind(&arena, mark);
  }
  printf("seed %lu: %zu proven over real sets, %zu of %d by numbers of boards; %zu fit, %zu cannot\n",
         (unsigned long)seed, n_proven, n_met, N_CASES, n_fitting, n_lacking);
  assert_true(n_met > N_CASES / 3 && n_lacking > 0);
}

/* Systems whose sets nobody can list: every algorithm's answer against the bound. */
static void test_medium(void **state) {
  (void)state;
  for (uint64_t number = 0; number < N_MEDIUM; number++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_problem problem;
    struct sharding_bounds bounds;
    draw(number, 83, 20, &problem);
    sharding_bounds(&problem, &scratch, &bounds);
    double bound_s = bounds.best_s, best_s = INFINITY;
    for (size_t i = 0; i < n_sharding_algorithms; i++) {
      const struct sharding_algorithm *algorithm = sharding_algorithms[i];
      if (algorithm->applies != NULL && !algorithm->applies(&problem)) continue;
      const struct sharding_result result = sharding_solve(&problem, &bounds, algorithm, seed, 300);
      if (result.found) judge(&problem, number, &result.answer, result.value_s);
      if (result.found) best_s = fmin(best_s, result.value_s);
      bound_s = fmax(bound_s, result.bound_s);
    }
    if (bound_s > best_s * (1 + rounding)) {
      fail_msg("case %lu: a bound of %.17g, an answer of %.17g", (unsigned long)number, bound_s, best_s);
    }
    arena_rewind(&arena, mark);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_rings, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_medium, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
