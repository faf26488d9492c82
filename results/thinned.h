/* Which of very many evaluated designs are shown, when all are too many?
 *
 * Every first, then every second, every fourth … of those that come: evenly spread over the run, a function of their
 * order alone. So the same designs are kept on any number of ranks and after any resume. */
#ifndef RESULTS_THINNED_H
#define RESULTS_THINNED_H

#include "base/arena.h"
#include "results/record.h"

struct thinned; /* lives in the arena given to thinned_new, where it takes room as it fills */

/* Keeps at most `capacity` ≥ 2 records, and at least half as many once so many have come. */
struct thinned *thinned_new(struct arena *arena, size_t capacity);
void thinned_add(struct thinned *thinned, const struct record *record);
size_t thinned_count(const struct thinned *thinned);
/* The i-th kept, in the order in which they came, i < count; valid until the next add. */
const struct record *thinned_at(const struct thinned *thinned, size_t i);

#endif
