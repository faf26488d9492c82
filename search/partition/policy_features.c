/* See policy_features.h. */
#include "search/partition/policy_features.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

static double log1p_of(double x) { return num_log(1 + x); }
static double share_of(double part, double all) { return all > 0 ? part / all : 0; }

/* --- sums over ancestors --------------------------------------------------------------------------------------------
 */

/* 64 groups at a time travel along the arcs as bits; what they sum to is looked up by bytes, so that 10^5 groups take
 * seconds and memory stays linear. */
void policy_reach_ms(const struct partition_graph *graph, bool descendants, struct arena *scratch, double *sum) {
  enum { BYTES = 8, VALUES = 256 };
  const size_t n = graph->n;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint64_t *const seen = ARENA_NEW(scratch, uint64_t, n);
  double(*const table)[VALUES] = arena_alloc(scratch, BYTES, sizeof *table);
  memset(sum, 0, n * sizeof *sum);
  for (size_t first = 0; first < n; first += 64) {
    for (size_t byte = 0; byte < BYTES; byte++) {
      for (size_t value = 1; value < VALUES; value++) {
        const size_t lowest = (size_t)__builtin_ctzll(value), place = first + 8 * byte + lowest;
        const double ms = place < n ? graph->compute_ms[graph->topological[descendants ? n - 1 - place : place]] : 0;
        table[byte][value] = table[byte][value & (value - 1)] + ms;
      }
    }
    for (size_t place = first; place < n; place++) {
      const uint32_t v = graph->topological[descendants ? n - 1 - place : place];
      const uint32_t *const start = descendants ? graph->out_start : graph->in_start;
      const uint32_t *const near = descendants ? graph->out : graph->in;
      uint64_t bits = 0;
      for (uint32_t i = start[v]; i < start[v + 1]; i++) {
        const uint32_t u = near[i];
        const size_t at = descendants ? n - 1 - graph->place[u] : graph->place[u];
        if (at < first) continue; /* of an earlier 64: its own bits here are none, what it saw of these is nothing */
        bits |= seen[u];
        if (at < first + 64) bits |= (uint64_t)1 << (at - first);
      }
      seen[v] = bits;
      for (size_t byte = 0; bits != 0; byte++, bits >>= 8) sum[v] += table[byte][bits & 255];
    }
  }
  arena_rewind(scratch, mark);
}

/* --- cuts -----------------------------------------------------------------------------------------------------------
 */

void policy_cuts_ms(const struct partition_graph *graph, const uint32_t *order, struct arena *scratch, double *cut) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *const left = ARENA_NEW(scratch, uint32_t, graph->n_tensors);
  for (size_t t = 0; t < graph->n_tensors; t++) left[t] = graph->tensors[t].end - graph->tensors[t].first;
  double live = 0;
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t v = order[i];
    for (uint32_t t = graph->tensor_start[v]; t < graph->tensor_start[v + 1]; t++) live += graph->tensors[t].ms;
    for (uint32_t r = graph->read_start[v]; r < graph->read_start[v + 1]; r++) {
      if (--left[graph->read[r]] == 0) live -= graph->tensors[graph->read[r]].ms;
    }
    cut[v] = live > 0 ? live : 0; /* sums of ends may leave dust */
  }
  arena_rewind(scratch, mark);
}

struct ready {
  double growth;
  uint32_t group;
};
struct heap {
  struct ready *entries;
  size_t n;
};
static bool before(struct ready a, struct ready b) {
  return a.growth < b.growth || (!(b.growth < a.growth) && a.group < b.group);
}
static void heap_push(struct heap *heap, struct ready entry) {
  size_t at = heap->n++;
  for (; at > 0 && before(entry, heap->entries[(at - 1) / 2]); at = (at - 1) / 2) {
    heap->entries[at] = heap->entries[(at - 1) / 2];
  }
  heap->entries[at] = entry;
}
static struct ready heap_pop(struct heap *heap) {
  const struct ready top = heap->entries[0], last = heap->entries[--heap->n];
  size_t at = 0;
  for (size_t child = 1; child < heap->n; child = 2 * at + 1) {
    if (child + 1 < heap->n && before(heap->entries[child + 1], heap->entries[child])) child++;
    if (!before(heap->entries[child], last)) break;
    heap->entries[at] = heap->entries[child];
    at = child;
  }
  heap->entries[at] = last;
  return top;
}

/* A tensor that one reader is left of makes that reader cheaper: it goes into the heap again, and the entry of less
 * growth comes out first. */
void policy_least_growth_order(const struct partition_graph *graph, struct arena *scratch, uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const size_t n = graph->n;
  struct heap heap = {ARENA_NEW(scratch, struct ready, n + graph->n_tensors + 1), 0};
  uint32_t *const missing = ARENA_NEW(scratch, uint32_t, n), *const left =
                                                                 ARENA_NEW(scratch, uint32_t, graph->n_tensors);
  double *const growth = ARENA_NEW(scratch, double, n);
  bool *const done = ARENA_NEW(scratch, bool, n);
  for (size_t t = 0; t < graph->n_tensors; t++) {
    const struct partition_tensor *const tensor = &graph->tensors[t];
    left[t] = tensor->end - tensor->first;
    growth[tensor->producer] += tensor->ms;
    if (left[t] == 1) growth[graph->consumer[tensor->first]] -= tensor->ms;
  }
  for (uint32_t v = 0; v < n; v++) {
    missing[v] = graph->in_start[v + 1] - graph->in_start[v];
    if (missing[v] == 0) heap_push(&heap, (struct ready){growth[v], v});
  }
  for (size_t taken = 0; taken < n;) {
    const uint32_t v = heap_pop(&heap).group;
    if (done[v]) continue;
    done[v] = true;
    order[taken++] = v;
    for (uint32_t r = graph->read_start[v]; r < graph->read_start[v + 1]; r++) {
      const struct partition_tensor *const tensor = &graph->tensors[graph->read[r]];
      if (--left[graph->read[r]] != 1) continue;
      for (uint32_t c = tensor->first; c < tensor->end; c++) {
        const uint32_t reader = graph->consumer[c];
        if (done[reader]) continue;
        growth[reader] -= tensor->ms;
        if (missing[reader] == 0) heap_push(&heap, (struct ready){growth[reader], reader});
      }
    }
    for (uint32_t i = graph->out_start[v]; i < graph->out_start[v + 1]; i++) {
      if (--missing[graph->out[i]] == 0) heap_push(&heap, (struct ready){growth[graph->out[i]], graph->out[i]});
    }
  }
  arena_rewind(scratch, mark);
}

/* --- all together ---------------------------------------------------------------------------------------------------
 */

static void levels_of(const struct partition_graph *graph, uint32_t *forward, uint32_t *backward, uint32_t *depth) {
  *depth = 1;
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t v = graph->topological[i];
    for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) {
      if (forward[graph->in[a]] + 1 > forward[v]) forward[v] = forward[graph->in[a]] + 1;
    }
    if (forward[v] > *depth) *depth = forward[v];
  }
  for (size_t i = graph->n; i-- > 0;) {
    const uint32_t v = graph->topological[i];
    for (uint32_t a = graph->out_start[v]; a < graph->out_start[v + 1]; a++) {
      if (backward[graph->out[a]] + 1 > backward[v]) backward[v] = backward[graph->out[a]] + 1;
    }
  }
}

struct sums {
  double *ancestors, *descendants, *cut, *other_cut, *out_ms;
  uint32_t *forward, *backward, depth;
  bool *cloneable;
  double all_out_ms;
};

static void fill_row(const struct partition_graph *graph, const struct sums *s, uint32_t v, real *row) {
  const double n = (double)graph->n, chips = graph->problem->n_chips, even_ms = graph->total_ms / chips;
  const uint32_t n_in = graph->in_start[v + 1] - graph->in_start[v];
  const uint32_t n_out = graph->out_start[v + 1] - graph->out_start[v];
  const double features[POLICY_FEATURES] = {
      log1p_of(n * share_of(graph->compute_ms[v], graph->total_ms)),
      log1p_of(n * share_of((double)graph->weight_bytes[v], (double)graph->total_weight_bytes)),
      log1p_of(n * share_of(s->out_ms[v], s->all_out_ms)),
      log1p_of(n_in),
      log1p_of(n_out),
      (double)s->forward[v] / s->depth,
      (double)s->backward[v] / s->depth,
      share_of(s->ancestors[v], graph->total_ms),
      share_of(s->descendants[v], graph->total_ms),
      log1p_of(share_of(s->cut[v], even_ms)),
      log1p_of(share_of(s->other_cut[v], even_ms)),
      n_in == 0,
      n_out == 0,
      s->cloneable[v],
      chips / 64,
      log1p_of(share_of(s->all_out_ms, graph->total_ms)),
  };
  for (size_t f = 0; f < POLICY_FEATURES; f++) row[f] = (real)features[f];
}

struct policy_view policy_view_of(const struct partition_graph *graph, struct arena *arena, struct arena *scratch) {
  const size_t n = graph->n;
  real *const features = ARENA_NEW(arena, real, n * POLICY_FEATURES);
  const struct arena_mark mark = arena_get_mark(scratch);
  struct sums s = {.ancestors = ARENA_NEW(scratch, double, n),
                   .descendants = ARENA_NEW(scratch, double, n),
                   .cut = ARENA_NEW(scratch, double, n),
                   .other_cut = ARENA_NEW(scratch, double, n),
                   .out_ms = ARENA_NEW(scratch, double, n),
                   .forward = ARENA_NEW(scratch, uint32_t, n),
                   .backward = ARENA_NEW(scratch, uint32_t, n),
                   .cloneable = ARENA_NEW(scratch, bool, n)};
  uint32_t *const order = ARENA_NEW(scratch, uint32_t, n);
  policy_reach_ms(graph, false, scratch, s.ancestors);
  policy_reach_ms(graph, true, scratch, s.descendants);
  policy_cuts_ms(graph, graph->topological, scratch, s.cut);
  policy_least_growth_order(graph, scratch, order);
  policy_cuts_ms(graph, order, scratch, s.other_cut);
  levels_of(graph, s.forward, s.backward, &s.depth);
  for (size_t t = 0; t < graph->n_tensors; t++) {
    s.out_ms[graph->tensors[t].producer] += graph->tensors[t].ms;
    s.all_out_ms += graph->tensors[t].ms;
  }
  const struct partition_problem *const problem = graph->problem;
  for (size_t i = 0; i < problem->n_nodes; i++) {
    if (problem->cloneable[i]) s.cloneable[graph->group_of[i]] = true;
  }
  for (uint32_t v = 0; v < n; v++) fill_row(graph, &s, v, features + v * POLICY_FEATURES);
  arena_rewind(scratch, mark);
  return (struct policy_view){.graph = graph, .n_chips = problem->n_chips, .features = features};
}
