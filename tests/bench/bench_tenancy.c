/* How many mappings a second, in full and by the judge? Random jobs and mappings; sizes of the published instances. */
#include "base/clock.h"
#include "base/rng.h"
#include "search/tenancy/tenancy.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t seed = 2385;
enum { N_ANSWERS = 512 };
static const double least_s = 0.4;

/* Latencies over three powers of ten; together the cores need about twice the bandwidth. */
static void draw_problem(size_t n, size_t n_cores, struct arena *arena, struct tenancy_problem *problem) {
  struct rng rng = rng_stream(seed, RNG_TEST, n, n_cores);
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(arena, double, n *n_cores);
  for (size_t i = 0; i < n * n_cores; i++) {
    latency[i] = (uint64_t)(100 * exp(6.9 * rng_unit(&rng)));
    need[i] = 4 * rng_unit(&rng);
  }
  *problem = (struct tenancy_problem){.name = "bench",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = (double)n_cores,
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need};
  struct error error = {0};
  if (tenancy_finish(problem, arena, &error)) return;
  fputs(error.text, stderr);
  exit(1);
}

struct bench {
  struct arena arena;
  struct tenancy_problem problem;
  struct tenancy_answer answers[N_ANSWERS];
  struct tenancy_queues queues[N_ANSWERS], room;
};

typedef void one(struct bench *bench, size_t i);

static tenancy_cost sink; /* so that nothing is optimised away */

static void from_queues(struct bench *bench, size_t i) { sink ^= tenancy_evaluate(&bench->problem, &bench->queues[i]); }

static void from_answer(struct bench *bench, size_t i) {
  tenancy_queue_up(&bench->problem, &bench->answers[i], &bench->room);
  sink ^= tenancy_evaluate(&bench->problem, &bench->room);
}

static void judge(struct bench *bench, size_t i) {
  static struct error error;
  struct tenancy_verdict verdict;
  const struct arena_mark mark = arena_get_mark(&bench->arena);
  if (!tenancy_judge(&bench->problem, &bench->answers[i], &bench->arena, &verdict, &error)) exit(1);
  sink ^= (tenancy_cost)verdict.makespan_cycles;
  arena_rewind(&bench->arena, mark);
}

static double rate(struct bench *bench, one *evaluate) {
  const double start_s = clock_processor_s();
  size_t n = 0;
  double spent_s = 0;
  for (; spent_s < least_s; spent_s = clock_processor_s() - start_s) {
    for (size_t i = 0; i < N_ANSWERS; i++) evaluate(bench, i);
    n += N_ANSWERS;
  }
  return (double)n / spent_s;
}

static void measure(size_t n, size_t n_cores) {
  static struct bench bench;
  arena_init(&bench.arena, 1 << 20);
  draw_problem(n, n_cores, &bench.arena, &bench.problem);
  bench.room = tenancy_queues_new(&bench.problem, &bench.arena);
  struct rng rng = rng_stream(seed, RNG_TEST, n, n_cores + 1000);
  for (size_t i = 0; i < N_ANSWERS; i++) {
    bench.answers[i] = tenancy_answer_new(&bench.problem, &bench.arena);
    bench.queues[i] = tenancy_queues_new(&bench.problem, &bench.arena);
    for (size_t j = 0; j < n; j++) {
      bench.answers[i].core[j] = (uint32_t)rng_below(&rng, n_cores);
      bench.answers[i].priority[j] = rng_unit(&rng);
    }
    tenancy_queue_up(&bench.problem, &bench.answers[i], &bench.queues[i]);
  }
  const double queues = rate(&bench, from_queues), answers = rate(&bench, from_answer), judged = rate(&bench, judge);
  printf("tenancy  %5zu jobs  %3zu cores  closed form from queues %9.0f/s (%5.1f x the judge)  from answers %9.0f/s "
         "(%5.1f x)  judge %8.0f/s\n",
         n, n_cores, queues, queues / judged, answers, answers / judged, judged);
  arena_release(&bench.arena);
}

int main(void) {
  printf("bench_tenancy: seed %" PRIu64 ", one process\n", seed);
  measure(100, 4);
  measure(100, 8);
  measure(100, 16);
  measure(1000, 4);
  measure(1000, 16);
  measure(1000, 64);
  if (sink == 1) puts(""); /* never */
  return 0;
}
