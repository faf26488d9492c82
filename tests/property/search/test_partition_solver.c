/* Does the solver of partitions leave exactly what is possible? Every assignment of small random graphs is tried under
 * every rule: each valid one must be reachable in every order, none else may come out; under monotone and path every
 * value left must be part of a valid one, which is why nothing is ever undone there. */
#include "base/rng.h"
#include "search/partition/partition_solver.h"
#include "tests/two_arenas.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 6, MOST_CHIPS = 4, MOST_ASSIGNMENTS = 4096, ROUNDS = 60, DRAWS = 40 };
static const uint64_t seed = 2385;

struct tiny {
  struct partition_problem problem;
  struct partition_graph graph;
  double period_ms;
  size_t n_valid, n_assignments;
  uint32_t valid[MOST_ASSIGNMENTS][MOST];
};

/* Edges run from smaller to larger numbers or, shuffled, anyhow. */
static void draw_problem(struct rng *rng, enum partition_triangle triangle, bool memory, bool period, struct tiny *t) {
  const size_t n = 2 + rng_below(rng, MOST - 1);
  const char **names = ARENA_NEW(&arena, const char *, n);
  double *compute_ms = ARENA_NEW(&arena, double, n);
  uint64_t *weight_bytes = ARENA_NEW(&arena, uint64_t, n), *out_bits = ARENA_NEW(&arena, uint64_t, n);
  uint32_t *colocate = ARENA_NEW(&arena, uint32_t, n), number[MOST];
  struct partition_edge *edges = ARENA_NEW(&arena, struct partition_edge, n * n);
  size_t n_edges = 0;
  uint64_t total = 0;
  double total_ms = 0;
  for (uint32_t v = 0; v < n; v++) {
    names[v] = "x", colocate[v] = PARTITION_NONE, number[v] = v;
    compute_ms[v] = (double)rng_below(rng, 9), weight_bytes[v] = rng_below(rng, 9), out_bits[v] = rng_below(rng, 99);
    total += weight_bytes[v], total_ms += compute_ms[v];
    const size_t k = rng_below(rng, v + 1);
    number[v] = number[k], number[k] = v;
  }
  const uint64_t density = 1 + rng_below(rng, 9);
  for (uint32_t u = 0; u < n; u++) {
    for (uint32_t v = u + 1; v < n; v++) {
      if (rng_below(rng, 10) < density) edges[n_edges++] = (struct partition_edge){number[u], number[v]};
    }
  }
  t->problem = (struct partition_problem){.name = "tiny",
                                          .n_chips = 2 + (uint32_t)rng_below(rng, MOST_CHIPS - 1),
                                          .link_bytes_per_s = 1000,
                                          .triangle = triangle,
                                          .n_nodes = n,
                                          .n_edges = n_edges,
                                          .node_names = names,
                                          .compute_ms = compute_ms,
                                          .weight_bytes = weight_bytes,
                                          .out_bits = out_bits,
                                          .colocate = colocate,
                                          .cloneable = ARENA_NEW(&arena, bool, n),
                                          .edges = edges};
  if (memory) t->problem.memory_bytes = 1 + total / t->problem.n_chips + rng_below(rng, 9);
  t->period_ms = period ? 1 + total_ms / t->problem.n_chips + (double)rng_below(rng, 6) : INFINITY;
  struct error error = {0};
  assert_true(partition_contract(&t->problem, &arena, &t->graph, &error));
  assert_int_equal(t->graph.n, n);
}

static bool has_second_way(const struct tiny *t, const uint32_t *chip) {
  bool arc[MOST_CHIPS + 1][MOST_CHIPS + 1] = {0}, way[MOST_CHIPS + 1][MOST_CHIPS + 1] = {0};
  for (size_t e = 0; e < t->problem.n_edges; e++) {
    const uint32_t a = chip[t->problem.edges[e].from], b = chip[t->problem.edges[e].to];
    if (a != b) arc[a][b] = way[a][b] = true;
  }
  for (uint32_t k = 1; k <= MOST_CHIPS; k++) {
    for (uint32_t a = 1; a <= MOST_CHIPS; a++) {
      for (uint32_t b = 1; b <= MOST_CHIPS; b++) way[a][b] |= way[a][k] && way[k][b];
    }
  }
  for (uint32_t a = 1; a <= MOST_CHIPS; a++) {
    for (uint32_t b = 1; b <= MOST_CHIPS; b++) {
      for (uint32_t k = 1; k <= MOST_CHIPS; k++) {
        if (arc[a][b] && way[a][k] && way[k][b]) return true;
      }
    }
  }
  return false;
}

/* Groups are nodes here: nothing is contracted. */
static bool is_valid(const struct tiny *t, const uint32_t *chip) {
  uint64_t bytes[MOST_CHIPS + 1] = {0};
  double ms[MOST_CHIPS + 1] = {0};
  for (size_t e = 0; e < t->problem.n_edges; e++) {
    const uint32_t a = chip[t->problem.edges[e].from], b = chip[t->problem.edges[e].to];
    if (a > b || (t->problem.triangle == PARTITION_PATH && b > a + 1)) return false;
  }
  for (size_t v = 0; v < t->graph.n; v++) {
    bytes[chip[v]] += t->problem.weight_bytes[v], ms[chip[v]] += t->problem.compute_ms[v];
    if (t->problem.memory_bytes > 0 && bytes[chip[v]] > t->problem.memory_bytes) return false;
    if (ms[chip[v]] > t->period_ms) return false;
  }
  return t->problem.triangle != PARTITION_GENERAL || !has_second_way(t, chip);
}

static void enumerate(struct tiny *t) {
  const uint32_t n_chips = t->problem.n_chips;
  t->n_valid = 0, t->n_assignments = 1;
  for (size_t v = 0; v < t->graph.n; v++) t->n_assignments *= n_chips;
  for (size_t a = 0; a < t->n_assignments; a++) {
    uint32_t *chip = t->valid[t->n_valid];
    size_t rest = a;
    for (size_t v = 0; v < t->graph.n; v++, rest /= n_chips) chip[v] = 1 + (uint32_t)(rest % n_chips);
    t->n_valid += is_valid(t, chip);
  }
}

static bool has_holes(const struct tiny *t, const uint32_t *chip) {
  uint32_t used = 0;
  for (size_t v = 0; v < t->graph.n; v++) used |= 1U << (chip[v] - 1);
  return (used & (used + 1)) != 0;
}

/* Under intervals alone: what is left is what the valid ones that agree with the decisions have. */
static void check_domains(const struct tiny *t, const struct partition_solver *solver, const uint32_t *decided,
                          bool exactly) {
  for (uint32_t v = 0; v < t->graph.n; v++) {
    for (uint32_t c = 1; c <= t->problem.n_chips; c++) {
      bool possible = false;
      for (size_t k = 0; k < t->n_valid && !possible; k++) {
        possible = t->valid[k][v] == c;
        for (size_t u = 0; u < t->graph.n && possible; u++) possible = decided[u] == 0 || decided[u] == t->valid[k][u];
      }
      assert_true(!possible || partition_solver_has(solver, v, c));
      if (exactly) assert_true(possible == partition_solver_has(solver, v, c));
    }
  }
}

/* Decides a valid partition in a random order: every decision stands. */
static void check_reachable(struct tiny *t, struct partition_solver *solver, size_t k, bool exactly, struct rng *rng) {
  uint32_t order[MOST], decided[MOST] = {0};
  for (uint32_t v = 0; v < t->graph.n; v++) {
    const size_t at = rng_below(rng, v + 1);
    order[v] = order[at], order[at] = v;
  }
  partition_solver_reset(solver);
  check_domains(t, solver, decided, exactly);
  for (size_t i = 0; i < t->graph.n; i++) {
    assert_true(partition_solver_has(solver, order[i], t->valid[k][order[i]]));
    assert_int_equal(partition_solver_decide(solver, order[i], t->valid[k][order[i]]), i + 1);
    decided[order[i]] = t->valid[k][order[i]];
    check_domains(t, solver, decided, exactly);
  }
  assert_int_equal(partition_solver_failures(solver), 0);
}

struct buffers {
  uint32_t chip[MOST], order[MOST], low[MOST], high[MOST], drawn[MOST];
  uint64_t domain[MOST];
};

static void check_sample(const struct tiny *t, const struct partition_sample *sample) {
  uint32_t seen = 0;
  assert_true(is_valid(t, sample->drawn) && is_valid(t, sample->chip) && !has_holes(t, sample->chip));
  for (size_t i = 0; i < t->graph.n; i++) {
    const uint32_t v = sample->order[i];
    seen |= 1U << v;
    assert_true(sample->low[v] <= sample->drawn[v] && sample->drawn[v] <= sample->high[v]);
    assert_true(sample->domain[v] >> (sample->drawn[v] - 1) & 1);
    for (size_t u = 0; u < t->graph.n; u++) {
      assert_int_equal(sample->drawn[u] < sample->drawn[v], sample->chip[u] < sample->chip[v]);
    }
  }
  assert_int_equal(seen, (1U << t->graph.n) - 1);
}

/* FIX leaves a valid partition as it is; SAMPLE emits valid ones only. */
static void check_draws(struct tiny *t, struct partition_solver *solver, struct rng *rng, uint64_t *n_failures) {
  struct buffers b;
  struct partition_sample sample = {b.chip, b.order, b.low, b.high, b.drawn, b.domain, false, 0};
  for (size_t k = 0; k < t->n_valid; k++) {
    assert_true(partition_solver_fix(solver, t->valid[k], NULL, false, PARTITION_ORDER_RANDOM, rng, &sample));
    assert_memory_equal(sample.drawn, t->valid[k], t->graph.n * sizeof *sample.drawn);
    assert_true(sample.log_probability == 0);
    if (!has_holes(t, t->valid[k])) assert_memory_equal(sample.chip, sample.drawn, t->graph.n * sizeof *sample.chip);
    check_sample(t, &sample);
  }
  for (size_t d = 0; d < DRAWS; d++) {
    double p[MOST * MOST_CHIPS];
    uint32_t proposal[MOST];
    for (size_t i = 0; i < t->graph.n * t->problem.n_chips; i++) p[i] = rng_below(rng, 4) == 0 ? 0 : rng_unit(rng);
    for (size_t v = 0; v < t->graph.n; v++) proposal[v] = (uint32_t)rng_below(rng, t->problem.n_chips + 1);
    const enum partition_order order = d % 2 == 0 ? PARTITION_ORDER_RANDOM : PARTITION_ORDER_TOPOLOGICAL;
    const bool found = d % 4 < 2 ? partition_solver_draw(solver, d % 8 < 4 ? p : NULL, order, rng, &sample)
                                 : partition_solver_fix(solver, proposal, p, d % 8 < 4, order, rng, &sample);
    *n_failures += partition_solver_failures(solver);
    assert_int_equal(found, t->n_valid > 0);
    if (found) check_sample(t, &sample);
  }
}

static void test_enumerated(void **state) {
  (void)state;
  static struct tiny t;
  print_message("seed %llu\n", (unsigned long long)seed);
  for (int kind = 0; kind < 12; kind++) {
    const enum partition_triangle triangle = (enum partition_triangle)(kind % 3);
    const bool memory = kind / 3 % 2 == 1, period = kind / 6 == 1;
    const bool exactly = triangle != PARTITION_GENERAL && !memory && !period;
    uint64_t n_failures = 0, n_valid = 0, n_infeasible = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
      struct rng rng = rng_stream(seed, RNG_TEST, round, (uint64_t)kind);
      draw_problem(&rng, triangle, memory, period, &t);
      enumerate(&t);
      struct partition_solver *solver = partition_solver_new(&t.graph, t.period_ms, &arena);
      for (size_t k = 0; k < t.n_valid; k += 1 + t.n_valid / 20) check_reachable(&t, solver, k, exactly, &rng);
      check_draws(&t, solver, &rng, &n_failures);
      n_valid += t.n_valid, n_infeasible += t.n_valid == 0;
    }
    print_message("rule %d%s%s: %llu valid, %llu without any, %llu dead ends in %d draws\n", kind % 3,
                  memory ? " memory" : "", period ? " period" : "", (unsigned long long)n_valid,
                  (unsigned long long)n_infeasible, (unsigned long long)n_failures, ROUNDS * DRAWS);
    if (exactly) assert_int_equal(n_failures, 0);
    if (!exactly) assert_true(n_failures > 0); /* or backtracking is not tested */
    if (memory || period) assert_true(n_infeasible > 0 && n_infeasible < ROUNDS);
  }
}

/* Given the order, partitions come as often as their probability says. */
static void test_probabilities(void **state) {
  (void)state;
  enum { N = 20000 };
  static struct tiny t;
  static double log_p[MOST_ASSIGNMENTS];
  static size_t often[MOST_ASSIGNMENTS];
  for (int kind = 0; kind < 3; kind++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 1000, (uint64_t)kind);
    struct buffers b;
    struct partition_sample sample = {b.chip, b.order, b.low, b.high, b.drawn, b.domain, false, 0};
    double p[MOST * MOST_CHIPS], sum = 0;
    draw_problem(&rng, (enum partition_triangle)kind, false, false, &t);
    for (size_t i = 0; i < t.graph.n * t.problem.n_chips; i++) p[i] = rng_unit(&rng);
    struct partition_solver *solver = partition_solver_new(&t.graph, INFINITY, &arena);
    memset(often, 0, sizeof often);
    for (size_t d = 0; d < N; d++) {
      size_t k = 0;
      assert_true(partition_solver_draw(solver, p, PARTITION_ORDER_TOPOLOGICAL, &rng, &sample));
      for (size_t v = t.graph.n; v-- > 0;) k = k * t.problem.n_chips + sample.drawn[v] - 1;
      if (partition_solver_failures(solver) == 0) log_p[k] = sample.log_probability, often[k]++;
    }
    for (size_t k = 0; k < MOST_ASSIGNMENTS; k++) {
      if (often[k] == 0) continue;
      const double expected = N * exp(log_p[k]);
      sum += exp(log_p[k]);
      assert_true(fabs((double)often[k] - expected) < 6 * sqrt(expected) + 1);
    }
    assert_true(sum > 0.9 && sum < 1 + 1e-9);
  }
}

static void test_nearest(void **state) {
  (void)state;
  static struct tiny t;
  for (uint64_t round = 0; round < 4 * ROUNDS; round++) {
    struct rng rng = rng_stream(seed, RNG_TEST, round, 99);
    double cost[MOST * MOST_CHIPS], least = INFINITY, ours = 0;
    uint32_t chip[MOST];
    draw_problem(&rng, round % 2 == 0 ? PARTITION_ANY : PARTITION_PATH, false, false, &t);
    enumerate(&t);
    for (size_t i = 0; i < t.graph.n * t.problem.n_chips; i++) {
      cost[i] = round % 5 == 0 && rng_below(&rng, 9) == 0 ? 1e9 : (double)rng_below(&rng, 100) / 8;
    }
    for (size_t k = 0; k < t.n_valid; k++) {
      double sum = 0;
      for (size_t v = 0; v < t.graph.n; v++) sum += cost[v * t.problem.n_chips + t.valid[k][v] - 1];
      least = fmin(least, sum);
    }
    for (size_t i = 0; i < t.graph.n * t.problem.n_chips; i++) cost[i] = cost[i] < 1e9 ? cost[i] : INFINITY;
    assert_true(partition_nearest(&t.graph, cost, &scratch, chip));
    assert_true(is_valid(&t, chip));
    for (size_t v = 0; v < t.graph.n; v++) ours += fmin(1e9, cost[v * t.problem.n_chips + chip[v] - 1]);
    assert_true(ours == least);
  }
  t.problem.triangle = PARTITION_GENERAL;
  assert_false(partition_nearest(&t.graph, (double[MOST * MOST_CHIPS]){0}, &scratch, (uint32_t[MOST]){0}));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_enumerated, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_probabilities, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_nearest, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
