/* What must cross a boundary at least, and how much more once it is known of a tensor that it does? See
 * partition_exact_private.h; partition §10.
 *
 * Between what must be before the boundary and what must be behind it the maximum flow is the least cut. Any cut is at
 * least the flow plus what the flow leaves free of the tensors cut: that is what decisions add to. Times are rounded
 * down to what doubles add up exactly. */
#include "search/partition/partition_exact_private.h"

#include "search/partition/partition_flow.h"
#include <math.h>

enum { SOURCE, SINK, FIRST_FREE, COARSE_BITS = 8 };

struct network {
  const struct partition_lattice *lattice;
  const uint32_t *slot; /* [n] */
  struct partition_flow *flow;
  size_t n_nodes, n_arcs;
  uint32_t *arc; /* [n_tensors] of the tensor; UINT32_MAX: it has none */
  int64_t certain;
};

static double coarse(int64_t time) { return (double)(time >> COARSE_BITS); }

static void add_arc(struct network *net, uint32_t from, uint32_t to, double capacity) {
  partition_flow_arc(net->flow, from, to, capacity);
  net->n_arcs++;
}

static void add_tensor(struct network *net, size_t t, int64_t *left) {
  const struct partition_lattice *l = net->lattice;
  const struct lattice_tensor *tensor = &l->tensors[t];
  const uint32_t from = net->slot[tensor->producer];
  bool beyond = false, is_free = false;
  for (uint32_t i = tensor->first; i < tensor->end; i++) {
    beyond = beyond || net->slot[l->consumer[i]] == SINK;
    is_free = is_free || net->slot[l->consumer[i]] >= FIRST_FREE;
  }
  left[t] = tensor->time;
  net->arc[t] = UINT32_MAX;
  if (from == SINK || (!beyond && !is_free) || !(coarse(tensor->time) > 0)) return;
  if (beyond && from == SOURCE) {
    net->certain += tensor->time;
    left[t] = 0;
    return;
  }
  net->arc[t] = (uint32_t)net->n_arcs;
  const uint32_t to = beyond ? SINK : (uint32_t)net->n_nodes++;
  add_arc(net, from, to, coarse(tensor->time));
  for (uint32_t i = tensor->first; i < tensor->end && !beyond; i++) {
    const uint32_t consumer = net->slot[l->consumer[i]];
    if (consumer >= FIRST_FREE) add_arc(net, to, consumer, INFINITY);
  }
}

void partition_reach_cut(const struct partition_lattice *lattice, const struct partition_where *where, uint32_t c,
                         struct arena *scratch, int64_t *left, int64_t *sum) {
  const struct arena_mark mark = arena_get_mark(scratch);
  uint32_t *slot = ARENA_NEW(scratch, uint32_t, lattice->n);
  struct network net = {.lattice = lattice, .slot = slot, .arc = ARENA_NEW(scratch, uint32_t, lattice->n_tensors)};
  net.n_nodes = FIRST_FREE;
  for (size_t e = 0; e < lattice->n; e++) {
    slot[e] = where->high[e] <= c ? SOURCE : where->low[e] > c ? SINK : (uint32_t)net.n_nodes++;
  }
  const size_t n_arcs = lattice->n_tensors + lattice->read_start[lattice->n] + lattice->in_start[lattice->n];
  net.flow = partition_flow_new(net.n_nodes + lattice->n_tensors, n_arcs, scratch);
  for (size_t t = 0; t < lattice->n_tensors; t++) add_tensor(&net, t, left);
  for (size_t e = 0; e < lattice->n; e++) {
    for (uint32_t i = lattice->in_start[e]; i < lattice->in_start[e + 1] && slot[e] >= FIRST_FREE; i++) {
      if (slot[lattice->in[i]] >= FIRST_FREE) add_arc(&net, slot[e], slot[lattice->in[i]], INFINITY);
    }
  }
  *sum = net.certain + ((int64_t)partition_flow_run(net.flow, SOURCE, SINK) << COARSE_BITS);
  for (size_t t = 0; t < lattice->n_tensors; t++) {
    if (net.arc[t] != UINT32_MAX) left[t] = (int64_t)partition_flow_left(net.flow, net.arc[t]) << COARSE_BITS;
  }
  arena_rewind(scratch, mark);
}
