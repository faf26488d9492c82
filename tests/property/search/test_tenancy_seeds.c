/* Is every seed an answer, always the same, and any good?
 *
 * Random tables with what real ones have: equal cores, equal jobs, lengths and needs over orders of magnitude, none
 * among them, missing pairs. Beyond validity: orders are never worse than what they came from, no core of a pool waits
 * unless it was closed, the steps between lower what they should, and small ones against brute force over every
 * assignment and order. */
#include "search/tenancy/tenancy_seeds.h"

#include "base/rng.h"
#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_dispatch.h"
#include "search/tenancy/tenancy_groups.h"
#include "tests/tenancy_queues.h"
#include "tests/two_arenas.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum {
  N_INSTANCES = 240,
  N_SMALL = 120,
  N_FAR_APART = 24,
  MOST_JOBS = 40,
  MOST_CORES = 9,
  SMALL_JOBS = 5,
  SMALL_CORES = 3
};

/* --- instances ------------------------------------------------------------------------------------------------------
 */

static void draw_job(struct rng *rng, size_t n_cores, const uint32_t *like, uint64_t *latency, double *need) {
  const uint64_t cycles = 1 + rng_below(rng, UINT64_C(1) << rng_below(rng, 14));
  const double bytes = rng_below(rng, 9) == 0 ? 0 : (double)cycles * 40 * rng_unit(rng) * rng_unit(rng);
  const size_t sure = rng_below(rng, n_cores);
  for (size_t c = 0; c < n_cores; c++) {
    if (like[c] < c) {
      latency[c] = latency[like[c]], need[c] = need[like[c]];
      continue;
    }
    latency[c] = c != like[sure] && rng_below(rng, 7) == 0 ? 0 : cycles << rng_below(rng, 6);
    need[c] = latency[c] == 0 ? 0 : bytes / (double)latency[c];
  }
}

static void draw(struct rng *rng, size_t n, size_t n_cores, struct tenancy_problem *problem) {
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(&arena, double, n *n_cores);
  uint32_t like[MOST_CORES];
  for (uint32_t c = 0; c < n_cores; c++) like[c] = c > 0 && rng_below(rng, 3) > 0 ? like[rng_below(rng, c)] : c;
  for (size_t j = 0; j < n; j++) {
    if (j > 0 && rng_below(rng, 3) == 0) { /* like the one before */
      memcpy(latency + j * n_cores, latency + (j - 1) * n_cores, n_cores * sizeof *latency);
      memcpy(need + j * n_cores, need + (j - 1) * n_cores, n_cores * sizeof *need);
    } else {
      draw_job(rng, n_cores, like, latency + j * n_cores, need + j * n_cores);
    }
  }
  *problem = (struct tenancy_problem){.name = "drawn",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = 1 + 30 * rng_unit(rng),
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need};
  struct error error = {0};
  assert_true(tenancy_finish(problem, &arena, &error));
}

static void draw_any(struct rng *rng, struct tenancy_problem *problem) {
  draw(rng, 1 + rng_below(rng, MOST_JOBS), 1 + rng_below(rng, MOST_CORES), problem);
}

static uint32_t *draw_groups(struct rng *rng, const struct tenancy_problem *problem) {
  uint32_t *group = ARENA_NEW(&arena, uint32_t, problem->n_jobs);
  for (size_t j = 0; j < problem->n_jobs; j++) {
    size_t core;
    do {
      core = rng_below(rng, problem->n_cores);
    } while (!tenancy_can_run(problem, j, core));
    group[j] = problem->group_of[core];
  }
  return group;
}

static void assert_same(const struct tenancy_problem *problem, const struct tenancy_queues *a,
                        const struct tenancy_queues *b) {
  assert_int_equal(tenancy_compare(problem, a, b), 0);
}

static void find_loads(const struct tenancy_problem *problem, const struct tenancy_queues *queues, uint64_t *load) {
  for (size_t c = 0; c < problem->n_cores; c++) {
    load[c] = 0;
    for (size_t i = queues->start[c]; i < queues->start[c + 1]; i++) {
      load[c] += problem->latency_cycles[tenancy_at(problem, queues->job[i], c)];
    }
  }
}

/* --- every seed -----------------------------------------------------------------------------------------------------
 */

struct case_of {
  struct tenancy_problem problem;
  const uint32_t *group;
  struct tenancy_bounds bounds;
};

static void seed_earliest(const struct case_of *c, struct tenancy_queues *queues) {
  tenancy_seed_earliest_finish(&c->problem, NULL, &scratch, queues);
}
static void seed_groups(const struct case_of *c, struct tenancy_queues *queues) {
  tenancy_seed_groups(&c->problem, c->group, &scratch, queues);
}
static void seed_flat(const struct case_of *c, struct tenancy_queues *queues) {
  tenancy_seed_groups(&c->problem, c->group, &scratch, queues);
  tenancy_seed_flatten(&c->problem, &scratch, queues);
}
static void seed_best_alone(const struct case_of *c, struct tenancy_queues *queues) {
  assert_true(tenancy_seed_best(&c->problem, NULL, &scratch, queues) == tenancy_evaluate(&c->problem, queues));
}
static void seed_best(const struct case_of *c, struct tenancy_queues *queues) {
  assert_true(tenancy_seed_best(&c->problem, &c->bounds, &scratch, queues) == tenancy_evaluate(&c->problem, queues));
}
static void seed_search(const struct case_of *c, struct tenancy_queues *queues) {
  struct rng rng = rng_stream(seed, RNG_TEST, 6, 0);
  const tenancy_cost cost = tenancy_seed_search(&c->problem, &c->bounds, 23, &rng, &scratch, queues);
  assert_true(cost == tenancy_evaluate(&c->problem, queues));
  struct tenancy_queues before = tenancy_queues_new(&c->problem, &arena);
  assert_true(cost <= tenancy_seed_best(&c->problem, &c->bounds, &scratch, &before));
}
static void seed_configurations(const struct case_of *c, struct tenancy_queues *queues) {
  assert_false(tenancy_seed_configurations(&c->problem, NULL, &scratch, queues));
  if (!tenancy_seed_configurations(&c->problem, &c->bounds, &scratch, queues)) seed_best(c, queues);
}
static void (*const seeds[])(const struct case_of *, struct tenancy_queues *) = {
    seed_earliest, seed_groups, seed_flat, seed_best_alone, seed_search, seed_best, seed_configurations};

/* The bounds of one in eight are real ones, with configurations; the others have drawn groups, which are worse. */
static void fill_bounds(size_t i, struct case_of *c, size_t *n_configured) {
  const struct tenancy_bounds_settings settings = {.mip_nodes = 50, .columns = 500, .price_work = 1 << 22};
  struct error error = {0};
  c->bounds = (struct tenancy_bounds){.lp_group = c->group};
  if (i % 8 == 0) assert_true(tenancy_bounds(&c->problem, &settings, NULL, &arena, &c->bounds, &error));
  *n_configured += c->bounds.n_configurations > 0;
}

/* Valid, equal when asked again, and the scratch arena is left as it was. */
static void test_valid(void **state) {
  (void)state;
  size_t n_configured = 0;
  print_message("seed %" PRIu64 "\n", seed);
  for (size_t i = 0; i < N_INSTANCES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 1, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct case_of c = {0};
    draw_any(&rng, &c.problem);
    c.group = draw_groups(&rng, &c.problem);
    fill_bounds(i, &c, &n_configured);
    struct tenancy_queues one = tenancy_queues_new(&c.problem, &arena), two = tenancy_queues_new(&c.problem, &arena);
    for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++) {
      const struct arena_mark before = arena_get_mark(&scratch);
      seeds[s](&c, &one);
      const struct arena_mark after = arena_get_mark(&scratch);
      assert_true(before.chunk == after.chunk && before.used_bytes == after.used_bytes);
      assert_true(tenancy_queues_are_valid(&c.problem, &one, &arena));
      seeds[s](&c, &two);
      assert_same(&c.problem, &one, &two);
    }
    arena_rewind(&arena, mark);
  }
  print_message("with configurations: %zu\n", n_configured);
  assert_true(n_configured > N_INSTANCES / 10);
}

/* Keeps who runs where, is never worse, and often better; the best is at least as good as each of the others. */
static void test_never_worse(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_better = 0;
  for (size_t i = 0; i < N_INSTANCES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 2, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct case_of c = {0};
    draw_any(&rng, &c.problem);
    c.group = draw_groups(&rng, &c.problem);
    struct tenancy_queues queues = tenancy_queues_new(&c.problem, &arena);
    struct tenancy_queues flat = tenancy_queues_new(&c.problem, &arena);
    seed_earliest(&c, &queues);
    tenancy_queues_copy(&c.problem, &queues, &flat);
    tenancy_seed_flatten(&c.problem, &scratch, &flat);
    const tenancy_cost before = tenancy_evaluate(&c.problem, &queues), after = tenancy_evaluate(&c.problem, &flat);
    assert_true(after <= before);
    n_better += after < before;
    uint64_t load[MOST_CORES], flat_load[MOST_CORES];
    find_loads(&c.problem, &queues, load);
    find_loads(&c.problem, &flat, flat_load);
    assert_memory_equal(load, flat_load, c.problem.n_cores * sizeof *load);
    assert_true(tenancy_seed_best(&c.problem, NULL, &scratch, &flat) <= before);
    arena_rewind(&arena, mark);
  }
  print_message("flatter in %zu of %d\n", n_better, N_INSTANCES);
  assert_true(n_better > N_INSTANCES / 5);
}

/* --- the parts ------------------------------------------------------------------------------------------------------
 */

static double longest_job(const struct tenancy_pools *pools) {
  double longest = 0;
  for (size_t k = 0; k < pools->n_kinds; k++) longest = pools->length[k] > longest ? pools->length[k] : longest;
  return longest;
}

/* Rules that close no core never let one wait, so cores of a pool end within one job of each other; those that do keep
 * to the planned length but for one job; any rule keeps to the pools. */
static void test_dispatch(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_closed = 0;
  for (size_t i = 0; i < N_INSTANCES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 3, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct tenancy_problem problem;
    draw_any(&rng, &problem);
    const uint32_t *group = draw_groups(&rng, &problem);
    struct tenancy_pools pools;
    tenancy_pools_fill(&pools, &problem, &(struct tenancy_pooling){group, problem.group_of, NULL}, &arena);
    struct tenancy_rule rule = {
        .over = 4 * rng_unit(&rng), .length = 4 * rng_unit(&rng), .headroom = 0.8 + rng_unit(&rng) / 2};
    rule.dynamic = rng_below(&rng, 2) == 0;
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    for (size_t closing = 0; closing < 2; closing++) {
      rule.plan = closing == 0 ? 0 : 1.02;
      tenancy_dispatch(&pools, &rule, &scratch, &queues);
      assert_true(tenancy_queues_are_valid(&problem, &queues, &arena));
      uint64_t load[MOST_CORES];
      find_loads(&problem, &queues, load);
      for (size_t c = 0; c < problem.n_cores; c++) {
        assert_true((double)load[c] <= 1.02 * pools.longest_load + longest_job(&pools));
        if (queues.start[c] == queues.start[c + 1]) continue;
        const uint32_t last = queues.job[queues.start[c + 1] - 1];
        const uint64_t started = load[c] - problem.latency_cycles[tenancy_at(&problem, last, c)];
        for (size_t o = 0; o < problem.n_cores; o++) {
          if (problem.group_of[o] != problem.group_of[c]) continue;
          if (closing == 0) assert_true(load[o] >= started);
          n_closed += load[o] < started;
        }
        for (size_t k = queues.start[c]; k < queues.start[c + 1]; k++) {
          assert_int_equal(group[queues.job[k]], problem.group_of[c]);
        }
      }
    }
    arena_rewind(&arena, mark);
  }
  print_message("cores closed early: %zu\n", n_closed);
  assert_true(n_closed > 0);
}

/* `count` jobs each of (cycles, need) on equal cores, 10 bytes a cycle. */
static void by_hand(size_t n_cores, size_t n_sorts, const double (*sorts)[3], struct tenancy_problem *problem) {
  size_t n = 0;
  for (size_t s = 0; s < n_sorts; s++) n += (size_t)sorts[s][0];
  uint64_t *latency = ARENA_NEW(&arena, uint64_t, n * n_cores);
  double *need = ARENA_NEW(&arena, double, n *n_cores);
  size_t at = 0;
  for (size_t s = 0; s < n_sorts; s++) {
    for (size_t i = 0; i < (size_t)sorts[s][0] * n_cores; i++, at++) {
      latency[at] = (uint64_t)sorts[s][1], need[at] = sorts[s][2];
    }
  }
  *problem = (struct tenancy_problem){.name = "by hand",
                                      .n_jobs = n,
                                      .n_cores = n_cores,
                                      .bandwidth_bytes_per_cycle = 10,
                                      .latency_cycles = latency,
                                      .bytes_per_cycle = need};
  struct error error = {0};
  assert_true(tenancy_finish(problem, &arena, &error));
}

static double dispatched_cycles(const struct tenancy_problem *problem, const struct tenancy_rule *rule) {
  uint32_t *all_in_one = ARENA_NEW(&arena, uint32_t, problem->n_jobs);
  struct tenancy_pools pools;
  tenancy_pools_fill(&pools, problem, &(struct tenancy_pooling){all_in_one, problem->group_of, NULL}, &arena);
  struct tenancy_queues queues = tenancy_queues_new(problem, &arena);
  tenancy_dispatch(&pools, rule, &scratch, &queues);
  assert_true(tenancy_queues_are_valid(problem, &queues, &arena));
  return tenancy_cycles(problem, tenancy_evaluate(problem, &queues));
}

/* Hungry and thrifty jobs side by side need what there is: no cycle is lost. In the order of the table, two hungry ones
 * would run together (560 cycles). */
static void test_pairs(void **state) {
  (void)state;
  static const double sorts[][3] = {{4, 100, 9}, {8, 50, 1}};
  struct tenancy_problem problem;
  by_hand(2, 2, sorts, &problem);
  const struct tenancy_rule rule = {.over = 3, .length = 0.1, .headroom = 1, .dynamic = true};
  assert_float_equal(dispatched_cycles(&problem, &rule), 400, 1e-9);
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_seed_earliest_finish(&problem, NULL, &scratch, &queues);
  assert_float_equal(tenancy_cycles(&problem, tenancy_evaluate(&problem, &queues)), 560, 1e-9);
  tenancy_seed_flatten(&problem, &scratch, &queues);
  assert_float_equal(tenancy_cycles(&problem, tenancy_evaluate(&problem, &queues)), 400, 1e-9);
}

/* One long job without need and four that need all there is: one after the other they take as long as the long one, two
 * at a time they leave the bandwidth idle behind them. */
static void test_closing(void **state) {
  (void)state;
  static const double sorts[][3] = {{1, 400, 0}, {4, 100, 10}};
  struct tenancy_problem problem;
  by_hand(3, 2, sorts, &problem);
  struct tenancy_rule rule = {.over = 3, .length = 1, .headroom = 1};
  assert_float_equal(dispatched_cycles(&problem, &rule), 600, 1e-9);
  rule.plan = 1.5; /* the mean load is 267 */
  assert_float_equal(dispatched_cycles(&problem, &rule), 400, 1e-9);
}

/* A plan is followed, if the rule wants it: jobs start in the order in which they are due. */
static void test_due(void **state) {
  (void)state;
  static const double sorts[][3] = {{1, 30, 3}, {1, 20, 7}, {1, 10, 5}, {1, 40, 1}};
  struct tenancy_problem problem;
  by_hand(1, 4, sorts, &problem);
  const double due[] = {60, 10, 30, 0};
  const uint32_t pool[] = {0, 0, 0, 0}, wanted[] = {3, 1, 2, 0};
  struct tenancy_pools pools;
  tenancy_pools_fill(&pools, &problem, &(struct tenancy_pooling){pool, problem.group_of, due}, &arena);
  struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
  tenancy_dispatch(&pools, &(struct tenancy_rule){.over = 1, .headroom = 1, .due = 1000}, &scratch, &queues);
  assert_memory_equal(queues.job, wanted, sizeof wanted);
}

/* B2's rows for whole jobs, written once more: what any answer with these groups takes at least. */
static double relaxed_cycles(const struct tenancy_problem *problem, const uint32_t *group) {
  double load[MOST_CORES] = {0}, excess = 0, bytes = 0, most = 0;
  for (size_t j = 0; j < problem->n_jobs; j++) {
    size_t c = 0;
    while (problem->group_of[c] != group[j]) c++;
    const double latency = (double)problem->latency_cycles[tenancy_at(problem, j, c)];
    const double share = problem->bytes_per_cycle[tenancy_at(problem, j, c)] / problem->bandwidth_bytes_per_cycle;
    assert_true(latency > 0);
    load[group[j]] += latency / problem->group_size[group[j]];
    excess += share > 1 ? latency * (share - 1) : 0;
    bytes += latency * share;
  }
  for (size_t g = 0; g < problem->n_groups; g++) most = load[g] + excess > most ? load[g] + excess : most;
  return bytes > most ? bytes : most;
}

static void test_groups(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  size_t n_better = 0, n_balanced = 0;
  for (size_t i = 0; i < N_INSTANCES; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 4, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct tenancy_problem problem;
    draw_any(&rng, &problem);
    uint32_t *group = draw_groups(&rng, &problem), *core = ARENA_NEW(&arena, uint32_t, problem.n_jobs);
    const double before = relaxed_cycles(&problem, group);
    tenancy_improve_groups(&problem, 1, group, &scratch);
    const double after = relaxed_cycles(&problem, group);
    assert_true(after <= before * 1.004); /* the sum of the rows weighs a thousandth */
    n_better += after < before;
    uint64_t load[MOST_CORES] = {0}, balanced[MOST_CORES] = {0}, most = 0, most_balanced = 0;
    for (size_t j = 0; j < problem.n_jobs; j++) {
      for (core[j] = 0; problem.group_of[core[j]] != group[j];) core[j]++;
      load[core[j]] += problem.latency_cycles[tenancy_at(&problem, j, core[j])];
    }
    tenancy_balance(&problem, core);
    for (size_t j = 0; j < problem.n_jobs; j++) {
      assert_int_equal(problem.group_of[core[j]], group[j]);
      balanced[core[j]] += problem.latency_cycles[tenancy_at(&problem, j, core[j])];
    }
    for (size_t c = 0; c < problem.n_cores; c++) {
      most = load[c] > most ? load[c] : most;
      most_balanced = balanced[c] > most_balanced ? balanced[c] : most_balanced;
    }
    assert_true(most_balanced <= most);
    n_balanced += most_balanced < most;
    arena_rewind(&arena, mark);
  }
  print_message("groups improved in %zu, loads in %zu of %d\n", n_better, n_balanced, N_INSTANCES);
  assert_true(n_better > N_INSTANCES / 2 && n_balanced > N_INSTANCES / 4);
}

/* --- brute force ----------------------------------------------------------------------------------------------------
 */

static tenancy_cost try_orders(const struct tenancy_problem *problem, struct tenancy_answer *answer, size_t depth,
                               struct tenancy_queues *queues) {
  tenancy_cost least = ~(tenancy_cost)0;
  if (depth == problem->n_jobs) {
    tenancy_queue_up(problem, answer, queues);
    return tenancy_evaluate(problem, queues);
  }
  for (size_t p = 0; p < problem->n_jobs; p++) { /* a free place for job `depth` */
    bool used = false;
    for (size_t j = 0; j < depth; j++) used = used || answer->priority[j] == (double)p;
    if (used) continue;
    answer->priority[depth] = (double)p;
    for (uint32_t c = 0; c < problem->n_cores; c++) {
      if (!tenancy_can_run(problem, depth, c)) continue;
      answer->core[depth] = c;
      const tenancy_cost cost = try_orders(problem, answer, depth + 1, queues);
      if (cost < least) least = cost;
    }
  }
  return least;
}

static void test_brute_force(void **state) {
  (void)state;
  print_message("seed %" PRIu64 "\n", seed);
  double sum = 0, worst = 0;
  size_t n_optimal = 0;
  for (size_t i = 0; i < N_SMALL; i++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 5, i);
    const struct arena_mark mark = arena_get_mark(&arena);
    struct tenancy_problem problem;
    draw(&rng, 2 + rng_below(&rng, SMALL_JOBS - 1), 1 + rng_below(&rng, SMALL_CORES), &problem);
    struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    const tenancy_cost least = try_orders(&problem, &answer, 0, &queues);
    const tenancy_cost cost = tenancy_seed_best(&problem, NULL, &scratch, &queues);
    assert_true(cost >= least);
    const double gap = tenancy_cycles(&problem, cost) / tenancy_cycles(&problem, least) - 1;
    sum += gap;
    worst = gap > worst ? gap : worst;
    n_optimal += cost == least;
    arena_rewind(&arena, mark);
  }
  print_message("mean gap %.3f %%, worst %.2f %%, optimal in %zu of %d\n", 100 * sum / N_SMALL, 100 * worst, n_optimal,
                N_SMALL);
  assert_true(sum / N_SMALL < 0.01 && n_optimal > N_SMALL * 3 / 4);
}

/* Lengths from one cycle to 10^12 and needs from 10^-9 to 10^6 B/cycle: linear programs lose the short jobs in their
 * rounding, and no configuration has them. */
static void test_powers_of_ten(void **state) {
  (void)state;
  size_t n_lost = 0;
  for (uint64_t task = 0; task < N_FAR_APART; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 11, 160 + task);
    const struct arena_mark mark = arena_get_mark(&arena);
    const size_t n = 20 + rng_below(&rng, 80), n_cores = 2 + rng_below(&rng, MOST_CORES - 1);
    uint64_t *latency = ARENA_NEW(&arena, uint64_t, n * n_cores);
    double *need = ARENA_NEW(&arena, double, n *n_cores);
    static const uint64_t cycles[] = {1, UINT64_C(1000000000000)};
    static const double needs[] = {1e-9, 1e6, 1};
    for (size_t at = 0; at < n * n_cores; at++)
      latency[at] = cycles[at / n_cores % 3 == 0], need[at] = needs[rng_below(&rng, 3)];
    struct tenancy_problem problem = {.name = "far apart", .n_jobs = n, .n_cores = n_cores};
    problem.bandwidth_bytes_per_cycle = 1, problem.latency_cycles = latency, problem.bytes_per_cycle = need;
    struct error error = {0};
    if (!tenancy_finish(&problem, &arena, &error)) fail_msg("%s", error.text);
    struct tenancy_bounds bounds;
    if (!tenancy_bounds(&problem, &tenancy_bounds_full, NULL, &arena, &bounds, &error)) fail_msg("%s", error.text);
    struct tenancy_queues queues = tenancy_queues_new(&problem, &arena);
    const tenancy_cost cost = tenancy_seed_best(&problem, &bounds, &scratch, &queues);
    assert_true(cost == tenancy_evaluate(&problem, &queues));
    const double value_cycles = tenancy_cycles(&problem, cost);
    if (value_cycles < bounds.best_cycles * (1 - 1e-9))
      fail_msg("task %" PRIu64 ": %.17g is below the bound %.17g (%s)", task, value_cycles, bounds.best_cycles,
               tenancy_bound_names[bounds.binding]);
    n_lost += bounds.n_configurations > 0 && !tenancy_seed_configurations(&problem, &bounds, &scratch, &queues);
    arena_rewind(&arena, mark);
  }
  print_message("configurations without some job in %zu of %d\n", n_lost, N_FAR_APART);
  assert_true(n_lost > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_valid, setup, teardown),
      cmocka_unit_test_setup_teardown(test_never_worse, setup, teardown),
      cmocka_unit_test_setup_teardown(test_dispatch, setup, teardown),
      cmocka_unit_test_setup_teardown(test_pairs, setup, teardown),
      cmocka_unit_test_setup_teardown(test_closing, setup, teardown),
      cmocka_unit_test_setup_teardown(test_due, setup, teardown),
      cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
      cmocka_unit_test_setup_teardown(test_brute_force, setup, teardown),
      cmocka_unit_test_setup_teardown(test_powers_of_ten, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
