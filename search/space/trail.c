/* See trail.h. */
#include "search/space/trail.h"

#include "base/error.h"
#include <math.h>
#include <string.h>

const char *const preset_names[] = {"paper", "tuned", NULL}, *const switch_names[] = {"preset", "off", "on", NULL};

enum { FIRST_CAPACITY = 256, MAX_MISSES = 20000 };

void trail_init(struct trail *trail, const struct search_request *request) {
  *trail = (struct trail){.request = *request,
                          .numbers = point_set_new(request->arena),
                          .capacity = FIRST_CAPACITY,
                          .size = space_size(request->space)};
  trail->points = ARENA_NEW(request->arena, struct point, trail->capacity);
  trail->verdicts = ARENA_NEW(request->arena, struct verdict, trail->capacity);
}

static bool is_interrupted(const struct search_request *request) {
  return request->interrupted != NULL && request->interrupted(request->interrupted_context);
}

bool trail_allows(const struct trail *trail, const struct point *point) {
  const struct space *space = trail->request.space;
  struct score screened = {.reason = SCORE_FEASIBLE};
  if (is_interrupted(&trail->request)) return false;
  if (space->screen != NULL) space->screen(space->context, point, &screened);
  return screened.reason == SCORE_FEASIBLE;
}

size_t trail_find(const struct trail *trail, const struct point *point) {
  return point_set_number(trail->numbers, point);
}

static void make_room(struct trail *trail) {
  if (trail->n < trail->capacity) return;
  trail->capacity *= 2;
  struct point *points = ARENA_NEW(trail->request.arena, struct point, trail->capacity);
  struct verdict *verdicts = ARENA_NEW(trail->request.arena, struct verdict, trail->capacity);
  memcpy(points, trail->points, trail->n * sizeof *points);
  memcpy(verdicts, trail->verdicts, trail->n * sizeof *verdicts);
  trail->points = points;
  trail->verdicts = verdicts;
}

size_t trail_add(struct trail *trail, const struct point *point) {
  if (!point_set_add(trail->numbers, point)) return trail_find(trail, point);
  make_room(trail);
  trail->points[trail->n] = *point;
  return trail->n++;
}

size_t trail_draw(struct trail *trail, struct rng *rng) {
  if (trail->n >= trail->size) return TRAIL_NONE;
  for (unsigned misses = 0; misses < MAX_MISSES && !is_interrupted(&trail->request); misses++) {
    const struct point point = space_point(trail->request.space, rng_below(rng, trail->size));
    if (!point_set_has(trail->numbers, &point) && trail_allows(trail, &point)) return trail_add(trail, &point);
  }
  return TRAIL_NONE;
}

bool trail_better(const struct trail *trail, size_t a, size_t b) {
  const double x = trail_merit(trail, a), y = trail_merit(trail, b);
  return x > y || (!(y > x) && point_compare(&trail->points[a], &trail->points[b]) < 0);
}

size_t trail_ask(struct trail *trail, struct point *points) {
  REQUIRE(trail->n_sent == trail->n_told);
  size_t n = trail->n - trail->n_sent;
  if (n > trail->request.round_size) n = trail->request.round_size;
  if (n > 0) memcpy(points, &trail->points[trail->n_sent], n * sizeof *points);
  trail->n_sent += n;
  return n;
}

void trail_tell(struct trail *trail, const struct record *records, size_t n) {
  const struct space *space = trail->request.space;
  REQUIRE(trail->n_sent - trail->n_told == n);
  for (size_t i = 0; i < n; i++) {
    struct verdict *verdict = &trail->verdicts[trail->n_told++];
    const struct score *score = &records[i].score;
    const double value = score->objective[space->metric];
    verdict->feasible = score->reason == SCORE_FEASIBLE;
    memcpy(verdict->objective, score->objective, sizeof verdict->objective);
    verdict->merit = !verdict->feasible                          ? -(double)INFINITY
                     : space->objectives[space->metric].maximise ? value
                                                                 : -value;
  }
}
