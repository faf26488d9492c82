/* Do the exact methods find the best of all answers, say truly when they have proven it, and bound it when not?
 *
 * Random small problems of each kind that has an exact method, against all placements and orders; with an answer known
 * before, good or none; with too little work. */
#include "search/placement/placement_bounds.h"
#include "tests/placement_small.h"

#include <glpk.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
static const double slack = 1e-9;
static const double closeness = 1e-6; /* of GLPK's proofs; others are 1e-9 */

enum { N_EACH = 200, N_FILES = 240, ENOUGH = 2000000 };

static void judge(const struct placement_problem *problem, uint64_t task, struct arena *arena, size_t *n_proven) {
  struct placement_answer known, best = placement_answer_new(problem, arena);
  const double least = small_best(problem, arena, &known);
  double value = INFINITY, bound = 0;
  if (task % 3 == 0 && least < INFINITY) { /* it may start from the optimum */
    placement_answer_copy(problem, &known, &best);
    /* … or one said to be a little worse than it is: then it must be found again, just below the limit. */
    value = task % 2 == 0 ? least : least * 1.01;
  }
  const uint64_t work = task % 7 == 6 ? 3 : ENOUGH;
  const bool proven = placement_exact(problem, work, arena, &best, &value, &bound);
  if (bound > least * (1 + slack)) fail_msg("task %" PRIu64 ": bound %.12g above %.12g", task, bound, least);
  if (value < INFINITY) {
    const double truth = placement_evaluate(problem, &best, arena, NULL);
    const bool said = task % 6 == 3 && !proven; /* the limit, nothing better found yet */
    if (!said && !(fabs(truth - value) <= slack * truth)) {
      fail_msg("task %" PRIu64 ": %.12g is %.12g", task, value, truth);
    }
  }
  if (proven && fabs(value - least) > closeness * least) {
    fail_msg("task %" PRIu64 ": %.12g is no optimum, which is %.12g", task, value, least);
  }
  if (work == ENOUGH && least < INFINITY) assert_true(proven);
  if (least == INFINITY) assert_false(proven);
  *n_proven += proven;
}

static void try_many(uint64_t round, struct small_shape shape, size_t most_layers) {
  size_t n_proven = 0, n = 0;
  print_message("seed %" PRIu64 ", round %" PRIu64 "\n", seed, round);
  for (uint64_t task = 0; task < N_EACH; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 200 + round, task);
    shape.n_layers = 1 + task % most_layers, shape.n_devices = 1 + rng_below(&rng, 3);
    struct placement_problem problem;
    if (small_draw(&shape, &rng, &arena, &problem)) {
      n++;
      judge(&problem, task, &arena, &n_proven);
    }
    arena_release(&arena);
  }
  print_message("  %zu of %zu proven\n", n_proven, n);
  assert_true(n_proven > N_EACH / 2);
}

static void makespans_of_fusing_layers(void **state) {
  (void)state;
  try_many(0, (struct small_shape){.timing = PLACEMENT_SERIAL, .plain = true, .roomy = true}, 5);
}
static void makespans_of_chains(void **state) {
  (void)state;
  try_many(1, (struct small_shape){.timing = PLACEMENT_SERIAL, .plain = true, .roomy = true, .chains = true}, 6);
}
static void makespans_with_delays(void **state) {
  (void)state;
  try_many(2, (struct small_shape){.timing = PLACEMENT_DELAY, .plain = true, .roomy = true}, 5);
}
static void periods_of_pieces(void **state) {
  (void)state;
  try_many(3, (struct small_shape){.timing = PLACEMENT_SERIAL, .objective = PLACEMENT_PERIOD, .split = true}, 5);
}
/* Weights that do not all fit, groups, hosts: by the mixed-integer program. */
static void makespans_with_pins(void **state) {
  (void)state;
  try_many(4, (struct small_shape){.timing = PLACEMENT_SERIAL, .plain = true}, 4);
}
static void makespans_with_groups_and_hosts(void **state) {
  (void)state;
  try_many(5, (struct small_shape){.timing = PLACEMENT_DELAY, .star = true}, 4);
}

/* The file, read back and solved, for fusions, pins, groups and delays. */
static void programs_as_files(void **state) {
  (void)state;
  size_t n = 0;
  for (uint64_t task = 0; task < N_FILES; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 300, task);
    const bool serial = task % 2 == 0;
    const struct small_shape shape = {.n_layers = 1 + task % 5,
                                      .n_devices = 1 + (task / 2) % 2,
                                      .timing = serial ? PLACEMENT_SERIAL : PLACEMENT_DELAY,
                                      .plain = serial,
                                      .star = !serial};
    struct placement_problem problem;
    struct placement_answer best;
    struct error error = {0};
    const double least = small_draw(&shape, &rng, &arena, &problem) ? small_best(&problem, &arena, &best) : INFINITY;
    if (least < INFINITY) {
      char path[] = "/tmp/test_placement_exact.XXXXXX";
      const int file = mkstemp(path);
      assert_true(file >= 0 && close(file) == 0);
      if (!placement_write_lp(&problem, path, &arena, &error)) fail_msg("%s", error.text);
      glp_prob *lp = glp_create_prob();
      assert_int_equal(glp_read_lp(lp, NULL, path), 0);
      assert_int_equal(unlink(path), 0);
      glp_iocp settings;
      glp_init_iocp(&settings);
      settings.msg_lev = GLP_MSG_OFF, settings.presolve = GLP_ON;
      assert_int_equal(glp_intopt(lp, &settings), 0);
      const double solved = glp_mip_obj_val(lp);
      glp_delete_prob(lp);
      if (fabs(solved - least) > 1e-5 * least) fail_msg("task %" PRIu64 ": %.12g, not %.12g", task, solved, least);
      n++;
    }
    arena_release(&arena);
  }
  assert_true(n > N_FILES / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makespans_of_fusing_layers), cmocka_unit_test(makespans_of_chains),
      cmocka_unit_test(makespans_with_delays),      cmocka_unit_test(periods_of_pieces),
      cmocka_unit_test(makespans_with_pins),        cmocka_unit_test(makespans_with_groups_and_hosts),
      cmocka_unit_test(programs_as_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
