/* What must be true of a system's time, whatever the transformer, the strategy and the design?
 *
 * Parts add up to the iteration; nothing is faster than its bound, from prices or from floors; times rise with every
 * unit's time; one device with one microbatch takes what its phases take, one after the other; memory falls with ZeRO
 * and the work stays. What a design is worth is the least over all plans, tried one by one. */
#include "tests/system_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 40, N_DESIGNS = 3, MOST_PLANS = 30 };

struct fixture {
  struct arena arena, scratch;
  struct run *run;
  struct rng rng;
};

static bool setup(struct fixture *fixture, struct cluster *cluster, uint64_t purpose, uint64_t task) {
  arena_init(&fixture->arena, 1 << 20);
  arena_init(&fixture->scratch, 1 << 20);
  fixture->rng = rng_stream(seed, RNG_TEST, purpose, task);
  bool has_experts;
  const char *model = case_system_model(&fixture->rng, &fixture->arena, &has_experts);
  const char *space = case_system_space(&fixture->rng, &fixture->arena);
  const char *system = case_system_strategies(&fixture->rng, has_experts, &fixture->arena);
  const char *text = arena_printf(&fixture->arena, "%s%s%s", model, space, system);
  fixture->run = case_system_run(text, cluster, &fixture->arena, &fixture->scratch);
  return fixture->run != NULL;
}

static void teardown(struct fixture *fixture) {
  if (fixture->run != NULL) run_release(fixture->run);
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

static struct accelerator draw_design(struct fixture *fixture) {
  struct accelerator accelerator;
  const struct design_space *designs = &fixture->run->designs;
  struct point point;
  do {
    point = case_random_point(&designs->space, &fixture->rng);
  } while (!design_at(designs, &point, &accelerator));
  return accelerator;
}

/* --- bounds and parts -----------------------------------------------------------------------------------------------
 */

static void check_parts(const struct system_plan *plan, const struct system_result *result, const char *text) {
  double sum_s = 0;
  for (unsigned part = 0; part < N_SYSTEM_PARTS; part++) {
    assert_true(result->part_s[part] >= 0);
    sum_s += result->part_s[part];
  }
  if (!(fabs(sum_s - result->iteration_s) <= 1e-9 * result->iteration_s)) {
    fail_msg("%s: parts add up to %.17g of %.17g", text, sum_s, result->iteration_s);
  }
  assert_true(result->energy_j > 0 && result->waiting_device_s >= 0);
  assert_true(result->waiting_device_s <= (double)plan->n_devices * result->iteration_s);
  assert_int_equal(result->memory_bytes, system_plan_memory_bytes(plan));
}

static struct case_flooring floor_plan(struct fixture *fixture, const struct system_plan *plan,
                                       const struct accelerator *accelerator, struct stage_cost_of_design *design) {
  struct system *system = fixture->run->system->system;
  design_cost(&fixture->run->designs, accelerator, design);
  struct case_flooring flooring = {system, accelerator, design,
                                   ARENA_NEW(&fixture->arena, struct unit_cost, system->n_units),
                                   ARENA_NEW(&fixture->arena, struct unit_cost, system->n_units)};
  system_visit_units(plan, NULL, case_floor_unit, &flooring);
  return flooring;
}

static void bounds_hold(void **state) {
  uint64_t n_tried = 0, n_timed = 0;
  double worst = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    if (!setup(&fixture, *state, 1, task)) {
      teardown(&fixture);
      continue;
    }
    n_tried++;
    struct system_search *search = fixture.run->system;
    for (unsigned d = 0; d < N_DESIGNS; d++) {
      const struct accelerator accelerator = draw_design(&fixture);
      struct network network;
      network_init(&network, search->system->model.network, &accelerator);
      for (size_t i = 0; i < search->n_plans && i < MOST_PLANS; i++) {
        const struct system_plan *plan = search->plans[rng_below(&fixture.rng, search->n_plans)];
        struct stage_cost_of_design design;
        struct system_result result;
        const struct case_flooring flooring = floor_plan(&fixture, plan, &accelerator, &design);
        system_evaluate(search->system, plan, &accelerator, &result);
        const char *text = strategy_text(&plan->strategy, &fixture.arena);
        check_parts(plan, &result, text);
        const double floor_s = system_bound_s(search->system, plan, flooring.floors, &network);
        const double bound_s = system_bound_s(search->system, plan, flooring.costs, &network);
        if (!(floor_s <= bound_s * (1 + 1e-12)) || !(bound_s <= result.iteration_s)) {
          fail_msg("task %" PRIu64 ", %s: floors %.17g, prices %.17g, iteration %.17g", task, text, floor_s, bound_s,
                   result.iteration_s);
        }
        for (size_t r = 0; r < plan->n_runs; r++) {
          const double load_s = system_load_s(search->system, plan, &plan->runs[r], flooring.costs, &network);
          const double least_s = system_load_s(search->system, plan, &plan->runs[r], flooring.floors, &network);
          assert_true(least_s <= load_s * (1 + 1e-12));
          if (!(load_s <= result.iteration_s * (1 + 1e-12))) {
            fail_msg("task %" PRIu64 ", %s: a load of %.17g in %.17g", task, text, load_s, result.iteration_s);
          }
        }
        assert_true(system_energy_j(search->system, plan, flooring.floors) <=
                    system_energy_j(search->system, plan, flooring.costs) * (1 + 1e-12));
        assert_true(system_energy_j(search->system, plan, flooring.costs) <= result.energy_j * (1 + 1e-12));
        worst = fmax(worst, result.iteration_s / bound_s);
        n_timed++;
      }
    }
    teardown(&fixture);
  }
  print_message("seed %" PRIu64 ": %" PRIu64 " runs, %" PRIu64 " systems timed, at most %.3f times their bound\n", seed,
                n_tried, n_timed, worst);
  assert_true(n_tried > N_CASES / 3 && n_timed > 500);
}

/* --- the best strategy ----------------------------------------------------------------------------------------------
 */

static void best_is_least(void **state) {
  uint64_t n_tried = 0, n_plans = 0, n_simulated = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    if (!setup(&fixture, *state, 2, task)) {
      teardown(&fixture);
      continue;
    }
    struct system_search *search = fixture.run->system;
    for (unsigned d = 0; d < N_DESIGNS; d++) {
      const struct accelerator accelerator = draw_design(&fixture);
      double least_s = (double)INFINITY;
      struct system_score score;
      struct system_result found, own;
      for (size_t i = 0; i < search->n_plans; i++) {
        system_evaluate(search->system, search->plans[i], &accelerator, &own);
        if (own.fits) least_s = fmin(least_s, own.iteration_s);
      }
      const uint64_t before = search->n_simulated;
      design_system_of(&fixture.run->designs, &accelerator, &score, &found);
      n_simulated += search->n_simulated - before;
      n_plans += search->n_plans;
      assert_true(isfinite(least_s) == (score.plan != NULL));
      if (score.plan == NULL) continue;
      n_tried++;
      assert_true(score.seconds == least_s && found.iteration_s == least_s);
      system_evaluate(search->system, score.plan, &accelerator, &own);
      assert_true(own.iteration_s == found.iteration_s && own.energy_j == found.energy_j);
      assert_true(score.throughput == (double)search->samples / least_s && score.energy_j == own.energy_j);
      assert_int_equal(score.n_devices, score.plan->n_devices);
    }
    teardown(&fixture);
  }
  print_message("%" PRIu64 " designs; %" PRIu64 " of %" PRIu64 " plans simulated\n", n_tried, n_simulated, n_plans);
  assert_true(n_tried > N_CASES);
  assert_true(n_simulated < n_plans / 2); /* else bounds were of no use */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bounds_hold),
      cmocka_unit_test(best_is_least),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
