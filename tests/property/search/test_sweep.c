/* Is what a sweep keeps the truth about the whole space, whoever folds which block when?
 *
 * Random spaces (tests/synthetic_space.h) with two to four objectives, ties, holes, limits, bounds that are exact,
 * loose or silent, and designs known before. Top-k, front and every counter are compared with brute force that shares
 * no code with the library, and any split of a round into ranks, orders and trees of merges must pack the same words.
 * Left out: words that no sweep packed (test_sweep_words.c), and messages between real ranks (tests/mpi/sweep.sh). */
#include "search/space/sweep.h"

#include "tests/synthetic_space.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 360, MOST_POINTS = 900, MOST_RANKS = 6, COUNT_WORDS = sizeof(struct sweep_counts) / sizeof(uint64_t) };

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

struct truth {
  const struct space *space;
  size_t n, n_feasible, n_front;
  struct record *records;       /* of every point, in order, without advice */
  const struct record **best;   /* the feasible ones, best first */
  const struct record **front;  /* in the front's order */
  struct exclusions exclusions; /* of all points that the screen excludes */
  uint64_t n_allowed;
};

static const struct space *compared; /* qsort passes no context */

static int compare_values(size_t objective, const struct record *a, const struct record *b) {
  const double x = a->score.objective[objective], y = b->score.objective[objective];
  if (x == y) return 0;
  return (x > y) == compared->objectives[objective].maximise ? -1 : 1;
}

/* Lower addresses are earlier points. */
static int compare_by_metric(const void *left, const void *right) {
  const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
  const int order = compare_values(compared->metric, a, b);
  return order != 0 ? order : a < b ? -1 : a > b;
}

static int compare_by_all(const void *left, const void *right) {
  const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
  for (size_t i = 0; i < compared->n_front_objectives; i++) {
    const int order = compare_values(space_front_objective(compared, i), a, b);
    if (order != 0) return order;
  }
  return 0;
}

static bool is_beaten_by(const struct record *mine, const struct record *other) {
  bool better = false;
  for (size_t i = 0; i < compared->n_front_objectives; i++) {
    const int order = compare_values(space_front_objective(compared, i), other, mine);
    if (order > 0) return false;
    better = better || order < 0;
  }
  return better || other < mine; /* of equals the first counts */
}

static void count_limits(struct truth *truth, const struct synthetic *synthetic, const struct point *point) {
  struct exclusions *exclusions = &truth->exclusions;
  const double over[N_SYNTHETIC_REASONS] = {
      [REASON_BUDGET] = synthetic_cost(synthetic, point) - synthetic->budget,
      [REASON_MASS] = synthetic_mass(synthetic, point) - synthetic->most_mass,
  };
  const bool both = over[REASON_BUDGET] > 0 && over[REASON_MASS] > 0;
  if (!(over[REASON_BUDGET] > 0) && !(over[REASON_MASS] > 0)) {
    truth->n_allowed++;
    return;
  }
  for (size_t r = REASON_BUDGET; r <= REASON_MASS; r++) {
    /* Without excesses the screen's own word is all that is known: the first limit broken. */
    const bool is_known = truth->space->excesses != NULL || r == REASON_BUDGET || !(over[REASON_BUDGET] > 0);
    if (!(over[r] > 0) || !is_known) continue;
    exclusions->n[r]++;
    exclusions->alone[r] += !both || truth->space->excesses == NULL;
    if (exclusions->nearest[r] < 0 || over[r] < exclusions->nearest[r]) exclusions->nearest[r] = over[r];
  }
}

static void find_truth(struct truth *truth, struct synthetic *synthetic, struct arena *arena) {
  const struct space *space = compared = &synthetic->space;
  const size_t n = (size_t)space_size(space);
  *truth = (struct truth){.space = space, .n = n};
  truth->records = ARENA_NEW(arena, struct record, n);
  truth->best = ARENA_NEW(arena, const struct record *, n);
  truth->front = ARENA_NEW(arena, const struct record *, n);
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) truth->exclusions.nearest[r] = -1;
  for (size_t i = 0; i < n; i++) {
    struct record *record = &truth->records[i];
    record->point = space_point(space, i);
    synthetic_judge(synthetic, &record->point, &record->score);
    memset(record->score.moves, 0, sizeof record->score.moves);
    record->score.n_moves = record->score.saturated = 0;
    if (record->score.reason == REASON_NONE) truth->best[truth->n_feasible++] = record;
    if (space->screen != NULL) count_limits(truth, synthetic, &record->point);
    if (space->screen == NULL) truth->n_allowed++;
  }
  for (size_t i = 0; i < truth->n_feasible; i++) {
    bool beaten = false;
    for (size_t j = 0; j < truth->n_feasible && !beaten; j++) {
      beaten = j != i && is_beaten_by(truth->best[i], truth->best[j]);
    }
    if (!beaten) truth->front[truth->n_front++] = truth->best[i];
  }
  qsort(truth->best, truth->n_feasible, sizeof *truth->best, compare_by_metric);
  qsort(truth->front, truth->n_front, sizeof *truth->front, compare_by_all);
}

/* --- a case ---------------------------------------------------------------------------------------------------------
 */

struct drawn {
  struct arena arena;
  struct synthetic *synthetic;
  struct truth truth;
  size_t top_k, n_known, front_objectives[SYNTHETIC_MOST_OBJECTIVES];
  size_t *known; /* numbers of points */
};

static void draw(struct drawn *drawn, uint64_t task) {
  arena_init(&drawn->arena, 1 << 18);
  drawn->synthetic = ARENA_NEW(&drawn->arena, struct synthetic, 1);
  synthetic_draw(drawn->synthetic, seed, task, MOST_POINTS);
  synthetic_draw_more(drawn->synthetic, seed, task);
  /* Half of the fronts are of any objectives in any order: so many steps from any to the next. */
  struct rng which = rng_stream(seed, RNG_TEST, 12, task);
  struct space *space = &drawn->synthetic->space;
  const size_t first = rng_below(&which, space->n_objectives);
  for (size_t i = 0; i < space->n_objectives; i++) {
    drawn->front_objectives[i] = (first + (space->n_objectives - 1) * i) % space->n_objectives;
  }
  if (task % 2 == 1) space->front_objectives = drawn->front_objectives;
  find_truth(&drawn->truth, drawn->synthetic, &drawn->arena);
  struct rng rng = rng_stream(seed, RNG_TEST, 11, task);
  drawn->top_k = rng_below(&rng, 4) == 0 ? rng_below(&rng, 2) : rng_below(&rng, 40);
  drawn->n_known = rng_below(&rng, 2) == 0 ? 0 : rng_below(&rng, 60);
  drawn->known = ARENA_NEW(&drawn->arena, size_t, drawn->n_known);
  for (size_t i = 0; i < drawn->n_known; i++) drawn->known[i] = rng_below(&rng, drawn->truth.n);
}

/* What a run knows, as rounds.c keeps it. */
struct knowledge {
  struct topk *topk;
  struct pareto *front;
  struct point_set *evaluated;
};

static struct knowledge begin_knowledge(const struct drawn *drawn, struct arena *arena) {
  const struct space *space = &drawn->synthetic->space;
  const struct knowledge knowledge = {
      topk_new(arena, &space->objectives[space->metric], space->metric, drawn->top_k),
      pareto_new_of(arena, space->objectives, space->front_objectives, space->n_front_objectives),
      point_set_new(arena)};
  for (size_t i = 0; i < drawn->n_known; i++) {
    const struct record *record = &drawn->truth.records[drawn->known[i]];
    point_set_add(knowledge.evaluated, &record->point);
    topk_add(knowledge.topk, record);
    pareto_add(knowledge.front, record);
  }
  return knowledge;
}

static void learn(struct knowledge *knowledge, const struct sweep *sweep) {
  topk_merge(knowledge->topk, sweep_topk(sweep));
  pareto_merge(knowledge->front, sweep_front(sweep));
}

static struct sweep *new_sweep(const struct drawn *drawn, const struct sweep_settings *settings,
                               const struct knowledge *knowledge, struct arena *arena) {
  const struct sweep_known known = {knowledge->topk, knowledge->front, knowledge->evaluated, NULL, NULL};
  return sweep_new(&drawn->synthetic->space, settings, &known, drawn->top_k, arena);
}

static struct sweep_settings draw_settings(struct rng *rng) {
  return (struct sweep_settings){.block = 1 + rng_below(rng, rng_below(rng, 3) == 0 ? 400 : 30),
                                 .blocks_per_round = 1 + rng_below(rng, 12),
                                 .prune = rng_below(rng, 4) > 0,
                                 .front = true};
}

static size_t round_points(const struct drawn *drawn, const struct sweep_settings *settings, size_t done) {
  const size_t whole = settings->block * settings->blocks_per_round, left = drawn->truth.n - done;
  return whole < left ? whole : left;
}

static void fold_blocks(struct sweep *sweep, const struct sweep_settings *settings, size_t n_points) {
  for (size_t first = 0; first < n_points; first += settings->block) {
    sweep_fold(sweep, first, first + settings->block < n_points ? first + settings->block : n_points);
  }
}

/* --- the answer is that of brute force ------------------------------------------------------------------------------
 */

static void check_topk(const struct drawn *drawn, const struct topk *topk) {
  const struct truth *truth = &drawn->truth;
  assert_int_equal(topk_count(topk), drawn->top_k < truth->n_feasible ? drawn->top_k : truth->n_feasible);
  for (size_t i = 0; i < topk_count(topk); i++) {
    assert_memory_equal(topk_at(topk, i), truth->best[i], sizeof(struct record));
  }
}

static void check_front(const struct truth *truth, const struct pareto *front) {
  assert_int_equal(pareto_count(front), truth->n_front);
  for (size_t i = 0; i < truth->n_front; i++) {
    assert_memory_equal(pareto_at(front, i), truth->front[i], sizeof(struct record));
  }
}

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

/* --- who folds what, and who merges whom when, does not show --------------------------------------------------------
 */

struct words {
  uint64_t *at;
  size_t n;
};

static struct words packed(struct sweep *sweep, struct arena *arena) {
  struct words words;
  const uint64_t *at = sweep_pack(sweep, &words.n);
  words.at = ARENA_NEW(arena, uint64_t, words.n);
  memcpy(words.at, at, words.n * sizeof *words.at);
  return words;
}

static void check_same(struct words a, struct words b) {
  assert_int_equal(a.n, b.n);
  assert_memory_equal(a.at, b.at, a.n * sizeof *a.at);
}

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
      cmocka_unit_test(any_split_packs_the_same_words),
      cmocka_unit_test(an_interrupted_fold_ends_at_once),
      cmocka_unit_test(offsets_reach_the_last_point),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
