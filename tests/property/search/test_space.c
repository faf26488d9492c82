/* Does every algorithm of the registry keep the promises of search/space/space.h, on any space?
 *
 * Random spaces: axes of all roles, objectives without or with structure, limits that the screen knows, holes that only
 * an evaluation finds, bounds that are sound and more or less loose, advice that may be nonsense. The driver here is
 * the test's own and shares no code with the algorithms. How good an algorithm is, is the business of test_guided. */
#include "search/space/space.h"

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

static const uint64_t seed = 2385;

enum { N_CASES = 160, MOST_VALUES = 9, MOST_POINTS = 6000, N_TEST_OBJECTIVES = 2 };
enum test_reason { REASON_NONE, REASON_BUDGET, REASON_HOLE, REASON_INVALID, N_TEST_REASONS };

static const struct objective objectives[N_TEST_OBJECTIVES] = {{"rate", "1/s", "", true}, {"cost", "mm2", "", false}};
static const struct reason_name reasons[N_TEST_REASONS] = {{"", ""}, {"budget", "mm2"}, {"hole", ""}, {"invalid", ""}};
static const struct reason_name bindings[1] = {{"", ""}};

struct synthetic {
  struct space space;
  struct axis axes[POINT_MAX_AXES];
  uint64_t values[POINT_MAX_AXES][MOST_VALUES];
  double weight[POINT_MAX_AXES], price[POINT_MAX_AXES];
  double budget, looseness; /* infinite: no limit; 0: bounds are exact */
  uint64_t salt, holes_of_16;
  bool structured, sane_moves, closed; /* closed: nobody may evaluate but the driver */
};

/* --- the problem ----------------------------------------------------------------------------------------------------
 */

/* Uniform in [0, 1) and fixed by the point and what it is for. */
static double chance(const struct synthetic *synthetic, const struct point *point, uint64_t purpose) {
  uint64_t hash = synthetic->salt ^ purpose * UINT64_C(0xd1342543de82ef95);
  for (size_t a = 0; a < POINT_MAX_AXES; a++) {
    hash = (hash ^ point->index[a]) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 31;
  }
  return (double)(hash >> 11) * 0x1p-53;
}

static double cost_of(const struct synthetic *synthetic, const struct point *point) {
  double cost = 1;
  for (size_t a = 0; a < synthetic->space.n_axes; a++) cost += synthetic->price[a] * (point->index[a] + 1.0);
  return cost;
}

static double rate_of(const struct synthetic *synthetic, const struct point *point) {
  if (!synthetic->structured) return 1000 * chance(synthetic, point, 1);
  double time = 0.01;
  for (size_t a = 0; a < synthetic->space.n_axes; a++) time += synthetic->weight[a] / (point->index[a] + 1.0);
  return 1 / time;
}

static void bound_of(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  const double slack = synthetic->looseness * chance(synthetic, point, 2);
  score->bound =
      synthetic->space.metric == 0 ? rate_of(synthetic, point) * (1 + slack) : cost_of(synthetic, point) / (1 + slack);
}

static bool within_budget(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  const double cost = cost_of(synthetic, point);
  memset(score, 0, sizeof *score);
  if (cost <= synthetic->budget) return true;
  score->reason = REASON_BUDGET;
  score->excess = cost - synthetic->budget;
  return false;
}

static void screen(void *context, const struct point *point, struct score *score) {
  const struct synthetic *synthetic = context;
  if (within_budget(synthetic, point, score)) bound_of(synthetic, point, score);
}

static void advise(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  const struct space *space = &synthetic->space;
  for (uint64_t m = 0; m < SCORE_MAX_MOVES && space->n_axes > 0; m++) {
    const size_t axis = (size_t)(chance(synthetic, point, 10 + m) * (double)space->n_axes);
    const int n = (int)space->axes[axis].n, step = (int)(chance(synthetic, point, 20 + m) * 7) - 3;
    if (n < 2) continue;
    if (synthetic->sane_moves && (space->axes[axis].role != AXIS_GROW || point->index[axis] + 1 >= n)) continue;
    const int16_t taken = (int16_t)(synthetic->sane_moves || step == 0 || abs(step) >= n ? 1 : step);
    score->moves[score->n_moves++] = (struct move){1, (uint16_t)axis, taken, 0};
  }
  score->saturated = chance(synthetic, point, 30) < 0.05;
}

static void judge(const struct synthetic *synthetic, const struct point *point, struct score *score) {
  if (!within_budget(synthetic, point, score)) return;
  if (chance(synthetic, point, 3) * 16 < (double)synthetic->holes_of_16) {
    score->reason = REASON_HOLE;
    return;
  }
  score->objective[0] = rate_of(synthetic, point);
  score->objective[1] = cost_of(synthetic, point);
  bound_of(synthetic, point, score);
  advise(synthetic, point, score);
}

static void evaluate(void *context, const struct point *point, struct score *score) {
  const struct synthetic *synthetic = context;
  if (synthetic->closed) fail_msg("an algorithm evaluates by itself");
  judge(synthetic, point, score);
}

static void draw_axes(struct synthetic *synthetic, struct rng *rng) {
  struct space *space = &synthetic->space;
  const size_t n_axes = rng_below(rng, POINT_MAX_AXES + 1);
  for (size_t a = 0; a < n_axes; a++) {
    struct axis *axis = &synthetic->axes[a];
    *axis = (struct axis){
        "a", "", (enum axis_role)rng_below(rng, 3), 1 + rng_below(rng, MOST_VALUES), synthetic->values[a], NULL};
    if (space_size(space) * axis->n > MOST_POINTS) axis->n = 1;
    uint64_t value = 0;
    for (size_t v = 0; v < axis->n; v++) synthetic->values[a][v] = value += 1 + rng_below(rng, 100);
    synthetic->weight[a] = rng_unit(rng);
    synthetic->price[a] = rng_unit(rng);
    space->n_axes = a + 1;
  }
}

static void draw(struct synthetic *synthetic, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
  memset(synthetic, 0, sizeof *synthetic);
  synthetic->salt = rng_next(&rng);
  synthetic->space = (struct space){.n_objectives = N_TEST_OBJECTIVES,
                                    .n_front_objectives = N_TEST_OBJECTIVES,
                                    .axes = synthetic->axes,
                                    .objectives = objectives,
                                    .metric = rng_below(&rng, N_TEST_OBJECTIVES),
                                    .n_reasons = N_TEST_REASONS,
                                    .n_bindings = 1,
                                    .reasons = reasons,
                                    .bindings = bindings,
                                    .context = synthetic,
                                    .evaluate = evaluate};
  draw_axes(synthetic, &rng);
  if (rng_below(&rng, 4) > 0) synthetic->space.screen = screen;
  synthetic->structured = rng_below(&rng, 2) == 0;
  synthetic->sane_moves = rng_below(&rng, 3) > 0;
  synthetic->looseness = rng_below(&rng, 3) == 0 ? 0 : rng_unit(&rng);
  synthetic->holes_of_16 = rng_below(&rng, 10) == 0 ? 16 : rng_below(&rng, 3) == 0 ? rng_below(&rng, 16) : 0;
  struct point largest = {{0}};
  for (size_t a = 0; a < synthetic->space.n_axes; a++) largest.index[a] = (uint16_t)(synthetic->axes[a].n - 1);
  synthetic->budget =
      rng_below(&rng, 3) == 0 ? (double)INFINITY : cost_of(synthetic, &largest) * (0.1 + rng_unit(&rng));
}

/* --- the driver -----------------------------------------------------------------------------------------------------
 */

struct outcome {
  struct digest sequence;
  size_t n; /* points asked */
  struct record *records;
  struct record best;
};

/* Any settings that the algorithm's table allows. */
static void *draw_settings(const struct search_algorithm *algorithm, struct rng *rng, struct arena *arena) {
  char *settings = arena_alloc(arena, 1, algorithm->settings_bytes);
  if (algorithm->table == NULL) return settings;
  config_defaults(algorithm->table, arena, settings);
  const bool by_default = rng_below(rng, 2) == 0;
  for (size_t f = 0; f < algorithm->table->n_fields && !by_default; f++) {
    const struct field *field = &algorithm->table->fields[f];
    const double range = field->maximum - field->minimum;
    const char *text = NULL;
    struct error error;
    memset(&error, 0, sizeof error);
    if (field->type == FIELD_UINT) {
      const uint64_t least = (uint64_t)field->minimum;
      text = arena_printf(arena, "%" PRIu64, least + rng_below(rng, (uint64_t)(range < 6 ? range : 6) + 1));
    } else if (field->type == FIELD_REAL) {
      text = arena_printf(arena, "%.3f", field->minimum + range * rng_unit(rng) * rng_unit(rng));
    }
    if (text != NULL) assert_true(config_set_field(field, settings + field->offset, text, "drawn", arena, &error));
  }
  return settings;
}

static struct search_request draw_request(const struct synthetic *synthetic, struct rng *rng) {
  struct search_request request = {
      .space = &synthetic->space, .seed = rng_next(rng), .round_size = 1 + rng_below(rng, 70)};
  return request;
}

static int compare_points(const void *a, const void *b) { return point_compare(a, b); }

/* The sorted points must differ, one from the next. */
static void check_asked_once(const struct outcome *outcome, struct arena *arena) {
  struct point *points = ARENA_NEW(arena, struct point, outcome->n);
  for (size_t i = 0; i < outcome->n; i++) points[i] = outcome->records[i].point;
  qsort(points, outcome->n, sizeof *points, compare_points);
  for (size_t i = 1; i < outcome->n; i++) assert_true(point_compare(&points[i - 1], &points[i]) < 0);
}

static void check_inside(const struct space *space, const struct point *point) {
  for (size_t a = 0; a < POINT_MAX_AXES; a++) {
    if (a < space->n_axes) assert_true(point->index[a] < space->axes[a].n);
    if (a >= space->n_axes) assert_int_equal(point->index[a], 0);
  }
}

/* Asks, evaluates and tells until the search is over; every promise that can be broken on the way is checked. */
static void search(struct synthetic *synthetic, const struct search_algorithm *algorithm,
                   const struct search_request *request, struct outcome *outcome) {
  const struct space *space = request->space;
  struct point *points = ARENA_NEW(request->arena, struct point, request->round_size + 1);
  const struct point canary = {{2385, 17, 4711}};
  const uint64_t most = space_size(space);
  memset(outcome, 0, sizeof *outcome);
  outcome->records = ARENA_NEW(request->arena, struct record, most + request->round_size);
  struct digest_stream stream;
  digest_begin(&stream);
  void *state = algorithm->start(request);
  for (uint64_t round = 0;; round++) {
    points[request->round_size] = canary;
    synthetic->closed = true;
    const size_t n = algorithm->ask(state, round, points);
    synthetic->closed = false;
    assert_true(n <= request->round_size);
    assert_int_equal(point_compare(&points[request->round_size], &canary), 0);
    if (n == 0) break;
    assert_true(outcome->n + n <= most); /* else it has asked twice */
    struct record *records = outcome->records + outcome->n;
    digest_add_u64(&stream, n);
    for (size_t i = 0; i < n; i++) {
      check_inside(space, &points[i]);
      digest_add_u64(&stream, space_index(space, &points[i]));
      records[i].point = points[i];
      space->evaluate(space->context, &points[i], &records[i].score);
      const bool first = outcome->n + i == 0;
      if (first || record_compare(&objectives[space->metric], space->metric, &records[i], &outcome->best) < 0) {
        outcome->best = records[i];
      }
    }
    outcome->n += n;
    synthetic->closed = true;
    algorithm->tell(state, records, n);
  }
  outcome->sequence = digest_end(&stream);
  check_asked_once(outcome, request->arena);
}

/* --- the properties -------------------------------------------------------------------------------------------------
 */

static struct record best_of_all(const struct space *space) {
  struct record best = {0}, record;
  for (uint64_t i = 0; i < space_size(space); i++) {
    record.point = space_point(space, i);
    space->evaluate(space->context, &record.point, &record.score);
    if (i == 0 || record_compare(&objectives[space->metric], space->metric, &record, &best) < 0) best = record;
  }
  return best;
}

static void check_algorithm(struct synthetic *synthetic, const struct search_algorithm *algorithm, uint64_t task) {
  struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
  struct arena arena;
  arena_init(&arena, 1 << 18);
  struct outcome first, second;
  struct search_request request = draw_request(synthetic, &rng);
  request.settings = draw_settings(algorithm, &rng, &arena);
  request.arena = &arena;
  search(synthetic, algorithm, &request, &first);
  search(synthetic, algorithm, &request, &second);
  assert_true(digest_equal(first.sequence, second.sequence));
  const uint64_t size = space_size(&synthetic->space);
  if (algorithm->covers) {
    assert_int_equal(first.n, size);
    const struct record best = best_of_all(&synthetic->space);
    assert_memory_equal(&best, &first.best, sizeof best);
  }
  arena_release(&arena);
}

static void every_algorithm_keeps_its_promises(void **state) {
  (void)state;
  print_message("seed %" PRIu64 ", %d spaces, %zu algorithms\n", seed, N_CASES, n_search_algorithms);
  struct synthetic *synthetic = test_malloc(sizeof *synthetic);
  for (uint64_t task = 0; task < N_CASES; task++) {
    for (size_t i = 0; i < n_search_algorithms; i++) {
      if (search_algorithms[i]->folds) continue; /* test_sweep.c */
      draw(synthetic, task);
      check_algorithm(synthetic, search_algorithms[i], task * n_search_algorithms + i);
    }
  }
  test_free(synthetic);
}

/* Where nothing is allowed, or everything turns out to be infeasible, a search still ends; where a space has one point
 * it is found. */
static void searches_of_nothing_end(void **state) {
  (void)state;
  struct synthetic *synthetic = test_malloc(sizeof *synthetic);
  for (size_t i = 0; i < n_search_algorithms; i++) {
    if (search_algorithms[i]->folds) continue;
    for (unsigned kind = 0; kind < 3; kind++) {
      draw(synthetic, 4);
      synthetic->space.screen = kind == 0 ? NULL : screen;
      synthetic->budget = kind == 1 ? 0 : (double)INFINITY;
      synthetic->holes_of_16 = kind == 2 ? 0 : 16;
      if (kind == 2) synthetic->space.n_axes = 0;
      struct arena arena;
      arena_init(&arena, 1 << 18);
      struct rng rng = rng_stream(seed, RNG_TEST, 3, i * 3 + kind);
      struct search_request request = draw_request(synthetic, &rng);
      request.settings = draw_settings(search_algorithms[i], &rng, &arena);
      request.arena = &arena;
      struct outcome outcome;
      search(synthetic, search_algorithms[i], &request, &outcome);
      if (kind == 2) assert_int_equal(outcome.n, 1);
      if (kind < 2 && outcome.n > 0) assert_int_not_equal(outcome.best.score.reason, REASON_NONE);
      arena_release(&arena);
    }
  }
  test_free(synthetic);
}

/* The baseline: other seeds, other points; never one that the screen excludes; the middle of the space comes up as
 * often as it should (4 standard deviations; drawing without repeats varies less). */
static void random_search_is_random(void **state) {
  (void)state;
  const struct search_algorithm *algorithm = search_algorithm_find("random");
  assert_non_null(algorithm);
  struct synthetic *synthetic = test_malloc(sizeof *synthetic);
  uint64_t compared = 0, low = 0, draws = 0;
  double expected = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    draw(synthetic, task);
    const uint64_t size = space_size(&synthetic->space);
    if (size < 500) continue;
    struct arena arena;
    arena_init(&arena, 1 << 18);
    struct search_request request = {&synthetic->space, "", task, 7, &arena};
    struct outcome one, other;
    search(synthetic, algorithm, &request, &one);
    request.seed = task + 2385;
    search(synthetic, algorithm, &request, &other);
    if (one.n > 10) compared++, assert_false(digest_equal(one.sequence, other.sequence));
    for (size_t i = 0; i < one.n && i < 40; i++) { /* the first draws: all together are the whole space */
      if (synthetic->space.screen != NULL) assert_int_not_equal(one.records[i].score.reason, REASON_BUDGET);
      if (synthetic->space.screen != NULL && isfinite(synthetic->budget)) continue;
      draws++;
      expected += (double)(size / 2) / (double)size;
      if (space_index(&synthetic->space, &one.records[i].point) < size / 2) low++;
    }
    arena_release(&arena);
  }
  assert_true(compared > 20 && draws > 400);
  assert_true(fabs((double)low - expected) < 4 * 0.5 * sqrt((double)draws));
  test_free(synthetic);
}

static void numbers_of_points_go_round(void **state) {
  (void)state;
  struct synthetic *synthetic = test_malloc(sizeof *synthetic);
  for (uint64_t task = 0; task < N_CASES; task++) {
    draw(synthetic, task);
    const struct space *space = &synthetic->space;
    const uint64_t size = space_size(space);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, task);
    for (unsigned i = 0; i < 200; i++) {
      const uint64_t a = rng_below(&rng, size), b = rng_below(&rng, size);
      const struct point at_a = space_point(space, a), at_b = space_point(space, b);
      check_inside(space, &at_a);
      assert_int_equal(space_index(space, &at_a), a);
      const int order = point_compare(&at_a, &at_b);
      assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
      for (size_t x = 0; x < space->n_axes; x++) {
        assert_int_equal(space_value(space, &at_a, x), synthetic->values[x][at_a.index[x]]);
      }
    }
  }
  for (size_t a = 0; a < POINT_MAX_AXES; a++) synthetic->axes[a].n = UINT16_MAX;
  synthetic->space.n_axes = 4; /* 65,535⁴ just fits, one more axis does not */
  assert_int_equal(space_size(&synthetic->space), UINT64_C(65535) * 65535 * 65535 * 65535);
  const struct point last = space_point(&synthetic->space, space_size(&synthetic->space) - 1);
  for (size_t a = 0; a < 4; a++) assert_int_equal(last.index[a], UINT16_MAX - 1);
  synthetic->space.n_axes = 5;
  assert_true(space_size(&synthetic->space) == UINT64_MAX);
  test_free(synthetic);
}

/* Against a table of all points; twice as many as the set starts with room for. */
static void a_set_of_points_is_a_set(void **state) {
  (void)state;
  enum { SIDE = 17, N_POINTS = SIDE * SIDE * SIDE };
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct rng rng = rng_stream(seed, RNG_TEST, 5, 0);
  bool *is_in = ARENA_NEW(&arena, bool, N_POINTS);
  struct point_set *set = point_set_new(&arena);
  size_t n = 0;
  for (unsigned i = 0; i < 3 * N_POINTS; i++) {
    const size_t drawn = rng_below(&rng, N_POINTS);
    struct point point = {{0}};
    point.index[0] = (uint16_t)(drawn % SIDE); /* the last axes, large values and equal ones must count too */
    point.index[7] = (uint16_t)(65535 - drawn / SIDE % SIDE);
    point.index[15] = (uint16_t)(drawn / SIDE / SIDE);
    assert_int_equal(point_set_has(set, &point), is_in[drawn]);
    if (i % 3 == 0) continue;
    assert_int_equal(point_set_add(set, &point), !is_in[drawn]);
    n += !is_in[drawn];
    is_in[drawn] = true;
    assert_true(point_set_has(set, &point));
  }
  assert_true(n > 2048);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_algorithm_keeps_its_promises),
      cmocka_unit_test(searches_of_nothing_end),
      cmocka_unit_test(random_search_is_random),
      cmocka_unit_test(numbers_of_points_go_round),
      cmocka_unit_test(a_set_of_points_is_a_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
