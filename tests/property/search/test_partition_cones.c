/* Are sums over ancestors and descendants right, and never too large where few steps are allowed? Random graphs of some
 * hundred groups against sets of ancestors. */
#include "base/rng.h"
#include "search/partition/partition_cones.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 60, MOST = 400 };
static const uint64_t seed = 2385;
static const double rounding = 1e-12;

/* Edges lead a few numbers ahead (`near`) or anywhere; every `span`-th node of a chain reads the one `span` before. */
static struct partition_graph draw(struct rng *rng, size_t n, bool chain, struct partition_problem *problem) {
  struct partition_edge *edges = ARENA_NEW(&arena, struct partition_edge, 3 * n);
  double *compute_ms = ARENA_NEW(&arena, double, n);
  uint64_t *weight_bytes = ARENA_NEW(&arena, uint64_t, n), *out_bits = ARENA_NEW(&arena, uint64_t, n);
  uint32_t *colocate = ARENA_NEW(&arena, uint32_t, n);
  bool *cloneable = ARENA_NEW(&arena, bool, n);
  const char **names = ARENA_NEW(&arena, const char *, n);
  const size_t near = rng_below(rng, 2) == 0 ? 20 : n;
  size_t n_edges = 0;
  for (uint32_t v = 0; v < n; v++) {
    compute_ms[v] = (double)rng_below(rng, 1000) / 7;
    weight_bytes[v] = rng_below(rng, 1000), out_bits[v] = 8, colocate[v] = PARTITION_NONE, names[v] = "x";
    if (chain && v > 0) edges[n_edges++] = (struct partition_edge){v - 1, v};
    if (chain && v >= 5 && v % 5 == 0) edges[n_edges++] = (struct partition_edge){v - 5, v};
    for (int k = 0; !chain && v > 0 && k < 2; k++) {
      const uint32_t back = 1 + (uint32_t)rng_below(rng, v < near ? v : near);
      if (rng_below(rng, 9) > 0) edges[n_edges++] = (struct partition_edge){v - back, v};
    }
  }
  *problem = (struct partition_problem){.name = "drawn",
                                        .n_chips = 3,
                                        .link_bytes_per_s = 1000,
                                        .n_nodes = n,
                                        .n_edges = n_edges,
                                        .node_names = names,
                                        .compute_ms = compute_ms,
                                        .weight_bytes = weight_bytes,
                                        .out_bits = out_bits,
                                        .colocate = colocate,
                                        .cloneable = cloneable,
                                        .edges = edges};
  struct partition_graph graph;
  struct error error = {0};
  assert_true(partition_contract(problem, &arena, &graph, &error));
  return graph;
}

/* Sums over sets, group by group. */
static void sum_sets(const struct partition_graph *graph, bool forward, double *ms, uint64_t *bytes) {
  const size_t n = graph->n;
  bool *set = ARENA_NEW(&scratch, bool, n *n);
  const uint32_t *start = forward ? graph->in_start : graph->out_start, *list = forward ? graph->in : graph->out;
  for (size_t i = 0; i < n; i++) {
    const uint32_t v = graph->topological[forward ? i : n - 1 - i];
    set[v * n + v] = true;
    for (uint32_t k = start[v]; k < start[v + 1]; k++) {
      for (size_t u = 0; u < n; u++) set[v * n + u] = set[v * n + u] || set[list[k] * n + u];
    }
    for (size_t u = 0; u < n; u++) {
      ms[v] += set[v * n + u] ? graph->compute_ms[u] : 0;
      bytes[v] += set[v * n + u] ? graph->weight_bytes[u] : 0;
    }
  }
}

static void sums_hold(void **state) {
  (void)state;
  printf("seed %llu\n", (unsigned long long)seed);
  double kept_ms = 0, all_ms = 0;
  for (uint64_t round = 0; round < ROUNDS; round++) {
    const struct arena_mark mark = arena_get_mark(&arena), other = arena_get_mark(&scratch);
    struct rng rng = rng_stream(seed, RNG_TEST, round, 0);
    struct partition_problem problem;
    const bool chain = round % 3 == 0, forward = round % 2 == 0;
    const size_t n = 1 + (size_t)rng_below(&rng, MOST);
    const struct partition_graph graph = draw(&rng, n, chain, &problem);
    /* Few steps for some, enough for all for others. */
    const uint64_t most_steps = rng_below(&rng, 2) == 0 ? 1 : UINT64_MAX;
    double *ms[3];
    uint64_t *bytes[3];
    for (int i = 0; i < 3; i++) ms[i] = ARENA_NEW(&arena, double, n), bytes[i] = ARENA_NEW(&arena, uint64_t, n);
    sum_sets(&graph, forward, ms[0], bytes[0]);
    partition_cones_add(&graph, forward, 0, &scratch, ms[1], bytes[1]);
    partition_cones_add(&graph, forward, most_steps, &scratch, ms[2], bytes[2]);
    for (size_t g = 0; g < n; g++) {
      assert_true(fabs(ms[1][g] - ms[0][g]) <= rounding * ms[0][g] && bytes[1][g] == bytes[0][g]);
      assert_true(ms[2][g] <= ms[0][g] * (1 + rounding) && bytes[2][g] <= bytes[0][g]);
      assert_true(ms[2][g] >= graph.compute_ms[g] * (1 - rounding) && bytes[2][g] >= graph.weight_bytes[g]);
      if (chain) assert_true(bytes[2][g] == bytes[0][g]); /* all lies on one way */
      if (most_steps > 1) kept_ms += ms[2][g], all_ms += ms[0][g];
    }
    arena_rewind(&arena, mark), arena_rewind(&scratch, other);
  }
  printf("%.1f %% of the sums in few steps\n", 100 * kept_ms / all_ms);
  assert_true(kept_ms > 0.8 * all_ms);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(sums_hold, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
