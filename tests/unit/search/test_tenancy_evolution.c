/* Do the operators of multi-tenant mapping's genetic algorithm do what they are meant to? Each alone, on answers whose
 * genes tell where they come from; then a generation: who stays, and what is counted. (tenancy §7; the defects that
 * each assertion guards against are those of its §14.) */
#include "search/tenancy/magma.h"

#include "tests/tenancy_rounds.h"
#include "tests/two_arenas.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_JOBS = 23, N_CORES = 5, MISSING_JOB = 7, MISSING_CORE = 2, N_TRIES = 400 };

static struct tenancy_problem make_problem(void) {
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, N_JOBS * N_CORES);
  double *need = ARENA_NEW(&arena, double, N_JOBS *N_CORES);
  for (size_t j = 0; j < N_JOBS; j++) {
    for (size_t c = 0; c < N_CORES; c++) {
      if (j == MISSING_JOB && c == MISSING_CORE) continue;
      latency[j * N_CORES + c] = 10 + 3 * j + (c == 4 ? 500 : 7 * c);
      need[j * N_CORES + c] = 1 + (double)((j + c) % 4);
    }
  }
  struct tenancy_problem problem = {.name = "operators",
                                    .n_jobs = N_JOBS,
                                    .n_cores = N_CORES,
                                    .bandwidth_bytes_per_cycle = 6,
                                    .latency_cycles = latency,
                                    .bytes_per_cycle = need};
  struct error error = {0};
  assert_true(tenancy_finish(&problem, &arena, &error));
  return problem;
}

/* Every gene of parent p: core p, priority p + job / 1000. */
static struct tenancy_answer parent(const struct tenancy_problem *problem, uint32_t p) {
  struct tenancy_answer answer = tenancy_answer_new(problem, &arena);
  for (size_t j = 0; j < N_JOBS; j++) answer.core[j] = p, answer.priority[j] = p + (double)j / 1000;
  return answer;
}
static uint32_t from(double priority) { return (uint32_t)priority; }

/* Is each row 0…0 1…1 or 1…1 0…0 with one change at most, the other parent having the rest? Returns the changed genes
 * of a (parent 0). */
struct swapped {
  size_t n_cores, n_priorities, first, last; /* first and last gene that has changed sides, in either row */
};
static struct swapped compare(const struct tenancy_answer *a, const struct tenancy_answer *b) {
  struct swapped swapped = {.first = N_JOBS};
  for (size_t j = 0; j < N_JOBS; j++) {
    assert_int_equal(a->core[j] + b->core[j], 1); /* exchanged, never copied: no gene is lost, no child a clone of b */
    assert_int_equal(from(a->priority[j]) + from(b->priority[j]), 1);
    assert_true(fabs(a->priority[j] - from(a->priority[j]) - (double)j / 1000) < 1e-12);
    swapped.n_cores += a->core[j] == 1;
    swapped.n_priorities += from(a->priority[j]) == 1;
    if (a->core[j] == 1 || from(a->priority[j]) == 1) {
      if (swapped.first == N_JOBS) swapped.first = j;
      swapped.last = j;
    }
  }
  return swapped;
}

static void crossover_gen_exchanges_one_row_only(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  unsigned n_cores = 0, n_priorities = 0, n_heads = 0, n_tails = 0;
  for (uint64_t i = 0; i < N_TRIES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 0, i);
    struct tenancy_answer a = parent(&problem, 0), b = parent(&problem, 1);
    magma_crossover_gen(&problem, &rng, &a, &b);
    const struct swapped swapped = compare(&a, &b);
    assert_true(swapped.n_cores == 0 || swapped.n_priorities == 0);
    const size_t n = swapped.n_cores + swapped.n_priorities;
    if (n == 0) continue;                                  /* pivot 0 */
    assert_int_equal(swapped.last - swapped.first + 1, n); /* one piece, */
    assert_true(swapped.first == 0 || swapped.last == N_JOBS - 1);
    assert_true(n <= (N_JOBS + 1) / 2); /* the shorter one */
    n_cores += swapped.n_cores > 0, n_priorities += swapped.n_priorities > 0;
    n_heads += swapped.first == 0, n_tails += swapped.first > 0;
  }
  assert_in_range(n_cores, N_TRIES * 2 / 5, N_TRIES * 3 / 5);
  assert_in_range(n_priorities, N_TRIES * 2 / 5 - 30, N_TRIES * 3 / 5);
  assert_in_range(n_heads, N_TRIES * 2 / 5 - 30, N_TRIES * 3 / 5);
  assert_in_range(n_tails, N_TRIES * 2 / 5, N_TRIES * 3 / 5 + 30);
}

static void crossover_rg_keeps_core_and_place_together(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  for (uint64_t cuts = 1; cuts <= 2; cuts++) {
    unsigned n_inner = 0, n_changed = 0;
    for (uint64_t i = 0; i < N_TRIES; i++) {
      struct rng rng = rng_stream(seed, RNG_TEST, cuts, i);
      struct tenancy_answer a = parent(&problem, 0), b = parent(&problem, 1);
      magma_crossover_rg(&problem, cuts, &rng, &a, &b);
      const struct swapped swapped = compare(&a, &b);
      for (size_t j = 0; j < N_JOBS; j++) assert_int_equal(a.core[j], from(a.priority[j]));
      if (swapped.n_cores == 0) continue;
      n_changed++;
      assert_int_equal(swapped.last - swapped.first + 1, swapped.n_cores);
      if (cuts == 1) assert_int_equal(swapped.first, 0);
      n_inner += swapped.first > 0;
    }
    assert_true(n_changed > N_TRIES * 8 / 10);
    if (cuts == 2) assert_true(n_inner > N_TRIES / 2);
  }
}

static void crossover_accel_takes_over_a_core(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  unsigned n_moved = 0;
  for (uint64_t i = 0; i < N_TRIES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 3, i);
    struct tenancy_answer dad = tenancy_answer_new(&problem, &arena), mom = tenancy_answer_new(&problem, &arena);
    struct tenancy_answer child = tenancy_answer_new(&problem, &arena);
    genome_draw(&problem, &rng, &dad);
    genome_draw(&problem, &rng, &mom);
    tenancy_answer_copy(&problem, &dad, &child);
    struct rng copy = rng;
    const uint32_t core = (uint32_t)rng_below(&copy, N_CORES); /* what the operator draws first */
    magma_crossover_accel(&problem, &rng, &mom, &child);
    for (size_t j = 0; j < N_JOBS; j++) {
      assert_true(tenancy_can_run(&problem, j, child.core[j]));
      const bool moms = mom.core[j] == core, dads = dad.core[j] == core;
      if (moms) assert_int_equal(child.core[j], core);
      assert_true(child.priority[j] == (moms && !dads ? mom : dad).priority[j]);
      if (!moms && !dads) assert_int_equal(child.core[j], dad.core[j]);
      if (dads && !moms) n_moved += child.core[j] != core;
    }
  }
  /* A fifth of the jobs was dad's, of which four fifths are not mom's; a draw may give the same core again. */
  const double expected = N_TRIES * N_JOBS * 0.2 * 0.8 * 0.8;
  assert_true(fabs(n_moved / expected - 1) < 0.1);
}

static void mutation_has_its_rate(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  static const double rates[] = {0, 0.05, 0.5, 1};
  for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
    unsigned n_cores = 0, n_priorities = 0;
    for (uint64_t i = 0; i < N_TRIES; i++) {
      struct rng rng = rng_stream(seed, RNG_TEST, 4, i);
      struct tenancy_answer child = parent(&problem, 3);
      magma_mutate(&problem, rates[r], &rng, &child);
      for (size_t j = 0; j < N_JOBS; j++) {
        assert_true(tenancy_can_run(&problem, j, child.core[j]));
        n_cores += child.core[j] != 3;
        n_priorities += child.priority[j] < 1; /* the parent's is 3 and more */
      }
    }
    const double n = N_TRIES * N_JOBS, other_core = 0.8;
    assert_true(fabs(n_cores / n - rates[r] * other_core) < 0.02);
    assert_true(fabs(n_priorities / n - rates[r]) < 0.02);
  }
}

static void parents_are_two_and_drawn_by_weight(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  static const double weight[3] = {6, 3, 1};
  const struct evolution_parents parents = {.problem = &problem, .n = 3, .weight = weight};
  unsigned n_first[3] = {0};
  struct rng rng = rng_stream(seed, RNG_TEST, 5, 0);
  for (unsigned i = 0; i < 10000; i++) {
    size_t pick[2];
    evolution_pick(&parents, &rng, pick);
    assert_true(pick[0] < 3 && pick[1] < 3 && pick[0] != pick[1]);
    n_first[pick[0]]++;
  }
  for (size_t p = 0; p < 3; p++) assert_true(fabs(n_first[p] / 10000. - weight[p] / 10) < 0.02);
}

static struct magma_settings defaults(void) {
  struct magma_settings settings;
  config_defaults(&magma_fields, &arena, &settings);
  return settings;
}

static struct rounds_end search(const struct tenancy_problem *problem, const struct magma_settings *settings,
                                uint64_t n_samples, uint64_t round_samples) {
  static struct tenancy_bounds bounds;
  struct error error = {0};
  assert_true(tenancy_bounds(problem, &tenancy_bounds_quick, NULL, &arena, &bounds, &error));
  struct rounds rounds = {.problem = problem,
                          .bounds = &bounds,
                          .algorithm = tenancy_find_algorithm("magma"),
                          .settings = settings,
                          .seed = seed,
                          .total_samples = n_samples,
                          .round_samples = round_samples};
  return rounds_run(&rounds, &arena);
}

static tenancy_cost cost_of(const struct tenancy_problem *problem, const struct tenancy_answer *answer) {
  struct tenancy_queues queues = tenancy_queues_new(problem, &arena);
  tenancy_queue_up(problem, answer, &queues);
  return tenancy_evaluate(problem, &queues);
}

/* 100 draws, then 95 children a generation: after 195 samples the population is one generation old. */
static void elites_stay_and_are_not_counted(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  const struct magma_settings settings = defaults();
  assert_int_equal(settings.population, 100);
  const struct rounds_end first = search(&problem, &settings, 100, 100);
  const struct rounds_end second = search(&problem, &settings, 195, 195);
  assert_int_equal(first.n_samples, 100);
  assert_int_equal(second.n_samples, 195);
  /* The state begins with the generation under way and how many of its children there are. */
  const uint64_t *head = (const uint64_t *)(const void *)second.state;
  assert_int_equal(head[0], 2);
  assert_int_equal(head[1], 0);
  for (size_t e = 0; e < 5; e++) { /* each of the five best is still there, as it was */
    bool found = false;
    for (size_t k = 0; k < second.n_kept && !found; k++) {
      found = memcmp(second.kept[k].core, first.kept[e].core, N_JOBS * sizeof(uint32_t)) == 0 &&
              memcmp(second.kept[k].priority, first.kept[e].priority, N_JOBS * sizeof(double)) == 0;
    }
    assert_true(found);
  }
}

/* With the crossovers off, children are their parents but for mutations, and with those off, clones; with defaults none
 * of a generation's children equals another. */
static void children_are_no_clones(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  struct magma_settings settings = defaults();
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) settings.gen_rate = settings.rg_rate = settings.accel_rate = settings.mutation_rate = 0;
    const struct rounds_end end = search(&problem, &settings, 195, 195);
    size_t n_equal = 0;
    for (size_t a = 0; a < end.n_kept; a++) {
      for (size_t b = a + 1; b < end.n_kept; b++) {
        n_equal += memcmp(end.kept[a].priority, end.kept[b].priority, N_JOBS * sizeof(double)) == 0 &&
                   memcmp(end.kept[a].core, end.kept[b].core, N_JOBS * sizeof(uint32_t)) == 0;
      }
    }
    if (pass == 0) assert_true(n_equal < 5);
    if (pass == 1) assert_true(n_equal > 300);
  }
}

static void settings_reach_the_search(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  const struct magma_settings usual = defaults();
  const struct rounds_end end = search(&problem, &usual, 700, 700);
  struct magma_settings others[9];
  for (size_t i = 0; i < 9; i++) others[i] = usual;
  others[0].population = 37, others[1].elite_fraction = 0.5, others[2].parent_fraction = 0.5;
  others[3].gen_rate = 0, others[4].rg_rate = 0.9, others[5].accel_rate = 0.9;
  others[6].mutation_rate = 0.2, others[7].mutation_decay = 0, others[8].selection = 1;
  for (size_t i = 0; i < 9; i++) {
    const struct rounds_end other = search(&problem, &others[i], 700, 700);
    const bool same = other.n_kept == end.n_kept &&
                      memcmp(other.kept[0].priority, end.kept[0].priority, N_JOBS * sizeof(double)) == 0;
    if (same) print_message("setting %zu changes nothing\n", i);
    assert_false(same);
  }
}

static void a_seed_and_a_population_are_where_it_begins(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  struct magma_settings settings = defaults();
  settings.init = 1;
  const struct rounds_end seeded = search(&problem, &settings, 1, 1), drawn = search(&problem, &settings, 2, 1);
  settings.init = 0;
  assert_true(seeded.best_cost < search(&problem, &settings, 1, 1).best_cost);
  assert_true(drawn.n_kept == 2 && seeded.n_kept == 1);
  /* What is given comes first, also where a round ends among it; then draws. */
  const struct rounds_end good = search(&problem, &settings, 2000, 2000);
  for (uint64_t round = 5; round <= 50; round += 45) {
    struct tenancy_bounds bounds = {.best_cycles = 1};
    struct rounds rounds = {.problem = &problem,
                            .bounds = &bounds,
                            .algorithm = tenancy_find_algorithm("magma"),
                            .settings = &settings,
                            .seed = seed + 1,
                            .total_samples = 50,
                            .round_samples = round,
                            .n_given = 20,
                            .given = good.kept};
    const struct rounds_end warm = rounds_run(&rounds, &arena);
    assert_true(warm.best_cost == good.best_cost);
    for (size_t k = 0; k < 20; k++) assert_true(cost_of(&problem, &warm.kept[k]) == cost_of(&problem, &good.kept[k]));
    assert_true(cost_of(&problem, &warm.kept[20]) > cost_of(&problem, &good.kept[19]));
  }
}

static void newcomers_take_the_places_of_the_worst(void **state) {
  (void)state;
  const struct tenancy_problem problem = make_problem();
  const struct magma_settings settings = defaults();
  const struct rounds_end good = search(&problem, &settings, 3000, 3000);
  struct tenancy_bounds bounds = {.best_cycles = 1};
  struct rounds rounds = {.problem = &problem,
                          .bounds = &bounds,
                          .algorithm = tenancy_find_algorithm("magma"),
                          .settings = &settings,
                          .seed = seed + 1,
                          .total_samples = 110,
                          .round_samples = 109,
                          .n_migrants = 40,
                          .migrants = good.kept};
  const struct rounds_end end = rounds_run(&rounds, &arena);
  assert_int_equal(end.n_rounds, 2);
  /* Known answers are neither counted nor the search's own, but they lead the population. */
  assert_int_equal(end.n_samples, 110);
  assert_true(cost_of(&problem, &end.kept[0]) == good.best_cost);
  rounds.total_samples = 109;
  const struct rounds_end before = rounds_run(&rounds, &arena);
  for (size_t k = 0; k < 50; k++) { /* whoever was good is still there */
    assert_true(cost_of(&problem, &end.kept[k + 40]) <= cost_of(&problem, &before.kept[k]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(crossover_gen_exchanges_one_row_only, setup, teardown),
      cmocka_unit_test_setup_teardown(crossover_rg_keeps_core_and_place_together, setup, teardown),
      cmocka_unit_test_setup_teardown(crossover_accel_takes_over_a_core, setup, teardown),
      cmocka_unit_test_setup_teardown(mutation_has_its_rate, setup, teardown),
      cmocka_unit_test_setup_teardown(parents_are_two_and_drawn_by_weight, setup, teardown),
      cmocka_unit_test_setup_teardown(elites_stay_and_are_not_counted, setup, teardown),
      cmocka_unit_test_setup_teardown(children_are_no_clones, setup, teardown),
      cmocka_unit_test_setup_teardown(settings_reach_the_search, setup, teardown),
      cmocka_unit_test_setup_teardown(a_seed_and_a_population_are_where_it_begins, setup, teardown),
      cmocka_unit_test_setup_teardown(newcomers_take_the_places_of_the_worst, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
