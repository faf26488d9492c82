/* Which designs are beaten by no other in every objective at once?
 *
 * The exact front: nothing is thinned or rounded. Of several designs with equal objectives the one whose point comes
 * first is kept. So the front is a function of the set of records that it has seen: adding in any order and merging in
 * any grouping give the same front, record by record. */
#ifndef RESULTS_PARETO_H
#define RESULTS_PARETO_H

#include "base/arena.h"
#include "results/record.h"

struct pareto; /* lives and grows in the arena given to pareto_new */

/* The front over `n_objectives` (1 … SCORE_MAX_OBJECTIVES) of the scores, the one first named counting first in its
 * order: number which[0], which[1], … (NULL: the first ones) of `objectives`, which must outlive it. */
struct pareto *pareto_new_of(struct arena *arena, const struct objective *objectives, const size_t *which,
                             size_t n_objectives);
struct pareto *pareto_new(struct arena *arena, const struct objective *objectives, size_t n_objectives);
/* True if the record is now on the front and was not before. Infeasible records never are. The same point must come
 * with the same score. */
bool pareto_add(struct pareto *front, const struct record *record);
/* Adds everything of `from`, which has the same objectives. */
void pareto_merge(struct pareto *front, const struct pareto *from);
void pareto_clear(struct pareto *front);
size_t pareto_count(const struct pareto *front);
/* Would no record with this point and objectives at most as good as these (all of a score) change the front? For
 * bounds: what cannot be better than `objectives` in any respect need not be evaluated. Quick where neighbours are
 * asked for one after the other: it tries first what covered the last. */
bool pareto_covers(struct pareto *front, const double *objectives, const struct point *point);
/* In order of the first objective, best first, then the second …; i < count; valid until the next add or merge. */
const struct record *pareto_at(const struct pareto *front, size_t i);
/* The volume, in the product of the objectives' units, of what the front dominates and what itself dominates
 * `reference` (a value per objective of the front, in their order); designs no better than the reference in some
 * objective add nothing. Exact up to rounding, and the same bytes for the same front. Meant for up to 5 objectives:
 * with n designs about n² log n steps for 3 and, at worst, n³ log n for 4. Scratch is used and rewound. */
double pareto_hypervolume(const struct pareto *front, const double *reference, struct arena *scratch);

#endif
