/* The parts of placement's algorithms, on problems small enough to be worked out by hand. What all of them promise:
 * tests/property; what is published: tests/golden. */
#include "search/placement/h2h.h"
#include "search/placement/placement_draw.h"
#include "search/placement/placement_list.h"
#include "search/placement/placement_read.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* In the text, ' stands for ", and the format is left out. */
static void parse(const char *text, struct placement_problem *problem) {
  char *bytes = arena_printf(&arena, "{'format':'dse.placement/1',%s", text + 1);
  for (char *c = bytes; *c != 0; c++) *c = *c == '\'' ? '"' : *c;
  struct error error = {0};
  if (!placement_parse("test", bytes, strlen(bytes), &arena, problem, &error)) fail_msg("%s", error.text);
}

static struct placement_result run(const struct placement_problem *problem, const char *name, const uint32_t *held) {
  const struct placement_algorithm *algorithm = placement_find_algorithm(name);
  assert_non_null(algorithm);
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  const struct placement_request request = {.problem = problem,
                                            .settings = settings,
                                            .seed = 2385,
                                            .samples = 100,
                                            .held = held,
                                            .arena = &arena,
                                            .scratch = &scratch};
  struct placement_result result;
  algorithm->run(&request, &result);
  return result;
}

/* "l0 l2 | l1": what stands where. */
static void expect_orders(const struct placement_problem *problem, const struct placement_answer *answer,
                          const char *wanted) {
  const char *text = "";
  for (size_t d = 0; d < problem->n_devices; d++) {
    if (d > 0) text = arena_printf(&arena, "%s|", text);
    for (uint32_t i = answer->start[d]; i < answer->start[d + 1]; i++) {
      const char *name = problem->layer_names[answer->layer[i]];
      text = arena_printf(&arena, "%s%s%s", text, i > answer->start[d] ? " " : "", name);
    }
  }
  assert_string_equal(text, wanted);
}

/* --- the list -------------------------------------------------------------------------------------------------------
 */

static void names_are_unique_and_found(void **state) {
  (void)state;
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    const struct placement_algorithm *algorithm = placement_algorithms[i];
    assert_ptr_equal(placement_find_algorithm(algorithm->name), algorithm);
    assert_true(strlen(algorithm->doc) > 0 && strlen(algorithm->source) > 0);
    assert_true((algorithm->table != NULL) == (algorithm->settings_bytes > 0));
  }
  assert_null(placement_find_algorithm("heft "));
}

/* --- tools ----------------------------------------------------------------------------------------------------------
 */

static void a_layer_moves_anywhere(void **state) {
  (void)state;
  static const uint32_t start[] = {0, 2, 2, 5}, layer[] = {4, 1, 0, 3, 2}, device[] = {0, 0, 2, 2, 2};
  for (uint32_t at = 0; at < 5; at++) {
    for (uint32_t to = 0; to < 3; to++) {
      for (uint32_t before = start[to]; before <= start[to + 1]; before++) {
        uint32_t new_start[4], new_layer[5], wanted[3][5], n[3] = {0};
        bool pinned[5] = {false};
        struct placement_answer answer = {new_start, new_layer, pinned};
        memcpy(new_start, start, sizeof start);
        memcpy(new_layer, layer, sizeof layer);
        placement_move_layer(&answer, at, device[at], before, to);
        for (uint32_t d = 0; d < 3; d++) {
          for (uint32_t i = start[d]; i <= start[d + 1]; i++) {
            if (d == to && i == before) wanted[d][n[d]++] = layer[at];
            if (i < start[d + 1] && i != at) wanted[d][n[d]++] = layer[i];
          }
          assert_int_equal(new_start[d + 1] - new_start[d], n[d]);
          assert_memory_equal(new_layer + new_start[d], wanted[d], n[d] * sizeof **wanted);
          if (d == to) assert_int_equal(layer[at], new_layer[placement_find_layer(&answer, layer[at], d)]);
        }
        assert_int_equal(new_start[0], 0);
      }
    }
  }
}

static const char *const forest = "{'preset':'delay','devices':[{'name':'A'},{'name':'B'}],"
                                  "'layers':{'columns':['layer'],'rows':[['a'],['b'],['c'],['d'],['e']]},"
                                  "'edges':{'columns':['from','to','transfer_s'],'rows':[['c','a',1],['b','d',1]]},"
                                  "'costs':{'columns':['layer','class','compute_s'],'rows':[['a','A',2],['b','A',2],"
                                  "['c','A',2],['d','A',2],['e','A',2],['e','B',3]]}}";

static void priorities_give_way_to_predecessors(void **state) {
  (void)state;
  struct placement_problem problem;
  parse(forest, &problem);
  static const double priority[] = {9, 1, 2, 7, 2};
  static const uint32_t wanted[] = {2, 0, 4, 1, 3}; /* c, then a that waited, e, b, d */
  uint32_t order[5];
  placement_sort_by_priority(&problem, priority, &scratch, order);
  assert_memory_equal(order, wanted, sizeof wanted);
}

static void draws_go_where_layers_can(void **state) {
  (void)state;
  struct placement_problem problem;
  parse(forest, &problem);
  const struct placement_request request = {.problem = &problem, .arena = &arena, .scratch = &scratch, .seed = 2385};
  struct placement_build build;
  placement_build_init(&build, &request);
  struct placement_genes genes = placement_genes_new(&problem, &arena);
  size_t n_b = 0;
  for (uint64_t i = 0; i < 100; i++) {
    struct rng rng = placement_rng(&request, PLACEMENT_STREAM_RANDOM, i, 0);
    placement_draw(&build, &rng, &genes);
    for (size_t l = 0; l < 4; l++) assert_int_equal(genes.device[l], 0);
    n_b += genes.device[4];
  }
  assert_in_range(n_b, 30, 70);
}

/* --- lists ----------------------------------------------------------------------------------------------------------
 */

/* On A: x takes 2 s and y, which waits for z from B, starts at 9 or later; w fits between. */
static const char *const gap = "{'preset':'delay','devices':[{'name':'A'},{'name':'B'}],"
                               "'layers':{'columns':['layer'],'rows':[['x'],['z'],['y'],['w']]},"
                               "'edges':{'columns':['from','to','transfer_s'],'rows':[['z','y',4],['x','y',4]]},"
                               "'costs':{'columns':['layer','class','compute_s'],'rows':[['x','A',2],['z','B',5],"
                               "['y','A',8],['w','A',%s]]}}";

static void heft_fills_gaps_and_comb_does_not(void **state) {
  (void)state;
  struct placement_problem problem;
  parse(arena_printf(&arena, gap, "7"), &problem); /* from 2 s to 9 s, exactly */
  struct placement_result result = run(&problem, "heft", NULL);
  expect_orders(&problem, &result.answer, "x w y|z");
  assert_true(result.value == 17);
  result = run(&problem, "comb-like", NULL); /* w 7 s, z 5 s, x 2 s, and y in the end */
  expect_orders(&problem, &result.answer, "w x y|z");
  parse(arena_printf(&arena, gap, "7.5"), &problem);
  result = run(&problem, "heft", NULL);
  expect_orders(&problem, &result.answer, "x y w|z");
  assert_true(result.value == 24.5);
}

/* Layers that take no time, all at once, in an order of devices that could wait for each other in a circle. */
static void layers_without_time_make_no_circle(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'preset':'delay','devices':[{'name':'A'},{'name':'B'}],"
        "'layers':{'columns':['layer'],'rows':[['u'],['w'],['v'],['t']]},"
        "'edges':{'columns':['from','to','transfer_s'],'rows':[['u','v',0],['w','t',0]]},"
        "'costs':{'columns':['layer','class','compute_s'],'rows':[['u','A',0],['v','B',0],['w','B',0],['t','A',0]]}}",
        &problem);
  const struct placement_result result = run(&problem, "heft", NULL);
  assert_true(result.value == 0 && result.samples == 1);
}

/* Guesses under h2h: a pair of unlike devices writes all of the output and reads the edge. */
static const char *const pair =
    "{'preset':'h2h','devices':[{'name':'A','link_bytes_per_s':100,'dram_bytes':100},"
    "{'name':'B','link_bytes_per_s':50,'dram_bytes':30}],"
    "'layers':{'columns':['layer','kind','weight_bytes','input_bytes','output_bytes'],"
    "'rows':[['p','conv',10,300,200],['q','conv',40,250,100]]},"
    "'edges':{'columns':['from','to','bytes'],'rows':[['p','q',150]]},"
    "'costs':{'columns':['layer','class','compute_s'],'rows':[['p','A',1],['p','B',1],['q','A',1],['q','B',1]]}}";

static void costs_are_guessed_as_if_neighbours_were_near(void **state) {
  (void)state;
  struct placement_problem problem;
  parse(pair, &problem);
  struct placement_costs costs;
  placement_costs_init(&costs, &problem, &arena);
  const double close = 1e-12;
  assert_true(fabs(placement_costs_layer_s(&costs, 0, 0) - (1 + 3)) < close);           /* reads 300, pins 10 of 50 */
  assert_true(fabs(placement_costs_layer_s(&costs, 0, 1) - (1 + 6)) < close);           /* pins 10 of 15 */
  assert_true(fabs(placement_costs_layer_s(&costs, 1, 0) - (1 + 1 + 1)) < close);       /* reads 100, writes 100 */
  assert_true(fabs(placement_costs_layer_s(&costs, 1, 1) - (1 + 0.8 + 2 + 2)) < close); /* 40 do not fit */
  assert_true(fabs(placement_costs_edge_s(&costs, 0, 0, 1) - (2 + 3)) < close);         /* 200 from A, 150 to B */
  assert_true(fabs(placement_costs_edge_s(&costs, 0, 1, 0) - (4 + 1.5)) < close);
  assert_true(placement_costs_edge_s(&costs, 0, 1, 1) <= 0);
  assert_true(fabs(placement_costs_mean_edge_s(&costs, 0) - 5.25) < close);
  assert_true(fabs(placement_costs_mean_layer_s(&costs, 0) - 5.5) < close);
}

/* --- the four steps -------------------------------------------------------------------------------------------------
 */

/* Free links: durations are computing times. Three layers on two devices: of all pairs and all assignments the first
 * with the least end is (a on A, c on B), which ends at 3; b follows. A layer of another kind comes behind. */
static const char *const front =
    "{'preset':'h2h','devices':[{'name':'A'},{'name':'B'}],"
    "'layers':{'columns':['layer','kind','output_bytes'],'rows':[['v','vector',0],['f','fc',0],['a','conv',%s],"
    "['b','conv',0],['c','conv',0],['g','lstm',0]]},'edges':{'columns':['from','to','bytes'],'rows':[]},"
    "'costs':{'columns':['layer','class','compute_s'],'rows':[['v','A',1],['v','B',1],['f','A',1],['f','B',1],"
    "['a','A',2],['a','B',9],['b','A',4],['b','B',4],['c','A',9],['c','B',3],['g','B',1]]}}";

static void the_first_step_tries_all_choices(void **state) {
  (void)state;
  struct placement_problem problem;
  parse(arena_printf(&arena, front, "0"), &problem);
  const struct placement_request request = {.problem = &problem, .arena = &arena, .scratch = &scratch};
  struct placement_build build;
  uint32_t order[6];
  placement_build_init(&build, &request);
  assert_true(h2h_place(&build, 1000, order));
  /* conv: a, c; lstm: g on B until 4; fc: f on A until 3; vector: v on A until 4 (A before B); then b on A until 8. */
  static const uint32_t wanted[] = {2, 4, 5, 1, 0, 3}, devices[] = {0, 0, 0, 0, 1, 1};
  assert_memory_equal(order, wanted, sizeof wanted);
  assert_memory_equal(build.device, devices, sizeof devices);
  /* One at a time: a on A until 2, b on B until 4, c on B until 7 (on A until 11). */
  assert_true(h2h_place(&build, 2, order));
  static const uint32_t one_by_one[] = {2, 3, 4, 5, 1, 0}, their[] = {0, 0, 0, 1, 1, 1};
  assert_memory_equal(order, one_by_one, sizeof one_by_one);
  assert_memory_equal(build.device, their, sizeof their);
  /* Trials are counted as three pairs of layers times four assignments. */
  assert_true(h2h_place(&build, 12, order));
  assert_memory_equal(order, wanted, sizeof wanted);
  assert_true(h2h_place(&build, 11, order));
  assert_memory_equal(order, one_by_one, sizeof one_by_one);
}

/* A layer that comes free later, but stands earlier in the file, goes first among its kind. */
static void fronts_are_in_the_order_of_the_file(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'preset':'h2h','devices':[{'name':'A'}],'layers':{'columns':['layer'],'rows':[['a'],['b'],['c'],['d']]},"
        "'edges':{'columns':['from','to','bytes'],'rows':[['d','a',0]]},"
        "'costs':{'columns':['layer','class','compute_s'],'rows':[['a','A',1],['b','A',1],['c','A',1],['d','A',0.5]]}}",
        &problem);
  const struct placement_request request = {.problem = &problem, .arena = &arena, .scratch = &scratch};
  struct placement_build build;
  uint32_t order[4];
  placement_build_init(&build, &request);
  assert_true(h2h_place(&build, 1000, order)); /* one device: the shortest of the front, so d, then a */
  static const uint32_t wanted[] = {3, 0, 1, 2};
  assert_memory_equal(order, wanted, sizeof wanted);
}

/* p and q part in step 1, since B computes q faster; step 4 brings them together, which saves both transfers. */
static void the_fourth_step_joins_neighbours(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'preset':'h2h','devices':[{'name':'A','link_bytes_per_s':100,'dram_bytes':1000},"
        "{'name':'B','link_bytes_per_s':100,'dram_bytes':1000}],"
        "'layers':{'columns':['layer','weight_bytes','input_bytes','output_bytes'],"
        "'rows':[['p',100,0,200],['q',100,200,0]]},"
        "'edges':{'columns':['from','to','bytes'],'rows':[['p','q',200]]},"
        "'costs':{'columns':['layer','class','compute_s'],'rows':[['p','A',1],['p','B',9],['q','A',2],['q','B',1.5]]}}",
        &problem);
  struct placement_result result = run(&problem, "h2h-step1", NULL);
  expect_orders(&problem, &result.answer, "p|q");
  assert_true(result.stated_s == 1 + 1 + 2 + 1.5 + 1 + 2); /* each weight 1 s, the activation 2 s twice */
  assert_true(result.value == result.stated_s && !result.answer.pinned[0]);
  result = run(&problem, "h2h-step2", NULL);
  assert_true(result.stated_s == 1 + 2 + 1.5 + 2 && result.value == result.stated_s && result.answer.pinned[1]);
  result = run(&problem, "h2h-step4", NULL);
  expect_orders(&problem, &result.answer, "p q|");
  /* p behind nobody, before q on B: 10.5, worse; q behind p on A: 3, kept; then both stand together. */
  assert_true(result.value == 3 && result.samples == 3 && isnan(result.stated_s));
  /* Weights of q that lie on B stay there, and nothing is tried for q; p is tried before it in each pass. */
  const uint32_t held[] = {PLACEMENT_NONE, 1};
  result = run(&problem, "h2h-step4", held);
  expect_orders(&problem, &result.answer, "p|q");
  assert_true(result.value == 6.5 && result.samples == 3);
  /* Where they could not stay, they bind nobody. */
  const uint32_t nowhere[] = {7, 9};
  assert_true(run(&problem, "h2h-step4", nowhere).value == 3);
  parse(pair, &problem); /* B holds 15 of q's 40 */
  const double value = run(&problem, "h2h-step3", NULL).value;
  assert_true(value < INFINITY && run(&problem, "h2h-step3", held).value == value);
}

/* --- what binds -----------------------------------------------------------------------------------------------------
 */

/* A chain of four with a group around its middle, on two devices in pieces: p | q r s is not possible, q and s share a
 * device and r lies between them. */
static void pieces_keep_groups_and_what_lies_between(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'preset':'star','devices':[{'name':'A','dram_bytes':50},{'name':'B','dram_bytes':70}],"
        "'layers':{'columns':['layer','weight_bytes','group'],"
        "'rows':[['p',20,''],['q',20,'g'],['r',20,''],['s',20,'g'],['t',20,'']]},"
        "'edges':{'columns':['from','to','transfer_s'],"
        "'rows':[['p','q',1],['q','r',1],['r','s',1],['s','t',1]]},"
        "'costs':{'columns':['layer','class','compute_s'],'rows':[['p','A',1],['p','B',1],['q','A',1],['q','B',1],"
        "['r','A',1],['r','B',1],['s','A',1],['s','B',1],['t','A',1],['t','B',1]]}}",
        &problem);
  const struct placement_request request = {.problem = &problem, .arena = &arena, .scratch = &scratch};
  struct placement_build build;
  placement_build_init(&build, &request);
  assert_int_equal(build.n_pieces, 3);
  assert_int_equal(build.piece_start[2] - build.piece_start[1], 3);
  assert_int_equal(build.unit_bytes[3], 40);
  struct placement_answer answer = placement_answer_new(&problem, &arena);
  assert_false(placement_build_fill(&build, &answer)); /* 60 fit B alone, and 20 beside them nowhere behind */
  placement_build_reset(&build);
  placement_build_place(&build, 0, 0);
  placement_build_place(&build, 1, 1);
  assert_false(placement_build_allows(&build, 2, 0)); /* A before B before A */
  assert_false(placement_build_allows(&build, 3, 0)); /* its group is on B */
  assert_true(placement_build_allows(&build, 2, 1));
}

static void pieces_are_dealt_evenly(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'preset':'star','devices':[{'name':'A','dram_bytes':90},{'name':'B','dram_bytes':90},"
        "{'name':'C','dram_bytes':30}],"
        "'layers':{'columns':['layer','weight_bytes'],'rows':[['p',20],['q',20],['r',20],['s',20],['t',20]]},"
        "'edges':{'columns':['from','to','transfer_s'],'rows':[['p','q',0],['q','r',0],['r','s',0],['s','t',0]]},"
        "'costs':{'columns':['layer','class','compute_s'],'rows':[['p','A',1],['q','A',2],['r','A',1],['s','A',1],"
        "['t','A',4],['p','B',1],['q','B',2],['r','B',1],['s','B',1],['t','B',4],['t','C',4.5]]}}",
        &problem);
  const struct placement_request request = {.problem = &problem, .arena = &arena, .scratch = &scratch};
  struct placement_build build;
  placement_build_init(&build, &request);
  struct placement_answer answer = placement_answer_new(&problem, &arena);
  assert_true(placement_build_fill(&build, &answer));
  expect_orders(&problem, &answer, "p q r|s|t"); /* 4, 1, 4.5: less than 5 on B, and A is filled before B */
  assert_true(placement_evaluate(&problem, &answer, &scratch, NULL) == 4.5);
}

static void heavy_groups_are_filled_in_first(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'transfers':'cut','timing':'serial','memory':'hard','devices':[{'name':'A','dram_bytes':50},"
        "{'name':'B','dram_bytes':60}],"
        "'layers':{'columns':['layer','weight_bytes','group'],"
        "'rows':[['p',40,''],['q',25,'g'],['r',30,'g'],['s',10,'']]},"
        "'edges':{'columns':['from','to','bytes'],'rows':[['p','q',0],['q','r',0],['p','s',0]]},"
        "'costs':{'columns':['layer','class','compute_s'],'rows':[['p','A',1],['p','B',9],['q','A',1],['q','B',9],"
        "['r','A',1],['r','B',9],['s','A',1],['s','B',9]]}}",
        &problem);
  static const char *const names[] = {"heft", "peft", "h2h-step1", "fastest-device", "best-device", "random"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct placement_result result = run(&problem, names[i], NULL);
    expect_orders(&problem, &result.answer, "p s|q r"); /* there is no other */
  }
}

/* HEFT puts the group where its first layer is fast, which is slow for the other. */
static void annealing_moves_groups_as_one(void **state) {
  (void)state;
  struct placement_problem problem;
  parse("{'preset':'delay','devices':[{'name':'A'},{'name':'B'}],"
        "'layers':{'columns':['layer','group'],'rows':[['p','g'],['q','g'],['r','']]},"
        "'edges':{'columns':['from','to','transfer_s'],'rows':[['p','q',1],['q','r',1]]},"
        "'costs':{'columns':['layer','class','compute_s'],"
        "'rows':[['p','A',1],['p','B',2],['q','A',9],['q','B',1],['r','A',1],['r','B',1]]}}",
        &problem);
  struct placement_result result = run(&problem, "heft", NULL);
  expect_orders(&problem, &result.answer, "p q r|");
  result = run(&problem, "anneal", NULL);
  expect_orders(&problem, &result.answer, "|p q r");
}

/* --- naive ----------------------------------------------------------------------------------------------------------
 */

static void naive_ones_go_where_they_should(void **state) {
  (void)state;
  struct placement_problem problem;
  parse(arena_printf(&arena, front, "0"), &problem);
  const struct placement_result one = run(&problem, "best-device", NULL);
  expect_orders(&problem, &one.answer, "v f a b c|g"); /* 17 and 1 beats 19 on B */
  assert_true(one.value == 17 && one.samples == 2);
  const struct placement_result own = run(&problem, "fastest-device", NULL);
  expect_orders(&problem, &own.answer, "v f a b|c g");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(names_are_unique_and_found, setup, teardown),
      cmocka_unit_test_setup_teardown(a_layer_moves_anywhere, setup, teardown),
      cmocka_unit_test_setup_teardown(priorities_give_way_to_predecessors, setup, teardown),
      cmocka_unit_test_setup_teardown(draws_go_where_layers_can, setup, teardown),
      cmocka_unit_test_setup_teardown(heft_fills_gaps_and_comb_does_not, setup, teardown),
      cmocka_unit_test_setup_teardown(layers_without_time_make_no_circle, setup, teardown),
      cmocka_unit_test_setup_teardown(costs_are_guessed_as_if_neighbours_were_near, setup, teardown),
      cmocka_unit_test_setup_teardown(the_first_step_tries_all_choices, setup, teardown),
      cmocka_unit_test_setup_teardown(fronts_are_in_the_order_of_the_file, setup, teardown),
      cmocka_unit_test_setup_teardown(the_fourth_step_joins_neighbours, setup, teardown),
      cmocka_unit_test_setup_teardown(pieces_keep_groups_and_what_lies_between, setup, teardown),
      cmocka_unit_test_setup_teardown(pieces_are_dealt_evenly, setup, teardown),
      cmocka_unit_test_setup_teardown(heavy_groups_are_filled_in_first, setup, teardown),
      cmocka_unit_test_setup_teardown(annealing_moves_groups_as_one, setup, teardown),
      cmocka_unit_test_setup_teardown(naive_ones_go_where_they_should, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
