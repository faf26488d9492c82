/* Are bounds and schedules of before those that would be found anew, whatever two problems differ in?
 *
 * Walks over problems of some graphs that share one table: each step changes one thing of the last problem, and bound
 * and schedule are asked for in either order, from a roomy table and from one in which all replace each other. */
#include "arch/schedule_memo.h"
#include "tests/schedule_random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { N_GRAPHS = 7, N_STEPS = 1200, N_TABLES = 2 };

struct case_of {
  struct schedule_fixture fixture;
  struct digest structure;
  struct schedule_problem problem;
  uint64_t *cycles; /* those of the problem */
};

static void make(struct case_of *one, uint64_t task) {
  begin(&one->fixture, 41, task);
  random_graph(&one->fixture, task % 2 == 0 ? 12 : 90, 997);
  one->problem = random_problem(&one->fixture, 3, 5);
  one->structure = schedule_structure(&one->fixture.graph);
  const size_t n = one->fixture.graph.n_shapes * one->problem.n_widths;
  one->cycles = ARENA_NEW(&one->fixture.arena, uint64_t, n);
  memcpy(one->cycles, one->problem.shape_cycles, n * sizeof *one->cycles);
  one->problem.shape_cycles = one->cycles;
}

/* There and back again, so that the same problem is met, too. */
static void change(struct case_of *one, struct rng *rng) {
  struct schedule_problem *const problem = &one->problem;
  const size_t n = one->fixture.graph.n_shapes * problem->n_widths;
  switch (rng_below(rng, 5)) {
  case 0:
    problem->n_cores[rng_below(rng, N_CORE_CLASSES)] = 1 + (uint32_t)rng_below(rng, 3);
    break;
  case 1:
    one->cycles[rng_below(rng, n) / problem->n_widths * problem->n_widths] ^= 1; /* of one core */
    break;
  case 2:
    problem->share = !problem->share;
    break;
  case 3:
    problem->passes = (unsigned)rng_below(rng, 20) / 19; /* seldom: small graphs take a millisecond a pass */
    break;
  default:
    problem->enough_cycles = rng_below(rng, 2) * 2385;
  }
}

static void assert_bound(struct case_of *one, struct memo *known) {
  enum schedule_bound_kind kind, other_kind;
  const uint64_t anew = schedule_lower_bound(&one->problem, &one->fixture.scratch, &kind);
  assert_int_equal(schedule_known_bound(known, one->structure, &one->problem, &one->fixture.scratch, &other_kind),
                   anew);
  assert_int_equal(other_kind, kind);
}

static void assert_schedule(struct case_of *one, struct memo *known, const struct schedule *anew) {
  struct schedule found;
  schedule_known_build(known, one->structure, &one->problem, &one->fixture.scratch, &found);
  assert_int_equal(found.makespan_cycles, anew->makespan_cycles);
  assert_int_equal(found.critical_path_cycles, anew->critical_path_cycles);
  assert_memory_equal(found.delay_cycles, anew->delay_cycles, sizeof anew->delay_cycles);
  assert_memory_equal(found.busy_cycles, anew->busy_cycles, sizeof anew->busy_cycles);
  assert_null(found.start_cycles);
}

static void test_known_problems(void **state) {
  (void)state;
  static struct case_of cases[N_GRAPHS];
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct memo *const tables[N_TABLES] = {schedule_memo_new(&arena, 1 << 12), schedule_memo_new(&arena, 2)};
  struct rng rng = rng_stream(schedule_seed, RNG_TEST, 41, N_GRAPHS);
  print_message("seed %llu\n", (unsigned long long)schedule_seed);
  for (size_t g = 0; g < N_GRAPHS; g++) make(&cases[g], g);
  for (size_t g = 0; g < N_GRAPHS; g++)
    for (size_t h = 0; h < g; h++) assert_false(digest_equal(cases[g].structure, cases[h].structure));
  for (unsigned step = 0; step < N_STEPS; step++) {
    struct case_of *const one = &cases[rng_below(&rng, N_GRAPHS)];
    change(one, &rng);
    struct schedule anew;
    schedule_build(&one->problem, &one->fixture.scratch, NULL, false, &anew);
    for (unsigned t = 0; t < N_TABLES; t++)
      for (unsigned look = 0; look < 2; look++) {
        if ((step + look) % 2 == 0) assert_bound(one, tables[t]);
        assert_schedule(one, tables[t], &anew);
      }
    assert_bound(one, NULL);
    assert_schedule(one, NULL, &anew);
  }
  for (size_t g = 0; g < N_GRAPHS; g++) end(&cases[g].fixture);
  arena_release(&arena);
}

/* An edge, or a shape, more or less is another structure; what ops are named is not. */
static void test_structure(void **state) {
  (void)state;
  struct schedule_fixture fixture;
  begin(&fixture, 42, 0);
  case_layered(&fixture.rng, 77, 5, 997, &fixture.arena, &fixture.graph);
  const struct digest structure = schedule_structure(&fixture.graph);
  struct op_graph other = fixture.graph;
  struct op *ops = ARENA_NEW(&fixture.arena, struct op, other.n_ops);
  memcpy(ops, other.ops, other.n_ops * sizeof *ops);
  other.ops = ops;
  ops[23].layer ^= 1;
  assert_true(digest_equal(schedule_structure(&other), structure));
  ops[23].shape = ops[22].shape == ops[23].shape ? ops[23].shape + 1 : ops[22].shape;
  assert_false(digest_equal(schedule_structure(&other), structure));
  other = fixture.graph;
  uint32_t *start = ARENA_NEW(&fixture.arena, uint32_t, other.n_ops + 1);
  memcpy(start, other.pred_start, (other.n_ops + 1) * sizeof *start);
  size_t op = other.n_ops - 1;
  while (start[op] == start[op + 1]) op--;
  start[op]++; /* its first predecessor is the one's before it */
  other.pred_start = start;
  assert_false(digest_equal(schedule_structure(&other), structure));
  end(&fixture);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_problems), cmocka_unit_test(test_structure)};
  return cmocka_run_group_tests_name("schedule_memo", tests, NULL, NULL);
}
