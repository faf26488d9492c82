/* What do chains say to broken statements and to answers that are none? And small cases by hand. */
#include "search/chains/chains.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Three layers of 1, 1 and 2 units of work, two stages; a slow cheap design, a fast dear one: pieces in the order 0,
 * 01, 012, 1, 12, 2. Layers 0 and 1 are alike, and so are the pieces 0 and 1. */
enum { P0, P01, P012, P12, P2, N_PIECES };
static const uint32_t piece_of[9] = {P0, P01, P012, 0, P0, P12, 0, 0, P2};
static const double load[2 * N_PIECES] = {2, 4, 8, 6, 4, 1, 2, 4, 3, 2};
static const double cost[4] = {10, 1, 30, 2};
static const uint64_t bytes[2 * N_PIECES] = {2, 4, 8, 6, 4, 1, 2, 4, 3, 2}, memory[2] = {4, 4};

struct fixture {
  struct arena arena, scratch;
  struct error error;
  struct chains_problem problem;
  struct chains_front front;
  struct chains_effort effort;
};

static int set_up(void **state) {
  static struct fixture f;
  f = (struct fixture){.effort = {.max_nodes = 1000, .max_points = 100}};
  arena_init(&f.arena, 1 << 12);
  arena_init(&f.scratch, 1 << 12);
  f.problem = (struct chains_problem){.n_layers = 3,
                                      .n_stages = 2,
                                      .n_designs = 2,
                                      .n_costs = 2,
                                      .n_pieces = N_PIECES,
                                      .piece_of = piece_of,
                                      .load = load,
                                      .cost = cost,
                                      .limit = {(double)INFINITY, (double)INFINITY}};
  *state = &f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  arena_release(&f->arena);
  arena_release(&f->scratch);
  return 0;
}

static void solve(struct fixture *f) {
  if (!chains_solve(&f->problem, &f->effort, &f->arena, &f->scratch, &f->front, &f->error))
    fail_msg("%s", f->error.text);
}

static void is_point(const struct fixture *f, size_t i, double point_load, double point_cost, uint32_t end,
                     uint32_t first, uint32_t second) {
  const struct chains_choice *own = &f->front.choices[i];
  assert_true(own->load == point_load && own->cost[0] == point_cost);
  assert_int_equal(own->end[0], end);
  assert_int_equal(own->design[0], first);
  assert_int_equal(own->design[1], second);
}

/* The fast design takes the two units, or three of four: layers move to it. */
static void layers_go_where_the_fast_design_is(void **state) {
  struct fixture *f = *state;
  solve(f);
  assert_true(f->front.proven && f->front.bound == 2);
  assert_int_equal(f->front.n, 3);
  is_point(f, 0, 2, 60, 2, 1, 1);
  is_point(f, 1, 3, 40, 1, 0, 1);
  is_point(f, 2, 4, 20, 2, 0, 0);
}

static void limits_bind(void **state) {
  struct fixture *f = *state;
  f->problem.limit[1] = 3;
  solve(f);
  assert_int_equal(f->front.n, 2);
  is_point(f, 0, 3, 40, 1, 0, 1);
  assert_true(f->front.bound == 3);
  f->problem.max_designs = 1;
  solve(f);
  assert_int_equal(f->front.n, 1);
  is_point(f, 0, 4, 20, 2, 0, 0);
  f->problem.limit[1] = 1.5;
  solve(f);
  assert_int_equal(f->front.n, 0);
  assert_true(f->front.proven && isinf(f->front.bound));
}

static void memory_binds(void **state) {
  struct fixture *f = *state;
  f->problem.bytes = bytes;
  f->problem.memory_bytes = memory;
  solve(f);
  /* 3 units of work need 6 bytes on the first stage, 3 on the second. */
  is_point(f, 1, 3, 40, 1, 0, 1);
  static const uint64_t small[2] = {4, 2};
  f->problem.memory_bytes = small;
  solve(f);
  assert_true(f->front.proven);
  is_point(f, f->front.n - 1, 4, 20, 2, 0, 0);
  for (size_t i = 0; i < f->front.n; i++) assert_true(f->front.choices[i].load != 3);
}

static void loads_weigh(void **state) {
  struct fixture *f = *state;
  static const double free_of_cost[4] = {0, 1, 0, 2};
  f->problem.cost = free_of_cost;
  f->problem.load_weight = 1;
  solve(f);
  assert_int_equal(f->front.n, 1);
  is_point(f, 0, 2, 4, 2, 1, 1);
}

static void broken_statements_are_errors(void **state) {
  struct fixture *f = *state;
  static const double negative[4] = {10, 1, -2385, 2}, huge[4] = {1e308, 1, 1e308, 2};
  static const double bad_load[2 * N_PIECES] = {2, 4, 8, 6, 4, 1, (double)NAN, 4, 3, 2};
  static const uint32_t bad_pieces[9] = {P0, P01, P012, 0, P0, 2385, 0, 0, P2};
  const struct chains_problem good = f->problem;
  struct {
    struct chains_problem problem;
    const char *says;
  } cases[11];
  for (size_t i = 0; i < 11; i++) cases[i].problem = good;
  cases[0].problem.n_layers = 0, cases[0].says = "0 layers, 1 to 1024 are allowed";
  cases[1].problem.n_stages = 0, cases[1].says = "0 stages, 1 to 1024 are allowed";
  cases[2].problem.n_designs = 0, cases[2].says = "0 designs";
  cases[3].problem.n_costs = 3, cases[3].says = "3 costs, 1 to 2 are allowed";
  cases[4].problem.n_pieces = 0, cases[4].says = "0 pieces";
  cases[5].problem.limit[1] = -1, cases[5].says = "limit 1 is -1";
  cases[6].problem.load_weight = -1, cases[6].says = "a load weighs -1";
  cases[7].problem.n_stages = 4, cases[7].says = "3 layers for 4 stages";
  cases[8].problem.piece_of = bad_pieces, cases[8].says = "layers 1 to 2 are piece 2385, there are 5";
  cases[9].problem.cost = negative, cases[9].says = "cost 0 of design 1 is -2385";
  cases[10].problem.cost = huge, cases[10].says = "add up beyond all numbers";
  for (size_t i = 0; i < 11; i++) {
    struct error error = {0};
    assert_false(chains_solve(&cases[i].problem, &f->effort, &f->arena, &f->scratch, &f->front, &error));
    if (strstr(error.text, cases[i].says) == NULL) fail_msg("\"%s\" is not in \"%s\"", cases[i].says, error.text);
  }
  f->problem.load = bad_load;
  assert_false(chains_solve(&f->problem, &f->effort, &f->arena, &f->scratch, &f->front, &f->error));
  assert_non_null(strstr(f->error.text, "load of piece 1 on design 1 is"));
}

static void judge_says(struct fixture *f, const struct chains_choice *choice, const char *says) {
  struct error error = {0};
  assert_false(chains_check(&f->problem, choice, &error));
  if (strstr(error.text, says) == NULL) fail_msg("\"%s\" is not in \"%s\"", says, error.text);
}

static void the_judge_finds_everything(void **state) {
  struct fixture *f = *state;
  static const double holes[2 * N_PIECES] = {(double)INFINITY, 4, 8, 6, 4, 1, 2, 4, 3, 2};
  uint32_t end[2] = {1, 3}, design[2] = {0, 1};
  struct chains_choice choice = {.load = 3, .cost = {40, 3}, .end = end, .design = design};
  assert_true(chains_check(&f->problem, &choice, &f->error));
  f->problem.max_designs = 1;
  judge_says(f, &choice, "2 designs, at most 1 are allowed");
  f->problem.max_designs = 0;
  f->problem.limit[1] = 2;
  judge_says(f, &choice, "cost 1 is 3, the limit is 2");
  f->problem.limit[1] = 3;
  f->problem.bytes = bytes;
  static const uint64_t small[2] = {4, 2};
  f->problem.memory_bytes = small;
  judge_says(f, &choice, "stage 1: the piece does not fit the memory of design 1");
  f->problem.bytes = NULL;
  f->problem.load = holes;
  judge_says(f, &choice, "stage 0: design 0 cannot have the piece");
  f->problem.load = load;
  choice.load = 2.5;
  judge_says(f, &choice, "the load is 3, not 2.5");
  choice.load = 3;
  choice.cost[0] = 41;
  judge_says(f, &choice, "cost 0 is 40, not 41");
  choice.cost[0] = 40;
  end[1] = 2;
  judge_says(f, &choice, "layers from 2 on are on no stage");
  end[1] = 1;
  judge_says(f, &choice, "stage 1 has layers 1 to before 1 of 3");
  end[1] = 4;
  judge_says(f, &choice, "stage 1 has layers 1 to before 4 of 3");
  end[1] = 3;
  design[0] = 2385;
  judge_says(f, &choice, "stage 0 has design 2385, there are 2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(layers_go_where_the_fast_design_is, set_up, tear_down),
      cmocka_unit_test_setup_teardown(limits_bind, set_up, tear_down),
      cmocka_unit_test_setup_teardown(memory_binds, set_up, tear_down),
      cmocka_unit_test_setup_teardown(loads_weigh, set_up, tear_down),
      cmocka_unit_test_setup_teardown(broken_statements_are_errors, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_judge_finds_everything, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
