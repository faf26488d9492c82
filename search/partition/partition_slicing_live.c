/* Do the weights and the live tensors of a piece fit into a chip? (partition §3.2, `live`.)
 *
 * The piece's nodes are executed in topological order, least number first. What comes from outside lives from the start
 * to its last use here, what is made here from its producer to its last use, or to the end if anybody outside reads
 * it. */
#include "base/checked.h"
#include "search/partition/partition_private.h"
#include "search/partition/partition_slicing_private.h"
#include <stdlib.h>
#include <string.h>

struct partition_slicer_live {
  uint32_t *nodes, *left, *heap, *step; /* [n_nodes] of the piece in executing order; scratch; when + 1, 0: not here */
  uint64_t *dies;                       /* [n_nodes + 1] bits given back behind a step */
  bool *counted;                        /* [n_nodes] came from outside and is counted */
};

struct partition_slicer_live *partition_slicer_live_new(const struct partition_graph *graph, struct arena *arena) {
  const size_t n = graph->problem->n_nodes;
  struct partition_slicer_live *live = ARENA_NEW(arena, struct partition_slicer_live, 1);
  live->nodes = ARENA_NEW(arena, uint32_t, n), live->left = ARENA_NEW(arena, uint32_t, n);
  live->heap = ARENA_NEW(arena, uint32_t, n), live->step = ARENA_NEW(arena, uint32_t, n);
  live->dies = ARENA_NEW(arena, uint64_t, n + 1), live->counted = ARENA_NEW(arena, bool, n);
  return live;
}

/* Nodes of the piece in executing order; how many. */
static uint32_t execute(struct partition_slicer *s, uint32_t i, uint32_t j) {
  const struct partition_graph *graph = s->graph;
  struct partition_slicer_live *live = s->live_when_needed;
  size_t n_heap = 0;
  uint32_t n = 0;
  for (uint32_t k = i; k < j; k++) {
    const uint32_t g = s->order[k];
    for (uint32_t m = graph->member.start[g]; m < graph->member.start[g + 1]; m++) live->step[graph->member.at[m]] = 1;
  }
  for (uint32_t k = i; k < j; k++) {
    const uint32_t g = s->order[k];
    for (uint32_t m = graph->member.start[g]; m < graph->member.start[g + 1]; m++) {
      const uint32_t v = graph->member.at[m];
      live->left[v] = 0;
      for (uint32_t e = graph->node_in.start[v]; e < graph->node_in.start[v + 1]; e++) {
        live->left[v] += live->step[graph->node_in.at[e]] != 0;
      }
      if (live->left[v] == 0) partition_heap_push(live->heap, &n_heap, v);
    }
  }
  while (n_heap > 0) {
    const uint32_t v = live->nodes[n++] = partition_heap_pop(live->heap, &n_heap);
    live->step[v] = n;
    for (uint32_t e = graph->node_out.start[v]; e < graph->node_out.start[v + 1]; e++) {
      const uint32_t w = graph->node_out.at[e];
      if (live->step[w] != 0 && --live->left[w] == 0) partition_heap_push(live->heap, &n_heap, w);
    }
  }
  return n;
}

/* What comes from outside; from the last step back, the first use met is the last one. */
static uint64_t receive(struct partition_slicer *s, uint32_t n) {
  const struct partition_graph *graph = s->graph;
  struct partition_slicer_live *live = s->live_when_needed;
  uint64_t bits = 0;
  for (uint32_t k = n; k > 0; k--) {
    const uint32_t v = live->nodes[k - 1];
    for (uint32_t e = graph->node_in.start[v]; e < graph->node_in.start[v + 1]; e++) {
      const uint32_t u = graph->node_in.at[e];
      if (live->step[u] != 0 || live->counted[u]) continue;
      live->counted[u] = true;
      live->dies[k] += graph->problem->out_bits[u], bits += graph->problem->out_bits[u];
    }
  }
  return bits;
}

bool partition_slicer_fits(struct partition_slicer *s, uint32_t i, uint32_t j) {
  const struct partition_graph *graph = s->graph;
  const uint64_t memory_bytes = graph->problem->memory_bytes, weight_bytes = s->bytes[j] - s->bytes[i];
  if (weight_bytes > memory_bytes) return false;
  struct partition_slicer_live *live = s->live_when_needed;
  const uint32_t n = execute(s, i, j);
  memset(live->dies, 0, (n + 1) * sizeof *live->dies);
  uint64_t now_bits = receive(s, n), peak_bits = 0;
  for (uint32_t k = 1; k <= n; k++) {
    const uint32_t v = live->nodes[k - 1];
    uint32_t last = k;
    bool leaves = false;
    for (uint32_t e = graph->node_out.start[v]; e < graph->node_out.start[v + 1]; e++) {
      const uint32_t step = live->step[graph->node_out.at[e]];
      leaves = leaves || step == 0;
      if (step > last) last = step;
    }
    now_bits += graph->problem->out_bits[v];
    if (!leaves) live->dies[last] += graph->problem->out_bits[v];
    if (now_bits > peak_bits) peak_bits = now_bits;
    now_bits -= live->dies[k];
  }
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t v = live->nodes[k];
    live->step[v] = 0;
    for (uint32_t e = graph->node_in.start[v]; e < graph->node_in.start[v + 1]; e++) {
      live->counted[graph->node_in.at[e]] = false;
    }
  }
  return peak_bits <= sat_mul(memory_bytes - weight_bytes, 8);
}
