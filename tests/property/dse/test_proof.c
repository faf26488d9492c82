/* Is what is called proven true? On small random spaces of real networks everything is tried, one design after the
 * other, by the test itself (tests/tried_spaces.h); proofs must agree with that for every metric, after any search and
 * with any budget.
 *
 * Left out: ties of the metric, where a proof may name another design of the same worth (prove.h asks for no better
 * metric, not for the first point). */
#include "tests/tried_spaces.h"

static bool best_of(const struct rounds *rounds, double *best) {
  if (topk_count(rounds->topk) == 0) return false;
  *best = topk_at(rounds->topk, 0)->score.objective[rounds->designs->space.metric];
  return true;
}

/* What holds of every proof, closed or not. */
static void check_sound(const struct run *run, const struct truth *truth, const struct rounds *rounds,
                        const struct proof *proof) {
  const struct space *space = &run->designs.space;
  double best = 0, found = 0;
  const bool any = true_best(run, truth, &best), has_found = best_of(rounds, &found);
  check_counts(truth, proof);
  assert_true(!has_found || any);
  if (any) assert_false(space_better(space, best, proof->bound));
  if (has_found) {
    assert_false(space_better(space, found, best));
    assert_false(space_better(space, found, proof->bound));
    assert_true(proof->gap >= 0 && proof->gap <= 1);
    assert_true(fabs(best - found) / fmax(fabs(best), fabs(found)) <= proof->gap * (1 + 1e-12));
  }
  if (any && !has_found) assert_true(proof->gap > 0);
  assert_int_equal(proof->optimal, has_found && found == proof->bound);
  uint64_t n_allowed = 0; /* of the evaluated */
  for (uint64_t i = 0; i < truth->n; i++) {
    double excess[N_REASONS];
    if (!point_set_has(rounds->evaluated, &truth->records[i].point)) continue;
    judge(run, &truth->wishes, &truth->records[i].point, excess);
    bool allowed = true;
    for (size_t r = 0; r < N_REASONS; r++) allowed = allowed && excess[r] < 0;
    n_allowed += allowed;
  }
  assert_int_equal(proof->pruned + proof->open + n_allowed, proof->allowed);
  if (proof->front_complete) check_front(space, truth, rounds->front);
}

/* One metric: by proof alone; from a search; with budgets too small. */
static void check_metric(struct run *run, const struct truth *truth, struct rng *rng, uint64_t *n_open) {
  struct cluster *cluster = run->invocation->cluster;
  struct arena *arena = run->invocation->arena;
  static const char *const before[] = {NULL, "guided", "random"};
  double best = 0;
  const bool any = true_best(run, truth, &best);
  for (size_t b = 0; b < sizeof before / sizeof *before; b++) {
    struct rounds rounds;
    struct proof proof;
    rounds_init(&rounds, cluster, &run->designs, NULL, arena);
    if (before[b] != NULL) search(&rounds, run, before[b], 1 + rng_below(rng, 30));
    const uint64_t budgets[] = {0, 1 + rng_below(rng, 8), MOST_POINTS};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
      close_gap(&rounds, run, budgets[i], &proof);
      check_sound(run, truth, &rounds, &proof);
      *n_open += !proof.optimal;
    }
    double found = 0;
    assert_int_equal(best_of(&rounds, &found), any);
    assert_int_equal(proof.optimal, any);
    assert_int_equal(proof.open, 0);
    assert_int_equal(proof.front_complete, run->settings.search.prove_front);
    if (any) assert_true(found == best && proof.bound == best && proof.gap == 0);
  }
}

static void proofs_are_true(void **state) {
  struct cluster *cluster = *state;
  print_message("seed %" PRIu64 "\n", seed);
  uint64_t n_open = 0, n_feasible = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct arena arena, scratch;
    arena_init(&arena, 1 << 20);
    arena_init(&scratch, 1 << 20);
    struct run *run = case_run(draw_text(task, &arena), cluster, &arena, &scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    struct truth truth;
    find_truth(run, task, &truth, &arena);
    for (size_t metric = 0; metric < N_OBJECTIVES; metric++) {
      if (!case_has_metric(run, metric)) continue;
      case_set_metric(run, metric);
      check_metric(run, &truth, &rng, &n_open);
    }
    double best;
    const bool any = true_best(run, &truth, &best);
    print_message("%s %" PRIu64 " points, %" PRIu64 " allowed%s\n", workloads[task % N_WORKLOADS], truth.n,
                  truth.allowed, any ? "" : ", none feasible");
    n_feasible += any;
    run_release(run);
    arena_release(&arena);
    arena_release(&scratch);
  }
  assert_true(n_open > 0 && n_feasible > N_CASES / 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(proofs_are_true),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
