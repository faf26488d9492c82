/* Do the parts of the learning baselines do what they say? Gradients of the actor-critic against central differences;
 * a game that it must learn; the profile against the closed form; numbers to answers; normal draws. */
#include "search/tenancy/actor_critic.h"
#include "search/tenancy/continuous.h"
#include "search/tenancy/tenancy_profile.h"

#include "tests/tenancy_random.h"
#include "tests/tenancy_rounds.h"
#include "tests/two_arenas.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t seed = 2385;
enum { N_INPUTS = 5, N_ACTIONS = 4 };

static struct actor_critic shaken_net(struct actor_critic_trace *trace) {
  struct actor_critic net;
  const size_t n = actor_critic_parameters(N_INPUTS, N_ACTIONS);
  actor_critic_open(&net, N_INPUTS, N_ACTIONS, ARENA_NEW(&arena, double, 2 * n), &arena);
  struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
  actor_critic_draw(&net, &rng);
  for (size_t i = 0; i < n; i++) net.parameter[i] += 0.2 * (2 * rng_unit(&rng) - 1);
  *trace = actor_critic_trace_new(&net, &arena);
  for (size_t i = 0; i < N_INPUTS; i++) trace->input[i] = 2 * rng_unit(&rng) - 1;
  for (size_t a = 0; a < N_ACTIONS; a++) trace->allowed[a] = a != 1;
  trace->action = 2;
  return net;
}

static void gradients_are_slopes(void **state) {
  (void)state;
  struct actor_critic_trace trace;
  struct actor_critic net = shaken_net(&trace);
  static const struct actor_critic_goal goals[] = {{1.7, 0, 0, 0}, {0, 0, 0.9, 0}, {0, 2.5, 0, 0.7}, {-1, 3, 0.3, 2}};
  for (size_t g = 0; g < sizeof goals / sizeof *goals; g++) {
    memset(net.gradient, 0, net.n * sizeof *net.gradient);
    actor_critic_forward(&net, &trace);
    actor_critic_backward(&net, &trace, &goals[g]);
    unsigned n_steep = 0;
    for (size_t i = 0; i < net.n; i++) {
      const double step = 1e-5, kept = net.parameter[i];
      net.parameter[i] = kept + step;
      actor_critic_forward(&net, &trace);
      const double above = actor_critic_objective(&trace, &net, &goals[g]);
      net.parameter[i] = kept - step;
      actor_critic_forward(&net, &trace);
      const double slope = (above - actor_critic_objective(&trace, &net, &goals[g])) / (2 * step);
      net.parameter[i] = kept;
      assert_true(fabs(slope - net.gradient[i]) < 1e-7 * (1 + fabs(slope)));
      n_steep += fabs(slope) > 1e-4;
    }
    assert_true(n_steep > net.n / 4);
  }
}

static void chances_are_chances(void **state) {
  (void)state;
  struct actor_critic_trace trace;
  const struct actor_critic net = shaken_net(&trace);
  actor_critic_forward(&net, &trace);
  double sum = 0;
  for (size_t a = 0; a < N_ACTIONS; a++) {
    sum += trace.chance[a];
    if (trace.allowed[a]) assert_true(fabs(log(trace.chance[a]) - trace.log_chance[a]) < 1e-12);
  }
  assert_true(fabs(sum - 1) < 1e-12);
  assert_true(trace.chance[1] <= 0);
}

/* Two states; the right action differs, and is worth 1. */
static void a_game_is_learned(void **state) {
  (void)state;
  struct actor_critic net;
  const size_t n = actor_critic_parameters(2, 3);
  actor_critic_open(&net, 2, 3, ARENA_NEW(&arena, double, 2 * n), &arena);
  struct rng rng = rng_stream(seed, RNG_TEST, 1, 0);
  actor_critic_draw(&net, &rng);
  struct actor_critic_trace trace = actor_critic_trace_new(&net, &arena);
  for (size_t a = 0; a < 3; a++) trace.allowed[a] = true;
  unsigned n_right = 0;
  for (unsigned i = 0; i < 2000; i++) {
    const size_t where = i % 2;
    trace.input[0] = where == 0, trace.input[1] = where == 1;
    actor_critic_forward(&net, &trace);
    double left = rng_unit(&rng);
    trace.action = 0;
    while (trace.action < 2 && left >= trace.chance[trace.action]) left -= trace.chance[trace.action++];
    const bool right = trace.action == (where == 0 ? 2 : 1);
    if (i >= 1500) n_right += right;
    const struct actor_critic_goal goal = {(right ? 1 : 0) - trace.value, right ? 1 : 0, 0.01, 0.25};
    actor_critic_backward(&net, &trace, &goal);
    actor_critic_learn(&net, 1, 7e-4, 0.5);
  }
  assert_true(n_right > 475);
  actor_critic_forward(&net, &trace);
  assert_true(fabs(trace.value - 1) < 0.2);
}

static void gradients_are_cut(void **state) {
  (void)state;
  struct actor_critic_trace trace;
  struct actor_critic net = shaken_net(&trace);
  double *before = ARENA_NEW(&arena, double, net.n);
  memcpy(before, net.parameter, net.n * sizeof *before);
  net.gradient[3] = 1e6, net.gradient[7] = -1e6;
  actor_critic_learn(&net, 1, 0.01, 0.5);
  /* Cut to 0.5 / √2 each; the mean square is a hundredth of its square. */
  const double cut = 0.5 / sqrt(2), step = 0.01 * cut / (0.1 * cut + 1e-5);
  assert_true(fabs(net.parameter[3] - before[3] - step) < 1e-9);
  assert_true(fabs(net.parameter[7] - before[7] + step) < 1e-9);
  for (size_t i = 0; i < net.n; i++) assert_true(net.gradient[i] <= 0 && net.gradient[i] >= 0);
}

static void the_profile_is_the_closed_form(void **state) {
  (void)state;
  print_message("seed %d\n", (int)seed);
  for (uint64_t task = 0; task < 300; task++) {
    struct rng rng = rng_stream(seed, RNG_TEST, 2, task);
    struct tenancy_problem problem;
    struct tenancy_queues queues;
    struct error error = {0};
    assert_true(
        tenancy_random_problem(&rng, 1 + rng_below(&rng, 40), 1 + rng_below(&rng, 7), &arena, &problem, &error));
    tenancy_random_queues(&rng, &problem, &arena, &queues);
    struct tenancy_profile profile = tenancy_profile_new(&problem, &arena);
    /* In any order between the cores. */
    uint32_t next[TENANCY_MAX_CORES];
    memcpy(next, queues.start, problem.n_cores * sizeof *next);
    tenancy_cost sum = 0;
    for (size_t left = problem.n_jobs; left > 0;) {
      const size_t core = rng_below(&rng, problem.n_cores);
      if (next[core] == queues.start[core + 1]) continue;
      sum += tenancy_profile_append(&profile, queues.job[next[core]++], (uint32_t)core);
      left--;
    }
    assert_true(sum == tenancy_evaluate(&problem, &queues));
    assert_true(profile.cost == sum);
    uint64_t needed = 0;
    for (size_t c = 0; c < problem.n_cores; c++) {
      if (queues.start[c] < queues.start[c + 1])
        needed += problem.scaled[tenancy_at(&problem, queues.job[queues.start[c]], c)];
    }
    assert_true(tenancy_profile_at(&profile, 0) == needed);
    assert_true(tenancy_profile_at(&profile, profile.longest_cycles) == 0);
    tenancy_profile_clear(&profile);
    assert_true(profile.cost == 0 && tenancy_profile_at(&profile, 0) == 0);
  }
}

static void numbers_stand_for_answers(void **state) {
  (void)state;
  static const uint64_t latency[] = {5, 5, 5, 5, /* */ 5, 0, 5, 0};
  static const double need[8] = {0};
  struct tenancy_problem problem = {.name = "numbers",
                                    .n_jobs = 2,
                                    .n_cores = 4,
                                    .bandwidth_bytes_per_cycle = 1,
                                    .latency_cycles = latency,
                                    .bytes_per_cycle = need};
  struct error error = {0};
  assert_true(tenancy_finish(&problem, &arena, &error));
  struct tenancy_answer answer = tenancy_answer_new(&problem, &arena);
  /* Every core has an equal share of the range, the last ones as well; outside there are mirrors. */
  static const struct {
    double number;
    uint32_t core[2];
  } cases[] = {{0, {0, 0}},     {0.99, {0, 0}}, {1, {1, 0}},       {1.99, {1, 0}}, {2, {2, 2}},
               {3.999, {3, 2}}, {4, {3, 2}},    {4.5, {3, 2}},     {6.5, {1, 0}},  {-0.5, {0, 0}},
               {-1.5, {1, 0}},  {8.5, {0, 0}},  {1e300, {99, 99}}, {-7, {1, 0}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    genome_decode(&problem, (const double[]){cases[i].number, cases[i].number, 1.25, -0.5}, &answer);
    for (size_t j = 0; j < 2; j++) {
      assert_true(tenancy_can_run(&problem, j, answer.core[j]));
      if (cases[i].core[j] != 99) assert_int_equal(answer.core[j], cases[i].core[j]);
    }
    assert_true(fabs(answer.priority[0] - 0.75) < 1e-12 && fabs(answer.priority[1] - 0.5) < 1e-12);
  }
  assert_true(genome_fold(NAN, 4) < 4 && genome_fold(INFINITY, 4) < 4);
}

static void normal_draws_are_normal(void **state) {
  (void)state;
  struct rng rng = rng_stream(seed, RNG_TEST, 3, 0);
  enum { N = 40000 };
  double sum = 0, squares = 0, fourths = 0;
  for (unsigned i = 0; i < N; i++) {
    const double x = genome_normal(&rng);
    sum += x, squares += x * x, fourths += x * x * x * x;
  }
  assert_true(fabs(sum / N) < 0.02 && fabs(squares / N - 1) < 0.03 && fabs(fourths / N - 3) < 0.2);
}

static struct rounds_end search(const struct tenancy_problem *problem, const char *name, uint64_t n_samples) {
  const struct rounds rounds = {.problem = problem,
                                .algorithm = tenancy_find_algorithm(name),
                                .seed = seed,
                                .total_samples = n_samples,
                                .round_samples = n_samples};
  return rounds_run(&rounds, &arena);
}

static struct tenancy_problem some_problem(size_t n) {
  struct tenancy_problem problem;
  struct error error = {0};
  struct rng rng = rng_stream(seed, RNG_TEST, 4, n);
  assert_true(tenancy_random_problem(&rng, n, 3, &arena, &problem, &error));
  return problem;
}

/* The state begins with two whole numbers, then come the costs of the 30 members. */
static void a_member_gives_way_to_better_ones_only(void **state) {
  (void)state;
  const struct tenancy_problem problem = some_problem(25);
  tenancy_cost before[30], now[30];
  unsigned n_better = 0;
  for (uint64_t n_samples = 30; n_samples <= 330; n_samples += 30) {
    const struct rounds_end end = search(&problem, "de", n_samples);
    memcpy(now, end.state + 16, sizeof now);
    for (size_t m = 0; m < 30 && n_samples > 30; m++) {
      assert_true(now[m] <= before[m]);
      n_better += now[m] < before[m];
    }
    memcpy(before, now, sizeof now);
  }
  assert_true(n_better > 30);
}

/* Eigenvectors and roots belong to a matrix that has been learned: B·B' is the identity, and not all roots are 1. */
static void the_matrix_is_decomposed(void **state) {
  (void)state;
  enum { N_JOBS = 10, N = 2 * N_JOBS, N_SAMPLES = 4 + 8 }; /* 3·ln 20 = 8.99 */
  const struct tenancy_problem problem = some_problem(N_JOBS);
  const struct rounds_end end = search(&problem, "cma", N_SAMPLES * 20); /* decomposed in generation 20, the last */
  const size_t offset = 32 + N_SAMPLES * sizeof(tenancy_cost);
  assert_int_equal(end.n_state, offset + (4 * N + 2 * N * N) * sizeof(double));
  double numbers[4 * N + 2 * N * N];
  memcpy(numbers, end.state + offset, sizeof numbers);
  const double *root = numbers + 3 * N, *matrix = root + N, *vectors = matrix + N * N;
  unsigned n_learned = 0;
  for (size_t i = 0; i < N; i++) {
    n_learned += fabs(root[i] - 1) > 0.01;
    for (size_t j = 0; j <= i; j++) { /* the lower half is kept */
      double product = 0, unit = 0;
      for (size_t k = 0; k < N; k++) {
        product += vectors[i * N + k] * root[k] * root[k] * vectors[j * N + k];
        unit += vectors[i * N + k] * vectors[j * N + k];
      }
      assert_true(fabs(product - matrix[i * N + j]) < 1e-9);
      assert_true(fabs(unit - (i == j ? 1 : 0)) < 1e-9);
    }
  }
  assert_true(n_learned > N / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(gradients_are_slopes, setup, teardown),
      cmocka_unit_test_setup_teardown(chances_are_chances, setup, teardown),
      cmocka_unit_test_setup_teardown(a_game_is_learned, setup, teardown),
      cmocka_unit_test_setup_teardown(gradients_are_cut, setup, teardown),
      cmocka_unit_test_setup_teardown(the_profile_is_the_closed_form, setup, teardown),
      cmocka_unit_test_setup_teardown(numbers_stand_for_answers, setup, teardown),
      cmocka_unit_test_setup_teardown(normal_draws_are_normal, setup, teardown),
      cmocka_unit_test_setup_teardown(a_member_gives_way_to_better_ones_only, setup, teardown),
      cmocka_unit_test_setup_teardown(the_matrix_is_decomposed, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
