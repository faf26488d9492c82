/* The best pieces of one order. See partition_slicing.h.
 *
 * A pass asks for one period: with how few chips is each position reached by pieces whose loads are no greater
 * (partition_slicing_pass.c)? The period is bisected; a success lowers the upper end to the load found, a failure lifts
 * the lower one to the next period at which anything would change, so the end is exact. */
#include "search/partition/partition_slicing.h"

#include "base/checked.h"
#include "search/partition/partition_slicing_private.h"
#include <math.h>
#include <string.h>

/* Of sums in another order. */
static const double rounding = 1e-12;

struct partition_slicer *partition_slicer_new(const struct partition_graph *graph, struct arena *arena) {
  const size_t n = graph->n;
  const struct partition_problem *problem = graph->problem;
  struct partition_slicer *s = ARENA_NEW(arena, struct partition_slicer, 1);
  *s = (struct partition_slicer){.graph = graph,
                                 .work = partition_work_new(graph, arena),
                                 .n_chips = n < problem->n_chips ? (uint32_t)n : problem->n_chips};
  s->path = problem->triangle != PARTITION_ANY; /* under `general`, what path allows comes first */
  s->ring = problem->cost == PARTITION_RING || problem->cost == PARTITION_RING_OVERLAP || s->path;
  s->walked = !s->ring;
  s->overlap = problem->cost == PARTITION_RING_OVERLAP || problem->cost == PARTITION_P2P_OVERLAP;
  s->floor_ms = s->n_chips > 0 ? graph->total_ms / s->n_chips : 0;
  for (size_t g = 0; g < n; g++) s->floor_ms = fmax(s->floor_ms, graph->compute_ms[g]);
  s->floor_ms *= 1 - rounding;
  s->order = ARENA_NEW(arena, uint32_t, n), s->position = ARENA_NEW(arena, uint32_t, n);
  s->x_ms = ARENA_NEW(arena, double, n + 1), s->w_ms = ARENA_NEW(arena, double, n + 1);
  s->w_bits = ARENA_NEW(arena, uint64_t, n + 1);
  s->end_ms = ARENA_NEW(arena, double, n + 1), s->begin_ms = ARENA_NEW(arena, double, n + 1);
  s->bytes = ARENA_NEW(arena, uint64_t, n + 1), s->far = ARENA_NEW(arena, uint32_t, n + 1);
  s->farthest = ARENA_NEW(arena, uint32_t, n);
  s->last = ARENA_NEW(arena, uint32_t, graph->n_tensors), s->seen = ARENA_NEW(arena, uint64_t, graph->n_tensors);
  s->depth = ARENA_NEW(arena, uint32_t, n + 1), s->back = ARENA_NEW(arena, uint32_t, n + 1);
  s->piece_ms = ARENA_NEW(arena, double, n + 1), s->closed = ARENA_NEW(arena, uint32_t, n + 1);
  s->before = ARENA_NEW(arena, uint32_t, n + 1), s->behind = ARENA_NEW(arena, uint32_t, n + 1);
  s->level_ms = ARENA_NEW(arena, double, s->n_chips + 1), s->level_at = ARENA_NEW(arena, uint32_t, s->n_chips + 1);
  s->head = ARENA_NEW(arena, uint32_t, s->n_chips + 1), s->tail = ARENA_NEW(arena, uint32_t, s->n_chips + 1);
  s->trial = ARENA_NEW(arena, uint32_t, n), s->cuts = ARENA_NEW(arena, uint32_t, s->n_chips + 1);
  if (problem->memory_bytes > 0 && problem->memory_rule == PARTITION_LIVE) {
    s->live_when_needed = partition_slicer_live_new(graph, arena);
  }
  return s;
}

void partition_slicer_simplify(struct partition_slicer *s, bool simple) { s->ring = simple || !s->walked; }

/* --- an order -------------------------------------------------------------------------------------------------------
 */

/* Where tensors that the group reads are read last; under `path`, which successors of its predecessors come last. */
static void find_last(struct partition_slicer *s, uint32_t g) {
  const struct partition_graph *graph = s->graph;
  for (uint32_t k = graph->read_start[g]; k < graph->read_start[g + 1]; k++) {
    const struct partition_tensor *tensor = &graph->tensors[graph->read[k]];
    uint32_t last = 0;
    for (uint32_t c = tensor->first; c < tensor->end; c++) {
      const uint32_t at = s->position[graph->consumer[c]];
      if (at > last) last = at;
    }
    s->last[graph->read[k]] = last;
  }
  for (uint32_t k = graph->in_start[g]; s->path && k < graph->in_start[g + 1]; k++) {
    const uint32_t u = graph->in[k];
    uint32_t last = 0;
    for (uint32_t c = graph->out_start[u]; c < graph->out_start[u + 1]; c++) {
      const uint32_t at = s->position[graph->out[c]];
      if (at > last) last = at;
    }
    s->farthest[u] = last;
  }
}

/* What crosses a position: tensors of the groups before it that somebody behind it reads. */
static void lay_position(struct partition_slicer *s, uint32_t j) {
  const struct partition_graph *graph = s->graph;
  const uint32_t g = s->order[j - 1];
  uint64_t bits = s->w_bits[j - 1];
  for (uint32_t t = graph->tensor_start[g]; t < graph->tensor_start[g + 1]; t++) bits += graph->tensors[t].bits;
  for (uint32_t k = graph->read_start[g]; k < graph->read_start[g + 1]; k++) {
    if (s->last[graph->read[k]] == j) bits -= graph->tensors[graph->read[k]].bits;
  }
  s->x_ms[j] = s->x_ms[j - 1] + graph->compute_ms[g];
  s->bytes[j] = sat_add(s->bytes[j - 1], graph->weight_bytes[g]);
  s->w_bits[j] = bits, s->w_ms[j] = partition_bits_ms(graph, bits);
  s->end_ms[j] = s->overlap ? s->x_ms[j] : s->x_ms[j] + s->w_ms[j];
  s->begin_ms[j] = s->overlap ? s->x_ms[j] : s->x_ms[j] - s->w_ms[j];
}

void partition_slicer_reload(struct partition_slicer *s, uint32_t first, uint32_t last) {
  const uint32_t n = (uint32_t)s->graph->n;
  for (uint32_t i = first; i <= last; i++) s->position[s->order[i]] = i + 1;
  for (uint32_t i = first; i <= last; i++) find_last(s, s->order[i]);
  for (uint32_t j = first + 1; j <= last + 1; j++) lay_position(s, j);
  for (uint32_t j = 1; s->path && j <= n; j++) {
    const uint32_t farthest = s->farthest[s->order[j - 1]];
    s->far[j] = s->far[j - 1] > j ? s->far[j - 1] : j;
    if (farthest > s->far[j]) s->far[j] = farthest;
  }
}

void partition_slicer_load(struct partition_slicer *s) {
  if (s->path) memset(s->farthest, 0, s->graph->n * sizeof *s->farthest);
  partition_slicer_reload(s, 0, (uint32_t)s->graph->n - 1);
}

/* --- the least period -----------------------------------------------------------------------------------------------
 */

double partition_slicer_collect(struct partition_slicer *s) {
  uint32_t at = (uint32_t)s->graph->n;
  s->n_cuts = s->depth[at];
  double most_ms = 0;
  for (uint32_t c = s->n_cuts; c > 0; c--) {
    const uint32_t from = s->back[at];
    s->cuts[c] = at;
    const bool walked = !s->ring || s->live != NULL;
    double load_ms = walked ? s->piece_ms[at] : s->end_ms[at] - s->begin_ms[from];
    if (!walked && s->overlap) load_ms = fmax(load_ms, fmax(s->w_ms[at], s->w_ms[from]));
    most_ms = fmax(most_ms, load_ms);
    at = from;
  }
  s->cuts[0] = 0;
  return most_ms;
}

void partition_slicer_fill(const struct partition_slicer *s, uint32_t *chip) {
  for (uint32_t c = 1; c <= s->n_cuts; c++) {
    for (uint32_t j = s->cuts[c - 1]; j < s->cuts[c]; j++) chip[s->order[j]] = c;
  }
}

double partition_slicer_solve(struct partition_slicer *s, double better_than) {
  double enough_ms = 0; /* for any pieces */
  for (size_t j = 0; j <= s->graph->n; j++) enough_ms = fmax(enough_ms, s->w_ms[j]);
  enough_ms = s->x_ms[s->graph->n] + 2 * enough_ms;
  double low_ms = s->floor_ms, next_ms;
  double high_ms = better_than <= enough_ms ? nextafter(better_than, 0) : enough_ms;
  if (!partition_slicer_reach(s, high_ms, &next_ms)) return INFINITY;
  high_ms = partition_slicer_collect(s);
  while (low_ms < high_ms) {
    const double middle_ms = low_ms + (high_ms - low_ms) / 2;
    if (!(middle_ms < high_ms)) break;
    if (partition_slicer_reach(s, middle_ms, &next_ms)) {
      high_ms = partition_slicer_collect(s);
    } else {
      low_ms = next_ms > middle_ms ? next_ms : nextafter(middle_ms, INFINITY);
    }
  }
  return high_ms;
}

/* The pieces as they are, or INFINITY if they break a rule that slicing does not know. */
static double value_of(struct partition_slicer *s, double better_than, uint32_t *chip) {
  partition_slicer_fill(s, s->trial);
  const double value = partition_value(s->graph, s->trial, s->work);
  if (!(value < better_than)) return INFINITY;
  if (chip != NULL) memcpy(chip, s->trial, s->graph->n * sizeof *chip);
  return value;
}

/* Live tensors are looked at only where the best pieces without them do not fit: that is slow. */
static double slice_by_rules(struct partition_slicer *s, double better_than, uint32_t *chip) {
  double value = partition_slicer_solve(s, better_than);
  if (!isfinite(value)) return INFINITY;
  value = value_of(s, better_than, chip);
  if (isfinite(value) || s->live_when_needed == NULL) return value;
  s->live = s->live_when_needed;
  value = partition_slicer_solve(s, better_than);
  s->live = NULL;
  return isfinite(value) ? value_of(s, better_than, chip) : INFINITY;
}

/* Pieces without the rule of path may obey the general one by chance. */
static double slice_freely(struct partition_slicer *s, double better_than, uint32_t *chip) {
  const bool ring = s->ring;
  const enum partition_cost cost = s->graph->problem->cost;
  s->path = false, s->ring = cost == PARTITION_RING || cost == PARTITION_RING_OVERLAP;
  const double value = slice_by_rules(s, better_than, chip);
  s->path = true, s->ring = ring;
  return value;
}

double partition_slice(struct partition_slicer *s, const uint32_t *order, double better_than, uint32_t *chip) {
  if (s->graph->n == 0) return 0 < better_than ? 0 : INFINITY;
  if (order != s->order) memcpy(s->order, order, s->graph->n * sizeof *order);
  partition_slicer_load(s);
  const double value = slice_by_rules(s, better_than, chip);
  if (s->graph->problem->triangle != PARTITION_GENERAL) return value;
  return fmin(value, slice_freely(s, isfinite(value) ? value : better_than, chip));
}
