/* Which operators must stay together, and what graph do they make? See partition.h.
 *
 * Edges that do not exist are dropped, colocated nodes become one group, and groups on a common cycle become one (a
 * cycle of groups is legal, partition §2; a cycle of nodes is a mistake). Everything is linear but for the heap of the
 * topological order; rows come out ascending because pairs are made in ascending order and sorted by counting. */
#include "search/partition/partition.h"

#include "base/checked.h"
#include "search/partition/partition_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pairs (row, column) that become compressed rows. */
struct pairs {
  uint32_t *row, *column;
  size_t n;
};
static struct pairs pairs_new(struct arena *arena, size_t most) {
  return (struct pairs){ARENA_NEW(arena, uint32_t, most), ARENA_NEW(arena, uint32_t, most), 0};
}
static void pairs_add(struct pairs *pairs, size_t row, size_t column) {
  pairs->row[pairs->n] = (uint32_t)row;
  pairs->column[pairs->n++] = (uint32_t)column;
}
/* Columns of a row stay in the order they were added in. */
static struct partition_rows rows_of(const struct pairs *pairs, size_t n_rows, struct arena *arena) {
  uint32_t *start = ARENA_NEW(arena, uint32_t, n_rows + 2), *at = ARENA_NEW(arena, uint32_t, pairs->n);
  for (size_t i = 0; i < pairs->n; i++) start[pairs->row[i] + 2]++;
  for (size_t r = 0; r < n_rows; r++) start[r + 2] += start[r + 1];
  for (size_t i = 0; i < pairs->n; i++) at[start[pairs->row[i] + 1]++] = pairs->column[i];
  return (struct partition_rows){start, at};
}
/* Rows by column, ascending. */
static struct partition_rows rows_turned(const struct partition_rows *rows, size_t n_rows, size_t n_columns,
                                         struct arena *arena) {
  uint32_t *start = ARENA_NEW(arena, uint32_t, n_columns + 2), *at = ARENA_NEW(arena, uint32_t, rows->start[n_rows]);
  for (size_t i = 0; i < rows->start[n_rows]; i++) start[rows->at[i] + 2]++;
  for (size_t c = 0; c < n_columns; c++) start[c + 2] += start[c + 1];
  for (size_t r = 0; r < n_rows; r++) {
    for (uint32_t i = rows->start[r]; i < rows->start[r + 1]; i++) at[start[rows->at[i] + 1]++] = (uint32_t)r;
  }
  return (struct partition_rows){start, at};
}

void partition_heap_push(uint32_t *heap, size_t *n, uint32_t key) {
  size_t i = (*n)++;
  for (; i > 0 && heap[(i - 1) / 2] > key; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  heap[i] = key;
}
uint32_t partition_heap_pop(uint32_t *heap, size_t *n) {
  const uint32_t least = heap[0], key = heap[--*n];
  size_t i = 0;
  for (size_t child; (child = 2 * i + 1) < *n; i = child) {
    if (child + 1 < *n && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= key) break;
    heap[i] = heap[child];
  }
  heap[i] = key;
  return least;
}

/* Predecessors first, least number first. Fewer than n: a cycle. */
static size_t order_topologically(size_t n, const struct partition_rows *in, const struct partition_rows *out,
                                  uint32_t *order, struct arena *scratch) {
  uint32_t *left = ARENA_NEW(scratch, uint32_t, n), *heap = ARENA_NEW(scratch, uint32_t, n);
  size_t n_heap = 0, done = 0;
  for (size_t v = 0; v < n; v++) {
    left[v] = in->start[v + 1] - in->start[v];
    if (left[v] == 0) partition_heap_push(heap, &n_heap, (uint32_t)v);
  }
  while (n_heap > 0) {
    const uint32_t v = partition_heap_pop(heap, &n_heap);
    order[done++] = v;
    for (uint32_t i = out->start[v]; i < out->start[v + 1]; i++) {
      if (--left[out->at[i]] == 0) partition_heap_push(heap, &n_heap, out->at[i]);
    }
  }
  return done;
}

static int compare_edges(const void *a, const void *b) {
  const struct partition_edge *x = a, *y = b;
  return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to != y->to ? (x->to < y->to ? -1 : 1) : 0;
}
static struct partition_edge *sorted_drops(const struct partition_problem *problem, struct arena *arena) {
  struct partition_edge *drops = ARENA_NEW(arena, struct partition_edge, problem->n_drops);
  if (problem->n_drops > 0) memcpy(drops, problem->drops, problem->n_drops * sizeof *drops);
  qsort(drops, problem->n_drops, sizeof *drops, compare_edges);
  return drops;
}
static size_t find_drop(const struct partition_edge *drops, size_t n, struct partition_edge edge) {
  size_t low = 0, high = n;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (compare_edges(&drops[middle], &edge) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < n && compare_edges(&drops[low], &edge) == 0 ? low : SIZE_MAX;
}

/* Rows of the nodes that exist, distinct and ascending; false: a mistake in edges. */
static bool read_edges(const struct partition_problem *problem, struct arena *arena, struct partition_graph *graph,
                       struct error *error) {
  const size_t n = problem->n_nodes;
  const struct partition_edge *drops = sorted_drops(problem, arena);
  bool *met = ARENA_NEW(arena, bool, problem->n_drops);
  struct pairs pairs = pairs_new(arena, problem->n_edges);
  for (size_t e = 0; e < problem->n_edges; e++) {
    const struct partition_edge edge = problem->edges[e];
    if (edge.from >= n || edge.to >= n)
      return error_add(error, STATUS_INPUT, "%s: edge %u,%u names a node that there is not, 0 to %zu are allowed",
                       problem->name, (unsigned)edge.from, (unsigned)edge.to, n - 1);
    if (edge.from == edge.to)
      return error_add(error, STATUS_INPUT, "%s: edge %u,%u leads from a node to itself", problem->name,
                       (unsigned)edge.from, (unsigned)edge.to);
    const size_t drop = find_drop(drops, problem->n_drops, edge);
    if (drop != SIZE_MAX)
      met[drop] = true;
    else if (!(problem->clone && problem->cloneable[edge.from]))
      pairs_add(&pairs, edge.to, edge.from);
  }
  for (size_t i = 0; i < problem->n_drops; i++) {
    if (!met[i] && (i == 0 || compare_edges(&drops[i], &drops[i - 1]) != 0))
      error_add(error, STATUS_INPUT, "%s: drop_edges: there is no edge %u,%u", problem->name, (unsigned)drops[i].from,
                (unsigned)drops[i].to);
  }
  if (error_is_set(error)) return false;
  /* Turned twice, rows are ascending; then equal neighbours stand side by side. */
  const struct partition_rows by_to = rows_of(&pairs, n, arena), by_from = rows_turned(&by_to, n, n, arena);
  struct pairs distinct = pairs_new(arena, pairs.n);
  for (size_t u = 0; u < n; u++) {
    for (uint32_t i = by_from.start[u]; i < by_from.start[u + 1]; i++) {
      if (i == by_from.start[u] || by_from.at[i] != by_from.at[i - 1]) pairs_add(&distinct, u, by_from.at[i]);
    }
  }
  graph->node_out = rows_of(&distinct, n, arena);
  graph->node_in = rows_turned(&graph->node_out, n, n, arena);
  graph->nodes_in_order = true;
  for (size_t i = 0; i < distinct.n; i++) graph->nodes_in_order &= distinct.row[i] < distinct.column[i];
  uint32_t *order = ARENA_NEW(arena, uint32_t, n);
  const size_t done = order_topologically(n, &graph->node_in, &graph->node_out, order, arena);
  if (done < n)
    return error_add(error, STATUS_INPUT, "%s: edges: %zu nodes lie on a cycle or behind one, nodes may have none",
                     problem->name, n - done);
  return true;
}

/* Nodes of equal colocation get one number, numbers rise with the first node; returns how many. */
static size_t colocate(const struct partition_problem *problem, uint32_t *unit_of, struct arena *scratch) {
  size_t size = 16, n_units = 0;
  while (size < 2 * problem->n_nodes) size *= 2;
  struct {
    uint32_t group, unit; /* unit + 1; 0: free */
  } *table = arena_alloc(scratch, size, sizeof *table);
  for (size_t v = 0; v < problem->n_nodes; v++) {
    const uint32_t group = problem->colocate[v];
    if (group == PARTITION_NONE) {
      unit_of[v] = (uint32_t)n_units++;
      continue;
    }
    size_t at = (size_t)(group * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (size - 1);
    while (table[at].unit != 0 && table[at].group != group) at = (at + 1) & (size - 1);
    if (table[at].unit == 0) {
      table[at].group = group;
      table[at].unit = (uint32_t)++n_units;
    }
    unit_of[v] = table[at].unit - 1;
  }
  return n_units;
}

/* Tarjan's strongly connected components, without recursion. component[n]. */
static void connect_strongly(size_t n, const struct partition_rows *out, uint32_t *component, struct arena *scratch) {
  uint32_t *index = ARENA_NEW(scratch, uint32_t, n), *low = ARENA_NEW(scratch, uint32_t, n),
           *next = ARENA_NEW(scratch, uint32_t, n), *stack = ARENA_NEW(scratch, uint32_t, n),
           *calls = ARENA_NEW(scratch, uint32_t, n);
  bool *open = ARENA_NEW(scratch, bool, n);
  uint32_t counter = 0, n_components = 0;
  size_t n_stack = 0;
  for (size_t root = 0; root < n; root++) {
    if (index[root] != 0) continue;
    size_t depth = 0;
    calls[depth++] = (uint32_t)root;
    while (depth > 0) {
      const uint32_t v = calls[depth - 1];
      if (index[v] == 0) {
        index[v] = low[v] = ++counter;
        next[v] = out->start[v];
        stack[n_stack++] = v;
        open[v] = true;
      }
      bool deeper = false;
      for (; next[v] < out->start[v + 1] && !deeper; next[v]++) {
        const uint32_t w = out->at[next[v]];
        if (index[w] == 0) {
          calls[depth++] = w;
          deeper = true;
        } else if (open[w] && index[w] < low[v])
          low[v] = index[w];
      }
      if (deeper) continue;
      depth--;
      if (depth > 0 && low[v] < low[calls[depth - 1]]) low[calls[depth - 1]] = low[v];
      if (low[v] != index[v]) continue;
      uint32_t w;
      do {
        w = stack[--n_stack];
        open[w] = false;
        component[w] = n_components;
      } while (w != v);
      n_components++;
    }
  }
}

/* group_of, n and member. */
static void group_nodes(const struct partition_problem *problem, struct arena *arena, struct partition_graph *graph) {
  const size_t n = problem->n_nodes;
  uint32_t *unit_of = ARENA_NEW(arena, uint32_t, n), *group_of = ARENA_NEW(arena, uint32_t, n);
  const size_t n_units = colocate(problem, unit_of, arena);
  struct pairs pairs = pairs_new(arena, graph->node_out.start[n]);
  for (size_t u = 0; u < n; u++) {
    for (uint32_t i = graph->node_out.start[u]; i < graph->node_out.start[u + 1]; i++) {
      const uint32_t v = graph->node_out.at[i];
      if (unit_of[u] != unit_of[v]) pairs_add(&pairs, unit_of[u], unit_of[v]);
    }
  }
  const struct partition_rows out = rows_of(&pairs, n_units, arena);
  uint32_t *component = ARENA_NEW(arena, uint32_t, n_units), *number = ARENA_NEW(arena, uint32_t, n_units);
  connect_strongly(n_units, &out, component, arena);
  struct pairs members = pairs_new(arena, n);
  for (size_t v = 0; v < n; v++) {
    uint32_t *of = &number[component[unit_of[v]]];
    if (*of == 0) *of = (uint32_t)++graph->n;
    group_of[v] = *of - 1;
    pairs_add(&members, group_of[v], v);
  }
  graph->group_of = group_of;
  graph->member = rows_of(&members, graph->n, arena);
}

/* Sums by group, in the order of nodes; false: they do not fit. */
static bool add_up(const struct partition_problem *problem, struct arena *arena, struct partition_graph *graph,
                   struct error *error) {
  double *compute_ms = ARENA_NEW(arena, double, graph->n);
  uint64_t *weight_bytes = ARENA_NEW(arena, uint64_t, graph->n), total_bits = 0;
  for (size_t v = 0; v < problem->n_nodes; v++) {
    const uint32_t g = graph->group_of[v];
    if (!(problem->compute_ms[v] >= 0 && isfinite(problem->compute_ms[v])))
      return error_add(error, STATUS_INPUT, "%s: compute_ms of node %zu is %g, it must be finite and at least 0",
                       problem->name, v, problem->compute_ms[v]);
    compute_ms[g] += problem->compute_ms[v];
    graph->total_ms += problem->compute_ms[v];
    if (!checked_add(graph->total_weight_bytes, problem->weight_bytes[v], &graph->total_weight_bytes))
      return error_add(error, STATUS_INPUT, "%s: the weight_bytes of all nodes together do not fit in 64 bits",
                       problem->name);
    if (!checked_add(total_bits, problem->out_bits[v], &total_bits) || total_bits >= PARTITION_END_BITS)
      return error_add(error, STATUS_INPUT, "%s: the out_bytes of all nodes together are 2^59 or more", problem->name);
    weight_bytes[g] += problem->weight_bytes[v];
  }
  if (!isfinite(graph->total_ms))
    return error_add(error, STATUS_INPUT, "%s: the compute_ms of all nodes together are not finite", problem->name);
  graph->compute_ms = compute_ms;
  graph->weight_bytes = weight_bytes;
  return true;
}

static void connect_groups(struct arena *arena, struct partition_graph *graph) {
  uint32_t *last = ARENA_NEW(arena, uint32_t, graph->n);
  struct pairs arcs = pairs_new(arena, graph->node_out.start[graph->problem->n_nodes]);
  for (uint32_t h = 0; h < graph->n; h++) {
    for (uint32_t m = graph->member.start[h]; m < graph->member.start[h + 1]; m++) {
      const uint32_t v = graph->member.at[m];
      for (uint32_t i = graph->node_in.start[v]; i < graph->node_in.start[v + 1]; i++) {
        const uint32_t g = graph->group_of[graph->node_in.at[i]];
        if (g == h || last[g] == h + 1) continue;
        last[g] = h + 1;
        pairs_add(&arcs, g, h);
      }
    }
  }
  const struct partition_rows out = rows_of(&arcs, graph->n, arena), in = rows_turned(&out, graph->n, graph->n, arena);
  graph->n_arcs = arcs.n;
  graph->out_start = out.start;
  graph->out = out.at;
  graph->in_start = in.start;
  graph->in = in.at;
  uint32_t *order = ARENA_NEW(arena, uint32_t, graph->n), *place = ARENA_NEW(arena, uint32_t, graph->n);
  const size_t done = order_topologically(graph->n, &in, &out, order, arena);
  REQUIRE(done == graph->n);
  for (uint32_t i = 0; i < graph->n; i++) place[order[i]] = i;
  graph->topological = order;
  graph->place = place;
}

/* The groups other than its own that read each node's tensor, ascending. */
static struct partition_rows readers_by_node(struct arena *arena, const struct partition_graph *graph) {
  const size_t n = graph->problem->n_nodes;
  uint32_t *last = ARENA_NEW(arena, uint32_t, n);
  struct pairs pairs = pairs_new(arena, graph->node_out.start[n]);
  for (uint32_t h = 0; h < graph->n; h++) {
    for (uint32_t m = graph->member.start[h]; m < graph->member.start[h + 1]; m++) {
      const uint32_t v = graph->member.at[m];
      for (uint32_t i = graph->node_in.start[v]; i < graph->node_in.start[v + 1]; i++) {
        const uint32_t u = graph->node_in.at[i];
        if (graph->group_of[u] == h || last[u] == h + 1) continue;
        last[u] = h + 1;
        pairs_add(&pairs, u, h);
      }
    }
  }
  return rows_of(&pairs, n, arena);
}

/* Tensors of a producer with the same consumers are one. */
static void merge_tensors(struct arena *arena, struct partition_graph *graph) {
  const struct partition_rows readers = readers_by_node(arena, graph);
  const struct partition_problem *problem = graph->problem;
  struct partition_tensor *tensors = ARENA_NEW(arena, struct partition_tensor, problem->n_nodes);
  uint32_t *start = ARENA_NEW(arena, uint32_t, graph->n + 1);
  size_t size = 16;
  while (size < 2 * problem->n_nodes) size *= 2;
  uint32_t *table = ARENA_NEW(arena, uint32_t, size); /* tensor + 1; 0: free */
  for (uint32_t g = 0; g < graph->n; g++) {
    for (uint32_t m = graph->member.start[g]; m < graph->member.start[g + 1]; m++) {
      const uint32_t v = graph->member.at[m], first = readers.start[v], end = readers.start[v + 1];
      if (first == end) continue;
      uint64_t hash = g;
      for (uint32_t i = first; i < end; i++) hash = (hash ^ readers.at[i]) * UINT64_C(0x9E3779B97F4A7C15);
      size_t at = (size_t)(hash >> 20) & (size - 1);
      for (; table[at] != 0; at = (at + 1) & (size - 1)) {
        const struct partition_tensor *other = &tensors[table[at] - 1];
        if (other->producer == g && other->end - other->first == end - first &&
            memcmp(&readers.at[other->first], &readers.at[first], (end - first) * sizeof *readers.at) == 0)
          break;
      }
      if (table[at] == 0) {
        tensors[graph->n_tensors++] = (struct partition_tensor){.producer = g, .first = first, .end = end};
        table[at] = (uint32_t)graph->n_tensors;
      }
      tensors[table[at] - 1].bits += problem->out_bits[v];
    }
    start[g + 1] = (uint32_t)graph->n_tensors;
  }
  struct pairs reads = pairs_new(arena, readers.start[problem->n_nodes]);
  for (size_t t = 0; t < graph->n_tensors; t++) {
    tensors[t].ms = partition_bits_ms(graph, tensors[t].bits);
    for (uint32_t i = tensors[t].first; i < tensors[t].end; i++) pairs_add(&reads, readers.at[i], t);
  }
  const struct partition_rows read = rows_of(&reads, graph->n, arena);
  graph->tensors = tensors;
  graph->tensor_start = start;
  graph->consumer = readers.at;
  graph->read_start = read.start;
  graph->read = read.at;
}

/* Marks what is reachable from the marked ones, and adds up the work of what was marked before in `within`. */
static void spread(const struct partition_graph *graph, bool forward, bool *marked) {
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t v = graph->topological[forward ? i : graph->n - 1 - i];
    if (!marked[v]) continue;
    const uint32_t *start = forward ? graph->out_start : graph->in_start, *at = forward ? graph->out : graph->in;
    for (uint32_t a = start[v]; a < start[v + 1]; a++) marked[at[a]] = true;
  }
}
/* Work that lies on a way from g to one of its consumers, or from a producer to g: under the path rule all of that is
 * on g's chip and its neighbour. */
static double confined_ms(const struct partition_graph *graph, uint32_t g, struct arena *scratch) {
  double most = 0;
  for (int side = 0; side < 2; side++) {
    const struct arena_mark mark = arena_get_mark(scratch);
    bool *below = ARENA_NEW(scratch, bool, graph->n), *above = ARENA_NEW(scratch, bool, graph->n);
    const uint32_t *start = side == 0 ? graph->out_start : graph->in_start, *at = side == 0 ? graph->out : graph->in;
    (side == 0 ? below : above)[g] = true;
    for (uint32_t a = start[g]; a < start[g + 1]; a++) (side == 0 ? above : below)[at[a]] = true;
    spread(graph, true, below);
    spread(graph, false, above);
    double ms = 0;
    for (size_t v = 0; v < graph->n; v++) ms += below[v] && above[v] ? graph->compute_ms[v] : 0;
    if (ms > most) most = ms;
    arena_rewind(scratch, mark);
  }
  return most;
}
/* The group that confines most work, if that is more than half of all and more than two chips share the work. Looked
 * at are the few groups with the longest arcs, by depth. */
static uint32_t find_blocker(const struct partition_graph *graph, struct arena *scratch) {
  enum { LOOKED_AT = 6 };
  uint32_t *depth = ARENA_NEW(scratch, uint32_t, graph->n), *span = ARENA_NEW(scratch, uint32_t, graph->n);
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t v = graph->topological[i];
    for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) {
      if (depth[graph->in[a]] + 1 > depth[v]) depth[v] = depth[graph->in[a]] + 1;
    }
  }
  for (uint32_t v = 0; v < graph->n; v++) {
    for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) {
      const uint32_t u = graph->in[a], length = depth[v] - depth[u];
      if (length > span[v]) span[v] = length;
      if (length > span[u]) span[u] = length;
    }
  }
  uint32_t blocker = PARTITION_NONE;
  double most = graph->total_ms / 2;
  for (int i = 0; i < LOOKED_AT && graph->problem->n_chips > 2; i++) {
    uint32_t g = 0;
    for (uint32_t v = 1; v < graph->n; v++) {
      if (span[v] > span[g]) g = v;
    }
    if (span[g] < 2) break;
    const double ms = confined_ms(graph, g, scratch);
    if (ms > most) {
      most = ms;
      blocker = g;
    }
    span[g] = 0;
  }
  return blocker;
}

bool partition_contract(const struct partition_problem *problem, struct arena *arena, struct partition_graph *graph,
                        struct error *error) {
  *graph = (struct partition_graph){.problem = problem};
  if (problem->n_nodes == 0 || problem->n_nodes > PARTITION_MAX_NODES || problem->n_edges > PARTITION_MAX_EDGES)
    return error_add(error, STATUS_INPUT, "%s: %zu nodes and %zu edges, 1 to %d and at most %d are allowed",
                     problem->name, problem->n_nodes, problem->n_edges, PARTITION_MAX_NODES, PARTITION_MAX_EDGES);
  if (problem->n_chips == 0 || problem->n_chips > PARTITION_MAX_CHIPS || problem->link_bytes_per_s == 0)
    return error_add(error, STATUS_INPUT,
                     "%s: %u chips and a link of %llu bytes/s, 1 to %d and more than 0 are allowed", problem->name,
                     (unsigned)problem->n_chips, (unsigned long long)problem->link_bytes_per_s, PARTITION_MAX_CHIPS);
  if (!read_edges(problem, arena, graph, error)) return false;
  group_nodes(problem, arena, graph);
  if (!add_up(problem, arena, graph, error)) return false;
  connect_groups(arena, graph);
  merge_tensors(arena, graph);
  graph->blocker = find_blocker(graph, arena);
  return true;
}
