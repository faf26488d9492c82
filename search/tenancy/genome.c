/* See genome.h. */
#include "search/tenancy/genome.h"

#include "base/num.h"
#include <math.h>
#include <string.h>

uint32_t genome_draw_core(const struct tenancy_problem *problem, size_t job, struct rng *rng) {
  uint32_t core;
  do {
    core = (uint32_t)rng_below(rng, problem->n_cores);
  } while (!tenancy_can_run(problem, job, core));
  return core;
}

void genome_draw(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_answer *answer) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    answer->core[j] = genome_draw_core(problem, j, rng);
    answer->priority[j] = rng_unit(rng);
  }
}

double genome_fold(double number, double range) {
  double folded = fabs(number);
  if (folded < range) return folded;
  folded -= 2 * range * floor(folded / (2 * range));
  if (folded >= range) folded = 2 * range - folded;
  return folded < range ? folded : nextafter(range, 0); /* the end itself, and what is no number */
}

static size_t count_cores(const struct tenancy_problem *problem, size_t job) {
  size_t n = 0;
  for (size_t c = 0; c < problem->n_cores; c++) n += tenancy_can_run(problem, job, c);
  return n;
}

void genome_decode(const struct tenancy_problem *problem, const double *numbers, struct tenancy_answer *answer) {
  const size_t n = problem->n_jobs, n_cores = problem->n_cores;
  for (size_t j = 0; j < n; j++) {
    const size_t n_able = count_cores(problem, j);
    const double number = genome_fold(numbers[j], (double)n_cores);
    size_t left = (size_t)(n_able == n_cores ? number : number * (double)n_able / (double)n_cores), core = 0;
    if (left >= n_able) left = n_able - 1; /* rounding */
    for (;; core++) {
      if (!tenancy_can_run(problem, j, core)) continue;
      if (left-- == 0) break;
    }
    answer->core[j] = (uint32_t)core;
    answer->priority[j] = genome_fold(numbers[n + j], 1);
  }
}

/* --- orders ---------------------------------------------------------------------------------------------------------
 * A heap sort over (value, number): no allocation, no worst case. */

static bool cost_before(const void *values, uint32_t a, uint32_t b) {
  const tenancy_cost *cost = values;
  if (cost[a] != cost[b]) return cost[a] < cost[b];
  return a < b;
}
static bool real_before(const void *values, uint32_t a, uint32_t b) {
  const double *value = values;
  if (value[a] < value[b]) return true;
  return !(value[b] < value[a]) && a < b;
}

typedef bool before_function(const void *values, uint32_t a, uint32_t b);

static void sift_down(const void *values, before_function *before, uint32_t *order, size_t at, size_t n) {
  const uint32_t moved = order[at];
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && before(values, order[child], order[child + 1])) child++;
    if (!before(values, moved, order[child])) break;
    order[at] = order[child];
  }
  order[at] = moved;
}

static void rank(const void *values, before_function *before, size_t n, uint32_t *order) {
  for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  for (size_t i = n / 2; i-- > 0;) sift_down(values, before, order, i, n);
  for (size_t i = n; i-- > 1;) {
    const uint32_t last = order[0];
    order[0] = order[i];
    order[i] = last;
    sift_down(values, before, order, 0, i);
  }
}

void genome_rank(const tenancy_cost *cost, size_t n_cost, uint32_t *order) { rank(cost, cost_before, n_cost, order); }
void genome_rank_reals(const double *value, size_t n, uint32_t *order) { rank(value, real_before, n, order); }

/* --- streams --------------------------------------------------------------------------------------------------------
 */

struct rng genome_stream(const struct tenancy_request *request, enum genome_baseline baseline, uint64_t draw) {
  return rng_stream(request->seed, RNG_TENANCY_BASELINE, draw, request->island + (uint64_t)baseline * 65536);
}

double genome_normal(struct rng *rng) {
  double x, square;
  do {
    x = 2 * rng_unit(rng) - 1;
    const double y = 2 * rng_unit(rng) - 1;
    square = x * x + y * y;
  } while (square >= 1 || square <= 0);
  return x * sqrt(-2 * num_log(square) / square);
}

void genome_keep_best(struct tenancy_request *request, const struct tenancy_meter *meter) {
  const struct tenancy_problem *problem = request->problem;
  if (request->keep == 0) return;
  request->n_kept = 0;
  tenancy_cost known = ~(tenancy_cost)0;
  if (request->n_population > 0) {
    struct tenancy_queues queues = tenancy_queues_new(problem, request->arena);
    tenancy_queue_up(problem, &request->population[0], &queues);
    known = tenancy_evaluate(problem, &queues);
  }
  if (meter->best_cost < known) {
    tenancy_write_down(problem, &meter->best, &request->kept[0]);
    request->n_kept = 1;
  } else if (request->n_population > 0) {
    tenancy_answer_copy(problem, &request->population[0], &request->kept[0]);
    request->n_kept = 1;
  }
}
