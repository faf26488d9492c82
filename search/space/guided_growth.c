/* How many cores does a shape want? (accelerator-search §8)
 *
 * A walk fixes the shape axes and grows the others from their smallest values, one step at a time, where the critical
 * path says that waiting hurts most per added mm². With `mirror` the conflicts of the forward pass are resolved first,
 * by `suggest`; the counts found there start the joint growth. Shapes come from the largest downwards: a shape's
 * children have one shape axis moved to its next smaller value. */
#include "search/space/guided.h"

static void add_shape(struct guided *state, const struct walk *walk) {
  if (!point_set_add(state->shapes, &walk->at)) return;
  state->next =
      guided_grown(state->request.arena, state->next, state->n_next, &state->next_capacity, sizeof *state->next);
  state->next[state->n_next++] = *walk;
}

/* The first frontier: the largest shape for every combination of categories. */
void growth_start(struct guided *state) {
  state->shapes = point_set_new(state->request.arena);
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

/* Screens a walk's place once; it stays known until the walk moves. A place that limits exclude may be too small (too
 * little memory, too slow): then it grows by the steps that lessen the excess, until limits allow it or none does. */
static void know(struct guided *state, struct walk *walk) {
  const struct space *space = state->request.space;
  struct screening here;
  if (walk->known) return;
  promise_screen(state, &walk->at, &here);
  for (bool moved = true; moved && here.reason != SCORE_FEASIBLE;) {
    struct point best = walk->at;
    struct screening best_score = here;
    for (size_t a = 0; a < space->n_axes; a++) {
      if (space->axes[a].role != AXIS_GROW || walk->at.index[a] + 1u >= space->axes[a].n) continue;
      struct point step = walk->at;
      struct screening score;
      step.index[a]++;
      promise_screen(state, &step, &score);
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
  walk->screening = here;
}

/* Where bounds already say that the present counts cannot win, grows without evaluating, by the step whose bound is
 * best. Returns false when no step leads on. */
static bool climb_unevaluated(struct guided *state, struct walk *walk) {
  const struct space *space = state->request.space;
  size_t best_axis = SIZE_MAX;
  struct screening best = walk->screening;
  for (size_t a = 0; a < space->n_axes; a++) {
    struct point step = walk->at;
    struct screening screened;
    if (space->axes[a].role != AXIS_GROW || !guided_step(space, &step, a, +1)) continue;
    promise_screen(state, &step, &screened);
    if (screened.reason != SCORE_FEASIBLE || !guided_better(state, screened.bound, best.bound)) continue;
    best_axis = a;
    best = screened;
  }
  if (best_axis == SIZE_MAX) return false;
  walk->at.index[best_axis]++;
  walk->screening = best;
  return true;
}

/* The first step that the advice names and limits allow. */
static bool follow(struct guided *state, struct walk *walk, const struct score *advice) {
  for (size_t m = 0; m < advice->n_moves; m++) {
    struct point step = walk->at;
    struct screening screened;
    if (state->request.space->axes[advice->moves[m].axis].role != AXIS_GROW) continue;
    if (!guided_step(state->request.space, &step, advice->moves[m].axis, advice->moves[m].step)) continue;
    promise_screen(state, &step, &screened);
    if (screened.reason != SCORE_FEASIBLE) continue;
    walk->at = step;
    walk->screening = screened;
    return true;
  }
  return false;
}

bool growth_place(struct guided *state, size_t i, struct point *point) {
  struct walk *walk = &state->frontier[i];
  know(state, walk);
  *point = walk->at;
  return walk->screening.reason == SCORE_FEASIBLE;
}

/* Resolves the conflicts of the forward pass alone, as long as what a step may reach is no worse than before it: the
 * cores added serve the mirrored backward pass. */
static void grow_forward(struct guided *state, struct walk *walk) {
  const struct space *space = state->request.space;
  if (!state->settings.mirror || space->suggest == NULL || walk->mirrored) return;
  walk->mirrored = true;
  for (uint64_t i = 0; i < state->settings.mirror_steps && !guided_interrupted(state); i++) {
    struct score advice = {0};
    const struct walk before = *walk;
    space->suggest(space->context, &walk->at, &advice);
    if (advice.reason != SCORE_FEASIBLE || advice.saturated || !follow(state, walk, &advice)) return;
    if (space->screen != NULL && guided_better(state, before.screening.bound, walk->screening.bound)) {
      *walk = before;
      return;
    }
  }
}

/* Moves a walk to its next point worth asking; false (and over) if there is none. */
static bool advance(struct guided *state, struct walk *walk) {
  know(state, walk);
  while (walk->screening.reason == SCORE_FEASIBLE) {
    if (promise_worth(state, &walk->at, &walk->screening)) {
      grow_forward(state, walk);
      const bool worth = !point_set_has(state->asked, &walk->at) &&
                         promise_closely(state, &walk->at, &walk->screening) &&
                         promise_worth(state, &walk->at, &walk->screening);
      if (worth) return true;
    }
    if (!climb_unevaluated(state, walk)) break;
  }
  walk->over = true;
  return false;
}

void growth_ask(struct guided *state, size_t most, struct point *points, size_t *n) {
  for (size_t w = 0; w < state->n_frontier && *n < most; w++) {
    struct walk *walk = &state->frontier[w];
    if (!walk->over && advance(state, walk) && !guided_take(state, &walk->at, w, points, n)) return;
  }
}

/* What one evaluation means for its walk: grow where advised, or end. */
void growth_tell(struct guided *state, size_t number, const struct record *record) {
  struct walk *walk = &state->frontier[number];
  const struct score *score = &record->score;
  if (score->reason != SCORE_FEASIBLE) {
    walk->over = true;
    return;
  }
  const double value = score->objective[state->request.space->metric];
  const bool improved = !walk->has_best || guided_better(state, value, walk->best);
  if (improved) walk->best = value;
  walk->has_best = true;
  walk->stale = improved ? 0 : walk->stale + 1;
  walk->over = score->saturated || walk->stale > state->settings.growth_hysteresis || !follow(state, walk, score);
}

/* The miss count of a shape's children: a shape that beat its ancestors clears it, one that did not, or that promised
 * too little to be evaluated, adds to it; of one that limits exclude at every count nothing is known. */
static struct walk child_of(const struct guided *state, const struct walk *walk) {
  struct walk child = {
      .has_ancestor_best = walk->has_ancestor_best, .ancestor_best = walk->ancestor_best, .misses = walk->misses};
  if (walk->has_best) {
    const bool gained = !walk->has_ancestor_best || guided_better(state, walk->best, walk->ancestor_best);
    child.misses = gained ? 0 : walk->misses + 1;
    if (gained) child.ancestor_best = walk->best;
    child.has_ancestor_best = true;
  } else if (walk->known && walk->screening.reason == SCORE_FEASIBLE) {
    child.misses++;
  }
  return child;
}

bool growth_next_generation(struct guided *state) {
  const struct space *space = state->request.space;
  for (size_t w = 0; w < state->n_frontier; w++) {
    const struct walk *walk = &state->frontier[w];
    struct walk child = child_of(state, walk);
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
  return state->n_frontier > 0;
}
