/* Does it pay to look at large chips first? Designs by area, descending, in bins (after Phaze's public search loop,
 * github.com/msr-fiddle/phaze; accelerator-search §10).
 *
 * All designs that limits allow are ordered by area and cut into bins of equal width; bins are evaluated whole, the
 * largest area first; the search ends when the best scores of the last five bins (those that hold a design) do not
 * increase. An infeasible design counts as worse than any other, Phaze's −1. So five bins of infeasible designs in a
 * row end the search with nothing found: a defect of the published rule, kept on purpose, as this is the baseline.
 *
 * Phaze's bins are 0.01 mm² wide (preset `paper`, in the unit of the area objective); on large spaces nearly every
 * design has such a bin for itself and the search ends by chance after a few. The preset `tuned` [ours] makes them a
 * share of the largest area.
 *
 * Areas come from the screen, for all points at the first ask: a microsecond or so each, and 16 bytes. Spaces above
 * `enumerate` points are not enumerated: random samples stand for them. A space without an area or a screen is ordered
 * by its points' numbers. */
#include "search/space/trail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct phaze_settings {
  uint64_t preset, bins, enumerate, samples;
  double bin, bin_share;
};

static const double paper_bin = 0.01;

#define OFFSET(member) offsetof(struct phaze_settings, member)
static const struct field phaze_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"", "what keys stand for that are not set", OFFSET(preset), ROLE_ANSWER,
     preset_names},
    {"bin", FIELD_REAL, "", 0, 1e9, "0",
     "width of a bin in the unit of the area; 0: as the preset says (paper 0.01, tuned by bin_share)", OFFSET(bin),
     ROLE_ANSWER, NULL},
    {"bin_share", FIELD_REAL, "", 1e-9, 1, "0.01",
     "width of a bin as a share of the largest area, where `bin` is not set", OFFSET(bin_share), ROLE_ANSWER, NULL},
    {"bins", FIELD_UINT, "", 2, 1e6, "5", "bins in a row whose best scores do not increase, that end the search",
     OFFSET(bins), ROLE_ANSWER, NULL},
    {"enumerate", FIELD_UINT, "", 1, 1e9, "10000000", "largest space that is ordered as a whole", OFFSET(enumerate),
     ROLE_ANSWER, NULL},
    {"samples", FIELD_UINT, "", 1, 1e9, "1000000", "random designs that stand for a larger one", OFFSET(samples),
     ROLE_ANSWER, NULL},
};
static const struct field_table phaze_fields = {"phaze_like", "area-ordered search with hysteresis", phaze_field_list,
                                                sizeof phaze_field_list / sizeof *phaze_field_list};

struct candidate {
  double area;
  uint64_t index; /* of its point */
};

struct phaze {
  struct trail trail;
  struct phaze_settings settings;
  size_t area;                  /* the objective; SIZE_MAX: none */
  struct candidate *candidates; /* largest area first */
  size_t n_candidates, capacity, next;
  double bin;
  size_t first_of_bin; /* the number on the trail of the bin's first point */
  double last_best;
  uint64_t n_bins, n_not_increasing; /* of these the last so many do not */
  bool ordered;
};

static void *start(const struct search_request *request) {
  const struct space *space = request->space;
  struct phaze *state = ARENA_NEW(request->arena, struct phaze, 1);
  trail_init(&state->trail, request);
  state->settings = *(const struct phaze_settings *)request->settings;
  state->area = SIZE_MAX;
  for (size_t o = space->n_objectives; o-- > 0 && space->screen != NULL;) {
    if (strncmp(space->objectives[o].name, "area", 4) == 0) state->area = o;
  }
  return state;
}

/* --- the order ------------------------------------------------------------------------------------------------------
 */

/* Takes a point up among the candidates if limits allow it; false if the search is to stop. */
static bool consider(struct phaze *state, uint64_t index) {
  const struct search_request *request = &state->trail.request;
  const struct space *space = request->space;
  const struct point point = space_point(space, index);
  struct score screened = {.reason = SCORE_FEASIBLE};
  if (request->interrupted != NULL && request->interrupted(request->interrupted_context)) return false;
  if (space->screen != NULL) space->screen(space->context, &point, &screened);
  if (screened.reason != SCORE_FEASIBLE) return true;
  if (state->n_candidates == state->capacity) {
    state->capacity = state->capacity > 0 ? 2 * state->capacity : 1024;
    struct candidate *bigger = ARENA_NEW(request->arena, struct candidate, state->capacity);
    if (state->n_candidates > 0) memcpy(bigger, state->candidates, state->n_candidates * sizeof *bigger);
    state->candidates = bigger;
  }
  const double area = state->area != SIZE_MAX ? screened.objective[state->area] : (double)(index + 1);
  state->candidates[state->n_candidates++] = (struct candidate){area, index};
  return true;
}

static int compare_candidates(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->area > y->area || y->area > x->area) return x->area > y->area ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

static void order(struct phaze *state) {
  const struct phaze_settings *settings = &state->settings;
  const uint64_t size = state->trail.size;
  const bool whole = size <= settings->enumerate || size <= settings->samples;
  const uint64_t n = whole ? size : settings->samples;
  struct rng rng = rng_stream(state->trail.request.seed, RNG_PHAZE_LIKE, 0, 0);
  for (uint64_t i = 0; i < n; i++) {
    if (!consider(state, whole ? i : rng_below(&rng, size))) break;
  }
  if (state->n_candidates > 0) {
    qsort(state->candidates, state->n_candidates, sizeof *state->candidates, compare_candidates);
    const double by_share = settings->bin_share * state->candidates[0].area;
    state->bin = real_or_preset(settings->bin, settings->preset == PRESET_PAPER ? paper_bin : by_share);
  }
  state->ordered = true;
}

/* --- the bins -------------------------------------------------------------------------------------------------------
 */

/* A bin's number; of areas that are all 0 there is one. */
static double bin_of(const struct phaze *state, size_t candidate) {
  return state->bin > 0 ? floor(state->candidates[candidate].area / state->bin) : 0;
}

/* Adds the next bin that holds a design; false if there is none. */
static void add_bin(struct phaze *state) {
  const struct space *space = state->trail.request.space;
  state->first_of_bin = state->trail.n;
  const size_t first = state->next;
  while (state->next < state->n_candidates && !(bin_of(state, state->next) < bin_of(state, first))) {
    const struct point point = space_point(space, state->candidates[state->next++].index);
    trail_add(&state->trail, &point); /* a sample drawn twice is its own neighbour, and added once */
  }
}

/* Takes the bin just evaluated into account: do the last bins' bests increase nowhere? */
static void close_bin(struct phaze *state) {
  double best = -(double)INFINITY;
  for (size_t i = state->first_of_bin; i < state->trail.n; i++) best = fmax(best, trail_merit(&state->trail, i));
  if (state->trail.n == state->first_of_bin) return;
  state->n_not_increasing = state->n_bins > 0 && !(best > state->last_best) ? state->n_not_increasing + 1 : 1;
  state->last_best = best;
  state->n_bins++;
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  (void)round;
  struct phaze *state = opaque;
  if (!state->ordered) order(state);
  if (trail_is_settled(&state->trail)) {
    close_bin(state);
    if (state->n_not_increasing >= state->settings.bins) return 0;
    add_bin(state);
  }
  return trail_ask(&state->trail, points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  trail_tell(&((struct phaze *)opaque)->trail, records, n);
}

const struct search_algorithm search_phaze_like = {
    .name = "phaze_like",
    .doc = "designs by area, the largest first, in bins until five do not increase (after Phaze's rule)",
    .table = &phaze_fields,
    .settings_bytes = sizeof(struct phaze_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
};
