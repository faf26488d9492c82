/* Is no bound of a placement ever above the best answer, and do the tight ones touch it?
 *
 * And the bounds that start from the value of an answer; and is some answer found wherever there is one? Random small
 * problems of every rule and objective with pins, hard memory, links between devices, given times, hosts,
 * groups, latencies; the best answer by trying all placements, orders and pins. */
#include "search/placement/placement_bounds_limit.h"
#include "search/placement/placement_build.h"
#include "tests/placement_small.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
static const double slack = 1e-9;

static const double window_tolerance = 1e-6; /* as of the bound: longer by less is not looked at */

enum { N_EACH = 120, N_CHAINS = 40, N_SHOPS = 60 };

/* Bounds from the value of an answer, the best or a worse one, and by way of the rule that asks for less. */
static void judge_by_limits(const struct placement_problem *problem, double value, double bound, struct arena *arena) {
  struct placement_problem other;
  assert_true(placement_below(problem, value * (1 + slack), arena, &other));
  for (double high = value; high < 2.5 * value; high *= 1.3) {
    const double raised = placement_bound_by_limits(problem, bound, high, arena);
    if (raised < bound || raised > value * (1 + slack)) fail_msg("%.12g, from %.12g, best %.12g", raised, bound, value);
  }
  if (!placement_as_delay(problem, arena, &other)) return;
  struct placement_answer best;
  const double least = small_best(&other, arena, &best);
  if (least > value * (1 + slack)) fail_msg("delay takes %.12g, the rule %.12g", least, value);
}

/* An answer if and only if there is one. */
static void judge_fill(const struct placement_problem *problem, double value, struct arena *arena) {
  struct arena scratch;
  struct placement_build build;
  arena_init(&scratch, 1 << 16);
  const struct placement_request request = {.problem = problem, .arena = arena, .scratch = &scratch};
  struct placement_answer answer = placement_answer_new(problem, arena);
  placement_build_init(&build, &request);
  const enum placement_filled filled = placement_build_try_fill(&build, &answer);
  assert_int_equal(filled, value < INFINITY ? PLACEMENT_FILLED : PLACEMENT_IMPOSSIBLE);
  if (filled == PLACEMENT_FILLED) assert_true(placement_evaluate(problem, &answer, &scratch, NULL) < INFINITY);
  arena_release(&scratch);
}

static void judge(const struct small_shape *shape, uint64_t round, uint64_t task, size_t *n_judged, double *touched) {
  struct arena arena;
  arena_init(&arena, 1 << 16);
  struct rng rng = rng_stream(seed, RNG_TEST, round, task);
  struct placement_problem problem;
  if (small_draw(shape, &rng, &arena, &problem)) {
    struct placement_answer best;
    struct placement_bounds bounds;
    struct error error = {0};
    const double value = small_best(&problem, &arena, &best);
    assert_true(placement_bounds(&problem, &arena, &bounds, &error));
    for (int b = 0; value < INFINITY && b < PLACEMENT_N_BOUNDS; b++) {
      if (bounds.value[b] > value * (1 + slack)) {
        fail_msg("seed %" PRIu64 ", round %" PRIu64 ", task %" PRIu64 ": the %s bound %.12g is above %.12g", seed,
                 round, task, placement_bound_names[b], bounds.value[b], value);
      }
    }
    assert_true(bounds.best >= bounds.value[bounds.binding]);
    assert_non_null(bounds.reason);
    if (value < INFINITY && value > 0) judge_by_limits(&problem, value, bounds.best, &arena);
    judge_fill(&problem, value, &arena);
    *n_judged += value < INFINITY;
    *touched += value < INFINITY && bounds.best >= value * (1 - 1e-6);
  }
  arena_release(&arena);
}

static void no_bound_is_above_the_best(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  for (uint64_t kind = 0; kind < 18; kind++) {
    size_t n_judged = 0;
    double touched = 0;
    for (uint64_t task = 0; task < N_EACH; task++) {
      const struct small_shape shape = {.n_layers = 1 + (task % 4),
                                        .n_devices = 1 + (task / 4) % 3,
                                        .timing = (enum placement_timing)(kind % 3),
                                        .objective = (enum placement_objective)(kind / 3 % 3),
                                        .plain = kind >= 9,
                                        .roomy = task % 3 == 0};
      judge(&shape, kind, task, &n_judged, &touched);
    }
    print_message("  rule %d, objective %d, %s: %zu judged, %g touched\n", (int)(kind % 3), (int)(kind / 3 % 3),
                  kind >= 9 ? "plain" : "any", n_judged, touched);
    assert_true(n_judged > N_EACH / 2);
    assert_true(touched > N_EACH / 20.0);
  }
}

/* Exact on a single chain with devices for all (placement §7). */
static void the_path_bound_of_one_chain_is_exact(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_CHAINS; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 100, task);
    const struct small_shape shape = {
        .n_layers = 1 + task % 4, .n_devices = 3, .plain = true, .chains = true, .roomy = true};
    struct placement_problem problem;
    assert_true(small_draw(&shape, &rng, &arena, &problem));
    bool whole = problem.n_edges + 1 == problem.n_layers;
    for (size_t e = 0; e < problem.n_edges; e++) whole = whole && problem.edges[e].bytes > 0;
    if (whole) {
      struct placement_answer best;
      struct placement_bounds bounds;
      struct error error = {0};
      const double value = small_best(&problem, &arena, &best);
      assert_true(placement_bounds(&problem, &arena, &bounds, &error));
      assert_true(fabs(bounds.value[PLACEMENT_BOUND_PATH] - value) <= slack * value);
    }
    arena_release(&arena);
  }
}

/* Two machines, each layer of its own kind, one behind the other: Johnson's rule (1954) gives the least makespan, and
 * each machine with the other's least time before or behind it a bound that loads and paths do not know. */
struct johnson_job {
  double first_s, second_s;
};

static int compare_jobs(const void *a, const void *b) {
  const struct johnson_job *x = a, *y = b;
  const bool x_first = x->first_s < x->second_s, y_first = y->first_s < y->second_s;
  if (x_first != y_first) return x_first ? -1 : 1;
  const double d = x_first ? x->first_s - y->first_s : y->second_s - x->second_s;
  return d < 0 ? -1 : d > 0;
}

static double johnson_s(struct johnson_job *jobs, size_t n) {
  double first_s = 0, second_s = 0;
  qsort(jobs, n, sizeof *jobs, compare_jobs);
  for (size_t i = 0; i < n; i++) {
    first_s += jobs[i].first_s;
    second_s = fmax(first_s, second_s) + jobs[i].second_s;
  }
  return second_s;
}

static void flow_shop(const struct johnson_job *jobs, size_t n, enum placement_timing timing, struct arena *arena,
                      struct placement_problem *problem) {
  struct placement_device *devices = ARENA_NEW(arena, struct placement_device, 2);
  struct placement_edge *edges = ARENA_NEW(arena, struct placement_edge, n);
  const char **names = ARENA_NEW(arena, const char *, 2 * n), **kinds = ARENA_NEW(arena, const char *, 1);
  double *compute_s = ARENA_NEW(arena, double, 4 * n);
  uint64_t *bytes = ARENA_NEW(arena, uint64_t, 2 * n);
  for (size_t d = 0; d < 2; d++) {
    devices[d] = (struct placement_device){.name = d == 0 ? "first" : "second",
                                           .class_name = d == 0 ? "first" : "second",
                                           .dram_bytes = UINT64_MAX,
                                           .pin_share = 0.5,
                                           .link_bytes_per_s = 2385};
  }
  for (uint32_t j = 0; j < n; j++) {
    names[2 * j] = arena_printf(arena, "a%u", j), names[2 * j + 1] = arena_printf(arena, "b%u", j);
    edges[j] = (struct placement_edge){2 * j, 2 * j + 1, 0, NAN};
    compute_s[4 * j] = jobs[j].first_s, compute_s[4 * j + 1] = NAN;
    compute_s[4 * j + 2] = NAN, compute_s[4 * j + 3] = jobs[j].second_s;
  }
  kinds[0] = "any";
  *problem = (struct placement_problem){.name = "flow shop",
                                        .timing = timing,
                                        .memory = PLACEMENT_UNLIMITED,
                                        .granule_bytes = 1,
                                        .n_devices = 2,
                                        .n_layers = 2 * n,
                                        .n_edges = n,
                                        .n_kinds = 1,
                                        .devices = devices,
                                        .host = {INFINITY, INFINITY, 0, 1, false},
                                        .layer_names = names,
                                        .kinds = kinds,
                                        .kind = ARENA_NEW(arena, uint32_t, 2 * n),
                                        .weight_bytes = bytes,
                                        .input_bytes = bytes,
                                        .output_bytes = bytes,
                                        .edges = edges,
                                        .compute_s = compute_s};
  struct error error = {0};
  assert_true(placement_finish(problem, arena, &error));
}

static void windows_know_what_comes_before_and_behind(void **state) {
  (void)state;
  size_t n_better = 0;
  for (uint64_t task = 0; task < N_SHOPS; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 200, task);
    const size_t n = 2 + rng_below(&rng, 8);
    struct johnson_job *jobs = ARENA_NEW(&arena, struct johnson_job, n);
    double sum[2] = {0, 0}, least[2] = {INFINITY, INFINITY};
    for (size_t j = 0; j < n; j++) {
      jobs[j] = (struct johnson_job){1 + (double)rng_below(&rng, 50), 1 + (double)rng_below(&rng, 50)};
      sum[0] += jobs[j].first_s, least[0] = fmin(least[0], jobs[j].first_s);
      sum[1] += jobs[j].second_s, least[1] = fmin(least[1], jobs[j].second_s);
    }
    struct placement_problem problem;
    struct placement_bounds bounds;
    struct error error = {0};
    flow_shop(jobs, n, (enum placement_timing)(task % 3), &arena, &problem);
    assert_true(placement_bounds(&problem, &arena, &bounds, &error));
    const double window_s = bounds.value[PLACEMENT_BOUND_WINDOW], best_s = johnson_s(jobs, n);
    const double machine_s = fmax(sum[0] + least[1], least[0] + sum[1]);
    if (window_s > best_s * (1 + slack)) fail_msg("task %" PRIu64 ": %.12g above %.12g", task, window_s, best_s);
    assert_true(window_s >= machine_s * (1 - 2 * window_tolerance));
    n_better += window_s > (1 + 1e-3) * fmax(bounds.value[PLACEMENT_BOUND_PATH], bounds.value[PLACEMENT_BOUND_LOAD]);
    arena_release(&arena);
  }
  assert_true(n_better > N_SHOPS / 2);
}

/* Hard memory that is nearly full, groups, pieces of a chain. */
static void where_hardly_anything_fits(void **state) {
  (void)state;
  size_t n_judged = 0;
  double touched = 0;
  for (uint64_t task = 0; task < 4 * N_EACH; task++) {
    const struct small_shape shape = {.n_layers = 2 + (task % 4),
                                      .n_devices = 2 + (task / 4) % 2,
                                      .timing = (enum placement_timing)(task % 3),
                                      .objective = (enum placement_objective)(task / 3 % 3),
                                      .split = task % 2 == 0};
    judge(&shape, 150, task, &n_judged, &touched);
  }
  assert_true(n_judged > N_EACH);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_bound_is_above_the_best),
      cmocka_unit_test(the_path_bound_of_one_chain_is_exact),
      cmocka_unit_test(windows_know_what_comes_before_and_behind),
      cmocka_unit_test(where_hardly_anything_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
