/* How long does the slowest chip take, and which rule does an assignment break? See partition.h; formulas: partition
 * §4.
 *
 * Traffic is added up in bits, which is exact whatever the order, and turned into ms once a chip: equal assignments of
 * traffic have equal periods to the last digit. The hot path touches every tensor and its consumers once. */
#include "search/partition/partition.h"

#include "base/checked.h"
#include "search/partition/partition_private.h"

#include <math.h>
#include <string.h>

struct partition_work {
  double *load;       /* [C + 1] work by chip, ms */
  uint64_t *in, *out; /* [C + 2] bits; ring: `in` are differences of the boundaries' traffic */
  uint64_t *seen;     /* [C + 2] the tensor that entered a chip last, by running number */
  uint64_t n_seen;
  uint32_t *number; /* [C + 2] */
  uint64_t *memory; /* [C + 2] bytes */
  /* general: direct successors and all later ones, a row of bits a chip. */
  size_t words;
  uint64_t *direct, *reach;
  struct partition_live *live; /* NULL: rule `weights` */
  uint32_t *node_chip;         /* [n_nodes]; NULL: nobody asks about nodes */
};

/* Buffers of the rule `live`, which looks at nodes (partition §3.2). */
struct partition_live {
  uint32_t *order, *left, *heap; /* [n_nodes] */
  uint32_t *step;                /* [n_nodes] when it is executed on its chip */
  uint32_t *last_use;            /* [n_nodes] of the tensor made here, on the chip looked at */
  uint32_t *stamp;               /* [n_nodes] */
  uint32_t *start, *by_chip;     /* [C + 3], [n_nodes] nodes by chip in executing order */
  uint64_t *dies;                /* [n_nodes + 1] bits that are given back behind a step */
};

struct partition_work *partition_work_new(const struct partition_graph *graph, struct arena *arena) {
  const struct partition_problem *problem = graph->problem;
  const size_t n_chips = problem->n_chips, n = problem->n_nodes;
  struct partition_work *work = ARENA_NEW(arena, struct partition_work, 1);
  *work = (struct partition_work){.load = ARENA_NEW(arena, double, n_chips + 2),
                                  .in = ARENA_NEW(arena, uint64_t, n_chips + 2),
                                  .out = ARENA_NEW(arena, uint64_t, n_chips + 2),
                                  .seen = ARENA_NEW(arena, uint64_t, n_chips + 2),
                                  .number = ARENA_NEW(arena, uint32_t, n_chips + 2),
                                  .memory = ARENA_NEW(arena, uint64_t, n_chips + 2),
                                  .words = n_chips / 64 + 1};
  if (problem->triangle == PARTITION_GENERAL) {
    work->direct = ARENA_NEW(arena, uint64_t, (n_chips + 1) * work->words);
    work->reach = ARENA_NEW(arena, uint64_t, (n_chips + 1) * work->words);
  }
  const bool live = problem->memory_bytes > 0 && problem->memory_rule == PARTITION_LIVE;
  if (live || problem->accepts != NULL) work->node_chip = ARENA_NEW(arena, uint32_t, n);
  if (live) {
    work->live = ARENA_NEW(arena, struct partition_live, 1);
    *work->live = (struct partition_live){.order = ARENA_NEW(arena, uint32_t, n),
                                          .left = ARENA_NEW(arena, uint32_t, n),
                                          .heap = ARENA_NEW(arena, uint32_t, n),
                                          .step = ARENA_NEW(arena, uint32_t, n),
                                          .last_use = ARENA_NEW(arena, uint32_t, n),
                                          .stamp = ARENA_NEW(arena, uint32_t, n),
                                          .start = ARENA_NEW(arena, uint32_t, n_chips + 3),
                                          .by_chip = ARENA_NEW(arena, uint32_t, n),
                                          .dies = ARENA_NEW(arena, uint64_t, n + 1)};
  }
  return work;
}

/* A tensor crosses every boundary from its producer to its last consumer: out[c] is the traffic between c and c + 1. */
static void ring_traffic(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  const struct partition_tensor *tensor = graph->tensors, *end = tensor + graph->n_tensors;
  for (; tensor < end; tensor++) {
    const uint32_t from = chip[tensor->producer];
    uint32_t last = from;
    for (uint32_t i = tensor->first; i < tensor->end; i++) {
      const uint32_t at = chip[graph->consumer[i]];
      last = at > last ? at : last;
    }
    /* Differences wrap around and their sums do not. */
    work->in[from] += tensor->bits;
    work->in[last] -= tensor->bits;
  }
  uint64_t bits = 0;
  for (uint32_t c = 1; c <= graph->problem->n_chips; c++) {
    bits += work->in[c];
    work->in[c] = work->out[c - 1];
    work->out[c] = bits;
  }
}
/* A tensor enters every chip with a consumer once and leaves its own once, however many chips it goes to. */
static void p2p_traffic(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  const struct partition_tensor *tensor = graph->tensors, *end = tensor + graph->n_tensors;
  for (; tensor < end; tensor++) {
    const uint32_t from = chip[tensor->producer];
    const uint64_t seen = ++work->n_seen;
    bool leaves = false;
    for (uint32_t i = tensor->first; i < tensor->end; i++) {
      const uint32_t at = chip[graph->consumer[i]];
      if (at == from || work->seen[at] == seen) continue;
      work->seen[at] = seen;
      work->in[at] += tensor->bits;
      leaves = true;
    }
    if (leaves) work->out[from] += tensor->bits;
  }
}

static void add_up(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  const size_t n_chips = graph->problem->n_chips;
  const enum partition_cost cost = graph->problem->cost;
  memset(work->load, 0, (n_chips + 1) * sizeof *work->load);
  memset(work->in, 0, (n_chips + 1) * sizeof *work->in);
  memset(work->out, 0, (n_chips + 1) * sizeof *work->out);
  for (size_t g = 0; g < graph->n; g++) work->load[chip[g]] += graph->compute_ms[g];
  if (cost == PARTITION_RING || cost == PARTITION_RING_OVERLAP)
    ring_traffic(graph, chip, work);
  else
    p2p_traffic(graph, chip, work);
}

double partition_period(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work,
                        double *load) {
  const enum partition_cost cost = graph->problem->cost;
  const bool overlap = cost == PARTITION_RING_OVERLAP || cost == PARTITION_P2P_OVERLAP;
  add_up(graph, chip, work);
  double period = 0;
  for (uint32_t c = 1; c <= graph->problem->n_chips; c++) {
    double ms = work->load[c];
    if (overlap) {
      const double traffic = partition_bits_ms(graph, max_u64(work->in[c], work->out[c]));
      if (traffic > ms) ms = traffic;
    } else
      ms += partition_bits_ms(graph, work->in[c] + work->out[c]);
    if (load != NULL) load[c - 1] = ms;
    if (ms > period) period = ms;
  }
  return period;
}

void partition_parts(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work,
                     double *compute_ms, double *in_ms, double *out_ms) {
  add_up(graph, chip, work);
  for (uint32_t c = 1; c <= graph->problem->n_chips; c++) {
    compute_ms[c - 1] = work->load[c];
    in_ms[c - 1] = partition_bits_ms(graph, work->in[c]);
    out_ms[c - 1] = partition_bits_ms(graph, work->out[c]);
  }
}

/* --- rules --- */

static bool is_monotone(const struct partition_graph *graph, const uint32_t *chip) {
  for (size_t v = 0; v < graph->n; v++) {
    for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) {
      if (chip[graph->in[a]] > chip[v]) return false;
    }
  }
  return true;
}
static bool skips_a_chip(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  uint32_t most = 0, used = 0;
  memset(work->number, 0, (graph->problem->n_chips + 1) * sizeof *work->number);
  for (size_t g = 0; g < graph->n; g++) {
    if (chip[g] > most) most = chip[g];
    used += work->number[chip[g]] == 0;
    work->number[chip[g]] = 1;
  }
  return used < most;
}
static bool is_path(const struct partition_graph *graph, const uint32_t *chip) {
  for (size_t v = 0; v < graph->n; v++) {
    for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) {
      if (chip[v] - chip[graph->in[a]] > 1) return false;
    }
  }
  return true;
}
/* Chips read later ones only, so closures are built from the last chip on. */
static bool is_general(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  const size_t n_chips = graph->problem->n_chips, words = work->words;
  memset(work->direct, 0, (n_chips + 1) * words * sizeof *work->direct);
  memset(work->reach, 0, (n_chips + 1) * words * sizeof *work->reach);
  for (size_t v = 0; v < graph->n; v++) {
    for (uint32_t a = graph->in_start[v]; a < graph->in_start[v + 1]; a++) {
      const uint32_t from = chip[graph->in[a]], to = chip[v];
      if (from != to) work->direct[from * words + to / 64] |= UINT64_C(1) << to % 64;
    }
  }
  for (size_t c = n_chips; c >= 1; c--) {
    uint64_t *direct = work->direct + c * words, *reach = work->reach + c * words;
    for (size_t w = 0; w < words; w++) {
      for (uint64_t bits = direct[w]; bits != 0; bits &= bits - 1) {
        const uint64_t *later = work->reach + (w * 64 + (size_t)__builtin_ctzll(bits)) * words;
        for (size_t i = 0; i < words; i++) reach[i] |= later[i];
      }
    }
    for (size_t w = 0; w < words; w++) {
      if ((direct[w] & reach[w]) != 0) return false;
    }
    for (size_t w = 0; w < words; w++) reach[w] |= direct[w];
  }
  return true;
}

/* Nodes in the order in which their chips execute them: each chip's in topological order of what is on it, least
 * number first. One heap does for all chips, since they do not wait for each other. */
static const uint32_t *order_on_chips(const struct partition_graph *graph, const uint32_t *chip,
                                      struct partition_live *live) {
  const size_t n = graph->problem->n_nodes;
  if (graph->nodes_in_order) {
    for (uint32_t v = 0; v < n; v++) live->order[v] = v;
    return live->order;
  }
  size_t n_heap = 0;
  for (uint32_t v = 0; v < n; v++) {
    live->left[v] = 0;
    for (uint32_t i = graph->node_in.start[v]; i < graph->node_in.start[v + 1]; i++)
      live->left[v] += chip[graph->node_in.at[i]] == chip[v];
    if (live->left[v] == 0) partition_heap_push(live->heap, &n_heap, v);
  }
  for (size_t done = 0; n_heap > 0; done++) {
    const uint32_t v = partition_heap_pop(live->heap, &n_heap);
    live->order[done] = v;
    for (uint32_t i = graph->node_out.start[v]; i < graph->node_out.start[v + 1]; i++) {
      const uint32_t w = graph->node_out.at[i];
      if (chip[w] == chip[v] && --live->left[w] == 0) partition_heap_push(live->heap, &n_heap, w);
    }
  }
  return live->order;
}
/* Most bits that live at once on chip c, whose nodes are by_chip[first] … by_chip[end - 1]. */
static uint64_t peak_bits(const struct partition_graph *graph, const uint32_t *chip, uint32_t c,
                          struct partition_live *live) {
  const uint32_t first = live->start[c], end = live->start[c + 1];
  const uint64_t *out_bits = graph->problem->out_bits;
  memset(live->dies, 0, (end - first + 1) * sizeof *live->dies);
  uint64_t now = 0, peak = 0;
  /* From the last step back, the first use met is the last one. */
  for (uint32_t s = end; s-- > first;) {
    const uint32_t v = live->by_chip[s];
    for (uint32_t i = graph->node_in.start[v]; i < graph->node_in.start[v + 1]; i++) {
      const uint32_t u = graph->node_in.at[i];
      if (chip[u] == c || live->stamp[u] == c) continue;
      live->stamp[u] = c;
      live->dies[s - first] += out_bits[u];
      now += out_bits[u];
    }
  }
  for (uint32_t s = first; s < end; s++) {
    const uint32_t v = live->by_chip[s];
    uint32_t last = s;
    bool leaves = false;
    for (uint32_t i = graph->node_out.start[v]; i < graph->node_out.start[v + 1]; i++) {
      const uint32_t w = graph->node_out.at[i];
      if (chip[w] != c)
        leaves = true;
      else if (live->step[w] > last)
        last = live->step[w];
    }
    now += out_bits[v];
    if (!leaves) live->dies[last - first] += out_bits[v];
    if (now > peak) peak = now;
    now -= live->dies[s - first];
  }
  return peak;
}
static bool fits_live(const struct partition_graph *graph, struct partition_work *work) {
  const struct partition_problem *problem = graph->problem;
  struct partition_live *live = work->live;
  const uint32_t *chip = work->node_chip, *order = order_on_chips(graph, chip, live);
  memset(live->start, 0, (problem->n_chips + 3) * sizeof *live->start);
  memset(live->stamp, 0, problem->n_nodes * sizeof *live->stamp);
  for (size_t v = 0; v < problem->n_nodes; v++) live->start[chip[v] + 2]++;
  for (uint32_t c = 1; c <= problem->n_chips; c++) live->start[c + 2] += live->start[c + 1];
  for (size_t i = 0; i < problem->n_nodes; i++) {
    const uint32_t v = order[i], at = live->start[chip[v] + 1]++;
    live->by_chip[at] = v;
    live->step[v] = at;
  }
  for (uint32_t c = 1; c <= problem->n_chips; c++) {
    if (peak_bits(graph, chip, c, live) > sat_mul(problem->memory_bytes - work->memory[c], 8)) return false;
  }
  return true;
}
static bool fits_memory(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  const struct partition_problem *problem = graph->problem;
  if (problem->memory_bytes == 0) return true;
  memset(work->memory, 0, (problem->n_chips + 1) * sizeof *work->memory);
  for (size_t g = 0; g < graph->n; g++) work->memory[chip[g]] += graph->weight_bytes[g];
  for (uint32_t c = 1; c <= problem->n_chips; c++) {
    if (work->memory[c] > problem->memory_bytes) return false;
  }
  if (work->live == NULL) return true;
  partition_to_nodes(graph, chip, work->node_chip);
  return fits_live(graph, work);
}

enum partition_rule partition_rules(const struct partition_graph *graph, const uint32_t *chip,
                                    struct partition_work *work) {
  const struct partition_problem *problem = graph->problem;
  for (size_t g = 0; g < graph->n; g++) {
    if (chip[g] == 0 || chip[g] > problem->n_chips) return PARTITION_RANGE;
  }
  if (!is_monotone(graph, chip)) return PARTITION_MONOTONE;
  if (skips_a_chip(graph, chip, work)) return PARTITION_SKIPPED;
  if (problem->triangle == PARTITION_PATH && !is_path(graph, chip)) return PARTITION_TRIANGLE;
  if (problem->triangle == PARTITION_GENERAL && !is_general(graph, chip, work)) return PARTITION_TRIANGLE;
  if (!fits_memory(graph, chip, work)) return PARTITION_MEMORY;
  if (problem->accepts != NULL) {
    partition_to_nodes(graph, chip, work->node_chip);
    if (!problem->accepts(problem->accepts_context, work->node_chip)) return PARTITION_REFUSED;
  }
  return PARTITION_FINE;
}

double partition_value(const struct partition_graph *graph, const uint32_t *chip, struct partition_work *work) {
  return partition_rules(graph, chip, work) == PARTITION_FINE ? partition_period(graph, chip, work, NULL) : INFINITY;
}

void partition_renumber(const struct partition_graph *graph, uint32_t *chip, struct partition_work *work) {
  const uint32_t n_chips = graph->problem->n_chips;
  memset(work->number, 0, (n_chips + 1) * sizeof *work->number);
  for (size_t g = 0; g < graph->n; g++) work->number[chip[g]] = 1;
  uint32_t used = 0;
  for (uint32_t c = 1; c <= n_chips; c++) {
    if (work->number[c] != 0) work->number[c] = ++used;
  }
  for (size_t g = 0; g < graph->n; g++) chip[g] = work->number[chip[g]];
}

int partition_compare(const struct partition_graph *graph, const uint32_t *a, const uint32_t *b) {
  for (size_t g = 0; g < graph->n; g++) {
    if (a[g] != b[g]) return a[g] < b[g] ? -1 : 1;
  }
  return 0;
}

void partition_to_nodes(const struct partition_graph *graph, const uint32_t *chip, uint32_t *node_chip) {
  for (size_t v = 0; v < graph->problem->n_nodes; v++) node_chip[v] = chip[graph->group_of[v]];
}

void partition_greedy(const struct partition_graph *graph, uint32_t *chip, struct partition_work *work) {
  const uint32_t n_chips = graph->problem->n_chips;
  uint32_t c = 1;
  double ahead_ms = 0;
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t g = graph->topological[i];
    if (ahead_ms + graph->compute_ms[g] / 2 > c * graph->total_ms / n_chips && c < n_chips) c++;
    chip[g] = c;
    ahead_ms += graph->compute_ms[g];
  }
  partition_renumber(graph, chip, work);
}
