/* See prove.h. */
#include "dse/run/prove.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* How many open designs one fold brings back: those with the best bounds. */
enum { OPEN_LISTED = 4096, BLOCK = 1024 };

/* After so many designs, seconds at most, a fold looks whether somebody wants the run to stop. */
static const uint64_t slice_points = UINT64_C(1) << 19;

enum openness { CLOSED, OPEN_FRONT, OPEN_BEST };

/* A design that bounds do not exclude. */
struct open_design {
  double bound; /* of the metric */
  uint64_t index;
  uint64_t openness;
};

/* What a fold over the space accumulates. Plain bytes; merging in any order gives the same. */
struct tally {
  uint64_t allowed, pruned, open_best, open_front; /* open_front: those that cannot be the best */
  struct exclusions exclusions;
  double bound; /* best bound among allowed, not yet evaluated designs; NaN-free: see has_bound */
  uint64_t has_bound, n_listed;
  struct open_design listed[OPEN_LISTED]; /* in the order of their turn */
};

struct fold {
  const struct rounds *rounds;
  uint64_t offset; /* of the slice */
  double best;     /* to beat */
  bool has_best, best_proven;
  struct point_set *closed; /* designs that only their closer bounds exclude from the front */
  struct tally *part;       /* of the slice */
};

enum {
  TALLY_WORDS = sizeof(struct tally) / sizeof(uint64_t),
  OPEN_WORDS = sizeof(struct open_design) / sizeof(uint64_t)
};

static const struct space *space_of(const struct fold *fold) { return &fold->rounds->designs->space; }

/* Scatters the designs that may join the front, so that the first ones evaluated lie all over it and close most of the
 * rest (the finaliser of MurmurHash3, a bijection: no two indices collide). */
static uint64_t scattered(uint64_t index) {
  index = (index ^ index >> 33) * UINT64_C(0xff51afd7ed558ccd);
  index = (index ^ index >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
  return index ^ index >> 33;
}

/* Whose turn is first? Those that may be the best, best bound first; then those that may join the front, scattered. */
static bool before(const struct space *space, const struct open_design *a, const struct open_design *b) {
  if (a->openness != b->openness) return a->openness > b->openness;
  if (a->openness == OPEN_FRONT) return scattered(a->index) < scattered(b->index);
  if (space_better(space, a->bound, b->bound)) return true;
  return !space_better(space, b->bound, a->bound) && a->index < b->index;
}

static void list_open(const struct space *space, struct tally *tally, const struct open_design *design) {
  size_t low = 0, high = tally->n_listed;
  if (high == OPEN_LISTED && before(space, &tally->listed[high - 1], design)) return;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (before(space, &tally->listed[middle], design)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const size_t last = tally->n_listed < OPEN_LISTED ? tally->n_listed++ : OPEN_LISTED - 1;
  memmove(&tally->listed[low + 1], &tally->listed[low], (last - low) * sizeof tally->listed[0]);
  tally->listed[low] = *design;
}

static void take_bound(const struct space *space, struct tally *tally, double bound) {
  if (!tally->has_bound || space_better(space, bound, tally->bound)) tally->bound = bound;
  tally->has_bound = 1;
}

/* Could this design, of which only bounds are known, still matter? */
static enum openness openness_of(const struct fold *fold, const struct point *point, const struct score *screened) {
  const bool may_be_best = !fold->has_best || space_better(space_of(fold), screened->bound, fold->best);
  if (may_be_best && !fold->best_proven) return OPEN_BEST; /* else closer bounds have excluded it */
  const struct run_search *search = &fold->rounds->designs->settings->search;
  if (!search->prove_front) return CLOSED;
  return pareto_covers(fold->rounds->front, screened->objective, point) ? CLOSED : OPEN_FRONT;
}

static void fold_block(void *context, uint64_t first, uint64_t end) {
  const struct fold *fold = context;
  const struct space *space = space_of(fold);
  struct tally *tally = fold->part;
  for (uint64_t index = first; index < end; index++) {
    const struct point point = space_point(space, fold->offset + index);
    struct score screened;
    space->screen(space->context, &point, &screened);
    if (screened.reason != REASON_NONE) {
      exclusions_count(&tally->exclusions, space, &point, &screened);
      continue;
    }
    tally->allowed++;
    if (point_set_has(fold->rounds->evaluated, &point)) continue;
    take_bound(space, tally, screened.bound);
    const bool closed = point_set_has(fold->closed, &point);
    const enum openness openness = closed ? CLOSED : openness_of(fold, &point, &screened);
    tally->pruned += openness == CLOSED;
    tally->open_front += openness == OPEN_FRONT;
    tally->open_best += openness == OPEN_BEST;
    const struct open_design design = {screened.bound, fold->offset + index, openness};
    if (openness != CLOSED) list_open(space, tally, &design);
  }
}

static void add(const struct space *space, struct tally *a, const struct tally *b) {
  a->allowed += b->allowed;
  a->pruned += b->pruned;
  a->open_best += b->open_best;
  a->open_front += b->open_front;
  exclusions_merge(&a->exclusions, &b->exclusions);
  if (b->has_bound) take_bound(space, a, b->bound);
  for (size_t i = 0; i < b->n_listed; i++) list_open(space, a, &b->listed[i]);
}

static void empty(struct tally *tally) {
  memset(tally, 0, sizeof *tally);
  exclusions_clear(&tally->exclusions);
}

static void clear(void *context) { empty(((struct fold *)context)->part); }

/* A tally is words through and through; those of the list's empty end stay at home. */
static const uint64_t *pack(void *context, size_t *n_words) {
  const struct tally *tally = ((struct fold *)context)->part;
  *n_words = TALLY_WORDS - OPEN_WORDS * (OPEN_LISTED - tally->n_listed);
  return (const uint64_t *)(const void *)tally;
}

static void merge(void *context, const uint64_t *words, size_t n_words) {
  const struct fold *fold = context;
  REQUIRE(n_words <= TALLY_WORDS);
  add(space_of(fold), fold->part, (const struct tally *)(const void *)words);
}

static bool is_interrupted(void *context) {
  const struct rounds *rounds = ((const struct fold *)context)->rounds;
  return rounds->interrupted(rounds->stop_context);
}

/* The whole space, a slice after the other; rounds->stopped if it was left in between. */
static bool fold_space(struct rounds *rounds, struct fold *fold, struct tally *tally, struct error *error) {
  const uint64_t n = space_size(space_of(fold));
  enum cluster_end end = CLUSTER_DONE;
  empty(tally);
  rounds->fold_total = n;
  for (uint64_t done = 0; done < n && end == CLUSTER_DONE && !rounds->stopped;) {
    fold->offset = rounds->fold_done = done;
    if (done > 0) {
      if (rounds->progress != NULL) rounds->progress(rounds->progress_context, rounds);
      rounds->stopped = cluster_any(rounds->cluster, rounds->stop != NULL && rounds->stop(rounds->stop_context));
      if (rounds->stopped) break;
    }
    const uint64_t slice = min_u64(slice_points, n - done);
    const struct cluster_blocks blocks = {
        .n = slice,
        .block = BLOCK,
        .clear = clear,
        .fold = fold_block,
        .pack = pack,
        .merge = merge,
        .interrupted = rounds->interrupted != NULL ? is_interrupted : NULL,
        .context = fold,
    };
    end = cluster_fold(rounds->cluster, &blocks, error);
    if (end == CLUSTER_DROPPED) rounds->stopped = true;
    if (end == CLUSTER_DONE) add(space_of(fold), tally, fold->part);
    done += slice;
  }
  rounds->fold_done = rounds->fold_total = 0;
  return end != CLUSTER_FAILED;
}

static void best_so_far(struct fold *fold) {
  const struct topk *topk = fold->rounds->topk;
  fold->has_best = topk_count(topk) > 0;
  if (fold->has_best) fold->best = topk_at(topk, 0)->score.objective[space_of(fold)->metric];
}

/* Relative distance between what was found and what cannot be exceeded; 1 while nothing is found and some design may
 * yet turn out to be feasible. */
static double gap_of(const struct fold *fold, double bound) {
  if (!fold->has_best) return 1;
  if (!space_better(space_of(fold), bound, fold->best)) return 0;
  const double larger = fmax(fabs(bound), fabs(fold->best));
  return larger > 0 ? fabs(bound - fold->best) / larger : 0;
}

/* Evaluates listed designs that still matter when their turn comes. */
static bool evaluate_open(struct rounds *rounds, struct fold *fold, const struct tally *tally, uint64_t budget,
                          struct proof *proof, struct error *error) {
  const struct space *space = space_of(fold);
  struct point *batch = ARENA_NEW(rounds->arena, struct point, rounds->round_size);
  for (size_t next = 0; next < tally->n_listed && proof->evaluated < budget && !rounds->stopped;) {
    size_t n = 0;
    for (; next < tally->n_listed && n < rounds->round_size; next++) {
      const struct point point = space_point(space, tally->listed[next].index);
      struct score screened;
      space->screen(space->context, &point, &screened);
      enum openness openness = openness_of(fold, &point, &screened);
      if (openness == CLOSED) continue;
      if (openness == OPEN_FRONT && space->refine != NULL) {
        space->refine(space->context, &point, &screened);
        if (screened.reason != REASON_NONE || openness_of(fold, &point, &screened) == CLOSED) {
          point_set_add(fold->closed, &point);
          continue;
        }
      }
      proof->evaluated_best += openness == OPEN_BEST;
      batch[n++] = point;
    }
    if (n == 0) continue;
    if (!rounds_evaluate(rounds, "prove", batch, n, error)) return false;
    proof->evaluated += n;
    best_so_far(fold);
  }
  return true;
}

/* A sweep has visited every design: what it left out, bounds exclude. */
static bool prove_by_sweep(const struct rounds *rounds, struct proof *proof) {
  const struct sweep_counts *swept = rounds->swept;
  const struct search_algorithm *algorithm = search_algorithm_find("sweep");
  const struct sweep_settings *settings = run_algorithm_settings(rounds->designs->settings, algorithm);
  const bool any = topk_count(rounds->topk) > 0;
  proof->complete = true;
  proof->allowed = swept->allowed;
  proof->pruned = swept->pruned;
  proof->exclusions = swept->exclusions;
  proof->optimal = any;
  proof->front_complete = settings->front;
  if (any) proof->bound = topk_at(rounds->topk, 0)->score.objective[rounds->designs->space.metric];
  return true;
}

/* --- the best, by branch and bound ----------------------------------------------------------------------------------
 */

static bool may_win(void *context, double bound, const struct point *first) {
  (void)first;
  const struct fold *fold = context;
  return !fold->has_best || space_better(space_of(fold), bound, fold->best);
}

/* Word to those who watch, and do they want it to stop? What an interrupted ask gave is not the same on all ranks. */
static bool goes_on(struct rounds *rounds, const struct boxes *boxes) {
  rounds->fold_total = space_size(&rounds->designs->space);
  rounds->fold_done = rounds->fold_total - boxes_counts(boxes)->open;
  if (rounds->progress != NULL) rounds->progress(rounds->progress_context, rounds);
  rounds->stopped =
      cluster_any(rounds->cluster, rounds->interrupted != NULL && rounds->interrupted(rounds->stop_context)) ||
      cluster_any(rounds->cluster, rounds->stop != NULL && rounds->stop(rounds->stop_context));
  rounds->fold_done = rounds->fold_total = 0;
  return !rounds->stopped;
}

static void take_boxes(struct proof *proof, const struct boxes *boxes) {
  proof->has_boxes = true;
  proof->boxes = *boxes_counts(boxes);
  proof->has_ceiling = boxes_ceiling(boxes, &proof->ceiling);
}

/* Evaluates what could win until nothing is left, the budget is spent or the gap is small enough. The first point of an
 * ask has the best bound of all that is open. */
static bool prove_best(struct rounds *rounds, struct fold *fold, uint64_t budget, struct proof *proof,
                       struct error *error) {
  const struct run_search *search = &rounds->designs->settings->search;
  const struct space *space = space_of(fold);
  const struct boxes_filter filter = {.admits = may_win,
                                      .evaluated = rounds->evaluated,
                                      .context = fold,
                                      .interrupted = rounds->interrupted,
                                      .interrupted_context = rounds->stop_context};
  struct boxes *boxes = boxes_new(space, rounds->arena);
  struct point *batch = ARENA_NEW(rounds->arena, struct point, rounds->round_size);
  for (;;) {
    best_so_far(fold);
    const size_t n = boxes_ask(boxes, &filter, batch, proof->evaluated < budget ? rounds->round_size : 1);
    if (!goes_on(rounds, boxes)) return true;
    take_boxes(proof, boxes);
    proof->bound = fold->best;
    proof->gap = 0;
    if (n == 0) break;
    struct score screened;
    space->screen(space->context, &batch[0], &screened);
    proof->bound = screened.bound;
    proof->gap = gap_of(fold, screened.bound);
    if (proof->evaluated >= budget || (fold->has_best && proof->gap <= search->gap_target)) {
      proof->boxes.asked -= n;
      proof->boxes.open += n;
      break;
    }
    if (!rounds_evaluate(rounds, "prove", batch, n, error)) return false;
    if (rounds->stopped) return true;
    proof->evaluated += n;
  }
  proof->evaluated_best = proof->evaluated;
  return true;
}

/* --- every design: counts, and the front ----------------------------------------------------------------------------
 */

static bool prove_front(struct rounds *rounds, struct fold *fold, uint64_t budget, struct proof *proof,
                        struct error *error) {
  struct tally *tally = fold->part - 1;
  fold->best_proven = proof->optimal;
  fold->closed = point_set_new(rounds->arena);
  for (;;) {
    best_so_far(fold);
    if (!fold_space(rounds, fold, tally, error)) return false;
    if (rounds->stopped) return true; /* nothing is proven */
    if (tally->open_front == 0 || proof->evaluated >= budget) break;
    const uint64_t before = proof->evaluated + point_set_count(fold->closed);
    if (!evaluate_open(rounds, fold, tally, budget, proof, error)) return false;
    if (proof->evaluated + point_set_count(fold->closed) == before || rounds->stopped) break;
  }
  proof->counted = true;
  proof->allowed = tally->allowed;
  proof->pruned = tally->pruned;
  proof->open = tally->open_best + tally->open_front;
  proof->front_complete = rounds->designs->settings->search.prove_front && proof->open == 0;
  proof->exclusions = tally->exclusions;
  return true;
}

bool prove(struct rounds *rounds, struct proof *proof, struct error *error) {
  const struct run_search *search = &rounds->designs->settings->search;
  /* A search that was cut goes on when its budget is raised, and what comes behind it must not be in the way. */
  const uint64_t budget = search->prove && !rounds->cut ? search->prove_evaluations : 0;
  struct tally *tally = ARENA_NEW(rounds->arena, struct tally, 2);
  struct fold fold = {.rounds = rounds, .part = tally + 1};
  memset(proof, 0, sizeof *proof);
  exclusions_clear(&proof->exclusions);
  proof->searched = rounds->evaluations;
  proof->points = space_size(&rounds->designs->space);
  if (rounds->swept != NULL) return prove_by_sweep(rounds, proof);
  if (rounds->certificate != NULL) {
    best_so_far(&fold);
    take_boxes(proof, rounds->certificate);
    proof->bound = fold.best;
  } else if (!prove_best(rounds, &fold, budget, proof, error)) {
    return false;
  }
  if (rounds->stopped) return true;
  proof->optimal = fold.has_best && proof->boxes.open == 0;
  proof->allowed = proof->points;
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) proof->allowed -= proof->boxes.excluded[r];
  for (size_t b = 0; b < BOXES_MAX_BINDINGS; b++) proof->pruned += proof->boxes.pruned[b];
  proof->open = proof->boxes.open;
  if (proof->points <= search->bound_points && !prove_front(rounds, &fold, budget, proof, error)) return false;
  if (rounds->stopped) return true;
  /* Closing the front may turn up an equal design that comes first, but no better one. */
  proof->complete = true;
  return true;
}
