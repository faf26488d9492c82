/* How good is chance that is spread evenly? Sobol' points without repeats (accelerator-search §10).
 *
 * GSL's Sobol' sequence (Antonov and Saleev's order, direction numbers of Bratley and Fox, TOMS 659), in as many
 * dimensions as axes have a choice. The seed gives a random digital shift (the bits of every coordinate are flipped
 * alike), which keeps the net a net. A coordinate's 30 bits become an index by exact integer arithmetic. Points that
 * limits exclude, and those met before, are passed over, as the random search does. GSL has 40 dimensions, axes are
 * fewer, so the Halton sequence that takes over beyond is not needed. */
#include "search/space/trail.h"

#include <gsl/gsl_qrng.h>
#include <math.h>

enum { SOBOL_BITS = 30, SOBOL_MOST_AXES = 40, MAX_MISSES = 20000 };
_Static_assert((int)POINT_MAX_AXES <= (int)SOBOL_MOST_AXES, "GSL's Sobol' sequence has too few dimensions");

struct quasi {
  struct trail trail;
  gsl_qrng sequence; /* in the arena, as nobody would free it */
  uint32_t shift[POINT_MAX_AXES];
  size_t axes[POINT_MAX_AXES], n_axes; /* those with a choice */
};

static void *start(const struct search_request *request) {
  const struct space *space = request->space;
  struct quasi *state = ARENA_NEW(request->arena, struct quasi, 1);
  struct rng rng = rng_stream(request->seed, RNG_QUASI_SEARCH, 0, 0);
  trail_init(&state->trail, request);
  for (size_t a = 0; a < space->n_axes; a++) {
    if (space->axes[a].n > 1) state->axes[state->n_axes++] = a;
  }
  for (size_t d = 0; d < state->n_axes; d++) state->shift[d] = (uint32_t)(rng_next(&rng) >> (64 - SOBOL_BITS));
  gsl_qrng *sequence = &state->sequence;
  sequence->type = gsl_qrng_sobol;
  sequence->dimension = (unsigned)(state->n_axes > 0 ? state->n_axes : 1);
  sequence->state_size = sequence->type->state_size(sequence->dimension);
  sequence->state = arena_alloc(request->arena, 1, sequence->state_size);
  gsl_qrng_init(sequence);
  return state;
}

/* The sequence's next point; false at its end, after 2³⁰ of them. */
static bool next_point(struct quasi *state, struct point *point) {
  double unit[SOBOL_MOST_AXES];
  if (gsl_qrng_get(&state->sequence, unit) != 0) return false;
  *point = (struct point){{0}};
  for (size_t d = 0; d < state->n_axes; d++) {
    const size_t axis = state->axes[d];
    const uint64_t bits = (uint64_t)ldexp(unit[d], SOBOL_BITS) ^ state->shift[d];
    point->index[axis] = (uint16_t)(bits * state->trail.request.space->axes[axis].n >> SOBOL_BITS);
  }
  return true;
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  (void)round;
  struct quasi *state = opaque;
  struct trail *trail = &state->trail;
  const size_t most = trail->request.round_size;
  struct point point;
  for (unsigned misses = 0; misses < MAX_MISSES && trail->n - trail->n_sent < most && trail->n < trail->size;) {
    if (!next_point(state, &point)) break;
    misses++;
    if (trail_find(trail, &point) != TRAIL_NONE || !trail_allows(trail, &point)) continue;
    trail_add(trail, &point);
    misses = 0;
  }
  return trail_ask(trail, points);
}

static void tell(void *opaque, const struct record *records, size_t n) {
  trail_tell(&((struct quasi *)opaque)->trail, records, n);
}

const struct search_algorithm search_quasi = {
    .name = "quasi",
    .doc = "quasi-random (Sobol') points without repeats among those that limits allow",
    .start = start,
    .ask = ask,
    .tell = tell,
};
