/* See rounds.h. */
#include "dse/rounds.h"

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
  rounds->front = pareto_new(arena, space->objectives, space->n_front_objectives);
  rounds->evaluated = point_set_new(arena);
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

/* What the journal says of this round, on every rank: 1 it answered, 0 it has ended, −1 an error. A journal whose round
 * holds other points than the search asks for belongs to another program: a digest that should have caught it did not.
 */
static int answer_from_journal(struct rounds *rounds, size_t n, struct error *error) {
  bool answered = false;
  if (rounds->journal != NULL && !error_is_set(error)) {
    struct record *records = NULL;
    size_t n_records = 0;
    const struct arena_mark mark = arena_get_mark(rounds->arena);
    if (journal_replay(rounds->journal, rounds->round, rounds->arena, &records, &n_records, error) && records != NULL) {
      answered = true;
      bool same = n_records == n;
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
  }
  if (!cluster_agree(rounds->cluster, error)) return -1;
  if (!cluster_any(rounds->cluster, answered)) return 0;
  cluster_broadcast(rounds->cluster, rounds->records, n * sizeof *rounds->records);
  return 1;
}

static void *room_for_one(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size) {
  if (n < *capacity) return array;
  *capacity = *capacity > 0 ? *capacity * 2 : 256;
  void *bigger = arena_alloc(arena, *capacity, size);
  if (n > 0) memcpy(bigger, array, n * size);
  return bigger;
}

static void keep(struct rounds *rounds, const char *by, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const struct record *record = &rounds->records[i];
    rounds->evaluations++;
    rounds->reason_count[record->score.reason]++;
    if (record->score.reason != REASON_NONE) continue;
    rounds->feasible++;
    const bool placed = topk_add(rounds->topk, record), on_front = pareto_add(rounds->front, record);
    if (!placed && !on_front) continue;
    rounds->found =
        room_for_one(rounds->arena, rounds->found, rounds->n_found, &rounds->found_capacity, sizeof *rounds->found);
    rounds->found[rounds->n_found++] = (struct found){record->point, rounds->evaluations, by};
  }
  rounds->convergence = room_for_one(rounds->arena, rounds->convergence, rounds->n_convergence,
                                     &rounds->convergence_capacity, sizeof *rounds->convergence);
  struct convergence row = {rounds->round, rounds->evaluations, rounds->feasible, pareto_count(rounds->front), 0,
                            false};
  if (topk_count(rounds->topk) > 0) {
    row.has_best = true;
    row.best = topk_at(rounds->topk, 0)->score.objective[rounds->designs->space.metric];
  }
  rounds->convergence[rounds->n_convergence++] = row;
}

/* Evaluates rounds->points[0 … n) into rounds->records, keeps and journals them. */
static bool one_round(struct rounds *rounds, const char *by, size_t n, struct error *error) {
  const int answered = answer_from_journal(rounds, n, error);
  if (answered < 0) return false;
  if (answered == 0) {
    memset(rounds->records, 0, n * sizeof *rounds->records);
    const struct cluster_tasks tasks = {n, sizeof *rounds->records, evaluate_task, rounds};
    if (!cluster_map(rounds->cluster, &tasks, rounds->records, error)) return false;
    if (rounds->journal != NULL) journal_append(rounds->journal, rounds->round, rounds->records, n, error);
    if (!cluster_agree(rounds->cluster, error)) return false;
  } else {
    rounds->replayed++;
  }
  for (size_t i = 0; i < n; i++) point_set_add(rounds->evaluated, &rounds->points[i]);
  keep(rounds, by, n);
  rounds->round++;
  if (rounds->progress != NULL) rounds->progress(rounds->progress_context, rounds);
  /* Not within a replay, which is quick: every launch adds a round at least, and tables never show less than before. */
  const bool stop = answered == 0 && rounds->stop != NULL && rounds->stop(rounds->stop_context);
  rounds->stopped = cluster_any(rounds->cluster, stop);
  return true;
}

/* --- searches -------------------------------------------------------------------------------------------------------
 */

bool rounds_search(struct rounds *rounds, const struct search_algorithm *algorithm, const void *settings,
                   uint64_t max_evaluations, struct error *error) {
  const struct search_request request = {.space = &rounds->designs->space,
                                         .settings = settings,
                                         .seed = rounds->seed,
                                         .round_size = rounds->round_size,
                                         .arena = rounds->arena};
  const uint64_t before = rounds->evaluations;
  void *state = algorithm->start(&request);
  for (;;) {
    const size_t n = algorithm->ask(state, rounds->round, rounds->points);
    if (n == 0) return true;
    rounds->cut = rounds->evaluations - before >= max_evaluations;
    if (rounds->cut) return true;
    if (!one_round(rounds, algorithm->name, n, error)) return false;
    if (rounds->stopped) return true;
    algorithm->tell(state, rounds->records, n);
  }
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
  for (size_t i = 0; i < rounds->n_found; i++) {
    if (point_compare(&rounds->found[i].point, point) == 0) return &rounds->found[i];
  }
  return NULL;
}
