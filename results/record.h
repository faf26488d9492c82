/* What is kept of one evaluated design: where it lies in the space, and what it scored.
 *
 * Plain bytes without pointers and without unnamed padding, so that records can be sent, hashed and compared. The
 * lexicographic order of points is the universal tie-break. (DESIGN, "Central types".) */
#ifndef RESULTS_RECORD_H
#define RESULTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POINT_MAX_AXES = 16, SCORE_MAX_OBJECTIVES = 8, SCORE_MAX_MOVES = 4 };

/* A position on every axis: indices into the axes' sorted values; unused axes are 0. */
struct point {
  uint16_t index[POINT_MAX_AXES];
};

/* The next step that an evaluation advises: `axis` by `step` values, with its expected worth (larger is better). */
struct move {
  double worth;
  uint16_t axis;
  int16_t step;
  uint32_t zero;
};

enum { SCORE_FEASIBLE = 0 }; /* other reasons are numbered and named by the problem */

struct score {
  double objective[SCORE_MAX_OBJECTIVES]; /* finite and ≥ 0 if feasible; meaning and direction: struct objective */
  double bound;  /* the main objective cannot be better than this at this point, whatever the schedule */
  double excess; /* infeasible: by how much, in the limit's unit */
  struct move moves[SCORE_MAX_MOVES];
  uint16_t reason;  /* SCORE_FEASIBLE or why not */
  uint16_t binding; /* what stops this design, numbered and named by the problem */
  uint16_t n_moves;
  uint16_t saturated; /* more of what `moves` advise would not help: the design is at its other limits */
};

struct record {
  struct point point;
  struct score score;
};

struct objective {
  const char *name, *unit, *doc;
  bool maximise;
};

static inline int point_compare(const struct point *a, const struct point *b) {
  for (size_t i = 0; i < POINT_MAX_AXES; i++) {
    if (a->index[i] != b->index[i]) return a->index[i] < b->index[i] ? -1 : 1;
  }
  return 0;
}

/* Is value a better than value b? Strictly. */
static inline bool objective_better(const struct objective *objective, double a, double b) {
  return objective->maximise ? a > b : a < b;
}

/* Total order of records by one objective: feasible before infeasible, better before worse, then point. < 0: a first.
 */
static inline int record_compare(const struct objective *metric, size_t metric_index, const struct record *a,
                                 const struct record *b) {
  const bool a_feasible = a->score.reason == SCORE_FEASIBLE, b_feasible = b->score.reason == SCORE_FEASIBLE;
  if (a_feasible != b_feasible) return a_feasible ? -1 : 1;
  if (a_feasible) {
    const double x = a->score.objective[metric_index], y = b->score.objective[metric_index];
    if (objective_better(metric, x, y)) return -1;
    if (objective_better(metric, y, x)) return 1;
  }
  return point_compare(&a->point, &b->point);
}

#endif
