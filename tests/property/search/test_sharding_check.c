/* Do the evaluator, the judge and the simulator of sharding say the same of any problem?
 *
 * Random problems under every rule (tests/sharding_random.h). Latency, starts and ends of the evaluator against the
 * judge, which shares no code with it; the judge's boxes against its elements; the simulator of messages against closed
 * forms where every cut divides evenly, and within what sharding_simulate.c states elsewhere; broken answers must be
 * found out. */
#include "search/sharding/sharding_check_private.h"
#include "tests/sharding_random.h"
#include "tests/two_arenas.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_JUDGED = 6000, N_MOVED = 2000, N_SIMULATED = 3000, N_BROKEN = 1500 };

static void expect_close(const char *what, size_t round, double a, double b, double tolerance) {
  if (fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b))) return;
  fail_msg("seed %" PRIu64 ", round %zu: %s is %.17g and %.17g", seed, round, what, a, b);
}

/* Any whole number will do, if it is always the same. */
static double priced(void *context, uint32_t layer, enum sharding_pass pass, const uint64_t local[SHARDING_N_DIMS],
                     uint32_t p) {
  const struct sharding_problem *problem = context;
  uint64_t sum = layer % problem->n_layers + 31 * (uint64_t)pass + p;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) sum = (sum * 2385 + local[d]) % 9973;
  return (double)sum;
}

/* The first design is priced from outside, and messages take time to start. */
static void price(struct rng *rng, struct sharding_problem *problem) {
  struct sharding_design *const designs = ARENA_NEW(&arena, struct sharding_design, problem->n_designs);
  memcpy(designs, problem->designs, problem->n_designs * sizeof *designs);
  designs[0].model = SHARDING_PRICED, designs[0].price = priced, designs[0].price_context = problem;
  problem->designs = designs;
  problem->message_s = 1e-3 * rng_unit(rng);
}

static void test_judge(void **state) {
  (void)state;
  size_t n_fit = 0, n_training = 0, n_sets = 0;
  for (size_t round = 0; round < N_JUDGED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 1, round);
    const bool small = round % 16 > 0;
    const struct sharding_shape_of_problem shape = sharding_random_shape(&rng, small ? 8 : 40, small ? 8 : 24);
    struct sharding_problem problem;
    struct sharding_claim claim = {0};
    struct error error = {0};
    sharding_random_problem(&rng, &shape, &arena, &problem);
    if (round % 4 == 1) price(&rng, &problem);
    sharding_random_answer(&rng, &problem, &arena, &claim.answer);
    struct sharding_schedule schedule = sharding_schedule_new(&problem, &arena);
    const double value = sharding_evaluate(&problem, &claim.answer, &scratch, &schedule);
    claim.start_s = schedule.start_s, claim.end_s = schedule.end_s;
    double latency_s;
    const bool fine = sharding_check(&problem, &claim, &arena, &latency_s, &error);
    if (fine != isfinite(value)) {
      fail_msg("seed %" PRIu64 ", round %zu: value %g, judge: %s", seed, round, value, error.text);
    }
    if (isfinite(schedule.latency_s)) expect_close("latency", round, schedule.latency_s, latency_s, 1e-12);
    n_fit += fine, n_training += problem.training, n_sets += claim.answer.n_sets;
    arena_rewind(&arena, mark);
  }
  printf("judged: %zu of %d fit, %zu train, %zu sets\n", n_fit, N_JUDGED, n_training, n_sets);
  assert_true(n_fit > N_JUDGED / 3 && n_fit < N_JUDGED && n_training > N_JUDGED / 5 && n_sets > N_JUDGED * 3 / 2);
}

/* To the byte: the fullest board's memory is enough, and one byte less is not. */
static void test_bytes(void **state) {
  (void)state;
  for (size_t round = 0; round < N_MOVED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 5, round);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 8, 8);
    struct sharding_problem problem;
    struct sharding_claim claim = {0};
    shape.tight = shape.tables = false;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    sharding_random_answer(&rng, &problem, &arena, &claim.answer);
    struct sharding_schedule schedule = sharding_schedule_new(&problem, &arena);
    sharding_evaluate(&problem, &claim.answer, &scratch, &schedule);
    struct sharding_board *const boards = ARENA_NEW(&arena, struct sharding_board, problem.n_boards);
    memcpy(boards, problem.boards, problem.n_boards * sizeof *boards);
    problem.boards = boards;
    for (uint64_t less = 0; less < 2; less++) {
      struct error error = {0};
      double latency_s;
      for (size_t b = 0; b < problem.n_boards; b++) boards[b].dram_bytes = schedule.peak_bytes - less;
      if (sharding_check(&problem, &claim, &arena, &latency_s, &error) != (less == 0)) {
        fail_msg("seed %" PRIu64 ", round %zu: %" PRIu64 " of %" PRIu64 " bytes: %s", seed, round, boards[0].dram_bytes,
                 schedule.peak_bytes, error.text);
      }
    }
    arena_rewind(&arena, mark);
  }
}

/* The judge's two ways of counting, and the evaluator's. */
static void test_moved(void **state) {
  (void)state;
  size_t n_moved = 0, n_still = 0, n_attention = 0;
  for (size_t round = 0; round < N_MOVED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 2, round);
    const struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 8, 1);
    const uint32_t p = 1 + (uint32_t)rng_below(&rng, 12);
    struct sharding_problem problem;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    for (uint32_t e = 0; e < problem.n_edges; e++) {
      const struct sharding_strategy *list[2];
      struct judged_layer end[2];
      for (int i = 0; i < 2; i++) {
        const uint32_t layer = i == 0 ? problem.edges[e].from : problem.edges[e].to;
        const size_t n = sharding_strategies(&problem, layer, p, &arena, &list[i]);
        list[i] += rng_below(&rng, n);
        end[i] = (struct judged_layer){&problem, layer, p, list[i]};
      }
      const uint64_t one = judged_reshard_bytes(&problem, e, &end[0], &end[1], 1);
      const uint64_t box = judged_reshard_bytes(&problem, e, &end[0], &end[1], 2);
      const uint64_t ours = sharding_reshard_bytes(&problem, e, p, list[0], p, list[1]);
      if (one != box || one != ours) {
        fail_msg("seed %" PRIu64 ", round %zu, edge %u: %" PRIu64 " bytes by element, %" PRIu64 " by box, %" PRIu64
                 " of the evaluator",
                 seed, round, e, one, box, ours);
      }
      assert_true(judged_reshard_bytes(&problem, e, NULL, &end[1], 0) ==
                  sharding_reshard_bytes(&problem, e, 0, NULL, p, list[1]));
      *(one > 0 ? &n_moved : &n_still) += 1;
      n_attention += judged_kind(&end[1])->inputs == SHARDING_INPUTS_OPERANDS;
    }
    arena_rewind(&arena, mark);
  }
  printf("re-shards: %zu move, %zu do not; %zu into attention\n", n_moved, n_still, n_attention);
  assert_true(n_moved > 1000 && n_still > 1000 && n_attention > 50);
}

static bool divides_evenly(const struct sharding_problem *problem, uint32_t layer,
                           const struct sharding_strategy *strategy, uint32_t g, uint64_t output_copies) {
  uint64_t output = 1;
  for (unsigned d = 0; d < SHARDING_N_DIMS; d++) {
    uint64_t cuts = strategy->factor[d];
    if (d == strategy->shared) cuts *= g;
    if (problem->layers[layer].size[d] % cuts != 0) return false;
    if ((sharding_kinds[problem->layers[layer].kind].output_dims >> d & 1) != 0) {
      output *= problem->layers[layer].size[d] / strategy->factor[d];
    }
  }
  return output % output_copies == 0;
}

static void test_messages(void **state) {
  (void)state;
  size_t n_even = 0, n_rotated = 0;
  for (size_t round = 0; round < N_SIMULATED; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 3, round);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 3, 1);
    const uint32_t p = 1 + (uint32_t)rng_below(&rng, 8);
    const double bandwidth = 1e5 * (1 + 100 * rng_unit(&rng));
    struct sharding_problem problem;
    shape.tables = false;
    if (round % 2 == 0) shape.most_channels = 64, shape.most_rows = 16;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    for (uint32_t l = 0; l < problem.n_layers; l++) {
      const struct sharding_strategy *list;
      const size_t n = sharding_strategies(&problem, l, p, &arena, &list);
      const struct sharding_strategy *const strategy = &list[rng_below(&rng, n)];
      const struct judged_layer at = {&problem, l, p, strategy};
      struct sharding_cost cost;
      sharding_cost(&problem, l, &problem.designs[0], p, bandwidth, strategy, &cost);
      const double played_s = sharding_simulate(&problem, l, 0, p, bandwidth, strategy, &arena);
      const uint32_t r = judged_copies(&at, JUDGED_OUTPUT), g = judged_phases(&at);
      const bool even = divides_evenly(&problem, l, strategy, g, r);
      if (even && judged_kind(&at)->reduced == SHARDING_N_DIMS) {
        expect_close("one layer", round, played_s, cost.forward_s, 1e-12);
        n_even++, n_rotated += g > 1;
        continue;
      }
      /* Shifts by the factor, sums by an element a step. */
      const double steps = 2.0 * (p - 1) * (double)problem.element_bytes / bandwidth;
      const unsigned s = strategy->shared;
      const double size = s < SHARDING_N_DIMS ? (double)problem.layers[l].size[s] : 1;
      const double longer = g > 1 ? g * ceil(size / g) / size : 1;
      assert_true(played_s <= cost.forward_s * longer * (1 + 1e-12) + steps);
    }
    arena_rewind(&arena, mark);
  }
  printf("messages: %zu even cuts, %zu of them with shared shards\n", n_even, n_rotated);
  assert_true(n_even > N_SIMULATED / 3 && n_rotated > 100);
}

/* 1,000 layers on 1,024 boards: what the judge must still be able to say, and soon. */
static void test_large(void **state) {
  (void)state;
  enum { LAYERS = 1000, BOARDS = 1024 };
  for (size_t round = 0; round < 3; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 6, round);
    const struct sharding_shape_of_problem shape = {.n_layers = LAYERS,
                                                    .n_boards = BOARDS,
                                                    .n_groups = 32,
                                                    .most_channels = 2048,
                                                    .most_rows = 64,
                                                    .chain = round == 1,
                                                    .levels = true,
                                                    .training = round == 2};
    struct sharding_problem problem;
    struct sharding_claim claim = {0};
    struct error error = {0};
    double latency_s;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    sharding_random_answer(&rng, &problem, &arena, &claim.answer);
    struct sharding_schedule schedule = sharding_schedule_new(&problem, &arena);
    const double value = sharding_evaluate(&problem, &claim.answer, &scratch, &schedule);
    claim.start_s = schedule.start_s, claim.end_s = schedule.end_s;
    const clock_t before = clock();
    const bool fine = sharding_check(&problem, &claim, &arena, &latency_s, &error);
    const double spent_s = (double)(clock() - before) / CLOCKS_PER_SEC;
    printf("%d layers on %d boards: %zu sets, %.2f s\n", LAYERS, BOARDS, claim.answer.n_sets, spent_s);
    assert_true(fine == isfinite(value));
    expect_close("latency", round, schedule.latency_s, latency_s, 1e-12);
    assert_true(spent_s < 20); /* a second here; a loaded machine under a sanitizer is slow */
    arena_rewind(&arena, mark);
  }
}

/* One thing is changed in an answer that is right; the judge must not call it right with the old times. */
static void test_broken(void **state) {
  (void)state;
  size_t n_found = 0;
  for (size_t round = 0; round < N_BROKEN; round++) {
    const struct arena_mark mark = arena_get_mark(&arena);
    struct rng rng = rng_stream(seed, RNG_TEST, 4, round);
    struct sharding_shape_of_problem shape = sharding_random_shape(&rng, 8, 8);
    struct sharding_problem problem;
    struct sharding_claim claim = {0};
    struct error error = {0};
    double latency_s;
    shape.tight = false;
    sharding_random_problem(&rng, &shape, &arena, &problem);
    sharding_random_answer(&rng, &problem, &arena, &claim.answer);
    struct sharding_schedule schedule = sharding_schedule_new(&problem, &arena);
    sharding_evaluate(&problem, &claim.answer, &scratch, &schedule);
    claim.start_s = schedule.start_s, claim.end_s = schedule.end_s;
    struct sharding_set *const set = &claim.answer.sets[rng_below(&rng, claim.answer.n_sets)];
    struct sharding_strategy *const strategy = &claim.answer.strategies[rng_below(&rng, problem.n_layers)];
    const uint32_t l = (uint32_t)rng_below(&rng, problem.n_layers);
    uint32_t *const boards = ARENA_NEW(&arena, uint32_t, set->n_boards + 1);
    memcpy(boards, set->boards, set->n_boards * sizeof *boards);
    switch (rng_below(&rng, 8)) {
    case 0:
      set->last++;
      break;
    case 1:
      boards[set->n_boards++] = boards[0], set->boards = boards;
      break;
    case 2:
      set->design = (uint32_t)problem.n_designs;
      break;
    case 3:
      strategy->factor[rng_below(&rng, SHARDING_N_DIMS)] *= 2;
      break;
    case 4:
      strategy->factor[rng_below(&rng, SHARDING_N_DIMS)] = 0;
      break;
    case 5:
      schedule.start_s[l] += 1e-6 * schedule.latency_s + 1e-9;
      break;
    case 6:
      schedule.end_s[l] -= 1e-6 * schedule.latency_s + 1e-9;
      break;
    default:
      boards[0] = (uint32_t)problem.n_boards, set->boards = boards;
      break;
    }
    if (sharding_check(&problem, &claim, &arena, &latency_s, &error)) {
      fail_msg("seed %" PRIu64 ", round %zu: a broken answer passes", seed, round);
    }
    assert_true(error_is_set(&error));
    n_found++;
    arena_rewind(&arena, mark);
  }
  printf("broken answers found out: %zu\n", n_found);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
      cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
      cmocka_unit_test_setup_teardown(test_large, setup, teardown),
      cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
  };
  return cmocka_run_group_tests_name("sharding: judge and simulator", tests, NULL, NULL);
}
