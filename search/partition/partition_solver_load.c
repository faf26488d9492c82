/* Which chips are too full? Rule 5 and memory (partition §6): weights in bytes against the memory of a chip, compute
 * against a period, both as integers. Chips 1 … c must hold all groups that cannot come later, c … C all that cannot
 * come earlier; a group's ancestors and itself must fit up to its chip. Leaves out what tensors take: loads are
 * compared without their communication, `live` memory is for the evaluator to say. */
#include "search/partition/partition_solver_private.h"

#include "base/checked.h"
#include <math.h>
#include <string.h>

/* A period is this many units of compute; the slack is above all rounding of 2^20 sums and far below 1e-8. */
static const double period_units = 1099511627776;
enum { UNIT_SLACK = 1024 };
/* Beyond it ancestors are not counted: quadratic. */
enum { MOST_FOR_WINDOWS = 30000, BLOCK = 64, BYTE = 256 };

static void add_resource(struct partition_solver *solver, const uint64_t *amount, uint64_t limit) {
  solver->resources[solver->n_resources++] = (struct partition_resource){.amount = amount, .limit = limit};
}

void solver_load_new(struct partition_solver *solver, double period_ms) {
  const struct partition_graph *graph = solver->graph;
  const uint64_t memory_bytes = graph->problem->memory_bytes;
  if (memory_bytes > 0 && graph->total_weight_bytes > memory_bytes) {
    add_resource(solver, graph->weight_bytes, memory_bytes);
  }
  if (!(period_ms < graph->total_ms)) return;
  uint64_t *units = ARENA_NEW(solver->arena, uint64_t, solver->n);
  for (size_t v = 0; v < solver->n; v++) {
    const double share = graph->compute_ms[v] / period_ms;
    units[v] = (uint64_t)(period_units * (share < 2 ? share : graph->compute_ms[v] > 0 ? 2 : 0));
  }
  add_resource(solver, units, (uint64_t)period_units + UNIT_SLACK);
}

static void move_amount(struct partition_solver *solver, size_t row, uint32_t from, uint32_t to, uint64_t amount) {
  if (from == to) return;
  if (from > 0) solver_set(solver, row + from - 1, solver->state[row + from - 1] - amount);
  if (to > 0) solver_set(solver, row + to - 1, solver->state[row + to - 1] + amount);
}

void solver_load_moved(struct partition_solver *solver, uint32_t group, uint64_t old) {
  const uint32_t low = solver_low(solver, group), high = solver_high(solver, group);
  for (size_t r = 0; r < solver->n_resources; r++) {
    const struct partition_resource *resource = &solver->resources[r];
    const uint64_t amount = resource->amount[group];
    if (amount == 0) continue;
    move_amount(solver, resource->at_low, (uint32_t)old, low, amount);
    move_amount(solver, resource->at_high, (uint32_t)(old >> 32), high, amount);
    if (low == high) move_amount(solver, resource->used, 0, low, amount);
  }
}

bool solver_load_fits(struct partition_solver *solver) {
  for (size_t r = 0; r < solver->n_resources; r++) {
    const struct partition_resource *resource = &solver->resources[r];
    const uint64_t *used = &solver->state[resource->used], *at_low = &solver->state[resource->at_low];
    const uint64_t *at_high = &solver->state[resource->at_high];
    uint64_t early = 0, late = 0;
    for (uint32_t c = 1; c <= solver->n_chips; c++) {
      const uint64_t room = sat_mul(c, resource->limit);
      early += at_high[c - 1];
      late += at_low[solver->n_chips - c];
      if (used[c - 1] <= resource->limit && early <= room && late <= room) continue;
      solver->cause = early > room ? CAUSE_EARLY : late > room ? CAUSE_LATE : CAUSE_ANY;
      return false;
    }
  }
  return true;
}

/* The ends between which `amount` more does not fill the first or the last chips over their limit. */
static bool prune_ends(struct partition_solver *solver, const struct partition_resource *resource, uint32_t group) {
  const uint64_t amount = resource->amount[group];
  const uint64_t *at_low = &solver->state[resource->at_low], *at_high = &solver->state[resource->at_high];
  const uint32_t low = solver_low(solver, group), high = solver_high(solver, group), n_chips = solver->n_chips;
  uint32_t least = low, most = high;
  uint64_t early = 0, late = 0;
  for (uint32_t c = 1; c < high; c++) {
    early += at_high[c - 1];
    if (c >= low && early + amount > sat_mul(c, resource->limit)) least = c + 1;
  }
  for (uint32_t c = n_chips; c > low; c--) {
    late += at_low[c - 1];
    if (c <= high && late + amount > sat_mul(n_chips - c + 1, resource->limit)) most = c - 1;
  }
  return least <= most && solver_clip(solver, group, least, most);
}

bool solver_load_prune(struct partition_solver *solver, uint32_t group) {
  for (size_t r = 0; r < solver->n_resources; r++) {
    const struct partition_resource *resource = &solver->resources[r];
    if (solver_fixed(solver, group)) return true;
    if (resource->amount[group] == 0) continue;
    if (!prune_ends(solver, resource, group)) return false;
    if (solver_fixed(solver, group)) return true;
    memset(solver->row, 0, solver->n_words * sizeof *solver->row);
    for (uint32_t c = solver_low(solver, group); c <= solver_high(solver, group); c++) {
      const uint64_t used = solver->state[resource->used + c - 1];
      if (used + resource->amount[group] > resource->limit) {
        solver->row[(c - 1) / 64] |= (uint64_t)1 << (c - 1) % 64;
      }
    }
    if (!solver_remove(solver, group, solver->row)) return false;
  }
  return true;
}

/* Sums over all sets of the bits of a byte. */
static void fill_table(const uint64_t *amount, uint64_t table[BYTE]) {
  table[0] = 0;
  for (size_t set = 1; set < BYTE; set++) {
    table[set] = table[set & (set - 1)] + amount[__builtin_ctz((unsigned)set)];
  }
}

/* sums[v] = what v and all its ancestors (or descendants) amount to: 64 of these at a time, as bits that run along the
 * edges. */
static void sum_relatives(const struct partition_solver *solver, const struct partition_resource *resource,
                          bool forward, uint64_t *bits, uint64_t *sums) {
  const struct partition_graph *graph = solver->graph;
  const uint32_t *start = forward ? graph->in_start : graph->out_start, *near = forward ? graph->in : graph->out;
  uint64_t table[BLOCK / 8][BYTE];
  for (size_t first = 0; first < solver->n; first += BLOCK) {
    uint64_t amount[BLOCK] = {0};
    memset(bits, 0, solver->n * sizeof *bits);
    for (size_t i = first; i < solver->n && i < first + BLOCK; i++) {
      const uint32_t v = graph->topological[forward ? i : solver->n - 1 - i];
      bits[v] = (uint64_t)1 << (i - first);
      amount[i - first] = resource->amount[v];
    }
    for (size_t b = 0; b < BLOCK / 8; b++) fill_table(&amount[8 * b], table[b]);
    for (size_t i = first; i < solver->n; i++) {
      const uint32_t v = graph->topological[forward ? i : solver->n - 1 - i];
      for (uint32_t k = start[v]; k < start[v + 1]; k++) bits[v] |= bits[near[k]];
      for (size_t b = 0; b < BLOCK / 8; b++) sums[v] += table[b][bits[v] >> 8 * b & 0xff];
    }
  }
}

bool solver_load_windows(struct partition_solver *solver) {
  for (size_t r = 0; r < solver->n_resources; r++) {
    const struct partition_resource *resource = &solver->resources[r];
    for (size_t v = 0; v < solver->n; v++) {
      solver->state[resource->at_low] += resource->amount[v];
      solver->state[resource->at_high + solver->n_chips - 1] += resource->amount[v];
      if (resource->amount[v] > resource->limit) return false;
    }
  }
  for (size_t r = 0; r < solver->n_resources && solver->n <= MOST_FOR_WINDOWS; r++) {
    const struct partition_resource *resource = &solver->resources[r];
    uint64_t *bits = ARENA_NEW(solver->arena, uint64_t, solver->n);
    uint64_t *before = ARENA_NEW(solver->arena, uint64_t, solver->n);
    uint64_t *after = ARENA_NEW(solver->arena, uint64_t, solver->n);
    sum_relatives(solver, resource, true, bits, before);
    sum_relatives(solver, resource, false, bits, after);
    for (uint32_t v = 0; v < solver->n; v++) {
      const uint64_t least = max_u64(1, ceil_div(before[v], resource->limit));
      const uint64_t most = max_u64(1, ceil_div(after[v], resource->limit));
      if (least > solver->n_chips || most > solver->n_chips) return false;
      if (!solver_clip(solver, v, (uint32_t)least, solver->n_chips + 1 - (uint32_t)most)) return false;
    }
  }
  return true;
}
