/* Does the relaxation over assignments say what it means, and does annealing keep its books?
 *
 * On random instances: the value is that of the assignment, summed anew; never worse than at the start; no order of
 * small assignments beats it; and samples of an annealing are counted one by one. */
#include "search/tenancy/tenancy_anneal.h"
#include "search/tenancy/tenancy_assign.h"
#include "tests/tenancy_random.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_INSTANCES = 60, N_STEPS = 3000, N_ORDERS = 40 };

static struct rng draw_problem(uint64_t task, struct tenancy_problem *problem, struct tenancy_queues *queues) {
  struct error error = {0};
  struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
  const size_t n = 1 + rng_below(&rng, 40), n_cores = 1 + rng_below(&rng, 8);
  assert_true(tenancy_random_problem(&rng, n, n_cores, &arena, problem, &error));
  tenancy_random_queues(&rng, problem, &arena, queues);
  return rng;
}

/* In cycles, from the header's words. */
static double relaxed(const struct tenancy_problem *problem, const uint32_t *core, double bytes_factor) {
  double load[TENANCY_MAX_CORES] = {0}, excess = 0, bytes = 0, longest = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    const size_t at = tenancy_at(problem, j, core[j]);
    const double cycles = (double)problem->latency_cycles[at];
    const double need = problem->bytes_per_cycle[at] / problem->bandwidth_bytes_per_cycle;
    load[core[j]] += cycles, bytes += cycles * need;
    if (need > 1) excess += cycles * (need - 1);
  }
  for (size_t c = 0; c < problem->n_cores; c++) longest = fmax(longest, load[c]);
  return fmax(longest + excess, bytes_factor * bytes);
}

static void values_are_those_of_the_assignment(void **state) {
  (void)state;
  size_t n_better = 0;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    struct tenancy_problem problem;
    struct tenancy_queues queues;
    struct rng rng = draw_problem(task, &problem, &queues);
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    tenancy_write_down(&problem, &queues, &answer);
    const double factor = task % 3 == 0 ? 1 : 0.6 + 0.6 * rng_unit(&rng),
                 before = relaxed(&problem, answer.core, factor);
    const double value = tenancy_assign(&problem, factor, N_STEPS, &rng, &arena, answer.core);
    for (size_t j = 0; j < problem.n_jobs; j++) {
      assert_true(answer.core[j] < problem.n_cores && tenancy_can_run(&problem, j, answer.core[j]));
    }
    assert_true(fabs(value - relaxed(&problem, answer.core, factor)) <= 1e-9 * value);
    assert_true(value <= before * (1 + 1e-9));
    n_better += value < 0.99 * before;
    for (size_t i = 0; factor <= 1 && i < N_ORDERS; i++) { /* no order ends earlier */
      for (size_t j = 0; j < problem.n_jobs; j++) answer.priority[j] = rng_unit(&rng);
      tenancy_queue_up(&problem, &answer, &queues);
      assert_true(tenancy_cycles(&problem, tenancy_evaluate(&problem, &queues)) >= value * (1 - 1e-6));
    }
  }
  assert_true(n_better > N_INSTANCES / 2);
}

static void samples_are_counted(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_INSTANCES; task++) {
    struct tenancy_problem problem;
    struct tenancy_queues queues;
    struct rng rng = draw_problem(task, &problem, &queues);
    struct tenancy_meter meter;
    tenancy_meter_init(&meter, &problem, 701, &arena);
    struct tenancy_annealing *annealing = ARENA_NEW(&arena, struct tenancy_annealing, 1);
    tenancy_annealing_init(annealing, &problem, tenancy_move_weights, &meter, &arena);
    annealing->rng = rng;
    tenancy_timeline_set(&annealing->timeline, &queues);
    const double start = (double)annealing->timeline.cost;
    const struct tenancy_cooling cooling = {.hot = 1e-2 * start + 1, .cold = 1e-6 * start + 1e-3, .total = 2000};
    tenancy_annealing_run(annealing, 500, &cooling);
    assert_int_equal(meter.n_samples, 500);
    tenancy_annealing_run(annealing, 500, &cooling); /* the meter holds fewer */
    assert_int_equal(meter.n_samples, 701);
    uint64_t n_tried = 0;
    for (size_t k = 0; k < TENANCY_N_MOVE_KINDS; k++) n_tried += annealing->n_tried[k];
    assert_int_equal(n_tried, 701);
    tenancy_timeline_get(&annealing->timeline, &queues);
    assert_true(tenancy_evaluate(&problem, &queues) == annealing->timeline.cost);
    if (meter.best_cost == ~(tenancy_cost)0) continue; /* nothing ever was an improvement to report */
    assert_true(tenancy_evaluate(&problem, &meter.best) == meter.best_cost);
    assert_true(meter.best_cost <= annealing->timeline.cost);
  }
}

static void temperatures_fall(void **state) {
  (void)state;
  const struct tenancy_cooling cooling = {.hot = 640, .cold = 10, .total = 600};
  assert_float_equal(tenancy_cooling_at(&cooling, 0), 640, 1e-9);
  assert_float_equal(tenancy_cooling_at(&cooling, 100), 320, 1e-9);
  assert_float_equal(tenancy_cooling_at(&cooling, 600), 10, 1e-9);
  assert_float_equal(tenancy_cooling_at(&cooling, 6000), 10, 1e-9);
}

int main(void) {
  printf("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(values_are_those_of_the_assignment, setup, teardown),
      cmocka_unit_test_setup_teardown(samples_are_counted, setup, teardown),
      cmocka_unit_test_setup_teardown(temperatures_fall, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
