/* How good is chance? Uniform draws without repeats: the baseline that every search must beat.
 *
 * Points that limits exclude without an evaluation are drawn again, so that the comparison with searches that also
 * know the limits is fair. */
#include "search/space/space.h"

#include "base/rng.h"

struct random_search {
  struct search_request request;
  struct point_set *seen;
  uint64_t size;
};

/* Draws in vain that end a round: the space is (nearly) used up, or (nearly) nothing in it is allowed. */
enum { MAX_MISSES = 20000 };

static void *start(const struct search_request *request) {
  struct random_search *state = ARENA_NEW(request->arena, struct random_search, 1);
  state->request = *request;
  state->seen = point_set_new(request->arena);
  state->size = space_size(request->space);
  return state;
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  struct random_search *state = opaque;
  const struct space *space = state->request.space;
  struct rng rng = rng_stream(state->request.seed, RNG_RANDOM_SEARCH, round, 0);
  size_t n = 0;
  for (unsigned misses = 0; misses < MAX_MISSES && n < state->request.round_size;) {
    const struct point point = space_point(space, rng_below(&rng, state->size));
    misses++;
    if (!point_set_add(state->seen, &point)) continue;
    struct score screened = {.reason = SCORE_FEASIBLE};
    if (space->screen != NULL) space->screen(space->context, &point, &screened);
    if (screened.reason != SCORE_FEASIBLE) continue;
    misses = 0;
    points[n++] = point;
  }
  return n;
}

static void tell(void *opaque, const struct record *records, size_t n) { (void)opaque, (void)records, (void)n; }

const struct search_algorithm search_random = {
    .name = "random",
    .doc = "uniform draws without repeats among the points that limits allow",
    .start = start,
    .ask = ask,
    .tell = tell,
};
