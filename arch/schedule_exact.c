/* The shortest schedule in detail: the list's, shortened by branch and bound. See schedule_exact.h. */
#include "arch/schedule_exact.h"
#include "arch/schedule_cores.h"
#include "base/checked.h"
#include <string.h>

/* What a detailed schedule says of a plan beyond its starts and widths. */
static void fill_in(const struct schedule_problem *problem, struct schedule *schedule) {
  memset(schedule->busy_cycles, 0, sizeof schedule->busy_cycles);
  for (size_t i = 0; i < problem->graph->n_ops; i++) {
    const uint32_t shape = problem->graph->ops[i].shape;
    const unsigned width = schedule->width_log2[i];
    const uint64_t cycles = problem->shape_cycles[(size_t)shape * problem->n_widths + width];
    schedule->finish_cycles[i] = schedule->start_cycles[i] + cycles;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((problem->shape_classes[shape] >> c & 1) != 0)
        schedule->busy_cycles[c] = sat_add(schedule->busy_cycles[c], sat_mul(cycles, UINT64_C(1) << width));
  }
}

bool schedule_exact(const struct schedule_problem *problem, uint64_t max_nodes, struct arena *scratch,
                    struct arena *arena, struct schedule *schedule, uint64_t *n_nodes) {
  schedule_build(problem, scratch, arena, true, schedule);
  memset(schedule->delay_cycles, 0, sizeof schedule->delay_cycles);
  memset(schedule->delay_op_cycles, 0, problem->graph->n_ops * sizeof *schedule->delay_op_cycles);
  enum schedule_bound_kind kind;
  const uint64_t least_cycles = schedule_lower_bound(problem, scratch, &kind);
  struct schedule_plan plan = {schedule->makespan_cycles, schedule->start_cycles, schedule->width_log2};
  *n_nodes = 0;
  if (plan.makespan_cycles == UINT64_MAX) return false;
  const bool proven = schedule_shorten(problem, max_nodes, least_cycles, scratch, &plan, n_nodes);
  if (plan.makespan_cycles < schedule->makespan_cycles) {
    schedule->makespan_cycles = plan.makespan_cycles;
    fill_in(problem, schedule);
    schedule_assign_cores(problem, scratch, arena, schedule);
  }
  return proven;
}
