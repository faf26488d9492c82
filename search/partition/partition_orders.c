/* Topological orders of groups. See partition_orders.h.
 *
 * One loop takes ready groups from a heap by key; what differs is the key, which may fall while a group waits: then it
 * is in the heap twice and the stale entry is passed over. Ties are broken by number. */
#include "search/partition/partition_orders.h"

#include <math.h>
#include <string.h>

/* --- a heap ---------------------------------------------------------------------------------------------------------
 */

struct waiting {
  double key;
  uint32_t group;
};
struct heap {
  struct waiting *item;
  size_t n;
};

static bool is_before(const struct waiting *a, const struct waiting *b) {
  return a->key < b->key || (!(a->key > b->key) && a->group < b->group);
}

static void heap_push(struct heap *heap, double key, uint32_t group) {
  const struct waiting item = {key, group};
  size_t at = heap->n++;
  for (; at > 0 && is_before(&item, &heap->item[(at - 1) / 2]); at = (at - 1) / 2) {
    heap->item[at] = heap->item[(at - 1) / 2];
  }
  heap->item[at] = item;
}

static struct waiting heap_pop(struct heap *heap) {
  const struct waiting top = heap->item[0], last = heap->item[--heap->n];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < heap->n; at = child) {
    if (child + 1 < heap->n && is_before(&heap->item[child + 1], &heap->item[child])) child++;
    if (!is_before(&heap->item[child], &last)) break;
    heap->item[at] = heap->item[child];
  }
  heap->item[at] = last;
  return top;
}

/* --- by a key that stays --------------------------------------------------------------------------------------------
 */

/* Along the arcs, or against them from the end. */
struct direction {
  const uint32_t *in_start, *in, *out_start, *out;
};

static struct direction direction_of(const struct partition_graph *graph, bool backward) {
  if (backward) return (struct direction){graph->out_start, graph->out, graph->in_start, graph->in};
  return (struct direction){graph->in_start, graph->in, graph->out_start, graph->out};
}

static void reverse(uint32_t *order, size_t n) {
  for (size_t i = 0; i + 1 < n - i; i++) {
    const uint32_t other = order[n - 1 - i];
    order[n - 1 - i] = order[i], order[i] = other;
  }
}

/* key NULL: what became ready last goes first. */
static void take_by_key(const struct partition_graph *graph, bool backward, const double *key, struct arena *scratch,
                        uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  const struct direction d = direction_of(graph, backward);
  uint32_t *wanted = ARENA_NEW(scratch, uint32_t, graph->n);
  struct heap heap = {ARENA_NEW(scratch, struct waiting, graph->n), 0};
  double ready = 0;
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t g = (uint32_t)(backward ? graph->n - 1 - i : i);
    wanted[g] = d.in_start[g + 1] - d.in_start[g];
    if (wanted[g] == 0) heap_push(&heap, key != NULL ? key[g] : ready--, g);
  }
  for (size_t n = 0; heap.n > 0;) {
    const uint32_t g = order[n++] = heap_pop(&heap).group;
    for (uint32_t k = d.out_start[g]; k < d.out_start[g + 1]; k++) {
      const uint32_t to = d.out[k];
      if (--wanted[to] == 0) heap_push(&heap, key != NULL ? key[to] : ready--, to);
    }
  }
  if (backward) reverse(order, graph->n);
  arena_rewind(scratch, mark);
}

void partition_order_by_key(const struct partition_graph *graph, const double *key, uint32_t *order,
                            struct arena *scratch) {
  take_by_key(graph, false, key, scratch, order);
}

/* --- by growth of what is alive -------------------------------------------------------------------------------------
 */

/* Groups that wait, by what they would add if they came next; that falls as others are taken. */
struct growing {
  const struct partition_graph *graph;
  struct direction d;
  uint32_t *wanted;
  double *growth;
  bool *taken;
  struct heap heap;
};

static struct growing growing_new(const struct partition_graph *graph, bool backward, struct arena *scratch) {
  const size_t n_reads = graph->read_start[graph->n];
  return (struct growing){.graph = graph,
                          .d = direction_of(graph, backward),
                          .wanted = ARENA_NEW(scratch, uint32_t, graph->n),
                          .growth = ARENA_NEW(scratch, double, graph->n),
                          .taken = ARENA_NEW(scratch, bool, graph->n),
                          .heap = {ARENA_NEW(scratch, struct waiting, graph->n + n_reads), 0}};
}

/* Once growths are filled in: who need not wait for others. */
static void growing_begin(struct growing *growing) {
  const uint32_t *const in_start = growing->d.in_start;
  for (uint32_t g = 0; g < growing->graph->n; g++) {
    growing->wanted[g] = in_start[g + 1] - in_start[g];
    if (growing->wanted[g] == 0) heap_push(&growing->heap, growing->growth[g], g);
  }
}

/* False: all are taken. */
static bool growing_next(struct growing *growing, uint32_t *group) {
  while (growing->heap.n > 0) {
    *group = heap_pop(&growing->heap).group;
    if (growing->taken[*group]) continue;
    growing->taken[*group] = true;
    return true;
  }
  return false;
}

/* Whoever is left of a tensor's readers adds so much less. */
static void growing_spare_readers(struct growing *growing, const struct partition_tensor *tensor) {
  for (uint32_t c = tensor->first; c < tensor->end; c++) {
    const uint32_t other = growing->graph->consumer[c];
    if (growing->taken[other]) continue;
    growing->growth[other] -= tensor->ms;
    if (growing->wanted[other] == 0) heap_push(&growing->heap, growing->growth[other], other);
  }
}

static void growing_release(struct growing *growing, uint32_t group) {
  for (uint32_t k = growing->d.out_start[group]; k < growing->d.out_start[group + 1]; k++) {
    const uint32_t to = growing->d.out[k];
    if (--growing->wanted[to] == 0) heap_push(&growing->heap, growing->growth[to], to);
  }
}

/* Forward: a group adds its tensors and ends those that nobody else waits for. */
static void take_by_growth(const struct partition_graph *graph, struct arena *scratch, uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct growing growing = growing_new(graph, false, scratch);
  uint32_t *readers = ARENA_NEW(scratch, uint32_t, graph->n_tensors);
  for (size_t t = 0; t < graph->n_tensors; t++) {
    const struct partition_tensor *tensor = &graph->tensors[t];
    readers[t] = tensor->end - tensor->first;
    growing.growth[tensor->producer] += tensor->ms;
    if (readers[t] == 1) growing.growth[graph->consumer[tensor->first]] -= tensor->ms;
  }
  growing_begin(&growing);
  for (uint32_t g; growing_next(&growing, &g); growing_release(&growing, g)) {
    *order++ = g;
    for (uint32_t k = graph->read_start[g]; k < graph->read_start[g + 1]; k++) {
      const uint32_t t = graph->read[k];
      if (--readers[t] == 1) growing_spare_readers(&growing, &graph->tensors[t]);
    }
  }
  arena_rewind(scratch, mark);
}

/* Backward: a group ends its own tensors and brings to life those that it is the first to read. */
static void take_by_growth_backward(const struct partition_graph *graph, struct arena *scratch, uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct growing growing = growing_new(graph, true, scratch);
  bool *alive = ARENA_NEW(scratch, bool, graph->n_tensors);
  size_t n = 0;
  for (size_t t = 0; t < graph->n_tensors; t++) {
    const struct partition_tensor *tensor = &graph->tensors[t];
    growing.growth[tensor->producer] -= tensor->ms;
    for (uint32_t c = tensor->first; c < tensor->end; c++) growing.growth[graph->consumer[c]] += tensor->ms;
  }
  growing_begin(&growing);
  for (uint32_t g; growing_next(&growing, &g); growing_release(&growing, g)) {
    order[n++] = g;
    for (uint32_t k = graph->read_start[g]; k < graph->read_start[g + 1]; k++) {
      const uint32_t t = graph->read[k];
      if (alive[t]) continue;
      alive[t] = true;
      growing_spare_readers(&growing, &graph->tensors[t]);
    }
  }
  reverse(order, graph->n);
  arena_rewind(scratch, mark);
}

/* --- the dozen ------------------------------------------------------------------------------------------------------
 */

/* Longest way from a source to the group (the group included), or to a sink; in groups or in ms of compute. */
static void longest_ways(const struct partition_graph *graph, bool backward, bool in_ms, double *way) {
  const struct direction d = direction_of(graph, backward);
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t g = graph->topological[backward ? graph->n - 1 - i : i];
    double longest = 0;
    for (uint32_t k = d.in_start[g]; k < d.in_start[g + 1]; k++) longest = fmax(longest, way[d.in[k]]);
    way[g] = longest + (in_ms ? graph->compute_ms[g] : 1);
  }
}

/* Keys of order i of the first group of orders: depth, minus tail, the share of both, each in groups and in ms. */
static void fill_keys(const struct partition_graph *graph, size_t kind, bool in_ms, struct arena *scratch,
                      double *key) {
  double *tail = ARENA_NEW(scratch, double, graph->n);
  longest_ways(graph, false, in_ms, key);
  longest_ways(graph, true, in_ms, tail);
  for (size_t g = 0; g < graph->n; g++) {
    if (kind == 1) key[g] = -tail[g];
    if (kind == 2) key[g] = key[g] + tail[g] > 0 ? key[g] / (key[g] + tail[g]) : 0;
  }
}

void partition_fixed_order(const struct partition_graph *graph, size_t i, struct arena *scratch, uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  double *key = ARENA_NEW(scratch, double, graph->n);
  switch (i) {
  case 0:
    memcpy(order, graph->topological, graph->n * sizeof *order);
    break;
  case 1:
  case 2:
  case 3:
    fill_keys(graph, i - 1, false, scratch, key);
    take_by_key(graph, false, key, scratch, order);
    break;
  case 4:
    take_by_key(graph, false, NULL, scratch, order);
    break;
  case 5:
    take_by_growth(graph, scratch, order);
    break;
  case 6:
    take_by_growth_backward(graph, scratch, order);
    break;
  case 7:
  case 8:
  case 9:
    fill_keys(graph, i - 7, true, scratch, key);
    take_by_key(graph, false, key, scratch, order);
    break;
  case 10:
    take_by_key(graph, true, NULL, scratch, order);
    break;
  default: /* the greatest number last */
    for (size_t g = 0; g < graph->n; g++) key[g] = -(double)g;
    take_by_key(graph, true, key, scratch, order);
    break;
  }
  arena_rewind(scratch, mark);
}

void partition_order_by_chip(const struct partition_graph *graph, const uint32_t *base, const uint32_t *chip,
                             struct arena *scratch, uint32_t *order) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *at = ARENA_NEW(scratch, uint32_t, (size_t)graph->problem->n_chips + 2);
  for (size_t g = 0; g < graph->n; g++) at[chip[g] + 1]++;
  for (size_t c = 1; c <= graph->problem->n_chips; c++) at[c + 1] += at[c];
  for (size_t i = 0; i < graph->n; i++) order[at[chip[base[i]]]++] = base[i];
  arena_rewind(scratch, mark);
}

double partition_quick(const struct partition_graph *graph, struct arena *scratch, uint32_t *chip) {
  const struct arena_mark mark = arena_get_mark(scratch);
  struct partition_slicer *slicer = partition_slicer_new(graph, scratch);
  uint32_t *order = ARENA_NEW(scratch, uint32_t, graph->n), *better = ARENA_NEW(scratch, uint32_t, graph->n);
  double best = INFINITY;
  for (size_t i = 0; i < PARTITION_N_FIXED_ORDERS; i++) {
    partition_fixed_order(graph, i, scratch, order);
    const double value = partition_slice(slicer, order, best, better);
    if (!(value < best)) continue;
    best = value;
    memcpy(chip, better, graph->n * sizeof *chip);
  }
  arena_rewind(scratch, mark);
  return best;
}
