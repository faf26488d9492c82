/* How many partitions does one core draw, repair and evaluate a second? Random graphs with branches and skips of 100 to
 * 100,000 operators under every rule; the times of a draw by operator say whether propagation is linear in practice. */
#include "base/clock.h"
#include "base/rng.h"
#include "search/partition/partition.h"
#include "search/partition/partition_solver.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t seed = 2385;
static const double least_s = 0.2;
enum { LEAST = 3 };

struct bench {
  struct arena arena, scratch;
  struct partition_problem problem;
  struct partition_graph graph;
  struct partition_solver *solver;
  struct partition_work *work;
  struct partition_sample sample;
  struct rng rng;
  double *cost;
  uint32_t *proposal;
  uint64_t n_drawn, n_failures;
};

/* A chain of blocks: one to three branches between a fork and a join, some tensors skipping ahead. */
static void draw_problem(struct bench *bench, size_t n, uint32_t n_chips, enum partition_triangle triangle,
                         double memory) {
  struct rng rng = rng_stream(seed, RNG_TEST, n, n_chips);
  struct arena *arena = &bench->arena;
  const char **names = ARENA_NEW(arena, const char *, n);
  double *compute_ms = ARENA_NEW(arena, double, n);
  uint64_t *weight_bytes = ARENA_NEW(arena, uint64_t, n), *out_bits = ARENA_NEW(arena, uint64_t, n);
  uint32_t *colocate = ARENA_NEW(arena, uint32_t, n);
  struct partition_edge *edges = ARENA_NEW(arena, struct partition_edge, 3 * n);
  size_t n_edges = 0;
  uint64_t total = 0;
  uint32_t fork = 0, width = 1;
  for (uint32_t v = 0; v < n; v++) {
    names[v] = "x", colocate[v] = PARTITION_NONE;
    compute_ms[v] = 0.1 + rng_unit(&rng), weight_bytes[v] = 1 + rng_below(&rng, 1000000);
    out_bits[v] = 8 * (1 + rng_below(&rng, 100000)), total += weight_bytes[v];
    if (v == 0) continue;
    const uint32_t step = v - fork;
    edges[n_edges++] = (struct partition_edge){step <= width ? fork : v - width, v};
    if (rng_below(&rng, 20) == 0 && v > 9 && v - 9 > step) edges[n_edges++] = (struct partition_edge){v - 9 - step, v};
    if (step < 4 * width || rng_below(&rng, 4) > 0) continue;
    for (uint32_t b = 1; b < width; b++) edges[n_edges++] = (struct partition_edge){v - b, v};
    if (n_edges > 3 * n - 8) exit(1);
    fork = v, width = 1 + (uint32_t)rng_below(&rng, 3);
  }
  bench->problem = (struct partition_problem){.name = "bench",
                                              .n_chips = n_chips,
                                              .link_bytes_per_s = 100000000,
                                              .memory_bytes = (uint64_t)(memory * (double)total / n_chips),
                                              .triangle = triangle,
                                              .n_nodes = n,
                                              .n_edges = n_edges,
                                              .node_names = names,
                                              .compute_ms = compute_ms,
                                              .weight_bytes = weight_bytes,
                                              .out_bits = out_bits,
                                              .colocate = colocate,
                                              .cloneable = ARENA_NEW(arena, bool, n),
                                              .edges = edges};
  struct error error = {0};
  if (partition_contract(&bench->problem, arena, &bench->graph, &error)) return;
  fputs(error.text, stderr);
  exit(1);
}

static double sink; /* so that nothing is optimised away */

static void evaluate(struct bench *bench) {
  sink += partition_period(&bench->graph, bench->sample.chip, bench->work, NULL);
}

static void draw(struct bench *bench) {
  bench->n_drawn += partition_solver_draw(bench->solver, NULL, PARTITION_ORDER_RANDOM, &bench->rng, &bench->sample);
  bench->n_failures += partition_solver_failures(bench->solver);
}

static void draw_in_order(struct bench *bench) {
  bench->n_drawn +=
      partition_solver_draw(bench->solver, bench->cost, PARTITION_ORDER_TOPOLOGICAL, &bench->rng, &bench->sample);
}

static void fix(struct bench *bench) {
  bench->n_drawn += partition_solver_fix(bench->solver, bench->proposal, NULL, false, PARTITION_ORDER_RANDOM,
                                         &bench->rng, &bench->sample);
}

static void nearest(struct bench *bench) {
  partition_nearest(&bench->graph, bench->cost, &bench->scratch, bench->proposal);
}

static double microseconds(struct bench *bench, void (*one)(struct bench *)) {
  const double start_s = clock_processor_s();
  size_t n = 0;
  double spent_s = 0;
  for (; spent_s < least_s || n < LEAST; spent_s = clock_processor_s() - start_s) one(bench), n++;
  return 1e6 * spent_s / (double)n;
}

static void measure(const char *rule, size_t n, uint32_t n_chips, enum partition_triangle triangle, double memory) {
  static struct bench bench;
  memset(&bench, 0, sizeof bench);
  arena_init(&bench.arena, 1 << 20);
  arena_init(&bench.scratch, 1 << 20);
  draw_problem(&bench, n, n_chips, triangle, memory);
  bench.rng = rng_stream(seed, RNG_TEST, n, 1000);
  bench.cost = ARENA_NEW(&bench.arena, double, n *n_chips);
  bench.proposal = ARENA_NEW(&bench.arena, uint32_t, n);
  for (size_t i = 0; i < n * n_chips; i++) bench.cost[i] = rng_unit(&bench.rng);
  for (size_t v = 0; v < n; v++) bench.proposal[v] = 1 + (uint32_t)rng_below(&bench.rng, n_chips);
  bench.sample.chip = ARENA_NEW(&bench.arena, uint32_t, n), bench.sample.order = ARENA_NEW(&bench.arena, uint32_t, n);
  const double start_s = clock_processor_s();
  bench.solver = partition_solver_new(&bench.graph, INFINITY, &bench.arena);
  bench.work = partition_work_new(&bench.graph, &bench.arena);
  const double new_us = 1e6 * (clock_processor_s() - start_s), draw_us = microseconds(&bench, draw);
  const double fix_us = microseconds(&bench, fix), order_us = microseconds(&bench, draw_in_order);
  for (size_t v = 0; v < n; v++) bench.sample.chip[v] += bench.sample.chip[v] == 0;
  const double value_us = microseconds(&bench, evaluate);
  printf("partition  %-12s %6zu groups %4u chips  solutions %8.0f/s (%6.1f ns a group)  with p, in order %8.0f/s  "
         "repairs %8.0f/s  evaluations %8.0f/s  new %.0f us",
         rule, n, n_chips, 1e6 / draw_us, 1e3 * draw_us / (double)n, 1e6 / order_us, 1e6 / fix_us, 1e6 / value_us,
         new_us);
  if (triangle == PARTITION_GENERAL || memory > 0) printf("  dead ends %" PRIu64, bench.n_failures);
  if (triangle != PARTITION_GENERAL && n * n_chips <= 80000) printf("  nearest %.0f us", microseconds(&bench, nearest));
  putchar('\n');
  arena_release(&bench.arena);
  arena_release(&bench.scratch);
}

int main(void) {
  printf("bench_partition: seed %" PRIu64 ", one process\n", seed);
  for (size_t n = 100; n <= 100000; n *= 10) {
    measure("any", n, 8, PARTITION_ANY, 0);
    measure("path", n, 8, PARTITION_PATH, 0);
    measure("general", n, 8, PARTITION_GENERAL, 0);
    if (n <= 10000) measure("any, memory", n, 8, PARTITION_ANY, 1.5);
  }
  measure("any", 300, 36, PARTITION_ANY, 0);
  measure("path", 300, 36, PARTITION_PATH, 0);
  measure("general", 300, 36, PARTITION_GENERAL, 0);
  measure("any", 2000, 36, PARTITION_ANY, 0);
  measure("path", 2000, 36, PARTITION_PATH, 0);
  measure("path", 10000, 1024, PARTITION_PATH, 0);
  if (sink < 0) puts(""); /* never */
  return 0;
}
