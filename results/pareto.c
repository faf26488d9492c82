/* Which designs are beaten by no other in every objective at once?
 *
 * The front is kept sorted by objectives, best first. Then only records before a new one can dominate it, and only
 * records behind it can be dominated by it. The hypervolume slices along the last objective: from the least gain up,
 * each design adds a slab whose thickness is its gain there and whose base is what its box covers, in the other
 * objectives, beyond the boxes of all designs with more gain. Source: the exclusive volumes of While, Bradstreet and
 * Barone 2012, "A Fast Way of Calculating Exact Hypervolumes" (WFG). Left out: fronts within a tolerance, and thinning
 * for display. */
#include "results/pareto.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct pareto {
  struct arena *arena;
  const struct objective *objectives;
  size_t which[SCORE_MAX_OBJECTIVES];           /* of the scores' objectives, in the order in which they count */
  size_t n_objectives, n, capacity, last_cover; /* the last: where a cover was found last, for speed alone */
  struct record *records;
};

struct pareto *pareto_new_of(struct arena *arena, const struct objective *objectives, const size_t *which,
                             size_t n_objectives) {
  REQUIRE(n_objectives >= 1 && n_objectives <= SCORE_MAX_OBJECTIVES);
  struct pareto *const front = ARENA_NEW(arena, struct pareto, 1);
  *front = (struct pareto){.arena = arena, .objectives = objectives, .n_objectives = n_objectives};
  for (size_t i = 0; i < n_objectives; i++) {
    front->which[i] = which != NULL ? which[i] : i;
    REQUIRE(front->which[i] < SCORE_MAX_OBJECTIVES);
  }
  return front;
}

struct pareto *pareto_new(struct arena *arena, const struct objective *objectives, size_t n_objectives) {
  return pareto_new_of(arena, objectives, NULL, n_objectives);
}

/* Of objective number i of the front: is the value of a better than that of b? */
static bool better_in(const struct pareto *front, size_t i, const struct record *a, const struct record *b) {
  const size_t o = front->which[i];
  return objective_better(&front->objectives[o], a->score.objective[o], b->score.objective[o]);
}

/* < 0: a comes first in the order of the front; 0: equal in all objectives. */
static int compare_objectives(const struct pareto *front, const struct record *a, const struct record *b) {
  for (size_t i = 0; i < front->n_objectives; i++) {
    if (better_in(front, i, a, b)) return -1;
    if (better_in(front, i, b, a)) return 1;
  }
  return 0;
}

/* Is b nowhere better than a? */
static bool covers(const struct pareto *front, const struct record *a, const struct record *b) {
  for (size_t i = 0; i < front->n_objectives; i++)
    if (better_in(front, i, b, a)) return false;
  return true;
}

/* The first place whose record does not come before this one. */
static size_t find_place(const struct pareto *front, const struct record *record) {
  size_t low = 0, high = front->n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (compare_objectives(front, &front->records[middle], record) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static void insert(struct pareto *front, size_t place, const struct record *record) {
  if (front->n == front->capacity) {
    front->capacity = front->capacity == 0 ? 64 : 2 * front->capacity;
    struct record *const records = ARENA_NEW(front->arena, struct record, front->capacity);
    if (front->n > 0) memcpy(records, front->records, front->n * sizeof *records);
    front->records = records;
  }
  memmove(&front->records[place + 1], &front->records[place], (front->n - place) * sizeof *front->records);
  front->records[place] = *record;
  front->n++;
}

bool pareto_add(struct pareto *front, const struct record *record) {
  if (record->score.reason != SCORE_FEASIBLE) return false;
  const size_t place = find_place(front, record);
  if (place < front->n && compare_objectives(front, &front->records[place], record) == 0) {
    if (point_compare(&record->point, &front->records[place].point) >= 0) return false;
    front->records[place] = *record;
    return true;
  }
  for (size_t i = 0; i < place; i++)
    if (covers(front, &front->records[i], record)) return false;
  size_t kept = place;
  for (size_t i = place; i < front->n; i++)
    if (!covers(front, record, &front->records[i])) {
      if (kept != i) front->records[kept] = front->records[i];
      kept++;
    }
  front->n = kept;
  insert(front, place, record);
  return true;
}

/* Strictly better somewhere than the limit is strictly better than what the limit bounds; equal to the limit may be
 * equal to it, and then the earlier point stays, or is it. */
static bool excludes(const struct pareto *front, const struct record *record, const struct record *limit) {
  if (!covers(front, record, limit)) return false;
  return compare_objectives(front, record, limit) != 0 || point_compare(&record->point, &limit->point) <= 0;
}

bool pareto_covers(struct pareto *front, const double *objectives, const struct point *point) {
  struct record limit = {.point = *point};
  for (size_t i = 0; i < front->n_objectives; i++) {
    limit.score.objective[front->which[i]] = objectives[front->which[i]];
  }
  if (front->last_cover < front->n && excludes(front, &front->records[front->last_cover], &limit)) return true;
  /* What covers the limit is at least as good in the first objective, which orders the front. */
  for (size_t i = 0; i < front->n; i++) {
    const struct record *const record = &front->records[i];
    if (better_in(front, 0, &limit, record)) return false;
    if (!excludes(front, record, &limit)) continue;
    front->last_cover = i;
    return true;
  }
  return false;
}

void pareto_clear(struct pareto *front) { front->n = 0; }

void pareto_merge(struct pareto *front, const struct pareto *from) {
  REQUIRE(front->n_objectives == from->n_objectives);
  for (size_t i = 0; i < from->n; i++) pareto_add(front, &from->records[i]);
}

size_t pareto_count(const struct pareto *front) { return front->n; }

const struct record *pareto_at(const struct pareto *front, size_t i) {
  REQUIRE(i < front->n);
  return &front->records[i];
}

/* --- hypervolume ---------------------------------------------------------------------------------------------------
 */

/* How far a design is better than the reference; more is better in every objective. */
struct gains {
  double of[SCORE_MAX_OBJECTIVES];
};

/* Orders by the last objective, least gain first: `dimension` objectives count. Ties go by the others, so that the
 * order of summation, hence every bit of the result, depends on the values alone. */
static int compare_gains(const void *left, const void *right, void *dimension) {
  const struct gains *const a = left, *const b = right;
  for (size_t i = *(const size_t *)dimension; i-- > 0;)
    if (a->of[i] != b->of[i]) return a->of[i] < b->of[i] ? -1 : 1;
  return 0;
}

/* What points sorted by the second objective cover in the plane: from the top down, each adds a step. */
static double area(const struct gains *points, size_t n) {
  double total = 0, width = 0;
  for (size_t i = n; i-- > 0;) {
    if (points[i].of[0] <= width) continue;
    total += (points[i].of[0] - width) * points[i].of[1];
    width = points[i].of[0];
  }
  return total;
}

/* Adds a point unless the list covers it, and drops what it covers. */
static size_t add_uncovered(struct gains *points, size_t n, const struct gains *point, size_t dimension) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    bool covers_new = true, covers_old = true;
    for (size_t d = 0; d < dimension; d++) {
      covers_new = covers_new && points[i].of[d] >= point->of[d];
      covers_old = covers_old && points[i].of[d] <= point->of[d];
    }
    if (covers_new) return n; /* then the new one covers no other that this one does not, and none was dropped */
    if (covers_old) continue;
    points[kept++] = points[i];
  }
  points[kept++] = *point;
  return kept;
}

/* Of points in `dimension` objectives; sorts them. */
static double volume(struct gains *points, size_t n, size_t dimension, struct arena *scratch) {
  qsort_r(points, n, sizeof *points, compare_gains, &dimension);
  if (dimension == 1) return n == 0 ? 0 : points[n - 1].of[0];
  if (dimension == 2) return area(points, n);
  const struct arena_mark mark = arena_get_mark(scratch);
  struct gains *const within = ARENA_NEW(scratch, struct gains, n);
  double total = 0;
  for (size_t i = 0; i < n; i++) {
    double base = 1;
    for (size_t d = 0; d + 1 < dimension; d++) base *= points[i].of[d];
    size_t n_within = 0; /* the boxes of all that gain more, cut to the box of this one */
    for (size_t j = i + 1; j < n; j++) {
      struct gains cut = {0};
      for (size_t d = 0; d + 1 < dimension; d++)
        cut.of[d] = points[j].of[d] < points[i].of[d] ? points[j].of[d] : points[i].of[d];
      n_within = add_uncovered(within, n_within, &cut, dimension - 1);
    }
    total += points[i].of[dimension - 1] * (base - volume(within, n_within, dimension - 1, scratch));
  }
  arena_rewind(scratch, mark);
  return total;
}

double pareto_hypervolume(const struct pareto *front, const double *reference, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct gains *const points = ARENA_NEW(scratch, struct gains, front->n);
  size_t n = 0;
  for (size_t i = 0; i < front->n; i++) {
    bool better = true;
    for (size_t d = 0; d < front->n_objectives; d++) {
      const size_t o = front->which[d];
      const double value = front->records[i].score.objective[o];
      points[n].of[d] = front->objectives[o].maximise ? value - reference[d] : reference[d] - value;
      better = better && points[n].of[d] > 0;
    }
    n += better;
  }
  const double total = volume(points, n, front->n_objectives, scratch);
  arena_rewind(scratch, mark);
  return total;
}
