/* Which exact method fits? See placement_bounds.h; placement §7. */
#include "search/placement/placement_bounds_limit.h"
#include "search/placement/placement_exact_private.h"
#include <math.h>

static bool is_proven(double value, double bound) { return value < INFINITY && bound >= value * (1 - placement_proof); }

/* The best under `delay` bounds the others, and may be the best there, too. */
static void try_delay(const struct placement_problem *problem, uint64_t work, struct arena *arena,
                      struct placement_answer *best, double *value, double *bound) {
  struct placement_problem delay;
  const struct arena_mark mark = arena_get_mark(arena);
  if (placement_as_delay(problem, arena, &delay)) {
    struct placement_answer answer = placement_answer_new(problem, arena);
    double delay_s = INFINITY, delay_bound_s = 0;
    if (*value < INFINITY) {
      placement_answer_copy(problem, best, &answer);
      delay_s = placement_evaluate(&delay, &answer, arena, NULL);
    }
    placement_exact(&delay, work, arena, &answer, &delay_s, &delay_bound_s);
    *bound = fmax(*bound, delay_bound_s);
    if (delay_s < INFINITY) {
      placement_pin(problem, arena, &answer);
      const double value_s = placement_evaluate(problem, &answer, arena, NULL);
      if (value_s < *value) *value = value_s, placement_answer_copy(problem, &answer, best);
    }
  }
  arena_rewind(arena, mark);
}

bool placement_exact(const struct placement_problem *problem, uint64_t max_work, struct arena *arena,
                     struct placement_answer *best, double *value, double *bound) {
  uint64_t work = max_work;
  struct placement_bounds known;
  struct error error = {0};
  const struct arena_mark mark = arena_get_mark(arena);
  const bool bounded = placement_bounds(problem, arena, &known, &error);
  arena_rewind(arena, mark);
  *bound = bounded ? known.best : 0;
  if (is_proven(*value, *bound)) return true;
  *bound = placement_bound_by_limits(problem, *bound, *value, arena);
  if (is_proven(*value, *bound)) return true;
  if (placement_exact_labels_applies(problem)) return placement_exact_labels(problem, &work, arena, best, value, bound);
  if (placement_exact_ideals_applies(problem)) return placement_exact_ideals(problem, &work, arena, best, value, bound);
  if (placement_exact_mip_applies(problem)) return placement_exact_mip(problem, &work, arena, best, value, bound);
  try_delay(problem, work, arena, best, value, bound);
  return is_proven(*value, *bound);
}
