/* See boxes.h.
 *
 * Which axis is split: every axis is tried and both halves are bounded; the axis where bounds fall most wins, the one
 * with more values where that is equal. That costs two bounds an axis, which is little beside the evaluations that a
 * better split saves. */
#include "search/space/boxes.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/rng.h"
#include <math.h>
#include <string.h>

struct box {
  struct point low, high;
  double bound;
  uint32_t binding;
  bool refined; /* of a single point: its bound is the tighter one */
};

struct boxes {
  const struct space *space;
  struct arena *arena;
  struct box *heap; /* the best bound first; of equal ones, the box whose first point comes first */
  size_t n, capacity;
  struct boxes_counts counts;
  double ceiling; /* best first, so that the first point that comes out has the best bound */
  bool has_ceiling;
};

static uint64_t n_points(const struct space *space, const struct point *low, const struct point *high) {
  uint64_t n = 1;
  for (size_t a = 0; a < space->n_axes; a++) n = sat_mul(n, (uint64_t)(high->index[a] - low->index[a]) + 1);
  return n;
}

/* --- the heap -------------------------------------------------------------------------------------------------------
 */

static bool before(const struct boxes *boxes, const struct box *a, const struct box *b) {
  if (space_better(boxes->space, a->bound, b->bound)) return true;
  if (space_better(boxes->space, b->bound, a->bound)) return false;
  return point_compare(&a->low, &b->low) < 0;
}

static void push(struct boxes *boxes, const struct box *box) {
  if (boxes->n == boxes->capacity) {
    struct box *bigger = ARENA_NEW(boxes->arena, struct box, boxes->capacity * 2);
    memcpy(bigger, boxes->heap, boxes->n * sizeof *bigger);
    boxes->heap = bigger;
    boxes->capacity *= 2;
  }
  size_t at = boxes->n++;
  for (; at > 0 && before(boxes, box, &boxes->heap[(at - 1) / 2]); at = (at - 1) / 2) {
    boxes->heap[at] = boxes->heap[(at - 1) / 2];
  }
  boxes->heap[at] = *box;
}

static struct box pop(struct boxes *boxes) {
  const struct box first = boxes->heap[0], last = boxes->heap[--boxes->n];
  size_t at = 0;
  for (size_t child = 1; child < boxes->n; child = 2 * at + 1) {
    if (child + 1 < boxes->n && before(boxes, &boxes->heap[child + 1], &boxes->heap[child])) child++;
    if (!before(boxes, &boxes->heap[child], &last)) break;
    boxes->heap[at] = boxes->heap[child];
    at = child;
  }
  if (boxes->n > 0) boxes->heap[at] = last;
  return first;
}

/* --- bounding and splitting -----------------------------------------------------------------------------------------
 */

/* A half of a box, before anybody has decided for it. */
struct half {
  struct box box;
  uint64_t volume;                      /* before it was cut */
  uint64_t excluded[SPACE_MAX_REASONS]; /* of it, what was cut off */
  uint16_t reason;
};

/* Of a space that bounds no boxes: points by their screen, boxes not at all, so that all points are looked at. */
static void bound_plainly(const struct space *space, const struct box *box, struct score *score) {
  if (space->screen != NULL && point_compare(&box->low, &box->high) == 0) {
    space->screen(space->context, &box->low, score);
  } else {
    score->bound = space->objectives[space->metric].maximise ? INFINITY : 0;
  }
}

static void bound_half(struct boxes *boxes, struct half *half) {
  const struct space *space = boxes->space;
  struct score score = {.reason = SCORE_FEASIBLE};
  half->volume = n_points(space, &half->box.low, &half->box.high);
  memset(half->excluded, 0, sizeof half->excluded);
  if (space->bound_box != NULL) {
    space->bound_box(space->context, &half->box.low, &half->box.high, half->excluded, &score);
  } else {
    bound_plainly(space, &half->box, &score);
  }
  half->reason = score.reason;
  half->box.bound = score.bound;
  half->box.binding = score.binding < BOXES_MAX_BINDINGS ? score.binding : 0;
  boxes->counts.n_bounded++;
}

/* Puts a half where it belongs; its points are counted as open until now. */
static void settle(struct boxes *boxes, const struct boxes_filter *filter, const struct half *half) {
  struct boxes_counts *counts = &boxes->counts;
  const uint64_t left = n_points(boxes->space, &half->box.low, &half->box.high);
  if (half->reason != SCORE_FEASIBLE) {
    counts->open -= half->volume;
    counts->excluded[half->reason] += half->volume;
    return;
  }
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) counts->excluded[r] += half->excluded[r];
  counts->open -= half->volume - left;
  if (filter->admits(filter->context, half->box.bound, &half->box.low)) {
    push(boxes, &half->box);
  } else {
    counts->open -= left;
    counts->pruned[half->box.binding] += left;
  }
}

/* By how much a half is worse than the whole, from 0 (not at all) to 1 (excluded). */
static double gain_of(const struct boxes *boxes, double whole, const struct half *half) {
  if (half->reason != SCORE_FEASIBLE) return 1;
  const bool maximise = boxes->space->objectives[boxes->space->metric].maximise;
  const double worse = maximise ? half->box.bound : whole, better = maximise ? whole : half->box.bound;
  if (isinf(better) || !(better > 0)) return worse < better || (maximise && isinf(whole) && !isinf(worse)) ? 1 : 0;
  return worse < better ? 1 - worse / better : 0;
}

static void split_at(const struct box *box, size_t axis, struct half halves[2]) {
  const uint16_t middle = (uint16_t)((box->low.index[axis] + box->high.index[axis]) / 2);
  for (size_t h = 0; h < 2; h++) halves[h].box = *box;
  halves[0].box.high.index[axis] = middle;
  halves[1].box.low.index[axis] = (uint16_t)(middle + 1);
}

/* The two halves along the axis that gains most, of a box of several points. */
static void halve(struct boxes *boxes, const struct box *box, struct half best[2]) {
  const struct space *space = boxes->space;
  struct half halves[2];
  double best_gain = -1;
  unsigned best_values = 0;
  for (size_t a = 0; a < space->n_axes; a++) {
    const unsigned values = (unsigned)(box->high.index[a] - box->low.index[a]) + 1;
    if (values == 1) continue;
    split_at(box, a, halves);
    for (size_t h = 0; h < 2; h++) bound_half(boxes, &halves[h]);
    const double gain = gain_of(boxes, box->bound, &halves[0]) + gain_of(boxes, box->bound, &halves[1]);
    if (gain < best_gain || (gain == best_gain && values <= best_values)) continue;
    memcpy(best, halves, sizeof halves);
    best_gain = gain;
    best_values = values;
  }
  REQUIRE(best_values > 1);
}

static void split(struct boxes *boxes, const struct boxes_filter *filter, const struct box *box) {
  struct half halves[2];
  halve(boxes, box, halves);
  for (size_t h = 0; h < 2; h++) settle(boxes, filter, &halves[h]);
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

static struct half bound_whole(struct boxes *boxes) {
  const struct space *space = boxes->space;
  struct half whole = {.box = {.low = {{0}}}};
  for (size_t a = 0; a < space->n_axes; a++) whole.box.high.index[a] = (uint16_t)(space->axes[a].n - 1);
  bound_half(boxes, &whole);
  return whole;
}

struct boxes *boxes_new(const struct space *space, struct arena *arena) {
  REQUIRE(space->n_reasons <= SPACE_MAX_REASONS);
  struct boxes *boxes = ARENA_NEW(arena, struct boxes, 1);
  *boxes = (struct boxes){.space = space, .arena = arena, .capacity = 256};
  boxes->heap = ARENA_NEW(arena, struct box, boxes->capacity);
  const struct half whole = bound_whole(boxes);
  boxes->counts.open = whole.volume;
  if (whole.reason != SCORE_FEASIBLE) {
    boxes->counts.excluded[whole.reason] = whole.volume;
    boxes->counts.open = 0;
    return boxes;
  }
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) boxes->counts.excluded[r] = whole.excluded[r];
  boxes->counts.open = n_points(space, &whole.box.low, &whole.box.high);
  push(boxes, &whole.box);
  return boxes;
}

static void note_ceiling(struct boxes *boxes, double bound) {
  if (!boxes->has_ceiling) boxes->ceiling = bound;
  boxes->has_ceiling = true;
}

/* Nothing that is left can enter: the best bound is refused, and with it all others. */
static void prune_all(struct boxes *boxes) {
  note_ceiling(boxes, boxes->heap[0].bound);
  for (size_t b = 0; b < boxes->n; b++) {
    const struct box *box = &boxes->heap[b];
    const uint64_t n = n_points(boxes->space, &box->low, &box->high);
    boxes->counts.pruned[box->binding] += n;
    boxes->counts.open -= n;
  }
  boxes->n = 0;
}

/* A point with its tighter bound; false: it has none, or has it already, or needs none. */
static bool come_closer(struct boxes *boxes, const struct boxes_filter *filter, const struct box *box,
                        struct half *half) {
  const struct space *space = boxes->space;
  if (space->refine == NULL || box->refined) return false;
  if (filter->evaluated != NULL && point_set_has(filter->evaluated, &box->low)) return false;
  struct score score = {.reason = SCORE_FEASIBLE};
  space->refine(space->context, &box->low, &score);
  *half = (struct half){.box = *box, .volume = 1, .reason = score.reason};
  half->box.refined = true;
  half->box.bound = score.bound;
  half->box.binding = score.binding < BOXES_MAX_BINDINGS ? score.binding : 0;
  boxes->counts.n_refined++;
  return true;
}

/* A point whose turn has come gets a tighter bound and waits for its turn by that; it may be out by then. */
static bool refine(struct boxes *boxes, const struct boxes_filter *filter, const struct box *box) {
  struct half half;
  if (!come_closer(boxes, filter, box, &half)) return false;
  settle(boxes, filter, &half);
  return true;
}

size_t boxes_ask(struct boxes *boxes, const struct boxes_filter *filter, struct point *points, size_t most) {
  size_t n = 0;
  while (n < most && boxes->n > 0) {
    if (filter->interrupted != NULL && filter->interrupted(filter->interrupted_context)) return 0;
    if (!filter->admits(filter->context, boxes->heap[0].bound, &boxes->heap[0].low)) {
      prune_all(boxes);
      break;
    }
    const struct box box = pop(boxes);
    if (point_compare(&box.low, &box.high) != 0) {
      split(boxes, filter, &box);
      continue;
    }
    note_ceiling(boxes, box.bound);
    if (refine(boxes, filter, &box)) continue;
    boxes->counts.open--;
    if (filter->evaluated != NULL && point_set_has(filter->evaluated, &box.low)) {
      boxes->counts.known++;
      continue;
    }
    boxes->counts.asked++;
    points[n++] = box.low;
  }
  REQUIRE(boxes->n > 0 || boxes->counts.open == 0); /* every point is somewhere */
  return n;
}

const struct boxes_counts *boxes_counts(const struct boxes *boxes) { return &boxes->counts; }

bool boxes_ceiling(const struct boxes *boxes, double *bound) {
  *bound = boxes->ceiling;
  return boxes->has_ceiling;
}

/* --- how much is there to do? ---------------------------------------------------------------------------------------
 */

enum { MOST_LEVELS = 65, N_NEARNESSES = 5 };
/* How much better than what has to be beaten a box's bound is, at most, in each group but the last. */
static const double nearness[N_NEARNESSES - 1] = {0.01, 0.05, 0.2, 0.8};

/* Of all boxes of about the same size and bound a few stand for the others. */
struct group {
  size_t n;
  struct {
    struct box box;
    double n; /* how many it stands for */
  } of[BOXES_MAX_KEPT];
};

struct probe {
  const struct boxes_filter *filter;
  const struct boxes_probing *probing;
  struct group (*groups)[N_NEARNESSES]; /* [MOST_LEVELS] */
};

static unsigned level_of(const struct space *space, const struct box *box) {
  unsigned level = 0;
  for (uint64_t n = n_points(space, &box->low, &box->high); n > 1; n /= 2) level++;
  return level;
}

static size_t nearness_of(const struct probe *probe, double bound) {
  const double best = probe->probing->best;
  const double larger = fmax(bound, best), smaller = fmin(bound, best);
  size_t n = 0;
  while (n < N_NEARNESSES - 1 && !(larger <= (1 + nearness[n]) * smaller)) n++;
  return n;
}

/* Where there is no room, one of those that are there stands for both, or this one, with the chance of its share. */
static void stand_in(struct boxes *boxes, struct probe *probe, const struct half *half, double n) {
  const struct boxes_filter *filter = probe->filter;
  if (half->reason != SCORE_FEASIBLE || !filter->admits(filter->context, half->box.bound, &half->box.low)) return;
  struct group *group = &probe->groups[level_of(boxes->space, &half->box)][nearness_of(probe, half->box.bound)];
  const size_t level = level_of(boxes->space, &half->box);
  const size_t n_kept = level < 2 ? min_u64(BOXES_MAX_KEPT, 8 * probe->probing->n_kept) : probe->probing->n_kept;
  const bool room = group->n < n_kept;
  const size_t at = room ? group->n++ : rng_below(probe->probing->rng, group->n);
  group->of[at].n = (room ? 0 : group->of[at].n) + n;
  if (rng_unit(probe->probing->rng) * group->of[at].n < n) group->of[at].box = half->box;
}

static void look_at(struct boxes *boxes, struct probe *probe, const struct box *box, double n,
                    struct boxes_work *work) {
  const struct point_set *evaluated = probe->filter->evaluated;
  const struct boxes_counts before = boxes->counts;
  const double start_s = probe->probing->clock_s();
  struct half halves[2];
  size_t n_halves = 0;
  if (point_compare(&box->low, &box->high) != 0) {
    halve(boxes, box, halves);
    n_halves = 2;
  } else if (come_closer(boxes, probe->filter, box, &halves[0])) {
    n_halves = 1;
  } else if (evaluated == NULL || !point_set_has(evaluated, &box->low)) {
    work->n_asked += n;
  }
  work->seconds += n * (probe->probing->clock_s() - start_s);
  work->n_bounded += n * (double)(boxes->counts.n_bounded - before.n_bounded);
  work->n_refined += n * (double)(boxes->counts.n_refined - before.n_refined);
  for (size_t h = 0; h < n_halves; h++) stand_in(boxes, probe, &halves[h], n);
}

bool boxes_probe(const struct space *space, const struct boxes_filter *filter, const struct boxes_probing *probing,
                 struct boxes_work *work) {
  REQUIRE(probing->n_kept > 0 && probing->n_kept <= BOXES_MAX_KEPT);
  const struct arena_mark mark = arena_get_mark(probing->arena);
  struct boxes boxes = {.space = space};
  struct probe probe = {.filter = filter, .probing = probing};
  probe.groups = arena_alloc(probing->arena, MOST_LEVELS, sizeof *probe.groups);
  *work = (struct boxes_work){.n_bounded = 1};
  const struct half whole = bound_whole(&boxes);
  bool good = true;
  stand_in(&boxes, &probe, &whole, 1);
  for (size_t level = MOST_LEVELS; good && level-- > 0;) {
    for (size_t g = 0; good && g < N_NEARNESSES;) {
      struct group *group = &probe.groups[level][g];
      if (group->n == 0) {
        g++;
        continue;
      }
      const struct box box = group->of[--group->n].box; /* its halves are smaller, or of the same level: then next */
      look_at(&boxes, &probe, &box, group->of[group->n].n, work);
      g = 0;
      good = filter->interrupted == NULL || !filter->interrupted(filter->interrupted_context);
    }
  }
  arena_rewind(probing->arena, mark);
  return good;
}
