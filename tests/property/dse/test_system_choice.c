/* Are whole systems chosen as they would be if everything were tried?
 *
 * One design for all stages: the proven optimum, and the front, against every design in every strategy. One for each:
 * the fastest system and the front of throughput against power, against every assignment of the candidates to stages,
 * priced and simulated here once more; within limits on power, money and the number of designs. */
#include "dse/system/global.h"
#include "tests/system_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 14, MOST_POINTS = 60, MOST_STRATEGIES = 30, MOST_CANDIDATES = 64 };

struct fixture {
  struct arena arena, scratch;
  struct run *run;
  struct global global;
};

static void search(struct fixture *fixture) {
  struct run *run = fixture->run;
  struct error *error = ARENA_NEW(&fixture->arena, struct error, 1);
  const struct search_algorithm *guided = search_algorithm_find("guided");
  rounds_init(&run->rounds, run->invocation->cluster, &run->designs, NULL, &fixture->arena);
  assert_true(rounds_search(&run->rounds, guided, run_algorithm_settings(&run->settings, guided), UINT64_MAX, error));
  assert_true(prove(&run->rounds, &run->proof, error));
}

static void choose(struct fixture *fixture) {
  struct error *error = ARENA_NEW(&fixture->arena, struct error, 1);
  assert_true(global_search(fixture->run, &fixture->global, error));
}

static bool open_text(struct fixture *fixture, struct cluster *cluster, const char *text) {
  fixture->run = case_system_run(text, cluster, &fixture->arena, &fixture->scratch);
  return fixture->run != NULL;
}

static void start(struct fixture *fixture) {
  *fixture = (struct fixture){0};
  arena_init(&fixture->arena, 1 << 20);
  arena_init(&fixture->scratch, 1 << 20);
}

static void end(struct fixture *fixture) {
  if (fixture->run != NULL) run_release(fixture->run);
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

/* --- one design -----------------------------------------------------------------------------------------------------
 */

/* The best throughput of a design within all limits, 0: none; every strategy tried. */
static double throughput_of(const struct run *run, const struct accelerator *accelerator, struct system_result *best) {
  const struct system_search *system = run->system;
  struct stage_cost_of_design design;
  struct money money;
  struct error *error = ARENA_NEW(run->invocation->arena, struct error, 1);
  double least_s = (double)INFINITY;
  stage_design(&run->stage, accelerator, &design);
  const struct run_limits *limits = &run->settings.limits;
  if (design.area.total > limits->area_mm2 || design.tdp.total > limits->tdp_w) return 0;
  if (design.tdp.total / design.area.total > limits->w_per_mm2) return 0;
  const bool priced = design_money(&run->designs, accelerator, &design, &money, error);
  for (size_t i = 0; i < system->n_plans; i++) {
    const double n = (double)system->plans[i]->n_devices;
    struct system_result own;
    if (system->settings->power_w > 0 && n * design.tdp.total > system->settings->power_w) continue;
    if (system->settings->money_usd > 0 && !(priced && n * money.total_usd <= system->settings->money_usd)) continue;
    system_evaluate(system->system, system->plans[i], accelerator, &own);
    if (!own.fits || own.iteration_s >= least_s) continue;
    least_s = own.iteration_s;
    *best = own;
  }
  return isfinite(least_s) ? (double)system->samples / least_s : 0;
}

static const char *draw_text(struct rng *rng, struct arena *arena) {
  bool has_experts;
  const char *model = case_system_model(rng, arena, &has_experts);
  const char *space = case_system_space(rng, arena), *system = case_system_strategies(rng, has_experts, arena);
  const char *limits = "";
  if (rng_below(rng, 2) == 0) limits = arena_printf(arena, "limits = { area_mm2 = %.1f; };\n", 30 + 60 * rng_unit(rng));
  return arena_printf(arena, "%s%s%s%ssearch = { round_size = %" PRIu64 "; };\n", model, space, system, limits,
                      1 + rng_below(rng, 9));
}

static void check_front(const struct run *run) {
  const struct space *space = &run->designs.space;
  struct arena *arena = run->invocation->arena;
  struct record *records = case_evaluate_all(space, arena);
  struct pareto *front = pareto_new_of(arena, space->objectives, space->front_objectives, space->n_front_objectives);
  for (uint64_t i = 0; i < space_size(space); i++) {
    if (records[i].score.reason == REASON_NONE) pareto_add(front, &records[i]);
  }
  assert_true(run->proof.front_complete);
  assert_int_equal(pareto_count(front), pareto_count(run->rounds.front));
  for (size_t i = 0; i < pareto_count(front); i++) {
    assert_int_equal(point_compare(&pareto_at(front, i)->point, &pareto_at(run->rounds.front, i)->point), 0);
  }
}

/* With limits on power and money set between what designs need. */
static const char *with_limits(const struct run *run, const char *text, struct rng *rng, struct arena *arena) {
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct money money;
  struct error *error = ARENA_NEW(arena, struct error, 1);
  struct point point;
  do {
    point = case_random_point(&run->designs.space, rng);
  } while (!design_at(&run->designs, &point, &accelerator));
  stage_design(&run->stage, &accelerator, &design);
  const double n = (double)run->system->plans[rng_below(rng, run->system->n_plans)]->n_devices;
  if (!design_money(&run->designs, &accelerator, &design, &money, error)) return text;
  char *copy = arena_copy_text(arena, text), *at = strstr(copy, "system = {");
  const double factor = 0.98 + 0.04 * rng_unit(rng);
  *at = 0;
  const char *limit = rng_below(rng, 2) == 0 ? arena_printf(arena, "power_w = %.3f;", factor * n * design.tdp.total)
                                             : arena_printf(arena, "money_usd = %.3f;", factor * n * money.total_usd);
  return arena_printf(arena, "%ssystem = { %s%s", copy, limit, at + strlen("system = {"));
}

static void best_design_is_proven(void **state) {
  uint64_t n_tried = 0, n_none = 0;
  for (uint64_t task = 0; n_tried < N_CASES; task++) {
    struct fixture fixture;
    start(&fixture);
    struct rng rng = rng_stream(seed, RNG_TEST, 8, task);
    const char *text = draw_text(&rng, &fixture.arena);
    bool good = open_text(&fixture, *state, text) && space_size(&fixture.run->designs.space) <= MOST_POINTS &&
                fixture.run->system->n_plans <= MOST_STRATEGIES;
    if (good && task % 2 == 1) {
      text = with_limits(fixture.run, text, &rng, &fixture.arena);
      run_release(fixture.run);
      good = open_text(&fixture, *state, text);
    }
    if (good) {
      const struct run *run = fixture.run;
      const struct space *space = &run->designs.space;
      double best = 0;
      search(&fixture);
      for (uint64_t i = 0; i < space_size(space); i++) {
        const struct point point = space_point(space, i);
        struct accelerator accelerator;
        struct system_result result;
        struct score score;
        if (!design_at(&run->designs, &point, &accelerator)) continue;
        const double throughput = throughput_of(run, &accelerator, &result);
        space->evaluate(space->context, &point, &score);
        if ((score.reason == REASON_NONE) != (throughput > 0)) {
          fail_msg("task %" PRIu64 ", %s: %s by %g, tried: %g samples/s", task,
                   design_text(&run->designs, &point, &fixture.arena), run->designs.space.reasons[score.reason].name,
                   score.excess, throughput);
        }
        if (throughput > 0) {
          assert_true(score.objective[OBJECTIVE_THROUGHPUT] == throughput);
          assert_true(score.objective[OBJECTIVE_ENERGY] == result.energy_j);
        }
        best = fmax(best, throughput);
      }
      assert_true(run->proof.optimal == (best > 0));
      if (best > 0) {
        assert_true(topk_at(run->rounds.topk, 0)->score.objective[OBJECTIVE_THROUGHPUT] == best);
        check_front(run);
      }
      n_none += best == 0;
      n_tried++;
    }
    end(&fixture);
  }
  print_message("seed %" PRIu64 ": %" PRIu64 " spaces, nothing feasible in %" PRIu64 "\n", seed, n_tried, n_none);
  assert_true(n_none <= N_CASES / 2);
}

/* --- one design for each stage --------------------------------------------------------------------------------------
 */

struct candidate {
  struct accelerator accelerator;
  struct stage_cost_of_design design;
  struct network network;
  struct unit_cost *costs;
  double usd;
};

struct candidates {
  size_t n;
  struct candidate of[MOST_CANDIDATES];
};

static void add_candidate(struct fixture *fixture, struct candidates *all, const struct point *point) {
  const struct run *run = fixture->run;
  struct candidate own;
  struct money money;
  struct error *error = ARENA_NEW(&fixture->arena, struct error, 1);
  assert_true(design_at(&run->designs, point, &own.accelerator));
  for (size_t i = 0; i < all->n; i++) {
    if (memcmp(&all->of[i].accelerator, &own.accelerator, sizeof own.accelerator) == 0) return;
  }
  stage_design(&run->stage, &own.accelerator, &own.design);
  network_init(&own.network, &run->settings.network, &own.accelerator);
  own.usd = design_money(&run->designs, &own.accelerator, &own.design, &money, error) ? money.total_usd : NAN;
  own.costs = ARENA_NEW(&fixture->arena, struct unit_cost, run->system->system->n_units);
  for (size_t u = 0; u < run->system->system->n_units; u++) {
    system_price_unit(run->system->system, run->system->system->units[u], &own.accelerator, &own.design, &own.costs[u]);
  }
  assert_true(all->n < MOST_CANDIDATES);
  all->of[all->n++] = own;
}

static void add_list(struct fixture *fixture, struct candidates *all, const struct topk *topk,
                     const struct pareto *front, uint64_t k) {
  for (size_t i = 0; i < topk_count(topk) && i < k; i++) add_candidate(fixture, all, &topk_at(topk, i)->point);
  for (size_t i = 0; front != NULL && i < pareto_count(front); i++) {
    add_candidate(fixture, all, &pareto_at(front, i)->point);
  }
}

struct pair {
  double throughput, power_w;
};

/* Every assignment; returns the front, fastest first. */
static size_t try_all(struct fixture *fixture, const struct candidates *all, struct pair *front, size_t room) {
  const struct run *run = fixture->run;
  const struct system_settings *settings = &run->settings.system;
  const struct system_plan *plan = run->system->plans[0];
  const uint64_t p = plan->problem.n_devices;
  const double each = (double)plan->n_devices / (double)p;
  uint64_t n = 1, different, number[8] = {0};
  size_t kept = 0;
  for (uint64_t s = 0; s < p; s++) n *= all->n;
  for (uint64_t choice = 0; choice < n; choice++) {
    const struct unit_cost *costs[8];
    const struct network *networks[8];
    struct pair own = {0, 0};
    double usd = 0;
    bool fits = true;
    different = 0;
    uint64_t rest = choice;
    for (uint64_t s = 0; s < p; s++, rest /= all->n) {
      const struct candidate *candidate = &all->of[number[s] = rest % all->n];
      bool seen = false;
      for (uint64_t before = 0; before < s; before++) seen = seen || number[before] == number[s];
      different += !seen;
      costs[s] = candidate->costs;
      networks[s] = &candidate->network;
      own.power_w += each * candidate->design.tdp.total;
      usd += each * candidate->usd;
      fits = fits && plan->runs[plan->run_of[s]].memory_bytes <= candidate->design.hbm_bytes;
    }
    if (!fits || (settings->power_w > 0 && own.power_w > settings->power_w)) continue;
    if (settings->money_usd > 0 && !(usd <= settings->money_usd)) continue;
    if (settings->max_designs > 0 && different > settings->max_designs) continue;
    struct system_result result;
    const struct stage_costs stages = {.costs_of = costs, .network_of = networks};
    system_time(run->system->system, plan, &stages, &result, NULL);
    own.throughput = (double)run->system->samples / result.iteration_s;
    bool beaten = false;
    for (size_t i = 0; i < kept && !beaten; i++) {
      beaten = front[i].throughput >= own.throughput && front[i].power_w <= own.power_w;
    }
    if (beaten) continue;
    size_t left = 0;
    for (size_t i = 0; i < kept; i++) {
      if (!(own.throughput >= front[i].throughput && own.power_w <= front[i].power_w)) front[left++] = front[i];
    }
    assert_true(left < room);
    size_t at = left;
    for (; at > 0 && front[at - 1].throughput < own.throughput; at--) front[at] = front[at - 1];
    front[at] = own;
    kept = left + 1;
  }
  return kept;
}

/* One strategy of two or three stages, lists of few candidates. */
static const char *draw_pipeline(struct rng *rng, struct arena *arena) {
  static const char *const schedules[] = {"gpipe", "1f1b", "zb_h1", "zb_h2"};
  bool has_experts;
  const char *model = case_system_model(rng, arena, &has_experts);
  const uint64_t p = 2 + rng_below(rng, 2), d = 1 + rng_below(rng, 2);
  const char *text = arena_printf(
      arena,
      "%sspace = { tc_count = [1, 4]; tc_rows = [8, 32]; tc_cols = [32]; vc_count = [1, 3]; vc_width = [64];\n"
      "glb_mib = [2]; hbm_stacks = [1, 2]; hbm_gib_per_stack = [1]; link_gbytes_per_s = [5, 100]; };\n"
      "search = { top_k = %" PRIu64 "; front = [\"throughput\"]; round_size = 7; };\n"
      "network = { sizes = [2, 0]; gbytes_per_s = [%s, 0.0]; latency_us = [1.0, 2.0]; topology = [\"switch\"]; };\n"
      "system = { devices = [%" PRIu64 "]; tensor = [1]; pipeline = [%" PRIu64 "]; microbatch = [1]; recompute = "
      "[\"%s\"];\n"
      "schedule = [\"%s\"]; zero = [%" PRIu64 "]; global_batch = %" PRIu64 "; top_k = [3, 1, 2]; ",
      model, 1 + rng_below(rng, 3), rng_below(rng, 2) == 0 ? "0.0" : "50.0", p * d, p,
      rng_below(rng, 2) == 0 ? "none" : "full", schedules[rng_below(rng, 4)], rng_below(rng, 4),
      d * (1 + rng_below(rng, 6)));
  return text;
}

static void check_systems(struct fixture *fixture, const struct pair *front, size_t n) {
  const struct global *global = &fixture->global;
  const struct system_settings *settings = &fixture->run->settings.system;
  assert_int_equal(global->n_systems, n);
  for (size_t i = 0; i < n; i++) {
    const struct global_system *system = &global->systems[i];
    assert_true(system->throughput == front[i].throughput && system->power_w == front[i].power_w);
    /* What it says of itself, from its designs. */
    const uint64_t p = system->plan->problem.n_devices;
    const double each = (double)system->plan->n_devices / (double)p;
    double power_w = 0;
    size_t different = 0;
    for (uint64_t s = 0; s < p; s++) {
      struct stage_cost_of_design design;
      stage_design(&fixture->run->stage, system->designs[s], &design);
      power_w += each * design.tdp.total;
      bool seen = false;
      for (uint64_t b = 0; b < s; b++) {
        seen = seen || memcmp(system->designs[b], system->designs[s], sizeof(struct accelerator)) == 0;
      }
      different += !seen;
    }
    assert_true(power_w == system->power_w);
    assert_int_equal(different, system->n_different);
    assert_true(settings->max_designs == 0 || different <= settings->max_designs);
    assert_true(!(settings->power_w > 0) || power_w <= settings->power_w);
    assert_true(!(settings->money_usd > 0) || system->money_usd <= settings->money_usd);
    assert_true(system->throughput <= global->bound * (1 + 1e-9));
  }
}

static void check_k(const struct fixture *fixture) {
  const struct global *global = &fixture->global;
  assert_int_equal(global->n_k, 3);
  for (size_t i = 0; i < global->n_k; i++) {
    const struct global_k *row = &global->k[i];
    assert_true(row->heterogeneous >= row->homogeneous && row->homogeneous >= 0);
    assert_true(row->heterogeneous <= (global->n_systems > 0 ? global->systems[0].throughput : 0));
    for (size_t j = 0; j < global->n_k; j++) {
      if (global->k[j].k < row->k) assert_true(global->k[j].heterogeneous <= row->heterogeneous);
      if (global->k[j].k < row->k) assert_true(global->k[j].homogeneous <= row->homogeneous);
    }
  }
}

static void stages_choose_as_brute_force(void **state) {
  uint64_t n_heterogeneous = 0, n_tried = 0, n_limited = 0;
  for (uint64_t task = 0; task < 4 * N_CASES; task++) {
    struct fixture fixture;
    start(&fixture);
    struct rng rng = rng_stream(seed, RNG_TEST, 9, task);
    const char *text = draw_pipeline(&rng, &fixture.arena);
    bool good = open_text(&fixture, *state, arena_printf(&fixture.arena, "%s};\n", text));
    double limit = 0;
    if (good && task % 4 > 0) { /* what the unlimited choice needs tells what limits bite */
      search(&fixture);
      choose(&fixture);
      if (fixture.global.n_systems > 0) {
        const struct global_system *first = &fixture.global.systems[0];
        limit = (0.6 + 0.5 * rng_unit(&rng)) * (task % 4 == 1 ? first->power_w : first->money_usd);
      }
      run_release(fixture.run);
      static const char *const keys[] = {"", "power_w", "money_usd"};
      text = task % 4 == 3
                 ? arena_printf(&fixture.arena, "%smax_designs = %" PRIu64 "; };\n", text, 1 + rng_below(&rng, 2))
                 : arena_printf(&fixture.arena, "%s%s = %.3f; };\n", text, keys[task % 4], limit);
      good = open_text(&fixture, *state, text);
    }
    if (good) {
      struct candidates *all = ARENA_NEW(&fixture.arena, struct candidates, 1);
      struct pair front[512];
      search(&fixture);
      choose(&fixture);
      const struct rounds *rounds = &fixture.run->rounds;
      if (topk_count(rounds->topk) > 0) {
        add_list(&fixture, all, rounds->topk, rounds->front, UINT64_MAX);
        for (size_t s = 0; s < fixture.global.n_stages; s++) {
          add_list(&fixture, all, fixture.global.stages[s].topk, fixture.global.stages[s].front, UINT64_MAX);
        }
        assert_int_equal(all->n, fixture.global.n_candidates);
        assert_int_equal(fixture.run->system->n_plans, 1);
        const size_t n = try_all(&fixture, all, front, sizeof front / sizeof *front);
        check_systems(&fixture, front, n);
        check_k(&fixture);
        assert_true(fixture.global.systems[0].throughput >=
                    topk_at(rounds->topk, 0)->score.objective[OBJECTIVE_THROUGHPUT]);
        for (size_t i = 0; i < n; i++) n_heterogeneous += fixture.global.systems[i].heterogeneous;
        n_limited += task % 4 > 0;
        n_tried++;
      }
    }
    end(&fixture);
  }
  print_message("%" PRIu64 " choices, %" PRIu64 " of them limited; %" PRIu64 " systems of several designs\n", n_tried,
                n_limited, n_heterogeneous);
  assert_true(n_tried > 2 * N_CASES && n_limited > N_CASES && n_heterogeneous > N_CASES);
}

/* --- designs of their own where none alone keeps the limit ----------------------------------------------------------
 */

/* The least power of any assignment of all designs of the space, tried by stage since powers add up. */
static double least_power_w(const struct run *run, const struct system_plan *plan, bool alike) {
  const uint64_t p = plan->problem.n_devices;
  const double each = (double)plan->n_devices / (double)p;
  double least_w = alike ? (double)INFINITY : 0;
  for (size_t r = 0; r < plan->n_runs; r++) {
    double tdp_w = (double)INFINITY;
    for (uint64_t i = 0; i < space_size(&run->designs.space); i++) {
      const struct point point = space_point(&run->designs.space, i);
      struct accelerator accelerator;
      struct stage_cost_of_design design;
      if (!design_at(&run->designs, &point, &accelerator)) continue;
      stage_design(&run->stage, &accelerator, &design);
      const bool small = design.area.total <= run->settings.limits.area_mm2 &&
                         design.tdp.total <= run->settings.limits.tdp_w &&
                         design.tdp.total / design.area.total <= run->settings.limits.w_per_mm2;
      const uint64_t bytes = alike ? system_plan_memory_bytes(plan) : plan->runs[r].memory_bytes;
      if (small && bytes <= design.hbm_bytes) tdp_w = fmin(tdp_w, design.tdp.total);
    }
    if (alike) least_w = each * (double)p * tdp_w;
    if (!alike) least_w += each * plan->runs[r].n * tdp_w;
  }
  return least_w;
}

/* A vocabulary that one stack cannot hold, on both ends of three stages. */
static const char *draw_uneven(struct rng *rng, struct arena *arena) {
  static const char *const schedules[] = {"gpipe", "1f1b", "zb_h1"};
  return arena_printf(
      arena,
      "workload = \"llama2-7b\"; model = [\"layers=%" PRIu64 "\", \"hidden=256\", \"heads=4\", \"kv_heads=4\", "
      "\"ffn=64\", \"vocab=%" PRIu64 "\", \"sequence=16\"];\n"
      "space = { tc_count = [1, 4]; tc_rows = [8]; tc_cols = [32]; vc_count = [1]; vc_width = [64];\n"
      "glb_mib = [2]; hbm_stacks = [1, 2, 4]; hbm_gib_per_stack = [1]; link_gbytes_per_s = [5]; };\n"
      "search = { top_k = 2; front = [\"throughput\"]; round_size = 7; };\n"
      "system = { devices = [%" PRIu64 "]; tensor = [1]; pipeline = [3]; microbatch = [1]; recompute = [\"none\"];\n"
      "schedule = [\"%s\"]; zero = [0]; global_batch = 6; top_k = [2]; ",
      4 + rng_below(rng, 3), 240000 + rng_below(rng, 70000), 3 * (1 + rng_below(rng, 2)), schedules[rng_below(rng, 3)]);
}

static void mixed_systems_are_found_below_the_coolest_design(void **state) {
  enum { N_MIXED = 4 };
  for (uint64_t task = 0; task < N_MIXED; task++) {
    struct fixture fixture;
    start(&fixture);
    struct rng rng = rng_stream(seed, RNG_TEST, 12, task);
    const char *text = draw_uneven(&rng, &fixture.arena);
    assert_true(open_text(&fixture, *state, arena_printf(&fixture.arena, "%s};\n", text)));
    assert_int_equal(fixture.run->system->n_plans, 1);
    const struct system_plan *plan = fixture.run->system->plans[0];
    const double mixed_w = least_power_w(fixture.run, plan, false), alike_w = least_power_w(fixture.run, plan, true);
    assert_true(mixed_w < 0.99 * alike_w && isfinite(alike_w));
    const double limits_w[] = {0.999 * mixed_w, (mixed_w + alike_w) / 2};
    for (unsigned i = 0; i < 2; i++) {
      run_release(fixture.run);
      const char *limited = arena_printf(&fixture.arena, "%spower_w = %.6f; };\n", text, limits_w[i]);
      assert_true(open_text(&fixture, *state, limited));
      search(&fixture);
      choose(&fixture);
      assert_int_equal(topk_count(fixture.run->rounds.topk), 0);
      assert_true((fixture.global.n_systems > 0) == (i == 1));
      for (size_t s = 0; s < fixture.global.n_systems; s++) {
        assert_true(fixture.global.systems[s].heterogeneous && fixture.global.systems[s].power_w <= limits_w[i]);
      }
    }
    end(&fixture);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(best_design_is_proven),
      cmocka_unit_test(stages_choose_as_brute_force),
      cmocka_unit_test(mixed_systems_are_found_below_the_coolest_design),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
