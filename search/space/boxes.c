/* See boxes.h.
 *
 * Which axis is split: every axis is tried and both halves are bounded; the axis where bounds fall most wins, the one
 * with more values where that is equal. That costs two bounds an axis, which is little beside the evaluations that a
 * better split saves. */
#include "search/space/boxes.h"

#include "base/checked.h"
#include "base/error.h"
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

static void split(struct boxes *boxes, const struct boxes_filter *filter, const struct box *box) {
  const struct space *space = boxes->space;
  struct half best[2], halves[2];
  double best_gain = -1;
  unsigned best_values = 0;
  for (size_t a = 0; a < space->n_axes; a++) {
    const unsigned values = (unsigned)(box->high.index[a] - box->low.index[a]) + 1;
    if (values == 1) continue;
    split_at(box, a, halves);
    for (size_t h = 0; h < 2; h++) bound_half(boxes, &halves[h]);
    const double gain = gain_of(boxes, box->bound, &halves[0]) + gain_of(boxes, box->bound, &halves[1]);
    if (gain < best_gain || (gain == best_gain && values <= best_values)) continue;
    memcpy(best, halves, sizeof best);
    best_gain = gain;
    best_values = values;
  }
  REQUIRE(best_values > 1);
  for (size_t h = 0; h < 2; h++) settle(boxes, filter, &best[h]);
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

struct boxes *boxes_new(const struct space *space, struct arena *arena) {
  REQUIRE(space->n_reasons <= SPACE_MAX_REASONS);
  struct boxes *boxes = ARENA_NEW(arena, struct boxes, 1);
  *boxes = (struct boxes){.space = space, .arena = arena, .capacity = 256};
  boxes->heap = ARENA_NEW(arena, struct box, boxes->capacity);
  struct half whole = {.box = {.low = {{0}}}};
  for (size_t a = 0; a < space->n_axes; a++) whole.box.high.index[a] = (uint16_t)(space->axes[a].n - 1);
  bound_half(boxes, &whole);
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

/* A point whose turn has come gets a tighter bound and waits for its turn by that; it may be out by then. */
static bool refine(struct boxes *boxes, const struct boxes_filter *filter, const struct box *box) {
  const struct space *space = boxes->space;
  if (space->refine == NULL || box->refined) return false;
  if (filter->evaluated != NULL && point_set_has(filter->evaluated, &box->low)) return false;
  struct half half = {.box = *box, .volume = 1};
  struct score score = {.reason = SCORE_FEASIBLE};
  space->refine(space->context, &box->low, &score);
  half.reason = score.reason;
  half.box.refined = true;
  half.box.bound = score.bound;
  half.box.binding = score.binding < BOXES_MAX_BINDINGS ? score.binding : 0;
  boxes->counts.n_refined++;
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
