/* Does every broken statement of stages say what is wrong, does the judge refuse what is no partition, and does a table
 * of layers become its statement? What the partitions are worth is in tests/property/search/test_stages.c. */
#include "search/stages/stages_table.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct error error;
static struct stages_answer answer;
static struct csv csv;
static struct stages_table table;

/* --- statements -----------------------------------------------------------------------------------------------------
 */

static const double load[] = {2, 3, 8, 5}, cut[] = {1, 1, 1, 1};

static struct stages_problem good(void) {
  return (struct stages_problem){.n_layers = 4, .n_stages = 2, .load = load, .max_downsets = STAGES_MAX_DOWNSETS};
}

static void refused(const struct stages_problem *problem, enum status status, const char *message) {
  memset(&error, 0, sizeof error);
  assert_false(stages_solve(problem, 1, &arena, &scratch, &answer, &error));
  assert_int_equal(error.status, status);
  if (strstr(error.text, message) == NULL) fail_msg("\"%s\" is not in: %s", message, error.text);
}

static void test_broken_statements(void **state) {
  (void)state;
  static const double negative[] = {2, -3, 8, 5}, nan[] = {2, 3, 8, (double)NAN}, huge[] = {1e308, 1e308, 8, 5};
  static const double endless[] = {2, 3, (double)INFINITY, 5};
  static const uint32_t start[] = {0, 0, 1, 1, 2}, later[] = {0, 3}, earlier[] = {0, 2}, backwards[] = {0, 0, 1, 0, 2};
  struct stages_problem problem = good();
  problem.n_layers = 0;
  refused(&problem, STATUS_INPUT, "stages: 0 layers, 1 to 16384 are allowed");
  problem.n_layers = STAGES_MAX_LAYERS + 1;
  refused(&problem, STATUS_INPUT, "stages: 16385 layers");
  problem = good();
  problem.n_stages = 0;
  refused(&problem, STATUS_INPUT, "stages: 0 stages, 1 to 1024 are allowed");
  problem.n_stages = STAGES_MAX_STAGES + 1;
  refused(&problem, STATUS_INPUT, "stages: 1025 stages");
  problem.n_stages = 5;
  refused(&problem, STATUS_INFEASIBLE, "stages: 4 layers for 5 stages, each needs one");
  problem = good();
  problem.load = negative;
  refused(&problem, STATUS_INPUT, "stages: load of layer 1 is -3, at least 0 and finite is allowed");
  problem.load = nan;
  refused(&problem, STATUS_INPUT, "stages: load of layer 3 is nan");
  problem.load = endless;
  refused(&problem, STATUS_INPUT, "stages: load of layer 2 is inf");
  problem.load = huge;
  refused(&problem, STATUS_INPUT, "stages: the loads add up beyond all numbers");
  problem = good();
  problem.cut = negative;
  refused(&problem, STATUS_INPUT, "stages: cut of layer 1 is -3");
  problem.cut = cut;
  problem.pred_start = start;
  problem.preds = earlier;
  refused(&problem, STATUS_INPUT, "only a chain may have them");
  problem.cut = NULL;
  problem.preds = later;
  refused(&problem, STATUS_INPUT, "stages: layer 3 follows layer 3, only an earlier one is allowed");
  problem.pred_start = backwards;
  problem.preds = earlier;
  refused(&problem, STATUS_INPUT, "stages: rows of predecessors run backwards at layer 2");
  problem = good();
  problem.memory_bytes = UINT64_MAX;
  refused(&problem, STATUS_INPUT, "stages: a memory of 2^64 - 1 bytes");
}

/* Bytes beyond 64 bits stick at the largest and fit nowhere; they do not come round as few. */
static void test_huge_bytes(void **state) {
  (void)state;
  static const uint64_t huge[] = {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 2, 3}, n_kept[] = {UINT64_MAX, 2};
  struct stages_problem problem = good();
  problem.memory_bytes = UINT64_MAX - 1;
  problem.kept_bytes = huge;
  problem.n_kept = n_kept;
  assert_true(stages_solve(&problem, 3, &arena, &scratch, &answer, &error));
  assert_int_equal(answer.n, 0);
  assert_int_equal(answer.tight_stage, 0);
  assert_int_equal(answer.excess_bytes, 1);
}

/* Of stages that lack the same the first is named. */
static void test_equal_excess(void **state) {
  (void)state;
  static const uint64_t bytes[] = {3, 7, 7, 7};
  struct stages_problem problem = good();
  problem.n_stages = 4;
  problem.fixed_bytes = bytes;
  problem.memory_bytes = 5;
  assert_true(stages_solve(&problem, 1, &arena, &scratch, &answer, &error));
  assert_true(answer.n == 0 && answer.tight_stage == 1 && answer.excess_bytes == 2);
}

/* Any layer anywhere: one stage, a stage a layer, loads of nothing. */
static void test_ends(void **state) {
  (void)state;
  static const double nothing[] = {0, 0, 0, 0};
  struct stages_problem problem = good();
  problem.cut = cut;
  problem.n_stages = 1;
  assert_true(stages_solve(&problem, 3, &arena, &scratch, &answer, &error));
  assert_true(answer.n == 1 && answer.exact && answer.partitions[0].bottleneck == 18);
  problem.n_stages = 4;
  assert_true(stages_solve(&problem, 3, &arena, &scratch, &answer, &error));
  assert_true(answer.n == 1 && answer.partitions[0].bottleneck == 10);
  problem.load = nothing;
  problem.cut = NULL;
  problem.n_stages = 2;
  assert_true(stages_solve(&problem, 5, &arena, &scratch, &answer, &error));
  assert_true(answer.n == 3 && answer.partitions[2].bottleneck == 0);
  assert_true(stages_gap(0, stages_lower_bound(&problem)) == 0);
  assert_true(stages_gap(3, 2) == 0.5 && stages_gap(2, 3) == 0);
}

/* Tenths do not add up to whole numbers: the bound must not come out above what equal stages have. */
static void test_rounding(void **state) {
  (void)state;
  static double tenths[240];
  for (size_t i = 0; i < 240; i++) tenths[i] = 0.1;
  for (size_t n_stages = 1; n_stages <= 40; n_stages++) {
    const struct stages_problem problem = {.n_layers = 6 * n_stages, .n_stages = n_stages, .load = tenths};
    assert_true(stages_solve(&problem, 1, &arena, &scratch, &answer, &error));
    const double bound = stages_lower_bound(&problem);
    assert_true(bound <= answer.partitions[0].bottleneck && bound > 0.6 * (1 - 1e-12));
  }
}

/* A lattice that would have more downsets than any table may hold is answered along a chain, said to be inexact. */
static void test_cut_off(void **state) {
  (void)state;
  static double ones[200];
  static uint32_t start[201];
  for (size_t i = 0; i < 200; i++) ones[i] = 1;
  struct stages_problem problem = {
      .n_layers = 200, .n_stages = 7, .load = ones, .pred_start = start, .max_downsets = STAGES_MAX_DOWNSETS};
  assert_true(stages_solve(&problem, 1, &arena, &scratch, &answer, &error));
  assert_false(answer.exact);
  assert_true(answer.partitions[0].bottleneck == 29);
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static void condemned(const struct stages_problem *problem, double bottleneck, const uint32_t *stage_of,
                      const char *message) {
  uint32_t own[4];
  memcpy(own, stage_of, sizeof own);
  const struct stages_partition partition = {bottleneck, own};
  memset(&error, 0, sizeof error);
  assert_false(stages_check(problem, &partition, &error));
  if (strstr(error.text, message) == NULL) fail_msg("\"%s\" is not in: %s", message, error.text);
}

static void test_judge(void **state) {
  (void)state;
  static const uint32_t start[] = {0, 0, 0, 0, 1}, preds[] = {2};
  static const uint64_t bytes[] = {10, 10, 10, 10}, n_kept[] = {2, 1};
  struct stages_problem problem = good();
  uint32_t stage_of[] = {0, 0, 1, 1};
  struct stages_partition partition = {13, stage_of};
  assert_true(stages_check(&problem, &partition, &error));
  condemned(&problem, 12, stage_of, "the bottleneck is 13, not 12");
  condemned(&problem, 13, (const uint32_t[]){0, 0, 2, 1}, "layer 2 is on stage 2, there are 2");
  condemned(&problem, 13, (const uint32_t[]){0, 1, 0, 1}, "layer 2 is on stage 0, before its predecessor's");
  condemned(&problem, 18, (const uint32_t[]){0, 0, 0, 0}, "stage 1 has no layer");
  problem.cut = cut;
  condemned(&problem, 13, stage_of, "the bottleneck is 14, not 13");
  problem.cut = NULL;
  problem.memory_bytes = 40;
  problem.kept_bytes = bytes;
  problem.n_kept = n_kept;
  assert_true(stages_check(&problem, &partition, &error));
  problem.fixed_bytes = bytes;
  condemned(&problem, 13, stage_of, "stage 0 does not fit in memory");
  problem = good();
  problem.pred_start = start;
  problem.preds = preds;
  partition = (struct stages_partition){11, (uint32_t[]){1, 0, 0, 1}};
  assert_true(stages_check(&problem, &partition, &error));
  condemned(&problem, 11, (const uint32_t[]){0, 0, 1, 0}, "layer 3 is on stage 0, before its predecessor's");
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

static bool read_text(const char *text, size_t n_stages) {
  memset(&error, 0, sizeof error);
  return csv_parse("layers.csv", text, strlen(text), 1000, &arena, &csv, &error) &&
         stages_table_read(&csv, n_stages, &arena, &table, &error);
}

static void test_chain_table(void **state) {
  (void)state;
  const char *text = "kind,layer,load,cut,fixed_bytes,kept_bytes,n_kept,memory_bytes\nstage,,,,,,7,2385\n"
                     "layer,\"a b\",1.5,0.25,700,11,,\nstage,,,,,,3,2385\nlayer,c,2,,,13,,\n";
  assert_true(read_text(text, 0));
  const struct stages_problem *problem = &table.problem;
  assert_true(problem->n_layers == 2 && problem->n_stages == 2 && problem->memory_bytes == 2385);
  assert_true(problem->load[0] == 1.5 && problem->load[1] == 2 && problem->cut[0] == 0.25 && problem->cut[1] == 0);
  assert_true(problem->fixed_bytes[0] == 700 && problem->fixed_bytes[1] == 0 && problem->kept_bytes[1] == 13);
  assert_true(problem->n_kept[0] == 7 && problem->n_kept[1] == 3 && problem->pred_start == NULL);
  assert_string_equal(table.layers[0], "a b");
  /* Written, the stages come first; read and written again, it stays. */
  size_t n;
  const char *written = table_bytes(stages_table_write(&table, &arena), &n);
  assert_true(read_text(written, 2));
  assert_string_equal(table_bytes(stages_table_write(&table, &arena), &n), written);
  assert_true(table.problem.cut[0] == 0.25 && table.problem.n_kept[0] == 7);
  /* The least there can be: numbers stand for names. */
  assert_true(read_text("load\n3\n4\n", 2));
  assert_string_equal(table.layers[1], "1");
  assert_true(table.problem.cut == NULL && table.problem.n_kept[1] == 1);
}

static void test_graph_table(void **state) {
  (void)state;
  assert_true(read_text("layer,load,after\nx,3,\ny,4,x\nz,5, x  y\n", 2));
  const struct stages_problem *problem = &table.problem;
  assert_true(problem->pred_start[1] == 0 && problem->pred_start[2] == 1 && problem->pred_start[3] == 3);
  assert_true(problem->preds[0] == 0 && problem->preds[1] == 0 && problem->preds[2] == 1 && problem->cut == NULL);
  size_t n;
  const char *written = table_bytes(stages_table_write(&table, &arena), &n);
  assert_true(read_text(written, 0));
  assert_true(table.problem.preds[2] == 1 && table.problem.n_stages == 2);
}

static void test_broken_tables(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
    size_t n_stages;
  } cases[] = {
      {"layer,cut\na,1\n", "layers.csv:1: load: is missing", 2},
      {"load,kept_byte\n1,1\n", "layers.csv:1: kept_byte: unknown column; did you mean kept_bytes?", 2},
      {"load,cut,after\n1,,\n", "layers.csv:1: after: a graph (after) cannot have cuts", 2},
      {"load\n1\n\"\"\n", "layers.csv:3: load: \"\" is no number of at least 0", 2},
      {"load\n1\n-3\n", "layers.csv:3: load: \"-3\" is no number", 2},
      {"load,cut\n1,x\n", "layers.csv:2: cut: \"x\" is no number", 2},
      {"load,fixed_bytes\n1,1.5\n", "layers.csv:2: fixed_bytes: \"1.5\" is no whole number", 2},
      {"load,kept_bytes\n1,99999999999999999999\n", "layers.csv:2: kept_bytes: \"99999999999999999999\" is no whole",
       2},
      {"kind,load\nlayr,1\n", "layers.csv:2: kind: \"layr\" is neither layer nor stage", 2},
      {"kind,load,n_kept\nstage,,x\nlayer,1,\n", "layers.csv:2: n_kept: \"x\" is no whole number", 0},
      {"kind,load,memory_bytes\nstage,,7\nstage,,8\nlayer,1,\n", "layers.csv:3: memory_bytes: \"8\" differs", 0},
      {"kind,load\nstage,\n", "layers.csv:1: load: no layers", 0},
      {"load\n1\n", "layers.csv:1: kind: no rows of stages, and nobody says how many there are", 0},
      {"kind,load\nstage,\nlayer,1\n", "layers.csv:1: kind: 1 rows of stages, but 3 stages are asked for", 3},
      {"layer,load\na,1\na,2\n", "layers.csv:3: layer: \"a\" is the name of an earlier layer", 2},
      {"layer,load\na,1\n,2\n", "layers.csv:3: layer: \"\" is no name", 2},
      {"layer,load,after\na b,1,\n", "layers.csv:2: layer: \"a b\" has a blank", 2},
      {"layer,load,after\na,1,b\nb,2,\n", "layers.csv:2: after: \"b\" is no layer of an earlier row", 2},
      {"layer,load,after\na,1,a\n", "layers.csv:2: after: \"a\" is no layer of an earlier row", 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_false(read_text(cases[i].text, cases[i].n_stages));
    assert_int_equal(error.status, STATUS_INPUT);
    if (strstr(error.text, cases[i].message) == NULL) fail_msg("\"%s\" is not in: %s", cases[i].message, error.text);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_broken_statements), TEST(test_huge_bytes),   TEST(test_equal_excess), TEST(test_ends),
      TEST(test_cut_off),           TEST(test_rounding),     TEST(test_judge),        TEST(test_chain_table),
      TEST(test_graph_table),       TEST(test_broken_tables)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
