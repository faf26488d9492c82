/* Which strategies fit a small memory? Bytes at a price (Lagrange): a shortest path that pays for what its strategies
 * hold for good. Any price bounds what fits; the price is raised until the path fits, halved towards it by steps. */
#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"

#include <math.h>
#include <string.h>

enum { STEPS = 40, WIDTH = 4096 };
static const double least_price = 1e-18, most_price = 1e-2; /* seconds a byte */

/* Costs with the price on top; the plan's own are in `own`. */
static void set_price(struct level2_plan *plan, const double *const *own, double *const *priced, double price) {
  for (uint32_t i = 0; i < plan->n; i++) {
    struct level2_layer *row = &plan->layers[i];
    for (uint32_t s = 0; s < row->n; s++) priced[i][s] = own[i][s] + price * (double)row->lasting_bytes[s];
    row->cost_s = priced[i];
  }
  for (uint32_t k = 0; k < plan->n_skips; k++) {
    memset(plan->skips[k].most_s, 0, plan->layers[plan->skips[k].from].n * sizeof *plan->skips[k].most_s);
  }
  level2_tails_make(plan);
}

/* Of any choice: what layers hold while they run, at least. */
static uint64_t least_live(const struct level2_plan *plan) {
  uint64_t most = 0;
  for (uint32_t i = 0; i < plan->n; i++) {
    uint64_t least = UINT64_MAX;
    for (uint32_t s = 0; s < plan->layers[i].n; s++) least = min_u64(least, plan->layers[i].io_bytes[s]);
    most = max_u64(most, least);
  }
  return most;
}

/* At a price, with the skips that shortest paths do not see: labels whose values pay for bytes too. */
static double labelled_bound(struct level2_plan *plan, double price, double room, struct arena *scratch,
                             uint16_t *choice, double *value_s) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const bool both_ways = plan->both_ways;
  const double **kept = ARENA_NEW(scratch, const double *, plan->n), bound_s = plan->bound_s;
  uint16_t *taken = ARENA_NEW(scratch, uint16_t, plan->n);
  for (uint32_t i = 0; i < plan->n; i++) {
    struct level2_layer *row = &plan->layers[i];
    double *full_s = ARENA_NEW(scratch, double, row->n);
    for (uint32_t s = 0; s < row->n; s++) full_s[s] = row->full_s[s] + price * (double)row->lasting_bytes[s];
    kept[i] = both_ways ? row->full_s : row->forward_s;
    *(both_ways ? &row->full_s : &row->forward_s) = full_s;
  }
  double priced_s = isfinite(*value_s) ? *value_s + price * room : INFINITY;
  plan->bound_s = level2_bound_of(plan);
  const double cutoff_s = priced_s, least_s = level2_plan_solve(plan, WIDTH, scratch, taken, &priced_s);
  plan->bound_s = bound_s;
  for (uint32_t i = 0; i < plan->n; i++) {
    *(both_ways ? &plan->layers[i].full_s : &plan->layers[i].forward_s) = kept[i];
  }
  if (priced_s < cutoff_s && level2_fits(plan, taken, scratch)) {
    const double taken_s = level2_plan_value(plan, taken, scratch);
    if (taken_s < *value_s) *value_s = taken_s, memcpy(choice, taken, plan->n * sizeof *choice);
  }
  arena_rewind(scratch, mark);
  return least_s - price * room;
}

double level2_priced(struct level2_plan *plan, struct arena *scratch, uint16_t *choice, double *value_s) {
  const double **own = ARENA_NEW(scratch, const double *, plan->n);
  double **priced = ARENA_NEW(scratch, double *, plan->n), bound_s = 0;
  uint16_t *taken = ARENA_NEW(scratch, uint16_t, plan->n);
  for (uint32_t i = 0; i < plan->n; i++) {
    own[i] = plan->layers[i].cost_s;
    priced[i] = ARENA_NEW(scratch, double, plan->layers[i].n);
  }
  const uint64_t dram = plan->tables->shape.dram_bytes, live = least_live(plan);
  const double room = dram > live ? (double)(dram - live) : 0;
  double low = least_price, high = most_price;
  for (int i = 0; i < STEPS; i++) {
    const double price = sqrt(low * high);
    set_price(plan, own, priced, price);
    bound_s = fmax(bound_s, level2_bound_of(plan) - price * room);
    level2_relaxed_choice(plan, taken);
    const bool fine = level2_fits(plan, taken, scratch);
    const double taken_s = fine ? level2_plan_value(plan, taken, scratch) : INFINITY;
    if (taken_s < *value_s) *value_s = taken_s, memcpy(choice, taken, plan->n * sizeof *choice);
    if (fine)
      high = price;
    else
      low = price;
  }
  if (high < most_price && plan->n_skips > 0 && bound_s < *value_s) { /* else nothing may fit at all */
    set_price(plan, own, priced, high);
    bound_s = fmax(bound_s, labelled_bound(plan, high, room, scratch, choice, value_s));
  }
  set_price(plan, own, priced, 0);
  plan->price = high < most_price ? high : 0;
  for (uint32_t i = 0; i < plan->n; i++) plan->layers[i].cost_s = own[i];
  return bound_s;
}
