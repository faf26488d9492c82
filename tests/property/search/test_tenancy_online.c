/* Is what comes of a trace a schedule that could have been, known beforehand where all is known?
 *
 * Random traces of jobs and models. The progress of every job is summed again over all starts and ends; where
 * everything arrives at once the result is the judge's, and that of one search. */
#include "base/rng.h"
#include "search/tenancy/anneal_full.h"
#include "search/tenancy/tenancy_online.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { N_TRACES = 120, MOST_ARRIVALS = 25, TEXT_BYTES = 4096 };

static void draw_instance(struct rng *rng, struct arena *arena, struct tenancy_problem *problem) {
  const size_t n = 2 + rng_below(rng, 8), n_cores = 1 + rng_below(rng, 4);
  static const char *const names[] = {"a", "b"};
  uint64_t *latency = ARENA_NEW(arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(arena, double, n *n_cores);
  uint32_t *tenant = ARENA_NEW(arena, uint32_t, n), *pred_start = ARENA_NEW(arena, uint32_t, n + 1);
  uint32_t *preds = ARENA_NEW(arena, uint32_t, n), n_preds = 0;
  for (size_t at = 0; at < n * n_cores; at++) {
    if (at % n_cores > 0 && rng_below(rng, 5) == 0) continue;
    latency[at] = 1 + rng_below(rng, 1000);
    need[at] = rng_below(rng, 9) == 0 ? 0 : 3 * rng_unit(rng);
  }
  for (uint32_t j = 0; j < n; j++) {
    tenant[j] = j % 2;
    if (j >= 2 && rng_below(rng, 2) == 0) preds[n_preds++] = j - 2;
    pred_start[j + 1] = n_preds;
  }
  *problem = (struct tenancy_problem){.name = "drawn",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = 0.5 + 4 * rng_unit(rng),
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need,
                                      .tenant = tenant,
                                      .n_tenants = 2,
                                      .tenants = names,
                                      .pred_start = pred_start,
                                      .preds = preds};
  struct error error = {0};
  if (!tenancy_finish(problem, arena, &error)) fail_msg("%s", error.text);
}

static void draw_trace(struct rng *rng, bool at_once, const struct tenancy_problem *instance, struct arena *arena,
                       struct tenancy_trace *trace) {
  char *text = arena_alloc(arena, TEXT_BYTES, 1);
  int n = snprintf(text, TEXT_BYTES, "model,arrival_cycles,job,deadline_cycles\n");
  for (uint64_t i = 1 + rng_below(rng, MOST_ARRIVALS); i > 0; i--) {
    const uint64_t arrival = at_once ? 0 : rng_below(rng, 4000);
    n += rng_below(rng, 3) == 0
             ? snprintf(text + n, TEXT_BYTES - (size_t)n, "%s,%" PRIu64 ",,\n", i % 2 ? "a" : "b", arrival)
             : snprintf(text + n, TEXT_BYTES - (size_t)n, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", arrival,
                        rng_below(rng, instance->n_jobs), arrival + rng_below(rng, 2000));
  }
  struct error error = {0};
  struct tenancy_text given = {"trace.csv", text, (size_t)n};
  if (!tenancy_trace_parse(instance, &given, arena, trace, &error)) fail_msg("%s", error.text);
}

static double rate_at(const struct tenancy_problem *jobs, const struct tenancy_online *online, double time) {
  double required = 0;
  for (size_t j = 0; j < jobs->n_jobs; j++) {
    if (online->start_cycles[j] > time || online->end_cycles[j] <= time) continue;
    required += jobs->bytes_per_cycle[tenancy_at(jobs, j, online->answer.core[j])];
  }
  return fmin(1, jobs->bandwidth_bytes_per_cycle / required);
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Every job has run as long as it had to at the speed that there was, on a core of its own, behind all that it waits
 * for. */
static void check_progress(const struct tenancy_problem *jobs, const struct tenancy_online *online, uint64_t period) {
  double events[16 * MOST_ARRIVALS], progress[8 * MOST_ARRIVALS] = {0};
  const size_t n = jobs->n_jobs;
  assert_true(n <= 8 * MOST_ARRIVALS);
  for (size_t j = 0; j < n; j++) events[2 * j] = online->start_cycles[j], events[2 * j + 1] = online->end_cycles[j];
  qsort(events, 2 * n, sizeof *events, ascending);
  for (size_t e = 0; e + 1 < 2 * n; e++) {
    const double rate = rate_at(jobs, online, events[e]), time = events[e + 1] - events[e];
    for (size_t j = 0; j < n && time > 0; j++) {
      if (online->start_cycles[j] <= events[e] && online->end_cycles[j] > events[e]) progress[j] += rate * time;
    }
  }
  for (size_t j = 0; j < n; j++) {
    const double latency = (double)jobs->latency_cycles[tenancy_at(jobs, j, online->answer.core[j])];
    if (!(fabs(progress[j] - latency) < 1e-5)) fail_msg("job %zu ran %.17g of %g", j, progress[j], latency);
    const uint64_t arrival = jobs->release_cycles[j];
    const double from = (double)(period == 0 ? arrival : (arrival + period - 1) / period * period);
    assert_true(online->start_cycles[j] >= from - 1e-9);
    for (uint32_t e = 0; jobs->pred_start != NULL && e < jobs->pred_start[j + 1] - jobs->pred_start[j]; e++) {
      assert_true(online->end_cycles[jobs->preds[jobs->pred_start[j] + e]] <= online->start_cycles[j] + 1e-9);
    }
    for (size_t k = 0; k < j; k++) {
      if (online->answer.core[j] != online->answer.core[k]) continue;
      assert_true(online->end_cycles[k] <= online->start_cycles[j] + 1e-9 ||
                  online->end_cycles[j] <= online->start_cycles[k] + 1e-9);
    }
  }
}

static void run(const struct tenancy_trace *trace, const struct tenancy_online_settings *settings, struct arena *arena,
                struct tenancy_online *online) {
  struct error error = {0};
  if (!tenancy_run_online(trace, settings, arena, online, &error)) fail_msg("%s", error.text);
}

static void test_traces(void **state) {
  (void)state;
  size_t n_remaps = 0;
  for (uint64_t task = 0; task < N_TRACES; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, task);
    struct tenancy_problem instance;
    struct tenancy_trace trace;
    struct tenancy_online online, again;
    struct tenancy_bounds bounds;
    struct error error = {0};
    draw_instance(&rng, &arena, &instance);
    draw_trace(&rng, false, &instance, &arena, &trace);
    static const enum tenancy_objective objectives[] = {TENANCY_MAKESPAN, TENANCY_MEAN_FINISH, TENANCY_TARDINESS};
    const struct tenancy_online_settings settings = {.goal = {.objective = objectives[task % 3]},
                                                     .remap_every_cycles = task % 2 == 0 ? 0 : 700,
                                                     .remap_samples = 40,
                                                     .seed = task};
    run(&trace, &settings, &arena, &online);
    check_progress(&trace.jobs, &online, settings.remap_every_cycles);
    assert_true(tenancy_makespan_bounds(&trace.jobs, &tenancy_bounds_quick, &arena, &bounds, &error));
    assert_true(online.makespan_cycles >= bounds.best_cycles * (1 - 1e-9));
    assert_true(online.n_samples <= 40 * online.n_remaps && online.n_remaps <= trace.n_arrivals);
    run(&trace, &settings, &arena, &again);
    assert_memory_equal(online.end_cycles, again.end_cycles, trace.jobs.n_jobs * sizeof(double));
    size_t n_missed = 0;
    for (size_t a = 0; a < trace.n_arrivals; a++) {
      const double end = online.latency_cycles[a] + (double)trace.arrival_cycles[a];
      n_missed += trace.deadline_cycles[a] != UINT64_MAX && end > (double)trace.deadline_cycles[a] * (1 + 1e-9);
    }
    assert_int_equal(online.n_missed, n_missed);
    n_remaps += online.n_remaps;
    arena_release(&arena);
  }
  print_message("%zu re-mappings in %d traces\n", n_remaps, N_TRACES);
  assert_true(n_remaps > 4 * N_TRACES);
}

/* Jobs as they come, each to the core where it ends first by itself: where a trace's first mapping begins. */
static void place(const struct tenancy_problem *problem, struct tenancy_answer *answer) {
  double load[4] = {0};
  for (size_t j = 0; j < problem->n_jobs; j++) {
    size_t best = SIZE_MAX;
    for (size_t c = 0; c < problem->n_cores; c++) {
      const double end = load[c] + (double)problem->latency_cycles[tenancy_at(problem, j, c)];
      if (!tenancy_can_run(problem, j, c)) continue;
      if (best != SIZE_MAX && load[best] + (double)problem->latency_cycles[tenancy_at(problem, j, best)] <= end)
        continue;
      best = c;
    }
    load[best] += (double)problem->latency_cycles[tenancy_at(problem, j, best)];
    answer->core[j] = (uint32_t)best, answer->priority[j] = (double)j;
  }
}

/* All at once: one mapping, that of one search, and the judge's times. */
static void test_at_once(void **state) {
  (void)state;
  for (uint64_t task = 0; task < N_TRACES; task++) {
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    struct tenancy_problem instance;
    struct tenancy_trace trace;
    struct tenancy_online online;
    struct tenancy_verdict verdict;
    struct error error = {0};
    draw_instance(&rng, &arena, &instance);
    draw_trace(&rng, true, &instance, &arena, &trace);
    const struct tenancy_online_settings settings = {.remap_samples = 60, .seed = task};
    run(&trace, &settings, &arena, &online);
    assert_int_equal(online.n_remaps, 1);
    assert_true(tenancy_judge(&trace.jobs, &online.answer, &arena, &verdict, &error));
    for (size_t j = 0; j < trace.jobs.n_jobs; j++) {
      assert_true(fabs(online.end_cycles[j] - verdict.end_of[j]) <= 1e-9 * (1 + verdict.end_of[j]));
    }
    struct tenancy_problem offline = trace.jobs;
    struct tenancy_goal *goal;
    offline.release_cycles = NULL;
    assert_true(tenancy_goal_open(&offline, &settings.goal, 0, &arena, &goal, &error));
    struct tenancy_answer answer = tenancy_answer_new(&offline, &arena);
    place(&offline, &answer);
    const struct anneal_full_search search = {.problem = &offline, .samples = 60, .seed = task};
    uint64_t n_samples = 0;
    const tenancy_cost cost = anneal_full_again(&search, &answer, &arena, &n_samples);
    assert_int_equal(n_samples, online.n_samples);
    assert_true(fabs(online.makespan_cycles / tenancy_cycles(&offline, cost) - 1) < 1e-9);
    arena_release(&arena);
  }
}

int main(void) {
  print_message("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_traces), cmocka_unit_test(test_at_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
