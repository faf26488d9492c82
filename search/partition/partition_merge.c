/* Groups that a period forces together. See partition_merge.h. Tarjan's strongly connected components (SIAM Journal on
 * Computing 1972), without recursion. */
#include "search/partition/partition_merge.h"

#include "base/checked.h"
#include <stdlib.h>

/* Of sums in another order: a tensor is cut unless it is too slow by more than this. */
static const double rounding = 1e-12;

static int compare_u32(const void *a, const void *b) {
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* --- components -----------------------------------------------------------------------------------------------------
 */

/* Arcs between classes, each as often as groups have it. */
struct class_arcs {
  size_t n;
  uint32_t *start, *to;
};

static struct class_arcs arcs_between(const struct partition_graph *graph, const uint32_t *class_of, size_t n_classes,
                                      struct arena *arena) {
  struct class_arcs arcs = {n_classes, ARENA_NEW(arena, uint32_t, n_classes + 2),
                            ARENA_NEW(arena, uint32_t, graph->n_arcs)};
  for (size_t g = 0; g < graph->n; g++) {
    for (uint32_t i = graph->out_start[g]; i < graph->out_start[g + 1]; i++) {
      if (class_of[g] != class_of[graph->out[i]]) arcs.start[class_of[g] + 2]++;
    }
  }
  for (size_t c = 0; c < n_classes; c++) arcs.start[c + 2] += arcs.start[c + 1];
  for (size_t g = 0; g < graph->n; g++) {
    for (uint32_t i = graph->out_start[g]; i < graph->out_start[g + 1]; i++) {
      if (class_of[g] != class_of[graph->out[i]]) arcs.to[arcs.start[class_of[g] + 1]++] = class_of[graph->out[i]];
    }
  }
  return arcs;
}

/* component[n]: numbers below the one returned, successors first. */
static size_t find_components(const struct class_arcs *arcs, struct arena *scratch, uint32_t *component) {
  uint32_t *index = ARENA_NEW(scratch, uint32_t, arcs->n), *low = ARENA_NEW(scratch, uint32_t, arcs->n),
           *at = ARENA_NEW(scratch, uint32_t, arcs->n), *open = ARENA_NEW(scratch, uint32_t, arcs->n),
           *path = ARENA_NEW(scratch, uint32_t, arcs->n);
  size_t n_components = 0, n_open = 0, n_path = 0;
  uint32_t next = 1;
  for (size_t c = 0; c < arcs->n; c++) component[c] = PARTITION_NONE;
  for (uint32_t root = 0; root < arcs->n; root++) {
    if (index[root] != 0) continue;
    path[n_path++] = open[n_open++] = root, index[root] = low[root] = next++, at[root] = arcs->start[root];
    while (n_path > 0) {
      const uint32_t c = path[n_path - 1];
      if (at[c] < arcs->start[c + 1]) {
        const uint32_t to = arcs->to[at[c]++];
        if (index[to] == 0) {
          path[n_path++] = open[n_open++] = to, index[to] = low[to] = next++, at[to] = arcs->start[to];
        } else if (component[to] == PARTITION_NONE && index[to] < low[c]) {
          low[c] = index[to];
        }
        continue;
      }
      n_path--;
      if (n_path > 0 && low[c] < low[path[n_path - 1]]) low[path[n_path - 1]] = low[c];
      if (low[c] != index[c]) continue;
      uint32_t member;
      do member = open[--n_open], component[member] = (uint32_t)n_components;
      while (member != c);
      n_components++;
    }
  }
  return n_components;
}

/* --- the merged graph -----------------------------------------------------------------------------------------------
 */

/* Distinct neighbours, ascending, of arcs given one by one: `from` [n], both ends in the new numbers. */
static size_t compress(size_t n, size_t n_arcs, const uint32_t *from, const uint32_t *to, struct arena *arena,
                       uint32_t **start, uint32_t **list) {
  uint32_t *at = ARENA_NEW(arena, uint32_t, n + 2);
  uint32_t *all = ARENA_NEW(arena, uint32_t, n_arcs);
  for (size_t a = 0; a < n_arcs; a++) at[from[a] + 2]++;
  for (size_t g = 0; g < n; g++) at[g + 2] += at[g + 1];
  for (size_t a = 0; a < n_arcs; a++) all[at[from[a] + 1]++] = to[a];
  size_t kept = 0;
  for (size_t g = 0, first = 0; g < n; g++) {
    const size_t end = at[g + 1];
    qsort(all + first, end - first, sizeof *all, compare_u32);
    at[g] = (uint32_t)kept;
    for (size_t i = first; i < end; i++) {
      if (i == first || all[i] != all[i - 1]) all[kept++] = all[i];
    }
    first = end;
  }
  at[n] = (uint32_t)kept;
  *start = at, *list = all;
  return kept;
}

static void merge_arcs(const struct partition_graph *graph, const uint32_t *now_in, struct arena *arena,
                       struct partition_graph *merged) {
  uint32_t *from = ARENA_NEW(arena, uint32_t, graph->n_arcs), *to = ARENA_NEW(arena, uint32_t, graph->n_arcs), *start,
           *list;
  size_t n_arcs = 0;
  for (size_t g = 0; g < graph->n; g++) {
    for (uint32_t i = graph->out_start[g]; i < graph->out_start[g + 1]; i++) {
      if (now_in[g] == now_in[graph->out[i]]) continue;
      from[n_arcs] = now_in[g], to[n_arcs++] = now_in[graph->out[i]];
    }
  }
  merged->n_arcs = compress(merged->n, n_arcs, from, to, arena, &start, &list);
  merged->out_start = start, merged->out = list;
  compress(merged->n, n_arcs, to, from, arena, &start, &list);
  merged->in_start = start, merged->in = list;
}

static void merge_tensors(const struct partition_graph *graph, const uint32_t *now_in, struct arena *arena,
                          struct partition_graph *merged) {
  const size_t n_reads = graph->n_tensors > 0 ? graph->tensors[graph->n_tensors - 1].end : 0;
  uint32_t *start = ARENA_NEW(arena, uint32_t, merged->n + 2), *consumer = ARENA_NEW(arena, uint32_t, n_reads),
           *by_producer = ARENA_NEW(arena, uint32_t, graph->n_tensors), *reader = ARENA_NEW(arena, uint32_t, n_reads),
           *read = ARENA_NEW(arena, uint32_t, n_reads);
  struct partition_tensor *tensors = ARENA_NEW(arena, struct partition_tensor, graph->n_tensors);
  for (size_t t = 0; t < graph->n_tensors; t++) start[now_in[graph->tensors[t].producer] + 2]++;
  for (size_t g = 0; g < merged->n; g++) start[g + 2] += start[g + 1];
  for (size_t t = 0; t < graph->n_tensors; t++) {
    by_producer[start[now_in[graph->tensors[t].producer] + 1]++] = (uint32_t)t;
  }
  size_t n_tensors = 0, n_consumers = 0;
  for (size_t i = 0, g = 0; g < merged->n; g++) {
    const size_t end = start[g + 1];
    start[g] = (uint32_t)n_tensors;
    for (; i < end; i++) {
      const struct partition_tensor *old = &graph->tensors[by_producer[i]];
      size_t n = 0, first = n_consumers;
      for (uint32_t k = old->first; k < old->end; k++) {
        if (now_in[graph->consumer[k]] != g) consumer[first + n++] = now_in[graph->consumer[k]];
      }
      if (n == 0) continue;
      qsort(consumer + first, n, sizeof *consumer, compare_u32);
      for (size_t k = first; k < first + n; k++) {
        if (k > first && consumer[k] == consumer[k - 1]) continue;
        reader[n_consumers] = consumer[k], read[n_consumers] = (uint32_t)n_tensors,
        consumer[n_consumers++] = consumer[k];
      }
      tensors[n_tensors++] =
          (struct partition_tensor){(uint32_t)g, (uint32_t)first, (uint32_t)n_consumers, old->bits, old->ms};
    }
  }
  start[merged->n] = (uint32_t)n_tensors;
  merged->n_tensors = n_tensors, merged->tensors = tensors, merged->tensor_start = start, merged->consumer = consumer;
  uint32_t *read_start, *reads;
  compress(merged->n, n_consumers, reader, read, arena, &read_start, &reads);
  merged->read_start = read_start, merged->read = reads;
}

static void merge_nodes(const struct partition_graph *graph, const uint32_t *now_in, struct arena *arena,
                        struct partition_graph *merged) {
  const size_t n_nodes = graph->problem->n_nodes;
  uint32_t *group_of = ARENA_NEW(arena, uint32_t, n_nodes), *start = ARENA_NEW(arena, uint32_t, merged->n + 2),
           *at = ARENA_NEW(arena, uint32_t, n_nodes);
  for (size_t v = 0; v < n_nodes; v++) group_of[v] = now_in[graph->group_of[v]], start[group_of[v] + 2]++;
  for (size_t g = 0; g < merged->n; g++) start[g + 2] += start[g + 1];
  for (size_t v = 0; v < n_nodes; v++) at[start[group_of[v] + 1]++] = (uint32_t)v;
  merged->group_of = group_of;
  merged->member = (struct partition_rows){start, at};
  merged->node_in = graph->node_in, merged->node_out = graph->node_out;
  merged->nodes_in_order = graph->nodes_in_order;
}

void partition_merge(const struct partition_graph *graph, const uint32_t *class_of, struct arena *arena,
                     struct partition_graph *merged, uint32_t *now_in) {
  uint32_t *component = ARENA_NEW(arena, uint32_t, graph->n), *number = ARENA_NEW(arena, uint32_t, graph->n);
  const struct class_arcs arcs = arcs_between(graph, class_of, graph->n, arena);
  const size_t n_components = find_components(&arcs, arena, component);
  *merged = (struct partition_graph){.problem = graph->problem,
                                     .total_ms = graph->total_ms,
                                     .total_weight_bytes = graph->total_weight_bytes,
                                     .blocker = PARTITION_NONE};
  for (size_t c = 0; c < n_components; c++) number[c] = PARTITION_NONE;
  for (size_t g = 0; g < graph->n; g++) { /* by first group */
    uint32_t *of = &number[component[class_of[g]]];
    if (*of == PARTITION_NONE) *of = (uint32_t)merged->n++;
    now_in[g] = *of;
  }
  double *compute = ARENA_NEW(arena, double, merged->n);
  uint64_t *weight = ARENA_NEW(arena, uint64_t, merged->n);
  uint32_t *topological = ARENA_NEW(arena, uint32_t, merged->n), *place = ARENA_NEW(arena, uint32_t, merged->n);
  for (size_t g = 0; g < graph->n; g++) {
    compute[now_in[g]] += graph->compute_ms[g];
    weight[now_in[g]] += graph->weight_bytes[g];
    /* Components come successors first; classes without a group are not numbered. */
    place[now_in[g]] = (uint32_t)(n_components - 1 - component[class_of[g]]);
  }
  for (size_t c = 0; c < n_components; c++) number[c] = PARTITION_NONE;
  for (size_t g = 0; g < merged->n; g++) number[place[g]] = (uint32_t)g;
  size_t n = 0;
  for (size_t c = 0; c < n_components; c++) {
    if (number[c] != PARTITION_NONE) place[number[c]] = (uint32_t)n, topological[n++] = number[c];
  }
  merged->compute_ms = compute, merged->weight_bytes = weight, merged->topological = topological;
  merged->place = place;
  merge_arcs(graph, now_in, arena, merged);
  merge_tensors(graph, now_in, arena, merged);
  merge_nodes(graph, now_in, arena, merged);
}

/* --- what a period forces -------------------------------------------------------------------------------------------
 */

enum { MOST_BETWEEN = 1 << 22 }; /* arcs looked at for what lies between ends of arcs */

static uint32_t find_root(uint32_t *root, uint32_t g) {
  while (root[g] != g) root[g] = root[root[g]], g = root[g];
  return g;
}

/* Joins every tensor's producer with the consumers that it cannot be cut from; how many joins that took. */
static size_t force(const struct partition_graph *graph, double period_ms, uint32_t *root) {
  const bool overlap = graph->problem->cost == PARTITION_RING_OVERLAP || graph->problem->cost == PARTITION_P2P_OVERLAP;
  size_t n = 0;
  const double most = period_ms * (1 + rounding);
  for (size_t t = 0; t < graph->n_tensors; t++) {
    const struct partition_tensor *tensor = &graph->tensors[t];
    const uint32_t u = tensor->producer;
    for (uint32_t k = tensor->first; k < tensor->end; k++) {
      const uint32_t v = graph->consumer[k];
      const double beside = overlap                                       ? 0
                            : graph->compute_ms[u] > graph->compute_ms[v] ? graph->compute_ms[u]
                                                                          : graph->compute_ms[v];
      if (!(tensor->ms + beside > most)) continue;
      const uint32_t a = find_root(root, u), b = find_root(root, v);
      if (a != b) root[a < b ? b : a] = a < b ? a : b, n++;
    }
  }
  return n;
}

/* What lies between the ends of an arc, found from `from` forwards and from the other end backwards. */
struct between {
  const struct partition_graph *graph;
  uint32_t *behind, *before; /* [n] stamps: descendants of `from`; of these, ancestors of the other end */
  uint32_t *open;            /* [n] scratch */
  uint32_t stamp;            /* of the other end */
  uint64_t steps;            /* still allowed */
};

/* Descendants of u that some reader of u may descend from; false: no reader does. */
static bool look_behind(struct between *b, uint32_t u) {
  const struct partition_graph *graph = b->graph;
  uint32_t furthest = 0;
  for (uint32_t i = graph->out_start[u]; i < graph->out_start[u + 1]; i++) {
    if (graph->place[graph->out[i]] > furthest) furthest = graph->place[graph->out[i]];
  }
  size_t n = 0;
  b->open[n++] = u, b->behind[u] = u + 1;
  bool any = false;
  while (n > 0 && b->steps > 0) {
    const uint32_t g = b->open[--n];
    for (uint32_t i = graph->out_start[g]; i<graph->out_start[g + 1]; i++, b->steps -= b->steps> 0) {
      const uint32_t to = graph->out[i];
      if (graph->place[to] > furthest) continue;
      if (b->behind[to] == u + 1) {
        any = true; /* two ways */
      } else {
        b->behind[to] = u + 1, b->open[n++] = to;
      }
    }
  }
  return any && b->steps > 0;
}

/* Compute and weights of u, v and all between them. */
static double sum_between(struct between *b, uint32_t u, uint32_t v, uint64_t *weight) {
  const struct partition_graph *graph = b->graph;
  double sum_ms = 0;
  size_t n = 0;
  b->stamp++, b->open[n++] = v, b->before[v] = b->stamp, *weight = 0;
  while (n > 0) {
    const uint32_t g = b->open[--n];
    sum_ms += graph->compute_ms[g], *weight = sat_add(*weight, graph->weight_bytes[g]);
    for (uint32_t i = g == u ? graph->in_start[u + 1] : graph->in_start[g]; i < graph->in_start[g + 1]; i++) {
      b->steps -= b->steps > 0;
      if (b->behind[graph->in[i]] != u + 1 || b->before[graph->in[i]] == b->stamp) continue;
      b->before[graph->in[i]] = b->stamp, b->open[n++] = graph->in[i];
    }
  }
  return sum_ms;
}

/* Time of tensors from u that v reads. */
static double time_of_arc(const struct partition_graph *graph, uint32_t u, uint32_t v) {
  double sum_ms = 0;
  for (uint32_t i = graph->read_start[v]; i < graph->read_start[v + 1]; i++) {
    const struct partition_tensor *tensor = &graph->tensors[graph->read[i]];
    if (tensor->producer == u) sum_ms += tensor->ms;
  }
  return sum_ms;
}

/* Under a triangle rule no chip is between those of an arc's ends: all that lies between them is on these two chips. If
 * that is too much the ends are not apart, and then nothing is. */
static size_t force_triangles(const struct partition_graph *graph, double period_ms, uint32_t *root,
                              struct arena *scratch) {
  const struct partition_problem *problem = graph->problem;
  if (problem->triangle == PARTITION_ANY) return 0;
  const struct arena_mark mark = arena_get_mark(scratch);
  const bool overlap = problem->cost == PARTITION_RING_OVERLAP || problem->cost == PARTITION_P2P_OVERLAP;
  struct between between = {.graph = graph,
                            .behind = ARENA_NEW(scratch, uint32_t, graph->n),
                            .before = ARENA_NEW(scratch, uint32_t, graph->n),
                            .open = ARENA_NEW(scratch, uint32_t, graph->n),
                            .steps = MOST_BETWEEN};
  const double most_ms = 2 * period_ms * (1 + rounding);
  size_t n = 0;
  for (uint32_t u = 0; u < graph->n; u++) {
    if (graph->out_start[u + 1] - graph->out_start[u] < 2 || !look_behind(&between, u)) continue;
    for (uint32_t i = graph->out_start[u]; i < graph->out_start[u + 1] && between.steps > 0; i++) {
      const uint32_t v = graph->out[i];
      uint64_t weight;
      const double work_ms = sum_between(&between, u, v, &weight);
      const bool fits = work_ms + (overlap ? 0 : 2 * time_of_arc(graph, u, v)) <= most_ms &&
                        (problem->memory_bytes == 0 || weight <= sat_mul(2, problem->memory_bytes));
      const uint32_t a = find_root(root, u), b = find_root(root, v);
      if (!fits && a != b) root[a < b ? b : a] = a < b ? a : b, n++;
    }
  }
  arena_rewind(scratch, mark);
  return n;
}

bool partition_merge_at(const struct partition_graph *graph, double period_ms, struct arena *arena,
                        struct partition_graph *merged, uint32_t *now_in) {
  uint32_t *root = ARENA_NEW(arena, uint32_t, graph->n), *step = ARENA_NEW(arena, uint32_t, graph->n);
  bool any = false;
  *merged = *graph;
  for (size_t g = 0; g < graph->n; g++) now_in[g] = (uint32_t)g;
  for (;;) {
    const struct partition_graph before = *merged;
    for (size_t g = 0; g < before.n; g++) root[g] = (uint32_t)g;
    if (force(&before, period_ms, root) + force_triangles(&before, period_ms, root, arena) == 0) return any;
    any = true;
    for (size_t g = 0; g < before.n; g++) root[g] = find_root(root, (uint32_t)g);
    partition_merge(&before, root, arena, merged, step);
    for (size_t g = 0; g < graph->n; g++) now_in[g] = step[now_in[g]];
  }
}
