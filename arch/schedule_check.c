/* Is this schedule one? (accelerator-search §6, "schedule_check, separate code")
 *
 * Reads the detailed schedule as a claim: each op once, on existing cores of its classes, as many as its width says,
 * for as long as the costs say, after its predecessors, no core in two places, makespan and busy times as claimed. It
 * shares no code with what makes schedules, so it sorts all occupations of all cores and looks at neighbours. Left out:
 * memory in use, which is the stage's, and the annotations, which explain a schedule but do not make it one. */
#include "arch/schedule_check.h"
#include "base/checked.h"
#include <inttypes.h>
#include <stdlib.h>

enum { MAX_MESSAGES = 20 };

struct judge {
  const struct schedule_problem *problem;
  const struct schedule *schedule;
  struct error *error;
  unsigned n_violations;
};

/* One op on one core. */
struct occupation {
  uint32_t class, core, op;
  uint64_t start_cycles, finish_cycles;
};

static const char *const class_names[N_CORE_CLASSES] = {"tensor", "vector", "link"};

static void violation(struct judge *judge, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void violation(struct judge *judge, const char *format, ...) {
  if (judge->n_violations++ >= MAX_MESSAGES) return;
  va_list arguments;
  va_start(arguments, format);
  error_addv(judge->error, STATUS_INPUT, format, arguments);
  va_end(arguments);
}

static bool needs_class(const struct judge *judge, size_t op, unsigned class) {
  return (judge->problem->shape_classes[judge->problem->graph->ops[op].shape] & 1U << class) != 0;
}

static bool has_all_arrays(struct judge *judge) {
  const struct schedule *const schedule = judge->schedule;
  bool all = schedule->start_cycles != NULL && schedule->finish_cycles != NULL && schedule->width_log2 != NULL;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    all = all && schedule->core[c] != NULL && schedule->core_list[c] != NULL && schedule->core_list_start[c] != NULL;
  if (!all) violation(judge, "schedule: some array per op is missing, the judge needs a detailed schedule");
  return all;
}

/* Returns the cycles that the op should take, UINT64_MAX if its width is not allowed. */
static uint64_t costed_cycles(const struct judge *judge, size_t op) {
  const unsigned width = judge->schedule->width_log2[op];
  if (width >= judge->problem->n_widths) return UINT64_MAX;
  return judge->problem->shape_cycles[(size_t)judge->problem->graph->ops[op].shape * judge->problem->n_widths + width];
}

static void check_times(struct judge *judge) {
  const struct op_graph *const graph = judge->problem->graph;
  const struct schedule *const schedule = judge->schedule;
  uint64_t last_finish_cycles = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    const uint64_t start_cycles = schedule->start_cycles[i], finish_cycles = schedule->finish_cycles[i];
    const uint64_t cycles = costed_cycles(judge, i);
    uint64_t due_cycles;
    if (cycles == UINT64_MAX) {
      violation(judge, "op %zu: width 2^%u is not allowed", i, (unsigned)schedule->width_log2[i]);
    } else if (!checked_add(start_cycles, cycles, &due_cycles)) {
      violation(judge, "op %zu: starts at %" PRIu64 " and takes %" PRIu64 " cycles, which does not fit", i,
                start_cycles, cycles);
    } else if (finish_cycles != due_cycles) {
      violation(judge, "op %zu: finishes at %" PRIu64 ", but starts at %" PRIu64 " and takes %" PRIu64 " cycles", i,
                finish_cycles, start_cycles, cycles);
    }
    if (finish_cycles > last_finish_cycles) last_finish_cycles = finish_cycles;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++) {
      const uint32_t before = graph->preds[e];
      if (schedule->finish_cycles[before] > start_cycles)
        violation(judge, "op %zu: starts at %" PRIu64 " before its predecessor %" PRIu32 " finishes at %" PRIu64, i,
                  start_cycles, before, schedule->finish_cycles[before]);
    }
  }
  if (schedule->makespan_cycles != last_finish_cycles)
    violation(judge, "schedule: makespan %" PRIu64 ", but the last op finishes at %" PRIu64, schedule->makespan_cycles,
              last_finish_cycles);
}

static bool check_core_counts(struct judge *judge, unsigned class) {
  const struct schedule *const schedule = judge->schedule;
  const uint32_t *const row = schedule->core_list_start[class];
  const unsigned n_before = judge->n_violations;
  if (row[0] != 0) violation(judge, "schedule: the list of %s cores does not start at 0", class_names[class]);
  for (size_t i = 0; i < judge->problem->graph->n_ops; i++) {
    const bool wide = schedule->width_log2[i] >= 32; /* reported with the times */
    const uint64_t n_due = !needs_class(judge, i, class) ? 0
                           : wide                        ? UINT64_MAX
                                                         : UINT64_C(1) << schedule->width_log2[i];
    if (row[i + 1] < row[i] || row[i + 1] - row[i] != n_due)
      violation(judge, "op %zu: has %" PRId64 " %s cores, its class and width ask for %" PRIu64, i,
                (int64_t)row[i + 1] - (int64_t)row[i], class_names[class], n_due);
  }
  return judge->n_violations == n_before;
}

static void check_core_ids(struct judge *judge, unsigned class) {
  const struct schedule *const schedule = judge->schedule;
  const uint32_t *const row = schedule->core_list_start[class];
  for (size_t i = 0; i < judge->problem->graph->n_ops; i++) {
    uint32_t lowest = UINT32_MAX;
    for (uint32_t e = row[i]; e < row[i + 1]; e++) {
      const uint32_t core = schedule->core_list[class][e];
      if (core < lowest) lowest = core;
      if (core >= judge->problem->n_cores[class])
        violation(judge, "op %zu: runs on %s core %" PRIu32 ", there are %" PRIu32, i, class_names[class], core,
                  judge->problem->n_cores[class]);
    }
    if (schedule->core[class][i] != lowest)
      violation(judge, "op %zu: its first %s core is said to be %" PRIu32 ", the list says %" PRIu32, i,
                class_names[class], schedule->core[class][i], lowest);
  }
}

static int compare_occupations(const void *left, const void *right) {
  const struct occupation *const a = left, *const b = right;
  if (a->class != b->class) return a->class < b->class ? -1 : 1;
  if (a->core != b->core) return a->core < b->core ? -1 : 1;
  if (a->start_cycles != b->start_cycles) return a->start_cycles < b->start_cycles ? -1 : 1;
  if (a->finish_cycles != b->finish_cycles) return a->finish_cycles < b->finish_cycles ? -1 : 1;
  return a->op < b->op ? -1 : a->op > b->op;
}

/* Two occupations of a core may touch but not overlap; one op may not be on a core twice. */
static void check_overlaps(struct judge *judge, struct arena *scratch) {
  const struct schedule *const schedule = judge->schedule;
  const size_t n_ops = judge->problem->graph->n_ops;
  size_t n = 0, n_max = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) n_max += schedule->core_list_start[c][n_ops];
  struct occupation *const occupations = ARENA_NEW(scratch, struct occupation, n_max);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    for (size_t i = 0; i < n_ops; i++)
      for (uint32_t e = schedule->core_list_start[c][i]; e < schedule->core_list_start[c][i + 1]; e++)
        occupations[n++] = (struct occupation){c, schedule->core_list[c][e], (uint32_t)i, schedule->start_cycles[i],
                                               schedule->finish_cycles[i]};
  if (n > 0) qsort(occupations, n, sizeof *occupations, compare_occupations);
  for (size_t k = 1; k < n; k++) {
    const struct occupation *const a = &occupations[k - 1], *const b = &occupations[k];
    if (a->class != b->class || a->core != b->core) continue;
    if (a->op == b->op) {
      violation(judge, "op %" PRIu32 ": is twice on %s core %" PRIu32, a->op, class_names[a->class], a->core);
    } else if (b->start_cycles < a->finish_cycles) {
      violation(judge,
                "op %" PRIu32 ": starts on %s core %" PRIu32 " at %" PRIu64 ", which op %" PRIu32 " leaves at %" PRIu64,
                b->op, class_names[b->class], b->core, b->start_cycles, a->op, a->finish_cycles);
    }
  }
}

static void check_busy(struct judge *judge) {
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    uint64_t busy_cycles = 0;
    for (size_t i = 0; i < judge->problem->graph->n_ops; i++) {
      const uint64_t cycles = costed_cycles(judge, i);
      if (needs_class(judge, i, c) && cycles != UINT64_MAX)
        busy_cycles = sat_add(busy_cycles, sat_mul(cycles, UINT64_C(1) << judge->schedule->width_log2[i]));
    }
    if (busy_cycles != judge->schedule->busy_cycles[c])
      violation(judge, "schedule: %s cores are said to be busy for %" PRIu64 " cycles, the ops take %" PRIu64,
                class_names[c], judge->schedule->busy_cycles[c], busy_cycles);
  }
}

bool schedule_check(const struct schedule_problem *problem, const struct schedule *schedule, struct arena *scratch,
                    struct error *error) {
  struct judge judge = {.problem = problem, .schedule = schedule, .error = error};
  if (!has_all_arrays(&judge)) return false;
  check_times(&judge);
  check_busy(&judge);
  bool counts_right = true;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) counts_right = check_core_counts(&judge, c) && counts_right;
  if (counts_right) { /* else the lists cannot be walked */
    const struct arena_mark mark = arena_get_mark(scratch);
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) check_core_ids(&judge, c);
    check_overlaps(&judge, scratch);
    arena_rewind(scratch, mark);
  }
  return judge.n_violations == 0;
}
