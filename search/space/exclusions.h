/* What excludes the points of a space, and by how much? Counted over every limit that a point breaks, so that a user
 * sees what a relaxation would bring. */
#ifndef SEARCH_SPACE_EXCLUSIONS_H
#define SEARCH_SPACE_EXCLUSIONS_H

#include "search/space/space.h"

/* Words through and through: merged, sent and journaled as they are. */
struct exclusions {
  uint64_t n[SPACE_MAX_REASONS];     /* points that break this limit */
  uint64_t alone[SPACE_MAX_REASONS]; /* of them, those that break no other */
  double nearest[SPACE_MAX_REASONS]; /* least excess among them; −1: none */
};

void exclusions_clear(struct exclusions *exclusions);
/* A point that the space's screen has excluded with this score. */
void exclusions_count(struct exclusions *exclusions, const struct space *space, const struct point *point,
                      const struct score *screened);
/* Associative and commutative. */
void exclusions_merge(struct exclusions *exclusions, const struct exclusions *from);

#endif
