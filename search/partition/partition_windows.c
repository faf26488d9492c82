/* Windows of groups and the cuts between them. See partition_windows.h. */
#include "search/partition/partition_windows.h"

#include "base/checked.h"
#include "search/partition/partition_cones.h"
#include "search/partition/partition_flow.h"
#include <math.h>
#include <string.h>

/* Of sums in another order. */
static const double rounding = 1e-12;
enum {
  MOST_ROUNDS = 24,
  LEAST_ROUNDS = 2,
  ROUND_WORK = 1 << 19,
  MOST_FREE = 1 << 15,
  LARGE = 1 << 20,
  FEW_FREE = 1 << 11,
  /* Of all cuts of a period, each its share: arcs that are looked at. Public graphs take up to 20,000 a cut. */
  MOST_CUT_STEPS = 1 << 26,
  /* Beyond so many groups ancestors and descendants are summed as far as so many steps go, in each direction. */
  EXACT_GROUPS = 1 << 16,
  MOST_CONE_STEPS = 1 << 26
};

void partition_windows_init(struct partition_windows *windows, const struct partition_graph *graph,
                            struct arena *arena) {
  const size_t n = graph->n;
  const bool memory = graph->problem->memory_bytes > 0;
  *windows = (struct partition_windows){.graph = graph,
                                        .n_chips = graph->problem->n_chips,
                                        .before_ms = ARENA_NEW(arena, double, n),
                                        .after_ms = ARENA_NEW(arena, double, n),
                                        .before_bytes = memory ? ARENA_NEW(arena, uint64_t, n) : NULL,
                                        .after_bytes = memory ? ARENA_NEW(arena, uint64_t, n) : NULL,
                                        .low = ARENA_NEW(arena, uint32_t, n),
                                        .high = ARENA_NEW(arena, uint32_t, n)};
  if (windows->n_chips > n) windows->n_chips = n > 0 ? (uint32_t)n : 1;
  windows->cut_ms = ARENA_NEW(arena, double, windows->n_chips + 1);
  const uint64_t most_steps = n > EXACT_GROUPS ? MOST_CONE_STEPS : 0;
  partition_cones_add(graph, true, most_steps, arena, windows->before_ms, windows->before_bytes);
  partition_cones_add(graph, false, most_steps, arena, windows->after_ms, windows->after_bytes);
}

/* --- windows --------------------------------------------------------------------------------------------------------
 */

/* Chips that so much work takes at least, 1 or more. */
static uint32_t chips_for(double ms, double period_ms, uint32_t n_chips) {
  const double chips = ceil(ms / period_ms * (1 - rounding));
  return chips <= 1 ? 1 : chips > n_chips ? n_chips + 1 : (uint32_t)chips;
}

static uint32_t chips_for_bytes(uint64_t bytes, uint64_t memory_bytes, uint32_t n_chips) {
  const uint64_t chips = ceil_div(bytes, memory_bytes);
  return chips <= 1 ? 1 : chips > n_chips ? n_chips + 1 : (uint32_t)chips;
}

static uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }

static void start_windows(struct partition_windows *windows, double period_ms) {
  const struct partition_graph *graph = windows->graph;
  const uint32_t n_chips = windows->n_chips;
  const uint64_t memory = graph->problem->memory_bytes;
  for (size_t v = 0; v < graph->n; v++) {
    uint32_t early = chips_for(windows->before_ms[v], period_ms, n_chips),
             late = chips_for(windows->after_ms[v], period_ms, n_chips);
    if (memory > 0) {
      early = max_u32(early, chips_for_bytes(windows->before_bytes[v], memory, n_chips));
      late = max_u32(late, chips_for_bytes(windows->after_bytes[v], memory, n_chips));
    }
    windows->low[v] = early, windows->high[v] = n_chips + 1 - late;
  }
}

/* Rules between neighbours to the fixed point; false: a window is empty. Under `path` neighbours are one chip apart at
 * most, in both directions: passes along the order and back until nothing moves. */
static bool narrow(struct partition_windows *windows) {
  const struct partition_graph *graph = windows->graph;
  const bool path = graph->problem->triangle == PARTITION_PATH;
  uint32_t *low = windows->low, *high = windows->high;
  bool moved = true;
  while (moved) {
    moved = false;
    for (size_t i = 0; i < graph->n; i++) {
      const uint32_t v = graph->topological[i];
      for (uint32_t k = graph->in_start[v]; k < graph->in_start[v + 1]; k++) {
        const uint32_t u = graph->in[k];
        if (low[u] > low[v]) low[v] = low[u];
        if (path && high[u] + 1 < high[v]) high[v] = high[u] + 1, moved = true;
      }
      if (low[v] > high[v]) return false;
    }
    for (size_t i = graph->n; i-- > 0;) {
      const uint32_t u = graph->topological[i];
      for (uint32_t k = graph->out_start[u]; k < graph->out_start[u + 1]; k++) {
        const uint32_t v = graph->out[k];
        if (high[v] < high[u]) high[u] = high[v];
        if (path && low[v] > low[u] + 1) low[u] = low[v] - 1, moved = true;
      }
      if (low[u] > high[u]) return false;
    }
  }
  return true;
}

/* --- cuts -----------------------------------------------------------------------------------------------------------
 */

enum { SOURCE, SINK, FIRST_FREE };

/* The network of one boundary; flow NULL: arcs are counted only. */
struct cut {
  const struct partition_windows *windows;
  uint32_t boundary;
  uint32_t *slot; /* [n] node of a group */
  struct partition_flow *flow;
  size_t n_nodes, n_arcs;
  double certain_ms;
};

static void add_arc(struct cut *cut, uint32_t from, uint32_t to, double capacity_ms) {
  if (cut->flow != NULL) partition_flow_arc(cut->flow, from, to, capacity_ms);
  cut->n_arcs++;
}

/* Of a tensor's time what may be counted at this boundary: a ring pays at each, point to point once for all that it
 * crosses, wherever that is. */
static double share_ms(const struct partition_windows *windows, const struct partition_tensor *tensor) {
  const enum partition_cost cost = windows->graph->problem->cost;
  if (cost == PARTITION_RING || cost == PARTITION_RING_OVERLAP || windows->graph->problem->triangle == PARTITION_PATH) {
    return tensor->ms;
  }
  uint32_t last = 0;
  for (uint32_t k = tensor->first; k < tensor->end; k++) {
    last = max_u32(last, windows->high[windows->graph->consumer[k]]);
  }
  return tensor->ms / (last - windows->low[tensor->producer]);
}

static void add_tensor(struct cut *cut, const struct partition_tensor *tensor) {
  const uint32_t *consumer = cut->windows->graph->consumer, from = cut->slot[tensor->producer];
  if (from == SINK) return;
  uint32_t n_free = 0, only = 0;
  bool beyond = false;
  for (uint32_t k = tensor->first; k < tensor->end; k++) {
    const uint32_t to = cut->slot[consumer[k]];
    if (to == SINK) beyond = true;
    if (to >= FIRST_FREE) n_free++, only = to;
  }
  if (!beyond && n_free == 0) return;
  const double ms = cut->flow == NULL ? 0 : share_ms(cut->windows, tensor);
  if (beyond && from == SOURCE) {
    cut->certain_ms += ms;
  } else if (beyond) {
    add_arc(cut, from, SINK, ms);
  } else if (n_free == 1) {
    add_arc(cut, from, only, ms);
  } else {
    const uint32_t crossing = (uint32_t)cut->n_nodes++;
    add_arc(cut, from, crossing, ms);
    for (uint32_t k = tensor->first; k < tensor->end; k++) {
      if (cut->slot[consumer[k]] >= FIRST_FREE) add_arc(cut, crossing, cut->slot[consumer[k]], INFINITY);
    }
  }
}

static void add_all(struct cut *cut) {
  const struct partition_graph *graph = cut->windows->graph;
  for (size_t t = 0; t < graph->n_tensors; t++) add_tensor(cut, &graph->tensors[t]);
  for (size_t v = 0; v < graph->n; v++) {
    if (cut->slot[v] < FIRST_FREE) continue;
    for (uint32_t k = graph->in_start[v]; k < graph->in_start[v + 1]; k++) {
      if (cut->slot[graph->in[k]] >= FIRST_FREE) add_arc(cut, cut->slot[v], cut->slot[graph->in[k]], INFINITY);
    }
  }
}

/* Least time of what crosses the boundary behind chip c. */
static double least_cut(const struct partition_windows *windows, uint32_t c, struct arena *scratch) {
  const struct partition_graph *graph = windows->graph;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct cut cut = {.windows = windows, .boundary = c, .slot = ARENA_NEW(scratch, uint32_t, graph->n)};
  size_t n_free = 0;
  bool left = false, right = false;
  for (size_t v = 0; v < graph->n; v++) {
    if (windows->high[v] <= c) {
      cut.slot[v] = SOURCE, left = true;
    } else if (windows->low[v] > c) {
      cut.slot[v] = SINK, right = true;
    } else {
      cut.slot[v] = (uint32_t)(FIRST_FREE + n_free++);
    }
  }
  double cut_ms = 0;
  const size_t most_free = graph->n * windows->n_chips > LARGE ? FEW_FREE : MOST_FREE; /* beyond: nothing is known */
  if (left && right && n_free <= most_free) {
    cut.n_nodes = FIRST_FREE + n_free;
    add_all(&cut);
    const size_t n_nodes = cut.n_nodes, n_arcs = cut.n_arcs;
    cut.flow = partition_flow_new(n_nodes, n_arcs, scratch);
    cut.n_nodes = FIRST_FREE + n_free, cut.n_arcs = 0, cut.certain_ms = 0;
    add_all(&cut);
    cut_ms = cut.certain_ms;
    partition_flow_limit(cut.flow, MOST_CUT_STEPS / windows->n_chips);
    if (n_arcs > 0) cut_ms += partition_flow_run(cut.flow, SOURCE, SINK);
    cut_ms *= 1 - rounding;
  }
  arena_rewind(scratch, mark);
  return cut_ms;
}

/* --- the test -------------------------------------------------------------------------------------------------------
 */

/* Least times of the first c chips and of the last ones, all communication included. */
struct tally {
  double *here_ms, *upto_ms, *from_ms; /* [C + 2] compute that must be on chip c, up to it, from it on */
  double *past_ms, *coming_ms;         /* [C + 2] traffic of chips up to c; from c on */
};

static struct tally tally_new(uint32_t n_chips, struct arena *arena) {
  double *all = ARENA_NEW(arena, double, 5 * ((size_t)n_chips + 2));
  const size_t step = n_chips + 2;
  return (struct tally){all, all + step, all + 2 * step, all + 3 * step, all + 4 * step};
}

static void count_work(const struct partition_windows *windows, struct tally *tally) {
  const uint32_t n_chips = windows->n_chips;
  memset(tally->here_ms, 0, 3 * ((size_t)n_chips + 2) * sizeof(double));
  for (size_t v = 0; v < windows->graph->n; v++) {
    const double ms = windows->graph->compute_ms[v];
    if (windows->low[v] == windows->high[v]) tally->here_ms[windows->low[v]] += ms;
    tally->upto_ms[windows->high[v]] += ms, tally->from_ms[windows->low[v]] += ms;
  }
  for (uint32_t c = 1; c <= n_chips; c++) tally->upto_ms[c] += tally->upto_ms[c - 1];
  for (uint32_t c = n_chips; c > 0; c--) tally->from_ms[c] += tally->from_ms[c + 1];
}

/* What crosses a boundary leaves one chip and enters another. Point to point, chips up to c certainly send their part,
 * but what they receive may go past them. */
static void count_traffic(const struct partition_windows *windows, bool ring, struct tally *tally) {
  const uint32_t n_chips = windows->n_chips;
  const double *cut = windows->cut_ms;
  tally->past_ms[0] = tally->coming_ms[n_chips + 1] = 0;
  for (uint32_t c = 1; c <= n_chips; c++) {
    tally->past_ms[c] = tally->past_ms[c - 1] + (ring ? cut[c - 1] : 0) + cut[c];
  }
  for (uint32_t c = n_chips; c > 0; c--) {
    tally->coming_ms[c] = tally->coming_ms[c + 1] + (ring ? cut[c] : 0) + cut[c - 1];
  }
}

static bool has_time(const struct partition_windows *windows, const struct tally *tally, bool ring, double period_ms) {
  const uint32_t n_chips = windows->n_chips;
  const double most_ms = period_ms * (1 + rounding), *cut = windows->cut_ms;
  double sum_ms = windows->graph->total_ms * (1 - rounding);
  for (uint32_t c = 1; c < n_chips; c++) sum_ms += 2 * cut[c];
  if (sum_ms > n_chips * most_ms) return false;
  for (uint32_t c = 1; c <= n_chips; c++) {
    if (tally->here_ms[c] + (ring ? cut[c - 1] + cut[c] : 0) > most_ms) return false;
    if (tally->upto_ms[c] + tally->past_ms[c] > c * most_ms) return false;
    if (tally->from_ms[c] + tally->coming_ms[c] > (n_chips + 1 - c) * most_ms) return false;
  }
  return true;
}

/* A group up to chip c has all its ancestors there, beside all that must be there anyway. Whether a window moved. */
static bool push(struct partition_windows *windows, const struct tally *tally, double period_ms) {
  const uint32_t n_chips = windows->n_chips;
  const double most_ms = period_ms * (1 + rounding);
  bool moved = false;
  for (size_t v = 0; v < windows->graph->n; v++) {
    const double ms = windows->graph->compute_ms[v];
    for (uint32_t c = windows->low[v]; c < windows->high[v]; c++) {
      const double there_ms = fmax(windows->before_ms[v], tally->upto_ms[c] + ms);
      if (there_ms + tally->past_ms[c] > c * most_ms) windows->low[v] = c + 1, moved = true;
    }
    for (uint32_t c = windows->high[v]; c > windows->low[v]; c--) {
      const double there_ms = fmax(windows->after_ms[v], tally->from_ms[c] + ms);
      if (there_ms + tally->coming_ms[c] > (n_chips + 1 - c) * most_ms) windows->high[v] = c - 1, moved = true;
    }
  }
  return moved;
}

/* Links that work beside the chips only need to be fast enough themselves. */
static bool links_keep_up(const struct partition_windows *windows, double period_ms) {
  for (uint32_t c = 1; c < windows->n_chips; c++) {
    if (windows->cut_ms[c] > period_ms * (1 + rounding)) return false;
  }
  return true;
}

bool partition_windows_fit(struct partition_windows *windows, double period_ms, struct arena *scratch) {
  const struct partition_graph *graph = windows->graph;
  const enum partition_cost cost = graph->problem->cost;
  const bool overlap = cost == PARTITION_RING_OVERLAP || cost == PARTITION_P2P_OVERLAP;
  const bool ring = cost == PARTITION_RING || cost == PARTITION_RING_OVERLAP ||
                    graph->problem->triangle == PARTITION_PATH; /* where both are the same */
  const uint32_t n_chips = windows->n_chips;
  memset(windows->cut_ms, 0, (n_chips + 1) * sizeof *windows->cut_ms);
  if (!(period_ms > 0)) return !(graph->total_ms > 0);
  start_windows(windows, period_ms);
  if (!narrow(windows)) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct tally tally = tally_new(n_chips, scratch);
  /* Large graphs stop before the fixed point: cuts look at all tensors for every chip. */
  const size_t affordable = ROUND_WORK / (graph->n * n_chips + 1);
  const size_t most = affordable < LEAST_ROUNDS ? LEAST_ROUNDS : affordable < MOST_ROUNDS ? affordable : MOST_ROUNDS;
  bool fits = true, moved = true;
  for (size_t round = 0; fits && moved && round < most; round++) {
    count_work(windows, &tally);
    if (overlap || round == 0) {
      count_traffic(windows, ring, &tally);
      fits = has_time(windows, &tally, ring, period_ms);
    }
    for (uint32_t c = 1; fits && c < n_chips; c++) windows->cut_ms[c] = least_cut(windows, c, scratch);
    if (overlap) {
      fits = fits && (!ring || links_keep_up(windows, period_ms));
      break;
    }
    count_traffic(windows, ring, &tally);
    fits = fits && has_time(windows, &tally, ring, period_ms);
    moved = fits && push(windows, &tally, period_ms);
    fits = fits && (!moved || narrow(windows));
  }
  arena_rewind(scratch, mark);
  return fits;
}
