/* Do schedules, costs, bounds and fronts of other goals keep their word on any instance?
 *
 * Random small instances with dependencies, releases, tenants, deadlines and energies, under every rule of sharing and
 * both of queues. The schedule that searches go by against the judge; costs against figures of the judge; bounds
 * against every answer in every order; annealing against the best of them; fronts against all of them. */
#include "base/rng.h"
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/tenancy_front.h"
#include "tests/tenancy_every.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_SCHEDULED = 3000, N_BRUTE = 150, N_FRONTS = 40, MOST_BRUTE = 5 };

struct drawing {
  struct rng *rng;
  struct arena *arena;
  size_t n, n_cores, n_tenants;
  uint64_t longest;
  bool edges, releases;
};

static uint64_t *draw_whole(const struct drawing *drawing, uint64_t end, uint64_t in_ten, uint64_t otherwise) {
  uint64_t *values = ARENA_NEW(drawing->arena, uint64_t, drawing->n);
  for (size_t j = 0; j < drawing->n; j++) {
    values[j] = rng_below(drawing->rng, 10) < in_ten ? rng_below(drawing->rng, end) : otherwise;
  }
  return values;
}

static void draw_edges(const struct drawing *drawing, struct tenancy_problem *problem) {
  const size_t n = drawing->n;
  uint32_t *start = ARENA_NEW(drawing->arena, uint32_t, n + 1), *preds = ARENA_NEW(drawing->arena, uint32_t, n * n);
  uint64_t *rank = draw_whole(drawing, 1000, 10, 0);
  uint32_t n_preds = 0;
  for (uint32_t j = 0; j < n; j++) {
    for (uint32_t p = 0; p < n; p++) {
      if (rank[p] < rank[j] && rng_below(drawing->rng, n) < 2) preds[n_preds++] = p;
    }
    start[j + 1] = n_preds;
  }
  problem->pred_start = start, problem->preds = preds;
}

static void draw(const struct drawing *drawing, struct tenancy_problem *problem) {
  static const double bandwidths[] = {0.5, 1, 3, 7.25, 1000};
  struct rng *rng = drawing->rng;
  struct arena *arena = drawing->arena;
  const size_t n = drawing->n, n_cores = drawing->n_cores;
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(arena, double, n *n_cores), *energy = ARENA_NEW(arena, double, n *n_cores);
  double *weight = ARENA_NEW(arena, double, n);
  uint32_t *tenant = ARENA_NEW(arena, uint32_t, n);
  for (size_t at = 0; at < n * n_cores; at++) {
    if (n_cores > 1 && at % n_cores > 0 && rng_below(rng, 6) == 0) continue; /* core 0 runs all */
    latency[at] = 1 + rng_below(rng, drawing->longest);
    need[at] = rng_below(rng, 8) == 0 ? 0 : 0.01 + 4 * rng_unit(rng);
    energy[at] = 10 * rng_unit(rng);
  }
  for (size_t j = 0; j < n; j++) {
    weight[j] = 0.5 + 3 * rng_unit(rng);
    tenant[j] = (uint32_t)(j < drawing->n_tenants ? j : rng_below(rng, drawing->n_tenants));
  }
  *problem = (struct tenancy_problem){.name = "drawn",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = bandwidths[rng_below(rng, 5)],
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need,
                                      .energy_nj = energy,
                                      .weight = weight,
                                      .tenant = tenant,
                                      .n_tenants = drawing->n_tenants};
  problem->macs = draw_whole(drawing, 1000, 10, 0);
  problem->deadline_cycles = draw_whole(drawing, 4 * drawing->longest, 7, UINT64_MAX);
  if (drawing->releases) problem->release_cycles = draw_whole(drawing, 3 * drawing->longest, 5, 0);
  if (drawing->edges) draw_edges(drawing, problem);
}

static struct tenancy_goal *finish(struct tenancy_problem *problem, const struct tenancy_goal_settings *settings,
                                   struct arena *arena) {
  struct error error = {0};
  struct tenancy_goal *goal = NULL;
  if (!tenancy_finish(problem, arena, &error) || !tenancy_goal_open(problem, settings, seed, arena, &goal, &error)) {
    fail_msg("%s", error.text);
  }
  return goal;
}

static void draw_answer(const struct tenancy_problem *problem, struct rng *rng, struct tenancy_answer *answer) {
  for (size_t j = 0; j < problem->n_jobs; j++) {
    do {
      answer->core[j] = (uint32_t)rng_below(rng, problem->n_cores);
    } while (!tenancy_can_run(problem, j, answer->core[j]));
    answer->priority[j] = rng_unit(rng);
  }
}

static bool near(double a, double b, double share) { return fabs(a - b) <= share * (1 + fabs(b)); }

/* --- schedules ------------------------------------------------------------------------------------------------------
 */

static void test_schedules(void **state) {
  (void)state;
  size_t n_circles = 0, n_plain = 0;
  for (uint64_t task = 0; task < N_SCHEDULED; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 15);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
    const struct drawing drawing = {.rng = &rng,
                                    .arena = &arena,
                                    .n = 1 + rng_below(&rng, 100),
                                    .n_cores = 1 + rng_below(&rng, 9),
                                    .n_tenants = 1,
                                    .longest = 1000000,
                                    .edges = rng_below(&rng, 3) > 0,
                                    .releases = rng_below(&rng, 4) == 0};
    struct tenancy_problem problem;
    draw(&drawing, &problem);
    const struct tenancy_goal_settings settings = {.objective = rng_below(&rng, TENANCY_FAIRNESS),
                                                   .allocation = rng_below(&rng, 2) * rng_below(&rng, 4),
                                                   .queue = rng_below(&rng, 3) == 0,
                                                   .static_nj_per_cycle = 0.001};
    struct tenancy_goal *goal = finish(&problem, &settings, &arena);
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    draw_answer(&problem, &rng, &answer);
    tenancy_queue_up(&problem, &answer, &queues);
    struct error error = {0};
    struct tenancy_verdict verdict;
    double value[TENANCY_N_OBJECTIVES];
    const tenancy_cost cost = tenancy_evaluate(&problem, &queues);
    if (!tenancy_goal_judge(goal, &answer, &arena, &verdict, value, &error)) {
      assert_true(problem.strict && strstr(error.text, "circular waiting: ") != NULL);
      assert_true(cost > TENANCY_COST_INFEASIBLE && !tenancy_schedule_run(goal->schedule, &queues));
      n_circles++;
      arena_release(&arena);
      continue;
    }
    assert_true(tenancy_schedule_run(goal->schedule, &queues));
    for (size_t j = 0; j < problem.n_jobs; j++) {
      if (near(goal->schedule->end_cycles[j], verdict.end_of[j], 1e-9)) continue;
      fail_msg("task %" PRIu64 ": job %zu ends at %.17g, judge %.17g", task, j, goal->schedule->end_cycles[j],
               verdict.end_of[j]);
    }
    if (tenancy_is_plain(&problem)) {
      struct tenancy_problem copy = problem;
      copy.goal = NULL;
      assert_true(goal->schedule->cost == tenancy_evaluate(&copy, &queues));
      n_plain++;
    }
    const double found = settings.objective == TENANCY_THROUGHPUT ? goal->total_macs / tenancy_cycles(&problem, cost)
                                                                  : tenancy_cycles(&problem, cost) * goal->unit;
    if (!near(found, value[settings.objective], 1e-7)) {
      fail_msg("task %" PRIu64 ": %s %.17g, judge %.17g", task, tenancy_objectives[settings.objective].name, found,
               value[settings.objective]);
    }
    arena_release(&arena);
  }
  print_message("%zu circles, %zu plain of %d\n", n_circles, n_plain, N_SCHEDULED);
  assert_in_range(n_circles, N_SCHEDULED / 20, N_SCHEDULED / 2);
  assert_in_range(n_plain, N_SCHEDULED / 20, N_SCHEDULED / 2);
}

/* --- every answer ---------------------------------------------------------------------------------------------------
 */

struct brute {
  struct tenancy_every every;
  struct tenancy_goal *goal;
  double best[TENANCY_N_OBJECTIVES];
  tenancy_cost least;
  void (*each)(void *context, const double *value);
  void *context;
};

static void take_answer(void *context) {
  struct brute *const brute = context;
  const tenancy_cost cost = tenancy_evaluate(brute->every.problem, &brute->every.queues);
  if (cost < brute->least) brute->least = cost;
  double value[TENANCY_N_OBJECTIVES];
  if (!tenancy_goal_figures(brute->goal, &brute->every.queues, value)) return;
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    const bool better = tenancy_objectives[o].maximise ? value[o] > brute->best[o] : value[o] < brute->best[o];
    if (better || isnan(brute->best[o])) brute->best[o] = value[o];
  }
  if (brute->each != NULL) brute->each(brute->context, value);
}

static void open_brute(struct brute *brute, const struct tenancy_problem *problem, struct tenancy_goal *goal,
                       struct arena *arena) {
  *brute = (struct brute){.every = {.problem = problem,
                                    .queues = tenancy_queues_new(problem, arena),
                                    .take = take_answer,
                                    .context = brute},
                          .goal = goal,
                          .least = ~(tenancy_cost)0};
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) brute->best[o] = (double)NAN;
}

static struct drawing draw_small(struct rng *rng, struct arena *arena) {
  return (struct drawing){.rng = rng,
                          .arena = arena,
                          .n = 1 + rng_below(rng, MOST_BRUTE),
                          .n_cores = 1 + rng_below(rng, 3),
                          .n_tenants = 1,
                          .longest = 30,
                          .edges = rng_below(rng, 2) == 0,
                          .releases = rng_below(rng, 4) == 0};
}

/* No answer is better than the bound, and annealing finds the best. */
static void test_every_answer(void **state) {
  (void)state;
  size_t n_found = 0;
  double tightest[TENANCY_N_OBJECTIVES] = {0};
  for (uint64_t task = 0; task < N_BRUTE; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 15);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    struct drawing drawing = draw_small(&rng, &arena);
    drawing.n_tenants = 1 + rng_below(&rng, drawing.n);
    struct tenancy_problem problem;
    draw(&drawing, &problem);
    struct tenancy_goal_settings settings = {.objective = task % TENANCY_N_OBJECTIVES,
                                             .allocation = rng_below(&rng, 2) * rng_below(&rng, 4),
                                             .queue = rng_below(&rng, 3) == 0,
                                             .static_nj_per_cycle = rng_unit(&rng),
                                             .alone_samples = 100,
                                             .sigma = 0.3,
                                             .scenarios = rng_below(&rng, 5) == 0 ? 2 : 0,
                                             .mean = true};
    struct tenancy_goal *goal = finish(&problem, &settings, &arena);
    struct error error = {0};
    struct tenancy_bounds makespan;
    struct tenancy_goal_bounds bounds;
    if (!tenancy_makespan_bounds(&problem, &tenancy_bounds_full, &arena, &makespan, &error) ||
        !tenancy_objective_bounds(goal, &makespan, &arena, &bounds, &error)) {
      fail_msg("%s", error.text);
    }
    struct brute brute;
    open_brute(&brute, &problem, goal, &arena);
    tenancy_every_answer(&brute.every, 0);
    for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
      const double bound = bounds.value[o], best = brute.best[o];
      const double rounding = 1e-9 * fabs(best); /* bandwidths are in steps of 2^-32 */
      if (tenancy_objectives[o].maximise ? bound < best - rounding : bound > best + rounding) {
        fail_msg("task %" PRIu64 ": %s: bound %.17g, best %.17g", task, tenancy_objectives[o].name, bound, best);
      }
      tightest[o] += best > 0 ? fmin(1, tenancy_objectives[o].maximise ? best / bound : bound / best) : 1;
    }
    const struct tenancy_bounds target = tenancy_goal_target(goal, &makespan, &bounds);
    assert_true(target.best_cycles <= tenancy_cycles(&problem, brute.least) * (1 + 1e-9));
    const tenancy_cost annealed = anneal_full_alone(&problem, 1500, task, NULL, &arena);
    assert_true(annealed >= brute.least);
    n_found += annealed == brute.least;
    arena_release(&arena);
  }
  print_message("annealing found the best of all answers %zu times of %d\n", n_found, N_BRUTE);
  assert_in_range(n_found, N_BRUTE * 95 / 100, N_BRUTE);
  for (int o = 0; o < TENANCY_N_OBJECTIVES; o++) {
    print_message("%s: bound over best %.3f on average\n", tenancy_objectives[o].name, tightest[o] / N_BRUTE);
    assert_true(tightest[o] / N_BRUTE > 0.4); /* a bound of nothing would be valid, too */
  }
}

/* --- fronts ---------------------------------------------------------------------------------------------------------
 */

struct covering {
  const struct tenancy_front_settings *settings;
  const struct tenancy_front *front;
  size_t n_answers, n_uncovered;
};

static bool covers(const struct tenancy_front_settings *settings, const double *member, const double *value) {
  for (size_t i = 0; i < settings->n_objectives; i++) {
    const enum tenancy_objective objective = settings->objectives[i];
    const double a = member[i], b = value[objective], rounding = 1e-9 * fabs(b);
    if (tenancy_objectives[objective].maximise ? a < b - rounding : a > b + rounding) return false;
  }
  return true;
}

static void check_covered(void *context, const double *value) {
  struct covering *covering = context;
  bool covered = false;
  for (size_t k = 0; k < covering->front->n && !covered; k++) {
    covered = covers(covering->settings, covering->front->members[k].value, value);
  }
  covering->n_answers++;
  covering->n_uncovered += !covered;
}

/* What the judge says of a member is what the front says. */
static void check_members(struct tenancy_goal *goal, const struct tenancy_front_settings *settings,
                          const struct tenancy_front *front, struct arena *arena) {
  for (size_t k = 0; k < front->n; k++) {
    const struct tenancy_front_member *member = &front->members[k];
    struct error error = {0};
    struct tenancy_verdict verdict;
    double value[TENANCY_N_OBJECTIVES];
    if (!tenancy_goal_judge(goal, &member->answer, arena, &verdict, value, &error)) fail_msg("%s", error.text);
    for (size_t i = 0; i < settings->n_objectives; i++) {
      assert_true(near(member->value[i], value[settings->objectives[i]], 1e-7));
    }
    for (size_t other = 0; other < front->n; other++) {
      double turned[TENANCY_N_OBJECTIVES];
      for (size_t i = 0; i < settings->n_objectives; i++) turned[settings->objectives[i]] = member->value[i];
      if (other == k || !covers(settings, front->members[other].value, turned)) continue;
      /* Only within rounding. */
      for (size_t i = 0; i < settings->n_objectives; i++) {
        assert_true(near(front->members[other].value[i], member->value[i], 1e-8));
      }
    }
  }
}

static void test_fronts(void **state) {
  (void)state;
  size_t n_answers = 0, n_uncovered = 0, n_members = 0;
  for (uint64_t task = 0; task < N_FRONTS; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, task);
    struct drawing drawing = draw_small(&rng, &arena);
    drawing.n = 3 + rng_below(&rng, MOST_BRUTE - 2), drawing.n_cores = 2 + rng_below(&rng, 2);
    struct tenancy_problem problem;
    draw(&drawing, &problem);
    static const enum tenancy_objective seconds[] = {TENANCY_ENERGY, TENANCY_ENERGY, TENANCY_TARDINESS};
    struct tenancy_front_settings settings = {.n_objectives = task % 4 == 0 ? 3 : 2,
                                              .objectives = {TENANCY_MAKESPAN, seconds[task % 3], TENANCY_MEAN_FINISH},
                                              .population = 40,
                                              .seed = task,
                                              .samples = task % 5 == 4 ? 40 : 3000}; /* 40: drawn, not bred */
    struct tenancy_goal *goal = finish(&problem, &(struct tenancy_goal_settings){.static_nj_per_cycle = 0.01}, &arena);
    struct tenancy_front front;
    tenancy_front_breed(goal, &settings, 0, NULL, &arena, &front);
    assert_true(front.samples == settings.samples);
    if (task % 5 == 4) {
      check_members(goal, &settings, &front, &arena);
      arena_release(&arena);
      continue;
    }
    settings.samples = 800;
    tenancy_front_constrain(goal, &settings, 4, &arena, &front);
    check_members(goal, &settings, &front, &arena);
    struct covering covering = {.settings = &settings, .front = &front};
    struct brute brute;
    open_brute(&brute, &problem, goal, &arena);
    brute.each = check_covered, brute.context = &covering;
    tenancy_every_answer(&brute.every, 0);
    n_answers += covering.n_answers, n_uncovered += covering.n_uncovered, n_members += front.n;
    arena_release(&arena);
  }
  print_message("%zu members cover all but %zu of %zu answers\n", n_members, n_uncovered, n_answers);
  assert_true(n_members > 2 * N_FRONTS);
  assert_true(n_uncovered * 1000 < n_answers);
}

int main(void) {
  print_message("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_schedules), cmocka_unit_test(test_every_answer),
                                     cmocka_unit_test(test_fronts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
