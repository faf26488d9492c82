/* What does a design promise that nobody has evaluated? [ours]
 *
 * Its bound times the share of their bounds that evaluated designs reached, each weighted by kinship: one over the
 * fourth power of the distance in steps along the axes (Shepard 1968, "A two-dimensional interpolation function for
 * irregularly-spaced data"). A guess of the best share so far has the weight `optimism`, so that far from everything
 * known a design is expected to do well. Where a space has no bounds, the metric itself takes their place. Arithmetic
 * only: the same on every processor. */
#include "search/space/guided.h"

#include <math.h>
#include <stdlib.h>

enum { SWEEPS = 3 };
/* Tuned on the spaces of configs/ and the eleven benchmark networks. */
static const double SHRINKAGE = 0.5, ALONG = 4, STRANGENESS = 0.1, FIRST_ERROR = 0.25, LEAST_SHARE = 0.02;

void promise_start(struct guided *state) {
  state->screened = point_set_new(state->request.arena);
  state->mean_share = 1;
  size_t most = 1;
  for (size_t a = 0; a < state->request.space->n_axes; a++) {
    const size_t n = state->request.space->axes[a].n;
    state->effect[a] = ARENA_NEW(state->request.arena, double, n);
    if (n > most) most = n;
  }
  state->fitted = ARENA_NEW(state->request.arena, double, most);
  state->fit_weight = ARENA_NEW(state->request.arena, double, most);
  state->fit_sum = ARENA_NEW(state->request.arena, double, most);
  state->optimism = state->settings.optimism;
}

void promise_screen(struct guided *state, const struct point *point, struct screening *screening) {
  const struct space *space = state->request.space;
  *screening = (struct screening){0};
  /* Who is to stop finds everything excluded, and is soon done. */
  if (guided_interrupted(state)) {
    screening->reason = 1;
    return;
  }
  if (space->screen == NULL) return;
  const size_t known = point_set_number(state->screened, point);
  if (known != SIZE_MAX) {
    *screening = state->screenings[known];
    return;
  }
  struct score score = {0};
  space->screen(space->context, point, &score);
  *screening = (struct screening){score.bound, score.excess, score.reason};
  const size_t n = point_set_count(state->screened);
  state->screenings =
      guided_grown(state->request.arena, state->screenings, n, &state->screenings_capacity, sizeof *state->screenings);
  point_set_add(state->screened, point);
  state->screenings[n] = *screening;
}

/* A bound that says nothing is as good as 1: then shares are values. */
static double scale_of(double bound) { return isfinite(bound) && bound > 0 ? bound : 1; }

/* At most 1 where bounds are bounds; larger is better. */
static double share_of(const struct guided *state, double value, double bound) {
  const double share = guided_metric(state)->maximise ? value / scale_of(bound) : scale_of(bound) / value;
  return isfinite(share) ? share : 1;
}

/* --- the model of shares --------------------------------------------------------------------------------------------
 */

static double effects_at(const struct guided *state, const struct point *point) {
  double share = state->mean_share;
  for (size_t a = 0; a < state->request.space->n_axes; a++) share += state->effect[a][point->index[a]];
  return share;
}

/* One axis of the additive model: what the others leave unexplained, averaged over evaluated designs with a weight that
 * falls with the distance along the axis, and shrunk towards none. */
static void fit_axis(struct guided *state, size_t axis, double *weight, double *sum) {
  const size_t n_values = state->request.space->axes[axis].n;
  for (size_t v = 0; v < n_values; v++) weight[v] = sum[v] = 0;
  for (size_t i = 0; i < state->n_relatives; i++) {
    const struct relative *relative = &state->relatives[i];
    const size_t v = relative->point.index[axis];
    weight[v] += 1;
    sum[v] += relative->residual + state->effect[axis][v];
  }
  for (size_t v = 0; v < n_values; v++) {
    double total = SHRINKAGE, value = 0;
    for (size_t u = 0; u < n_values; u++) {
      const double distance = (double)u - (double)v, kernel = 1 / (1 + ALONG * distance * distance);
      total += kernel * weight[u];
      value += kernel * sum[u];
    }
    state->fitted[v] = value / total;
  }
  for (size_t i = 0; i < state->n_relatives; i++) {
    struct relative *relative = &state->relatives[i];
    const size_t v = relative->point.index[axis];
    relative->residual += state->effect[axis][v] - state->fitted[v];
  }
  for (size_t v = 0; v < n_values; v++) state->effect[axis][v] = state->fitted[v];
}

/* Backfitting (Hastie and Tibshirani 1986), from the last fit on. */
static void fit(struct guided *state) {
  double sum = 0;
  for (size_t i = 0; i < state->n_relatives; i++) sum += state->relatives[i].share;
  state->mean_share = state->n_relatives > 0 ? sum / (double)state->n_relatives : 1;
  for (size_t i = 0; i < state->n_relatives; i++) {
    struct relative *relative = &state->relatives[i];
    relative->residual = relative->share - effects_at(state, &relative->point);
  }
  for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
    for (size_t a = 0; a < state->request.space->n_axes; a++) fit_axis(state, a, state->fit_weight, state->fit_sum);
  }
}

static void tell_kin(const struct guided *state, const struct point *point, struct kin *kin) {
  const size_t n_axes = state->request.space->n_axes;
  for (; kin->n_told < state->n_relatives; kin->n_told++) {
    const struct relative *relative = &state->relatives[kin->n_told];
    uint32_t distance = 0;
    for (size_t a = 0; a < n_axes; a++) {
      distance += (uint32_t)abs((int)point->index[a] - (int)relative->point.index[a]);
    }
    if (kin->n == NEAREST && distance >= kin->distance[NEAREST - 1]) continue;
    size_t place = kin->n < NEAREST ? kin->n++ : NEAREST - 1;
    for (; place > 0 && kin->distance[place - 1] > distance; place--) {
      kin->distance[place] = kin->distance[place - 1];
      kin->relative[place] = kin->relative[place - 1];
    }
    kin->distance[place] = distance;
    kin->relative[place] = (uint32_t)kin->n_told;
  }
}

/* The share that is predicted, and how much is not known of it (0 … 1). */
static double predict(const struct guided *state, const struct point *point, struct kin *kin, double *unknown) {
  double weight = 0, sum = 0;
  tell_kin(state, point, kin);
  for (size_t k = 0; k < kin->n; k++) {
    const double square = kin->distance[k] > 0 ? (double)kin->distance[k] * kin->distance[k] : 0.25;
    const double kinship = 1 / (square * square);
    weight += kinship;
    sum += kinship * state->relatives[kin->relative[k]].residual;
  }
  *unknown = STRANGENESS / (weight + STRANGENESS);
  return effects_at(state, point) + sum / (weight + STRANGENESS);
}

void promise_learn(struct guided *state, const struct record *records, size_t n) {
  const size_t n_before = state->n_relatives;
  for (size_t i = 0; i < n; i++) {
    const struct record *record = &records[i];
    if (record->score.reason != SCORE_FEASIBLE) continue;
    struct screening screening;
    promise_screen(state, &record->point, &screening);
    const double share = share_of(state, record->score.objective[state->request.space->metric], screening.bound);
    if (n_before > 0) {
      struct kin kin = {0};
      double unknown;
      const size_t known = state->n_relatives;
      state->n_relatives = n_before;
      const double error = share - predict(state, &record->point, &kin, &unknown);
      state->n_relatives = known;
      state->square_errors += error * error;
      state->n_errors += 1;
    }
    state->relatives = guided_grown(state->request.arena, state->relatives, state->n_relatives,
                                    &state->relatives_capacity, sizeof *state->relatives);
    state->relatives[state->n_relatives++] = (struct relative){record->point, share, 0};
  }
  if (state->n_relatives == n_before) return;
  fit(state);
  /* Two made-up errors of a quarter of what there is to lose, until there are real ones. */
  const double first = FIRST_ERROR * state->mean_share;
  state->spread = sqrt((2 * first * first + state->square_errors) / (2 + state->n_errors));
}

double promise_expected(const struct guided *state, const struct point *point, double bound, struct kin *kin) {
  double unknown, share = 1;
  if (state->n_relatives > 0) {
    share = predict(state, point, kin, &unknown) + state->optimism * unknown * state->spread;
    if (!(share > LEAST_SHARE * state->mean_share)) share = LEAST_SHARE * state->mean_share;
    if (state->request.space->screen != NULL && share > 1) share = 1;
  }
  return guided_metric(state)->maximise ? scale_of(bound) * share : scale_of(bound) / share;
}

bool promise_hope(struct guided *state) {
  if (state->n_hopes == state->settings.hopes) return false;
  state->n_hopes++;
  state->optimism *= 2;
  return true;
}

bool promise_possible(const struct guided *state, double bound) {
  if (state->n_elite == 0 || state->request.space->screen == NULL) return true;
  return guided_better(state, bound, state->elite[0].score.objective[state->request.space->metric]);
}

bool promise_beats(const struct guided *state, double bound, double expected) {
  if (state->n_elite == 0) return true;
  if (!promise_possible(state, bound)) return false;
  const double best = state->elite[0].score.objective[state->request.space->metric];
  const double wanted = state->n_hopes == 0 ? 1 + state->settings.gain : 1 / (1 + state->settings.slack);
  return guided_better(state, expected, guided_metric(state)->maximise ? best * wanted : best / wanted);
}

bool promise_closely(const struct guided *state, const struct point *point, double *bound) {
  const struct space *space = state->request.space;
  if (space->refine == NULL || state->n_elite == 0) return true;
  struct score score = {0};
  space->refine(space->context, point, &score);
  if (score.reason != SCORE_FEASIBLE) return false;
  if (guided_better(state, *bound, score.bound)) *bound = score.bound;
  return promise_possible(state, *bound);
}

bool promise_worth(const struct guided *state, const struct point *point, double bound) {
  struct kin kin = {0};
  return promise_beats(state, bound, promise_expected(state, point, bound, &kin));
}
