/* How is a space of any size searched through and through, in memory for the answer alone? See sweep.h.
 *
 * Source: our reasoning; the bounds are the problem's own (space.h, `screen`). Left out: visiting good blocks first,
 * which would prune more, and excluding whole blocks by one bound. */
#include "search/space/sweep.h"

#include "base/checked.h"
#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(member) offsetof(struct sweep_settings, member)
static const struct field field_list[] = {
    {"block", FIELD_UINT, "", 1, 65536, "1024", "designs that a rank takes at a time", FIELD(block), ROLE_ANSWER, NULL},
    {"blocks_per_round", FIELD_UINT, "", 1, 1e6, "1024",
     "blocks between two records of the journal: a kill costs at most so many; many times the number of ranks",
     FIELD(blocks_per_round), ROLE_ANSWER, NULL},
    {"first_evaluations", FIELD_UINT, "", 0, 1e9, "1000",
     "the guided search begins, with at most so many evaluations, so that the sweep can leave out more; 0: it does not",
     FIELD(first_evaluations), ROLE_ANSWER, NULL},
    {"prune", FIELD_BOOL, "", 0, 0, "true",
     "leave out designs whose bounds exclude them from top-k and front (the answer is the same)", FIELD(prune),
     ROLE_ANSWER, NULL},
    {"front", FIELD_BOOL, "", 0, 0, "true",
     "evaluate also designs that cannot be among the best, but could lie on the Pareto front", FIELD(front),
     ROLE_ANSWER, NULL},
};
static const struct field_table fields = {"sweep", "how huge spaces are swept", field_list,
                                          sizeof field_list / sizeof *field_list};

const struct search_algorithm search_sweep = {
    .name = "sweep",
    .doc = "every point of a space of any size, folded to top-k, front and counters; both are complete and proven",
    .table = &fields,
    .settings_bytes = sizeof(struct sweep_settings),
    .covers = true,
    .folds = true,
};

/* A point of the block under way that its bounds do not exclude. */
struct candidate {
  struct point point;
  struct score bounds;
  double promise;
};

struct sweep {
  const struct space *space;
  const struct sweep_settings *settings;
  struct sweep_known known;
  uint64_t offset;
  struct arena *arena;
  struct sweep_counts counts;
  struct topk *topk, *block_topk;
  struct pareto *front, *block_front;
  struct candidate *candidates; /* of the block: room for all its points */
  size_t n_candidates;
  uint64_t *words; /* as packed last */
  size_t n_words_room;
};

enum {
  COUNT_WORDS = sizeof(struct sweep_counts) / sizeof(uint64_t),
  POINT_WORDS = POINT_MAX_AXES / 4,
  RECORD_WORDS = POINT_WORDS + SCORE_MAX_OBJECTIVES + 2, /* bound; binding: what a kept record needs */
};

struct sweep *sweep_new(const struct space *space, const struct sweep_settings *settings,
                        const struct sweep_known *known, size_t top_k, struct arena *arena) {
  const struct objective *const metric = &space->objectives[space->metric];
  struct sweep *sweep = ARENA_NEW(arena, struct sweep, 1);
  *sweep = (struct sweep){.space = space, .settings = settings, .known = *known, .arena = arena};
  sweep->topk = topk_new(arena, metric, space->metric, top_k);
  sweep->block_topk = topk_new(arena, metric, space->metric, top_k);
  sweep->front = pareto_new_of(arena, space->objectives, space->front_objectives, space->n_front_objectives);
  sweep->block_front = pareto_new_of(arena, space->objectives, space->front_objectives, space->n_front_objectives);
  sweep->candidates = ARENA_NEW(arena, struct candidate, settings->block);
  sweep_clear(sweep);
  return sweep;
}

void sweep_set_offset(struct sweep *sweep, uint64_t offset) { sweep->offset = offset; }

void sweep_clear(void *context) {
  struct sweep *sweep = context;
  memset(&sweep->counts, 0, sizeof sweep->counts);
  exclusions_clear(&sweep->counts.exclusions);
  topk_clear(sweep->topk);
  pareto_clear(sweep->front);
}

/* --- folding --------------------------------------------------------------------------------------------------------
 */

/* Can nothing with such bounds enter top-k or front? */
static bool is_beaten(struct sweep *sweep, const struct point *point, const struct score *bounds) {
  if (topk_admits(sweep->known.topk, bounds->bound, point) && topk_admits(sweep->block_topk, bounds->bound, point)) {
    return false;
  }
  if (!sweep->settings->front) return true;
  return pareto_covers(sweep->known.front, bounds->objective, point) ||
         pareto_covers(sweep->block_front, bounds->objective, point);
}

static void evaluate(struct sweep *sweep, const struct point *point) {
  struct record record = {.point = *point};
  sweep->space->evaluate(sweep->space->context, point, &record.score);
  sweep->counts.evaluated++;
  sweep->counts.reasons[record.score.reason]++;
  if (record.score.reason != SCORE_FEASIBLE) return;
  sweep->counts.feasible++;
  /* Advice is for searches that walk. */
  memset(record.score.moves, 0, sizeof record.score.moves);
  record.score.n_moves = record.score.saturated = 0;
  const double value = record.score.objective[sweep->space->metric];
  if (topk_admits(sweep->known.topk, value, point)) topk_add(sweep->block_topk, &record);
  if (!pareto_covers(sweep->known.front, record.score.objective, point)) pareto_add(sweep->block_front, &record);
}

/* Whatever is nowhere worse than something else promises at least as much: the product of all gains over all costs.
 * Zeros (a provider without TDP) say nothing. */
static double promise_of(const struct space *space, const struct score *bounds) {
  double promise = 1;
  for (size_t i = 0; i < space->n_front_objectives; i++) {
    const size_t o = space_front_objective(space, i);
    const double value = bounds->objective[o];
    if (!(value > 0)) continue;
    promise = space->objectives[o].maximise ? promise * value : promise / value;
  }
  return promise;
}

static int compare_candidates(const void *left, const void *right) {
  const struct candidate *a = left, *b = right;
  if (a->promise != b->promise) return a->promise > b->promise ? -1 : 1;
  return point_compare(&a->point, &b->point);
}

static void visit(struct sweep *sweep, const struct point *point) {
  const struct space *space = sweep->space;
  struct candidate *candidate = &sweep->candidates[sweep->n_candidates];
  candidate->promise = 0;
  sweep->counts.visited++;
  if (space->screen != NULL) {
    space->screen(space->context, point, &candidate->bounds);
    if (candidate->bounds.reason != SCORE_FEASIBLE) {
      exclusions_count(&sweep->counts.exclusions, space, point, &candidate->bounds);
      return;
    }
    candidate->promise = promise_of(space, &candidate->bounds);
  }
  sweep->counts.allowed++;
  if (point_set_has(sweep->known.evaluated, point)) {
    sweep->counts.known++;
    return;
  }
  candidate->point = *point;
  sweep->n_candidates++;
}

/* The next point in lexicographic order: adding is quicker than dividing for every axis again. */
static void step(const struct space *space, struct point *point) {
  for (size_t a = space->n_axes; a-- > 0;) {
    if (++point->index[a] < space->axes[a].n) return;
    point->index[a] = 0;
  }
}

void sweep_fold(void *context, uint64_t first, uint64_t end) {
  struct sweep *sweep = context;
  topk_clear(sweep->block_topk);
  pareto_clear(sweep->block_front);
  sweep->n_candidates = 0;
  struct point point = space_point(sweep->space, sweep->offset + first);
  REQUIRE(end - first <= sweep->settings->block);
  for (uint64_t index = first; index < end; index++) {
    visit(sweep, &point);
    step(sweep->space, &point);
  }
  const bool prunes = sweep->settings->prune && sweep->space->screen != NULL;
  if (prunes) qsort(sweep->candidates, sweep->n_candidates, sizeof *sweep->candidates, compare_candidates);
  for (size_t i = 0; i < sweep->n_candidates; i++) {
    const struct candidate *candidate = &sweep->candidates[i];
    if (sweep->known.interrupted != NULL && sweep->known.interrupted(sweep->known.context)) return;
    if (prunes && is_beaten(sweep, &candidate->point, &candidate->bounds)) {
      sweep->counts.pruned++;
    } else {
      evaluate(sweep, &candidate->point);
    }
  }
  topk_merge(sweep->topk, sweep->block_topk);
  pareto_merge(sweep->front, sweep->block_front);
}

/* --- as words -------------------------------------------------------------------------------------------------------
 */

static uint64_t *put_record(uint64_t *at, const struct record *record) {
  for (size_t w = 0; w < POINT_WORDS; w++) {
    const uint16_t *index = &record->point.index[4 * w];
    *at++ = (uint64_t)index[0] | (uint64_t)index[1] << 16 | (uint64_t)index[2] << 32 | (uint64_t)index[3] << 48;
  }
  memcpy(at, record->score.objective, sizeof record->score.objective);
  at += SCORE_MAX_OBJECTIVES;
  memcpy(at++, &record->score.bound, sizeof(double));
  *at++ = record->score.binding;
  return at;
}

static const uint64_t *get_record(const uint64_t *at, struct record *record) {
  memset(record, 0, sizeof *record);
  for (size_t a = 0; a < POINT_MAX_AXES; a++) record->point.index[a] = (uint16_t)(at[a / 4] >> (16 * (a % 4)));
  at += POINT_WORDS;
  memcpy(record->score.objective, at, sizeof record->score.objective);
  at += SCORE_MAX_OBJECTIVES;
  memcpy(&record->score.bound, at++, sizeof(double));
  record->score.binding = (uint16_t)*at++;
  return at;
}

const uint64_t *sweep_pack(void *context, size_t *n_words) {
  struct sweep *sweep = context;
  const size_t n_topk = topk_count(sweep->topk), n_front = pareto_count(sweep->front);
  *n_words = COUNT_WORDS + 2 + RECORD_WORDS * (n_topk + n_front);
  if (*n_words > sweep->n_words_room) {
    sweep->n_words_room = 2 * *n_words; /* so that all outgrown ones together are no larger */
    sweep->words = ARENA_NEW(sweep->arena, uint64_t, sweep->n_words_room);
  }
  uint64_t *at = sweep->words;
  memcpy(at, &sweep->counts, sizeof sweep->counts);
  at += COUNT_WORDS;
  *at++ = n_topk;
  *at++ = n_front;
  for (size_t i = 0; i < n_topk; i++) at = put_record(at, topk_at(sweep->topk, i));
  for (size_t i = 0; i < n_front; i++) at = put_record(at, pareto_at(sweep->front, i));
  return sweep->words;
}

static void merge_counts(struct sweep_counts *into, const struct sweep_counts *from) {
  into->visited += from->visited;
  into->allowed += from->allowed;
  into->known += from->known;
  into->pruned += from->pruned;
  into->evaluated += from->evaluated;
  into->feasible += from->feasible;
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) into->reasons[r] += from->reasons[r];
  exclusions_merge(&into->exclusions, &from->exclusions);
}

void sweep_merge(void *context, const uint64_t *words, size_t n_words) {
  struct sweep *sweep = context;
  struct sweep_counts counts;
  REQUIRE(n_words >= COUNT_WORDS + 2);
  memcpy(&counts, words, sizeof counts);
  const uint64_t n_topk = words[COUNT_WORDS], n_front = words[COUNT_WORDS + 1];
  REQUIRE(n_words == COUNT_WORDS + 2 + RECORD_WORDS * (n_topk + n_front));
  merge_counts(&sweep->counts, &counts);
  const uint64_t *at = words + COUNT_WORDS + 2;
  for (uint64_t i = 0; i < n_topk + n_front; i++) {
    struct record record;
    at = get_record(at, &record);
    if (i < n_topk) {
      topk_add(sweep->topk, &record);
    } else {
      pareto_add(sweep->front, &record);
    }
  }
}

static bool record_is_possible(const struct sweep *sweep, const uint64_t *words, uint64_t n_points) {
  const struct space *space = sweep->space;
  struct record record;
  const char *what;
  const uint64_t *end = get_record(words, &record);
  if (end[-1] >= space->n_bindings) return false;
  for (size_t a = 0; a < POINT_MAX_AXES; a++) {
    if (a < space->n_axes ? record.point.index[a] >= space->axes[a].n : record.point.index[a] != 0) return false;
  }
  return space_index(space, &record.point) - sweep->offset < n_points && space_check_score(space, &record.score, &what);
}

bool sweep_check(struct sweep *sweep, const uint64_t *words, size_t n_words, uint64_t n_points) {
  struct sweep_counts counts;
  if (n_words < COUNT_WORDS + 2) return false;
  memcpy(&counts, words, sizeof counts);
  const uint64_t n_topk = words[COUNT_WORDS], n_front = words[COUNT_WORDS + 1];
  const uint64_t n_records = (n_words - COUNT_WORDS - 2) / RECORD_WORDS;
  if ((n_words - COUNT_WORDS - 2) % RECORD_WORDS != 0 || n_topk > n_records || n_front != n_records - n_topk) {
    return false;
  }
  if (counts.visited != n_points || counts.allowed > n_points || counts.feasible > counts.evaluated) return false;
  if (counts.known > n_points || counts.pruned > n_points || counts.evaluated > n_points) return false;
  if (counts.allowed != counts.known + counts.pruned + counts.evaluated) return false;
  uint64_t n_judged = 0;
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) {
    if (counts.reasons[r] > counts.evaluated || counts.exclusions.n[r] > n_points - counts.allowed) return false;
    if (r >= sweep->space->n_reasons && (counts.reasons[r] > 0 || counts.exclusions.n[r] > 0)) return false;
    if (counts.exclusions.alone[r] > counts.exclusions.n[r] || isnan(counts.exclusions.nearest[r])) return false;
    n_judged += counts.reasons[r];
  }
  if (n_judged != counts.evaluated || counts.feasible != counts.reasons[SCORE_FEASIBLE]) return false;
  if (n_records > 2 * counts.feasible) return false;
  for (uint64_t i = 0; i < n_records; i++) {
    if (!record_is_possible(sweep, words + COUNT_WORDS + 2 + RECORD_WORDS * i, n_points)) return false;
  }
  /* There is one spelling for each content: sorted, nothing twice, nothing beaten. */
  sweep_clear(sweep);
  sweep_merge(sweep, words, n_words);
  size_t n_packed;
  const uint64_t *packed = sweep_pack(sweep, &n_packed);
  return n_packed == n_words && memcmp(packed, words, n_words * sizeof *words) == 0;
}

const struct sweep_counts *sweep_counts(const struct sweep *sweep) { return &sweep->counts; }
const struct topk *sweep_topk(const struct sweep *sweep) { return sweep->topk; }
const struct pareto *sweep_front(const struct sweep *sweep) { return sweep->front; }
