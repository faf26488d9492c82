/* When does each operator of a stage run, on which cores? (accelerator-search §5, §6)
 *
 * Non-preemptive list scheduling by criticality: an op owns its cores from start to finish. A plain problem: a graph,
 * for each distinct shape a set of core classes and a duration per width (1, 2, 4, … cores), and how many cores there
 * are. Linear in the graph but for the ready queue; no allocation once the scratch arena has grown. `schedule_check`
 * (schedule_check.h) is separate code and judges every schedule. */
#ifndef ARCH_SCHEDULE_H
#define ARCH_SCHEDULE_H

#include "base/arena.h"
#include "workloads/op_graph.h"

enum core_class { CORE_TENSOR, CORE_VECTOR, CORE_LINK, N_CORE_CLASSES };
enum { SCHEDULE_MAX_WIDTHS = 13 }; /* 1 … 4096 cores for one op */

struct schedule_problem {
  const struct op_graph *graph; /* contracted: no CLASS_NONE ops; ops[i].shape indexes the tables below */
  const uint8_t *shape_classes; /* [n_shapes] bit mask of 1 << core_class, not 0 */
  const uint64_t *shape_cycles; /* [n_shapes * n_widths]: duration on 2^w cores of each of its classes; an entry of
                                   UINT64_MAX is not allowed; w = 0 is always allowed */
  unsigned n_widths;            /* 1: no spreading */
  bool share;                   /* how an op is spread: false: the rule of accelerator-search §6; true: free cores are
                                   shared out among ready ops */
  uint32_t n_cores[N_CORE_CLASSES];
  unsigned passes;        /* of improvement behind the list schedule (schedule_improve.h); 0: none */
  uint64_t enough_cycles; /* a makespan of at most this is not improved: a lower bound, or what limits anyway */
};

enum schedule_bound_kind {
  BOUND_CRITICAL_PATH,
  BOUND_TENSOR_LOAD,
  BOUND_VECTOR_LOAD,
  BOUND_LINK_LOAD,
  BOUND_ENDS,
  N_SCHEDULE_BOUNDS
};

struct schedule {
  uint64_t makespan_cycles;
  uint64_t critical_path_cycles;         /* T*: with unlimited cores and the least duration of each op */
  uint64_t delay_cycles[N_CORE_CLASSES]; /* waits beyond the slack to T*, charged to the class that freed last */
  uint64_t busy_cycles[N_CORE_CLASSES];  /* Σ width × duration */
  /* Per op; NULL if only the makespan was asked for. Mobility is by durations on one core, a delay by the least. */
  uint64_t *start_cycles, *finish_cycles, *mobility_cycles, *delay_op_cycles;
  uint8_t *width_log2;
  uint32_t *core[N_CORE_CLASSES];      /* the lowest core id of each class that it owns (UINT32_MAX: none) */
  uint32_t *core_list[N_CORE_CLASSES]; /* ids of all its cores: core_list[c][core_list_start[c][i] …) */
  uint32_t *core_list_start[N_CORE_CLASSES];
};

/* What searches for a shorter one move: starts and widths of a valid schedule, by op. */
struct schedule_plan {
  uint64_t makespan_cycles;
  uint64_t *start_cycles; /* [n_ops] */
  uint8_t *width_log2;    /* [n_ops] */
};

/* Schedules; with passes, never longer than without. `detail`: fill the per-op arrays (in `arena`, not the scratch
 * arena) as well; otherwise `arena` may be NULL. Scratch is used and rewound. Times saturate: a makespan of UINT64_MAX
 * means that it does not fit, or that some op needs a class of which there is no core. */
void schedule_build(const struct schedule_problem *problem, struct arena *scratch, struct arena *arena, bool detail,
                    struct schedule *schedule);

/* Lower bound on the makespan of every schedule of this problem, and which bound it is: critical path with least
 * durations; per class Σ min_w 2^w·duration / cores; per class with heads and tails (16 quantile pairs). */
uint64_t schedule_lower_bound(const struct schedule_problem *problem, struct arena *scratch,
                              enum schedule_bound_kind *kind);

#endif
