/* How far does it go uphill? Hill climbing with random restarts (accelerator-search §10).
 *
 * From a random point to the best of its neighbours as long as that is better; then from another random point. What has
 * been evaluated once is remembered and not paid for again. The `tuned` preset [ours] also tries exchanges (one axis
 * up, another down) and goes as soon as a few neighbours show a better one. A start that turns out infeasible is given
 * up. */
#include "search/space/trail.h"
#include "search/space/variation.h"

struct hill_settings {
  uint64_t preset, climbers, look, exchanges;
};

enum { TUNED_LOOK = 4 };

#define OFFSET(member) offsetof(struct hill_settings, member)
static const struct field hill_field_list[] = {
    {"preset", FIELD_CHOICE, "", 0, 0, "\"tuned\"", "what keys stand for that are not set", OFFSET(preset), ROLE_ANSWER,
     preset_names},
    {"climbers", FIELD_UINT, "", 1, 4096, "1", "climbs side by side", OFFSET(climbers), ROLE_ANSWER, NULL},
    {"look", FIELD_UINT, "", 0, 1e6, "0",
     "neighbours evaluated before a climb may move on; 0: as the preset says (paper all, tuned 4)", OFFSET(look),
     ROLE_ANSWER, NULL},
    {"exchanges", FIELD_CHOICE, "", 0, 0, "\"preset\"",
     "whether one axis up and another down is a step, too (paper off, tuned on)", OFFSET(exchanges), ROLE_ANSWER,
     switch_names},
};
static const struct field_table hill_fields = {"hill", "hill climbing with random restarts", hill_field_list,
                                               sizeof hill_field_list / sizeof *hill_field_list};

struct hill {
  struct trail trail;
  uint64_t look;
  bool exchanges;
  size_t n_climbers, *at; /* where each climber stands; TRAIL_NONE: it must start again */
  struct point *unknown;  /* of a climber's neighbours, for the time of one look */
  uint64_t n_unknown, capacity;
};

static void *start(const struct search_request *request) {
  const struct hill_settings *settings = request->settings;
  const bool tuned = settings->preset == PRESET_TUNED;
  struct hill *state = ARENA_NEW(request->arena, struct hill, 1);
  trail_init(&state->trail, request);
  state->look = set_or_preset(settings->look, tuned ? TUNED_LOOK : UINT64_MAX);
  state->exchanges = switch_or_preset(settings->exchanges, tuned);
  state->n_climbers = settings->climbers;
  state->at = ARENA_NEW(request->arena, size_t, state->n_climbers);
  for (size_t c = 0; c < state->n_climbers; c++) state->at[c] = TRAIL_NONE;
  return state;
}

struct surroundings {
  size_t best;  /* of the neighbours known; TRAIL_NONE: none */
  bool pending; /* is one of them added, but not known yet? */
};

static struct surroundings look_around(struct hill *state, size_t at) {
  struct trail *trail = &state->trail;
  const struct space *space = trail->request.space;
  const struct point *here = &trail->points[at];
  const uint64_t count = neighbour_count(space, here, state->exchanges);
  struct surroundings seen = {TRAIL_NONE, false};
  if (count > state->capacity) {
    state->capacity = 2 * count;
    state->unknown = ARENA_NEW(trail->request.arena, struct point, state->capacity);
  }
  state->n_unknown = 0;
  for (uint64_t i = 0; i < count; i++) {
    const struct point point = neighbour(space, here, i);
    const size_t number = trail_find(trail, &point);
    if (number == TRAIL_NONE) {
      if (trail_allows(trail, &point)) state->unknown[state->n_unknown++] = point;
    } else if (!trail_knows(trail, number)) {
      seen.pending = true;
    } else if (seen.best == TRAIL_NONE || trail_better(trail, number, seen.best)) {
      seen.best = number;
    }
  }
  return seen;
}

/* Adds as many unknown neighbours as one look takes, in random order. */
static void add_unknown(struct hill *state, struct rng *rng) {
  for (uint64_t i = 0; i < state->n_unknown && i < state->look; i++) {
    const uint64_t drawn = i + rng_below(rng, state->n_unknown - i);
    const struct point point = state->unknown[drawn];
    state->unknown[drawn] = state->unknown[i];
    trail_add(&state->trail, &point);
  }
}

/* Moves a climber until it needs to know more; what that is has been added then. */
static void climb(struct hill *state, size_t *at, struct rng *rng) {
  struct trail *trail = &state->trail;
  const bool steepest = state->look == UINT64_MAX;
  for (;;) {
    if (*at == TRAIL_NONE || !trail_feasible(trail, *at)) {
      *at = trail_draw(trail, rng);
      return;
    }
    const struct surroundings seen = look_around(state, *at);
    const bool leads_on = seen.best != TRAIL_NONE && trail_merit(trail, seen.best) > trail_merit(trail, *at);
    if (!leads_on || steepest) {
      add_unknown(state, rng);
      if (state->n_unknown > 0 || seen.pending) return;
    }
    *at = leads_on ? seen.best : TRAIL_NONE;
  }
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  struct hill *state = opaque;
  const bool settled = trail_is_settled(&state->trail);
  for (size_t c = 0; c < state->n_climbers && settled; c++) {
    struct rng rng = rng_stream(state->trail.request.seed, RNG_HILL_CLIMB, round, c);
    climb(state, &state->at[c], &rng);
  }
  return trail_ask(&state->trail, points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  trail_tell(&((struct hill *)opaque)->trail, records, n);
}

const struct search_algorithm search_hill = {
    .name = "hill",
    .doc = "hill climbing over neighbouring values, with random restarts",
    .table = &hill_fields,
    .settings_bytes = sizeof(struct hill_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
};
