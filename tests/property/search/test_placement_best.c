/* Does what our algorithm stands on keep its word?
 *
 * Times followed only as far as a change reaches, against placement_evaluate after thousands of random moves, pins and
 * returns, under every rule; the linear order of layers against edges and lists; `best` against every other algorithm
 * with as many evaluations; fronts of makespan and energy. */
#include "search/placement/placement_blocks.h"
#include "search/placement/placement_front.h"
#include "tests/placement_random.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum {
  N_FOLLOWED = 500,
  N_MOVES = 120,
  N_COMPARED = 16,
  N_FRONTS = 60,
  SAMPLES = 3001,
  MANY_SAMPLES = 30001,
  N_HELD = 200
};

static void draw(struct rng *rng, struct placement_shape shape, struct placement_problem *problem) {
  struct error error = {0};
  while (!placement_random_problem(rng, &shape, &arena, problem, &error)) {
    memset(&error, 0, sizeof error);
    shape.groups = false;
  }
}

static struct placement_request request_of(const struct placement_problem *problem,
                                           const struct placement_algorithm *algorithm, uint64_t samples) {
  void *settings = arena_alloc(&arena, 1, algorithm->settings_bytes);
  if (algorithm->table != NULL) config_defaults(algorithm->table, &arena, settings);
  return (struct placement_request){
      .problem = problem, .settings = settings, .seed = seed, .samples = samples, .arena = &arena, .scratch = &scratch};
}

/* --- times ----------------------------------------------------------------------------------------------------------
 */

static void expect_order(const struct placement_orders *orders) {
  const struct placement_problem *problem = orders->problem;
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    assert_int_equal(orders->at[orders->rank[l]], l);
    assert_false(orders->marked[l]);
    if (orders->after[l] != PLACEMENT_NONE) assert_true(orders->rank[l] < orders->rank[orders->after[l]]);
    for (uint32_t j = problem->out_start[l]; j < problem->out_start[l + 1]; j++) {
      assert_true(orders->rank[l] < orders->rank[problem->successor[j]]);
    }
  }
}

static bool is_close(double a, double b) { return a == b || fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b)); }

static void expect_room(const struct placement_times *times) {
  for (uint32_t d = 0; d < times->problem->n_devices && times->size != NULL; d++) {
    uint64_t sum = 0;
    for (uint32_t l = times->orders.first[d]; l != PLACEMENT_NONE; l = times->orders.after[l]) {
      sum += times->pinned[l] ? times->size[l] : 0;
    }
    assert_int_equal(sum, times->used[d]);
    assert_true(sum <= times->room[d]);
  }
}

static bool change(struct placement_times *times, struct rng *rng) {
  const struct placement_problem *problem = times->problem;
  const struct placement_orders *orders = &times->orders;
  uint32_t from = (uint32_t)rng_below(rng, problem->n_layers), to = from;
  if (rng_below(rng, 5) == 0 && problem->memory == PLACEMENT_PIN && problem->weight_granules[from] > 0) {
    return placement_times_pin(times, from, !times->pinned[from]);
  }
  for (uint64_t more = rng_below(rng, 4); more > 0 && orders->after[to] != PLACEMENT_NONE; more--) {
    to = orders->after[to];
  }
  const uint32_t device = (uint32_t)rng_below(rng, problem->n_devices);
  uint32_t behind = PLACEMENT_NONE;
  for (uint32_t l = orders->first[device]; l != PLACEMENT_NONE && rng_below(rng, 5) > 0; l = orders->after[l]) {
    behind = l;
  }
  for (uint32_t l = from;; l = orders->after[l]) { /* not behind a part of itself */
    if (l == behind) return false;
    if (l == to) break;
  }
  if (device == orders->device[from] && behind == orders->before[from]) return false;
  return placement_times_move(times, from, to, device, behind);
}

/* Some moves together, then the value; half of the times with a limit that cuts the search for it short. */
static size_t follow(struct placement_times *times, struct rng *rng, struct placement_answer *answer, uint64_t round) {
  bool possible = true;
  for (uint64_t n = 1 + rng_below(rng, 2); n > 0 && possible; n--) possible = change(times, rng);
  if (!possible) {
    placement_times_undo(times);
    expect_order(&times->orders);
    expect_room(times);
    return 0;
  }
  placement_times_save(times, answer);
  const double truth = placement_evaluate(times->problem, answer, &scratch, NULL);
  const double limit = rng_below(rng, 2) == 0 ? INFINITY : times->value * (0.9 + 0.2 * rng_unit(rng));
  const double value = placement_times_value(times, limit);
  const bool cut = truth >= limit * (1 - 1e-12) && value == INFINITY;
  if (!cut && !is_close(value, truth)) {
    fail_msg("seed %" PRIu64 ", round %" PRIu64 ": followed %.17g, truth %.17g, limit %g", seed, round, value, truth,
             limit);
  }
  if (isfinite(value) && rng_below(rng, 3) > 0) {
    placement_times_commit(times, value);
  } else {
    placement_times_undo(times);
  }
  expect_order(&times->orders);
  expect_room(times);
  return isfinite(value);
}

static void test_times(void **state) {
  (void)state;
  size_t n_followed = 0, n_fast = 0;
  for (uint64_t round = 0; round < N_FOLLOWED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, round);
    struct placement_shape shape = placement_random_shape(&rng, round % 8 > 0 ? 12 : 90, 4);
    if (round % 2 == 0) shape.timing = PLACEMENT_SERIAL, shape.transfers = PLACEMENT_ALL, shape.groups = false;
    if (round % 4 == 0) shape.plain = true;
    if (round % 4 == 1) shape.timing = PLACEMENT_DELAY, shape.objective = PLACEMENT_MAKESPAN;
    struct placement_problem problem;
    draw(&rng, shape, &problem);
    struct placement_answer answer;
    struct placement_times times;
    placement_random_answer(&rng, &problem, true, &arena, &answer);
    placement_times_init(&times, &problem, problem.objective, INFINITY, NULL, &arena, &scratch);
    const double value = placement_times_load(&times, &answer);
    placement_times_save(&times, &answer);
    const double truth = placement_evaluate(&problem, &answer, &scratch, NULL);
    if (!is_close(value, truth)) fail_msg("seed %" PRIu64 ", round %" PRIu64 ": %g is %g", seed, round, value, truth);
    size_t n = 0;
    for (size_t i = 0; i < N_MOVES && isfinite(value); i++) n += follow(&times, &rng, &answer, round);
    n_followed += n;
    n_fast += times.fast ? n : 0;
    arena_rewind(&arena, mark);
  }
  printf("seed %" PRIu64 ": %zu changes followed, %zu of them as far as they reach\n", seed, n_followed, n_fast);
  assert_true(n_followed > 5000 && n_fast > 2500 && n_fast < n_followed);
}

/* --- best -----------------------------------------------------------------------------------------------------------
 */

static void test_never_worse(void **state) {
  (void)state;
  size_t n_better[64] = {0};
  for (uint64_t round = 0; round < N_COMPARED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, round);
    struct placement_problem problem;
    draw(&rng, placement_random_shape(&rng, 30, 4), &problem);
    const struct placement_algorithm *best = placement_find_algorithm("best");
    struct placement_request ask = request_of(&problem, best, MANY_SAMPLES);
    struct placement_result ours, theirs;
    best->run(&ask, &ours);
    for (size_t i = 0; i < n_placement_algorithms; i++) {
      const struct placement_algorithm *algorithm = placement_algorithms[i];
      if (algorithm->applies != NULL && !algorithm->applies(&problem)) continue;
      ask = request_of(&problem, algorithm, MANY_SAMPLES);
      algorithm->run(&ask, &theirs);
      n_better[i] += ours.value < theirs.value * (1 - 1e-12);
      if (ours.value > theirs.value * (1 + 1e-12)) {
        fail_msg("seed %" PRIu64 ", round %" PRIu64 ": %s finds %.17g, best %.17g", seed, round, algorithm->name,
                 theirs.value, ours.value);
      }
    }
    arena_rewind(&arena, mark);
  }
  for (size_t i = 0; i < n_placement_algorithms; i++) {
    printf("better than %s: %zu of %d\n", placement_algorithms[i]->name, n_better[i], N_COMPARED);
  }
}

/* Layers whose weights lie somewhere stay there, pinned where weights travel. */
static void test_held(void **state) {
  (void)state;
  size_t n_solved = 0;
  for (uint64_t round = 0; round < N_HELD; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, round);
    struct placement_shape shape = placement_random_shape(&rng, 12, 3);
    shape.memory = PLACEMENT_PIN, shape.groups = false;
    struct placement_problem problem;
    draw(&rng, shape, &problem);
    struct placement_answer before;
    placement_random_answer(&rng, &problem, true, &arena, &before);
    uint32_t *held = ARENA_NEW(&arena, uint32_t, problem.n_layers);
    for (uint32_t d = 0; d < problem.n_devices; d++) {
      for (uint32_t i = before.start[d]; i < before.start[d + 1]; i++) {
        const uint32_t l = before.layer[i];
        held[l] = before.pinned[l] && problem.weight_granules[l] > 0 && rng_below(&rng, 2) == 0 ? d : PLACEMENT_NONE;
      }
    }
    const struct placement_algorithm *best = placement_find_algorithm("best");
    struct placement_request ask = request_of(&problem, best, 300);
    struct placement_result ours;
    ask.held = held;
    best->run(&ask, &ours);
    for (uint32_t d = 0; d < problem.n_devices && isfinite(ours.value); d++) {
      for (uint32_t i = ours.answer.start[d]; i < ours.answer.start[d + 1]; i++) {
        const uint32_t l = ours.answer.layer[i];
        if (held[l] == PLACEMENT_NONE) continue;
        assert_int_equal(held[l], d);
        assert_true(ours.answer.pinned[l]);
      }
    }
    n_solved += isfinite(ours.value);
    arena_rewind(&arena, mark);
  }
  assert_true(n_solved > N_HELD / 2);
}

/* --- fronts ---------------------------------------------------------------------------------------------------------
 */

static void test_front(void **state) {
  (void)state;
  static const double slacks[] = {0, 0.1, 0.4, INFINITY};
  size_t n_points = 0;
  for (uint64_t round = 0; round < N_FRONTS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, round);
    struct placement_problem problem;
    draw(&rng, placement_random_shape(&rng, 14, 4), &problem);
    const struct placement_request ask = request_of(&problem, placement_find_algorithm("best"), SAMPLES);
    struct placement_front front;
    assert_true(placement_find_front(&ask, slacks, sizeof slacks / sizeof *slacks, &front));
    assert_true(front.n_points > 0 && front.samples <= SAMPLES);
    for (size_t i = 0; i < front.n_points; i++) {
      struct placement_front_point *point = &front.points[i];
      struct placement_schedule truth = placement_schedule_new(&problem, &arena);
      struct error error = {0};
      const struct placement_claim claim = {.answer = point->answer, .makespan_s = point->makespan_s};
      if (!placement_check(&problem, &claim, &arena, &truth, &error)) {
        fail_msg("seed %" PRIu64 ", round %" PRIu64 ": %s", seed, round, error.text);
      }
      assert_true(is_close(truth.energy_j, point->energy_j) || fabs(truth.energy_j - point->energy_j) < 1e-9);
      assert_true(point->makespan_s <= (1 + point->slack) * front.shortest_s * (1 + 1e-12));
      if (i == 0) continue;
      assert_true(point->makespan_s > point[-1].makespan_s && point->energy_j < point[-1].energy_j);
    }
    n_points += front.n_points;
    arena_rewind(&arena, mark);
  }
  printf("%zu points of %d fronts\n", n_points, N_FRONTS);
  assert_true(n_points > N_FRONTS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_times, setup, teardown),
      cmocka_unit_test_setup_teardown(test_never_worse, setup, teardown),
      cmocka_unit_test_setup_teardown(test_held, setup, teardown),
      cmocka_unit_test_setup_teardown(test_front, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
