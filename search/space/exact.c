/* Which designs are the best of all, proven? Branch and bound alone, without a search before (accelerator-search §8).
 *
 * Best-first over boxes until no box is left whose bound could enter the top-k: then the list is that of an exhaustive
 * search, ties included. A space without bounds over boxes is bounded point by point. */
#include "search/space/boxes.h"

#include "base/checked.h"
#include "results/topk.h"

enum { FIRST_ROUND = 8 };

struct exact {
  struct search_request request;
  struct boxes *boxes;
  struct topk *topk;
};

static void *start(const struct search_request *request) {
  const struct space *space = request->space;
  struct exact *state = ARENA_NEW(request->arena, struct exact, 1);
  state->request = *request;
  state->boxes = boxes_new(space, request->arena);
  state->topk = topk_new(request->arena, &space->objectives[space->metric], space->metric, request->top_k);
  return state;
}

static bool admits(void *context, double bound, const struct point *first) {
  const struct exact *state = context;
  return topk_admits(state->topk, bound, first);
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  (void)round;
  struct exact *state = opaque;
  const struct boxes_filter filter = {.admits = admits,
                                      .context = state,
                                      .interrupted = state->request.interrupted,
                                      .interrupted_context = state->request.interrupted_context};
  /* Small rounds first, so that the best that they find closes boxes before much is asked. */
  const uint64_t most = FIRST_ROUND + boxes_counts(state->boxes)->asked / 2;
  return boxes_ask(state->boxes, &filter, points, min_u64(most, state->request.round_size));
}

static void tell(void *opaque, const struct record *records, size_t n) {
  struct exact *state = opaque;
  for (size_t i = 0; i < n; i++) topk_add(state->topk, &records[i]);
}

static const struct boxes *certificate(const void *opaque) { return ((const struct exact *)opaque)->boxes; }

const struct search_algorithm search_exact = {
    .name = "exact",
    .doc = "branch and bound over boxes of designs: the proven top-k, at a fraction of the evaluations",
    .start = start,
    .ask = ask,
    .tell = tell,
    .seedless = true,
    .certificate = certificate,
};
