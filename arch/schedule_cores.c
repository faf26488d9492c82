/* Which of the cores of a class does each op get, once the times are known?
 *
 * Greedy interval assignment: ops in order of their starts, each takes free ids. As ids are alike, any free one will do
 * and the greedy never runs short when the times respect the counts. An op prefers the cores of the forward op that it
 * mirrors (accelerator-search §6), which may still hold what it needs. Left out: index-matched pairs. */
#include "arch/schedule_cores.h"
#include "base/checked.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

struct interval {
  uint64_t start_cycles, finish_cycles;
  uint32_t op;
  bool mirrors;
};

struct assignment {
  const struct schedule_problem *problem;
  struct schedule *schedule;
  uint64_t *free_bits;        /* bit i: core i of the class at hand is free */
  size_t n_words, first_word; /* no bit is set below first_word */
  size_t *held;               /* running ops, as a heap by finish: indices into `intervals` */
  size_t n_held;
  const struct interval *intervals;
};

/* Ops of no duration go before others that start with them: they need their cores for that instant only. Then come
 * those with a mirror, before others can take its cores. */
static int compare_intervals(const void *left, const void *right) {
  const struct interval *const a = left, *const b = right;
  if (a->start_cycles != b->start_cycles) return a->start_cycles < b->start_cycles ? -1 : 1;
  const bool a_lasts = a->finish_cycles > a->start_cycles, b_lasts = b->finish_cycles > b->start_cycles;
  if (a_lasts != b_lasts) return a_lasts ? 1 : -1;
  if (a->mirrors != b->mirrors) return a->mirrors ? -1 : 1;
  return a->op < b->op ? -1 : a->op > b->op;
}

static void set_free(struct assignment *assignment, uint32_t core) {
  assignment->free_bits[core / 64] |= UINT64_C(1) << core % 64;
  if (core / 64 < assignment->first_word) assignment->first_word = core / 64;
}

static bool take_if_free(struct assignment *assignment, uint32_t core) {
  const uint64_t bit = UINT64_C(1) << core % 64;
  const bool is_free = (assignment->free_bits[core / 64] & bit) != 0;
  assignment->free_bits[core / 64] &= ~bit;
  return is_free;
}

static uint32_t take_lowest(struct assignment *assignment) {
  while (assignment->first_word < assignment->n_words && assignment->free_bits[assignment->first_word] == 0)
    assignment->first_word++;
  REQUIRE(assignment->first_word < assignment->n_words); /* the times need more cores than there are */
  uint64_t *const word = &assignment->free_bits[assignment->first_word];
  const uint32_t core = (uint32_t)(64 * assignment->first_word) + (uint32_t)__builtin_ctzll(*word);
  *word &= *word - 1;
  return core;
}

static uint64_t finish_of_held(const struct assignment *assignment, size_t i) {
  return assignment->intervals[assignment->held[i]].finish_cycles;
}

static void hold(struct assignment *assignment, size_t interval) {
  size_t place = assignment->n_held++;
  const uint64_t finish_cycles = assignment->intervals[interval].finish_cycles;
  for (; place > 0 && finish_cycles < finish_of_held(assignment, (place - 1) / 2); place = (place - 1) / 2)
    assignment->held[place] = assignment->held[(place - 1) / 2];
  assignment->held[place] = interval;
}

static void drop_first_held(struct assignment *assignment) {
  const size_t n = --assignment->n_held, last = assignment->held[n];
  size_t place = 0;
  for (size_t child = 1; child < n; child = 2 * place + 1) {
    if (child + 1 < n && finish_of_held(assignment, child + 1) < finish_of_held(assignment, child)) child++;
    if (assignment->intervals[last].finish_cycles <= finish_of_held(assignment, child)) break;
    assignment->held[place] = assignment->held[child];
    place = child;
  }
  assignment->held[place] = last;
}

static void free_finished(struct assignment *assignment, unsigned class, uint64_t now_cycles) {
  const struct schedule *const schedule = assignment->schedule;
  while (assignment->n_held > 0 && finish_of_held(assignment, 0) <= now_cycles) {
    const uint32_t op = assignment->intervals[assignment->held[0]].op;
    for (uint32_t e = schedule->core_list_start[class][op]; e < schedule->core_list_start[class][op + 1]; e++)
      set_free(assignment, schedule->core_list[class][e]);
    drop_first_held(assignment);
  }
}

static int compare_ids(const void *left, const void *right) {
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

/* Ids of one op's cores, in increasing order. */
static void give_cores(struct assignment *assignment, unsigned class, uint32_t op) {
  const struct schedule *const schedule = assignment->schedule;
  const uint32_t *const row = schedule->core_list_start[class];
  uint32_t *const ids = schedule->core_list[class] + row[op];
  const uint32_t n_wanted = row[op + 1] - row[op], mirror = assignment->problem->graph->ops[op].mirror;
  uint32_t n = 0;
  /* Only a mirror that starts earlier has its cores already. */
  if (mirror != OP_ABSENT && schedule->core[class][mirror] != UINT32_MAX)
    for (uint32_t e = row[mirror]; e < row[mirror + 1] && n < n_wanted; e++)
      if (take_if_free(assignment, schedule->core_list[class][e])) ids[n++] = schedule->core_list[class][e];
  while (n < n_wanted) ids[n++] = take_lowest(assignment);
  if (n > 1) qsort(ids, n, sizeof *ids, compare_ids);
  schedule->core[class][op] = ids[0];
}

/* Rows of core_list, and the number of ids that the greedy can reach. */
static uint64_t lay_out(const struct schedule_problem *problem, struct schedule *schedule, unsigned class,
                        struct arena *arena) {
  const struct op_graph *const graph = problem->graph;
  uint32_t *const row = schedule->core_list_start[class] = ARENA_NEW(arena, uint32_t, graph->n_ops + 1);
  uint64_t n_ids = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    if ((problem->shape_classes[graph->ops[i].shape] >> class & 1) != 0)
      n_ids += UINT64_C(1) << schedule->width_log2[i];
    REQUIRE(n_ids <= UINT32_MAX);
    row[i + 1] = (uint32_t)n_ids;
  }
  schedule->core_list[class] = ARENA_NEW(arena, uint32_t, n_ids);
  schedule->core[class] = ARENA_NEW(arena, uint32_t, graph->n_ops);
  memset(schedule->core[class], 0xFF, graph->n_ops * sizeof *schedule->core[class]);
  return min_u64(n_ids, problem->n_cores[class]);
}

static void assign_class(struct assignment *assignment, unsigned class, struct arena *scratch, struct arena *arena) {
  const struct schedule_problem *const problem = assignment->problem;
  const uint64_t n_cores = lay_out(problem, assignment->schedule, class, arena);
  assignment->n_words = ceil_div(n_cores, 64);
  assignment->first_word = 0;
  assignment->n_held = 0;
  assignment->free_bits = ARENA_NEW(scratch, uint64_t, assignment->n_words);
  for (uint32_t core = 0; core < n_cores; core++) set_free(assignment, core);
  for (size_t i = 0; i < problem->graph->n_ops; i++) {
    const struct interval *const interval = &assignment->intervals[i];
    if ((problem->shape_classes[problem->graph->ops[interval->op].shape] >> class & 1) == 0) continue;
    free_finished(assignment, class, interval->start_cycles);
    give_cores(assignment, class, interval->op);
    hold(assignment, i);
  }
}

void schedule_assign_cores(const struct schedule_problem *problem, struct arena *scratch, struct arena *arena,
                           struct schedule *schedule) {
  const size_t n_ops = problem->graph->n_ops;
  const struct arena_mark mark = arena_get_mark(scratch);
  struct interval *const intervals = ARENA_NEW(scratch, struct interval, n_ops);
  for (size_t i = 0; i < n_ops; i++)
    intervals[i] = (struct interval){schedule->start_cycles[i], schedule->finish_cycles[i], (uint32_t)i,
                                     problem->graph->ops[i].mirror != OP_ABSENT};
  qsort(intervals, n_ops, sizeof *intervals, compare_intervals);
  struct assignment assignment = {.problem = problem, .schedule = schedule, .intervals = intervals};
  assignment.held = ARENA_NEW(scratch, size_t, n_ops);
  for (unsigned class = 0; class < N_CORE_CLASSES; class ++) assign_class(&assignment, class, scratch, arena);
  arena_rewind(scratch, mark);
}
