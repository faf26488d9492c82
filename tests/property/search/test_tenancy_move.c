/* Is what a move would cost exactly what the schedule costs after it, and is nothing allowed that is worse?
 *
 * Walks of random moves over random instances. Beside each trial the moved queues are built by a few plain lines of
 * their own and evaluated in full. */
#include "search/tenancy/tenancy_move.h"
#include "tests/tenancy_random.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_INSTANCES = 120, N_MOVES = 400 };

static void append(struct tenancy_queues *out, uint32_t *n, const struct tenancy_queues *from, uint32_t core,
                   uint32_t place, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) out->job[(*n)++] = from->job[from->start[core] + place + i];
}

/* The queues after the move, from the words of the header alone. */
static void moved(const struct tenancy_problem *problem, const struct tenancy_queues *old,
                  const struct tenancy_move *move, struct tenancy_queues *out) {
  uint32_t n = 0;
  for (uint32_t c = 0; c < problem->n_cores; c++) {
    const uint32_t length = old->start[c + 1] - old->start[c];
    out->start[c] = n;
    uint32_t at = 0;
    for (size_t s = 0; s < 2; s++) {
      if (move->core[s] != c) continue;
      append(out, &n, old, c, at, move->place[s] - at);
      append(out, &n, old, move->core[1 - s], move->place[1 - s], move->count[1 - s]);
      at = move->place[s] + move->count[s];
    }
    append(out, &n, old, c, at, length - at);
  }
  out->start[problem->n_cores] = n;
}

static bool can_run(const struct tenancy_problem *problem, const struct tenancy_queues *queues) {
  for (size_t c = 0; c < problem->n_cores; c++) {
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) {
      if (!tenancy_can_run(problem, queues->job[i], c)) return false;
    }
  }
  return true;
}

static uint32_t a_run(struct rng *rng, uint32_t most) {
  const uint32_t kinds[] = {0, 1, 1, 1, 1 + (uint32_t)rng_below(rng, 4), most};
  const uint32_t n = kinds[rng_below(rng, 6)];
  return n < most ? n : most;
}

static struct tenancy_move draw_move(struct rng *rng, const struct tenancy_problem *problem,
                                     const struct tenancy_queues *queues) {
  struct tenancy_move move = {0};
  uint32_t length[2];
  for (size_t s = 0; s < 2; s++) {
    move.core[s] = (uint32_t)rng_below(rng, problem->n_cores);
    length[s] = queues->start[move.core[s] + 1] - queues->start[move.core[s]];
    move.place[s] = (uint32_t)rng_below(rng, length[s] + 1);
    move.count[s] = a_run(rng, length[s] - move.place[s]);
  }
  if (move.core[0] != move.core[1]) return move;
  if (move.place[1] < move.place[0]) {
    const uint32_t place = move.place[0];
    move.place[0] = move.place[1], move.place[1] = place;
    move.count[1] = a_run(rng, length[1] - move.place[1]);
  }
  if (move.count[0] > move.place[1] - move.place[0]) move.count[0] = move.place[1] - move.place[0];
  return move;
}

struct counts {
  size_t allowed, refused, impossible, joined;
};

static void walk(struct rng *rng, size_t n, size_t n_cores, struct arena *arena, struct counts *counts) {
  struct error error = {0};
  struct tenancy_problem problem;
  assert_true(tenancy_random_problem(rng, n, n_cores, arena, &problem, &error));
  struct tenancy_queues queues, after = tenancy_queues_new(&problem, arena), got = tenancy_queues_new(&problem, arena);
  tenancy_random_queues(rng, &problem, arena, &queues);
  struct tenancy_timeline timeline;
  tenancy_timeline_init(&timeline, &problem, arena);
  tenancy_timeline_set(&timeline, &queues);
  tenancy_cost cost = tenancy_evaluate(&problem, &queues);
  assert_true(timeline.cost == cost);
  for (size_t i = 0; i < N_MOVES; i++) {
    const struct tenancy_move move = draw_move(rng, &problem, &queues);
    moved(&problem, &queues, &move, &after);
    if (!can_run(&problem, &after)) {
      assert_false(tenancy_timeline_try(&timeline, &move, ~(tenancy_cost)0 >> 1));
      counts->impossible++;
      continue;
    }
    const tenancy_cost expected = tenancy_evaluate(&problem, &after);
    if (expected > 0) assert_false(tenancy_timeline_try(&timeline, &move, expected - 1));
    assert_true(tenancy_timeline_try(&timeline, &move, expected));
    assert_true(timeline.tried_cost == expected);
    assert_true(tenancy_timeline_try(&timeline, &move, ~(tenancy_cost)0 >> 1));
    assert_true(timeline.tried_cost == expected);
    counts->joined += timeline.branch[0].join != UINT64_MAX;
    if (expected > cost + cost / (1 + rng_below(rng, 20))) {
      counts->refused++;
      continue;
    }
    tenancy_timeline_take(&timeline);
    counts->allowed++;
    cost = expected;
    assert_true(timeline.cost == cost);
    tenancy_queues_copy(&problem, &after, &queues);
    tenancy_timeline_get(&timeline, &got);
    assert_int_equal(tenancy_compare(&problem, &queues, &got), 0);
  }
}

static void test_walks(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  struct arena arena;
  arena_init(&arena, 1 << 20);
  struct counts counts = {0};
  for (size_t i = 0; i < N_INSTANCES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 0, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    walk(&rng, 1 + rng_below(&rng, i % 4 == 0 ? 6 : 70), 1 + rng_below(&rng, 16), &arena, &counts);
    arena_rewind(&arena, mark);
  }
  arena_release(&arena);
  print_message("%zu moves taken, %zu refused, %zu impossible, %zu joined\n", counts.allowed, counts.refused,
                counts.impossible, counts.joined);
  assert_true(counts.allowed > 5000 && counts.refused > 1000 && counts.impossible > 1000 && counts.joined > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_walks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
