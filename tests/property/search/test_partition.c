/* Do evaluator and judge, which share no code, agree on random problems and assignments under every cost and rule, and
 * does the contracted graph say the same as its nodes? */
#include "search/partition/partition.h"
#include "tests/partition_random.h"
#include "tests/two_arenas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_INSTANCES = 3000, N_ASSIGNMENTS = 40 };

static struct partition_kind kind_of(uint64_t instance) {
  return (struct partition_kind){.cost = (enum partition_cost)(instance % 4),
                                 .triangle = (enum partition_triangle)(instance / 4 % 3),
                                 .memory = instance / 12 % 3 > 0,
                                 .live = instance / 12 % 3 == 2,
                                 .most = instance % 10 == 9 ? 40 : 9,
                                 .most_chips = instance % 50 == 49 ? 90 : 5};
}

/* Mostly along the graph, so that many are valid; now and then any chips at all. */
static void draw_chips(const struct partition_graph *graph, struct rng *rng, uint32_t *chip) {
  const uint32_t n_chips = graph->problem->n_chips;
  const uint64_t manner = rng_below(rng, 4), steps = 1 + rng_below(rng, 6);
  uint32_t now = 1;
  for (size_t i = 0; i < graph->n; i++) {
    const uint32_t g = graph->topological[i];
    if (manner == 0)
      chip[g] = 1 + (uint32_t)rng_below(rng, n_chips + 1);
    else if (manner == 1) {
      chip[g] = 1;
      for (uint32_t a = graph->in_start[g]; a < graph->in_start[g + 1]; a++) {
        if (chip[graph->in[a]] > chip[g]) chip[g] = chip[graph->in[a]];
      }
      chip[g] += chip[g] < n_chips ? (uint32_t)rng_below(rng, 2) : 0;
    } else {
      if (now < n_chips && rng_below(rng, steps) == 0) now += 1 + (manner == 3 && now + 1 < n_chips);
      chip[g] = now;
    }
  }
}

/* Rules by word, as the judge names them. */
static const char *const words[] = {"", "range", "monotone", "skipped chip", "triangle", "memory", "refused"};

static void test_judge_and_evaluator(void **state) {
  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  size_t n_met[PARTITION_REFUSED + 1] = {0};
  for (uint64_t instance = 0; instance < N_INSTANCES; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, instance);
    const struct partition_kind kind = kind_of(instance);
    const struct partition_problem problem = partition_random(&rng, &kind, &arena);
    struct partition_graph graph;
    struct error error = {0};
    if (!partition_contract(&problem, &arena, &graph, &error)) fail_msg("instance %d: %s", (int)instance, error.text);
    struct partition_work *work = partition_work_new(&graph, &arena);
    uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph.n), *nodes = ARENA_NEW(&arena, uint32_t, problem.n_nodes);
    for (size_t i = 0; i < N_ASSIGNMENTS; i++) {
      const struct arena_mark used = arena_get_mark(&scratch);
      draw_chips(&graph, &rng, chip);
      if (i % 2 == 1 && partition_rules(&graph, chip, work) != PARTITION_RANGE) partition_renumber(&graph, chip, work);
      partition_to_nodes(&graph, chip, nodes);
      const enum partition_rule rule = partition_rules(&graph, chip, work);
      const double value = partition_value(&graph, chip, work);
      const char *reason;
      double judged;
      const bool valid =
          partition_check(&problem, &(struct partition_claim){nodes, problem.n_nodes, NAN}, &scratch, &judged, &reason);
      n_met[rule]++;
      if (valid != (rule == PARTITION_FINE) || strncmp(reason, words[rule], strlen(words[rule])) != 0)
        fail_msg("instance %d, %zu: %s against rule %d", (int)instance, i, reason, (int)rule);
      if (valid && !(fabs(value - judged) <= 1e-12 * judged))
        fail_msg("instance %d, %zu: %.17g, judged %.17g", (int)instance, i, value, judged);
      if (!valid && (isfinite(value) || !isnan(judged))) fail_msg("instance %d, %zu: a value", (int)instance, i);
      arena_rewind(&scratch, used);
    }
    arena_rewind(&arena, mark);
  }
  for (size_t rule = 0; rule < PARTITION_REFUSED; rule++) assert_true(n_met[rule] > 1000);
}

/* One node of a colocated group elsewhere, or a claim that is wrong. */
static void test_judge_alone(void **state) {
  (void)state;
  size_t n_apart = 0;
  for (uint64_t instance = 0; instance < N_INSTANCES; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, instance);
    const struct partition_kind kind = {.most = 8, .most_chips = 3};
    const struct partition_problem problem = partition_random(&rng, &kind, &arena);
    uint32_t *nodes = ARENA_NEW(&arena, uint32_t, problem.n_nodes);
    const char *reason;
    double judged;
    for (size_t v = 0; v < problem.n_nodes; v++) nodes[v] = 1;
    struct partition_claim claim = {nodes, problem.n_nodes, NAN};
    assert_true(partition_check(&problem, &claim, &arena, &judged, &reason));
    claim.claim_ms = judged * (1 + 2e-6);
    assert_true(partition_check(&problem, &claim, &arena, &judged, &reason));
    if (judged > 0) assert_non_null(strstr(reason, "claim: "));
    claim.claim_ms = judged * (1 + 5e-7);
    assert_true(partition_check(&problem, &claim, &arena, &judged, &reason));
    assert_string_equal(reason, "");
    const size_t moved = rng_below(&rng, problem.n_nodes);
    nodes[moved] = 2;
    bool apart = false;
    for (size_t v = 0; v < problem.n_nodes; v++)
      apart = apart ||
              (v != moved && problem.colocate[v] != PARTITION_NONE && problem.colocate[v] == problem.colocate[moved]);
    n_apart += apart;
    partition_check(&problem, &claim, &arena, &judged, &reason);
    assert_true(apart == (strncmp(reason, "group", 5) == 0));
    claim.n_said--;
    assert_false(partition_check(&problem, &claim, &arena, &judged, &reason));
    assert_non_null(strstr(reason, "length"));
    arena_rewind(&arena, mark);
  }
  assert_true(n_apart > 100);
}

/* Renumbering keeps every rule and never raises the period; loads are what partition_parts says. */
static void test_renumbering(void **state) {
  (void)state;
  size_t n_better = 0;
  for (uint64_t instance = 0; instance < N_INSTANCES; instance++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, instance);
    struct partition_kind kind = kind_of(instance);
    kind.most_chips = 7;
    struct partition_problem problem = partition_random(&rng, &kind, &arena);
    problem.link_bytes_per_s = 1000; /* so that a chip that only passes on may be the slowest */
    struct partition_graph graph;
    struct error error = {0};
    assert_true(partition_contract(&problem, &arena, &graph, &error));
    struct partition_work *work = partition_work_new(&graph, &arena);
    const size_t n_chips = problem.n_chips;
    uint32_t *chip = ARENA_NEW(&arena, uint32_t, graph.n);
    double *load = ARENA_NEW(&arena, double, 4 * n_chips), *work_ms = load + n_chips, *in_ms = load + 2 * n_chips,
           *out_ms = load + 3 * n_chips;
    for (size_t i = 0; i < 10; i++) {
      draw_chips(&graph, &rng, chip);
      const enum partition_rule before = partition_rules(&graph, chip, work);
      if (before == PARTITION_RANGE || before == PARTITION_MONOTONE) continue;
      const double value = partition_period(&graph, chip, work, NULL);
      partition_renumber(&graph, chip, work);
      const double after = partition_period(&graph, chip, work, load);
      const enum partition_rule rule = partition_rules(&graph, chip, work);
      assert_true(rule != PARTITION_SKIPPED && (before != PARTITION_FINE || rule == PARTITION_FINE));
      assert_true(after <= value);
      n_better += after < value;
      partition_parts(&graph, chip, work, work_ms, in_ms, out_ms);
      const bool overlap = problem.cost == PARTITION_RING_OVERLAP || problem.cost == PARTITION_P2P_OVERLAP;
      for (size_t c = 0; c < n_chips; c++) {
        const double sum = overlap ? fmax(work_ms[c], fmax(in_ms[c], out_ms[c])) : work_ms[c] + in_ms[c] + out_ms[c];
        assert_true(fabs(sum - load[c]) <= 1e-12 * load[c] && load[c] <= after);
      }
    }
    arena_rewind(&arena, mark);
  }
  assert_true(n_better > 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_judge_and_evaluator, setup, teardown),
      cmocka_unit_test_setup_teardown(test_judge_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(test_renumbering, setup, teardown),
  };
  return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
