/* What if we just try everything? Points in lexicographic order, a round at a time; points that the screen excludes are
 * asked nevertheless, so that counts of infeasible designs are complete. */
#include "search/space/space.h"

struct exhaustive {
  struct search_request request;
  uint64_t next, end;
};

static void *start(const struct search_request *request) {
  struct exhaustive *state = ARENA_NEW(request->arena, struct exhaustive, 1);
  state->request = *request;
  state->end = space_size(request->space);
  return state;
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  (void)round;
  struct exhaustive *state = opaque;
  size_t n = 0;
  while (n < state->request.round_size && state->next < state->end) {
    points[n++] = space_point(state->request.space, state->next++);
  }
  return n;
}

static void tell(void *opaque, const struct record *records, size_t n) { (void)opaque, (void)records, (void)n; }

const struct search_algorithm search_exhaustive = {
    .name = "exhaustive",
    .doc = "every point of the space in lexicographic order; its best is the optimum",
    .start = start,
    .ask = ask,
    .tell = tell,
    .seedless = true,
    .covers = true,
};
