/* Is a space under drawn constants as good as the run's own: bounds that hold, limits that are those asked for, a
 * winner that an exhaustive search finds, too?
 *
 * Constants are drawn up to four times as wide as their ranges, on spaces of every provider with ranges and of two
 * nodes, whose constants differ. */
#include "dse/study/sensitivity.h"
#include "tests/run_cases.h"
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_DRAWS = 12, N_POINTS = 60 };

static const char *const cases[] = {
    "workload = \"bert-base\"; batch = 2; model = [\"layers=2\"]; limits = { area_mm2 = 400.0; tdp_w = 250.0;\n"
    "constraints = [\"tc_rows >= tc_cols || tc_count < 9\"]; minimum = { throughput_samples_per_s = 37.0; };\n"
    "maximum = { area_mm2 = 300.0; }; };\n"
    "space = { tc_count = [1, 4, 9]; tc_rows = [16, 64, 100]; tc_cols = [8, 128]; vc_count = [1, 7];\n"
    "vc_width = [64, 300]; glb_mib = [8, 64]; hbm_stacks = [1, 5]; };\n",
    "workload = \"resnet18\"; batch = 3; limits = { throughput_floor = 0.5; tdp_w = 150.0; };\n"
    "search = { metric = \"throughput_per_tdp\"; }; schedule = { spread = \"off\"; };\n"
    "space = { tc_count = [1, 2, 8]; tc_rows = [32, 128]; tc_cols = [37, 128]; vc_count = [1, 4]; vc_width = [128, "
    "500];\n"
    "glb_mib = [16]; hbm_stacks = [1, 3]; node_nm = [7, 5]; };\n",
    "workload = \"gnmt4\"; batch = 5; search = { metric = \"energy\"; }; limits = { memory = false; };\n"
    "cost = { energy_detail = \"split\"; };\n"
    "space = { tc_count = [0, 1, 6]; tc_rows = [8, 64]; tc_cols = [64]; vc_count = [1, 8]; vc_width = [100, 1024];\n"
    "glb_mib = [2, 32]; hbm_stacks = [2, 4]; clock_mhz = [700, 1500]; node_nm = [16, 3]; };\n",
    "workloads = ( { workload = \"alexnet\"; batch = 6; }, { workload = \"bert-base\"; batch = 1; weight = 2.0; } );\n"
    "limits = { throughput_floor = 0.3; };\n"
    "search = { objective = \"geomean\"; };\n"
    "space = { tc_count = [1, 2, 8]; tc_rows = [32, 128]; tc_cols = [128]; vc_count = [1, 4]; vc_width = [128, 500];\n"
    "glb_mib = [16, 64]; hbm_stacks = [1, 3]; };\n",
};
enum { N_CASES = sizeof cases / sizeof *cases };

struct fixture {
  struct arena arena, scratch;
  struct run *run;
  struct sensitivity sensitivity;
  double *factors; /* [N_DRAWS × constants] */
};

static void open_case(struct fixture *fixture, struct cluster *cluster, size_t number, double scale) {
  memset(fixture, 0, sizeof *fixture);
  arena_init(&fixture->arena, 1 << 20);
  arena_init(&fixture->scratch, 1 << 20);
  fixture->run = case_run(cases[number], cluster, &fixture->arena, &fixture->scratch);
  struct error *error = ARENA_NEW(&fixture->arena, struct error, 1);
  fixture->sensitivity.run = fixture->run;
  assert_true(drawn_base_init(&fixture->sensitivity.base, fixture->run, error));
  const struct uncertainty_request request = {N_DRAWS, seed + number, scale};
  fixture->factors = uncertainty_draws(&request, &fixture->arena);
}

static void close_case(struct fixture *fixture) {
  run_release(fixture->run);
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

static void open_draw(struct fixture *fixture, size_t d, enum drawn_limits limits, struct drawn_space *drawn) {
  drawn_space_init(drawn, &fixture->sensitivity.base, limits, fixture->factors + d * uncertainty_n_constants(),
                   d % 2 == 0, &fixture->arena);
}

/* --- bounds ---------------------------------------------------------------------------------------------------------
 */

/* Whoever is better than its bound is caught by the judge of scores; that there is a bound at all, here. */
static void check_point(const struct space *space, const struct point *point, const struct score *box) {
  struct score screened, refined, score;
  memset(&screened, 0, sizeof screened);
  memset(&refined, 0, sizeof refined);
  memset(&score, 0, sizeof score);
  space->screen(space->context, point, &screened);
  space->evaluate(space->context, point, &score);
  assert_int_not_equal(score.reason, REASON_INVALID);
  if (screened.reason != REASON_NONE) {
    assert_int_equal(score.reason, screened.reason);
    return;
  }
  assert_int_equal(box->reason, REASON_NONE);
  space->refine(space->context, point, &refined);
  if (score.reason != REASON_NONE) return;
  for (size_t o = 0; o < space->n_objectives; o++) {
    const struct objective *objective = &space->objectives[o];
    assert_false(objective_better(objective, score.objective[o], refined.objective[o]));
    assert_false(objective_better(objective, refined.objective[o], screened.objective[o]));
    assert_false(objective_better(objective, screened.objective[o], box->objective[o]));
  }
}

static void bounds_hold(void **state) {
  print_message("seed %" PRIu64 "\n", seed);
  for (size_t number = 0; number < N_CASES; number++) {
    struct fixture fixture;
    open_case(&fixture, *state, number, 4);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, number);
    for (size_t d = 0; d < N_DRAWS; d++) {
      struct drawn_space drawn;
      open_draw(&fixture, d, (enum drawn_limits)(d % 3), &drawn);
      for (size_t i = 0; i < N_POINTS; i++) {
        struct point low = case_random_point(&drawn.space, &rng), high = low;
        for (size_t a = 0; a < drawn.space.n_axes; a++) {
          const bool wide = rng_below(&rng, 2) == 0 && drawn.space.axes[a].role != AXIS_CHOICE;
          if (wide) high.index[a] = (uint16_t)(drawn.space.axes[a].n - 1);
        }
        struct point first = low, last = high;
        uint64_t excluded[SPACE_MAX_REASONS] = {0};
        struct score box;
        drawn.space.bound_box(drawn.space.context, &first, &last, excluded, &box);
        for (size_t a = 0; a < drawn.space.n_axes; a++) { /* one of what is left of the box */
          const uint64_t n = (uint64_t)(last.index[a] - first.index[a]) + 1;
          low.index[a] = (uint16_t)(first.index[a] + rng_below(&rng, n));
        }
        check_point(&drawn.space, &low, &box);
      }
      drawn_space_release(&drawn);
    }
    close_case(&fixture);
  }
}

/* --- limits ---------------------------------------------------------------------------------------------------------
 */

static void limits_are_those_asked_for(void **state) {
  uint64_t n_different = 0, n_excluded = 0;
  bool seen[N_REASONS] = {false};
  for (size_t number = 0; number < N_CASES; number++) {
    struct fixture fixture;
    open_case(&fixture, *state, number, 1);
    const struct space *nominal = &fixture.sensitivity.base.allowed.space;
    struct drawn_space none, as_is, moved;
    open_draw(&fixture, 0, LIMITS_NONE, &none);
    open_draw(&fixture, 0, LIMITS_NOMINAL, &as_is);
    open_draw(&fixture, 0, LIMITS_DRAWN, &moved);
    for (uint64_t i = 0; i < space_size(nominal); i++) {
      const struct point point = space_point(nominal, i);
      struct score own, free_of, same, other;
      nominal->screen(nominal->context, &point, &own);
      none.space.evaluate(none.space.context, &point, &free_of);
      as_is.space.evaluate(as_is.space.context, &point, &same);
      moved.space.evaluate(moved.space.context, &point, &other);
      assert_int_equal(free_of.reason, REASON_NONE);
      if (same.reason == REASON_THROUGHPUT_FLOOR || same.reason == REASON_RANGE_THROUGHPUT) {
        assert_true(own.reason == REASON_NONE); /* limits on the result are judged with drawn constants */
      } else {
        assert_int_equal(own.reason, same.reason);
      }
      seen[own.reason] = seen[same.reason] = true;
      if (same.reason == REASON_NONE) {
        assert_memory_equal(same.objective, free_of.objective, sizeof same.objective);
      }
      if (other.reason == REASON_NONE) {
        assert_memory_equal(other.objective, free_of.objective, sizeof other.objective);
      }
      n_excluded += same.reason != REASON_NONE;
      n_different += same.reason != other.reason;
    }
    drawn_space_release(&none);
    drawn_space_release(&as_is);
    drawn_space_release(&moved);
    close_case(&fixture);
  }
  assert_true(n_excluded > 10 && n_different > 10); /* else nothing was seen */
  assert_true(seen[REASON_CONSTRAINT] && seen[REASON_RANGE_THROUGHPUT] && seen[REASON_RANGE_AREA] &&
              seen[REASON_THROUGHPUT_FLOOR] && seen[REASON_TDP]);
}

/* Factors of 1 change nothing, up to the rounding of their products. */
static void ones_change_nothing(void **state) {
  for (size_t number = 0; number < N_CASES; number++) {
    struct fixture fixture;
    open_case(&fixture, *state, number, 0);
    const struct space *nominal = &fixture.run->designs.space;
    struct drawn_space drawn;
    open_draw(&fixture, 1, LIMITS_DRAWN, &drawn);
    for (uint64_t i = 0; i < space_size(nominal); i++) {
      const struct point point = space_point(nominal, i);
      struct score own, other;
      nominal->evaluate(nominal->context, &point, &own);
      drawn.space.evaluate(drawn.space.context, &point, &other);
      assert_int_equal(own.reason, other.reason);
      for (size_t o = 0; own.reason == REASON_NONE && o < nominal->n_objectives; o++) {
        assert_true(fabs(own.objective[o] - other.objective[o]) <= 1e-6 * own.objective[o]);
      }
    }
    drawn_space_release(&drawn);
    close_case(&fixture);
  }
}

/* --- winners --------------------------------------------------------------------------------------------------------
 */

/* By looking at every design in every draw. */
static void check_winner(struct fixture *fixture, const struct sensitivity_winner *winner) {
  const struct space *space = &fixture->run->designs.space;
  const struct objective *metric = &space->objectives[space->metric];
  uint64_t wins[SENSITIVITY_MAX_DESIGNS] = {0}, fits = 0, near = 0, feasible = 0, broken = 0;
  for (size_t d = 0; d < N_DRAWS; d++) {
    struct drawn_space drawn;
    open_draw(fixture, d, winner->limits, &drawn);
    const struct record *all = case_evaluate_all(&drawn.space, &fixture->arena), *best = &all[0];
    for (uint64_t i = 1; i < space_size(space); i++) {
      if (record_compare(metric, space->metric, &all[i], best) < 0) best = &all[i];
    }
    feasible += best->score.reason == REASON_NONE;
    for (size_t k = 0; k < winner->n_designs && best->score.reason == REASON_NONE; k++) {
      wins[k] += point_compare(&winner->designs[k].point, &best->point) == 0;
    }
    const struct score *nominal = &all[space_index(space, &fixture->sensitivity.nominal.point)].score;
    const double value = nominal->objective[space->metric], most = best->score.objective[space->metric];
    fits += nominal->reason == REASON_NONE;
    broken += nominal->reason != REASON_NONE;
    near += nominal->reason == REASON_NONE && (metric->maximise ? value >= 0.99 * most : value <= 1.01 * most);
    drawn_space_release(&drawn);
  }
  uint64_t all_wins = 0, all_broken = 0;
  for (size_t k = 0; k < winner->n_designs; k++) {
    assert_int_equal(winner->designs[k].wins, wins[k]);
    all_wins += wins[k];
  }
  for (size_t r = 0; r < N_REASONS; r++) all_broken += winner->broken[r];
  assert_int_equal(all_wins, feasible);
  assert_int_equal(winner->n_feasible, feasible);
  assert_int_equal(winner->n_proven, N_DRAWS);
  assert_int_equal(winner->designs[0].fits, fits);
  assert_int_equal(winner->designs[0].within_1_percent, near);
  assert_int_equal(all_broken, broken);
}

static void winners_are_the_best(void **state) {
  uint64_t n_changed = 0, n_broken = 0;
  for (size_t number = 0; number < N_CASES; number++) {
    struct fixture fixture;
    open_case(&fixture, *state, number, 1);
    struct run *run = fixture.run;
    struct error *error = ARENA_NEW(&fixture.arena, struct error, 1);
    const struct search_algorithm *all = search_algorithm_find("exhaustive");
    rounds_init(&run->rounds, *state, &run->designs, NULL, &fixture.arena);
    assert_true(rounds_search(&run->rounds, all, run_algorithm_settings(&run->settings, all), UINT64_MAX, error));
    fixture.sensitivity.nominal = *topk_at(run->rounds.topk, 0);
    fixture.sensitivity.request = (struct sensitivity_request){.n_draws = N_DRAWS, .scale = 1};
    run->settings.search.seed = seed + number;
    for (enum drawn_limits limits = LIMITS_NOMINAL; limits <= LIMITS_DRAWN; limits++) {
      struct sensitivity_winner winner;
      assert_true(sensitivity_of_winner(&fixture.sensitivity, limits, &winner, error));
      assert_int_equal(winner.n_draws, N_DRAWS);
      check_winner(&fixture, &winner);
      n_changed += winner.n_winners > 1;
      n_broken += winner.designs[0].fits < N_DRAWS;
    }
    close_case(&fixture);
  }
  assert_true(n_changed > 1 && n_broken > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bounds_hold),
      cmocka_unit_test(limits_are_those_asked_for),
      cmocka_unit_test(ones_change_nothing),
      cmocka_unit_test(winners_are_the_best),
  };
  return cmocka_run_group_tests(tests, case_start, case_finish);
}
