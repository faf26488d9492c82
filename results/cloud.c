/* See cloud.h. The front: rows in lexicographic order are beaten by earlier ones only; of up to
 * three gains, by a staircase of the others, of more by what cover.h keeps. The volume: planes by their staircase,
 * solids by a sweep from the top whose base is such a staircase (the dimension sweep of Fonseca, Paquete and
 * López-Ibáñez 2006), anything higher by slices along its last gain. Left out: approximations. */
#include "results/cloud.h"

#include "base/error.h"
#include "results/cover.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What points cover in the plane: corners by rising x and falling y. */
struct staircase {
  size_t n;
  double *x, *y, area;
};

/* The first corner at x or beyond. */
static size_t staircase_at(const struct staircase *stairs, double x) {
  size_t low = 0, high = stairs->n;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (stairs->x[middle] < x) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* False if it lies within. */
static bool staircase_add(struct staircase *stairs, double x, double y) {
  const size_t low = staircase_at(stairs, x);
  if (low < stairs->n && stairs->y[low] >= y) return false;
  const size_t end = low + (low < stairs->n && stairs->x[low] == x);
  size_t start = end;
  while (start > 0 && stairs->y[start - 1] <= y) start--;
  double from = start > 0 ? stairs->x[start - 1] : 0;
  for (size_t k = start; k < end; k++) {
    stairs->area += (stairs->x[k] - from) * (y - stairs->y[k]);
    from = stairs->x[k];
  }
  stairs->area += (x - from) * (y - (end < stairs->n ? stairs->y[end] : 0));
  const size_t n_behind = stairs->n - end;
  memmove(&stairs->x[start + 1], &stairs->x[end], n_behind * sizeof *stairs->x);
  memmove(&stairs->y[start + 1], &stairs->y[end], n_behind * sizeof *stairs->y);
  stairs->x[start] = x;
  stairs->y[start] = y;
  stairs->n = start + 1 + n_behind;
  return true;
}

struct order { /* of qsort_r */
  const double *gains;
  size_t d;
};

static int compare_rows(const void *left, const void *right, void *context) {
  const struct order *order = context;
  const size_t a = *(const size_t *)left, b = *(const size_t *)right;
  for (size_t i = 0; i < order->d; i++) {
    const double x = order->gains[a * order->d + i], y = order->gains[b * order->d + i];
    if (x != y) return x > y ? -1 : 1;
  }
  return a < b ? -1 : a > b;
}

/* Rows before this one are at least as good in the first gain: of up to three, the others are a staircase. */
struct kept {
  size_t n;
  struct staircase stairs; /* of up to three gains */
  struct cover *cover;     /* of more */
};

static bool is_covered(struct kept *kept, const double *row, size_t r, size_t d) {
  if (d == 1) return kept->n > 0;
  if (d <= 3) return !staircase_add(&kept->stairs, row[1], row[d - 1]);
  if (cover_has(kept->cover, r)) return true;
  cover_keep(kept->cover, r);
  return false;
}

size_t cloud_front(const double *gains, size_t n, size_t d, size_t *which, struct arena *scratch) {
  REQUIRE(d >= 1 && d <= CLOUD_MAX_OBJECTIVES);
  const struct arena_mark mark = arena_get_mark(scratch);
  size_t *rows = ARENA_NEW(scratch, size_t, n);
  struct kept kept = {0};
  if (d > 3) {
    kept.cover = cover_new(gains + 1, n, d - 1, d, scratch);
  } else {
    kept.stairs.x = ARENA_NEW(scratch, double, n + 1);
    kept.stairs.y = ARENA_NEW(scratch, double, n + 1);
  }
  for (size_t i = 0; i < n; i++) rows[i] = i;
  struct order order = {gains, d};
  qsort_r(rows, n, sizeof *rows, compare_rows, &order);
  for (size_t i = 0; i < n; i++) {
    if (!is_covered(&kept, &gains[rows[i] * d], rows[i], d)) which[kept.n++] = rows[i];
  }
  arena_rewind(scratch, mark);
  return kept.n;
}

/* --- volume --------------------------------------------------------------------------------------------------------
 */

struct gains {
  double of[CLOUD_MAX_OBJECTIVES];
};

/* Most of the last gain first; ties by the others, so that no bit of the sum depends on the order of the rows. */
static int compare_gains(const void *left, const void *right, void *dimension) {
  const struct gains *const a = left, *const b = right;
  for (size_t i = *(const size_t *)dimension; i-- > 0;) {
    if (a->of[i] != b->of[i]) return a->of[i] > b->of[i] ? -1 : 1;
  }
  return 0;
}

/* From the highest point down: the base grows, and each step down adds a slab of it. */
static double solid(const struct gains *points, size_t n, struct staircase *stairs) {
  double total = 0;
  stairs->n = 0;
  stairs->area = 0;
  for (size_t i = 0; i < n; i++) {
    staircase_add(stairs, points[i].of[0], points[i].of[1]);
    total += stairs->area * (points[i].of[2] - (i + 1 < n ? points[i + 1].of[2] : 0));
  }
  return total;
}

/* Keeps `within` in the order of compare_gains of `d` gains; what is covered in all of them adds nothing to a slice. */
static size_t insert(struct gains *within, size_t n, const struct gains *point, size_t d) {
  size_t kept = 0, place = 0;
  for (size_t i = 0; i < n; i++) {
    bool covers_new = true, covers_old = true;
    for (size_t k = 0; k < d; k++) {
      covers_new = covers_new && within[i].of[k] >= point->of[k];
      covers_old = covers_old && within[i].of[k] <= point->of[k];
    }
    if (covers_new) return n; /* then nothing before it was dropped: it would be covered twice over */
    if (covers_old) continue;
    within[kept++] = within[i];
    if (compare_gains(&within[kept - 1], point, &d) < 0) place = kept;
  }
  memmove(&within[place + 1], &within[place], (kept - place) * sizeof *within);
  within[place] = *point;
  return kept + 1;
}

/* Of points in the order of compare_gains. */
static double volume(const struct gains *points, size_t n, size_t d, struct staircase *stairs, struct arena *scratch) {
  if (n == 0) return 0;
  if (d == 1) return points[0].of[0];
  if (d == 3) return solid(points, n, stairs);
  if (d == 2) {
    stairs->n = 0;
    stairs->area = 0;
    for (size_t i = 0; i < n; i++) staircase_add(stairs, points[i].of[0], points[i].of[1]);
    return stairs->area;
  }
  const struct arena_mark mark = arena_get_mark(scratch);
  struct gains *within = ARENA_NEW(scratch, struct gains, n);
  size_t n_within = 0;
  double total = 0, base = 0;
  for (size_t i = 0; i < n; i++) {
    n_within = insert(within, n_within, &points[i], d - 1);
    const double slab = points[i].of[d - 1] - (i + 1 < n ? points[i + 1].of[d - 1] : 0);
    if (!(slab > 0)) continue;
    base = volume(within, n_within, d - 1, stairs, scratch);
    total += base * slab;
  }
  arena_rewind(scratch, mark);
  return total;
}

double cloud_volume(const double *gains, size_t n, size_t d, struct arena *scratch) {
  REQUIRE(d >= 1 && d <= CLOUD_MAX_OBJECTIVES);
  const struct arena_mark mark = arena_get_mark(scratch);
  struct gains *points = ARENA_NEW(scratch, struct gains, n);
  struct staircase stairs = {.x = ARENA_NEW(scratch, double, n), .y = ARENA_NEW(scratch, double, n)};
  size_t n_points = 0;
  for (size_t i = 0; i < n; i++) {
    size_t k = 0;
    while (k < d && gains[i * d + k] > 0) k++;
    if (k == d) memcpy(points[n_points++].of, &gains[i * d], d * sizeof *gains);
  }
  qsort_r(points, n_points, sizeof *points, compare_gains, &d);
  const double total = volume(points, n_points, d, &stairs, scratch);
  arena_rewind(scratch, mark);
  return total;
}
