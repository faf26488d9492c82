/* A policy that learns to choose values axis after axis, then a genetic search around the best it has found: after the
 * idea of ConfuciuX (Kao, Jeong, Krishna, "ConfuciuX: Autonomous Hardware Resource Assignment for DNN Accelerators
 * using Reinforcement Learning", MICRO 2020). A baseline (accelerator-search §10).
 *
 * After the abstract, not a re-implementation: its steps are layers, whose resources it assigns one after the other;
 * ours are the axes of one design, whose only reward comes at the end: the gain over the worst design so far. Designs
 * that come up again are rewarded from memory; those that limits exclude are punished without an evaluation (`paper`)
 * or passed over (`tuned`: else the policy flees from the limits, where the best designs lie). Left out:
 * bounds, and what a design is. */
#include "search/space/history.h"
#include "search/space/policy.h"
#include "search/space/sampler.h"
#include "search/space/trail.h"

#include "base/checked.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

struct confuciux_settings {
  uint64_t preset, policy_evaluations, episodes, hidden, population, steps, output, baseline, punish;
  double rate, discount, entropy, penalty, mutation;
};

static const char *const output_names[] = {"preset", "plain", "logarithm", NULL};
static const char *const baseline_names[] = {"preset", "none", "mean", NULL};
enum { OUTPUT_PRESET, OUTPUT_PLAIN, OUTPUT_LOGARITHM };
enum { BASELINE_PRESET, BASELINE_NONE, BASELINE_MEAN };

#define OFFSET(member) offsetof(struct confuciux_settings, member)
static const struct field confuciux_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"",
     "keys left at 0, -1 or \"preset\" are: tuned on designs of accelerators; paper: after ConfuciuX", OFFSET(preset),
     ROLE_ANSWER, preset_names},
    {"policy_evaluations", FIELD_UINT, "", 0, 1e9, "0",
     "designs that the policy proposes before the genetic search begins; 0: the preset's", OFFSET(policy_evaluations),
     ROLE_ANSWER, NULL},
    {"episodes", FIELD_UINT, "", 0, 1024, "0",
     "designs that the policy proposes between two steps of learning, at most search.round_size; 0: the preset's",
     OFFSET(episodes), ROLE_ANSWER, NULL},
    {"hidden", FIELD_UINT, "", 0, 512, "0", "size of the policy's state; 0: the preset's", OFFSET(hidden), ROLE_ANSWER,
     NULL},
    {"population", FIELD_UINT, "", 0, 1024, "0", "best designs that have children; 0: the preset's", OFFSET(population),
     ROLE_ANSWER, NULL},
    {"steps", FIELD_UINT, "", 0, 100, "0", "values that an axis of a child moves at most; 0: the preset's",
     OFFSET(steps), ROLE_ANSWER, NULL},
    {"output", FIELD_CHOICE, "", 0, 0, "\"preset\"", "whether the reward is a gain of the metric or of its logarithm",
     OFFSET(output), ROLE_ANSWER, output_names},
    {"baseline", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "what a reward is compared with: nothing, or the mean of its round (and scaled by their deviation)",
     OFFSET(baseline), ROLE_ANSWER, baseline_names},
    {"punish", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "whether the policy learns from designs that limits exclude, as from infeasible ones; else it proposes another",
     OFFSET(punish), ROLE_ANSWER, switch_names},
    {"rate", FIELD_REAL, "", -1, 1, "-1.0", "learning rate of the policy; -1: the preset's", OFFSET(rate), ROLE_ANSWER,
     NULL},
    {"discount", FIELD_REAL, "", -1, 1, "-1.0",
     "share of the reward that an axis passes to the one before; -1: the preset's", OFFSET(discount), ROLE_ANSWER,
     NULL},
    {"entropy", FIELD_REAL, "", -1, 10, "-1.0", "reward for staying undecided; -1: the preset's", OFFSET(entropy),
     ROLE_ANSWER, NULL},
    {"penalty", FIELD_REAL, "", -1, 10, "-1.0",
     "negative reward of an infeasible design, the best one's being 1; -1: the preset's", OFFSET(penalty), ROLE_ANSWER,
     NULL},
    {"mutation", FIELD_REAL, "", -1, 1, "-1.0", "chance that a child's axis moves; -1: the preset's", OFFSET(mutation),
     ROLE_ANSWER, NULL},
};
static const struct field_table confuciux_fields = {"confuciux_like", "policy gradient, then genetic, after ConfuciuX",
                                                    confuciux_field_list,
                                                    sizeof confuciux_field_list / sizeof *confuciux_field_list};

/* `paper`: one episode a step, no baseline, discount 0.9, a state of 128: as its text and code are remembered. It
 * learns, but slowly: its steps are small (rate 0.001, one design each), so that after the one or two hundred designs
 * of tests/unit/search/test_peers.c it is no better than chance. Its policy alone is, after several hundred (`dse
 * compare configs/compare-searchers.cfg --algorithms confuciux_like,random --budget 3000 --seeds 6 --set
 * search.confuciux_like.policy_evaluations=3000`: within 1 % after 516, where chance needs more than 3,000). */
static const struct confuciux_settings presets[] = {
    [PRESET_TUNED] = {.policy_evaluations = 128,
                      .episodes = 8,
                      .hidden = 32,
                      .population = 16,
                      .steps = 1,
                      .output = OUTPUT_LOGARITHM,
                      .baseline = BASELINE_MEAN,
                      .punish = SWITCH_OFF,
                      .rate = 0.02,
                      .discount = 1,
                      .entropy = 0.01,
                      .penalty = 0.2,
                      .mutation = 0.3},
    [PRESET_PAPER] = {.policy_evaluations = 512,
                      .episodes = 1,
                      .hidden = 128,
                      .population = 20,
                      .steps = 2,
                      .output = OUTPUT_PLAIN,
                      .baseline = BASELINE_NONE,
                      .punish = SWITCH_ON,
                      .rate = 0.001,
                      .discount = 0.9,
                      .entropy = 0,
                      .penalty = 1,
                      .mutation = 0.1},
};

/* Samples of the policy a round, in multiples of the points it may ask: those that limits exclude, or that are known,
 * teach and cost little. */
enum { SAMPLES_A_POINT = 6, MOST_SAMPLES = 2000, TRIES_A_CHILD = 32 };

struct lesson {
  struct episode episode;
  size_t told;    /* place in the history; SIZE_MAX: limits exclude it */
  size_t pending; /* number in the round; SIZE_MAX: none */
};

struct confuciux {
  struct search_request request;
  struct confuciux_settings settings;
  struct sampler *sampler;
  struct history history;
  struct policy *policy;
  struct lesson *lessons; /* of the round */
  size_t n_lessons, most_lessons;
  double *rewards;
  double worst; /* utility of the worst feasible design so far */
  bool learning;
};

static double real_or(double own, double preset) { return own >= 0 ? own : preset; }

static struct confuciux_settings settle(const struct confuciux_settings *own) {
  const struct confuciux_settings *preset = &presets[own->preset];
  return (struct confuciux_settings){
      .policy_evaluations = set_or_preset(own->policy_evaluations, preset->policy_evaluations),
      .episodes = set_or_preset(own->episodes, preset->episodes),
      .hidden = set_or_preset(own->hidden, preset->hidden),
      .population = set_or_preset(own->population, preset->population),
      .steps = set_or_preset(own->steps, preset->steps),
      .output = set_or_preset(own->output, preset->output),
      .baseline = set_or_preset(own->baseline, preset->baseline),
      .punish = set_or_preset(own->punish, preset->punish),
      .rate = real_or(own->rate, preset->rate),
      .discount = real_or(own->discount, preset->discount),
      .entropy = real_or(own->entropy, preset->entropy),
      .penalty = real_or(own->penalty, preset->penalty),
      .mutation = real_or(own->mutation, preset->mutation),
  };
}

static void *start(const struct search_request *request) {
  struct arena *arena = request->arena;
  struct confuciux *state = ARENA_NEW(arena, struct confuciux, 1);
  const struct space *space = request->space;
  *state = (struct confuciux){.request = *request, .settings = settle(request->settings), .learning = true};
  state->sampler = sampler_new(request);
  history_init(&state->history, request, state->settings.population, state->settings.output == OUTPUT_LOGARITHM);
  struct policy_shape shape = {.n_steps = space->n_axes, .n_hidden = state->settings.hidden};
  for (size_t a = 0; a < space->n_axes; a++) shape.n_levels[a] = min_u64(space->axes[a].n, POLICY_MOST_LEVELS);
  struct rng rng = rng_stream(request->seed, RNG_CONFUCIUX_LIKE_SEARCH, 0, 1);
  state->policy = policy_new(&shape, &rng, arena);
  state->most_lessons = SAMPLES_A_POINT * min_u64(request->round_size, state->settings.episodes);
  state->lessons = ARENA_NEW(arena, struct lesson, state->most_lessons);
  state->rewards = ARENA_NEW(arena, double, state->most_lessons);
  state->worst = (double)INFINITY;
  return state;
}

/* --- the policy -----------------------------------------------------------------------------------------------------
 */

/* The point of an episode; an axis of more values than levels is drawn within its level. */
static struct point point_of(const struct confuciux *state, const struct episode *episode, struct rng *rng) {
  const struct space *space = state->request.space;
  struct point point = {{0}};
  for (size_t a = 0; a < space->n_axes; a++) {
    const uint64_t n = space->axes[a].n, level = episode->choice[a];
    const uint64_t n_levels = min_u64(n, POLICY_MOST_LEVELS);
    const uint64_t first = level * n / n_levels, end = (level + 1) * n / n_levels;
    point.index[a] = (uint16_t)(end > first + 1 ? first + rng_below(rng, end - first) : first);
  }
  return point;
}

/* Which of the points asked in this round is it? SIZE_MAX: none. */
static size_t asked_already(const struct point *points, size_t n, const struct point *point) {
  size_t i = 0;
  while (i < n && point_compare(&points[i], point) != 0) i++;
  return i < n ? i : SIZE_MAX;
}

/* Samples are lessons, those that come up twice twice. */
static size_t ask_policy(struct confuciux *state, struct rng *rng, size_t most, struct point *points) {
  const bool punish = state->settings.punish == SWITCH_ON;
  size_t n = 0;
  state->n_lessons = 0;
  sampler_begin(state->sampler);
  for (size_t samples = 0; samples < MOST_SAMPLES && state->n_lessons < state->most_lessons && n < most; samples++) {
    struct lesson *lesson = &state->lessons[state->n_lessons];
    *lesson = (struct lesson){.pending = SIZE_MAX};
    policy_sample(state->policy, rng, &lesson->episode);
    const struct point point = point_of(state, &lesson->episode, rng);
    const bool allowed = sampler_allows(state->sampler, &point);
    if (!allowed && !punish) continue;
    lesson->told = history_find(&state->history, &point);
    if (allowed && lesson->told == SIZE_MAX) lesson->pending = asked_already(points, n, &point);
    if (sampler_offer(state->sampler, &point)) {
      sampler_ask(state->sampler, &point);
      lesson->pending = n;
      points[n++] = point;
    }
    state->n_lessons++;
  }
  return n;
}

/* 1: as good as the best so far, 0: as bad as the worst, −penalty: infeasible. */
static double reward_of(const struct confuciux *state, const struct lesson *lesson) {
  const struct history *history = &state->history;
  if (lesson->told == SIZE_MAX || history->n_elite == 0) return -state->settings.penalty;
  const double utility = history->told[lesson->told].utility, best = history->told[history->elite[0]].utility;
  if (isinf(utility)) return -state->settings.penalty;
  return best > state->worst ? (utility - state->worst) / (best - state->worst) : 0;
}

static void learn(struct confuciux *state) {
  const size_t n = state->n_lessons;
  const struct policy_goal goal = {state->settings.discount, state->settings.entropy};
  double mean = 0, squares = 0;
  for (size_t i = 0; i < n; i++) {
    state->rewards[i] = reward_of(state, &state->lessons[i]);
    mean += state->rewards[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++) squares += (state->rewards[i] - mean) * (state->rewards[i] - mean);
  const double deviation = sqrt(squares / (double)n);
  const bool compared = state->settings.baseline == BASELINE_MEAN;
  if (compared && !(deviation > 1e-9)) return; /* all alike: nothing to learn */
  for (size_t i = 0; i < n; i++) {
    const double advantage = compared ? (state->rewards[i] - mean) / deviation : state->rewards[i];
    policy_reinforce(state->policy, &state->lessons[i].episode, advantage, &goal);
  }
  policy_learn(state->policy, state->settings.rate, n);
}

/* --- the genetic search ---------------------------------------------------------------------------------------------
 */

/* The better of two drawn at random. */
static const struct point *parent(const struct confuciux *state, struct rng *rng) {
  const struct history *history = &state->history;
  const uint64_t a = rng_below(rng, history->n_elite), b = rng_below(rng, history->n_elite);
  return &history->told[history->elite[min_u64(a, b)]].point;
}

/* Half the children mix two parents; every axis may move a little, one does for certain. */
static struct point child_of(const struct confuciux *state, struct rng *rng) {
  const struct space *space = state->request.space;
  struct point child = *parent(state, rng);
  const struct point *other = parent(state, rng);
  const bool mixed = rng_below(rng, 2) == 0;
  const size_t certain = rng_below(rng, space->n_axes);
  for (size_t a = 0; a < space->n_axes; a++) {
    if (mixed && rng_below(rng, 2) == 0) child.index[a] = other->index[a];
    const bool moves = rng_unit(rng) < state->settings.mutation || a == certain;
    if (moves) sampler_step(space, rng, state->settings.steps, a, &child);
  }
  return child;
}

static size_t ask_parents(struct confuciux *state, struct rng *rng, size_t most, struct point *points) {
  const bool fertile = state->history.n_elite > 0 && state->request.space->n_axes > 0;
  size_t n = 0;
  sampler_begin(state->sampler);
  while (n < most) {
    bool born = false;
    for (unsigned tries = 0; fertile && !born && tries < TRIES_A_CHILD; tries++) {
      points[n] = child_of(state, rng);
      born = sampler_offer(state->sampler, &points[n]);
    }
    if (!born && !sampler_draw(state->sampler, rng, &points[n])) break;
    sampler_ask(state->sampler, &points[n++]);
  }
  return n;
}

/* --- ask and tell ---------------------------------------------------------------------------------------------------
 */

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  struct confuciux *state = opaque;
  struct rng rng = rng_stream(state->request.seed, RNG_CONFUCIUX_LIKE_SEARCH, round, 0);
  const uint64_t most = state->request.round_size, told = state->history.n_told;
  state->n_lessons = 0;
  if (state->learning && told < state->settings.policy_evaluations) {
    const uint64_t left = state->settings.policy_evaluations - told;
    /* A policy that proposes nothing new may still learn to, from what it is told at once; but not for ever. */
    for (unsigned tries = 0; tries < SAMPLES_A_POINT; tries++) {
      const size_t n = ask_policy(state, &rng, min_u64(min_u64(most, left), state->settings.episodes), points);
      if (n > 0) return n;
      learn(state);
    }
    state->n_lessons = 0;
  }
  state->learning = false;
  return ask_parents(state, &rng, min_u64(most, state->settings.population), points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  struct confuciux *state = opaque;
  history_tell(&state->history, records, n);
  for (size_t i = state->history.n_told - n; i < state->history.n_told; i++) {
    const double utility = state->history.told[i].utility;
    if (!isinf(utility)) state->worst = fmin(state->worst, utility);
  }
  for (size_t i = 0; i < state->n_lessons; i++) {
    struct lesson *lesson = &state->lessons[i];
    if (lesson->pending != SIZE_MAX) lesson->told = state->history.n_told - n + lesson->pending;
  }
  if (state->learning) learn(state);
}

const struct search_algorithm search_confuciux_like = {
    .name = "confuciux_like",
    .doc = "policy gradient over the axes, then genetic search around its best, after ConfuciuX's abstract",
    .table = &confuciux_fields,
    .settings_bytes = sizeof(struct confuciux_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
    .learns = true,
};
