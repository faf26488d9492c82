/* Are the baselines worth comparing with, on a problem with a structure?
 *
 * On the spaces of tests/smooth_space.h, over several seeds: whatever learns must do better than chance with the same
 * number of evaluations, whichever way the metric points; NSGA-II must come near the exact front, which comes from
 * trying every point. What any algorithm promises on any space is in test_space.c, and the rules of each in
 * tests/unit/search. */
#include "search/space/space.h"

#include "tests/smooth_space.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 3, N_SEEDS = 11, ROUND_SIZE = 16, BUDGET = 1000, FRONT_BUDGET = 2000 };
/* Of the exact front's, after FRONT_BUDGET evaluations, by the number of objectives. */
static const double least_hypervolume[N_SMOOTH_OBJECTIVES + 1] = {[2] = 0.97, [3] = 0.9};

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The algorithm's defaults with one of its presets, if it has any. */
static void *settings_of(const struct search_algorithm *algorithm, uint64_t preset, struct arena *arena) {
  char *settings = arena_alloc(arena, 1, algorithm->settings_bytes);
  if (algorithm->table == NULL) return settings;
  config_defaults(algorithm->table, arena, settings);
  const struct field *field = config_find_field(algorithm->table, "preset");
  if (field != NULL) memcpy(settings + field->offset, &preset, sizeof preset);
  return settings;
}

/* Runs a search until it has used its budget; keeps all that it has evaluated in `front` and returns the best metric.
 */
static double run(const struct space *space, const struct search_algorithm *algorithm, const void *settings,
                  uint64_t search_seed, size_t *budget, struct pareto *front) {
  struct arena arena;
  arena_init(&arena, 1 << 18);
  const struct search_request request = {
      .space = space, .settings = settings, .seed = search_seed, .round_size = ROUND_SIZE, .top_k = 3, .arena = &arena};
  struct point points[ROUND_SIZE];
  struct record records[ROUND_SIZE];
  double best = space->objectives[space->metric].maximise ? 0 : (double)INFINITY;
  void *state = algorithm->start(&request);
  size_t used = 0;
  for (uint64_t round = 0; used < *budget; round++) {
    const size_t n = algorithm->ask(state, round, points);
    if (n == 0) break;
    for (size_t i = 0; i < n; i++) {
      records[i].point = points[i];
      space->evaluate(space->context, &points[i], &records[i].score);
      assert_int_equal(records[i].score.reason, SCORE_FEASIBLE); /* the screen knows all that is not */
      if (used++ >= *budget) continue;
      if (front != NULL) pareto_add(front, &records[i]);
      const double value = records[i].score.objective[space->metric];
      if (space_better(space, value, best)) best = value;
    }
    algorithm->tell(state, records, n);
  }
  arena_release(&arena);
  if (used < *budget) *budget = used; /* it has ended by itself */
  return best;
}

static double median_best(const struct space *space, const struct search_algorithm *algorithm, const void *settings,
                          size_t *budget) {
  double best[N_SEEDS];
  for (uint64_t s = 0; s < N_SEEDS; s++) best[s] = run(space, algorithm, settings, seed + s, budget, NULL);
  qsort(best, N_SEEDS, sizeof *best, compare_doubles);
  return best[N_SEEDS / 2];
}

/* Those that look at what they have evaluated and may go anywhere; the others promise nothing against chance. Those
 * that fit a model are slow, and judged in tests/unit/search/test_peers.c. */
static bool learns(const struct search_algorithm *algorithm) {
  static const char *const blind[] = {"random", "quasi", "phaze_like"};
  for (size_t i = 0; i < sizeof blind / sizeof *blind; i++) {
    if (strcmp(algorithm->name, blind[i]) == 0) return false;
  }
  return !algorithm->folds && !algorithm->covers && !algorithm->learns && algorithm->certificate == NULL;
}

static void who_learns_beats_chance(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct smooth smooth;
  const struct search_algorithm *chance = search_algorithm_find("random");
  unsigned n_bad = 0, n_compared = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    smooth_draw(&smooth, seed, task);
    for (size_t metric = 0; metric < N_SMOOTH_OBJECTIVES; metric++) {
      smooth.space.metric = metric;
      size_t whole = BUDGET;
      const double by_chance_in_all = median_best(&smooth.space, chance, NULL, &whole);
      for (size_t i = 0; i < n_search_algorithms; i++) {
        const struct search_algorithm *algorithm = search_algorithms[i];
        if (!learns(algorithm)) continue;
        const bool presets = algorithm->table != NULL && config_find_field(algorithm->table, "preset") != NULL;
        for (uint64_t preset = 0; preset < (presets ? 2 : 1); preset++) {
          /* The guided search is made for bounds: where they say nothing, its asks are dear. */
          size_t used = strcmp(algorithm->name, "guided") == 0 ? BUDGET / 5 : BUDGET;
          const double best = median_best(&smooth.space, algorithm, settings_of(algorithm, preset, &arena), &used);
          /* Who ends earlier is compared with as much of chance. */
          const double by_chance = used == BUDGET ? by_chance_in_all : median_best(&smooth.space, chance, NULL, &used);
          n_compared++;
          if (space_better(&smooth.space, best, by_chance)) continue;
          n_bad++;
          print_message("case %" PRIu64 ", %s: %s with preset %" PRIu64 " has %.6g, chance %.6g\n", task,
                        smooth_objectives[metric].name, algorithm->name, preset, best, by_chance);
        }
      }
    }
  }
  print_message("%u comparisons, %d seeds each\n", n_compared, N_SEEDS);
  assert_true(n_compared >= 9 * N_CASES * N_SMOOTH_OBJECTIVES); /* four with two presets each, and guided */
  assert_int_equal(n_bad, 0);
  arena_release(&arena);
}

/* --- the front ------------------------------------------------------------------------------------------------------
 */

/* Two objectives that are not the space's first ones, or all three. */
static const size_t front_of_two[2] = {SMOOTH_ENERGY, SMOOTH_AREA};

static struct pareto *new_front(const struct space *space, struct arena *arena) {
  return pareto_new_of(arena, space->objectives, space->front_objectives, space->n_front_objectives);
}

/* The exact front, and the worst value of each of its objectives among all allowed points as the reference. */
static struct pareto *exact_front(const struct smooth *smooth, double *reference, struct arena *arena) {
  const struct space *space = &smooth->space;
  struct pareto *front = new_front(space, arena);
  struct record record;
  uint64_t n_allowed = 0;
  for (uint64_t i = 0; i < space_size(space); i++) {
    record.point = space_point(space, i);
    space->evaluate(space->context, &record.point, &record.score);
    if (record.score.reason != SCORE_FEASIBLE) continue;
    pareto_add(front, &record);
    for (size_t f = 0; f < space->n_front_objectives; f++) {
      const size_t o = space_front_objective(space, f);
      const double value = record.score.objective[o];
      if (n_allowed == 0 || objective_better(&space->objectives[o], reference[f], value)) reference[f] = value;
    }
    n_allowed++;
  }
  assert_true(n_allowed > 100 * FRONT_BUDGET);
  return front;
}

static void nsga2_comes_near_the_exact_front(void **state) {
  (void)state;
  const struct search_algorithm *nsga2 = search_algorithm_find("nsga2");
  assert_non_null(nsga2);
  struct smooth smooth;
  for (uint64_t task = 0; task < 2 * N_CASES; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 18);
    smooth_draw(&smooth, seed, task / 2);
    smooth.space.n_front_objectives = 2 + task % 2;
    smooth.space.front_objectives = task % 2 == 0 ? front_of_two : NULL;
    double reference[N_SMOOTH_OBJECTIVES];
    const struct pareto *exact = exact_front(&smooth, reference, &arena);
    const double whole = pareto_hypervolume(exact, reference, &arena);
    for (uint64_t preset = 0; preset < 2; preset++) {
      const void *settings = settings_of(nsga2, preset, &arena);
      double worst = 1;
      for (uint64_t s = 0; s < N_SEEDS; s++) {
        struct pareto *front = new_front(&smooth.space, &arena);
        size_t budget = FRONT_BUDGET;
        run(&smooth.space, nsga2, settings, seed + s, &budget, front);
        worst = fmin(worst, pareto_hypervolume(front, reference, &arena) / whole);
      }
      print_message("%zu objectives, preset %" PRIu64
                    ": %zu designs on the exact front, worst of %d seeds %.3f of it\n",
                    smooth.space.n_front_objectives, preset, pareto_count(exact), N_SEEDS, worst);
      assert_true(worst >= least_hypervolume[smooth.space.n_front_objectives]);
    }
    arena_release(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_learns_beats_chance),
      cmocka_unit_test(nsga2_comes_near_the_exact_front),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
