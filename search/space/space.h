/* The problem: pick one value on every axis so that the objectives are best.
 *
 * Plain data and two functions: `evaluate` scores a point in full, `screen` says cheaply whether limits already exclude
 * it and what it can reach at best. Nothing here knows graphs or hardware. Axes come in three roles that the
 * critical-path guided search uses and others ignore. (accelerator-search §8, §10.) */
#ifndef SEARCH_SPACE_SPACE_H
#define SEARCH_SPACE_SPACE_H

#include "base/arena.h"
#include "base/config.h"
#include "results/record.h"

enum axis_role {
  AXIS_SHAPE,  /* walked from its largest value downwards, e.g. rows of an array */
  AXIS_GROW,   /* grown from its smallest value where an evaluation advises it, e.g. counts of cores */
  AXIS_CHOICE, /* categories: every value is a start of its own, e.g. a technology node */
};

struct axis {
  const char *key, *unit;
  enum axis_role role;
  size_t n;
  const uint64_t *values;    /* sorted ascending, distinct */
  const char *const *labels; /* for categories: by value; NULL for numbers */
};

/* A sub-problem's reason or resource, numbered by the problem. */
struct reason_name {
  const char *name, *unit;
};

struct space {
  size_t n_axes, n_objectives, n_front_objectives;
  const size_t *front_objectives; /* [n_front_objectives]: those that span the Pareto front; NULL: the first ones */
  const struct axis *axes;
  const struct objective *objectives;
  size_t metric; /* index of the objective that orders top-k */
  size_t n_reasons, n_bindings;
  const struct reason_name *reasons, *bindings;
  void *context;
  /* Full score of a point. Pure: reads its const inputs and the context's scratch. */
  void (*evaluate)(void *context, const struct point *point, struct score *score);
  /* Sets reason and excess if limits known without evaluation exclude the point, else reason = SCORE_FEASIBLE and
   * bound = what the metric cannot exceed (or fall below) there, and objective[] the same for every objective. A
   * screened-out point would be infeasible with the same reason when evaluated. NULL if the problem has none. */
  void (*screen)(void *context, const struct point *point, struct score *score);
  /* The same with tighter bounds, for about a tenth of an evaluation, of a point that `screen` allows. NULL: none. */
  void (*refine)(void *context, const struct point *point, struct score *score);
  /* The same as `screen`, or with `closely` as `refine`, and returns what the metric is likely to be where limits allow
   * the point: a promise in neither direction, finite and > 0. NULL: nobody can tell. */
  double (*guess)(void *context, const struct point *point, bool closely, struct score *score);
  /* By how much a point that `screen` has excluded with this score breaks each limit, by reason; 0: it does not. NULL:
   * the reason and excess of the screen are all that is known. */
  void (*excesses)(void *context, const struct point *point, const struct score *screened, double *excess);
  /* The same as `screen` for all points of a box at once, low ≤ point ≤ high on every axis: a reason if limits exclude
   * every one of them, else objective[] and bound = what none of them can exceed (or fall below), and what binds. The
   * box may come back smaller: points cut off are excluded, and counted in excluded[reason]. A box of one point is
   * judged as `screen` judges it. NULL: none. */
  void (*bound_box)(void *context, struct point *low, struct point *high, uint64_t *excluded, struct score *score);
  /* Advice without a full evaluation, from the part of the problem that comes first and that the rest mirrors (a
   * forward pass): score->moves and saturated, best first. NULL: none. */
  void (*suggest)(void *context, const struct point *point, struct score *score);
  /* What an expert would look at: n_features numbers of a point that limits allow, finite, each of about the same size
   * all over the space; costs no more than a screen. NULL: none. */
  void (*describe)(void *context, const struct point *point, double *features);
  size_t n_features;
  const struct reason_name *features;
};
enum { SPACE_MAX_REASONS = 24, SPACE_MAX_FEATURES = 32 };

/* Number of points, saturating. */
uint64_t space_size(const struct space *space);
/* The point with lexicographic number `index` < space_size, and back. */
struct point space_point(const struct space *space, uint64_t index);
uint64_t space_index(const struct space *space, const struct point *point);
uint64_t space_value(const struct space *space, const struct point *point, size_t axis);
/* The number of the i-th objective that spans the Pareto front. */
static inline size_t space_front_objective(const struct space *space, size_t i) {
  return space->front_objectives != NULL ? space->front_objectives[i] : i;
}
/* Is `a` a better metric value than `b`? */
static inline bool space_better(const struct space *space, double a, double b) {
  return objective_better(&space->objectives[space->metric], a, b);
}

/* Judge of a score, separate from what made it: finite and non-negative objectives if feasible, metric not beyond its
 * own bound, moves inside the axes, reasons and bindings known. Every evaluation passes it; a broken promise makes the
 * record infeasible as `invalid` (reason n_reasons − 1 by convention). */
bool space_check_score(const struct space *space, const struct score *score, const char **what);

/* --- algorithms: ask → (somebody evaluates) → tell ------------------------------------------------------------------
 */

struct search_request {
  const struct space *space;
  const void *settings; /* of the algorithm's own table */
  uint64_t seed;
  size_t round_size;   /* most points a round; from the settings, never from the rank count */
  size_t top_k;        /* how many best points are wanted */
  struct arena *arena; /* for the algorithm's state */
  /* Looked at in asks that bound many points: once true, always true, and what is then asked is thrown away. NULL:
   * never. */
  bool (*interrupted)(void *context);
  void *interrupted_context;
};

struct boxes; /* boxes.h */

struct search_algorithm {
  const char *name, *doc;
  const struct field_table *table; /* group "search.NAME"; NULL: no keys */
  size_t settings_bytes;
  void *(*start)(const struct search_request *request);
  /* Fills at most request->round_size points, none asked before, and returns how many; 0: the search is over. */
  size_t (*ask)(void *state, uint64_t round, struct point *points);
  /* The records of the points asked, in the same order. */
  void (*tell)(void *state, const struct record *records, size_t n);
  /* How the space was covered, after the last ask; NULL: the algorithm proves nothing. */
  const struct boxes *(*certificate)(const void *state);
  bool seedless; /* it draws nothing: with any seed it asks the same */
  bool covers;   /* having ended by itself, it has evaluated every point of the space: its best is proven */
  bool learns;   /* it fits a model: an ask takes as long as many evaluations of a quick problem */
  bool folds;    /* it does not ask point by point (start, ask and tell are NULL): the space is folded, see sweep.h */
};

extern const struct search_algorithm *const search_algorithms[];
extern const size_t n_search_algorithms;
const struct search_algorithm *search_algorithm_find(const char *name);

/* A set of points, for algorithms that must not ask twice. */
struct point_set;
struct point_set *point_set_new(struct arena *arena);
bool point_set_add(struct point_set *set, const struct point *point); /* false if it was there */
bool point_set_has(const struct point_set *set, const struct point *point);
size_t point_set_count(const struct point_set *set);
/* How many were added before this one; SIZE_MAX if it is not there. */
size_t point_set_number(const struct point_set *set, const struct point *point);

#endif
