/* How many tasks of a pipeline are simulated in a second, and what does it save to recognise rounds that repeat?
 *
 * Unequal stages (up to 5 % and up to twice as long), with and without delays; "whole" simulates every task. */
#include "base/clock.h"
#include "tests/pipeline_cases.h"
#include <inttypes.h>
#include <stdio.h>

enum { LEAST_TASKS = 2000000 }; /* simulated per figure */

static double measured_s(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                         uint64_t n_runs, struct arena *scratch) {
  double start_s = 0;
  for (uint64_t run = 0; run <= n_runs; run++) { /* the first one warms up */
    const struct arena_mark mark = arena_get_mark(scratch);
    struct pipeline_result result;
    if (run == 1) start_s = clock_wall_s();
    if (!pipeline_simulate(schedule, problem, false, scratch, &result)) printf("a circular wait\n");
    arena_rewind(scratch, mark);
  }
  return (clock_wall_s() - start_s) / (double)n_runs;
}

int main(void) {
  const struct {
    uint64_t p, v, m;
  } sizes[] = {{4, 1, 64}, {8, 1, 512}, {16, 1, 2048}, {64, 1, 4096}, {8, 2, 512}, {16, 4, 1024}};
  const uint64_t seed = 2385, base_ps = 1000000;
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  printf("bench_pipeline: seed %" PRIu64 "\n", seed);
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
      for (uint64_t kind = 0; kind < 4; kind++) {
        struct pipeline_schedule whole = *pipeline_schedules[i];
        struct rng rng = rng_stream(seed, RNG_TEST, i, j);
        struct pipeline_problem problem = case_unequal(sizes[j].p, sizes[j].v, sizes[j].m,
                                                       base_ps / (kind < 2 ? 20 : 1), kind % 2 * 100000, &rng, &arena);
        struct pipeline_stage *const stages = ARENA_NEW(&arena, struct pipeline_stage, sizes[j].p * sizes[j].v);
        struct error error = {0};
        for (uint64_t k = 0; k < sizes[j].p * sizes[j].v; k++) {
          stages[k] = problem.stages[k];
          stages[k].forward_ps += base_ps;
          stages[k].backward_ps += 2 * base_ps;
          stages[k].backward_data_ps += base_ps;
          stages[k].backward_weight_ps += base_ps;
        }
        problem.stages = stages;
        if (!pipeline_applies(&whole, &problem, &error) || (sizes[j].v == 1 && whole.has_chunks)) continue;
        whole.period = NULL;
        const uint64_t n_tasks = (whole.tears ? 3 : 2) * sizes[j].p * sizes[j].v * sizes[j].m;
        const uint64_t n_runs = 1 + LEAST_TASKS / n_tasks;
        const double whole_s = measured_s(&whole, &problem, n_runs, &scratch);
        const double short_s = measured_s(pipeline_schedules[i], &problem, n_runs, &scratch);
        printf("%-12s p %3" PRIu64 " v %" PRIu64 " m %4" PRIu64 " %s%s  whole %6.1f M tasks/s, %8.1f us  with rounds "
               "%8.1f us, x%.1f\n",
               whole.name, sizes[j].p, sizes[j].v, sizes[j].m, kind < 2 ? "+5 % " : "+100 %",
               kind % 2 ? " delays" : "       ", 1e-6 * (double)n_tasks / whole_s, 1e6 * whole_s, 1e6 * short_s,
               whole_s / short_s);
      }
  arena_release(&arena);
  arena_release(&scratch);
  return 0;
}
