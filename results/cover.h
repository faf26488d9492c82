/* Is a row of numbers nowhere above one of those kept so far? For fronts of thousands of rows over many objectives. */
#ifndef RESULTS_COVER_H
#define RESULTS_COVER_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>

struct cover;

/* Over n rows of d ≥ 2 numbers each, all known from the start, none of them kept yet; row r begins at rows + r ·
 * stride. They are copied. */
struct cover *cover_new(const double *rows, size_t n, size_t d, size_t stride, struct arena *arena);
/* From now on row r counts. */
void cover_keep(struct cover *cover, size_t r);
/* Does some kept row reach at least as high as row r in all d numbers? */
bool cover_has(const struct cover *cover, size_t r);

#endif
