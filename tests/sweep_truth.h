/* What is the truth about a whole random space, for the tests of sweeps? Brute force that shares no code with the
 * library, and cases with designs that are known before. */
#ifndef TESTS_SWEEP_TRUTH_H
#define TESTS_SWEEP_TRUTH_H

#include "tests/sweep_words.h"
#include "tests/synthetic_space.h"

static const uint64_t seed = 2385;

enum { N_CASES = 360, MOST_POINTS = 900 };

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

static inline int compare_values(size_t objective, const struct record *a, const struct record *b) {
  const double x = a->score.objective[objective], y = b->score.objective[objective];
  if (x == y) return 0;
  return (x > y) == compared->objectives[objective].maximise ? -1 : 1;
}

/* Lower addresses are earlier points. */
static inline int compare_by_metric(const void *left, const void *right) {
  const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
  const int order = compare_values(compared->metric, a, b);
  return order != 0 ? order : a < b ? -1 : a > b;
}

static inline int compare_by_all(const void *left, const void *right) {
  const struct record *a = *(const struct record *const *)left, *b = *(const struct record *const *)right;
  for (size_t i = 0; i < compared->n_front_objectives; i++) {
    const int order = compare_values(space_front_objective(compared, i), a, b);
    if (order != 0) return order;
  }
  return 0;
}

static inline bool is_beaten_by(const struct record *mine, const struct record *other) {
  bool better = false;
  for (size_t i = 0; i < compared->n_front_objectives; i++) {
    const int order = compare_values(space_front_objective(compared, i), other, mine);
    if (order > 0) return false;
    better = better || order < 0;
  }
  return better || other < mine; /* of equals the first counts */
}

static inline void count_limits(struct truth *truth, const struct synthetic *synthetic, const struct point *point) {
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

static inline void find_truth(struct truth *truth, struct synthetic *synthetic, struct arena *arena) {
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

static inline void draw(struct drawn *drawn, uint64_t task) {
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

static inline struct knowledge begin_knowledge(const struct drawn *drawn, struct arena *arena) {
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

static inline void learn(struct knowledge *knowledge, const struct sweep *sweep) {
  topk_merge(knowledge->topk, sweep_topk(sweep));
  pareto_merge(knowledge->front, sweep_front(sweep));
}

static inline struct sweep *new_sweep(const struct drawn *drawn, const struct sweep_settings *settings,
                                      const struct knowledge *knowledge, struct arena *arena) {
  const struct sweep_known known = {knowledge->topk, knowledge->front, knowledge->evaluated, NULL, NULL};
  return sweep_new(&drawn->synthetic->space, settings, &known, drawn->top_k, arena);
}

static inline struct sweep_settings draw_settings(struct rng *rng) {
  return (struct sweep_settings){.block = 1 + rng_below(rng, rng_below(rng, 3) == 0 ? 400 : 30),
                                 .blocks_per_round = 1 + rng_below(rng, 12),
                                 .prune = rng_below(rng, 4) > 0,
                                 .front = true};
}

static inline size_t round_points(const struct drawn *drawn, const struct sweep_settings *settings, size_t done) {
  const size_t whole = settings->block * settings->blocks_per_round, left = drawn->truth.n - done;
  return whole < left ? whole : left;
}

static inline void fold_blocks(struct sweep *sweep, const struct sweep_settings *settings, size_t n_points) {
  for (size_t first = 0; first < n_points; first += settings->block) {
    sweep_fold(sweep, first, first + settings->block < n_points ? first + settings->block : n_points);
  }
}

static inline void check_topk(const struct drawn *drawn, const struct topk *topk) {
  const struct truth *truth = &drawn->truth;
  assert_int_equal(topk_count(topk), drawn->top_k < truth->n_feasible ? drawn->top_k : truth->n_feasible);
  for (size_t i = 0; i < topk_count(topk); i++) {
    assert_memory_equal(topk_at(topk, i), truth->best[i], sizeof(struct record));
  }
}

static inline void check_front(const struct truth *truth, const struct pareto *front) {
  assert_int_equal(pareto_count(front), truth->n_front);
  for (size_t i = 0; i < truth->n_front; i++) {
    assert_memory_equal(pareto_at(front, i), truth->front[i], sizeof(struct record));
  }
}

#endif
