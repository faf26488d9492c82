/* What is the shortest schedule of a small graph?
 *
 * Depth-first branch and bound over sequences of ops; each op of a sequence starts as early as its predecessors and the
 * first core to come free in each of its classes allow. Every schedule, sorted by starts, is matched or beaten by such
 * a sequence. Three things keep it small:
 * - Branching (Giffler and Thompson 1960): of the ops whose predecessors are placed, let y finish first if placed next.
 *   Only ops that could start before that finish need be tried next: if all others start later, y fits in front of them
 *   at no cost.
 * - Bounds: tails behind earliest starts; and per class, with ops in order of falling tails, the level to which their
 *   work fills the cores, plus the tail.
 * - Memory: of two states with the same ops placed, one whose cores come free no later and whose finishes that matter
 *   are no later is at least as good. Times before the earliest start that is still possible count as that start.
 * The best completion of a state is defined over all sequences, and each rule keeps one of them, so the rules can be
 * combined. Source: ours, in place of the exact model of accelerator-search §7 for graphs of up to some 30 ops. Left
 * out: spreading over several cores. */
#include "arch/schedule_exact.h"
#include "arch/schedule_cores.h"
#include "base/checked.h"
#include "base/error.h"
#include <string.h>

enum { MAX_OPS = SCHEDULE_EXACT_MAX_OPS, MEMORY_ROWS = 1 << 14, MAX_MEMORIES = 1 << 17 };

/* A visited state: what `remember` compares. */
struct memory {
  struct memory *next;
  uint64_t placed;
  uint64_t cycles[];
};

struct state {
  uint64_t placed;                               /* bit i: op i */
  uint64_t finish_cycles[MAX_OPS];               /* of placed ops */
  uint64_t core_cycles[N_CORE_CLASSES][MAX_OPS]; /* when cores come free, rising */
};

/* What follows from a state for the ops that are not placed. */
struct outlook {
  uint64_t earliest_cycles[MAX_OPS];
  uint64_t bound_cycles;
  uint64_t first_start_cycles;  /* the earliest start of any */
  uint64_t first_finish_cycles; /* the earliest finish of any that may be placed next … */
  unsigned first;               /* … and whose */
  uint64_t placeable;
};

struct search {
  unsigned n_ops;
  uint64_t cycles[MAX_OPS], tail_cycles[MAX_OPS];
  uint64_t preds[MAX_OPS], succs[MAX_OPS]; /* as bits */
  uint8_t classes[MAX_OPS];
  uint8_t by_tail[MAX_OPS];         /* ops in order of falling tails */
  uint32_t n_cores[N_CORE_CLASSES]; /* no more than ops */
  struct state *states;             /* [n_ops + 1], by depth */
  struct arena *scratch;
  struct memory **memories;
  size_t n_memories;
  uint64_t n_nodes, max_nodes, least_cycles; /* no schedule is shorter: reaching it ends the search */
  uint64_t best_cycles;
  uint64_t best_finish_cycles[MAX_OPS];
  bool improved, cut_short;
};

/* The level to which `work` fills cores that come free at the given times: the least over j of using the first j. */
static uint64_t fill_cores(const uint64_t *core_cycles, uint32_t n_cores, uint64_t work_cycles) {
  uint64_t level_cycles = UINT64_MAX, total_cycles = work_cycles;
  for (uint32_t j = 0; j < n_cores; j++) {
    total_cycles = sat_add(total_cycles, core_cycles[j]);
    level_cycles = min_u64(level_cycles, ceil_div(total_cycles, j + 1));
  }
  return level_cycles;
}

static uint64_t class_bound(const struct search *search, const struct state *state, unsigned class) {
  uint64_t bound_cycles = 0, work_cycles = 0;
  for (unsigned k = 0; k < search->n_ops; k++) {
    const unsigned op = search->by_tail[k];
    if ((state->placed >> op & 1) != 0 || (search->classes[op] >> class & 1) == 0) continue;
    work_cycles = sat_add(work_cycles, search->cycles[op]);
    const uint64_t level_cycles = fill_cores(state->core_cycles[class], search->n_cores[class], work_cycles);
    bound_cycles = max_u64(bound_cycles, sat_add(level_cycles, search->tail_cycles[op]));
  }
  return bound_cycles;
}

static uint64_t earliest_start(const struct search *search, const struct state *state, const struct outlook *outlook,
                               unsigned op) {
  uint64_t start_cycles = 0;
  for (uint64_t left = search->preds[op]; left != 0; left &= left - 1) {
    const unsigned pred = (unsigned)__builtin_ctzll(left);
    const uint64_t finish_cycles = (state->placed >> pred & 1) != 0
                                       ? state->finish_cycles[pred]
                                       : sat_add(outlook->earliest_cycles[pred], search->cycles[pred]);
    start_cycles = max_u64(start_cycles, finish_cycles);
  }
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((search->classes[op] >> c & 1) != 0) start_cycles = max_u64(start_cycles, state->core_cycles[c][0]);
  return start_cycles;
}

static void look_ahead(const struct search *search, const struct state *state, struct outlook *outlook) {
  outlook->bound_cycles = outlook->placeable = 0;
  outlook->first_start_cycles = outlook->first_finish_cycles = UINT64_MAX;
  outlook->first = 0;
  for (unsigned op = 0; op < search->n_ops; op++) {
    if ((state->placed >> op & 1) != 0) continue;
    const uint64_t start_cycles = outlook->earliest_cycles[op] = earliest_start(search, state, outlook, op);
    const uint64_t finish_cycles = sat_add(start_cycles, search->cycles[op]);
    outlook->bound_cycles = max_u64(outlook->bound_cycles, sat_add(finish_cycles, search->tail_cycles[op]));
    if ((search->preds[op] & ~state->placed) != 0) continue;
    outlook->placeable |= UINT64_C(1) << op;
    outlook->first_start_cycles = min_u64(outlook->first_start_cycles, start_cycles);
    if (outlook->first_finish_cycles > finish_cycles) {
      outlook->first_finish_cycles = finish_cycles;
      outlook->first = op;
    }
  }
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    outlook->bound_cycles = max_u64(outlook->bound_cycles, class_bound(search, state, c));
}

/* Writes what later ops can see of a state; the number of values depends on the placed ops alone. */
static unsigned visible(const struct search *search, const struct state *state, uint64_t first_start_cycles,
                        uint64_t *cycles) {
  unsigned n = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    for (uint32_t k = 0; k < search->n_cores[c]; k++)
      cycles[n++] = max_u64(state->core_cycles[c][k], first_start_cycles);
  for (unsigned op = 0; op < search->n_ops; op++)
    if ((state->placed >> op & 1) != 0 && (search->succs[op] & ~state->placed) != 0)
      cycles[n++] = max_u64(state->finish_cycles[op], first_start_cycles);
  return n;
}

/* Is a state at least as good as this one known? If not, this one is remembered. */
static bool remember(struct search *search, const struct state *state, uint64_t first_start_cycles) {
  uint64_t cycles[(N_CORE_CLASSES + 1) * MAX_OPS];
  const unsigned n = visible(search, state, first_start_cycles, cycles);
  const uint64_t hash = state->placed * UINT64_C(0x9E3779B97F4A7C15); /* Knuth's multiplicative hashing, 2^64 / φ */
  struct memory **const row = &search->memories[hash >> 32 & (MEMORY_ROWS - 1)];
  for (const struct memory *memory = *row; memory != NULL; memory = memory->next) {
    if (memory->placed != state->placed) continue;
    unsigned k = 0;
    while (k < n && memory->cycles[k] <= cycles[k]) k++;
    if (k == n) return true;
  }
  if (search->n_memories == MAX_MEMORIES) return false;
  struct memory *const memory = arena_alloc(search->scratch, 1, sizeof *memory + n * sizeof *cycles);
  memory->placed = state->placed;
  memcpy(memory->cycles, cycles, n * sizeof *cycles);
  memory->next = *row;
  *row = memory;
  search->n_memories++;
  return false;
}

static void place(const struct search *search, const struct state *from, unsigned op, uint64_t start_cycles,
                  struct state *to) {
  *to = *from;
  to->placed |= UINT64_C(1) << op;
  const uint64_t finish_cycles = to->finish_cycles[op] = sat_add(start_cycles, search->cycles[op]);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if ((search->classes[op] >> c & 1) == 0) continue;
    uint64_t *const core_cycles = to->core_cycles[c];
    uint32_t k = 0; /* the first core gets a new time and moves to its place in the order */
    for (; k + 1 < search->n_cores[c] && core_cycles[k + 1] < finish_cycles; k++) core_cycles[k] = core_cycles[k + 1];
    core_cycles[k] = finish_cycles;
  }
}

static void keep_if_better(struct search *search, const struct state *state) {
  uint64_t makespan_cycles = 0;
  for (unsigned op = 0; op < search->n_ops; op++) makespan_cycles = max_u64(makespan_cycles, state->finish_cycles[op]);
  if (makespan_cycles >= search->best_cycles) return;
  search->best_cycles = makespan_cycles;
  search->improved = true;
  memcpy(search->best_finish_cycles, state->finish_cycles, sizeof search->best_finish_cycles);
}

/* Of two candidates, does op a go first? Earlier start, then more behind it. */
static bool tried_before(const struct search *search, const struct outlook *outlook, unsigned a, unsigned b) {
  if (outlook->earliest_cycles[a] != outlook->earliest_cycles[b])
    return outlook->earliest_cycles[a] < outlook->earliest_cycles[b];
  const uint64_t a_cycles = sat_add(search->cycles[a], search->tail_cycles[a]);
  const uint64_t b_cycles = sat_add(search->cycles[b], search->tail_cycles[b]);
  return a_cycles != b_cycles ? a_cycles > b_cycles : a < b;
}

static void visit(struct search *search, unsigned depth) {
  const struct state *const state = &search->states[depth];
  if (depth == search->n_ops) {
    keep_if_better(search, state);
    return;
  }
  if (search->n_nodes == search->max_nodes) {
    search->cut_short = true;
    return;
  }
  search->n_nodes++;
  struct outlook outlook;
  look_ahead(search, state, &outlook);
  if (outlook.bound_cycles >= search->best_cycles) return;
  if (remember(search, state, outlook.first_start_cycles)) return;
  unsigned order[MAX_OPS], n = 0;
  for (uint64_t left = outlook.placeable; left != 0; left &= left - 1) {
    const unsigned op = (unsigned)__builtin_ctzll(left);
    if (outlook.earliest_cycles[op] >= outlook.first_finish_cycles && op != outlook.first) continue;
    unsigned k = n++;
    for (; k > 0 && tried_before(search, &outlook, op, order[k - 1]); k--) order[k] = order[k - 1];
    order[k] = op;
  }
  for (unsigned k = 0; k < n && !search->cut_short && search->best_cycles > search->least_cycles; k++) {
    place(search, state, order[k], outlook.earliest_cycles[order[k]], &search->states[depth + 1]);
    visit(search, depth + 1);
  }
}

static void load(struct search *search, const struct schedule_problem *problem) {
  const struct op_graph *const graph = problem->graph;
  uint32_t n_of_class[N_CORE_CLASSES] = {0};
  for (unsigned i = 0; i < search->n_ops; i++) {
    search->cycles[i] = problem->shape_cycles[graph->ops[i].shape];
    search->classes[i] = problem->shape_classes[graph->ops[i].shape];
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) n_of_class[c] += search->classes[i] >> c & 1;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      search->preds[i] |= UINT64_C(1) << graph->preds[e];
      search->succs[graph->preds[e]] |= UINT64_C(1) << i;
    }
  }
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    search->n_cores[c] = (uint32_t)min_u64(problem->n_cores[c], n_of_class[c]);
  for (unsigned i = search->n_ops; i-- > 0;)
    for (uint64_t left = search->succs[i]; left != 0; left &= left - 1) {
      const unsigned succ = (unsigned)__builtin_ctzll(left);
      search->tail_cycles[i] =
          max_u64(search->tail_cycles[i], sat_add(search->cycles[succ], search->tail_cycles[succ]));
    }
  for (unsigned i = 0; i < search->n_ops; i++) {
    unsigned k = i;
    for (; k > 0 && search->tail_cycles[search->by_tail[k - 1]] < search->tail_cycles[i]; k--)
      search->by_tail[k] = search->by_tail[k - 1];
    search->by_tail[k] = (uint8_t)i;
  }
}

bool schedule_exact(const struct schedule_problem *problem, uint64_t max_nodes, struct arena *scratch,
                    struct arena *arena, struct schedule *schedule, uint64_t *n_nodes) {
  const struct op_graph *const graph = problem->graph;
  const struct arena_mark mark = arena_get_mark(scratch);
  uint64_t *const cycles = ARENA_NEW(scratch, uint64_t, graph->n_shapes);
  for (size_t s = 0; s < graph->n_shapes; s++) cycles[s] = problem->shape_cycles[s * problem->n_widths];
  struct schedule_problem narrow = *problem;
  narrow.shape_cycles = cycles;
  narrow.n_widths = 1;
  schedule_build(&narrow, scratch, arena, true, schedule);
  memset(schedule->delay_cycles, 0, sizeof schedule->delay_cycles);
  memset(schedule->delay_op_cycles, 0, graph->n_ops * sizeof *schedule->delay_op_cycles);
  *n_nodes = 0;
  bool proven = false;
  if (graph->n_ops <= MAX_OPS && schedule->makespan_cycles < UINT64_MAX) {
    struct search *const search = ARENA_NEW(scratch, struct search, 1);
    enum schedule_bound_kind kind;
    search->n_ops = (unsigned)graph->n_ops;
    search->scratch = scratch;
    search->max_nodes = max_nodes;
    search->least_cycles = schedule_lower_bound(&narrow, scratch, &kind);
    search->best_cycles = schedule->makespan_cycles;
    search->states = ARENA_NEW(scratch, struct state, graph->n_ops + 1);
    search->memories = ARENA_NEW(scratch, struct memory *, MEMORY_ROWS);
    load(search, &narrow);
    if (search->best_cycles > search->least_cycles) visit(search, 0);
    proven = !search->cut_short;
    *n_nodes = search->n_nodes;
    if (search->improved) {
      schedule->makespan_cycles = search->best_cycles;
      for (size_t i = 0; i < graph->n_ops; i++) {
        schedule->finish_cycles[i] = search->best_finish_cycles[i];
        schedule->start_cycles[i] = search->best_finish_cycles[i] - search->cycles[i];
      }
      schedule_assign_cores(problem, scratch, arena, schedule);
    }
  }
  arena_rewind(scratch, mark);
  return proven;
}
