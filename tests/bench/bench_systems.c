/* How long does it take to split layers into stages, and to choose the stages' designs? Sizes of the largest models. */
#include "base/clock.h"
#include "base/rng.h"
#include "search/stages/stages.h"
#include "search/systems/systems.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t seed = 2385;

static void stop(const struct error *error) {
  fputs(error->text, stderr);
  exit(1);
}

/* Layers that are alike up to a few per cent, as a model's are, or as different as can be. */
static void split(size_t n_layers, size_t n_stages, size_t r, double spread, bool limited) {
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct rng rng = rng_stream(seed, RNG_TEST, n_layers, n_stages);
  double *load = ARENA_NEW(&arena, double, n_layers);
  uint64_t *bytes = ARENA_NEW(&arena, uint64_t, n_layers), *n_kept = ARENA_NEW(&arena, uint64_t, n_stages);
  for (size_t i = 0; i < n_layers; i++) {
    load[i] = 1 + spread * rng_unit(&rng);
    bytes[i] = 1000 + rng_below(&rng, 100);
  }
  for (size_t s = 0; s < n_stages; s++) n_kept[s] = n_stages - s;
  const struct stages_problem problem = {.n_layers = n_layers,
                                         .n_stages = n_stages,
                                         .load = load,
                                         .fixed_bytes = bytes,
                                         .kept_bytes = bytes,
                                         .n_kept = n_kept,
                                         .memory_bytes =
                                             limited ? 1200 * (n_layers / n_stages + 1) * (n_stages + 1) : 0};
  struct error error = {0};
  struct stages_answer answer;
  size_t n_runs = 0;
  const double start_s = clock_wall_s();
  double spent_s = 0;
  for (; spent_s < 0.3; spent_s = clock_wall_s() - start_s, n_runs++) {
    if (!stages_solve(&problem, r, &arena, &scratch, &answer, &error)) stop(&error);
  }
  const double bound = stages_lower_bound(&problem);
  printf("stages   %5zu layers  %4zu stages  best %3zu  loads 1 to %-5g %-14s %9.3f ms  gap to the bound %.2f %%\n",
         n_layers, n_stages, answer.n, 1 + spread, limited ? "memory limited" : "", 1e3 * spent_s / (double)n_runs,
         answer.n > 0 ? 100 * stages_gap(answer.partitions[0].bottleneck, bound) : NAN);
  arena_release(&arena);
  arena_release(&scratch);
}

/* Parallel branches of equal length between a stem and a join: (length + 1)^branches downsets and two more. */
static void split_branches(size_t n_branches, size_t length, size_t n_stages) {
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct rng rng = rng_stream(seed, RNG_TEST, n_branches, length);
  const size_t n_layers = n_branches * length + 2;
  double *load = ARENA_NEW(&arena, double, n_layers);
  uint32_t *pred_start = ARENA_NEW(&arena, uint32_t, n_layers + 1), *preds = ARENA_NEW(&arena, uint32_t, 2 * n_layers);
  for (size_t i = 0; i < n_layers; i++) load[i] = 1 + rng_unit(&rng);
  for (uint32_t i = 1; i + 1 < n_layers; i++) { /* row by row: layer i follows the one a row before */
    preds[i - 1] = i > n_branches ? i - (uint32_t)n_branches : 0;
    pred_start[i + 1] = i;
  }
  for (uint32_t b = 0; b < n_branches; b++) preds[n_layers - 2 + b] = (uint32_t)(n_layers - 2 - b);
  pred_start[n_layers] = (uint32_t)(n_layers - 2 + n_branches);
  const struct stages_problem problem = {.n_layers = n_layers,
                                         .n_stages = n_stages,
                                         .load = load,
                                         .pred_start = pred_start,
                                         .preds = preds,
                                         .max_downsets = STAGES_MAX_DOWNSETS};
  struct error error = {0};
  struct stages_answer answer;
  const double start_s = clock_wall_s();
  if (!stages_solve(&problem, 1, &arena, &scratch, &answer, &error)) stop(&error);
  printf("stages   %5zu layers  %4zu stages  %zu branches of %-14zu %-20s %9.3f ms  gap to the bound %.2f %%\n",
         n_layers, n_stages, n_branches, length, answer.exact ? "over downsets" : "along a chain",
         1e3 * (clock_wall_s() - start_s),
         100 * stages_gap(answer.partitions[0].bottleneck, stages_lower_bound(&problem)));
  arena_release(&arena);
  arena_release(&scratch);
}

/* Designs on a curve of time against costs, each stage with an opinion of its own. */
static void choose(size_t n_stages, size_t n_designs, size_t n_costs, size_t max_designs, bool alike) {
  struct arena arena, scratch;
  arena_init(&arena, 1 << 20);
  arena_init(&scratch, 1 << 20);
  struct rng rng = rng_stream(seed, RNG_TEST, n_stages, n_designs);
  double *load = ARENA_NEW(&arena, double, n_stages *n_designs);
  double *cost = ARENA_NEW(&arena, double, n_stages *n_designs *n_costs);
  double *size = ARENA_NEW(&arena, double, n_designs);
  for (size_t d = 0; d < n_designs; d++) size[d] = 1 + 9 * rng_unit(&rng);
  for (size_t i = 0; i < n_stages; i++) {
    const double work = alike ? 1 : 0.5 + rng_unit(&rng);
    for (size_t d = 0; d < n_designs; d++) {
      const size_t at = i * n_designs + d;
      load[at] = work / size[d] * (alike && i > 0 ? load[d] * size[d] : 1 + 0.2 * rng_unit(&rng));
      for (size_t c = 0; c < n_costs; c++) {
        cost[at * n_costs + c] = i > 0 ? cost[d * n_costs + c] : size[d] * (1 + 0.3 * rng_unit(&rng));
      }
    }
  }
  struct systems_problem problem = {.n_stages = n_stages,
                                    .n_designs = n_designs,
                                    .n_costs = n_costs,
                                    .load = load,
                                    .cost = cost,
                                    .max_designs = max_designs};
  for (size_t c = 0; c < SYSTEMS_MAX_COSTS; c++) problem.limit[c] = c == 0 ? INFINITY : 4.5 * (double)n_stages;
  struct error error = {0};
  struct systems_front front;
  bool proven;
  const double start_s = clock_wall_s();
  if (!systems_solve(&problem, 2000000, &arena, &scratch, &front, &proven, &error)) stop(&error);
  printf("systems  %5zu stages%s  %5zu designs  %zu costs  at most %zu designs  %9.3f ms  front of %zu, %s, gap to the "
         "bound %.2f %%\n",
         n_stages, alike ? " alike" : "", n_designs, n_costs, max_designs, 1e3 * (clock_wall_s() - start_s), front.n,
         proven ? "proven" : "not proven",
         front.n > 0 ? 100 * systems_gap(front.choices[0].load, systems_lower_bound(&problem)) : NAN);
  arena_release(&arena);
  arena_release(&scratch);
}

int main(void) {
  printf("bench_systems: seed %" PRIu64 "\n", seed);
  split(126, 16, 1, 0.05, false);
  split(126, 16, 10, 0.05, true);
  split(1000, 128, 1, 0.05, false);
  split(1000, 128, 10, 0.05, true);
  split(1000, 128, 10, 100, false);
  split_branches(2, 60, 16);
  split_branches(4, 13, 8);
  split_branches(4, 13, 2);
  choose(128, 1000, 1, 0, false);
  choose(128, 1000, 1, 1, false);
  choose(16, 100, 3, 0, true);
  choose(16, 100, 3, 0, false);
  choose(128, 100, 2, 0, true);
  choose(16, 100, 1, 2, false);
  choose(16, 100, 2, 3, false);
  return 0;
}
