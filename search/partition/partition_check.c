/* Is an assignment of nodes to chips what it claims to be? The judge (partition §5): it reads nodes and edges as they
 * were read, contracts nothing, and shares no code with evaluator and solvers. Slower than those, on purpose simpler:
 * traffic by sets of chips a tensor, the triangle rule by the closure of the chips' graph. */
#include "search/partition/partition.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double claim_tolerance = 1e-6; /* relative */

struct judging {
  const struct partition_problem *problem;
  const uint32_t *chip; /* by node */
  struct arena *arena;
  const char *reason;
  /* Edges that exist, by source and by destination. */
  size_t n_edges;
  struct partition_edge *by_from, *by_to;
  size_t *first_from, *first_to; /* [n_nodes + 1] */
};

static bool violates(struct judging *j, const char *reason) {
  j->reason = reason;
  return false;
}

/* --- edges --- */

static int by_source(const void *a, const void *b) {
  const struct partition_edge *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return x->to < y->to ? -1 : x->to > y->to;
}
static int by_destination(const void *a, const void *b) {
  const struct partition_edge *x = a, *y = b;
  if (x->to != y->to) return x->to < y->to ? -1 : 1;
  return x->from < y->from ? -1 : x->from > y->from;
}

static void find_edges(struct judging *j) {
  const struct partition_problem *p = j->problem;
  struct partition_edge *drops = ARENA_NEW(j->arena, struct partition_edge, p->n_drops);
  if (p->n_drops > 0) memcpy(drops, p->drops, p->n_drops * sizeof *drops);
  qsort(drops, p->n_drops, sizeof *drops, by_source);
  j->by_from = ARENA_NEW(j->arena, struct partition_edge, p->n_edges);
  for (size_t e = 0; e < p->n_edges; e++) {
    const struct partition_edge *edge = &p->edges[e];
    if (p->clone && p->cloneable[edge->from]) continue;
    if (p->n_drops > 0 && bsearch(edge, drops, p->n_drops, sizeof *drops, by_source) != NULL) continue;
    j->by_from[j->n_edges++] = *edge;
  }
  j->by_to = ARENA_NEW(j->arena, struct partition_edge, j->n_edges);
  if (j->n_edges > 0) memcpy(j->by_to, j->by_from, j->n_edges * sizeof *j->by_to);
  qsort(j->by_from, j->n_edges, sizeof *j->by_from, by_source);
  qsort(j->by_to, j->n_edges, sizeof *j->by_to, by_destination);
  j->first_from = ARENA_NEW(j->arena, size_t, p->n_nodes + 1);
  j->first_to = ARENA_NEW(j->arena, size_t, p->n_nodes + 1);
  size_t from = 0, to = 0;
  for (size_t v = 0; v <= p->n_nodes; v++) {
    while (from < j->n_edges && j->by_from[from].from < v) from++;
    while (to < j->n_edges && j->by_to[to].to < v) to++;
    j->first_from[v] = from;
    j->first_to[v] = to;
  }
}

/* --- rules, in the order of partition §5 --- */

static bool check_length_and_range(struct judging *j, size_t n_said) {
  const struct partition_problem *p = j->problem;
  if (n_said != p->n_nodes)
    return violates(j, arena_printf(j->arena, "length: %zu chips for %zu nodes", n_said, p->n_nodes));
  for (size_t v = 0; v < p->n_nodes; v++) {
    if (j->chip[v] < 1 || j->chip[v] > p->n_chips)
      return violates(j,
                      arena_printf(j->arena, "range: node %zu (%s) is on chip %" PRIu32 ", 1 to %" PRIu32 " are there",
                                   v, p->node_names[v], j->chip[v], p->n_chips));
  }
  return true;
}

struct member {
  uint32_t group, node;
};
static int by_group(const void *a, const void *b) {
  const struct member *x = a, *y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->node < y->node ? -1 : x->node > y->node;
}
static bool check_groups(struct judging *j) {
  const struct partition_problem *p = j->problem;
  struct member *members = ARENA_NEW(j->arena, struct member, p->n_nodes);
  size_t n = 0;
  for (uint32_t v = 0; v < p->n_nodes; v++) {
    if (p->colocate[v] != PARTITION_NONE) members[n++] = (struct member){p->colocate[v], v};
  }
  qsort(members, n, sizeof *members, by_group);
  for (size_t i = 1; i < n; i++) {
    const struct member a = members[i - 1], b = members[i];
    if (a.group == b.group && j->chip[a.node] != j->chip[b.node])
      return violates(j, arena_printf(j->arena,
                                      "group: nodes %" PRIu32 " and %" PRIu32 " of colocate_group %" PRIu32
                                      " are on chips %" PRIu32 " and %" PRIu32,
                                      a.node, b.node, a.group, j->chip[a.node], j->chip[b.node]));
  }
  return true;
}

static bool check_edges(struct judging *j) {
  for (size_t e = 0; e < j->n_edges; e++) {
    const struct partition_edge edge = j->by_from[e];
    if (j->chip[edge.from] > j->chip[edge.to])
      return violates(j, arena_printf(j->arena,
                                      "monotone: edge %" PRIu32 ",%" PRIu32 " leads from chip %" PRIu32
                                      " back to chip %" PRIu32,
                                      edge.from, edge.to, j->chip[edge.from], j->chip[edge.to]));
  }
  return true;
}

static bool check_skipped(struct judging *j) {
  const struct partition_problem *p = j->problem;
  bool *used = ARENA_NEW(j->arena, bool, (size_t)p->n_chips + 1);
  uint32_t last = 0;
  for (size_t v = 0; v < p->n_nodes; v++) {
    used[j->chip[v]] = true;
    if (j->chip[v] > last) last = j->chip[v];
  }
  for (uint32_t c = 1; c < last; c++) {
    if (!used[c])
      return violates(
          j,
          arena_printf(j->arena, "skipped chip: nothing is on chip %" PRIu32 ", something on chip %" PRIu32, c, last));
  }
  return true;
}

static bool check_path(struct judging *j) {
  for (size_t e = 0; e < j->n_edges; e++) {
    const struct partition_edge edge = j->by_from[e];
    if (j->chip[edge.to] - j->chip[edge.from] > 1)
      return violates(j, arena_printf(j->arena,
                                      "triangle: edge %" PRIu32 ",%" PRIu32 " leads from chip %" PRIu32
                                      " to chip %" PRIu32 ", not the next one",
                                      edge.from, edge.to, j->chip[edge.from], j->chip[edge.to]));
  }
  return true;
}

static bool bit_of(const uint64_t *row, size_t i) { return (row[i / 64] >> (i % 64) & 1) != 0; }
static void set_bit(uint64_t *row, size_t i) { row[i / 64] |= UINT64_C(1) << (i % 64); }

/* Longer ways are two arcs or more: squares of the closure; squaring until nothing is new. */
static bool check_general(struct judging *j) {
  const size_t n = (size_t)j->problem->n_chips + 1, words = (n + 63) / 64;
  uint64_t *arc = ARENA_NEW(j->arena, uint64_t, n * words), *reach = ARENA_NEW(j->arena, uint64_t, n * words);
  for (size_t e = 0; e < j->n_edges; e++) {
    const size_t from = j->chip[j->by_from[e].from], to = j->chip[j->by_from[e].to];
    if (from != to) set_bit(&arc[from * words], to);
  }
  memcpy(reach, arc, n * words * sizeof *reach);
  for (bool news = true; news;) {
    news = false;
    for (size_t a = 0; a < n; a++) {
      for (size_t c = 0; c < n; c++) {
        if (!bit_of(&reach[a * words], c)) continue;
        for (size_t w = 0; w < words; w++) {
          const uint64_t before = reach[a * words + w];
          reach[a * words + w] |= reach[c * words + w];
          news = news || reach[a * words + w] != before;
        }
      }
    }
  }
  for (size_t a = 1; a < n; a++) {
    for (size_t b = 1; b < n; b++) {
      for (size_t c = 1; c < n && bit_of(&arc[a * words], b); c++) {
        if (bit_of(&reach[a * words], c) && bit_of(&reach[c * words], b))
          return violates(
              j,
              arena_printf(j->arena, "triangle: chip %zu feeds chip %zu directly and also through chip %zu", a, b, c));
      }
    }
  }
  return true;
}

/* --- memory --- */

/* Executes the nodes of one chip, the least number that is ready first, and notes each one's step. `waits` [n_nodes]
 * and `ready` [n_nodes] are buffers. */
static void execute(const struct judging *j, const uint32_t *nodes, size_t n, uint32_t *waits, bool *ready,
                    size_t *step) {
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = nodes[i];
    waits[v] = 0;
    for (size_t e = j->first_to[v]; e < j->first_to[v + 1]; e++) {
      const struct partition_edge *edge = &j->by_to[e];
      const bool again = e > j->first_to[v] && edge[-1].from == edge->from;
      if (!again && j->chip[edge->from] == j->chip[v]) waits[v]++;
    }
    ready[i] = waits[v] == 0;
  }
  /* nodes[] is ascending; `at` is where the least ready one can be. */
  size_t at = 0;
  for (size_t now = 0; now < n; now++) {
    while (!ready[at]) at++;
    const uint32_t v = nodes[at];
    ready[at] = false;
    step[v] = now;
    for (size_t e = j->first_from[v]; e < j->first_from[v + 1]; e++) {
      const struct partition_edge *edge = &j->by_from[e];
      const bool again = e > j->first_from[v] && edge[-1].to == edge->to;
      if (again || j->chip[edge->to] != j->chip[v] || --waits[edge->to] > 0) continue;
      size_t low = 0, high = n - 1; /* where that node is */
      while (low < high) {
        const size_t middle = (low + high) / 2;
        if (nodes[middle] < edge->to)
          low = middle + 1;
        else
          high = middle;
      }
      ready[low] = true;
      if (low < at) at = low;
    }
  }
}

/* Most bits at once on chip c: a tensor lives from its birth to its death, both steps included. `change` [n + 1]. */
static uint64_t peak_on(const struct judging *j, uint32_t c, const uint32_t *nodes, size_t n, const size_t *step,
                        int64_t *change, uint32_t *arrived) {
  const struct partition_problem *p = j->problem;
  memset(change, 0, (n + 1) * sizeof *change);
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = nodes[i];
    size_t death = step[v];
    for (size_t e = j->first_from[v]; e < j->first_from[v + 1]; e++) {
      const uint32_t w = j->by_from[e].to;
      const size_t use = j->chip[w] == c ? step[w] : n - 1;
      if (use > death) death = use;
    }
    change[step[v]] += (int64_t)p->out_bits[v];
    change[death + 1] -= (int64_t)p->out_bits[v];
    for (size_t e = j->first_to[v]; e < j->first_to[v + 1]; e++) {
      const uint32_t u = j->by_to[e].from;
      if (j->chip[u] == c || arrived[u] == c) continue;
      arrived[u] = c;
      size_t last = 0;
      for (size_t k = j->first_from[u]; k < j->first_from[u + 1]; k++) {
        const uint32_t w = j->by_from[k].to;
        if (j->chip[w] == c && step[w] > last) last = step[w];
      }
      change[0] += (int64_t)p->out_bits[u];
      change[last + 1] -= (int64_t)p->out_bits[u];
    }
  }
  int64_t now = 0, peak = 0;
  for (size_t s = 0; s < n; s++) {
    now += change[s];
    if (now > peak) peak = now;
  }
  return (uint64_t)peak;
}

static bool check_live(struct judging *j, const uint64_t *weights) {
  const struct partition_problem *p = j->problem;
  const size_t n = p->n_nodes;
  struct member *members = ARENA_NEW(j->arena, struct member, n);
  uint32_t *nodes = ARENA_NEW(j->arena, uint32_t, n), *waits = ARENA_NEW(j->arena, uint32_t, n),
           *arrived = ARENA_NEW(j->arena, uint32_t, n);
  bool *ready = ARENA_NEW(j->arena, bool, n);
  size_t *step = ARENA_NEW(j->arena, size_t, n);
  int64_t *change = ARENA_NEW(j->arena, int64_t, n + 1);
  for (uint32_t v = 0; v < n; v++) members[v] = (struct member){j->chip[v], v};
  qsort(members, n, sizeof *members, by_group);
  for (size_t i = 0; i < n; i++) nodes[i] = members[i].node;
  for (size_t first = 0, end = 0; first < n; first = end) {
    const uint32_t c = members[first].group;
    while (end < n && members[end].group == c) end++;
    execute(j, nodes + first, end - first, waits, ready, step);
    const uint64_t bits = peak_on(j, c, nodes + first, end - first, step, change, arrived);
    const uint64_t bytes = bits / 8 + (bits % 8 != 0), room = p->memory_bytes - weights[c];
    if (bytes > room)
      return violates(j, arena_printf(j->arena,
                                      "memory: chip %" PRIu32 " holds %" PRIu64 " bytes of weights and up to %" PRIu64
                                      " of live tensors, it has %" PRIu64,
                                      c, weights[c], bytes, p->memory_bytes));
  }
  return true;
}

static bool check_memory(struct judging *j) {
  const struct partition_problem *p = j->problem;
  if (p->memory_bytes == 0) return true;
  uint64_t *weights = ARENA_NEW(j->arena, uint64_t, (size_t)p->n_chips + 1);
  for (size_t v = 0; v < p->n_nodes; v++) {
    uint64_t *sum = &weights[j->chip[v]];
    *sum = *sum > UINT64_MAX - p->weight_bytes[v] ? UINT64_MAX : *sum + p->weight_bytes[v];
  }
  for (uint32_t c = 1; c <= p->n_chips; c++) {
    if (weights[c] > p->memory_bytes)
      return violates(j, arena_printf(j->arena,
                                      "memory: chip %" PRIu32 " holds %" PRIu64 " bytes of weights, it has %" PRIu64, c,
                                      weights[c], p->memory_bytes));
  }
  return p->memory_rule == PARTITION_WEIGHTS || check_live(j, weights);
}

/* --- the period --- */

static double period_of(const struct judging *j) {
  const struct partition_problem *p = j->problem;
  const size_t n_chips = p->n_chips;
  const bool ring = p->cost == PARTITION_RING || p->cost == PARTITION_RING_OVERLAP;
  const bool overlap = p->cost == PARTITION_RING_OVERLAP || p->cost == PARTITION_P2P_OVERLAP;
  double *work = ARENA_NEW(j->arena, double, n_chips + 1), *in = ARENA_NEW(j->arena, double, n_chips + 2),
         *out = ARENA_NEW(j->arena, double, n_chips + 1);
  bool *reads = ARENA_NEW(j->arena, bool, n_chips + 1);
  for (size_t v = 0; v < p->n_nodes; v++) {
    const double t = 1000.0 * ((double)p->out_bits[v] / 8.0) / (double)p->link_bytes_per_s;
    const uint32_t home = j->chip[v];
    uint32_t last = home;
    memset(reads, 0, (n_chips + 1) * sizeof *reads);
    for (size_t e = j->first_from[v]; e < j->first_from[v + 1]; e++) {
      const uint32_t c = j->chip[j->by_from[e].to];
      reads[c] = true;
      if (c > last) last = c;
    }
    work[home] += p->compute_ms[v];
    if (last == home) continue;
    if (!ring) out[home] += t;
    for (uint32_t c = home + 1; c <= last; c++) {
      if (ring) {
        out[c - 1] += t;
        in[c] += t;
      } else if (reads[c])
        in[c] += t;
    }
  }
  double period = 0;
  for (size_t c = 1; c <= n_chips; c++) {
    const double load = overlap ? fmax(work[c], fmax(in[c], out[c])) : work[c] + in[c] + out[c];
    period = fmax(period, load);
  }
  return period;
}

bool partition_check(const struct partition_problem *problem, const struct partition_claim *claim, struct arena *arena,
                     double *value_ms, const char **reason) {
  struct judging j = {.problem = problem, .chip = claim->chip, .arena = arena, .reason = ""};
  *value_ms = NAN;
  bool valid = check_length_and_range(&j, claim->n_said) && check_groups(&j);
  if (valid) find_edges(&j);
  valid = valid && check_edges(&j) && check_skipped(&j);
  if (valid && problem->triangle == PARTITION_PATH) valid = check_path(&j);
  if (valid && problem->triangle == PARTITION_GENERAL) valid = check_general(&j);
  valid = valid && check_memory(&j);
  if (valid && problem->accepts != NULL && !problem->accepts(problem->accepts_context, claim->chip))
    valid = violates(&j, "refused: the compiler does not take it");
  if (valid) {
    *value_ms = period_of(&j);
    if (isfinite(claim->claim_ms) && !(fabs(claim->claim_ms - *value_ms) <= claim_tolerance * *value_ms))
      j.reason = arena_printf(arena, "claim: %.10g ms were claimed", claim->claim_ms);
  }
  *reason = j.reason;
  return valid;
}
