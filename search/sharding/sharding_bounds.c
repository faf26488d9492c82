/* What can no sharding beat? (sharding §5, lower bounds.) So far: the work of all layers, each by the design that does
 * it in least, over all boards. Ceilings are superadditive, so pieces take no less than the whole, but for what a
 * design takes to fill, which is left out. */
#include "search/sharding/sharding_bounds.h"

#include <math.h>

const char *const sharding_bound_names[SHARDING_N_BOUNDS] = {"work", "path", "split", "exact"};

/* Cycles to fill and drain; of a piece as of the whole. */
static double fill_cycles(const struct sharding_design *d, const struct sharding_layer *layer) {
  const double taps = (double)(layer->size[SHARDING_KH] * layer->size[SHARDING_KW]);
  if (d->model == SHARDING_SYSTOLIC) return (double)(d->rows + d->columns);
  if (d->model != SHARDING_TILED) return 0;
  const double ports = (double)d->ports, tile = (double)(d->tr * d->tc);
  const double load = fmax(ceil((double)d->tn * tile / ports), ceil((double)(d->tm * d->tn) * taps / ports));
  return ceil((double)d->tm * tile / ports) + fmax(load, taps * tile);
}

/* Board-seconds of a layer. */
static double least_work_s(const struct sharding_problem *problem, const struct sharding_design *d, uint32_t l) {
  const struct sharding_layer *layer = &problem->layers[l];
  if (d->model != SHARDING_TABLE) {
    const double fill = fill_cycles(d, layer) * (double)layer->size[SHARDING_B];
    return fmax(sharding_cycles(problem, d, l, layer->size, 1) - fill, 0) / d->clock_hz;
  }
  double least = sharding_kinds[layer->kind].products ? INFINITY : 0;
  for (size_t i = 0; i < d->n_ps; i++) {
    const double cycles = d->cycles[l * d->n_ps + i];
    if (!isnan(cycles)) least = fmin(least, cycles * d->p[i]);
  }
  return least / d->clock_hz;
}

void sharding_bounds_take(struct sharding_bounds *bounds, enum sharding_bound which, double value_s) {
  bounds->value_s[which] = value_s;
  if (value_s <= bounds->best_s) return;
  bounds->best_s = value_s;
  bounds->binding = which;
}

void sharding_bounds(const struct sharding_problem *problem, struct arena *scratch, struct sharding_bounds *bounds) {
  (void)scratch;
  double work_s = 0;
  *bounds = (struct sharding_bounds){.reason = "the work of all layers, spread evenly over all boards"};
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    double least = INFINITY;
    for (size_t d = 0; d < problem->n_designs; d++) {
      least = fmin(least, least_work_s(problem, &problem->designs[d], l));
    }
    if (isfinite(least)) work_s += least;
  }
  sharding_bounds_take(bounds, SHARDING_BOUND_WORK, work_s / (double)problem->n_boards);
}

double sharding_gap(double value, double bound) { return value > 0 ? (value - bound) / value : 0; }
