/* Which strategies fit a small memory? Bytes at a price (Lagrange): a shortest path that pays for what its strategies
 * hold for good. Any price bounds what fits; the price is raised until the path fits, halved towards it by steps. */
#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"

#include <math.h>
#include <string.h>

enum { STEPS = 40 };
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
  set_price(plan, own, priced, 0);
  plan->price = high < most_price ? high : 0;
  for (uint32_t i = 0; i < plan->n; i++) plan->layers[i].cost_s = own[i];
  return bound_s;
}
