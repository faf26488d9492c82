/* Does every algorithm of the registry keep the promises of search/space/space.h, on any space?
 *
 * The random spaces are those of tests/synthetic_space.h. The driver here is the test's own and shares no code with the
 * algorithms. How good an algorithm is, is the business of test_guided. */
#include "search/space/space.h"

#include "tests/synthetic_space.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

/* LEARNT_POINTS: where a search that fits a model is cut off; smaller spaces it asks to the end. */
enum { N_CASES = 160, MOST_POINTS = 2400, LEARNT_POINTS = 120 };

static void draw(struct synthetic *synthetic, uint64_t task) { synthetic_draw(synthetic, seed, task, MOST_POINTS); }

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
      text = arena_printf(arena, "%.3g", field->minimum + range * rng_unit(rng) * rng_unit(rng));
    } else if (field->type == FIELD_CHOICE) {
      size_t n_choices = 0;
      while (field->choices[n_choices] != NULL) n_choices++;
      text = arena_printf(arena, "\"%s\"", field->choices[rng_below(rng, n_choices)]);
    }
    if (text != NULL) assert_true(config_set_field(field, settings, text, "drawn", arena, &error));
  }
  return settings;
}

static struct search_request draw_request(const struct synthetic *synthetic, struct rng *rng) {
  struct search_request request = {.space = &synthetic->space,
                                   .seed = rng_next(rng),
                                   .round_size = 1 + rng_below(rng, 70),
                                   .top_k = 1 + rng_below(rng, 12)};
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
    if (n == 0 || (algorithm->learns && outcome->n >= LEARNT_POINTS)) break;
    assert_true(outcome->n + n <= most); /* else it has asked twice */
    struct record *records = outcome->records + outcome->n;
    digest_add_u64(&stream, n);
    for (size_t i = 0; i < n; i++) {
      check_inside(space, &points[i]);
      digest_add_u64(&stream, space_index(space, &points[i]));
      records[i].point = points[i];
      space->evaluate(space->context, &points[i], &records[i].score);
      const bool first = outcome->n + i == 0;
      if (first || record_compare(&space->objectives[space->metric], space->metric, &records[i], &outcome->best) < 0) {
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
    if (i == 0 || record_compare(&space->objectives[space->metric], space->metric, &record, &best) < 0) best = record;
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
  if (algorithm->seedless) request.seed++; /* changes nothing */
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
      synthetic->space.screen = kind == 0 ? NULL : synthetic_screen;
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
    struct search_request request = {
        .space = &synthetic->space, .settings = "", .seed = task, .round_size = 7, .arena = &arena};
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
