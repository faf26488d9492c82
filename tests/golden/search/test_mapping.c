/* Do the exact methods give the answers that were worked out by hand?
 *
 * Source: worked out on paper here, and for the partition of a uniform chain the closed form: L equal layers on p
 * stages have the bottleneck ⌈L/p⌉, reached by as many partitions as there are ways to write L as p parts of at most
 * that. The chain of 3 microbatch-heavy layers is Korthikanti's rule that stage s keeps p − s microbatches in 1F1B
 * (arXiv 2205.05198): the first stage is the tight one. */
#include "search/stages/stages.h"
#include "search/systems/systems.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct error error;

static void assert_stages(const struct stages_partition *partition, double bottleneck, const char *stage_of) {
  assert_true(partition->bottleneck == bottleneck);
  for (size_t i = 0; stage_of[i] != 0; i++) assert_int_equal(partition->stage_of[i], stage_of[i] - '0');
}

/* 2 5 5 5 5 4 with boundaries of ½. A stage of three 5s, or of 5 5 4, is at 14½ or more; without such the ends are 2 5
 * 5 or 2 5, and 5 4 or 4: 2+5 | 5+5 | 5+4 has 7½, 11, 9½; 2+5+5 at the front has 12½. After these four the least is
 * 14½: 5+5+4 behind a boundary, first with 2 5 at the front. */
static void test_chain(void **state) {
  (void)state;
  static const double load[] = {2, 5, 5, 5, 5, 4}, cut[] = {0.5, 0.5, 0.5, 0.5, 0.5, 99};
  const struct stages_problem problem = {.n_layers = 6, .n_stages = 3, .load = load, .cut = cut};
  struct stages_answer answer;
  assert_true(stages_solve(&problem, 4, &arena, &scratch, &answer, &error));
  assert_true(answer.exact);
  assert_int_equal(answer.n, 4);
  assert_stages(&answer.partitions[0], 11, "001122");
  assert_stages(&answer.partitions[1], 12.5, "000112");
  assert_stages(&answer.partitions[2], 12.5, "000122");
  assert_stages(&answer.partitions[3], 14.5, "001222");
}

/* Ten equal layers on four stages: bottleneck 3; compositions of 10 into four parts of 1 to 3: x + y + z + w = 6 of 0
 * to 2 each, which is the same as 2 of 0 to 2: 10. */
static void test_uniform_chain(void **state) {
  (void)state;
  static const double load[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const struct stages_problem problem = {.n_layers = 10, .n_stages = 4, .load = load};
  struct stages_answer answer;
  assert_true(stages_solve(&problem, 11, &arena, &scratch, &answer, &error));
  assert_int_equal(answer.n, 11);
  assert_stages(&answer.partitions[0], 3, "0001112223");
  assert_stages(&answer.partitions[1], 3, "0001112233");
  assert_stages(&answer.partitions[9], 3, "0111222333");
  assert_true(answer.partitions[10].bottleneck == 4);
  assert_true(fabs(stages_lower_bound(&problem) - 2.5) < 1e-12);
}

/* Six equal layers, three stages, 1F1B: stage s keeps 3 − s. A layer has 10 bytes and 4 for a microbatch, which makes
 * 22, 18, 14 at the three places: 44 bytes hold up to 2, 2, 3 of them, 43 hold 1, 2, 3. */
static void test_memory(void **state) {
  (void)state;
  static const double load[] = {1, 1, 1, 1, 1, 1};
  static const uint64_t fixed_bytes[] = {10, 10, 10, 10, 10, 10}, kept_bytes[] = {4, 4, 4, 4, 4, 4},
                        n_kept[] = {3, 2, 1};
  struct stages_problem problem = {.n_layers = 6,
                                   .n_stages = 3,
                                   .load = load,
                                   .fixed_bytes = fixed_bytes,
                                   .kept_bytes = kept_bytes,
                                   .n_kept = n_kept,
                                   .memory_bytes = 44};
  struct stages_answer answer;
  assert_true(stages_solve(&problem, 9, &arena, &scratch, &answer, &error));
  assert_int_equal(answer.n, 3);
  assert_stages(&answer.partitions[0], 2, "001122");
  assert_stages(&answer.partitions[1], 3, "001222");
  assert_stages(&answer.partitions[2], 3, "011222");
  problem.memory_bytes = 43;
  assert_true(stages_solve(&problem, 9, &arena, &scratch, &answer, &error));
  assert_int_equal(answer.n, 1);
  assert_stages(&answer.partitions[0], 3, "011222");
  /* 40 hold 1, 2, 2. Least full: 1 | 2 | 3 with 22, 36, 42; all others have a stage of 44 or 54. */
  problem.memory_bytes = 40;
  assert_true(stages_solve(&problem, 9, &arena, &scratch, &answer, &error));
  assert_int_equal(answer.n, 0);
  assert_int_equal(answer.tight_stage, 2);
  assert_int_equal(answer.excess_bytes, 2);
}

/* Two branches between a stem and a join, 3; 4, 4; 2, 2, 2; 3: of 20, the least that three stages could reach is 7, and
 * 3+4 | 2+4 | 2+2+3 does. Two stages: the stem's 3 and even numbers make 9 or 11, so 11; of the four beginnings that
 * do, stem, left and two of the right come first, as they have the smallest layers. */
static void test_graph(void **state) {
  (void)state;
  static const double load[] = {3, 4, 2, 4, 2, 2, 3};
  static const uint32_t pred_start[] = {0, 0, 1, 2, 3, 4, 5, 7}, preds[] = {0, 0, 1, 2, 4, 3, 5};
  struct stages_problem problem = {
      .n_layers = 7, .n_stages = 3, .load = load, .pred_start = pred_start, .preds = preds, .max_downsets = 40000};
  struct stages_answer answer;
  assert_true(stages_solve(&problem, 1, &arena, &scratch, &answer, &error));
  assert_true(answer.exact);
  assert_stages(&answer.partitions[0], 7, "0011222");
  problem.n_stages = 2;
  assert_true(stages_solve(&problem, 5, &arena, &scratch, &answer, &error));
  assert_stages(&answer.partitions[0], 11, "0001011");
  assert_stages(&answer.partitions[1], 11, "0001111");
  assert_stages(&answer.partitions[2], 11, "0010111");
  assert_stages(&answer.partitions[3], 11, "0101001");
  assert_true(answer.partitions[4].bottleneck == 13);
}

/* 4, 5 and 1, none after another: {4, 1} and {5} either way; along the chain 4 | 5+1. Three layers have 8 downsets. */
static void test_free_layers(void **state) {
  (void)state;
  static const double load[] = {4, 5, 1};
  static const uint32_t pred_start[] = {0, 0, 0, 0};
  struct stages_problem problem = {
      .n_layers = 3, .n_stages = 2, .load = load, .pred_start = pred_start, .max_downsets = 8};
  struct stages_answer answer;
  assert_true(stages_solve(&problem, 2, &arena, &scratch, &answer, &error));
  assert_true(answer.exact);
  assert_stages(&answer.partitions[0], 5, "010");
  assert_stages(&answer.partitions[1], 5, "101");
  problem.max_downsets = 7;
  assert_true(stages_solve(&problem, 1, &arena, &scratch, &answer, &error));
  assert_false(answer.exact);
  assert_stages(&answer.partitions[0], 6, "011");
}

/* Three stages of works 4, 2, 1 and designs of speeds 1, 2, 4 that cost 1, 3, 9: loads are work over speed. All fast:
 * 1, but the last stage needs no speed for it and the middle one half: 9 + 3 + 1 = 13. At 2: 3 + 1 + 1 = 5; at 4: 3.
 * One design for all costs 27, 9 and 3 at 1, 2 and 4. */
static void test_shrunk_stages(void **state) {
  (void)state;
  static const double load[] = {4, 2, 1, 2, 1, 0.5, 1, 0.5, 0.25}, cost[] = {1, 3, 9, 1, 3, 9, 1, 3, 9};
  struct systems_problem problem = {
      .n_stages = 3, .n_designs = 3, .n_costs = 1, .load = load, .cost = cost, .limit = {(double)INFINITY}};
  struct systems_front front;
  bool proven;
  static const double wanted[][2] = {{1, 13}, {2, 5}, {4, 3}}, alone[][2] = {{1, 27}, {2, 9}, {4, 3}};
  static const uint32_t designs[][3] = {{2, 1, 0}, {1, 0, 0}, {0, 0, 0}};
  assert_true(systems_solve(&problem, 0, &arena, &scratch, &front, &proven, &error));
  assert_true(proven && front.n == 3);
  for (size_t i = 0; i < 3; i++) {
    assert_true(front.choices[i].load == wanted[i][0] && front.choices[i].cost[0] == wanted[i][1]);
    assert_memory_equal(front.choices[i].design, designs[i], sizeof designs[i]);
  }
  problem.max_designs = 1;
  assert_true(systems_solve(&problem, 0, &arena, &scratch, &front, &proven, &error));
  assert_true(proven && front.n == 3);
  for (size_t i = 0; i < 3; i++) {
    assert_true(front.choices[i].load == alone[i][0] && front.choices[i].cost[0] == alone[i][1]);
  }
  /* Two designs: at 1 the last stage goes with the middle one's, or both with the fast one's: 9 + 3 + 3. */
  problem.max_designs = 2;
  assert_true(systems_solve(&problem, 1000, &arena, &scratch, &front, &proven, &error));
  assert_true(proven && front.n == 3 && front.choices[0].cost[0] == 15);
  assert_true(systems_lower_bound(&problem) == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
      cmocka_unit_test_setup_teardown(test_uniform_chain, setup, teardown),
      cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(test_graph, setup, teardown),
      cmocka_unit_test_setup_teardown(test_free_layers, setup, teardown),
      cmocka_unit_test_setup_teardown(test_shrunk_stages, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
