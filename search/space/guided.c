/* Which few designs are worth evaluating? The critical-path guided local search (accelerator-search §8; after WHAM,
 * arXiv 2404.14632, whose code is not public: rules marked [ours] are our reading of it).
 *
 * Three moves, all in the same rounds:
 *  - A *walk* fixes the shape axes (array rows and columns, lanes, buffers) and grows the others (numbers of cores, HBM
 *    stacks) from their smallest values, one step at a time, where the schedule's critical path says that waiting
 *    hurts most per added mm². It ends at a limit, when cores no longer limit the schedule, or when growing has not
 *    helped `growth_hysteresis` times.
 *  - *Shapes* are tried from the largest downwards; a shape's children have one shape axis moved to its next smaller
 *    value; a line of descent that has not beaten its ancestors more than `dim_hysteresis` times is given up.
 *  - *Polish* [ours]: the neighbours of the best designs (one axis by one step, two axes by opposite steps, or one axis
 * by one step and the others lowered until limits allow it and raised while the bound gains), because limits on area
 * and power make the best design a trade between axes that neither of the other moves makes. A point is evaluated only
 * if it promises to beat the best so far [ours]: its bound must be better, and so must the bound times the share of its
 * own bound that a related design reached (the walk's last point, its parent shape, the design being polished), within
 * `margin`. Bounds cost about a hundredth of an evaluation. The first test never skips what could have won; the second
 * may, which is what the proof afterwards is for. */
#include "search/space/space.h"

#include <string.h>

struct guided_settings {
  uint64_t growth_hysteresis, dim_hysteresis, polish_designs, max_starts;
  double margin, share;
};

#define OFFSET(member) offsetof(struct guided_settings, member)
static const struct field guided_field_list[] = {
    {"growth_hysteresis", FIELD_UINT, "", 0, 100, "1", "growth steps without a better score before a walk ends",
     OFFSET(growth_hysteresis), ROLE_ANSWER, NULL},
    {"dim_hysteresis", FIELD_UINT, "", 0, 100, "2",
     "shapes in a row that did not beat their ancestors before a line ends", OFFSET(dim_hysteresis), ROLE_ANSWER, NULL},
    {"polish_designs", FIELD_UINT, "", 0, 1000, "4", "best designs whose neighbours are tried", OFFSET(polish_designs),
     ROLE_ANSWER, NULL},
    {"margin", FIELD_REAL, "", 0, 10, "0.3",
     "how much better than its relatives suggest a design may turn out, before it is skipped", OFFSET(margin),
     ROLE_ANSWER, NULL},
    {"share", FIELD_REAL, "", 0, 1, "0.05",
     "most evaluations, as a share of the space (at least 64): a search that needs more is no better than the proof",
     OFFSET(share), ROLE_ANSWER, NULL},
    {"max_starts", FIELD_UINT, "", 1, 4096, "64", "most combinations of category axes to start from",
     OFFSET(max_starts), ROLE_ANSWER, NULL},
};
static const struct field_table guided_fields = {"guided", "critical-path guided local search", guided_field_list,
                                                 sizeof guided_field_list / sizeof *guided_field_list};

/* One shape and the growth on it. */
struct walk {
  struct point at;      /* shape and present counts */
  double best;          /* best score seen on this shape */
  double ancestor_best; /* best on the way to it */
  double reached;       /* metric over bound at the last point evaluated on this line; 0: none yet */
  uint64_t misses, stale;
  double bound; /* of the metric at `at`, if known */
  bool has_best, has_ancestor_best, over, known, allowed;
};

/* A design next to one of the best, its bound, and the share of its own bound that the latter reached. */
struct neighbour {
  struct point point;
  double bound, reached;
};

struct guided {
  struct search_request request;
  struct guided_settings settings;
  struct point_set *shapes, *asked;
  struct walk *frontier, *next;
  size_t n_frontier, n_next, frontier_capacity, next_capacity;
  size_t *pending; /* per asked point: its walk, or NO_WALK for a neighbour */
  size_t n_pending;
  struct record *elite; /* the polish_designs best, sorted */
  bool *polished;
  size_t n_elite;
  struct neighbour *neighbours; /* waiting to be asked */
  size_t n_neighbours, neighbours_capacity;
  uint64_t n_asked, budget;
  size_t round_most; /* of a round: a small budget is spent in small steps, so that each learns from the last */
};

enum { LEAST_BUDGET = 64, LEAST_ROUND = 4, ROUNDS_OF_BUDGET = 24 };

#define NO_WALK SIZE_MAX

static const struct objective *metric(const struct guided *state) {
  return &state->request.space->objectives[state->request.space->metric];
}
static double metric_of(const struct guided *state, const struct score *score) {
  return score->objective[state->request.space->metric];
}

/* Makes room for one more element in an arena array. */
static void *grown(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size) {
  if (n < *capacity) return array;
  *capacity = *capacity ? *capacity * 2 : 64;
  void *bigger = arena_alloc(arena, *capacity, size);
  if (n > 0) memcpy(bigger, array, n * size);
  return bigger;
}

static void screen(const struct guided *state, const struct point *point, struct score *score) {
  const struct space *space = state->request.space;
  *score = (struct score){.reason = SCORE_FEASIBLE};
  const struct search_request *request = &state->request;
  /* Who is to stop finds everything excluded, and is soon done. */
  if (request->interrupted != NULL && request->interrupted(request->interrupted_context)) score->reason = 1;
  if (score->reason == SCORE_FEASIBLE && space->screen != NULL) space->screen(space->context, point, score);
}

/* Could this point be the best? `reached` is the share of its bound that a relative reached; 0: not known. */
static bool promising(const struct guided *state, double bound, double reached) {
  if (state->request.space->screen == NULL || state->n_elite == 0) return true;
  const double best = metric_of(state, &state->elite[0].score);
  if (!objective_better(metric(state), bound, best)) return false;
  if (!(reached > 0)) return true;
  const double margin = metric(state)->maximise ? 1.0 + state->settings.margin : 1.0 / (1.0 + state->settings.margin);
  return objective_better(metric(state), bound * reached * margin, best);
}

/* The share of its bound that an evaluated design reached. */
static double share_reached(const struct guided *state, const struct record *record) {
  struct score screened;
  if (state->request.space->screen == NULL || record->score.reason != SCORE_FEASIBLE) return 0;
  screen(state, &record->point, &screened);
  return screened.bound > 0 ? metric_of(state, &record->score) / screened.bound : 0;
}

static void add_shape(struct guided *state, const struct walk *walk) {
  if (!point_set_add(state->shapes, &walk->at)) return;
  state->next = grown(state->request.arena, state->next, state->n_next, &state->next_capacity, sizeof *state->next);
  state->next[state->n_next++] = *walk;
}

/* The first frontier: the largest shape for every combination of categories. */
static void first_frontier(struct guided *state) {
  const struct space *space = state->request.space;
  struct walk walk = {.at = {{0}}};
  for (size_t a = 0; a < space->n_axes; a++) {
    if (space->axes[a].role == AXIS_SHAPE) walk.at.index[a] = (uint16_t)(space->axes[a].n - 1);
  }
  for (uint64_t start = 0; start < state->settings.max_starts; start++) {
    uint64_t rest = start;
    for (size_t a = space->n_axes; a-- > 0;) {
      if (space->axes[a].role != AXIS_CHOICE) continue;
      walk.at.index[a] = (uint16_t)(rest % space->axes[a].n);
      rest /= space->axes[a].n;
    }
    if (rest > 0) break;
    add_shape(state, &walk);
  }
}

static void *start(const struct search_request *request) {
  struct guided *state = ARENA_NEW(request->arena, struct guided, 1);
  state->request = *request;
  state->settings = *(const struct guided_settings *)request->settings;
  state->shapes = point_set_new(request->arena);
  state->asked = point_set_new(request->arena);
  state->pending = ARENA_NEW(request->arena, size_t, request->round_size);
  const uint64_t share = (uint64_t)(state->settings.share * (double)space_size(request->space));
  state->budget = share > LEAST_BUDGET ? share : LEAST_BUDGET;
  const uint64_t most = state->budget / ROUNDS_OF_BUDGET;
  state->round_most = most > LEAST_ROUND ? most : LEAST_ROUND;
  if (state->round_most > request->round_size) state->round_most = request->round_size;
  const size_t n_elite = state->settings.polish_designs > 0 ? state->settings.polish_designs : 1;
  state->elite = ARENA_NEW(request->arena, struct record, n_elite + 1);
  state->polished = ARENA_NEW(request->arena, bool, n_elite + 1);
  first_frontier(state);
  return state;
}

/* Screens a walk's place once; it stays known until the walk moves. A place that limits exclude may be too small (too
 * little memory, too slow): then it grows by the steps that lessen the excess, until limits allow it or none does. */
static void know(const struct guided *state, struct walk *walk) {
  const struct space *space = state->request.space;
  struct score here;
  if (walk->known) return;
  screen(state, &walk->at, &here);
  for (bool moved = true; moved && here.reason != SCORE_FEASIBLE;) {
    struct point best = walk->at;
    struct score best_score = here;
    for (size_t a = 0; a < space->n_axes; a++) {
      if (space->axes[a].role != AXIS_GROW || walk->at.index[a] + 1u >= space->axes[a].n) continue;
      struct point step = walk->at;
      struct score score;
      step.index[a]++;
      screen(state, &step, &score);
      const bool allowed = score.reason == SCORE_FEASIBLE && best_score.reason != SCORE_FEASIBLE;
      const bool nearer = score.reason == best_score.reason && score.excess < best_score.excess;
      if (!allowed && !nearer) continue;
      best = step;
      best_score = score;
    }
    moved = point_compare(&best, &walk->at) != 0;
    walk->at = best;
    here = best_score;
  }
  walk->known = true;
  walk->allowed = here.reason == SCORE_FEASIBLE;
  walk->bound = here.bound;
}

/* Where bounds already say that the present counts cannot win, grows without evaluating, by the step whose bound is
 * best. Returns false when no step leads on. */
static bool climb_unevaluated(const struct guided *state, struct walk *walk) {
  const struct space *space = state->request.space;
  size_t best_axis = SIZE_MAX;
  double best_bound = walk->bound;
  for (size_t a = 0; a < space->n_axes; a++) {
    if (space->axes[a].role != AXIS_GROW || walk->at.index[a] + 1u >= space->axes[a].n) continue;
    struct point step = walk->at;
    step.index[a]++;
    struct score screened;
    screen(state, &step, &screened);
    if (screened.reason != SCORE_FEASIBLE || !objective_better(metric(state), screened.bound, best_bound)) continue;
    best_axis = a;
    best_bound = screened.bound;
  }
  if (best_axis == SIZE_MAX) return false;
  walk->at.index[best_axis]++;
  walk->bound = best_bound;
  return true;
}

/* Moves a walk to its next point worth asking; false (and over) if there is none. */
static bool advance(struct guided *state, struct walk *walk) {
  know(state, walk);
  while (walk->allowed) {
    if (promising(state, walk->bound, walk->reached) && !point_set_has(state->asked, &walk->at)) return true;
    if (!climb_unevaluated(state, walk)) break;
  }
  walk->over = true;
  return false;
}

/* A finished frontier gives way to its shapes' children. */
static void next_generation(struct guided *state) {
  const struct space *space = state->request.space;
  for (size_t w = 0; w < state->n_frontier; w++) {
    const struct walk *walk = &state->frontier[w];
    struct walk child = {.has_ancestor_best = walk->has_ancestor_best,
                         .ancestor_best = walk->ancestor_best,
                         .misses = walk->misses,
                         .reached = walk->reached};
    if (walk->has_best) {
      const bool gained = !walk->has_ancestor_best || objective_better(metric(state), walk->best, walk->ancestor_best);
      child.misses = gained ? 0 : walk->misses + 1;
      if (gained) child.ancestor_best = walk->best;
      child.has_ancestor_best = true;
    }
    if (child.misses > state->settings.dim_hysteresis) continue;
    for (size_t a = 0; a < space->n_axes; a++) {
      if (space->axes[a].role != AXIS_SHAPE || walk->at.index[a] == 0) continue;
      child.at = walk->at;
      child.at.index[a]--;
      for (size_t g = 0; g < space->n_axes; g++) {
        if (space->axes[g].role == AXIS_GROW) child.at.index[g] = 0;
      }
      add_shape(state, &child);
    }
  }
  struct walk *spent = state->frontier;
  const size_t spent_capacity = state->frontier_capacity;
  state->frontier = state->next;
  state->n_frontier = state->n_next;
  state->frontier_capacity = state->next_capacity;
  state->next = spent;
  state->n_next = 0;
  state->next_capacity = spent_capacity;
}

static void add_neighbour(struct guided *state, const struct point *point, double reached) {
  if (point_set_has(state->asked, point)) return;
  struct score screened;
  screen(state, point, &screened);
  if (screened.reason != SCORE_FEASIBLE || !promising(state, screened.bound, reached)) return;
  state->neighbours = grown(state->request.arena, state->neighbours, state->n_neighbours, &state->neighbours_capacity,
                            sizeof *state->neighbours);
  state->neighbours[state->n_neighbours++] = (struct neighbour){*point, screened.bound, reached};
}

static bool step_axis(const struct space *space, struct point *point, size_t axis, int step) {
  const int index = (int)point->index[axis] + step;
  if (index < 0 || index >= (int)space->axes[axis].n) return false;
  point->index[axis] = (uint16_t)index;
  return true;
}

/* Lowers axes other than `pinned`, one step at a time, until limits allow the point: where several steps do, the one
 * with the best bound, else the one that comes nearest. False if nothing is left to lower. */
static bool lower_until_allowed(const struct guided *state, struct point *point, size_t pinned) {
  const struct space *space = state->request.space;
  for (;;) {
    struct score here, best_score = {.reason = UINT16_MAX};
    screen(state, point, &here);
    if (here.reason == SCORE_FEASIBLE) return true;
    struct point best;
    for (size_t a = 0; a < space->n_axes; a++) {
      struct point lower = *point;
      struct score score;
      if (a == pinned || !step_axis(space, &lower, a, -1)) continue;
      screen(state, &lower, &score);
      const bool allowed = score.reason == SCORE_FEASIBLE, best_allowed = best_score.reason == SCORE_FEASIBLE;
      const bool better = allowed
                              ? !best_allowed || objective_better(metric(state), score.bound, best_score.bound)
                              : !best_allowed && (best_score.reason == UINT16_MAX ||
                                                  (score.reason == here.reason && score.excess < best_score.excess));
      if (!better) continue;
      best = lower;
      best_score = score;
    }
    if (best_score.reason == UINT16_MAX) return false;
    *point = best;
  }
}

/* Raises axes other than `pinned` while limits allow it and the bound gains: spends what a lowered axis has freed. */
static void raise_while_gaining(const struct guided *state, struct point *point, size_t pinned) {
  const struct space *space = state->request.space;
  struct score here;
  screen(state, point, &here);
  for (;;) {
    struct point best = *point;
    double best_bound = here.bound;
    for (size_t a = 0; a < space->n_axes; a++) {
      struct point raised = *point;
      struct score score;
      if (a == pinned || !step_axis(space, &raised, a, +1)) continue;
      screen(state, &raised, &score);
      if (score.reason != SCORE_FEASIBLE || !objective_better(metric(state), score.bound, best_bound)) continue;
      best = raised;
      best_bound = score.bound;
    }
    if (point_compare(&best, point) == 0) return;
    *point = best;
    here.bound = best_bound;
  }
}

/* Queues the neighbours of the best design that has not been polished yet. */
static void polish_next(struct guided *state) {
  const struct space *space = state->request.space;
  for (size_t e = 0; e < state->n_elite && e < state->settings.polish_designs; e++) {
    if (state->polished[e]) continue;
    state->polished[e] = true;
    const double reached = share_reached(state, &state->elite[e]);
    for (size_t a = 0; a < space->n_axes; a++) {
      for (int step = -1; step <= 1; step += 2) {
        struct point one = state->elite[e].point;
        if (!step_axis(space, &one, a, step)) continue;
        add_neighbour(state, &one, reached);
        struct point refilled = one;
        if (lower_until_allowed(state, &refilled, a)) {
          raise_while_gaining(state, &refilled, a);
          add_neighbour(state, &refilled, reached);
        }
        for (size_t b = 0; b < space->n_axes; b++) {
          struct point two = one;
          if (b != a && step_axis(space, &two, b, -step)) add_neighbour(state, &two, reached);
        }
      }
    }
    if (state->n_neighbours > 0) return;
  }
}

static bool take(struct guided *state, const struct point *point, size_t walk, struct point *points, size_t *n) {
  if (state->n_asked == state->budget || *n == state->round_most) return false;
  if (!point_set_add(state->asked, point)) return true;
  state->n_asked++;
  state->pending[*n] = walk;
  points[(*n)++] = *point;
  return true;
}

/* Asks up to `most` points of a round from the queue of neighbours, most promising first. The best may have moved on
 * since they were queued, so that they are judged again. */
static void ask_neighbours(struct guided *state, size_t most, struct point *points, size_t *n) {
  if (state->n_neighbours == 0) polish_next(state);
  while (state->n_neighbours > 0 && *n < most) {
    size_t best = SIZE_MAX, kept = 0;
    double best_promise = 0;
    for (size_t i = 0; i < state->n_neighbours; i++) {
      const struct neighbour *neighbour = &state->neighbours[i];
      if (!promising(state, neighbour->bound, neighbour->reached)) continue;
      const double promise = neighbour->bound * neighbour->reached;
      if (best == SIZE_MAX || objective_better(metric(state), promise, best_promise))
        best = kept, best_promise = promise;
      state->neighbours[kept++] = state->neighbours[i];
    }
    state->n_neighbours = kept;
    if (best == SIZE_MAX) return;
    const struct point point = state->neighbours[best].point;
    state->neighbours[best] = state->neighbours[--state->n_neighbours];
    if (!take(state, &point, NO_WALK, points, n)) return;
  }
}

static void ask_walks(struct guided *state, struct point *points, size_t *n) {
  for (size_t w = 0; w < state->n_frontier && *n < state->round_most; w++) {
    struct walk *walk = &state->frontier[w];
    if (!walk->over && advance(state, walk) && !take(state, &walk->at, w, points, n)) return;
  }
}

/* Polish may fill half of a round, walks the rest; what they leave is polish's again. */
static size_t ask(void *opaque, uint64_t round, struct point *points) {
  (void)round;
  struct guided *state = opaque;
  size_t n = 0;
  while (n == 0 && state->n_asked < state->budget) {
    ask_neighbours(state, (state->round_most + 1) / 2, points, &n);
    ask_walks(state, points, &n);
    ask_neighbours(state, state->round_most, points, &n);
    if (n > 0) break;
    next_generation(state);
    if (state->n_frontier == 0) break;
  }
  return n;
}

/* Keeps the best records, in order. */
static void consider(struct guided *state, const struct record *record) {
  if (record->score.reason != SCORE_FEASIBLE) return;
  const size_t capacity = state->settings.polish_designs > 0 ? state->settings.polish_designs : 1;
  size_t place = state->n_elite;
  const size_t m = state->request.space->metric;
  while (place > 0 && record_compare(metric(state), m, record, &state->elite[place - 1]) < 0) place--;
  if (place >= capacity) return;
  for (size_t e = state->n_elite; e > place; e--) {
    state->elite[e] = state->elite[e - 1];
    state->polished[e] = state->polished[e - 1];
  }
  state->elite[place] = *record;
  state->polished[place] = false;
  if (state->n_elite < capacity) state->n_elite++;
}

/* What one evaluation means for its walk: grow where advised, or end. */
static void grow(struct guided *state, struct walk *walk, const struct score *score) {
  if (score->reason != SCORE_FEASIBLE) {
    walk->over = true;
    return;
  }
  const double value = metric_of(state, score);
  const bool improved = !walk->has_best || objective_better(metric(state), value, walk->best);
  if (improved) walk->best = value;
  walk->has_best = true;
  walk->stale = improved ? 0 : walk->stale + 1;
  walk->over = score->saturated || walk->stale > state->settings.growth_hysteresis;
  if (walk->over) return;
  for (size_t m = 0; m < score->n_moves; m++) {
    struct point step = walk->at;
    struct score screened;
    if (!step_axis(state->request.space, &step, score->moves[m].axis, score->moves[m].step)) continue;
    screen(state, &step, &screened);
    if (screened.reason != SCORE_FEASIBLE) continue;
    walk->at = step;
    walk->bound = screened.bound;
    return;
  }
  walk->over = true;
}

static void tell(void *opaque, const struct record *records, size_t n) {
  struct guided *state = opaque;
  for (size_t i = 0; i < n; i++) consider(state, &records[i]);
  for (size_t i = 0; i < n; i++) {
    if (state->pending[i] == NO_WALK) continue;
    struct walk *walk = &state->frontier[state->pending[i]];
    if (records[i].score.reason == SCORE_FEASIBLE) walk->reached = share_reached(state, &records[i]);
    grow(state, walk, &records[i].score);
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
