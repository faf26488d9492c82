/* Which are the k best designs by one metric?
 *
 * Totally ordered (record_compare: metric, then point), so the list is a function of the set of records that it has
 * seen: adding in any order and merging in any grouping give the same list. */
#ifndef RESULTS_TOPK_H
#define RESULTS_TOPK_H

#include "base/arena.h"
#include "results/record.h"

struct topk; /* lives in the arena given to topk_new */

/* Room for `capacity` ≥ 0 records; `metric` is objective number `metric_index` of their scores and must outlive the
 * list. */
struct topk *topk_new(struct arena *arena, const struct objective *metric, size_t metric_index, size_t capacity);
/* True if the record is now in the list and was not before. Infeasible records never are: what was found wrong with
 * them is counted elsewhere. The same point must come with the same score; it stays once. */
bool topk_add(struct topk *topk, const struct record *record);
/* Adds everything of `from`, which has the same metric. */
void topk_merge(struct topk *topk, const struct topk *from);
void topk_clear(struct topk *topk);
/* Could a record with this point and metric value enter the list? */
bool topk_admits(const struct topk *topk, double value, const struct point *point);
size_t topk_count(const struct topk *topk);
/* The i-th best, i < count; valid until the next add or merge. */
const struct record *topk_at(const struct topk *topk, size_t i);

#endif
