/* See exclusions.h. */
#include "search/space/exclusions.h"

#include "base/error.h"
#include <string.h>

void exclusions_clear(struct exclusions *exclusions) {
  memset(exclusions, 0, sizeof *exclusions);
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) exclusions->nearest[r] = -1;
}

static void take_nearest(double *nearest, double excess) {
  if (excess >= 0 && (*nearest < 0 || excess < *nearest)) *nearest = excess;
}

void exclusions_count(struct exclusions *exclusions, const struct space *space, const struct point *point,
                      const struct score *screened) {
  double excess[SPACE_MAX_REASONS] = {0};
  REQUIRE(space->n_reasons <= SPACE_MAX_REASONS && screened->reason < space->n_reasons);
  if (space->excesses != NULL) space->excesses(space->context, point, screened, excess);
  unsigned broken = 0;
  size_t last = 0;
  for (size_t r = 1; r < space->n_reasons; r++) {
    const bool first = r == screened->reason; /* counts even where there is no measure of how much */
    if (!first && !(excess[r] > 0)) continue;
    broken++;
    last = r;
    exclusions->n[r]++;
    take_nearest(&exclusions->nearest[r], excess[r] > 0 ? excess[r] : screened->excess);
  }
  if (broken == 1) exclusions->alone[last]++;
}

void exclusions_merge(struct exclusions *exclusions, const struct exclusions *from) {
  for (size_t r = 0; r < SPACE_MAX_REASONS; r++) {
    exclusions->n[r] += from->n[r];
    exclusions->alone[r] += from->alone[r];
    take_nearest(&exclusions->nearest[r], from->nearest[r]);
  }
}
