/* How many schedules a second, on random layered graphs from 500 to 10,000 ops, with and without spreading? */
#include "base/arena.h"
#include "base/clock.h"
#include "tests/schedule_cases.h"
#include <inttypes.h>
#include <stdio.h>

enum { LEAST_OPS = 4000000 }; /* scheduled per figure */

static void measure(const char *name, const struct op_graph *graph, unsigned n_widths, struct arena *arena,
                    struct arena *scratch) {
  const struct schedule_problem problem = case_problem(graph, n_widths, 4, 4, 1, arena);
  const size_t n_runs = LEAST_OPS / graph->n_ops;
  struct schedule schedule;
  enum schedule_bound_kind kind;
  uint64_t bound_cycles = 0;
  schedule_build(&problem, scratch, NULL, false, &schedule); /* the scratch arena grows here */
  const size_t held_bytes = arena_held_bytes(scratch);
  double start_s = clock_wall_s();
  for (size_t run = 0; run < n_runs; run++) schedule_build(&problem, scratch, NULL, false, &schedule);
  const double schedule_s = (clock_wall_s() - start_s) / (double)n_runs;
  if (arena_held_bytes(scratch) != held_bytes) printf("the scratch arena grew after the first run\n");
  start_s = clock_wall_s();
  for (size_t run = 0; run < n_runs; run++) bound_cycles = schedule_lower_bound(&problem, scratch, &kind);
  const double bound_s = (clock_wall_s() - start_s) / (double)n_runs;
  printf("%-22s %5zu ops  %2u widths  %6.1f ns/op  %8.0f schedules/s  bound %6.1f ns/op  makespan/bound %.3f\n", name,
         graph->n_ops, n_widths, 1e9 * schedule_s / (double)graph->n_ops, 1 / schedule_s,
         1e9 * bound_s / (double)graph->n_ops, (double)schedule.makespan_cycles / (double)bound_cycles);
}

int main(void) {
  static const size_t sizes[] = {500, 1300, 10000};
  const uint64_t seed = 2385;
  printf("bench_schedule: seed %" PRIu64 "\n", seed);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t mean = 2; mean <= 32; mean *= 4) {
      struct arena arena, scratch;
      arena_init(&arena, 1 << 20);
      arena_init(&scratch, 1 << 20);
      struct rng rng = rng_stream(seed, RNG_TEST, i, mean);
      struct op_graph graph;
      case_layered(&rng, sizes[i], mean, 100000, &arena, &graph);
      char name[32];
      snprintf(name, sizeof name, "layers of %zu", mean);
      measure(name, &graph, 1, &arena, &scratch);
      measure(name, &graph, 4, &arena, &scratch);
      arena_release(&arena);
      arena_release(&scratch);
    }
  return 0;
}
