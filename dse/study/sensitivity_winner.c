/* (c): does the winning design change if the constants are others? See sensitivity.h.
 *
 * Two passes over the same draws as `dse evaluate --uncertainty` makes. The first looks for each draw's best: the
 * nominal top-k, a guided search within the draw and, with search.prove, branch and bound that proves its best (up to
 * search.prove_evaluations; bounds of boxes are those of the draw). The second judges the nominal winner and the most
 * frequent winners in every draw; who beats a draw's best there takes its place. So no draw's best is worse than any
 * design of the table. */
#include "dse/study/sensitivity.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <inttypes.h>
#include <math.h>

#include <string.h>

struct winner_tasks {
  const struct sensitivity *sensitivity;
  enum drawn_limits limits;
  const double *factors;          /* [n_draws × constants] */
  const struct point *candidates; /* the nominal top-k; in the second pass, those of the table */
  size_t n_candidates;
};

static void open_draw(const struct winner_tasks *tasks, size_t draw, bool cache, struct drawn_space *drawn) {
  const struct sensitivity *sensitivity = tasks->sensitivity;
  drawn_space_init(drawn, &sensitivity->base, tasks->limits, tasks->factors + draw * uncertainty_n_constants(), cache,
                   sensitivity->run->invocation->scratch);
}

static void judge(const struct drawn_space *drawn, const struct point *point, struct record *record) {
  memset(record, 0, sizeof *record);
  record->point = *point;
  drawn->space.evaluate(drawn->space.context, &record->point, &record->score);
}

static bool is_better(const struct space *space, const struct record *a, const struct record *b) {
  return record_compare(&space->objectives[space->metric], space->metric, a, b) < 0;
}

/* --- the first pass: each draw's best -------------------------------------------------------------------------------
 */

struct best_of_draw {
  struct record record; /* infeasible: nothing fits */
  uint64_t evaluations, proven;
};

/* The guided search of a space, or the exact one behind it, all on this rank; true if it ended by itself. */
static bool search_space(const struct run *run, const struct space *space, bool prove, struct best_of_draw *best) {
  const struct search_algorithm *algorithm = search_algorithm_find(prove ? "exact" : "guided");
  struct arena *scratch = run->invocation->scratch;
  const struct run_search *settings = &run->settings.search;
  const uint64_t most = prove ? settings->prove_evaluations : settings->max_evaluations;
  const struct search_request request = {.space = space,
                                         .settings = run_algorithm_settings(&run->settings, algorithm),
                                         .seed = settings->seed,
                                         .round_size = settings->round_size,
                                         .top_k = 1,
                                         .arena = scratch};
  struct point *points = ARENA_NEW(scratch, struct point, settings->round_size);
  struct record *records = ARENA_NEW(scratch, struct record, settings->round_size);
  void *state = algorithm->start(&request);
  const uint64_t before = best->evaluations;
  if (prove) algorithm->tell(state, &best->record, 1); /* what need not be found again */
  for (uint64_t round = 0; best->evaluations - before < most; round++) {
    const size_t n = algorithm->ask(state, round, points);
    if (n == 0) return true;
    for (size_t i = 0; i < n; i++) {
      memset(&records[i], 0, sizeof records[i]);
      records[i].point = points[i];
      space->evaluate(space->context, &points[i], &records[i].score);
      if (is_better(space, &records[i], &best->record)) best->record = records[i];
    }
    best->evaluations += n;
    algorithm->tell(state, records, n);
  }
  return false;
}

static void find_best(void *context, size_t draw, void *out) {
  const struct winner_tasks *tasks = context;
  const struct run *run = tasks->sensitivity->run;
  struct best_of_draw *best = out;
  const struct arena_mark mark = arena_get_mark(run->invocation->scratch);
  struct drawn_space drawn;
  open_draw(tasks, draw, true, &drawn);
  for (size_t i = 0; i < tasks->n_candidates; i++) {
    struct record record;
    judge(&drawn, &tasks->candidates[i], &record);
    if (i == 0 || is_better(&drawn.space, &record, &best->record)) best->record = record;
  }
  best->evaluations = tasks->n_candidates;
  const struct run_search *settings = &run->settings.search;
  search_space(run, &drawn.space, false, best);
  best->proven = settings->prove && search_space(run, &drawn.space, true, best);
  drawn_space_release(&drawn);
  arena_rewind(run->invocation->scratch, mark);
}

/* --- the second pass: designs of the table in every draw ------------------------------------------------------------
 */

struct judged {
  double metric[SENSITIVITY_MAX_DESIGNS];
  uint16_t reason[SENSITIVITY_MAX_DESIGNS];
};

static void judge_all(void *context, size_t draw, void *out) {
  const struct winner_tasks *tasks = context;
  struct arena *scratch = tasks->sensitivity->run->invocation->scratch;
  struct judged *judged = out;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct drawn_space drawn;
  open_draw(tasks, draw, true, &drawn);
  for (size_t i = 0; i < tasks->n_candidates; i++) {
    struct record record;
    judge(&drawn, &tasks->candidates[i], &record);
    judged->metric[i] = record.score.objective[drawn.space.metric];
    judged->reason[i] = record.score.reason;
  }
  drawn_space_release(&drawn);
  arena_rewind(scratch, mark);
}

/* --- who won how often ----------------------------------------------------------------------------------------------
 */

struct tally {
  struct point point;
  uint64_t wins;
};

/* The nominal winner, then the draws' winners by frequency and point; returns how many. */
static size_t count_wins(const struct point *nominal, const struct best_of_draw *best, size_t n_draws,
                         struct tally *tally) {
  size_t n = 1;
  tally[0] = (struct tally){*nominal, 0};
  for (size_t d = 0; d < n_draws; d++) {
    if (best[d].record.score.reason != SCORE_FEASIBLE) continue;
    size_t i = 0;
    while (i < n && point_compare(&tally[i].point, &best[d].record.point) != 0) i++;
    if (i == n) tally[n++] = (struct tally){best[d].record.point, 0};
    tally[i].wins++;
  }
  for (size_t i = 2; i < n; i++) { /* behind the first, by insertion */
    const struct tally one = tally[i];
    size_t place = i;
    for (; place > 1; place--) {
      const struct tally *before = &tally[place - 1];
      const bool first =
          before->wins > one.wins || (before->wins == one.wins && point_compare(&before->point, &one.point) < 0);
      if (first) break;
      tally[place] = tally[place - 1];
    }
    tally[place] = one;
  }
  return n;
}

/* What keeping to `value` costs where `best` could be had, relative to `value`'s own kind: throughput lost, or energy
 * added. */
static double regret_of(const struct objective *metric, double best, double value) {
  if (metric->maximise) return best > 0 ? 1 - value / best : 0;
  return best > 0 ? value / best - 1 : 0;
}

static void sum_up(const struct winner_tasks *tasks, const struct best_of_draw *best, const struct judged *judged,
                   size_t i, struct sensitivity_design *design) {
  const struct sensitivity *sensitivity = tasks->sensitivity;
  const struct space *space = &sensitivity->run->designs.space;
  struct arena *scratch = sensitivity->run->invocation->scratch;
  const struct arena_mark mark = arena_get_mark(scratch);
  double *regrets = ARENA_NEW(scratch, double, sensitivity->request.n_draws);
  for (size_t d = 0; d < sensitivity->request.n_draws; d++) {
    if (judged[d].reason[i] != SCORE_FEASIBLE) continue;
    const double regret = regret_of(&space->objectives[space->metric], best[d].record.score.objective[space->metric],
                                    judged[d].metric[i]);
    design->within_1_percent += regret <= 0.01;
    regrets[design->fits++] = regret;
  }
  gsl_sort(regrets, 1, design->fits);
  design->regret_median = design->regret_95 = (double)NAN;
  if (design->fits > 0) {
    design->regret_median = gsl_stats_quantile_from_sorted_data(regrets, 1, design->fits, 0.5);
    design->regret_95 = gsl_stats_quantile_from_sorted_data(regrets, 1, design->fits, 0.95);
  }
  arena_rewind(scratch, mark);
  struct score nominal = {.reason = SCORE_FEASIBLE};
  const struct space *own = &sensitivity->run->designs.space;
  own->evaluate(own->context, &design->point, &nominal);
  design->nominal = nominal.reason == SCORE_FEASIBLE ? nominal.objective[own->metric] : (double)NAN;
}

/* A design of the table that beats a draw's best takes its place. */
static void improve(const struct winner_tasks *tasks, const struct judged *judged, struct best_of_draw *best) {
  const struct space *space = &tasks->sensitivity->run->designs.space;
  for (size_t d = 0; d < tasks->sensitivity->request.n_draws; d++) {
    for (size_t i = 0; i < tasks->n_candidates; i++) {
      struct record record = {.point = tasks->candidates[i]};
      record.score.reason = judged[d].reason[i];
      record.score.objective[space->metric] = judged[d].metric[i];
      if (is_better(space, &record, &best[d].record)) best[d].record = record;
    }
  }
}

/* --- both passes ----------------------------------------------------------------------------------------------------
 */

static bool map(struct winner_tasks *own, void (*task)(void *, size_t, void *), void *records, size_t record_bytes,
                struct error *error) {
  const struct cluster_tasks tasks = {
      .n_tasks = own->sensitivity->request.n_draws, .record_bytes = record_bytes, .task = task, .context = own};
  return cluster_map(own->sensitivity->run->invocation->cluster, &tasks, records, error) == CLUSTER_DONE;
}

static struct point *points_of(const struct tally *tally, size_t n, struct arena *arena) {
  struct point *points = ARENA_NEW(arena, struct point, n);
  for (size_t i = 0; i < n; i++) points[i] = tally[i].point;
  return points;
}

bool sensitivity_of_winner(struct sensitivity *sensitivity, enum drawn_limits limits, struct sensitivity_winner *winner,
                           struct error *error) {
  const struct run *run = sensitivity->run;
  struct arena *arena = run->invocation->arena;
  const size_t n = sensitivity->request.n_draws, n_topk = topk_count(run->rounds.topk);
  const struct uncertainty_request request = {n, run->settings.search.seed, sensitivity->request.scale};
  struct point *topk = ARENA_NEW(arena, struct point, n_topk);
  for (size_t i = 0; i < n_topk; i++) topk[i] = topk_at(run->rounds.topk, i)->point;
  struct winner_tasks own = {sensitivity, limits, uncertainty_draws(&request, arena), topk, n_topk};
  struct best_of_draw *best = ARENA_NEW(arena, struct best_of_draw, n);
  struct judged *judged = ARENA_NEW(arena, struct judged, n);
  struct tally *tally = ARENA_NEW(arena, struct tally, n + 1);
  if (!map(&own, find_best, best, sizeof *best, error)) return false;

  size_t n_tally = count_wins(&sensitivity->nominal.point, best, n, tally);
  own.n_candidates = n_tally < SENSITIVITY_MAX_DESIGNS ? n_tally : SENSITIVITY_MAX_DESIGNS;
  own.candidates = points_of(tally, own.n_candidates, arena);
  if (!map(&own, judge_all, judged, sizeof *judged, error)) return false;
  improve(&own, judged, best);

  *winner = (struct sensitivity_winner){.limits = limits, .n_draws = n, .evaluations = n * own.n_candidates};
  n_tally = count_wins(&sensitivity->nominal.point, best, n, tally);
  for (size_t i = 0; i < n_tally; i++) winner->n_winners += tally[i].wins > 0;
  for (size_t d = 0; d < n; d++) {
    winner->n_feasible += best[d].record.score.reason == SCORE_FEASIBLE;
    winner->n_proven += best[d].proven;
    winner->evaluations += best[d].evaluations;
    winner->broken[judged[d].reason[0]]++;
  }
  winner->broken[REASON_NONE] = 0;
  struct sensitivity_design *designs = ARENA_NEW(arena, struct sensitivity_design, own.n_candidates);
  winner->designs = designs;
  for (size_t i = 0; i < n_tally; i++) { /* in the new order; who was not judged has lost its place in it */
    for (size_t k = 0; k < own.n_candidates; k++) {
      if (point_compare(&own.candidates[k], &tally[i].point) != 0) continue;
      struct sensitivity_design *design = &designs[winner->n_designs++];
      design->point = tally[i].point;
      design->wins = tally[i].wins;
      sum_up(&own, best, judged, k, design);
    }
  }
  return true;
}
