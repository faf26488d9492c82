/* Which exact method fits? See placement_bounds.h; placement §7. */
#include "search/placement/placement_exact_private.h"
#include <math.h>

bool placement_exact(const struct placement_problem *problem, uint64_t max_work, struct arena *arena,
                     struct placement_answer *best, double *value, double *bound) {
  uint64_t work = max_work;
  struct placement_bounds known;
  struct error error = {0};
  const struct arena_mark mark = arena_get_mark(arena);
  const bool bounded = placement_bounds(problem, arena, &known, &error);
  arena_rewind(arena, mark);
  *bound = bounded ? known.best : 0;
  if (*value < INFINITY && *bound >= *value * (1 - placement_proof)) return true;
  if (placement_exact_labels_applies(problem)) return placement_exact_labels(problem, &work, arena, best, value, bound);
  if (placement_exact_ideals_applies(problem)) return placement_exact_ideals(problem, &work, arena, best, value, bound);
  if (placement_exact_mip_applies(problem)) return placement_exact_mip(problem, &work, arena, best, value, bound);
  return false;
}
