/* Is what a sweep keeps the truth about the whole space?
 *
 * Random spaces (tests/synthetic_space.h) with two to four objectives, ties, holes, limits, bounds that are exact,
 * loose or silent, and designs known before. Top-k, front and every counter are compared with brute force
 * (tests/sweep_truth.h). Left out: rounds split over ranks (test_sweep_split.c), words that no sweep packed
 * (test_sweep_words.c), and messages between real ranks (tests/mpi/sweep.sh). */
#include "tests/sweep_truth.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- the answer is that of brute force ------------------------------------------------------------------------------
 */

static bool is_known(const struct drawn *drawn, size_t index) {
  for (size_t k = 0; k < drawn->n_known; k++) {
    if (drawn->known[k] == index) return true;
  }
  return false;
}

/* Known before, and allowed: the same point counts once. */
static uint64_t count_known(const struct drawn *drawn) {
  uint64_t n = 0;
  for (size_t i = 0; i < drawn->truth.n; i++) {
    struct score score = {0};
    if (!is_known(drawn, i)) continue;
    const bool has_screen = drawn->synthetic->space.screen != NULL;
    n += !has_screen || synthetic_within_limits(drawn->synthetic, &drawn->truth.records[i].point, &score);
  }
  return n;
}

static void check_exclusions(const struct exclusions *mine, const struct exclusions *swept) {
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) {
    assert_int_equal(swept->n[r], mine->n[r]);
    assert_int_equal(swept->alone[r], mine->alone[r]);
    assert_true(swept->nearest[r] == mine->nearest[r]);
  }
}

/* A space that notes who is evaluated. */
struct watched {
  const struct drawn *drawn;
  uint64_t n_evaluated, n_feasible, n_reason[SPACE_MAX_REASONS];
  bool *is_evaluated;
};

static void watch(void *context, const struct point *point, struct score *score) {
  struct watched *watched = context;
  const size_t index = space_index(&watched->drawn->synthetic->space, point);
  assert_true(index < watched->drawn->truth.n);
  assert_false(watched->is_evaluated[index]);
  assert_false(is_known(watched->drawn, index));
  watched->is_evaluated[index] = true;
  synthetic_judge(watched->drawn->synthetic, point, score);
  watched->n_evaluated++;
  watched->n_feasible += score->reason == REASON_NONE;
  watched->n_reason[score->reason]++;
}
static void watch_screen(void *context, const struct point *point, struct score *score) {
  synthetic_screen(((struct watched *)context)->drawn->synthetic, point, score);
}
static void watch_excesses(void *context, const struct point *point, const struct score *screened, double *excess) {
  synthetic_excesses(((struct watched *)context)->drawn->synthetic, point, screened, excess);
}

struct totals {
  uint64_t pruned, evaluated, allowed, known, ties;
};

static void check_counts(const struct watched *watched, const struct sweep_settings *settings,
                         const struct sweep_counts *counts) {
  const struct truth *truth = &watched->drawn->truth;
  assert_int_equal(counts->visited, truth->n);
  assert_int_equal(counts->allowed, truth->n_allowed);
  assert_int_equal(counts->known, count_known(watched->drawn));
  assert_int_equal(counts->evaluated, watched->n_evaluated);
  assert_int_equal(counts->feasible, watched->n_feasible);
  assert_int_equal(counts->known + counts->pruned + counts->evaluated, counts->allowed);
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) assert_int_equal(counts->reasons[r], watched->n_reason[r]);
  if (!settings->prune || truth->space->screen == NULL) assert_int_equal(counts->pruned, 0);
  check_exclusions(&truth->exclusions, &counts->exclusions);
}

static void add_counts(struct sweep_counts *total, const struct sweep_counts *counts) {
  const struct sweep_counts before = *total;
  const uint64_t *from = (const uint64_t *)counts;
  for (size_t w = 0; w < COUNT_WORDS; w++) ((uint64_t *)total)[w] += from[w];
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) { /* the only words that are no counts */
    const double a = before.exclusions.nearest[r], b = counts->exclusions.nearest[r];
    total->exclusions.nearest[r] = a < 0 ? b : b < 0 ? a : fmin(a, b);
  }
}

static void sweep_once(const struct drawn *drawn, const struct sweep_settings *settings, struct totals *totals) {
  struct arena arena;
  arena_init(&arena, 1 << 18);
  struct watched watched = {.drawn = drawn, .is_evaluated = ARENA_NEW(&arena, bool, drawn->truth.n)};
  struct space space = drawn->synthetic->space;
  space.context = &watched;
  space.evaluate = watch;
  if (space.screen != NULL) space.screen = watch_screen;
  if (space.excesses != NULL) space.excesses = watch_excesses;
  struct knowledge knowledge = begin_knowledge(drawn, &arena);
  const struct sweep_known known = {knowledge.topk, knowledge.front, knowledge.evaluated, NULL, NULL};
  struct sweep *sweep = sweep_new(&space, settings, &known, drawn->top_k, &arena);
  struct sweep_counts counts;
  memset(&counts, 0, sizeof counts);
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) counts.exclusions.nearest[r] = -1;
  for (size_t done = 0; done < drawn->truth.n;) {
    const size_t n_points = round_points(drawn, settings, done);
    sweep_set_offset(sweep, done);
    sweep_clear(sweep);
    fold_blocks(sweep, settings, n_points);
    assert_int_equal(sweep_counts(sweep)->visited, n_points);
    add_counts(&counts, sweep_counts(sweep));
    learn(&knowledge, sweep);
    done += n_points;
  }
  check_topk(drawn, knowledge.topk);
  if (settings->front) check_front(&drawn->truth, knowledge.front);
  check_counts(&watched, settings, &counts);
  totals->pruned += counts.pruned;
  totals->evaluated += counts.evaluated;
  totals->allowed += counts.allowed;
  totals->known += counts.known;
  arena_release(&arena);
}

/* How often does the last place of the list go by point alone? */
static bool is_tied(const struct drawn *drawn) {
  const struct truth *truth = &drawn->truth;
  if (drawn->top_k == 0 || drawn->top_k >= truth->n_feasible) return false;
  return compare_values(truth->space->metric, truth->best[drawn->top_k - 1], truth->best[drawn->top_k]) == 0;
}

static void sweeps_tell_the_truth(void **state) {
  (void)state;
  print_message("seed %" PRIu64 ", %d spaces\n", seed, N_CASES);
  struct totals pruning = {0}, plain = {0}, best_only = {0};
  uint64_t n_excluded = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct drawn drawn;
    draw(&drawn, task);
    struct rng rng = rng_stream(seed, RNG_TEST, 12, task);
    struct sweep_settings settings = draw_settings(&rng);
    settings.prune = true;
    sweep_once(&drawn, &settings, &pruning);
    settings.front = false; /* designs that are among the best alone: no promise for the front */
    sweep_once(&drawn, &settings, &best_only);
    settings = draw_settings(&rng); /* other blocks, other rounds: the same answer */
    sweep_once(&drawn, &settings, settings.prune ? &pruning : &plain);
    settings.prune = false;
    sweep_once(&drawn, &settings, &plain);
    pruning.ties += is_tied(&drawn);
    n_excluded += drawn.truth.n - drawn.truth.n_allowed;
    arena_release(&drawn.arena);
  }
  print_message("pruned %" PRIu64 " of %" PRIu64 " (%" PRIu64 " of %" PRIu64 " for the best alone), %" PRIu64
                " known, %" PRIu64 " excluded, %" PRIu64 " lists with a tie at their end\n",
                pruning.pruned, pruning.allowed, best_only.pruned, best_only.allowed, pruning.known, n_excluded,
                pruning.ties);
  /* Else the spaces are too tame for this test. */
  assert_true(pruning.pruned > pruning.allowed / 10 && best_only.pruned > best_only.allowed / 4);
  assert_true(pruning.known > 1000 && n_excluded > 10000 && pruning.ties > N_CASES / 20 && plain.evaluated > 0);
}

/* --- an interruption ------------------------------------------------------------------------------------------------
 */

static bool after_some(void *context) {
  const struct synthetic *synthetic = context;
  return synthetic->n_evaluated >= 3;
}

static void an_interrupted_fold_ends_at_once(void **state) {
  (void)state;
  unsigned n_interrupted = 0;
  for (uint64_t task = 0; task < 40; task++) {
    struct drawn drawn;
    draw(&drawn, task);
    const struct sweep_settings settings = {.block = MOST_POINTS, .blocks_per_round = 1, .prune = true, .front = true};
    const struct knowledge knowledge = begin_knowledge(&drawn, &drawn.arena);
    const struct sweep_known known = {knowledge.topk, knowledge.front, knowledge.evaluated, after_some,
                                      drawn.synthetic};
    struct sweep *sweep = sweep_new(&drawn.synthetic->space, &settings, &known, drawn.top_k, &drawn.arena);
    struct sweep *other = new_sweep(&drawn, &settings, &knowledge, &drawn.arena);
    sweep_fold(other, 0, drawn.truth.n);
    const bool has_more = sweep_counts(other)->evaluated > 3;
    drawn.synthetic->n_evaluated = 0;
    sweep_fold(sweep, 0, drawn.truth.n);
    assert_int_equal(drawn.synthetic->n_evaluated, has_more ? 3 : sweep_counts(other)->evaluated);
    n_interrupted += has_more;
    drawn.synthetic->n_evaluated = 0; /* what was thrown away does not show */
    sweep_clear(sweep);
    sweep_fold(sweep, 0, 0);
    size_t n;
    const uint64_t *words = sweep_pack(sweep, &n);
    assert_true(sweep_check(sweep, words, n, 0));
    arena_release(&drawn.arena);
  }
  assert_true(n_interrupted > 20);
}

/* --- the end of a space that no counter of 32 bits holds ------------------------------------------------------------
 */

static void offsets_reach_the_last_point(void **state) {
  (void)state;
  struct drawn drawn;
  draw(&drawn, 7);
  struct space *space = &drawn.synthetic->space;
  space->n_axes = 4;
  for (size_t a = 0; a < 4; a++) drawn.synthetic->axes[a].n = UINT16_MAX;
  space->screen = NULL;
  drawn.synthetic->budget = drawn.synthetic->most_mass = (double)INFINITY;
  drawn.synthetic->holes_of_16 = 0;
  drawn.n_known = 0;
  drawn.top_k = 37;
  const uint64_t n = space_size(space), last = 17;
  const struct sweep_settings settings = {.block = 5, .blocks_per_round = 4};
  const struct knowledge knowledge = begin_knowledge(&drawn, &drawn.arena);
  struct sweep *sweep = new_sweep(&drawn, &settings, &knowledge, &drawn.arena);
  sweep_set_offset(sweep, n - last);
  fold_blocks(sweep, &settings, last);
  assert_int_equal(topk_count(sweep_topk(sweep)), last); /* there is room for all of them */
  bool is_there[17] = {false};
  for (size_t i = 0; i < last; i++) {
    const uint64_t index = space_index(space, &topk_at(sweep_topk(sweep), i)->point);
    assert_true(index >= n - last && !is_there[index - (n - last)]);
    is_there[index - (n - last)] = true;
  }
  arena_release(&drawn.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sweeps_tell_the_truth),
      cmocka_unit_test(an_interrupted_fold_ends_at_once),
      cmocka_unit_test(offsets_reach_the_last_point),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
