/* What can no partition beat? See partition_bounds.h.
 *
 * The load needs a sum. Windows and cuts refute single periods, and refute all below with them: the bound is the
 * largest period refuted, found by bisection. What a period forces together is merged first (partition_merge.h), which
 * a small graph does anew for every period. Rounding goes in favour of the period, and the bound is rounded down. */
#include "search/partition/partition_bounds.h"

#include "search/partition/partition_merge.h"
#include "search/partition/partition_slicing.h"
#include "search/partition/partition_windows.h"
#include <math.h>

const char *const partition_bound_names[PARTITION_N_BOUNDS] = {"load", "window", "exact"};

/* Of sums in another order. */
static const double rounding = 1e-12;
/* Up to how many groups are merged anew for each period, and how many times chips are bisected to the end. */
enum { SMALL_GROUPS = 4096, SMALL_SIZE = 1 << 16, MOST_STEPS = 60 };
static const double fine = 1e-11, coarse = 5e-4; /* relative, where bisection ends */

void partition_bounds_take(struct partition_bounds *bounds, enum partition_bound which, double value_ms) {
  if (value_ms > bounds->value[which]) bounds->value[which] = value_ms;
  if (bounds->value[which] > bounds->best) bounds->best = bounds->value[which], bounds->binding = which;
}

double partition_gap(double value, double bound) {
  if (!isfinite(value) || !(value > 0)) return 0;
  return bound < value ? (value - bound) / value : 0;
}

static double bound_load(const struct partition_graph *graph) {
  const double chips = graph->n < graph->problem->n_chips ? (double)graph->n : (double)graph->problem->n_chips;
  double bound_ms = graph->n > 0 ? graph->total_ms / chips : 0;
  for (size_t g = 0; g < graph->n; g++) bound_ms = fmax(bound_ms, graph->compute_ms[g]);
  return bound_ms * (1 - rounding);
}

static void look_at_memory(const struct partition_graph *graph, struct partition_bounds *bounds) {
  const uint64_t memory = graph->problem->memory_bytes;
  if (memory == 0) return;
  for (size_t g = 0; g < graph->n; g++) {
    if (graph->weight_bytes[g] <= memory) continue;
    bounds->infeasible = true, bounds->reason = "weights that must share a chip do not fit into its memory";
    return;
  }
  if (graph->total_weight_bytes / graph->problem->n_chips < memory ||
      graph->total_weight_bytes <= graph->problem->n_chips * memory) {
    return;
  }
  bounds->infeasible = true, bounds->reason = "all weights together do not fit into all chips";
}

bool partition_refutes(const struct partition_graph *graph, double period_ms, struct arena *scratch) {
  if (!(period_ms >= bound_load(graph))) return true;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct partition_graph merged;
  struct partition_windows windows;
  uint32_t *now_in = ARENA_NEW(scratch, uint32_t, graph->n);
  partition_merge_at(graph, period_ms, scratch, &merged, now_in);
  bool refuted = !(period_ms >= bound_load(&merged));
  if (!refuted) {
    partition_windows_init(&windows, &merged, scratch);
    refuted = !partition_windows_fit(&windows, period_ms, scratch);
  }
  arena_rewind(scratch, mark);
  return refuted;
}

/* Large graphs: windows->graph is merged at a period that some partition has. */
static bool refutes(const struct partition_graph *graph, struct partition_windows *windows, double period_ms,
                    struct arena *scratch) {
  if (windows == NULL) return partition_refutes(graph, period_ms, scratch);
  return !(period_ms >= bound_load(windows->graph)) || !partition_windows_fit(windows, period_ms, scratch);
}

/* The largest period refuted between a bound and a period that some partition has (INFINITY: none is known). */
static double bisect(const struct partition_graph *graph, double low_ms, double high_ms, struct arena *scratch) {
  struct partition_graph merged;
  struct partition_windows windows, *kept = NULL;
  const bool small = graph->n * (double)graph->problem->n_chips <= SMALL_SIZE;
  if (graph->n > SMALL_GROUPS) {
    uint32_t *now_in = ARENA_NEW(scratch, uint32_t, graph->n);
    partition_merge_at(graph, high_ms, scratch, &merged, now_in);
    partition_windows_init(&windows, &merged, scratch);
    kept = &windows;
  }
  const double below_ms = high_ms * (1 - fine);
  if (low_ms < below_ms && refutes(graph, kept, below_ms, scratch)) return below_ms;
  if (high_ms > graph->total_ms) high_ms = fmax(graph->total_ms, low_ms); /* one chip can do everything */
  for (int step = 0; step < MOST_STEPS && high_ms - low_ms > (small ? fine : coarse) * high_ms; step++) {
    const double middle_ms = low_ms + (high_ms - low_ms) / 2;
    if (refutes(graph, kept, middle_ms, scratch)) {
      low_ms = middle_ms;
    } else {
      high_ms = middle_ms;
    }
  }
  return low_ms;
}

static bool fits_memory(const struct partition_graph *graph, struct arena *scratch) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct partition_windows windows;
  partition_windows_init(&windows, graph, scratch);
  const bool fits = partition_windows_fit(&windows, INFINITY, scratch);
  arena_rewind(scratch, mark);
  return fits;
}

void partition_bounds(const struct partition_graph *graph, bool quick, struct arena *scratch,
                      struct partition_bounds *bounds) {
  const struct arena_mark mark = arena_get_mark(scratch);
  *bounds = (struct partition_bounds){0};
  partition_bounds_take(bounds, PARTITION_BOUND_LOAD, bound_load(graph));
  look_at_memory(graph, bounds);
  if (quick || bounds->infeasible || graph->n == 0) return;
  if (graph->problem->memory_bytes > 0 && !fits_memory(graph, scratch)) {
    bounds->infeasible = true, bounds->reason = "weights do not fit into chips in the order that edges ask for";
    return;
  }
  uint32_t *chip = ARENA_NEW(scratch, uint32_t, graph->n);
  const double known_ms = partition_quick(graph, scratch, chip);
  const double bound_ms = bisect(graph, bounds->best, known_ms, scratch);
  partition_bounds_take(bounds, PARTITION_BOUND_WINDOW, bound_ms * (1 - rounding));
  arena_rewind(scratch, mark);
}
