/* What does the judge of sharding say of answers that are wrong, and does the simulator of messages find the times of
 * the worked example?
 *
 * Numbers: sharding §6 (one layer on four boards) and §7 (chain T14), computed apart from this program. */
#include "search/sharding/sharding_check_private.h"
#include "tests/sharding_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct sharding_design designs[] = {
    {.name = "D1", .model = SHARDING_TILED, .clock_hz = 200e6, .tm = 64, .tn = 8, .tr = 14, .tc = 14, .ports = 8},
    {.name = "D2", .model = SHARDING_SYSTOLIC, .clock_hz = 200e6, .rows = 16, .columns = 14, .vector = 2},
    {.name = "D3", .model = SHARDING_WINOGRAD, .clock_hz = 200e6, .pm = 4, .pn = 4},
};
enum { N_BOARDS = 4 };
static const struct sharding_board boards[N_BOARDS] = {{"b0", "g0", 1000000000, SHARDING_NONE},
                                                       {"b1", "g0", 1000000000, SHARDING_NONE},
                                                       {"b2", "g1", 1000000000, SHARDING_NONE},
                                                       {"b3", "g1", 1000000000, SHARDING_NONE}};

static struct sharding_problem problem_of(const struct sharding_layer *layers, size_t n_layers,
                                          const struct sharding_edge *edges, size_t n_edges) {
  const uint8_t usual = 1U << SHARDING_COUT | 1U << SHARDING_CIN | 1U << SHARDING_H | 1U << SHARDING_W;
  struct sharding_problem problem = {.name = "example",
                                     .element_bytes = 2,
                                     .adaptive = true,
                                     .double_buffer = true,
                                     .max_es_dims = 2,
                                     .es_dims = usual,
                                     .ss_dims = usual,
                                     .n_boards = N_BOARDS,
                                     .boards = boards,
                                     .n_designs = sizeof designs / sizeof *designs,
                                     .designs = designs,
                                     .n_layers = n_layers,
                                     .layers = layers,
                                     .n_edges = n_edges,
                                     .edges = edges,
                                     .intra_bytes_per_s = 1e9,
                                     .inter_bytes_per_s = 1e9,
                                     .host_bytes_per_s = 0.25e9};
  struct error error = {0};
  sharding_number_groups(&problem, &arena);
  if (!sharding_finish(&problem, &arena, &error)) fail_msg("%s", error.text);
  return problem;
}

static const struct sharding_layer example = {"c1", 0, {256, 128, 56, 56, 3, 3, 1}, 1, 1};
static const struct sharding_layer t14[] = {{"t1", 0, {256, 128, 14, 14, 3, 3, 1}, 1, 1},
                                            {"t2", 0, {512, 256, 14, 14, 1, 1, 1}, 1, 0},
                                            {"t3", 0, {512, 512, 14, 14, 3, 3, 1}, 1, 1},
                                            {"t4", 0, {256, 512, 14, 14, 1, 1, 1}, 1, 0}};
static const struct sharding_edge t14_edges[] = {{0, 1}, {1, 2}, {2, 3}};

/* Sharding §6: serial and overlapped, in ms. */
static void test_messages(void **state) {
  (void)state;
  static const struct {
    struct sharding_strategy strategy;
    double serial_ms, overlap_ms;
  } rows[] = {
      {{{4, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS}, 2.27458, 2.27458},
      {{{4, 1, 1, 1, 1, 1, 1}, SHARDING_CIN}, 2.926672, 2.32456},
      {{{1, 4, 1, 1, 1, 1, 1}, SHARDING_N_DIMS}, 4.683028, 4.683028},
      {{{2, 2, 1, 1, 1, 1, 1}, SHARDING_N_DIMS}, 3.077396, 3.077396},
      {{{2, 1, 1, 2, 1, 1, 1}, SHARDING_N_DIMS}, 2.27458, 2.27458},
      {{{2, 1, 1, 2, 1, 1, 1}, SHARDING_CIN}, 2.6394, 2.29124},
      {{{1, 1, 1, 4, 1, 1, 1}, SHARDING_N_DIMS}, 2.27458, 2.27458},
      {{{1, 1, 1, 4, 1, 1, 1}, SHARDING_COUT}, 2.766928, 2.32456},
  };
  struct sharding_problem problem = problem_of(&example, 1, NULL, 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    problem.overlap = false;
    const double serial_s = sharding_simulate(&problem, 0, 0, 4, 1e9, &rows[i].strategy, &arena);
    problem.overlap = true;
    const double overlap_s = sharding_simulate(&problem, 0, 0, 4, 1e9, &rows[i].strategy, &arena);
    assert_true(fabs(serial_s * 1e3 / rows[i].serial_ms - 1) < 1e-9);
    assert_true(fabs(overlap_s * 1e3 / rows[i].overlap_ms - 1) < 1e-9);
  }
}

/* 100 channels over three boards, pieces of 7 of 19: every cut leaves a rest. By hand: phases of 34 × ⌈19/3⌉ = 7
 * channels and pieces 7, 7, 5. */
static void test_uneven(void **state) {
  (void)state;
  static const struct sharding_layer layer = {"u", 0, {100, 19, 1, 1, 1, 1, 1}, 1, 0};
  const struct sharding_strategy strategy = {{3, 1, 1, 1, 1, 1, 1}, SHARDING_CIN};
  struct sharding_problem problem = problem_of(&layer, 1, NULL, 0);
  /* D2: ⌈34/16⌉·1·⌈7/2⌉ + 30 = 42 cycles; ⌈5/2⌉: 39. Shifts of 7 elements, 14 bytes; the closed form's ⌈19/3⌉ = 7 as
   * well. Every board works twice on pieces of 7 and once on that of 5, and waits for the slowest in each phase. */
  const double phase_s = 42 / 200e6, shift_s = 14 / 1e6;
  assert_true(fabs(sharding_simulate(&problem, 0, 1, 3, 1e6, &strategy, &arena) / (3 * phase_s + 2 * shift_s) - 1) <
              0.01);
  struct sharding_cost cost;
  sharding_cost(&problem, 0, &designs[1], 3, 1e6, &strategy, &cost);
  assert_true(fabs(cost.forward_s / (3 * phase_s + 2 * shift_s) - 1) < 1e-9);
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static const uint32_t all_four[] = {0, 1, 2, 3};

struct judged_answer {
  struct sharding_problem problem;
  struct sharding_set sets[2];
  struct sharding_strategy strategies[4];
  struct sharding_claim claim;
};

/* T14 on two groups of D3 and D1. */
static void take_example(struct judged_answer *a) {
  *a = (struct judged_answer){.problem = problem_of(t14, 4, t14_edges, 3),
                              .sets = {{2, 2, all_four, 0, 2}, {0, 2, all_four + 2, 3, 3}}};
  for (int l = 0; l < 4; l++) {
    a->strategies[l] = (struct sharding_strategy){{2, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
  }
  a->claim.answer = (struct sharding_answer){2, a->sets, a->strategies};
}

static double expect_fine(const struct judged_answer *a) {
  struct error error = {0};
  double latency_s;
  if (!sharding_check(&a->problem, &a->claim, &arena, &latency_s, &error)) fail_msg("%s", error.text);
  return latency_s;
}

static void expect_complaint(const struct judged_answer *a, const char *wanted) {
  struct error error = {0};
  double latency_s;
  assert_false(sharding_check(&a->problem, &a->claim, &arena, &latency_s, &error));
  if (strstr(error.text, wanted) == NULL) fail_msg("\"%s\" is not in: %s", wanted, error.text);
}

/* Sharding §7: D1, p = 4, serial, fixed strategies at 1 GB/s. */
static void test_chain(void **state) {
  (void)state;
  static const struct {
    uint32_t factor[4]; /* Cout, Cin, H, W */
    double latency_ms;
  } rows[] = {{{4, 1, 1, 1}, 1.8228}, {{1, 4, 1, 1}, 2.349648}, {{1, 1, 1, 4}, 5.661712}, {{2, 2, 1, 1}, 1.998416}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct judged_answer a;
    take_example(&a);
    a.sets[0] = (struct sharding_set){0, 4, all_four, 0, 3};
    a.claim.answer.n_sets = 1;
    for (int l = 0; l < 4; l++) {
      const uint32_t *f = rows[i].factor;
      a.strategies[l] = (struct sharding_strategy){{f[0], f[1], f[2], f[3], 1, 1, 1}, SHARDING_N_DIMS};
    }
    assert_true(fabs(expect_fine(&a) * 1e3 / rows[i].latency_ms - 1) < 1e-9);
  }
}

static void test_sets(void **state) {
  (void)state;
  static const uint32_t none[] = {7, 9}, twice[] = {1, 2};
  struct judged_answer a;
  take_example(&a);
  expect_fine(&a);
  a.claim.answer.n_sets = 0;
  expect_complaint(&a, "sets: there are none");
  take_example(&a);
  a.sets[1].boards = none;
  expect_complaint(&a, "boards: set 2: board 7 of 4");
  a.sets[1].boards = twice;
  expect_complaint(&a, "boards: b1 is in set 1 and in set 2");
  a.sets[1].n_boards = 0;
  expect_complaint(&a, "boards: set 2 has none");
  take_example(&a);
  a.sets[0].design = 3;
  expect_complaint(&a, "design: set 1: design 3 of 3");
  take_example(&a);
  a.problem.adaptive = false;
  expect_complaint(&a, "design: set 1 wants D3, b0 carries none");
  take_example(&a);
  a.sets[0].last = 1;
  expect_complaint(&a, "range: set 2 runs layers 3 to 3 of the topological order; 2 to at most 3 are due");
  take_example(&a);
  a.sets[1].last = 4;
  expect_complaint(&a, "range: set 2 runs layers 3 to 4");
  take_example(&a);
  a.claim.answer.n_sets = 1;
  expect_complaint(&a, "range: the last 1 of 4 layers run nowhere");
}

static void test_strategies(void **state) {
  (void)state;
  struct judged_answer a;
  take_example(&a);
  a.strategies[1].factor[SHARDING_COUT] = 0;
  expect_complaint(&a, "strategy: t2: a factor is 0");
  a.strategies[1].factor[SHARDING_COUT] = 1;
  expect_complaint(&a, "strategy: t2: exclusive shards make 1 of 2 boards");
  a.strategies[1].factor[SHARDING_KH] = 2;
  expect_complaint(&a, "strategy: t2: an exclusive shard on a loop that may not be split");
  take_example(&a);
  a.problem.es_dims |= 1U << SHARDING_B;
  a.strategies[2].factor[SHARDING_COUT] = 1, a.strategies[2].factor[SHARDING_B] = 2;
  expect_complaint(&a, "strategy: t3: B is split 2 times and has 1");
  take_example(&a);
  a.problem.max_es_dims = 0;
  expect_complaint(&a, "strategy: t1: exclusive shards on more loops than allowed");
  take_example(&a);
  a.strategies[0].shared = SHARDING_B;
  expect_complaint(&a, "strategy: t1: a loop that may not be shared");
  a.strategies[0].shared = SHARDING_COUT;
  expect_complaint(&a, "strategy: t1: the shared loop is split as well");
  a.strategies[0].shared = SHARDING_W;
  expect_complaint(&a, "strategy: t1: rows or columns are shared under a filter larger than 1");
  a.strategies[0] = (struct sharding_strategy){{1, 2, 1, 1, 1, 1, 1}, SHARDING_COUT};
  expect_complaint(&a, "strategy: t1: no two boards have anything of the shared loop in common");
  a.strategies[0] = (struct sharding_strategy){{2, 1, 1, 1, 1, 1, 1}, SHARDING_CIN};
  expect_fine(&a);
}

/* Sharding §6: bytes of Cout:4 with a shared Cin, two buffers. */
static void test_memory(void **state) {
  (void)state;
  static const uint32_t one[] = {0};
  struct sharding_board small[N_BOARDS];
  struct judged_answer a;
  take_example(&a);
  a.problem = problem_of(&example, 1, NULL, 0);
  a.sets[0] = (struct sharding_set){0, 4, all_four, 0, 0};
  a.claim.answer.n_sets = 1;
  a.strategies[0] = (struct sharding_strategy){{4, 1, 1, 1, 1, 1, 1}, SHARDING_CIN};
  for (int b = 0; b < N_BOARDS; b++) small[b] = boards[b], small[b].dram_bytes = 950272;
  a.problem.boards = small;
  expect_fine(&a);
  small[2].dram_bytes--;
  expect_complaint(&a, "memory b2 1 bytes too many: 950272 of 950271");
  a.problem.double_buffer = false;
  small[2].dram_bytes = 749568;
  expect_fine(&a);
  small[2].dram_bytes--;
  expect_complaint(&a, "memory b2 1 bytes too many: 749568 of 749567");
  /* Whole tensors on one board. */
  a.sets[0] = (struct sharding_set){0, 1, one, 0, 0};
  a.strategies[0] = (struct sharding_strategy){{1, 1, 1, 1, 1, 1, 1}, SHARDING_N_DIMS};
  small[0].dram_bytes = 589824 + 802816 + 1605632;
  expect_fine(&a);
  small[0].dram_bytes--;
  expect_complaint(&a, "memory b0 1 bytes too many");
}

static void test_claims(void **state) {
  (void)state;
  struct judged_answer a;
  take_example(&a);
  struct sharding_schedule schedule = sharding_schedule_new(&a.problem, &arena);
  sharding_evaluate(&a.problem, &a.claim.answer, &scratch, &schedule);
  a.claim.start_s = schedule.start_s, a.claim.end_s = schedule.end_s;
  assert_true(fabs(expect_fine(&a) / schedule.latency_s - 1) < 1e-12);
  schedule.start_s[2] += 1e-5;
  expect_complaint(&a, "start t3 1e-05 s");
  schedule.start_s[2] -= 1e-5, schedule.end_s[3] -= 2e-5;
  expect_complaint(&a, "end t4 -2e-05 s");
  schedule.end_s[3] = NAN;
  expect_complaint(&a, "end t4 nan s");
}

static void test_tables(void **state) {
  (void)state;
  static const uint32_t p[] = {2};
  static double cycles[] = {1000, 2000, 3000, 4000};
  struct sharding_design table = {
      .name = "T", .model = SHARDING_TABLE, .clock_hz = 1e6, .n_ps = 1, .p = p, .cycles = cycles};
  struct judged_answer a;
  take_example(&a);
  a.problem.designs = &table, a.problem.n_designs = 1;
  a.sets[0].design = a.sets[1].design = 0;
  assert_true(expect_fine(&a) > 10e-3);
  cycles[1] = NAN;
  expect_complaint(&a, "times: a design's table has no entry");
  cycles[1] = 2000;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
      cmocka_unit_test_setup_teardown(test_uneven, setup, teardown),
      cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
      cmocka_unit_test_setup_teardown(test_sets, setup, teardown),
      cmocka_unit_test_setup_teardown(test_strategies, setup, teardown),
      cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
      cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
  };
  return cmocka_run_group_tests_name("sharding: judge and simulator", tests, NULL, NULL);
}
