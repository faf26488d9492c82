/* Do the runs that visit every design see what is there? Exhaustive runs and sweeps against the truth of
 * tests/tried_spaces.h: the same top-k, the same front, the same counts, with and without pruning. */
#include "tests/tried_spaces.h"

/* --- an exhaustive run ----------------------------------------------------------------------------------------------
 */

/* The same but for advice, which a sweep does not keep. */
static void check_same_record(const struct record *mine, const struct record *other) {
  struct record a = *mine, b = *other;
  memset(a.score.moves, 0, sizeof a.score.moves);
  memset(b.score.moves, 0, sizeof b.score.moves);
  a.score.n_moves = b.score.n_moves = a.score.saturated = b.score.saturated = 0;
  assert_memory_equal(&a, &b, sizeof a);
}

/* Every kept design is feasible, and has exactly its place's number of designs before it. */
static void check_topk(const struct space *space, const struct truth *truth, const struct topk *topk) {
  for (size_t k = 0; k < topk_count(topk); k++) {
    const struct record *record = topk_at(topk, k);
    size_t n_before = 0;
    for (uint64_t i = 0; i < truth->n; i++) {
      n_before += record_compare(&space->objectives[space->metric], space->metric, &truth->records[i], record) < 0;
    }
    assert_int_equal(n_before, k);
    assert_int_equal(record->score.reason, REASON_NONE);
    check_same_record(record, &truth->records[space_index(space, &record->point)]);
  }
}

static void check_exhaustive(struct run *run, uint64_t task, struct arena *arena) {
  const struct space *space = &run->designs.space;
  struct truth truth;
  find_truth(run, task, &truth, arena);
  struct rounds rounds;
  struct proof proof;
  rounds_init(&rounds, run->invocation->cluster, &run->designs, NULL, arena);
  search(&rounds, run, "exhaustive", UINT64_MAX);
  assert_int_equal(rounds.evaluations, truth.n);
  uint64_t n_reason[N_REASONS] = {0};
  for (uint64_t i = 0; i < truth.n; i++) n_reason[truth.records[i].score.reason]++;
  for (size_t r = 0; r < N_REASONS; r++) assert_int_equal(rounds.reason_count[r], n_reason[r]);
  assert_int_equal(rounds.feasible, n_reason[REASON_NONE]);
  const uint64_t top_k = run->settings.search.top_k;
  assert_int_equal(topk_count(rounds.topk), min_u64(top_k, n_reason[REASON_NONE]));
  check_topk(space, &truth, rounds.topk);
  check_front(space, &truth, rounds.front);
  for (size_t i = 0; i < pareto_count(rounds.front); i++) {
    const struct found *found = rounds_found(&rounds, &pareto_at(rounds.front, i)->point);
    assert_non_null(found);
    assert_int_equal(found->evaluation, space_index(space, &pareto_at(rounds.front, i)->point) + 1);
  }
  close_gap(&rounds, run, MOST_POINTS, &proof); /* nothing is left to evaluate */
  assert_int_equal(proof.evaluated, 0);
  assert_int_equal(proof.optimal, n_reason[REASON_NONE] > 0);
  check_counts(&truth, &proof);
}

static void exhaustive_runs_see_everything(void **state) {
  struct cluster *cluster = *state;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct run *run = case_run(draw_text(task, &arena), cluster, &arena, &scratch);
    static const size_t metrics[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_ENERGY, OBJECTIVE_AREA, OBJECTIVE_EDP};
    case_set_metric(run, metrics[task % (sizeof metrics / sizeof *metrics)]);
    check_exhaustive(run, task, &arena);
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
}

/* --- a sweep --------------------------------------------------------------------------------------------------------
 */

static void draw_sweep(struct run *run, struct rng *rng) {
  const struct sweep_settings settings = {.block = 1 + rng_below(rng, 40),
                                          .blocks_per_round = 1 + rng_below(rng, 9),
                                          .first_evaluations = rng_below(rng, 2) == 0 ? 0 : rng_below(rng, 60),
                                          .prune = rng_below(rng, 4) > 0,
                                          .front = true};
  for (size_t i = 0; i < n_search_algorithms; i++) {
    if (search_algorithms[i]->folds) memcpy(((void **)run->settings.algorithms)[i], &settings, sizeof settings);
  }
  run->settings.search.score = rng_below(rng, 3) == 0 ? SCORE_BOUND : SCORE_SCHEDULE;
}

/* Top-k, front, counts and when each was found: those of the whole space. Returns how many designs were left out. */
static uint64_t check_sweep(struct run *run, uint64_t task, struct arena *arena) {
  const struct space *space = &run->designs.space;
  struct truth truth;
  find_truth(run, task, &truth, arena);
  uint64_t n_feasible = 0;
  for (uint64_t i = 0; i < truth.n; i++) n_feasible += truth.records[i].score.reason == REASON_NONE;
  struct rounds rounds;
  struct proof proof;
  rounds_init(&rounds, run->invocation->cluster, &run->designs, NULL, arena);
  search(&rounds, run, "sweep", 1); /* a sweep has no budget */
  assert_false(rounds.stopped);
  const struct sweep_counts *swept = rounds.swept;
  assert_int_equal(swept->visited, truth.n);
  assert_int_equal(swept->allowed, truth.allowed);
  assert_int_equal(swept->known + swept->pruned + swept->evaluated, swept->allowed);
  assert_int_equal(swept->evaluated + point_set_count(rounds.evaluated), rounds.evaluations);
  assert_true(rounds.feasible <= n_feasible && rounds.feasible + swept->pruned >= n_feasible);
  assert_int_equal(topk_count(rounds.topk), min_u64(run->settings.search.top_k, n_feasible));
  check_topk(space, &truth, rounds.topk);
  for (size_t k = 0; k < topk_count(rounds.topk); k++) {
    assert_non_null(rounds_found(&rounds, &topk_at(rounds.topk, k)->point));
  }
  check_front(space, &truth, rounds.front);
  for (size_t i = 0; i < pareto_count(rounds.front); i++) {
    const struct found *found = rounds_found(&rounds, &pareto_at(rounds.front, i)->point);
    assert_non_null(found);
    const bool before = point_set_has(rounds.evaluated, &pareto_at(rounds.front, i)->point);
    assert_string_equal(found->by, before ? "guided" : "sweep");
    assert_true(found->evaluation <= rounds.evaluations);
  }
  close_gap(&rounds, run, MOST_POINTS, &proof); /* nothing is left to evaluate */
  assert_int_equal(proof.evaluated, 0);
  assert_int_equal(proof.optimal, n_feasible > 0);
  assert_int_equal(proof.pruned, swept->pruned);
  assert_true(proof.front_complete && proof.open == 0 && proof.gap == 0);
  if (n_feasible > 0) assert_true(proof.bound == topk_at(rounds.topk, 0)->score.objective[space->metric]);
  check_counts(&truth, &proof);
  return swept->pruned;
}

static void sweeps_leave_nothing_out_that_counts(void **state) {
  struct cluster *cluster = *state;
  uint64_t n_pruned = 0, n_bounds = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct run *run = case_run(draw_text(task, &arena), cluster, &arena, &scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, task);
    static const size_t metrics[] = {OBJECTIVE_THROUGHPUT, OBJECTIVE_ENERGY, OBJECTIVE_AREA, OBJECTIVE_EDP};
    case_set_metric(run, metrics[rng_below(&rng, sizeof metrics / sizeof *metrics)]);
    draw_sweep(run, &rng);
    n_bounds += run->settings.search.score == SCORE_BOUND;
    n_pruned += check_sweep(run, task, &arena);
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
  print_message("%" PRIu64 " designs left out, %" PRIu64 " runs of bounds\n", n_pruned, n_bounds);
  assert_true(n_pruned > 500 && n_bounds > 5 && n_bounds < N_CASES - 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exhaustive_runs_see_everything),
      cmocka_unit_test(sweeps_leave_nothing_out_that_counts),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
