/* Schedules from scratch on graphs small enough to work out by hand. */
#include "arch/schedule_starts.h"
#include "tests/schedule_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TC = 1 << CORE_TENSOR, VC = 1 << CORE_VECTOR };

struct fixture {
  struct arena arena;
  struct op_graph graph;
  struct schedule_problem problem;
  struct placer placer;
  uint64_t start_cycles[8];
  uint8_t width_log2[8];
  struct schedule_plan plan;
};

static void begin(struct fixture *fixture, struct graph_builder *builder, unsigned n_widths, uint32_t n_tensor,
                  uint32_t n_vector) {
  case_finish(builder, &fixture->arena, &fixture->graph);
  fixture->problem = case_problem(&fixture->graph, n_widths, n_tensor, n_vector, 1, &fixture->arena);
  assert_true(placer_init(&fixture->placer, &fixture->problem, &fixture->arena));
  fixture->placer.n_left = 2385;
  fixture->plan = (struct schedule_plan){0, fixture->start_cycles, fixture->width_log2};
}

/* A long op, and beside it a chain that needs the same core for a moment. Forward by latest start, the long op goes
 * first, the chain waits for it and ends at 10 + 1 + 9; by latest finish, the moment goes first: 2 + 1 + 10. From the
 * end it is the other way round: the chain's last op leaves 9 cycles before the moment, and the long op either goes
 * first (10 + 1 + 2) or misses them (9 + 1 + 10). */
static void orders_differ_in_what_waits(void **state) {
  (void)state;
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  struct graph_builder *const builder = graph_builder_new(&fixture.arena);
  case_add(builder, TC, 10, SPREAD_NONE, NULL, 0);
  const uint32_t before = case_add(builder, VC, 2, SPREAD_NONE, NULL, 0);
  const uint32_t moment = case_add(builder, TC, 1, SPREAD_NONE, &before, 1);
  case_add(builder, VC, 9, SPREAD_NONE, &moment, 1);
  begin(&fixture, builder, 1, 1, 1);
  static const uint64_t makespans[N_START_RULES] = {
      [START_BY_START] = 20, [START_BACK_BY_START] = 13, [START_BY_FINISH] = 13, [START_BACK_BY_FINISH] = 20};
  for (unsigned rule = 0; rule < N_START_RULES; rule++) {
    assert_true(start_place(&fixture.placer, (enum start_rule)rule, makespans[rule], &fixture.plan));
    assert_int_equal(fixture.plan.makespan_cycles, makespans[rule]);
    assert_false(start_place(&fixture.placer, (enum start_rule)rule, makespans[rule] - 1, &fixture.plan));
  }
  arena_release(&fixture.arena);
}

static void caps_are_by_class(void **state) {
  (void)state;
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  struct graph_builder *const builder = graph_builder_new(&fixture.arena);
  case_add(builder, TC, 80, SPREAD_EVEN, NULL, 0);
  case_add(builder, VC, 80, SPREAD_EVEN, NULL, 0);
  case_add(builder, TC | VC, 80, SPREAD_EVEN, NULL, 0);
  case_add(builder, TC, 77, SPREAD_NONE, NULL, 0); /* wider is no faster */
  case_add(builder, TC, 79, SPREAD_TWO, NULL, 0);  /* more than two cores are not allowed */
  begin(&fixture, builder, 4, 8, 4);
  static const struct {
    unsigned caps[N_CORE_CLASSES];
    uint8_t widths[5];
  } cases[] = {{{3, 3, 3}, {3, 2, 2, 0, 1}}, {{1, 3, 3}, {1, 2, 1, 0, 1}}, {{3, 0, 0}, {3, 0, 0, 0, 1}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    start_capped_widths(&fixture.placer, cases[i].caps, fixture.width_log2);
    assert_memory_equal(fixture.width_log2, cases[i].widths, sizeof cases[i].widths);
  }
  arena_release(&fixture.arena);
}

/* A chain of two beside a shorter op, on two tensor cores. One core each: path 48, work per core (24 + 24 + 10) / 2
 * = 29. Wider first is the chain's first op (of equals, the earlier): path 36, work the same; then its second: path 24,
 * less than the work, so that is where they balance. The op beside is never critical and stays as it is. */
static void growth_balances_path_and_work(void **state) {
  (void)state;
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  struct graph_builder *const builder = graph_builder_new(&fixture.arena);
  const uint32_t first = case_add(builder, TC, 24, SPREAD_EVEN, NULL, 0);
  case_add(builder, TC, 24, SPREAD_EVEN, &first, 1);
  case_add(builder, TC, 10, SPREAD_EVEN, NULL, 0);
  begin(&fixture, builder, 2, 2, 1);
  struct start_growth growth;
  start_grow(&fixture.placer, &fixture.arena, &growth);
  assert_int_equal(growth.n_steps, 2);
  assert_int_equal(growth.n_balanced, 2);
  static const uint8_t widths[][3] = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}};
  for (size_t k = 0; k <= 2; k++) {
    start_grown_widths(&fixture.placer, &growth, k, fixture.width_log2);
    assert_memory_equal(fixture.width_log2, widths[k], sizeof widths[k]);
  }
  arena_release(&fixture.arena);
}

/* More cores than a lane counts are as many as it counts, and none of another class. */
static void no_number_of_cores_is_too_large(void **state) {
  (void)state;
  static struct fixture fixture;
  arena_init(&fixture.arena, 1 << 16);
  struct graph_builder *const builder = graph_builder_new(&fixture.arena);
  for (unsigned i = 0; i < 5; i++) case_add(builder, TC, 77, SPREAD_EVEN, NULL, 0);
  for (unsigned i = 0; i < 3; i++) case_add(builder, VC, 7, SPREAD_EVEN, NULL, 0);
  begin(&fixture, builder, SCHEDULE_MAX_WIDTHS, UINT32_MAX, 1);
  start_capped_widths(&fixture.placer, (unsigned[]){12, 12, 12}, fixture.width_log2);
  assert_true(start_place(&fixture.placer, START_BY_START, 2385, &fixture.plan));
  assert_int_equal(fixture.plan.makespan_cycles, 21); /* three times 7 on one vector core; 77 on 128: one */
  arena_release(&fixture.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(orders_differ_in_what_waits),
      cmocka_unit_test(caps_are_by_class),
      cmocka_unit_test(growth_balances_path_and_work),
      cmocka_unit_test(no_number_of_cores_is_too_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
