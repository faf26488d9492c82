/* Do all schedules of pipelines keep their laws on random stages?
 *
 * Every result passes the independent judge and no bound lies above it; closed forms hold where they say so; small
 * pipelines are compared with all orders there are; long ones, which are not simulated to the end, with those that are.
 */
#include "tests/pipeline_cases.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

static struct arena arena, scratch;
static struct rng rng;

/* Draws until the schedule applies. */
static struct pipeline_problem draw(const struct pipeline_schedule *schedule, uint64_t most_m, uint64_t most_ps,
                                    uint64_t most_send_ps) {
  for (;;) {
    const uint64_t p = 1 + rng_below(&rng, 8), v = 1 + rng_below(&rng, 4), m = 1 + rng_below(&rng, most_m);
    const struct pipeline_problem problem = case_unequal(p, v, m, most_ps, most_send_ps, &rng, &arena);
    struct error error = {0};
    if (pipeline_applies(schedule, &problem, &error)) return problem;
    arena_rewind(&arena, (struct arena_mark){0});
  }
}

static void judged(void **state) {
  (void)state;
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (uint64_t task = 0; task < 300; task++) {
      const struct pipeline_schedule *const schedule = pipeline_schedules[i];
      rng = rng_stream(seed, RNG_TEST, i, task);
      const struct pipeline_problem problem = draw(schedule, 40, 30, task % 3 * 20);
      struct pipeline_result result;
      struct error error = {0};
      assert_true(pipeline_simulate(schedule, &problem, true, &scratch, &result));
      if (!pipeline_check(schedule, &problem, &result, &scratch, &error))
        fail_msg("%s, task %" PRIu64 ": %s", schedule->name, task, error.text);
      for (size_t t = 1; t < result.n_tasks; t++) { /* ties by device: the same list everywhere */
        const struct pipeline_task *const one = &result.tasks[t - 1], *const next = &result.tasks[t];
        assert_true(one->start_ps < next->start_ps || one->device < next->device);
      }
      const uint64_t time_ps = pipeline_time_ps(schedule, &result);
      assert_true(pipeline_bound_of_ps(schedule, &problem) <= time_ps);
      if (!schedule->tears) assert_true(pipeline_bound_ps(&problem) <= time_ps);
      assert_true(result.busy_ps <= result.span_ps && result.span_ps <= result.makespan_ps);
      arena_rewind(&arena, (struct arena_mark){0});
      arena_rewind(&scratch, (struct arena_mark){0});
    }
}

/* All p ≤ 8, v ≤ 4, m ≤ 40, on three draws of F, B, W each. */
static void closed_forms(void **state) {
  (void)state;
  for (size_t i = 0; i < n_pipeline_schedules; i++) {
    const struct pipeline_schedule *const schedule = pipeline_schedules[i];
    size_t n_times = 0, n_kept = 0;
    for (uint64_t task = 0; task < 8 * 4 * 40 * 3; task++) {
      rng = rng_stream(seed, RNG_TEST, 10 + i, task);
      const uint64_t p = 1 + task % 8, v = 1 + task / 8 % 4, m = 1 + task / 32 % 40;
      const uint64_t kind = rng_below(&rng, 3), f = 1 + rng_below(&rng, 50);
      const uint64_t w = kind == 0 ? f : 1 + rng_below(&rng, kind == 1 ? f : 50);
      const uint64_t phase_ps[3] = {f, kind == 0 ? f : 1 + rng_below(&rng, 50), w};
      const struct pipeline_problem problem = case_equal(p, v, m, phase_ps, &arena);
      struct pipeline_result result;
      struct error error = {0};
      if (!pipeline_applies(schedule, &problem, &error)) continue;
      assert_true(pipeline_simulate(schedule, &problem, false, &scratch, &result));
      const uint64_t closed_ps = schedule->closed_ps(&problem);
      if (closed_ps != 0 && closed_ps != pipeline_time_ps(schedule, &result))
        fail_msg("%s p %" PRIu64 " v %" PRIu64 " m %" PRIu64 " F %" PRIu64 " B %" PRIu64 " W %" PRIu64 ": %" PRIu64
                 " ps, closed form %" PRIu64,
                 schedule->name, p, v, m, f, phase_ps[1], w, pipeline_time_ps(schedule, &result), closed_ps);
      n_times += closed_ps != 0;
      for (uint64_t s = 0; s < p; s++) {
        const uint64_t kept = schedule->closed_kept(&problem, s);
        if (kept != 0) assert_int_equal(result.peak_kept[s], kept);
        n_kept += kept != 0;
      }
      arena_rewind(&arena, (struct arena_mark){0});
      arena_rewind(&scratch, (struct arena_mark){0});
    }
    printf("%s: %zu times and %zu kept counts by closed forms\n", schedule->name, n_times, n_kept);
    assert_true(n_times > 50 && n_kept > 200);
  }
}

/* --- all orders -----------------------------------------------------------------------------------------------------
 */

enum { MOST_STEPS = 16, MOST_MICROBATCHES = 3, MOST_DEVICES = 3 };

/* Every sequence in which tasks can be begun, each as early as possible: among them are all orders of all devices. */
struct enumeration {
  const struct pipeline_schedule *schedule; /* says where chunks are, whether torn, and which time counts */
  const struct pipeline_problem *problem;
  uint64_t n_places, n_steps, best_ps;
  uint64_t stage_at[MOST_STEPS];
  uint64_t end_ps[MOST_MICROBATCHES][MOST_STEPS]; /* forward, backward, then weights by place */
  bool is_done[MOST_MICROBATCHES][MOST_STEPS];
  uint64_t clock_ps[MOST_DEVICES], begin_ps[MOST_DEVICES];
};

static void enumerate(struct enumeration *all, unsigned n_left) {
  const uint64_t p = all->problem->n_devices, n_places = all->n_places;
  if (n_left == 0) {
    uint64_t time_ps = 0;
    for (uint64_t s = 0; s < p; s++) {
      const uint64_t from_ps = all->schedule->uses_span ? all->begin_ps[s] : 0;
      if (all->clock_ps[s] - from_ps > time_ps) time_ps = all->clock_ps[s] - from_ps;
    }
    if (time_ps < all->best_ps) all->best_ps = time_ps;
    return;
  }
  for (uint64_t i = 0; i < all->problem->n_microbatches; i++)
    for (uint64_t step = 0; step < all->n_steps; step++) {
      if (all->is_done[i][step]) continue;
      /* Microbatches are all alike: the first task of each in their order. */
      if (step == 0 && i > 0 && !all->is_done[i - 1][0]) continue;
      const bool is_weight = step >= 2 * n_places, is_forward = step < n_places;
      const uint64_t place = is_weight ? step - 2 * n_places : is_forward ? step : 2 * n_places - 1 - step;
      const uint64_t input = is_weight ? 2 * n_places - 1 - place : step - 1;
      if (step > 0 && !all->is_done[i][input]) continue;
      const struct pipeline_stage *const stage = &all->problem->stages[all->stage_at[place]];
      uint64_t ready_ps = step > 0 ? all->end_ps[i][input] : 0;
      if (is_forward && step > 0) ready_ps += all->problem->stages[all->stage_at[place - 1]].send_forward_ps;
      if (!is_forward && !is_weight && place + 1 < n_places)
        ready_ps += all->problem->stages[all->stage_at[place + 1]].send_backward_ps;
      const uint64_t s = all->stage_at[place] % p, clock_ps = all->clock_ps[s], begin_ps = all->begin_ps[s];
      const uint64_t start_ps = ready_ps > clock_ps ? ready_ps : clock_ps;
      const uint64_t backward_ps = all->schedule->tears ? stage->backward_data_ps : stage->backward_ps;
      const uint64_t task_ps = is_weight ? stage->backward_weight_ps : is_forward ? stage->forward_ps : backward_ps;
      if (begin_ps == UINT64_MAX) all->begin_ps[s] = start_ps;
      all->clock_ps[s] = all->end_ps[i][step] = start_ps + task_ps;
      all->is_done[i][step] = true;
      enumerate(all, n_left - 1);
      all->is_done[i][step] = false;
      all->clock_ps[s] = clock_ps;
      all->begin_ps[s] = begin_ps;
    }
}

static uint64_t best_of_all(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem) {
  struct enumeration all = {.schedule = schedule, .problem = problem, .best_ps = UINT64_MAX};
  all.n_places = problem->n_devices * problem->n_chunks;
  all.n_steps = (schedule->tears ? 3 : 2) * all.n_places;
  for (uint64_t i = 0; i < all.n_places; i++)
    all.stage_at[pipeline_place(schedule, problem, i / problem->n_devices, i % problem->n_devices)] = i;
  for (uint64_t s = 0; s < problem->n_devices; s++) all.begin_ps[s] = UINT64_MAX;
  enumerate(&all, (unsigned)(all.n_steps * problem->n_microbatches));
  return all.best_ps;
}

/* bound ≤ best order ≤ every schedule. */
static void no_order_beats_the_bound(void **state) {
  (void)state;
  static const uint64_t sizes[][3] = {{1, 1, 3}, {2, 1, 1}, {2, 1, 2}, {3, 1, 1}, {1, 2, 1},
                                      {1, 2, 2}, {2, 2, 1}, {2, 1, 3}, {3, 1, 2}, {1, 3, 1}};
  size_t n_met = 0, n_tried = 0;
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (uint64_t task = 0; task < 40; task++) {
      const struct pipeline_schedule *const schedule = pipeline_schedules[i];
      const uint64_t *const size = sizes[task % 10];
      rng = rng_stream(seed, RNG_TEST, 20 + i, task);
      const struct pipeline_problem problem = case_unequal(size[0], size[1], size[2], 9, task % 2 * 4, &rng, &arena);
      struct pipeline_result result;
      struct error error = {0};
      const uint64_t n_tasks = (schedule->tears ? 3 : 2) * size[0] * size[1] * size[2];
      if (!pipeline_applies(schedule, &problem, &error) || n_tasks > 12) continue;
      const uint64_t best_ps = best_of_all(schedule, &problem);
      const uint64_t bound_ps = pipeline_bound_of_ps(schedule, &problem);
      assert_true(pipeline_simulate(schedule, &problem, false, &scratch, &result));
      if (bound_ps > best_ps || best_ps > pipeline_time_ps(schedule, &result))
        fail_msg("%s, task %" PRIu64 ": bound %" PRIu64 ", best order %" PRIu64 ", schedule %" PRIu64, schedule->name,
                 task, bound_ps, best_ps, pipeline_time_ps(schedule, &result));
      n_met += bound_ps == best_ps;
      n_tried++;
      arena_rewind(&arena, (struct arena_mark){0});
      arena_rewind(&scratch, (struct arena_mark){0});
    }
  printf("bounds met by the best order: %zu of %zu\n", n_met, n_tried);
  assert_true(n_met > n_tried / 2);
}

/* --- long pipelines -------------------------------------------------------------------------------------------------
 */

static void long_ones_are_the_same(void **state) {
  (void)state;
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (uint64_t task = 0; task < 60; task++) {
      const struct pipeline_schedule *const schedule = pipeline_schedules[i];
      rng = rng_stream(seed, RNG_TEST, 30 + i, task);
      const struct pipeline_problem problem = draw(schedule, 2385, 1 + rng_below(&rng, 1000), task % 3 * 500);
      struct pipeline_result whole, result;
      assert_true(pipeline_simulate(schedule, &problem, true, &scratch, &whole));
      assert_true(pipeline_simulate(schedule, &problem, false, &scratch, &result));
      assert_int_equal(result.makespan_ps, whole.makespan_ps);
      assert_int_equal(result.span_ps, whole.span_ps);
      assert_int_equal(result.busy_ps, whole.busy_ps);
      assert_memory_equal(result.peak_kept, whole.peak_kept, problem.n_devices * sizeof *whole.peak_kept);
      assert_memory_equal(result.peak_bytes, whole.peak_bytes, problem.n_devices * sizeof *whole.peak_bytes);
      arena_rewind(&arena, (struct arena_mark){0});
      arena_rewind(&scratch, (struct arena_mark){0});
    }
}

/* Index in `before` of a task. */
static size_t index_of(const struct pipeline_problem *problem, const struct pipeline_task *task) {
  return (task->phase * problem->n_chunks + task->chunk) * problem->n_microbatches + task->microbatch;
}

/* before[task]: the task before it in the order of the device. */
static struct pipeline_task *befores(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                                     uint64_t device) {
  const size_t room = 3 * problem->n_chunks * problem->n_microbatches;
  struct pipeline_task *const order = ARENA_NEW(&scratch, struct pipeline_task, room);
  struct pipeline_task *const before = ARENA_NEW(&scratch, struct pipeline_task, room);
  const size_t n = schedule->order(problem, device, order);
  for (size_t i = 1; i < n; i++) before[index_of(problem, &order[i])] = order[i - 1];
  return before;
}

static void assert_repeats(const struct pipeline_schedule *schedule, const struct pipeline_problem *problem,
                           uint64_t device) {
  const uint64_t m = problem->n_microbatches, period = schedule->period(problem), reach = schedule->reach(problem);
  struct pipeline_problem longer = *problem;
  longer.n_microbatches += period;
  const struct pipeline_task *const before = befores(schedule, problem, device);
  const struct pipeline_task *const before_longer = befores(schedule, &longer, device);
  for (unsigned phase = 0; phase < (schedule->tears ? 3 : 2); phase++)
    for (uint64_t i = 0; i < problem->n_chunks * m; i++) {
      struct pipeline_task task = {
          .phase = (uint8_t)phase, .chunk = (uint32_t)(i / m), .microbatch = (uint32_t)(i % m)};
      const struct pipeline_task here = before[index_of(problem, &task)];
      const struct pipeline_task same = before_longer[index_of(&longer, &task)];
      const uint64_t j = task.microbatch;
      if (j < m - reach) assert_memory_equal(&here, &same, sizeof here);
      if (j < reach) continue;
      const uint64_t apart = here.microbatch > j ? here.microbatch - j : j - here.microbatch;
      assert_true(apart <= reach);
      task.microbatch += (uint32_t)period;
      const struct pipeline_task moved = before_longer[index_of(&longer, &task)];
      assert_int_equal(moved.phase, here.phase);
      assert_int_equal(moved.chunk, here.chunk);
      assert_int_equal(moved.microbatch, here.microbatch + period);
    }
}

/* What the simulation of long pipelines counts on. */
static void orders_repeat(void **state) {
  (void)state;
  size_t n_checked = 0;
  for (size_t i = 0; i < n_pipeline_schedules; i++)
    for (uint64_t task = 0; task < 8 * 4 * 3; task++) {
      const struct pipeline_schedule *const schedule = pipeline_schedules[i];
      struct pipeline_problem problem = {.n_devices = 1 + task % 8, .n_chunks = 1 + task / 8 % 4};
      struct error error = {0};
      if (schedule->period == NULL) continue;
      problem.n_microbatches = 4 * schedule->reach(&problem) + task / 32 * schedule->period(&problem);
      if (!pipeline_applies(schedule, &problem, &error)) problem.n_microbatches += problem.n_devices;
      problem.n_microbatches -= problem.n_microbatches % schedule->period(&problem);
      error = (struct error){0};
      if (!pipeline_applies(schedule, &problem, &error)) continue;
      for (uint64_t s = 0; s < problem.n_devices; s++) assert_repeats(schedule, &problem, s);
      n_checked++;
      arena_rewind(&scratch, (struct arena_mark){0});
    }
  assert_true(n_checked > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(judged),
      cmocka_unit_test(closed_forms),
      cmocka_unit_test(no_order_beats_the_bound),
      cmocka_unit_test(long_ones_are_the_same),
      cmocka_unit_test(orders_repeat),
  };
  printf("seed %" PRIu64 "\n", seed);
  arena_init(&arena, 1 << 16);
  arena_init(&scratch, 1 << 20);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  arena_release(&arena);
  arena_release(&scratch);
  return failed;
}
