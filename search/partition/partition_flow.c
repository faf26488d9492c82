/* See partition_flow.h. */
#include "search/partition/partition_flow.h"

#include <math.h>
#include <string.h>

struct given {
  uint32_t from, to, place; /* the last: among arcs */
  double capacity;
};
/* Arcs of a node lie side by side; every arc has its reverse. */
struct arc {
  uint32_t to, reverse;
  double left;
};
struct partition_flow {
  size_t max_nodes, max_arcs, n_nodes, n_given;
  struct given *given; /* [max_arcs] */
  struct arc *arcs;    /* [2 * max_arcs] */
  uint32_t *start;     /* [max_nodes + 1] */
  uint32_t *next;      /* [max_nodes] the arc to try next */
  uint32_t *level;     /* [max_nodes] arcs to the sink; UINT32_MAX: it is out of reach */
  uint32_t *queue;     /* [max_nodes] of a search, or the arcs of a path */
  bool *side;          /* [max_nodes] */
  uint64_t steps;      /* arcs that a run may still look at */
};

struct partition_flow *partition_flow_new(size_t n_nodes, size_t max_arcs, struct arena *arena) {
  struct partition_flow *flow = ARENA_NEW(arena, struct partition_flow, 1);
  *flow = (struct partition_flow){.max_nodes = n_nodes,
                                  .max_arcs = max_arcs,
                                  .n_nodes = n_nodes,
                                  .given = ARENA_NEW(arena, struct given, max_arcs),
                                  .arcs = ARENA_NEW(arena, struct arc, 2 * max_arcs),
                                  .start = ARENA_NEW(arena, uint32_t, n_nodes + 1),
                                  .next = ARENA_NEW(arena, uint32_t, n_nodes),
                                  .level = ARENA_NEW(arena, uint32_t, n_nodes),
                                  .queue = ARENA_NEW(arena, uint32_t, n_nodes),
                                  .side = ARENA_NEW(arena, bool, n_nodes),
                                  .steps = UINT64_MAX};
  return flow;
}

void partition_flow_clear(struct partition_flow *flow, size_t n_nodes) { flow->n_nodes = n_nodes, flow->n_given = 0; }

void partition_flow_limit(struct partition_flow *flow, uint64_t steps) { flow->steps = steps; }

/* False, and nothing is left, if there are fewer. */
static bool spend(struct partition_flow *flow, uint64_t steps) {
  const bool enough = flow->steps >= steps;
  flow->steps -= enough ? steps : flow->steps;
  return enough;
}

void partition_flow_arc(struct partition_flow *flow, uint32_t from, uint32_t to, double capacity) {
  if (from == to || !(capacity > 0)) return;
  flow->given[flow->n_given++] = (struct given){from, to, 0, capacity};
}

/* Compressed rows of arcs with full capacities. */
static void lay_out(struct partition_flow *flow) {
  uint32_t *start = flow->start, *fill = flow->next;
  memset(start, 0, (flow->n_nodes + 1) * sizeof *start);
  for (size_t i = 0; i < flow->n_given; i++) start[flow->given[i].from + 1]++, start[flow->given[i].to + 1]++;
  for (size_t v = 0; v < flow->n_nodes; v++) start[v + 1] += start[v];
  memcpy(fill, start, flow->n_nodes * sizeof *fill);
  for (size_t i = 0; i < flow->n_given; i++) {
    struct given *given = &flow->given[i];
    const uint32_t there = given->place = fill[given->from]++, back = fill[given->to]++;
    flow->arcs[there] = (struct arc){given->to, back, given->capacity};
    flow->arcs[back] = (struct arc){given->from, there, 0};
  }
}

/* Distances to the sink along arcs with something left; false: the source has none, or it takes too long. */
static bool find_levels(struct partition_flow *flow, uint32_t source, uint32_t sink) {
  size_t n = 0;
  memset(flow->level, 0xff, flow->n_nodes * sizeof *flow->level);
  flow->level[sink] = 0;
  flow->queue[n++] = sink;
  for (size_t i = 0; i < n && flow->level[source] == UINT32_MAX; i++) {
    const uint32_t v = flow->queue[i];
    if (!spend(flow, flow->start[v + 1] - flow->start[v])) return false;
    for (uint32_t a = flow->start[v]; a < flow->start[v + 1]; a++) {
      const uint32_t u = flow->arcs[a].to;
      if (flow->level[u] != UINT32_MAX || !(flow->arcs[flow->arcs[a].reverse].left > 0)) continue;
      flow->level[u] = flow->level[v] + 1;
      flow->queue[n++] = u;
    }
  }
  return flow->level[source] != UINT32_MAX;
}

/* The next arc of `v` that leads a level down, or the end of its row. */
static uint32_t find_arc(struct partition_flow *flow, uint32_t v) {
  const uint32_t first = flow->next[v];
  uint32_t a = first;
  while (a < flow->start[v + 1] && !(flow->arcs[a].left > 0 && flow->level[flow->arcs[a].to] + 1 == flow->level[v])) {
    a++;
  }
  spend(flow, a - first + 1);
  return flow->next[v] = a;
}

/* Along the path: what its narrowest arc lets through. `at` is the first arc that is empty then. */
static double push(struct partition_flow *flow, const uint32_t *path, size_t n, size_t *at) {
  double width = INFINITY;
  for (size_t i = n; i-- > 0;) {
    if (flow->arcs[path[i]].left <= width) width = flow->arcs[path[i]].left, *at = i;
  }
  if (width == INFINITY) return width;
  for (size_t i = 0; i < n; i++) {
    struct arc *arc = &flow->arcs[path[i]];
    arc->left -= width;
    flow->arcs[arc->reverse].left += width;
  }
  return width;
}

/* Paths from the source until none is left at these levels, or no step. */
static double block(struct partition_flow *flow, uint32_t source, uint32_t sink) {
  double sum = 0;
  uint32_t *path = flow->queue, v = source;
  size_t n = 0, at = 0;
  memcpy(flow->next, flow->start, flow->n_nodes * sizeof *flow->next);
  while (flow->steps > 0) {
    if (v == sink) {
      const double width = push(flow, path, n, &at);
      if (width == INFINITY) return width;
      sum += width;
      spend(flow, n);
      n = at, v = flow->arcs[flow->arcs[path[at]].reverse].to;
    }
    const uint32_t a = find_arc(flow, v);
    if (a < flow->start[v + 1]) {
      path[n++] = a, v = flow->arcs[a].to;
    } else if (n > 0) {
      v = flow->arcs[flow->arcs[path[--n]].reverse].to;
      flow->next[v]++;
    } else {
      return sum;
    }
  }
  return sum;
}

static void find_side(struct partition_flow *flow, uint32_t source) {
  size_t n = 0;
  memset(flow->side, 0, flow->n_nodes * sizeof *flow->side);
  flow->side[source] = true;
  flow->queue[n++] = source;
  for (size_t i = 0; i < n; i++) {
    for (uint32_t a = flow->start[flow->queue[i]]; a < flow->start[flow->queue[i] + 1]; a++) {
      const uint32_t u = flow->arcs[a].to;
      if (flow->side[u] || !(flow->arcs[a].left > 0)) continue;
      flow->side[u] = true;
      flow->queue[n++] = u;
    }
  }
}

double partition_flow_run(struct partition_flow *flow, uint32_t source, uint32_t sink) {
  double sum = 0;
  lay_out(flow);
  while (sum < INFINITY && find_levels(flow, source, sink)) sum += block(flow, source, sink);
  find_side(flow, source);
  return sum;
}

double partition_flow_left(const struct partition_flow *flow, size_t i) {
  return flow->arcs[flow->given[i].place].left;
}

bool partition_flow_side(const struct partition_flow *flow, uint32_t node) { return flow->side[node]; }
