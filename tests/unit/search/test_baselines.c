/* Does each baseline follow its own rule? On tables of a few values, where what it must ask can be worked out by hand.
 *
 * How good they are is in tests/property/search/test_baselines.c, what all algorithms promise in test_space.c. */
#include "search/space/space.h"
#include "search/space/variation.h"

#include "base/error.h"
#include "base/rng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { MOST_VALUES = 64, MOST_ASKED = 4096, ROUND_SIZE = 8, REASON_HOLE = 1, N_TABLE_REASONS = 2 };

/* A space whose scores are a function of the test's. */
struct table {
  struct space space;
  struct axis axes[POINT_MAX_AXES];
  double (*rate)(const struct point *point); /* < 0: infeasible */
  double (*area)(const struct point *point);
  struct record asked[MOST_ASKED];
  size_t n_asked, n_rounds, round_ends[MOST_ASKED];
};

static const uint64_t values[MOST_VALUES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                             17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
                                             33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
                                             49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64};
static const struct objective objectives[2] = {{"rate", "1/s", "", true}, {"area_mm2", "mm2", "", false}};
static const struct reason_name names[N_TABLE_REASONS] = {{"", ""}, {"hole", ""}};

static void screen(void *context, const struct point *point, struct score *score) {
  const struct table *table = context;
  memset(score, 0, sizeof *score);
  score->objective[0] = score->bound = (double)INFINITY;
  score->objective[1] = table->area(point);
}

static void evaluate(void *context, const struct point *point, struct score *score) {
  const struct table *table = context;
  screen(context, point, score);
  score->objective[0] = table->rate(point);
  if (score->objective[0] < 0) score->reason = REASON_HOLE;
}

static struct table *new_table(size_t n_axes, size_t n_values, double (*rate)(const struct point *),
                               double (*area)(const struct point *)) {
  struct table *table = test_calloc(1, sizeof *table);
  for (size_t a = 0; a < n_axes; a++) table->axes[a] = (struct axis){"a", "", AXIS_GROW, n_values, values, NULL};
  table->rate = rate;
  table->area = area;
  table->space = (struct space){.n_axes = n_axes,
                                .n_objectives = 2,
                                .n_front_objectives = 2,
                                .axes = table->axes,
                                .objectives = objectives,
                                .n_reasons = N_TABLE_REASONS,
                                .n_bindings = 1,
                                .reasons = names,
                                .bindings = names,
                                .context = table,
                                .evaluate = evaluate,
                                .screen = screen};
  return table;
}

/* Asks and tells until the search ends or has asked enough; `keys` is "key=value;…" of the algorithm's own table. */
static void search(struct table *table, const char *name, const char *keys, uint64_t with_seed, size_t enough) {
  struct arena arena;
  arena_init(&arena, 1 << 18);
  const struct search_algorithm *algorithm = search_algorithm_find(name);
  assert_non_null(algorithm);
  char *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  char *rest = arena_copy_text(&arena, keys), *key;
  while ((key = strsep(&rest, ";")) != NULL && *key != 0) {
    struct error error;
    memset(&error, 0, sizeof error);
    char *value = strchr(key, '=');
    assert_non_null(value);
    *value++ = 0;
    const struct field *field = config_find_field(algorithm->table, key);
    assert_non_null(field);
    assert_true(config_set_field(field, settings, value, "test", &arena, &error));
  }
  const struct search_request request = {.space = &table->space,
                                         .settings = settings,
                                         .seed = with_seed,
                                         .round_size = ROUND_SIZE,
                                         .top_k = 3,
                                         .arena = &arena};
  void *state = algorithm->start(&request);
  table->n_asked = table->n_rounds = 0;
  while (table->n_asked < enough) {
    struct point points[ROUND_SIZE];
    const size_t n = algorithm->ask(state, table->n_rounds, points);
    if (n == 0) break;
    struct record *records = &table->asked[table->n_asked];
    assert_true(table->n_asked + n <= MOST_ASKED);
    for (size_t i = 0; i < n; i++) {
      records[i].point = points[i];
      evaluate(table, &points[i], &records[i].score);
    }
    table->n_asked += n;
    table->round_ends[table->n_rounds++] = table->n_asked;
    algorithm->tell(state, records, n);
  }
  arena_release(&arena);
}

static double no_area(const struct point *point) { return point->index[0] * 0.0; }
static double first_index(const struct point *point) { return point->index[0] + 1.0; }
static double flat(const struct point *point) { return 7 + no_area(point); }

/* One hill: no axis can hide another, and neighbours are never alike. */
static double hills(const struct point *point) {
  static const double top[4] = {5, 2, 3, 6}, weight[4] = {1, 1.37, 2.11, 0.61};
  double rate = 1000;
  for (size_t a = 0; a < 4; a++) rate -= weight[a] * fabs(point->index[a] - top[a]);
  return rate;
}
static const struct point summit = {{5, 2, 3, 6}};

/* --- quasi ----------------------------------------------------------------------------------------------------------
 */

/* 2ᵏ Sobol' points are a net: on an axis of 2ᵏ values each comes once, digitally shifted or not. GSL leaves out the
 * first of them, so one value is missing. Other seeds shift otherwise. */
static void quasi_random_points_are_a_net(void **state) {
  (void)state;
  enum { N_POINTS = MOST_VALUES - 1 };
  struct table *table = new_table(5, MOST_VALUES, flat, no_area);
  struct point first[3];
  for (uint64_t s = 0; s < 3; s++) {
    search(table, "quasi", "", seed + s, N_POINTS + ROUND_SIZE);
    for (size_t a = 0; a < 5; a++) {
      bool taken[MOST_VALUES] = {false};
      for (size_t i = 0; i < N_POINTS; i++) {
        bool *here = &taken[table->asked[i].point.index[a]];
        assert_false(*here);
        *here = true;
      }
    }
    first[s] = table->asked[0].point;
    for (uint64_t before = 0; before < s; before++) assert_int_not_equal(point_compare(&first[s], &first[before]), 0);
  }
  test_free(table);
}

/* --- hill -----------------------------------------------------------------------------------------------------------
 */

static size_t best_before(const struct table *table, size_t end) {
  size_t best = 0;
  for (size_t i = 1; i < end; i++) {
    if (table->asked[i].score.objective[0] > table->asked[best].score.objective[0]) best = i;
  }
  return best;
}

static bool are_neighbours(const struct point *a, const struct point *b, size_t n_axes) {
  int distance = 0;
  for (size_t x = 0; x < n_axes; x++) distance += abs((int)a->index[x] - (int)b->index[x]);
  return distance == 1;
}

/* On one hill, steepest ascent asks nothing but all neighbours of the best so far until it stands on the summit; only
 * then does it start again. */
static void hill_climbing_goes_the_steepest_way_up(void **state) {
  (void)state;
  struct table *table = new_table(4, 8, hills, no_area);
  search(table, "hill", "preset=\"paper\"", seed, 2000);
  size_t i = 1;
  for (size_t steps = 0;; steps++) {
    const struct point at = table->asked[best_before(table, i)].point;
    size_t n_unknown = 0;
    for (uint64_t k = 0; k < neighbour_count(&table->space, &at, false); k++) {
      const struct point point = neighbour(&table->space, &at, k);
      bool known = false;
      for (size_t before = 0; before < i; before++)
        known = known || !point_compare(&table->asked[before].point, &point);
      n_unknown += !known;
    }
    for (size_t k = 0; k < n_unknown; k++) assert_true(are_neighbours(&table->asked[i++].point, &at, 4));
    if (point_compare(&at, &summit) == 0) break;
    assert_true(steps < 30);
  }
  assert_false(are_neighbours(&table->asked[i].point, &summit, 4)); /* a new start, somewhere */
  search(table, "hill", "preset=\"tuned\";look=1", seed, 200);
  assert_int_equal(point_compare(&table->asked[best_before(table, table->n_asked)].point, &summit), 0);
  for (size_t r = 0; r < table->n_rounds; r++) assert_int_equal(table->round_ends[r], r + 1);
  test_free(table);
}

/* --- anneal ---------------------------------------------------------------------------------------------------------
 */

/* The share of points asked, after `samples`, that are next to the best so far. */
static double share_next_to_best(const struct table *table, size_t samples) {
  size_t n_next = 0;
  for (size_t i = samples; i < table->n_asked; i++) {
    n_next += are_neighbours(&table->asked[i].point, &table->asked[best_before(table, i)].point, 4);
  }
  return (double)n_next / (double)(table->n_asked - samples);
}

/* Without a spread there is no temperature: one chain then only goes up. Hot, it goes anywhere; and it cools. */
static void annealing_is_greedy_when_cold(void **state) {
  (void)state;
  static const char *const form = "preset=\"paper\";chains=1;samples=";
  char keys[100];
  struct table *table = new_table(4, 8, hills, no_area);
  snprintf(keys, sizeof keys, "%s1", form);
  search(table, "anneal", keys, seed, 20); /* soon on the summit, all around it known */
  assert_true(share_next_to_best(table, 1) >= 1);
  snprintf(keys, sizeof keys, "%s20;hottest=1000;cooling=1", form);
  search(table, "anneal", keys, seed, 400);
  assert_true(share_next_to_best(table, 20) < 0.2);
  snprintf(keys, sizeof keys, "%s20;hottest=1000;cooling=0.5;coldest=1e-9", form);
  search(table, "anneal", keys, seed, 120);
  assert_int_equal(point_compare(&table->asked[best_before(table, table->n_asked)].point, &summit), 0);
  test_free(table);
}

/* --- genetic --------------------------------------------------------------------------------------------------------
 */

/* Without mutation the second generation has no value on any axis that the first had not; with it, it has. */
static void children_inherit(void **state) {
  (void)state;
  struct table *table = new_table(4, 64, hills, no_area);
  for (unsigned mutates = 0; mutates < 2; mutates++) {
    static const char *const keys[2] = {"population=6;crossover=1;mutation=0;by_step=\"off\"",
                                        "population=6;crossover=1;mutation=4;by_step=\"off\""};
    search(table, "genetic", keys[mutates], seed, 7);
    assert_true(table->round_ends[0] == 6 && table->n_asked > 6);
    size_t n_strange = 0;
    for (size_t i = 6; i < table->n_asked; i++) {
      for (size_t a = 0; a < 4; a++) {
        bool inherited = false;
        for (size_t p = 0; p < 6; p++) {
          inherited = inherited || table->asked[p].point.index[a] == table->asked[i].point.index[a];
        }
        n_strange += !inherited;
      }
    }
    assert_true(mutates ? n_strange > 0 : n_strange == 0);
  }
  test_free(table);
}

/* --- nsga2 ----------------------------------------------------------------------------------------------------------
 */

static double hills_in_a_corner(const struct point *point) { return point->index[0] < 4 ? hills(point) : -1; }

/* One design in sixteen is feasible: the first of them that are found must become the parents of the rest. */
static void feasible_designs_breed(void **state) {
  (void)state;
  enum { N_SEARCHES = 5, N_ASKED = 400 };
  struct table *table = new_table(4, 64, hills_in_a_corner, no_area);
  for (uint64_t s = 0; s < N_SEARCHES; s++) {
    size_t n_feasible = 0;
    search(table, "nsga2", "population=16;mutation=1;by_step=\"on\"", seed + s, N_ASKED);
    for (size_t i = N_ASKED / 2; i < N_ASKED; i++) n_feasible += table->asked[i].score.reason == SCORE_FEASIBLE;
    assert_true(n_feasible > N_ASKED / 4); /* of the second half, half */
  }
  test_free(table);
}

/* --- phaze_like -----------------------------------------------------------------------------------------------------
 */

enum { N_BINS = 20 };
static const double *bin_rates; /* from the largest area downwards */
static double by_bin(const struct point *point) { return bin_rates[N_BINS - 1 - point->index[0]]; }

/* Worked out by hand: where do the last five bests not increase? */
static void bins_are_evaluated_until_five_do_not_increase(void **state) {
  (void)state;
  static const struct {
    double rates[N_BINS];
    const char *keys;
    size_t n; /* evaluated */
  } cases[] = {
      {{5, 4, 6, 6, 5, 4, 3, 9}, "bin=1", 7},                 /* 6 6 5 4 3 */
      {{9, 8, 7, 6, 5, 99}, "bin=1", 5},                      /* at once */
      {{9, 8, 7, 6, 5, 99, 1, 2, 3}, "bin=1;bins=6", 14},     /* 3 0 0 0 0 0 */
      {{-1, -1, -1, -1, -1, 99}, "bin=1", 5},                 /* infeasible: the published defect, kept */
      {{-1, -1, 3, -1, -1, -1, -1, 99}, "bin=1", 7},          /* 3 −1 −1 −1 −1 */
      {{5, 4, 6, 6, 5, 4, 3, 9, 2, 2, 1, 1}, "bin=2.01", 16}, /* 9 2 1 0 0, two designs each */
      {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, "bin=1", N_BINS}, /* never */
      {{9, 8, 7, 6, 5, 4, 3}, "preset=\"paper\"", 5},                                             /* 0.01 */
      {{9, 9, 8, 8, 7, 7, 6, 6, 5, 5, 4}, "bin_share=0.101", 10},      /* of 20: two designs each */
      {{7, 6, 5, 4, 3, 2, 1}, "enumerate=3;samples=1000000;bin=1", 5}, /* samples enough for all */
  };
  struct table *table = new_table(1, N_BINS, by_bin, first_index);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    bin_rates = cases[c].rates;
    search(table, "phaze_like", cases[c].keys, seed, 1000);
    assert_int_equal(table->n_asked, cases[c].n);
    for (size_t i = 0; i < table->n_asked; i++) assert_int_equal(table->asked[i].point.index[0], N_BINS - 1 - i);
  }
  test_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quasi_random_points_are_a_net), cmocka_unit_test(hill_climbing_goes_the_steepest_way_up),
      cmocka_unit_test(annealing_is_greedy_when_cold), cmocka_unit_test(children_inherit),
      cmocka_unit_test(feasible_designs_breed),        cmocka_unit_test(bins_are_evaluated_until_five_do_not_increase),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
