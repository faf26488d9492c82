/* Which schedules from scratch are worth improving?
 *
 * Widths first, then an order, as in two-phase algorithms for malleable tasks (Turek, Wolf and Yu 1992; Ludwig and
 * Tiwari 1994): the makespan is at least the critical path and at least the work per core, wider ops shorten the one
 * and lengthen the other.
 * - Caps: one bound on widths for each class of cores. With wide caps ops run more or less one after the other on all
 *   cores, which is what the list's sharing of cores is worst at.
 * - Growth (critical path and area, Radulescu and van Gemund 2001): from one core each, the critical op that saves most
 *   time for its work gets wider, until none can. What balances path and work best packs badly where wide ops keep
 *   others from running beside them, so widths somewhat before and behind are of interest too.
 * Orders: by latest start, the list scheduler's way, and by latest finish (the best single rule of Kolisch 1996), from
 * the beginning and from the end. Where a long op competes with a short one that much depends on, they differ in which
 * of the two waits. Left out: what improvement does (schedule_improve.c). */
#include "arch/schedule_starts.h"
#include "base/checked.h"

/* --- orders ---------------------------------------------------------------------------------------------------------
 */

/* Longest paths from each op, itself included, to the end, or from the beginning: the longest is returned. */
static uint64_t find_paths(const struct placer *placer, const uint8_t *width_log2, bool backward,
                           uint64_t *path_cycles) {
  const struct op_graph *const graph = placer->problem->graph;
  const uint32_t *const row = backward ? graph->pred_start : graph->succ_start;
  const uint32_t *const beyond = backward ? graph->preds : graph->succs;
  uint64_t longest_cycles = 0;
  for (size_t k = 0; k < placer->n_ops; k++) {
    const size_t i = backward ? k : placer->n_ops - 1 - k;
    uint64_t beyond_cycles = 0;
    for (uint32_t e = row[i]; e < row[i + 1]; e++) beyond_cycles = max_u64(beyond_cycles, path_cycles[beyond[e]]);
    path_cycles[i] = beyond_cycles + placer_cycles(placer, i, width_log2[i]);
    longest_cycles = max_u64(longest_cycles, path_cycles[i]);
  }
  return longest_cycles;
}

bool start_place(struct placer *placer, enum start_rule rule, uint64_t limit_cycles, struct schedule_plan *plan) {
  const bool backward = rule == START_BACK_BY_START || rule == START_BACK_BY_FINISH;
  const bool by_finish = rule == START_BY_FINISH || rule == START_BACK_BY_FINISH;
  const size_t n = placer->n_ops;
  uint64_t *const path_cycles = plan->start_cycles;
  const uint64_t longest_cycles = find_paths(placer, plan->width_log2, backward, path_cycles);
  for (size_t k = 0; k < n; k++) {
    const size_t i = backward ? n - 1 - k : k;
    const uint64_t own_cycles = by_finish ? placer_cycles(placer, i, plan->width_log2[i]) : 0;
    placer->order[k] = (struct placer_entry){longest_cycles - (path_cycles[i] - own_cycles), (uint32_t)i};
  }
  placer_sort_coarsely(placer, longest_cycles);
  const uint64_t makespan_cycles = placer_place(placer, plan->width_log2, backward, limit_cycles);
  if (makespan_cycles > limit_cycles) return false;
  plan->makespan_cycles = makespan_cycles;
  for (size_t i = 0; i < n; i++)
    plan->start_cycles[i] = backward ? makespan_cycles - placer->finish_cycles[i]
                                     : placer->finish_cycles[i] - placer_cycles(placer, i, plan->width_log2[i]);
  if (backward) placer_reverse(placer);
  return true;
}

/* --- caps -----------------------------------------------------------------------------------------------------------
 */

void start_capped_widths(const struct placer *placer, const unsigned *caps, uint8_t *width_log2) {
  for (size_t i = 0; i < placer->n_ops; i++) {
    const unsigned classes = placer->problem->shape_classes[placer->shapes[i]];
    unsigned cap = SCHEDULE_MAX_WIDTHS;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((classes >> c & 1) != 0 && caps[c] < cap) cap = caps[c];
    const unsigned choices = placer_choices(placer, i) & ((2U << cap) - 1);
    width_log2[i] = (uint8_t)(31 - __builtin_clz(choices)); /* one core is always a choice */
  }
}

/* --- growth ---------------------------------------------------------------------------------------------------------
 */

/* The next wider choice of an op; 0 if there is none. */
static unsigned wider(const struct placer *placer, size_t op, unsigned width) {
  const unsigned choices = placer_choices(placer, op) >> (width + 1);
  return choices == 0 ? 0 : width + 1 + (unsigned)__builtin_ctz(choices);
}

/* Core-cycles, which may outgrow whole numbers. */
static double work(const struct placer *placer, size_t op, unsigned width) {
  return (double)placer_cycles(placer, op, width) * (double)(1U << width);
}

struct growing {
  const struct placer *placer;
  uint8_t *width_log2;
  uint64_t *top_cycles, *bottom_cycles; /* longest paths to the op's finish and from its start */
  double load[N_CORE_CLASSES];          /* work per core */
};

static void add_load(struct growing *growing, size_t op, double work_cycles) {
  const struct schedule_problem *const problem = growing->placer->problem;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((problem->shape_classes[growing->placer->shapes[op]] >> c & 1) != 0)
      growing->load[c] += work_cycles / (double)problem->n_cores[c];
}

/* Cycles saved for each core-cycle spent; what costs nothing comes first. */
static double worth(const struct growing *growing, size_t op, unsigned from, unsigned to) {
  const struct placer *const placer = growing->placer;
  const struct schedule_problem *const problem = placer->problem;
  const double saved_cycles = (double)(placer_cycles(placer, op, from) - placer_cycles(placer, op, to));
  double spent_cycles = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((problem->shape_classes[placer->shapes[op]] >> c & 1) != 0)
      spent_cycles += (work(placer, op, to) - work(placer, op, from)) / (double)problem->n_cores[c];
  return spent_cycles > 0 ? saved_cycles / spent_cycles : 1e30 + saved_cycles;
}

/* The critical op that is most worth widening; n_ops if none can be. */
static size_t pick(const struct growing *growing, uint64_t path_cycles) {
  const struct placer *const placer = growing->placer;
  size_t best = placer->n_ops;
  double most = 0;
  for (size_t i = 0; i < placer->n_ops; i++) {
    const unsigned from = growing->width_log2[i], to = wider(placer, i, from);
    const uint64_t through_cycles = growing->top_cycles[i] + growing->bottom_cycles[i] - placer_cycles(placer, i, from);
    if (to == 0 || through_cycles < path_cycles) continue;
    const double value = worth(growing, i, from, to);
    if (best < placer->n_ops && value <= most) continue;
    best = i;
    most = value;
  }
  return best;
}

void start_grow(const struct placer *placer, struct arena *scratch, struct start_growth *growth) {
  const size_t n = placer->n_ops;
  struct growing growing = {.placer = placer,
                            .width_log2 = ARENA_NEW(scratch, uint8_t, n),
                            .top_cycles = ARENA_NEW(scratch, uint64_t, n),
                            .bottom_cycles = ARENA_NEW(scratch, uint64_t, n)};
  *growth = (struct start_growth){.steps = ARENA_NEW(scratch, uint32_t, n * placer->problem->n_widths)};
  for (size_t i = 0; i < n; i++) add_load(&growing, i, work(placer, i, 0));
  for (double least = 0;;) {
    const uint64_t path_cycles = find_paths(placer, growing.width_log2, true, growing.top_cycles);
    find_paths(placer, growing.width_log2, false, growing.bottom_cycles);
    double bound_cycles = (double)path_cycles;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if (growing.load[c] > bound_cycles) bound_cycles = growing.load[c];
    if (growth->n_steps == 0 || bound_cycles < least) {
      least = bound_cycles;
      growth->n_balanced = growth->n_steps;
    }
    const size_t op = pick(&growing, path_cycles);
    if (op == n) break;
    const unsigned from = growing.width_log2[op], to = wider(placer, op, from);
    add_load(&growing, op, work(placer, op, to) - work(placer, op, from));
    growing.width_log2[op] = (uint8_t)to;
    growth->steps[growth->n_steps++] = (uint32_t)op;
  }
}

void start_grown_widths(const struct placer *placer, const struct start_growth *growth, size_t n_steps,
                        uint8_t *width_log2) {
  for (size_t i = 0; i < placer->n_ops; i++) width_log2[i] = 0;
  for (size_t k = 0; k < n_steps; k++) {
    uint8_t *const width = &width_log2[growth->steps[k]];
    *width = (uint8_t)wider(placer, growth->steps[k], *width);
  }
}
