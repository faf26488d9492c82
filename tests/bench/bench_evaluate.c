/* How many design points does a core score in a second?
 *
 * Random designs of the quick start's space that limits allow, on the training graphs of ResNet-50 and BERT-Large: with
 * operators priced anew every time (cold), with the rank's cost cache (warm: the second pass over the same designs),
 * and bounds alone. Where the time goes: pricing against scheduling. Run from the repository root; `bench_evaluate N
 * NETWORK` evaluates N designs cold and prints nothing, for a run under an instruction counter. */
#include "base/clock.h"
#include "base/rng.h"
#include "dse/run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_DESIGNS = 400 };

struct bench {
  struct run run;
  struct arena arena, scratch;
  struct invocation invocation;
  struct point points[N_DESIGNS];
};

static void stop(const struct error *error) {
  fputs(error->text, stderr);
  exit(1);
}

static void prepare(struct bench *bench, const char *network, const char *batch) {
  static struct error error;
  memset(bench, 0, sizeof *bench);
  arena_init(&bench->arena, 1 << 20);
  arena_init(&bench->scratch, 1 << 20);
  int argc = 0;
  char **argv = NULL;
  static struct cluster *cluster; /* once a process */
  if (cluster == NULL) cluster = cluster_start(&argc, &argv, &error);
  if (cluster == NULL) stop(&error);
  bench->invocation =
      (struct invocation){.cluster = cluster, .arena = &bench->arena, .scratch = &bench->scratch, .data_folder = "."};
  bench->invocation.sets[0] = (struct config_set){"workload", network};
  bench->invocation.sets[1] = (struct config_set){"batch", batch};
  bench->invocation.n_sets = 2;
  bench->run.invocation = &bench->invocation;
  if (!run_prepare(&bench->run, "configs/quickstart.cfg", &error)) stop(&error);
  const struct space *space = &bench->run.designs.space;
  struct rng rng = rng_stream(2385, RNG_TEST, 0, 0);
  for (size_t n = 0; n < N_DESIGNS;) {
    struct score score;
    bench->points[n] = space_point(space, rng_below(&rng, space_size(space)));
    space->screen(space->context, &bench->points[n], &score);
    n += score.reason == REASON_NONE;
  }
}

static double evaluate_all(struct bench *bench, size_t n, double *sum) {
  const struct space *space = &bench->run.designs.space;
  const double start = clock_processor_s();
  for (size_t i = 0; i < n; i++) {
    struct score score;
    space->evaluate(space->context, &bench->points[i % N_DESIGNS], &score);
    *sum += score.objective[OBJECTIVE_THROUGHPUT];
  }
  return clock_processor_s() - start;
}

static double screen_all(struct bench *bench, double *sum) {
  const struct space *space = &bench->run.designs.space;
  const double start = clock_processor_s();
  for (size_t i = 0; i < N_DESIGNS; i++) {
    struct score score;
    space->screen(space->context, &bench->points[i], &score);
    *sum += score.bound;
  }
  return clock_processor_s() - start;
}

static void use_cache(struct bench *bench, bool cache) {
  stage_scratch_release(bench->run.designs.scratch);
  bench->run.designs.scratch = stage_scratch_new(&bench->arena, &bench->run.stage, cache);
}

/* Prices a second for one design over and over: all from the cache, or none. */
static double prices_per_s(struct bench *bench) {
  struct accelerator accelerator;
  if (!design_at(&bench->run.designs, &bench->points[0], &accelerator)) return 0;
  uint64_t n = stage_price(&bench->run.stage, &accelerator, bench->run.designs.scratch);
  const double start = clock_processor_s();
  for (n = 0; clock_processor_s() - start < 0.2;)
    n += stage_price(&bench->run.stage, &accelerator, bench->run.designs.scratch);
  return (double)n / (clock_processor_s() - start);
}

static void measure(const char *network, const char *batch) {
  static struct bench bench;
  prepare(&bench, network, batch);
  double sum = 0;
  use_cache(&bench, false);
  const double cold_s = evaluate_all(&bench, N_DESIGNS, &sum);
  const double uncached = prices_per_s(&bench);
  use_cache(&bench, true);
  evaluate_all(&bench, N_DESIGNS, &sum);
  const struct stage_cache_counts before = stage_cache_counts(bench.run.designs.scratch);
  const double warm_s = evaluate_all(&bench, N_DESIGNS, &sum);
  const struct stage_cache_counts after = stage_cache_counts(bench.run.designs.scratch);
  const double cached = prices_per_s(&bench), bound_s = screen_all(&bench, &sum);
  const double pricings = (double)(after.hits + after.misses - before.hits - before.misses);
  printf(
      "%-11s %5zu operators of %3zu shapes: cold %6.0f points/s, warm %6.0f points/s (%.2f x), bounds %7.0f points/s "
      "(%.0f x)\n",
      network, bench.run.graph.n_ops, bench.run.graph.n_shapes, N_DESIGNS / cold_s, N_DESIGNS / warm_s, cold_s / warm_s,
      N_DESIGNS / bound_s, cold_s / bound_s);
  printf("%-11s %5.0f operator costs a point: uncached %.3f M/s, cached %.1f M/s (%.0f x); warm points find %.0f %% "
         "cached\n",
         "", pricings / N_DESIGNS, 1e-6 * uncached, 1e-6 * cached, cached / uncached,
         100 * (double)(after.hits - before.hits) / pricings);
  printf("%-11s       what bounds it: pricing %.0f %% of a cold point, the schedule and its bound most of the rest "
         "(checksum %.6g)\n",
         "", 100 * pricings / N_DESIGNS / uncached / (cold_s / N_DESIGNS), sum);
  run_release(&bench.run);
  arena_release(&bench.scratch);
  arena_release(&bench.arena);
}

int main(int argc, char **argv) {
  if (argc == 3) {
    static struct bench bench;
    double sum = 0;
    prepare(&bench, argv[2], "16");
    use_cache(&bench, false);
    evaluate_all(&bench, strtoul(argv[1], NULL, 10), &sum);
    return sum >= 0 ? 0 : 1;
  }
  measure("resnet50", "32");
  measure("bert-large", "16");
  return 0;
}
