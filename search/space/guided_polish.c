/* Which trades between axes are worth an evaluation? [ours]
 *
 * Limits on area and power make the best design a trade: what one axis gains, others pay. A candidate is a design one
 * step away (one axis by one step, two by opposite steps) from a good one, or one axis by one step with the others
 * lowered, where their bound loses least, until limits allow it, and raised again while the bound gains. Candidates
 * wait in a pool; the one that promises most is asked first, and before that its own neighbours join the pool, so that
 * the search runs ahead of evaluations along what it expects. */
#include "search/space/guided.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_AHEAD = 6, MOST_AHEAD_AT_FIRST = 64 }; /* expansions a round, and before anything was evaluated */

void polish_start(struct guided *state) {
  state->pooled = point_set_new(state->request.arena);
  state->expanded = point_set_new(state->request.arena);
  state->surrounded = point_set_new(state->request.arena);
}

static void add_candidate(struct guided *state, const struct point *point) {
  struct screening screening;
  if (point_set_has(state->asked, point) || point_set_has(state->pooled, point)) return;
  promise_screen(state, point, &screening);
  if (screening.reason != SCORE_FEASIBLE || !promise_possible(state, screening.bound)) return;
  point_set_add(state->pooled, point);
  state->pool =
      guided_grown(state->request.arena, state->pool, state->n_pool, &state->pool_capacity, sizeof *state->pool);
  state->pool[state->n_pool++] = (struct candidate){.point = *point, .screening = screening};
}

/* Lowers axes other than `pinned`, one step at a time, until limits allow the point: where several steps do, the one
 * with the best bound, else the one that comes nearest. False if nothing is left to lower. */
static bool lower_until_allowed(struct guided *state, struct point *point, size_t pinned) {
  const struct space *space = state->request.space;
  for (;;) {
    struct screening here, best_screening = {.reason = UINT16_MAX};
    promise_screen(state, point, &here);
    if (here.reason == SCORE_FEASIBLE) return true;
    struct point best;
    for (size_t a = 0; a < space->n_axes; a++) {
      struct point lower = *point;
      struct screening screening;
      if (a == pinned || !guided_step(space, &lower, a, -1)) continue;
      promise_screen(state, &lower, &screening);
      const bool allowed = screening.reason == SCORE_FEASIBLE, best_allowed = best_screening.reason == SCORE_FEASIBLE;
      const bool better =
          allowed ? !best_allowed || guided_better(state, screening.bound, best_screening.bound)
                  : !best_allowed && (best_screening.reason == UINT16_MAX ||
                                      (screening.reason == here.reason && screening.excess < best_screening.excess));
      if (!better) continue;
      best = lower;
      best_screening = screening;
    }
    if (best_screening.reason == UINT16_MAX) return false;
    *point = best;
  }
}

/* Raises axes other than `pinned` while limits allow it and the bound gains: spends what a lowered axis has freed. */
static void raise_while_gaining(struct guided *state, struct point *point, size_t pinned) {
  const struct space *space = state->request.space;
  struct screening here;
  promise_screen(state, point, &here);
  for (;;) {
    struct point best = *point;
    double best_bound = here.bound;
    for (size_t a = 0; a < space->n_axes; a++) {
      struct point raised = *point;
      struct screening screening;
      if (a == pinned || !guided_step(space, &raised, a, +1)) continue;
      promise_screen(state, &raised, &screening);
      if (screening.reason != SCORE_FEASIBLE || !guided_better(state, screening.bound, best_bound)) continue;
      best = raised;
      best_bound = screening.bound;
    }
    if (point_compare(&best, point) == 0) return;
    *point = best;
    here.bound = best_bound;
  }
}

static void add_neighbours(struct guided *state, const struct point *point) {
  const struct space *space = state->request.space;
  for (size_t a = 0; a < space->n_axes; a++) {
    for (int step = -1; step <= 1; step += 2) {
      struct point one = *point;
      if (!guided_step(space, &one, a, step)) continue;
      add_candidate(state, &one);
      struct point refilled = one;
      if (lower_until_allowed(state, &refilled, a)) {
        raise_while_gaining(state, &refilled, a);
        add_candidate(state, &refilled);
      }
      for (size_t b = 0; b < space->n_axes; b++) {
        struct point two = one;
        if (b != a && guided_step(space, &two, b, -step)) add_candidate(state, &two);
      }
    }
  }
}

struct offer {
  struct point point;
  struct screening screening;
  double expected;
  bool found;
};

/* A design that has been paid for: what is left over is spent, then it is compared with the best offer so far; it joins
 * the pool in any case. */
static void offer(struct guided *state, const struct point *paid, size_t payer, struct offer *best) {
  struct point point = *paid;
  struct screening screening;
  struct kin kin = {0};
  raise_while_gaining(state, &point, payer);
  promise_screen(state, &point, &screening);
  if (!promise_possible(state, screening.bound) || point_set_has(state->asked, &point)) return;
  add_candidate(state, &point);
  const double expected = promise_expected(state, &point, &screening, &kin);
  if (best->found && !guided_better(state, expected, best->expected)) return;
  *best = (struct offer){point, screening, expected, true};
}

static bool pay(struct guided *state, struct point *point, size_t payer) {
  struct screening screening;
  promise_screen(state, point, &screening);
  while (screening.reason != SCORE_FEASIBLE && guided_step(state->request.space, point, payer, -1)) {
    promise_screen(state, point, &screening);
  }
  return screening.reason == SCORE_FEASIBLE;
}

/* Grows one axis where the schedule waited, and lets one or two others pay: lowered until limits allow it. */
static struct offer trade(struct guided *state, const struct point *from, const struct move *move) {
  const struct space *space = state->request.space;
  struct point grown = *from;
  struct offer best = {.found = false};
  if (!guided_step(space, &grown, move->axis, move->step)) return best;
  for (size_t b = 0; b < space->n_axes; b++) {
    struct point paid = grown;
    if (b == move->axis) continue;
    if (pay(state, &paid, b)) offer(state, &paid, b, &best);
    paid = grown;
    if (!guided_step(space, &paid, b, -1)) continue;
    for (size_t c = 0; c < space->n_axes; c++) {
      struct point shared = paid;
      if (c != b && c != move->axis && pay(state, &shared, c)) offer(state, &shared, b, &best);
    }
  }
  return best;
}

/* For each of the best designs once: resolve the conflicts that its schedule had, the worst first. */
static void ask_trades(struct guided *state, size_t most, struct point *points, size_t *n) {
  for (size_t e = 0; e < state->n_elite && e < state->settings.polish_designs && *n < most; e++) {
    const struct score *score = &state->elite[e].score;
    while (state->n_traded[e] < score->n_moves && *n < most) {
      struct offer best = trade(state, &state->elite[e].point, &score->moves[state->n_traded[e]++]);
      if (best.found && promise_closely(state, &best.point, &best.screening)) {
        guided_take(state, &best.point, NO_WALK, points, n);
      }
    }
  }
}

static bool is_near(const struct guided *state, const struct point *point, const struct point *points, size_t n) {
  for (size_t i = 0; i < n; i++) {
    int distance = 0;
    for (size_t a = 0; a < state->request.space->n_axes; a++) {
      distance += abs((int)point->index[a] - (int)points[i].index[a]);
    }
    if (distance < 2) return true;
  }
  return false;
}

/* The candidate that promises most, SIZE_MAX if none does; those whose bound no longer beats the best are dropped. One
 * beside a point of this round waits for what that will tell. Of equals, the one of which less is known. */
static size_t most_promising(struct guided *state, const struct point *points, size_t n) {
  size_t best = SIZE_MAX, kept = 0;
  double best_expected = 0;
  for (size_t i = 0; i < state->n_pool; i++) {
    struct candidate *candidate = &state->pool[i];
    const bool possible =
        candidate->screening.reason == SCORE_FEASIBLE && promise_possible(state, candidate->screening.bound);
    if (!possible || point_set_has(state->asked, &candidate->point)) continue;
    const double expected = promise_expected(state, &candidate->point, &candidate->screening, &candidate->kin);
    const struct candidate *other = best != SIZE_MAX ? &state->pool[best] : NULL;
    const bool equal = other != NULL && !guided_better(state, expected, best_expected) &&
                       !guided_better(state, best_expected, expected);
    const bool better = other == NULL || guided_better(state, expected, best_expected) ||
                        (equal && (candidate->kin.distance[0] > other->kin.distance[0] ||
                                   (candidate->kin.distance[0] == other->kin.distance[0] &&
                                    point_compare(&candidate->point, &other->point) < 0)));
    if (better && promise_beats(state, candidate->screening.bound, expected) &&
        !is_near(state, &candidate->point, points, n)) {
      best = kept;
      best_expected = expected;
    }
    state->pool[kept++] = *candidate;
  }
  state->n_pool = kept;
  return best;
}

/* Designs three steps away: one axis gains, one pays, and a third moves either way. Too many to look at around every
 * good design. */
static void add_far_neighbours(struct guided *state, const struct point *point) {
  const struct space *space = state->request.space;
  for (size_t a = 0; a < space->n_axes; a++) {
    for (size_t b = 0; b < space->n_axes; b++) {
      struct point two = *point;
      if (b == a || !guided_step(space, &two, a, +1) || !guided_step(space, &two, b, -1)) continue;
      for (size_t c = 0; c < space->n_axes; c++) {
        for (int step = -1; step <= 1; step += 2) {
          struct point three = two;
          if (c != a && c != b && guided_step(space, &three, c, step)) add_candidate(state, &three);
        }
      }
    }
  }
}

/* Asks a neighbour of the best unless it would take more than this luck to win. False: there is no more room. */
static bool confirm(struct guided *state, const struct point *point, double luck, struct point *points, size_t *n) {
  struct screening screening;
  struct kin kin = {0};
  promise_screen(state, point, &screening);
  if (screening.reason != SCORE_FEASIBLE || !promise_possible(state, screening.bound)) return true;
  const double expected = promise_expected(state, point, &screening, &kin);
  const double best = state->elite[0].score.objective[state->request.space->metric];
  const double wanted = guided_metric(state)->maximise ? best / (1 + luck) : best * (1 + luck);
  if (!guided_better(state, expected, wanted) || point_set_has(state->asked, point)) return true;
  return !promise_closely(state, point, &screening) || guided_take(state, point, NO_WALK, points, n);
}

static bool confirm_around(struct guided *state, const struct point *best, bool swaps, double margin,
                           struct point *points, size_t *n) {
  const struct space *space = state->request.space;
  for (size_t a = 0; a < space->n_axes; a++) {
    for (int step = -1; step <= 1; step += 2) {
      struct point one = *best;
      if (!guided_step(space, &one, a, step)) continue;
      struct point allowed = one;
      if (lower_until_allowed(state, &allowed, a) && !confirm(state, &allowed, margin, points, n)) return false;
      for (size_t b = 0; swaps && b < space->n_axes; b++) {
        struct point two = one;
        if (b == a || !guided_step(space, &two, b, -step)) continue;
        if (!confirm(state, &two, state->settings.swap_margin, points, n)) return false;
      }
    }
  }
  return true;
}

/* Before the search hopes for more: the neighbours of the best, one axis by one step, unless it would take more than
 * `margin` of luck; two axes by opposite steps, and one step around the next best, `swap_margin`. */
void polish_confirm(struct guided *state, struct point *points, size_t *n) {
  if (state->n_elite == 0) return;
  const struct point best = state->elite[0].point;
  if (point_set_add(state->surrounded, &best)) add_far_neighbours(state, &best);
  if (!confirm_around(state, &best, true, state->settings.margin, points, n)) return;
  for (size_t e = 1; e < state->n_elite; e++) {
    const struct point next = state->elite[e].point;
    if (!confirm_around(state, &next, false, state->settings.swap_margin, points, n)) return;
  }
}

/* The most promising candidate whose own neighbours are in the pool, and that was looked at closely; `ahead` expansions
 * are left. SIZE_MAX: none promises to win. */
static size_t run_ahead(struct guided *state, const struct point *points, size_t n, size_t *ahead) {
  for (;;) {
    const size_t best = most_promising(state, points, n);
    if (best == SIZE_MAX) return best;
    const struct point point = state->pool[best].point;
    if (*ahead > 0 && point_set_add(state->expanded, &point)) {
      --*ahead;
      add_neighbours(state, &point);
      continue;
    }
    if (state->pool[best].looked_at) return best;
    state->pool[best].looked_at = true;
    promise_closely(state, &point, &state->pool[best].screening);
  }
}

/* To the likeliest of the neighbours that nobody has pooled yet, as long as that is likelier than here. */
void polish_climb(struct guided *state, const struct point *from) {
  struct point at = *from;
  struct screening here;
  promise_screen(state, &at, &here);
  add_candidate(state, &at);
  for (bool gained = true; gained && point_set_add(state->expanded, &at);) {
    const size_t first = state->n_pool;
    add_neighbours(state, &at);
    gained = false;
    for (size_t i = first; i < state->n_pool; i++) {
      if (!guided_better(state, state->pool[i].screening.likely, here.likely)) continue;
      at = state->pool[i].point;
      here = state->pool[i].screening;
      gained = true;
    }
  }
}

void polish_ask(struct guided *state, size_t most, struct point *points, size_t *n) {
  const size_t n_elite =
      state->settings.polish_designs < state->n_elite ? state->settings.polish_designs : state->n_elite;
  ask_trades(state, (most + 1) / 2, points, n);
  for (size_t e = 0; e < n_elite; e++) {
    if (state->polished[e]) continue;
    state->polished[e] = true;
    add_neighbours(state, &state->elite[e].point);
    if (state->n_pool > 0) break;
  }
  size_t ahead = state->n_elite > 0 ? MOST_AHEAD : MOST_AHEAD_AT_FIRST;
  while (*n < most) {
    const size_t best = run_ahead(state, points, *n, &ahead);
    if (best == SIZE_MAX || !guided_take(state, &state->pool[best].point, NO_WALK, points, n)) return;
  }
}
