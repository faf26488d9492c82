/* What can no design of a box beat? (accelerator-search §8, "Bounds over a box"; how they are combined is ours)
 *
 * Axes are of three kinds. *Amounts* (numbers of cores, HBM stacks, buffer): more is never slower, and never smaller or
 * cooler, so that the box is as fast as its highest amounts and as small as its lowest. *Shapes* (rows and columns of
 * arrays, lanes, L2s): no such rule holds, since a mapping may fit a small array better; each combination of shapes is
 * bounded by itself, with its own highest amounts that area and power still allow, and the best of them counts.
 * *Categories* (clock, node, kind of memory): not bounded until they are single. An amount of 0 is a category of its
 * own: without any core of a class operators go elsewhere.
 *
 * Left out: boxes of more than MAX_COMBINATIONS shapes, and limits on ratios (power density), which are judged point by
 * point. tests/property/dse/test_boxes.c holds boxes against their points. */
#include "dse/design/design_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

enum { MAX_COMBINATIONS = 4096 };

enum box_kind { BOX_CATEGORY, BOX_AMOUNT, BOX_SHAPE };

/* One combination of shapes. */
struct combination {
  struct accelerator best, least;       /* with the highest amounts that fit, with the lowest */
  struct stage_cost_of_design cheapest; /* of `least` */
  struct stage_sums *sums;              /* by workload */
};

struct design_boxes {
  uint8_t kind[POINT_MAX_AXES];
  struct combination *combinations; /* [MAX_COMBINATIONS] */
};

static enum box_kind own_kind(const char *key) {
  static const char *const amounts[] = {"tc_count",   "vc_count",          "glb_mib",
                                        "hbm_stacks", "hbm_gib_per_stack", "link_gbytes_per_s"};
  static const char *const shapes[] = {"tc_rows", "tc_cols", "tc_l2_kib", "vc_width", "vc_l2_kib"};
  for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
    if (strcmp(key, amounts[i]) == 0) return BOX_AMOUNT;
  }
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    if (strcmp(key, shapes[i]) == 0) return BOX_SHAPE;
  }
  return BOX_CATEGORY;
}

static bool is_category(const char *key) { return own_kind(key) == BOX_CATEGORY; }
static bool is_any(const char *key) { return key != NULL; }

/* What follows from an amount need not rise with it: then it is a shape, or a category if a category follows. */
static enum box_kind kind_of(const struct design_space *designs, const char *key) {
  const enum box_kind own = own_kind(key);
  if (rules_need(&designs->rules, key, is_category)) return BOX_CATEGORY;
  return own == BOX_AMOUNT && rules_need(&designs->rules, key, is_any) ? BOX_SHAPE : own;
}

void design_box_init(struct design_space *designs, struct arena *arena) {
  designs->boxes = ARENA_NEW(arena, struct design_boxes, 1);
  uint64_t n = 1;
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    designs->boxes->kind[a] = (uint8_t)kind_of(designs, designs->axes[a].key);
    if (designs->boxes->kind[a] == BOX_SHAPE) n = sat_mul(n, designs->axes[a].n);
  }
  n = min_u64(n, MAX_COMBINATIONS);
  designs->boxes->combinations = ARENA_NEW(arena, struct combination, n);
  for (uint64_t c = 0; c < n; c++) {
    designs->boxes->combinations[c].sums = ARENA_NEW(arena, struct stage_sums, designs->n_stages);
  }
}

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

/* The first limit that excludes every design from `least` (the smallest and coolest) to `best` (the most memory). */
static enum reason excluded_by(const struct design_space *designs, const struct accelerator *least,
                               struct stage_cost_of_design *cheapest, const struct accelerator *best) {
  static const enum reason limits[] = {REASON_AREA, REASON_RETICLE, REASON_TDP};
  design_cost(designs, least, cheapest);
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (design_excess(designs, least, cheapest, limits[i]) > 0) return limits[i];
  }
  struct stage_cost_of_design roomy = *cheapest;
  roomy.hbm_bytes = accelerator_hbm_bytes(best);
  return design_excess(designs, best, &roomy, REASON_MEMORY) > 0 ? REASON_MEMORY : REASON_NONE;
}

/* The highest value of an amount with which a design fits whose other amounts are the lowest. */
static uint16_t highest_that_fits(const struct design_space *designs, const struct point *low, uint16_t high,
                                  size_t axis, enum reason *reason) {
  struct accelerator design;
  struct stage_cost_of_design cost;
  uint16_t fits = low->index[axis];
  while (fits < high) { /* `fits` fits, above `high` nothing does */
    struct point point = *low;
    const uint16_t middle = point.index[axis] = (uint16_t)((fits + high + 1) / 2);
    enum reason excluded = REASON_IMPOSSIBLE;
    if (design_at(designs, &point, &design)) {
      /* Memory does not lessen with the amount that is tried. */
      excluded = excluded_by(designs, &design, &cost, &design);
      if (excluded == REASON_MEMORY) excluded = REASON_NONE;
    }
    if (excluded == REASON_NONE) {
      fits = middle;
    } else {
      high = (uint16_t)(middle - 1);
      *reason = excluded;
    }
  }
  return fits;
}

/* --- combinations ---------------------------------------------------------------------------------------------------
 */

/* Boxes that nothing is known of: they hold several categories, zero beside positive amounts, too many shapes. */
static bool is_opaque(const struct design_space *designs, const struct point *low, const struct point *high) {
  uint64_t n = 1;
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    if (low->index[a] == high->index[a]) continue;
    const enum box_kind kind = designs->boxes->kind[a];
    if (kind == BOX_CATEGORY) return true;
    if (kind == BOX_AMOUNT && designs->axes[a].values[low->index[a]] == 0) return true;
    if (kind == BOX_SHAPE) n = sat_mul(n, (uint64_t)(high->index[a] - low->index[a]) + 1);
  }
  return n > MAX_COMBINATIONS;
}

/* The next combination of shapes of the box, in order; false after the last. */
static bool next_shapes(const struct design_space *designs, const struct point *low, const struct point *high,
                        struct point *shapes) {
  for (size_t a = designs->space.n_axes; a-- > 0;) {
    if (designs->boxes->kind[a] != BOX_SHAPE) continue;
    if (shapes->index[a] < high->index[a]) return shapes->index[a]++, true;
    shapes->index[a] = low->index[a];
  }
  return false;
}

/* Bounds one combination of shapes, whose lowest point is `first`; raises `reach` to its highest amounts. What the
 * template forbids at a corner it may allow within: REASON_IMPOSSIBLE. */
static enum reason take_combination(const struct design_space *designs, const struct point *first,
                                    const struct point *high, struct point *reach, struct combination *combination) {
  struct point last = *first;
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    if (designs->boxes->kind[a] == BOX_AMOUNT) last.index[a] = high->index[a];
  }
  if (!design_at(designs, first, &combination->least) || !design_at(designs, &last, &combination->best)) {
    return REASON_IMPOSSIBLE;
  }
  const enum reason excluded = excluded_by(designs, &combination->least, &combination->cheapest, &combination->best);
  if (excluded != REASON_NONE) return excluded;
  enum reason cut = REASON_NONE;
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    if (designs->boxes->kind[a] != BOX_AMOUNT || first->index[a] == high->index[a]) continue;
    last.index[a] = highest_that_fits(designs, first, high->index[a], a, &cut);
    if (last.index[a] > reach->index[a]) reach->index[a] = last.index[a];
  }
  if (!design_at(designs, &last, &combination->best)) return REASON_IMPOSSIBLE;
  for (size_t i = 0; i < designs->n_stages; i++) {
    if (!design_needs(designs, i)) continue;
    stage_floors_sum(design_stage(designs, i), &combination->best, design_scratch(designs, i), &combination->sums[i]);
  }
  return REASON_NONE;
}

/* Cuts off the amounts that no combination reaches. What area or power exclude is all of it excluded. */
static void cut(const struct design_space *designs, const struct point *low, struct point *high,
                const struct point *reach, uint64_t *excluded) {
  for (size_t a = 0; a < designs->space.n_axes; a++) {
    if (designs->boxes->kind[a] != BOX_AMOUNT || reach->index[a] >= high->index[a]) continue;
    struct point beyond = *low;
    struct accelerator design;
    struct stage_cost_of_design cost;
    beyond.index[a] = (uint16_t)(reach->index[a] + 1);
    enum reason reason = REASON_IMPOSSIBLE;
    if (design_at(designs, &beyond, &design)) reason = excluded_by(designs, &design, &cost, &design);
    uint64_t n = (uint64_t)(high->index[a] - reach->index[a]);
    for (size_t b = 0; b < designs->space.n_axes; b++) {
      if (b != a) n = sat_mul(n, (uint64_t)(high->index[b] - low->index[b]) + 1);
    }
    /* The box's first shapes may fit where none of the amounts does for all together: then it is their area. */
    excluded[reason == REASON_NONE || reason == REASON_MEMORY ? REASON_AREA : reason] += n;
    high->index[a] = reach->index[a];
  }
}

/* Floors of all workloads. False if one of them cannot be counted; a system may do without such a unit. */
static bool floor_all(const struct design_space *designs, const struct combination *combination,
                      const uint64_t *path_cycles) {
  const struct stage_corners corners = {&combination->best, &combination->least, &combination->cheapest.area};
  bool counted = true;
  for (size_t i = 0; i < designs->n_stages; i++) {
    struct stage_floor *floor = &designs->floors[i];
    if (!design_needs(designs, i)) continue;
    stage_floors_end(design_stage(designs, i), &corners, &combination->sums[i], path_cycles[i], floor);
    counted = counted && floor->cycles != UINT64_MAX;
  }
  return counted || designs->system != NULL;
}

/* The best that any of the combinations can be in each objective. */
static void combine(const struct design_space *designs, size_t n, struct score *score) {
  uint64_t *path_cycles = designs->path_cycles;
  for (size_t i = 0; i < designs->n_stages; i++) {
    if (!design_needs(designs, i)) continue;
    path_cycles[i] = stage_floors_path(design_stage(designs, i), design_scratch(designs, i));
  }
  const struct space *space = &designs->space;
  enum reason reason = REASON_TOO_LONG; /* the first combination's that is not too long */
  bool any = false;
  for (size_t c = 0; c < n; c++) {
    const struct combination *combination = &designs->boxes->combinations[c];
    if (!floor_all(designs, combination, path_cycles)) continue;
    double objective[N_OBJECTIVES];
    const double die_cost_usd = design_least_die_cost(designs, &combination->least, &combination->cheapest);
    const enum stage_binding binding =
        design_fill_bounds(designs, &combination->best, &combination->cheapest, die_cost_usd, objective);
    double unused;
    const enum reason judged = design_judge_bounds(designs, objective, &unused);
    if (reason == REASON_TOO_LONG) reason = judged;
    if (judged != REASON_NONE) continue;
    if (!any || objective_better(&space->objectives[space->metric], objective[space->metric], score->bound)) {
      score->bound = objective[space->metric];
      score->binding = (uint16_t)binding;
    }
    for (size_t o = 0; o < N_OBJECTIVES; o++) {
      if (!any || objective_better(&space->objectives[o], objective[o], score->objective[o])) {
        score->objective[o] = objective[o];
      }
    }
    any = true;
  }
  if (!any) score->reason = (uint16_t)reason;
}

static void say_nothing(const struct space *space, struct score *score) {
  *score = (struct score){.reason = REASON_NONE};
  for (size_t o = 0; o < space->n_objectives; o++) score->objective[o] = space->objectives[o].maximise ? INFINITY : 0;
  score->bound = score->objective[space->metric];
}

void design_space_bound_box(void *context, struct point *low, struct point *high, uint64_t *excluded,
                            struct score *score) {
  const struct design_space *designs = context;
  const struct space *space = &designs->space;
  if (point_compare(low, high) == 0) {
    design_space_screen(context, low, score);
    return;
  }
  enum reason reason = REASON_NONE;
  if (design_box_excluded(designs, low, high, &reason)) {
    *score = (struct score){.reason = (uint16_t)reason};
    return;
  }
  if (is_opaque(designs, low, high)) {
    say_nothing(space, score);
    return;
  }
  *score = (struct score){.reason = REASON_NONE};
  struct point shapes = *low, reach = *low;
  size_t n = 0;
  for (size_t i = 0; i < designs->n_stages; i++) {
    if (!design_needs(designs, i)) continue;
    stage_floors_clear(design_stage(designs, i), design_scratch(designs, i));
  }
  do {
    struct combination *combination = &designs->boxes->combinations[n];
    const enum reason out = take_combination(designs, &shapes, high, &reach, combination);
    if (out == REASON_IMPOSSIBLE) {
      say_nothing(space, score);
      return;
    }
    if (out == REASON_NONE) n++;
    if (reason == REASON_NONE) reason = out;
  } while (next_shapes(designs, low, high, &shapes));
  if (n == 0) {
    score->reason = (uint16_t)reason;
    return;
  }
  combine(designs, n, score);
  for (size_t a = 0; a < space->n_axes; a++) {
    if (designs->boxes->kind[a] != BOX_AMOUNT) reach.index[a] = high->index[a];
  }
  if (score->reason != REASON_NONE) return;
  cut(designs, low, high, &reach, excluded);
  if (point_compare(low, high) == 0) design_space_screen(context, low, score);
}
