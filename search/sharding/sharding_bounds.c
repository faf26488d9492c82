/* What can no sharding beat? (sharding §5, lower bounds.)
 *
 * Work: split over p boards, a layer's products take each board at least 1/p of what one board needs without filling
 * its pipeline, because ceilings only add; boards work on one layer of their set at a time. Path: layers that wait for
 * each other, each on all boards. Split: the same path, what sharding_pairs.c says of each two layers. Training counts
 * the forward pass and as many cycles once more for the gradients of weights. */
#include "search/sharding/sharding_bounds.h"

#include "search/sharding/sharding_pairs.h"
#include "search/sharding/sharding_private.h"

#include <math.h>

const char *const sharding_bound_names[SHARDING_N_BOUNDS] = {"work", "path", "split", "exact"};
static const char *const reasons[SHARDING_N_BOUNDS] = {
    "least work of each layer by any design, over all boards", "the longest path, each layer on all boards",
    "the longest path, each two layers' best strategies on their best sets, and what moves between them",
    "what an exact search has shown"};

void sharding_bounds_take(struct sharding_bounds *bounds, enum sharding_bound which, double value_s) {
  if (value_s > bounds->value_s[which]) bounds->value_s[which] = value_s;
  if (!(value_s > bounds->best_s)) return;
  bounds->best_s = value_s, bounds->binding = which, bounds->reason = reasons[which];
}

double sharding_gap(double value, double bound) {
  return value > 0 && isfinite(value) ? fmax(0, (value - bound) / value) : 0;
}

/* --- work -----------------------------------------------------------------------------------------------------------
 */

/* Cycles before and behind the steady state, which every board spends. */
static double fill_cycles(const struct sharding_design *d, const struct sharding_layer *layer) {
  const uint64_t kernel = layer->size[SHARDING_KH] * layer->size[SHARDING_KW];
  switch (d->model) {
  case SHARDING_TILED: {
    const uint64_t input = ceil_div(d->tn * d->tr * d->tc, d->ports),
                   weights = ceil_div(d->tm * d->tn * kernel, d->ports);
    const uint64_t store = ceil_div(d->tm * d->tr * d->tc, d->ports);
    return (double)(store + max_u64(max_u64(input, weights), kernel * d->tr * d->tc));
  }
  case SHARDING_SYSTOLIC:
    return (double)(d->rows + d->columns);
  case SHARDING_WINOGRAD:
  case SHARDING_TABLE:
  case SHARDING_PRICED:
    break;
  }
  return 0;
}

/* Seconds of one board, at least, however the layer is split. */
static double work_by(const struct sharding_problem *problem, const struct sharding_design *design, uint32_t layer) {
  if (design->model == SHARDING_PRICED) return 0; /* nothing is known of other shares than those asked for */
  if (design->model != SHARDING_TABLE) {
    if (!sharding_kind_of(problem, layer)->products) return 0;
    const double fill = (double)problem->layers[layer].size[SHARDING_B] * fill_cycles(design, &problem->layers[layer]);
    return (sharding_cycles(problem, design, layer, problem->layers[layer].size, 1) - fill) / design->clock_hz;
  }
  double least_s = INFINITY;
  for (size_t i = 0; i < design->n_ps; i++) {
    const double cycles = sharding_cycles(problem, design, layer, problem->layers[layer].size, design->p[i]);
    least_s = fmin(least_s, design->p[i] * cycles / design->clock_hz);
  }
  /* On numbers of boards that are not in the table, layers without products are free. */
  return sharding_kind_of(problem, layer)->products ? least_s : 0;
}

static bool is_carried(const struct sharding_problem *problem, uint32_t design) {
  if (problem->adaptive) return true;
  for (size_t b = 0; b < problem->n_boards; b++) {
    if (problem->boards[b].design == design) return true;
  }
  return false;
}

static double least_work_s(const struct sharding_problem *problem, uint32_t layer) {
  double least_s = INFINITY;
  for (uint32_t d = 0; d < problem->n_designs; d++) {
    if (is_carried(problem, d)) least_s = fmin(least_s, work_by(problem, &problem->designs[d], layer));
  }
  const struct sharding_kind *kind = sharding_kind_of(problem, layer);
  return problem->training && kind->has_weights ? 2 * least_s : least_s;
}

/* --- the path -------------------------------------------------------------------------------------------------------
 */

static double longest_path(const struct sharding_problem *problem, const double *layer_s, struct arena *scratch) {
  double *end_s = ARENA_NEW(scratch, double, problem->n_layers), longest_s = 0;
  for (size_t i = 0; i < problem->n_layers; i++) {
    const uint32_t l = problem->topological[i];
    for (uint32_t j = problem->in_start[l]; j < problem->in_start[l + 1]; j++) {
      end_s[l] = fmax(end_s[l], end_s[problem->edges[problem->in_edge[j]].from]);
    }
    end_s[l] += layer_s[l];
    longest_s = fmax(longest_s, end_s[l]);
  }
  return longest_s;
}

void sharding_bounds_quick(const struct sharding_problem *problem, struct arena *scratch,
                           struct sharding_bounds *bounds) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double *layer_s = ARENA_NEW(scratch, double, problem->n_layers), sum_s = 0;
  *bounds = (struct sharding_bounds){.reason = reasons[0]};
  for (uint32_t l = 0; l < problem->n_layers; l++) {
    layer_s[l] = least_work_s(problem, l) / (double)problem->n_boards;
    sum_s += layer_s[l];
  }
  sharding_bounds_take(bounds, SHARDING_BOUND_WORK, sum_s);
  sharding_bounds_take(bounds, SHARDING_BOUND_PATH, longest_path(problem, layer_s, scratch));
  arena_rewind(scratch, mark);
}

void sharding_bounds_split(const struct sharding_problem *problem, struct arena *scratch,
                           struct sharding_bounds *bounds) {
  if (bounds->split_known) return;
  bounds->split_known = true;
  sharding_bounds_take(bounds, SHARDING_BOUND_SPLIT, sharding_pairs_bound(problem, scratch));
}

void sharding_bounds(const struct sharding_problem *problem, struct arena *scratch, struct sharding_bounds *bounds) {
  sharding_bounds_quick(problem, scratch, bounds);
  sharding_bounds_split(problem, scratch, bounds);
}
