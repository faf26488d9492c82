/* What local and evolutionary searches are made of: neighbours, children, and the memory of what was asked.
 *
 * Neighbours are compared with a definition tried on every point of small random spaces (tests/synthetic_space.h). */
#include "search/space/trail.h"
#include "search/space/variation.h"

#include "tests/synthetic_space.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 200, MOST_POINTS = 2000 };

/* The definition: one axis differs, by one step or as a category does; or two that are no categories, one step up and
 * one down. */
static bool is_neighbour(const struct space *space, const struct point *a, const struct point *b, bool exchanges) {
  unsigned n_differ = 0, n_far = 0, n_up = 0, n_down = 0, n_categories = 0;
  for (size_t x = 0; x < space->n_axes; x++) {
    const int step = (int)b->index[x] - (int)a->index[x];
    if (step == 0) continue;
    n_differ++;
    const bool category = space->axes[x].role == AXIS_CHOICE;
    n_categories += category;
    n_far += !category && abs(step) > 1;
    n_up += step > 0;
    n_down += step < 0;
  }
  if (n_far > 0) return false;
  return n_differ == 1 || (exchanges && n_differ == 2 && n_categories == 0 && n_up == 1 && n_down == 1);
}

static void neighbours_are_what_the_definition_says(void **state) {
  (void)state;
  struct synthetic *synthetic = test_malloc(sizeof *synthetic);
  uint64_t n_seen = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    synthetic_draw(synthetic, seed, task, MOST_POINTS);
    const struct space *space = &synthetic->space;
    struct rng rng = rng_stream(seed, RNG_TEST, 31, task);
    struct arena arena;
    arena_init(&arena, 1 << 16);
    const struct point at = space_point(space, rng_below(&rng, space_size(space)));
    for (unsigned exchanges = 0; exchanges < 2; exchanges++) {
      struct point_set *set = point_set_new(&arena);
      const uint64_t count = neighbour_count(space, &at, exchanges);
      for (uint64_t i = 0; i < count; i++) {
        const struct point point = neighbour(space, &at, i);
        assert_true(is_neighbour(space, &at, &point, exchanges));
        assert_true(point_set_add(set, &point)); /* each once */
      }
      uint64_t expected = 0;
      for (uint64_t i = 0; i < space_size(space); i++) {
        const struct point point = space_point(space, i);
        expected += is_neighbour(space, &at, &point, exchanges);
      }
      assert_int_equal(count, expected); /* and none is missing */
      n_seen += count;
    }
    arena_release(&arena);
  }
  assert_true(n_seen > 2385);
  test_free(synthetic);
}

/* Without mutation a child takes every axis from one of its parents, about equally often, and without crossover all of
 * them from its mother; mutations come as often as they should (4 standard deviations). */
static void children_come_from_their_parents(void **state) {
  (void)state;
  enum { N_AXES = 10, N_VALUES = 7, N_CHILDREN = 2000 };
  static const uint64_t values[N_VALUES] = {1, 2, 3, 5, 7, 11, 13};
  struct axis axes[N_AXES + 1];
  for (size_t a = 0; a < N_AXES; a++) axes[a] = (struct axis){"a", "", AXIS_GROW, N_VALUES, values, NULL};
  axes[4].role = AXIS_CHOICE;
  axes[N_AXES] = (struct axis){"fixed", "", AXIS_SHAPE, 1, values, NULL};
  const struct space space = {.n_axes = N_AXES + 1, .axes = axes};
  struct point mother = {{0}}, father = {{0}};
  for (size_t a = 0; a < N_AXES; a++) mother.index[a] = 2, father.index[a] = 5;
  struct rng rng = rng_stream(seed, RNG_TEST, 32, 0);
  uint64_t n_fathers = 0, n_crossed = 0, n_mutated[2] = {0, 0};
  for (unsigned i = 0; i < N_CHILDREN; i++) {
    const struct breeding cross = {0.75, 0, false}, clone = {0, 0, true};
    struct point child = breed(&space, &mother, &father, &cross, &rng);
    bool crossed = false;
    for (size_t a = 0; a < N_AXES; a++) {
      assert_true(child.index[a] == 2 || child.index[a] == 5);
      n_fathers += child.index[a] == 5;
      crossed = crossed || child.index[a] == 5;
    }
    n_crossed += crossed;
    child = breed(&space, &mother, &father, &clone, &rng);
    assert_int_equal(point_compare(&child, &mother), 0);
    for (unsigned by_step = 0; by_step < 2; by_step++) {
      const struct breeding mutate = {0, 1.5, by_step == 1};
      child = breed(&space, &mother, &father, &mutate, &rng);
      assert_int_equal(child.index[N_AXES], 0);
      for (size_t a = 0; a < N_AXES; a++) {
        assert_true(child.index[a] < N_VALUES);
        n_mutated[by_step] += child.index[a] != 2;
      }
    }
  }
  const double crossed = 0.75 * (1 - 0x1p-10), n = N_CHILDREN;
  assert_true(fabs((double)n_crossed - crossed * n) < 4 * sqrt(n * crossed * (1 - crossed)));
  assert_true(fabs((double)n_fathers - 0.375 * N_AXES * n) < 4 * N_AXES * 0.5 * sqrt(n));
  assert_true(fabs((double)n_mutated[0] - 1.5 * n) < 4 * sqrt(1.5 * n)); /* any other value: it always differs */
  assert_true(n_mutated[1] > 1.5 * n && n_mutated[1] < 2 * 1.5 * n);     /* steps and exchanges */
}

static struct record record_of(const struct point *point, uint16_t reason, double metric) {
  struct record record = {.point = *point};
  record.score.reason = reason;
  record.score.objective[1] = metric;
  return record;
}

/* Numbers in order of addition, asked once and in rounds; merits that point upwards whatever the metric does. */
static void a_trail_remembers(void **state) {
  (void)state;
  static const uint64_t values[3] = {1, 2, 4};
  static const struct objective objectives[2] = {{"rate", "", "", true}, {"cost", "", "", false}};
  const struct axis axis = {"a", "", AXIS_GROW, 3, values, NULL};
  const struct space space = {.n_axes = 1, .n_objectives = 2, .axes = &axis, .objectives = objectives, .metric = 1};
  struct arena arena;
  arena_init(&arena, 1 << 16);
  const struct search_request request = {.space = &space, .round_size = 2, .arena = &arena};
  struct trail trail;
  trail_init(&trail, &request);
  struct point at[3], asked[2];
  for (uint64_t i = 0; i < 3; i++) at[i] = space_point(&space, i);
  assert_int_equal(trail_add(&trail, &at[2]), 0);
  assert_int_equal(trail_add(&trail, &at[0]), 1);
  assert_int_equal(trail_add(&trail, &at[2]), 0);
  assert_true(trail_find(&trail, &at[1]) == TRAIL_NONE);
  struct rng rng = rng_stream(seed, RNG_TEST, 33, 0);
  assert_int_equal(trail_draw(&trail, &rng), 2); /* the only one that is left */
  assert_int_equal(trail_find(&trail, &at[1]), 2);
  assert_true(trail_draw(&trail, &rng) == TRAIL_NONE);
  assert_int_equal(trail_ask(&trail, asked), 2);
  assert_int_equal(point_compare(&asked[0], &at[2]), 0);
  assert_int_equal(point_compare(&asked[1], &at[0]), 0);
  assert_false(trail_knows(&trail, 0));
  const struct record first[2] = {record_of(&at[2], 0, 23), record_of(&at[0], 1, 5)};
  trail_tell(&trail, first, 2);
  assert_true(trail_knows(&trail, 1) && !trail_knows(&trail, 2) && !trail_is_settled(&trail));
  assert_int_equal(trail_ask(&trail, asked), 1);
  const struct record second = record_of(&at[1], 0, 23);
  trail_tell(&trail, &second, 1);
  assert_true(trail_is_settled(&trail));
  assert_int_equal(trail_ask(&trail, asked), 0);
  assert_true(trail_feasible(&trail, 0) && !trail_feasible(&trail, 1));
  assert_true(trail_better(&trail, 0, 1)); /* infeasible is the worst */
  assert_true(trail_better(&trail, 2, 0)); /* equal: the point that comes first */
  assert_false(trail_better(&trail, 0, 2));
  const double cost = 23;
  assert_true(trail_merit(&trail, 0) <= -cost && trail_merit(&trail, 0) >= -cost);
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(neighbours_are_what_the_definition_says),
      cmocka_unit_test(children_come_from_their_parents),
      cmocka_unit_test(a_trail_remembers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
