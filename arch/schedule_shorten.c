/* Is there a shorter schedule of a small graph?
 *
 * Depth-first branch and bound over sequences of ops; each op of a sequence starts as early as its predecessors and the
 * first core to come free in each of its classes allow. Every schedule, sorted by starts, is matched or beaten by such
 * a sequence. Three things keep it small:
 * - Branching (Giffler and Thompson 1960): of the ops whose predecessors are placed, let y on its best width finish
 *   first if placed next. Only ops and widths that could start before that finish need be tried next: if all others
 *   start later, y fits in front of them at no cost.
 * - Widths: a wider choice that is no faster is dropped. An op takes, of the cores that are free when it starts, those
 *   that came free last.
 * - Bounds: tails behind earliest starts; and per class, with ops in order of falling tails, the level to which their
 *   least work fills the cores, plus the tail.
 * - Memory: of two states with the same ops placed, one whose cores come free no later and whose finishes that matter
 *   are no later is at least as good. Times before the earliest start that is still possible count as that start.
 * The best completion of a state is defined over all sequences, and each rule keeps one of them, so the rules can be
 * combined. Source: ours, beside the exact model of accelerator-search §7 (schedule_model.c), which shares no code with
 * it. Left out: graphs of more than 64 ops, and of more than 64 cores a class that could all be used. */
#include "arch/schedule_shorten.h"
#include "base/checked.h"
#include "base/error.h"
#include <string.h>

enum { MAX_OPS = SCHEDULE_EXACT_MAX_OPS, MAX_CORES = 64, MOST_MEMORY_ROWS = 1 << 14, MAX_MEMORIES = 1 << 17 };

/* A visited state: what `remember` compares. */
struct memory {
  struct memory *next;
  uint64_t placed;
  uint64_t cycles[];
};

struct state {
  uint64_t placed;                                 /* bit i: op i */
  uint64_t finish_cycles[MAX_OPS];                 /* of placed ops */
  uint64_t core_cycles[N_CORE_CLASSES][MAX_CORES]; /* when cores come free, rising */
  uint8_t width_log2[MAX_OPS];
};

/* What follows from a state for the ops that are not placed. */
struct outlook {
  uint64_t ready_cycles[MAX_OPS], finish_cycles[MAX_OPS]; /* earliest, the latter over all widths */
  uint64_t bound_cycles;
  uint64_t first_start_cycles;  /* the earliest start of any */
  uint64_t first_finish_cycles; /* the earliest finish of any that may be placed next … */
  unsigned first, first_width;  /* … and whose, on which width */
  uint64_t placeable;
};

/* What may be placed next. */
struct branch {
  uint64_t start_cycles, finish_cycles;
  unsigned op, width;
};

struct search {
  unsigned n_ops;
  unsigned n_widths;
  const uint64_t *choices[MAX_OPS]; /* [n_widths]: cycles by width; UINT64_MAX: not to be tried */
  uint64_t cycles[MAX_OPS], work_cycles[MAX_OPS], tail_cycles[MAX_OPS]; /* the first two: least over widths */
  uint64_t preds[MAX_OPS], succs[MAX_OPS];                              /* as bits */
  uint8_t classes[MAX_OPS];
  uint8_t by_tail[MAX_OPS];         /* ops in order of falling tails */
  uint32_t n_cores[N_CORE_CLASSES]; /* no more than could ever be used */
  struct state *states;             /* [n_ops + 1], by depth */
  struct branch *branches;          /* [n_ops * n_ops * n_widths], by depth */
  struct arena *scratch;
  struct memory **memories;
  size_t n_memories, n_rows;                 /* rows: a power of 2 */
  uint64_t n_nodes, max_nodes, least_cycles; /* no schedule is shorter: reaching it ends the search */
  uint64_t best_cycles;
  struct state best;
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
    work_cycles = sat_add(work_cycles, search->work_cycles[op]);
    const uint64_t level_cycles = fill_cores(state->core_cycles[class], search->n_cores[class], work_cycles);
    bound_cycles = max_u64(bound_cycles, sat_add(level_cycles, search->tail_cycles[op]));
  }
  return bound_cycles;
}

static uint64_t earliest_ready(const struct search *search, const struct state *state, const struct outlook *outlook,
                               unsigned op) {
  uint64_t ready_cycles = 0;
  for (uint64_t left = search->preds[op]; left != 0; left &= left - 1) {
    const unsigned pred = (unsigned)__builtin_ctzll(left);
    const bool placed = (state->placed >> pred & 1) != 0;
    ready_cycles = max_u64(ready_cycles, placed ? state->finish_cycles[pred] : outlook->finish_cycles[pred]);
  }
  return ready_cycles;
}

/* When enough cores of all its classes are free. */
static inline uint64_t start_on(const struct search *search, const struct state *state, unsigned op, unsigned width,
                                uint64_t ready_cycles) {
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((search->classes[op] >> c & 1) != 0)
      ready_cycles = max_u64(ready_cycles, state->core_cycles[c][(1U << width) - 1]);
  return ready_cycles;
}

static void look_ahead(const struct search *search, const struct state *state, struct outlook *outlook) {
  outlook->bound_cycles = outlook->placeable = 0;
  outlook->first_start_cycles = outlook->first_finish_cycles = UINT64_MAX;
  outlook->first = outlook->first_width = 0;
  for (unsigned op = 0; op < search->n_ops; op++) {
    if ((state->placed >> op & 1) != 0) continue;
    outlook->ready_cycles[op] = earliest_ready(search, state, outlook, op);
    outlook->finish_cycles[op] = UINT64_MAX;
    const bool placeable = (search->preds[op] & ~state->placed) == 0;
    outlook->placeable |= (uint64_t)placeable << op;
    for (unsigned w = 0; w < search->n_widths; w++) {
      if (search->choices[op][w] == UINT64_MAX) continue;
      const uint64_t start_cycles = start_on(search, state, op, w, outlook->ready_cycles[op]);
      const uint64_t finish_cycles = sat_add(start_cycles, search->choices[op][w]);
      outlook->finish_cycles[op] = min_u64(outlook->finish_cycles[op], finish_cycles);
      if (!placeable) continue;
      outlook->first_start_cycles = min_u64(outlook->first_start_cycles, start_cycles);
      if (outlook->first_finish_cycles > finish_cycles) {
        outlook->first_finish_cycles = finish_cycles;
        outlook->first = op;
        outlook->first_width = w;
      }
    }
    outlook->bound_cycles =
        max_u64(outlook->bound_cycles, sat_add(outlook->finish_cycles[op], search->tail_cycles[op]));
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
  uint64_t cycles[N_CORE_CLASSES * MAX_CORES + MAX_OPS];
  const unsigned n = visible(search, state, first_start_cycles, cycles);
  const uint64_t hash = state->placed * UINT64_C(0x9E3779B97F4A7C15); /* Knuth's multiplicative hashing, 2^64 / φ */
  struct memory **const row = &search->memories[hash >> 32 & (search->n_rows - 1)];
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

static void place(const struct search *search, const struct state *from, const struct branch *branch,
                  struct state *to) {
  const unsigned op = branch->op;
  const uint32_t n_taken = UINT32_C(1) << branch->width;
  *to = *from;
  to->placed |= UINT64_C(1) << op;
  to->finish_cycles[op] = branch->finish_cycles;
  to->width_log2[op] = (uint8_t)branch->width;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if ((search->classes[op] >> c & 1) == 0) continue;
    uint64_t *const core_cycles = to->core_cycles[c];
    uint32_t k = n_taken; /* behind the last core that is free at the start */
    while (k < search->n_cores[c] && core_cycles[k] <= branch->start_cycles) k++;
    for (; k < search->n_cores[c] && core_cycles[k] < branch->finish_cycles; k++)
      core_cycles[k - n_taken] = core_cycles[k];
    for (uint32_t t = 0; t < n_taken; t++) core_cycles[k - n_taken + t] = branch->finish_cycles;
  }
}

static void keep_if_better(struct search *search, const struct state *state) {
  uint64_t makespan_cycles = 0;
  for (unsigned op = 0; op < search->n_ops; op++) makespan_cycles = max_u64(makespan_cycles, state->finish_cycles[op]);
  if (makespan_cycles >= search->best_cycles) return;
  search->best_cycles = makespan_cycles;
  search->improved = true;
  search->best = *state;
}

/* Which of two branches goes first? Earlier start, then more behind it, then earlier finish. */
static bool tried_before(const struct search *search, const struct branch *a, const struct branch *b) {
  if (a->start_cycles != b->start_cycles) return a->start_cycles < b->start_cycles;
  const uint64_t a_cycles = sat_add(search->cycles[a->op], search->tail_cycles[a->op]);
  const uint64_t b_cycles = sat_add(search->cycles[b->op], search->tail_cycles[b->op]);
  if (a_cycles != b_cycles) return a_cycles > b_cycles;
  if (a->op != b->op) return a->op < b->op;
  return a->finish_cycles != b->finish_cycles ? a->finish_cycles < b->finish_cycles : a->width < b->width;
}

/* Branches of a state, in order; their number is returned. */
static unsigned branches_of(const struct search *search, const struct state *state, const struct outlook *outlook,
                            struct branch *branches) {
  unsigned n = 0;
  for (uint64_t left = outlook->placeable; left != 0; left &= left - 1) {
    const unsigned op = (unsigned)__builtin_ctzll(left);
    for (unsigned w = 0; w < search->n_widths; w++) {
      if (search->choices[op][w] == UINT64_MAX) continue;
      const uint64_t start_cycles = start_on(search, state, op, w, outlook->ready_cycles[op]);
      const bool first = op == outlook->first && w == outlook->first_width;
      if (start_cycles >= outlook->first_finish_cycles && !first) continue;
      const struct branch branch = {start_cycles, sat_add(start_cycles, search->choices[op][w]), op, w};
      if (sat_add(branch.finish_cycles, search->tail_cycles[op]) >= search->best_cycles) continue;
      unsigned k = n++;
      for (; k > 0 && tried_before(search, &branch, &branches[k - 1]); k--) branches[k] = branches[k - 1];
      branches[k] = branch;
    }
  }
  return n;
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
  struct branch *const branches = search->branches + (size_t)depth * search->n_ops * search->n_widths;
  const unsigned n = branches_of(search, state, &outlook, branches);
  for (unsigned k = 0; k < n && !search->cut_short && search->best_cycles > search->least_cycles; k++) {
    place(search, state, &branches[k], &search->states[depth + 1]);
    visit(search, depth + 1);
  }
}

/* Cycles by width of every shape, without the widths that do not fit or are no faster than a narrower one. */
static uint64_t *useful_choices(const struct schedule_problem *problem, struct arena *scratch) {
  const unsigned n_widths = problem->n_widths;
  uint64_t *const choices = ARENA_NEW(scratch, uint64_t, problem->graph->n_shapes * n_widths);
  for (size_t s = 0; s < problem->graph->n_shapes; s++) {
    uint32_t n_cores = UINT32_MAX;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((problem->shape_classes[s] >> c & 1) != 0 && problem->n_cores[c] < n_cores) n_cores = problem->n_cores[c];
    uint64_t least_cycles = UINT64_MAX;
    for (unsigned w = 0; w < n_widths; w++) {
      const uint64_t cycles = problem->shape_cycles[s * n_widths + w];
      const bool useful = n_cores >> w > 0 && cycles < least_cycles;
      choices[s * n_widths + w] = useful ? cycles : UINT64_MAX;
      if (useful) least_cycles = cycles;
    }
  }
  return choices;
}

/* False if more cores could be used than a state holds. */
static bool load(struct search *search, const struct schedule_problem *problem, const uint64_t *choices) {
  const struct op_graph *const graph = problem->graph;
  uint32_t n_of_class[N_CORE_CLASSES] = {0};
  for (unsigned i = 0; i < search->n_ops; i++) {
    const uint64_t *const of_op = search->choices[i] = choices + (size_t)graph->ops[i].shape * search->n_widths;
    search->cycles[i] = search->work_cycles[i] = UINT64_MAX;
    uint32_t widest = 0;
    for (unsigned w = 0; w < search->n_widths; w++) {
      if (of_op[w] == UINT64_MAX) continue;
      search->cycles[i] = min_u64(search->cycles[i], of_op[w]);
      search->work_cycles[i] = min_u64(search->work_cycles[i], sat_mul(of_op[w], UINT64_C(1) << w));
      widest = UINT32_C(1) << w;
    }
    search->classes[i] = problem->shape_classes[graph->ops[i].shape];
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) n_of_class[c] += (search->classes[i] >> c & 1) * widest;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      search->preds[i] |= UINT64_C(1) << graph->preds[e];
      search->succs[graph->preds[e]] |= UINT64_C(1) << i;
    }
  }
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    search->n_cores[c] = (uint32_t)min_u64(problem->n_cores[c], n_of_class[c]);
    if (search->n_cores[c] > MAX_CORES) return false;
  }
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
  return true;
}

bool schedule_shorten(const struct schedule_problem *problem, uint64_t max_nodes, uint64_t least_cycles,
                      struct arena *scratch, struct schedule_plan *plan, uint64_t *n_nodes) {
  const struct op_graph *const graph = problem->graph;
  *n_nodes = 0;
  if (plan->makespan_cycles <= least_cycles) return true;
  if (graph->n_ops > MAX_OPS || plan->makespan_cycles == UINT64_MAX) return false;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct search *const search = ARENA_NEW(scratch, struct search, 1);
  search->n_ops = (unsigned)graph->n_ops;
  search->n_widths = problem->n_widths;
  search->scratch = scratch;
  search->max_nodes = max_nodes;
  search->least_cycles = least_cycles;
  search->best_cycles = plan->makespan_cycles;
  search->states = ARENA_NEW(scratch, struct state, graph->n_ops + 1);
  search->branches = ARENA_NEW(scratch, struct branch, graph->n_ops * graph->n_ops * search->n_widths);
  search->n_rows = 64;
  while (search->n_rows < MOST_MEMORY_ROWS && search->n_rows < max_nodes) search->n_rows *= 2;
  search->memories = ARENA_NEW(scratch, struct memory *, search->n_rows);
  bool proven = false;
  if (load(search, problem, useful_choices(problem, scratch))) {
    visit(search, 0);
    proven = !search->cut_short;
  }
  *n_nodes = search->n_nodes;
  if (search->improved) {
    plan->makespan_cycles = search->best_cycles;
    for (size_t i = 0; i < search->n_ops; i++) {
      plan->width_log2[i] = search->best.width_log2[i];
      plan->start_cycles[i] = search->best.finish_cycles[i] - search->choices[i][search->best.width_log2[i]];
    }
  }
  arena_rewind(scratch, mark);
  return proven;
}
