/* Does every broken statement of systems say what is wrong, does the judge refuse what is no system, and does a table
 * of designs become its statement? What the fronts are worth is in tests/property/search/test_systems.c. */
#include "search/systems/systems_table.h"
#include "tests/two_arenas.h"

#include "search/names.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct error error;
static struct systems_front front;
static bool proven;
static struct csv csv;
static struct systems_table table;

/* --- statements -----------------------------------------------------------------------------------------------------
 */

/* Two stages, two designs: the second one is faster and dearer; second costs the other way round. */
static const double load[] = {6, 3, 8, 4}, cost[] = {1, 30, 5, 10, 1, 30, 5, 10};

static struct systems_problem good(void) {
  return (struct systems_problem){.n_stages = 2,
                                  .n_designs = 2,
                                  .n_costs = 2,
                                  .load = load,
                                  .cost = cost,
                                  .limit = {(double)INFINITY, (double)INFINITY}};
}

static void refused(const struct systems_problem *problem, const char *message) {
  memset(&error, 0, sizeof error);
  assert_false(systems_solve(problem, 100, &arena, &scratch, &front, &proven, &error));
  assert_int_equal(error.status, STATUS_INPUT);
  if (strstr(error.text, message) == NULL) fail_msg("\"%s\" is not in: %s", message, error.text);
}

static void test_broken_statements(void **state) {
  (void)state;
  static const double bad[] = {6, -3, 8, 4}, nan[] = {6, 3, (double)NAN, 4};
  static const double dear[] = {1, 30, 5, 10, 1, 30, 5, (double)INFINITY}, huge[] = {1, 1e308, 1, 1, 1, 1, 1, 1};
  static const double negative[] = {1, 30, -5, 10, 1, 30, 5, 10};
  struct systems_problem problem = good();
  problem.n_stages = 0;
  refused(&problem, "systems: 0 stages, 1 to 16384 are allowed");
  problem = good();
  problem.n_designs = 0;
  refused(&problem, "systems: 0 designs, 1 to 1048576 are allowed");
  problem = good();
  problem.n_costs = 0;
  refused(&problem, "systems: 0 costs, 1 to 4 are allowed");
  problem.n_costs = 5;
  refused(&problem, "systems: 5 costs");
  problem = good();
  problem.limit[1] = -7;
  refused(&problem, "systems: limit 1 is -7, at least 0 is allowed");
  problem.limit[1] = NAN;
  refused(&problem, "systems: limit 1 is nan");
  problem = good();
  problem.load = bad;
  refused(&problem, "systems: load of design 1 on stage 0 is -3, at least 0 is allowed");
  problem.load = nan;
  refused(&problem, "systems: load of design 0 on stage 1 is nan");
  problem = good();
  problem.cost = negative;
  refused(&problem, "systems: cost 0 of design 1 on stage 0 is -5, at least 0 and finite is allowed");
  problem.cost = dear;
  refused(&problem, "systems: cost 1 of design 1 on stage 1 is inf");
  problem.cost = huge;
  refused(&problem, "systems: the costs add up beyond all numbers");
}

static void solve(const struct systems_problem *problem, uint64_t max_nodes) {
  assert_true(systems_solve(problem, max_nodes, &arena, &scratch, &front, &proven, &error));
}

static void test_limits(void **state) {
  (void)state;
  struct systems_problem problem = good();
  solve(&problem, 0);
  assert_true(proven && front.n == 3);
  assert_true(front.choices[0].load == 4 && front.choices[0].cost[0] == 10);
  assert_true(front.choices[1].load == 6 && front.choices[1].cost[0] == 6 && front.choices[1].cost[1] == 40);
  assert_true(front.choices[2].load == 8 && front.choices[2].cost[0] == 2);
  problem.limit[0] = 5;
  solve(&problem, 0);
  assert_true(proven && front.n == 1 && front.choices[0].load == 8 && front.choices[0].cost[0] == 2);
  problem = good();
  problem.limit[1] = 39; /* the cheap design is the hungry one, and even one of them too much */
  solve(&problem, 100);
  assert_true(proven && front.n == 1 && front.choices[0].load == 4 && front.choices[0].cost[0] == 10);
  problem.limit[1] = 19;
  solve(&problem, 100);
  assert_true(proven && front.n == 0);
  struct systems_choice alone;
  assert_false(systems_homogeneous(&problem, &arena, &alone));
}

/* A stage that no design fits. */
static void test_nothing_fits(void **state) {
  (void)state;
  static const double none[] = {6, 3, (double)INFINITY, (double)INFINITY};
  struct systems_problem problem = good();
  problem.load = none;
  for (size_t q = 0; q < 3; q++) {
    problem.max_designs = q;
    for (size_t c = 0; c < 2; c++) {
      problem.limit[1] = c == 0 ? (double)INFINITY : 100;
      solve(&problem, 100);
      assert_true(proven && front.n == 0);
    }
  }
  assert_true(isinf(systems_lower_bound(&problem)));
  struct systems_restriction restriction;
  systems_restrict(&problem, 1, NULL, 0, &arena, &restriction);
  assert_true(restriction.problem.n_designs == 1 && restriction.original[0] == 1);
}

/* Two hundred cheap designs fit one stage each, the last two all of them: of two designs, one must be of these. A
 * search that tries the cheap ones first and soon gives up still knows the homogeneous systems; with time, a cheap one
 * on one stage and the cheaper of the last on the others. */
static void test_given_up(void **state) {
  (void)state;
  enum { N_STAGES = 3, N_DESIGNS = 202 };
  static double loads[N_STAGES * N_DESIGNS], costs[N_STAGES * N_DESIGNS];
  for (size_t i = 0; i < N_STAGES; i++) {
    for (size_t d = 0; d < N_DESIGNS; d++) {
      const bool fits = d >= 200 || d % N_STAGES == i;
      loads[i * N_DESIGNS + d] = fits ? 7 : (double)INFINITY;
      costs[i * N_DESIGNS + d] = d == 200 ? 10 : d == 201 ? 9 : 1;
    }
  }
  struct systems_problem problem = {.n_stages = N_STAGES,
                                    .n_designs = N_DESIGNS,
                                    .n_costs = 1,
                                    .load = loads,
                                    .cost = costs,
                                    .limit = {(double)INFINITY},
                                    .max_designs = 2};
  solve(&problem, 0);
  assert_true(!proven && front.n == 1 && front.choices[0].cost[0] == 27);
  solve(&problem, 1000000);
  assert_true(proven && front.n == 1 && front.choices[0].cost[0] == 19);
}

/* Costs of designs that do not fit are not looked at. */
static void test_unfit_costs(void **state) {
  (void)state;
  static const double some[] = {6, (double)INFINITY, 8, 4};
  static const double odd[] = {1, 30, (double)NAN, -10, 1, 30, 5, 10};
  struct systems_problem problem = good();
  problem.load = some;
  problem.cost = odd;
  problem.limit[1] = 40;
  solve(&problem, 100);
  assert_true(proven && front.n == 1 && front.choices[0].load == 6 && front.choices[0].cost[1] == 40);
}

/* --- the judge ------------------------------------------------------------------------------------------------------
 */

static void condemned(const struct systems_problem *problem, const struct systems_choice *choice, const char *message) {
  memset(&error, 0, sizeof error);
  assert_false(systems_check(problem, choice, &error));
  if (strstr(error.text, message) == NULL) fail_msg("\"%s\" is not in: %s", message, error.text);
}

static void test_judge(void **state) {
  (void)state;
  static const double unfit[] = {6, 3, 8, (double)INFINITY};
  struct systems_problem problem = good();
  uint32_t design[] = {0, 1};
  struct systems_choice choice = {6, {6, 40}, design};
  assert_true(systems_check(&problem, &choice, &error));
  choice.load = 4;
  condemned(&problem, &choice, "the load is 6, not 4");
  choice = (struct systems_choice){6, {6, 39}, design};
  condemned(&problem, &choice, "cost 1 is 40, not 39");
  choice.cost[1] = 40;
  problem.limit[1] = 39;
  condemned(&problem, &choice, "cost 1 is 40, the limit is 39");
  problem = good();
  problem.max_designs = 1;
  condemned(&problem, &choice, "2 designs, at most 1 are allowed");
  problem = good();
  problem.load = unfit;
  condemned(&problem, &choice, "design 1 does not fit stage 1");
  design[1] = 2;
  condemned(&problem, &choice, "stage 1 has design 2, there are 2");
}

/* --- tables ---------------------------------------------------------------------------------------------------------
 */

static bool read_text(const char *text) {
  memset(&error, 0, sizeof error);
  return csv_parse("designs.csv", text, strlen(text), 1000, &arena, &csv, &error) &&
         systems_table_read(&csv, &arena, &table, &error);
}

static void test_table(void **state) {
  (void)state;
  assert_true(read_text("design,stage,load,cost:w,cost:usd\nx,s,1.5,7,8\ny,s,,,\nx,t,2,9,10\nlimit,t,3,1,1\n"
                        ",limit,,,2385\n"));
  const struct systems_problem *problem = &table.problem;
  assert_true(problem->n_stages == 2 && problem->n_designs == 3 && problem->n_costs == 2);
  assert_true(problem->load[0] == 1.5 && isinf(problem->load[1]) && isinf(problem->load[2]) && problem->load[5] == 3);
  assert_true(problem->cost[1] == 8 && problem->cost[6] == 9);
  assert_true(isinf(problem->limit[0]) && problem->limit[1] == 2385);
  assert_string_equal(table.costs[1], "usd");
  assert_string_equal(table.designs[2], "limit"); /* a name like any other */
  size_t n;
  const char *written = table_bytes(systems_table_write(&table, &arena), &n);
  assert_true(read_text(written));
  assert_string_equal(table_bytes(systems_table_write(&table, &arena), &n), written);
  assert_true(table.problem.limit[1] == 2385 && table.problem.load[5] == 3);
}

static void test_broken_tables(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"design,load,cost:w\nx,1,1\n", "designs.csv:1: stage: is missing"},
      {"stage,load,cost:w\nx,1,1\n", "designs.csv:1: design: is missing"},
      {"stage,design,cost:w\nx,1,1\n", "designs.csv:1: load: is missing"},
      {"stage,design,load\nx,y,1\n", "designs.csv:1: cost:NAME: is missing"},
      {"stage,design,load,cost:\nx,y,1,1\n", "designs.csv:1: cost:: a cost without a name"},
      {"stage,design,load,cost:a,cost:b,cost:c,cost:d,cost:e\n", "designs.csv:1: cost:e: more than 4 costs"},
      {"stage,design,load,cost:a,power\n", "designs.csv:1: power: unknown column"},
      {"stage,design,load,cost:a\n", "designs.csv:1: stage: no rows"},
      {"stage,design,load,cost:a\n,x,1,1\n", "designs.csv:2: stage: \"\" is no name of a stage"},
      {"stage,design,load,cost:a\ns,,1,1\n", "designs.csv:2: design: \"\" is no name of a design"},
      {"stage,design,load,cost:a\ns,x,-1,1\n", "designs.csv:2: load: \"-1\" is no number"},
      {"stage,design,load,cost:a\ns,x,1,\n", "designs.csv:2: cost:a: \"\" is no number"},
      {"stage,design,load,cost:a\ns,x,1,1\ns,x,2,2\n",
       "designs.csv:3: design: \"x\" is on this stage in line 2 already"},
      {"stage,design,load,cost:a\ns,x,1,1\nlimit,,,x\n", "designs.csv:3: cost:a: \"x\" is no number"},
      {"stage,design,load,cost:a\ns,x,1,1\nlimit,,3,4\n", "designs.csv:3: load: \"3\" is no limit"},
      {"stage,design,load,cost:a\ns,x,1,1\nlimit,,,4\nlimit,,,4\n", "designs.csv:4: stage: \"limit\" is there twice"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_false(read_text(cases[i].text));
    assert_int_equal(error.status, STATUS_INPUT);
    if (strstr(error.text, cases[i].message) == NULL) fail_msg("\"%s\" is not in: %s", cases[i].message, error.text);
  }
}

/* Names keep their numbers while the table grows. */
static void test_names(void **state) {
  (void)state;
  struct names names;
  names_init(&names, &arena);
  assert_true(names_find(&names, "17") == SIZE_MAX);
  for (size_t i = 0; i < 2385; i++) {
    assert_int_equal(names_add(&names, arena_printf(&arena, "%zu", i)), i);
    assert_int_equal(names_add(&names, arena_printf(&arena, "%zu", i / 2)), i / 2);
  }
  assert_int_equal(names.n, 2385);
  assert_int_equal(names_find(&names, "2000"), 2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {TEST(test_broken_statements),
                                     TEST(test_limits),
                                     TEST(test_nothing_fits),
                                     TEST(test_given_up),
                                     TEST(test_unfit_costs),
                                     TEST(test_judge),
                                     TEST(test_table),
                                     TEST(test_broken_tables),
                                     TEST(test_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
