/* See rounds.h. */
#include "dse/run/rounds.h"

#include "base/checked.h"
#include "base/clock.h"
#include <string.h>

void rounds_init(struct rounds *rounds, struct cluster *cluster, const struct design_space *designs,
                 struct journal *journal, struct arena *arena) {
  const struct run_search *search = &designs->settings->search;
  const struct space *space = &designs->space;
  memset(rounds, 0, sizeof *rounds);
  rounds->cluster = cluster;
  rounds->designs = designs;
  rounds->journal = journal;
  rounds->arena = arena;
  rounds->round_size = search->round_size;
  rounds->seed = search->seed;
  rounds->topk = topk_new(arena, &space->objectives[space->metric], space->metric, search->top_k);
  rounds->front = pareto_new_of(arena, space->objectives, space->front_objectives, space->n_front_objectives);
  rounds->cloud = thinned_new(arena, CLOUD_MOST);
  rounds->evaluated = point_set_new(arena);
  rounds->found_points = point_set_new(arena);
  if (journal != NULL) rounds->journaled = journal_rounds(journal);
  cluster_broadcast(cluster, &rounds->journaled, sizeof rounds->journaled);
  rounds->points = ARENA_NEW(arena, struct point, rounds->round_size);
  rounds->records = ARENA_NEW(arena, struct record, rounds->round_size);
}

/* --- one round ------------------------------------------------------------------------------------------------------
 */

static void evaluate_task(void *context, size_t index, void *record) {
  const struct rounds *rounds = context;
  struct record *out = record;
  out->point = rounds->points[index];
  rounds->designs->space.evaluate(rounds->designs->space.context, &out->point, &out->score);
}

static bool is_interrupted(void *context) {
  const struct rounds *rounds = context;
  return rounds->interrupted(rounds->stop_context);
}

/* Answers the round from the journal, which holds it, on every rank. A journal whose round holds other points than the
 * search asks for belongs to another program: a digest that should have caught it did not. */
static bool answer_from_journal(struct rounds *rounds, size_t n, struct error *error) {
  const struct arena_mark mark = arena_get_mark(rounds->arena);
  struct record *records = NULL;
  size_t n_records = 0;
  if (rounds->journal != NULL &&
      journal_replay(rounds->journal, rounds->round, rounds->arena, &records, &n_records, error)) {
    bool same = records != NULL && n_records == n;
    for (size_t i = 0; same && i < n; i++) same = point_compare(&records[i].point, &rounds->points[i]) == 0;
    if (same) {
      memcpy(rounds->records, records, n * sizeof *records);
    } else {
      error_add(error, STATUS_ENVIRONMENT,
                "journal: round %llu holds other designs than this program asks for; it was written by another "
                "version. Start again with --fresh",
                (unsigned long long)rounds->round);
    }
  }
  arena_rewind(rounds->arena, mark);
  if (!cluster_agree(rounds->cluster, error)) return false;
  cluster_broadcast(rounds->cluster, rounds->records, n * sizeof *rounds->records);
  return true;
}

static void *room_for_one(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size) {
  if (n < *capacity) return array;
  *capacity = *capacity > 0 ? *capacity * 2 : 256;
  void *bigger = arena_alloc(arena, *capacity, size);
  if (n > 0) memcpy(bigger, array, n * size);
  return bigger;
}

static void note_time(struct rounds *rounds, uint64_t tasks, double seconds) {
  rounds->times =
      room_for_one(rounds->arena, rounds->times, rounds->n_times, &rounds->times_capacity, sizeof *rounds->times);
  rounds->times[rounds->n_times++] = (struct round_time){rounds->round, tasks, seconds};
}

/* Into top-k and front, and when it was found if it has a place there. */
static void place(struct rounds *rounds, const char *by, const struct record *record) {
  const bool placed = topk_add(rounds->topk, record), on_front = pareto_add(rounds->front, record);
  if (!placed && !on_front) return;
  if (!point_set_add(rounds->found_points, &record->point)) return;
  rounds->found =
      room_for_one(rounds->arena, rounds->found, rounds->n_found, &rounds->found_capacity, sizeof *rounds->found);
  rounds->found[rounds->n_found++] = (struct found){rounds->evaluations, by};
}

/* A row of the convergence, and word to those who watch; then, shall the run stop here? */
static void end_round(struct rounds *rounds, bool replayed) {
  rounds->convergence = room_for_one(rounds->arena, rounds->convergence, rounds->n_convergence,
                                     &rounds->convergence_capacity, sizeof *rounds->convergence);
  struct convergence row = {rounds->round, rounds->evaluations, rounds->feasible, pareto_count(rounds->front), 0,
                            false};
  if (topk_count(rounds->topk) > 0) {
    row.has_best = true;
    row.best = topk_at(rounds->topk, 0)->score.objective[rounds->designs->space.metric];
  }
  rounds->convergence[rounds->n_convergence++] = row;
  rounds->round++;
  if (replayed) rounds->replayed++;
  if (rounds->progress != NULL) rounds->progress(rounds->progress_context, rounds);
  /* Within a replay, too: it may take seconds. Who stops there keeps what was published before. */
  rounds->stopped = cluster_any(rounds->cluster, rounds->stop != NULL && rounds->stop(rounds->stop_context));
}

/* Evaluates rounds->points[0 … n) into rounds->records, keeps and journals them. An interrupted round is dropped, as if
 * it had never begun: rounds->stopped. */
static bool one_round(struct rounds *rounds, const char *by, size_t n, struct error *error) {
  const bool replayed = rounds->round < rounds->journaled;
  if (replayed) {
    if (!answer_from_journal(rounds, n, error)) return false;
  } else {
    const double start_s = clock_wall_s();
    const struct cluster_tasks tasks = {n, sizeof *rounds->records, evaluate_task,
                                        rounds->interrupted != NULL ? is_interrupted : NULL, rounds};
    const enum cluster_end end = cluster_map(rounds->cluster, &tasks, rounds->records, error);
    rounds->stopped = end == CLUSTER_DROPPED;
    if (end != CLUSTER_DONE) return rounds->stopped;
    if (rounds->journal != NULL) journal_append(rounds->journal, rounds->round, rounds->records, n, error);
    if (!cluster_agree(rounds->cluster, error)) return false;
    note_time(rounds, n, clock_wall_s() - start_s);
  }
  for (size_t i = 0; i < n; i++) {
    const struct record *record = &rounds->records[i];
    point_set_add(rounds->evaluated, &record->point);
    rounds->evaluations++;
    rounds->reason_count[record->score.reason]++;
    if (rounds->heard != NULL) rounds->heard(rounds->heard_context, record);
    if (record->score.reason != REASON_NONE) continue;
    rounds->feasible++;
    thinned_add(rounds->cloud, record);
    place(rounds, by, record);
  }
  end_round(rounds, replayed);
  return true;
}

/* --- a sweep's round ------------------------------------------------------------------------------------------------
 */

/* The round's fold out of the journal, on every rank. The words have an arena of their own: merging them makes the
 * sweep's front grow in that of the rounds. */
static bool fold_from_journal(struct rounds *rounds, struct sweep *sweep, uint64_t n_points, struct error *error) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  uint64_t *words = NULL, n_words = 0;
  size_t n = 0;
  if (rounds->journal != NULL && journal_replay_fold(rounds->journal, rounds->round, &arena, &words, &n, error)) {
    n_words = n;
    if (words == NULL || !sweep_check(sweep, words, n, n_points)) {
      error_add(error, STATUS_ENVIRONMENT,
                "journal: round %llu holds what no sweep of this space gives; it was written by another version. Start "
                "again with --fresh",
                (unsigned long long)rounds->round);
    }
  }
  const bool good = cluster_agree(rounds->cluster, error);
  if (good) {
    cluster_broadcast(rounds->cluster, &n_words, sizeof n_words);
    if (words == NULL) words = ARENA_NEW(&arena, uint64_t, n_words);
    cluster_broadcast(rounds->cluster, words, n_words * sizeof *words);
    sweep_clear(sweep);
    sweep_merge(sweep, words, n_words);
  }
  arena_release(&arena);
  return good;
}

struct sweeping { /* what a fold needs on a rank */
  struct sweep *sweep;
  const struct rounds *rounds;
};
static void sweeping_clear(void *context) { sweep_clear(((struct sweeping *)context)->sweep); }
static void sweeping_fold(void *context, uint64_t first, uint64_t end) {
  sweep_fold(((struct sweeping *)context)->sweep, first, end);
}
static const uint64_t *sweeping_pack(void *context, size_t *n_words) {
  return sweep_pack(((struct sweeping *)context)->sweep, n_words);
}
static void sweeping_merge(void *context, const uint64_t *words, size_t n_words) {
  sweep_merge(((struct sweeping *)context)->sweep, words, n_words);
}
static bool sweeping_interrupted(void *context) {
  const struct rounds *rounds = ((struct sweeping *)context)->rounds;
  return rounds->interrupted != NULL && rounds->interrupted(rounds->stop_context);
}

static bool fold_on_ranks(struct rounds *rounds, struct sweep *sweep, uint64_t n_points, uint64_t block,
                          struct error *error) {
  const double start_s = clock_wall_s();
  struct sweeping sweeping = {sweep, rounds};
  const struct cluster_blocks blocks = {.n = n_points,
                                        .block = block,
                                        .clear = sweeping_clear,
                                        .fold = sweeping_fold,
                                        .pack = sweeping_pack,
                                        .merge = sweeping_merge,
                                        .interrupted = sweeping_interrupted,
                                        .context = &sweeping};
  const enum cluster_end end = cluster_fold(rounds->cluster, &blocks, error);
  rounds->stopped = end == CLUSTER_DROPPED;
  if (end != CLUSTER_DONE) return rounds->stopped;
  if (rounds->journal != NULL) {
    size_t n_words;
    const uint64_t *words = sweep_pack(sweep, &n_words);
    journal_append_fold(rounds->journal, rounds->round, words, n_words, error);
  }
  if (!cluster_agree(rounds->cluster, error)) return false;
  note_time(rounds, n_points, clock_wall_s() - start_s);
  return true;
}

static void keep_sweep(struct rounds *rounds, const struct sweep *sweep) {
  const struct sweep_counts *counts = sweep_counts(sweep);
  struct sweep_counts *total = rounds->swept;
  total->visited += counts->visited;
  total->allowed += counts->allowed;
  total->known += counts->known;
  total->pruned += counts->pruned;
  total->evaluated += counts->evaluated;
  total->feasible += counts->feasible;
  exclusions_merge(&total->exclusions, &counts->exclusions);
  rounds->evaluations += counts->evaluated;
  rounds->feasible += counts->feasible;
  for (size_t r = 0; r < N_REASONS; r++) rounds->reason_count[r] += counts->reasons[r];
  for (size_t i = 0; i < topk_count(sweep_topk(sweep)); i++) place(rounds, "sweep", topk_at(sweep_topk(sweep), i));
  for (size_t i = 0; i < pareto_count(sweep_front(sweep)); i++) {
    place(rounds, "sweep", pareto_at(sweep_front(sweep), i));
    thinned_add(rounds->cloud, pareto_at(sweep_front(sweep), i));
  }
}

static bool sweep_space(struct rounds *rounds, const struct sweep_settings *settings, struct error *error) {
  const struct space *space = &rounds->designs->space;
  const struct sweep_known known = {rounds->topk, rounds->front, rounds->evaluated, rounds->interrupted,
                                    rounds->stop_context};
  struct sweep *sweep = sweep_new(space, settings, &known, rounds->designs->settings->search.top_k, rounds->arena);
  const uint64_t n = space_size(space), in_round = sat_mul(settings->block, settings->blocks_per_round);
  rounds->swept = ARENA_NEW(rounds->arena, struct sweep_counts, 1);
  exclusions_clear(&rounds->swept->exclusions);
  rounds->fold_total = n;
  for (uint64_t done = 0; done < n && !rounds->stopped;) {
    const bool replayed = rounds->round < rounds->journaled;
    const uint64_t n_points = min_u64(in_round, n - done);
    sweep_set_offset(sweep, done);
    const bool good = replayed ? fold_from_journal(rounds, sweep, n_points, error)
                               : fold_on_ranks(rounds, sweep, n_points, settings->block, error);
    if (!good) return false;
    if (rounds->stopped) break;
    done += n_points;
    rounds->fold_done = done;
    keep_sweep(rounds, sweep);
    end_round(rounds, replayed);
  }
  if (!rounds->stopped) rounds->fold_done = rounds->fold_total = 0;
  return true;
}

/* --- searches -------------------------------------------------------------------------------------------------------
 */

/* What a sweep knows when it begins: the better it is, the more its bounds exclude. */
static bool search_and_sweep(struct rounds *rounds, const struct sweep_settings *settings, struct error *error) {
  const struct search_algorithm *guided = search_algorithm_find("guided");
  const void *own = run_algorithm_settings(rounds->designs->settings, guided);
  if (settings->first_evaluations > 0 && !rounds_search(rounds, guided, own, settings->first_evaluations, error)) {
    return false;
  }
  rounds->cut = false; /* what was left out comes now */
  return rounds->stopped || sweep_space(rounds, settings, error);
}

bool rounds_search(struct rounds *rounds, const struct search_algorithm *algorithm, const void *settings,
                   uint64_t max_evaluations, struct error *error) {
  if (algorithm->folds) return search_and_sweep(rounds, settings, error);
  const struct search_request request = {.space = &rounds->designs->space,
                                         .settings = settings,
                                         .seed = rounds->seed,
                                         .round_size = rounds->round_size,
                                         .top_k = rounds->designs->settings->search.top_k,
                                         .arena = rounds->arena,
                                         .interrupted = rounds->interrupted,
                                         .interrupted_context = rounds->stop_context};
  const uint64_t before = rounds->evaluations;
  void *state = algorithm->start(&request);
  for (;;) {
    const size_t n = algorithm->ask(state, rounds->round, rounds->points);
    /* An interrupted ask is none, and not the same on all ranks. */
    if (rounds->interrupted != NULL) {
      rounds->stopped = cluster_any(rounds->cluster, rounds->interrupted(rounds->stop_context));
      if (rounds->stopped) return true;
    }
    if (n == 0) break;
    rounds->cut = rounds->evaluations - before >= max_evaluations;
    if (rounds->cut) return true;
    if (!one_round(rounds, algorithm->name, n, error)) return false;
    if (rounds->stopped) return true;
    algorithm->tell(state, rounds->records, n);
  }
  if (algorithm->certificate != NULL) rounds->certificate = algorithm->certificate(state);
  return true;
}

bool rounds_evaluate(struct rounds *rounds, const char *by, const struct point *points, size_t n, struct error *error) {
  for (size_t next = 0; next < n;) {
    size_t in_round = 0;
    for (; next < n && in_round < rounds->round_size; next++) {
      if (!point_set_has(rounds->evaluated, &points[next])) rounds->points[in_round++] = points[next];
    }
    if (in_round > 0 && !one_round(rounds, by, in_round, error)) return false;
    if (rounds->stopped) return true;
  }
  return true;
}

const struct found *rounds_found(const struct rounds *rounds, const struct point *point) {
  const size_t number = point_set_number(rounds->found_points, point);
  return number < rounds->n_found ? &rounds->found[number] : NULL;
}
