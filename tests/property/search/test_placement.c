/* Do the evaluators, the judge, the four steps' knapsack and the files of placement keep their word on any instance?
 *
 * Random problems under every rule. Evaluators against the judge, which shares no code with them; contention without
 * prefetching, sharing or wider residency against h2h (placement §3.4); the plain pass of searches against the one with
 * lists of transfers; pins against the table of the knapsack as the rule states it; what is written against what is
 * read; scratch memory against where it stood. */
#include "search/placement/placement_private.h"
#include "search/placement/placement_read.h"
#include "tests/placement_random.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum {
  N_JUDGED = 6000,
  N_STRICT = 1500,
  N_PLAIN = 1500,
  N_PINNED = 1500,
  N_WRITTEN = 200,
  N_BROKEN = 2000,
  N_ORDERED = 100
};

static void expect_close(const char *what, size_t round, double a, double b, double tolerance) {
  if (fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b))) return;
  fail_msg("seed %" PRIu64 ", round %zu: %s is %.17g and %.17g", seed, round, what, a, b);
}

/* A problem that can be solved at all: draws until one is accepted. */
static void draw(struct rng *rng, struct placement_shape shape, struct placement_problem *problem) {
  struct error error = {0};
  while (!placement_random_problem(rng, &shape, &arena, problem, &error)) {
    memset(&error, 0, sizeof error);
    shape.groups = false;
  }
}

static void compare_schedules(size_t round, const struct placement_problem *problem,
                              const struct placement_schedule *ours, const struct placement_schedule *truth) {
  expect_close("makespan", round, ours->makespan_s, truth->makespan_s, 1e-11);
  expect_close("energy", round, ours->energy_j, truth->energy_j, 1e-9);
  expect_close("period", round, ours->period_s, truth->period_s, 1e-11);
  expect_close("computation", round, ours->compute_s, truth->compute_s, 1e-11);
  expect_close("communication", round, ours->communication_s, truth->communication_s, 1e-9);
  for (size_t l = 0; l < problem->n_layers; l++) {
    expect_close("start", round, 1 + ours->start_s[l], 1 + truth->start_s[l], 1e-10);
    expect_close("end", round, 1 + ours->end_s[l], 1 + truth->end_s[l], 1e-10);
  }
  assert_int_equal(ours->n_flows, truth->n_flows);
}

static void test_judge(void **state) {
  (void)state;
  size_t n_seen[3] = {0}, n_possible = 0, n_flows = 0;
  for (size_t round = 0; round < N_JUDGED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, round);
    const bool small = round % 16 > 0;
    const struct placement_shape shape = placement_random_shape(&rng, small ? 12 : 120, small ? 4 : 9);
    struct placement_problem problem;
    struct placement_claim claim = {.makespan_s = NAN};
    draw(&rng, shape, &problem);
    placement_random_answer(&rng, &problem, rng_below(&rng, 4) > 0, &arena, &claim.answer);
    struct placement_schedule ours = placement_schedule_new(&problem, &arena);
    struct placement_schedule truth = placement_schedule_new(&problem, &arena);
    const struct arena_mark before = arena_get_mark(&scratch);
    const double value = placement_evaluate(&problem, &claim.answer, &scratch, &ours);
    const struct arena_mark after = arena_get_mark(&scratch);
    assert_true(before.used_bytes == after.used_bytes);
    struct error error = {0};
    const bool fine = placement_check(&problem, &claim, &arena, &truth, &error);
    if (fine != isfinite(value)) {
      fail_msg("seed %" PRIu64 ", round %zu: value %g, judge: %s", seed, round, value, error.text);
    }
    assert_true(fine != error_is_set(&error));
    n_seen[problem.timing]++;
    n_possible += fine;
    /* By itself and with a schedule the value is the same, to the bit. */
    const double alone = placement_evaluate(&problem, &claim.answer, &scratch, NULL);
    assert_memory_equal(&alone, &value, sizeof value);
    if (fine) {
      compare_schedules(round, &problem, &ours, &truth);
      const double by_objective[] = {ours.makespan_s, ours.period_s, ours.energy_j};
      assert_memory_equal(&value, &by_objective[problem.objective], sizeof value);
      claim.start_s = ours.start_s, claim.end_s = ours.end_s, claim.makespan_s = ours.makespan_s;
      claim.flows = ours.flows, claim.n_flows = ours.n_flows;
      n_flows += ours.n_flows;
      if (!placement_check(&problem, &claim, &arena, NULL, &error)) {
        fail_msg("seed %" PRIu64 ", round %zu: %s", seed, round, error.text);
      }
    }
    arena_rewind(&arena, mark);
  }
  printf("judged: %zu serial, %zu delay, %zu contention, %zu of them possible, %zu transfers\n", n_seen[0], n_seen[1],
         n_seen[2], n_possible, n_flows);
  assert_true(n_possible > N_JUDGED / 3 && n_possible < N_JUDGED && n_flows > N_JUDGED);
}

/* Placement §3.4, last point. */
static void test_strictly_serial(void **state) {
  (void)state;
  for (size_t round = 0; round < N_STRICT; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, round);
    struct placement_shape shape = placement_random_shape(&rng, round % 16 > 0 ? 12 : 90, 5);
    struct placement_problem problem;
    struct placement_answer answer;
    shape.timing = PLACEMENT_CONTENTION;
    draw(&rng, shape, &problem);
    problem.host.out_bytes_per_s = problem.host.in_bytes_per_s = INFINITY;
    problem.host.prefetch_layers = 0;
    problem.adjacent_residency = true;
    problem.contiguous = false;
    placement_random_answer(&rng, &problem, true, &arena, &answer);
    struct placement_problem serial = problem;
    serial.timing = PLACEMENT_SERIAL;
    struct placement_schedule a = placement_schedule_new(&problem, &arena), b = placement_schedule_new(&serial, &arena);
    const double shared = placement_evaluate(&problem, &answer, &scratch, &a);
    const double alone = placement_evaluate(&serial, &answer, &scratch, &b);
    if (isfinite(shared) || isfinite(alone)) {
      expect_close("makespan without sharing", round, a.makespan_s, b.makespan_s, 1e-12);
      expect_close("energy without sharing", round, a.energy_j, b.energy_j, 1e-11);
      expect_close("period without sharing", round, a.period_s, b.period_s, 1e-12);
    }
    arena_rewind(&arena, mark);
  }
}

static void test_plain(void **state) {
  (void)state;
  for (size_t round = 0; round < N_PLAIN; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, round);
    struct placement_shape shape = placement_random_shape(&rng, round % 16 > 0 ? 12 : 150, 5);
    struct placement_problem problem;
    struct placement_answer answer;
    shape.timing = PLACEMENT_SERIAL, shape.transfers = PLACEMENT_ALL, shape.plain = true;
    draw(&rng, shape, &problem);
    assert_true(problem.plain);
    placement_random_answer(&rng, &problem, true, &arena, &answer);
    struct placement_schedule a = placement_schedule_new(&problem, &arena),
                              b = placement_schedule_new(&problem, &arena);
    const double fast = placement_evaluate(&problem, &answer, &scratch, &a);
    problem.plain = false;
    const double slow = placement_evaluate(&problem, &answer, &scratch, &b);
    assert_int_equal(isfinite(fast), isfinite(slow));
    if (isfinite(fast)) compare_schedules(round, &problem, &a, &b);
    arena_rewind(&arena, mark);
  }
}

/* Placement §4, step 2, as it is written there. */
static void pin_by_table(const struct placement_problem *problem, size_t device, const struct placement_answer *answer,
                         bool *pinned) {
  const uint32_t *layers = answer->layer + answer->start[device];
  const size_t n = answer->start[device + 1] - answer->start[device];
  uint64_t sum = 0;
  for (size_t i = 0; i < n; i++) sum += problem->weight_granules[layers[i]];
  const uint64_t granules = placement_pin_granules(problem, device);
  const size_t room = (size_t)(granules < sum ? granules : sum);
  uint64_t *table = ARENA_NEW(&arena, uint64_t, (n + 1) * (room + 1));
  for (size_t i = 1; i <= n; i++) {
    const uint64_t size = problem->weight_granules[layers[i - 1]];
    for (size_t c = 0; c <= room; c++) {
      const uint64_t without = table[(i - 1) * (room + 1) + c];
      const uint64_t with = size <= c ? table[(i - 1) * (room + 1) + c - (size_t)size] + size : 0;
      table[i * (room + 1) + c] = with > without ? with : without;
    }
  }
  size_t c = room;
  for (size_t i = n; i >= 1; i--) {
    pinned[layers[i - 1]] = table[i * (room + 1) + c] > table[(i - 1) * (room + 1) + c];
    if (pinned[layers[i - 1]]) c -= (size_t)problem->weight_granules[layers[i - 1]];
  }
}

static void test_pins(void **state) {
  (void)state;
  size_t n_left_out = 0;
  for (size_t round = 0; round < N_PINNED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, round);
    struct placement_shape shape = placement_random_shape(&rng, 25, 3);
    struct placement_problem problem;
    struct placement_answer answer;
    shape.memory = PLACEMENT_PIN, shape.host = false;
    draw(&rng, shape, &problem);
    placement_random_answer(&rng, &problem, false, &arena, &answer);
    placement_pin(&problem, &scratch, &answer);
    bool *wanted = ARENA_NEW(&arena, bool, problem.n_layers);
    for (size_t d = 0; d < problem.n_devices; d++) pin_by_table(&problem, d, &answer, wanted);
    for (size_t l = 0; l < problem.n_layers; l++) n_left_out += !wanted[l] && problem.weight_granules[l] > 0;
    if (memcmp(wanted, answer.pinned, problem.n_layers) != 0) fail_msg("seed %" PRIu64 ", round %zu", seed, round);
    arena_rewind(&arena, mark);
  }
  assert_true(n_left_out > N_PINNED);
}

/* A claim with one thing wrong is refused. */
static void test_broken(void **state) {
  (void)state;
  size_t n_broken = 0;
  for (size_t round = 0; round < N_BROKEN; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 5, round);
    const struct placement_shape shape = placement_random_shape(&rng, 14, 4);
    struct placement_problem problem;
    struct placement_claim claim = {.makespan_s = NAN};
    draw(&rng, shape, &problem);
    placement_random_answer(&rng, &problem, true, &arena, &claim.answer);
    struct placement_schedule ours = placement_schedule_new(&problem, &arena);
    if (isfinite(placement_evaluate(&problem, &claim.answer, &scratch, &ours))) {
      const size_t l = rng_below(&rng, problem.n_layers), what = rng_below(&rng, 4);
      claim.start_s = ours.start_s, claim.end_s = ours.end_s, claim.makespan_s = ours.makespan_s;
      claim.flows = ours.flows, claim.n_flows = ours.n_flows;
      if (what == 0) ours.end_s[l] += 1e-6 * ours.makespan_s;
      if (what == 1) ours.start_s[l] -= 1e-6 * ours.makespan_s;
      if (what == 2) claim.makespan_s *= 1 - 1e-6;
      if (what == 3 && ours.n_flows > 0) ours.flows[rng_below(&rng, ours.n_flows)].end_s -= 1e-6 * ours.makespan_s;
      struct error error = {0};
      const bool fine = placement_check(&problem, &claim, &arena, NULL, &error);
      if (fine && !(what == 3 && ours.n_flows == 0)) {
        fail_msg("seed %" PRIu64 ", round %zu: change %zu goes unnoticed", seed, round, what);
      }
      n_broken += !fine;
    }
    arena_rewind(&arena, mark);
  }
  assert_true(n_broken > N_BROKEN / 4);
}

/* Predecessors first, of those that may come next the first of the file; rows as edges say. */
static void test_order(void **state) {
  (void)state;
  for (size_t round = 0; round < N_ORDERED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 7, round);
    struct placement_problem problem;
    draw(&rng, placement_random_shape(&rng, 60, 2), &problem);
    bool *placed = ARENA_NEW(&arena, bool, problem.n_layers);
    /* Numbers as in the file respect edges here, so they are shuffled. */
    uint32_t *number = ARENA_NEW(&arena, uint32_t, problem.n_layers);
    struct placement_edge *edges = ARENA_NEW(&arena, struct placement_edge, problem.n_edges);
    for (uint32_t l = 0; l < problem.n_layers; l++) {
      const size_t at = rng_below(&rng, l + 1);
      number[l] = number[at];
      number[at] = l;
    }
    for (size_t e = 0; e < problem.n_edges; e++) {
      edges[e] = problem.edges[e];
      edges[e].from = number[edges[e].from], edges[e].to = number[edges[e].to];
    }
    struct error error = {0};
    problem.edges = edges;
    problem.memory = PLACEMENT_UNLIMITED;
    problem.group = NULL;
    assert_true(placement_finish(&problem, &arena, &error));
    for (size_t i = 0; i < problem.n_layers; i++) {
      uint32_t first = PLACEMENT_NONE;
      for (uint32_t l = 0; l < problem.n_layers && first == PLACEMENT_NONE; l++) {
        bool may = !placed[l];
        for (size_t e = 0; e < problem.n_edges; e++) may = may && (edges[e].to != l || placed[edges[e].from]);
        if (may) first = l;
      }
      assert_int_equal(problem.topological[i], first);
      placed[first] = true;
    }
    size_t n_in = 0, n_out = 0;
    for (uint32_t l = 0; l < problem.n_layers; l++) {
      for (uint32_t e = 0; e < problem.n_edges; e++) {
        if (edges[e].to == l) assert_true(problem.in_edge[n_in] == e && problem.predecessor[n_in] == edges[e].from);
        n_in += edges[e].to == l;
        if (edges[e].from == l) assert_true(problem.out_edge[n_out] == e && problem.successor[n_out] == edges[e].to);
        n_out += edges[e].from == l;
      }
      assert_true(problem.in_start[l + 1] == n_in && problem.out_start[l + 1] == n_out);
    }
    arena_rewind(&arena, mark);
  }
}

static void test_files(void **state) {
  (void)state;
  char folder[] = "/tmp/dse-placement-XXXXXX";
  size_t n_flows = 0;
  assert_non_null(mkdtemp(folder));
  for (size_t round = 0; round < N_WRITTEN; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 6, round);
    const struct placement_shape shape = placement_random_shape(&rng, 20, 4);
    struct placement_problem problem, again;
    struct placement_answer answer;
    struct placement_claim claim;
    struct error error = {0};
    draw(&rng, shape, &problem);
    placement_random_answer(&rng, &problem, true, &arena, &answer);
    const char *path = arena_printf(&arena, "%s/p.json", folder), *table = arena_printf(&arena, "%s/a.csv", folder);
    assert_true(placement_write(&problem, path, &error));
    if (!placement_read(path, &arena, &again, &error)) fail_msg("round %zu: %s", round, error.text);
    struct placement_schedule a = placement_schedule_new(&problem, &arena), b = placement_schedule_new(&again, &arena);
    const double value = placement_evaluate(&problem, &answer, &scratch, &a);
    const bool possible = isfinite(value);
    assert_true(placement_write_answer(&problem, &answer, possible ? &a : NULL, table, &arena, &error));
    if (!placement_read_answer(&again, table, &arena, &claim, &error)) fail_msg("round %zu: %s", round, error.text);
    assert_int_equal(placement_compare(&problem, &answer, &claim.answer), 0);
    const double value_again = placement_evaluate(&again, &claim.answer, &scratch, &b);
    assert_memory_equal(&value, &value_again, sizeof value);
    assert_int_equal(claim.start_s != NULL, possible);
    if (possible) assert_memory_equal(claim.start_s, b.start_s, problem.n_layers * sizeof *b.start_s);
    if (possible) assert_memory_equal(claim.end_s, b.end_s, problem.n_layers * sizeof *b.end_s);
    if (possible && problem.timing == PLACEMENT_CONTENTION) {
      const struct placement_flow *const flows = b.flows;
      assert_true(placement_write_flows(&problem, &a, path, &arena, &error));
      if (!placement_read_flows(&again, path, &arena, &claim, &error)) fail_msg("round %zu: %s", round, error.text);
      assert_int_equal(claim.n_flows, b.n_flows);
      for (size_t i = 0; i < b.n_flows; i++) {
        const struct placement_flow *const flow = &claim.flows[i];
        assert_true(flow->layer == flows[i].layer && flow->edge == flows[i].edge && flow->device == flows[i].device);
        assert_true(flow->what == flows[i].what && flow->bytes == flows[i].bytes);
        assert_memory_equal(&flow->start_s, &flows[i].start_s, sizeof flow->start_s);
        assert_memory_equal(&flow->end_s, &flows[i].end_s, sizeof flow->end_s);
      }
      assert_true(placement_check(&again, &claim, &arena, NULL, &error));
      n_flows += claim.n_flows;
    }
    unlink(path);
    unlink(table);
    arena_rewind(&arena, mark);
  }
  assert_int_equal(rmdir(folder), 0);
  assert_true(n_flows > N_WRITTEN);
}

int main(void) {
  printf("seed %" PRIu64 "\n", seed);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
      cmocka_unit_test_setup_teardown(test_strictly_serial, setup, teardown),
      cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
      cmocka_unit_test_setup_teardown(test_pins, setup, teardown),
      cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
      cmocka_unit_test_setup_teardown(test_order, setup, teardown),
      cmocka_unit_test_setup_teardown(test_files, setup, teardown),
  };
  return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
