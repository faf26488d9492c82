/* When does each layer of a set end at the earliest, from some place on? Shortest paths over strategies.
 *
 * Layers run one after the other; inputs from outside release a layer, windows (sharding_windows.c) know what skips
 * cost inside. Where the path's strategies leave more on a board than there is room for, paths that pay for bytes bound
 * the ends, too: what a price saves of the whole room is taken off again (Lagrange), so that any price is right and the
 * best of a few is taken. */
#include "base/checked.h"
#include "search/sharding/sharding_level2_private.h"

#include <math.h>
#include <string.h>

/* Prices around what all layers take a byte of a board. */
static const double price_factors[] = {0.25, 0.5, 1, 2, 4};

struct walking {
  const struct level2_walk *walk;
  double price;
  double *now_s, *before_s; /* by strategy, bytes paid for */
  double *now_bytes, *before_bytes;
  double *least_s; /* by offset */
};

/* Ends of the layer at an offset from those of the layer before; the bytes of the paths. */
static void step(struct walking *w, uint32_t i) {
  const struct level2_layer *layer = &w->walk->plan->layers[w->walk->first + i];
  const uint32_t n_before = i > 0 ? layer[-1].n : 0;
  const double *release_s = w->walk->release_s[i];
  for (uint32_t t = 0; t < layer->n; t++) {
    double at_s = i > 0 ? INFINITY : 0, bytes = 0;
    for (uint32_t s = 0; s < n_before; s++) {
      const double from_s = w->before_s[s] + (layer->chain_s != NULL ? layer->chain_s[(size_t)s * layer->n + t] : 0);
      if (from_s < at_s) at_s = from_s, bytes = w->before_bytes[s];
    }
    if (release_s != NULL) at_s = fmax(at_s, release_s[t]);
    w->now_s[t] = at_s + layer->cost_s[t] + w->price * (double)layer->lasting_bytes[t];
    w->now_bytes[t] = bytes + (double)layer->lasting_bytes[t];
  }
}

static void swap(struct walking *w) {
  double *ends = w->now_s, *bytes = w->now_bytes;
  w->now_s = w->before_s, w->before_s = ends;
  w->now_bytes = w->before_bytes, w->before_bytes = bytes;
}

/* Raises ends to at least `floor_s`; returns the least. */
static double raise(struct walking *w, uint32_t n, double floor_s, double *bytes) {
  double least_s = INFINITY;
  for (uint32_t t = 0; t < n; t++) {
    if (w->now_s[t] < least_s) least_s = w->now_s[t], *bytes = w->now_bytes[t];
  }
  for (uint32_t t = 0; floor_s > least_s && t < n; t++) w->now_s[t] = fmax(w->now_s[t], floor_s);
  return fmax(least_s, floor_s);
}

/* Ends at a price as far as `n`; end_s is raised. */
static void walk_priced(struct walking *w, uint32_t n, double *end_s) {
  const struct level2_walk *walk = w->walk;
  const struct level2_plan *plan = walk->plan;
  const uint64_t dram = plan->tables->shape.dram_bytes;
  uint64_t live = 0;
  for (uint32_t i = 0; i < n; i++) {
    const struct level2_layer *layer = &plan->layers[walk->first + i];
    double bytes = 0;
    step(w, i);
    const double window_s = level2_window_end(plan, walk->first, walk->first + i, w->least_s, w->price);
    w->least_s[i] = raise(w, layer->n, window_s, &bytes);
    live = max_u64(live, layer->own_live_bytes);
    const double room = dram > live ? (double)(dram - live) : 0;
    end_s[i] = fmax(end_s[i], w->least_s[i] - w->price * room);
    swap(w);
  }
}

void level2_walk(const struct level2_walk *walk, struct arena *scratch, double *end_s, double *out_s) {
  const struct level2_plan *plan = walk->plan;
  const uint32_t n = plan->n - walk->first;
  uint32_t most = 0, n_walked = 0;
  for (uint32_t i = 0; i < n; i++) {
    most = plan->layers[walk->first + i].n > most ? plan->layers[walk->first + i].n : most;
  }
  const struct arena_mark mark = arena_get_mark(scratch);
  struct walking w = {walk,
                      0,
                      ARENA_NEW(scratch, double, most),
                      ARENA_NEW(scratch, double, most),
                      ARENA_NEW(scratch, double, most),
                      ARENA_NEW(scratch, double, most),
                      ARENA_NEW(scratch, double, n)};
  double latest_s = 0;
  bool tight = false;
  /* Then a layer may end before the one that it follows: that one counted what the scatter takes off. */
  const bool scatters = plan->tables->store->problem->reduce_scatter;
  for (uint32_t i = 0; i < n; i++) {
    const struct level2_layer *layer = &plan->layers[walk->first + i];
    double bytes = 0, least_out_s = INFINITY;
    step(&w, i);
    for (uint32_t t = 0; layer->out_s != NULL && t < layer->n; t++) {
      least_out_s = fmin(least_out_s, w.now_s[t] + layer->out_s[t]);
    }
    end_s[i] = raise(&w, layer->n, level2_window_end(plan, walk->first, walk->first + i, end_s, 0), &bytes);
    if (layer->out_s != NULL) latest_s = fmax(latest_s, fmax(least_out_s, end_s[i]));
    out_s[i] = fmax(latest_s, end_s[i]);
    tight |= bytes + (double)layer->own_live_bytes > (double)plan->tables->shape.dram_bytes;
    if ((!(end_s[i] < walk->cutoff_s) && !scatters) || !level2_may_fit(plan, walk->first, walk->first + i)) {
      for (uint32_t j = i; j < n; j++) end_s[j] = out_s[j] = INFINITY;
      break;
    }
    n_walked = i + 1;
    swap(&w);
  }
  const double unit = plan->bound_s / (double)plan->tables->shape.dram_bytes;
  for (size_t k = 0; tight && k < sizeof price_factors / sizeof *price_factors; k++) {
    w.price = price_factors[k] * unit;
    walk_priced(&w, n_walked, end_s);
  }
  for (uint32_t i = 0; tight && i < n_walked; i++) {
    if (i > 0 && !scatters) end_s[i] = fmax(end_s[i], end_s[i - 1]);
    out_s[i] = fmax(out_s[i], end_s[i]);
  }
  arena_rewind(scratch, mark);
}
