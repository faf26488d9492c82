/* Which few designs are worth evaluating? The critical-path guided local search (accelerator-search §8; after WHAM,
 * arXiv 2404.14632, whose code is not public: rules marked [ours] are our reading of it).
 *
 *  - *Growth* (guided_growth.c) fixes a shape (array rows and columns, lanes, buffers) and grows numbers of cores and
 *    HBM stacks where the schedule's critical path says that waiting hurts most per added mm²; first, if `mirror` is
 *    on, by the conflicts of the forward pass alone. Shapes come from the largest downwards; a line of descent that has
 *    not beaten its ancestors more than `dim_hysteresis` times is given up.
 *  - *Trades* (guided_polish.c) [ours] do the same at the limits, where growing one class must be paid for by others.
 *  - *Polish* [ours] tries designs beside the best ones.
 *
 * Where the space guesses what a design will score, the search begins with what a climb by guesses finds from the
 * largest shape that limits allow, without an evaluation [ours]. Elsewhere it begins with two designs: that of the best
 * bound of all, where the space bounds boxes, and the largest shape, with its conflicts resolved. What may be asked
 * next is ordered by what it promises (guided_promise.c), and only asked if its bound, looked at closely, still beats
 * the best. That test never skips what could have won; the promise may, so that the search hopes for more a few times
 * before it ends, and branch and bound has a share of every round after the first few (`sure`). The proof afterwards
 * says what was missed. */
#include "search/space/guided.h"

#include "search/space/boxes.h"
#include <string.h>

#define OFFSET(member) offsetof(struct guided_settings, member)
static const struct field guided_field_list[] = {
    {"mirror", FIELD_BOOL, "", 0, 0, "true",
     "resolve the conflicts of the forward pass first, by schedules of it alone (a third of an evaluation each)",
     OFFSET(mirror), ROLE_ANSWER, NULL},
    {"mirror_steps", FIELD_UINT, "", 0, 100, "12", "most of these schedules on one shape", OFFSET(mirror_steps),
     ROLE_ANSWER, NULL},
    {"growth_hysteresis", FIELD_UINT, "", 0, 100, "1", "growth steps without a better score before a walk ends",
     OFFSET(growth_hysteresis), ROLE_ANSWER, NULL},
    {"dim_hysteresis", FIELD_UINT, "", 0, 100, "2",
     "shapes in a row that did not beat their ancestors before a line ends", OFFSET(dim_hysteresis), ROLE_ANSWER, NULL},
    {"polish_designs", FIELD_UINT, "", 0, 1000, "4", "best designs whose neighbours are tried", OFFSET(polish_designs),
     ROLE_ANSWER, NULL},
    {"gain", FIELD_REAL, "", 0, 1, "0.005", "an expected gain below this is not worth an evaluation", OFFSET(gain),
     ROLE_ANSWER, NULL},
    {"slack", FIELD_REAL, "", 0, 1, "0.03",
     "once nothing promises that gain, designs expected this close behind the best are tried, too", OFFSET(slack),
     ROLE_ANSWER, NULL},
    {"margin", FIELD_REAL, "", 0, 10, "0.3",
     "how much better than expected a neighbour of the best may turn out, before it is skipped", OFFSET(margin),
     ROLE_ANSWER, NULL},
    {"swap_margin", FIELD_REAL, "", 0, 10, "0.2",
     "the same of a neighbour two axes away, by opposite steps, and of one beside the next best", OFFSET(swap_margin),
     ROLE_ANSWER, NULL},
    {"optimism", FIELD_REAL, "", 0, 10, "1.0",
     "how much of what predictions were wrong by a design is trusted to do better than predicted", OFFSET(optimism),
     ROLE_ANSWER, NULL},
    {"hopes", FIELD_UINT, "", 0, 100, "4", "when nothing promises to win, optimism doubles so many times",
     OFFSET(hopes), ROLE_ANSWER, NULL},
    {"share", FIELD_REAL, "", 0, 1, "0.005",
     "most evaluations, as a share of the space (at least 128): a search that needs more is no better than the proof",
     OFFSET(share), ROLE_ANSWER, NULL},
    {"most_evaluations", FIELD_UINT, "", 1, 1e9, "4000", "and in any case no more than this", OFFSET(most_evaluations),
     ROLE_ANSWER, NULL},
    {"batch", FIELD_UINT, "", 1, 1e6, "2", "designs evaluated between two decisions", OFFSET(batch), ROLE_ANSWER, NULL},
    {"sure", FIELD_REAL, "", 0, 1, "0.5",
     "share of a round that branch and bound asks for, best bound first, where the space bounds boxes", OFFSET(sure),
     ROLE_ANSWER, NULL},
    {"sure_after", FIELD_UINT, "", 0, 1e9, "1000",
     "most evaluations that branch and bound goes on for when nothing else promises to win: a proof needs them, too",
     OFFSET(sure_after), ROLE_ANSWER, NULL},
    {"gap_target", FIELD_REAL, "", 0, 1, "0.0",
     "the search ends once its best is this close to what no design can beat; 0: it goes on", OFFSET(gap_target),
     ROLE_ANSWER, NULL},
    {"max_starts", FIELD_UINT, "", 1, 4096, "64", "most combinations of category axes to start from",
     OFFSET(max_starts), ROLE_ANSWER, NULL},
};
static const struct field_table guided_fields = {"guided", "critical-path guided local search", guided_field_list,
                                                 sizeof guided_field_list / sizeof *guided_field_list};

enum { LEAST_BUDGET = 128, MOST_CLIMBS = 8, FIRST_BY_GUESS = 8 };

/* --- shared ---------------------------------------------------------------------------------------------------------
 */

void *guided_grown(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size) {
  if (n < *capacity) return array;
  *capacity = *capacity ? *capacity * 2 : 64;
  void *bigger = arena_alloc(arena, *capacity, size);
  if (n > 0) memcpy(bigger, array, n * size);
  return bigger;
}

bool guided_interrupted(const struct guided *state) {
  const struct search_request *request = &state->request;
  return request->interrupted != NULL && request->interrupted(request->interrupted_context);
}

bool guided_step(const struct space *space, struct point *point, size_t axis, int step) {
  const int index = (int)point->index[axis] + step;
  if (index < 0 || index >= (int)space->axes[axis].n) return false;
  point->index[axis] = (uint16_t)index;
  return true;
}

bool guided_take(struct guided *state, const struct point *point, size_t walk, struct point *points, size_t *n) {
  if (state->n_asked == state->budget || *n == state->round_most) return false;
  if (!point_set_add(state->asked, point)) return true;
  state->n_asked++;
  state->pending[*n] = walk;
  points[(*n)++] = *point;
  return true;
}

/* --- rounds ---------------------------------------------------------------------------------------------------------
 */

static void *start(const struct search_request *request) {
  struct guided *state = ARENA_NEW(request->arena, struct guided, 1);
  state->request = *request;
  state->settings = *(const struct guided_settings *)request->settings;
  state->asked = point_set_new(request->arena);
  state->pending = ARENA_NEW(request->arena, size_t, request->round_size);
  const uint64_t share = (uint64_t)(state->settings.share * (double)space_size(request->space));
  state->budget = share > LEAST_BUDGET ? share : LEAST_BUDGET;
  if (state->budget > state->settings.most_evaluations) state->budget = state->settings.most_evaluations;
  state->round_most = state->settings.batch < request->round_size ? state->settings.batch : request->round_size;
  state->elite_capacity = state->settings.polish_designs > 0 ? 2 * state->settings.polish_designs : 1;
  state->elite = ARENA_NEW(request->arena, struct record, state->elite_capacity + 1);
  state->polished = ARENA_NEW(request->arena, bool, state->elite_capacity + 1);
  state->n_traded = ARENA_NEW(request->arena, uint16_t, state->elite_capacity + 1);
  if (request->space->bound_box != NULL) state->boxes = boxes_new(request->space, request->arena);
  state->sure_points = ARENA_NEW(request->arena, struct point, request->round_size);
  promise_start(state);
  growth_start(state);
  polish_start(state);
  return state;
}

/* --- the sure way ---------------------------------------------------------------------------------------------------
 * Beside all that the search hopes for, branch and bound asks for the designs with the best bounds. Where bounds are
 * tight, it finds the best first; and when no box is left that could beat the best, the search is over. */

static bool may_win(void *context, double bound, const struct point *first) {
  (void)first;
  const struct guided *state = context;
  return state->n_elite == 0 ||
         guided_better(state, bound, state->elite[0].score.objective[state->request.space->metric]);
}

/* Adds at most `most` designs to the round. */
static void ask_surely(struct guided *state, size_t most, struct point *points, size_t *n) {
  if (state->boxes == NULL || state->is_proven || most == 0) return;
  const struct boxes_filter filter = {.admits = may_win,
                                      .evaluated = state->asked,
                                      .context = state,
                                      .interrupted = state->request.interrupted,
                                      .interrupted_context = state->request.interrupted_context};
  const size_t asked = boxes_ask(state->boxes, &filter, state->sure_points, most);
  state->has_ceiling = boxes_ceiling(state->boxes, &state->ceiling);
  for (size_t i = 0; i < asked; i++) guided_take(state, &state->sure_points[i], NO_WALK, points, n);
  state->is_proven = boxes_counts(state->boxes)->open == 0 && asked == 0;
}

/* Where the space guesses, the best that climbs by guesses find, without any bound of a box, which take as long as many
 * evaluations. Else two views of the space: the design with the best bound, often of many small cores, and the largest
 * shape that limits allow, of few large ones, with the counts that its conflicts ask for. */
static void begin(struct guided *state, struct point *points, size_t *n) {
  state->has_begun = true;
  while (state->request.space->guess != NULL && *n == 0 && growth_next_generation(state)) {
    struct point from;
    for (size_t w = 0; w < state->n_frontier && w < MOST_CLIMBS; w++) {
      if (growth_place(state, w, &from)) polish_climb(state, &from);
    }
    polish_ask(state, 1, points, n);
  }
  if (*n > 0) return;
  ask_surely(state, 1, points, n);
  const size_t wanted = *n + 1 < state->round_most ? *n + 1 : state->round_most;
  do growth_ask(state, wanted, points, n);
  while (*n < wanted && growth_next_generation(state));
}

static bool close_enough(const struct guided *state) {
  if (!(state->settings.gap_target > 0) || !state->has_ceiling || state->n_elite == 0) return false;
  const double best = state->elite[0].score.objective[state->request.space->metric], gap = state->settings.gap_target;
  return guided_metric(state)->maximise ? best >= state->ceiling * (1 - gap) : best * (1 - gap) <= state->ceiling;
}

/* Trades and polish first; growth where they leave room, then what confirms the best, then the next generation of
 * shapes. */
/* What growth, trades and polish ask for. */
static void ask_locally(struct guided *state, struct point *points, size_t *n) {
  while (state->n_asked < state->budget && !close_enough(state)) {
    const size_t before = *n;
    polish_ask(state, state->round_most, points, n);
    if (*n > before && *n < state->round_most) continue;
    growth_ask(state, state->round_most, points, n);
    if (*n == 0) polish_confirm(state, points, n);
    if (*n > 0) break;
    if (!growth_next_generation(state) && !promise_hope(state)) break;
  }
}

static size_t ask(void *opaque, uint64_t round, struct point *points) {
  (void)round;
  struct guided *state = opaque;
  const size_t whole = state->round_most;
  size_t n = 0;
  if (!state->has_begun) begin(state, points, &n);
  if (n > 0) return n;
  if (close_enough(state)) return 0;
  /* Of a round of one, every other is the sure way's. */
  size_t sure = (size_t)((double)whole * state->settings.sure + 0.5);
  if (whole == 1) sure = state->settings.sure > 0 && state->n_asked % 2 == 0;
  if (state->boxes == NULL || state->n_sure_after >= state->settings.sure_after) sure = 0;
  /* The first few by guesses alone: bounds of boxes take longer than they do, and often enough they find it. */
  if (state->request.space->guess != NULL && state->n_asked < FIRST_BY_GUESS && whole > sure) {
    ask_locally(state, points, &n);
    if (n > 0) return n;
  }
  ask_surely(state, sure, points, &n);
  if (state->is_proven && n == 0) return 0;
  const size_t n_sure = n;
  if (whole > sure) ask_locally(state, points, &n);
  if (whole > sure && n == n_sure) state->n_sure_after += n; /* nothing else promises anything */
  return n;
}

/* Keeps the best records, in order. */
static void consider(struct guided *state, const struct record *record) {
  if (record->score.reason != SCORE_FEASIBLE) return;
  size_t place = state->n_elite;
  const size_t m = state->request.space->metric;
  while (place > 0 && record_compare(guided_metric(state), m, record, &state->elite[place - 1]) < 0) place--;
  if (place >= state->elite_capacity) return;
  for (size_t e = state->n_elite; e > place; e--) {
    state->elite[e] = state->elite[e - 1];
    state->polished[e] = state->polished[e - 1];
    state->n_traded[e] = state->n_traded[e - 1];
  }
  state->elite[place] = *record;
  state->polished[place] = false;
  state->n_traded[place] = 0;
  if (state->n_elite < state->elite_capacity) state->n_elite++;
}

static void tell(void *opaque, const struct record *records, size_t n) {
  struct guided *state = opaque;
  for (size_t i = 0; i < n; i++) consider(state, &records[i]);
  promise_learn(state, records, n);
  for (size_t i = 0; i < n; i++) {
    if (state->pending[i] != NO_WALK) growth_tell(state, state->pending[i], &records[i]);
  }
}

const struct search_algorithm search_guided = {
    .name = "guided",
    .doc = "critical-path guided local search: grows cores where waiting hurts, shrinks shapes, polishes the best",
    .table = &guided_fields,
    .settings_bytes = sizeof(struct guided_settings),
    .start = start,
    .ask = ask,
    .tell = tell,
    .seedless = true,
};
