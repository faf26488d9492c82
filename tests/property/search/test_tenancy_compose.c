/* Are compositions all there, are their bounds true, and does leaving some out by bounds lose nothing?
 *
 * Small random parts: every composition by counting in a plain loop, every mapping of it by the exact search, whose
 * optimum no bound may exceed. Where no job alone needs more than the bandwidth, the program over all compositions must
 * reach the least B2 of them. */
#include "base/rng.h"
#include "search/tenancy/tenancy_bounds.h"
#include "search/tenancy/tenancy_compose.h"
#include "tests/tenancy_random.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_CASES = 3000, MOST_DESIGNS = 3, MOST_CORES = 4, MOST_JOBS = 6, MOST_LISTED = 1000 };

/* Of designs and jobs at random; every other case has plenty of bandwidth. */
static void draw_parts(struct rng *rng, struct arena *arena, struct tenancy_problem *jobs,
                       struct tenancy_parts *parts) {
  const size_t n_designs = 1 + rng_below(rng, MOST_DESIGNS), n_jobs = 1 + rng_below(rng, MOST_JOBS);
  struct error error = {0};
  assert_true(tenancy_random_problem(rng, n_jobs, n_designs, arena, jobs, &error));
  if (rng_below(rng, 2) == 0) jobs->bandwidth_bytes_per_cycle *= 1e4;
  double *energy = ARENA_NEW(arena, double, n_jobs *n_designs), *area = ARENA_NEW(arena, double, n_designs),
         *power = ARENA_NEW(arena, double, n_designs), *idle = ARENA_NEW(arena, double, n_designs);
  for (size_t d = 0; d < n_designs; d++) {
    area[d] = 100 + 300 * rng_unit(rng), power[d] = 50 + 100 * rng_unit(rng), idle[d] = rng_unit(rng);
    for (size_t j = 0; j < n_jobs; j++) {
      const size_t at = j * n_designs + d;
      energy[at] = (double)jobs->latency_cycles[at] * (idle[d] + 3 * rng_unit(rng));
    }
  }
  const bool has_energy = rng_below(rng, 4) > 0;
  jobs->energy_nj = has_energy ? energy : NULL;
  assert_true(tenancy_finish(jobs, arena, &error));
  *parts = (struct tenancy_parts){.jobs = jobs,
                                  .area_mm2 = area,
                                  .power_w = rng_below(rng, 3) > 0 ? power : NULL,
                                  .idle_nj_per_cycle = has_energy ? idle : NULL,
                                  .most_area_mm2 = rng_below(rng, 3) > 0 ? 200 + 1000 * rng_unit(rng) : INFINITY,
                                  .most_power_w = INFINITY,
                                  .most_cores = 1 + (uint32_t)rng_below(rng, MOST_CORES)};
  if (parts->power_w != NULL && rng_below(rng, 2) == 0) parts->most_power_w = 100 + 300 * rng_unit(rng);
}

/* The next of all counts from 0 to MOST_CORES, the last design counting fastest; false behind the last. */
static bool next_count(uint32_t *count, size_t n) {
  for (size_t d = n; d > 0; d--) {
    if (count[d - 1]++ < MOST_CORES) return true;
    count[d - 1] = 0;
  }
  return false;
}

static bool is_within(const struct tenancy_parts *parts, const uint32_t *count) {
  double area_mm2 = 0, power_w = 0;
  uint32_t n = 0;
  for (size_t d = 0; d < tenancy_parts_n(parts); d++) {
    n += count[d], area_mm2 += count[d] * parts->area_mm2[d];
    if (parts->power_w != NULL) power_w += count[d] * parts->power_w[d];
  }
  return n > 0 && n <= parts->most_cores && area_mm2 <= parts->most_area_mm2 && power_w <= parts->most_power_w;
}

static void check_list(const struct tenancy_parts *parts, struct arena *arena, struct tenancy_compositions *list) {
  const size_t n_designs = tenancy_parts_n(parts);
  uint32_t count[MOST_DESIGNS] = {0};
  tenancy_compositions_list(parts, MOST_LISTED, arena, list);
  assert_int_equal(list->n_mixed, n_designs);
  size_t n = 0;
  while (next_count(count, n_designs)) {
    if (!is_within(parts, count)) continue;
    assert_true(n < list->n);
    assert_memory_equal(list->count + n * n_designs, count, n_designs * sizeof *count);
    n++;
  }
  assert_int_equal(n, list->n);
  if (list->n < 2) return;
  struct tenancy_compositions fewer;
  tenancy_compositions_list(parts, list->n - 1, arena, &fewer);
  assert_true(fewer.n_mixed < n_designs || n_designs == 1);
  for (size_t i = 0; i < fewer.n; i++) {
    for (size_t d = fewer.n_mixed; d < n_designs; d++) assert_int_equal(fewer.count[i * n_designs + d], 0);
  }
}

/* What a composition is worth, by the exact search, and at least. */
struct weighed {
  bool runs;
  double bound_cycles; /* B2, which the program over all is made of */
  struct tenancy_worth found, least;
};

static void weigh(const struct tenancy_parts *parts, const uint32_t *count, struct rng *rng, struct arena *arena,
                  struct weighed *weighed) {
  static const struct tenancy_bounds_settings simple = {0};
  struct tenancy_problem platform;
  struct tenancy_bounds bounds;
  struct error error = {0};
  *weighed = (struct weighed){.runs = tenancy_compose(parts, count, arena, &platform, &error)};
  if (!weighed->runs) return;
  assert_int_equal(platform.n_cores, tenancy_composition_cores(count, tenancy_parts_n(parts)));
  assert_true(tenancy_bounds(&platform, &simple, NULL, arena, &bounds, &error));
  struct tenancy_queues best = tenancy_queues_new(&platform, arena);
  struct tenancy_answer answer = tenancy_answer_new(&platform, arena);
  tenancy_cost cost;
  assert_true(tenancy_exact(&platform, 10000000, arena, &best, &cost));
  tenancy_write_down(&platform, &best, &answer);
  const double cycles = tenancy_cycles(&platform, cost), area_mm2 = tenancy_composition_area_mm2(parts, count);
  weighed->bound_cycles = bounds.cycles[TENANCY_B2_LP];
  weighed->found = (struct tenancy_worth){cycles, area_mm2,
                                          tenancy_composition_energy_nj(parts, count, &platform, answer.core, cycles)};
  weighed->least = (struct tenancy_worth){bounds.best_cycles, area_mm2,
                                          tenancy_composition_least_nj(parts, count, bounds.best_cycles)};
  assert_true(weighed->least.cycles <= cycles * (1 + 1e-9));
  assert_true(weighed->least.energy_nj <= weighed->found.energy_nj * (1 + 1e-9));
  for (int i = 0; i < 5; i++) { /* of any mapping */
    struct tenancy_queues queues;
    tenancy_random_queues(rng, &platform, arena, &queues);
    tenancy_write_down(&platform, &queues, &answer);
    const double own_cycles = tenancy_cycles(&platform, tenancy_evaluate(&platform, &queues));
    const double energy_nj = tenancy_composition_energy_nj(parts, count, &platform, answer.core, own_cycles);
    assert_true(weighed->least.energy_nj <= energy_nj * (1 + 1e-9));
  }
}

static bool has_worth(const struct tenancy_worth *worth, const bool *on_front, size_t n,
                      const struct tenancy_worth *wanted) {
  for (size_t i = 0; i < n; i++) {
    if (on_front[i] && memcmp(&worth[i], wanted, sizeof *wanted) == 0) return true;
  }
  return false;
}

/* Of equal ones the first alone is on a front: twice the same list, and its first half is as it was. */
static void check_equal(const struct tenancy_worth *worth, const bool *on_front, size_t n, struct arena *arena) {
  struct tenancy_worth *twice = ARENA_NEW(arena, struct tenancy_worth, 2 * n);
  bool *of_twice = ARENA_NEW(arena, bool, 2 * n);
  for (size_t i = 0; i < 2 * n; i++) twice[i] = worth[i % n];
  tenancy_worth_front(twice, 2 * n, of_twice);
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(of_twice[i], on_front[i]);
    assert_false(of_twice[n + i]);
  }
}

/* Those that bounds leave out are on no front. */
static void check_pruning(const struct weighed *weighed, size_t n, struct arena *arena) {
  struct tenancy_worth *all = ARENA_NEW(arena, struct tenancy_worth, n),
                       *some = ARENA_NEW(arena, struct tenancy_worth, n);
  bool *of_all = ARENA_NEW(arena, bool, n), *of_some = ARENA_NEW(arena, bool, n);
  size_t n_all = 0, n_some = 0;
  for (size_t i = 0; i < n; i++) {
    if (!weighed[i].runs) continue;
    all[n_all++] = weighed[i].found;
    if (!tenancy_worth_beaten(some, n_some, &weighed[i].least)) some[n_some++] = weighed[i].found;
  }
  tenancy_worth_front(all, n_all, of_all);
  tenancy_worth_front(some, n_some, of_some);
  if (n_all > 0) check_equal(all, of_all, n_all, arena);
  for (size_t i = 0; i < n_all; i++) {
    if (of_all[i]) assert_true(has_worth(some, of_some, n_some, &all[i]));
    bool covered = false; /* a front by its definition, equal ones apart */
    for (size_t k = 0; k < n_all; k++) {
      covered = covered || (tenancy_worth_covers(&all[k], &all[i]) && !tenancy_worth_covers(&all[i], &all[k]));
    }
    if (covered) assert_false(of_all[i]);
    if (!covered) assert_true(has_worth(all, of_all, n_all, &all[i]));
  }
  for (size_t i = 0; i < n_some; i++) {
    if (of_some[i]) assert_true(has_worth(all, of_all, n_all, &some[i]));
  }
}

/* Jobs that alone need more than there is slow everybody down: the program over all leaves that out. */
static bool has_excess(const struct tenancy_problem *jobs) {
  for (size_t i = 0; i < jobs->n_jobs * jobs->n_cores; i++) {
    if (jobs->bytes_per_cycle[i] > jobs->bandwidth_bytes_per_cycle) return true;
  }
  return false;
}

static size_t check_bound(const struct tenancy_parts *parts, const struct tenancy_compositions *list,
                          const struct weighed *weighed, struct arena *arena) {
  const size_t n_designs = tenancy_parts_n(parts);
  uint32_t count[MOST_DESIGNS];
  const double bound_cycles = tenancy_compositions_bound(parts, 10000, arena, count);
  double least_cycles = INFINITY, own_cycles = INFINITY, best_cycles = INFINITY;
  for (size_t i = 0; i < list->n; i++) {
    if (!weighed[i].runs) continue;
    assert_true(bound_cycles <= weighed[i].found.cycles * (1 + 1e-9));
    least_cycles = fmin(least_cycles, weighed[i].bound_cycles);
    best_cycles = fmin(best_cycles, weighed[i].least.cycles);
    if (memcmp(list->count + i * n_designs, count, sizeof *count * n_designs) == 0)
      own_cycles = weighed[i].bound_cycles;
  }
  if (!isfinite(least_cycles)) return 0;
  assert_true(bound_cycles <= best_cycles * (1 + 1e-9));
  if (has_excess(parts->jobs)) return 0;
  assert_true(bound_cycles >= least_cycles * (1 - 3e-6));
  assert_true(tenancy_composition_fits(parts, count));
  assert_true(own_cycles <= least_cycles * (1 + 3e-6));
  return 1;
}

static void test_compositions(void **state) {
  (void)state;
  size_t n_exact = 0, n_beaten = 0;
  printf("seed %" PRIu64 "\n", seed);
  for (uint64_t round = 0; round < N_CASES; round++) {
    struct rng rng = rng_stream(seed, RNG_TEST, round, 7);
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct tenancy_problem jobs;
    struct tenancy_parts parts;
    struct tenancy_compositions list;
    draw_parts(&rng, &arena, &jobs, &parts);
    check_list(&parts, &arena, &list);
    struct weighed *weighed = ARENA_NEW(&arena, struct weighed, list.n + 1);
    for (size_t i = 0; i < list.n; i++) {
      weigh(&parts, list.count + i * list.n_designs, &rng, &arena, &weighed[i]);
      n_beaten += i > 0 && weighed[i].runs && weighed[i - 1].runs &&
                  tenancy_worth_beaten(&weighed[i - 1].found, 1, &weighed[i].least);
    }
    check_pruning(weighed, list.n, &arena);
    n_exact += check_bound(&parts, &list, weighed, &arena);
    arena_release(&arena);
  }
  assert_true(n_exact > N_CASES / 5); /* else the bound was hardly tested */
  assert_true(n_beaten > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_compositions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
