/* How many answers to a placement problem does one core evaluate a second? A random chain of towers as in H2H's example
 * (44 layers on 3 devices), the same with links and latencies, with a shared host, and larger ones; the judge beside
 * them. */
#include "base/clock.h"
#include "base/rng.h"
#include "search/placement/placement.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t seed = 2385;
enum { N_ANSWERS = 64, TOWERS = 3 };
static const double least_s = 0.25;

struct bench {
  struct arena arena, scratch;
  struct placement_problem problem;
  struct placement_answer answers[N_ANSWERS];
};

static void draw_problem(struct bench *bench, size_t n, size_t n_devices, bool latency, enum placement_timing timing) {
  static const char *const kinds[] = {"conv"};
  struct rng rng = rng_stream(seed, RNG_TEST, n, n_devices);
  struct arena *arena = &bench->arena;
  const char **names = ARENA_NEW(arena, const char *, n);
  uint64_t *weight = ARENA_NEW(arena, uint64_t, n), *input = ARENA_NEW(arena, uint64_t, n);
  uint64_t *output = ARENA_NEW(arena, uint64_t, n);
  double *compute_s = ARENA_NEW(arena, double, n *n_devices);
  struct placement_edge *edges = ARENA_NEW(arena, struct placement_edge, n);
  struct placement_device *devices = ARENA_NEW(arena, struct placement_device, n_devices);
  size_t n_edges = 0;
  for (uint32_t l = 0; l < n; l++) {
    names[l] = arena_printf(arena, "l%u", l);
    weight[l] = rng_below(&rng, 4000000), input[l] = rng_below(&rng, 4000000), output[l] = rng_below(&rng, 4000000);
    if (l >= TOWERS) edges[n_edges++] = (struct placement_edge){l - TOWERS, l, input[l], NAN};
    for (size_t d = 0; d < n_devices; d++) compute_s[l * n_devices + d] = 0.001 + 0.01 * rng_unit(&rng);
  }
  for (size_t d = 0; d < n_devices; d++) {
    char *name = arena_printf(arena, "d%zu", d);
    devices[d] = (struct placement_device){.name = name,
                                           .class_name = name,
                                           .dram_bytes = 1000000000,
                                           .pin_share = 0.5,
                                           .link_bytes_per_s = 1.25e9,
                                           .link_latency_s = latency ? 1e-6 : 0};
  }
  bench->problem = (struct placement_problem){.name = "bench",
                                              .timing = timing,
                                              .granule_bytes = 4000,
                                              .n_devices = n_devices,
                                              .n_layers = n,
                                              .n_edges = n_edges,
                                              .n_kinds = 1,
                                              .devices = devices,
                                              .layer_names = names,
                                              .kinds = kinds,
                                              .kind = ARENA_NEW(arena, uint32_t, n),
                                              .weight_bytes = weight,
                                              .input_bytes = input,
                                              .output_bytes = output,
                                              .edges = edges,
                                              .compute_s = compute_s};
  bench->problem.host.out_bytes_per_s = bench->problem.host.in_bytes_per_s = 2e9;
  bench->problem.host.prefetch_layers = 1;
  struct error error = {0};
  if (placement_finish(&bench->problem, arena, &error)) return;
  fputs(error.text, stderr);
  exit(1);
}

/* Blocks of layers in the file's order, which respects the edges. */
static void draw_answers(struct bench *bench) {
  const struct placement_problem *problem = &bench->problem;
  struct rng rng = rng_stream(seed, RNG_TEST, problem->n_layers, 1000);
  for (size_t i = 0; i < N_ANSWERS; i++) {
    struct placement_answer *answer = &bench->answers[i];
    uint32_t *device = ARENA_NEW(&bench->arena, uint32_t, problem->n_layers);
    uint32_t *fill = ARENA_NEW(&bench->arena, uint32_t, problem->n_devices);
    *answer = placement_answer_new(problem, &bench->arena);
    for (size_t l = 0; l < problem->n_layers; l++) {
      const bool moves = l < TOWERS || rng_below(&rng, 6) == 0;
      device[l] = moves ? (uint32_t)rng_below(&rng, problem->n_devices) : device[l - TOWERS];
      answer->start[device[l] + 1]++;
      answer->pinned[l] = true;
    }
    for (size_t d = 0; d < problem->n_devices; d++) answer->start[d + 1] += answer->start[d];
    memcpy(fill, answer->start, problem->n_devices * sizeof *fill);
    for (uint32_t l = 0; l < problem->n_layers; l++) answer->layer[fill[device[l]]++] = l;
    placement_pin(problem, &bench->scratch, answer);
  }
}

static double sink; /* so that nothing is optimised away */

static void evaluate(struct bench *bench, size_t i) {
  sink += placement_evaluate(&bench->problem, &bench->answers[i], &bench->scratch, NULL);
}

static void pin(struct bench *bench, size_t i) {
  placement_pin(&bench->problem, &bench->scratch, &bench->answers[i]);
  evaluate(bench, i);
}

static void judge(struct bench *bench, size_t i) {
  static struct error error;
  const struct placement_claim claim = {.answer = bench->answers[i], .makespan_s = NAN};
  if (!placement_check(&bench->problem, &claim, &bench->scratch, NULL, &error)) {
    fputs(error.text, stderr);
    exit(1);
  }
}

static double microseconds(struct bench *bench, void (*one)(struct bench *, size_t)) {
  const double start_s = clock_processor_s();
  size_t n = 0;
  double spent_s = 0;
  for (; spent_s < least_s; spent_s = clock_processor_s() - start_s) {
    for (size_t i = 0; i < N_ANSWERS; i++) one(bench, i);
    n += N_ANSWERS;
  }
  return 1e6 * spent_s / (double)n;
}

static void measure(const char *rule, size_t n, size_t n_devices, bool latency, enum placement_timing timing) {
  static struct bench bench;
  arena_init(&bench.arena, 1 << 20);
  arena_init(&bench.scratch, 1 << 20);
  draw_problem(&bench, n, n_devices, latency, timing);
  draw_answers(&bench);
  const double value_us = microseconds(&bench, evaluate), pinned_us = microseconds(&bench, pin);
  const double judged_us = microseconds(&bench, judge);
  printf("placement  %-22s %5zu layers %2zu devices  evaluate %9.2f us  with step 2 %9.2f us  judge %9.2f us\n", rule,
         n, n_devices, value_us, pinned_us, judged_us);
  arena_release(&bench.arena);
  arena_release(&bench.scratch);
}

int main(void) {
  printf("bench_placement: seed %" PRIu64 ", one process\n", seed);
  measure("serial", 44, 3, false, PLACEMENT_SERIAL);
  measure("serial, latencies", 44, 3, true, PLACEMENT_SERIAL);
  measure("delay", 44, 3, false, PLACEMENT_DELAY);
  measure("contention", 44, 3, false, PLACEMENT_CONTENTION);
  measure("serial", 200, 12, false, PLACEMENT_SERIAL);
  measure("contention", 200, 12, false, PLACEMENT_CONTENTION);
  measure("serial", 10000, 64, false, PLACEMENT_SERIAL);
  measure("contention", 10000, 64, false, PLACEMENT_CONTENTION);
  if (sink < 0) puts(""); /* never */
  return 0;
}
