/* See sampler.h. */
#include "search/space/sampler.h"

#include "base/checked.h"
#include <string.h>

/* Draws in vain that end a round, as of random.c. */
enum { MAX_MISSES = 20000 };

enum state { UNSCREENED, ALLOWED, EXCLUDED, ASKED };

struct known { /* by the number of the point in `points` */
  uint32_t offered;
  uint8_t state, zero[3];
};

struct sampler {
  struct search_request request;
  struct point_set *points;
  struct known *known;
  size_t capacity;
  uint64_t size, screened;
  uint32_t now;
};

struct sampler *sampler_new(const struct search_request *request) {
  struct sampler *sampler = ARENA_NEW(request->arena, struct sampler, 1);
  *sampler = (struct sampler){.request = *request, .size = space_size(request->space), .now = 1};
  sampler->points = point_set_new(request->arena);
  return sampler;
}

void sampler_begin(struct sampler *sampler) { sampler->now++; }

static struct known *known_of(struct sampler *sampler, const struct point *point) {
  if (!point_set_add(sampler->points, point)) return &sampler->known[point_set_number(sampler->points, point)];
  const size_t n = point_set_count(sampler->points);
  if (n > sampler->capacity) {
    sampler->capacity = sampler->capacity > 0 ? 2 * sampler->capacity : 1024;
    struct known *bigger = ARENA_NEW(sampler->request.arena, struct known, sampler->capacity);
    if (n > 1) memcpy(bigger, sampler->known, (n - 1) * sizeof *bigger);
    sampler->known = bigger;
  }
  sampler->known[n - 1] = (struct known){.state = UNSCREENED};
  return &sampler->known[n - 1];
}

static bool allowed(struct sampler *sampler, const struct point *point, struct known *known) {
  const struct space *space = sampler->request.space;
  if (known->state == UNSCREENED) {
    struct score screened = {.reason = SCORE_FEASIBLE};
    if (space->screen != NULL) space->screen(space->context, point, &screened);
    sampler->screened++;
    known->state = screened.reason == SCORE_FEASIBLE ? ALLOWED : EXCLUDED;
  }
  return known->state != EXCLUDED;
}

bool sampler_allows(struct sampler *sampler, const struct point *point) {
  return allowed(sampler, point, known_of(sampler, point));
}

bool sampler_offer(struct sampler *sampler, const struct point *point) {
  struct known *known = known_of(sampler, point);
  if (known->offered == sampler->now || known->state == ASKED) return false;
  if (!allowed(sampler, point, known)) return false;
  known->offered = sampler->now;
  return true;
}

bool sampler_draw(struct sampler *sampler, struct rng *rng, struct point *point) {
  const struct search_request *request = &sampler->request;
  for (unsigned misses = 0; misses < MAX_MISSES; misses++) {
    if (request->interrupted != NULL && request->interrupted(request->interrupted_context)) return false;
    *point = space_point(request->space, rng_below(rng, sampler->size));
    if (sampler_offer(sampler, point)) return true;
  }
  return false;
}

void sampler_ask(struct sampler *sampler, const struct point *point) { known_of(sampler, point)->state = ASKED; }

uint64_t sampler_screened(const struct sampler *sampler) { return sampler->screened; }

void sampler_step(const struct space *space, struct rng *rng, uint64_t most, size_t axis, struct point *point) {
  const uint64_t n = space->axes[axis].n, at = point->index[axis];
  if (n < 2) return;
  if (space->axes[axis].role == AXIS_CHOICE) {
    point->index[axis] = (uint16_t)((at + 1 + rng_below(rng, n - 1)) % n);
    return;
  }
  const uint64_t below = min_u64(at, most), above = min_u64(n - 1 - at, most);
  const uint64_t drawn = rng_below(rng, below + above);
  point->index[axis] = (uint16_t)(drawn < below ? at - below + drawn : at + 1 + drawn - below);
}
