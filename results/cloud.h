/* Which of many rows of numbers are beaten by no other, and what volume do they cover?
 *
 * For fronts that are read back from files, of thousands of designs at once: what pareto.h keeps while a run goes on,
 * without its points and scores, and quick where the whole cloud is known. All values are gains: more is better. */
#ifndef RESULTS_CLOUD_H
#define RESULTS_CLOUD_H

#include "base/arena.h"
#include <stddef.h>

enum { CLOUD_MAX_OBJECTIVES = 8 };

/* Of n rows of d gains (d = 1 … CLOUD_MAX_OBJECTIVES), those on the front: their numbers into which[n], best first by
 * the first gain, then the second …; of equal rows the one with the smallest number. Returns how many. */
size_t cloud_front(const double *gains, size_t n, size_t d, size_t *which, struct arena *scratch);
/* The volume that rows of gains over a reference cover together; rows with a gain ≤ 0 cover nothing. Exact up to
 * rounding. About n log n steps for up to 3 gains and n² for 4; the order of the rows does not matter. */
double cloud_volume(const double *gains, size_t n, size_t d, struct arena *scratch);

#endif
