/* Are the slopes that the policy's passes give by hand the slopes? Central differences of every array of weights, in
 * double precision and with softplus for relu: through both heads, the masked loss of PPO with some ratios clipped, the
 * loss of labels, attention and the pass that refines. The same sources as the program's, compiled once more. */
#define POLICY_REAL double
#define POLICY_SMOOTH
#include "search/partition/policy_attention.c"
#include "search/partition/policy_head.c"
#include "search/partition/policy_matrix.c"
#include "search/partition/policy_net.c"
#include "search/partition/policy_passes.c"
#include "tests/two_arenas.h"
#include "tests/unit/search/policy_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { N = 70, C = 5, N_ACTIONS = 3, ENTRIES = 20 };

struct world {
  struct partition_graph graph;
  struct policy_view view;
  struct policy_net net;
  struct policy_tape *tape;
  uint32_t previous[N], label[N];
  uint16_t chip[N_ACTIONS][N], low[N_ACTIONS][N], high[N_ACTIONS][N];
  double old_log[N_ACTIONS][N], p[N * C], d_p[N * C], d_outputs[N * (C + 2)];
  struct policy_action actions[N_ACTIONS];
  struct policy_goal goal;
  bool by_label, refined;
};

static double loss_of(struct world *w) {
  const real *const outputs = policy_net_forward(&w->net, &w->view, w->refined ? w->previous : NULL, w->tape);
  policy_head_forward(&w->net.shape, N, C, outputs, w->p);
  return w->by_label ? policy_label_loss(N, C, w->p, w->label, w->d_p)
                     : policy_ppo_loss(N, C, w->p, w->actions, N_ACTIONS, &w->goal, w->d_p);
}

static struct world *world_new(const struct policy_net_shape *shape, uint64_t task) {
  struct world *const w = ARENA_NEW(&arena, struct world, 1);
  struct rng rng = rng_stream(2385, RNG_TEST, 81, task);
  w->graph = policy_graph_draw(N, &rng, &arena);
  double *const features = ARENA_NEW(&arena, double, N *POLICY_FEATURES);
  for (size_t i = 0; i < (size_t)N * POLICY_FEATURES; i++) features[i] = 2 * rng_unit(&rng) - 1;
  w->view = (struct policy_view){&w->graph, C, features};
  policy_net_init(&w->net, shape, &arena);
  policy_net_shake(&w->net, 2385, task);
  for (size_t i = 0; i < w->net.n_weights; i++) w->net.weights[i] += 0.4 * rng_unit(&rng) - 0.2;
  w->tape = policy_tape_new(shape, N, &arena);
  w->goal = (struct policy_goal){.clip = 0.2, .entropy = 0.3};
  for (size_t a = 0; a < N_ACTIONS; a++) {
    for (size_t v = 0; v < N; v++) {
      const uint16_t x = (uint16_t)(1 + rng_below(&rng, C)), y = (uint16_t)(1 + rng_below(&rng, C));
      w->low[a][v] = x < y ? x : y;
      w->high[a][v] = x < y ? y : x;
      w->chip[a][v] = (uint16_t)(w->low[a][v] + rng_below(&rng, 1u + w->high[a][v] - w->low[a][v]));
    }
    w->actions[a] = (struct policy_action){w->chip[a], w->low[a], w->high[a], w->old_log[a], 40.0 * ((double)a - 0.8)};
  }
  for (size_t v = 0; v < N; v++) {
    w->previous[v] = 1 + (uint32_t)rng_below(&rng, C);
    w->label[v] = 1 + (uint32_t)rng_below(&rng, C);
  }
  /* Old chances near today's, so that some ratios are clipped and others are not. */
  loss_of(w);
  for (size_t a = 0; a < N_ACTIONS; a++) {
    policy_action_log(N, C, w->p, &w->actions[a], w->old_log[a]);
    for (size_t v = 0; v < N; v++) w->old_log[a][v] += 0.8 * rng_unit(&rng) - 0.4;
  }
  return w;
}

static double worst_error(struct world *w, uint64_t task) {
  const double step = 1e-5;
  struct rng rng = rng_stream(2385, RNG_TEST, 82, task);
  double *const gradient = ARENA_NEW(&arena, double, w->net.n_weights), worst = 0;
  loss_of(w);
  policy_head_backward(&w->net.shape, N, C, w->tape->outputs, w->d_p, w->d_outputs);
  policy_net_backward(&w->net, &w->view, w->d_outputs, w->tape, gradient);
  for (size_t a = 0; a < w->net.n_arrays; a++) {
    const struct policy_array *const array = &w->net.arrays[a];
    const size_t n = array->rows * array->columns;
    double norm = 0;
    for (size_t i = 0; i < n; i++) norm += gradient[array->first + i] * gradient[array->first + i];
    norm = sqrt(norm / (double)n); /* of an entry: differences tell no less of an array than this */
    if (!(norm > 1e-6)) fail_msg("%s: no slope at all", array->name);
    for (size_t e = 0; e < ENTRIES; e++) {
      double *const weight = &w->net.weights[array->first + rng_below(&rng, n)], before = *weight;
      const double by_hand = gradient[weight - w->net.weights];
      *weight = before + step;
      const double above = loss_of(w);
      *weight = before - step;
      const double below = loss_of(w);
      *weight = before;
      const double error = fabs((above - below) / (2 * step) - by_hand) / fmax(fabs(by_hand), norm);
      if (!(error <= 1e-6))
        print_error("%s: %.9g is said, %.9g is so\n", array->name, by_hand, (above - below) / (2 * step));
      worst = fmax(worst, error);
    }
  }
  return worst;
}

static void test_slopes(void **state) {
  (void)state;
  static const struct {
    struct policy_net_shape shape;
    bool by_label, refined;
  } cases[] = {
      {{8, 2, POLICY_ORDINAL, 2, false, false}, false, false},
      {{8, 2, POLICY_SOFTMAX, C + 2, false, false}, false, false},
      {{8, 2, POLICY_ORDINAL, 2, false, false}, true, false},
      {{8, 2, POLICY_SOFTMAX, C, false, false}, true, false},
      {{8, 2, POLICY_ORDINAL, 2, true, false}, false, false},
      {{16, 1, POLICY_ORDINAL, 2, false, true}, false, true},
      {{8, 3, POLICY_SOFTMAX, C, true, true}, false, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct world *const w = world_new(&cases[i].shape, i);
    w->by_label = cases[i].by_label;
    w->refined = cases[i].refined;
    const double worst = worst_error(w, i);
    printf("case %zu: %.2g\n", i, worst);
    assert_true(worst <= 1e-6);
  }
}

/* The loss of PPO knows both sides of its clip, and both matter. */
static void test_clip(void **state) {
  (void)state;
  const struct policy_net_shape shape = {8, 2, POLICY_ORDINAL, 2, false, false};
  struct world *const w = world_new(&shape, 99);
  size_t n_clipped = 0, n_free = 0;
  loss_of(w);
  for (size_t a = 0; a < N_ACTIONS; a++) {
    double log_p[N];
    policy_action_log(N, C, w->p, &w->actions[a], log_p);
    for (size_t v = 0; v < N; v++) {
      const double ratio = exp(log_p[v] - w->old_log[a][v]);
      *(ratio > 1.2 || ratio < 0.8 ? &n_clipped : &n_free) += 1;
    }
  }
  assert_true(n_clipped > 20 && n_free > 20);
  /* One action, one group: by hand. */
  const double p[] = {0.1, 0.2, 0.3, 0.25, 0.15};
  const uint16_t chip = 3, low = 2, high = 4;
  double old_log = log(0.5), d_p[C], loss;
  struct policy_action action = {&chip, &low, &high, &old_log, 2};
  const struct policy_goal goal = {.clip = 0.2};
  loss = policy_ppo_loss(1, C, p, &action, 1, &goal, d_p);
  assert_float_equal(loss, -2 * 0.4 / 0.5, 1e-12); /* 0.3/0.75 against 0.5: 0.8, not beyond */
  assert_float_equal(d_p[0], 0, 0);
  action.advantage = -2;
  old_log = log(0.6); /* ratio 2/3, punished enough already */
  loss = policy_ppo_loss(1, C, p, &action, 1, &goal, d_p);
  assert_float_equal(loss, 2 * 0.8, 1e-12);
  for (size_t c = 0; c < C; c++) assert_float_equal(d_p[c], 0, 0);
}

/* Chances are those of the logistic distribution, near and far. */
static void test_ordinal_chances(void **state) {
  (void)state;
  const struct policy_net_shape shape = {8, 2, POLICY_ORDINAL, 2, false, false};
  const double outputs[] = {0, log(7.0), 40, -40}; /* m = 1/2, log s = 0; m = 1 and s least */
  double p[2 * 4];
  policy_head_forward(&shape, 2, 4, outputs, p);
  const double f0 = 1 / (1 + exp(0.5)), f1 = 1 / (1 + exp(0.25));
  assert_float_equal(p[0], (f1 - f0) / (1 - 2 * f0), 1e-6);
  assert_float_equal(p[1], (0.5 - f1) / (1 - 2 * f0), 1e-6);
  assert_float_equal(p[2], p[1], 1e-12);
  assert_float_equal(p[3], p[0], 1e-12);
  assert_float_equal(p[7], 1, 1e-5);
  assert_true(p[4] > 0 && p[4] < 1e-6);
  assert_float_equal(policy_head_middle(&shape, 4, outputs, p), 0.5, 1e-12);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_slopes, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_clip, setup, teardown),
                                     cmocka_unit_test_setup_teardown(test_ordinal_chances, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
