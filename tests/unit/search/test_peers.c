/* Do the searches that learn find a good point sooner than chance does?
 *
 * A space like those of designs, smooth in the logarithm: three resources whose times add up, a limit on area that the
 * screen knows, its optimum a trade-off inside. Medians over seeds of the best after a budget of 0.3 % of the points,
 * every preset, a metric to maximise and one to minimise. */
#include "search/space/space.h"

#include "base/error.h"
#include "base/rng.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_AXES = 6, N_VALUES = 7, N_SEEDS = 11, BUDGET = 384, ROUND_SIZE = 16, N_FEATURES = 4 };
/* When the policy has learnt something, and still asks. */
enum { LATE_FROM = 72, LATE_END = 96 };
enum { REASON_NONE, REASON_AREA, REASON_INVALID, N_REASONS };
enum { OBJECTIVE_RATE, OBJECTIVE_TIME_AREA, N_OBJECTIVES };

static const struct objective objectives[N_OBJECTIVES] = {{"rate", "1/s", "", true}, {"time_area", "s mm2", "", false}};
static const struct reason_name reasons[N_REASONS] = {{"", ""}, {"area", "mm2"}, {"invalid", ""}};
static const struct reason_name bindings[1] = {{"", ""}};
static const struct reason_name features[N_FEATURES] = {{"one", ""}, {"two", ""}, {"three", ""}, {"area", ""}};
static const double work[3] = {900, 350, 120}, price[N_AXES] = {1, 1, 3, 2, 2, 4};
static const uint64_t values[N_VALUES] = {1, 2, 3, 5, 8, 12, 20};
static const double most_area = 420;

/* Two axes make a resource. */
static double size_of(const struct point *point, unsigned axis) { return (double)values[point->index[axis]]; }
static double time_of(const struct point *point, unsigned resource) {
  const double a = size_of(point, 2 * resource), b = size_of(point, 2 * resource + 1);
  return work[resource] / (a * b / (1 + 0.02 * a * b / (resource + 1)));
}
static double area_of(const struct point *point) {
  double area = 20;
  for (unsigned r = 0; r < 3; r++) {
    area += price[2 * r] * size_of(point, 2 * r) * size_of(point, 2 * r + 1) + price[2 * r + 1] * size_of(point, 2 * r);
  }
  return area;
}

static void screen(void *context, const struct point *point, struct score *score) {
  (void)context;
  *score = (struct score){.reason = REASON_NONE};
  if (area_of(point) > most_area) *score = (struct score){.reason = REASON_AREA, .excess = area_of(point) - most_area};
}
static void evaluate(void *context, const struct point *point, struct score *score) {
  screen(context, point, score);
  assert_int_equal(score->reason, REASON_NONE); /* the searches here never ask for what is excluded */
  const double time = time_of(point, 0) + time_of(point, 1) + time_of(point, 2);
  score->objective[OBJECTIVE_RATE] = 1000 / time;
  score->objective[OBJECTIVE_TIME_AREA] = time * area_of(point);
}
static void describe(void *context, const struct point *point, double *numbers) {
  (void)context;
  for (unsigned r = 0; r < 3; r++) numbers[r] = log(time_of(point, r));
  numbers[3] = log(area_of(point));
}

static struct space space_of(struct axis *axes, size_t metric, bool described) {
  for (unsigned a = 0; a < N_AXES; a++) axes[a] = (struct axis){"a", "", AXIS_SHAPE, N_VALUES, values, NULL};
  return (struct space){.n_axes = N_AXES,
                        .n_objectives = N_OBJECTIVES,
                        .n_front_objectives = N_OBJECTIVES,
                        .axes = axes,
                        .objectives = objectives,
                        .metric = metric,
                        .n_reasons = N_REASONS,
                        .n_bindings = 1,
                        .reasons = reasons,
                        .bindings = bindings,
                        .evaluate = evaluate,
                        .screen = screen,
                        .describe = described ? describe : NULL,
                        .n_features = described ? N_FEATURES : 0,
                        .features = described ? features : NULL};
}

struct trial { /* defaults but for one key; NULL: for none */
  const struct search_algorithm *algorithm;
  const char *key, *value;
};

/* The best metric that a search finds within the budget; the mean of what it asked from LATE_FROM on goes
 * to *late. */
static double found(const struct space *space, const struct trial *trial, uint64_t seed, double *late) {
  const struct search_algorithm *algorithm = trial->algorithm;
  struct arena arena;
  arena_init(&arena, 1 << 18);
  char *settings = arena_alloc(&arena, 1, algorithm->settings_bytes + 1);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  if (trial->key != NULL) {
    struct error error;
    memset(&error, 0, sizeof error);
    const struct field *field = config_find_field(algorithm->table, trial->key);
    assert_non_null(field);
    assert_true(config_set_field(field, settings, trial->value, "test", &arena, &error));
  }
  const struct search_request request = {
      .space = space, .settings = settings, .seed = seed, .round_size = ROUND_SIZE, .arena = &arena};
  void *state = algorithm->start(&request);
  struct point points[ROUND_SIZE];
  struct record records[ROUND_SIZE];
  double best = objectives[space->metric].maximise ? 0 : (double)INFINITY;
  *late = 0;
  for (size_t asked = 0, round = 0; asked < BUDGET; round++) {
    const size_t n = algorithm->ask(state, round, points);
    assert_true(n > 0 && n <= ROUND_SIZE);
    for (size_t i = 0; i < n; i++, asked++) {
      records[i].point = points[i];
      evaluate(NULL, &points[i], &records[i].score);
      const double value = records[i].score.objective[space->metric];
      if (asked < BUDGET && space_better(space, value, best)) best = value;
      if (asked >= LATE_FROM && asked < LATE_END) *late += value / (LATE_END - LATE_FROM);
    }
    algorithm->tell(state, records, n);
  }
  arena_release(&arena);
  return best;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
static double median_found(const struct space *space, const char *name, const char *preset) {
  double best[N_SEEDS], late;
  const struct trial trial = {search_algorithm_find(name), preset != NULL ? "preset" : NULL, preset};
  assert_non_null(trial.algorithm);
  for (uint64_t s = 0; s < N_SEEDS; s++) best[s] = found(space, &trial, 2385 + s, &late);
  qsort(best, N_SEEDS, sizeof *best, compare);
  return best[N_SEEDS / 2];
}

static void learning_beats_chance(void **state) {
  (void)state;
  static const struct {
    const char *name, *preset;
    /* Of the median to the optimum. 1: nothing is promised; a policy that learns from one design at a time, in small
       steps, is still at its beginning (confuciux_like.c says when it is not). */
    double most_gap;
  } searches[] = {{"bayes", "tuned", 0.01},          {"bayes", "paper", 0.1},
                  {"spotlight_like", "tuned", 0.02}, {"spotlight_like", "paper", 0.05},
                  {"confuciux_like", "tuned", 0.05}, {"confuciux_like", "paper", 1}};
  for (size_t metric = 0; metric < N_OBJECTIVES; metric++) {
    struct axis axes[N_AXES];
    const struct space space = space_of(axes, metric, true);
    double best = objectives[metric].maximise ? 0 : (double)INFINITY;
    for (uint64_t i = 0; i < space_size(&space); i++) {
      const struct point point = space_point(&space, i);
      struct score score;
      screen(NULL, &point, &score);
      if (score.reason != REASON_NONE) continue;
      evaluate(NULL, &point, &score);
      if (space_better(&space, score.objective[metric], best)) best = score.objective[metric];
    }
    const double chance = median_found(&space, "random", NULL);
    print_message("%s: best %g, by chance %g\n", objectives[metric].name, best, chance);
    for (size_t s = 0; s < sizeof searches / sizeof *searches; s++) {
      const double median = median_found(&space, searches[s].name, searches[s].preset);
      print_message("  %s/%s %g\n", searches[s].name, searches[s].preset, median);
      const bool learns = searches[s].most_gap < 1;
      assert_true(!learns || space_better(&space, median, chance));
      assert_true(fabs(median - best) <= searches[s].most_gap * best);
    }
  }
}

/* The genetic search would make up for a policy that learns nothing: left alone, what it asks after a while is far
 * better than what chance asks. */
static void the_policy_itself_learns(void **state) {
  (void)state;
  struct axis axes[N_AXES];
  const struct space space = space_of(axes, OBJECTIVE_RATE, true);
  const struct trial policy = {search_algorithm_find("confuciux_like"), "policy_evaluations", "2385"};
  const struct trial chance = {search_algorithm_find("random"), NULL, NULL};
  double learnt[N_SEEDS], drawn[N_SEEDS];
  for (uint64_t s = 0; s < N_SEEDS; s++) {
    (void)found(&space, &policy, 2385 + s, &learnt[s]);
    (void)found(&space, &chance, 2385 + s, &drawn[s]);
  }
  qsort(learnt, N_SEEDS, sizeof *learnt, compare);
  qsort(drawn, N_SEEDS, sizeof *drawn, compare);
  print_message("late rates: %g, by chance %g\n", learnt[N_SEEDS / 2], drawn[N_SEEDS / 2]);
  assert_true(learnt[N_SEEDS / 2] > 1.2 * drawn[N_SEEDS / 2]);
}

/* Without features there are scaled indices and their squares. */
static void features_are_no_must(void **state) {
  (void)state;
  struct axis axes[N_AXES];
  const struct space space = space_of(axes, OBJECTIVE_RATE, false);
  assert_true(median_found(&space, "spotlight_like", "tuned") > median_found(&space, "random", NULL));
  assert_true(median_found(&space, "spotlight_like", "paper") > median_found(&space, "random", NULL));
}

/* Other seeds, other points: else medians over seeds say nothing. */
static void seeds_matter(void **state) {
  (void)state;
  static const char *const names[] = {"bayes", "spotlight_like", "confuciux_like"};
  struct axis axes[N_AXES];
  const struct space space = space_of(axes, OBJECTIVE_RATE, true);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct search_algorithm *algorithm = search_algorithm_find(names[i]);
    struct point points[2][ROUND_SIZE];
    for (uint64_t seed = 0; seed < 2; seed++) {
      struct arena arena;
      arena_init(&arena, 1 << 18);
      char *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
      config_defaults(algorithm->table, &arena, settings);
      const struct search_request request = {
          .space = &space, .settings = settings, .seed = seed, .round_size = ROUND_SIZE, .arena = &arena};
      assert_true(algorithm->ask(algorithm->start(&request), 0, points[seed]) >= 8);
      arena_release(&arena);
    }
    assert_memory_not_equal(points[0], points[1], 8 * sizeof(struct point));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(learning_beats_chance),
      cmocka_unit_test(the_policy_itself_learns),
      cmocka_unit_test(features_are_no_must),
      cmocka_unit_test(seeds_matter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
