/* Are flows as large as the least cut, found by trying every one? Capacities are multiples of 1/8, so sums are exact.
 */
#include "base/rng.h"
#include "search/partition/partition_flow.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOST = 9, MOST_ARCS = 40 };
static const uint64_t seed = 2385;

/* Two ways of 2 and 3, and 1 across (Cormen et al., Introduction to Algorithms, §26.2 in small). */
static void test_by_hand(void **state) {
  (void)state;
  struct partition_flow *flow = partition_flow_new(4, 5, &arena);
  partition_flow_arc(flow, 0, 1, 5);
  partition_flow_arc(flow, 0, 2, 2);
  partition_flow_arc(flow, 1, 2, 1);
  partition_flow_arc(flow, 1, 3, 2);
  partition_flow_arc(flow, 2, 3, 9);
  assert_true(partition_flow_run(flow, 0, 3) == 5);
  assert_true(partition_flow_side(flow, 0) && partition_flow_side(flow, 1));
  assert_true(!partition_flow_side(flow, 2) && !partition_flow_side(flow, 3));
  assert_true(partition_flow_run(flow, 3, 0) == 0); /* against the arcs */
  assert_true(partition_flow_run(flow, 0, 3) == 5); /* as new */
}

static void test_never_parted(void **state) {
  (void)state;
  struct partition_flow *flow = partition_flow_new(3, 3, &arena);
  partition_flow_arc(flow, 0, 1, INFINITY);
  partition_flow_arc(flow, 1, 2, 7);
  assert_true(partition_flow_run(flow, 0, 2) == 7);
  assert_true(partition_flow_side(flow, 1)); /* an infinite arc is not cut */
  partition_flow_arc(flow, 0, 2, INFINITY);
  assert_true(partition_flow_run(flow, 0, 2) == INFINITY);
  partition_flow_clear(flow, 2);
  assert_true(partition_flow_run(flow, 0, 1) == 0);
}

static void test_every_cut(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  struct partition_flow *flow = partition_flow_new(MOST, MOST_ARCS, &arena);
  size_t n_short = 0;
  for (uint64_t round = 0; round < 500; round++) {
    struct rng rng = rng_stream(seed, RNG_TEST, round, 0);
    const uint32_t n = 2 + (uint32_t)rng_below(&rng, MOST - 1), n_arcs = (uint32_t)rng_below(&rng, MOST_ARCS);
    uint32_t from[MOST_ARCS], to[MOST_ARCS];
    double capacity[MOST_ARCS], least = INFINITY, ours = 0;
    partition_flow_clear(flow, n);
    for (uint32_t a = 0; a < n_arcs; a++) {
      from[a] = (uint32_t)rng_below(&rng, n), to[a] = (uint32_t)rng_below(&rng, n);
      capacity[a] = rng_below(&rng, 8) == 0 ? INFINITY : (double)rng_below(&rng, 80) / 8;
      partition_flow_arc(flow, from[a], to[a], capacity[a]);
    }
    /* Node 0 is the source, n - 1 the sink; every set of the others on the source's side. */
    size_t smallest = n, n_side = 0;
    for (uint32_t set = 0; set < 1U << (n - 2); set++) {
      const uint32_t side = set << 1 | 1;
      double cut = 0;
      for (uint32_t a = 0; a < n_arcs; a++) {
        if ((side >> from[a] & 1) && !(side >> to[a] & 1)) cut += capacity[a];
      }
      const size_t size = (size_t)__builtin_popcount(side);
      if (cut < least) least = cut, smallest = size;
      if (cut == least && size < smallest) smallest = size;
    }
    for (uint64_t steps = 0; steps < 40; steps += 1 + rng_below(&rng, 9)) { /* what flows by then is at most the cut */
      partition_flow_limit(flow, steps);
      const double some = partition_flow_run(flow, 0, n - 1);
      assert_true(some >= 0 && some <= least);
      n_short += some < least;
    }
    partition_flow_limit(flow, UINT64_MAX);
    assert_true(partition_flow_run(flow, 0, n - 1) == least);
    if (least == INFINITY) continue;
    for (uint32_t v = 0; v < n; v++) n_side += partition_flow_side(flow, v);
    for (uint32_t a = 0; a < n_arcs; a++) {
      if (partition_flow_side(flow, from[a]) && !partition_flow_side(flow, to[a])) ours += capacity[a];
    }
    assert_true(ours == least);
    assert_int_equal(n_side, smallest);
  }
  assert_true(n_short > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_by_hand, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_never_parted, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_every_cut, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
