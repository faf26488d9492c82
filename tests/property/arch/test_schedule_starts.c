/* Are placements as early as they can be, and schedules from scratch schedules?
 *
 * Placing is held against a literal search over all moments for each op; starts in every order and on all kinds of
 * widths against the independent judge; growth against path and work of each of its steps, counted anew. */
#include "arch/schedule_check.h"
#include "arch/schedule_cores.h"
#include "arch/schedule_starts.h"
#include "tests/schedule_cases.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t seed = 2385;

enum { MOST_OPS = 40 };

struct fixture {
  struct arena arena, scratch;
  struct rng rng;
  struct op_graph graph;
  struct schedule_problem problem;
  struct placer placer;
  struct schedule_plan plan;
};

static void begin(struct fixture *fixture, uint64_t round, uint64_t task) {
  arena_init(&fixture->arena, 1 << 16);
  arena_init(&fixture->scratch, 1 << 16);
  struct rng *const rng = &fixture->rng;
  *rng = rng_stream(seed, RNG_TEST, round, task);
  case_layered(rng, 1 + rng_below(rng, MOST_OPS), 1 + rng_below(rng, 5), task % 2 == 0 ? 7 : 1000, &fixture->arena,
               &fixture->graph);
  uint32_t n_cores[N_CORE_CLASSES];
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) n_cores[c] = 1 + (uint32_t)rng_below(rng, 9);
  fixture->problem = case_problem(&fixture->graph, 1 + (unsigned)rng_below(rng, 4), n_cores[0], n_cores[1], n_cores[2],
                                  &fixture->arena);
  assert_true(placer_init(&fixture->placer, &fixture->problem, &fixture->arena));
  fixture->placer.n_left = UINT64_MAX;
  fixture->plan = (struct schedule_plan){0, ARENA_NEW(&fixture->arena, uint64_t, fixture->graph.n_ops),
                                         ARENA_NEW(&fixture->arena, uint8_t, fixture->graph.n_ops)};
}

static void end(struct fixture *fixture) {
  arena_release(&fixture->arena);
  arena_release(&fixture->scratch);
}

/* --- placing --------------------------------------------------------------------------------------------------------
 */

struct placed {
  uint64_t start, finish;
  unsigned classes, width;
};

/* Cores of a class in use just behind a moment, or (`across`) by ops that neither start nor end there. */
static uint64_t in_use(const struct placed *placed, size_t n, unsigned class, uint64_t cycles, bool across) {
  uint64_t sum = 0;
  for (size_t i = 0; i < n; i++)
    if ((placed[i].classes >> class & 1) != 0 && placed[i].finish > cycles &&
        (across ? placed[i].start < cycles : placed[i].start <= cycles))
      sum += UINT64_C(1) << placed[i].width;
  return sum;
}

/* Ops of no duration need their cores at one moment, where only what crosses it is in their way, and one after the
 * other where there are several. */
static bool fits(const struct schedule_problem *problem, const struct placed *placed, size_t n,
                 const struct placed *added) {
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) {
    if ((added->classes >> c & 1) == 0) continue;
    const uint64_t most = problem->n_cores[c] - (UINT64_C(1) << added->width);
    if (added->start == added->finish) {
      if (in_use(placed, n, c, added->start, true) > most) return false;
      continue;
    }
    if (in_use(placed, n, c, added->start, false) > most) return false;
    for (size_t i = 0; i < n; i++) {
      if (placed[i].start <= added->start || placed[i].start >= added->finish) continue;
      if (in_use(placed, n, c, placed[i].start, false) > most) return false;
      const bool instant = placed[i].start == placed[i].finish && (placed[i].classes >> c & 1) != 0;
      const uint64_t pinned = instant ? UINT64_C(1) << placed[i].width : 0;
      if (in_use(placed, n, c, placed[i].start, true) + pinned > most) return false;
    }
  }
  return true;
}

/* The first of: when it is ready, and all starts and finishes behind that. */
static void place_literally(const struct schedule_problem *problem, const struct placed *placed, size_t n,
                            uint64_t ready_cycles, uint64_t cycles, struct placed *added) {
  uint64_t best = UINT64_MAX;
  for (size_t i = 0; i <= 2 * n; i++) {
    const uint64_t start = i == 0 ? ready_cycles : i % 2 == 0 ? placed[i / 2 - 1].start : placed[i / 2].finish;
    added->start = start;
    added->finish = start + cycles;
    if (start >= ready_cycles && start < best && fits(problem, placed, n, added)) best = start;
  }
  assert_true(best < UINT64_MAX);
  added->start = best;
  added->finish = best + cycles;
}

/* A random order that keeps to the edges: keys that grow along them. */
static void draw_order(struct fixture *fixture, bool backward) {
  const struct op_graph *const graph = &fixture->graph;
  const size_t n = graph->n_ops;
  uint64_t keys[MOST_OPS];
  for (size_t k = 0; k < n; k++) {
    const size_t i = backward ? n - 1 - k : k;
    const uint32_t *const row = backward ? graph->succ_start : graph->pred_start;
    const uint32_t *const before = backward ? graph->succs : graph->preds;
    keys[i] = rng_below(&fixture->rng, 9);
    for (uint32_t e = row[i]; e < row[i + 1]; e++) keys[i] = max_u64(keys[i], keys[before[e]] + 1);
    fixture->placer.order[k] = (struct placer_entry){keys[i], (uint32_t)i};
  }
  if (backward) {
    placer_sort_coarsely(&fixture->placer, UINT64_MAX); /* its leading bits tell none of these apart */
    for (size_t k = 0; k < n; k++) assert_int_equal(fixture->placer.order[k].op, n - 1 - k);
    placer_sort_coarsely(&fixture->placer, 8 + MOST_OPS);
  } else {
    placer_sort(&fixture->placer);
  }
  for (size_t k = 1; k < n; k++) assert_true(fixture->placer.order[k - 1].key <= fixture->placer.order[k].key);
}

static void placing_is_earliest_fit(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_instants = 0, n_gaps = 0;
  for (uint64_t task = 0; task < 1000; task++) {
    struct fixture fixture;
    begin(&fixture, 21, task);
    const struct op_graph *const graph = &fixture.graph;
    const bool backward = task % 4 >= 2;
    draw_order(&fixture, backward);
    for (size_t i = 0; i < graph->n_ops; i++) {
      const unsigned choices = placer_choices(&fixture.placer, i);
      do fixture.plan.width_log2[i] = (uint8_t)rng_below(&fixture.rng, fixture.problem.n_widths);
      while ((choices >> fixture.plan.width_log2[i] & 1) == 0);
    }
    const uint64_t makespan = placer_place(&fixture.placer, fixture.plan.width_log2, backward, UINT64_MAX - 1);
    struct placed placed[MOST_OPS];
    uint64_t finish[MOST_OPS], last = 0;
    for (size_t k = 0; k < graph->n_ops; k++) {
      const uint32_t op = fixture.placer.order[k].op;
      const uint32_t *const row = backward ? graph->succ_start : graph->pred_start;
      const uint32_t *const before = backward ? graph->succs : graph->preds;
      uint64_t ready = 0;
      for (uint32_t e = row[op]; e < row[op + 1]; e++) ready = max_u64(ready, finish[before[e]]);
      const uint64_t cycles = placer_cycles(&fixture.placer, op, fixture.plan.width_log2[op]);
      placed[k].classes = fixture.problem.shape_classes[graph->ops[op].shape];
      placed[k].width = fixture.plan.width_log2[op];
      place_literally(&fixture.problem, placed, k, ready, cycles, &placed[k]);
      finish[op] = placed[k].finish;
      assert_int_equal(fixture.placer.finish_cycles[op], finish[op]);
      n_instants += cycles == 0;
      n_gaps += placed[k].finish < last;
      last = max_u64(last, finish[op]);
    }
    assert_int_equal(makespan, last);
    if (last > 0) assert_true(placer_place(&fixture.placer, fixture.plan.width_log2, backward, last - 1) == UINT64_MAX);
    end(&fixture);
  }
  assert_true(n_instants > 235 && n_gaps > 2385);
}

/* --- starts ---------------------------------------------------------------------------------------------------------
 */

static void judge(struct fixture *fixture) {
  const size_t n = fixture->graph.n_ops;
  struct schedule schedule = {.makespan_cycles = fixture->plan.makespan_cycles,
                              .start_cycles = fixture->plan.start_cycles,
                              .width_log2 = fixture->plan.width_log2,
                              .finish_cycles = ARENA_NEW(&fixture->arena, uint64_t, n)};
  for (size_t i = 0; i < n; i++) {
    const uint64_t cycles = placer_cycles(&fixture->placer, i, fixture->plan.width_log2[i]);
    schedule.finish_cycles[i] = schedule.start_cycles[i] + cycles;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((fixture->problem.shape_classes[fixture->placer.shapes[i]] >> c & 1) != 0)
        schedule.busy_cycles[c] += cycles << fixture->plan.width_log2[i];
  }
  schedule_assign_cores(&fixture->problem, &fixture->scratch, &fixture->arena, &schedule);
  struct error error = {0};
  if (!schedule_check(&fixture->problem, &schedule, &fixture->scratch, &error)) fail_msg("%s", error.text);
}

static void starts_are_schedules(void **state) {
  (void)state;
  size_t n_shortest[N_START_RULES] = {0};
  for (uint64_t task = 0; task < 300; task++) {
    struct fixture fixture;
    begin(&fixture, 22, task);
    struct start_growth growth;
    start_grow(&fixture.placer, &fixture.arena, &growth);
    for (unsigned kind = 0; kind < 6; kind++) {
      if (kind < 3) {
        unsigned caps[N_CORE_CLASSES];
        for (unsigned c = 0; c < N_CORE_CLASSES; c++) caps[c] = (unsigned)rng_below(&fixture.rng, 5);
        start_capped_widths(&fixture.placer, caps, fixture.plan.width_log2);
      } else {
        start_grown_widths(&fixture.placer, &growth, rng_below(&fixture.rng, growth.n_steps + 1),
                           fixture.plan.width_log2);
      }
      uint64_t makespans[N_START_RULES], least = UINT64_MAX;
      for (unsigned rule = 0; rule < N_START_RULES; rule++) {
        assert_true(start_place(&fixture.placer, (enum start_rule)rule, UINT64_MAX - 1, &fixture.plan));
        judge(&fixture);
        makespans[rule] = fixture.plan.makespan_cycles;
        least = min_u64(least, makespans[rule]);
      }
      for (unsigned rule = 0; rule < N_START_RULES; rule++) {
        bool alone = makespans[rule] == least;
        for (unsigned other = 0; other < N_START_RULES; other++) alone &= other == rule || makespans[other] > least;
        n_shortest[rule] += alone;
      }
    }
    end(&fixture);
  }
  for (unsigned rule = 0; rule < N_START_RULES; rule++) assert_true(n_shortest[rule] > 23); /* each is of use */
}

/* The longest of the path and the loads per core. */
static double bound_of(const struct fixture *fixture, const uint8_t *widths) {
  const struct op_graph *const graph = &fixture->graph;
  double load[N_CORE_CLASSES] = {0}, most = 0;
  uint64_t finish[MOST_OPS];
  for (size_t i = 0; i < graph->n_ops; i++) {
    const uint64_t cycles = placer_cycles(&fixture->placer, i, widths[i]);
    finish[i] = cycles;
    for (uint32_t e = graph->pred_start[i]; e < graph->pred_start[i + 1]; e++)
      finish[i] = max_u64(finish[i], finish[graph->preds[e]] + cycles);
    most = (double)finish[i] > most ? (double)finish[i] : most;
    for (unsigned c = 0; c < N_CORE_CLASSES; c++)
      if ((fixture->problem.shape_classes[graph->ops[i].shape] >> c & 1) != 0)
        load[c] += (double)(cycles << widths[i]) / (double)fixture->problem.n_cores[c];
  }
  for (unsigned c = 0; c < N_CORE_CLASSES; c++) most = load[c] > most ? load[c] : most;
  return most;
}

static void growth_widens_to_the_balance(void **state) {
  (void)state;
  size_t n_between = 0;
  for (uint64_t task = 0; task < 400; task++) {
    struct fixture fixture;
    begin(&fixture, 23, task);
    struct start_growth growth;
    start_grow(&fixture.placer, &fixture.arena, &growth);
    uint8_t widths[MOST_OPS], previous[MOST_OPS] = {0};
    double balanced = 0, least = 0;
    for (size_t k = 0; k <= growth.n_steps; k++) {
      start_grown_widths(&fixture.placer, &growth, k, widths);
      for (size_t i = 0; i < fixture.graph.n_ops; i++) {
        const bool stepped = k > 0 && growth.steps[k - 1] == i;
        assert_true(stepped ? widths[i] > previous[i] : widths[i] == previous[i]);
        assert_true((placer_choices(&fixture.placer, i) >> widths[i] & 1) != 0);
        previous[i] = widths[i];
      }
      const double bound = bound_of(&fixture, widths);
      if (k == 0 || bound < least) least = bound;
      if (k == growth.n_balanced) balanced = bound;
    }
    assert_true(balanced <= least * (1 + 1e-9)); /* loads are summed in another order here */
    n_between += growth.n_balanced > 0 && growth.n_balanced < growth.n_steps;
    end(&fixture);
  }
  assert_true(n_between > 23);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(placing_is_earliest_fit),
      cmocka_unit_test(starts_are_schedules),
      cmocka_unit_test(growth_widens_to_the_balance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
