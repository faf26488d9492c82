/* See cover.h. All rows are cut into strips by their first number and each strip into tiles by the second
 * (sort-tile-recursive packing of R-trees, Leutenegger et al. 1997); strips and tiles know the most that their kept
 * rows reach in each number, so that most of them are passed over at a glance. Left out: rows that come later, and
 * taking rows out again. */
#include "results/cover.h"

#include "base/error.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE_ROWS = 16 };

struct cover {
  size_t n, d, strip_rows; /* strip_rows: a multiple of TILE_ROWS */
  size_t *place;           /* of a row, in the order of strips and tiles */
  double *numbers;         /* [place][d]; −∞ while the row is not kept */
  double *all;             /* [row][d] */
  double *strip_most, *tile_most;
};

struct sorting { /* of qsort_r */
  const struct cover *cover;
  size_t k;
};

static int by_number(const void *left, const void *right, void *context) {
  const struct sorting *sorting = context;
  const size_t a = *(const size_t *)left, b = *(const size_t *)right, d = sorting->cover->d;
  const double x = sorting->cover->all[a * d + sorting->k], y = sorting->cover->all[b * d + sorting->k];
  if (x != y) return x < y ? -1 : 1;
  return a < b ? -1 : a > b;
}

static double *nothing(size_t n, struct arena *arena) {
  double *numbers = ARENA_NEW(arena, double, n);
  for (size_t i = 0; i < n; i++) numbers[i] = -(double)INFINITY;
  return numbers;
}

struct cover *cover_new(const double *rows, size_t n, size_t d, size_t stride, struct arena *arena) {
  REQUIRE(d >= 2);
  struct cover *cover = ARENA_NEW(arena, struct cover, 1);
  const size_t n_tiles = n / TILE_ROWS + 1, n_numbers = n * d;
  size_t *order = ARENA_NEW(arena, size_t, n);
  *cover = (struct cover){.n = n, .d = d, .strip_rows = TILE_ROWS * (1 + (size_t)sqrt((double)n_tiles))};
  const size_t n_strips = n / cover->strip_rows + 1, n_strip_numbers = n_strips * d, n_tile_numbers = n_tiles * d;
  cover->place = ARENA_NEW(arena, size_t, n);
  cover->all = ARENA_NEW(arena, double, n_numbers);
  cover->numbers = nothing(n_numbers, arena);
  cover->strip_most = nothing(n_strip_numbers, arena);
  cover->tile_most = nothing(n_tile_numbers, arena);
  for (size_t r = 0; r < n; r++) {
    order[r] = r;
    memcpy(&cover->all[r * d], &rows[r * stride], d * sizeof *rows);
  }
  qsort_r(order, n, sizeof *order, by_number, &(struct sorting){cover, 0});
  for (size_t first = 0; first < n; first += cover->strip_rows) {
    const size_t n_own = n - first < cover->strip_rows ? n - first : cover->strip_rows;
    qsort_r(order + first, n_own, sizeof *order, by_number, &(struct sorting){cover, 1});
  }
  for (size_t i = 0; i < n; i++) cover->place[order[i]] = i;
  return cover;
}

static void raise(double *most, const double *row, size_t d) {
  for (size_t k = 0; k < d; k++) most[k] = fmax(most[k], row[k]);
}

void cover_keep(struct cover *cover, size_t r) {
  const size_t d = cover->d, place = cover->place[r];
  const double *row = &cover->all[r * d];
  raise(&cover->numbers[place * d], row, d);
  raise(&cover->tile_most[place / TILE_ROWS * d], row, d);
  raise(&cover->strip_most[place / cover->strip_rows * d], row, d);
}

static bool reaches(const double *most, const double *row, size_t d) {
  size_t k = 0;
  while (k < d && most[k] >= row[k]) k++;
  return k == d;
}

static bool tile_has(const struct cover *cover, size_t first, const double *row) {
  const size_t end = first + TILE_ROWS < cover->n ? first + TILE_ROWS : cover->n, d = cover->d;
  for (size_t i = first; i < end; i++) {
    if (reaches(&cover->numbers[i * d], row, d)) return true;
  }
  return false;
}

bool cover_has(const struct cover *cover, size_t r) {
  const size_t d = cover->d, step = cover->strip_rows;
  const double *row = &cover->all[r * d];
  for (size_t strip = 0; strip < cover->n; strip += step) {
    if (!reaches(&cover->strip_most[strip / step * d], row, d)) continue;
    const size_t end = strip + step < cover->n ? strip + step : cover->n;
    for (size_t tile = strip; tile < end; tile += TILE_ROWS) {
      if (reaches(&cover->tile_most[tile / TILE_ROWS * d], row, d) && tile_has(cover, tile, row)) return true;
    }
  }
  return false;
}
