/* Is exact level 1 exact? Random small systems against all sets, designs, ranges and strategies, valued by the
 * evaluator: chains and branches, links of their own, fixed designs, tight memory, training. Bounds never lie. */
#include "search/sharding/sharding_bounds.h"
#include "search/sharding/sharding_branch.h"
#include "search/sharding/sharding_improve.h"
#include "tests/sharding_made.h"
#include "tests/sharding_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_CASES = 300, N_CHOICES = 1000, MAX_ANSWERS = 30000, MAX_BOARDS = 3 };

struct enumeration {
  const struct sharding_problem *problem;
  struct sharding_answer answer;
  uint32_t boards[MAX_BOARDS][MAX_BOARDS];
  uint64_t n_answers;
  double least_s;
};

static void choose_strategies(struct enumeration *all, uint32_t place) {
  const struct sharding_problem *problem = all->problem;
  if (all->n_answers > MAX_ANSWERS) return;
  if (place == problem->n_layers) {
    all->n_answers++;
    all->least_s = fmin(all->least_s, sharding_evaluate(problem, &all->answer, &scratch, NULL));
    return;
  }
  size_t k = 0;
  while (all->answer.sets[k].last < place) k++;
  const struct arena_mark mark = arena_get_mark(&arena);
  const struct sharding_strategy *list;
  const uint32_t layer = problem->topological[place];
  const size_t n = sharding_strategies(problem, layer, all->answer.sets[k].n_boards, &arena, &list);
  for (size_t i = 0; i < n; i++) {
    all->answer.strategies[layer] = list[i];
    choose_strategies(all, place + 1);
  }
  arena_rewind(&arena, mark);
}

/* Boards by group, then number; one design if they are fixed. False: not a set. */
static bool take_boards(struct enumeration *all, unsigned mask, uint32_t design, struct sharding_set *set,
                        uint32_t *boards) {
  const struct sharding_problem *problem = all->problem;
  set->n_boards = 0, set->boards = boards, set->design = design;
  for (uint32_t g = 0; g < problem->n_groups; g++) {
    for (uint32_t b = 0; b < problem->n_boards; b++) {
      if (problem->board_group[b] != g || (mask >> b & 1) == 0) continue;
      if (!problem->adaptive && problem->boards[b].design != design) return false;
      boards[set->n_boards++] = b;
    }
  }
  return true;
}

static void choose_sets(struct enumeration *all, uint32_t first, unsigned used) {
  const struct sharding_problem *problem = all->problem;
  const size_t k = all->answer.n_sets;
  if (first == problem->n_layers) {
    choose_strategies(all, 0);
    return;
  }
  for (unsigned mask = 1; mask < 1U << problem->n_boards; mask++) {
    if ((mask & used) != 0) continue;
    for (uint32_t d = 0; d < problem->n_designs; d++) {
      if (!take_boards(all, mask, d, &all->answer.sets[k], all->boards[k])) continue;
      for (uint32_t last = first; last < problem->n_layers; last++) {
        all->answer.sets[k].first = first, all->answer.sets[k].last = last;
        all->answer.n_sets = k + 1;
        choose_sets(all, last + 1, used | mask);
        all->answer.n_sets = k;
      }
    }
  }
}

static bool check(const struct sharding_problem *problem, uint64_t number, size_t *n_proven) {
  struct sharding_set sets[MAX_BOARDS + 1];
  struct enumeration all = {.problem = problem, .least_s = INFINITY};
  all.answer.sets = sets;
  all.answer.strategies = ARENA_NEW(&arena, struct sharding_strategy, problem->n_layers);
  choose_sets(&all, 0, 0);
  if (all.n_answers > MAX_ANSWERS) return false;
  const struct branch_limits limits = {.max_nodes = 100000};
  struct branch_result result = {.value_s = INFINITY};
  assert_true(sharding_branch(problem, &limits, &scratch, &arena, &result));
  struct sharding_bounds bounds;
  sharding_bounds(problem, &scratch, &bounds);
  for (size_t i = 0; i < SHARDING_N_BOUNDS; i++) {
    if (bounds.value_s[i] <= all.least_s * (1 + 1e-12)) continue;
    fail_msg("case %lu: bound %s %.17g above the optimum %.17g", (unsigned long)number, sharding_bound_names[i],
             bounds.value_s[i], all.least_s);
  }
  const bool proven = result.bound_s >= result.value_s * (1 - 1e-12);
  *n_proven += proven;
  if (result.bound_s > all.least_s * (1 + 1e-12)) {
    fail_msg("case %lu: bound %.17g above the optimum %.17g", (unsigned long)number, result.bound_s, all.least_s);
  }
  if (result.value_s < all.least_s * (1 - 1e-12) || (proven && result.value_s > all.least_s * (1 + 1e-12))) {
    fail_msg("case %lu: %.17g, the optimum is %.17g", (unsigned long)number, result.value_s, all.least_s);
  }
  if (isfinite(result.value_s)) {
    assert_true(sharding_evaluate(problem, &result.answer, &scratch, NULL) <= result.value_s);
    double latency_s;
    struct error error = {0};
    const struct sharding_claim claim = {result.answer, NULL, NULL};
    if (!sharding_check(problem, &claim, &arena, &latency_s, &error)) {
      fail_msg("case %lu: %s", (unsigned long)number, error.text);
    }
  }
  return true;
}

static void run(const char *what, bool chain, bool training, bool tight, double wanted_share) {
  size_t n_checked = 0, n_proven = 0;
  for (uint64_t i = 0; i < N_CASES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 95 + chain + 2 * training + 4 * tight, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 4, MAX_BOARDS);
    shape.chain = chain, shape.training = training, shape.tight = tight;
    if (shape.n_boards < 2) shape.n_boards = 2;
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    problem.max_es_dims = 1;
    n_checked += check(&problem, i, &n_proven);
    arena_rewind(&arena, mark);
  }
  printf("%s: seed %lu, %zu cases checked, %zu proven\n", what, (unsigned long)seed, n_checked, n_proven);
  assert_true(n_checked > N_CASES / 4);
  assert_true((double)n_proven >= wanted_share * (double)n_checked);
}

/* Sets in order with designs and ranges, any. False: they came to one set. */
static bool draw_choice(struct rng *rng, const struct sharding_sets *sets, struct choice *choice) {
  const struct sharding_problem *problem = sets->problem;
  uint32_t used = 0, place = 0;
  choice->n_sets = 0;
  while (place < problem->n_layers) {
    uint32_t form = (uint32_t)rng_below(rng, sets->n_forms), n_looked = 0;
    for (; !sharding_sets_fit(sets, used, form) && n_looked < sets->n_forms; n_looked++) {
      form = (form + 1) % sets->n_forms;
    }
    if (n_looked == sets->n_forms) break; /* no board is left: the last set goes on to the end */
    const uint32_t fixed = sets->forms[form].design, left = (uint32_t)problem->n_layers - place;
    const uint32_t design = fixed != SHARDING_NONE ? fixed : (uint32_t)rng_below(rng, problem->n_designs);
    const uint32_t last = place + (uint32_t)rng_below(rng, left);
    choice->sets[choice->n_sets++] = (struct ranges_choice){form, design, last};
    used += sets->forms[form].index, place = last + 1;
  }
  choice->sets[choice->n_sets - 1].last = (uint32_t)problem->n_layers - 1;
  return choice->n_sets > 1;
}

/* What is said of strategies on given sets: against all of them. */
static void check_choice(const struct sharding_problem *problem, uint64_t number, struct rng *rng, size_t *n_checked,
                         size_t *n_reached) {
  struct sharding_sets sets;
  assert_true(sharding_sets_make(problem, 64, &arena, &sets));
  const struct choice_context context = {&sets, sharding_store_new(problem, &arena), 1 << 12, &scratch, &arena};
  struct choice choice;
  if (!draw_choice(rng, &sets, &choice)) return;
  struct choice_value value = {.value_s = INFINITY};
  if (!choice_solve(&context, &choice, &value)) return;
  struct enumeration all = {.problem = problem, .answer = value.answer, .least_s = INFINITY};
  choose_strategies(&all, 0);
  if (all.n_answers > MAX_ANSWERS) return;
  const double bound_s = choice_bound(&context, &choice, INFINITY),
               cut_s = choice_bound(&context, &choice, bound_s / 2);
  (*n_checked)++;
  *n_reached += bound_s >= all.least_s * (1 - 1e-12);
  if (bound_s > all.least_s * (1 + 1e-12) || value.value_s < all.least_s * (1 - 1e-12)) {
    fail_msg("case %lu: bound %.17g, found %.17g, the optimum is %.17g", (unsigned long)number, bound_s, value.value_s,
             all.least_s);
  }
  if (fabs(cut_s - bound_s / 2) > 1e-9 * bound_s)
    fail_msg("case %lu: %.17g of %.17g", (unsigned long)number, cut_s, bound_s);
}

/* Steps from there: never worse, and as the judge counts. */
static void check_steps(const struct sharding_problem *problem, uint64_t number, struct rng *rng, size_t *n_better) {
  struct sharding_sets sets;
  assert_true(sharding_sets_make(problem, 64, &arena, &sets));
  const struct choice_context context = {&sets, sharding_store_new(problem, &arena), 64, &scratch, &arena};
  struct choice choice;
  draw_choice(rng, &sets, &choice);
  struct choice_value value = {.value_s = INFINITY};
  if (!choice_solve(&context, &choice, &value)) return;
  const struct improve_limits limits = {.max_samples = 500, .max_solved = 60, .max_evaluated = 200};
  const double before_s = value.value_s;
  assert_true(sharding_improve_sets(&context, &limits, &choice, &value) <= 60);
  const double between_s = value.value_s;
  assert_true(sharding_improve_strategies(problem, &limits, &scratch, &arena, &value) <= 200);
  *n_better += value.value_s < before_s;
  double latency_s;
  struct error error = {0};
  const struct sharding_claim claim = {value.answer, NULL, NULL};
  if (!sharding_check(problem, &claim, &arena, &latency_s, &error))
    fail_msg("case %lu: %s", (unsigned long)number, error.text);
  if (between_s > before_s || value.value_s > between_s || fabs(latency_s - value.value_s) > 1e-9 * latency_s) {
    fail_msg("case %lu: %.17g, then %.17g and %.17g, judged %.17g", (unsigned long)number, before_s, between_s,
             value.value_s, latency_s);
  }
}

static void test_choices(void **state) {
  (void)state;
  size_t n_checked = 0, n_reached = 0, n_better = 0;
  for (uint64_t i = 0; i < N_CHOICES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 87, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 7, 6);
    shape.chain = shape.tight = false, shape.training = i % 4 == 0;
    if (shape.n_boards < 2) shape.n_boards = 2;
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    problem.max_es_dims = 1, problem.es_dims = 1U << SHARDING_COUT | 1U << SHARDING_H | 1U << SHARDING_CIN;
    problem.ss_dims = i % 2 == 0 ? 0 : problem.ss_dims;
    check_choice(&problem, i, &rng, &n_checked, &n_reached);
    if (i % 4 == 0) check_steps(&problem, i, &rng, &n_better);
    arena_rewind(&arena, mark);
  }
  printf("sets that are given: seed %lu, %zu cases checked, %zu reached, %zu improved\n", (unsigned long)seed,
         n_checked, n_reached, n_better);
  assert_true(n_checked > N_CHOICES / 4 && n_reached > n_checked / 2 && n_better > N_CHOICES / 8);
}

static void test_chains(void **state) {
  (void)state;
  run("chains", true, false, false, 1);
}
static void test_graphs(void **state) {
  (void)state;
  run("graphs", false, false, false, 0.8);
}
static void test_training(void **state) {
  (void)state;
  run("training", false, true, false, 0.5);
}
static void test_memory(void **state) {
  (void)state;
  run("tight memory", false, false, true, 0.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_chains, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_graphs, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_training, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_choices, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
