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
  if (fixture->run != NULL) {
    arena_release(fixture->run->system->system->scratch); /* of what was prepared here */
    run_release(fixture->run);
  }
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

/* By simulation of floors, of prices, and of prices of which some are cut at random: none is above the iteration. */
static bool check_simulated(struct fixture *fixture, const struct system_plan *plan,
                            const struct case_flooring *flooring, const struct network *network, double iteration_s) {
  struct system *system = fixture->run->system->system;
  struct unit_cost *less = ARENA_NEW(&fixture->arena, struct unit_cost, system->n_units);
  for (size_t u = 0; u < system->n_units; u++) {
    struct unit_cost closest = flooring->costs[u];
    less[u] = flooring->costs[u];
    if (!(less[u].seconds > 0)) continue;
    system_bound_unit(system, system->units[u], flooring->accelerator, &closest);
    assert_true(closest.seconds <= less[u].seconds && closest.link_s == less[u].link_s);
    if (rng_below(&fixture->rng, 3) == 0) less[u].seconds *= rng_unit(&fixture->rng);
    less[u].link_s = fmin(less[u].link_s, less[u].seconds);
  }
  const double floor_s = system_simulated_bound_s(system, plan, flooring->floors, network);
  const double price_s = system_simulated_bound_s(system, plan, flooring->costs, network);
  const double less_s = system_simulated_bound_s(system, plan, less, network);
  assert_true(floor_s <= iteration_s && price_s <= iteration_s && less_s <= iteration_s);
  return price_s > system_bound_s(system, plan, flooring->costs, network);
}

static void bounds_hold(void **state) {
  uint64_t n_tried = 0, n_timed = 0, n_closer = 0;
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
        /* The table that all plans share says the same, also behind a design whose costs are others. */
        system_table_all(search->system, flooring.costs);
        system_table_all(search->system, flooring.floors);
        assert_true(system_tabled_bound_s(search->system, plan, &network) == floor_s);
        n_closer += check_simulated(&fixture, plan, &flooring, &network, result.iteration_s);
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
  assert_true(n_tried > N_CASES / 3 && n_timed > 500 && n_closer > n_timed / 10);
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

/* --- the same answer whoever was judged before ----------------------------------------------------------------------
 */

static void evaluations_are_pure(void **state) {
  uint64_t n_tried = 0;
  for (uint64_t task = 0; task < N_CASES / 2; task++) {
    struct fixture fixture, fresh;
    if (!setup(&fixture, *state, 3, task)) {
      teardown(&fixture);
      continue;
    }
    assert_true(setup(&fresh, *state, 3, task));
    const struct system_search *search = fixture.run->system;
    for (unsigned d = 0; d < N_DESIGNS; d++) {
      const size_t number = rng_below(&fixture.rng, search->n_plans);
      for (unsigned again = 0; again < N_DESIGNS; again++) {
        const struct accelerator accelerator = draw_design(&fixture);
        struct system_result here, there;
        system_evaluate(search->system, search->plans[number], &accelerator, &here);
        /* Of another run, whose plan was with no other links. */
        const struct system_plan *plan = fresh.run->system->plans[number];
        memset(&plan->links->of, 0, sizeof plan->links->of);
        system_evaluate(fresh.run->system->system, plan, &accelerator, &there);
        assert_true(here.iteration_s == there.iteration_s && here.energy_j == there.energy_j);
        assert_memory_equal(here.part_s, there.part_s, sizeof here.part_s);
        n_tried++;
      }
    }
    teardown(&fixture);
    teardown(&fresh);
  }
  assert_true(n_tried > 50);
}

/* --- one strategy after another -------------------------------------------------------------------------------------
 */

static const struct system_plan *prepare(struct fixture *fixture, const struct strategy *strategy) {
  const struct system_plan *plan;
  struct error *error = ARENA_NEW(&fixture->arena, struct error, 1);
  if (system_prepare(fixture->run->system->system, strategy, &plan, error)) return plan;
  assert_int_equal(error->status, STATUS_INPUT);
  return NULL;
}

static struct strategy alone(uint64_t microbatch) {
  return (struct strategy){.degrees = {.tensor = 1, .context = 1, .expert = 1, .data = 1, .pipeline = 1},
                           .microbatch = microbatch,
                           .n_chunks = 1,
                           .global_batch = microbatch};
}

/* Phases of all places one after the other, by hand. */
static double in_a_row_s(const struct system_plan *plan, const struct unit_cost *costs) {
  const struct block_chain *chain = &plan->cut->chain;
  double sum_s = 0;
  for (size_t i = 0; i < chain->n_places; i++) {
    const size_t b = chain->block_at[i];
    for (unsigned phase = 0; phase < N_BLOCK_PHASES; phase++) {
      const uint32_t unit = plan->cut->unit[b * N_BLOCK_PHASES + phase];
      if (unit == NO_UNIT || phase == BLOCK_BACKWARD_DATA || phase == BLOCK_BACKWARD_WEIGHT) continue;
      if (phase == BLOCK_SELECTIVE && plan->strategy.recompute != RECOMPUTE_SELECTIVE) continue;
      const bool twice =
          phase == BLOCK_FORWARD && plan->strategy.recompute == RECOMPUTE_FULL && chain->blocks[b].recomputes;
      sum_s += (twice ? 2 : 1) * costs[unit].seconds;
    }
  }
  return sum_s;
}

static void one_device_takes_its_phases(void **state) {
  uint64_t n_tried = 0;
  for (uint64_t task = 0; task < N_CASES / 2; task++) {
    struct fixture fixture;
    const bool good = setup(&fixture, *state, 4, task);
    for (uint64_t way = 0; good && way < n_pipeline_schedules * N_RECOMPUTES; way++) {
      struct strategy strategy = alone(1 + task % 2);
      strategy.schedule = way / N_RECOMPUTES;
      strategy.recompute = way % N_RECOMPUTES;
      const struct system_plan *plan = prepare(&fixture, &strategy);
      if (plan == NULL) continue; /* two chunks a device */
      const struct accelerator accelerator = draw_design(&fixture);
      struct stage_cost_of_design design;
      const struct case_flooring flooring = floor_plan(&fixture, plan, &accelerator, &design);
      struct system_result result;
      system_evaluate(fixture.run->system->system, plan, &accelerator, &result);
      const double expected_s = in_a_row_s(plan, flooring.costs);
      const double overhead_s = expected_s * fixture.run->settings.law.iteration_overhead;
      const double tasks_s = 4e-12; /* each is rounded up to a picosecond */
      const double spare_s = result.iteration_s - expected_s - overhead_s;
      if (!(spare_s >= -1e-12 * expected_s && spare_s <= tasks_s + 1e-12 * expected_s)) {
        fail_msg("%s: %.17g, its phases %.17g", strategy_text(&plan->strategy, &fixture.arena), result.iteration_s,
                 expected_s + overhead_s);
      }
      assert_true(result.part_s[SYSTEM_COLLECTIVES] == 0 && result.part_s[SYSTEM_DATA_EXPOSED] == 0);
      assert_true(fabs(result.part_s[SYSTEM_OVERHEAD] - overhead_s) <= 1e-9 * expected_s + tasks_s);
      assert_int_equal(plan->n_devices, 1);
      n_tried++;
    }
    teardown(&fixture);
  }
  assert_true(n_tried > 100);
}

static void zero_saves_memory_alone(void **state) {
  uint64_t n_tried = 0;
  for (uint64_t task = 0; task < N_CASES / 2; task++) {
    struct fixture fixture;
    const bool good = setup(&fixture, *state, 5, task);
    for (uint64_t data = 2; good && data <= 8; data *= 2) {
      const struct accelerator accelerator = draw_design(&fixture);
      struct system_result before, result;
      uint64_t state_before = UINT64_MAX;
      for (uint64_t zero = 0; zero <= 3; zero++, before = result) {
        struct strategy strategy = alone(1);
        strategy.degrees.data = data;
        strategy.global_batch = 3 * data;
        strategy.zero = zero;
        const struct system_plan *plan = prepare(&fixture, &strategy);
        assert_non_null(plan);
        system_evaluate(fixture.run->system->system, plan, &accelerator, &result);
        const struct system_memory *memory = &result.memory;
        const uint64_t held = memory->weights_bytes + memory->gradients_bytes + memory->optimizer_bytes;
        assert_true(held < state_before);
        state_before = held;
        if (zero == 0) continue;
        assert_int_equal(memory->kept_bytes, before.memory.kept_bytes);
        assert_int_equal(memory->working_bytes, before.memory.working_bytes);
        const double compute_s = result.part_s[SYSTEM_COMPUTE], compute_before_s = before.part_s[SYSTEM_COMPUTE];
        const bool adds_shards = zero == 3 && fixture.run->settings.law.accumulation_share > 0;
        assert_true(adds_shards ? compute_s <= compute_before_s : compute_s == compute_before_s);
        assert_true(result.part_s[SYSTEM_UPDATE] <= before.part_s[SYSTEM_UPDATE]);
        if (zero > 1) assert_true(result.part_s[SYSTEM_UPDATE] == before.part_s[SYSTEM_UPDATE]);
        if (zero == 1) { /* each updates its shard */
          const double update_s = before.part_s[SYSTEM_UPDATE] / (double)data;
          assert_true(fabs(result.part_s[SYSTEM_UPDATE] - update_s) <= 1e-12 * update_s);
        }
        n_tried++;
      }
      /* More ranks hold less each. */
      struct strategy more = alone(1);
      more.degrees.data = 2 * data;
      more.global_batch = 6 * data;
      more.zero = 3;
      const struct system_plan *plan = prepare(&fixture, &more);
      const struct system_memory *memory = &plan->runs[plan->fullest].memory;
      assert_true(memory->weights_bytes + memory->gradients_bytes + memory->optimizer_bytes < state_before);
      assert_int_equal(memory->kept_bytes, result.memory.kept_bytes);
    }
    teardown(&fixture);
  }
  assert_true(n_tried > 50);
}

/* Any strategy of the run's with so many microbatches. */
static struct strategy with_microbatches(const struct system_plan *plan, uint64_t m) {
  struct strategy strategy = plan->strategy;
  strategy.global_batch = strategy.degrees.data * strategy.microbatch * m;
  return strategy;
}

static void more_work_takes_longer(void **state) {
  uint64_t n_tried = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    const bool good = setup(&fixture, *state, 6, task);
    for (unsigned i = 0; good && i < 4; i++) {
      const struct system_search *search = fixture.run->system;
      const struct system_plan *any = search->plans[rng_below(&fixture.rng, search->n_plans)];
      const struct accelerator accelerator = draw_design(&fixture);
      double before_s = 0;
      uint64_t kept = 0;
      for (uint64_t m = 1; m <= 9; m++) {
        const struct strategy strategy = with_microbatches(any, m);
        const struct system_plan *plan = prepare(&fixture, &strategy);
        if (plan == NULL) continue; /* interleaved: not every number */
        struct system_result result;
        system_evaluate(search->system, plan, &accelerator, &result);
        assert_true(result.iteration_s > before_s);
        assert_true(result.memory.kept_bytes >= kept || result.worst_stage > 0);
        before_s = result.iteration_s;
        kept = result.worst_stage == 0 ? result.memory.kept_bytes : 0;
        n_tried++;
      }
    }
    teardown(&fixture);
  }
  assert_true(n_tried > 300);
}

/* An order of tasks that does not look at times is the same whatever takes longer. */
static void slower_units_are_never_faster(void **state) {
  uint64_t n_tried = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    const bool good = setup(&fixture, *state, 7, task);
    for (unsigned i = 0; good && i < 12; i++) {
      const struct system_search *search = fixture.run->system;
      const struct system_plan *plan = search->plans[rng_below(&fixture.rng, search->n_plans)];
      if (plan->schedule->uses_span) continue; /* a later start shortens a span */
      const struct accelerator accelerator = draw_design(&fixture);
      struct stage_cost_of_design design;
      struct network network;
      network_init(&network, search->system->model.network, &accelerator);
      const struct case_flooring flooring = floor_plan(&fixture, plan, &accelerator, &design);
      const struct stage_costs stages = {.costs = flooring.costs, .network = &network};
      struct system_result before, after;
      system_time(search->system, plan, &stages, &before, NULL);
      const uint32_t unit = plan->cut->unit[rng_below(&fixture.rng, plan->cut->chain.n_blocks * N_BLOCK_PHASES)];
      if (unit == NO_UNIT) continue;
      flooring.costs[unit].seconds *= 1 + 3 * rng_unit(&fixture.rng);
      system_time(search->system, plan, &stages, &after, NULL);
      if (!(after.iteration_s >= before.iteration_s * (1 - 1e-12))) {
        fail_msg("task %" PRIu64 ", %s: %.17g, with a slower unit %.17g", task,
                 strategy_text(&plan->strategy, &fixture.arena), before.iteration_s, after.iteration_s);
      }
      n_tried++;
    }
    teardown(&fixture);
  }
  assert_true(n_tried > 100);
}

/* Messages that tensor ranks share out are never slower, and nothing changes where there is nothing to share. */
static void scattered_messages_are_never_slower(void **state) {
  uint64_t n_faster = 0, n_tried = 0;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    const bool good = setup(&fixture, *state, 8, task);
    const struct system_search *search = good ? fixture.run->system : NULL;
    for (size_t i = 0, n_alone = 0, n_shared = 0; good && i < search->n_plans; i++) {
      const struct system_plan *plan = search->plans[i];
      const struct split_degrees *degrees = &plan->strategy.degrees;
      const bool shares = degrees->pipeline > 1 && degrees->tensor > 1 && !degrees->sequence;
      if (plan->schedule->uses_span) continue; /* a later start shortens a span */
      if (shares ? n_shared++ >= 60 : n_alone++ >= 2) continue;
      const struct accelerator accelerator = draw_design(&fixture);
      struct system_result result[2];
      for (int scatter = 0; scatter < 2; scatter++) {
        fixture.run->settings.law.scatter_sends = scatter == 1;
        memset(&plan->links->of, 0, sizeof plan->links->of);
        system_evaluate(search->system, plan, &accelerator, &result[scatter]);
      }
      const double whole_s = result[0].iteration_s, shared_s = result[1].iteration_s;
      if (!(shares ? shared_s <= whole_s * (1 + 1e-12) : shared_s == whole_s)) {
        fail_msg("task %" PRIu64 ", %s: %.17g, whole messages %.17g", task,
                 strategy_text(&plan->strategy, &fixture.arena), shared_s, whole_s);
      }
      n_faster += shared_s < whole_s;
      n_tried++;
    }
    teardown(&fixture);
  }
  print_message("%" PRIu64 " of %" PRIu64 " faster\n", n_faster, n_tried);
  assert_true(n_faster > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bounds_hold),
      cmocka_unit_test(best_is_least),
      cmocka_unit_test(evaluations_are_pure),
      cmocka_unit_test(one_device_takes_its_phases),
      cmocka_unit_test(zero_saves_memory_alone),
      cmocka_unit_test(more_work_takes_longer),
      cmocka_unit_test(slower_units_are_never_faster),
      cmocka_unit_test(scattered_messages_are_never_slower),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
