/* See cuts.h. Whole images, then rows of one image, then columns of one row; plain dimensions in equal parts. Lists are
 * dense enough to hold every useful tile of small dimensions (property test), and fixed: the memory plays no part. */
#include "arch/cuts.h"
#include "base/checked.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/memo.h"
#include <string.h>

static inline void push(struct cuts *cuts, const struct cut *cut) {
  REQUIRE(cuts->n < CUTS_MAX);
  if (cuts->n > 0) { /* the sweeps rely on the order; different borders may break it by a little */
    const struct cut *const last = &cuts->cut[cuts->n - 1];
    if (cut->a_tile > last->a_tile || cut->a_pass < last->a_pass || cut->a_slide < last->a_slide) return;
  }
  cuts->cut[cuts->n++] = *cut;
}

/* The next number of parts after `parts`, of which the largest has `size`, that makes the largest part of `units`
 * smaller: every number up to 16, then at least eight an octave, at last single units. 0 behind the last. */
static uint64_t parts_behind(uint64_t units, uint64_t parts, uint64_t size) {
  enum { DENSE_PARTS = 16 };
  if (parts >= units || size == 1) return 0;
  return min_u64(max_u64(parts + 1 + parts / DENSE_PARTS, ceil_div(units, size - 1)), units);
}

static uint64_t next_parts(uint64_t units, uint64_t parts) {
  return parts >= units ? 0 : parts_behind(units, parts, ceil_div(units, parts));
}

/* A cut of `units` in `groups` into `parts` each. Groups of one unit beside groups of two would drop a loop here and
 * keep it there: such cuts are left out, so that traffic has one closed form. */
static bool is_even(const struct partition *partition) {
  if (partition->groups == 1 || partition->parts == 1) return true;
  const uint64_t small = partition->units / partition->groups;
  const bool uneven = partition->units % partition->groups != 0;
  if (!uneven) return true;
  return partition->parts <= small || (partition->parts == small + 1 && small > 1);
}

static uint64_t largest_group(const struct partition *partition) {
  if (partition->groups == 1) return partition->units;
  return ceil_div(partition->units, partition->groups);
}
uint64_t cuts_largest_part(const struct partition *partition) {
  return ceil_div(largest_group(partition), partition->parts);
}
static uint64_t smallest_part(const struct partition *partition) {
  if (partition->groups == 1) return max_u64(partition->units / partition->parts, 1);
  const uint64_t group = partition->units / partition->groups;
  return max_u64(group / min_u64(partition->parts, max_u64(group, 1)), 1);
}

static bool usable(const struct partition *partition) { return partition->parts <= UINT32_MAX && is_even(partition); }

/* Half of an operator's price is this loop, and most of the loop is division: what does not change stands in front of
 * it. `large` and `small` are the units of the groups, of which the first `n_large` have one more than the others. */
static void list_plain(const struct tile_dim *dim, uint64_t groups, bool outer, bool first_only, struct cuts *cuts) {
  const uint64_t units = ceil_div(dim->share, dim->unit), small = units / groups, n_large = units % groups;
  const uint64_t large = small + (n_large > 0), whole = min_u64(large * dim->unit, dim->share);
  const uint64_t all = outer ? dim->length : dim->share;
  cuts->n = 0;
  for (uint64_t parts = 1, largest, next; parts != 0; parts = next) {
    const struct partition partition = {units, groups, parts};
    largest = ceil_div(large, parts);
    next = parts_behind(large, parts, largest);
    if (n_large > 0 ? !usable(&partition) : parts > UINT32_MAX) continue;
    if (dim->least > 0 && parts > 1) {
      const uint64_t smallest = n_large > 0 ? smallest_part(&partition) : max_u64(large / parts, 1);
      if (smallest * dim->unit * dim->scale < dim->least) continue;
    }
    const uint64_t steps = min_u64(largest * dim->unit, whole);
    push(cuts, &(struct cut){.size = steps * dim->scale,
                             .trips = parts,
                             .total = n_large > 0 ? partition_total(&partition) : groups * min_u64(parts, small),
                             .a_tile = steps,
                             .a_pass = all,
                             .a_slide = all,
                             .parts = (uint32_t)parts});
    if (first_only) return;
  }
}

/* What sums of windows need of one axis of an image. */
struct axis {
  const struct window *window, *share; /* sums go over `window`, tiles are of `share` */
  uint64_t unit;
  struct partition sum, tile; /* their partitions; `parts` of both are set for each cut */
};

static uint64_t axis_sum(const struct axis *axis, uint64_t parts) {
  struct partition partition = axis->sum;
  partition.parts = parts;
  return window_sum(axis->window, axis->unit, &partition);
}

/* Single units, all groups together. */
static uint64_t axis_single(const struct axis *axis) {
  return window_sum(axis->window, axis->unit,
                    &(struct partition){.units = axis->sum.units, .groups = 1, .parts = axis->sum.units});
}

static uint64_t axis_outputs(const struct axis *axis, const struct partition *tile) {
  return min_u64(cuts_largest_part(tile) * axis->unit, axis->share->out);
}

struct pixel_list {
  const struct tile_dim *dim;
  struct cuts *cuts;
  struct axis rows, cols;
  struct partition images;
  uint64_t all_images;
};

/* Do tiles of so many units keep the array's folds whole and its loads hidden? */
static bool whole_folds(const struct pixel_list *list, const struct partition *cut, uint64_t other_units) {
  const struct tile_dim *const dim = list->dim;
  if (cut->parts == 1) return true;
  if (dim->least == 0 && dim->multiple == 1) return true;
  const uint64_t large = cuts_largest_part(cut), small = smallest_part(cut);
  if (small * other_units < dim->least) return false;
  return dim->multiple == 1 || other_units % dim->multiple == 0 ||
         (large == small && large * other_units % dim->multiple == 0);
}

static void push_pixels(struct pixel_list *list, const struct partition parts[3], uint64_t a_pass, uint64_t a_slide) {
  const uint64_t images = cuts_largest_part(&parts[0]);
  const uint64_t rows = axis_outputs(&list->rows, &parts[1]), cols = axis_outputs(&list->cols, &parts[2]);
  const uint64_t trips = sat_mul(parts[0].parts, sat_mul(parts[1].parts, parts[2].parts));
  if (trips > UINT32_MAX) return;
  push(list->cuts,
       &(struct cut){.size = images * rows * cols,
                     .trips = trips,
                     .total = partition_total(&parts[0]) * partition_total(&parts[1]) * partition_total(&parts[2]),
                     .a_tile =
                         images * window_most(&list->dim->whole.rows, rows) * window_most(&list->dim->whole.cols, cols),
                     .a_pass = list->all_images * a_pass,
                     .a_slide = list->all_images * a_slide,
                     .parts = (uint32_t)trips,
                     .images = (uint32_t)parts[0].parts,
                     .rows = (uint32_t)parts[1].parts,
                     .cols = (uint32_t)parts[2].parts});
}

/* Whole images, then rows of one image, then columns of one row. */
static void list_pixels(struct pixel_list *list, bool first_only) {
  const uint64_t row_units = list->rows.tile.units, col_units = list->cols.tile.units;
  struct partition parts[3] = {list->images, list->rows.tile, list->cols.tile};
  const uint64_t rows = axis_sum(&list->rows, 1), cols = axis_sum(&list->cols, 1);
  list->cuts->n = 0;
  if (first_only) {
    push_pixels(list, parts, rows * cols, rows * cols);
    return;
  }
  if (parts[1].groups == 1 && parts[2].groups == 1) {
    for (; parts[0].parts != 0; parts[0].parts = next_parts(largest_group(&parts[0]), parts[0].parts))
      if (usable(&parts[0]) && whole_folds(list, &parts[0], row_units * col_units))
        push_pixels(list, parts, rows * cols, rows * cols);
  } else {
    push_pixels(list, parts, rows * cols, rows * cols);
  }
  parts[0].parts = largest_group(&parts[0]);
  if (!usable(&parts[0])) return;
  if (parts[2].groups == 1) {
    parts[1].parts = next_parts(largest_group(&parts[1]), 1);
    for (; parts[1].parts != 0; parts[1].parts = next_parts(largest_group(&parts[1]), parts[1].parts))
      if (usable(&parts[1]) && whole_folds(list, &parts[1], col_units))
        push_pixels(list, parts, axis_sum(&list->rows, parts[1].parts) * cols, rows * cols);
  }
  parts[1].parts = largest_group(&parts[1]);
  if (!usable(&parts[1])) return;
  const uint64_t single = axis_single(&list->rows);
  parts[2].parts = next_parts(largest_group(&parts[2]), 1);
  for (; parts[2].parts != 0; parts[2].parts = next_parts(largest_group(&parts[2]), parts[2].parts))
    if (usable(&parts[2]) && whole_folds(list, &parts[2], 1))
      push_pixels(list, parts, single * axis_sum(&list->cols, parts[2].parts), single * cols);
}

static struct partition tile_partition(const struct window *share, uint64_t unit, uint64_t groups) {
  return (struct partition){.units = ceil_div(share->out, unit), .groups = groups, .parts = 1};
}

static struct axis axis_of(const struct window *whole, const struct window *share, uint64_t unit, uint64_t groups,
                           bool outer) {
  struct axis axis = {.window = outer ? whole : share, .share = share, .unit = unit};
  axis.tile = tile_partition(share, unit, groups);
  axis.sum = outer ? (struct partition){ceil_div(whole->out, unit), ceil_div(whole->out, share->out), 1} : axis.tile;
  axis.sum.groups = min_u64(axis.sum.groups, axis.sum.units);
  return axis;
}

void cuts_list(const struct tile_dim *dim, const struct tile_loops *loops, uint64_t groups, bool first_only,
               struct cuts *cuts) {
  const bool outer = loops == NULL;
  if (!dim->is_pixels) {
    list_plain(dim, groups, outer, first_only, cuts);
    return;
  }
  struct pixel_list list = {
      .dim = dim,
      .cuts = cuts,
      .rows = axis_of(&dim->whole.rows, &dim->part.rows, dim->unit_rows, outer ? 1 : loops->rows, outer),
      .cols = axis_of(&dim->whole.cols, &dim->part.cols, dim->unit_cols, outer ? 1 : loops->cols, outer),
      .images = {dim->part.images, outer ? 1 : loops->images, 1},
      .all_images = outer ? dim->whole.images : dim->part.images};
  list_pixels(&list, first_only);
}

/* --- lists of before -----------------------------------------------------------------------------------------------
 * Of plain dimensions alone; lists of pixels are few, and hang on much more. */

enum { KEY_WORDS = 6, CUTS_A_LIST = 16 };

/* Where a list lies; of an earlier round: it has been overwritten. */
struct known_list {
  uint64_t first, n, round;
};

struct cuts_known {
  struct memo *memo;
  struct cut *cut; /* [n_cuts], one list behind the other; once full, from the beginning in another round */
  size_t n_cuts, n_used;
  uint64_t round;
};

struct cuts_known *cuts_known_new(struct arena *arena, size_t n_lists) {
  struct cuts_known *const known = ARENA_NEW(arena, struct cuts_known, 1);
  known->memo = memo_new(arena, n_lists, KEY_WORDS * sizeof(uint64_t), sizeof(struct known_list));
  known->n_cuts = max_u64(n_lists * CUTS_A_LIST, CUTS_MAX);
  known->cut = ARENA_NEW(arena, struct cut, known->n_cuts);
  return known;
}

static void keep(struct cuts_known *known, uint64_t spread, const uint64_t *key, const struct cuts *cuts) {
  if (known->n_used + cuts->n > known->n_cuts) {
    known->n_used = 0;
    known->round++;
  }
  struct known_list *const list = memo_place(known->memo, spread, key);
  *list = (struct known_list){known->n_used, cuts->n, known->round};
  memcpy(known->cut + list->first, cuts->cut, cuts->n * sizeof *cuts->cut);
  known->n_used += cuts->n;
}

void cuts_list_known(struct cuts_known *known, const struct tile_dim *dim, const struct tile_loops *loops,
                     uint64_t groups, struct cuts *cuts) {
  if (known == NULL || dim->is_pixels) {
    cuts_list(dim, loops, groups, false, cuts);
    return;
  }
  const uint64_t all = loops == NULL ? dim->length : dim->share;
  const uint64_t key[KEY_WORDS] = {dim->share, dim->unit, dim->scale, dim->least, groups, all};
  const uint64_t spread = digest_of(key, sizeof key).low;
  const struct known_list *const list = memo_find(known->memo, spread, key);
  if (list == NULL || list->round != known->round) {
    cuts_list(dim, loops, groups, false, cuts);
    keep(known, spread, key, cuts);
    return;
  }
  cuts->n = (uint32_t)list->n;
  memcpy(cuts->cut, known->cut + list->first, list->n * sizeof *cuts->cut);
}
