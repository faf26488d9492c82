/* Does the policy climb the slope that it says it climbs?
 *
 * Gradients of every parameter against central differences; samples against the chances; and a game that it must learn
 * to win. */
#include "search/space/policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct policy_shape shape = {.n_steps = 4, .n_hidden = 6, .n_levels = {3, 1, 5, 4}};

/* Parameters all over the place, outputs too. */
static struct policy *shaken(struct arena *arena, uint64_t task) {
  arena_init(arena, 1 << 18);
  struct rng rng = rng_stream(2385, RNG_TEST, 52, task);
  struct policy *policy = policy_new(&shape, &rng, arena);
  size_t n;
  double *parameters = policy_parameters(policy, &n);
  for (size_t i = 0; i < n; i++) parameters[i] = 2 * rng_unit(&rng) - 1;
  return policy;
}

static void gradients_are_slopes(void **state) {
  (void)state;
  static const struct episode episodes[] = {{{2, 0, 4, 1}}, {{0, 0, 0, 3}}};
  static const struct policy_goal goals[] = {{1, 0}, {0.9, 0}, {0.7, 0.31}};
  static const double advantages[] = {1, -2.5};
  struct arena arena;
  struct policy *policy = shaken(&arena, 0);
  size_t n, n_steep = 0;
  double *parameters = policy_parameters(policy, &n);
  for (unsigned g = 0; g < 3; g++) {
    for (unsigned e = 0; e < 2; e++) {
      policy_reinforce(policy, &episodes[e], advantages[e], &goals[g]);
      for (size_t i = 0; i < n; i++) {
        const double step = 1e-5, kept = parameters[i];
        parameters[i] = kept + step;
        const double above = policy_objective(policy, &episodes[e], advantages[e], &goals[g]);
        parameters[i] = kept - step;
        const double below = policy_objective(policy, &episodes[e], advantages[e], &goals[g]);
        parameters[i] = kept;
        const double slope = (above - below) / (2 * step);
        assert_true(fabs(policy_gradient(policy)[i] - slope) < 1e-7 * (1 + fabs(slope)));
        n_steep += fabs(slope) > 1e-3;
      }
      policy_learn(policy, 0, 1); /* forgets the gradient, moves nothing */
    }
  }
  assert_true(n_steep > n);
  arena_release(&arena);
}

static void a_new_policy_prefers_nothing(void **state) {
  (void)state;
  struct arena arena;
  arena_init(&arena, 1 << 18);
  struct rng rng = rng_stream(2385, RNG_TEST, 52, 1);
  struct policy *policy = policy_new(&shape, &rng, &arena);
  static const struct episode episode = {{1, 0, 3, 2}};
  static const struct policy_goal goal = {1, 0};
  assert_true(fabs(policy_objective(policy, &episode, 1, &goal) + log(3 * 1 * 5 * 4)) < 1e-12);
  /* The last of four steps gets the whole advantage, those before less and less; undecided is log 3 + log 5 + log 4. */
  static const struct policy_goal later = {0.7, 0.25};
  const double credited = -2 * (0.343 * log(3) + 0.7 * log(5) + log(4)) + 0.25 * log(60);
  assert_true(fabs(policy_objective(policy, &episode, 2, &later) - credited) < 1e-12);
  arena_release(&arena);
}

/* How often an episode is drawn, within five standard deviations of its chance. */
static void samples_follow_chances(void **state) {
  (void)state;
  enum { DRAWS = 20000 };
  static const struct policy_goal goal = {1, 0};
  struct arena arena;
  struct policy *policy = shaken(&arena, 2);
  struct rng rng = rng_stream(2385, RNG_TEST, 52, 3);
  unsigned count[3][5][4] = {0};
  for (unsigned i = 0; i < DRAWS; i++) {
    struct episode episode;
    policy_sample(policy, &rng, &episode);
    assert_true(episode.choice[0] < 3 && episode.choice[1] == 0 && episode.choice[2] < 5 && episode.choice[3] < 4);
    count[episode.choice[0]][episode.choice[2]][episode.choice[3]]++;
  }
  double whole = 0;
  for (uint8_t a = 0; a < 3; a++) {
    for (uint8_t c = 0; c < 5; c++) {
      for (uint8_t d = 0; d < 4; d++) {
        const struct episode episode = {{a, 0, c, d}};
        const double chance = exp(policy_objective(policy, &episode, 1, &goal));
        const double deviation = sqrt(DRAWS * chance * (1 - chance));
        whole += chance;
        assert_true(fabs(count[a][c][d] - DRAWS * chance) < 5 * deviation + 1);
      }
    }
  }
  assert_true(fabs(whole - 1) < 1e-12);
  arena_release(&arena);
}

/* Won if the third choice is the first plus one: to be learnt through the state, as no choice is good by itself. */
static void it_learns_a_game(void **state) {
  (void)state;
  enum { ROUNDS = 300, GAMES = 16 };
  static const struct policy_goal goal = {1, 0.02};
  struct arena arena;
  arena_init(&arena, 1 << 18);
  struct rng rng = rng_stream(2385, RNG_TEST, 52, 4);
  struct policy *policy = policy_new(&shape, &rng, &arena);
  unsigned won = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    for (unsigned i = 0; i < GAMES; i++) {
      struct episode episode;
      policy_sample(policy, &rng, &episode);
      const bool wins = episode.choice[2] == episode.choice[0] + 1;
      policy_reinforce(policy, &episode, wins ? 0.8 : -0.2, &goal);
      won += wins && round + 20 >= ROUNDS;
    }
    policy_learn(policy, 0.02, GAMES);
  }
  assert_true(won > 20 * GAMES * 8 / 10); /* by chance a fifth */
  arena_release(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_are_slopes),
      cmocka_unit_test(a_new_policy_prefers_nothing),
      cmocka_unit_test(samples_follow_chances),
      cmocka_unit_test(it_learns_a_game),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
