/* How is a schedule made, thousands of times a second?
 *
 * The list scheduler of accelerator-search §6: at every event the most critical ready op whose cores are free starts.
 * Source: §5 for the annotations, §6 for the rule; list scheduling by mobility is Graham 1966 with the priorities of
 * high-level synthesis. Two linear sweeps annotate (the graph is in topological order); then events are replayed on
 * counters of free cores. Cores of a class are alike, so which one an op gets changes no time: ids are given out
 * afterwards, only for a detailed schedule (schedule_cores.c).
 *
 * The rule reads "for v in ready by key: if every class of v has a free core, start v". Here the ready ops lie in one
 * heap per set of classes, and the best head among the sets whose classes are all free starts, until there is none.
 * Both start the same ops in the same order: during such a pass cores are only taken, so an op that the pass skipped
 * stays blocked to its end. Hence the next op that the pass starts is the one with the least key among all ready ops
 * whose classes are free at that moment, and ops of one set are free or blocked together. What is blocked costs
 * nothing, as it is never looked at.
 *
 * Where ops may spread over several cores, mobility and the key come from durations on one core, T* and the slack that
 * a delay is measured against from least durations. With least durations in the key, fewer ops count as critical and
 * spread: makespans were up to 6 % longer on random graphs with 2 to 16 cores a class. But T* is what growing can
 * reach, so a wait that keeps an op from it is a delay, even while the schedule is shorter than the path on single
 * cores.
 *
 * Left out: sharing of memory bandwidth between running ops, edge delays, index-matched pairs of cores, and growth by
 * mirror, which are the caller's or not part of the problem as stated in schedule.h. */
#include "arch/schedule.h"
#include "arch/schedule_cores.h"
#include "arch/schedule_improve.h"
#include "base/checked.h"
#include <string.h>

enum { N_CLASS_SETS = 1 << N_CORE_CLASSES };

/* One op while it waits; 24 bytes, so that thousands stay close to the processor. */
struct task {
  uint64_t ready_cycles; /* earliest start with unlimited cores; once the op is ready, since when */
  uint64_t alap_cycles;  /* latest start that keeps the critical path; before that is known, earliest finish */
  uint32_t n_waiting;    /* predecessors that have not finished */
  uint32_t shape;
};

/* An op that could start; the key is (mobility, −bottom, op), and −bottom orders as alap = T* − bottom does. */
struct ready {
  uint64_t mobility_cycles, alap_cycles;
  uint64_t op;
};

struct running {
  uint64_t finish_cycles;
  uint32_t op;
  uint32_t width_log2;
};

struct simulation {
  const struct schedule_problem *problem;
  struct schedule *schedule;
  bool detail;
  struct schedule_plan plan;  /* what starts when, on how many cores; NULL arrays: nobody asks */
  const uint64_t *due_cycles; /* [n_ops] latest starts by least durations; NULL: no spreading, alap says it */
  struct task *tasks;
  uint32_t n_of_set[N_CLASS_SETS]; /* ops of each set of classes */
  struct ready *heap[N_CLASS_SETS];
  uint32_t n_ready[N_CLASS_SETS];
  unsigned occupied;    /* bit s: heap[s] is not empty */
  unsigned full;        /* bit c: no core of class c is free */
  unsigned full_before; /* `full` at the end of the previous pass */
  uint32_t free[N_CORE_CLASSES];
  struct running *running;
  uint32_t n_running;
  uint64_t now_cycles;
};

/* For each set of classes, as a bit mask over sets: those that share no class with it. */
static const uint8_t disjoint_sets[N_CLASS_SETS] = {0xFF, 0x55, 0x33, 0x11, 0x0F, 0x05, 0x03, 0x01};

/* --- heaps ---------------------------------------------------------------------------------------------------------
 * The comparisons are written without short cuts: which child is smaller cannot be predicted, so it is computed. */

static inline bool ready_before(const struct ready *a, const struct ready *b) {
  const bool op = a->op < b->op;
  const bool alap = (a->alap_cycles < b->alap_cycles) | ((a->alap_cycles == b->alap_cycles) & op);
  return (a->mobility_cycles < b->mobility_cycles) | ((a->mobility_cycles == b->mobility_cycles) & alap);
}

static inline void ready_push(struct ready *heap, uint32_t n, struct ready entry) {
  while (n > 0) {
    const uint32_t parent = (n - 1) / 2;
    if (!ready_before(&entry, &heap[parent])) break;
    heap[n] = heap[parent];
    n = parent;
  }
  heap[n] = entry;
}

/* Takes heap[0] out of a heap of n + 1 entries. The hole sinks to the bottom first and the last entry rises from
 * there: it seldom rises far, which halves the comparisons. */
static inline void ready_drop(struct ready *heap, uint32_t n) {
  uint32_t hole = 0, child = 1;
  while (child + 1 < n) {
    child += ready_before(&heap[child + 1], &heap[child]);
    heap[hole] = heap[child];
    hole = child;
    child = 2 * hole + 1;
  }
  if (child < n) {
    heap[hole] = heap[child];
    hole = child;
  }
  const struct ready last = heap[n];
  while (hole > 0 && ready_before(&last, &heap[(hole - 1) / 2])) {
    heap[hole] = heap[(hole - 1) / 2];
    hole = (hole - 1) / 2;
  }
  heap[hole] = last;
}

static inline void running_push(struct running *heap, uint32_t n, struct running entry) {
  while (n > 0 && entry.finish_cycles < heap[(n - 1) / 2].finish_cycles) {
    heap[n] = heap[(n - 1) / 2];
    n = (n - 1) / 2;
  }
  heap[n] = entry;
}

static inline void running_drop(struct running *heap, uint32_t n) {
  const struct running last = heap[n];
  uint32_t hole = 0;
  for (uint32_t child = 1; child < n; child = 2 * hole + 1) {
    if (child + 1 < n) child += heap[child + 1].finish_cycles < heap[child].finish_cycles;
    if (last.finish_cycles <= heap[child].finish_cycles) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = last;
}

/* --- annotations ---------------------------------------------------------------------------------------------------
 */

/* Durations of a shape are cycles[shape × stride]. Forward: earliest starts, and the critical path, which is returned,
 * as the last earliest finish. Backward: latest starts. A sum that does not fit makes the path stick at UINT64_MAX;
 * latest starts then bottom out at 0 and such ops count as critical. */
static uint64_t annotate(const struct op_graph *graph, struct task *tasks, const uint64_t *cycles, size_t stride) {
  uint64_t critical_path_cycles = 0;
  for (size_t i = 0; i < graph->n_ops; i++) {
    struct task *const task = &tasks[i];
    uint64_t asap_cycles = 0;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      asap_cycles = max_u64(asap_cycles, tasks[graph->preds[e]].alap_cycles);
    task->ready_cycles = asap_cycles;
    task->alap_cycles = sat_add(asap_cycles, cycles[task->shape * stride]);
    critical_path_cycles = max_u64(critical_path_cycles, task->alap_cycles);
  }
  for (size_t i = graph->n_ops; i-- > 0;) {
    uint64_t finish_cycles = critical_path_cycles;
    for (uint32_t e = graph->succ_start[i]; e < graph->succ_start[i + 1]; e++)
      finish_cycles = min_u64(finish_cycles, tasks[graph->succs[e]].alap_cycles);
    const uint64_t op_cycles = cycles[tasks[i].shape * stride];
    tasks[i].alap_cycles = finish_cycles > op_cycles ? finish_cycles - op_cycles : 0;
  }
  return critical_path_cycles;
}

/* T* and latest starts by least durations over all widths; leaves the tasks' annotations to be made anew. */
static void annotate_least(struct simulation *simulation, struct arena *scratch) {
  const struct schedule_problem *const problem = simulation->problem;
  const struct op_graph *const graph = problem->graph;
  uint64_t *const least = ARENA_NEW(scratch, uint64_t, graph->n_shapes);
  for (size_t s = 0; s < graph->n_shapes; s++) {
    const uint64_t *const cycles = problem->shape_cycles + s * problem->n_widths;
    least[s] = cycles[0];
    for (unsigned w = 1; w < problem->n_widths; w++) least[s] = min_u64(least[s], cycles[w]);
  }
  simulation->schedule->critical_path_cycles = annotate(graph, simulation->tasks, least, 1);
  uint64_t *const due_cycles = ARENA_NEW(scratch, uint64_t, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) due_cycles[i] = simulation->tasks[i].alap_cycles;
  simulation->due_cycles = due_cycles;
}

/* The ops as tasks, counted by their sets of classes, with all annotations. */
static void prepare(struct simulation *simulation, struct arena *scratch) {
  const struct schedule_problem *const problem = simulation->problem;
  const struct op_graph *const graph = problem->graph;
  struct task *const tasks = simulation->tasks = ARENA_NEW(scratch, struct task, graph->n_ops);
  for (size_t i = 0; i < graph->n_ops; i++) {
    tasks[i].shape = graph->ops[i].shape;
    tasks[i].n_waiting = graph->pred_start[i + 1] - graph->pred_start[i];
    simulation->n_of_set[problem->shape_classes[tasks[i].shape]]++;
  }
  REQUIRE(simulation->n_of_set[0] == 0);
  if (problem->n_widths > 1) annotate_least(simulation, scratch);
  const uint64_t path_cycles = annotate(graph, tasks, problem->shape_cycles, problem->n_widths);
  if (problem->n_widths == 1) simulation->schedule->critical_path_cycles = path_cycles;
}

/* --- events --------------------------------------------------------------------------------------------------------
 */

static inline void make_ready(struct simulation *simulation, uint32_t op) {
  struct task *const task = &simulation->tasks[op];
  const unsigned set = simulation->problem->shape_classes[task->shape];
  const uint64_t mobility_cycles = task->alap_cycles > task->ready_cycles ? task->alap_cycles - task->ready_cycles : 0;
  if (simulation->detail) simulation->schedule->mobility_cycles[op] = mobility_cycles;
  task->ready_cycles = simulation->now_cycles;
  ready_push(simulation->heap[set], simulation->n_ready[set]++, (struct ready){mobility_cycles, task->alap_cycles, op});
  simulation->occupied |= 1U << set;
}

/* Sharing [ours]: the free cores are divided equally among the ready ops of the classes, and the op takes as many of
 * its share as still shorten it by a sixteenth a doubling. In a training graph a weight gradient is nearly always ready
 * beside the critical op, so the rule of accelerator-search §6 (below) seldom spreads anything in the backward pass:
 * eight cores then do little more than one. The threshold was tried at 1/3 … 1/16 and any gain at all; 1/16 is within
 * 0.02 % of the best on the eleven benchmark networks and wastes fewer cores than the last. */
enum { SHARE_GAIN = 16 };
static inline unsigned choose_share(const struct simulation *simulation, unsigned set, const uint64_t *cycles) {
  uint32_t free = UINT32_MAX, ready = 1;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((set >> c & 1) != 0 && simulation->free[c] < free) free = simulation->free[c];
  for (unsigned other = 1; other < N_CLASS_SETS; other++)
    if ((other & set) != 0) ready += simulation->n_ready[other];
  unsigned width = 0;
  for (unsigned w = 1; w < simulation->problem->n_widths && free / ready >> w > 0; w++) {
    if (cycles[w] > cycles[width] - cycles[width] / SHARE_GAIN) break;
    width = w;
  }
  return width;
}

/* The widest choice that an op has: a critical one that competes with no other ready op of its classes takes the
 * number of free cores with the least duration, and of several the fewest cores. */
static inline unsigned choose_width(const struct simulation *simulation, const struct ready *entry, unsigned set,
                                    const uint64_t *cycles) {
  const unsigned n_widths = simulation->problem->n_widths;
  if (n_widths == 1) return 0;
  if (simulation->problem->share) return choose_share(simulation, set, cycles);
  if (entry->mobility_cycles > 0) return 0;
  if ((simulation->occupied & ~(unsigned)disjoint_sets[set]) != 0) return 0;
  uint32_t free = UINT32_MAX;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++)
    if ((set >> c & 1) != 0 && simulation->free[c] < free) free = simulation->free[c];
  unsigned width = 0;
  for (unsigned w = 1; w < n_widths && free >> w > 0; w++)
    if (cycles[w] < cycles[width]) width = w;
  return width;
}

/* Waiting beyond the slack is charged to the class that freed last. An op that waited could not start at the end of the
 * previous pass, so one of its classes was full then, and any that was not is no reason; of two, the first in the order
 * of enum core_class pays. */
static inline uint64_t charge_delay(struct simulation *simulation, uint64_t op, unsigned set) {
  const struct task *const task = &simulation->tasks[op];
  const uint64_t latest_cycles = simulation->due_cycles != NULL ? simulation->due_cycles[op] : task->alap_cycles;
  const uint64_t due_cycles = max_u64(task->ready_cycles, latest_cycles);
  if (simulation->now_cycles <= due_cycles) return 0;
  const unsigned to_blame = simulation->full_before & set;
  REQUIRE(to_blame != 0);
  uint64_t *const total = &simulation->schedule->delay_cycles[__builtin_ctz(to_blame)];
  *total = sat_add(*total, simulation->now_cycles - due_cycles);
  return simulation->now_cycles - due_cycles;
}

static inline void start(struct simulation *simulation, const struct ready *entry, unsigned set) {
  const struct task *const task = &simulation->tasks[entry->op];
  struct schedule *const schedule = simulation->schedule;
  const uint64_t *const cycles =
      simulation->problem->shape_cycles + (size_t)task->shape * simulation->problem->n_widths;
  const unsigned width = choose_width(simulation, entry, set, cycles);
  const uint64_t finish_cycles = sat_add(simulation->now_cycles, cycles[width]);
  const uint64_t work_cycles = sat_mul(cycles[width], UINT64_C(1) << width);
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if ((set >> c & 1) == 0) continue;
    simulation->free[c] -= 1U << width;
    simulation->full |= (unsigned)(simulation->free[c] == 0) << c;
    schedule->busy_cycles[c] = sat_add(schedule->busy_cycles[c], work_cycles);
  }
  running_push(simulation->running, simulation->n_running++,
               (struct running){finish_cycles, (uint32_t)entry->op, width});
  const uint64_t delay_cycles = charge_delay(simulation, entry->op, set);
  if (simulation->plan.start_cycles != NULL) {
    simulation->plan.start_cycles[entry->op] = simulation->now_cycles;
    simulation->plan.width_log2[entry->op] = (uint8_t)width;
  }
  if (simulation->detail) {
    schedule->finish_cycles[entry->op] = finish_cycles;
    schedule->delay_op_cycles[entry->op] = delay_cycles;
  }
}

/* One pass over the ready ops, by key, until nothing ready has free cores. */
static inline void start_what_fits(struct simulation *simulation) {
  for (;;) {
    unsigned candidates = simulation->occupied & disjoint_sets[simulation->full];
    if (candidates == 0) break;
    unsigned best = (unsigned)__builtin_ctz(candidates);
    while ((candidates &= candidates - 1) != 0) {
      const unsigned set = (unsigned)__builtin_ctz(candidates);
      if (ready_before(simulation->heap[set], simulation->heap[best])) best = set;
    }
    const struct ready entry = simulation->heap[best][0];
    if (--simulation->n_ready[best] == 0) {
      simulation->occupied &= ~(1U << best);
    } else {
      ready_drop(simulation->heap[best], simulation->n_ready[best]);
    }
    start(simulation, &entry, best);
  }
  simulation->full_before = simulation->full;
}

/* Goes to the next finish and takes everything that ends there: cores come free, successors may become ready. */
static inline void finish_next(struct simulation *simulation) {
  const struct op_graph *const graph = simulation->problem->graph;
  simulation->now_cycles = simulation->running[0].finish_cycles;
  do {
    const struct running ended = simulation->running[0];
    running_drop(simulation->running, --simulation->n_running);
    const unsigned set = simulation->problem->shape_classes[simulation->tasks[ended.op].shape];
    for (unsigned c = 0; c < N_CORE_CLASSES; c++) simulation->free[c] += (set >> c & 1) << ended.width_log2;
    simulation->full &= ~set;
    for (uint32_t e = graph->succ_start[ended.op]; e < graph->succ_start[ended.op + 1]; e++)
      if (--simulation->tasks[graph->succs[e]].n_waiting == 0) make_ready(simulation, graph->succs[e]);
  } while (simulation->n_running > 0 && simulation->running[0].finish_cycles == simulation->now_cycles);
}

static void simulate(struct simulation *simulation, struct arena *scratch) {
  const struct op_graph *const graph = simulation->problem->graph;
  uint64_t n_cores = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    simulation->free[c] = simulation->problem->n_cores[c];
    simulation->full |= (unsigned)(simulation->free[c] == 0) << c;
    n_cores += simulation->free[c];
  }
  for (unsigned set = 1; set < N_CLASS_SETS; set++)
    if (simulation->n_of_set[set] > 0)
      simulation->heap[set] = ARENA_NEW(scratch, struct ready, simulation->n_of_set[set]);
  simulation->running = ARENA_NEW(scratch, struct running, min_u64(n_cores, graph->n_ops));
  for (size_t i = 0; i < graph->n_ops; i++)
    if (simulation->tasks[i].n_waiting == 0) make_ready(simulation, (uint32_t)i);
  for (start_what_fits(simulation); simulation->n_running > 0; start_what_fits(simulation)) finish_next(simulation);
  REQUIRE(simulation->occupied == 0);
  simulation->schedule->makespan_cycles = simulation->now_cycles;
}

/* --- improvement ---------------------------------------------------------------------------------------------------
 */

/* Of the classes of an op, the one with most work per core: it is what the op waits for. */
static unsigned busiest_class(const struct schedule_problem *problem, const struct schedule *schedule, unsigned set) {
  unsigned busiest = (unsigned)__builtin_ctz(set);
  for (unsigned c = busiest + 1; c < N_CORE_CLASSES; c++)
    if ((set >> c & 1) != 0 &&
        schedule->busy_cycles[c] / problem->n_cores[c] > schedule->busy_cycles[busiest] / problem->n_cores[busiest])
      busiest = c;
  return busiest;
}

/* Waits beyond the slack, of a schedule that was not made event by event, so that nobody saw which class freed last. */
static void charge_delays(const struct simulation *simulation, const uint64_t *finish_cycles) {
  const struct schedule_problem *const problem = simulation->problem;
  const struct op_graph *const graph = problem->graph;
  struct schedule *const schedule = simulation->schedule;
  memset(schedule->delay_cycles, 0, sizeof schedule->delay_cycles);
  for (size_t i = 0; i < graph->n_ops; i++) {
    uint64_t from_cycles =
        simulation->due_cycles != NULL ? simulation->due_cycles[i] : simulation->tasks[i].alap_cycles;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      from_cycles = max_u64(from_cycles, finish_cycles[graph->preds[e]]);
    const uint64_t start_cycles = simulation->plan.start_cycles[i];
    const uint64_t delay_cycles = start_cycles - min_u64(from_cycles, start_cycles);
    if (simulation->detail) schedule->delay_op_cycles[i] = delay_cycles;
    if (delay_cycles == 0) continue;
    const unsigned set = problem->shape_classes[simulation->tasks[i].shape];
    uint64_t *const total = &schedule->delay_cycles[busiest_class(problem, schedule, set)];
    *total = sat_add(*total, delay_cycles);
  }
}

/* Busy cycles, delays and finishes of what the improvement made of the list's schedule. */
static void take_over(struct simulation *simulation, struct arena *scratch) {
  const struct schedule_problem *const problem = simulation->problem;
  const size_t n_ops = problem->graph->n_ops;
  const struct schedule_plan *const plan = &simulation->plan;
  struct schedule *const schedule = simulation->schedule;
  uint64_t *const finish_cycles = simulation->detail ? schedule->finish_cycles : ARENA_NEW(scratch, uint64_t, n_ops);
  memset(schedule->busy_cycles, 0, sizeof schedule->busy_cycles);
  for (size_t i = 0; i < n_ops; i++) {
    const uint32_t shape = simulation->tasks[i].shape;
    const uint64_t cycles = problem->shape_cycles[(size_t)shape * problem->n_widths + plan->width_log2[i]];
    const uint64_t work_cycles = sat_mul(cycles, UINT64_C(1) << plan->width_log2[i]);
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((problem->shape_classes[shape] >> c & 1) != 0)
        schedule->busy_cycles[c] = sat_add(schedule->busy_cycles[c], work_cycles);
    finish_cycles[i] = plan->start_cycles[i] + cycles;
  }
  schedule->makespan_cycles = plan->makespan_cycles;
  charge_delays(simulation, finish_cycles);
}

static void improve(struct simulation *simulation, struct arena *scratch) {
  struct schedule *const schedule = simulation->schedule;
  const size_t n_ops = simulation->problem->graph->n_ops;
  if (schedule->makespan_cycles <= simulation->problem->enough_cycles) return;
  /* The improvement may shuffle what it cannot shorten, which a schedule in detail must not see. */
  struct schedule_plan plan = {schedule->makespan_cycles, ARENA_NEW(scratch, uint64_t, n_ops),
                               ARENA_NEW(scratch, uint8_t, n_ops)};
  memcpy(plan.start_cycles, simulation->plan.start_cycles, n_ops * sizeof *plan.start_cycles);
  memcpy(plan.width_log2, simulation->plan.width_log2, n_ops);
  if (!schedule_improve(simulation->problem, &plan, scratch)) return;
  memcpy(simulation->plan.start_cycles, plan.start_cycles, n_ops * sizeof *plan.start_cycles);
  memcpy(simulation->plan.width_log2, plan.width_log2, n_ops);
  simulation->plan.makespan_cycles = plan.makespan_cycles;
  take_over(simulation, scratch);
}

/* --- the whole -----------------------------------------------------------------------------------------------------
 */

static void allocate_detail(struct schedule *schedule, size_t n_ops, struct arena *arena) {
  schedule->start_cycles = ARENA_NEW(arena, uint64_t, n_ops);
  schedule->finish_cycles = ARENA_NEW(arena, uint64_t, n_ops);
  schedule->mobility_cycles = ARENA_NEW(arena, uint64_t, n_ops);
  schedule->delay_op_cycles = ARENA_NEW(arena, uint64_t, n_ops);
  schedule->width_log2 = ARENA_NEW(arena, uint8_t, n_ops);
}

/* Nothing runs: some op needs a class of which there is no core. The arrays say so op by op. */
static void fill_impossible(struct schedule *schedule, size_t n_ops, struct arena *arena) {
  for (size_t i = 0; i < n_ops; i++) schedule->start_cycles[i] = schedule->finish_cycles[i] = UINT64_MAX;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    schedule->core[c] = ARENA_NEW(arena, uint32_t, n_ops);
    schedule->core_list[c] = ARENA_NEW(arena, uint32_t, 0);
    schedule->core_list_start[c] = ARENA_NEW(arena, uint32_t, n_ops + 1);
    memset(schedule->core[c], 0xFF, n_ops * sizeof *schedule->core[c]);
  }
}

void schedule_build(const struct schedule_problem *problem, struct arena *scratch, struct arena *arena, bool detail,
                    struct schedule *schedule) {
  const size_t n_ops = problem->graph->n_ops;
  REQUIRE(problem->n_widths >= 1 && problem->n_widths <= SCHEDULE_MAX_WIDTHS);
  *schedule = (struct schedule){0};
  if (detail) allocate_detail(schedule, n_ops, arena);
  const struct arena_mark mark = arena_get_mark(scratch);
  struct simulation simulation = {.problem = problem, .schedule = schedule, .detail = detail};
  if (detail) {
    simulation.plan = (struct schedule_plan){0, schedule->start_cycles, schedule->width_log2};
  } else if (problem->passes > 0) {
    simulation.plan.start_cycles = ARENA_NEW(scratch, uint64_t, n_ops);
    simulation.plan.width_log2 = ARENA_NEW(scratch, uint8_t, n_ops);
  }
  prepare(&simulation, scratch);
  unsigned missing = 0;
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) missing |= (unsigned)(problem->n_cores[c] == 0) << c;
  bool possible = true;
  for (unsigned set = 1; set < N_CLASS_SETS; set++) possible &= simulation.n_of_set[set] == 0 || (set & missing) == 0;
  if (possible) {
    simulate(&simulation, scratch);
    if (problem->passes > 0) improve(&simulation, scratch);
    if (detail) schedule_assign_cores(problem, scratch, arena, schedule);
  } else {
    schedule->makespan_cycles = UINT64_MAX;
    if (detail) fill_impossible(schedule, n_ops, arena);
  }
  arena_rewind(scratch, mark);
}
