/* Does it show who folds which block when? Any split of a round into ranks, orders and trees of merges must pack the
 * same words, on the random spaces of tests/sweep_truth.h, and their answer is that of brute force. */
#include "tests/sweep_truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST_RANKS = 6 };

/* Blocks go to random ranks in random order; then two at a time, any into any, until one is left. */
static struct words fold_in_parts(struct sweep **ranks, size_t n_ranks, const struct sweep_settings *settings,
                                  size_t n_points, struct rng *rng, struct arena *arena) {
  const size_t n_blocks = (n_points + settings->block - 1) / settings->block;
  size_t *order = ARENA_NEW(arena, size_t, n_blocks);
  for (size_t b = 0; b < n_blocks; b++) {
    const size_t place = rng_below(rng, b + 1);
    order[b] = order[place];
    order[place] = b;
  }
  for (size_t r = 0; r < n_ranks; r++) sweep_clear(ranks[r]);
  for (size_t b = 0; b < n_blocks; b++) {
    const size_t first = order[b] * settings->block, end = first + settings->block;
    sweep_fold(ranks[rng_below(rng, n_ranks)], first, end < n_points ? end : n_points);
  }
  struct sweep *left[MOST_RANKS];
  memcpy(left, ranks, n_ranks * sizeof(struct sweep *));
  for (; n_ranks > 1; n_ranks--) {
    const size_t from = rng_below(rng, n_ranks), into = (from + 1 + rng_below(rng, n_ranks - 1)) % n_ranks;
    const struct words words = packed(left[from], arena);
    sweep_merge(left[into], words.at, words.n);
    left[from] = left[n_ranks - 1];
  }
  return packed(left[0], arena);
}

static void check_round(struct sweep **ranks, const struct sweep_settings *settings, size_t n_points, struct rng *rng,
                        struct arena *arena) {
  sweep_clear(ranks[0]);
  fold_blocks(ranks[0], settings, n_points);
  const struct words whole = packed(ranks[0], arena);
  for (size_t repeat = 0; repeat < 2; repeat++) {
    const size_t n_ranks = 1 + rng_below(rng, MOST_RANKS);
    check_same(fold_in_parts(ranks, n_ranks, settings, n_points, rng, arena), whole);
  }
  /* Out of a journal: the same words again, on every rank; and nothing is the neutral element. */
  struct sweep *other = ranks[MOST_RANKS - 1];
  sweep_clear(other);
  const struct words nothing = packed(other, arena);
  assert_true(sweep_check(other, nothing.at, nothing.n, 0));
  sweep_merge(other, whole.at, whole.n);
  sweep_merge(other, nothing.at, nothing.n);
  check_same(packed(other, arena), whole);
  assert_true(sweep_check(other, whole.at, whole.n, n_points));
}

/* What is packed, sent and journaled is no more than what may change the answer. */
static void check_candidates(const struct drawn *drawn, const struct knowledge *knowledge, const struct sweep *sweep) {
  const size_t metric = drawn->synthetic->space.metric;
  for (size_t i = 0; i < topk_count(sweep_topk(sweep)); i++) {
    const struct record *record = topk_at(sweep_topk(sweep), i);
    assert_true(topk_admits(knowledge->topk, record->score.objective[metric], &record->point));
  }
  for (size_t i = 0; i < pareto_count(sweep_front(sweep)); i++) {
    const struct record *record = pareto_at(sweep_front(sweep), i);
    assert_false(pareto_covers(knowledge->front, record->score.objective, &record->point));
  }
}

static void any_split_packs_the_same_words(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct drawn drawn;
    draw(&drawn, task);
    struct rng rng = rng_stream(seed, RNG_TEST, 13, task);
    const struct sweep_settings settings = draw_settings(&rng);
    struct knowledge knowledge = begin_knowledge(&drawn, &drawn.arena);
    struct sweep *ranks[MOST_RANKS];
    for (size_t r = 0; r < MOST_RANKS; r++) ranks[r] = new_sweep(&drawn, &settings, &knowledge, &drawn.arena);
    for (size_t done = 0; done < drawn.truth.n;) {
      const size_t n_points = round_points(&drawn, &settings, done);
      struct arena arena;
      arena_init(&arena, 1 << 18);
      for (size_t r = 0; r < MOST_RANKS; r++) sweep_set_offset(ranks[r], done);
      check_round(ranks, &settings, n_points, &rng, &arena);
      check_candidates(&drawn, &knowledge, ranks[MOST_RANKS - 1]);
      learn(&knowledge, ranks[MOST_RANKS - 1]);
      done += n_points;
      arena_release(&arena);
    }
    check_topk(&drawn, knowledge.topk);
    check_front(&drawn.truth, knowledge.front);
    arena_release(&drawn.arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_split_packs_the_same_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
