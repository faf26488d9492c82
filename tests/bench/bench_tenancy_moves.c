/* How many moves a second does annealing try, against evaluations in full? Random jobs; sizes of the published
 * instances; at the temperatures of a search that has half its samples behind it. */
#include "base/clock.h"
#include "base/rng.h"
#include "search/tenancy/tenancy_anneal.h"
#include "search/tenancy/tenancy_seeds.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t seed = 2385;
static const uint64_t n_moves = 1000000;

/* Latencies over three powers of ten, cores of two speeds; all cores together need `hunger` times the bandwidth. */
static void draw_problem(size_t n, size_t n_cores, double hunger, struct arena *arena,
                         struct tenancy_problem *problem) {
  struct rng rng = rng_stream(seed, RNG_TEST, n, n_cores);
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(arena, double, n *n_cores);
  for (size_t j = 0; j < n; j++) {
    const uint64_t cycles = (uint64_t)(100 * exp(6.9 * rng_unit(&rng)));
    const double bytes = 2 * rng_unit(&rng) * (double)cycles;
    for (size_t c = 0; c < n_cores; c++) {
      latency[j * n_cores + c] = cycles << (c % 2);
      need[j * n_cores + c] = bytes / (double)latency[j * n_cores + c];
    }
  }
  *problem = (struct tenancy_problem){.name = "bench",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = 0.75 * (double)n_cores / hunger,
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need};
  struct error error = {0};
  if (tenancy_finish(problem, arena, &error)) return;
  fputs(error.text, stderr);
  exit(1);
}

static double full_rate(const struct tenancy_problem *problem, const struct tenancy_queues *queues) {
  tenancy_cost sum = 0;
  uint64_t n = 0;
  const double start_s = clock_processor_s();
  double spent_s = 0;
  for (; spent_s < 0.3; spent_s = clock_processor_s() - start_s) {
    for (size_t i = 0; i < 256; i++) sum += tenancy_evaluate(problem, queues);
    n += 256;
  }
  return sum > 0 ? (double)n / spent_s : 0;
}

static void measure(size_t n, size_t n_cores, double hunger) {
  struct arena arena;
  arena_init(&arena, 1 << 20);
  struct tenancy_problem problem;
  draw_problem(n, n_cores, hunger, &arena, &problem);
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_seed_earliest_finish(&problem, NULL, &arena, &queues);
  struct tenancy_meter meter;
  tenancy_meter_init(&meter, &problem, UINT64_MAX >> 1, &arena);
  struct tenancy_annealing *annealing = ARENA_NEW(&arena, struct tenancy_annealing, 1);
  tenancy_annealing_init(annealing, &problem, tenancy_move_weights, &meter, &arena);
  annealing->rng = rng_stream(seed, RNG_TEST, n, 1);
  tenancy_timeline_set(&annealing->timeline, &queues);
  const double cost = (double)annealing->timeline.cost;
  const struct tenancy_cooling cooling = {.hot = 1e-3 * cost, .cold = 1e-6 * cost, .total = 2 * n_moves};
  tenancy_annealing_run(annealing, n_moves, &cooling);
  const double start_s = clock_processor_s();
  tenancy_annealing_run(annealing, n_moves, &cooling);
  const double moves = (double)n_moves / (clock_processor_s() - start_s);
  uint64_t n_taken = 0, n_tried = 0;
  for (size_t k = 0; k < TENANCY_N_MOVE_KINDS; k++) {
    n_taken += annealing->n_taken[k], n_tried += annealing->n_tried[k];
  }
  const double full = full_rate(&problem, &meter.best);
  printf("tenancy moves  n=%-4zu C=%-2zu need/B %.1f  moves %8.0f /s  full %8.0f /s  ratio %5.2f  taken %4.1f %%\n", n,
         n_cores, hunger, moves, full, moves / full, 100 * (double)n_taken / (double)n_tried);
  arena_release(&arena);
}

int main(void) {
  printf("bench_tenancy_moves: seed %" PRIu64 "\n", seed);
  static const double hungers[] = {0.2, 1, 3};
  for (size_t h = 0; h < sizeof hungers / sizeof *hungers; h++) {
    measure(100, 4, hungers[h]);
    measure(100, 16, hungers[h]);
    measure(1000, 16, hungers[h]);
  }
  return 0;
}
