/* Which points of a space could still win, without looking at each of them? Branch and bound over boxes.
 *
 * Best-first: the box with the best bound is taken out; several points are split in two along the axis whose halves
 * gain most, a single one gets a tighter bound where the space has one, and is handed to the caller to be evaluated
 * when no other box promises more. Boxes that limits exclude, or whose bound cannot enter what the
 * caller keeps, are dropped and counted by what excluded them: when none is left, the counts are a certificate that
 * adds up to the size of the space. (accelerator-search §8, "Branch and bound".)
 *
 * Deterministic, the same on every rank: nothing here looks at ranks or clocks but `interrupted`. */
#ifndef SEARCH_SPACE_BOXES_H
#define SEARCH_SPACE_BOXES_H

#include "search/space/space.h"

enum { BOXES_MAX_BINDINGS = 16 };

/* Every point of the space is in exactly one of these; words through and through. */
struct boxes_counts {
  uint64_t excluded[SPACE_MAX_REASONS]; /* by limits, whole boxes at a time: the first reason that was noticed */
  uint64_t pruned[BOXES_MAX_BINDINGS];  /* by a bound: what binds there */
  uint64_t known;                       /* evaluated before: left to the caller */
  uint64_t asked;                       /* handed out to be evaluated */
  uint64_t open;                        /* in boxes that are still to be looked at */
  uint64_t n_bounded, n_refined;        /* boxes whose bound was taken, points that got a tighter one: the work done */
};

/* What is still worth asking? */
struct boxes_filter {
  /* Could a point at or behind `first` whose metric is no better than `bound` matter? Once false, it stays so for this
   * and every worse bound, and with equal bounds for every later point. */
  bool (*admits)(void *context, double bound, const struct point *first);
  const struct point_set *evaluated; /* NULL: none */
  bool (*interrupted)(void *context);
  void *context, *interrupted_context;
};

struct boxes; /* lives and grows in the arena */
/* The whole space; without bound_box all its points are looked at. */
struct boxes *boxes_new(const struct space *space, struct arena *arena);
/* The next points to evaluate, best bound first, at most `most`; 0: no point is left that the filter admits (or it was
 * interrupted, and what was asked is to be thrown away). */
size_t boxes_ask(struct boxes *boxes, const struct boxes_filter *filter, struct point *points, size_t most);
const struct boxes_counts *boxes_counts(const struct boxes *boxes);
/* What no point of the whole space can be better than, whatever was asked: the best of all points' bounds, or at least
 * as good. False before the first point was reached. */
bool boxes_ceiling(const struct boxes *boxes, double *bound);

/* What branch and bound will have to do, as far as a probe shows it. */
struct boxes_work {
  double n_bounded, n_refined; /* as in struct boxes_counts */
  double n_asked;              /* points that have to be evaluated, beside those that were */
  double seconds;              /* of bounds alone */
};
struct rng;
enum { BOXES_MAX_KEPT = 64 };
struct boxes_probing {
  struct rng *rng;
  struct arena *arena; /* as it was, afterwards */
  size_t n_kept;       /* boxes that stand for those of about their size and bound; at most BOXES_MAX_KEPT */
  double (*clock_s)(void);
  double best; /* of the metric: what has to be beaten; 0: not known */
};
/* Looks at few boxes of the tree, from the whole space down to single points, which stand for all of about their size
 * and bound: an unbiased estimate of the work with what the filter admits now, from the beginning (Knuth, Mathematics
 * of Computation 29, 1975; with representatives of groups: Chen, SIAM Journal on Computing 21, 1992). Estimates
 * scatter, the less the more are kept. False: interrupted. */
bool boxes_probe(const struct space *space, const struct boxes_filter *filter, const struct boxes_probing *probing,
                 struct boxes_work *work);

#endif
