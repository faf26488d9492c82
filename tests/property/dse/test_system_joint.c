/* Are layers and designs of stages chosen together as they would be if everything were tried?
 *
 * Small pipelines against every cut of the chain with every design of the space on every stage, laid out and simulated
 * here: no system beats the bound, none found is faster than the best of all, none of a plain heterogeneous choice is
 * faster than the joint one. And what a piece is said to need and to take is what the stage that gets it needs and
 * takes, to the last byte and bit. */
#include "dse/system/global_private.h"
#include "tests/system_cases.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_CASES = 24, MOST_STAGES = 3, MOST_DESIGNS = 17 };

struct fixture {
  struct arena arena, scratch;
  struct run *run;
  struct global global;
  const struct global_listener *listener;
};

/* What a system is worth to a listener: what it trains, and what its devices are worth, in a product. */
enum { WANTED_DESIGNS = 2 };
struct wanting {
  struct run *run;
  const struct point *candidates;
  double worth[MOST_DESIGNS]; /* by number in the space */
  double best;                /* heard */
  uint64_t n_heard;
};

static size_t count_kinds(const uint32_t *design, uint64_t p) {
  size_t n = 0;
  for (uint64_t s = 0; s < p; s++) {
    bool seen = false;
    for (uint64_t k = 0; k < s; k++) seen = seen || design[k] == design[s];
    n += !seen;
  }
  return n;
}

static bool value(void *context, const struct point *candidates, size_t n, double *worth, struct error *error) {
  struct wanting *wanting = context;
  (void)error;
  wanting->candidates = candidates;
  for (size_t c = 0; c < n; c++) {
    worth[c] = wanting->worth[space_index(&wanting->run->designs.space, &candidates[c])];
  }
  return true;
}

static void hear(void *context, const struct global_system *system, const uint32_t *candidate) {
  struct wanting *wanting = context;
  const uint64_t p = system->plan->problem.n_devices;
  double worth = 0;
  for (uint64_t s = 0; s < p; s++) {
    worth += wanting->worth[space_index(&wanting->run->designs.space, &wanting->candidates[candidate[s]])];
  }
  wanting->n_heard++;
  if (count_kinds(candidate, p) <= WANTED_DESIGNS) wanting->best = fmax(wanting->best, system->throughput * worth);
}

static void start(struct fixture *fixture) {
  memset(fixture, 0, sizeof *fixture);
  arena_init(&fixture->arena, 1 << 20);
  arena_init(&fixture->scratch, 1 << 20);
}

static void end(struct fixture *fixture) {
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

/* Opens, searches and chooses; false: the lists allow no strategy. */
static bool choose(struct fixture *fixture, struct cluster *cluster, const char *text, const char *kinds) {
  struct error *error = ARENA_NEW(&fixture->arena, struct error, 1);
  const struct search_algorithm *guided = search_algorithm_find("guided");
  fixture->global = (struct global){0};
  fixture->run = case_system_run(arena_printf(&fixture->arena, "%skinds = \"%s\"; };\n", text, kinds), cluster,
                                 &fixture->arena, &fixture->scratch);
  if (fixture->run == NULL) return false;
  struct run *run = fixture->run;
  rounds_init(&run->rounds, run->invocation->cluster, &run->designs, NULL, &fixture->arena);
  assert_true(rounds_search(&run->rounds, guided, run_algorithm_settings(&run->settings, guided), UINT64_MAX, error));
  assert_true(prove(&run->rounds, &run->proof, error));
  run->systems_wanted = fixture->listener;
  if (fixture->listener != NULL) ((struct wanting *)fixture->listener->context)->run = run;
  assert_true(global_search(run, &fixture->global, error));
  return true;
}

/* Three to five layers, a large table at both ends, few designs. */
static const char *draw(struct rng *rng, struct arena *arena) {
  static const char *const schedules[] = {"gpipe", "1f1b", "zb_h1", "zb_h2"};
  const uint64_t p = 2 + rng_below(rng, 2), d = 1 + rng_below(rng, 2);
  return arena_printf(
      arena,
      "workload = \"gpt3-175b\"; model = [\"layers=%" PRIu64 "\", \"hidden=64\", \"heads=4\", \"vocab=%" PRIu64
      "\", \"sequence=64\"];\n"
      "space = { tc_count = [1, 4]; tc_rows = [8, 32]; tc_cols = [32]; vc_count = [%s]; vc_width = [64];\n"
      "glb_mib = [2]; hbm_stacks = [1]; hbm_gib_per_stack = [1]; link_gbytes_per_s = [5, 100]; };\n"
      "search = { top_k = 2; front = [\"throughput\"]; round_size = 7; };\n"
      "network = { sizes = [2, 0]; gbytes_per_s = [%s, 0.0]; latency_us = [1.0, 2.0]; topology = [\"switch\"]; };\n"
      "system = { devices = [%" PRIu64 "]; tensor = [1]; pipeline = [%" PRIu64 "]; microbatch = [1]; recompute = "
      "[\"%s\"];\n"
      "schedule = [\"%s\"]; zero = [%" PRIu64 "]; global_batch = %" PRIu64 "; top_k = [2]; ",
      3 + rng_below(rng, 3), CASE_ONE_OF(rng, 64, 512, 4096), rng_below(rng, 2) == 0 ? "1" : "1, 3",
      rng_below(rng, 2) == 0 ? "0.0" : "50.0", p * d, p, rng_below(rng, 2) == 0 ? "none" : "full",
      schedules[rng_below(rng, 4)], rng_below(rng, 4), d * (2 + rng_below(rng, 9)));
}

/* --- everything ---------------------------------------------------------------------------------------------------
 */

struct design {
  struct accelerator accelerator;
  struct stage_cost_of_design cost;
  struct network network;
  struct unit_cost *costs;
  double usd;
  uint64_t index; /* in the space */
};

struct trying {
  const struct run *run;
  const struct system_plan *plan;
  struct system_pieces pieces;
  struct design designs[MOST_DESIGNS];
  size_t n_designs;
  double best;                   /* samples a second within the limits */
  const struct wanting *wanting; /* NULL: nobody */
  double best_wanted;            /* of what is heard: throughput times worth, of so many designs */
  uint64_t n_tried;
};

static void list_designs(struct trying *trying, struct arena *arena) {
  const struct run *run = trying->run;
  struct error *error = ARENA_NEW(arena, struct error, 1);
  for (uint64_t i = 0; i < space_size(&run->designs.space); i++) {
    const struct point point = space_point(&run->designs.space, i);
    struct design *own = &trying->designs[trying->n_designs];
    struct money money;
    if (!design_at(&run->designs, &point, &own->accelerator)) continue;
    stage_design(&run->stage, &own->accelerator, &own->cost);
    network_init(&own->network, &run->settings.network, &own->accelerator);
    assert_true(design_money(&run->designs, &own->accelerator, &own->cost, &money, error));
    own->usd = money.total_usd;
    own->index = i;
    own->costs = ARENA_NEW(arena, struct unit_cost, run->system->system->n_units);
    for (size_t u = 0; u < run->system->system->n_units; u++) {
      system_price_unit(run->system->system, run->system->system->units[u], &own->accelerator, &own->cost,
                        &own->costs[u]);
    }
    assert_true(++trying->n_designs <= MOST_DESIGNS);
  }
}

static void try_designs(struct trying *trying, const struct system_plan *moved) {
  const struct system_settings *settings = &trying->run->settings.system;
  struct system *system = trying->run->system->system;
  const uint64_t p = moved->problem.n_devices;
  const double each = (double)moved->n_devices / (double)p;
  uint64_t n = 1;
  for (uint64_t s = 0; s < p; s++) n *= trying->n_designs;
  for (uint64_t number = 0; number < n; number++) {
    const struct unit_cost *costs[MOST_STAGES];
    const struct network *networks[MOST_STAGES];
    double power_w = 0, usd = 0;
    bool fits = true;
    for (uint64_t s = 0, rest = number; s < p; s++, rest /= trying->n_designs) {
      const struct design *own = &trying->designs[rest % trying->n_designs];
      costs[s] = own->costs;
      networks[s] = &own->network;
      power_w += each * own->cost.tdp.total;
      usd += each * own->usd;
      fits = fits && moved->runs[moved->run_of[s]].memory_bytes <= own->cost.hbm_bytes;
    }
    if (!fits || (settings->power_w > 0 && power_w > settings->power_w)) continue;
    if (settings->money_usd > 0 && usd > settings->money_usd) continue;
    struct system_result result;
    const struct stage_costs stages = {.costs_of = costs, .network_of = networks};
    system_time(system, moved, &stages, &result, NULL);
    const double throughput = (double)trying->run->system->samples / result.iteration_s;
    trying->best = fmax(trying->best, throughput);
    if (trying->wanting != NULL) {
      uint32_t design[MOST_STAGES];
      double worth = 0;
      for (uint64_t s = 0, rest = number; s < p; s++, rest /= trying->n_designs) {
        design[s] = (uint32_t)(rest % trying->n_designs);
        worth += trying->wanting->worth[trying->designs[design[s]].index];
      }
      if (count_kinds(design, p) <= WANTED_DESIGNS) {
        trying->best_wanted = fmax(trying->best_wanted, throughput * worth);
      }
    }
    trying->n_tried++;
  }
}

/* A stage needs and takes what the piece that it gets does. */
static void compare_pieces(const struct trying *trying, const struct system_plan *moved, const uint32_t *ends) {
  const struct system *system = trying->run->system->system;
  const size_t n = moved->cut->chain.n_places;
  for (uint64_t s = 0; s < moved->problem.n_devices; s++) {
    const size_t first = s > 0 ? ends[s - 1] : 0;
    const uint32_t piece = trying->pieces.piece_of[first * n + ends[s] - 1];
    const struct device_run *run = &moved->runs[moved->run_of[s]];
    const uint64_t bytes = trying->pieces.bytes[s * trying->pieces.plan.n_runs + piece];
    /* Of equal devices in a row the fullest speaks for all. */
    assert_true(run->n == 1 ? bytes == run->memory_bytes : bytes <= run->memory_bytes);
    for (size_t d = 0; d < trying->n_designs; d++) {
      const struct design *own = &trying->designs[d];
      const struct device_run *alone = &trying->pieces.plan.runs[piece];
      assert_true(system_load_s(system, &trying->pieces.plan, alone, own->costs, &own->network) ==
                  system_load_s(system, moved, run, own->costs, &own->network));
    }
  }
}

static void try_cuts(struct trying *trying, uint32_t *ends, uint64_t s, struct error *error) {
  const uint64_t p = trying->plan->problem.n_devices, n = trying->plan->cut->chain.n_places;
  if (s + 1 < p) {
    for (ends[s] = (s > 0 ? ends[s - 1] : 0) + 1; ends[s] < n; ends[s]++) try_cuts(trying, ends, s + 1, error);
    return;
  }
  const struct system_plan *moved;
  ends[s] = (uint32_t)n;
  if (s > 0 && ends[s - 1] >= n) return;
  assert_true(system_move_layers(trying->run->system->system, trying->plan, ends, &moved, error));
  compare_pieces(trying, moved, ends);
  try_designs(trying, moved);
}

static void joint_is_between_plain_and_all(void **state) {
  uint64_t n_compared = 0, n_equal = 0, n_gained = 0, n_moved = 0;
  double least_share = 1;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    start(&fixture);
    struct rng rng = rng_stream(seed, RNG_TEST, 76, task);
    const char *text = draw(&rng, &fixture.arena);
    if (task % 3 > 0 && choose(&fixture, *state, text, "joint")) { /* what it needs tells what limits bite */
      const struct global_system *first = fixture.global.n_systems > 0 ? &fixture.global.systems[0] : NULL;
      const double share = 0.5 + 0.5 * rng_unit(&rng);
      if (first != NULL) {
        text = task % 3 == 1 ? arena_printf(&fixture.arena, "%spower_w = %.3f; ", text, share * first->power_w)
                             : arena_printf(&fixture.arena, "%smoney_usd = %.3f; ", text, share * first->money_usd);
      }
      run_release(fixture.run);
    }
    if (!choose(&fixture, *state, text, "heterogeneous")) {
      end(&fixture);
      continue;
    }
    const double plain = fixture.global.n_systems > 0 ? fixture.global.systems[0].throughput : 0;
    run_release(fixture.run);
    assert_true(choose(&fixture, *state, text, "joint"));
    if (fixture.global.n_plans > 0) {
      struct error *error = ARENA_NEW(&fixture.arena, struct error, 1);
      struct trying *trying = ARENA_NEW(&fixture.arena, struct trying, 1);
      uint32_t ends[MOST_STAGES];
      trying->run = fixture.run;
      assert_int_equal(fixture.run->system->n_plans, 1);
      trying->plan = fixture.run->system->plans[0];
      assert_true(system_list_pieces(fixture.run->system->system, trying->plan, &trying->pieces, error));
      list_designs(trying, &fixture.arena);
      try_cuts(trying, ends, 0, error);
      const double joint = fixture.global.n_systems > 0 ? fixture.global.systems[0].throughput : 0;
      assert_true(fixture.global.has_all_designs);
      assert_true(joint >= plain && joint <= trying->best && trying->best <= fixture.global.bound * (1 + 1e-9));
      n_compared++;
      n_equal += joint == trying->best;
      n_gained += joint > plain;
      n_moved += fixture.global.n_systems > 0 && fixture.global.systems[0].plan->moved_from != NULL;
      if (trying->best > 0) least_share = fmin(least_share, joint / trying->best);
    }
    arena_release(fixture.run->system->system->scratch);
    run_release(fixture.run);
    end(&fixture);
  }
  print_message("seed %" PRIu64 ": %" PRIu64 " choices, the best of all in %" PRIu64
                ", never below %.4f of it; faster than "
                "with fixed layers in %" PRIu64 ", layers moved in %" PRIu64 "\n",
                seed, n_compared, n_equal, least_share, n_gained, n_moved);
  assert_true(n_compared > N_CASES / 2 && n_equal > n_compared / 2 && n_gained > n_compared / 4);
  assert_true(least_share > 0.9);
}

/* What somebody wants beside training is found, too: near the best of all systems, and nothing that is none is told. */
static void hears_what_is_wanted(void **state) {
  uint64_t n_compared = 0, n_equal = 0, n_worth_more = 0;
  double least_share = 1;
  for (uint64_t task = 0; task < N_CASES; task++) {
    struct fixture fixture;
    start(&fixture);
    struct rng rng = rng_stream(seed, RNG_TEST, 77, task);
    const char *text = draw(&rng, &fixture.arena);
    struct wanting wanting = {.best = 0};
    for (size_t d = 0; d < MOST_DESIGNS; d++) wanting.worth[d] = rng_below(&rng, 4) == 0 ? 0 : rng_unit(&rng);
    const struct global_listener listener = {.context = &wanting,
                                             .most_devices = 1 + rng_below(&rng, 8),
                                             .most_area_mm2 = (double)INFINITY,
                                             .most_power_w = (double)INFINITY,
                                             .most_money_usd = (double)INFINITY,
                                             .most_designs = WANTED_DESIGNS,
                                             .value = value,
                                             .hear = hear};
    if (task % 2 == 0 && choose(&fixture, *state, text, "joint")) { /* what it needs tells what limits bite */
      if (fixture.global.n_systems > 0) {
        text = arena_printf(&fixture.arena, "%spower_w = %.3f; ", text,
                            (0.5 + 0.5 * rng_unit(&rng)) * fixture.global.systems[0].power_w);
      }
      run_release(fixture.run);
    }
    fixture.listener = &listener;
    if (!choose(&fixture, *state, text, "joint")) {
      end(&fixture);
      continue;
    }
    if (fixture.global.n_plans > 0) {
      struct error *error = ARENA_NEW(&fixture.arena, struct error, 1);
      struct trying *trying = ARENA_NEW(&fixture.arena, struct trying, 1);
      uint32_t ends[MOST_STAGES];
      trying->run = fixture.run;
      trying->wanting = &wanting;
      trying->plan = fixture.run->system->plans[0];
      assert_true(system_list_pieces(fixture.run->system->system, trying->plan, &trying->pieces, error));
      list_designs(trying, &fixture.arena);
      try_cuts(trying, ends, 0, error);
      assert_true(wanting.best <= trying->best_wanted * (1 + 1e-12));
      n_compared++;
      n_equal += wanting.best >= trying->best_wanted * (1 - 1e-12);
      n_worth_more += wanting.n_heard > fixture.global.n_systems;
      if (trying->best_wanted > 0) least_share = fmin(least_share, wanting.best / trying->best_wanted);
    }
    arena_release(fixture.run->system->system->scratch);
    run_release(fixture.run);
    end(&fixture);
  }
  print_message("seed %" PRIu64 ": %" PRIu64 " choices, the most wanted of all in %" PRIu64
                ", never below %.4f of it\n",
                seed, n_compared, n_equal, least_share);
  assert_true(n_compared > N_CASES / 2 && n_equal > n_compared / 2 && n_worth_more > n_compared / 2);
  assert_true(least_share > 0.9);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(joint_is_between_plain_and_all),
                                     cmocka_unit_test(hears_what_is_wanted)};
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
