/* What is the best mapping of a few jobs, for certain? (tenancy §4, "Exact".)
 *
 * Branch and bound in chronological order: of the cores that still take jobs, the one that falls free first takes one
 * of its possible jobs, or takes no more. What runs before that time is then known, and so is what it costs; the rest
 * costs at least what the largest load, the jobs' own excess, or the bytes to be moved say. A state that was seen at no
 * higher cost is not entered again: jobs left, and on every core how long it runs on and what it needs. Equal cores are
 * sorted in it and of equal jobs only the first is taken, which breaks both symmetries. Whole numbers throughout, so
 * "best" is meant to the last bit of the closed form. Left out: dependencies and releases. */
#include "base/checked.h"
#include "search/tenancy/tenancy_bounds.h"
#include <string.h>

enum { MAX_JOBS = 12, MAX_CORES = 4, TABLE_BITS = 17, SMALL_TABLE_BITS = 10, SMALL_JOBS = 6 };

struct state {
  uint32_t left; /* jobs not taken yet, a bit each */
  uint32_t open; /* cores that take more jobs, a bit each */
  uint64_t end[MAX_CORES], need[MAX_CORES];
  uint64_t now;
  tenancy_cost excess; /* until now */
};

/* A state as seen from its time on, with the cost until then. */
struct seen {
  uint32_t left, open; /* left = 0: an empty slot, for states without jobs are never kept */
  uint64_t rest[MAX_CORES], need[MAX_CORES];
  tenancy_cost cost;
};

struct search {
  const struct tenancy_problem *problem;
  uint64_t n_nodes, max_nodes;
  struct seen *table;
  size_t n_slots;
  uint8_t queue[MAX_CORES][MAX_JOBS], length[MAX_CORES];
  tenancy_cost best_cost;
  struct tenancy_queues *best;
};

static void keep_if_better(struct search *search, tenancy_cost cost) {
  if (cost >= search->best_cost) return;
  search->best_cost = cost;
  uint32_t n = 0;
  for (size_t c = 0; c < search->problem->n_cores; c++) {
    search->best->start[c] = n;
    for (size_t i = 0; i < search->length[c]; i++) search->best->job[n++] = search->queue[c][i];
  }
  search->best->start[search->problem->n_cores] = n;
}

/* Goes on to `time`; what ends on the way ends. */
static void advance(const struct search *search, struct state *state, uint64_t time) {
  const size_t n_cores = search->problem->n_cores;
  const uint64_t bandwidth = search->problem->scaled_bandwidth;
  while (state->now < time) {
    uint64_t next = time, required = 0;
    for (size_t c = 0; c < n_cores; c++) {
      if (state->end[c] <= state->now) continue;
      required += state->need[c];
      next = min_u64(next, state->end[c]);
    }
    if (required > bandwidth) state->excess += (tenancy_cost)(required - bandwidth) * (next - state->now);
    state->now = next;
  }
}

static uint64_t last_end(const struct search *search, const struct state *state) {
  uint64_t last = 0;
  for (size_t c = 0; c < search->problem->n_cores; c++) last = max_u64(last, state->end[c]);
  return last;
}

static tenancy_cost larger(tenancy_cost a, tenancy_cost b) { return a > b ? a : b; }
static tenancy_cost smaller(tenancy_cost a, tenancy_cost b) { return a < b ? a : b; }

/* No way to go on from the state costs less. The largest number: there is none. */
static tenancy_cost bound(const struct search *search, const struct state *state) {
  const struct tenancy_problem *problem = search->problem;
  const tenancy_cost none = ~(tenancy_cost)0;
  const uint64_t bandwidth = problem->scaled_bandwidth;
  uint64_t last = last_end(search, state), load = 0, n_open = 0;
  tenancy_cost own_excess = 0, bytes = 0;
  for (size_t c = 0; c < problem->n_cores; c++) {
    const bool open = state->open >> c & 1;
    n_open += open;
    load += open ? state->end[c] : 0;
    if (state->end[c] <= state->now) continue;
    const uint64_t time = state->end[c] - state->now, need = state->need[c];
    bytes += (tenancy_cost)time * need;
    own_excess += (tenancy_cost)time * (need > bandwidth ? need - bandwidth : 0);
  }
  for (uint32_t left = state->left; left != 0; left &= left - 1) {
    const size_t job = (size_t)__builtin_ctz(left);
    uint64_t shortest = UINT64_MAX, first_end = UINT64_MAX;
    tenancy_cost least_excess = none, least_bytes = none;
    for (size_t c = 0; c < problem->n_cores; c++) {
      if (!(state->open >> c & 1) || !tenancy_can_run(problem, job, c)) continue;
      const size_t at = tenancy_at(problem, job, c);
      const uint64_t latency = problem->latency_cycles[at], need = problem->scaled[at];
      shortest = min_u64(shortest, latency);
      first_end = min_u64(first_end, state->end[c] + latency);
      least_bytes = smaller(least_bytes, (tenancy_cost)latency * need);
      least_excess = smaller(least_excess, (tenancy_cost)latency * (need > bandwidth ? need - bandwidth : 0));
    }
    if (shortest == UINT64_MAX) return none;
    last = max_u64(last, first_end);
    load += shortest;
    own_excess += least_excess;
    bytes += least_bytes;
  }
  if (n_open > 0 && state->left != 0) last = max_u64(last, ceil_div(load, n_open));
  return state->excess +
         larger((tenancy_cost)last * bandwidth + own_excess, (tenancy_cost)state->now * bandwidth + bytes);
}

/* --- states seen ----------------------------------------------------------------------------------------------------
 */

static bool comes_before(const struct seen *seen, size_t a, size_t b) {
  if ((seen->open >> a & 1) != (seen->open >> b & 1)) return seen->open >> a & 1;
  if (seen->rest[a] != seen->rest[b]) return seen->rest[a] < seen->rest[b];
  return seen->need[a] < seen->need[b];
}

static void swap_cores(struct seen *seen, size_t a, size_t b) {
  const uint64_t rest = seen->rest[a], need = seen->need[a];
  const uint32_t differ = ((seen->open >> a) ^ (seen->open >> b)) & 1;
  seen->rest[a] = seen->rest[b], seen->need[a] = seen->need[b];
  seen->rest[b] = rest, seen->need[b] = need;
  seen->open ^= differ << a | differ << b;
}

static void describe(const struct search *search, const struct state *state, struct seen *seen) {
  const struct tenancy_problem *problem = search->problem;
  memset(seen, 0, sizeof *seen);
  seen->left = state->left;
  seen->open = state->open;
  seen->cost = (tenancy_cost)state->now * problem->scaled_bandwidth + state->excess;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if (state->end[c] <= state->now) continue;
    seen->rest[c] = state->end[c] - state->now;
    seen->need[c] = state->need[c];
  }
  for (size_t b = 1; b < problem->n_cores; b++) { /* a few: whatever order, as long as every pair of equals meets */
    for (size_t a = 0; a < b; a++) {
      if (problem->group_of[a] == problem->group_of[b] && comes_before(seen, b, a)) swap_cores(seen, a, b);
    }
  }
}

static size_t slot_of(const struct search *search, const struct seen *seen) {
  uint64_t digest = (uint64_t)seen->left << 8 | seen->open;
  for (size_t c = 0; c < MAX_CORES; c++) {
    digest = (digest ^ digest >> 31 ^ seen->rest[c]) * UINT64_C(0xff51afd7ed558ccd);
    digest = (digest ^ digest >> 31 ^ seen->need[c]) * UINT64_C(0xc4ceb9fe1a85ec53);
  }
  return (size_t)(digest ^ digest >> 32) & (search->n_slots - 1);
}

/* Was it entered at this cost or less? If not, it is from now on. */
static bool was_seen(struct search *search, const struct state *state) {
  struct seen seen;
  describe(search, state, &seen);
  struct seen *old = &search->table[slot_of(search, &seen)];
  const bool same = old->left == seen.left && old->open == seen.open &&
                    memcmp(old->rest, seen.rest, sizeof seen.rest) == 0 &&
                    memcmp(old->need, seen.need, sizeof seen.need) == 0;
  if (same && old->cost <= seen.cost) return true;
  *old = seen;
  return false;
}

/* --- the search -----------------------------------------------------------------------------------------------------
 */

static bool search_from(struct search *search, struct state state);

static bool try_jobs(struct search *search, const struct state *state, size_t core) {
  const struct tenancy_problem *problem = search->problem;
  uint32_t classes = 0; /* of which a job was taken here already */
  for (uint32_t left = state->left; left != 0; left &= left - 1) {
    const size_t job = (size_t)__builtin_ctz(left), at = tenancy_at(problem, job, core);
    if (!tenancy_can_run(problem, job, core) || (classes >> problem->class_of[job] & 1)) continue;
    classes |= UINT32_C(1) << problem->class_of[job];
    struct state next = *state;
    next.left &= ~(UINT32_C(1) << job);
    next.end[core] += problem->latency_cycles[at];
    next.need[core] = problem->scaled[at];
    search->queue[core][search->length[core]++] = (uint8_t)job;
    const bool fine = search_from(search, next);
    search->length[core]--;
    if (!fine) return false;
  }
  return true;
}

/* False: no node is left. */
static bool search_from(struct search *search, struct state state) {
  const struct tenancy_problem *problem = search->problem;
  if (search->n_nodes++ >= search->max_nodes) return false;
  if (state.left == 0) {
    advance(search, &state, last_end(search, &state));
    keep_if_better(search, (tenancy_cost)state.now * problem->scaled_bandwidth + state.excess);
    return true;
  }
  size_t core = problem->n_cores;
  for (size_t c = 0; c < problem->n_cores; c++) {
    if ((state.open >> c & 1) && (core == problem->n_cores || state.end[c] < state.end[core])) core = c;
  }
  if (core == problem->n_cores) return true;
  advance(search, &state, state.end[core]);
  if (bound(search, &state) >= search->best_cost || was_seen(search, &state)) return true;
  if (!try_jobs(search, &state, core)) return false;
  state.open &= ~(UINT32_C(1) << core);
  return search_from(search, state);
}

/* Something to compare with: the longest job first, to where it ends first. */
static void start_with_list(struct search *search) {
  const struct tenancy_problem *problem = search->problem;
  uint64_t load[MAX_CORES] = {0};
  uint32_t left = (UINT32_C(1) << problem->n_jobs) - 1;
  while (left != 0) {
    size_t longest = 0, place = 0;
    uint64_t longest_cycles = 0, first_end = UINT64_MAX;
    for (size_t j = 0; j < problem->n_jobs; j++) {
      uint64_t shortest = UINT64_MAX;
      for (size_t c = 0; c < problem->n_cores; c++) {
        if (tenancy_can_run(problem, j, c)) {
          shortest = min_u64(shortest, problem->latency_cycles[tenancy_at(problem, j, c)]);
        }
      }
      if ((left >> j & 1) && shortest > longest_cycles) longest = j, longest_cycles = shortest;
    }
    for (size_t c = 0; c < problem->n_cores; c++) {
      const uint64_t end = load[c] + problem->latency_cycles[tenancy_at(problem, longest, c)];
      if (tenancy_can_run(problem, longest, c) && end < first_end) place = c, first_end = end;
    }
    search->queue[place][search->length[place]++] = (uint8_t)longest;
    load[place] = first_end;
    left &= ~(UINT32_C(1) << longest);
  }
  keep_if_better(search, ~(tenancy_cost)0 - 1); /* any cost: what it is, the closed form says */
  search->best_cost = tenancy_evaluate(problem, search->best);
  memset(search->length, 0, sizeof search->length);
}

bool tenancy_exact(const struct tenancy_problem *problem, uint64_t max_nodes, struct arena *arena,
                   struct tenancy_queues *best, tenancy_cost *cost) {
  if (problem->n_jobs > MAX_JOBS || problem->n_cores > MAX_CORES || problem->pred_start != NULL ||
      problem->release_cycles != NULL) {
    return false;
  }
  const struct arena_mark mark = arena_get_mark(arena);
  struct search *search = ARENA_NEW(arena, struct search, 1);
  search->problem = problem;
  search->max_nodes = max_nodes;
  search->best = best;
  search->best_cost = ~(tenancy_cost)0;
  search->n_slots = (size_t)1 << (problem->n_jobs <= SMALL_JOBS ? SMALL_TABLE_BITS : TABLE_BITS);
  search->table = ARENA_NEW(arena, struct seen, search->n_slots);
  start_with_list(search);
  const struct state start = {.left = (UINT32_C(1) << problem->n_jobs) - 1,
                              .open = (UINT32_C(1) << problem->n_cores) - 1};
  const bool proven = search_from(search, start);
  *cost = search->best_cost;
  arena_rewind(arena, mark);
  return proven;
}
