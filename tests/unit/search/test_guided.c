/* Does the guided search find the best of a space that has a structure, with few evaluations?
 *
 * Spaces like those of designs: three resources whose times add up, each made of a count to grow and of shapes that
 * lose efficiency as they get larger; a limit on area, so that the best design is one trade-off inside the space. The
 * optimum comes from trying every point. What the search promises on any space is in tests/property/search. */
#include "search/space/space.h"

#include "base/rng.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

static const double most_gap = 0.01, most_share = 0.005; /* of the metric; of the points */

enum { N_INSTANCES = 20, MOST_VALUES = 8, LEAST_POINTS = 5000, ROUND_SIZE = 16 };
enum { TC_COUNT, TC_ROWS, TC_COLS, VC_COUNT, VC_WIDTH, GLB, HBM, N_AXES };
enum { TENSOR, VECTOR, MEMORY, N_RESOURCES };
enum { OBJECTIVE_RATE, OBJECTIVE_AREA_TIME, N_TEST_OBJECTIVES };
enum { REASON_NONE, REASON_AREA, N_TEST_REASONS };

static const struct objective objectives[N_TEST_OBJECTIVES] = {{"rate", "1/s", "", true},
                                                               {"area_time", "mm2 s", "", false}};
static const struct reason_name names[N_TEST_REASONS] = {{"", ""}, {"area", "mm2"}};

static const struct {
  enum axis_role role;
  uint64_t first;      /* of the values, which double */
  size_t least, spare; /* number of values: least … least + spare */
  unsigned resource;
} plan[N_AXES] = {
    [TC_COUNT] = {AXIS_GROW, 1, 5, 3, TENSOR},   [TC_ROWS] = {AXIS_SHAPE, 16, 3, 3, TENSOR},
    [TC_COLS] = {AXIS_SHAPE, 16, 3, 3, TENSOR},  [VC_COUNT] = {AXIS_GROW, 1, 4, 3, VECTOR},
    [VC_WIDTH] = {AXIS_SHAPE, 64, 3, 3, VECTOR}, [GLB] = {AXIS_SHAPE, 8, 3, 2, MEMORY},
    [HBM] = {AXIS_GROW, 1, 3, 2, MEMORY},
};

struct instance {
  struct space space;
  struct axis axes[N_AXES];
  uint64_t values[N_AXES][MOST_VALUES];
  double work[N_RESOURCES], loss[N_AXES]; /* a shape of v values of `first` has 1 / (1 + loss·v) of its rate */
  double core_mm2[N_RESOURCES], element_mm2[N_RESOURCES];
  double area_mm2, bound_share; /* the limit; how close bounds are where nothing is lost */
  uint64_t n_suggested;         /* times that the test counts */
};

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

static double steps_of(const struct instance *instance, const struct point *point, size_t axis) {
  return (double)instance->values[axis][point->index[axis]] / (double)plan[axis].first;
}

static double efficiency(const struct instance *instance, const struct point *point, unsigned resource) {
  double share = 1;
  for (size_t a = 0; a < N_AXES; a++) {
    if (plan[a].resource != resource || plan[a].role != AXIS_SHAPE) continue;
    share /= 1 + instance->loss[a] * steps_of(instance, point, a);
  }
  return share;
}

/* Time on one resource. */
static double time_of(const struct instance *instance, const struct point *point, unsigned resource) {
  double rate = efficiency(instance, point, resource);
  for (size_t a = 0; a < N_AXES; a++) {
    if (plan[a].resource == resource)
      rate *= a == GLB ? sqrt(steps_of(instance, point, a)) : steps_of(instance, point, a);
  }
  return instance->work[resource] / rate;
}

static double area_of(const struct instance *instance, const struct point *point) {
  double area_mm2 = 20;
  for (unsigned r = 0; r < N_RESOURCES; r++) {
    double count = 1, elements = 1;
    for (size_t a = 0; a < N_AXES; a++) {
      if (plan[a].resource != r) continue;
      if (plan[a].role == AXIS_GROW) count = steps_of(instance, point, a);
      if (plan[a].role == AXIS_SHAPE) elements *= steps_of(instance, point, a);
    }
    area_mm2 += r == MEMORY ? instance->core_mm2[r] * count + instance->element_mm2[r] * elements
                            : count * (instance->core_mm2[r] + instance->element_mm2[r] * elements);
  }
  return area_mm2;
}

static double metric_value(const struct instance *instance, double time, double area_mm2) {
  return instance->space.metric == OBJECTIVE_RATE ? 1 / time : time * area_mm2;
}

static void screen(void *context, const struct point *point, struct score *score) {
  const struct instance *instance = context;
  const double area_mm2 = area_of(instance, point);
  memset(score, 0, sizeof *score);
  if (area_mm2 > instance->area_mm2) {
    score->reason = REASON_AREA;
    score->excess = area_mm2 - instance->area_mm2;
    return;
  }
  double least = 0; /* the less efficient, the less of it the bound knows */
  for (unsigned r = 0; r < N_RESOURCES; r++) {
    least += time_of(instance, point, r) * instance->bound_share * (0.5 + 0.5 * efficiency(instance, point, r));
  }
  score->bound = metric_value(instance, least, area_mm2);
}

/* What half of a resource's time is worth that a step on its count may save, for the area that it adds. */
static void advise(const struct instance *instance, const struct point *point, struct score *score) {
  for (size_t a = 0; a < N_AXES; a++) {
    if (plan[a].role != AXIS_GROW || point->index[a] + 1u >= instance->axes[a].n) continue;
    struct point grown = *point;
    grown.index[a]++;
    const double added_mm2 = area_of(instance, &grown) - area_of(instance, point);
    const struct move move = {time_of(instance, point, plan[a].resource) / 2 / added_mm2, (uint16_t)a, 1, 0};
    size_t place = score->n_moves++;
    for (; place > 0 && score->moves[place - 1].worth < move.worth; place--) {
      score->moves[place] = score->moves[place - 1];
    }
    score->moves[place] = move;
  }
}

static void evaluate(void *context, const struct point *point, struct score *score) {
  const struct instance *instance = context;
  screen(context, point, score);
  if (score->reason != REASON_NONE) return;
  const double area_mm2 = area_of(instance, point);
  double time = 0;
  for (unsigned r = 0; r < N_RESOURCES; r++) time += time_of(instance, point, r);
  score->objective[OBJECTIVE_RATE] = 1 / time;
  score->objective[OBJECTIVE_AREA_TIME] = time * area_mm2;
  advise(instance, point, score);
}

static void draw_axes(struct instance *instance, struct rng *rng) {
  do {
    for (size_t a = 0; a < N_AXES; a++) {
      const size_t n = plan[a].least + rng_below(rng, plan[a].spare + 1);
      for (size_t v = 0; v < n; v++) instance->values[a][v] = plan[a].first << v;
      instance->axes[a] = (struct axis){"a", "", plan[a].role, n, instance->values[a], NULL};
      instance->loss[a] = 0.02 + 0.1 * rng_unit(rng);
    }
  } while (space_size(&instance->space) < LEAST_POINTS);
}

/* Work that is balanced in the middle of the space, and a limit around what the middle takes. */
static void draw(struct instance *instance, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
  memset(instance, 0, sizeof *instance);
  instance->space = (struct space){.n_axes = N_AXES,
                                   .n_objectives = N_TEST_OBJECTIVES,
                                   .n_front_objectives = N_TEST_OBJECTIVES,
                                   .axes = instance->axes,
                                   .objectives = objectives,
                                   .metric = task % N_TEST_OBJECTIVES,
                                   .n_reasons = N_TEST_REASONS,
                                   .n_bindings = 1,
                                   .reasons = names,
                                   .bindings = names,
                                   .context = instance,
                                   .evaluate = evaluate,
                                   .screen = screen};
  draw_axes(instance, &rng);
  struct point middle = {{0}};
  for (size_t a = 0; a < N_AXES; a++) middle.index[a] = (uint16_t)(instance->axes[a].n / 2);
  for (unsigned r = 0; r < N_RESOURCES; r++) {
    instance->work[r] = 1;
    instance->work[r] = exp(2 * rng_unit(&rng) - 1) / time_of(instance, &middle, r);
    instance->core_mm2[r] = r == MEMORY ? 15 + 20 * rng_unit(&rng) : 0.5 + 2 * rng_unit(&rng);
    instance->element_mm2[r] = 0.3 + 1.2 * rng_unit(&rng);
  }
  instance->area_mm2 = area_of(instance, &middle) * (0.5 + 2 * rng_unit(&rng));
  instance->bound_share = 0.7 + 0.3 * rng_unit(&rng);
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

static double best_of_all(const struct space *space, uint64_t *allowed) {
  double best = 0;
  *allowed = 0;
  for (uint64_t i = 0; i < space_size(space); i++) {
    const struct point point = space_point(space, i);
    struct score score;
    space->evaluate(space->context, &point, &score);
    if (score.reason != REASON_NONE) continue;
    const double value = score.objective[space->metric];
    if (++*allowed == 1 || space_better(space, value, best)) best = value;
  }
  return best;
}

/* The best that an algorithm finds with at most *evaluations, which becomes what it used; with its defaults but for a
 * key (NULL: none). NaN: no feasible point. */
static double best_found(const struct space *space, const char *name, const char *key, const char *text,
                         uint64_t *evaluations) {
  const struct search_algorithm *algorithm = search_algorithm_find(name);
  struct arena arena;
  arena_init(&arena, 1 << 18);
  char *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  if (key != NULL) {
    struct error error;
    memset(&error, 0, sizeof error);
    assert_true(config_set_field(config_find_field(algorithm->table, key), settings, text, "", &arena, &error));
  }
  const struct search_request request = {
      .space = space, .settings = settings, .seed = seed, .round_size = ROUND_SIZE, .arena = &arena};
  void *state = algorithm->start(&request);
  double best = (double)NAN;
  const uint64_t most = *evaluations;
  *evaluations = 0;
  for (uint64_t round = 0;; round++) {
    struct point points[ROUND_SIZE];
    struct record records[ROUND_SIZE];
    size_t n = algorithm->ask(state, round, points);
    if (n > most - *evaluations) n = most - *evaluations;
    if (n == 0) break;
    for (size_t i = 0; i < n; i++) {
      records[i].point = points[i];
      space->evaluate(space->context, &points[i], &records[i].score);
      const double value = records[i].score.objective[space->metric];
      if (records[i].score.reason == REASON_NONE && (isnan(best) || space_better(space, value, best))) best = value;
    }
    *evaluations += n;
    algorithm->tell(state, records, n);
  }
  arena_release(&arena);
  return best;
}

static double gap_of(const struct space *space, double found, double best) {
  assert_false(isnan(found) || space_better(space, found, best));
  return fabs(found - best) / fmax(found, best);
}

/* Chance with as many evaluations shows that the spaces are not so easy that anything would do. */
static void the_best_is_found_with_few_evaluations(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n    points   allowed  evaluations    gap  by chance\n", seed);
  struct instance *instance = test_malloc(sizeof *instance);
  unsigned n_bad = 0, n_hard = 0;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    draw(instance, task);
    const struct space *space = &instance->space;
    const uint64_t size = space_size(space);
    uint64_t allowed, evaluations = UINT64_MAX;
    const double best = best_of_all(space, &allowed);
    const double gap = gap_of(space, best_found(space, "guided", NULL, NULL, &evaluations), best);
    uint64_t as_many = evaluations;
    const double chance = gap_of(space, best_found(space, "random", NULL, NULL, &as_many), best);
    const bool good = gap <= most_gap && (double)evaluations <= most_share * (double)size;
    print_message("%10" PRIu64 "%10" PRIu64 "%7" PRIu64 " %4.1f%% %5.2f%%  %8.2f%%%s\n", size, allowed, evaluations,
                  100 * (double)evaluations / (double)size, 100 * gap, 100 * chance, good ? "" : "  BAD");
    n_bad += !good;
    n_hard += chance > most_gap;
  }
  test_free(instance);
  assert_int_equal(n_bad, 0);
  assert_true(n_hard > N_INSTANCES * 3 / 4);
}

/* The advice of an evaluation without its price. */
static void suggest(void *context, const struct point *point, struct score *score) {
  struct instance *instance = context;
  evaluate(context, point, score);
  instance->n_suggested++;
}

/* `mirror` decides whether advice is asked for without an evaluation, and what it gives is used: counts grow before the
 * first evaluation of a shape. */
static void the_mirror_can_be_turned_off(void **state) {
  (void)state;
  struct instance *instance = test_malloc(sizeof *instance);
  unsigned n_grown = 0;
  const struct search_algorithm *guided = search_algorithm_find("guided");
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    for (unsigned mirror = 0; mirror < 2; mirror++) {
      draw(instance, task);
      instance->space.suggest = suggest;
      struct arena arena;
      struct error error;
      memset(&error, 0, sizeof error);
      arena_init(&arena, 1 << 18);
      char *settings = arena_alloc(&arena, 1, guided->settings_bytes);
      config_defaults(guided->table, &arena, settings);
      const struct field *field = config_find_field(guided->table, "mirror");
      assert_true(config_set_field(field, settings, mirror ? "true" : "false", "", &arena, &error));
      const struct search_request request = {
          .space = &instance->space, .settings = settings, .seed = seed, .round_size = ROUND_SIZE, .arena = &arena};
      struct point points[ROUND_SIZE];
      assert_true(guided->ask(guided->start(&request), 0, points) > 0);
      if (mirror) assert_true(instance->n_suggested > 0);
      if (!mirror) assert_int_equal(instance->n_suggested, 0);
      unsigned grown = 0;
      for (size_t a = 0; a < N_AXES; a++) grown += plan[a].role == AXIS_GROW ? points[0].index[a] : 0;
      if (!mirror) assert_int_equal(grown, 0);
      if (mirror) n_grown += grown > 0;
      arena_release(&arena);
    }
  }
  test_free(instance);
  assert_true(n_grown > N_INSTANCES / 2);
}

/* Points as the screen has them, of boxes nothing. */
static void bound_box(void *context, struct point *low, struct point *high, uint64_t *excluded, struct score *score) {
  const struct instance *instance = context;
  (void)excluded;
  memset(score, 0, sizeof *score);
  score->bound = instance->space.metric == OBJECTIVE_RATE ? (double)INFINITY : 0;
  if (point_compare(low, high) == 0) screen(context, low, score);
}

static double best_bound(const struct instance *instance) {
  double best = instance->space.metric == OBJECTIVE_RATE ? 0 : (double)INFINITY;
  for (uint64_t i = 0; i < space_size(&instance->space); i++) {
    const struct point point = space_point(&instance->space, i);
    struct score score;
    instance->space.screen(instance->space.context, &point, &score);
    if (score.reason == REASON_NONE && space_better(&instance->space, score.bound, best)) best = score.bound;
  }
  return best;
}

/* With `gap_target` the search ends once its best is that close to what no design can beat, and not before. */
static void a_gap_that_is_close_enough_ends_the_search(void **state) {
  (void)state;
  struct instance *instance = test_malloc(sizeof *instance);
  unsigned n_earlier = 0;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    draw(instance, task);
    instance->space.bound_box = bound_box;
    const double ceiling = best_bound(instance);
    uint64_t whole = UINT64_MAX;
    const double best = best_found(&instance->space, "guided", NULL, NULL, &whole);
    const double gap = gap_of(&instance->space, best, ceiling), target = fmin(gap + 0.05, 1);
    char text[32];
    (void)snprintf(text, sizeof text, "%.9f", target);
    uint64_t used = UINT64_MAX;
    const double found = best_found(&instance->space, "guided", "gap_target", text, &used);
    assert_true(gap_of(&instance->space, found, ceiling) <= target + 1e-9);
    assert_true(used <= whole);
    n_earlier += used < whole;
    /* A gap that nothing reaches ends nothing. */
    (void)snprintf(text, sizeof text, "%.9f", 0.5 * gap);
    used = UINT64_MAX;
    (void)best_found(&instance->space, "guided", "gap_target", text, &used);
    assert_int_equal(used, whole);
  }
  test_free(instance);
  assert_true(n_earlier > N_INSTANCES / 2);
}

static double guess_well(void *context, const struct point *point, bool closely, struct score *score) {
  const struct instance *instance = context;
  struct score evaluated;
  (void)closely;
  screen(context, point, score);
  evaluate(context, point, &evaluated);
  return evaluated.objective[instance->space.metric];
}

/* Where a space guesses, the first design asked is one that no step along an axis makes likelier. */
static void it_begins_where_it_is_likely(void **state) {
  (void)state;
  struct instance *instance = test_malloc(sizeof *instance);
  const struct search_algorithm *guided = search_algorithm_find("guided");
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    draw(instance, task);
    const struct space *space = &instance->space;
    instance->space.guess = guess_well;
    struct arena arena;
    arena_init(&arena, 1 << 18);
    char *settings = arena_alloc(&arena, 1, guided->settings_bytes);
    config_defaults(guided->table, &arena, settings);
    const struct search_request request = {
        .space = space, .settings = settings, .seed = seed, .round_size = ROUND_SIZE, .arena = &arena};
    struct point points[ROUND_SIZE];
    assert_int_equal(guided->ask(guided->start(&request), 0, points), 1);
    struct score here, beside;
    evaluate(instance, &points[0], &here);
    assert_int_equal(here.reason, REASON_NONE);
    for (size_t a = 0; a < N_AXES; a++) {
      for (int step = -1; step <= 1; step += 2) {
        struct point neighbour = points[0];
        const int index = (int)points[0].index[a] + step;
        if (index < 0 || index >= (int)space->axes[a].n) continue;
        neighbour.index[a] = (uint16_t)index;
        evaluate(instance, &neighbour, &beside);
        if (beside.reason != REASON_NONE) continue;
        assert_false(space_better(space, beside.objective[space->metric], here.objective[space->metric]));
      }
    }
    arena_release(&arena);
  }
  test_free(instance);
}

/* A limit that only a closer look sees: a seventh of the points, strewn. */
static bool is_strewn_out(const struct instance *instance, const struct point *point) {
  return space_index(&instance->space, point) * 2385 % 7 == 0;
}

static void look_closely(void *context, const struct point *point, struct score *score) {
  screen(context, point, score);
  if (score->reason == REASON_NONE && is_strewn_out(context, point)) score->reason = REASON_AREA;
}

static void evaluate_strewn(void *context, const struct point *point, struct score *score) {
  struct instance *instance = context;
  evaluate(context, point, score);
  if (score->reason != REASON_NONE || !is_strewn_out(instance, point)) return;
  memset(score, 0, sizeof *score);
  score->reason = REASON_AREA;
  instance->n_suggested++; /* asked in vain */
}

/* What a closer look excludes is not asked for. */
static void a_closer_look_is_believed(void **state) {
  (void)state;
  struct instance *instance = test_malloc(sizeof *instance);
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    draw(instance, task);
    instance->space.refine = look_closely;
    instance->space.evaluate = evaluate_strewn;
    uint64_t evaluations = UINT64_MAX;
    assert_false(isnan(best_found(&instance->space, "guided", NULL, NULL, &evaluations)));
    assert_int_equal(instance->n_suggested, 0);
  }
  test_free(instance);
}

/* Where nothing is known before an evaluation, growth and what was learnt must do: the same share of the points, far
 * better than chance. */
static void without_bounds_it_is_better_than_chance(void **state) {
  (void)state;
  struct instance *instance = test_malloc(sizeof *instance);
  unsigned n_close = 0, n_better = 0;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    draw(instance, task);
    struct space *space = &instance->space;
    uint64_t allowed, evaluations = UINT64_MAX;
    const double best = best_of_all(space, &allowed);
    space->screen = NULL;
    const double gap = gap_of(space, best_found(space, "guided", NULL, NULL, &evaluations), best);
    uint64_t as_many = evaluations;
    const double chance = gap_of(space, best_found(space, "random", NULL, NULL, &as_many), best);
    print_message("%10" PRIu64 "%7" PRIu64 " %5.2f%%  %8.2f%%\n", space_size(space), evaluations, 100 * gap,
                  100 * chance);
    n_close += gap <= most_gap;
    n_better += gap < chance;
  }
  test_free(instance);
  assert_true(n_close >= 14);
  assert_true(n_better >= 18);
}

/* The bounds of these spaces are bounds, or the search above would be right to fail. */
static void the_spaces_keep_their_promises(void **state) {
  (void)state;
  struct instance *instance = test_malloc(sizeof *instance);
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    draw(instance, task);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    for (unsigned i = 0; i < 300; i++) {
      const struct point point = space_point(&instance->space, rng_below(&rng, space_size(&instance->space)));
      struct score score;
      const char *what = "";
      evaluate(instance, &point, &score);
      if (!space_check_score(&instance->space, &score, &what)) fail_msg("%s", what);
    }
  }
  test_free(instance);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_spaces_keep_their_promises),
      cmocka_unit_test(the_best_is_found_with_few_evaluations),
      cmocka_unit_test(the_mirror_can_be_turned_off),
      cmocka_unit_test(a_gap_that_is_close_enough_ends_the_search),
      cmocka_unit_test(it_begins_where_it_is_likely),
      cmocka_unit_test(a_closer_look_is_believed),
      cmocka_unit_test(without_bounds_it_is_better_than_chance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
