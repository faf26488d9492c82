/* What does a design promise that nobody has evaluated? [ours]
 *
 * What the space guesses of it (its bound, where the space does not guess), but no more than its bound, times the share
 * of theirs that evaluated designs reached: their mean, drawn towards the nearest ones, each weighted by one over the
 * fourth power of its distance in steps along the axes (Shepard 1968, "A two-dimensional
 * interpolation function for irregularly-spaced data"). Where no relative is near, more is hoped for: `optimism` times
 * what predictions were wrong by so far. Where a space has no bounds, the metric itself takes their place. Arithmetic
 * and square roots only: the same on every processor. Left out, as it saved a tenth of the evaluations with bounds and
 * misled without: effects of single axes (an additive model). */
#include "search/space/guided.h"

#include <math.h>
#include <stdlib.h>

/* Tuned on the spaces of configs/ and the eleven benchmark networks. */
static const double STRANGENESS = 0.1, FIRST_ERROR = 0.25, LEAST_SHARE = 0.02;

void promise_start(struct guided *state) {
  state->screened = point_set_new(state->request.arena);
  state->mean_share = 1;
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
  if (space->screen == NULL) {
    screening->bound = screening->likely = 1; /* shares are values */
    return;
  }
  const size_t known = point_set_number(state->screened, point);
  if (known != SIZE_MAX) {
    *screening = state->screenings[known];
    return;
  }
  struct score score = {0};
  double likely = 0;
  if (space->guess != NULL) {
    likely = space->guess(space->context, point, false, &score);
  } else {
    space->screen(space->context, point, &score);
    likely = score.bound;
  }
  *screening = (struct screening){score.bound, likely, score.excess, score.reason};
  const size_t n = point_set_count(state->screened);
  state->screenings =
      guided_grown(state->request.arena, state->screenings, n, &state->screenings_capacity, sizeof *state->screenings);
  point_set_add(state->screened, point);
  state->screenings[n] = *screening;
}

/* A guess that says nothing is as good as 1: then shares are values. */
static double scale_of(double likely) { return isfinite(likely) && likely > 0 ? likely : 1; }

/* Larger is better. */
static double share_of(const struct guided *state, double value, double likely) {
  const double share = guided_metric(state)->maximise ? value / scale_of(likely) : scale_of(likely) / value;
  return isfinite(share) ? share : 1;
}

/* --- the model of shares --------------------------------------------------------------------------------------------
 */

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
    sum += kinship * (state->relatives[kin->relative[k]].share - state->mean_share);
  }
  *unknown = STRANGENESS / (weight + STRANGENESS);
  return state->mean_share + sum / (weight + STRANGENESS);
}

void promise_learn(struct guided *state, const struct record *records, size_t n) {
  const size_t n_before = state->n_relatives;
  for (size_t i = 0; i < n; i++) {
    const struct record *record = &records[i];
    if (record->score.reason != SCORE_FEASIBLE) continue;
    struct screening screening;
    promise_screen(state, &record->point, &screening);
    /* As a closer look would have seen it: what was likely is no better than the bound that the evaluation found. */
    if (state->request.space->screen != NULL && guided_better(state, screening.likely, record->score.bound)) {
      screening.likely = record->score.bound;
    }
    const double share = share_of(state, record->score.objective[state->request.space->metric], screening.likely);
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
    state->relatives[state->n_relatives++] = (struct relative){record->point, share};
  }
  if (state->n_relatives == n_before) return;
  double sum = 0;
  for (size_t i = 0; i < state->n_relatives; i++) sum += state->relatives[i].share;
  state->mean_share = sum / (double)state->n_relatives;
  /* Two made-up errors of a quarter of the mean, until there are real ones. */
  const double first = FIRST_ERROR * state->mean_share;
  state->spread = sqrt((2 * first * first + state->square_errors) / (2 + state->n_errors));
}

double promise_expected(const struct guided *state, const struct point *point, const struct screening *screening,
                        struct kin *kin) {
  double unknown, share = 1;
  if (state->n_relatives > 0) {
    share = predict(state, point, kin, &unknown) + state->optimism * unknown * state->spread;
    if (!(share > LEAST_SHARE * state->mean_share)) share = LEAST_SHARE * state->mean_share;
  }
  const double scale = scale_of(screening->likely);
  const double expected = guided_metric(state)->maximise ? scale * share : scale / share;
  if (state->request.space->screen == NULL || !guided_better(state, expected, screening->bound)) return expected;
  return screening->bound;
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

bool promise_closely(const struct guided *state, const struct point *point, struct screening *screening) {
  const struct space *space = state->request.space;
  if (space->refine == NULL) return true;
  struct score score = {0};
  double likely = screening->likely;
  if (space->guess != NULL) {
    likely = space->guess(space->context, point, true, &score);
  } else {
    space->refine(space->context, point, &score);
  }
  screening->reason = score.reason;
  screening->excess = score.excess;
  if (score.reason != SCORE_FEASIBLE) return false;
  if (guided_better(state, screening->bound, score.bound)) screening->bound = score.bound;
  screening->likely = guided_better(state, likely, screening->bound) ? screening->bound : likely;
  return promise_possible(state, screening->bound);
}

bool promise_worth(const struct guided *state, const struct point *point, const struct screening *screening) {
  struct kin kin = {0};
  return promise_beats(state, screening->bound, promise_expected(state, point, screening, &kin));
}
