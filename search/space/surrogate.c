/* See surrogate.h. */
#include "search/space/surrogate.h"

#include "base/checked.h"
#include "base/error.h"
#include "search/space/acquisition.h"
#include "search/space/history.h"
#include <math.h>
#include <string.h>

struct surrogate {
  struct search_request request;
  struct surrogate_settings settings;
  enum rng_purpose purpose;
  struct surrogate_model model;
  struct sampler *sampler;
  struct history history;
  size_t *window; /* places in history.told */
  size_t n_window, n_shown;
  double *x, *y; /* of the window */
  struct point *candidates;
  double *queries;
  bool *taken;
  size_t n_candidates;
};

/* So many neighbours of every elite are tried by one step on one axis, before random changes. */
enum { MOST_AXIS_STEPS = 2 * POINT_MAX_AXES, LEAST_WINDOW = 8, SCREENS_A_CANDIDATE = 8 };

void surrogate_scaled_indices(const struct space *space, const struct point *point, double *x) {
  for (size_t a = 0; a < space->n_axes; a++) {
    const size_t n = space->axes[a].n;
    x[a] = n > 1 ? (double)point->index[a] / (double)(n - 1) : 0;
  }
}

const char *const surrogate_lie_names[] = {"preset", "best", "mean", "worst", "believe", NULL};
const char *const surrogate_output_names[] = {"preset", "plain", "logarithm", NULL};

void surrogate_choose(const struct surrogate_keys *keys, const struct surrogate_settings *preset,
                      struct surrogate_settings *settings) {
  *settings = (struct surrogate_settings){
      .initial = set_or_preset(keys->initial, preset->initial),
      .batch = set_or_preset(keys->batch, preset->batch),
      .window = set_or_preset(keys->window, preset->window),
      .candidates = set_or_preset(keys->candidates, preset->candidates),
      .neighbours = set_or_preset(keys->neighbours, preset->neighbours),
      /* Neighbours that only the user asks for are those of as many designs as elsewhere. */
      .elites = keys->neighbours > 0 && preset->elites == 0 ? 4 : preset->elites,
      .lie = keys->lie > 0 ? (enum surrogate_lie)(keys->lie - 1) : preset->lie,
      .logarithmic = keys->output == OUTPUT_PRESET ? preset->logarithmic : keys->output == OUTPUT_LOGARITHM};
}

size_t surrogate_most_queries(const struct surrogate_settings *settings) {
  return settings->candidates + settings->neighbours + settings->elites * MOST_AXIS_STEPS;
}

static size_t window_of(const struct surrogate_settings *settings) { return max_u64(settings->window, LEAST_WINDOW); }

size_t surrogate_most_points(const struct surrogate_settings *settings, size_t round_size) {
  return window_of(settings) + min_u64(settings->batch, round_size);
}

struct surrogate *surrogate_new(const struct search_request *request, const struct surrogate_settings *settings,
                                enum rng_purpose purpose, const struct surrogate_model *model) {
  struct arena *arena = request->arena;
  struct surrogate *state = ARENA_NEW(arena, struct surrogate, 1);
  *state = (struct surrogate){.request = *request, .settings = *settings, .purpose = purpose, .model = *model};
  const size_t most = surrogate_most_queries(settings), window = window_of(settings);
  state->sampler = sampler_new(request);
  history_init(&state->history, request, max_u64(settings->elites, 1), settings->logarithmic);
  state->window = ARENA_NEW(arena, size_t, window);
  state->x = ARENA_NEW(arena, double, window * model->n_inputs);
  state->y = ARENA_NEW(arena, double, window);
  state->candidates = ARENA_NEW(arena, struct point, most);
  state->queries = ARENA_NEW(arena, double, most * model->n_inputs);
  state->taken = ARENA_NEW(arena, bool, most);
  return state;
}

/* --- the window -----------------------------------------------------------------------------------------------------
 */

static void show(struct surrogate *state, size_t which) {
  const size_t n = state->model.n_inputs;
  state->window[state->n_window] = which;
  state->model.describe(state->request.space, &state->history.told[which].point, state->x + state->n_window * n);
  state->n_window++;
}

/* Keeps of a full window the better half of its points. */
static void halve(struct surrogate *state) {
  const size_t n = state->n_window, kept = n / 2;
  size_t *window = state->window;
  for (size_t i = 1; i < n; i++) { /* rare and nearly sorted after the first time: insertion */
    const size_t which = window[i];
    size_t place = i;
    for (; place > 0 && history_better(&state->history, which, window[place - 1]); place--)
      window[place] = window[place - 1];
    window[place] = which;
  }
  state->n_window = 0;
  for (size_t i = 0; i < kept; i++) show(state, window[i]);
}

/* Brings the window up to date, standardises what the model is to learn, and fits it; infeasible points are as good as
 * the worst feasible one. False: there is nothing to learn yet. */
static bool learn(struct surrogate *state) {
  const size_t most = window_of(&state->settings);
  bool appended = true;
  for (; state->n_shown < state->history.n_told; state->n_shown++) {
    if (state->n_window == most) halve(state), appended = false;
    show(state, state->n_shown);
  }
  double worst = (double)INFINITY, sum = 0, squares = 0;
  const size_t n = state->n_window;
  for (size_t i = 0; i < n; i++) {
    const double utility = state->history.told[state->window[i]].utility;
    if (!isinf(utility)) worst = fmin(worst, utility);
  }
  if (isinf(worst)) return false;
  for (size_t i = 0; i < n; i++) {
    const double utility = state->history.told[state->window[i]].utility;
    state->y[i] = isinf(utility) ? worst : utility;
    sum += state->y[i];
  }
  const double mean = sum / (double)n;
  for (size_t i = 0; i < n; i++) squares += (state->y[i] - mean) * (state->y[i] - mean);
  const double deviation = sqrt(squares / (double)n);
  if (!(deviation > 1e-12 * fabs(mean)) || !isfinite(deviation)) return false;
  for (size_t i = 0; i < n; i++) state->y[i] = (state->y[i] - mean) / deviation;
  return state->model.fit(state->model.state, state->x, state->y, n, appended);
}

/* --- candidates -----------------------------------------------------------------------------------------------------
 */

static void consider(struct surrogate *state, const struct point *point) {
  if (!sampler_offer(state->sampler, point)) return;
  state->model.describe(state->request.space, point, state->queries + state->n_candidates * state->model.n_inputs);
  state->candidates[state->n_candidates++] = *point;
}

static void consider_steps(struct surrogate *state, const struct point *from) {
  const struct space *space = state->request.space;
  for (size_t a = 0; a < space->n_axes; a++) {
    for (int step = -1; step <= 1; step += 2) {
      struct point point = *from;
      const int index = (int)point.index[a] + step;
      if (index < 0 || (size_t)index >= space->axes[a].n) continue;
      point.index[a] = (uint16_t)index;
      consider(state, &point);
    }
  }
}

/* One to three axes of one of the best designs, changed by a step or two. */
static void consider_change(struct surrogate *state, struct rng *rng) {
  const struct space *space = state->request.space;
  struct point point = state->history.told[state->history.elite[rng_below(rng, state->history.n_elite)]].point;
  const uint64_t changes = 1 + rng_below(rng, 3);
  for (uint64_t c = 0; c < changes; c++) sampler_step(space, rng, 2, rng_below(rng, space->n_axes), &point);
  consider(state, &point);
}

static void gather(struct surrogate *state, struct rng *rng) {
  const struct surrogate_settings *settings = &state->settings;
  sampler_begin(state->sampler);
  state->n_candidates = 0;
  for (size_t i = 0; i < state->history.n_elite && i < settings->elites; i++) {
    consider_steps(state, &state->history.told[state->history.elite[i]].point);
  }
  if (state->history.n_elite > 0 && state->request.space->n_axes > 0) {
    for (uint64_t i = 0; i < settings->neighbours; i++) consider_change(state, rng);
  }
  /* Where limits allow little, screens are what costs. */
  const uint64_t screened = sampler_screened(state->sampler);
  struct point point;
  for (uint64_t i = 0; i < settings->candidates; i++) {
    const bool dear = sampler_screened(state->sampler) - screened > SCREENS_A_CANDIDATE * settings->candidates;
    if ((dear && state->n_candidates > settings->batch) || !sampler_draw(state->sampler, rng, &point)) break;
    state->model.describe(state->request.space, &point, state->queries + state->n_candidates * state->model.n_inputs);
    state->candidates[state->n_candidates++] = point;
  }
}

/* --- choosing -------------------------------------------------------------------------------------------------------
 */

/* The candidate of which most improvement is expected; ties: the first in the order of points. */
static size_t most_promising(const struct surrogate *state, double best) {
  const double *mean = state->model.mean(state->model.state), *variance = state->model.variance(state->model.state);
  size_t chosen = SIZE_MAX;
  double most = -(double)INFINITY;
  for (size_t i = 0; i < state->n_candidates; i++) {
    if (state->taken[i]) continue;
    double gain = log_expected_improvement(mean[i], sqrt(variance[i]), best);
    if (isnan(gain)) gain = -(double)INFINITY;
    const bool tied = chosen != SIZE_MAX && !(gain > most) && !(gain < most);
    if (chosen == SIZE_MAX || gain > most ||
        (tied && point_compare(&state->candidates[i], &state->candidates[chosen]) < 0)) {
      chosen = i;
      most = gain;
    }
  }
  return chosen;
}

static double lie_of(const struct surrogate *state, double best, size_t chosen) {
  double sum = 0, worst = best;
  switch (state->settings.lie) {
  case LIE_MEAN:
    for (size_t i = 0; i < state->n_window; i++) sum += state->y[i];
    return sum / (double)state->n_window;
  case LIE_WORST:
    for (size_t i = 0; i < state->n_window; i++) worst = fmin(worst, state->y[i]);
    return worst;
  case LIE_BELIEVE:
    return state->model.mean(state->model.state)[chosen];
  default:
    return best;
  }
}

static size_t choose(struct surrogate *state, size_t n, struct point *points) {
  double best = state->y[0];
  for (size_t i = 1; i < state->n_window; i++) best = fmax(best, state->y[i]);
  state->model.query(state->model.state, state->queries, state->n_candidates);
  memset(state->taken, 0, state->n_candidates * sizeof *state->taken);
  for (size_t i = 0; i < n; i++) {
    const size_t chosen = most_promising(state, best);
    const double lie = lie_of(state, best, chosen);
    state->taken[chosen] = true;
    points[i] = state->candidates[chosen];
    sampler_ask(state->sampler, &points[i]);
    if (i + 1 < n) state->model.condition(state->model.state, chosen, lie);
    best = fmax(best, lie);
  }
  return n;
}

static size_t draw(struct surrogate *state, struct rng *rng, size_t n, struct point *points) {
  size_t drawn = 0;
  sampler_begin(state->sampler);
  while (drawn < n && sampler_draw(state->sampler, rng, &points[drawn])) {
    sampler_ask(state->sampler, &points[drawn++]);
  }
  return drawn;
}

void surrogate_tell(void *opaque, const struct record *records, size_t n) {
  struct surrogate *state = opaque;
  history_tell(&state->history, records, n);
}

size_t surrogate_ask(void *opaque, uint64_t round, struct point *points) {
  struct surrogate *state = opaque;
  const struct surrogate_settings *settings = &state->settings;
  struct rng rng = rng_stream(state->request.seed, state->purpose, round, 0);
  const size_t most = state->request.round_size;
  if (state->history.n_told < settings->initial) {
    return draw(state, &rng, min_u64(most, settings->initial - state->history.n_told), points);
  }
  const size_t n = min_u64(most, max_u64(settings->batch, 1));
  if (!learn(state)) return draw(state, &rng, n, points);
  gather(state, &rng);
  if (state->n_candidates == 0) return draw(state, &rng, n, points);
  return choose(state, min_u64(n, state->n_candidates), points);
}
