/* What the files of the critical-path guided search share: guided.c keeps what is known and runs the rounds,
 * guided_promise.c says what a design promises, guided_growth.c grows counts on shapes, guided_polish.c trades. */
#ifndef SEARCH_SPACE_GUIDED_H
#define SEARCH_SPACE_GUIDED_H

#include "search/space/space.h"

struct guided_settings {
  uint64_t growth_hysteresis, dim_hysteresis, polish_designs, max_starts, batch, mirror_steps, hopes, most_evaluations,
      sure_after;
  double margin, swap_margin, slack, gain, optimism, share, gap_target, sure;
  bool mirror;
};

/* What a screen says of a point, kept: the same neighbours are looked at again and again. */
struct screening {
  double bound, likely, excess; /* likely: where nobody can guess, the bound */
  uint16_t reason;
};

/* An evaluated design and the share that it reached of what was likely. */
struct relative {
  struct point point;
  double share;
};

/* The evaluated designs nearest to a point, as far as it has been told. */
enum { NEAREST = 6 };
struct kin {
  uint32_t relative[NEAREST], distance[NEAREST]; /* ascending; the first come first */
  size_t n, n_told;
};

struct candidate {
  struct point point;
  struct screening screening; /* the closer one, once it was looked at */
  bool looked_at;
  struct kin kin;
};

/* One shape and the growth on it. */
struct walk {
  struct point at;      /* shape and present counts */
  double best;          /* best score seen on this shape */
  double ancestor_best; /* best on the way to it */
  uint64_t misses, stale;
  struct screening screening; /* of `at`, if known */
  bool has_best, has_ancestor_best, over, known, mirrored;
};

struct guided {
  struct search_request request;
  struct guided_settings settings;
  struct point_set *asked;
  uint64_t n_asked, budget;
  size_t round_most; /* of a round: a small budget is spent in small steps, so that each learns from the last */
  size_t *pending;   /* per asked point: its walk, or NO_WALK */
  struct record *elite;
  bool *polished;     /* its neighbours are in the pool */
  uint16_t *n_traded; /* of its moves, so many were tried */
  size_t n_elite, elite_capacity;
  double ceiling; /* what no design can beat, if gap_target asks for it */
  bool has_ceiling, has_begun, is_proven;
  struct boxes *boxes; /* the sure way's; NULL: the space bounds none */
  struct point *sure_points;
  uint64_t n_sure_after; /* evaluations that it alone has asked for */
  /* guided_promise.c */
  struct point_set *screened;
  struct screening *screenings;
  size_t screenings_capacity;
  struct relative *relatives;
  size_t n_relatives, relatives_capacity;
  double mean_share, spread, optimism; /* spread: of predictions around what was then evaluated */
  double square_errors, n_errors;
  uint64_t n_hopes;
  /* guided_growth.c */
  struct point_set *shapes;
  struct walk *frontier, *next;
  size_t n_frontier, n_next, frontier_capacity, next_capacity;
  /* guided_polish.c */
  struct point_set *pooled, *expanded, *surrounded;
  struct candidate *pool; /* waiting to be asked */
  size_t n_pool, pool_capacity;
};

#define NO_WALK SIZE_MAX

static inline const struct objective *guided_metric(const struct guided *state) {
  return &state->request.space->objectives[state->request.space->metric];
}
static inline bool guided_better(const struct guided *state, double a, double b) {
  return objective_better(guided_metric(state), a, b);
}
/* Makes room for one more element in an arena array. */
void *guided_grown(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size);
bool guided_interrupted(const struct guided *state);
/* Adds a point to the round; false: there is no more room, in it or in the budget. */
bool guided_take(struct guided *state, const struct point *point, size_t walk, struct point *points, size_t *n);
bool guided_step(const struct space *space, struct point *point, size_t axis, int step);

/* guided_promise.c */
void promise_start(struct guided *state);
void promise_screen(struct guided *state, const struct point *point, struct screening *screening);
/* When nothing promises to win: hopes more. False: it has hoped enough. */
bool promise_hope(struct guided *state);
void promise_learn(struct guided *state, const struct record *records, size_t n);
/* What the metric is expected to be at a point; `kin` starts as zero and is brought up to date. */
double promise_expected(const struct guided *state, const struct point *point, const struct screening *screening,
                        struct kin *kin);
/* Could a design with this bound be the best? And with this bound and expectation? */
bool promise_possible(const struct guided *state, double bound);
bool promise_beats(const struct guided *state, double bound, double expected);
/* Could it, looked at closely, for about a tenth of an evaluation? The screening becomes the closer one. */
bool promise_closely(const struct guided *state, const struct point *point, struct screening *screening);
bool promise_worth(const struct guided *state, const struct point *point, const struct screening *screening);

/* guided_growth.c */
void growth_start(struct guided *state);
/* Where the i-th walk of the frontier begins, as far as limits allow; false: they allow none of its designs. */
bool growth_place(struct guided *state, size_t i, struct point *point);
void growth_ask(struct guided *state, size_t most, struct point *points, size_t *n);
/* A finished frontier gives way to its shapes' children; false: there are none. */
bool growth_next_generation(struct guided *state);
void growth_tell(struct guided *state, size_t walk, const struct record *record);

/* guided_polish.c */
void polish_start(struct guided *state);
/* Climbs from a design by what is likely, without an evaluation; what it passes joins the pool. */
void polish_climb(struct guided *state, const struct point *from);

void polish_confirm(struct guided *state, struct point *points, size_t *n);
void polish_ask(struct guided *state, size_t most, struct point *points, size_t *n);

#endif
