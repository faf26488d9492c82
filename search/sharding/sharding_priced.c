/* Which strategies fit a small memory?
 *
 * A set holds what its layers leave there for good and, at the worst moment, what is live. Levels of the live bytes are
 * taken one by one: strategies that need more are left out, and what the level needs at least is gone from the room for
 * what lasts. Within a level bytes have a price (Lagrange): a shortest path that pays for what its strategies hold for
 * good bounds all that fits, whatever the price, and the price is moved to where the path just fills the room. Labels
 * (sharding_labels.c) then go over the layers at that price: what a label has used and what the layers behind it must
 * pay bounds it, so that few are enough. No choice is below the least of the levels' bounds. */
#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 24, WIDTH = 1024, RAISES = 5, LEVELS = 5, MEMORY_LABELS = 1 << 16, LEAST_LABELS = 64 };
static const double least_price = 1e-18, most_price = 1e-2; /* seconds a byte */

struct level {
  uint64_t least_live, most_live; /* above the first, up to the second, bytes */
  double room;                    /* for what lasts */
  double bound_s, price;
};

struct pricing {
  struct level2_plan *plan;
  struct arena *scratch;
  const double **own; /* the plan's own costs, by offset */
  double **priced;
  uint16_t *taken;
  uint16_t *choice; /* the best so far, and its value */
  double *value_s;
};

/* Costs with the price on top; what the level leaves out is endless. */
static void set_price(const struct pricing *p, const struct level *level, double price) {
  struct level2_plan *plan = p->plan;
  for (uint32_t i = 0; i < plan->n; i++) {
    struct level2_layer *row = &plan->layers[i];
    for (uint32_t s = 0; s < row->n; s++) {
      const bool left_out = row->io_bytes[s] > level->most_live;
      p->priced[i][s] = left_out ? INFINITY : p->own[i][s] + price * (double)row->lasting_bytes[s];
    }
    row->cost_s = p->priced[i];
  }
  for (uint32_t k = 0; k < plan->n_skips; k++) {
    memset(plan->skips[k].most_s, 0, plan->layers[plan->skips[k].from].n * sizeof *plan->skips[k].most_s);
  }
  level2_tails_make(plan);
}

static void take_if_better(const struct pricing *p, const uint16_t *taken) {
  if (!level2_fits(p->plan, taken, p->scratch)) return;
  const double taken_s = level2_plan_value(p->plan, taken, p->scratch);
  if (taken_s < *p->value_s) *p->value_s = taken_s, memcpy(p->choice, taken, p->plan->n * sizeof *p->choice);
}

/* The price at which the shortest path just fills the room; its bound is about the best. */
static void find_price(const struct pricing *p, struct level *level) {
  struct level2_plan *plan = p->plan;
  double low = least_price, high = most_price;
  for (int i = 0; i <= STEPS; i++) {
    const double price = i > 0 ? sqrt(low * high) : 0;
    set_price(p, level, price);
    const double least_s = level2_bound_of(plan) - price * level->room;
    if (i == 0 || least_s > level->bound_s) level->bound_s = least_s, level->price = price;
    if (level->bound_s >= *p->value_s) return;
    level2_relaxed_choice(plan, p->taken);
    take_if_better(p, p->taken);
    double bytes = 0;
    for (uint32_t k = 0; k < plan->n; k++) bytes += (double)plan->layers[k].lasting_bytes[p->taken[k]];
    if (bytes <= level->room && i == 0) return;
    if (bytes <= level->room)
      high = price;
    else if (i > 0)
      low = price;
  }
}

/* At a price, with the skips that shortest paths do not see: labels whose values pay for bytes too. */
static double labelled_bound(const struct pricing *p, const struct level *level, double price) {
  struct level2_plan *plan = p->plan;
  const struct arena_mark mark = arena_get_mark(p->scratch);
  const bool both_ways = plan->both_ways;
  const double **kept = ARENA_NEW(p->scratch, const double *, plan->n), bound_s = plan->bound_s;
  uint16_t *taken = ARENA_NEW(p->scratch, uint16_t, plan->n);
  set_price(p, level, price);
  for (uint32_t i = 0; i < plan->n; i++) {
    struct level2_layer *row = &plan->layers[i];
    double *full_s = ARENA_NEW(p->scratch, double, row->n);
    for (uint32_t s = 0; s < row->n; s++) full_s[s] = row->full_s[s] + price * (double)row->lasting_bytes[s];
    kept[i] = both_ways ? row->full_s : row->forward_s;
    *(both_ways ? &row->full_s : &row->forward_s) = full_s;
  }
  double priced_s = isfinite(*p->value_s) ? *p->value_s + price * level->room : INFINITY;
  plan->bound_s = level2_bound_of(plan);
  const double cutoff_s = priced_s, least_s = level2_plan_solve(plan, WIDTH, p->scratch, taken, &priced_s);
  plan->bound_s = bound_s;
  for (uint32_t i = 0; i < plan->n; i++) {
    *(both_ways ? &plan->layers[i].full_s : &plan->layers[i].forward_s) = kept[i];
  }
  if (priced_s < cutoff_s) take_if_better(p, taken);
  arena_rewind(p->scratch, mark);
  return least_s - price * level->room;
}

/* With skips another price is best, most often a higher one. */
static void raise_price(const struct pricing *p, struct level *level) {
  static const double step = 1.5;
  double price = level->price, last_s = -INFINITY;
  for (int i = 0; i < RAISES && level->bound_s < *p->value_s; i++, price *= step) {
    const double least_s = labelled_bound(p, level, price);
    if (least_s < last_s) break;
    last_s = least_s;
    if (least_s > level->bound_s) level->bound_s = least_s, level->price = price;
  }
}

/* For labels, which pay as they go. */
static void keep_tails(const struct pricing *p, const struct level *level) {
  struct level2_plan *plan = p->plan;
  plan->price = level->price, plan->least_live_bytes = level->least_live, plan->most_live_bytes = level->most_live;
  for (uint32_t i = 0; i < plan->n; i++) {
    struct level2_layer *row = &plan->layers[i];
    double *tail_s = ARENA_NEW(p->scratch, double, row->n);
    memcpy(tail_s, row->tail_s, row->n * sizeof *tail_s);
    row->priced_tail_s = tail_s;
  }
}

static void restore(const struct pricing *p) {
  static const struct level all = {.most_live = UINT64_MAX};
  set_price(p, &all, 0);
  for (uint32_t i = 0; i < p->plan->n; i++) p->plan->layers[i].cost_s = p->own[i];
}

/* What is between the bounds and the best value of a level. */
static void solve_level(const struct pricing *p, struct level *level, size_t width) {
  struct level2_plan *plan = p->plan;
  const struct arena_mark mark = arena_get_mark(p->scratch);
  plan->memory = false, plan->price = 0; /* labels of the bound pay for bytes and do not count them */
  if (plan->n_skips > 0) raise_price(p, level);
  if (width > 0 && level->bound_s < *p->value_s) {
    set_price(p, level, level->price);
    keep_tails(p, level);
    restore(p);
    plan->memory = true;
    level->bound_s = fmax(level->bound_s, level2_plan_solve(plan, width, p->scratch, p->choice, p->value_s));
  }
  arena_rewind(p->scratch, mark);
}

/* From what any choice has live to what leaves just room enough for the smallest strategies. */
static uint32_t list_levels(const struct level2_plan *plan, struct level *levels) {
  const uint64_t dram = plan->tables->shape.dram_bytes, lasting = plan->layers[0].least_lasting_bytes;
  const uint64_t least = plan->layers[0].least_live_bytes;
  if (lasting > dram || least > dram - lasting) return 0;
  const uint64_t most = dram - lasting;
  uint64_t above = least;
  uint32_t n = 0;
  for (uint32_t k = 1; k <= LEVELS; k++) {
    const uint64_t up_to = k == LEVELS ? most : least + (most - least) / (1U << (LEVELS - k));
    if (up_to == above && k < LEVELS) continue;
    levels[n++] = (struct level){above, up_to, (double)(dram - above), 0, 0};
    above = up_to;
  }
  return n;
}

static int compare_levels(const void *a, const void *b) {
  const struct level *x = a, *y = b;
  if (x->bound_s != y->bound_s) return x->bound_s < y->bound_s ? -1 : 1;
  return x->least_live < y->least_live ? -1 : x->least_live > y->least_live;
}

double level2_priced(struct level2_plan *plan, size_t max_width, struct arena *scratch, uint16_t *choice,
                     double *value_s) {
  const struct pricing p = {.plan = plan,
                            .scratch = scratch,
                            .own = ARENA_NEW(scratch, const double *, plan->n),
                            .priced = ARENA_NEW(scratch, double *, plan->n),
                            .taken = ARENA_NEW(scratch, uint16_t, plan->n),
                            .choice = choice,
                            .value_s = value_s};
  struct level levels[LEVELS];
  const uint32_t n_levels = list_levels(plan, levels);
  for (uint32_t i = 0; i < plan->n; i++) {
    p.own[i] = plan->layers[i].cost_s;
    p.priced[i] = ARENA_NEW(scratch, double, plan->layers[i].n);
  }
  for (uint32_t k = 0; k < n_levels; k++) find_price(&p, &levels[k]);
  qsort(levels, n_levels, sizeof *levels, compare_levels);
  const size_t wide = MEMORY_LABELS / plan->n > LEAST_LABELS ? MEMORY_LABELS / plan->n : LEAST_LABELS;
  double bound_s = *value_s;
  for (uint32_t k = 0; k < n_levels; k++) {
    if (levels[k].bound_s < *value_s) solve_level(&p, &levels[k], max_width < wide ? max_width : wide);
  }
  restore(&p);
  for (uint32_t k = 0; k < n_levels; k++) bound_s = fmin(bound_s, levels[k].bound_s);
  return fmin(bound_s, *value_s);
}
